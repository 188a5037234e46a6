//! On a plan without approvals of deployments nothing holds a deployment but its own job, which asks for the decision under the
//! token that GitLab gave it.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::Utc;
use serde_json::{Value, json};

use super::{App, PIPELINE, runs, shop, told};
use crate::app::{ago, until};
use crate::support::github::tokens;
use crate::support::github::world::sha;
use crate::support::gitlab::Gitlab;
use crate::support::gitlab::world::{PROJECT, PROJECT_ID, Plan};
use crate::support::run::{Said, World};
use crate::support::served::Served;

static ISSUED: AtomicU64 = AtomicU64::new(1);

/// What GitLab states of a job of the pipeline, for the app at an address.
pub fn claims(gitlab: &Gitlab, audience: &str) -> Value {
    let now = Utc::now().timestamp();
    json!({
        "iss": gitlab.url(), "aud": audience, "sub": format!("project_path:{PROJECT}:ref_type:branch:ref:main"),
        "jti": format!("lab-{}", ISSUED.fetch_add(1, Ordering::Relaxed)),
        "iat": now, "nbf": now - 5, "exp": now + 3_600,
        "project_path": PROJECT, "project_id": PROJECT_ID.to_string(), "namespace_id": "5", "namespace_path": "acme",
        "pipeline_id": PIPELINE.to_string(), "pipeline_source": "push", "job_id": "70", "user_id": "1000",
        "user_login": "ana", "sha": sha("51"), "ref": "main", "ref_type": "branch", "ref_path": "refs/heads/main",
        "ref_protected": "true", "environment": "production", "environment_protected": "false",
        "runner_id": 1, "runner_environment": "gitlab-hosted",
        "ci_config_ref_uri": format!("127.0.0.1/git/{PROJECT}//.gitlab-ci.yml@refs/heads/main"),
        "ci_config_sha": sha("51"),
    })
}

pub struct Free {
    pub gitlab: Gitlab,
    pub app: App,
    pub url: String,
    pub served: Served,
}

fn free() -> Free {
    let gitlab = shop();
    gitlab.with(|world| world.plan = Plan::Free);
    runs(&gitlab);
    Free::of(gitlab)
}

impl Free {
    /// The app with an address to which jobs come, of a GitLab as it is.
    pub fn of(gitlab: Gitlab) -> Self {
        let app = App::new(&gitlab);
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (url, listen) = (format!("http://127.0.0.1:{port}"), format!("127.0.0.1:{port}"));
        let served = app.start(&["--sweep", "1", "--listen", &listen, "--public-url", &url]);
        Self { gitlab, app, url, served }
    }

    /// Asks under a token with these claims.
    fn asks(&self, edit: impl FnOnce(&mut Value)) -> (u16, String) {
        let mut claims = claims(&self.gitlab, &self.url);
        edit(&mut claims);
        self.shows(&tokens::token(&claims))
    }

    fn shows(&self, token: &str) -> (u16, String) {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str())];
        let (status, _, said) = self.served.send("GET /decision?environment=production", &headers, b"");
        (status, String::from_utf8(said).unwrap())
    }

    /// What the step of a job ends with.
    fn step(&self, more: &[&str]) -> Said {
        let token = tokens::token(&claims(&self.gitlab, &self.url));
        let world = World::new()
            .variable("GITLAB_CI", "true")
            .variable("CI_COMMIT_SHA", &sha("51"))
            .variable("COUNTERSIGN_ID_TOKEN", &token);
        let mut arguments = vec!["gate", "--require-decision", &self.url, "--environment", "production"];
        arguments.extend(more);
        world.run(&arguments)
    }
}

