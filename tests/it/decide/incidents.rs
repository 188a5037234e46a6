//! What open incidents stop.

use countersign::model::ground::Ground;
use countersign::model::release_decision::{Class, Ruling, Status};
use rstest::rstest;
use serde_json::{Value, json};

use super::base::{act, decided, facts, said, with};
use super::look::{find, policy_with, says, status, unread};

const BLOCKS: &str = "incidents: { system: pagerduty, severity: { P1: 1, P2: 2, P3: 3 }, block_at: 2, blocks: affected_components, unless: release.fixes(incident), confirmed_by: cto }\n";

#[expect(clippy::needless_pass_by_value, reason = "values are written where they are passed")]
fn incident(severity: Value, components: Value) -> Value {
    with(
        facts(),
        "/incidents",
        json!([{"id": "INC-7", "severity": severity, "components": components, "caused_by": null}]),
    )
}

#[rstest]
#[case(json!("P1"), json!(["shop"]), true)]
#[case(json!("P2"), json!(["till", "shop"]), true)]
#[case(json!("P3"), json!(["shop"]), false)]
#[case(json!("P1"), json!(["till"]), false)]
// What is not known may be the worst, and may be here.
#[case(json!("P1"), json!([]), true)]
#[case(json!("P1"), json!(["Shop"]), true)]
#[case(json!("SEV-0"), json!(["shop"]), true)]
#[case(json!(null), json!(["shop"]), true)]
#[case(unread(), json!(["shop"]), true)]
#[case(json!("P2"), json!(null), true)]
#[case(json!("P2"), unread(), true)]
#[case(json!("P3"), unread(), false)]
fn c3_an_incident_blocks_what_it_affects(#[case] severity: Value, #[case] components: Value, #[case] blocks: bool) {
    let decision = decided(&policy_with(BLOCKS), incident(severity, components));
    assert_eq!(status(&decision, Ground::IncidentBlocks), blocks.then_some(Status::Unmet), "{}", said(&decision));
    assert_eq!(decision.decision == Ruling::Hold, blocks);
    assert_eq!(find(&decision, Ground::NoIncident).is_none(), blocks);
}

#[test]
fn an_incident_blocks_everything_only_where_the_policy_says_so() {
    let everything = policy_with(&BLOCKS.replace("affected_components", "everything"));
    assert_eq!(decided(&everything, incident(json!("P1"), json!(["till"]))).decision, Ruling::Hold);
    assert_eq!(decided(&everything, incident(json!("P3"), json!(["till"]))).decision, Ruling::Proceed);
}

#[test]
fn incidents_that_cannot_be_read_hold_and_none_at_all_do_not() {
    let decision = decided(&policy_with(BLOCKS), with(facts(), "/incidents", unread()));
    assert_eq!(decision.decision, Ruling::Hold);
    assert_eq!(
        decision.summary,
        "held before production: the open incidents could not be read from pagerduty: no answer"
    );
    assert_eq!(decided(&policy_with(BLOCKS), with(facts(), "/incidents", json!(null))).decision, Ruling::Proceed);
}

#[test]
fn the_fix_goes_and_what_is_missing_for_it_is_said_and_asked_for() {
    let record =
        json!({"id": "CHG-1", "state": "New", "components": ["shop"], "from": null, "until": null, "fixes": ["INC-7"]});
    let facts = with(incident(json!("P1"), json!(["shop"])), "/change_record", record);
    let decision = decided(&policy_with(BLOCKS), facts.clone());
    assert_eq!(
        decision.summary,
        "held before production: INC-7 (P1, severity 1) is open and affects shop; wait until it is resolved, or show that \
         this release is its fix; ask ivo or noor to confirm that"
    );
    assert_eq!(says(&decision, Ground::NotAFix), "no cto confirmed that it fixes INC-7; ask ivo or noor");
    assert!(decision.asks.iter().any(|ask| ask.role == "cto" && ask.to == "confirm" && ask.people == ["ivo", "noor"]));
    let confirmed = with(facts, "/acts/-", act("a3", "github:noor", json!({"confirm_fix": {"incident": "INC-7"}})));
    let decision = decided(&policy_with(BLOCKS), confirmed);
    assert_eq!(decision.decision, Ruling::Proceed, "{}", said(&decision));
    assert_eq!(says(&decision, Ground::FixesIncident), "INC-7 does not block its fix, confirmed by noor");
}

