//! A message as people read it: in a mailbox, as plain text, and in a channel of Slack.
//!
//! Whoever names a release, a role or a reason may wish to steer who reads it: to call a whole channel, to end a header, to
//! show a link that is not ours. All such text is one [`neutral::line`], says no address that anything would make a link of,
//! and stands in Slack with `&`, `<` and `>` written as Slack asks (Slack's documentation, "Escaping text").

use std::fmt::Write as _;

use super::neutral;
use crate::model::message::{Message, What};

/// How many bytes of a name, of a reason and of a decision's sentence are shown.
const NAME: usize = 200;
const REASON: usize = 500;
const SUMMARY: usize = 2_000;
/// How many people are named.
const PEOPLE: usize = 20;
/// How many bytes a subject has at most: RFC 5322 would fold it.
const SUBJECT: usize = 180;

/// Text from elsewhere on one line, in which nothing is a link.
fn plain(text: &str, limit: usize) -> String {
    neutral::line(text, limit).replace("://", "[:]//")
}

fn of(name: Option<&String>) -> String {
    name.map_or_else(|| "somebody".to_owned(), |name| plain(name, NAME))
}

/// What is asked of somebody, as it stands behind "to".
fn verb(message: &Message) -> &'static str {
    match message.asked_to.as_deref() {
        Some("approve") => "approve",
        Some("consult") => "give advice",
        Some("decide") => "decide",
        Some("verify") => "verify evidence",
        Some("confirm") => "confirm",
        _ => "answer",
    }
}

/// What it is about, in one sentence without a full stop.
#[must_use]
pub fn headline(message: &Message) -> String {
    let (release, environment) = (plain(&message.release, NAME), plain(&message.environment, NAME));
    let (role, to_do) = (of(message.role.as_ref()), of(message.to_do.as_ref()));
    let due = message.due_told.as_ref().map(|due| plain(due, NAME));
    let by = due.map_or_else(String::new, |due| format!(" by {due}"));
    let urgent = if message.emergency { "EMERGENCY: " } else { "" };
    let said = match message.what {
        What::Asked => format!("{release} to {environment} waits for {role} to {}", verb(message)),
        What::Reminded => format!("{release} to {environment} still waits for {role} to {}", verb(message)),
        What::Escalated => {
            let first = of(message.instead_of.as_ref());
            format!("{release} to {environment} waits, and {first} has not answered; {role} is told next")
        }
        What::Proceeds => format!("{release} may go to {environment}"),
        What::Rejected => format!("{release} is rejected for {environment}"),
        What::Owed => format!("{release} went to {environment}, and {role} owes {to_do}{by}"),
        What::Near => format!("{to_do} of {release} is owed by {role}, soon{by}"),
        What::Overdue => format!("{to_do} of {release} is owed by {role}, and overdue: it was due{by}"),
        What::Reported => format!("reports of {release} are made for {role}: {to_do}"),
        What::Surveyed => {
            format!("which gates and checklist items of {release} were worth their while? You are asked once")
        }
        What::Tried => "messages from Countersign arrive here".to_owned(),
    };
    format!("{urgent}{said}")
}

/// The subject of a letter: one line.
#[must_use]
pub fn subject(message: &Message) -> String {
    let repository = plain(&message.repository, NAME);
    let whole = if repository.is_empty() { headline(message) } else { format!("[{repository}] {}", headline(message)) };
    neutral::line(&whole, SUBJECT)
}

/// The lines below the headline: what each is, and its text.
fn lines(message: &Message) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    let mut add = |what, text: String| {
        if !text.is_empty() {
            found.push((what, text));
        }
    };
    let named: Vec<String> = message.people.iter().take(PEOPLE).map(|name| plain(name, NAME)).collect();
    let more = message.people.len().saturating_sub(PEOPLE);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let people = named.join(", ") + &more;
    add(if message.what.while_held() { "Can answer" } else { "People" }, people);
    add("Because", message.because.as_ref().map(|because| plain(because, REASON)).unwrap_or_default());
    add("Decision", plain(&message.summary, SUMMARY));
    add("Repository", plain(&message.repository, NAME));
    add("Commit", plain(&message.commit, NAME));
    add("Obligation", message.obligation.as_ref().map(|id| plain(id, NAME)).unwrap_or_default());
    found
}

/// What a link is for.
fn there(what: What) -> &'static str {
    match what {
        What::Reported => "Read them there",
        What::Surveyed => "Answer there",
        _ => "See why, and answer there",
    }
}

/// The body of a letter: plain text whose lines end with `\n`. `link` is where its release is shown.
#[must_use]
pub fn letter(message: &Message, link: Option<&str>) -> String {
    let mut out = format!("{}.\n\n", headline(message));
    for (what, text) in lines(message) {
        let _ = writeln!(out, "{what}: {text}");
    }
    if let Some(link) = link {
        let _ = write!(out, "\n{}: {link}\nOpening it changes nothing.\n", there(message.what));
    }
    out
}

/// What Slack would read as its own.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The text for a channel of Slack. Nobody is called by it, and its one link is ours.
#[must_use]
pub fn chat(message: &Message, link: Option<&str>) -> String {
    let mut out = escaped(&headline(message));
    for (what, text) in lines(message) {
        let _ = write!(out, "\n{what}: {}", escaped(&text));
    }
    if let Some(link) = link {
        let _ = write!(out, "\n{}: <{}>", there(message.what), escaped(link));
    }
    out
}
