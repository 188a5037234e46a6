//! What expressions beyond gates see of the world, and what their answers do.
//!
//! Unknown tightens: a rule that adds a requirement applies where its condition holds or cannot be told, one that
//! relaxes only where it surely holds. `component.*` and `team.*` speak of one component at a time: what adds is asked
//! of any, what relaxes of all.

use std::collections::HashSet;

use super::path::Triage;
use super::scene::Scene;
use super::totals;
use super::{change, incidents, recovery, risk, vendors, words};
use crate::model::facts::{Fact, Incident, Outcome};
use crate::model::ground::Ground;
use crate::model::release_decision::{Class, Impact, Node, RiskAccount, Status};
use crate::model::stated::Stated;
use crate::policy::evaluate::{Facts, Given, Truth, condition};
use crate::policy::expression::{Arguments, Expression};
use crate::policy::rules::Component;

/// What is known where one expression stands.
#[derive(Clone, Copy, Debug)]
pub struct Known<'k, 's> {
    /// The world.
    pub scene: &'k Scene<'s>,
    /// What triage found; `None` while it is looking.
    pub triage: Option<&'k Triage>,
    /// The risk, which triage finds before the class.
    pub risk: Option<&'k RiskAccount>,
    /// The component that is spoken of.
    pub component: Option<&'k Component>,
    /// The incident.
    pub incident: Option<&'k Incident>,
    /// How the deployment ended.
    pub outcome: Option<Outcome>,
    /// What the component's team did, at another time than now.
    pub window: Option<totals::Window>,
}

impl<'k, 's> Known<'k, 's> {
    /// What is known of the release as a whole.
    #[must_use]
    pub fn of(scene: &'k Scene<'s>, triage: Option<&'k Triage>) -> Self {
        let risk = triage.map(|triage| &triage.risk);
        Self { scene, triage, risk, component: None, incident: None, outcome: None, window: None }
    }

    /// The same, with one component.
    #[must_use]
    pub fn with(self, component: Option<&'k Component>) -> Self {
        Self { component, ..self }
    }

    /// The same, with one incident.
    #[must_use]
    pub fn about(self, incident: &'k Incident) -> Self {
        Self { incident: Some(incident), ..self }
    }

    /// The answer to a condition.
    #[must_use]
    pub fn asks(&self, expression: &Expression) -> Truth {
        condition(&expression.term, self)
    }

    /// Whether a condition has an answer for every component, or for the release where it has none.
    #[must_use]
    pub fn all(&self, expression: &Expression, answer: Truth) -> bool {
        match self.scene.components.as_slice() {
            [] => self.with(None).asks(expression) == answer,
            some => some.iter().all(|component| self.with(Some(component)).asks(expression) == answer),
        }
    }

    /// Whether a condition surely has an answer of all that goes: for every component, and for what belongs to none where
    /// something does. By this what relaxes is asked where a release as a whole goes another way.
    #[must_use]
    pub fn surely(&self, expression: &Expression, answer: Truth) -> bool {
        self.all(expression, answer) && (!self.scene.goes_astray() || self.with(None).asks(expression) == answer)
    }

    /// Whether only what is not known keeps a condition from having an answer everywhere: it has it for some components
    /// and cannot be told for the others.
    #[must_use]
    pub fn undecided(&self, expression: &Expression, answer: Truth) -> bool {
        let here = |component| self.with(component).asks(expression);
        let answers: Vec<Truth> = match self.scene.components.as_slice() {
            [] => vec![here(None)],
            some => some.iter().map(|component| here(Some(*component))).collect(),
        };
        answers.contains(&Truth::Unknown) && answers.iter().all(|it| *it == answer || *it == Truth::Unknown)
    }

    fn window(&self) -> Option<totals::Window> {
        self.window.or_else(|| match self.component {
            Some(component) => totals::team(self.scene, component.team.as_deref()?).ok(),
            // What belongs to no component is no team's, and no team has deployed it.
            None => totals::no_team(self.scene).then(totals::Window::default),
        })
    }
}

/// Whether a rule that adds a requirement applies: for any component its condition holds or cannot be told.
#[must_use]
pub fn adds(scene: &Scene<'_>, triage: Option<&Triage>, expression: &Expression) -> bool {
    !Known::of(scene, triage).all(expression, Truth::False)
}

