//! The change record.

use countersign::model::ground::Ground;
use countersign::model::release_decision::{Ruling, Status};
use rstest::rstest;
use serde_json::{Value, json};

use super::base::{at, decided, facts, in_package, said, with};
use super::look::{decided_at, find, policy_with, says, status, unread};

const RECORDS: &str = "change: { system: servicenow, needs: [backout_plan], proceeds_in: [Implement] }\n";

fn recorded() -> Value {
    let plan = json!({"text": "Backout: redeploy 2.3.0 from its tag", "template": "Backout:", "edited_at": null});
    let record = json!({"id": "CHG-1", "state": "Implement", "components": ["shop"], "from": null, "until": null,
                        "fields": {"backout_plan": plan}, "fixes": []});
    with(facts(), "/change_record", record)
}

#[test]
fn a_record_that_is_complete_lets_it_go() {
    let decision = decided(&policy_with(RECORDS), recorded());
    assert_eq!(decision.decision, Ruling::Proceed, "{}", said(&decision));
    assert_eq!(find(&decision, Ground::ChangeReady).unwrap().evidence, ["CHG-1"]);
}

#[rstest]
#[case(
    "/change_record",
    Value::Null,
    Ground::NoChangeRecord,
    Status::Unmet,
    "no change record of servicenow is linked"
)]
#[case("/change_record", unread(), Ground::FactsUnavailable, Status::Unknown, "could not be read from servicenow")]
#[case("/change_record/components", json!([]), Ground::ChangeForOther, Status::Unmet, "CHG-1 is not for shop")]
#[case("/change_record/components", json!(["till"]), Ground::ChangeForOther, Status::Unmet, "CHG-1 is not for shop")]
#[case("/change_record/components", Value::Null, Ground::ChangeForOther, Status::Unmet, "CHG-1 is not for shop")]
#[case(
    "/change_record/components",
    unread(),
    Ground::FactsUnavailable,
    Status::Unknown,
    "which components CHG-1 is for"
)]
#[case("/change_record/state", json!("Closed"), Ground::ChangeState, Status::Waiting, "CHG-1 is in state `Closed`; a release goes in Implement")]
#[case("/change_record/state", json!("implement"), Ground::ChangeState, Status::Waiting, "a release goes in Implement")]
#[case("/change_record/state", Value::Null, Ground::ChangeState, Status::Waiting, "CHG-1 has no state")]
#[case("/change_record/state", unread(), Ground::FactsUnavailable, Status::Unknown, "the state of CHG-1")]
#[case("/change_record/from", json!("2026-12-08T12:00:01Z"), Ground::ChangeWindow, Status::Waiting, "begins Tue 8 Dec 2026 12:00 UTC")]
#[case("/change_record/from", unread(), Ground::FactsUnavailable, Status::Unknown, "begins could not be read")]
#[case("/change_record/until", json!("2026-12-08T12:00:00Z"), Ground::ChangeWindow, Status::Unmet, "ended Tue 8 Dec 2026 12:00 UTC; plan another")]
#[case("/change_record/until", unread(), Ground::FactsUnavailable, Status::Unknown, "ends could not be read")]
#[case("/change_record/fields/backout_plan/text", json!("Backout: N/A"), Ground::ChangeIncomplete, Status::Unmet, "says nothing beyond its template")]
#[case(
    "/change_record/fields/backout_plan/text",
    Value::Null,
    Ground::ChangeIncomplete,
    Status::Unmet,
    "`backout_plan` of CHG-1 is empty"
)]
#[case(
    "/change_record/fields/backout_plan/text",
    unread(),
    Ground::FactsUnavailable,
    Status::Unknown,
    "`backout_plan` of CHG-1 could not be read"
)]
#[case(
    "/change_record/fields/backout_plan/template",
    unread(),
    Ground::FactsUnavailable,
    Status::Unknown,
    "the template of `backout_plan`"
)]
#[case("/change_record/fields", json!({}), Ground::FactsUnavailable, Status::Unknown, "the facts do not state `backout_plan`")]
fn c1_c2_what_a_record_lacks_holds(
    #[case] place: &str,
    #[case] value: Value,
    #[case] code: Ground,
    #[case] wanted: Status,
    #[case] told: &str,
) {
    let decision = decided(&policy_with(RECORDS), with(recorded(), place, value));
    assert_eq!(status(&decision, code), Some(wanted), "{}", said(&decision));
    assert!(says(&decision, code).contains(told), "{}", says(&decision, code));
    assert_eq!(decision.decision, Ruling::Hold);
}

