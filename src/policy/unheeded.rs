//! Words of a policy that are read, and come to less than they seem to: severities that no incident has, an end of a step
//! that never comes or comes at once, samples of nothing, times that are shorter than a regulation's, files that are of two
//! components.

use super::diagnostics::{Code, Diagnostic};
use super::duration::period_days;
use super::expression::{Comparison, Expression};
use super::idle::{at, layers};
use super::packs;
use super::proofs::Places;
use super::repository_path::witness;
use super::rules::{Component, Rules};
use super::systems;
use super::tree::{Node, Value};

/// What a severity is called in conditions.
const SEVERITY: &str = "incident.severity";

/// Complains about severities that are asked for and that no word of the policy is mapped to.
pub(super) fn severities(rules: &Rules, places: &mut Places<'_>) {
    let Some(incidents) = &rules.incidents else { return };
    let emergency = rules.emergency.as_ref().and_then(|class| class.when.as_ref());
    let conditions: [(&[&str], Option<&Expression>); 2] =
        [(&["classes", "emergency", "when"], emergency), (&["incidents", "unless"], incidents.unless.as_ref())];
    for (path, condition) in conditions {
        let Some(condition) = condition else { continue };
        let asked = condition.compared_with(SEVERITY);
        if asked.is_empty() {
            continue;
        }
        if incidents.severity.is_empty() {
            let message = format!(
                "`{SEVERITY}` is never known: `incidents.severity` maps no word to a number; write `severity: {{ P1: 1, P2: 2 }}`"
            );
            places.complain(Code::Overlooked, path, message);
            continue;
        }
        let some = |how: Comparison, number: f64| {
            incidents.severity.values().any(|known| how.answers(known.total_cmp(&number)))
        };
        let Some((written, ..)) = asked.iter().find(|(_, how, number)| !some(*how, *number)) else { continue };
        let mut known: Vec<f64> = incidents.severity.values().copied().collect();
        known.sort_by(f64::total_cmp);
        known.dedup();
        let known: Vec<String> = known.iter().map(f64::to_string).collect();
        let message = format!(
            "`{written}` never holds: `incidents.severity` maps words to {}, and 1 is the worst; mend one of them",
            known.join(", ")
        );
        places.complain(Code::Overlooked, path, message);
    }
}

/// Complains about the ends of steps of rigor that never come, or that are there with the step's own.
pub(super) fn ends(rules: &Rules, places: &mut Places<'_>) {
    for step in &rules.rigor.steps {
        let Some(until) = &step.until else { continue };
        let (code, message) = if until.implies(&step.when) {
            let message = format!(
                "`{}` holds only where `{}` does, so the step never ends once it began; state what earns it back",
                until.source, step.when.source
            );
            (Code::Overlooked, message)
        } else if step.when.otherwise_implies(until) {
            let message = format!(
                "`{}` holds wherever `{}` does not, so the step ends as without `until`; leave it out, or ask for more",
                until.source, step.when.source
            );
            (Code::NoEffect, message)
        } else {
            continue;
        };
        let layer = places.names.iter().position(|layer| *layer == step.stated.layer).unwrap_or_default();
        let span = places.trees.get(layer).and_then(|tree| {
            let steps = tree.get("rigor")?.get("steps")?;
            let Value::List(steps) = &steps.value else { return None };
            Some(steps.iter().find(|it| it.span.line == step.stated.line)?.get("until")?.span)
        });
        places.push(layer, Diagnostic::new(code, span.unwrap_or_default(), message));
    }
}

/// Samples of nothing, and what they come to.
const SAMPLES: [(&[&str], &str); 2] = [
    (&["rigor", "steps", "*", "sample"], "and a step needs 1 deployment at least"),
    (&["experiments", "*", "sample"], "and so the experiment is judged by its first release"),
];

/// Complains about samples of nothing.
pub(super) fn samples(_: &Rules, places: &mut Places<'_>) {
    layers(places, |_, tree, say| {
        for (path, so) in SAMPLES {
            for node in
                at(tree, path).into_iter().filter(|node| matches!(node.value, Value::Number(number) if number == 0.0))
            {
                let message = format!("a sample of 0 is none, {so}; state how many are enough, or leave it out");
                say(Code::NoEffect, node.span, message);
            }
        }
    });
}

