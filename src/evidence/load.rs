//! The tally of load.

use crate::model::measures::Measures;
use crate::model::notable::Notables;

/// What reports add up to.
#[derive(Debug, Default)]
pub struct LoadTally {}

impl LoadTally {
    /// An empty tally.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
    /// An empty tally that remembers what a later one will be compared with.
    #[must_use]
    pub fn for_baseline() -> Self {
        Self::default()
    }
    /// An empty tally that compares with the last release's.
    #[must_use]
    pub fn against(_before: Self) -> Self {
        Self::default()
    }
    /// What the reports measure so far.
    #[must_use]
    pub fn measures(&self) -> Measures {
        Measures::new()
    }
    /// What the reports measure, and the entries that a person should see first.
    #[must_use]
    pub fn finish(self) -> (Measures, Notables) {
        (self.measures(), Notables::new())
    }
}
