//! A submission counts once its job has closed it, of the attempt in which it did, and by the workflow that made it.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::taking::{Taking, policy};
use super::{RUN, asks, reviews, shop, told, until};
use crate::support::github::tokens;
use crate::support::github::world::{REPOSITORY, sha};

pub const PASSING: &str = r#"<testsuite name="shop" tests="1"><testcase name="a"/></testsuite>"#;
const FAILING: &str =
    r#"<testsuite name="more" tests="1" failures="1"><testcase name="b"><failure/></testcase></testsuite>"#;

pub fn digest(bytes: &str) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// The manifest of files of an attempt of the run that waits.
pub fn manifest(attempt: u64, files: &[(&str, &str)]) -> String {
    let listed = |(path, bytes): &(&str, &str)| json!({"path": path, "sha256": digest(bytes), "size": bytes.len()});
    let files: Vec<Value> = files.iter().map(listed).collect();
    json!({"run": RUN, "attempt": attempt, "commit": sha("51"), "files": files}).to_string()
}

/// The same with their bytes.
fn with_bytes(files: &[(&str, &str)]) -> String {
    files.iter().fold(format!("{}\n", manifest(1, files)), |all, (_, bytes)| all + bytes)
}

/// An app whose release has all but evidence, and what GitHub states of a job.
fn waiting(policy: &str) -> Taking {
    let github = shop();
    github.with(|world| world.contents.insert(".countersign/policy.yml".to_owned(), policy.to_owned()));
    asks(&github);
    reviews(&github, "bo", "APPROVED");
    let mut taking = Taking::of(github);
    taking.start();
    taking
}

fn token(taking: &Taking, edit: impl FnOnce(&mut Value)) -> String {
    let mut claims = taking.claims();
    edit(&mut claims);
    tokens::token(&claims)
}

fn takes(taking: &Taking, path: &str, edit: impl FnOnce(&mut Value), body: &str) {
    let (status, said) = taking.posts(path, &token(taking, edit), body.as_bytes());
    assert_eq!(status, 200, "{said}");
}

#[test]
fn half_a_submission_counts_for_nothing_and_holds_until_all_of_it_is_there() {
    let taking = waiting(&policy());
    let (one, other) = (("reports/a.xml", PASSING), ("reports/b.xml", FAILING));
    let plain = |_: &mut Value| {};
    takes(&taking, "/evidence", plain, &with_bytes(&[one]));
    // The job is killed here, or its next request is slow.
    assert!(taking.looked(3).contains("has begun to submit"), "{}", taking.decided());
    assert_eq!(told(&taking.github).decided, None, "{}", taking.decided());

    // What nobody has submitted is not closed.
    let (status, said) =
        taking.posts("/evidence/closed", &token(&taking, plain), manifest(1, &[one, other]).as_bytes());
    assert_eq!(status, 409, "{said}");
    assert!(said.contains("reports/b.xml"), "{said}");
    // Nor does one who closes less than he has submitted have the rest forgotten.
    takes(&taking, "/evidence", plain, &with_bytes(&[other]));
    takes(&taking, "/evidence/closed", plain, &manifest(1, &[one]));
    assert!(taking.looked(3).contains("reports/b.xml"), "{}", taking.decided());
    assert_eq!(told(&taking.github).decided, None, "{}", taking.decided());

    takes(&taking, "/evidence/closed", plain, &manifest(1, &[other, one]));
    until("a decision by both", || taking.decided().contains("tests.failed"));
    assert_eq!(told(&taking.github).decided, None, "{}", taking.decided());
    // The same list in another order is the same list.
    takes(&taking, "/evidence/closed", plain, &manifest(1, &[one, other]));
    let listed = taking.app.world.run(&["db", "list", "submissions", "--database", "sqlite:record.db"]).out;
    assert_eq!(listed.matches("acme/shop//release.yml").count(), 2, "{listed}");
}

#[test]
fn a_submission_that_is_closed_is_looked_at_at_once() {
    let mut taking = waiting(&policy());
    taking.served = None;
    taking.sweep = "300";
    taking.start();
    until("a look", || taking.app.looks() > 0 && taking.served().ask("GET /readyz").0 == 200);
    let file = [("reports/a.xml", PASSING)];
    takes(&taking, "/evidence", |_| {}, &with_bytes(&file));
    takes(&taking, "/evidence/closed", |_| {}, &manifest(1, &file));
    until("an answer", || told(&taking.github).decided.is_some());
}

#[test]
fn what_is_there_is_measured_and_not_what_somebody_says_of_it() {
    let taking = waiting(&policy());
    let file = [("reports/a.xml", PASSING)];
    takes(&taking, "/evidence", |_| {}, &with_bytes(&file));
    let wrong = manifest(1, &file).replace(&format!("\"size\":{}", PASSING.len()), "\"size\":1");
    let (status, said) = taking.posts("/evidence/wanted", &token(&taking, |_| {}), wrong.as_bytes());
    assert_eq!(status, 422, "{said}");
    let (status, said) = taking.posts("/evidence/closed", &token(&taking, |_| {}), wrong.as_bytes());
    assert_eq!(status, 409, "{said}");
}

