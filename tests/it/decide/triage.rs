//! What kind of release it is: by facts alone.

use countersign::model::ground::Ground;
use countersign::model::release_decision::{Class, Impact, Status};
use rstest::rstest;
use serde_json::{Value, json};

use super::base::{act, decided, facts, said, with};
use super::look::{decided_at, find, policy_with, says, status, unread};

const EMERGENCIES: &str = "roles:
  owner: { members: ['github:@acme/owners'] }
  security: { members: ['github:@acme/appsec'] }
  cto: { members: ['github:noor', 'github:ivo'] }
  commander: { members: ['github:zoe', 'github:ana'] }
classes:
  emergency: { when: '(incident.severity <= 1 && release.fixes(incident)) || release.removes(running.vulnerabilities.exploited)' }
incidents: { system: pagerduty, severity: { P1: 1, P2: 2 }, block_at: 2, blocks: affected_components, unless: release.fixes(incident), confirmed_by: commander }
routes:
  normal: { approvals: { accountable: 1, security: 1 } }
  emergency: { approvals: { cto: 1 } }
change: { system: servicenow, needs: [], proceeds_in: [Implement] }
";

/// An incident of the shop, the record that says that this is its fix, and the commander's word.
fn fix() -> Value {
    let facts = with(facts(), "/incidents", json!([{"id": "INC-7", "severity": "P1", "components": ["shop"]}]));
    let record =
        json!({"id": "CHG-1", "state": "New", "components": ["shop"], "from": null, "until": null, "fixes": ["INC-7"]});
    let facts = with(facts, "/change_record", record);
    let confirms = act("a3", "github:zoe", json!({"confirm_fix": {"incident": "INC-7"}}));
    let claims = act("a4", "github:bo", json!({"claim_emergency": {}}));
    with(with(facts, "/acts/-", confirms), "/acts/-", claims)
}

#[test]
fn a_confirmed_fix_of_a_live_incident_is_an_emergency() {
    let decision = decided(&policy_with(EMERGENCIES), fix());
    assert_eq!(decision.class, Class::Emergency, "{}", said(&decision));
    assert!(
        says(&decision, Ground::Classified).starts_with("an emergency: it fixes INC-7 (P1), confirmed by zoe; risk ")
    );
    assert_eq!(decision.routes, ["emergency"]);
    assert!(decision.counted.contains(&"a3".to_owned()));
}

#[rstest]
#[case("/change_record/fixes", json!([]), "the change record is not linked to INC-7 as its fix")]
#[case("/change_record", Value::Null, "the change record is not linked to INC-7 as its fix")]
#[case("/change_record", unread(), "whether the change record is linked to INC-7 could not be read")]
#[case("/incidents/0/components", json!(["till"]), "INC-7 affects till, which this release does not change")]
#[case("/incidents/0/components", json!([]), "INC-7 affects no component")]
#[case("/incidents/0/components", Value::Null, "INC-7 does not say which components it affects")]
#[case("/incidents/0/components", unread(), "which components INC-7 affects could not be read: no answer")]
#[case("/incidents/0/severity", json!("P2"), "INC-7 is of severity 2, by which it is none")]
#[case("/incidents/0/severity", json!("SEV1"), "the severity of INC-7 is not one that the policy names")]
#[case("/incidents/0/severity", unread(), "the severity of INC-7 is not one that the policy names")]
#[case("/incidents", json!([]), "no incident is open that it could fix")]
#[case("/incidents", unread(), "the open incidents could not be read: no answer")]
// Ana wrote it, and confirms her own fix.
#[case("/acts/2/by", json!("github:ana"), "no commander confirmed that it fixes INC-7; ignored ana: wrote commit 3f2a; ask zoe")]
#[case("/acts/2/by", json!("github:bo"), "no commander confirmed that it fixes INC-7; ignored bo: not in commander; ask zoe")]
#[case("/acts/2/does/confirm_fix/incident", json!("INC-8"), "no commander confirmed that it fixes INC-7; ask zoe")]
#[case("/acts/2/standing", json!("edited"), "no commander confirmed that it fixes INC-7; ignored zoe: edited afterwards; ask zoe")]
#[case("/acts/2/at", json!("2026-12-08T12:00:01Z"), "no commander confirmed that it fixes INC-7; ask zoe")]
#[case("/accounts/github:zoe/active", json!(false), "no commander confirmed that it fixes INC-7; ignored zoe: the account is deactivated")]
fn e1_a_claim_without_the_facts_is_refused_and_says_which_are_missing(
    #[case] place: &str,
    #[case] value: Value,
    #[case] missing: &str,
) {
    let decision = decided(&policy_with(EMERGENCIES), with(fix(), place, value));
    assert_eq!(decision.class, Class::Normal, "{}", said(&decision));
    let node = find(&decision, Ground::EmergencyRefused).unwrap();
    assert_eq!(node.status, Status::Note);
    assert!(node.parts.iter().any(|part| part.says == missing), "{}", node.says);
}

