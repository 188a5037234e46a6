//! Whether a delivery is GitHub's: `X-Hub-Signature-256`, an HMAC with SHA-256 (RFC 2104, FIPS 180-4) over the bytes as
//! they came, compared in constant time.
//!
//! The signature covers no instant, so that an old delivery stays valid for ever. It is harmless, because a delivery is
//! only a hint to read GitHub's state again.

use aws_lc_rs::hmac::{HMAC_SHA256, Key, verify};

use super::client::Secret;

/// The header that carries the signature.
pub const HEADER: &str = "X-Hub-Signature-256";

/// Why a delivery is refused, before a byte of it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no signature, or more than one.
    #[error("the delivery has no `X-Hub-Signature-256`, or more than one; set the webhook's secret")]
    Unsigned,
    /// It is not of the form `sha256=` and 64 hexadecimal digits in lower case.
    #[error("`X-Hub-Signature-256` is not `sha256=` with 64 hexadecimal digits")]
    Malformed,
    /// It is not that of these bytes under this secret.
    #[error(
        "`X-Hub-Signature-256` is not that of these bytes; the webhook's secret is another, or the body was changed"
    )]
    Wrong,
}

/// The secret that we share with GitHub. An empty one does not exist: everybody could sign with it.
#[derive(Debug)]
pub struct WebhookSecret(Key);

/// The secret is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the webhook's secret is empty; anybody could sign with it, so set one of at least 32 random characters")]
pub struct Empty;

/// A delivery that GitHub signed. It is only made by [`WebhookSecret::verify`].
#[derive(Clone, Copy, Debug)]
pub struct VerifiedDelivery<'b> {
    body: &'b [u8],
}

impl<'b> VerifiedDelivery<'b> {
    /// The bytes that were signed.
    #[must_use]
    pub fn body(&self) -> &'b [u8] {
        self.body
    }
}

impl WebhookSecret {
    /// A secret that is not empty.
    pub fn new(secret: &Secret) -> Result<Self, Empty> {
        if secret.is_empty() {
            return Err(Empty);
        }
        Ok(Self(Key::new(HMAC_SHA256, secret.reveal().as_bytes())))
    }

    /// Takes a delivery that is signed with it; `signatures` are the values of [`HEADER`] as they came.
    pub fn verify<'b>(&self, signatures: &[&[u8]], body: &'b [u8]) -> Result<VerifiedDelivery<'b>, Refused> {
        let [signature] = signatures else { return Err(Refused::Unsigned) };
        let digits = signature.strip_prefix(b"sha256=").ok_or(Refused::Malformed)?;
        let signature = digest(digits).ok_or(Refused::Malformed)?;
        verify(&self.0, body, &signature).map_err(|_| Refused::Wrong)?;
        Ok(VerifiedDelivery { body })
    }
}

/// 64 hexadecimal digits, as GitHub writes them.
fn digest(digits: &[u8]) -> Option<[u8; 32]> {
    if digits.len() != 64 {
        return None;
    }
    let mut digest = [0; 32];
    for (byte, pair) in digest.iter_mut().zip(digits.chunks_exact(2)) {
        for digit in pair {
            let value = match digit {
                b'0'..=b'9' => digit - b'0',
                b'a'..=b'f' => digit - b'a' + 10,
                _ => return None,
            };
            *byte = *byte << 4 | value;
        }
    }
    Some(digest)
}
