//! The board's meetings: rules, cut-offs, exceptions and feeds.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use countersign::model::stated::Stated;
use countersign::policy::calendar::{Cab, Calendar, Meetings, Recurrence, told};
use countersign::policy::length::Length;
use proptest::prelude::*;
use rstest::rstest;

use super::{at, shown};

const LONDON: Tz = Tz::Europe__London;
const TWICE_A_WEEK: &str = "DTSTART;TZID=Europe/London:20260106T140000\nRRULE:FREQ=WEEKLY;BYDAY=TU,TH";

fn rule(text: &str) -> Recurrence {
    Recurrence::parse(text, LONDON).unwrap_or_else(|why| panic!("{text}: {why}"))
}

fn board(meetings: Meetings, cutoff: &str) -> Cab {
    Cab {
        meetings,
        cutoff: Length::parse(cutoff).unwrap(),
        chair: None,
        quorum: 3,
        votes: false,
        stated: Stated::default(),
    }
}

fn by_rule(text: &str, cutoff: &str) -> Cab {
    board(Meetings::Rules(vec![rule(text)]), cutoff)
}

fn next(board: &Cab, submitted: &str, now: &str) -> String {
    let meeting = board.next_meeting(at(submitted), &[], at(now), &Calendar::default()).unwrap();
    format!("{} until {}", shown(LONDON, meeting.at), shown(LONDON, meeting.cutoff))
}

#[rstest]
#[case::in_time("24h", "2026-12-07T13:59:59Z", "Tue 2026-12-08 14:00 +00:00 until Mon 2026-12-07 14:00 +00:00")]
#[case::at_the_cutoff("24h", "2026-12-07T14:00:00Z", "Tue 2026-12-08 14:00 +00:00 until Mon 2026-12-07 14:00 +00:00")]
#[case::too_late("24h", "2026-12-07T14:00:01Z", "Thu 2026-12-10 14:00 +00:00 until Wed 2026-12-09 14:00 +00:00")]
#[case::in_business_days(
    "1bd",
    "2026-12-12T12:00:00Z",
    "Tue 2026-12-15 14:00 +00:00 until Mon 2026-12-14 14:00 +00:00"
)]
#[case::in_business_hours(
    "8bh",
    "2026-12-14T12:00:00Z",
    "Tue 2026-12-15 14:00 +00:00 until Mon 2026-12-14 14:30 +00:00"
)]
#[case::in_summer("24h", "2026-07-01T00:00:00Z", "Thu 2026-07-02 14:00 +01:00 until Wed 2026-07-01 14:00 +01:00")]
#[case::over_the_change_of_clocks(
    "72h",
    "2026-03-28T13:00:00Z",
    "Tue 2026-03-31 14:00 +01:00 until Sat 2026-03-28 13:00 +00:00"
)]
fn the_meeting_whose_agenda_is_open(#[case] cutoff: &str, #[case] submitted: &str, #[case] expected: &str) {
    assert_eq!(next(&by_rule(TWICE_A_WEEK, cutoff), submitted, submitted), expected);
}

#[test]
fn a_meeting_that_is_over_is_not_the_next() {
    let board = by_rule(TWICE_A_WEEK, "24h");
    assert!(next(&board, "2026-12-01T00:00:00Z", "2026-12-08T14:00:00Z").starts_with("Tue 2026-12-08 14:00"));
    assert!(next(&board, "2026-12-01T00:00:00Z", "2026-12-08T14:00:01Z").starts_with("Thu 2026-12-10 14:00"));
}

