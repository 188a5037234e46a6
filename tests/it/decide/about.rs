//! What an act, a digest or a piece of evidence is about, and that it is about nothing else.

use countersign::decide::release::decide_between;
use countersign::model::facts::Facts;
use countersign::model::ground::Ground;
use countersign::model::release_decision::{Ruling, Status};
use rstest::rstest;
use serde_json::{Value, json};

use super::base::{POLICY, act, approves, decided, facts, now, policy, read, said, with};
use super::look::{decided_at, deployment, find, policy_with, says, status, unread};

/// Carla rejects it, and approves something afterwards.
fn approved_after(saw: &[(&str, Value)]) -> Value {
    let mut rejection = act("r1", "github:carla", json!({"reject": {}}));
    rejection["reason"] = json!("the migration is not reversible yet");
    let mut approval = approves("a3", "github:carla");
    approval["at"] = json!("2026-12-08T11:00:00Z");
    for (key, value) in saw {
        approval["saw"][*key] = value.clone();
    }
    with(with(facts(), "/acts/-", rejection), "/acts/-", approval)
}

#[rstest]
#[case::the_same(&[], Ruling::Proceed)]
#[case::of_another_repository(&[("repository", json!("acme/other"))], Ruling::Hold)]
#[case::of_no_repository(&[("repository", json!(null))], Ruling::Hold)]
#[case::of_another_environment(&[("environment", json!("staging"))], Ruling::Hold)]
#[case::of_older_content(&[("changes", json!({"acme/shop#12": "none yet"}))], Ruling::Hold)]
#[case::of_another_change(&[("changes", json!({"acme/shop#13": "one"}))], Ruling::Hold)]
#[case::of_nothing(&[("changes", json!({})), ("components", json!({}))], Ruling::Hold)]
fn w4_a_rejection_is_lifted_by_an_approval_of_the_same(#[case] saw: &[(&str, Value)], #[case] wanted: Ruling) {
    let decision = decided(POLICY, approved_after(saw));
    assert_eq!(decision.decision, wanted, "{}", said(&decision));
}

#[test]
fn w4_a_rejection_of_a_change_that_goes_no_longer_asks_for_no_approval_of_it() {
    let mut facts = approved_after(&[]);
    facts["acts"][2]["saw"]["changes"] = json!({"acme/shop#9": "nine", "acme/shop#12": "before"});
    assert_eq!(decided(POLICY, facts.clone()).decision, Ruling::Proceed);
    let decision = decided(POLICY, with(facts, "/release/changes", unread()));
    assert!(find(&decision, Ground::Rejected).is_some(), "{}", said(&decision));
}

#[rstest]
#[case("environment", "staging", Ruling::Proceed)]
#[case("repository", "acme/other", Ruling::Proceed)]
#[case("environment", "production", Ruling::Hold)]
fn what_is_dismissed_elsewhere_takes_nothing_here(#[case] key: &str, #[case] value: &str, #[case] wanted: Ruling) {
    let mut later = approves("a3", "github:bo");
    later["at"] = json!("2026-12-08T11:00:00Z");
    later["standing"] = json!("dismissed");
    later["saw"][key] = json!(value);
    let decision = decided(POLICY, with(facts(), "/acts/-", later));
    assert_eq!(decision.decision, wanted, "{}", said(&decision));
}

/// A checklist that Noor ticks, and what the gate says.
fn ticked(gate: &str, measures: Value) -> (Ruling, String) {
    let policy = POLICY.replace("gates:\n", &format!("gates:\n  list: {{ checklist: ['one'], {gate} }}\n"));
    let ticks = json!({"tick": {"gate": "list", "item": "one"}});
    let mut evidence = json!({"digests": ["ab"], "ticked": [], "baseline": null, "made_at": null});
    evidence["measures"] = measures;
    let facts = with(with(facts(), "/acts/-", act("t1", "github:noor", ticks)), "/evidence/list", evidence);
    let decision = decided(&policy, facts);
    (decision.decision, said(&decision))
}

#[rstest]
#[case("verified_by: cto", json!({}), Ruling::Proceed, "all 1 items ticked, confirmed by noor")]
#[case("verified_by: cto, require: 'checklist.ticked == 1'", json!({"checklist.ticked": 1}), Ruling::Proceed, "all 1 items")]
#[case("verified_by: cto, require: 'checklist.ticked == 77'", json!({"checklist.ticked": 1}), Ruling::Hold, "is not met")]
#[case("verified_by: cto, require: 'checklist.ticked == 1'", json!({}), Ruling::Hold, "cannot be told")]
fn g3_what_a_checklist_requires_is_asked(
    #[case] gate: &str,
    #[case] measures: Value,
    #[case] wanted: Ruling,
    #[case] tells: &str,
) {
    let (ruling, told) = ticked(gate, measures);
    assert_eq!(ruling, wanted, "{told}");
    assert!(told.contains(tells), "{told}");
}