#[test]
fn a_policy_that_does_not_speak_of_incidents_looks_at_none() {
    let decision = decided(&policy_with(""), with(facts(), "/incidents", unread()));
    assert_eq!(decision.decision, Ruling::Proceed);
}

#[test]
fn an_environment_where_all_goes_by_itself_goes_on_so_that_a_fix_can_be_tried() {
    for incidents in [json!([{"id": "INC-7", "severity": "P1", "components": ["shop"]}]), unread()] {
        let facts = with(with(facts(), "/incidents", incidents), "/release/environment", json!("staging"));
        assert_eq!(decided(&policy_with(BLOCKS), facts).decision, Ruling::Proceed);
    }
}

/// What is an emergency because of an open incident, or for a vulnerability whatever becomes of it.
const EMERGENCIES: &str = "classes:
  emergency: { when: '(incident.severity <= 1 && release.fixes(incident)) || release.removes(running.vulnerabilities.exploited)' }
incidents: { system: pagerduty, severity: { P1: 1, P2: 2 }, block_at: 2, blocks: affected_components, confirmed_by: cto }
routes:
  normal: { approvals: { accountable: 1 } }
  emergency: { approvals: { accountable: 1 } }
";

#[rstest]
// It is an emergency because of the incident.
#[case(json!(null), true, false)]
// It is one for the vulnerability, so that the incident blocks what is not its fix.
#[case(json!([{"id": "CVE-2026-1", "exploited": true}]), false, true)]
#[case(json!([{"id": "CVE-2026-1", "exploited": true}]), true, false)]
fn an_emergency_passes_the_incident_that_it_is_for(#[case] running: Value, #[case] fixes: bool, #[case] blocks: bool) {
    let record =
        json!({"id": "CHG-1", "state": "New", "components": ["shop"], "from": null, "until": null, "fixes": ["INC-7"]});
    let facts = with(incident(json!("P1"), json!(["shop"])), "/change_record", record);
    let mut facts = with(with(facts, "/release/running", running), "/release/released", json!([]));
    facts["acts"].as_array_mut().unwrap().push(act("a3", "github:bo", json!({"claim_emergency": {}})));
    if fixes {
        let confirms = act("a4", "github:noor", json!({"confirm_fix": {"incident": "INC-7"}}));
        facts["acts"].as_array_mut().unwrap().push(confirms);
    }
    let decision = decided(&policy_with(EMERGENCIES), facts);
    assert_eq!(decision.class, Class::Emergency, "{}", said(&decision));
    assert_eq!(find(&decision, Ground::IncidentBlocks).is_some(), blocks, "{}", said(&decision));
}

#[test]
fn files_that_cannot_be_read_do_not_make_a_release_the_fix_of_what_they_may_touch() {
    let record =
        json!({"id": "CHG-1", "state": "New", "components": ["shop"], "from": null, "until": null, "fixes": ["INC-7"]});
    let facts = with(incident(json!("P1"), json!(["shop"])), "/change_record", record);
    let confirms = act("a3", "github:noor", json!({"confirm_fix": {"incident": "INC-7"}}));
    let facts = with(facts, "/acts/-", confirms);
    let facts = with(facts, "/release/components", json!({}));
    let known = decided(&policy_with(BLOCKS), facts.clone());
    assert!(!said(&known).contains("affects shop, and whether"), "{}", said(&known));
    let unknown = decided(&policy_with(BLOCKS), with(facts, "/release/changes/0/files", unread()));
    assert_eq!(status(&unknown, Ground::IncidentBlocks), Some(Status::Unmet), "{}", said(&unknown));
    assert!(
        says(&unknown, Ground::NotAFix)
            .contains("affects shop, and whether this release changes that could not be read")
    );
}

fn course(turns: Value) -> Value {
    with(incident(json!("P2"), json!(["shop"])), "/incidents/0/course", turns)
}

