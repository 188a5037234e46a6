//! What approvals are asked: which role, how many people, of which part of the release.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::coverage::{Bits, Units};
use crate::decide::known::adds_for;
use crate::decide::path::{Leg, Path, Triage};

use crate::decide::scene::Scene;
use crate::model::facts::Via;
use crate::model::ground::Ground;
use crate::model::release_decision::{Class, Node, Status};
use crate::model::stated::Stated;
use crate::policy::length::Length;
use crate::policy::rules::{Component, On, RaciRow, Route};

/// What a requirement is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A route asks it.
    Approvals,
    /// A representation, which only its own people fill.
    Representation,
}

/// So many different people of a role.
#[derive(Clone, Debug)]
pub struct Requirement<'s> {
    /// The role.
    pub role: &'s str,
    /// What for.
    pub kind: Kind,
    /// How many people of the role or of who stands in for it.
    pub base: usize,
    /// How many more, whom rigor adds; of the role's fallback chain too.
    pub extra: usize,
    /// The routes that ask it.
    pub routes: Vec<&'s Route>,
    /// The components that it is about; all of the release where there are none.
    pub components: Vec<&'s Component>,
    /// What has to be covered.
    pub scope: Bits,
    /// How long an approval lasts; for ever when left out.
    pub expire: Option<Length>,
    /// Where approvals are given.
    pub counts_from: Vec<Via>,
    /// Whether approvals count that were given in hours closed for approving.
    pub any_hours: bool,
    /// What the role's holder declares.
    pub accept: Option<&'s str>,
    /// Where it asks who is accountable: who carries the release out. Those never are, and neither is who started the
    /// deployment.
    pub apart: Option<Apart<'s>>,
    /// Where it stands.
    pub stated: &'s Stated,
    /// The first 16 hexadecimal digits of the SHA-256 of what it asks.
    pub digest: String,
}

/// The roles and people that carry a release out.
#[derive(Clone, Debug, Default)]
pub struct Apart<'s> {
    /// All of them.
    pub all: Vec<&'s str>,
    /// Those of whom the layer of the accountable role or one around it says so. That these cannot answer has those asked
    /// who stand in; an inner layer bars its people, and chooses nobody else instead.
    pub by_outer: Vec<&'s str>,
}

impl<'s> Apart<'s> {
    /// Adds those whom a row names of what a role is accountable for.
    fn add(&mut self, scene: &Scene<'s>, row: &'s RaciRow, role: &str) {
        let depth = |stated: &Stated| scene.policy.layers.iter().position(|layer| layer.path == stated.file);
        let outer = scene.role(role).is_some_and(|(role, _)| depth(&row.stated) <= depth(&role.stated));
        let named = row.responsible.iter().map(String::as_str);
        self.all.extend(named.clone());
        if outer {
            self.by_outer.extend(named);
        }
    }
}

impl Requirement<'_> {
    /// How many people it takes.
    #[must_use]
    pub fn total(&self) -> usize {
        self.base + self.extra
    }
}

/// Where approvals of a release are given unless the route says otherwise: everywhere but in reviews of a change.
const ANYWHERE: [Via; 6] = [Via::Environment, Via::Command, Via::Page, Via::Chat, Via::ChangeRecord, Via::Console];

