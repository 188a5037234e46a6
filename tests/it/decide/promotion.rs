//! What goes on is what ran before, for long enough; and packages.

use countersign::model::ground::Ground;
use countersign::model::release_decision::{Ruling, Status};
use rstest::rstest;
use serde_json::{Value, json};

use super::base::{at, facts, said, with};
use super::look::{decided_at, deployment, policy_with, says, status, unread};

const NOW: &str = "2026-12-08T12:00:00Z";

const SOAK: &str = "environments:
  staging: { approval: automatic }
  production: { approval: formal, from: staging, same: artifact, soak: 2h }
";

/// One artifact, which ran in staging from ten on.
fn staged() -> Value {
    let facts = with(facts(), "/release/components/shop/artifacts", json!(["aa", "bb"]));
    let mut there = deployment("shop 2.4.0", "staging", "2026-12-08T10:00:00Z", "tree", json!("succeeded"));
    there["components"]["shop"]["artifacts"] = json!(["bb", "aa", "bb"]);
    let mut facts = with(facts, "/deployments", json!([there]));
    for act in facts["acts"].as_array_mut().unwrap() {
        act["saw"]["artifacts"] = json!(["aa", "bb"]);
    }
    facts
}

#[rstest]
#[case("2026-12-08T11:59:59Z", Ground::Soaking, Status::Waiting)]
#[case("2026-12-08T12:00:00Z", Ground::Promoted, Status::Met)]
fn a_soak_ends_at_its_instant(#[case] now: &str, #[case] code: Ground, #[case] wanted: Status) {
    let decision = decided_at(&policy_with(SOAK), staged(), now);
    assert_eq!(status(&decision, code), Some(wanted), "{}", said(&decision));
    assert_eq!(decision.decision == Ruling::Proceed, wanted == Status::Met, "{}", said(&decision));
    if wanted == Status::Waiting {
        assert_eq!(decision.revisit.at, Some(at(NOW)));
        assert_eq!(
            says(&decision, code),
            "shop has to run in staging for 2h, and runs there since Tue 8 Dec 2026 10:00 UTC, 1 s left; enough at Tue 8 \
             Dec 2026 12:00 UTC"
        );
    }
}

#[rstest]
#[case("/deployments", json!(null), Ground::NotPromoted, Status::Unmet)]
#[case("/deployments", unread(), Ground::FactsUnavailable, Status::Unknown)]
#[case("/deployments/0/environment", json!("qa"), Ground::NotPromoted, Status::Unmet)]
#[case("/deployments/0/components", json!({}), Ground::NotPromoted, Status::Unmet)]
#[case("/deployments/0/components/shop/artifacts", json!(["aa"]), Ground::NotPromoted, Status::Unmet)]
#[case("/deployments/0/components/shop/artifacts", json!(["aa", "bb", "cc"]), Ground::NotPromoted, Status::Unmet)]
#[case("/deployments/0/components/shop/artifacts", json!([]), Ground::NotPromoted, Status::Unmet)]
#[case("/deployments/0/components/shop/artifacts", json!(null), Ground::NotPromoted, Status::Unmet)]
#[case("/deployments/0/components/shop/artifacts", unread(), Ground::NotPromoted, Status::Unknown)]
#[case("/release/components/shop/artifacts", unread(), Ground::NotPromoted, Status::Unknown)]
#[case("/deployments/0/outcome", json!("failed"), Ground::NotPromoted, Status::Unmet)]
#[case("/deployments/0/outcome", json!("cancelled"), Ground::NotPromoted, Status::Unmet)]
#[case("/deployments/0/outcome", json!(null), Ground::NotPromoted, Status::Unmet)]
#[case("/deployments/0/outcome", unread(), Ground::NotPromoted, Status::Unknown)]
#[case("/deployments/0/finished_at", json!(null), Ground::NotPromoted, Status::Unmet)]
#[case("/deployments/0/finished_at", unread(), Ground::NotPromoted, Status::Unknown)]
#[case("/deployments/0/finished_at", json!("2026-12-08T12:00:01Z"), Ground::NotPromoted, Status::Unmet)]
fn what_did_not_run_there_holds(
    #[case] place: &str,
    #[case] value: Value,
    #[case] code: Ground,
    #[case] wanted: Status,
) {
    let decision = decided_at(&policy_with(SOAK), with(staged(), place, value), NOW);
    assert_eq!(status(&decision, code), Some(wanted), "{}", said(&decision));
    assert_eq!(decision.decision, Ruling::Hold);
}

