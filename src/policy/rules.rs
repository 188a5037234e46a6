//! What a policy says about people, routes and time, valid and layered.
//!
//! One structure a section, in the order of the grammar. Each is read by the
//! file of its name in [`super`]; what the text leaves out has its safe meaning
//! here, so that nobody downstream asks what a gap means.

mod guards;
mod periodic;

use std::cell::OnceCell;

use globset::{Candidate, GlobSet};

use super::calendar::Calendar;
use super::expression::Expression;
use super::length::Length;
use crate::model::stated::Stated;

pub use self::guards::{
    BoardRule, BreakGlassRule, ChangeRule, Experiment, IncidentRule, KeepFor, MonitorRule, NotifyRule, Per, PirRule,
    RejectionRule, RetentionRule, Separation, Waits, WaiverRule, is_issues,
};
pub use self::periodic::{ReportsRule, SurveyRule};

/// Everything that decides beyond gates.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Where releases go.
    pub environments: Vec<EnvironmentRule>,
    /// What is released.
    pub components: Vec<Component>,
    /// Components that are released together.
    pub packages: Vec<PackageRule>,
    /// People and their accounts.
    pub people: Vec<Person>,
    /// Whether only people who are named, here or in the directory, may approve.
    pub linked_only: bool,
    /// Who holds which role.
    pub roles: Vec<Role>,
    /// How a role's holder may name a stand-in; `None` where he may not.
    pub delegation: Option<Delegation>,
    /// Who is accountable, responsible, consulted and informed.
    pub raci: Vec<RaciRow>,
    /// How risk is scored.
    pub risk: Risk,
    /// What makes a release an emergency; `None`: nothing does.
    pub emergency: Option<ClassRule>,
    /// What makes a release a standard change; `None`: nothing does.
    pub standard: Option<ClassRule>,
    /// Changes that the CAB approved in advance.
    pub models: Vec<StandardChange>,
    /// What each kind of release needs, in the order of the policy.
    pub routes: Vec<Route>,
    /// When more is asked.
    pub rigor: Rigor,
    /// The change record; `None` where none is needed.
    pub change: Option<ChangeRule>,
    /// What incidents stop; `None`: nothing.
    pub incidents: Option<IncidentRule>,
    /// The post-implementation review; `None`: none is due.
    pub pir: Option<PirRule>,
    /// Who hears of a release of high impact.
    pub board: Option<BoardRule>,
    /// Where people are told; `None`: only those whose own addresses the policy has.
    pub notify: Option<NotifyRule>,
    /// Which systems are told of emergencies; `None`: none is.
    pub monitor: Option<MonitorRule>,
    /// How long what a release was decided on is kept; `None`: the policy does not say.
    pub retention: Option<RetentionRule>,
    /// Who is asked about gates and items when a period ends; `None`: nobody is.
    pub survey: Option<SurveyRule>,
    /// What those who audit receive when a period ends; `None`: nothing.
    pub reports: Option<ReportsRule>,
    /// What a rejection needs.
    pub rejection: RejectionRule,
    /// Who may not approve what.
    pub separation: Separation,
    /// Who may waive gates; `None`: nobody may by an act.
    pub waivers: Option<WaiverRule>,
    /// How a release goes on while the app is down; `None`: it does not.
    pub break_glass: Option<BreakGlassRule>,
    /// How long an opened deployment may be retried. Zero when left out.
    pub retry_within: Length,
    /// Approval paths that are compared.
    pub experiments: Vec<Experiment>,
    /// Hours, holidays, freezes, peaks and meetings.
    pub calendar: Calendar,
}

/// Globs over a repository's files, or over branches and tags, as written and compiled.
#[derive(Clone, Debug, Default)]
pub struct Globs {
    /// As written.
    pub written: Vec<String>,
    set: GlobSet,
    /// Where each means all that is in one folder, these folders: then nothing needs to be taken apart.
    folders: Option<Vec<String>>,
    /// What another layer's globs must match too.
    and: Option<Box<Globs>>,
}

impl Globs {
    /// Globs as written, and compiled.
    #[must_use]
    pub fn new(written: Vec<String>, set: GlobSet) -> Self {
        let folders = written.iter().map(|glob| folder(glob)).collect();
        Self { written, set, folders, and: None }
    }

