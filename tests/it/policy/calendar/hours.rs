//! Hours of the week: what is read, what is refused, and when they are open.

use chrono::Duration;
use chrono_tz::Tz;
use countersign::policy::calendar::Hours;
use proptest::prelude::*;
use rstest::rstest;

use super::{at, clock, date, hours, shown};

/// The week as read, one line a day that opens.
fn table(written: &str) -> String {
    let read = Hours::parse(written, Tz::UTC, true).unwrap();
    let clock = |minutes: u32| format!("{:02}:{:02}", minutes / 60, minutes % 60);
    let days = ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"].iter().zip(&read.week).filter(|(_, day)| !day.is_empty());
    let told = days.map(|(name, day)| {
        let day: Vec<_> = day.iter().map(|(from, to)| format!("{}-{}", clock(*from), clock(*to))).collect();
        format!("{name} {}", day.join(","))
    });
    let off = if read.holidays { "" } else { " and holidays" };
    told.collect::<Vec<_>>().join(" | ") + off
}

#[rstest]
#[case("Fr 22:00-02:00", "Fr 22:00-26:00")]
#[case("Fr 22:00-26:00", "Fr 22:00-26:00")]
#[case("Sa-Mo 10:00-12:30", "Mo 10:00-12:30 | Sa 10:00-12:30 | Su 10:00-12:30")]
#[case("Mo,We 09:00-12:00,13:00-17:00", "Mo 09:00-12:00,13:00-17:00 | We 09:00-12:00,13:00-17:00")]
#[case("Mo-We 09:00-17:00; Tu off", "Mo 09:00-17:00 | We 09:00-17:00")]
#[case("Mo-We 09:00-17:00; Tu 10:00-11:00", "Mo 09:00-17:00 | Tu 10:00-11:00 | We 09:00-17:00")]
#[case("Mo-Tu 09:00-17:00; Tu 12:00-13:00 off", "Mo 09:00-17:00 | Tu 09:00-12:00,13:00-17:00")]
#[case("Mo 09:00-12:00, Mo 11:00-14:00", "Mo 09:00-14:00")]
#[case("Mo", "Mo 00:00-24:00")]
#[case("Mo 08:00-08:00", "Mo 08:00-32:00")]
#[case("mo 8:00-9:05", "Mo 08:00-09:05")]
#[case("Mo 09:00-17:00; PH off", "Mo 09:00-17:00")]
#[case("Sa,Su,PH off; Mo 09:00-10:00", "Mo 09:00-10:00")]
#[case("24/7; Tu-Su off", "Mo 00:00-24:00 and holidays")]
#[case("24/7; Tu-Su off; PH off", "Mo 00:00-24:00")]
#[case("Mo-Su,PH 09:00-10:00; Tu-Su off", "Mo 09:00-10:00 and holidays")]
#[case("Mo 09:00-10:00 open", "Mo 09:00-10:00")]
fn weekly_hours_are_read(#[case] written: &str, #[case] expected: &str) {
    assert_eq!(table(written), expected);
}

#[rstest]
#[case(
    "Dec 25 off",
    "`Dec 25 off` names dates or weeks of the year, but hours are those of every week; days off go under `holidays`, and times at which nothing goes under `freeze`"
)]
#[case("2026 Mo 09:00-10:00", "names dates or weeks")]
#[case("week 1-10 Mo 09:00-10:00", "names dates or weeks")]
#[case("easter 09:00-10:00", "names dates or weeks")]
#[case("Mo[1] 09:00-10:00", "`Mo[1] 09:00-10:00` names days of some weeks only, but hours are those of every week")]
#[case("sunrise-sunset", "`sunrise-sunset` speaks of the sun, which stands differently everywhere; write clock times")]
#[case("Mo 09:00+", "has hours without an end")]
#[case("Mo 09:00-17:00/01:00", "times that repeat")]
#[case("Mo 09:00-17:00 \"by phone\"", "has a comment, which would have no effect; leave it out")]
#[case("Mo 09:00-17:00 unknown", "has `unknown` hours; they are open or closed")]
#[case("Mo 09:00-17:00 || Tu 09:00-10:00", "has a fallback (`||`)")]
#[case("Mo 09:00-17:00; PH 10:00-12:00", "has other hours on public holidays")]
#[case("Mo 09:00-17:00; SH off", "speaks of school holidays")]
#[case("Mo 09:00-17:00; PH +1 day off", "names days of some weeks only")]
#[case("off", "`off` never opens; write hours such as `Mo-Fr 09:00-17:30`")]
#[case("Mo 09:00-10:00; Mo off", "never opens")]
#[case("Mon-Fri 9-17", "`Mon-Fri 9-17` is not understood from `n-Fri 9-17` on; hours are written as in")]
#[case("Mo-Fr 09:00-25", "is not understood")]
#[case("", "`` ends too early")]
fn what_is_not_weekly_is_refused_with_what_to_do(#[case] written: &str, #[case] says: &str) {
    let refused = Hours::parse(written, Tz::UTC, true).unwrap_err();
    assert!(refused.contains(says), "{refused}");
}

const LONDON: Tz = Tz::Europe__London;

