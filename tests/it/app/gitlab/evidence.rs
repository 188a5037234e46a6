//! Evidence from a pipeline of GitLab: `gate --submit` as a process under the one token of its job.

use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::asked::{Free, claims};
use super::{PIPELINE, asks, shop, status, told, votes};
use crate::app::until;
use crate::support::github::tokens;
use crate::support::github::world::sha;
use crate::support::gitlab::Gitlab;
use crate::support::run::{Said, World};

const PASSING: &str = r#"<testsuite name="shop" tests="2"><testcase name="a"/><testcase name="b"/></testsuite>"#;
const FAILING: &str = r#"<testsuite name="shop" tests="2" failures="1"><testcase name="a"/><testcase name="b"><failure/></testcase></testsuite>"#;
/// The number of the job that submits.
const JOB: &str = "71";

/// Production asks for tests as well.
fn policy() -> String {
    super::policy().replace("environments: [staging]", "environments: [production]")
}

/// A deployment that waits, approved by `bo`, and the job that is to submit.
fn waits() -> Free {
    let gitlab = shop();
    gitlab.with(|world| {
        world.git.contents.insert(".countersign/policy.yml".to_owned(), policy());
        world.jobs.insert(JOB.to_owned(), (PIPELINE, "running".to_owned()));
    });
    asks(&gitlab);
    votes(&gitlab, "bo");
    let free = Free::of(gitlab);
    until("a status", || !told(&free.gitlab).is_empty());
    free
}

/// The token that GitLab gave the job.
fn token(free: &Free) -> String {
    let mut claims = claims(&free.gitlab, &free.url);
    claims["job_id"] = json!(JOB);
    claims.as_object_mut().unwrap().remove("environment");
    tokens::token(&claims)
}

/// The job, with a report.
fn job(free: &Free, report: &str) -> World {
    let world = World::with_policy(&policy())
        .variable("GITLAB_CI", "true")
        .variable("CI_PIPELINE_ID", &PIPELINE.to_string())
        .variable("CI_COMMIT_SHA", &sha("51"))
        .variable("CI_PROJECT_PATH", "acme/shop")
        .variable("COUNTERSIGN_ID_TOKEN", &token(free));
    world.write("reports/tests.xml", report);
    world
}

fn submits(free: &Free, job: &World) -> Said {
    job.run(&["gate", "--environment", "production", "--format", "text", "--submit", &free.url])
}

fn listed(free: &Free) -> String {
    free.app.world.run(&["db", "list", "evidence", "--database", "sqlite:record.db"]).out
}

/// Waits until it was decided so often again.
fn looked(free: &Free) {
    let looks = || free.gitlab.asked().iter().filter(|it| it.path.ends_with("/deployments/7")).count();
    let before = looks();
    until("more looks", || looks() > before + 3);
}

#[test]
fn a_job_submits_under_its_one_token_and_the_deployment_goes() {
    let free = waits();
    let said = told(&free.gitlab).remove(0).1;
    assert!(said.contains("tests"), "{said}");
    let job = job(&free, PASSING);
    let said = submits(&free, &job);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(
        said.err.contains("1 files of evidence are submitted") && said.err.contains("1 were sent just now"),
        "{}",
        said.err
    );
    until("the job to be played", || status(&free.gitlab) == "success");
    // The same job may submit again, for another environment for one; what is there is not sent again.
    let said = submits(&free, &job);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.err.contains("0 were sent just now"), "{}", said.err);
    let listed = listed(&free);
    assert_eq!(listed.matches("reports/tests.xml").count(), 1, "{listed}");
    assert!(listed.contains("acme/shop//.gitlab-ci.yml"), "{listed}");
    // Once it has ended, its token is worth nothing.
    free.gitlab.with(|world| world.jobs.insert(JOB.to_owned(), (PIPELINE, "success".to_owned())));
    let said = submits(&free, &job);
    assert_eq!(said.code, 3, "{}", said.err);
    assert!(said.err.contains("while its job runs"), "{}", said.err);
    let log = free.app.world.read("app.log");
    assert!(!log.contains("eyJ") && !said.err.contains("eyJ"), "a token is shown");
}

#[test]
fn what_another_job_of_the_pipeline_found_is_not_hidden_by_one_that_goes_well() {
    let free = waits();
    let said = submits(&free, &job(&free, FAILING));
    assert_eq!(said.code, 11, "{}", said.err);
    assert_eq!(submits(&free, &job(&free, PASSING)).code, 0);
    until("both", || listed(&free).matches("reports/tests.xml").count() == 2);
    looked(&free);
    assert_eq!(status(&free.gitlab), "blocked");
    assert!(told(&free.gitlab).last().unwrap().1.contains("tests"), "{:?}", told(&free.gitlab));
}

/// A submission of one file.
fn submission(run: u64, commit: &str, bytes: &str) -> Vec<u8> {
    let digest = Sha256::digest(bytes).iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    let file = json!({"path": "reports/tests.xml", "sha256": digest, "size": bytes.len()});
    let manifest = json!({"run": run, "attempt": 1, "commit": sha(commit), "files": [file]});
    format!("{manifest}\n{bytes}").into_bytes()
}

#[test]
fn t45_evidence_is_taken_of_a_job_that_runs_and_for_its_own_pipeline_and_commit() {
    let free = waits();
    let sends = |token: &str, body: &[u8]| {
        let bearer = format!("Bearer {token}");
        let (status, _, said) = free.served.send("POST /evidence", &[("authorization", &bearer)], body);
        (status, String::from_utf8(said).unwrap())
    };
    let good = submission(PIPELINE, "51", PASSING);
    for other in [submission(PIPELINE + 1, "51", PASSING), submission(PIPELINE, "b0", PASSING)] {
        let (status, said) = sends(&token(&free), &other);
        assert_eq!(status, 403, "{said}");
    }
    let with = |gitlab: &Gitlab, name: &str, value: serde_json::Value| {
        let mut claims = claims(gitlab, &free.url);
        claims["job_id"] = json!(JOB);
        claims[name] = value;
        tokens::token(&claims)
    };
    for (name, value) in [
        ("iss", json!("https://gitlab.com")),
        ("aud", json!("https://elsewhere.example")),
        ("project_id", json!("78")),
        ("pipeline_source", json!("merge_request_event")),
        ("ref_path", json!("refs/merge-requests/12/head")),
        ("pipeline_id", json!("901")),
        ("job_id", json!("72")),
        ("sha", json!(sha("b0"))),
        ("runner_environment", json!("self-hosted")),
    ] {
        let (status, said) = sends(&with(&free.gitlab, name, value.clone()), &good);
        assert!(matches!(status, 401 | 403), "{name} {value}: {status} {said}");
    }
    assert!(!listed(&free).contains("tests.xml"), "{}", listed(&free));
    let (status, said) = sends(&token(&free), &good);
    assert_eq!(status, 200, "{said}");
}
