//! How the app is: whether it lives, whether it is ready, and what it counts.

use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::flow::app::Desk;
use crate::flow::app::watch::{self, Counts};
use crate::forge::Hub;

/// Whether a record can be read.
type Well = Box<dyn Fn() -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync>;

/// A desk as it is watched.
pub struct Watched {
    forge: &'static str,
    counts: Counts,
    well: Well,
}

impl Watched {
    /// Watches a desk.
    pub fn new<H: Hub>(desk: &Arc<Desk<H>>) -> Self {
        let counts = desk.counts().clone();
        let desk = desk.clone();
        let well: Well = Box::new(move || {
            let desk = desk.clone();
            Box::pin(async move { desk.is_well().await.is_ok() })
        });
        Self { forge: H::NAME, counts, well }
    }
}

type Shared = State<Arc<Vec<Watched>>>;

/// `/healthz` while the record can be read, `/readyz` once every repository of every forge was read too, and `/metrics` in the
/// text format of Prometheus.
pub fn router(desks: Vec<Watched>) -> Router {
    Router::new()
        .route("/healthz", get(health))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(Arc::new(desks))
}

fn answer(well: bool, says: &'static str) -> Response {
    let status = if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, [(CONTENT_TYPE, "text/plain; charset=utf-8")], says).into_response()
}

async fn health(State(desks): Shared) -> Response {
    for desk in desks.iter() {
        if !(desk.well)().await {
            // What is wrong with the record stands in the log, and is nobody's business out there.
            return answer(false, "the record cannot be read\n");
        }
    }
    answer(true, "well\n")
}

async fn ready(State(desks): Shared) -> Response {
    if !desks.iter().all(|desk| desk.counts.is_ready()) {
        return answer(false, "not every repository was read yet\n");
    }
    health(State(desks)).await
}

async fn metrics(State(desks): Shared) -> Response {
    let all: Vec<_> = desks.iter().map(|desk| (desk.forge, desk.counts.clone())).collect();
    (StatusCode::OK, [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], watch::rendered(&all))
        .into_response()
}
