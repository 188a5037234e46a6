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

impl View<'_> {
    pub fn used(&self, back: bool, heard: &BTreeSet<&'static str>) -> Used {
        let deployments: &[Deployment] = match &self.facts.deployments {
            Fact::Known(deployments) => deployments,
            Fact::Absent => return Used::No,
            Fact::Unavailable(_) => return Used::Unread,
        };
        // What is dated later than now was opened as well.
        let here: Vec<&Deployment> = deployments.iter().filter(|it| it.environment == HERE).collect();
        let names: Vec<&str> = self.components().iter().map(|it| it.name).collect();
        // Opened by a decision, perhaps, for exactly what goes now.
        let same = |it: &Deployment| {
            let commit = Tri::from(it.commit == self.facts.release.commit);
            names.iter().fold(commit, |all, name| all.and(self.alike(it, name)))
        };
        let opening = |it: &Deployment| match &it.approved {
            Fact::Known(true) | Fact::Unavailable(_) => same(it),
            Fact::Known(false) | Fact::Absent => Tri::No,
        };
        let newest_other = here.iter().filter(|it| self.is_other(it)).map(|it| it.opened_at.timestamp()).max();
        // The other parts of the package as they are now.
        let packed = |it: &Deployment| {
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
        };
        let openings: Vec<&&Deployment> = here.iter().filter(|it| opening(it) != Tri::No).collect();
        // What went with another part is over: what it used up is spent, and none of it is tried again.
        let repacked = openings.iter().filter(|it| packed(it) == Tri::No).map(|it| it.opened_at.timestamp()).max();
        let surely =
            |it: &Deployment| same(it) == Tri::Yes && packed(it) == Tri::Yes && it.approved == Fact::Known(true);
        let mut current: Vec<(i64, bool)> = openings
            .iter()
            .map(|it| (it.opened_at.timestamp(), surely(it)))
            .filter(|(at, _)| newest_other.max(repacked).is_none_or(|other| *at > other))
            .collect();
        if current.is_empty() {
            return match openings.iter().map(|it| it.opened_at.timestamp()).max() {
                Some(last) if back || newest_other < repacked => Used::Spent(last),
                Some(last) => Used::Superseded(last),
                None => Used::No,
            };
        }
        current.sort_unstable();
        // Every world in which some of the openings of which it cannot be told were of this content, and others not.
        let doubtful: Vec<usize> = (0..current.len()).filter(|at| !current[*at].1).collect();
        let mut retries = true;
        let mut spent = i64::MIN;
        for world in 0..1_u32 << doubtful.len() {
            let real = |at: &usize| {
                doubtful.iter().position(|known| known == at).is_none_or(|place| world & (1 << place) != 0)
            };
            let window = self.shape.retry.unwrap_or(0) * 60;
            // A run is over in time, and when somebody with a say takes back what it was opened with.
            let over = |first: i64, at: i64| {
                at - first >= window
                    || self
                        .taken_back(heard)
                        .iter()
                        .any(|(given, taken)| *given <= first && first <= *taken && *taken <= at)
            };
            // What was edited or dismissed may have been then or at any time since, unless an earlier run had used it up.
            let fell = |first: i64, before: Option<i64>| {
                self.fallen(heard).iter().any(|(given, again)| {
                    *given <= first
                        && before.is_none_or(|before| *given > before)
                        && again.is_none_or(|again| first < again)
                })
            };
            let mut ways: Vec<(Option<i64>, Option<i64>)> = vec![(None, None)];
            for at in (0..current.len()).filter(real).map(|at| current[at].0) {
                let next = |(run, before): (Option<i64>, Option<i64>)| match run {
                    Some(first) if !over(first, at) && fell(first, before) => vec![(run, before), (Some(at), run)],
                    Some(first) if !over(first, at) => vec![(run, before)],
                    _ => vec![(Some(at), run)],
                };
                ways = ways.into_iter().flat_map(next).collect();
            }
            for (run, before) in ways {
                retries &= run.is_some_and(|first| first <= self.now && !over(first, self.now) && !fell(first, before));
                spent = spent.max(run.unwrap_or(i64::MIN));
            }
        }
        if retries { Used::Retry } else { Used::Spent(spent) }
    }

    fn alike(&self, it: &Deployment, name: &str) -> Tri {
        match (it.components.get(name), self.facts.release.components.get(name)) {
            (None, _) => Tri::No,
            (Some(_), None) => Tri::Unknown,
            (Some(went), Some(goes)) => same_all(went, goes),
        }
    }

    /// Whether a deployment was of other content of anything that goes now, or perhaps so.
    fn is_other(&self, it: &Deployment) -> bool {
        let names: Vec<&str> = self.components().iter().map(|it| it.name).collect();
        let different = if names.is_empty() {
            Tri::from(it.commit != self.facts.release.commit)
        } else {
            let shared = names.iter().filter(|name| it.components.contains_key(**name));
            shared.fold(Tri::No, |any, name| any.or(self.alike(it, name).not()))
        };
        different != Tri::No && it.outcome != Fact::Known(Outcome::Cancelled)
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
                && act.impersonated_by.is_none()
                && approval.at <= act.at
                && !View::elsewhere(approval)
                && self.had_a_say(approval, heard).is_some()
            {
                found.push((approval.at.timestamp(), act.at.timestamp()));
            }
        }
        found
    }

    /// When approvals of what goes were given that were edited or dismissed, of those who would be heard, and when each
    /// approved anew.
    fn fallen(&self, heard: &BTreeSet<&'static str>) -> Vec<(i64, Option<i64>)> {
        let own = |act: &&&Act| {
            matches!(act.does, Deed::Approve { .. })
                && act.impersonated_by.is_none()
                && !self.withdrawn(act)
                && !View::elsewhere(act)
        };
        let of_this = |act: &Act| match (act.via, &self.facts.release.changes) {
            (Via::Review, Fact::Unavailable(_)) => true,
            (Via::Review, _) => {
                let goes = |(id, content): (&String, &String)| {
                    self.changes().iter().any(|it| it.id == *id && it.content == *content)
                };
                act.saw.changes.is_empty() || act.saw.changes.iter().any(goes)
            }
            _ => self.is_here(act) && self.outcome_fits(act),
        };
        let given = self.acts.iter().filter(own);
        let fell = given.clone().filter(|act| act.standing != Standing::Stands && of_this(act));
        fell.filter(|act| self.had_a_say(act, heard).is_some())
            .map(|act| {
                let anew = given.clone().filter(|it| it.standing == Standing::Stands && it.via != Via::Review);
                let anew = anew.filter(|it| it.at > act.at && of_this(it));
                let anew = anew.filter(|it| self.person(&it.by) == self.person(&act.by));
                (act.at.timestamp(), anew.map(|it| it.at.timestamp()).min())
            })
            .collect()
    }
}
