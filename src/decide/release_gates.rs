//! The gates of a release, each judged by the evidence that the facts state.
//!
//! [`gates`](super::gates) judges; this file hands it what the facts say: measures, ages, signers, ticks. Who verified
//! what from which bytes is said beside it. A gate that holds may be waived ([`super::waivers`]), and an emergency's route
//! may go past one, with a reason.

mod ticks;
mod told;

use chrono::{DateTime, Duration, Utc};

use super::gates::{self, Baseline, File, Found, Judgement, Subject, Table};
use super::path::{Path, Triage};
use super::released::plain;
use super::scene::Scene;
use super::signers;
use super::waivers;
use crate::model::decision::Protection;
use crate::model::facts::{Fact, GateEvidence};
use crate::model::kind::Kind;
use crate::model::release_decision::Node;
use crate::model::report::{About, Fault, Place};
use crate::model::verdict::{Reason, Verdict};
use crate::policy::gate::{Gate, Missing};
use ticks::{ticking, with_ticks};

pub use told::nodes;

pub(super) use ticks::ticks_off;
pub(super) use told::{skippable, verifies};

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

    fn has_evidence(&self) -> bool {
        self.evidence.is_some_and(|evidence| !evidence.digests.is_empty())
    }

    /// Whether there is evidence that speaks against it, or may: which is more than that there is none.
    fn blocks(&self) -> bool {
        match self.judgement.verdict {
            Verdict::Block => self.judgement.reason != Reason::EvidenceRequired || self.has_evidence(),
            // Whoever does not say when it was made says nothing of what it holds.
            // What was signed anew without what is asked for took the place of what was.
            Verdict::Pending => matches!(self.judgement.reason, Reason::AgeUnknown | Reason::NoAttestation),
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
            proposed: &[],
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
