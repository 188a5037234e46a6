//! What cannot be read, or not to its end, is said in its place, and holds.

use serde_json::json;

use super::shop::{DEPLOYMENT, ask, ask_with, open, shop};
use crate::support::github::world::sha;
use crate::support::gitlab::reply;

/// The shop with a vote that would let it go.
fn voted() -> crate::support::gitlab::Gitlab {
    let gitlab = shop();
    gitlab.with(|world| world.vote(DEPLOYMENT, "bo", "approved", "2026-12-02T11:00:00Z")).unwrap();
    gitlab
}

#[test]
fn every_list_is_read_to_its_last_page_by_number_and_by_keyset() {
    let gitlab = open();
    gitlab.page(1);
    gitlab.with(|world| {
        world.git.commit("c2", "dana", &["c1"], &[("checkout/basket.rs", "3"), ("checkout/b.rs", "1")]);
        world.push("2026-12-01T09:30:00Z", "dana", "c1", "c2", Some((12, "b0")));
        for at in 0..4 {
            world.note(12, "eve", "hm", &format!("2026-12-01T11:00:0{at}Z"));
        }
        world.note(12, "carla", "/countersign reject production: not yet", "2026-12-02T11:00:00Z");
        world.git.commit("51", "ana", &["b0"], &[("checkout/basket.rs", "3"), ("checkout/b.rs", "1")]);
        world.squash(12, "bo", "b0", "51", "2026-12-02T10:00:00Z");
        world.git.branches.insert("refs/heads/main".to_owned(), sha("51"));
        world.vote(DEPLOYMENT, "bo", "approved", "2026-12-02T11:00:00Z").unwrap();
    });
    let asked = ask(&gitlab);
    assert_eq!(asked.commit("c2")["author"], "gitlab:dana");
    assert_eq!(asked.commit("c2")["pushed_by"], "gitlab:dana");
    assert_eq!(asked.facts["release"]["changes"][0]["files"], json!(["checkout/b.rs", "checkout/basket.rs"]));
    assert_eq!(asked.facts["groups"]["gitlab:acme/shop-leads"].as_array().unwrap().len(), 2);
    // The last page of the notes says no.
    let (code, text) = asked.decided();
    assert_ne!(code, 0, "{text}");
    gitlab.with(|world| world.requests.get_mut(&12).unwrap().notes.pop());
    let (code, text) = ask(&gitlab).decided();
    assert_eq!(code, 0, "{text}");
}

#[test]
fn what_may_not_be_seen_is_said_and_holds() {
    let gitlab = voted();
    assert_eq!(ask(&gitlab).decided().0, 0);
    gitlab.hide("groups/acme%2Fshop-leads");
    let asked = ask(&gitlab);
    assert!(asked.why("/groups/gitlab:acme~1shop-leads").contains("read_api"));
    assert_eq!(asked.decided().0, 10);

    for part in ["/events", "/versions", "/approvals", "/notes", "/reviewers", "/merge_requests", "/repository/tree"] {
        let gitlab = voted();
        for _ in 0..500 {
            gitlab.trouble(part, reply(403, &json!({"message": "403 Forbidden"})));
        }
        let asked = ask(&gitlab);
        let (code, text) = asked.decided();
        assert_ne!(code, 0, "{part}: {text}");
        assert!(asked.facts.to_string().contains("GitLab refuses"), "{part}");
    }
}

#[test]
fn a_page_that_fails_in_the_middle_of_a_list_leaves_no_shorter_list() {
    let gitlab = voted();
    gitlab.page(1);
    gitlab.hide("members/all?page=2");
    for _ in 0..4 {
        gitlab.trouble("groups/acme%2Fshop-leads", reply(502, &json!({})));
    }
    let asked = ask(&gitlab);
    assert!(asked.why("/groups/gitlab:acme~1shop-leads").contains("4 times"));
    assert_eq!(asked.decided().0, 10);
}

