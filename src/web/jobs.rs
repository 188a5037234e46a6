//! Where jobs of pipelines come: `POST /evidence/wanted` asks which files are wanted, `POST /evidence` brings them, `POST
//! /evidence/closed` says that all of them are there, `GET /decision?environment=…&commit=…` asks for the decision on the job's commit.
//! Each request shows a token by which its job proves itself, before a byte of its body is read. What is begun with a body that
//! has arrived is ended, whether somebody still waits for the answer or not.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::flow::app::Desk;
use crate::flow::app::submission::NotSubmitted;
use crate::flow::submission::{MANIFEST, Manifest, TOTAL, Taken, WHOLE};
use crate::forge::Hub;
use crate::forge::job::{Job, Unknown};

/// How many submissions are read at once, how many manifests, and how many decisions are made. Whoever comes then waits.
const AT_ONCE: usize = 4;
/// How many of these of one repository, so that nobody has all the room by being slow.
const OF_ONE: usize = 2;
/// How many bytes the name of an environment, or of a commit, may have.
const NAME: usize = 255;
/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_mins(2);

struct Desks<H: Hub> {
    desk: Arc<Desk<H>>,
    files: Rooms,
    manifests: Rooms,
    decisions: Rooms,
}

/// Rooms for requests of one kind.
struct Rooms {
    all: Arc<Semaphore>,
    each: Mutex<BTreeMap<String, Arc<Semaphore>>>,
}

/// A room, for as long as it is held.
type Room = [OwnedSemaphorePermit; 2];

impl Default for Rooms {
    fn default() -> Self {
        Self { all: Arc::new(Semaphore::new(AT_ONCE)), each: Mutex::default() }
    }
}

impl Rooms {
    /// Waits until there is room for one more of a job's repository.
    async fn enter(&self, job: &Job) -> Result<Room, No> {
        let own = {
            let mut each = self.each.lock().unwrap_or_else(PoisonError::into_inner);
            // Where nobody is or waits, nothing is remembered.
            each.retain(|_, rooms| Arc::strong_count(rooms) > 1);
            each.entry(job.repository.to_lowercase()).or_insert_with(|| Arc::new(Semaphore::new(OF_ONE))).clone()
        };
        let ends = |_| No(StatusCode::SERVICE_UNAVAILABLE, "the app ends".to_owned());
        let own = own.acquire_owned().await.map_err(ends)?;
        Ok([own, self.all.clone().acquire_owned().await.map_err(ends)?])
    }
}

/// Where jobs submit, and ask.
pub fn router<H: Hub>(desk: Arc<Desk<H>>) -> Router {
    let [files, manifests, decisions] = [(); 3].map(|()| Rooms::default());
    let desks = Desks { desk, files, manifests, decisions };
    Router::new()
        .route("/evidence", post(brought::<H>))
        .route("/evidence/wanted", post(asked::<H>))
        .route("/evidence/closed", post(closed::<H>))
        .route("/decision", get(decision::<H>))
        .with_state(Arc::new(desks))
}

/// Why a request is refused.
pub(super) struct No(pub(super) StatusCode, pub(super) String);

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
            NotSubmitted::Lacks(_) => StatusCode::CONFLICT,
            NotSubmitted::Much | NotSubmitted::MuchClosed => StatusCode::PAYLOAD_TOO_LARGE,
            NotSubmitted::Failed(_) | NotSubmitted::Record(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self(status, not.to_string())
    }
}

async fn asked<H: Hub>(State(desks): State<Arc<Desks<H>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let taken = async {
        let job = desks.job(&parts.headers).await?;
        let room = desks.manifests.enter(&job).await?;
        let manifest = manifest(&read(body, MANIFEST).await?)?;
        let desk = desks.desk.clone();
        ended(room, async move { desk.wanted(&job, &manifest).await }).await
    };
    let taken = taken.await;
    desks.answer(taken)
}

async fn closed<H: Hub>(State(desks): State<Arc<Desks<H>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let taken = async {
        let job = desks.job(&parts.headers).await?;
        let room = desks.manifests.enter(&job).await?;
        let manifest = manifest(&read(body, WHOLE).await?)?;
        let desk = desks.desk.clone();
        ended(room, async move { desk.close(&job, manifest).await }).await
    };
    let taken = taken.await;
    desks.answer(taken)
}

async fn brought<H: Hub>(State(desks): State<Arc<Desks<H>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let taken = async {
        let job = desks.job(&parts.headers).await?;
        let room = desks.files.enter(&job).await?;
        let bytes = read(body, MANIFEST + usize::try_from(TOTAL).unwrap_or(usize::MAX)).await?;
        let head = bytes.get(..bytes.len().min(MANIFEST)).unwrap_or_default();
        let end = memchr::memchr(b'\n', head).ok_or_else(|| bad("its first line is no manifest".to_owned()))?;
        let manifest = manifest(bytes.get(..end).unwrap_or_default())?;
        let desk = desks.desk.clone();
        let work = async move { desk.submit(&job, &manifest, bytes.get(end + 1..).unwrap_or_default()).await };
        ended(room, work).await
    };
    let taken = taken.await;
    desks.answer(taken)
}

