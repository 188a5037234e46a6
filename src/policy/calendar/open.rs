//! Whether hours are open at an instant, and when that changes.
//!
//! What the clocks of the zone show is all that counts. So both passes of an hour that comes twice are open where
//! that hour is, nothing is open in one that is skipped, and a day that a zone leaves out has no hours.

use chrono::{DateTime, NaiveDate, Utc};

use super::Hours;
use super::line::{self, DAY, Line, Piece};

/// How long hours can stay as they are after the last holiday and still change: every week is like the other
/// then, and a clock is put on in one of them at most.
const SETTLED: i64 = 60 * DAY;

impl Hours {
    /// Whether they are open at an instant. `holidays` are in order, each once.
    #[must_use]
    pub fn is_open(&self, at: DateTime<Utc>, holidays: &[NaiveDate]) -> bool {
        line::local(at, self.zone).is_some_and(|(day, clock)| self.covers(day, clock, holidays))
    }

    /// The first instant after `at` from which they are open where they were not, or closed where they were open;
    /// `None` where they stay as they are.
    #[must_use]
    pub fn next_change(&self, at: DateTime<Utc>, holidays: &[NaiveDate]) -> Option<DateTime<Utc>> {
        if self.never_open() || (self.always_open() && !self.holidays) {
            return None;
        }
        let settled = self.settled(at, holidays);
        let mut open = None;
        for piece in Line::from(at, self.zone).take_while(|piece| piece.from <= settled) {
            for part in Parts::of(self, piece, holidays) {
                let open = *open.get_or_insert(part.open);
                if part.open != open {
                    return DateTime::from_timestamp(part.from, 0);
                }
            }
        }
        None
    }

    /// The first instant from `at` on at which they are open: `at` itself where they are; `None` where they do not
    /// open any more.
    #[must_use]
    pub fn next_opening(&self, at: DateTime<Utc>, holidays: &[NaiveDate]) -> Option<DateTime<Utc>> {
        if self.is_open(at, holidays) { Some(at) } else { self.next_change(at, holidays) }
    }

    /// Whether no day of the week has any.
    #[must_use]
    pub fn never_open(&self) -> bool {
        self.week.iter().all(Vec::is_empty)
    }

    /// Whether every day of the week is open from midnight to midnight.
    #[must_use]
    pub fn always_open(&self) -> bool {
        self.week.iter().all(|day| day.first().is_some_and(|(from, to)| *from == 0 && *to >= 1440))
    }

    fn settled(&self, at: DateTime<Utc>, holidays: &[NaiveDate]) -> i64 {
        let last = holidays.last().filter(|_| self.holidays).map_or(0, |last| i64::from(last.to_epoch_days()) * DAY);
        at.timestamp().max(last) + SETTLED
    }

    /// The stretches that begin on a date, in minutes from its midnight.
    pub(super) fn of_day(&self, day: i64, holidays: &[NaiveDate]) -> &[(u32, u32)] {
        // 1 January 1970 was a Thursday.
        let weekday = usize::try_from((day + 3).rem_euclid(7)).unwrap_or_default();
        match self.week.get(weekday) {
            Some(stretches) if stretches.is_empty() || !self.closes(day, holidays) => stretches,
            _ => &[],
        }
    }

    /// Whether a date is a holiday on which they are closed.
    fn closes(&self, day: i64, holidays: &[NaiveDate]) -> bool {
        self.holidays
            && !holidays.is_empty()
            && i32::try_from(day)
                .ok()
                .and_then(NaiveDate::from_epoch_days)
                .is_some_and(|date| holidays.binary_search(&date).is_ok())
    }

    /// The second of a date until which the stretches of the day before reach into it, from 0.
    pub(super) fn spill(&self, day: i64, holidays: &[NaiveDate]) -> i64 {
        let ends = self.of_day(day - 1, holidays).iter().map(|(_, to)| seconds(*to) - DAY);
        ends.max().unwrap_or(0).max(0)
    }

    fn covers(&self, day: i64, clock: i64, holidays: &[NaiveDate]) -> bool {
        let within = |stretches: &[(u32, u32)], clock: i64| {
            stretches.iter().any(|(from, to)| (seconds(*from)..seconds(*to)).contains(&clock))
        };
        within(self.of_day(day, holidays), clock) || within(self.of_day(day - 1, holidays), clock + DAY)
    }
}

/// Minutes as seconds.
pub(super) fn seconds(minutes: u32) -> i64 {
    i64::from(minutes) * 60
}

/// A part of a piece of time that is open or closed as a whole. The part that follows may be so too.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) open: bool,
}

/// The parts of a piece, in their order.
pub(super) struct Parts<'h> {
    /// The stretches that begin on its date, and those that began the day before.
    stretches: [(&'h [(u32, u32)], i64); 2],
    piece: Piece,
    clock: i64,
}

impl<'h> Parts<'h> {
    pub(super) fn of(hours: &'h Hours, piece: Piece, holidays: &[NaiveDate]) -> Self {
        let stretches = [(hours.of_day(piece.day, holidays), 0), (hours.of_day(piece.day - 1, holidays), DAY)];
        Self { stretches, piece, clock: piece.clock }
    }
}

impl Iterator for Parts<'_> {
    type Item = Part;

    fn next(&mut self) -> Option<Part> {
        let end = self.piece.clock + self.piece.to - self.piece.from;
        if self.clock >= end {
            return None;
        }
        let (clock, mut open, mut next) = (self.clock, false, end);
        for (stretches, ago) in self.stretches {
            for (from, to) in stretches {
                let (from, to) = (seconds(*from) - ago, seconds(*to) - ago);
                open |= from <= clock && clock < to;
                for edge in [from, to] {
                    if clock < edge && edge < next {
                        next = edge;
                    }
                }
            }
        }
        self.clock = next;
        let begin = self.piece.from - self.piece.clock;
        Some(Part { from: begin + clock, to: begin + next, open })
    }
}
