//! Promotion: what goes on is what ran before, byte for byte, and for long enough.

use chrono::{DateTime, Utc};

use super::path::{Leg, Path};
use super::released;
use super::scene::Scene;
use super::words;
use crate::model::facts::{Deployment, Fact, Outcome, Released};
use crate::model::ground::Ground;
use crate::model::release_decision::{Node, Status};
use crate::policy::calendar;
use crate::policy::rules::{Component, EnvironmentRule, SameAs};

/// Whether two things are the same.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Same {
    Yes,
    No,
    Unknown,
}

/// Judges whether the release ran where it comes from. What goes back ran here before.
#[must_use]
pub fn judge(scene: &Scene<'_>, path: &Path<'_>) -> Vec<Node> {
    let Some((environment, from)) = scene.environment.and_then(|it| Some((it, it.from.as_deref()?))) else {
        return Vec::new();
    };
    let goes_on = |leg: &&Leg<'_>| !leg.route.is_some_and(|route| route.to_last_good);
    // What belongs to no component has nothing that could have run.
    let judged = |leg: &&Leg<'_>| leg.component.is_some() || scene.rules.components.is_empty();
    let legs = path.legs.iter().filter(goes_on).filter(judged);
    legs.map(|leg| one(scene, environment, from, leg.component).stated(&environment.stated)).collect()
}

fn one(scene: &Scene<'_>, environment: &EnvironmentRule, from: &str, component: Option<&Component>) -> Node {
    let of = component.map_or("the release", |component| component.name.as_str());
    let deployments = match &scene.facts.deployments {
        Fact::Known(deployments) => deployments.as_slice(),
        Fact::Absent => &[],
        Fact::Unavailable(why) => {
            let says = format!("whether {of} ran in {from} could not be read: {why}");
            return Node::new(Ground::FactsUnavailable, Status::Unknown, says);
        }
    };
    let there: Vec<&Deployment> = deployments
        .iter()
        .filter(|it| it.environment == from)
        .filter(|it| component.is_none_or(|component| it.components.contains_key(&component.name)))
        .collect();
    let mut best: Option<Stay<'_>> = None;
    let mut unknown = None;
    let mut there: Vec<(&Deployment, Same)> =
        there.into_iter().map(|it| (it, same(scene, environment.same, component, it))).collect();
    // The earliest first: where it ran for long enough once, nothing is waited for that came later.
    there.sort_by_key(|(it, _)| (it.finished_at.known().copied(), &it.release));
    // What may have taken another's place, the earliest first: looked up, however much was deployed there.
    let others: Vec<&Deployment> = there
        .iter()
        .filter(|(it, same)| *same != Same::Yes && it.outcome != Fact::Known(Outcome::Cancelled))
        .map(|(it, _)| *it)
        .collect();
    let others = Others::new(others);
    for (deployment, same) in &there {
        if best.as_ref().is_some_and(Stay::enough) {
            break;
        }
        let deployment = *deployment;
        match (&deployment.outcome, &deployment.finished_at, *same) {
            // Something else, or it does not run there.
            (_, _, Same::No)
            | (Fact::Known(Outcome::Failed | Outcome::Cancelled) | Fact::Absent, _, _)
            | (Fact::Known(Outcome::Succeeded), Fact::Absent, Same::Yes) => {}
            (Fact::Known(Outcome::Succeeded), Fact::Known(since), Same::Yes) => {
                let stay = scene.clock.reached(*since).then(|| stay(scene, environment, &others, deployment, *since));
                if let Some(stay) = stay.filter(|stay| best.as_ref().is_none_or(|best| stay.better(best))) {
                    best = Some(stay);
                }
            }
            (Fact::Unavailable(why), _, _) | (_, Fact::Unavailable(why), _) => {
                unknown.get_or_insert(format!("how `{}` went could not be read: {why}", deployment.release));
            }
            (Fact::Known(Outcome::Succeeded), _, Same::Unknown) => {
                unknown.get_or_insert(format!("what `{}` brought cannot be compared", deployment.release));
            }
        }
    }
    match (best, unknown) {
        (Some(stay), _) if stay.enough() => stay.told(scene, environment, from, of),
        (_, Some(why)) => {
            let says = format!("whether {of} ran in {from} cannot be told: {why}");
            Node::new(Ground::NotPromoted, Status::Unknown, says)
        }
        (Some(stay), None) => stay.told(scene, environment, from, of),
        (None, None) => not_there(scene, environment, from, component, of, &there),
    }
}

