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

/// Declares the reasons once: the variant, its stable code, its usual verdict,
/// what it means to the person who reads it, and what he does next where it holds.
macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal, $verdict:ident $(, next $next:literal)?;)+) => {
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

            /// What to do next, lower case, no full stop; nothing where the release may go on.
            #[must_use]
            pub fn next(self) -> Option<&'static str> {
                match self { $(Self::$name => reasons!(@next $($next)?)),+ }
            }

            /// One sentence on what the reason means.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+).trim_ascii_start()),+ }
            }
        }
    };
    (@next) => { None };
    (@next $next:literal) => { Some($next) };
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
    NoEvidence = "no_evidence", Pending,
        next "run the step that makes the evidence before this one, and see that `--artifacts` and the globs of the gate lead to its files";
    /// no baseline was given, and the policy does not say what replaces it on a first release
    NoBaseline = "no_baseline", Pending,
        next "give the last release's reports with `--baseline`, or say in the policy with `first_release` what counts without them";
    /// a baseline was given, and it holds no report for this gate; that is no first release
    NotInBaseline = "not_in_baseline", Pending,
        next "give with `--baseline` the last release's reports, under paths that the gate's globs mean; leave it out for a first release only";
    /// the report is older than the gate allows
    Stale = "stale", Pending,
        next "run the tool again, so that the report is as young as `max_age` asks";
    /// the gate limits the report's age, and the report does not say when it was made, or names the future
    AgeUnknown = "age_unknown", Pending,
        next "have the tool write when it ran, or put a statement beside the report that says so";
    /// the report is about another commit
    OtherCommit = "other_commit", Pending,
        next "run the tool on the commit that is released, and remove what it wrote about others";
    /// the report is about another artifact
    OtherArtifact = "other_artifact", Pending,
        next "run the tool on the artifact that is released, and name that with `--artifact`";
    /// the report was read and holds nothing to judge
    EmptyReport = "empty_report", Pending,
        next "see why the tool had nothing to look at, such as a filter or a wrong folder, and run it again";
    /// the artifact is signed as it must be, and the attestation that the policy asks for is not there
    NoAttestation = "no_attestation", Pending,
        next "have the build attest the artifact, and keep the bundle beside it";
    /// an item of the checklist is not ticked
    Unticked = "unticked", Pending,
        next "do what the open items ask, tick them, and run this step again";
    /// the checklist is ticked, and nobody has confirmed who ticked it
    Unverified = "unverified", Pending,
        next "have whoever verifies the gate sign the file, or let the app confirm who ticked it";
    /// the requirement is not met
    RequirementNotMet = "requirement_not_met", Block,
        next "mend what the reports name and run the tool again, or ask for a waiver";
    /// no evidence was found, and the policy says that it must be here
    EvidenceRequired = "evidence_required", Block,
        next "run the step that makes the evidence, which this policy wants in every release, or ask for a waiver";
    /// the signature is not valid for this artifact
    SignatureInvalid = "signature_invalid", Block,
        next "release no such artifact: find out what changed it or its bundle, and sign what the build made";
    /// the signature is valid, and not by the signer that the policy names
    WrongSigner = "wrong_signer", Block,
        next "have the signer sign it whom the policy names, or mend the name in the policy";
    /// the provenance names another builder
    WrongBuilder = "wrong_builder", Block,
        next "have it built by the builder that the policy names";
    /// the provenance names another source repository or commit
    WrongSource = "wrong_source", Block,
        next "have it built from the repository and the commit that are released";
    /// the signed statement is about another artifact
    WrongSubject = "wrong_subject", Block,
        next "put the statement beside the artifact that it is about";
    /// a file would be evidence and baseline at once, so that nothing could be new
    ComparedWithItself = "compared_with_itself", Indeterminate,
        next "put the baseline out of the folders of `--artifacts`, or narrow the gate's globs";
    /// the requirement names a measure that the evidence does not state
    MeasureUnknown = "measure_unknown", Indeterminate,
        next "require what the reports state, or have the tool report what is required";
    /// the tool that wrote the report says that its own run failed
    ToolFailed = "tool_failed", Indeterminate,
        next "read the log of the job that ran the tool, and run it again";
    /// the file could not be opened or read
    Unreadable = "unreadable", Indeterminate,
        next "see that the file is still there and that this step may read it: another user may have written it";
    /// the path is not a plain file inside the artifact folder
    NotAPlainFile = "not_a_plain_file", Indeterminate,
        next "put the report itself into the artifact folder, instead of a link, a device or a way out of the folder";
    /// the file changed while it was read
    ChangedWhileRead = "changed_while_read", Indeterminate,
        next "let the step that writes the file end before this one begins, and run this one again";
    /// the content is none of the formats that are read
    Unrecognised = "unrecognised", Indeterminate,
        next "have the tool write a format that the gate reads, or narrow the gate's globs";
    /// the content is of a format that this gate does not judge
    OtherKind = "other_kind", Indeterminate,
        next "narrow the gate's globs, or give such files a gate of their own";
    /// the content breaks the rules of its own format
    Malformed = "malformed", Indeterminate,
        next "see that the job that wrote the file came to its end and that the whole file was passed on, and run it again; what a tool always writes like this is for its makers to mend";
    /// the totals that the report states are not those of its entries
    Contradictory = "contradictory", Indeterminate,
        next "run the tool again, and leave its report as the tool wrote it: what was merged or edited seldom adds up";
    /// the content is beyond a limit
    BeyondLimit = "beyond_limit", Indeterminate,
        next "split the report or narrow the gate's globs, or raise the limit under `limits` in the policy";
}
