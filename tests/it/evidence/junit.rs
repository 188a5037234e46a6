//! JUnit XML.

use countersign::evidence::tests::TestTally;
use countersign::evidence::{Tally, junit};
use countersign::model::kind::Format;
use countersign::model::report::{About, Place};
use countersign::model::verdict::Reason;
use rstest::rstest;

use super::tests::{fixture, no_cut_hides_a_failure, read, read_as};
use crate::support::corpus;

/// Total, failed, errors and skipped of every file of the corpus that is taken.
/// Counted with Python's ElementTree: `testcase` elements, those that hold a
/// `failure` or an `error`, those that hold an `error`, and of the rest those that
/// hold a `skipped`; a `failure` or `error` directly in a suite is one case more.
const TAKEN: &[(&str, [u64; 4])] = &[
    ("action-junit-report__test_results__catch2__report.xml", [1, 1, 0, 0]),
    ("action-junit-report__test_results__cunit__testFailure.xml", [4, 1, 0, 0]),
    ("action-junit-report__test_results__flaky_retries__flaky_all_failures.xml", [3, 3, 1, 0]),
    ("action-junit-report__test_results__marathon_tests__com.mikepenz.DummyTest#test_02_dummy.xml", [1, 0, 0, 0]),
    ("action-junit-report__test_results__marathon_tests__com.mikepenz.DummyTest3#test_01.xml", [1, 1, 0, 0]),
    ("action-junit-report__test_results__maven_surefire_flaky__surefire-report.xml", [1, 0, 0, 0]),
    ("action-junit-report__test_results__multiple_failures__test_multiple_errors.xml", [3, 2, 2, 0]),
    ("action-junit-report__test_results__perl__result.xml", [1, 0, 0, 0]),
    (
        "action-junit-report__test_results__tests__utils__target__surefire-reports__TEST-action.surefire.report.calc.CalcUtilsTest.xml",
        [2, 2, 0, 0],
    ),
    (
        "action-junit-report__test_results__tests__utils__target__surefire-reports__TEST-action.surefire.report.calc.StringUtilsTest.xml",
        [5, 2, 0, 1],
    ),
    ("generated__pytest.xml", [2, 1, 0, 0]),
    ("junit-plugin__src__test__resources__hudson__tasks__junit__JENKINS-12457__TestSuite_a2.xml", [1, 0, 0, 0]),
    (
        "junit-plugin__src__test__resources__hudson__tasks__junit__JENKINS-12457__TestSuite_b_nonduplicate.xml",
        [1, 0, 0, 0],
    ),
    ("junit-plugin__src__test__resources__hudson__tasks__junit__JENKINS-13214__27449.xml", [1, 0, 0, 0]),
    ("junit-plugin__src__test__resources__hudson__tasks__junit__JENKINS-13214__27540.xml", [1, 0, 0, 0]),
    ("junit-plugin__src__test__resources__hudson__tasks__junit__JENKINS-30413.xml", [2, 1, 0, 0]),
    ("junit-plugin__src__test__resources__hudson__tasks__junit__JENKINS-41134__TestSuite_first.xml", [1, 0, 0, 0]),
    (
        "junit-plugin__src__test__resources__hudson__tasks__junit__JENKINS-41134__TestSuite_second_dup_first.xml",
        [1, 1, 0, 0],
    ),
    ("junit-plugin__src__test__resources__hudson__tasks__junit__JENKINS-42438__junit-report-1.xml", [11, 0, 0, 3]),
    (
        "junit-plugin__src__test__resources__hudson__tasks__junit__JENKINS-48583__TEST-com.sample.test.TestMessage.xml",
        [1, 0, 0, 0],
    ),
    (
        "junit-plugin__src__test__resources__hudson__tasks__junit__JENKINS-48583__TEST-com.sample.test.TestMessage2.xml",
        [2, 0, 0, 0],
    ),
    ("junit-plugin__src__test__resources__hudson__tasks__junit__JENKINS-48583__TESTS-TestSuites.xml", [3, 0, 0, 0]),
    ("junit-plugin__src__test__resources__hudson__tasks__junit__SKIPPED_MESSAGE__afterSkippedResult.xml", [1, 1, 1, 0]),
    ("junit-plugin__src__test__resources__hudson__tasks__junit__TEST-null.xml", [1, 1, 1, 0]),
    (
        "junit-plugin__src__test__resources__hudson__tasks__junit__gh-237__TEST-io.olamy.AlwaysFailTest.xml",
        [1, 1, 0, 0],
    ),
    ("junit-plugin__src__test__resources__hudson__tasks__junit__gh-237__TEST-io.olamy.FlakyTest.xml", [1, 0, 0, 0]),
    ("junit-plugin__src__test__resources__hudson__tasks__junit__junit-report-1463.xml", [6, 0, 0, 0]),
    ("junit-plugin__src__test__resources__hudson__tasks__junit__junit-report-20090516.xml", [8, 3, 3, 0]),
    ("junit-plugin__src__test__resources__hudson__tasks__junit__junit-report-494.xml", [2, 1, 0, 0]),
    ("junit-plugin__src__test__resources__hudson__tasks__junit__junit-report-6700.xml", [1, 1, 1, 0]),
    ("junit-plugin__src__test__resources__hudson__tasks__junit__junit-report-empty-testcasename.xml", [1, 1, 0, 0]),
    ("junit-plugin__src__test__resources__hudson__tasks__junit__junit-report-errror-details.xml", [1, 1, 1, 0]),
    ("junit-plugin__src__test__resources__hudson__tasks__junit__junit-report-testsuite-time-attrs.xml", [8, 0, 0, 0]),
    ("junit-plugin__src__test__resources__hudson__tasks__junit__pipeline__ageReset-1.xml", [1, 1, 0, 0]),
    (
        "junit-plugin__src__test__resources__hudson__tasks__junit__pipeline__junit-report-testTrends-first-1.xml",
        [8, 0, 0, 0],
    ),
    (
        "junit-plugin__src__test__resources__hudson__tasks__junit__pipeline__junit-report-testTrends-second-1.xml",
        [1, 0, 0, 0],
    ),
    (
        "junit-plugin__src__test__resources__hudson__tasks__junit__pipeline__junit-report-testTrends-second-2.xml",
        [1, 0, 0, 0],
    ),
    (
        "test-reporter____tests____fixtures__external__java__TEST-org.apache.pulsar.AddMissingPatchVersionTest.xml",
        [2, 1, 0, 1],
    ),
    ("test-reporter____tests____fixtures__external__java__empty_failures.xml", [3, 1, 0, 0]),
    ("test-reporter____tests____fixtures__external__java__junit4-basic.xml", [6, 1, 0, 0]),
    ("test-reporter____tests____fixtures__external__java__junit4-complete.xml", [8, 2, 1, 1]),
    ("test-reporter____tests____fixtures__external__jest__jest-react-component-test-results.xml", [1, 0, 0, 0]),
    ("test-reporter____tests____fixtures__external__jest__jest-test-results.xml", [4239, 2, 0, 30]),
    ("test-reporter____tests____fixtures__external__phpunit__junit-basic.xml", [9, 1, 0, 0]),
    ("test-reporter____tests____fixtures__external__phpunit__phpcheckstyle-phpunit.xml", [30, 2, 0, 0]),
    ("test-reporter____tests____fixtures__jest-junit-eslint.xml", [1, 0, 0, 0]),
    ("test-reporter____tests____fixtures__jest-junit.xml", [6, 4, 0, 1]),
    ("test-reporter____tests____fixtures__nette-tester__BootstrapFormRenderer-report.xml", [4, 0, 0, 0]),
    ("test-reporter____tests____fixtures__nette-tester__tester-v1.7-report.xml", [65, 1, 0, 3]),
    ("test-reporter____tests____fixtures__phpunit__phpunit-paths.xml", [6, 6, 0, 0]),
    ("test-reporter____tests____fixtures__phpunit__phpunit.xml", [12, 2, 0, 0]),
    ("test-reporter____tests____fixtures__python-xunit-pytest.xml", [10, 2, 0, 2]),
    ("test-reporter____tests____fixtures__python-xunit-unittest.xml", [8, 2, 1, 2]),
    ("test-reporter____tests____fixtures__swift-xunit.xml", [3, 1, 0, 0]),
    ("test-reporter____tests____fixtures__test-errors__jest__jest-test-results.xml", [2, 2, 2, 0]),
];

