//! SARIF: real logs, the rules of the standard, and logs that mean harm.

use countersign::evidence::recognise;
use countersign::model::kind::Format;
use countersign::model::measures::Measures;
use countersign::model::report::{Fault, Place};
use countersign::model::verdict::Reason;
use rstest::rstest;

use super::findings::{compare, corpus, count, cut_anywhere_is_a_fault, names, severities};
use crate::support;

fn read(text: &str) -> Result<Measures, Fault> {
    super::findings::read(Format::Sarif, text.as_bytes()).map(|read| read.measures)
}

fn levels(measures: &Measures) -> [u64; 4] {
    ["error", "warning", "note", "none"].map(|level| count(measures, &format!("findings.{level}")).unwrap())
}

/// A log of one run whose results are these.
pub(super) fn log(results: &str) -> String {
    format!(r#"{{"version":"2.1.0","runs":[{{"tool":{{"driver":{{"name":"t"}}}},"results":[{results}]}}]}}"#)
}

/// total, error, warning, note, none, critical, high, medium, low, unrated, suppressed; then how many rules.
///
/// The numbers come from a Python script over `json.load`, written apart from this
/// code, which resolves levels through `ruleIndex`, `ruleId` and the rule's defaults.
#[rstest]
#[case("codeql-action__src__testdata__fingerprinting.expected.sarif", [2, 0, 2, 0, 0, 0, 0, 0, 0, 2, 0], 1)]
#[case("codeql-action__src__testdata__fingerprinting2.expected.sarif", [1, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0], 1)]
#[case("codeql-action__src__testdata__fingerprinting2.input.sarif", [1, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0], 1)]
#[case("codeql-action__src__testdata__valid-sarif-diff-filtered.sarif", [2, 0, 0, 2, 0, 0, 0, 0, 0, 2, 0], 1)]
#[case("codeql-action__src__testdata__valid-sarif.sarif", [3, 0, 0, 3, 0, 0, 0, 0, 0, 3, 0], 2)]
#[case("django-DefectDojo__unittests__scans__sarif__appendix_k2.sarif", [1, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0], 1)]
#[case("django-DefectDojo__unittests__scans__sarif__appendix_k3.sarif", [1, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0], 1)]
#[case("django-DefectDojo__unittests__scans__sarif__appendix_k4.sarif", [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], 0)]
#[case("django-DefectDojo__unittests__scans__sarif__bash-report-fabricated-no-internal-dupes.sarif", [5, 0, 0, 5, 0, 0, 0, 0, 0, 5, 0], 5)]
#[case("django-DefectDojo__unittests__scans__sarif__bash-report.sarif", [27, 0, 0, 27, 0, 0, 0, 0, 0, 27, 0], 5)]
#[case("django-DefectDojo__unittests__scans__sarif__blackduck_nested_fingerprints.sarif", [5, 3, 1, 1, 0, 0, 0, 0, 0, 5, 0], 5)]
#[case("django-DefectDojo__unittests__scans__sarif__cxf-3.4.6.sarif", [22, 0, 22, 0, 0, 1, 11, 4, 6, 0, 0], 22)]
#[case("django-DefectDojo__unittests__scans__sarif__dockle_0_3_15.sarif", [4, 1, 0, 3, 0, 0, 0, 0, 0, 4, 0], 4)]
#[case("django-DefectDojo__unittests__scans__sarif__mobsfscan.json", [9, 1, 1, 7, 0, 0, 0, 0, 0, 9, 0], 9)]
#[case("django-DefectDojo__unittests__scans__sarif__njsscan.sarif", [2, 1, 1, 0, 0, 0, 0, 0, 0, 2, 0], 2)]
#[case("django-DefectDojo__unittests__scans__sarif__suppression_test.sarif", [2, 0, 2, 0, 0, 0, 0, 0, 0, 2, 3], 2)]
#[case("django-DefectDojo__unittests__scans__sarif__taint-python-report.sarif", [11, 8, 1, 2, 0, 0, 0, 0, 0, 11, 0], 4)]
#[case("generated__semgrep-1.182.sarif", [1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0], 1)]
// One result says `review` and `note` at once: its level counts, as sarif-tools counts it.
#[case("generated__zizmor-1.32.sarif", [5, 1, 1, 3, 0, 0, 0, 0, 0, 5, 0], 4)]
#[case("sarif-sdk__src__Test.FunctionalTests.Sarif__TestData__Multitool__ValidateCommand__ExpectedOutputs__SARIF2005.ProvideToolProperties_Invalid.sarif", [2, 0, 2, 0, 0, 0, 0, 0, 0, 2, 0], 1)]
#[case("sarif-sdk__src__Test.FunctionalTests.Sarif__TestData__Multitool__ValidateCommand__ExpectedOutputs__SARIF2006.UrisShouldBeReachable_Valid.sarif", [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0)]
#[case("sarif-sdk__src__Test.FunctionalTests.Sarif__TestData__Partitioning__FilterByPredicate__Inputs__FilterByPredicate.sarif", [6, 0, 6, 0, 0, 0, 0, 0, 0, 6, 0], 3)]
#[case("sarif-sdk__src__Test.FunctionalTests.Sarif__v2__ConverterTestData__AndroidStudio__singleIssueWithEmptyHints.xml.sarif", [1, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0], 1)]
#[case("sarif-sdk__src__Test.FunctionalTests.Sarif__v2__ConverterTestData__PREfast__C6200Example.cpp.xml.sarif", [1, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0], 1)]
#[case("sarif-sdk__src__Test.FunctionalTests.Sarif__v2__ConverterTestData__PREfast__Expected-024.xml.sarif", [1, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0], 1)]
#[case("sarif-sdk__src__Test.FunctionalTests.Sarif__v2__ConverterTestData__PREfast__Expected-083.xml.sarif", [1, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0], 1)]
#[case("sarif-sdk__src__Test.FunctionalTests.Sarif__v2__ConverterTestData__PREfast__Expected-122.xml.sarif", [2, 0, 2, 0, 0, 0, 0, 0, 0, 2, 0], 2)]
#[case("sarif-sdk__src__Test.FunctionalTests.Sarif__v2__ConverterTestData__PREfast__Expected-130.xml.sarif", [2, 0, 2, 0, 0, 0, 0, 0, 0, 2, 0], 1)]
#[case("sarif-sdk__src__Test.UnitTests.Sarif.Multitool.Library__TestData__ApplyPolicyCommand__WithPolicy.sarif", [1, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0], 1)]
#[case("scorecard__pkg__scorecard__testdata__check4.sarif", [2, 2, 0, 0, 0, 0, 1, 1, 0, 0, 0], 2)]
#[case("scorecard__pkg__scorecard__testdata__check6.sarif", [1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0], 1)]
#[case("scorecard__pkg__scorecard__testdata__check8.sarif", [6, 6, 0, 0, 0, 0, 2, 0, 4, 0, 0], 4)]
#[case("trivy__integration__testdata__alpine-310.sarif.golden", [4, 0, 4, 0, 0, 0, 0, 4, 0, 0, 0], 2)]
fn real_logs_are_counted(#[case] file: &str, #[case] expected: [u64; 11], #[case] rules: usize) {
    let Some(bytes) = corpus(Format::Sarif, &format!("sarif/{file}")) else { return };
    let read = super::findings::read(Format::Sarif, &bytes).unwrap();
    let [total, critical, high, medium, low, unrated] = severities(&read.measures, "findings").unwrap();
    let [error, warning, note, none] = levels(&read.measures);
    let suppressed = count(&read.measures, "findings.suppressed").unwrap();
    assert_eq!([total, error, warning, note, none, critical, high, medium, low, unrated, suppressed], expected);
    assert_eq!(names(&read.measures, "findings.rules").len(), rules);
    assert_eq!(read.notables.len() as u64, total);
    assert_eq!(
        severities(&read.measures, "vulnerabilities"),
        None,
        "SARIF does not tell vulnerabilities from findings"
    );
}

#[rstest]
#[case("sarif/codeql-action__src__testdata__tool-names.sarif", Reason::EmptyReport, "no run of the log has `results`")]
#[case("sarif/django-DefectDojo__unittests__scans__sarif__no_runs.sarif", Reason::EmptyReport, "the log has no runs")]
#[case(
    "sarif/sarif-sdk__src__Test.FunctionalTests.Sarif__v1__ConverterTestData__PREfast__AN_InOptAnnotations.cpp.xml.sarif",
    Reason::Malformed,
    "SARIF `1.0.0` is not read"
)]
#[case(
    "sarif/sarif-sdk__src__Test.FunctionalTests.Sarif__v1__ConverterTestData__PREfast__C6385Example.cpp.xml.sarif",
    Reason::Malformed,
    "SARIF `1.0.0` is not read"
)]
#[case(
    "sarif/sarif-sdk__src__Test.FunctionalTests.Sarif__v1__ConverterTestData__PREfast__Expected-109.xml.sarif",
    Reason::Malformed,
    "SARIF `1.0.0` is not read"
)]
#[case(
    "sarif/sarif-sdk__src__Test.FunctionalTests.Sarif__v1__ConverterTestData__PREfast__Expected-132.xml.sarif",
    Reason::Malformed,
    "SARIF `1.0.0` is not read"
)]
#[case(
    "sarif/sarif-sdk__src__Test.FunctionalTests.Sarif__v1__DirectProducerTestData__BinSkim__MixedMode_x64_VS2013_Default.dll.sarif",
    Reason::Malformed,
    "SARIF `1.0.0` is not read"
)]
#[case(
    "sarif/sarif-sdk__src__Test.FunctionalTests.Sarif__v2__ConverterTestData__FxCop__SarifSdkTest.fxcop.sarif",
    Reason::Malformed,
    "SARIF `2.0.0-csd.2.beta.2018-09-26` is not read"
)]
#[case("malformed/json__dup-keys.sarif", Reason::Malformed, "the key `runs` stands twice")]
#[case("malformed/sarif__nul-in-middle.sarif", Reason::Malformed, "")]
#[case("malformed/sarif__truncated.sarif", Reason::Malformed, "")]
fn logs_that_cannot_be_evidence_are_faults(#[case] file: &str, #[case] reason: Reason, #[case] message: &str) {
    let Some(bytes) = corpus(Format::Sarif, file) else { return };
    let fault = super::findings::read(Format::Sarif, &bytes).err().unwrap();
    assert_eq!(fault.reason, reason, "{fault}");
    assert!(fault.message.starts_with(message), "{fault}");
}

