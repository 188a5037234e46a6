//! People to approvals, each person to one: a maximum matching by augmenting paths.

/// How many ways to fill what is asked are tried. A policy that needs more asks many roles for several people each.
const TRIED: usize = 1024;

/// Whether some choice for each role fills every slot; `None` if so, else how many slots stay empty at best. Each role
/// has its choices, each choice its slots, each slot the people who can fill it.
pub(super) fn any(roles: &[Vec<Vec<Vec<String>>>]) -> Option<usize> {
    let mut best = usize::MAX;
    let ways: usize = roles.iter().map(|choices| choices.len().max(1)).fold(1, usize::saturating_mul).min(TRIED);
    for way in 0..ways {
        let mut rest = way;
        let mut slots: Vec<&[String]> = Vec::new();
        let mut missing = 0;
        for choices in roles {
            let Some(choice) = choices.get(rest % choices.len().max(1)) else {
                // Nobody at all can fill this role.
                missing += 1;
                continue;
            };
            rest /= choices.len().max(1);
            slots.extend(choice.iter().map(Vec::as_slice));
        }
        best = best.min(missing + unfilled(&slots));
        if best == 0 {
            return None;
        }
    }
    Some(best)
}

/// How many slots stay empty in a maximum matching.
pub(super) fn unfilled(slots: &[&[String]]) -> usize {
    let mut people: Vec<&str> = slots.iter().flat_map(|slot| slot.iter().map(String::as_str)).collect();
    people.sort_unstable();
    people.dedup();
    let edges: Vec<Vec<usize>> = slots
        .iter()
        .map(|slot| slot.iter().filter_map(|person| people.binary_search(&person.as_str()).ok()).collect())
        .collect();
    let mut fills: Vec<Option<usize>> = vec![None; people.len()];
    let mut filled = 0;
    for slot in 0..slots.len() {
        let mut seen = vec![false; people.len()];
        filled += usize::from(augment(slot, &edges, &mut fills, &mut seen));
    }
    slots.len() - filled
}

/// Looks for somebody for a slot, moving others on if need be.
fn augment(slot: usize, edges: &[Vec<usize>], fills: &mut [Option<usize>], seen: &mut [bool]) -> bool {
    for &person in edges.get(slot).into_iter().flatten() {
        match seen.get_mut(person) {
            Some(seen) if !*seen => *seen = true,
            _ => continue,
        }
        let holds = fills.get(person).copied().flatten();
        if holds.is_none_or(|other| augment(other, edges, fills, seen)) {
            if let Some(fill) = fills.get_mut(person) {
                *fill = Some(slot);
            }
            return true;
        }
    }
    false
}
