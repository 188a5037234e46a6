//! Who fills what: own people and stand-ins, then authorities, tried in every way; and who rejects.

use std::collections::BTreeSet;

use countersign::model::facts::{Act, Deed, Fact, Standing, Via};
use countersign::model::release_decision::Status;
use countersign::model::verdict::Verdict;

use super::kinds::{Kind, Leg};
use super::needs::{Need, Unit, Used};
use super::who::{Person, Seat, View, order};
use crate::second::shape::{HERE, RouteShape};
use crate::second::times;

/// What comes of approvals.
pub struct Seated {
    /// For each need, whether it is met.
    pub met: Vec<bool>,
    /// The acts that count.
    pub counted: Vec<String>,
    /// Whether everybody who fills something said why.
    pub reasons: bool,
}

/// What of a need a person can fill.
#[derive(Clone, Debug, Default)]
struct Power {
    /// As one of the role or who stands in now.
    own: Vec<usize>,
    /// As one of the chain of stand-ins, asked or not.
    chain: Vec<usize>,
    /// As an authority.
    authority: Vec<usize>,
}

impl<'w> View<'w> {
    pub fn submitted(&self) -> i64 {
        self.facts.release.submitted_at.timestamp()
    }

    /// A role and everybody who could ever stand in for it.
    pub fn chain(&self, role: &'static str) -> Vec<&'static str> {
        let mut all = vec![role];
        while let Some(next) = self.shape.role(all[all.len() - 1]).and_then(|role| role.fallback) {
            if all.contains(&next) {
                break;
            }
            all.push(next);
        }
        all
    }

    /// The role and who stands in for it now.
    pub fn standing_in(&self, role: &'static str) -> Vec<&'static str> {
        let mut all = vec![role];
        let mut asked_at = self.submitted();
        for pair in self.chain(role).windows(2) {
            let (role, fallback) = (pair[0], pair[1]);
            let shape = self.shape.role(role).unwrap();
            let (seats, unread) = self.seats(role);
            let mut holders = seats.iter().filter(|(_, seat)| *seat == Seat::Fair).map(|(person, _)| *person);
            let nobody = holders.all(|person| {
                self.away(person) || self.unable(person) || self.excluded(person) || !self.may_hold(person)
            });
            if !(unread || nobody || !shape.may_approve) {
                let Some(after) = shape.after else { break };
                let week = shape.week.unwrap_or(self.shape.business);
                let due = times::due(after, week, self.shape.london, asked_at);
                if self.now < due || self.answered(role, due) {
                    break;
                }
                asked_at = due;
            }
            all.push(fallback);
        }
        all
    }

    /// Whether a holder of a role answered before an instant.
    fn answered(&self, role: &str, before: i64) -> bool {
        let fair = self.fair(role);
        self.acts.iter().any(|act| {
            let at = act.at.timestamp();
            matches!(act.does, Deed::Approve { .. } | Deed::Reject {} | Deed::Comment {})
                && self.submitted() <= at
                && at < before
                && self.acting(act).is_some_and(|person| fair.contains(&person) && !self.excluded(person))
        })
    }

    /// The authorities of a route that are asked by now, and whether each has the final word.
    pub fn authorities_of(&self, route: &RouteShape) -> Vec<(&'static str, bool)> {
        let Some(escalate) = &route.escalate else { return Vec::new() };
        let mut to = escalate.to.clone();
        if let Some(last) = escalate.last
            && !to.contains(&last)
        {
            to.push(last);
        }
        let asked = |number: usize| {
            let length = times::times(escalate.after, i64::try_from(number).unwrap() + 1);
            times::due(length, self.shape.business, self.shape.london, self.submitted()) <= self.now
        };
        to.into_iter()
            .enumerate()
            .filter(|(number, _)| asked(*number))
            .map(|(_, role)| (role, escalate.last == Some(role)))
            .collect()
    }

    fn approvals(&self, verdict: Verdict, used: Used) -> Vec<&'w Act> {
        let counts = |act: &&&Act| {
            matches!(act.does, Deed::Approve { .. })
                && self.acting(act).is_some_and(|person| !self.excluded(person))
                && self.bound(act, verdict, used)
        };
        self.acts.iter().filter(counts).copied().collect()
    }

    fn power(&self, person: Person, need: &Need<'w>, acts: &[&'w Act]) -> Power {
        let mut power = Power::default();
        let standing = if need.representation { vec![need.role] } else { self.standing_in(need.role) };
        let chain = if need.representation { vec![need.role] } else { self.chain(need.role) };
        let authorities = self.shared_authorities(need);
        for act in acts.iter().filter(|act| self.person(&act.by) == person) {
            let fits = |roles: &[&'static str]| roles.iter().any(|role| self.fits(act, need, role));
            for (at, unit) in need.scope.iter().enumerate().filter(|(_, unit)| self.covers(act, unit)) {
                let _ = unit;
                if fits(&standing) {
                    power.own.push(at);
                }
                if fits(&chain) {
                    power.chain.push(at);
                }
                if fits(&authorities) {
                    power.authority.push(at);
                }
            }
        }
        power
    }

    /// Authorities that every route of a need asks by now.
    fn shared_authorities(&self, need: &Need<'w>) -> Vec<&'static str> {
        if need.representation {
            return Vec::new();
        }
        let of = |route: &RouteShape| -> Vec<&'static str> {
            self.authorities_of(route).into_iter().map(|(role, _)| role).collect()
        };
        let mut shared = need.routes.first().map(|route| of(route)).unwrap_or_default();
        for route in &need.routes {
            let theirs = of(route);
            shared.retain(|role| theirs.contains(role));
        }
        shared
    }

    pub fn seat(&self, needs: &[Need<'w>], verdict: Verdict, used: Used) -> Seated {
        let acts = self.approvals(verdict, used);
        let people: Vec<Person> =
            acts.iter().map(|act| self.person(&act.by)).collect::<BTreeSet<_>>().into_iter().collect();
        let powers: Vec<Vec<Power>> =
            people.iter().map(|person| needs.iter().map(|need| self.power(*person, need, &acts)).collect()).collect();
        let able: Vec<Vec<bool>> = powers
            .iter()
            .map(|row| {
                row.iter()
                    .map(|it| !(it.own.is_empty() && it.chain.is_empty() && it.authority.is_empty()))
                    .collect()
            })
            .collect();
        // Who is put where: nowhere, or one need each; with one person for several, everybody everywhere.
        let mut best: Vec<usize> = vec![0; needs.len()];
        let mut best_choice: Vec<Vec<usize>> = vec![Vec::new(); needs.len()];
        let mut consider = |choice: &[Vec<usize>]| {
            let filled: Vec<usize> = needs
                .iter()
                .enumerate()
                .map(|(at, need)| {
                    let with: Vec<&Power> = choice[at].iter().map(|person| &powers[*person][at]).collect();
                    filled(need, &with)
                })
                .collect();
            if filled > best {
                best = filled;
                best_choice = choice.to_vec();
            }
        };
        if self.shape.distinct {
            let mut places = vec![needs.len(); people.len()];
            loop {
                let choice: Vec<Vec<usize>> = (0..needs.len())
                    .map(|need| (0..people.len()).filter(|person| places[*person] == need).collect())
                    .collect();
                consider(&choice);
                // The next way, as an odometer turns, past places where somebody can do nothing.
                let mut at = 0;
                while at < people.len() {
                    places[at] = (places[at] + 1) % (needs.len() + 1);
                    while places[at] < needs.len() && !able[at][places[at]] {
                        places[at] += 1;
                    }
                    if places[at] != needs.len() {
                        break;
                    }
                    at += 1;
                }
                if at == people.len() {
                    break;
                }
            }
        } else {
            consider(&vec![(0..people.len()).collect(); needs.len()]);
        }
        let mut met: Vec<bool> = needs
            .iter()
            .enumerate()
            .map(|(at, need)| best[at] >= need.total() && !need.scope.is_empty())
            .collect();
        let mut counted: BTreeSet<String> = BTreeSet::new();
        let mut reasons = true;
        let mut some = false;
        for (at, choice) in best_choice.iter().enumerate() {
            for person in choice {
                let theirs: Vec<&&Act> = acts
                    .iter()
                    .filter(|act| self.person(&act.by) == people[*person])
                    .filter(|act| self.fits_any(act, &needs[at]))
                    .collect();
                if theirs.is_empty() {
                    continue;
                }
                some = true;
                reasons &= theirs.iter().any(|act| act.reason.as_ref().is_some_and(|reason| says(reason, 1)));
                counted.extend(theirs.iter().map(|act| act.id.clone()));
            }
        }
        for (at, need) in needs.iter().enumerate() {
            if !met[at] && let Some(by) = self.final_word(need, &acts) {
                met[at] = true;
                some = true;
                reasons &= by.reason.as_ref().is_some_and(|reason| says(reason, 1));
                counted.insert(by.id.clone());
            }
        }
        Seated { met, counted: counted.into_iter().collect(), reasons: reasons && some }
    }

    fn fits_any(&self, act: &Act, need: &Need<'w>) -> bool {
        let mut roles = self.chain(need.role);
        roles.extend(self.shared_authorities(need));
        roles.iter().any(|role| self.fits(act, need, role))
    }

    /// The approval of a final authority that is asked, of everything that a need is about.
    fn final_word(&self, need: &Need<'w>, acts: &[&'w Act]) -> Option<&'w Act> {
        if need.representation || need.scope.is_empty() {
            return None;
        }
        let shared: Vec<&'static str> = self
            .shared_authorities(need)
            .into_iter()
            .filter(|role| need.routes.iter().all(|route| self.authorities_of(route).contains(&(*role, true))))
            .collect();
        acts.iter().copied().find(|act| {
            shared.iter().any(|role| self.fits(act, need, role))
                && need.scope.iter().all(|unit| {
                    acts.iter().any(|other| {
                        self.person(&other.by) == self.person(&act.by)
                            && shared.iter().any(|role| self.fits(other, need, role))
                            && self.covers(other, unit)
                    })
                })
        })
    }

