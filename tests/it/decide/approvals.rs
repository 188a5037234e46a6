//! What an approval binds to, who fills what, and what becomes of rejections.

use countersign::decide::release::{decide, decide_between};
use countersign::model::ground::Ground;
use countersign::model::release_decision::{Ruling, Status};
use serde_json::{Value, json};

use super::base::{POLICY, act, approves, at, codes, decided, evidence, facts, now, policy, read, said, with};
use super::look::policy_with;

#[test]
fn two_roles_and_two_people_let_it_go() {
    let decision = decided(POLICY, facts());
    assert_eq!(decision.decision, Ruling::Proceed, "{}", said(&decision));
    assert_eq!(decision.counted, ["a1", "a2"]);
    assert!(
        decision.summary.starts_with("production may proceed: 1 of 1 approvals from owner: bo"),
        "{}",
        decision.summary
    );
    // Both approvals last a day.
    assert_eq!(decision.revisit.at, Some(at("2026-12-09T10:00:00Z")));
}

#[test]
fn what_is_missing_is_asked_of_people_by_name() {
    let decision = decided(POLICY, with(facts(), "/acts", json!([approves("a1", "github:bo")])));
    assert_eq!(
        decision.summary,
        "held before production: 0 of 1 approvals from security; ask seth or sue to approve it"
    );
    assert_eq!(decision.asks.len(), 1);
    assert_eq!(decision.asks[0].people, ["seth", "sue"]);
}

#[test]
fn an_approval_is_for_this_release_here_with_this_content() {
    for (place, value, code) in [
        ("/acts/0/saw/environment", json!("staging"), Ground::OtherEnvironment),
        ("/acts/0/saw/repository", json!("mallory/shop"), Ground::OtherRepository),
        ("/acts/0/saw/changes", json!({"acme/shop#12": "zero"}), Ground::OtherContent),
        ("/acts/0/saw/changes", json!({}), Ground::OtherContent),
        ("/acts/0/saw/artifacts", json!(["aa"]), Ground::OtherArtifact),
        ("/acts/0/saw/parts", json!({"ledger": "x"}), Ground::PartChanged),
        ("/acts/0/saw/requirements", json!({"owner": "0123456789abcdef"}), Ground::RequirementChanged),
        ("/acts/0/via", json!("review"), Ground::OtherPlace),
        ("/acts/0/standing", json!("edited"), Ground::Edited),
        ("/acts/0/standing", json!("dismissed"), Ground::Dismissed),
        ("/acts/0/impersonated_by", json!("github:zoe"), Ground::Impersonated),
        ("/acts/0/impersonated_by", json!({"unavailable": "the forge did not answer"}), Ground::ActorUnknown),
        ("/acts/0/at", json!("2026-12-07T12:00:00Z"), Ground::Expired),
    ] {
        let decision = decided(POLICY, with(facts(), place, value.clone()));
        assert_eq!(decision.decision, Ruling::Hold, "{place} {value}");
        assert!(codes(&decision).contains(&code), "{place} {value}: {}", said(&decision));
    }
}

#[test]
fn an_approval_names_the_requirement_that_it_was_for() {
    let first = decided(POLICY, facts());
    let digest = |role: &str| {
        let of = format!("from {role}");
        first.tree.parts.iter().find(|node| node.says.contains(&of)).unwrap().digest.clone().unwrap()
    };
    let shown = json!({"owner": digest("owner"), "security": digest("security")});
    let known = with(facts(), "/acts/0/saw/requirements", shown);
    assert_eq!(decided(POLICY, known.clone()).decision, Ruling::Proceed);
    // Other hours void nothing; another length does.
    let hours = POLICY.replace("people:\n", "calendar: { business_hours: Mo-Sa 08:00-18:00 }\npeople:\n");
    assert_eq!(decided(&hours, known.clone()).decision, Ruling::Proceed);
    let longer = POLICY.replace("expire: 24h", "expire: 48h");
    let decision = decided(&longer, known);
    assert!(codes(&decision).contains(&Ground::RequirementChanged), "{}", said(&decision));
}

#[test]
fn the_end_of_an_approval_is_outside() {
    let policy = policy(POLICY);
    let facts = read(facts());
    let ruling = |now: &str| decide(&policy, &facts, at(now)).decision;
    assert_eq!(ruling("2026-12-09T09:59:59Z"), Ruling::Proceed);
    assert_eq!(ruling("2026-12-09T10:00:00Z"), Ruling::Hold);
    assert_eq!(ruling("2026-12-08T09:59:59Z"), Ruling::Hold);
}