/// Whether a rule that relaxes one applies: for every component its condition surely holds.
#[must_use]
pub fn relaxes(scene: &Scene<'_>, triage: Option<&Triage>, expression: &Expression) -> bool {
    Known::of(scene, triage).all(expression, Truth::True)
}

/// Whether a rule that adds a requirement applies to one component.
#[must_use]
pub fn adds_for(
    scene: &Scene<'_>,
    triage: Option<&Triage>,
    component: Option<&Component>,
    expression: &Expression,
) -> bool {
    Known::of(scene, triage).with(component).asks(expression) != Truth::False
}

/// What is said where a condition cannot be told: which one, and what holds all the same.
#[must_use]
pub fn untold(expression: &Expression, so: &str, stated: &Stated) -> Node {
    let says = format!("whether `{}` holds cannot be told, and so {so}", expression.source);
    Node::new(Ground::ConditionUnknown, Status::Note, says).stated(stated)
}

/// The word of a class, as policies write it.
#[must_use]
pub fn class(class: Class) -> &'static str {
    match class {
        Class::Standard => "standard",
        Class::Normal => "normal",
        Class::Emergency => "emergency",
    }
}

/// The word of an impact.
#[must_use]
pub fn impact(impact: Impact) -> &'static str {
    match impact {
        Impact::Low => "low",
        Impact::Medium => "medium",
        Impact::High => "high",
    }
}

/// An answer that may not be known, as a truth.
pub(super) fn truth(known: Option<bool>) -> Truth {
    match known {
        Some(true) => Truth::True,
        Some(false) => Truth::False,
        None => Truth::Unknown,
    }
}

#[expect(clippy::cast_precision_loss, reason = "lines and files stay far below 2^53")]
fn number(count: Option<u64>) -> Option<Given<'static>> {
    count.map(|count| Given::Number(count as f64))
}

impl Facts for Known<'_, '_> {
    fn value(&self, name: &str) -> Option<Given<'_>> {
        match name {
            "component.name" => Some(Given::Text(&self.component?.name)),
            "component.kind" => self.component?.kind.as_deref().map(Given::Text),
            "component.tier" => self.component?.tier.as_deref().map(Given::Text),
            "component.exposure" => self.component?.exposure.as_deref().map(Given::Text),
            "component.team" => self.component?.team.as_deref().map(Given::Text),
            "component.regulations" => Some(Given::Names(&self.component?.regulations)),
            "component.vendors" => Some(Given::Names(&self.component?.vendors)),
            "environment" => Some(Given::Text(&self.scene.environment?.name)),
            "release.impact" => risk::surely(self.scene, self.risk?).map(|sure| Given::Text(impact(sure))),
            "release.class" => Some(Given::Text(class(self.triage?.class))),
            "release.is_rollback" => recovery::rollback(self.scene).map(Given::Flag),
            "release.lines" => number(totals::size(self.scene).lines),
            "release.files" => number(totals::size(self.scene).files),
            "release.changes" => number(totals::size(self.scene).changes),
            "release.commits" => number(totals::size(self.scene).commits),
            "release.components" => Some(Given::Names(totals::components(self.scene))),
            "release.new_vendors" => vendors::new(self.scene).ok().map(|new| Given::Names(&new.all)),
            "risk.score" => self.risk?.score.map(Given::Number),
            "documentation.complete" => match change::documented(self.scene) {
                Truth::True => Some(Given::Flag(true)),
                Truth::False => Some(Given::Flag(false)),
                Truth::Unknown => None,
            },
            "team.failure_rate_90d" => self.window()?.failure_rate().map(Given::Number),
            "team.deployments_90d" => Some(Given::Number(self.window()?.deployments.into())),
            "team.emergencies_90d" => Some(Given::Number(self.window()?.emergencies.into())),
            "team.mttr_90d" => self.window()?.mttr.map(Given::Seconds),
            "team.mttd_90d" => self.window()?.mttd.map(Given::Seconds),
            "incident.severity" => incidents::severity(self.scene, self.incident?).map(Given::Number),
            "incident.id" => Some(Given::Text(&self.incident?.id)),
            "incident.components" => match &self.incident?.components {
                Fact::Known(components) => Some(Given::Names(components)),
                Fact::Absent | Fact::Unavailable(_) => None,
            },
            "outcome" => self.outcome.map(|outcome| {
                Given::Text(match outcome {
                    Outcome::Succeeded => "succeeded",
                    Outcome::Failed => "failed",
                    Outcome::Cancelled => "cancelled",
                })
            }),
            _ => None,
        }
    }

    fn holds(&self, name: &str, arguments: &Arguments) -> Truth {
        match (name, self.incident) {
            ("change.only", _) => only(self.scene, arguments),
            ("change.touches", _) => touches(self.scene, arguments),
            ("release.fixes", Some(incident)) => incidents::fixes(self.scene, incident),
            ("release.removes", _) => removes(self.scene),
            _ => Truth::Unknown,
        }
    }
}