/// What may have taken another's place.
struct Others<'d> {
    /// By when they were opened.
    opened: Vec<&'d Deployment>,
    /// By when they ended, where that is known: what was opened earlier can end later, and runs then.
    ended: Vec<(DateTime<Utc>, &'d Deployment)>,
    /// The first that was opened of those whose end could not be read.
    unread: Option<&'d Deployment>,
}

impl<'d> Others<'d> {
    fn new(mut opened: Vec<&'d Deployment>) -> Self {
        opened.sort_by_key(|it| (it.opened_at, &it.release));
        let ended = opened.iter().filter_map(|it| Some((*it.finished_at.known()?, *it)));
        let mut ended: Vec<(DateTime<Utc>, &Deployment)> = ended.collect();
        ended.sort_by_key(|(at, it)| (*at, &it.release));
        let unread = opened.iter().find(|it| it.finished_at.unavailable().is_some()).copied();
        Self { opened, ended, unread }
    }

    /// What took the place of a deployment that ran since an instant, before another instant.
    fn replaced(
        &self,
        scene: &Scene<'_>,
        deployment: &Deployment,
        since: DateTime<Utc>,
        before: DateTime<Utc>,
    ) -> Option<&'d Deployment> {
        let happened = |at: DateTime<Utc>| at < before && scene.clock.reached(at);
        let later = self.opened.partition_point(|other| other.opened_at < deployment.opened_at);
        let opened = self.opened.get(later).filter(|other| happened(other.opened_at)).copied();
        let ended = || {
            let later = self.ended.partition_point(|(at, _)| *at <= since);
            self.ended.get(later).filter(|(at, _)| happened(*at)).map(|(_, other)| *other)
        };
        let unread = || self.unread.filter(|other| happened(other.opened_at));
        opened.or_else(ended).or_else(unread)
    }
}

/// How long something ran in one go.
struct Stay<'d> {
    deployment: &'d Deployment,
    since: DateTime<Utc>,
    /// When it has run for long enough; `None` where nothing is asked.
    enough_at: Option<DateTime<Utc>>,
    /// Whether that is so.
    soaked: bool,
    /// What took its place before that.
    replaced_by: Option<&'d Deployment>,
}

impl Stay<'_> {
    fn enough(&self) -> bool {
        self.soaked
    }

    fn better(&self, other: &Self) -> bool {
        let rank = |stay: &Self| (stay.soaked, stay.replaced_by.is_none());
        (rank(self), other.since) > (rank(other), self.since)
    }

    fn told(&self, scene: &Scene<'_>, environment: &EnvironmentRule, from: &str, of: &str) -> Node {
        let zone = scene.rules.calendar.zone;
        let since = calendar::told(self.since, zone);
        let soak = environment.soak.map_or(String::new(), |soak| format!(" for {soak}"));
        let node =
            |code, status, says: String| Node::new(code, status, says).evidence([self.deployment.release.as_str()]);
        match (self.soaked, self.replaced_by, self.enough_at) {
            (true, ..) => {
                let says = [of, " ran in ", from, &soak, ", since ", &since].concat();
                node(Ground::Promoted, Status::Met, says)
            }
            (false, Some(other), _) => {
                let says = format!(
                    "{of} has not run in {from}{soak}: `{}` took its place; deploy it there once more",
                    other.release
                );
                node(Ground::Soaking, Status::Unmet, says)
            }
            (false, None, enough_at) => {
                let at = enough_at.map_or(String::new(), |at| format!("; enough at {}", calendar::told(at, zone)));
                let left = enough_at.map_or(String::new(), |at| {
                    #[expect(clippy::cast_precision_loss, reason = "seconds of a soak stay far below 2^53")]
                    let seconds = (at - scene.clock.now()).num_seconds() as f64;
                    format!(", {} left", super::explain::length(seconds))
                });
                let says = format!("{of} has to run in {from}{soak}, and runs there since {since}{left}{at}");
                node(Ground::Soaking, Status::Waiting, says).next(enough_at)
            }
        }
    }
}

