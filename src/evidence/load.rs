//! The tally of load: how many requests, how many failed, how fast, how long
//! they took.
//!
//! A report either lists its samples or sums them up. Samples go into one
//! histogram (HDR, 3 significant digits over whole milliseconds), so percentiles
//! over any number of samples and files take constant memory and lie at most 0.1 %
//! above the sample they name, never above the longest. A percentile is the smallest time that at least
//! that part of the samples does not exceed. A percentile that a summary does not state
//! stays unknown; nothing is interpolated.
//!
//! Several reports of one gate add up. Samples do so exactly. Of summaries the
//! greatest percentile counts, which the percentile of all their requests together
//! cannot exceed; the error rate and the mean are weighted by requests. Throughput
//! and duration add up only where every report says when it began and ended:
//! then they are those of the whole span. Whatever one report leaves open stays
//! open for all of them.

use hdrhistogram::Histogram;

use crate::model::bounds::Bounds;
use crate::model::measures::Measures;
use crate::model::report::{Fault, Place};

/// The percentiles that are measures, and the part of the samples that each stands for.
pub const PERCENTILES: [(&str, &str, f64); 6] = [
    ("load.p50_ms", "50", 0.5),
    ("load.p75_ms", "75", 0.75),
    ("load.p90_ms", "90", 0.9),
    ("load.p95_ms", "95", 0.95),
    ("load.p99_ms", "99", 0.99),
    ("load.p999_ms", "99.9", 0.999),
];

/// The longest response time that is read, in milliseconds: a day.
pub const LONGEST_MS: u64 = 24 * 60 * 60 * 1000;

/// Percentiles in milliseconds, in the order of [`PERCENTILES`].
pub type Percentiles = [Option<f64>; PERCENTILES.len()];

/// Where a percentile has its place in [`Percentiles`], by its number as tools write it: `95`, `99.9`.
#[must_use]
pub fn place_of(percentile: &str) -> Option<usize> {
    PERCENTILES.iter().position(|(_, written, _)| *written == percentile)
}

/// Requests of which the outcome is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcomes {
    /// How many failed.
    pub failed: u64,
    /// How many there were.
    pub of: u64,
}

/// What one report sums up. What it does not state is `None`.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Requests made.
    pub requests: Option<u64>,
    /// How many of them failed.
    pub outcomes: Option<Outcomes>,
    /// Requests a second, where the report states them.
    pub throughput: Option<f64>,
    /// How long the test ran, in seconds, where the report states it.
    pub seconds: Option<f64>,
    /// When the test began and ended, in milliseconds since 1970.
    pub span: Option<Span>,
    /// Mean response time, milliseconds.
    pub mean_ms: Option<f64>,
    /// Shortest response time, milliseconds.
    pub min_ms: Option<f64>,
    /// Longest response time, milliseconds.
    pub max_ms: Option<f64>,
    /// Percentiles of response times, milliseconds.
    pub percentiles: Percentiles,
    /// Checks or assertions that failed.
    pub checks_failed: Option<u64>,
    /// Thresholds that were crossed.
    pub thresholds_failed: Option<u64>,
}

/// When something began and ended, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    /// The beginning.
    pub from: f64,
    /// The end.
    pub to: f64,
}

impl Span {
    /// The span that holds both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { from: self.from.min(other.from), to: self.to.max(other.to) }
    }

    fn seconds(self) -> Option<f64> {
        let seconds = (self.to - self.from) / 1000.0;
        (seconds > 0.0).then_some(seconds)
    }
}

impl Summary {
    fn and(&self, other: &Self) -> Self {
        let mut percentiles = Percentiles::default();
        for ((both, one), another) in percentiles.iter_mut().zip(self.percentiles).zip(other.percentiles) {
            *both = joined(one, another, f64::max);
        }
        let weight = |summary: &Self| {
            #[expect(clippy::cast_precision_loss, reason = "requests stay below 2^53")]
            Some((summary.mean_ms?, summary.requests? as f64))
        };
        let mean_ms =
            joined(weight(self), weight(other), |(one, n), (another, m)| ((one * n + another * m) / (n + m), n + m));
        Self {
            requests: joined(self.requests, other.requests, u64::saturating_add),
            outcomes: joined(self.outcomes, other.outcomes, |one, another| Outcomes {
                failed: one.failed.saturating_add(another.failed),
                of: one.of.saturating_add(another.of),
            }),
            // What a report states of its own rate and duration says nothing about several reports.
            throughput: None,
            seconds: None,
            span: joined(self.span, other.span, Span::and),
            mean_ms: mean_ms.map(|(mean, _)| mean),
            min_ms: joined(self.min_ms, other.min_ms, f64::min),
            max_ms: joined(self.max_ms, other.max_ms, f64::max),
            percentiles,
            checks_failed: joined(self.checks_failed, other.checks_failed, u64::saturating_add),
            thresholds_failed: joined(self.thresholds_failed, other.thresholds_failed, u64::saturating_add),
        }
    }