#[test]
fn nobodys_word_is_needed_and_nobodys_is_enough() {
    let mut facts = fix();
    facts["acts"].as_array_mut().unwrap().pop();
    assert_eq!(decided(&policy_with(EMERGENCIES), facts).class, Class::Emergency);
    let claim = with(super::base::facts(), "/acts/-", act("a3", "github:noor", json!({"claim_emergency": {}})));
    let decision = decided(&policy_with(EMERGENCIES), claim);
    assert_eq!(decision.class, Class::Normal);
    assert!(says(&decision, Ground::EmergencyRefused).contains("nothing that runs now is known to be exploited"));
}

#[rstest]
#[case(json!([{"id": "CVE-1", "exploited": true}]), json!([]), Class::Emergency)]
#[case(json!([{"id": "CVE-1", "exploited": true}]), Value::Null, Class::Emergency)]
#[case(json!([{"id": "CVE-1", "exploited": true}]), json!(["CVE-1"]), Class::Normal)]
#[case(json!([{"id": "CVE-1", "exploited": false}]), json!([]), Class::Normal)]
#[case(json!([{"id": "CVE-1", "exploited": null}]), json!([]), Class::Normal)]
#[case(json!([{"id": "CVE-1"}]), json!([]), Class::Normal)]
#[case(json!([{"id": "CVE-1", "exploited": true}]), unread(), Class::Normal)]
#[case(Value::Null, json!([]), Class::Normal)]
#[case(unread(), json!([]), Class::Normal)]
// One that is gone is enough, whatever is not known of another.
#[case(json!([{"id": "CVE-2"}, {"id": "CVE-1", "exploited": true}]), json!(["CVE-2"]), Class::Emergency)]
fn shipping_a_vulnerable_version_is_no_emergency(
    #[case] running: Value,
    #[case] released: Value,
    #[case] class: Class,
) {
    let facts = with(with(facts(), "/release/running", running), "/release/released", released);
    assert_eq!(decided(&policy_with(EMERGENCIES), facts).class, class);
}

const MODELS: &str = "roles:
  owner: { members: ['github:@acme/owners'] }
  security: { members: ['github:@acme/appsec'] }
  cto: { members: ['github:noor'] }
  cab: { members: ['github:zoe'] }
classes:
  standard: { models: [flag], when: risk.score < 30 && documentation.complete }
standard_changes:
  flag: { when: change.only('src/flags/**'), owner: owner, approved_by: cab, expires: 10d, suspend_after: 2 failures }
routes:
  standard: { approval: automatic }
  normal: { approvals: { accountable: 1, security: 1 } }
";

/// A flag, by a model that zoe approved on the first of December.
fn flag() -> Value {
    let state = json!({"approved_at": "2026-12-01T12:00:00Z", "approved_by": ["github:zoe"], "failed_at": [], "suspended": false});
    let facts = with(facts(), "/standard_changes", json!({"flag": state}));
    let facts = with(facts, "/acts", json!([]));
    with(facts, "/release/changes/0/files", json!(["src/flags/a.yml"]))
}

