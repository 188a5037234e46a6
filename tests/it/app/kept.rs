//! The layer of the policy that a repository keeps for all others.

use std::time::Duration;

use serde_json::json;

use super::{App, asks, reviews, shop, told, until};
use crate::support::github::Github;
use crate::support::github::world::sha;

/// Whatever a repository says, two answer for what goes to production.
const ORGANISATION: &str = r#"
version: 1
environments: { staging: { approval: automatic }, production: { approval: formal } }
gates:
  tests: { junit: "**/*.xml", require: "tests.failed == 0", environments: [staging] }
routes:
  normal: { approvals: { accountable: 2 } }
"#;
const KEPT: [&str; 4] = ["--sweep", "1", "--policy-repository", "acme/shop@policy:org/policy.yml"];

/// A shop whose policy asks for one, in an organisation that asks for two.
fn organised() -> Github {
    let github = shop();
    github.with(|world| {
        world.branches.insert("refs/heads/policy".to_owned(), sha("b0"));
        world.contents.insert("org/policy.yml".to_owned(), ORGANISATION.to_owned());
        world.settings.protected.push("policy".to_owned());
    });
    asks(&github);
    github
}

#[test]
fn what_the_organisation_asks_is_asked_of_every_repository() {
    let github = organised();
    reviews(&github, "bo", "APPROVED");
    let app = App::new(&github);
    let _served = app.start(&KEPT);
    until("a report", || !told(&github).reports.is_empty());
    assert!(told(&github).reports[0].contains("1 of 2"), "{:?}", told(&github).reports);
    let before = app.looks();
    until("more looks", || app.looks() > before + 1);
    assert_eq!(told(&github).decided, None);
    // What is read for all is read for a minute, not with every look.
    let read = github.asked().iter().filter(|it| it.path.ends_with("/contents/org/policy.yml")).count();
    assert_eq!(read, 1);
    reviews(&github, "carla", "APPROVED");
    until("an answer", || told(&github).decided.is_some());
    assert_eq!(told(&github).decided.unwrap().0, "approved");
}

/// Where the layer is said to be, what is changed, and what is then said.
type Change = (&'static str, fn(&Github), &'static str);

#[test]
fn a_layer_that_cannot_be_trusted_or_read_lets_nothing_go() {
    let changes: [Change; 4] = [
        (KEPT[3], |it| it.with(|world| world.settings.protected.clear()), "it is not protected"),
        (KEPT[3], |it| drop(it.with(|world| world.contents.remove("org/policy.yml"))), "is there; write one"),
        (
            KEPT[3],
            |it| drop(it.with(|world| world.contents.insert("org/policy.yml".to_owned(), "version: 7".to_owned()))),
            "needs the key",
        ),
        ("acme/elsewhere", |_| {}, "acme/elsewhere"),
    ];
    std::thread::scope(|scope| {
        for (place, change, says) in changes {
            scope.spawn(move || {
                let github = organised();
                change(&github);
                reviews(&github, "bo", "APPROVED");
                reviews(&github, "carla", "APPROVED");
                let app = App::new(&github);
                let _served = app.start(&["--sweep", "1", "--policy-repository", place]);
                until(says, || {
                    app.world.read("app.log").contains(says) || told(&github).reports.iter().any(|it| it.contains(says))
                });
                std::thread::sleep(Duration::from_secs(2));
                assert_eq!(told(&github).decided, None, "{says}");
            });
        }
    });
}

#[test]
fn a_branch_is_protected_by_a_ruleset_only_where_that_keeps_whoever_may_push_out() {
    let rule = |kind: &str, reviews: u64| {
        let rule = json!({"type": kind, "ruleset_id": 9, "ruleset_source_type": "Repository", "ruleset_source": "acme/shop",
            "parameters": {"required_approving_review_count": reviews}});
        (rule, json!({"id": 9, "name": "policy", "enforcement": "active"}))
    };
    for (rules, opens) in [
        (vec![rule("deletion", 0), rule("non_fast_forward", 0), rule("pull_request", 0)], false),
        (vec![rule("deletion", 0), rule("pull_request", 1)], true),
    ] {
        let github = shop();
        github.with(|world| {
            world.contents.insert("org/policy.yml".to_owned(), ORGANISATION.to_owned());
            world.settings.protection = None;
            world.settings.rulesets = rules;
        });
        asks(&github);
        reviews(&github, "bo", "APPROVED");
        reviews(&github, "carla", "APPROVED");
        let app = App::new(&github);
        let _served = app.start(&["--sweep", "1", "--policy-repository", "acme/shop@main:org/policy.yml"]);
        if opens {
            until("an answer", || told(&github).decided.is_some());
        } else {
            until("the reason", || app.world.read("app.log").contains("it is not protected"));
            std::thread::sleep(Duration::from_secs(2));
            assert_eq!(told(&github).decided, None);
        }
    }
}

#[test]
fn the_repository_that_keeps_it_is_decided_by_it() {
    let github = shop();
    asks(&github);
    reviews(&github, "bo", "APPROVED");
    let app = App::new(&github);
    let _served = app.start(&["--sweep", "1", "--policy-repository", "acme/shop"]);
    until("an answer", || told(&github).decided.is_some());
    assert_eq!(told(&github).decided.unwrap().0, "approved");
}

#[test]
fn a_place_that_is_none_is_refused_at_once() {
    let app = App::new(&shop());
    for place in
        ["acme", "acme/", "acme/policy@", "acme/policy:", "acme/policy:../x", "acme/policy:/etc/x", "acme/po licy"]
    {
        let options: Vec<String> = app.options();
        let mut all = vec!["serve"];
        all.extend(options.iter().map(String::as_str));
        all.extend(["--policy-repository", place]);
        let said = app.world.run(&all);
        assert_eq!(said.code, 2, "{place}: {}", said.err);
        assert!(said.err.contains("acme/policy@main:org/policy.yml"), "{place}: {}", said.err);
    }
    // Named with nothing behind it, it is not left out in silence.
    app.world.write("serve.yml", "policy-repository:\n");
    let options = app.options();
    let mut all = vec!["serve", "--config", "serve.yml"];
    all.extend(options.iter().map(String::as_str));
    let said = app.world.run(&all);
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains("serve.yml"), "{}", said.err);
    let mut command = app.world.command();
    command.arg("serve").args(&options).env("COUNTERSIGN_POLICY_REPOSITORY", " ");
    let said = command.output().unwrap();
    assert_eq!(said.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&said.stderr).contains("names nothing"));
}
