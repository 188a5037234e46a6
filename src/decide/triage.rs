//! Triage: what kind of release it is. By facts alone: nobody's word makes an emergency, and only a model that its
//! approvers approved makes a standard change.

use super::known::{self, Known, Removal};
use super::path::Triage;
use super::scene::Scene;
use super::{glass, incidents, recovery, risk, roles, words};
use crate::model::facts::{Deed, Fact, Incident, ModelState};
use crate::model::ground::Ground;
use crate::model::release_decision::{Class, Node, RiskAccount, Status};
use crate::policy::calendar;
use crate::policy::evaluate::Truth;
use crate::policy::rules::{ClassRule, StandardChange};

/// What made a release an emergency.
enum Emergency<'s> {
    /// It fixes this incident, or the rule speaks of it.
    Incident(&'s Incident),
    /// What it removes.
    Content,
    /// It went under a break-glass grant.
    Grant(&'s str),
}

/// Says what kind of release it is.
#[must_use]
pub fn judge(scene: &Scene<'_>) -> Triage {
    let account = risk::score(scene);
    let rollback = recovery::rollback(scene);
    let mut parts = Vec::new();
    let (class, mut node) = if let Some(why) = emergency(scene, &account) {
        (Class::Emergency, emergent(scene, &why))
    } else {
        parts.extend(refused_claim(scene, &account));
        match standard(scene, &account, &mut parts) {
            Some(model) => {
                let says = format!("a standard change by the model `{}`", model.name);
                (Class::Standard, Node::new(Ground::Classified, Status::Met, says).stated(&model.stated))
            }
            None => (Class::Normal, Node::new(Ground::Classified, Status::Met, "a normal release")),
        }
    };
    node.says.push_str("; ");
    node.says.push_str(&risk::told(&account));
    let mut nodes = vec![node];
    nodes.extend(parts);
    if rollback.is_none() {
        nodes.extend(untold(scene));
    }
    Triage { class, risk: account, rollback, nodes }
}

/// Why it cannot be told whether the release goes back, where a route is for releases that do.
fn untold(scene: &Scene<'_>) -> Option<Node> {
    scene.rules.routes.iter().find(|route| route.to_last_good)?;
    let components = scene.components.iter().copied().map(Some);
    let whole = scene.components.is_empty().then_some(None);
    let why = components.chain(whole).find_map(|component| match recovery::last_good(scene, component) {
        recovery::LastGood::Unknown(why) => Some(match component {
            Some(component) => format!("{}: {why}", component.name),
            None => why,
        }),
        recovery::LastGood::Is(_) | recovery::LastGood::Runs | recovery::LastGood::Not(_) => None,
    })?;
    let says = format!("whether it goes back to the last good content cannot be told: {why}");
    Some(Node::new(Ground::NotLastGood, Status::Note, says))
}

/// What makes the release an emergency, if anything does.
fn emergency<'s>(scene: &Scene<'s>, account: &RiskAccount) -> Option<Emergency<'s>> {
    if let Some(grant) = glass::opened(scene) {
        return Some(Emergency::Grant(&grant.id));
    }
    let when = scene.rules.emergency.as_ref()?.when.as_ref()?;
    let known = Known { risk: Some(account), ..Known::of(scene, None) };
    let fixed = incidents::by_name(scene).into_iter().find(|it| known.about(it).all(when, Truth::True));
    if known.all(when, Truth::True) {
        return Some(Emergency::Content);
    }
    fixed.map(Emergency::Incident)
}

fn emergent(scene: &Scene<'_>, why: &Emergency<'_>) -> Node {
    let stated = scene.rules.emergency.as_ref().map(|rule| &rule.stated);
    let mut confirmed = None;
    let (says, evidence) = match why {
        Emergency::Grant(id) => (format!("an emergency: it went under the break-glass grant `{id}`"), Some(*id)),
        Emergency::Content => match known::removal(scene) {
            Removal::Is(id) => {
                (format!("an emergency: it removes {id}, which is being exploited in what runs now"), Some(id))
            }
            Removal::Not(_) | Removal::Unknown(_) => ("an emergency by the policy's condition".to_owned(), None),
        },
        Emergency::Incident(incident) => {
            let severity = incident.severity.known().map_or(String::new(), |word| format!(" ({word})"));
            let fix = incidents::fix(scene, incident);
            let by = fix
                .confirmed
                .map_or(String::new(), |(person, _)| format!(", confirmed by {}", scene.people.name(person)));
            confirmed = fix.confirmed.map(|(_, act)| act);
            let what = if fix.truth == Truth::True { "it fixes" } else { "of" };
            (format!("an emergency: {what} {}{severity}{by}", incident.id), Some(incident.id.as_str()))
        }
    };
    let node = Node::new(Ground::Classified, Status::Met, says).evidence(evidence).evidence(confirmed);
    match stated {
        Some(stated) => node.stated(stated),
        None => node,
    }
}

/// A claim of an emergency that the facts do not bear out, with what is missing.
fn refused_claim(scene: &Scene<'_>, account: &RiskAccount) -> Option<Node> {
    let claim = scene.acts().find(|act| matches!(act.does, Deed::ClaimEmergency {}))?;
    let by = scene.people.name(scene.person_of(claim));
    let node = |says: String| Node::new(Ground::EmergencyRefused, Status::Note, says).evidence([claim.id.as_str()]);
    let Some(rule) = &scene.rules.emergency else {
        return Some(node(format!("{by} says that it is an emergency, and the policy has none")));
    };
    let missing = missing(scene, rule, account);
    let says = format!("{by} says that it is an emergency, and the facts do not: {}", missing.join("; "));
    let parts = missing.into_iter().map(|missing| Node::new(Ground::NotAFix, Status::Note, missing)).collect();
    Some(node(says).stated(&rule.stated).parts(parts))
}

