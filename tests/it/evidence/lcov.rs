//! LCOV trace files.

use countersign::model::kind::Format::Lcov;
use countersign::model::verdict::Reason;

use super::reading::{all, assert_measures, corpus, one, refused_as};

// An independent count: Python over the files' own LF and LH, BRF and BRH, FNF and FNH where they are, else over DA and BRDA.
#[rstest::rstest]
#[case::cpp(
    "ReportGenerator__src__Testprojects__C++__Reports__lcov.info",
    "lines=0.894737 lines_covered=17 lines_total=19 functions=1.0"
)]
#[case::csharp(
    "ReportGenerator__src__Testprojects__CSharp__Reports__lcov.info",
    "lines=0.623116 lines_covered=124 lines_total=199 branches=0.625 branches_covered=5 branches_total=8 functions=0.473684"
)]
#[case::without_totals(
    "coverage-plugin__plugin__src__test__resources__io__jenkins__plugins__coverage__metrics__steps__lcov.info",
    "lines=0.5 lines_covered=3 lines_total=6 branches=0.5 branches_covered=1 branches_total=2"
)]
fn the_corpus_measures_what_another_program_counts(#[case] file: &str, #[case] expected: &str) {
    let Some(bytes) = corpus(&format!("coverage/{file}")) else { return };
    let (measures, about) = one(bytes);
    assert_measures(&measures, "coverage", expected);
    assert_eq!((about.tool, about.made_at), (None, None));
}

#[rstest::rstest]
#[case::functions_of_1_x(
    "SF:a\nFN:1,f\nFN:5,g\nFNDA:2,f\nFNDA:0,g\nDA:1,2\nend_of_record\n",
    "lines=1 lines_covered=1 lines_total=1 functions=0.5"
)]
#[case::functions_of_2_x(
    "SF:a\nFNL:0,1,4\nFNA:0,2,f\nFNL:1,5\nFNA:1,0,g\nDA:1,2\nend_of_record\n",
    "lines=1 lines_covered=1 lines_total=1 functions=0.5"
)]
#[case::totals_of_functions_rule(
    "SF:a\nFN:1,f<a>\nFN:1,f<b>\nFNDA:2,f<a>\nFNDA:0,f<b>\nFNF:1\nFNH:1\nDA:1,2\nend_of_record\n",
    "lines=1 lines_covered=1 lines_total=1 functions=1"
)]
#[case::a_checksum_and_a_branch_never_reached(
    "TN:x\nSF:a\nDA:1,2,abc==\nDA:2,0\nBRDA:1,0,0,-\nBRDA:1,0,(a, b),3\nBRDA:1,e0,1,0\nend_of_record\n",
    "lines=0.5 lines_covered=1 lines_total=2 branches=0.333333 branches_covered=1 branches_total=3"
)]
#[case::totals_may_count_more("SF:a\nDA:1,2\nLF:4\nLH:1\nend_of_record\n", "lines=0.25 lines_covered=1 lines_total=4")]
#[case::totals_alone("SF:a\r\nLF:4\r\nLH:1\r\nend_of_record\r\n", "lines=0.25 lines_covered=1 lines_total=4")]
#[case::no_branches_to_cover(
    "SF:a\nDA:1,2\nBRF:0\nBRH:0\nend_of_record",
    "lines=1 lines_covered=1 lines_total=1 branches_covered=0 branches_total=0"
)]
#[case::unknown_records(
    "TN:\nVER:1\nSF:a\nVER:2\nMCDC:1,2,t,1,0,x\nDA:1,2\n\n#c\nend_of_record\n",
    "lines=1 lines_covered=1 lines_total=1"
)]
fn what_records_mean(#[case] text: &str, #[case] expected: &str) {
    assert_measures(&one(text).0, "coverage", expected);
}

