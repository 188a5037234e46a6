//! Who is told what of a decision, and from when on: what messages say, before anybody writes them down or sends them.
//!
//! Whoever is asked is told in his open hours, and of an emergency at once. Somebody who was asked is reminded, and then
//! the next one is told, after as long as `notify` says. A role whose hours never come is told at once: a message that
//! comes at a bad hour is better than none.
//!
//! Nothing here decides: whose word counts is decided by whose seat it is, whoever was told.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::json;

use super::standins::repeated;
use crate::model::facts::Facts;
use crate::model::message::{Message, What};
use crate::model::release_decision::{Ask, Class, OpenedObligation, ReleaseDecision, Ruling};
use crate::policy::Policy;
use crate::policy::calendar::{self, Hours};
use crate::policy::length::Length;
use crate::policy::rules::{Approval, MemberRef, Role};

/// For what somebody is asked who is only to know.
const INFORM: &str = "inform";

/// A message, and where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Telling {
    /// What is said.
    pub message: Message,
    /// What it is about, the same each time the same is to be said: nobody is told a thing twice.
    pub topic: String,
    /// Where to: `slack:#releases`, `email:ana@acme.example`, each once.
    pub to: Vec<String>,
    /// From when on, UTC.
    pub not_before: DateTime<Utc>,
    /// How often this commit went there before.
    round: usize,
}

/// What people are told because of a decision.
#[must_use]
pub fn of(policy: &Policy, facts: &Facts, decision: &ReleaseDecision) -> Vec<Telling> {
    let whole = match decision.decision {
        Ruling::Hold => asked(policy, facts, decision),
        Ruling::Proceed => outcome(policy, facts, decision, What::Proceeds).into_iter().collect(),
        Ruling::Reject => outcome(policy, facts, decision, What::Rejected).into_iter().collect(),
    };
    whole.into_iter().filter(|telling| !telling.to.is_empty()).collect()
}

fn about(facts: &Facts, decision: &ReleaseDecision, what: What) -> Message {
    let release = &facts.release;
    Message {
        what,
        forge: release.forge.clone(),
        repository: release.repository.clone(),
        release: release.name.clone(),
        environment: decision.environment.clone(),
        commit: release.commit.clone(),
        emergency: decision.class == Class::Emergency,
        role: None,
        asked_to: None,
        people: Vec::new(),
        instead_of: None,
        because: None,
        summary: decision.summary.clone(),
        obligation: None,
        to_do: None,
        due: None,
        due_told: None,
        at: decision.now,
    }
}

/// How often this very commit was deployed there and that ended: whoever tries again asks people anew.
fn round(facts: &Facts) -> usize {
    let release = &facts.release;
    let same = |commit: &str, environment: &str| commit == release.commit && environment == release.environment;
    let all = facts.deployments.entries().iter();
    all.filter(|it| same(&it.commit, &it.environment) && it.outcome.known().is_some()).count()
}

/// What is the same whenever the same is to be said. Another commit is asked for anew.
fn topic(message: &Message, round: usize) -> String {
    let of = (&message.forge, &message.repository, &message.release, &message.environment, &message.commit);
    // The same people are not asked twice because one of them has answered. Stand-ins are others each time.
    let why = message.because.as_ref().map(|because| (because, &message.people));
    json!([of, message.what.word(), message.asked_to, message.role, message.instead_of, message.obligation, why, round])
        .to_string()
}

fn telling(policy: &Policy, message: Message, people: &[String], (from, round): (DateTime<Utc>, usize)) -> Telling {
    let mut to: Vec<String> = policy.rules.notify.iter().flat_map(|rule| rule.to.iter().cloned()).collect();
    to.extend(policy.rules.people.iter().filter(|it| people.contains(&it.name)).flat_map(|it| it.told_at.clone()));
    let mut seen = BTreeSet::new();
    to.retain(|place| seen.insert(place.clone()));
    let not_before = if message.emergency { from } else { opening(policy, message.role.as_deref(), from) };
    Telling { topic: topic(&message, round), message, to, not_before, round }
}

