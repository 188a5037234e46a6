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
#[case("django-DefectDojo__unittests__scans__snyk__single_project_no_vulns.json", [0, 0, 0, 0, 0, 0], 0, Some(0))]
#[case("snyk-to-html__test__fixtures__test-exploit-maturity.json", [6, 0, 2, 3, 1, 0], 6, None)]
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

/// Reports that were cut down for other tools' tests: what they state is what Snyk had found.
#[rstest]
#[case(
    "django-DefectDojo__unittests__scans__snyk__single_project_None_cvss.json",
    "docker-image|a_container-engine-tls",
    75
)]
#[case("snyk-to-html__test__fixtures__test-report-container-with-app-vulns.json", "docker-image|vulnerable", 87)]
#[case("snyk-to-html__test__fixtures__test-report-empty-descr.json", "", 11)]
fn real_reports_that_were_cut_down_contradict_themselves(#[case] file: &str, #[case] name: &str, #[case] counts: u64) {
    let Some(bytes) = corpus(Format::Snyk, &format!("snyk/{file}")) else { return };
    let fault = super::findings::read(Format::Snyk, &bytes).err().unwrap();
    assert_eq!(fault.reason, Reason::Contradictory);
    let says = format!("the project `{name}` counts {counts} different issues (`uniqueCount`), and lists 1; have Snyk");
    assert!(fault.message.starts_with(&says), "{fault}");
}

/// A project as the CLI writes it: what it states, what it lists and what it filtered, by identifiers.
fn stating(states: &str, listed: &[&str], ignored: &[&str]) -> String {
    let entries = |ids: &[&str]| ids.iter().map(|id| issue(id, "p", "1", "")).collect::<Vec<_>>().join(",");
    format!(
        r#"{{"projectName":"x","vulnerabilities":[{}],"filtered":{{"ignore":[{}],"patch":[]}}{states}}}"#,
        entries(listed),
        entries(ignored)
    )
}

#[rstest]
// As `runTest` of the CLI in TypeScript counts: what is left after everything was filtered.
#[case::what_is_listed(r#","ok":false,"uniqueCount":2"#, &["a", "b", "a"], &["c"])]
#[case::nothing_is_left(r#","ok":true,"uniqueCount":0"#, &[], &["c"])]
#[case::nothing_found(r#","ok":true,"uniqueCount":0"#, &[], &[])]
// As `ConvertSnykSchemaFindingsToLegacy` of the CLI in Go states it: what is ignored counts.
#[case::with_what_is_ignored(r#","ok":false,"uniqueCount":3"#, &["a", "b"], &["c", "a"])]
#[case::all_is_ignored(r#","ok":false,"uniqueCount":1"#, &[], &["c"])]
#[case::no_count(r#","ok":false"#, &["a"], &[])]
#[case::nothing_stated("", &["a"], &[])]
#[case::as_often_described(r#","issuesData":{"a":{},"b":{}}"#, &["a", "b"], &[])]
fn what_an_honest_report_states_is_what_it_lists(
    #[case] states: &str,
    #[case] listed: &[&str],
    #[case] ignored: &[&str],
) {
    let text = stating(states, listed, ignored);
    let read = super::findings::read(Format::Snyk, text.as_bytes()).unwrap_or_else(|fault| panic!("{fault}\n{text}"));
    let different: std::collections::BTreeSet<_> = listed.iter().collect();
    assert_eq!(count(&read.measures, "vulnerabilities.total"), Some(different.len() as u64));
}

