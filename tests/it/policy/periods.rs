//! Periods of a calendar, by the zone of the policy.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use countersign::model::period::{Every, Period};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn told(period: &Period) -> String {
    let instant = |at: DateTime<Utc>| at.format("%Y-%m-%dT%H:%MZ");
    format!("{} {} {}", period.label, instant(period.from), instant(period.until))
}

#[test]
fn a_period_is_of_the_zone() {
    let london: Tz = "Europe/London".parse().unwrap();
    let around = |every, now| told(&Period::around(every, at(now), london).unwrap());
    // In summer a day of London begins at 23:00 UTC.
    assert_eq!(around(Every::Quarter, "2026-09-30T22:59:59Z"), "2026-Q3 2026-06-30T23:00Z 2026-09-30T23:00Z");
    assert_eq!(around(Every::Quarter, "2026-09-30T23:00:00Z"), "2026-Q4 2026-09-30T23:00Z 2027-01-01T00:00Z");
    assert_eq!(around(Every::Month, "2026-11-30T23:59:59Z"), "2026-11 2026-11-01T00:00Z 2026-12-01T00:00Z");
    assert_eq!(around(Every::Year, "2026-06-01T00:00:00Z"), "2026 2026-01-01T00:00Z 2027-01-01T00:00Z");
    // The first week of 2027 begins on Monday the 4th; the days before it are of the last of 2026.
    assert_eq!(around(Every::Week, "2027-01-03T12:00:00Z"), "2026-W53 2026-12-28T00:00Z 2027-01-04T00:00Z");
    let ended = Period::ended(Every::Quarter, at("2026-12-01T00:00:00Z"), london).unwrap();
    assert_eq!(told(&ended), "2026-Q3 2026-06-30T23:00Z 2026-09-30T23:00Z");
}

#[test]
fn a_label_is_read_as_it_is_written_and_nothing_else_is_one() {
    let zone: Tz = "Europe/London".parse().unwrap();
    for every in [Every::Week, Every::Month, Every::Quarter, Every::Year] {
        let period = Period::around(every, at("2026-11-28T02:00:00Z"), zone).unwrap();
        assert_eq!(Period::read(&period.label, zone), Some(period));
    }
    let days = Period::read("2026-10-01..2026-10-15", zone).unwrap();
    assert_eq!(told(&days), "2026-10-01..2026-10-15 2026-09-30T23:00Z 2026-10-14T23:00Z");
    for label in
        ["", "26", "2026-Q5", "2026-Q0", "2026-13", "2026-W54", "2026-1", "2026-Q+1", "2026-10-15..2026-10-01", "+026"]
    {
        assert_eq!(Period::read(label, zone), None, "{label}");
    }
}

#[test]
fn where_midnight_does_not_come_the_day_begins_after_the_leap() {
    // Clocks in Havana went from 00:00 to 01:00 on 13 March 2022.
    let havana: Tz = "America/Havana".parse().unwrap();
    assert_eq!(Period::read("2022-03-13..2022-03-14", havana).unwrap().from, at("2022-03-13T05:00:00Z"));
}
