//! The decision on a release: a policy, what is known, and an instant become an answer.
//!
//! It reads like a policy: where it goes, who had a hand in it, how much hangs on it, which way it takes, the gates, the
//! approvals, and everything else that has to be there. Each is one call and one file.

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

use super::approvals::{self, Approvals};
use super::conclude;
use super::consultations;
use super::in_flight::Lifted;
use super::path::{Path, Triage};
use super::release_gates;
use super::scene::Scene;
use super::{
    board, change, follow, glass, hours, incidents, keeping, owed, package, place, promotion, recovery, routing, triage,
};
use crate::model::facts::{self, Act, Deed, Facts};
use crate::model::ground::Ground;
use crate::model::release_decision::{
    Ask, Event, Filled, Kept, Node, OpenedObligation, ReleaseDecision, Revisit, Ruling, Status, VERSION,
};
use crate::policy::gate::Gate;
use crate::policy::{Policy, Source, calendar};

/// Decides whether a release may go now.
#[must_use]
pub fn decide(policy: &Policy, facts: &Facts, now: DateTime<Utc>) -> ReleaseDecision {
    let scene = Scene::new(policy, facts, now);
    let judged = judge(&scene);
    conclude(&scene, judged, Before::default())
}

/// Decides while a change of policy is under way: whatever the old policy asks holds beside the new one, until those who
/// approve by the old one approved the new.
#[must_use]
pub fn decide_between(old: &Policy, new: &Policy, facts: &Facts, now: DateTime<Utc>) -> ReleaseDecision {
    let digest = digest(new);
    let scene = Scene::new(new, facts, now);
    let judged = judge(&scene);
    if self::digest(old) == digest {
        return conclude(&scene, judged, Before::default());
    }
    let before = Scene::new(old, facts, now);
    let found = judge(&before);
    let lifted = Lifted::new(&before, &found.triage, &found.path, &digest);
    // What the old policy waits for can change the decision as well.
    if let Some(next) = before.clock.next() {
        scene.clock.reached(next);
    }
    if lifted.whole() {
        return conclude(&scene, judged, Before::default());
    }
    let mut kept = Before {
        events: events(&before, &found.path),
        counted: found.approvals.counted,
        filled: found.approvals.filled,
        asks: found.asks,
        obligations: found.obligations,
        keep: found.keep,
        waived: found.nodes.iter().filter(|node| node.code == Ground::WaiverInForce).cloned().collect(),
        nodes: Vec::new(),
    };
    kept.nodes = lifted.kept(&before, found.nodes, &judged.nodes);
    let only_before = |waived: &&Node| judged.nodes.iter().any(|node| lifts_nothing(node, waived));
    let told = kept
        .waived
        .iter()
        .filter(only_before)
        .map(|waived| Node { says: waived.says.replacen(':', " by the policy before:", 1), ..waived.clone() });
    kept.nodes.extend(told.collect::<Vec<_>>());
    kept.asks.retain(|ask| !judged.asks.contains(ask));
    kept.filled.retain(|filled| !judged.approvals.filled.contains(filled));
    conclude(&scene, judged, kept)
}

/// What holds of an old policy beside a new one.
#[derive(Default)]
struct Before<'s> {
    nodes: Vec<Node>,
    /// What a waiver lets past there.
    waived: Vec<Node>,
    asks: Vec<Ask>,
    counted: Vec<&'s Act>,
    filled: Vec<Filled>,
    obligations: Vec<OpenedObligation>,
    keep: Vec<Kept>,
    events: Vec<Event>,
}

/// Whether a node says of a waiver that it lifts nothing, by which another gate is let past.
fn lifts_nothing(node: &Node, waived: &Node) -> bool {
    node.code == Ground::WaiverUnused && node.evidence.iter().any(|act| waived.evidence.contains(act))
}

