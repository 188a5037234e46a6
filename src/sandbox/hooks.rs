//! What GitHub tells the App: deliveries, each signed over its bytes with the webhook's secret, one after another.

use aws_lc_rs::hmac;
use serde_json::Value;
use tokio::sync::mpsc;

use super::asked::hex;

/// One delivery.
pub(super) struct Delivery {
    event: &'static str,
    id: String,
    body: Vec<u8>,
}

impl Delivery {
    /// A delivery of something that happened in the repository of the sandbox at `address`.
    pub(super) fn new(event: &'static str, payload: &Value, address: &str) -> Self {
        // Addresses in payloads begin with a sign in the place of where the sandbox listens, which the world does not know.
        let body = payload.to_string().replace("sandbox:/", address).into_bytes();
        Self { event, id: guid(), body }
    }
}

/// An id as GitHub gives one to each delivery.
fn guid() -> String {
    let mut bytes = [0; 16];
    // Without random numbers all ids are one, and all but the first delivery are taken for told twice: the sweep finds them.
    let _ = aws_lc_rs::rand::fill(&mut bytes);
    let text = hex(&bytes, 32);
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default().to_owned();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

/// Delivers whatever comes, for ever. As GitHub does, it sends nothing a second time: whoever does not take it has to look.
pub(super) async fn deliver(
    client: reqwest::Client,
    to: String,
    secret: String,
    mut queue: mpsc::UnboundedReceiver<Delivery>,
) {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    while let Some(Delivery { event, id, body }) = queue.recv().await {
        let signature = format!("sha256={}", hex(hmac::sign(&key, &body).as_ref(), 64));
        let request = client
            .post(&to)
            .header("content-type", "application/json")
            .header("user-agent", "GitHub-Hookshot/sandbox")
            .header("x-github-event", event)
            .header("x-github-delivery", id)
            .header("x-hub-signature-256", signature)
            .body(body);
        drop(request.send().await);
    }
}