#[test]
fn a_model_that_was_approved_makes_a_standard_change_which_goes_by_itself() {
    let decision = decided(&policy_with(MODELS), flag());
    assert_eq!(decision.class, Class::Standard, "{}", said(&decision));
    assert_eq!(decision.routes, ["standard"]);
    assert!(said(&decision).contains("a standard change by the model `flag`"));
}

#[rstest]
#[case("/release/changes/0/files", json!(["src/flags/a.yml", "src/a.rs"]), "it is for `change.only('src/flags/**')`")]
// Of a change that has lines somebody left the files out.
#[case("/release/changes/0/files", json!([]), "whether it is within `change.only('src/flags/**')` cannot be told")]
#[case("/release/changes/0/files", Value::Null, "whether it is within `change.only('src/flags/**')` cannot be told")]
#[case("/release/changes/0/files", unread(), "whether it is within `change.only('src/flags/**')` cannot be told")]
#[case("/standard_changes/flag", Value::Null, "it was never approved; owner can ask cab to renew it")]
#[case("/standard_changes/flag", unread(), "its approval could not be read: no answer")]
#[case("/standard_changes", json!({}), "the facts do not state its approval")]
#[case("/standard_changes/flag/approved_by", json!(["github:bo"]), "nobody in cab approved it")]
#[case("/standard_changes/flag/approved_by", json!([]), "nobody in cab approved it")]
#[case("/standard_changes/flag/approved_at", json!("2026-12-08T12:00:01Z"), "its approval is yet to come")]
#[case("/standard_changes/flag/suspended", json!(true), "it is suspended; owner can ask cab to renew it")]
#[case("/standard_changes/flag/suspended", unread(), "whether it is suspended could not be read: no answer")]
#[case("/standard_changes/flag/failed_at", unread(), "how many releases by it failed could not be read: no answer")]
#[case(
    "/standard_changes/flag/failed_at",
    json!(["2026-12-02T00:00:00Z", "2026-12-03T00:00:00Z"]),
    "2 failures since it was approved suspended it at 2; owner can ask cab to renew it"
)]
#[case("/release/documented", json!(false), "`risk.score < 30 && documentation.complete` does not surely hold")]
#[case("/release/documented", unread(), "`risk.score < 30 && documentation.complete` does not surely hold")]
fn t71_a_model_is_used_in_its_scope_while_it_is_approved_and_did_not_fail(
    #[case] place: &str,
    #[case] value: Value,
    #[case] why: &str,
) {
    let decision = decided(&policy_with(MODELS), with(flag(), place, value));
    assert_eq!(decision.class, Class::Normal, "{}", said(&decision));
    assert_eq!(says(&decision, Ground::ModelRefused), format!("not a standard change by the model `flag`: {why}"));
    assert_eq!(status(&decision, Ground::ModelRefused), Some(Status::Note));
}

#[test]
fn failures_before_it_was_renewed_are_forgiven_and_one_is_not_two() {
    for failed in [json!(["2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z", "2026-12-02T00:00:00Z"]), Value::Null] {
        let decision = decided(&policy_with(MODELS), with(flag(), "/standard_changes/flag/failed_at", failed));
        assert_eq!(decision.class, Class::Standard, "{}", said(&decision));
    }
}

#[test]
fn an_approval_of_a_model_ends_at_its_instant_and_no_later() {
    let before = decided_at(&policy_with(MODELS), flag(), "2026-12-11T11:59:59Z");
    assert_eq!((before.class, before.revisit.at), (Class::Standard, Some(super::base::at("2026-12-11T12:00:00Z"))));
    let after = decided_at(&policy_with(MODELS), flag(), "2026-12-11T12:00:00Z");
    assert_eq!(after.class, Class::Normal);
    assert!(says(&after, Ground::ModelRefused).contains("expired after 10d, on Fri 11 Dec 2026 12:00 UTC"));
}

#[test]
fn a_class_without_models_makes_nothing_standard() {
    let policy =
        policy_with(MODELS).replace("models: [flag], when: risk.score < 30 && documentation.complete", "models: []");
    assert_eq!(decided(&policy, flag()).class, Class::Normal);
}

