//! Approvals: what is asked, what counts toward it, and who fills it.
//!
//! In order: what the routes ask ([`requirements`]), what goes and has to be covered ([`coverage`]), whether the
//! environment was opened with it before ([`consumption`]), which acts still bind ([`binding`]), and who fills what
//! ([`seats`]): first the roles' own people, then those who stand in, then the authorities that are asked because nobody
//! decided. Rejections are heard beside it. What comes of it is said by [`told`].
//!
//! Invariant: who is seated was [`Eligible`](super::separation::Eligible) first.

pub mod binding;
pub mod consumption;
pub mod coverage;
pub mod requirements;
pub mod reviewed;
pub mod seats;
mod told;

use chrono::{DateTime, Duration, Utc};

use self::binding::Candidate;
use self::consumption::Used;
use self::coverage::Units;
use self::requirements::Requirement;
use self::seats::Seating;
use super::path::{Path, Triage};
use super::rejections::{self, Rejection, Word};
use super::release_gates::{Judged, skippable};
use super::scene::Scene;
use super::words;
use super::{place, routing, separation};
use crate::model::facts::{Act, Deed, Fact};
use crate::model::ground::Ground;
use crate::model::release_decision::{Ask, Class, Filled, Node, Status};
use crate::policy::rules::Per;

/// What comes of approvals and rejections.
#[derive(Debug, Default)]
pub struct Approvals<'s> {
    /// The requirements, each as a node.
    pub nodes: Vec<Node>,
    /// The roles that are asked, each with the place of its node.
    pub requirements: Vec<(&'s str, usize)>,
    /// The rejections.
    pub rejections: Vec<Node>,
    /// The acts that reject it with a final word, or may.
    pub last_words: Vec<&'s str>,
    /// Who is asked.
    pub asks: Vec<Ask>,
    /// The acts that count.
    pub counted: Vec<&'s Act>,
    /// Who fills what.
    pub filled: Vec<Filled>,
    /// Whether every requirement of approvals is met.
    pub met: bool,
    /// Who said why, where approvals that do fill every requirement on a path that may leave out gates.
    pub reasons: Option<Reasons<'s>>,
    /// Whether the same content goes again within the time for a retry, and so nobody is asked again.
    pub retried: bool,
    /// Whether it goes again within that time on whatever way.
    pub again: bool,
}

/// Who said why gates may be left out, and how long that word is good for.
#[derive(Debug)]
pub struct Reasons<'s> {
    /// Each by name, with his reason.
    pub said: Vec<(&'s str, String)>,
    /// When the first of these words ends.
    pub until: DateTime<Utc>,
}

/// How long somebody's word leaves a gate out, counted from when he gave it; never longer than a waiver may run.
const SKIPPED: Duration = Duration::hours(24);

/// When somebody's word that a gate may be left out ends.
fn ends(scene: &Scene<'_>, act: &Act) -> DateTime<Utc> {
    let end = act.at.checked_add_signed(SKIPPED).unwrap_or(act.at);
    let max = scene.rules.waivers.as_ref().and_then(|rule| rule.max);
    max.map_or(end, |max| end.min(scene.rules.calendar.due(act.at, max)))
}

