//! Going back: to the last good content that was approved here before, and to nothing else.
//!
//! Content is the same only with the same artifacts: what was built anew from it never ran here. What runs now is the
//! newest deployment of a component that has other content than the release or that succeeded; a failed attempt to go
//! back is no reason not to try again. The last good content is that of the newest deployment before it that succeeded,
//! that a decision opened, and that had other content.

use chrono::{DateTime, Utc};

use super::path::Path;
use super::released::alike;
use super::scene::Scene;
use super::words;
use crate::model::facts::{Deployment, Fact, Outcome, Released};
use crate::model::ground::Ground;
use crate::model::release_decision::{Node, Status};
use crate::policy::calendar;
use crate::policy::rules::Component;

/// Whether what goes is the last good content.
#[derive(Clone, Debug, PartialEq)]
pub enum LastGood<'s> {
    /// It is that of this deployment.
    Is(&'s Deployment),
    /// It is what runs now, which a decision let in: of several components, those that failed go back beside it.
    Runs,
    /// It is not, and why.
    Not(String),
    /// It cannot be told, and why.
    Unknown(String),
}

/// Whether the release goes back to the last good content of every component. `None`: it cannot be told.
#[must_use]
pub fn rollback(scene: &Scene<'_>) -> Option<bool> {
    *scene.totals.rollback.get_or_init(|| {
        if scene.components.is_empty() && !scene.rules.components.is_empty() {
            return Some(false);
        }
        let (mut unknown, mut back) = (false, false);
        for component in components(scene) {
            match last_good(scene, component) {
                LastGood::Is(_) => back = true,
                LastGood::Runs => {}
                LastGood::Not(_) => return Some(false),
                LastGood::Unknown(_) => unknown = true,
            }
        }
        (!unknown).then_some(back)
    })
}

/// The components, or the release as a whole where the policy has none.
fn components<'a, 's>(scene: &'a Scene<'s>) -> impl Iterator<Item = Option<&'s Component>> + 'a {
    let whole = scene.components.is_empty().then_some(None);
    scene.components.iter().copied().map(Some).chain(whole)
}

