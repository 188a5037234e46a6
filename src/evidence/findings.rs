//! The tally of findings: static analysis, scanners of components, secrets.
//!
//! A reader states each finding once, with [`FindingTally::finding`]. What is
//! kept of it are counts, its rule's name among at most [`Bounds::names`] of them, and
//! its words only while it is among the most important.
//!
//! **Sums over several reports** are known when every one of them states its
//! part: a report that does not speak of exploitation makes
//! `vulnerabilities.exploited` unknown, and likewise for fixes and suppressions. One that
//! leaves out what is below a severity makes unknown what that would count in.
//!
//! **New** is a finding whose fingerprint the baseline does not hold, or holds
//! fewer times than the reports do. A baseline holds the findings of its own
//! total: one that was suppressed there and no longer is counts as new, and so does one
//! of which its report does not say where it lies. Without a baseline, what is new is known when every finding of every report carries the
//! producer's own answer (SARIF's `baselineState`), and of that there is at
//! least one.

mod scanned;
mod severity;

use std::collections::HashSet;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};

use crate::model::bounds::Bounds;
use crate::model::measures::{Measure, Measures};
use crate::model::notable::{Notable, Notables, Weight, shortened};

pub use self::scanned::{Scanned, higher};
pub use self::severity::{Level, Severity};
use super::baseline::{Known, Memory};

/// How long a path may be that is kept for people: as long as Linux takes.
pub const PATH: usize = 4096;

/// What a report says of a known vulnerability beside what it says of every finding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vulnerability {
    /// Whether a version without it exists, if the report says.
    pub fixable: Option<bool>,
    /// Whether it is listed as exploited, if the report says.
    pub exploited: Option<bool>,
}

/// One finding, as far as it is counted.
#[derive(Clone, Copy, Debug)]
pub struct Finding<'f> {
    /// The rule or the vulnerability's identifier.
    pub rule: &'f str,
    /// Its level.
    pub level: Level,
    /// Its severity, if the report states one.
    pub severity: Option<Severity>,
    /// A CVSS score times ten, or [`Severity::rank`]; 0 where nothing is known.
    pub rank: u32,
    /// Set for a known vulnerability of a component.
    pub vulnerability: Option<Vulnerability>,
    /// The producer's own answer to whether it is new, if it gives one.
    pub new: Option<bool>,
}

/// What people read about a finding. Built only for one that is shown.
#[derive(Clone, Debug, Default)]
pub struct Words {
    /// The rule or vulnerability, with the component that has it.
    pub title: String,
    /// What it says.
    pub message: String,
    /// The file that it names, as it names it.
    pub path: Option<String>,
    /// The line in that file, counted from 1.
    pub line: Option<u32>,
}

/// Counts by level and severity.
#[derive(Clone, Debug, Default)]
struct Counts {
    total: u64,
    error: u64,
    warning: u64,
    note: u64,
    none: u64,
    critical: u64,
    high: u64,
    medium: u64,
    low: u64,
    unrated: u64,
}

impl Counts {
    fn add(&mut self, level: Level, severity: Option<Severity>) {
        self.total += 1;
        *match level {
            Level::Error => &mut self.error,
            Level::Warning => &mut self.warning,
            Level::Note => &mut self.note,
            Level::None => &mut self.none,
        } += 1;
        *match severity {
            Some(Severity::Critical) => &mut self.critical,
            Some(Severity::High) => &mut self.high,
            Some(Severity::Medium) => &mut self.medium,
            Some(Severity::Low) => &mut self.low,
            None => &mut self.unrated,
        } += 1;
    }

