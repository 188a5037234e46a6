//! What an emergency leaves to be done: owed, called to mind, and met by whom the policy names, who neither wrote it nor let
//! it go. Until then the team's next release is held.

use serde_json::json;

use super::ledger::{goes, next, policy, summary};
use super::{App, NEXT, POLICY, RUN, ago, asks, id, payload, reviews, reviews_of, shop, takes, told, told_of, until};
use crate::support::served::Served;

/// A change of the basket is an emergency, which `bo` may let go; the board is `ana`, `bo` and `carla`.
fn policy_of_emergencies() -> String {
    let then = "    then: { validate: { by: shop-owner, within: 1s, needs: evidence }, cab_review: { by: board, within: 1s } } }";
    POLICY
        .replace("roles:\n", "roles:\n  fixer: { members: [\"github:bo\"] }\n  board: { members: [\"github:ana\", \"github:bo\", \"github:carla\"], calendar: { hours: 24/7 } }\n")
        .replace("shop-owner: { members: [\"github:@acme/shop-leads\"] }", "shop-owner: { members: [\"github:@acme/shop-leads\"], calendar: { hours: 24/7 } }")
        .replace("routes:\n", &format!("routes:\n  emergency: {{ approvals: {{ fixer: 1 }},\n{then}\n"))
        + "classes: { emergency: { when: \"change.only('checkout/basket.rs')\" } }\n"
}

/// What is called so in the record.
fn called(app: &App, kind: &str) -> String {
    let listed = app.world.run(&["db", "list", "obligations", "--database", "sqlite:record.db"]);
    assert_eq!(listed.code, 0, "{}", listed.err);
    listed.out.split_whitespace().find(|word| word.starts_with(&format!("{kind}-"))).unwrap_or_default().to_owned()
}

/// Somebody comments on the change of the release that owes, where nothing waits any longer.
fn comments(app: &App, served: &Served, (name, who): (&str, &str), says: &str) {
    app.github.with(|world| world.comment(12, name, who, says, &ago(0)).is_null());
    let one = payload(json!({"action": "created", "issue": {"number": 12, "pull_request": {}}}));
    takes(served, "issue_comment", &id(), &one);
}

/// What we wrote on the change of the release that owes.
fn said(app: &App) -> Vec<String> {
    app.github.with(|world| {
        let ours = world.written.iter().filter(|(kind, _)| kind == "issues/12/comments");
        ours.map(|(_, it)| it["body"].as_str().unwrap_or_default().to_owned()).collect()
    })
}

fn answered(app: &App, what: &str) {
    for _ in 0..200 {
        if said(app).iter().any(|text| text.contains(what)) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("`{what}` was not said, but {:#?}", said(app));
}

#[test]
fn n3_e2_e3_an_emergencys_debt_holds_the_next_release_until_the_right_people_paid_it() {
    let github = shop();
    policy(&github, &policy_of_emergencies());
    asks(&github);
    reviews(&github, "bo", "APPROVED");
    let app = App::new(&github);
    let served = app.start(&["--sweep", "1"]);
    goes(&app, &github, RUN, "SUCCESS");
    let (validate, review) = (called(&app, "validate"), called(&app, "cab_review"));
    assert!(!validate.is_empty() && !review.is_empty(), "{}", summary(&app));
    assert!(told(&github).decided.is_some());

    // It is called to mind on its change, once.
    answered(&app, "is overdue");
    let late = || app.events("obligation_reminded").iter().filter(|event| event["stage"] == "late").count();
    until("both reminders", || late() == 2);
    next(&github, "checkout/other.rs");
    reviews_of(&github, 1, "carla");
    until("a report", || !told_of(&github, NEXT).reports.is_empty());
    let report = told_of(&github, NEXT).reports[0].clone();
    assert!(report.contains("owes"), "{report}");

    // The author has no say in it, nor who let it go.
    comments(
        &app,
        &served,
        ("IC_a", "ana"),
        &format!("/countersign validate production {review} https://runs.example/1"),
    );
    answered(&app, "contributed to");
    comments(
        &app,
        &served,
        ("IC_b", "bo"),
        &format!("/countersign validate production {review} https://runs.example/1"),
    );
    answered(&app, "let go");
    comments(&app, &served, ("IC_c", "carla"), &format!("/countersign validate production {validate}"));
    answered(&app, "nothing is attached");
    assert_eq!(told_of(&github, NEXT).decided, None, "{}", summary(&app));
    assert!(app.events("obligation_met").is_empty());

    comments(
        &app,
        &served,
        ("IC_d", "carla"),
        &format!("/countersign validate production {validate} https://runs.example/7"),
    );
    until("the validation", || app.events("obligation_met").len() == 1);
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert_eq!(told_of(&github, NEXT).decided, None, "{}", summary(&app));
    comments(&app, &served, ("IC_e", "carla"), &format!("/countersign validate production {review}"));
    until("the review", || app.events("obligation_met").len() == 2);
    until("an answer", || told_of(&github, NEXT).decided.is_some());
    assert_eq!(told_of(&github, NEXT).decided.unwrap().0, "approved");
    assert_eq!(late(), 2);
    drop(served);
    let verified = app.world.run(&["log", "verify", "--database", "sqlite:record.db", "--log-key", "log.pub"]);
    assert_eq!(verified.code, 0, "{}{}", verified.out, verified.err);
}