#[test]
fn one_person_fills_one_requirement_and_never_locks_another() {
    let both = json!([
        {"account": "github:sue", "joined": null}, {"account": "github:bo", "joined": null}
    ]);
    let groups = with(facts(), "/groups/github:@acme~1appsec", both);
    let only = decided(POLICY, with(groups.clone(), "/acts", json!([approves("a1", "github:bo")])));
    assert_eq!(only.decision, Ruling::Hold);
    let shared = POLICY.replace("rejection:", "separation: { distinct_people: false }\nrejection:");
    let alone = decided(&shared, with(groups.clone(), "/acts", json!([approves("a1", "github:bo")])));
    assert_eq!(alone.decision, Ruling::Proceed, "{}", said(&alone));
    // Bo could stand for both; carla takes the owners' seat, and bo moves.
    let moved = with(groups, "/acts", json!([approves("a1", "github:bo"), approves("a2", "github:carla")]));
    let moved = decided(POLICY, moved);
    assert_eq!(moved.decision, Ruling::Proceed, "{}", said(&moved));
    assert!(
        said(&moved).contains("from owner: carla") && said(&moved).contains("from security: bo"),
        "{}",
        said(&moved)
    );
}

#[test]
fn every_change_is_covered_by_somebody() {
    let mut more = facts().pointer("/release/changes/0").unwrap().clone();
    more["id"] = json!("acme/shop#13");
    let two = with(facts(), "/release/changes/-", more);
    let shown = |id: &str, by: &str, changes: Value| {
        let mut act = approves(id, by);
        act["saw"]["changes"] = changes;
        act
    };
    let (first, second) = (json!({"acme/shop#12": "one"}), json!({"acme/shop#13": "one"}));
    let all = json!({"acme/shop#12": "one", "acme/shop#13": "one"});
    let acts = |acts: Vec<Value>| decided(POLICY, with(two.clone(), "/acts", json!(acts)));
    let sue = shown("s", "github:sue", all);
    let missing = acts(vec![shown("a", "github:bo", first.clone()), sue.clone()]);
    assert_eq!(missing.decision, Ruling::Hold);
    assert!(said(&missing).contains("acme/shop#13 (commit 3f2a) is not covered"), "{}", said(&missing));
    let one = acts(vec![shown("a", "github:bo", first.clone()), shown("b", "github:bo", second.clone()), sue.clone()]);
    assert_eq!(one.decision, Ruling::Proceed, "{}", said(&one));
    let shared = acts(vec![shown("a", "github:bo", first), shown("b", "github:carla", second), sue]);
    assert_eq!(shared.decision, Ruling::Proceed, "{}", said(&shared));
    assert!(said(&shared).contains("bo (acme/shop#12), carla (acme/shop#13)"), "{}", said(&shared));
}

#[test]
fn going_back_binds_to_the_content_of_the_component() {
    let back = with(facts(), "/release/changes", json!(null));
    let unsaid = with(back.clone(), "/acts/0/saw/components", json!({}));
    assert_eq!(decided(POLICY, unsaid).decision, Ruling::Hold);
    let mut acts = [approves("a1", "github:bo"), approves("a2", "github:sue")];
    for act in &mut acts {
        act["saw"]["components"] = json!({"shop": "tree"});
        act["saw"]["changes"] = json!({});
    }
    let seen = with(back, "/acts", json!(acts));
    let decision = decided(POLICY, seen.clone());
    assert_eq!(decision.decision, Ruling::Proceed, "{}", said(&decision));
    for content in [json!("other"), json!(null), json!({"unavailable": "no"})] {
        let other = with(seen.clone(), "/release/components/shop/content", content.clone());
        assert_eq!(decided(POLICY, other).decision, Ruling::Hold, "{content}");
    }
}

