//! Triage: what kind of release it is. By facts alone: nobody's word makes an emergency, and only a model that its
//! approvers approved makes a standard change.

use super::known::{self, Known, Removal};
use super::path::Triage;
use super::scene::Scene;
use super::{board, glass, incidents, recovery, risk, roles, separation, words};
use crate::model::facts::{Account, Deed, Fact, Incident, ModelState};
use crate::model::ground::Ground;
use crate::model::release_decision::{Class, Node, RiskAccount, Status};
use crate::policy::calendar;
use crate::policy::evaluate::Truth;
use crate::policy::rules::{ClassRule, StandardChange};

/// How many failures suspend a model where the policy does not say.
const FAILURES: u32 = 1;

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
                let node = Node::new(Ground::Classified, Status::Met, says).stated(&model.stated);
                (Class::Standard, node.evidence([model.name.as_str()]))
            }
            None => (Class::Normal, Node::new(Ground::Classified, Status::Met, "a normal release")),
        }
    };
    node.says.push_str("; ");
    node.says.push_str(&risk::told(&account));
    let mut nodes = vec![node];
    nodes.extend(parts);
    match rollback {
        None => nodes.extend(untold(scene)),
        Some(false) => nodes.extend(no_way_back(scene)),
        Some(true) => {}
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

/// Why what ran here before is no way back, where a route is for releases that go back: whoever goes there in an outage
/// sees why more is asked.
fn no_way_back(scene: &Scene<'_>) -> Option<Node> {
    scene.rules.routes.iter().find(|route| route.to_last_good)?;
    let (component, why) = scene.components.iter().copied().find_map(|component| {
        let recovery::LastGood::Not(why) = recovery::last_good(scene, Some(component)) else { return None };
        recovery::ran_before(scene, component).then_some((component, why))
    })?;
    let says = format!("{} ran here with this content before, and this is no way back: {why}", component.name);
    Some(Node::new(Ground::NotLastGood, Status::Note, says))
}

/// What makes the release an emergency, if anything does.
fn emergency<'a>(scene: &'a Scene<'_>, account: &RiskAccount) -> Option<Emergency<'a>> {
    if let Some(grant) = glass::opened(scene) {
        return Some(Emergency::Grant(&grant.id));
    }
    let when = scene.rules.emergency.as_ref()?.when.as_ref()?;
    let known = Known { risk: Some(account), ..Known::of(scene, None) };
    let fixed = incidents::counted(scene).iter().find(|it| known.about(it).all(when, Truth::True));
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
                for incident in incidents::counted(scene) {
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
            Some(Lack { why, who }) => {
                let says = ["not a standard change by the model `", name, "`: ", &why].concat();
                parts.push(Node::new(Ground::ModelRefused, Status::Note, says).stated(&model.stated).who(who));
            }
        }
    }
    let model = fitting?;
    parts.extend(lasts(scene, model));
    let Some(when) = rule.when.as_ref().filter(|when| !known.surely(when, Truth::True)) else { return Some(model) };
    let says = format!("not a standard change by the model `{}`: `{}` does not surely hold", model.name, when.source);
    parts.push(Node::new(Ground::ModelRefused, Status::Note, says).stated(&rule.stated));
    None
}

/// Until when the approval of a model counts.
fn lasts(scene: &Scene<'_>, model: &StandardChange) -> Option<Node> {
    let state = scene.facts.standard_changes.get(&model.name)?.known()?;
    let calendar = &scene.rules.calendar;
    let expires = model.expires?;
    let end = calendar.due(state.approved_at, expires);
    let (from, until) = (calendar::told(state.approved_at, calendar.zone), calendar::told(end, calendar.zone));
    let says = format!("the model `{}` was approved {from} for {expires}, which is until {until}", model.name);
    Some(Node::new(Ground::CountsUntil, Status::Note, says).stated(&model.stated).next(Some(end)))
}

/// What a standard change lacks.
struct Lack {
    why: String,
    /// Who can have it renewed, where that mends it.
    who: Vec<String>,
}

impl Lack {
    fn of(why: String) -> Self {
        Self { why, who: Vec::new() }
    }

