//! Gates: each is judged by itself, and one `match` says what they come to.

mod about;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{explain, words};
use crate::model::catalogue;
use crate::model::decision::{Outcome, Protection};
use crate::model::kind::Kind;
use crate::model::measures::{Measure, Measures};
use crate::model::report::{About, Fault};
use crate::model::verdict::{Reason, Verdict};
use crate::policy::evaluate::{Facts, Given, Truth, condition};
use crate::policy::expression::Expression;
use crate::policy::gate::{Gate, Missing, needs_baseline};
use crate::policy::waiver::Waiver;

pub(super) use self::about::CLOCKS_APART_SECONDS;
pub use self::about::names_commit;

/// What is released, and where to.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'s> {
    /// The environment.
    pub environment: &'s str,
    /// The components; empty when none was named, and then no gate is left out for them.
    pub components: &'s [String],
    /// The commit, where it is known.
    pub commit: Option<&'s str>,
    /// Where it is not known: the commits of which it is one, such as a proposed change and its merge. None when nothing
    /// is known of it.
    pub proposed: &'s [String],
    /// SHA-256 digests of the artifacts, where they are known.
    pub artifacts: &'s [String],
    /// Why it could not be read which artifacts are released, where it could not.
    pub unread: Option<&'s str>,
    /// Where the policy was read from.
    pub protection: Protection,
    /// The instant of the decision.
    pub now: DateTime<Utc>,
}

/// What was found for one gate.
#[derive(Debug, Default)]
pub struct Found<'f> {
    /// Why the evidence could not be gathered at all.
    pub trouble: Option<Fault>,
    /// The files that are its evidence.
    pub files: Vec<File>,
    /// What they measure together.
    pub measures: Table<'f>,
    /// What the last release measured.
    pub baseline: Baseline<'f>,
    /// What the signatures come to, for a gate that judges signatures.
    pub signatures: Vec<Signature>,
    /// What the items of a checklist come to.
    pub items: Vec<Item>,
    /// Who confirmed the ticks of a checklist, by a signature that the policy asks for.
    pub confirmed_by: Option<String>,
    /// Why a signature over a checklist confirms nothing.
    pub unconfirmed: Option<String>,
}

/// Measures, where they are: those that were just read, or those that facts state.
#[derive(Debug)]
pub enum Table<'f> {
    /// Just read.
    Read(Measures),
    /// Stated, by names that may be any.
    Stated(&'f BTreeMap<String, Measure>),
}

impl Default for Table<'_> {
    fn default() -> Self {
        Self::Read(Measures::new())
    }
}

impl Table<'_> {
    /// What is known under a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Measure> {
        match self {
            Self::Read(measures) => measures.get(name),
            Self::Stated(measures) => measures.get(name),
        }
    }

    /// The measures that were read; none of those that facts state, which have them already.
    #[must_use]
    pub fn into_read(self) -> Measures {
        match self {
            Self::Read(measures) => measures,
            Self::Stated(_) => Measures::new(),
        }
    }
}

/// One file that was read.
#[derive(Debug)]
pub struct File {
    /// Its path.
    pub path: String,
    /// What it says of itself.
    pub about: About,
    /// Why it cannot be taken as evidence.
    pub fault: Option<Fault>,
}

/// What the last release measured.
#[derive(Debug, Default)]
pub enum Baseline<'f> {
    /// No baseline was given.
    #[default]
    Absent,
    /// One was given, and it has nothing for this gate; what was looked for, in words.
    Without(String),
    /// It measured this.
    Known(Table<'f>),
    /// It is there and cannot be understood.
    Unreadable(String, Fault),
}

/// What one signature comes to.
#[derive(Debug)]
pub struct Signature {
    /// The bundle.
    pub bundle: String,
    /// The artifact, or what was looked for.
    pub artifact: String,
    /// Who signed, or why it does not count.
    pub outcome: Result<String, (Reason, String)>,
}

