//! `countersign log cosign` and `countersign log publish`: the checkpoint is shown to those who can tell of a second history.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use chrono::Utc;
use clap::Args;

use super::{Failure, REFUTED, Trusted, plural};
use crate::cli::environment::variable;
use crate::cli::{PROCEED, UNKNOWN, USAGE, answer, complain};
use crate::connect::webhook::Secret;
use crate::connect::witness::Witness;
use crate::flow::record::Log;
use crate::flow::witnessing::{self, Failed, Handed};
use crate::log::keys::Keys;
use crate::report::neutral;

#[derive(Args)]
pub(in crate::cli) struct Cosign {
    /// The database: `sqlite:FILE` or `postgres://…`; or COUNTERSIGN_DATABASE.
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// The log's key: `name+hash+key`, or a file that holds one; or COUNTERSIGN_LOG_KEY.
    #[arg(long, value_name = "KEY")]
    log_key: Option<String>,
    /// A witness, as `https://witness.example=name+hash+key`; repeat it. It must know the log's key and name.
    #[arg(long, value_name = "URL=KEY", required = true)]
    witness: Vec<String>,
    /// How many must cosign. Left out: all.
    #[arg(long, value_name = "NUMBER")]
    witnesses: Option<usize>,
}

#[derive(Args)]
pub(in crate::cli) struct Publish {
    #[command(flatten)]
    trusted: Trusted,
    /// Append it to this file, one after another. What is in it already must be continued.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Send it to this address, signed as Standard Webhooks has it with the secret in COUNTERSIGN_WEBHOOK_SECRET (`whsec_…`).
    #[arg(long, value_name = "URL")]
    webhook: Option<String>,
    /// Add it as a git note to the commit at HEAD of this repository. What the ref has already must be continued.
    #[arg(long, value_name = "DIR")]
    git: Option<PathBuf>,
    /// The ref of the git note.
    #[arg(long, value_name = "REF", default_value = "refs/notes/countersign", requires = "git")]
    git_ref: String,
    /// Give it to this command on standard input, run by a shell: one that mails it, for instance.
    #[arg(long, value_name = "COMMAND")]
    command: Option<String>,
}

fn failed(why: &Failed) -> Failure {
    Failure(if why.is_refutation() { REFUTED } else { UNKNOWN }, why.to_string())
}

pub(super) fn cosign(arguments: &Cosign) -> Result<u8, Failure> {
    let address = crate::cli::append::address(arguments.database.as_deref())?;
    let stated = arguments.log_key.clone().or_else(|| variable("COUNTERSIGN_LOG_KEY"));
    let Some(stated) = stated else { return Err(Failure(USAGE, "name the log's key with `--log-key`".to_owned())) };
    let trusted = super::key::public_keys(&stated)?;
    let read = |text: &String| Witness::parse(text).map_err(|why| Failure(USAGE, why));
    let witnesses = arguments.witness.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let needed = arguments.witnesses.unwrap_or(witnesses.len());
    let keys = witnesses.iter().map(|witness| witness.key.clone()).collect();
    crate::log::witness::Quorum::new(keys, needed).map_err(|why| Failure(USAGE, why.to_string()))?;
    let cosigned = witnessing::cosign(&address, &trusted, &witnesses, Utc::now()).map_err(|why| failed(&why))?;
    let mut code = PROCEED;
    for (name, why) in &cosigned.failed {
        complain(&format!("the witness `{name}`: {why}"));
        if why.is_refutation() {
            code = REFUTED;
        }
    }
    if code == PROCEED && cosigned.count < needed {
        code = UNKNOWN;
    }
    let words = format!("{} of {} witnesses cosigned {}\n", cosigned.count, witnesses.len(), plural(cosigned.size));
    match answer(&words) {
        PROCEED => Ok(code),
        other => Ok(other),
    }
}

