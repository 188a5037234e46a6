//! Who fills what: the matching against trying every way there is.

use std::time::Instant;

use countersign::decide::approvals::coverage::Bits;
use countersign::decide::matching::{Seats, fill, possible};
use proptest::prelude::*;

fn bits(mask: u8) -> Bits {
    let mut bits = Bits::default();
    (0..3).filter(|at| mask & (1 << at) != 0).for_each(|at| bits.set(at));
    bits
}

/// One requirement: how many, of what, and what each person covers as one of the first and of the wider circle.
type Case = (usize, usize, u8, Vec<(u8, u8)>);

fn cases() -> impl Strategy<Value = Vec<Case>> {
    let people = 4;
    let person = (0_u8..8, 0_u8..8);
    prop::collection::vec((1_usize..3, 0_usize..2, 1_u8..8, prop::collection::vec(person, people)), 1..4)
}

/// Tries every way to give every person one requirement or none.
fn any_way(cases: &[Case]) -> bool {
    let people = cases[0].3.len();
    let ways = (cases.len() + 1).pow(u32::try_from(people).unwrap());
    (0..ways).any(|mut way| {
        let mut given = vec![Vec::new(); cases.len()];
        for person in 0..people {
            let to = way % (cases.len() + 1);
            way /= cases.len() + 1;
            if to > 0 {
                given[to - 1].push(person);
            }
        }
        cases.iter().zip(&given).all(|((base, extra, scope, covers), given)| {
            (0..3).filter(|at| scope & (1 << at) != 0).all(|at| {
                let has = |mask: u8| usize::from(mask & (1 << at) != 0);
                let close: usize = given.iter().map(|person| has(covers[*person].0)).sum();
                let wide: usize = given.iter().map(|person| has(covers[*person].0 | covers[*person].1)).sum();
                close >= *base && wide >= base + extra
            })
        })
    })
}

fn filled(cases: &[Case]) -> bool {
    let scopes: Vec<Bits> = cases.iter().map(|case| bits(case.2)).collect();
    let seats: Vec<Seats<'_>> = cases
        .iter()
        .zip(&scopes)
        .map(|((base, extra, _, covers), scope)| Seats {
            base: *base,
            extra: *extra,
            scope,
            close: covers.iter().map(|(close, _)| bits(*close)).collect(),
            wide: covers.iter().map(|(close, wide)| bits(close | wide)).collect(),
        })
        .collect();
    let found = fill(&seats, cases[0].3.len(), true);
    let people: Vec<usize> = found.people.iter().flatten().copied().collect();
    let mut once = people.clone();
    once.sort_unstable();
    once.dedup();
    let met = found.met.iter().all(|met| *met);
    assert!(!met || once.len() == people.len(), "somebody fills two: {found:?}");
    met
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn it_is_met_when_there_is_any_way_and_only_then(cases in cases()) {
        prop_assert_eq!(filled(&cases), any_way(&cases));
    }
}

#[test]
fn a_requirement_for_more_people_than_there_are_is_never_met() {
    let scope = bits(1);
    let seats =
        [Seats { base: usize::MAX / 2, extra: 0, scope: &scope, close: vec![bits(1); 3], wide: vec![bits(1); 3] }];
    assert_eq!(fill(&seats, 3, true).met, [false]);
    assert_eq!(fill(&seats, 3, false).met, [false]);
}

/// Two requirements of one piece each: of the first two people fill either.
fn two_of_one(scope: &Bits) -> [Seats<'_>; 2] {
    let seat = || Seats { base: 1, extra: 0, scope, close: vec![scope.clone()], wide: vec![scope.clone()] };
    [seat(), seat()]
}

#[test]
fn one_person_could_fill_two_only_where_people_need_not_be_different() {
    let scope = bits(1);
    assert_eq!(possible(&two_of_one(&scope), 1, false), [true, true]);
    assert_eq!(possible(&two_of_one(&scope), 1, true), [true, false]);
}

#[test]
fn where_people_need_not_be_different_the_first_who_cover_everything_fill_it() {
    let scope = bits(3);
    let covers = |masks: [u8; 5]| masks.map(bits).to_vec();
    // The first of the role's own, two of the wider circle, one of whom covers a part alone, and more than are needed.
    let seats =
        [Seats { base: 1, extra: 1, scope: &scope, close: covers([0, 3, 0, 0, 0]), wide: covers([0, 3, 1, 3, 3]) }];
    let filled = fill(&seats, 5, false);
    assert_eq!((filled.people, filled.met), (vec![vec![1, 3]], vec![true]));
}

/// Two requirements of 41 people, of whom the last alone covers one piece: a search that never ends well.
fn many(pieces: usize) -> Vec<(Bits, Vec<Bits>)> {
    let mut all = Bits::default();
    (0..pieces).for_each(|at| all.set(at));
    let covered = |person: usize| {
        let mut covered = Bits::default();
        (0..pieces).filter(|at| person == 40 || (*at > 0 && at % 2 == person % 2)).for_each(|at| covered.set(at));
        covered
    };
    (0..2).map(|_| (all.clone(), (0..41).map(covered).collect())).collect()
}

#[test]
fn pieces_that_the_same_people_cover_are_searched_as_one() {
    let requirements = many(4_000);
    let seats: Vec<Seats<'_>> = requirements
        .iter()
        .map(|(scope, covers)| Seats { base: 1, extra: 0, scope, close: covers.clone(), wide: covers.clone() })
        .collect();
    let time = |distinct: bool| {
        let since = Instant::now();
        let filled = fill(&seats, 41, distinct);
        (since.elapsed(), filled.met)
    };
    let (once, shared) = time(false);
    assert_eq!(shared, [true, true]);
    let (searched, distinct) = time(true);
    assert_ne!(distinct, [true, true]);
    assert!(searched < once * 200, "{searched:?} beside {once:?}");
}