#[rstest]
#[case::fewer_listed(r#","ok":false,"uniqueCount":5"#, &["a"], &[], "counts 5 different issues (`uniqueCount`), and lists 1;")]
#[case::more_listed(r#","ok":false,"uniqueCount":1"#, &["a", "b"], &[], "counts 1 different issues (`uniqueCount`), and lists 2;")]
#[case::between(r#","ok":false,"uniqueCount":2"#, &["a"], &["b", "c"], "counts 2 different issues (`uniqueCount`), and lists 1 and 2 more as filtered;")]
#[case::nothing_listed(r#","ok":false,"uniqueCount":5"#, &[], &[], "is not ok, and nothing is listed for it;")]
#[case::not_ok(r#","ok":false"#, &[], &[], "is not ok, and nothing is listed for it;")]
#[case::not_ok_for_nothing(r#","ok":false,"uniqueCount":0"#, &[], &["a"], "is not ok, and nothing is listed for it;")]
#[case::counts_alone(r#","uniqueCount":5"#, &[], &[], "counts 5 different issues")]
#[case::ok_with_issues(r#","ok":true,"uniqueCount":0"#, &["a"], &[], "is ok, and issues are listed for it;")]
#[case::described_more(r#","issuesData":{"a":{},"b":{}}"#, &["a"], &[], "describes 2 issues in `issuesData`, and lists 1;")]
fn a_report_that_states_other_than_it_lists_contradicts_itself(
    #[case] states: &str,
    #[case] listed: &[&str],
    #[case] ignored: &[&str],
    #[case] says: &str,
) {
    let cut = stating(states, listed, ignored);
    let whole = stating(r#","ok":true,"uniqueCount":0"#, &[], &[]);
    // Alone, among several projects, and as an application in an image.
    let image = whole.replacen('{', &format!(r#"{{"applications":[{cut}],"#), 1);
    for text in [cut.clone(), format!("[{whole},{cut}]"), image] {
        let fault = super::findings::read(Format::Snyk, text.as_bytes()).err().unwrap();
        assert_eq!(fault.reason, Reason::Contradictory, "{text}");
        assert!(fault.message.contains(&format!("the project `x` {says}")), "{fault}");
    }
}

#[test]
fn issues_that_are_grouped_are_read() {
    let text = r#"{"ok":false,"uniqueCount":1,"vulnerabilities":[{"id":"S-1","packageName":"p","version":"1","severity":"high","name":["p","p"],"from":[["a"],["b"]]}]}"#;
    assert_eq!(count(&read(text).measures, "vulnerabilities.high"), Some(1));
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

/// A clean project of which Snyk was to show only what is as grave as this.
fn above(threshold: &str) -> String {
    format!(r#"{{"vulnerabilities":[],"ok":true,"uniqueCount":0,"severityThreshold":"{threshold}"}}"#)
}

#[rstest]
#[case("critical", &["critical"], &[])]
#[case("high", &["critical", "high"], &["error"])]
#[case("medium", &["critical", "high", "medium"], &["error", "warning"])]
fn what_is_below_the_threshold_is_unknown(
    #[case] threshold: &str,
    #[case] severities: &[&str],
    #[case] levels: &[&str],
) {
    let read = read(&above(threshold));
    let stated: Vec<_> = read.measures.iter().map(|(name, _)| name).collect();
    let mut expected = Vec::new();
    for prefix in ["findings", "vulnerabilities", "vulnerabilities.fixable"] {
        expected.extend(severities.iter().map(|severity| format!("{prefix}.{severity}")));
    }
    expected.extend(levels.iter().map(|level| format!("findings.{level}")));
    expected.sort_unstable();
    assert_eq!(stated, expected);
    for name in ["vulnerabilities.total", "vulnerabilities.low", "findings.none", "findings.suppressed"] {
        assert!(read.about.leaves_open.iter().any(|open| name.starts_with(open)), "{name}");
    }
    assert!(!read.about.leaves_open.iter().any(|open| "vulnerabilities.critical".starts_with(open)));
}

#[test]
fn the_highest_threshold_of_several_projects_counts_and_the_lowest_leaves_nothing_out() {
    let several = format!("[{},{},{}]", above("medium"), above("critical"), above("low"));
    assert_eq!(count(&read(&several).measures, "vulnerabilities.high"), None);
    assert_eq!(count(&read(&several).measures, "vulnerabilities.critical"), Some(0));
    assert_eq!(count(&read(&above("low")).measures, "vulnerabilities.total"), Some(0));
    let now = compare(Format::Snyk, &above("low"), &above("high"));
    assert_eq!((count(&now, "findings.new.high"), count(&now, "findings.new.medium")), (Some(0), None));
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