#[test]
fn a_review_counts_where_the_route_says_so_and_what_landed_is_what_was_reviewed() {
    let text = POLICY.replace("expire: 24h", "expire: 24h, counts_from: [review, page]");
    let mut review = approves("a1", "github:bo");
    review["via"] = json!("review");
    review["saw"] = json!({"repository": "acme/shop", "changes": {"acme/shop#12": "one"}});
    let reviewed = with(facts(), "/acts/0", review);
    assert_eq!(decided(POLICY, reviewed.clone()).decision, Ruling::Hold);
    assert_eq!(decided(&text, reviewed.clone()).decision, Ruling::Proceed);
    let landed = |reviewed_tree: Value, clean: Value| {
        let landing = json!({"tree": "t", "reviewed": reviewed_tree, "clean_merge": clean, "differs": ["src/a.rs"]});
        decided(&text, with(reviewed.clone(), "/release/changes/0/landed", landing))
    };
    assert_eq!(landed(json!("t"), json!(null)).decision, Ruling::Proceed);
    assert_eq!(landed(json!("r"), json!("t")).decision, Ruling::Proceed);
    let other = landed(json!("r"), json!("m"));
    assert!(codes(&other).contains(&Ground::TreeMismatch) && said(&other).contains("src/a.rs"), "{}", said(&other));
    assert_eq!(landed(json!({"unavailable": "no"}), json!({"unavailable": "no"})).decision, Ruling::Hold);
    let unread = with(reviewed, "/release/changes/0/landed", json!({"unavailable": "no"}));
    assert_eq!(decided(&text, unread).decision, Ruling::Hold);
}

#[test]
fn the_latest_word_counts_and_nothing_revives() {
    let then = |acts: Vec<Value>| {
        let mut all = vec![approves("a1", "github:bo"), approves("a2", "github:sue")];
        all.extend(acts);
        decided(POLICY, with(facts(), "/acts", json!(all)))
    };
    let mut dismissed = approves("a3", "github:bo");
    dismissed["at"] = json!("2026-12-08T11:00:00Z");
    dismissed["standing"] = json!("dismissed");
    assert_eq!(then(vec![dismissed.clone()]).decision, Ruling::Hold);
    // One more approval that stands takes nothing away, whatever it saw.
    let mut more = dismissed;
    more["standing"] = json!("stands");
    more["saw"] = json!({"environment": "production", "changes": {"acme/shop#12": "older"}});
    let more = then(vec![more]);
    assert_eq!(more.decision, Ruling::Proceed, "{}", said(&more));
    // What somebody does under another's name takes nothing away either.
    let mut admin = act("a4", "github:bo", json!({"reject": {}}));
    admin["impersonated_by"] = json!("github:zoe");
    let admin = then(vec![admin]);
    assert_eq!(admin.decision, Ruling::Proceed, "{}", said(&admin));
}

fn rejects(id: &str, by: &str, reason: Option<&str>) -> Value {
    let mut rejection = act(id, by, json!({"reject": {}}));
    rejection["reason"] = json!(reason);
    rejection
}

const REASON: &str = "the migration cannot be reversed yet";

#[test]
fn a_rejection_holds_until_it_is_taken_back_replaced_or_overruled() {
    let rejected = with(facts(), "/acts/-", rejects("r1", "github:carla", Some(REASON)));
    let decision = decided(POLICY, rejected.clone());
    assert_eq!(decision.decision, Ruling::Hold);
    assert!(decision.summary.contains("carla rejects it: the migration"), "{}", decision.summary);
    let back = with(rejected.clone(), "/acts/-", act("w", "github:carla", json!({"withdraw": {"of": "r1"}})));
    assert_eq!(decided(POLICY, back).decision, Ruling::Proceed);
    let other = with(rejected.clone(), "/acts/-", act("w", "github:zoe", json!({"withdraw": {"of": "r1"}})));
    assert_eq!(decided(POLICY, other).decision, Ruling::Hold);
    // Nobody lifts it by editing what she wrote, or by editing another comment of hers into an approval.
    let edited = with(rejected.clone(), "/acts/2/standing", json!("edited"));
    assert_eq!(decided(POLICY, edited).decision, Ruling::Hold);
    let mut forged = approves("a9", "github:carla");
    forged["at"] = json!("2026-12-08T11:00:00Z");
    forged["standing"] = json!("edited");
    assert_eq!(decided(POLICY, with(rejected.clone(), "/acts/-", forged.clone())).decision, Ruling::Hold);
    forged["standing"] = json!("stands");
    assert_eq!(decided(POLICY, with(rejected.clone(), "/acts/-", forged)).decision, Ruling::Proceed);
    // Two days later the final authority is asked, and speaks.
    let mut word = approves("f", "github:noor");
    word["at"] = json!("2026-12-10T10:00:00Z");
    let fresh = |facts: Value| {
        let facts = with(facts, "/acts/0/at", json!("2026-12-10T09:30:00Z"));
        with(facts, "/acts/1/at", json!("2026-12-10T09:30:00Z"))
    };
    let later = |facts: Value, now: &str| decide(&policy(POLICY), &read(fresh(facts)), at(now));
    let overruled = later(with(rejected.clone(), "/acts/-", word.clone()), "2026-12-10T10:00:00Z");
    assert_eq!(overruled.decision, Ruling::Proceed, "{}", said(&overruled));
    let mut early = word;
    early["at"] = json!("2026-12-08T10:00:00Z");
    let early = later(with(rejected, "/acts/-", early), "2026-12-10T10:00:00Z");
    assert_eq!(early.decision, Ruling::Hold, "a word before the rejection does not overrule it");
}

