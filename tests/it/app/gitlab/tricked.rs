//! What people try there who may push, play and start over, and what comes of it.

use std::process::Stdio;
use std::time::Duration;

use serde_json::json;

use super::{App, DEPLOYMENT, PIPELINE, asks, deployment, policy, shop, status, told, votes, written};
use crate::app::{ago, until};
use crate::support::github::world::sha;
use crate::support::gitlab::world::Rule;
use crate::support::gitlab::{APP, Gitlab, reply};
use crate::support::served::Served;

/// The deployment that somebody makes after the first.
const NEXT: u64 = 8;

/// The vote arrives, and the server is gone whenever the job is to be played.
fn gone(gitlab: &Gitlab) {
    for _ in 0..200 {
        gitlab.trouble("/play", reply(502, &json!({"message": "gone"})));
    }
}

/// Waits until the answer of the last decision has failed, so that none is left that nothing is known of.
fn failed(app: &App) {
    let last = |name: &str| app.events(name).last().map(|it| it["at"].as_str().unwrap().to_owned());
    let quiet = || {
        let attempts = app.events("effect_attempted");
        attempts.last().is_some_and(|it| it["outcome"] == "failed")
            && last("effect_attempted") > last("release_decided")
    };
    until("its answer to fail", quiet);
    std::thread::sleep(Duration::from_millis(1_500));
    until("its answer to fail", quiet);
}

#[test]
fn t15_a_tag_that_is_called_as_the_default_branch_has_no_say_in_the_policy() {
    let gitlab = shop();
    gitlab.with(|world| {
        // `eve` pushes a commit whose policy asks nobody, and a tag that is called as the branch is.
        world.git.commit("e6", "eve", &["51"], &[("checkout/basket.rs", "2")]);
        world.push(&ago(1), "eve", "51", "e6", None);
        world.git.branches.insert("refs/tags/main".to_owned(), sha("e6"));
        let lax = policy().replace("production: { approval: formal", "production: { approval: automatic");
        assert_ne!(lax, policy());
        world.had.insert((sha("e6"), ".countersign/policy.yml".to_owned()), lax);
        // GitLab itself asks for nobody but the app.
        world.rules.insert("production".to_owned(), vec![Rule::of(APP)]);
    });
    asks(&gitlab);
    let app = App::new(&gitlab);
    let _served = app.start(&["--sweep", "1"]);
    until("a status", || !told(&gitlab).is_empty());
    let (state, says) = told(&gitlab).remove(0);
    assert!(state == "failed" && says.contains("0 of 1"), "{state}: {says}");
    assert_eq!(status(&gitlab), "blocked");
    assert!(written(&gitlab, "/approval").is_empty());
}

#[test]
fn t01_an_answer_is_given_to_no_job_that_was_tried_again_after_it_was_decided() {
    let gitlab = shop();
    asks(&gitlab);
    votes(&gitlab, "bo");
    gone(&gitlab);
    let app = App::new(&gitlab);
    let _served = app.start(&["--sweep", "300"]);
    until("the vote", || status(&gitlab) == "created");
    failed(&app);
    // The job went all the same, and failed. `carla` tries it again, and GitLab has all votes but ours. Nobody tells of it.
    gitlab.with(|world| {
        world.played.insert(DEPLOYMENT, (APP.to_owned(), ago(0)));
        "failed".clone_into(&mut world.deployments.last_mut().unwrap().status);
        world.deployments.push(deployment(NEXT, "51", "blocked", &ago(0), "carla", PIPELINE));
        world.vote(NEXT, "bo", "approved", &ago(0)).unwrap();
    });
    gitlab.untroubled();
    let refused = |it: &serde_json::Value| it["why"].as_str().is_some_and(|why| why.contains("it is not of attempt"));
    until("the old answer to be refused", || app.events("effect_attempted").iter().any(refused));
    until("it to be held", || told(&gitlab).last().is_some_and(|(state, _)| state == "failed"));
    assert_eq!(status(&gitlab), "blocked", "two people started it, and nobody looked at that");
    assert_eq!(written(&gitlab, "/approval").len(), 1);
}

#[test]
fn t01_a_pipeline_whose_job_somebody_else_tried_again_is_not_decided_with_another() {
    let gitlab = shop();
    asks(&gitlab);
    gitlab.with(|world| {
        let first = world.pipelines[0].clone();
        world.pipelines.push(crate::support::gitlab::world::Pipeline { id: PIPELINE + 1, ..first });
        world.deployments.push(deployment(NEXT, "51", "blocked", &ago(4), "carla", PIPELINE + 1));
        world.vote(NEXT, "bo", "approved", &ago(0)).unwrap();
    });
    votes(&gitlab, "bo");
    let app = App::new(&gitlab);
    let _served = app.start(&["--sweep", "1"]);
    until("the first to go", || gitlab.with(|world| world.deployments[1].status == "success"));
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(status(&gitlab), "blocked");
    assert_eq!(written(&gitlab, "/approval").len(), 1);
}