/// What is asked on a path, in the order of its components and of the policy, and what cannot be told of it.
pub fn of<'s>(
    scene: &Scene<'s>,
    triage: &Triage,
    path: &Path<'s>,
    units: &Units<'s>,
) -> (Vec<Requirement<'s>>, Vec<Node>) {
    let mut found: Vec<Requirement<'s>> = Vec::new();
    let mut nodes = Vec::new();
    let formal = || path.legs.iter().filter(|leg| leg.formal).filter_map(|leg| Some((leg, leg.route?)));
    for (leg, route) in formal() {
        if route.approvals.is_empty() {
            nodes.push(
                Node::new(
                    Ground::ApprovalsMissing,
                    Status::Unmet,
                    format!("people approve on the route `{}`, and it asks nobody; give it `approvals`", route.name),
                )
                .stated(&route.stated),
            );
        }
        let first = route.approvals.iter().position(|(role, _)| role == "accountable").unwrap_or(0);
        for (at, (named, count)) in route.approvals.iter().enumerate() {
            let role = if named == "accountable" {
                match accountable(scene, triage, leg) {
                    Ok(role) => role,
                    Err(node) => {
                        nodes.push(*node);
                        continue;
                    }
                }
            } else {
                named.as_str()
            };
            let extra = if at == first { leg.rigor as usize } else { 0 };
            let kind = Kind::Approvals;
            let asked = Asked { role, kind, base: *count as usize, extra, stated: &route.stated };
            ask(&mut found, scene, leg, route, asked);
            // Going back waits for nobody who is not on duty: there the policy's own separation is all.
            if (named == "accountable" || answers(scene, triage, leg, role))
                && !route.to_last_good
                && let Some(asked) = found.iter_mut().find(|known| known.role == role)
            {
                let apart = asked.apart.get_or_insert_default();
                rows(scene, triage, leg).for_each(|row| apart.add(scene, row, role));
            }
        }
    }
    for (leg, route) in formal() {
        for row in rows(scene, triage, leg).filter(|row| asks_row(triage, leg, row)) {
            for role in &row.representation {
                let kind = Kind::Representation;
                ask(&mut found, scene, leg, route, Asked { role, kind, base: 1, extra: 0, stated: &row.stated });
            }
        }
    }
    for requirement in &mut found {
        requirement.scope = units.scope(scene, &requirement.components);
        requirement.digest = digest(scene, requirement);
    }
    (found, nodes)
}

/// Whether a way waits for those whom a row of the table of responsibilities represents or consults: every one on which
/// people approve, whichever roles its route names. Going back waits for nobody but those whom its route names, and an
/// emergency neither, unless its route asks whoever is accountable or the row itself speaks of the class.
#[must_use]
pub fn asks_row(triage: &Triage, leg: &Leg<'_>, row: &RaciRow) -> bool {
    let Some(route) = leg.route.filter(|_| leg.formal) else { return false };
    let on = match &row.on {
        On::Where(condition) => Some(condition),
        On::All | On::Component(_) => None,
    };
    let of_class = || on.into_iter().chain(&row.when).any(|condition| condition.names().contains(&"release.class"));
    asks_accountable(route) || !route.to_last_good && (triage.class != Class::Emergency || of_class())
}

/// Whether a role that a route asks by its name is the one that answers for a component of which it is said who carries it
/// out. Who approves an emergency does so as one who is named for that.
fn answers<'s>(scene: &Scene<'s>, triage: &Triage, leg: &Leg<'s>, role: &str) -> bool {
    let named = |row: &RaciRow| row.accountable.as_deref() == Some(role);
    triage.class != Class::Emergency
        && rows(scene, triage, leg).any(named)
        && rows(scene, triage, leg).any(|row| !row.responsible.is_empty())
}

/// Whether a route asks whoever is accountable.
#[must_use]
pub fn asks_accountable(route: &Route) -> bool {
    route.approvals.iter().any(|(role, _)| role == "accountable")
}

/// People of a role, as one place of the policy asks them.
#[derive(Clone, Copy)]
struct Asked<'s> {
    role: &'s str,
    kind: Kind,
    base: usize,
    extra: usize,
    stated: &'s Stated,
}

/// Adds what is asked on one way of the release to what is asked by now.
fn ask<'s>(found: &mut Vec<Requirement<'s>>, scene: &Scene<'s>, leg: &Leg<'s>, route: &'s Route, asked: Asked<'s>) {
    let Asked { role, kind, base, extra, stated } = asked;
    let counts_from = places(route);
    let Some(known) = found.iter_mut().find(|known| known.role == role) else {
        found.push(Requirement {
            role,
            kind,
            base,
            extra,
            routes: vec![route],
            components: leg.component.into_iter().collect(),
            scope: Bits::default(),
            expire: route.expire,
            counts_from: counts_from.to_vec(),
            any_hours: route.any_hours,
            accept: scene.role(role).and_then(|(role, _)| role.accept.as_deref()),
            apart: None,
            stated,
            digest: String::new(),
        });
        return;
    };
    // One requirement however many ask it, as strict as the strictest.
    let total = known.total().max(base + extra);
    known.base = known.base.max(base);
    known.extra = total - known.base;
    if kind == Kind::Representation {
        known.kind = kind;
    }
    match leg.component {
        // It is about all of them already.
        Some(_) if known.components.is_empty() => {}
        Some(component) if known.components.iter().any(|it| std::ptr::eq(*it, component)) => {}
        Some(component) => known.components.push(component),
        None => known.components.clear(),
    }
    if !known.routes.iter().any(|it| it.name == route.name) {
        known.routes.push(route);
        known.any_hours &= route.any_hours;
        known.counts_from.retain(|via| counts_from.contains(via));
        known.expire = match (known.expire, route.expire) {
            (Some(one), Some(other)) if longer(scene, one, other) => Some(other),
            (Some(one), _) => Some(one),
            (None, other) => other,
        };
    }
}

