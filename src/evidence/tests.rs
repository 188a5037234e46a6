//! The tally of tests: what JUnit, TRX and `go test` reports add up to.
//!
//! Every format folds its cases in one by one with [`TestTally::case`]. Kept are
//! counts, at most [`Bounds::names`] names of failing cases, the few failures that
//! a person should see first, and in a baseline 12 bytes a failing case: a keyed
//! hash of its name, counted. The key is random and shared only between a baseline and
//! the tally compared with it, so that nobody can make two names collide.
//!
//! A case is named by its suite, its group (a class or a package) and its own name.
//! A test that fails now is new when the baseline has no failure of that name left for
//! it: where a name stands for several cases, such as of several browsers, as many may fail
//! as failed before. A report that lies at one path in both is compared with itself there, so
//! that the modules or legs of a matrix whose tests have the same names stand for themselves;
//! a failure that moved to another such report is new. All other reports are compared
//! together with those that the baseline has more.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, Hasher, RandomState};

use super::baseline::{Known, Memory};
use crate::model::bounds::Bounds;
use crate::model::measures::{Measure, Measures};
use crate::model::notable::{Notable, Notables, Weight, shortened};

/// How a case ended.
#[derive(Clone, Copy, Debug)]
pub enum Ended<'a> {
    /// It passed.
    Passed,
    /// It passed after it had failed at least once.
    Flaky,
    /// It was skipped, disabled or not run.
    Skipped,
    /// An assertion failed.
    Failed(&'a Failing<'a>),
    /// It ended in an error, or never came to a result.
    Errored(&'a Failing<'a>),
}

/// A case that did not pass.
#[derive(Clone, Copy, Debug, Default)]
pub struct Failing<'a> {
    /// The suite that it stands in, where that is told apart from its group; may be empty.
    pub suite: &'a str,
    /// The class, suite or package that it belongs to; may be empty.
    pub group: &'a str,
    /// Its own name; may be empty.
    pub name: &'a str,
    /// What it says about the failure.
    pub message: &'a str,
    /// The file that it names.
    pub path: Option<&'a str>,
    /// The line in that file, counted from 1.
    pub line: Option<u32>,
}

/// What reports add up to.
#[derive(Debug, Default)]
pub struct TestTally {
    total: u64,
    failed: u64,
    errors: u64,
    skipped: u64,
    flaky: u64,
    /// The sum of the cases' times. Whole nanoseconds add up to what people add up, which
    /// seconds as doubles do not; what is beyond 584 years stays there.
    nanoseconds: u64,
    /// Whether a case that ran did not say how long.
    untimed: bool,
    /// Whether a report was of a format that has no word for flaky cases.
    flaky_unstated: bool,
    failing: Names,
    comparison: Comparison,
    /// Where the report lies that is being read, if the baseline and this run both have one there.
    place: String,
    notables: Notables,
    pub(super) bounds: Bounds,
}

/// How many cases were folded in, and how they ended.
#[derive(Clone, Copy, Debug)]
pub struct Counts([u64; 6]);

/// What a tally has to do with a baseline.
#[derive(Debug, Default)]
enum Comparison {
    /// Nothing.
    #[default]
    None,
    /// It is one: the hashes of the names that fail in it, in the order of the report.
    Baseline(RandomState, Memory),
    /// It is compared with one.
    Against { key: RandomState, before: Known, failed: u64, failing: Names },
}

impl TestTally {
    /// An empty tally.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty tally that remembers what a later one will be compared with.
    #[must_use]
    pub fn for_baseline() -> Self {
        Self { comparison: Comparison::Baseline(RandomState::new(), Memory::default()), ..Self::default() }
    }

    /// An empty tally that compares with the last release's, which was made with
    /// [`Self::for_baseline`]. Against any other tally nothing can be known to be new.
    #[must_use]
    pub fn against(before: Self) -> Self {
        let comparison = match before.comparison {
            Comparison::Baseline(key, before) => {
                Comparison::Against { key, before: before.into_known(), failed: 0, failing: Names::default() }
            }
            Comparison::None | Comparison::Against { .. } => Comparison::None,
        };
        Self { comparison, ..Self::default() }
    }

    /// Keeps and reads as much as the bounds say.
    pub fn within(&mut self, bounds: Bounds) {
        self.bounds = bounds;
    }

    /// Says where the report lies that is read next, if it lies there in the baseline and in this run; in no such place
    /// it is for `None`.
    pub fn at(&mut self, place: Option<&str>) {
        self.place.clear();
        self.place.push_str(place.unwrap_or_default());
    }

    /// Folds in one case. `seconds` is the time that it took, where that is stated.
    pub fn case(&mut self, ended: Ended<'_>, seconds: Option<f64>) {
        self.total += 1;
        match ended {
            Ended::Passed => {}
            Ended::Flaky => self.flaky += 1,
            Ended::Skipped => self.skipped += 1,
            Ended::Failed(failing) => self.fail(failing),
            Ended::Errored(failing) => {
                self.errors += 1;
                self.fail(failing);
            }
        }
        match seconds {
            Some(seconds) => self.nanoseconds = self.nanoseconds.saturating_add(nanoseconds(seconds)),
            None => self.untimed |= !matches!(ended, Ended::Skipped),
        }
    }

