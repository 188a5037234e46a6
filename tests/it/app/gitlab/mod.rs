//! The app as a process on a GitLab that blocks deployments until everybody has approved whom its rules name.

mod answered;
mod asked;
mod board;
mod doctor;
mod driven;
mod evidence;
mod hooks;
mod owing;
mod pages;
mod records;
mod tricked;
mod voted;

pub use asked::claims;

use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

use super::{POLICY, ago};
use crate::support::github::world::sha;
use crate::support::gitlab::world::{Deployment, PROJECT, PROJECT_ID, Pipeline, Rule};
use crate::support::gitlab::{APP, APP_TOKEN, Gitlab};
use crate::support::run::World;
use crate::support::served::{Came, Served};

pub const SECRET: &str = "a webhook token of more than thirty-two letters";
pub const PIPELINE: u64 = 900;
pub const DEPLOYMENT: u64 = 7;

/// The same policy as on GitHub, with GitLab's names.
pub fn policy() -> String {
    POLICY.replace("github:@", "gitlab:")
}

/// `ana` wrote merge request 12, which `bo` merged by squashing it as `51`; `b0` runs in production.
pub fn shop() -> Gitlab {
    let gitlab = Gitlab::start();
    gitlab.with(|world| {
        world.git.commit("b0", "carla", &[], &[("checkout/basket.rs", "1")]);
        world.push(&ago(9_000), "carla", "0", "b0", None);
        world.git.commit("c1", "ana", &["b0"], &[("checkout/basket.rs", "2")]);
        world.push(&ago(300), "ana", "b0", "c1", None);
        world.open(12, "ana", "b0", "c1", &ago(299));
        world.git.commit("51", "ana", &["b0"], &[("checkout/basket.rs", "2")]);
        world.squash(12, "bo", "b0", "51", &ago(200));
        world.git.branches.insert("refs/heads/main".to_owned(), sha("51"));
        let member = |login: &str| (login.to_owned(), 40, ago(100_000));
        world.groups.insert("acme/shop-leads".to_owned(), vec![member("bo"), member("carla")]);
        world.protected.insert("production".to_owned(), 0);
        world.rules.insert("production".to_owned(), vec![Rule::of_group("acme/shop-leads", 1), Rule::of(APP)]);
        world.deployments.push(deployment(1, "b0", "success", &ago(8_000), "carla", 800));
        world.git.contents.insert(".countersign/policy.yml".to_owned(), policy());
    });
    gitlab
}

pub fn deployment(id: u64, commit: &str, status: &str, at: &str, by: &str, pipeline: u64) -> Deployment {
    Deployment {
        id,
        environment: "production".to_owned(),
        commit: sha(commit),
        status: status.to_owned(),
        at: at.to_owned(),
        by: by.to_owned(),
        pipeline,
        votes: Vec::new(),
    }
}

/// Pipeline 900 comes up to production, and is blocked there.
pub fn asks(gitlab: &Gitlab) {
    runs(gitlab);
    gitlab.with(|world| world.deployments.push(deployment(DEPLOYMENT, "51", "blocked", &ago(5), "ana", PIPELINE)));
}

/// Pipeline 900 runs.
pub fn runs(gitlab: &Gitlab) {
    gitlab.with(|world| {
        world.pipelines.push(Pipeline {
            id: PIPELINE,
            commit: sha("51"),
            branch: "main".to_owned(),
            by: "ana".to_owned(),
            source: "push".to_owned(),
            at: ago(5),
        });
        world.jobs.insert("70".to_owned(), (PIPELINE, "running".to_owned()));
    });
}

/// `who` votes on the deployment.
pub fn votes(gitlab: &Gitlab, who: &str) {
    gitlab.with(|world| world.vote(DEPLOYMENT, who, "approved", &ago(0))).unwrap();
}

/// How the deployment is.
pub fn status(gitlab: &Gitlab) -> String {
    gitlab.with(|world| world.deployments.last().unwrap().status.clone())
}

/// What the commit's statuses of production say, the oldest first: the state and the description.
pub fn told(gitlab: &Gitlab) -> Vec<(String, String)> {
    let of = |it: &&Value| it["name"] == "countersign/production";
    let says = |it: &Value| (it["state"].as_str().unwrap().to_owned(), it["description"].as_str().unwrap().to_owned());
    gitlab.with(|world| world.statuses.iter().filter(of).map(says).collect())
}

