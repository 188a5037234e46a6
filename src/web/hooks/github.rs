//! What GitHub shows of a delivery.

use axum::http::{HeaderMap, HeaderValue, StatusCode};
use chrono::{DateTime, Utc};

use super::{Arrived, Intake, No, one};
use crate::forge::github::app::App;
use crate::forge::github::event::{self, Claimed, Delivery};
use crate::forge::github::signature::{HEADER, WebhookSecret};

/// Where GitHub delivers.
pub const PATH: &str = "/hooks/github";

/// GitHub's deliveries, by the secret that it signs them with.
#[derive(Debug)]
pub struct Github(pub WebhookSecret);

impl Intake for Github {
    type Hub = App;

    const PATH: &'static str = PATH;

    fn is_signed(&self, headers: &HeaderMap) -> Result<(), No> {
        if headers.get_all(HEADER).iter().count() == 1 {
            return Ok(());
        }
        Err(No(StatusCode::UNAUTHORIZED, "the delivery is not signed as `X-Hub-Signature-256` has it".to_owned()))
    }

    fn name(&self, headers: &HeaderMap, _bytes: &[u8]) -> String {
        one(headers, "x-github-delivery").unwrap_or_default()
    }

    fn read(
        &self,
        hub: &App,
        headers: &HeaderMap,
        bytes: &[u8],
        _now: DateTime<Utc>,
    ) -> Result<Option<Arrived<Claimed>>, No> {
        let signatures: Vec<&[u8]> = headers.get_all(HEADER).iter().map(HeaderValue::as_bytes).collect();
        let verified = self.0.verify(&signatures, bytes);
        let verified = verified.map_err(|refused| No(StatusCode::UNAUTHORIZED, refused.to_string()))?;
        let bad = |says: &str| No(StatusCode::BAD_REQUEST, says.to_owned());
        let id = one(headers, "x-github-delivery").ok_or_else(|| bad("`X-GitHub-Delivery` is missing"))?;
        let name = one(headers, "x-github-event").ok_or_else(|| bad("`X-GitHub-Event` is missing"))?;
        match event::read(&name, verified, hub.base()).map_err(|unreadable| bad(&unreadable.to_string()))? {
            Delivery::Ignored => Ok(None),
            Delivery::Hint(claimed) => Ok(Some(Arrived { id, other: None, claimed })),
        }
    }
}
