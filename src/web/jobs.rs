//! Where jobs of pipelines come: `POST /evidence/wanted` asks which files are wanted, `POST /evidence` brings them,
//! `GET /decision?environment=…` asks for the decision on the job's commit. Each request shows a token by which its job proves
//! itself, before a byte of its body is read.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::json;
use tokio::sync::Semaphore;

use crate::flow::app::Desk;
use crate::flow::app::submission::NotSubmitted;
use crate::flow::submission::{MANIFEST, Manifest, TOTAL, Taken};
use crate::forge::Hub;
use crate::forge::job::{Job, Unknown};

/// How many submissions are read at once, how many manifests, and how many decisions are made. Whoever comes then waits.
const AT_ONCE: (usize, usize, usize) = (2, 16, 4);
/// How many bytes the name of an environment may have.
const NAME: usize = 255;
/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_mins(2);

struct Desks<H: Hub> {
    desk: Arc<Desk<H>>,
    files: Semaphore,
    manifests: Semaphore,
    decisions: Semaphore,
}

/// Where jobs submit, and ask.
pub fn router<H: Hub>(desk: Arc<Desk<H>>) -> Router {
    let [files, manifests, decisions] = [AT_ONCE.0, AT_ONCE.1, AT_ONCE.2].map(Semaphore::new);
    let desks = Desks { desk, files, manifests, decisions };
    Router::new()
        .route("/evidence", post(brought::<H>))
        .route("/evidence/wanted", post(asked::<H>))
        .route("/decision", get(decision::<H>))
        .with_state(Arc::new(desks))
}

/// Why a request is refused.
struct No(StatusCode, String);

impl From<Unknown> for No {
    fn from(unknown: Unknown) -> Self {
        let status = match &unknown {
            Unknown::NotTaken => StatusCode::NOT_FOUND,
            Unknown::Refused(_) => StatusCode::UNAUTHORIZED,
            Unknown::OtherRepository => StatusCode::FORBIDDEN,
            Unknown::Fault(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self(status, unknown.to_string())
    }
}

impl From<NotSubmitted> for No {
    fn from(not: NotSubmitted) -> Self {
        let status = match &not {
            NotSubmitted::OtherRun { .. } => StatusCode::FORBIDDEN,
            NotSubmitted::Wrong(_) | NotSubmitted::Length { .. } => StatusCode::BAD_REQUEST,
            NotSubmitted::Altered(_) => StatusCode::UNPROCESSABLE_ENTITY,
            NotSubmitted::Much => StatusCode::PAYLOAD_TOO_LARGE,
            NotSubmitted::Failed(_) | NotSubmitted::Record(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self(status, not.to_string())
    }
}

async fn asked<H: Hub>(State(desks): State<Arc<Desks<H>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let taken = async {
        let job = desks.job(&parts.headers).await?;
        let _room = desks.manifests.acquire().await;
        let bytes = read(body, MANIFEST).await?;
        Ok(desks.desk.wanted(&job, &manifest(&bytes)?).await?)
    };
    let taken = taken.await;
    desks.answer(taken)
}

async fn brought<H: Hub>(State(desks): State<Arc<Desks<H>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let taken = async {
        let job = desks.job(&parts.headers).await?;
        let _room = desks.files.acquire().await;
        let bytes = read(body, MANIFEST + usize::try_from(TOTAL).unwrap_or(usize::MAX)).await?;
        let head = bytes.get(..bytes.len().min(MANIFEST)).unwrap_or_default();
        let end = memchr::memchr(b'\n', head).ok_or_else(|| bad("its first line is no manifest".to_owned()))?;
        let manifest = manifest(bytes.get(..end).unwrap_or_default())?;
        Ok(desks.desk.submit(&job, &manifest, bytes.get(end + 1..).unwrap_or_default()).await?)
    };
    let taken = taken.await;
    desks.answer(taken)
}

async fn decision<H: Hub>(State(desks): State<Arc<Desks<H>>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let answer = async {
        let job = desks.job(&parts.headers).await?;
        let environment = environment(parts.uri.query().unwrap_or_default())?;
        if let Some(own) = job.environment.as_ref().filter(|own| **own != environment) {
            let says = format!("the job is of the environment `{own}`, and asks for `{environment}`");
            return Err(No(StatusCode::FORBIDDEN, says));
        }
        let _room = desks.decisions.acquire().await;
        Ok(desks.desk.ask(&job, &environment).await)
    };
    match answer.await {
        Ok(answer) => json_of(&answer),
        Err(no) => desks.refused("decision_refused", no),
    }
}

/// The environment that a question names.
fn environment(query: &str) -> Result<String, No> {
    let named = query.strip_prefix("environment=").filter(|name| !name.contains('&'));
    let named = named.and_then(|name| percent_encoding::percent_decode_str(name).decode_utf8().ok());
    let named = named.filter(|name| (1..=NAME).contains(&name.len()) && !name.chars().any(char::is_control));
    named
        .map(std::borrow::Cow::into_owned)
        .ok_or_else(|| bad("name the environment: `?environment=production`".to_owned()))
}

/// What serialises always: numbers and plain text.
fn json_of(answer: &impl serde::Serialize) -> Response {
    let text = serde_json::to_string(answer).unwrap_or_default();
    (StatusCode::OK, [(CONTENT_TYPE, "application/json")], text).into_response()
}

fn bad(says: String) -> No {
    No(StatusCode::BAD_REQUEST, says)
}

fn manifest(bytes: &[u8]) -> Result<Manifest, No> {
    serde_json::from_slice(bytes).map_err(|error| bad(format!("the manifest cannot be read: {error}")))
}

async fn read(body: Body, most: usize) -> Result<Bytes, No> {
    match tokio::time::timeout(PATIENCE, axum::body::to_bytes(body, most)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => {
            Err(No(StatusCode::PAYLOAD_TOO_LARGE, format!("the body did not arrive, or has over {most} bytes")))
        }
        Err(_) => Err(No(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time".to_owned())),
    }
}

impl<H: Hub> Desks<H> {
    async fn job(&self, headers: &HeaderMap) -> Result<Job, No> {
        let unauthorized = |says: &str| No(StatusCode::UNAUTHORIZED, says.to_owned());
        let mut shown = headers.get_all(AUTHORIZATION).iter();
        let token = shown.next().and_then(|value| value.to_str().ok()).and_then(|value| value.strip_prefix("Bearer "));
        let token = token.filter(|_| shown.next().is_none());
        let token = token.ok_or_else(|| unauthorized("show the job's token as `Authorization: Bearer …`"))?;
        if headers.contains_key(CONTENT_ENCODING) {
            return Err(No(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body is packed; send it as it is".to_owned()));
        }
        Ok(self.desk.job(token).await?)
    }

    fn answer(&self, taken: Result<Taken, No>) -> Response {
        match taken {
            Ok(taken) => {
                self.desk.counts().submission("taken");
                json_of(&taken)
            }
            Err(no) => {
                self.desk.counts().submission("refused");
                self.refused("evidence_refused", no)
            }
        }
    }

    fn refused(&self, event: &str, No(status, says): No) -> Response {
        self.desk.say(event, &json!({ "status": status.as_u16(), "says": says }));
        // What is wrong with the record stands in the log, and is nobody's business out there.
        let unavailable = status == StatusCode::SERVICE_UNAVAILABLE;
        let says = if unavailable { "it is not taken now; try again".to_owned() } else { says };
        (status, [(CONTENT_TYPE, "text/plain; charset=utf-8")], format!("{says}\n")).into_response()
    }
}
