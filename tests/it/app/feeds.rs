//! The board's meetings by a feed, seen from outside.

use std::process::Stdio;

use chrono::{DateTime, Duration, Utc};

use super::board::{agenda, begins, say, with_meetings};
use super::issues::{hears, with_policy};
use super::messages::python;
use super::{App, ago, asks, shop, told, until};
use crate::support::run::World;
use crate::support::served::Served;

fn feed(at: DateTime<Utc>) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//acme//cab//EN\r\nBEGIN:VEVENT\r\nUID:1@acme.example\r\n\
         DTSTAMP:20260101T000000Z\r\nSUMMARY:Change advisory board\r\nDTSTART:{}\r\nRRULE:FREQ=YEARLY\r\n\
         END:VEVENT\r\nEND:VCALENDAR\r\n",
        at.format("%Y%m%dT%H%M%SZ")
    )
}

#[test]
fn c6_the_board_meets_by_its_feed_which_holds_while_it_cannot_be_read() {
    let github = shop();
    let mut app = App::new(&github);
    let Some(mut command) = python("cryptography") else { return };
    let folder = app.world.path().join("feed");
    std::fs::create_dir_all(&folder).unwrap();
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/feed_server.py")).arg(&folder).stderr(Stdio::null());
    let source = Served::start(command, "listening on ");
    let authority = folder.join("authority.pem").display().to_string();
    let world = std::mem::replace(&mut app.world, World::new());
    app.world = world.variable("SSL_CERT_FILE", &authority);

    let address = format!("https://{}/cab.ics?key=secret", source.address);
    with_policy(&github, with_meetings(&github, &format!("feed:{address}")));
    asks(&github);
    github.with(|world| world.review(12, "R1", "bo", "APPROVED", "c1", &ago(1)).is_null());
    let asked = || std::fs::read_to_string(folder.join("asked")).unwrap_or_default().lines().count();
    // What a policy names is read at public addresses alone.
    let running = app.start(&["--sweep", "1"]);
    hears(&app, "its meetings could not be read: the feed of its meetings:");
    hears(&app, "--private-feed");
    drop(running);
    assert_eq!(asked(), 0);
    let private = format!("--private-feed={address}");
    let running = app.start(&["--sweep", "1", &private]);
    hears(&app, "its meetings could not be read: the feed of its meetings: it answered 503");
    let looks = app.looks();
    until("more looks", || app.looks() > looks + 3);
    assert_eq!((asked(), told(&github).decided), (1, None));
    drop(running);
    std::fs::write(folder.join("feed.ics"), "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n").unwrap();
    let running = app.start(&["--sweep", "1", &private]);
    hears(&app, "its meetings could not be read: the feed of its meetings: it has no events");
    drop(running);

    let at = Utc::now() + Duration::seconds(10);
    std::fs::write(folder.join("feed.ics"), feed(at)).unwrap();
    let _served = app.start(&["--sweep", "1", &private]);
    let number = agenda(&github);
    hears(&app, "it is on the agenda of the meeting on");
    // What was read is believed for a while.
    std::fs::remove_file(folder.join("feed.ics")).unwrap();
    begins(at);
    for who in ["carl", "cleo"] {
        say(&github, number, who, "present");
    }
    say(&github, number, "mo", "approve #12");
    until("an answer", || told(&github).decided.is_some());
    assert_eq!((told(&github).decided.unwrap().0.as_str(), asked()), ("approved", 3));
}
