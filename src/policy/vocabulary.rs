//! What expressions beyond gates can speak of: the release, its components and teams, an incident, an outcome.
//!
//! Stated once: the check of a policy, the evaluator's facts and the reference are made from these lists.
//! `component.*` and `team.*` speak of one component at a time; the rule that asks says whether all must agree.

use super::expression::{Parameters, Scope};
use super::shape::{Names, Section};
use crate::model::catalogue::Type;

/// One name.
#[derive(Clone, Copy, Debug)]
pub struct Word {
    /// The name, as policies write it.
    pub name: &'static str,
    /// Its type.
    pub kind: Type,
    /// What it means, with its unit.
    pub meaning: &'static str,
}

const fn word(name: &'static str, kind: Type, meaning: &'static str) -> Word {
    Word { name, kind, meaning }
}

/// What a component can be.
pub const KINDS: [&str; 3] = ["application", "platform", "infrastructure"];
/// How much can hang on it.
pub const TIERS: [&str; 3] = ["critical", "important", "routine"];
/// Who can meet it.
pub const EXPOSURES: [&str; 3] = ["customer", "partner", "internal"];

/// The words that a fact can be, where they are the same in every policy.
fn fixed(name: &str) -> Option<&'static [&'static str]> {
    match name {
        "component.kind" => Some(&KINDS),
        "component.tier" => Some(&TIERS),
        "component.exposure" => Some(&EXPOSURES),
        "release.impact" => Some(&["high", "medium", "low"]),
        "release.class" => Some(&["standard", "normal", "emergency"]),
        "outcome" => Some(&["succeeded", "failed", "cancelled"]),
        _ => None,
    }
}

/// What is said of a component.
pub const COMPONENT: &[Word] = &[
    word("component.name", Type::Text, "the component's name in the policy"),
    word("component.kind", Type::Text, "`application`, `platform` or `infrastructure`"),
    word("component.tier", Type::Text, "`critical`, `important` or `routine`"),
    word("component.exposure", Type::Text, "`customer`, `partner` or `internal`"),
    word("component.team", Type::Text, "the team that makes it"),
    word("component.regulations", Type::Names, "the regulations that it is under"),
    word("component.vendors", Type::Names, "the third parties that it declares"),
];

/// What is said of a release, with one of its components.
pub const RELEASE: &[Word] = &[
    word("environment", Type::Text, "the environment, by its name in the policy"),
    word("release.impact", Type::Text, "`high`, `medium` or `low`, by the risk score's bands"),
    word("release.class", Type::Text, "`standard`, `normal` or `emergency`; unknown while the class is being chosen"),
    word("release.is_rollback", Type::Flag, "whether it goes back to the last good content of every component"),
    word("release.lines", Type::Number, "lines added and removed"),
    word("release.files", Type::Number, "files touched"),
    word("release.changes", Type::Number, "changes in it"),
    word("release.commits", Type::Number, "commits in it"),
    word("release.components", Type::Names, "its components"),
    word("release.new_vendors", Type::Names, "third parties that the last release did not have"),
    word("risk.score", Type::Number, "the risk score; unknown where a part of it is"),
    word("documentation.complete", Type::Flag, "whether the change record has everything that the policy needs"),
    word(
        "team.failure_rate_90d",
        Type::Number,
        "failed deployments over all, 0 to 1, of the component's team in 90 days",
    ),
    word("team.deployments_90d", Type::Number, "the team's deployments in 90 days"),
    word("team.emergencies_90d", Type::Number, "of them, emergencies"),
    word("team.mttr_90d", Type::Duration, "mean time from detection to restoration in 90 days"),
    word("team.mttd_90d", Type::Duration, "mean time from deployment to detection in 90 days"),
];

/// What is said of one open incident.
pub const INCIDENT: &[Word] = &[
    word("incident.severity", Type::Number, "its severity by the policy's numbers; 1 is the worst"),
    word("incident.id", Type::Text, "its name in its system"),
    word("incident.components", Type::Names, "the components that it affects"),
];

/// What is said of a deployment that ended.
pub const OUTCOME: &[Word] =
    &[word("outcome", Type::Text, "`succeeded`, `failed` or `cancelled`; unknown before it ended")];

/// What is said of the two paths of an experiment.
pub const ARMS: &[Word] = &[
    word("a.releases", Type::Number, "releases on the usual path"),
    word("a.failure_rate", Type::Number, "failed over all on the usual path, 0 to 1"),
    word("b.releases", Type::Number, "releases on the other path"),
    word("b.failure_rate", Type::Number, "failed over all on the other path, 0 to 1"),
];

/// What a risk weight's own expression speaks of.
pub const WEIGHT: &[Word] = &[
    word("lines", Type::Number, "lines added and removed (`size.lines`)"),
    word("files", Type::Number, "files touched (`size.files`)"),
    word("changes", Type::Number, "changes in the release (`size.changes`)"),
    word("vendors", Type::Number, "how many third parties (`vendor.new`, `vendor.declared`)"),
    word("rate", Type::Number, "the failure rate, 0 to 1 (`team.failure_rate`)"),
];

