//! When a release may go: closed hours and freezes. A freeze beats everything that it does not except, and never what
//! goes back.

use chrono::{DateTime, Utc};

use super::bound::{self, Extent};
use super::path::{Path, Triage};
use super::people::Person;
use super::scene::Scene;
use super::{incidents, known, roles, words};
use crate::model::facts::{Act, Deed};
use crate::model::ground::Ground;
use crate::model::release_decision::{Node, Status};
use crate::policy::calendar::{self, Closed, Freeze};

/// Judges the hours.
#[must_use]
pub fn judge(scene: &Scene<'_>, path: &Path<'_>, triage: &Triage) -> Vec<Node> {
    let mut nodes = closed(scene, path);
    nodes.extend(freezes(scene, path, triage));
    nodes
}

fn here(scene: &Scene<'_>, environments: &[String]) -> bool {
    environments.is_empty() || environments.contains(&scene.facts.release.environment)
}

/// Closed hours, for what does not go at any hour.
fn closed(scene: &Scene<'_>, path: &Path<'_>) -> Vec<Node> {
    let calendar = &scene.rules.calendar;
    let closed: Vec<&Closed> =
        calendar.closed.iter().filter(|closed| closed.deployment && here(scene, &closed.environments)).collect();
    let Some(first) = closed.first() else { return Vec::new() };
    if path.any_hours() || path.recovers() {
        let says = "it goes at any hour, past closed hours";
        return vec![Node::new(Ground::Open, Status::NotNeeded, says).stated(&first.stated)];
    }
    let mut nodes = Vec::new();
    let mut next = None;
    for closed in &closed {
        let now = scene.clock.now();
        let change = closed.hours.next_change(now, &calendar.holidays);
        if let Some(change) = change {
            scene.clock.reached(change);
            next = Some(next.map_or(change, |next: DateTime<Utc>| next.min(change)));
        }
        if !closed.hours.is_open(now, &calendar.holidays) {
            continue;
        }
        let until = change
            .map_or_else(|| "for ever".to_owned(), |at| format!("until {}", calendar::told(at, closed.hours.zone)));
        let says = format!("`{}` stops deployments {until} (`{}`)", closed.name, closed.hours.written);
        nodes.push(Node::new(Ground::Closed, Status::Waiting, says).stated(&closed.stated).next(change));
    }
    if nodes.is_empty() {
        let mut says = "open for deployments".to_owned();
        if let Some(at) = next {
            says.extend([" until ", &calendar::told(at, calendar.zone)]);
        }
        nodes.push(Node::new(Ground::Open, Status::Met, says).stated(&first.stated).next(next));
    }
    nodes
}

/// The hours, closed for approving here, that are on now, and when none is on any more. The clock hears of each that begins
/// or ends.
pub fn closed_for_approving<'s>(scene: &Scene<'s>) -> Option<(&'s Closed, Option<DateTime<Utc>>)> {
    let calendar = &scene.rules.calendar;
    let all = || calendar.closed.iter().filter(|closed| closed.approval && here(scene, &closed.environments));
    let on = |at: DateTime<Utc>| all().find(move |closed| closed.hours.is_open(at, &calendar.holidays));
    let mut at = scene.clock.now();
    for closed in all() {
        if let Some(change) = closed.hours.next_change(at, &calendar.holidays) {
            scene.clock.reached(change);
        }
    }
    let first = on(at)?;
    // One may begin before another is over; each turn ends one of them.
    for _ in 0..=calendar.closed.len() * 8 {
        let Some(closed) = on(at) else { return Some((first, Some(at))) };
        at = match closed.hours.next_change(at, &calendar.holidays) {
            Some(change) => change,
            None => break,
        };
    }
    Some((first, None))
}

