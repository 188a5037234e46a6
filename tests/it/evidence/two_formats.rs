//! A document that is two reports at once: whichever it is read as, what the other found would be gone. And what looks like
//! a clean report because it is none.

use rstest::rstest;

use crate::support::run::World;

const CRITICAL: &str = r#"{"Target":"a","Class":"lang-pkgs","Vulnerabilities":[{"VulnerabilityID":"CVE-2026-1","PkgName":"p","Severity":"CRITICAL"}]}"#;

/// What the gate makes of a report, whatever it is called.
fn judged(gate: &str, report: &str) -> (i32, String) {
    let world = World::with_policy(&format!(
        "version: 1\nenvironments: {{ production: {{ approval: automatic }} }}\ngates:\n  g: {gate}\n"
    ));
    world.write("report.x", report);
    let said = world.run(&["gate", "--format", "json", "--now", "2026-11-23T09:00:00Z"]);
    (said.code, said.out)
}

const SCAN: &str = r#"{ scan: "report.x", require: "findings.error == 0" }"#;

#[rstest]
#[case::sarif_with_trivy(r#"{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"t"}},"results":[]}],"SchemaVersion":2,"Results":[CRITICAL]}"#, "`SchemaVersion` is where Trivy")]
#[case::sarif_with_grype(
    r#"{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"t"}},"results":[]}],"matches":[]}"#,
    "`matches` is where Grype"
)]
#[case::trivy_with_gitlab(
    r#"{"SchemaVersion":2,"ArtifactName":"a","version":"15.0.0","scan":{},"vulnerabilities":[{}]}"#,
    "`vulnerabilities` is where Snyk or GitLab"
)]
#[case::osv_scanner_with_sarif(
    r#"{"results":[{"packages":[]}],"version":"2.1.0","runs":[{}]}"#,
    "`runs` is where SARIF"
)]
#[case::gitlab_with_trivy(
    r#"{"version":"15.0.0","scan":{"type":"sast","status":"success"},"vulnerabilities":[],"SchemaVersion":2}"#,
    "`SchemaVersion` is where Trivy"
)]
#[case::grype_with_trivy(
    r#"{"matches":[],"descriptor":{"name":"grype"},"Results":[CRITICAL]}"#,
    "`Results` is where Trivy"
)]
#[case::snyk_with_sarif(
    r#"{"ok":true,"packageManager":"npm","vulnerabilities":[],"runs":[{}]}"#,
    "`runs` is where SARIF"
)]
#[case::trivy_reports_in_a_list(
    r#"[{"SchemaVersion":2,"ArtifactName":"a","Results":[CRITICAL]}]"#,
    "give each report as a file of its own"
)]
#[case::a_result_and_a_report(
    r#"[{"Target":"a","Vulnerabilities":[]},{"ArtifactName":"a","Results":[CRITICAL]}]"#,
    "`Results` is where Trivy"
)]
#[case::a_result_and_something_else(r#"[{"Target":"a","Vulnerabilities":[]},{"issues":[]}]"#, "has no `Target`")]
fn a_report_of_two_formats_is_read_as_neither(#[case] report: &str, #[case] says: &str) {
    let (code, out) = judged(SCAN, &report.replace("CRITICAL", CRITICAL));
    assert_eq!(code, 3, "{out}");
    assert!(out.contains(says), "{out}");
}

#[rstest]
#[case(r#"{"ArtifactName":"a"}"#)]
#[case(r#"{"ClusterName":"a"}"#)]
#[case(r#"{"ArtifactName":"a","Report":{"Results":[CRITICAL]}}"#)]
#[case(r#"{"ArtifactName":"a","vulnerabilities_":[]}"#)]
fn a_name_alone_is_no_clean_report_of_trivy(#[case] report: &str) {
    let (code, out) = judged(SCAN, &report.replace("CRITICAL", CRITICAL));
    assert_eq!(code, 10, "{out}");
    assert!(out.contains("empty_report"), "{out}");
}

#[rstest]
#[case::clean(r#"{"SchemaVersion":2,"ArtifactName":"a"}"#)]
#[case::cluster(r#"{"ClusterName":"a","Resources":[]}"#)]
#[case::before_versions(r#"[{"Target":"a","Vulnerabilities":null}]"#)]
fn what_trivy_writes_where_it_found_nothing_is_clean(#[case] report: &str) {
    let (code, out) = judged(SCAN, report);
    assert_eq!(code, 0, "{out}");
}

#[test]
fn a_bill_of_two_formats_is_read_as_neither() {
    let gate = r#"{ sbom: "report.x", require: "!('GPL-3.0-only' in sbom.licences)" }"#;
    let bill = r#"{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"library","name":"m","version":"1"}],
        "spdxVersion":"SPDX-2.3","packages":[{"name":"g","SPDXID":"SPDXRef-g","licenseConcluded":"GPL-3.0-only"}]}"#;
    let (code, out) = judged(gate, bill);
    assert_eq!(code, 3, "{out}");
    assert!(out.contains("`spdxVersion` is where SPDX"), "{out}");
}

#[rstest]
#[case::trx_in_junit(
    r#"<testsuites><testsuite name="s"><testcase name="t"/></testsuite><TestRun><Results><UnitTestResult outcome="Failed"/></Results></TestRun></testsuites>"#,
    "a `TestRun` of TRX"
)]
#[case::a_line_of_something_else(
    "{\"Action\":\"run\",\"Package\":\"p\",\"Test\":\"T\"}\n{\"Action\":\"pass\",\"Package\":\"p\",\"Test\":\"T\"}\n{\"Action\":\"pass\",\"Package\":\"p\"}\n{\"version\":\"2.1.0\",\"runs\":[]}\n",
    "has no `Action`"
)]
fn tests_of_two_formats_are_read_as_neither(#[case] report: &str, #[case] says: &str) {
    let (code, out) = judged(r#"{ junit: "report.x", require: "tests.failed == 0" }"#, report);
    assert_eq!(code, 3, "{out}");
    assert!(out.contains(says), "{out}");
}

#[test]
fn a_snyk_report_that_counts_issues_and_lists_none_contradicts_itself() {
    let (code, out) = judged(SCAN, r#"{"ok":true,"vulnerabilities":[],"uniqueCount":5,"packageManager":"npm"}"#);
    assert_eq!(code, 3, "{out}");
    assert!(out.contains("contradict"), "{out}");
}
