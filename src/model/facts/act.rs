//! What people did.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Account, Fact};
use crate::model::verdict::Verdict;

/// One thing that somebody did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Act {
    /// Its name in the record.
    pub id: String,
    /// When, UTC, by the forge's clock.
    pub at: DateTime<Utc>,
    /// By which account.
    pub by: Account,
    /// Who acted under that account's name; absent where nobody else did. Left out it is unknown: nothing that opens counts
    /// by such an act, and what speaks against a release is heard.
    #[serde(default)]
    pub impersonated_by: Fact<Account>,
    /// Where the person did it.
    pub via: Via,
    /// What the person did.
    pub does: Deed,
    /// Why, in the person's own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the person was shown.
    #[serde(default)]
    pub saw: Saw,
    /// Whether it still stands. It has to be said: what nobody looked at may have been edited since.
    pub standing: Standing,
    /// The roles that the person held then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<String>,
}

impl Act {
    /// Whether it is known that nobody else acted under the account's name: for what opens.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.impersonated_by.is_absent()
    }

    /// Whether it is not known that somebody else did: for what tightens.
    #[must_use]
    pub fn may_be_own(&self) -> bool {
        self.impersonated_by.known().is_none()
    }
}

/// Where somebody acted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// A review of the forge's deployment or environment.
    Environment,
    /// A command in a comment, or a button of a check.
    Command,
    /// The release page.
    Page,
    /// A review of the pull or merge request: an approval of the change.
    Review,
    /// A chat message's button.
    Chat,
    /// The change system.
    ChangeRecord,
    /// The command line, signed.
    Console,
}

/// Whether an act still stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It does.
    #[default]
    Stands,
    /// Its text was edited afterwards. It never counts again.
    Edited,
    /// The forge dismissed it. It never counts again.
    Dismissed,
}

/// What the person was shown. What is not named here an act that is about the release is not about, where the release has
/// it; only a review of a change names nothing but the change. A waiver is of every repository that it does not leave out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Saw {
    /// The environment; a review of a change has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// The repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The changes, each with the digest of its content.
    #[serde(default, deserialize_with = "super::keyed::once")]
    pub changes: BTreeMap<String, String>,
    /// The components, each with the digest of its content.
    #[serde(default, deserialize_with = "super::keyed::once")]
    pub components: BTreeMap<String, String>,
    /// SHA-256 digests of the artifacts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<String>,
    /// The requirements, each with the digest that the decision gives it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "super::keyed::once")]
    pub requirements: BTreeMap<String, String>,
    /// The gates, each with its verdict.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "super::keyed::once")]
    pub gates: BTreeMap<String, Verdict>,
    /// The other parts of the package, each with the digest of its content.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "super::keyed::once")]
    pub parts: BTreeMap<String, String>,
    /// The change record, by its name. Needed of an approval where the policy asks for a record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
}

/// What somebody did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Deed {
    /// Approves: the release, or with a review the change.
    Approve {
        /// In which role; any that the person holds when left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        role: Option<String>,
        /// What the role makes its holder declare.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        accepts: Option<String>,
    },
    /// Approves a policy, by the SHA-256 digest of its layers.
    ApprovePolicy {
        /// The digest.
        policy: String,
    },
    /// Rejects the release.
    Reject {},
    /// Says something without approving or rejecting, as somebody who is consulted does.
    Comment {},
    /// Takes an earlier act back.
    Withdraw {
        /// Its name.
        of: String,
    },
    /// Names a stand-in.
    Delegate {
        /// In which role.
        role: String,
        /// Whom.
        to: Account,
        /// From when, UTC.
        from: DateTime<Utc>,
        /// Until when, UTC; that instant is outside.
        until: DateTime<Utc>,
    },
    /// Declares an absence.
    Away {
        /// From when, UTC.
        from: DateTime<Utc>,
        /// Until when, UTC; that instant is outside.
        until: DateTime<Utc>,
    },
    /// Ticks an item of a checklist.
    Tick {
        /// The gate.
        gate: String,
        /// The item, as the policy states it.
        item: String,
        /// A link or the digest of an attachment.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        proof: Option<String>,
    },
    /// Verifies a gate's evidence, by its digests.
    Verify {
        /// The gate.
        gate: String,
        /// SHA-256 digests of the evidence that was looked at.
        #[serde(default)]
        evidence: Vec<String>,
    },
    /// Lets releases past a gate.
    Waive {
        /// The gate.
        gate: String,
        /// Where; everywhere when empty. It has to be said: left out it would be everywhere.
        environments: Vec<String>,
        /// Until when, UTC; that instant is outside.
        until: DateTime<Utc>,
        /// What guards instead.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        compensating_control: Option<String>,
        /// A condition over the facts under which alone it holds, `null` where there is none. It has to be said: left out it
        /// would hold under any.
        #[serde(deserialize_with = "super::or_null::read")]
        #[schemars(with = "super::or_null::OrNull<String>")]
        when: Option<String>,
    },
    /// Says that the release is an emergency.
    ClaimEmergency {},
    /// Confirms that the release fixes an incident.
    ConfirmFix {
        /// The incident.
        incident: String,
    },
    /// Lets the release go during a freeze.
    ExceptFreeze {
        /// The freeze.
        freeze: String,
    },
    /// Answers for a commit that nobody can be found for.
    Vouch {
        /// The commit.
        commit: String,
    },
    /// Clears somebody whom a commit names without his doing.
    Clear {
        /// Whom.
        account: Account,
        /// The commit that names him.
        commit: String,
    },
    /// Meets an obligation of an earlier release.
    Complete {
        /// The obligation.
        obligation: String,
        /// Links, or digests of attachments.
        #[serde(default)]
        evidence: Vec<String>,
    },
}

impl Deed {
    /// What it does, in the word that begins its command.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Approve { .. } => "approve",
            Self::ApprovePolicy { .. } => "policy",
            Self::Reject {} => "reject",
            Self::Comment {} => "comment",
            Self::Withdraw { .. } => "withdraw",
            Self::Delegate { .. } => "delegate",
            Self::Away { .. } => "away",
            Self::Tick { .. } => "tick",
            Self::Verify { .. } => "verify",
            Self::Waive { .. } => "waive",
            Self::ClaimEmergency {} => "emergency",
            Self::ConfirmFix { .. } => "confirm",
            Self::ExceptFreeze { .. } => "except",
            Self::Vouch { .. } => "vouch",
            Self::Clear { .. } => "clear",
            Self::Complete { .. } => "validate",
        }
    }
}
