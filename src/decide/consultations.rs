//! Who carries a release out, who is consulted and who is told, by the table of responsibilities.
//!
//! Somebody who is consulted is waited for, and not longer than the policy says: his answer binds nobody. Who carries a
//! release out and who is told is said on every way, also of what goes by itself: that holds nothing.

use std::fmt::Write as _;

use super::approvals::requirements::{accountable, asks_accountable, asks_row, rows};
use super::bound::{self, Extent};
use super::known::{self, Known};
use super::path::{Leg, Path, Triage};
use super::people::Person;
use super::roles::{self, Refusal};
use super::scene::Scene;
use super::{follow, incidents, separation, words};
use crate::model::facts::{Act, Deed, Fact};
use crate::model::ground::Ground;
use crate::model::release_decision::{Ask, Node, Status};
use crate::policy::calendar::told;
use crate::policy::evaluate::Truth;
use crate::policy::expression::Expression;
use crate::policy::length::Length;
use crate::policy::rules::{On, RaciRow};

/// The nodes, and who is asked and told.
#[must_use]
pub fn judge<'s>(scene: &Scene<'s>, triage: &Triage, path: &Path<'s>, asks: &mut Vec<Ask>) -> Vec<Node> {
    let mut rowed: Vec<&RaciRow> = Vec::new();
    let mut asked: Vec<&RaciRow> = Vec::new();
    let mut untold: Vec<Node> = Vec::new();
    for leg in &path.legs {
        for row in rows(scene, triage, leg) {
            let asks_them = asks_row(triage, leg, row);
            if !asks_them && row.informed.is_empty() && row.responsible.is_empty() {
                continue;
            }
            let notes = unclear(scene, triage, leg, row).map(|it| known::untold(it, "its row is asked", &row.stated));
            notes.for_each(|note| {
                if !untold.contains(&note) {
                    untold.push(note);
                }
            });
            if !rowed.iter().any(|known| std::ptr::eq(*known, row)) {
                rowed.push(row);
            }
            if asks_them {
                asked.push(row);
            }
        }
    }
    let (mut nodes, mut consulted, mut informed): (Vec<Node>, Vec<&str>, Vec<&str>) = (untold, Vec::new(), Vec::new());
    nodes.extend(path.legs.iter().filter_map(|leg| answers_for(scene, triage, leg)));
    for row in rowed {
        if !row.responsible.is_empty() {
            nodes.push(responsible(scene, row));
        }
        let asks_them = asked.iter().any(|known| std::ptr::eq(*known, row));
        for (role, wait) in row.consulted.iter().filter(|_| asks_them) {
            if !consulted.contains(&role.as_str()) {
                consulted.push(role);
                nodes.push(consult(scene, row, role, *wait, asks));
            }
        }
        for role in row.informed.iter().filter(|role| !informed.contains(&role.as_str())).collect::<Vec<_>>() {
            informed.push(role);
            let people = names(scene, role);
            let mut says = format!("{role} is told");
            if !people.is_empty() {
                let _ = write!(says, ": {}", words::all_of(&people));
            }
            nodes.push(Node::new(Ground::Informed, Status::Note, says).stated(&row.stated));
            asks.push(Ask { role: role.clone(), people, to: "inform".to_owned(), because: None });
        }
    }
    nodes
}

/// The conditions of a row that cannot be told of a component.
fn unclear<'s>(
    scene: &Scene<'_>,
    triage: &Triage,
    leg: &Leg<'_>,
    row: &'s RaciRow,
) -> impl Iterator<Item = &'s Expression> {
    let on = match &row.on {
        On::Where(condition) => Some(condition),
        On::All | On::Component(_) => None,
    };
    let asks = |condition: &Expression| Known::of(scene, Some(triage)).with(leg.component).asks(condition);
    on.into_iter().chain(&row.when).filter(move |condition| asks(condition) == Truth::Unknown)
}

