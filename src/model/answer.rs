//! What the app answers a job that asks for the decision on its release.

use serde::{Deserialize, Serialize};

/// What is said where it could not be decided.
pub const UNKNOWN: &str = "unknown";

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The environment that it is about.
    pub environment: String,
    /// The commit that it is about.
    pub commit: String,
    /// `proceed`, `hold`, `reject`, or [`UNKNOWN`].
    pub decision: String,
    /// Why, in one sentence.
    pub summary: String,
    /// What the decision is called: SHA-256 of its document in the app's record. Absent where nothing was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The number of its entry there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<u64>,
}

impl Answer {
    /// Whether it is the last word.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self.decision.as_str(), "proceed" | "reject")
    }
}
