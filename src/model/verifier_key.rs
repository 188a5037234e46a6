//! A public key with a name, as C2SP's `signed-note` writes it: `name+hash+key`. What it is; who checks signatures with it
//! stands in `log::note`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

/// A named public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    /// The name.
    pub name: String,
    /// The first four bytes of SHA-256 over name, line feed, kind and key.
    pub id: [u8; 4],
    /// What kind of signature it makes: 1 Ed25519, 4 a witness's.
    pub kind: u8,
    /// The Ed25519 public key.
    pub key: [u8; 32],
}

impl VerifierKey {
    /// A key by its bytes. `None` where the name cannot name one.
    #[must_use]
    pub fn new(name: &str, kind: u8, key: [u8; 32]) -> Option<Self> {
        is_name(name).then(|| Self { name: name.to_owned(), id: id(name, kind, &key), kind, key })
    }

    /// Reads `name+hash+key`; `None` where it is not of that form, or the hash is another key's.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().splitn(3, '+');
        let (name, hash, key) = (parts.next()?, parts.next()?, parts.next()?);
        let bytes = STANDARD.decode(key).ok()?;
        let (kind, key) = bytes.split_first()?;
        let parsed = Self::new(name, *kind, key.try_into().ok()?)?;
        let stated = u32::from_str_radix(hash, 16).ok().filter(|_| hash.len() == 8)?;
        (stated.to_be_bytes() == parsed.id).then_some(parsed)
    }
}

fn id(name: &str, kind: u8, key: &[u8; 32]) -> [u8; 4] {
    let mut hasher = Sha256::new();
    hasher.update(name.as_bytes());
    hasher.update([b'\n', kind]);
    hasher.update(key);
    let digest: [u8; 32] = hasher.finalize().into();
    let [a, b, c, d, ..] = digest;
    [a, b, c, d]
}

/// Whether a text can name a key: not empty, no white space, no `+`.
#[must_use]
pub fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+')
}