/// What one item of a checklist comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The item as the policy states it.
    pub text: String,
    /// How it stands.
    pub state: ItemState,
}

/// How an item stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemState {
    /// Some file says it is ticked.
    Ticked,
    /// It stands in a file, open.
    Open,
    /// It stands in no file.
    Missing,
}

/// Why a gate has its verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// The stable code.
    pub reason: Reason,
    /// In words: what was required, what was found, what to do next.
    pub explanation: String,
}

/// Whether a gate guards what is released. A gate whose scope is not known to be
/// elsewhere guards it.
#[must_use]
pub fn elsewhere(gate: &Gate, subject: &Subject<'_>) -> Option<Judgement> {
    if !gate.environments.is_empty() && !gate.environments.iter().any(|name| name == subject.environment) {
        return Some(judgement(Reason::OtherEnvironment, format!("it guards {}", listed(&gate.environments))));
    }
    let touches = gate.components.iter().any(|name| subject.components.contains(name));
    if !gate.components.is_empty() && !subject.components.is_empty() && !touches {
        return Some(judgement(Reason::OtherComponent, format!("it guards {}", listed(&gate.components))));
    }
    None
}

/// Judges one gate by what was found for it.
#[must_use]
pub fn judge(gate: &Gate, subject: &Subject<'_>, found: &Found<'_>, waivers: &[Waiver]) -> Judgement {
    if let Some(elsewhere) = elsewhere(gate, subject) {
        return elsewhere;
    }
    let judged = by_evidence(gate, subject, found);
    if judged.verdict.opens() {
        return judged;
    }
    match waivers.iter().find(|waiver| waiver.covers(gate, subject.environment, subject.now)) {
        Some(waiver) if subject.protection == Protection::Protected => {
            let reason = waiver.reason.as_deref().unwrap_or("no reason stated");
            judgement(
                Reason::WaiverInForce,
                format!(
                    "waived by {} until {}: {reason}; without the waiver: {}",
                    waiver.by,
                    waiver.until.format("%Y-%m-%d %H:%M UTC"),
                    judged.explanation
                ),
            )
        }
        Some(waiver) => Judgement {
            explanation: format!(
                "{}; a waiver by {} does not count, because the policy was not read from a protected ref: use `--policy-ref`",
                judged.explanation, waiver.by
            ),
            ..judged
        },
        None => judged,
    }
}

/// The order in which evidence is asked: can it be understood, is it there, is
/// it about this release, and only then: does it meet the requirement.
fn by_evidence(gate: &Gate, subject: &Subject<'_>, found: &Found<'_>) -> Judgement {
    if let Some(fault) = &found.trouble {
        return judgement(fault.reason, fault.to_string());
    }
    if let Some(judged) = understood(found) {
        return judged;
    }
    let sound: Vec<&File> = found.files.iter().filter(|file| file.fault.is_none()).collect();
    if sound.is_empty() && gate.kind != Kind::Checklist {
        return absent(gate, found);
    }
    // What is signed wrongly is wrong, whatever else is not known of it.
    if gate.kind == Kind::Signature {
        let judged = signatures(gate, subject, found);
        if judged.verdict == Verdict::Block {
            return judged;
        }
    }
    if let Some(judged) = sound.iter().find_map(|file| about::this_release(gate, subject, file)) {
        return judged;
    }
    if let Some(judged) = about::every_artifact(gate, subject, &sound) {
        return judged;
    }
    match gate.kind {
        Kind::Signature => signatures(gate, subject, found),
        Kind::Checklist => checklist(gate, subject, found),
        _ => requirement(gate, subject, found),
    }
}

