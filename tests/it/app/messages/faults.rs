//! What goes wrong while people are told, and what that keeps from going on: nothing.

use std::time::{Duration, Instant};

use super::super::{RUN, reviews, told as told_run, until};
use super::webhook::SECRET;
use super::{attempts, waiting};
use crate::support::github::Trouble;
use crate::support::github::world::Rule;
use crate::support::receiver::{Answer, Receiver};

fn options(url: &str) -> [String; 4] {
    ["--sweep".to_owned(), "1".to_owned(), "--private-webhooks".to_owned(), format!("--message-webhook={url}=new")]
}

#[test]
fn f20_a_receiver_that_never_answers_keeps_no_deployment_waiting() {
    let receivers: Vec<Receiver> = (0..6).map(|_| Receiver::start()).collect();
    let urls: Vec<String> = receivers.iter().map(|it| format!("http://{}/x", it.address)).collect();
    for receiver in &receivers {
        receiver.always(Answer::Silence);
    }
    let (github, app) = waiting(&format!("notify: {{ webhook: {} }}\n", serde_json::to_string(&urls).unwrap()));
    app.world.write("new", SECRET);
    let mut all: Vec<String> = options(&urls[0]).to_vec();
    all.extend(urls.iter().skip(1).map(|url| format!("--message-webhook={url}=new")));
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let _served = app.start(&all);
    until("all places are taken", || receivers.iter().filter(|it| !it.came().is_empty()).count() >= 4);
    let begun = Instant::now();
    reviews(&github, "bo", "APPROVED");
    until("an answer", || told_run(&github).decided.is_some());
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert!(attempts(&app).is_empty(), "none of them has answered yet");
}

#[test]
fn a_process_that_is_killed_between_sending_and_saying_so_sends_under_the_same_number() {
    let receiver = Receiver::start();
    receiver.next([Answer::Silence]);
    let url = format!("http://{}/x", receiver.address);
    let (_github, app) = waiting(&format!("notify: {{ webhook: '{url}' }}\n"));
    app.world.write("new", SECRET);
    let all = options(&url);
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let served = app.start(&all);
    until("the first", || receiver.came().len() == 1);
    // It is killed, not told to end.
    drop(served);
    let _served = app.start(&all);
    // Whoever was stopped holds the place for a minute.
    let end = Instant::now() + Duration::from_secs(100);
    while receiver.came().len() < 2 && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(200));
    }
    let came = receiver.came();
    assert_eq!(came.len(), 2);
    assert_eq!((came[0].header("webhook-id"), &came[0].body), (came[1].header("webhook-id"), &came[1].body));
    until("it is written down", || attempts(&app).iter().any(|(_, outcome)| outcome == "done"));
    assert_eq!(receiver.came().len(), 2);
}

#[test]
fn what_is_asked_no_more_is_not_said() {
    let receiver = Receiver::start();
    receiver.next([Answer::Status(503, "retry-after: 6\r\n".to_owned())]);
    let url = format!("http://{}/x", receiver.address);
    let (github, app) = waiting(&format!("notify: {{ webhook: '{url}' }}\n"));
    app.world.write("new", SECRET);
    let all = options(&url);
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let _served = app.start(&all);
    until("the first", || receiver.came().len() == 1);
    reviews(&github, "bo", "APPROVED");
    until("both have ended", || attempts(&app).iter().filter(|(_, outcome)| outcome != "put_off").count() == 2);
    let kinds: Vec<String> = receiver.came().iter().map(|it| it.json()["type"].as_str().unwrap().to_owned()).collect();
    // The outcome overtakes what waits, and what was asked is not said after it.
    assert_eq!(kinds, ["release.asked", "release.proceeds"]);
    assert!(app.events("message_attempted").iter().any(|it| it["why"] == "it is not asked any more"));
}

#[test]
fn what_was_not_said_because_nobody_asked_by_then_is_said_when_it_is_asked_again() {
    let receiver = Receiver::start();
    receiver.next([Answer::Status(503, "retry-after: 6\r\n".to_owned())]);
    let url = format!("http://{}/x", receiver.address);
    let (github, app) = waiting(&format!("notify: {{ webhook: '{url}' }}\n"));
    app.world.write("new", SECRET);
    let all = options(&url);
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let _served = app.start(&all);
    until("the first", || receiver.came().len() == 1);
    reviews(&github, "bo", "APPROVED");
    until("both have ended", || attempts(&app).iter().filter(|(_, outcome)| outcome != "put_off").count() == 2);
    // Its run was stopped before its job began, and is started again: what was approved is used up.
    github.with(|world| {
        world.attempts.insert(RUN, (2, "ana".to_owned()));
        world.rules.insert((RUN, "production".to_owned()), Rule::default());
    });
    let kinds =
        || -> Vec<String> { receiver.came().iter().map(|it| it.json()["type"].as_str().unwrap().to_owned()).collect() };
    until("it is asked", || kinds().len() > 2);
    assert_eq!(kinds(), ["release.asked", "release.proceeds", "release.asked"]);
    // That was said, and so is not said again.
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(kinds().len(), 3);
}

#[test]
fn what_is_not_held_just_now_and_waits_still_is_put_off_and_not_given_up() {
    let receiver = Receiver::start();
    receiver.next([Answer::Status(503, "retry-after: 5\r\n".to_owned())]);
    let url = format!("http://{}/x", receiver.address);
    let (github, app) = waiting(&format!("notify: {{ webhook: '{url}' }}\n"));
    app.world.write("new", SECRET);
    let all = options(&url);
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let _served = app.start(&all);
    until("the first", || receiver.came().len() == 1);
    // It may go, and GitHub cannot be told so yet.
    for _ in 0..50 {
        let gone = Trouble::Answer(502, Vec::new(), String::new());
        github.trouble("/runs/900/deployment_protection_rule", gone);
    }
    reviews(&github, "bo", "APPROVED");
    let asks = || app.events("message_attempted").into_iter().filter(|it| it["attempt"] == 2).collect::<Vec<_>>();
    until("the second attempt", || !asks().is_empty());
    assert_eq!(asks()[0]["outcome"], "put_off", "{:?}", asks());
    assert_eq!(asks()[0]["why"], "it is not held just now, and still waits");
}

#[test]
fn nobody_is_told_before_his_hours() {
    let receiver = Receiver::start();
    let url = format!("http://{}/x", receiver.address);
    let (github, app) = waiting(&format!("notify: {{ webhook: '{url}' }}\n"));
    // They open in three hours.
    let opens = chrono::Utc::now() + chrono::Duration::hours(3);
    let hours = format!("{}-{}", opens.format("%H:%M"), (opens + chrono::Duration::hours(1)).format("%H:%M"));
    let policy = github.with(|world| world.contents[".countersign/policy.yml"].clone());
    let policy = policy.replace("business_hours: 24/7", &format!("business_hours: 'Mo-Su {hours}'"));
    super::ledger::policy(&github, &policy);
    app.world.write("new", SECRET);
    let all = options(&url);
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let served = app.start(&all);
    until("a decision", || !told_run(&github).reports.is_empty());
    std::thread::sleep(Duration::from_secs(3));
    assert!(receiver.came().is_empty());
    drop(served);
    let listed = app.world.run(&["db", "outbox", "list", "--database", "sqlite:record.db"]);
    let waits = listed.out.lines().find(|line| line.contains("webhook:")).unwrap_or_else(|| panic!("{}", listed.out));
    assert!(waits.contains("waiting") && waits.contains(&opens.format("T%H:%M:00").to_string()), "{waits}");
}
