//! What earlier releases left to be done: what is overdue holds the team's next normal and standard releases, and a
//! post-implementation review as the policy says. Only somebody of the role who had no hand in that release meets it.
//!
//! What a release itself left holds the next one, and not its own second try, region or step. A debt stays when teams are
//! called otherwise: whoever makes its components now owes it.

use super::approvals::consumption;
use super::path::{Path, Triage};
use super::people::Person;
use super::scene::Scene;
use super::{board, change, incidents, place, roles, words};
use crate::model::facts::{Account, Act, Deed, Fact, OwedObligation};
use crate::model::ground::Ground;
use crate::model::release_decision::{Class, Node, Status};
use crate::model::stated::Stated;
use crate::policy::calendar;
use crate::policy::rules::Waits;

/// The kind of obligation that a post-implementation review is.
const REVIEW: &str = "pir";

/// Judges what the teams of the release owe; `again`: the same content goes again within the time for a retry.
#[must_use]
pub fn judge(scene: &Scene<'_>, path: &Path<'_>, triage: &Triage, again: bool) -> Vec<Node> {
    if place::automatic(scene) {
        return Vec::new();
    }
    let exempt = path.recovers() || triage.class == Class::Emergency;
    let owed = match &scene.facts.obligations {
        Fact::Known(owed) => owed.as_slice(),
        Fact::Absent => &[],
        Fact::Unavailable(_) if exempt => return Vec::new(),
        Fact::Unavailable(why) => {
            let says = format!("what earlier releases left to be done could not be read: {why}");
            return vec![Node::new(Ground::FactsUnavailable, Status::Unknown, says)];
        }
    };
    let mut owed: Vec<&OwedObligation> = owed.iter().filter(|owed| ours(scene, owed)).collect();
    // Their order in the facts tells nothing.
    owed.sort_by(|a, b| a.id.cmp(&b.id));
    let mut nodes: Vec<Node> = owed.into_iter().filter_map(|owed| one(scene, owed, exempt, again)).collect();
    if nodes.iter().all(|node| node.status.opens()) {
        nodes.insert(0, Node::new(Ground::NothingOwed, Status::Met, "nothing that is owed holds it"));
    }
    nodes
}

/// Whether an obligation is a team's that makes this release, in whatever capitals, or a review that a component of it waits for, whoever
/// makes that now. A policy without components knows no team, and what is owed may be that of whoever releases.
fn ours(scene: &Scene<'_>, owed: &OwedObligation) -> bool {
    if scene.rules.components.is_empty() {
        return true;
    }
    if is_nobodys(scene, owed) {
        return true;
    }
    let waits = scene.rules.pir.as_ref().is_some_and(|rule| owed.kind == REVIEW && rule.blocks == Waits::Component);
    if waits && scene.components.iter().any(|component| owed.components.contains(&component.name)) {
        return true;
    }
    // What is owed for a component of no team, or by a team that is called otherwise now, is owed by whoever releases that
    // component.
    let renamed = !has_team(scene, owed);
    scene.components.iter().any(|component| match component.team.as_deref() {
        Some(team) if team.eq_ignore_ascii_case(&owed.team) => true,
        Some(_) if !renamed => false,
        Some(_) | None => owed.components.contains(&component.name),
    })
}

/// Whether the team that owes something makes a component of the policy.
fn has_team(scene: &Scene<'_>, owed: &OwedObligation) -> bool {
    let mut teams = scene.rules.components.iter().filter_map(|component| component.team.as_deref());
    teams.any(|team| team.eq_ignore_ascii_case(&owed.team))
}

/// Whether neither the team that owes something nor a component for which it is owed is in the policy any more: that both
/// are called otherwise pays nothing, and so it is owed by whoever releases.
fn is_nobodys(scene: &Scene<'_>, owed: &OwedObligation) -> bool {
    let known = |name: &String| scene.rules.components.iter().any(|component| component.name == *name);
    !has_team(scene, owed) && !owed.components.iter().any(known)
}

/// Whether something is owed since this very release was opened or asked for, and by it: what it left holds the next one.
/// A name that other content went by, or may have, says nothing.
fn is_own(scene: &Scene<'_>, owed: &OwedObligation, again: bool) -> bool {
    let release = &scene.facts.release;
    let Fact::Known(since) = &owed.opened_at else { return false };
    let deployments = match &scene.facts.deployments {
        Fact::Known(deployments) => deployments.as_slice(),
        Fact::Absent => &[],
        Fact::Unavailable(_) => return false,
    };
    let named = || deployments.iter().filter(|it| it.release == release.name);
    let opened = || named().any(|it| it.environment == release.environment && it.opened_at <= *since);
    owed.release == release.name
        && named().all(|it| consumption::same(scene, it) == Some(true))
        && (release.submitted_at <= *since || again && opened())
}

