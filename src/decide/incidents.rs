//! Open incidents: what they stop, and what goes all the same because it is their fix.

use super::bound::{self, Extent};
use super::known::Known;
use super::path::{Path, Triage};
use super::people::Person;
use super::roles::Refusal;
use super::scene::Scene;
use super::{place, roles, separation, words};
use crate::model::facts::{Account, Act, Fact, Incident, Turn};
use crate::model::ground::Ground;
use crate::model::release_decision::{Ask, Class, Node, Status};
use crate::policy::evaluate::Truth;
use crate::policy::rules::IncidentRule;

/// How far a release is an incident's fix.
#[derive(Clone, Debug)]
pub struct Fix<'s> {
    /// Whether it is.
    pub truth: Truth,
    /// Who confirmed it, by which act.
    pub confirmed: Option<(Person, &'s str)>,
    /// What is missing, each with what to do.
    pub missing: Vec<String>,
}

/// An incident's severity by the policy's numbers; unknown where the policy does not map its word, or there is none.
#[must_use]
pub fn severity(scene: &Scene<'_>, incident: &Incident) -> Option<f64> {
    match (&incident.severity, &scene.rules.incidents) {
        (Fact::Known(word), Some(rule)) => rule.severity.get(word).copied(),
        (Fact::Known(_), None) | (Fact::Absent | Fact::Unavailable(_), _) => None,
    }
}

/// Whether the release is an incident's fix: linked to it, for what it affects, and confirmed by the role that the policy
/// names.
pub(super) fn fixes(scene: &Scene<'_>, incident: &Incident) -> Truth {
    let affects = match &incident.components {
        Fact::Known(components) => touches(scene, components),
        Fact::Absent | Fact::Unavailable(_) => Truth::Unknown,
    };
    both(both(linked(scene, &incident.id), affects), confirmed(scene, &incident.id).0)
}

/// What an incident does not keep from going, whatever the policy excepts besides: its own fix, and that of the release
/// that caused it.
fn repairs(scene: &Scene<'_>, incident: &Incident) -> Option<String> {
    if fixes(scene, incident) == Truth::True {
        let by = fix(scene, incident).confirmed;
        let told = by.map_or(String::new(), |(person, _)| format!(", confirmed by {}", scene.people.name(person)));
        return Some(format!("its fix, which always goes{told}"));
    }
    let Fact::Known(cause) = &incident.caused_by else { return None };
    let failed = |other: &&Incident| other.caused_by == Fact::Known(cause.clone());
    let known = open(scene).iter().filter(failed).find(|it| fixes(scene, it) == Truth::True);
    let fixed = known.is_some() || fixes_named(scene, cause, incident.components.entries());
    fixed.then(|| format!("the fix of `{cause}`, which caused it"))
}

/// Whether the release fixes an incident that an earlier release caused, or that release itself, open or not.
pub(super) fn fixes_named(scene: &Scene<'_>, id: &str, components: &[String]) -> bool {
    // Two systems may call two incidents alike; then it has to be the fix of both.
    let mut named = open(scene).iter().filter(|incident| incident.id == id).peekable();
    if named.peek().is_some() {
        return named.all(|incident| fixes(scene, incident) == Truth::True);
    }
    both(both(linked(scene, id), touches(scene, components)), confirmed(scene, id).0) == Truth::True
}

/// The same in words.
#[must_use]
pub fn fix<'s>(scene: &Scene<'s>, incident: &Incident) -> Fix<'s> {
    let id = &incident.id;
    let mut missing = Vec::new();
    match linked(scene, id) {
        Truth::True => {}
        Truth::False => missing.push(format!("the change record is not linked to {id} as its fix")),
        Truth::Unknown => missing.push(format!("whether the change record is linked to {id} could not be read")),
    }
    match &incident.components {
        Fact::Known(components) if touches(scene, components) == Truth::True => {}
        Fact::Known(components) if components.is_empty() => {
            missing.push(format!("{id} affects no component"));
        }
        Fact::Known(components) if touches(scene, components) == Truth::Unknown => {
            let affected = words::all_of(components);
            missing.push(format!("{id} affects {affected}, and whether this release changes that could not be read"));
        }
        Fact::Known(components) => {
            missing.push(format!("{id} affects {}, which this release does not change", words::all_of(components)));
        }
        Fact::Absent => missing.push(format!("{id} does not say which components it affects")),
        Fact::Unavailable(why) => missing.push(format!("which components {id} affects could not be read: {why}")),
    }
    let (truth, confirmed, why) = confirmed_told(scene, id);
    if truth != Truth::True {
        missing.push(why);
    }
    Fix { truth: fixes(scene, incident), confirmed, missing }
}

