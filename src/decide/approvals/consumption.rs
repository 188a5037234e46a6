//! Whether approvals were used up: by opening the environment, not by an attempt of a job.
//!
//! The same content goes again within the time for a retry, unless something else was opened since. An opening within
//! that time of its run's first is a retry; any other begins a new run, for which approvals were given anew. What was
//! there at the first opening of the latest run is spent. Who takes back what a run was opened with ends that run, and so
//! does whoever edits or dismisses it: nobody says when that was, and so it may have been after the opening.
//!
//! The same content from another commit is no earlier try of this: what else that commit brought nobody approved. It used
//! up what was approved by then all the same, as approvals are of content.
//!
//! Only what is surely something else ends a run. What may be leaves two runs that may be the latest, and the content goes
//! again where both would let it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use crate::decide::bound::{self, Extent};
use crate::decide::latest;
use crate::decide::people::Person;
use crate::decide::released::alike;
use crate::decide::roles::{self, Voice};
use crate::decide::scene::Scene;
use crate::model::facts::{Act, Change, Deed, Deployment, Fact, Outcome, Standing, Via};

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
    /// When what he approved is known to have become what goes now, where it was of something earlier.
    moved: Option<DateTime<Utc>>,
}

impl TakenBack {
    /// Whether that ended a run: it stood on this approval when it was opened.
    #[must_use]
    pub fn ended(&self, first: DateTime<Utc>) -> bool {
        let stood = self.approved <= first && self.again.is_none_or(|again| first < again);
        let meant = self.moved.is_none_or(|moved| first < moved);
        stood && meant && self.at.is_none_or(|at| first <= at)
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
                let own = act.may_be_own() && !scene.withdrawn(act, person);
                if !own {
                    continue;
                }
                let moved = match of_this(scene, act) {
                    Of::Other => continue,
                    Of::This => None,
                    Of::Before(moved) => Some(moved),
                };
                match act.standing {
                    // A review is no second word on the release, and what may be another's is none of his.
                    Standing::Stands if act.via == Via::Review || !act.is_own() || !of_now(scene, act) => {}
                    Standing::Stands => stand.entry(person).or_default().push(act.at),
                    Standing::Edited | Standing::Dismissed if heard(act, person) => {
                        found.push(TakenBack { person, approved: act.at, at: None, again: None, moved });
                    }
                    Standing::Edited | Standing::Dismissed => {}
                }
            }
            Deed::Withdraw { of } if act.may_be_own() => {
                let Some(approval) = approvals.get(&(of.as_str(), person)) else { continue };
                // What he was let in by does not come back because he is gone.
                if heard(approval, person) {
                    let (approved, at) = (approval.at, Some(act.at));
                    found.push(TakenBack { person, approved, at, again: None, moved: None });
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

/// Whether an approval names every change that goes, with the content that it has: what was pushed since, or was not
/// named, is approved anew by nobody.
fn of_now(scene: &Scene<'_>, act: &Act) -> bool {
    let named = |change: &Change| act.saw.changes.get(&change.id) == Some(&change.content);
    scene.changes().is_some_and(|changes| changes.iter().all(named))
}

/// What an approval was of.
enum Of {
    /// What goes, or it may have been.
    This,
    /// Something earlier: by this instant somebody approved what came of it.
    Before(DateTime<Utc>),
    /// Something else.
    Other,
}

/// Whether an approval was of what goes, or may have been when that was opened; with when it is known to have been of
/// something earlier. A push dismisses reviews of what was there before it, but only who approved what came of it shows
/// that it was there by then.
fn of_this(scene: &Scene<'_>, act: &Act) -> Of {
    if act.via != Via::Review {
        // Of what does not stand and does not say of what it was, that is not known.
        let perhaps = act.standing != Standing::Stands && !bound::says_all(scene, act);
        let is_ours = perhaps || bound::to_release(scene, act, Extent::Part).is_ok();
        return if is_ours { Of::This } else { Of::Other };
    }
    let Some(now) = scene.contents().filter(|_| !act.saw.changes.is_empty()) else { return Of::This };
    let goes = || act.saw.changes.iter().filter_map(|(id, seen)| Some((id.as_str(), seen, *now.get(id.as_str())?)));
    if goes().next().is_none() {
        return Of::Other;
    }
    // Of several changes the last one says it.
    let moved = goes().map(|(id, seen, content)| {
        let approved = || latest::first_approved(scene, id, content);
        if seen == content { None } else { approved() }
    });
    moved.collect::<Option<Vec<_>>>().and_then(|moved| moved.into_iter().max()).map_or(Of::This, Of::Before)
}

/// Looks through what was deployed. What goes back is never kept by the other parts of its package.
#[must_use]
pub fn of<'s>(scene: &Scene<'s>, taken_back: &[TakenBack], recovers: bool) -> Used<'s> {
    let deployments = match &scene.facts.deployments {
        Fact::Known(deployments) => deployments,
        Fact::Absent => return Used::No,
        Fact::Unavailable(why) => return Used::Unknown(why),
    };
    let used = at_this_commit(scene, deployments, taken_back, recovers);
    let here = deployments.iter().filter(|it| it.environment == scene.facts.release.environment);
    let Some(at) = here.filter(|it| spent_elsewhere(scene, it)).map(|it| it.opened_at).max() else { return used };
    match used {
        Used::No => Used::Spent(at),
        Used::Spent(until) => Used::Spent(until.max(at)),
        Used::Superseded { by, until } => Used::Superseded { by, until: until.max(at) },
        // It asks for no approval.
        Used::Retry { .. } | Used::Unknown(_) => used,
    }
}

/// What became of the approvals by what was opened at the commit that goes now.
fn at_this_commit<'s>(
    scene: &Scene<'s>,
    deployments: &'s [Deployment],
    taken_back: &[TakenBack],
    recovers: bool,
) -> Used<'s> {
    // What a clock that goes ahead dates later than now was opened all the same: it uses up, and takes another's place.
    let here = || deployments.iter().filter(|it| it.environment == scene.facts.release.environment);
    // What cannot be compared may be something else: it supersedes and spends, and is never retried.
    let newest_other = newest(scene, here().filter(|it| replaces(scene, it)));
    let with_parts = |it: &Deployment| if recovers { Some(true) } else { same_parts(scene, it) };
    let mut openings: Vec<(&Deployment, Is)> = Vec::new();
    for it in here().filter(|it| perhaps_opening(scene, it)) {
        let (exactly, approved) = (same(scene, it) == Some(true), it.approved == Fact::Known(true));
        // With another part it is over, and if it was something else, too, unless that was given up.
        let over = approved && (exactly || it.outcome != Fact::Known(Outcome::Cancelled));
        let is = match with_parts(it) {
            Some(true) if exactly && approved => Is::This,
            Some(true) => Is::Perhaps,
            Some(false) if over => Is::Repackaged,
            Some(false) => Is::PerhapsRepackaged,
            None => Is::PerhapsWithParts,
        };
        openings.push((it, is));
    }
    let Some(last) = openings.iter().map(|(it, _)| it.opened_at).max() else { return Used::No };
    // What was opened with another part of the package used its approvals up, and is no earlier try of this.
    let other_part = |is: &Is| matches!(is, Is::Repackaged | Is::PerhapsRepackaged);
    let repackaged = openings.iter().filter(|(_, is)| other_part(is)).map(|(it, _)| it.opened_at).max();
    // What it is not known of whether a decision let it in, or what went, takes nothing back from what took the place.
    let surely = openings.iter().filter(|(_, is)| matches!(is, Is::This | Is::Repackaged));
    let surely = surely.map(|(it, _)| it.opened_at).max();
    let before = |other: DateTime<Utc>| openings.iter().any(|(it, _)| it.opened_at <= other);
    if let Some(by) = newest_other.filter(|it| before(it.opened_at) && surely.is_none_or(|at| at <= it.opened_at)) {
        return Used::Superseded { by, until: last };
    }
    if repackaged.is_some_and(|at| last <= at) {
        return Used::Spent(last);
    }
    let ended = here().filter(|it| replaces(scene, it) && different(scene, it) == Some(true)).map(|it| it.opened_at);
    let over = openings.iter().filter(|(_, is)| *is == Is::Repackaged).map(|(it, _)| it.opened_at);
    let ended = ended.chain(over).max();
    // Of one instant, what was opened comes before what took its place.
    let mut events: Vec<(DateTime<Utc>, Event)> = Vec::new();
    events.extend(here().filter(|it| replaces(scene, it)).map(|it| (it.opened_at, Event::PerhapsEnded)));
    for (it, is) in &openings {
        match is {
            Is::This | Is::Perhaps => events.push((it.opened_at, Event::Opened { surely: *is == Is::This })),
            Is::PerhapsWithParts => {
                events.push((it.opened_at, Event::Opened { surely: false }));
                events.push((it.opened_at, Event::PerhapsEnded));
            }
            Is::Repackaged | Is::PerhapsRepackaged => events.push((it.opened_at, Event::PerhapsEnded)),
        }
    }
    events.retain(|(at, _)| ended.is_none_or(|ended| *at > ended));
    events.sort();
    let mut runs = Runs::default();
    for (at, event) in events {
        match event {
            Event::Opened { surely } => runs.opened(scene, taken_back, at, surely),
            Event::PerhapsEnded => runs.perhaps_ended = true,
        }
    }
    // What went last perhaps went with another part.
    let latest = runs.latest().filter(|_| !runs.perhaps_ended).unwrap_or(last);
    match runs.shortest().filter(|_| !runs.perhaps_ended) {
        // Whichever of them is the latest has to have begun; that instant matters where it then goes again.
        Some(Run { first, until, .. }) if latest < until && scene.clock.within(latest, until) => {
            Used::Retry { first, until }
        }
        _ => Used::Spent(latest),
    }
}