    /// What the names of measures begin with that it leaves open. Of its own rate and duration it may state
    /// what says nothing about several reports, so only the span counts here.
    fn open(&self) -> impl Iterator<Item = &'static str> {
        let percentiles = PERCENTILES.iter().zip(self.percentiles).map(|((name, ..), value)| (value.is_none(), *name));
        [
            (self.requests.is_none(), "load.requests"),
            (self.outcomes.is_none(), "load.failed"),
            (self.outcomes.is_none_or(|outcomes| outcomes.of == 0), "load.error_rate"),
            (self.span.is_none(), "load.throughput"),
            (self.span.is_none(), "load.duration"),
            (self.mean_ms.is_none(), "load.mean_ms"),
            (self.min_ms.is_none(), "load.min_ms"),
            (self.max_ms.is_none(), "load.max_ms"),
            (self.checks_failed.is_none(), "load.checks_failed"),
            (self.thresholds_failed.is_none(), "load.thresholds_failed"),
        ]
        .into_iter()
        .chain(percentiles)
        .filter_map(|(open, name)| open.then_some(name))
    }

    #[expect(clippy::cast_precision_loss, reason = "requests stay below 2^53")]
    fn measures(&self) -> Measures {
        let mut measures = Measures::new();
        let counts = [
            ("load.requests", self.requests),
            ("load.failed", self.outcomes.map(|outcomes| outcomes.failed)),
            ("load.checks_failed", self.checks_failed),
            ("load.thresholds_failed", self.thresholds_failed),
        ];
        for (name, count) in counts {
            if let Some(count) = count {
                measures.count(name, count);
            }
        }
        let seconds = self.seconds.or_else(|| self.span?.seconds());
        if let Some(seconds) = seconds {
            measures.seconds("load.duration", seconds);
        }
        let spread = || Some(self.requests? as f64 / self.span?.seconds()?);
        let numbers = [
            ("load.error_rate", self.outcomes.filter(|o| o.of > 0).map(|o| o.failed as f64 / o.of as f64)),
            ("load.throughput", self.throughput.or_else(spread)),
            ("load.mean_ms", self.mean_ms),
            ("load.min_ms", self.min_ms),
            ("load.max_ms", self.max_ms),
        ];
        let percentiles = PERCENTILES.iter().zip(self.percentiles).map(|((name, ..), value)| (*name, value));
        for (name, number) in numbers.into_iter().chain(percentiles) {
            if let Some(number) = number {
                measures.number(name, number);
            }
        }
        measures
    }
}

/// Both together, where both are known.
fn joined<T>(one: Option<T>, other: Option<T>, join: impl FnOnce(T, T) -> T) -> Option<T> {
    Some(join(one?, other?))
}

/// Samples, each a request with its response time, in constant memory.
#[derive(Clone, Debug)]
pub struct Samples {
    histogram: Histogram<u64>,
    sum_ms: f64,
    min_ms: f64,
    max_ms: f64,
    /// Requests without a response time.
    untimed: u64,
    failed: u64,
    /// How many samples did not say whether they failed.
    untold: u64,
    span: Option<Span>,
    /// How many samples did not say when they were taken.
    undated: u64,
    /// Assertions that failed, where the report lists any.
    pub checks_failed: Option<u64>,
}

impl Samples {
    /// No samples yet.
    pub fn new() -> Result<Self, Fault> {
        let histogram = Histogram::new_with_bounds(1, LONGEST_MS, 3)
            .map_err(|error| Fault::beyond_limit(Place::Whole, format!("no room to count samples: {error}")))?;
        Ok(Self {
            histogram,
            sum_ms: 0.0,
            min_ms: f64::INFINITY,
            max_ms: 0.0,
            untimed: 0,
            failed: 0,
            untold: 0,
            span: None,
            undated: 0,
            checks_failed: None,
        })
    }

