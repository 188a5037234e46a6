//! Who fills what: own people and stand-ins, then authorities, tried in every way; and who rejects.

use std::collections::BTreeSet;

use countersign::model::facts::{Act, Change, Deed, Fact, Standing, Via};
use countersign::model::release_decision::{Class, Status};
use countersign::model::verdict::Verdict;

use super::kinds::{Kind, Leg};
use super::needs::{Need, Unit};
use super::spent::Used;
use super::who::{Person, Seat, View, order};
use crate::second::shape::RouteShape;
use crate::second::times;

/// What comes of approvals.
pub struct Seated {
    /// For each need, whether it is met.
    pub met: Vec<bool>,
    /// The approvals that still stand for what was shown.
    pub stands: Vec<String>,
    /// Whether the approvals that say why fill everything by themselves.
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

    /// Since when people are asked.
    pub fn asked(&self) -> i64 {
        let since = self.facts.release.asked_since.map(|since| since.timestamp());
        since.into_iter().chain([self.submitted()]).max().unwrap()
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
    pub fn standing_in(&self, need: &Need<'_>) -> Vec<&'static str> {
        let mut all = vec![need.role];
        let mut asked_at = self.asked();
        for pair in self.chain(need.role).windows(2) {
            let (role, fallback) = (pair[0], pair[1]);
            let shape = self.shape.role(role).unwrap();
            let (seats, unread) = self.seats(role);
            let mut holders = seats.iter().filter(|(_, seat)| *seat == Seat::Fair).map(|(person, _)| *person);
            let out = |person: Person| self.away(person) || self.unable(person) || self.kept_out(person, need);
            let perhaps = seats.iter().any(|(person, seat)| *seat == Seat::Doubtful && !out(*person));
            let nobody = holders.all(out) && !perhaps;
            if !(unread || nobody) {
                let Some(after) = shape.after else { break };
                let week = shape.week.unwrap_or(self.shape.business);
                let due = times::due(after, week, self.shape.london, asked_at);
                if self.now < due || self.answered(role, due, need) {
                    break;
                }
                asked_at = due;
            }
            all.push(fallback);
        }
        all
    }

    /// Whether a holder of a role answered before an instant.
    fn answered(&self, role: &str, before: i64, need: &Need<'_>) -> bool {
        let fair = self.fair(role);
        self.acts.iter().any(|act| {
            let at = act.at.timestamp();
            matches!(act.does, Deed::Approve { .. } | Deed::Reject {} | Deed::Comment {})
                && (!matches!(act.does, Deed::Approve { .. }) || act.standing == Standing::Stands)
                && !View::elsewhere(act)
                && !self.withdrawn(act)
                && (act.via != Via::Review || self.of_a_change(act))
                && self.submitted() <= at
                && at < before
                && fair.contains(&self.person(&act.by))
                && !self.kept_out(self.person(&act.by), need)
        })
    }

    /// Whether a review is of any change that goes, or may be.
    fn of_a_change(&self, act: &Act) -> bool {
        let changes = &act.saw.changes;
        changes.is_empty()
            || self.facts.release.changes.unavailable().is_some()
            || self.changes().iter().any(|change| changes.contains_key(&change.id))
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
            times::due(length, self.shape.business, self.shape.london, self.asked()) <= self.now
        };
        to.into_iter()
            .enumerate()
            .filter(|(number, _)| asked(*number))
            .map(|(_, role)| (role, escalate.last == Some(role)))
            .collect()
    }

    fn approvals(&self, verdict: Verdict, used: Used, back: bool, emergency: bool) -> Vec<&'w Act> {
        let counts = |act: &&&Act| {
            matches!(act.does, Deed::Approve { .. })
                && self.acting(act).is_some_and(|person| !self.excluded(person))
                && self.bound(act, verdict, used, back, emergency)
        };
        self.acts.iter().filter(counts).copied().collect()
    }