const WEIGHTS: &str = "risk:
  weights: { exposure.customer: 20, tier.important: 5, size.lines: 'math.least(20, lines / 10)', size.files: 1, size.changes: 2, vendor.new: 15, vendor.declared: '3 * vendors', team.failure_rate: '40 * rate', peak: 10 }
  impact: { high: 60, medium: 30 }
components:
  shop: { paths: ['src/**'], tier: important, exposure: customer, team: shop, vendors: [stripe] }
calendar: { peak: { season: { from: 2026-12-01, to: 2026-12-09, rigor: +1 } } }
";

#[test]
fn risk_is_itemised() {
    let failed = json!({"at": "2026-11-01T00:00:00Z", "failed": true, "incidents": [], "detected_at": null, "restored_at": null});
    let fine = json!({"at": "2026-11-02T00:00:00Z", "failed": false, "incidents": null});
    let facts = with(facts(), "/teams/shop/deployments", json!([failed, fine, fine, fine]));
    let decision = decided(&policy_with(WEIGHTS), facts);
    let items: Vec<_> =
        decision.risk.items.iter().map(|it| (it.name.as_str(), it.points, it.because.as_str())).collect();
    assert_eq!(
        items,
        [
            ("exposure.customer", Some(20.0), "shop"),
            ("tier.important", Some(5.0), "shop"),
            ("size.lines", Some(1.0), "10 lines"),
            ("size.files", Some(1.0), "1 file"),
            ("size.changes", Some(2.0), "1 change"),
            ("vendor.new", Some(0.0), "none"),
            ("vendor.declared", Some(3.0), "declared: stripe"),
            ("team.failure_rate", Some(10.0), "1 of 4 deployments of shop failed in 90 days"),
            ("peak", Some(10.0), "season"),
        ]
    );
    assert_eq!((decision.risk.score, decision.risk.impact), (Some(52.0), Impact::Medium));
    assert!(says(&decision, Ground::Classified).contains("risk 52, impact medium: exposure.customer 20 (shop), "));
}

#[rstest]
#[case("/release/changes/0/lines", unread(), "size.lines")]
#[case("/release/changes/0/lines", Value::Null, "size.lines")]
#[case("/release/changes/0/files", unread(), "size.files")]
#[case("/release/changes", unread(), "size.changes")]
#[case("/release/new_vendors", unread(), "vendor.new")]
#[case("/release/vendors_before", unread(), "vendor.new")]
#[case("/teams/shop", unread(), "team.failure_rate")]
#[case("/teams", json!({}), "team.failure_rate")]
fn what_cannot_be_told_makes_the_impact_high(#[case] place: &str, #[case] value: Value, #[case] item: &str) {
    let decision = decided(&policy_with(WEIGHTS), with(facts(), place, value));
    assert_eq!((decision.risk.score, decision.risk.impact), (None, Impact::High));
    let unknown = decision.risk.items.iter().find(|it| it.name == item).unwrap();
    assert_eq!(unknown.points, None, "{unknown:?}");
}

#[test]
fn t4_a_vendor_that_is_new_adds_once_and_what_the_policy_does_not_say_is_unknown() {
    let decision = decided(&policy_with(WEIGHTS), with(facts(), "/release/new_vendors", json!(["b", "a", "b"])));
    let item = decision.risk.items.iter().find(|it| it.name == "vendor.new").unwrap();
    assert_eq!((item.points, item.because.as_str()), (Some(15.0), "new: a and b"));
    let policy = policy_with(WEIGHTS).replace("exposure: customer, ", "");
    let decision = decided(&policy, facts());
    assert_eq!(decision.risk.items[0].because, "the policy states no exposure of shop");
    assert_eq!(decision.risk.score, None);
}

#[test]
fn the_bands_begin_at_their_number() {
    for (lines, impact) in [(199, Impact::Low), (200, Impact::Medium), (499, Impact::Medium), (500, Impact::High)] {
        let weights = "risk: { weights: { size.lines: 'lines / 10' }, impact: { high: 50, medium: 20 } }\n";
        let decision = decided(&policy_with(weights), with(facts(), "/release/changes/0/lines", json!(lines)));
        assert_eq!(decision.risk.impact, impact, "{lines}");
    }
}
