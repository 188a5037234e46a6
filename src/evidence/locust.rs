//! Reads the results of Locust 1.0 and later: the request statistics that `--csv`
//! writes (`…_stats.csv`), and the output of `--json`.
//!
//! In the CSV the row `Aggregated` (`Total` before 1.0) is the report; the others must
//! add up to it. Its percentiles are rounded by Locust, and `N/A` states nothing. In
//! JSON every entry carries its response times as counts by rounded milliseconds, which
//! are taken as samples.
//!
//! The files that `--csv` writes beside the statistics (history, failures and
//! exceptions) are told apart and refused: the history's last row is a moment,
//! and neither of the others counts requests.
//!
//! The CSV does not say when it was made; JSON does. Neither names a version.

use super::json::{self, Node, Step, refuse};
use super::load::{LoadTally, Outcomes, Samples, Span, Summary, Totals, milliseconds, place_of};
use super::rows::Rows;
use crate::model::notable::shortened;
use crate::model::report::{About, Fault, Place};

/// Reads one report.
pub fn read(bytes: &[u8], tally: &mut LoadTally, about: &mut About) -> Result<(), Fault> {
    about.by("Locust");
    if bytes.trim_ascii_start().starts_with(b"[") { read_json(bytes, tally, about) } else { read_csv(bytes, tally) }
}

fn read_csv(bytes: &[u8], tally: &mut LoadTally) -> Result<(), Fault> {
    let mut rows = Rows::new(bytes, b',', &tally.bounds);
    let mut columns = Vec::new();
    let width = rows.next(|_, name| {
        let column = Column::named(name);
        if column != Column::Other && columns.contains(&column) {
            return Err(format!("the column `{}` stands twice; keep one of them", shortened(name, 40)));
        }
        // Locust has 22 columns; more than a few are counted and not kept.
        if columns.len() < 64 {
            columns.push(column);
        }
        Ok(())
    })?;
    if !(columns.contains(&Column::Requests) && columns.contains(&Column::Failures) && columns.contains(&Column::Name))
    {
        return Err(Fault::malformed(
            Place::Line(1, 0),
            "expected Locust's request statistics; give the gate the file that ends in `_stats.csv`, not the history, \
             failures or exceptions beside it",
        ));
    }
    let mut aggregated: Option<Row> = None;
    let mut sum = Outcomes { failed: 0, of: 0 };
    loop {
        let mut row = Row::default();
        let count = rows.next(|index, field| row.take(columns.get(index).copied().unwrap_or(Column::Other), field))?;
        let (Some(count), Some(width)) = (count, width) else { break };
        if count != width {
            let message = format!("expected {width} fields, found {count}; is the file cut short?");
            return Err(Fault::malformed(rows.place(), message));
        }
        if row.aggregated {
            if aggregated.replace(row).is_some() {
                return Err(Fault::malformed(
                    rows.place(),
                    "a second row `Aggregated`; keep the statistics of one run in a file",
                ));
            }
        } else {
            sum.failed = sum.failed.saturating_add(row.failed);
            sum.of = sum.of.saturating_add(row.requests);
        }
    }
    let row = aggregated.ok_or_else(|| {
        Fault::malformed(Place::Whole, "the statistics have no row `Aggregated`; the file is cut short")
    })?;
    let outcomes = Outcomes { failed: row.failed, of: row.requests };
    if outcomes != sum || outcomes.failed > outcomes.of {
        return Err(Fault::contradictory(format!(
            "the row `Aggregated` counts {} requests, {} failed; the other rows add up to {} and {}",
            outcomes.of, outcomes.failed, sum.of, sum.failed
        )));
    }
    if outcomes.of == 0 {
        return Err(nothing());
    }
    tally.add(Summary { requests: Some(outcomes.of), outcomes: Some(outcomes), ..row.summary })
}

fn nothing() -> Fault {
    Fault::empty("the report counts no requests; did the test send any?")
}

fn read_json(bytes: &[u8], tally: &mut LoadTally, about: &mut About) -> Result<(), Fault> {
    let bounds = tally.bounds;
    let mut samples = Samples::new()?;
    json::walk_within(bytes, &bounds, |root| root.array(|entry| read_entry(entry, &mut samples)))?;
    if samples.count() == 0 {
        return Err(nothing());
    }
    #[expect(clippy::cast_possible_truncation, reason = "a cast to i64 saturates, and chrono refuses what is no date")]
    if let Some(at) = samples.ended_ms().and_then(|at| chrono::DateTime::from_timestamp_millis(at as i64)) {
        about.made(at);
    }
    tally.add_samples(samples)
}

/// Reads the statistics of one kind of request.
fn read_entry(entry: &mut Node<'_, '_>, samples: &mut Samples) -> Step {
    let mut stated = Entry::default();
    entry.object(|key, value| stated.take(key, value, samples))?;
    let Entry { requests, failed, timed, untimed, sum_ms, min_ms, max_ms, from, to, .. } = stated;
    let (Some(requests), Some(failed), Some(sum_ms), Some(max_ms)) = (requests, failed, sum_ms, max_ms) else {
        return Err(refuse(
            "expected an entry with `num_requests`, `num_failures`, `total_response_time` and `max_response_time`",
        ));
    };
    if timed.saturating_add(untimed) != requests || failed > requests {
        return Err(refuse(format_args!(
            "the entry counts {requests} requests, {failed} failed, and the response times of {timed}; write the report \
             anew"
        )));
    }
    samples.note_totals(&Totals { untimed, failed, sum_ms, min_ms: min_ms.unwrap_or(f64::INFINITY), max_ms });
    match (from, to) {
        (Some(from), Some(to)) => samples.note_span(Span { from: from * 1000.0, to: to * 1000.0 }),
        _ if requests > 0 => samples.note_undated(),
        _ => {}
    }
    Ok(())
}

