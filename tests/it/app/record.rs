//! What the app knows from its record alone: who was told what, which deliveries are still to be answered, what earlier
//! releases left to be done, and which component last went with what.

use std::time::Duration;

use serde_json::json;

use super::{
    App, NEXT, POLICY, ago, asks, id, next_release, payload, reviews, reviews_of, shop, takes, told, told_of, until,
};
use crate::support::github::Github;
use crate::support::github::world::{Rule, Run, sha};

#[test]
fn after_a_restart_a_hold_is_not_reported_once_more() {
    let github = shop();
    asks(&github);
    let app = App::new(&github);
    let served = app.start(&["--sweep", "1"]);
    until("a report", || told(&github).reports.len() == 1);
    until("a look that finds nothing new", || !app.events("release_unchanged").is_empty());
    let decided = app.events("release_decided").len();
    drop(served);
    for _ in 0..3 {
        let looks = app.looks();
        let _served = app.start(&["--sweep", "1"]);
        until("looks by another process", || app.looks() > looks + 1);
    }
    assert_eq!(told(&github).reports.len(), 1, "{:?}", told(&github).reports);
    assert_eq!(app.events("release_decided").len(), decided);
    // What says something else is told.
    reviews(&github, "ana", "APPROVED");
    let _served = app.start(&["--sweep", "1"]);
    until("another report", || told(&github).reports.len() == 2);
    assert!(told(&github).reports[1].contains("ana"), "{:?}", told(&github).reports);
}

#[test]
fn f01_deliveries_taken_before_a_kill_are_named_by_the_next_decision() {
    let github = shop();
    asks(&github);
    let app = App::new(&github);
    let served = app.start(&["--sweep", "300"]);
    until("a report", || told(&github).reports.len() == 1);
    let labeled = payload(json!({"action": "labeled", "pull_request": {"number": 12}}));
    let (one, other) = (id(), id());
    assert_eq!(takes(&served, "pull_request", &one, &labeled), "recorded");
    assert_eq!(takes(&served, "pull_request", &other, &labeled), "recorded");
    // It is killed while it gathers more of the same.
    drop(served);
    let named = |id: &str| {
        let answers =
            |event: &serde_json::Value| event["answers"].as_array().unwrap().contains(&json!(format!("github:{id}")));
        app.events("release_decided").iter().filter(|event| answers(event)).count()
    };
    let served = app.start(&["--sweep", "1"]);
    until("the decision that answers them", || named(&one) == 1 && named(&other) == 1);
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!((named(&one), named(&other)), (1, 1));
    drop(served);
    let listed = app.world.run(&["db", "list", "decisions", "--database", "sqlite:record.db"]);
    assert!(!listed.out.is_empty() && listed.code == 0, "{}", listed.err);
    assert_eq!(told(&github).reports.len(), 1, "they change nothing that the run was told");
}

/// The obligations of the record, as they are listed.
fn obligations(app: &App) -> String {
    let listed = app.world.run(&["db", "list", "obligations", "--database", "sqlite:record.db"]);
    assert_eq!(listed.code, 0, "{}", listed.err);
    listed.out
}

