//! When something happens again and again, by the rules of RFC 5545.
//!
//! Rules run on what the clocks of their zone show, as the standard has it, and each time is made an instant
//! afterwards: in an hour that comes twice the first, in one that is skipped by the offset before it.

use std::borrow::Cow;

use chrono::{DateTime, Duration, NaiveDateTime, TimeZone as _, Utc};
use chrono_tz::Tz;
use rrule::{Frequency, RRule, RRuleSet, Unvalidated};

use super::events::{self, Event, Written};
use super::line;
use crate::model::notable;

/// How many times ahead are looked at for one that fits.
pub const AHEAD: usize = 5_000;

/// How many times a rule may have from its first one on to the last that is asked for. Daily ones of a century.
pub const MOST: usize = 40_000;

/// How many times a day something may happen.
pub const OFTENEST: usize = 24;

/// A meeting of the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meeting {
    /// When it begins.
    pub at: DateTime<Utc>,
    /// Until when its agenda is open, that instant included.
    pub cutoff: DateTime<Utc>,
}

/// Times that repeat by a rule, on the clocks of a zone.
#[derive(Clone, Debug)]
pub struct Recurrence {
    zone: Tz,
    /// Clock times, as if they were UTC.
    set: RRuleSet,
}

impl Recurrence {
    /// Reads a rule: a line `DTSTART` with the first time, then `RRULE`, and `RDATE` and `EXDATE` where needed. A
    /// time without a zone is by the clocks of `zone`.
    pub fn parse(text: &str, zone: Tz) -> Result<Self, String> {
        // In single quotes YAML leaves `\n` as it is.
        let text = if text.contains('\n') { text.to_owned() } else { text.replace("\\n", "\n") };
        if !text.to_ascii_uppercase().contains("DTSTART") {
            return Err(
                "says no start; write it as `DTSTART;TZID=Europe/London:20260106T140000\\nRRULE:FREQ=WEEKLY;BYDAY=TU`"
                    .to_owned(),
            );
        }
        let event = events::lines(&text, zone)?;
        if event.rule.is_none() && event.also.is_empty() {
            return Err("says no rule; add one, as `RRULE:FREQ=WEEKLY;BYDAY=TU`".to_owned());
        }
        Self::timed(&event)
    }

    /// Reads the events of an iCalendar file.
    pub fn file(text: &str, zone: Tz) -> Result<Vec<Self>, String> {
        let events = events::read(text, zone)?;
        if events.is_empty() {
            return Err("it has no events".to_owned());
        }
        let named = |event: &Event| Self::timed(event).map_err(|why| format!("its event `{}` {why}", event.name));
        events.iter().map(named).collect()
    }

    fn timed(event: &Event) -> Result<Self, String> {
        let Written::Clock(_, zone) = event.start else {
            return Err("begins on a date; say at which time, as `20260106T140000`".to_owned());
        };
        let recurrence = Self::of(event, zone)?;
        if recurrence.set.into_iter().next().is_none() {
            return Err("never takes place; look at its `UNTIL`, `BYMONTHDAY` and `EXDATE`".to_owned());
        }
        Ok(recurrence)
    }

    /// The times of an event, on the clocks of a zone.
    pub(super) fn of(event: &Event, zone: Tz) -> Result<Self, String> {
        let start = event.start.clock(zone);
        // What is left out or added by its date alone is meant at the usual time, and the date of a time is what
        // counts where whole days repeat.
        let aligned = |at: &Written| match (event.start, at) {
            (Written::Clock(..), Written::Clock(..)) => floating(at.clock(zone)),
            (_, Written::Day(day)) => floating(day.and_time(start.time())),
            (_, Written::Clock(clock, _)) => floating(clock.date().and_time(start.time())),
        };
        let mut set = RRuleSet::new(floating(start)).limit();
        match &event.rule {
            Some(rule) => set = set.rrule(validated(rule, start, zone)?),
            None => set = set.rdate(floating(start)),
        }
        set = event.also.iter().fold(set, |set, at| set.rdate(aligned(at)));
        set = event.except.iter().fold(set, |set, at| set.exdate(aligned(at)));
        Ok(Self { zone, set })
    }