    fn power(&self, person: Person, need: &Need<'w>, acts: &[&'w Act]) -> Power {
        let mut power = Power::default();
        let standing = self.standing_in(need);
        let chain = self.chain(need.role);
        let authorities = self.shared_authorities(need);
        for act in acts.iter().filter(|act| self.person(&act.by) == person) {
            let fits = |roles: &[&'static str]| roles.iter().any(|role| self.fits(act, need, role));
            for (at, _) in need.scope.iter().enumerate().filter(|(_, unit)| self.covers(act, unit)) {
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

    pub fn seat(&self, needs: &[Need<'w>], verdict: Verdict, used: Used, back: bool, emergency: bool) -> Seated {
        let acts = self.approvals(verdict, used, back, emergency);
        let mut seated = self.seat_by(needs, acts.clone());
        // A word leaves a gate out for a day, and no longer than a waiver may run.
        let longest = self.shape.waivers.as_ref().and_then(|rule| rule.max_hours).unwrap_or(24).min(24);
        let reasoned = acts.into_iter().filter(|act| {
            act.reason.as_ref().is_some_and(|reason| says(reason, 1)) && self.now < act.at.timestamp() + longest * 3600
        });
        seated.reasons = !needs.is_empty() && self.seat_by(needs, reasoned.collect()).met.iter().all(|met| *met);
        seated
    }

    fn seat_by(&self, needs: &[Need<'w>], acts: Vec<&'w Act>) -> Seated {
        let people: Vec<Person> =
            acts.iter().map(|act| self.person(&act.by)).collect::<BTreeSet<_>>().into_iter().collect();
        let powers: Vec<Vec<Power>> =
            people.iter().map(|person| needs.iter().map(|need| self.power(*person, need, &acts)).collect()).collect();
        let nobody = vec![false; needs.len()];
        let best = self.choose(needs, &powers, &nobody, &[]);
        let mut met: Vec<bool> =
            needs.iter().enumerate().map(|(at, need)| best[at] >= need.total() && !need.scope.is_empty()).collect();
        // A final word fills what it is about; who has spoken it fills nothing else. Who of those who may speak does,
        // is tried in every way.
        if met.contains(&false) {
            let may: Vec<Vec<usize>> = needs
                .iter()
                .map(|need| (0..people.len()).filter(|at| self.final_word(people[*at], need, &acts)).collect())
                .collect();
            let mut words: Vec<Vec<Option<usize>>> = vec![Vec::new()];
            for may in &may {
                let silent = words.iter().map(|so_far| [so_far.as_slice(), &[None]].concat());
                let spoken = words
                    .iter()
                    .flat_map(|so_far| may.iter().map(move |by| [so_far.as_slice(), &[Some(*by)]].concat()));
                words = silent.chain(spoken).collect();
            }
            for way in words.iter().filter(|way| way.iter().any(Option::is_some)) {
                let spoken: Vec<bool> = way.iter().map(Option::is_some).collect();
                let out: Vec<usize> = way.iter().flatten().copied().filter(|_| self.shape.distinct).collect();
                let best = self.choose(needs, &powers, &spoken, &out);
                let now: Vec<bool> = needs
                    .iter()
                    .enumerate()
                    .map(|(at, need)| spoken[at] || (best[at] >= need.total() && !need.scope.is_empty()))
                    .collect();
                let number = |met: &[bool]| met.iter().filter(|met| **met).count();
                if number(&now) > number(&met) {
                    met = now;
                }
            }
        }
        Seated { met, stands: acts.iter().map(|act| act.id.clone()).collect(), reasons: false }
    }

    /// How many people each need has when people are put on needs in the best way: what comes first in the policy comes
    /// first. Some needs are filled already, and some people fill nothing more.
    fn choose(&self, needs: &[Need<'w>], powers: &[Vec<Power>], done: &[bool], out: &[usize]) -> Vec<usize> {
        let able = |person: usize, need: usize| {
            let power = &powers[person][need];
            let nothing = power.own.is_empty() && power.chain.is_empty() && power.authority.is_empty();
            !nothing && !done[need] && !out.contains(&person)
        };
        let mut best: Vec<usize> = vec![0; needs.len()];
        let mut consider = |choice: &[Vec<usize>]| {
            let count = |(at, need): (usize, &Need<'w>)| {
                let with: Vec<&Power> = choice[at].iter().map(|person| &powers[*person][at]).collect();
                filled(need, &with)
            };
            let filled: Vec<usize> = needs.iter().enumerate().map(count).collect();
            if filled > best {
                best = filled;
            }
        };
        if !self.shape.distinct {
            let everybody =
                |need: usize| (0..powers.len()).filter(|person| able(*person, need)).collect::<Vec<usize>>();
            consider(&(0..needs.len()).map(everybody).collect::<Vec<_>>());
            return best;
        }
        let mut places = vec![needs.len(); powers.len()];
        loop {
            let choice: Vec<Vec<usize>> = (0..needs.len())
                .map(|need| (0..powers.len()).filter(|person| places[*person] == need).collect())
                .collect();
            consider(&choice);
            // The next way, as an odometer turns, past places where somebody can do nothing.
            let mut at = 0;
            while at < powers.len() {
                places[at] = (places[at] + 1) % (needs.len() + 1);
                while places[at] < needs.len() && !able(at, places[at]) {
                    places[at] += 1;
                }
                if places[at] != needs.len() {
                    break;
                }
                at += 1;
            }
            if at == powers.len() {
                return best;
            }
        }
    }

    /// Whether somebody approved all that a need is about as a final authority that is asked.
    fn final_word(&self, person: Person, need: &Need<'w>, acts: &[&'w Act]) -> bool {
        if need.representation || need.scope.is_empty() {
            return false;
        }
        let last =
            |role: &&'static str| need.routes.iter().all(|route| self.authorities_of(route).contains(&(*role, true)));
        let roles: Vec<&'static str> = self.shared_authorities(need).into_iter().filter(last).collect();
        need.scope.iter().all(|unit| {
            acts.iter().any(|act| {
                self.person(&act.by) == person
                    && self.covers(act, unit)
                    && roles.iter().any(|role| self.fits(act, need, role))
            })
        })
    }

    /// The roles whose holders may speak against a release.
    pub fn heard_roles(&self, needs: &[Need<'w>], legs: &[Leg<'w>], kind: &Kind) -> BTreeSet<&'static str> {
        let mut roles: BTreeSet<&'static str> = BTreeSet::new();
        for need in needs {
            roles.extend(self.chain(need.role));
            for escalate in need.routes.iter().filter_map(|route| route.escalate.as_ref()) {
                roles.extend(escalate.to.iter().chain(&escalate.last));
            }
        }
        for row in legs.iter().flat_map(|leg| self.rows_waited_for(leg, kind)) {
            roles.extend(row.consulted.iter().map(|(role, _)| *role));
            roles.extend(row.accountable.into_iter().flat_map(|role| self.chain(role)));
        }
        for leg in legs.iter().filter(|leg| leg.formal && leg.route.is_none()) {
            for way in self.perhaps(leg, kind) {
                let (needs, _) = self.needs(std::slice::from_ref(&way), kind);
                roles.extend(self.heard_roles(&needs, std::slice::from_ref(&way), kind));
            }
        }
        roles
    }

    /// How each rejection stands, and whether it is a final word, or may be.
    pub fn rejections(
        &self,
        needs: &[Need<'w>],
        legs: &[Leg<'w>],
        kind: &Kind,
        verdict: Verdict,
        used: Used,
        after: i64,
    ) -> Vec<(Status, bool)> {
        let roles = self.heard_roles(needs, legs, kind);
        let mut routes: Vec<&RouteShape> = Vec::new();
        for route in legs.iter().filter(|leg| leg.formal).filter_map(|leg| leg.route) {
            let asks = needs.iter().any(|need| need.routes.iter().any(|known| known.name == route.name));
            if asks && !routes.iter().any(|known| known.name == route.name) {
                routes.push(route);
            }
        }
        let back = View::recovers(legs);
        let approvals = self.approvals(verdict, used, back, kind.class == Class::Emergency);
        let mut all = Vec::new();
        for act in &self.with_ahead {
            if !matches!(act.does, Deed::Reject {}) || act.at.timestamp() <= after {
                continue;
            }
            let Some(doubt) = self.heard(act, &roles) else { continue };
            all.extend(self.standing_rejection(act, doubt, needs, &routes, &approvals));
        }
        all
    }

    /// Whether a rejection is heard: `Some(true)` where that is in doubt.
    pub fn heard(&self, act: &Act, roles: &BTreeSet<&'static str>) -> Option<bool> {
        if View::of_somebody_else(act) || self.withdrawn(act) || View::elsewhere(act) || self.of_another(act) {
            return None;
        }
        if self.lifted(act) {
            return None;
        }
        self.had_a_say(act, roles)
    }

    /// Whether who did something has a say in one of some roles, or had it before his account was closed: `Some(true)` where
    /// that is in doubt.
    pub fn had_a_say(&self, act: &Act, roles: &BTreeSet<&'static str>) -> Option<bool> {
        let person = self.person(&act.by);
        let known = self.facts.accounts.get(act.by.as_str());
        let out = known.is_some_and(
            |known| matches!(&known.kind, Fact::Known(kind) if *kind != countersign::model::facts::AccountKind::Person),
        );
        if out {
            return None;
        }
        let (mut fair, mut doubtful) = (false, false);
        for role in roles {
            if !self.may_hold(person) || !self.shape.role(role).is_some_and(|role| role.may_approve) {
                continue;
            }
            let (seats, unread) = self.seats(role);
            let theirs: Vec<Seat> = seats.iter().filter(|(owner, _)| *owner == person).map(|(_, seat)| *seat).collect();
            fair |= theirs.contains(&Seat::Fair) || theirs.contains(&Seat::OfHisOwn);
            doubtful |= (theirs.is_empty() && unread) || theirs.contains(&Seat::Doubtful);
        }
        doubtful |= self.link_unknown(act.by.as_str());
        let certain = View::of_nobody_else(act) && !self.link_unknown(act.by.as_str());
        if fair && self.was_human(&act.by) && certain {
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
        let approves = |later: &&&Act| {
            self.person(&later.by) == person
                && order(later) > order(act)
                && matches!(later.does, Deed::Approve { .. })
                && later.standing != Standing::Edited
                && View::of_nobody_else(later)
                && self.was_human(&later.by)
        };
        let later: Vec<&Act> = self.acts.iter().filter(approves).copied().collect();
        let rejected = &act.saw.changes;
        let reviewed = act.via == Via::Review
            && !rejected.is_empty()
            && later
                .iter()
                .filter(|later| later.via == Via::Review)
                .any(|later| rejected.keys().all(|id| later.saw.changes.contains_key(id)));
        // Approvals of a release have to say of what, and of every change that was rejected and still goes.
        let says =
            |it: &Act| !it.saw.changes.is_empty() || !it.saw.components.is_empty() || !it.saw.artifacts.is_empty();
        let of_release: Vec<&&Act> = later
            .iter()
            .filter(|it| it.via != Via::Review && self.is_here(it) && says(it) && self.names_something_made(it))
            .collect();
        let one = |id: &String, content: &String| of_release.iter().any(|it| it.saw.changes.get(id) == Some(content));
        let answered = |(id, content): (&String, &String)| {
            let now = match &self.facts.release.changes {
                Fact::Known(changes) => changes.iter().find(|change| change.id == *id).map(|change| &change.content),
                Fact::Absent => None,
                Fact::Unavailable(_) => return one(id, content),
            };
            one(id, content) || now.is_none_or(|now| one(id, now))
        };
        // Whoever rejected without naming a change rejected each that goes.
        let goes = || match &self.facts.release.changes {
            Fact::Known(changes) => changes.iter().all(|change| one(&change.id, &change.content)),
            Fact::Absent => true,
            Fact::Unavailable(_) => false,
        };
        let all = if rejected.is_empty() { goes() } else { rejected.iter().all(answered) };
        reviewed || (!of_release.is_empty() && all && self.made_good(act, &of_release))
    }

    /// Whether approvals name the components and artifacts that were rejected, or those that go now; of a rejection that
    /// names nothing, all that goes.
    fn made_good(&self, act: &Act, later: &[&&Act]) -> bool {
        let goes = &self.facts.release.components;
        let plain = |digest: &String| digest.to_lowercase().trim_start_matches("sha256:").to_owned();
        let content =
            |name: &String, wanted: &String| later.iter().any(|it| it.saw.components.get(name) == Some(wanted));
        let artifact =
            |wanted: &String| later.iter().any(|it| it.saw.artifacts.iter().any(|had| plain(had) == plain(wanted)));
        let all_stated = self.components().iter().all(|it| goes.contains_key(it.name));
        let now = |name: &String| match goes.get(name).map(|it| &it.content) {
            Some(Fact::Known(wanted)) => content(name, wanted),
            Some(Fact::Unavailable(_)) => false,
            Some(Fact::Absent) | None => all_stated,
        };
        let built = all_stated
            && goes
                .values()
                .all(|it| it.artifacts.unavailable().is_none() && it.artifacts.entries().iter().all(artifact));
        let saw = &act.saw;
        if saw.changes.is_empty() && saw.components.is_empty() && saw.artifacts.is_empty() {
            return goes.keys().all(now) && built;
        }
        // Who says of no component, or of no artifact, means all of them, unless he reviewed a change.
        let means_all = act.via != Via::Review;
        let components = if saw.components.is_empty() && means_all {
            goes.keys().all(now)
        } else {
            saw.components.iter().all(|(name, wanted)| content(name, wanted) || now(name))
        };
        let artifacts = !saw.artifacts.is_empty() || !means_all;
        components && (built || artifacts && saw.artifacts.iter().all(artifact))
    }

    fn standing_rejection(
        &self,
        act: &Act,
        doubt: bool,
        needs: &[Need<'w>],
        routes: &[&RouteShape],
        approvals: &[&'w Act],
    ) -> Option<(Status, bool)> {
        let person = self.person(&act.by);
        let reasoned =
            act.reason.as_ref().is_some_and(|reason| says(reason, self.shape.reason)) || self.shape.reason == 0;
        // Of what was edited nobody knows what it said.
        if !reasoned && act.standing != Standing::Edited {
            let until = times::due(self.shape.holds, self.shape.business, self.shape.london, act.at.timestamp());
            if self.now >= until {
                return None;
            }
        }
        let is_final = |role: &str| {
            routes.iter().any(|route| {
                route.escalate.as_ref().is_some_and(|escalate| escalate.last == Some(role))
                    && (self.authorities_of(route).iter().any(|(asked, _)| *asked == role)
                        || needs.iter().any(|need| need.role == role))
            })
        };
        if reasoned && self.shape.roles.iter().any(|role| is_final(role.name) && self.holds(person, role.name)) {
            // A final word of which it is not known whether it counts is overruled by nobody either.
            return Some((if doubt { Status::Unknown } else { Status::Rejected }, true));
        }
        if reasoned && self.shape.roles.iter().any(|role| is_final(role.name) && self.perhaps_holds(person, role.name))
        {
            // Nor is one overruled that may be final.
            return Some((if doubt { Status::Unknown } else { Status::Unmet }, true));
        }
        let overruled = !routes.is_empty()
            && routes.iter().all(|route| {
                let asked = self.authorities_of(route);
                let rejects_as_authority =
                    asked.iter().any(|(role, _)| self.holds(person, role) || self.perhaps_holds(person, role));
                approvals.iter().any(|approval| {
                    order(approval) > order(act)
                        && asked.iter().any(|(role, last)| {
                            (*last || !rejects_as_authority)
                                && needs
                                    .iter()
                                    .filter(|need| !need.representation)
                                    .filter(|need| need.routes.iter().any(|known| known.name == route.name))
                                    .any(|need| {
                                        self.fits(approval, need, role)
                                            && need.scope.iter().all(|unit| self.covers(approval, unit))
                                    })
                        })
                })
            });
        if overruled {
            return None;
        }
        Some((if doubt { Status::Unknown } else { Status::Unmet }, false))
    }

    /// For each change, whether somebody independent approved it.
    pub fn changes_unapproved(&self, needs: &[Need<'_>], stands: &[String]) -> bool {
        // An approval of the release has to count for each need of the change's way, by where and when it was given.
        let approved = |at: usize, change: &Change, need: Option<&Need<'_>>| {
            self.acts.iter().any(|act| {
                let in_time = need.is_none_or(|need| self.in_time(act, need));
                (act.via == Via::Review || stands.contains(&act.id) && in_time)
                    && self.approves_change(act, at, change).is_some()
            })
        };
        self.changes().iter().enumerate().any(|(at, change)| {
            let mut on_its_way = needs.iter().filter(|need| need.scope.contains(&Unit::Change(at)));
            !approved(at, change, None) || on_its_way.any(|need| !approved(at, change, Some(need)))
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