/// Who answers for a component whose way asks him for no approval.
fn answers_for<'s>(scene: &Scene<'s>, triage: &Triage, leg: &Leg<'s>) -> Option<Node> {
    let asked = leg.formal && leg.route.is_some_and(asks_accountable);
    if asked || scene.rules.raci.is_empty() {
        return None;
    }
    let role = match accountable(scene, triage, leg) {
        Ok(role) => role,
        Err(mut node) => {
            // Nobody is asked here, so nothing hangs on it.
            node.status = Status::Note;
            return Some(*node);
        }
    };
    let of = leg.component.map_or("this release", |component| component.name.as_str());
    let people = names(scene, role);
    let who = if people.is_empty() { String::new() } else { format!(": {}", words::any_of(&people)) };
    Some(Node::new(Ground::Accountable, Status::Note, format!("{role} is accountable for {of}{who}")))
}

fn names(scene: &Scene<'_>, role: &str) -> Vec<String> {
    let people = roles::eligible(scene, role).people;
    people.into_iter().map(|person| scene.people.name(person).to_owned()).collect()
}

fn responsible(scene: &Scene<'_>, row: &RaciRow) -> Node {
    let mut says = format!("{} carries it out", words::all_of(&row.responsible));
    let teams: Vec<&String> =
        row.responsible.iter().filter(|name| !name.starts_with("user:") && scene.role(name).is_none()).collect();
    if !teams.is_empty() {
        let _ = write!(says, "; {} is no role, so nobody is kept from answering for it", words::all_of(&teams));
    }
    match &scene.facts.release.trigger {
        Fact::Known(account) => {
            let _ = write!(says, "; {} started the deployment", scene.people.name(scene.people.of(account)));
        }
        Fact::Absent | Fact::Unavailable(_) => {}
    }
    Node::new(Ground::Responsible, Status::Note, says).stated(&row.stated)
}

fn consult(scene: &Scene<'_>, row: &RaciRow, role: &str, wait: Length, asks: &mut Vec<Ask>) -> Node {
    let (submitted, asked_at) = (scene.facts.release.submitted_at, scene.facts.release.asked_at());
    let mut ignored: Vec<String> = Vec::new();
    for act in scene.acts() {
        let speaks = matches!(act.does, Deed::Approve { .. } | Deed::Reject {} | Deed::Comment {});
        if !speaks || act.at < submitted {
            continue;
        }
        match answers(scene, act, role) {
            Some(Ok(person)) => {
                let says = [role, " was consulted: ", scene.people.name(person), " answered"].concat();
                return Node::new(Ground::Consulted, Status::Met, says).stated(&row.stated).evidence([&act.id]);
            }
            Some(Err(refusal)) => {
                ignored.push(format!("{}: {}", scene.people.name(scene.person_of(act)), refusal.says));
            }
            None => {}
        }
    }
    let end = follow::due(scene, Some(role), asked_at, wait);
    let until = told(end, scene.rules.calendar.zone);
    if scene.clock.reached(end) {
        let says = format!("{role} was consulted and did not answer within {wait}, until {until}");
        return Node::new(Ground::ConsultationOver, Status::Note, says).stated(&row.stated);
    }
    // Whoever had a hand in it says nothing new about it.
    let people = incidents::names(scene, role);
    asks.push(Ask { role: role.to_owned(), people: people.clone(), to: "consult".to_owned(), because: None });
    let since = told(asked_at, scene.rules.calendar.zone);
    let mut says = format!("{role} is consulted since {since}, and waited for until {until}");
    if !ignored.is_empty() {
        let _ = write!(says, "; ignored {}", words::all_of(&ignored));
    }
    Node::new(Ground::Consulted, Status::Waiting, says).stated(&row.stated).who(people).next(Some(end))
}

/// Whether an act of somebody who is consulted is his answer: of one who had no hand in the release, and about what goes
/// now. `None` where he is not consulted at all.
fn answers(scene: &Scene<'_>, act: &Act, role: &str) -> Option<Result<Person, Refusal>> {
    let person = roles::acting(scene, act).ok().filter(|person| roles::seated(scene, *person, role))?;
    let said = separation::contributed(scene, person).and_then(|()| bound::to_release(scene, act, Extent::Whole));
    Some(said.map(|()| person))
}
