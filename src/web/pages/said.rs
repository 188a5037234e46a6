//! Text from elsewhere, instants and statuses, as every page shows them. Nothing reaches a page but through here or as
//! words of our own; the templates escape both.

use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use maud::{Markup, html};

use crate::model::release_decision::Status;
use crate::policy::calendar::told;
use crate::report::neutral;

/// How many bytes of a sentence are shown. The decision document has it whole.
const SENTENCE: usize = 4_000;
/// How many bytes of a name are shown.
const NAME: usize = 200;

/// A sentence: what steers a reader's eye is shown by number, and what stands in backticks is code.
pub fn said(text: &str) -> Markup {
    let text = neutral::line(text, SENTENCE);
    let pieces: Vec<&str> = text.split('`').collect();
    // Backticks come in pairs, or they are backticks.
    if pieces.len().is_multiple_of(2) {
        return html! { (text) };
    }
    html! {
        @for (at, piece) in pieces.iter().enumerate() {
            @if at % 2 == 1 { code { (piece) } } @else { (piece) }
        }
    }
}

/// A name, as one line.
pub fn name(text: &str) -> String {
    neutral::line(text, NAME)
}

/// An instant, in a zone that is named.
pub fn instant(at: DateTime<Utc>, zone: Tz) -> Markup {
    html! { time datetime=(at.to_rfc3339_opts(SecondsFormat::Secs, true)) { (told(at, zone)) } }
}

/// The same of microseconds of the Unix time.
pub fn micros(at: i64, zone: Tz) -> Markup {
    let Some(at) = DateTime::<Utc>::from_timestamp_micros(at) else {
        return html! { "an instant that no calendar has" };
    };
    instant(at, zone)
}

/// How a requirement stands: a sign and a word, and a colour that says no more than they do.
pub fn status(status: Status) -> Markup {
    let (class, sign, word) = match status {
        Status::Note => ("faint", "·", "note"),
        Status::NotNeeded => ("faint", "–", "not needed"),
        Status::Met => ("met", "✓", "met"),
        Status::Waiting => ("waiting", "…", "waits"),
        Status::Unknown => ("unknown", "?", "not known"),
        Status::Unmet => ("unmet", "✗", "not met"),
        Status::Rejected => ("rejected", "‼", "rejected"),
    };
    html! { span class={ "mark " (class) } { span aria-hidden="true" { (sign) " " } (word) } }
}

/// What a decision came to, by its word in the record.
pub fn ruling(word: &str) -> Markup {
    let (class, sign, word) = match word {
        "proceed" => ("met", "✓", "Proceed"),
        "hold" => ("held", "…", "Hold"),
        "reject" => ("rejected", "‼", "Reject"),
        _ => ("unknown", "?", "Not known"),
    };
    html! { span class={ "mark " (class) } { span aria-hidden="true" { (sign) " " } (word) ":" } }
}

/// How a deployment stands or ended, by its word in the record.
pub fn outcome(word: &str) -> String {
    match word {
        "began" => "began".to_owned(),
        "succeeded" => "went well".to_owned(),
        "failed" => "failed".to_owned(),
        "cancelled" => "was cancelled".to_owned(),
        other => name(other),
    }
}

/// What has to be done, by its word in the policy or in the record.
pub fn owed(kind: &str) -> String {
    match kind {
        "pir" => "post-implementation review".to_owned(),
        "notify_board" => "the board is told".to_owned(),
        "mark_emergency" => "systems are told that it is an emergency".to_owned(),
        other => name(&other.replace('_', " ")),
    }
}

/// How long something takes, of microseconds: its two largest parts, rounded down.
pub fn span(micros: i64) -> String {
    let minutes = micros / 60_000_000;
    let (days, hours, minutes) = (minutes / 1_440, minutes / 60 % 24, minutes % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => "less than a minute".to_owned(),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, 0) => format!("{hours} h"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (1, 0, _) => "1 day".to_owned(),
        (1, hours, _) => format!("1 day {hours} h"),
        (days, 0, _) => format!("{days} days"),
        (days, hours, _) => format!("{days} days {hours} h"),
    }
}

/// What somebody did, by its word in the record.
pub fn did(word: &str) -> String {
    match word {
        "approve" => "an approval".to_owned(),
        "reject" => "a rejection".to_owned(),
        "comment" => "a comment".to_owned(),
        "withdraw" => "something taken back".to_owned(),
        "delegate" => "a stand-in named".to_owned(),
        "away" => "an absence stated".to_owned(),
        "tick" => "an item ticked off".to_owned(),
        "verify" => "evidence verified".to_owned(),
        "waive" => "a waiver".to_owned(),
        "emergency" => "an emergency claimed".to_owned(),
        "confirm" => "a fix confirmed".to_owned(),
        "except" => "an exception from a freeze".to_owned(),
        "vouch" => "a commit vouched for".to_owned(),
        "clear" => "somebody cleared of a commit".to_owned(),
        "validate" => "something owed said to be done".to_owned(),
        other => name(other),
    }
}

/// Where something is told, by its name in the record.
pub fn place(destination: &str) -> String {
    // What is said aside leaves behind what is urgent.
    let plain = destination.strip_prefix("aside ").unwrap_or(destination);
    for (prefix, forge) in [("github:", "GitHub"), ("gitlab:", "GitLab")] {
        if let Some(rest) = plain.strip_prefix(prefix) {
            let (of, more) = rest.split_once(' ').unwrap_or((rest, ""));
            return format!("{forge}, {}{}", name(of), if more.is_empty() { "" } else { ", in its records" });
        }
    }
    name(plain)
}

/// Names in a row.
pub fn names(names: &[String]) -> String {
    names.iter().map(|it| name(it)).collect::<Vec<_>>().join(", ")
}
