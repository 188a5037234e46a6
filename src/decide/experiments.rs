//! Experiments: which releases take the lighter path of two that are compared.
//!
//! By a stable hash, so that nobody picks; only among components that are known not to be critical; never without an
//! independent approval of every change, by somebody of whom it is known that he had no hand in it; never against whoever
//! the usual path would hear; and not once an experiment was stopped or its guardrail does not surely hold.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::approvals::{self, reviewed};
use super::known::{self, Known};
use super::path::{Path, Triage};
use super::scene::Scene;
use super::separation::gaps;
use crate::model::facts::{ExperimentCount, Fact};
use crate::model::ground::Ground;
use crate::model::release_decision::{Class, Node, Status};
use crate::policy::evaluate::{self, Facts, Given, Truth};
use crate::policy::rules::Experiment;

/// Into how many parts releases are split.
const PARTS: u64 = 10_000;

/// The two paths, counted.
struct Arms<'e>(&'e ExperimentCount);

#[expect(clippy::cast_precision_loss, reason = "nobody makes 2^53 releases")]
fn rate(failed: u64, releases: u64) -> Option<Given<'static>> {
    (releases > 0).then(|| Given::Number(failed as f64 / releases as f64))
}

impl Facts for Arms<'_> {
    #[expect(clippy::cast_precision_loss, reason = "nobody makes 2^53 releases")]
    fn value(&self, name: &str) -> Option<Given<'_>> {
        match name {
            "a.releases" => Some(Given::Number(self.0.a_releases as f64)),
            "b.releases" => Some(Given::Number(self.0.b_releases as f64)),
            "a.failure_rate" => rate(self.0.a_failed, self.0.a_releases),
            "b.failure_rate" => rate(self.0.b_failed, self.0.b_releases),
            _ => None,
        }
    }
}

/// Whether an experiment lets a release go by itself that people would approve otherwise, on the usual path; and what is
/// said of it.
#[must_use]
pub fn lighter<'s>(scene: &Scene<'s>, triage: &Triage, usual: &Path<'s>) -> (bool, Vec<Node>) {
    if triage.class != Class::Normal || scene.rules.experiments.is_empty() || scene.components.is_empty() {
        return (false, Vec::new());
    }
    let mut lighter = false;
    let mut nodes = Vec::new();
    for experiment in scene.rules.experiments.iter().filter(|experiment| experiment.b_automatic) {
        if let Some((takes, node)) = one(scene, triage, usual, experiment) {
            lighter |= takes;
            nodes.push(node);
        }
    }
    (lighter, nodes)
}

fn one<'s>(scene: &Scene<'s>, triage: &Triage, way: &Path<'s>, experiment: &Experiment) -> Option<(bool, Node)> {
    let known = Known::of(scene, Some(triage));
    if !known.all(&experiment.on, Truth::True) {
        let so = format!("experiment `{}` takes the usual path", experiment.name);
        let undecided = known.undecided(&experiment.on, Truth::True);
        return undecided.then(|| (false, known::untold(&experiment.on, &so, &experiment.stated)));
    }
    let name = &experiment.name;
    let node = |code, says: String| Node::new(code, Status::Note, says).stated(&experiment.stated);
    let usual = |says: String| Some((false, node(Ground::Experiment, format!("experiment `{name}`: {says}"))));
    let critical = scene.components.iter().find(|it| it.tier.as_deref().is_none_or(|tier| tier == "critical"));
    if let Some(critical) = critical {
        return usual(format!("not with {}, which is not known to be uncritical", critical.name));
    }
    if scene.goes_astray() {
        return usual("not with what belongs to no component, and so is not known to be uncritical".to_owned());
    }
    let counts = match scene.facts.experiments.get(name) {
        Some(Fact::Known(counts)) => counts,
        Some(Fact::Absent) => &NONE,
        Some(Fact::Unavailable(why)) => {
            return usual(format!("the usual path, for its counts could not be read: {why}"));
        }
        None => return usual("the usual path, for the facts do not state its counts".to_owned()),
    };
    if let Some(why) = stopped(experiment, counts) {
        let node = node(Ground::ExperimentStopped, format!("experiment `{name}` has ended: {why}"));
        return Some((false, node.evidence([name.as_str()])));
    }
    let changes = scene.changes().filter(|changes| !changes.is_empty());
    let Some(changes) = changes else {
        return usual("the usual path, for what changes is not known".to_owned());
    };
    let part = part(scene, name);
    #[expect(clippy::cast_precision_loss, reason = "a number up to 10000")]
    let other = (part as f64) < experiment.split * 100.0;
    if !other {
        let taken = usual(format!("the usual path, by its number {part} of {PARTS}"));
        return taken.map(|(takes, node)| (takes, node.evidence([name.as_str(), "a"])));
    }
    if let Some(why) = gaps::unknown(scene) {
        return usual(format!("the usual path, for who had a hand in it is not known: {why}"));
    }
    if let Some((_, change)) = changes.iter().enumerate().find(|(at, _)| reviewed::independently(scene, *at).is_none())
    {
        return usual(format!(
            "the other path by its number {part} of {PARTS}, once somebody who did not contribute to {} approves it",
            change.id
        ));
    }
    if let Some(why) = approvals::against(scene, triage, way) {
        return usual(format!("the usual path, for {why}"));
    }
    let says = format!("experiment `{name}`: the other path, by its number {part} of {PARTS}; it goes on by itself");
    Some((true, node(Ground::Experiment, says).evidence([name.as_str(), "b"])))
}

static NONE: ExperimentCount =
    ExperimentCount { a_releases: 0, a_failed: 0, b_releases: 0, b_failed: 0, stopped: Fact::Known(false) };

/// Why an experiment has ended. With too few releases on either path its guardrail says nothing.
fn stopped(experiment: &Experiment, counts: &ExperimentCount) -> Option<String> {
    if counts.stopped.perhaps() {
        return Some("it was stopped".to_owned());
    }
    let stop_if = experiment.stop_if.as_ref()?;
    if counts.a_releases < experiment.sample || counts.b_releases < experiment.sample {
        return None;
    }
    let answer = evaluate::condition(&stop_if.term, &Arms(counts));
    (answer != Truth::False).then(|| {
        let mut says = format!("`{}`", stop_if.source);
        let _ = write!(
            says,
            "; {} of {} failed on the usual path and {} of {} on the other",
            counts.a_failed, counts.a_releases, counts.b_failed, counts.b_releases
        );
        says
    })
}

/// The part that a release falls into: the first eight bytes, the most significant first, of the SHA-256 of the
/// experiment's name, the repository and the sorted names of the changes, with a zero byte between, modulo 10000.
fn part(scene: &Scene<'_>, name: &str) -> u64 {
    let mut changes: Vec<&str> = scene.changes().unwrap_or_default().iter().map(|change| change.id.as_str()).collect();
    changes.sort_unstable();
    let mut hash = Sha256::new();
    hash.update(name.as_bytes());
    for text in std::iter::once(scene.facts.release.repository.as_str()).chain(changes) {
        hash.update([0]);
        hash.update(text.as_bytes());
    }
    let hash = hash.finalize();
    hash.iter().take(8).fold(0_u64, |number, byte| (number << 8) | u64::from(*byte)) % PARTS
}
