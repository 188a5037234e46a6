//! TRX.

use countersign::model::kind::Format;
use countersign::model::report::Fault;
use countersign::model::verdict::Reason;
use rstest::rstest;

use super::tests::{Read, fixture, no_cut_hides_a_failure, read};

/// A report with these results and this summary.
fn report(results: &str, summary: &str) -> Result<Read, Fault> {
    read(format!("<TestRun><Results>{results}</Results>{summary}</TestRun>").as_bytes())
}

// Made from the schema: five tests, of which one has two rows. The numbers follow from the outcomes by hand.
#[test]
fn results_and_their_rows_are_counted() {
    let report = read(&fixture("vstest.trx")).unwrap();
    assert_eq!(report.counts(), [6, 3, 1, 1]);
    assert_eq!(report.number("tests.flaky"), None);
    assert_eq!(report.number("tests.time"), Some(62.05));
    assert_eq!(
        report.failing(),
        ["Shop.Tests.CartTests › Totals", "Shop.Tests.PostTests.Sends", "Shop.Tests.RateTests › Rates (2)"]
    );
    assert_eq!(report.notables[0].message, "Assert.AreEqual failed. Expected:<4>. Actual:<3>.");
    assert_eq!(report.about.made_at.unwrap().to_rfc3339(), "2026-10-05T09:00:02.500+00:00");
}

#[test]
fn no_cut_of_a_report_hides_a_failure() {
    no_cut_hides_a_failure(Format::Trx, &fixture("vstest.trx"), 7);
}

#[rstest]
#[case("Passed", [1, 0, 0, 0])]
#[case("Completed", [1, 0, 0, 0])]
#[case("Warning", [1, 0, 0, 0])]
#[case("NotExecuted", [1, 0, 0, 1])]
#[case("Inconclusive", [1, 0, 0, 1])]
#[case("Failed", [1, 1, 0, 0])]
#[case("Error", [1, 1, 1, 0])]
#[case("Timeout", [1, 1, 1, 0])]
#[case("Aborted", [1, 1, 1, 0])]
#[case("Disconnected", [1, 1, 1, 0])]
#[case("NotRunnable", [1, 1, 1, 0])]
#[case("PassedButRunAborted", [1, 1, 1, 0])]
#[case("InProgress", [1, 1, 1, 0])]
#[case("Pending", [1, 1, 1, 0])]
fn every_outcome_has_its_meaning(#[case] outcome: &str, #[case] counts: [u64; 4]) {
    assert_eq!(report(&format!("<UnitTestResult testName='a' outcome='{outcome}'/>"), "").unwrap().counts(), counts);
}

#[test]
fn a_result_without_an_outcome_did_not_pass() {
    assert_eq!(report("<UnitTestResult testName='a'/>", "").unwrap().counts(), [1, 1, 1, 0]);
}

#[test]
fn a_test_that_failed_although_its_rows_passed_is_a_case_of_its_own() {
    let results = "<UnitTestResult testName='a' outcome='Failed'><InnerResults><UnitTestResult testName='a (1)' outcome='Passed'/></InnerResults></UnitTestResult>";
    assert_eq!(report(results, "").unwrap().counts(), [2, 1, 0, 0]);
}

#[rstest]
#[case::with_rows(3, 2)]
#[case::rows_alone(2, 1)]
#[case::without_rows(1, 1)]
fn counters_count_rows_or_do_not(#[case] total: u64, #[case] failed: u64) {
    let results = "<UnitTestResult testName='a' outcome='Failed'><InnerResults><UnitTestResult testName='a (1)' outcome='Failed'/>\
                   <UnitTestResult testName='a (2)' outcome='Passed'/></InnerResults></UnitTestResult>";
    let passed = u64::from(total > 1);
    let summary = format!(
        "<ResultSummary outcome='Failed'><Counters total='{total}' passed='{passed}' failed='{failed}'/></ResultSummary>"
    );
    assert_eq!(report(results, &summary).unwrap().counts(), [2, 1, 0, 0]);
}

#[rstest]
#[case::a_failure_that_no_result_shows(
    "<ResultSummary outcome='Completed'><Counters total='1' passed='0' failed='1'/></ResultSummary>"
)]
#[case::a_result_that_is_missing(
    "<ResultSummary outcome='Completed'><Counters total='2' passed='2' failed='0'/></ResultSummary>"
)]
#[case::a_run_that_failed_and_no_result_did("<ResultSummary outcome='Failed'/>")]
fn a_summary_that_is_not_that_of_the_results_contradicts(#[case] summary: &str) {
    let fault = report("<UnitTestResult testName='a' outcome='Passed'/>", summary).unwrap_err();
    assert_eq!(fault.reason, Reason::Contradictory, "{fault}");
}

#[test]
fn a_run_that_was_broken_off_says_so() {
    let summary = "<ResultSummary outcome='Failed'><Counters total='1' passed='1' failed='0'/><RunInfos><RunInfo outcome='Error'><Text>The active test run was aborted. Reason: Test host process crashed</Text></RunInfo></RunInfos></ResultSummary>";
    let broken = report("<UnitTestResult testName='a' outcome='Passed'/>", summary).unwrap();
    assert_eq!(
        broken.about.tool_failure.as_deref(),
        Some("The active test run was aborted. Reason: Test host process crashed")
    );
    let none = report("", &summary.replace("total='1' passed='1'", "total='0' passed='0'")).unwrap_err();
    assert_eq!(none.reason, Reason::ToolFailed);
}

#[test]
fn a_report_without_a_result_is_empty() {
    assert_eq!(
        report("", "<ResultSummary outcome='Completed'><Counters total='0'/></ResultSummary>").unwrap_err().reason,
        Reason::EmptyReport
    );
}

#[rstest]
#[case("outcome='passed'", "expected an outcome such as `Passed` or `Failed`, found `passed`")]
#[case("outcome='Passed' duration='-00:00:01'", "expected a duration such as `00:00:01.5`, found `-00:00:01`")]
#[case("outcome='Passed' duration='00:00:NaN'", "expected a duration such as `00:00:01.5`, found `00:00:NaN`")]
fn what_cannot_be_is_malformed(#[case] attributes: &str, #[case] message: &str) {
    let fault = report(&format!("<UnitTestResult testName='a' {attributes}/>"), "").unwrap_err();
    assert_eq!((fault.reason, fault.message.as_str()), (Reason::Malformed, message));
}

#[test]
fn days_count_in_durations() {
    let read = report("<UnitTestResult testName='a' outcome='Passed' duration='1.02:03:04.5'/>", "").unwrap();
    assert_eq!(read.number("tests.time"), Some(93_784.5));
}
