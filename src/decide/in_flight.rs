//! A policy that changes while a release is under way: what the old one still asks holds beside the new one.
//!
//! The whole old policy is judged, its gates and calendars and debts as well as its approvals: who changes the rules
//! lifts none by that. Those whom the old one asks for approvals lift it together, each requirement by as many different
//! people as it asks, and by the same rules of separation. Where it asks nobody, two authorities do.

use super::approvals::coverage::{Bits, Units};
use super::approvals::requirements::{self, Requirement};
use super::matching::{self, Seats};
use super::path::{Path, Triage};
use super::people::Person;
use super::scene::Scene;
use super::separation::{self, ANSWERS};
use super::{roles, standins, words};
use crate::model::facts::Deed;
use crate::model::ground::Ground;
use crate::model::release_decision::{Node, Status};

/// What of an old policy was approved to be another.
#[derive(Debug)]
pub struct Lifted<'s> {
    asked: Vec<Asked<'s>>,
}

/// So many people who have to approve the new policy, and who did.
#[derive(Debug)]
struct Asked<'s> {
    /// The role; none for the authorities.
    role: Option<&'s str>,
    /// The requirement's own digest.
    digest: Option<String>,
    total: usize,
    by: Vec<Person>,
    /// Who could, those who did among them.
    could: Vec<Person>,
    met: bool,
}

impl<'s> Lifted<'s> {
    /// Who approved the new policy of those whom the old one asks on this path.
    #[must_use]
    pub fn new(scene: &Scene<'s>, triage: &Triage, path: &Path<'s>, digest: &str) -> Self {
        let (requirements, _) = requirements::of(scene, triage, path, &Units::new(scene, path.recovers()));
        let mut people: Vec<Person> = Vec::new();
        let mut said: Vec<(Person, &'s str)> = Vec::new();
        let mut may: Vec<Vec<&str>> = requirements.iter().map(|requirement| in_place_of(scene, requirement)).collect();
        if may.is_empty() {
            may.push(separation::authorities(scene).collect());
        }
        for act in scene.acts() {
            let Deed::ApprovePolicy { policy } = &act.does else { continue };
            if !policy.eq_ignore_ascii_case(digest) {
                continue;
            }
            for role in may.iter().flatten() {
                if let Ok(person) = roles::independent(scene, act, role) {
                    if !people.contains(&person) {
                        people.push(person);
                    }
                    if !said.contains(&(person, *role)) {
                        said.push((person, *role));
                    }
                }
            }
        }
        let mut whole = Bits::default();
        whole.set(0);
        let totals: Vec<usize> = if requirements.is_empty() {
            vec![ANSWERS]
        } else {
            // A requirement that asks for nobody is none that anybody could lift.
            requirements.iter().map(|requirement| requirement.total().max(1)).collect()
        };
        let seats: Vec<Seats<'_>> = may
            .iter()
            .zip(&totals)
            .map(|(roles, total)| {
                let fills = |person: &Person| roles.iter().any(|role| said.contains(&(*person, *role)));
                let bits = |person| if fills(person) { whole.clone() } else { Bits::default() };
                let bits: Vec<Bits> = people.iter().map(bits).collect();
                Seats { base: *total, extra: 0, scope: &whole, close: bits.clone(), wide: bits }
            })
            .collect();
        let filled = matching::fill(&seats, people.len(), scene.rules.separation.distinct_people);
        drop(seats);
        let asked = may
            .into_iter()
            .zip(totals)
            .zip(filled.people.into_iter().zip(filled.met))
            .enumerate()
            .map(|(at, ((roles, total), (by, met)))| {
                let mut could: Vec<Person> = Vec::new();
                for role in roles {
                    for person in roles::eligible_independent(scene, role).people {
                        if !could.contains(&person) {
                            could.push(person);
                        }
                    }
                }
                let requirement = requirements.get(at);
                Asked {
                    role: requirement.map(|requirement| requirement.role),
                    digest: requirement.map(|requirement| requirement.digest.clone()),
                    total,
                    by: by.iter().filter_map(|place| people.get(*place)).copied().collect(),
                    could,
                    met,
                }
            })
            .collect();
        Self { asked }
    }

    /// Whether everything that the old policy asks is lifted.
    #[must_use]
    pub fn whole(&self) -> bool {
        self.asked.iter().all(|asked| asked.met)
    }

    /// Whether somebody approved the new policy for one of those whom the old one asks.
    #[must_use]
    pub fn is_by(&self, person: Person) -> bool {
        self.asked.iter().any(|asked| asked.by.contains(&person))
    }

    /// What of the old policy's explanation holds beside the new one's: whatever does not open, is not lifted, and is
    /// not asked by the new policy in the same words.
    #[must_use]
    pub fn kept(&self, scene: &Scene<'s>, old: Vec<Node>, new: &[Node]) -> Vec<Node> {
        if self.whole() {
            return Vec::new();
        }
        // What a grant covers of the new policy holds nothing there.
        let same =
            |node: &Node| new.iter().any(|it| !it.status.opens() && it.code == node.code && it.says == node.says);
        let holds = old.into_iter().filter(|node| !opens(node) && !same(node));
        holds
            .filter_map(|node| {
                let own = self.asked.iter().find(|asked| asked.digest.is_some() && asked.digest == node.digest);
                match own {
                    Some(asked) if asked.met => None,
                    Some(asked) => Some(told(scene, node, &[asked])),
                    None => Some(told(scene, node, &self.asked.iter().filter(|asked| !asked.met).collect::<Vec<_>>())),
                }
            })
            .collect()
    }
}

/// The roles whose holders speak for a requirement now.
fn in_place_of<'s>(scene: &Scene<'s>, requirement: &Requirement<'s>) -> Vec<&'s str> {
    let standins =
        standins::of(scene, requirement.role, requirement.apart.as_ref()).into_iter().map(|standin| standin.role);
    std::iter::once(requirement.role).chain(standins).collect()
}

/// Whether a node and all below it open.
fn opens(node: &Node) -> bool {
    node.status.opens() && node.parts.iter().all(opens)
}

/// The worst of a node and all below it.
fn worst(node: &Node) -> Status {
    let below = node.parts.iter().map(worst).filter(|status| !status.opens()).max();
    if node.status.opens() { below.unwrap_or(node.status) } else { below.map_or(node.status, |it| it.max(node.status)) }
}

fn told(scene: &Scene<'_>, node: Node, asked: &[&Asked<'_>]) -> Node {
    let possible = asked.iter().all(|asked| asked.could.len() >= asked.total);
    let mut says = format!("the policy before still asks: {}", node.says);
    let mut who = node.who.clone();
    if possible {
        let count = |asked: &&Asked<'_>| {
            let from = asked.role.unwrap_or("its authorities");
            format!("{} of {} from {from}", asked.by.len().min(asked.total), asked.total)
        };
        let counts: Vec<String> = asked.iter().map(count).collect();
        says.push_str("; or its approvers approve the new policy: ");
        says.push_str(&words::all_of(&counts));
        who.clear();
        for person in asked.iter().flat_map(|asked| asked.could.iter().filter(|person| !asked.by.contains(*person))) {
            let name = scene.people.name(*person).to_owned();
            if !who.contains(&name) {
                who.push(name);
            }
        }
    }
    Node { code: Ground::OldPolicy, status: worst(&node), says, who, digest: None, parts: vec![node.clone()], ..node }
}