/// A file that cannot be understood, or whose tool failed, leaves the answer
/// unknown. An empty report among others does not.
fn understood(found: &Found<'_>) -> Option<Judgement> {
    let faulty = found.files.iter().filter_map(|file| Some((file, file.fault.as_ref()?)));
    let mut faulty = faulty.filter(|(_, fault)| fault.reason.verdict() == Verdict::Indeterminate);
    if let Some((file, fault)) = faulty.next() {
        let more = faulty.count();
        let rest = match more {
            0 => String::new(),
            more => format!(" (and {})", words::count(more, "other file", "other files")),
        };
        return Some(judgement(fault.reason, format!("{}: {fault}{rest}", file.path)));
    }
    let failed = found.files.iter().find_map(|file| Some((file, file.about.tool_failure.as_ref()?)));
    failed.map(|(file, failure)| {
        judgement(
            Reason::ToolFailed,
            format!("{}: the tool says that its own run failed: {failure}; run it again", file.path),
        )
    })
}

/// What it means that the statement which is asked for is not there: of what must be here, no more than that nothing is.
fn lacking(gate: &Gate, reason: Reason) -> Reason {
    if reason == Reason::NoAttestation && gate.missing == Missing::Block { Reason::EvidenceRequired } else { reason }
}

fn absent(gate: &Gate, found: &Found<'_>) -> Judgement {
    if let Some((file, fault)) = found.files.iter().find_map(|file| Some((file, file.fault.as_ref()?))) {
        return judgement(lacking(gate, fault.reason), format!("{}: {fault}", file.path));
    }
    let (lacks, next) = if gate.files.is_empty() {
        let lacks = "the policy names no file in which the checklist is ticked".to_owned();
        (lacks, "name it with `ticked_in`, or let the app ask for the ticks")
    } else {
        let lacks = format!("no file matches {}", listed(gate.files.globs()));
        (lacks, "run the step that makes it first, or point `--artifacts` at its folder")
    };
    match gate.missing {
        Missing::Pending if gate.items.is_empty() => judgement(Reason::NoEvidence, format!("{lacks}; {next}")),
        Missing::Pending => {
            let items = listed(&gate.items);
            judgement(Reason::NoEvidence, format!("{lacks}; {next}; to be ticked: {items}"))
        }
        Missing::Block => {
            judgement(Reason::EvidenceRequired, format!("{lacks}, and the policy says that it must be here"))
        }
    }
}

/// What a gate's expressions can speak of.
struct Known<'k> {
    measures: &'k Table<'k>,
    baseline: Option<&'k Table<'k>>,
    namespace: &'static str,
    environment: &'k str,
    files: &'k [File],
}

impl Known<'_> {
    /// The file that leaves a measure open, where others beside it may have stated it.
    fn left_open_by(&self, name: &str) -> Option<&str> {
        let files = self.files.iter().filter(|file| file.fault.is_none());
        let opens = |file: &&File| file.about.leaves_open.iter().any(|names| name.starts_with(names));
        if files.clone().count() < 2 { None } else { files.clone().find(opens).map(|file| file.path.as_str()) }
    }
}

impl Facts for Known<'_> {
    fn value(&self, name: &str) -> Option<Given<'_>> {
        let measure = match name.strip_prefix("baseline.") {
            Some(rest) => {
                let baseline = self.baseline?;
                baseline.get(rest).or_else(|| baseline.get(&format!("{}.{rest}", self.namespace)))
            }
            None if name == "environment" => return Some(Given::Text(self.environment)),
            None => self.measures.get(name),
        };
        measure.map(Given::from)
    }
}

