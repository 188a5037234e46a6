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

/// Names in a row.
pub fn names(names: &[String]) -> String {
    names.iter().map(|it| name(it)).collect::<Vec<_>>().join(", ")
}