    /// How many requests there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.histogram.len().saturating_add(self.untimed)
    }

    /// Takes a sample of so many milliseconds. The error tells what is wrong with them.
    pub fn note(&mut self, sample: &Sample) -> Result<(), String> {
        self.note_time(sample.elapsed_ms, 1)?;
        #[expect(clippy::cast_precision_loss, reason = "at most a day of milliseconds")]
        let elapsed = sample.elapsed_ms as f64;
        self.sum_ms += elapsed;
        self.min_ms = self.min_ms.min(elapsed);
        self.max_ms = self.max_ms.max(elapsed);
        match sample.failed {
            Some(failed) => self.failed += u64::from(failed),
            None => self.untold += 1,
        }
        match sample.began_ms {
            Some(from) => self.note_span(Span { from, to: from + elapsed }),
            None => self.note_undated(),
        }
        Ok(())
    }

    /// Takes response times of so many milliseconds alone. What else is known of them is added by [`Self::note_totals`].
    pub fn note_time(&mut self, elapsed_ms: u64, times: u64) -> Result<(), String> {
        if elapsed_ms > LONGEST_MS {
            return Err(format!("a response time of {elapsed_ms} ms is longer than a day"));
        }
        self.histogram
            .record_n(elapsed_ms, times)
            .map_err(|error| format!("a response time cannot be counted: {error}"))
    }

    /// Adds what a report states of requests whose response times [`Self::note_time`] took.
    pub fn note_totals(&mut self, totals: &Totals) {
        self.untimed = self.untimed.saturating_add(totals.untimed);
        self.failed = self.failed.saturating_add(totals.failed);
        self.sum_ms += totals.sum_ms;
        self.min_ms = self.min_ms.min(totals.min_ms);
        self.max_ms = self.max_ms.max(totals.max_ms);
    }

    /// Notes when samples were taken.
    pub fn note_span(&mut self, span: Span) {
        self.span = Some(self.span.map_or(span, |known| known.and(span)));
    }

    /// Notes that a sample did not say when it was taken.
    pub fn note_undated(&mut self) {
        self.undated += 1;
    }

    /// When the last sample ended, in milliseconds since 1970, if all of them say.
    #[must_use]
    pub fn ended_ms(&self) -> Option<f64> {
        self.span.filter(|_| self.undated == 0).map(|span| span.to)
    }

    /// Adds other samples.
    pub fn and(&mut self, other: &Self) -> Result<(), Fault> {
        let first = self.count() == 0;
        self.histogram
            .add(&other.histogram)
            .map_err(|error| Fault::beyond_limit(Place::Whole, format!("no room to count samples: {error}")))?;
        self.note_totals(&Totals {
            untimed: other.untimed,
            failed: other.failed,
            sum_ms: other.sum_ms,
            min_ms: other.min_ms,
            max_ms: other.max_ms,
        });
        self.untold = self.untold.saturating_add(other.untold);
        self.undated = self.undated.saturating_add(other.undated);
        if let Some(span) = other.span {
            self.note_span(span);
        }
        self.checks_failed = if first {
            other.checks_failed
        } else {
            joined(self.checks_failed, other.checks_failed, u64::saturating_add)
        };
        Ok(())
    }

    /// What the names of measures begin with that they leave open, without looking at every one of them.
    fn open(&self) -> impl Iterator<Item = &'static str> {
        [
            (self.untold > 0, "load.failed"),
            (self.untold > 0, "load.error_rate"),
            (self.undated > 0, "load.throughput"),
            (self.undated > 0, "load.duration"),
            (self.checks_failed.is_none(), "load.checks_failed"),
            // Whoever lists samples tells no thresholds.
            (true, "load.thresholds_failed"),
        ]
        .into_iter()
        .filter_map(|(open, name)| open.then_some(name))
    }

    fn summary(&self) -> Summary {
        let count = self.count();
        let mut summary = Summary {
            requests: Some(count),
            outcomes: (self.untold == 0).then_some(Outcomes { failed: self.failed, of: count }),
            span: self.span.filter(|_| self.undated == 0),
            checks_failed: self.checks_failed,
            ..Summary::default()
        };
        if self.histogram.is_empty() {
            return summary;
        }
        #[expect(clippy::cast_precision_loss, reason = "samples stay below 2^53, and times below a day")]
        {
            summary.mean_ms = Some(self.sum_ms / self.histogram.len() as f64);
            for (slot, (.., part)) in summary.percentiles.iter_mut().zip(PERCENTILES) {
                // The histogram answers with the top of a bucket, which no sample may have reached.
                *slot = Some((self.histogram.value_at_quantile(part) as f64).min(self.max_ms));
            }
        }
        summary.min_ms = Some(self.min_ms);
        summary.max_ms = Some(self.max_ms);
        summary
    }
}