    /// Whether a path, a branch or a tag is meant, by every layer that says which are.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        self.mean(&Asked::about(path))
    }

    /// The same of a path that several are asked about, and that is taken apart once.
    #[must_use]
    pub fn mean(&self, path: &Asked<'_>) -> bool {
        let own = match &self.folders {
            Some(folders) => folders.iter().any(|folder| path.written.starts_with(folder.as_str())),
            None => self.set.is_match_candidate(path.parts()),
        };
        own && self.and.as_ref().is_none_or(|and| and.mean(path))
    }

    /// These, where another layer's match too.
    #[must_use]
    pub(super) fn and(mut self, other: Self) -> Self {
        self.and = match self.and.take() {
            Some(and) => Some(Box::new(and.and(other))),
            None => Some(Box::new(other)),
        };
        self
    }

    /// As the policy states them, for a sentence: `main, release/* and v*`.
    #[must_use]
    pub fn told(&self) -> String {
        let own = if self.written.is_empty() { "none".to_owned() } else { self.written.join(", ") };
        self.and.as_ref().map_or(own.clone(), |and| format!("{own} and {}", and.told()))
    }
}

/// The folder, with its last `/`, of which a glob means everything, as `shop/stock/**` does; `None` of any other glob.
fn folder(glob: &str) -> Option<String> {
    let folder = glob.strip_suffix("**").filter(|folder| folder.len() > 1 && folder.ends_with('/'))?;
    (!folder.contains(['*', '?', '[', ']', '{', '}', '\\'])).then(|| folder.to_owned())
}

/// A path that globs are asked about; it is taken apart once, and only where a glob needs that.
#[derive(Debug)]
pub struct Asked<'p> {
    written: &'p str,
    parts: OnceCell<Candidate<'p>>,
}

impl<'p> Asked<'p> {
    /// A path, a branch or a tag.
    #[must_use]
    pub fn about(written: &'p str) -> Self {
        Self { written, parts: OnceCell::new() }
    }

    fn parts(&self) -> &Candidate<'p> {
        self.parts.get_or_init(|| Candidate::new(self.written))
    }
}

/// Whether a release is approved formally or goes on by itself.
#[derive(Clone, Debug, Default)]
pub enum Approval {
    /// It goes on by itself once everything else allows it.
    Automatic,
    /// People approve it.
    #[default]
    Formal,
    /// Automatic where the condition surely holds (or, with `automatic_when` false, surely does not); else formal.
    When {
        /// The condition.
        condition: Expression,
        /// The answer of the condition with which it is automatic.
        automatic_when: bool,
    },
}

/// What must be the same as in the environment that a release comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameAs {
    /// The artifacts, byte for byte.
    Artifact,
    /// The commit.
    Commit,
}

/// An environment.
#[derive(Clone, Debug)]
pub struct EnvironmentRule {
    /// Its name.
    pub name: String,
    /// Whether people approve.
    pub approval: Approval,
    /// The branches that may be released here; any when neither branches nor tags are stated.
    pub branches: Option<Globs>,
    /// The tags that may be released here.
    pub tags: Option<Globs>,
    /// The environment that a release comes from.
    pub from: Option<String>,
    /// What must be the same as there; the commit when left out.
    pub same: SameAs,
    /// How long it must have run there.
    pub soak: Option<Length>,
    /// What may deploy here; anything when empty.
    pub deployed_by: Vec<String>,
    /// Where it stands.
    pub stated: Stated,
}

/// A component.
#[derive(Clone, Debug)]
pub struct Component {
    /// Its name.
    pub name: String,
    /// The files that it is made of.
    pub paths: Globs,
    /// The only repository that has it; any when left out.
    pub repository: Option<Repository>,
    /// `application`, `platform` or `infrastructure`.
    pub kind: Option<String>,
    /// `critical`, `important` or `routine`.
    pub tier: Option<String>,
    /// `customer`, `partner` or `internal`.
    pub exposure: Option<String>,
    /// The regulations that it is under.
    pub regulations: Vec<String>,
    /// The third parties that it depends on.
    pub vendors: Vec<String>,
    /// The team that makes it.
    pub team: Option<String>,
    /// Where it stands.
    pub stated: Stated,
}

impl Component {
    /// Whether a repository of a forge may have it.
    #[must_use]
    pub fn may_be_in(&self, forge: &str, repository: &str) -> bool {
        self.repository.as_ref().is_none_or(|it| it.is(forge, repository))
    }
}

/// A repository of a forge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// The forge: `github` or `gitlab`.
    pub forge: String,
    /// Its name there, as the policy writes it.
    pub name: String,
}

impl Repository {
    /// Reads `github:acme/api` or `gitlab:acme/web`; `None` where it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (forge, name) = text.split_once(':')?;
        let parts = name.split('/').count();
        let sound = match forge {
            "github" => parts == 2,
            "gitlab" => parts >= 2,
            _ => false,
        };
        let plain = |part: &str| !part.is_empty() && !part.contains(char::is_whitespace) && part != "." && part != "..";
        let sound = sound && name.split('/').all(plain);
        sound.then(|| Self { forge: forge.to_owned(), name: name.to_owned() })
    }

    /// Whether it is this one. The names of repositories are one in whatever capitals.
    #[must_use]
    pub fn is(&self, forge: &str, name: &str) -> bool {
        self.forge == forge && self.name.eq_ignore_ascii_case(name)
    }
}

