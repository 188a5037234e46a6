//! The gates of a release, each judged by the evidence that the facts state.
//!
//! [`gates`](super::gates) judges; this file hands it what the facts say: measures, ages, signers, ticks. Who verified
//! what from which bytes is said beside it. A gate that holds may be waived ([`super::waivers`]), and an emergency's route
//! may go past one, with a reason.

use std::fmt::Write as _;

use chrono::{DateTime, Duration, Utc};

use super::approvals::Approvals;
use super::bound::{self, Extent, bare};
use super::gates::{self, Baseline, File, Found, Item, ItemState, Judgement, Subject, Table};
use super::incidents;
use super::path::{Path, Triage};
use super::people::Person;
use super::released::{self, plain};
use super::roles::{self, Refusal};
use super::scene::Scene;
use super::signers;
use super::waivers;
use super::words;
use crate::model::decision::Protection;
use crate::model::facts::{Act, Deed, Fact, GateEvidence};
use crate::model::ground::Ground;
use crate::model::kind::Kind;
use crate::model::release_decision::{Ask, Node, Status};
use crate::model::report::{About, Fault, Place};
use crate::model::verdict::{Reason, Verdict};
use crate::policy::calendar::told;
use crate::policy::gate::{Gate, Missing};

/// One gate, judged.
#[derive(Debug)]
pub struct Judged<'s> {
    /// The gate.
    pub gate: &'s Gate,
    /// What it comes to.
    pub judgement: Judgement,
    /// Its evidence, where it is known.
    evidence: Option<&'s GateEvidence>,
    /// When the waiver that lets it pass ends.
    until: Option<DateTime<Utc>>,
    /// The names of the acts that let it pass: a waiver, or ticks, and those while others are missing.
    acts: Vec<&'s str>,
}

impl Judged<'_> {
    /// Whether a name means this gate: its own, or with its layer before it.
    #[must_use]
    pub fn named(&self, name: &str) -> bool {
        is_named(self.gate, name)
    }

    /// Whether there is evidence that speaks against it, or may: which is more than that there is none.
    fn blocks(&self) -> bool {
        match self.judgement.verdict {
            Verdict::Block => self.judgement.reason != Reason::EvidenceRequired,
            // Whoever does not say when it was made says nothing of what it holds.
            Verdict::Pending => self.judgement.reason == Reason::AgeUnknown,
            // What cannot be read is not asked for again either.
            Verdict::Indeterminate | Verdict::Pass | Verdict::Waived | Verdict::NotApplicable => false,
        }
    }
}

/// Whether a name means a gate: its own, or with its layer before it.
#[must_use]
pub fn is_named(gate: &Gate, name: &str) -> bool {
    let within = |rest: &str| rest.strip_prefix('/') == Some(gate.name.as_str());
    name == gate.name || name.strip_prefix(gate.layer.as_str()).is_some_and(within)
}

/// The gates, judged, and what is said of waivers.
#[derive(Debug, Default)]
pub struct Gates<'s> {
    /// Every gate that guards this environment, in the order of the policy.
    pub judged: Vec<Judged<'s>>,
    /// Waivers that do not hold, or match nothing.
    pub notes: Vec<Node>,
}