/// The files of the corpus that are refused. The contradictory ones were cut down
/// by hand from longer reports, without mending their totals.
const REFUSED: &[(&str, Reason)] = &[
    ("action-junit-report__test_results__cunit__testEmpty.xml", Reason::EmptyReport),
    ("action-junit-report__test_results__mocha__mocha.xml", Reason::Contradictory),
    ("action-junit-report__test_results__multiple__test_11.xml", Reason::Contradictory),
    ("action-junit-report__test_results__multiple__test_12.xml", Reason::Contradictory),
    ("action-junit-report__test_results__nested__junit.xml", Reason::Contradictory),
    ("action-junit-report__test_results__nested__multi-level.xml", Reason::Contradictory),
    ("action-junit-report__test_results__tests__email__pom.xml", Reason::Malformed),
    ("junit-plugin__src__test__resources__hudson__tasks__junit__junit-report-1233.xml", Reason::Contradictory),
    (
        "junit-plugin__src__test__resources__hudson__tasks__junit__junit-report-nested-testsuites.xml",
        Reason::Contradictory,
    ),
    (
        "junit-plugin__src__test__resources__hudson__tasks__junit__junit-report-time-aggregation.xml",
        Reason::Contradictory,
    ),
    (
        "junit-plugin__src__test__resources__hudson__tasks__junit__old-reports__junit-report-1.xml",
        Reason::Contradictory,
    ),
    (
        "junit-plugin__src__test__resources__hudson__tasks__junit__old-reports__junit-report-2.xml",
        Reason::Contradictory,
    ),
    ("junit-plugin__src__test__resources__hudson__tasks__junit__testXxe-oob.xml", Reason::Malformed),
    ("junit-plugin__src__test__resources__hudson__tasks__junit__testXxe-xxe.xml", Reason::Malformed),
    ("test-reporter____tests____fixtures__dotnet-nunit.xml", Reason::Malformed),
    ("test-reporter____tests____fixtures__empty__java-junit.xml", Reason::EmptyReport),
    ("test-reporter____tests____fixtures__empty__jest-junit-empty-testsuite.xml", Reason::EmptyReport),
    ("test-reporter____tests____fixtures__empty__jest-junit.xml", Reason::EmptyReport),
    ("test-reporter____tests____fixtures__empty__phpunit-empty.xml", Reason::EmptyReport),
    ("test-reporter____tests____fixtures__external__nunit-sample.xml", Reason::Malformed),
    ("test-reporter____tests____fixtures__junit-with-message.xml", Reason::Contradictory),
];

