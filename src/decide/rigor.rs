//! Rigor: when more is asked. Each step adds a second reviewer and takes the automatic path away; none ever adds an
//! accountable role. What a team did earns it and loses it.

use chrono::{DateTime, Utc};

use super::known::Known;
use super::path::Triage;
use super::scene::Scene;
use super::totals::{self, Window};
use super::{explain, risk};
use crate::model::facts::TeamHistory;
use crate::model::ground::Ground;
use crate::model::release_decision::{Node, Status};
use crate::policy::calendar;
use crate::policy::evaluate::{Truth, names_unknown};
use crate::policy::rules::{Component, RigorStep, Route};

/// How many steps are added on one way of a release, and why.
#[must_use]
pub fn of(
    scene: &Scene<'_>,
    triage: &Triage,
    component: Option<&Component>,
    route: &Route,
    nodes: &mut Vec<Node>,
) -> u32 {
    let rigor = &scene.rules.rigor;
    if !rigor.touches(route) {
        return 0;
    }
    let mut steps = 0_u32;
    let mut add = |node: Node| {
        if !nodes.contains(&node) {
            nodes.push(node);
        }
    };
    for peak in &scene.rules.calendar.peaks {
        if peak.rigor > 0 && scene.clock.within(peak.from, peak.to) {
            steps = steps.saturating_add(peak.rigor);
            let until = calendar::told(peak.to, scene.rules.calendar.zone);
            let says = format!("+{} for the peak `{}`, until {until}", peak.rigor, peak.name);
            let since = calendar::told(peak.from, scene.rules.calendar.zone);
            let on = Node::new(Ground::Peak, Status::Note, format!("the peak `{}` is on since {since}", peak.name));
            let node = Node::new(Ground::RigorAdded, Status::Note, says).stated(&peak.stated).next(Some(peak.to));
            add(node.parts(vec![on]));
        }
    }
    for step in &rigor.steps {
        match one(scene, triage, component, step) {
            Step::No => {}
            Step::TooLittle(node) => add(node),
            Step::Adds(node) => {
                steps = steps.saturating_add(1);
                add(node);
            }
        }
    }
    let bound = rigor.max.unwrap_or(u32::MAX);
    if steps > bound {
        add(Node::new(
            Ground::RigorAdded,
            Status::Note,
            format!("of {steps} steps of rigor, {bound} are asked at most"),
        ));
    }
    steps.min(bound)
}

enum Step {
    No,
    TooLittle(Node),
    Adds(Node),
}

fn one(scene: &Scene<'_>, triage: &Triage, component: Option<&Component>, step: &RigorStep) -> Step {
    let known = Known::of(scene, Some(triage)).with(component);
    let answer = known.asks(&step.when);
    if answer == Truth::False && step.until.is_none() {
        return Step::No;
    }
    let team = component.and_then(|component| component.team.as_deref());
    let window = match team {
        Some(team) => Some((team, totals::team(scene, team))),
        None if component.is_none() && totals::no_team(scene) => Some(("no team", Ok(Window::default()))),
        None => None,
    };
    if let Some((team, Ok(window))) = &window
        && too_little(step, window, &known)
    {
        if answer == Truth::False {
            return Step::No;
        }
        let says = format!(
            "{} of {} deployments that `{}` needs of {team} in 90 days; nothing is added",
            window.deployments,
            step.sample.max(1),
            step.when.source
        );
        return Step::TooLittle(Node::new(Ground::SampleTooSmall, Status::Note, says).stated(&step.stated));
    }
    let held = match (answer, &step.until) {
        (Truth::True | Truth::Unknown, _) => "",
        (Truth::False, None) => return Step::No,
        (Truth::False, Some(until)) if known.asks(until) == Truth::True => return Step::No,
        // In between: what counts is which of the two it was last.
        (Truth::False, Some(_)) => match team.map(|team| totals::history(scene, team)) {
            Some(Ok(history)) if was_on(scene, &known, step, history) => " no longer, and not yet enough",
            Some(Ok(_)) => return Step::No,
            // What cannot be told tightens.
            Some(Err(_)) | None => " perhaps",
        },
    };
    let of = component.map_or(String::new(), |component| format!("{}: ", component.name));
    let counted = match &window {
        Some((team, Ok(window))) if step.when.source.contains("team.") => {
            format!("; {}", risk::failures(team, window))
        }
        Some((team, Err(why))) if step.when.source.contains("team.") => {
            format!("; what {team} deployed is not known: {why}")
        }
        _ => String::new(),
    };
    let how = if answer == Truth::Unknown { "cannot be told" } else { "holds" };
    let ends = match &step.until {
        Some(until) => format!("; it ends when `{}`", until.source),
        None => "; it ends when that no longer holds".to_owned(),
    };
    let says = format!(
        "+1: {of}`{}` {how}{held}: {}{counted}{ends}",
        step.when.source,
        explain::values(&step.when.term, &known)
    );
    Step::Adds(Node::new(Ground::RigorAdded, Status::Note, says).stated(&step.stated))
}

/// Whether a team deployed too little to be judged by: less than the step asks for, or nothing at all where nothing else
/// is missing.
fn too_little(step: &RigorStep, window: &Window, known: &Known<'_, '_>) -> bool {
    if window.deployments < step.sample {
        return true;
    }
    let measure = |name: &&str| matches!(*name, "team.failure_rate_90d" | "team.mttr_90d" | "team.mttd_90d");
    window.deployments == 0 && {
        let missing = names_unknown(&step.when.term, known);
        !missing.is_empty() && missing.iter().all(measure)
    }
}

/// Whether a step was added when it was last told apart: back through every instant at which a deployment came into the
/// count of 90 days or left it.
fn was_on(scene: &Scene<'_>, known: &Known<'_, '_>, step: &RigorStep, history: &TeamHistory) -> bool {
    let mut instants: Vec<DateTime<Utc>> = history
        .deployments
        .iter()
        .flat_map(|it| {
            let began = it.incidents.entries().iter().map(|incident| &incident.began_at);
            let told = began.chain([&it.detected_at, &it.restored_at]).filter_map(|fact| fact.known().copied());
            told.chain([it.at, totals::leaves(it.at)]).collect::<Vec<_>>()
        })
        .filter(|at| scene.clock.reached(*at))
        .collect();
    instants.sort_unstable();
    instants.dedup();
    for at in instants.into_iter().rev() {
        let inside = |deployed: DateTime<Utc>| deployed <= at && at < totals::leaves(deployed);
        let then = totals::window(history, scene.rules.rigor.incidents_within, inside, |happened| happened <= at);
        if then.deployments < step.sample {
            continue;
        }
        let known = Known { window: Some(then), ..*known };
        if known.asks(&step.when) == Truth::True {
            return true;
        }
        if step.until.as_ref().is_some_and(|until| known.asks(until) == Truth::True) {
            return false;
        }
    }
    false
}
