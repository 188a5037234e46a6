//! What somebody who deploys tells the app of a deployment, where no forge knows of it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// How far a deployment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// It began.
    Started,
    /// It runs.
    Succeeded,
    /// It does not.
    Failed,
}

impl Progress {
    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }
}

/// What one deployment came to so far. One deployment is what the same deployer says of the same content under the same
/// address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeploymentReport {
    /// The app that is told, by its address without a path: what is meant for one counts at no other.
    pub to: String,
    /// The repository: `acme/payments`.
    pub repository: String,
    /// The environment, exactly as the policy names it.
    pub environment: String,
    /// The components that went, by name in the policy; empty: whatever the decision let go.
    #[serde(default)]
    pub components: Vec<String>,
    /// The commit, hexadecimal and whole. Left out where the content is told by its digest alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// SHA-256 of the artifact that went: `sha256:` and 64 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// How far it is.
    pub status: Progress,
    /// Where people see it: the address of this deployment and of no other.
    pub url: String,
    /// Since when it is so, UTC.
    pub at: DateTime<Utc>,
}
