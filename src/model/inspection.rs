//! The document of an inspection: what lets a release slip past, each with the mend.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The version of the document's form.
pub const VERSION: u32 = 1;

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Gravity {
    /// A release can slip past.
    Open,
    /// Nothing slips past by this alone; it takes a safeguard away, or holds what could go.
    Weak,
    /// It could not be read, and so is not known to be in order.
    Unknown,
}

/// Declares the flaws once: the variant, its stable code, its gravity and what it means.
macro_rules! flaws {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal, $gravity:ident;)+) => {
        /// What can be wrong with an installation. A code never changes its meaning between versions; new ones may come.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum Flaw {
            $($(#[doc = $doc])+ #[serde(rename = $code)] $name,)+
        }

        impl Flaw {
            /// Every flaw, in the order in which the documentation lists them.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The stable code, as it stands in the document.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code),+ }
            }

            /// How much it weighs.
            #[must_use]
            pub fn gravity(self) -> Gravity {
                match self { $(Self::$name => Gravity::$gravity),+ }
            }

            /// One sentence on what it means.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+).trim_ascii_start()),+ }
            }
        }
    };
}

flaws! {
    /// administrators may let a deployment past the environment's protection
    AdministratorsBypass = "administrators_bypass", Open;
    /// the forge has no such environment yet: the first workflow that names it makes one without protection
    EnvironmentMissing = "environment_missing", Open;
    /// the app is no protection rule of an environment that people are asked for
    RuleMissing = "rule_missing", Open;
    /// the app's protection rule is there and switched off
    RuleDisabled = "rule_disabled", Open;
    /// an environment is named nearly like one of the policy, which it is not
    LookalikeEnvironment = "lookalike_environment", Open;
    /// a secret of the environment can be read under the same name by jobs that do not name the environment
    SecretOutside = "secret_outside", Open;
    /// a secret of an environment that nothing guards can be read by jobs of every branch
    SecretUnguarded = "secret_unguarded", Open;
    /// whoever may push can change the policy: its branch asks for no review
    PolicyBranchOpen = "policy_branch_open", Open;
    /// the app is no protection rule of an environment that releases go to automatically
    RuleMissingAutomatic = "rule_missing_automatic", Weak;
    /// the policy has no such environment
    UnknownEnvironment = "unknown_environment", Weak;
    /// every branch and tag may be deployed to the environment
    AnyReference = "any_reference", Weak;
    /// an environment that people are asked for has no secrets, and its repository has some
    NoSecretsInside = "no_secrets_inside", Weak;
    /// secrets of the organisation can be read by every repository
    SecretsForAll = "secrets_for_all", Weak;
    /// whoever starts a deployment may review it himself
    OwnReview = "own_review", Weak;
    /// the plan has nothing that holds a deployment: its own job asks, and can leave that out
    Advisory = "advisory", Weak;
    /// more than those who approve may start a deployment, or play its job once it is approved
    DeployersWide = "deployers_wide", Weak;
    /// whoever approves by the policy administers the forge's server, and may approve in anybody's place there
    ServerAdministrators = "server_administrators", Weak;
    /// the forge counts the approval of whoever opened the change
    AuthorApproves = "author_approves", Weak;
    /// the forge counts the approval of those who wrote commits of the change
    CommitterApproves = "committer_approves", Weak;
    /// what was approved stays approved when more is pushed
    ApprovalsOutlast = "approvals_outlast", Weak;
    /// the app's check of changes keeps nothing from being merged
    CheckNotBlocking = "check_not_blocking", Weak;
    /// whoever approves by the policy can switch the protection off as well
    ApproverAdministers = "approver_administers", Weak;
    /// some may change the policy without the review that its branch asks for
    PolicyExempt = "policy_exempt", Weak;
    /// the branch asks for a check of the app's name that need not be the app's
    CheckUnpinned = "check_unpinned", Weak;
    /// the repository has no policy, and what asks for one holds
    PolicyMissing = "policy_missing", Weak;
    /// the policy cannot be used, and everything holds
    PolicyUnusable = "policy_unusable", Weak;
    /// the forge does not know somebody who holds a role, or has suspended him
    MemberUnknown = "member_unknown", Weak;
    /// nobody is in a group that holds a role
    GroupEmpty = "group_empty", Weak;
    /// the app is not installed on the repository
    NotInstalled = "not_installed", Weak;
    /// the installation is suspended
    Suspended = "suspended", Weak;
    /// the app was not given a permission that it needs
    PermissionMissing = "permission_missing", Weak;
    /// the app is not told of an event that it needs
    EventMissing = "event_missing", Weak;
    /// the app's webhook is missing, or goes elsewhere
    HookMissing = "hook_missing", Weak;
    /// the forge has stopped delivering to the app's webhook
    HookDisabled = "hook_disabled", Weak;
    /// the app's webhook is not signed, or its receiver's certificate is not looked at
    HookUnsafe = "hook_unsafe", Weak;
    /// deliveries of the webhook were not taken
    HookFailing = "hook_failing", Weak;
    /// nothing was delivered lately
    HookSilent = "hook_silent", Weak;
    /// the forge's server is of a version whose answers were not tried
    VersionUnsupported = "version_unsupported", Weak;
    /// the project has no issues, and what releases leave to be done is to be kept in them
    IssuesOff = "issues_off", Weak;
    /// it could not be read
    Unread = "unread", Unknown;
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// What it is.
    pub code: Flaw,
    /// How much it weighs.
    pub gravity: Gravity,
    /// The repository, `acme/payments`; absent where it is of the app itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// What of it: `environment production`.
    pub place: String,
    /// What was found, in one sentence.
    pub says: String,
    /// How to mend it.
    pub mend: String,
}

/// What is done by the means that hold a deployment until it may go.
pub const HOLDS: &str = "a deployment is held";

/// What hangs on the version of the forge's server.
pub const UNDERSTOOD: &str = "the answers of the server mean what is read in them";

/// By what means the app does one of its things on a repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Way {
    /// What it does.
    pub does: String,
    /// By what.
    pub by: String,
    /// Whether the forge sees to it that nothing goes past. Where it does not, it is advisory.
    pub enforced: bool,
}

/// The plan of a repository, and what the app does by which of its means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InUse {
    /// The repository.
    pub repository: String,
    /// The plan; absent where it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// What is done by what.
    pub ways: Vec<Way>,
}

/// What an inspection found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Countersign inspection")]
pub struct Inspection {
    /// The version of this document's form.
    pub version: u32,
    /// When it was made, UTC.
    pub at: DateTime<Utc>,
    /// The forge, by the address that people open.
    pub forge: Cow<'static, str>,
    /// The repositories that were looked at.
    pub repositories: Vec<String>,
    /// What was found, the gravest first.
    pub findings: Vec<Finding>,
    /// By what means the app works on each repository, where that hangs on a plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub in_use: Vec<InUse>,
}

impl Inspection {
    /// How many findings weigh so much.
    #[must_use]
    pub fn count(&self, gravity: Gravity) -> usize {
        self.findings.iter().filter(|finding| finding.gravity == gravity).count()
    }
}
