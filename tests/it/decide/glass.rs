//! Break-glass, and what follows a release.

use countersign::model::ground::Ground;
use countersign::model::release_decision::{Class, Ruling, Status};
use rstest::rstest;
use serde_json::{Value, json};

use super::base::{at, decided, facts, said, with};
use super::look::{decided_at, find, policy_with, says, status, unread};

const GLASS: &str = "break_glass: { grant_by: [cto, security], people: 2, releases: 1, expires: 4h }
routes:
  normal: { approvals: { accountable: 1, security: 1 } }
  emergency: { approvals: { cto: 1 }, then: { validate: { by: security, within: 4h, needs: evidence }, audit: { by: cto, within: 1bd } } }
";

/// Noor and Sue signed at eight; it went at nine without anybody's approval.
fn granted() -> Value {
    let grant = json!({"id": "g1", "repository": "acme/shop", "components": ["shop"], "expires_at": null, "artifacts": null, "environment": "production", "commit": "c0ffee", "signed_by": ["github:noor", "github:sue"],
                       "granted_at": "2026-12-08T08:00:00Z", "used_at": ["2026-12-08T09:00:00Z"],
                       "opened_at": "2026-12-08T09:00:00Z"});
    with(with(facts(), "/acts", json!([])), "/release/break_glass", grant)
}

#[test]
fn a_grant_of_two_opens_one_release_as_an_emergency_with_all_its_debts() {
    let aside = with(granted(), "/release/reference/on_default", json!(false));
    let decision = decided_at(&policy_with(GLASS), aside, "2026-12-08T11:59:59Z");
    assert_eq!((decision.decision, decision.class), (Ruling::Proceed, Class::Emergency), "{}", said(&decision));
    assert_eq!(
        says(&decision, Ground::BreakGlass),
        "it went under the grant `g1` of noor and sue on Tue 8 Dec 2026 09:00 UTC, as an emergency"
    );
    let owed: Vec<_> = decision.obligations.iter().map(|it| (it.kind.as_str(), it.from, it.due)).collect();
    let from = at("2026-12-08T09:00:00Z");
    assert_eq!(
        owed,
        [
            ("validate", from, Some(at("2026-12-08T13:00:00Z"))),
            ("audit", from, Some(at("2026-12-09T09:00:00Z"))),
            ("back_merge", from, None),
        ]
    );
}

#[rstest]
#[case("environment", json!("staging"), "it is for `staging`")]
#[case("commit", json!("dead"), "it is for commit dead, and c0ffee was released")]
#[case("signed_by", json!(["github:noor"]), "1 of 2 people signed it who may")]
#[case("signed_by", json!(["github:noor", "github:noor"]), "1 of 2 people signed it who may (noor signed twice)")]
#[case("signed_by", json!(["github:noor", "github:bo"]), "1 of 2 people signed it who may (bo: not in cto)")]
#[case("signed_by", json!([]), "0 of 2 people signed it who may")]
#[case("granted_at", json!("2026-12-08T05:00:00Z"), "it was used after it ended Tue 8 Dec 2026 09:00 UTC")]
#[case("granted_at", json!("2026-12-08T09:00:01Z"), "it was used before it was granted")]
#[case("used_at", json!(["2026-12-08T08:30:00Z", "2026-12-08T09:00:00Z"]), "it is for 1 release, and this was use 2")]
#[case("used_at", json!(["2026-12-08T09:00:00Z", "2026-12-08T09:00:00Z"]), "this was use 2")]
#[case("used_at", json!([]), "this use of it is not recorded")]
#[case("components", json!(["till"]), "it is not for `shop`, which was released")]
#[case("components", json!({"unavailable": "torn"}), "for which components it is could not be read: torn")]
#[case("expires_at", json!("2026-12-08T09:00:00Z"), "it was used after it ended Tue 8 Dec 2026 09:00 UTC")]
#[case("expires_at", json!({"unavailable": "torn"}), "when it ends could not be read: torn")]
fn t70_a_grant_that_did_not_hold_is_flagged(#[case] field: &str, #[case] value: Value, #[case] why: &str) {
    let decision = decided(&policy_with(GLASS), with(granted(), &format!("/release/break_glass/{field}"), value));
    assert_eq!((decision.decision, decision.class), (Ruling::Hold, Class::Normal), "{}", said(&decision));
    let node = find(&decision, Ground::BreakGlassRefused).unwrap();
    assert_eq!(node.status, Status::Unmet);
    assert!(node.says.contains(why), "{}", node.says);
}

#[test]
fn the_first_use_holds_though_a_second_came_later_and_the_last_second_is_in_time() {
    let again =
        with(granted(), "/release/break_glass/used_at", json!(["2026-12-08T09:00:00Z", "2026-12-08T09:30:00Z"]));
    assert_eq!(decided_at(&policy_with(GLASS), again, "2026-12-08T10:00:00Z").decision, Ruling::Proceed);
    let late = with(granted(), "/release/break_glass/granted_at", json!("2026-12-08T05:00:01Z"));
    assert_eq!(decided_at(&policy_with(GLASS), late, "2026-12-08T09:00:00Z").decision, Ruling::Proceed);
}

/// Its run may be tried again within the hours of the grant or the time for a retry, and its debts stay.
#[rstest]
#[case("", "2026-12-08T11:59:59Z", Ruling::Proceed)]
#[case("", "2026-12-08T12:00:00Z", Ruling::Hold)]
#[case("retry_within: 24h\n", "2026-12-09T08:59:59Z", Ruling::Proceed)]
#[case("retry_within: 24h\n", "2026-12-09T09:00:00Z", Ruling::Hold)]
#[case("retry_within: 1h\n", "2026-12-08T11:59:59Z", Ruling::Proceed)]
fn t70_what_went_under_a_grant_may_not_go_for_ever(#[case] retry: &str, #[case] now: &str, #[case] ruling: Ruling) {
    let decision = decided_at(&policy_with(&format!("{retry}{GLASS}")), granted(), now);
    assert_eq!(decision.decision, ruling, "{}", said(&decision));
    assert_eq!(status(&decision, Ground::BreakGlass).is_some_and(|it| it == Status::Met), ruling == Ruling::Proceed);
    assert!(decision.obligations.iter().any(|it| it.kind == "validate"), "{}", said(&decision));
}

#[test]
fn without_a_rule_or_a_grant_nothing_opens() {
    let decision = decided(&policy_with(""), granted());
    assert_eq!(status(&decision, Ground::BreakGlassRefused), Some(Status::Unmet));
    for grant in [json!(null), unread()] {
        let decision = decided(&policy_with(GLASS), with(granted(), "/release/break_glass", grant));
        assert_eq!((decision.decision, find(&decision, Ground::BreakGlassRefused)), (Ruling::Hold, None));
    }
    let future = decided_at(&policy_with(GLASS), granted(), "2026-12-08T08:59:59Z");
    assert!(says(&future, Ground::BreakGlassRefused).contains("its use is yet to come"));
}
