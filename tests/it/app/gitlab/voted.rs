//! The whole path on a plan with approvals of deployments: held, explained, approved, opened once.

use std::time::Duration;

use serde_json::json;

use super::{App, DEPLOYMENT, PIPELINE, asks, key, policy, shop, status, takes, told, votes, waits, written};
use crate::app::{ago, until};
use crate::support::github::world::sha;
use crate::support::gitlab::world::{PROJECT_ID, Rule};
use crate::support::gitlab::{APP, reply};

/// Two leads approve.
fn by_two() -> String {
    let policy = policy();
    let two = policy.replace("{ accountable: 1 }", "{ accountable: 2 }");
    assert_ne!(policy, two);
    two
}

#[test]
fn a_deployment_is_held_explained_approved_by_two_people_and_opened_once() {
    let gitlab = shop();
    gitlab.with(|world| {
        world.git.contents.insert(".countersign/policy.yml".to_owned(), by_two());
        world.git.user("dora", "User");
        world.groups.get_mut("acme/shop-leads").unwrap().push(("dora".to_owned(), 40, ago(100_000)));
        world.rules.insert("production".to_owned(), vec![Rule::of_group("acme/shop-leads", 2), Rule::of(APP)]);
    });
    let app = App::new(&gitlab);
    app.world.write(
        "roster.yml",
        "forge: gitlab\ngroups: { \"gitlab:acme/shop-leads\": [gitlab:bo, gitlab:carla, gitlab:dora] }\n",
    );
    let served = app.start(&["--sweep", "300"]);
    until("the first sweep", || served.ask("GET /readyz").0 == 200);
    asks(&gitlab);
    let (first, waiting) = (key(), waits());
    assert_eq!(takes(&served, &first, &waiting), "recorded");
    assert_eq!(takes(&served, &first, &waiting), "recorded_before");
    until("a status", || !told(&gitlab).is_empty());
    let (state, says) = told(&gitlab).remove(0);
    // A status that is `pending` would keep its pipeline running for ever.
    assert_eq!(state, "failed");
    assert!(says.contains("held before production") && says.contains("0 of 2"), "{says}");
    assert_eq!(status(&gitlab), "blocked");
    // The delivery is answered by the decision that followed.
    until("a decision", || app.decisions() == 1);
    assert!(
        app.events("release_decided")[0]["answers"].to_string().contains(&first),
        "{:?}",
        app.events("release_decided")
    );

    votes(&gitlab, "dora");
    takes(&served, &key(), &waiting);
    until("a second status", || told(&gitlab).len() == 2);
    assert!(told(&gitlab)[1].1.contains("1 of 2"), "{:?}", told(&gitlab));
    until("it to be written down", || app.events("effect_attempted").len() >= 2);
    std::thread::sleep(Duration::from_millis(500));
    // It is killed; who approved meanwhile is found by whoever is started next.
    drop(served);
    votes(&gitlab, "carla");
    let served = app.start(&["--sweep", "300"]);
    until("the job to be played", || status(&gitlab) == "success");
    for _ in 0..3 {
        takes(&served, &key(), &waiting);
    }
    std::thread::sleep(Duration::from_secs(2));
    let given = written(&gitlab, "/approval");
    assert_eq!(given.len(), 1, "{given:?}");
    assert_eq!(
        (&given[0]["status"], &given[0]["represented_as"]),
        (&json!("approved"), &json!("countersign the account"))
    );
    assert!(given[0]["comment"].as_str().unwrap().contains("production may proceed"), "{given:?}");
    assert_eq!(written(&gitlab, "/play").len(), 1);
    assert_eq!(gitlab.with(|world| world.played[&DEPLOYMENT].0.clone()), APP);
    until("the last status", || told(&gitlab).last().is_some_and(|(state, _)| state == "success"));
    // What was let in is in the ledger, by the decision that let it in.
    until("the ledger", || app.events("deployment_recorded").iter().any(|it| it["state"] == "succeeded"));
    let ledger = app.events("deployment_recorded");
    assert!(ledger.iter().any(|it| it["run"] == PIPELINE && it["decision"].is_u64()), "{ledger:?}");
    assert!(app.events("deployment_without_decision").is_empty());

    drop(served);
    let verified = app.world.run(&["log", "verify", "--database", "sqlite:record.db", "--log-key", "log.pub"]);
    assert_eq!(verified.code, 0, "{}{}", verified.out, verified.err);
}

#[test]
fn without_a_delivery_the_sweep_comes_to_the_same() {
    let gitlab = shop();
    asks(&gitlab);
    let app = App::new(&gitlab);
    let _served = app.start(&["--sweep", "1"]);
    until("a status", || !told(&gitlab).is_empty());
    votes(&gitlab, "bo");
    until("the job to be played", || status(&gitlab) == "success");
    assert_eq!(told(&gitlab).iter().filter(|(state, _)| state == "failed").count(), 1, "{:?}", told(&gitlab));
    assert_eq!((written(&gitlab, "/approval").len(), written(&gitlab, "/play").len()), (1, 1));
}

