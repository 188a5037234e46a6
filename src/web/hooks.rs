//! Where GitHub delivers. A delivery is verified over its raw bytes, read as a hint, made durable, and only then answered.
//!
//! Bodies are bounded, and so is how many are read at once and how long each may take. What is not signed is refused
//! before a byte of it is understood.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Router, extract::Request};
use serde_json::json;
use tokio::sync::Semaphore;

use crate::flow::app::{Desk, NotTaken, Taken};
use crate::forge::github::app::App;
use crate::forge::github::event::{self, Delivery};
use crate::forge::github::signature::{HEADER, WebhookSecret};

/// Where GitHub delivers.
pub const PATH: &str = crate::decide::posture::DELIVERED_AT;
/// How many bytes a delivery may have: GitHub sends none above 25 MB.
pub const LARGEST: usize = 25 << 20;
/// How many bodies are read at once. Whoever comes then waits to be read.
const AT_ONCE: usize = 16;
/// How long a body may take to arrive. GitHub itself waits ten seconds for the answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many bytes a delivery's id or an event's name may have.
const NAME: usize = 200;

struct Hooks {
    desk: Arc<Desk<App>>,
    secret: WebhookSecret,
    room: Semaphore,
}

/// Where GitHub delivers to.
pub fn router(desk: Arc<Desk<App>>, secret: WebhookSecret) -> Router {
    let hooks = Hooks { desk, secret, room: Semaphore::new(AT_ONCE) };
    Router::new().route(PATH, post(deliver)).with_state(Arc::new(hooks))
}

/// Why a delivery is answered with something else than that it is taken.
struct No(StatusCode, String);

async fn deliver(State(hooks): State<Arc<Hooks>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let id = one(&parts.headers, "x-github-delivery").unwrap_or_default();
    let answer = hooks.take(&parts.headers, body).await;
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

impl Hooks {
    async fn take(&self, headers: &HeaderMap, body: Body) -> Result<(StatusCode, &'static str), No> {
        let signatures: Vec<&[u8]> = headers.get_all(HEADER).iter().map(axum::http::HeaderValue::as_bytes).collect();
        if signatures.len() != 1 || headers.contains_key(CONTENT_ENCODING) {
            let says = "the delivery is not signed as `X-Hub-Signature-256` has it, or was packed on its way";
            return Err(No(StatusCode::UNAUTHORIZED, says.to_owned()));
        }
        let bytes = self.read(body).await?;
        let verified = self.secret.verify(&signatures, &bytes);
        let verified = verified.map_err(|refused| No(StatusCode::UNAUTHORIZED, refused.to_string()))?;
        let bad = |says: &str| No(StatusCode::BAD_REQUEST, says.to_owned());
        let id = one(headers, "x-github-delivery").ok_or_else(|| bad("`X-GitHub-Delivery` is missing"))?;
        let name = one(headers, "x-github-event").ok_or_else(|| bad("`X-GitHub-Event` is missing"))?;
        let read = event::read(&name, verified, self.desk.hub().base());
        match read.map_err(|unreadable| bad(&unreadable.to_string()))? {
            Delivery::Ignored => Ok((StatusCode::ACCEPTED, "ignored")),
            Delivery::Hint(claimed) => match self.desk.deliver(&id, &bytes, claimed).await {
                Ok(Taken::Recorded) => Ok((StatusCode::ACCEPTED, "recorded")),
                Ok(Taken::Before) => Ok((StatusCode::ACCEPTED, "recorded_before")),
                Err(other @ NotTaken::Other) => Err(No(StatusCode::CONFLICT, other.to_string())),
                Err(NotTaken::Failed(failed)) => {
                    self.desk.say("delivery_unrecorded", &json!({ "delivery": id, "fault": failed.to_string() }));
                    Err(No(StatusCode::SERVICE_UNAVAILABLE, "the record takes nothing now; send it again".to_owned()))
                }
                Err(ends @ NotTaken::Ends) => Err(No(StatusCode::SERVICE_UNAVAILABLE, ends.to_string())),
            },
        }
    }

    async fn read(&self, body: Body) -> Result<Bytes, No> {
        let read = async {
            let _room = self.room.acquire().await;
            axum::body::to_bytes(body, LARGEST).await
        };
        match tokio::time::timeout(PATIENCE, read).await {
            Ok(Ok(bytes)) => Ok(bytes),
            Ok(Err(_)) => {
                let says = format!("the body did not arrive, or has over {LARGEST} bytes");
                Err(No(StatusCode::PAYLOAD_TOO_LARGE, says))
            }
            Err(_) => Err(No(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time".to_owned())),
        }
    }
}
