//! `gate --require-decision` as a process: the app's decision on this very job, at once or after a wait, and a receipt's.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use serde_json::json;

use super::taking::Taking;
use super::{POLICY, RUN, asks, reviews, shop, told, until};
use crate::support::github::tokens;
use crate::support::run::{Said, World};

/// The app of a repository whose plan has no custom rules: nothing waits there.
fn without_rules(policy: &str) -> Taking {
    let github = shop();
    asks(&github);
    github.with(|world| {
        world.rules.clear();
        world.contents.insert(".countersign/policy.yml".to_owned(), policy.to_owned());
    });
    let mut taking = Taking::of(github);
    taking.start();
    until("the first sweep", || taking.served().ask("GET /readyz").0 == 200);
    taking
}

/// What the step says that asks.
fn asked(taking: &Taking, job: &World, more: &[&str]) -> Said {
    let gate = ["gate", "--environment", "production", "--require-decision", &taking.url];
    job.run(&[&gate[..], more].concat())
}

#[test]
fn a_job_is_told_the_decision_at_once_or_waits_for_it() {
    let taking = without_rules(POLICY);
    // It needs no policy, and no evidence of its own.
    let job = taking.job(RUN, 1, "51", "");
    std::fs::remove_dir_all(job.path().join(".countersign")).unwrap();
    let said = asked(&taking, &job, &[]);
    assert_eq!(said.code, 10, "{}{}", said.out, said.err);
    assert!(said.out.contains("held before production") && said.out.contains("bo"), "{}", said.out);
    let over = asked(&taking, &job, &["--wait", "4s"]);
    assert_eq!(over.code, 4, "{}{}", over.out, over.err);
    assert!(over.out.contains("held before production") && over.err.contains("the wait is over"), "{}", over.err);
    // Who asks often adds nothing to the log.
    let listed = || taking.app.world.run(&["db", "list", "decisions", "--database", "sqlite:record.db"]).out;
    assert_eq!(listed().matches("\thold\t").count(), 1, "{}", listed());

    let gate = ["gate", "--environment", "production", "--require-decision", &taking.url, "--wait", "60s"];
    let waiting = job.command().args(gate).stdout(std::process::Stdio::piped()).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(2_500));
    reviews(&taking.github, "bo", "APPROVED");
    let came = waiting.wait_with_output().unwrap();
    let out = String::from_utf8(came.stdout).unwrap();
    assert_eq!(came.status.code(), Some(0), "{out}");
    assert!(out.contains("production may proceed"), "{out}");
    assert_eq!(asked(&taking, &job, &[]).code, 0);
    assert_eq!(listed().matches("\tproceed\t").count(), 1, "{}", listed());
}

/// What the record has of the last decision: its word, its entry, and SHA-256 of its document.
fn recorded(taking: &Taking) -> (String, u64, String) {
    let listed = taking.app.world.run(&["log", "show", "--database", "sqlite:record.db", "--limit", "1000"]).out;
    let last = listed.lines().rfind(|line| line.split("  ").nth(2) == Some("decision"));
    let mut parts = last.unwrap_or_else(|| panic!("{listed}")).splitn(4, "  ");
    let (entry, body) = (parts.next().unwrap().parse().unwrap(), parts.nth(2).unwrap());
    let body: serde_json::Value = serde_json::from_str(body).unwrap_or_else(|why| panic!("{why}: {body}"));
    let of = |body: &serde_json::Value, name: &str| body[name].as_str().unwrap_or_default().to_owned();
    (of(&body, "decision"), entry, of(&body["document"], "sha256"))
}

