//! Where those come who deploy and are no deployment of the forge's: `POST /deployments` says how far a deployment is,
//! `POST /grants` which break-glass grant was used while the app could not be reached. Whoever
//! shows a token is a job and sends JSON; whoever shows none sends a letter that he signed (text), and is known by his key.
//! Nothing of it is believed before that is checked, and nobody is asked anything meanwhile.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_ENCODING};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::post;

use super::body::{NotRead, Room};
use super::jobs::{No, bad, bearer, json_of, refusal};
use crate::flow::app::Desk;
use crate::flow::app::outside::{NotTold, Teller};
use crate::flow::{deployment, grant_report};
use crate::forge::Hub;

/// How many of the longest bodies of jobs fit in at once, and how many letters. Whoever comes then waits to be read.
const AT_ONCE: usize = 16;

struct Outside<H: Hub> {
    desk: Arc<Desk<H>>,
    jobs: Room,
    letters: Room,
}

/// Where others tell.
pub fn router<H: Hub>(desk: Arc<Desk<H>>) -> Router {
    let [jobs, letters] = [(); 2].map(|()| Room::new(AT_ONCE * grant_report::LENGTH));
    let outside = Outside { desk, jobs, letters };
    Router::new()
        .route("/deployments", post(deployed::<H>))
        .route("/grants", post(granted::<H>))
        .with_state(Arc::new(outside))
}

impl From<NotRead> for No {
    fn from(not: NotRead) -> Self {
        Self(not.status(), not.to_string())
    }
}

impl From<NotTold> for No {
    fn from(not: NotTold) -> Self {
        let status = match &not {
            NotTold::NotTaken => StatusCode::NOT_FOUND,
            NotTold::Letter(_)
            | NotTold::Wrong(_)
            | NotTold::Grant(_)
            | NotTold::Uses(_)
            | NotTold::Elsewhere { .. }
            | NotTold::Time(_) => StatusCode::BAD_REQUEST,
            NotTold::Unknown => StatusCode::UNAUTHORIZED,
            NotTold::Other(_) => StatusCode::FORBIDDEN,
            NotTold::Ended { .. } => StatusCode::CONFLICT,
            NotTold::Often(_) => StatusCode::TOO_MANY_REQUESTS,
            NotTold::Forge { .. } | NotTold::Undecided(_) | NotTold::Failed(_) | NotTold::Record(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        };
        Self(status, not.to_string())
    }
}

/// What somebody sent.
struct Came {
    /// The job whose token was shown; `None`: none was.
    job: Option<Teller>,
    text: String,
}

impl<H: Hub> Outside<H> {
    /// Reads what somebody sent. A token is checked before a byte of it is read.
    async fn came(&self, headers: &HeaderMap, body: Body, most: usize) -> Result<Came, No> {
        if headers.contains_key(CONTENT_ENCODING) {
            let says = "the body is packed; send it as it is".to_owned();
            return Err(No(StatusCode::UNSUPPORTED_MEDIA_TYPE, says));
        }
        let job = if headers.contains_key(AUTHORIZATION) {
            Some(Teller::Job(Box::new(self.desk.job(bearer(headers)?).await?)))
        } else {
            None
        };
        // Whoever has shown nothing yet takes no room from a job.
        let room = if job.is_some() { &self.jobs } else { &self.letters };
        let read = room.read(body, most).await?;
        let text = String::from_utf8(read.bytes.to_vec()).map_err(|_| bad("the body is not UTF-8".to_owned()))?;
        Ok(Came { job, text })
    }

    /// Does work to its end, whether somebody still waits for the answer or not.
    async fn ended<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, NotTold>> + Send + 'static,
    ) -> Result<T, No> {
        let broken = |_| No(StatusCode::SERVICE_UNAVAILABLE, "it was not ended; please report it".to_owned());
        Ok(tokio::spawn(work).await.map_err(broken)??)
    }
}

async fn deployed<H: Hub>(State(outside): State<Arc<Outside<H>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let told = async {
        let Came { job, text } = outside.came(&parts.headers, body, deployment::LENGTH).await?;
        let desk = outside.desk.clone();
        let Some(job) = job else { return outside.ended(async move { desk.deployed_by_letter(&text).await }).await };
        let report = serde_json::from_str(&text).map_err(|error| bad(format!("it cannot be read: {error}")))?;
        outside.ended(async move { desk.deployed(&job, report, None).await }).await
    };
    match told.await {
        Ok(told) => json_of(&told),
        Err(no) => refusal(&outside.desk, "deployment_refused", no),
    }
}

async fn granted<H: Hub>(State(outside): State<Arc<Outside<H>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let told = async {
        let Came { job, text } = outside.came(&parts.headers, body, grant_report::LENGTH).await?;
        let desk = outside.desk.clone();
        let Some(job) = job else { return outside.ended(async move { desk.granted_by_letter(&text).await }).await };
        let report: grant_report::Report =
            serde_json::from_str(&text).map_err(|error| bad(format!("it cannot be read: {error}")))?;
        outside.ended(async move { desk.granted_by_job(job, &report).await }).await
    };
    match told.await {
        Ok(told) => json_of(&told),
        Err(no) => refusal(&outside.desk, "grant_not_taken", no),
    }
}
