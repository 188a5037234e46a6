//! Trivy: real reports, and reports that mean harm.

use countersign::evidence::recognise;
use countersign::model::kind::Format;
use countersign::model::verdict::Reason;
use rstest::rstest;

use super::findings::{Read, compare, corpus, count, cut_anywhere_is_a_fault, names, severities};
use crate::support;

fn read(text: &str) -> Read {
    super::findings::read(Format::Trivy, text.as_bytes()).unwrap()
}

/// Findings: total, critical, high, medium, low, unrated; then vulnerabilities and how many
/// of them are fixable; then suppressed.
///
/// The numbers come from a Python script over `json.load`, written apart from this code.
#[rstest]
#[case("django-DefectDojo__unittests__scans__trivy__all_statuses.json", [8, 0, 0, 0, 8, 0], Some((8, 0)), None)]
#[case("django-DefectDojo__unittests__scans__trivy__issue_14136.json", [1, 0, 0, 0, 1, 0], None, None)]
#[case("django-DefectDojo__unittests__scans__trivy__issue_9263.json", [1, 0, 1, 0, 0, 0], Some((1, 0)), None)]
#[case("django-DefectDojo__unittests__scans__trivy__issue_9333.json", [13, 0, 0, 1, 12, 0], Some((13, 1)), None)]
#[case("django-DefectDojo__unittests__scans__trivy__kubernetes.json", [20, 0, 0, 6, 14, 0], Some((10, 2)), None)]
#[case("django-DefectDojo__unittests__scans__trivy__kubernetes_fabricated_internal_duplicates_subset.json", [5, 0, 0, 2, 3, 0], Some((4, 2)), None)]
#[case("django-DefectDojo__unittests__scans__trivy__legacy_many_vulns.json", [93, 0, 18, 9, 65, 1], Some((93, 0)), None)]
#[case("django-DefectDojo__unittests__scans__trivy__license_scheme.json", [19, 0, 7, 1, 11, 0], None, None)]
#[case("django-DefectDojo__unittests__scans__trivy__severity_prio.json", [2, 1, 0, 0, 1, 0], Some((2, 2)), None)]
#[case("trivy__integration__testdata__alpine-310.json.golden", [4, 0, 0, 4, 0, 0], Some((4, 4)), None)]
#[case("trivy__integration__testdata__alpine-39-skip.json.golden", [0, 0, 0, 0, 0, 0], None, None)]
#[case("trivy__integration__testdata__alpine-39.json.golden", [6, 2, 0, 4, 0, 0], Some((6, 6)), None)]
#[case("trivy__integration__testdata__alpine-distroless.json.golden", [1, 0, 0, 1, 0, 0], Some((1, 1)), None)]
#[case("trivy__integration__testdata__amazon-1.json.golden", [1, 0, 0, 1, 0, 0], Some((1, 1)), None)]
#[case("trivy__integration__testdata__centos-7.json.golden", [3, 0, 0, 1, 2, 0], Some((3, 2)), None)]
#[case("trivy__integration__testdata__cocoapods.json.golden", [1, 0, 0, 1, 0, 0], Some((1, 1)), None)]
#[case("trivy__integration__testdata__debian-stretch.json.golden", [5, 0, 0, 4, 1, 0], Some((5, 4)), None)]
#[case("trivy__integration__testdata__dockerfile_file_pattern.json.golden", [1, 0, 1, 0, 0, 0], None, None)]
#[case("trivy__integration__testdata__dotnet.json.golden", [1, 0, 1, 0, 0, 0], Some((1, 1)), None)]
#[case("trivy__integration__testdata__fixtures__convert__npm-with-suppressed.json.golden", [1, 0, 1, 0, 0, 0], Some((1, 1)), Some(1))]
#[case("trivy__integration__testdata__mix.lock.json.golden", [1, 0, 1, 0, 0, 0], Some((1, 1)), None)]
#[case("trivy__integration__testdata__npm.json.golden", [1, 0, 0, 1, 0, 0], Some((1, 1)), None)]
#[case("trivy__integration__testdata__oraclelinux-8.json.golden", [2, 0, 0, 2, 0, 0], Some((2, 2)), None)]
#[case("trivy__integration__testdata__pom.json.golden", [2, 1, 1, 0, 0, 0], Some((2, 2)), None)]
#[case("trivy__integration__testdata__spring4shell-jre8.json.golden", [1, 0, 0, 0, 1, 0], Some((1, 1)), None)]
#[case("trivy__integration__testdata__swift.json.golden", [1, 0, 0, 1, 0, 0], Some((1, 1)), None)]
#[case("trivy__integration__testdata__terraform-opentofu-registry.json.golden", [3, 0, 1, 1, 1, 0], None, None)]
#[case("trivy__integration__testdata__terraform-remote-module-in-child.json.golden", [3, 0, 1, 1, 1, 0], None, None)]
#[case("trivy__integration__testdata__ubuntu-gp2-x86-vm.json.golden", [1, 0, 1, 0, 0, 0], Some((1, 0)), None)]
#[case("trivy__integration__testdata__uv.json.golden", [2, 0, 1, 1, 0, 0], Some((2, 2)), None)]
#[case("warnings-ng-plugin__plugin__src__test__resources__io__jenkins__plugins__analysis__warnings__steps__trivy_result.json", [4, 1, 1, 1, 1, 0], Some((4, 3)), None)]
fn real_reports_are_counted(
    #[case] file: &str,
    #[case] findings: [u64; 6],
    #[case] vulnerabilities: Option<(u64, u64)>,
    #[case] suppressed: Option<u64>,
) {
    let Some(bytes) = corpus(Format::Trivy, &format!("trivy/{file}")) else { return };
    let measures = super::findings::read(Format::Trivy, &bytes).unwrap().measures;
    assert_eq!(severities(&measures, "findings"), Some(findings));
    let known = count(&measures, "vulnerabilities.total").zip(count(&measures, "vulnerabilities.fixable.total"));
    assert_eq!(known, vulnerabilities);
    assert_eq!(count(&measures, "findings.suppressed"), suppressed);
    let text = String::from_utf8(bytes).unwrap();
    assert_eq!(count(&compare(Format::Trivy, &text, &text), "findings.new.total"), Some(0));
}

