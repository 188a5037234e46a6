//! The tally of findings, and what the tests of its formats share.

use countersign::evidence::Tally;
use countersign::evidence::findings::{Finding, FindingTally, Level, Severity, Words};
use countersign::model::kind::{Format, Kind};
use countersign::model::measures::{Measure, Measures};
use countersign::model::notable::Notable;
use countersign::model::report::{About, Fault};
use rstest::rstest;

use crate::support;

/// What one report says.
pub struct Read {
    pub measures: Measures,
    pub about: About,
    pub notables: Vec<Notable>,
}

pub fn read(format: Format, bytes: &[u8]) -> Result<Read, Fault> {
    let mut about = About::default();
    let mut tally = Tally::new(Kind::Findings, None).unwrap();
    tally.read(format, bytes, &mut about)?;
    let (measures, notables) = tally.finish();
    Ok(Read { measures, about, notables: notables.into_sorted() })
}

/// What a report says against a baseline.
pub fn compare(format: Format, before: &str, now: &str) -> Measures {
    let mut about = About::default();
    let mut baseline = Tally::for_baseline(Kind::Findings).unwrap();
    baseline.read(format, before.as_bytes(), &mut about).unwrap();
    let mut tally = Tally::new(Kind::Findings, Some(baseline)).unwrap();
    tally.read(format, now.as_bytes(), &mut about).unwrap();
    tally.measures()
}

/// A file of the corpus, which must be recognised as the format; `None` without the corpus.
pub fn corpus(format: Format, path: &str) -> Option<Vec<u8>> {
    let bytes = std::fs::read(support::corpus(path)?).unwrap();
    assert_eq!(countersign::evidence::recognise(&bytes), Some(format), "{path}");
    Some(bytes)
}

/// A count, or `None` where it is unknown.
pub fn count(measures: &Measures, name: &str) -> Option<u64> {
    match measures.get(name)? {
        Measure::Number(number) => Some(number.to_string().parse().unwrap()),
        other => panic!("{name} is {other:?}"),
    }
}

/// `findings.` or `vulnerabilities.` or the like: total, critical, high, medium, low, unrated.
pub fn severities(measures: &Measures, prefix: &str) -> Option<[u64; 6]> {
    let names = ["total", "critical", "high", "medium", "low", "unrated"];
    let counts: Vec<_> = names.iter().filter_map(|name| count(measures, &format!("{prefix}.{name}"))).collect();
    counts.try_into().ok()
}

pub fn names(measures: &Measures, name: &str) -> Vec<String> {
    match measures.get(name) {
        Some(Measure::Names(names)) => names.clone(),
        other => panic!("{name} is {other:?}"),
    }
}

/// However a report is cut off, what is left is a fault and never a tally.
pub fn cut_anywhere_is_a_fault(format: Format, text: &str) {
    let text = text.trim_end();
    for end in 0..text.len() {
        let cut = &text.as_bytes()[..end];
        assert!(read(format, cut).is_err(), "cut after {end} bytes: {}", String::from_utf8_lossy(cut));
    }
}

fn finding(rule: &str) -> Finding<'_> {
    Finding { rule, level: Level::Error, severity: None, rank: 0, vulnerability: None, new: None }
}

fn add(tally: &mut FindingTally, rule: &str) {
    tally.finding(&finding(rule), |hasher| hasher.write(rule.as_bytes()), Words::default);
}

#[test]
fn an_empty_tally_knows_nothing_of_vulnerabilities_or_of_what_is_new() {
    let measures = FindingTally::new().measures();
    assert_eq!(count(&measures, "findings.total"), Some(0));
    assert_eq!(severities(&measures, "vulnerabilities"), None);
    assert_eq!(severities(&measures, "findings.new"), None);
    assert_eq!(severities(&measures, "vulnerabilities.fixable"), None);
}

#[test]
fn a_second_occurrence_that_the_baseline_does_not_have_is_new() {
    let mut before = FindingTally::for_baseline();
    for rule in ["a", "b", "b", "c"] {
        add(&mut before, rule);
    }
    let mut now = FindingTally::against(before);
    for rule in ["b", "a", "b", "b", "a", "d"] {
        add(&mut now, rule);
    }
    assert_eq!(count(&now.measures(), "findings.new.total"), Some(3), "one b, one a and the d");
}

