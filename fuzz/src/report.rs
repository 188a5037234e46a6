//! What must hold for any report in any format.

use countersign::evidence::Tally;
use countersign::model::catalogue::{self, Type};
use countersign::model::kind::{Format, Kind};
use countersign::model::measures::{Measure, Measures};
use countersign::model::notable::Notables;
use countersign::model::report::{About, Fault};
use countersign::report::neutral;

use crate::memory;

/// The byte-order mark of UTF-8.
pub const MARK: &[u8] = b"\xEF\xBB\xBF";

/// How many bytes the message of a fault may have.
const MESSAGE: usize = 2_000;

/// Formats whose lines stand for themselves, so that nothing tells a short file from one that was cut.
const LINES: [Format; 4] = [Format::GoTest, Format::Lcov, Format::JmeterCsv, Format::SpdxTagValue];

/// What a reader makes of some bytes.
#[derive(Debug, PartialEq)]
struct Read {
    outcome: Result<(), Fault>,
    measures: Measures,
    about: About,
}

fn read(format: Format, bytes: &[u8]) -> Read {
    read_into(Tally::new(format.kind(), None).expect("a kind that is tallied"), format, bytes).1
}

fn read_into(mut tally: Tally, format: Format, bytes: &[u8]) -> (Tally, Read) {
    let mut about = About::default();
    let outcome = tally.read(format, bytes, &mut about);
    let measures = tally.measures();
    (tally, Read { outcome, measures, about })
}

pub fn measures(format: Format, bytes: &[u8]) {
    let first = memory::bounded(bytes.len(), || read(format, bytes));
    assert_eq!(first, read(format, bytes), "a second reading differs");
    if !bytes.starts_with(MARK) {
        assert_eq!(first, read(format, &[MARK, bytes].concat()), "a byte-order mark makes a difference");
    }
    match &first.outcome {
        Err(fault) => told(fault),
        Ok(()) => {
            assert!(!first.measures.is_empty(), "read, and nothing is known");
            known(format.kind(), &first.measures);
            sums(&first.measures);
            if !is_binary(format, bytes) {
                let longer = read(format, &[bytes, b"\n"].concat());
                assert_eq!(first, longer, "a line end after it makes a difference");
            }
            cut_off(format, bytes);
            nothing_new(format, bytes);
            shown(format, bytes);
        }
    }
}

/// What is said of a fault is short, and a line of it shows everything that it holds.
pub fn told(fault: &Fault) {
    assert!(!fault.message.trim().is_empty(), "a fault without words");
    assert!(fault.message.len() <= MESSAGE, "{} bytes of message: {}", fault.message.len(), fault.message);
    let line = neutral::line(&fault.to_string(), MESSAGE);
    assert!(!line.chars().any(neutral::hidden), "something is not seen in {line:?}");
}

/// Every measure is in the catalogue, of its type, and within its bounds.
fn known(kind: Kind, measures: &Measures) {
    for (name, measure) in measures.iter() {
        let entry = catalogue::measures(kind).iter().find(|entry| entry.name == name);
        let fits = match (entry.map(|entry| entry.kind), measure) {
            (Some(Type::Number), Measure::Number(value)) | (Some(Type::Duration), Measure::Seconds(value)) => {
                let share = ["coverage.lines", "coverage.branches", "coverage.functions", "coverage.instructions"];
                let most = if share.contains(&name) || name == "load.error_rate" { 1.0 } else { f64::MAX };
                (0.0..=most).contains(value)
            }
            (Some(Type::Names), Measure::Names(names)) => names.is_sorted() && names.len() <= 10_000,
            (Some(Type::Flag), Measure::Flag(_)) | (Some(Type::Text), Measure::Text(_)) => true,
            _ => false,
        };
        assert!(fits, "`{name}` is {measure:?}");
    }
}

