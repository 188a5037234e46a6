//! Closed hours and freezes.

use countersign::model::ground::Ground;
use countersign::model::release_decision::{Ruling, Status};
use rstest::rstest;
use serde_json::{Value, json};

use super::base::{act, at, decided, facts, said, with};
use super::look::{decided_at, find, policy_with, says, status};

const FRIDAYS: &str = "calendar:
  timezone: Europe/London
  closed: { friday: { hours: 'Fr 08:00-17:00', environments: [production], stops: [deployment] } }
routes: { normal: { approvals: { accountable: 1, security: 1 } } }
";

#[rstest]
#[case("2026-12-11T07:59:59Z", true, "2026-12-11T08:00:00Z")]
#[case("2026-12-11T08:00:00Z", false, "2026-12-11T17:00:00Z")]
#[case("2026-12-11T16:59:59Z", false, "2026-12-11T17:00:00Z")]
#[case("2026-12-11T17:00:00Z", true, "2026-12-18T08:00:00Z")]
// In summer time the same hours are an hour earlier by UTC.
#[case("2026-07-10T06:59:59Z", true, "2026-07-10T07:00:00Z")]
#[case("2026-07-10T15:59:59Z", false, "2026-07-10T16:00:00Z")]
fn w3_closed_hours_begin_and_end_at_their_instants(#[case] now: &str, #[case] open: bool, #[case] next: &str) {
    let mut facts = facts();
    for act in facts["acts"].as_array_mut().unwrap() {
        act["at"] = json!("2026-07-09T10:00:00Z");
    }
    let decision =
        decided_at(&policy_with(FRIDAYS), with(facts, "/release/submitted_at", json!("2026-07-09T09:00:00Z")), now);
    assert_eq!(decision.decision == Ruling::Proceed, open, "{}", said(&decision));
    assert_eq!(decision.revisit.at, Some(at(next)));
    if !open {
        let node = find(&decision, Ground::Closed).unwrap();
        assert_eq!((node.status, node.next), (Status::Waiting, Some(at(next))));
    }
}

#[test]
fn closed_hours_say_until_when_in_the_policys_zone() {
    let decision = decided_at(&policy_with(FRIDAYS), facts(), "2026-12-11T12:00:00Z");
    assert_eq!(
        says(&decision, Ground::Closed),
        "`friday` stops deployments until Fri 11 Dec 2026 17:00 Europe/London (`Fr 08:00-17:00`)"
    );
}

#[test]
fn closed_hours_are_of_their_environments_and_of_what_they_stop() {
    for (from, to) in
        [("environments: [production]", "environments: [staging]"), ("stops: [deployment]", "stops: [approval]")]
    {
        let decision = decided_at(&policy_with(&FRIDAYS.replace(from, to)), facts(), "2026-12-11T12:00:00Z");
        assert_eq!(find(&decision, Ground::Closed), None, "{to}");
    }
    let any = FRIDAYS.replace("security: 1 }", "security: 1 }, hours: any");
    let decision = decided_at(&policy_with(&any), facts(), "2026-12-11T12:00:00Z");
    assert_eq!(status(&decision, Ground::Open), Some(Status::NotNeeded));
}

const FREEZE: &str = "calendar:
  timezone: Europe/London
  freeze: { year-end: { from: 2026-12-18T17:00, to: 2027-01-04T09:00, except: [emergency], exceptions_by: cto } }
routes: { normal: { approvals: { accountable: 1, security: 1 } } }
";

#[rstest]
#[case("2026-12-18T16:59:59Z", true, Some("2026-12-18T17:00:00Z"))]
#[case("2026-12-18T17:00:00Z", false, Some("2027-01-04T09:00:00Z"))]
#[case("2027-01-04T08:59:59Z", false, Some("2027-01-04T09:00:00Z"))]
#[case("2027-01-04T09:00:00Z", true, None)]
fn t38_a_freeze_holds_from_its_first_instant_to_its_last(
    #[case] now: &str,
    #[case] goes: bool,
    #[case] next: Option<&str>,
) {
    let decision = decided_at(&policy_with(FREEZE), facts(), now);
    assert_eq!(decision.decision == Ruling::Proceed, goes, "{}", said(&decision));
    assert_eq!(decision.revisit.at, next.map(at));
    if !goes {
        assert_eq!(
            decision.summary,
            "held before production: the freeze `year-end` is on since Fri 18 Dec 2026 17:00 Europe/London, until Mon 4 Jan \
             2027 09:00 Europe/London; cto may except \
             it; ask ivo or noor"
        );
    }
}

