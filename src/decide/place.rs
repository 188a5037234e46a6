//! Where a release goes, from which branch or tag, and by what: the first things that a policy says of it.
//!
//! A name that is nearly an environment's is another environment, which nothing protects; it holds, and so does a tag
//! that was moved and a commit that the branch does not have.

use unicode_normalization::UnicodeNormalization as _;

use super::scene::Scene;
use super::words;
use crate::model::facts::{Fact, Reference};
use crate::model::ground::Ground;
use crate::model::lookalike::{latin, skeleton};
use crate::model::notable::is_deceptive;
use crate::model::release_decision::{Node, Status};
use crate::policy::rules::{Approval, EnvironmentRule};

/// How many letters two names may differ in and still look alike.
const ALIKE: usize = 2;
/// From how many letters on a name that is a part of another looks like it: `prod` in `production`.
const PART: usize = 3;

/// Whether the environment lets everything go by itself, whatever it is.
#[must_use]
pub fn automatic(scene: &Scene<'_>) -> bool {
    scene.environment.is_some_and(|environment| matches!(environment.approval, Approval::Automatic))
}

/// Judges where the release goes.
#[must_use]
pub fn judge(scene: &Scene<'_>) -> Vec<Node> {
    let mut nodes = Vec::with_capacity(3);
    let Some(environment) = scene.environment else {
        nodes.push(unknown(scene));
        nodes.extend(components(scene));
        return nodes;
    };
    let by = match &scene.facts.release.deployed_by {
        Fact::Known(by) if environment.deployed_by.contains(by) => [", by ", by].concat(),
        Fact::Known(_) | Fact::Absent | Fact::Unavailable(_) => String::new(),
    };
    let says = ["to `", &environment.name, "`", &by].concat();
    nodes.push(Node::new(Ground::EnvironmentKnown, Status::Met, says).stated(&environment.stated));
    nodes.extend(components(scene));
    nodes.extend(reference(scene, environment));
    nodes.extend(deployer(scene, environment));
    nodes
}

/// An environment that the policy does not have.
fn unknown(scene: &Scene<'_>) -> Node {
    let written = &scene.facts.release.environment;
    let shape = skeleton(written);
    let near = scene.rules.environments.iter().find(|rule| alike(&shape, &skeleton(&rule.name)));
    if let Some(near) = near {
        let says = format!(
            "the environment `{}` looks like `{}` and is another, which this policy does not protect; deploy to `{}`, or \
             remove the other one",
            shown(written),
            near.name,
            near.name
        );
        return Node::new(Ground::EnvironmentLookalike, Status::Unmet, says).stated(&near.stated);
    }
    let names: Vec<&str> = scene.rules.environments.iter().map(|rule| rule.name.as_str()).collect();
    let there = if names.is_empty() {
        "it has none; name it under `environments`".to_owned()
    } else {
        format!("there are {}; name it under `environments`", words::all_of(&names))
    };
    let says = format!("the policy has no environment `{}`: {there}", shown(written));
    Node::new(Ground::EnvironmentUnknown, Status::Unmet, says)
}

/// A name as a person can tell it from another: what does not show is escaped, and so is what only looks like ours.
fn shown(name: &str) -> String {
    name.chars().fold(String::with_capacity(name.len()), |mut out, character| {
        let alien = !character.is_ascii() && character.nfkc().any(|it| latin(it).is_ascii());
        if alien || is_deceptive(character) || (character.is_whitespace() && character != ' ') {
            out.extend(character.escape_unicode());
        } else {
            out.push(character);
        }
        out
    })
}

/// Whether two names look alike: the same to the eye, one in the other, or hardly different.
fn alike(one: &str, other: &str) -> bool {
    let within = |short: &str, long: &str| short.chars().count() >= PART && long.contains(short);
    one == other || within(one, other) || within(other, one) || strsim::levenshtein(one, other) <= ALIKE
}

/// Components that the policy does not have.
fn components(scene: &Scene<'_>) -> Option<Node> {
    if scene.unknown_components.is_empty() {
        return None;
    }
    let says = format!(
        "the policy has no component {}; name it under `components` with its paths",
        words::all_of(&scene.unknown_components.iter().map(|name| format!("`{}`", shown(name))).collect::<Vec<_>>())
    );
    Some(Node::new(Ground::NoComponent, Status::Unmet, says))
}

