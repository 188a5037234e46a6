//! The tally of tests, and what the tests of its formats share.

use countersign::evidence::tests::{Ended, Failing, TestTally};
use countersign::evidence::{Tally, recognise};
use countersign::model::bounds::Bounds;
use countersign::model::kind::{Format, Kind};
use countersign::model::measures::{Measure, Measures};
use countersign::model::notable::Notable;
use countersign::model::report::{About, Fault};
use proptest::prelude::*;

/// What reading one report comes to.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) measures: Measures,
    pub(super) notables: Vec<Notable>,
    pub(super) about: About,
}

impl Read {
    /// Total, failed, errors and skipped.
    pub(super) fn counts(&self) -> [u64; 4] {
        ["tests.total", "tests.failed", "tests.errors", "tests.skipped"]
            .map(|name| number(&self.measures, name).unwrap().to_string().parse().unwrap())
    }

    pub(super) fn number(&self, name: &str) -> Option<f64> {
        number(&self.measures, name)
    }

    pub(super) fn failing(&self) -> Vec<String> {
        names(&self.measures, "tests.failing").unwrap()
    }
}

pub(super) fn number(measures: &Measures, name: &str) -> Option<f64> {
    match measures.get(name) {
        Some(Measure::Number(value) | Measure::Seconds(value)) => Some(*value),
        None => None,
        other => panic!("{name} is {other:?}"),
    }
}

pub(super) fn names(measures: &Measures, name: &str) -> Option<Vec<String>> {
    match measures.get(name) {
        Some(Measure::Names(names)) => Some(names.clone()),
        None => None,
        other => panic!("{name} is {other:?}"),
    }
}

/// Reads one report by itself, in the format that it is recognised as.
pub(super) fn read(bytes: &[u8]) -> Result<Read, Fault> {
    read_as(recognise(bytes).expect("a format that is known"), bytes)
}

pub(super) fn read_as(format: Format, bytes: &[u8]) -> Result<Read, Fault> {
    let mut tally = Tally::Tests(TestTally::new());
    let mut about = About::default();
    tally.read(format, bytes, &mut about)?;
    let (measures, notables) = tally.finish();
    Ok(Read { measures, notables: notables.into_sorted(), about })
}

/// A file of our own, under `tests/fixtures/tests`.
pub(super) fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/fixtures/tests/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// However a report is cut, what remains is refused, or shows no fewer failures.
pub(super) fn no_cut_hides_a_failure(format: Format, bytes: &[u8], step: usize) {
    let whole = read_as(format, bytes).unwrap();
    for end in (0..bytes.len()).step_by(step) {
        if let Ok(part) = read_as(format, &bytes[..end]) {
            assert_eq!(part.counts(), whole.counts(), "cut at byte {end}");
        }
    }
}

fn fail(tally: &mut TestTally, name: &str) {
    tally.case(Ended::Failed(&Failing { group: "cart", name, message: "no", ..Failing::default() }), Some(0.5));
}

#[test]
fn before_the_first_case_nothing_is_known() {
    assert!(TestTally::new().measures().is_empty());
}

#[test]
fn errors_count_as_failed_and_flaky_cases_as_passed() {
    let mut tally = TestTally::new();
    tally.case(Ended::Passed, Some(1.0));
    tally.case(Ended::Flaky, Some(1.0));
    tally.case(Ended::Skipped, None);
    tally.case(Ended::Errored(&Failing::default()), Some(1.0));
    fail(&mut tally, "totals");
    let measures = tally.measures();
    let all = ["total", "passed", "failed", "errors", "skipped", "flaky", "time"];
    let all = all.map(|name| number(&measures, &format!("tests.{name}")).unwrap());
    assert_eq!(all.map(|value| value.to_string()), ["5", "2", "2", "1", "1", "1", "3.5"]);
    assert_eq!(names(&measures, "tests.failing").unwrap(), ["a case without a name", "cart › totals"]);
    assert_eq!(measures.get("tests.new.failed"), None);
}

#[test]
fn the_time_is_unknown_when_a_case_that_ran_does_not_state_it() {
    let mut tally = TestTally::new();
    tally.case(Ended::Passed, Some(1.0));
    tally.case(Ended::Passed, None);
    assert_eq!(tally.measures().get("tests.time"), None);
}

#[test]
fn only_failures_that_the_baseline_does_not_have_are_new() {
    let mut before = TestTally::for_baseline();
    fail(&mut before, "adds");
    before.case(Ended::Passed, None);
    let mut now = TestTally::against(before);
    fail(&mut now, "adds");
    fail(&mut now, "totals");
    fail(&mut now, "totals");
    let (measures, notables) = now.finish();
    assert_eq!(number(&measures, "tests.failed"), Some(3.0));
    assert_eq!(number(&measures, "tests.new.failed"), Some(2.0));
    assert_eq!(names(&measures, "tests.new.failing").unwrap(), ["cart › totals"]);
    let new: Vec<_> = notables.into_sorted().into_iter().map(|one| (one.title, one.new)).collect();
    assert_eq!(new, [("cart › totals".into(), true), ("cart › totals".into(), true), ("cart › adds".into(), false)]);
}

