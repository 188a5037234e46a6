//! The `calendar` section.

use chrono_tz::Tz;
use countersign::policy::calendar::{self, Calendar, Meetings, Reading, zone_database};
use countersign::policy::length::Length;
use countersign::policy::tree;
use rstest::rstest;

use super::{at, date};

const HOLIDAYS: &str =
    "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:Christmas Day\nDTSTART;VALUE=DATE:20261225\nEND:VEVENT\nEND:VCALENDAR\n";
const BROKEN: &str = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:Christmas Day\nDTSTART:2026\nEND:VEVENT\nEND:VCALENDAR\n";

/// The calendar, and each complaint as `line: code: words`.
fn read(text: &str) -> (Calendar, Vec<String>) {
    let node = tree::parse(text).unwrap();
    let attached = |path: &str| match path {
        "days.ics" => Some(HOLIDAYS),
        "broken.ics" => Some(BROKEN),
        _ => None,
    };
    let reading = Reading { layer: "repository", file: "policy.yml", zone: Tz::UTC, attached: &attached };
    let mut list = Vec::new();
    let calendar = calendar::read(Some(&node), &reading, &mut list);
    let told = list.iter().map(|found| format!("{}: {}: {}", found.span.line, found.code.word(), found.message));
    (calendar, told.collect())
}

#[test]
fn the_calendar_of_the_example() {
    let (calendar, complaints) = read(concat!(
        "timezone: Europe/London\n",
        "business_hours: Mo-Fr 09:00-17:30\n",
        "holidays: [\"file:days.ics\"]\n",
        "closed:\n",
        "  friday-daytime: { hours: \"Fr 08:00-17:00\", environments: [production], stops: [approval, deployment] }\n",
        "freeze:\n",
        "  year-end: { from: 2026-12-18T17:00, to: 2027-01-04T09:00, except: [emergency, recovery], exceptions_by: cto }\n",
        "peak:\n",
        "  holiday-season: { from: 2026-11-23, to: 2026-12-01, rigor: +1 }\n",
        "cab:\n",
        "  meetings: \"DTSTART;TZID=Europe/London:20260106T140000\\nRRULE:FREQ=WEEKLY;BYDAY=TU,TH\"\n",
        "  cutoff: 24h\n",
        "  chair: release-manager\n",
        "  quorum: 3\n",
    ));
    assert_eq!(complaints, Vec::<String>::new());
    assert_eq!((calendar.zone, calendar.business.zone), (Tz::Europe__London, Tz::Europe__London));
    assert_eq!(calendar.holidays, [date("2026-12-25")]);
    let closed = &calendar.closed[0];
    assert!(closed.approval && closed.deployment && !closed.hours.holidays && closed.environments == ["production"]);
    assert_eq!(
        (closed.name.as_str(), closed.stated.line, closed.stated.file.as_str()),
        ("friday-daytime", 5, "policy.yml")
    );
    let freeze = &calendar.freezes[0];
    assert_eq!((freeze.from, freeze.to), (at("2026-12-18T17:00:00Z"), at("2027-01-04T09:00:00Z")));
    assert_eq!(
        (freeze.except.as_slice(), freeze.exceptions_by.as_deref()),
        (["emergency".to_owned(), "recovery".to_owned()].as_slice(), Some("cto"))
    );
    let peak = &calendar.peaks[0];
    assert_eq!((peak.from, peak.to, peak.rigor), (at("2026-11-23T00:00:00Z"), at("2026-12-01T00:00:00Z"), 1));
    let cab = calendar.cab.as_ref().unwrap();
    assert_eq!(
        (cab.cutoff, cab.chair.as_deref(), cab.quorum, cab.votes),
        (Length::Seconds(86_400), Some("release-manager"), 3, false)
    );
    assert!(cab.is_meeting(at("2026-12-08T14:00:00Z"), &[]));
}

#[test]
fn what_is_left_out_has_safe_values() {
    let (calendar, complaints) = read(
        "closed: { nights: { hours: \"22:00-06:00\" } }\npeak: { sale: { from: 2026-11-23, to: 2026-12-01 } }\ncab: { meetings: \"feed:https://acme.example/cab.ics\" }\n",
    );
    assert_eq!(complaints, Vec::<String>::new());
    assert_eq!((calendar.zone, calendar.business.written.as_str()), (Tz::UTC, "Mo-Fr 09:00-17:30"));
    assert!(calendar.closed[0].approval && calendar.closed[0].deployment && calendar.closed[0].environments.is_empty());
    assert_eq!(calendar.peaks[0].rigor, 1);
    let cab = calendar.cab.unwrap();
    assert!(matches!(cab.meetings, Meetings::Feed(feed) if feed == "https://acme.example/cab.ics"));
    assert_eq!((cab.cutoff, cab.quorum, cab.votes), (Length::Seconds(0), 1, false));
}

#[test]
fn dates_are_midnights_of_the_zone() {
    let (calendar, _) = read(
        "timezone: America/New_York\nfreeze: { sale: { from: 2026-11-27, to: 2026-11-28 }, abroad: { from: 2026-11-27T00:00:00Z, to: 2026-11-28 } }\n",
    );
    assert_eq!(
        (calendar.freezes[0].from, calendar.freezes[0].to),
        (at("2026-11-27T05:00:00Z"), at("2026-11-28T05:00:00Z"))
    );
    assert_eq!(calendar.freezes[1].from, at("2026-11-27T00:00:00Z"));
}

