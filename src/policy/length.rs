//! Lengths of time as policies promise them: by the clock, or in open business hours and days.

use std::fmt;

/// A length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Length {
    /// Seconds by the clock.
    Seconds(i64),
    /// Hours during which the calendar is open.
    BusinessHours(u32),
    /// Days on which the calendar opens; the instant on the last of them has the clock time of the start,
    /// moved into open hours.
    BusinessDays(u32),
}

impl Default for Length {
    fn default() -> Self {
        Self::Seconds(0)
    }
}

impl Length {
    /// Reads `90s`, `15min`, `4h`, `14d`, `4bh`, `5bd`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(seconds) = super::duration::seconds(text) {
            #[expect(clippy::cast_possible_truncation, reason = "bounded by the reader of durations")]
            return Some(Self::Seconds(seconds.round() as i64));
        }
        let number =
            |unit: &str| text.trim().strip_suffix(unit)?.parse::<u32>().ok().filter(|n| (1..=10_000).contains(n));
        number("bh").map(Self::BusinessHours).or_else(|| number("bd").map(Self::BusinessDays))
    }
}

impl fmt::Display for Length {
    /// As a policy writes it: the largest unit that it is a whole number of.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::BusinessHours(hours) => write!(f, "{hours}bh"),
            Self::BusinessDays(days) => write!(f, "{days}bd"),
            Self::Seconds(seconds) => {
                for (unit, size) in [("d", 86_400), ("h", 3_600), ("min", 60)] {
                    if seconds != 0 && seconds % size == 0 {
                        return write!(f, "{}{unit}", seconds / size);
                    }
                }
                write!(f, "{seconds}s")
            }
        }
    }
}
