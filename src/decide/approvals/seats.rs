//! Who fills which requirement, in three rounds: the roles' own people; if that is not enough, those who stand in; if
//! that is not enough either, or an approval and a rejection stand against each other, the authorities that are asked.
//! A later round's instants are only asked for where the earlier rounds left something open.

mod authorities;

use std::collections::HashSet;

use super::binding::{self, Candidate};
use super::coverage::{Bits, Units};
use super::requirements::{Kind, Requirement};
use crate::decide::matching::{self, Seats};
use crate::decide::people::Person;
use crate::decide::rejections::Rejection;
use crate::decide::roles;
use crate::decide::scene::Scene;
use crate::decide::separation;
use crate::decide::standins::{self, Authority};
use crate::model::facts::Act;
use crate::model::release_decision::{Approver, Filled};
use crate::policy::rules::Route;

/// As what somebody counts toward a requirement.
#[derive(Clone, Debug)]
pub struct Hat<'s> {
    /// The role that he holds.
    pub role: &'s str,
    /// Why it counts here, where it is not the requirement's own.
    pub because: Option<String>,
    /// Whether it is an authority's, and whether its word is final.
    pub authority: Option<bool>,
    /// Whether it only fills what rigor adds.
    pub second: bool,
}

/// One act that counts toward a requirement.
#[derive(Clone, Copy, Debug)]
pub struct Counted<'s> {
    /// The act, and who did it.
    pub act: &'s Act,
    /// Who, by his place among the people here.
    person: usize,
    /// The place of the hat.
    hat: usize,
    /// Whether it covers all that the requirement is about.
    whole: bool,
}

/// One requirement, and who fills it.
#[derive(Debug, Default)]
pub struct Seat<'s> {
    /// As what people count.
    pub hats: Vec<Hat<'s>>,
    /// The names of the routes that ask for it.
    routes: Vec<&'s str>,
    acts: Vec<Counted<'s>>,
    /// The same acts, each once, to be found among many.
    acting: HashSet<*const Act>,
    close: Vec<Bits>,
    wide: Vec<Bits>,
    /// What each covers by a final word.
    last: Vec<Bits>,
    /// Who fills it, by place.
    by: Vec<usize>,
    /// Whether it is met.
    pub met: bool,
    /// Whether a final word fills it.
    pub by_final_word: bool,
    /// Whether nobody is left who could.
    pub exhausted: bool,
}

/// Everybody's seat.
#[derive(Debug)]
pub struct Seating<'s> {
    /// Who approves at all, the earliest first.
    people: Vec<Person>,
    /// The requirements, in their order.
    pub seats: Vec<Seat<'s>>,
    /// The authorities that every route asks by now; empty before the third round.
    pub asked: Vec<(&'s Route, Vec<Authority<'s>>)>,
}

