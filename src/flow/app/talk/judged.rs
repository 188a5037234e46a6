//! What became of what somebody commanded: read off the decision that looked at it.

use crate::decide::heard::Hearing;
use crate::model::facts::{Act, Deed, Fact, Facts};
use crate::model::ground::Ground;
use crate::model::release_decision::{Node, ReleaseDecision, Status};
use crate::policy::Policy;
use crate::report::reply::Outcome;

/// A decision, as far as it says what became of acts.
#[derive(Clone, Copy, Debug)]
pub struct Told<'d> {
    /// The explanation.
    pub tree: &'d Node,
    /// The acts that count, by their names.
    pub counted: &'d [String],
    /// The acts that it looked at.
    pub acts: &'d [Act],
    /// The environment.
    pub environment: &'d str,
    /// The commit that goes.
    pub commit: &'d str,
}

/// A decision with what it was made from, for saying what became of acts.
#[derive(Clone, Copy, Debug)]
pub struct Made<'d> {
    /// The policy.
    pub policy: &'d Policy,
    /// The policy by which the release began, where that is another.
    pub before: Option<&'d Policy>,
    /// The facts.
    pub facts: &'d Facts,
    /// The decision.
    pub decision: &'d ReleaseDecision,
}

/// What a decision says became of an act; `None` where it did not look at it.
#[must_use]
pub fn became(made: Made<'_>, id: &str) -> Option<Outcome> {
    let Made { facts, decision, .. } = made;
    let acts = match &facts.acts {
        Fact::Known(acts) => acts.as_slice(),
        Fact::Absent => &[],
        Fact::Unavailable(why) => return Some(Outcome::refused(format!("what people did cannot be read: {why}"))),
    };
    let told = Told {
        tree: &decision.tree,
        counted: &decision.counted,
        acts,
        environment: &decision.environment,
        commit: &facts.release.commit,
    };
    let hearing = Hearing::new(made.policy, made.before, facts, decision.now);
    judged(&told, &hearing, id)
}

/// The same, where somebody hears the acts of the facts already.
#[must_use]
pub fn judged(told: &Told<'_>, hearing: &Hearing<'_>, id: &str) -> Option<Outcome> {
    let act = told.acts.iter().find(|act| act.id == id)?;
    match (hearing.of(id), &act.does) {
        (Some(Ok(())), _) => return Some(Outcome::Counts),
        (Some(Err(why)), Deed::Tick { .. }) => {
            return Some(Outcome::refused(format!("it ticks nothing off before {}: {why}", told.environment)));
        }
        (Some(Err(why)), _) => return Some(Outcome::refused(why)),
        (None, _) => {}
    }
    let mut mentions: Vec<&Node> = Vec::new();
    walk(told.tree, &mut |node| {
        if node.evidence.iter().any(|it| it == id) {
            mentions.push(node);
        }
    });
    Some(match &act.does {
        Deed::Approve { .. } => approval(told, id, &mentions),
        Deed::Reject {} => rejection(told, &mentions),
        Deed::Withdraw { of } => withdrawal(told, act, of),
        Deed::ClaimEmergency {} => claim(told),
        // They are heard, and change nothing by themselves.
        Deed::Away { .. } | Deed::Comment {} => Outcome::Counts,
        _ => Outcome::refused(format!("nothing that {} asks is met by it", told.environment)),
    })
}

/// Every node of a tree, depth first.
fn walk<'n>(node: &'n Node, see: &mut dyn FnMut(&'n Node)) {
    see(node);
    node.parts.iter().for_each(|part| walk(part, see));
}

/// The node that says why something does not hold.
fn refused<'n>(mentions: &[&'n Node]) -> Option<&'n Node> {
    mentions.iter().find(|node| node.says.starts_with("ignored ")).copied()
}

fn approval(told: &Told<'_>, id: &str, mentions: &[&Node]) -> Outcome {
    if told.counted.iter().any(|it| it == id) {
        return Outcome::Counts;
    }
    let asked: Vec<&Node> = told.tree.parts.iter().filter(|node| node.code == Ground::ApprovalsMissing).collect();
    let instead: Vec<String> = asked.iter().flat_map(|node| node.who.iter().cloned()).collect();
    if let Some(node) = refused(mentions) {
        let why = node.says.split_once(": ").map_or(node.says.as_str(), |(_, why)| why);
        return match node.code {
            Ground::OtherContent | Ground::OtherArtifact => Outcome::refused(format!(
                "{why}; say which commit you mean, `/countersign approve {} {}`, if it is the one that you looked at",
                told.environment,
                told.commit.get(..12).unwrap_or(told.commit)
            )),
            Ground::Edited => Outcome::refused(format!("{why}; write it in a new comment")),
            _ => Outcome::Refused { why: why.to_owned(), instead },
        };
    }
    match told.tree.parts.iter().find(|node| node.code == Ground::ApprovalNotNeeded) {
        Some(node) if node.status == Status::NotNeeded => Outcome::refused(node.says.clone()),
        // It would fill what others fill already.
        _ if asked.is_empty() => Outcome::Counts,
        _ => Outcome::Refused { why: "it fills nothing that is asked".to_owned(), instead },
    }
}

fn rejection(told: &Told<'_>, mentions: &[&Node]) -> Outcome {
    match mentions.iter().find(|node| !node.status.opens()).or(mentions.first()) {
        Some(node) if node.code == Ground::Rejected => Outcome::Counts,
        Some(node) => Outcome::refused(node.says.clone()),
        None => Outcome::refused(format!("it rejects nothing that waits before {}", told.environment)),
    }
}

fn withdrawal(told: &Told<'_>, act: &Act, of: &str) -> Outcome {
    match told.acts.iter().find(|it| it.id == of) {
        None => Outcome::refused(format!("nothing that anybody did here is called `{of}`")),
        Some(target) if target.by != act.by => Outcome::refused(format!("`{of}` is not yours to take back")),
        Some(target) => {
            let mut stands = told.counted.iter().any(|it| it == of);
            walk(told.tree, &mut |node| {
                stands |= node.code == Ground::Rejected && !node.status.opens() && node.evidence.contains(&target.id);
            });
            if stands { Outcome::refused(format!("`{of}` stands all the same")) } else { Outcome::Counts }
        }
    }
}

/// A claim that it is an emergency: the decision names one of them, and they stand or fall together.
fn claim(told: &Told<'_>) -> Outcome {
    let mut refusal = None;
    walk(told.tree, &mut |node| {
        if node.code == Ground::EmergencyRefused {
            refusal = refusal.or(Some(node));
        }
    });
    refusal.map_or(Outcome::Counts, |node| Outcome::refused(node.says.clone()))
}
