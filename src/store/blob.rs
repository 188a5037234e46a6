//! Bytes that are kept by their SHA-256 digest, packed, and once: in the database, or the large ones in an
//! [annex](super::annex) beside it.

use std::io::{Read as _, Write as _};

use sha2::{Digest as _, Sha256};

use super::session::{Asked, Value, int};
use crate::log::tree::Hash;

/// How many packed bytes the database keeps where there is an annex for what is larger.
pub const LARGE: usize = 256 << 10;

/// Bytes that are kept by their digest.
#[derive(Clone, Debug)]
pub struct Blob {
    digest: [u8; 32],
    size: u64,
    packed: Vec<u8>,
}

impl Blob {
    /// Packs bytes.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        let mut into = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
        // Writing to memory does not fail.
        let packed = into.write_all(bytes).and_then(|()| into.finish()).unwrap_or_default();
        Self { digest: Sha256::digest(bytes).into(), size: bytes.len() as u64, packed }
    }

    /// SHA-256 of the bytes.
    #[must_use]
    pub fn digest(&self) -> Hash {
        Hash(self.digest)
    }

    /// How many bytes, unpacked.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Whether it goes to an annex, where there is one.
    pub(super) fn is_large(&self) -> bool {
        self.packed.len() > LARGE
    }

    /// The bytes as they are kept.
    pub(super) fn packed(&self) -> &[u8] {
        &self.packed
    }

    /// What keeps it, once; one that had expired is there again. What is annexed is durable in the annex already. What is
    /// to go from there goes still where the bytes come back to the database.
    pub(super) fn kept(&self, is_annexed: bool, at: i64) -> Asked {
        let packed = if is_annexed { Value::Bytes(None) } else { self.packed.clone().into() };
        let annexed = i64::from(is_annexed);
        let values = [self.digest.to_vec().into(), int(self.size), packed, at.into(), annexed.into()];
        Asked::new(
            "INSERT INTO blob (digest, size, packed, at, annexed) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (digest) \
             DO UPDATE SET packed = excluded.packed, \
             annexed = CASE WHEN excluded.annexed = 1 THEN 1 ELSE blob.annexed END \
             WHERE blob.packed IS NULL AND blob.annexed <> 1",
            values,
        )
    }
}

/// Unpacks what should have that digest and size; `None` where it has not.
pub(super) fn unpacked(packed: &[u8], size: u64, digest: Hash) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    // Not one byte more than was put in, whatever somebody has put there since.
    let read = flate2::read::DeflateDecoder::new(packed).take(size.saturating_add(1)).read_to_end(&mut bytes);
    (read.is_ok() && <[u8; 32]>::from(Sha256::digest(&bytes)) == digest.0).then_some(bytes)
}