/// The open incidents by name, so that their order in the facts tells nothing.
pub(super) fn by_name<'a>(scene: &'a Scene<'_>) -> Vec<&'a Incident> {
    open(scene).iter().collect()
}

/// The incidents that are open, each as bad as anybody says that it is.
fn open<'a>(scene: &'a Scene<'_>) -> &'a [Incident] {
    scene.totals.incidents.get_or_init(|| sorted(scene, true))
}

/// The incidents by name that are open by the word of those whose word counts alone: that somebody calls one worse makes
/// no emergency.
pub(super) fn counted<'a>(scene: &'a Scene<'_>) -> &'a [Incident] {
    scene.totals.incidents_counted.get_or_init(|| sorted(scene, false))
}

fn sorted(scene: &Scene<'_>, anybody: bool) -> Vec<Incident> {
    let all = scene.facts.incidents.entries().iter();
    let mut found: Vec<Incident> = all.filter_map(|incident| stands(scene, incident, anybody)).collect();
    // Two of one name stand in an order that does not hang on the facts' either.
    found.sort_by(|a, b| a.id.cmp(&b.id).then_with(|| format!("{a:?}").cmp(&format!("{b:?}"))));
    found
}

/// An incident as it stands; `None` where it is over. What somebody makes worse is worse. What makes less of it counts only
/// from somebody who confirms fixes, or where the policy does not say who does from anybody with a role, who had no hand in
/// the release; from others it takes nothing away.
fn stands(scene: &Scene<'_>, incident: &Incident, anybody: bool) -> Option<Incident> {
    let mut now = incident.clone();
    let mut over = false;
    let mut course = std::mem::take(&mut now.course);
    // Of one instant they stand in the order in which they were told: forges' clocks count seconds.
    course.sort_by_key(|turn| turn.at);
    for turn in course {
        // What a clock dates ahead makes less of nothing yet; what is made worse is heard.
        let counts = matches!(&turn.by, Fact::Known(by) if eases(scene, by)) && scene.clock.reached(turn.at);
        if !(counts || anybody) {
            continue;
        }
        let Turn { severity: word, components, over: ended, .. } = turn;
        if let Some(word) = word {
            let changed = Incident { severity: word, ..now.clone() };
            // The smaller number is the worse, and what has none may be the worst; who takes it away says nothing.
            let worse = !changed.severity.is_absent()
                && match (severity(scene, &changed), severity(scene, &now)) {
                    (Some(new), Some(old)) => new <= old,
                    (None, _) => true,
                    (Some(_), None) => false,
                };
            if counts || worse {
                now = changed;
            }
        }
        if let Some(components) = components {
            now.components = Fact::Known(if counts { components } else { joint(&now.components, components) });
        }
        if let Some(ended) = ended {
            over = if counts { ended } else { over && ended };
        }
    }
    (!over).then_some(now)
}

/// What two lists of affected components come to where nothing is taken away: none affects whatever there is.
fn joint(before: &Fact<Vec<String>>, after: Vec<String>) -> Vec<String> {
    let before = before.entries();
    if before.is_empty() || after.is_empty() {
        return Vec::new();
    }
    let mut all = before.to_vec();
    all.extend(after.into_iter().filter(|name| !before.contains(name)));
    all
}