/// What an opening is that may have been one of this content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Is {
    /// Of this, by a decision.
    This,
    /// Perhaps of this, with the parts that go now.
    Perhaps,
    /// Perhaps of this; whether with the parts that go now is not known.
    PerhapsWithParts,
    /// With another part, or something else.
    Repackaged,
    /// Perhaps of this, with another part.
    PerhapsRepackaged,
}

/// What happened to the runs, in the order in which it is taken of one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// It was opened, surely with this content or perhaps.
    Opened { surely: bool },
    /// Something else may have gone.
    PerhapsEnded,
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
    Ok(newest(scene, here.filter(|it| it.opened_at > since && replaces(scene, it))))
}

/// The last of some deployments; of one instant and name, that of which it is sure that it was something else.
fn newest<'s>(scene: &Scene<'_>, deployments: impl Iterator<Item = &'s Deployment>) -> Option<&'s Deployment> {
    let key = |it: &&'s Deployment| (it.opened_at, it.release.as_str(), different(scene, it) == Some(true));
    deployments.max_by(|a, b| key(a).cmp(&key(b)))
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
/// content, or of what went in between whether it was something else.
#[derive(Debug, Default)]
struct Runs {
    /// Whether it is sure that there is one.
    sure: bool,
    /// Whether something else may have gone since the last opening.
    perhaps_ended: bool,
    perhaps: Vec<Run>,
}

impl Runs {
    /// The next opening, in the order of their instants.
    fn opened(&mut self, scene: &Scene<'_>, taken_back: &[TakenBack], at: DateTime<Utc>, surely: bool) {
        let goes_on = |run: &Run| at < run.until;
        // What an earlier run used up is not what this one was opened with.
        let spent = self.perhaps.iter().map(|run| run.first).min().filter(|_| self.sure);
        let begins = !self.sure || self.perhaps_ended || !self.perhaps.iter().all(goes_on);
        self.perhaps_ended = false;
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

/// Whether a decision let a deployment in, or may have.
fn perhaps_ours(deployment: &Deployment) -> bool {
    match deployment.approved {
        Fact::Known(true) | Fact::Unavailable(_) => true,
        Fact::Known(false) | Fact::Absent => false,
    }
}

/// Whether a decision let the same content in at another commit, or may have. Without components the commit is the content.
fn spent_elsewhere(scene: &Scene<'_>, deployment: &Deployment) -> bool {
    !scene.components.is_empty()
        && !at_commit(scene, deployment)
        && perhaps_ours(deployment)
        && same_content(scene, deployment) != Some(false)
}

/// Whether a deployment was of the commit that goes now.
fn at_commit(scene: &Scene<'_>, deployment: &Deployment) -> bool {
    deployment.commit.eq_ignore_ascii_case(&scene.facts.release.commit)
}

/// Whether a deployment may have been opened by a decision on this very content.
fn perhaps_opening(scene: &Scene<'_>, deployment: &Deployment) -> bool {
    let ours = perhaps_ours(deployment);
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
        return Some(!at_commit(scene, deployment));
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

/// Whether a deployment was of the same commit and content; `None` where that cannot be told.
pub(in crate::decide) fn same(scene: &Scene<'_>, deployment: &Deployment) -> Option<bool> {
    if at_commit(scene, deployment) { same_content(scene, deployment) } else { Some(false) }
}

/// Whether a deployment was of the same content of everything that goes, at whatever commit; `None` where that cannot be
/// told.
fn same_content(scene: &Scene<'_>, deployment: &Deployment) -> Option<bool> {
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
