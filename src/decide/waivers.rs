//! Waivers: those that a policy grants, and those that people give by an act.
//!
//! A waiver names one gate, its reason, its owner and its end, and never more than the policy lets its owner give. What
//! is wrong with one is said; a forge that let somebody past is no waiver.

use chrono::{DateTime, Utc};

use super::gates::Judgement;
use super::incidents;
use super::known::relaxes;
use super::path::Triage;
use super::people::Person;
use super::release_gates::{Judged, is_named};
use super::roles::{self, Refusal};
use super::scene::Scene;
use super::{separation, words};
use crate::model::facts::{Act, Deed};
use crate::model::ground::Ground;
use crate::model::release_decision::{Node, Status};
use crate::model::verdict::{Reason, Verdict};
use crate::policy::calendar::told;
use crate::policy::expression::Expression;
use crate::policy::gate::Gate;
use crate::policy::rules::WaiverRule;
use crate::policy::vocabulary::Place;
use crate::policy::waiver::Waiver;

/// Lifts a gate that holds, where a waiver in force covers it; when that ends, and the act that gave it, where one did.
#[must_use]
pub fn lift<'s>(
    scene: &Scene<'s>,
    triage: &Triage,
    gate: &Gate,
    judgement: Judgement,
    notes: &mut Vec<Node>,
) -> (Judgement, Option<DateTime<Utc>>, Option<&'s str>) {
    let environment = &scene.facts.release.environment;
    let zone = scene.rules.calendar.zone;
    let waived = |by: &str, (from, until): (DateTime<Utc>, DateTime<Utc>), reason: &str| Judgement {
        verdict: Reason::WaiverInForce.verdict(),
        reason: Reason::WaiverInForce,
        explanation: format!(
            "waived by {by} until {}: {reason}; without the waiver: {}; the waiver counts from {}",
            told(until, zone),
            judgement.explanation,
            told(from, zone)
        ),
    };
    for waiver in &scene.policy.waivers {
        // One that is yet to begin says nothing.
        if !waiver.about(gate, environment) || !scene.clock.reached(waiver.from) {
            continue;
        }
        if !scene.policy.is_protected() {
            let says = format!(
                "{}'s waiver of {} does not count: the policy that grants it was not read from a protected ref",
                waiver.by, gate.name
            );
            notes.push(Node::new(Ground::WaiverRefused, Status::Note, says));
            continue;
        }
        match granted(scene, triage, waiver) {
            Ok(()) => {
                let reason = waiver.reason.as_deref().unwrap_or("no reason stated");
                return (waived(&waiver.by, (waiver.from, waiver.until), reason), Some(waiver.until), None);
            }
            Err(refusal) => {
                let says =
                    format!("{}'s waiver of {} in the policy does not hold: {}", waiver.by, gate.name, refusal.says);
                notes.push(Node::new(Ground::WaiverRefused, Status::Note, says));
            }
        }
    }
    for act in scene.acts() {
        let Deed::Waive { gate: named, until, .. } = &act.does else { continue };
        if !is_named(gate, named) {
            continue;
        }
        match holds(scene, triage, gate, act).and_then(|person| still(gate, act, &judgement).map(|()| person)) {
            Ok(person) => {
                let reason = words::normal(act.reason.as_deref().unwrap_or("no reason stated"));
                return (waived(scene.people.name(person), (act.at, *until), &reason), Some(*until), Some(&act.id));
            }
            Err(refusal) => {
                let name = scene.people.name(scene.person_of(act));
                let says = format!("{name}'s waiver of {} does not hold: {}", gate.name, refusal.says);
                notes.push(Node::new(Ground::WaiverRefused, Status::Note, says).evidence([&act.id]));
            }
        }
    }
    (judgement, None, None)
}

/// Whether a waiver of the policy that has begun holds for this release, or why it does not.
fn granted<'s>(scene: &Scene<'s>, triage: &Triage, waiver: &'s Waiver) -> Result<(), Refusal> {
    if scene.clock.reached(waiver.until) {
        let end = told(waiver.until, scene.rules.calendar.zone);
        return Err(Refusal::new(Ground::WaiverRefused, format!("it ended {end}")));
    }
    separation::contributed(scene, scene.people.meant(&waiver.by, &scene.facts.release.forge))?;
    match &waiver.when {
        Some(when) if !relaxes(scene, Some(triage), when) => {
            Err(Refusal::new(Ground::WaiverRefused, format!("its condition `{}` is not known to hold", when.source)))
        }
        Some(_) | None => Ok(()),
    }
}

