//! The shop of the GitHub tests on GitLab: the same policy, the same people, the same commits.

use serde_json::Value;

use crate::forge::github::shop::POLICY;
use crate::support::github::world::sha;
use crate::support::gitlab::world::{Deployment, PROJECT, Pipeline};
use crate::support::gitlab::{Gitlab, TOKEN};
use crate::support::run::{Said, World};

/// The deployment to production that pipeline 900 starts.
pub const DEPLOYMENT: u64 = 7;

/// The policy, with GitLab's names.
pub fn policy() -> String {
    POLICY.replace("github:@", "gitlab:").replace("github:", "gitlab:")
}

/// `ana` wrote merge request 12, which `bo` merged by squashing; `main` runs it in pipeline 900; `b0` ran before.
pub fn shop() -> Gitlab {
    let gitlab = open();
    gitlab.with(|world| {
        world.git.commit("51", "ana", &["b0"], &[("checkout/basket.rs", "2")]);
        world.squash(12, "bo", "b0", "51", "2026-12-02T10:00:00Z");
        world.git.branches.insert("refs/heads/main".to_owned(), sha("51"));
    });
    gitlab
}

/// The same before merge request 12 was merged.
pub fn open() -> Gitlab {
    let gitlab = Gitlab::start();
    gitlab.with(|world| {
        world.git.commit(
            "b0",
            "carla",
            &[],
            &[("checkout/basket.rs", "1"), ("search/index.rs", "1"), ("README.md", "1")],
        );
        world.push("2026-01-01T10:00:00Z", "carla", "0", "b0", None);
        world.git.commit("c1", "ana", &["b0"], &[("checkout/basket.rs", "2")]);
        world.push("2026-12-01T09:00:00Z", "ana", "b0", "c1", None);
        world.open(12, "ana", "b0", "c1", "2026-12-01T09:00:10Z");
        let member = |login: &str, level: u64| (login.to_owned(), level, "2026-01-01T00:00:00Z".to_owned());
        // `olga` guards the door: minimal access makes nobody a member.
        world.git.user("olga", "User");
        world
            .groups
            .insert("acme/shop-leads".to_owned(), vec![member("bo", 40), member("carla", 30), member("olga", 5)]);
        world.protected.insert("production".to_owned(), 1);
        let deployment = |id: u64, commit: &str, status: &str, at: &str, by: &str, pipeline: u64| Deployment {
            id,
            environment: "production".to_owned(),
            commit: sha(commit),
            status: status.to_owned(),
            at: at.to_owned(),
            by: by.to_owned(),
            pipeline,
            votes: Vec::new(),
        };
        world.deployments.push(deployment(1, "b0", "success", "2026-11-01T10:00:00Z", "carla", 800));
        world.deployments.push(deployment(DEPLOYMENT, "51", "blocked", "2026-12-02T10:02:00Z", "ana", 900));
        world.pipelines.push(Pipeline {
            id: 900,
            commit: sha("51"),
            branch: "main".to_owned(),
            by: "ana".to_owned(),
            source: "push".to_owned(),
            at: "2026-12-02T10:01:00Z".to_owned(),
        });
    });
    gitlab
}

pub struct Asked {
    pub said: Said,
    pub facts: Value,
    pub world: World,
}

pub fn ask_with(gitlab: &Gitlab, more: &[&str]) -> Asked {
    let world = World::with_policy(&policy())
        .variable("COUNTERSIGN_GITLAB_TOKEN", TOKEN)
        .variable("COUNTERSIGN_GITLAB_URL", &gitlab.url());
    let (head, base) = (sha("51"), sha("b0"));
    // What earlier releases left to be done the record knows, and no forge.
    world.write("known.json", r#"{"obligations": []}"#);
    world.write("roster.yml", "forge: gitlab\ngroups: { \"gitlab:acme/shop-leads\": [gitlab:Bo, gitlab:carla] }\n");
    let mut arguments = vec!["facts", "--gitlab", PROJECT, "--environment", "production", "--commit", &head];
    arguments.extend(["--artifact", "checkout=none", "--with", "known.json", "--output", "facts.json"]);
    arguments.extend(["--roster", "roster.yml", "--since", &base]);
    arguments.extend(more);
    let said = world.run(&arguments);
    let facts = if said.code == 0 { serde_json::from_str(&world.read("facts.json")).unwrap() } else { Value::Null };
    Asked { said, facts, world }
}

pub fn ask(gitlab: &Gitlab) -> Asked {
    let asked = ask_with(gitlab, &["--run", "900"]);
    assert_eq!(asked.said.code, 0, "{}", asked.said.err);
    asked
}

impl Asked {
    pub fn act(&self, id: &str) -> &Value {
        let acts = &self.facts["acts"];
        let acts = acts.as_array().unwrap_or_else(|| panic!("{acts}"));
        acts.iter().find(|act| act["id"] == id).unwrap_or_else(|| panic!("no act {id} in {acts:?}"))
    }

    /// Why a part of the facts is not known.
    pub fn why(&self, place: &str) -> &str {
        let part = self.facts.pointer(place).unwrap_or_else(|| panic!("no {place}"));
        part["unavailable"].as_str().unwrap_or_else(|| panic!("{place} is {part}"))
    }

    pub fn decided(&self) -> (i32, String) {
        let said = self.world.run(&["decide", "--facts", "facts.json", "--now", "2026-12-02T12:00:00Z"]);
        (said.code, said.out + &said.err)
    }

    pub fn commit(&self, short: &str) -> &Value {
        let changes = &self.facts["release"]["changes"];
        let changes = changes.as_array().unwrap_or_else(|| panic!("{changes}"));
        let mut commits = changes.iter().flat_map(|change| change["commits"].as_array().unwrap());
        commits.find(|commit| commit["sha"] == sha(short)).unwrap_or_else(|| panic!("no commit {short} in {changes:?}"))
    }
}
