//! What GitLab shows of a delivery.
//!
//! An answer of the 400s counts as a failure, and after four of them GitLab disables the hook: only what does not show that it is
//! GitLab's is refused so. What is verified and not understood is of no concern here.

use axum::http::{HeaderMap, HeaderValue, StatusCode};
use chrono::{DateTime, Utc};

use super::{Arrived, Intake, No};
use crate::forge::gitlab::app::App;
use crate::forge::gitlab::event::{self, Claimed, Delivery};
use crate::forge::gitlab::signature::{HookSecret, Shown, delivery};

/// GitLab's deliveries, by the token that it shows or the key that it signs them with.
#[derive(Debug)]
pub struct Gitlab(pub HookSecret);

/// By which header a delivery is the same when it is sent again. Servers before 17.4 have the second alone, or none; and it is the
/// second alone that a signature covers: under the first, whoever caught a delivery could send it as often as he likes.
const KEYS: &[&str] = &["idempotency-key", "webhook-id"];
const SIGNED: &[&str] = &["webhook-id"];

fn all<'h>(headers: &'h HeaderMap, name: &str) -> Vec<&'h [u8]> {
    headers.get_all(name).iter().map(HeaderValue::as_bytes).collect()
}

fn key<'h>(headers: &'h HeaderMap, names: &[&str]) -> Option<&'h [u8]> {
    names.iter().find_map(|name| match all(headers, name).as_slice() {
        [key] => Some(*key),
        _ => None,
    })
}

impl Intake for Gitlab {
    type Hub = App;

    const PATH: &'static str = "/hooks/gitlab";

    fn is_signed(&self, headers: &HeaderMap) -> Result<(), No> {
        let shows = match self.0 {
            HookSecret::Token(_) => "x-gitlab-token",
            HookSecret::Signing(_) => "webhook-signature",
        };
        if !headers.contains_key(shows) {
            let says = format!("the delivery has no `{shows}`; set the webhook's secret as the app has it");
            return Err(No(StatusCode::UNAUTHORIZED, says));
        }
        // A token is of the headers alone: whoever has not got it sends us no body. A signature is of the body too.
        if let HookSecret::Token(_) = self.0 {
            let token = all(headers, shows);
            let verified = self.0.verify(Shown { token: &token, ..Shown::default() }, b"", Utc::now());
            verified.map_err(|refused| No(StatusCode::UNAUTHORIZED, refused.to_string()))?;
        }
        Ok(())
    }

    fn name(&self, headers: &HeaderMap, bytes: &[u8]) -> String {
        let names = match self.0 {
            HookSecret::Token(_) => KEYS,
            HookSecret::Signing(_) => SIGNED,
        };
        delivery(key(headers, names), bytes)
    }

    fn read(
        &self,
        _hub: &App,
        headers: &HeaderMap,
        bytes: &[u8],
        now: DateTime<Utc>,
    ) -> Result<Option<Arrived<Claimed>>, No> {
        let [token, id, timestamp, signature] =
            ["x-gitlab-token", "webhook-id", "webhook-timestamp", "webhook-signature"].map(|name| all(headers, name));
        let shown = Shown { token: &token, id: &id, timestamp: &timestamp, signature: &signature };
        let verified = self.0.verify(shown, bytes, now);
        let verified = verified.map_err(|refused| No(StatusCode::UNAUTHORIZED, refused.to_string()))?;
        match event::read(verified) {
            Ok(Delivery::Hint(claimed)) => {
                let id = self.name(headers, bytes);
                // Under a key that came with other bytes before it is taken by the bytes themselves.
                Ok(Some(Arrived { other: Some(delivery(None, bytes)), id, claimed }))
            }
            Ok(Delivery::Ignored) | Err(_) => Ok(None),
        }
    }
}
