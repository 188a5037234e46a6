//! Whether a roster has the people for what is asked beside approvals: the board's quorum and its chair, whoever verifies a
//! checklist, whoever confirms the fix of an incident, whoever meets what is owed, whoever grants a break-glass.

use std::collections::{BTreeMap, BTreeSet};

use super::layers::Policy;
use super::proofs::BOARD;
use super::roster::Roster;
use super::rules::{Approval, Waits};
use super::satisfiable::Directory;
use crate::model::kind::Kind;

/// What nobody could do with everybody there, and with each person absent in turn; a sentence each.
#[must_use]
pub fn prove(policy: &Policy, roster: &Roster) -> Vec<String> {
    let directory = Directory::of(&policy.rules, Some(roster));
    let present = missing(policy, &directory, None);
    let mut absences: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for person in directory.everybody() {
        for says in missing(policy, &directory, Some(person)) {
            if !present.contains(&says) {
                absences.entry(says).or_default().push(person);
            }
        }
    }
    let absent = absences.into_iter().map(|(says, who)| format!("{says}, with {} absent", who.join(" or ")));
    present.iter().cloned().chain(absent).collect()
}

fn missing(policy: &Policy, directory: &Directory<'_>, absent: Option<&str>) -> Vec<String> {
    let rules = &policy.rules;
    let there =
        |role: &str| -> Vec<&str> { directory.holders(role).filter(|person| Some(*person) != absent).collect() };
    let mut missing = Vec::new();
    let formal = rules.environments.iter().any(|rule| !matches!(rule.approval, Approval::Automatic));
    let asked = rules.routes.iter().any(|route| route.cab.is_some() && !route.automatic && !route.is_pre_authorised());
    if let Some(cab) = rules.calendar.cab.as_ref().filter(|_| formal && asked) {
        if there(BOARD).len() < cab.quorum as usize {
            missing.push(format!("the CAB cannot decide: its quorum of {} is not there", cab.quorum));
        }
        missing.extend(
            cab.chair
                .iter()
                .filter(|role| there(role).is_empty())
                .map(|role| format!("the CAB cannot decide: nobody of `{role}`, which chairs it, is there")),
        );
    }
    for gate in policy.gates.iter().filter(|gate| gate.kind == Kind::Checklist) {
        let verifier = gate.verified_by.as_deref().filter(|role| !stands_in(policy, role, there));
        missing.extend(verifier.map(|role| format!("`{}` cannot be ticked: nobody of `{role}` is there", gate.name)));
    }
    let asked = |role: &&str| !stands_in(policy, role, there);
    if let Some(role) = rules.incidents.as_ref().and_then(|rule| rule.confirmed_by.as_deref()).filter(asked) {
        missing.push(format!("no fix of an incident can be confirmed: nobody of `{role}` is there"));
    }
    for (kind, role) in owed(policy).into_iter().filter(|(_, role)| asked(role)) {
        missing.push(format!("`{kind}` cannot be met, and would hold the next releases: nobody of `{role}` is there"));
    }
    // A grant takes the people whom it names, and so can be had with all of them there; that one of them is away holds no
    // release that could go otherwise.
    if let Some(rule) = rules.break_glass.as_ref().filter(|_| absent.is_none()) {
        let granting: BTreeSet<&str> = rule.grant_by.iter().flat_map(|role| there(role)).collect();
        if granting.len() < rule.people as usize {
            let by = rule.grant_by.join(", ");
            missing.push(format!("break-glass cannot be granted: {} people of {by} are not there", rule.people));
        }
    }
    missing
}

/// What releases leave to be done that holds later ones, each once, with the role that meets it.
fn owed(policy: &Policy) -> Vec<(&str, &str)> {
    let rules = &policy.rules;
    let follows =
        rules.routes.iter().flat_map(|route| &route.then).map(|follow| (follow.name.as_str(), follow.by.as_str()));
    let review = rules.pir.iter().filter(|rule| rule.blocks != Waits::Nothing || rule.overdue_holds);
    let mut all: Vec<(&str, &str)> = follows.chain(review.map(|rule| ("pir", rule.by.as_str()))).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Whether somebody of a role, or of those who stand in for it, is there.
fn stands_in<'d>(policy: &Policy, role: &str, there: impl Fn(&str) -> Vec<&'d str>) -> bool {
    let mut seen = BTreeSet::new();
    let mut at = Some(role);
    while let Some(name) = at.filter(|name| seen.insert(*name)) {
        if !there(name).is_empty() {
            return true;
        }
        let known = policy.rules.roles.iter().find(|role| role.name == name);
        at = known.and_then(|role| role.fallback.as_deref());
    }
    false
}
