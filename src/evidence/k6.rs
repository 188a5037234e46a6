//! Reads the end-of-test summaries of k6: what `--summary-export` writes, what
//! `handleSummary` is given (k6 0.30 and later), and the versioned form of
//! `--new-machine-readable-summary` (schema 1.0.0, k6 1.5 and later).
//!
//! Requests are `http_reqs`, response times `http_req_duration` over all requests
//! (metrics with a tag filter are parts of these), failures `http_req_failed`, whose
//! "passes" are the requests that failed. k6 always writes times in milliseconds here, whatever
//! `summaryTimeUnit` says. Only the percentiles of `summaryTrendStats` are there:
//! k6 leaves p99 out unless it is asked for, and it stays unknown.
//!
//! A threshold is `true` in `--summary-export` when it was crossed, and has `ok: false` in
//! the other form. Without any threshold their number is unknown rather than 0; so it is in
//! the versioned form, which does not carry them. Without checks theirs is unknown.
//!
//! k6 does not say which artifact it was pointed at. The script's `handleSummary` can:
//! `artifact` (a digest, or a list of them), `commit` and `made_at` (RFC 3339) at the top
//! of the summary are read as what the report says of itself.
//!
//! A run that made no HTTP request and no check measured nothing and is refused as empty.

use std::borrow::Cow;
use std::cell::RefCell;

use super::json::{self, Error, Node, Scalar, Step, refuse};
use super::load::{LoadTally, Outcomes, Percentiles, Summary, milliseconds, place_of};
use crate::model::notable::shortened;
use crate::model::report::{About, Fault};

/// How far a stated rate may lie from the counts beside it.
const ROUNDING: f64 = 1e-6;

/// Reads one report.
pub fn read(bytes: &[u8], tally: &mut LoadTally, about: &mut About) -> Result<(), Fault> {
    let bounds = tally.bounds;
    let mut run = Run::default();
    let mut version = None;
    json::walk_within(bytes, &bounds, |root| {
        root.object(|key, value| match key {
            "metrics" => run.metrics(value),
            "results" => value.object(|key, value| match key {
                "metrics" => run.metrics(value),
                "checks" => run.checks(value),
                _ => Ok(()),
            }),
            "state" => value.object(|key, value| {
                if key == "testRunDurationMs" {
                    run.seconds = time(value)?.map(|duration| duration / 1000.0);
                }
                Ok(())
            }),
            "config" => value.object(|key, value| {
                if key == "duration" {
                    run.seconds = time(value)?;
                }
                Ok(())
            }),
            "metadata" => value.object(|key, value| {
                match key {
                    "k6Version" | "k6_version" => version = value.text()?.map(|version| format!("k6 {version}")),
                    "generatedAt" | "generated_at" => {
                        if let Some(at) = value.text()? {
                            about.made_text(&at);
                        }
                    }
                    _ => {}
                }
                Ok(())
            }),
            "artifact" if value.is_array() => value.array(|value| {
                about.artifact(&stated(value)?);
                Ok(())
            }),
            "artifact" => {
                about.artifact(&stated(value)?);
                Ok(())
            }
            "commit" => {
                about.commit(&stated(value)?);
                Ok(())
            }
            "made_at" => {
                about.made_text(&stated(value)?);
                Ok(())
            }
            _ => Ok(()),
        })
    })?;
    about.by(version.unwrap_or_else(|| "k6".to_owned()));
    tally.add(run.summary()?)
}

/// A text that the script added; anything else there is the script's own business.
fn stated<'de>(value: &mut Node<'_, 'de>) -> Result<Cow<'de, str>, Error> {
    Ok(match value.scalar()? {
        Scalar::Text(text) => text,
        _ => Cow::Borrowed(""),
    })
}

/// A length of the run, which has no bound of a day.
fn time(value: &mut Node<'_, '_>) -> Result<Option<f64>, Error> {
    match value.number()? {
        Some(time) if time < 0.0 => Err(refuse(format_args!("expected a duration, found {time}"))),
        time => Ok(time),
    }
}