#[test]
fn every_file_of_the_corpus_is_counted_as_another_program_counts_it_or_refused() {
    let Some(folder) = corpus("junit") else { return };
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), TAKEN.len() + REFUSED.len());
    for (name, counts) in TAKEN {
        let bytes = std::fs::read(folder.join(name)).unwrap();
        let report = read_as(Format::Junit, &bytes).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        assert_eq!(report.counts(), *counts, "{name}");
    }
    for (name, reason) in REFUSED {
        let bytes = std::fs::read(folder.join(name)).unwrap();
        let fault = read_as(Format::Junit, &bytes).expect_err(name);
        assert_eq!(fault.reason, *reason, "{name}: {fault}");
    }
}

#[test]
fn no_cut_of_a_real_report_hides_a_failure() {
    let Some(folder) = corpus("junit") else { return };
    for (name, _) in TAKEN {
        let bytes = std::fs::read(folder.join(name)).unwrap();
        no_cut_hides_a_failure(Format::Junit, &bytes, if bytes.len() > 100_000 { 9_973 } else { 97 });
    }
}

// The numbers are those of the tools' own summaries where they give one.
#[rstest]
// `5 failed, 3 passed, 1 skipped, 1 xfailed, 3 errors, 2 subtests passed`: of the eleven cases that it
// wrote one holds two failures of subtests, and one that failed and then erred stands twice
#[case("pytest.xml", [11, 7, 3, 2])]
#[case("pytest-xunit1.xml", [11, 7, 3, 2])]
// `Tests: 1 failed, 1 skipped, 1 todo, 2 passed`: the one that is still to be written counts as skipped
#[case("jest-todo.xml", [5, 1, 0, 2])]
// the same, and a file that could not be loaded, which jest-junit writes as an error and a failure
#[case("jest-load-error.xml", [7, 3, 1, 2])]
// `2 passing, 2 pending, 2 failing`, one of the failures in a hook
#[case("mocha-xunit.xml", [6, 2, 0, 2])]
// `33% tests passed, 4 tests failed out of 6`, one of them not started, and one more disabled
#[case("ctest.xml", [7, 4, 1, 2])]
// `tests 7, pass 3, fail 2, skipped 1, todo 1`
#[case("node.xml", [7, 2, 0, 2])]
fn what_tools_write_is_counted_as_they_count_it(#[case] name: &str, #[case] counts: [u64; 4]) {
    let bytes = fixture(name);
    assert_eq!(read(&bytes).unwrap().counts(), counts);
    no_cut_hides_a_failure(Format::Junit, &bytes, 97);
}