/// Judges approvals and rejections.
#[must_use]
pub fn judge<'s>(scene: &Scene<'s>, triage: &Triage, path: &Path<'s>, gates: &[Judged<'s>]) -> Approvals<'s> {
    let mut found = Approvals::default();
    let units = Units::new(scene, path.recovers());
    let (requirements, mut nodes) = requirements::of(scene, triage, path, &units);
    let formal = path.legs.iter().any(|leg| leg.formal);
    if let Fact::Unavailable(why) = &scene.facts.acts {
        nodes.push(Node::new(
            Ground::FactsUnavailable,
            Status::Unknown,
            format!("what people did could not be read: {why}"),
        ));
    }
    // Of a way that is not known nobody can say that it asks nobody.
    let lost = path.legs.iter().any(|leg| leg.formal && leg.route.is_none());
    if requirements.is_empty() && nodes.is_empty() && !lost {
        nodes.push(Node::new(Ground::ApprovalNotNeeded, Status::NotNeeded, "no approval is needed on this path"));
    }
    // Going back is no repetition: it is judged by itself.
    let roles = rejections_roles(scene, triage, path, &requirements);
    let taken_back = consumption::taken_back(scene, &roles);
    // What took a release's place did so on whatever way it went, but where everything goes by itself and as often.
    let kept = formal || !place::automatic(scene);
    let used = if kept { consumption::of(scene, &taken_back, path.recovers()) } else { Used::No };
    let used = match used {
        Used::Superseded { by, until } if path.recovers() => {
            nodes.push(told::goes_back(scene, by));
            Used::Spent(until)
        }
        used => used,
    };
    found.again = matches!(used, Used::Retry { .. });
    if let Used::Retry { first, until } = used {
        if formal {
            nodes.push(told::retry(scene, first, until));
            found.retried = true;
        }
    } else if let (Used::Unknown(why), false, false) = (used, formal, path.recovers()) {
        nodes.push(told::unread(why));
    } else if let Used::Superseded { by, .. } = used {
        nodes.push(told::superseded(scene, by));
    } else if let Used::Spent(first) = used {
        nodes.extend(told::taken_back(scene, first, &taken_back));
    }
    let candidates = {
        let emergency = triage.class == Class::Emergency;
        binding::candidates(scene, &units, gates, used, path.recovers(), emergency)
    };
    let (standing, fallen) = rejections::of(scene, &roles);
    let seating = Seating::new(scene, &units, &requirements, &candidates, &standing);
    let mut per_change = Vec::new();
    if scene.rules.separation.per == Per::Change && formal && !found.retried {
        per_change = reviewed::nodes(scene, &candidates, &requirements, &units);
    }
    found.met = seating.met() && nodes.iter().chain(&per_change).all(|node| node.status.opens());
    (found.rejections, found.last_words) = rejection_nodes(scene, &seating, &standing, path);
    found.rejections.extend(fallen);
    if !found.retried {
        found.requirements = requirements.iter().enumerate().map(|(at, it)| (it.role, nodes.len() + at)).collect();
        told::requirements(scene, &units, &requirements, &candidates, &seating, &mut nodes, &mut found.asks);
        found.filled = seating.told(scene, &requirements);
    }
    nodes.extend(per_change);
    found.counted = seating.counted();
    if found.met && gates.iter().any(|gate| !gate.judgement.verdict.opens() && skippable(path, gate)) {
        // Only who says why, and not too long ago, goes past a gate; who approves without takes nothing from those who
        // say it.
        let said = |it: &Candidate<'_>| {
            it.act.reason.as_deref().is_some_and(|reason| words::meaningful(reason, 1))
                && scene.clock.within(it.act.at, ends(scene, it.act))
        };
        found.reasons = if candidates.iter().all(said) {
            reasons(scene, &seating)
        } else {
            let reasoned: Vec<Candidate<'s>> = candidates.into_iter().filter(said).collect();
            let seating = Seating::new(scene, &units, &requirements, &reasoned, &standing);
            seating.met().then(|| reasons(scene, &seating)).flatten()
        };
    }
    found.nodes = nodes;
    found
}

/// Who said why, of those who fill a requirement.
fn reasons<'s>(scene: &Scene<'s>, seating: &Seating<'s>) -> Option<Reasons<'s>> {
    let mut said: Vec<(&str, String)> = Vec::new();
    let mut until: Option<DateTime<Utc>> = None;
    for person in seating.people() {
        let latest = seating.acts_of(person).max_by_key(|act| act.at)?;
        said.push((scene.people.name(person), words::normal(latest.reason.as_deref()?)));
        let end = ends(scene, latest);
        until = Some(until.map_or(end, |known| known.min(end)));
    }
    until.map(|until| Reasons { said, until })
}