#[rstest]
#[case("trivy__integration__testdata__conda-cyclonedx.json.golden", Some(Format::CyclonedxJson))]
#[case("trivy__integration__testdata__fluentd-multiple-lockfiles.cdx.json.golden", Some(Format::CyclonedxJson))]
#[case("trivy__integration__testdata__julia-spdx.json.golden", Some(Format::SpdxJson))]
#[case("trivy__pkg__fanal__test__integration__testdata__goldens__packages__debian-buster.json.golden", None)]
#[case("trivy__pkg__fanal__test__integration__testdata__goldens__packages__photon-30.json.golden", None)]
#[case("trivy__pkg__fanal__test__integration__testdata__goldens__packages__ubi-7.json.golden", None)]
#[case("trivy__pkg__fanal__test__integration__testdata__goldens__packages__vulnimage.json.golden", None)]
#[case("django-DefectDojo__unittests__scans__trivy__legacy_no_vuln.json", None)]
fn what_trivy_writes_in_other_formats_is_not_taken_for_its_report(#[case] file: &str, #[case] format: Option<Format>) {
    let Some(path) = support::corpus(&format!("trivy/{file}")) else { return };
    assert_eq!(recognise(&std::fs::read(path).unwrap()), format);
}

#[rstest]
#[case("malformed/trivy__nul-in-middle.golden")]
#[case("malformed/trivy__truncated.golden")]
fn broken_real_reports_are_faults(#[case] file: &str) {
    let Some(path) = support::corpus(file) else { return };
    let fault = super::findings::read(Format::Trivy, &std::fs::read(path).unwrap()).err().unwrap();
    assert_eq!(fault.reason, Reason::Malformed);
}

#[test]
fn a_byte_order_mark_is_no_obstacle() {
    let Some(bytes) = corpus(Format::Trivy, "malformed/trivy__bom.golden") else { return };
    assert!(super::findings::read(Format::Trivy, &bytes).is_ok());
}