/// What goes or went of a component; of a release without components, its commit.
#[derive(Clone, Copy)]
enum Content<'s> {
    Commit(&'s str),
    Component(&'s Released),
}

impl<'s> Content<'s> {
    fn of(deployment: &'s Deployment, component: Option<&Component>) -> Option<Self> {
        let Some(component) = component else { return Some(Self::Commit(&deployment.commit)) };
        deployment.components.get(&component.name).map(Self::Component)
    }

    fn known(self) -> bool {
        match self {
            Self::Commit(_) => true,
            Self::Component(released) => released.content.known().is_some(),
        }
    }

    /// Whether two are the same, artifacts and all; `None` where that cannot be told.
    fn same(self, other: Self) -> Option<bool> {
        match (self, other) {
            (Self::Commit(one), Self::Commit(other)) => Some(one.eq_ignore_ascii_case(other)),
            (Self::Component(one), Self::Component(other)) => alike(one, other),
            _ => None,
        }
    }

    /// Whether two have the same content and other artifacts.
    fn rebuilt(self, other: Self) -> bool {
        match (self, other) {
            (Self::Component(one), Self::Component(other)) => {
                one.content.known().is_some() && one.content == other.content && alike(one, other) == Some(false)
            }
            _ => false,
        }
    }
}

/// Whether what goes of a component is its last good content here.
#[must_use]
pub fn last_good<'s>(scene: &Scene<'s>, component: Option<&Component>) -> LastGood<'s> {
    let release = &scene.facts.release;
    let deployments = match &scene.facts.deployments {
        Fact::Known(deployments) => deployments.as_slice(),
        Fact::Absent => &[],
        Fact::Unavailable(why) => return LastGood::Unknown(format!("what was deployed here could not be read: {why}")),
    };
    let ours = match component {
        None => Content::Commit(&release.commit),
        Some(component) => {
            let Some(released) = release.components.get(&component.name) else {
                return LastGood::Unknown("the facts do not state its content".to_owned());
            };
            if let Err(why) = stated(released) {
                return LastGood::Unknown(why);
            }
            Content::Component(released)
        }
    };
    // What a clock that goes ahead dates later than now was opened all the same.
    let mut here: Vec<(&Deployment, Content<'_>)> = deployments
        .iter()
        .filter(|deployment| deployment.environment == release.environment)
        .filter_map(|deployment| Some((deployment, Content::of(deployment, component)?)))
        .collect();
    let compared = |content: &Content<'_>| content.same(ours).filter(|_| content.known());
    here.sort_by(|(a, of_a), (b, of_b)| {
        let newer = (b.opened_at, &b.release).cmp(&(a.opened_at, &a.release));
        // Of one instant and one name, in whatever order they were read, what is known least counts first.
        let doubtful = || doubt(b, compared(of_b)).cmp(&doubt(a, compared(of_a)));
        let ours_first = || compared(of_b).cmp(&compared(of_a));
        newer.then_with(doubtful).then_with(ours_first).then_with(|| format!("{a:?}").cmp(&format!("{b:?}")))
    });
    let mut current: Option<Content<'_>> = None;
    for (deployment, content) in here {
        // What was given up changed nothing.
        if deployment.outcome == Fact::Known(Outcome::Cancelled) {
            continue;
        }
        let unknown = || LastGood::Unknown(format!("what `{}` brought is not known", deployment.release));
        let Some(ours_then) = content.same(ours).filter(|_| content.known()) else { return unknown() };
        let outcome = match &deployment.outcome {
            Fact::Known(outcome) => Some(*outcome),
            Fact::Absent => None,
            Fact::Unavailable(why) => {
                return LastGood::Unknown(format!("how `{}` ended could not be read: {why}", deployment.release));
            }
        };
        let Some(now) = current else {
            let succeeded = outcome == Some(Outcome::Succeeded);
            match (ours_then, succeeded) {
                (true, true) => return runs(deployment),
                // An attempt to go there.
                (true, false) => {}
                // Who goes back knows what from: a release that was under way before is no way back, it was overtaken.
                (false, _) if deployment.opened_at > release.submitted_at => {
                    let says = format!("`{}` went after this was asked for; ask for it anew", deployment.release);
                    return LastGood::Not(says);
                }
                (false, _) => current = Some(content),
            }
            continue;
        };
        let Some(runs) = content.same(now) else { return unknown() };
        if runs || outcome != Some(Outcome::Succeeded) {
            continue;
        }
        match (&deployment.approved, ours_then) {
            (Fact::Known(true), true) => return LastGood::Is(deployment),
            (Fact::Known(true), false) if content.rebuilt(ours) => {
                let says =
                    format!("it was built anew since `{}`; release the artifacts that ran then", deployment.release);
                return LastGood::Not(says);
            }
            (Fact::Known(true), false) => {
                return LastGood::Not(format!("the last good one is that of `{}`", deployment.release));
            }
            (Fact::Known(false) | Fact::Absent, _) => {}
            (Fact::Unavailable(why), _) => {
                let says = format!("whether a decision opened `{}` could not be read: {why}", deployment.release);
                return LastGood::Unknown(says);
            }
        }
    }
    LastGood::Not("nothing else was approved and succeeded here before".to_owned())
}

/// Whether a component ran here before with the content that goes, however it was built, and something else went since.
#[must_use]
pub fn ran_before(scene: &Scene<'_>, component: &Component) -> bool {
    let release = &scene.facts.release;
    let Some(Fact::Known(ours)) = release.components.get(&component.name).map(|it| &it.content) else { return false };
    let here = scene.facts.deployments.entries().iter().filter(|it| it.environment == release.environment);
    let went = here.filter(|it| it.outcome != Fact::Known(Outcome::Cancelled)).filter_map(|it| {
        let content = it.components.get(&component.name)?.content.known()?;
        Some((it.opened_at, content == ours, it.outcome == Fact::Known(Outcome::Succeeded)))
    });
    let went: Vec<_> = went.collect();
    went.iter().any(|(at, same, ran)| *same && *ran && went.iter().any(|(later, same, _)| !same && later > at))
}

