//! The calendar of a policy: hours, holidays, closed hours, freezes, peaks and the meetings of the CAB.
//!
//! | file | what it does |
//! | --- | --- |
//! | [`hours`] | reads hours of the week as OpenStreetMap writes them |
//! | `line` | time as a clock on a wall shows it, in pieces on which it runs evenly |
//! | `open` | whether hours are open, and when that changes next |
//! | `due` | when a length of time ends, and when it must begin |
//! | [`meetings`] | rules of RFC 5545 |
//! | `events` | iCalendar files |
//! | [`holidays`] | days of a file or of a country |
//! | [`mod@read`] | the `calendar` section of a policy |
//!
//! Invariant: no clock is read here and no zone is the machine's own. Records keep instants in UTC, and
//! everything about days and hours is computed from them anew: a zone database that is newer than a record
//! changes what is computed, never what was recorded. [`zone_database`] says which one this is.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Offset as _, TimeDelta, TimeZone as _, Timelike as _, Utc};
use chrono_tz::Tz;

use super::length::Length;
use crate::model::stated::Stated;

mod due;
pub mod events;
pub mod holidays;
pub mod hours;
mod line;
pub mod meetings;
mod open;
pub mod read;

pub use meetings::{Meeting, Recurrence};
pub use read::{Reading, attachments, read, role_hours, zone};

/// An instant that no release lives to see: when a length of time ends in hours that never open. The last
/// second that RFC 3339 can write.
pub const NEVER: DateTime<Utc> = match DateTime::from_timestamp(253_402_300_799, 0) {
    Some(at) => at,
    None => DateTime::<Utc>::MAX_UTC,
};

/// The release of the IANA time zone database that is compiled in, such as `2025b`. It knows the changes of
/// clocks until 2100; after that every zone stays as it is then.
#[must_use]
pub fn zone_database() -> &'static str {
    chrono_tz::IANA_TZDB_VERSION
}

/// Hours of the week, in the OpenStreetMap notation: `Mo-Fr 09:00-17:30`, `24/7`.
#[derive(Clone, Debug)]
pub struct Hours {
    /// As written.
    pub written: String,
    /// Open stretches of each weekday, Monday first, in minutes from midnight, in their order and apart; the end
    /// is outside and may lie beyond 1440, on the next day, up to 2880. Such a stretch belongs to the day on which
    /// it begins: a holiday on that day closes all of it, one on the next day nothing of it.
    pub week: [Vec<(u32, u32)>; 7],
    /// The zone.
    pub zone: Tz,
    /// Whether holidays close them: business hours are closed on holidays, closed hours are not.
    pub holidays: bool,
}

/// When what stops.
#[derive(Clone, Debug)]
pub struct Closed {
    /// Its name.
    pub name: String,
    /// When.
    pub hours: Hours,
    /// Where; everywhere when empty.
    pub environments: Vec<String>,
    /// Whether approvals given then do not count.
    pub approval: bool,
    /// Whether deployments wait.
    pub deployment: bool,
    /// Where it stands.
    pub stated: Stated,
}

/// A time at which nothing goes.
#[derive(Clone, Debug)]
pub struct Freeze {
    /// Its name.
    pub name: String,
    /// From when.
    pub from: DateTime<Utc>,
    /// Until when; that instant is outside.
    pub to: DateTime<Utc>,
    /// Where; everywhere when empty.
    pub environments: Vec<String>,
    /// Classes and routes that go all the same.
    pub except: Vec<String>,
    /// The role that may let others go.
    pub exceptions_by: Option<String>,
    /// Where it stands.
    pub stated: Stated,
}

/// A time at which more is asked.
#[derive(Clone, Debug)]
pub struct Peak {
    /// Its name.
    pub name: String,
    /// From when.
    pub from: DateTime<Utc>,
    /// Until when; that instant is outside.
    pub to: DateTime<Utc>,
    /// How many steps of rigor.
    pub rigor: u32,
    /// Where it stands.
    pub stated: Stated,
}

/// When the change advisory board meets.
#[derive(Clone, Debug)]
pub struct Cab {
    /// The rule.
    pub meetings: Meetings,
    /// How long before a meeting its agenda closes.
    pub cutoff: Length,
    /// The role that chairs it.
    pub chair: Option<String>,
    /// How many of its members must be there.
    pub quorum: u32,
    /// Whether it may also decide outside of meetings, by a vote.
    pub votes: bool,
    /// Where it stands.
    pub stated: Stated,
}

/// When meetings are.
#[derive(Clone, Debug)]
pub enum Meetings {
    /// By rules of RFC 5545, written here or in an iCalendar file.
    Rules(Vec<Recurrence>),
    /// By a feed, which the facts bring.
    Feed(String),
}

/// The calendar.
#[derive(Clone, Debug)]
pub struct Calendar {
    /// The zone of every time that names none. UTC when left out; never the machine's own.
    pub zone: Tz,
    /// When business is done.
    pub business: Hours,
    /// Days on which it is not, in the zone; sorted, each once.
    pub holidays: Vec<NaiveDate>,
    /// Hours at which nothing goes.
    pub closed: Vec<Closed>,
    /// Times at which nothing goes.
    pub freezes: Vec<Freeze>,
    /// Times at which more is asked.
    pub peaks: Vec<Peak>,
    /// The CAB; `None` where it has no meetings.
    pub cab: Option<Cab>,
}

