//! What several tests need.

pub mod browser;
pub mod emulate;
pub mod github;
pub mod gitlab;
pub mod receiver;
pub mod run;
pub mod served;

use std::path::{Path, PathBuf};

/// Vectors of the Wycheproof project, which lie beside the checkout.
/// Where they are absent the test says so and does nothing.
pub fn vectors(file: &str) -> Option<PathBuf> {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/vectors");
    if !vectors.is_dir() {
        eprintln!("skipped: Wycheproof's vectors are not at {}", vectors.display());
        return None;
    }
    Some(vectors.join(file))
}

/// The bytes that such a vector writes as hexadecimal.
pub fn unhex(hex: &serde_json::Value) -> Vec<u8> {
    let hex = hex.as_str().unwrap();
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// A file of the corpus of real artifacts, which lies beside the checkout.
/// Where it is absent the test says so and does nothing.
pub fn corpus(path: &str) -> Option<PathBuf> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    if !corpus.is_dir() {
        eprintln!("skipped: the corpus of real artifacts is not at {}", corpus.display());
        return None;
    }
    let file = corpus.join(path);
    assert!(file.exists(), "the corpus has no {path}");
    Some(file)
}