#[test]
fn whoever_left_or_is_blocked_lets_nothing_go() {
    let gitlab = voted();
    gitlab.with(|world| world.git.outside.push("bo".to_owned()));
    let asked = ask(&gitlab);
    assert_eq!(asked.facts["accounts"]["gitlab:bo"]["active"], false);
    assert_eq!(asked.decided().0, 10);
    let gitlab = voted();
    gitlab.with(|world| world.blocked.push("bo".to_owned()));
    assert_eq!(ask(&gitlab).decided().0, 10);
}

#[test]
fn lines_that_are_not_shown_are_not_counted_as_none() {
    let gitlab = voted();
    gitlab.with(|world| world.requests.get_mut(&12).unwrap().collapsed.push("checkout/basket.rs".to_owned()));
    let asked = ask(&gitlab);
    assert!(asked.why("/release/changes/0/lines").contains("basket.rs"));
}

#[test]
fn what_came_without_a_merge_request_is_a_change_of_its_own() {
    let gitlab = voted();
    gitlab.with(|world| {
        world.requests.clear();
        world.git.edit("51", |commit| commit.committer = "ana".to_owned());
    });
    let asked = ask(&gitlab);
    let change = &asked.facts["release"]["changes"][0];
    assert_eq!((&change["direct"], &change["id"]), (&json!(true), &json!(sha("51"))));
    assert_eq!(change["files"], json!(["checkout/basket.rs"]));
    // `bo` pushed it, whatever the commit says.
    assert_eq!(asked.commit("51")["pushed_by"], "gitlab:bo");
    assert_eq!(asked.decided().0, 10);
}

#[test]
fn what_runs_and_is_not_in_what_goes_is_not_lost_without_a_word() {
    let gitlab = voted();
    gitlab.with(|world| {
        world.git.commit("d1", "carla", &["b0"], &[("search/index.rs", "2")]);
    });
    let (base, one) = (sha("d1"), format!("search={}", sha("d1")));
    let asked = ask_with(&gitlab, &["--run", "900", "--since", &one]);
    assert!(asked.why("/release/changes").contains(&base), "{}", asked.facts["release"]["changes"]);
    assert_eq!(asked.decided().0, 10);
    // A commit that is not there is no empty range.
    let gone = format!("search={}", sha("e9"));
    assert!(ask_with(&gitlab, &["--run", "900", "--since", &gone]).why("/release/changes").contains("knows no"));
}

#[test]
fn whoever_plays_the_job_of_somebody_elses_pipeline_started_it_as_well() {
    let gitlab = voted();
    gitlab.with(|world| "carla".clone_into(&mut world.deployments[1].by));
    let asked = ask(&gitlab);
    assert!(asked.why("/release/trigger").contains("carla"));
    // A schedule is somebody's as well: whoever owns it, or played it by hand.
    gitlab.with(|world| "schedule".clone_into(&mut world.pipelines[0].source));
    assert!(ask(&gitlab).why("/release/trigger").contains("carla"));
}

#[test]
fn t01_whoever_plays_a_schedule_by_hand_started_what_it_makes_and_does_not_approve_it() {
    let gitlab = voted();
    gitlab.with(|world| {
        // `bo`, who leads the shop and has voted, pressed the button of a schedule: GitLab makes the pipeline in his name.
        let pipeline = &mut world.pipelines[0];
        "schedule".clone_into(&mut pipeline.source);
        "bo".clone_into(&mut pipeline.by);
        "bo".clone_into(&mut world.deployments[1].by);
    });
    let asked = ask(&gitlab);
    assert_eq!(asked.facts["release"]["trigger"], "gitlab:bo");
    assert_eq!(asked.decided().0, 10);
}

#[test]
fn t01_who_held_a_trigger_token_is_not_known_and_nobody_is_let_off() {
    let gitlab = voted();
    gitlab.with(|world| "trigger".clone_into(&mut world.pipelines[0].source));
    let asked = ask(&gitlab);
    assert!(asked.why("/release/trigger").contains("trigger token"));
    assert_eq!(asked.decided().0, 10);
}

