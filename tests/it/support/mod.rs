//! What several tests need.

pub mod run;

use std::path::{Path, PathBuf};

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
