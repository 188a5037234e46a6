//! Cobertura XML in its dialects.

use countersign::model::kind::Format::Cobertura;
use countersign::model::verdict::Reason;

use super::reading::{all, assert_measures, corpus, one, refused_as};

// The totals are what the producing tool states in `lines-covered`, `lines-valid` and so on, where it
// does; the others, and all methods, are an independent count: Python's ElementTree over the lines of classes, with
// the sums of `condition-coverage`, and over methods with a line that ran.
#[rstest::rstest]
#[case::matlab(
    "CodeCoverageSummary__src__coverage.MATLAB.xml",
    "lines=0.370504 lines_covered=103 lines_total=278 functions=1"
)]
#[case::coverlet(
    "CodeCoverageSummary__src__coverage.cobertura.xml",
    "lines=0.830137 lines_covered=1212 lines_total=1460 branches=0.693122 branches_covered=262 branches_total=378 functions=0.91954"
)]
#[case::gcovr(
    "CodeCoverageSummary__src__coverage.gcovr.xml",
    "lines=0.603147 lines_covered=345 lines_total=572 branches=0.396825 branches_covered=100 branches_total=252"
)]
#[case::simplecov(
    "CodeCoverageSummary__src__coverage.simplecov.xml",
    "lines=0.966851 lines_covered=350 lines_total=362"
)]
#[case::dotnet_coverage(
    "ReportGenerator__src__Testprojects__CSharp__Reports__Cobertura_dotnet-coverage.xml",
    "lines=0.693617 lines_covered=163 lines_total=235 branches=0.833333 branches_covered=15 branches_total=18 functions=0.597015"
)]
#[case::an_excerpt_with_the_totals_of_the_whole(
    "ReportGenerator__src__Testprojects__CSharp__Reports__Cobertura_dotnettest_old.xml",
    "lines=0.256575 lines_covered=3639 lines_total=14183 branches=0.158466 branches_covered=992 branches_total=6260 functions=0.55"
)]
#[case::cobertura(
    "ReportGenerator__src__Testprojects__Java__Reports__Cobertura2.1.1.xml",
    "lines=0.666667 lines_covered=24 lines_total=36 branches=0.25 branches_covered=1 branches_total=4 functions=0.470588"
)]
#[case::swift_without_lines_of_classes(
    "ReportGenerator__src__Testprojects__Other__Cobertura_Swift.xml",
    "lines=0.5 lines_covered=1 lines_total=2 branches=1 branches_covered=1 branches_total=1 functions=0.5"
)]
#[case::istanbul(
    "coverage-plugin__plugin__src__test__resources__io__jenkins__plugins__coverage__metrics__steps__cobertura-higher-coverage.xml",
    "lines=1 lines_covered=8 lines_total=8 branches=1 branches_covered=4 branches_total=4 functions=1"
)]
#[case::coverlet_again(
    "coverage-plugin__plugin__src__test__resources__io__jenkins__plugins__coverage__metrics__steps__cobertura-npe.xml",
    "lines=0.830189 lines_covered=44 lines_total=53 branches=0.75 branches_covered=3 branches_total=4 functions=0.8"
)]
#[case::vectorcast_with_rates_alone(
    "coverage-plugin__plugin__src__test__resources__io__jenkins__plugins__coverage__metrics__steps__vectorcast-statement-mcdc-fcc.xml",
    "lines=0.79932 lines_covered=235 lines_total=294 branches=0.661765 branches_covered=180 branches_total=272 functions=0.7"
)]
#[case::vectorcast_with_a_method_twice(
    "coverage-plugin__plugin__src__test__resources__io__jenkins__plugins__coverage__metrics__steps__vectorcast-duplicate-methods-statement-mcdc-fcc.xml",
    "lines=0.79932 lines_covered=235 lines_total=294 branches=0.661765 branches_covered=180 branches_total=272 functions=0.709677"
)]
fn the_dialects_of_the_corpus_are_read(#[case] file: &str, #[case] expected: &str) {
    let Some(bytes) = corpus(&format!("coverage/{file}")) else { return };
    assert_measures(&one(bytes).0, "coverage", expected);
}

// Reports of the corpus that were edited by hand, or do not agree with themselves; the counts are Python's.
#[rstest::rstest]
#[case::all_covered_and_two_lines_that_are_not("lower-coverage", "8 of 8 lines are covered, the entries that 2 of 4")]
#[case::one_line_fewer_missed("overloaded-methods", "12 of 16 lines are covered, the entries that 7 of 12")]
#[case::more_branches_than_there_are("duplicate-methods", "3 of 4 branches are covered, the entries that 20 of 26")]
fn totals_that_leave_out_what_is_listed_contradict_it(#[case] file: &str, #[case] says: &str) {
    let file = format!(
        "coverage/coverage-plugin__plugin__src__test__resources__io__jenkins__plugins__coverage__metrics__steps__cobertura-{file}.xml"
    );
    let Some(bytes) = corpus(&file) else { return };
    let message = refused_as(Reason::Contradictory, Cobertura, bytes);
    assert!(message.contains(says), "{message}");
}