/// Whether somebody may say that an incident is less than it was, or over.
fn eases(scene: &Scene<'_>, by: &Account) -> bool {
    let named = scene.rules.incidents.as_ref().and_then(|rule| rule.confirmed_by.as_deref());
    let holds = |role: &str| {
        let held = roles::holds_at_all(scene, by, role);
        held.is_ok_and(|person| separation::contributed(scene, person).is_ok())
    };
    match named {
        Some(role) => holds(role),
        None => scene.rules.roles.iter().any(|role| role.may_approve && holds(&role.name)),
    }
}

fn linked(scene: &Scene<'_>, id: &str) -> Truth {
    match &scene.facts.change_record {
        Fact::Known(record) => truth_of(record.fixes.iter().any(|fixed| fixed == id)),
        Fact::Absent => Truth::False,
        Fact::Unavailable(_) => Truth::Unknown,
    }
}

/// Whether something goes that an incident affects. Systems that know services by other capitals than the policy mean
/// the same ones. Files that could not be read are no proof that it does.
fn touches(scene: &Scene<'_>, components: &[String]) -> Truth {
    let named = |name: &str| components.iter().any(|known| known.eq_ignore_ascii_case(name));
    let affected = || scene.components.iter().filter(|component| named(&component.name));
    if affected().any(|component| scene.surely_goes(&component.name)) {
        return Truth::True;
    }
    if affected().next().is_some() { Truth::Unknown } else { Truth::False }
}

/// Whether somebody who may say so, and did not contribute, said that the release fixes an incident.
fn confirmed<'s>(scene: &Scene<'s>, id: &str) -> (Truth, Option<(Person, &'s str)>) {
    let Some(role) = scene.rules.incidents.as_ref().and_then(|rule| rule.confirmed_by.as_deref()) else {
        return (Truth::Unknown, None);
    };
    if scene.facts.acts.unavailable().is_some() {
        return (Truth::Unknown, None);
    }
    let mut said = confirmations(scene, id);
    match said.find_map(|act| Some((confirms(scene, act, role).ok()?, act.id.as_str()))) {
        Some(by) => (Truth::True, Some(by)),
        None => (Truth::False, None),
    }
}

fn confirmations<'s>(scene: &Scene<'s>, id: &str) -> impl Iterator<Item = &'s Act> {
    scene.confirming(id).iter().copied()
}

/// Whether an act confirms that what goes now is a fix: of who may say so, and about this very release. What was pushed
/// or built afterwards he did not look at.
pub(super) fn confirms(scene: &Scene<'_>, act: &Act, role: &str) -> Result<Person, Refusal> {
    let person = roles::independent(scene, act, role)?;
    separation::no_author(scene, person)?;
    bound::to_release(scene, act, Extent::Whole)?;
    Ok(person)
}

