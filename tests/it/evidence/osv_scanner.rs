//! OSV-Scanner: a report made from its schema, and reports that mean harm.

use countersign::evidence::recognise;
use countersign::model::kind::Format;
use countersign::model::verdict::Reason;
use proptest::prelude::*;
use rstest::rstest;

use super::findings::{compare, count, cut_anywhere_is_a_fault, names, severities};

const RESULTS: &str = include_str!("../../fixtures/osv-scanner/results.json");

#[test]
fn a_group_of_advisories_is_one_vulnerability() {
    // Counted in the file by hand: two groups of lodash, one of old, one of example.com/a,
    // and the two advisories of example.com/word, which has no groups; one licence.
    assert_eq!(recognise(RESULTS.as_bytes()), Some(Format::OsvScanner));
    let read = super::findings::read(Format::OsvScanner, RESULTS.as_bytes()).unwrap();
    // 9.1, and the vectors of `old` (CVSS 3.1, 9.8) and of GHSA-four (CVSS 4.0, 9.3) are critical;
    // 5.3 and MODERATE are medium; GO-2026-0001 has neither score nor vector.
    assert_eq!(severities(&read.measures, "vulnerabilities"), Some([6, 3, 0, 2, 0, 1]));
    assert_eq!(severities(&read.measures, "findings"), Some([7, 3, 0, 2, 0, 2]));
    // GO-2026-0001 is fixed in another package only; what has no groups has no fixed event.
    assert_eq!(severities(&read.measures, "vulnerabilities.fixable"), Some([3, 2, 0, 1, 0, 0]));
    assert_eq!(
        names(&read.measures, "vulnerabilities.ids"),
        ["GHSA-29mw-wpgm-hmr9", "GHSA-four", "GHSA-jf85-cpcp-j695", "GHSA-vector-only", "GHSA-word", "GO-2026-0001"]
    );
    assert_eq!(count(&read.measures, "vulnerabilities.exploited"), None);
    assert_eq!(count(&read.measures, "findings.suppressed"), None);
    let ranks: Vec<_> = read.notables.iter().take(3).map(|one| one.rank).collect();
    assert_eq!(ranks, [98, 93, 91]);
    assert_eq!(read.notables[2].path.as_deref(), Some("/src/web/package-lock.json"));
}

#[test]
fn an_empty_list_is_clean() {
    let text = r#"{"results":[]}"#;
    assert_eq!(recognise(text.as_bytes()), Some(Format::OsvScanner));
    let measures = super::findings::read(Format::OsvScanner, text.as_bytes()).unwrap().measures;
    assert_eq!(severities(&measures, "vulnerabilities"), Some([0; 6]));
}

#[rstest]
#[case::semgrep(r#"{"version":"1.90.0","results":[],"errors":[],"paths":{"scanned":[]}}"#)]
#[case::bandit(r#"{"errors":[],"generated_at":"2026-01-01T00:00:00Z","results":[]}"#)]
#[case::something(r#"{"results":[{"id":1}]}"#)]
fn what_other_tools_call_results_is_not_recognised(#[case] text: &str) {
    assert_eq!(recognise(text.as_bytes()), None);
}

#[rstest]
#[case::another_version("4.17.15", "4.17.16", 0)]
#[case::another_source("/src/web/", "/src/app/", 3)]
#[case::another_package("\"name\": \"lodash\"", "\"name\": \"lodash-es\"", 2)]
fn a_vulnerability_is_itself_by_identifier_package_and_source(#[case] from: &str, #[case] to: &str, #[case] new: u64) {
    let measures = compare(Format::OsvScanner, RESULTS, &RESULTS.replace(from, to));
    assert_eq!(count(&measures, "vulnerabilities.new.total"), Some(new));
}

#[rstest]
#[case("{}")]
#[case(r#"{"results":{}}"#)]
#[case(r#"{"results":[{"packages":[{"groups":[{"ids":[]}]}]}]}"#)]
#[case(r#"{"results":[{"packages":[{"groups":[{"ids":["a"],"max_severity":"11"}]}]}]}"#)]
#[case(r#"{"results":[{"packages":[{"groups":[{"ids":["a"],"max_severity":"NaN"}]}]}]}"#)]
#[case(r#"{"results":[{"packages":[{"groups":[{"ids":["a"],"max_severity":9}]}]}]}"#)]
#[case(r#"{"results":[{"packages":[{"vulnerabilities":[{"summary":"a"}]}]}]}"#)]
#[case(r#"{"results":[],"results":[]}"#)]
fn wrong_types_are_faults(#[case] text: &str) {
    assert_eq!(super::findings::read(Format::OsvScanner, text.as_bytes()).err().unwrap().reason, Reason::Malformed);
}

#[test]
fn t54_too_many_advisories_of_one_package_are_beyond_the_limit() {
    let advisories = vec![r#"{"id":"a"}"#; 10_001].join(",");
    let text = format!(r#"{{"results":[{{"packages":[{{"vulnerabilities":[{advisories}]}}]}}]}}"#);
    let fault = super::findings::read(Format::OsvScanner, text.as_bytes()).err().unwrap();
    assert_eq!(fault.reason, Reason::BeyondLimit);
}

#[test]
fn a_report_that_is_cut_off_anywhere_is_a_fault() {
    cut_anywhere_is_a_fault(Format::OsvScanner, RESULTS);
}

proptest! {
    #[test]
    fn no_vector_of_scores_ends_the_process(vector in "CVSS:[2-4]\\.[01](/(AV|AC|AT|PR|UI|S|C|I|A|VC|VI|VA|SC|SI|SA|E|MAV|CR|RL):[A-Z]){0,14}") {
        let text = format!(
            r#"{{"results":[{{"packages":[{{"vulnerabilities":[{{"id":"a","severity":[{{"score":"{vector}"}}]}}]}}]}}]}}"#
        );
        prop_assert!(super::findings::read(Format::OsvScanner, text.as_bytes()).is_ok());
    }
}
