//! The ticks of a checklist: whose count, and what they confirm. What a file says by itself is a claim.

use super::is_named;
use crate::decide::bound::{self, Extent};
use crate::decide::gates::{Found, Item, ItemState};
use crate::decide::people::Person;
use crate::decide::roles::{self, Refusal};
use crate::decide::scene::Scene;
use crate::decide::{signers, words};
use crate::model::facts::{Act, Deed, GateEvidence};
use crate::model::ground::Ground;
use crate::model::kind::Kind;
use crate::policy::gate::Gate;

/// What a gate has of people's ticks; nothing where it is no checklist.
pub(super) fn with_ticks<'s>(scene: &Scene<'s>, gate: &Gate, evidence: Option<&GateEvidence>) -> Found<'s> {
    if gate.kind != Kind::Checklist {
        return Found::default();
    }
    // Ticks are read from bytes that could be understood.
    let evidence = evidence.filter(|evidence| !evidence.digests.is_empty() && evidence.fault.is_none());
    let (by, unconfirmed) = match evidence.and_then(|evidence| signers::of_checklist(scene, gate, evidence)) {
        Some(Ok(by)) => (Some(by), None),
        Some(Err(why)) => (None, Some(why)),
        None => (None, None),
    };
    let (items, confirmed_by) = items(scene, gate, evidence, by.as_deref());
    Found { items, confirmed_by, unconfirmed, ..Found::default() }
}

/// The items of a checklist, and who confirmed them if all are confirmed: each by somebody who may, or by a file that
/// was signed as the policy asks. What a file says by itself confirms nothing.
fn items(
    scene: &Scene<'_>,
    gate: &Gate,
    evidence: Option<&GateEvidence>,
    signed: Option<&str>,
) -> (Vec<Item>, Option<String>) {
    let ticks = ticks(scene, gate);
    let mut confirmed = true;
    let mut by: Vec<&str> = Vec::new();
    let items = gate
        .items
        .iter()
        .map(|text| {
            let claimed = evidence.is_some_and(|evidence| evidence.ticked.contains(text));
            let ticked = ticks.iter().find(|tick| tick.item == text).map(|tick| scene.people.name(tick.person));
            let name = ticked.or(signed.filter(|_| claimed));
            match name {
                Some(name) if !by.contains(&name) => by.push(name),
                Some(_) => {}
                None => confirmed = false,
            }
            let state = if claimed || ticked.is_some() { ItemState::Ticked } else { ItemState::Open };
            Item { text: text.clone(), state }
        })
        .collect();
    (items, (confirmed && !by.is_empty()).then(|| words::all_of(&by)))
}

/// A tick of somebody who may.
struct Tick<'s> {
    item: &'s str,
    person: Person,
    act: &'s str,
}

/// Who ticked what of a checklist, and may.
fn ticks<'s>(scene: &Scene<'s>, gate: &Gate) -> Vec<Tick<'s>> {
    let tick = |(act, item): (&'s Act, &'s str)| {
        let person = ticks_off(scene, gate, act).ok()?;
        Some(Tick { item, person, act: &act.id })
    };
    ticked(scene, gate).filter_map(tick).collect()
}

/// The names of the acts that tick a checklist's items, the first of each.
pub(super) fn ticking<'s>(scene: &Scene<'s>, gate: &Gate) -> Vec<&'s str> {
    let ticks = ticks(scene, gate);
    gate.items.iter().filter_map(|text| ticks.iter().find(|tick| tick.item == text).map(|tick| tick.act)).collect()
}

/// Every tick of a checklist, whoever made it.
fn ticked<'a, 's>(scene: &'a Scene<'s>, gate: &'a Gate) -> impl Iterator<Item = (&'s Act, &'s str)> {
    scene.acts().filter_map(|act| match &act.does {
        Deed::Tick { gate: named, item, .. } if is_named(gate, named) => Some((act, item.as_str())),
        _ => None,
    })
}

/// Whether an act ticks something of a checklist off: of one who did not contribute and holds the role that verifies it,
/// or where none is named any role that may approve; and of this very release.
pub(in crate::decide) fn ticks_off(scene: &Scene<'_>, gate: &Gate, act: &Act) -> Result<Person, Refusal> {
    let person = if let Some(role) = &gate.verified_by {
        roles::independent(scene, act, role)?
    } else {
        let mut refused = Refusal::new(Ground::NotInRole, "the policy has no role that may tick it");
        let mut held = scene.rules.roles.iter().map(|role| roles::independent(scene, act, &role.name));
        let found = held.find_map(|held| held.map_err(|refusal| refused = refusal).ok());
        found.ok_or(refused)?
    };
    bound::to_release(scene, act, Extent::Whole)?;
    Ok(person)
}

/// Whose ticks of a checklist do not count, each once, and why.
pub(super) fn unticked(scene: &Scene<'_>, gate: &Gate) -> Vec<String> {
    let mut ignored: Vec<String> = Vec::new();
    for (act, _) in ticked(scene, gate) {
        let Err(refusal) = ticks_off(scene, gate, act) else { continue };
        let says = format!("{}: {}", scene.people.name(scene.person_of(act)), refusal.says);
        if !ignored.contains(&says) {
            ignored.push(says);
        }
    }
    ignored
}
