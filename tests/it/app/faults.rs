//! What goes wrong around the app: deliveries that come a thousand times, in any order or not at all, tokens that end, payloads
//! that are none, clients that never finish.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{App, RUN, asks, deliver, id, payload, reviews, shop, takes, told, until, waits};
use crate::support::github::Trouble;
use crate::support::served::Served;

/// How often GitHub took the app's answer.
fn taken(app: &App) -> usize {
    app.events("deployment_answered").iter().filter(|it| it["given"] == "now").count()
}

fn ready(app: &App, more: &[&str]) -> Served {
    let served = app.start(more);
    until("the first sweep", || served.ask("GET /readyz").0 == 200);
    served
}

#[test]
fn f04_a_thousand_copies_of_a_delivery_at_once_have_one_effect() {
    let github = shop();
    let app = App::new(&github);
    let served = ready(&app, &["--sweep", "300"]);
    asks(&github);
    reviews(&github, "bo", "APPROVED");
    let (name, body) = (id(), waits(&github));
    // As a forge does, one that was not acknowledged is sent again: on a machine that has much to do some are not in time.
    let copy = || {
        let end = Instant::now() + Duration::from_mins(1);
        loop {
            match deliver(&served, "deployment_protection_rule", &name, &body) {
                Some((202, _, said)) => return String::from_utf8(said).unwrap().trim().to_owned(),
                Some((status, _, said)) => assert_eq!(status, 503, "{}", String::from_utf8_lossy(&said)),
                None => {}
            }
            assert!(Instant::now() < end, "it is never acknowledged");
        }
    };
    let said: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..20).map(|_| scope.spawn(|| (0..50).map(|_| copy()).collect::<Vec<_>>())).collect();
        threads.into_iter().flat_map(|it| it.join().unwrap()).collect()
    });
    assert_eq!(said.len(), 1000);
    // The first one's acknowledgement may be one of those that were too late; nobody else is told that it was new.
    assert!(said.iter().filter(|it| *it == "recorded").count() <= 1, "{said:?}");
    assert!(said.iter().all(|it| it == "recorded" || it == "recorded_before"), "{said:?}");
    until("an answer", || told(&github).decided.is_some());
    until("its end", || taken(&app) == 1);
    assert_eq!(super::answers(&github), 1);
    drop(served);
    let listed = app.world.run(&["db", "list", "deliveries", "--database", "sqlite:record.db"]).out;
    assert_eq!(listed.matches(name.as_str()).count(), 1, "{listed}");
}

#[test]
fn f05_in_whatever_order_they_come_the_release_goes_once() {
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    std::thread::scope(|scope| {
        for order in orders {
            scope.spawn(move || {
                let github = shop();
                let app = App::new(&github);
                let served = ready(&app, &["--sweep", "300"]);
                asks(&github);
                let events: [(&str, Value); 3] = [
                    ("deployment_protection_rule", waits(&github)),
                    ("deployment_review", payload(json!({"action": "approved", "workflow_run": {"id": RUN}}))),
                    ("pull_request", payload(json!({"action": "closed", "pull_request": {"number": 12}}))),
                ];
                for (at, of) in order.into_iter().enumerate() {
                    // Who approved is there from the moment that GitHub speaks of it.
                    if of == 1 {
                        reviews(&github, "bo", "APPROVED");
                    }
                    takes(&served, events[of].0, &id(), &events[of].1);
                    std::thread::sleep(Duration::from_millis(150 * at as u64));
                }
                until("an answer", || told(&github).decided.is_some());
                until("its end", || taken(&app) == 1);
                assert_eq!(told(&github).decided.unwrap().0, "approved", "{order:?}");
            });
        }
    });
}

#[test]
fn f09_a_token_that_ends_at_work_is_asked_for_anew() {
    let github = shop();
    let app = App::new(&github);
    let served = ready(&app, &["--sweep", "300"]);
    asks(&github);
    reviews(&github, "bo", "APPROVED");
    github.revoke();
    takes(&served, "deployment_protection_rule", &id(), &waits(&github));
    until("an answer", || told(&github).decided.is_some());
    assert_eq!(told(&github).decided.unwrap().0, "approved");
    assert!(!app.world.read("app.log").contains("ghs_canary"), "the log shows a token");
}

