//! When more is asked, and what earns it back.

use countersign::model::ground::Ground;
use countersign::model::release_decision::{Ruling, Status};
use rstest::rstest;
use serde_json::{Value, json};

use super::base::{facts, said, with};
use super::look::{decided_at, find, policy_with, says, status, unread};

const NOW: &str = "2026-12-08T12:00:00Z";

const RATE: &str = "rigor:
  max: 2
  routes: [normal]
  steps:
    - { when: team.failure_rate_90d > 0.15, until: team.failure_rate_90d < 0.10, sample: 10 }
";

/// Deployments of the team so many days ago, the failed ones marked.
fn history(days: &[(i64, bool)]) -> Value {
    let now = super::base::at(NOW);
    let mut all: Vec<Value> = days
        .iter()
        .map(|(ago, failed)| {
            let at = now - chrono::Duration::days(*ago);
            json!({"at": at, "failed": failed, "incidents": [], "detected_at": failed.then_some(at), "restored_at": failed.then_some(at)})
        })
        .collect();
    all.sort_by_key(|it| it["at"].as_str().unwrap().to_owned());
    with(facts(), "/teams/shop/deployments", json!(all))
}

/// So many in the last days, of which the latest failed.
fn recent(number: i64, failed: i64) -> Value {
    history(&(1..=number).map(|ago| (ago, ago <= failed)).collect::<Vec<_>>())
}

#[test]
fn t3_a_team_over_its_failure_rate_needs_a_second_reviewer() {
    let decision = decided_at(&policy_with(RATE), recent(12, 3), NOW);
    assert_eq!((decision.rigor, decision.decision), (1, Ruling::Hold), "{}", said(&decision));
    assert_eq!(
        says(&decision, Ground::RigorAdded),
        "+1: shop: `team.failure_rate_90d > 0.15` holds: team.failure_rate_90d is 0.25; 3 of 12 deployments of shop \
         failed in 90 days; it ends when `team.failure_rate_90d < 0.10`"
    );
}

#[rstest]
#[case(
    9,
    9,
    0,
    Some("9 of 10 deployments that `team.failure_rate_90d > 0.15` needs of shop in 90 days; nothing is added")
)]
#[case(10, 2, 1, None)]
#[case(10, 1, 0, None)]
#[case(
    0,
    0,
    0,
    Some("0 of 10 deployments that `team.failure_rate_90d > 0.15` needs of shop in 90 days; nothing is added")
)]
fn below_its_sample_nothing_changes_and_it_says_so(
    #[case] number: i64,
    #[case] failed: i64,
    #[case] rigor: u32,
    #[case] told: Option<&str>,
) {
    let decision = decided_at(&policy_with(RATE), recent(number, failed), NOW);
    assert_eq!(decision.rigor, rigor, "{}", said(&decision));
    assert_eq!(find(&decision, Ground::SampleTooSmall).map(|node| node.says).as_deref(), told);
}

#[rstest]
#[case("/teams/shop", unread())]
#[case("/teams", json!({}))]
fn a_history_that_cannot_be_read_tightens(#[case] place: &str, #[case] value: Value) {
    let decision = decided_at(&policy_with(RATE), with(facts(), place, value), NOW);
    assert_eq!(decision.rigor, 1);
    assert!(says(&decision, Ground::RigorAdded).contains("cannot be told"), "{}", said(&decision));
}

#[test]
fn a_team_earns_it_back_only_below_the_second_line() {
    // 2 of 10, then ten without a failure: 10%, which is neither over 15% nor under 10%.
    let after = history(&(1..=20).map(|ago| (ago, ago > 18)).collect::<Vec<_>>());
    let decision = decided_at(&policy_with(RATE), after, NOW);
    assert_eq!(decision.rigor, 1, "{}", said(&decision));
    assert!(says(&decision, Ground::RigorAdded).contains("no longer, and not yet enough"));
    // One more, and it is under.
    let more = history(&(1..=21).map(|ago| (ago, ago > 19)).collect::<Vec<_>>());
    assert_eq!(decided_at(&policy_with(RATE), more, NOW).rigor, 0);
    // The same rate come upon from below was never over the first.
    let rising = history(&(1..=20).map(|ago| (ago, ago <= 2)).collect::<Vec<_>>());
    assert_eq!(decided_at(&policy_with(RATE), rising, NOW).rigor, 0);
}