#[test]
fn a_report_says_who_made_it_and_when() {
    let about = read(r#"{"SchemaVersion":2,"Trivy":{"Version":"0.60.0"},"CreatedAt":"2026-08-25T12:20:30.000000005Z","ArtifactName":"x"}"#).about;
    assert_eq!(about.tool.as_deref(), Some("Trivy 0.60.0"));
    assert_eq!(about.made_at.unwrap().timestamp(), 1_787_660_430);
}

#[test]
fn a_clean_image_is_known_to_have_no_vulnerabilities() {
    let measures = read(r#"{"SchemaVersion":2,"ArtifactName":"x","Results":[{"Target":"x (alpine 3.20)","Class":"os-pkgs","Type":"alpine"}]}"#).measures;
    assert_eq!(severities(&measures, "vulnerabilities"), Some([0; 6]));
    assert_eq!(count(&measures, "vulnerabilities.exploited"), Some(0));
}

#[test]
fn a_scan_of_configuration_says_nothing_of_vulnerabilities() {
    let measures = read(
        r#"{"SchemaVersion":2,"ArtifactName":"x","Results":[{"Target":"Dockerfile","Class":"config","Misconfigurations":[
        {"ID":"DS001","Status":"FAIL","Severity":"HIGH"},{"ID":"DS002","Status":"PASS","Severity":"HIGH"},
        {"ID":"DS003","Status":"EXCEPTION","Severity":"HIGH"}]}]}"#,
    )
    .measures;
    assert_eq!(severities(&measures, "findings"), Some([1, 0, 1, 0, 0, 0]));
    assert_eq!(count(&measures, "findings.error"), Some(1));
    assert_eq!(severities(&measures, "vulnerabilities"), None);
}

#[test]
fn a_secret_is_a_finding_at_its_line() {
    let read = read(
        r#"{"SchemaVersion":2,"ArtifactName":".","Results":[{"Target":"deploy.sh","Class":"secret","Secrets":[
        {"RuleID":"aws-access-key-id","Category":"AWS","Severity":"CRITICAL","Title":"AWS Access Key ID","StartLine":10,"EndLine":10,"Match":"***"}]}]}"#,
    );
    assert_eq!(severities(&read.measures, "findings"), Some([1, 1, 0, 0, 0, 0]));
    let shown = &read.notables[0];
    assert_eq!((shown.title.as_str(), shown.message.as_str()), ("aws-access-key-id", "AWS Access Key ID"));
    assert_eq!((shown.path.as_deref(), shown.line), (Some("deploy.sh"), Some(10)));
}

fn vulnerable(artifact: &str, target: &str, class: &str, package: &str, version: &str, id: &str) -> String {
    format!(
        r#"{{"SchemaVersion":2,"ArtifactName":"{artifact}","Results":[{{"Target":"{target}","Class":"{class}","Vulnerabilities":[
        {{"VulnerabilityID":"{id}","PkgName":"{package}","InstalledVersion":"{version}","Severity":"HIGH"}}]}}]}}"#
    )
}

#[rstest]
#[case::another_version(["app:1", "Gemfile.lock", "lang-pkgs", "rack", "2.1", "CVE-1"], 0)]
#[case::another_package(["app:1", "Gemfile.lock", "lang-pkgs", "rails", "2.0", "CVE-1"], 1)]
#[case::another_target(["app:1", "web/Gemfile.lock", "lang-pkgs", "rack", "2.0", "CVE-1"], 1)]
#[case::another_vulnerability(["app:1", "Gemfile.lock", "lang-pkgs", "rack", "2.0", "CVE-2"], 1)]
fn a_vulnerability_is_itself_by_identifier_package_and_target(#[case] now: [&str; 6], #[case] new: u64) {
    let before = vulnerable("app:1", "Gemfile.lock", "lang-pkgs", "rack", "2.0", "CVE-1");
    let [artifact, target, class, package, version, id] = now;
    let measures = compare(Format::Trivy, &before, &vulnerable(artifact, target, class, package, version, id));
    assert_eq!(count(&measures, "vulnerabilities.new.total"), Some(new));
    assert_eq!(count(&measures, "vulnerabilities.new.high"), Some(new));
}

