//! The decision on one release × environment: whether it may go, and why, as a tree.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::decision::PolicySource;
use super::stated::Stated;

/// The version of this document. It grows by one when a reader of the version
/// before could misread a document.
pub const VERSION: u32 = 1;

/// Whether the release may go into the environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ruling {
    /// It may.
    Proceed,
    /// Not yet.
    Hold,
    /// It may not, by a word that the policy makes final.
    Reject,
}

/// How one requirement stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Said in passing; it decides nothing.
    Note,
    /// It does not apply here.
    NotNeeded,
    /// It is met.
    Met,
    /// It is not met yet, and people or time can still meet it.
    Waiting,
    /// What would decide it is not known.
    Unknown,
    /// It is not met, and something has to be mended first.
    Unmet,
    /// A person's final word.
    Rejected,
}

impl Status {
    /// Whether a release may go as far as this is concerned.
    #[must_use]
    pub fn opens(self) -> bool {
        match self {
            Self::Note | Self::NotNeeded | Self::Met => true,
            Self::Waiting | Self::Unknown | Self::Unmet | Self::Rejected => false,
        }
    }
}

/// One requirement, how it stands, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Node {
    /// The stable code of the reason.
    pub code: super::ground::Ground,
    /// How it stands.
    pub status: Status,
    /// The sentence that a person reads: lower case, no full stop.
    pub says: String,
    /// Where the requirement is stated; absent where it is the product's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stated: Option<Stated>,
    /// What was looked at: acts, digests, records, commits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// Who can meet it now, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub who: Vec<String>,
    /// The next instant at which time alone changes it, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<DateTime<Utc>>,
    /// The requirement's digest, by which an approval says what it was for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// What it is made of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Node>,
}

/// The class of a release: the change types of ITIL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Approved in advance as a model.
    Standard,
    /// Everything else.
    Normal,
    /// It cannot wait.
    Emergency,
}

/// How much hangs on a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Impact {
    /// Below both bands.
    Low,
    /// From the medium band on.
    Medium,
    /// From the high band on, and wherever the score is not known.
    High,
}

/// The risk, itemised.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RiskAccount {
    /// The score; absent where part of it is not known.
    pub score: Option<f64>,
    /// The band.
    pub impact: Impact,
    /// What added how much: the weight's name, its points where they are known, and why.
    pub items: Vec<RiskItem>,
}

/// One item of the risk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RiskItem {
    /// The weight, as the policy names it.
    pub name: String,
    /// How much it adds; absent where that is not known.
    pub points: Option<f64>,
    /// What was found.
    pub because: String,
}

/// What must happen because of the decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OpenedObligation {
    /// What it is: `validate`, `cab_review`, `audit`, `pir`, `back_merge`, `notify_board`, `mark_emergency`.
    pub kind: String,
    /// The role that meets it; absent where the app does it itself.
    pub by: Option<String>,
    /// From when its clock runs, UTC.
    pub from: DateTime<Utc>,
    /// When it is due, UTC; that instant is late. Absent where it has no clock.
    pub due: Option<DateTime<Utc>>,
    /// Whether something must be attached.
    pub needs_evidence: bool,
    /// Where to, for what is told: `slack:#incident-review-board`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub to: Vec<String>,
    /// Where the policy says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stated: Option<Stated>,
}

impl OpenedObligation {
    /// The kinds of what nobody has to do but the app: it is told to the places of the obligation.
    pub const TOLD: [&'static str; 2] = ["notify_board", Self::EMERGENCY];
    /// The kind by which systems are told that a release goes as an emergency.
    pub const EMERGENCY: &'static str = "mark_emergency";
}

/// Something that has to be kept, and for how long.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Kept {
    /// What: `record`, which is the decision with all that it was made from, or `evidence of GATE`.
    pub what: String,
    /// For how long, as the policy writes it: `30d`, `7y`. Absent: until the policy names it no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<String>,
    /// Why that long.
    pub because: String,
    /// Where the policy says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stated: Option<Stated>,
}

/// Somebody who is asked, consulted or told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ask {
    /// The role.
    pub role: String,
    /// Its eligible holders, by name.
    pub people: Vec<String>,
    /// For what: `approve`, `consult`, `inform`, `decide`, `verify`, `confirm`.
    pub to: String,
    /// Why these and not the role's first holders, where others stand in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
}

/// One requirement of approvals, and who fills it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Filled {
    /// The role that is asked.
    pub role: String,
    /// How many different people it takes.
    pub needed: usize,
    /// Whether it is met.
    pub met: bool,
    /// Whether a final word fills it, whatever the number.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_final_word: bool,
    /// The components that it is about; all of the release where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<String>,
    /// The requirement's digest, as in the explanation.
    pub digest: String,
    /// Who fills it.
    pub by: Vec<Approver>,
}

/// Somebody who fills a requirement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Approver {
    /// Who, by name: as the policy or the directory calls him, or else by his login.
    pub person: String,
    /// The role in which he approves: that which is asked, or one that stands in for it.
    pub role: String,
    /// The acts by which he does, by their names in the record.
    pub acts: Vec<String>,
    /// The accounts that those acts are by.
    pub accounts: Vec<String>,
}