#[test]
fn what_left_the_ninety_days_counts_no_longer() {
    let mut days: Vec<(i64, bool)> = (1..=9).map(|ago| (ago, false)).collect();
    days.extend([(90, true), (89, true), (88, true)]);
    // The oldest left at this very instant: 2 of 11 remain.
    let facts = history(&days);
    let decision = decided_at(&policy_with(RATE), facts.clone(), NOW);
    assert!(says(&decision, Ground::RigorAdded).contains("2 of 11 deployments"), "{}", said(&decision));
    let before = decided_at(&policy_with(RATE), facts, "2026-12-08T11:59:59Z");
    assert!(says(&before, Ground::RigorAdded).contains("3 of 12 deployments"), "{}", said(&before));
    assert_eq!(before.revisit.at, Some(super::base::at(NOW)));
}

#[test]
fn means_are_over_what_was_detected_and_restored() {
    let steps = "rigor: { max: 1, steps: [ { when: \"team.mttr_90d > duration('4h')\", sample: 1 } ] }\n";
    let one = |detected: Value, restored: Value| {
        let failed = json!({"at": "2026-12-01T00:00:00Z", "failed": true, "incidents": [], "detected_at": detected, "restored_at": restored});
        with(facts(), "/teams/shop/deployments", json!([failed]))
    };
    for (detected, restored, rigor) in [
        (json!("2026-12-01T01:00:00Z"), json!("2026-12-01T05:00:00Z"), 0),
        (json!("2026-12-01T01:00:00Z"), json!("2026-12-01T05:00:01Z"), 1),
        // It lasts: taking away what says that it was repaired loosens nothing.
        (json!("2026-12-01T01:00:00Z"), json!(null), 1),
        (json!(null), json!(null), 0),
        (unread(), json!("2026-12-01T02:00:00Z"), 1),
        (json!("2026-12-01T01:00:00Z"), unread(), 1),
        // It is restored a second from now.
        (json!("2026-12-01T01:00:00Z"), json!("2026-12-08T12:00:01Z"), 1),
    ] {
        let decision = decided_at(&policy_with(steps), one(detected.clone(), restored.clone()), NOW);
        assert_eq!(decision.rigor, rigor, "{detected} {restored}: {}", said(&decision));
    }
}

#[test]
fn e6_emergencies_raise_rigor_and_a_team_without_any_has_none() {
    let steps = "rigor: { max: 1, steps: [ { when: team.emergencies_90d >= 2 } ] }\n";
    let emergency = json!({"at": "2026-12-01T00:00:00Z", "emergency": true});
    for (number, rigor) in [(0, 0), (1, 0), (2, 1)] {
        let facts = with(facts(), "/teams/shop/deployments", json!(vec![emergency.clone(); number]));
        assert_eq!(decided_at(&policy_with(steps), facts, NOW).rigor, rigor);
    }
}

const PEAK: &str = "calendar:
  timezone: Europe/London
  peak: { season: { from: 2026-11-23, to: 2026-12-01, rigor: +1 } }
";

#[rstest]
#[case("2026-11-22T23:59:59Z", 0, Some("2026-11-23T00:00:00Z"))]
#[case("2026-11-23T00:00:00Z", 1, Some("2026-12-01T00:00:00Z"))]
#[case("2026-11-30T23:59:59Z", 1, Some("2026-12-01T00:00:00Z"))]
#[case("2026-12-01T00:00:00Z", 0, None)]
fn t5_a_peak_raises_rigor_from_its_first_minute_to_its_last(
    #[case] now: &str,
    #[case] rigor: u32,
    #[case] next: Option<&str>,
) {
    let routes = "routes: { normal: { approvals: { accountable: 1 } } }\n";
    let facts = with(with(facts(), "/acts", json!([])), "/release/submitted_at", json!("2026-11-22T00:00:00Z"));
    let policy = policy_with(&format!("{PEAK}{routes}")).replace(", after: 4h", "");
    let decision = decided_at(&policy, facts, now);
    assert_eq!(decision.rigor, rigor, "{}", said(&decision));
    assert_eq!(decision.revisit.at, next.map(super::base::at));
    assert_eq!(status(&decision, Ground::Peak), (rigor > 0).then_some(Status::Note));
}