/// What is missing for an emergency, fact by fact.
fn missing(scene: &Scene<'_>, rule: &ClassRule, account: &RiskAccount) -> Vec<String> {
    let source = rule.when.as_ref().map_or("", |when| when.source.as_str());
    let mut missing = Vec::new();
    if source.contains("release.fixes") {
        match &scene.facts.incidents {
            Fact::Known(incidents) if !incidents.is_empty() => {
                for incident in incidents::by_name(scene) {
                    let fix = incidents::fix(scene, incident);
                    match incidents::severity(scene, incident) {
                        None => {
                            missing.push(format!("the severity of {} is not one that the policy names", incident.id));
                        }
                        Some(number) if fix.truth == Truth::True => {
                            missing.push(format!("{} is of severity {number}, by which it is none", incident.id));
                        }
                        Some(_) => {}
                    }
                    missing.extend(fix.missing);
                }
            }
            Fact::Known(_) | Fact::Absent => missing.push("no incident is open that it could fix".to_owned()),
            Fact::Unavailable(why) => missing.push(format!("the open incidents could not be read: {why}")),
        }
    }
    if source.contains("release.removes") {
        match known::removal(scene) {
            Removal::Is(_) => {}
            Removal::Not(why) | Removal::Unknown(why) => missing.push(why),
        }
    }
    if missing.is_empty() {
        let known = Known { risk: Some(account), ..Known::of(scene, None) };
        let answer = rule.when.as_ref().map_or(Truth::True, |when| known.asks(when));
        let how = if answer == Truth::Unknown { "cannot be told" } else { "does not hold" };
        missing.push(format!("`{source}` {how}"));
    }
    missing
}

/// The model by which the release is a standard change, if there is one. What a model that is for it lacks is said.
fn standard<'s>(scene: &Scene<'s>, account: &RiskAccount, parts: &mut Vec<Node>) -> Option<&'s StandardChange> {
    let rule = scene.rules.standard.as_ref()?;
    let known = Known { risk: Some(account), ..Known::of(scene, None) };
    let mut fitting = None;
    for name in &rule.models {
        let Some(model) = scene.rules.models.iter().find(|model| model.name == *name) else { continue };
        let scope = if known.surely(&model.when, Truth::True) {
            Truth::True
        } else if known.all(&model.when, Truth::False) {
            Truth::False
        } else {
            Truth::Unknown
        };
        match lacks(scene, model, scope) {
            None => {
                fitting = Some(model);
                break;
            }
            Some(why) => {
                let says = format!("not a standard change by the model `{name}`: {why}");
                parts.push(Node::new(Ground::ModelRefused, Status::Note, says).stated(&model.stated));
            }
        }
    }
    let model = fitting?;
    let Some(when) = rule.when.as_ref().filter(|when| !known.surely(when, Truth::True)) else { return Some(model) };
    let says = format!("not a standard change by the model `{}`: `{}` does not surely hold", model.name, when.source);
    parts.push(Node::new(Ground::ModelRefused, Status::Note, says).stated(&rule.stated));
    None
}

/// What a standard change lacks.
fn lacks(scene: &Scene<'_>, model: &StandardChange, scope: Truth) -> Option<String> {
    match scope {
        Truth::True => {}
        Truth::False => return Some(format!("it is for `{}`", model.when.source)),
        Truth::Unknown => return Some(format!("whether it is within `{}` cannot be told", model.when.source)),
    }
    let state: &ModelState = match scene.facts.standard_changes.get(&model.name) {
        Some(Fact::Known(state)) => state,
        Some(Fact::Absent) => return Some(format!("it was never approved{}", by(model))),
        Some(Fact::Unavailable(why)) => return Some(format!("its approval could not be read: {why}")),
        None => return Some("the facts do not state its approval".to_owned()),
    };
    let Some(role) = model.approved_by.as_deref() else {
        return Some("the policy does not say who approves it".to_owned());
    };
    let mut approvers = state.approved_by.iter();
    if !approvers.any(|account| roles::holds_at_all(scene, account, role).is_ok()) {
        return Some(format!("nobody in {role} approved it"));
    }
    if !scene.clock.reached(state.approved_at) {
        return Some("its approval is yet to come".to_owned());
    }
    if let Some(expires) = model.expires {
        let end = scene.rules.calendar.due(state.approved_at, expires);
        if scene.clock.reached(end) {
            let end = calendar::told(end, scene.rules.calendar.zone);
            return Some(format!("its approval expired after {expires}, on {end}{}", by(model)));
        }
    }
    match &state.suspended {
        Fact::Known(false) | Fact::Absent => {}
        Fact::Known(true) => return Some(format!("it is suspended{}", by(model))),
        Fact::Unavailable(why) => return Some(format!("whether it is suspended could not be read: {why}")),
    }
    let after = model.suspend_after?;
    let failed = match &state.failed_at {
        Fact::Known(failed) => {
            failed.iter().filter(|at| **at >= state.approved_at && scene.clock.reached(**at)).count()
        }
        Fact::Absent => 0,
        Fact::Unavailable(why) => return Some(format!("how many releases by it failed could not be read: {why}")),
    };
    (failed >= after as usize).then(|| {
        let failures = words::count(failed, "failure", "failures");
        format!("{failures} since it was approved suspended it at {after}{}", by(model))
    })
}

/// Who could approve or renew a model.
fn by(model: &StandardChange) -> String {
    match (&model.approved_by, &model.owner) {
        (Some(role), Some(owner)) => format!("; {owner} can ask {role} to renew it"),
        (Some(role), None) => format!("; ask {role} to renew it"),
        (None, _) => String::new(),
    }
}