/// How long a deployment ran: until something else of its component was put there, or ended there. Of two that were opened
/// at one instant, nobody knows which runs.
fn stay<'d>(
    scene: &Scene<'_>,
    environment: &EnvironmentRule,
    others: &Others<'d>,
    deployment: &'d Deployment,
    since: DateTime<Utc>,
) -> Stay<'d> {
    let Some(soak) = environment.soak else {
        return Stay { deployment, since, enough_at: None, soaked: true, replaced_by: None };
    };
    let enough_at = scene.rules.calendar.due(since, soak);
    let replaced_by = others.replaced(scene, deployment, since, enough_at);
    let soaked = replaced_by.is_none() && scene.clock.reached(enough_at);
    Stay { deployment, since, enough_at: Some(enough_at), soaked, replaced_by }
}

/// Whether a deployment brought what is released.
fn same(scene: &Scene<'_>, by: SameAs, component: Option<&Component>, deployment: &Deployment) -> Same {
    let yes = |same: bool| if same { Same::Yes } else { Same::No };
    match (by, component) {
        (SameAs::Commit, _) => yes(deployment.commit.eq_ignore_ascii_case(&scene.facts.release.commit)),
        (SameAs::Artifact, None) => Same::Unknown,
        (SameAs::Artifact, Some(component)) => {
            match (scene.facts.release.components.get(&component.name), deployment.components.get(&component.name)) {
                (Some(ours), Some(theirs)) => same_artifacts(ours, theirs),
                (None, _) => Same::Unknown,
                (_, None) => Same::No,
            }
        }
    }
}

/// Whether two have the same artifacts, as sets. Of what has no artifact at all, the content is what goes.
fn same_artifacts(ours: &Released, theirs: &Released) -> Same {
    match released::same_artifacts(&ours.artifacts, &theirs.artifacts) {
        Some(true) if ours.artifacts.entries().is_empty() => match (&ours.content, &theirs.content) {
            (Fact::Known(ours), Fact::Known(theirs)) if ours == theirs => Same::Yes,
            (Fact::Known(_), Fact::Known(_)) => Same::No,
            _ => Same::Unknown,
        },
        Some(true) => Same::Yes,
        Some(false) => Same::No,
        None => Same::Unknown,
    }
}

/// What is said of a component that never ran there.
fn not_there(
    scene: &Scene<'_>,
    environment: &EnvironmentRule,
    from: &str,
    component: Option<&Component>,
    of: &str,
    there: &[(&Deployment, Same)],
) -> Node {
    let commit = words::short(&scene.facts.release.commit);
    let what = match environment.same {
        SameAs::Artifact => "these artifacts",
        SameAs::Commit => "this commit",
    };
    let rebuilt = environment.same == SameAs::Artifact
        && there.iter().any(|(it, _)| {
            it.commit.eq_ignore_ascii_case(&scene.facts.release.commit)
                && same(scene, SameAs::Artifact, component, it) == Same::No
        });
    let says = if rebuilt {
        format!("other artifacts of commit {commit} ran in {from}; what goes on is what ran there, not a rebuild")
    } else {
        format!("{of} has not run in {from} with {what}; deploy {commit} there first")
    };
    Node::new(Ground::NotPromoted, Status::Unmet, says)
}
