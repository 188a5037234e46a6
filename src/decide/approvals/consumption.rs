//! Whether approvals were used up: by opening the environment, not by an attempt of a job.
//!
//! The same content goes again within the time for a retry, unless something else was opened since. An opening within
//! that time of its run's first is a retry; any other begins a new run, for which approvals were given anew. What was
//! there at the first opening of the latest run is spent. Who takes back what a run was opened with ends that run, and so
//! does whoever edits or dismisses it: nobody says when that was, and so it may have been after the opening.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use crate::decide::bound::{self, Extent};
use crate::decide::latest;
use crate::decide::people::Person;
use crate::decide::released::alike;
use crate::decide::roles::{self, Voice};
use crate::decide::scene::Scene;
use crate::model::facts::{Act, Deed, Deployment, Fact, Outcome, Standing, Via};

/// What became of the approvals that there were.
#[derive(Clone, Copy, Debug)]
pub enum Used<'s> {
    /// Nothing was opened with this content.
    No,
    /// What was deployed could not be read.
    Unknown(&'s str),
    /// It was opened, and may go again until then.
    Retry {
        /// When its latest run was opened first.
        first: DateTime<Utc>,
        /// Until when; that instant is outside.
        until: DateTime<Utc>,
    },
    /// Something else was opened since.
    Superseded {
        /// What.
        by: &'s Deployment,
        /// Approvals up to then are spent.
        until: DateTime<Utc>,
    },
    /// Approvals up to then are spent.
    Spent(DateTime<Utc>),
}

/// An approval that was taken back, edited or dismissed, of somebody who may speak against the release.
#[derive(Clone, Copy, Debug)]
pub struct TakenBack {
    /// Who.
    pub person: Person,
    /// When he had approved.
    pub approved: DateTime<Utc>,
    /// When he took it back; `None` where it was edited or dismissed, which has no instant.
    pub at: Option<DateTime<Utc>>,
    /// When he approved it anew, where that stands.
    again: Option<DateTime<Utc>>,
}

impl TakenBack {
    /// Whether that ended a run: it stood on this approval when it was opened.
    #[must_use]
    pub fn ended(&self, first: DateTime<Utc>) -> bool {
        let stood = self.approved <= first && self.again.is_none_or(|again| first < again);
        stood && self.at.is_none_or(|at| first <= at)
    }
}

/// The approvals that stand no longer, of whom a rejection would be heard, in the roles that are asked.
#[must_use]
pub fn taken_back(scene: &Scene<'_>, roles: &[&str]) -> Vec<TakenBack> {
    let may_end = |act: &Act| match act.does {
        Deed::Approve { .. } => act.standing != Standing::Stands,
        Deed::Withdraw { .. } => true,
        _ => false,
    };
    if !scene.against_by().any(|(act, _)| may_end(act)) {
        return Vec::new();
    }
    let mut approvals: HashMap<(&str, Person), &Act> = HashMap::new();
    let mut stand: HashMap<Person, Vec<DateTime<Utc>>> = HashMap::new();
    let mut found = Vec::new();
    let heard = |act: &Act, person: Person| !matches!(roles::voice(scene, act, person, roles), Voice::Not(_));
    for (act, person) in scene.against_by() {
        match &act.does {
            Deed::Approve { .. } if latest::here(scene, act) => {
                approvals.insert((&act.id, person), act);
                let own = act.impersonated_by.is_none() && !scene.withdrawn(act, person);
                if !own || !of_this(scene, act) {
                    continue;
                }
                match act.standing {
                    // A review is no second word on the release.
                    Standing::Stands if act.via == Via::Review => {}
                    Standing::Stands => stand.entry(person).or_default().push(act.at),
                    Standing::Edited | Standing::Dismissed if heard(act, person) => {
                        found.push(TakenBack { person, approved: act.at, at: None, again: None });
                    }
                    Standing::Edited | Standing::Dismissed => {}
                }
            }
            Deed::Withdraw { of } if act.impersonated_by.is_none() => {
                let Some(approval) = approvals.get(&(of.as_str(), person)) else { continue };
                // What he was let in by does not come back because he is gone.
                if heard(approval, person) {
                    found.push(TakenBack { person, approved: approval.at, at: Some(act.at), again: None });
                }
            }
            _ => {}
        }
    }
    // Whatever became of the earlier word, a later one may have been what it was opened with.
    for it in found.iter_mut().filter(|it| it.at.is_none()) {
        let later = stand.get(&it.person).into_iter().flatten().filter(|at| **at > it.approved);
        it.again = later.min().copied();
    }
    found
}

