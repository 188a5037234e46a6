//! Time as a clock on a wall shows it: pieces that lie on one date, while the clock runs evenly.
//!
//! The offsets of a zone are asked for at midnights only. Where two differ, the instant of the change is found by
//! halving. Two changes within six days would be missed where the second undoes the first; no zone has such a pair
//! from 1990 on, and a test asks all of them.

use chrono::{DateTime, LocalResult, NaiveDateTime, Offset as _, TimeZone as _, Utc};
use chrono_tz::{GapInfo, Tz};

/// Seconds of a day.
pub(super) const DAY: i64 = 86_400;

/// A piece of time in seconds since 1970, [from, to), under one offset and on one date.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    /// The first second.
    pub(super) from: i64,
    /// The second after the last.
    pub(super) to: i64,
    /// The date, in days since 1 January 1970.
    pub(super) day: i64,
    /// What the clock shows at first, in seconds from midnight.
    pub(super) clock: i64,
}

/// The pieces from an instant on, one after the other, until the year 10000.
pub(super) struct Line {
    zone: Tz,
    at: i64,
    offset: Option<i64>,
}

impl Line {
    pub(super) fn from(at: DateTime<Utc>, zone: Tz) -> Self {
        Self { zone, at: at.timestamp(), offset: offset(zone, at.timestamp()) }
    }
}

impl Iterator for Line {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        let offset_now = self.offset?;
        let local = self.at + offset_now;
        let piece = Piece { from: self.at, to: self.at, day: local.div_euclid(DAY), clock: local.rem_euclid(DAY) };
        let midnight = self.at + DAY - piece.clock;
        let then = offset(self.zone, midnight);
        (self.at, self.offset) = match then {
            Some(same) if same == offset_now => (midnight, then),
            Some(_) => change(self.zone, self.at, midnight, offset_now),
            None => (midnight, None),
        };
        Some(Piece { to: self.at, ..piece })
    }
}

/// The first second in (before, after] with another offset than `old`, which `after` has not, and its offset.
fn change(zone: Tz, mut before: i64, mut after: i64, old: i64) -> (i64, Option<i64>) {
    while after - before > 1 {
        let middle = i64::midpoint(before, after);
        if offset(zone, middle) == Some(old) {
            before = middle;
        } else {
            after = middle;
        }
    }
    (after, offset(zone, after))
}

/// How far the clocks of a zone are ahead of UTC; `None` beyond the year 9999.
pub(super) fn offset(zone: Tz, at: i64) -> Option<i64> {
    let at = DateTime::from_timestamp(at, 0).filter(|at| *at <= super::NEVER)?;
    Some(i64::from(zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc()))
}

/// The date and the clock of an instant.
pub(super) fn local(at: DateTime<Utc>, zone: Tz) -> Option<(i64, i64)> {
    let local = at.timestamp() + offset(zone, at.timestamp())?;
    Some((local.div_euclid(DAY), local.rem_euclid(DAY)))
}

/// What the clocks show at an instant.
pub(super) fn clock(at: DateTime<Utc>, zone: Tz) -> NaiveDateTime {
    super::there(at, zone).naive_local()
}

/// The clocks of a date, and of the next one, into which its hours may run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dial {
    /// The date, in days since 1 January 1970.
    pub(super) day: i64,
    /// The first of the dates of which `even` is true.
    since: i64,
    zone: Tz,
    /// How far they are ahead of UTC, where that is the same all the time.
    even: Option<i64>,
}

impl Dial {
    /// How many dates are looked at together.
    const DATES: i64 = 3;

    pub(super) fn of(day: i64, zone: Tz) -> Self {
        // Clocks are never a day apart from UTC; so all that belongs to the dates lies between these two.
        let [before, after] = [day - 1, day + Self::DATES + 2].map(|day| offset(zone, day * DAY));
        Self { day, since: day, zone, even: before.filter(|_| before == after) }
    }

    /// The same of another date.
    pub(super) fn on(self, day: i64) -> Self {
        if (self.since..self.since + Self::DATES).contains(&day) {
            Self { day, ..self }
        } else {
            Self::of(day, self.zone)
        }
    }

    /// The first instant at which they show a time, in seconds from midnight, as [`first`] has it.
    pub(super) fn first(&self, clock: i64) -> Option<DateTime<Utc>> {
        self.at(clock, first)
    }

    /// The instant at which hours close that end at a time, in seconds from midnight, as [`closing`] has it.
    pub(super) fn closing(&self, clock: i64) -> Option<DateTime<Utc>> {
        self.at(clock, closing)
    }

    /// Whether clocks show any time from one to another, in seconds from midnight.
    pub(super) fn shows(&self, from: i64, to: i64) -> bool {
        from < to && (self.even.is_some() || self.first(from) < self.closing(to))
    }

    fn at(&self, clock: i64, uneven: fn(NaiveDateTime, Tz) -> DateTime<Utc>) -> Option<DateTime<Utc>> {
        let local = self.day * DAY + clock;
        match self.even {
            Some(ahead) => DateTime::from_timestamp(local - ahead, 0),
            None => Some(uneven(DateTime::from_timestamp(local, 0)?.naive_utc(), self.zone)),
        }
    }
}

/// The first instant at which the clocks show this time, or, where they skip it, the first after it.
pub(super) fn first(clock: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    match zone.from_local_datetime(&clock) {
        LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => at.to_utc(),
        LocalResult::None => gap(&clock, zone).map_or_else(|| clock.and_utc(), |(end, _)| end),
    }
}

/// The instant at which hours close that end at this clock time: after the last instant at which the clocks show a
/// time just before it. Where it is the first of an hour that comes twice, they close before that hour comes.
pub(super) fn closing(clock: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    let twice = |clock: NaiveDateTime| match zone.from_local_datetime(&clock) {
        LocalResult::Ambiguous(_, again) => Some(again.to_utc()),
        LocalResult::Single(_) | LocalResult::None => None,
    };
    let before = clock.checked_sub_signed(chrono::Duration::seconds(1)).and_then(twice);
    before.and_then(|_| twice(clock)).unwrap_or_else(|| first(clock, zone))
}

/// The instant of a clock time as RFC 5545 has it (3.3.5): of an hour that comes twice the first; in one that is
/// skipped, by the offset before the gap, so that a meeting at 01:30 is then at 02:30.
pub(super) fn scheduled(clock: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    match zone.from_local_datetime(&clock) {
        LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => at.to_utc(),
        LocalResult::None => {
            let before = gap(&clock, zone).map_or(0, |(_, before)| before);
            clock.and_utc() - chrono::Duration::seconds(before)
        }
    }
}

/// The end of the gap in which a clock time lies, and the offset before it.
fn gap(clock: &NaiveDateTime, zone: Tz) -> Option<(DateTime<Utc>, i64)> {
    let (begin, before) = GapInfo::new(clock, &zone)?.begin?;
    let before = i64::from(before.fix().local_minus_utc());
    // The gap begins where the clock stood when it was put on.
    Some((begin.and_utc() - chrono::Duration::seconds(before), before))
}
