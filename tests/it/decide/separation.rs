//! Who contributed, and so approves nothing.

use countersign::model::ground::Ground;
use countersign::model::release_decision::{Ruling, Status};
use serde_json::{Value, json};

use super::base::{POLICY, act, approves, codes, decided, facts, said, with};

fn commit(key: &str, value: Value) -> Value {
    with(facts(), &format!("/release/changes/0/commits/0/{key}"), value)
}

#[test]
fn everybody_with_a_hand_in_it_is_out() {
    for (key, value, says) in [
        ("author", json!("github:bo"), "wrote commit 3f2a"),
        ("committer", json!("github:bo"), "committed 3f2a"),
        ("co_authors", json!(["github:bo"]), "co-authored commit 3f2a"),
        ("pushed_by", json!("github:bo"), "pushed commit 3f2a"),
        ("on_behalf_of", json!(["github:bo"]), "had commit 3f2a written"),
    ] {
        let decision = decided(POLICY, commit(key, value));
        assert_eq!(decision.decision, Ruling::Hold, "{key}");
        let wanted = format!("0 of 1 approvals from owner; ignored bo: {says}");
        assert!(said(&decision).contains(&wanted), "{}", said(&decision));
    }
    let started = decided(POLICY, with(facts(), "/release/trigger", json!("github:bo")));
    assert!(said(&started).contains("ignored bo: started the deployment"), "{}", said(&started));
}

#[test]
fn what_is_not_known_of_a_commit_holds_and_names_it() {
    for key in ["author", "committer", "pushed_by"] {
        let decision = decided(POLICY, commit(key, json!(null)));
        assert_eq!(decision.decision, Ruling::Hold, "{key}");
        assert!(codes(&decision).contains(&Ground::Unattributed), "{key}");
        assert!(said(&decision).contains("3f2a"), "{}", said(&decision));
    }
    for key in ["author", "committer", "pushed_by", "co_authors", "on_behalf_of"] {
        let decision = decided(POLICY, commit(key, json!({"unavailable": "the forge is down"})));
        assert_eq!(decision.decision, Ruling::Hold, "{key}");
        assert!(codes(&decision).contains(&Ground::FactsUnavailable), "{key}");
    }
    for place in ["/release/trigger", "/release/changes", "/release/changes/0/commits"] {
        let decision = decided(POLICY, with(facts(), place, json!({"unavailable": "the forge is down"})));
        assert_eq!(decision.decision, Ruling::Hold, "{place}");
    }
}

#[test]
fn a_clean_merge_adds_nobody_but_its_pusher_and_an_edited_one_does() {
    let merge = json!({"sha": "77aa", "author": "github:bo", "committer": "github:bo", "co_authors": null,
                       "pushed_by": "github:ana", "on_behalf_of": null, "merge": "clean"});
    let clean = with(facts(), "/release/changes/0/commits/-", merge);
    assert_eq!(decided(POLICY, clean.clone()).decision, Ruling::Proceed);
    let place = "/release/changes/0/commits/1";
    for (key, value) in [
        ("merge", json!("edited")),
        ("merge", json!(null)),
        ("merge", json!({"unavailable": "no"})),
        ("pushed_by", json!("github:bo")),
    ] {
        let decision = decided(POLICY, with(clean.clone(), &format!("{place}/{key}"), value.clone()));
        assert_eq!(decision.decision, Ruling::Hold, "{key} {value}");
    }
}

#[test]
fn two_authorities_answer_for_a_commit_and_clear_a_trailer_and_one_does_not() {
    let vouch = |id: &str, by: &str| act(id, by, json!({"vouch": {"commit": "3f2a"}}));
    let nobody = commit("author", json!(null));
    let one = with(nobody, "/acts/-", vouch("v1", "github:noor"));
    assert_eq!(decided(POLICY, one.clone()).decision, Ruling::Hold);
    let twice = with(one.clone(), "/acts/-", vouch("v2", "github:noor"));
    assert_eq!(decided(POLICY, twice).decision, Ruling::Hold);
    let no_authority = with(one.clone(), "/acts/-", vouch("v2", "github:carla"));
    assert_eq!(decided(POLICY, no_authority).decision, Ruling::Hold);
    let two = decided(POLICY, with(one, "/acts/-", vouch("v2", "github:ivo")));
    assert_eq!(two.decision, Ruling::Proceed, "{}", said(&two));
    assert!(codes(&two).contains(&Ground::Vouched));

    let clear = |id: &str, by: &str| act(id, by, json!({"clear": {"account": "github:bo", "commit": "3f2a"}}));
    let named = |key: &str, value: Value| {
        let named = with(commit(key, value), "/acts/-", clear("c1", "github:noor"));
        with(named, "/acts/-", clear("c2", "github:ivo"))
    };
    let cleared = decided(POLICY, named("co_authors", json!(["github:bo"])));
    assert_eq!(cleared.decision, Ruling::Proceed, "{}", said(&cleared));
    assert!(codes(&cleared).contains(&Ground::Cleared));
    // An author is an author, whoever says what; and nobody clears himself.
    assert_eq!(decided(POLICY, named("author", json!("github:bo"))).decision, Ruling::Hold);
    let own = with(commit("co_authors", json!(["github:bo", "github:ivo"])), "/acts/-", clear("c1", "github:noor"));
    let own = with(own, "/acts/-", clear("c2", "github:ivo"));
    assert_eq!(decided(POLICY, own).decision, Ruling::Hold);
}

