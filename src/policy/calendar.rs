//! The calendar of a policy: hours, holidays, closed hours, freezes, peaks and the meetings of the CAB.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use chrono_tz::Tz;

use super::length::Length;
use crate::model::stated::Stated;

/// Hours of the week, in the OpenStreetMap notation: `Mo-Fr 09:00-17:30`, `24/7`.
#[derive(Clone, Debug)]
pub struct Hours {
    /// As written.
    pub written: String,
    /// Open stretches of each weekday, Monday first, in minutes from midnight; the end is outside and may lie
    /// beyond 1440, on the next day.
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
    /// By a rule of RFC 5545.
    Rule(Box<rrule::RRuleSet>),
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

/// The instant of a clock time in a zone. In the hour that a clock skips it is the first instant after it; of an
/// hour that comes twice, the first.
#[must_use]
pub fn instant(clock: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    use chrono::{Duration, LocalResult, TimeZone as _};
    let mut at = clock;
    // No zone ever skipped more than a day and a half.
    for _ in 0..=36 * 4 {
        match zone.from_local_datetime(&at) {
            LocalResult::Single(found) | LocalResult::Ambiguous(found, _) => return found.to_utc(),
            LocalResult::None => at += Duration::minutes(15),
        }
    }
    clock.and_utc()
}
