//! `countersign answer` on GitLab: what is decided now becomes the vote of the account whose token it has.

use serde_json::json;

use super::{PIPELINE, Rule, asks, policy, shop, status, told, votes, written};
use crate::support::github::world::sha;
use crate::support::gitlab::world::{PROJECT, Pipeline};
use crate::support::gitlab::{APP, APP_TOKEN, TOKEN};
use crate::support::run::World;

#[test]
fn what_is_decided_now_answers_the_deployment_that_waits() {
    let gitlab = shop();
    asks(&gitlab);
    gitlab.with(|world| {
        let other = Pipeline { id: PIPELINE + 1, commit: sha("b0"), ..world.pipelines[0].clone() };
        world.pipelines.push(other);
    });
    let world = World::with_policy(&policy());
    world.write("token", format!("{APP_TOKEN}\n")).write("person", format!("{TOKEN}\n"));
    world.write("known.json", r#"{"obligations": []}"#);
    world.write("roster.yml", "forge: gitlab\ngroups: { \"gitlab:acme/shop-leads\": [gitlab:bo, gitlab:carla] }\n");
    let answer = |run: u64, more: &[&str]| {
        let (head, base, url, run) = (sha("51"), sha("b0"), gitlab.url(), run.to_string());
        let mut arguments = vec!["answer", "--gitlab", PROJECT, "--gitlab-url", &url, "--environment", "production"];
        arguments.extend(["--commit", &head, "--since", &base, "--run", &run, "--artifact", "checkout=none"]);
        arguments.extend(["--roster", "roster.yml", "--with", "known.json"]);
        arguments.extend(if more.contains(&"--token-file") { &[][..] } else { &["--token-file", "token"] });
        arguments.extend(more);
        world.run(&arguments)
    };
    let said = answer(PIPELINE, &[]);
    assert_eq!((said.code, said.out.as_str()), (10, "production, run 900: told why it is held\n"), "{}", said.err);
    assert!(said.err.contains("leaves no record"), "{}", said.err);
    let (state, says) = told(&gitlab).remove(0);
    assert!(state == "failed" && says.contains("0 of 1"), "{state} {says}");
    assert_eq!(status(&gitlab), "blocked");
    votes(&gitlab, "bo");
    // The decision is about one commit, and opens no pipeline of another.
    let said = answer(PIPELINE + 1, &[]);
    assert_ne!(said.code, 0, "{}", said.out);
    // Whom no rule names by himself votes for nobody.
    let said = answer(PIPELINE, &["--token-file", "person"]);
    assert_eq!(said.code, 3, "{}{}", said.out, said.err);
    assert!(written(&gitlab, "/approval").is_empty());
    assert_eq!(world.run(&["log", "key", "new", "--name", "log.example/releases", "--output", "log.key"]).code, 0);
    let said = answer(PIPELINE, &["--database", "sqlite:record.db", "--log-key", "log.key"]);
    assert_eq!((said.code, said.out.as_str()), (0, "production, run 900: opened\n"), "{}", said.err);
    assert!(!said.err.contains("leaves no record"), "{}", said.err);
    assert_eq!(status(&gitlab), "success");
    let given = written(&gitlab, "/approval");
    assert_eq!((given.len(), &given[0]["represented_as"]), (1, &json!("countersign the account")));
    let said = answer(PIPELINE, &[]);
    assert_eq!(said.code, 3, "{}", said.out);
    assert!(said.out.contains("no longer waits"), "{}", said.out);
}

#[test]
fn the_vote_of_the_account_waits_for_those_of_others() {
    let gitlab = shop();
    gitlab.with(|world| {
        world.note(12, "bo", &format!("/countersign approve production {}", sha("51")), &crate::app::ago(1));
        world.rules.insert("production".to_owned(), vec![Rule::of_group("acme/shop-leads", 1), Rule::of(APP)]);
    });
    asks(&gitlab);
    let world = World::with_policy(&policy());
    world.write("token", format!("{APP_TOKEN}\n"));
    world.write("known.json", r#"{"obligations": []}"#);
    world.write("roster.yml", "forge: gitlab\ngroups: { \"gitlab:acme/shop-leads\": [gitlab:bo, gitlab:carla] }\n");
    let (head, base, url, run) = (sha("51"), sha("b0"), gitlab.url(), PIPELINE.to_string());
    let said = world.run(&[
        "answer",
        "--gitlab",
        PROJECT,
        "--gitlab-url",
        &url,
        "--environment",
        "production",
        "--commit",
        &head,
        "--since",
        &base,
        "--run",
        &run,
        "--artifact",
        "checkout=none",
        "--roster",
        "roster.yml",
        "--with",
        "known.json",
        "--token-file",
        "token",
    ]);
    assert_eq!(said.code, 10, "{}{}", said.out, said.err);
    assert!(said.out.contains("approvals by others"), "{}", said.out);
    assert!(written(&gitlab, "/approval").is_empty());
    assert_eq!(status(&gitlab), "blocked");
}
