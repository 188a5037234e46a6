//! What `go test -json` writes.

use countersign::evidence::{go_test, tests::TestTally};
use countersign::model::kind::Format;
use countersign::model::report::{About, Place};
use countersign::model::verdict::Reason;
use rstest::rstest;

use super::tests::{fixture, no_cut_hides_a_failure, read, read_as};

/// Events of one package, without their times.
fn events(lines: &[&str]) -> String {
    let line = |line: &&str| format!("{{\"Package\":\"p\",{line}}}\n");
    lines.iter().map(line).collect()
}

const END: &str = r#""Action":"pass","Elapsed":1"#;
const FAIL: &str = r#""Action":"fail","Elapsed":1"#;

#[rstest]
#[case::of_the_run("FAIL")]
#[case::of_a_package("FAIL\tp\t0.012s")]
#[case::of_a_process("exit status 2")]
fn a_line_that_says_that_the_run_failed_is_believed(#[case] line: &str) {
    let passed = events(&[r#""Action":"run","Test":"T""#, r#""Action":"pass","Test":"T","Elapsed":1"#, END]);
    let fault = read(format!("{passed}{line}\n").as_bytes()).unwrap_err();
    assert_eq!((fault.reason, fault.place), (Reason::Contradictory, Place::Line(4, 0)));
    // One that an event explains says nothing more, though it passed when it was run again.
    let failed = events(&[r#""Action":"run","Test":"T""#, r#""Action":"fail","Test":"T","Elapsed":1"#, FAIL]);
    assert_eq!(read(format!("{failed}{line}\n").as_bytes()).unwrap().counts(), [1, 1, 0, 0]);
    assert_eq!(read(format!("{failed}{line}\n{passed}").as_bytes()).unwrap().counts(), [1, 0, 0, 0]);
    assert_eq!(read(format!("{passed}coverage: 50%\n").as_bytes()).unwrap().counts(), [1, 0, 0, 0]);
}

// Written by Go 1.19.8. `go test` without `-json` prints FAIL for TestBoom, TestTotal, TestTotal/two_items,
// ExampleAdd, and for the packages `exits` (its TestMain exits with 1) and `broken` (it does not compile).
// Passed are TestFine, TestPasses, TestAdd, whose result Go 1.19 loses, TestSlow and three subtests.
#[test]
fn what_go_wrote_is_counted_as_go_counts_it() {
    let report = read(&fixture("go-1.19.jsonl")).unwrap();
    assert_eq!(report.counts(), [14, 6, 2, 1]);
    assert_eq!(
        report.failing(),
        [
            "example.com/shop/boom › TestBoom",
            "example.com/shop/broken",
            "example.com/shop/exits",
            "example.com/shop/good › ExampleAdd",
            "example.com/shop/good › TestTotal",
            "example.com/shop/good › TestTotal/two_items",
        ]
    );
    assert_eq!(report.about.tool.as_deref(), Some("go test"));
    assert_eq!(report.about.made_at.unwrap().to_rfc3339(), "2026-11-23T09:28:54.772048711+00:00");
}

#[rstest]
#[case("TestBoom", "panic: assignment to entry in nil map [recovered]")]
#[case("two_items", "cart_test.go:6: total is 3, want 4")]
#[case("exits", "the package failed outside of its tests")]
#[case("broken", "build failed")]
fn a_failure_is_told_in_the_words_that_say_most(#[case] name: &str, #[case] message: &str) {
    let report = read(&fixture("go-1.19.jsonl")).unwrap();
    let notable = report.notables.iter().find(|one| one.title.ends_with(name)).unwrap();
    assert_eq!(notable.message, message);
}

#[test]
fn a_build_that_failed_is_one_failure() {
    let report = read(&fixture("go-1.24-build.jsonl")).unwrap();
    assert_eq!(report.counts(), [2, 1, 1, 0]);
    assert_eq!(report.failing(), ["example.com/shop/cart"]);
    assert_eq!(report.notables[0].message, "the build of `example.com/shop/price` failed");
}

#[test]
fn a_build_that_failed_and_that_no_package_takes_note_of_is_a_failure() {
    let text = format!(
        "{{\"ImportPath\":\"q\",\"Action\":\"build-fail\"}}\n{}",
        events(&[r#""Action":"run","Test":"A""#, r#""Action":"pass","Test":"A""#, END])
    );
    let report = read_as(Format::GoTest, text.as_bytes()).unwrap();
    assert_eq!((report.counts(), report.failing()), ([2, 1, 1, 0], vec!["q".to_owned()]));
}

// Two runs of one package, as `gotestsum --rerun-fails` makes them: TestFlaky failed in the first and passed in the second.
#[test]
fn a_failure_that_passes_in_a_later_run_of_its_package_is_flaky() {
    let report = read(&fixture("go-rerun.jsonl")).unwrap();
    assert_eq!(report.counts(), [2, 0, 0, 0]);
    assert_eq!(report.number("tests.flaky"), Some(1.0));
}

#[test]
fn a_failure_in_the_same_run_of_its_package_stays_one() {
    let (run, fail, pass) = (
        r#""Action":"run","Test":"A""#,
        r#""Action":"fail","Test":"A","Elapsed":0"#,
        r#""Action":"pass","Test":"A","Elapsed":0"#,
    );
    let report = read_as(Format::GoTest, events(&[run, fail, run, pass, FAIL]).as_bytes()).unwrap();
    assert_eq!(report.counts(), [1, 1, 0, 0]);
}

#[rstest]
#[case::when_the_package_fails(FAIL)]
#[case::even_when_it_passes(END)]
fn a_test_that_never_comes_to_a_result_is_errored(#[case] end: &str) {
    let text = events(&[
        r#""Action":"run","Test":"A""#,
        r#""Action":"output","Test":"A","Output":"panic: test timed out after 1s\n""#,
        end,
    ]);
    let report = read_as(Format::GoTest, text.as_bytes()).unwrap();
    assert_eq!(report.counts(), [1, 1, 1, 0]);
    assert_eq!(report.notables[0].message, "panic: test timed out after 1s");
}

#[test]
fn the_time_of_a_subtest_is_part_of_its_parents() {
    let text =
        events(&[r#""Action":"pass","Test":"A/b","Elapsed":2"#, r#""Action":"pass","Test":"A","Elapsed":2.5"#, END]);
    assert_eq!(read_as(Format::GoTest, text.as_bytes()).unwrap().number("tests.time"), Some(2.5));
}

#[test]
fn lines_that_are_no_events_are_passed_over() {
    let text = format!(
        "go: downloading example.com/x v1.0.0\n# a comment\n\n{}\r\n",
        events(&[r#""Action":"pass","Test":"A","Elapsed":1"#, END])
    );
    assert_eq!(read_as(Format::GoTest, text.as_bytes()).unwrap().counts(), [1, 0, 0, 0]);
}

// Written by Go 1.19.8, both its streams together: `bad` does not compile, which is said before the first event, and
// TestG of `good` passes.
#[test]
fn what_the_go_command_says_before_the_first_event_is_passed_over_and_a_failed_build_is_not() {
    let text = fixture("go-1.19-build-first.jsonl");
    for before in ["", "go: downloading example.com/x v1.0.0\n"] {
        let text = [before.as_bytes(), &text].concat();
        let report = read(&text).unwrap();
        assert_eq!((report.counts(), report.failing()), ([2, 1, 1, 0], vec!["example.com/shop/bad".to_owned()]));
        assert_eq!(report.notables[0].message, "build failed");
    }
}

#[rstest]
#[case::no_event("# example.com/shop/bad\nbad.go:3:23: undefined: x\nFAIL\texample.com/shop/bad [build failed]\n")]
#[case::other_objects("started\n{\"Action\":\"start\"}\n{\"level\":\"info\",\"Time\":\"now\"}\n")]
#[case::within_a_line("a log\nsee {\"Action\":\"pass\",\"Package\":\"p\"}\n")]
fn text_without_an_event_is_no_report(#[case] text: &str) {
    assert_eq!(countersign::evidence::recognise(text.as_bytes()), None);
}

#[test]
fn output_after_the_end_of_a_package_does_not_leave_it_open() {
    let text =
        events(&[r#""Action":"pass","Test":"A","Elapsed":1"#, END, r#""Action":"output","Output":"coverage: 1%\n""#]);
    assert_eq!(read_as(Format::GoTest, text.as_bytes()).unwrap().counts(), [1, 0, 0, 0]);
}

#[rstest]
#[case::no_tests(events(&[r#""Action":"skip","Elapsed":0"#]), Reason::EmptyReport, Place::Whole)]
#[case::cut_between_lines(events(&[r#""Action":"run","Test":"A""#, r#""Action":"pass","Test":"A","Elapsed":1"#]), Reason::Malformed, Place::Whole)]
#[case::cut_in_a_line(events(&[END]) + "{\"Action\":\"ru", Reason::Malformed, Place::Line(2, 13))]
#[case::a_negative_time(events(&[r#""Action":"pass","Test":"A","Elapsed":-1"#, END]), Reason::Malformed, Place::Line(1, 55))]
#[case::a_key_twice(events(&[r#""Action":"pass","Action":"fail","Test":"A""#]), Reason::Malformed, Place::Line(1, 39))]
fn what_cannot_be_believed_is_refused(#[case] text: String, #[case] reason: Reason, #[case] place: Place) {
    let fault = go_test::read(text.as_bytes(), &mut TestTally::new(), &mut About::default()).unwrap_err();
    assert_eq!((fault.reason, fault.place), (reason, place), "{fault}");
}

#[rstest]
fn no_cut_hides_a_failure_but_between_packages(#[values("go-1.24-build.jsonl", "go-1.19.jsonl")] name: &str) {
    let bytes = fixture(name);
    // Between two packages a stream looks whole: what comes last is taken alone.
    let last = bytes.windows(9).rposition(|part| part == b"shop/good").map_or(0, |_| {
        let line = String::from_utf8_lossy(&bytes).find("shop/good").unwrap();
        bytes[..line].iter().rposition(|byte| *byte == b'\n').unwrap() + 1
    });
    let end = String::from_utf8_lossy(&bytes)
        .rfind("shop/good\",\"Elapsed\"")
        .map_or(bytes.len(), |at| at + bytes[at..].iter().position(|byte| *byte == b'\n').unwrap() + 1);
    no_cut_hides_a_failure(Format::GoTest, &bytes[last..end], 97);
}