/// Whether every file that changes is one of these; never of a release that changes none.
fn only(scene: &Scene<'_>, globs: &Arguments) -> Truth {
    let Some(changes) = scene.changes() else { return Truth::Unknown };
    let (mut any, mut unknown) = (false, false);
    for change in changes {
        match change.known_files() {
            Some(files) if !files.iter().all(|file| globs.matches(file)) => return Truth::False,
            Some(files) => any |= !files.is_empty(),
            None => unknown = true,
        }
    }
    truth((!unknown).then_some(any))
}

/// Whether any file that changes is one of these.
fn touches(scene: &Scene<'_>, globs: &Arguments) -> Truth {
    let Some(changes) = scene.changes() else { return Truth::Unknown };
    let mut unknown = false;
    for change in changes {
        match change.known_files() {
            Some(files) if files.iter().any(|file| globs.matches(file)) => return Truth::True,
            Some(_) => {}
            None => unknown = true,
        }
    }
    truth((!unknown).then_some(false))
}

/// Whether something that is being exploited in what runs now is removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Removal<'s> {
    /// This is.
    Is(&'s str),
    /// Nothing is, and why.
    Not(String),
    /// It cannot be told, and why.
    Unknown(String),
}

/// Whether something that is being exploited runs now and is not in what is released.
pub(super) fn removal<'s>(scene: &Scene<'s>) -> Removal<'s> {
    let release = &scene.facts.release;
    let running = match &release.running {
        Fact::Known(running) => running.as_slice(),
        Fact::Absent => &[],
        Fact::Unavailable(why) => {
            return Removal::Unknown(format!("what is vulnerable in what runs now could not be read: {why}"));
        }
    };
    let released = match &release.released {
        // No register tells two apart by the case of letters.
        Fact::Known(released) => Ok(released.iter().map(|id| id.to_ascii_uppercase()).collect::<HashSet<_>>()),
        Fact::Absent => Ok(HashSet::new()),
        Fact::Unavailable(why) => Err(why),
    };
    let (mut stays, mut unknown) = (Vec::new(), None);
    for vulnerability in running {
        let id = vulnerability.id.as_str();
        let is_in = |released: &HashSet<String>| released.contains(&id.to_ascii_uppercase());
        match (&vulnerability.exploited, &released) {
            (Fact::Known(true), Ok(released)) if !is_in(released) => return Removal::Is(id),
            (Fact::Known(true), Ok(_)) => stays.push(id),
            (Fact::Known(true), Err(why)) => {
                unknown.get_or_insert(format!("what is vulnerable in what is released could not be read: {why}"));
            }
            (Fact::Unavailable(why), released) if released.as_ref().map_or(true, |released| !is_in(released)) => {
                unknown.get_or_insert(format!("whether {id} is being exploited could not be read: {why}"));
            }
            (Fact::Known(false) | Fact::Absent | Fact::Unavailable(_), _) => {}
        }
    }
    match unknown {
        Some(why) => Removal::Unknown(why),
        None if stays.is_empty() => Removal::Not("nothing that runs now is known to be exploited".to_owned()),
        None => Removal::Not(format!("what is released still has {}", words::all_of(&stays))),
    }
}

/// The same as an answer.
pub(super) fn removes(scene: &Scene<'_>) -> Truth {
    match removal(scene) {
        Removal::Is(_) => Truth::True,
        Removal::Not(_) => Truth::False,
        Removal::Unknown(_) => Truth::Unknown,
    }
}
