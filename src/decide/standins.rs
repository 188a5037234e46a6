//! Who stands in for a role, and why: its fallback when its holders cannot or do not answer, and the authorities that a
//! route asks when nobody decides. A delegation within a role makes nobody eligible: who delegated is not asked while his
//! delegate can be, and it is said with the approval.

use chrono::{DateTime, Utc};

use super::approvals::requirements::Apart;
use super::latest;
use super::people::{Able, Person};
use super::roles::{self, Membership};
use super::rounds::Rounds;
use super::scene::Scene;
use super::separation;
use super::words;
use crate::model::facts::{Act, Deed, Standing, Via};
use crate::model::ground::Ground;
use crate::model::release_decision::{Node, Status};
use crate::policy::calendar::told;
use crate::policy::length::Length;
use crate::policy::rules::{Escalation, Role, Route};

/// A role that stands in for another.
#[derive(Clone, Debug)]
pub struct Standin<'s> {
    /// The role.
    pub role: &'s str,
    /// Why it does.
    pub because: String,
}

/// The roles that stand in for a role now, the nearest first. Whoever is kept apart from what is asked cannot answer.
#[must_use]
pub fn of<'s>(scene: &Scene<'s>, role: &str, apart: Option<&Apart<'s>>) -> Vec<Standin<'s>> {
    let mut found: Vec<Standin<'s>> = Vec::new();
    let mut begun = scene.facts.release.asked_at();
    let mut at = scene.role(role);
    while let Some((stated, membership)) = at {
        let Some(fallback) = stated.fallback.as_deref() else { break };
        if fallback == role || found.iter().any(|known| known.role == fallback) {
            break;
        }
        let Some((since, because)) = steps_in(scene, stated, membership, begun, apart) else { break };
        found.push(Standin { role: fallback, because });
        begun = since;
        at = scene.role(fallback);
    }
    found
}

/// Every role that could ever stand in for a role, the nearest first.
#[must_use]
pub fn chain<'s>(scene: &Scene<'s>, role: &str) -> Vec<&'s str> {
    let mut found: Vec<&str> = Vec::new();
    let mut at = scene.role(role);
    while let Some(fallback) = at.and_then(|(stated, _)| stated.fallback.as_deref()) {
        if fallback == role || found.contains(&fallback) {
            break;
        }
        found.push(fallback);
        at = scene.role(fallback);
    }
    found
}

/// Since when the fallback of a role is asked, and why.
fn steps_in<'s>(
    scene: &Scene<'s>,
    stated: &'s Role,
    membership: &Membership<'s>,
    begun: DateTime<Utc>,
    apart: Option<&Apart<'s>>,
) -> Option<(DateTime<Utc>, String)> {
    let name = &stated.name;
    if let Some((group, why)) = membership.unreadable() {
        return Some((begun, format!("who is in {name} cannot be read: `{group}`: {why}")));
    }
    // Everybody is asked, so that the clock hears of every absence.
    let outs: Vec<Option<String>> = membership.fair().map(|person| out(scene, person, apart)).collect();
    // Of whom it is not known how he came in, it is not known either that he is nobody.
    let perhaps = membership.doubtful().filter(|person| out(scene, *person, apart).is_none()).count() > 0;
    if outs.is_empty() && !perhaps {
        return Some((begun, format!("nobody is in {name}")));
    }
    if outs.iter().all(Option::is_some) && !perhaps {
        let mut outs: Vec<String> = outs.into_iter().flatten().collect();
        outs.sort_unstable();
        return Some((begun, format!("nobody in {name} can: {}", words::all_of(&outs))));
    }
    let (length, end) = unanswered(scene, stated, membership, begun, apart)?;
    scene.clock.reached(end).then(|| (end, format!("nobody in {name} answered within {length}")))
}

/// How long a role has to answer and when that is over, where it has such a time and nobody in it answered by then.
fn unanswered<'s>(
    scene: &Scene<'s>,
    stated: &Role,
    membership: &Membership<'_>,
    begun: DateTime<Utc>,
    apart: Option<&Apart<'s>>,
) -> Option<(Length, DateTime<Utc>)> {
    let length = stated.after?;
    let end = match &stated.hours {
        Some(hours) => hours.after(begun, length, &scene.rules.calendar.holidays),
        None => scene.due(begun, length),
    };
    // Who answers late takes nothing back: what those who stand in said by then still counts. Who answered before the run
    // was started again is no silent one.
    let answered = scene.acts_by().any(|(act, person)| {
        act.at >= scene.facts.release.submitted_at
            && act.at < end
            && answers(scene, act, person)
            && membership.fair().any(|holder| holder == person)
            && separation::barred(scene, person, apart).is_ok()
    });
    (!answered).then_some((length, end))
}

