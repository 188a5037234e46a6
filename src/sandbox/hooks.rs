//! What the forge tells the App: deliveries, each signed with the webhook's secret, one after another. GitHub signs the bytes;
//! GitLab signs as Standard Webhooks are, over the delivery's id, the instant and the bytes.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::Utc;
use serde_json::Value;
use tokio::sync::mpsc;

use super::Kind;
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
    (kind, to): (Kind, String),
    secret: String,
    mut queue: mpsc::UnboundedReceiver<Delivery>,
) {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    while let Some(Delivery { event, id, body }) = queue.recv().await {
        let request = client.post(&to).header("content-type", "application/json");
        let request = match kind {
            Kind::Github => request
                .header("user-agent", "GitHub-Hookshot/sandbox")
                .header("x-github-event", event)
                .header("x-github-delivery", id)
                .header("x-hub-signature-256", format!("sha256={}", hex(hmac::sign(&key, &body).as_ref(), 64))),
            Kind::Gitlab => {
                let at = Utc::now().timestamp().to_string();
                let signed = [id.as_bytes(), b".", at.as_bytes(), b".", body.as_slice()].concat();
                request
                    .header("user-agent", "GitLab/sandbox")
                    .header("x-gitlab-event", event)
                    .header("idempotency-key", id.clone())
                    .header("webhook-id", id)
                    .header("webhook-timestamp", at)
                    .header("webhook-signature", format!("v1,{}", STANDARD.encode(hmac::sign(&key, &signed))))
            }
        };
        let request = request.body(body);
        drop(request.send().await);
    }
}
