//! Whether what goes is what went: digests, artifacts and content, compared in one way by all who ask.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::bound::bare;
use super::gates::names_commit;
use crate::model::facts::{Fact, GateEvidence, Release, Released};
use crate::policy::gate::{Gate, Same};

/// A digest as it is compared: without its algorithm's name, and in small letters. Tools write the same one otherwise.
#[must_use]
pub fn plain(digest: &str) -> Cow<'_, str> {
    // Every byte is looked at, which is quicker than to stop at the first that is found.
    if digest.bytes().fold(false, |found, byte| found | byte.is_ascii_uppercase()) {
        return Cow::Owned(bare(&digest.to_ascii_lowercase()).to_owned());
    }
    Cow::Borrowed(bare(digest))
}

/// Some digests as they are compared.
pub fn set<'d>(digests: impl IntoIterator<Item = &'d String>) -> BTreeSet<Cow<'d, str>> {
    digests.into_iter().map(|digest| plain(digest)).collect()
}

/// Whether two have the same artifacts, in whatever order; `None` where that cannot be told. An empty list says that
/// there are none, as `null` does.
#[must_use]
pub fn same_artifacts(one: &Fact<Vec<String>>, other: &Fact<Vec<String>>) -> Option<bool> {
    Some(match (listed(one)?, listed(other)?) {
        ([one], [other]) => plain(one) == plain(other),
        // Most are the same as they are written.
        (one, other) => one == other || (one.is_empty() == other.is_empty() && set(one) == set(other)),
    })
}

/// Whether two states of a component are the same: content and artifacts. `None` where that cannot be told.
#[must_use]
pub fn alike(then: &Released, now: &Released) -> Option<bool> {
    let content = match (&then.content, &now.content) {
        (Fact::Known(then), Fact::Known(now)) => Some(then == now),
        (Fact::Absent, Fact::Absent) => Some(true),
        (Fact::Known(_), Fact::Absent) | (Fact::Absent, Fact::Known(_)) => Some(false),
        (Fact::Unavailable(_), _) | (_, Fact::Unavailable(_)) => None,
    };
    match (content, same_artifacts(&then.artifacts, &now.artifacts)) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

/// The artifacts of something; `None` where they could not be read.
#[must_use]
pub fn listed(artifacts: &Fact<Vec<String>>) -> Option<&[String]> {
    match artifacts {
        Fact::Known(artifacts) => Some(artifacts),
        Fact::Absent => Some(&[]),
        Fact::Unavailable(_) => None,
    }
}

/// Why evidence is not of this release as its gate asks, where it is not: what is read from it beside the gate is read from
/// nothing that the gate would refuse.
#[must_use]
pub fn not_of(release: &Release, gate: &Gate, evidence: &GateEvidence) -> Option<&'static str> {
    if gate.from.is_some() && evidence.from.known() != gate.from.as_ref() {
        return Some("was not made by the pipeline that the policy names");
    }
    let commits = &evidence.commits;
    if commits.is_empty() && gate.same == Some(Same::Commit) {
        return Some("does not say which commit it is about");
    }
    if !commits.is_empty() && !commits.iter().any(|commit| names_commit(commit, &release.commit)) {
        return Some("is about another commit");
    }
    let named = gate.same == Some(Same::Artifact);
    if evidence.artifacts.is_empty() {
        return named.then_some("does not say which artifact it is about");
    }
    let guarded =
        release.components.iter().filter(|(name, _)| gate.components.is_empty() || gate.components.contains(name));
    let mut going: Vec<&String> = Vec::new();
    for (_, released) in guarded {
        match &released.artifacts {
            Fact::Known(artifacts) => going.extend(artifacts),
            Fact::Absent => {}
            Fact::Unavailable(_) => return Some("is about an artifact, and which ones are released is not known"),
        }
    }
    let going = set(going);
    let is_it = evidence.artifacts.iter().any(|digest| going.contains(&plain(digest)));
    (!is_it && (named || !going.is_empty())).then_some("is about another artifact")
}