fn signed(artifact: &str, identity: &str) -> Value {
    json!({"artifact": artifact, "identity": identity, "issuer": "https://issuer.example"})
}

#[rstest]
#[case::whom_the_policy_names("identity: a, issuer: 'https://issuer.example', ", json!({"digests": ["ab"]}), Ruling::Proceed)]
#[case::nobody("identity: a, issuer: 'https://issuer.example', ", json!({"digests": ["ab"], "signers": []}), Ruling::Hold)]
#[case::somebody_else(
    "identity: a, issuer: 'https://issuer.example', ", json!({"digests": ["ab"], "signers": [signed("ab", "b")]}),
    Ruling::Hold
)]
#[case::whom_another_vouches_for(
    "identity: a, issuer: 'https://other.example', ", json!({"digests": ["ab"]}), Ruling::Hold
)]
#[case::one_file_of_two(
    "identity: a, issuer: 'https://issuer.example', ", json!({"digests": ["ab", "cd"]}), Ruling::Hold
)]
#[case::another_file(
    "identity: a, issuer: 'https://issuer.example', ", json!({"digests": ["cd"]}), Ruling::Hold
)]
#[case::where_the_policy_names_nobody("", json!({"digests": ["ab"]}), Ruling::Hold)]
#[case::no_bytes("identity: a, issuer: 'https://issuer.example', ", json!({"digests": []}), Ruling::Hold)]
#[case::a_fault(
    "identity: a, issuer: 'https://issuer.example', ", json!({"digests": ["ab"], "fault": ["empty_report", "none"]}),
    Ruling::Hold
)]
fn g3_ticks_are_read_from_evidence_that_was_understood(
    #[case] signer: &str,
    #[case] differs: Value,
    #[case] wanted: Ruling,
) {
    let policy =
        POLICY.replace("gates:\n", &format!("gates:\n  list: {{ checklist: ['one'], {signer}ticked_in: '*.md' }}\n"));
    let mut evidence =
        json!({"measures": {}, "ticked": ["one"], "signers": [signed("ab", "a")], "baseline": null, "made_at": null});
    let Value::Object(differs) = differs else { panic!("it is no map") };
    for (key, value) in differs {
        evidence[key] = value;
    }
    let decision = decided(&policy, with(facts(), "/evidence/list", evidence));
    assert_eq!(decision.decision, wanted, "{}", said(&decision));
}

/// The small policy for a repository that is not divided into components.
fn undivided(more: &str) -> String {
    let component = "components:\n  shop: { paths: ['src/**'], kind: application, tier: important, exposure: internal, team: shop }\n";
    let rows = "raci:\n  - { on: shop, accountable: owner }\n";
    POLICY.replace(component, "").replace(rows, "").replace("accountable: 1", "owner: 1") + more
}

/// The release as a whole.
fn whole() -> Value {
    let mut facts = with(facts(), "/release/components", json!({}));
    for act in facts["acts"].as_array_mut().unwrap() {
        act["saw"]["components"] = json!({});
    }
    facts
}

#[test]
fn c3_without_components_an_incident_may_be_of_this() {
    let rule = "incidents: { system: pagerduty, severity: { P1: 1 }, block_at: 1 }\n";
    let open = json!([{"id": "INC-1", "severity": "P1", "components": ["shop"], "caused_by": null}]);
    assert_eq!(decided(&undivided(rule), whole()).decision, Ruling::Proceed);
    let decision = decided(&undivided(rule), with(whole(), "/incidents", open));
    assert_eq!(status(&decision, Ground::IncidentBlocks), Some(Status::Unmet), "{}", said(&decision));
}

#[test]
fn c3_where_the_policy_does_not_say_from_which_severity_on_no_incident_blocks() {
    let rule = policy_with("incidents: { system: pagerduty, severity: { P1: 1 } }\n");
    let open = json!([{"id": "INC-1", "severity": "weird", "components": ["shop"], "caused_by": null}]);
    assert_eq!(decided(&rule, with(facts(), "/incidents", open)).decision, Ruling::Proceed);
    assert_eq!(decided(&rule, with(facts(), "/incidents", unread())).decision, Ruling::Proceed);
}