#[test]
fn a_byte_order_mark_is_no_obstacle() {
    // The file is alpine-310 of another generation: `jq '.runs[].results | length'` says 2.
    let Some(bytes) = corpus(Format::Sarif, "malformed/sarif__bom.sarif") else { return };
    let read = super::findings::read(Format::Sarif, &bytes).unwrap();
    let text = String::from_utf8(bytes[3..].to_vec()).unwrap();
    let log: serde_json::Value = serde_json::from_str(&text).unwrap();
    let results: usize =
        log["runs"].as_array().unwrap().iter().map(|run| run["results"].as_array().unwrap().len()).sum();
    assert_eq!(count(&read.measures, "findings.total"), Some(results as u64));
}

#[rstest]
#[case("snyk/cli__internal__snyk__sarif-empty-container.json")]
#[case("snyk/cli__internal__snyk__sarif-helm.json")]
#[case("snyk/cli__internal__snyk__sarif-iac.json")]
#[case("grype/grype__grype__presenter__sarif__testdata__snapshot__TestSarifPresenter_directory.golden")]
fn sarif_that_scanners_of_other_formats_write_is_read_as_sarif(#[case] file: &str) {
    let Some(bytes) = corpus(Format::Sarif, file) else { return };
    super::findings::read(Format::Sarif, &bytes).unwrap();
}

