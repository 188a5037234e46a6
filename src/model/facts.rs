//! The facts: what is known of one release on its way into one environment.
//!
//! A versioned document. Whoever gathers it reads the forge, the directory, the
//! change system and the record; nothing is decided there. Every value that
//! could not be read says so ([`Fact`]), and what the document does not state at
//! all is as unknown as what could not be read. The instant of the decision is
//! no fact: an unchanged world has an unchanged document, byte for byte.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub mod act;
mod digest;
pub mod evidence;
pub mod fact;
pub mod history;
mod keyed;
mod or_null;
pub mod people;
pub mod reading;
pub mod record;
pub mod release;

pub use act::{Act, Deed, Saw, Standing, Via};
pub use evidence::{GateEvidence, Signer};
pub use fact::Fact;
pub use history::{Deployment, ExperimentCount, Outcome, OwedObligation, TeamHistory};
pub use people::{Account, AccountFacts, AccountKind, Joined, Member};
pub use record::{CabDecision, CabOutcome, ChangeRecord, Condition, Field, Incident, ModelState, Turn};
pub use release::{Change, Commit, Grant, Landing, Merge, Package, Part, Reference, Release, Released, Vulnerability};

/// The version of the facts document.
pub const VERSION: u32 = 1;

/// What is known of one release × environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Countersign facts")]
pub struct Facts {
    /// The version of this document's shape: 1.
    pub version: u32,
    /// What is released, where to, and what it is made of.
    pub release: Release,
    /// The accounts that the document speaks of, by `forge:login`. One that is not here is unknown.
    #[serde(default, deserialize_with = "keyed::once")]
    pub accounts: BTreeMap<Account, AccountFacts>,
    /// Who is in the groups that roles name, by the name that the policy uses: `github:@acme/infra`,
    /// `gitlab:acme/leads`, `group:internal-audit`. Every page, inherited members included.
    #[serde(default, deserialize_with = "keyed::once_folded")]
    pub groups: BTreeMap<String, Fact<Vec<Member>>>,
    /// What people did, in the order of the record, each by a name of its own.
    #[serde(default, deserialize_with = "keyed::acts")]
    pub acts: Fact<Vec<Act>>,
    /// What was found for each gate, by the gate's name; `layer/name` where two layers state one.
    #[serde(default, deserialize_with = "keyed::once")]
    pub evidence: BTreeMap<String, Fact<GateEvidence>>,
    /// The change record; absent where none is linked.
    #[serde(default)]
    pub change_record: Fact<ChangeRecord>,
    /// The incidents that are open.
    #[serde(default)]
    pub incidents: Fact<Vec<Incident>>,
    /// What each team released before, by the team's name in the policy.
    #[serde(default, deserialize_with = "keyed::once")]
    pub teams: BTreeMap<String, Fact<TeamHistory>>,
    /// What earlier releases of these teams left to be done, met or not.
    #[serde(default)]
    pub obligations: Fact<Vec<OwedObligation>>,
    /// What was deployed of these components, here and in the environment that this one is promoted from;
    /// the oldest first.
    #[serde(default)]
    pub deployments: Fact<Vec<Deployment>>,
    /// How the standard changes that the policy names stand, by name. Absent: never approved.
    #[serde(default, deserialize_with = "keyed::once")]
    pub standard_changes: BTreeMap<String, Fact<ModelState>>,
    /// What the change advisory board decided on this release; absent where it has not yet.
    #[serde(default)]
    pub cab: Fact<Vec<CabDecision>>,
    /// The board's meetings from its feed, where the policy names a feed: their beginnings, UTC.
    #[serde(default)]
    pub meetings: Fact<Vec<DateTime<Utc>>>,
    /// How experiments stand, by name.
    #[serde(default, deserialize_with = "keyed::once")]
    pub experiments: BTreeMap<String, Fact<ExperimentCount>>,
}