/// Complains about times that are shorter than those of the regulations of what they are for.
pub(super) fn too_short(rules: &Rules, places: &mut Places<'_>) {
    layers(places, |trees, tree, say| {
        let packs: Vec<packs::Pack> =
            trees.iter().flat_map(|tree| packs::named(tree, &mut Vec::new())).map(|(pack, _)| pack).collect();
        let shorter = |length: &str, other: &str| period_days(length) < period_days(other);
        for (key, node) in tree.get("retention").map(Node::entries).unwrap_or_default() {
            let pack = packs.iter().find(|pack| pack.is_about(&key.name));
            let Some((pack, length)) = pack.zip(node.text()).filter(|(pack, length)| shorter(length, &pack.keep))
            else {
                continue;
            };
            let message = format!(
                "`{}` is kept for {length} here, and the pack `{}` has its evidence kept for {}; state that at least",
                key.name, pack.name, pack.keep
            );
            say(Code::Overlooked, node.span, message);
        }
        for (key, gate) in tree.get("gates").map(Node::entries).unwrap_or_default() {
            let Some((length, span)) = gate.get("keep").and_then(|node| Some((node.text()?, node.span))) else {
                continue;
            };
            let on: Vec<&str> =
                gate.get("on").map(Node::texts).unwrap_or_default().into_iter().map(|(name, _)| name).collect();
            let guarded = rules.components.iter().filter(|one| on.is_empty() || on.contains(&one.name.as_str()));
            let found = guarded
                .flat_map(|one| one.regulations.iter().map(move |regulation| (one, regulation)))
                .find_map(|(one, regulation)| {
                    let pack = packs.iter().find(|pack| pack.is_about(regulation))?;
                    shorter(length, &pack.keep).then_some((one, regulation, pack))
                });
            let Some((component, regulation, pack)) = found else { continue };
            let message = format!(
                "the evidence of `{}` is kept for {length} by this, and `{}` is under `{regulation}`, for which the pack `{}` has \
                 evidence kept for {}; state that at least, or leave it out",
                key.name, component.name, pack.name, pack.keep
            );
            say(Code::Overlooked, span, message);
        }
    });
}

/// How many components are compared with each other: what a policy's text costs to check is bounded.
const COMPARED: usize = 200;

/// Complains about components of which one has files that are another's as well: both are asked, whatever is meant.
pub(super) fn overlapping(rules: &Rules, places: &mut Places<'_>) {
    let compared = || rules.components.iter().take(COMPARED).enumerate();
    for (number, one) in compared() {
        let rest = compared().filter(|(other, _)| *other != number);
        // Two that have one another's files are told once, of the later.
        let shared = |other: &Component| one.repository == other.repository && within(one, other).is_some();
        let Some((_, other)) = rest
            .filter(|(_, other)| shared(other))
            .find(|(place, other)| within(other, one).is_none() || *place < number)
        else {
            continue;
        };
        let Some(file) = within(one, other) else { continue };
        let message = format!(
            "`{file}` is of `{}` and of `{}`: a change of it is both's, and what either asks is asked; make their `paths` exclude each \
             other if that is not meant",
            one.name, other.name
        );
        places.about(Code::Overlooked, "components", &one.name, &one.stated, message);
    }
}

/// A file of a component that is another's as well.
fn within(one: &Component, other: &Component) -> Option<String> {
    let files = one.paths.written.iter().take(COMPARED / 10).filter_map(|glob| witness(glob));
    files.filter(|file| one.paths.matches(file)).find(|file| other.paths.matches(file))
}

/// Complains about systems whose names are hardly those that are meant.
pub(super) fn misspelled(_: &Rules, places: &mut Places<'_>) {
    layers(places, |_, tree, say| {
        for path in systems::NAMED {
            for (name, span) in at(tree, path).into_iter().flat_map(Node::texts) {
                let Some(near) = systems::meant(name) else { continue };
                let message = format!("no system is called `{name}` as far as is known; did you mean `{near}`?");
                say(Code::Overlooked, span, message);
            }
        }
    });
}