impl<'s> Seating<'s> {
    /// Seats everybody.
    #[must_use]
    pub fn new(
        scene: &Scene<'s>,
        units: &Units<'s>,
        requirements: &[Requirement<'s>],
        candidates: &[Candidate<'s>],
        rejections: &[Rejection<'s>],
    ) -> Self {
        let mut people: Vec<Person> = Vec::new();
        let mut when = Vec::new();
        for candidate in candidates.iter().filter(|candidate| candidate.base.is_ok()) {
            if !people.contains(&candidate.person) {
                people.push(candidate.person);
                when.push((candidate.act.at, scene.people.name(candidate.person), candidate.person));
            }
        }
        when.sort_unstable();
        let people: Vec<Person> = when.into_iter().map(|(_, _, person)| person).collect();
        let seats = requirements
            .iter()
            .map(|requirement| Seat {
                routes: requirement.routes.iter().map(|route| route.name.as_str()).collect(),
                close: vec![Bits::default(); people.len()],
                wide: vec![Bits::default(); people.len()],
                last: vec![Bits::default(); people.len()],
                ..Seat::default()
            })
            .collect();
        let mut seating = Self { people, seats, asked: Vec::new() };
        let round = Round { scene, units, requirements, candidates };
        for (at, requirement) in requirements.iter().enumerate() {
            let own = Hat { role: requirement.role, because: None, authority: None, second: false };
            seating.wear(&round, at, own);
            if requirement.extra > 0 {
                for role in standins::chain(scene, requirement.role) {
                    let because = format!("second reviewer from {role}");
                    let second = Hat { role, because: Some(because), authority: None, second: true };
                    seating.wear(&round, at, second);
                }
            }
        }
        seating.fill(&round);
        if !seating.met() {
            for (at, requirement) in requirements.iter().enumerate() {
                for standin in standins::of(scene, requirement.role, requirement.apart.as_deref()) {
                    let hat =
                        Hat { role: standin.role, because: Some(standin.because), authority: None, second: false };
                    seating.wear(&round, at, hat);
                }
            }
            seating.fill(&round);
        }
        if !seating.met() || !rejections.is_empty() {
            seating.escalate(&round);
        }
        if !seating.met() {
            seating.exhaust(&round);
        }
        seating
    }

    /// Counts the acts of one more role toward a requirement.
    fn wear(&mut self, round: &Round<'_, 's>, at: usize, hat: Hat<'s>) {
        let (Some(seat), Some(requirement)) = (self.seats.get_mut(at), round.requirements.get(at)) else { return };
        let place = seat.hats.len();
        for candidate in round.candidates {
            let counts = binding::counts(round.scene, round.units, candidate, requirement, hat.role);
            let Some(Ok(eligible)) = counts else { continue };
            let Some(person) = self.people.iter().position(|known| *known == eligible.person()) else { continue };
            if let Some(wide) = seat.wide.get_mut(person) {
                wide.add(&candidate.covered);
            }
            if let Some(close) = seat.close.get_mut(person).filter(|_| !hat.second) {
                close.add(&candidate.covered);
            }
            if let Some(last) = seat.last.get_mut(person).filter(|_| hat.authority == Some(true)) {
                last.add(&candidate.covered);
            }
            let whole = candidate.covered.holds(&requirement.scope);
            seat.acts.push(Counted { act: eligible.act(), person, hat: place, whole });
            seat.acting.insert(std::ptr::from_ref(eligible.act()));
        }
        seat.hats.push(hat);
    }

    fn fill(&mut self, round: &Round<'_, 's>) {
        let spoken: Vec<usize> =
            self.seats.iter().filter(|seat| seat.by_final_word).flat_map(|seat| seat.by.clone()).collect();
        let distinct = round.scene.rules.separation.distinct_people;
        let clear = |covered: &[Bits]| -> Vec<Bits> {
            let keep = |person: usize, bits: &Bits| {
                if distinct && spoken.contains(&person) { Bits::default() } else { bits.clone() }
            };
            covered.iter().enumerate().map(|(person, bits)| keep(person, bits)).collect()
        };
        let seats: Vec<Seats<'_>> = self
            .seats
            .iter()
            .zip(round.requirements)
            .map(|(seat, requirement)| Seats {
                base: if seat.by_final_word { 0 } else { requirement.base },
                extra: if seat.by_final_word { 0 } else { requirement.extra },
                scope: &requirement.scope,
                close: clear(&seat.close),
                wide: clear(&seat.wide),
            })
            .collect();
        let filled = matching::fill(&seats, self.people.len(), distinct);
        drop(seats);
        for ((seat, by), met) in self.seats.iter_mut().zip(filled.people).zip(filled.met) {
            if !seat.by_final_word {
                seat.by = by;
                seat.met = met;
            }
        }
    }

    /// Marks what nobody is left for, whoever might still approve.
    fn exhaust(&mut self, round: &Round<'_, 's>) {
        let mut people: Vec<Person> = Vec::new();
        let mut could: Vec<Option<Vec<Person>>> = Vec::new();
        for (requirement, seat) in round.requirements.iter().zip(&self.seats) {
            let found = potential(round.scene, requirement).map(|mut found| {
                found.extend(seat.by.iter().filter_map(|at| self.people.get(*at)).copied());
                found
            });
            for person in found.iter().flatten() {
                if !people.contains(person) {
                    people.push(*person);
                }
            }
            could.push(found);
        }
        let mut scope = Bits::default();
        scope.set(0);
        let seats: Vec<Seats<'_>> = round
            .requirements
            .iter()
            .zip(&could)
            .zip(&self.seats)
            .map(|((requirement, could), seat)| {
                let able = |person: &Person| could.as_ref().is_some_and(|could| could.contains(person));
                let bits: Vec<Bits> =
                    people.iter().map(|person| if able(person) { scope.clone() } else { Bits::default() }).collect();
                let open = could.is_none() || seat.by_final_word;
                Seats {
                    base: if open { 0 } else { requirement.total() },
                    extra: 0,
                    scope: &scope,
                    close: bits.clone(),
                    wide: bits,
                }
            })
            .collect();
        let distinct = round.scene.rules.separation.distinct_people;
        let possible = matching::possible(&seats, people.len(), distinct);
        drop(seats);
        for (seat, possible) in self.seats.iter_mut().zip(possible) {
            seat.exhausted = !possible && !seat.met;
        }
    }

    /// Whether every requirement is met.
    #[must_use]
    pub fn met(&self) -> bool {
        self.seats.iter().all(|seat| seat.met)
    }

    /// A person by place.
    #[must_use]
    pub fn person(&self, at: usize) -> Person {
        self.people.get(at).copied().unwrap_or_else(Person::nobody)
    }

    /// Everybody who fills something, each once.
    pub fn people(&self) -> impl Iterator<Item = Person> {
        self.people
            .iter()
            .enumerate()
            .filter(|(at, _)| self.seats.iter().any(|seat| seat.by.contains(at)))
            .map(|(_, it)| *it)
    }

    /// The role for which somebody fills another requirement than this one.
    #[must_use]
    pub fn fills(&self, place: usize, requirement: usize) -> Option<&'s str> {
        let mut others =
            self.seats.iter().enumerate().filter(|(at, seat)| *at != requirement && seat.by.contains(&place));
        others.find_map(|(_, seat)| seat.hats.first().map(|hat| hat.role))
    }

    /// Whether somebody fills another requirement than this one.
    #[must_use]
    pub fn seated_elsewhere(&self, person: Person, requirement: usize) -> bool {
        let Some(place) = self.people.iter().position(|known| *known == person) else { return false };
        self.seats.iter().enumerate().any(|(at, seat)| at != requirement && seat.by.contains(&place))
    }

    /// The acts by which somebody fills what he fills.
    pub fn acts_of(&self, person: Person) -> impl Iterator<Item = &'s Act> {
        let place = self.people.iter().position(|known| *known == person);
        self.seats.iter().flat_map(move |seat| {
            seat.acts
                .iter()
                .filter(move |counted| Some(counted.person) == place && seat.by.contains(&counted.person))
                .map(|counted| counted.act)
        })
    }

    /// Who fills what, as data.
    #[must_use]
    pub fn told(&self, scene: &Scene<'s>, requirements: &[Requirement<'s>]) -> Vec<Filled> {
        let approver = |seat: &Seat<'s>, requirement: &Requirement<'s>, place: usize, hat: Option<&Hat<'s>>| {
            let acts = seat.acts.iter().filter(|counted| counted.person == place).map(|counted| counted.act);
            let mut approver = Approver {
                person: scene.people.name(self.person(place)).to_owned(),
                role: hat.map_or(requirement.role, |hat| hat.role).to_owned(),
                acts: Vec::new(),
                accounts: Vec::new(),
            };
            let mut known: HashSet<*const Act> = HashSet::new();
            for act in acts.filter(|act| known.insert(std::ptr::from_ref(*act))) {
                approver.acts.push(act.id.clone());
                if !approver.accounts.iter().any(|account| account == act.by.as_str()) {
                    approver.accounts.push(act.by.as_str().to_owned());
                }
            }
            approver
        };
        let filled = |(seat, requirement): (&Seat<'s>, &Requirement<'s>)| Filled {
            role: requirement.role.to_owned(),
            needed: requirement.total(),
            met: seat.met,
            by_final_word: seat.by_final_word,
            components: requirement.components.iter().map(|component| component.name.clone()).collect(),
            digest: requirement.digest.clone(),
            by: seat.filled().map(|(place, hat)| approver(seat, requirement, place, hat)).collect(),
        };
        self.seats.iter().zip(requirements).map(filled).collect()
    }

    /// The acts that count, in the order of the record.
    #[must_use]
    pub fn counted(&self) -> Vec<&'s Act> {
        let mut acts: Vec<&Act> = Vec::new();
        let mut known: HashSet<*const Act> = HashSet::new();
        for seat in &self.seats {
            let by = seat.acts.iter().filter(|counted| seat.by.contains(&counted.person));
            acts.extend(by.map(|counted| counted.act).filter(|act| known.insert(std::ptr::from_ref(*act))));
        }
        acts.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
        acts
    }
}

