//! The app as a process, against a GitHub that holds deployments until it is told.

mod api;
mod board;
mod book;
mod both;
mod burst;
mod buttons;
mod commands;
mod counted;
mod demo;
mod docket;
mod doctor;
mod elsewhere;
mod emulated;
mod evidence;
mod faults;
mod feeds;
mod gitlab;
mod grants;
mod hooks;
mod issues;
mod kept;
mod ledger;
mod marks;
mod messages;
mod models;
mod outside;
mod owing;
mod pages;
mod past_us;
mod path;
mod periods;
mod record;
mod replicas;
mod required;
mod scanned;
mod settings;
mod setup;
mod spans;
mod taking;
mod talk;
mod traces;
mod turns;
mod whole;

use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration as Wait, Instant};

use aws_lc_rs::hmac;
use chrono::{Duration, SecondsFormat, Utc};
use serde_json::{Value, json};

use crate::forge::github::client::key;
use crate::support::github::Github;
use crate::support::github::world::{APP, Deployment, INSTALLATION, REPOSITORY, REPOSITORY_ID, Rule, Run, sha};
use crate::support::run::World;
use crate::support::served::{Came, Served};

pub const SECRET: &str = "a webhook secret of more than thirty-two letters";
pub const RUN: u64 = 900;
pub const NEXT: u64 = 901;

/// Whoever leads the shop approves what goes to production.
pub const POLICY: &str = r#"
version: 1
environments:
  staging: { approval: automatic }
  production: { approval: formal, branches: [main] }
gates:
  tests: { junit: "**/*.xml", require: "tests.failed == 0", environments: [staging] }
components:
  checkout: { paths: ["checkout/**"], team: shop }
roles:
  shop-owner: { members: ["github:@acme/shop-leads"] }
raci:
  - { on: checkout, accountable: shop-owner }
routes:
  normal: { approvals: { accountable: 1 } }
separation: { exclude: [author, committer, co_author, pusher, trigger], per: release, distinct_people: true, bots: never }
"#;