pub(super) fn publish(arguments: &Publish) -> Result<u8, Failure> {
    let places =
        [arguments.file.is_some(), arguments.webhook.is_some(), arguments.git.is_some(), arguments.command.is_some()];
    if !places.contains(&true) {
        return Err(Failure(USAGE, "name where to: `--file`, `--webhook`, `--git` or `--command`".to_owned()));
    }
    let (mut log, keys, _) = arguments.trusted.open()?;
    let handed = witnessing::newest(&mut log, &keys).map_err(|why| failed(&why))?;
    let mut out = String::new();
    let mut told = |place: &str, done: bool| {
        let words = if done { "published to" } else { "is there already, in" };
        let _ = writeln!(out, "{}, {words} {place}", plural(handed.size));
    };
    if let Some(path) = &arguments.file {
        told(&format!("`{}`", path.display()), to_file(&mut log, &keys, &handed, path)?);
    }
    if let Some(repository) = &arguments.git {
        told(&format!("`{}`", arguments.git_ref), to_git(&mut log, &keys, &handed, repository, &arguments.git_ref)?);
    }
    if let Some(url) = &arguments.webhook {
        let secret = variable("COUNTERSIGN_WEBHOOK_SECRET").and_then(|text| Secret::parse(&text));
        let Some(secret) = secret else {
            let words = "set COUNTERSIGN_WEBHOOK_SECRET to `whsec_` and the base64 of 24 to 64 bytes";
            return Err(Failure(USAGE, words.to_owned()));
        };
        witnessing::send(url, &secret, &handed, Utc::now()).map_err(|why| failed(&why))?;
        told("the webhook", true);
    }
    if let Some(line) = &arguments.command {
        let mut command = Command::new("sh");
        fed(command.args(["-c", line]), &handed.note).map_err(|why| Failure(UNKNOWN, format!("the command: {why}")))?;
        told("the command", true);
    }
    Ok(answer(&out))
}

/// Whether what a place has last is still to be followed by the newest checkpoint; a place with nothing is.
fn follows(log: &mut Log, keys: &Keys, handed: &Handed, before: &str) -> Result<bool, Failure> {
    if before.trim().is_empty() {
        return Ok(true);
    }
    // Checkpoints stand one after another; each begins with the log's name.
    let begins = format!("{}\n", handed.origin);
    let last =
        before.match_indices(&begins).filter(|(at, _)| *at == 0 || before.as_bytes().get(at - 1) == Some(&b'\n'));
    let last = last.last().and_then(|(at, _)| before.get(at..)).unwrap_or(before);
    let last = format!("{}\n", last.trim_end());
    witnessing::continues(log, keys, handed, &last).map(|there| !there).map_err(|why| failed(&why))
}

fn to_file(log: &mut Log, keys: &Keys, handed: &Handed, path: &Path) -> Result<bool, Failure> {
    let fault = |error: std::io::Error| Failure(UNKNOWN, format!("`{}`: {error}", path.display()));
    let before = match std::fs::read_to_string(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        read => read.map_err(fault)?,
    };
    if !follows(log, keys, handed, &before)? {
        return Ok(false);
    }
    let between = if before.is_empty() { "" } else { "\n" };
    let mut file = OpenOptions::new().append(true).create(true).open(path).map_err(fault)?;
    file.write_all(format!("{between}{}", handed.note).as_bytes()).and_then(|()| file.sync_all()).map_err(fault)?;
    Ok(true)
}

fn to_git(log: &mut Log, keys: &Keys, handed: &Handed, repository: &Path, reference: &str) -> Result<bool, Failure> {
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.arg("-C").arg(repository).args(["notes", "--ref", reference]).args(arguments);
        command
    };
    let failure = |why: String| Failure(UNKNOWN, format!("git: {}", neutral::line(&why, 1_000)));
    // Every note of the ref, for HEAD may have moved on since the last one.
    let listed = git(&["list"]).output().map_err(|error| failure(error.to_string()))?;
    let mut newest = String::new();
    let mut largest = None;
    for line in String::from_utf8_lossy(&listed.stdout).lines() {
        let Some(commit) = line.split(' ').nth(1) else { continue };
        let shown = git(&["show", commit]).output().map_err(|error| failure(error.to_string()))?;
        let text = String::from_utf8_lossy(&shown.stdout).into_owned();
        let sizes = text.lines().zip(text.lines().skip(1)).filter(|(origin, _)| *origin == handed.origin);
        let size = sizes.filter_map(|(_, size)| size.parse::<u64>().ok()).max();
        if size > largest {
            (newest, largest) = (text, size);
        }
    }
    if !follows(log, keys, handed, &newest)? {
        return Ok(false);
    }
    fed(&mut git(&["append", "-F", "-", "HEAD"]), &handed.note).map_err(failure)?;
    Ok(true)
}

/// Runs a command to its end with a text on its standard input.
fn fed(command: &mut Command, text: &str) -> Result<(), String> {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::null());
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    // One that reads nothing closes its end; how it ends is what counts.
    let written = child.stdin.take().map(|mut stdin| stdin.write_all(text.as_bytes()));
    let status = child.wait().map_err(|error| error.to_string())?;
    match written {
        _ if !status.success() => Err(format!("it ended with {status}")),
        Some(Err(error)) => Err(format!("it did not read the checkpoint: {error}")),
        _ => Ok(()),
    }
}