#[test]
fn when_nobody_is_left_it_says_so_at_once() {
    let all = commit("co_authors", json!(["github:bo", "github:carla", "github:dana-h"]));
    let decision = decided(POLICY, with(all, "/acts", json!([])));
    let exhausted = decision.tree.parts.iter().find(|node| node.code == Ground::ApproverExhaustion).unwrap();
    assert_eq!(exhausted.status, Status::Unmet);
    assert!(exhausted.says.contains("nobody is left who could approve as owner"), "{}", exhausted.says);
    assert!(exhausted.says.contains("bo co-authored commit 3f2a"), "{}", exhausted.says);
    // The head is left when only the owners are out.
    let owners = commit("co_authors", json!(["github:bo", "github:carla"]));
    let decision = decided(POLICY, with(owners, "/acts", json!([])));
    assert!(!codes(&decision).contains(&Ground::ApproverExhaustion), "{}", said(&decision));
    assert!(codes(&decision).contains(&Ground::Fallback), "{}", said(&decision));
}

#[test]
fn per_change_every_change_needs_somebody_who_did_not_write_it() {
    let text = POLICY.replace("rejection:", "separation: { per: change }\nrejection:");
    let mut bos = facts().pointer("/release/changes/0").unwrap().clone();
    bos["id"] = json!("acme/shop#13");
    bos["commits"][0]["author"] = json!("github:bo");
    bos["commits"][0]["sha"] = json!("88bb");
    let two = with(facts(), "/release/changes/-", bos);
    let saw = json!({"environment": "production", "repository": "acme/shop", "components": {"shop": "tree"},
                     "changes": {"acme/shop#12": "one", "acme/shop#13": "one"}});
    let acts = json!([
        with(json!({"a": approves("a1", "github:bo")}), "/a/saw", saw.clone())["a"],
        with(json!({"a": approves("a2", "github:sue")}), "/a/saw", saw)["a"],
    ]);
    // Sue saw both and wrote none; bo's own change does not keep him from owning the release.
    let both = with(two.clone(), "/acts", acts.clone());
    let decision = decided(&text, both.clone());
    assert_eq!(decision.decision, Ruling::Proceed, "{}", said(&decision));
    assert!(codes(&decision).contains(&Ground::ChangeApproved));
    // Who started the deployment never approves it.
    let started = decided(&text, with(both, "/release/trigger", json!("github:bo")));
    assert_eq!(started.decision, Ruling::Hold);
    // By default both would be out.
    assert_eq!(decided(POLICY, with(two, "/acts", acts)).decision, Ruling::Hold);
}

#[test]
fn a_change_of_no_commit_is_one_whose_commits_nobody_read() {
    for none in [json!([]), json!(null)] {
        let decision = decided(POLICY, with(facts(), "/release/changes/0/commits", none));
        assert_eq!(decision.decision, Ruling::Hold);
        let why = "the commits of acme/shop#12 could not be read: none is listed";
        assert!(said(&decision).contains(why), "{}", said(&decision));
    }
}

#[test]
fn the_forge_commits_and_pushes_for_people_and_writes_nothing() {
    let facts = with(facts(), "/accounts/github:web-flow", json!({"kind": "forge", "active": true, "person": null}));
    let place = "/release/changes/0/commits/0";
    let merged = with(facts.clone(), &format!("{place}/committer"), json!("github:web-flow"));
    assert_eq!(decided(POLICY, merged.clone()).decision, Ruling::Proceed);
    let written = decided(POLICY, with(merged, &format!("{place}/author"), json!("github:web-flow")));
    assert_eq!(written.decision, Ruling::Hold);
    assert!(codes(&written).contains(&Ground::Unattributed), "{}", said(&written));
}
