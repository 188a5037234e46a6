//! What must hold for any statement beside a report.

use countersign::evidence::statement;
use countersign::model::report::{About, Fault};
use serde_json::Value;

use crate::memory;
use crate::report::MARK;

/// The report that the seeds are about.
const REPORT: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
/// Another report.
const OTHER: &str = "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752";

fn read(bytes: &[u8], report: &str) -> (Result<(), Fault>, About) {
    let mut about = About::default();
    let outcome = statement::read(bytes, report, &mut about);
    (outcome, about)
}

/// A statement is about the report whose digest it names, and says something of it.
pub fn is_about_its_report(bytes: &[u8]) {
    let first = memory::bounded(bytes.len(), || read(bytes, REPORT));
    assert_eq!(first, read(bytes, REPORT), "a second reading differs");
    if !bytes.starts_with(MARK) {
        assert_eq!(first, read(&[MARK, bytes].concat(), REPORT), "a byte-order mark makes a difference");
    }
    let (outcome, about) = first;
    if outcome.is_err() {
        assert_eq!(about, About::default(), "refused, and believed all the same");
        return;
    }
    assert_ne!(about, About::default(), "read, and nothing is said");
    let text = bytes.strip_prefix(MARK).unwrap_or(bytes);
    // A text that nobody reads may hold an escape of no character, which `serde_json` makes an error.
    let Ok(document) = serde_json::from_slice::<Value>(text) else { return };
    let named = |digest: &str| {
        let subjects = document["subject"].as_array().into_iter().flatten();
        subjects
            .filter_map(|subject| subject["digest"]["sha256"].as_str())
            .any(|named| named.eq_ignore_ascii_case(digest))
    };
    assert!(named(REPORT), "it does not name the report");
    if !named(OTHER) {
        assert!(read(bytes, OTHER).0.is_err(), "it is taken for one about another report");
    }
}