#[test]
fn an_empty_file_is_nothing() {
    let Some(path) = support::corpus("malformed/empty.sarif") else { return };
    assert_eq!(recognise(&std::fs::read(path).unwrap()), None);
}

#[rstest]
#[case::said(r#""level":"error""#, [1, 0, 0, 0])]
#[case::said_against_the_rule(r#""level":"note","ruleIndex":0"#, [0, 0, 1, 0])]
#[case::default(r#""ruleId":"unheard of""#, [0, 1, 0, 0])]
#[case::by_index(r#""ruleIndex":0"#, [1, 0, 0, 0])]
#[case::no_index(r#""ruleIndex":-1,"ruleId":"E""#, [1, 0, 0, 0])]
#[case::by_identifier(r#""ruleId":"E""#, [1, 0, 0, 0])]
#[case::by_hierarchy(r#""ruleId":"E/sub/subsub""#, [1, 0, 0, 0])]
#[case::by_reference(r#""rule":{"id":"E"}"#, [1, 0, 0, 0])]
#[case::by_index_in_reference(r#""rule":{"index":1}"#, [0, 0, 1, 0])]
#[case::by_guid(r#""rule":{"guid":"6ba7b810"}"#, [0, 0, 1, 0])]
#[case::by_extension(r#""rule":{"index":0,"toolComponent":{"index":1}}"#, [0, 0, 0, 1])]
#[case::by_name_of_extension(r#""rule":{"index":0,"toolComponent":{"name":"second"}}"#, [0, 0, 0, 1])]
#[case::identifier_of_extension(r#""ruleId":"X""#, [0, 0, 0, 1])]
#[case::index_beyond_the_end(r#""ruleIndex":99,"ruleId":"E""#, [1, 0, 0, 0])]
#[case::index_of_another_rule(r#""ruleIndex":1,"ruleId":"E""#, [1, 0, 0, 0])]
#[case::not_fail(r#""kind":"open","ruleIndex":0"#, [0, 0, 0, 1])]
#[case::not_fail_and_a_level(r#""kind":"review","level":"error""#, [1, 0, 0, 0])]
#[case::not_fail_and_no_level(r#""kind":"review","level":"none""#, [0, 0, 0, 1])]
#[case::pass_and_a_level(r#""kind":"pass","level":"error""#, [1, 0, 0, 0])]
#[case::pass(r#""kind":"pass","level":"none""#, [0, 0, 0, 0])]
#[case::not_applicable(r#""kind":"notApplicable""#, [0, 0, 0, 0])]
#[case::overridden(r#""ruleIndex":0,"provenance":{"invocationIndex":1}"#, [0, 0, 1, 0])]
#[case::not_overridden(r#""ruleIndex":0,"provenance":{"invocationIndex":0}"#, [1, 0, 0, 0])]
#[case::no_invocation(r#""ruleIndex":0,"provenance":{"invocationIndex":-1}"#, [1, 0, 0, 0])]
fn levels_are_derived_as_the_standard_says_in_any_order_of_keys(#[case] result: &str, #[case] expected: [u64; 4]) {
    let tool = r#""tool":{"driver":{"name":"t","rules":[
        {"id":"E","defaultConfiguration":{"level":"error"}},
        {"id":"N","guid":"6ba7b810","defaultConfiguration":{"level":"note"}}]},
      "extensions":[{"name":"first","rules":[]},
        {"name":"second","rules":[{"id":"X","defaultConfiguration":{"level":"none"}}]}]}"#;
    let invocations = r#""invocations":[{"executionSuccessful":true},{"executionSuccessful":true,
        "ruleConfigurationOverrides":[{"descriptor":{"index":0},"configuration":{"level":"note"}}]}]"#;
    // A result that says everything itself stands before the one that does not.
    let results = format!(r#""results":[{{"kind":"pass","message":{{}}}},{{{result},"message":{{"text":"m"}}}}]"#);
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let parts = order.map(|part| [tool, invocations, &results][part]);
        let text = format!(r#"{{"version":"2.1.0","runs":[{{{}}}]}}"#, parts.join(","));
        assert_eq!(levels(&read(&text).unwrap()), expected, "{order:?}");
    }
}