fn turn(by: &str, what: Value) -> Value {
    let mut turn = json!({"at": "2026-12-08T10:00:00Z", "by": format!("github:{by}")});
    turn.as_object_mut().unwrap().extend(what.as_object().unwrap().clone());
    turn
}

#[rstest]
// `cto` confirms fixes: noor does, and ana wrote the release.
#[case(json!({"over": true}), "noor", false)]
#[case(json!({"over": true}), "ana", true)]
#[case(json!({"over": true}), "bo", true)]
#[case(json!({"severity": "P3"}), "noor", false)]
#[case(json!({"severity": "P3"}), "ana", true)]
#[case(json!({"components": ["till"]}), "noor", false)]
#[case(json!({"components": ["till"]}), "carla", true)]
fn c3_t69_what_makes_less_of_an_incident_counts_only_from_who_confirms_fixes(
    #[case] what: Value,
    #[case] by: &str,
    #[case] blocks: bool,
) {
    let decision = decided(&policy_with(BLOCKS), course(json!([turn(by, what)])));
    assert_eq!(status(&decision, Ground::IncidentBlocks), blocks.then_some(Status::Unmet), "{}", said(&decision));
}

#[test]
fn c3_whoever_makes_an_incident_worse_is_heard_and_makes_no_emergency_by_it() {
    let small = |turns: Value| {
        with(with(course(turns), "/incidents/0/severity", json!("P3")), "/incidents/0/components", json!(["till"]))
    };
    let blocked = |facts: Value| status(&decided(&policy_with(BLOCKS), facts), Ground::IncidentBlocks).is_some();
    assert!(!blocked(small(json!([]))));
    let worse = json!([turn("ana", json!({"severity": "P1"})), turn("zoe", json!({"components": ["till", "shop"]}))]);
    assert!(blocked(small(worse.clone())));
    // Whoever may ends that too, and anybody opens it again.
    let ended = |more: Value| {
        let mut turns = worse.as_array().unwrap().clone();
        turns.push(turn("ivo", json!({"over": true})));
        turns.extend(more.as_array().unwrap().clone());
        small(json!(turns))
    };
    assert!(!blocked(ended(json!([]))));
    assert!(blocked(ended(json!([turn("ana", json!({"over": false}))]))));
    // A clock that is ahead of ours opens it again as well, and ends nothing.
    let ahead =
        |by: &str, over: bool| json!([{"at": "2099-12-08T10:00:00Z", "by": format!("github:{by}"), "over": over}]);
    assert!(blocked(ended(ahead("ana", false))));
    assert!(blocked(course(ahead("noor", true))));
    // What is known to be nobody's takes nothing away.
    let nobody = json!([{"at": "2026-12-08T10:00:00Z", "by": {"unavailable": "gone"}, "over": true}]);
    assert!(blocked(course(nobody)));
}

/// A severity that was taken away is said by a `null`: what has none may be the worst. A turn that says nothing of it
/// leaves it as it is.
#[test]
fn c3_a_severity_that_was_taken_away_is_the_worst() {
    let turned = |turn: Value| {
        let facts = with(incident(json!("P3"), json!(["shop"])), "/incidents/0/course", json!([turn]));
        status(&decided(&policy_with(BLOCKS), facts), Ground::IncidentBlocks)
    };
    let at = "2026-06-01T09:00:00Z";
    assert_eq!(turned(json!({"at": at, "by": "github:noor", "severity": null})), Some(Status::Unmet));
    assert_eq!(turned(json!({"at": at, "by": "github:noor", "components": ["shop"]})), None);
}

/// Clocks of forges count seconds: of two turns of one instant that counts which was told last.
#[test]
fn c3_of_two_turns_of_one_instant_the_last_that_was_told_counts() {
    let at = "2026-06-01T09:00:00Z";
    let called = |severity: &str| json!({"at": at, "by": "github:noor", "severity": severity});
    for (course, blocks) in [(["P1", "P3"], None), (["P3", "P1"], Some(Status::Unmet))] {
        let facts = with(incident(json!("P3"), json!(["shop"])), "/incidents/0/course", json!(course.map(called)));
        assert_eq!(status(&decided(&policy_with(BLOCKS), facts), Ground::IncidentBlocks), blocks);
    }
}
