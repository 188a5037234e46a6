//! Messages to whoever listens, signed as the specification Standard Webhooks has it: HMAC-SHA256 over the message's
//! number, its time and its body.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use reqwest::{Client, Response, Url};

use crate::transport::http::{self, Fault};

/// A secret that both sides know: `whsec_` and base64, of 24 to 64 bytes.
#[derive(Debug)]
pub struct Secret(hmac::Key);

impl Secret {
    /// Reads a secret; `None` where it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text.trim().strip_prefix("whsec_")?).ok()?;
        (24..=64).contains(&bytes.len()).then(|| Self::new(&bytes))
    }

    /// A secret by its bytes.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// HMAC-SHA256 over bytes.
    #[must_use]
    pub fn mac(&self, bytes: &[u8]) -> Vec<u8> {
        hmac::sign(&self.0, bytes).as_ref().to_vec()
    }

    /// The signature, as its header has it.
    #[must_use]
    pub fn sign(&self, id: &str, at: DateTime<Utc>, body: &str) -> String {
        let signed = format!("{id}.{}.{body}", at.timestamp());
        format!("v1,{}", STANDARD.encode(self.mac(signed.as_bytes())))
    }
}

/// Hands a message over. `id` is the same however often it is sent, so that whoever gets it twice knows.
pub async fn send(
    client: &Client,
    to: &Url,
    secret: &Secret,
    id: &str,
    at: DateTime<Utc>,
    body: String,
) -> Result<(), Fault> {
    let response = post(client, to, std::slice::from_ref(secret), id, at, body).await?;
    if response.status().is_success() { Ok(()) } else { Err(http::unexpected(response).await) }
}

/// The same with a signature of each secret, as while one takes the place of another: whoever listens believes any that he
/// knows.
pub async fn post(
    client: &Client,
    to: &Url,
    secrets: &[Secret],
    id: &str,
    at: DateTime<Utc>,
    body: String,
) -> Result<Response, Fault> {
    let signatures: Vec<String> = secrets.iter().map(|secret| secret.sign(id, at, &body)).collect();
    let request = client
        .post(to.clone())
        .header("content-type", "application/json")
        .header("webhook-id", id)
        .header("webhook-timestamp", at.timestamp())
        .header("webhook-signature", signatures.join(" "));
    Ok(request.body(body).send().await?)
}
