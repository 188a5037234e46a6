//! The board's agenda as an issue, seen from outside.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};

use super::issues::{hears, policy, says, with_policy};
use super::pages::{self, Shown};
use super::{App, ago, asks, shop, told, until};
use crate::support::browser::Browser;
use crate::support::github::Github;

/// The board meets at that instant and never again but a year later, with two members; mo chairs.
pub fn with_board(github: &Github, at: DateTime<Utc>) -> String {
    let meetings = at.format("DTSTART;TZID=UTC:%Y%m%dT%H%M%S\\nRRULE:FREQ=YEARLY");
    with_meetings(github, &meetings.to_string())
}

/// The same, which meets by what the policy says of it.
pub fn with_meetings(github: &Github, meetings: &str) -> String {
    github.with(|world| {
        for login in ["mo", "carl", "cleo", "zoe"] {
            world.user(login, "User");
        }
    });
    policy(&format!(
        "calendar: {{ cab: {{ meetings: \"{meetings}\", cutoff: 1min, chair: release-manager, quorum: 2 }} }}\n"
    ))
    .replace("counts_from: [review] }", "counts_from: [review] }, cab: {}")
    .replace(
        "roles:\n",
        "roles:\n  cab: { members: [\"user:carl\", \"user:cleo\", \"user:ana\"] }\n  release-manager: { members: [\"user:mo\"] }\n",
    )
}

pub fn agenda(github: &Github) -> u64 {
    until("an agenda", || !github.with(|world| world.labelled("cab-agenda").is_empty()));
    github.with(|world| world.labelled("cab-agenda")[0])
}

pub fn say(github: &Github, number: u64, by: &str, what: &str) -> String {
    github.with(|world| world.say(number, by, &format!("/countersign cab {what}")))
}

/// What is set up before a meeting in so many seconds, and when that is. On a machine that has much to do it may be too late for
/// what is to be said before the meeting begins: then it is set up anew, for a meeting that is further away.
pub fn in_time<T>(seconds: i64, set_up: impl Fn(DateTime<Utc>) -> T) -> (T, DateTime<Utc>) {
    for times in 1..=5 {
        let at = Utc::now() + chrono::Duration::seconds(seconds * times);
        let it = set_up(at);
        if at - Utc::now() > chrono::Duration::seconds(4) {
            return (it, at);
        }
    }
    panic!("it was never set up before its meeting, not in {} seconds", seconds * 5)
}

