//! Two who decide the same release at once, and an answer that comes late: the newer facts win, and no answer reaches what it was
//! not made for.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::taking::Taking;
use super::{RUN, answers, asks, id, payload, reviews, shop, takes, told, until};
use crate::support::github::Trouble;
use crate::support::github::tokens;
use crate::support::github::world::{Rule, Run, sha};

/// An app that is told of everything: it reads nothing by itself once it has begun.
fn told_of_all() -> Taking {
    let github = shop();
    asks(&github);
    let mut taking = Taking::of(github);
    taking.sweep = "300";
    taking.start();
    until("a report", || !told(&taking.github).reports.is_empty());
    until("the first sweep", || taking.served().ask("GET /readyz").0 == 200);
    taking
}

fn reviewed(taking: &Taking) {
    let review = payload(json!({"action": "approved", "workflow_run": {"id": RUN}}));
    takes(taking.served(), "deployment_review", &id(), &review);
}

/// GitHub does not take so many answers.
fn refuses(taking: &Taking, times: usize) {
    for _ in 0..times {
        taking.github.trouble("deployment_protection_rule", Trouble::Answer(502, vec![], String::new()));
    }
}

#[test]
fn who_asks_with_older_facts_is_told_what_was_decided_by_newer_ones() {
    let taking = told_of_all();
    taking.github.with(|world| world.rules.clear());
    reviews(&taking.github, "bo", "APPROVED");
    // The job's question has read that bo approved, and waits for an answer of GitHub's.
    let goes = Arc::new(AtomicBool::new(false));
    taking.github.trouble("deploymentReviews", Trouble::Held(goes.clone()));
    let job = taking.job(RUN, 1, "51", "");
    let gate = ["gate", "--environment", "production", "--require-decision", &taking.url];
    let asking = job.command().args(gate).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    until("the question", || taking.github.troubles() == 0);
    // Meanwhile bo takes that back, and that is decided.
    reviews(&taking.github, "bo", "REJECTED");
    taking.github.with(|world| world.rules.insert((RUN, "production".to_owned()), Rule::default()));
    let before = taking.app.events("release_decided").len();
    reviewed(&taking);
    until("a newer decision", || taking.app.events("release_decided").len() > before);
    goes.store(true, Ordering::SeqCst);
    let came = asking.wait_with_output().unwrap();
    let out = String::from_utf8(came.stdout).unwrap();
    assert_eq!(came.status.code(), Some(10), "{out}{}", String::from_utf8_lossy(&came.stderr));
    let listed = taking.app.world.run(&["db", "list", "decisions", "--database", "sqlite:record.db"]).out;
    assert!(!listed.contains("\tproceed\t"), "{listed}");
}

#[test]
fn a_late_answer_does_not_reach_a_later_attempt() {
    let taking = told_of_all();
    refuses(&taking, 500);
    reviews(&taking.github, "bo", "APPROVED");
    reviewed(&taking);
    until("a try", || taking.github.troubles() < 500);
    // bo starts the run again, and so has no say in what goes.
    taking.github.with(|world| world.attempts.insert(RUN, (2, "bo".to_owned())));
    taking.github.mend();
    let refused = || {
        let said = |event: &Value| event["why"].as_str().unwrap_or_default().contains("attempt 2");
        taking.app.events("effect_attempted").iter().any(said)
    };
    until("the end of the answer", || refused() || told(&taking.github).decided.is_some());
    assert_eq!(told(&taking.github).decided, None, "the first attempt's answer reached the second");
    // The new attempt is decided by itself, without anybody's hint.
    until("its own decision", || taking.decided().contains("\"hold\""));
    assert_eq!(told(&taking.github).decided, None, "{}", taking.decided());
}

#[test]
fn a_question_does_not_silence_the_answer_that_others_wait_for() {
    let taking = told_of_all();
    refuses(&taking, 500);
    reviews(&taking.github, "bo", "APPROVED");
    reviewed(&taking);
    until("a try", || taking.github.troubles() < 500);
    // Somebody else approves as well, and nobody tells of it; a job asks, and so there is a newer decision.
    reviews(&taking.github, "carla", "APPROVED");
    let (status, said) = taking.decision("environment=production", &tokens::token(&taking.claims()));
    assert_eq!(status, 200, "{said}");
    assert!(said.contains("proceed"), "{said}");
    taking.github.mend();
    until("an answer", || told(&taking.github).decided.is_some());
    assert_eq!(told(&taking.github).decided.unwrap().0, "approved");
}

#[test]
fn an_answer_to_a_job_that_does_not_enter_opens_nothing() {
    let taking = told_of_all();
    taking.github.with(|world| world.rules.clear());
    reviews(&taking.github, "bo", "APPROVED");
    let asks = |environment: Option<&str>| {
        let mut claims = taking.claims();
        claims["environment"] = json!(environment);
        if environment.is_none() {
            claims.as_object_mut().unwrap().remove("environment");
        }
        let (status, said) = taking.decision("environment=production", &tokens::token(&claims));
        assert_eq!(status, 200, "{said}");
        assert!(said.contains("\"proceed\""), "{said}");
    };
    let effects = || {
        let listed = taking.app.world.run(&["db", "list", "outbox", "--database", "sqlite:record.db"]).out;
        listed.lines().filter(|line| line.contains("\tdone\t") && line.contains("github:acme/shop")).count()
    };
    // The report has arrived, and the record may have that a moment later.
    until("the end of the report", || effects() > 0);
    let before = effects();
    asks(None);
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(effects(), before);
    assert_eq!(answers(&taking.github), 0);
    // The environment's own job goes on by it, and the record knows that it was let in.
    asks(Some("production"));
    until("the opening", || effects() == before + 1);
    asks(Some("production"));
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(effects(), before + 1);
    assert_eq!(answers(&taking.github), 0, "GitHub has no rule that waits for an answer");
}

