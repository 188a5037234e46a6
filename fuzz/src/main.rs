//! One binary that feeds arbitrary bytes to every reader there is.
//!
//! `COUNTERSIGN_FUZZ` names the target: the word of a format (`junit`, `sarif`,
//! …; see `Format::ALL`), or `recognise`, `json`, `xml`, `policy`, `expression`,
//! `calendar`, `decision`, `decode`, `statement` or `surfaces`. One binary, because linking is what fuzzing costs first.
//! `fuzz/run` builds it and runs the targets in turn.
//!
//! That nothing panics is the least of it. Each target states what must hold for
//! any input at all, and fails where it does not.

#![no_main]

mod calendar;
mod checklist;
mod decision;
mod decode;
mod expression;
mod json;
mod memory;
mod policy;
mod report;
mod signature;
mod statement;
mod surfaces;
mod xml;

use std::sync::OnceLock;

use countersign::evidence::recognise;
use countersign::model::kind::{Format, Kind};
use libfuzzer_sys::fuzz_target;

#[global_allocator]
static MEMORY: memory::Counted = memory::Counted;

type Target = Box<dyn Fn(&[u8]) + Send + Sync>;

static TARGET: OnceLock<Target> = OnceLock::new();

fuzz_target!(|bytes: &[u8]| TARGET.get_or_init(target)(bytes));

fn target() -> Target {
    let name = std::env::var("COUNTERSIGN_FUZZ").expect("COUNTERSIGN_FUZZ names the target");
    match name.as_str() {
        "recognise" => Box::new(recognised),
        "json" => Box::new(json::agrees),
        "xml" => Box::new(|bytes| {
            xml::agrees(bytes);
        }),
        "policy" => Box::new(policy::holds_together),
        "calendar" => Box::new(calendar::keeps_its_word),
        "decision" => Box::new(decision::holds),
        "decode" => Box::new(decode::is_the_same_text),
        "expression" => Box::new(expression::is_monotonic),
        "statement" => Box::new(statement::is_about_its_report),
        "surfaces" => Box::new(surfaces::are_neutral),
        word => {
            let format = *Format::ALL.iter().find(|format| format.word() == word).expect("a target that exists");
            match format.kind() {
                Kind::Checklist => Box::new(move |bytes| checklist::claims(format, bytes)),
                Kind::Signature => Box::new(signature::is_never_ours),
                _ => Box::new(move |bytes| report::measures(format, bytes)),
            }
        }
    }
}

/// A format is told again, whether or not a byte-order mark stands before the content.
fn recognised(bytes: &[u8]) {
    let told = memory::bounded(bytes.len(), || recognise(bytes));
    assert_eq!(told, recognise(bytes));
    if !bytes.starts_with(report::MARK) {
        assert_eq!(told, recognise(&[report::MARK, bytes].concat()), "a byte-order mark changes the format");
    }
    if let Some(format) = told.filter(|format| !matches!(format.kind(), Kind::Checklist | Kind::Signature)) {
        report::measures(format, bytes);
    }
}