/// How little is known of a deployment for going back to it: whether it was what goes now or how it ended, whether a
/// decision opened it, or that none did.
fn doubt(deployment: &Deployment, ours: Option<bool>) -> u8 {
    if ours.is_none() || deployment.outcome.unavailable().is_some() {
        return 3;
    }
    match deployment.approved {
        Fact::Unavailable(_) => 2,
        Fact::Known(false) | Fact::Absent => 1,
        Fact::Known(true) => 0,
    }
}

/// What goes of a component is what a deployment brought that runs now.
fn runs<'s>(deployment: &Deployment) -> LastGood<'s> {
    match &deployment.approved {
        Fact::Known(true) => LastGood::Runs,
        Fact::Known(false) | Fact::Absent => LastGood::Not("it is what runs now, and no decision let it in".to_owned()),
        Fact::Unavailable(why) => LastGood::Unknown(format!(
            "it is what runs now, and whether a decision opened `{}` could not be read: {why}",
            deployment.release
        )),
    }
}

/// Whether it is stated what goes, or what is missing of it.
fn stated(released: &Released) -> Result<(), String> {
    match (&released.content, &released.artifacts) {
        (Fact::Absent, _) => Err("its content has no digest".to_owned()),
        (Fact::Unavailable(why), _) => Err(format!("the digest of its content could not be read: {why}")),
        (_, Fact::Unavailable(why)) => Err(format!("its artifacts could not be read: {why}")),
        (Fact::Known(_), Fact::Known(_) | Fact::Absent) => Ok(()),
    }
}

/// What is said of the ways that go back.
#[must_use]
pub fn judge(scene: &Scene<'_>, path: &Path<'_>) -> Vec<Node> {
    let back = path.legs.iter().filter(|leg| leg.route.is_some_and(|route| route.to_last_good));
    let mut nodes: Vec<Node> = Vec::new();
    for leg in back {
        let LastGood::Is(deployment) = last_good(scene, leg.component) else { continue };
        let what = leg.component.map_or("the last good commit".to_owned(), |component| {
            format!("the last good content of {}", component.name)
        });
        let says = format!("back to {what}, that of `{}`{}", deployment.release, ran(scene, deployment.opened_at));
        let mut node = Node::new(Ground::Recovery, Status::Met, says).evidence([deployment.release.as_str()]);
        if let Some(route) = leg.route {
            node = node.stated(&route.stated);
        }
        nodes.push(node);
    }
    if nodes.is_empty() {
        return perhaps(scene).into_iter().collect();
    }
    match &scene.facts.release.irreversible {
        Fact::Known(migrations) if !migrations.is_empty() => {
            let says = format!(
                "going back is not possible past {}, which cannot be reverted; go forward with a fix",
                words::all_of(migrations)
            );
            nodes.push(Node::new(Ground::Irreversible, Status::Unmet, says).evidence(migrations.iter().cloned()));
        }
        Fact::Known(_) | Fact::Absent => {}
        Fact::Unavailable(why) => {
            let says = format!("whether a migration in between can be reverted could not be read: {why}");
            nodes.push(Node::new(Ground::Irreversible, Status::Unknown, says));
        }
    }
    nodes
}

/// What holds where it cannot be told whether the release goes back, and it would go past what cannot be reverted: that
/// something could not be read must not take it off the way on which that holds it.
fn perhaps(scene: &Scene<'_>) -> Option<Node> {
    if !scene.rules.routes.iter().any(|route| route.to_last_good) || rollback(scene).is_some() {
        return None;
    }
    let says = match &scene.facts.release.irreversible {
        Fact::Known(migrations) if !migrations.is_empty() => format!(
            "whether this goes back past {}, which cannot be reverted, cannot be told; state what goes and what ran here",
            words::all_of(migrations)
        ),
        Fact::Known(_) | Fact::Absent => return None,
        Fact::Unavailable(why) => {
            format!("whether this goes back past a migration that cannot be reverted could not be read: {why}")
        }
    };
    Some(Node::new(Ground::Irreversible, Status::Unknown, says))
}

fn ran(scene: &Scene<'_>, at: DateTime<Utc>) -> String {
    format!(", opened {}", calendar::told(at, scene.rules.calendar.zone))
}
