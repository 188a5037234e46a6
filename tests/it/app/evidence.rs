//! Evidence from the pipeline: `gate --submit` as a process under the job's token, and what is not taken.

use std::net::TcpListener;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::taking::{Taking, policy};
use super::{App, NEXT, RUN, answers, id, next_release, reviews, reviews_of, shop, takes, told, told_of, until, waits};
use crate::support::github::tokens::{self, RUNNER};
use crate::support::github::world::sha;
use crate::support::run::World;

const PASSING: &str = r#"<testsuite name="shop" tests="2"><testcase name="a"/><testcase name="b"/></testsuite>"#;
const FAILING: &str = r#"<testsuite name="shop" tests="2" failures="1"><testcase name="a"/><testcase name="b"><failure/></testcase></testsuite>"#;

/// A submission of one file of the run that waits.
fn submission(run: u64, attempt: u64, commit: &str, path: &str, bytes: &str) -> Vec<u8> {
    let digest = Sha256::digest(bytes).iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    let file = json!({"path": path, "sha256": digest, "size": bytes.len()});
    let manifest = json!({"run": run, "attempt": attempt, "commit": sha(commit), "files": [file]});
    format!("{manifest}\n{bytes}").into_bytes()
}

fn good() -> Vec<u8> {
    submission(RUN, 1, "51", "reports/tests.xml", PASSING)
}

#[test]
fn a_step_submits_and_the_deployment_opens_once() {
    let mut taking = Taking::new();
    let github = taking.github.clone();
    reviews(&github, "bo", "APPROVED");
    until("a report", || !told(&github).reports.is_empty());
    let report = told(&github).reports[0].clone();
    assert!(report.contains("tests"), "{report}");
    assert!(taking.listed().lines().count() <= 1, "{}", taking.listed());

    // It is submitted to an app that is not there yet, and then is.
    taking.served = None;
    let job = taking.job(RUN, 1, "51", PASSING);
    let mut step = job.command();
    step.args(["gate", "--environment", "production", "--format", "text", "--submit", &taking.url]);
    let step = step.stderr(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    taking.start();
    let output = step.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("1 files of evidence are submitted") && said.contains("1 were sent just now"), "{said}");

    until("an answer", || told(&github).decided.is_some());
    assert_eq!(told(&github).decided.unwrap().0, "approved");
    // Whoever submits the same again changes nothing, and sends nothing.
    let said = taking.submits(&job);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.err.contains("0 were sent just now"), "{}", said.err);
    takes(taking.served(), "deployment_protection_rule", &id(), &waits(&github));
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert_eq!(answers(&github), 1);
    let listed = taking.listed();
    assert_eq!(listed.matches("reports/tests.xml").count(), 1, "{listed}");
    assert!(listed.contains("acme/shop//release.yml"), "{listed}");

    drop(taking.served.take());
    let verified = taking.app.world.run(&["log", "verify", "--database", "sqlite:record.db", "--log-key", "log.pub"]);
    assert_eq!(verified.code, 0, "{}{}", verified.out, verified.err);
    let log = taking.app.world.read("app.log");
    for canary in ["eyJ", RUNNER] {
        assert!(!log.contains(canary) && !said.err.contains(canary), "a token is shown");
    }
}

#[test]
fn a_verdict_of_the_step_is_not_taken_and_the_bytes_are_read_again() {
    let taking = Taking::new();
    reviews(&taking.github, "bo", "APPROVED");
    let job = taking.job(RUN, 1, "51", FAILING);
    // Its own policy would let it pass.
    job.write(".countersign/policy.yml", policy().replace("tests.failed == 0", "tests.failed < 9"));
    let said = taking.submits(&job);
    assert_eq!(said.code, 0, "{}", said.err);
    until("a decision by it", || taking.decided().contains("tests.failed"));
    let before = taking.app.looks();
    until("more looks", || taking.app.looks() > before + 2);
    assert_eq!(told(&taking.github).decided, None, "{}", taking.decided());
}