/// Who owes something, as it is said.
fn debtor(scene: &Scene<'_>, owed: &OwedObligation) -> String {
    let parts: Vec<&str> = owed.components.iter().map(String::as_str).collect();
    match (owed.team.trim(), parts.as_slice()) {
        ("", []) => "whoever releases".to_owned(),
        ("", parts) => format!("whoever releases {}", words::any_of(parts)),
        (team, _) if scene.rules.components.is_empty() || has_team(scene, owed) => team.to_owned(),
        (team, _) => format!("{team}, which is no team of the policy any more,"),
    }
}

fn one(scene: &Scene<'_>, owed: &OwedObligation, exempt: bool, again: bool) -> Option<Node> {
    if owed.met == Fact::Known(true) {
        return None;
    }
    let mut refused = Vec::new();
    if let Some(node) = met(scene, owed, &mut refused) {
        return Some(node);
    }
    let due = match &owed.due {
        Fact::Known(due) => format!(", due {}", calendar::told(*due, scene.rules.calendar.zone)),
        Fact::Absent => String::new(),
        Fact::Unavailable(why) => format!(", of which it could not be read when it is due: {why},"),
    };
    let what = format!("`{}` of `{}`{due}", owed.kind, owed.release);
    let mut node = |code, status, mut says: String| {
        if !refused.is_empty() {
            says.push_str("; what was offered does not meet it: ");
            says.push_str(&refused.join(", "));
        }
        if let Fact::Known(opened) = &owed.opened_at {
            says.push_str("; it is owed since ");
            says.push_str(&calendar::told(*opened, scene.rules.calendar.zone));
        }
        let node = Node::new(code, status, says).evidence([owed.id.as_str()]);
        let parts = refused.drain(..).map(|says| Node::new(Ground::NotMet, Status::Note, says)).collect();
        let node = node.parts(parts);
        match stated(scene, owed) {
            Some(stated) => node.stated(stated),
            None => node,
        }
    };
    if exempt {
        return Some(node(Ground::OwedElsewhere, Status::Note, format!("{what} is owed, and does not hold this one")));
    }
    let overdue = || match &owed.due {
        Fact::Known(due) => scene.clock.reached(*due),
        Fact::Absent => false,
        Fact::Unavailable(_) => true,
    };
    let rule = scene.rules.pir.as_ref().filter(|_| owed.kind == REVIEW);
    let holds = match rule {
        Some(rule) => {
            let waits = match rule.blocks {
                Waits::Team => true,
                Waits::Component => {
                    scene.rules.components.is_empty()
                        || is_nobodys(scene, owed)
                        || scene.components.iter().any(|it| owed.components.contains(&it.name))
                }
                Waits::Nothing => false,
            };
            waits && (!rule.only_overdue || overdue()) || rule.overdue_holds && overdue()
        }
        None => overdue(),
    };
    if !holds {
        return Some(node(Ground::OwedElsewhere, Status::Note, format!("{what} is owed, and does not hold this one")));
    }
    if is_own(scene, owed, again) {
        let says = format!("{what} is owed by this very release, and holds the next one");
        return Some(node(Ground::OwedElsewhere, Status::Note, says));
    }
    // A release that failed without an incident is fixed by its name.
    let fixed =
        owed.incidents.iter().chain([&owed.release]).find(|id| incidents::fixes_named(scene, id, &owed.components));
    if let Some(id) = fixed {
        let says = format!("{what} is owed, and does not hold the fix of {id}");
        return Some(node(Ground::OwedElsewhere, Status::Note, says));
    }
    let late = if overdue() { " and overdue" } else { "" };
    let who = who(scene, owed);
    let by = match (&owed.by, who.as_slice()) {
        (None, _) => "; it names no role that meets it, so have the record say when it is met".to_owned(),
        (Some(asked), []) => {
            format!(
                ", by {asked}; nobody is left who holds `{asked}` and had no hand in it, so give somebody that role"
            )
        }
        (Some(asked), _) => format!(", by {asked}"),
    };
    let says = format!("{} still owes {what}{late}{by}", debtor(scene, owed));
    Some(node(Ground::Owed, Status::Unmet, says).who(who))
}

/// Who met an obligation by what he did; what does not meet it is said. One person does, or for the board's as many
/// members as decide in its meetings, and a chair where it has one.
fn met(scene: &Scene<'_>, owed: &OwedObligation, refused: &mut Vec<String>) -> Option<Node> {
    let role = owed.by.as_deref();
    let board = scene.rules.calendar.cab.as_ref().filter(|_| role == Some(board::MEMBERS));
    let chair = board.and_then(|cab| cab.chair.as_deref());
    let needed = board.map_or(1, |cab| cab.quorum.max(1)) as usize;
    let mut chaired = chair.is_none();
    let mut people: Vec<Person> = Vec::new();
    let mut evidence = vec![owed.id.as_str()];
    for act in scene.completing(&owed.id) {
        let chairs = chair.is_some_and(|chair| meets(scene, owed, act, Some(chair)).is_ok());
        chaired |= chairs;
        match meets(scene, owed, act, role) {
            Ok(person) if people.contains(&person) => {}
            Ok(person) => {
                people.push(person);
                evidence.push(&act.id);
            }
            Err(_) if chairs => evidence.push(&act.id),
            Err(why) => refused.push(format!("{}: {why}", scene.people.name(scene.person_of(act)))),
        }
        if people.len() >= needed && chaired {
            let names: Vec<&str> = people.iter().map(|person| scene.people.name(*person)).collect();
            let says = format!("`{}` of `{}` is met by {}", owed.kind, owed.release, words::all_of(&names));
            return Some(Node::new(Ground::NothingOwed, Status::Met, says).evidence(evidence));
        }
    }
    if people.is_empty() {
        return None;
    }
    if people.len() < needed {
        refused.push(format!("{} of {needed} members of the board say so", people.len()));
    }
    if let Some(chair) = chair.filter(|_| !chaired) {
        refused.push(format!("nobody who chairs the board as {chair} says so"));
    }
    None
}

