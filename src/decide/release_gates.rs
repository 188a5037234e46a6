//! The gates of a release, each judged by the evidence that the facts state.

use crate::decide::gates::Judgement;
use crate::policy::gate::Gate;

/// One gate, judged.
#[derive(Debug)]
pub struct Judged<'s> {
    /// The gate.
    pub gate: &'s Gate,
    /// What it comes to.
    pub judgement: Judgement,
}

impl Judged<'_> {
    /// Whether a name means this gate: its own, or with its layer before it.
    #[must_use]
    pub fn named(&self, name: &str) -> bool {
        name == self.gate.name
            || name.split_once('/').is_some_and(|(layer, rest)| layer == self.gate.layer && rest == self.gate.name)
    }
}