impl Default for Calendar {
    /// UTC, open Monday to Friday from 9 to 17:30, no holidays.
    fn default() -> Self {
        let day = vec![(9 * 60, 17 * 60 + 30)];
        let week = [day.clone(), day.clone(), day.clone(), day.clone(), day, Vec::new(), Vec::new()];
        Self {
            zone: Tz::UTC,
            business: Hours { written: "Mo-Fr 09:00-17:30".to_owned(), week, zone: Tz::UTC, holidays: true },
            holidays: Vec::new(),
            closed: Vec::new(),
            freezes: Vec::new(),
            peaks: Vec::new(),
            cab: None,
        }
    }
}

impl Calendar {
    /// When a length of time ends that begins at `from`, in business hours.
    #[must_use]
    pub fn due(&self, from: DateTime<Utc>, length: Length) -> DateTime<Utc> {
        self.business.after(from, length, &self.holidays)
    }

    /// The last instant from which a length of time ends no later than `to`, in business hours.
    #[must_use]
    pub fn start(&self, to: DateTime<Utc>, length: Length) -> DateTime<Utc> {
        self.business.before(to, length, &self.holidays)
    }
}

impl Cab {
    /// The first meeting from `now` on whose agenda was or is still open when `submitted` came. `feed` are the
    /// meetings that the facts bring, which count only where the policy names a feed.
    #[must_use]
    pub fn next_meeting(
        &self,
        submitted: DateTime<Utc>,
        feed: &[DateTime<Utc>],
        now: DateTime<Utc>,
        calendar: &Calendar,
    ) -> Option<Meeting> {
        let open = |at: DateTime<Utc>| {
            let cutoff = self.closes(at, calendar);
            (cutoff >= submitted).then_some(Meeting { at, cutoff })
        };
        match &self.meetings {
            Meetings::Rules(rules) => {
                let firsts = rules.iter().filter_map(|rule| rule.from(now.max(submitted)).find_map(open));
                firsts.min_by_key(|meeting| meeting.at)
            }
            Meetings::Feed(_) => {
                let ahead = feed.iter().copied().filter(|at| *at >= now);
                ahead.filter_map(open).min_by_key(|meeting| meeting.at)
            }
        }
    }

    /// When the agenda of a meeting closes: what is asked for later is not on it.
    #[must_use]
    pub fn closes(&self, meeting: DateTime<Utc>, calendar: &Calendar) -> DateTime<Utc> {
        calendar.start(meeting, self.cutoff)
    }

    /// Whether the board meets at exactly this instant.
    #[must_use]
    pub fn is_meeting(&self, at: DateTime<Utc>, feed: &[DateTime<Utc>]) -> bool {
        match &self.meetings {
            Meetings::Rules(rules) => rules.iter().any(|rule| rule.from(at).next() == Some(at)),
            Meetings::Feed(_) => feed.contains(&at),
        }
    }
}

/// The instant of a clock time in a zone. In the hour that a clock skips it is the first instant after it; of an
/// hour that comes twice, the first.
#[must_use]
pub fn instant(clock: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    line::first(clock, zone)
}

const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// An instant by a zone's clock. Next to the first and the last instant that there are, a clock would show what no date
/// can say; such an instant is taken for the nearest that it can show.
fn there(at: DateTime<Utc>, zone: Tz) -> DateTime<Tz> {
    let margin = TimeDelta::days(2);
    at.clamp(DateTime::<Utc>::MIN_UTC + margin, DateTime::<Utc>::MAX_UTC - margin).with_timezone(&zone)
}

/// An instant as people of a zone say it: `Tue 8 Dec 2026 14:00 Europe/London`. In an hour that comes twice, the
/// offset says which of them it is. Seconds are left out.
#[must_use]
pub fn told(at: DateTime<Utc>, zone: Tz) -> String {
    let local = there(at, zone);
    let clock = local.naive_local();
    let name = |names: &[&'static str], at: u32| names.get(at as usize).copied().unwrap_or_default();
    // Said in every explanation many times, and so put together by hand.
    let mut told = String::with_capacity(48);
    told.push_str(name(&WEEKDAYS, clock.weekday().num_days_from_monday()));
    told.push(' ');
    digits(&mut told, clock.day(), 1);
    told.push(' ');
    told.push_str(name(&MONTHS, clock.month0()));
    told.push(' ');
    match u32::try_from(clock.year()) {
        Ok(year) => digits(&mut told, year, 4),
        Err(_) => told.push_str(&clock.year().to_string()),
    }
    told.push(' ');
    digits(&mut told, clock.hour(), 2);
    told.push(':');
    digits(&mut told, clock.minute(), 2);
    told.push(' ');
    told.push_str(zone.name());
    if matches!(zone.from_local_datetime(&clock), chrono::LocalResult::Ambiguous(..)) {
        told.extend([" (", &local.offset().fix().to_string(), ")"]);
    }
    told
}

/// Writes a number with so many digits at least.
fn digits(text: &mut String, number: u32, least: usize) {
    if number >= 10 || least > 1 {
        digits(text, number / 10, least.saturating_sub(1));
    }
    text.extend(char::from_digit(number % 10, 10));
}