#[test]
fn what_was_scanned_may_stand_after_what_was_found() {
    let usual = vulnerable("app:1", "app:1 (debian 12.1)", "os-pkgs", "zlib1g", "1", "CVE-1");
    let (before, after) = usual.split_once(r#""Target":"app:1 (debian 12.1)","Class":"os-pkgs","#).unwrap();
    let turned = after.replace("]}]}", r#"],"Class":"os-pkgs","Target":"app:1 (debian 12.2)"}]}"#);
    let turned = format!("{before}{turned}");
    assert_eq!(count(&compare(Format::Trivy, &usual, &turned), "vulnerabilities.new.total"), Some(0));
    assert_eq!(count(&read(&turned).measures, "vulnerabilities.total"), Some(1));
}

#[test]
fn a_new_tag_and_a_new_patch_of_the_system_make_nothing_new() {
    let before = vulnerable("app:1", "app:1 (debian 12.1)", "os-pkgs", "zlib1g", "1", "CVE-1");
    let now = vulnerable("app:2", "app:2 (debian 12.2)", "os-pkgs", "zlib1g", "2", "CVE-1");
    assert_eq!(count(&compare(Format::Trivy, &before, &now), "vulnerabilities.new.total"), Some(0));
}

#[test]
fn exploitation_is_not_spoken_of() {
    let measures = read(&vulnerable("a", "t", "os-pkgs", "p", "1", "CVE-1")).measures;
    assert_eq!(count(&measures, "vulnerabilities.exploited"), None);
    assert_eq!(names(&measures, "vulnerabilities.ids"), ["CVE-1"]);
    assert_eq!(names(&measures, "findings.rules"), ["CVE-1"]);
}

#[rstest]
#[case(r#"{"SchemaVersion":3,"ArtifactName":"x"}"#, Reason::Malformed)]
#[case(r#"{"SchemaVersion":"2","ArtifactName":"x"}"#, Reason::Malformed)]
#[case(r#"{"SchemaVersion":2}"#, Reason::EmptyReport)]
#[case("[]", Reason::EmptyReport)]
#[case(r#"{"ArtifactName":"x","Results":{}}"#, Reason::Malformed)]
#[case(r#"{"ArtifactName":"x","Results":[{"Vulnerabilities":[{"PkgName":"a"}]}]}"#, Reason::Malformed)]
#[case(r#"{"ArtifactName":"x","Results":[{"Vulnerabilities":[{"VulnerabilityID":7}]}]}"#, Reason::Malformed)]
#[case(r#"{"ArtifactName":"x","Results":[{"Vulnerabilities":{"a":1}}]}"#, Reason::Malformed)]
#[case(
    r#"{"ArtifactName":"x","Results":[{"Vulnerabilities":[{"VulnerabilityID":"a","CVSS":{"nvd":{"V3Score":"9"}}}]}]}"#,
    Reason::Malformed
)]
fn wrong_types_are_faults(#[case] text: &str, #[case] reason: Reason) {
    assert_eq!(super::findings::read(Format::Trivy, text.as_bytes()).err().unwrap().reason, reason);
}

#[test]
fn t53_a_severity_that_stands_twice_is_refused() {
    let text = r#"{"ArtifactName":"x","Results":[{"Vulnerabilities":[{"VulnerabilityID":"a","Severity":"CRITICAL","Severity":"LOW"}]}]}"#;
    assert!(super::findings::read(Format::Trivy, text.as_bytes()).err().unwrap().message.contains("stands twice"));
}

#[test]
fn a_report_that_is_cut_off_anywhere_is_a_fault() {
    cut_anywhere_is_a_fault(Format::Trivy, &vulnerable("a", "t", "os-pkgs", "p", "1", "CVE-1"));
    cut_anywhere_is_a_fault(Format::Trivy, r#"[{"Target":"a","Vulnerabilities":[{"VulnerabilityID":"b"}]}]"#);
}
