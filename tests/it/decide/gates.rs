//! One gate, judged by what was found for it: what is not known of its evidence holds.

use countersign::decide::gates::{Baseline, File, Found, Judgement, Signature, Subject, Table, judge};
use countersign::model::decision::Protection;
use countersign::model::measures::Measures;
use countersign::model::report::{About, Fault, Place};
use countersign::model::verdict::{Reason, Verdict};
use countersign::policy::waiver::Waiver;
use rstest::rstest;

use super::base::{at, now, policy};

const COMMIT: &str = "3f2a9b0c1d2e3f405162738495a6b7c8d9e0f102";

fn subject() -> Subject<'static> {
    Subject {
        environment: "production",
        components: &[],
        commit: Some(COMMIT),
        proposed: &[],
        artifacts: &[],
        unread: None,
        protection: Protection::Protected,
        now: now(),
    }
}

/// A file that says this of itself.
fn file(about: About) -> File {
    File { path: "out/report.xml".to_owned(), about, fault: None }
}

/// One file that measures this.
fn found(about: About, measures: &[(&'static str, f64)]) -> Found<'static> {
    let mut table = Measures::new();
    for (name, value) in measures {
        table.number(name, *value);
    }
    Found { files: vec![file(about)], measures: Table::Read(table), ..Found::default() }
}

/// What the only gate of a policy comes to.
fn judged(gate: &str, subject: &Subject<'_>, found: &Found<'_>, waivers: &[Waiver]) -> Judgement {
    let policy = policy(&format!(
        "version: 1\nlayer: organisation\nenvironments: {{ production: {{ approval: automatic }} }}\ngates:\n  it: {gate}\n"
    ));
    judge(&policy.gates[0], subject, found, waivers)
}

fn ends(judged: &Judgement, reason: Reason, says: &str) {
    assert_eq!(judged.reason, reason, "{}", judged.explanation);
    assert!(judged.explanation.contains(says), "{}", judged.explanation);
}

const TESTS: &str = "{ junit: '**/*.xml', require: 'tests.failed == 0' }";
const RAN: &[(&str, f64)] = &[("tests.total", 10.0), ("tests.failed", 0.0), ("tests.skipped", 2.0)];
const FAILED: &[(&str, f64)] = &[("tests.total", 10.0), ("tests.failed", 1.0), ("tests.skipped", 2.0)];

#[test]
fn a_waiver_counts_only_from_a_protected_ref() {
    let waiver = Waiver {
        when: None,
        gate: "it".to_owned(),
        environments: Vec::new(),
        reason: Some("vendored code".to_owned()),
        compensating_control: None,
        by: "sam".to_owned(),
        from: at("2026-12-01T00:00:00Z"),
        until: at("2026-12-20T00:00:00Z"),
        layers: vec!["organisation".to_owned()],
    };
    let failed = found(About::default(), FAILED);
    let passed_over = judged(TESTS, &subject(), &failed, std::slice::from_ref(&waiver));
    assert_eq!(passed_over.verdict, Verdict::Waived);
    ends(
        &passed_over,
        Reason::WaiverInForce,
        "waived by sam until 2026-12-20 00:00 UTC: vendored code; without the waiver:",
    );
    let anybodys = Subject { protection: Protection::Unprotected, ..subject() };
    let held = judged(TESTS, &anybodys, &failed, &[waiver]);
    assert_eq!(held.verdict, Verdict::Block);
    ends(
        &held,
        Reason::RequirementNotMet,
        "a waiver by sam does not count, because the policy was not read from a protected ref",
    );
    ends(&held, Reason::RequirementNotMet, "tests.failed is 1");
}

#[rstest]
#[case::some_ran(9.0, Reason::RequirementMet, "tests.failed is 0")]
#[case::none_ran(10.0, Reason::EmptyReport, "all 10 tests were skipped, so nothing was tested")]
#[case::fewer_than_were_skipped(11.0, Reason::EmptyReport, "all 10 tests were skipped, so nothing was tested")]
fn that_none_failed_of_tests_that_were_all_skipped_is_no_result(
    #[case] skipped: f64,
    #[case] reason: Reason,
    #[case] says: &str,
) {
    let measures = [("tests.total", 10.0), ("tests.failed", 0.0), ("tests.skipped", skipped)];
    ends(&judged(TESTS, &subject(), &found(About::default(), &measures), &[]), reason, says);
}

const OTHER: &str = "77aa00000000000000000000000000000000beef";

#[rstest]
#[case::the_same(Some(COMMIT), &[COMMIT], Reason::RequirementMet, "")]
#[case::one_of_several(Some(COMMIT), &[OTHER, COMMIT], Reason::RequirementMet, "")]
#[case::another(Some(COMMIT), &[OTHER], Reason::OtherCommit, "is about commit 77aa00000000, and 3f2a9b0c1d2e is released")]
#[case::it_says_none(Some(COMMIT), &[], Reason::OtherCommit, "does not say which commit it is about")]
#[case::none_is_known(None, &[COMMIT], Reason::OtherCommit, "which commit is released is not known; name it with `--commit`")]
fn where_the_policy_says_the_same_commit_what_is_not_known_is_another(
    #[case] released: Option<&str>,
    #[case] about: &[&str],
    #[case] reason: Reason,
    #[case] says: &str,
) {
    let subject = Subject { commit: released, ..subject() };
    let part: Vec<String> = about.iter().map(ToString::to_string).collect();
    let about = About { commits: Some(part).filter(|part| !part.is_empty()).into_iter().collect(), ..About::default() };
    let gate = "{ junit: '**/*.xml', require: 'tests.failed == 0', same: commit }";
    ends(&judged(gate, &subject, &found(about.clone(), RAN), &[]), reason, says);
    // Where it does not say so, only what is known to be another commit is refused.
    let known = released.is_some() && about.commits == [[OTHER]];
    let reason = if known { Reason::OtherCommit } else { Reason::RequirementMet };
    ends(&judged(TESTS, &subject, &found(about, RAN), &[]), reason, "");
}

#[rstest]
#[case::the_same(&[COMMIT], None, "")]
#[case::abbreviated(&["3f2a9b0"], None, "")]
#[case::another(&[OTHER], Some(Reason::WrongSource), "is about commit 77aa00000000, and 3f2a9b0c1d2e is released")]
#[case::of_two_one(&[COMMIT, OTHER], Some(Reason::WrongSource), "a part of")]
fn verified_provenance_of_another_commit_blocks(
    #[case] commits: &[&str],
    #[case] reason: Option<Reason>,
    #[case] says: &str,
) {
    let commits = commits.iter().map(|commit| vec![(*commit).to_owned()]).collect();
    let signature = Signature { bundle: "b".to_owned(), artifact: "a".to_owned(), outcome: Ok("ana".to_owned()) };
    let signed = Found { signatures: vec![signature], ..found(About { commits, ..About::default() }, &[]) };
    let gate = "{ sigstore: '**/*.json', identity: i, issuer: j }";
    ends(&judged(gate, &subject(), &signed, &[]), reason.unwrap_or(Reason::RequirementMet), says);
}

#[test]
fn a_signature_that_is_refused_blocks_whatever_else_is_not_known() {
    let outcome = Err((Reason::SignatureInvalid, "it was changed".to_owned()));
    let signature = Signature { bundle: "b".to_owned(), artifact: "a".to_owned(), outcome };
    let signed = Found { signatures: vec![signature], ..found(About::default(), &[]) };
    let gate = "{ sigstore: '**/*.json', identity: i, issuer: j, same: artifact, max_age: 24h }";
    ends(&judged(gate, &subject(), &signed, &[]), Reason::SignatureInvalid, "it was changed");
}

#[rstest]
#[case::the_same(&["ab"], &["ab"], Reason::RequirementMet, "")]
#[case::all_of_several(&["cd", "ab"], &["ab", "ef", "cd"], Reason::RequirementMet, "")]
#[case::one_of_several(
    &["cd", "ab"],
    &["ab", "ef"],
    Reason::OtherArtifact,
    "no evidence is about the artifact sha256:cd, which is released too; make it for each"
)]
#[case::another(&["ab"], &["cd"], Reason::OtherArtifact, "is about the artifact sha256:cd, which is not the one that is released")]
#[case::it_says_none(&["ab"], &[], Reason::OtherArtifact, "does not say which artifact it is about")]
#[case::none_is_known(&[], &["ab"], Reason::OtherArtifact, "which artifact is released is not known; name it with `--artifact`")]
fn where_the_policy_says_the_same_artifact_what_is_not_known_is_another(
    #[case] released: &[&str],
    #[case] about: &[&str],
    #[case] reason: Reason,
    #[case] says: &str,
) {
    let released: Vec<String> = released.iter().map(ToString::to_string).collect();
    let subject = Subject { artifacts: &released, ..subject() };
    let about = About { artifacts: about.iter().map(ToString::to_string).collect(), ..About::default() };
    let gate = "{ junit: '**/*.xml', require: 'tests.failed == 0', same: artifact }";
    ends(&judged(gate, &subject, &found(about.clone(), RAN), &[]), reason, says);
    let known = !released.is_empty() && about.artifacts == ["cd"];
    let reason = if known { Reason::OtherArtifact } else { Reason::RequirementMet };
    ends(&judged(TESTS, &subject, &found(about, RAN), &[]), reason, "");
}

#[rstest]
#[case::made_now("2026-12-08T12:00:00Z", Reason::RequirementMet, "")]
#[case::clocks_five_minutes_apart("2026-12-08T12:05:00Z", Reason::RequirementMet, "")]
#[case::of_the_future(
    "2026-12-08T12:05:00.001Z",
    Reason::AgeUnknown,
    "says that it was made 5 min from now, so its age is not known"
)]
#[case::just_young_enough("2026-12-08T08:00:00.001Z", Reason::RequirementMet, "")]
#[case::too_old("2026-12-08T08:00:00Z", Reason::Stale, "is 4 h old, and is too old from 4 h on; make it anew")]
fn the_age_of_a_report_ends_at_its_instant(#[case] made: &str, #[case] reason: Reason, #[case] says: &str) {
    let gate = "{ junit: '**/*.xml', require: 'tests.failed == 0', max_age: 4h }";
    let about = About { made_at: Some(at(made)), ..About::default() };
    ends(&judged(gate, &subject(), &found(about, RAN), &[]), reason, says);
}

