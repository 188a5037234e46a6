//! What is said of approvals: how many, whose, which were ignored and why, and who can still give one.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};

use super::binding::{self, Candidate};
use super::consumption::{self, TakenBack};
use super::coverage::{Bits, Units};
use super::requirements::{self, Kind, Requirement};
use super::seats::{Hat, Seat, Seating, potential};
use crate::decide::hours;
use crate::decide::people::Person;
use crate::decide::roles::{self, Refusal};
use crate::decide::scene::Scene;
use crate::decide::separation;
use crate::decide::standins;
use crate::decide::words;
use crate::model::facts::Deployment;
use crate::model::ground::Ground;
use crate::model::release_decision::{Ask, Node, Status};
use crate::policy::calendar::told;
use crate::policy::rules::Route;

/// The same content goes again.
pub fn retry(scene: &Scene<'_>, first: DateTime<Utc>, until: DateTime<Utc>) -> Node {
    let zone = scene.rules.calendar.zone;
    Node::new(
        Ground::Retry,
        Status::Met,
        format!("opened for this very content {}; it may be retried until {}", told(first, zone), told(until, zone)),
    )
    .next(Some(until))
}

/// It would go again, had not somebody taken back what it was opened with.
pub fn taken_back(scene: &Scene<'_>, first: DateTime<Utc>, taken_back: &[TakenBack]) -> Option<Node> {
    let ended = taken_back.iter().filter(|it| it.ended(first)).min_by_key(|it| (it.at.is_none(), it.at))?;
    let end = scene.rules.calendar.due(first, scene.rules.retry_within);
    // One that is dated ahead was opened all the same.
    if ended.at.is_some_and(|at| at >= end) || first >= end || scene.clock.reached(end) {
        return None;
    }
    let zone = scene.rules.calendar.zone;
    let name = scene.people.name(ended.person);
    let opened = told(first, zone);
    let (code, what) = match ended.at {
        Some(at) => (
            Ground::Withdrawn,
            format!("{name} took the approval back {}, after it was opened {opened}", told(at, zone)),
        ),
        None => (
            Ground::Replaced,
            format!("{name}'s approval was edited or dismissed, perhaps after it was opened {opened}"),
        ),
    };
    Some(Node::new(code, Status::Note, format!("{what}, so it is not retried; ask for approvals anew")))
}

/// Something else went since.
pub fn superseded(scene: &Scene<'_>, by: &Deployment) -> Node {
    let when = told(by.opened_at, scene.rules.calendar.zone);
    if consumption::different(scene, by).is_none() {
        let says = format!(
            "whether `{}`, opened {when}, brought other content cannot be told; state what it brought, or release what is newer",
            by.release
        );
        return Node::new(Ground::Superseded, Status::Unknown, says).evidence([&by.release]);
    }
    let says = format!("`{}` was opened since, {when}; release what is newer, or go back by a recovery", by.release);
    Node::new(Ground::Superseded, Status::Unmet, says).evidence([&by.release])
}

/// Whether something newer went is not known, of what would go by itself.
pub fn unread(why: &str) -> Node {
    let says = format!("what was deployed could not be read, and so not whether something newer went since: {why}");
    Node::new(Ground::FactsUnavailable, Status::Unknown, says)
}

/// Something else went since, and this goes back from it.
pub fn goes_back(scene: &Scene<'_>, by: &Deployment) -> Node {
    let when = told(by.opened_at, scene.rules.calendar.zone);
    let says = format!("`{}` was opened since, {when}, and this goes back from it", by.release);
    Node::new(Ground::Superseded, Status::Note, says).evidence([&by.release])
}

