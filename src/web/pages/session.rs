//! The way in and out: the forge says who somebody is, a cookie says that it did.
//!
//! The cookie of a login holds what only this browser and we know until it comes back; that of a session is its key. Both
//! are for this host alone and no script reads them. Whoever comes in gets a key that nobody had before.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{COOKIE, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::Response;
use maud::html;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::json;

use super::frame::{guarded, plainly};
use super::{Origin, Pages, Shared, parameters};
use crate::flow::visits::{Here, LIFE, Out, PATIENCE, same};
use crate::forge::{Doorway, Hub};
use crate::web::hooks::one;

/// Where the forge sends browsers back to.
pub const BACK: &str = "/login/back";
/// How many bytes the way back to a page may have.
const WAY: usize = 1_000;
/// How many bytes a code may have.
const CODE: usize = 512;
/// How many bytes a form may have, and how long it may take to arrive.
const FORM: (usize, Duration) = (16 << 10, Duration::from_secs(10));

/// The cookies' names. With the prefix a browser takes them only encrypted, for this very host, and from nobody else.
fn session_cookie(origin: &Origin) -> &'static str {
    if origin.is_secure { "__Host-countersign" } else { "countersign" }
}

fn login_cookie(origin: &Origin) -> &'static str {
    if origin.is_secure { "__Host-countersign-login" } else { "countersign-login" }
}

/// A cookie as it is set; an empty one is taken away.
pub(super) fn cookie(origin: &Origin, name: &str, value: &str, life: Duration) -> Option<HeaderValue> {
    let life = if value.is_empty() { 0 } else { life.as_secs() };
    let secure = if origin.is_secure { "; Secure" } else { "" };
    HeaderValue::from_str(&format!("{name}={value}; Path=/; Max-Age={life}; HttpOnly; SameSite=Lax{secure}")).ok()
}

/// The value of a cookie that came once.
pub(super) fn came(headers: &HeaderMap, name: &str) -> Option<String> {
    let texts = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut values = texts.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let value = values.find(|(key, _)| *key == name)?.1.to_owned();
    values.all(|(key, _)| key != name).then_some(value).filter(|value| !value.is_empty())
}

/// The key of the session that a request comes with.
#[must_use]
pub fn key(headers: &HeaderMap, origin: &Origin) -> Option<String> {
    came(headers, session_cookie(origin))
}

/// Where somebody logs in who then comes back to a page.
#[must_use]
pub fn login_link(uri: &Uri) -> String {
    login_to(uri.path_and_query().map_or("/", |it| it.as_str()))
}

/// The same of a page's path and query.
pub(super) fn login_to(to: &str) -> String {
    format!("/login?to={}", utf8_percent_encode(way(to), NON_ALPHANUMERIC))
}

/// The page of ours from which a form was sent, as the browser says.
fn came_from(headers: &HeaderMap, origin: &Origin) -> Uri {
    let from = one(headers, "referer");
    let path = from.as_deref().and_then(|from| from.strip_prefix(origin.address.as_str()));
    path.and_then(|path| way(path).parse().ok()).unwrap_or(Uri::from_static("/"))
}

/// A way back that is one: to a page of ours, and nowhere else.
#[must_use]
pub fn way(to: &str) -> &str {
    let ours = to == "/" || to.starts_with("/?") || to.starts_with("/release?") || to == super::given_up::PATH;
    let ours = ours || to == super::reports::PATH || to.starts_with("/reports?") || to.starts_with("/survey?");
    let plain = to.len() <= WAY && to.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if ours && plain { to } else { "/" }
}