/// The kinds of event that could change a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// Somebody does something.
    Act,
    /// A push, or another change in what is released.
    Content,
    /// Evidence arrives.
    Evidence,
    /// The change record changes.
    ChangeRecord,
    /// An incident opens, changes or ends.
    Incident,
    /// A group, an account or the directory changes.
    Directory,
    /// A deployment starts or ends.
    Deployment,
    /// The CAB decides on a release, or on a model of standard changes.
    Cab,
    /// An obligation is met.
    Obligation,
    /// The policy changes.
    Policy,
}

/// What could change the decision.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Revisit {
    /// Which kinds of event.
    pub events: Vec<Event>,
    /// The earliest instant at which time alone can change it, UTC; absent where it cannot.
    pub at: Option<DateTime<Utc>>,
}

/// The decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Countersign release decision")]
pub struct ReleaseDecision {
    /// The version of this document's shape.
    pub version: u32,
    /// Whether the release may go.
    pub decision: Ruling,
    /// One sentence: why, and the shortest way on, naming people.
    pub summary: String,
    /// What is released.
    pub release: String,
    /// Where to, by its name in the policy.
    pub environment: String,
    /// The instant of the decision, UTC.
    pub now: DateTime<Utc>,
    /// The version of the time zone database that was computed with, such as `2026a`.
    pub zone_database: String,
    /// What decided: `countersign` and its version.
    pub tool: String,
    /// The layers of the policy, outermost first.
    pub policy: Vec<PolicySource>,
    /// The files that the policy names, such as calendars: their paths beside the layers, and their content.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attached: Vec<PolicySource>,
    /// SHA-256 of the facts document, lower-case hexadecimal; absent where it was never a document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub facts: Option<String>,
    /// The components that go.
    pub components: Vec<String>,
    /// The class.
    pub class: Class,
    /// The risk.
    pub risk: RiskAccount,
    /// The routes that its components take, each once.
    pub routes: Vec<String>,
    /// Steps of rigor that were added.
    pub rigor: u32,
    /// The explanation: the root's parts are the requirements, in the order in which a policy is read.
    pub tree: Node,
    /// What must happen if it goes now, or because it went under a break-glass grant.
    pub obligations: Vec<OpenedObligation>,
    /// How long what this was decided on has to be kept, by the policy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keep: Vec<Kept>,
    /// Who is asked, consulted and told.
    pub asks: Vec<Ask>,
    /// What approvals are asked, and who fills each.
    pub approvals: Vec<Filled>,
    /// The acts that count, by their names in the record.
    pub counted: Vec<String>,
    /// What could change it.
    pub revisit: Revisit,
}

/// Why a document is no decision of a release that is known here.
#[derive(Debug, thiserror::Error)]
pub enum Unread {
    /// It is of another shape.
    #[error("it is of version {0}, and this reads version {VERSION}")]
    Version(u32),
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Form(#[from] serde_json::Error),
}

impl ReleaseDecision {
    /// Reads the document as it was written.
    pub fn read(document: &[u8]) -> Result<Self, Unread> {
        #[derive(Deserialize)]
        struct Stated {
            version: u32,
        }
        match serde_json::from_slice::<Stated>(document)?.version {
            VERSION => Ok(serde_json::from_slice(document)?),
            other => Err(Unread::Version(other)),
        }
    }

    /// The same, by the facts of this document.
    #[must_use]
    pub fn by_document(self, facts: &[u8]) -> Self {
        let digest = Sha256::digest(facts).iter().fold(String::with_capacity(64), |mut out, byte| {
            let _ = write!(out, "{byte:02x}");
            out
        });
        Self { facts: Some(digest), ..self }
    }
}

impl Node {
    /// A requirement with its reason.
    #[must_use]
    pub fn new(code: super::ground::Ground, status: Status, says: impl Into<String>) -> Self {
        Self {
            code,
            status,
            says: says.into(),
            stated: None,
            evidence: Vec::new(),
            who: Vec::new(),
            next: None,
            digest: None,
            parts: Vec::new(),
        }
    }

    /// The same, stated there.
    #[must_use]
    pub fn stated(mut self, stated: &Stated) -> Self {
        self.stated = Some(stated.clone());
        self
    }

    /// The same, with what was looked at.
    #[must_use]
    pub fn evidence(mut self, evidence: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.evidence.extend(evidence.into_iter().map(Into::into));
        self
    }

    /// The same, with who can meet it.
    #[must_use]
    pub fn who(mut self, who: Vec<String>) -> Self {
        self.who = who;
        self
    }

    /// The same, with the instant at which time changes it.
    #[must_use]
    pub fn next(mut self, at: Option<DateTime<Utc>>) -> Self {
        self.next = at;
        self
    }

    /// The same, made of parts.
    #[must_use]
    pub fn parts(mut self, parts: Vec<Self>) -> Self {
        self.parts = parts;
        self
    }

    /// Every node of the tree, this one first, depth first.
    pub fn walk(&self, see: &mut dyn FnMut(&Self)) {
        see(self);
        for part in &self.parts {
            part.walk(see);
        }
    }
}
