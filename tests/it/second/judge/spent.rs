//! What became of earlier approvals: whether the environment was opened with them.

use std::collections::BTreeSet;

use countersign::model::facts::{Act, Deed, Deployment, Fact, Outcome, Standing, Via};

use super::kinds::Tri;
use super::needs::same_all;
use super::who::View;
use crate::second::shape::HERE;

/// What became of earlier approvals.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Used {
    No,
    Unread,
    Retry,
    /// Something else was opened since. Approvals up to then are spent.
    Superseded(i64),
    Spent(i64),
}

/// What a deployment was to the one that is asked for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    /// The same, with the same other parts, by a decision.
    This,
    /// Something else, or with something else.
    Else,
    /// Nothing that matters.
    Neither,
}

/// An approval of what goes that was edited or dismissed.
struct Fallen {
    given: i64,
    /// When he approved anew.
    again: Option<i64>,
    /// From when on somebody is known to have approved what came of what it was of.
    moved: Option<i64>,
}

impl View<'_> {
    /// What was approved of content is used up by whatever let that content in, from whichever commit.
    pub fn used(&self, back: bool, heard: &BTreeSet<&'static str>) -> Used {
        let mut used = self.used_here(back, heard);
        for it in self.facts.deployments.entries() {
            let of_another = it.environment == HERE && it.commit != self.facts.release.commit;
            let names: Vec<&str> = self.components().iter().map(|it| it.name).collect();
            let differs = names.is_empty() || names.iter().any(|name| self.alike(it, name) == Tri::No);
            let never_let_in = matches!(it.approved, Fact::Known(false) | Fact::Absent);
            if !of_another || differs || never_let_in {
                continue;
            }
            let at = it.opened_at.timestamp();
            used = match used {
                Used::No => Used::Spent(at),
                Used::Spent(until) => Used::Spent(until.max(at)),
                Used::Superseded(until) => Used::Superseded(until.max(at)),
                Used::Unread | Used::Retry => used,
            };
        }
        used
    }

    /// The same, by what went from the commit that goes now.
    fn used_here(&self, back: bool, heard: &BTreeSet<&'static str>) -> Used {
        let deployments: &[Deployment] = match &self.facts.deployments {
            Fact::Known(deployments) => deployments,
            Fact::Absent => return Used::No,
            Fact::Unavailable(_) => return Used::Unread,
        };
        // What is dated later than now was opened as well.
        let here: Vec<&Deployment> = deployments.iter().filter(|it| it.environment == HERE).collect();
        // What went here of this content, by a decision, may have been with the parts that go now or with others; what went
        // that was something else ends all that was before it.
        let told: Vec<(i64, BTreeSet<What>)> =
            here.iter().map(|it| (it.opened_at.timestamp(), self.what(it, back))).collect();
        let openings = || here.iter().filter(|it| self.opening(it) != Tri::No);
        let newest_other = here.iter().filter(|it| self.is_other(it)).map(|it| it.opened_at.timestamp()).max();
        // What went with another part is over: what it used up is spent, and none of it is tried again.
        let repacked = openings().filter(|it| self.packed(it, back) == Tri::No);
        let repacked = repacked.map(|it| it.opened_at.timestamp()).max();
        let Some(last) = openings().map(|it| it.opened_at.timestamp()).max() else { return Used::No };
        // Only what surely went by a decision takes the place back from something else.
        let surely = openings().filter(|it| it.approved == Fact::Known(true) && self.surely_went(it, back));
        let surely = surely.map(|it| it.opened_at.timestamp()).max();
        let before = openings().any(|it| Some(it.opened_at.timestamp()) <= newest_other);
        if before && surely <= newest_other {
            return if back { Used::Spent(last) } else { Used::Superseded(last) };
        }
        if Some(last) <= repacked {
            return Used::Spent(last);
        }
        let surely_over = |what: &BTreeSet<What>| what.len() == 1 && what.contains(&What::Else);
        let over = told.iter().filter(|(_, what)| surely_over(what)).map(|(at, _)| *at).max();
        let mut current: Vec<&(i64, BTreeSet<What>)> =
            told.iter().filter(|(at, _)| over.is_none_or(|over| *at > over)).collect();
        current.sort_by_key(|(at, _)| *at);
        // Every world in which each of those of which it cannot be told was this, something else, or neither.
        let mut worlds: Vec<Vec<(i64, What)>> = vec![Vec::new()];
        for (at, what) in current {
            let more = worlds.iter().flat_map(|world| {
                what.iter().map(|one| world.iter().copied().chain([(*at, *one)]).collect::<Vec<_>>())
            });
            worlds = more.collect();
        }
        let mut retries = true;
        let mut spent = i64::MIN;
        for mut world in worlds {
            // Of one instant, what was opened comes before what took its place.
            world.sort_by_key(|(at, what)| (*at, *what == What::Else));
            let window = self.shape.retry.unwrap_or(0) * 60;
            // A run is over in time, and when somebody with a say takes back what it was opened with.
            let over = |first: i64, at: i64| {
                at - first >= window
                    || self
                        .taken_back(heard)
                        .iter()
                        .any(|(given, taken)| *given <= first && first <= *taken && *taken <= at)
            };
            // What was edited or dismissed may have been then or at any time since, unless an earlier run had used it up,
            // or it was of what was there before.
            let fell = |first: i64, before: Option<i64>| {
                self.fallen(heard).iter().any(|fallen| {
                    fallen.given <= first
                        && before.is_none_or(|before| fallen.given > before)
                        && fallen.again.is_none_or(|again| first < again)
                        && fallen.moved.is_none_or(|moved| first < moved)
                })
            };
            let mut ways: Vec<(Option<i64>, Option<i64>)> = vec![(None, None)];
            for (at, what) in world {
                let next = |(run, before): (Option<i64>, Option<i64>)| match (what, run) {
                    (What::Neither, _) => vec![(run, before)],
                    (What::Else, _) => vec![(None, run.or(before))],
                    (What::This, Some(first)) if !over(first, at) && fell(first, before) => {
                        vec![(run, before), (Some(at), run)]
                    }
                    (What::This, Some(first)) if !over(first, at) => vec![(run, before)],
                    (What::This, _) => vec![(Some(at), run.or(before))],
                };
                ways = ways.into_iter().flat_map(next).collect();
            }
            for (run, before) in ways {
                retries &= run.is_some_and(|first| first <= self.now && !over(first, self.now) && !fell(first, before));
                spent = spent.max(run.unwrap_or(i64::MIN));
                // What went last went with another part, and used up what there was.
                if self.packed_last(&here, back) == Tri::Unknown {
                    spent = last;
                }
            }
        }
        if retries { Used::Retry } else { Used::Spent(spent) }
    }

    /// Whether a deployment was one of this content that a decision let in.
    fn opening(&self, it: &Deployment) -> Tri {
        match &it.approved {
            Fact::Known(true) | Fact::Unavailable(_) => self.same(it),
            Fact::Known(false) | Fact::Absent => Tri::No,
        }
    }

    /// Whether it is known of an opening that exactly this went, or that it went with another part.
    fn surely_went(&self, it: &Deployment, back: bool) -> bool {
        match self.packed(it, back) {
            Tri::Yes => self.same(it) == Tri::Yes,
            Tri::No => self.same(it) == Tri::Yes || it.outcome != Fact::Known(Outcome::Cancelled),
            Tri::Unknown => false,
        }
    }

    /// Whether exactly what goes now went then.
    pub fn same(&self, it: &Deployment) -> Tri {
        let commit = Tri::from(it.commit == self.facts.release.commit);
        self.components().iter().fold(commit, |all, component| all.and(self.alike(it, component.name)))
    }

    /// Whether the other parts of the package were as they are now.
    fn packed(&self, it: &Deployment, back: bool) -> Tri {
        if self.facts.release.package.unavailable().is_some() && self.shape.package.is_some() && !back {
            return Tri::Unknown;
        }
        let same = |name: &String| match &it.parts {
            Fact::Known(then) => match (then.get(name), &self.facts.release.package.known().unwrap().parts[name]) {
                (None, _) => Tri::No,
                (Some(then), Fact::Known(now)) => Tri::from(*then == now.content),
                (Some(_), _) => Tri::Unknown,
            },
            Fact::Absent => Tri::No,
            Fact::Unavailable(_) => Tri::Unknown,
        };
        let others = if back { Vec::new() } else { self.others() };
        others.into_iter().fold(Tri::Yes, |all, name| all.and(same(name)))
    }

    /// Of the last that was opened, whether with the parts of now.
    fn packed_last(&self, here: &[&Deployment], back: bool) -> Tri {
        let openings = here.iter().filter(|it| self.opening(it) != Tri::No);
        let last = openings.clone().map(|it| it.opened_at).max();
        let of_last = openings.filter(|it| Some(it.opened_at) == last).map(|it| self.packed(it, back));
        of_last.fold(Tri::Yes, Tri::and)
    }

    /// Everything that a deployment may have been.
    fn what(&self, it: &Deployment, back: bool) -> BTreeSet<What> {
        let may =
            |tri: Tri| [(Tri::No, true), (Tri::Yes, false)].iter().filter(move |(not, _)| tri != *not).map(|it| it.1);
        let approved = match &it.approved {
            Fact::Known(true) => Tri::Yes,
            Fact::Known(false) | Fact::Absent => Tri::No,
            Fact::Unavailable(_) => Tri::Unknown,
        };
        let (same, given_up) = (self.same(it), it.outcome == Fact::Known(Outcome::Cancelled));
        let mut found = BTreeSet::new();
        for is_same in may(same) {
            for by_decision in may(approved) {
                for with_parts in may(self.packed(it, back)) {
                    let mut different = may(self.different(it)).filter(|different| !(is_same && *different));
                    found.extend(match (is_same, by_decision, with_parts) {
                        (true, true, true) => vec![What::This],
                        (true, true, false) => vec![What::Else],
                        (true, false, _) => vec![What::Neither],
                        // Of the same components, what is not the same is different.
                        _ if same == Tri::Unknown && given_up => vec![What::Neither],
                        _ if same == Tri::Unknown => vec![What::Else],
                        _ => different
                            .by_ref()
                            .map(|different| if different && !given_up { What::Else } else { What::Neither })
                            .collect(),
                    });
                }
            }
        }
        found
    }

    fn alike(&self, it: &Deployment, name: &str) -> Tri {
        match (it.components.get(name), self.facts.release.components.get(name)) {
            (None, _) => Tri::No,
            (Some(_), None) => Tri::Unknown,
            (Some(went), Some(goes)) => same_all(went, goes),
        }
    }

    /// Whether a deployment was of other content of anything that goes now.
    fn different(&self, it: &Deployment) -> Tri {
        let names: Vec<&str> = self.components().iter().map(|it| it.name).collect();
        if names.is_empty() {
            return Tri::from(it.commit != self.facts.release.commit);
        }
        let shared = names.iter().filter(|name| it.components.contains_key(**name));
        shared.fold(Tri::No, |any, name| any.or(self.alike(it, name).not()))
    }

    /// The same, or perhaps so, of what was not given up.
    fn is_other(&self, it: &Deployment) -> bool {
        self.different(it) != Tri::No && it.outcome != Fact::Known(Outcome::Cancelled)
    }

    /// Whether anything else went here after an instant.
    pub fn went_after(&self, then: i64) -> Tri {
        match &self.facts.deployments {
            Fact::Known(all) => Tri::from(all.iter().any(|it| {
                let at = it.opened_at.timestamp();
                it.environment == HERE && then < at && self.is_other(it)
            })),
            Fact::Absent => Tri::No,
            Fact::Unavailable(_) => Tri::Unknown,
        }
    }

    /// When approvals were given that somebody took back who would be heard, and when they were.
    fn taken_back(&self, heard: &BTreeSet<&'static str>) -> Vec<(i64, i64)> {
        let mut found = Vec::new();
        for act in &self.with_ahead {
            let Deed::Withdraw { of } = &act.does else { continue };
            let meant = self.acts.iter().find(|it| it.id == *of && self.person(&it.by) == self.person(&act.by));
            if let Some(approval) = meant
                && matches!(approval.does, Deed::Approve { .. })
                && !View::of_somebody_else(act)
                && approval.at <= act.at
                && !View::elsewhere(approval)
                && self.had_a_say(approval, heard).is_some()
            {
                found.push((approval.at.timestamp(), act.at.timestamp()));
            }
        }
        found
    }

    /// Approvals that were edited or dismissed, of what goes or of what it was before, of those who would be heard.
    fn fallen(&self, heard: &BTreeSet<&'static str>) -> Vec<Fallen> {
        let own = |act: &&&Act| {
            matches!(act.does, Deed::Approve { .. })
                && !View::of_somebody_else(act)
                && !self.withdrawn(act)
                && !View::elsewhere(act)
        };
        let going = |act: &Act| -> Vec<(&String, &String)> {
            let named = self.changes().iter().filter(|it| act.saw.changes.contains_key(&it.id));
            named.map(|it| (&it.id, &it.content)).collect()
        };
        let of_this = |act: &Act| match (act.via, &self.facts.release.changes) {
            (Via::Review, Fact::Unavailable(_)) => true,
            (Via::Review, _) => act.saw.changes.is_empty() || !going(act).is_empty(),
            _ if act.standing != Standing::Stands && !self.leaves_nothing_out(act) => true,
            _ => self.is_here(act) && self.outcome_fits(act),
        };
        let moved = |act: &Act| -> Option<i64> {
            if act.via != Via::Review || self.facts.release.changes.unavailable().is_some() {
                return None;
            }
            let approved = |(id, content): (&String, &String)| {
                let known =
                    |it: &&&Act| matches!(it.does, Deed::Approve { .. }) && it.saw.changes.get(id) == Some(content);
                self.acts.iter().filter(known).map(|it| it.at.timestamp()).min()
            };
            if going(act).iter().any(|(id, content)| act.saw.changes[*id] == **content) {
                return None;
            }
            let each: Option<Vec<i64>> = going(act).into_iter().map(approved).collect();
            each?.into_iter().max()
        };
        let given = self.acts.iter().filter(own);
        let fell = given.clone().filter(|act| act.standing != Standing::Stands && of_this(act));
        fell.filter(|act| self.had_a_say(act, heard).is_some())
            .map(|act| {
                let anew = given
                    .clone()
                    .filter(|it| it.standing == Standing::Stands && it.via != Via::Review && View::of_nobody_else(it));
                let anew = anew.filter(|it| it.at > act.at && of_this(it));
                let anew = anew.filter(|it| self.person(&it.by) == self.person(&act.by));
                // Of all that goes, and not of what was there before a push.
                let known = self.facts.release.changes.unavailable().is_none();
                let anew = anew.filter(|it| {
                    known && self.changes().iter().all(|change| it.saw.changes.get(&change.id) == Some(&change.content))
                });
                let again = anew.map(|it| it.at.timestamp()).min();
                Fallen { given: act.at.timestamp(), again, moved: moved(act) }
            })
            .collect()
    }
}
