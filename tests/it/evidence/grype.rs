//! Grype: real reports, and reports that mean harm.

use countersign::evidence::recognise;
use countersign::model::kind::Format;
use countersign::model::verdict::Reason;
use rstest::rstest;

use super::findings::{compare, corpus, count, cut_anywhere_is_a_fault, names, severities};
use crate::support;

/// Vulnerabilities: total, critical, high, medium, low, unrated; fixable; exploited; identifiers.
///
/// The numbers come from a Python script over `json.load`, written apart from this code.
#[rstest]
#[case("django-DefectDojo__unittests__scans__anchore_grype__check_all_fields_no_ids_fabricated.json", [1, 0, 1, 0, 0, 0], 1, None, 1)]
#[case("django-DefectDojo__unittests__scans__anchore_grype__check_all_fields_with_ids_fabricated.json", [1, 0, 1, 0, 0, 0], 1, None, 1)]
#[case("django-DefectDojo__unittests__scans__anchore_grype__fix_available.json", [1, 0, 1, 0, 0, 0], 1, None, 1)]
#[case("django-DefectDojo__unittests__scans__anchore_grype__issue_9618.json", [35, 1, 18, 13, 2, 1], 23, None, 19)]
#[case("django-DefectDojo__unittests__scans__anchore_grype__many_vulns4.json", [9, 2, 2, 5, 0, 0], 0, None, 9)]
#[case("django-DefectDojo__unittests__scans__anchore_grype__no_vuln.json", [0, 0, 0, 0, 0, 0], 0, Some(0), 0)]
#[case("django-DefectDojo__unittests__scans__anchore_grype__same_cve_different_paths.json", [2, 2, 0, 0, 0, 0], 0, None, 1)]
#[case("grype__grype__presenter__json__testdata__snapshot__TestEmptyJsonPresenter.golden", [0, 0, 0, 0, 0, 0], 0, Some(0), 0)]
#[case("grype__grype__presenter__json__testdata__snapshot__TestJsonImgsPresenter.golden", [2, 1, 0, 0, 1, 0], 1, Some(1), 2)]
#[case("warnings-ng-plugin__plugin__src__test__resources__io__jenkins__plugins__analysis__warnings__steps__grype-report.json", [3, 0, 2, 1, 0, 0], 0, None, 3)]
fn real_reports_are_counted(
    #[case] file: &str,
    #[case] expected: [u64; 6],
    #[case] fixable: u64,
    #[case] exploited: Option<u64>,
    #[case] ids: usize,
) {
    let Some(bytes) = corpus(Format::Grype, &format!("grype/{file}")) else { return };
    let measures = super::findings::read(Format::Grype, &bytes).unwrap().measures;
    assert_eq!(severities(&measures, "vulnerabilities"), Some(expected));
    assert_eq!(severities(&measures, "findings"), Some(expected));
    assert_eq!(count(&measures, "vulnerabilities.fixable.total"), Some(fixable));
    assert_eq!(count(&measures, "vulnerabilities.exploited"), exploited);
    assert_eq!(names(&measures, "vulnerabilities.ids").len(), ids);
    let text = String::from_utf8(bytes).unwrap();
    assert_eq!(count(&compare(Format::Grype, &text, &text), "vulnerabilities.new.total"), Some(0));
}

#[rstest]
#[case(
    "grype__grype__presenter__cyclonedx__testdata__snapshot__TestCycloneDxPresenterDir.golden",
    Some(Format::CyclonedxJson)
)]
#[case(
    "grype__grype__presenter__cyclonedx__testdata__snapshot__TestCycloneDxPresenterImage.golden",
    Some(Format::CyclonedxJson)
)]
#[case("grype__grype__presenter__json__testdata__snapshot__stereoscope-fixture-image-simple.golden", None)]
#[case("grype__grype__presenter__template__testdata__snapshot__TestPresenter_Present.golden", None)]
fn what_grype_writes_in_other_formats_is_not_taken_for_its_report(#[case] file: &str, #[case] format: Option<Format>) {
    let Some(path) = support::corpus(&format!("grype/{file}")) else { return };
    assert_eq!(recognise(&std::fs::read(path).unwrap()), format);
}

fn one(id: &str, package: &str, version: &str, path: &str, rest: &str) -> String {
    format!(
        r#"{{"matches":[{{"vulnerability":{{"id":"{id}","severity":"High"{rest}}},"artifact":{{"name":"{package}",
        "version":"{version}","locations":[{{"path":"{path}"}}]}}}}],"descriptor":{{"name":"grype","version":"0.90.0",
        "timestamp":"2026-04-10T11:05:22Z"}}}}"#
    )
}