#[test]
fn a_job_asks_by_its_own_token_is_told_to_wait_and_goes_on_once_somebody_approved() {
    let free = free();
    until("the first sweep", || free.served.ask("GET /readyz").0 == 200);
    let said = free.step(&[]);
    assert_eq!(said.code, 10, "{}{}", said.out, said.err);
    assert!(said.out.contains("held before production") && said.out.contains("bo"), "{}", said.out);
    // GitLab gives one token, which counts while the job runs: it can wait with it, too.
    let gitlab = free.gitlab.clone();
    let approves = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_secs(3));
        gitlab.with(|world| {
            world.note(12, "bo", &format!("/countersign approve production {}", sha("51")), &ago(0));
        });
    });
    let said = free.step(&["--wait", "1min"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    approves.join().unwrap();
    let answers = free.app.events("decision_asked");
    assert!(answers.iter().any(|it| it["run"] == PIPELINE && it["decision"] == "proceed"), "{answers:?}");
    // Nothing waits at GitLab, and nothing is told there.
    assert!(told(&free.gitlab).is_empty());
}

#[test]
fn t45_a_token_counts_while_its_job_runs_of_our_projects_and_of_a_pipeline_that_may_release() {
    let free = free();
    until("the first sweep", || free.served.ask("GET /readyz").0 == 200);
    let token = tokens::token(&claims(&free.gitlab, &free.url));
    assert_eq!(free.shows(&token).0, 200);
    assert_eq!(free.shows(&token).0, 200);
    let is = |pipeline: u64, status: &str| {
        free.gitlab.with(|world| world.jobs.insert("70".to_owned(), (pipeline, status.to_owned())));
    };
    for status in ["success", "failed", "canceled", "canceling", "pending", "manual"] {
        is(PIPELINE, status);
        let (code, said) = free.shows(&token);
        assert_eq!(code, 401, "{status}: {said}");
        assert!(said.contains("while its job runs"), "{said}");
    }
    is(PIPELINE, "running");
    // Whether it runs cannot be known.
    free.gitlab.trouble("/jobs/70", crate::support::gitlab::reply(403, &json!({"message": "403 Forbidden"})));
    assert_eq!(free.shows(&token).0, 503);
    assert_eq!(free.shows(&token).0, 200);
    let refused = |name: &str, value: Value| {
        let (status, said) = free.asks(|claims| claims[name] = value.clone());
        assert!(matches!(status, 401 | 403), "{name} {value}: {status} {said}");
    };
    refused("iss", json!("https://gitlab.example"));
    refused("aud", json!("https://elsewhere.example"));
    refused("project_id", json!((PROJECT_ID + 1).to_string()));
    refused("pipeline_source", json!("merge_request_event"));
    refused("pipeline_source", json!("external_pull_request_event"));
    refused("ref_path", json!("refs/merge-requests/12/head"));
    refused("ref_path", Value::Null);
    refused("runner_environment", json!("self-hosted"));
    refused("exp", json!(Utc::now().timestamp() - 600));
    refused("sha", json!("main"));
    refused("environment", json!("staging"));
    refused("job_id", json!("71"));
    refused("job_id", Value::Null);
    refused("pipeline_id", json!("901"));
    refused("sha", json!(sha("b0")));
    // Somebody else's key.
    let forged = tokens::sign(&tokens::keys()[1], &tokens::header(), &claims(&free.gitlab, &free.url));
    assert_eq!(free.shows(&forged).0, 401);
}

#[test]
fn each_job_that_is_tried_again_is_recorded_as_one_that_asked() {
    let free = free();
    free.gitlab.with(|world| world.jobs.insert("71".to_owned(), (PIPELINE, "running".to_owned())));
    until("the first sweep", || free.served.ask("GET /readyz").0 == 200);
    let asked = || {
        let log = free.app.world.run(&["log", "show", "--database", "sqlite:record.db", "--log-key", "log.pub"]).out;
        log.lines().filter(|line| line.contains("\"asked\"")).count()
    };
    let asks = |job: &str| {
        let (status, said) = free.asks(|claims| claims["job_id"] = json!(job));
        assert!(status == 200 && said.contains("held before production"), "{status} {said}");
    };
    asks("70");
    assert_eq!(asked(), 1);
    // Told to wait it ends, and is run again: a job of its own, of the same pipeline.
    asks("71");
    assert_eq!(asked(), 2);
    asks("70");
    asks("71");
    assert_eq!(asked(), 2, "each is recorded once");
}
