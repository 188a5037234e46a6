//! What must hold of any hours, holidays and meetings: what is promised comes, and not before.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};
use countersign::policy::calendar::holidays;
use countersign::policy::calendar::meetings::Recurrence;
use countersign::policy::calendar::{Hours, instant};
use countersign::policy::length::Length;

use crate::memory;

/// Two bytes choose a zone, five an instant; then hours and a length, each to the end of its line, and a file of
/// holidays or a rule of meetings in the rest.
pub fn keeps_its_word(bytes: &[u8]) {
    let Some((head, rest)) = bytes.split_first_chunk::<7>() else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    let mut lines = text.splitn(3, '\n');
    let (hours, length, file) = (lines.next().unwrap_or(""), lines.next().unwrap_or(""), lines.next().unwrap_or(""));
    let zone = TZ_VARIANTS[usize::from(u16::from_be_bytes([head[0], head[1]])) % TZ_VARIANTS.len()];
    // From 1902 to 2107.
    let seconds = i64::from(u32::from_be_bytes([head[2], head[3], head[4], head[5]])) * 3 / 2 - (1 << 31);
    let at = DateTime::from_timestamp(seconds + i64::from(head[6]), 0).unwrap_or_default();

    let days = memory::bounded(64 * bytes.len(), || holidays::of_file(file)).unwrap_or_default();
    assert!(days.is_sorted_by(|a, b| a < b), "holidays are in order, each once");
    if let Ok(hours) = memory::bounded(bytes.len(), || Hours::parse(hours, zone, head[6] % 2 == 0)) {
        change(&hours, at, &days);
        if let Some(length) = Length::parse(length) {
            due(&hours, at, length, &days);
        }
    }
    meetings(file, zone, at);
}

fn change(hours: &Hours, at: DateTime<Utc>, days: &[NaiveDate]) {
    let open = hours.is_open(at, days);
    let Some(next) = hours.next_change(at, days) else { return };
    assert!(next > at, "a change at {next} that is not after {at}");
    assert_eq!(hours.is_open(next, days), !open, "nothing changes at {next}");
    assert_eq!(hours.is_open(next - TimeDelta::seconds(1), days), open, "it changed before {next}");
    let half = at + (next - at) / 2;
    assert_eq!(hours.is_open(half, days), open, "it changed at {half}, before {next}");
    if let Some(opening) = hours.next_opening(at, days) {
        assert!(hours.is_open(opening, days), "closed at {opening}, where it was to open");
    }
}

fn due(hours: &Hours, at: DateTime<Utc>, length: Length, days: &[NaiveDate]) {
    let due = hours.after(at, length, days);
    assert!(due >= at, "due at {due}, before {at}");
    assert!(hours.after(at + TimeDelta::minutes(7), length, days) >= due, "who begins later is due sooner");
    if let Length::BusinessHours(hours_asked @ 2..) = length {
        let shorter = hours.after(at, Length::BusinessHours(hours_asked - 1), days);
        assert!(shorter <= due, "a shorter length ends later");
    }
}

fn meetings(text: &str, zone: Tz, at: DateTime<Utc>) {
    if let Ok(rule) = memory::bounded(64 * text.len(), || Recurrence::parse(text, zone)) {
        let next: Vec<_> = rule.from(at).take(3).collect();
        assert!(next.iter().all(|meeting| *meeting >= at), "a meeting that has passed is promised");
        assert!(next.is_sorted(), "meetings are not in their order");
    }
    // A clock time exists, or is moved out of the gap that swallowed it.
    let clock = at.naive_utc();
    assert!((instant(clock, zone).naive_utc() - clock).abs() <= TimeDelta::days(2));
}