#[test]
fn c5_without_components_what_is_overdue_may_be_this_teams() {
    let owed = json!([{"id": "O1", "kind": "validate", "release": "r0", "team": "shop", "components": ["shop"],
                       "by": "owner", "due": "2026-12-01T00:00:00Z", "contributors": null, "invoked_by": null}]);
    let decision = decided(&undivided(""), with(whole(), "/obligations", owed));
    assert_eq!(status(&decision, Ground::Owed), Some(Status::Unmet), "{}", said(&decision));
}

#[rstest]
#[case(json!(["sha256:ab"]), json!(["ab"]))]
#[case(json!(["ab"]), json!(["SHA256:AB"]))]
#[case(json!(["AB", "cd"]), json!(["cd", "ab", "ab"]))]
#[case(json!([]), json!(null))]
#[case(json!(null), json!([]))]
fn r2_one_digest_is_the_same_however_it_is_written(#[case] then: Value, #[case] goes: Value) {
    let mut opened = deployment("shop 2.4.0", "production", "2026-12-08T10:05:00Z", "tree", json!("failed"));
    opened["commit"] = json!("C0FFEE");
    opened["components"]["shop"]["artifacts"] = then;
    let mut facts = with(facts(), "/deployments", json!([opened]));
    for act in facts["acts"].as_array_mut().unwrap() {
        act["saw"]["artifacts"] = if goes.is_null() { json!([]) } else { goes.clone() };
    }
    let facts = with(facts, "/release/components/shop/artifacts", goes);
    let decision = decided_at(&format!("{POLICY}retry_within: 30m\n"), facts, "2026-12-08T12:00:00Z");
    assert_eq!(decision.decision, Ruling::Hold, "{}", said(&decision));
    assert!(said(&decision).contains("used up when the environment was opened"), "{}", said(&decision));
}

#[rstest]
#[case("/release/commit")]
#[case("/release/changes/0/content")]
#[case("/release/components/shop/content")]
fn an_empty_digest_is_refused(#[case] place: &str) {
    let refused = serde_json::from_value::<Facts>(with(facts(), place, json!(" "))).unwrap_err();
    assert!(refused.to_string().contains("an empty digest says nothing"), "{refused}");
    let artifacts = with(facts(), "/release/components/shop/artifacts", json!([""]));
    assert!(serde_json::from_value::<Facts>(artifacts).is_err());
}

#[test]
fn two_acts_of_one_name_are_refused() {
    let twice = with(facts(), "/acts/-", approves("a1", "github:carla"));
    let refused = serde_json::from_value::<Facts>(twice).unwrap_err();
    assert!(refused.to_string().contains("two acts are called `a1`"), "{refused}");
}

#[test]
fn an_old_policys_obligation_stays_beside_the_new_ones_of_the_same_kind() {
    let follows =
        |rule: &str| policy(&POLICY.replace("final: cto }", &format!("final: cto }}, then: {{ validate: {rule} }}")));
    let owed = |old: &str, new: &str| {
        let mut new = follows(new);
        new.layers[0].sha256 = "cd".repeat(32);
        let decision = decide_between(&follows(old), &new, &read(facts()), now());
        assert_eq!(decision.decision, Ruling::Proceed, "{}", said(&decision));
        let told = decision.obligations.into_iter().map(|it| {
            (it.by.unwrap_or_default(), it.due.map(|due| due.to_rfc3339()).unwrap_or_default(), it.needs_evidence)
        });
        told.collect::<Vec<_>>()
    };
    let (sooner, later) = ("2026-12-08T16:00:00+00:00".to_owned(), "2027-01-07T12:00:00+00:00".to_owned());
    assert_eq!(
        owed("{ by: security, within: 4h, needs: evidence }", "{ by: owner, within: 30d }"),
        [("owner".to_owned(), later, false), ("security".to_owned(), sooner.clone(), true)]
    );
    assert_eq!(
        owed("{ by: owner, within: 4h, needs: evidence }", "{ by: owner, within: 30d }"),
        [("owner".to_owned(), sooner, true)]
    );
}

#[rstest]
#[case("2026-12-08T09:59:59Z", Ruling::Proceed)]
#[case("2026-12-08T10:00:00Z", Ruling::Hold)]
fn what_is_edited_at_the_instant_of_an_approval_may_be_after_it(#[case] edited: &str, #[case] wanted: Ruling) {
    let text = "Turn the flag off again, and deploy the release before this one from its tag.";
    let record = json!({"id": "CHG-1", "state": "open", "components": ["shop"], "from": null, "until": null, "fixes": [],
                        "fields": {"backout": {"text": text, "template": null, "edited_at": edited}}});
    let policy = policy_with("change: { system: servicenow, needs: [backout], proceeds_in: [open] }\n");
    let decision = decided(&policy, with(facts(), "/change_record", record));
    assert_eq!(decision.decision, wanted, "{}", said(&decision));
}