/// Whether an approval was of what goes: a push dismisses reviews of what was there before it.
fn of_this(scene: &Scene<'_>, act: &Act) -> bool {
    if act.via != Via::Review {
        return bound::to_release(scene, act, Extent::Part).is_ok();
    }
    let Some(now) = scene.contents() else { return true };
    let goes = |(id, content): (&String, &String)| now.get(id.as_str()) == Some(&content.as_str());
    act.saw.changes.is_empty() || act.saw.changes.iter().any(goes)
}

/// Looks through what was deployed. What goes back is never kept by the other parts of its package.
#[must_use]
pub fn of<'s>(scene: &Scene<'s>, taken_back: &[TakenBack], recovers: bool) -> Used<'s> {
    let deployments = match &scene.facts.deployments {
        Fact::Known(deployments) => deployments,
        Fact::Absent => return Used::No,
        Fact::Unavailable(why) => return Used::Unknown(why),
    };
    // What a clock that goes ahead dates later than now was opened all the same: it uses up, and takes another's place.
    let here = || deployments.iter().filter(|it| it.environment == scene.facts.release.environment);
    // What cannot be compared may be something else: it supersedes and spends, and is never retried.
    let newest_other = newest(here().filter(|it| replaces(scene, it)));
    let openings = || here().filter(|it| perhaps_opening(scene, it));
    let with_parts = |it: &Deployment| if recovers { Some(true) } else { same_parts(scene, it) };
    // What was opened with another part of the package used its approvals up, and is no earlier try of this.
    let repackaged = openings().filter(|it| with_parts(it) == Some(false)).map(|it| it.opened_at).max();
    let since = |at: DateTime<Utc>| {
        newest_other.is_none_or(|other| at > other.opened_at) && repackaged.is_none_or(|other| at > other)
    };
    let mut runs = Runs::default();
    let mut current: Vec<&Deployment> = openings().filter(|it| since(it.opened_at)).collect();
    current.sort_by_key(|it| it.opened_at);
    for opening in current {
        let surely = same(scene, opening) == Some(true)
            && with_parts(opening) == Some(true)
            && opening.approved == Fact::Known(true);
        runs.opened(scene, taken_back, opening.opened_at, surely);
    }
    let Some(latest) = runs.latest() else {
        let superseded = newest_other.filter(|other| repackaged.is_none_or(|at| at <= other.opened_at));
        return match (superseded, openings().map(|it| it.opened_at).max()) {
            (Some(by), Some(until)) => Used::Superseded { by, until },
            (None, Some(until)) => Used::Spent(until),
            (_, None) => Used::No,
        };
    };
    match runs.shortest() {
        Some(Run { first, until, .. }) if scene.clock.within(first, until) => Used::Retry { first, until },
        _ => Used::Spent(latest),
    }
}

/// What else was opened here after an instant, the newest; why that is not known, where it is not.
pub(in crate::decide) fn opened_since<'s>(
    scene: &Scene<'s>,
    since: DateTime<Utc>,
) -> Result<Option<&'s Deployment>, &'s str> {
    let deployments = match &scene.facts.deployments {
        Fact::Known(deployments) => deployments.as_slice(),
        Fact::Absent => &[],
        Fact::Unavailable(why) => return Err(why),
    };
    let here = deployments.iter().filter(|it| it.environment == scene.facts.release.environment);
    Ok(newest(here.filter(|it| it.opened_at > since && replaces(scene, it))))
}

fn newest<'s>(deployments: impl Iterator<Item = &'s Deployment>) -> Option<&'s Deployment> {
    deployments.max_by(|a, b| (a.opened_at, &a.release).cmp(&(b.opened_at, &b.release)))
}

/// Whether a deployment took the place of what goes, or may have: what was given up before anything changed took
/// nothing's place.
fn replaces(scene: &Scene<'_>, deployment: &Deployment) -> bool {
    deployment.outcome != Fact::Known(Outcome::Cancelled)
        && concerns(scene, deployment)
        && different(scene, deployment) != Some(false)
}

/// The openings that belong together.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// When it was opened first.
    first: DateTime<Utc>,
    /// From when on no opening is of it any more: its time is over, or it was ended at an instant that is known.
    over: DateTime<Utc>,
    /// Until when it may be retried: what ended it nobody knows when, may have done so at its first opening, and as well only
    /// after the last.
    until: DateTime<Utc>,
}

/// Every run that may be the latest: more than one where it cannot be told of an opening whether it was one of this
/// content.
#[derive(Debug, Default)]
struct Runs {
    /// Whether it is sure that there is one.
    sure: bool,
    perhaps: Vec<Run>,
}

