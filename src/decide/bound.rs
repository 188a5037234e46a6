//! What an act is bound to: this environment, this repository, and what goes, as whoever did it was shown it.
//!
//! Invariant: what an act that is asked about here does not name it is not about. Only a review of a pull or merge request
//! names nothing but the change, and only where it approves, rejects or says something.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use super::released::{self, plain};
use super::roles::Refusal;
use super::scene::Scene;
use crate::model::facts::{Act, CabDecision, Change, Deed, Fact, Part, Released, Saw, Via};
use crate::model::ground::Ground;

/// How much of a release an act has to be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// The environment and the repository, for what names by itself what it is about, such as a commit.
    Place,
    /// Some of the changes as well: another that joins the release takes nothing from it. An act that is about all of
    /// them is about exactly what is made of them.
    Part,
    /// All that goes.
    Whole,
}

/// What of a release somebody was shown.
#[derive(Clone, Debug)]
pub struct Shown<'a> {
    /// The changes, each with the digest of its content.
    pub changes: &'a BTreeMap<String, String>,
    /// The components, each with the digest of its content.
    pub components: &'a BTreeMap<String, String>,
    /// SHA-256 digests of the artifacts.
    artifacts: &'a [String],
    /// The same, as they are compared.
    compared: OnceCell<BTreeSet<Cow<'a, str>>>,
}

/// Up to so many digests are looked for as they are written before they are looked for as they are compared.
const FEW: usize = 16;

impl<'a> From<&'a CabDecision> for Shown<'a> {
    fn from(decision: &'a CabDecision) -> Self {
        Self {
            changes: &decision.changes,
            components: &decision.components,
            artifacts: &decision.artifacts,
            compared: OnceCell::new(),
        }
    }
}

impl<'a> From<&'a Saw> for Shown<'a> {
    fn from(saw: &'a Saw) -> Self {
        Self {
            changes: &saw.changes,
            components: &saw.components,
            artifacts: &saw.artifacts,
            compared: OnceCell::new(),
        }
    }
}

impl Shown<'_> {
    /// Whether exactly what changes now was shown.
    #[must_use]
    pub fn changes_are(&self, changes: &[Change]) -> bool {
        changes.len() == self.changes.len()
            && changes.iter().all(|change| self.changes.get(&change.id) == Some(&change.content))
    }

    /// Whether a component's content was shown; nothing of it where it is known to have no digest.
    #[must_use]
    pub fn has_content(&self, name: &str, content: &Fact<String>) -> bool {
        match content {
            Fact::Known(content) => self.components.get(name) == Some(content),
            Fact::Absent => true,
            Fact::Unavailable(_) => false,
        }
    }

    /// Whether all artifacts of a component were shown; none where it is known to have none.
    #[must_use]
    pub fn has_artifacts(&self, artifacts: &Fact<Vec<String>>) -> bool {
        match artifacts {
            Fact::Known(artifacts) => artifacts.iter().all(|digest| self.has(digest)),
            Fact::Absent => true,
            Fact::Unavailable(_) => false,
        }
    }

    fn has(&self, digest: &String) -> bool {
        (self.artifacts.len() <= FEW && self.artifacts.contains(digest))
            || self.compared().contains(plain(digest).as_ref())
    }

    fn compared(&self) -> &BTreeSet<Cow<'_, str>> {
        self.compared.get_or_init(|| released::set(self.artifacts))
    }

    /// An artifact that was shown and is none of those that go.
    fn other_than<'g>(&self, goes: impl Iterator<Item = &'g String> + Clone) -> Option<Cow<'_, str>> {
        if self.artifacts.len() <= FEW && self.artifacts.iter().all(|seen| goes.clone().any(|goes| goes == seen)) {
            return None;
        }
        let goes = released::set(goes);
        self.compared().iter().find(|seen| !goes.contains(seen.as_ref())).cloned()
    }
}

/// A digest without its algorithm's name.
#[must_use]
pub fn bare(digest: &str) -> &str {
    digest.strip_prefix("sha256:").unwrap_or(digest)
}

/// As much of a digest as is told.
#[must_use]
pub fn short(digest: &str) -> &str {
    let digest = bare(digest);
    digest.get(..12).unwrap_or(digest)
}

