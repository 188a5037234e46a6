//! What a decision says to whoever is shown it, as far as an act is bound to it: how each gate stood, and which roles
//! somebody held.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::scene::Scene;
use super::{incidents, release_gates, roles, routing, triage};
use crate::model::facts::{Account, Facts};
use crate::model::verdict::Verdict;
use crate::policy::Policy;

/// How each gate stands that guards the environment, by its name with its layer before it. None where what goes ran here
/// before, for then no gate is judged.
#[must_use]
pub fn gates(policy: &Policy, facts: &Facts, now: DateTime<Utc>) -> BTreeMap<String, Verdict> {
    let scene = Scene::new(policy, facts, now);
    let triage = triage::judge(&scene);
    let path = routing::choose(&scene, &triage);
    let judged = release_gates::judge(&scene, &triage, &path).judged;
    judged.iter().map(|it| (format!("{}/{}", it.gate.layer, it.gate.name), it.judgement.verdict)).collect()
}

/// The incidents of these facts that are over, by their names: by the word of those whose word counts, and nobody says since
/// that it goes on.
#[must_use]
pub fn over(policy: &Policy, facts: &Facts, now: DateTime<Utc>) -> Vec<String> {
    let scene = Scene::new(policy, facts, now);
    let open = incidents::by_name(&scene);
    let all = facts.incidents.entries().iter().map(|incident| &incident.id);
    all.filter(|id| !open.iter().any(|incident| incident.id == **id)).cloned().collect()
}

/// The roles that somebody holds by these facts, as one whose acts count.
#[must_use]
pub fn held<'s>(policy: &'s Policy, facts: &'s Facts, account: &'s Account, now: DateTime<Utc>) -> Vec<String> {
    let scene = Scene::new(policy, facts, now);
    // He may have done nothing yet.
    let person = scene.people.of(account);
    let holds = |role: &&str| roles::seated(&scene, person, role);
    policy.rules.roles.iter().map(|role| role.name.as_str()).filter(holds).map(str::to_owned).collect()
}
