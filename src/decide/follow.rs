//! What must happen because a release goes: what its routes say, the way back to the main line of what an
//! emergency or a hotfix brought that is not there, the post-implementation review, and who hears of it.

use chrono::{DateTime, Utc};

use super::approvals::requirements;
use super::known::{self, Known};
use super::path::{Path, Triage};
use super::scene::Scene;
use super::{glass, place, routing};
use crate::model::facts::{Fact, Outcome};
use crate::model::release_decision::{Class, Node, OpenedObligation};
use crate::model::stated::Stated;
use crate::policy::evaluate::Truth;
use crate::policy::expression::Expression;
use crate::policy::length::Length;

/// The kind of what the incident review board is told.
const BOARD: &str = "notify_board";
/// The kind of obligation that merging back is.
const BACK_MERGE: &str = "back_merge";

/// What must happen if the release goes now, or because it went under a grant: such a release pays what an emergency
/// does, whatever its own route is and whether the grant held.
#[must_use]
pub fn opened<'s>(scene: &Scene<'s>, triage: &Triage, path: &Path<'s>) -> Vec<OpenedObligation> {
    let used = glass::used(scene);
    let from = used.map_or(scene.clock.now(), |grant| grant.opened_at);
    let mut opened = Vec::new();
    let mut routes = path.routes();
    if used.is_some() {
        let emergency = routing::of_an_emergency(scene, triage).into_iter();
        routes.extend(emergency.filter(|route| !path.routes().iter().any(|known| known.name == route.name)));
    }
    for follow in routes.into_iter().flat_map(|route| &route.then) {
        let due = due(scene, Some(&follow.by), from, follow.within);
        let owed = OpenedObligation {
            kind: follow.name.clone(),
            by: Some(follow.by.clone()),
            from,
            due: Some(due),
            needs_evidence: follow.needs_evidence,
            to: Vec::new(),
            stated: Some(follow.stated.clone()),
        };
        join(&mut opened, owed);
    }
    let hotfix = !place::automatic(scene) && !path.recovers() && aside(scene);
    let emergency = (triage.class == Class::Emergency || used.is_some()) && !on_default(scene);
    let by_itself = opened.iter().any(|known| known.kind == BACK_MERGE);
    if !by_itself && (emergency || hotfix) {
        opened.push(back_merge(scene, triage, path, from));
    }
    if place::automatic(scene) {
        return opened;
    }
    opened.extend(review(scene, triage));
    opened.extend(board(scene, triage, from));
    if triage.class == Class::Emergency || used.is_some() {
        opened.extend(monitors(scene, from));
    }
    opened
}

/// Adds an obligation to others. Where two routes or two policies ask the same of the same people it is one: the sooner,
/// and with evidence where one asks for it.
pub fn join(all: &mut Vec<OpenedObligation>, owed: OpenedObligation) {
    let same = |known: &&mut OpenedObligation| known.kind == owed.kind && known.by == owed.by && known.to == owed.to;
    let Some(known) = all.iter_mut().find(same) else {
        all.push(owed);
        return;
    };
    known.due = [known.due, owed.due].into_iter().flatten().min();
    known.needs_evidence |= owed.needs_evidence;
}

/// When a length ends, in the calendar of the role that it is for where it has one of its own.
pub(super) fn due(scene: &Scene<'_>, role: Option<&str>, from: DateTime<Utc>, within: Length) -> DateTime<Utc> {
    let calendar = &scene.rules.calendar;
    let hours = role.and_then(|name| scene.rules.roles.iter().find(|role| role.name == name)?.hours.as_ref());
    match hours {
        Some(hours) => hours.after(from, within, &calendar.holidays),
        None => calendar.due(from, within),
    }
}

/// Whether the line that the others are made from lacks what goes, or may.
fn aside(scene: &Scene<'_>) -> bool {
    match &scene.facts.release.reference {
        Fact::Known(reference) => matches!(reference.on_default, Fact::Known(false) | Fact::Unavailable(_)),
        Fact::Absent => false,
        Fact::Unavailable(_) => true,
    }
}

/// Whether that line has what goes, surely: then nothing of an emergency is left to bring there.
fn on_default(scene: &Scene<'_>) -> bool {
    match &scene.facts.release.reference {
        Fact::Known(reference) => reference.on_default == Fact::Known(true),
        Fact::Absent | Fact::Unavailable(_) => false,
    }
}

/// What an emergency or a hotfix brought has to come back to the line that the others are made from.
fn back_merge<'s>(scene: &Scene<'s>, triage: &Triage, path: &Path<'s>, from: DateTime<Utc>) -> OpenedObligation {
    let mut accountable = path.legs.iter().filter_map(|leg| requirements::accountable(scene, triage, leg).ok());
    OpenedObligation {
        kind: BACK_MERGE.to_owned(),
        by: accountable.next().map(str::to_owned),
        from,
        due: None,
        needs_evidence: false,
        to: Vec::new(),
        stated: None,
    }
}