#[test]
fn f09_t48_while_the_installation_is_suspended_nothing_goes_and_then_it_goes_by_itself() {
    let github = shop();
    let app = App::new(&github);
    let served = ready(&app, &["--sweep", "1"]);
    github.suspend(true);
    github.revoke();
    asks(&github);
    reviews(&github, "bo", "APPROVED");
    takes(&served, "deployment_protection_rule", &id(), &waits(&github));
    until("a fault that says why", || app.world.read("app.log").contains("suspended"));
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(told(&github).decided, None);
    github.suspend(false);
    until("an answer", || told(&github).decided.is_some());
    assert_eq!(told(&github).decided.unwrap().0, "approved");
}

#[test]
fn f18_a_payload_that_nothing_can_read_is_kept_and_keeps_nobody_waiting() {
    let github = shop();
    let app = App::new(&github);
    let served = ready(&app, &["--sweep", "300"]);
    asks(&github);
    reviews(&github, "bo", "APPROVED");
    let deep = (0..100).fold(json!(1), |inside, _| json!([inside]));
    let names =
        ["deployment_protection_rule", "deployment_review", "pull_request", "check_run", "issue_comment", "push"];
    let odd = [json!(null), json!(7), json!("\u{0}\u{202e}"), json!([]), json!({"sha": 1, "id": -1}), deep];
    let fields =
        ["action", "environment", "deployment", "pull_request", "check_run", "comment", "workflow_run", "issue"];
    let mut kept = Vec::new();
    for (name, odd) in names.iter().flat_map(|name| odd.iter().map(move |odd| (*name, odd))) {
        let mut body = payload(json!({}));
        for field in fields {
            body[field] = odd.clone();
        }
        let id = id();
        let (status, _, says) = deliver(&served, name, &id, &body).unwrap();
        assert!(matches!(status, 202 | 400), "{status} {name} {odd}: {}", String::from_utf8_lossy(&says));
        if says.starts_with(b"recorded") {
            kept.push(id);
        }
    }
    assert!(!kept.is_empty(), "nothing was kept");
    takes(&served, "deployment_protection_rule", &id(), &waits(&github));
    until("an answer", || told(&github).decided.is_some());
    assert_eq!(served.ask("GET /healthz").0, 200);
    drop(served);
    let listed = app.world.run(&["db", "list", "deliveries", "--database", "sqlite:record.db"]).out;
    assert!(kept.iter().all(|id| listed.contains(id.as_str())), "{listed}");
}

/// So many clients that begin a request and never end it.
fn slow(served: &Served, count: usize) -> Vec<TcpStream> {
    let begun = (0..count).map_while(|_| {
        let mut stream = TcpStream::connect(&served.address).ok()?;
        stream.write_all(b"POST /hooks/github HTTP/1.1\r\nhost: here\r\ncontent-length: 100000\r\n").ok()?;
        Some(stream)
    });
    begun.collect()
}

#[test]
fn f24_clients_that_never_finish_keep_nobody_from_being_answered() {
    let github = shop();
    let app = App::new(&github);
    let served = ready(&app, &["--sweep", "300"]);
    asks(&github);
    reviews(&github, "bo", "APPROVED");
    // As many as there is room for, and less than the machine holds back for us: nothing of it passes before the clock runs.
    let began = Instant::now();
    let held = slow(&served, 300);
    assert_eq!(held.len(), 300);
    takes(&served, "deployment_protection_rule", &id(), &waits(&github));
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
    until("an answer", || told(&github).decided.is_some());
}

#[test]
fn f24_clients_that_read_nothing_of_what_they_ask_for_keep_nobody_from_being_answered() {
    let github = shop();
    let app = App::new(&github);
    let served = ready(&app, &["--sweep", "300"]);
    asks(&github);
    reviews(&github, "bo", "APPROVED");
    let began = Instant::now();
    let asked = b"GET /openapi.json HTTP/1.1\r\nhost: here\r\n\r\n".repeat(80);
    let held = (0..256).map(|_| {
        let mut stream = TcpStream::connect(&served.address).unwrap();
        stream.write_all(&asked).unwrap();
        stream
    });
    let held: Vec<TcpStream> = held.collect();
    takes(&served, "deployment_protection_rule", &id(), &waits(&github));
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    until("an answer", || told(&github).decided.is_some());
    drop(held);
}

