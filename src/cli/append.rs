//! `countersign log append`: an entry from a pipeline, or of something that is not ours.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::environment::variable;
use super::evidence::Evidence;
use super::log::key::Signing;
use super::log::{Failure, put};
use super::{UNKNOWN, USAGE, answer};
use crate::flow::append::{self, Failed, Happening};
use crate::flow::record::{self, Log, Place};
use crate::log::entry::Kind;
use crate::log::keys::Keys;
use crate::store::address::Address;
use crate::store::change::Sent;

/// How many bytes of entries one command reads.
const MOST: u64 = 64 << 20;

/// What happened, and where it is recorded.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The database: `sqlite:FILE` or `postgres://…`; or COUNTERSIGN_DATABASE. An empty one is laid out.
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    #[command(flatten)]
    signing: Signing,
    /// What kind of thing happened.
    #[arg(long, value_name = "KIND", default_value = "evidence", value_parser = kind)]
    kind: Kind,
    /// A file that goes with it: its digest is in the entry, its bytes are kept beside the log. Repeat it for several.
    #[arg(long, value_name = "FILE")]
    attach: Vec<PathBuf>,
    /// A key under which it is recorded once, however often it is asked for, such as the job's number.
    #[arg(long, value_name = "KEY")]
    once: Option<String>,
    /// Read one entry from each line.
    #[arg(long, conflicts_with_all = ["attach", "once", "proof"])]
    lines: bool,
    /// The file is what a forge sent, byte for byte, and that is the forge and its id for it: `github:72d3162e-cc78`.
    /// It is recorded once, however often it is sent.
    #[arg(long, value_name = "FORGE:ID", conflicts_with_all = ["kind", "attach", "once", "lines"])]
    delivery: Option<String>,
    #[command(flatten)]
    evidence: Evidence,
    /// Write the proof that the log holds the entry to this file.
    #[arg(long, value_name = "FILE")]
    proof: Option<PathBuf>,
    /// The instant of the entry, for trying.
    #[arg(long, hide = true)]
    now: Option<DateTime<Utc>>,
    /// The file with the JSON object, or with a delivery's bytes; `-` or left out: standard input.
    file: Option<PathBuf>,
}

fn kind(word: &str) -> Result<Kind, String> {
    Kind::of(word).ok_or_else(|| {
        let words: Vec<_> = Kind::ALL.iter().map(|kind| kind.word()).collect();
        format!("one of {}", words.join(", "))
    })
}

/// The database that was named.
pub(super) fn address(stated: Option<&str>) -> Result<Address, Failure> {
    let stated = stated.map(str::to_owned).or_else(|| variable("COUNTERSIGN_DATABASE"));
    let Some(stated) = stated else {
        return Err(Failure(USAGE, "name the record's database with `--database sqlite:FILE`".to_owned()));
    };
    Address::parse(&stated).map_err(|fault| Failure(USAGE, fault.to_string()))
}

/// A forge and its id for a delivery.
fn sent(text: &str) -> Result<Sent, Failure> {
    let parts = text.split_once(':').filter(|(forge, id)| !forge.is_empty() && !id.is_empty());
    let Some((forge, id)) = parts else {
        return Err(Failure(USAGE, format!("`{text}` names no delivery; write `FORGE:ID`, such as `github:72d3162e`")));
    };
    Ok(Sent { forge: forge.to_owned(), id: id.to_owned() })
}

/// A delivery that a decision answers, with its bytes where they are to be recorded first.
pub(super) fn answered(text: &str) -> Result<(Sent, Option<Vec<u8>>), Failure> {
    match text.split_once('=') {
        Some((name, file)) => Ok((sent(name)?, Some(read(Some(Path::new(file)))?))),
        None => Ok((sent(text)?, None)),
    }
}

fn read(file: Option<&Path>) -> Result<Vec<u8>, Failure> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let (name, done) = match file.filter(|file| *file != Path::new("-")) {
        Some(path) => {
            let done = std::fs::File::open(path).and_then(|file| file.take(MOST + 1).read_to_end(&mut bytes));
            (path.display().to_string(), done)
        }
        None => ("standard input".to_owned(), std::io::stdin().lock().take(MOST + 1).read_to_end(&mut bytes)),
    };
    done.map_err(|error| Failure(USAGE, format!("`{name}`: {error}")))?;
    if bytes.len() as u64 > MOST {
        return Err(Failure(USAGE, format!("`{name}` has over 64 MiB")));
    }
    Ok(bytes)
}

fn body(bytes: &[u8], place: &str) -> Result<Map<String, Value>, Failure> {
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(body)) => Ok(body),
        Ok(_) => Err(Failure(USAGE, format!("{place} is no JSON object; what happened is one"))),
        Err(error) => Err(Failure(USAGE, format!("{place} is no JSON: {error}"))),
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<u8, Failure> {
    let address = address(arguments.database.as_deref())?;
    let signer = arguments.signing.signatory()?;
    let key = Keys::from(signer.verifier());
    let bytes = read(arguments.file.as_deref())?;
    let mut happened = Vec::new();
    if let Some(delivery) = &arguments.delivery {
        happened.push(append::delivery(&sent(delivery)?, &bytes));
    } else if arguments.lines {
        let lines = bytes.split(|byte| *byte == b'\n').zip(1..).filter(|(line, _)| !line.trim_ascii().is_empty());
        for (line, number) in lines {
            let body = body(line, &format!("line {number}"))?;
            happened.push(Happening { kind: arguments.kind, body, attached: Vec::new(), once: None });
        }
    } else {
        let mut attached = Vec::new();
        for path in &arguments.attach {
            let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
            attached.push((name, read(Some(path))?));
        }
        let body = body(&bytes, "what was read")?;
        happened.push(Happening { kind: arguments.kind, body, attached, once: arguments.once.clone() });
    }
    let at = arguments.now.unwrap_or_else(Utc::now);
    let annex = arguments.evidence.annex()?;
    let answers = append::append(&address, signer, annex, happened, at).map_err(|failed| match failed {
        Failed::Attached | Failed::Reserved(_) | Failed::Refused(_) => Failure(USAGE, failed.to_string()),
        Failed::Fault(record::Fault::Database(crate::store::fault::Fault::Unfit(unfit))) => {
            Failure(USAGE, unfit.to_string())
        }
        Failed::Fault(fault) => Failure(UNKNOWN, fault.to_string()),
        Failed::Batch(fault) => Failure(UNKNOWN, fault.to_string()),
    })?;
    let mut out = String::new();
    for appended in answers {
        let appended = appended.map_err(|refused| Failure(USAGE, refused.to_string()))?;
        let again = if appended.before { " (it was there already)" } else { "" };
        let _ = writeln!(out, "entry {}{again}", appended.first);
        if let Some(path) = &arguments.proof {
            let mut log = Log::open(&Place::Database(address.clone()))?;
            let proven = record::prove(&mut log, &key, appended.first)?;
            put(path, proven.proof.to_string().as_bytes())?;
        }
    }
    Ok(answer(&out))
}