fn freezes(scene: &Scene<'_>, path: &Path<'_>, triage: &Triage) -> Vec<Node> {
    let freezes = scene.rules.calendar.freezes.iter().filter(|freeze| here(scene, &freeze.environments));
    let on = freezes.filter(|freeze| scene.clock.within(freeze.from, freeze.to));
    on.map(|freeze| frozen(scene, path, triage, freeze).stated(&freeze.stated)).collect()
}

fn frozen(scene: &Scene<'_>, path: &Path<'_>, triage: &Triage, freeze: &Freeze) -> Node {
    let name = &freeze.name;
    if let Some(word) = excepted(path, triage, freeze) {
        let says = format!("the freeze `{name}` lets {word} releases go");
        return Node::new(Ground::FreezeExcepted, Status::Met, says).next(Some(freeze.to));
    }
    // Whether the policy lists it or not: what it does not list meets nothing that it says.
    if path.recovers() {
        let says = format!("the freeze `{name}` does not stop what goes back");
        return Node::new(Ground::FreezeExcepted, Status::NotNeeded, says).next(Some(freeze.to));
    }
    let mut ignored = Vec::new();
    for act in exceptions(scene, name) {
        match excepts(scene, act, freeze) {
            Ok(person) => {
                let says = format!(
                    "{} lets it go during the freeze `{name}`: {}",
                    scene.people.name(person),
                    act.reason.as_deref().unwrap_or_default().trim()
                );
                return Node::new(Ground::FreezeExcepted, Status::Met, says)
                    .evidence([act.id.as_str()])
                    .next(Some(freeze.to));
            }
            Err(why) => ignored.push(format!("{}: {why}", scene.people.name(scene.person_of(act)))),
        }
    }
    let [since, until] = [freeze.from, freeze.to].map(|at| calendar::told(at, scene.rules.calendar.zone));
    let mut says = format!("the freeze `{name}` is on since {since}, until {until}");
    if !ignored.is_empty() {
        says.push_str("; ignored ");
        says.push_str(&ignored.join(", "));
    }
    let who = freeze.exceptions_by.as_deref().map(|role| incidents::names(scene, role)).unwrap_or_default();
    if let Some(role) = freeze.exceptions_by.as_deref() {
        says.push_str("; ");
        says.push_str(role);
        says.push_str(" may except it");
    }
    Node::new(Ground::Frozen, Status::Waiting, says).who(who).next(Some(freeze.to))
}

/// The word by which a freeze lets every way of a release go.
fn excepted<'f>(path: &Path<'_>, triage: &Triage, freeze: &'f Freeze) -> Option<&'f str> {
    let class = known::class(triage.class);
    // A route is called what its author likes: by these words the class is meant, and what goes back.
    let all = |word: &str| match word {
        "emergency" | "standard" | "normal" => word == class,
        "recovery" => path.recovers(),
        _ => !path.legs.is_empty() && path.legs.iter().all(|leg| leg.route.is_some_and(|route| route.name == word)),
    };
    freeze.except.iter().find(|word| all(word)).map(String::as_str)
}

fn exceptions<'a, 's>(scene: &'a Scene<'s>, name: &'a str) -> impl Iterator<Item = &'s Act> {
    scene.acts().filter(move |act| matches!(&act.does, Deed::ExceptFreeze { freeze } if freeze == name))
}

/// Whether an act lets this release go during a freeze: of who may, about this, and with a reason.
pub(super) fn excepts(scene: &Scene<'_>, act: &Act, freeze: &Freeze) -> Result<Person, String> {
    let Some(role) = freeze.exceptions_by.as_deref() else { return Err("the freeze has no exceptions".to_owned()) };
    let person = roles::independent(scene, act, role).map_err(|refusal| refusal.says)?;
    bound::to_release(scene, act, Extent::Whole).map_err(|refusal| refusal.says)?;
    if !act.reason.as_deref().is_some_and(|reason| words::meaningful(reason, 1)) {
        return Err("it has no reason".to_owned());
    }
    Ok(person)
}
