//! When a length of time ends that runs in open hours, and when it must begin to end in time.

use chrono::{DateTime, Duration, NaiveDate, Utc};

use super::line::{self, DAY, Dial, Line};
use super::open::{Parts, seconds};
use super::{Hours, NEVER};
use crate::policy::length::Length;

/// How far ahead or back an end is looked for. Ten thousand hours, the most that a policy can say, take 200 years
/// of less than an hour a week.
const HORIZON: i64 = 200 * 366 * DAY;

impl Hours {
    /// When a length of time ends that begins at `from`; [`NEVER`] where they do not open for so long any more.
    ///
    /// Business hours are the time that passes while they are open, by any clock: an hour that comes twice counts
    /// twice. They may end at the very instant at which hours close. Business days end on the n-th date after that
    /// of the start on which they open, when clocks show what they showed at the start, moved into open hours:
    /// forward to the next opening of that date, or back to its last closing. A time after midnight that belongs
    /// to hours of the day before counts as that day's. A start while they are closed counts as the next opening.
    #[must_use]
    pub fn after(&self, from: DateTime<Utc>, length: Length, holidays: &[NaiveDate]) -> DateTime<Utc> {
        let end = match length {
            Length::Seconds(seconds) => {
                Duration::try_seconds(seconds).and_then(|length| from.checked_add_signed(length))
            }
            Length::BusinessHours(hours) => self.hours_after(from, hours, holidays),
            Length::BusinessDays(days) => self.days_after(from, days, holidays),
        };
        end.map_or(NEVER, |end| end.min(NEVER))
    }

    /// The last instant from which a length of time ends no later than `to`; for business days, the mirror image:
    /// the same clock time on the n-th open date before that of the last open instant.
    #[must_use]
    pub fn before(&self, to: DateTime<Utc>, length: Length, holidays: &[NaiveDate]) -> DateTime<Utc> {
        let start = match length {
            Length::Seconds(seconds) => Duration::try_seconds(seconds).and_then(|length| to.checked_sub_signed(length)),
            Length::BusinessHours(_) => self.hours_before(to, length, holidays),
            Length::BusinessDays(days) => self.days_before(to, days, holidays),
        };
        start.unwrap_or(DateTime::<Utc>::UNIX_EPOCH)
    }

    fn hours_after(&self, from: DateTime<Utc>, hours: u32, holidays: &[NaiveDate]) -> Option<DateTime<Utc>> {
        let begin = self.next_opening(from, holidays)?;
        // Part of a second is carried along.
        let rest = Duration::nanoseconds(i64::from(begin.timestamp_subsec_nanos()));
        let mut left = i64::from(hours) * 3600;
        for piece in Line::from(begin, self.zone).take_while(|piece| piece.from < begin.timestamp() + HORIZON) {
            for part in Parts::of(self, piece, holidays).filter(|part| part.open) {
                let length = part.to - part.from;
                // Where a part of a second is left over, the end may not be the closing itself.
                if left < length || (left == length && rest.is_zero()) {
                    return Some(DateTime::from_timestamp(part.from + left, 0)? + rest);
                }
                left -= length;
            }
        }
        None
    }

    /// Found by halving: what ends by `to` depends on its start in one direction only.
    fn hours_before(&self, to: DateTime<Utc>, length: Length, holidays: &[NaiveDate]) -> Option<DateTime<Utc>> {
        let ends = |start: i64| {
            DateTime::from_timestamp(start, 0).is_some_and(|start| self.after(start, length, holidays) <= to)
        };
        let at = to.timestamp();
        let mut back = 7 * DAY;
        while !ends(at - back) {
            back *= 2;
            if back > HORIZON {
                return None;
            }
        }
        let (mut early, mut late) = (at - back, at + 1);
        while late - early > 1 {
            let middle = i64::midpoint(early, late);
            if ends(middle) {
                early = middle;
            } else {
                late = middle;
            }
        }
        DateTime::from_timestamp(early, 0)
    }

    fn days_after(&self, from: DateTime<Utc>, days: u32, holidays: &[NaiveDate]) -> Option<DateTime<Utc>> {
        let begin = self.next_opening(from, holidays)?;
        let (date, clock) = line::local(begin, self.zone)?;
        let (date, clock) = if clock < self.spill(date, holidays) { (date - 1, clock + DAY) } else { (date, clock) };
        let mut dates = self.open_dates(date + 1..date + HORIZON / DAY, holidays);
        let (end, exact) = self.moved(dates.nth(nth(days)?)?, clock, holidays)?;
        let rest = if exact { begin.timestamp_subsec_nanos() } else { 0 };
        Some(end + Duration::nanoseconds(i64::from(rest)))
    }

    fn days_before(&self, to: DateTime<Utc>, days: u32, holidays: &[NaiveDate]) -> Option<DateTime<Utc>> {
        let (date, clock) = self.last_open(to, holidays)?;
        let mut dates = self.open_dates((date - HORIZON / DAY..date).rev(), holidays);
        self.moved(dates.nth(nth(days)?)?, clock, holidays).map(|(start, _)| start)
    }

    /// The date to which the hours belong that were open last by an instant, and the clock then or at their closing.
    fn last_open(&self, by: DateTime<Utc>, holidays: &[NaiveDate]) -> Option<(i64, i64)> {
        let (date, clock) = line::local(by, self.zone)?;
        if clock < self.spill(date, holidays) {
            return Some((date - 1, clock + DAY));
        }
        (date - HORIZON / DAY..=date).rev().find_map(|day| {
            let clock = clock + (date - day) * DAY;
            let dial = Dial::of(day, self.zone);
            let (_, end) = self.stretches(dial, holidays).filter(|(from, _)| *from <= clock).last()?;
            Some((day, clock.min(end)))
        })
    }

    /// Those of some dates that have hours of their own.
    fn open_dates(&self, dates: impl Iterator<Item = i64>, holidays: &[NaiveDate]) -> impl Iterator<Item = i64> {
        let mut dial: Option<Dial> = None;
        dates.filter(move |day| {
            let turned = dial.map_or_else(|| Dial::of(*day, self.zone), |dial| dial.on(*day));
            dial = Some(turned);
            self.stretches(turned, holidays).next().is_some()
        })
    }

    /// The stretches of a date that the day before leaves to it and in which clocks show any time at all.
    fn stretches(&self, dial: Dial, holidays: &[NaiveDate]) -> impl Iterator<Item = (i64, i64)> {
        let spill = self.spill(dial.day, holidays);
        let stretches = self.of_day(dial.day, holidays).iter();
        let stretches = stretches.map(move |(from, to)| (seconds(*from).max(spill), seconds(*to)));
        stretches.filter(move |(from, to)| dial.shows(*from, *to))
    }

    /// A clock time of a date moved into its open hours, and whether it was there; `None` where it has none.
    fn moved(&self, day: i64, clock: i64, holidays: &[NaiveDate]) -> Option<(DateTime<Utc>, bool)> {
        let dial = Dial::of(day, self.zone);
        let mut closing = None;
        for (from, to) in self.stretches(dial, holidays) {
            let end = dial.closing(to)?;
            if clock < to {
                let at = dial.first(clock.max(from))?;
                // Of a stretch that ends within a gap, what the clocks skip is not there.
                if at < end {
                    return Some((at, from <= clock));
                }
            }
            closing = Some((end, false));
        }
        closing
    }
}

/// The index of the n-th of something.
fn nth(n: u32) -> Option<usize> {
    usize::try_from(n.saturating_sub(1)).ok()
}