#[rstest]
#[case::surefire_counts_runs(
    r#"<testsuite tests="3" failures="2" errors="0"><testcase name="a" time="1"><flakyFailure/><flakyError/></testcase></testsuite>"#,
    [1, 0, 0, 0], 1.0)]
#[case::surefire_counts_cases(
    r#"<testsuite tests="1" failures="0" errors="0"><testcase name="a" time="1"><flakyFailure/></testcase></testsuite>"#,
    [1, 0, 0, 0], 1.0)]
#[case::nextest(
    r#"<testsuites name="nextest-run" tests="2" failures="1" errors="0"><testsuite name="shop" tests="2" disabled="0" errors="0" failures="1">
    <testcase name="a" classname="shop" time="1"><failure type="test failure"/><rerunFailure type="test failure"/></testcase>
    <testcase name="b" classname="shop" time="1"><flakyFailure type="test failure"><system-out>x</system-out></flakyFailure></testcase>
    </testsuite></testsuites>"#,
    [2, 1, 0, 0], 1.0)]
#[case::a_rerun_that_failed_and_nothing_else(
    r#"<testsuite><testcase name="a" time="1"><rerunError/></testcase></testsuite>"#, [1, 1, 0, 0], 0.0)]
#[case::googletest(
    r#"<testsuites tests="3" failures="1" disabled="1" errors="0"><testsuite name="Cart" tests="3" failures="1" disabled="1" skipped="1" errors="0">
    <testcase name="A" status="run" result="completed" time="0" classname="Cart"><failure message="x"/></testcase>
    <testcase name="DISABLED_B" status="notrun" result="suppressed" time="0" classname="Cart"/>
    <testcase name="C" status="run" result="skipped" time="0" classname="Cart"><skipped message="x"/></testcase></testsuite></testsuites>"#,
    [3, 1, 0, 2], 0.0)]
#[case::phpunit_nests_and_sums_up(
    r#"<testsuites><testsuite name="all" tests="3" errors="1" failures="1" skipped="0"><testsuite name="A" tests="2" errors="1" failures="0" skipped="0">
    <testcase name="a" class="A" time="0"/><testcase name="b" class="A" time="0"><error type="E">x</error></testcase></testsuite>
    <testsuite name="B" tests="1" errors="0" failures="1" skipped="0"><testcase name="c" time="0"><failure>y</failure></testcase></testsuite></testsuite></testsuites>"#,
    [3, 2, 1, 0], 0.0)]
