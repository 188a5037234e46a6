//! Who is who, and who holds which role.

use countersign::decide::people::People;
use countersign::decide::roles;
use countersign::decide::scene::Scene;
use countersign::decide::words;
use countersign::model::facts::Account;
use countersign::model::ground::Ground;
use countersign::model::release_decision::Ruling;
use serde_json::json;

use super::base::{POLICY, act, approves, at, codes, decided, facts, now, policy, read, said, with};

#[test]
fn accounts_of_one_person_are_one_and_others_are_people_of_their_own() {
    let policy = policy(POLICY);
    let facts = read(facts());
    let people = People::new(&policy.rules, &facts);
    let (hub, lab) = (Account::from("github:dana-h"), Account::from("gitlab:dhall"));
    let (bo, other) = (Account::from("github:bo"), Account::from("gitlab:bo"));
    assert_eq!(people.of(&hub), people.of(&lab));
    assert_eq!(people.name(people.of(&lab)), "dana");
    assert_ne!(people.of(&bo), people.of(&other));
    assert_eq!(people.name(people.of(&other)), "bo");
    assert!(people.linked(people.of(&hub)) && !people.linked(people.of(&bo)));
    assert_eq!(people.meant("dana", "github"), people.of(&hub));
    assert_eq!(people.meant("bo", "github"), people.of(&bo));
}

#[test]
fn the_directory_joins_accounts_and_even_people_of_the_policy() {
    let text = POLICY.replace("people:\n", "people:\n  bo: { github: bo }\n");
    let policy = policy(&text);
    let both = with(facts(), "/accounts/github:bo/person", json!("dana"));
    let both = read(with(both, "/accounts/github:zoe/person", json!("zed")));
    let people = People::new(&policy.rules, &both);
    let (bo, dana, zoe) = (Account::from("github:bo"), Account::from("github:dana-h"), Account::from("github:zoe"));
    assert_eq!(people.of(&bo), people.of(&dana));
    assert_eq!(people.name(people.of(&zoe)), "zed");
    assert!(people.linked(people.of(&zoe)));
}

#[test]
fn an_account_that_may_be_anybodys_counts_for_nothing() {
    let unread = with(facts(), "/accounts/github:bo/person", json!({"unavailable": "the directory is down"}));
    let decision = decided(POLICY, unread);
    assert_eq!(decision.decision, Ruling::Hold);
    assert!(said(&decision).contains("whether `github:bo` is somebody else's account too"), "{}", said(&decision));
    let author = with(facts(), "/accounts/github:ana/person", json!({"unavailable": "the directory is down"}));
    assert_eq!(decided(POLICY, author).decision, Ruling::Hold);
    // One that the policy names is known.
    let dana = with(facts(), "/accounts/github:dana-h/person", json!({"unavailable": "the directory is down"}));
    assert_eq!(decided(POLICY, dana).decision, Ruling::Proceed);
}

#[test]
fn only_what_is_known_to_be_a_person_with_an_active_account_counts() {
    for (key, value, code) in [
        ("kind", json!("bot"), Ground::NotAPerson),
        ("kind", json!("app"), Ground::NotAPerson),
        ("kind", json!("pipeline"), Ground::NotAPerson),
        ("kind", json!("forge"), Ground::NotAPerson),
        ("kind", json!(null), Ground::KindUnknown),
        ("kind", json!({"unavailable": "no"}), Ground::KindUnknown),
        ("active", json!(false), Ground::Deactivated),
        ("active", json!(null), Ground::ActiveUnknown),
        ("active", json!({"unavailable": "no"}), Ground::ActiveUnknown),
    ] {
        let decision = decided(POLICY, with(facts(), &format!("/accounts/github:bo/{key}"), value.clone()));
        assert_eq!(decision.decision, Ruling::Hold, "{key} {value}");
        assert!(codes(&decision).contains(&code), "{key} {value}: {}", said(&decision));
    }
}

#[test]
fn who_came_into_a_role_meanwhile_counts_only_by_a_protected_change_of_another() {
    let joined = |joined: serde_json::Value| {
        decided(POLICY, with(facts(), "/groups/github:@acme~1owners/1/joined", joined)).decision
    };
    let late = "2026-12-08T09:30:00Z";
    let protected = |by: serde_json::Value, protected: serde_json::Value| {
        joined(json!({"at": late, "by": by, "protected": protected}))
    };
    assert_eq!(protected(json!("github:noor"), json!(true)), Ruling::Proceed);
    assert_eq!(protected(json!(null), json!(true)), Ruling::Proceed);
    assert_eq!(protected(json!("github:bo"), json!(true)), Ruling::Hold);
    assert_eq!(protected(json!({"unavailable": "no"}), json!(true)), Ruling::Hold);
    assert_eq!(protected(json!("github:noor"), json!(false)), Ruling::Hold);
    assert_eq!(protected(json!("github:noor"), json!(null)), Ruling::Hold);
    assert_eq!(protected(json!("github:noor"), json!({"unavailable": "no"})), Ruling::Hold);
    assert_eq!(joined(json!({"unavailable": "no"})), Ruling::Hold);
    // Before the release was asked for, nobody could have had it in mind.
    assert_eq!(joined(json!({"at": "2026-12-08T09:00:00Z", "by": null, "protected": null})), Ruling::Proceed);
}