/// What fails newly in one report of JUnit against another.
fn newly(before: &str, now: &str) -> Option<f64> {
    let mut about = About::default();
    let mut baseline = Tally::for_baseline(Kind::Tests).unwrap();
    baseline.read(Format::Junit, before.as_bytes(), &mut about).unwrap();
    let mut tally = Tally::new(Kind::Tests, Some(baseline)).unwrap();
    tally.read(Format::Junit, now.as_bytes(), &mut about).unwrap();
    number(&tally.measures(), "tests.new.failed")
}

#[test]
fn a_name_that_stands_for_several_cases_may_fail_as_often_as_before() {
    let browsers = |failed: [bool; 3]| {
        let case =
            |failed: bool| if failed { "<testcase name='n'><failure/></testcase>" } else { "<testcase name='n'/>" };
        let suite = |failed| format!("<testsuite name='login.spec.ts'>{}</testsuite>", case(failed));
        format!("<testsuites>{}</testsuites>", failed.map(suite).concat())
    };
    let before = browsers([true, false, false]);
    assert_eq!(newly(&before, &before), Some(0.0));
    assert_eq!(newly(&before, &browsers([true, true, true])), Some(2.0));
    assert_eq!(newly(&browsers([true, true, false]), &before), Some(0.0));
}

#[test]
fn a_case_of_another_suite_is_another_case() {
    let suite = |name: &str| {
        format!("<testsuite name='{name}'><testcase classname='c' name='n'><failure/></testcase></testsuite>")
    };
    assert_eq!(newly(&suite("a"), &suite("a")), Some(0.0));
    assert_eq!(newly(&suite("a"), &suite("b")), Some(1.0));
}

#[test]
fn a_group_and_a_name_do_not_run_into_each_other() {
    let mut before = TestTally::for_baseline();
    before.case(Ended::Failed(&Failing { group: "a", name: "bc", ..Failing::default() }), None);
    let mut now = TestTally::against(before);
    now.case(Ended::Failed(&Failing { group: "ab", name: "c", ..Failing::default() }), None);
    assert_eq!(number(&now.measures(), "tests.new.failed"), Some(1.0));
}

#[test]
fn against_a_tally_that_is_no_baseline_nothing_is_known_to_be_new() {
    let mut now = TestTally::against(TestTally::new());
    fail(&mut now, "adds");
    assert_eq!(now.measures().get("tests.new.failed"), None);
}

#[test]
fn more_names_than_the_limit_are_unknown_and_their_count_is_not() {
    let mut tally = TestTally::against(TestTally::for_baseline());
    for number in 0..Bounds::LEFT_OUT.names {
        fail(&mut tally, &number.to_string());
    }
    assert_eq!(names(&tally.measures(), "tests.new.failing").unwrap().len(), Bounds::LEFT_OUT.names);
    fail(&mut tally, "one more");
    let measures = tally.measures();
    assert_eq!(measures.get("tests.failing"), None);
    assert_eq!(measures.get("tests.new.failing"), None);
    assert_eq!(number(&measures, "tests.new.failed"), Some(10_001.0));
}

#[test]
fn names_and_messages_are_kept_short() {
    let mut tally = TestTally::new();
    let long = "ä".repeat(100_000);
    tally.case(
        Ended::Failed(&Failing {
            suite: &long,
            group: &long,
            name: &long,
            message: &long,
            path: Some(&long),
            line: None,
        }),
        None,
    );
    let (measures, notables) = tally.finish();
    let notable = notables.into_sorted().remove(0);
    assert!(names(&measures, "tests.failing").unwrap()[0].len() <= 400);
    assert!(notable.title.len() <= 400 && notable.message.len() <= 400 && notable.path.unwrap().len() <= 400);
}

const REPORTS: &[(Format, &str)] = &[
    (Format::Junit, "pytest.xml"),
    (Format::Junit, "jest-load-error.xml"),
    (Format::Junit, "ctest.xml"),
    (Format::Junit, "node.xml"),
    (Format::Trx, "vstest.trx"),
    (Format::GoTest, "go-1.19.jsonl"),
    (Format::GoTest, "go-1.24-build.jsonl"),
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    // That it comes back at all is the assertion: a panic ends the test.
    #[test]
    fn a_damaged_report_is_read_or_refused(
        which in 0..REPORTS.len(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<bool>()), 1..6),
    ) {
        let (format, name) = REPORTS[which];
        let mut bytes = fixture(name);
        for (from, to, exchange) in damage {
            let (from, to) = (from.index(bytes.len()), to.index(bytes.len()));
            if exchange {
                bytes.swap(from, to);
            } else {
                bytes.drain(from.min(to)..from.max(to).min(from.min(to) + 40));
            }
        }
        if let Ok(read) = read_as(format, &bytes) {
            let [total, failed, errors, skipped] = read.counts();
            prop_assert!(errors <= failed && failed + skipped <= total);
        }
    }
}
