//! When lengths of time end: across weekends, Christmas, changes of clocks and days that are left out.

use chrono::{DateTime, Duration, Utc};
use chrono_tz::Tz;
use countersign::policy::calendar::{Calendar, Hours, NEVER};
use countersign::policy::length::Length;
use rstest::rstest;

use super::{at, clock, date, hours, shown};

const LONDON: Tz = Tz::Europe__London;
const OFFICE: &str = "Mo-Fr 09:00-17:30";

fn length(written: &str) -> Length {
    Length::parse(written).unwrap()
}

fn christmas() -> Vec<chrono::NaiveDate> {
    ["2026-12-25", "2026-12-28", "2027-01-01"].map(date).to_vec()
}

#[rstest]
#[case::within_the_day("2026-12-08 10:00", "4bh", "Tue 2026-12-08 14:00 +00:00")]
#[case::to_the_very_closing("2026-12-08 13:30", "4bh", "Tue 2026-12-08 17:30 +00:00")]
#[case::over_night("2026-12-08 14:00", "4bh", "Wed 2026-12-09 09:30 +00:00")]
#[case::over_the_weekend("2026-12-11 16:00", "4bh", "Mon 2026-12-14 11:30 +00:00")]
#[case::begun_at_night("2026-12-11 23:00", "1bh", "Mon 2026-12-14 10:00 +00:00")]
#[case::begun_before_opening("2026-12-08 06:00", "1bh", "Tue 2026-12-08 10:00 +00:00")]
#[case::over_christmas("2026-12-24 16:30", "2bh", "Tue 2026-12-29 10:00 +00:00")]
#[case::a_cab_review_of_24_hours("2026-12-23 12:00", "24bh", "Wed 2026-12-30 10:30 +00:00")]
#[case::one_day("2026-12-08 10:00", "1bd", "Wed 2026-12-09 10:00 +00:00")]
#[case::one_day_over_the_weekend("2026-12-11 16:00", "1bd", "Mon 2026-12-14 16:00 +00:00")]
#[case::one_day_from_a_saturday("2026-12-12 12:00", "1bd", "Tue 2026-12-15 09:00 +00:00")]
#[case::five_days_over_christmas("2026-12-22 11:00", "5bd", "Thu 2026-12-31 11:00 +00:00")]
#[case::a_day_begun_after_closing("2026-12-24 17:30", "1bd", "Wed 2026-12-30 09:00 +00:00")]
#[case::a_leap_day("2028-02-28 10:00", "1bd", "Tue 2028-02-29 10:00 +00:00")]
#[case::the_clock_time_stays_over_spring("2026-03-27 10:00", "1bd", "Mon 2026-03-30 10:00 +01:00")]
#[case::the_clock_time_stays_over_autumn("2026-10-23 10:00", "1bd", "Mon 2026-10-26 10:00 +00:00")]
#[case::by_the_clock("2026-03-28 12:00", "24h", "Sun 2026-03-29 13:00 +01:00")]
fn office_hours_in_london(#[case] from: &str, #[case] written: &str, #[case] due: &str) {
    let found = hours(OFFICE, LONDON).after(clock(LONDON, from), length(written), &christmas());
    assert_eq!(shown(LONDON, found), due);
}