fn role<'p>(policy: &'p Policy, name: &str) -> Option<&'p Role> {
    policy.rules.roles.iter().find(|role| role.name == name)
}

/// The hours in which a role is told things: its own, or else those of the policy.
fn hours<'p>(policy: &'p Policy, name: Option<&str>) -> &'p Hours {
    let own = name.and_then(|name| role(policy, name)?.hours.as_ref());
    own.unwrap_or(&policy.rules.calendar.business)
}

fn opening(policy: &Policy, name: Option<&str>, from: DateTime<Utc>) -> DateTime<Utc> {
    hours(policy, name).next_opening(from, &policy.rules.calendar.holidays).unwrap_or(from)
}

fn asked(policy: &Policy, facts: &Facts, decision: &ReleaseDecision) -> Vec<Telling> {
    let mut found: Vec<Telling> = Vec::new();
    for ask in decision.asks.iter().filter(|ask| ask.to != INFORM) {
        let message = Message {
            role: Some(ask.role.clone()),
            asked_to: Some(ask.to.clone()),
            people: ask.people.clone(),
            because: ask.because.clone(),
            ..about(facts, decision, What::Asked)
        };
        let one = telling(policy, message, &ask.people, (decision.now, round(facts)));
        // One role that is asked for several components is asked once.
        match found.iter_mut().find(|known| known.topic == one.topic) {
            Some(known) => {
                for (mine, theirs) in [(&mut known.message.people, one.message.people), (&mut known.to, one.to)] {
                    mine.extend(theirs.into_iter().filter(|it| !mine.contains(it)).collect::<Vec<_>>());
                }
            }
            None => found.push(one),
        }
    }
    found
}

/// That a release goes, or does not: those who asked for it to be told. What goes on by itself, every day, is told only
/// to whom the table of responsibilities informs.
fn outcome(policy: &Policy, facts: &Facts, decision: &ReleaseDecision, what: What) -> Option<Telling> {
    let informed: Vec<&Ask> = decision.asks.iter().filter(|ask| ask.to == INFORM).collect();
    let environment = policy.rules.environments.iter().find(|rule| rule.name == decision.environment)?;
    if matches!(environment.approval, Approval::Automatic) && informed.is_empty() {
        return None;
    }
    let people: Vec<String> = informed.iter().flat_map(|ask| ask.people.iter().cloned()).collect();
    Some(telling(policy, about(facts, decision, what), &people, (decision.now, round(facts))))
}

/// What is said to somebody who was asked at `since` and has not answered: what of that is to be said by now.
#[must_use]
pub fn again(policy: &Policy, decision: &ReleaseDecision, asked: &Telling, since: DateTime<Utc>) -> Vec<Telling> {
    let Some(rule) = &policy.rules.notify else { return Vec::new() };
    let own = asked.message.role.as_deref();
    // Time runs from when he was told, not from when that was written down.
    let since = if asked.message.emergency { since } else { opening(policy, own, since) };
    let due = |length: Length| hours(policy, own).after(since, length, &policy.rules.calendar.holidays);
    let mut found = Vec::new();
    if let Some(at) = rule.remind_after.map(due).filter(|at| *at <= decision.now) {
        let message = Message { what: What::Reminded, ..asked.message.clone() };
        let one = telling(policy, message, &[], (at, asked.round));
        found.push(Telling { to: asked.to.clone(), ..one });
    }
    if let (Some(length), Some(own)) = (rule.escalate_after, own) {
        for (next, times) in chain(policy, decision, own).into_iter().zip(1..) {
            let at = due(repeated(length, times));
            if at > decision.now {
                break;
            }
            let people = members(policy, next);
            let message = Message {
                what: What::Escalated,
                role: Some(next.to_owned()),
                people: people.clone(),
                instead_of: Some(own.to_owned()),
                because: None,
                ..asked.message.clone()
            };
            found.push(telling(policy, message, &people, (at, asked.round)));
        }
    }
    found.into_iter().filter(|telling| !telling.to.is_empty()).collect()
}