#[test]
fn t68_a_rebuild_of_the_same_commit_is_not_what_ran() {
    let decision =
        decided_at(&policy_with(SOAK), with(staged(), "/deployments/0/components/shop/artifacts", json!(["cc"])), NOW);
    assert_eq!(
        says(&decision, Ground::NotPromoted),
        "other artifacts of commit c0ffee ran in staging; what goes on is what ran there, not a rebuild"
    );
    let by_commit = policy_with(&SOAK.replace("same: artifact", "same: commit"));
    let rebuilt = with(staged(), "/deployments/0/components/shop/artifacts", json!(["cc"]));
    assert_eq!(decided_at(&by_commit, rebuilt, NOW).decision, Ruling::Proceed);
    let other = with(staged(), "/deployments/0/commit", json!("dead"));
    assert_eq!(decided_at(&by_commit, other, NOW).decision, Ruling::Hold);
}

#[test]
fn what_has_no_artifacts_is_told_by_its_content() {
    let plain = with(
        facts(),
        "/deployments",
        json!([deployment("x", "staging", "2026-12-08T10:00:00Z", "tree", json!("succeeded"))]),
    );
    assert_eq!(decided_at(&policy_with(SOAK), plain.clone(), NOW).decision, Ruling::Proceed);
    for content in [json!("other"), json!(null), unread()] {
        let other = with(plain.clone(), "/deployments/0/components/shop/content", content);
        assert_eq!(decided_at(&policy_with(SOAK), other, NOW).decision, Ruling::Hold);
    }
}

#[rstest]
// Something else took its place an hour later.
#[case("2026-12-08T11:00:00Z", json!("succeeded"), Some(Status::Unmet))]
#[case("2026-12-08T11:00:00Z", json!("failed"), Some(Status::Unmet))]
#[case("2026-12-08T11:00:00Z", json!(null), Some(Status::Unmet))]
#[case("2026-12-08T11:00:00Z", json!("cancelled"), None)]
// At the very instant, so that nobody knows which of the two ran; and before it.
#[case("2026-12-08T10:00:00Z", json!("succeeded"), Some(Status::Unmet))]
#[case("2026-12-08T09:59:59Z", json!("succeeded"), None)]
// It had run for long enough by then.
#[case("2026-12-08T12:00:00Z", json!("succeeded"), None)]
fn a_soak_is_one_stretch(#[case] opened: &str, #[case] outcome: Value, #[case] wanted: Option<Status>) {
    let mut facts = staged();
    facts["deployments"].as_array_mut().unwrap().push(deployment("shop 2.5.0", "staging", opened, "new", outcome));
    let decision = decided_at(&policy_with(SOAK), facts.clone(), "2026-12-08T13:00:00Z");
    assert_eq!(status(&decision, Ground::Soaking), wanted, "{}", said(&decision));
    if wanted.is_some() {
        assert!(says(&decision, Ground::Soaking).contains("`shop 2.5.0` took its place"));
        // Put there again, it starts anew.
        let mut again = facts["deployments"][0].clone();
        again["opened_at"] = json!("2026-12-08T11:30:00Z");
        again["finished_at"] = json!("2026-12-08T11:30:00Z");
        facts["deployments"].as_array_mut().unwrap().push(again);
        let decision = decided_at(&policy_with(SOAK), facts, "2026-12-08T13:00:00Z");
        assert_eq!(status(&decision, Ground::Soaking), Some(Status::Waiting));
        assert!(says(&decision, Ground::Soaking).contains("enough at Tue 8 Dec 2026 13:30 UTC"));
    }
}
