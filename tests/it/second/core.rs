//! What the core answers, in the terms in which the two are compared.

use std::collections::{BTreeMap, BTreeSet};

use countersign::decide::release::decide;
use countersign::model::ground::Ground;
use countersign::model::release_decision::{Node, OpenedObligation, ReleaseDecision};
use countersign::policy::{self, Policy, Source};

use super::judge::{Answer, thousandths};
use super::worlds::World;

pub fn read(text: &str) -> Result<Policy, String> {
    read_layers(&[text])
}

/// The outermost first.
pub fn read_layers(texts: &[&str]) -> Result<Policy, String> {
    let source = |(at, text): (usize, &&str)| Source {
        path: format!("policy-{at}.yml"),
        text: (*text).to_owned(),
        sha256: "ab".repeat(32),
        from: None,
    };
    let sources = texts.iter().enumerate().map(source).collect();
    policy::read(sources).map_err(|complaints| complaints.iter().map(|file| file.render(false)).collect())
}

pub fn decision(policy: &Policy, world: &World) -> ReleaseDecision {
    decide(policy, &world.facts, world.now)
}

/// A decision with its reasons, for a reader.
pub fn told(decision: &ReleaseDecision) -> String {
    let mut lines = vec![decision.summary.clone()];
    decision.tree.walk(&mut |node| lines.push(format!("  {:?} {}: {}", node.status, node.code.code(), node.says)));
    lines.join("\n")
}

pub fn answer(decision: &ReleaseDecision) -> Answer {
    let mut holds = BTreeSet::new();
    let mut roles = BTreeMap::new();
    for part in &decision.tree.parts {
        collect(part, &mut holds, &mut roles);
    }
    Answer {
        ruling: decision.decision,
        class: decision.class,
        impact: decision.risk.impact,
        routes: decision.routes.clone(),
        rigor: decision.rigor,
        holds,
        roles,
        score: decision.risk.score.map(thousandths),
        owed: decision.obligations.iter().map(follows).collect(),
    }
}

/// Whether an experiment lets it go by itself.
pub fn on_trial(decision: &ReleaseDecision) -> bool {
    let mut found = false;
    decision.tree.walk(&mut |node| found |= node.code == Ground::Experiment && node.says.contains("goes on by itself"));
    found
}

/// Something that follows, as it is compared.
fn follows(owed: &OpenedObligation) -> String {
    if owed.kind == "back_merge" {
        return owed.kind.clone();
    }
    let due = owed.due.map_or("never".to_owned(), |due| due.timestamp().to_string());
    format!("{} {} {due}", owed.kind, owed.by.as_deref().unwrap_or("nobody"))
}

fn collect(node: &Node, holds: &mut BTreeSet<&'static str>, roles: &mut BTreeMap<String, (usize, bool)>) {
    if node.digest.is_some() {
        if let Some((role, total)) = role_of(&node.says) {
            roles.insert(role, (total, node.status.opens()));
        }
        if !node.status.opens() {
            holds.insert("approvals");
        }
        return;
    }
    let held_below = node.parts.iter().any(|part| !part.status.opens());
    for part in &node.parts {
        collect(part, holds, roles);
    }
    if node.status.opens() || (held_below && node.code == Ground::Together) {
        return;
    }
    holds.insert(subject(node));
}

/// The role that a requirement is about, and how many people it takes.
fn role_of(says: &str) -> Option<(String, usize)> {
    let word = |text: &str| {
        let end = text.find(|c: char| !(c.is_ascii_lowercase() || c == '-')).unwrap_or(text.len());
        text[..end].to_owned()
    };
    if let Some(rest) = says.strip_prefix("approved for ") {
        return Some((word(rest), 0));
    }
    let total = says.split(" of ").nth(1)?.split(' ').next()?.parse().ok()?;
    Some((word(says.split(" from ").nth(1)?), total))
}

fn subject(node: &Node) -> &'static str {
    match node.code {
        Ground::EnvironmentUnknown
        | Ground::EnvironmentLookalike
        | Ground::ReferenceNotAllowed
        | Ground::ReferenceMoved
        | Ground::CommitUnreachable
        | Ground::DeployerNotAllowed => "place",
        Ground::NoComponent => "component",
        Ground::Unattributed => "unattributed",
        Ground::NoRoute | Ground::SeveralRoutes | Ground::RouteUnknown => "routing",
        Ground::NotPromoted | Ground::Soaking => "promotion",
        Ground::PackageWaits | Ground::PackageOrder | Ground::PartialDeployment => "package",
        Ground::Irreversible => "irreversible",
        Ground::NotLastGood => "not last good",
        Ground::Closed => "closed",
        Ground::Frozen => "freeze",
        Ground::NoChangeRecord
        | Ground::ChangeForOther
        | Ground::ChangeState
        | Ground::ChangeWindow
        | Ground::ChangeIncomplete => "record",
        Ground::IncidentBlocks => "incidents",
        Ground::CabWaits | Ground::CabDeferred | Ground::CabRejected | Ground::CabCondition | Ground::CabInvalid => {
            "cab"
        }
        Ground::Owed => "owed",
        Ground::Consulted => "consultation",
        Ground::BreakGlassRefused => "glass",
        Ground::ApprovalsMissing => "asked",
        Ground::Superseded => "superseded",
        Ground::ChangeUnapproved => "change unapproved",
        Ground::Rejected | Ground::RejectionWithoutReason => "rejected",
        Ground::PackGate => "pack",
        Ground::Gate | Ground::GateSkipped => "gates",
        Ground::FactsUnavailable => unread(&node.says),
        other => other.code(),
    }
}

/// The subject of something that could not be read, by its sentence.
fn unread(says: &str) -> &'static str {
    let words = [
        ("what people did", "acts"),
        ("the CAB", "cab"),
        ("the change record", "record"),
        ("which components CHG", "record"),
        ("the state of CHG", "record"),
        ("planned window", "record"),
        ("of CHG", "record"),
        ("the open incidents", "incidents"),
        ("earlier releases left", "owed"),
        ("as a part of", "package"),
        ("which branch or tag", "place"),
        ("which commit", "place"),
        ("can be reached from", "place"),
        ("what deploys", "place"),
        (" ran in ", "promotion"),
        ("somebody else's", "unread contributors"),
        ("what changes could", "unread contributors"),
        ("the commits of", "unread contributors"),
        ("commit ", "unread contributors"),
        ("started the deployment", "unread contributors"),
        ("which wrote commits", "unread contributors"),
    ];
    words.iter().find(|(word, _)| says.contains(word)).map_or("unread", |(_, subject)| subject)
}