/// Who is told next, one after another, where a role does not answer: those to whom the routes of this release escalate,
/// and whoever stands in for the role. Who is asked anyway is not among them.
fn chain<'p>(policy: &'p Policy, decision: &ReleaseDecision, own: &str) -> Vec<&'p str> {
    let routes = policy.rules.routes.iter().filter(|route| decision.routes.contains(&route.name));
    let escalations = routes.filter_map(|route| route.escalate.as_ref());
    let next = escalations.flat_map(|it| it.to.iter().chain(&it.last)).map(String::as_str);
    let fallback = role(policy, own).and_then(|role| role.fallback.as_deref());
    let mut found: Vec<&str> = Vec::new();
    for name in next.chain(fallback) {
        let is_asked = name == own || decision.asks.iter().any(|ask| ask.to != INFORM && ask.role == name);
        if !is_asked && !found.contains(&name) {
            found.push(name);
        }
    }
    found
}

/// Who holds a role, as far as the policy itself names them.
pub(super) fn members(policy: &Policy, name: &str) -> Vec<String> {
    let named = |member: &MemberRef| match member {
        MemberRef::User(name) => Some(name.clone()),
        // An account of somebody whom the policy names is his.
        MemberRef::Account(account) => {
            let mut people = policy.rules.people.iter();
            let known = people.find(|it| it.accounts.iter().any(|own| own.eq_ignore_ascii_case(account)));
            let login = || account.split_once(':').map_or(account.as_str(), |(_, login)| login).to_owned();
            Some(known.map_or_else(login, |person| person.name.clone()))
        }
        MemberRef::Group(_) => None,
    };
    role(policy, name).map(|role| role.members.iter().filter_map(named).collect()).unwrap_or_default()
}

/// That reports were made, or a survey begun, because a period ended: told to the people whom the message names, in the hours
/// of its role.
#[must_use]
pub fn of_period(policy: &Policy, message: Message) -> Telling {
    let (people, now) = (message.people.clone(), message.at);
    telling(policy, message, &people, (now, 0))
}

/// What people are told of what a release leaves to be done, under its name in the record.
#[must_use]
pub fn owed(
    policy: &Policy,
    (facts, decision): (&Facts, &ReleaseDecision),
    (id, owed): (&str, &OpenedObligation),
) -> Option<Telling> {
    // What somebody is told has places of its own.
    if !owed.to.is_empty() {
        return None;
    }
    let message = about(facts, decision, What::Owed);
    let owed = ToDo { id, kind: &owed.kind, by: owed.by.as_deref(), due: owed.due };
    let telling = to_do(policy, message, owed, decision.now);
    (!telling.to.is_empty()).then_some(telling)
}

/// Something that a release leaves to be done.
#[derive(Clone, Copy, Debug)]
pub struct ToDo<'o> {
    /// Its name in the record.
    pub id: &'o str,
    /// What it is.
    pub kind: &'o str,
    /// The role that meets it.
    pub by: Option<&'o str>,
    /// When it is due, UTC.
    pub due: Option<DateTime<Utc>>,
}

/// The same later, when its time is nearly over, or over: `message` says of which release.
#[must_use]
pub fn to_do(policy: &Policy, message: Message, owed: ToDo<'_>, now: DateTime<Utc>) -> Telling {
    let ToDo { id, kind, by, due } = owed;
    let people = by.map(|name| members(policy, name)).unwrap_or_default();
    let message = Message {
        role: by.map(str::to_owned),
        people: people.clone(),
        obligation: Some(id.to_owned()),
        to_do: Some(kind.to_owned()),
        due,
        due_told: due.map(|due| calendar::told(due, policy.rules.calendar.zone)),
        ..message
    };
    telling(policy, message, &people, (now, 0))
}
