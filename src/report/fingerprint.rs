//! A name for what stays the same while the words around it change.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

/// SHA-256 over the parts, each with its length before it, as lower-case hexadecimal.
pub(super) fn fingerprint(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    }
    let mut print = String::with_capacity(64);
    for byte in hash.finalize() {
        // Writing to a string does not fail.
        let _ = write!(print, "{byte:02x}");
    }
    print
}
