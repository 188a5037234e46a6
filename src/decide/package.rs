//! Packages: components that are released together or not at all, and in their order.

use super::path::Path;
use super::scene::Scene;
use super::words;
use crate::model::facts::{Fact, Outcome, Package, Part};
use crate::model::ground::Ground;
use crate::model::release_decision::{Node, Status};
use crate::policy::rules::PackageRule;

/// Judges the packages that the release is, or should be, a part of. A package never keeps what went from going back.
#[must_use]
pub fn judge(scene: &Scene<'_>, path: &Path<'_>) -> Vec<Node> {
    let ours = |rule: &&PackageRule| scene.components.iter().any(|it| rule.components.contains(&it.name));
    let mut nodes = match &scene.facts.release.package {
        Fact::Known(package) => {
            let others = scene.rules.packages.iter().filter(ours).filter(|other| other.name != package.name);
            let mut nodes: Vec<Node> = others.filter_map(|other| alone(scene, other)).collect();
            if let Some(rule) = scene.rules.packages.iter().find(|rule| rule.name == package.name) {
                nodes.splice(0..0, known(scene, rule, package));
            } else {
                let says = format!("the policy has no package `{}`; name it under `packages`", package.name);
                nodes.push(Node::new(Ground::PackageWaits, Status::Unmet, says));
            }
            nodes
        }
        Fact::Absent => scene.rules.packages.iter().filter(ours).filter_map(|rule| alone(scene, rule)).collect(),
        Fact::Unavailable(why) => {
            let mut rules = scene.rules.packages.iter().filter(ours);
            let node = |rule: &PackageRule| {
                let says = format!("whether it is released as a part of `{}` could not be read: {why}", rule.name);
                Node::new(Ground::FactsUnavailable, Status::Unknown, says).stated(&rule.stated)
            };
            rules.next().map(node).into_iter().collect()
        }
    };
    if path.recovers() {
        for node in &mut nodes {
            node.status = Status::Note;
        }
    }
    nodes
}

/// Whether a decision, by its tree, holds its release for nothing but the package that it is a part of: everything else lets it
/// go.
#[must_use]
pub fn is_ready_but_for_it(node: &Node) -> bool {
    if !node.parts.iter().all(is_ready_but_for_it) {
        return false;
    }
    // What holds by the worst of its parts holds for their reasons.
    let by_parts = node.parts.iter().any(|part| part.status == node.status);
    node.status.opens() || by_parts || matches!(node.code, Ground::PackageWaits | Ground::PackageOrder)
}

/// A component of a package that goes without the others.
fn alone(scene: &Scene<'_>, rule: &PackageRule) -> Option<Node> {
    let others: Vec<&str> = others(scene, rule).collect();
    if others.is_empty() {
        return None;
    }
    let says = format!(
        "`{}` is released together or not at all; release it with {} as one package",
        rule.name,
        words::all_of(&others)
    );
    Some(Node::new(Ground::PackageWaits, Status::Unmet, says).stated(&rule.stated))
}

/// The other parts of a package: those too of which it is not known whether they go along.
fn others<'r>(scene: &Scene<'_>, rule: &'r PackageRule) -> impl Iterator<Item = &'r str> {
    let others = |name: &&String| !scene.surely_goes(name);
    rule.components.iter().filter(others).map(String::as_str)
}

/// How another part stands.
enum Stands<'f> {
    Went,
    Failed,
    Ready,
    Waits,
    Missing,
    Unknown(&'f str),
}

fn stands(part: Option<&Fact<Part>>) -> Stands<'_> {
    let part = match part {
        Some(Fact::Known(part)) => part,
        Some(Fact::Absent) => return Stands::Missing,
        Some(Fact::Unavailable(why)) => return Stands::Unknown(why),
        None => return Stands::Unknown("the facts do not state it"),
    };
    match (&part.outcome, &part.ready) {
        (Fact::Known(Outcome::Succeeded), _) => Stands::Went,
        (Fact::Known(Outcome::Failed), _) => Stands::Failed,
        (Fact::Unavailable(why), _) | (_, Fact::Unavailable(why)) => Stands::Unknown(why),
        (Fact::Known(Outcome::Cancelled) | Fact::Absent, Fact::Known(true)) => Stands::Ready,
        (Fact::Known(Outcome::Cancelled) | Fact::Absent, Fact::Known(false) | Fact::Absent) => Stands::Waits,
    }
}

fn known(scene: &Scene<'_>, rule: &PackageRule, package: &Package) -> Vec<Node> {
    let mut nodes = Vec::new();
    let (mut went, mut failed): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    for other in others(scene, rule) {
        let part = package.parts.get(other);
        let stands = stands(part);
        match stands {
            Stands::Went => went.push(other),
            Stands::Failed => failed.push(other),
            _ => {}
        }
        let first = goes_before(scene, rule, other);
        let retries = matches!(part, Some(Fact::Known(part)) if part.ready == Fact::Known(true));
        let (code, status, says) = match stands {
            Stands::Went => continue,
            Stands::Ready if !first => continue,
            Stands::Failed if !first && retries => continue,
            Stands::Ready => {
                (Ground::PackageOrder, Status::Waiting, format!("{other} goes first, and has not gone yet"))
            }
            Stands::Failed if first => {
                (Ground::PackageOrder, Status::Unmet, format!("{other} goes first, and failed; deploy it again"))
            }
            Stands::Failed => {
                (Ground::PackageWaits, Status::Waiting, format!("{other} failed, and is not ready to go again"))
            }
            Stands::Waits => (Ground::PackageWaits, Status::Waiting, format!("{other} is not ready yet")),
            Stands::Missing => {
                let says = format!("{other} is not among what is released; add it to the package");
                (Ground::PackageWaits, Status::Unmet, says)
            }
            Stands::Unknown(why) => {
                (Ground::PackageWaits, Status::Unknown, format!("how {other} stands could not be read: {why}"))
            }
        };
        nodes.push(Node::new(code, status, format!("`{}`: {says}", rule.name)).stated(&rule.stated));
    }
    // What was released here is a part as well.
    let outcome = scene.facts.release.outcome.known();
    let ours = rule.components.iter().filter(|name| scene.surely_goes(name)).map(String::as_str);
    match outcome {
        Some(Outcome::Succeeded) => went.extend(ours),
        Some(Outcome::Failed) => failed.extend(ours),
        Some(Outcome::Cancelled) | None => {}
    }
    if !failed.is_empty() && !went.is_empty() {
        let says = format!(
            "`{}` is deployed in part: {} went, {} failed",
            rule.name,
            words::all_of(&went),
            words::all_of(&failed)
        );
        nodes.push(Node::new(Ground::PartialDeployment, Status::Note, says).stated(&rule.stated));
    }
    if nodes.iter().all(|node| node.status.opens()) {
        let says = format!("every part of `{}` can go", rule.name);
        nodes.insert(0, Node::new(Ground::PackageReady, Status::Met, says).stated(&rule.stated));
    }
    nodes
}

/// Whether another part has to go before one of ours.
fn goes_before(scene: &Scene<'_>, rule: &PackageRule, other: &str) -> bool {
    let Some(theirs) = rule.order.iter().position(|name| name == other) else { return false };
    rule.order.iter().skip(theirs + 1).any(|name| scene.components.iter().any(|component| component.name == *name))
}