#[case::a_suite_that_counts_only_its_own(
    r#"<testsuite tests="1" failures="0"><testcase name="a" time="0"/><testsuite tests="1" failures="1"><testcase name="b" time="0"><failure/></testcase></testsuite></testsuite>"#,
    [2, 1, 0, 0], 0.0)]
#[case::gotestsum(
    r#"<testsuites tests="2" failures="1" errors="0" time="0.1"><testsuite tests="2" failures="1" time="0.1" name="example.com/shop" timestamp="2026-10-05T09:00:00Z">
    <properties><property name="go.version" value="go1.24.1 linux/amd64"></property></properties>
    <testcase classname="example.com/shop" name="TestA" time="0.01"><failure message="Failed" type="">x</failure></testcase>
    <testcase classname="example.com/shop" name="TestA" time="0.01"></testcase></testsuite></testsuites>"#,
    [2, 1, 0, 0], 0.0)]
#[case::a_status_without_an_element(r#"<testsuite><testcase name="a" status="FAILED" time="0"/></testsuite>"#, [1, 1, 0, 0], 0.0)]
#[case::a_failure_inside_an_element_that_is_not_known(
    r#"<testsuite><testcase name="a" time="0"><steps><step><failure/></step></steps></testcase></testsuite>"#, [1, 1, 0, 0], 0.0)]
#[case::cases_inside_an_element_that_is_not_known(
    r#"<testsuites><group><testcase name="a" time="0"><error/></testcase></group></testsuites>"#, [1, 1, 1, 0], 0.0)]
#[case::output_that_looks_like_a_report(
    "<testsuite><testcase name='a' time='0'><system-out><![CDATA[<failure/>]]></system-out></testcase></testsuite>", [1, 0, 0, 0], 0.0)]
fn each_dialect_is_read_as_it_is_meant(#[case] text: &str, #[case] counts: [u64; 4], #[case] flaky: f64) {
    let report = read(text.as_bytes()).unwrap();
    assert_eq!(report.counts(), counts);
    assert_eq!(report.number("tests.flaky"), Some(flaky));
    assert!(report.number("tests.time").is_some());
}

#[rstest]
#[case::a_failure_in_a_suite_that_states_none(
    r#"<testsuite tests="1" failures="0" errors="0"><testcase name="a"><failure/></testcase></testsuite>"#
)]
#[case::the_same_in_the_sum(r#"<testsuites failures="0" errors="0"><testsuite><testcase name="a"><failure/></testcase></testsuite></testsuites>"#)]
#[case::fewer_failures_than_cases_that_fail(
    r#"<testsuite tests="2" failures="1" errors="0"><testcase name="a"><failure/></testcase><testcase name="b"><failure/></testcase></testsuite>"#)]
#[case::a_failure_that_no_case_shows(r#"<testsuite tests="1" failures="1"><testcase name="a"/></testsuite>"#)]
#[case::an_error_that_no_case_shows(
    r#"<testsuites errors="1"><testsuite tests="1"><testcase name="a"/></testsuite></testsuites>"#
)]
#[case::failures_without_any_case(r#"<testsuites><testsuite name="x" tests="0" failures="0" errors="1"><system-err>boom</system-err></testsuite></testsuites>"#)]
#[case::a_case_that_is_missing(r#"<testsuite tests="2"><testcase name="a"/></testsuite>"#)]
#[case::a_passing_case_too_many(r#"<testsuite tests="1"><testcase name="a"/><testcase name="b"/></testsuite>"#)]
#[case::skipped_cases_that_look_passed(
    r#"<testsuite tests="2" skipped="1"><testcase name="a"/><testcase name="b"/></testsuite>"#
)]
#[case::a_sum_that_counts_suites(
    r#"<testsuites tests="1"><testsuite><testcase name="a"/><testcase name="b"/></testsuite></testsuites>"#
)]
fn totals_that_are_not_those_of_the_cases_contradict(#[case] text: &str) {
    let fault = read(text.as_bytes()).unwrap_err();
    assert_eq!(fault.reason, Reason::Contradictory, "{fault}");
}