#[rstest]
#[case::weekly(TWICE_A_WEEK, "2026-12-08T14:00:00Z", true)]
#[case::in_summer(TWICE_A_WEEK, "2026-07-02T13:00:00Z", true)]
#[case::another_day(TWICE_A_WEEK, "2026-12-09T14:00:00Z", false)]
#[case::a_second_late(TWICE_A_WEEK, "2026-12-08T14:00:01Z", false)]
#[case::before_the_first(TWICE_A_WEEK, "2026-01-01T14:00:00Z", false)]
#[case::in_a_far_year(TWICE_A_WEEK, "2096-12-11T14:00:00Z", true)]
#[case::the_policys_zone("DTSTART:20260106T140000\nRRULE:FREQ=DAILY", "2026-07-02T13:00:00Z", true)]
#[case::utc("DTSTART:20260106T140000Z\nRRULE:FREQ=DAILY", "2026-07-02T14:00:00Z", true)]
#[case::in_single_quotes("DTSTART:20260106T140000Z\\nRRULE:FREQ=DAILY", "2026-07-02T14:00:00Z", true)]
#[case::until_that_day("DTSTART:20260106T140000\nRRULE:FREQ=DAILY;UNTIL=20260702", "2026-07-02T13:00:00Z", true)]
#[case::until_the_day_before("DTSTART:20260106T140000\nRRULE:FREQ=DAILY;UNTIL=20260701", "2026-07-02T13:00:00Z", false)]
#[case::until_in_utc("DTSTART:20260106T140000\nRRULE:FREQ=DAILY;UNTIL=20260702T130000Z", "2026-07-02T13:00:00Z", true)]
#[case::until_a_second_earlier(
    "DTSTART:20260106T140000\nRRULE:FREQ=DAILY;UNTIL=20260702T125959Z",
    "2026-07-02T13:00:00Z",
    false
)]
#[case::the_last_counted("DTSTART:20260106T140000Z\nRRULE:FREQ=DAILY;COUNT=3", "2026-01-08T14:00:00Z", true)]
#[case::beyond_the_count("DTSTART:20260106T140000Z\nRRULE:FREQ=DAILY;COUNT=3", "2026-01-09T14:00:00Z", false)]
#[case::every_other_week("DTSTART:20260106T140000Z\nRRULE:FREQ=WEEKLY;INTERVAL=2", "2030-01-08T14:00:00Z", false)]
#[case::the_other_week("DTSTART:20260106T140000Z\nRRULE:FREQ=WEEKLY;INTERVAL=2", "2030-01-01T14:00:00Z", true)]
#[case::second_tuesday("DTSTART:20260113T140000Z\nRRULE:FREQ=MONTHLY;BYDAY=2TU", "2026-12-08T14:00:00Z", true)]
#[case::left_out(
    "DTSTART;TZID=Europe/London:20260106T140000\nRRULE:FREQ=WEEKLY\nEXDATE;TZID=Europe/London:20261229T140000",
    "2026-12-29T14:00:00Z",
    false
)]
#[case::left_out_in_utc(
    "DTSTART;TZID=Europe/London:20260106T140000\nRRULE:FREQ=WEEKLY\nEXDATE:20260707T130000Z",
    "2026-07-07T13:00:00Z",
    false
)]
#[case::left_out_by_date(
    "DTSTART;TZID=Europe/London:20260106T140000\nRRULE:FREQ=WEEKLY\nEXDATE;VALUE=DATE:20261229",
    "2026-12-29T14:00:00Z",
    false
)]
#[case::one_more(
    "DTSTART;TZID=Europe/London:20260106T140000\nRRULE:FREQ=WEEKLY\nRDATE;TZID=Europe/London:20261230T110000",
    "2026-12-30T11:00:00Z",
    true
)]
#[case::leap_days("DTSTART:20240229T140000Z\nRRULE:FREQ=YEARLY", "2028-02-29T14:00:00Z", true)]
#[case::in_the_gap_by_the_offset_before(
    "DTSTART;TZID=Europe/London:20260104T013000\nRRULE:FREQ=WEEKLY",
    "2026-03-29T01:30:00Z",
    true
)]
#[case::the_first_of_two("DTSTART;TZID=Europe/London:20260104T013000\nRRULE:FREQ=WEEKLY", "2026-10-25T00:30:00Z", true)]
#[case::not_the_second("DTSTART;TZID=Europe/London:20260104T013000\nRRULE:FREQ=WEEKLY", "2026-10-25T01:30:00Z", false)]
fn meetings_by_rule(#[case] text: &str, #[case] instant: &str, #[case] meets: bool) {
    assert_eq!(by_rule(text, "24h").is_meeting(at(instant), &[]), meets);
}