/// Judges the gates. A release that goes back to what ran before repeats none.
#[must_use]
pub fn judge<'s>(scene: &Scene<'s>, triage: &Triage, path: &Path<'s>) -> Gates<'s> {
    let mut found = Gates::default();
    if path.recovers() {
        return found;
    }
    let mut components: Vec<String> = scene.components.iter().map(|component| component.name.clone()).collect();
    if components.is_empty() && !scene.rules.components.is_empty() {
        // It is known that no component goes, which the empty list would not say.
        components.push(String::new());
    }
    for gate in &scene.policy.gates {
        let artifacts = Artifacts::of(scene, gate);
        let subject = Subject {
            environment: &scene.facts.release.environment,
            components: &components,
            commit: Some(&scene.facts.release.commit),
            artifacts: &artifacts.digests,
            unread: artifacts.unread.as_deref(),
            protection: Protection::Protected,
            now: scene.clock.now(),
        };
        let evidence = evidence_of(scene, gate);
        let given = match evidence {
            Evidence::Known(evidence) => given(scene, gate, &artifacts, evidence),
            Evidence::Absent => with_ticks(scene, gate, None),
            Evidence::Unknown(why) => Found {
                trouble: Some(Fault {
                    reason: Reason::Unreadable,
                    place: Place::Whole,
                    message: format!("the evidence could not be read: {why}"),
                }),
                ..Found::default()
            },
        };
        let mut judgement = gates::judge(gate, &subject, &given, &[]);
        // Whoever gathered it may know more of why there is none.
        let is_told = given.files.iter().any(|file| file.fault.is_some());
        if matches!(judgement.reason, Reason::NoEvidence | Reason::EvidenceRequired) && !is_told {
            judgement.explanation = match gate.missing {
                Missing::Pending => {
                    "there is no evidence yet; the step that makes it has to run, and `countersign gate --submit` behind it \
                     hands it to the app"
                        .to_owned()
                }
                Missing::Block => "there is no evidence, and the policy says that there must be".to_owned(),
            };
        }
        let guards = judgement.reason != Reason::OtherEnvironment && judgement.reason != Reason::OtherComponent;
        // What is no evidence at all does not grow too old to be some.
        if guards && given.trouble.is_none() {
            ages(scene, gate, &given);
        }
        let mut until = None;
        let mut acts = if gate.kind == Kind::Checklist { ticking(scene, gate) } else { Vec::new() };
        if !judgement.verdict.opens() {
            let waiver;
            (judgement, until, waiver) = waivers::lift(scene, triage, gate, judgement, &mut found.notes);
            // What is ticked off already is told while the rest is open: whoever ticked it is heard.
            if let Some(waiver) = waiver {
                acts = vec![waiver];
            }
        }
        let evidence = match evidence {
            Evidence::Known(evidence) => Some(evidence),
            Evidence::Absent | Evidence::Unknown(_) => None,
        };
        found.judged.push(Judged { gate, judgement, evidence, until, acts });
    }
    found.notes.extend(waivers::unused(scene, &found.judged));
    found
}

/// The artifacts that go of what a gate guards.
#[derive(Debug, Default)]
pub struct Artifacts {
    /// Their SHA-256 digests, without the algorithm's name.
    pub digests: Vec<String>,
    /// Why not all are known, where they are not.
    pub unread: Option<String>,
}

impl Artifacts {
    fn of(scene: &Scene<'_>, gate: &Gate) -> Self {
        let guards = |name: &String| gate.components.is_empty() || gate.components.contains(name);
        let stated = &scene.facts.release.components;
        let mut found = Self::default();
        let mut going = scene.components.iter().map(|component| &component.name);
        if let Some(name) = going.find(|name| guards(name) && !stated.contains_key(*name)) {
            found.unread = Some(format!("the facts do not state what goes of `{name}`"));
        }
        for (_, released) in stated.iter().filter(|(name, _)| guards(name)) {
            match &released.artifacts {
                Fact::Known(artifacts) => {
                    found.digests.extend(artifacts.iter().map(|digest| plain(digest).into_owned()));
                }
                Fact::Absent => {}
                Fact::Unavailable(why) => found.unread = Some(why.to_string()),
            }
        }
        found
    }
}

/// What the facts have for a gate.
#[derive(Clone, Copy)]
enum Evidence<'s> {
    Known(&'s GateEvidence),
    Absent,
    Unknown(&'s str),
}

fn evidence_of<'s>(scene: &Scene<'s>, gate: &Gate) -> Evidence<'s> {
    let twice = scene.policy.gates.iter().filter(|other| other.name == gate.name).nth(1).is_some();
    let stated = if twice {
        scene.facts.evidence.get(&format!("{}/{}", gate.layer, gate.name))
    } else {
        scene.facts.evidence.get(&gate.name)
    };
    match stated {
        Some(Fact::Known(evidence)) => Evidence::Known(evidence),
        Some(Fact::Absent) => Evidence::Absent,
        // People tick it, and no file.
        _ if gate.kind == Kind::Checklist && gate.files.is_empty() => Evidence::Absent,
        Some(Fact::Unavailable(why)) => Evidence::Unknown(why),
        None => Evidence::Unknown("the facts do not state it"),
    }
}

