//! `countersign decide`: whether a release may go, by a policy, the facts and an instant.

use std::path::{Path, PathBuf};

use chrono::DateTime;

use super::{BLOCKED, PENDING, PROCEED, UNKNOWN, USAGE, complain, outputs};
use crate::decide::release;
#[cfg(feature = "app")]
use crate::flow::decided::Beside;
#[cfg(feature = "app")]
use crate::flow::receipt::{self, Decided};
use crate::flow::replay;
use crate::log::receipt::Layer;
use crate::model::facts::Facts;
use crate::model::release_decision::{ReleaseDecision, Ruling};
use crate::policy::{self, Policy};
use crate::report;
use crate::workspace::layers::{self, From};
use crate::workspace::open;

/// Every exit code, with what it means.
pub(super) const EXIT_CODES: [(u8, &str); 5] = [
    (PROCEED, "the release may go"),
    (PENDING, "it is held: people, time or somebody who mends it can still let it go"),
    (BLOCKED, "it is rejected, by a word that the policy makes final"),
    (USAGE, "the command or the policy is wrong, and nothing was decided"),
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

/// What is decided, by what, and how it is told.
#[derive(clap::Args)]
#[command(after_help = after_help())]
pub(super) struct Arguments {
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
    /// Record the decision, with the policy and the facts, in this database before it is told: `sqlite:FILE` or
    /// `postgres://…`.
    #[cfg(feature = "app")]
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    #[cfg(feature = "app")]
    #[command(flatten)]
    signing: super::log::key::Signing,
    /// Record this delivery of a forge first, and say in the decision that it answers it: `FORGE:ID=FILE` with the bytes
    /// as they came, or `FORGE:ID` of one that is in the record. Repeat it for several.
    #[cfg(feature = "app")]
    #[arg(long, value_name = "DELIVERY", requires = "database")]
    answers: Vec<String>,
    /// Refuse to record the decision unless the release had been decided so many times before for this environment.
    #[cfg(feature = "app")]
    #[arg(long, value_name = "NUMBER", requires = "database")]
    after: Option<u64>,
    #[cfg(feature = "app")]
    #[command(flatten)]
    evidence: super::evidence::Evidence,
    /// Write the decision's receipt to this file; `countersign verify` reads it.
    #[cfg(feature = "app")]
    #[arg(long, value_name = "FILE", requires = "database")]
    receipt: Option<PathBuf>,
    /// Leave out of the receipt what the facts and the policy say: their digests stay.
    #[cfg(feature = "app")]
    #[arg(long, requires = "receipt")]
    redact: bool,
}

/// Why nothing was decided: the exit code, after it was said.
struct Said(u8);

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
    if arguments.database.is_none() && arguments.signing.is_stated() {
        return Err(said(USAGE, "a log's key signs what `--database` records: name both, or neither"));
    }
    #[cfg(feature = "app")]
    if arguments.database.is_none() && arguments.evidence.is_stated() {
        return Err(said(USAGE, "a folder or a bucket keeps what `--database` records: name both, or neither"));
    }
    let now = DateTime::parse_from_rfc3339(&arguments.now).map_err(|_| {
        said(USAGE, &format!("`--now {}` is no instant; write one such as `2026-11-23T09:00:00Z`", arguments.now))
    })?;
    let now = now.to_utc();
    let Read { policy, layers } = read(&arguments.policy, arguments.policy_ref.as_deref())?;
    let before = match arguments.policy_before.as_slice() {
        [] => None,
        files => Some(read(files, arguments.policy_before_ref.as_deref())?),
    };
    let (facts, text) = facts(&arguments.facts, policy.limits.bytes)?;
    let decision = match &before {
        Some(before) => release::decide_between(&before.policy, &policy, &facts, now),
        None => release::decide(&policy, &facts, now),
    };
    let decision = decision.by_document(text.as_bytes());
    #[cfg(feature = "app")]
    if let Some(database) = &arguments.database {
        let before = before.map(|before| before.layers).unwrap_or_default();
        let document = report::json::release(&decision).map_err(|error| said(UNKNOWN, &error.to_string()))?;
        let decided =
            Decided { policy: layers, before, facts_text: text, facts: &facts, decision: &decision, document };
        record(arguments, database, decided)?;
    }
    #[cfg(not(feature = "app"))]
    drop((layers, text));
    write(arguments, &policy, &decision).map_err(|message| said(UNKNOWN, &message))?;
    Ok(match decision.decision {
        Ruling::Proceed => PROCEED,
        Ruling::Hold => PENDING,
        Ruling::Reject => BLOCKED,
    })
}

/// Records a decision, and writes its receipt.
#[cfg(feature = "app")]
fn record(arguments: &Arguments, database: &str, decided: Decided<'_>) -> Result<(), Said> {
    let failed = |super::log::Failure(code, words): super::log::Failure| said(code, &words);
    let address = super::append::address(Some(database)).map_err(failed)?;
    let signer = arguments.signing.signatory().map_err(failed)?;
    let answers = arguments.answers.iter().map(|text| super::append::answered(text)).collect::<Result<_, _>>();
    let answers = answers.map_err(failed)?;
    let annex = arguments.evidence.annex().map_err(failed)?;
    let beside = Beside { answers, after: arguments.after, annex, ..Beside::default() };
    let receipt = receipt::record(decided, &beside, &address, signer, chrono::Utc::now())
        .map_err(|why| said(UNKNOWN, &format!("nothing is decided, because it cannot be recorded: {why}")))?;
    let Some(path) = &arguments.receipt else { return Ok(()) };
    let receipt = if arguments.redact { receipt.redacted() } else { receipt };
    let text = serde_json::to_string_pretty(&receipt).map_err(|error| said(UNKNOWN, &error.to_string()))?;
    super::log::put(path, format!("{text}\n").as_bytes()).map_err(failed)
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

/// What is known of a release, and what is decided of it now.
pub(super) fn now(policy: &[PathBuf], file: &Path) -> Result<(Facts, ReleaseDecision), u8> {
    let policy = self::policy(policy)?;
    let (facts, _) = facts(file, policy.limits.bytes).map_err(|Said(code)| code)?;
    let decision = release::decide(&policy, &facts, chrono::Utc::now());
    Ok((facts, decision))
}

fn read(files: &[PathBuf], reference: Option<&str>) -> Result<Read, Said> {
    let wrong = |error: &dyn std::fmt::Display| said(USAGE, &error.to_string());
    let from = reference.map_or(Ok(From::WorkingTree), From::reference).map_err(|error| wrong(&error))?;
    let sources = layers::read(files, &from).map_err(|error| wrong(&error))?;
    let attached = layers::attachments(&sources, &from).map_err(|error| wrong(&error))?;
    let layers = replay::layers(&sources, &attached);
    match policy::read_with(sources, &attached) {
        Ok(policy) => {
            super::policy::tell(&policy.warnings);
            Ok(Read { policy, layers })
        }
        Err(complaints) => {
            super::policy::tell(&complaints);
            Err(said(USAGE, "nothing was decided, because the policy has mistakes"))
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

fn write(arguments: &Arguments, policy: &Policy, decision: &ReleaseDecision) -> Result<(), String> {
    let output = arguments.output.as_deref();
    let text = match arguments.format {
        Format::Text => report::release::render(decision, policy.rules.calendar.zone, outputs::style(output.is_none())),
        Format::Json => report::json::release(decision).map_err(|error| error.to_string())?,
    };
    outputs::document(&text, output)
}
