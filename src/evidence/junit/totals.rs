//! Whether the totals that a suite states are those of its cases.
//!
//! Every dialect counts in its own way, so each suite may be right in one of
//! several: with the suites inside it, without them, or (Node's test runner) with
//! each of them as one case; cases, or each run of a
//! case (Surefire); failures and errors apart or, as Mocha and Nette Tester do,
//! under one of the two words. What no dialect does is a contradiction: above
//! all, failures that no case shows, cases that fail in a suite that states none,
//! and passing cases that the total does not know or knows more of.
//!
//! Differences that are known and harmless, because each case is counted as it
//! stands: pytest counts a teardown error as one more test, and subtests that
//! have no case of their own; hooks and files that fail to load are cases that
//! the total leaves out (Mocha, Jest); Android's runner leaves failed assumptions
//! out of `skipped`; Cucumber counts a case as skipped whose hook then failed.

/// The totals that a suite states.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stated {
    pub(super) tests: Option<u64>,
    pub(super) failures: Option<u64>,
    pub(super) errors: Option<u64>,
    /// `skipped`, `skips`, `skip`, `ignored` or `disabled`, whichever is greatest.
    pub(super) skipped: Option<u64>,
}

/// What the cases of a suite were.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    /// Cases, and failures that stand in a suite itself.
    pub(super) cases: u64,
    /// Of them, those that did not pass.
    pub(super) failed: u64,
    /// Of the failed, those that ended in an error.
    pub(super) errored: u64,
    /// Cases that were skipped.
    pub(super) skipped: u64,
    /// Elements that tell of a failure or an error, reruns included; at least one a failed case.
    pub(super) complaints: u64,
    /// Of them, those that tell of a rerun.
    pub(super) reruns: u64,
    /// Failed cases that the totals are known to leave out.
    pub(super) excused: u64,
}

/// The ways of a tool that decide how its totals are to be read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Dialect {
    /// Counts subtests that have no case of their own.
    pub(super) pytest: bool,
    /// Leaves cases that are still to be written out of its totals, and marks them in no other way.
    pub(super) jest: bool,
}

impl Seen {
    pub(super) fn add(&mut self, other: &Self) {
        self.cases += other.cases;
        self.failed += other.failed;
        self.errored += other.errored;
        self.skipped += other.skipped;
        self.complaints += other.complaints;
        self.reruns += other.reruns;
        self.excused += other.excused;
    }

    /// The sum of two.
    pub(super) fn with(mut self, other: &Self) -> Self {
        self.add(other);
        self
    }

    fn passed(&self) -> u64 {
        self.cases.saturating_sub(self.failed + self.skipped)
    }
}

impl Stated {
    /// Whether these can be the totals of those cases.
    pub(super) fn agrees(&self, seen: &Seen, dialect: Dialect) -> bool {
        self.tests_agree(seen, dialect) && self.failures_agree(seen) && self.skipped_agree(seen)
    }

    /// Settles what jest-junit leaves out of its totals: a test that is still to
    /// be written looks like one that passed, and a file that could not be loaded
    /// is one error and up to two cases. Says how many cases were not run.
    pub(super) fn settle_jest(&self, seen: &mut Seen) -> u64 {
        let Some(tests) = self.tests else { return 0 };
        let failures = self.failures.unwrap_or(0).saturating_add(self.errors.unwrap_or(0));
        if tests == 0 && failures > 0 {
            seen.excused = seen.failed.saturating_sub(failures);
        }
        let passed = tests.saturating_sub(seen.failed + seen.skipped);
        let not_run = seen.passed().saturating_sub(passed);
        seen.skipped += not_run;
        not_run
    }

    fn tests_agree(&self, seen: &Seen, dialect: Dialect) -> bool {
        let Some(tests) = self.tests else { return true };
        (seen.passed()..=seen.cases + seen.errored).contains(&tests)
            || tests == seen.cases + seen.reruns
            || (dialect.pytest && tests > seen.cases)
    }

    fn failures_agree(&self, seen: &Seen) -> bool {
        let (stated, least) = match (self.failures, self.errors) {
            (None, None) => return true,
            (Some(failures), Some(errors)) => (failures.saturating_add(errors), seen.failed),
            (Some(failures), None) => (failures, seen.failed - seen.errored),
            (None, Some(errors)) => (errors, seen.errored),
        };
        (least.saturating_sub(seen.excused)..=seen.complaints).contains(&stated)
    }

    fn skipped_agree(&self, seen: &Seen) -> bool {
        self.skipped.is_none_or(|skipped| skipped <= seen.skipped + seen.failed)
    }
}

impl std::fmt::Display for Stated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let all =
            [("tests", self.tests), ("failures", self.failures), ("errors", self.errors), ("skipped", self.skipped)];
        let mut apart = "";
        for (word, count) in all {
            if let Some(count) = count {
                write!(f, "{apart}{word}={count}")?;
                apart = " ";
            }
        }
        Ok(())
    }
}

impl std::fmt::Display for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} tests, {} failures, {} errors, {} skipped",
            self.cases,
            self.failed - self.errored,
            self.errored,
            self.skipped
        )
    }
}