/// What is taken of one run.
#[derive(Default)]
struct Run {
    seconds: Option<f64>,
    requests: Option<u64>,
    throughput: Option<f64>,
    failures: Option<Matches>,
    /// Checks that passed, of all.
    checks: Option<Matches>,
    durations: Metric,
    /// How many requests the durations are of, where the summary was asked for it.
    timed: Option<u64>,
    thresholds_failed: Option<u64>,
}

/// What a rate metric counts: how often it was true, of how often.
#[derive(Clone, Copy, Default)]
struct Matches {
    matching: u64,
    of: u64,
}

/// The values of one metric, whatever its type.
#[derive(Default)]
struct Metric {
    name: Option<String>,
    count: Option<f64>,
    rate: Option<f64>,
    passes: Option<f64>,
    fails: Option<f64>,
    total: Option<f64>,
    mean_ms: Option<f64>,
    min_ms: Option<f64>,
    max_ms: Option<f64>,
    percentiles: Percentiles,
    thresholds_failed: Option<u64>,
}

impl Run {
    /// The metrics, by name or, in the versioned form, as a list.
    fn metrics(&mut self, value: &mut Node<'_, '_>) -> Step {
        let run = RefCell::new(self);
        value.either(
            |name, value| {
                let metric = Metric::read(value)?;
                run.borrow_mut().take(name, metric)
            },
            |value| {
                let mut metric = Metric::read(value)?;
                let name = metric.name.take().unwrap_or_default();
                run.borrow_mut().take(&name, metric)
            },
        )
    }

    fn take(&mut self, name: &str, metric: Metric) -> Step {
        if let Some(failed) = metric.thresholds_failed {
            *self.thresholds_failed.get_or_insert(0) += failed;
        }
        match name {
            "http_reqs" => {
                self.requests = count(name, metric.count)?;
                self.throughput = metric.rate;
            }
            "http_req_failed" => self.failures = metric.matches(name)?,
            "checks" => self.checks = metric.matches(name)?,
            "http_req_duration" => {
                metric.in_range()?;
                self.timed = count(name, metric.count)?;
                self.durations = metric;
            }
            _ => {}
        }
        Ok(())
    }

    /// The checks of the versioned form, each with how often it passed and failed.
    fn checks(&mut self, value: &mut Node<'_, '_>) -> Step {
        value.object(|key, value| {
            if key != "results" {
                return Ok(());
            }
            value.array(|check| {
                let (mut passes, mut fails) = (None, None);
                check.object(|key, value| {
                    match key {
                        "passes" => passes = value.count()?,
                        "fails" => fails = value.count()?,
                        _ => {}
                    }
                    Ok(())
                })?;
                let (Some(passes), Some(fails)) = (passes, fails) else {
                    return Err(refuse("expected a check with `passes` and `fails`"));
                };
                let sum = self.checks.get_or_insert_default();
                sum.matching = sum.matching.saturating_add(passes);
                sum.of = sum.of.saturating_add(passes).saturating_add(fails);
                Ok(())
            })
        })
    }

    fn summary(self) -> Result<Summary, Fault> {
        let requests = self.requests.filter(|requests| *requests > 0);
        if requests.is_none() && self.checks.is_none_or(|checks| checks.of == 0) {
            return Err(Fault::empty("the run made no HTTP request and no check; did the test send any request?"));
        }
        let judged = self.failures.map(|failures| failures.of);
        for (metric, of) in [("http_req_failed", judged), ("http_req_duration", self.timed)] {
            if let (Some(requests), Some(of)) = (requests, of)
                && of > requests
            {
                return Err(Fault::contradictory(format!(
                    "`{metric}` speaks of {of} requests and `http_reqs` of {requests}; write the summary anew"
                )));
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "requests stay below 2^53")]
        let spread = || Some(requests? as f64 / self.seconds.filter(|seconds| *seconds > 0.0)?);
        Ok(Summary {
            requests,
            outcomes: self.failures.map(|Matches { matching: failed, of }| Outcomes { failed, of }),
            throughput: self.throughput.or_else(spread),
            seconds: self.seconds,
            mean_ms: self.durations.mean_ms,
            min_ms: self.durations.min_ms,
            max_ms: self.durations.max_ms,
            percentiles: self.durations.percentiles,
            checks_failed: self.checks.map(|checks| checks.of.saturating_sub(checks.matching)),
            thresholds_failed: self.thresholds_failed,
            ..Summary::default()
        })
    }
}