/// The digest of a policy, by which people approve it: that of its only layer, or SHA-256 over the digests of all, one a
/// line, outermost first. The files that layers name, such as their holidays, follow in the same way, each with `file `
/// before its digest.
#[must_use]
pub fn digest(policy: &Policy) -> String {
    if let ([only], []) = (policy.layers.as_slice(), policy.attached.as_slice()) {
        return only.sha256.clone();
    }
    let mut lines: Vec<String> = policy.layers.iter().map(|layer| layer.sha256.clone()).collect();
    lines.extend(policy.attached.iter().map(|file| format!("file {}", file.sha256)));
    Sha256::digest(lines.join("\n").as_bytes()).iter().fold(String::with_capacity(64), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// Everything that was found, before it is put together.
struct Found<'s> {
    triage: Triage,
    path: Path<'s>,
    approvals: Approvals<'s>,
    asks: Vec<Ask>,
    nodes: Vec<Node>,
    obligations: Vec<OpenedObligation>,
    keep: Vec<Kept>,
}

/// How many nodes most decisions have room in.
const NODES: usize = 48;

/// Judges every part, in the order of the policy.
fn judge<'s>(scene: &Scene<'s>) -> Found<'s> {
    let mut asks = Vec::new();
    // A node is large, and a decision has some dozens.
    let mut nodes = Vec::with_capacity(NODES);
    nodes.extend(version(scene));
    nodes.extend(place::judge(scene));
    let place = nodes.len();
    let mut triage = triage::judge(scene);
    let mut path = routing::choose(scene, &triage);
    nodes.extend(approvals::separation(scene, &path));
    nodes.append(&mut triage.nodes);
    nodes.append(&mut path.nodes);
    nodes.extend(promotion::judge(scene, &path));
    nodes.extend(package::judge(scene, &path));
    let gates = release_gates::judge(scene, &triage, &path);
    let keep = keeping::of(scene, &gates.judged);
    let mut approvals = approvals::judge(scene, &triage, &path, &gates.judged);
    nodes.extend(release_gates::nodes(scene, &path, gates, &approvals, &mut asks));
    nodes.append(&mut approvals.nodes);
    asks.append(&mut approvals.asks);
    nodes.extend(consultations::judge(scene, &triage, &path, &mut asks));
    nodes.append(&mut approvals.rejections);
    nodes.extend(hours::judge(scene, &path, &triage));
    nodes.extend(change::judge(scene, &path, &triage, approvals.again));
    let open = incidents::judge(scene, &path, &triage);
    asks.extend(incidents::asks(scene, &open));
    nodes.extend(open);
    let advice = board::judge(scene, &path, &triage, approvals.retried);
    asks.extend(board::asks(scene, &advice));
    nodes.extend(advice);
    nodes.extend(owed::judge(scene, &path, &triage, approvals.again));
    nodes.extend(recovery::judge(scene, &path));
    nodes.extend(follow::untold(scene, &triage));
    if let Some(grant) = glass::opened(scene) {
        // It went while nothing could be asked; what was asked then is said. What went, and where to, stays to be known, and
        // whoever has the final word has it of the next try: one of which it cannot be told whether it counts is heard.
        let last = |node: &Node| approvals.last_words.iter().any(|act| node.evidence.iter().any(|it| it == act));
        let final_since =
            |node: &Node| node.code == Ground::Rejected && last(node) && glass::said_since(scene, grant, node);
        let covered = nodes.iter_mut().enumerate().filter(|(at, node)| *at >= place || glass::covers(node.code));
        let covered = covered.filter(|(_, node)| !final_since(node));
        covered.for_each(|(_, node)| conclude::only_note(node));
    }
    nodes.extend(glass::judge(scene, &path));
    let obligations = follow::opened(scene, &triage, &path);
    Found { triage, path, approvals, asks, nodes, obligations, keep }
}

/// Facts of another version could mean anything.
fn version(scene: &Scene<'_>) -> Vec<Node> {
    if scene.facts.version == facts::VERSION {
        return Vec::new();
    }
    let says = format!("the facts are of version {}, and {} is read", scene.facts.version, facts::VERSION);
    vec![Node::new(Ground::FactsVersion, Status::Unknown, says)]
}

