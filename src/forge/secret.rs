//! What must never be printed.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};

/// A token or a key. Neither its debugging form nor any fault shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// A secret, without the line end that a file leaves behind it.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.trim().to_owned())
    }

    /// The text itself, for the one header that it belongs into.
    pub(in crate::forge) fn reveal(&self) -> &str {
        &self.0
    }

    /// The same, sealed (AES-256-GCM) with a key that is used for nothing else, and bound to what it is about. `None` where the
    /// machine cannot.
    #[must_use]
    pub fn sealed(&self, key: &[u8; 32], about: &[u8]) -> Option<Vec<u8>> {
        let mut bytes = self.0.as_bytes().to_vec();
        let nonce = RandomizedNonceKey::new(&AES_256_GCM, key).ok()?;
        let nonce = nonce.seal_in_place_append_tag(Aad::from(about), &mut bytes).ok()?;
        Some([nonce.as_ref().as_slice(), &bytes].concat())
    }

    /// The secret that was sealed so; `None` where it was another key, about something else, or altered.
    #[must_use]
    pub fn opened(sealed: &[u8], key: &[u8; 32], about: &[u8]) -> Option<Self> {
        let (nonce, bytes) = sealed.split_at_checked(NONCE_LEN)?;
        let (nonce, mut bytes) = (Nonce::try_assume_unique_for_key(nonce).ok()?, bytes.to_vec());
        let key = RandomizedNonceKey::new(&AES_256_GCM, key).ok()?;
        let plain = key.open_in_place(nonce, Aad::from(about), &mut bytes).ok()?;
        Some(Self(std::str::from_utf8(plain).ok()?.to_owned()))
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}
