//! What went before: deployments, how they ended, and what they left to be done.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::release::Released;
use super::{Account, Fact};

/// How a deployment ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It runs.
    Succeeded,
    /// It does not, or an incident followed within the time that counts.
    Failed,
    /// It was given up before anything changed.
    Cancelled,
}

/// One deployment of some of these components.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Deployment {
    /// The release that went.
    pub release: String,
    /// The environment.
    pub environment: String,
    /// The commit.
    pub commit: String,
    /// The components, each with what of it went.
    #[serde(deserialize_with = "super::keyed::once")]
    pub components: BTreeMap<String, Released>,
    /// When the environment was opened for it, UTC.
    pub opened_at: DateTime<Utc>,
    /// When it ran, UTC; absent while it does not.
    #[serde(default)]
    pub finished_at: Fact<DateTime<Utc>>,
    /// How it ended; absent while it has not.
    #[serde(default)]
    pub outcome: Fact<Outcome>,
    /// Whether a decision of ours opened it.
    #[serde(default)]
    pub approved: Fact<bool>,
}

/// What a team released before.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TeamHistory {
    /// Its deployments to environments that need approval, the oldest first, a year back at least.
    pub deployments: Vec<TeamDeployment>,
}

/// One deployment of a team.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TeamDeployment {
    /// When it ran, UTC.
    pub at: DateTime<Utc>,
    /// Whether it was an emergency. Where that is not known it counts as one.
    #[serde(default)]
    pub emergency: Fact<bool>,
    /// Whether it failed by its own status. Where that is not known it did.
    #[serde(default)]
    pub failed: Fact<bool>,
    /// The incidents that are linked to it as their cause, open or not; absent where none is. One that began within the
    /// time that the policy states (`rigor.incidents_within`) makes it a failure. Where they are not known it is one.
    #[serde(default)]
    pub incidents: Fact<Vec<LinkedIncident>>,
    /// When the failure was detected, UTC; absent where none was.
    #[serde(default)]
    pub detected_at: Fact<DateTime<Utc>>,
    /// When service was restored, UTC; absent where it is not, or nothing failed.
    #[serde(default)]
    pub restored_at: Fact<DateTime<Utc>>,
}

/// Something that an earlier release left to be done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OwedObligation {
    /// Its name in the record.
    pub id: String,
    /// What it is: `validate`, `cab_review`, `audit`, `pir`, `back_merge`.
    pub kind: String,
    /// The release that it comes from.
    pub release: String,
    /// The team.
    pub team: String,
    /// The components of that release.
    #[serde(default)]
    pub components: Vec<String>,
    /// The role that meets it.
    pub by: String,
    /// When it was opened, UTC: what was done before that does not meet it. Where it is not known nothing that people did
    /// meets it.
    #[serde(default)]
    pub opened_at: Fact<DateTime<Utc>>,
    /// When it must be met, UTC; that instant is late. Absent: whenever. Where it is not known it is late.
    #[serde(default)]
    pub due: Fact<DateTime<Utc>>,
    /// Who contributed to that release, and so cannot meet it.
    #[serde(default)]
    pub contributors: Fact<Vec<Account>>,
    /// Whether meeting it needs something to be attached. Where that is not known it does.
    #[serde(default)]
    pub needs_evidence: Fact<bool>,
    /// The incidents that the release caused.
    #[serde(default)]
    pub incidents: Vec<String>,
    /// Whether the record says that it is met. What people did since then is among the acts. Where it is not known it is
    /// not met.
    #[serde(default)]
    pub met: Fact<bool>,
}

/// An incident that a deployment caused, as far as anybody linked the two.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkedIncident {
    /// Its name in its system.
    pub id: String,
    /// When it began, UTC. Where that is not known it began in time to count.
    #[serde(default)]
    pub began_at: Fact<DateTime<Utc>>,
}

/// How the two paths of an experiment did so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExperimentCount {
    /// Releases on the usual path.
    pub a_releases: u64,
    /// Of them, failed.
    pub a_failed: u64,
    /// Releases on the other path.
    pub b_releases: u64,
    /// Of them, failed.
    pub b_failed: u64,
    /// Whether a person or its guardrail stopped it. Where that is not known it is stopped.
    #[serde(default)]
    pub stopped: Fact<bool>,
}