/// Parts add up to the whole.
fn sums(measures: &Measures) {
    let number = |name: &str| match measures.get(name) {
        Some(Measure::Number(value)) => Some(*value),
        _ => None,
    };
    for (whole, parts) in [
        ("tests.total", ["tests.passed", "tests.failed", "tests.skipped"].as_slice()),
        ("findings.total", &["findings.error", "findings.warning", "findings.note", "findings.none"]),
        (
            "vulnerabilities.total",
            &[
                "vulnerabilities.critical",
                "vulnerabilities.high",
                "vulnerabilities.medium",
                "vulnerabilities.low",
                "vulnerabilities.unrated",
            ],
        ),
    ] {
        if let Some(total) = number(whole) {
            let parts: Option<Vec<f64>> = parts.iter().map(|part| number(part)).collect();
            assert_eq!(parts.map(|parts| parts.iter().sum()), Some(total), "the parts of `{whole}`");
        }
    }
    for (part, whole) in [
        ("tests.errors", "tests.failed"),
        ("tests.flaky", "tests.passed"),
        ("coverage.lines_covered", "coverage.lines_total"),
        ("coverage.branches_covered", "coverage.branches_total"),
        ("load.failed", "load.requests"),
        ("sbom.without_licence", "sbom.components"),
        ("sbom.without_supplier", "sbom.components"),
        ("sbom.without_version", "sbom.components"),
        ("sbom.new.components", "sbom.components"),
        ("vulnerabilities.fixable.total", "vulnerabilities.total"),
        ("vulnerabilities.exploited", "vulnerabilities.total"),
        ("findings.new.total", "findings.total"),
    ] {
        if let (Some(part_of_it), Some(all)) = (number(part), number(whole)) {
            assert!(part_of_it <= all, "`{part}` is {part_of_it}, and `{whole}` is {all}");
        }
    }
}

/// A document that ends too early is a fault.
fn cut_off(format: Format, bytes: &[u8]) {
    let document = bytes.trim_ascii();
    let whole = match document.first() {
        _ if LINES.contains(&format) => return,
        Some(b'{' | b'[') => document.len(),
        // Up to the tag that closes the root, if nothing but it stands at the end.
        Some(b'<') => {
            let Some(last) = document.iter().rposition(|byte| *byte == b'<') else { return };
            let tag = &document[last..];
            if !tag.starts_with(b"</") || tag.ends_with(b"->") || tag.ends_with(b"?>") {
                return;
            }
            last
        }
        _ => return,
    };
    // Anywhere, and for the same input always at the same place.
    let place = document
        .iter()
        .fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3));
    let end = usize::try_from(place >> 20).expect("44 bits") % whole;
    let part = read(format, &document[..end]);
    assert!(part.outcome.is_err(), "cut off after {end} bytes, and read as {:?}", part.measures);
}

/// What is compared with itself holds nothing new but findings of which it does not say where they lie.
fn nothing_new(format: Format, bytes: &[u8]) {
    let before = Tally::for_baseline(format.kind()).expect("a kind that is tallied");
    let (before, read) = read_into(before, format, bytes);
    assert_eq!(read.outcome, Ok(()), "a baseline reads it otherwise");
    let after = Tally::new(format.kind(), Some(before)).expect("a kind that is tallied");
    let (after, read) = read_into(after, format, bytes);
    assert_eq!(read.outcome, Ok(()), "beside a baseline it is read otherwise");
    let somewhere = if let Tally::Findings(tally) = &after { tally.somewhere() } else { 0 };
    known(format.kind(), &read.measures);
    sums(&read.measures);
    for (name, measure) in read.measures.iter() {
        if name.contains(".new.") || name.contains(".removed.") {
            let nothing = match measure {
                // Each of these is new, once in the total and in one count of each other row.
                Measure::Number(value) if name == "findings.new.total" => *value == somewhere as f64,
                Measure::Number(value) => *value <= somewhere as f64,
                Measure::Names(names) => names.is_empty(),
                _ => false,
            };
            assert!(nothing, "against itself `{name}` is {measure:?}");
        }
    }
}

/// What a person is shown of it is little.
fn shown(format: Format, bytes: &[u8]) {
    let (tally, _) = read_into(Tally::new(format.kind(), None).expect("a kind that is tallied"), format, bytes);
    let (_, notables) = tally.finish();
    let notables = notables.into_sorted();
    assert!(notables.len() <= Notables::ROOM);
    for notable in notables {
        assert!(notable.title.len() <= 3 * Notables::TEXT, "{} bytes of title", notable.title.len());
        assert!(notable.message.len() <= 3 * Notables::TEXT, "{} bytes of message", notable.message.len());
        assert!(notable.path.is_none_or(|path| path.len() <= 4096));
    }
}

/// Gatling's newer log is no text, and its end is where its last record ends.
fn is_binary(format: Format, bytes: &[u8]) -> bool {
    format == Format::Gatling && countersign::evidence::gatling::binary_version(bytes).is_some()
}
