//! Hours of the week as OpenStreetMap writes them.
//!
//! The notation's own grammar reads them, and what repeats every week is kept: weekdays, clock times, hours over
//! midnight, exceptions (`Mo-Fr 09:00-17:30; We off`), `24/7` and `PH off`. What does not is refused with what to
//! do instead. As there, a later rule of `;` replaces earlier ones on its days, one of `,` adds to them, and `off`
//! with times takes those times away.

use chrono_tz::Tz;
use opening_hours_syntax::Error;
use opening_hours_syntax::rules::day::{DaySelector, HolidayKind, WeekDayRange};
use opening_hours_syntax::rules::time::{Time, TimeSpan};
use opening_hours_syntax::rules::{RuleKind, RuleOperator, RuleSequence};

use super::Hours;

/// How many bytes hours may have.
pub const LONGEST: usize = 1000;

/// Minutes of a day.
const DAY: u32 = 1440;

type Week = [Vec<(u32, u32)>; 7];

impl Hours {
    /// Reads hours such as `Mo-Fr 09:00-17:30`, `Fr 22:00-02:00` or `24/7`. `holidays` says whether holidays close
    /// them where they do not speak of holidays themselves: `PH off` closes them, `24/7` and a rule for `Mo-Su,PH`
    /// keep them open. Hours that never open are refused.
    pub fn parse(written: &str, zone: Tz, holidays: bool) -> Result<Self, String> {
        let text = written.trim();
        if text.len() > LONGEST {
            return Err(format!("hours have at most {LONGEST} bytes, not {}", text.len()));
        }
        let rules = opening_hours_syntax::parse(text).map_err(|error| not_understood(text, &error))?.rules;
        let mut hours = Self { written: text.to_owned(), week: Week::default(), zone, holidays };
        for rule in &rules {
            hours.apply(rule).map_err(|why| format!("`{text}` {why}"))?;
        }
        if hours.never_open() {
            return Err(format!("`{text}` never opens; write hours such as `Mo-Fr 09:00-17:30`"));
        }
        Ok(hours)
    }

    fn apply(&mut self, rule: &RuleSequence) -> Result<(), String> {
        if !rule.comment.is_empty() {
            return Err("has a comment, which would have no effect; leave it out".to_owned());
        }
        if rule.operator == RuleOperator::Fallback {
            return Err("has a fallback (`||`), which is not known here; write the hours that hold".to_owned());
        }
        let open = match rule.kind {
            RuleKind::Open => true,
            RuleKind::Closed => false,
            RuleKind::Unknown => return Err("has `unknown` hours; they are open or closed".to_owned()),
        };
        let times: Vec<(u32, u32)> = rule.time_selector.spans.iter().map(stretch).collect::<Result<_, _>>()?;
        let whole = times.as_slice() == [(0, DAY)];
        let days = days(&rule.day_selector)?;
        if days.holidays {
            let every = days.week.iter().all(|day| *day);
            self.holidays = match open {
                false if whole => true,
                true if every => false,
                _ => return Err(
                    "has other hours on public holidays, which are not known here; there are `PH off` and `Mo-Su,PH`"
                        .to_owned(),
                ),
            };
        } else if open && whole && rule.day_selector.is_empty() {
            self.holidays = false;
        }
        for (day, _) in self.week.iter_mut().zip(days.week).filter(|(_, named)| *named) {
            if open {
                if rule.operator == RuleOperator::Normal {
                    day.clear();
                }
                day.extend(&times);
                *day = joined(std::mem::take(day));
            } else if whole {
                day.clear();
            } else {
                for time in &times {
                    *day = without(day, *time);
                }
            }
        }
        Ok(())
    }
}

/// The days that a rule speaks of.
struct Days {
    week: [bool; 7],
    holidays: bool,
}

fn days(selector: &DaySelector) -> Result<Days, String> {
    if !(selector.year.is_empty() && selector.monthday.is_empty() && selector.week.is_empty()) {
        return Err(
            "names dates or weeks of the year, but hours are those of every week; days off go under `holidays`, \
                    and times at which nothing goes under `freeze`"
                .to_owned(),
        );
    }
    let mut days = Days { week: [selector.weekday.is_empty(); 7], holidays: false };
    for range in &selector.weekday {
        match range {
            WeekDayRange::Fixed { range, offset: 0, nth_from_start, nth_from_end }
                if nth_from_start.iter().chain(nth_from_end).all(|nth| *nth) =>
            {
                let index = |day: chrono::Weekday| day.num_days_from_monday();
                let (first, last) = (index(*range.start()), index(*range.end()));
                for ahead in 0..=(last + 7 - first) % 7 {
                    let day = usize::try_from((first + ahead) % 7).unwrap_or_default();
                    if let Some(named) = days.week.get_mut(day) {
                        *named = true;
                    }
                }
            }
            WeekDayRange::Holiday { kind: HolidayKind::Public, offset: 0 } => days.holidays = true,
            WeekDayRange::Holiday { kind: HolidayKind::School, .. } => {
                return Err(
                    "speaks of school holidays, which no calendar here knows; give them under `holidays` and write \
                            `PH off`"
                        .to_owned(),
                );
            }
            WeekDayRange::Fixed { .. } | WeekDayRange::Holiday { .. } => {
                return Err("names days of some weeks only, but hours are those of every week".to_owned());
            }
        }
    }
    Ok(days)
}

/// A stretch of a day in minutes. One that ends no later than it begins ends on the next day.
fn stretch(span: &TimeSpan) -> Result<(u32, u32), String> {
    let (Time::Fixed(from), Time::Fixed(to)) = (span.range.start, span.range.end) else {
        return Err("speaks of the sun, which stands differently everywhere; write clock times".to_owned());
    };
    if span.open_end || span.repeats.is_some() {
        return Err("has hours without an end, or times that repeat; write when they begin and end, as `09:00-17:30`"
            .to_owned());
    }
    let (from, to) = (u32::from(from.mins_from_midnight()), u32::from(to.mins_from_midnight()));
    Ok((from, if to <= from { to + DAY } else { to }))
}

/// Stretches in their order, those that meet as one.
fn joined(mut stretches: Vec<(u32, u32)>) -> Vec<(u32, u32)> {
    stretches.sort_unstable();
    let mut joined: Vec<(u32, u32)> = Vec::new();
    for (from, to) in stretches {
        match joined.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => joined.push((from, to)),
        }
    }
    joined
}

fn without(stretches: &[(u32, u32)], (from, to): (u32, u32)) -> Vec<(u32, u32)> {
    let parts = stretches.iter().flat_map(|(begin, end)| [(*begin, from.min(*end)), (to.max(*begin), *end)]);
    parts.filter(|(begin, end)| begin < end).collect()
}

fn not_understood(text: &str, error: &Error) -> String {
    let what = match error {
        Error::Syntax(syntax) => {
            let told = syntax.to_string();
            // ` --> 1:12` is the line and the column, counted from 1.
            let column = told.lines().next().and_then(|line| line.rsplit(':').next()?.trim().parse::<usize>().ok());
            let rest: String = text.chars().skip(column.unwrap_or(1).saturating_sub(1)).take(20).collect();
            if rest.is_empty() { "ends too early".to_owned() } else { format!("is not understood from `{rest}` on") }
        }
        other => format!("is not understood: {other}"),
    };
    format!(
        "`{text}` {what}; hours are written as in `Mo-Fr 09:00-17:30`, `Fr 22:00-02:00`, \
         `Mo-Su 08:00-20:00; We off` or `24/7`"
    )
}