fn requirement(gate: &Gate, subject: &Subject<'_>, found: &Found<'_>) -> Judgement {
    if let Some(skipped) = nothing_ran(&found.measures) {
        return judgement(Reason::EmptyReport, skipped);
    }
    let Some(stated) = &gate.require else {
        return match gate.kind {
            Kind::Signature | Kind::Checklist => judgement(Reason::RequirementMet, String::new()),
            _ => judgement(Reason::MeasureUnknown, "the gate requires nothing, so nothing can meet it".to_owned()),
        };
    };
    let compared = || needs_baseline(stated, gate.kind);
    let baseline = match &found.baseline {
        Baseline::Known(measures) => Some(measures),
        Baseline::Unreadable(path, fault) if compared() => {
            return judgement(fault.reason, format!("the baseline {path}: {fault}"));
        }
        Baseline::Absent | Baseline::Without(_) | Baseline::Unreadable(..) => None,
    };
    let facts = Known {
        measures: &found.measures,
        baseline,
        namespace: crate::model::catalogue::namespace(gate.kind),
        environment: subject.environment,
        files: &found.files,
    };
    let answer = condition(&stated.term, &facts);
    if answer == Truth::Unknown && baseline.is_none() && compared() {
        if let Baseline::Without(lacks) = &found.baseline {
            // That the last release's report is not where it was does not make this the first release.
            let next = "give it the last release's report, under a path that the gate's glob means; only without `--baseline` is a release the first";
            let why = format!("it is compared with the last release, and {lacks}; {next}");
            return judgement(Reason::NotInBaseline, why);
        }
        return match &gate.first_release {
            Some(first) => {
                let judged = met(first, condition(&first.term, &facts), &facts);
                Judgement { explanation: format!("first release, without a baseline: {}", judged.explanation), ..judged }
            }
            None => judgement(
                Reason::NoBaseline,
                "it is compared with the last release, and there is no baseline; give one with `--baseline`, or say in the policy with `first_release` what counts without".to_owned(),
            ),
        };
    }
    met(stated, answer, &facts)
}

/// What is said of tests that were all skipped: that none failed is no result.
fn nothing_ran(measures: &Table<'_>) -> Option<String> {
    match (measures.get("tests.total"), measures.get("tests.skipped")) {
        (Some(Measure::Number(total)), _) if *total <= 0.0 => Some("no test ran, so nothing was tested".to_owned()),
        (Some(Measure::Number(total)), Some(Measure::Number(skipped))) if total <= skipped => {
            Some(format!("all {} tests were skipped, so nothing was tested", explain::round(*total)))
        }
        _ => None,
    }
}

fn met(stated: &Expression, answer: Truth, facts: &Known<'_>) -> Judgement {
    match answer {
        Truth::True => judgement(Reason::RequirementMet, explain::values(&stated.term, facts)),
        Truth::False => judgement(Reason::RequirementNotMet, explain::unmet(&stated.term, facts).join("; ")),
        Truth::Unknown => {
            let parts = explain::unmet(&stated.term, facts).join("; ");
            let unknown = || stated.names().into_iter().filter(|name| facts.value(name).is_none());
            let open = unknown().find_map(|name| Some((name, facts.left_open_by(name)?)));
            let next = match open {
                Some((name, path)) => format!(
                    "{path} does not state `{name}`, and then it is unknown of all reports of the gate together; \
                     let the tool report it, or give such reports a gate of their own"
                ),
                None => {
                    "the evidence does not state what is unknown; require what it states, or let the tool report it"
                        .to_owned()
                }
            };
            // A list that is cut would say that what it lacks is not there, so a long one is not stated at all.
            let listed = |name: &&str| facts.value(name).is_none() && catalogue::is_list(name);
            let cut = match stated.names().into_iter().find(listed) {
                Some(name) if open.is_none() => {
                    format!("; where `{name}` would be too long a list, set `limits.names` in the policy higher")
                }
                _ => String::new(),
            };
            judgement(Reason::MeasureUnknown, format!("{parts}; {next}{cut}"))
        }
    }
}