#[rstest]
#[case(r#""9.1""#, [1, 1, 0, 0, 0, 0])]
#[case("7.0", [1, 0, 1, 0, 0, 0])]
#[case(r#""4""#, [1, 0, 0, 1, 0, 0])]
#[case(r#""0.1""#, [1, 0, 0, 0, 1, 0])]
#[case(r#""0.0""#, [1, 0, 0, 0, 0, 1])]
#[case(r#""HIGH""#, [1, 0, 1, 0, 0, 0])]
#[case("null", [1, 0, 0, 0, 0, 1])]
fn security_severity_is_a_score_in_bands(#[case] score: &str, #[case] expected: [u64; 6]) {
    for results_first in [false, true] {
        let tool =
            format!(r#""tool":{{"driver":{{"rules":[{{"id":"r","properties":{{"security-severity":{score}}}}}]}}}}"#);
        let results = r#""results":[{"ruleId":"r"}]"#;
        let run = if results_first { format!("{results},{tool}") } else { format!("{tool},{results}") };
        let measures = read(&format!(r#"{{"version":"2.1.0","runs":[{{{run}}}]}}"#)).unwrap();
        assert_eq!(severities(&measures, "findings"), Some(expected));
    }
}

#[rstest]
#[case(r#""-1""#)]
#[case("10.1")]
#[case(r#""NaN""#)]
#[case(r#""inf""#)]
#[case(r#""very bad""#)]
#[case("true")]
fn a_security_severity_that_cannot_be_is_a_fault(#[case] score: &str) {
    let text = format!(
        r#"{{"version":"2.1.0","runs":[{{"tool":{{"driver":{{"rules":[{{"id":"r","properties":{{"security-severity":{score}}}}}]}}}},"results":[]}}]}}"#
    );
    let fault = read(&text).unwrap_err();
    assert_eq!(fault.reason, Reason::Malformed);
    assert!(fault.message.starts_with("`security-severity` is `"), "{fault}");
}

#[rstest]
#[case("[]", 1)]
#[case("null", 1)]
#[case(r#"[{"kind":"inSource"}]"#, 0)]
#[case(r#"[{"kind":"external","status":"accepted"}]"#, 0)]
#[case(r#"[{"kind":"external","status":"underReview"}]"#, 1)]
#[case(r#"[{"kind":"external","status":"rejected"}]"#, 1)]
#[case(r#"[{"kind":"inSource"},{"kind":"external","status":"rejected"}]"#, 1)]
fn only_accepted_suppressions_suppress(#[case] suppressions: &str, #[case] counted: u64) {
    let measures = read(&log(&format!(r#"{{"ruleId":"r","suppressions":{suppressions}}}"#))).unwrap();
    assert_eq!(count(&measures, "findings.total"), Some(counted));
    assert_eq!(count(&measures, "findings.suppressed"), Some(1 - counted));
}

#[test]
fn the_producers_own_baseline_is_taken_when_every_result_states_it() {
    let states = |last: &str| {
        log(&format!(
            r#"{{"ruleId":"a","level":"error","baselineState":"new"}},{{"ruleId":"b","baselineState":"unchanged"}},
            {{"ruleId":"c","baselineState":"updated"}},{{"ruleId":"d","baselineState":"absent"}}{last}"#
        ))
    };
    let measures = read(&states("")).unwrap();
    assert_eq!(count(&measures, "findings.total"), Some(3), "absent results count nowhere");
    assert_eq!(count(&measures, "findings.new.total"), Some(1));
    assert_eq!(count(&measures, "findings.new.error"), Some(1));
    let measures = read(&states(r#",{"ruleId":"e"}"#)).unwrap();
    assert_eq!(count(&measures, "findings.total"), Some(4));
    assert_eq!(count(&measures, "findings.new.total"), None, "one result says nothing");
}

#[test]
fn a_baseline_that_is_given_answers_and_not_the_producer() {
    let result = |state: &str| log(&format!(r#"{{"ruleId":"a","baselineState":"{state}"}}"#));
    let measures = compare(Format::Sarif, &result("unchanged"), &result("new"));
    assert_eq!(count(&measures, "findings.new.total"), Some(0));
    let measures = compare(Format::Sarif, &log(""), &result("unchanged"));
    assert_eq!(count(&measures, "findings.new.total"), Some(1));
}

#[test]
fn absent_and_suppressed_results_of_the_baseline_are_not_in_it() {
    let plain = log(r#"{"ruleId":"a"}"#);
    for gone in [r#""baselineState":"absent""#, r#""suppressions":[{"kind":"inSource"}]"#] {
        let before = log(&format!(r#"{{"ruleId":"a",{gone}}}"#));
        assert_eq!(count(&compare(Format::Sarif, &before, &plain), "findings.new.total"), Some(1), "{gone}");
    }
}

fn located(rule: &str, uri: &str, line: u32, rest: &str) -> String {
    format!(
        r#"{{"ruleId":"{rule}","locations":[{{"physicalLocation":{{"artifactLocation":{{"uri":"{uri}"}},"region":{{"startLine":{line}}}}}}}]{rest}}}"#
    )
}

#[rstest]
#[case::moved_by_other_edits(("r", "a.c", 9, r#","message":{"text":"m"}"#), false)]
#[case::other_file(("r", "b.c", 1, r#","message":{"text":"m"}"#), true)]
#[case::other_rule(("s", "a.c", 1, r#","message":{"text":"m"}"#), true)]
#[case::other_message(("r", "a.c", 1, r#","message":{"text":"n"}"#), true)]
fn without_fingerprints_a_result_is_its_rule_file_and_message(#[case] now: (&str, &str, u32, &str), #[case] new: bool) {
    let before = log(&located("r", "a.c", 1, r#","message":{"text":"m"}"#));
    let now = log(&located(now.0, now.1, now.2, now.3));
    assert_eq!(count(&compare(Format::Sarif, &before, &now), "findings.new.total"), Some(u64::from(new)));
}

#[rstest]
#[case::the_line_moved(("r", "a.c", r#"{"primaryLocationLineHash":"1:1","primaryLocationStartColumnFingerprint":"7"}"#), false)]
#[case::in_another_order(("r", "a.c", r#"{"primaryLocationStartColumnFingerprint":"4","primaryLocationLineHash":"1:1"}"#), false)]
#[case::the_line_changed(("r", "a.c", r#"{"primaryLocationLineHash":"2:1","primaryLocationStartColumnFingerprint":"4"}"#), true)]
#[case::another_file(("r", "b.c", r#"{"primaryLocationLineHash":"1:1"}"#), true)]
#[case::another_rule(("s", "a.c", r#"{"primaryLocationLineHash":"1:1"}"#), true)]
fn with_partial_fingerprints_it_is_them_with_rule_and_file(#[case] now: (&str, &str, &str), #[case] new: bool) {
    let before = r#","message":{"text":"m"},"partialFingerprints":{"primaryLocationLineHash":"1:1","primaryLocationStartColumnFingerprint":"4"}"#;
    let before = log(&located("r", "a.c", 1, before));
    let now = log(&located(now.0, now.1, 8, &format!(r#","message":{{"text":"n"}},"partialFingerprints":{}"#, now.2)));
    assert_eq!(count(&compare(Format::Sarif, &before, &now), "findings.new.total"), Some(u64::from(new)));
}

#[test]
fn a_full_fingerprint_follows_a_file_that_was_renamed() {
    let print = |value: &str| format!(r#","fingerprints":{{"v1":"{value}"}}"#);
    let before = log(&located("r", "a.c", 1, &print("x")));
    let renamed = log(&located("r", "b.c", 1, &print("x")));
    let other = log(&located("r", "a.c", 1, &print("y")));
    assert_eq!(count(&compare(Format::Sarif, &before, &renamed), "findings.new.total"), Some(0));
    assert_eq!(count(&compare(Format::Sarif, &before, &other), "findings.new.total"), Some(1));
}

#[test]
fn semgrep_without_a_login_writes_no_fingerprint_worth_the_name() {
    let print = r#","fingerprints":{"matchBasedId/v1":"requires login"},"message":{"text":"m"}"#;
    let measures = compare(Format::Sarif, &log(&located("r", "a.c", 1, print)), &log(&located("r", "b.c", 1, print)));
    assert_eq!(count(&measures, "findings.new.total"), Some(1));
}

#[test]
fn every_real_log_has_nothing_new_against_itself() {
    let Some(folder) = support::corpus("sarif") else { return };
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        if super::findings::read(Format::Sarif, text.as_bytes()).is_ok() {
            let measures = compare(Format::Sarif, &text, &text);
            assert_eq!(count(&measures, "findings.new.total"), Some(0), "{}", path.display());
        }
    }
}

#[test]
fn a_log_says_who_made_it_when_and_about_which_commit() {
    let text = r#"{"version":"2.1.0","runs":[
      {"tool":{"driver":{"name":"CodeQL","version":"2","semanticVersion":"2.19.0"}},"results":[],
       "invocations":[{"executionSuccessful":true,"endTimeUtc":"2026-03-02T10:00:00Z"},
                      {"executionSuccessful":true,"endTimeUtc":"2026-03-01T10:00:00.5Z"}],
       "versionControlProvenance":[{"repositoryUri":"https://x","revisionId":"0123456789ABCDEF0123456789abcdef01234567"}]},
      {"tool":{"driver":{"name":"other"}},"results":[]}]}"#;
    let about = super::findings::read(Format::Sarif, text.as_bytes()).unwrap().about;
    assert_eq!(about.tool.as_deref(), Some("CodeQL 2.19.0"));
    assert_eq!(about.made_at.unwrap().to_rfc3339(), "2026-03-01T10:00:00.500+00:00");
    assert_eq!(about.commits, [["0123456789abcdef0123456789abcdef01234567"]]);
    assert_eq!(about.tool_failure, None);
}

#[test]
fn a_run_that_was_not_successful_is_a_failure_of_the_tool() {
    let text = r#"{"version":"2.1.0","runs":[{"results":[],"invocations":[{"executionSuccessful":false,
      "exitCodeDescription":"out of memory"}],"tool":{"driver":{"name":"T"}}}]}"#;
    let about = super::findings::read(Format::Sarif, text.as_bytes()).unwrap().about;
    assert_eq!(about.tool_failure.as_deref(), Some("T says that its run was not successful: out of memory"));
}

#[rstest]
#[case(r#"{"version":"2.1.0"}"#, "the log has no `runs`")]
#[case(r#"{"version":"2.1.0","runs":null}"#, "the log has no `runs`")]
#[case(r#"{"runs":[{"results":[]}]}"#, "the log has no `version`")]
#[case(r#"{"version":"2.1.0","runs":{}}"#, "expected an array, found an object")]
#[case(r#"{"version":"2.1.0","runs":[7]}"#, "expected an object, found a number")]
#[case(r#"{"version":"2.1.0","runs":[{"results":{}}]}"#, "expected an array, found an object")]
#[case(r#"{"version":"2.1.0","runs":[{"tool":{},"results":[[]]}]}"#, "expected an object, found an array")]
#[case(r#"{"version":"2.1.0","runs":[{"tool":{},"results":[{"level":"fatal"}]}]}"#, "`level` is `fatal`, where")]
#[case(r#"{"version":"2.1.0","runs":[{"tool":{},"results":[{"level":3}]}]}"#, "expected a text, found a number")]
#[case(r#"{"version":"2.1.0","runs":[{"tool":{},"results":[{"kind":"odd"}]}]}"#, "`kind` is `odd`, where")]
#[case(
    r#"{"version":"2.1.0","runs":[{"tool":{},"results":[{"baselineState":"old"}]}]}"#,
    "`baselineState` is `old`, where"
)]
#[case(
    r#"{"version":"2.1.0","runs":[{"tool":{},"results":[{"suppressions":[{"status":"ok"}]}]}]}"#,
    "`status` is `ok`, where"
)]
#[case(r#"{"version":"2.1.0","runs":[{"tool":{},"results":[{"ruleIndex":-2}]}]}"#, "expected an index, found -2")]
#[case(r#"{"version":"2.1.0","runs":[{"tool":{},"results":[{"ruleIndex":0.5}]}]}"#, "expected an index, found 0.5")]
#[case(
    r#"{"version":"2.1.0","runs":[{"tool":{"driver":{"rules":[{"id":"a"}]}},"results":[{"ruleIndex":7}]}]}"#,
    "`ruleIndex` is 7, and the tool lists 1 rules"
)]
#[case(
    r#"{"version":"2.1.0","runs":[{"tool":{},"results":[{"level":"error","level":"none"}]}]}"#,
    "the key `level` stands twice"
)]
#[case(r#"{"version":"2.1.0","runs":[{"tool":{},"results":[NaN]}]}"#, "expected a value, found `N`")]
#[case(
    r#"{"version":"2.1.0","runs":[{"results":[],"externalPropertyFileReferences":{"results":[{"itemCount":4}]}}]}"#,
    "`externalPropertyFileReferences` holds `results`"
)]
#[case(
    r#"{"version":"2.1.0","runs":[{"results":[],"externalPropertyFileReferences":{"driver":{"itemCount":4}}}]}"#,
    "`externalPropertyFileReferences` holds `driver`"
)]
#[case(
    r#"{"version":"2.1.0","runs":[{"results":[]}],"inlineExternalProperties":[{"results":[{}]}]}"#,
    "`inlineExternalProperties` holds `results`"
)]
fn what_breaks_the_standard_is_a_fault(#[case] text: &str, #[case] message: &str) {
    let fault = read(text).unwrap_err();
    assert_eq!(fault.reason, Reason::Malformed);
    assert!(fault.message.starts_with(message), "{fault}");
}