/// Waits until something is so, and no longer than until an instant.
pub fn until_or_at(at: DateTime<Utc>, holds: impl Fn() -> bool) {
    while Utc::now() < at && !holds() {
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Waits until what is said from now on has a later stamp than what was said before: GitHub's have no fractions of a second.
pub fn later() {
    std::thread::sleep(Duration::from_millis(1_100));
}

/// Waits until the app has looked at what there is now, some times.
pub fn looked(app: &App) {
    let before = app.looks();
    until("more looks", || app.looks() > before + 2);
}

/// A release that has all but the board, which meets at that instant.
fn all_but_the_board(at: DateTime<Utc>) -> Github {
    let github = shop();
    with_policy(&github, with_board(&github, at));
    asks(&github);
    github.with(|world| world.review(12, "R1", "bo", "APPROVED", "c1", &ago(1)).is_null());
    github
}

/// An app whose release has all but the board, which meets in so many seconds; and its agenda.
fn convened(seconds: i64) -> (App, Github, crate::support::served::Served, u64, DateTime<Utc>) {
    let set_up = |at| {
        let github = all_but_the_board(at);
        let app = App::new(&github);
        let served = app.start(&["--sweep", "1"]);
        let number = agenda(&github);
        until_or_at(at, || says(&app).contains("it is on the agenda of the meeting on"));
        (app, github, served, number)
    };
    let ((app, github, served, number), at) = in_time(seconds, set_up);
    (app, github, served, number, at)
}

/// What our App wrote under an agenda.
fn answers(github: &Github, number: u64) -> Vec<String> {
    github.with(|world| {
        let all = world.issues[&number].comments.iter().filter(|it| it["author"]["__typename"] == "Bot");
        all.map(|it| it["body"].as_str().unwrap_or_default().to_owned()).collect()
    })
}

pub fn answered(github: &Github, number: u64, what: &str) {
    for _ in 0..300 {
        if answers(github, number).iter().any(|it| it.contains(what)) {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("`{what}` was not said, but {:#?}", answers(github, number));
}

pub fn begins(at: DateTime<Utc>) {
    // What GitHub stamps has no fractions of a second.
    while Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true) <= at.to_rfc3339_opts(SecondsFormat::Secs, true) {
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn c6_the_board_decides_in_its_meeting_on_what_stood_on_its_agenda() {
    let (app, github, _served, number, at) = convened(12);
    let text = github.with(|world| world.text(number));
    assert!(text.contains("to `production`") && text.contains("acme/shop#12"), "{text}");
    hears(&app, "it is on the agenda of the meeting on");
    // Before it begins nothing is decided, and the item is there once.
    say(&github, number, "carl", "present");
    say(&github, number, "mo", "approve #12");
    answered(&github, number, "and nothing is decided before");
    assert!(told(&github).decided.is_none(), "{}", says(&app));
    begins(at);
    // Nor by who does not chair; and whoever wrote it is no quorum.
    say(&github, number, "ana", "present");
    say(&github, number, "zoe", "approve #12");
    say(&github, number, "zoe", "present");
    say(&github, number, "mo", "approve #12");
    hears(&app, "1 of 2 members were there");
    answered(&github, number, "is taken down as approved, and does not count: 1 of 2 members were there");
    answered(&github, number, "<code>release-manager</code> decides, and the policy does not name you so");
    answered(&github, number, "does not name you in <code>cab</code>");
    say(&github, number, "cleo", "present");
    // What was decided before he came he was not there for.
    looked(&app);
    assert!(told(&github).decided.is_none(), "{}", says(&app));
    say(&github, number, "mo", "approve #12 #99 with: a dry run first");
    hears(&app, "a dry run first");
    answered(&github, number, "nothing on this agenda is called <code>#99</code>");
    answered(&github, number, "is taken down as approved on conditions (a dry run first)");
    say(&github, number, "mo", "agrees #12");
    answered(&github, number, "under an agenda write");
    let said = answers(&github, number).len();
    assert!(told(&github).decided.is_none());
    later();
    say(&github, number, "mo", "approve #12");
    until("an answer", || told(&github).decided.is_some());
    assert_eq!(told(&github).decided.unwrap().0, "approved", "{}", says(&app));
    assert_eq!(github.with(|world| world.labelled("cab-agenda").len()), 1);
    // Each was answered once, and who was there was not.
    assert!(answers(&github, number).len() <= said + 1, "{:#?}", answers(&github, number));
    assert_eq!(said, 6, "{:#?}", answers(&github, number));
}

#[test]
fn c6_what_the_chair_puts_off_stands_on_the_next_agenda_and_edits_and_deletions_approve_nothing() {
    let (app, github, _served, number, at) = convened(10);
    begins(at);
    for who in ["carl", "cleo"] {
        say(&github, number, who, "present");
    }
    let yes = say(&github, number, "zoe", "approve #12");
    github.with(|world| world.edit_said(number, &yes, "/countersign cab approve #12"));
    let edited = say(&github, number, "mo", "looks fine");
    github.with(|world| world.edit_said(number, &edited, "/countersign cab approve #12"));
    looked(&app);
    assert!(told(&github).decided.is_none(), "{}", says(&app));
    let no = say(&github, number, "mo", "defer #12 to next");
    until("the next agenda", || github.with(|world| world.labelled("cab-agenda").len()) == 2);
    // Who takes a comment away of whoever decides nothing takes nothing away.
    let spam = say(&github, number, "zoe", "approve #12");
    github.with(|world| world.delete_said(number, "carl", &spam));
    hears(&app, "the CAB deferred it");
    // One of who chairs may have said anything.
    github.with(|world| world.delete_said(number, "ana", &no));
    hears(&app, &format!("somebody deleted a comment under agenda #{number} that mo wrote, who may chair"));
    assert!(told(&github).decided.is_none());
    // What is decided since takes the place of whatever that was.
    later();
    say(&github, number, "mo", "approve #12");
    until("an answer", || told(&github).decided.is_some());
    assert_eq!(told(&github).decided.unwrap().0, "approved", "{}", says(&app));
}

#[test]
fn c6_the_agendas_are_a_page_for_whoever_may_read_the_repository() {
    let set_up = |at| {
        let github = all_but_the_board(at);
        let app = App::new(&github);
        let served = pages::serve(&app, &[]);
        let number = agenda(&github);
        until_or_at(at, || says(&app).contains("it is on the agenda of the meeting on"));
        (Shown { app, github, served }, number)
    };
    let ((it, number), at) = in_time(14, set_up);
    let bo = it.login("bo");
    assert!(it.get(&bo, "/").text().contains("href=\"/agendas\""));
    let page = |at: &str| it.get(&bo, &format!("/agendas{at}")).text();
    until("its issue", || page("").contains(&format!("issue {number}")));
    let coming = page("");
    assert!(coming.contains(&at.format("%Y-%m-%d").to_string()) && coming.contains("acme/shop#12"), "{coming}");
    assert!(
        coming.contains("release=shop%20510000000000&amp;environment=production") && coming.contains("nothing yet"),
        "{coming}"
    );
    assert!(!coming.contains("<h2>Over</h2>"), "{coming}");
    begins(at);
    for who in ["carl", "cleo"] {
        say(&it.github, number, who, "present");
    }
    say(&it.github, number, "mo", "defer #12 to next: the <b>load test</b> first");
    until("what was decided", || page("").contains("put off by mo"));
    let decided = page("?repository=ACME/shop");
    assert!(decided.contains("with mo, carl, cleo there: the &lt;b&gt;load test&lt;/b&gt; first"), "{decided}");
    // It is on the agenda of the next meeting too, on which nothing was decided.
    until("the next agenda", || page("").matches("<h3>").count() == 2);
    assert_eq!(page("").matches("nothing yet").count(), 1, "{}", page(""));
    // Whoever may not read the repository sees nothing of it, nor that there is one.
    it.github.with(|world| {
        world.user("eve", "User");
        world.outside.push("eve".to_owned());
    });
    let eve = it.login("eve");
    for path in ["/agendas", "/agendas?repository=acme/shop"] {
        let hers = it.get(&eve, path);
        assert!(hers.status == 200 && hers.text().contains("Nothing waits for a meeting"), "{}", hers.text());
        assert!(!hers.text().contains("#12"), "{}", hers.text());
    }
    let nobody = Browser::default();
    assert_eq!(it.get(&nobody, "/agendas").status, 403);
}