    /// States the total and the severities under names of the same order.
    fn state(&self, measures: &mut Measures, names: [&'static str; 6]) {
        let counts = [self.total, self.critical, self.high, self.medium, self.low, self.unrated];
        for (name, count) in names.into_iter().zip(counts) {
            measures.count(name, count);
        }
    }

    /// States the levels under names of the same order, from the gravest on.
    fn state_levels<const N: usize>(&self, measures: &mut Measures, names: [&'static str; N]) {
        for (name, count) in names.into_iter().zip([self.error, self.warning, self.note, self.none]) {
            measures.count(name, count);
        }
    }
}

/// A sum that is known while every report states its part of it.
#[derive(Clone, Debug, Default)]
struct Stated<T> {
    sum: T,
    silent: bool,
}

/// Distinct names, sorted when they are stated; unknown when there are too many.
#[derive(Clone, Debug, Default)]
struct Names {
    set: HashSet<Box<str>>,
    bytes: usize,
    too_many: bool,
}

impl Names {
    fn add(&mut self, name: &str, bounds: &Bounds) {
        if self.too_many || name.is_empty() || self.set.contains(name) {
            return;
        }
        self.bytes += name.len();
        if self.set.len() >= bounds.names || self.bytes > bounds.bytes_of_names() {
            *self = Self { too_many: true, ..Self::default() };
        } else {
            self.set.insert(name.into());
        }
    }

    fn state(&self, measures: &mut Measures, measure: &'static str) {
        if !self.too_many {
            let mut names: Vec<String> = self.set.iter().map(ToString::to_string).collect();
            names.sort_unstable();
            measures.state(measure, Measure::Names(names));
        }
    }
}

/// What the known vulnerabilities add up to.
#[derive(Clone, Debug, Default)]
struct Vulnerabilities {
    counts: Counts,
    new: Counts,
    fixable: Stated<Counts>,
    exploited: Stated<u64>,
    exploited_ids: Names,
    ids: Names,
}

/// What is compared with, or remembered for a later comparison.
#[derive(Debug, Default)]
enum Past {
    /// No baseline was given, and this is none.
    #[default]
    Without,
    /// This is the baseline.
    Remember(Memory),
    /// The baseline.
    Known(Known),
}

/// What reports of findings add up to.
#[derive(Debug, Default)]
pub struct FindingTally {
    findings: Counts,
    new: Counts,
    /// Findings of whose newness nobody said anything.
    unplaced: u64,
    /// Findings of which nobody said where they lie.
    somewhere: u64,
    suppressed: Stated<u64>,
    /// The lowest severity of which every report says all.
    floor: Option<Severity>,
    rules: Names,
    /// Set once a report was read that speaks of known vulnerabilities.
    vulnerabilities: Option<Vulnerabilities>,
    /// Whether the report that is being read speaks of them.
    spoken: bool,
    /// Whether a report was read that does not: then nobody knows how many there are in all.
    unspoken: bool,
    past: Past,
    keys: RandomState,
    notables: Notables,
    pub(super) bounds: Bounds,
}

impl FindingTally {
    /// An empty tally.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty tally that remembers what a later one will be compared with,
    /// in 8 bytes a finding.
    #[must_use]
    pub fn for_baseline() -> Self {
        Self { past: Past::Remember(Memory::default()), ..Self::default() }
    }

    /// An empty tally that compares with the last release's.
    #[must_use]
    pub fn against(before: Self) -> Self {
        let past = match before.past {
            Past::Remember(memory) => Past::Known(memory.into_known()),
            // A tally that remembers nothing cannot say what is new.
            Past::Without | Past::Known(_) => Past::Without,
        };
        Self { past, keys: before.keys, ..Self::default() }
    }

    /// Whether findings are compared with a baseline, or remembered as one.
    #[must_use]
    pub fn compares(&self) -> bool {
        !matches!(self.past, Past::Without)
    }

    /// Keeps and reads as much as the bounds say.
    pub fn within(&mut self, bounds: Bounds) {
        self.bounds = bounds;
    }

    /// Says that a report is read which lists known vulnerabilities, if it has any.
    pub fn speaks_of_vulnerabilities(&mut self) {
        self.spoken = true;
        self.vulnerabilities.get_or_insert_default();
    }

    /// Says that a report was read to its end, and that the next is another's word.
    pub fn report_ends(&mut self) {
        self.unspoken |= !std::mem::take(&mut self.spoken);
    }

    /// What the names of measures begin with that a report has left open so far.
    #[must_use]
    pub fn open(&self) -> Vec<&'static str> {
        let known = self.vulnerabilities.as_ref();
        let new = !matches!(self.past, Past::Known(_)) && self.unplaced > 0;
        let mut open: Vec<_> = [
            (self.unspoken, "vulnerabilities."),
            (known.is_some_and(|known| known.fixable.silent), "vulnerabilities.fixable."),
            (known.is_some_and(|known| known.exploited.silent), "vulnerabilities.exploited"),
            (self.suppressed.silent, "findings.suppressed"),
            (new, "findings.new."),
            (new, "vulnerabilities.new."),
        ]
        .into_iter()
        .filter_map(|(open, names)| open.then_some(names))
        .collect();
        if let Some(floor) = self.floor {
            let lists = [FINDINGS, NEW_FINDINGS, VULNERABILITIES, NEW_VULNERABILITIES, FIXABLE];
            let names = lists.into_iter().flatten().chain(LEVELS).chain(NEW_LEVELS).chain(LISTS);
            open.extend(names.filter(|name| !is_above(name, floor)));
        }
        open
    }

    /// Says that a report is read which leaves out what is of a lower severity than this.
    pub fn silent_below(&mut self, floor: Severity) {
        if floor > Severity::Low {
            self.floor = self.floor.max(Some(floor));
            self.silent_on_suppressions();
        }
    }

    /// Says that a report is read which would not show what was suppressed.
    pub fn silent_on_suppressions(&mut self) {
        self.suppressed.silent = true;
    }

    /// Counts findings that were suppressed, and are in no other count.
    pub fn suppressed(&mut self, how_many: u64) {
        self.suppressed.sum += how_many;
    }

    /// Counts a finding. `identity` feeds what makes it the same finding in another
    /// report into a hash, and is only called when there is a comparison to make;
    /// `words` is only called when the finding is shown.
    pub fn finding(
        &mut self,
        finding: &Finding<'_>,
        identity: impl FnOnce(&mut dyn Hasher),
        words: impl FnOnce() -> Words,
    ) {
        let fingerprint = || {
            let mut hasher = self.keys.build_hasher();
            identity(&mut hasher);
            hasher.finish()
        };
        let new = match &mut self.past {
            Past::Without => finding.new,
            Past::Remember(memory) => {
                memory.remember(fingerprint());
                finding.new
            }
            Past::Known(known) => Some(!known.take(fingerprint())),
        };
        self.add(finding, new, words);
    }

    /// Counts a finding that cannot be told from others in another report, for its own does not say where it lies.
    /// No baseline knows it: beside one it is new.
    pub fn finding_somewhere(&mut self, finding: &Finding<'_>, words: impl FnOnce() -> Words) {
        self.somewhere += 1;
        let new = if matches!(self.past, Past::Known(_)) { Some(true) } else { finding.new };
        self.add(finding, new, words);
    }

    /// How many findings no baseline can know.
    #[must_use]
    pub fn somewhere(&self) -> u64 {
        self.somewhere
    }

    fn add(&mut self, finding: &Finding<'_>, new: Option<bool>, words: impl FnOnce() -> Words) {
        let Finding { rule, level, severity, .. } = *finding;
        self.findings.add(level, severity);
        self.rules.add(rule, &self.bounds);
        match new {
            Some(true) => self.new.add(level, severity),
            Some(false) => {}
            None => self.unplaced += 1,
        }
        if let Some(vulnerability) = finding.vulnerability {
            self.spoken = true;
            self.vulnerabilities.get_or_insert_default().add(finding, vulnerability, new == Some(true), &self.bounds);
        }
        let weight = match level {
            Level::Error => Weight::Error,
            Level::Warning => Weight::Warning,
            Level::Note | Level::None => Weight::Note,
        };
        let new = new == Some(true);
        self.notables.offer(weight, new, finding.rank, || {
            let Words { title, message, path, line } = words();
            Notable {
                weight,
                new,
                rank: finding.rank,
                title: shortened(&title, Notables::TEXT),
                message: shortened(&message, Notables::TEXT),
                path: path.filter(|path| path.len() <= PATH),
                line,
            }
        });
    }

    /// What the reports measure so far.
    #[must_use]
    pub fn measures(&self) -> Measures {
        let mut measures = Measures::new();
        let counts = &self.findings;
        counts.state(&mut measures, FINDINGS);
        counts.state_levels(&mut measures, LEVELS);
        if !self.suppressed.silent {
            measures.count("findings.suppressed", self.suppressed.sum);
        }
        self.rules.state(&mut measures, "findings.rules");
        let new_is_known = match self.past {
            Past::Known(_) => true,
            Past::Without | Past::Remember(_) => self.unplaced == 0 && counts.total > 0,
        };
        if new_is_known {
            self.new.state(&mut measures, NEW_FINDINGS);
            self.new.state_levels(&mut measures, NEW_LEVELS);
        }
        if let Some(vulnerabilities) = self.vulnerabilities.as_ref().filter(|_| !self.unspoken) {
            vulnerabilities.state(&mut measures, new_is_known);
        }
        if let Some(floor) = self.floor {
            measures.retain(|name| is_above(name, floor));
        }
        measures
    }

    /// What the reports measure, and the entries that a person should see first.
    #[must_use]
    pub fn finish(self) -> (Measures, Notables) {
        (self.measures(), self.notables)
    }
}

impl Vulnerabilities {
    fn add(&mut self, finding: &Finding<'_>, stated: Vulnerability, new: bool, bounds: &Bounds) {
        let Finding { rule, level, severity, .. } = *finding;
        self.counts.add(level, severity);
        self.ids.add(rule, bounds);
        if new {
            self.new.add(level, severity);
        }
        match stated.fixable {
            Some(true) => self.fixable.sum.add(level, severity),
            Some(false) => {}
            None => self.fixable.silent = true,
        }
        match stated.exploited {
            Some(true) => {
                self.exploited.sum += 1;
                self.exploited_ids.add(rule, bounds);
            }
            Some(false) => {}
            None => self.exploited.silent = true,
        }
    }