/// Whether an act is about this release, or what it does not name, or names otherwise.
pub fn to_release(scene: &Scene<'_>, act: &Act, extent: Extent) -> Result<(), Refusal> {
    let review =
        act.via == Via::Review && matches!(act.does, Deed::Approve { .. } | Deed::Reject {} | Deed::Comment {});
    let did = if matches!(act.does, Deed::Approve { .. }) { "approved it" } else { "it was" };
    place(scene, (&act.saw.environment, &act.saw.repository), did, review)?;
    if extent == Extent::Place {
        return Ok(());
    }
    let verb = if matches!(act.does, Deed::Approve { .. }) { "approved" } else { "was shown" };
    let shown = Shown::from(&act.saw);
    let Some(changes) = scene.changes() else {
        return match extent {
            Extent::Whole => {
                Err(Refusal::new(Ground::OtherContent, "whether it was for what changes now could not be read"))
            }
            // Nothing is covered by it then, and what could not be read is said there.
            Extent::Place | Extent::Part => Ok(()),
        };
    };
    let all = shown.changes_are(changes);
    if extent == Extent::Whole && !all {
        return Err(Refusal::new(Ground::OtherContent, other_changes(changes, &shown)));
    }
    if review {
        return match extent {
            Extent::Whole if changes.is_empty() => {
                Err(Refusal::new(Ground::OtherContent, "reviewed changes, and none goes"))
            }
            _ => Ok(()),
        };
    }
    if extent == Extent::Whole {
        parts(scene, act, false)?;
    }
    if all { made(scene, &shown, verb) } else { named(scene, &shown) }
}

/// Whether what a board decided on is what goes, and where to: exactly the changes, and the other parts of the package; and
/// of what goes without a change its content and its artifacts, which no change says. Where it names those of the rest as
/// well, they have to be what goes too.
pub fn decided_on(scene: &Scene<'_>, decision: &CabDecision) -> Result<(), Refusal> {
    decided_for(scene, decision, false)?;
    let shown = &Shown::from(decision);
    let Some(changes) = scene.changes() else {
        return Err(Refusal::new(Ground::OtherContent, "whether it was for what changes now could not be read"));
    };
    if !shown.changes_are(changes) {
        return Err(Refusal::new(Ground::OtherContent, other_changes(changes, shown)));
    }
    let by_changes = !changes.is_empty() && scene.components.iter().all(|component| scene.surely_touched(component));
    if by_changes && shown.components.is_empty() && shown.artifacts.is_empty() {
        return same_parts(scene, &decision.parts, true);
    }
    made(scene, shown, "was of")?;
    same_parts(scene, &decision.parts, true)
}

/// Whether a board decided for this environment and repository; what it does not say it decided for none, or if `unsaid`,
/// for any.
pub fn decided_for(scene: &Scene<'_>, decision: &CabDecision, unsaid: bool) -> Result<(), Refusal> {
    place(scene, (&decision.environment, &decision.repository), "it was", unsaid)
}

/// The environment and the repository; what need not be said may be any.
fn place(
    scene: &Scene<'_>,
    (environment, repository): (&Option<String>, &Option<String>),
    did: &str,
    unsaid: bool,
) -> Result<(), Refusal> {
    let release = &scene.facts.release;
    match environment {
        Some(environment) if *environment == release.environment => {}
        Some(environment) => {
            return Err(Refusal::new(Ground::OtherEnvironment, format!("{did} for `{environment}`")));
        }
        None if unsaid => {}
        None => return Err(Refusal::new(Ground::OtherEnvironment, "does not say for which environment")),
    }
    match repository {
        Some(repository) if *repository == release.repository => Ok(()),
        Some(repository) => Err(Refusal::new(Ground::OtherRepository, format!("{did} for `{repository}`"))),
        None if unsaid => Ok(()),
        None => Err(Refusal::new(Ground::OtherRepository, "does not say for which repository")),
    }
}

/// The other parts of the package are those that he was shown, and he was shown all of them. A review is of the change
/// alone.
pub(super) fn parts(scene: &Scene<'_>, act: &Act, recovers: bool) -> Result<(), Refusal> {
    same_parts(scene, &act.saw.parts, act.via != Via::Review && !recovers)
}

/// The parts of the package beside what goes itself, by name with how each stands; none where it is a part of none.
pub fn other_parts<'s>(scene: &Scene<'s>) -> impl Iterator<Item = (&'s String, &'s Fact<Part>)> {
    let package = scene.facts.release.package.known();
    package.into_iter().flat_map(|package| &package.parts).filter(|(name, _)| !scene.surely_goes(name))
}

fn same_parts(scene: &Scene<'_>, shown: &BTreeMap<String, String>, all: bool) -> Result<(), Refusal> {
    if let Some((name, _)) = other_parts(scene).find(|(name, _)| all && !shown.contains_key(*name)) {
        return Err(Refusal::new(Ground::PartChanged, format!("does not say of which `{name}` of the package")));
    }
    for (name, content) in shown {
        let now = match &scene.facts.release.package {
            Fact::Known(package) => package.parts.get(name),
            Fact::Absent | Fact::Unavailable(_) => None,
        };
        match now {
            Some(Fact::Known(part)) if part.content == *content => {}
            Some(Fact::Known(_)) => {
                return Err(Refusal::new(Ground::PartChanged, format!("`{name}` of the package changed since")));
            }
            Some(Fact::Absent | Fact::Unavailable(_)) | None => {
                return Err(Refusal::new(
                    Ground::PartChanged,
                    format!("whether `{name}` of the package is what was shown is not known"),
                ));
            }
        }
    }
    Ok(())
}