#[test]
fn f24_bodies_that_do_not_come_keep_no_delivery_from_being_read() {
    let github = shop();
    let app = App::new(&github);
    let served = ready(&app, &["--sweep", "300"]);
    let sends = |length: usize| {
        let mut stream = TcpStream::connect(&served.address).unwrap();
        let head = format!(
            "POST /hooks/github HTTP/1.1\r\nhost: here\r\nx-hub-signature-256: sha256={}\r\ncontent-length: {length}\r\n\r\n{{",
            "0".repeat(64)
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream
    };
    let slow: Vec<TcpStream> = (0..60).map(|_| sends(1_000_000)).collect();
    std::thread::sleep(Duration::from_millis(500));
    let began = Instant::now();
    takes(&served, "pull_request", &id(), &payload(json!({"action": "labeled", "pull_request": {"number": 12}})));
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    // What says that it is too long is not waited for.
    let mut long = sends(27 << 20);
    long.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
    let mut said = [0; 12];
    long.read_exact(&mut said).unwrap();
    assert_eq!(&said, b"HTTP/1.1 413");
    drop(slow);
}

#[test]
fn f24_without_a_file_descriptor_left_it_waits_and_then_goes_on() {
    let github = shop();
    let app = App::new(&github);
    let served = ready(&app, &["--sweep", "1"]);
    let process = served.child.id().to_string();
    let limit = |count: &str| {
        let limit = format!("--nofile={count}:");
        let done = Command::new("prlimit").args(["--pid", &process, &limit]).status().unwrap();
        assert!(done.success());
    };
    limit("48");
    let held = slow(&served, 200);
    asks(&github);
    reviews(&github, "bo", "APPROVED");
    // Whatever it cannot read now it does not take for known.
    std::thread::sleep(Duration::from_secs(4));
    assert!(matches!(told(&github).decided.as_ref().map(|it| it.0.as_str()), None | Some("approved")));
    drop(held);
    until("an answer", || told(&github).decided.is_some());
    until("it to answer again", || served.try_send("GET /readyz", &[], b"").is_some_and(|it| it.0 == 200));
    takes(&served, "pull_request", &id(), &payload(json!({"action": "labeled", "pull_request": {"number": 12}})));
    drop(served);
    let verified = app.world.run(&["log", "verify", "--database", "sqlite:record.db", "--log-key", "log.pub"]);
    assert_eq!(verified.code, 0, "{}{}", verified.out, verified.err);
}

#[test]
fn a_wait_for_the_forges_limit_is_logged_once_with_its_end_and_measured_while_it_lasts() {
    let github = shop();
    let app = App::new(&github);
    let served = ready(&app, &["--sweep", "1"]);
    let measure = |name: &str| {
        let metrics = String::from_utf8(served.ask("GET /metrics").2).unwrap();
        let value = metrics.lines().find_map(|line| line.strip_prefix(&format!("{name} ")).map(str::to_owned));
        value.map_or(-1, |value| value.parse::<i64>().unwrap())
    };
    until("a measure", || measure("countersign_kept_back_requests") == 0);
    assert!(app.events("forge_limit_waited_for").is_empty());
    let began = Utc::now().timestamp();
    let refused =
        Trouble::Answer(429, vec![("retry-after".to_owned(), "6".to_owned())], r#"{"message": "slow"}"#.to_owned());
    github.trouble("/api/", refused);
    until("the wait", || !app.events("forge_limit_waited_for").is_empty());
    let said = app.events("forge_limit_waited_for").remove(0);
    let ends = DateTime::parse_from_rfc3339(said["until"].as_str().unwrap()).unwrap().timestamp();
    assert!((began + 4..=began + 12).contains(&ends), "{began} {said}");
    assert!(said["requests"].as_u64().unwrap() >= 1, "{said}");
    assert!(measure("countersign_kept_back_requests") >= 1);
    assert!((ends - 1..=ends + 1).contains(&measure("countersign_kept_back_until_timestamp_seconds")));
    until("its end", || !app.events("forge_limit_over").is_empty());
    assert!(Utc::now().timestamp() >= ends);
    let measures = ["countersign_kept_back_requests", "countersign_kept_back_until_timestamp_seconds"].map(measure);
    assert_eq!((measures, app.events("forge_limit_waited_for").len()), ([0, 0], 1));
}
