//! Apps are made by GitHub's manifest flow: a form takes a manifest there, GitHub sends the browser back with a code, and
//! that is traded within an hour for the App's number and secrets, which GitHub shows once.
//!
//! The manifest asks for what [`needs`](super::needs) lists, and nothing else.

use reqwest::header::ACCEPT;
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{Base, Fault, Secret};
use super::needs::{EVENTS, PERMISSIONS};
use crate::forge::registration::{self, Errand, Places, Proposal, Registrar};
use crate::report::neutral;
use crate::transport::http;

/// How many bytes the answer to a code may have.
const ANSWER: usize = 64 << 10;
/// How many bytes of GitHub's own words are told.
const WORDS: usize = 200;
/// How many characters the name of an App may have.
const NAME: usize = 34;
/// How many characters an organisation's login may have.
const LOGIN: usize = 39;
/// The files that keep what GitHub shows once, as [`Made::kept`](registration::Made::kept) names them.
pub const FILES: [&str; 5] = ["app-key.pem", "webhook-secret", "client-id", "client-secret", "app-id"];

/// A GitHub at which Apps are made.
#[derive(Debug)]
pub struct Github {
    base: Base,
    http: reqwest::Client,
}

#[derive(Deserialize)]
struct Converted {
    id: u64,
    name: String,
    html_url: String,
    client_id: String,
    client_secret: String,
    webhook_secret: Option<String>,
    pem: String,
}

/// An App that was made.
#[derive(Debug)]
pub struct Made {
    id: String,
    name: String,
    page: String,
    client_id: String,
    client_secret: Secret,
    webhook_secret: Secret,
    key: Secret,
}

impl registration::Made for Made {
    fn name(&self) -> &str {
        &self.name
    }

    fn page(&self) -> &str {
        &self.page
    }

    fn kept(&self) -> [(&'static str, &str); 5] {
        let [key, webhook_secret, client_id, client_secret, id] = FILES;
        [
            (key, self.key.reveal()),
            (webhook_secret, self.webhook_secret.reveal()),
            (client_id, &self.client_id),
            (client_secret, self.client_secret.reveal()),
            (id, &self.id),
        ]
    }
}

impl Github {
    /// Such a GitHub.
    pub fn new(base: Base) -> Result<Self, Fault> {
        let builder = http::builder().map_err(|fault| Fault::Setup(fault.to_string()))?;
        // What is not encrypted stays on this machine: a proxy would have the secrets.
        let builder = if base.is_encrypted() { builder } else { builder.no_proxy() };
        let http = builder.build().map_err(|error| Fault::Setup(error.without_url().to_string()))?;
        Ok(Self { base, http })
    }
}

/// What the App is to be, as GitHub reads it.
fn manifest(proposal: &Proposal, places: &Places) -> Value {
    let at = |path: &str| format!("{}{path}", proposal.address);
    let host = proposal.address.split_once("://").map_or("", |(_, host)| host);
    let whose = proposal.organisation.as_deref().unwrap_or(host);
    let permissions: serde_json::Map<String, Value> =
        PERMISSIONS.into_iter().map(|(name, access)| (name.to_owned(), access.word().into())).collect();
    json!({
        // Every App of a GitHub has a name of its own; it can be changed there before it is made.
        "name": format!("Countersign {whose}").chars().take(NAME).collect::<String>().trim_end(),
        "description": "Release approval as code: holds deployments until the policy lets them go.",
        "url": proposal.address,
        "hook_attributes": {"url": at(places.hook), "active": true},
        "redirect_url": at(places.back),
        "callback_urls": [at(places.login)],
        "public": false,
        "default_permissions": permissions,
        "default_events": EVENTS,
    })
}

impl Registrar for Github {
    type Fault = Fault;
    type Made = Made;

    fn origin(&self) -> String {
        self.base.page("").map_or_else(String::new, |page| page.origin().ascii_serialization())
    }

    fn errand(&self, proposal: &Proposal, places: &Places, state: &str) -> Result<Errand, Fault> {
        let path = match &proposal.organisation {
            None => "/settings/apps/new".to_owned(),
            Some(login) => {
                let plain = login.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
                if !plain || login.is_empty() || login.len() > LOGIN {
                    return Err(Fault::Setup(format!(
                        "`{login}` is no organisation's name; it is what stands behind the host in its address"
                    )));
                }
                format!("/organizations/{login}/settings/apps/new")
            }
        };
        let mut url =
            self.base.page(&path).ok_or_else(|| Fault::Setup(format!("`{path}` is no page of this GitHub")))?;
        url.query_pairs_mut().append_pair("state", state);
        Ok(Errand { address: url.into(), field: ("manifest", manifest(proposal, places).to_string()) })
    }

    async fn redeem(&self, code: &str) -> Result<Made, Fault> {
        let what = "the code of an App that was made".to_owned();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if code.is_empty() || code.len() > WORDS || !code.bytes().all(plain) {
            return Err(Fault::Refused { what, status: 400, says: "it is no code".to_owned() });
        }
        let path = format!("/app-manifests/{code}/conversions");
        let url = self.base.rest(&path).ok_or_else(|| Fault::Setup("the code makes no path".to_owned()))?;
        let unreached = |error: http::Fault| Fault::Network { what: what.clone(), says: error.to_string() };
        let request = self.http.post(url).header(ACCEPT, "application/vnd.github+json");
        let response = request.send().await.map_err(|error| unreached(error.into()))?;
        let status = response.status().as_u16();
        let text = http::text(response, ANSWER).await.map_err(unreached)?;
        let unreadable = |says: String| Fault::Unreadable { what: what.clone(), says: neutral::line(&says, WORDS) };
        match status {
            // What GitHub answers holds secrets: of a form that is not understood only the place is told.
            200..=299 => {
                let made: Converted = serde_json::from_str(&text)
                    .map_err(|error| unreadable(format!("line {}, column {}", error.line(), error.column())))?;
                let webhook_secret =
                    made.webhook_secret.ok_or_else(|| unreadable("it has no secret for the webhook".to_owned()))?;
                Ok(Made {
                    id: made.id.to_string(),
                    name: made.name,
                    page: made.html_url,
                    client_id: made.client_id,
                    client_secret: Secret::new(&made.client_secret),
                    webhook_secret: Secret::new(&webhook_secret),
                    key: Secret::new(&made.pem),
                })
            }
            404 => Err(Fault::NotFound { what }),
            500..=599 => Err(Fault::Server { what, status, tries: 1 }),
            status => Err(Fault::Refused { what, status, says: neutral::line(&text, WORDS) }),
        }
    }
}