/// Puts everything together.
fn conclude<'s>(scene: &Scene<'_>, mut found: Found<'s>, before: Before<'s>) -> ReleaseDecision {
    let release = &scene.facts.release;
    let mut nodes = found.nodes;
    // A waiver that the policy before needs lifts something, whatever the new one asks.
    nodes.retain(|node| !before.waived.iter().any(|waived| lifts_nothing(node, waived)));
    nodes.extend(before.nodes);
    found.asks.extend(before.asks);
    for owed in before.obligations {
        follow::join(&mut found.obligations, owed);
    }
    for kept in before.keep {
        keeping::join(&mut found.keep, kept);
    }
    found.approvals.counted.extend(before.counted);
    found.approvals.filled.extend(before.filled);
    let mut events = events(scene, &found.path);
    events.extend(before.events.into_iter().filter(|event| !events.contains(event)).collect::<Vec<_>>());
    let says = ["everything that ", &release.environment, " asks of `", &release.name, "`"].concat();
    let mut root = Node::new(Ground::Release, Status::Note, says).parts(nodes);
    // Without anything that is asked there is nothing that lets it go.
    root.status = if root.parts.is_empty() { Status::Unknown } else { Status::Met };
    let decision = conclude::ruling(conclude::settle(&mut root));
    let counted = counted(scene, &found.approvals, &root);
    ReleaseDecision {
        version: VERSION,
        decision,
        summary: conclude::sentence(&release.environment, &root, scene.rules.calendar.zone),
        release: release.name.clone(),
        environment: scene.environment.map_or(&release.environment, |rule| &rule.name).clone(),
        now: scene.clock.now(),
        zone_database: calendar::zone_database().to_owned(),
        tool: concat!("countersign ", env!("CARGO_PKG_VERSION")).to_owned(),
        policy: scene.policy.layers.iter().map(Source::by_content).collect(),
        attached: scene.policy.attached.clone(),
        facts: None,
        components: scene.components.iter().map(|component| component.name.clone()).collect(),
        class: found.triage.class,
        routes: found.path.routes().iter().map(|route| route.name.clone()).collect(),
        rigor: found.path.legs.iter().map(|leg| leg.rigor).max().unwrap_or_default(),
        risk: found.triage.risk,
        tree: root,
        // What went under a grant went already, whatever is found of it.
        obligations: if decision == Ruling::Proceed || glass::used(scene).is_some() {
            found.obligations
        } else {
            Vec::new()
        },
        keep: found.keep,
        asks: found.asks,
        approvals: found.approvals.filled,
        counted,
        revisit: Revisit { events, at: scene.clock.next() },
    }
}

/// The acts that count: approvals, and what else let something go.
fn counted(scene: &Scene<'_>, approvals: &Approvals<'_>, root: &Node) -> Vec<String> {
    let mut told: Vec<&str> = approvals.counted.iter().map(|act| act.id.as_str()).collect();
    for node in &root.parts {
        let by_act = matches!(
            node.code,
            Ground::Classified
                | Ground::FixesIncident
                | Ground::FreezeExcepted
                | Ground::NothingOwed
                | Ground::Gate
                | Ground::PackGate
                | Ground::WaiverInForce
                | Ground::Vouched
                | Ground::FinalWord
        );
        if by_act && node.status == Status::Met || node.code == Ground::Cleared {
            told.extend(node.evidence.iter().map(String::as_str));
        }
    }
    told.sort_unstable();
    scene.acts().filter(|act| told.binary_search(&act.id.as_str()).is_ok()).map(|act| act.id.clone()).collect()
}

/// The kinds of event that could change the decision: all that the policy looks at here. Where everything goes by itself,
/// nothing is of what people keep about a release beforehand.
fn events(scene: &Scene<'_>, path: &Path<'_>) -> Vec<Event> {
    let rules = scene.rules;
    let name = &scene.facts.release.environment;
    // Where somebody rejects it, people decide after all, on this way or on the one that it may take by then.
    let rejected = || scene.against_by().any(|(act, _)| act.does == (Deed::Reject {}));
    let looked_at = !place::automatic(scene) || path.legs.iter().any(|leg| leg.formal) || rejected();
    let environments = |gate: &Gate| gate.environments.is_empty() || gate.environments.contains(name);
    // Whatever class or way it has by then: an event may change that as well.
    let cab = !rules.models.is_empty() || rules.routes.iter().any(|route| route.cab.is_some());
    let every = [
        (Event::Act, true),
        (Event::Content, true),
        (Event::Evidence, scene.policy.gates.iter().any(environments)),
        (Event::ChangeRecord, looked_at && (rules.change.is_some() || rules.emergency.is_some())),
        (Event::Incident, looked_at && (rules.incidents.is_some() || rules.emergency.is_some())),
        (Event::Directory, true),
        // What ran says whether it goes back, which matters on every way.
        (Event::Deployment, true),
        (Event::Cab, looked_at && cab),
        (Event::Obligation, looked_at),
        (Event::Policy, true),
    ];
    every.into_iter().filter(|(_, matters)| *matters).map(|(event, _)| event).collect()
}
