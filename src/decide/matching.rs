//! Who fills which requirement, where one person fills one only.
//!
//! A maximum matching of seats and people by augmenting paths (H. W. Kuhn, 1955): seats in the order of the policy,
//! people in the order in which they are given, so that the same approvals are always matched the same way and one more
//! never unseats anybody for nothing. Where nobody covers everything alone, the pieces are counted: a requirement is
//! met when every piece has enough different people who fill that requirement and no other.

use std::collections::BTreeSet;

use super::approvals::coverage::Bits;

/// One requirement, as the matching sees it.
#[derive(Debug)]
pub struct Seats<'a> {
    /// How many people of its own or of who stands in.
    pub base: usize,
    /// How many more, of a wider circle.
    pub extra: usize,
    /// The pieces that have to be covered.
    pub scope: &'a Bits,
    /// For every person, what he covers as one of the first circle.
    pub close: Vec<Bits>,
    /// For every person, what he covers as one of the wider circle; never less.
    pub wide: Vec<Bits>,
}

/// Who fills what.
#[derive(Debug)]
pub struct Filled {
    /// For every requirement, its people.
    pub people: Vec<Vec<usize>>,
    /// For every requirement, whether it is met.
    pub met: Vec<bool>,
}

impl Seats<'_> {
    fn total(&self) -> usize {
        self.base + self.extra
    }

    fn covers(&self, person: usize, close: bool) -> bool {
        let covered = if close { self.close.get(person) } else { self.wide.get(person) };
        covered.is_some_and(|covered| covered.holds(self.scope))
    }

    fn helps(&self, person: usize) -> bool {
        self.wide.get(person).is_some_and(|covered| covered.meets(self.scope))
    }

    /// Whether every piece has enough of some people.
    fn enough(&self, people: &[usize]) -> bool {
        self.scope.iter().all(|piece| {
            let has = |covered: Option<&Bits>| usize::from(covered.is_some_and(|covered| covered.has(piece)));
            let wide: usize = people.iter().map(|person| has(self.wide.get(*person))).sum();
            let close: usize = people.iter().map(|person| has(self.close.get(*person))).sum();
            wide >= self.total() && close >= self.base
        })
    }
}

