//! The decision document: what the gate step says, in the shape that other programs read.

use std::borrow::Cow;
use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::kind::{Format, Kind};
use super::measures::Measures;
use super::notable::Notable;
use super::verdict::{Reason, Verdict};

/// The version of the decision document. It grows by one when a reader of the
/// version before could misread a document.
pub const VERSION: u32 = 1;

/// Whether the release may go on. A person's rejection is the app's to record;
/// the step knows only these two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every gate passes, is waived or does not apply.
    Proceed,
    /// At least one gate does not let the release go on.
    Hold,
}

/// What `countersign gate` decided.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(title = "Countersign decision")]
pub struct Decision {
    /// The version of this document's shape.
    pub version: u32,
    /// What this decision is called wherever it is told: the SHA-256, in lower-case hexadecimal, of this document in UTF-8, on one
    /// line and with this member empty. A copy that leaves something out is called like the whole.
    #[schemars(extend("pattern" = "^[0-9a-f]{64}$"))]
    pub id: String,
    /// Whether the release may go on.
    pub decision: Outcome,
    /// One sentence: why, and the shortest way on.
    pub summary: String,
    /// The environment that was judged.
    pub environment: String,
    /// The components that were named; empty when none was, and then every component's gates apply.
    pub components: Vec<String>,
    /// The instant of the decision, RFC 3339, UTC.
    pub now: DateTime<Utc>,
    /// The commit that is being released, where it is known.
    pub commit: Option<String>,
    /// The layers of the policy, outermost first.
    pub policy: Vec<PolicySource>,
    /// Where the policy was read from: `protected` when from a ref, `unprotected` when from the working tree.
    pub policy_from: Protection,
    /// Every gate, in the policy's order.
    pub gates: Vec<GateDecision>,
    /// What the policy also demands and this step does not judge.
    pub not_evaluated: Vec<NotEvaluated>,
}

impl Decision {
    /// The decision with its id, which says all of it: whatever is not the same has another one.
    #[must_use]
    pub fn identified(mut self) -> Self {
        self.id.clear();
        let mut hashing = Hashing(Sha256::new());
        // Names are all text, and nothing else of a document is refused.
        let _ = serde_json::to_writer(&mut hashing, &self);
        self.id = hashing.0.finalize().iter().fold(String::with_capacity(64), |mut id, byte| {
            let _ = write!(id, "{byte:02x}");
            id
        });
        self
    }
}

/// Takes a document for its digest alone, so that it is never built.
struct Hashing(Sha256);

impl std::io::Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Whether whoever changes the code could have changed the policy with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Protection {
    /// Read from a ref that the caller says is protected.
    Protected,
    /// Read from the working tree.
    Unprotected,
}

/// One layer of the policy, by content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PolicySource {
    /// The path as it was given.
    pub path: String,
    /// SHA-256 of the bytes, lower-case hexadecimal.
    pub sha256: String,
    /// The ref and commit that it was read from, if any: `main@3f2a…`.
    pub from: Option<String>,
}

/// What one gate says.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct GateDecision {
    /// The gate's name in the policy.
    pub name: String,
    /// Whether a gate of another layer has the same name.
    #[serde(skip)]
    pub has_namesake: bool,
    /// The layer that asks for it.
    pub layer: String,
    /// What it judges.
    pub kind: Kind,
    /// The answer.
    pub verdict: Verdict,
    /// The stable code for why.
    pub reason: Reason,
    /// Why, for a person: what was required, what was found, what to do next.
    pub explanation: String,
    /// What to do next for any gate that holds for this reason; absent where the release may go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<&'static str>,
    /// The requirement as the policy states it; absent where the kind has none.
    pub requirement: Option<String>,
    /// The role that verifies this gate, where the policy names one.
    pub verified_by: Option<String>,
    /// How long the policy keeps this evidence, as it states it.
    pub keep: Option<String>,
    /// What the evidence measures, by the names that requirements use.
    pub measures: Measures,
    /// What the baseline measures, where there is one.
    #[serde(skip_serializing_if = "Measures::is_empty")]
    pub baseline: Measures,
    /// The files that were read. At most 1,000 are listed; `evidence_count` counts all.
    pub evidence: Vec<Evidence>,
    /// How many files were read.
    pub evidence_count: u64,
    /// The entries that a person should see first.
    #[serde(skip)]
    pub notables: Vec<Notable>,
    /// How many entries there were to choose `notables` from, so that a page can say what it leaves out.
    #[serde(skip)]
    pub notable_count: u64,
}

impl GateDecision {
    /// The name as people read it: with its layer in brackets where a gate of another layer has the same name.
    #[must_use]
    pub fn title(&self) -> Cow<'_, str> {
        if self.has_namesake {
            Cow::Owned(format!("{} ({})", self.name, self.layer))
        } else {
            Cow::Borrowed(&self.name)
        }
    }
}

/// One file that a gate read.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Evidence {
    /// The path, relative to the artifact folder where it lies in one; behind that folder's
    /// name where several were given.
    pub path: String,
    /// SHA-256 of the bytes, lower-case hexadecimal; absent where they could not be read.
    pub sha256: Option<String>,
    /// The format that the content was recognised as.
    pub format: Option<Format>,
    /// The tool that the report says wrote it.
    pub tool: Option<String>,
    /// Size in bytes.
    pub bytes: u64,
}

/// Something that the policy demands and another part of the product judges.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct NotEvaluated {
    /// What it is: `approvals`, `change`, `incidents`, `calendar`, …
    pub what: String,
    /// Who judges it, and why not here.
    pub because: String,
}