#[test]
fn the_final_authority_ends_it_once_it_is_asked() {
    let rejected = with(facts(), "/acts/-", rejects("r1", "github:noor", Some(REASON)));
    let facts = read(rejected);
    let before = decide(&policy(POLICY), &facts, at("2026-12-10T08:59:59Z"));
    assert_eq!(before.decision, Ruling::Hold);
    let after = decide(&policy(POLICY), &facts, at("2026-12-10T09:00:00Z"));
    assert_eq!(after.decision, Ruling::Reject, "{}", said(&after));
    assert_eq!(after.summary, format!("rejected before production by noor: {REASON}"));
}

#[test]
fn a_rejection_without_a_reason_lapses_and_one_that_cannot_be_judged_holds() {
    let policy = policy(POLICY);
    let silent = read(with(facts(), "/acts/-", rejects("r1", "github:carla", Some("....................."))));
    let decision = decide(&policy, &silent, at("2026-12-08T11:29:59Z"));
    assert_eq!((decision.decision, decision.revisit.at), (Ruling::Hold, Some(at("2026-12-08T11:30:00Z"))));
    let lapsed = decide(&policy, &silent, at("2026-12-08T11:30:00Z"));
    assert_eq!(lapsed.decision, Ruling::Proceed);
    assert!(codes(&lapsed).contains(&Ground::RejectionLapsed));
    let rejected = with(facts(), "/acts/-", rejects("r1", "github:carla", Some(REASON)));
    for (place, value, ruling) in [
        ("/accounts/github:carla/kind", json!({"unavailable": "no"}), Ruling::Hold),
        ("/accounts/github:carla/active", json!({"unavailable": "no"}), Ruling::Hold),
        ("/accounts/github:carla/person", json!({"unavailable": "no"}), Ruling::Hold),
        ("/accounts/github:carla/kind", json!("bot"), Ruling::Proceed),
        ("/accounts/github:carla/active", json!(false), Ruling::Hold),
        ("/acts/2/standing", json!("dismissed"), Ruling::Hold),
        ("/acts/2/standing", json!("edited"), Ruling::Hold),
        ("/acts/2/saw", json!({"environment": "staging"}), Ruling::Proceed),
    ] {
        let decision = decided(POLICY, with(rejected.clone(), place, value.clone()));
        assert_eq!(decision.decision, ruling, "{place} {value}: {}", said(&decision));
    }
}

#[test]
fn others_stand_in_where_nobody_can_or_does() {
    let head = with(facts(), "/acts/0", approves("a1", "github:dana-h"));
    // At noon nobody of the owners has answered for three hours; at one for four.
    let policy = policy(POLICY);
    let facts_of = |facts: Value| read(facts);
    let waiting = decide(&policy, &facts_of(head.clone()), at("2026-12-08T12:59:59Z"));
    assert_eq!((waiting.decision, waiting.revisit.at), (Ruling::Hold, Some(at("2026-12-08T13:00:00Z"))));
    let answered = decide(&policy, &facts_of(head.clone()), at("2026-12-08T13:00:00Z"));
    assert_eq!(answered.decision, Ruling::Proceed, "{}", said(&answered));
    assert!(said(&answered).contains("head stands in: nobody in owner answered within 4h"), "{}", said(&answered));
    for (place, value) in [
        ("/groups/github:@acme~1owners", json!({"unavailable": "the directory is down"})),
        ("/groups/github:@acme~1owners", json!(null)),
        ("/groups/github:@acme~1owners", json!([])),
    ] {
        let decision = decided(POLICY, with(head.clone(), place, value.clone()));
        assert_eq!(decision.decision, Ruling::Proceed, "{value}: {}", said(&decision));
    }
    let away = |by: &str, id: &str| {
        act(id, by, json!({"away": {"from": "2026-12-01T00:00:00Z", "until": "2026-12-15T00:00:00Z"}}))
    };
    let one = with(head, "/acts/-", away("github:bo", "x1"));
    assert_eq!(decided(POLICY, one.clone()).decision, Ruling::Hold);
    let both = decided(POLICY, with(one, "/acts/-", away("github:carla", "x2")));
    assert_eq!(both.decision, Ruling::Proceed, "{}", said(&both));
}

