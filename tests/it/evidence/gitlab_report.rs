//! GitLab security reports: files made from the schemas, and files that mean harm.

use countersign::evidence::recognise;
use countersign::model::kind::Format;
use countersign::model::report::Place;
use countersign::model::verdict::Reason;
use rstest::rstest;

use super::findings::{Read, compare, count, cut_anywhere_is_a_fault, names, severities};

const SAST: &str = include_str!("../../fixtures/gitlab/gl-sast-report.json");
const DEPENDENCIES: &str = include_str!("../../fixtures/gitlab/gl-dependency-scanning-report.json");
const CONTAINER: &str = include_str!("../../fixtures/gitlab/gl-container-scanning-report.json");
const SECRETS: &str = include_str!("../../fixtures/gitlab/gl-secret-detection-report.json");

fn read(text: &str) -> Read {
    assert_eq!(recognise(text.as_bytes()), Some(Format::GitlabReport));
    super::findings::read(Format::GitlabReport, text.as_bytes()).unwrap()
}

/// The files are small; their entries were counted by hand.
#[rstest]
#[case::sast(SAST, [3, 0, 1, 1, 1, 0], None)]
#[case::secrets(SECRETS, [1, 1, 0, 0, 0, 0], None)]
#[case::dependencies(DEPENDENCIES, [2, 1, 0, 0, 0, 1], Some([2, 1, 0, 0, 0, 1]))]
#[case::container(CONTAINER, [1, 0, 0, 0, 1, 0], Some([1, 0, 0, 0, 1, 0]))]
fn only_scans_of_components_find_known_vulnerabilities(
    #[case] text: &str,
    #[case] findings: [u64; 6],
    #[case] vulnerabilities: Option<[u64; 6]>,
) {
    let measures = read(text).measures;
    assert_eq!(severities(&measures, "findings"), Some(findings));
    assert_eq!(severities(&measures, "vulnerabilities"), vulnerabilities);
    assert_eq!(severities(&measures, "vulnerabilities.fixable"), None);
    assert_eq!(count(&measures, "vulnerabilities.exploited"), None);
    assert_eq!(count(&measures, "findings.suppressed"), None);
    assert_eq!(count(&compare(Format::GitlabReport, text, text), "findings.new.total"), Some(0));
}

#[test]
fn the_first_identifier_names_a_finding_unless_there_is_a_cve() {
    let rules = names(&read(SAST).measures, "findings.rules");
    assert_eq!(rules, ["python.bind-all", "python.sql-injection", "python.weak-hash"]);
    assert_eq!(names(&read(DEPENDENCIES).measures, "vulnerabilities.ids"), ["CVE-2019-10744", "GHSA-c2qf-rxjj-qqgw"]);
}

#[test]
fn a_finding_is_shown_with_its_file_and_line() {
    let read = read(SAST);
    let shown = &read.notables[0];
    assert_eq!(shown.title, "python.sql-injection");
    assert_eq!(shown.message, "Improper neutralization of special elements used in an SQL command");
    assert_eq!((shown.path.as_deref(), shown.line), (Some("app/orders.py"), Some(41)));
    assert_eq!(read.about.tool.as_deref(), Some("Semgrep 1.90.0"));
    assert_eq!(read.about.made_at.unwrap().to_rfc3339(), "2026-05-04T10:11:12+00:00");
    assert_eq!(read.about.tool_failure, None);
}

