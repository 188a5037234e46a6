//! Going back to the last good content.

use countersign::model::ground::Ground;
use countersign::model::release_decision::{Node, Ruling, Status};
use rstest::rstest;
use serde_json::{Value, json};

use super::base::{decided, facts, said, with};
use super::look::{deployment, policy_with, says, status, unread};

const BACK: &str = "routes:
  recovery: { when: release.is_rollback, to: last_good, hours: any, approvals: { cto: 1 } }
  normal: { approvals: { accountable: 1, security: 1 } }
change: { system: servicenow, needs: [backout_plan], proceeds_in: [Implement] }
incidents: { system: pagerduty, severity: { P1: 1 }, block_at: 1, blocks: everything }
calendar:
  closed: { always: { hours: 24/7, stops: [deployment] } }
  freeze: { december: { from: 2026-12-01, to: 2027-01-01, except: [recovery] } }
";

/// `good` ran until `bad` took its place; it goes back on ivo's word.
fn back() -> Value {
    let ran = json!([
        deployment("shop 2.2.0", "production", "2026-12-01T00:00:00Z", "older", json!("succeeded")),
        deployment("shop 2.3.0", "production", "2026-12-02T00:00:00Z", "good", json!("succeeded")),
        deployment("shop 2.4.0", "production", "2026-12-08T08:00:00Z", "bad", json!("failed")),
    ]);
    let facts = with(with(facts(), "/deployments", ran), "/release/components/shop/content", json!("good"));
    let facts = with(with(facts, "/release/changes", json!(null)), "/release/name", json!("shop 2.3.0 again"));
    let saw = json!({"environment": "production", "repository": "acme/shop", "components": {"shop": "good"}});
    let approval = json!({"id": "a1", "at": "2026-12-08T10:00:00Z", "by": "github:ivo", "via": "page",
                          "does": {"approve": {}}, "saw": saw, "standing": "stands", "impersonated_by": null});
    let facts = with(facts, "/acts", json!([approval]));
    with(facts, "/incidents", json!([{"id": "INC-1", "severity": "P1", "components": ["shop"]}]))
}

#[test]
fn going_back_is_never_slower_than_the_failure() {
    let decision = decided(&policy_with(BACK), back());
    assert_eq!(decision.decision, Ruling::Proceed, "{}", said(&decision));
    assert_eq!(decision.routes, ["recovery"]);
    assert_eq!(says(&decision, Ground::Recovery), "INC-1 does not block going back",);
    assert!(said(&decision).contains("back to the last good content of shop, that of `shop 2.3.0`"));
}

#[rstest]
#[case("/release/components/shop/content", json!("older"))] // not the last
#[case("/release/components/shop/content", json!("bad"))] // what runs
#[case("/release/components/shop/content", json!("new"))]
#[case("/release/components/shop/content", json!(null))]
#[case("/release/components/shop/content", unread())]
#[case("/release/components/shop/artifacts", json!(["ee"]))] // built anew
#[case("/release/components/shop/artifacts", unread())]
#[case("/deployments/1/components/shop/artifacts", json!(["dd"]))] // built anew
#[case("/deployments/1/components/shop/artifacts", unread())]
#[case("/deployments", unread())]
#[case("/deployments", json!(null))]
#[case("/deployments/1/approved", json!(false))] // nobody approved it
#[case("/deployments/1/approved", json!(null))]
#[case("/deployments/1/approved", unread())]
#[case("/deployments/1/outcome", json!("failed"))]
#[case("/deployments/1/outcome", json!("cancelled"))]
#[case("/deployments/1/outcome", json!(null))]
#[case("/deployments/1/outcome", unread())]
#[case("/deployments/1/environment", json!("staging"))]
#[case("/deployments/1/components/shop/content", unread())]
#[case("/deployments/2/components/shop/content", unread())]
#[case("/deployments/2/outcome", unread())]
#[case("/deployments/2/outcome", json!("cancelled"))] // nothing took its place
#[case("/deployments/2/opened_at", json!("2026-12-08T09:00:01Z"))] // asked for before that went
fn nothing_else_is_the_last_good_content(#[case] place: &str, #[case] value: Value) {
    let decision = decided(&policy_with(BACK), with(back(), place, value));
    assert_eq!(decision.decision, Ruling::Hold, "{}", said(&decision));
    assert!(!decision.routes.contains(&"recovery".to_owned()), "{}", said(&decision));
}

