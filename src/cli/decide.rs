//! `countersign decide`: whether a release may go, by a policy, the facts and an instant.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::{BLOCKED, PENDING, PROCEED, UNKNOWN, USAGE, complain, outputs};
use crate::decide::release;
use crate::decide::unreadable::{self, Flaw};
#[cfg(feature = "app")]
use crate::flow::decided::Beside;
#[cfg(feature = "app")]
use crate::flow::receipt::{self, Decided};
use crate::flow::{flawed, replay};
use crate::log::receipt::Layer;
use crate::model::facts::Facts;
use crate::model::release_decision::{ReleaseDecision, Ruling};
use crate::policy::layers::Limits;
use crate::policy::{self, Policy};
use crate::report;
use crate::workspace::layers::{self, From};
use crate::workspace::open;

/// Every exit code, with what it means.
pub(super) const EXIT_CODES: [(u8, &str); 5] = [
    (PROCEED, "the release may go"),
    (
        PENDING,
        "it is held: people, time or somebody who mends it can still let it go; so is whatever has no policy that can be read",
    ),
    (BLOCKED, "it is rejected, by a word that the policy makes final"),
    (USAGE, "the command is wrong, and nothing was decided"),
    (UNKNOWN, "the facts cannot be read, or the decision cannot be written"),
];

fn after_help() -> String {
    let codes: Vec<String> = EXIT_CODES.iter().map(|(code, meaning)| format!("  {code:2}  {meaning}\n")).collect();
    format!(
        "Exit codes:\n{}\nThe facts are a JSON document; `countersign schema facts` prints its form. The same policy, facts and \
         instant give the same decision, whenever and wherever it is made.",
        codes.concat()
    )
}

/// How a decision is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// The sentence and the tree, for a person.
    Text,
    /// The decision document, for programs.
    Json,
}

/// The policy that is decided by.
#[derive(clap::Args)]
pub(super) struct Policies {
    /// A layer of the policy; repeat it, outermost layer first.
    /// Left out: `.countersign/policy.yml`, `.countersign/policy.yaml` or `countersign.yml`.
    #[arg(long, value_name = "FILE")]
    policy: Vec<PathBuf>,
    /// Read the policy from this branch, tag or commit instead of the working tree; `--policy` then names paths in it.
    /// Only then do waivers count that the policy itself grants.
    #[arg(long, value_name = "REF")]
    policy_ref: Option<String>,
    /// A layer of the policy as it was before a change that its approvers have not approved yet; repeat it likewise.
    #[arg(long, value_name = "FILE")]
    policy_before: Vec<PathBuf>,
    /// Read it from this branch, tag or commit, likewise.
    #[arg(long, value_name = "REF", requires = "policy_before")]
    policy_before_ref: Option<String>,
}

/// Where a decision is recorded.
#[cfg(feature = "app")]
#[derive(clap::Args)]
pub(super) struct Recording {
    /// Record the decision, with the policy and the facts, in this database before it is told: `sqlite:FILE` or
    /// `postgres://…`.
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    #[command(flatten)]
    signing: super::log::key::Signing,
    /// Record this delivery of a forge first, and say in the decision that it answers it: `FORGE:ID=FILE` with the bytes
    /// as they came, or `FORGE:ID` of one that is in the record. Repeat it for several.
    #[arg(long, value_name = "DELIVERY", requires = "database")]
    answers: Vec<String>,
    /// Refuse to record the decision unless the release had been decided so many times before for this environment.
    #[arg(long, value_name = "NUMBER", requires = "database")]
    after: Option<u64>,
    #[command(flatten)]
    evidence: super::evidence::Evidence,
    /// Write the decision's receipt to this file; `countersign verify` reads it.
    #[arg(long, value_name = "FILE", requires = "database")]
    receipt: Option<PathBuf>,
    /// Leave out of the receipt what the facts and the policy say: their digests stay.
    #[arg(long, requires = "receipt")]
    redact: bool,
}

/// What is decided, by what, and how it is told.
#[derive(clap::Args)]
#[command(after_help = after_help())]
pub(super) struct Arguments {
    #[command(flatten)]
    policies: Policies,
    /// What is known of the release.
    #[arg(long, value_name = "FILE")]
    facts: PathBuf,
    /// The instant to decide for, RFC 3339.
    #[arg(long, value_name = "RFC3339")]
    now: String,
    /// How the decision is told.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Write it to this file instead of standard output.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[cfg(feature = "app")]
    #[command(flatten)]
    recording: Recording,
}

/// Why nothing was decided: the exit code, after it was said.
pub(super) struct Said(pub(super) u8);

fn said(code: u8, message: &str) -> Said {
    complain(message);
    Said(code)
}

pub(super) fn run(arguments: &Arguments) -> u8 {
    match decided(arguments) {
        Ok(code) | Err(Said(code)) => code,
    }
}

