//! The third round: the authorities that are asked because nobody decided, and the final word.

use super::{Counted, Hat, Kind, Round, Seating};
use crate::decide::people::Person;
use crate::decide::rejections::{Rejection, Word};
use crate::decide::roles;
use crate::decide::scene::Scene;
use crate::decide::separation;
use crate::decide::standins::{self, Authority};
use crate::policy::rules::Route;

impl<'s> Seating<'s> {
    /// The third round: authorities fill what is missing, and the last one's word fills all.
    pub(super) fn escalate(&mut self, round: &Round<'_, 's>) {
        for route in round.requirements.iter().flat_map(|requirement| &requirement.routes) {
            if !self.asked.iter().any(|(known, _)| known.name == route.name) {
                self.asked.push((route, standins::asked(round.scene, route)));
            }
        }
        for (at, requirement) in round.requirements.iter().enumerate() {
            if requirement.kind == Kind::Representation {
                continue;
            }
            let Some(first) = requirement.routes.first() else { continue };
            let authorities: Vec<Authority<'s>> = self.authorities(first).to_vec();
            for authority in authorities {
                let on = |route: &&Route| {
                    self.authorities(route).iter().find(|other| other.role == authority.role).map(|other| other.last)
                };
                let asked: Vec<Option<bool>> = requirement.routes.iter().map(on).collect();
                if asked.iter().all(Option::is_some) {
                    // Its word is final here only where every route says so.
                    let last = asked.iter().all(|last| *last == Some(true));
                    let because = standins::told_of(round.scene, first, &Authority { last, ..authority });
                    self.wear(
                        round,
                        at,
                        Hat { role: authority.role, because: Some(because), authority: Some(last), second: false },
                    );
                }
            }
        }
        if self.met() {
            return;
        }
        self.fill(round);
        if self.met() {
            return;
        }
        self.speak(round);
    }