#[test]
fn a_contradiction_is_told_with_its_place_and_both_counts() {
    let text = "<testsuites>\n  <testsuite name='cart' tests='1' failures='0'><testcase name='a'><failure/></testcase></testsuite></testsuites>";
    let fault = read(text.as_bytes()).unwrap_err();
    assert_eq!(
        fault.to_string(),
        "line 2, column 3: the suite `cart` states tests=1 failures=0, and its cases are 1 tests, 1 failures, 0 errors, 0 skipped; \
         make the report again, or mend the tool that put it together"
    );
}

#[rstest]
#[case("<testsuites/>")]
#[case(r#"<testsuites tests="0" failures="0"><testsuite name="a" tests="0"/></testsuites>"#)]
fn a_report_without_a_case_is_empty(#[case] text: &str) {
    assert_eq!(read(text.as_bytes()).unwrap_err().reason, Reason::EmptyReport);
}

#[rstest]
#[case("1.5", 1.5)]
#[case("0.031", 0.031)]
#[case("0.1234567", 0.123_456_7)]
#[case("999999.99", 999_999.99)]
#[case("3.", 3.0)]
#[case("0.12345678901234", 0.123_456_789)]
#[case("1,234.5", 1234.5)]
#[case("1,234,567", 1_234_567.0)]
#[case("1.4e-05", 1.4e-05)]
#[case(".5", 0.5)]
#[case("-0.0", 0.0)]
fn times_are_read_as_tools_write_them(#[case] time: &str, #[case] seconds: f64) {
    let text = format!("<testsuite><testcase name='a' time='{time}'/></testsuite>");
    assert_eq!(read(text.as_bytes()).unwrap().number("tests.time"), Some(seconds));
}

#[rstest]
fn a_time_that_cannot_be_is_malformed(
    #[values("-1", "NaN", "inf", "-inf", "Infinity", "1e999", "1,5", "12,34.5", ",1", "1s", "x")] time: &str,
) {
    let text = format!("<testsuite>\n<testcase name='a' time='{time}'/></testsuite>");
    let fault = read(text.as_bytes()).unwrap_err();
    assert_eq!((fault.reason, fault.place), (Reason::Malformed, Place::Line(2, 1)), "{fault}");
    assert_eq!(fault.message, format!("expected a time in seconds, zero or more, found `{time}`"));
}

#[rstest]
fn a_total_that_cannot_be_is_malformed(#[values("-1", "1.5", "NaN", "many", "99999999999999999999")] count: &str) {
    let text = format!("<testsuite tests='{count}'><testcase name='a'/></testsuite>");
    let fault = read(text.as_bytes()).unwrap_err();
    assert_eq!(fault.reason, Reason::Malformed);
    assert_eq!(fault.message, format!("expected a count as `tests`, found `{count}`"));
}

#[test]
fn a_case_without_a_time_leaves_the_time_unknown() {
    let report = read(b"<testsuite><testcase name='a' time='1'/><testcase name='b' time=''/></testsuite>").unwrap();
    assert_eq!(report.number("tests.time"), None);
}

#[test]
fn a_failure_is_told_with_its_name_place_and_first_words() {
    let report = read(&fixture("pytest-xunit1.xml")).unwrap();
    let told: Vec<_> = report.notables.iter().map(|one| (one.title.as_str(), one.message.as_str(), one.line)).collect();
    // pytest counts lines from 0: `def test_pass_then_teardown_error` stands on line 10
    assert_eq!(
        told[0],
        ("test_a › test_pass_then_teardown_error", "failed on teardown with \"RuntimeError: teardown\"", Some(10))
    );
    assert_eq!(report.notables[0].path.as_deref(), Some("test_a.py"));
    let report = read(&fixture("mocha-xunit.xml")).unwrap();
    assert_eq!(report.notables[0].title, "cart › totals");
    assert_eq!(report.notables[0].message, "1 == 2");
}

