//! Packages: together or not at all, and in their order.

use countersign::decide::package::is_ready_but_for_it;
use countersign::model::ground::Ground;
use countersign::model::release_decision::{Ruling, Status};
use countersign::policy::Source;
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

/// The ledger is another repository's, of another forge, and made of files of the same names.
fn elsewhere() -> String {
    QUARTER.replace("paths: ['ledger/**'],", "paths: ['src/**'], repository: 'gitlab:acme/shop',")
}

#[test]
fn a_component_of_another_repository_is_touched_by_no_file_of_this_one() {
    let policy = policy_with(&elsewhere());
    let decision = decided(&policy, facts());
    assert_eq!(decision.components, ["shop"], "{}", said(&decision));
    assert_eq!(status(&decision, Ground::PackageWaits), Some(Status::Unmet));
    // Nor where it is not known which files a change touches.
    let unknown = with(facts(), "/release/changes/0/files", unread());
    assert_eq!(decided(&policy, unknown).components, ["shop"]);
    let unknown = with(facts(), "/release/changes", unread());
    assert_eq!(decided(&policy, unknown).components, ["shop"]);
    let there = with(facts(), "/release/forge", json!("gitlab"));
    assert_eq!(decided(&policy, there).components, ["shop", "ledger"]);
    let here = with(facts(), "/release/repository", json!("acme/other"));
    assert_eq!(decided(&policy, here).components, ["shop"]);
}

#[rstest]
#[case("acme/shop")]
#[case("bitbucket:acme/shop")]
#[case("github:acme")]
#[case("github:acme/shop/more")]
#[case("gitlab:acme/../shop")]
#[case("gitlab:acme//shop")]
#[case("gitlab: acme/shop")]
fn a_repository_without_its_forge_is_none(#[case] text: &str) {
    let policy = policy_with(&elsewhere().replace("gitlab:acme/shop", text));
    let source = Source { path: "policy.yml".to_owned(), text: policy, sha256: "ab".repeat(32), from: None };
    let complaints = countersign::policy::read(vec![source]).unwrap_err();
    assert!(complaints.iter().any(|it| it.render(false).contains("is no repository of a forge")), "{complaints:?}");
}

#[rstest]
// Nothing holds it but the package.
#[case(json!({"content": "x", "ready": true, "outcome": null}), false, true)]
#[case(json!({"content": "x", "ready": false, "outcome": null}), false, true)]
#[case(json!({"content": "x", "ready": true, "outcome": "succeeded"}), false, true)]
// What nobody was shown nobody has approved.
#[case(Value::Null, false, false)]
#[case(unread(), false, false)]
// Nobody has approved it.
#[case(json!({"content": "x", "ready": false, "outcome": null}), true, false)]
#[case(json!({"content": "x", "ready": true, "outcome": "succeeded"}), true, false)]
fn a_part_is_ready_where_nothing_but_its_package_holds_it(
    #[case] part: Value,
    #[case] unapproved: bool,
    #[case] ready: bool,
) {
    let mut facts = with_ledger(part);
    if unapproved {
        facts["acts"] = json!([]);
    }
    let decision = decided(&policy_with(QUARTER), facts);
    assert_eq!(is_ready_but_for_it(&decision.tree), ready, "{}", said(&decision));
}
