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
    let mut rows = Rows::new(bytes, b',');
    let mut columns = Vec::new();
    let width = rows.next(|_, name| {
        // Locust has 22 columns; more than a few are counted and not kept.
        if columns.len() < 64 {
            columns.push(Column::named(name));
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
    let mut samples = Samples::new()?;
    json::walk(bytes, |root| root.array(|entry| read_entry(entry, &mut samples)))?;
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
    let mut totals = Totals { untimed: 0, failed: 0, sum_ms: 0.0, min_ms: f64::INFINITY, max_ms: 0.0 };
    let mut requests = None;
    let mut timed = 0_u64;
    let mut from = None;
    let mut to = None;
    entry.object(|key, value| {
        match key {
            "num_requests" => requests = value.count()?,
            "num_none_requests" => totals.untimed = value.count()?.unwrap_or_default(),
            "num_failures" => totals.failed = value.count()?.unwrap_or_default(),
            "total_response_time" => totals.sum_ms = positive(value)?.unwrap_or_default(),
            "min_response_time" => totals.min_ms = time(value)?.unwrap_or(f64::INFINITY),
            "max_response_time" => totals.max_ms = time(value)?.unwrap_or_default(),
            "start_time" => from = positive(value)?,
            "last_request_timestamp" => to = positive(value)?,
            "response_times" => value.object(|time, value| {
                let times = value.count()?.unwrap_or_default();
                timed = timed.saturating_add(times);
                let time = time.parse().map_err(|_| "expected milliseconds".to_owned()).and_then(milliseconds);
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "from 0 to a day was checked"
                )]
                let time = time.map_err(refuse)?.ceil() as u64;
                samples.note_time(time, times).map_err(refuse)
            })?,
            _ => {}
        }
        Ok(())
    })?;
    let Some(requests) = requests else { return Err(refuse("expected `num_requests` in an entry, found none")) };
    if timed.saturating_add(totals.untimed) != requests || totals.failed > requests {
        return Err(refuse(format_args!(
            "the entry counts {requests} requests, {} failed, and the response times of {timed}; write the report anew",
            totals.failed
        )));
    }
    samples.note_totals(&totals);
    match (from, to) {
        (Some(from), Some(to)) => samples.note_span(Span { from: from * 1000.0, to: to * 1000.0 }),
        _ if requests > 0 => samples.note_undated(),
        _ => {}
    }
    Ok(())
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