impl Metric {
    fn read(value: &mut Node<'_, '_>) -> Result<Self, Error> {
        let mut metric = Self::default();
        value.object(|key, value| match key {
            "values" => value.object(|key, value| metric.value(key, value)),
            "thresholds" => metric.thresholds(value),
            "name" => {
                metric.name = value.text()?.map(|name| shortened(&name, 60));
                Ok(())
            }
            key => metric.value(key, value),
        })?;
        Ok(metric)
    }

    fn value(&mut self, key: &str, value: &mut Node<'_, '_>) -> Step {
        match key {
            "count" => self.count = value.number()?,
            // `--summary-export` writes the rate of a rate metric as its value
            "rate" | "value" => self.rate = value.number()?,
            "passes" | "matches" => self.passes = value.number()?,
            "fails" => self.fails = value.number()?,
            "total" => self.total = value.number()?,
            "avg" => self.mean_ms = value.number()?,
            "min" => self.min_ms = value.number()?,
            "max" => self.max_ms = value.number()?,
            "med" => self.percentile("50", value.number()?),
            _ => {
                if let Some(percentile) = key.strip_prefix("p(").and_then(|key| key.strip_suffix(')')) {
                    self.percentile(percentile, value.number()?);
                }
            }
        }
        Ok(())
    }

    fn percentile(&mut self, percentile: &str, value: Option<f64>) {
        if let Some(slot) = place_of(percentile).and_then(|place| self.percentiles.get_mut(place)) {
            *slot = value;
        }
    }

    fn thresholds(&mut self, value: &mut Node<'_, '_>) -> Step {
        value.object(|expression, value| {
            let mut ok = None;
            let crossed = match value.object_or_scalar(|key, value| {
                if key == "ok" {
                    ok = value.flag()?;
                }
                Ok(())
            })? {
                Scalar::Flag(crossed) => Some(crossed),
                Scalar::Compound => ok.map(|ok| !ok),
                _ => None,
            };
            let Some(crossed) = crossed else {
                let expression = shortened(expression, 80);
                return Err(refuse(format_args!("the threshold `{expression}` does not say whether it was crossed")));
            };
            *self.thresholds_failed.get_or_insert(0) += u64::from(crossed);
            Ok(())
        })
    }

    /// Response times are from 0 to a day.
    fn in_range(&self) -> Step {
        for time in [self.mean_ms, self.min_ms, self.max_ms].into_iter().chain(self.percentiles).flatten() {
            milliseconds(time).map_err(refuse)?;
        }
        Ok(())
    }

    /// The counts of a rate metric, which must have its rate.
    fn matches(&self, name: &str) -> Result<Option<Matches>, Error> {
        if let Some(rate) = self.rate.filter(|rate| !(0.0..=1.0).contains(rate)) {
            return Err(refuse(format_args!("expected a rate from 0 to 1 in `{name}`, found {rate}")));
        }
        let (passes, fails, total) = (count(name, self.passes)?, count(name, self.fails)?, count(name, self.total)?);
        let of = total.or_else(|| Some(passes?.saturating_add(fails?)));
        let (Some(matching), Some(of)) = (passes, of) else { return Ok(None) };
        #[expect(clippy::cast_precision_loss, reason = "counts stay below 2^53")]
        let counted = matching as f64 / of as f64;
        let apart = of > 0 && self.rate.is_some_and(|rate| (rate - counted).abs() > ROUNDING);
        if apart || matching > of {
            return Err(refuse(format_args!(
                "`{name}` counts {matching} of {of}, and its rate is another; write the summary anew"
            )));
        }
        Ok(Some(Matches { matching, of }))
    }
}

/// A count of a metric that must have one: whole, not negative.
fn count(name: &str, number: Option<f64>) -> Result<Option<u64>, Error> {
    match number {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "whole, not negative and below 2^53 was checked"
        )]
        Some(number) if number >= 0.0 && number.fract() == 0.0 && number < 9.0e15 => Ok(Some(number as u64)),
        Some(number) => Err(refuse(format_args!("expected a count in `{name}`, found {number}"))),
        None => Ok(None),
    }
}