    /// What its approvers mend when its owner asks them.
    fn renewal(scene: &Scene<'_>, model: &StandardChange, why: &str) -> Self {
        let owner = model.owner.as_deref().filter(|_| model.approved_by.is_some());
        let who = owner.map(|owner| incidents::names(scene, owner)).unwrap_or_default();
        Self { why: format!("{why}{}", by(model)), who }
    }
}

/// Whether a standard change lacks something.
fn lacks(scene: &Scene<'_>, model: &StandardChange, scope: Truth) -> Option<Lack> {
    match scope {
        Truth::True => {}
        Truth::False => return Some(Lack::of(["it is for `", &model.when.source, "`"].concat())),
        Truth::Unknown => {
            return Some(Lack::of(format!("whether it is within `{}` cannot be told", model.when.source)));
        }
    }
    let state: &ModelState = match scene.facts.standard_changes.get(&model.name) {
        Some(Fact::Known(state)) => state,
        Some(Fact::Absent) => return Some(Lack::renewal(scene, model, "it was never approved")),
        Some(Fact::Unavailable(why)) => return Some(Lack::of(format!("its approval could not be read: {why}"))),
        None => return Some(Lack::of("the facts do not state its approval".to_owned())),
    };
    let Some(role) = model.approved_by.as_deref() else {
        return Some(Lack::of("the policy does not say who approves it".to_owned()));
    };
    if let Some(why) = unapproved(scene, role, &state.approved_by) {
        return Some(Lack::of(why));
    }
    if !scene.clock.reached(state.approved_at) {
        return Some(Lack::of("its approval is yet to come".to_owned()));
    }
    let Some(expires) = model.expires else {
        return Some(Lack::of("the policy does not say for how long its approval lasts".to_owned()));
    };
    let end = scene.rules.calendar.due(state.approved_at, expires);
    if scene.clock.reached(end) {
        let zone = scene.rules.calendar.zone;
        let (from, end) = (calendar::told(state.approved_at, zone), calendar::told(end, zone));
        return Some(Lack::renewal(scene, model, &format!("its approval of {from} expired after {expires}, on {end}")));
    }
    match &state.suspended {
        Fact::Known(false) | Fact::Absent => {}
        Fact::Known(true) => return Some(Lack::renewal(scene, model, "it is suspended")),
        Fact::Unavailable(why) => return Some(Lack::of(format!("whether it is suspended could not be read: {why}"))),
    }
    let after = model.suspend_after.unwrap_or(FAILURES);
    let failed = match &state.failed_at {
        // One that a clock dates later than now has happened as well.
        Fact::Known(failed) => failed.iter().filter(|at| **at >= state.approved_at).count(),
        Fact::Absent => 0,
        Fact::Unavailable(why) => {
            return Some(Lack::of(format!("how many releases by it failed could not be read: {why}")));
        }
    };
    if failed < after as usize {
        return None;
    }
    let failures = words::count(failed, "failure", "failures");
    Some(Lack::renewal(scene, model, &format!("{failures} since it was approved suspended it at {after}")))
}

/// Why the people who approved a model are not enough: one who had no hand in this release, whom nobody else approves;
/// and where it is the board's, as many of its members as decide in its meetings.
fn unapproved(scene: &Scene<'_>, role: &str, by: &[Account]) -> Option<String> {
    let board = scene.rules.calendar.cab.as_ref().filter(|_| role == board::MEMBERS);
    let needed = board.map_or(1, |cab| cab.quorum.max(1)) as usize;
    let mut approvers = Vec::new();
    let mut ignored = Vec::new();
    for account in by {
        let Ok(person) = roles::holds_at_all(scene, account, role) else { continue };
        match separation::contributed(scene, person) {
            Ok(()) if approvers.contains(&person) => {}
            Ok(()) => approvers.push(person),
            Err(refusal) => ignored.push(format!("{}: {}", scene.people.name(person), refusal.says)),
        }
    }
    if approvers.len() >= needed {
        return None;
    }
    ignored.sort_unstable();
    ignored.dedup();
    let ignored = if ignored.is_empty() { String::new() } else { format!(" (ignored {})", ignored.join(", ")) };
    Some(match approvers.len() {
        0 => format!("nobody in {role} approved it{ignored}"),
        number => format!("{number} of {needed} people in {role} approved it{ignored}"),
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
