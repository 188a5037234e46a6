//! Packages: together or not at all, and in their order.

use countersign::model::ground::Ground;
use countersign::model::release_decision::{Ruling, Status};
use rstest::rstest;
use serde_json::{Value, json};

use super::base::{decided, facts, in_package, said, with};
use super::look::{policy_with, says, status, unread};

const QUARTER: &str = "components:
  shop: { paths: ['src/**'], kind: application, tier: important, exposure: internal, team: shop }
  ledger: { paths: ['ledger/**'], kind: infrastructure, tier: important, exposure: internal, team: data }
packages:
  quarter: { components: [shop, ledger], order: [ledger, shop] }
raci:
  - { on: shop, accountable: owner }
  - { on: ledger, accountable: security }
";

#[expect(clippy::needless_pass_by_value, reason = "values are written where they are passed")]
fn with_ledger(part: Value) -> Value {
    in_package(facts(), json!({"name": "quarter", "parts": {"ledger": part}}))
}

#[rstest]
#[case(json!({"content": "x", "ready": true, "outcome": "succeeded"}), Ground::PackageReady, Status::Met)]
#[case(json!({"content": "x", "ready": false, "outcome": "succeeded"}), Ground::PackageReady, Status::Met)]
#[case(json!({"content": "x", "ready": true, "outcome": null}), Ground::PackageOrder, Status::Waiting)]
#[case(json!({"content": "x", "ready": true, "outcome": "failed"}), Ground::PackageOrder, Status::Unmet)]
#[case(json!({"content": "x", "ready": false, "outcome": null}), Ground::PackageWaits, Status::Waiting)]
#[case(json!({"content": "x", "ready": null, "outcome": null}), Ground::PackageWaits, Status::Waiting)]
#[case(json!({"content": "x", "ready": {"unavailable": "no answer"}, "outcome": null}), Ground::PackageWaits, Status::Unknown)]
#[case(json!({"content": "x", "ready": true}), Ground::PackageWaits, Status::Unknown)]
#[case(Value::Null, Ground::PackageWaits, Status::Unmet)]
#[case(unread(), Ground::PackageWaits, Status::Unknown)]
fn the_part_that_goes_first_has_to_have_gone(#[case] part: Value, #[case] code: Ground, #[case] wanted: Status) {
    let decision = decided(&policy_with(QUARTER), with_ledger(part));
    assert_eq!(status(&decision, code), Some(wanted), "{}", said(&decision));
    assert_eq!(decision.decision == Ruling::Proceed, wanted == Status::Met, "{}", said(&decision));
}

#[rstest]
#[case(json!({"content": "x", "ready": true, "outcome": null}), true)]
#[case(json!({"content": "x", "ready": true, "outcome": "cancelled"}), true)]
// It failed, and can go again.
#[case(json!({"content": "x", "ready": true, "outcome": "failed"}), true)]
#[case(json!({"content": "x", "ready": false, "outcome": "failed"}), false)]
#[case(json!({"content": "x", "ready": false, "outcome": null}), false)]
fn a_part_that_goes_later_has_to_be_ready(#[case] part: Value, #[case] goes: bool) {
    for order in ["order: [shop, ledger]", "order: []"] {
        let policy = policy_with(&QUARTER.replace("order: [ledger, shop]", order));
        let decision = decided(&policy, with_ledger(part.clone()));
        assert_eq!(decision.decision == Ruling::Proceed, goes, "{}", said(&decision));
    }
}

#[test]
fn a_part_that_is_not_stated_is_not_known() {
    let decision =
        decided(&policy_with(QUARTER), with(facts(), "/release/package", json!({"name": "quarter", "parts": {}})));
    assert_eq!(status(&decision, Ground::PackageWaits), Some(Status::Unknown));
}

#[test]
fn a_component_of_a_package_does_not_go_alone() {
    let decision = decided(&policy_with(QUARTER), facts());
    assert_eq!(
        says(&decision, Ground::PackageWaits),
        "`quarter` is released together or not at all; release it with ledger as one package"
    );
    assert_eq!(status(&decision, Ground::PackageWaits), Some(Status::Unmet));
    let decision = decided(&policy_with(QUARTER), with(facts(), "/release/package", unread()));
    assert_eq!(decision.decision, Ruling::Hold);
    let decision =
        decided(&policy_with(QUARTER), with(facts(), "/release/package", json!({"name": "month", "parts": {}})));
    assert!(said(&decision).contains("the policy has no package `month`"));
    assert_eq!(decision.decision, Ruling::Hold);
}

#[test]
fn what_is_deployed_in_part_is_said() {
    let three = QUARTER.replace(
        "packages:\n  quarter: { components: [shop, ledger], order: [ledger, shop] }",
        "  tax: { paths: ['tax/**'], tier: important, exposure: internal, team: data, kind: application }\n\
         packages:\n  quarter: { components: [shop, ledger, tax], order: [ledger, shop, tax] }",
    );
    let three = three.replace("raci:\n", "raci:\n  - { on: tax, accountable: security }\n");
    let went = json!({"content": "x", "ready": true, "outcome": "succeeded"});
    let failed = json!({"content": "x", "ready": true, "outcome": "failed"});
    let parts = json!({"name": "quarter", "parts": {"ledger": went, "tax": failed}});
    let decision = decided(&policy_with(&three), in_package(facts(), parts));
    assert_eq!(says(&decision, Ground::PartialDeployment), "`quarter` is deployed in part: ledger went, tax failed");
    assert_eq!(decision.decision, Ruling::Proceed, "{}", said(&decision));
}

#[test]
fn files_that_cannot_be_read_complete_no_package() {
    // They may be the ledger's, which is asked for approval then, and they may be not.
    let facts = with(facts(), "/release/changes/0/files", unread());
    let decision = decided(&policy_with(QUARTER), facts);
    assert_eq!(decision.components, ["shop", "ledger"]);
    assert_eq!(status(&decision, Ground::PackageWaits), Some(Status::Unmet), "{}", said(&decision));
    assert_eq!(
        says(&decision, Ground::PackageWaits),
        "`quarter` is released together or not at all; release it with ledger as one package"
    );
}
