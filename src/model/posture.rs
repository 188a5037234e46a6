//! What keeps the releases of a repository in, as its forge says: what an installation is inspected by.
//!
//! Nothing is judged here. What could not be read says so in its place, and what was looked for and is not there is
//! absent.

use std::collections::BTreeMap;

use super::facts::Fact;
use super::inspection::Way;

/// What the forge says of a repository's protection.
#[derive(Clone, Debug)]
pub struct Posture {
    /// The repository: `acme/payments`.
    pub repository: String,
    /// The app as it is installed there; absent: it is not.
    pub installed: Fact<Installed>,
    /// Every environment of the repository.
    pub environments: Fact<Vec<Environment>>,
    /// The names of the secrets that every job of the repository may read.
    pub secrets: Fact<Vec<String>>,
    /// The names of the organisation's secrets that every job of the repository may read; absent: no organisation owns it.
    pub shared_secrets: Fact<Vec<String>>,
    /// The names of the organisation's secrets that every repository may read; absent: no organisation owns it.
    pub open_secrets: Fact<Vec<String>>,
    /// The logins of the repository's administrators.
    pub administrators: Fact<Vec<String>>,
    /// The branch that the policy is read from, by its name.
    pub branch: Fact<String>,
    /// What protects that branch; absent: nothing does.
    pub protection: Fact<Protection>,
    /// Whose check that branch asks for under the name of the app's; absent: it asks for none of that name.
    pub check: Fact<Source>,
    /// The accounts that were asked for, by login, and whether each is active; absent: the forge knows none.
    pub accounts: BTreeMap<String, Fact<bool>>,
    /// The groups that were asked for, as the policy names them, with the logins of their members; absent: the forge knows
    /// none.
    pub groups: BTreeMap<String, Fact<Vec<String>>>,
    /// What only some forges have.
    pub particular: Particular,
}

/// What only some forges have. It is as [`Particular::default`] where a forge has none of it.
#[derive(Clone, Debug)]
pub struct Particular {
    /// How the app is told of this repository; nothing where one hook tells it of all of them.
    pub hook: Option<Hook>,
    /// Who administers the forge's own server, by login; absent: nobody of the team's does.
    pub overseers: Fact<Vec<String>>,
    /// Whose approval of a change the forge counts; absent: it asks for none.
    pub review: Fact<Review>,
    /// Whether a change that the app's check has failed is kept from being merged; absent: there is no such check.
    pub check_blocks: Fact<bool>,
    /// The plan in use, by its name; nothing where all of them have the same.
    pub plan: Option<Fact<String>>,
    /// Whether the server is of a version whose answers were tried; absent: the forge has no versions.
    pub supported: Fact<bool>,
    /// Whether issues are switched off here.
    pub issues_off: bool,
    /// By what means the app does each of its things here.
    pub ways: Vec<Way>,
}

impl Default for Particular {
    fn default() -> Self {
        Self {
            hook: None,
            overseers: Fact::Absent,
            review: Fact::Absent,
            check_blocks: Fact::Absent,
            plan: None,
            supported: Fact::Absent,
            issues_off: false,
            ways: Vec::new(),
        }
    }
}

/// Whose approval of a change the forge counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Review {
    /// That of whoever opened it.
    pub by_author: bool,
    /// That of those who wrote commits of it.
    pub by_committers: bool,
    /// What was given before a push as well.
    pub outlasts_push: bool,
}

/// The app as it is installed on a repository.
#[derive(Clone, Debug)]
pub struct Installed {
    /// Whether the installation is suspended.
    pub suspended: bool,
    /// The permissions that the app needs, with what each was given.
    pub permissions: Vec<Permission>,
    /// The events that the app needs and is not told of.
    pub missing_events: Vec<String>,
}

/// A permission that the app needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    /// Its name on the forge: `deployments`.
    pub name: String,
    /// What the app needs.
    pub needed: Access,
    /// What it was given; nothing where left out.
    pub given: Option<Access>,
}

/// How far a permission goes, the further the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// It may be read.
    Read,
    /// It may be written as well.
    Write,
}

impl Access {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// How the forge tells the app what happens.
#[derive(Clone, Debug)]
pub struct Hook {
    /// Where it delivers; absent: nowhere.
    pub address: Fact<String>,
    /// That the forge has stopped delivering, and for how long, in its words; absent: it has not.
    pub stopped: Fact<String>,
    /// Whether it signs what it delivers; absent: the forge does not tell.
    pub signs: Fact<bool>,
    /// Whether it looks at the certificate of whom it delivers to.
    pub verifies: Fact<bool>,
    /// Its latest deliveries, the newest first.
    pub deliveries: Fact<Vec<Delivery>>,
}

/// One delivery, its latest try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// What it tells of.
    pub event: String,
    /// Whether it was taken.
    pub taken: bool,
    /// What became of it, in the forge's words.
    pub status: String,
}

/// An environment as the forge has it.
#[derive(Clone, Debug)]
pub struct Environment {
    /// Its name.
    pub name: String,
    /// Whether administrators may let a deployment past its protection; absent: the forge has no such setting.
    pub administrators_bypass: Fact<bool>,
    /// Whether the app's protection rule is enabled; absent: it has none.
    pub rule: Fact<bool>,
    /// Who is asked to review a deployment: logins, and teams as `@acme/leads`. Nobody where it is empty.
    pub reviewers: Vec<String>,
    /// Whether whoever started a deployment may review it himself; absent: nobody is asked to review.
    pub own_review: Fact<bool>,
    /// Which branches and tags may be deployed; absent: all. Nothing where the forge limits none by itself.
    pub references: Option<Fact<References>>,
    /// The names of its secrets.
    pub secrets: Fact<Vec<String>>,
    /// Those of them that jobs of every branch may read, where the forge tells branches apart.
    pub open_secrets: Vec<String>,
    /// Who may start a deployment there or play its job; absent: the forge has no such list.
    pub deployers: Fact<Vec<Deployer>>,
}

/// One entry of those who may deploy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deployer {
    /// The app's own account.
    App,
    /// An account, by its login.
    Account(String),
    /// A group, as a policy names it: `gitlab:acme/leads`.
    Group(String),
    /// Everybody who has a place in the repository, by the forge's word for it.
    Place(String),
}

/// Which branches and tags may be deployed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum References {
    /// Branches that are protected.
    Protected,
    /// Those whose names match one of these.
    Matching(Vec<String>),
}

/// Whom a branch takes a check from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The app.
    Ours,
    /// Another app.
    Another,
    /// Whoever may push, and so writes a status of any name.
    Anybody,
}

/// What protects a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protection {
    /// How many reviews a change needs before it lands there.
    pub reviews: Fact<u64>,
    /// Who may change it without: as the forge names them.
    pub exempt: Fact<Vec<String>>,
}