#[test]
fn a_requirement_speaks_of_the_environment() {
    let gate = "{ junit: '**/*.xml', require: \"environment != 'production' || tests.total >= 20\" }";
    let held = judged(gate, &subject(), &found(About::default(), RAN), &[]);
    ends(&held, Reason::RequirementNotMet, "tests.total is 10");
    let elsewhere = Subject { environment: "staging", ..subject() };
    assert_eq!(judged(gate, &elsewhere, &found(About::default(), RAN), &[]).reason, Reason::RequirementMet);
}

const COMPARED: &str =
    "{ load: '**/*.json', require: 'load.p95_ms <= baseline.p95_ms', first_release: 'load.p95_ms <= 300' }";
const LOAD: &[(&str, f64)] = &[("load.p95_ms", 200.0)];

fn unreadable() -> Baseline<'static> {
    let fault = Fault { reason: Reason::Malformed, place: Place::Whole, message: "it is cut short".to_owned() };
    Baseline::Unreadable("before/load.json".to_owned(), fault)
}

#[test]
fn a_baseline_that_cannot_be_read_holds_what_is_compared_with_it() {
    let with = |baseline| Found { baseline, ..found(About::default(), LOAD) };
    let held = judged(COMPARED, &subject(), &with(unreadable()), &[]);
    ends(&held, Reason::Malformed, "the baseline before/load.json: it is cut short");
    let first = judged(COMPARED, &subject(), &with(Baseline::Absent), &[]);
    ends(&first, Reason::RequirementMet, "first release, without a baseline: load.p95_ms is 200");
    // What is not compared does not need it.
    let alone = "{ load: '**/*.json', require: 'load.p95_ms <= 300' }";
    ends(&judged(alone, &subject(), &with(unreadable()), &[]), Reason::RequirementMet, "load.p95_ms is 200");
}