/// Whether somebody says something of this release, and stands by it.
fn answers(scene: &Scene<'_>, act: &Act, person: Person) -> bool {
    let says = match act.does {
        Deed::Approve { .. } => act.standing == Standing::Stands,
        Deed::Reject {} | Deed::Comment {} => true,
        _ => false,
    };
    // A review of a change that does not go is of something else; where it is not known what goes, that is not either.
    let ours = || {
        act.saw.changes.is_empty()
            || scene.contents().is_none_or(|now| act.saw.changes.keys().any(|id| now.contains_key(id.as_str())))
    };
    says && latest::here(scene, act) && !scene.withdrawn(act, person) && (act.via != Via::Review || ours())
}

/// What is asked once time has run out that runs now.
#[derive(Clone, Debug)]
pub struct Pending {
    /// The instant.
    pub at: DateTime<Utc>,
    /// What is asked then, of whom, and since when the time runs.
    pub says: String,
}

/// The role that stands in next, if time alone is missing.
#[must_use]
pub fn next_standin<'s>(scene: &Scene<'s>, role: &str, apart: Option<&Apart<'s>>) -> Option<Pending> {
    let mut seen: Vec<&str> = Vec::new();
    let mut begun = scene.facts.release.asked_at();
    let mut at = scene.role(role);
    while let Some((stated, membership)) = at {
        let fallback = stated.fallback.as_deref()?;
        if fallback == role || seen.contains(&fallback) {
            return None;
        }
        let Some((since, _)) = steps_in(scene, stated, membership, begun, apart) else {
            let (length, end) = unanswered(scene, stated, membership, begun, apart)?;
            let zone = scene.rules.calendar.zone;
            let says = format!(
                "{fallback} stands in from {} on, unless {} answers within {length} from {}",
                told(end, zone),
                stated.name,
                told(begun, zone)
            );
            return Some(Pending { at: end, says });
        };
        seen.push(fallback);
        begun = since;
        at = scene.role(fallback);
    }
    None
}

/// The authority that a route asks next, if nobody decides.
#[must_use]
pub fn next_authority<'s>(scene: &Scene<'s>, route: &'s Route) -> Option<Pending> {
    let escalation = route.escalate.as_ref()?;
    let number = asked(scene, route).len();
    let (role, times) = authorities(escalation).nth(number)?;
    let asked_at = scene.facts.release.asked_at();
    let at = scene.due(asked_at, repeated(escalation.undecided_after, times));
    let zone = scene.rules.calendar.zone;
    let says = format!(
        "{role} is asked from {} on, if nobody decides on the route `{}` within {} from {}",
        told(at, zone),
        route.name,
        repeated(escalation.undecided_after, times),
        told(asked_at, zone)
    );
    Some(Pending { at, says })
}

/// Why a holder cannot answer at all, if so.
fn out<'s>(scene: &Scene<'s>, person: Person, apart: Option<&Apart<'s>>) -> Option<String> {
    let name = scene.people.name(person);
    if let Err(refusal) = separation::barred_by_outer(scene, person, apart) {
        return Some(format!("{name} {}", refusal.says));
    }
    if scene.people.able(person) == Able::No {
        return Some(format!("{name} is deactivated"));
    }
    away(scene, person).then(|| format!("{name} is away"))
}

/// Whether somebody is away now, by the policy or by his own word.
#[must_use]
pub fn away(scene: &Scene<'_>, person: Person) -> bool {
    let stated = scene.people.away(person, |from, until| scene.clock.within(from, until));
    scene
        .acts_by()
        .filter_map(|(act, by)| match act.does {
            Deed::Away { from, until } if by == person && roles::acting(scene, act).is_ok() => Some((from, until)),
            _ => None,
        })
        .fold(stated, |found, (from, until)| scene.clock.within(from, until) || found)
}

/// An authority that a route asks because nobody decided.
#[derive(Clone, Copy, Debug)]
pub struct Authority<'s> {
    /// The role.
    pub role: &'s str,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Whether its word is final.
    pub last: bool,
}

/// The authorities that a route asks by now, in their order. The clock hears of the next one.
#[must_use]
pub fn asked<'s>(scene: &Scene<'s>, route: &'s Route) -> Vec<Authority<'s>> {
    let Some(escalation) = &route.escalate else { return Vec::new() };
    let last = escalation.last.as_deref();
    let mut found = Vec::new();
    for (role, times) in authorities(escalation) {
        let since = scene.due(scene.facts.release.asked_at(), repeated(escalation.undecided_after, times));
        if !scene.clock.reached(since) {
            break;
        }
        found.push(Authority { role, since, last: last == Some(role) });
    }
    found
}