/// How the deployment ended, where it did.
fn outcome(scene: &Scene<'_>) -> Option<Outcome> {
    match &scene.facts.release.outcome {
        Fact::Known(outcome) => Some(*outcome),
        Fact::Absent | Fact::Unavailable(_) => None,
    }
}

/// Whether something follows. Before the deployment has ended its outcome is unknown as a matter of course, so that only
/// what surely holds follows; afterwards, what cannot be told follows too.
fn follows(scene: &Scene<'_>, triage: &Triage, when: Option<&Expression>) -> bool {
    let Some(when) = when else { return true };
    let outcome = outcome(scene);
    let known = Known { outcome, ..Known::of(scene, Some(triage)) };
    let answers = |answer| match scene.components.as_slice() {
        [] => known.asks(when) == answer,
        some => some.iter().any(|component| known.with(Some(component)).asks(when) == answer),
    };
    let ended = outcome.is_some() || scene.facts.release.outcome.unavailable().is_some();
    answers(Truth::True) || (ended && answers(Truth::Unknown))
}

/// The post-implementation review, counted from the deployment.
fn review(scene: &Scene<'_>, triage: &Triage) -> Option<OpenedObligation> {
    let rule = scene.rules.pir.as_ref().filter(|rule| follows(scene, triage, rule.when.as_ref()))?;
    let from = deployed_at(scene).unwrap_or(scene.clock.now());
    Some(OpenedObligation {
        kind: "pir".to_owned(),
        by: Some(rule.by.clone()),
        from,
        due: Some(due(scene, Some(&rule.by), from, rule.within)),
        needs_evidence: false,
        to: Vec::new(),
        stated: Some(rule.stated.clone()),
    })
}

/// When this release was deployed here, where it was.
fn deployed_at(scene: &Scene<'_>) -> Option<DateTime<Utc>> {
    let release = &scene.facts.release;
    let deployments = scene.facts.deployments.entries().iter();
    let own = deployments.filter(|it| it.environment == release.environment && it.release == release.name);
    let finished = own.filter_map(|it| match &it.finished_at {
        Fact::Known(at) if scene.clock.reached(*at) => Some(*at),
        Fact::Known(_) | Fact::Absent | Fact::Unavailable(_) => None,
    });
    finished.max()
}

/// Who hears of it.
fn board(scene: &Scene<'_>, triage: &Triage, from: DateTime<Utc>) -> Option<OpenedObligation> {
    let rule = scene.rules.board.as_ref()?;
    let adds = match &rule.when {
        None => true,
        Some(when) if speaks_of_outcome(when) => follows(scene, triage, Some(when)),
        Some(when) => known::adds(scene, Some(triage), when),
    };
    adds.then(|| told(BOARD, rule.notify.clone(), from, &rule.stated))
}

/// The systems that are told of an emergency, so that whoever watches what runs sees what changed it.
fn monitors(scene: &Scene<'_>, from: DateTime<Utc>) -> Option<OpenedObligation> {
    let rule = scene.rules.monitor.as_ref().filter(|rule| !rule.emergencies.is_empty())?;
    Some(told(OpenedObligation::EMERGENCY, rule.emergencies.clone(), from, &rule.stated))
}

/// What is said where only what is not known makes something follow.
#[must_use]
pub fn untold(scene: &Scene<'_>, triage: &Triage) -> Vec<Node> {
    if place::automatic(scene) {
        return Vec::new();
    }
    let known = Known { outcome: outcome(scene), ..Known::of(scene, Some(triage)) };
    let unclear = |when: &&Expression| {
        (!speaks_of_outcome(when) || follows(scene, triage, Some(when))) && known.undecided(when, Truth::False)
    };
    let review = scene.rules.pir.as_ref().and_then(|rule| Some((rule.when.as_ref()?, &rule.stated)));
    let review = review.filter(|(when, _)| follows(scene, triage, Some(when)) && unclear(when));
    let board = scene.rules.board.as_ref().and_then(|rule| Some((rule.when.as_ref()?, &rule.stated)));
    let board = board.filter(|(when, _)| unclear(when));
    let notes = review.map(|(when, stated)| known::untold(when, "a review follows", stated));
    notes.into_iter().chain(board.map(|(when, stated)| known::untold(when, "the board is told", stated))).collect()
}

fn speaks_of_outcome(when: &Expression) -> bool {
    when.names().contains(&"outcome")
}

fn told(kind: &str, to: Vec<String>, from: DateTime<Utc>, stated: &Stated) -> OpenedObligation {
    OpenedObligation {
        kind: kind.to_owned(),
        by: None,
        from,
        due: None,
        needs_evidence: false,
        to,
        stated: Some(stated.clone()),
    }
}