fn decided(arguments: &Arguments) -> Result<u8, Said> {
    #[cfg(feature = "app")]
    arguments.recording.fits()?;
    let now = DateTime::parse_from_rfc3339(&arguments.now).map_err(|_| {
        said(USAGE, &format!("`--now {}` is no instant; write one such as `2026-11-23T09:00:00Z`", arguments.now))
    })?;
    let now = now.to_utc();
    let read = match arguments.policies.judged()? {
        Ok(read) => read,
        Err(unusable) => {
            let (facts, text) = facts(&arguments.facts, Limits::default().bytes)?;
            let listed = replay::listed(unusable.flawed());
            let decision = unreadable::held(&facts, now, &unusable.flaws, listed).by_document(text.as_bytes());
            #[cfg(feature = "app")]
            arguments.recording.record((unusable.policy, unusable.before), &facts, text, &decision)?;
            write(arguments, chrono_tz::UTC, &decision).map_err(|message| said(UNKNOWN, &message))?;
            return Ok(PENDING);
        }
    };
    let (facts, text) = facts(&arguments.facts, read.now.policy.limits.bytes)?;
    let decision = read.decide(&facts, &text, now);
    let zone = read.now.policy.rules.calendar.zone;
    #[cfg(feature = "app")]
    arguments.recording.record(read.layers(), &facts, text, &decision)?;
    write(arguments, zone, &decision).map_err(|message| said(UNKNOWN, &message))?;
    Ok(match decision.decision {
        Ruling::Proceed => PROCEED,
        Ruling::Hold => PENDING,
        Ruling::Reject => BLOCKED,
    })
}

/// The policy that is in force, and the one before it that its approvers have not let go yet.
pub(super) struct InForce {
    now: Read,
    before: Option<Read>,
}

/// Why there is no policy to decide by, which was said.
pub(super) struct Unusable {
    flaws: Vec<Flaw>,
    /// The layers that could be read.
    policy: Vec<Layer>,
    /// Those of the policy before it.
    before: Vec<Layer>,
    /// Whether it is that one which cannot be used.
    is_before: bool,
}

impl Unusable {
    /// The layers that have the flaws.
    fn flawed(&self) -> &[Layer] {
        if self.is_before { &self.before } else { &self.policy }
    }
}

impl Policies {
    /// Reads them.
    #[cfg(feature = "app")]
    pub(super) fn read(&self) -> Result<InForce, Said> {
        self.judged()?.map_err(|_| said(USAGE, "nothing was decided, because the policy has mistakes"))
    }

    /// The same, where a policy that cannot be used is something to decide by: it holds.
    fn judged(&self) -> Result<Result<InForce, Unusable>, Said> {
        let now = judged(&self.policy, self.policy_ref.as_deref())?;
        let before = match self.policy_before.as_slice() {
            [] => Ok(None),
            files => judged(files, self.policy_before_ref.as_deref())?.map(Some),
        };
        Ok(match (now, before) {
            (Ok(now), Ok(before)) => Ok(InForce { now, before }),
            (Err(now), before) => {
                let before = before.map_or_else(|it| it.policy, |it| it.map(|it| it.layers).unwrap_or_default());
                Err(Unusable { before, ..now })
            }
            (Ok(now), Err(before)) => {
                Err(Unusable { flaws: before.flaws, policy: now.layers, before: before.policy, is_before: true })
            }
        })
    }
}

impl InForce {
    /// The policy that is in force.
    #[cfg(feature = "app")]
    pub(super) fn policy(&self) -> &Policy {
        &self.now.policy
    }

    /// Their layers, those in force first.
    #[cfg(feature = "app")]
    pub(super) fn layers(self) -> (Vec<Layer>, Vec<Layer>) {
        (self.now.layers, self.before.map(|before| before.layers).unwrap_or_default())
    }

    /// Decides, by the stricter of the two where there are two.
    pub(super) fn decide(&self, facts: &Facts, text: &str, now: DateTime<Utc>) -> ReleaseDecision {
        let decision = match &self.before {
            Some(before) => release::decide_between(&before.policy, &self.now.policy, facts, now),
            None => release::decide(&self.now.policy, facts, now),
        };
        decision.by_document(text.as_bytes())
    }
}

#[cfg(feature = "app")]
impl Recording {
    /// Whether a decision is recorded at all.
    pub(super) fn is_stated(&self) -> bool {
        self.database.is_some()
    }

    /// Whether everything that is named belongs to a record.
    pub(super) fn fits(&self) -> Result<(), Said> {
        if self.database.is_none() && self.signing.is_stated() {
            return Err(said(USAGE, "a log's key signs what `--database` records: name both, or neither"));
        }
        if self.database.is_none() && self.evidence.is_stated() {
            return Err(said(USAGE, "a folder or a bucket keeps what `--database` records: name both, or neither"));
        }
        Ok(())
    }

