//! What is said of judged gates: why each holds, who can free it, who looked at its evidence, and what an emergency goes
//! past.

use std::fmt::Write as _;

use super::ticks::unticked;
use super::{Evidence, Gates, Judged, evidence_of, is_named};
use crate::decide::approvals::Approvals;
use crate::decide::bound::bare;
use crate::decide::path::Path;
use crate::decide::scene::Scene;
use crate::decide::{incidents, released, roles, waivers, words};
use crate::model::facts::{Act, Deed, Fact, GateEvidence};
use crate::model::ground::Ground;
use crate::model::kind::Kind;
use crate::model::release_decision::{Ask, Node, Status};
use crate::model::verdict::Verdict;
use crate::policy::calendar::told;
use crate::policy::gate::Gate;

/// The gates as nodes, once it is known who approved: an emergency's route may go past some.
#[must_use]
pub fn nodes<'s>(
    scene: &Scene<'s>,
    path: &Path<'s>,
    gates: Gates<'s>,
    approvals: &Approvals<'s>,
    asks: &mut Vec<Ask>,
) -> Vec<Node> {
    if path.recovers() {
        let says = "it ran here before, so no gate is repeated";
        let mut nodes = vec![Node::new(Ground::GatesNotRepeated, Status::Note, says)];
        nodes.extend(bypassed(scene));
        return nodes;
    }
    let mut nodes = Vec::with_capacity(gates.judged.len() + gates.notes.len());
    if approvals.retried {
        let says = "the same content was let in already, so no gate is asked for again";
        nodes.push(Node::new(Ground::GatesNotRepeated, Status::Note, says));
    }
    for judged in gates.judged {
        // What was good enough then may have grown old; what says now that it is bad was not there then.
        if approvals.retried && !judged.blocks() {
            continue;
        }
        let mut node = one(scene, &judged, asks);
        if !node.status.opens() && skippable(path, &judged) {
            skip(scene, &judged, approvals, &mut node);
        }
        nodes.push(node);
    }
    if approvals.retried {
        nodes.extend(bypassed(scene));
        return nodes;
    }
    nodes.extend(gates.notes);
    nodes.extend(bypassed(scene));
    nodes
}

/// What the forge let past its protection; that it may have is said too.
fn bypassed(scene: &Scene<'_>) -> Option<Node> {
    match &scene.facts.release.bypassed_by {
        Fact::Known(account) => {
            let name = scene.people.name(scene.people.of(account));
            let says = format!("the forge let {name} past its protection, which waives nothing");
            Some(Node::new(Ground::Bypassed, Status::Note, says).evidence([account.as_str()]))
        }
        Fact::Absent => None,
        Fact::Unavailable(why) => {
            let says = format!("whether the forge let somebody past its protection could not be read: {why}");
            Some(Node::new(Ground::Bypassed, Status::Note, says))
        }
    }
}

fn one(scene: &Scene<'_>, judged: &Judged<'_>, asks: &mut Vec<Ask>) -> Node {
    let gate = judged.gate;
    let status = match judged.judgement.verdict {
        Verdict::Pass | Verdict::Waived => Status::Met,
        Verdict::NotApplicable => Status::NotNeeded,
        Verdict::Pending => Status::Waiting,
        Verdict::Indeterminate => Status::Unknown,
        Verdict::Block => Status::Unmet,
    };
    let code = match judged.judgement.verdict {
        Verdict::Waived => Ground::WaiverInForce,
        Verdict::NotApplicable => Ground::Gate,
        _ if gate.layer.starts_with("pack ") => Ground::PackGate,
        _ => Ground::Gate,
    };
    let explanation = &judged.judgement.explanation;
    let mut says = match explanation.as_str() {
        "" => gate.name.clone(),
        explanation => [gate.name.as_str(), ": ", explanation].concat(),
    };
    if gate.kind == Kind::Checklist && !status.opens() {
        let ignored = unticked(scene, gate);
        if !ignored.is_empty() {
            says.push_str("; ignored ");
            says.push_str(&words::all_of(&ignored));
        }
    }
    let blocked = matches!(judged.judgement.verdict, Verdict::Block | Verdict::Indeterminate);
    let waivers = if blocked { waivers::able(scene, gate) } else { Vec::new() };
    if !waivers.is_empty() {
        // Where it is said already what to do, this is the other way.
        let mend = if explanation.contains("; ") { "" } else { "mend it, " };
        let _ = write!(says, "; {mend}or ask {} to waive it", words::any_of(&waivers));
    } else if blocked && nobody_may_waive(scene, gate) {
        let mend = if explanation.contains("; ") { "" } else { "mend it, as " };
        let _ = write!(says, "; {mend}nobody is left who may waive it and had no hand in this release");
    }
    let mut node = Node::new(code, status, says).next(judged.until).who(waivers);
    node.stated = Some(gate.stated.clone());
    node.evidence.reserve_exact(1 + judged.evidence.map_or(0, |evidence| evidence.digests.len()) + judged.acts.len());
    node.evidence.push(judged.judgement.reason.code().to_owned());
    if let Some(evidence) = judged.evidence {
        node.evidence.extend(evidence.digests.iter().map(|digest| ["sha256:", bare(digest)].concat()));
    }
    node.evidence.extend(judged.acts.iter().map(|act| (*act).to_owned()));
    if let Some(role) = gate.verified_by.as_deref().filter(|_| status != Status::NotNeeded) {
        if gate.kind == Kind::Checklist {
            if !status.opens() {
                node.who = incidents::names(scene, role);
                if let Some(gone) = incidents::nobody_left(scene, role) {
                    node.says.push_str("; ");
                    node.says.push_str(&gone);
                }
                asks.push(Ask {
                    role: role.to_owned(),
                    people: node.who.clone(),
                    to: "verify".to_owned(),
                    because: None,
                });
            }
        } else if let Some(evidence) = judged.evidence.filter(|evidence| !evidence.digests.is_empty()) {
            let verified = verified(scene, gate, role, evidence);
            if verified.code == Ground::GateUnverified {
                asks.push(Ask {
                    role: role.to_owned(),
                    people: verified.who.clone(),
                    to: "verify".to_owned(),
                    because: Some(format!(
                        "{} was measured, and nobody has looked at what it was measured from",
                        gate.name
                    )),
                });
            }
            node.parts.push(verified);
        }
    }
    node
}

