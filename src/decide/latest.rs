//! Which of a person's acts is the latest word.
//!
//! A rejection takes an earlier approval's place, and a later approval that was edited, dismissed or taken back leaves
//! nothing: what was there before never comes back. A later approval that stands adds to what was there. Reviews of a
//! change and approvals of the release are two conversations; only a rejection is heard in both.

use std::collections::HashMap;

use super::people::Person;
use super::roles;
use super::scene::{Scene, order};
use crate::model::facts::{Act, Deed, Standing, Via};

/// The later act that an approval gave way to, if there is one.
#[must_use]
pub fn after_approval<'s>(scene: &Scene<'s>, approval: &Act, person: Person) -> Option<&'s Act> {
    let undoing = scene.totals.undoing.get_or_init(|| undoing(scene)).get(&person)?;
    let from = undoing.partition_point(|known| order(known) <= order(approval));
    undoing.iter().skip(from).copied().find(|later| {
        let both_reviews = later.via == Via::Review && approval.via == Via::Review;
        match &later.does {
            Deed::Reject {} => here(scene, later) && (!both_reviews || same_changes(later, approval)),
            _ if both_reviews => same_changes(later, approval),
            _ => later.via != Via::Review && approval.via != Via::Review,
        }
    })
}

/// What each person did under his own name that can leave nothing of an earlier approval: rejections, and approvals that
/// were edited, dismissed or taken back. Few of many acts, so that many approvals of one person are not compared with
/// one another.
fn undoing<'s>(scene: &Scene<'s>) -> HashMap<Person, Vec<&'s Act>> {
    let mut found: HashMap<Person, Vec<&Act>> = HashMap::new();
    for (act, person) in scene.acts_by().filter(|(act, _)| act.impersonated_by.is_none()) {
        let undoes = match &act.does {
            Deed::Reject {} => true,
            Deed::Approve { .. } => act.standing != Standing::Stands || scene.withdrawn(act, person),
            _ => false,
        };
        if undoes {
            found.entry(person).or_default().push(act);
        }
    }
    found
}

/// The later approval that took a rejection's place, if there is one. It has to be the person's own: an edited comment
/// is anybody's.
#[must_use]
pub fn after_rejection<'s>(scene: &Scene<'s>, rejection: &Act, person: Person) -> Option<&'s Act> {
    later(scene, rejection, person).find(|later| {
        let approves = matches!(later.does, Deed::Approve { .. });
        let own = matches!(later.standing, Standing::Stands | Standing::Dismissed);
        if !approves || !own || !roles::is_human(scene, later) {
            return false;
        }
        match (later.via == Via::Review, rejection.via == Via::Review) {
            (true, true) => {
                !rejection.saw.changes.is_empty()
                    && rejection.saw.changes.keys().all(|change| later.saw.changes.contains_key(change))
            }
            (true, false) => false,
            (false, _) => later.saw.environment.as_deref() == Some(scene.facts.release.environment.as_str()),
        }
    })
}

/// What the same person did later under his own name.
fn later<'s>(scene: &Scene<'s>, act: &Act, person: Person) -> impl Iterator<Item = &'s Act> {
    scene
        .acts_after(act)
        .filter(move |(later, by)| *by == person && later.impersonated_by.is_none())
        .map(|(later, _)| later)
}

/// Whether a rejection is about this environment; one that names none is about every one.
#[must_use]
pub fn here(scene: &Scene<'_>, act: &Act) -> bool {
    act.saw.environment.as_ref().is_none_or(|name| *name == scene.facts.release.environment)
}

/// Whether two reviews are about a change in common; one that names none is about all.
fn same_changes(one: &Act, other: &Act) -> bool {
    one.saw.changes.is_empty()
        || other.saw.changes.is_empty()
        || one.saw.changes.keys().any(|change| other.saw.changes.contains_key(change))
}