#[test]
fn of_two_jobs_of_an_environment_the_one_that_lacks_a_vote_neither_keeps_the_other_back_nor_accuses_it() {
    let gitlab = shop();
    asks(&gitlab);
    // A second job of the pipeline goes to the same environment. GitLab lists it first, and it lacks the vote of `bo`.
    gitlab.with(|world| world.deployments.push(deployment(NEXT, "51", "blocked", &ago(5), "ana", PIPELINE)));
    votes(&gitlab, "bo");
    let app = App::new(&gitlab);
    let _served = app.start(&["--sweep", "1"]);
    let first = || gitlab.with(|world| world.deployments[1].status.clone());
    until("the first to go", || first() == "success");
    until("the ledger", || app.events("deployment_recorded").iter().any(|it| it["deployment"] == "deployment-7"));
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(status(&gitlab), "blocked");
    gitlab.with(|world| world.vote(NEXT, "bo", "approved", &ago(0))).unwrap();
    until("the second to go", || status(&gitlab) == "success");
    until("the ledger", || app.events("deployment_recorded").iter().any(|it| it["deployment"] == "deployment-8"));
    assert_eq!((written(&gitlab, "/approval").len(), written(&gitlab, "/play").len()), (2, 2));
    let ledger = app.events("deployment_recorded");
    assert!(ledger.iter().filter(|it| it["run"] == PIPELINE).all(|it| it["decision"].is_u64()), "{ledger:?}");
    assert!(app.events("deployment_without_decision").is_empty());
}

#[test]
fn what_is_rejected_for_good_after_our_vote_is_not_played_and_is_said_once() {
    let gitlab = shop();
    // What `dana` says is final.
    let chaired = policy().replace("raci:", "  chair: { members: [\"gitlab:dana\"] }\nraci:").replace(
        "{ accountable: 1 } }",
        "{ accountable: 1 }, escalate: { undecided_after: 1s, to: [chair], final: chair } }",
    );
    gitlab.with(|world| world.git.contents.insert(".countersign/policy.yml".to_owned(), chaired));
    asks(&gitlab);
    votes(&gitlab, "bo");
    gone(&gitlab);
    let app = App::new(&gitlab);
    let _served = app.start(&["--sweep", "1"]);
    until("the vote", || status(&gitlab) == "created");
    gitlab.with(|world| {
        // Where people disagree her word is asked for, and ends it.
        world.note(12, "carla", "/countersign reject production: not on a Friday afternoon", &ago(0));
        world.note(12, "dana", "/countersign reject production: nothing at all goes before the merger", &ago(0));
    });
    let rejected = || app.events("release_decided").iter().filter(|it| it["decision"] == "reject").count();
    until("the rejection", || rejected() == 1);
    gitlab.untroubled();
    until("a status", || told(&gitlab).last().is_some_and(|(state, _)| state == "failed"));
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(status(&gitlab), "created");
    assert_eq!(rejected(), 1, "it is looked at again, and nothing is new");
}

#[test]
fn a_job_that_a_person_played_after_our_vote_is_not_run_a_second_time() {
    let gitlab = shop();
    gitlab.with(|world| world.hasty = Some("carla".to_owned()));
    asks(&gitlab);
    votes(&gitlab, "bo");
    let app = App::new(&gitlab);
    let _served = app.start(&["--sweep", "1"]);
    // It is seen by who looks whether the job waits for the second step, or by a decision that comes between.
    until("an end", || app.events("effect_attempted").iter().any(|it| it["outcome"] != "failed"));
    std::thread::sleep(Duration::from_secs(3));
    assert!(written(&gitlab, "/play").is_empty());
    let (deployments, by) = gitlab.with(|world| (world.deployments.len(), world.played[&DEPLOYMENT].0.clone()));
    assert_eq!((deployments, by.as_str()), (2, "carla"));
    assert!(app.events("deployment_without_decision").is_empty());
}

#[test]
fn what_somebody_wrote_into_the_list_of_deployments_runs_nowhere() {
    let gitlab = shop();
    // `eve` may deploy, and writes that the commit runs that is to go: nothing would change by it.
    gitlab.with(|world| world.deployments.push(deployment(6, "51", "success", &ago(3), "eve", 0)));
    asks(&gitlab);
    let app = App::new(&gitlab);
    let _served = app.start(&["--sweep", "1"]);
    until("a status", || !told(&gitlab).is_empty());
    let says = told(&gitlab).remove(0).1;
    // It goes as what changed since `b0`, and a lead is asked for it.
    assert!(says.contains("0 of 1"), "{says}");
    votes(&gitlab, "bo");
    until("the job to be played", || status(&gitlab) == "success");
}

#[test]
fn nothing_is_served_that_whoever_runs_the_app_did_not_name() {
    let gitlab = shop();
    asks(&gitlab);
    votes(&gitlab, "bo");
    let app = App::new(&gitlab);
    // Its account was made a member of the project, and nobody named that.
    let options = |projects: &[&str]| {
        let mut options = app.options();
        let at = options.iter().position(|it| it == "--gitlab-project").unwrap();
        options.drain(at..at + 2);
        options.extend(projects.iter().flat_map(|name| ["--gitlab-project".to_owned(), (*name).to_owned()]));
        options
    };
    let mut arguments = vec!["serve".to_owned()];
    arguments.extend(options(&[]));
    let said = app.world.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(said.code, 2, "{}{}", said.out, said.err);
    assert!(said.err.contains("`--gitlab-project`"), "{}", said.err);

    let mut command = app.world.command();
    let log = std::fs::File::create(app.world.path().join("app.log")).unwrap();
    command.arg("serve").args(options(&["acme/shopping", "acm"])).args(["--listen", "127.0.0.1:0", "--sweep", "1"]);
    command.stderr(Stdio::from(log));
    let served = Served::start(command, "the app listens on http://");
    until("the first sweep", || served.ask("GET /readyz").0 == 200);
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!((status(&gitlab).as_str(), app.decisions()), ("blocked", 0));
}
