//! JaCoCo XML.

use countersign::model::kind::Format::Jacoco;
use countersign::model::verdict::Reason;

use super::reading::{all, assert_measures, corpus, one, refused_as};

// The counters of the report element itself, which Python's ElementTree adds up to the same from the packages.
#[rstest::rstest]
#[case(
    "ReportGenerator__src__Testprojects__Java__Reports__JaCoCo0.8.3.xml",
    "lines=0.684211 lines_covered=26 lines_total=38 branches=0.25 branches_covered=1 branches_total=4 functions=0.5 \
     instructions=0.596273",
    "2018-09-29T15:21:03.280+00:00"
)]
#[case(
    "coverage-plugin__ui-tests__src__test__resources__jacoco-f52a5169.xml",
    "lines=0.59976 lines_covered=998 lines_total=1664 branches=0.463259 branches_covered=290 branches_total=626 \
     functions=0.569794 instructions=0.599232",
    "2022-01-18T22:14:21.380+00:00"
)]
#[case::packages_without_branches(
    "coverage-plugin__ui-tests__src__test__resources__jacoco-codingstyle.xml",
    "lines=0.910217 lines_covered=294 lines_total=323 branches=0.939655 branches_covered=109 branches_total=116 \
     functions=0.95098 instructions=0.933333",
    "2021-07-10T15:39:13.652+00:00"
)]
#[case(
    "coverage-plugin__plugin__src__test__resources__io__jenkins__plugins__coverage__metrics__source__jacoco-path-util.xml",
    "lines=1 lines_covered=43 lines_total=43 branches=1 branches_covered=14 branches_total=14 functions=1 instructions=1",
    "2021-07-10T15:39:13.652+00:00"
)]
#[case::no_branches_and_the_oldest_session(
    "coverage-plugin__plugin__src__test__resources__io__jenkins__plugins__coverage__metrics__source__jacoco-acu-cobol-parser.xml",
    "lines=1 lines_covered=8 lines_total=8 branches_covered=0 branches_total=0 functions=1 instructions=1",
    "2021-09-10T21:05:51.859+00:00"
)]
fn the_corpus_measures_what_jacoco_states(#[case] file: &str, #[case] expected: &str, #[case] made: &str) {
    let Some(bytes) = corpus(&format!("coverage/{file}")) else { return };
    let (measures, about) = one(bytes);
    assert_measures(&measures, "coverage", expected);
    assert_eq!(about.made_at.unwrap().to_rfc3339(), made);
}

fn counter(kind: &str, missed: u32, covered: u32) -> String {
    format!(r#"<counter type="{kind}" missed="{missed}" covered="{covered}"/>"#)
}

fn report(content: &str) -> String {
    format!(
        "<!DOCTYPE report PUBLIC \"-//JACOCO//DTD Report 1.1//EN\" \"report.dtd\">\n<report name=\"r\">{content}</report>"
    )
}

fn grouped(own: &str) -> String {
    // Two groups, one inside the other; counters of groups, classes and methods are parts of others.
    report(&format!(
        "<group name=\"g\"><group name=\"h\"><package name=\"p\"><class name=\"c\"><method name=\"m\">{line}</method>{line}</class>{line}\
         </package>{line}</group><package name=\"q\">{other}</package>{both}</group>{own}",
        line = counter("LINE", 1, 2),
        other = counter("LINE", 0, 4),
        both = counter("LINE", 1, 6),
    ))
}

#[test]
fn packages_in_groups_add_up_to_the_report() {
    let expected = "lines=0.857143 lines_covered=6 lines_total=7 branches_covered=0 branches_total=0";
    assert_measures(&one(grouped(&counter("LINE", 1, 6))).0, "coverage", expected);
    assert_measures(&one(grouped("")).0, "coverage", expected);
}

#[test]
fn packages_that_do_not_add_up_contradict_the_report() {
    let message = refused_as(Reason::Contradictory, Jacoco, grouped(&counter("LINE", 0, 7)));
    assert!(message.contains("LINE says 7 of 7 covered, its packages add up to 6 of 7"), "{message}");
}

#[test]
fn classes_without_debug_information_leave_lines_unknown() {
    let (measures, _) = one(report(&counter("INSTRUCTION", 1, 3)));
    assert_measures(&measures, "coverage", "instructions=0.75 branches_covered=0 branches_total=0");
}

#[test]
fn modules_add_up_with_one_that_has_no_branches() {
    let one = report(&format!("{}{}", counter("LINE", 1, 1), counter("BRANCH", 1, 3)));
    let other = report(&counter("LINE", 0, 2));
    let (measures, _) = all(&[one.as_bytes(), other.as_bytes()]).unwrap();
    assert_measures(
        &measures,
        "coverage",
        "lines=0.75 lines_covered=3 lines_total=4 branches=0.75 branches_covered=3 branches_total=4",
    );
}

#[rstest::rstest]
#[case::empty(Reason::EmptyReport, report(""), "neither lines nor instructions")]
#[case::nothing_but_sessions(Reason::EmptyReport, report(r#"<sessioninfo id="a" start="1" dump="2"/>"#), "any classes")]
#[case::negative(
    Reason::Malformed,
    report(r#"<counter type="LINE" missed="-1" covered="2"/>"#),
    "whole numbers in `missed`"
)]
#[case::no_number(
    Reason::Malformed,
    report(r#"<counter type="LINE" missed="NaN" covered="2"/>"#),
    "line 2, column 18: expected"
)]
#[case::absurd(Reason::Malformed, report(r#"<counter type="LINE" missed="0" covered="1e308"/>"#), "whole numbers")]
#[case::left_out(Reason::Malformed, report(r#"<counter type="LINE" missed="0"/>"#), "whole numbers")]
#[case::twice(
    Reason::Malformed,
    report(&format!("{}{}", counter("LINE", 5, 5), counter("LINE", 0, 100))),
    "a second `counter` of the same type"
)]
#[case::twice_in_a_package(
    Reason::Malformed,
    report(&format!("<package name=\"p\">{}{}</package>", counter("LINE", 5, 5), counter("LINE", 0, 100))),
    "a second `counter` of the same type"
)]
#[case::another_root(Reason::Malformed, "<coverage/>".to_owned(), "expected the element `report`")]
fn what_cannot_be_is_refused(#[case] reason: Reason, #[case] text: String, #[case] says: &str) {
    let message = refused_as(reason, Jacoco, text);
    assert!(message.contains(says), "{message}");
}

#[test]
fn t51_entities_are_refused_and_an_external_dtd_is_not_fetched() {
    // `report.dtd` does not exist anywhere; the reports above name it and are read
    let text = r#"<!DOCTYPE report [<!ENTITY a SYSTEM "file:///etc/passwd">]><report name="&a;"/>"#;
    assert!(refused_as(Reason::Malformed, Jacoco, text).contains("internal DTD subset"));
}

#[test]
fn t51_a_report_that_is_cut_anywhere_is_refused() {
    let text = grouped("");
    for end in 0..text.len() {
        refused_as(Reason::Malformed, Jacoco, &text.as_bytes()[..end]);
    }
}

#[test]
fn what_gcovr_writes_in_this_form_is_read() {
    // what gcovr itself says of the run is told beside its Cobertura report
    let (measures, _) = one(include_bytes!("../../fixtures/coverage/gcovr_jacoco.xml"));
    assert_measures(
        &measures,
        "coverage",
        "lines=0.8 lines_covered=4 lines_total=5 branches=0.4 branches_covered=4 branches_total=10 functions=0.8",
    );
}