#[test]
fn a_job_is_told_of_its_own_commit_and_of_no_other() {
    let taking = told_of_all();
    let shown = || tokens::token(&taking.claims());
    let (status, said) = taking.decision(&format!("environment=production&commit={}", sha("b0")), &shown());
    assert_eq!(status, 403, "{said}");
    let (status, said) = taking.decision(&format!("environment=production&commit={}", sha("51")), &shown());
    assert_eq!(status, 200, "{said}");
    let answer: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&answer["environment"], &answer["commit"]), (&json!("production"), &json!(sha("51"))));
    for query in ["environment=production&commit=", "environment=a&environment=b", "commit=51", "environment=a&x=y"] {
        assert_eq!(taking.decision(query, &shown()).0, 400, "{query}");
    }
    let job = taking.job(RUN, 1, "51", "");
    let other = sha("b0");
    let gate = ["gate", "--environment", "production", "--require-decision", &taking.url, "--commit", &other];
    let said = job.run(&gate);
    assert_eq!(said.code, 3, "{}{}", said.out, said.err);
    assert!(said.err.contains("403") && said.err.contains(&other), "{}", said.err);
}

#[test]
fn what_is_decided_of_one_run_opens_no_other_that_somebody_else_started() {
    let taking = told_of_all();
    // The same commit on a branch that may not be released, started by somebody else.
    taking.github.with(|world| {
        let run = Run {
            id: 905,
            commit: sha("51"),
            branch: "mine".to_owned(),
            creator: Some("carla".to_owned()),
            event: "workflow_dispatch".to_owned(),
            created_at: super::ago(1),
            reviews: Vec::new(),
        };
        world.runs.push(run);
        world.rules.insert((905, "production".to_owned()), Rule::default());
    });
    reviews(&taking.github, "bo", "APPROVED");
    let mut waiting = super::waits(&taking.github);
    let callback = waiting["deployment_callback_url"].as_str().unwrap().replace("/900/", "/905/");
    waiting["deployment_callback_url"] = json!(callback);
    takes(taking.served(), "deployment_protection_rule", &id(), &waiting);
    until("an answer", || told(&taking.github).decided.is_some());
    until("a report", || !super::told_of(&taking.github, 905).reports.is_empty());
    std::thread::sleep(Duration::from_secs(2));
    let other = super::told_of(&taking.github, 905);
    assert_eq!(other.decided, None);
    assert!(other.reports[0].contains("another run of this commit"), "{:?}", other.reports);
}

#[test]
fn a_run_of_another_commit_is_not_answered_with_this_one() {
    let taking = told_of_all();
    taking.github.with(|world| {
        let run = Run { id: 905, commit: sha("99"), ..world.runs[0].clone() };
        world.runs.push(run);
        world.rules.insert((905, "production".to_owned()), Rule::default());
    });
    // It says that it waits with the commit of the other.
    let mut waiting = super::waits(&taking.github);
    let callback = waiting["deployment_callback_url"].as_str().unwrap().replace("/900/", "/905/");
    waiting["deployment_callback_url"] = json!(callback);
    takes(taking.served(), "deployment_protection_rule", &id(), &waiting);
    reviews(&taking.github, "bo", "APPROVED");
    reviewed(&taking);
    until("an answer", || told(&taking.github).decided.is_some());
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(super::told_of(&taking.github, 905).decided, None);
}

#[test]
fn an_environment_that_the_policy_does_not_have_is_nothing_to_be_recorded() {
    let taking = told_of_all();
    let listed = || taking.app.world.run(&["db", "list", "decisions", "--database", "sqlite:record.db"]).out;
    let before = listed();
    for name in ["productoin", "anything"] {
        let (status, said) = taking.decision(&format!("environment={name}"), &tokens::token(&taking.claims()));
        assert_eq!(status, 200, "{said}");
        assert!(said.contains("\"unknown\"") && said.contains("has no environment"), "{said}");
    }
    assert_eq!(listed(), before);
}

/// Whoever answers in the app's place, always the same.
fn answering(answer: &Value) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = answer.to_string();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut asked = [0; 8192];
            let _ = stream.read(&mut asked);
            let length = answer.len();
            let _ = write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{answer}");
        }
    });
    url
}

#[test]
fn an_answer_about_something_else_is_none() {
    let taking = told_of_all();
    let job = taking.job(RUN, 1, "51", "");
    for (environment, commit, code) in [("production", "51", 0), ("staging", "51", 3), ("production", "b0", 3)] {
        let url = answering(&json!({"environment": environment, "commit": sha(commit), "decision": "proceed",
            "summary": "production may proceed"}));
        let said = job.run(&["gate", "--environment", "production", "--require-decision", &url]);
        assert_eq!(said.code, code, "{environment} {commit}: {}{}", said.out, said.err);
    }
}
