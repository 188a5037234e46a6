//! What earlier releases left to be done.

use countersign::model::ground::Ground;
use countersign::model::release_decision::{Ruling, Status};
use rstest::rstest;
use serde_json::{Value, json};

use super::base::{act, at, decided, facts, said, with};
use super::look::{decided_at, find, policy_with, says, status, unread};

/// Another component, of another team.
const TILL: &str = "components:
  shop: { paths: ['src/**'], kind: application, tier: important, exposure: internal, team: shop }
  till: { paths: ['till/**'], kind: application, tier: important, exposure: internal, team: till }
raci:
  - { on: shop, accountable: owner }
  - { on: till, accountable: owner }
";
const REVIEWS: &str = "reviews: { pir: { by: cto, within: 5bd, blocks: team } }\n";

fn owed(kind: &str, due: &str) -> Value {
    let owed = json!({"id": "o1", "kind": kind, "release": "shop 2.3.0", "team": "shop", "components": ["shop"],
                      "by": "cto", "due": due, "opened_at": "2026-12-01T00:00:00Z", "contributors": ["github:ivo"], "invoked_by": null, "needs_evidence": true,
                      "incidents": ["INC-7"], "met": false});
    with(facts(), "/obligations", json!([owed]))
}

#[rstest]
#[case("2026-12-08T11:59:59Z", true)]
#[case("2026-12-08T12:00:00Z", false)]
fn e2_what_is_overdue_holds_the_teams_next_release(#[case] now: &str, #[case] goes: bool) {
    let decision = decided_at(&policy_with(REVIEWS), owed("validate", "2026-12-08T12:00:00Z"), now);
    assert_eq!(decision.decision == Ruling::Proceed, goes, "{}", said(&decision));
    if goes {
        assert_eq!(decision.revisit.at, Some(at("2026-12-08T12:00:00Z")));
        assert_eq!(status(&decision, Ground::OwedElsewhere), Some(Status::Note));
    } else {
        assert_eq!(
            decision.summary,
            "held before production: shop still owes `validate` of `shop 2.3.0`, due Tue 8 Dec 2026 12:00 UTC and overdue, \
             by cto; it is owed since Tue 1 Dec 2026 00:00 UTC; ask noor to meet that"
        );
    }
}

#[rstest]
#[case("blocks: team", "2027-01-01T00:00:00Z", false)]
#[case("blocks: component", "2027-01-01T00:00:00Z", false)]
#[case("blocks: nothing", "2026-12-01T00:00:00Z", true)]
#[case("blocks: team, holds_while: overdue", "2027-01-01T00:00:00Z", true)]
#[case("blocks: team, holds_while: overdue", "2026-12-08T12:00:00Z", false)]
fn c5_a_review_holds_what_the_policy_says(#[case] blocks: &str, #[case] due: &str, #[case] goes: bool) {
    let decision = decided(&policy_with(&REVIEWS.replace("blocks: team", blocks)), owed("pir", due));
    assert_eq!(decision.decision == Ruling::Proceed, goes, "{}", said(&decision));
}

#[test]
fn a_review_that_blocks_components_blocks_its_own() {
    let policy = policy_with(&REVIEWS.replace("blocks: team", "blocks: component"));
    let other = with(owed("pir", "2027-01-01T00:00:00Z"), "/obligations/0/components", json!(["till"]));
    assert_eq!(decided(&policy, other).decision, Ruling::Proceed);
}

#[test]
fn another_teams_debt_is_not_ours_and_what_is_met_is_not_owed() {
    let two = policy_with(&format!("{REVIEWS}{TILL}"));
    let theirs = decided(&two, with(owed("pir", "2026-12-01T00:00:00Z"), "/obligations/0/team", json!("till")));
    assert_eq!(theirs.decision, Ruling::Proceed, "{}", said(&theirs));
    // That no component is of that team any more pays nothing.
    let renamed =
        decided(&policy_with(REVIEWS), with(owed("pir", "2026-12-01T00:00:00Z"), "/obligations/0/team", json!("till")));
    assert_eq!(renamed.decision, Ruling::Hold, "{}", said(&renamed));
    for (place, value) in [("/obligations/0/met", json!(true)), ("/obligations", json!(null))] {
        let decision = decided(&policy_with(REVIEWS), with(owed("pir", "2026-12-01T00:00:00Z"), place, value));
        assert_eq!(decision.decision, Ruling::Proceed, "{place}");
        assert_eq!(status(&decision, Ground::NothingOwed), Some(Status::Met));
    }
    let decision = decided(&policy_with(REVIEWS), with(facts(), "/obligations", unread()));
    assert_eq!((decision.decision, status(&decision, Ground::FactsUnavailable)), (Ruling::Hold, Some(Status::Unknown)));
}

