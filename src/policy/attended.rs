//! Whether a roster has the people for what is asked beside approvals: the board's quorum and its chair, whoever verifies a
//! checklist, whoever grants a break-glass.

use std::collections::{BTreeMap, BTreeSet};

use super::layers::Policy;
use super::proofs::BOARD;
use super::roster::Roster;
use super::rules::Approval;
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
