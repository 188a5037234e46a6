//! What the requirements come to together, and the sentence that a person reads first.

use std::fmt::Write as _;

use chrono_tz::Tz;

use super::separation::gaps;
use super::words;
use crate::model::ground::Ground;
use crate::model::release_decision::{Node, Ruling, Status};
use crate::policy::calendar::told;

/// What the worst of the requirements makes of a release. Nobody combines them elsewhere.
#[must_use]
pub fn ruling(worst: Status) -> Ruling {
    match worst {
        // Everything that is asked is there; what is said in passing or does not apply asks nothing.
        Status::Note | Status::NotNeeded | Status::Met => Ruling::Proceed,
        // People or time can still bring it, somebody has to find it out, or something has to be mended: until then
        // nothing goes. What is not known is no permission.
        Status::Waiting | Status::Unknown | Status::Unmet => Ruling::Hold,
        // The final authority has spoken, and nothing else outweighs that.
        Status::Rejected => Ruling::Reject,
    }
}

/// Gives every node the worst status of its parts where that holds, and says what the whole comes to. A part that
/// opens never makes its whole better or worse.
pub fn settle(node: &mut Node) -> Status {
    for part in &mut node.parts {
        let status = settle(part);
        if !status.opens() && status > node.status {
            node.status = status;
        }
    }
    node.status
}

/// Turns what holds into notes: a release that went under a grant while nothing could be asked.
pub fn only_note(node: &mut Node) {
    if !node.status.opens() {
        node.status = Status::Note;
    }
    node.parts.iter_mut().for_each(only_note);
}

/// The sentence at the top: whether the release may go, and the shortest way on, naming people.
#[must_use]
pub fn sentence(environment: &str, root: &Node, zone: Tz) -> String {
    match ruling(root.status) {
        Ruling::Proceed => format!("{environment} may proceed: {}", opened(root)),
        Ruling::Hold => format!("held before {environment}: {}", held(root, zone)),
        Ruling::Reject => rejected(environment, root),
    }
}

/// What lets it go.
fn opened(root: &Node) -> String {
    let (mut passed, mut waived): (usize, Vec<&str>) = (0, Vec::new());
    let mut said: Vec<&str> = Vec::new();
    for node in &root.parts {
        match (node.code, node.status) {
            (Ground::BreakGlass, Status::Met) => return node.says.clone(),
            (Ground::Gate | Ground::PackGate, Status::Met) => passed += 1,
            (Ground::WaiverInForce | Ground::GateSkipped, Status::Met) => {
                waived.push(node.says.split(':').next().unwrap_or_default());
            }
            (Ground::ApprovalsMet | Ground::RepresentationMet | Ground::FinalWord | Ground::Retry, Status::Met)
            | (Ground::ApprovalNotNeeded, Status::NotNeeded) => said.push(&node.says),
            _ => {}
        }
    }
    let mut out = said.join("; ");
    let mut more = |text: String| {
        if !out.is_empty() {
            out.push_str("; ");
        }
        out.push_str(&text);
    };
    if passed > 0 {
        more(if passed == 1 { "1 gate passes".to_owned() } else { format!("{passed} gates pass") });
    }
    if !waived.is_empty() {
        more(format!("{} let past by waiver", words::all_of(&waived)));
    }
    if out.is_empty() { "nothing stands in the way".to_owned() } else { out }
}

/// What holds it: what has to be mended before what is not known, and that before what people or time can bring; of
/// alike ones the first of the policy.
fn held(root: &Node, zone: Tz) -> String {
    let holding = || root.parts.iter().filter(|node| !node.status.opens());
    let Some(worst) = holding().map(|node| node.status).max() else {
        return root.says.clone();
    };
    // What goes could not be read: most else that holds may come of that alone.
    let cause = holding().find(|node| node.status == Status::Unknown && node.says.starts_with(gaps::CHANGES_UNREAD));
    let Some(first) = cause.or_else(|| holding().find(|node| node.status == worst)) else { return root.says.clone() };
    let mut out = first.says.clone();
    if !first.who.is_empty() {
        let ask = format!("ask {}", words::any_of(&first.who));
        // A gate says itself who may waive it, and a rejection who may overrule it.
        let asked = first.code == Ground::Rejected && out.contains("; ask ");
        if !asked && !out.contains(&ask) {
            let _ = write!(out, "; {ask}{}", for_what(first.code));
        }
    } else if let Some(next) = first.next.map(|next| told(next, zone)).filter(|next| !first.says.contains(next)) {
        let _ = write!(out, "; next {next}");
    }
    match holding().count() - 1 {
        0 => {}
        1 => out.push_str("; 1 other requirement holds it too"),
        more => {
            let _ = write!(out, "; {more} other requirements hold it too");
        }
    }
    out
}

/// What people are asked to do about what holds.
fn for_what(code: Ground) -> &'static str {
    match code {
        Ground::ApprovalsMissing | Ground::ChangeUnapproved => " to approve it",
        Ground::Unattributed => " to answer for it",
        Ground::IncidentBlocks => " to confirm that",
        Ground::CabWaits | Ground::CabDeferred => " to have it decided",
        Ground::Gate | Ground::PackGate => " to tick it",
        Ground::Owed => " to meet that",
        Ground::Consulted => " for an answer",
        Ground::Rejected => " to take that back",
        Ground::RejectionWithoutReason => " why",
        // The sentence before says it.
        _ => "",
    }
}

fn rejected(environment: &str, root: &Node) -> String {
    let mut found = None;
    root.walk(&mut |node| {
        if found.is_none() && node.status == Status::Rejected && node.parts.is_empty() && !node.who.is_empty() {
            let reason = node.says.split_once(": ").map_or(node.says.as_str(), |(_, reason)| reason);
            found = Some((words::all_of(&node.who), reason.to_owned()));
        }
    });
    match found {
        Some((by, reason)) => format!("rejected before {environment} by {by}: {reason}"),
        None => format!("rejected before {environment}"),
    }
}