#[test]
fn the_planned_window_is_half_open() {
    let planned = with(recorded(), "/change_record/from", json!("2026-12-08T12:00:00Z"));
    let planned = with(planned, "/change_record/until", json!("2026-12-08T14:00:00Z"));
    for (now, goes, next) in [
        ("2026-12-08T11:59:59Z", false, "2026-12-08T12:00:00Z"),
        ("2026-12-08T12:00:00Z", true, "2026-12-08T14:00:00Z"),
        ("2026-12-08T13:59:59Z", true, "2026-12-08T14:00:00Z"),
    ] {
        let decision = decided_at(&policy_with(RECORDS), planned.clone(), now);
        assert_eq!((decision.decision == Ruling::Proceed, decision.revisit.at), (goes, Some(at(next))));
    }
    assert_eq!(decided_at(&policy_with(RECORDS), planned, "2026-12-08T14:00:00Z").decision, Ruling::Hold);
}

#[test]
fn where_no_state_is_named_any_goes_but_one_that_is_over() {
    let policy = policy_with("change: { system: jira, needs: [] }\n");
    for (state, goes) in [("In progress", true), ("Closed", false), (" cancelled ", false), ("Done", false)] {
        let decision = decided(&policy, with(recorded(), "/change_record/state", json!(state)));
        assert_eq!(decision.decision == Ruling::Proceed, goes, "{state}");
    }
}

#[test]
fn an_automatic_environment_needs_no_record() {
    let facts = with(facts(), "/release/environment", json!("staging"));
    assert_eq!(decided(&policy_with(RECORDS), facts).decision, Ruling::Proceed);
}

#[rstest]
#[case("change: one", "one_for: package", json!(["shop", "ledger"]), true)]
#[case("change: one", "one_for: package", json!(["shop"]), false)]
#[case("change: one", "create: true", json!(["shop", "ledger"]), false)]
#[case("order: []", "one_for: package", json!(["shop", "ledger"]), false)]
#[case("order: []", "create: true", json!(["shop"]), true)]
fn one_record_covers_a_package_where_both_say_so(
    #[case] package: &str,
    #[case] record: &str,
    #[case] components: Value,
    #[case] goes: bool,
) {
    let policy = policy_with(&format!(
        "components:
  shop: {{ paths: ['src/**'], kind: application, tier: important, exposure: internal, team: shop }}
  ledger: {{ paths: ['ledger/**'], kind: infrastructure, tier: important, exposure: internal, team: data }}
packages:
  quarter: {{ components: [shop, ledger], {package} }}
raci: [ {{ on: shop, accountable: owner }}, {{ on: ledger, accountable: owner }} ]
change: {{ system: servicenow, needs: [], proceeds_in: [Implement], {record} }}
"
    ));
    let part = json!({"content": "x", "ready": true, "outcome": null});
    let facts = in_package(recorded(), json!({"name": "quarter", "parts": {"ledger": part}}));
    let decision = decided(&policy, with(facts, "/change_record/components", components));
    assert_eq!(decision.decision == Ruling::Proceed, goes, "{}", said(&decision));
    assert_eq!(find(&decision, Ground::ChangeForOther).is_none(), goes);
}

#[rstest]
#[case("github:ana", Some("was written by ana: wrote commit 3f2a"))]
#[case("github:zoe", Some("was written by zoe: holds no role of the policy"))]
#[case("github:carla", None)]
fn t69_what_anybody_could_have_written_counts_from_a_role_holder_who_had_no_hand_in_it(
    #[case] by: &str,
    #[case] why: Option<&str>,
) {
    let written = with(recorded(), "/change_record/fields/backout_plan/by", json!(by));
    let decision = decided(&policy_with(RECORDS), written);
    assert_eq!(decision.decision == Ruling::Proceed, why.is_none(), "{}", said(&decision));
    if let Some(why) = why {
        assert!(says(&decision, Ground::ChangeIncomplete).contains(why), "{}", said(&decision));
    }
    // Nor does a state let anything go that he brought it into; one that holds it does, whoever did.
    let brought = with(recorded(), "/change_record/state_by", json!(by));
    let decision = decided(&policy_with(RECORDS), brought.clone());
    assert_eq!(status(&decision, Ground::ChangeState), why.map(|_| Status::Waiting), "{}", said(&decision));
    let closed = with(brought, "/change_record/state", json!("Closed"));
    assert_eq!(status(&decided(&policy_with(RECORDS), closed), Ground::ChangeState), Some(Status::Waiting));
}