#[test]
fn a_retry_passes_and_a_newer_release_supersedes() {
    let text = format!("{POLICY}retry_within: 24h\n");
    let same = json!({
        "release": "shop 2.4.0", "environment": "production", "commit": "c0ffee",
        "components": {"shop": {"content": "tree", "artifacts": null}}, "opened_at": "2026-12-08T11:00:00Z",
        "finished_at": null, "outcome": null, "approved": true
    });
    let opened = with(facts(), "/deployments", json!([same]));
    let retry = decided(&text, opened.clone());
    assert_eq!(retry.decision, Ruling::Proceed, "{}", said(&retry));
    assert!(codes(&retry).contains(&Ground::Retry));
    let spent = decided(POLICY, opened.clone());
    assert_eq!(spent.decision, Ruling::Hold);
    assert!(codes(&spent).contains(&Ground::Consumed), "{}", said(&spent));
    for (place, value) in [
        ("/deployments/0/approved", json!({"unavailable": "no"})),
        ("/deployments/0/components/shop/content", json!({"unavailable": "no"})),
        ("/release/components/shop/content", json!({"unavailable": "no"})),
        ("/deployments", json!({"unavailable": "no"})),
    ] {
        assert_eq!(
            decided(&text, with(opened.clone(), place, value.clone())).decision,
            Ruling::Hold,
            "{place} {value}"
        );
    }
    let mut other = opened.pointer("/deployments/0").unwrap().clone();
    (other["commit"], other["release"]) = (json!("beef"), json!("shop 2.5.0"));
    other["opened_at"] = json!("2026-12-08T11:30:00Z");
    let again = decided(&text, with(opened.clone(), "/deployments/-", other.clone()));
    assert_eq!(again.decision, Ruling::Proceed, "the same content is no newer release: {}", said(&again));
    other["components"]["shop"]["content"] = json!("newer");
    let superseded = decided(&text, with(opened, "/deployments/-", other));
    assert_eq!(superseded.decision, Ruling::Hold);
    assert!(said(&superseded).contains("`shop 2.5.0` was opened since"), "{}", said(&superseded));
}

#[test]
fn while_a_policy_changes_the_old_one_still_asks() {
    let old = policy(POLICY);
    let mut new = policy(&POLICY.replace("accountable: 1, security: 1", "accountable: 1"));
    new.layers[0].sha256 = "cd".repeat(32);
    let one = with(facts(), "/acts", json!([approves("a1", "github:bo")]));
    assert_eq!(decide(&new, &read(one.clone()), now()).decision, Ruling::Proceed);
    let between = decide_between(&old, &new, &read(one.clone()), now());
    assert_eq!(between.decision, Ruling::Hold);
    assert!(codes(&between).contains(&Ground::OldPolicy), "{}", said(&between));
    let approve = |by: &str| act("p", by, json!({"approve_policy": {"policy": "cd".repeat(32)}}));
    let by = |who: &str| decide_between(&old, &new, &read(with(one.clone(), "/acts/-", approve(who))), now()).decision;
    assert_eq!(by("github:sue"), Ruling::Proceed);
    assert_eq!(by("github:carla"), Ruling::Hold);
}

#[test]
fn acts_that_cannot_be_read_hold_and_an_automatic_environment_asks_nobody() {
    let unread = decided(POLICY, with(facts(), "/acts", json!({"unavailable": "the record is down"})));
    assert_eq!(unread.decision, Ruling::Hold);
    let staging = with(with(facts(), "/acts", json!([])), "/release/environment", json!("staging"));
    let staging = decided(POLICY, staging);
    assert_eq!(staging.decision, Ruling::Proceed, "{}", said(&staging));
    assert!(codes(&staging).contains(&Ground::ApprovalNotNeeded));
}

