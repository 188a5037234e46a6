//! The calendar: hours, deadlines, meetings and holidays, against tables, and against walks minute by minute.

mod due;
mod holidays;
mod hours;
mod meetings;
mod oracle;
mod reading;

use chrono::{DateTime, NaiveDate, TimeZone as _, Utc};
use chrono_tz::Tz;
use countersign::policy::calendar::Hours;

/// An instant: RFC 3339.
fn at(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

/// The only instant at which the clocks of a zone show this.
fn clock(zone: Tz, text: &str) -> DateTime<Utc> {
    let clock = chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap();
    zone.from_local_datetime(&clock).single().unwrap().to_utc()
}

/// What the clocks of a zone show, with the offset.
fn shown(zone: Tz, at: DateTime<Utc>) -> String {
    at.with_timezone(&zone).format("%a %Y-%m-%d %H:%M %:z").to_string()
}

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn hours(written: &str, zone: Tz) -> Hours {
    Hours::parse(written, zone, true).unwrap()
}
