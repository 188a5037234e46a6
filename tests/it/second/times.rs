//! Clocks of two zones, by hand: half-hour steps, and the European rule for the clocks of London.
//!
//! Instants are seconds since 1970, UTC.

use super::shape::{Len, Week};

const DAY: i64 = 86_400;
const STEP: i64 = 1_800;

/// Days since 1970 of a date (Hinnant's algorithm).
pub fn days(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let yoe = y - era * 400;
    let doy = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468
}

/// 0 is Monday.
pub fn weekday(day: i64) -> i64 {
    (day + 3).rem_euclid(7)
}

fn last_sunday(year: i64, month: i64) -> i64 {
    let last = days(year, month, 31);
    last - (weekday(last) + 1).rem_euclid(7)
}

/// How far clocks are ahead of UTC.
pub fn offset(london: bool, at: i64) -> i64 {
    if !london {
        return 0;
    }
    let mut year = 1970 + at / (366 * DAY);
    while days(year + 1, 1, 1) * DAY <= at {
        year += 1;
    }
    let (from, to) = (last_sunday(year, 3) * DAY + 3600, last_sunday(year, 10) * DAY + 3600);
    if from <= at && at < to { 3600 } else { 0 }
}

/// The instant at which clocks show something: the first of two, and the end of a gap.
pub fn instant(london: bool, clock: i64) -> i64 {
    if offset(london, clock - 3600) == 3600 {
        clock - 3600
    } else if offset(london, clock) == 0 {
        clock
    } else {
        clock - clock.rem_euclid(3600)
    }
}

/// The open stretches of a weekday, in minutes from midnight.
fn stretches(week: Week, weekday: i64) -> &'static [(i64, i64)] {
    match (week, weekday) {
        (Week::Always, _) => &[(0, 1440)],
        (Week::Office, 0..=4) => &[(540, 1050)],
        (Week::Sparse, 0 | 2 | 4) => &[(600, 720)],
        (Week::FridayDay, 4) => &[(480, 1020)],
        (Week::Night, _) => &[(1320, 1560)],
        _ => &[],
    }
}

pub fn open(week: Week, london: bool, at: i64) -> bool {
    let local = at + offset(london, at);
    let (day, minute) = (local.div_euclid(DAY), local.rem_euclid(DAY) / 60);
    let within =
        |day: i64, minute: i64| stretches(week, weekday(day)).iter().any(|(from, to)| *from <= minute && minute < *to);
    within(day, minute) || within(day - 1, minute + 1440)
}

/// The first instant from one on at which hours are open.
pub fn opening(week: Week, london: bool, from: i64) -> i64 {
    let mut at = from;
    while !open(week, london, at) {
        at = (at.div_euclid(STEP) + 1) * STEP;
    }
    at
}

/// When a length of time ends.
pub fn due(len: Len, week: Week, london: bool, from: i64) -> i64 {
    match len {
        Len::Minutes(minutes) => from + minutes * 60,
        Len::OpenHours(hours) => {
            let (mut at, mut left) = (from, hours * 3600);
            loop {
                let next = (at.div_euclid(STEP) + 1) * STEP;
                if open(week, london, at) {
                    let some = left.min(next - at);
                    left -= some;
                    if left == 0 {
                        return at + some;
                    }
                }
                at = next;
            }
        }
        Len::OpenDays(number) => {
            let begin = opening(week, london, from);
            let local = begin + offset(london, begin);
            let (mut day, second) = (local.div_euclid(DAY), local.rem_euclid(DAY));
            let mut left = number;
            while left > 0 {
                day += 1;
                if !stretches(week, weekday(day)).is_empty() {
                    left -= 1;
                }
            }
            instant(london, day * DAY + moved(stretches(week, weekday(day)), second))
        }
    }
}

/// A clock time moved into open stretches: forward to an opening, or back to the last closing.
fn moved(stretches: &[(i64, i64)], second: i64) -> i64 {
    for (from, to) in stretches {
        if second < from * 60 {
            return from * 60;
        }
        if second <= to * 60 {
            return second;
        }
    }
    stretches.last().map_or(second, |(_, to)| to * 60)
}

/// The same length several times over.
pub fn times(len: Len, number: i64) -> Len {
    match len {
        Len::Minutes(minutes) => Len::Minutes(minutes * number),
        Len::OpenHours(hours) => Len::OpenHours(hours * number),
        Len::OpenDays(days) => Len::OpenDays(days * number),
    }
}