fn confirmed_told<'s>(scene: &Scene<'s>, id: &str) -> (Truth, Option<(Person, &'s str)>, String) {
    let (truth, person) = confirmed(scene, id);
    let Some(role) = scene.rules.incidents.as_ref().and_then(|rule| rule.confirmed_by.as_deref()) else {
        return (
            truth,
            person,
            "the policy names no role that confirms a fix; state `incidents.confirmed_by`".to_owned(),
        );
    };
    if let Some(why) = scene.facts.acts.unavailable() {
        return (truth, person, format!("whether a fix of {id} is confirmed could not be read: {why}"));
    }
    let refused: Vec<String> = confirmations(scene, id)
        .filter_map(|act| {
            let refusal = confirms(scene, act, role).err()?;
            Some(format!("{}: {}", scene.people.name(scene.person_of(act)), refusal.says))
        })
        .collect();
    let who = names(scene, role);
    let ask = if who.is_empty() { String::new() } else { format!("; ask {}", words::any_of(&who)) };
    let ignored = if refused.is_empty() { String::new() } else { format!("; ignored {}", refused.join(", ")) };
    (truth, person, format!("no {role} confirmed that it fixes {id}{ignored}{ask}"))
}

/// What to do where it is known that nobody is left who holds a role and did not contribute.
pub(super) fn nobody_left(scene: &Scene<'_>, role: &str) -> Option<String> {
    let holders = roles::eligible_independent(scene, role);
    (holders.people.is_empty() && holders.unreadable.is_none())
        .then(|| format!("nobody is left who holds `{role}` and had no hand in it; give somebody that role"))
}

/// Who holds a role and did not contribute, by name.
pub(super) fn names(scene: &Scene<'_>, role: &str) -> Vec<String> {
    let holders = roles::eligible_independent(scene, role);
    holders.people.iter().map(|person| scene.people.name(*person).to_owned()).collect()
}

fn truth_of(known: bool) -> Truth {
    if known { Truth::True } else { Truth::False }
}

/// Both, by Kleene's logic.
fn both(one: Truth, other: Truth) -> Truth {
    match (one, other) {
        (Truth::False, _) | (_, Truth::False) => Truth::False,
        (Truth::True, Truth::True) => Truth::True,
        _ => Truth::Unknown,
    }
}

/// Judges the incidents that are open.
#[must_use]
pub fn judge(scene: &Scene<'_>, path: &Path<'_>, triage: &Triage) -> Vec<Node> {
    let Some(rule) = &scene.rules.incidents else { return Vec::new() };
    // They are there for emergencies alone.
    let Some(block_at) = rule.block_at else { return Vec::new() };
    // Where everything goes by itself nobody is served yet, and a fix has to be tried.
    if place::automatic(scene) {
        return Vec::new();
    }
    let incidents = match &scene.facts.incidents {
        Fact::Known(_) | Fact::Absent => by_name(scene),
        Fact::Unavailable(_) if path.recovers() => Vec::new(),
        Fact::Unavailable(why) => {
            let says = format!("the open incidents could not be read from {}: {why}", rule.system);
            return vec![Node::new(Ground::FactsUnavailable, Status::Unknown, says).stated(&rule.stated)];
        }
    };
    let mut nodes: Vec<Node> =
        incidents.iter().filter_map(|incident| one(scene, path, triage, rule, block_at, incident)).collect();
    if nodes.iter().all(|node| node.status.opens()) {
        let says = if incidents.is_empty() { "no incident is open" } else { "no open incident stands in the way" };
        nodes.insert(0, Node::new(Ground::NoIncident, Status::Met, says).stated(&rule.stated));
    }
    nodes
}

fn one(
    scene: &Scene<'_>,
    path: &Path<'_>,
    triage: &Triage,
    rule: &IncidentRule,
    block_at: f64,
    incident: &Incident,
) -> Option<Node> {
    let affects = match &incident.components {
        Fact::Known(components) if !components.is_empty() && !scene.rules.components.is_empty() => {
            touches(scene, components) != Truth::False
        }
        // What it affects is not known, or the policy cannot tell whether that is this, and so it may be.
        Fact::Known(_) | Fact::Absent | Fact::Unavailable(_) => true,
    };
    // One whose severity is not known may be the worst.
    let number = severity(scene, incident);
    if number.is_some_and(|number| number > block_at) {
        return None;
    }
    let id = &incident.id;
    if !(affects || rule.everything) {
        return unnamed(scene, incident).map(|node| node.stated(&rule.stated));
    }
    let node = |code, status, says: String| Node::new(code, status, says).stated(&rule.stated).evidence([id.as_str()]);
    if path.recovers() {
        return Some(node(Ground::Recovery, Status::Note, format!("{id} does not block going back")));
    }
    let known = Known::of(scene, Some(triage)).about(incident);
    let excepted = |condition| known.all(condition, Truth::True);
    if rule.unless.as_ref().is_some_and(excepted) {
        let by = fix(scene, incident).confirmed;
        let told = by.map_or(String::new(), |(person, _)| format!(", confirmed by {}", scene.people.name(person)));
        let node = node(Ground::FixesIncident, Status::Met, format!("{id} does not block its fix{told}"));
        return Some(node.evidence(by.map(|(_, act)| act)));
    }
    if let Some(what) = repairs(scene, incident) {
        return Some(node(Ground::FixesIncident, Status::Met, format!("{id} does not block {what}")));
    }
    let emergency = scene.rules.emergency.as_ref().and_then(|class| class.when.as_ref());
    // What is an emergency whatever becomes of this incident, for a vulnerability, is none because of it.
    let by_itself = |condition| Known::of(scene, Some(triage)).all(condition, Truth::True);
    let because = |condition| excepted(condition) && (!by_itself(condition) || fixes(scene, incident) == Truth::True);
    if triage.class == Class::Emergency && emergency.is_some_and(because) {
        return Some(node(Ground::FixesIncident, Status::Met, format!("{id} does not block the emergency")));
    }
    let mut says = format!("{id}{} is open{}", severe(incident, number), scope(rule, incident));
    let mut parts = Vec::new();
    if rule.confirmed_by.is_some() {
        let fix = fix(scene, incident);
        let who = rule.confirmed_by.as_deref().map(|role| names(scene, role)).unwrap_or_default();
        says.push_str("; wait until it is resolved, or show that this release is its fix");
        if let Some(gone) = rule.confirmed_by.as_deref().and_then(|role| nobody_left(scene, role)) {
            says.push_str(", which nobody can confirm: ");
            says.push_str(&gone);
        }
        parts = fix.missing.into_iter().map(|missing| Node::new(Ground::NotAFix, Status::Note, missing)).collect();
        return Some(node(Ground::IncidentBlocks, Status::Unmet, says).who(who).parts(parts));
    }
    says.push_str("; wait until it is resolved");
    Some(node(Ground::IncidentBlocks, Status::Unmet, says).parts(parts))
}

/// What is said of an incident of services of which the policy has none: it stops nothing, and may be meant to.
fn unnamed(scene: &Scene<'_>, incident: &Incident) -> Option<Node> {
    let Fact::Known(components) = &incident.components else { return None };
    let named = |name: &String| scene.rules.components.iter().any(|known| known.name.eq_ignore_ascii_case(name));
    if components.iter().any(named) {
        return None;
    }
    let says = format!(
        "{} is open and affects {}, which is no component of the policy, and so stops nothing; name the service like one",
        incident.id,
        words::all_of(components)
    );
    Some(Node::new(Ground::NotAffected, Status::Note, says).evidence([incident.id.as_str()]))
}

/// ` (P1)`, or what is known instead.
fn severe(incident: &Incident, number: Option<f64>) -> String {
    match (&incident.severity, number) {
        (Fact::Known(word), Some(number)) => format!(" ({word}, severity {number})"),
        (Fact::Known(word), None) => {
            format!(" ({word}, a severity that the policy does not name, and so taken for the worst)")
        }
        (Fact::Absent, _) => " (of no severity, and so taken for the worst)".to_owned(),
        (Fact::Unavailable(why), _) => format!(" (its severity could not be read, and is taken for the worst: {why})"),
    }
}

fn scope(rule: &IncidentRule, incident: &Incident) -> String {
    match &incident.components {
        Fact::Known(components) if !components.is_empty() => format!(" and affects {}", words::all_of(components)),
        Fact::Known(_) if rule.everything => " and blocks everything".to_owned(),
        Fact::Known(_) => String::new(),
        Fact::Absent => " and does not say what it affects".to_owned(),
        Fact::Unavailable(why) => format!(", and what it affects could not be read: {why}"),
    }
}

/// Who is asked to confirm that the release fixes an incident which blocks it.
#[must_use]
pub fn asks(scene: &Scene<'_>, nodes: &[Node]) -> Vec<Ask> {
    let Some(role) = scene.rules.incidents.as_ref().and_then(|rule| rule.confirmed_by.as_deref()) else {
        return Vec::new();
    };
    let blocked = nodes.iter().any(|node| node.code == Ground::IncidentBlocks && !node.parts.is_empty());
    let people = if blocked { names(scene, role) } else { Vec::new() };
    let ask = || Ask { role: role.to_owned(), people, to: "confirm".to_owned(), because: None };
    if blocked { vec![ask()] } else { Vec::new() }
}