#[test]
fn killed_between_the_vote_and_the_play_it_plays_and_votes_no_second_time() {
    let gitlab = shop();
    asks(&gitlab);
    votes(&gitlab, "bo");
    // The vote arrives; the server is gone when the job is to be played.
    for _ in 0..50 {
        gitlab.trouble("/play", reply(502, &json!({"message": "gone"})));
    }
    let app = App::new(&gitlab);
    let served = app.start(&["--sweep", "300"]);
    until("the vote", || status(&gitlab) == "created");
    until("it to fail", || app.events("effect_attempted").iter().any(|it| it["outcome"] == "failed"));
    std::thread::sleep(Duration::from_millis(500));
    drop(served);
    gitlab.untroubled();
    let _served = app.start(&["--sweep", "1"]);
    until("the job to be played", || status(&gitlab) == "success");
    assert_eq!(written(&gitlab, "/approval").len(), 1);
    assert_eq!(gitlab.with(|world| world.played[&DEPLOYMENT].0.clone()), APP);
}

#[test]
fn the_app_votes_last_and_for_nobody_but_itself() {
    let gitlab = shop();
    // `bo` approves in a note, which counts for the policy and not for GitLab's own rule.
    gitlab.with(|world| {
        world.note(12, "bo", &format!("/countersign approve production {}", sha("51")), &ago(1));
    });
    asks(&gitlab);
    let app = App::new(&gitlab);
    let _served = app.start(&["--sweep", "1"]);
    until("it to wait for others", || {
        app.events("effect_attempted").iter().any(|it| it["why"].as_str().is_some_and(|why| why.contains("votes last")))
    });
    assert!(written(&gitlab, "/approval").is_empty());
    // As long as they are missing it is said once, and nothing of the repository waits behind it.
    std::thread::sleep(Duration::from_secs(4));
    let tried: Vec<_> = app.events("effect_attempted").into_iter().filter(|it| it["why"].is_string()).collect();
    assert_eq!((tried.len(), &tried[0]["outcome"], app.decisions()), (1, &json!("refused"), 1), "{tried:?}");
    votes(&gitlab, "carla");
    until("the job to be played", || status(&gitlab) == "success");
    let given = written(&gitlab, "/approval");
    assert_eq!((given.len(), &given[0]["represented_as"]), (1, &json!("countersign the account")));
}

#[test]
fn where_no_rule_names_the_app_it_neither_votes_nor_plays() {
    let gitlab = shop();
    // The app is a member of the group whose approval is asked for, and would stand for a person.
    gitlab.with(|world| {
        world.groups.get_mut("acme/shop-leads").unwrap().push((APP.to_owned(), 40, ago(100_000)));
        world.rules.insert("production".to_owned(), vec![Rule::of_group("acme/shop-leads", 1)]);
    });
    asks(&gitlab);
    let app = App::new(&gitlab);
    let served = app.start(&["--sweep", "1"]);
    until("the first sweep", || served.ask("GET /readyz").0 == 200);
    takes(&served, &key(), &waits());
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!((status(&gitlab).as_str(), app.decisions()), ("blocked", 0));
    assert!(written(&gitlab, "/approval").is_empty() && written(&gitlab, "/play").is_empty());
}

#[test]
fn the_apps_own_vote_and_notes_are_nobodys_approval() {
    let gitlab = shop();
    // Somebody made the app's account a lead, and somebody has it say that it approves.
    gitlab.with(|world| {
        world.groups.get_mut("acme/shop-leads").unwrap().push((APP.to_owned(), 40, ago(100_000)));
        world.note(12, APP, &format!("/countersign approve production {}", sha("51")), &ago(1));
        world.approve(12, APP, &ago(1)).unwrap();
        world.git.users.get_mut(APP).unwrap().0 = "User".to_owned();
    });
    asks(&gitlab);
    let app = App::new(&gitlab);
    app.world.write(
        "roster.yml",
        "forge: gitlab\ngroups: { \"gitlab:acme/shop-leads\": [gitlab:bo, gitlab:carla, gitlab:countersign] }\n",
    );
    let _served = app.start(&["--sweep", "1"]);
    until("a status", || !told(&gitlab).is_empty());
    assert!(told(&gitlab)[0].1.contains("0 of 1"), "{:?}", told(&gitlab));
    assert_eq!(status(&gitlab), "blocked");
}