/// One node for every requirement, and who is asked.
pub fn requirements<'s>(
    scene: &Scene<'s>,
    units: &Units<'s>,
    requirements: &[Requirement<'s>],
    candidates: &[Candidate<'s>],
    seating: &Seating<'s>,
    nodes: &mut Vec<Node>,
    asks: &mut Vec<Ask>,
) {
    let mut said = vec![false; candidates.len()];
    for (at, (requirement, seat)) in requirements.iter().zip(&seating.seats).enumerate() {
        let one = One { scene, units, requirement, seat, seating, at };
        let ignored = one.ignored(candidates, requirements.len() == 1, &mut said);
        nodes.push(one.node(ignored, asks));
    }
    let rest: Vec<Node> = candidates
        .iter()
        .zip(&said)
        .filter(|(candidate, said)| !**said && !seating.seats.iter().any(|seat| seat.counts(candidate.act)))
        .map(|(candidate, _)| {
            let refusal = match &candidate.base {
                Err(refusal) => refusal.clone(),
                Ok(_) => Refusal::new(Ground::NotInRole, "in none of the roles that are asked"),
            };
            ignored(scene, candidate, &refusal)
        })
        .collect();
    if !rest.is_empty() && !requirements.is_empty() {
        let says = format!("{} not counted", words::count(rest.len(), "approval is", "approvals are"));
        nodes.push(Node::new(Ground::Together, Status::Note, says).parts(rest));
    }
    nodes.extend(standins::refusals(scene, &|role| requirements.iter().any(|it| it.role == role)));
}

fn ignored(scene: &Scene<'_>, candidate: &Candidate<'_>, refusal: &Refusal) -> Node {
    let says = ["ignored ", scene.people.name(candidate.person), ": ", &refusal.says].concat();
    Node::new(refusal.ground, Status::Note, says).evidence([&candidate.act.id])
}

/// `ana: why`, `bo: why` and `cy: other` as `ana and bo: why` and `cy: other`.
fn together(said: &[&str]) -> Vec<String> {
    let mut found: Vec<(Vec<&str>, &str)> = Vec::new();
    for (name, why) in said.iter().map(|said| said.split_once(": ").unwrap_or((said, ""))) {
        match found.iter_mut().find(|(_, known)| *known == why) {
            Some((names, _)) if names.contains(&name) => {}
            Some((names, _)) => names.push(name),
            None => found.push((vec![name], why)),
        }
    }
    found.into_iter().map(|(names, why)| format!("{}: {why}", words::all_of(&names))).collect()
}

/// One requirement and everything around it.
struct One<'a, 's> {
    scene: &'a Scene<'s>,
    units: &'a Units<'s>,
    requirement: &'a Requirement<'s>,
    seat: &'a Seat<'s>,
    seating: &'a Seating<'s>,
    at: usize,
}

impl<'s> One<'_, 's> {
    /// The approvals that are about this requirement and do not count toward it.
    fn ignored(&self, candidates: &[Candidate<'s>], only: bool, said: &mut [bool]) -> Vec<Node> {
        let mut nodes = Vec::new();
        for (candidate, said) in candidates.iter().zip(said) {
            let role = self.requirement.role;
            let meant = candidate.role.map_or(only, |named| named == role);
            let refusal = match &candidate.base {
                Err(refusal) => {
                    let concerns = meant || roles::concerns(self.scene, candidate.person, role);
                    concerns.then(|| refusal.clone())
                }
                Ok(_) if self.seat.counts(candidate.act) => None,
                Ok(_) => {
                    let held = candidate.act.held.iter().any(|held| held == role);
                    let concerns = || held || meant || roles::concerns(self.scene, candidate.person, role);
                    let fits = binding::counts(self.scene, self.units, candidate, self.requirement, role);
                    let unheld =
                        || concerns().then(|| roles::holds(self.scene, candidate.person, role).err()).flatten();
                    let unheld = || unheld().map(|refusal| if held { refusal.no_longer(role) } else { refusal });
                    fits.map_or_else(unheld, Result::err)
                }
            };
            if let Some(refusal) = refusal {
                *said = true;
                nodes.push(ignored(self.scene, candidate, &refusal));
            }
        }
        nodes
    }

    /// What is said where the routes that ask accept approvals in no common place: nobody is sent round in circles.
    fn excluding(&self) -> Node {
        let requirement = self.requirement;
        let places = |route: &&Route| {
            let places: Vec<String> =
                requirements::places(route).iter().map(|place| format!("`{}`", requirements::via(*place))).collect();
            format!("`{}` from {}", route.name, words::any_of(&places))
        };
        let says = format!(
            "0 of {} approvals from {}: the routes accept them in no common place, {}; add one to `counts_from`, or release \
             what takes each route by itself",
            requirement.total(),
            requirement.role,
            words::all_of(&requirement.routes.iter().map(places).collect::<Vec<_>>())
        );
        let mut node = Node::new(Ground::ApprovalsMissing, Status::Unmet, says).stated(requirement.stated);
        node.digest = Some(requirement.digest.clone());
        node
    }

    fn node(&self, ignored: Vec<Node>, asks: &mut Vec<Ask>) -> Node {
        let requirement = self.requirement;
        if requirement.counts_from.is_empty() {
            return self.excluding();
        }
        let filled: Vec<(usize, Option<&Hat<'s>>)> = self.seat.filled().collect();
        let whole = |person: &usize| {
            self.seat.by_final_word
                || self.seat.covers(*person).is_some_and(|covered| covered.holds(&requirement.scope))
        };
        let number = filled.iter().filter(|(person, _)| whole(person)).count();
        let total = requirement.total();
        let shown = if self.seat.met { total } else { number.min(total) };
        let mut says = format!("{shown} of {total} approvals from {}", requirement.role);
        if self.seat.by_final_word {
            says = format!("approved for {}", requirement.role);
        }
        let names: Vec<String> = filled.iter().map(|(person, hat)| self.filler(*person, *hat, whole(person))).collect();
        if !names.is_empty() {
            says.push_str(": ");
            says.push_str(&names.join(", "));
        }
        let mut ignored_says: Vec<&str> = Vec::new();
        if !self.seat.met {
            // That a group could not be read is said once, of the role.
            let of_people = ignored.iter().filter(|node| node.code != Ground::RoleUnavailable);
            ignored_says.extend(of_people.map(|node| node.says.strip_prefix("ignored ").unwrap_or(&node.says)));
        }
        if !ignored_says.is_empty() {
            says.push_str("; ignored ");
            says.push_str(&words::all_of(&together(&ignored_says)));
        }
        if !self.seat.met
            && let Some(why) = roles::eligible(self.scene, requirement.role).unreadable
        {
            let _ = write!(says, "; who is in {} could not be read: {why}", requirement.role);
        }
        let mut parts = Vec::new();
        let mut who = Vec::new();
        let (code, status) = self.standing();
        if self.seat.met {
            parts.extend(filled.iter().filter_map(|(person, _)| self.counts_until(*person)));
        } else {
            parts.extend(self.taken());
            let aside = self.uncovered(&filled).into_iter().chain(self.exhausted());
            for node in aside {
                says.push_str("; ");
                says.push_str(&node.says);
                parts.push(node);
            }
            if let Some(node) = self.closed() {
                says.push_str("; ");
                says.push_str(&node.says);
                parts.push(node);
            }
            who = self.who(&filled);
            self.ask(&who, asks);
            let pending = self.pending();
            if let Some(node) = self.nobody_now(&filled).filter(|_| who.is_empty()) {
                says.push_str("; ");
                says.push_str(&node.says);
                if pending.is_empty() {
                    says.push_str("; add somebody to the role");
                }
                for then in &pending {
                    let _ = write!(says, "; {}", then.says);
                }
                parts.push(node);
            }
            parts.extend(pending);
        }
        let next = parts.iter().filter_map(|part| part.next).min();
        parts.extend(self.hats());
        parts.extend(ignored);
        let acts = self.seat.acts_filling().map(|act| act.id.as_str());
        let mut node = Node::new(code, status, says).stated(requirement.stated).evidence(acts).who(who);
        node = node.next(next).parts(parts);
        node.digest = Some(requirement.digest.clone());
        node
    }

    /// From when on an approval counts, where it does not now.
    fn closed(&self) -> Option<Node> {
        if self.requirement.any_hours {
            return None;
        }
        let (closed, opens) = hours::closed_for_approving(self.scene)?;
        let zone = self.scene.rules.calendar.zone;
        let from = opens.map_or_else(|| "no more".to_owned(), |at| format!("from {} on", told(at, zone)));
        let says = format!("during `{}` no approval is given; it counts {from}", closed.name);
        Some(Node::new(Ground::ClosedHours, Status::Note, says).stated(&closed.stated).next(opens))
    }

    /// Who else is asked once time has run out.
    fn pending(&self) -> Vec<Node> {
        let requirement = self.requirement;
        let standin = standins::next_standin(self.scene, requirement.role, requirement.apart.as_ref()).into_iter();
        let routes = requirement.routes.iter().filter(|_| requirement.kind == Kind::Approvals);
        let authorities = routes.filter_map(|route| standins::next_authority(self.scene, route));
        let node = |it: standins::Pending| Node::new(Ground::AskedFrom, Status::Note, it.says).next(Some(it.at));
        standin.chain(authorities).map(node).collect()
    }

    /// Until when somebody's approval counts, where it expires.
    fn counts_until(&self, place: usize) -> Option<Node> {
        let length = self.requirement.expire?;
        let person = self.seating.person(place);
        let calendar = &self.scene.rules.calendar;
        let last = self.seating.acts_of(person).filter(|act| self.seat.counts(act)).max_by_key(|act| act.at)?;
        let end = self.scene.due(last.at, length);
        let (name, given, until) =
            (self.scene.people.name(person), told(last.at, calendar.zone), told(end, calendar.zone));
        let says = [name, " approved ", &given, ", which counts until ", &until].concat();
        Some(Node::new(Ground::CountsUntil, Status::Note, says).evidence([&last.id]).next(Some(end)))
    }

    /// The code and the status of the requirement itself.
    fn standing(&self) -> (Ground, Status) {
        if self.seat.by_final_word {
            return (Ground::FinalWord, Status::Met);
        }
        if self.seat.met {
            let met = match self.requirement.kind {
                Kind::Approvals => Ground::ApprovalsMet,
                Kind::Representation => Ground::RepresentationMet,
            };
            return (met, Status::Met);
        }
        let unreadable = roles::eligible(self.scene, self.requirement.role).unreadable.is_some();
        if self.seat.exhausted {
            (Ground::ApproverExhaustion, Status::Unmet)
        } else if unreadable && potential(self.scene, self.requirement).is_none() {
            (Ground::RoleUnavailable, Status::Unknown)
        } else {
            (Ground::ApprovalsMissing, Status::Waiting)
        }
    }

    /// Somebody who fills it, with why he does where that is not plain.
    fn filler(&self, person: usize, hat: Option<&Hat<'s>>, whole: bool) -> String {
        let person_id = self.seating.person(person);
        let mut name = self.scene.people.name(person_id).to_owned();
        match hat {
            Some(hat) if hat.role != self.requirement.role => {
                name.push_str(" as ");
                name.push_str(hat.role);
            }
            _ => {
                if let Some(from) = standins::delegated_by(self.scene, self.requirement.role, person_id) {
                    name.push_str(" for ");
                    name.push_str(from);
                }
            }
        }
        if !whole && let Some(covered) = self.seat.covers(person) {
            let told = |at: usize| self.requirement.scope.has(at) && !self.units.is_made(at);
            let pieces: Vec<&str> = covered.iter().filter(|at| told(*at)).map(|at| self.units.name(at)).collect();
            let _ = write!(name, " ({})", words::all_of(&pieces));
        }
        name
    }

    /// The pieces that lack approvals, where somebody approved at all.
    fn uncovered(&self, filled: &[(usize, Option<&Hat<'s>>)]) -> Option<Node> {
        let partly = filled.iter().any(|(person, _)| {
            self.seat.covers(*person).is_some_and(|covered| !covered.holds(&self.requirement.scope))
        });
        if !partly {
            return None;
        }
        let has = |piece: usize| {
            filled.iter().filter(|(person, _)| self.seat.covers(*person).is_some_and(|it: &Bits| it.has(piece))).count()
        };
        let open: Vec<usize> =
            self.requirement.scope.iter().filter(|piece| has(*piece) < self.requirement.total()).collect();
        let pieces: Vec<String> = open.iter().map(|piece| self.piece(*piece)).collect();
        let names = open.iter().map(|piece| self.units.name(*piece)).collect::<Vec<_>>();
        let commits = open.iter().flat_map(|piece| self.units.commits(*piece));
        let says = format!(
            "{} not covered by enough approvals",
            if pieces.len() == 1 {
                format!("{} is", words::all_of(&pieces))
            } else {
                format!("{} are", words::all_of(&pieces))
            }
        );
        Some(Node::new(Ground::Uncovered, Status::Note, says).evidence(names).evidence(commits))
    }

    /// A piece with the commits that it is of.
    fn piece(&self, piece: usize) -> String {
        let name = self.units.name(piece);
        let commits: Vec<&str> = self.units.commits(piece).map(words::short).collect();
        match commits.as_slice() {
            [] => name.to_owned(),
            [only] => format!("{name} (commit {only})"),
            several => format!("{name} (commits {})", words::all_of(several)),
        }
    }

    /// Who approved and could fill it, and fills another requirement.
    fn taken(&self) -> Option<Node> {
        let taken: Vec<String> = self
            .seat
            .able()
            .filter_map(|place| {
                let role = self.seating.fills(place, self.at)?;
                Some(format!("{} stands for {role}", self.scene.people.name(self.seating.person(place))))
            })
            .collect();
        if taken.is_empty() {
            return None;
        }
        let says = format!("{}, and 1 person fills one requirement", words::all_of(&taken));
        Some(Node::new(Ground::ApprovalsMissing, Status::Note, says))
    }

    /// Whom separation took out, where nobody is left.
    fn exhausted(&self) -> Option<Node> {
        if !self.seat.exhausted {
            return None;
        }
        let mut outs: Vec<String> = Vec::new();
        let chain = standins::chain(self.scene, self.requirement.role);
        for role in std::iter::once(self.requirement.role).chain(chain) {
            for person in roles::eligible(self.scene, role).people {
                if let Err(refusal) = separation::barred(self.scene, person, self.requirement.apart.as_ref()) {
                    let said = format!("{} {}", self.scene.people.name(person), refusal.says);
                    if !outs.contains(&said) {
                        outs.push(said);
                    }
                }
            }
        }
        let able = potential(self.scene, self.requirement).map_or(0, |people| people.len());
        let membership = self.scene.role(self.requirement.role).map(|(_, membership)| membership);
        let doubtful: Vec<&str> = membership
            .into_iter()
            .flat_map(roles::Membership::doubtful)
            .map(|person| self.scene.people.name(person))
            .collect();
        let says = if !doubtful.is_empty() {
            format!(
                "when and how {} came into {} could not be read, and {} left who could approve as it",
                words::all_of(&doubtful),
                self.requirement.role,
                if able == 0 { "nobody else is" } else { "too few others are" }
            )
        } else if outs.is_empty() {
            format!("too few people could approve as {}; add somebody to the role", self.requirement.role)
        } else {
            format!(
                "{} left who could approve as {}: {}; add somebody to the role",
                if able == 0 { "nobody is" } else { "too few are" },
                self.requirement.role,
                words::all_of(&outs)
            )
        };
        Some(Node::new(Ground::ApproverExhaustion, Status::Note, says))
    }

    /// Why none of the role's people is asked, where too few are left by now for it.
    fn nobody_now(&self, filled: &[(usize, Option<&Hat<'s>>)]) -> Option<Node> {
        let eligible = roles::eligible(self.scene, self.requirement.role);
        if self.seat.exhausted || eligible.unreadable.is_some() {
            return None;
        }
        let mut whys: Vec<String> = Vec::new();
        // Accounts of one name may be two people's, of whom the same is said.
        let mut add = |why: String| {
            if !whys.contains(&why) {
                whys.push(why);
            }
        };
        for person in eligible.people {
            if filled.iter().any(|(place, _)| self.seating.person(*place) == person) {
                continue;
            }
            let name = self.scene.people.name(person);
            match separation::barred(self.scene, person, self.requirement.apart.as_ref()) {
                Err(refusal) => add(format!("{name} {}", refusal.says)),
                Ok(()) if standins::away(self.scene, person) => {
                    add(format!("{name} is away, and may approve all the same"));
                }
                Ok(()) => {}
            }
        }
        if whys.is_empty() {
            return None;
        }
        let says = format!("nobody else is there now to approve as {}: {}", self.requirement.role, whys.join(", "));
        Some(Node::new(Ground::ApprovalsMissing, Status::Note, says))
    }

    /// Why others than the role's own people count, in words.
    fn hats(&self) -> Vec<Node> {
        let mut nodes = Vec::new();
        for hat in self.seat.hats.iter().filter(|hat| !hat.second || self.seat.wears(hat.role)) {
            let Some(because) = &hat.because else { continue };
            let code = match hat.authority {
                Some(true) if self.seat.wears(hat.role) => Ground::FinalWord,
                Some(_) => Ground::Escalated,
                None => Ground::Fallback,
            };
            let says = match hat.authority {
                Some(_) => because.clone(),
                None if hat.second => because.clone(),
                None => format!("{} stands in: {because}", hat.role),
            };
            nodes.push(Node::new(code, Status::Note, says));
        }
        for (person, hat) in self.seat.filled() {
            nodes.extend(hat.and_then(|hat| self.held_then(person, hat.role)));
            if hat.is_some_and(|hat| hat.role != self.requirement.role) {
                continue;
            }
            let person = self.seating.person(person);
            if let Some(from) = standins::delegated_by(self.scene, self.requirement.role, person) {
                let says = format!("{} approves for {from}", self.scene.people.name(person));
                nodes.push(Node::new(Ground::Delegated, Status::Note, says));
            }
        }
        nodes
    }

    /// What is said of somebody who counts by a role that he did not hold when he approved.
    fn held_then(&self, place: usize, role: &str) -> Option<Node> {
        let person = self.seating.person(place);
        let mut acts = self.seating.acts_of(person);
        let act = acts.find(|act| !act.held.is_empty() && !act.held.iter().any(|held| held == role))?;
        let name = self.scene.people.name(person);
        let says = format!("{name} holds {role} now, and held {} when approving", words::all_of(&act.held));
        Some(Node::new(Ground::HeldThen, Status::Note, says).evidence([&act.id]))
    }

    /// Who can still approve, by name.
    fn who(&self, filled: &[(usize, Option<&Hat<'s>>)]) -> Vec<String> {
        let distinct = self.scene.rules.separation.distinct_people;
        let mut people: Vec<Person> = Vec::new();
        for hat in self.seat.hats.iter().filter(|hat| !hat.second || self.seat.hats.len() > 1) {
            for person in roles::eligible(self.scene, hat.role).people {
                let done = filled.iter().any(|(place, _)| {
                    self.seating.person(*place) == person
                        && self.seat.covers(*place).is_some_and(|covered| covered.holds(&self.requirement.scope))
                });
                let taken = distinct && self.seating.seated_elsewhere(person, self.at);
                let apart = self.requirement.apart.as_ref();
                let able = separation::barred(self.scene, person, apart).is_ok() && !standins::away(self.scene, person);
                if !done && !taken && able && !people.contains(&person) {
                    people.push(person);
                }
            }
        }
        // Who has named another one is not asked while that one can be.
        for (from, to) in self.delegated() {
            if people.contains(&to) {
                people.retain(|person| *person != from);
            }
        }
        people.into_iter().map(|person| self.scene.people.name(person).to_owned()).collect()
    }

    /// Who of those that are asked has named another one in his place, and whom.
    fn delegated(&self) -> Vec<(Person, Person)> {
        standins::delegated(self.scene, self.requirement.role)
    }

    fn ask(&self, who: &[String], asks: &mut Vec<Ask>) {
        let name = |person| self.scene.people.name(person);
        let delegates = || {
            let asked = self.delegated().into_iter().filter(|(_, to)| who.iter().any(|asked| asked == name(*to)));
            let said: Vec<String> = asked.map(|(from, to)| format!("{} for {}", name(to), name(from))).collect();
            (!said.is_empty()).then(|| words::all_of(&said))
        };
        let because = self.seat.hats.iter().skip(1).find_map(|hat| hat.because.clone()).or_else(delegates);
        asks.push(Ask {
            role: self.requirement.role.to_owned(),
            people: who.to_vec(),
            to: "approve".to_owned(),
            because,
        });
    }
}