// VectorCAST 23 lists 52 of 80 lines and 45 of 69, and states a rate of 0.6212 for both.
#[rstest::rstest]
#[case("branch", "counts 0.6500")]
#[case("mcdc", "counts 0.6522")]
fn a_rate_that_is_not_that_of_the_lines_contradicts_them(#[case] file: &str, #[case] says: &str) {
    let file = format!(
        "coverage/coverage-plugin__plugin__src__test__resources__io__jenkins__plugins__coverage__metrics__steps__vectorcast-statement-{file}.xml"
    );
    let Some(bytes) = corpus(&file) else { return };
    let message = refused_as(Reason::Contradictory, Cobertura, bytes);
    assert!(message.contains("0.6212121212121212 of its lines") && message.contains(says), "{message}");
}

/// A report with attributes of its root and the content of one class.
fn report(root: &str, class: &str) -> String {
    format!(
        "<!DOCTYPE coverage SYSTEM \"http://cobertura.sourceforge.net/xml/coverage-04.dtd\">\n<coverage {root}><packages>\
         <package><classes><class name=\"A\" filename=\"a\">{class}</class></classes></package></packages></coverage>"
    )
}

const HALF: &str = r#"<lines><line number="1" hits="3"/><line number="2" hits="0"/></lines>"#;