#[test]
fn what_another_job_brought_beside_it_counts_too_and_a_later_attempt_replaces_both() {
    let taking = Taking::new();
    let github = taking.github.clone();
    reviews(&github, "bo", "APPROVED");
    // Two jobs of a matrix call their reports alike. The one that goes well does not hide the one that does not.
    let first = taking.submits(&taking.job(RUN, 1, "51", FAILING));
    assert_eq!(first.code, 11, "{}", first.err);
    let second = taking.submits(&taking.job(RUN, 1, "51", PASSING));
    assert_eq!(second.code, 0, "{}", second.err);
    until("both", || taking.listed().matches("reports/tests.xml").count() == 2);
    let before = taking.app.looks();
    until("more looks", || taking.app.looks() > before + 2);
    assert_eq!(told(&github).decided, None, "{}", taking.decided());

    // Nor does it hide one that cannot be read, which is told by the path that its job has.
    taking.submits(&taking.job(RUN, 1, "51", "<testsuite"));
    until("a decision by it", || taking.decided().contains("reports/tests.xml"));
    assert!(!taking.decided().contains("/tmp"), "{}", taking.decided());

    // The run is started again: what the first attempt brought counts no longer.
    github.with(|world| world.attempts.insert(RUN, (2, "ana".to_owned())));
    let before = taking.app.looks();
    until("more looks", || taking.app.looks() > before + 2);
    assert_eq!(told(&github).decided, None, "{}", taking.decided());
    let again = taking.submits(&taking.job(RUN, 2, "51", PASSING));
    assert_eq!(again.code, 0, "{}", again.err);
    assert!(again.err.contains("0 were sent just now"), "the bytes are there: {}", again.err);
    until("an answer", || told(&github).decided.is_some());
    assert_eq!(told(&github).decided.unwrap().0, "approved");
    assert_eq!(taking.listed().matches("reports/tests.xml").count(), 4, "{}", taking.listed());
}

#[test]
fn evidence_of_another_run_does_not_count() {
    let taking = Taking::new();
    let github = taking.github.clone();
    next_release(&github);
    reviews(&github, "bo", "APPROVED");
    assert_eq!(taking.submits(&taking.job(NEXT, 1, "61", PASSING)).code, 0);
    until("it is recorded", || taking.listed().contains("reports/tests.xml"));
    let before = taking.app.looks();
    until("more looks", || taking.app.looks() > before + 4);
    assert_eq!(told(&github).decided, None, "{}", taking.decided());
    assert_eq!(told_of(&github, NEXT).decided, None, "{}", taking.decided());
}

#[test]
fn t45_a_token_that_is_not_this_jobs_is_refused() {
    let taking = Taking::new();
    let now = chrono::Utc::now().timestamp();
    let edits: [(&str, Value, u16, &str); 16] = [
        ("iss", json!("https://token.actions.githubusercontent.com"), 401, "issued by"),
        ("aud", json!("https://github.com/acme"), 401, "is for"),
        ("aud", json!([taking.url, "https://elsewhere.example"]), 401, "is for"),
        ("exp", json!(now - 61), 401, "expired"),
        ("iat", json!(now + 90), 401, "future"),
        ("nbf", json!(now + 90), 401, "future"),
        ("exp", Value::Null, 401, "`exp`"),
        ("jti", Value::Null, 401, "`jti`"),
        ("repository_id", json!("78"), 403, "not installed on"),
        ("repository_owner_id", json!("66"), 403, "not installed on"),
        ("event_name", json!("pull_request"), 401, "`event_name`"),
        ("event_name", json!("pull_request_target"), 401, "`event_name`"),
        ("event_name", json!("workflow_run"), 401, "`event_name`"),
        ("run_id", json!("901"), 403, "of another"),
        ("run_attempt", json!("2"), 403, "of another"),
        ("sha", json!(sha("b0")), 403, "of another"),
    ];
    for (name, value, status, says) in edits {
        let mut claims = taking.claims();
        claims[name] = value.clone();
        let said = taking.shows(&tokens::token(&claims), &good());
        assert_eq!(said.0, status, "{name} {value}: {}", said.1);
        assert!(said.1.contains(says), "{name} {value}: {}", said.1);
    }
    // The names are right and the ids are not: that is the repository of somebody who took the name over.
    assert!(!taking.listed().contains("tests.xml"), "{}", taking.listed());
    let said = taking.shows(&tokens::token(&taking.claims()), &good());
    assert_eq!(said.0, 200, "{}", said.1);
}

