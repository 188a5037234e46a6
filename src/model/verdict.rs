//! What a gate says, and the stable codes for why it says so.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The answer of one gate.
///
/// Only [`Pass`](Self::Pass), [`Waived`](Self::Waived) and
/// [`NotApplicable`](Self::NotApplicable) let a release go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The requirement is met by the evidence.
    Pass,
    /// The requirement is not met, and a waiver in force covers the gate.
    Waived,
    /// The gate is for another environment or component.
    NotApplicable,
    /// Evidence that would decide the gate can still come.
    Pending,
    /// The evidence is here, and it does not meet the requirement.
    Block,
    /// The evidence cannot be understood, so the answer is unknown; it holds.
    Indeterminate,
}

impl Verdict {
    /// Whether a release may go on as far as this gate is concerned.
    #[must_use]
    pub fn opens(self) -> bool {
        match self {
            Self::Pass | Self::Waived | Self::NotApplicable => true,
            Self::Pending | Self::Block | Self::Indeterminate => false,
        }
    }

    /// The word that documents and outputs use.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Waived => "waived",
            Self::NotApplicable => "not_applicable",
            Self::Pending => "pending",
            Self::Block => "block",
            Self::Indeterminate => "indeterminate",
        }
    }
}

/// Declares the reasons once: the variant, its stable code, its usual verdict
/// and what it means to the person who reads it.
macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal, $verdict:ident;)+) => {
        /// Why a gate has its verdict. The code of a reason never changes its
        /// meaning between versions; new reasons may be added.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum Reason {
            $($(#[doc = $doc])+ #[serde(rename = $code)] $name,)+
        }

        impl Reason {
            /// Every reason, in the order in which the documentation lists them.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The stable code, as it stands in the decision document.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code),+ }
            }

            /// The verdict that this reason gives a gate.
            #[must_use]
            pub fn verdict(self) -> Verdict {
                match self { $(Self::$name => Verdict::$verdict),+ }
            }

            /// One sentence on what the reason means.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+).trim_ascii_start()),+ }
            }
        }
    };
}

reasons! {
    /// the requirement is met by the evidence
    RequirementMet = "requirement_met", Pass;
    /// a waiver in force covers the gate
    WaiverInForce = "waiver_in_force", Waived;
    /// the gate is for other environments
    OtherEnvironment = "other_environment", NotApplicable;
    /// the gate is for other components
    OtherComponent = "other_component", NotApplicable;
    /// no evidence was found, and it can still come
    NoEvidence = "no_evidence", Pending;
    /// no baseline was given, and the policy does not say what replaces it on a first release
    NoBaseline = "no_baseline", Pending;
    /// a baseline was given, and it holds no report for this gate; that is no first release
    NotInBaseline = "not_in_baseline", Pending;
    /// the report is older than the gate allows
    Stale = "stale", Pending;
    /// the gate limits the report's age, and the report does not say when it was made, or names the future
    AgeUnknown = "age_unknown", Pending;
    /// the report is about another commit
    OtherCommit = "other_commit", Pending;
    /// the report is about another artifact
    OtherArtifact = "other_artifact", Pending;
    /// the report was read and holds nothing to judge
    EmptyReport = "empty_report", Pending;
    /// the artifact is signed as it must be, and the attestation that the policy asks for is not there
    NoAttestation = "no_attestation", Pending;
    /// an item of the checklist is not ticked
    Unticked = "unticked", Pending;
    /// the checklist is ticked, and nobody has confirmed who ticked it
    Unverified = "unverified", Pending;
    /// the requirement is not met
    RequirementNotMet = "requirement_not_met", Block;
    /// no evidence was found, and the policy says that it must be here
    EvidenceRequired = "evidence_required", Block;
    /// the signature is not valid for this artifact
    SignatureInvalid = "signature_invalid", Block;
    /// the signature is valid, and not by the signer that the policy names
    WrongSigner = "wrong_signer", Block;
    /// the provenance names another builder
    WrongBuilder = "wrong_builder", Block;
    /// the provenance names another source repository or commit
    WrongSource = "wrong_source", Block;
    /// the signed statement is about another artifact
    WrongSubject = "wrong_subject", Block;
    /// a file would be evidence and baseline at once, so that nothing could be new
    ComparedWithItself = "compared_with_itself", Indeterminate;
    /// the requirement names a measure that the evidence does not state
    MeasureUnknown = "measure_unknown", Indeterminate;
    /// the tool that wrote the report says that its own run failed
    ToolFailed = "tool_failed", Indeterminate;
    /// the file could not be opened or read
    Unreadable = "unreadable", Indeterminate;
    /// the path is not a plain file inside the artifact folder
    NotAPlainFile = "not_a_plain_file", Indeterminate;
    /// the file changed while it was read
    ChangedWhileRead = "changed_while_read", Indeterminate;
    /// the content is none of the formats that are read
    Unrecognised = "unrecognised", Indeterminate;
    /// the content is of a format that this gate does not judge
    OtherKind = "other_kind", Indeterminate;
    /// the content breaks the rules of its own format
    Malformed = "malformed", Indeterminate;
    /// the totals that the report states are not those of its entries
    Contradictory = "contradictory", Indeterminate;
    /// the content is beyond a limit
    BeyondLimit = "beyond_limit", Indeterminate;
}