#[test]
fn a_measure_that_is_missing_is_no_first_release() {
    let mut measures = Measures::new();
    measures.number("load.p95_ms", 100.0);
    let baseline = Baseline::Known(Table::Read(measures));
    let without = Found { baseline, ..found(About::default(), &[("load.error_rate", 0.0)]) };
    ends(&judged(COMPARED, &subject(), &without, &[]), Reason::MeasureUnknown, "load.p95_ms");
}

#[rstest]
#[case(1, "")]
#[case(2, " (and 1 other file)")]
#[case(3, " (and 2 other files)")]
fn of_files_that_cannot_be_understood_the_first_is_told_and_the_others_counted(
    #[case] broken: usize,
    #[case] rest: &str,
) {
    let fault = || Fault { reason: Reason::Malformed, place: Place::Whole, message: "it is cut short".to_owned() };
    let mut found = found(About::default(), RAN);
    found.files.extend((0..broken).map(|at| File {
        path: format!("{at}.xml"),
        fault: Some(fault()),
        ..file(About::default())
    }));
    let held = judged(TESTS, &subject(), &found, &[]);
    assert_eq!((held.reason, held.explanation), (Reason::Malformed, format!("0.xml: it is cut short{rest}")));
}

fn signature(artifact: &str, outcome: Result<&str, Reason>) -> Signature {
    Signature {
        bundle: format!("{artifact}.sigstore.json"),
        artifact: artifact.to_owned(),
        outcome: outcome.map(ToOwned::to_owned).map_err(|reason| (reason, "nobody signed it".to_owned())),
    }
}