#[test]
fn t45_a_signature_that_is_not_the_issuers_is_refused_and_its_keys_are_asked_for_once_a_minute() {
    let taking = Taking::new();
    let [ours, theirs] = tokens::keys();
    let claims = taking.claims();
    let header = |alg: &str, kid: &str| json!({"typ": "JWT", "alg": alg, "kid": kid});
    let unsigned = tokens::sign(ours, &header("none", "issuer-1"), &claims);
    let (unsigned, _) = unsigned.rsplit_once('.').unwrap();
    let critical = json!({"typ": "JWT", "alg": "RS256", "kid": "issuer-1", "crit": ["exp"]});
    let good_one = tokens::token(&claims);
    let (head, rest) = good_one.split_once('.').unwrap();
    for (token, says) in [
        (format!("{unsigned}."), "RS256 or ES256"),
        (tokens::sign(ours, &header("HS256", "issuer-1"), &claims), "RS256 or ES256"),
        (tokens::sign(ours, &header("RS512", "issuer-1"), &claims), "RS256 or ES256"),
        (tokens::sign(ours, &header("ES256", "issuer-1"), &claims), "not for signing it that way"),
        (tokens::sign(theirs, &header("RS256", "issuer-1"), &claims), "not what its issuer signed"),
        (tokens::sign(ours, &critical, &claims), "crit"),
        (tokens::sign(ours, &json!({"alg": "RS256"}), &claims), "kid"),
        (format!("{head}.{}", rest.replacen('.', "A.", 1)), "token"),
        (format!("{good_one}.x"), "token"),
        ("x".to_owned(), "token"),
    ] {
        let said = taking.shows(&token, &good());
        assert_eq!(said.0, 401, "{token}: {}", said.1);
        assert!(said.1.contains(says), "{token}: {}", said.1);
    }
    taking.github.forget();
    for number in 0..300 {
        let stranger = tokens::sign(theirs, &header("RS256", &format!("unknown-{number}")), &claims);
        assert_eq!(taking.shows(&stranger, &good()).0, 401);
    }
    let asked = taking.github.asked().iter().filter(|it| it.path.ends_with("/jwks")).count();
    assert!(asked <= 1, "the issuer was asked {asked} times");
    assert_eq!(taking.shows(&good_one, &good()).0, 200);
    // A token is shown once.
    let again = taking.shows(&good_one, &good());
    assert_eq!(again.0, 401);
    assert!(again.1.contains("shown before"), "{}", again.1);
    let none = taking.served().send("POST /evidence", &[], &good());
    assert_eq!(none.0, 401);
    assert_eq!(taking.listed().matches("tests.xml").count(), 1);
}

#[test]
fn what_was_altered_is_too_large_or_lies_elsewhere_is_refused() {
    let taking = Taking::new();
    let shows = |body: &[u8]| taking.shows(&tokens::token(&taking.claims()), body);
    let altered = String::from_utf8(good()).unwrap().replace("name=\"b\"", "name=\"c\"");
    let (status, says) = shows(altered.as_bytes());
    assert_eq!(status, 422, "{says}");
    assert!(says.contains("altered"), "{says}");
    let mut longer = good();
    longer.push(b' ');
    assert_eq!(shows(&longer).0, 400);
    assert_eq!(shows(b"no manifest at all").0, 400);
    for path in ["../tests.xml", "/etc/tests.xml", "a//tests.xml", "./tests.xml", "a/\u{7}/tests.xml", ""] {
        let (status, says) = shows(&submission(RUN, 1, "51", path, PASSING));
        assert_eq!(status, 400, "{path}: {says}");
    }
    let huge = json!({"run": RUN, "attempt": 1, "commit": sha("51"),
        "files": [{"path": "tests.xml", "sha256": "0".repeat(64), "size": (64 << 20) + 1}]});
    let (status, says) = shows(format!("{huge}\n").as_bytes());
    assert_eq!(status, 400, "{says}");
    assert!(says.contains("67108864"), "{says}");
    let (status, _) = shows(&vec![b'x'; 66 << 20]);
    assert_eq!(status, 413);
    // That somebody else has a file is not to be found out by its digest, and nothing above is there.
    assert!(!taking.listed().contains("tests.xml"), "{}", taking.listed());
}

