//! Who is told what of a decision, and from when on.

use countersign::decide::release::decide;
use countersign::decide::telling::{Telling, again, of};
use countersign::model::message::What;
use countersign::policy::Policy;
use rstest::rstest;
use serde_json::{Value, json};

use super::base::{POLICY, at, decided, facts, policy, read, with};

const NOTIFY: &str = "
notify: { slack: '#releases', email: [rm@acme.example], webhook: 'https://hooks.acme.example/r', remind_after: 2bh, escalate_after: 4bh }
calendar: { timezone: Europe/London, business_hours: Mo-Fr 09:00-17:30, holidays: [FR] }
";

fn text() -> String {
    // Nobody stands in for an owner, so that only time changes who is told.
    POLICY.replace(", fallback: head, after: 4h", "").replace(
        "dana: { github: dana-h,",
        "sue: { github: sue, email: sue@acme.example, slack: U024BE7LH }\n  dana: { github: dana-h,",
    ) + NOTIFY
}

fn told() -> Policy {
    policy(&text())
}

/// Nobody has approved.
fn waiting() -> Value {
    with(facts(), "/acts", json!([]))
}

fn on(policy: &Policy, facts: Value, now: &str) -> Vec<Telling> {
    let decision = decide(policy, &read(facts.clone()), at(now));
    of(policy, &read(facts), &decision)
}

fn of_role<'t>(all: &'t [Telling], role: &str) -> &'t Telling {
    all.iter().find(|it| it.message.role.as_deref() == Some(role)).unwrap_or_else(|| panic!("{role}: {all:#?}"))
}

const CHANNELS: [&str; 3] = ["slack:#releases", "email:rm@acme.example", "webhook:https://hooks.acme.example/r"];

#[test]
fn whoever_is_asked_is_told_where_the_policy_says_and_at_his_own_addresses() {
    let all = on(&told(), waiting(), "2026-12-08T12:00:00Z");
    let owner = of_role(&all, "owner");
    assert_eq!((owner.message.what, owner.message.asked_to.as_deref()), (What::Asked, Some("approve")));
    assert_eq!(owner.message.people, ["bo", "carla"], "ana wrote it");
    assert_eq!(owner.to, CHANNELS, "nobody of them has an address");
    let security = of_role(&all, "security");
    assert_eq!(security.to, [&CHANNELS[..], &["email:sue@acme.example", "slack:U024BE7LH"]].concat());
    assert_eq!(all.len(), 2);
    // It is about the same thing however often it is decided, and about another when another commit goes.
    assert_eq!(on(&told(), waiting(), "2026-12-08T12:30:00Z")[0].topic, all[0].topic);
    let other = on(&told(), with(waiting(), "/release/commit", json!("beef")), "2026-12-08T12:00:00Z");
    assert_ne!(other[0].topic, all[0].topic);
    // The one whose approval is there is asked no more.
    let one = with(facts(), "/acts", json!([facts()["acts"][1]]));
    let left = on(&told(), one, "2026-12-08T12:00:00Z");
    assert_eq!(left.iter().map(|it| it.message.role.as_deref().unwrap()).collect::<Vec<_>>(), ["owner"]);
}

#[rstest]
// In open hours, at once; before, after and on days without any, when they open next.
#[case("2026-12-08T12:00:00Z", "2026-12-08T12:00:00Z")]
#[case("2026-12-09T03:00:00Z", "2026-12-09T09:00:00Z")]
#[case("2026-12-11T17:30:00Z", "2026-12-14T09:00:00Z")]
#[case("2026-12-24T18:00:00Z", "2026-12-28T09:00:00Z")]
fn nobody_is_told_before_his_hours(#[case] now: &str, #[case] from: &str) {
    let all = on(&told(), waiting(), now);
    assert_eq!(of_role(&all, "owner").not_before, at(from));
    // A role with hours of its own is told in those.
    let night = text().replace("appsec'] }", "appsec'], calendar: { hours: 24/7 } }");
    assert_eq!(of_role(&on(&policy(&night), waiting(), now), "security").not_before, at(now));
}