#[test]
fn what_a_release_left_to_be_done_holds_the_next_until_it_is_done() {
    let github = shop();
    let then = "accountable: 1 }, then: { validate: { by: shop-owner, within: 1s, needs: evidence } }";
    let policy = POLICY.replace("accountable: 1 }", then);
    github.with(|world| world.contents.insert(".countersign/policy.yml".to_owned(), policy));
    asks(&github);
    reviews(&github, "bo", "APPROVED");
    let app = App::new(&github);
    let served = app.start(&["--sweep", "1"]);
    until("an answer", || told(&github).decided.is_some());
    assert_eq!(told(&github).decided.unwrap().0, "approved");
    // Killed before it has written down that the answer arrived, it would have the next one wait for as long as a claim lasts.
    until("the answer to be known to have arrived", || !app.events("effect_attempted").is_empty());
    std::thread::sleep(Duration::from_millis(500));
    drop(served);
    let listed = obligations(&app);
    let id = listed.split_whitespace().find(|word| word.starts_with("validate-")).unwrap().to_owned();

    std::thread::sleep(Duration::from_secs(1));
    next_release(&github);
    reviews_of(&github, 1, "carla");
    let served = app.start(&["--sweep", "1"]);
    until("a report", || !told_of(&github, NEXT).reports.is_empty());
    let report = told_of(&github, NEXT).reports[0].clone();
    assert!(report.contains("owes") && report.contains("validate"), "{report}");
    // Words without anything attached do not meet it; the role's holder with a link does.
    let comment = |name: &str, says: String| {
        github.with(|world| world.comment(13, name, "carla", &says, &ago(0)).is_null());
        let one = payload(json!({"action": "created", "issue": {"number": 13, "pull_request": {}}}));
        takes(&served, "issue_comment", &super::id(), &one);
    };
    comment("IC_1", format!("/countersign validate production {id}"));
    until("what is missing", || {
        told_of(&github, NEXT).reports.last().is_some_and(|report| report.contains("nothing is attached"))
    });
    assert_eq!(told_of(&github, NEXT).decided, None);
    comment("IC_2", format!("/countersign validate production {id} https://runs.example/7"));
    until("an answer", || told_of(&github, NEXT).decided.is_some());
    assert_eq!(told_of(&github, NEXT).decided.unwrap().0, "approved");
    drop(served);
    let listed = obligations(&app);
    let met = listed.lines().find(|line| line.contains(&id)).unwrap();
    assert!(met.rsplit('\t').next().unwrap().parse::<u64>().is_ok(), "an entry says that it is met: {listed}");
}

/// A policy of two components with an owner each.
fn two_components() -> String {
    POLICY
        .replace("roles:\n", "  search: { paths: [\"search/**\"], team: search }\nroles:\n  search-owner: { members: [\"github:ana\"] }\n")
        .replace("raci:\n", "raci:\n  - { on: search, accountable: search-owner }\n")
}

fn next_touches(github: &Github, file: &str) {
    github.with(|world| {
        world.commit("c2", "bo", &["51"], &[(file, "3")]);
        world.commit("61", "bo", &["51"], &[(file, "3")]);
        world.pull(13, "bo", "51", &["c2"], "61");
        for (commit, minutes) in [("c2", 4), ("61", 3)] {
            world.edit(commit, |it| it.date = ago(minutes));
        }
        world.pulls.get_mut(&13).unwrap().merged_at = Some(ago(3));
        world.push(&ago(4), "51", "c2", "push", "bo");
        world.push(&ago(3), "51", "61", "pr_merge", "carla");
        world.branches.insert("refs/heads/main".to_owned(), sha("61"));
        let statuses = vec![("SUCCESS".to_owned(), ago(1)), ("IN_PROGRESS".to_owned(), ago(2))];
        let deployment = crate::support::github::world::Deployment {
            environment: "production".to_owned(),
            commit: sha("51"),
            statuses,
        };
        world.deployments.insert(0, deployment);
        world.runs.push(Run {
            id: NEXT,
            commit: sha("61"),
            branch: "main".to_owned(),
            creator: Some("carla".to_owned()),
            event: "push".to_owned(),
            created_at: ago(0),
            reviews: Vec::new(),
        });
        world.rules.insert((NEXT, "production".to_owned()), Rule::default());
    });
}

#[test]
fn t67_each_component_is_judged_by_what_came_since_it_last_went() {
    let github = shop();
    github.with(|world| world.contents.insert(".countersign/policy.yml".to_owned(), two_components()));
    asks(&github);
    reviews(&github, "bo", "APPROVED");
    let app = App::new(&github);
    let without = ["--sweep", "1", "--without-artifacts", "search"];
    let served = app.start(&without);
    until("an answer", || told(&github).decided.is_some());
    assert_eq!(told(&github).decided.unwrap().0, "approved", "search went nowhere, and is asked of nobody");
    drop(served);

    // The other component goes for the first time in this record: from where the record began, and not from where the
    // first one is by now. What the first one went with is not asked again.
    next_touches(&github, "search/index.rs");
    let _served = app.start(&without);
    until("a report", || !told_of(&github, NEXT).reports.is_empty());
    let report = told_of(&github, NEXT).reports[0].clone();
    assert!(report.contains("search-owner") && !report.contains("shop-owner"), "{report}");
    reviews_of(&github, 1, "ana");
    until("an answer", || told_of(&github, NEXT).decided.is_some());
    assert_eq!(told_of(&github, NEXT).decided.unwrap().0, "approved");
}