#[rstest]
#[case(
    "RRULE:FREQ=WEEKLY",
    "says no start; write it as `DTSTART;TZID=Europe/London:20260106T140000\\nRRULE:FREQ=WEEKLY;BYDAY=TU`"
)]
#[case("DTSTART:20260106T140000", "says no rule; add one")]
#[case("DTSTART:20260106\nRRULE:FREQ=WEEKLY", "begins on a date; say at which time")]
#[case(
    "DTSTART;TZID=Europe/Lodnon:20260106T140000\nRRULE:FREQ=WEEKLY",
    "there is no time zone `Europe/Lodnon`; did you mean `Europe/London`?"
)]
#[case("DTSTART:2026-01-06\nRRULE:FREQ=WEEKLY", "has `2026-01-06` in `DTSTART`, which is no date or time")]
#[case("DTSTART:20260106T140000\nRRULE:FREQ=FORTNIGHTLY", "has a rule that cannot be used, `FREQ=FORTNIGHTLY`")]
#[case("DTSTART:20260106T140000\nRRULE:FREQ=SECONDLY", "repeats too often")]
#[case(
    "DTSTART:20260106T140000\nRRULE:FREQ=DAILY;BYMINUTE=0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24",
    "repeats 25 times a day"
)]
#[case("DTSTART:20260106T140000\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "never takes place")]
#[case("DTSTART:20260106T140000\nRRULE:FREQ=DAILY;UNTIL=yesterday", "has an `UNTIL` in")]
#[case("DTSTART:20260106T140000\nRRULE:FREQ=DAILY;UNTIL=20250101", "cannot be used")]
#[case("DTSTART:20260106T140000\nRRULE:FREQ=DAILY\nRRULE:FREQ=WEEKLY", "has more than one `RRULE`")]
#[case("DTSTART:20260106T140000\nRRULE:FREQ=DAILY\nEXRULE:FREQ=WEEKLY", "has an `EXRULE`")]
#[case("DTSTART:20260106T140000\nRRULE:FREQ=DAILY\nBEGIN:VALARM\nEND:VALARM", "holds more than the lines of one event")]
fn rules_that_cannot_be_used(#[case] text: &str, #[case] says: &str) {
    let refused = Recurrence::parse(text, LONDON).unwrap_err();
    assert!(refused.contains(says), "{refused}");
}

#[test]
fn a_file_of_meetings_knows_moved_and_cancelled_ones() {
    let text = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:cab\r\nSUMMARY:CAB\r\nDTSTART;TZID=Europe/Lon\r\n don:20260106T140000\r\nRRULE:FREQ=WEEKLY\r\nEND:VEVENT\r\n\
        BEGIN:VEVENT\r\nUID:cab\r\nRECURRENCE-ID;TZID=Europe/London:20260113T140000\r\nDTSTART;TZID=Europe/London:20260114T100000\r\nEND:VEVENT\r\n\
        BEGIN:VEVENT\r\nUID:cab\r\nSTATUS:CANCELLED\r\nRECURRENCE-ID;TZID=Europe/London:20260120T140000\r\nDTSTART;TZID=Europe/London:20260120T140000\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    let board = board(Meetings::Rules(Recurrence::file(text, LONDON).unwrap()), "24h");
    let meets = |instant: &str| board.is_meeting(at(instant), &[]);
    assert!(meets("2026-01-06T14:00:00Z") && meets("2026-01-14T10:00:00Z") && meets("2026-01-27T14:00:00Z"));
    assert!(!meets("2026-01-13T14:00:00Z") && !meets("2026-01-20T14:00:00Z"));
    assert!(next(&board, "2026-01-10T00:00:00Z", "2026-01-10T00:00:00Z").starts_with("Wed 2026-01-14 10:00"));
}