/// Where a route accepts approvals.
#[must_use]
pub fn places(route: &Route) -> &[Via] {
    if route.counts_from.is_empty() { &ANYWHERE } else { &route.counts_from }
}

/// Whether one length is longer than another, counted from when the release was asked for.
fn longer(scene: &Scene<'_>, one: Length, other: Length) -> bool {
    let due = |length| scene.due(scene.facts.release.submitted_at, length);
    due(one) > due(other)
}

/// The rows of the table of responsibilities that are about a way of the release.
pub fn rows<'s>(scene: &Scene<'s>, triage: &Triage, leg: &Leg<'s>) -> impl Iterator<Item = &'s RaciRow> {
    scene.rules.raci.iter().filter(move |row| {
        let about = match (&row.on, leg.component) {
            (On::All, _) => true,
            (On::Component(name), Some(component)) => *name == component.name,
            (On::Component(_), None) => false,
            (On::Where(condition), component) => adds_for(scene, Some(triage), component, condition),
        };
        about && row.when.as_ref().is_none_or(|when| adds_for(scene, Some(triage), leg.component, when))
    })
}

/// The one role that answers for a component.
pub fn accountable<'s>(scene: &Scene<'s>, triage: &Triage, leg: &Leg<'s>) -> Result<&'s str, Box<Node>> {
    let mut role: Option<(&str, &Stated)> = None;
    let of = || leg.component.map_or_else(|| "this release".to_owned(), |component| format!("`{}`", component.name));
    for row in rows(scene, triage, leg) {
        match (&row.accountable, role) {
            (Some(other), Some((known, _))) if other != known => {
                return Err(Box::new(
                    Node::new(
                        Ground::ApprovalsMissing,
                        Status::Unmet,
                        format!("{known} and {other} are both accountable for {}; only one role can be", of()),
                    )
                    .stated(&row.stated),
                ));
            }
            (Some(found), None) => role = Some((found, &row.stated)),
            _ => {}
        }
    }
    role.map(|(role, _)| role).ok_or_else(|| {
        Box::new(Node::new(
            Ground::ApprovalsMissing,
            Status::Unmet,
            format!("no role is accountable for {}; name one in `raci`", of()),
        ))
    })
}

/// The word of a place, as facts and policies write it.
#[must_use]
pub fn via(via: Via) -> &'static str {
    match via {
        Via::Environment => "environment",
        Via::Command => "command",
        Via::Page => "page",
        Via::Review => "review",
        Via::Chat => "chat",
        Via::ChangeRecord => "change_record",
        Via::Console => "console",
    }
}

/// What a requirement asks, in 16 hexadecimal digits: an approval that says it was for another is for another.
fn digest(scene: &Scene<'_>, requirement: &Requirement<'_>) -> String {
    let mut text = String::with_capacity(160);
    text.push_str(&scene.facts.release.environment);
    text.push_str(match requirement.kind {
        Kind::Approvals => "\napprovals\n",
        Kind::Representation => "\nrepresentation\n",
    });
    let _ = write!(text, "{}\n{}\n", requirement.role, requirement.total());
    match requirement.expire {
        Some(length) => {
            let _ = writeln!(text, "{length}");
        }
        None => text.push_str("-\n"),
    }
    let mut places: Vec<&str> = requirement.counts_from.iter().map(|place| via(*place)).collect();
    places.sort_unstable();
    text.push_str(&places.join(","));
    text.push('\n');
    text.push_str(requirement.accept.unwrap_or("-"));
    let hash = Sha256::digest(text.as_bytes());
    let nibbles = hash.iter().take(8).flat_map(|byte| [byte >> 4, byte & 15]);
    nibbles.filter_map(|nibble| char::from_digit(nibble.into(), 16)).collect()
}