#[rstest]
#[case::one(&[Ok("a")], Reason::RequirementMet, "1 artifact signed by a")]
#[case::two(&[Ok("a"), Ok("a")], Reason::RequirementMet, "2 artifacts signed by a")]
#[case::none(&[], Reason::NoEvidence, "no artifact stands beside a bundle")]
#[case::one_is_missing(&[Ok("a"), Err(Reason::NoEvidence)], Reason::NoEvidence, "1.bin: nobody signed it")]
#[case::a_wrong_one_outranks_it(
    &[Err(Reason::NoEvidence), Err(Reason::WrongSigner)], Reason::WrongSigner, "1.bin: nobody signed it (and 1 other artifact)"
)]
fn every_artifact_has_to_be_signed(
    #[case] signatures: &[Result<&str, Reason>],
    #[case] reason: Reason,
    #[case] says: &str,
) {
    let gate = "{ sigstore: '**/*.sigstore.json', identity: 'a', issuer: 'https://issuer.example' }";
    let signatures = signatures.iter().enumerate();
    let signatures = signatures.map(|(at, outcome)| signature(&format!("{at}.bin"), *outcome)).collect();
    let found = Found { signatures, ..found(About::default(), &[]) };
    let judged = judged(gate, &subject(), &found, &[]);
    assert_eq!(judged.reason, reason);
    assert!(judged.explanation.starts_with(says), "{}", judged.explanation);
    assert_eq!(judged.explanation.contains("more"), says.contains("more"), "{}", judged.explanation);
}

