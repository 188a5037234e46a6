//! Days on which no business is done: of an iCalendar file, or of a country.
//!
//! Countries come from the database of the `opening-hours` crate: the public holidays from 2000 to 2076 of some
//! hundred countries, and of each only those that all of it has. `GB` therefore lacks England's own, and New
//! Year's Day, which Scotland observes differently: such a calendar is a file.

use chrono::{Datelike as _, Days, NaiveDate, NaiveDateTime};
use chrono_tz::Tz;
use opening_hours::localization::Country;

use super::events::{self, Event, Written};
use super::meetings::Recurrence;

/// The first and the last year for which what repeats is looked up.
const YEARS: (i32, i32) = (1990, 2100);

/// How many days a file may name.
pub const MOST: usize = 50_000;

/// How many days one of them may last.
pub const LONGEST: i64 = 366;

/// The days of an iCalendar file, sorted, each once: all-day events, with their length and rules.
pub fn of_file(text: &str) -> Result<Vec<NaiveDate>, String> {
    let events = events::read(text, Tz::UTC)?;
    if events.is_empty() {
        return Err("it has no events".to_owned());
    }
    let mut days = Vec::new();
    for event in &events {
        of_event(event, &mut days).map_err(|why| format!("its event `{}` {why}", event.name))?;
        if days.len() > MOST {
            return Err(format!("it names more than {MOST} days"));
        }
    }
    days.sort_unstable();
    days.dedup();
    Ok(days)
}

fn of_event(event: &Event, days: &mut Vec<NaiveDate>) -> Result<(), String> {
    let timed = "has a time of day, but holidays are whole days; write `DTSTART;VALUE=DATE:20261225`";
    let Written::Day(start) = event.start else { return Err(timed.to_owned()) };
    let length = match event.end {
        Some(Written::Clock(..)) => return Err(timed.to_owned()),
        Some(Written::Day(end)) => (end - start).num_days(),
        None => 1,
    };
    // Some programs write the same day where the day after is meant.
    if !(0..=LONGEST).contains(&length) {
        return Err(format!("lasts {length} days; it may last from 1 to {LONGEST}"));
    }
    let year = |year: i32| NaiveDate::from_ymd_opt(year, 1, 1).unwrap_or_default();
    let first = if event.rule.is_some() { year(YEARS.0) } else { NaiveDate::MIN };
    let recurrence = Recurrence::of(event, Tz::UTC)?;
    let clocks = recurrence.clocks(NaiveDateTime::from(first).max(NaiveDateTime::from(NaiveDate::MIN)));
    for day in clocks.map(|clock| clock.date()).take_while(|day| day.year() <= YEARS.1) {
        for later in 0..u64::try_from(length.max(1)).unwrap_or(1) {
            days.extend(day.checked_add_days(Days::new(later)));
        }
        if days.len() > MOST {
            break;
        }
    }
    Ok(())
}

/// The public holidays that all of a country has, sorted, by its code of ISO 3166, as `DE`; `None` where they are
/// not known.
#[must_use]
pub fn of_country(code: &str) -> Option<Vec<NaiveDate>> {
    let country: Country = code.parse().ok()?;
    let days: Vec<NaiveDate> = country.holidays().get_public().iter().collect();
    (!days.is_empty()).then_some(days)
}