/// What is said of an act that is not about exactly what changes.
fn other_changes(changes: &[Change], shown: &Shown<'_>) -> String {
    if shown.changes.is_empty() {
        return "does not say which changes were shown".to_owned();
    }
    let moved = changes.iter().find(|change| shown.changes.get(&change.id) != Some(&change.content));
    match moved {
        Some(change) if shown.changes.contains_key(&change.id) => {
            format!("it was before the content of {} changed", change.id)
        }
        Some(change) => format!("it was not about {}", change.id),
        None => "it was about changes that do not go".to_owned(),
    }
}

/// Whether an act says of which content and of which artifacts it is, where anything has them.
#[must_use]
pub(super) fn names_outcome(scene: &Scene<'_>, act: &Act) -> bool {
    named(scene, &Shown::from(&act.saw)).is_ok()
}

/// Whether an act says of everything that goes what it was: of one that does not, nobody knows what it was of.
#[must_use]
pub(super) fn says_all(scene: &Scene<'_>, act: &Act) -> bool {
    let components = &scene.facts.release.components;
    let content = |(name, released): (&String, &Released)| {
        released.content.known().is_none() || act.saw.components.contains_key(name)
    };
    act.saw.environment.is_some()
        && act.saw.repository.is_some()
        && components.iter().all(content)
        && (!act.saw.artifacts.is_empty() || components.values().all(|it| it.artifacts.entries().is_empty()))
}

/// That something of what is made of the changes was shown, where there is something.
fn named(scene: &Scene<'_>, shown: &Shown<'_>) -> Result<(), Refusal> {
    let mut released = scene.facts.release.components.iter();
    if shown.components.is_empty()
        && let Some((name, _)) = released.find(|(_, released)| matches!(released.content, Fact::Known(_)))
    {
        return Err(unsaid_content(name));
    }
    let mut released = scene.facts.release.components.values();
    if shown.artifacts.is_empty() && released.any(|released| !released.artifacts.entries().is_empty()) {
        return Err(unsaid_artifacts());
    }
    Ok(())
}

fn unsaid_content(name: &str) -> Refusal {
    Refusal::new(Ground::OtherContent, format!("does not say which content of `{name}` was shown"))
}

fn unsaid_artifacts() -> Refusal {
    Refusal::new(Ground::OtherArtifact, "does not say which artifacts were shown")
}

/// That exactly what is made of the changes was shown: the content of each component, and the artifacts.
fn made(scene: &Scene<'_>, shown: &Shown<'_>, verb: &str) -> Result<(), Refusal> {
    let components = &scene.facts.release.components;
    let mut something = scene.changes().is_some_and(|changes| !changes.is_empty());
    if let Some(unstated) = scene.components.iter().find(|component| !components.contains_key(&component.name)) {
        let says =
            format!("the facts do not state what goes of `{}`, and so not whether that was shown", unstated.name);
        return Err(Refusal::new(Ground::OtherContent, says));
    }
    for (name, released) in components {
        let content = match &released.content {
            Fact::Known(content) => content,
            Fact::Absent => continue,
            Fact::Unavailable(why) => {
                return Err(Refusal::new(
                    Ground::OtherContent,
                    format!("whether `{name}` is what was shown could not be read: {why}"),
                ));
            }
        };
        something = true;
        match shown.components.get(name) {
            Some(seen) if seen == content => {}
            Some(_) => {
                return Err(Refusal::new(Ground::OtherContent, format!("{verb} `{name}` before its content changed")));
            }
            None => return Err(unsaid_content(name)),
        }
    }
    for released in components.values() {
        match &released.artifacts {
            Fact::Known(artifacts) => {
                something |= !artifacts.is_empty();
                if let Some(other) = artifacts.iter().find(|digest| !shown.has(digest)) {
                    if shown.artifacts.is_empty() {
                        return Err(unsaid_artifacts());
                    }
                    return Err(Refusal::new(
                        Ground::OtherArtifact,
                        format!("{verb} other artifacts; sha256:{} goes now", short(other)),
                    ));
                }
            }
            Fact::Absent => {}
            Fact::Unavailable(why) => {
                return Err(Refusal::new(
                    Ground::OtherArtifact,
                    format!("whether the artifacts are those that were shown could not be read: {why}"),
                ));
            }
        }
    }
    if let Some(gone) = shown.other_than(components.values().flat_map(|released| released.artifacts.entries())) {
        return Err(Refusal::new(Ground::OtherArtifact, format!("{verb} sha256:{}, which does not go", short(&gone))));
    }
    if something {
        return Ok(());
    }
    Err(Refusal::new(Ground::OtherContent, "nothing says what goes, and so not whether it was about that"))
}
