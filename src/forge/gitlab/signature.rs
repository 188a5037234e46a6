//! Whether a delivery is GitLab's: the shared secret that it shows in `X-Gitlab-Token`, or a signature as Standard
//! Webhooks has it, an HMAC with SHA-256 (RFC 2104, FIPS 180-4) over the id, the instant and the bytes as they came.
//!
//! Where a signing key is set a token in clear is not enough: whoever saw it once could send anything. The signature
//! covers an instant, so that an old delivery is refused.

use std::fmt::Write as _;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign, verify};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};

use crate::forge::secret::Secret;

/// How far the instant of a signature may be from ours, in seconds, as Standard Webhooks advises.
const DRIFT: i64 = 300;

/// Why a delivery is refused, before a byte of it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no token, or more than one.
    #[error("the delivery has no `X-Gitlab-Token`, or more than one; set the webhook's secret token")]
    NoToken,
    /// The token is another.
    #[error("`X-Gitlab-Token` is not the webhook's secret token")]
    OtherToken,
    /// There is no signature.
    #[error(
        "the delivery has no `webhook-id`, `webhook-timestamp` and `webhook-signature`, or one of them twice; set the \
         webhook's signing key"
    )]
    Unsigned,
    /// It is that of another key, or of other bytes.
    #[error(
        "`webhook-signature` is not that of these bytes; the webhook's signing key is another, or the body was changed"
    )]
    Wrong,
    /// Its id has a dot in it, by which the parts of what is signed are told from each other.
    #[error("`webhook-id` has a `.` in it, and so the signature does not say where it ends; GitLab sends none")]
    Dotted,
    /// It is too old, or of an instant to come.
    #[error("`webhook-timestamp` is more than 5 minutes from now; set this machine's clock, or it is an old delivery")]
    Late,
}

/// What a delivery shows of where it comes from: the values of its headers as they came.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shown<'h> {
    /// `X-Gitlab-Token`.
    pub token: &'h [&'h [u8]],
    /// `webhook-id`.
    pub id: &'h [&'h [u8]],
    /// `webhook-timestamp`, seconds since 1970.
    pub timestamp: &'h [&'h [u8]],
    /// `webhook-signature`: `v1,` and base64, several with spaces between them while a key is changed.
    pub signature: &'h [&'h [u8]],
}

/// What we share with GitLab. Where it is empty it does not exist: everybody could send with it.
#[derive(Debug)]
pub enum HookSecret {
    /// A token that it shows in clear.
    Token(Secret),
    /// A key that it signs with.
    Signing(Box<Key>),
}

/// The secret is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the webhook's secret is empty, or no key in base64 after `whsec_`; anybody could send with it, so set one of at least 32 random characters"
)]
pub struct Empty;

/// A delivery that GitLab sent. It is only made by [`HookSecret::verify`].
#[derive(Clone, Copy, Debug)]
pub struct VerifiedDelivery<'b> {
    body: &'b [u8],
}

impl<'b> VerifiedDelivery<'b> {
    /// The bytes that were sent.
    #[must_use]
    pub fn body(&self) -> &'b [u8] {
        self.body
    }
}

/// How a signing key begins, as GitLab shows it.
const SIGNING: &str = "whsec_";

impl HookSecret {
    /// A signing key, where the secret begins as one, and a secret token otherwise.
    pub fn read(secret: &Secret) -> Result<Self, Empty> {
        if secret.reveal().starts_with(SIGNING) { Self::signing(secret) } else { Self::token(secret) }
    }

    /// A secret token.
    pub fn token(secret: &Secret) -> Result<Self, Empty> {
        if secret.is_empty() { Err(Empty) } else { Ok(Self::Token(secret.clone())) }
    }

    /// A signing key, as GitLab shows it: `whsec_` and base64; any other text is the key itself.
    pub fn signing(secret: &Secret) -> Result<Self, Empty> {
        let bytes = match secret.reveal().strip_prefix(SIGNING) {
            Some(text) => STANDARD.decode(text).map_err(|_| Empty)?,
            None => secret.reveal().as_bytes().to_vec(),
        };
        if bytes.is_empty() { Err(Empty) } else { Ok(Self::Signing(Box::new(Key::new(HMAC_SHA256, &bytes)))) }
    }

    /// Takes a delivery that shows the token, or is signed with the key within five minutes of `now`.
    pub fn verify<'b>(
        &self,
        shown: Shown<'_>,
        body: &'b [u8],
        now: DateTime<Utc>,
    ) -> Result<VerifiedDelivery<'b>, Refused> {
        match self {
            Self::Token(secret) => {
                let [token] = shown.token else { return Err(Refused::NoToken) };
                // Compared by their digests, so that not even the length is told by the time that it takes.
                let (one, other) = (Sha256::digest(token), Sha256::digest(secret.reveal()));
                verify_slices_are_equal(&one, &other).map_err(|_| Refused::OtherToken)?;
            }
            Self::Signing(key) => {
                let ([id], [timestamp], [signatures]) = (shown.id, shown.timestamp, shown.signature) else {
                    return Err(Refused::Unsigned);
                };
                if id.contains(&b'.') {
                    return Err(Refused::Dotted);
                }
                let signed = [id, b".".as_slice(), timestamp, b".", body].concat();
                let is_of = |signature: &[u8]| {
                    let signature = signature.strip_prefix(b"v1,").and_then(|text| STANDARD.decode(text).ok());
                    signature.is_some_and(|signature| verify(key, &signed, &signature).is_ok())
                };
                if !signatures.split(|byte| *byte == b' ').any(is_of) {
                    return Err(Refused::Wrong);
                }
                let at = std::str::from_utf8(timestamp)
                    .ok()
                    .and_then(|text| text.parse::<i64>().ok())
                    .ok_or(Refused::Late)?;
                if at.abs_diff(now.timestamp()) > DRIFT.unsigned_abs() {
                    return Err(Refused::Late);
                }
            }
        }
        Ok(VerifiedDelivery { body })
    }

    /// The signature that GitLab would send; none where it shows a token.
    #[must_use]
    pub fn signature(&self, id: &str, timestamp: i64, body: &[u8]) -> Option<String> {
        let Self::Signing(key) = self else { return None };
        let signed = [id.as_bytes(), b".", timestamp.to_string().as_bytes(), b".", body].concat();
        Some(format!("v1,{}", STANDARD.encode(sign(key, &signed))))
    }
}

/// By which name a delivery is known, so that one that is sent again is known again: `Idempotency-Key`, which GitLab sends
/// since 17.4. `X-Gitlab-Event-UUID` is none, for hooks that call each other share it. Without a key it is the body's digest.
#[must_use]
pub fn delivery(idempotency_key: Option<&[u8]>, body: &[u8]) -> String {
    let plain = |key: &&[u8]| (1..=100).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic);
    match idempotency_key.filter(plain).and_then(|key| std::str::from_utf8(key).ok()) {
        Some(key) => key.to_owned(),
        None => Sha256::digest(body).iter().fold("sha256-".to_owned(), |mut text, byte| {
            // Writing into a text does not fail.
            let _ = write!(text, "{byte:02x}");
            text
        }),
    }
}
