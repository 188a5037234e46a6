//! The tally of coverage: covered lines, branches, functions and byte-code
//! instructions out of all.
//!
//! Several reports of one gate add up: their covered counts and their totals.
//! A sum is known only while every report states its part, so that a report
//! without branches never makes the branches of another look like all of them.
//! A ratio over nothing stays unknown.
//!
//! Reports that state totals beside their entries are held to one rule, told at
//! [`settle`].

use crate::model::bounds::Bounds;
use crate::model::measures::Measures;
use crate::model::report::Fault;

/// How far a stated rate may lie from its counts: tools round to two decimals.
const ROUNDING: f64 = 0.01;

/// Covered out of all. Never more covered than there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    covered: u64,
    total: u64,
}

impl Count {
    /// A count, or `None` where more would be covered than there are.
    #[must_use]
    pub fn new(covered: u64, total: u64) -> Option<Self> {
        (covered <= total).then_some(Self { covered, total })
    }

    /// Counts one more.
    pub fn note(&mut self, covered: bool) {
        *self = self.and(Self { covered: covered.into(), total: 1 });
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { covered: self.covered.saturating_add(other.covered), total: self.total.saturating_add(other.total) }
    }

    /// How many there are in all.
    #[must_use]
    pub fn total(self) -> u64 {
        self.total
    }

    fn missed(self) -> u64 {
        self.total - self.covered
    }

    /// The covered part, 0 to 1; unknown where there is nothing to cover.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts stay below 2^53, see `whole`")]
    pub fn ratio(self) -> Option<f64> {
        (self.total > 0).then(|| self.covered as f64 / self.total as f64)
    }
}

impl std::fmt::Display for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {}", self.covered, self.total)
    }
}

/// What one report covers. What it does not state is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Covered {
    /// Lines.
    pub lines: Option<Count>,
    /// Branches.
    pub branches: Option<Count>,
    /// Functions and methods.
    pub functions: Option<Count>,
    /// Byte-code instructions.
    pub instructions: Option<Count>,
}

/// What reports add up to.
#[derive(Debug, Default)]
pub struct CoverageTally {
    sum: Option<Covered>,
    pub(super) bounds: Bounds,
}

impl CoverageTally {
    /// An empty tally.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads as much as the bounds say.
    pub fn within(&mut self, bounds: Bounds) {
        self.bounds = bounds;
    }

    /// Adds one report.
    pub fn add(&mut self, report: Covered) {
        let both = |one: Option<Count>, other: Option<Count>| Some(one?.and(other?));
        self.sum = Some(self.sum.map_or(report, |sum| Covered {
            lines: both(sum.lines, report.lines),
            branches: both(sum.branches, report.branches),
            functions: both(sum.functions, report.functions),
            instructions: both(sum.instructions, report.instructions),
        }));
    }

    /// What the names of measures begin with that a report has left open so far.
    #[must_use]
    pub fn open(&self) -> Vec<&'static str> {
        let Some(sum) = self.sum else { return Vec::new() };
        [
            (sum.lines, "coverage.lines"),
            (sum.branches, "coverage.branches"),
            (sum.functions, "coverage.functions"),
            (sum.instructions, "coverage.instructions"),
        ]
        .into_iter()
        .filter_map(|(count, names)| count.is_none().then_some(names))
        .collect()
    }

    /// What the reports measure so far.
    #[must_use]
    pub fn measures(&self) -> Measures {
        let mut measures = Measures::new();
        let Some(sum) = self.sum else { return measures };
        for (name, count) in [
            ("coverage.lines", sum.lines),
            ("coverage.branches", sum.branches),
            ("coverage.functions", sum.functions),
            ("coverage.instructions", sum.instructions),
        ] {
            if let Some(ratio) = count.and_then(Count::ratio) {
                measures.number(name, ratio);
            }
        }
        if let Some(lines) = sum.lines {
            measures.count("coverage.lines_covered", lines.covered);
            measures.count("coverage.lines_total", lines.total);
        }
        if let Some(branches) = sum.branches {
            measures.count("coverage.branches_covered", branches.covered);
            measures.count("coverage.branches_total", branches.total);
        }
        measures
    }
}

/// Holds stated totals against the entries that are listed, and tells which
/// count the report means.
///
/// Stated totals rule where there are any: tools count code that they do not
/// list (PHPUnit statements outside of classes, `llvm-cov` a line once for every
/// function that it is in). But totals that leave out what is listed — fewer
/// entries, or fewer that are not covered — contradict the report.
pub fn settle(what: &str, stated: Option<Count>, listed: Option<Count>) -> Result<Option<Count>, Fault> {
    if let (Some(stated), Some(listed)) = (stated, listed)
        && (listed.total > stated.total || listed.missed() > stated.missed())
    {
        return Err(Fault::contradictory(format!(
            "the totals say that {stated} {what} are covered, the entries that {listed} are; write the report anew, \
             with one run of one tool"
        )));
    }
    Ok(stated.or(listed))
}

/// Holds a stated rate against the count that it should come from.
pub fn agree(what: &str, rate: Option<f64>, count: Option<Count>) -> Result<(), Fault> {
    match (rate, count.and_then(Count::ratio)) {
        (Some(rate), Some(ratio)) if (rate - ratio).abs() > ROUNDING => Err(Fault::contradictory(format!(
            "the report states that {rate} of its {what} are covered, and counts {ratio:.4}; write it anew, with one \
             run of one tool"
        ))),
        _ => Ok(()),
    }
}

/// A count as tools write it: `12`, and `12.0` too. `None` for anything else, and for 2⁵³ and above.
#[must_use]
pub fn whole(text: &str) -> Option<u64> {
    let number = text.trim();
    let number = number
        .split_once('.')
        .map_or(number, |(whole, rest)| if rest.bytes().all(|digit| digit == b'0') { whole } else { "" });
    number.parse().ok().filter(|count| *count < 1 << 53)
}
