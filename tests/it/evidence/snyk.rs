//! Snyk: real reports, and reports that mean harm.

use countersign::evidence::recognise;
use countersign::model::kind::Format;
use countersign::model::verdict::Reason;
use rstest::rstest;

use super::findings::{Read, compare, corpus, count, cut_anywhere_is_a_fault, names, severities};
use crate::support;

fn read(text: &str) -> Read {
    super::findings::read(Format::Snyk, text.as_bytes()).unwrap()
}

/// Findings: total, critical, high, medium, low, unrated; vulnerabilities; fixable.
///
/// The numbers come from a Python script over `json.load`, written apart from this code;
/// for `all-projects` they are also the sum of the projects' `uniqueCount`.
#[rstest]
#[case("django-DefectDojo__unittests__scans__snyk__all-projects_many_vulns.json", [4, 0, 0, 4, 0, 0], 4, Some(4))]
#[case("django-DefectDojo__unittests__scans__snyk__single_project_None_cvss.json", [1, 0, 0, 0, 1, 0], 1, Some(1))]
#[case("django-DefectDojo__unittests__scans__snyk__single_project_no_vulns.json", [0, 0, 0, 0, 0, 0], 0, Some(0))]
#[case("snyk-to-html__test__fixtures__test-exploit-maturity.json", [6, 0, 2, 3, 1, 0], 6, None)]
#[case("snyk-to-html__test__fixtures__test-report-container-with-app-vulns.json", [2, 1, 1, 0, 0, 0], 2, Some(1))]
#[case("snyk-to-html__test__fixtures__test-report-empty-descr.json", [1, 0, 0, 1, 0, 0], 0, Some(0))]
#[case("snyk-to-html__test__fixtures__test-report-unmanaged-cpp.json", [41, 12, 12, 12, 5, 0], 41, Some(38))]
fn real_reports_are_counted(
    #[case] file: &str,
    #[case] findings: [u64; 6],
    #[case] vulnerabilities: u64,
    #[case] fixable: Option<u64>,
) {
    let Some(bytes) = corpus(Format::Snyk, &format!("snyk/{file}")) else { return };
    let measures = super::findings::read(Format::Snyk, &bytes).unwrap().measures;
    assert_eq!(severities(&measures, "findings"), Some(findings));
    assert_eq!(count(&measures, "vulnerabilities.total"), Some(vulnerabilities));
    assert_eq!(count(&measures, "vulnerabilities.fixable.total"), fixable);
    let text = String::from_utf8(bytes).unwrap();
    assert_eq!(count(&compare(Format::Snyk, &text, &text), "findings.new.total"), Some(0));
}

#[test]
fn what_snyk_prints_for_people_is_not_recognised() {
    let Some(path) = support::corpus("snyk/snyk-to-html__test__fixtures__invalid-input.json") else { return };
    assert_eq!(recognise(&std::fs::read(path).unwrap()), None);
}

fn project(file: &str, issues: &str) -> String {
    format!(
        r#"{{"vulnerabilities":[{issues}],"ok":false,"filtered":{{"ignore":[],"patch":[]}},"displayTargetFile":"{file}"}}"#
    )
}