#[test]
fn rigor_is_bounded_and_touches_its_routes_alone() {
    let steps = |max: u32, routes: &str| {
        format!(
            "rigor: {{ max: {max}, routes: [{routes}], steps: [ {{ when: release.lines >= 1 }}, {{ when: release.files >= 1 }} ] }}\n"
        )
    };
    assert_eq!(decided_at(&policy_with(&steps(5, "normal")), facts(), NOW).rigor, 2);
    let bounded = decided_at(&policy_with(&steps(1, "normal")), facts(), NOW);
    assert_eq!(bounded.rigor, 1);
    assert!(said(&bounded).contains("of 2 steps of rigor, 1 are asked at most"));
    let other = policy_with(&format!(
        "{}routes: {{ normal: {{ approvals: {{ accountable: 1 }} }}, standard: {{ approval: automatic }} }}\n",
        steps(5, "standard")
    ));
    assert_eq!(decided_at(&other, facts(), NOW).rigor, 0);
}

#[test]
fn rigor_takes_the_automatic_path_away() {
    let policy = policy_with(
        "environments: { production: { approval: { when: release.lines < 100, then: automatic, else: formal } } }
rigor: { max: 1, steps: [ { when: release.files >= 2 } ] }
",
    );
    let facts = with(facts(), "/acts", json!([]));
    assert_eq!(decided_at(&policy, facts.clone(), NOW).decision, Ruling::Proceed);
    let two = with(facts, "/release/changes/0/files", json!(["src/a.rs", "src/b.rs"]));
    let decision = decided_at(&policy, two, NOW);
    assert_eq!((decision.decision, decision.rigor), (Ruling::Hold, 1));
    assert!(decision.summary.contains("0 of 2 approvals from owner"), "{}", decision.summary);
}

/// A component that is no team's, and a step about something else than what teams did.
const BY_SIZE: &str = "components:
  shop: { paths: ['src/**'], kind: application, tier: important, exposure: internal }
rigor: { max: 2, steps: [ { when: release.lines >= 100, until: release.lines < 50 } ] }
";

#[rstest]
#[case(100, 1)]
// What it was before cannot be told, for nobody's deployments tell it.
#[case(70, 1)]
#[case(49, 0)]
fn what_no_team_earned_back_ends_where_it_surely_does(#[case] lines: u32, #[case] rigor: u32) {
    let facts = with(facts(), "/release/changes/0/lines", json!(lines));
    let decision = decided_at(&policy_with(BY_SIZE), facts, NOW);
    assert_eq!(decision.rigor, rigor, "{}", said(&decision));
}

#[test]
fn what_a_small_sample_said_once_never_turned_rigor_on() {
    // The first of all failed, when it was alone; with ten and more it was never over the line.
    let first = history(&(1..=20).map(|ago| (ago, ago == 20 || ago == 1)).collect::<Vec<_>>());
    let decision = decided_at(&policy_with(RATE), first, NOW);
    assert_eq!(decision.rigor, 0, "{}", said(&decision));
}

#[test]
fn a_sample_that_is_just_large_enough_turned_it_on() {
    let policy = RATE.replace("> 0.15", ">= 0.2").replace("< 0.10", "< 0.05");
    let just = history(&(1..=11).map(|ago| (ago, ago == 11 || ago == 2)).collect::<Vec<_>>());
    let decision = decided_at(&policy_with(&policy), just, NOW);
    assert_eq!(decision.rigor, 1, "{}", said(&decision));
}

#[test]
fn at_the_instant_at_which_one_leaves_the_count_it_is_not_in_it() {
    // When the failure of long ago left, another one came: never two of them at once.
    let mut days: Vec<(i64, bool)> = (20..29).map(|ago| (ago, false)).collect();
    days.extend([(100, true), (10, true)]);
    let decision = decided_at(&policy_with(RATE), history(&days), NOW);
    assert_eq!(decision.rigor, 0, "{}", said(&decision));
}

#[test]
fn what_was_restored_by_then_counts_as_it_did_then() {
    let steps = "rigor:
  max: 1
  steps: [ { when: \"team.mttr_90d > duration('4h')\", until: \"team.mttr_90d < duration('1h')\", sample: 1 } ]
";
    let failed = |at: &str, restored: &str| json!({"at": at, "failed": true, "incidents": [], "detected_at": at, "restored_at": restored});
    let slow = failed("2026-12-01T00:00:00Z", "2026-12-01T05:00:00Z");
    let swift = failed("2026-12-02T00:00:00Z", "2026-12-02T01:00:00Z");
    let facts = with(facts(), "/teams/shop/deployments", json!([slow, swift]));
    let decision = decided_at(&policy_with(steps), facts, NOW);
    assert_eq!(decision.rigor, 1, "{}", said(&decision));
    assert!(says(&decision, Ground::RigorAdded).contains("no longer, and not yet enough"), "{}", said(&decision));
}
