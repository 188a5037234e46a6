//! Whether each change has an independent approval of its own: of a human being who holds a role of the policy and did
//! not contribute to that change.

use std::collections::HashMap;

use super::binding::{self, Candidate};
use super::coverage::{Units, carries, mismatch};
use super::requirements::Requirement;
use crate::decide::bound::{self, Extent};
use crate::decide::latest;
use crate::decide::people::Person;
use crate::decide::roles;
use crate::decide::scene::Scene;
use crate::decide::separation::{self, gaps};
use crate::decide::words;
use crate::model::facts::{Act, Change, Deed, Via};
use crate::model::ground::Ground;
use crate::model::release_decision::{Node, Status};

/// Who approved a change by itself: in a review of its very content, or as one who approved the release with it. Nobody
/// is known to be independent of a change of which it is not known who had a hand in it.
#[must_use]
pub fn independently(scene: &Scene<'_>, at: usize) -> Option<Person> {
    let change = scene.changes()?.get(at)?;
    let person = approving(scene, change).iter().find_map(|act| approves(scene, act, at, change))?;
    (!gaps::perhaps_anybody(scene, at, change)).then_some(person)
}

/// The acts that approve a change as it is now. All acts are looked at once, not once for every change.
fn approving<'a, 's>(scene: &'a Scene<'s>, change: &Change) -> &'a [&'s Act] {
    let found = scene.totals.approving.get_or_init(|| {
        let mut found: HashMap<&str, Vec<&Act>> = HashMap::new();
        for act in scene.acts().filter(|act| matches!(act.does, Deed::Approve { .. })) {
            for (id, content) in &act.saw.changes {
                if scene.contents().and_then(|now| now.get(id.as_str())) == Some(&content.as_str()) {
                    found.entry(id).or_default().push(act);
                }
            }
        }
        found
    });
    found.get(change.id.as_str()).map_or(&[], Vec::as_slice)
}

fn approves(scene: &Scene<'_>, act: &Act, at: usize, change: &Change) -> Option<Person> {
    let Deed::Approve { .. } = act.does else { return None };
    if act.saw.changes.get(&change.id) != Some(&change.content) {
        return None;
    }
    bound::to_release(scene, act, Extent::Place).ok()?;
    if act.via == Via::Review && !carries(change) {
        return None;
    }
    let person = roles::acting(scene, act).ok()?;
    let has_role = scene.rules.roles.iter().any(|role| roles::seated(scene, person, &role.name));
    let own = scene.contributors.to_change(person, at).is_some();
    if !has_role || own || separation::is_excluded(scene, person) {
        return None;
    }
    latest::after_approval(scene, act, person).is_none().then_some(person)
}

/// A node for every change: whether somebody independent approved it. An approval of the release is one while it stands
/// for what was shown, whether or not others fill what is asked of its role: who approves too takes nothing away. When
/// and where it was given it has to count on the way of the change, which each of several ways asks by itself.
#[must_use]
pub fn nodes(
    scene: &Scene<'_>,
    candidates: &[Candidate<'_>],
    requirements: &[Requirement<'_>],
    units: &Units<'_>,
) -> Vec<Node> {
    let stand: HashMap<*const Act, &Candidate<'_>> =
        candidates.iter().filter(|it| it.base.is_ok()).map(|it| (std::ptr::from_ref(it.act), it)).collect();
    let stands = |act: &Act| stand.get(&std::ptr::from_ref(act)).copied();
    let stated = &scene.rules.separation.stated;
    let node = |at: usize, change: &Change| {
        let on_the_way = requirements.iter().filter(|it| it.scope.has(at));
        let mut ways: Vec<Option<&Requirement<'_>>> = on_the_way.map(Some).collect();
        if ways.is_empty() {
            ways.push(None);
        }
        let counts = |act: &Act, way: Option<&Requirement<'_>>| {
            act.via == Via::Review
                || stands(act).is_some_and(|it| way.is_none_or(|way| binding::when_and_where(scene, it, way).is_ok()))
        };
        let by = |way: Option<&Requirement<'_>>| {
            let mut acts = approving(scene, change).iter().filter(|act| counts(act, way));
            acts.find_map(|act| approves(scene, act, at, change))
        };
        let people: Option<Vec<Person>> = ways.iter().copied().map(by).collect();
        let node = if let Some(person) = people.and_then(|people| people.first().copied()) {
            let says = format!("{} is approved by {}", change.id, scene.people.name(person));
            Node::new(Ground::ChangeApproved, Status::Met, says)
        } else {
            unapproved(scene, at, change)
        };
        node.stated(stated)
    };
    units.changes.iter().enumerate().map(|(at, change)| node(at, change)).collect()
}

fn unapproved(scene: &Scene<'_>, at: usize, change: &Change) -> Node {
    let mut names: Vec<&str> = could(scene, at).into_iter().map(|person| scene.people.name(person)).collect();
    names.sort_unstable();
    let commit = change.commits.entries().last().map(|commit| words::short(&commit.sha));
    let of = commit.map_or_else(String::new, |sha| format!(" (commit {sha})"));
    let says = format!("{}{of} has no approval of somebody who did not contribute to it", change.id);
    // Somebody has to come into a role first, where nobody is left.
    let status = if names.is_empty() { Status::Unmet } else { Status::Waiting };
    Node::new(Ground::ChangeUnapproved, status, says)
        .who(names.into_iter().map(str::to_owned).collect())
        .parts(landed_otherwise(scene, change).into_iter().collect())
}

/// What is said of a change that was reviewed, and landed as something else.
fn landed_otherwise(scene: &Scene<'_>, change: &Change) -> Option<Node> {
    let reviewed = approving(scene, change).iter().any(|act| act.via == Via::Review);
    if !reviewed || carries(change) {
        return None;
    }
    Some(Node::new(Ground::TreeMismatch, Status::Note, mismatch(change)))
}

/// Who could still approve a change.
fn could(scene: &Scene<'_>, at: usize) -> Vec<Person> {
    let mut people: Vec<Person> = Vec::new();
    for role in &scene.rules.roles {
        for person in roles::eligible(scene, &role.name).people {
            let own = scene.contributors.to_change(person, at).is_some() || separation::is_excluded(scene, person);
            if !own && !people.contains(&person) {
                people.push(person);
            }
        }
    }
    people
}