#[test]
fn a_role_that_may_only_read_never_counts_and_one_that_there_is_not_neither() {
    let reader = "roles:\n  auditor: { members: ['github:@acme/appsec'], may: [read] }\n";
    let policy = policy(&POLICY.replace("roles:\n", reader));
    let facts = read(facts());
    let scene = Scene::new(&policy, &facts, now());
    let act = scene.acts().find(|act| act.id == "a2").unwrap();
    let refusal = roles::counts(&scene, act, "auditor").unwrap_err();
    assert_eq!((refusal.ground, refusal.says.as_str()), (Ground::NotInRole, "`auditor` may only read"));
    assert_eq!(roles::counts(&scene, act, "nobody").unwrap_err().ground, Ground::NotInRole);
    assert!(roles::eligible(&scene, "auditor").people.is_empty());
}

#[test]
fn a_policy_that_wants_names_counts_only_people_who_are_named() {
    let text = POLICY.replace("people:\n", "identity: linked\npeople:\n");
    let decision = decided(&text, facts());
    assert_eq!(decision.decision, Ruling::Hold);
    assert!(codes(&decision).contains(&Ground::Unlinked));
    let named = with(facts(), "/accounts/github:bo/person", json!("Bo"));
    let named = with(named, "/accounts/github:sue/person", json!("Sue"));
    assert_eq!(decided(&text, named).decision, Ruling::Proceed);
}

#[test]
fn without_an_act_the_account_is_judged() {
    let policy = policy(POLICY);
    let facts = read(with(facts(), "/accounts/github:seth/active", json!(false)));
    let scene = Scene::new(&policy, &facts, now());
    let name =
        |login: &str| roles::holds_at_all(&scene, &Account::from(login), "security").map(|who| scene.people.name(who));
    assert_eq!(name("github:sue"), Ok("sue"));
    assert_eq!(name("github:seth").unwrap_err().ground, Ground::Deactivated);
    assert_eq!(name("github:bo").unwrap_err().ground, Ground::NotInRole);
    assert_eq!(name("github:never-heard-of").unwrap_err().ground, Ground::KindUnknown);
}

#[test]
fn the_order_in_which_acts_are_listed_does_not_matter() {
    let reject = act("a3", "github:bo", json!({"reject": {}}));
    let withdraw = act("a4", "github:bo", json!({"withdraw": {"of": "a3"}}));
    let acts = [approves("a1", "github:bo"), approves("a2", "github:sue"), reject, withdraw];
    let mut summaries = Vec::new();
    for first in 0..acts.len() {
        let mut rotated = acts.to_vec();
        rotated.rotate_left(first);
        summaries.push(decided(POLICY, with(facts(), "/acts", json!(rotated))));
    }
    summaries.dedup();
    assert_eq!(summaries.len(), 1);
    // The rejection was taken back, and the approval before it is no longer there.
    assert_eq!(summaries[0].decision, Ruling::Hold);
    assert!(codes(&summaries[0]).contains(&Ground::Replaced));
}

#[test]
fn an_act_of_the_future_does_not_count_yet_and_the_clock_knows() {
    let later = with(facts(), "/acts/0/at", json!("2026-12-08T12:30:00Z"));
    let decision = decided(POLICY, later);
    assert_eq!(decision.decision, Ruling::Hold);
    assert_eq!(decision.revisit.at, Some(at("2026-12-08T12:30:00Z")));
}

#[test]
fn words_that_say_nothing_are_no_reason() {
    for nothing in [
        "",
        ".",
        "....................",
        "\u{a0}\u{a0}",
        "\u{200b}\u{200d}\u{feff}",
        "aaaaaaaaaaaaaaaaaaaaaaaa",
        "\u{3164}\u{3164}",
        "\u{301}\u{301}\u{301}",
    ] {
        assert!(!words::meaningful(nothing, 10), "{nothing:?}");
        assert!(words::meaningful(nothing, 0));
    }
    assert!(words::meaningful("ok", 1) && !words::meaningful("ok", 3));
    assert!(words::meaningful("миграцию нельзя откатить", 20));
    assert!(!words::meaningful("n\u{200b}o\u{200b}t\u{200b} now", 8));
    // Full-width letters are letters, and white space is one blank.
    assert_eq!(words::normal("  ｎｏｔ\u{2003}\n now\u{202e} "), "not now");
}

#[test]
fn a_directory_that_links_to_no_name_links_nobody() {
    let text = POLICY.replace("routes:\n", "identity: linked\nroutes:\n");
    let linked = with(facts(), "/accounts/github:bo/person", json!("bo"));
    let linked = with(linked, "/accounts/github:sue/person", json!("sue"));
    assert_eq!(decided(&text, linked.clone()).decision, Ruling::Proceed);
    for blank in ["", "  "] {
        let decision = decided(&text, with(linked.clone(), "/accounts/github:bo/person", json!(blank)));
        assert_eq!(decision.decision, Ruling::Hold, "{}", said(&decision));
    }
}

#[test]
fn who_let_somebody_into_a_role_must_be_known_to_be_another() {
    let joined = json!({"at": "2026-12-08T09:30:00Z", "by": "github:other", "protected": true});
    let facts = with(facts(), "/groups/github:@acme~1owners/1/joined", joined);
    let other = |person| {
        let account = json!({"kind": "person", "active": true, "person": person});
        decided(POLICY, with(facts.clone(), "/accounts/github:other", account))
    };
    assert_eq!(other(json!(null)).decision, Ruling::Proceed, "{}", said(&other(json!(null))));
    let unread = other(json!({"unavailable": "the directory is down"}));
    assert_eq!(unread.decision, Ruling::Hold, "{}", said(&unread));
}

#[test]
fn a_group_that_cannot_be_read_may_still_hold_somebody() {
    let facts = with(facts(), "/groups/github:@acme~1owners", json!({"unavailable": "the directory is down"}));
    let decision = decided(POLICY, with(facts, "/acts", json!([])));
    assert!(!codes(&decision).contains(&Ground::ApproverExhaustion), "{}", said(&decision));
    assert_eq!(decision.decision, Ruling::Hold);
}