/// Whether an act waives a gate now, or why it does not.
pub(super) fn holds(scene: &Scene<'_>, triage: &Triage, gate: &Gate, act: &Act) -> Result<Person, Refusal> {
    let refuse = |says: String| Err(Refusal::new(Ground::WaiverRefused, says));
    let Deed::Waive { environments, until, compensating_control, when, .. } = &act.does else {
        return refuse("it is no waiver".to_owned());
    };
    let Some(rule) = &scene.rules.waivers else {
        return refuse("the policy lets nobody waive gates".to_owned());
    };
    let environment = &scene.facts.release.environment;
    if !environments.is_empty() && !environments.contains(environment) {
        return refuse(format!("it is for {}", words::all_of(environments)));
    }
    // One that was given on another environment's page, and does not name this one, was meant for that.
    if let Some(shown) = act.saw.environment.as_ref().filter(|shown| *shown != environment && environments.is_empty()) {
        return refuse(format!("it was for `{shown}`"));
    }
    let repository = &scene.facts.release.repository;
    if let Some(shown) = act.saw.repository.as_ref().filter(|shown| *shown != repository) {
        return refuse(format!("it was for `{shown}`"));
    }
    let person = owner(scene, rule, gate, act)?;
    let says = |text: Option<&str>| text.is_some_and(|text| words::meaningful(text, 1));
    if rule.needs_reason && !says(act.reason.as_deref()) {
        return refuse("it gives no reason".to_owned());
    }
    if rule.needs_control && !says(compensating_control.as_deref()) {
        return refuse("it names no compensating control".to_owned());
    }
    if *until <= act.at {
        return refuse("it ends before it begins".to_owned());
    }
    if let Some(max) = rule.max
        && *until > scene.rules.calendar.due(act.at, max)
    {
        return refuse(format!("it runs longer than {max}"));
    }
    if let Some(when) = when {
        match Expression::condition(when, &Place::Release) {
            Ok(condition) if relaxes(scene, Some(triage), &condition) => {}
            Ok(_) => return refuse(format!("its condition `{when}` is not known to hold")),
            Err(mistakes) => {
                let why = mistakes.first().map_or("it cannot be read", |mistake| mistake.message.as_str());
                return refuse(format!("its condition `{when}` cannot be understood: {why}"));
            }
        }
    }
    if !scene.clock.within(act.at, *until) {
        return refuse(format!("it ended {}", told(*until, scene.rules.calendar.zone)));
    }
    Ok(person)
}

/// Whether it was waived as it is: who was shown that the gate passes took nothing upon himself that came since.
fn still(gate: &Gate, act: &Act, judgement: &Judgement) -> Result<(), Refusal> {
    let shown = act.saw.gates.iter().find(|(name, shown)| is_named(gate, name) && OPEN.contains(shown));
    match shown {
        Some((name, shown)) => {
            let now = judgement.verdict.word();
            let says = format!("was shown `{name}` as {}, and it is {now} now; waive it anew", shown.word());
            Err(Refusal::new(Ground::GateWorsened, says))
        }
        None => Ok(()),
    }
}

/// Who gave it, if he may waive this gate.
fn owner(scene: &Scene<'_>, rule: &WaiverRule, gate: &Gate, act: &Act) -> Result<Person, Refusal> {
    let roles = rule.roles_for(&gate.layer);
    let mut refused = Refusal::new(Ground::WaiverRefused, format!("nobody may waive gates of {}", gate.layer));
    for role in roles {
        match roles::independent(scene, act, role) {
            Ok(person) => return Ok(person),
            Err(refusal) => refused = refusal,
        }
    }
    Err(refused)
}

/// Who may waive a gate now, by name.
#[must_use]
pub fn able(scene: &Scene<'_>, gate: &Gate) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for role in scene.rules.waivers.iter().flat_map(|rule| rule.roles_for(&gate.layer)) {
        names
            .extend(incidents::names(scene, role).into_iter().filter(|name| !names.contains(name)).collect::<Vec<_>>());
    }
    names
}

/// Waivers that match nothing: those that an act gives of no gate of the policy, of one that guards nothing here, or of one
/// that opens without; and those that the policy grants, in force here, of a gate that opens without.
#[must_use]
pub fn unused(scene: &Scene<'_>, judged: &[Judged<'_>]) -> Vec<Node> {
    let mut nodes = Vec::new();
    for act in scene.acts() {
        let Deed::Waive { gate, until, .. } = &act.does else { continue };
        let mut named = judged.iter().filter(|it| it.named(gate)).peekable();
        if named.peek().is_some() {
            let all: Vec<Verdict> = named.map(|it| it.judgement.verdict).collect();
            let why = if all.iter().all(|verdict| *verdict == Verdict::NotApplicable) {
                Some("the gate does not apply to this release")
            } else {
                all.iter().all(|verdict| OPEN.contains(verdict)).then_some("the gate passes without")
            };
            // The clock is asked only where its answer says something.
            if let Some(why) = why.filter(|_| scene.clock.within(act.at, *until)) {
                let name = scene.people.name(scene.person_of(act));
                let says = format!("{name}'s waiver of {gate} lifts nothing: {why}");
                nodes.push(Node::new(Ground::WaiverUnused, Status::Note, says).evidence([&act.id]));
            }
        }
        if !scene.policy.gates.iter().any(|known| is_named(known, gate)) {
            let name = scene.people.name(scene.person_of(act));
            let says = format!("{name}'s waiver is of `{gate}`, and the policy has no such gate");
            nodes.push(Node::new(Ground::WaiverUnused, Status::Note, says).evidence([&act.id]));
        }
    }
    let environment = &scene.facts.release.environment;
    for waiver in &scene.policy.waivers {
        let mut about = judged.iter().filter(|it| waiver.about(it.gate, environment)).peekable();
        if let Some(first) = about.peek()
            && let gate = &first.gate.name
            && about.all(|it| it.judgement.verdict == Verdict::Pass)
            && scene.clock.within(waiver.from, waiver.until)
        {
            let says = format!("{}'s waiver of {gate} in the policy lifts nothing: the gate passes without", waiver.by);
            nodes.push(Node::new(Ground::WaiverUnused, Status::Note, says));
        }
    }
    nodes
}

/// What lets a release go without a waiver.
const OPEN: [Verdict; 2] = [Verdict::Pass, Verdict::NotApplicable];