#[test]
fn a_command_in_a_note_is_answered_and_a_merge_request_has_its_status() {
    let gitlab = shop();
    gitlab.with(|world| {
        world.git.commit("c2", "ana", &["51"], &[("checkout/basket.rs", "3")]);
        world.push(&ago(2), "ana", "51", "c2", None);
        world.open(13, "ana", "51", "c2", &ago(2));
        world.note(13, "ana", "/countersign why", &ago(1));
    });
    let app = App::new(&gitlab);
    let served = app.start(&["--sweep", "1"]);
    let hint = json!({"object_kind": "merge_request", "project": {"id": PROJECT_ID}, "object_attributes": {"iid": 13}});
    takes(&served, &key(), &hint);
    let shown = || gitlab.with(|world| world.statuses.iter().find(|it| it["name"] == "countersign").cloned());
    until("the status", || shown().is_some());
    let status = shown().unwrap();
    // Before anything is released nothing of ours keeps anybody from merging.
    assert_eq!((&status["sha"], &status["state"]), (&json!(sha("c2")), &json!("success")), "{status}");
    let ours = || {
        let ours = |note: &&serde_json::Value| note["author"]["username"] == APP;
        gitlab.with(|world| world.requests[&13].notes.iter().filter(ours).cloned().collect::<Vec<_>>())
    };
    let says = |note: &serde_json::Value, what: &str| note["body"].as_str().unwrap().contains(what);
    let kept = || ours().into_iter().find(|note| says(note, "countersign proposal"));
    until("the note", || kept().is_some_and(|note| says(&note, "shop-owner")));
    until("an answer", || ours().len() == 2);
    // Of a new head the same note says what it would need, and the command is answered once.
    let first = kept().unwrap();
    gitlab.with(|world| {
        world.git.commit("c3", "bo", &["c2"], &[("checkout/basket.rs", "4")]);
        world.push(&ago(0), "bo", "c2", "c3", Some((13, "51")));
    });
    takes(&served, &key(), &hint);
    until("the status of the new head", || {
        gitlab.with(|world| world.statuses.iter().any(|it| it["name"] == "countersign" && it["sha"] == sha("c3")))
    });
    let second = kept().unwrap();
    assert_eq!(first["id"], second["id"]);
    assert_ne!(first["body"], second["body"], "`bo` has a hand in it now, and is not asked");
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(ours().len(), 2, "{:?}", ours());
    assert_eq!(gitlab.with(|world| world.quick.clone()), Vec::<String>::new());
}

#[test]
fn f26_a_hook_that_gitlab_disabled_is_enabled_again_and_that_is_said() {
    let gitlab = shop();
    let app = App::new(&gitlab);
    let url = "https://countersign.acme.example";
    gitlab.with(|world| {
        let hook = |id: u64, url: &str, status: &str| (id, url.to_owned(), status.to_owned());
        world.hooks = vec![
            hook(1, "https://elsewhere.example/hooks/gitlab", "disabled"),
            hook(2, &format!("{url}/hooks/gitlab"), "temporarily_disabled"),
        ];
    });
    let _served = app.start(&["--sweep", "1", "--public-url", url]);
    let how = |at: usize| gitlab.with(|world| world.hooks[at].2.clone());
    until("it to be enabled", || how(1) == "executable");
    until("it to be said", || !app.events("deliveries_resumed").is_empty());
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(how(0), "disabled", "somebody else's");
    assert_eq!(written(&gitlab, "/test/push_events").len(), 1);
}

#[test]
fn jobs_that_nobody_pressed_in_environments_that_do_not_ask_us_cost_no_question_each() {
    let gitlab = shop();
    gitlab.with(|world| {
        for id in 100..150 {
            let mut it = super::deployment(id, "51", "created", &ago(60), "ana", 700 + id);
            "staging".clone_into(&mut it.environment);
            world.deployments.push(it);
        }
    });
    asks(&gitlab);
    votes(&gitlab, "bo");
    let app = App::new(&gitlab);
    let _served = app.start(&[]);
    until("it went", || status(&gitlab) == "success");
    let of_staging = |path: &str| (100..150).any(|id| path.ends_with(&format!("/deployments/{id}")));
    assert!(!gitlab.asked().iter().any(|it| of_staging(&it.path)));
}

#[test]
fn variables_that_the_operator_names_are_taken_and_no_others() {
    let gitlab = shop();
    gitlab.with(|world| world.variables = vec![(PIPELINE, "REGION".to_owned())]);
    asks(&gitlab);
    votes(&gitlab, "bo");
    let app = App::new(&gitlab);
    let served = app.start(&[]);
    until("it is held", || told(&gitlab).iter().any(|(state, _)| state == "failed"));
    drop(served);
    let _served = app.start(&["--gitlab-variable", "REGION"]);
    until("it went", || status(&gitlab) == "success");
}
