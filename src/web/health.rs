//! How the app is: whether it lives, whether it is ready, and what it counts.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::flow::app::Desk;
use crate::forge::Hub;

/// `/healthz` while the record can be read, `/readyz` once every repository was read too, and `/metrics` in the text
/// format of Prometheus.
pub fn router<H: Hub>(desk: Arc<Desk<H>>) -> Router {
    Router::new()
        .route("/healthz", get(health::<H>))
        .route("/readyz", get(ready::<H>))
        .route("/metrics", get(metrics::<H>))
        .with_state(desk)
}

fn answer(well: bool, says: &'static str) -> Response {
    let status = if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, [(CONTENT_TYPE, "text/plain; charset=utf-8")], says).into_response()
}

async fn health<H: Hub>(State(desk): State<Arc<Desk<H>>>) -> Response {
    match desk.is_well().await {
        Ok(()) => answer(true, "well\n"),
        // What is wrong with the record stands in the log, and is nobody's business out there.
        Err(_) => answer(false, "the record cannot be read\n"),
    }
}

async fn ready<H: Hub>(State(desk): State<Arc<Desk<H>>>) -> Response {
    if !desk.counts().is_ready() {
        return answer(false, "not every repository was read yet\n");
    }
    health(State(desk)).await
}

async fn metrics<H: Hub>(State(desk): State<Arc<Desk<H>>>) -> Response {
    (StatusCode::OK, [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], desk.counts().render())
        .into_response()
}
