//! Somebody before a browser, as far as pages without scripts need one: it keeps cookies and sends forms as browsers do.

use std::collections::BTreeMap;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{CONTENT_TYPE, COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::{Client, RequestBuilder, Url};

use super::story::Differs;
use crate::transport::http;

/// How many bytes a page may have.
const PAGE: usize = 4 << 20;

/// What came back.
pub(super) struct Page {
    pub(super) status: u16,
    location: String,
    pub(super) text: String,
}

impl Page {
    /// The value of a hidden field.
    pub(super) fn field(&self, name: &str) -> Option<String> {
        let (_, rest) = self.text.split_once(&format!("name=\"{name}\" value=\""))?;
        rest.split_once('"').map(|(value, _)| value.to_owned())
    }

    /// A page as people read it: without its tags.
    pub(super) fn read(&self) -> String {
        let mut words = String::new();
        for part in self.text.split('<') {
            words.push_str(part.split_once('>').map_or(part, |(_, after)| after));
        }
        let plain = words.replace("&amp;", "&").replace("&quot;", "\"").replace("&#39;", "'").replace("&lt;", "<");
        plain.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// Somebody.
pub(super) struct Visitor {
    http: Client,
    /// Where the app is.
    app: String,
    login: String,
    cookies: BTreeMap<String, String>,
}

fn form(fields: &[(&str, &str)]) -> String {
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let pairs: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    pairs.join("&")
}

impl Visitor {
    /// Somebody logs in at the app, through the sandbox, by the way that every browser goes.
    pub(super) async fn login(app: &str, login: &str) -> Result<Self, Differs> {
        let http = http::client().map_err(|fault| Differs(fault.to_string()))?;
        let mut visitor = Self { http, app: app.to_owned(), login: login.to_owned(), cookies: BTreeMap::new() };
        let sent = visitor.get("/login?to=/").await?;
        let no = |what: &str, page: &Page| Differs(format!("{login} cannot log in: {what} answers {}", page.status));
        let url = Url::parse(&sent.location).map_err(|_| no("the app", &sent))?;
        let mut fields: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        fields.push(("person".to_owned(), login.to_owned()));
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let (forge, _) = sent.location.split_once('?').unwrap_or_default();
        let allowed =
            visitor.http.post(forge).header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form(&fields));
        let allowed = visitor.send(allowed).await?;
        let back = allowed.location.strip_prefix(app).ok_or_else(|| no("the sandbox", &allowed))?.to_owned();
        let came = visitor.get(&back).await?;
        if came.status == 303 { Ok(visitor) } else { Err(no("the way back", &came)) }
    }

    async fn send(&mut self, request: RequestBuilder) -> Result<Page, Differs> {
        let unreached = |error: http::Fault| Differs(format!("{} gets no answer: {error}", self.login));
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let response =
            request.header(COOKIE, cookies.join("; ")).send().await.map_err(|error| unreached(error.into()))?;
        let headers = response.headers().clone();
        let status = response.status().as_u16();
        let text = http::text(response, PAGE).await.map_err(unreached)?;
        for cookie in headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok()) {
            if let Some((name, rest)) = cookie.split_once('=') {
                let value = rest.split(';').next().unwrap_or_default();
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let location = headers.get(LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        Ok(Page { status, location, text })
    }

    /// Opens a page of the app.
    pub(super) async fn get(&mut self, path: &str) -> Result<Page, Differs> {
        let request = self.http.get(format!("{}{path}", self.app));
        self.send(request).await
    }

    /// Does something with the form of a release's page, and comes to the page that says what became of it.
    pub(super) async fn acts(&mut self, release: &str, more: &[(&str, &str)]) -> Result<Page, Differs> {
        let page = self.get(release).await?;
        let mut fields: Vec<(String, String)> = Vec::new();
        for name in ["repository", "release", "environment", "shown", "token"] {
            // A page that offers nothing has the token alone, and whoever sends a form all the same names the rest himself.
            if let Some(value) = page.field(name) {
                fields.push((name.to_owned(), value));
            }
        }
        let more = more.iter().filter(|(name, _)| !fields.iter().any(|(known, _)| known == name));
        let mut all: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        all.extend(more);
        let request = self.http.post(format!("{}/act", self.app)).header(ORIGIN, &self.app);
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form(&all));
        let sent = self.send(request).await?;
        match sent.status {
            303 => self.get(&sent.location.clone()).await,
            _ => Ok(sent),
        }
    }
}
