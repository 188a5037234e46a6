//! The log's files, read-only, as the C2SP specification `tlog-tiles` has them: `checkpoint`, `tile/…`, `tile/entries/…`;
//! and `key-rotations`, which it knows nothing of.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::flow::shelf::{Found, Shelf};

/// What is served of a log.
pub fn router(shelf: Arc<Shelf>) -> Router {
    Router::new()
        .route("/checkpoint", get(checkpoint))
        .route("/key-rotations", get(rotations))
        .route("/tile/{*path}", get(tile))
        .with_state(shelf)
}

/// Whoever asks for it wants the newest.
const NEWEST: &str = "no-cache";
/// What is under a path is the same for ever.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// What is not there can come to be.
const NOT_KEPT: &str = "no-store";

async fn checkpoint(State(shelf): State<Arc<Shelf>>) -> Response {
    answer(shelf.checkpoint().await.map(Found::Here), "text/plain; charset=utf-8", NEWEST)
}

async fn rotations(State(shelf): State<Arc<Shelf>>) -> Response {
    answer(shelf.rotations().await.map(Found::Here), "text/plain; charset=utf-8", NEWEST)
}

async fn tile(State(shelf): State<Arc<Shelf>>, Path(path): Path<String>) -> Response {
    answer(shelf.file(&format!("tile/{path}")).await, "application/octet-stream", FOR_EVER)
}

/// What was found, or the one word that strangers are told.
fn answer<E>(found: Result<Found, E>, kind: &'static str, kept: &'static str) -> Response {
    let (status, kind, kept, bytes) = match found {
        Ok(Found::Here(bytes)) => (StatusCode::OK, kind, kept, bytes),
        Ok(Found::Nowhere) => (StatusCode::NOT_FOUND, "text/plain", NOT_KEPT, b"not found\n".to_vec()),
        // What is wrong with the database is nobody's business out there.
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "text/plain", NOT_KEPT, b"not available\n".to_vec()),
    };
    let mut response = (status, bytes).into_response();
    for (name, value) in [(CONTENT_TYPE, kind), (CACHE_CONTROL, kept), (X_CONTENT_TYPE_OPTIONS, "nosniff")] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
