//! Periods of a calendar: weeks (ISO 8601), months, quarters and years, each from midnight to midnight of a zone.
//!
//! A period is half open: its end is the first instant of the next one.

use chrono::{DateTime, Datelike as _, Days, LocalResult, Months, NaiveDate, TimeDelta, TimeZone as _, Utc, Weekday};
use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How long a period is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Every {
    /// From Monday to Monday.
    Week,
    /// A calendar month.
    Month,
    /// Three months, from January, April, July or October on.
    Quarter,
    /// From January to January.
    Year,
}

impl Every {
    /// The words of a policy, in this order.
    pub const WORDS: [&'static str; 4] = ["week", "month", "quarter", "year"];

    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Week => "week",
            Self::Month => "month",
            Self::Quarter => "quarter",
            Self::Year => "year",
        }
    }

    /// The length of a word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        [Self::Week, Self::Month, Self::Quarter, Self::Year].into_iter().find(|it| it.word() == word)
    }

    /// The first day of the period that a day lies in.
    fn first(self, day: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Week => Some(day.week(Weekday::Mon).first_day()),
            Self::Month => day.with_day(1),
            Self::Quarter => NaiveDate::from_ymd_opt(day.year(), day.month0() / 3 * 3 + 1, 1),
            Self::Year => NaiveDate::from_ymd_opt(day.year(), 1, 1),
        }
    }

    /// The first day of the period after the one that begins on a day.
    fn next(self, first: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Week => first.checked_add_days(Days::new(7)),
            Self::Month => first.checked_add_months(Months::new(1)),
            Self::Quarter => first.checked_add_months(Months::new(3)),
            Self::Year => first.checked_add_months(Months::new(12)),
        }
    }

    /// What the period is called that begins on a day.
    fn label(self, first: NaiveDate) -> String {
        match self {
            Self::Week => format!("{}-W{:02}", first.iso_week().year(), first.iso_week().week()),
            Self::Month => format!("{}-{:02}", first.year(), first.month()),
            Self::Quarter => format!("{}-Q{}", first.year(), first.month0() / 3 + 1),
            Self::Year => first.year().to_string(),
        }
    }
}

/// A stretch of time that has a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Period {
    /// What it is called: `2026-W48`, `2026-11`, `2026-Q4`, `2026`.
    pub label: String,
    /// Its first instant, UTC.
    pub from: DateTime<Utc>,
    /// The first instant after it, UTC.
    pub until: DateTime<Utc>,
}

/// When a day begins in a zone, UTC. Where the clocks leap over midnight, it begins after the leap.
fn midnight(day: NaiveDate, zone: Tz) -> Option<DateTime<Utc>> {
    let midnight = day.and_hms_opt(0, 0, 0)?;
    let quarter_hours = (0..=8).map(|times| midnight + TimeDelta::minutes(15 * times));
    let mut found = quarter_hours.filter_map(|clock| match zone.from_local_datetime(&clock) {
        LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => Some(at.to_utc()),
        LocalResult::None => None,
    });
    found.next()
}

impl Period {
    fn beginning(every: Every, first: NaiveDate, zone: Tz) -> Option<Self> {
        let (from, until) = (midnight(first, zone)?, midnight(every.next(first)?, zone)?);
        Some(Self { label: every.label(first), from, until })
    }

    /// The period that an instant lies in; `None` beyond what a calendar knows.
    #[must_use]
    pub fn around(every: Every, now: DateTime<Utc>, zone: Tz) -> Option<Self> {
        let period = Self::beginning(every, every.first(now.with_timezone(&zone).date_naive())?, zone)?;
        period.holds(now).then_some(period)
    }

    /// The last period that had ended by an instant.
    #[must_use]
    pub fn ended(every: Every, now: DateTime<Utc>, zone: Tz) -> Option<Self> {
        let around = Self::around(every, now, zone)?;
        Self::around(every, around.from - TimeDelta::seconds(1), zone)
    }

    /// Reads what a period is called: `2026`, `2026-Q4`, `2026-11`, `2026-W48`; or its first day and the first day after
    /// it, `2026-10-01..2026-10-15`.
    #[must_use]
    pub fn read(label: &str, zone: Tz) -> Option<Self> {
        if let Some((from, until)) = label.split_once("..") {
            let day = |text: &str| midnight(NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?, zone);
            let (from, until) = (day(from)?, day(until)?);
            return (from < until).then(|| Self { label: label.to_owned(), from, until });
        }
        let (year, rest) = label.split_once('-').map_or((label, None), |(year, rest)| (year, Some(rest)));
        let number = |text: &str, digits: usize| {
            let is_one = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
            is_one.then(|| text.parse::<u32>().ok())?
        };
        let year = i32::try_from(number(year, 4)?).ok()?;
        let (every, first) = match rest {
            None => (Every::Year, NaiveDate::from_ymd_opt(year, 1, 1)?),
            Some(rest) => match (rest.strip_prefix('Q'), rest.strip_prefix('W')) {
                (Some(quarter), _) => {
                    let month0 = number(quarter, 1)?.checked_sub(1)?.checked_mul(3)?;
                    (Every::Quarter, NaiveDate::from_ymd_opt(year, month0 + 1, 1)?)
                }
                (_, Some(week)) => (Every::Week, NaiveDate::from_isoywd_opt(year, number(week, 2)?, Weekday::Mon)?),
                _ => (Every::Month, NaiveDate::from_ymd_opt(year, number(rest, 2)?, 1)?),
            },
        };
        Self::beginning(every, first, zone)
    }

    /// Whether an instant lies in it.
    #[must_use]
    pub fn holds(&self, at: DateTime<Utc>) -> bool {
        self.from <= at && at < self.until
    }
}
