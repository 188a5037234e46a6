//! How long what a release was decided on has to be kept: by the regulations that its components are under, by the policy's
//! usual time, and longer where a gate says so of its evidence. The longest time wins, and what is held has no end.
//!
//! Nothing here deletes or keeps anything: it is said, for whoever runs the record and its artifacts.

use super::release_gates::Judged;
use super::scene::Scene;
use super::words;
use crate::model::release_decision::Kept;
use crate::model::verdict::Reason;
use crate::policy::duration::period_days;
use crate::policy::rules::RetentionRule;

/// What the record of a release is called among what is kept.
const RECORD: &str = "record";

/// What is to be kept of a release: its record first, then the evidence of gates that is kept longer.
#[must_use]
pub fn of(scene: &Scene<'_>, gates: &[Judged<'_>]) -> Vec<Kept> {
    let record = scene.rules.retention.as_ref().and_then(|rule| held(scene, rule).or_else(|| longest(scene, rule)));
    let mut kept: Vec<Kept> = record.into_iter().collect();
    let elsewhere =
        |judged: &&Judged<'_>| matches!(judged.judgement.reason, Reason::OtherEnvironment | Reason::OtherComponent);
    for gate in gates.iter().filter(|judged| !elsewhere(judged)).map(|judged| judged.gate) {
        let Some(length) = &gate.keep else { continue };
        let evidence = Kept {
            what: ["evidence of ", &gate.name].concat(),
            length: Some(length.clone()),
            because: "the gate says so".to_owned(),
            stated: Some(gate.stated.clone()),
        };
        // What the record is made from is kept as long as it is.
        if kept.first().is_none_or(|record| record.what != RECORD || outlasts(&evidence, record)) {
            join(&mut kept, evidence);
        }
    }
    kept
}

/// Adds something that is kept; of one thing the longest time wins.
pub fn join(all: &mut Vec<Kept>, one: Kept) {
    match all.iter_mut().find(|known| known.what == one.what) {
        Some(known) if outlasts(&one, known) => *known = one,
        Some(_) => {}
        None => all.push(one),
    }
}

/// Whether something is kept longer than something else.
fn outlasts(one: &Kept, other: &Kept) -> bool {
    let days = |it: &Kept| it.length.as_deref().map(|length| period_days(length).unwrap_or(f64::INFINITY));
    match (days(one), days(other)) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(one), Some(other)) => one > other,
    }
}

/// What is kept until the policy says otherwise: because of the release's name or of a component's.
fn held(scene: &Scene<'_>, rule: &RetentionRule) -> Option<Kept> {
    let goes = |name: &&String| {
        **name == scene.facts.release.name || scene.components.iter().any(|component| component.name == **name)
    };
    let names: Vec<&String> = rule.held.iter().filter(goes).collect();
    (!names.is_empty()).then(|| Kept {
        what: RECORD.to_owned(),
        length: None,
        because: format!("`legal_hold` names {}", words::all_of(&names)),
        stated: Some(rule.stated.clone()),
    })
}

/// The longest time that a regulation asks for of the components that go, or the usual one.
fn longest(scene: &Scene<'_>, rule: &RetentionRule) -> Option<Kept> {
    let mut kept: Vec<Kept> = Vec::new();
    if let Some(usual) = rule.usual() {
        kept.push(Kept {
            what: RECORD.to_owned(),
            length: Some(usual.length.clone()),
            because: "it is the usual time".to_owned(),
            stated: Some(usual.stated.clone()),
        });
    }
    for component in &scene.components {
        for time in component.regulations.iter().filter_map(|regulation| rule.of(regulation)) {
            let because = format!("{} is under `{}`", component.name, time.of);
            let one = Kept {
                what: RECORD.to_owned(),
                length: Some(time.length.clone()),
                because,
                stated: Some(time.stated.clone()),
            };
            join(&mut kept, one);
        }
    }
    kept.into_iter().next()
}