/// Components that are released together or not at all.
#[derive(Clone, Debug)]
pub struct PackageRule {
    /// Its name.
    pub name: String,
    /// What is released together.
    pub components: Vec<String>,
    /// In which order; any when empty.
    pub order: Vec<String>,
    /// Whether one change record covers all.
    pub one_change: bool,
    /// Where it stands.
    pub stated: Stated,
}

/// A person and his accounts, each as `forge:login`.
#[derive(Clone, Debug)]
pub struct Person {
    /// The name.
    pub name: String,
    /// The accounts.
    pub accounts: Vec<String>,
    /// Where he is told: `email:ana@acme.example`, `slack:U024BE7LH`.
    pub told_at: Vec<String>,
    /// Absences that the policy declares, UTC, the end outside.
    pub away: Vec<(chrono::DateTime<chrono::Utc>, chrono::DateTime<chrono::Utc>)>,
}

/// A role.
#[derive(Clone, Debug)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Who holds it.
    pub members: Vec<MemberRef>,
    /// The role that stands in.
    pub fallback: Option<String>,
    /// After how long without an answer; never when left out.
    pub after: Option<Length>,
    /// The calendar in which that time runs: the role's own, or the policy's.
    pub hours: Option<super::calendar::Hours>,
    /// What its holder declares with an approval.
    pub accept: Option<String>,
    /// Whether it may approve; a role that may only read never counts.
    pub may_approve: bool,
    /// Where it stands.
    pub stated: Stated,
}

/// Who holds a role, as the policy names him.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemberRef {
    /// `user:dana`: the person of that name in `people`, or else the account of that login on the forge that releases.
    User(String),
    /// One account: `github:dana-h`.
    Account(String),
    /// A group of a forge or the directory: `github:@acme/infra`, `gitlab:acme/leads`, `group:internal-audit`.
    Group(String),
}

/// How a role's holder may name a stand-in among its other holders.
#[derive(Clone, Debug)]
pub struct Delegation {
    /// For how long at most.
    pub max: Length,
}

/// Which components a row is about.
#[derive(Clone, Debug)]
pub enum On {
    /// All of them.
    All,
    /// One by name.
    Component(String),
    /// Those for which a condition holds.
    Where(Expression),
}

/// One row of `raci`.
#[derive(Clone, Debug)]
pub struct RaciRow {
    /// The components.
    pub on: On,
    /// A condition on the release.
    pub when: Option<Expression>,
    /// The role that answers for it.
    pub accountable: Option<String>,
    /// Who carries it out: roles, teams or names; recorded.
    pub responsible: Vec<String>,
    /// Who is asked, and for how long at most.
    pub consulted: Vec<(String, Length)>,
    /// Who is told.
    pub informed: Vec<String>,
    /// Roles that different people must fill.
    pub representation: Vec<String>,
    /// Where it stands.
    pub stated: Stated,
}

/// How risk is scored.
#[derive(Clone, Debug, Default)]
pub struct Risk {
    /// What adds how much.
    pub weights: Vec<Weight>,
    /// From which score on the impact is high; never when left out.
    pub high: Option<f64>,
    /// From which score on it is medium; never when left out.
    pub medium: Option<f64>,
}

/// One thing that adds to the risk.
#[derive(Clone, Debug)]
pub struct Weight {
    /// As the policy names it: `exposure.customer`, `size.lines`, `vendor.new`.
    pub name: String,
    /// What it looks at.
    pub factor: Factor,
    /// How much it adds.
    pub amount: Amount,
    /// Where it stands.
    pub stated: Stated,
}

/// What a risk weight looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Factor {
    /// Any component of this kind: `kind.infrastructure`.
    Kind(String),
    /// Any component of this tier: `tier.critical`.
    Tier(String),
    /// Any component of this exposure: `exposure.customer`.
    Exposure(String),
    /// Lines added and removed: `size.lines`; its expression speaks of `lines`.
    Lines,
    /// Files touched: `size.files`; its expression speaks of `files`.
    Files,
    /// Changes in the release: `size.changes`; its expression speaks of `changes`.
    Changes,
    /// New third parties, declared or found: `vendor.new`; a plain number counts once, an expression speaks of `vendors`.
    NewVendors,
    /// Third parties that the components declare: `vendor.declared`; likewise.
    DeclaredVendors,
    /// The highest failure rate of the teams in 90 days: `team.failure_rate`; its expression speaks of `rate`.
    FailureRate,
    /// A peak: `peak`.
    Peak,
}

