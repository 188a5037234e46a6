//! Who pushed what, where some of it was read before: what is kept costs no call, and nobody gets away with another name.

use countersign::forge::github::client::Client;
use countersign::forge::{Gathered, Question, Source as _};
use countersign::model::facts::Fact;

use super::client::{client, run};
use super::facts::many;
use crate::support::github::world::{World, sha};
use crate::support::github::{Github, Trouble};

/// A hundred pull requests, whose pushes take two pages, were looked at with a client that lives on.
fn looked_at() -> (Github, Question, Client) {
    let (github, question) = many(100);
    let question = Question { history: true, ..question };
    let client = client(&github);
    run(client.gather(&question)).unwrap();
    assert_eq!(pages(&github), 2);
    github.forget();
    (github, question, client)
}

fn pages(github: &Github) -> usize {
    github.asked().iter().filter(|it| it.path.ends_with("/activity")).count()
}

/// One more is merged.
fn one_more(github: &Github, question: &Question) -> Question {
    github.with(|world| {
        let changed = [("checkout/basket.rs", "more")];
        world.commit("c101", "bo", &["d100"], &changed);
        world.commit("d101", "bo", &["d100"], &changed);
        world.pull(101, "bo", "d100", &["c101"], "d101");
        world.push("2026-12-01T20:00:00Z", "d100", "c101", "push", "bo");
        world.push("2026-12-01T20:01:00Z", "d100", "d101", "pr_merge", "bo");
    });
    Question { commit: sha("d101"), reference: None, ..question.clone() }
}

fn pushed_by(gathered: &Gathered, short: &str) -> Fact<String> {
    let changes = gathered.changes.known().unwrap();
    let commits = changes.iter().flat_map(|it| it.change.commits.known().unwrap());
    let commit = commits.into_iter().find(|commit| commit.sha == sha(short)).unwrap();
    match &commit.pushed_by {
        Fact::Known(account) => Fact::Known(account.as_str().to_owned()),
        Fact::Absent => Fact::Absent,
        Fact::Unavailable(why) => Fact::Unavailable(why.clone()),
    }
}

#[test]
fn what_was_pushed_before_is_read_no_more() {
    let (github, question, client) = looked_at();
    let question = one_more(&github, &question);
    let gathered = run(client.gather(&question)).unwrap();
    assert_eq!(pages(&github), 1, "the two meet on the first page");
    assert_eq!(pushed_by(&gathered, "c101"), Fact::Known("github:bo".to_owned()));
    assert_eq!(pushed_by(&gathered, "c001"), Fact::Known("github:ana".to_owned()));
    let other = super::client::client(&github);
    let anew = run(other.gather(&question)).unwrap();
    assert_eq!(gathered.changes, anew.changes, "and it is what somebody sees who reads all of it");
    // What the accounts are called is asked with all else.
    let before = client.calls().graphql;
    run(client.gather(&question)).unwrap();
    assert_eq!(client.calls().graphql - before, other.calls().graphql);
}

#[test]
fn t05_whoever_changes_his_name_is_who_pushed() {
    let (github, question, client) = looked_at();
    let rename = |world: &mut World| {
        let ana = world.users.remove("ana").unwrap();
        world.users.insert("anna".to_owned(), ana);
    };
    github.with(rename);
    let gathered = run(client.gather(&one_more(&github, &question))).unwrap();
    assert_eq!(pages(&github), 1);
    assert_eq!(pushed_by(&gathered, "c001"), Fact::Known("github:anna".to_owned()));
}

#[test]
fn t05_whoever_is_gone_is_not_who_was_read_before() {
    let (github, question, client) = looked_at();
    github.with(|world| drop(world.users.remove("ana")));
    let gathered = run(client.gather(&one_more(&github, &question))).unwrap();
    assert_eq!(pages(&github), 3, "all of it is read again");
    assert!(pushed_by(&gathered, "c001").unavailable().is_some());
    assert_eq!(pushed_by(&gathered, "c101"), Fact::Known("github:bo".to_owned()));
}

#[test]
fn what_does_not_meet_what_was_read_before_is_read_to_its_end() {
    let (github, question, client) = looked_at();
    let question = one_more(&github, &question);
    github.with(|world| {
        for minute in 2..130 {
            let at = format!("2026-12-01T{}:{:02}:00Z", 20 + minute / 60, minute % 60);
            world.push(&at, "d101", "d101", "push", "bo");
        }
    });
    let gathered = run(client.gather(&question)).unwrap();
    assert_eq!(pages(&github), 2, "the first page is all new, and the second meets it");
    assert_eq!(pushed_by(&gathered, "c001"), Fact::Known("github:ana".to_owned()));
}

#[test]
fn what_cannot_be_had_together_is_asked_by_itself() {
    let (github, question, client) = looked_at();
    github.trouble("graphql", Trouble::Answer(502, vec![], "<html>".to_owned()));
    let gathered = run(client.gather(&question)).unwrap();
    let asked = |what: &str| {
        let texts = github.asked().into_iter().filter_map(|it| it.body["query"].as_str().map(str::to_owned));
        texts.filter(|text| text.contains(what)).count()
    };
    assert_eq!((asked("history("), asked("nodes(ids:")), (2, 2), "together once, and each once");
    assert_eq!(pushed_by(&gathered, "c001"), Fact::Known("github:ana".to_owned()));
}
