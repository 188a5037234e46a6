//! Holidays of files and countries.

use countersign::policy::calendar::holidays::{of_country, of_file};
use proptest::prelude::*;
use rstest::rstest;

use super::date;

fn file(events: &[&str]) -> String {
    let events: Vec<_> = events.iter().map(|event| format!("BEGIN:VEVENT\n{event}\nEND:VEVENT\n")).collect();
    format!("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//Acme//EN\n{}END:VCALENDAR\n", events.concat())
}

fn told(events: &[&str]) -> String {
    let days = of_file(&file(events)).unwrap_or_else(|why| panic!("{why}"));
    days.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

#[rstest]
#[case::a_day(&["DTSTART;VALUE=DATE:20261225\nDTEND;VALUE=DATE:20261226\nSUMMARY:Christmas Day"], "2026-12-25")]
#[case::without_an_end(&["DTSTART;VALUE=DATE:20261225"], "2026-12-25")]
#[case::an_end_on_the_same_day(&["DTSTART;VALUE=DATE:20261225\nDTEND;VALUE=DATE:20261225"], "2026-12-25")]
#[case::several_days(&["DTSTART;VALUE=DATE:20261231\nDTEND;VALUE=DATE:20270102"], "2026-12-31 2027-01-01")]
#[case::a_duration(&["DTSTART;VALUE=DATE:20261231\nDURATION:P2D"], "2026-12-31 2027-01-01")]
#[case::in_order_and_once(&["DTSTART:20261226", "DTSTART:20261225", "DTSTART:20261226"], "2026-12-25 2026-12-26")]
#[case::yearly_until(&["DTSTART;VALUE=DATE:20261225\nRRULE:FREQ=YEARLY;UNTIL=20281225"], "2026-12-25 2027-12-25 2028-12-25")]
#[case::yearly_counted(&["DTSTART;VALUE=DATE:20261225\nRRULE:FREQ=YEARLY;COUNT=2"], "2026-12-25 2027-12-25")]
#[case::by_weekday(&["DTSTART;VALUE=DATE:20260525\nRRULE:FREQ=YEARLY;BYMONTH=5;BYDAY=-1MO;COUNT=2"], "2026-05-25 2027-05-31")]
#[case::an_exception(&["DTSTART;VALUE=DATE:20261225\nRRULE:FREQ=YEARLY;COUNT=3\nEXDATE;VALUE=DATE:20271225"], "2026-12-25 2028-12-25")]
#[case::an_exception_with_a_time(&["DTSTART;VALUE=DATE:20261225\nRRULE:FREQ=YEARLY;COUNT=2\nEXDATE:20271225T000000Z"], "2026-12-25")]
#[case::cancelled(&["DTSTART;VALUE=DATE:20261225", "DTSTART;VALUE=DATE:20261226\nSTATUS:CANCELLED"], "2026-12-25")]
#[case::a_leap_day(&["DTSTART;VALUE=DATE:20240229\nRRULE:FREQ=YEARLY;COUNT=2"], "2024-02-29 2028-02-29")]
fn days_of_a_file(#[case] events: &[&str], #[case] days: &str) {
    assert_eq!(told(events), days);
}

#[test]
fn what_repeats_for_ever_is_known_from_1990_to_2100() {
    let days = of_file(&file(&["DTSTART;VALUE=DATE:19701225\nRRULE:FREQ=YEARLY"])).unwrap();
    assert_eq!((days.len(), days[0], *days.last().unwrap()), (111, date("1990-12-25"), date("2100-12-25")));
}

#[test]
fn a_file_as_governments_publish_it() {
    let text = "\u{feff}BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:PUBLISH\r\nPRODID:-//uk.gov/GOVUK calendars//EN\r\nCALSCALE:GREGORIAN\r\nBEGIN:VEVENT\r\nDTEND;VALUE=DATE:20270102\r\nDTSTART;VALUE=DATE:20270101\r\nSUMMARY:New Year’s Day\r\nUID:ca6af7456b0088abad9a69f9f620f5ac-0@gov.uk\r\nSEQUENCE:0\r\nDTSTAMP:20240301T094213Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    assert_eq!(of_file(text), Ok(vec![date("2027-01-01")]));
}

#[rstest]
#[case::a_time(&["SUMMARY:Lunch\nDTSTART:20261225T120000"], "its event `Lunch` has a time of day, but holidays are whole days; write `DTSTART;VALUE=DATE:20261225`")]
#[case::no_start(&["SUMMARY:Lunch"], "its event `Lunch` has no start; add `DTSTART`")]
#[case::no_date(&["DTSTART:20261225", "SUMMARY:Boxing Day\nDTSTART:20261232"], "its event `Boxing Day` has `20261232` in `DTSTART`, which is no date or time")]
#[case::unnamed(&["DTSTART:20261225", "DTSTART:tomorrow"], "its event `number 2` has `tomorrow`")]
#[case::too_long(&["UID:x\nDTSTART:20261225\nDTEND:20290101"], "its event `x` lasts 738 days; it may last from 1 to 366")]
#[case::backwards(&["UID:x\nDTSTART:20261225\nDTEND:20261224"], "lasts -1 days")]
#[case::too_often(&["UID:x\nDTSTART:20261225\nRRULE:FREQ=HOURLY"], "its event `x` repeats too often")]
#[case::too_many(&["UID:x\nDTSTART:19900101\nDTEND:19910101\nRRULE:FREQ=DAILY"], "it names more than 50000 days")]
#[case::half_a_day(&["UID:x\nDTSTART:20261225\nDURATION:PT12H"], "lasts `PT12H`, which is no number of whole days or weeks")]
#[case::empty(&[], "it has no events")]
fn what_cannot_be_used_is_named(#[case] events: &[&str], #[case] says: &str) {
    let refused = of_file(&file(events)).unwrap_err();
    assert!(refused.contains(says), "{refused}");
}

#[rstest]
#[case("", "it cannot be read as iCalendar")]
#[case("{}", "it cannot be read as iCalendar")]
#[case("BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20261225\nEND:VCALENDAR\n", "it cannot be read as iCalendar")]
#[case("BEGIN:VEVENT\nDTSTART:20261225\nEND:VEVENT\n", "it is no calendar")]
fn what_is_no_calendar_is_refused(#[case] text: &str, #[case] says: &str) {
    let refused = of_file(text).unwrap_err();
    assert!(refused.contains(says), "{refused}");
}

#[test]
fn components_inside_each_other_without_end_do_not_end_the_process() {
    let refused = of_file(&"BEGIN:A\n".repeat(100_000)).unwrap_err();
    assert_eq!(refused, "its components stand too deep inside each other");
    let refused = of_file(&"BEGIN:A\n".repeat(200_000)).unwrap_err();
    assert!(refused.contains("it may have"), "{refused}");
}

#[test]
fn days_of_a_country() {
    let germany = of_country("DE").unwrap();
    assert!(germany.is_sorted() && germany.contains(&date("2026-10-03")) && !germany.contains(&date("2026-10-31")));
    // Only what all of a country has.
    let britain = of_country("GB").unwrap();
    assert!(britain.contains(&date("2026-12-25")) && !britain.contains(&date("2026-01-01")));
    assert_eq!((of_country("XX"), of_country("de"), of_country("")), (None, None, None));
}

proptest! {
    #[test]
    fn no_file_is_beyond_reading(lines in proptest::collection::vec(
        prop_oneof![
            "(DTSTART|DTEND|RDATE|EXDATE|RECURRENCE-ID)(;VALUE=DATE|;TZID=[A-Z]{0,3})?:[0-9TZ]{0,16}",
            "RRULE:FREQ=(YEARLY|DAILY|X)(;[A-Z]{2,8}=[0-9A-Z,-]{0,6}){0,2}",
            "(BEGIN|END):(VEVENT|VALARM|VCALENDAR)",
            "[ -~]{0,30}",
        ],
        0..12,
    )) {
        let _ = of_file(&lines.join("\n"));
        let _ = of_file(&file(&[&lines.join("\r\n")]));
    }
}