pub(super) fn sent_to(address: &str, cookies: impl IntoIterator<Item = Option<HeaderValue>>) -> Response {
    let mut response = guarded((StatusCode::SEE_OTHER, Body::empty()), "text/plain; charset=utf-8");
    let location = HeaderValue::from_str(address).unwrap_or(HeaderValue::from_static("/"));
    response.headers_mut().insert(LOCATION, location);
    for cookie in cookies.into_iter().flatten() {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// Sends somebody to the forge.
pub async fn login<H: Hub, D: Doorway>(State(pages): Shared<H, D>, request: Request) -> Response {
    let asked = parameters(request.uri().query().unwrap_or_default()).unwrap_or_default();
    let to = way(asked.get("to").map_or("/", String::as_str));
    match pages.visits.begin() {
        Ok(begun) => {
            let kept = format!("{}.{}.{}", begun.state, begun.verifier, utf8_percent_encode(to, NON_ALPHANUMERIC));
            let origin = &pages.origin;
            sent_to(&begun.address, [cookie(origin, login_cookie(origin), &kept, PATIENCE)])
        }
        Err(out) => pages.shut(&out, &login_to(to)),
    }
}

/// What a browser kept while its person was at the forge.
struct Kept {
    state: String,
    verifier: String,
    to: String,
}

fn kept(headers: &HeaderMap, origin: &Origin) -> Option<Kept> {
    let value = came(headers, login_cookie(origin))?;
    let mut parts = value.splitn(3, '.').map(str::to_owned);
    let (state, verifier, to) = (parts.next()?, parts.next()?, parts.next()?);
    let to = percent_decode_str(&to).decode_utf8().ok()?;
    Some(Kept { state, verifier, to: way(&to).to_owned() })
}

/// Somebody comes back from the forge.
pub async fn back<H: Hub, D: Doorway>(State(pages): Shared<H, D>, request: Request) -> Response {
    let origin = &pages.origin;
    // A login is good for one try.
    let over = cookie(origin, login_cookie(origin), "", PATIENCE);
    let asked = parameters(request.uri().query().unwrap_or_default()).unwrap_or_default();
    let mut response = match entered(&pages, request.headers(), &asked).await {
        Ok(response) => response,
        Err((why, page)) => {
            pages.desk.say("login_refused", &json!({ "why": why }));
            page
        }
    };
    if let Some(over) = over {
        response.headers_mut().append(SET_COOKIE, over);
    }
    response
}

async fn entered<H: Hub, D: Doorway>(
    pages: &Arc<Pages<H, D>>,
    headers: &HeaderMap,
    asked: &BTreeMap<String, String>,
) -> Result<Response, (String, Response)> {
    let text = |name: &str| asked.get(name).map_or("", String::as_str);
    let kept = kept(headers, &pages.origin);
    // Whoever begins anew comes back to where he wanted to go all the same.
    let login = login_to(kept.as_ref().map_or("/", |kept| kept.to.as_str()));
    let again = html! { p { a class="action" href=(login) { "Log in through the forge" } } };
    let kept = kept.filter(|kept| same(&kept.state, text("state")));
    let Some(kept) = kept else {
        let says =
            "This login was not begun in this browser, was used before, or took longer than ten minutes. Begin again.";
        let page = plainly(StatusCode::BAD_REQUEST, "That login does not count", None, says, &again);
        return Err(("it was not begun here".to_owned(), page));
    };
    let code = text("code");
    if code.is_empty() || code.len() > CODE || !code.bytes().all(|byte| byte.is_ascii_graphic()) {
        let says = "The forge let nobody in. If you did not mean that, begin again.";
        let page = plainly(StatusCode::FORBIDDEN, "You are not logged in", None, says, &again);
        return Err(("the forge gave no code".to_owned(), page));
    }
    match pages.visits.enter(code, &kept.verifier).await {
        Ok((key, visitor)) => {
            let origin = &pages.origin;
            if let Some(before) = self::key(headers, origin) {
                pages.visits.leave(&before).await;
            }
            let fields = json!({ "account": visitor.account.as_str(), "repositories": visitor.repositories.len() });
            pages.desk.say("logged_in", &fields);
            Ok(sent_to(&kept.to, [cookie(origin, session_cookie(origin), &key, LIFE)]))
        }
        Err(Out::Gone(why)) => {
            let says = "The forge does not take this login. Begin again.";
            Err((why, plainly(StatusCode::FORBIDDEN, "You are not logged in", None, says, &again)))
        }
        Err(out) => Err((out.to_string(), pages.shut(&out, &login))),
    }
}

/// Whether a form was sent from a page of ours, as the browser itself says.
fn is_ours(headers: &HeaderMap, origin: &Origin) -> bool {
    match (headers.contains_key("origin"), one(headers, "origin")) {
        (true, stated) => stated.as_deref() == Some(origin.address.as_str()),
        (false, _) => one(headers, "sec-fetch-site").as_deref() == Some("same-origin"),
    }
}

/// What somebody is here for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Visit {
    /// To look, or to leave.
    Looks,
    /// To do something: whether he still may is asked of the forge anew.
    Acts,
}

/// The fields of a form that a page of ours sent for somebody who is here, with his session's key; else the page that he
/// gets instead.
pub async fn form<H: Hub, D: Doorway>(
    pages: &Arc<Pages<H, D>>,
    request: Request,
    visit: Visit,
) -> Result<(String, Here, BTreeMap<String, String>), Response> {
    let (parts, body) = request.into_parts();
    // Whoever is not logged in any more comes back to the page with the form.
    let here = pages.here(&parts.headers, &came_from(&parts.headers, &pages.origin), visit).await?;
    let no = |says: &str| {
        let back = html! { p { a class="action" href="/" { "All releases" } } };
        plainly(StatusCode::FORBIDDEN, "Nothing was done", Some(&here), says, &back)
    };
    if !is_ours(&parts.headers, &pages.origin) {
        return Err(no("The form was not sent from a page of this app. Open the page here, and send it again."));
    }
    let read = tokio::time::timeout(FORM.1, axum::body::to_bytes(body, FORM.0)).await;
    let fields = read.ok().and_then(Result::ok).and_then(|bytes| parameters(std::str::from_utf8(&bytes).ok()?));
    let Some(fields) = fields else {
        return Err(no("The form cannot be read. Open the page again, and send it again."));
    };
    if !fields.get("token").is_some_and(|token| same(token, &here.token)) {
        return Err(no("The form is of another login. Open the page again, and send it again."));
    }
    let key = key(&parts.headers, &pages.origin).unwrap_or_default();
    Ok((key, here, fields))
}

/// Lets somebody go.
pub async fn logout<H: Hub, D: Doorway>(State(pages): Shared<H, D>, request: Request) -> Response {
    let (key, _, _) = match form(&pages, request, Visit::Looks).await {
        Ok(form) => form,
        Err(response) => return response,
    };
    pages.visits.leave(&key).await;
    pages.desk.say("logged_out", &json!({}));
    let origin = &pages.origin;
    sent_to("/", [cookie(origin, session_cookie(origin), "", LIFE)])
}