#[rstest]
#[case("[a, b, c, d, e]", "`a`, `b`, `c`, `d`, `e`")]
#[case("[a, b, c, d, e, f]", "`a`, `b`, `c`, `d`, `e` and 1 more")]
fn of_many_items_five_are_named(#[case] items: &str, #[case] says: &str) {
    let gate = format!("{{ checklist: {items}, ticked_in: '*.md' }}");
    let judged = judged(&gate, &subject(), &Found::default(), &[]);
    assert_eq!(judged.reason, Reason::NoEvidence);
    assert!(judged.explanation.ends_with(&format!("to be ticked: {says}")), "{}", judged.explanation);
}

/// Ten tests, one of which failed and none was skipped.
fn explained(require: &str) -> Judgement {
    let measures = [("tests.total", 10.0), ("tests.failed", 1.0), ("tests.skipped", 0.0)];
    let gate = format!("{{ junit: '**/*.xml', require: \"{require}\" }}");
    judged(&gate, &subject(), &found(About::default(), &measures), &[])
}

#[rstest]
#[case("tests.failed / tests.skipped <= 0.1")]
#[case("tests.total <= tests.failed / tests.skipped")]
#[case("!(tests.failed / tests.skipped <= 0.1)")]
#[case("tests.failed == 0 || tests.failed / tests.skipped <= 0.1")]
#[case("math.least(tests.total, tests.failed / tests.skipped) <= 0.1")]
#[case("1 + tests.failed / tests.skipped <= 0.1")]
#[case("-(tests.failed / tests.skipped) >= 0")]
#[case("(tests.total > 5 ? tests.failed / tests.skipped : 0) <= 0.1")]
#[case("(tests.failed / tests.skipped > 1 ? 1 : 0) <= 0.1")]
#[case("tests.failed / tests.skipped in [1, 2]")]
fn a_division_by_zero_opens_nothing_and_is_told(#[case] require: &str) {
    ends(&explained(require), Reason::MeasureUnknown, "a division by zero has no answer");
}

#[rstest]
#[case(
    "(tests.failed + tests.skipped) / tests.total <= 0.05",
    "`(tests.failed + tests.skipped) / tests.total <= 0.05` is not met"
)]
#[case("tests.failed / (tests.total - 5) <= 0.05", "`tests.failed / (tests.total - 5) <= 0.05` is not met")]
#[case("!environment.startsWith('prod')", "`!environment.startsWith('prod')` is not met")]
#[case("!(tests.total >= 5)", "`!(tests.total >= 5)` is not met")]
#[case("-(tests.failed + tests.skipped) > 0", "`-(tests.failed + tests.skipped) > 0` is not met")]
#[case("(tests.total > 5 ? tests.failed : 0) == 0", "`(tests.total > 5 ? tests.failed : 0) == 0` is not met")]
#[case(
    "(tests.skipped > 0 ? tests.failed / tests.skipped : 1) == 0",
    "`(tests.skipped > 0 ? tests.failed / tests.skipped : 1) == 0` is not met"
)]
fn what_is_not_met_is_told_as_the_policy_writes_it(#[case] require: &str, #[case] says: &str) {
    let judged = explained(require);
    ends(&judged, Reason::RequirementNotMet, says);
    assert!(!judged.explanation.contains("division"), "{}", judged.explanation);
}

#[rstest]
#[case(6, "")]
#[case(7, "; and 1 more")]
#[case(8, "; and 2 more")]
fn six_parts_that_are_not_met_are_told(#[case] parts: usize, #[case] rest: &str) {
    let require: Vec<String> = (0..parts).map(|at| format!("tests.total >= {}", 20 + at)).collect();
    let judged = explained(&require.join(" && "));
    assert_eq!(judged.explanation.matches("is not met").count(), 6, "{}", judged.explanation);
    let tail = judged.explanation.rsplit_once("tests.total is 10").unwrap().1;
    assert_eq!(tail, rest);
}
