//! The buttons of the check on a pull request: what somebody presses counts as a command of his would.

use serde_json::{Value, json};

use super::talk::{proposed, written};
use super::{App, NEXT, ago, id, next_release, payload, sha, takes, told_of, until};
use crate::support::github::Github;
use crate::support::github::world::{Deployment, REPOSITORY};
use crate::support::served::Served;

fn check(github: &Github) -> Value {
    written(github, "check-runs").into_iter().next().unwrap_or_default()
}

fn title(github: &Github) -> String {
    check(github)["output"]["title"].as_str().unwrap_or_default().to_owned()
}

fn replies(github: &Github) -> Vec<String> {
    let found = written(github, "issues/13/comments");
    found.iter().map(|it| it["body"].as_str().unwrap().to_owned()).collect()
}

/// The payload by which GitHub says that somebody pressed a button of our check.
fn pressed(who: &str, kind: &str, button: &str, commit: &str) -> Value {
    payload(json!({
        "action": "requested_action", "requested_action": {"identifier": button},
        "check_run": {"id": 1, "head_sha": sha(commit)}, "sender": {"login": who, "type": kind},
    }))
}

fn presses(served: &Served, who: &str, button: &str) {
    takes(served, "check_run", &id(), &pressed(who, "User", button, "c2"));
}

/// `51` runs, and `bo` proposes pull request 13 upon it.
fn begun() -> (Github, App, Vec<String>) {
    let github = proposed();
    github.with(|world| {
        let statuses = vec![("SUCCESS".to_owned(), ago(100)), ("IN_PROGRESS".to_owned(), ago(101))];
        world.deployments.insert(0, Deployment { environment: "production".to_owned(), commit: sha("51"), statuses });
    });
    let app = App::new(&github);
    let mut options = app.options_without("--since");
    options.extend(["--since".to_owned(), format!("{REPOSITORY}:production={}", sha("51"))]);
    (github, app, options)
}

#[test]
fn a_button_approves_for_whom_the_policy_names_and_what_lands_as_it_was_goes() {
    let (github, app, options) = begun();
    let served = app.start_with(&options, &["--sweep", "300"]);
    until("a check", || title(&github) == "production: needs carla to approve");
    let actions = check(&github)["actions"].clone();
    assert_eq!(
        (actions[0]["identifier"].as_str(), actions[1]["identifier"].as_str()),
        (Some("approve"), Some("reject"))
    );
    // The author, a stranger, and what needs a reason, are answered with it.
    github.with(|world| world.user("dora", "User").users.len());
    for (who, button, why) in [
        ("bo", "approve", "wrote commit"),
        ("dora", "approve", "shop-owner"),
        ("carla", "reject", "/countersign reject production: REASON"),
    ] {
        let before = replies(&github).len();
        presses(&served, who, button);
        until("an answer", || replies(&github).len() > before);
        let answer = replies(&github).pop().unwrap();
        assert!(answer.contains(why) && answer.contains(&format!("pressed by {who}")), "{answer}");
    }
    assert_eq!(title(&github), "production: needs carla to approve");
    // An App presses nothing, and neither does anybody on another commit.
    takes(&served, "check_run", &id(), &pressed("carla", "Bot", "approve", "c2"));
    takes(&served, "check_run", &id(), &pressed("carla", "User", "approve", "c1"));
    let delivery = id();
    let approves = pressed("carla", "User", "approve", "c2");
    takes(&served, "check_run", &delivery, &approves);
    until("it counts", || title(&github) == "production: needs nothing more");
    assert_eq!(check(&github)["conclusion"], "success");
    assert_eq!(check(&github)["actions"], json!([]));
    // Delivered again, under its id and under another, it is the same act.
    takes(&served, "check_run", &delivery, &approves);
    takes(&served, "check_run", &id(), &approves);
    let approvals = || app.world.run(&["db", "list", "approvals", "--database", "sqlite:record.db"]).out;
    assert_eq!(approvals().matches("button-").count(), 1, "{}", approvals());
    assert_eq!(replies(&github).len(), 3, "{:?}", replies(&github));
    drop(served);

    // What was approved is what lands: nobody is asked again.
    next_release(&github);
    github.with(|world| world.deployments.remove(0));
    let _served = app.start_with(&options, &["--sweep", "1"]);
    until("it opens", || told_of(&github, NEXT).decided.is_some());
    assert_eq!(told_of(&github, NEXT).decided.unwrap().0, "approved");
}

#[test]
fn a_button_that_was_pressed_before_a_kill_is_heard_after_it() {
    let (github, app, options) = begun();
    let served = app.start_with(&options, &["--sweep", "300"]);
    until("a check", || title(&github) == "production: needs carla to approve");
    presses(&served, "carla", "approve");
    // It is in the record, and that is all that is known.
    drop(served);
    let _served = app.start_with(&options, &["--sweep", "1"]);
    until("it counts", || title(&github) == "production: needs nothing more");
}

#[test]
fn what_lands_otherwise_was_not_approved_by_the_button() {
    let (github, app, options) = begun();
    let served = app.start_with(&options, &["--sweep", "1"]);
    until("a check", || title(&github) == "production: needs carla to approve");
    presses(&served, "carla", "approve");
    until("it counts", || title(&github) == "production: needs nothing more");
    // Another commit is pushed before it is merged: the check of the new head asks again.
    github.with(|world| {
        world.commit("c3", "bo", &["c2"], &[("checkout/basket.rs", "4")]);
        world.edit("c3", |it| it.date = ago(1));
        world.push(&ago(1), "c2", "c3", "push", "bo");
        world.propose(13, "bo", "51", &["c2", "c3"]);
    });
    let of = |commit: &str| {
        let all = written(&github, "check-runs");
        all.into_iter().find(|it| it["head_sha"] == sha(commit)).unwrap_or_default()
    };
    until("a check of the new head", || of("c3")["output"]["title"].is_string());
    let title = of("c3")["output"]["title"].as_str().unwrap().to_owned();
    assert_eq!(title, "production: needs carla to approve", "{}", of("c3"));
}