    /// Records a decision where it is to be recorded, and writes its receipt.
    pub(super) fn record(
        &self,
        (policy, before): (Vec<Layer>, Vec<Layer>),
        facts: &Facts,
        facts_text: String,
        decision: &ReleaseDecision,
    ) -> Result<(), Said> {
        let Some(database) = &self.database else { return Ok(()) };
        let document = report::json::release(decision).map_err(|error| said(UNKNOWN, &error.to_string()))?;
        let decided = Decided { policy, before, facts_text, facts, decision, document };
        let failed = |super::log::Failure(code, words): super::log::Failure| said(code, &words);
        let address = super::append::address(Some(database)).map_err(failed)?;
        let signer = self.signing.signatory().map_err(failed)?;
        let answers = self.answers.iter().map(|text| super::append::answered(text)).collect::<Result<_, _>>();
        let answers = answers.map_err(failed)?;
        let annex = self.evidence.annex().map_err(failed)?;
        let beside = Beside { answers, after: self.after, annex, ..Beside::default() };
        let receipt = receipt::record(decided, &beside, &address, signer, Utc::now())
            .map_err(|why| said(UNKNOWN, &format!("nothing is decided, because it cannot be recorded: {why}")))?;
        let Some(path) = &self.receipt else { return Ok(()) };
        let receipt = if self.redact { receipt.redacted() } else { receipt };
        let text = serde_json::to_string_pretty(&receipt).map_err(|error| said(UNKNOWN, &error.to_string()))?;
        super::log::put(path, format!("{text}\n").as_bytes()).map_err(failed)
    }
}

/// A policy, and its layers as a receipt has them.
struct Read {
    policy: Policy,
    layers: Vec<Layer>,
}

/// A policy alone; the code to exit with after it was said what is wrong with it.
pub(super) fn policy(files: &[PathBuf]) -> Result<Policy, u8> {
    read(files, None).map(|read| read.policy).map_err(|Said(code)| code)
}

/// The same, from the working tree or a reference.
pub(super) fn policy_at(files: &[PathBuf], reference: Option<&str>) -> Result<Policy, u8> {
    read(files, reference).map(|read| read.policy).map_err(|Said(code)| code)
}

fn read(files: &[PathBuf], reference: Option<&str>) -> Result<Read, Said> {
    judged(files, reference)?.map_err(|_| said(USAGE, "nothing was decided, because the policy has mistakes"))
}

/// Reads a policy, and says what is wrong with one that cannot be used.
fn judged(files: &[PathBuf], reference: Option<&str>) -> Result<Result<Read, Unusable>, Said> {
    let unusable = |flaws, policy| Unusable { flaws, policy, before: Vec::new(), is_before: false };
    let wrong = |error: &layers::Error| match flawed::of_layers(error) {
        Some(flaw) => {
            complain(&error.to_string());
            Ok(Err(unusable(vec![flaw], Vec::new())))
        }
        // Which policy is meant is not known.
        None => Err(said(USAGE, &error.to_string())),
    };
    let from = reference.map_or(Ok(From::WorkingTree), From::reference);
    let from = from.map_err(|error| said(USAGE, &error.to_string()))?;
    let sources = match layers::read(files, &from) {
        Ok(sources) => sources,
        Err(error) => return wrong(&error),
    };
    let attached = match layers::attachments(&sources, &from) {
        Ok(attached) => attached,
        Err(error) => return wrong(&error),
    };
    let layers = replay::layers(&sources, &attached);
    match policy::read_with(sources, &attached) {
        Ok(policy) => {
            super::policy::tell(&policy.warnings);
            Ok(Ok(Read { policy, layers }))
        }
        Err(complaints) => {
            super::policy::tell(&complaints);
            Ok(Err(unusable(flawed::of_complaints(&complaints), layers)))
        }
    }
}

/// The facts, and their text.
fn facts(path: &Path, limit: u64) -> Result<(Facts, String), Said> {
    let unread = |why: String| said(UNKNOWN, &format!("the facts in {}: {why}", path.display()));
    let artifact = open::named(path, limit).map_err(|fault| unread(fault.to_string()))?;
    let facts = Facts::read(&artifact).map_err(|mistakes| {
        for mistake in mistakes.to_string().lines() {
            complain(&format!("{}: {}", path.display(), mistake.trim_start()));
        }
        said(
            UNKNOWN,
            "nothing was decided, because the facts have mistakes; `countersign schema facts` prints their form",
        )
    })?;
    let text = String::from_utf8(artifact.to_vec()).map_err(|_| unread("they are not UTF-8".to_owned()))?;
    artifact.unchanged().map_err(|fault| unread(fault.to_string()))?;
    Ok((facts, text))
}

fn write(arguments: &Arguments, zone: Tz, decision: &ReleaseDecision) -> Result<(), String> {
    let output = arguments.output.as_deref();
    let text = match arguments.format {
        Format::Text => report::release::render(decision, zone, outputs::style(output.is_none())),
        Format::Json => report::json::release(decision).map_err(|error| error.to_string())?,
    };
    outputs::document(&text, output)
}
