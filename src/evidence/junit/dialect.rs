//! What single tools write, and how it is known that they wrote it.

use chrono::DateTime;

use crate::model::report::About;

/// What the attributes of a case say of its end; the worst ranks highest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Status {
    #[default]
    Unstated,
    Skipped,
    Failed,
    Errored,
}

impl Status {
    /// What a word means in whichever case it is written.
    pub(super) fn of(word: &str) -> Self {
        let is = |words: &[&str]| words.iter().any(|known| word.eq_ignore_ascii_case(known));
        if is(&["fail", "failed", "failure"]) {
            Self::Failed
        } else if is(&["error", "errored", "broken", "crashed", "timeout"]) {
            Self::Errored
        } else if is(&["notrun", "disabled", "skipped", "skip", "ignored", "suppressed", "pending"]) {
            Self::Skipped
        } else {
            Self::Unstated
        }
    }
}

/// The attributes of a suite in the order in which jest-junit writes them.
pub(super) const JEST_ORDER: [&str; 7] = ["name", "errors", "failures", "skipped", "timestamp", "time", "tests"];

/// The tools that name themselves in the name of a suite, unless they are told otherwise.
pub(super) fn tool_by_name(name: &str) -> Option<&'static str> {
    Some(match name {
        "pytest" | "pytest tests" => "pytest",
        "jest tests" => "Jest",
        "Mocha Tests" => "Mocha",
        "nextest-run" => "cargo-nextest",
        "nosetests" => "nose",
        _ => return None,
    })
}

/// Whether CTest says with these words that it could not run a test. It writes
/// such a test as skipped, and counts it as failed on its console and in its exit code.
pub(super) fn not_started(message: &str) -> bool {
    [
        "Unable to find",
        "Fixture dependency failed",
        "Failed to start",
        "Insufficient resources",
        "Missing Configuration",
    ]
    .iter()
    .any(|words| message.starts_with(words))
}

/// Notes an instant in one of the forms that tools write, and tells whether there is one.
/// jest-junit writes the first instant of 1970 for a file that it could not load: that
/// says nothing.
pub(super) fn note_instant(about: &mut About, text: &str) -> bool {
    let text = text.trim();
    if text.is_empty() || text.starts_with("1970-01-01T00:00:00") {
        return false;
    }
    match DateTime::parse_from_rfc2822(text) {
        Ok(at) => about.made(at.to_utc()),
        Err(_) => about.made_text(text),
    }
    true
}

/// Reads a time: plain, or with commas between thousands.
pub(super) fn seconds(text: &str) -> Option<f64> {
    let plain = |text: &str| {
        if let Some(seconds) = short(text) {
            return Some(seconds);
        }
        let begins =
            text.as_bytes().first().is_some_and(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+'));
        text.parse().ok().filter(|seconds: &f64| begins && seconds.is_finite() && *seconds >= 0.0)
    };
    if !text.as_bytes().contains(&b',') {
        return plain(text);
    }
    let (first, rest) = text.split_once(',')?;
    let (whole, _) = rest.split_once('.').unwrap_or((rest, ""));
    let grouped = (1..=3).contains(&first.len()) && whole.split(',').all(|group| group.len() == 3);
    if grouped { plain(&text.replace(',', "")) } else { None }
}

/// Reads a time of a few digits and a point, as nearly every one is written, in a
/// fraction of what a general reading takes. The digits and the power of ten are
/// numbers that a double holds exactly, so that dividing them rounds once, as a
/// general reading does.
fn short(text: &str) -> Option<f64> {
    if text.len() > 9 || !text.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let (mut number, mut scale, mut pointed) = (0_u32, 1_u32, false);
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' => {
                number = number * 10 + u32::from(byte - b'0');
                scale *= if pointed { 10 } else { 1 };
            }
            b'.' if !pointed => pointed = true,
            _ => return None,
        }
    }
    Some(f64::from(number) / f64::from(scale))
}
