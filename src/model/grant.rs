//! A break-glass grant as it is signed: what two people let go while nobody could ask the app.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What a grant opens: one release, for some hours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfflineGrant {
    /// Its identifier: digits, small and capital letters of ASCII, `-`; at most 64.
    pub id: String,
    /// Why the release cannot wait for the app, for whoever looks back at it.
    pub reason: String,
    /// The repository: `acme/payments`.
    pub repository: String,
    /// The environment that it opens, as the policy names it.
    pub environment: String,
    /// The commit, hexadecimal and whole.
    pub commit: String,
    /// The components that it lets go, as the policy names them.
    pub components: Vec<String>,
    /// SHA-256 digests of the artifacts that it lets go; empty where nothing is built.
    pub artifacts: Vec<String>,
    /// From when on it counts, UTC.
    pub granted_at: DateTime<Utc>,
    /// From when on it counts no longer, UTC.
    pub expires_at: DateTime<Utc>,
}

/// One use of a grant, as it is written down where all jobs that may deploy see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantUse {
    /// SHA-256 of the grant's signed text, hexadecimal.
    pub grant: String,
    /// When it was used, UTC.
    pub used_at: DateTime<Utc>,
    /// The run that used it: that run tried again is the same use.
    pub run: String,
    /// The account that started that run, as far as its job knew: `github:ana`. Of a run that no forge knows it is the one word
    /// there is, and where it is missing the grant does not hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_by: Option<String>,
}