#[test]
fn a_feed_is_what_the_facts_bring() {
    let board = board(Meetings::Feed("https://acme.example/cab.ics".into()), "24h");
    let feed: Vec<DateTime<Utc>> =
        ["2026-12-10T14:00:00Z", "2026-12-03T14:00:00Z", "2026-12-08T14:00:00Z"].map(at).to_vec();
    let next = |submitted: &str| {
        board
            .next_meeting(at(submitted), &feed, at("2026-12-07T00:00:00Z"), &Calendar::default())
            .map(|meeting| meeting.at)
    };
    assert_eq!(next("2026-12-06T00:00:00Z"), Some(at("2026-12-08T14:00:00Z")));
    assert_eq!(next("2026-12-07T15:00:00Z"), Some(at("2026-12-10T14:00:00Z")));
    assert_eq!(next("2026-12-10T15:00:00Z"), None);
    assert!(board.is_meeting(at("2026-12-08T14:00:00Z"), &feed) && !board.is_meeting(at("2026-12-08T14:00:00Z"), &[]));
    assert!(!by_rule(TWICE_A_WEEK, "24h").is_meeting(at("2026-12-09T14:00:00Z"), &[at("2026-12-09T14:00:00Z")]));
}

#[rstest]
#[case("2026-12-08T14:00:00Z", "Tue 8 Dec 2026 14:00 Europe/London")]
#[case("2026-07-01T23:30:00Z", "Thu 2 Jul 2026 00:30 Europe/London")]
#[case("2026-10-25T00:30:00Z", "Sun 25 Oct 2026 01:30 Europe/London (+01:00)")]
#[case("2026-10-25T01:30:00Z", "Sun 25 Oct 2026 01:30 Europe/London (+00:00)")]
fn instants_as_people_say_them(#[case] instant: &str, #[case] says: &str) {
    assert_eq!(told(at(instant), LONDON), says);
}

proptest! {
    #[test]
    fn a_rule_begun_later_has_the_same_times(
        freq in proptest::sample::select(vec!["DAILY", "WEEKLY", "WEEKLY;BYDAY=TU,TH", "WEEKLY;BYDAY=MO,SU;WKST=SU", "DAILY;BYMONTH=3,10"]),
        interval in 1_u32..5,
        days in 0_i64..4000,
        minute in 0_u32..1440,
    ) {
        let text = |count: &str| format!("DTSTART;TZID=Europe/London:20200105T{:02}{:02}00\nRRULE:FREQ={freq};INTERVAL={interval}{count}", minute / 60, minute % 60);
        let from = at("2020-01-05T00:00:00Z") + chrono::Duration::days(days);
        // What is counted is run from its start.
        let sought: Vec<_> = rule(&text("")).from(from).take(20).collect();
        let whole: Vec<_> = rule(&text(";COUNT=10000")).from(from).take(20).collect();
        prop_assert_eq!(sought, whole);
    }

    #[test]
    fn no_rule_is_beyond_reading(
        freq in proptest::sample::select(vec!["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]),
        parts in proptest::collection::vec(
            (proptest::sample::select(vec!["INTERVAL", "COUNT", "BYDAY", "BYMONTH", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYHOUR", "BYSETPOS", "WKST", "UNTIL"]),
             prop_oneof!["-?[0-9]{1,5}", "-?[0-9]{1,2},[0-9]{1,2}", "[+-]?[0-9]?(MO|TU|SU)(,-1FR)?"]),
            0..4,
        ),
    ) {
        let parts = parts.iter().map(|(key, value)| format!(";{key}={value}")).collect::<Vec<_>>().concat();
        if let Ok(rule) = Recurrence::parse(&format!("DTSTART:20260106T140000\nRRULE:FREQ={freq}{parts}"), LONDON) {
            let found: Vec<_> = rule.from(at("2026-12-08T14:00:00Z")).take(5).collect();
            prop_assert!(found.is_sorted());
        }
    }
}

#[rstest]
#[case(DateTime::<Utc>::MIN_UTC)]
#[case(DateTime::<Utc>::MAX_UTC)]
fn f20_the_ends_of_time_are_told_in_every_zone(#[case] at: DateTime<Utc>) {
    for zone in chrono_tz::TZ_VARIANTS {
        assert!(told(at, zone).contains(zone.name()));
    }
}
