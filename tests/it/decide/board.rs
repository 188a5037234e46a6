//! The change advisory board.

use countersign::model::ground::Ground;
use countersign::model::release_decision::{Ruling, Status};
use rstest::rstest;
use serde_json::{Value, json};

use super::base::{at, facts, said, with};
use super::look::{decided_at, find, policy_with, says, status, unread};

const NOW: &str = "2026-12-09T12:00:00Z";

const BOARD: &str = "calendar:
  timezone: Europe/London
  cab: { meetings: \"DTSTART;TZID=Europe/London:20260106T140000\\nRRULE:FREQ=WEEKLY;BYDAY=TU,TH\", cutoff: 24h, chair: chair, quorum: 2 }
roles:
  owner: { members: ['github:@acme/owners'] }
  security: { members: ['github:@acme/appsec'] }
  chair: { members: ['github:zoe'] }
  cab: { members: ['github:ivo', 'github:noor', 'github:ana'] }
waivers: { by: chair, max: 30d, needs: [reason] }
routes: { normal: { approvals: { accountable: 1, security: 1 }, cab: { when: release.changes >= 1 } } }
";

/// Tuesday's meeting, which approves.
fn decided_by_board() -> Value {
    let decision = json!({"meeting": "2026-12-08T14:00:00Z", "at": "2026-12-08T14:10:00Z", "outcome": "approve",
                          "chair": "github:zoe", "attendees": ["github:ivo", "github:noor"],
                          "environment": "production", "repository": "acme/shop",
                          "changes": {"acme/shop#12": "one"}, "notes": "no questions"});
    let facts = with(facts(), "/release/submitted_at", json!("2026-12-07T09:00:00Z"));
    with(facts, "/cab", json!([decision]))
}

#[test]
fn the_boards_approval_lets_it_go_and_says_who_was_there() {
    let decision = decided_at(&policy_with(BOARD), decided_by_board(), NOW);
    assert_eq!(decision.decision, Ruling::Proceed, "{}", said(&decision));
    assert_eq!(
        says(&decision, Ground::CabApproved),
        "the CAB approved it on Tue 8 Dec 2026 14:10 Europe/London, zoe in the chair, with ivo and noor: no questions"
    );
}

#[rstest]
#[case("/cab/0/meeting", json!("2026-12-08T15:00:00Z"), "no meeting is scheduled for Tue 8 Dec 2026 15:00 Europe/London")]
#[case("/cab/0/meeting", json!("2026-12-09T14:00:00Z"), "no meeting is scheduled for Wed 9 Dec")]
#[case("/cab/0/meeting", json!("2026-12-10T14:00:00Z"), "it is dated before its meeting")]
#[case("/cab/0/meeting", json!(null), "it was a vote outside of meetings")]
#[case("/cab/0/meeting", unread(), "in which meeting could not be read")]
#[case("/cab/0/chair", json!("github:ivo"), "the chair ivo: not in chair")]
#[case("/cab/0/chair", json!(null), "nobody chaired; a chair does")]
#[case("/cab/0/chair", unread(), "who chaired could not be read")]
#[case("/cab/0/attendees", json!(["github:ivo"]), "1 of 2 members were there")]
#[case("/cab/0/attendees", json!(["github:ivo", "github:ivo"]), "1 of 2 members were there")]
#[case("/cab/0/attendees", json!(["github:ivo", "github:ana"]), "1 of 2 members were there (ignored ana: wrote commit 3f2a)")]
#[case("/cab/0/attendees", json!(["github:ivo", "github:bo"]), "1 of 2 members were there (ignored bo: not in cab)")]
#[case("/cab/0/attendees", json!(null), "0 of 2 members were there")]
#[case("/cab/0/attendees", unread(), "who attended could not be read")]
#[case("/accounts/github:noor/active", json!(false), "(ignored noor: the account is deactivated)")]
#[case("/cab/0/changes", json!({"acme/shop#12": "zero"}), "is about other content of acme/shop#12")]
#[case("/cab/0/changes", json!({"acme/shop#12": "one", "acme/shop#13": "one"}), "is about other content")]
#[case("/cab/0/changes", json!({}), "is about other content of acme/shop#12")]
fn c6_a_decision_counts_only_as_the_policy_says(#[case] place: &str, #[case] value: Value, #[case] why: &str) {
    let decision = decided_at(&policy_with(BOARD), with(decided_by_board(), place, value), NOW);
    assert_eq!(status(&decision, Ground::CabWaits), Some(Status::Waiting), "{}", said(&decision));
    assert!(says(&decision, Ground::CabInvalid).contains(why), "{}", says(&decision, Ground::CabInvalid));
    assert_eq!(decision.decision, Ruling::Hold);
}

#[test]
fn until_it_decides_the_release_says_which_meeting_it_is_on() {
    let waiting = |submitted: &str| {
        let facts = with(decided_by_board(), "/cab", json!(null));
        decided_at(&policy_with(BOARD), with(facts, "/release/submitted_at", json!(submitted)), "2026-12-07T15:00:00Z")
    };
    let decision = waiting("2026-12-07T14:00:00Z");
    assert_eq!(
        says(&decision, Ground::CabWaits),
        "the CAB has not decided yet; it is on the agenda of the meeting on Tue 8 Dec 2026 14:00 Europe/London (cut-off \
         Mon 7 Dec 2026 14:00 Europe/London)"
    );
    assert_eq!(find(&decision, Ground::CabWaits).unwrap().next, Some(at("2026-12-08T14:00:00Z")));
    assert!(decision.asks.iter().any(|ask| ask.role == "cab" && ask.to == "decide" && ask.people == ["ivo", "noor"]));
    assert!(says(&waiting("2026-12-07T14:00:01Z"), Ground::CabWaits).contains("Thu 10 Dec 2026 14:00"));
}

#[test]
fn a_board_that_cannot_be_read_holds() {
    let decision = decided_at(&policy_with(BOARD), with(decided_by_board(), "/cab", unread()), NOW);
    assert_eq!(decision.summary, "held before production: what the CAB decided could not be read: no answer");
}

#[rstest]
#[case(json!(true), None)]
#[case(json!(false), Some(Status::Unmet))]
#[case(json!(null), Some(Status::Unmet))]
#[case(unread(), Some(Status::Unknown))]
fn conditions_have_to_be_met(#[case] met: Value, #[case] wanted: Option<Status>) {
    let facts = with(decided_by_board(), "/cab/0/outcome", json!("approve_with_conditions"));
    let conditions = json!([{"text": "backups are checked", "met": true}, {"text": "support is told", "met": met}]);
    let decision = decided_at(&policy_with(BOARD), with(facts, "/cab/0/conditions", conditions), NOW);
    assert_eq!(status(&decision, Ground::CabCondition), wanted, "{}", said(&decision));
    assert_eq!(decision.decision == Ruling::Proceed, wanted.is_none());
}

#[test]
fn conditions_hold_whatever_the_decision_is_called() {
    let with_conditions = |conditions: Value| with(decided_by_board(), "/cab/0/conditions", conditions);
    let open =
        decided_at(&policy_with(BOARD), with_conditions(json!([{"text": "support is told", "met": false}])), NOW);
    assert_eq!(status(&open, Ground::CabCondition), Some(Status::Unmet), "{}", said(&open));
    let met = decided_at(&policy_with(BOARD), with_conditions(json!([{"text": "support is told", "met": true}])), NOW);
    assert_eq!(met.decision, Ruling::Proceed, "{}", said(&met));
}

/// A second decision, on Thursday.
fn later(outcome: &str, attendees: Value) -> Value {
    let mut facts = decided_by_board();
    let mut second = facts["cab"][0].clone();
    second["meeting"] = json!("2026-12-10T14:00:00Z");
    second["at"] = json!("2026-12-10T14:05:00Z");
    second["outcome"] = json!(outcome);
    second["attendees"] = attendees;
    facts["cab"].as_array_mut().unwrap().push(second);
    facts
}

#[test]
fn the_latest_decision_that_counts_rules() {
    let all = json!(["github:ivo", "github:noor"]);
    let after = "2026-12-10T15:00:00Z";
    let policy = policy_with(BOARD).replace("security: 1 }", "security: 1, expire: 90d }");
    for (outcome, code, wanted) in [
        ("approve", Ground::CabApproved, Status::Met),
        ("defer", Ground::CabDeferred, Status::Waiting),
        ("reject", Ground::CabRejected, Status::Unmet),
    ] {
        let decision = decided_at(&policy, later(outcome, all.clone()), after);
        assert_eq!(status(&decision, code), Some(wanted), "{}", said(&decision));
        // By a clock that is a second behind the board's, what is against it is heard all the same.
        let early = if outcome == "approve" { Ruling::Proceed } else { Ruling::Hold };
        assert_eq!(decided_at(&policy, later(outcome, all.clone()), "2026-12-10T14:04:59Z").decision, early);
    }
    assert!(
        says(&decided_at(&policy, later("defer", all), after), Ground::CabDeferred)
            .contains("the meeting on Tue 15 Dec 2026 14:00 Europe/London")
    );
    // One without a quorum: an approval adds nothing, anything else leaves no approval standing.
    let few = json!(["github:ivo"]);
    assert_eq!(decided_at(&policy, later("approve", few.clone()), after).decision, Ruling::Proceed);
    for outcome in ["defer", "reject"] {
        assert_eq!(decided_at(&policy, later(outcome, few.clone()), after).decision, Ruling::Hold, "{outcome}");
        assert_eq!(decided_at(&policy, later(outcome, unread()), after).decision, Ruling::Hold, "{outcome}");
    }
}

#[test]
fn a_vote_counts_where_the_policy_has_votes() {
    let policy = policy_with(&BOARD.replace("quorum: 2", "quorum: 2, votes: anytime"));
    let vote = with(with(decided_by_board(), "/cab/0/meeting", json!(null)), "/cab/0/chair", json!(null));
    assert_eq!(decided_at(&policy, vote.clone(), NOW).decision, Ruling::Proceed);
    let few = with(vote, "/cab/0/attendees", json!(["github:ivo"]));
    assert_eq!(decided_at(&policy, few, NOW).decision, Ruling::Hold);
}

#[test]
fn the_board_sees_what_the_route_says() {
    let by_impact = BOARD.replace("cab: { when: release.changes >= 1 }", "cab: { when: release.lines >= 100 }");
    let facts = |lines: Value| with(with(decided_by_board(), "/cab", json!(null)), "/release/changes/0/lines", lines);
    assert_eq!(decided_at(&policy_with(&by_impact), facts(json!(99)), NOW).decision, Ruling::Proceed);
    for lines in [json!(100), unread()] {
        assert_eq!(
            status(&decided_at(&policy_with(&by_impact), facts(lines), NOW), Ground::CabWaits),
            Some(Status::Waiting)
        );
    }
}

/// The same with a later word against it, which says what it is about.
fn and_then_rejected(about: &[(&str, Value)]) -> Value {
    let mut rejected = decided_by_board()["cab"][0].clone();
    rejected["at"] = json!("2026-12-08T14:20:00Z");
    rejected["outcome"] = json!("reject");
    for (field, value) in about {
        rejected[*field] = value.clone();
    }
    with(decided_by_board(), "/cab/-", rejected)
}

#[rstest]
#[case::a_change_that_goes(&[("components", json!({"shop": "another tree"}))], false)]
#[case::what_is_made_of_them_alone(&[("changes", json!({})), ("components", json!({"shop": "tree"}))], false)]
#[case::something_else(&[("changes", json!({})), ("components", json!({"shop": "another tree"}))], true)]
#[case::a_change_of_other_content(&[("changes", json!({"acme/shop#12": "zero"})), ("components", json!({"shop": "tree"}))], true)]
fn c6_a_word_against_part_of_what_goes_is_heard(#[case] about: &[(&str, Value)], #[case] goes: bool) {
    let decision = decided_at(&policy_with(BOARD), and_then_rejected(about), NOW);
    assert_eq!(decision.decision == Ruling::Proceed, goes, "{}", said(&decision));
}