    /// How the rejections stand: the worst of them.
    pub fn rejections(
        &self,
        needs: &[Need<'w>],
        legs: &[Leg<'w>],
        kind: &Kind,
        verdict: Verdict,
        used: Used,
    ) -> Option<Status> {
        let mut roles: BTreeSet<&'static str> = BTreeSet::new();
        for need in needs {
            roles.extend(self.chain(need.role));
            for escalate in need.routes.iter().filter_map(|route| route.escalate.as_ref()) {
                roles.extend(escalate.to.iter().chain(&escalate.last));
            }
        }
        for leg in legs.iter().filter(|leg| leg.formal) {
            if leg.route.is_some_and(|route| route.approvals.iter().any(|(role, _)| *role == "accountable")) {
                for row in self.rows(leg.component, kind) {
                    roles.extend(row.consulted.iter().map(|(role, _)| *role));
                }
            }
        }
        let mut routes: Vec<&RouteShape> = Vec::new();
        for route in legs.iter().filter(|leg| leg.formal).filter_map(|leg| leg.route) {
            if !routes.iter().any(|known| known.name == route.name) {
                routes.push(route);
            }
        }
        let approvals = self.approvals(verdict, used);
        let mut worst = None;
        for act in &self.acts {
            if !matches!(act.does, Deed::Reject {}) {
                continue;
            }
            let Some(doubt) = self.heard(act, &roles) else { continue };
            let status = self.standing_rejection(act, doubt, needs, &routes, &approvals);
            worst = worst.max(status);
        }
        worst
    }

    /// Whether a rejection is heard: `Some(true)` where that is in doubt.
    fn heard(&self, act: &Act, roles: &BTreeSet<&'static str>) -> Option<bool> {
        if act.standing == Standing::Dismissed
            || act.impersonated_by.is_some()
            || self.withdrawn(act)
            || act.saw.environment.as_ref().is_some_and(|environment| *environment != HERE)
        {
            return None;
        }
        let person = self.person(&act.by);
        let known = self.facts.accounts.get(act.by.as_str());
        let out = known.is_some_and(|known| {
            matches!(&known.kind, Fact::Known(kind) if *kind != countersign::model::facts::AccountKind::Person)
                || known.active == Fact::Known(false)
        });
        if out || !self.may_hold(person) || self.lifted(act) {
            return None;
        }
        let (mut fair, mut doubtful) = (false, false);
        for role in roles {
            if !self.shape.role(role).is_some_and(|role| role.may_approve) {
                continue;
            }
            let (seats, unread) = self.seats(role);
            let theirs: Vec<Seat> = seats.iter().filter(|(owner, _)| *owner == person).map(|(_, seat)| *seat).collect();
            fair |= theirs.contains(&Seat::Fair);
            doubtful |= theirs.is_empty() && unread;
        }
        let human = self.human(&act.by);
        if fair && human {
            Some(false)
        } else if fair || doubtful {
            Some(true)
        } else {
            None
        }
    }

    /// Whether a later approval of the same person takes a rejection's place.
    fn lifted(&self, act: &Act) -> bool {
        let person = self.person(&act.by);
        self.acts.iter().filter(|later| self.person(&later.by) == person && order(later) > order(act)).any(|later| {
            matches!(later.does, Deed::Approve { .. })
                && later.standing != Standing::Edited
                && later.impersonated_by.is_none()
                && self.human(&later.by)
                && match later.via {
                    Via::Review => {
                        act.via == Via::Review
                            && act.saw.changes.keys().all(|id| later.saw.changes.contains_key(id))
                    }
                    _ => later.saw.environment.as_deref() == Some(HERE),
                }
        })
    }

    fn standing_rejection(
        &self,
        act: &Act,
        doubt: bool,
        needs: &[Need<'w>],
        routes: &[&RouteShape],
        approvals: &[&'w Act],
    ) -> Option<Status> {
        let person = self.person(&act.by);
        let reasoned = act.reason.as_ref().is_some_and(|reason| says(reason, self.shape.reason))
            || self.shape.reason == 0;
        if !reasoned {
            let until = times::due(self.shape.holds, self.shape.business, self.shape.london, act.at.timestamp());
            if self.now >= until {
                return None;
            }
        }
        let is_final = |role: &str| {
            routes.iter().any(|route| {
                route.escalate.as_ref().is_some_and(|escalate| escalate.last == Some(role))
                    && (self.authorities_of(route).iter().any(|(asked, _)| *asked == role)
                        || needs.iter().any(|need| self.holds(person, need.role)))
            })
        };
        if reasoned && !doubt && self.shape.roles.iter().any(|role| is_final(role.name) && self.holds(person, role.name))
        {
            return Some(Status::Rejected);
        }
        let overruled = !routes.is_empty()
            && routes.iter().all(|route| {
                let asked = self.authorities_of(route);
                let rejects_as_authority = asked.iter().any(|(role, _)| self.holds(person, role));
                approvals.iter().any(|approval| {
                    order(approval) > order(act)
                        && asked.iter().any(|(role, last)| {
                            (*last || !rejects_as_authority)
                                && needs
                                    .iter()
                                    .filter(|need| !need.representation)
                                    .filter(|need| need.routes.iter().any(|known| known.name == route.name))
                                    .any(|need| self.fits(approval, need, role))
                        })
                })
            });
        if overruled {
            return None;
        }
        Some(if doubt { Status::Unknown } else { Status::Unmet })
    }

    /// For each change, whether somebody independent approved it.
    pub fn changes_unapproved(&self, counted: &[String]) -> bool {
        self.changes().iter().enumerate().any(|(at, change)| {
            !self.acts.iter().any(|act| {
                (act.via == Via::Review || counted.contains(&act.id)) && self.approves_change(act, at, change).is_some()
            })
        })
    }
}

/// For how many people each unit of a need is covered, at least.
fn filled(need: &Need<'_>, with: &[&Power]) -> usize {
    let per_unit = |at: usize| {
        let own = with.iter().filter(|it| it.own.contains(&at) || it.authority.contains(&at)).count();
        let chain = with
            .iter()
            .filter(|it| !it.own.contains(&at) && !it.authority.contains(&at) && it.chain.contains(&at))
            .count();
        (own + chain.min(need.extra)).min(need.total())
    };
    (0..need.scope.len()).map(per_unit).min().unwrap_or(0)
}

/// Whether a text says something in at least so many characters. The generator's texts are few.
pub fn says(text: &str, least: usize) -> bool {
    if least == 0 {
        return true;
    }
    let plain = text.trim();
    let letters: BTreeSet<char> = plain.chars().filter(|it| it.is_alphanumeric()).collect();
    plain.chars().count() >= least && letters.len() >= if least >= 10 { 3 } else { 1 }
}

/// A unit's name, for a reader.
pub fn told(unit: &Unit) -> String {
    match unit {
        Unit::Change(at) => format!("change {at}"),
        Unit::Bare(name, _) => name.clone(),
    }
}