/// What noor says during the freeze.
fn excepted(change: impl Fn(&mut Value)) -> (Ruling, String) {
    let mut exception = act("a3", "github:noor", json!({"except_freeze": {"freeze": "year-end"}}));
    exception["reason"] = json!("the tax table changes on the first of January");
    exception["at"] = json!("2026-12-19T10:00:00Z");
    change(&mut exception);
    let decision = decided_at(&policy_with(FREEZE), with(facts(), "/acts/-", exception), "2026-12-20T12:00:00Z");
    (decision.decision, says(&decision, Ground::FreezeExcepted) + &says(&decision, Ground::Frozen))
}

#[test]
fn a_freeze_is_excepted_by_who_may_with_a_reason_for_this() {
    let (ruling, told) = excepted(|_| {});
    assert_eq!(ruling, Ruling::Proceed);
    assert_eq!(told, "noor lets it go during the freeze `year-end`: the tax table changes on the first of January");
}

#[test]
fn a_freeze_stays_for_everybody_else() {
    type Change = fn(&mut Value);
    let cases: [(Change, &str); 11] = [
        (|act| act["reason"] = json!("\u{200b}\u{a0} "), "ignored noor: it has no reason"),
        (|act| act["reason"] = Value::Null, "ignored noor: it has no reason"),
        (|act| act["by"] = json!("github:bo"), "ignored bo: not in cto"),
        (|act| act["by"] = json!("github:ana"), "ignored ana: wrote commit 3f2a"),
        (|act| act["standing"] = json!("dismissed"), "ignored noor: dismissed"),
        (|act| act["saw"]["environment"] = json!("staging"), "ignored noor: it was for `staging`"),
        (
            |act| act["saw"]["changes"] = json!({"acme/shop#12": "zero"}),
            "ignored noor: it was before the content of acme/shop#12 changed",
        ),
        (|act| act["saw"]["changes"] = json!({}), "ignored noor: does not say which changes were shown"),
        (|act| act["saw"]["components"] = json!({}), "ignored noor: does not say which content of `shop` was shown"),
        (|act| act["saw"]["repository"] = Value::Null, "ignored noor: does not say for which repository"),
        (|act| act["does"]["except_freeze"]["freeze"] = json!("summer"), "is on since"),
    ];
    for (change, why) in cases {
        let (ruling, told) = excepted(change);
        assert_eq!(ruling, Ruling::Hold, "{why}");
        assert!(told.contains(why), "{told}");
    }
    let nobody = FREEZE.replace(", exceptions_by: cto", "");
    let mut exception = act("a3", "github:noor", json!({"except_freeze": {"freeze": "year-end"}}));
    exception["reason"] = json!("because");
    let decision = decided_at(&policy_with(&nobody), with(facts(), "/acts/-", exception), "2026-12-20T12:00:00Z");
    assert!(says(&decision, Ground::Frozen).contains("ignored noor: the freeze has no exceptions"));
}

#[test]
fn a_freeze_beats_any_hours_and_excepts_the_routes_that_it_names() {
    let now = "2026-12-20T12:00:00Z";
    let any = FREEZE.replace("security: 1 }", "security: 1 }, hours: any");
    assert_eq!(decided_at(&policy_with(&any), facts(), now).decision, Ruling::Hold);
    for word in ["normal", "emergency, normal"] {
        let named = FREEZE.replace("except: [emergency]", &format!("except: [{word}]"));
        let decision = decided_at(&policy_with(&named), facts(), now);
        assert_eq!(says(&decision, Ground::FreezeExcepted), "the freeze `year-end` lets normal releases go");
    }
    let elsewhere = FREEZE.replace("except: [emergency]", "environments: [staging]");
    assert_eq!(find(&decided_at(&policy_with(&elsewhere), facts(), now), Ground::Frozen), None);
    assert_eq!(decided(&policy_with(FREEZE), facts()).decision, Ruling::Proceed);
}
