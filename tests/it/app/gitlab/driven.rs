//! The fake itself, driven by python-gitlab, a client that nobody here wrote: it answers in the form that the client reads,
//! and refuses what GitLab refuses with the status by which the client knows that.

use serde_json::json;

use super::{asks, shop};
use crate::app::ago;
use crate::app::messages::python;
use crate::support::github::world::sha;
use crate::support::gitlab::Gitlab;
use crate::support::gitlab::world::Plan;

const PROGRAM: &str = include_str!("driven.py");

/// The shop whose deployment waits, and a merge request that is open.
fn waiting() -> Gitlab {
    let gitlab = shop();
    asks(&gitlab);
    gitlab.with(|world| {
        world.settings.members =
            ["ana", "bo", "carla", "dana", "eve"].map(|login| (login.to_owned(), 30)).into_iter().collect();
        world.groups.get_mut("acme/shop-leads").unwrap().push(("ana".to_owned(), 30, ago(100_000)));
        world.git.commit("d1", "ana", &["51"], &[("checkout/basket.rs", "3")]);
        world.open(13, "ana", "51", "d1", &ago(3));
        world.hooks.push((3, "https://countersign.example/hooks/gitlab".to_owned(), "disabled".to_owned()));
    });
    gitlab.direct();
    gitlab
}

/// Runs a part of the program; nothing where the client is not here.
fn drives(gitlab: &Gitlab, what: &str) {
    let Some(mut python) = python("gitlab") else { return };
    let done = python.args(["-c", PROGRAM, &gitlab.url(), what, &sha("b0"), &sha("51")]).output().unwrap();
    assert!(done.status.success(), "{what}: {}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn a_client_of_others_reads_the_fake_to_its_last_page() {
    let gitlab = waiting();
    gitlab.page(2);
    drives(&gitlab, "read");
}

#[test]
fn a_client_of_others_approves_plays_and_writes_and_is_refused_what_gitlab_refuses() {
    let gitlab = waiting();
    for what in ["approved", "deployed", "issues"] {
        drives(&gitlab, what);
    }
}

#[test]
fn a_client_of_others_is_refused_by_plan_and_by_role() {
    let gitlab = waiting();
    gitlab.with(|world| world.role = 20);
    drives(&gitlab, "reporter");
    gitlab.with(|world| world.role = 40);
    drives(&gitlab, "maintainer");
    gitlab.with(|world| world.plan = Plan::Free);
    drives(&gitlab, "free");
    gitlab.with(|world| {
        world.plan = Plan::Ultimate;
        world.settings.checks =
            vec![json!({"id": 5, "name": "Countersign", "external_url": "https://countersign.example/hooks/gitlab"})];
    });
    drives(&gitlab, "ultimate");
}