#[test]
fn a_pipeline_of_another_commit_and_a_project_that_moved_are_said() {
    let gitlab = shop();
    gitlab.with(|world| world.pipelines[0].commit = sha("b0"));
    let asked = ask_with(&gitlab, &["--run", "900"]);
    assert_ne!(asked.said.code, 0);
    assert!(asked.said.err.contains("pipeline 900 deploys"), "{}", asked.said.err);
    let gitlab = shop();
    let moved = json!({"id": 77, "path_with_namespace": "acme/store", "default_branch": "main"});
    gitlab.trouble("projects/acme%2Fshop", reply(200, &moved));
    let asked = ask_with(&gitlab, &["--run", "900"]);
    assert!(asked.said.err.contains("`acme/store` now"), "{}", asked.said.err);
}

#[test]
fn a_branch_that_is_moved_on_to_the_head_was_pushed_by_whoever_pushed_the_head() {
    let gitlab = open();
    gitlab.with(|world| {
        world.git.commit("51", "ana", &["c1"], &[("checkout/basket.rs", "3")]);
        world.push("2026-12-01T10:00:00Z", "ana", "c1", "51", Some((12, "b0")));
        world.fast_forward(12, "bo", "b0", "51", "2026-12-02T10:00:00Z");
        world.git.branches.insert("refs/heads/main".to_owned(), sha("51"));
        world.vote(DEPLOYMENT, "bo", "approved", "2026-12-02T11:00:00Z").unwrap();
    });
    let asked = ask(&gitlab);
    assert_eq!(asked.commit("51")["pushed_by"], "gitlab:ana");
    let (code, text) = asked.decided();
    assert_eq!(code, 0, "{text}");
    // Without that push nobody is known: the merge brought nothing.
    gitlab.with(|world| world.pushes.retain(|push| push.branch == "main" || push.by != "ana"));
    assert!(ask(&gitlab).commit("51")["pushed_by"]["unavailable"].is_string());
}

#[test]
fn what_a_variable_can_replace_is_not_what_the_commit_says() {
    let gitlab = voted();
    assert_eq!(ask(&gitlab).decided().0, 0);
    let held = |name: &str| {
        let asked = ask(&gitlab);
        assert!(asked.why("/release/changes").contains(name), "{}", asked.why("/release/changes"));
        assert_eq!(asked.decided().0, 10, "{name}");
    };
    // Of another pipeline it is of no concern.
    gitlab.with(|world| world.variables = vec![(800, "IMAGE_TAG".to_owned())]);
    assert_eq!(ask(&gitlab).decided().0, 0);
    gitlab.with(|world| world.variables = vec![(900, "IMAGE_TAG".to_owned())]);
    held("`IMAGE_TAG`");
    // Whoever runs the job again by hand can give it some of his own.
    gitlab.with(|world| {
        world.variables.clear();
        world.given = vec![(DEPLOYMENT, "BASH_ENV".to_owned())];
    });
    held("`BASH_ENV`");
    gitlab.with(|world| {
        world.given.clear();
        "schedule".clone_into(&mut world.pipelines[0].source);
    });
    held("schedule");
}

#[test]
fn variables_that_may_not_be_seen_are_not_taken_for_none() {
    for part in ["/variables", "/graphql"] {
        let gitlab = voted();
        for _ in 0..50 {
            gitlab.trouble(part, reply(403, &json!({"message": "403 Forbidden"})));
        }
        let asked = ask(&gitlab);
        assert!(asked.why("/release/changes").contains("GitLab refuses"), "{part}");
        assert_eq!(asked.decided().0, 10, "{part}");
    }
    let gitlab = voted();
    let unseen = json!({"data": {"project": {"job": {"manualVariables": null}}}});
    for _ in 0..50 {
        gitlab.trouble("/graphql", reply(200, &unseen));
    }
    assert!(ask(&gitlab).why("/release/changes").contains("maintainer"));
}

#[test]
fn a_long_note_is_kept_where_it_names_us() {
    let gitlab = voted();
    let long = "so many words\n".repeat(2_000);
    gitlab.with(|world| {
        world.note(12, "eve", &long, "2026-12-02T10:30:00Z");
        world.note(12, "carla", &format!("{long}\n/countersign reject production: not yet"), "2026-12-02T11:00:00Z");
    });
    assert_eq!(ask(&gitlab).decided().0, 10);
    gitlab.with(|world| world.requests.get_mut(&12).unwrap().notes.pop());
    assert_eq!(ask(&gitlab).decided().0, 0);
}