/// Every role whose holders may reject: those that are asked in any way, now or later; and where it is not known which way
/// it goes, on any way that it may go.
fn rejections_roles<'s>(
    scene: &Scene<'s>,
    triage: &Triage,
    path: &Path<'s>,
    requirements: &[Requirement<'s>],
) -> Vec<&'s str> {
    let mut roles: Vec<&str> = Vec::new();
    let mut add = |role: &'s str| {
        if !roles.contains(&role) {
            roles.push(role);
        }
    };
    for requirement in requirements {
        add(requirement.role);
        super::standins::chain(scene, requirement.role).into_iter().for_each(&mut add);
        for escalation in requirement.routes.iter().filter_map(|route| route.escalate.as_ref()) {
            escalation.to.iter().chain(&escalation.last).for_each(|role| add(role));
        }
    }
    for leg in &path.legs {
        for row in requirements::rows(scene, triage, leg).filter(|row| requirements::asks_row(triage, leg, row)) {
            // Who answers for it is heard where the route names others to approve it, too.
            if let Some(role) = row.accountable.as_deref() {
                add(role);
                super::standins::chain(scene, role).into_iter().for_each(&mut add);
            }
            row.consulted.iter().for_each(|(role, _)| add(role));
        }
    }
    for leg in path.legs.iter().filter(|leg| leg.formal && leg.route.is_none()) {
        for usual in routing::perhaps(scene, triage, leg) {
            heard_on(scene, triage, &Path { legs: vec![usual], nodes: Vec::new() }).into_iter().for_each(&mut add);
        }
    }
    roles
}

/// The same of a path of which nothing else is known yet.
fn heard_on<'s>(scene: &Scene<'s>, triage: &Triage, path: &Path<'s>) -> Vec<&'s str> {
    let (requirements, _) = requirements::of(scene, triage, path, &Units::new(scene, false));
    rejections_roles(scene, triage, path, &requirements)
}

/// Who rejects a release of those whom a path hears; in an environment where everything goes by itself, only who names it: a
/// review of a change says nothing of where that is tried.
#[must_use]
pub fn rejected_by<'s>(scene: &Scene<'s>, triage: &Triage, path: &Path<'s>) -> Option<&'s str> {
    if !scene.against_by().any(|(act, _)| act.does == (Deed::Reject {})) {
        return None;
    }
    let (standing, _) = rejections::of(scene, &heard_on(scene, triage, path));
    let everything = place::automatic(scene);
    let rejection = standing.into_iter().find(|it| !everything || it.act.saw.environment.is_some())?;
    Some(scene.people.name(rejection.person))
}

/// What speaks against letting a release go by itself that this path would ask people about: somebody rejects it whom the
/// path would hear, or something newer took its place, or may have.
#[must_use]
pub fn against<'s>(scene: &Scene<'s>, triage: &Triage, path: &Path<'s>) -> Option<String> {
    if let Some(name) = rejected_by(scene, triage, path) {
        return Some(format!("{name} rejects it"));
    }
    let roles = heard_on(scene, triage, path);
    match consumption::of(scene, &consumption::taken_back(scene, &roles), false) {
        Used::Superseded { by, .. } => Some(format!("`{}` was opened since", by.release)),
        Used::Unknown(why) => Some(format!("what was deployed could not be read: {why}")),
        Used::No | Used::Retry { .. } | Used::Spent(_) => None,
    }
}

/// What becomes of the rejections: final, overruled, or standing; and which are final, or may be.
fn rejection_nodes<'s>(
    scene: &Scene<'s>,
    seating: &Seating<'s>,
    standing: &[Rejection<'s>],
    path: &Path<'s>,
) -> (Vec<Node>, Vec<&'s str>) {
    let mut last_words = Vec::new();
    let routes = path
        .routes()
        .into_iter()
        .filter(|route| path.legs.iter().any(|leg| leg.formal && leg.route.is_some_and(|of| of.name == route.name)));
    let routes = routes.collect::<Vec<_>>();
    let nodes = standing
        .iter()
        .map(|rejection| {
            let word = if rejection.reasoned { seating.word(scene, &routes, rejection.person) } else { Word::Plain };
            if word != Word::Plain {
                last_words.push(rejection.act.id.as_str());
                return rejections::told_of(scene, rejection, &word, Vec::new());
            }
            if let Some(by) = seating.overruled(scene, &routes, rejection) {
                let says = format!(
                    "{} rejects it, and is overruled by {}",
                    scene.people.name(rejection.person),
                    words::all_of(&by)
                );
                return Node::new(Ground::FinalWord, Status::Note, says).evidence([&rejection.act.id]);
            }
            let above = seating.could_overrule(scene, &routes, rejection);
            rejections::told_of(scene, rejection, &word, above)
        })
        .collect();
    (nodes, last_words)
}

/// What holds because it cannot be attributed, and who contributed.
#[must_use]
pub fn separation(scene: &Scene<'_>, path: &Path<'_>) -> Vec<Node> {
    separation::gaps::judge(scene, path.legs.iter().any(|leg| leg.formal), path.recovers())
}