    /// Final words fill what they are about. Who has spoken one fills nothing else; so those speak with whom most is
    /// filled, and as few of them as can be.
    fn speak(&mut self, round: &Round<'_, 's>) {
        let able: Vec<Vec<usize>> = self
            .seats
            .iter()
            .zip(round.requirements)
            .map(|(seat, requirement)| {
                let last = |counted: &&Counted<'s>| {
                    seat.hats.get(counted.hat).is_some_and(|hat| hat.authority == Some(true))
                        && seat.last.get(counted.person).is_some_and(|covered| covered.holds(&requirement.scope))
                };
                seat.acts.iter().filter(last).map(|counted| counted.person).collect()
            })
            .collect();
        let mut speakers: Vec<usize> = able.iter().flatten().copied().collect();
        speakers.sort_unstable();
        speakers.dedup();
        let mut ways = vec![speakers.clone()];
        if round.scene.rules.separation.distinct_people {
            ways = some_of(&speakers);
        }
        let mut best: Option<(usize, &[usize])> = None;
        for way in &ways {
            self.spoken_by(round, &able, way);
            let met = self.seats.iter().filter(|seat| seat.met).count();
            if best.is_none_or(|(most, _)| met > most) {
                best = Some((met, way));
            }
            if self.met() {
                return;
            }
        }
        if let Some((_, way)) = best {
            self.spoken_by(round, &able, way);
        }
    }

    /// Fills with the final words of some people what those are about, and the rest with everybody else.
    fn spoken_by(&mut self, round: &Round<'_, 's>, able: &[Vec<usize>], speakers: &[usize]) {
        for (seat, able) in self.seats.iter_mut().zip(able) {
            let by = speakers.iter().find(|person| able.contains(person));
            seat.by_final_word = by.is_some();
            if let Some(person) = by {
                (seat.by, seat.met) = (vec![*person], true);
            }
        }
        self.fill(round);
    }

    fn authorities(&self, route: &Route) -> &[Authority<'s>] {
        self.asked.iter().find(|(known, _)| known.name == route.name).map_or(&[], |(_, authorities)| authorities)
    }

    /// Whether somebody's rejection is final: he holds the role whose word is, and it is asked by now or is one of those
    /// that the release needs anyway.
    #[must_use]
    pub fn word(&self, scene: &Scene<'s>, routes: &[&'s Route], person: Person) -> Word {
        let last = routes.iter().filter_map(|route| {
            let last = route.escalate.as_ref().and_then(|it| it.last.as_deref())?;
            let asked = self.authorities(route).iter().any(|authority| authority.role == last);
            let is_asked = asked || self.seats.iter().any(|seat| seat.hats.first().is_some_and(|hat| hat.role == last));
            is_asked.then_some(last)
        });
        let last: Vec<&str> = last.collect();
        if last.iter().any(|role| roles::seated(scene, person, role)) {
            return Word::Final;
        }
        let perhaps = last.iter().find(|role| roles::perhaps_seated(scene, person, role));
        perhaps.map_or(Word::Plain, |role| Word::PerhapsFinal((*role).to_owned()))
    }

    /// Who overrules a rejection, if on every route an authority that is asked approved after it, and all of what goes:
    /// the last one overrules everybody, another only those who are no authorities. Who saw a part of it, as before a
    /// push, has not weighed what was rejected.
    #[must_use]
    pub fn overruled(
        &self,
        scene: &Scene<'s>,
        routes: &[&'s Route],
        rejection: &Rejection<'s>,
    ) -> Option<Vec<&'s str>> {
        let mut by: Vec<&str> = Vec::new();
        for route in routes {
            let authorities = self.authorities(route);
            // Whoever may be one is taken for one.
            let equal = authorities.iter().any(|authority| {
                let (by, role) = (rejection.person, authority.role);
                roles::seated(scene, by, role) || roles::perhaps_seated(scene, by, role)
            });
            // What counts elsewhere says nothing here: on this route it may be expired, or given where nothing counts.
            let here = self.seats.iter().filter(|seat| seat.routes.contains(&route.name.as_str()));
            let counted = here.flat_map(|seat| seat.acts.iter().map(move |counted| (seat, counted)));
            let mut overruling = counted.filter(|(seat, counted)| {
                let hat = seat.hats.get(counted.hat).filter(|hat| hat.authority.is_some());
                let word = hat.and_then(|hat| authorities.iter().find(|authority| authority.role == hat.role));
                counted.whole
                    && counted.act.at > rejection.act.at
                    && self.person(counted.person) != rejection.person
                    && word.is_some_and(|authority| authority.last || !equal)
            });
            let (_, counted) = overruling.next()?;
            let name = scene.people.name(self.person(counted.person));
            if !by.contains(&name) {
                by.push(name);
            }
        }
        (!by.is_empty()).then_some(by)
    }
}

impl<'s> Seating<'s> {
    /// Who could overrule a rejection by now, by name: those whose word is final on every route that is asked.
    #[must_use]
    pub fn could_overrule(&self, scene: &Scene<'s>, routes: &[&'s Route], rejection: &Rejection<'s>) -> Vec<String> {
        let last = |route: &Route| self.authorities(route).iter().find(|it| it.last).map(|it| it.role);
        let Some(role) = routes.first().and_then(|route| last(route)) else { return Vec::new() };
        if !routes.iter().all(|route| last(route) == Some(role)) {
            return Vec::new();
        }
        let able = roles::eligible(scene, role)
            .people
            .into_iter()
            .filter(|person| *person != rejection.person && separation::barred(scene, *person, None).is_ok());
        able.map(|person| scene.people.name(person).to_owned()).collect()
    }
}

/// Of more people than these not all ways are tried, and what is not found does not open.
const SPEAKERS: usize = 6;

/// Some of a few people, in every way: one alone before two together, the first before the later.
fn some_of(people: &[usize]) -> Vec<Vec<usize>> {
    let mut ways: Vec<Vec<usize>> = vec![Vec::new()];
    for person in people.iter().take(SPEAKERS) {
        let with = ways.iter().map(|way| way.iter().chain([person]).copied().collect()).collect::<Vec<_>>();
        ways.extend(with);
    }
    ways.retain(|way| !way.is_empty());
    ways.sort_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
    ways
}