#[test]
fn a_step_says_what_was_not_submitted_and_never_ends_with_0() {
    let taking = Taking::new();
    let job = taking.job(RUN, 1, "51", PASSING);
    let gate = ["gate", "--environment", "production", "--format", "text", "--submit"];
    let says = |world: &World, more: &[&str], code: i32, says: &str| {
        let said = world.run(&[&gate[..], more].concat());
        assert_eq!(said.code, code, "{more:?}: {}", said.err);
        assert!(said.err.contains(says), "{more:?}: {}", said.err);
    };
    // Nobody listens there.
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    says(&job, &[&format!("http://{nobody}"), "--time-limit", "3s"], 3, "in time");
    // What cannot be sent in the clear is not.
    says(&job, &["http://countersign.example"], 2, "--submit");
    // A job that may not ask for tokens.
    let bare = taking.job(RUN, 1, "51", PASSING).variable("ACTIONS_ID_TOKEN_REQUEST_URL", "");
    says(&bare, &[&taking.url], 3, "id-token: write");
    // Another attempt than that of the token.
    says(&taking.job(RUN, 7, "51", PASSING), &[&taking.url], 3, "403");
    // A gate that blocks blocks.
    says(&taking.job(RUN, 7, "51", FAILING), &[&taking.url], 11, "403");
    // Where no job is.
    let elsewhere = World::with_policy(&policy());
    elsewhere.write("reports/tests.xml", PASSING);
    says(&elsewhere, &[&taking.url], 3, "GitHub Actions");
    assert!(!taking.listed().contains("tests.xml"), "{}", taking.listed());
}

#[test]
fn an_app_without_an_address_takes_nothing() {
    let github = shop();
    let app = App::new(&github);
    let served = app.start(&[]);
    let (status, _, says) = served.send("POST /evidence", &[("authorization", "Bearer x.y.z")], &good());
    assert_eq!(status, 404, "{}", String::from_utf8_lossy(&says));
    assert_eq!(served.ask("GET /evidence").0, 405);
}

#[test]
fn a_gate_that_compares_is_compared_with_what_the_last_release_was_opened_by() {
    let github = shop();
    let compared = r#"require: "tests.total >= baseline.total", first_release: "tests.failed == 0""#;
    let policy = policy().replace(r#"require: "tests.failed == 0""#, compared);
    github.with(|world| world.contents.insert(".countersign/policy.yml".to_owned(), policy));
    super::asks(&github);
    reviews(&github, "bo", "APPROVED");
    let mut taking = Taking::of(github.clone());
    taking.start();
    assert_eq!(taking.submits(&taking.job(RUN, 1, "51", PASSING)).code, 0);
    // Something ran before the record began, and what its tests were is nobody's to guess.
    until("a decision by it", || taking.decided().contains("reports of the last release"));
    assert_eq!(told(&github).decided, None, "{}", taking.decided());
    // Whoever is killed while he tells something leaves that for a while to nobody else.
    let outbox = || taking.app.world.run(&["db", "list", "outbox", "--database", "sqlite:record.db"]).out;
    until("the end of the report", || !told(&github).reports.is_empty() && !outbox().contains("\twaiting\t"));
    // Whoever knows says so.
    taking.served = None;
    taking.app.world.write("known.json", r#"{"evidence": {"tests": {"baseline": {"tests.total": 2}}}}"#);
    taking.more = vec!["--with".to_owned(), "known.json".to_owned()];
    taking.start();
    until("an answer", || told(&github).decided.is_some());
    taking.served = None;
    taking.more.clear();
    next_release(&github);
    reviews_of(&github, 1, "carla");
    taking.start();
    let fewer = r#"<testsuite name="shop" tests="1"><testcase name="a"/></testsuite>"#;
    taking.submits(&taking.job(NEXT, 1, "61", fewer));
    until("a decision by it", || taking.decided().contains("tests.total"));
    assert_eq!(told_of(&github, NEXT).decided, None, "{}", taking.decided());
    github.with(|world| world.attempts.insert(NEXT, (2, "ana".to_owned())));
    taking.submits(&taking.job(NEXT, 2, "61", PASSING));
    until("an answer", || told_of(&github, NEXT).decided.is_some());
    assert_eq!(told_of(&github, NEXT).decided.unwrap().0, "approved");
}
