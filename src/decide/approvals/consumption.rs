//! Whether approvals were used up: by opening the environment, not by an attempt of a job.
//!
//! The same content goes again within the time for a retry, unless something else was opened since. After that,
//! approvals that were there at the opening are spent.

use chrono::{DateTime, Utc};

use crate::decide::scene::Scene;
use crate::model::facts::{Deployment, Fact, Released};

/// What became of the approvals that there were.
#[derive(Clone, Copy, Debug)]
pub enum Used<'s> {
    /// Nothing was opened with this content.
    No,
    /// What was deployed could not be read.
    Unknown(&'s str),
    /// It was opened, and may go again until then.
    Retry {
        /// When it was opened first.
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

/// Looks through what was deployed.
#[must_use]
pub fn of<'s>(scene: &Scene<'s>) -> Used<'s> {
    let deployments = match &scene.facts.deployments {
        Fact::Known(deployments) => deployments,
        Fact::Absent => return Used::No,
        Fact::Unavailable(why) => return Used::Unknown(why),
    };
    let here = || {
        deployments
            .iter()
            .filter(|it| it.environment == scene.facts.release.environment && scene.clock.reached(it.opened_at))
    };
    // What cannot be compared supersedes and spends, and is never retried.
    let newest_other = here()
        .filter(|it| concerns(scene, it))
        .filter(|it| match different(scene, it) {
            Some(different) => different,
            None => !perhaps_opening(scene, it),
        })
        .max_by(|a, b| (a.opened_at, &a.release).cmp(&(b.opened_at, &b.release)));
    let openings = || here().filter(|it| perhaps_opening(scene, it));
    let since = |at: DateTime<Utc>| newest_other.is_none_or(|other| at > other.opened_at);
    let current = || openings().filter(|it| since(it.opened_at));
    let Some(first_perhaps) = current().map(|it| it.opened_at).min() else {
        return match (newest_other, openings().map(|it| it.opened_at).max()) {
            (Some(by), Some(until)) => Used::Superseded { by, until },
            _ => Used::No,
        };
    };
    let surely = |it: &&Deployment| same(scene, it) == Some(true) && it.approved == Fact::Known(true);
    if let Some(first) = current().filter(surely).map(|it| it.opened_at).min() {
        let until = scene.rules.calendar.due(first, scene.rules.retry_within);
        if scene.clock.within(first, until) {
            return Used::Retry { first, until };
        }
    }
    Used::Spent(first_perhaps)
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
fn different(scene: &Scene<'_>, deployment: &Deployment) -> Option<bool> {
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

/// Whether two states of a component are the same: content and artifacts.
fn alike(then: &Released, now: &Released) -> Option<bool> {
    let content = compared(&then.content, &now.content, |a, b| a == b);
    let artifacts = compared(&then.artifacts, &now.artifacts, |a, b| {
        a.iter().all(|digest| b.contains(digest)) && b.iter().all(|digest| a.contains(digest))
    });
    match (content, artifacts) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

fn compared<T>(then: &Fact<T>, now: &Fact<T>, equal: impl Fn(&T, &T) -> bool) -> Option<bool> {
    match (then, now) {
        (Fact::Known(then), Fact::Known(now)) => Some(equal(then, now)),
        (Fact::Absent, Fact::Absent) => Some(true),
        (Fact::Known(_), Fact::Absent) | (Fact::Absent, Fact::Known(_)) => Some(false),
        (Fact::Unavailable(_), _) | (_, Fact::Unavailable(_)) => None,
    }
}