#[test]
fn a_case_without_a_class_is_named_after_its_suite() {
    let text = "<testsuites><testsuite name='cart'><testcase name='a &amp; b'><failure/></testcase><testcase name='cart' classname=''><failure/></testcase>\
                <error message='no class'/></testsuite></testsuites>";
    assert_eq!(read(text.as_bytes()).unwrap().failing(), ["cart", "cart › a & b"]);
}

#[rstest]
#[case("pytest.xml", "pytest")]
#[case("jest-todo.xml", "Jest")]
fn a_tool_is_named_where_the_report_gives_it_away(#[case] name: &str, #[case] tool: &str) {
    assert_eq!(read(&fixture(name)).unwrap().about.tool.as_deref(), Some(tool));
}

#[test]
fn the_oldest_suite_says_when_the_report_was_made() {
    let text = "<testsuites><testsuite timestamp='2026-10-05T09:00:00+02:00'><testcase name='a'/></testsuite>\
                <testsuite timestamp='2026-10-05T08:00:00 UTC'/><testsuite timestamp='1970-01-01T00:00:00'/>\
                <testsuite timestamp='Mon, 05 Oct 2026 06:30:00 GMT'/></testsuites>";
    assert_eq!(read(text.as_bytes()).unwrap().about.made_at.unwrap().to_rfc3339(), "2026-10-05T06:30:00+00:00");
}

#[test]
fn a_property_of_a_suite_may_name_the_commit_and_one_of_a_case_may_not() {
    let text = "<testsuite><properties><property name='git.commit.id' value='0123456789abcdef0123456789abcdef01234567'/></properties>\
                <testcase name='a'><properties><property name='GIT_COMMIT' value='ffffffffffffffffffffffffffffffffffffffff'/></properties></testcase></testsuite>";
    assert_eq!(read(text.as_bytes()).unwrap().about.commits, [["0123456789abcdef0123456789abcdef01234567"]]);
}

#[test]
fn several_reports_add_up() {
    let mut tally = Tally::Tests(TestTally::new());
    let mut about = About::default();
    for _ in 0..2 {
        tally.read(Format::Junit, &fixture("ctest.xml"), &mut about).unwrap();
    }
    let (measures, _) = tally.finish();
    assert_eq!(super::tests::number(&measures, "tests.total"), Some(14.0));
    assert_eq!(super::tests::names(&measures, "tests.failing").unwrap().len(), 4);
}

#[rstest]
#[case::another_root("<project/>", "expected `testsuites` or `testsuite` as the root of a JUnit report")]
#[case::a_case_in_a_case(
    "<testsuite><testcase name='a'><testcase name='b'/></testcase></testsuite>",
    "a `testcase` stands inside a test case; close the case before it"
)]
#[case::an_attribute_twice(
    "<testsuite><testcase name='a' time='1' time='2'/></testsuite>",
    "the attribute `time` stands twice in one element; keep one of them"
)]
#[case::a_second_root(
    "<testsuite><testcase name='a'/></testsuite><testsuite/>",
    "a second element stands after the document's root"
)]
fn what_is_no_report_is_refused(#[case] text: &str, #[case] message: &str) {
    let fault = junit::read(text.as_bytes(), &mut TestTally::new(), &mut About::default()).unwrap_err();
    assert_eq!((fault.reason, fault.message.as_str()), (Reason::Malformed, message));
}

#[rstest]
#[case("junit__billion-laughs.xml")]
#[case("junit__nul-in-middle.xml")]
#[case("junit__truncated.xml")]
fn t51_files_that_were_made_to_harm_are_refused(#[case] name: &str) {
    let Some(file) = corpus(&format!("malformed/{name}")) else { return };
    assert_eq!(read_as(Format::Junit, &std::fs::read(file).unwrap()).unwrap_err().reason, Reason::Malformed);
}

#[test]
fn a_byte_order_mark_is_passed_over() {
    let Some(file) = corpus("malformed/junit__bom.xml") else { return };
    read(&std::fs::read(file).unwrap()).unwrap();
}