#[rstest::rstest]
#[case::seconds("1700000000", "2023-11-14T22:13:20+00:00")]
#[case::milliseconds("1700000000500", "2023-11-14T22:13:20.500+00:00")]
#[case::fraction("1700000000.25", "2023-11-14T22:13:20.250+00:00")]
#[case::text("2023-11-14 22:13:20.5", "2023-11-14T08:13:20.500+00:00")]
fn the_timestamp_is_read_in_every_form(#[case] written: &str, #[case] expected: &str) {
    let (_, about) = one(report(&format!(r#"line-rate="0.5" timestamp="{written}""#), HALF));
    assert_eq!(about.made_at.unwrap().to_rfc3339(), expected);
}

#[rstest::rstest]
#[case::nothing("0")]
#[case::negative("-5")]
#[case::absurd("1e308")]
#[case::other_text("yesterday")]
fn a_timestamp_that_is_none_says_nothing(#[case] written: &str) {
    let (_, about) = one(report(&format!(r#"line-rate="0.5" timestamp="{written}""#), HALF));
    assert_eq!(about.made_at, None);
}

#[rstest::rstest]
#[case("gcovr 5.0", Some("gcovr 5.0"))]
#[case("1.9", None)]
#[case("", None)]
fn the_version_names_a_tool_only_where_it_begins_with_a_name(#[case] version: &str, #[case] tool: Option<&str>) {
    let (_, about) = one(report(&format!(r#"line-rate="0.5" version="{version}""#), HALF));
    assert_eq!(about.tool.as_deref(), tool);
}

#[rstest::rstest]
#[case::lines_of_the_class_rule(
    r#"<methods><method name="m"><lines><line number="1" hits="3"/></lines></method></methods><lines><line number="1" hits="3"/><line number="2" hits="0"/></lines>"#,
    "lines=0.5 lines_covered=1 lines_total=2 functions=1"
)]
#[case::methods_stand_in(
    r#"<methods><method name="m"><lines><line number="1" hits="3"/></lines></method><method name="n"><lines><line number="2" hits="0"/></lines></method></methods>"#,
    "lines=0.5 lines_covered=1 lines_total=2 functions=0.5"
)]
#[case::a_branch_without_counts_leaves_branches_unknown(
    r#"<lines><line number="1" hits="3" branch="true" condition-coverage="50% (1/2)"/><line number="2" hits="0" branch="true"/></lines>"#,
    "lines=0.5 lines_covered=1 lines_total=2"
)]
#[case::a_method_that_tells_nothing_leaves_functions_unknown(
    r#"<methods><method name="m"/></methods><lines><line number="1" hits="3"/><line number="2" hits="0"/></lines>"#,
    "lines=0.5 lines_covered=1 lines_total=2"
)]
fn what_counts_in_a_class(#[case] class: &str, #[case] expected: &str) {
    assert_measures(&one(report(r#"line-rate="0.5""#, class)).0, "coverage", expected);
}

#[test]
fn stated_totals_may_count_what_is_not_listed() {
    let (measures, _) = one(report(r#"line-rate="0.4" lines-covered="4" lines-valid="10""#, HALF));
    assert_measures(&measures, "coverage", "lines=0.4 lines_covered=4 lines_total=10");
}

#[test]
fn branches_that_were_not_measured_have_no_ratio() {
    // what coverage.py writes without `--branch`
    let (measures, _) = one(report(r#"line-rate="0.5" branch-rate="0" branches-covered="0" branches-valid="0""#, HALF));
    assert_measures(
        &measures,
        "coverage",
        "lines=0.5 lines_covered=1 lines_total=2 branches_covered=0 branches_total=0",
    );
}

#[test]
fn several_reports_add_up_what_all_of_them_state() {
    let with_branches = report(
        r#"line-rate="1""#,
        r#"<lines><line number="1" hits="1" branch="true" condition-coverage="100% (2/2)"/><line number="2" hits="1"/></lines>"#,
    );
    let half = report(r#"line-rate="0.5""#, HALF);
    let (measures, _) = all(&[with_branches.as_bytes(), half.as_bytes()]).unwrap();
    assert_measures(&measures, "coverage", "lines=0.75 lines_covered=3 lines_total=4");
}

#[rstest::rstest]
#[case::more_covered_than_there_are(
    r#"line-rate="1" lines-covered="3" lines-valid="2""#,
    HALF,
    "`lines-covered` is 3, more than"
)]
#[case::negative(
    r#"line-rate="1" lines-covered="-3" lines-valid="2""#,
    HALF,
    "expected a count in `lines-covered`, found `-3`"
)]
#[case::absurd(r#"line-rate="1" lines-covered="1" lines-valid="1e308""#, HALF, "expected a count in `lines-valid`")]
#[case::a_percentage(r#"line-rate="50""#, HALF, "expected a rate from 0 to 1 in `line-rate`, found `50`")]
#[case::infinite(r#"line-rate="inf""#, HALF, "expected a rate from 0 to 1")]
#[case::negative_hits(r#"line-rate="1""#, r#"<lines><line number="1" hits="-1"/></lines>"#, "line 2, column")]
#[case::no_hits(r#"line-rate="1""#, r#"<lines><line number="1"/></lines>"#, "how often it ran in `hits`")]
#[case::conditions(
    r#"line-rate="1""#,
    r#"<lines><line number="1" hits="1" branch="true" condition-coverage="150% (3/2)"/></lines>"#,
    "counts 3 covered branches of 2"
)]
fn what_cannot_be_is_refused(#[case] root: &str, #[case] class: &str, #[case] says: &str) {
    let message = refused_as(Reason::Malformed, Cobertura, report(root, class));
    assert!(message.contains(says), "{message}");
}

#[rstest::rstest]
#[case(report(r#"line-rate="1""#, "<lines/>"))]
#[case(report(r#"line-rate="1" lines-covered="0" lines-valid="0""#, ""))]
#[case(r#"<coverage line-rate="0"><packages/></coverage>"#.to_owned())]
fn a_report_without_lines_is_empty(#[case] text: String) {
    refused_as(Reason::EmptyReport, Cobertura, text);
}

#[rstest::rstest]
#[case("malformed/coverage__truncated.xml")]
#[case("coverage/uploader__test__fixtures__other__coverage.xml")]
fn t51_a_damaged_file_is_refused(#[case] file: &str) {
    let Some(bytes) = corpus(file) else { return };
    refused_as(Reason::Malformed, Cobertura, bytes);
}

#[test]
fn t51_an_internal_dtd_subset_is_refused() {
    let text = r#"<!DOCTYPE coverage [<!ENTITY a "1">]><coverage line-rate="&a;"/>"#;
    assert!(refused_as(Reason::Malformed, Cobertura, text).contains("internal DTD subset"));
}

#[test]
fn t51_deep_nesting_is_found_within_a_limit() {
    refused_as(Reason::BeyondLimit, Cobertura, format!("<coverage>{}", "<class>".repeat(1_000_000)));
}

#[test]
fn t51_a_report_that_is_cut_anywhere_is_refused() {
    let text = report(r#"line-rate="0.5""#, HALF);
    for end in 0..text.len() {
        refused_as(Reason::Malformed, Cobertura, &text.as_bytes()[..end]);
    }
}

// Fresh runs. coverage.py 7.17.3 says of `shapes.py` in its JSON: 15 of 17 lines, 4 of 6 branches. gcovr says of
// `a.cc`: 4 of 5 lines, 4 of 10 branches, 4 of 5 functions.
#[rstest::rstest]
#[case::coverage_py(
    include_str!("../../fixtures/coverage/coveragepy.xml"),
    "lines=0.882353 lines_covered=15 lines_total=17 branches=0.666667 branches_covered=4 branches_total=6"
)]
#[case::coverage_py_without_branches(
    include_str!("../../fixtures/coverage/coveragepy_lines.xml"),
    "lines=0.882353 lines_covered=15 lines_total=17 branches_covered=0 branches_total=0"
)]
#[case::gcovr(
    include_str!("../../fixtures/coverage/gcovr.xml"),
    "lines=0.8 lines_covered=4 lines_total=5 branches=0.4 branches_covered=4 branches_total=10 functions=0.8"
)]
fn fresh_reports_measure_what_their_tools_say(#[case] text: &str, #[case] expected: &str) {
    let (measures, about) = one(text);
    assert_measures(&measures, "coverage", expected);
    assert!(about.made_at.is_some());
}