impl<'s> Seat<'s> {
    /// Who fills it, by place, and as what.
    pub fn filled(&self) -> impl Iterator<Item = (usize, Option<&Hat<'s>>)> {
        self.by.iter().map(|person| {
            let mut acts = self.acts.iter().filter(|counted| counted.person == *person);
            (*person, acts.next().and_then(|counted| self.hats.get(counted.hat)))
        })
    }

    /// Whether an act counts toward it.
    #[must_use]
    pub fn counts(&self, act: &Act) -> bool {
        self.acting.contains(&std::ptr::from_ref(act))
    }

    /// Who approved and could fill it, by place.
    pub fn able(&self) -> impl Iterator<Item = usize> {
        self.wide.iter().enumerate().filter(|(_, covered)| !covered.is_empty()).map(|(place, _)| place)
    }

    /// The acts of those who fill it, each once.
    pub fn acts_filling(&self) -> impl Iterator<Item = &'s Act> {
        let mut told = HashSet::new();
        let filling = self.acts.iter().filter(|counted| self.by.contains(&counted.person));
        filling.map(|counted| counted.act).filter(move |act| told.insert(std::ptr::from_ref(*act)))
    }

    /// Whether somebody fills it in a role.
    #[must_use]
    pub fn wears(&self, role: &str) -> bool {
        self.filled().any(|(_, hat)| hat.is_some_and(|hat| hat.role == role))
    }

    /// What of the release somebody covers.
    #[must_use]
    pub fn covers(&self, person: usize) -> Option<&Bits> {
        self.wide.get(person)
    }
}

/// What every round looks at.
struct Round<'a, 's> {
    scene: &'a Scene<'s>,
    units: &'a Units<'s>,
    requirements: &'a [Requirement<'s>],
    candidates: &'a [Candidate<'s>],
}

/// Who could ever fill a role, its whole fallback chain included; `None` where it cannot be read who that is.
pub fn potential<'s>(scene: &Scene<'s>, requirement: &Requirement<'s>) -> Option<Vec<Person>> {
    let mut people = Vec::new();
    let apart = requirement.apart.as_deref();
    for role in std::iter::once(requirement.role).chain(standins::chain(scene, requirement.role)) {
        let holders = roles::eligible(scene, role);
        if holders.unreadable.is_some() {
            return None;
        }
        for person in holders.people {
            if !people.contains(&person) && separation::barred(scene, person, apart).is_ok() {
                people.push(person);
            }
        }
    }
    Some(people)
}