/// Hands over what the facts say.
fn given<'s>(scene: &Scene<'s>, gate: &'s Gate, artifacts: &Artifacts, evidence: &'s GateEvidence) -> Found<'s> {
    let mut found = with_ticks(scene, gate, Some(evidence));
    if !evidence.digests.is_empty() {
        found.files.push(File {
            path: "the evidence".to_owned(),
            about: About {
                made_at: evidence.made_at.known().copied(),
                commits: Some(evidence.commits.clone()).filter(|part| !part.is_empty()).into_iter().collect(),
                artifacts: evidence.artifacts.iter().map(|digest| plain(digest).into_owned()).collect(),
                ..About::default()
            },
            fault: evidence.fault.as_ref().map(|(reason, message)| Fault {
                reason: *reason,
                place: Place::Whole,
                message: message.clone(),
            }),
        });
    }
    found.measures = Table::Stated(&evidence.measures);
    found.baseline = match &evidence.baseline {
        Fact::Known(measures) => Baseline::Known(Table::Stated(measures)),
        Fact::Absent => Baseline::Absent,
        Fact::Unavailable(why) => Baseline::Unreadable(
            "of the last release".to_owned(),
            Fault { reason: Reason::Unreadable, place: Place::Whole, message: why.to_string() },
        ),
    };
    found.trouble = made_elsewhere(gate, evidence);
    if gate.kind == Kind::Signature {
        found.signatures = signers::judge(scene, gate, artifacts, evidence);
    }
    found
}

/// Why evidence is not of the pipeline that a gate names, where it names one.
fn made_elsewhere(gate: &Gate, evidence: &GateEvidence) -> Option<Fault> {
    let wanted = gate.from.as_ref().filter(|_| !evidence.digests.is_empty())?;
    let (reason, message) = match &evidence.from {
        Fact::Known(from) if from == wanted => return None,
        Fact::Known(from) => (
            Reason::WrongSource,
            format!(
                "the evidence is of `{from}`, where the policy names `{wanted}`; run that pipeline, or mend `from`"
            ),
        ),
        Fact::Absent => {
            (Reason::WrongSource, format!("nothing proves that the evidence is of `{wanted}`, which the policy names"))
        }
        Fact::Unavailable(why) => {
            (Reason::Unreadable, format!("which pipeline made the evidence could not be read: {why}"))
        }
    };
    Some(Fault { reason, place: Place::Whole, message })
}

fn with_ticks<'s>(scene: &Scene<'s>, gate: &Gate, evidence: Option<&GateEvidence>) -> Found<'s> {
    if gate.kind != Kind::Checklist {
        return Found::default();
    }
    // Ticks are read from bytes that could be understood.
    let evidence = evidence.filter(|evidence| !evidence.digests.is_empty() && evidence.fault.is_none());
    let (by, unconfirmed) = match evidence.and_then(|evidence| signers::of_checklist(scene, gate, evidence)) {
        Some(Ok(by)) => (Some(by), None),
        Some(Err(why)) => (None, Some(why)),
        None => (None, None),
    };
    let (items, confirmed_by) = items(scene, gate, evidence, by.as_deref());
    Found { items, confirmed_by, unconfirmed, ..Found::default() }
}

/// The items of a checklist, and who confirmed them if all are confirmed: each by somebody who may, or by a file that
/// was signed as the policy asks. What a file says by itself confirms nothing.
fn items(
    scene: &Scene<'_>,
    gate: &Gate,
    evidence: Option<&GateEvidence>,
    signed: Option<&str>,
) -> (Vec<Item>, Option<String>) {
    let ticks = ticks(scene, gate);
    let mut confirmed = true;
    let mut by: Vec<&str> = Vec::new();
    let items = gate
        .items
        .iter()
        .map(|text| {
            let claimed = evidence.is_some_and(|evidence| evidence.ticked.contains(text));
            let ticked = ticks.iter().find(|tick| tick.item == text).map(|tick| scene.people.name(tick.person));
            let name = ticked.or(signed.filter(|_| claimed));
            match name {
                Some(name) if !by.contains(&name) => by.push(name),
                Some(_) => {}
                None => confirmed = false,
            }
            let state = if claimed || ticked.is_some() { ItemState::Ticked } else { ItemState::Open };
            Item { text: text.clone(), state }
        })
        .collect();
    (items, (confirmed && !by.is_empty()).then(|| words::all_of(&by)))
}