#[test]
fn what_a_job_is_told_is_found_in_the_record_by_its_id_wherever_it_is_told() {
    let taking = without_rules(POLICY);
    let job = taking.job(RUN, 1, "51", "");
    let out = |format: &str, code: u8| {
        let said = asked(&taking, &job, &["--format", format]);
        assert_eq!(said.code, i32::from(code), "{format}: {}{}", said.out, said.err);
        said.out
    };
    let text = out("text", 10);
    let (word, entry, id) = recorded(&taking);
    assert_eq!((word.as_str(), id.len()), ("hold", 64));
    assert!(text.contains(&format!("id: {id}, entry {entry} of the record")), "{text}");
    let document: serde_json::Value = serde_json::from_str(&out("json", 10)).unwrap();
    assert_eq!(
        (&document["id"], &document["entry"], &document["decision"]),
        (&json!(id), &json!(entry), &json!("hold"))
    );
    let page = out("markdown", 10);
    assert!(page.contains(&id) && page.contains("<strong><code>hold</code></strong>"), "{page}");

    reviews(&taking.github, "bo", "APPROVED");
    until("the word that it may", || asked(&taking, &job, &[]).code == 0);
    let (word, _, allowed) = recorded(&taking);
    assert_eq!(word, "proceed");
    assert_ne!(allowed, id);
    // A job of GitHub has it in its log, on its page and among the outputs of the step.
    let on_github = taking.job(RUN, 1, "51", "");
    let (page, outputs) = (on_github.path().join("page.md"), on_github.path().join("outputs"));
    let on_github = on_github
        .variable("GITHUB_STEP_SUMMARY", page.to_str().unwrap())
        .variable("GITHUB_OUTPUT", outputs.to_str().unwrap());
    let said = asked(&taking, &on_github, &["--output", "decision.json"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let outputs = std::fs::read_to_string(outputs).unwrap();
    for (what, has) in [("log", &said.out), ("page", &std::fs::read_to_string(page).unwrap()), ("outputs", &outputs)] {
        assert!(has.contains(&allowed) && has.contains("proceed"), "{what}: {has}");
    }
    assert!(
        outputs.starts_with("decision<<") && outputs.contains("\nid<<") && outputs.contains("\njson<<"),
        "{outputs}"
    );
    let document: serde_json::Value = serde_json::from_str(&on_github.read("decision.json")).unwrap();
    assert_eq!(document["id"], json!(allowed));
    // One of GitLab, in its note and in what later jobs are given.
    let said = asked(&taking, &job, &["--format", "gitlab"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let dotenv = job.read("countersign.env");
    assert!(dotenv.contains(&format!("COUNTERSIGN_DECISION=proceed\nCOUNTERSIGN_DECISION_ID={allowed}\n")), "{dotenv}");
    assert!(job.read("countersign-note.md").contains(&allowed));

    // What nobody decided is called nothing, and nothing of an earlier run is left beside it.
    taking
        .github
        .with(|world| world.contents.insert(".countersign/policy.yml".to_owned(), "version: 1\ngates: 7\n".to_owned()));
    let other = taking.job(RUN, 1, "51", "");
    other.write("countersign.env", "COUNTERSIGN_DECISION=proceed\n");
    let said = asked(&taking, &other, &["--format", "gitlab"]);
    assert_eq!(said.code, 3, "{}{}", said.out, said.err);
    assert!(!said.out.contains("id: "), "{}", said.out);
    assert!(other.read("countersign.env").starts_with("COUNTERSIGN_DECISION=unknown\nCOUNTERSIGN_DECISION_ID=\n"));
}

#[test]
fn a_final_rejection_ends_the_wait() {
    let last = "accountable: 1 }, escalate: { undecided_after: 4h, to: [shop-owner], final: shop-owner }";
    let taking = without_rules(&POLICY.replace("accountable: 1 }", last));
    reviews(&taking.github, "bo", "REJECTED");
    let said = asked(&taking, &taking.job(RUN, 1, "51", ""), &["--wait", "60s"]);
    assert_eq!(said.code, 11, "{}{}", said.out, said.err);
    assert!(said.out.contains("bo"), "{}", said.out);
}

#[test]
fn what_is_not_known_is_no_decision() {
    let taking = without_rules("version: 1\ngates: 7\n");
    let job = taking.job(RUN, 1, "51", "");
    let said = asked(&taking, &job, &[]);
    assert_eq!(said.code, 3, "{}{}", said.out, said.err);
    assert!(said.out.contains("mistakes"), "{}", said.out);
    // A job of one environment does not ask for another.
    let mut claims = taking.claims();
    claims["environment"] = json!("staging");
    let bearer = format!("Bearer {}", tokens::token(&claims));
    let headers = [("authorization", bearer.as_str())];
    let (status, _, says) = taking.served().send("GET /decision?environment=production", &headers, b"");
    assert_eq!(status, 403, "{}", String::from_utf8_lossy(&says));
    let (status, ..) = taking.served().send("GET /decision?environment=production", &headers, b"");
    assert_eq!(status, 401, "a token is shown once");
    let bearer = format!("Bearer {}", tokens::token(&taking.claims()));
    let (status, ..) = taking.served().send("GET /decision", &[("authorization", bearer.as_str())], b"");
    assert_eq!(status, 400);
    assert_eq!(taking.served().ask("GET /decision?environment=production").0, 401);
    let nobody =
        job.run(&["gate", "--environment", "production", "--require-decision", "http://127.0.0.1:1", "--wait", "2s"]);
    assert_eq!(nobody.code, 3, "{}{}", nobody.out, nobody.err);
    for (wrong, says) in [
        (vec!["--require-decision", "http://countersign.example"], "--require-decision"),
        (vec!["--require-decision", &taking.url, "--wait", "soon"], "--wait"),
        (vec!["--wait", "5s"], "--require-decision"),
        (vec!["--require-decision", &taking.url, "--receipt", "r"], "one of the two"),
        (vec!["--receipt", "r"], "--log-key"),
    ] {
        let said = job.run(&[&["gate", "--environment", "production"], &wrong[..]].concat());
        assert_eq!(said.code, 2, "{wrong:?}: {}", said.err);
        assert!(said.err.contains(says), "{wrong:?}: {}", said.err);
    }
    assert_eq!(job.run(&["gate", "--require-decision", &taking.url]).code, 2, "no environment");
}

#[test]
fn a_deployment_that_waits_is_opened_by_what_its_job_is_told() {
    let github = shop();
    asks(&github);
    reviews(&github, "bo", "APPROVED");
    let mut taking = Taking::of(github.clone());
    taking.start();
    let said = asked(&taking, &taking.job(RUN, 1, "51", ""), &["--wait", "30s"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    until("an answer", || told(&github).decided.is_some());
    until("the end of the answer", || !taking.app.events("deployment_answered").is_empty());
    // What was decided for the job and what was decided for the rule may both be on their way; GitHub takes one.
    let given = taking.app.events("deployment_answered").into_iter().filter(|it| it["given"] == "now").count();
    assert_eq!(given, 1);
}

#[test]
fn a_job_that_asks_in_a_loop_spends_no_more_of_the_forge_than_one_that_asks_once() {
    let taking = without_rules(POLICY);
    let ask = |run: u64| {
        let mut claims = taking.claims();
        claims["run_id"] = json!(run.to_string());
        let bearer = format!("Bearer {}", tokens::token(&claims));
        let headers = [("authorization", bearer.as_str())];
        let (status, _, says) = taking.served().send("GET /decision?environment=production", &headers, b"");
        (status, String::from_utf8(says).unwrap())
    };
    let (status, first) = ask(RUN);
    assert_eq!(status, 200, "{first}");
    let before = taking.github.asked().iter().filter(|it| it.path.ends_with("/graphql")).count();
    for _ in 0..40 {
        assert_eq!(ask(RUN), (200, first.clone()));
    }
    let after = taking.github.asked().iter().filter(|it| it.path.ends_with("/graphql")).count();
    assert!(after <= before + 1, "{before} questions, then {after}");
    assert_eq!(taking.app.events("decision_asked_again").len(), 40);
    // Many runs of one repository have so many questions a minute together.
    let statuses: Vec<u16> = (0..30).map(|at| ask(5_000 + at).0).collect();
    assert!(statuses.contains(&429), "{statuses:?}");
    assert!(statuses.iter().take(15).all(|status| *status == 200), "{statuses:?}");
}

/// The address of somebody who takes requests and does this with each.
fn instead_of_the_app(each: fn(TcpStream)) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            each(stream.unwrap());
        }
    });
    format!("http://{address}")
}

#[test]
fn f25_a_job_that_is_told_nothing_never_ends_with_0() {
    let taking = without_rules(POLICY);
    let job = taking.job(RUN, 1, "51", "");
    let gone = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let cut_before = instead_of_the_app(drop);
    let cut_within = instead_of_the_app(|mut stream| {
        let _ = stream.read(&mut [0; 4_096]);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{\"decision\":\"proceed\",");
    });
    let another_page = instead_of_the_app(|mut stream| {
        let _ = stream.read(&mut [0; 4_096]);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\nconnection: close\r\n\r\n<p>OK</p>");
    });
    let silent = instead_of_the_app(|stream| {
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_mins(1));
            drop(stream);
        });
    });
    for (url, what) in [
        (&gone, "gone"),
        (&cut_before, "cut before"),
        (&cut_within, "cut within"),
        (&another_page, "another page"),
        (&silent, "silent"),
    ] {
        let said = job.run(&["gate", "--environment", "production", "--require-decision", url, "--wait", "3s"]);
        assert_eq!(said.code, 3, "{what}: {}{}", said.out, said.err);
        assert!(said.err.contains("nothing is known"), "{what}: {}{}", said.out, said.err);
        // The page of the job says so, and nothing is told as a decision.
        assert!(said.out.lines().all(|line| line.starts_with("::error ")), "{what}: {}", said.out);
    }
    // A runner that is killed, or ends its job, leaves no success either.
    let gate = ["gate", "--environment", "production", "--require-decision", &taking.url, "--wait", "60s"];
    for signal in ["-KILL", "-TERM", "-INT"] {
        let mut waiting = job.command().args(gate).stdout(std::process::Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(700));
        let sent = std::process::Command::new("kill").args([signal, &waiting.id().to_string()]).status().unwrap();
        assert!(sent.success());
        assert!(!waiting.wait().unwrap().success(), "{signal}");
    }
}
