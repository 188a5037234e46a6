//! The stable codes for why a requirement stands as it does.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Declares the grounds once: the variant, its stable code and what it means.
macro_rules! grounds {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal;)+) => {
        /// Why a requirement of a release stands as it does. A code never changes
        /// its meaning between versions; new ones may be added.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum Ground {
            $($(#[doc = $doc])+ #[serde(rename = $code)] $name,)+
        }

        impl Ground {
            /// Every ground, in the order in which the documentation lists them.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The stable code, as it stands in the document.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code),+ }
            }

            /// One sentence on what it means.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+).trim_ascii_start()),+ }
            }
        }
    };
}

grounds! {
    // the whole
    /// everything that the policy asks of this release
    Release = "release";
    /// a list of requirements of one subject
    Together = "together";
    /// a part of the facts could not be read
    FactsUnavailable = "facts_unavailable";
    /// the facts are of a version that is not known
    FactsVersion = "facts_version";
    /// a condition cannot be told, and the stricter reading of its rule holds
    ConditionUnknown = "condition_unknown";

    // where it goes
    /// the environment is one of the policy
    EnvironmentKnown = "environment_known";
    /// the policy has no environment of that name
    EnvironmentUnknown = "environment_unknown";
    /// the name is nearly that of an environment, and not the same
    EnvironmentLookalike = "environment_lookalike";
    /// the branch or tag may be released here
    ReferenceAllowed = "reference_allowed";
    /// the branch or tag may not be released here
    ReferenceNotAllowed = "reference_not_allowed";
    /// the branch or tag names another commit now
    ReferenceMoved = "reference_moved";
    /// the commit cannot be reached from the branch or tag in this repository
    CommitUnreachable = "commit_unreachable";
    /// something else deploys than the policy lets
    DeployerNotAllowed = "deployer_not_allowed";
    /// a layer of the policy is missing or cannot be read, so there is nothing to decide by
    PolicyUnreadable = "policy_unreadable";
    /// the policy has mistakes, and judges nothing
    PolicyMistaken = "policy_mistaken";
    /// nothing that is released belongs to a component of the policy
    NoComponent = "no_component";

    // people and separation of duties
    /// a commit belongs to nobody who could be found
    Unattributed = "unattributed";
    /// two people answered for a commit that nobody can be found for
    Vouched = "vouched";
    /// nobody is left who could approve
    ApproverExhaustion = "approver_exhaustion";
    /// two people cleared somebody whom a commit names
    Cleared = "cleared";
    /// who contributed, and so approves nothing
    Contributors = "contributors";
    /// the person contributed to what he would approve
    SodSelf = "sod_self";
    /// a bot, an app or the pipeline's own token never counts
    NotAPerson = "not_a_person";
    /// whether the account is a person's is not known
    KindUnknown = "kind_unknown";
    /// the account can no longer log in
    Deactivated = "deactivated";
    /// whether the account is still active is not known
    ActiveUnknown = "active_unknown";
    /// the policy counts only people who are linked to a name
    Unlinked = "unlinked";
    /// the person does not hold the role
    NotInRole = "not_in_role";
    /// the person holds the role now, and held others when acting
    HeldThen = "held_then";
    /// the person put himself into the role, or came into it meanwhile by no protected change
    SelfJoined = "self_joined";
    /// somebody acted under another's name
    Impersonated = "impersonated";
    /// whether somebody acted under another's name is not known
    ActorUnknown = "actor_unknown";
    /// who holds the role cannot be read
    RoleUnavailable = "role_unavailable";

    // approvals
    /// enough approvals are there
    ApprovalsMet = "approvals_met";
    /// approvals are missing
    ApprovalsMissing = "approvals_missing";
    /// no approval is needed on this path
    ApprovalNotNeeded = "approval_not_needed";
    /// different people fill each part
    RepresentationMet = "representation_met";
    /// the approval was given for other content
    OtherContent = "other_content";
    /// the approval was given for another environment
    OtherEnvironment = "other_environment";
    /// the approval was given for another repository
    OtherRepository = "other_repository";
    /// the approval was given for another artifact
    OtherArtifact = "other_artifact";
    /// another part of the package changed since
    PartChanged = "part_changed";
    /// a change of the release is covered by no approval
    Uncovered = "uncovered";
    /// what landed is neither what was reviewed nor its clean merge
    TreeMismatch = "tree_mismatch";
    /// the requirement that the approval was for has changed
    RequirementChanged = "requirement_changed";
    /// a gate is worse than when the approver was shown it
    GateWorsened = "gate_worsened";
    /// the approval has expired
    Expired = "expired";
    /// the act was edited afterwards
    Edited = "edited";
    /// the act was dismissed
    Dismissed = "dismissed";
    /// the act was taken back
    Withdrawn = "withdrawn";
    /// a later act of the same person replaces it
    Replaced = "replaced";
    /// approvals of the release are not given there
    OtherPlace = "other_place";
    /// the approval was given in hours that are closed for approving
    ClosedHours = "closed_hours";
    /// the approval lacks the declaration that the role asks for
    NotAccepted = "not_accepted";
    /// until when an approval counts
    CountsUntil = "counts_until";
    /// the approval was used up by opening the environment
    Consumed = "consumed";
    /// the record was edited after the approval
    RecordEdited = "record_edited";
    /// the approval was given with another change record
    OtherRecord = "other_record";
    /// a change has an independent approval of its own
    ChangeApproved = "change_approved";
    /// a change lacks an independent approval
    ChangeUnapproved = "change_unapproved";
    /// what a bot wrote needs a human being
    BotNeedsHuman = "bot_needs_human";
    /// the old policy still asks for this, until its approvers approved the new one
    OldPolicy = "old_policy";

    // stand-ins
    /// another role stands in
    Fallback = "fallback";
    /// another role stands in, or an authority is asked, from an instant on
    AskedFrom = "asked_from";
    /// somebody named a stand-in
    Delegated = "delegated";
    /// the delegation does not hold
    DelegationRefused = "delegation_refused";
    /// the next authority is asked
    Escalated = "escalated";
    /// the final authority has spoken
    FinalWord = "final_word";
    /// somebody is asked, with a bounded wait
    Consulted = "consulted";
    /// the wait for somebody who was asked is over
    ConsultationOver = "consultation_over";
    /// somebody is told
    Informed = "informed";
    /// who carries it out
    Responsible = "responsible";
    /// who answers for it, where no approval says so
    Accountable = "accountable";

    // rejections
    /// somebody rejects the release
    Rejected = "rejected";
    /// a rejection lacks its reason, and holds while it is asked for
    RejectionWithoutReason = "rejection_without_reason";
    /// a rejection without a reason has lapsed
    RejectionLapsed = "rejection_lapsed";

    // gates
    /// a gate, with its own reason
    Gate = "gate";
    /// a gate of a compliance pack
    PackGate = "pack_gate";
    /// a gate's evidence is verified by its role
    GateVerified = "gate_verified";
    /// a gate waits for its role to verify it
    GateUnverified = "gate_unverified";
    /// an emergency goes past a gate, as a waiver
    GateSkipped = "gate_skipped";
    /// a waiver is in force
    WaiverInForce = "waiver_in_force";
    /// a waiver does not hold
    WaiverRefused = "waiver_refused";
    /// a waiver matches nothing
    WaiverUnused = "waiver_unused";
    /// the forge let somebody past
    Bypassed = "bypassed";
    /// what goes was judged before, and no gate is repeated
    GatesNotRepeated = "gates_not_repeated";

    // going again, going on
    /// the same content again within the time for a retry
    Retry = "retry";
    /// a newer release was opened since
    Superseded = "superseded";
    /// back to the last good content
    Recovery = "recovery";
    /// going back is not possible past a migration
    Irreversible = "irreversible";
    /// it is not the last good content
    NotLastGood = "not_last_good";
    /// it ran before where it comes from
    Promoted = "promoted";
    /// it did not run where it comes from
    NotPromoted = "not_promoted";
    /// it has not run there for long enough
    Soaking = "soaking";
    /// the package is complete
    PackageReady = "package_ready";
    /// a part of the package is not ready
    PackageWaits = "package_waits";
    /// an earlier part goes first
    PackageOrder = "package_order";
    /// a part of the package went and another did not
    PartialDeployment = "partial_deployment";

    // triage
    /// the class, and the facts that chose it
    Classified = "classified";
    /// a claim of an emergency lacks facts
    EmergencyRefused = "emergency_refused";
    /// a standard change's model does not fit
    ModelRefused = "model_refused";
    /// the route
    Routed = "routed";
    /// no route is for this release
    NoRoute = "no_route";
    /// several routes are for this release
    SeveralRoutes = "several_routes";
    /// which route is for it cannot be told
    RouteUnknown = "route_unknown";
    /// rigor was added
    RigorAdded = "rigor_added";
    /// there is too little to judge by
    SampleTooSmall = "sample_too_small";
    /// an experiment chose the path
    Experiment = "experiment";
    /// an experiment has ended
    ExperimentStopped = "experiment_stopped";

    // time
    /// the hours are open
    Open = "open";
    /// deployments wait for open hours
    Closed = "closed";
    /// a freeze is on
    Frozen = "frozen";
    /// a freeze lets this one go
    FreezeExcepted = "freeze_excepted";
    /// a peak is on
    Peak = "peak";

    // change record, incidents, CAB
    /// the change record lets the release go
    ChangeReady = "change_ready";
    /// no change record is linked
    NoChangeRecord = "no_change_record";
    /// the change record is for something else
    ChangeForOther = "change_for_other";
    /// the change record is in a state that does not let it go
    ChangeState = "change_state";
    /// it is outside of the planned window
    ChangeWindow = "change_window";
    /// the change record lacks something
    ChangeIncomplete = "change_incomplete";
    /// no incident stands in the way
    NoIncident = "no_incident";
    /// an incident stands in the way
    IncidentBlocks = "incident_blocks";
    /// an open incident affects nothing that the policy names
    NotAffected = "not_affected";
    /// the release fixes the incident
    FixesIncident = "fixes_incident";
    /// the release is not the incident's fix
    NotAFix = "not_a_fix";
    /// the CAB approved
    CabApproved = "cab_approved";
    /// the CAB has not decided yet
    CabWaits = "cab_waits";
    /// the CAB deferred it
    CabDeferred = "cab_deferred";
    /// the CAB advises against it
    CabRejected = "cab_rejected";
    /// a condition of the CAB is not met
    CabCondition = "cab_condition";
    /// the CAB's decision does not count
    CabInvalid = "cab_invalid";

    // obligations
    /// nothing is owed
    NothingOwed = "nothing_owed";
    /// something is owed, and holds the release
    Owed = "owed";
    /// something is owed, and does not hold this release
    OwedElsewhere = "owed_elsewhere";
    /// what was offered does not meet the obligation
    NotMet = "not_met";

    // break-glass
    /// it went under a grant while the app was down
    BreakGlass = "break_glass";
    /// the grant did not hold
    BreakGlassRefused = "break_glass_refused";
}