#[rstest]
#[case::zone(
    "timezone: Europe/Lodnon\n",
    "1: bad-calendar: there is no time zone `Europe/Lodnon`; did you mean `Europe/London`?"
)]
#[case::city("timezone: london\n", "1: bad-calendar: there is no time zone `london`; did you mean `Europe/London`?")]
#[case::case(
    "timezone: europe/london\n",
    "1: bad-calendar: there is no time zone `europe/london`; did you mean `Europe/London`?"
)]
#[case::machine(
    "timezone: Local\n",
    "1: bad-calendar: there is no time zone `Local`; zones have names such as `Europe/London`"
)]
#[case::hours("\nbusiness_hours: Dec 25 off\n", "2: bad-calendar: `Dec 25 off` names dates")]
#[case::closed("closed: { a: { hours: sunset-sunrise } }\n", "1: bad-calendar: `sunset-sunrise` speaks of the sun")]
#[case::not_given(
    "holidays: [\"file:other.ics\"]\n",
    "1: bad-calendar: `other.ics` was not given together with the policy"
)]
#[case::broken(
    "holidays:\n  - \"file:days.ics\"\n  - \"file:broken.ics\"\n",
    "3: bad-calendar: `broken.ics` cannot be used: its event `Christmas Day` has `2026` in `DTSTART`, which is no date or time"
)]
#[case::country(
    "holidays: XX\n",
    "1: bad-calendar: the holidays of `XX` are not known; give an iCalendar file, as `file:holidays.ics`"
)]
#[case::lower("holidays: de\n", "1: bad-calendar: there is no country `de`; did you mean `DE`?")]
#[case::uk("holidays: UK\n", "1: bad-calendar: there is no country `UK`; did you mean `GB`?")]
#[case::unmarked(
    "holidays: days.ics\n",
    "1: bad-calendar: the holidays of `days.ics` are not known; did you mean `file:days.ics`?"
)]
#[case::no_effect(
    "business_hours: 24/7\nholidays: DE\n",
    "2: no-effect: holidays do not close `24/7`; write `24/7; PH off` if they should"
)]
#[case::freeze(
    "freeze: { a: { from: 2026-12-18, to: 2026-12-18 } }\n",
    "1: bad-calendar: a freeze ends after it begins; `to` is outside"
)]
#[case::peak("peak: { a: { from: 2026-12-18, to: 2026-12-01 } }\n", "1: bad-calendar: a peak ends after it begins")]
#[case::rigor(
    "peak: { a: { from: 2026-12-01, to: 2026-12-18, rigor: -1 } }\n",
    "1: bad-calendar: `rigor` is a whole number from 1, not -1"
)]
#[case::quorum(
    "cab: { meetings: \"feed:https://a.example\", quorum: 0 }\n",
    "1: bad-calendar: `quorum` is a whole number from 1, not 0"
)]
#[case::feed(
    "cab: { meetings: \"feed:http://a.example\" }\n",
    "1: bad-calendar: a feed has an address with `https://`, not `http://a.example`"
)]
#[case::rule("cab: { meetings: \"every Tuesday\" }\n", "1: bad-calendar: the rule of the meetings says no start")]
#[case::meetings(
    "cab: { meetings: \"file:days.ics\" }\n",
    "1: bad-calendar: `days.ics` cannot be used: its event `Christmas Day` begins on a date; say at which time"
)]
fn complaints_stand_at_their_place(#[case] text: &str, #[case] says: &str) {
    let (_, complaints) = read(text);
    assert_eq!(complaints.len(), 1, "{complaints:?}");
    assert!(complaints[0].starts_with(says), "{}", complaints[0]);
}

#[test]
fn roles_have_hours_of_their_own() {
    let read = |text: &str| {
        let mut list = Vec::new();
        let hours = calendar::role_hours(&tree::parse(text).unwrap(), Tz::Europe__London, &mut list);
        (hours.map(|hours| (hours.written, hours.zone, hours.holidays)), list.len())
    };
    assert_eq!(read("hours: 24/7\n"), (Some(("24/7".to_owned(), Tz::Europe__London, false)), 0));
    assert_eq!(
        read("timezone: Asia/Kathmandu\n"),
        (Some(("Mo-Fr 09:00-17:30".to_owned(), Tz::Asia__Kathmandu, true)), 0)
    );
    assert_eq!(read("hours: whenever\n"), (None, 1));
}

#[test]
fn files_that_are_named_are_known_before_they_are_read() {
    let node = tree::parse("holidays: [DE, \"file:a.ics\"]\ncab: { meetings: \"file:b.ics\" }\n").unwrap();
    let named: Vec<_> = calendar::attachments(&node).into_iter().map(|(path, span)| (path, span.line)).collect();
    assert_eq!(named, [("a.ics", 1), ("b.ics", 2)]);
}

#[test]
fn the_zone_database_is_named() {
    assert!(zone_database().starts_with("20") && zone_database().len() == 5);
}