    /// The instants from `at` on, in their order, at most some thousands of them.
    pub fn from(&self, at: DateTime<Utc>) -> impl Iterator<Item = DateTime<Utc>> {
        // A gap may put an instant as far from its clock time as it is long.
        let clock = line::clock(at, self.zone).checked_sub_signed(Duration::days(2)).unwrap_or(NaiveDateTime::MIN);
        let zone = self.zone;
        let instants = self.clocks(clock).map(move |clock| line::scheduled(clock, zone));
        instants.skip_while(move |instant| *instant < at).take(AHEAD)
    }

    /// The clock times from one on, in their order.
    pub(super) fn clocks(&self, from: NaiveDateTime) -> impl Iterator<Item = NaiveDateTime> + use<> {
        let found = self.sought(from).into_iter().map(|at| at.naive_utc());
        found.take(MOST).skip_while(move |clock| *clock < from)
    }

    /// The same times, begun shortly before a clock time: rules are run from their start, and one that began years
    /// ago would take its time. Where occurrences are counted, all of them are needed.
    fn sought(&self, from: NaiveDateTime) -> Cow<'_, RRuleSet> {
        let whole = Cow::Borrowed(&self.set);
        let [rule] = self.set.get_rrule().as_slice() else { return whole };
        let days = match rule.get_freq() {
            Frequency::Daily => 1,
            Frequency::Weekly => 7,
            _ => return whole,
        };
        let every = days * i64::from(rule.get_interval()).max(1);
        let start = self.set.get_dt_start().naive_utc();
        let passed = (from - start).num_days() / every - 2;
        if passed <= 0 || rule.get_count().is_some() {
            return whole;
        }
        let Some(start) = start.checked_add_signed(Duration::days(passed * every)) else { return whole };
        let set = RRuleSet::new(floating(start)).limit().set_rrules(vec![rule.clone()]);
        Cow::Owned(set.set_rdates(self.set.get_rdate().clone()).set_exdates(self.set.get_exdate().clone()))
    }
}

/// A clock time as if it were in UTC.
fn floating(clock: NaiveDateTime) -> DateTime<rrule::Tz> {
    rrule::Tz::UTC.from_utc_datetime(&clock)
}

/// A rule that can be run: its `UNTIL` by the clocks of the zone, and no more than daily by its kind.
fn validated(rule: &str, start: NaiveDateTime, zone: Tz) -> Result<RRule, String> {
    let told = notable::shortened(rule, 80);
    let mut parts = Vec::new();
    let mut a_day = 1;
    for part in rule.split(';').map(str::trim).filter(|part| !part.is_empty()) {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        match (key.to_ascii_uppercase().as_str(), value.to_ascii_uppercase().as_str()) {
            ("FREQ", "HOURLY" | "MINUTELY" | "SECONDLY") => {
                return Err(format!("repeats too often in `{told}`; it may do so daily, weekly, monthly or yearly"));
            }
            ("UNTIL", _) => {
                let until = match events::stamp(value, zone) {
                    Some(Written::Day(day)) => day.and_hms_opt(23, 59, 59),
                    Some(at) => Some(at.clock(zone)),
                    None => None,
                };
                let until = until.ok_or_else(|| format!("has an `UNTIL` in `{told}` that is no date or time"))?;
                parts.push(format!("UNTIL={}Z", until.format("%Y%m%dT%H%M%S")));
            }
            (key, _) => {
                if matches!(key, "BYHOUR" | "BYMINUTE" | "BYSECOND") {
                    a_day *= value.split(',').count();
                }
                parts.push(part.to_owned());
            }
        }
    }
    if a_day > OFTENEST {
        return Err(format!("repeats {a_day} times a day in `{told}`; it may do so {OFTENEST} times"));
    }
    let unusable = |error: rrule::RRuleError| format!("has a rule that cannot be used, `{told}`: {error}");
    let rule: RRule<Unvalidated> = parts.join(";").parse().map_err(unusable)?;
    rule.validate(floating(start)).map_err(unusable)
}