#[rstest]
#[case::another_version(one("CVE-1", "a", "2.1", "/lib/a-2.1.jar", ""), 0)]
#[case::another_path(one("CVE-1", "a", "2.0", "/opt/a-2.0.jar", ""), 1)]
#[case::another_package(one("CVE-1", "b", "2.0", "/lib/a-2.0.jar", ""), 1)]
#[case::another_vulnerability(one("CVE-2", "a", "2.0", "/lib/a-2.0.jar", ""), 1)]
fn a_match_is_itself_by_vulnerability_package_and_path(#[case] now: String, #[case] new: u64) {
    let before = one("CVE-1", "a", "2.0", "/lib/a-2.0.jar", "");
    assert_eq!(count(&compare(Format::Grype, &before, &now), "vulnerabilities.new.total"), Some(new));
}

#[rstest]
#[case::old_database("", None)]
#[case::known_not_to_be(r#","risk":0.1"#, Some(0))]
#[case::known_to_be(r#","risk":9,"knownExploited":[{"cve":"CVE-1"}]"#, Some(1))]
#[case::empty_list(r#","epss":[{"epss":0.1}],"knownExploited":[]"#, Some(0))]
fn exploitation_is_known_where_the_database_knows_of_it(#[case] rest: &str, #[case] exploited: Option<u64>) {
    let measures =
        super::findings::read(Format::Grype, one("CVE-1", "a", "1", "/a", rest).as_bytes()).unwrap().measures;
    assert_eq!(count(&measures, "vulnerabilities.exploited"), exploited);
}

#[rstest]
#[case(r#","fix":{"state":"fixed","versions":["2"]}"#, 1)]
#[case(r#","fix":{"state":"not-fixed","versions":[]}"#, 0)]
#[case(r#","fix":{"state":"wont-fix","versions":[]}"#, 0)]
#[case(r#","fix":{"state":"unknown","versions":[]}"#, 0)]
#[case(r#","fix":{"state":"","versions":["1.2"]}"#, 1)]
fn what_has_a_fixed_version_is_fixable(#[case] rest: &str, #[case] fixable: u64) {
    let measures =
        super::findings::read(Format::Grype, one("CVE-1", "a", "1", "/a", rest).as_bytes()).unwrap().measures;
    assert_eq!(count(&measures, "vulnerabilities.fixable.high"), Some(fixable));
}

#[test]
fn ignored_matches_are_suppressed_and_in_no_other_count() {
    let text = r#"{"matches":[],"ignoredMatches":[{"vulnerability":{"id":"CVE-1"}},{"vulnerability":{"id":"CVE-2"}}],"descriptor":{}}"#;
    let measures = super::findings::read(Format::Grype, text.as_bytes()).unwrap().measures;
    assert_eq!(count(&measures, "findings.suppressed"), Some(2));
    assert_eq!(count(&measures, "findings.total"), Some(0));
}

#[test]
fn a_report_says_who_made_it_when_and_what_is_worst() {
    let text = one(
        "CVE-1",
        "a",
        "1",
        "/a",
        r#","description":"bad","cvss":[{"metrics":{"baseScore":7.1}},{"metrics":{"baseScore":8.2}}]"#,
    );
    let read = super::findings::read(Format::Grype, text.as_bytes()).unwrap();
    assert_eq!(read.about.tool.as_deref(), Some("Grype 0.90.0"));
    assert_eq!(read.about.made_at.unwrap().to_rfc3339(), "2026-04-10T11:05:22+00:00");
    let shown = &read.notables[0];
    assert_eq!((shown.title.as_str(), shown.message.as_str(), shown.rank), ("CVE-1 in a 1", "bad", 82));
    assert_eq!(shown.path.as_deref(), Some("/a"));
}

#[rstest]
#[case(r#"{"descriptor":{}}"#)]
#[case(r#"{"matches":[]}"#)]
#[case(r#"{"matches":null,"descriptor":{}}"#)]
#[case(r#"{"matches":{}}"#)]
#[case(r#"{"matches":[1]}"#)]
#[case(r#"{"matches":[{}]}"#)]
#[case(r#"{"matches":[{"vulnerability":{"id":"a","severity":5}}]}"#)]
#[case(r#"{"matches":[{"vulnerability":{"id":"a","id":"b"}}]}"#)]
#[case(r#"{"matches":[{"vulnerability":{"id":"a","cvss":[{"metrics":{"baseScore":NaN}}]}}]}"#)]
fn wrong_types_are_faults(#[case] text: &str) {
    assert_eq!(super::findings::read(Format::Grype, text.as_bytes()).err().unwrap().reason, Reason::Malformed);
}

#[test]
fn a_report_that_is_cut_off_anywhere_is_a_fault() {
    cut_anywhere_is_a_fault(Format::Grype, &one("CVE-1", "a", "1", "/a", ""));
}
