//! Change records, incidents, standard changes and what the CAB decided.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::{Account, Fact};

/// The change record that is linked to a release.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeRecord {
    /// Its name in its system: `CHG0030001`.
    pub id: String,
    /// Its state, in the system's own word.
    #[serde(default)]
    pub state: Fact<String>,
    /// Who brought it into that state, where that could be anybody; left out where its system sees to it who may. It counts
    /// as one that lets a release go only from somebody who holds a role and had no hand in the release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_by: Option<Account>,
    /// The components that it is for, by name in the policy.
    #[serde(default)]
    pub components: Fact<Vec<String>>,
    /// From when the change is planned, UTC; absent: no window.
    #[serde(default)]
    pub from: Fact<DateTime<Utc>>,
    /// Until when, UTC; that instant is outside.
    #[serde(default)]
    pub until: Fact<DateTime<Utc>>,
    /// What is filled in, by the names that the policy's `needs` uses. Beside them `window`, `components` and `reopened` say by
    /// their `edited_at` when the planned window was moved (and by `by` who did, where that could be anybody), a component was added or removed, and the state went back last.
    #[serde(default, deserialize_with = "super::keyed::once")]
    pub fields: BTreeMap<String, Field>,
    /// The incidents that it is linked to as their fix.
    #[serde(default)]
    pub fixes: Vec<String>,
}

/// One field of a change record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Its text.
    #[serde(default)]
    pub text: Fact<String>,
    /// The text that the record's template puts there; absent: none.
    #[serde(default)]
    pub template: Fact<String>,
    /// When it was edited last, UTC; absent: never since it was filled.
    #[serde(default)]
    pub edited_at: Fact<DateTime<Utc>>,
    /// Who wrote it, where that could be anybody; left out where its system sees to it who may. It counts only from
    /// somebody who holds a role and had no hand in the release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Account>,
}

/// An open incident, or one of which somebody says that it is over (`course`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Incident {
    /// Its name in its system.
    pub id: String,
    /// Its severity, in the system's own word.
    #[serde(default)]
    pub severity: Fact<String>,
    /// The components whose service it affects, by name in the policy.
    #[serde(default)]
    pub components: Fact<Vec<String>>,
    /// The release that caused it; absent: none is known to. It does not block the fix of that release.
    #[serde(default)]
    pub caused_by: Fact<String>,
    /// When it was called one, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened_at: Option<DateTime<Utc>>,
    /// What people made of it since, the earliest first, where anybody may. Whoever makes it worse is heard; what makes less
    /// of it counts only from who confirms fixes and had no hand in the release.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub course: Vec<Turn>,
}

/// What somebody made of an incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    /// When, UTC.
    pub at: DateTime<Utc>,
    /// Who; absent: nobody who still has an account.
    #[serde(default)]
    pub by: Fact<Account>,
    /// The severity that it has since, where he changed that; `null`: he took it away.
    #[serde(default, deserialize_with = "said", skip_serializing_if = "Option::is_none")]
    pub severity: Option<Fact<String>>,
    /// The components that it affects since, where he changed that; none: it does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub components: Option<Vec<String>>,
    /// Whether it is over since, where he changed that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<bool>,
}

/// What a key says that is there: a `null` is a value, which a key that is left out has not.
fn said<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Fact<String>>, D::Error> {
    Fact::deserialize(deserializer).map(Some)
}

/// How a standard change stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelState {
    /// When its approvers approved or renewed it last, UTC.
    pub approved_at: DateTime<Utc>,
    /// Who did.
    pub approved_by: Vec<Account>,
    /// When releases under it failed since then, UTC.
    #[serde(default)]
    pub failed_at: Fact<Vec<DateTime<Utc>>>,
    /// Whether somebody suspended it.
    #[serde(default)]
    pub suspended: Fact<bool>,
}

/// One decision of the change advisory board on one item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CabDecision {
    /// When the meeting began, UTC; absent for a vote outside of meetings.
    #[serde(default)]
    pub meeting: Fact<DateTime<Utc>>,
    /// When it was decided, UTC.
    pub at: DateTime<Utc>,
    /// What was decided.
    pub outcome: CabOutcome,
    /// The conditions. An approval with conditions that names none is met by nothing.
    #[serde(default)]
    pub conditions: Vec<Condition>,
    /// Who chaired.
    #[serde(default)]
    pub chair: Fact<Account>,
    /// Who attended, or voted.
    #[serde(default)]
    pub attendees: Fact<Vec<Account>>,
    /// The environment that it was decided for. An approval that names none is of none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// The repository, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The change record, likewise where the policy asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
    /// The changes that were decided on, each with the digest of its content.
    #[serde(default, deserialize_with = "super::keyed::once")]
    pub changes: BTreeMap<String, String>,
    /// The components that were decided on, each with the digest of its content. Needed for what goes without a change.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "super::keyed::once")]
    pub components: BTreeMap<String, String>,
    /// SHA-256 digests of the artifacts that were decided on. Needed for what goes without a change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<String>,
    /// The other parts of the package, each with the digest of its content. Needed of a part of one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "super::keyed::once")]
    pub parts: BTreeMap<String, String>,
    /// What was said.
    #[serde(default)]
    pub notes: String,
}

impl CabDecision {
    /// What a decision of an instant is called among what was looked at: two of one minute read alike in a sentence.
    #[must_use]
    pub fn called(at: DateTime<Utc>) -> String {
        format!("cab:{}", at.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

/// What the board decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CabOutcome {
    /// The change may go.
    Approve,
    /// It may once the conditions are met.
    ApproveWithConditions,
    /// It comes back at the next meeting.
    Defer,
    /// It should not go.
    Reject,
}

/// A condition of the board's approval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// What has to be done or be so, in the board's words.
    pub text: String,
    /// Whether it is met.
    #[serde(default)]
    pub met: Fact<bool>,
}
