//! The story of a checkpoint that others see: witnesses are asked to cosign it, and it is handed to places that whoever
//! administers the log cannot rewrite. A place that has seen more than the log has, or something else, is what tells of a
//! log that was set back.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::json;

use super::record::{Fault, Log, Place, runtime};
use crate::connect::webhook::{self, Secret};
use crate::connect::witness::{Answer, Witness};
use crate::log::checkpoint::Checkpoint;
use crate::log::keys::Keys;
use crate::log::note::{Flaw, Note};
use crate::log::tile::Tiled;
use crate::log::tree;
use crate::log::verify;
use crate::log::witness;
use crate::store::address::Address;
use crate::store::fault::Fault as DatabaseFault;
use crate::store::witnessed;
use crate::transport::http;

/// How often a witness may say that it has seen another size, while others ask it as well.
const ATTEMPTS: usize = 4;
/// How far a witness's clock may be ahead, in seconds.
const AHEAD: u64 = 300;
/// How long another that writes to the same file is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why a checkpoint is not seen by somebody.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// The log does not hold, or could not be read.
    #[error("{0}")]
    Record(#[from] Fault),
    /// Somebody could not be spoken to.
    #[error("{0}")]
    Http(#[from] http::Fault),
    /// What came back is no cosignature.
    #[error("what it answered is no cosignature of its own: {0}")]
    Cosignature(Flaw),
    /// Its clock is wrong.
    #[error("its cosignature is of {0} seconds from now: its clock, or this one, is wrong")]
    Clock(u64),
    /// Somebody has seen more.
    #[error(
        "it has seen {seen} entries of this log, and the log has {size}: an older state was brought back, and whatever is \
         signed from here on makes a second history"
    )]
    Ahead {
        /// What was seen.
        seen: u64,
        /// What the log has.
        size: u64,
    },
    /// Somebody has seen something else.
    #[error("it has seen another history of this log, of {0} entries")]
    Other(u64),
    /// A witness goes on changing its mind.
    #[error("it says each time that it has seen another size")]
    Unsteady,
}

impl Failed {
    /// Whether it says that there are two histories.
    #[must_use]
    pub fn is_refutation(&self) -> bool {
        match self {
            Self::Record(fault) => fault.is_refutation(),
            Self::Ahead { .. } | Self::Other(_) => true,
            Self::Http(_) | Self::Cosignature(_) | Self::Clock(_) | Self::Unsteady => false,
        }
    }
}

impl From<DatabaseFault> for Failed {
    fn from(fault: DatabaseFault) -> Self {
        Self::Record(fault.into())
    }
}

/// The newest checkpoint with who cosigned it, and why the others did not.
#[derive(Debug)]
pub struct Cosigned {
    /// The checkpoint, with the cosignatures.
    pub note: String,
    /// How many entries it covers.
    pub size: u64,
    /// How many cosignatures came.
    pub count: usize,
    /// The others, by their names.
    pub failed: Vec<(String, Failed)>,
}

/// Asks witnesses to cosign the newest checkpoint, and keeps it with what they answered.
pub fn cosign(address: &Address, trusted: &Keys, witnesses: &[Witness], at: DateTime<Utc>) -> Result<Cosigned, Failed> {
    let mut log = Log::open(&Place::Database(address.clone()))?;
    let keys = log.keys(trusted)?;
    let (checkpoint, mut note) = keys.open(&log.checkpoint()?).map_err(Fault::Checkpoint)?;
    let mut failed = Vec::new();
    let mut count = 0;
    let runtime = runtime()?;
    let client = http::client()?;
    for witness in witnesses {
        // Once is enough.
        if matches!(witness.key.check(&note), Ok(Some(_))) {
            count += 1;
            continue;
        }
        let mut ask = |request| runtime.block_on(witness.add(&client, request)).map_err(Failed::from);
        match one(&mut log, &checkpoint, &note, witness, at, &mut ask) {
            Ok(signature) => {
                note.signatures.push(signature);
                count += 1;
            }
            Err(why) => failed.push((witness.key.name().to_owned(), why)),
        }
    }
    let text = note.to_string();
    if count > 0 {
        runtime.block_on(witnessed::keep(address, checkpoint.size, &text, PATIENCE, at.timestamp_micros()))?;
    }
    Ok(Cosigned { note: text, size: checkpoint.size, count, failed })
}