    fn state(&self, measures: &mut Measures, new_is_known: bool) {
        self.counts.state(measures, VULNERABILITIES);
        self.ids.state(measures, "vulnerabilities.ids");
        if !self.exploited.silent {
            measures.count("vulnerabilities.exploited", self.exploited.sum);
            self.exploited_ids.state(measures, "vulnerabilities.exploited_ids");
        }
        if !self.fixable.silent {
            self.fixable.sum.state(measures, FIXABLE);
        }
        if new_is_known {
            self.new.state(measures, NEW_VULNERABILITIES);
        }
    }
}

/// Feeds a text into an identity so that where it ends is part of it.
pub fn identify(hasher: &mut dyn Hasher, part: &str) {
    let mut hasher = hasher;
    part.hash(&mut hasher);
}

/// Whether a measure is of nothing but what is as grave as a severity or graver, so that a report tells all of it
/// which leaves out what is below. Levels are those of [`Level::of_severity`].
fn is_above(name: &str, floor: Severity) -> bool {
    match name.rsplit('.').next() {
        Some("critical") => true,
        Some("high" | "error") => floor <= Severity::High,
        Some("medium" | "warning") => floor <= Severity::Medium,
        _ => false,
    }
}

const LEVELS: [&str; 4] = ["findings.error", "findings.warning", "findings.note", "findings.none"];
const NEW_LEVELS: [&str; 3] = ["findings.new.error", "findings.new.warning", "findings.new.note"];
/// What else is said of all findings together.
const LISTS: [&str; 5] = [
    "findings.rules",
    "findings.suppressed",
    "vulnerabilities.ids",
    "vulnerabilities.exploited",
    "vulnerabilities.exploited_ids",
];
const FINDINGS: [&str; 6] =
    ["findings.total", "findings.critical", "findings.high", "findings.medium", "findings.low", "findings.unrated"];
const NEW_FINDINGS: [&str; 6] = [
    "findings.new.total",
    "findings.new.critical",
    "findings.new.high",
    "findings.new.medium",
    "findings.new.low",
    "findings.new.unrated",
];
const VULNERABILITIES: [&str; 6] = [
    "vulnerabilities.total",
    "vulnerabilities.critical",
    "vulnerabilities.high",
    "vulnerabilities.medium",
    "vulnerabilities.low",
    "vulnerabilities.unrated",
];
const FIXABLE: [&str; 6] = [
    "vulnerabilities.fixable.total",
    "vulnerabilities.fixable.critical",
    "vulnerabilities.fixable.high",
    "vulnerabilities.fixable.medium",
    "vulnerabilities.fixable.low",
    "vulnerabilities.fixable.unrated",
];
const NEW_VULNERABILITIES: [&str; 6] = [
    "vulnerabilities.new.total",
    "vulnerabilities.new.critical",
    "vulnerabilities.new.high",
    "vulnerabilities.new.medium",
    "vulnerabilities.new.low",
    "vulnerabilities.new.unrated",
];