#[rstest::rstest]
#[case::hidden_misses(
    Reason::Contradictory,
    "SF:a\nDA:1,2\nDA:2,0\nLF:2\nLH:2\nend_of_record\n",
    "2 of 2 lines are covered, the entries that 1 of 2"
)]
#[case::fewer(Reason::Contradictory, "SF:a\nDA:1,2\nDA:2,2\nLF:1\nLH:1\nend_of_record\n", "1 of 1 lines")]
#[case::branches(Reason::Contradictory, "SF:a\nDA:1,2\nBRDA:1,0,0,0\nBRF:1\nBRH:1\nend_of_record\n", "1 of 1 branches")]
#[case::more_hit_than_found(
    Reason::Malformed,
    "SF:a\nDA:1,2\nLF:2\nLH:3\nend_of_record\n",
    "line 5: `LH:3` is more than `LF:2`"
)]
#[case::negative(Reason::Malformed, "SF:a\nDA:1,-2\nend_of_record\n", "line 2: expected `DA:`")]
#[case::not_a_number(Reason::Malformed, "SF:a\nDA:1,NaN\nend_of_record\n", "line 2: expected `DA:`")]
#[case::absurd(Reason::Malformed, "SF:a\nDA:1,1e308\nend_of_record\n", "found `DA:1,1e308`")]
#[case::no_hits(Reason::Malformed, "SF:a\nDA:1\nend_of_record\n", "line 2: expected `DA:`")]
#[case::a_total(Reason::Malformed, "SF:a\nDA:1,1\nLF:x\nend_of_record\n", "line 3: expected a count, found `LF:x`")]
#[case::a_branch(Reason::Malformed, "SF:a\nDA:1,1\nBRDA:1,2\nend_of_record\n", "line 3: expected `BRDA:`")]
#[case::cut_short(Reason::Malformed, "SF:a\nDA:1,1\n", "cut short")]
#[case::two_sections(Reason::Malformed, "SF:a\nDA:1,1\nSF:b\n", "line 3: a section begins")]
#[case::no_section(Reason::Malformed, "TN:\nend_of_record\n", "line 2: `end_of_record` without")]
#[case::text(Reason::Malformed, "SF:a\nhello\n", "line 2: expected a record")]
#[case::empty(Reason::EmptyReport, "TN:\n", "no lines")]
#[case::no_lines(Reason::EmptyReport, "SF:a\nLF:0\nLH:0\nend_of_record\n", "no lines")]
fn what_cannot_be_is_refused(#[case] reason: Reason, #[case] text: &str, #[case] says: &str) {
    let message = refused_as(reason, Lcov, text);
    assert!(message.contains(says), "{message}");
}

#[test]
fn several_files_add_up() {
    let (one, other) = ("SF:a\nDA:1,2\nDA:2,0\nend_of_record\n", "TN:\nSF:b\nDA:1,2\nDA:2,1\nend_of_record\n");
    let (measures, _) = all(&[one.as_bytes(), other.as_bytes()]).unwrap();
    assert_measures(&measures, "coverage", "lines=0.75 lines_covered=3 lines_total=4");
}

#[test]
fn t51_bytes_that_are_not_utf8_are_refused_with_their_line() {
    assert!(refused_as(Reason::Malformed, Lcov, b"TN:\nSF:\xFF\xFE\n").starts_with("line 2: expected UTF-8"));
}

#[test]
fn t51_a_line_of_megabytes_is_found_within_a_limit() {
    refused_as(Reason::BeyondLimit, Lcov, format!("SF:{}\nend_of_record\n", "a".repeat(2 << 20)));
}

// Fresh runs; what the tools say of them is told beside the Cobertura reports of the same runs. In this
// form gcovr states 8 branches, one instance of the template less, and counts 5 lines where it lists 3.
#[rstest::rstest]
#[case::coverage_py(
    include_str!("../../fixtures/coverage/coveragepy.info"),
    "lines=0.882353 lines_covered=15 lines_total=17 branches=0.666667 branches_covered=4 branches_total=6 functions=0.75"
)]
#[case::gcovr(
    include_str!("../../fixtures/coverage/gcovr.info"),
    "lines=0.8 lines_covered=4 lines_total=5 branches=0.5 branches_covered=4 branches_total=8 functions=0.8"
)]
fn fresh_reports_measure_what_their_tools_say(#[case] text: &str, #[case] expected: &str) {
    assert_measures(&one(text).0, "coverage", expected);
}
