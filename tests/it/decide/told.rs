//! What a decision tells people: the sentence at its top, values, lists, and what it is looked at again for.

use countersign::decide::{explain, summary, words};
use countersign::model::decision::GateDecision;
use countersign::model::ground::Ground;
use countersign::model::release_decision::{Event, Ruling, Status};
use countersign::model::verdict::Reason;
use countersign::policy::evaluate::Given;
use proptest::prelude::*;
use rstest::rstest;
use serde_json::json;

use super::base::{POLICY, act, codes, decided, evidence, facts, said, with};
use super::look::{policy_with, status};
use crate::report::gate;

fn gates(judged: &[(&str, Reason)]) -> Vec<GateDecision> {
    judged.iter().map(|(name, reason)| gate(name, *reason, "")).collect()
}

const PASSES: Reason = Reason::RequirementMet;
const WAIVED: Reason = Reason::WaiverInForce;
const FAILS: Reason = Reason::RequirementNotMet;
const UNKNOWN: Reason = Reason::Malformed;
const PENDING: Reason = Reason::NoEvidence;

#[rstest]
#[case::none(&[], "`production` has no gates, so nothing lets a release in")]
#[case::elsewhere(&[("a", Reason::OtherEnvironment)], "no gate guards `production` for this release")]
#[case::passes(&[("a", PASSES), ("b", PASSES)], "every gate for `production` passes (2)")]
#[case::waived(
    &[("a", PASSES), ("b", WAIVED), ("c", WAIVED)],
    "every gate for `production` passes (1) or is waived (b, c)"
)]
#[case::blocks(&[("a", PASSES), ("b", FAILS)], "held before `production`: b blocks")]
#[case::unknown(&[("a", PASSES), ("b", UNKNOWN)], "held before `production`: b cannot be told")]
#[case::pending(&[("a", PASSES), ("b", PENDING)], "held before `production`: b is pending")]
#[case::all_three(
    &[("a", PENDING), ("b", UNKNOWN), ("c", FAILS), ("d", FAILS)],
    "held before `production`: c, d block; b cannot be told; a is pending"
)]
#[case::four(
    &[("a", FAILS), ("b", FAILS), ("c", FAILS), ("d", FAILS)],
    "held before `production`: a, b, c, d block"
)]
#[case::many(
    &[("a", FAILS), ("b", FAILS), ("c", FAILS), ("d", FAILS), ("e", FAILS), ("f", FAILS)],
    "held before `production`: a, b, c, d and 2 more block"
)]
fn one_sentence_says_how_the_gates_stand(#[case] judged: &[(&str, Reason)], #[case] sentence: &str) {
    assert_eq!(summary::of(&gates(judged), "production"), sentence);
}

const TWO_GATES: &str = "
gates:
  tests: { junit: '**/*.xml', require: 'tests.failed == 0' }
  more: { junit: 'more/*.xml', require: 'tests.failed == 0' }
";
const AUTOMATIC: &str = "
environments: { production: { approval: automatic } }
";

#[test]
fn the_sentence_of_a_release_that_goes_says_what_lets_it_go() {
    let approved = "1 of 1 approvals from owner: bo; 1 of 1 approvals from security: sue";
    let one = decided(POLICY, facts());
    assert_eq!(one.summary, format!("production may proceed: {approved}; 1 gate passes"));
    let both = with(facts(), "/evidence/more", evidence(0));
    let two = decided(&policy_with(TWO_GATES), both.clone());
    assert_eq!(two.summary, format!("production may proceed: {approved}; 2 gates pass"));
    let waives = act(
        "w1",
        "github:ivo",
        json!({"waive": {"gate": "more", "until": "2026-12-20T00:00:00Z", "environments": [], "when": null}}),
    );
    let mut waives = waives;
    waives["reason"] = json!("the report is vendored code's");
    let failed = with(with(both, "/evidence/more", evidence(1)), "/acts/-", waives.clone());
    let past = decided(&policy_with(TWO_GATES), failed);
    assert_eq!(past.decision, Ruling::Proceed, "{}", past.summary);
    assert_eq!(past.summary, format!("production may proceed: {approved}; 1 gate passes; more let past by waiver"));
    let by_itself = decided(&policy_with(AUTOMATIC), facts());
    assert_eq!(by_itself.summary, "production may proceed: no approval is needed on this path; 1 gate passes");
}

#[test]
fn the_sentence_of_a_release_that_is_held_counts_what_else_holds_it() {
    let one = decided(POLICY, with(facts(), "/acts", json!([super::base::approves("a1", "github:bo")])));
    assert_eq!(one.summary, "held before production: 0 of 1 approvals from security; ask seth or sue to approve it");
    let two = decided(POLICY, with(facts(), "/acts", json!([])));
    assert_eq!(
        two.summary,
        "held before production: 0 of 1 approvals from owner; ask bo or carla to approve it; 1 other \
         requirement holds it too"
    );
}