#[test]
fn a_gate_that_got_worse_voids_what_was_approved_and_a_waiver_lifts_it() {
    let green = facts();
    assert_eq!(decided(POLICY, green.clone()).decision, Ruling::Proceed);
    let shown = with(green, "/acts/0/saw/gates", json!({"tests": "pass"}));
    let red = with(shown, "/evidence/tests", evidence(1));
    let decision = decided(POLICY, red.clone());
    assert!(codes(&decision).contains(&Ground::GateWorsened), "{}", said(&decision));
    let waive = |reason: &str| {
        let mut waive = act(
            "w",
            "github:noor",
            json!({"waive": {"gate": "tests", "until": "2026-12-20T00:00:00Z", "environments": [], "when": null}}),
        );
        waive["reason"] = json!(reason);
        waive
    };
    let shown = with(red, "/acts/0/saw/gates", json!({"tests": "waived"}));
    let waived = decided(POLICY, with(shown.clone(), "/acts/-", waive("known flaky test")));
    assert_eq!(waived.decision, Ruling::Proceed, "{}", said(&waived));
    assert!(codes(&waived).contains(&Ground::WaiverInForce));
    let blank = decided(POLICY, with(shown, "/acts/-", waive("\u{200b}.")));
    assert_eq!(blank.decision, Ruling::Hold);
    assert!(codes(&blank).contains(&Ground::WaiverRefused), "{}", said(&blank));
    for evidence in [json!({"unavailable": "no"}), json!(null)] {
        let missing = decided(POLICY, with(facts(), "/evidence", json!({"tests": evidence})));
        assert_eq!(missing.decision, Ruling::Hold);
    }
    let unseen = with(facts(), "/evidence", json!({}));
    assert_eq!(decided(POLICY, unseen).decision, Ruling::Hold, "what nobody looked at is not there");
}

#[test]
fn every_status_but_three_holds() {
    use countersign::decide::conclude::ruling;
    for status in [Status::Note, Status::NotNeeded, Status::Met] {
        assert_eq!((ruling(status), status.opens()), (Ruling::Proceed, true));
    }
    for status in [Status::Waiting, Status::Unknown, Status::Unmet] {
        assert_eq!((ruling(status), status.opens()), (Ruling::Hold, false));
    }
    assert_eq!(ruling(Status::Rejected), Ruling::Reject);
}

#[test]
fn a_review_of_a_change_of_unknown_files_approves_nothing_that_goes_without_one() {
    let policy = policy_with("routes: { normal: { approvals: { accountable: 1, counts_from: [review] } } }\n");
    let mut review = approves("a1", "github:bo");
    review["via"] = json!("review");
    review["saw"] = json!({"repository": "acme/shop", "changes": {"acme/shop#12": "one"}, "components": {}});
    for (files, wanted) in [
        (json!(["src/a.rs"]), Ruling::Proceed),
        (json!(["docs/a.md"]), Ruling::Hold),
        (json!({"unavailable": "no answer"}), Ruling::Hold),
    ] {
        let facts = with(with(facts(), "/acts", json!([review])), "/release/changes/0/files", files.clone());
        let decision = decided(&policy, facts);
        assert_eq!(decision.decision, wanted, "{files}: {}", said(&decision));
    }
}

#[test]
fn of_many_changes_the_ones_that_nobody_approved_are_named() {
    let change = |number: usize| {
        let mut change = facts()["release"]["changes"][0].clone();
        change["id"] = json!(format!("acme/shop#{number}"));
        change["commits"][0]["sha"] = json!(format!("{number:07}"));
        change
    };
    // More than fit into one word, and again more than fit into two.
    for (number, left) in [(70, 66), (140, 130)] {
        let changes: Vec<Value> = (1..=number).map(change).collect();
        let mut approval = approves("a1", "github:bo");
        let shown = (1..=number).filter(|at| *at != left).map(|at| (format!("acme/shop#{at}"), json!("one")));
        approval["saw"]["changes"] = shown.collect::<serde_json::Map<_, _>>().into();
        let facts = with(with(facts(), "/release/changes", json!(changes)), "/acts", json!([approval]));
        let decision = decided(POLICY, facts);
        let told = format!("acme/shop#{left} (commit {left:07}) is not covered by enough approvals");
        assert!(said(&decision).contains(&told), "{}", said(&decision));
    }
}