#[rstest]
#[case(json!("2026-12-01T12:00:00Z"), json!("2026-12-01T11:00:00Z"))]
#[case(json!("2026-12-01T09:00:00Z"), json!("2026-12-01T12:00:00Z"))]
fn a_failure_that_ends_before_it_begins_has_no_length(#[case] detected: Value, #[case] restored: Value) {
    let policy = policy_with(
        "rigor: { max: 1, steps: [ { when: \"team.mttr_90d > duration('4h') || team.mttd_90d > duration('4h')\", sample: 1 } ] }\n",
    );
    let mut failed = json!([{"at": "2026-12-01T10:00:00Z", "failed": true, "incidents": []}]);
    failed[0]["detected_at"] = detected;
    failed[0]["restored_at"] = restored;
    let decision = decided(&policy, with(facts(), "/teams/shop/deployments", failed));
    assert_eq!(decision.rigor, 1, "{}", said(&decision));
}

#[test]
fn a_gate_that_guards_it_by_now_and_passes_is_no_worse_than_none() {
    let mut facts = facts();
    facts["acts"][0]["saw"]["gates"] = json!({"tests": "not_applicable"});
    assert_eq!(decided(POLICY, facts).decision, Ruling::Proceed);
}

#[test]
fn what_is_not_read_of_what_is_released_removes_nothing() {
    let policy = policy_with(
        "classes:
  emergency: { when: 'release.removes(running.vulnerabilities.exploited)' }
routes:
  normal: { approvals: { accountable: 1 } }
  emergency: { approvals: { accountable: 1 } }
",
    );
    let running = with(facts(), "/release/running", json!([{"id": "CVE-1", "exploited": true}]));
    let gone = with(running.clone(), "/release/released", json!([]));
    let told = says(&decided(&policy, gone), Ground::Classified);
    assert!(told.contains("it removes CVE-1"), "{told}");
    let unknown = decided(&policy, with(running, "/release/released", unread()));
    assert!(!said(&unknown).contains("it removes CVE-1"), "{}", said(&unknown));
}

#[test]
fn a3_every_act_that_lets_it_go_is_counted() {
    let mut waiver = act(
        "w1",
        "github:noor",
        json!({"waive": {"gate": "tests", "until": "2026-12-20T00:00:00Z", "environments": [], "when": null}}),
    );
    waiver["reason"] = json!("a known flake, mended on monday");
    let failed = with(with(facts(), "/evidence/tests/measures/tests.failed", json!(3)), "/acts/-", waiver);
    let decision = decided(POLICY, failed);
    assert_eq!(
        (decision.decision, &decision.counted[..]),
        (Ruling::Proceed, &["a1", "a2", "w1"].map(str::to_owned)[..])
    );
    assert!(find(&decision, Ground::WaiverInForce).unwrap().evidence.contains(&"w1".to_owned()));

    let nobody = with(facts(), "/release/changes/0/commits/0/author", json!(null));
    let vouch = |id: &str, by: &str| act(id, by, json!({"vouch": {"commit": "3f2a"}}));
    let vouched = with(with(nobody, "/acts/-", vouch("v1", "github:noor")), "/acts/-", vouch("v2", "github:ivo"));
    assert_eq!(decided(POLICY, vouched).counted, ["a1", "a2", "v1", "v2"]);

    let named = with(facts(), "/release/changes/0/commits/0/co_authors", json!(["github:bo"]));
    let clear = |id: &str, by: &str| act(id, by, json!({"clear": {"account": "github:bo", "commit": "3f2a"}}));
    let cleared = with(with(named, "/acts/-", clear("c1", "github:noor")), "/acts/-", clear("c2", "github:ivo"));
    assert_eq!(decided(POLICY, cleared).counted, ["a1", "a2", "c1", "c2"]);

    let policy = POLICY.replace("gates:\n", "gates:\n  list: { checklist: ['one'], verified_by: cto }\n");
    let tick = |id: &str, by: &str| act(id, by, json!({"tick": {"gate": "list", "item": "one"}}));
    let ticked = with(with(facts(), "/acts/-", tick("t1", "github:zoe")), "/acts/-", tick("t2", "github:ivo"));
    assert_eq!(decided(&policy, ticked).counted, ["a1", "a2", "t2"]);
}