#[test]
fn a_run_of_which_only_the_failed_jobs_were_started_again_is_told_what_to_do() {
    let taking = waiting(&policy());
    let file = [("reports/a.xml", FAILING)];
    takes(&taking, "/evidence", |_| {}, &with_bytes(&file));
    takes(&taking, "/evidence/closed", |_| {}, &manifest(1, &file));
    until("a decision by it", || taking.decided().contains("tests.failed"));
    taking.github.with(|world| world.attempts.insert(RUN, (2, "ana".to_owned())));
    until("what to do", || taking.decided().contains("re-run all jobs"));
    assert!(taking.decided().contains("attempt 2"), "{}", taking.decided());
    // A token of the first attempt is still good, and closes nothing in the second.
    let old = token(&taking, |claims| claims["run_attempt"] = json!("1"));
    let (status, said) = taking.posts("/evidence/closed", &old, manifest(2, &file).as_bytes());
    assert_eq!(status, 403, "{said}");
}

const FROM: &str = r#"tests: { junit: "**/*.xml", from: "acme/shop//release.yml", "#;

fn workflow(name: &str) -> impl FnOnce(&mut Value) + '_ {
    move |claims| claims["job_workflow_ref"] = json!(name)
}

/// What is decided of a release whose report was made by a workflow.
fn made_by(policy: &str, name: &str, opens: bool) -> (Taking, String) {
    let taking = waiting(policy);
    let file = [("reports/a.xml", PASSING)];
    takes(&taking, "/evidence", workflow(name), &with_bytes(&file));
    takes(&taking, "/evidence/closed", workflow(name), &manifest(1, &file));
    until("a decision by it", || {
        let decided = taking.decided();
        let waits = ["there is no evidence yet", "has begun to submit"].iter().any(|why| decided.contains(why));
        told(&taking.github).decided.is_some() || !decided.is_empty() && !waits
    });
    // What is opened is not looked at again.
    let decided = if opens { taking.decided() } else { taking.looked(2) };
    (taking, decided)
}

#[test]
fn t45_a_workflow_of_elsewhere_is_what_it_was_at_its_ref() {
    let by_name = policy().replace("tests: { junit: \"**/*.xml\", ", FROM);
    assert_ne!(by_name, policy());
    let named = |ref_: &str| by_name.replace("acme/shop//release.yml", ref_);
    let flows = "acme/ci/.github/workflows/scan.yml";
    let commit = sha("77");
    for (policy, workflow, opens) in [
        // The repository's own, at the ref of the run; and the same at a branch that nobody reviewed.
        (by_name.clone(), format!("{REPOSITORY}/.github/workflows/release.yml@refs/heads/main"), true),
        (by_name.clone(), format!("{REPOSITORY}/.github/workflows/release.yml@refs/heads/mine"), false),
        // A file whose name begins like that of another.
        (by_name.clone(), format!("{REPOSITORY}/.github/workflows/release.yml@x.yml@refs/heads/main"), false),
        // Another repository's, without its ref, with it, with another.
        (named("acme/ci//scan.yml"), format!("{flows}@refs/heads/main"), false),
        (named("acme/ci//scan.yml@refs/heads/main"), format!("{flows}@refs/heads/main"), true),
        (named("acme/ci//scan.yml@refs/heads/main"), format!("{flows}@refs/heads/mine"), false),
        // Where the policy names none, one that can be moved counts for nothing.
        (super::taking::policy(), format!("{flows}@refs/tags/v1"), false),
        (super::taking::policy(), format!("{flows}@{commit}"), true),
    ] {
        let (taking, decided) = made_by(&policy, &workflow, opens);
        if opens {
            until("an answer", || told(&taking.github).decided.is_some());
        } else {
            assert_eq!(told(&taking.github).decided, None, "{workflow}: {decided}");
            let why = ["where the policy names", "can change without a review"];
            assert!(why.iter().any(|why| decided.contains(why)), "{workflow}: {decided}");
        }
    }
}

#[test]
fn t45_a_job_on_somebodys_own_machine_counts_only_where_the_settings_say_so() {
    let mut taking = waiting(&policy());
    let own = |claims: &mut Value| claims["runner_environment"] = json!("self-hosted");
    let file = [("reports/a.xml", PASSING)];
    let (status, said) = taking.shows(&token(&taking, own), with_bytes(&file).as_bytes());
    assert_eq!(status, 401, "{said}");
    assert!(said.contains("--self-hosted-runners"), "{said}");
    assert_eq!(taking.decision("environment=production", &token(&taking, own)).0, 401);
    let silent = |claims: &mut Value| claims["runner_environment"] = Value::Null;
    assert_eq!(taking.shows(&token(&taking, silent), with_bytes(&file).as_bytes()).0, 401);
    taking.served = None;
    taking.more = vec!["--self-hosted-runners".to_owned()];
    taking.start();
    takes(&taking, "/evidence", own, &with_bytes(&file));
}

