//! Instants as policies write them.

use chrono::{DateTime, NaiveDate, NaiveDateTime};

/// An instant as written: with a zone, or by the clock of the policy's zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// With an offset from UTC.
    Absolute(DateTime<chrono::FixedOffset>),
    /// By the clock of whatever zone the policy names.
    Clock(NaiveDateTime),
}

/// Reads RFC 3339, `2026-12-18T17:00[:00]` or `2026-12-18`, which is its first minute.
#[must_use]
pub fn parse(text: &str) -> Option<Written> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(Written::Absolute(at));
    }
    for form in ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M"] {
        if let Ok(at) = NaiveDateTime::parse_from_str(text, form) {
            return Some(Written::Clock(at));
        }
    }
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    Some(Written::Clock(day.and_hms_opt(0, 0, 0)?))
}

/// A hint at what is wrong with a text that is nearly an instant.
pub(super) fn slip(text: &str) -> String {
    let (day, rest) = text.split_at_checked(10).unwrap_or((text, ""));
    let dated = day.len() == 10 && day.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    if dated && NaiveDate::parse_from_str(day, "%Y-%m-%d").is_err() {
        return "; there is no such day".to_owned();
    }
    let minutes = rest.trim_end_matches(['Z', 'z']);
    if minutes.len() < rest.len() && parse(&format!("{day}{minutes}")).is_some() {
        return format!("; leave the zone out and the policy's counts, or write the seconds too: `{day}{minutes}:00Z`");
    }
    String::new()
}

/// Reads an instant that is stated with its zone.
#[must_use]
pub fn absolute(text: &str) -> Option<DateTime<chrono::Utc>> {
    match parse(text)? {
        Written::Absolute(at) => Some(at.to_utc()),
        Written::Clock(_) => None,
    }
}