/// Whether the policy lets people waive a gate, and all of them had a hand in the release.
fn nobody_may_waive(scene: &Scene<'_>, gate: &Gate) -> bool {
    let mut roles = scene.rules.waivers.iter().flat_map(|rule| rule.roles_for(&gate.layer)).peekable();
    roles.peek().is_some() && roles.all(|role| incidents::nobody_left(scene, role).is_some())
}

/// Who verified a gate from which bytes; it holds nothing.
fn verified(scene: &Scene<'_>, gate: &Gate, role: &str, evidence: &GateEvidence) -> Node {
    let mut names: Vec<&str> = Vec::new();
    for act in scene.acts() {
        if let Deed::Verify { gate: stated, evidence: seen } = &act.does
            && is_named(gate, stated)
            && is_all_of(evidence, seen)
            && let Ok(person) = roles::independent(scene, act, role)
        {
            let name = scene.people.name(person);
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    let digests = evidence.digests.iter().map(|digest| ["sha256:", bare(digest)].concat());
    if names.is_empty() {
        let says = format!("{role} has not verified this evidence yet");
        return Node::new(Ground::GateUnverified, Status::Note, says).who(incidents::names(scene, role));
    }
    let says = format!("verified by {} for {role}", words::all_of(&names));
    Node::new(Ground::GateVerified, Status::Note, says).evidence(digests)
}

/// Whether somebody looked at all of a gate's evidence.
fn is_all_of(evidence: &GateEvidence, seen: &[String]) -> bool {
    released::set(&evidence.digests).is_subset(&released::set(seen))
}

/// Whether an act verifies the evidence of a gate, or why it does not.
pub(in crate::decide) fn verifies(scene: &Scene<'_>, gate: &Gate, act: &Act) -> Result<(), String> {
    let Some(role) = &gate.verified_by else { return Err("the policy names nobody who verifies it".to_owned()) };
    if gate.kind == Kind::Checklist {
        return Err("it is a checklist, whose items are ticked off".to_owned());
    }
    let evidence = match evidence_of(scene, gate) {
        Evidence::Known(evidence) if !evidence.digests.is_empty() => evidence,
        Evidence::Known(_) | Evidence::Absent => return Err("there is no evidence yet".to_owned()),
        Evidence::Unknown(why) => return Err(format!("its evidence could not be read: {why}")),
    };
    let Deed::Verify { evidence: seen, .. } = &act.does else { return Err("it verifies nothing".to_owned()) };
    if !is_all_of(evidence, seen) {
        return Err("its evidence is other than what was looked at".to_owned());
    }
    roles::independent(scene, act, role).map(|_| ()).map_err(|refusal| refusal.says)
}

/// Whether every way of the release may leave a gate out.
pub(in crate::decide) fn skippable(path: &Path<'_>, judged: &Judged<'_>) -> bool {
    let may = |names: &[String]| names.iter().any(|name| judged.named(name));
    !path.legs.is_empty() && path.legs.iter().all(|leg| leg.route.is_some_and(|route| may(&route.may_skip)))
}

/// Goes past a gate where those who approved said why.
fn skip(scene: &Scene<'_>, judged: &Judged<'_>, approvals: &Approvals<'_>, node: &mut Node) {
    let explanation = &judged.judgement.explanation;
    match &approvals.reasons {
        Some(reasons) if approvals.met => {
            let said: Vec<String> = reasons.said.iter().map(|(name, reason)| format!("{name}: {reason}")).collect();
            node.next = Some(reasons.until);
            node.code = Ground::GateSkipped;
            node.status = Status::Met;
            node.says = format!(
                "{}: left out until {} on the word of {}; without that: {explanation}",
                judged.gate.name,
                told(reasons.until, scene.rules.calendar.zone),
                words::all_of(&said)
            );
        }
        _ if approvals.met => {
            // Who approved is who can say why; who may waive it is said after that.
            let mut who: Vec<&str> =
                approvals.counted.iter().map(|act| scene.people.name(scene.person_of(act))).collect();
            who.sort_unstable();
            who.dedup();
            let name = &judged.gate.name;
            let way = match who.as_slice() {
                [] => "say why".to_owned(),
                who => format!("ask {} to say why", words::any_of(who)),
            };
            let rest = node.says.strip_prefix(name.as_str()).map_or("", |rest| rest.trim_start_matches(": "));
            node.says = format!("{name}: {way} in an approval of the last 24 hours to go past it; {rest}");
            // A list is still ticked off by those who verify it.
            if judged.gate.kind != Kind::Checklist {
                node.who = who.into_iter().map(str::to_owned).collect();
            }
        }
        _ => node.says.push_str("; approvals that say why go past it"),
    }
}
