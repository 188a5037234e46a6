//! A shop on GitHub: the policy, the repository, and what is asked of it.

use serde_json::Value;

use crate::support::github::world::{Deployment, REPOSITORY, Run, sha};
use crate::support::github::{Github, TOKEN};
use crate::support::run::{Said, World};

pub const POLICY: &str = r#"
version: 1
environments:
  staging: { approval: automatic }
  production: { approval: formal, branches: [main] }
gates:
  tests: { junit: "**/*.xml", require: "tests.failed == 0", environments: [staging] }
components:
  checkout: { paths: ["checkout/**"], team: shop }
  search:   { paths: ["search/**"], team: search }
roles:
  shop-owner: { members: ["github:@acme/shop-leads"] }
  search-owner: { members: ["github:carla"] }
raci:
  - { on: checkout, accountable: shop-owner }
  - { on: search, accountable: search-owner }
routes:
  normal: { approvals: { accountable: 1 } }
separation: { exclude: [author, committer, co_author, pusher, trigger], per: release, distinct_people: true, bots: never }
"#;

/// `ana` wrote pull request 12, which was merged by squashing; `main` runs it in run 900; `b0` ran before.
pub fn shop() -> Github {
    let github = Github::start();
    github.with(|world| {
        for (login, kind) in [("dana", "User"), ("eve", "User"), ("helper[bot]", "Bot")] {
            world.user(login, kind);
        }
        world.commit("b0", "carla", &[], &[("checkout/basket.rs", "1"), ("search/index.rs", "1"), ("README.md", "1")]);
        world.commit("c1", "ana", &["b0"], &[("checkout/basket.rs", "2")]);
        world.commit("51", "ana", &["b0"], &[("checkout/basket.rs", "2")]);
        world.pull(12, "ana", "b0", &["c1"], "51");
        world.push("2026-12-01T09:00:00Z", "b0", "c1", "push", "ana");
        world.push("2026-12-02T10:00:00Z", "b0", "51", "pr_merge", "bo");
        world.push("2026-01-01T10:00:00Z", "0", "b0", "push", "carla");
        world.branches.insert("refs/heads/main".to_owned(), sha("51"));
        world.teams.insert("acme/shop-leads".to_owned(), vec!["bo".to_owned(), "carla".to_owned()]);
        world.deployments.push(Deployment {
            environment: "production".to_owned(),
            commit: sha("b0"),
            statuses: vec![
                ("SUCCESS".to_owned(), "2026-11-01T10:05:00Z".to_owned()),
                ("IN_PROGRESS".to_owned(), "2026-11-01T10:00:00Z".to_owned()),
            ],
        });
        world.runs.push(Run {
            id: 900,
            commit: sha("51"),
            branch: "main".to_owned(),
            creator: Some("ana".to_owned()),
            event: "push".to_owned(),
            created_at: "2026-12-02T10:01:00Z".to_owned(),
            reviews: Vec::new(),
        });
    });
    github
}

pub struct Asked {
    pub said: Said,
    pub facts: Value,
    pub world: World,
}

pub fn ask_with(github: &Github, more: &[&str]) -> Asked {
    let world = World::with_policy(POLICY)
        .variable("COUNTERSIGN_GITHUB_TOKEN", TOKEN)
        .variable("COUNTERSIGN_GITHUB_URL", &github.url());
    let head = sha("51");
    let mut arguments = vec!["facts", "--github", REPOSITORY, "--environment", "production", "--commit", &head];
    // What earlier releases left to be done the record knows, and no forge.
    world.write("known.json", r#"{"obligations": []}"#);
    world.write("roster.yml", r#"groups: { "github:@acme/shop-leads": [github:Bo, github:carla] }"#);
    arguments.extend(["--artifact", "checkout=none", "--with", "known.json", "--output", "facts.json"]);
    arguments.extend(["--roster", "roster.yml"]);
    arguments.extend(more);
    let base = sha("b0");
    if !more.contains(&"--since") {
        arguments.extend(["--since", &base]);
    }
    let said = world.run(&arguments);
    let facts = if said.code == 0 { serde_json::from_str(&world.read("facts.json")).unwrap() } else { Value::Null };
    Asked { said, facts, world }
}

pub fn ask(github: &Github) -> Asked {
    let asked = ask_with(github, &["--run", "900"]);
    assert_eq!(asked.said.code, 0, "{}", asked.said.err);
    asked
}

impl Asked {
    pub fn change(&self, id: &str) -> &Value {
        let changes = &self.facts["release"]["changes"];
        let changes = changes.as_array().unwrap_or_else(|| panic!("{changes}"));
        changes.iter().find(|change| change["id"] == id).unwrap_or_else(|| panic!("no change {id} in {changes:?}"))
    }

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

/// Another pull request was merged while number 12 was open, and so 12 landed on top of it.
pub fn busy(landed: &[(&str, &str)]) -> Github {
    let github = shop();
    github.with(|world| {
        world.commit("a9", "carla", &["b0"], &[("search/index.rs", "9")]);
        world.commit("51", "ana", &["a9"], landed);
        world.commit("c9", "carla", &["b0"], &[("search/index.rs", "9")]);
        world.pulls.clear();
        world.edit("c1", |commit| commit.pulls.clear());
        world.pull(11, "carla", "b0", &["c9"], "a9");
        world.pull(12, "ana", "b0", &["c1"], "51");
        world.push("2026-11-30T09:00:00Z", "b0", "c9", "push", "carla");
        world.push("2026-12-01T09:00:00Z", "b0", "a9", "pr_merge", "bo");
        world.review(11, "R1", "bo", "APPROVED", "c9", "2026-12-01T11:00:00Z");
        world.review(12, "R2", "bo", "APPROVED", "c1", "2026-12-01T11:00:00Z");
    });
    github
}