/// The requests that were written to a path that ends so, with whatever came of them.
pub fn written(gitlab: &Gitlab, end: &str) -> Vec<Value> {
    let asked = gitlab.asked().into_iter().filter(|it| it.method != "GET" && it.path.ends_with(end));
    asked.map(|it| it.body).collect()
}

/// The app's files, and what it is started with.
pub struct App {
    pub world: World,
    pub gitlab: Gitlab,
    pub database: String,
}

impl Drop for App {
    /// What it logged says why a test failed.
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Ok(log) = std::fs::read_to_string(self.world.path().join("app.log"))
        {
            eprintln!("{log}");
        }
    }
}

impl App {
    pub fn new(gitlab: &Gitlab) -> Self {
        let world = World::new();
        world.write("token", format!("{APP_TOKEN}\n")).write("secret", format!("{SECRET}\n"));
        world.write("roster.yml", "forge: gitlab\ngroups: { \"gitlab:acme/shop-leads\": [gitlab:bo, gitlab:carla] }\n");
        let made = world.run(&["log", "key", "new", "--name", "log.example/shop", "--output", "log.key"]);
        assert_eq!(made.code, 0, "{}", made.err);
        world.write("log.pub", made.out);
        Self { world, gitlab: gitlab.clone(), database: "sqlite:record.db".to_owned() }
    }

    pub fn options(&self) -> Vec<String> {
        let since = format!("{PROJECT}:production={}", sha("b0"));
        let url = self.gitlab.url();
        let options = [
            ["--database", &self.database],
            ["--log-key", "log.key"],
            ["--gitlab-url", &url],
            ["--gitlab-token-file", "token"],
            ["--gitlab-project", "acme"],
            ["--gitlab-webhook-secret-file", "secret"],
            ["--roster", "roster.yml"],
            ["--without-artifacts", "checkout"],
            ["--since", &since],
        ];
        options.concat().into_iter().map(str::to_owned).collect()
    }

    /// Starts it. What it logs is added to `app.log`.
    pub fn start(&self, more: &[&str]) -> Served {
        let mut command = self.world.command();
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.world.path().join("app.log"));
        command.arg("serve").args(self.options()).args(more).stderr(Stdio::from(log.unwrap()));
        if !more.contains(&"--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        Served::start(command, "the app listens on http://")
    }

    /// The events of a name.
    pub fn events(&self, name: &str) -> Vec<Value> {
        let text = self.world.read("app.log");
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")));
        lines.filter(|event: &Value| event["event"] == name).collect()
    }

    pub fn decisions(&self) -> usize {
        self.events("release_decided").len()
    }
}

/// The payload by which GitLab tells of the pipeline whose job waits.
pub fn waits() -> Value {
    json!({
        "object_kind": "pipeline",
        "object_attributes": {"id": PIPELINE, "sha": sha("51"), "ref": "main", "status": "manual"},
        "project": {"id": PROJECT_ID, "path_with_namespace": PROJECT},
        "builds": [{"id": 70, "name": "deploy", "status": "manual", "environment": {"name": "production"}}],
    })
}

static DELIVERED: AtomicU64 = AtomicU64::new(1);

/// A key for a delivery.
pub fn key() -> String {
    format!("{:08x}-d1b0-4e66-a9a0-91e1d1a3b2c4", DELIVERED.fetch_add(1, Ordering::Relaxed))
}

/// Delivers, as GitLab does with a secret token.
pub fn deliver(served: &Served, key: &str, body: &[u8]) -> Came {
    let headers = [
        ("x-gitlab-event", "Pipeline Hook"),
        ("x-gitlab-token", SECRET),
        ("idempotency-key", key),
        ("content-type", "application/json"),
    ];
    served.send("POST /hooks/gitlab", &headers, body)
}

/// The same; it is taken.
pub fn takes(served: &Served, key: &str, payload: &Value) -> String {
    let (status, _, body) = deliver(served, key, payload.to_string().as_bytes());
    assert_eq!(status, 202, "{}", String::from_utf8_lossy(&body));
    String::from_utf8(body).unwrap().trim().to_owned()
}
