//! What keeps a release from going, and who may let it go: records, incidents, reviews, rejections, separation, waivers,
//! break-glass and experiments.

use std::collections::BTreeMap;

use crate::model::stated::Stated;
use crate::policy::expression::Expression;
use crate::policy::length::Length;

/// The change record.
#[derive(Clone, Debug)]
pub struct ChangeRule {
    /// The repository whose issues they are, where not the release's own.
    pub repository: Option<String>,
    /// Where change records are.
    pub system: String,
    /// The fields that must be filled.
    pub needs: Vec<String>,
    /// The states in which a release may go; any but a closed one when empty.
    pub proceeds_in: Vec<String>,
    /// Whether the record has to be an open one beside that, as an outer layer asks that names no states.
    pub open: bool,
    /// Whether the app creates the record.
    pub create: bool,
    /// Whether one record may cover all parts of a package.
    pub one_for_package: bool,
    /// Where it stands.
    pub stated: Stated,
}

/// Whether a system is the issues of the forge that releases, which is the one where none is named.
#[must_use]
pub fn is_issues(system: &str) -> bool {
    matches!(system, "issues" | "any")
}

/// What incidents stop.
#[derive(Clone, Debug)]
pub struct IncidentRule {
    /// Where incidents are.
    pub system: String,
    /// The label that makes an issue an incident, where they are issues; `incident` where it is left out.
    pub label: Option<String>,
    /// The repository whose issues they are; the release's own where it is left out.
    pub repository: Option<String>,
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

/// Where people are told what is asked of them, and when they are told again.
#[derive(Clone, Debug)]
pub struct NotifyRule {
    /// The places: `slack:#releases`, `email:releases@acme.example`, `webhook:https://hooks.acme.example/releases`.
    pub to: Vec<String>,
    /// After how long whoever is asked is reminded, once; never when left out.
    pub remind_after: Option<Length>,
    /// After how long the next one is told, and the next after as long again; never when left out.
    pub escalate_after: Option<Length>,
    /// Where it stands.
    pub stated: Stated,
}

/// How long what a release was decided on has to be kept.
#[derive(Clone, Debug)]
pub struct RetentionRule {
    /// For how long, by regulation, and for what none is about.
    pub times: Vec<KeepFor>,
    /// The releases and components of which everything is kept until they are named no more.
    pub held: Vec<String>,
    /// Where it stands.
    pub stated: Stated,
}

/// A time for which something is kept.
#[derive(Clone, Debug)]
pub struct KeepFor {
    /// The regulation, as the policy writes it; `default` for what none is about.
    pub of: String,
    /// For how long, as written: `30d`, `7y`.
    pub length: String,
    /// Where it stands.
    pub stated: Stated,
}

/// Which systems are told of emergencies.
#[derive(Clone, Debug)]
pub struct MonitorRule {
    /// The places, as under `notify`, or the names of systems.
    pub emergencies: Vec<String>,
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
    /// With which key each account signs grants: `github:noor`, and a verifier key. No key stands for two.
    pub keys: Vec<(String, String)>,
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