/// Whether an act goes towards meeting an obligation: its role's, or where the board meets it, its chair's.
pub(super) fn helps(scene: &Scene<'_>, owed: &OwedObligation, act: &Act) -> Result<(), String> {
    let role = owed.by.as_deref();
    let board = scene.rules.calendar.cab.as_ref().filter(|_| role == Some(board::MEMBERS));
    let chairs = board.and_then(|cab| cab.chair.as_deref()).is_some_and(|it| meets(scene, owed, act, Some(it)).is_ok());
    if chairs { Ok(()) } else { meets(scene, owed, act, role).map(|_| ()) }
}

/// Where the policy asks for it.
fn stated<'s>(scene: &Scene<'s>, owed: &OwedObligation) -> Option<&'s Stated> {
    if owed.kind == REVIEW {
        return scene.rules.pir.as_ref().map(|rule| &rule.stated);
    }
    let follows = scene.rules.routes.iter().flat_map(|route| &route.then);
    follows.into_iter().find(|follow| follow.name == owed.kind).map(|follow| &follow.stated)
}

/// Whether an act meets an obligation: done since it is owed, of somebody who holds a role, had no hand in that release, and attached what is
/// asked for.
fn meets(scene: &Scene<'_>, owed: &OwedObligation, act: &Act, role: Option<&str>) -> Result<Person, String> {
    match &owed.opened_at {
        Fact::Known(opened) if *opened <= act.at => {}
        Fact::Known(opened) => {
            let opened = calendar::told(*opened, scene.rules.calendar.zone);
            return Err(format!("did that before it was owed, which is since {opened}"));
        }
        Fact::Absent => return Err("it is not said since when it is owed".to_owned()),
        Fact::Unavailable(why) => return Err(format!("since when it is owed could not be read: {why}")),
    }
    let Some(role) = role else { return Err("no role is named that meets it".to_owned()) };
    let person = roles::counts(scene, act, role).map_err(|refusal| refusal.says)?;
    none_of(scene, person, &owed.contributors, ("contributed to", &owed.release))?;
    if !is_work(owed) {
        none_of(scene, person, &owed.invoked_by, ("let go", &owed.release))?;
    }
    let attached = match &act.does {
        Deed::Complete { evidence, .. } => evidence.iter().any(|evidence| change::names_anything(evidence)),
        _ => false,
    };
    if owed.needs_evidence.perhaps() && !attached { Err("nothing is attached".to_owned()) } else { Ok(person) }
}

/// Whether it is work that has to be done, and no look back at what others did.
fn is_work(owed: &OwedObligation) -> bool {
    matches!(owed.kind.as_str(), "validate" | "back_merge")
}

/// Whether somebody is none of those who did something, or why he is or may be.
fn none_of(
    scene: &Scene<'_>,
    person: Person,
    accounts: &Fact<Vec<Account>>,
    (did, release): (&str, &str),
) -> Result<(), String> {
    let accounts = match accounts {
        Fact::Known(accounts) => accounts.as_slice(),
        Fact::Absent => &[],
        Fact::Unavailable(why) => return Err(format!("who {did} `{release}` could not be read: {why}")),
    };
    for account in accounts {
        if scene.people.of_seen(account) == Some(person) {
            return Err(format!("{did} `{release}`"));
        }
        if scene.people.link_unknown(account) {
            let who = account.as_str();
            return Err(format!("whether `{who}`, who {did} `{release}`, is the same person could not be read"));
        }
    }
    Ok(())
}

/// Who can meet an obligation, by name.
fn who(scene: &Scene<'_>, owed: &OwedObligation) -> Vec<String> {
    let Some(role) = &owed.by else { return Vec::new() };
    let invoked: &[Account] = if is_work(owed) { &[] } else { owed.invoked_by.entries() };
    let holders = roles::eligible(scene, role);
    let out = |person: Person| {
        let mut all = owed.contributors.entries().iter().chain(invoked);
        all.any(|account| scene.people.of_seen(account) == Some(person))
    };
    let people = holders.people.iter().filter(|person| !out(**person));
    people.map(|person| scene.people.name(*person).to_owned()).collect()
}
