//! Delegations that lead back to where they came from.
//!
//! Who delegates to whom in a role is a graph; a delegation leads back if its two ends are in one strongly connected
//! part of it (S. R. Kosaraju, by way of A. V. Aho, J. E. Hopcroft and J. D. Ullman, 1983). The parts are found once for all
//! delegations, in one walk over the graph and one against its arrows.

use std::collections::HashMap;

use super::people::Person;
use super::scene::Scene;
use crate::model::facts::Deed;

/// In which part of the graph somebody is, by role.
#[derive(Debug, Default)]
pub(super) struct Rounds<'s>(HashMap<(&'s str, Person), usize>);

/// Arrows from each place to others.
type Arrows = Vec<Vec<usize>>;

impl<'s> Rounds<'s> {
    /// Looks at every delegation that was not taken back, whether it holds or not.
    pub(super) fn new(scene: &Scene<'s>) -> Self {
        let mut places: HashMap<(&'s str, Person), usize> = HashMap::new();
        let (mut out, mut back): (Arrows, Arrows) = (Vec::new(), Vec::new());
        for (act, by) in scene.acts_by() {
            let Deed::Delegate { role, to, .. } = &act.does else { continue };
            if scene.withdrawn(act, by) {
                continue;
            }
            let mut place = |person: Person| {
                let next = out.len();
                let at = *places.entry((role.as_str(), person)).or_insert(next);
                if at == next {
                    out.push(Vec::new());
                    back.push(Vec::new());
                }
                at
            };
            let (from, to) = (place(by), place(scene.people.of(to)));
            arrow(&mut out, from, to);
            arrow(&mut back, to, from);
        }
        let mut parts: Vec<Option<usize>> = vec![None; out.len()];
        for start in finished(&out).into_iter().rev() {
            let mut open = vec![start];
            while let Some(at) = open.pop() {
                let Some(part) = parts.get_mut(at).filter(|part| part.is_none()) else { continue };
                *part = Some(start);
                open.extend(back.get(at).into_iter().flatten());
            }
        }
        Self(places.into_iter().filter_map(|(who, at)| Some((who, parts.get(at).copied().flatten()?))).collect())
    }

    /// Whether a delegation in a role leads back to who made it.
    pub(super) fn leads_back(&self, role: &'s str, from: Person, to: Person) -> bool {
        let part = |person| self.0.get(&(role, person));
        part(from).is_some() && part(from) == part(to)
    }
}

fn arrow(arrows: &mut Arrows, from: usize, to: usize) {
    if let Some(arrows) = arrows.get_mut(from) {
        arrows.push(to);
    }
}

/// Every place, in the order in which a walk along the arrows leaves it for the last time.
fn finished(arrows: &Arrows) -> Vec<usize> {
    let mut seen = vec![false; arrows.len()];
    let mut left = Vec::with_capacity(arrows.len());
    for start in 0..arrows.len() {
        let mut way = vec![(start, 0)];
        while let Some((at, next)) = way.pop() {
            if next == 0 && std::mem::replace(seen.get_mut(at).unwrap_or(&mut true), true) {
                continue;
            }
            match arrows.get(at).and_then(|arrows| arrows.get(next)) {
                Some(to) => way.extend([(at, next + 1), (*to, 0)]),
                None => left.push(at),
            }
        }
    }
    left
}