#[test]
fn a_build_of_the_same_content_is_something_to_go_back_from_and_to() {
    let bad = json!([
        deployment("shop 2.3.0", "production", "2026-12-02T00:00:00Z", "good", json!("succeeded")),
        deployment("shop 2.3.0 rebuilt", "production", "2026-12-08T08:00:00Z", "good", json!("succeeded")),
    ]);
    let facts = with(with(back(), "/deployments", bad), "/deployments/1/components/shop/artifacts", json!(["ee"]));
    let decision = decided(&policy_with(BACK), facts);
    assert_eq!((decision.decision, decision.routes), (Ruling::Proceed, vec!["recovery".to_owned()]));
}

#[test]
fn a_failed_attempt_to_go_back_can_be_made_again_and_one_under_way_too() {
    for outcome in [json!("failed"), json!(null)] {
        let mut facts = back();
        facts["deployments"].as_array_mut().unwrap().push(deployment(
            "shop 2.3.0 again",
            "production",
            "2026-12-08T11:00:00Z",
            "good",
            outcome,
        ));
        assert_eq!(decided(&policy_with(BACK), facts).routes, ["recovery"]);
    }
    let mut facts = back();
    let there = deployment("shop 2.3.0 again", "production", "2026-12-08T11:00:00Z", "good", json!("succeeded"));
    facts["deployments"].as_array_mut().unwrap().push(there);
    assert_eq!(decided(&policy_with(BACK), facts).routes, ["normal"]);
}

#[test]
fn what_went_just_when_it_was_asked_for_is_what_it_goes_back_from() {
    let facts = with(back(), "/deployments/2/opened_at", json!("2026-12-08T09:00:00Z"));
    assert_eq!(decided(&policy_with(BACK), facts).routes, ["recovery"]);
}

#[test]
fn what_went_since_its_run_was_made_is_none_it_goes_back_from_when_that_is_started_again() {
    let facts = with(back(), "/deployments/2/opened_at", json!("2026-12-08T09:00:01Z"));
    let facts = with(facts, "/release/asked_since", json!("2026-12-08T10:30:00Z"));
    assert_eq!(decided(&policy_with(BACK), facts).routes, ["normal"]);
}

#[test]
fn the_order_of_the_deployments_is_nothing_to_it() {
    let mut facts = back();
    facts["deployments"].as_array_mut().unwrap().reverse();
    assert_eq!(decided(&policy_with(BACK), facts).decision, Ruling::Proceed);
}

#[rstest]
#[case(json!(["V7__drop_column"]), Some(Status::Unmet))]
#[case(unread(), Some(Status::Unknown))]
#[case(json!([]), None)]
#[case(json!(null), None)]
fn past_a_migration_there_is_no_way_back(#[case] irreversible: Value, #[case] wanted: Option<Status>) {
    let decision = decided(&policy_with(BACK), with(back(), "/release/irreversible", irreversible));
    assert_eq!(status(&decision, Ground::Irreversible), wanted);
    assert_eq!(decision.decision == Ruling::Proceed, wanted.is_none());
}

#[test]
fn a_route_to_the_last_good_content_leads_nowhere_else() {
    let policy = policy_with(&BACK.replace("release.is_rollback", "component.tier == 'important'"));
    let decision = decided(&policy, facts());
    assert_eq!(status(&decision, Ground::NotLastGood), Some(Status::Unmet));
    let decision = decided(&policy, with(facts(), "/deployments", unread()));
    let unknown = |node: &Node| (node.code, node.status) == (Ground::NotLastGood, Status::Unknown);
    assert!(decision.tree.parts.iter().any(unknown), "{}", said(&decision));
    assert_eq!(decision.decision, Ruling::Hold);
}

#[test]
fn a_freeze_that_does_not_except_it_holds_it_neither() {
    let decision = decided(&policy_with(&BACK.replace("except: [recovery]", "except: [emergency]")), back());
    assert_eq!(status(&decision, Ground::Frozen), None);
    assert_eq!(says(&decision, Ground::FreezeExcepted), "the freeze `december` does not stop what goes back");
    assert_eq!(decision.decision, Ruling::Proceed, "{}", said(&decision));
}

#[test]
fn what_else_cannot_be_read_does_not_hold_it() {
    for (place, value) in [
        ("/incidents", unread()),
        ("/obligations", unread()),
        ("/change_record", unread()),
        ("/cab", unread()),
        ("/evidence/tests", unread()),
    ] {
        let decision = decided(&policy_with(BACK), with(back(), place, value));
        assert_eq!(decision.decision, Ruling::Proceed, "{place}: {}", said(&decision));
    }
}