/// So many minutes ago, as GitHub writes it.
pub fn ago(minutes: i64) -> String {
    (Utc::now() - Duration::minutes(minutes)).to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// `ana` wrote pull request 12, which was squashed as `51`; `b0` runs in production.
pub fn shop() -> Github {
    let github = Github::start();
    github.with(|world| {
        world.commit("b0", "carla", &[], &[("checkout/basket.rs", "1")]);
        world.commit("c1", "ana", &["b0"], &[("checkout/basket.rs", "2")]);
        world.commit("51", "ana", &["b0"], &[("checkout/basket.rs", "2")]);
        world.pull(12, "ana", "b0", &["c1"], "51");
        for (commit, minutes) in [("b0", 9_000), ("c1", 300), ("51", 200)] {
            world.edit(commit, |it| it.date = ago(minutes));
        }
        world.pulls.get_mut(&12).unwrap().merged_at = Some(ago(200));
        for (at, before, after, kind, by) in
            [(9_000, "0", "b0", "push", "carla"), (300, "b0", "c1", "push", "ana"), (200, "b0", "51", "pr_merge", "bo")]
        {
            world.push(&ago(at), before, after, kind, by);
        }
        world.branches.insert("refs/heads/main".to_owned(), sha("51"));
        world.teams.insert("acme/shop-leads".to_owned(), vec!["bo".to_owned(), "carla".to_owned()]);
        world.deployments.push(Deployment {
            environment: "production".to_owned(),
            commit: sha("b0"),
            statuses: vec![("SUCCESS".to_owned(), ago(8_000)), ("IN_PROGRESS".to_owned(), ago(8_001))],
        });
        world.contents.insert(".countersign/policy.yml".to_owned(), POLICY.to_owned());
    });
    github
}

/// Run 900 asks for production, and waits.
pub fn asks(github: &Github) {
    github.with(|world| {
        world.runs.push(Run {
            id: RUN,
            commit: sha("51"),
            branch: "main".to_owned(),
            creator: Some("ana".to_owned()),
            event: "push".to_owned(),
            created_at: ago(5),
            reviews: Vec::new(),
        });
        world.rules.insert((RUN, "production".to_owned()), Rule::default());
    });
}

/// `51` went well; `bo` wrote pull request 13, which was squashed as `61`, and run 901 asks for production.
pub fn next_release(github: &Github) {
    github.with(|world| {
        world.commit("c2", "bo", &["51"], &[("checkout/basket.rs", "3")]);
        world.commit("61", "bo", &["51"], &[("checkout/basket.rs", "3")]);
        world.pull(13, "bo", "51", &["c2"], "61");
        for (commit, minutes) in [("c2", 4), ("61", 3)] {
            world.edit(commit, |it| it.date = ago(minutes));
        }
        world.pulls.get_mut(&13).unwrap().merged_at = Some(ago(3));
        world.push(&ago(4), "51", "c2", "push", "bo");
        world.push(&ago(3), "51", "61", "pr_merge", "carla");
        world.branches.insert("refs/heads/main".to_owned(), sha("61"));
        let statuses = vec![("SUCCESS".to_owned(), ago(1)), ("IN_PROGRESS".to_owned(), ago(2))];
        let deployment = Deployment { environment: "production".to_owned(), commit: sha("51"), statuses };
        world.deployments.insert(0, deployment);
        world.runs.push(Run {
            id: NEXT,
            commit: sha("61"),
            branch: "main".to_owned(),
            creator: Some("ana".to_owned()),
            event: "push".to_owned(),
            created_at: ago(0),
            reviews: Vec::new(),
        });
        world.rules.insert((NEXT, "production".to_owned()), Rule::default());
    });
}

/// `who` reviews the environment of the run.
pub fn reviews(github: &Github, who: &str, state: &str) {
    let review = (who.to_owned(), state.to_owned(), "production".to_owned());
    github.with(|world| world.runs[0].reviews.push(review));
}

/// `who` approves the environment of a later run.
pub fn reviews_of(github: &Github, run: usize, who: &str) {
    let review = (who.to_owned(), "APPROVED".to_owned(), "production".to_owned());
    github.with(|world| world.runs[run].reviews.push(review));
}

/// Run 900 asks for production, and `bo` has approved that.
pub fn reviews_before(github: &Github) {
    asks(github);
    reviews(github, "bo", "APPROVED");
}

/// What the run was told.
pub fn told(github: &Github) -> Rule {
    told_of(github, RUN)
}

/// What a run was told.
pub fn told_of(github: &Github, run: u64) -> Rule {
    github.with(|world| world.rules[&(run, "production".to_owned())].clone())
}

/// How often GitHub was asked to open or to reject.
pub fn answers(github: &Github) -> usize {
    let asked = github.asked();
    asked.iter().filter(|it| it.path.ends_with("/deployment_protection_rule") && it.body["state"].is_string()).count()
}

/// Waits until something is so.
pub fn until(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + Wait::from_secs(90);
    while !holds() {
        assert!(Instant::now() < end, "{what} did not come");
        std::thread::sleep(Wait::from_millis(50));
    }
}

/// The app's files, and what it is started with.
pub struct App {
    pub world: World,
    pub github: Github,
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
    pub fn new(github: &Github) -> Self {
        let world = World::new();
        let (pem, public) = key();
        github.app_key(&public);
        world.write("app.pem", pem).write("secret", format!("{SECRET}\n"));
        world.write("roster.yml", r#"groups: { "github:@acme/shop-leads": [github:bo, github:carla] }"#);
        let made = world.run(&["log", "key", "new", "--name", "log.example/shop", "--output", "log.key"]);
        assert_eq!(made.code, 0, "{}", made.err);
        world.write("log.pub", made.out);
        Self { world, github: github.clone(), database: "sqlite:record.db".to_owned() }
    }

    /// The options that it cannot do without.
    pub fn options(&self) -> Vec<String> {
        [
            "--database",
            &self.database,
            "--log-key",
            "log.key",
            "--listen",
            "127.0.0.1:0",
            "--github-url",
            &self.github.url(),
            "--app",
            APP,
            "--app-key",
            "app.pem",
            "--webhook-secret-file",
            "secret",
            "--roster",
            "roster.yml",
            "--without-artifacts",
            "checkout",
            "--since",
            &format!("{REPOSITORY}:production={}", sha("b0")),
        ]
        .map(str::to_owned)
        .to_vec()
    }

    /// The same without one of them.
    pub fn options_without(&self, option: &str) -> Vec<String> {
        let mut options = self.options();
        let at = options.iter().position(|it| it == option).unwrap();
        options.drain(at..at + 2);
        options
    }

    /// Starts it. What it logs is added to `app.log`.
    pub fn start(&self, more: &[&str]) -> Served {
        self.start_with(&self.options(), more)
    }

    /// The same with other options.
    pub fn start_with(&self, options: &[String], more: &[&str]) -> Served {
        let mut command = self.world.command();
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.world.path().join("app.log"));
        command.arg("serve").args(options).args(more).stderr(Stdio::from(log.unwrap()));
        Served::start(command, "the app listens on http://")
    }

    /// What it logged.
    pub fn logged(&self) -> Vec<Value> {
        let text = self.world.read("app.log");
        // The last line may be on its way.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"))).collect()
    }

    /// How often it came to a decision, new or not.
    pub fn looks(&self) -> usize {
        self.events("release_decided").len() + self.events("release_unchanged").len()
    }

    /// The events of a name.
    pub fn events(&self, name: &str) -> Vec<Value> {
        self.logged().into_iter().filter(|event| event["event"] == name).collect()
    }
}

/// The facts and the decision that the record has last of a release.
pub fn known(app: &App, release: &str) -> Option<(Value, Value)> {
    use countersign::store::address::Address;
    use countersign::store::reader::Reader;
    let address = Address::parse(&format!("sqlite:{}", app.world.path().join("record.db").display())).unwrap();
    let runtime = countersign::transport::runtime().unwrap();
    runtime.block_on(async {
        let mut reader = Reader::open(&address).await.ok()?;
        let last = reader.decided(50).await.unwrap().into_iter().find(|it| it.stream.release == release)?;
        let facts = reader.blob(last.facts).await.unwrap()?;
        let document = reader.blob(last.document).await.unwrap()?;
        reader.close().await.unwrap();
        Some((serde_json::from_slice(&facts).unwrap(), serde_json::from_slice(&document).unwrap()))
    })
}

/// Waits until the last decision on a release says something somewhere.
pub fn tells(app: &App, release: &str, what: &str) {
    let end = Instant::now() + Wait::from_mins(1);
    while !known(app, release).is_some_and(|(_, document)| document["tree"].to_string().contains(what)) {
        assert!(Instant::now() < end, "`{what}` was not said, but {:#}", known(app, release).unwrap().1["tree"]);
        std::thread::sleep(Wait::from_millis(200));
    }
}

/// A payload with what every one has.
pub fn payload(more: Value) -> Value {
    let mut whole = json!({
        "installation": {"id": INSTALLATION},
        "repository": {"id": REPOSITORY_ID, "full_name": REPOSITORY},
        "sender": {"login": "ana"},
    });
    for (name, value) in more.as_object().unwrap() {
        whole[name] = value.clone();
    }
    whole
}

/// The payload by which GitHub says that the run waits.
pub fn waits(github: &Github) -> Value {
    let url = format!("{}/api/v3/repos/{REPOSITORY}/actions/runs/{RUN}/deployment_protection_rule", github.url());
    payload(json!({
        "action": "requested", "environment": "production", "event": "push", "deployment_callback_url": url,
        "deployment": {"sha": sha("51"), "ref": "main"},
    }))
}

pub fn signature(secret: &str, body: &[u8]) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), body);
    tag.as_ref().iter().fold("sha256=".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

static DELIVERED: AtomicU64 = AtomicU64::new(1);

/// An id for a delivery.
pub fn id() -> String {
    format!("{:08x}-cc78-11e3-81ab-4c9367dc0958", DELIVERED.fetch_add(1, Ordering::Relaxed))
}

/// Delivers, as GitHub does.
pub fn deliver(served: &Served, event: &str, id: &str, payload: &Value) -> Option<Came> {
    let body = payload.to_string().into_bytes();
    let signed = signature(SECRET, &body);
    let headers = [
        ("x-github-event", event),
        ("x-github-delivery", id),
        ("x-hub-signature-256", signed.as_str()),
        ("content-type", "application/json"),
    ];
    served.try_send("POST /hooks/github", &headers, &body)
}

/// The same; it is taken.
pub fn takes(served: &Served, event: &str, id: &str, payload: &Value) -> String {
    let (status, _, body) = deliver(served, event, id, payload).unwrap();
    assert_eq!(status, 202, "{}", String::from_utf8_lossy(&body));
    String::from_utf8(body).unwrap().trim().to_owned()
}