/// A tick of somebody who may.
struct Tick<'s> {
    item: &'s str,
    person: Person,
    act: &'s str,
}

/// Who ticked what of a checklist, and may.
fn ticks<'s>(scene: &Scene<'s>, gate: &Gate) -> Vec<Tick<'s>> {
    let tick = |(act, item): (&'s Act, &'s str)| {
        let person = ticks_off(scene, gate, act).ok()?;
        Some(Tick { item, person, act: &act.id })
    };
    ticked(scene, gate).filter_map(tick).collect()
}

/// The names of the acts that tick a checklist's items, the first of each.
fn ticking<'s>(scene: &Scene<'s>, gate: &Gate) -> Vec<&'s str> {
    let ticks = ticks(scene, gate);
    gate.items.iter().filter_map(|text| ticks.iter().find(|tick| tick.item == text).map(|tick| tick.act)).collect()
}

/// Every tick of a checklist, whoever made it.
fn ticked<'a, 's>(scene: &'a Scene<'s>, gate: &'a Gate) -> impl Iterator<Item = (&'s Act, &'s str)> {
    scene.acts().filter_map(|act| match &act.does {
        Deed::Tick { gate: named, item, .. } if is_named(gate, named) => Some((act, item.as_str())),
        _ => None,
    })
}

/// Whether an act ticks something of a checklist off: of one who did not contribute and holds the role that verifies it,
/// or where none is named any role that may approve; and of this very release.
pub(super) fn ticks_off(scene: &Scene<'_>, gate: &Gate, act: &Act) -> Result<Person, Refusal> {
    let person = if let Some(role) = &gate.verified_by {
        roles::independent(scene, act, role)?
    } else {
        let mut refused = Refusal::new(Ground::NotInRole, "the policy has no role that may tick it");
        let mut held = scene.rules.roles.iter().map(|role| roles::independent(scene, act, &role.name));
        let found = held.find_map(|held| held.map_err(|refusal| refused = refusal).ok());
        found.ok_or(refused)?
    };
    bound::to_release(scene, act, Extent::Whole)?;
    Ok(person)
}

/// Whose ticks of a checklist do not count, each once, and why.
fn unticked(scene: &Scene<'_>, gate: &Gate) -> Vec<String> {
    let mut ignored: Vec<String> = Vec::new();
    for (act, _) in ticked(scene, gate) {
        let Err(refusal) = ticks_off(scene, gate, act) else { continue };
        let says = format!("{}: {}", scene.people.name(scene.person_of(act)), refusal.says);
        if !ignored.contains(&says) {
            ignored.push(says);
        }
    }
    ignored
}

/// Tells the clock when evidence becomes too old, or stops being from the future.
fn ages(scene: &Scene<'_>, gate: &Gate, found: &Found<'_>) {
    let Some(most) = gate.max_age else { return };
    #[expect(clippy::cast_possible_truncation, reason = "lengths of a policy are bounded by its reader")]
    let most = Duration::milliseconds((most * 1000.0).round() as i64);
    for made in found.files.iter().filter_map(|file| file.about.made_at) {
        if let Some(early) = made.checked_sub_signed(Duration::seconds(gates::CLOCKS_APART_SECONDS))
            && scene.clock.reached(early)
            && let Some(end) = made.checked_add_signed(most)
        {
            scene.clock.reached(end);
        }
    }
}

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
pub(super) fn verifies(scene: &Scene<'_>, gate: &Gate, act: &Act) -> Result<(), String> {
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
pub(super) fn skippable(path: &Path<'_>, judged: &Judged<'_>) -> bool {
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
            node.says = format!(
                "{}: say why in an approval of the last 24 hours to go past it; {explanation}",
                judged.gate.name
            );
        }
        _ => node.says.push_str("; approvals that say why go past it"),
    }
}