/// Fills the requirements. Without `distinct`, one person may fill several.
#[must_use]
pub fn fill(requirements: &[Seats<'_>], people: usize, distinct: bool) -> Filled {
    if !distinct {
        return shared(requirements, people);
    }
    let mut filled = seated(requirements, people);
    let mut met: Vec<bool> = requirements.iter().zip(&filled).map(|(it, by)| by.len() >= it.total()).collect();
    if met.iter().all(|met| *met) {
        return Filled { people: filled, met };
    }
    if let Some(people) = Search::run(requirements, people) {
        let met = vec![true; requirements.len()];
        return Filled { people, met };
    }
    // Those that cannot be filled by people who cover everything may still be by people whom no other needs.
    for (at, requirement) in requirements.iter().enumerate() {
        if met.get(at).copied().unwrap_or(true) {
            continue;
        }
        let free = |person: &usize| {
            filled.iter().enumerate().all(|(other, by)| other == at || !by.contains(person))
                && requirement.helps(*person)
        };
        let helping: Vec<usize> = (0..people).filter(free).collect();
        if let (Some(met), Some(by)) = (met.get_mut(at), filled.get_mut(at)) {
            *met = requirement.enough(&helping);
            *by = helping;
        }
    }
    Filled { people: filled, met }
}

/// For every requirement, whether enough people could ever fill it beside the others.
#[must_use]
pub fn possible(requirements: &[Seats<'_>], people: usize, distinct: bool) -> Vec<bool> {
    if !distinct {
        return shared(requirements, people).met;
    }
    let filled = seated(requirements, people);
    requirements.iter().zip(filled).map(|(requirement, by)| by.len() >= requirement.total()).collect()
}

/// A maximum matching of seats with people who cover everything: for every requirement, its people.
fn seated(requirements: &[Seats<'_>], people: usize) -> Vec<Vec<usize>> {
    let seats: Vec<(usize, bool)> = requirements
        .iter()
        .enumerate()
        .flat_map(|(at, it)| (0..it.total().min(people + 1)).map(move |seat| (at, seat < it.base)))
        .collect();
    let mut holder: Vec<Option<usize>> = vec![None; people];
    for seat in 0..seats.len() {
        let mut seen = vec![false; people];
        seat_somebody(requirements, &seats, seat, &mut holder, &mut seen);
    }
    let mut filled: Vec<Vec<usize>> = vec![Vec::new(); requirements.len()];
    for (person, seat) in holder.iter().enumerate() {
        if let Some((at, _)) = seat.and_then(|seat| seats.get(seat))
            && let Some(list) = filled.get_mut(*at)
        {
            list.push(person);
        }
    }
    filled
}

/// Finds somebody for a seat, asking those who sit elsewhere to move where they can.
fn seat_somebody(
    requirements: &[Seats<'_>],
    seats: &[(usize, bool)],
    seat: usize,
    holder: &mut [Option<usize>],
    seen: &mut [bool],
) -> bool {
    let Some((requirement, close)) = seats.get(seat).and_then(|(at, close)| Some((requirements.get(*at)?, *close)))
    else {
        return false;
    };
    for person in 0..holder.len() {
        let tried = seen.get(person).copied().unwrap_or(true);
        if tried || !requirement.covers(person, close) {
            continue;
        }
        if let Some(seen) = seen.get_mut(person) {
            *seen = true;
        }
        let moved = match holder.get(person).copied().flatten() {
            None => true,
            Some(other) => seat_somebody(requirements, seats, other, holder, seen),
        };
        if moved {
            if let Some(holds) = holder.get_mut(person) {
                *holds = Some(seat);
            }
            return true;
        }
    }
    false
}

/// Each requirement by itself: the first who cover everything, or all who cover a part.
fn shared(requirements: &[Seats<'_>], people: usize) -> Filled {
    let mut filled = Filled { people: Vec::new(), met: Vec::new() };
    for requirement in requirements {
        let helping: Vec<usize> = (0..people).filter(|person| requirement.helps(*person)).collect();
        let mut whole: Vec<usize> = helping
            .iter()
            .copied()
            .filter(|person| requirement.covers(*person, true))
            .take(requirement.total())
            .collect();
        for person in &helping {
            if whole.len() < requirement.total() && requirement.covers(*person, false) && !whole.contains(person) {
                whole.push(*person);
            }
        }
        let met = requirement.enough(&helping);
        let by = if requirement.enough(&whole) { whole } else { helping };
        filled.people.push(by);
        filled.met.push(met);
    }
    filled
}

/// Looks for a way to give every person one requirement so that all pieces of all have enough people.
struct Search {
    requirements: Vec<Columns>,
    /// Everybody who helps.
    people: Vec<usize>,
    /// For every requirement, the places of those who are given to it.
    given: Vec<u64>,
    steps: u32,
}

/// A requirement as the search sees it: pieces that the same people cover are one, however many there are.
struct Columns {
    base: u32,
    total: u32,
    /// The places of those who help.
    helps: u64,
    /// For every kind of piece, the places of those who cover it, as one of the first circle and as one of the wider.
    pieces: Vec<(u64, u64)>,
}

/// After so many steps nothing is found, and what is not found does not open.
const STEPS: u32 = 20_000;
/// Among more people than this it is not looked for.
const MOST: usize = 64;

impl Columns {
    fn new(seats: &Seats<'_>, people: &[usize]) -> Self {
        let those = |all: &[Bits], covers: &dyn Fn(&Bits) -> bool| {
            let covering = people.iter().enumerate().filter(|(_, person)| all.get(**person).is_some_and(covers));
            covering.fold(0_u64, |those, (place, _)| those | bit(place))
        };
        let column = |piece| {
            (those(&seats.close, &|covered| covered.has(piece)), those(&seats.wide, &|covered| covered.has(piece)))
        };
        let pieces: BTreeSet<(u64, u64)> = seats.scope.iter().map(column).collect();
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Self {
            base: number(seats.base),
            total: number(seats.total()),
            helps: those(&seats.wide, &|covered| covered.meets(seats.scope)),
            pieces: pieces.into_iter().collect(),
        }
    }

    /// Whether every piece has enough of some people.
    fn enough(&self, people: u64) -> bool {
        self.pieces.iter().all(|(close, wide)| {
            (wide & people).count_ones() >= self.total && (close & people).count_ones() >= self.base
        })
    }
}

/// A place among [`MOST`].
fn bit(place: usize) -> u64 {
    u32::try_from(place).ok().and_then(|place| 1_u64.checked_shl(place)).unwrap_or(0)
}

impl Search {
    fn run(requirements: &[Seats<'_>], people: usize) -> Option<Vec<Vec<usize>>> {
        let everybody: Vec<usize> = (0..people).collect();
        if !requirements.iter().all(|requirement| requirement.enough(&everybody)) {
            return None;
        }
        let helping = everybody.into_iter().filter(|person| requirements.iter().any(|it| it.helps(*person)));
        let helping: Vec<usize> = helping.take(MOST + 1).collect();
        if helping.len() > MOST {
            return None;
        }
        let columns = requirements.iter().map(|requirement| Columns::new(requirement, &helping)).collect();
        let mut search = Self { requirements: columns, people: helping, given: vec![0; requirements.len()], steps: 0 };
        search.give(0).then(|| search.given.iter().map(|given| search.those(*given)).collect())
    }

    /// The people at some places.
    fn those(&self, places: u64) -> Vec<usize> {
        let there = self.people.iter().enumerate().filter(|(place, _)| places & bit(*place) != 0);
        there.map(|(_, person)| *person).collect()
    }

    fn give(&mut self, at: usize) -> bool {
        self.steps += 1;
        if self.steps > STEPS {
            return false;
        }
        let enough = |more: u64| {
            let mut given = self.requirements.iter().zip(&self.given);
            given.all(|(requirement, people)| requirement.enough(*people | more))
        };
        if enough(0) {
            return true;
        }
        // What those who are left could still do has to be enough.
        if at >= self.people.len() || !enough(u64::MAX << at) {
            return false;
        }
        for to in 0..self.requirements.len() {
            if self.requirements.get(to).is_none_or(|requirement| requirement.helps & bit(at) == 0) {
                continue;
            }
            if let Some(given) = self.given.get_mut(to) {
                *given |= bit(at);
            }
            if self.give(at + 1) {
                return true;
            }
            if let Some(given) = self.given.get_mut(to) {
                *given &= !bit(at);
            }
        }
        self.give(at + 1)
    }
}
