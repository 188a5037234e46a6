//! What a policy says about people, routes and time, valid and layered.
//!
//! One structure a section, in the order of the grammar. Each is read by the
//! file of its name in [`super`]; what the text leaves out has its safe meaning
//! here, so that nobody downstream asks what a gap means.

use std::collections::BTreeMap;

use globset::GlobSet;

use super::calendar::Calendar;
use super::expression::Expression;
use super::length::Length;
use crate::model::stated::Stated;

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
    /// What another layer's globs must match too.
    and: Option<Box<Globs>>,
}

impl Globs {
    /// Globs as written, and compiled.
    #[must_use]
    pub fn new(written: Vec<String>, set: GlobSet) -> Self {
        Self { written, set, and: None }
    }

    /// Whether a path, a branch or a tag is meant, by every layer that says which are.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        self.set.is_match(path) && self.and.as_ref().is_none_or(|and| and.matches(path))
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

/// The change record.
#[derive(Clone, Debug)]
pub struct ChangeRule {
    /// Where change records are.
    pub system: String,
    /// The fields that must be filled.
    pub needs: Vec<String>,
    /// The states in which a release may go; any but a closed one when empty.
    pub proceeds_in: Vec<String>,
    /// Whether the record has to be an open one beside that, as an outer layer asks that names no states.
    pub open: bool,
    /// Whether one record may cover all parts of a package.
    pub one_for_package: bool,
    /// Where it stands.
    pub stated: Stated,
}

/// What incidents stop.
#[derive(Clone, Debug)]
pub struct IncidentRule {
    /// Where incidents are.
    pub system: String,
    /// Its words for severity, as numbers: 1 is the worst.
    pub severity: BTreeMap<String, f64>,
    /// The number up to which an incident blocks; none does where it is left out.
    pub block_at: Option<f64>,
    /// Whether it stops every component, affected or not.
    pub everything: bool,
    /// Except where this holds of the incident.
    pub unless: Option<Expression>,
    /// The role that confirms a fix.
    pub confirmed_by: Option<String>,
    /// Where it stands.
    pub stated: Stated,
}

/// What waits for a post-implementation review.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waits {
    /// The team's next release.
    Team,
    /// The component's next release.
    Component,
    /// Nothing.
    Nothing,
}

/// The post-implementation review.
#[derive(Clone, Debug)]
pub struct PirRule {
    /// When one is due; always when left out.
    pub when: Option<Expression>,
    /// Who signs it off.
    pub by: String,
    /// By when, counted from the deployment.
    pub within: Length,
    /// What waits for it.
    pub blocks: Waits,
    /// Whether only an overdue one is waited for.
    pub only_overdue: bool,
    /// Whether an overdue one holds the team's next release whatever waits for it, as it did in the outer layers, which
    /// say nothing of reviews.
    pub overdue_holds: bool,
    /// Where it stands.
    pub stated: Stated,
}

/// Who hears of a release after it was approved.
#[derive(Clone, Debug)]
pub struct BoardRule {
    /// When; always when left out.
    pub when: Option<Expression>,
    /// Where.
    pub notify: Vec<String>,
    /// Where it stands.
    pub stated: Stated,
}

/// What a rejection needs.
#[derive(Clone, Debug)]
pub struct RejectionRule {
    /// How many characters its reason has at least, after normalisation.
    pub reason: u32,
    /// How long one without a reason holds while it is asked for.
    pub holds: Length,
    /// Where it stands.
    pub stated: Stated,
}

/// Over what contributors are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Per {
    /// The whole release: who contributed to any of it approves nothing of it.
    #[default]
    Release,
    /// Each change: every one needs an approval of somebody who did not contribute to it.
    Change,
}

/// Who may not approve what.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a word of the policy")]
pub struct Separation {
    /// Whether authors are excluded. All five are when the policy is silent.
    pub author: bool,
    /// Whether committers are.
    pub committer: bool,
    /// Whether co-authors are.
    pub co_author: bool,
    /// Whether those who pushed are.
    pub pusher: bool,
    /// Whether the one who started the deployment is.
    pub trigger: bool,
    /// Over what.
    pub per: Per,
    /// Whether one person fills one requirement only.
    pub distinct_people: bool,
    /// Where it stands.
    pub stated: Stated,
}

/// Who may waive gates by an act.
#[derive(Clone, Debug)]
pub struct WaiverRule {
    /// The roles.
    pub by: Vec<String>,
    /// For how long at most.
    pub max: Option<Length>,
    /// Whether a reason is needed.
    pub needs_reason: bool,
    /// Whether a compensating control is.
    pub needs_control: bool,
    /// Whose gates which roles may waive, by the layer that states the gate: a layer's roles reach its own gates and
    /// those of the layers inside it.
    pub reach: Vec<(String, Vec<String>)>,
    /// Where it stands.
    pub stated: Stated,
}

/// How a release goes on while the app is down.
#[derive(Clone, Debug)]
pub struct BreakGlassRule {
    /// The roles that may grant it.
    pub grant_by: Vec<String>,
    /// How many different people it takes; never under 2.
    pub people: u32,
    /// For how many releases.
    pub releases: u32,
    /// After how long it ends.
    pub expires: Length,
    /// Where it stands.
    pub stated: Stated,
}

/// An approval path that is compared with the usual one.
#[derive(Clone, Debug)]
pub struct Experiment {
    /// Its name.
    pub name: String,
    /// Which components.
    pub on: Expression,
    /// Percent of the releases that take the other path.
    pub split: f64,
    /// Whether the other path goes on by itself.
    pub b_automatic: bool,
    /// When it ends.
    pub stop_if: Option<Expression>,
    /// How many releases on each path it needs to judge by.
    pub sample: u64,
    /// Where it stands.
    pub stated: Stated,
}

impl WaiverRule {
    /// The roles that may waive a gate that this layer, or this pack, states.
    #[must_use]
    pub fn roles_for(&self, layer: &str) -> &[String] {
        let found = self.reach.iter().find(|(name, _)| name == layer);
        // A pack's gates stand around every layer; whom the outermost layer names may waive them.
        found.or_else(|| self.reach.first().filter(|_| layer.starts_with("pack "))).map_or(&[], |(_, roles)| roles)
    }
}

impl Default for RejectionRule {
    /// A reason of at least one character; without one it holds for an open hour.
    fn default() -> Self {
        Self { reason: 1, holds: Length::BusinessHours(1), stated: Stated::default() }
    }
}

impl Default for Separation {
    /// Everybody who had a hand in it, over the whole release.
    fn default() -> Self {
        Self {
            author: true,
            committer: true,
            co_author: true,
            pusher: true,
            trigger: true,
            per: Per::Release,
            distinct_people: true,
            stated: Stated::default(),
        }
    }
}
