//! Reads a report the way a gate does: told by its content, then read into a tally of its kind.

use countersign::evidence::{Tally, recognise};
use countersign::model::kind::Format;
use countersign::model::measures::{Measure, Measures};
use countersign::model::report::{About, Fault};
use countersign::model::verdict::Reason;

use crate::support;

/// What reports of one gate measure together, and what they say of themselves.
pub fn all(reports: &[&[u8]]) -> Result<(Measures, About), Fault> {
    let mut tally: Option<Tally> = None;
    let mut about = About::default();
    for bytes in reports {
        let format = recognise(bytes).expect("a format that is read");
        let tally = tally.get_or_insert_with(|| Tally::new(format.kind(), None).expect("a kind that is tallied"));
        tally.read(format, bytes, &mut about)?;
    }
    Ok((tally.expect("at least one report").measures(), about))
}

pub fn one(bytes: impl AsRef<[u8]>) -> (Measures, About) {
    all(&[bytes.as_ref()]).unwrap_or_else(|fault| panic!("not read: {fault}"))
}

/// Reads content as a format that it may not be told as, and expects it to be refused.
pub fn refused(format: Format, bytes: impl AsRef<[u8]>) -> Fault {
    let mut tally = Tally::new(format.kind(), None).unwrap();
    let fault = tally.read(format, bytes.as_ref(), &mut About::default()).expect_err("to be refused");
    assert!(tally.measures().is_empty(), "what was refused left measures behind: {:?}", tally.measures());
    assert!(!fault.message.ends_with('.') && !fault.message.is_empty(), "{fault}");
    fault
}

pub fn refused_as(reason: Reason, format: Format, bytes: impl AsRef<[u8]>) -> String {
    let fault = refused(format, bytes);
    assert_eq!(fault.reason, reason, "{fault}");
    fault.to_string()
}

/// The bytes of a file of the corpus.
pub fn corpus(path: &str) -> Option<Vec<u8>> {
    Some(std::fs::read(support::corpus(path)?).unwrap())
}

/// Asserts all that is measured, and that nothing else is. `expected` is a list such as
/// `requests=3 p95_ms=20`; the names stand without the kind's prefix. Percentiles from a histogram
/// may lie up to 0.1 % above the expected ones.
pub fn assert_measures(measures: &Measures, prefix: &str, expected: &str) {
    let number = |measure: &Measure| match measure {
        Measure::Number(number) | Measure::Seconds(number) => *number,
        other => panic!("not a number: {other:?}"),
    };
    let mut wrong = Vec::new();
    let mut named = Vec::new();
    for pair in expected.split_whitespace() {
        let (name, value) = pair.split_once('=').unwrap();
        let value: f64 = value.parse().unwrap();
        named.push(name);
        match measures.get(&format!("{prefix}.{name}")).map(number) {
            None => wrong.push(format!("{name} is unknown and not {value}")),
            Some(found) => {
                let rounding = 1e-6 * value.max(1.0);
                let above = if name.starts_with('p') { 1e-3 * value } else { 0.0 };
                if found < value - rounding || found > value + above + rounding {
                    wrong.push(format!("{name} is {found} and not {value}"));
                }
            }
        }
    }
    for (name, measure) in measures.iter() {
        if !named.iter().any(|known| name.strip_prefix(prefix) == Some(&format!(".{known}"))) {
            wrong.push(format!("{name} is {measure:?} and not unknown"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