/// How many different response times one entry may list.
pub const DISTINCT_LIMIT: usize = 10_000;

/// What an entry states; its instants are in seconds since 1970.
#[derive(Default)]
struct Entry {
    requests: Option<u64>,
    failed: Option<u64>,
    /// The requests whose response times are listed, and those that have none.
    timed: u64,
    untimed: u64,
    /// How many different response times are listed.
    distinct: usize,
    sum_ms: Option<f64>,
    min_ms: Option<f64>,
    max_ms: Option<f64>,
    from: Option<f64>,
    to: Option<f64>,
}

impl Entry {
    fn take(&mut self, key: &str, value: &mut Node<'_, '_>, samples: &mut Samples) -> Step {
        match key {
            "num_requests" => self.requests = value.count()?,
            "num_none_requests" => self.untimed = value.count()?.unwrap_or_default(),
            "num_failures" => self.failed = value.count()?,
            "total_response_time" => self.sum_ms = positive(value)?,
            "min_response_time" => self.min_ms = time(value)?,
            "max_response_time" => self.max_ms = time(value)?,
            "start_time" => self.from = positive(value)?,
            "last_request_timestamp" => self.to = positive(value)?,
            "response_times" => value.object(|time, value| {
                self.distinct += 1;
                if self.distinct > DISTINCT_LIMIT {
                    return Err(refuse(format_args!(
                        "more than {DISTINCT_LIMIT} different response times, where Locust rounds them to a few hundred"
                    )));
                }
                let count = value.count()?.unwrap_or_default();
                self.timed = self.timed.saturating_add(count);
                let time = time.parse().map_err(|_| "expected milliseconds".to_owned()).and_then(milliseconds);
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "from 0 to a day was checked"
                )]
                let time = time.map_err(refuse)?.ceil() as u64;
                samples.note_time(time, count).map_err(refuse)
            })?,
            _ => {}
        }
        Ok(())
    }
}

fn positive(value: &mut Node<'_, '_>) -> Result<Option<f64>, json::Error> {
    match value.number()? {
        Some(number) if number < 0.0 => Err(refuse(format_args!("expected a time, found {number}"))),
        number => Ok(number),
    }
}

fn time(value: &mut Node<'_, '_>) -> Result<Option<f64>, json::Error> {
    value.number()?.map(milliseconds).transpose().map_err(refuse)
}

/// The columns that are read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Column {
    Name,
    Requests,
    Failures,
    Mean,
    Least,
    Greatest,
    Rate,
    Percentile(usize),
    Other,
}

impl Column {
    fn named(name: &str) -> Self {
        match name {
            "Name" => Self::Name,
            "Request Count" | "# requests" => Self::Requests,
            "Failure Count" | "# failures" => Self::Failures,
            "Average Response Time" | "Average response time" => Self::Mean,
            "Min Response Time" | "Min response time" => Self::Least,
            "Max Response Time" | "Max response time" => Self::Greatest,
            "Requests/s" => Self::Rate,
            _ => name.strip_suffix('%').and_then(place_of).map_or(Self::Other, Self::Percentile),
        }
    }
}

#[derive(Default)]
struct Row {
    aggregated: bool,
    requests: u64,
    failed: u64,
    summary: Summary,
}

impl Row {
    fn take(&mut self, column: Column, field: &str) -> Result<(), String> {
        let summary = &mut self.summary;
        match column {
            Column::Name => self.aggregated = matches!(field, "Aggregated" | "Total"),
            Column::Requests => self.requests = count(field)?,
            Column::Failures => self.failed = count(field)?,
            Column::Mean => summary.mean_ms = number(field)?.map(milliseconds).transpose()?,
            Column::Least => summary.min_ms = number(field)?.map(milliseconds).transpose()?,
            Column::Greatest => summary.max_ms = number(field)?.map(milliseconds).transpose()?,
            Column::Rate => summary.throughput = number(field)?,
            Column::Percentile(place) => {
                if let Some(slot) = summary.percentiles.get_mut(place) {
                    *slot = number(field)?.map(milliseconds).transpose()?;
                }
            }
            Column::Other => {}
        }
        Ok(())
    }
}

fn count(field: &str) -> Result<u64, String> {
    super::coverage::whole(field).ok_or_else(|| format!("expected a count, found `{}`", shortened(field, 40)))
}

/// A number that is finite and not negative; `None` for `N/A`.
fn number(field: &str) -> Result<Option<f64>, String> {
    match (field.trim(), field.trim().parse::<f64>()) {
        ("N/A" | "", _) => Ok(None),
        (_, Ok(number)) if number >= 0.0 && number.is_finite() => Ok(Some(number)),
        (other, _) => Err(format!("expected a number, found `{}`", shortened(other, 40))),
    }
}