fn issue(id: &str, package: &str, version: &str, rest: &str) -> String {
    format!(r#"{{"id":"{id}","packageName":"{package}","version":"{version}","severity":"high"{rest}}}"#)
}

#[test]
fn a_vulnerability_is_one_however_many_paths_lead_to_it() {
    let paths = ["a", "b", "c"].map(|from| issue("S-1", "p", "1", &format!(r#","from":["{from}"]"#))).join(",");
    let both = format!("{paths},{}", issue("S-1", "p", "2", ""));
    assert_eq!(count(&read(&project("f", &both)).measures, "vulnerabilities.total"), Some(2));
    let projects = format!("[{},{}]", project("f", &paths), project("g", &paths));
    assert_eq!(count(&read(&projects).measures, "vulnerabilities.total"), Some(2), "one in each project");
}

#[test]
fn the_severity_that_knows_critical_comes_first() {
    let text =
        project("f", &issue("S-1", "p", "1", r#","severityWithCritical":"critical","cvssScore":9.8,"title":"RCE""#));
    let read = read(&text);
    assert_eq!(count(&read.measures, "vulnerabilities.critical"), Some(1));
    assert_eq!((read.notables[0].title.as_str(), read.notables[0].rank), ("S-1 in p 1", 98));
    assert_eq!(read.notables[0].path.as_deref(), Some("f"));
}

#[test]
fn a_licence_issue_is_a_finding_and_no_vulnerability() {
    let measures = read(&project("f", &issue("snyk:lic:npm:a:GPL-3.0", "a", "1", r#","type":"license""#))).measures;
    assert_eq!(count(&measures, "findings.total"), Some(1));
    assert_eq!(count(&measures, "vulnerabilities.total"), Some(0));
    assert_eq!(names(&measures, "findings.rules"), ["snyk:lic:npm:a:GPL-3.0"]);
}

#[test]
fn a_mature_exploit_is_not_an_exploited_vulnerability() {
    let measures = read(&project("f", &issue("S-1", "a", "1", r#","exploit":"Mature""#))).measures;
    assert_eq!(count(&measures, "vulnerabilities.exploited"), None);
}

#[test]
fn ignored_vulnerabilities_are_suppressed_where_the_report_lists_them() {
    let text = r#"{"ok":true,"vulnerabilities":[],"filtered":{"ignore":[{"id":"S-1"}],"patch":[]}}"#;
    assert_eq!(count(&read(text).measures, "findings.suppressed"), Some(1));
    assert_eq!(count(&read(r#"{"ok":true,"vulnerabilities":[]}"#).measures, "findings.suppressed"), None);
}

#[rstest]
#[case(r#"{"ok":false,"error":"Could not detect supported target files","path":"/w"}"#)]
#[case(r#"[{"ok":true,"vulnerabilities":[]},{"ok":false,"error":"Could not detect supported target files"}]"#)]
fn a_run_that_failed_is_a_failure_of_the_tool(#[case] text: &str) {
    assert_eq!(recognise(text.as_bytes()), Some(Format::Snyk), "{text}");
    let about = read(text).about;
    let expected = "Snyk could not test a project: Could not detect supported target files";
    assert_eq!(about.tool_failure.as_deref(), Some(expected));
}

#[rstest]
#[case::another_version("f", ("S-1", "p", "2"), 0)]
#[case::another_file("g", ("S-1", "p", "1"), 1)]
#[case::another_package("f", ("S-1", "q", "1"), 1)]
fn a_vulnerability_is_itself_by_identifier_package_and_file(
    #[case] file: &str,
    #[case] now: (&str, &str, &str),
    #[case] new: u64,
) {
    let before = project("f", &issue("S-1", "p", "1", ""));
    let now = project(file, &issue(now.0, now.1, now.2, ""));
    assert_eq!(count(&compare(Format::Snyk, &before, &now), "vulnerabilities.new.total"), Some(new));
}

#[rstest]
#[case("[]", Reason::EmptyReport)]
#[case("{}", Reason::Malformed)]
#[case(r#"{"ok":true}"#, Reason::Malformed)]
#[case(r#"{"ok":true,"vulnerabilities":null}"#, Reason::Malformed)]
#[case(r#"{"ok":true,"vulnerabilities":{}}"#, Reason::Malformed)]
#[case(r#"{"vulnerabilities":[{"title":"a"}]}"#, Reason::Malformed)]
#[case(r#"{"vulnerabilities":[{"id":"a","cvssScore":"9"}]}"#, Reason::Malformed)]
#[case(r#"{"vulnerabilities":[{"id":"a","isUpgradable":"yes"}]}"#, Reason::Malformed)]
#[case(r#"{"vulnerabilities":[{"id":"a","id":"b"}]}"#, Reason::Malformed)]
fn wrong_types_are_faults(#[case] text: &str, #[case] reason: Reason) {
    assert_eq!(super::findings::read(Format::Snyk, text.as_bytes()).err().unwrap().reason, reason);
}

#[test]
fn t54_too_many_different_vulnerabilities_are_beyond_the_limit() {
    let issues: Vec<_> = (0..100_001).map(|number| format!(r#"{{"id":"{number}"}}"#)).collect();
    let fault = super::findings::read(Format::Snyk, project("f", &issues.join(",")).as_bytes()).err().unwrap();
    assert_eq!(fault.reason, Reason::BeyondLimit);
}

#[test]
fn a_report_that_is_cut_off_anywhere_is_a_fault() {
    cut_anywhere_is_a_fault(Format::Snyk, &project("f", &issue("S-1", "p", "1", "")));
    cut_anywhere_is_a_fault(Format::Snyk, &format!("[{}]", project("f", "")));
}
