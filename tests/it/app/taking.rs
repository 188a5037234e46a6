//! The app with an address of its own, and the jobs that come there.

use std::net::TcpListener;

use serde_json::Value;

use super::{App, POLICY, RUN, asks, shop};
use crate::support::github::Github;
use crate::support::github::tokens::RUNNER;
use crate::support::github::world::{REPOSITORY, sha};
use crate::support::run::{Said, World};
use crate::support::served::Served;

/// Production asks for tests as well.
pub fn policy() -> String {
    POLICY.replace("environments: [staging]", "environments: [production]")
}

/// The app with an address of its own, to which jobs submit.
pub struct Taking {
    pub github: Github,
    pub app: App,
    pub url: String,
    pub served: Option<Served>,
    /// What it is started with beside the rest.
    pub more: Vec<String>,
    /// How often it reads every repository, in seconds.
    pub sweep: &'static str,
}

impl Taking {
    pub fn new() -> Self {
        let github = shop();
        github.with(|world| world.contents.insert(".countersign/policy.yml".to_owned(), policy()));
        asks(&github);
        let mut taking = Self::of(github);
        taking.start();
        taking
    }

    /// One that is not started yet, of a GitHub as it is.
    pub fn of(github: Github) -> Self {
        let app = App::new(&github);
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self { github, app, url: format!("http://127.0.0.1:{port}"), served: None, more: Vec::new(), sweep: "1" }
    }

    pub fn start(&mut self) {
        self.start_by(self.app.options_without("--listen"));
    }

    /// The same by other options, among which is no address.
    pub fn start_by(&mut self, mut options: Vec<String>) {
        let listen = self.url.trim_start_matches("http://").to_owned();
        options.extend(["--listen".to_owned(), listen, "--public-url".to_owned(), format!("{}/", self.url)]);
        options.extend(self.more.clone());
        self.served = Some(self.app.start_with(&options, &["--sweep", self.sweep]));
    }

    pub fn served(&self) -> &Served {
        self.served.as_ref().unwrap()
    }

    /// A job of a run of a commit, with a report.
    pub fn job(&self, run: u64, attempt: u64, commit: &str, report: &str) -> World {
        let world = World::with_policy(&policy())
            .variable("GITHUB_ACTIONS", "true")
            .variable("GITHUB_RUN_ID", &run.to_string())
            .variable("GITHUB_RUN_ATTEMPT", &attempt.to_string())
            .variable("GITHUB_SHA", &sha(commit))
            .variable("GITHUB_REPOSITORY", REPOSITORY)
            .variable("ACTIONS_ID_TOKEN_REQUEST_URL", &format!("{}/request?api-version=2.0", self.github.issuer()))
            .variable("ACTIONS_ID_TOKEN_REQUEST_TOKEN", &format!("{RUNNER}{run}"));
        world.write("reports/tests.xml", report);
        world
    }

    /// What the step of a job says that submits.
    pub fn submits(&self, job: &World) -> Said {
        job.run(&["gate", "--environment", "production", "--format", "text", "--submit", &self.url])
    }

    /// What is recorded of evidence.
    pub fn listed(&self) -> String {
        self.app.world.run(&["db", "list", "evidence", "--database", "sqlite:record.db"]).out
    }

    /// The last decision's document.
    pub fn decided(&self) -> String {
        self.app.events("release_decided").last().map_or_else(String::new, ToString::to_string)
    }

    /// Shows a submission under a token; what comes back is the status and what is said.
    pub fn shows(&self, token: &str, body: &[u8]) -> (u16, String) {
        self.posts("/evidence", token, body)
    }

    /// The same at another path.
    pub fn posts(&self, path: &str, token: &str, body: &[u8]) -> (u16, String) {
        let bearer = format!("Bearer {token}");
        let (status, _, said) = self.served().send(&format!("POST {path}"), &[("authorization", &bearer)], body);
        (status, String::from_utf8(said).unwrap())
    }

    /// Asks for the decision under a token.
    pub fn decision(&self, query: &str, token: &str) -> (u16, String) {
        let bearer = format!("Bearer {token}");
        let (status, _, said) =
            self.served().send(&format!("GET /decision?{query}"), &[("authorization", &bearer)], b"");
        (status, String::from_utf8(said).unwrap())
    }

    /// Waits until it has looked at what waits so often again, and says what it decided last.
    pub fn looked(&self, times: usize) -> String {
        let before = self.app.looks();
        super::until("more looks", || self.app.looks() >= before + times);
        self.decided()
    }

    /// What GitHub states of a job of the run that waits.
    pub fn claims(&self) -> Value {
        self.github.claims(RUN, &self.url)
    }
}
