//! Which of a person's acts is the latest word.
//!
//! A rejection takes an earlier approval's place, and a later approval that was edited, dismissed or taken back leaves
//! nothing: what was there before never comes back. A later approval that stands adds to what was there. Reviews of a
//! change and approvals of the release are two conversations; only a rejection is heard in both.

use super::people::Person;
use super::roles;
use super::scene::Scene;
use crate::model::facts::{Act, Deed, Standing, Via};

/// The later act that an approval gave way to, if there is one.
#[must_use]
pub fn after_approval<'s>(scene: &Scene<'s>, approval: &Act, person: Person) -> Option<&'s Act> {
    later(scene, approval, person).find(|later| {
        let both_reviews = later.via == Via::Review && approval.via == Via::Review;
        match &later.does {
            Deed::Reject {} => here(scene, later) && (!both_reviews || same_changes(later, approval)),
            Deed::Approve { .. } => {
                let left_nothing = later.standing != Standing::Stands || scene.withdrawn(later, person);
                let alike = if both_reviews {
                    same_changes(later, approval)
                } else {
                    later.via != Via::Review && approval.via != Via::Review
                };
                left_nothing && alike
            }
            _ => false,
        }
    })
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