#[test]
fn what_stands_beside_a_report_is_its_pipelines_too() {
    let by_name = policy().replace("tests: { junit: \"**/*.xml\", ", FROM);
    let taking = waiting(&by_name);
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "a.xml", "digest": {"sha256": digest(PASSING)}}],
        "predicateType": "urn:countersign:report:1",
        "predicate": {"commit": sha("51")},
    })
    .to_string();
    // Another workflow says what the report is about.
    let other = format!("{REPOSITORY}/.github/workflows/other.yml@refs/heads/main");
    let beside = [("reports/a.xml.about.json", statement.as_str())];
    takes(&taking, "/evidence", workflow(&other), &with_bytes(&beside));
    takes(&taking, "/evidence/closed", workflow(&other), &manifest(1, &beside));
    let file = [("reports/a.xml", PASSING)];
    takes(&taking, "/evidence", |_| {}, &with_bytes(&file));
    takes(&taking, "/evidence/closed", |_| {}, &manifest(1, &file));
    until("a decision by it", || taking.decided().contains("where the policy names"));
    assert_eq!(told(&taking.github).decided, None, "{}", taking.decided());
    // Both are named where the decision says what it was made from.
    let facts = taking.app.world.run(&["db", "list", "decisions", "--database", "sqlite:record.db"]).out;
    let last = facts.lines().last().unwrap().split('\t').nth(5).unwrap().to_owned();
    let entry = taking.app.world.run(&["db", "list", "evidence", "--database", "sqlite:record.db"]).out;
    assert!(!last.is_empty() && entry.contains(&digest(&statement)), "{entry}");
}

#[test]
fn what_others_show_leaves_no_trace_of_their_tokens_here() {
    let taking = waiting(&policy());
    let body = with_bytes(&[("reports/a.xml", PASSING)]);
    let elsewhere = |claims: &mut Value| {
        claims["jti"] = json!("the same");
        claims["repository_id"] = json!("78");
        claims["repository_owner_id"] = json!("66");
    };
    taking.github.forget();
    for _ in 0..20 {
        assert_eq!(taking.shows(&token(&taking, elsewhere), body.as_bytes()).0, 403);
    }
    let listed = taking.github.asked().iter().filter(|it| it.path.ends_with("/app/installations")).count();
    // Two sweeps can have looked as well.
    assert!(listed < 12, "anybody makes us ask GitHub: {listed}");
    takes(&taking, "/evidence", |claims| claims["jti"] = json!("the same"), &body);
    let again = token(&taking, |claims| claims["jti"] = json!("the same"));
    assert_eq!(taking.shows(&again, body.as_bytes()).0, 401);
}

#[test]
fn the_settings_fill_no_gap_in_what_was_submitted() {
    let time = policy().replace("tests.failed == 0", "tests.failed == 0 && tests.time < duration('1min')");
    let mut taking = waiting(&time);
    taking.served = None;
    let known = json!({"evidence": {"tests": {"digests": ["0".repeat(64)], "measures": {"tests.time": 3}}}});
    taking.app.world.write("known.json", known.to_string());
    taking.more = vec!["--with".to_owned(), "known.json".to_owned()];
    taking.start();
    let file = [("reports/a.xml", PASSING)];
    takes(&taking, "/evidence", |_| {}, &with_bytes(&file));
    takes(&taking, "/evidence/closed", |_| {}, &manifest(1, &file));
    until("a decision by it", || taking.decided().contains("tests.time"));
    taking.looked(2);
    assert_eq!(told(&taking.github).decided, None, "{}", taking.decided());
}

#[test]
fn many_who_submit_at_once_do_not_get_past_what_one_attempt_may() {
    let taking = waiting(&policy());
    let of = |part: usize| {
        let texts: Vec<(String, String)> =
            (0..1_000).map(|at| (format!("r/{part}-{at}.txt"), format!("{part} {at}"))).collect();
        let files: Vec<(&str, &str)> = texts.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        with_bytes(&files)
    };
    let send = &|part: usize| taking.shows(&token(&taking, |_| {}), of(part).as_bytes()).0;
    for part in 0..9 {
        assert_eq!(send(part), 200);
    }
    let answers: Vec<u16> = std::thread::scope(|scope| {
        let parts = [9, 10, 11, 12].map(|part| scope.spawn(move || send(part)));
        parts.map(|it| it.join().unwrap()).to_vec()
    });
    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1, "{answers:?}");
    assert_eq!(answers.iter().filter(|status| **status == 413).count(), 3, "{answers:?}");
}