/// How much a weight adds.
#[derive(Clone, Debug)]
pub enum Amount {
    /// This much where the factor is there at all.
    Points(f64),
    /// What this comes to.
    Calculated(Expression),
}

/// What makes a release of a class.
#[derive(Clone, Debug)]
pub struct ClassRule {
    /// The condition; always when left out (with `models`, one of them must fit).
    pub when: Option<Expression>,
    /// The standard changes that it may be.
    pub models: Vec<String>,
    /// Where it stands.
    pub stated: Stated,
}

/// A change that the CAB approved in advance.
#[derive(Clone, Debug)]
pub struct StandardChange {
    /// Its name.
    pub name: String,
    /// Its scope.
    pub when: Expression,
    /// The role that owns it.
    pub owner: Option<String>,
    /// The role that approves and renews it.
    pub approved_by: Option<String>,
    /// For how long an approval lasts.
    pub expires: Option<Length>,
    /// How many failures suspend it.
    pub suspend_after: Option<u32>,
    /// Where it stands.
    pub stated: Stated,
}

/// What one kind of release needs.
#[derive(Clone, Debug)]
pub struct Route {
    /// Its name. Without a condition it is the route of the class of that name.
    pub name: String,
    /// Which releases take it.
    pub when: Option<Expression>,
    /// Whether it leads back to the last good content and nowhere else.
    pub to_last_good: bool,
    /// Whether it goes at any hour, past closed hours.
    pub any_hours: bool,
    /// Whether it goes on by itself.
    pub automatic: bool,
    /// How many approvals of which role, `accountable` among them, in the order of the policy.
    pub approvals: Vec<(String, u32)>,
    /// How long an approval lasts; for ever when left out.
    pub expire: Option<Length>,
    /// Where approvals of the release are given; everywhere but in reviews of a change when left out.
    pub counts_from: Vec<crate::model::facts::Via>,
    /// When the CAB decides on it; never when left out.
    pub cab: Option<Option<Expression>>,
    /// What happens when nobody decides.
    pub escalate: Option<Escalation>,
    /// Gates that it may leave out.
    pub may_skip: Vec<String>,
    /// What must follow.
    pub then: Vec<Follow>,
    /// Where it stands.
    pub stated: Stated,
}

/// What happens when nobody decides.
#[derive(Clone, Debug)]
pub struct Escalation {
    /// After how long each next authority is asked.
    pub undecided_after: Length,
    /// Who is asked next, one after the other.
    pub to: Vec<String>,
    /// Whose word is final.
    pub last: Option<String>,
    /// Where it stands.
    pub stated: Stated,
}

/// What must follow a release.
#[derive(Clone, Debug)]
pub struct Follow {
    /// Its name: `validate`, `cab_review`, `audit`.
    pub name: String,
    /// Who.
    pub by: String,
    /// By when, counted from the opening.
    pub within: Length,
    /// Whether something must be attached.
    pub needs_evidence: bool,
    /// Where it stands.
    pub stated: Stated,
}

/// When more is asked.
#[derive(Clone, Debug, Default)]
pub struct Rigor {
    /// How many steps at most, those of peaks included; any number where nothing bounds them.
    pub max: Option<u32>,
    /// Which routes it touches; all but those approved in advance when empty.
    pub routes: Vec<String>,
    /// In how many seconds after a deployment an incident that is linked to it has to begin to make it a failure; whenever
    /// it began where nothing bounds that.
    pub incidents_within: Option<i64>,
    /// What adds a step.
    pub steps: Vec<RigorStep>,
}

impl Rigor {
    /// Whether it touches a route.
    #[must_use]
    pub fn touches(&self, route: &Route) -> bool {
        if self.routes.is_empty() { !route.is_pre_authorised() } else { self.routes.contains(&route.name) }
    }
}

impl Route {
    /// Whether it is a way that neither the board nor more rigor slows down: back to the last good content, or the way of
    /// emergencies. A route that is called `emergency` and has a condition is a way like any other.
    #[must_use]
    pub fn is_pre_authorised(&self) -> bool {
        self.to_last_good || (self.name == "emergency" && self.when.is_none())
    }
}

/// Something that adds a step of rigor.
#[derive(Clone, Debug)]
pub struct RigorStep {
    /// When it begins.
    pub when: Expression,
    /// When it ends; when `when` no longer holds, when left out.
    pub until: Option<Expression>,
    /// How many deployments of the last 90 days it needs to judge by.
    pub sample: u32,
    /// Where it stands.
    pub stated: Stated,
}