/// The roles that are asked one after the other, each with the number of times that is waited before.
fn authorities(escalation: &Escalation) -> impl Iterator<Item = (&str, u32)> {
    let last = escalation.last.as_deref();
    let beyond = last.filter(|last| !escalation.to.iter().any(|role| role == last));
    escalation.to.iter().map(String::as_str).chain(beyond).zip(1..)
}

pub(super) fn repeated(length: Length, times: u32) -> Length {
    match length {
        Length::Seconds(seconds) => Length::Seconds(seconds.saturating_mul(times.into())),
        Length::BusinessHours(hours) => Length::BusinessHours(hours.saturating_mul(times)),
        Length::BusinessDays(days) => Length::BusinessDays(days.saturating_mul(times)),
    }
}

/// For whom somebody stands in within a role, by a delegation that holds now.
#[must_use]
pub fn delegated_by<'s>(scene: &Scene<'s>, role: &str, to: Person) -> Option<&'s str> {
    scene.acts().find_map(|act| {
        let Deed::Delegate { role: named, to: whom, from, until } = &act.does else { return None };
        let meant = named == role && scene.people.of(whom) == to;
        let holds = meant && refused(scene, act).is_none() && scene.clock.within(*from, *until);
        holds.then(|| scene.people.name(scene.person_of(act)))
    })
}

/// Whoever has named another holder of a role in his place by a delegation that holds now, and whom.
#[must_use]
pub fn delegated<'s>(scene: &Scene<'s>, role: &str) -> Vec<(Person, Person)> {
    if scene.rules.delegation.is_none() {
        return Vec::new();
    }
    let holds = |act: &'s Act| match &act.does {
        Deed::Delegate { role: named, to, from, until } if named == role => {
            let holds = refused(scene, act).is_none() && scene.clock.within(*from, *until);
            holds.then(|| Some((scene.person_of(act), scene.people.of_seen(to)?))).flatten()
        }
        _ => None,
    };
    scene.acts().filter_map(holds).collect()
}

/// What is said of delegations that do not hold.
#[must_use]
pub fn refusals(scene: &Scene<'_>, asked: &dyn Fn(&str) -> bool) -> Vec<Node> {
    let mut nodes = Vec::new();
    for act in scene.acts() {
        let Deed::Delegate { role, to, .. } = &act.does else { continue };
        if !asked(role) {
            continue;
        }
        if let Some(why) = refused(scene, act) {
            let (from, to) = (scene.people.name(scene.person_of(act)), scene.people.name(scene.people.of(to)));
            let says = format!("{from} names {to} as stand-in in {role}, which does not hold: {why}");
            nodes.push(Node::new(Ground::DelegationRefused, Status::Note, says).evidence([&act.id]));
        }
    }
    nodes
}

/// Why a delegation does not hold, whenever it is meant for.
pub(super) fn refused<'s>(scene: &Scene<'s>, act: &'s Act) -> Option<String> {
    let Deed::Delegate { role, to, from, until } = &act.does else { return None };
    let Some(rule) = &scene.rules.delegation else {
        return Some("the policy has no `delegation`".to_owned());
    };
    let by = match roles::counts(scene, act, role) {
        Ok(person) => person,
        Err(refusal) => return Some(format!("{}: {}", scene.people.name(scene.person_of(act)), refusal.says)),
    };
    // Who had a hand in the release chooses nobody who lets it go.
    if let Err(refusal) = separation::excluded(scene, by) {
        return Some(format!("{} {}", scene.people.name(by), refusal.says));
    }
    let whom = scene.people.of(to);
    if whom == by {
        return Some("it is the same person".to_owned());
    }
    if let Err(refusal) = separation::excluded(scene, whom) {
        return Some(format!("{} {}", scene.people.name(whom), refusal.says));
    }
    if !roles::seated(scene, whom, role) {
        return Some(format!("{} is not in {role}", scene.people.name(whom)));
    }
    if until <= from {
        return Some("it ends before it begins".to_owned());
    }
    if *until > scene.due(*from, rule.max) {
        return Some(format!("it is longer than {}", rule.max));
    }
    if scene.totals.rounds.get_or_init(|| Rounds::new(scene)).leads_back(role, by, whom) {
        return Some("it leads back to where it came from".to_owned());
    }
    None
}

/// What is said of an authority that is asked.
#[must_use]
pub fn told_of(scene: &Scene<'_>, route: &Route, authority: &Authority<'_>) -> String {
    let after = route.escalate.as_ref().map(|it| it.undecided_after).unwrap_or_default();
    format!(
        "{} is asked since {}: undecided for {after} and more on the route `{}`{}",
        authority.role,
        told(authority.since, scene.rules.calendar.zone),
        route.name,
        if authority.last { "; its word is final" } else { "" }
    )
}