    /// Counts as skipped what was folded in as passed: for reports that say only
    /// in the totals of a suite that some of its cases were not run.
    pub fn not_run(&mut self, cases: u64) {
        let passed = self.total.saturating_sub(self.failed + self.skipped + self.flaky);
        self.skipped += cases.min(passed);
    }

    /// Notes that a report is of a format that has no word for flaky cases: how
    /// many there were is then unknown.
    pub fn without_flaky(&mut self) {
        self.flaky_unstated = true;
    }

    /// What the names of measures begin with that a report has left open so far.
    #[must_use]
    pub fn open(&self) -> Vec<&'static str> {
        let open = [(self.untimed, "tests.time"), (self.flaky_unstated, "tests.flaky")];
        open.into_iter().filter_map(|(open, names)| open.then_some(names)).collect()
    }

    /// What was counted so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts([self.total, self.failed, self.errors, self.skipped, self.flaky, self.nanoseconds])
    }

    /// Counts no more than that: what was read since is a copy of what was read before. Whether its cases fail anew where
    /// it lies was asked all the same.
    pub fn only(&mut self, Counts(counts): Counts) {
        [self.total, self.failed, self.errors, self.skipped, self.flaky, self.nanoseconds] = counts;
    }

    fn fail(&mut self, failing: &Failing<'_>) {
        self.failed += 1;
        let new = self.comparison.note(&self.place, failing, self.bounds.names);
        self.failing.note(failing, self.bounds.names);
        self.notables.offer(Weight::Error, new, 0, || Notable {
            weight: Weight::Error,
            new,
            rank: 0,
            title: failing.title(),
            message: shortened(failing.message.trim(), Notables::TEXT),
            path: failing.path.map(|path| shortened(path, Notables::TEXT)),
            line: failing.line,
        });
    }

    /// What the reports measure so far. Before the first case nothing is known.
    #[must_use]
    pub fn measures(&self) -> Measures {
        let mut measures = Measures::new();
        if self.total == 0 {
            return measures;
        }
        measures.count("tests.total", self.total);
        measures.count("tests.passed", self.total.saturating_sub(self.failed + self.skipped));
        measures.count("tests.failed", self.failed);
        measures.count("tests.errors", self.errors);
        measures.count("tests.skipped", self.skipped);
        if !self.flaky_unstated {
            measures.count("tests.flaky", self.flaky);
        }
        if !self.untimed {
            #[expect(clippy::cast_precision_loss, reason = "exact up to a hundred days, and then to the microsecond")]
            measures.seconds("tests.time", self.nanoseconds as f64 / 1e9);
        }
        self.failing.state("tests.failing", &mut measures);
        if let Comparison::Against { failed, failing, .. } = &self.comparison {
            measures.count("tests.new.failed", *failed);
            failing.state("tests.new.failing", &mut measures);
        }
        measures
    }

    /// What the reports measure, and the entries that a person should see first.
    #[must_use]
    pub fn finish(self) -> (Measures, Notables) {
        (self.measures(), self.notables)
    }
}

/// The nearest whole number of nanoseconds.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "times are not negative, and the cast saturates"
)]
fn nanoseconds(seconds: f64) -> u64 {
    (seconds * 1e9 + 0.5) as u64
}

impl Comparison {
    /// Notes a failing case, and says whether the baseline does not have it, or not as often.
    fn note(&mut self, place: &str, failing: &Failing<'_>, most: usize) -> bool {
        match self {
            Self::None => false,
            Self::Baseline(key, hashes) => {
                hashes.remember(failing.hash(place, key));
                false
            }
            Self::Against { key, before, failed, failing: names } => {
                let new = !before.take(failing.hash(place, key));
                if new {
                    *failed += 1;
                    names.note(failing, most);
                }
                new
            }
        }
    }
}

impl Failing<'_> {
    /// The name that people read, cut to a readable length.
    #[must_use]
    pub fn title(&self) -> String {
        match (self.group.trim(), self.name.trim()) {
            ("", "") => "a case without a name".to_owned(),
            ("", name) => shortened(name, Notables::TEXT),
            (group, name) if name.is_empty() || name == group => shortened(group, Notables::TEXT),
            (group, name) => shortened(&format!("{group} › {name}"), Notables::TEXT),
        }
    }

    /// The whole name, at its place, as 64 bits. A byte that no UTF-8 text holds keeps its parts apart.
    fn hash(&self, place: &str, key: &RandomState) -> u64 {
        let mut hasher = key.build_hasher();
        hasher.write(place.as_bytes());
        hasher.write_u8(0xFF);
        hasher.write(self.suite.as_bytes());
        hasher.write_u8(0xFF);
        hasher.write(self.group.as_bytes());
        hasher.write_u8(0xFF);
        hasher.write(self.name.as_bytes());
        hasher.finish()
    }
}

/// Names, sorted, each once, as long as they are few.
#[derive(Debug, Default)]
struct Names {
    list: BTreeSet<String>,
    too_many: bool,
}

impl Names {
    fn note(&mut self, failing: &Failing<'_>, most: usize) {
        if self.too_many {
            return;
        }
        self.list.insert(failing.title());
        if self.list.len() > most {
            self.too_many = true;
            self.list = BTreeSet::new();
        }
    }

    fn state(&self, measure: &'static str, measures: &mut Measures) {
        if !self.too_many {
            measures.state(measure, Measure::Names(self.list.iter().cloned().collect()));
        }
    }
}