/// Conditions that are asked of the release with arguments.
pub const FUNCTIONS: &[(&str, &str)] = &[
    ("change.only", "whether every file that changes matches one of these globs; never of a release that changes none"),
    ("change.touches", "whether any file that changes matches one of these globs"),
    (
        "release.fixes",
        "`release.fixes(incident)`: it is linked as the incident's fix, goes into what the incident affects, and is confirmed",
    ),
    (
        "release.removes",
        "`release.removes(running.vulnerabilities.exploited)`: something exploited runs now and is not in what is released",
    ),
];

/// Where an expression stands, and so what it can speak of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A component alone: `raci.on`, `experiments.on`.
    Component,
    /// The release, with one of its components at a time.
    Release,
    /// The same, and one open incident at a time.
    Incident,
    /// The same, and how the deployment ended.
    Outcome,
    /// The two paths of an experiment.
    Arms,
    /// A risk weight, with the one name that its factor has.
    Weight(&'static str),
}

impl Place {
    /// The words of this place.
    pub fn words(self) -> impl Iterator<Item = &'static Word> {
        let lists: [&[Word]; 3] = match self {
            Self::Component => [COMPONENT, &[], &[]],
            Self::Release => [COMPONENT, RELEASE, &[]],
            Self::Incident => [COMPONENT, RELEASE, INCIDENT],
            Self::Outcome => [COMPONENT, RELEASE, OUTCOME],
            Self::Arms => [ARMS, &[], &[]],
            Self::Weight(_) => [WEIGHT, &[], &[]],
        };
        let only = if let Self::Weight(name) = self { Some(name) } else { None };
        lists.into_iter().flatten().filter(move |word| only.is_none_or(|only| only == word.name))
    }
}

impl Scope for Place {
    fn type_of(&self, name: &str) -> Option<Type> {
        self.words().find(|word| word.name == name).map(|word| word.kind)
    }

    fn names(&self) -> Vec<&str> {
        self.words().map(|word| word.name).collect()
    }

    fn values(&self, name: &str) -> Option<Vec<&str>> {
        fixed(name).map(<[&str]>::to_vec)
    }

    fn is_share(&self, name: &str) -> bool {
        matches!(name, "team.failure_rate_90d" | "a.failure_rate" | "b.failure_rate" | "rate")
    }

    fn least(&self, name: &str) -> Option<f64> {
        let counted = |kind| matches!(kind, Type::Number | Type::Duration);
        match name {
            // A weight may lower it.
            "risk.score" => None,
            name => self.type_of(name).filter(|kind| counted(*kind)).map(|_| 0.0),
        }
    }

    fn noun(&self) -> &'static str {
        "fact"
    }

    fn function(&self, name: &str) -> Option<Parameters> {
        if !self.functions().contains(&name) {
            return None;
        }
        match name {
            "change.only" | "change.touches" => Some(Parameters::Globs),
            "release.fixes" => Some(Parameters::Name(&["incident"])),
            "release.removes" => Some(Parameters::Name(&["running.vulnerabilities.exploited"])),
            _ => None,
        }
    }

    fn functions(&self) -> Vec<&str> {
        let here = |name: &str| match self {
            Self::Component | Self::Arms | Self::Weight(_) => false,
            // Only where one incident at a time is spoken of is there one to fix.
            Self::Incident => true,
            Self::Release | Self::Outcome => name != "release.fixes",
        };
        FUNCTIONS.iter().map(|(name, _)| *name).filter(|name| here(name)).collect()
    }
}

/// A place in a policy, with the names that the policy defines over all its layers.
#[derive(Clone, Copy)]
pub(super) struct Spoken<'n> {
    pub(super) place: Place,
    pub(super) names: &'n Names,
}

impl Scope for Spoken<'_> {
    fn type_of(&self, name: &str) -> Option<Type> {
        self.place.type_of(name)
    }

    fn names(&self) -> Vec<&str> {
        self.place.names()
    }

    fn values(&self, name: &str) -> Option<Vec<&str>> {
        let defined: Vec<&str> = match name {
            "environment" => self.names.all(Section::Environments).collect(),
            "component.name" | "release.components" | "incident.components" => {
                self.names.all(Section::Components).collect()
            }
            "component.team" => self.names.teams().collect(),
            _ => return fixed(name).map(<[&str]>::to_vec),
        };
        // A layer that defines none leaves them to the layers inside it.
        (!defined.is_empty()).then_some(defined)
    }

    fn is_share(&self, name: &str) -> bool {
        self.place.is_share(name)
    }

    fn least(&self, name: &str) -> Option<f64> {
        self.place.least(name)
    }

    fn noun(&self) -> &'static str {
        self.place.noun()
    }

    fn function(&self, name: &str) -> Option<Parameters> {
        self.place.function(name)
    }

    fn functions(&self) -> Vec<&str> {
        self.place.functions()
    }
}