/// What a report states of many requests together, times in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Totals {
    /// Requests without a response time.
    pub untimed: u64,
    /// Requests that failed.
    pub failed: u64,
    /// The sum of the response times.
    pub sum_ms: f64,
    /// The shortest of them.
    pub min_ms: f64,
    /// The longest of them.
    pub max_ms: f64,
}

/// One request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// How long it took, in milliseconds.
    pub elapsed_ms: u64,
    /// When it began, in milliseconds since 1970.
    pub began_ms: Option<f64>,
    /// Whether it failed.
    pub failed: Option<bool>,
}

/// What reports add up to.
#[derive(Debug, Default)]
pub struct LoadTally {
    samples: Option<Samples>,
    summaries: Option<Summary>,
    pub(super) bounds: Bounds,
}

impl LoadTally {
    /// An empty tally.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads as much as the bounds say.
    pub fn within(&mut self, bounds: Bounds) {
        self.bounds = bounds;
    }

    /// Adds a report that sums up. Its percentiles must rise, and the mean lies
    /// between the shortest and the longest time. Percentiles are not held against
    /// these: tools round them to fewer digits.
    pub fn add(&mut self, summary: Summary) -> Result<(), Fault> {
        let ends = [("shortest", summary.min_ms), ("mean", summary.mean_ms), ("longest", summary.max_ms)];
        let known: Vec<(&str, f64)> = ends.into_iter().filter_map(|(name, time)| Some((name, time?))).collect();
        let rises = |pair: &[(&str, f64)]| pair.first().zip(pair.get(1)).is_none_or(|(a, b)| a.1 <= b.1 * 1.01 + 1.0);
        if let Some([(lower, less), (higher, more)]) = known.windows(2).find(|pair| !rises(pair)) {
            return Err(Fault::contradictory(format!(
                "the {lower} response time is {less} ms and the {higher} {more} ms; write the report anew"
            )));
        }
        let stated = || summary.percentiles.iter().flatten();
        if let Some((lower, higher)) = stated().zip(stated().skip(1)).find(|(lower, higher)| lower > higher) {
            return Err(Fault::contradictory(format!(
                "a higher percentile is {higher} ms and a lower one {lower} ms; write the report anew"
            )));
        }
        self.summaries = Some(match self.summaries.take() {
            Some(known) => known.and(&summary),
            None => summary,
        });
        Ok(())
    }

    /// Adds a report that lists its samples.
    pub fn add_samples(&mut self, samples: Samples) -> Result<(), Fault> {
        match &mut self.samples {
            Some(known) => known.and(&samples)?,
            None => self.samples = Some(samples),
        }
        Ok(())
    }

    /// What the names of measures begin with that a report has left open so far.
    #[must_use]
    pub fn open(&self) -> Vec<&'static str> {
        let listed = self.samples.iter().flat_map(Samples::open);
        listed.chain(self.summaries.iter().flat_map(Summary::open)).collect()
    }

    /// What the reports measure so far.
    #[must_use]
    pub fn measures(&self) -> Measures {
        let listed = self.samples.as_ref().map(Samples::summary);
        match (&listed, &self.summaries) {
            (Some(listed), Some(stated)) => listed.and(stated).measures(),
            (Some(one), None) | (None, Some(one)) => one.measures(),
            (None, None) => Measures::new(),
        }
    }
}

/// A response time, or another length of time, in milliseconds: finite, not negative, at most a day.
pub fn milliseconds(number: f64) -> Result<f64, String> {
    #[expect(clippy::cast_precision_loss, reason = "a day of milliseconds")]
    let longest = LONGEST_MS as f64;
    if (0.0..=longest).contains(&number) {
        Ok(number)
    } else {
        Err(format!("expected milliseconds from 0 to a day, found {number}"))
    }
}
