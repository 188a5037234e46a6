//! What must happen because a release goes.

use rstest::rstest;
use serde_json::{Value, json};

use super::base::{at, decided, facts, with};
use super::look::{decided_at, deployment, policy_with, unread};

const REVIEWS: &str = "reviews:
  pir: { when: \"release.lines >= 100 || outcome == 'failed'\", by: cto, within: 5bd, blocks: nothing }
  board: { when: release.lines >= 100, notify: ['slack:#board'] }
risk: { weights: { size.lines: 'lines / 10' }, impact: { high: 50, medium: 20 } }
";

fn kinds(policy: &str, facts: Value) -> Vec<String> {
    decided(policy, facts).obligations.into_iter().map(|it| it.kind).collect()
}

#[rstest]
#[case(json!(10), json!(null), &[])]
#[case(json!(10), json!("succeeded"), &[])]
#[case(json!(10), json!("failed"), &["pir"])]
#[case(json!(10), unread(), &["pir"])]
#[case(json!(100), json!(null), &["pir", "notify_board"])]
#[case(unread(), json!(null), &["notify_board"])]
#[case(unread(), json!("succeeded"), &["pir", "notify_board"])]
fn c4_c5_a_review_is_due_and_the_board_hears(#[case] lines: Value, #[case] outcome: Value, #[case] wanted: &[&str]) {
    let facts = with(with(facts(), "/release/changes/0/lines", lines), "/release/outcome", outcome);
    assert_eq!(kinds(&policy_with(REVIEWS), facts), wanted);
}

#[test]
fn a_review_runs_from_the_deployment_and_in_business_days() {
    let ran = deployment("shop 2.4.0", "production", "2026-12-08T11:00:00Z", "tree", json!("failed"));
    let facts = with(with(facts(), "/release/outcome", json!("failed")), "/deployments", json!([ran]));
    let decision = decided(&format!("{}retry_within: 24h\n", policy_with(REVIEWS)), facts);
    let pir = decision.obligations.iter().find(|it| it.kind == "pir").unwrap();
    assert_eq!((pir.from, pir.due), (at("2026-12-08T11:00:00Z"), Some(at("2026-12-15T11:00:00Z"))));
    assert_eq!(pir.by.as_deref(), Some("cto"));
}

#[test]
fn e3_a_follow_up_is_due_in_its_roles_own_hours() {
    let policy = policy_with(
        "roles:
  owner: { members: ['github:@acme/owners'] }
  security: { members: ['github:@acme/appsec'], calendar: { hours: 24/7 } }
  cto: { members: ['github:noor', 'github:ivo'] }
routes: { normal: { approvals: { accountable: 1, security: 1 }, then: { validate: { by: security, within: 4bh, needs: evidence }, review: { by: cto, within: 4bh } } } }
",
    );
    let decision = decided_at(&policy, facts(), "2026-12-08T16:00:00Z");
    let due: Vec<_> = decision.obligations.iter().map(|it| (it.kind.as_str(), it.due, it.needs_evidence)).collect();
    assert_eq!(
        due,
        [("validate", Some(at("2026-12-08T20:00:00Z")), true), ("review", Some(at("2026-12-09T11:30:00Z")), false),]
    );
}

#[test]
fn nothing_follows_what_does_not_go() {
    let facts = with(with(facts(), "/release/changes/0/lines", json!(100)), "/acts", json!([]));
    assert!(kinds(&policy_with(REVIEWS), facts).is_empty());
}

#[test]
fn what_is_not_over_yet_is_no_deployment_to_count_from() {
    let mut ran = deployment("shop 2.4.0", "production", "2026-12-08T12:00:01Z", "tree", json!("failed"));
    ran["opened_at"] = json!("2026-12-08T11:00:00Z");
    let facts = with(with(facts(), "/release/outcome", json!("failed")), "/deployments", json!([ran]));
    let decision = decided(&format!("{}retry_within: 24h\n", policy_with(REVIEWS)), facts);
    let pir = decision.obligations.iter().find(|it| it.kind == "pir").unwrap();
    assert_eq!(pir.from, at("2026-12-08T12:00:00Z"));
}

#[rstest]
#[case(json!(null), false)]
#[case(json!("succeeded"), false)]
#[case(json!("failed"), true)]
#[case(unread(), true)]
fn the_board_hears_of_an_outcome_once_there_is_one(#[case] outcome: Value, #[case] hears: bool) {
    let policy = policy_with("reviews: { board: { when: \"outcome == 'failed'\", notify: ['slack:#board'] } }\n");
    let kinds = kinds(&policy, with(facts(), "/release/outcome", outcome));
    assert_eq!(kinds.contains(&"notify_board".to_owned()), hears, "{kinds:?}");
}

#[rstest]
#[case(99, false)]
#[case(100, true)]
fn a_policy_without_components_has_reviews_too(#[case] lines: u32, #[case] due: bool) {
    let policy = format!(
        "{}reviews: {{ pir: {{ when: release.lines >= 100, by: cto, within: 5bd, blocks: nothing }} }}\n",
        "version: 1
layer: organisation
environments: { production: { approval: formal } }
roles: { cto: { members: ['github:noor', 'github:ivo'] } }
routes: { normal: { approvals: { cto: 1 } } }
gates: { tests: { junit: '**/*.xml', require: 'tests.failed == 0' } }
"
    );
    let mut facts = with(facts(), "/release/changes/0/lines", json!(lines));
    facts["acts"] = json!([super::base::approves("a1", "github:noor")]);
    facts["release"]["components"] = json!({});
    for act in facts["acts"].as_array_mut().unwrap() {
        act["saw"]["components"] = json!({});
    }
    assert_eq!(kinds(&policy, facts).contains(&"pir".to_owned()), due);
}
