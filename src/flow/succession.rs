//! The story of a log that goes on: under a new key, or in a database that had lost its newest entries.

use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::append::written;
use super::record::{Fault, Log, Place, runtime, verify};
use crate::log::keys::Keys;
use crate::log::note::Flaw;
use crate::log::tile::WIDTH;
use crate::store::address::Address;
use crate::store::fault::Fault as DatabaseFault;
use crate::store::reader::Reader;
use crate::store::signatory::Signatory;
use crate::store::writer::{Appended, Writer};

/// Why a log does not go on.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// What it would go on from does not hold, or could not be read.
    #[error("{0}")]
    Record(#[from] Fault),
    /// The database did not take it.
    #[error("{0}")]
    Database(#[from] DatabaseFault),
    /// The key that was brought is not the one that signs now.
    #[error("the log's newest entries are signed by a later key than this one: bring that one")]
    NotNewest,
}

/// Puts another key in the place of the log's. `patience` is how long another writer is waited for.
pub fn rotate(
    address: &Address,
    from: Signatory,
    to: Signatory,
    patience: Duration,
    at: DateTime<Utc>,
) -> Result<Appended, Failed> {
    written(address, from, None, patience, at, async |writer| writer.rotate(to, at).await)
}

/// What was brought back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// How many entries.
    pub entries: u64,
    /// How many the log has now.
    pub size: u64,
    /// How many of the digests in them are of bytes that the database does not have.
    pub blobs: u64,
}

/// Brings back the entries that a database has lost, out of an export that was verified with the log's keys. Nothing is
/// signed: the checkpoint that was signed over them then is the log's once more.
pub fn recover(
    address: &Address,
    signer: Signatory,
    trusted: &Keys,
    folder: &Path,
    patience: Duration,
    at: DateTime<Utc>,
) -> Result<Recovered, Failed> {
    let mut log = Log::open(&Place::Folder(folder.to_owned()))?;
    let keys = log.keys(trusted)?;
    let sound = verify(&mut log, &keys, None, &mut |_, _| {})?;
    let (checkpoint, note) = keys.open(&sound.checkpoint).map_err(Fault::Checkpoint)?;
    // The head must be of the key that signs next.
    match signer.verifier().check(&note) {
        Ok(_) => {}
        Err(Flaw::Unsigned(_)) => return Err(Failed::NotNewest),
        Err(flaw) => return Err(Fault::Checkpoint(flaw).into()),
    }
    let runtime = runtime()?;
    runtime.block_on(async {
        let mut writer = Writer::open(address, signer, patience, at).await?;
        let has = writer.size().await?;
        let mut missing = Vec::new();
        for number in has / WIDTH..checkpoint.size.div_ceil(WIDTH) {
            let first = number * WIDTH;
            let bundle = log.bundle(number, checkpoint.size)?;
            missing.extend((first..).zip(bundle).filter(|(index, _)| *index >= has).map(|(_, entry)| entry));
        }
        let digests: Vec<_> = missing.iter().flat_map(|entry| crate::log::retention::digests(entry)).collect();
        let entries = writer.recover(missing, &checkpoint, &sound.checkpoint, at).await?;
        writer.close().await?;
        let mut reader = Reader::open(address).await?;
        let mut blobs = 0;
        for digest in digests {
            blobs += u64::from(!reader.has(digest).await?);
        }
        reader.close().await?;
        Ok(Recovered { entries, size: checkpoint.size, blobs })
    })
}