/// The branch or tag: whether it may go, and whether it is what it says. The second is asked of one that may not go as
/// well, since a grant can let that go.
fn reference(scene: &Scene<'_>, environment: &EnvironmentRule) -> Vec<Node> {
    let one = |code, status, says: String| Node::new(code, status, says).stated(&environment.stated);
    let restricted = environment.branches.is_some() || environment.tags.is_some();
    let reference = match &scene.facts.release.reference {
        Fact::Known(reference) => reference,
        // Where anything may go, what it comes from does not matter.
        Fact::Absent if !restricted => return Vec::new(),
        Fact::Absent => {
            let says = format!("no branch or tag is deployed; {}", allowed(environment));
            return vec![one(Ground::ReferenceNotAllowed, Status::Unmet, says)];
        }
        Fact::Unavailable(why) => {
            // One that is known holds what it does not reach, whatever the environment takes.
            let takes = if restricted { format!("; {}", allowed(environment)) } else { String::new() };
            let says = format!("which branch or tag is deployed could not be read: {why}{takes}");
            return vec![one(Ground::FactsUnavailable, Status::Unknown, says)];
        }
    };
    let listed = listed(environment, reference);
    let told = judged(scene, reference);
    let refused = (!listed && restricted).then(|| {
        let says = format!(
            "`{}` may not be released to {}; {}",
            shown(&reference.name),
            environment.name,
            allowed(environment)
        );
        (Ground::ReferenceNotAllowed, Status::Unmet, says)
    });
    let told = Some(told).filter(|(_, status, _)| refused.is_none() || !status.opens());
    let nodes = refused.into_iter().chain(told);
    nodes.map(|(code, status, says)| one(code, status, says).evidence([reference.name.as_str()])).collect()
}

/// Whether a branch or tag is one that the environment takes.
fn listed(environment: &EnvironmentRule, reference: &Reference) -> bool {
    match (reference.name.strip_prefix("refs/heads/"), reference.name.strip_prefix("refs/tags/")) {
        (Some(branch), _) => environment.branches.as_ref().is_some_and(|globs| globs.matches(branch)),
        (_, Some(tag)) => environment.tags.as_ref().is_some_and(|globs| globs.matches(tag)),
        (None, None) => false,
    }
}

fn judged(scene: &Scene<'_>, reference: &Reference) -> (Ground, Status, String) {
    let name = shown(&reference.name);
    let commit = words::short(&scene.facts.release.commit);
    let tag = reference.name.strip_prefix("refs/tags/");
    // A branch moves on while a release waits; that is what branches do. A tag that moves names something else.
    if tag.is_some() {
        match &reference.resolves_to {
            Fact::Known(now) if now.eq_ignore_ascii_case(&scene.facts.release.commit) => {}
            Fact::Known(now) => {
                let says = format!("`{name}` was moved: it names {} now, and {commit} is released", words::short(now));
                return (Ground::ReferenceMoved, Status::Unmet, says);
            }
            Fact::Absent => {
                return (Ground::ReferenceMoved, Status::Unmet, format!("`{name}` is there no longer"));
            }
            Fact::Unavailable(why) => {
                let says = format!("which commit `{name}` names now could not be read: {why}");
                return (Ground::FactsUnavailable, Status::Unknown, says);
            }
        }
    }
    match &reference.reaches {
        Fact::Known(true) => (Ground::ReferenceAllowed, Status::Met, ["from `", &name, "` at ", commit].concat()),
        Fact::Known(false) | Fact::Absent => {
            let says = format!(
                "commit {commit} cannot be reached from `{name}` in {}; it may come from a fork",
                scene.facts.release.repository
            );
            (Ground::CommitUnreachable, Status::Unmet, says)
        }
        Fact::Unavailable(why) => {
            let says = format!("whether commit {commit} can be reached from `{name}` could not be read: {why}");
            (Ground::CommitUnreachable, Status::Unknown, says)
        }
    }
}

/// What may be released, in words.
fn allowed(environment: &EnvironmentRule) -> String {
    let branches = environment.branches.as_ref().map(|globs| format!("the branches {}", globs.told()));
    let tags = environment.tags.as_ref().map(|globs| format!("the tags {}", globs.told()));
    let both: Vec<String> = branches.into_iter().chain(tags).collect();
    format!("{} takes {}", environment.name, words::all_of(&both))
}

/// What deploys.
fn deployer(scene: &Scene<'_>, environment: &EnvironmentRule) -> Option<Node> {
    if environment.deployed_by.is_empty() {
        return None;
    }
    let lets = words::any_of(&environment.deployed_by);
    let (code, status, says) = match &scene.facts.release.deployed_by {
        Fact::Known(by) if environment.deployed_by.contains(by) => return None,
        Fact::Known(by) => (
            Ground::DeployerNotAllowed,
            Status::Unmet,
            format!("`{}` deploys, and {} is deployed to by {lets} only", shown(by), environment.name),
        ),
        Fact::Absent => (
            Ground::DeployerNotAllowed,
            Status::Unmet,
            format!("nothing is said to deploy, and {} is deployed to by {lets} only", environment.name),
        ),
        Fact::Unavailable(why) => (
            Ground::FactsUnavailable,
            Status::Unknown,
            format!("what deploys could not be read: {why}; {} is deployed to by {lets} only", environment.name),
        ),
    };
    Some(Node::new(code, status, says).stated(&environment.stated))
}