/// Does work to its end, in a room of its own: somebody who hangs up does not leave it half done.
async fn ended<T: Send + 'static>(
    room: Room,
    work: impl Future<Output = Result<T, NotSubmitted>> + Send + 'static,
) -> Result<T, No> {
    let work = tokio::spawn(async move {
        let _room = room;
        work.await
    });
    let broken = |_| No(StatusCode::SERVICE_UNAVAILABLE, "it was not ended; please report it".to_owned());
    Ok(work.await.map_err(broken)??)
}

async fn decision<H: Hub>(State(desks): State<Arc<Desks<H>>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let answer = async {
        let job = desks.job(&parts.headers).await?;
        let (environment, commit) = asked_for(parts.uri.query().unwrap_or_default())?;
        if let Some(own) = job.environment.as_ref().filter(|own| **own != environment) {
            let says = format!("the job is of the environment `{own}`, and asks for `{environment}`");
            return Err(No(StatusCode::FORBIDDEN, says));
        }
        if let Some(commit) = commit.filter(|commit| !commit.eq_ignore_ascii_case(&job.commit)) {
            let says =
                format!("the job's run is of commit {}, and asks for `{commit}`; ask in a run of that", job.commit);
            return Err(No(StatusCode::FORBIDDEN, says));
        }
        let room = desks.decisions.enter(&job).await?;
        let desk = desks.desk.clone();
        ended(room, async move { Ok(desk.ask(&job, &environment).await) }).await
    };
    match answer.await {
        Ok(Ok(answer)) => json_of(&answer),
        Ok(Err(often)) => desks.refused("decision_refused", No(StatusCode::TOO_MANY_REQUESTS, often.to_string())),
        Err(no) => desks.refused("decision_refused", no),
    }
}

/// The environment and the commit that a question names.
fn asked_for(query: &str) -> Result<(String, Option<String>), No> {
    let (mut environment, mut commit) = (None, None);
    for part in query.split('&') {
        let into = match part.split_once('=') {
            Some(("environment", value)) if environment.is_none() => Some((&mut environment, value)),
            Some(("commit", value)) if commit.is_none() => Some((&mut commit, value)),
            _ => None,
        };
        let value = into.as_ref().and_then(|(_, value)| percent_encoding::percent_decode_str(value).decode_utf8().ok());
        let value = value.filter(|name| (1..=NAME).contains(&name.len()) && !name.chars().any(char::is_control));
        let (Some((into, _)), Some(value)) = (into, value) else { return Err(unnamed()) };
        *into = Some(value.into_owned());
    }
    environment.map(|environment| (environment, commit)).ok_or_else(unnamed)
}

fn unnamed() -> No {
    bad("name the environment, and the commit where you expect one: `?environment=production&commit=…`".to_owned())
}

/// What serialises always: numbers and plain text.
pub(super) fn json_of(answer: &impl serde::Serialize) -> Response {
    let text = serde_json::to_string(answer).unwrap_or_default();
    (StatusCode::OK, [(CONTENT_TYPE, "application/json")], text).into_response()
}

pub(super) fn bad(says: String) -> No {
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
        let token = bearer(headers)?;
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

    fn refused(&self, event: &str, no: No) -> Response {
        refusal(&self.desk, event, no)
    }
}

/// The token that a job shows.
pub(super) fn bearer(headers: &HeaderMap) -> Result<&str, No> {
    let mut shown = headers.get_all(AUTHORIZATION).iter();
    let token = shown.next().and_then(|value| value.to_str().ok()).and_then(|value| value.strip_prefix("Bearer "));
    let token = token.filter(|_| shown.next().is_none());
    let says = "show the job's token as `Authorization: Bearer …`";
    token.ok_or_else(|| No(StatusCode::UNAUTHORIZED, says.to_owned()))
}

/// What somebody is told who is refused, after the journal was.
pub(super) fn refusal<H: Hub>(desk: &Desk<H>, event: &str, No(status, says): No) -> Response {
    desk.say(event, &json!({ "status": status.as_u16(), "says": says }));
    // What is wrong with the record stands in the log, and is nobody's business out there.
    let unavailable = status == StatusCode::SERVICE_UNAVAILABLE;
    let says = if unavailable { "it is not taken now; try again".to_owned() } else { says };
    let mut response = (status, [(CONTENT_TYPE, "text/plain; charset=utf-8")], format!("{says}\n")).into_response();
    if status == StatusCode::TOO_MANY_REQUESTS {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("30"));
    }
    response
}