#[rstest]
#[case(r#"{"version":"2.1.0","runs":[]}"#)]
#[case(r#"{"version":"2.1.0","runs":[{"tool":{}}]}"#)]
#[case(r#"{"version":"2.1.0","runs":[{"tool":{},"results":null}]}"#)]
fn a_log_without_results_is_empty_and_not_clean(#[case] text: &str) {
    assert_eq!(read(text).unwrap_err().reason, Reason::EmptyReport);
}

#[test]
fn a_run_without_results_beside_one_with_an_empty_list_is_clean() {
    let measures = read(r#"{"version":"2.1.0","runs":[{"tool":{}},{"tool":{},"results":[]}]}"#).unwrap();
    assert_eq!(count(&measures, "findings.total"), Some(0));
    assert_eq!(count(&measures, "findings.new.total"), None);
}

#[test]
fn a_fault_among_results_that_waited_for_their_rules_names_their_place() {
    let text =
        "{\"version\":\"2.1.0\",\"runs\":[{\"results\":[\n{\"ruleId\":\"a\"},\n{\"level\":\"fatal\"}],\"tool\":{}}]}";
    assert_eq!(read(text).unwrap_err().place, Place::Line(3, 17));
}

#[test]
fn a_log_that_is_cut_off_anywhere_is_a_fault() {
    let rule = r#"{"id":"r","defaultConfiguration":{"level":"note"},"properties":{"security-severity":"7.5"}}"#;
    let result =
        located("r", "a.c", 1, r#","suppressions":[],"fingerprints":{"a":"b"},"message":{"text":"x\u00e4\n"}"#);
    for run in [
        format!(r#""tool":{{"driver":{{"name":"t","rules":[{rule}]}}}},"results":[{result},{result}]"#),
        format!(r#""results":[{result},{result}],"tool":{{"driver":{{"name":"t","rules":[{rule}]}}}}"#),
    ] {
        cut_anywhere_is_a_fault(Format::Sarif, &format!(r#"{{"version":"2.1.0","runs":[{{{run}}}]}}"#));
    }
}

#[rstest]
#[case("../../etc/passwd")]
#[case("file:///etc/passwd")]
#[case("javascript:alert(1)")]
fn t54_a_uri_is_shown_and_never_opened(#[case] uri: &str) {
    let text = log(&located("r", uri, 3, r#","message":{"text":"say \"it\""}"#));
    let read = super::findings::read(Format::Sarif, text.as_bytes()).unwrap();
    let notable = &read.notables[0];
    assert_eq!((notable.path.as_deref(), notable.line), (Some(uri), Some(3)));
    assert_eq!((notable.title.as_str(), notable.message.as_str()), ("r", "say \"it\""));
}

#[rstest]
#[case::encoded("src/my%20file%C3%A9.py", "src/my file\u{e9}.py")]
#[case::lower_case("src/%c3%a9.py", "src/\u{e9}.py")]
#[case::once("a%2520b.py", "a%20b.py")]
#[case::no_encoding("100%.py", "100%.py")]
#[case::not_utf_8("src/%20%FF.py", "src/%20%FF.py")]
#[case::out_of_the_folder("src/%2e%2e/%2e%2e/x", "src/../../x")]
fn a_uri_names_the_file_on_disk(#[case] uri: &str, #[case] path: &str) {
    let text = log(&located("r", uri, 3, ""));
    let read = super::findings::read(Format::Sarif, text.as_bytes()).unwrap();
    assert_eq!(read.notables[0].path.as_deref(), Some(path));
    assert_eq!(count(&compare(Format::Sarif, &text, &text), "findings.new.total"), Some(0));
}

#[test]
fn t54_a_million_results_are_counted_and_a_hundred_are_shown() {
    let results = vec![r#"{"ruleId":"r","message":{"text":"m"}}"#; 1_000_000].join(",");
    let read = super::findings::read(Format::Sarif, log(&results).as_bytes()).unwrap();
    assert_eq!(count(&read.measures, "findings.total"), Some(1_000_000));
    assert_eq!(read.notables.len(), 100);
}

#[test]
fn t54_too_many_rules_are_beyond_the_limit() {
    let rules: Vec<_> = (0..60_000).map(|number| format!(r#"{{"id":"{number}"}}"#)).collect();
    let text = format!(
        r#"{{"version":"2.1.0","runs":[{{"tool":{{"driver":{{"rules":[{}]}}}},"results":[]}}]}}"#,
        rules.join(",")
    );
    assert_eq!(read(&text).unwrap_err().reason, Reason::BeyondLimit);
}

#[test]
fn t51_a_log_that_is_nested_a_million_deep_is_a_fault() {
    for hole in ["\"properties\":", "\"runs\":", "\"runs\":[{\"results\":[{\"codeFlows\":"] {
        let text = format!("{{\"version\":\"2.1.0\",{hole}{}", "[".repeat(1_000_000));
        assert_eq!(
            read(&text).unwrap_err().reason,
            if hole == "\"runs\":" { Reason::Malformed } else { Reason::BeyondLimit }
        );
    }
}

#[test]
fn the_gravest_results_are_shown_first_with_their_score() {
    let text = r#"{"version":"2.1.0","runs":[{"tool":{"driver":{"rules":[
        {"id":"a","properties":{"security-severity":"5.0"}},{"id":"b","properties":{"security-severity":"9.8"}}]}},
        "results":[{"ruleId":"a","level":"error"},{"ruleId":"x","level":"note","message":{"id":"m","arguments":["1","2"]}},
        {"ruleIndex":1,"level":"error","message":{"markdown":"*md*"}}]}]}"#;
    let read = super::findings::read(Format::Sarif, text.as_bytes()).unwrap();
    let shown: Vec<_> = read.notables.iter().map(|one| (one.title.as_str(), one.rank, one.message.as_str())).collect();
    assert_eq!(shown, [("b", 98, "*md*"), ("a", 50, ""), ("x", 0, "m 1 2")]);
}

#[test]
fn t54_long_texts_are_cut_and_impossible_paths_are_left_out() {
    let long = "ab\\u00e4".repeat(5_000);
    let text = log(&located(&long, &"p".repeat(5_000), 1, &format!(r#","message":{{"text":"{long}"}}"#)));
    let read = super::findings::read(Format::Sarif, text.as_bytes()).unwrap();
    let notable = &read.notables[0];
    assert_eq!(notable.path, None);
    for words in [&notable.title, &notable.message] {
        assert!(words.starts_with("abäabä") && words.ends_with('…') && words.len() <= 400, "{words}");
    }
}