#[test]
fn facts_of_another_version_open_nothing() {
    for version in [0, 2] {
        let decision = decided(POLICY, with(facts(), "/version", json!(version)));
        assert_eq!(decision.decision, Ruling::Hold);
        assert_eq!(status(&decision, Ground::FactsVersion), Some(Status::Unknown));
        assert!(decision.summary.contains(&format!("the facts are of version {version}, and 1 is read")));
    }
    assert!(!codes(&decided(POLICY, facts())).contains(&Ground::FactsVersion));
}

const ALWAYS: [Event; 7] = [
    Event::Act,
    Event::Content,
    Event::Evidence,
    Event::Directory,
    Event::Deployment,
    Event::Obligation,
    Event::Policy,
];

#[rstest]
#[case::nothing_else("", &[])]
#[case::an_incident_rule("incidents: { severity: { P1: 1 }, block_at: 1, blocks: everything }\n", &[Event::Incident])]
#[case::a_model_that_the_board_approves(
    "classes: { standard: { models: [flag] } }\n\
     standard_changes: { flag: { when: \"change.only('flags/**')\", owner: cto, approved_by: cto, expires: 180d } }\n",
    &[Event::Cab]
)]
#[case::an_emergency_looks_at_records_and_incidents(
    "classes: { emergency: { when: \"incident.severity <= 1 && release.fixes(incident)\" } }\n",
    &[Event::ChangeRecord, Event::Incident]
)]
fn a_decision_is_looked_at_again_for_what_the_policy_looks_at(#[case] section: &str, #[case] more: &[Event]) {
    let decision = decided(&policy_with(section), facts());
    let events = &decision.revisit.events;
    for event in ALWAYS.iter().chain(more) {
        assert!(events.contains(event), "{event:?} is not in {events:?}");
    }
    assert_eq!(events.len(), ALWAYS.len() + more.len(), "{events:?}");
}

#[test]
fn where_everything_goes_by_itself_nothing_is_looked_at_again_that_cannot_hold_it() {
    let section = "environments: { production: { approval: automatic } }\n\
                   incidents: { severity: { P1: 1 }, block_at: 1, blocks: everything }\n\
                   routes:\n  normal: { approvals: { accountable: 1, security: 1 }, cab: {} }\n";
    let decision = decided(&policy_with(section), with(facts(), "/release/break_glass", json!(null)));
    assert_eq!(
        decision.revisit.events,
        [Event::Act, Event::Content, Event::Evidence, Event::Directory, Event::Deployment, Event::Policy],
        "{}",
        said(&decision)
    );
}

#[rstest]
#[case(&[], "")]
#[case(&["a"], "a")]
#[case(&["a", "b"], "a and b")]
#[case(&["a", "b", "c", "d", "e"], "a, b, c, d and e")]
#[case(&["a", "b", "c", "d", "e", "f"], "a, b, c, d, e and 1 more")]
#[case(&["a", "b", "c", "d", "e", "f", "g", "h"], "a, b, c, d, e and 3 more")]
fn of_many_names_five_are_told(#[case] names: &[&str], #[case] told: &str) {
    assert_eq!(words::all_of(names), told);
    assert_eq!(words::any_of(names), told.replace(" and ", " or "));
}

#[rstest]
// As many decimals as tell it apart.
#[case(explain::round, &[(0.0, "0"), (3.0, "3"), (0.1, "0.1"), (0.123_456_7, "0.1235"), (0.001_234_5, "0.0012"),
                         (0.000_123_4, "0.000123"), (-0.000_5, "-0.0005"), (1e-34, "1e-34")])]
// The largest unit that keeps it readable.
#[case(explain::length, &[(0.0, "0 s"), (0.25, "250 ms"), (1.0, "1 s"), (119.0, "119 s"), (120.0, "2 min"),
                          (7199.0, "120 min"), (7200.0, "2 h"), (172_799.0, "48 h"), (172_800.0, "2 d"),
                          (-172_800.0, "-2 d")])]
fn numbers_and_lengths_are_told_so_that_they_can_be_read(
    #[case] tell: fn(f64) -> String,
    #[case] numbers: &[(f64, &str)],
) {
    for (number, told) in numbers {
        assert_eq!(tell(*number), *told);
    }
}

#[rstest]
#[case(&[], "empty")]
#[case(&["a", "b", "c"], "`a`, `b`, `c`")]
#[case(&["a", "b", "c", "d", "e"], "`a`, `b`, `c` and 2 more")]
fn of_a_list_three_are_shown(#[case] names: &[&str], #[case] told: &str) {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    assert_eq!(explain::shown(Given::Names(&names)), told);
}

proptest! {
    #[test]
    fn a_number_is_rounded_as_a_decimal_of_fixed_length_is(thousandths in -4_000_000_000_000_i64..4_000_000_000_000, by in 0_i32..9) {
        #[expect(clippy::cast_precision_loss, reason = "any number will do")]
        let number = thousandths as f64 / 10_f64.powi(by);
        let most = if number.abs() < 0.001 { 6 } else { 4 };
        let fixed = format!("{number:.most$}");
        let plain = fixed.trim_end_matches('0').trim_end_matches('.');
        prop_assume!(number == 0.0 || number.abs() >= 0.000_000_5);
        prop_assert_eq!(explain::round(number), plain);
    }
}