#[rstest]
#[case::spring_takes_an_hour("24/7", LONDON, "2026-03-28T12:00:00Z", "24bh", "Sun 2026-03-29 13:00 +01:00")]
#[case::a_day_of_23_hours("24/7", LONDON, "2026-03-28T12:00:00Z", "1bd", "Sun 2026-03-29 12:00 +01:00")]
#[case::a_day_of_25_hours("24/7", Tz::America__New_York, "2026-10-31T16:00:00Z", "1bd", "Sun 2026-11-01 12:00 -05:00")]
#[case::the_hour_that_comes_twice(
    "Su 01:00-03:00",
    Tz::America__New_York,
    "2026-10-31T00:00:00Z",
    "3bh",
    "Sun 2026-11-01 03:00 -05:00"
)]
#[case::closed_before_the_hour_that_comes_twice(
    "Sa 09:00-10:00; Su 00:00-01:00",
    Tz::America__New_York,
    "2026-10-31T13:30:00Z",
    "1bd",
    "Sun 2026-11-01 01:00 -04:00"
)]
#[case::the_hour_that_is_skipped(
    "Su 01:00-04:00",
    Tz::America__New_York,
    "2026-03-07T00:00:00Z",
    "2bh",
    "Sun 2026-03-08 04:00 -04:00"
)]
#[case::half_an_hour_less(
    "Su 01:00-04:00",
    Tz::Australia__Lord_Howe,
    "2026-10-03T00:00:00Z",
    "2bh",
    "Sun 2026-10-04 03:30 +11:00"
)]
#[case::half_an_hour_more(
    "Su 01:00-04:00",
    Tz::Australia__Lord_Howe,
    "2026-04-04T00:00:00Z",
    "2bh",
    "Sun 2026-04-05 02:30 +10:30"
)]
#[case::a_quarter_of_an_hour_from_delhi(
    "Su-Th 10:00-17:00",
    Tz::Asia__Kathmandu,
    "2026-12-08T05:00:00Z",
    "8bh",
    "Wed 2026-12-09 11:45 +05:45"
)]
#[case::a_friday_that_never_was(
    "Mo-Fr 09:00-17:00",
    Tz::Pacific__Apia,
    "2011-12-30T01:00:00Z",
    "3bh",
    "Mon 2012-01-02 10:00 +14:00"
)]
#[case::a_day_that_never_was_counts_for_none(
    "Mo-Su 09:00-17:00",
    Tz::Pacific__Apia,
    "2011-12-29T20:00:00Z",
    "1bd",
    "Sat 2011-12-31 10:00 +14:00"
)]
#[case::the_night_belongs_to_its_evening(
    "Mo-Fr 22:00-06:00",
    LONDON,
    "2026-12-09T02:00:00Z",
    "1bd",
    "Thu 2026-12-10 02:00 +00:00"
)]
#[case::from_friday_night_to_monday_night(
    "Mo-Fr 22:00-06:00",
    LONDON,
    "2026-12-12T02:00:00Z",
    "1bd",
    "Tue 2026-12-15 02:00 +00:00"
)]
#[case::moved_back_to_the_closing(
    "Mo-Th 09:00-17:00; Fr 09:00-14:00",
    LONDON,
    "2026-12-10T16:00:00Z",
    "1bd",
    "Fri 2026-12-11 14:00 +00:00"
)]
#[case::moved_on_past_lunch(
    "Mo 09:00-17:00; Tu 09:00-12:00,13:00-17:00",
    LONDON,
    "2026-12-07T12:15:00Z",
    "1bd",
    "Tue 2026-12-08 13:00 +00:00"
)]
#[case::into_the_gap("24/7", LONDON, "2026-03-28T01:30:00Z", "1bd", "Sun 2026-03-29 02:00 +01:00")]
#[case::into_the_overlap("24/7", LONDON, "2026-10-24T00:30:00Z", "1bd", "Sun 2026-10-25 01:30 +01:00")]
fn clocks_that_are_changed(
    #[case] written: &str,
    #[case] zone: Tz,
    #[case] from: &str,
    #[case] term: &str,
    #[case] due: &str,
) {
    assert_eq!(shown(zone, hours(written, zone).after(at(from), length(term), &[])), due);
}