#[rstest]
#[case::the_week("Mo-Fr 09:00-17:30", LONDON, "2026-12-04 17:30", Some("Mon 2026-12-07 09:00 +00:00"))]
#[case::open_already("Mo-Fr 09:00-17:30", LONDON, "2026-12-04 17:29", Some("Fri 2026-12-04 17:29 +00:00"))]
#[case::christmas("Mo-Fr 09:00-17:30", LONDON, "2026-12-24 18:00", Some("Tue 2026-12-29 09:00 +00:00"))]
#[case::over_midnight("Fr 22:00-02:00", LONDON, "2026-12-05 01:59", Some("Sat 2026-12-05 01:59 +00:00"))]
#[case::a_holiday_closes_what_begins_on_it(
    "Fr 22:00-02:00",
    LONDON,
    "2026-12-25 23:00",
    Some("Fri 2027-01-01 22:00 +00:00")
)]
#[case::and_nothing_that_reaches_into_it(
    "Th 22:00-02:00",
    LONDON,
    "2026-12-25 01:00",
    Some("Fri 2026-12-25 01:00 +00:00")
)]
#[case::always("24/7", LONDON, "2026-12-25 12:00", Some("Fri 2026-12-25 12:00 +00:00"))]
#[case::always_but_holidays("24/7; PH off", LONDON, "2026-12-25 12:00", Some("Sat 2026-12-26 00:00 +00:00"))]
#[case::in_the_gap_nothing_opens("Su 01:15-01:45", LONDON, "2026-03-29 00:30", Some("Sun 2026-04-05 01:15 +01:00"))]
#[case::half_an_hour_is_skipped(
    "Su 02:00-03:00",
    Tz::Australia__Lord_Howe,
    "2026-10-04 01:30",
    Some("Sun 2026-10-04 02:30 +11:00")
)]
#[case::midnight_is_skipped(
    "Su 00:00-06:00",
    Tz::America__Havana,
    "2026-03-07 22:00",
    Some("Sun 2026-03-08 01:00 -04:00")
)]
#[case::a_day_is_skipped("Fr 09:00-17:00", Tz::Pacific__Apia, "2011-12-29 18:00", Some("Fri 2012-01-06 09:00 +14:00"))]
#[case::a_leap_day("Mo-Fr 09:00-17:30", Tz::Asia__Kathmandu, "2028-02-28 18:00", Some("Tue 2028-02-29 09:00 +05:45"))]
fn the_next_opening(#[case] written: &str, #[case] zone: Tz, #[case] from: &str, #[case] expected: Option<&str>) {
    let holidays = [date("2026-12-25"), date("2026-12-28")];
    let found = hours(written, zone).next_opening(clock(zone, from), &holidays);
    assert_eq!(found.map(|at| shown(zone, at)).as_deref(), expected);
}

#[test]
fn both_passes_of_an_hour_that_comes_twice_are_open() {
    let hours = hours("Su 01:00-01:30", LONDON);
    let mut at = at("2026-10-24T12:00:00Z");
    let mut changes = Vec::new();
    for _ in 0..4 {
        at = hours.next_change(at, &[]).unwrap();
        changes.push(shown(LONDON, at));
    }
    let expected =
        ["01:00 +01:00", "01:30 +01:00", "01:00 +00:00", "01:30 +00:00"].map(|clock| format!("Sun 2026-10-25 {clock}"));
    assert_eq!(changes, expected);
}

#[test]
fn hours_that_meet_at_midnight_do_not_change_there() {
    let hours = hours("Mo-Fr 00:00-24:00", LONDON);
    assert_eq!(hours.next_change(at("2026-12-07T12:00:00Z"), &[]), Some(at("2026-12-12T00:00:00Z")));
}

#[test]
fn what_never_changes_has_no_next_change() {
    let always = hours("24/7", LONDON);
    assert_eq!(always.next_change(at("2026-12-07T12:00:00Z"), &[date("2026-12-25")]), None);
    let but_holidays = hours("24/7; PH off", LONDON);
    assert_eq!(but_holidays.next_change(at("2026-12-26T00:00:00Z"), &[date("2026-12-25")]), None);
    let never = Hours { week: Default::default(), ..but_holidays };
    assert_eq!(never.next_change(at("2026-12-07T12:00:00Z"), &[]), None);
    assert_eq!(never.next_opening(at("2026-12-07T12:00:00Z"), &[]), None);
}

#[test]
fn no_instant_is_too_far() {
    let hours = hours("Mo-Fr 09:00-17:30", LONDON);
    for at in [chrono::DateTime::<chrono::Utc>::MIN_UTC, chrono::DateTime::<chrono::Utc>::MAX_UTC] {
        let _ = hours.is_open(at, &[]);
        let _ = hours.next_change(at, &[]);
    }
    let late = at("2400-01-01T00:00:00Z");
    assert!(hours.next_change(late, &[]).unwrap() - late < Duration::days(4));
}

proptest! {
    #[test]
    fn no_text_is_beyond_reading(text in "[MoTuFrPHSA0-9:;,/+\\-\\[\\] |\"offweksunrid()]{0,40}") {
        let _ = Hours::parse(&text, Tz::UTC, true);
    }
}