#[test]
fn a_scan_that_failed_is_a_failure_of_the_tool() {
    assert_eq!(read(SECRETS).about.tool_failure.as_deref(), Some("the scan says that its status is `failure`"));
    let with = |level: &str| {
        let scan =
            format!(r#""scan":{{"status":"success","messages":[{{"level":"{level}","value":"out of memory"}}]}}"#);
        read(&format!(r#"{{"version":"15.0.0",{scan},"vulnerabilities":[]}}"#)).about.tool_failure
    };
    assert_eq!(with("fatal").as_deref(), Some("the scan has a message that is `fatal`: out of memory"));
    assert_eq!(with("warn"), None);
}

#[rstest]
#[case::another_tag(":1.4.2", ":1.5.0", 0)]
#[case::a_digest(":1.4.2", "@sha256:00", 0)]
#[case::another_version("\"version\": \"3.0.1\"", "\"version\": \"3.0.9\"", 0)]
#[case::another_image("shop/app", "shop/web", 1)]
#[case::another_package("\"name\": \"openssl\"", "\"name\": \"libssl3\"", 1)]
fn a_vulnerability_of_an_image_is_itself_whatever_the_tag(#[case] from: &str, #[case] to: &str, #[case] new: u64) {
    let measures = compare(Format::GitlabReport, CONTAINER, &CONTAINER.replace(from, to));
    assert_eq!(count(&measures, "vulnerabilities.new.total"), Some(new));
}

#[test]
fn a_finding_that_other_edits_moved_is_not_new() {
    let measures = compare(Format::GitlabReport, SAST, &SAST.replace("\"start_line\": 41", "\"start_line\": 52"));
    assert_eq!(count(&measures, "findings.new.total"), Some(0));
}

#[rstest]
#[case(r#"{"version":"15.0.0","scan":{}}"#, "the report has no `vulnerabilities`")]
#[case(r#"{"version":"15.0.0","scan":{},"vulnerabilities":null}"#, "the report has no `vulnerabilities`")]
#[case(r#"{"scan":{},"vulnerabilities":[]}"#, "the report has no `version`")]
#[case(r#"{"version":"15.0.0","vulnerabilities":[]}"#, "the report has no `scan.status`")]
#[case(r#"{"version":"15.0.0","scan":{"status":null},"vulnerabilities":[]}"#, "the report has no `scan.status`")]
#[case(r#"{"version":"3.0","scan":{},"vulnerabilities":[]}"#, "schema `3.0` is not read")]
#[case(r#"{"version":15,"scan":{},"vulnerabilities":[]}"#, "expected a text, found a number")]
#[case(r#"{"version":"15.0.0","scan":{"status":"maybe"},"vulnerabilities":[]}"#, "`status` is `maybe`, where")]
#[case(r#"{"version":"15.0.0","vulnerabilities":[{"severity":"High"}]}"#, "an entry of `vulnerabilities` has neither")]
#[case(r#"{"version":"15.0.0","vulnerabilities":[{"id":"a","severity":1}]}"#, "expected a text, found a number")]
#[case(
    r#"{"version":"15.0.0","vulnerabilities":[{"id":"a","location":{"start_line":-1}}]}"#,
    "expected a count, found -1"
)]
#[case(r#"{"version":"15.0.0","vulnerabilities":[],"vulnerabilities":[]}"#, "the key `vulnerabilities` stands twice")]
fn what_breaks_the_schema_is_a_fault(#[case] text: &str, #[case] message: &str) {
    let fault = super::findings::read(Format::GitlabReport, text.as_bytes()).err().unwrap();
    assert_eq!(fault.reason, Reason::Malformed);
    assert!(fault.message.starts_with(message), "{fault}");
}

#[test]
fn a_report_that_is_cut_off_anywhere_is_a_fault() {
    for text in [SAST, DEPENDENCIES] {
        cut_anywhere_is_a_fault(Format::GitlabReport, text);
    }
}

#[test]
fn a_fault_in_an_entry_that_waited_for_the_scan_names_its_place() {
    let text = "{\"version\":\"15.0.0\",\"vulnerabilities\":[\n{\"id\":7}],\n\"scan\":{\"type\":\"sast\"}}";
    let fault = super::findings::read(Format::GitlabReport, text.as_bytes()).err().unwrap();
    assert_eq!(fault.place, Place::Line(2, 7));
}