#[rstest]
#[case::within_the_day("2026-12-08 14:00", "4bh", "Tue 2026-12-08 10:00 +00:00")]
#[case::the_latest_of_all_that_end_in_time("2026-12-08 10:00", "1bh", "Tue 2026-12-08 09:00 +00:00")]
#[case::over_night("2026-12-08 10:00", "2bh", "Mon 2026-12-07 16:30 +00:00")]
#[case::over_christmas("2026-12-29 10:00", "2bh", "Thu 2026-12-24 16:30 +00:00")]
#[case::by_the_clock("2026-12-08 14:00", "24h", "Mon 2026-12-07 14:00 +00:00")]
#[case::a_day("2026-12-08 14:00", "1bd", "Mon 2026-12-07 14:00 +00:00")]
#[case::a_day_over_the_weekend("2026-12-07 14:00", "1bd", "Fri 2026-12-04 14:00 +00:00")]
#[case::a_meeting_in_the_evening("2026-12-08 20:00", "1bd", "Mon 2026-12-07 17:30 +00:00")]
#[case::a_meeting_before_opening("2026-12-08 08:00", "1bd", "Fri 2026-12-04 17:30 +00:00")]
#[case::at_the_opening("2026-12-08 09:00", "1bd", "Mon 2026-12-07 09:00 +00:00")]
fn the_last_start_that_ends_in_time(#[case] to: &str, #[case] written: &str, #[case] start: &str) {
    let found = hours(OFFICE, LONDON).before(clock(LONDON, to), length(written), &christmas());
    assert_eq!(shown(LONDON, found), start);
}

#[test]
fn parts_of_a_second_are_carried_along() {
    let office = hours(OFFICE, LONDON);
    let due = |from: &str, written: &str| office.after(at(from), length(written), &[]).to_rfc3339();
    assert_eq!(due("2026-12-08T10:00:00.250Z", "1bh"), "2026-12-08T11:00:00.250+00:00");
    // What is left over at the closing runs on at the next opening.
    assert_eq!(due("2026-12-08T16:30:00.250Z", "1bh"), "2026-12-09T09:00:00.250+00:00");
    assert_eq!(due("2026-12-08T16:30:00.250Z", "1bd"), "2026-12-09T16:30:00.250+00:00");
}

#[test]
fn hours_that_never_open_never_end() {
    let never = Hours { week: Default::default(), ..hours(OFFICE, LONDON) };
    for written in ["1bh", "1bd"] {
        assert_eq!(never.after(at("2026-12-08T10:00:00Z"), length(written), &[]), NEVER);
        assert_eq!(never.before(at("2026-12-08T10:00:00Z"), length(written), &[]), DateTime::<Utc>::UNIX_EPOCH);
    }
    let office = hours(OFFICE, LONDON);
    assert_eq!(office.after(at("9999-12-01T00:00:00Z"), length("10000bh"), &[]), NEVER);
    assert_eq!(office.after(DateTime::<Utc>::MAX_UTC, length("90s"), &[]), NEVER);
    assert_eq!(office.before(DateTime::<Utc>::MIN_UTC, length("90s"), &[]), DateTime::<Utc>::UNIX_EPOCH);
    assert_eq!(NEVER.to_rfc3339(), "9999-12-31T23:59:59+00:00");
}

#[test]
fn long_lengths_end() {
    let from = at("2026-12-08T10:00:00Z");
    let due = hours(OFFICE, LONDON).after(from, length("10000bh"), &[]);
    assert!((due - from - Duration::days(1647)).abs() < Duration::days(5), "{due}");
    let due = hours("Mo 00:00-00:01", LONDON).after(from, length("100bh"), &[]);
    assert!(due > from + Duration::days(100 * 60 * 7 - 14), "{due}");
}

#[test]
fn a_calendar_counts_in_business_hours() {
    let calendar = Calendar { holidays: christmas(), ..Calendar::default() };
    assert_eq!(calendar.due(at("2026-12-24T16:30:00Z"), length("2bh")), at("2026-12-29T10:00:00Z"));
    assert_eq!(calendar.start(at("2026-12-29T10:00:00Z"), length("2bh")), at("2026-12-24T16:30:00Z"));
}
