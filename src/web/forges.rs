//! An app that serves several forges answers at one address: which of its desks a request is for is said by its path, by the
//! issuer of the token that its job shows, or by the forge through which somebody is logged in ([`chosen`]).
//!
//! Nothing is believed of what is looked at here: the desk that it leads to verifies it, as if there were no other.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use percent_encoding::percent_decode_str;
use serde_json::Value;
use tokio::sync::Semaphore;

use super::health::Watched;
use super::pages::chosen::{self, Way};
use super::pages::{self, Origin};
use super::{api, health};
use crate::flow::visits::Register;
use crate::flow::{deployment, grant_report};

/// How many letters are read at once, and how long each may take to arrive, with the wait for its turn.
const AT_ONCE: usize = 16;
const PATIENCE: Duration = Duration::from_secs(10);
/// How many bytes of a token are looked at for its issuer.
const TOKEN: usize = 16 << 10;

/// What is served of one forge.
pub struct Side {
    /// What it is called in facts: `gitlab`.
    pub forge: &'static str,
    /// What people call it: `GitLab`.
    pub title: &'static str,
    /// Who issues the tokens of its jobs.
    pub issuer: String,
    /// Where it delivers.
    pub hooks: Router,
    /// Where its jobs come, and others tell of deployments.
    pub jobs: Router,
    /// Its pages, where people can log in through it.
    pub pages: Option<(Router, Origin)>,
    /// Its desk, as it is watched.
    pub watched: Watched,
}

/// Hands a request on.
pub(super) async fn passed(to: Router, request: Request) -> Response {
    let answer: Result<Response, Infallible> = TowerToHyperService::new(to).call(request).await;
    match answer {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// Everything that is served, of one forge or of several. `around` may put something around the pages.
pub fn router(sides: Vec<Side>, register: Register, around: impl FnOnce(Router) -> Router) -> Router {
    let (mut all, mut desks, mut told, mut ways) = (api::router(), Vec::new(), Vec::new(), Vec::new());
    let mut origin = None;
    for Side { forge, title, issuer, hooks, jobs, pages, watched } in sides {
        all = all.merge(hooks);
        desks.push(watched);
        told.push((forge, issuer, jobs));
        if let Some((pages, at)) = pages {
            ways.push(Way { forge, title, pages });
            origin = Some(at);
        }
    }
    let several = told.len() > 1;
    let pages = match (origin, ways.pop()) {
        (Some(origin), Some(last)) if !ways.is_empty() => {
            ways.push(last);
            chosen::router(ways, register, origin)
        }
        (_, Some(only)) => only.pages,
        (_, None) => pages::closed(),
    };
    let jobs = match told.pop() {
        Some((.., jobs)) if !several => jobs,
        last => {
            told.extend(last);
            jobs_of(told)
        }
    };
    all.merge(health::router(desks)).merge(jobs).merge(around(pages))
}

struct Several {
    /// Each forge with the issuer of its tokens.
    sides: Vec<(&'static str, String, Router)>,
    letters: Semaphore,
}

fn jobs_of(sides: Vec<(&'static str, String, Router)>) -> Router {
    Router::new()
        .route("/evidence", post(by_token))
        .route("/evidence/wanted", post(by_token))
        .route("/evidence/closed", post(by_token))
        .route("/decision", get(by_token))
        .route("/deployments", post(told))
        .route("/grants", post(told))
        .with_state(Arc::new(Several { sides, letters: Semaphore::new(AT_ONCE) }))
}

/// The issuer that a token names, whoever made it.
fn issuer(headers: &HeaderMap) -> Option<String> {
    let token = headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")?;
    let claims = Some(token).filter(|token| token.len() <= TOKEN)?.split('.').nth(1)?;
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
    claims.get("iss")?.as_str().map(str::to_owned)
}

impl Several {
    /// The desk that a token is shown to: where its issuer is none's, the first, which refuses it.
    fn by_token(&self, headers: &HeaderMap) -> Option<Router> {
        let issuer = issuer(headers);
        let its = |(_, known, _): &&(&'static str, String, Router)| issuer.as_deref() == Some(known.as_str());
        self.sides.iter().find(its).or_else(|| self.sides.first()).map(|(.., jobs)| jobs.clone())
    }

    /// Hands a letter to the desk of the forge that its address names. One on a deployment may name none: whose it is is said by what its
    /// sender may tell, which is of one forge for each name.
    async fn letter(&self, parts: Parts, body: Body) -> Response {
        let forge = named(parts.uri.query().unwrap_or_default());
        if let Some(forge) = forge {
            let Some((.., jobs)) = self.sides.iter().find(|(known, ..)| *known == forge) else {
                return no(StatusCode::BAD_REQUEST, &format!("this app serves {}, and not that forge", self.names()));
            };
            return passed(jobs.clone(), Request::from_parts(parts, body)).await;
        }
        if parts.uri.path() == "/grants" {
            let says =
                format!("this app serves {}: say whose grant it is, as with `/grants?forge=github`", self.names());
            return no(StatusCode::BAD_REQUEST, &says);
        }
        let read = async {
            let _room = self.letters.acquire().await;
            axum::body::to_bytes(body, deployment::LENGTH.max(grant_report::LENGTH)).await
        };
        let bytes = match tokio::time::timeout(PATIENCE, read).await {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(_)) => return no(StatusCode::PAYLOAD_TOO_LARGE, "the body did not arrive, or is too long"),
            Err(_) => return no(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time"),
        };
        let mut last = None;
        for (.., jobs) in &self.sides {
            let response = passed(jobs.clone(), Request::from_parts(parts.clone(), Body::from(bytes.clone()))).await;
            let other = matches!(response.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
            if !other {
                return response;
            }
            last = Some(response);
        }
        last.unwrap_or_else(|| no(StatusCode::SERVICE_UNAVAILABLE, "no forge is served"))
    }

    fn names(&self) -> String {
        self.sides.iter().map(|(forge, ..)| *forge).collect::<Vec<_>>().join(" and ")
    }
}

/// The forge that a query names.
fn named(query: &str) -> Option<String> {
    let value = query.split('&').find_map(|part| part.strip_prefix("forge="))?;
    percent_decode_str(value).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

fn no(status: StatusCode, says: &str) -> Response {
    (status, [(CONTENT_TYPE, "text/plain; charset=utf-8")], format!("{says}\n")).into_response()
}

async fn by_token(State(several): State<Arc<Several>>, request: Request) -> Response {
    match several.by_token(request.headers()) {
        Some(jobs) => passed(jobs, request).await,
        None => no(StatusCode::SERVICE_UNAVAILABLE, "no forge is served"),
    }
}

async fn told(State(several): State<Arc<Several>>, request: Request) -> Response {
    if request.headers().contains_key(AUTHORIZATION) {
        return by_token(State(several), request).await;
    }
    let (parts, body) = request.into_parts();
    several.letter(parts, body).await
}