fn signatures(gate: &Gate, subject: &Subject<'_>, found: &Found<'_>) -> Judgement {
    let mut refused: Vec<(&Signature, Reason, &String)> = found
        .signatures
        .iter()
        .filter_map(|signature| signature.outcome.as_ref().err().map(|(reason, why)| (signature, *reason, why)))
        .collect();
    // A wrong signature weighs more than one that is not there yet.
    refused.sort_by_key(|(_, reason, _)| std::cmp::Reverse(rank(reason.verdict())));
    if let Some((signature, reason, why)) = refused.first() {
        let more = refused.len() - 1;
        let rest = match more {
            0 => String::new(),
            more => format!(" (and {})", words::count(more, "other artifact", "other artifacts")),
        };
        return judgement(lacking(gate, *reason), format!("{}: {why}{rest}", signature.artifact));
    }
    let Some(first) = found.signatures.first() else {
        return judgement(
            Reason::NoEvidence,
            "no artifact stands beside a bundle; name the artifacts with `artifact`".to_owned(),
        );
    };
    let signer = first.outcome.as_ref().map_or("", String::as_str);
    let judged = requirement(gate, subject, found);
    match judged.reason {
        Reason::RequirementMet => judgement(
            Reason::RequirementMet,
            format!(
                "{} {} signed by {signer}",
                found.signatures.len(),
                if found.signatures.len() == 1 { "artifact" } else { "artifacts" }
            ),
        ),
        _ => judged,
    }
}

fn checklist(gate: &Gate, subject: &Subject<'_>, found: &Found<'_>) -> Judgement {
    let open: Vec<String> =
        found.items.iter().filter(|item| item.state != ItemState::Ticked).map(|item| item.text.clone()).collect();
    if found.items.is_empty() {
        return absent(gate, found);
    }
    let whom = gate.verified_by.as_deref().map_or_else(String::new, |role| format!(" by {role}"));
    if !open.is_empty() {
        let total = found.items.len();
        let are = if total == 1 { "is" } else { "are" };
        let items = words::count(total, "item", "items");
        return judgement(Reason::Unticked, format!("{} of {items} {are} open: {}", open.len(), listed(&open)));
    }
    let total = found.items.len();
    if let Some(person) = &found.confirmed_by {
        let judged = requirement(gate, subject, found);
        return match judged.reason {
            Reason::RequirementMet => {
                judgement(Reason::RequirementMet, format!("all {total} items ticked, confirmed by {person}"))
            }
            _ => judged,
        };
    }
    let claim = "a tick in a file is a claim: sign the file, or let the app confirm who ticked it";
    let why = found.unconfirmed.as_deref().unwrap_or(claim);
    let ticked = if total == 1 { "its one item is ticked".to_owned() } else { format!("all {total} items are ticked") };
    judgement(Reason::Unverified, format!("{ticked}, and nobody has confirmed it{whom}; {why}"))
}

/// What the gates come to together: the worst of them.
///
/// A gate that blocks outranks one whose answer is unknown, and that one a gate
/// that is pending. No gates at all is no permission.
#[must_use]
pub fn together(verdicts: impl IntoIterator<Item = Verdict>) -> Verdict {
    verdicts.into_iter().max_by_key(|verdict| rank(*verdict)).unwrap_or(Verdict::Indeterminate)
}

/// The one place that says which verdict outranks which.
pub(super) fn rank(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::NotApplicable => 0,
        Verdict::Pass => 1,
        Verdict::Waived => 2,
        Verdict::Pending => 3,
        Verdict::Indeterminate => 4,
        Verdict::Block => 5,
    }
}

/// Whether a release may go on, given what its gates come to.
#[must_use]
pub fn outcome(worst: Verdict) -> Outcome {
    if worst.opens() { Outcome::Proceed } else { Outcome::Hold }
}

fn judgement(reason: Reason, explanation: String) -> Judgement {
    Judgement { verdict: reason.verdict(), reason, explanation }
}

fn listed(names: &[String]) -> String {
    let told: Vec<String> = names.iter().take(5).map(|name| format!("`{name}`")).collect();
    if names.len() > 5 {
        return format!("{} and {} more", told.join(", "), names.len() - 5);
    }
    told.join(", ")
}

fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}
