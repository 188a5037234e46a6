//! Where forges deliver. A delivery is verified over its raw bytes, read as a hint, made durable, and only then answered.
//!
//! What a forge shows of a delivery, and what it makes of an answer, is in a file of its own ([`github`], [`gitlab`]). Bodies are
//! bounded, and so is how much of them is read at once and how long each may take. What is not signed is refused before a byte of
//! it is understood.

pub mod github;
pub mod gitlab;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Router, extract::Request};
use chrono::{DateTime, Utc};
use serde_json::json;

use super::body::{NotRead, Room};
use crate::flow::app::{Desk, NotTaken, Taken};
use crate::forge::Hub;

/// How many bytes a delivery may have: no forge sends any above 25 MB.
pub const LARGEST: usize = 25 << 20;
/// How many of the largest fit in at once. Whoever comes then waits to be read.
const AT_ONCE: usize = 16;
/// How many bytes a delivery's id or an event's name may have.
const NAME: usize = 200;

/// A delivery that is the forge's.
#[derive(Debug)]
pub struct Arrived<C> {
    /// By which name it is known when it comes again.
    pub id: String,
    /// By which it is, where another one came by that name before; `None` where that is refused.
    pub other: Option<String>,
    /// What it claims.
    pub claimed: C,
}

/// What a forge shows of its deliveries.
pub trait Intake: Send + Sync + 'static {
    /// Whose they are.
    type Hub: Hub;
    /// Where they come to.
    const PATH: &'static str;

    /// Refuses what shows nothing by which it could be verified, and what shows something wrong, where that can be known before
    /// its bytes came.
    fn is_signed(&self, headers: &HeaderMap) -> Result<(), No>;

    /// What a delivery is called in the journal.
    fn name(&self, headers: &HeaderMap, bytes: &[u8]) -> String;

    /// Verifies a delivery and reads it; `None` where no decision hangs on it.
    fn read(
        &self,
        hub: &Self::Hub,
        headers: &HeaderMap,
        bytes: &[u8],
        now: DateTime<Utc>,
    ) -> Result<Option<Arrived<<Self::Hub as Hub>::Claimed>>, No>;
}

struct Hooks<I: Intake> {
    desk: Arc<Desk<I::Hub>>,
    intake: I,
    room: Room,
}

/// Where a forge delivers to.
pub fn router<I: Intake>(desk: Arc<Desk<I::Hub>>, intake: I) -> Router {
    let hooks = Hooks { desk, intake, room: Room::new(AT_ONCE * LARGEST) };
    Router::new().route(I::PATH, post(deliver::<I>)).with_state(Arc::new(hooks))
}

/// Why a delivery is answered with something else than that it is taken.
#[derive(Debug)]
pub struct No(StatusCode, String);

impl From<NotRead> for No {
    fn from(not: NotRead) -> Self {
        Self(not.status(), not.to_string())
    }
}

async fn deliver<I: Intake>(State(hooks): State<Arc<Hooks<I>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let (id, answer) = hooks.take(&parts.headers, body).await;
    let (status, says, outcome) = match answer {
        Ok((status, says)) => (status, says.to_owned(), says),
        Err(No(status, says)) => (status, says, "refused"),
    };
    hooks.desk.counts().delivery(outcome);
    let said = json!({ "delivery": id, "status": status.as_u16(), "says": says });
    hooks.desk.say("delivery_answered", &said);
    (status, [(CONTENT_TYPE, "text/plain; charset=utf-8")], format!("{says}\n")).into_response()
}

/// The one value of a header, where it is short and plain.
pub(super) fn one(headers: &HeaderMap, name: &str) -> Option<String> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    let plain = !value.is_empty() && value.len() <= NAME && value.bytes().all(|byte| byte.is_ascii_graphic());
    (plain && values.next().is_none()).then(|| value.to_owned())
}

impl<I: Intake> Hooks<I> {
    /// Takes a delivery. Says what it is called, too.
    async fn take(&self, headers: &HeaderMap, body: Body) -> (String, Result<(StatusCode, &'static str), No>) {
        if headers.contains_key(CONTENT_ENCODING) {
            let says = "the delivery was packed on its way, and nobody can say whether it is what was signed";
            return (self.intake.name(headers, b""), Err(No(StatusCode::UNAUTHORIZED, says.to_owned())));
        }
        if let Err(no) = self.intake.is_signed(headers) {
            return (self.intake.name(headers, b""), Err(no));
        }
        match self.room.read(body, LARGEST).await {
            Ok(read) => (self.intake.name(headers, &read.bytes), self.record(headers, &read.bytes).await),
            Err(not) => (self.intake.name(headers, b""), Err(not.into())),
        }
    }

    async fn record(&self, headers: &HeaderMap, bytes: &[u8]) -> Result<(StatusCode, &'static str), No> {
        let arrived = self.intake.read(self.desk.hub(), headers, bytes, Utc::now())?;
        let Some(Arrived { id, other, claimed }) = arrived else { return Ok((StatusCode::ACCEPTED, "ignored")) };
        let mut taken = self.desk.deliver(&id, bytes, claimed.clone()).await;
        if let (Err(NotTaken::Other), Some(other)) = (&taken, other) {
            taken = self.desk.deliver(&other, bytes, claimed).await;
        }
        match taken {
            Ok(Taken::Recorded) => Ok((StatusCode::ACCEPTED, "recorded")),
            Ok(Taken::Before) => Ok((StatusCode::ACCEPTED, "recorded_before")),
            Err(other @ NotTaken::Other) => Err(No(StatusCode::CONFLICT, other.to_string())),
            Err(NotTaken::Failed(failed)) => {
                self.desk.say("delivery_unrecorded", &json!({ "delivery": id, "fault": failed.to_string() }));
                Err(No(StatusCode::SERVICE_UNAVAILABLE, "the record takes nothing now; send it again".to_owned()))
            }
            Err(ends @ NotTaken::Ends) => Err(No(StatusCode::SERVICE_UNAVAILABLE, ends.to_string())),
        }
    }
}
