//! The board's agenda as a GitLab issue: what waits for the board stands on it, and what is said under it in the meeting decides.

use std::time::Duration;

use chrono::{DateTime, Timelike as _, Utc};
use serde_json::Value;

use super::{APP, App, asks, policy, shop, status, votes};
use crate::app::board::{in_time, until_or_at};
use crate::app::until;
use crate::support::gitlab::Gitlab;
use crate::support::served::Served;

/// The board meets at that instant and never again but a year later, with two members; mo chairs.
fn with_board(gitlab: &Gitlab, at: DateTime<Utc>) {
    let meetings = at.format("DTSTART;TZID=UTC:%Y%m%dT%H%M%S\\nRRULE:FREQ=YEARLY");
    let board = format!(
        "calendar: {{ cab: {{ meetings: \"{meetings}\", cutoff: 1min, chair: release-manager, quorum: 2 }} }}\n"
    );
    let policy = (policy() + &board)
        .replace("normal: { approvals: { accountable: 1 } }", "normal: { approvals: { accountable: 1 }, cab: {} }")
        .replace(
            "roles:\n",
            "roles:\n  cab: { members: [\"gitlab:carl\", \"gitlab:cleo\", \"gitlab:ana\"] }\n  release-manager: { members: [\"gitlab:mo\"] }\n",
        );
    assert!(policy.contains("cab: {} }"), "{policy}");
    gitlab.with(|world| {
        for login in ["mo", "carl", "cleo", "zoe"] {
            world.git.user(login, "User");
        }
        world.git.contents.insert(".countersign/policy.yml".to_owned(), policy);
    });
}

fn says(app: &App) -> String {
    let last = app.events("release_decided").pop();
    last.map(|event| event["summary"].as_str().unwrap().to_owned()).unwrap_or_default()
}

fn say(gitlab: &Gitlab, number: u64, by: &str, what: &str) {
    gitlab.with(|world| world.say(number, by, &format!("/countersign cab {what}")));
}

/// What our account wrote under an agenda.
fn answers(gitlab: &Gitlab, number: u64) -> Vec<String> {
    let ours = |note: &&Value| note["author"]["username"] == APP && note["system"] == false;
    let text = |note: &Value| note["body"].as_str().unwrap().to_owned();
    gitlab.with(|world| world.issues[&number].notes.iter().filter(ours).map(text).collect())
}

fn answered(gitlab: &Gitlab, number: u64, what: &str) {
    for _ in 0..300 {
        if answers(gitlab, number).iter().any(|it| it.contains(what)) {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("`{what}` was not said, but {:#?}", answers(gitlab, number));
}

/// An app whose release has all but the board, which meets in so many seconds; and its agenda.
fn convened(seconds: i64) -> (App, Gitlab, Served, u64, DateTime<Utc>) {
    // What is said just before it and just after it is said in one minute, so that nothing tells them apart by that.
    let within_a_minute = |mut at: DateTime<Utc>| {
        while !(3..55).contains(&at.second()) {
            at += chrono::Duration::seconds(1);
        }
        at
    };
    let set_up = |at| {
        let at = within_a_minute(at);
        let gitlab = shop();
        with_board(&gitlab, at);
        asks(&gitlab);
        votes(&gitlab, "bo");
        let app = App::new(&gitlab);
        let served = app.start(&["--sweep", "1"]);
        until("an agenda", || !gitlab.with(|world| world.labelled("cab-agenda").is_empty()));
        let number = gitlab.with(|world| world.labelled("cab-agenda")[0]);
        until_or_at(at, || says(&app).contains("agenda of the meeting on"));
        (app, gitlab, served, number)
    };
    let ((app, gitlab, served, number), at) = in_time(seconds, set_up);
    (app, gitlab, served, number, within_a_minute(at))
}

fn comes(at: DateTime<Utc>) {
    while Utc::now() <= at {
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn begins(at: DateTime<Utc>) {
    comes(at + chrono::Duration::seconds(1));
}

#[test]
fn c6_the_board_decides_in_its_meeting_on_what_stood_on_its_agenda() {
    let (app, gitlab, _served, number, at) = convened(14);
    let text = || gitlab.with(|world| world.issues[&number].description.clone());
    until("its items", || text().contains("to `production`"));
    assert!(text().contains("acme/shop!12"), "{}", text());
    until("the release to wait for it", || says(&app).contains("agenda of the meeting on"));
    // Before it begins nothing is decided.
    say(&gitlab, number, "carl", "present");
    comes(at - chrono::Duration::seconds(2));
    say(&gitlab, number, "mo", "approve !12");
    answered(&gitlab, number, "and nothing is decided before");
    begins(at);
    // Nor by who does not chair; and whoever wrote it is no quorum.
    say(&gitlab, number, "ana", "present");
    say(&gitlab, number, "zoe", "approve !12");
    say(&gitlab, number, "mo", "approve !12");
    answered(&gitlab, number, "is taken down as approved, and does not count: 1 of 2 members were there");
    answered(&gitlab, number, "decides, and the policy does not name you so");
    assert_eq!(status(&gitlab), "blocked", "{}", says(&app));
    say(&gitlab, number, "cleo", "present");
    // What somebody wrote otherwise afterwards decides nothing.
    std::thread::sleep(Duration::from_millis(1_100));
    gitlab.with(|world| {
        world.say(number, "mo", "looks fine");
        let note = world.issues.get_mut(&number).unwrap().notes.last_mut().unwrap();
        note["body"] = "/countersign cab approve !12".into();
        note["lastEditedAt"] = note["createdAt"].clone();
    });
    answered(&gitlab, number, "edited afterwards");
    assert_eq!(status(&gitlab), "blocked", "{}", says(&app));
    std::thread::sleep(Duration::from_millis(1_100));
    say(&gitlab, number, "mo", "approve !12");
    until("the job to be played", || status(&gitlab) == "success");
    assert_eq!(gitlab.with(|world| world.labelled("cab-agenda").len()), 1);
}

#[test]
fn c6_what_the_chair_puts_off_stands_on_the_next_agenda() {
    let (app, gitlab, _served, number, at) = convened(10);
    begins(at);
    for who in ["carl", "cleo"] {
        say(&gitlab, number, who, "present");
    }
    say(&gitlab, number, "mo", "defer !12 to next");
    until("the next agenda", || gitlab.with(|world| world.labelled("cab-agenda").len()) == 2);
    until("the decision to say so", || says(&app).contains("the CAB deferred it"));
    assert_eq!(status(&gitlab), "blocked", "{}", says(&app));
}