/// Asks one witness, from the size on that it says it has seen.
fn one(
    log: &mut Log,
    checkpoint: &Checkpoint,
    note: &Note,
    witness: &Witness,
    at: DateTime<Utc>,
    ask: &mut dyn FnMut(String) -> Result<Answer, Failed>,
) -> Result<crate::log::note::Signature, Failed> {
    let size = checkpoint.size;
    let text = note.to_string();
    let mut old = 0;
    for _ in 0..ATTEMPTS {
        let proof = match old {
            0 => Vec::new(),
            old => tree::consistency(&mut Tiled::new(log, size), old, size).map_err(Fault::from)?,
        };
        let request = witness::request(old, &proof, &text).ok_or(Failed::Unsteady)?;
        let answer = match ask(request) {
            // What it has seen is not what the log's tree had at that size, or it could follow the proof.
            Err(Failed::Http(http::Fault::Answer { status: 422, .. })) if old > 0 => return Err(Failed::Other(old)),
            answer => answer?,
        };
        match answer {
            Answer::Signed(body) => {
                let (signature, time) = witness::cosignature(&body, note, &witness.key).map_err(Failed::Cosignature)?;
                let latest = u64::try_from(at.timestamp()).unwrap_or_default() + AHEAD;
                return if time > latest { Err(Failed::Clock(time - latest + AHEAD)) } else { Ok(signature) };
            }
            Answer::Seen(seen) if seen > size => return Err(Failed::Ahead { seen, size }),
            // Told once more what it was asked from: what it has seen there has another root.
            Answer::Seen(seen) if seen == old && old > 0 => return Err(Failed::Other(seen)),
            Answer::Seen(seen) => old = seen,
        }
    }
    Err(Failed::Unsteady)
}

/// The newest checkpoint, which is to be handed out, once it was seen to continue what was handed out before.
#[derive(Clone, Debug)]
pub struct Handed {
    /// The log's name.
    pub origin: String,
    /// How many entries it covers.
    pub size: u64,
    /// The root over them.
    pub root: tree::Hash,
    /// The checkpoint.
    pub note: String,
}

/// Opens the newest checkpoint.
pub fn newest(log: &mut Log, trusted: &Keys) -> Result<Handed, Failed> {
    let keys = log.keys(trusted)?;
    let note = log.checkpoint()?;
    let (checkpoint, _) = keys.open(&note).map_err(Fault::Checkpoint)?;
    Ok(Handed { origin: checkpoint.origin, size: checkpoint.size, root: checkpoint.root, note })
}

/// Checks that what a place has of this log is continued by the newest checkpoint, and says whether it has that already.
pub fn continues(log: &mut Log, trusted: &Keys, handed: &Handed, before: &str) -> Result<bool, Failed> {
    let keys = log.keys(trusted)?;
    let (checkpoint, _) = keys.open(before).map_err(Fault::Kept)?;
    if checkpoint.size > handed.size {
        return Err(Failed::Ahead { seen: checkpoint.size, size: handed.size });
    }
    let edge = verify::edge(log, checkpoint.size, handed.size).map_err(Fault::from)?;
    if edge.root() != checkpoint.root {
        return Err(Failed::Other(checkpoint.size));
    }
    Ok(checkpoint.size == handed.size)
}

/// Hands the checkpoint to a webhook.
pub fn send(to: &str, secret: &Secret, handed: &Handed, at: DateTime<Utc>) -> Result<(), Failed> {
    let url = http::address(to)?;
    let client = http::client()?;
    let root = handed.root.to_string();
    let id = format!("checkpoint_{}_{}", handed.size, root.get(..16).unwrap_or_default());
    let data = json!({ "origin": handed.origin, "size": handed.size, "root": root, "checkpoint": handed.note });
    let body = json!({ "type": "log.checkpoint", "timestamp": at.to_rfc3339(), "data": data }).to_string();
    runtime()?.block_on(webhook::send(&client, &url, secret, &id, at, body))?;
    Ok(())
}