impl Runs {
    /// The next opening, in the order of their instants.
    fn opened(&mut self, scene: &Scene<'_>, taken_back: &[TakenBack], at: DateTime<Utc>, surely: bool) {
        let goes_on = |run: &Run| at < run.until;
        // What an earlier run used up is not what this one was opened with.
        let spent = self.perhaps.iter().map(|run| run.first).min().filter(|_| self.sure);
        let begins = !self.sure || !self.perhaps.iter().all(goes_on);
        if surely {
            self.perhaps.retain(|run| at < run.over);
            self.sure = true;
        }
        if begins {
            let end = scene.rules.calendar.due(at, scene.rules.retry_within);
            let own = |it: &&TakenBack| it.at.is_some() || spent.is_none_or(|spent| it.approved > spent);
            let ended = || taken_back.iter().filter(|it| it.ended(at)).filter(own);
            let over = ended().filter_map(|it| it.at).fold(end, DateTime::min);
            let until = if ended().any(|it| it.at.is_none()) { at } else { over };
            self.perhaps.push(Run { first: at, over, until });
        }
    }

    /// Approvals up to then may be spent.
    fn latest(&self) -> Option<DateTime<Utc>> {
        self.perhaps.iter().map(|run| run.first).max()
    }

    /// The run whose time for a retry is over first, if it is sure that there is one.
    fn shortest(&self) -> Option<Run> {
        self.perhaps.iter().min_by_key(|run| run.until).copied().filter(|_| self.sure)
    }
}

/// Whether a deployment may have been opened by a decision on this very content.
fn perhaps_opening(scene: &Scene<'_>, deployment: &Deployment) -> bool {
    let ours = match deployment.approved {
        Fact::Known(true) | Fact::Unavailable(_) => true,
        Fact::Known(false) | Fact::Absent => false,
    };
    ours && same(scene, deployment) != Some(false)
}

/// Whether a deployment was of any component that goes now.
fn concerns(scene: &Scene<'_>, deployment: &Deployment) -> bool {
    scene.components.is_empty()
        || scene.components.iter().any(|component| deployment.components.contains_key(&component.name))
}

/// Whether a deployment was of other content of anything that goes now: what went again unchanged, by itself or at
/// another commit, is no newer release of it. `None` where that cannot be told.
pub(super) fn different(scene: &Scene<'_>, deployment: &Deployment) -> Option<bool> {
    if scene.components.is_empty() {
        return Some(!deployment.commit.eq_ignore_ascii_case(&scene.facts.release.commit));
    }
    let mut all = Some(false);
    for component in &scene.components {
        let Some(then) = deployment.components.get(&component.name) else { continue };
        let now = scene.facts.release.components.get(&component.name);
        match now.and_then(|now| alike(then, now)) {
            Some(true) => {}
            Some(false) => return Some(true),
            None => all = None,
        }
    }
    all
}

/// Whether the other parts of the package are those that a deployment was opened with; `None` where that cannot be told.
fn same_parts(scene: &Scene<'_>, deployment: &Deployment) -> Option<bool> {
    if scene.facts.release.package.unavailable().is_some() && !scene.rules.packages.is_empty() {
        return None;
    }
    let mut others = bound::other_parts(scene).peekable();
    if others.peek().is_none() {
        return Some(true);
    }
    let then = match &deployment.parts {
        Fact::Known(then) => then,
        Fact::Absent => return Some(false),
        Fact::Unavailable(_) => return None,
    };
    let mut all = Some(true);
    for (name, now) in others {
        match (then.get(name), now) {
            (Some(then), Fact::Known(now)) if *then == now.content => {}
            (Some(_), Fact::Absent | Fact::Unavailable(_)) => all = None,
            (Some(_) | None, _) => return Some(false),
        }
    }
    all
}

/// Whether a deployment was of the same content; `None` where that cannot be told.
fn same(scene: &Scene<'_>, deployment: &Deployment) -> Option<bool> {
    if !deployment.commit.eq_ignore_ascii_case(&scene.facts.release.commit) {
        return Some(false);
    }
    let mut all = Some(true);
    for component in &scene.components {
        let Some(then) = deployment.components.get(&component.name) else { return Some(false) };
        let Some(now) = scene.facts.release.components.get(&component.name) else {
            all = None;
            continue;
        };
        match alike(then, now) {
            Some(true) => {}
            Some(false) => return Some(false),
            None => all = None,
        }
    }
    all
}