#[test]
fn a_baseline_of_many_findings_matches_each_of_them_once() {
    let mut before = FindingTally::for_baseline();
    for number in 0..40_000 {
        add(&mut before, &(number / 2).to_string());
    }
    let mut now = FindingTally::against(before);
    for number in 0..40_000 {
        add(&mut now, &(number / 2).to_string());
    }
    assert_eq!(count(&now.measures(), "findings.new.total"), Some(0));
    add(&mut now, "17");
    assert_eq!(count(&now.measures(), "findings.new.total"), Some(1));
}

#[test]
fn an_empty_baseline_makes_everything_new() {
    let mut now = FindingTally::against(FindingTally::for_baseline());
    add(&mut now, "a");
    assert_eq!(count(&now.measures(), "findings.new.total"), Some(1));
    assert_eq!(count(&now.measures(), "findings.new.error"), Some(1));
}

#[test]
fn a_tally_that_remembers_nothing_is_no_baseline() {
    let mut now = FindingTally::against(FindingTally::new());
    add(&mut now, "a");
    assert_eq!(count(&now.measures(), "findings.new.total"), None);
}

#[test]
fn the_rules_are_listed_sorted_and_once_up_to_ten_thousand() {
    let mut tally = FindingTally::new();
    for number in (0..10_000).rev().chain([5, 6]) {
        add(&mut tally, &format!("r{number:05}"));
    }
    let rules = names(&tally.measures(), "findings.rules");
    assert_eq!(rules.len(), 10_000);
    assert!(rules.is_sorted());
    add(&mut tally, "one more");
    assert_eq!(tally.measures().get("findings.rules"), None);
    add(&mut tally, "r00001");
    assert_eq!(tally.measures().get("findings.rules"), None, "a list that was given up stays unknown");
    assert_eq!(count(&tally.measures(), "findings.total"), Some(10_004));
}

#[rstest]
#[case(10.0, Some(Severity::Critical))]
#[case(9.0, Some(Severity::Critical))]
#[case(8.9, Some(Severity::High))]
#[case(7.0, Some(Severity::High))]
#[case(6.9, Some(Severity::Medium))]
#[case(4.0, Some(Severity::Medium))]
#[case(3.9, Some(Severity::Low))]
#[case(0.1, Some(Severity::Low))]
#[case(0.0, None)]
fn scores_fall_into_the_bands_of_cvss(#[case] score: f64, #[case] severity: Option<Severity>) {
    assert_eq!(Severity::of_score(score), severity);
}

#[test]
fn a_sum_is_unknown_when_one_report_does_not_state_its_part() {
    let grype = r#"{"matches":[{"vulnerability":{"id":"CVE-1","risk":1,"knownExploited":[{"cve":"CVE-1"}],
        "fix":{"state":"fixed","versions":["2"]}},"artifact":{"name":"a"}}],"descriptor":{}}"#;
    let trivy = r#"{"ArtifactName":"x","Results":[{"Target":"t","Vulnerabilities":[{"VulnerabilityID":"CVE-2"}]}]}"#;
    let mut about = About::default();
    let mut tally = Tally::new(Kind::Findings, None).unwrap();
    tally.read(Format::Grype, grype.as_bytes(), &mut about).unwrap();
    assert_eq!(count(&tally.measures(), "vulnerabilities.exploited"), Some(1));
    assert_eq!(count(&tally.measures(), "findings.suppressed"), Some(0));
    tally.read(Format::Trivy, trivy.as_bytes(), &mut about).unwrap();
    assert_eq!(count(&tally.measures(), "vulnerabilities.exploited"), None);
    assert_eq!(count(&tally.measures(), "findings.suppressed"), None);
    assert_eq!(count(&tally.measures(), "vulnerabilities.fixable.total"), Some(1));
    assert_eq!(names(&tally.measures(), "vulnerabilities.ids"), ["CVE-1", "CVE-2"]);
}