#[test]
fn an_emergency_is_told_at_once() {
    let text = text().replace("routes:\n", "routes:\n  emergency: { approvals: { cto: 1 } }\n")
        + "classes: { emergency: { when: \"release.removes(running.vulnerabilities.exploited)\" } }\n";
    let exploited = with(waiting(), "/release/running", json!([{"id": "CVE-1", "exploited": true}]));
    let facts = with(exploited, "/release/released", json!([]));
    let all = on(&policy(&text), facts, "2026-12-12T03:00:00Z");
    let cto = of_role(&all, "cto");
    assert!(cto.message.emergency);
    assert_eq!(cto.not_before, at("2026-12-12T03:00:00Z"));
}

#[test]
fn silence_is_told_again_and_then_to_the_next_by_name() {
    let policy = told();
    let since = at("2026-12-08T10:00:00Z");
    let later = |now: &str| {
        let decision = decide(&policy, &read(waiting()), at(now));
        let all = of(&policy, &read(waiting()), &decision);
        let found = again(&policy, &decision, of_role(&all, "owner"), since);
        found
            .into_iter()
            .map(|it| (it.message.what, it.message.role.unwrap(), it.message.people, it.not_before))
            .collect::<Vec<_>>()
    };
    assert!(later("2026-12-08T11:59:59Z").is_empty());
    let people = || vec!["bo".to_owned(), "carla".to_owned()];
    let reminded = (What::Reminded, "owner".to_owned(), people(), at("2026-12-08T12:00:00Z"));
    assert_eq!(later("2026-12-08T12:00:00Z"), std::slice::from_ref(&reminded));
    assert_eq!(later("2026-12-08T13:59:59Z"), std::slice::from_ref(&reminded));
    let escalated =
        (What::Escalated, "cto".to_owned(), vec!["noor".to_owned(), "ivo".to_owned()], at("2026-12-08T14:00:00Z"));
    assert_eq!(later("2026-12-08T14:00:00Z"), [reminded, escalated]);
    // What was asked at night counts from the morning.
    let decision = decide(&policy, &read(waiting()), at("2026-12-09T10:59:00Z"));
    let all = of(&policy, &read(waiting()), &decision);
    assert!(again(&policy, &decision, of_role(&all, "owner"), at("2026-12-08T22:00:00Z")).is_empty());
}

#[test]
fn what_goes_and_what_does_not_is_told_once_and_what_goes_by_itself_to_nobody() {
    let all = on(&told(), facts(), "2026-12-08T12:00:00Z");
    assert_eq!(all.iter().map(|it| it.message.what).collect::<Vec<_>>(), [What::Proceeds]);
    assert_eq!(all[0].to, CHANNELS);
    let staging = with(facts(), "/release/environment", json!("staging"));
    assert!(on(&told(), staging, "2026-12-08T12:00:00Z").is_empty());
    // Without `notify` only those are told whose addresses the policy has.
    let bare = policy(&text().replace(NOTIFY.lines().nth(1).unwrap(), ""));
    assert_eq!(of_role(&on(&bare, waiting(), "2026-12-08T12:00:00Z"), "security").to.len(), 2);
    assert_eq!(on(&bare, waiting(), "2026-12-08T12:00:00Z").len(), 1);
    assert!(on(&policy(POLICY), waiting(), "2026-12-08T12:00:00Z").is_empty());
    assert_eq!(decided(POLICY, waiting()).asks.len(), 2, "they are asked all the same");
}

#[test]
fn whoever_tries_again_asks_anew() {
    let gone = json!([{"release": "shop 2.4.0", "environment": "production", "commit": "c0ffee", "components": {},
        "opened_at": "2026-12-08T09:30:00Z", "finished_at": null, "outcome": "failed", "approved": true, "parts": null}]);
    let before = on(&told(), waiting(), "2026-12-08T12:00:00Z");
    let after = on(&told(), with(waiting(), "/deployments", gone), "2026-12-08T12:00:00Z");
    assert_ne!(of_role(&before, "owner").topic, of_role(&after, "owner").topic);
}