/// Noor completes it, with something else about that.
fn completed(change: impl Fn(&mut Value)) -> (Ruling, String) {
    let mut facts = owed("pir", "2027-01-01T00:00:00Z");
    let done = act("a3", "github:noor", json!({"complete": {"obligation": "o1", "evidence": ["https://wiki/pir-7"]}}));
    facts["acts"].as_array_mut().unwrap().push(done);
    change(&mut facts);
    let decision = decided(&policy_with(REVIEWS), facts);
    (decision.decision, says(&decision, Ground::NotMet) + &said(&decision))
}

#[test]
fn an_obligation_is_met_by_its_role_with_what_is_asked() {
    let (ruling, told) = completed(|_| {});
    assert_eq!(ruling, Ruling::Proceed, "{told}");
    assert!(told.contains("`pir` of `shop 2.3.0` is met by noor"));
}

#[test]
fn t69_nobody_closes_the_obligation_of_his_own_release() {
    type Change = fn(&mut Value);
    let cases: [(Change, &str); 7] = [
        (|facts| facts["acts"][2]["by"] = json!("github:ivo"), "ivo: contributed to `shop 2.3.0`"),
        (|facts| facts["acts"][2]["by"] = json!("github:bo"), "bo: not in cto"),
        (|facts| facts["acts"][2]["standing"] = json!("edited"), "noor: edited afterwards"),
        (|facts| facts["acts"][2]["does"]["complete"]["evidence"] = json!([]), "noor: nothing is attached"),
        (|facts| facts["acts"][2]["does"]["complete"]["evidence"] = json!([" "]), "noor: nothing is attached"),
        (
            |facts| facts["obligations"][0]["contributors"] = unread(),
            "noor: who contributed to `shop 2.3.0` could not be read",
        ),
        (
            |facts| facts["obligations"][0]["contributors"] = json!(["github:gone"]),
            "whether `github:gone`, who contributed to `shop 2.3.0`, is the same person could not be read",
        ),
    ];
    for (change, why) in cases {
        let (ruling, told) = completed(change);
        assert_eq!(ruling, Ruling::Hold, "{why}");
        assert!(told.contains(why), "{why}: {told}");
    }
    let (ruling, _) = completed(|facts| facts["obligations"][0]["contributors"] = json!(null));
    assert_eq!(ruling, Ruling::Proceed);
}

#[test]
fn a_review_does_not_hold_the_fix_of_what_it_is_about() {
    let policy = policy_with(&format!(
        "{REVIEWS}incidents: {{ system: pagerduty, severity: {{ P1: 1 }}, block_at: 1, blocks: affected_components, unless: release.fixes(incident), confirmed_by: cto }}\n"
    ));
    let record =
        json!({"id": "CHG-1", "state": "New", "components": ["shop"], "from": null, "until": null, "fixes": ["INC-7"]});
    let facts = with(owed("pir", "2026-12-01T00:00:00Z"), "/change_record", record);
    assert_eq!(decided(&policy, facts.clone()).decision, Ruling::Hold);
    let facts = with(facts, "/acts/-", act("a3", "github:noor", json!({"confirm_fix": {"incident": "INC-7"}})));
    // Whether or not the incident is still open.
    let open = json!([{"id": "INC-7", "severity": "P1", "components": ["shop"]}]);
    for incidents in [json!([]), open] {
        let decision = decided(&policy, with(facts.clone(), "/incidents", incidents));
        assert_eq!(decision.decision, Ruling::Proceed, "{}", said(&decision));
        assert!(says(&decision, Ground::OwedElsewhere).contains("does not hold the fix of INC-7"));
    }
    let elsewhere = with(facts, "/obligations/0/components", json!(["till"]));
    assert_eq!(decided(&policy, elsewhere).decision, Ruling::Hold);
}

#[test]
fn an_automatic_environment_is_not_held_by_a_debt() {
    let facts = with(owed("pir", "2026-12-01T00:00:00Z"), "/release/environment", json!("staging"));
    let decision = decided(&policy_with(REVIEWS), facts);
    assert_eq!((decision.decision, find(&decision, Ground::Owed)), (Ruling::Proceed, None));
}
