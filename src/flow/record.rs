//! The story of the record as its readers live it: a log is opened, in a database or as files, and verified, shown,
//! proven and exported. Whoever trusts nobody brings the log's key, and a checkpoint that was kept elsewhere.

use std::path::PathBuf;

use crate::log::checkpoint::Checkpoint;
use crate::log::entry::{Entry, Kind as EntryKind};
use crate::log::keys::{self, Keys};
use crate::log::note::Flaw;
use crate::log::proof::{Proof, Refuted};
use crate::log::tile::{self, Missing, Tile, Tiled, Tiles, WIDTH};
use crate::log::tree::{self, Unproven};
use crate::log::verify::{self, Verified, Wrong};
use crate::log::witness::Quorum;
use crate::store::folder::{self, Folder, ROTATIONS};

#[cfg(feature = "app")]
use crate::store::{
    address::Address,
    fault::Fault as DatabaseFault,
    reader::{Blocking, Reader},
};

/// Where a log is read.
#[derive(Clone, Debug)]
pub enum Place {
    /// An exported folder.
    Folder(PathBuf),
    /// A database.
    #[cfg(feature = "app")]
    Database(Address),
}

/// Why a log could not be read, or does not hold.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// A file could not be read or written.
    #[error("{0}")]
    Folder(#[from] folder::Fault),
    /// The database could not be read.
    #[cfg(feature = "app")]
    #[error("{0}")]
    Database(#[from] DatabaseFault),
    /// The runtime could not be made.
    #[error("the machine has no room for another thread: {0}")]
    Runtime(std::io::Error),
    /// The checkpoint does not hold.
    #[error("the checkpoint does not hold: {0}")]
    Checkpoint(Flaw),
    /// The older checkpoint does not hold.
    #[error("the checkpoint that was kept does not hold: {0}")]
    Kept(Flaw),
    /// The log's keys do not follow one another.
    #[error("the rotation of the log's key does not hold: {0}")]
    Rotation(Flaw),
    /// A key was replaced, and nothing that is stated beside the log says so.
    #[error(
        "entry {0} replaces the log's key, and what the log states of its keys leaves it out: whatever the old key has \
         signed since counts for nothing"
    )]
    Unfollowed(u64),
    /// The log does not verify.
    #[error("{0}")]
    Wrong(Wrong<Box<Self>>),
    /// There is no such entry.
    #[error("there is no entry {index}: the log has {size}, counted from 0")]
    NoEntry {
        /// What was asked for.
        index: u64,
        /// How many there are.
        size: u64,
    },
    /// The log cannot prove its entry.
    #[error("the log cannot prove entry {index}: {why}")]
    Unproven {
        /// The entry.
        index: u64,
        /// Why not.
        why: String,
    },
}

impl Fault {
    /// Whether it says that the log is not what was signed, rather than that it could not be read.
    #[must_use]
    pub fn is_refutation(&self) -> bool {
        match self {
            Self::Checkpoint(_) | Self::Kept(_) | Self::Rotation(_) | Self::Unfollowed(_) | Self::Unproven { .. } => {
                true
            }
            Self::Wrong(Wrong::Read(fault)) => fault.is_refutation(),
            Self::Wrong(_) => true,
            #[cfg(feature = "app")]
            Self::Database(fault) => matches!(fault, DatabaseFault::Damaged(_)),
            // What is not there, or not even text, was not signed.
            Self::Folder(fault) => {
                matches!(fault.error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::InvalidData)
            }
            Self::Runtime(_) | Self::NoEntry { .. } => false,
        }
    }
}

impl From<Wrong<Fault>> for Fault {
    fn from(wrong: Wrong<Fault>) -> Self {
        Self::Wrong(match wrong {
            Wrong::Read(fault) => return fault,
            Wrong::Bundle { index, path } => Wrong::Bundle { index, path },
            Wrong::Entries { first, last } => Wrong::Entries { first, last },
            Wrong::Tile { path, place, first } => Wrong::Tile { path, place, first },
            Wrong::Rewritten { first, last } => Wrong::Rewritten { first, last },
            Wrong::NotContinued(size) => Wrong::NotContinued(size),
            Wrong::Truncated { old, size } => Wrong::Truncated { old, size },
        })
    }
}

impl From<Missing<Fault>> for Fault {
    fn from(missing: Missing<Fault>) -> Self {
        Wrong::from(missing).into()
    }
}

/// How many cosigned checkpoints are looked through for one that enough witnesses signed.
#[cfg(feature = "app")]
const WITNESSED: u64 = 1_000;

/// A log that is open for reading.
#[derive(Debug)]
pub struct Log(Kind);

#[derive(Debug)]
enum Kind {
    Folder(Folder),
    #[cfg(feature = "app")]
    Database {
        runtime: tokio::runtime::Runtime,
        reader: Box<Reader>,
    },
}

/// A runtime for one who waits.
#[cfg(feature = "app")]
pub fn runtime() -> Result<tokio::runtime::Runtime, Fault> {
    crate::transport::runtime().map_err(Fault::Runtime)
}

impl Log {
    /// Opens it.
    pub fn open(place: &Place) -> Result<Self, Fault> {
        match place {
            Place::Folder(path) => Ok(Self(Kind::Folder(Folder::new(path)))),
            #[cfg(feature = "app")]
            Place::Database(address) => {
                let runtime = runtime()?;
                let reader = Box::new(runtime.block_on(Reader::open(address))?);
                Ok(Self(Kind::Database { runtime, reader }))
            }
        }
    }

    /// Looks for what is large in an annex as well.
    #[cfg(feature = "app")]
    #[must_use]
    pub fn with_annex(self, annex: Option<crate::store::annex::Annex>) -> Self {
        match self.0 {
            Kind::Folder(folder) => Self(Kind::Folder(folder)),
            Kind::Database { runtime, reader } => {
                Self(Kind::Database { runtime, reader: Box::new(reader.with_annex(annex)) })
            }
        }
    }

    /// Whether it is an exported one: entries and hashes, and none of the documents that entries point to.
    #[must_use]
    pub fn is_exported(&self) -> bool {
        match &self.0 {
            Kind::Folder(_) => true,
            #[cfg(feature = "app")]
            Kind::Database { .. } => false,
        }
    }

    /// The document of a digest, SHA-256 in hexadecimal; `None` where there is none, or no more.
    #[cfg(feature = "app")]
    pub fn document(&mut self, sha256: &str) -> Result<Option<Vec<u8>>, Fault> {
        match (&mut self.0, tree::Hash::parse(sha256)) {
            (Kind::Folder(_), _) | (_, None) => Ok(None),
            (Kind::Database { runtime, reader }, Some(digest)) => Ok(runtime.block_on(reader.blob(digest))?),
        }
    }

    /// The last signed checkpoint, as it is kept.
    pub fn checkpoint(&mut self) -> Result<String, Fault> {
        match &mut self.0 {
            Kind::Folder(folder) => Ok(folder.checkpoint()?),
            #[cfg(feature = "app")]
            Kind::Database { runtime, reader } => Ok(runtime.block_on(reader.head())?.checkpoint),
        }
    }

    /// The key that a database states for its log. It is the word of whoever can write to the database.
    pub fn stated_key(&mut self) -> Result<Option<String>, Fault> {
        match &mut self.0 {
            Kind::Folder(_) => Ok(None),
            #[cfg(feature = "app")]
            Kind::Database { runtime, reader } => Ok(Some(runtime.block_on(reader.head())?.vkey)),
        }
    }

    /// The checkpoints that may have been cosigned, the newest first. None of them is checked.
    fn witnessed(&mut self) -> Result<Vec<String>, Fault> {
        match &mut self.0 {
            Kind::Folder(folder) => Ok(vec![folder.checkpoint()?]),
            #[cfg(feature = "app")]
            Kind::Database { runtime, reader } => Ok(runtime.block_on(reader.witnessed(WITNESSED))?),
        }
    }

    /// The rotations that the log states, each as a signed note. None of them is checked.
    pub fn rotations(&mut self) -> Result<Vec<String>, Fault> {
        match &mut self.0 {
            Kind::Folder(folder) => keys::split(&folder.rotations()?).map_err(Fault::Rotation),
            #[cfg(feature = "app")]
            Kind::Database { runtime, reader } => Ok(runtime.block_on(reader.rotations())?),
        }
    }

    /// The keys that follow from a trusted one, by the rotations that the log has.
    pub fn keys(&mut self, trusted: &Keys) -> Result<Keys, Fault> {
        let stated = self.rotations()?;
        let mut keys = trusted.clone();
        keys.follow_all(&stated).map_err(Fault::Rotation)?;
        Ok(keys)
    }

    /// The bytes of the entries of one bundle, of a log of `size` entries.
    pub fn bundle(&mut self, number: u64, size: u64) -> Result<Vec<Vec<u8>>, Fault> {
        let width = size.saturating_sub(number * WIDTH).min(WIDTH);
        let tile = Tile { level: None, number, width };
        let bytes = self.read(tile)?;
        let entries = tile::entries(&bytes).map(|entries| entries.into_iter().map(<[u8]>::to_vec).collect::<Vec<_>>());
        let enough = |entries: &Vec<Vec<u8>>| entries.len() as u64 >= width;
        entries.filter(enough).ok_or_else(|| Wrong::Bundle { index: number * WIDTH, path: tile.path() }.into())
    }
}

impl Tiles for Log {
    type Error = Fault;

    fn read(&mut self, tile: Tile) -> Result<Vec<u8>, Fault> {
        match &mut self.0 {
            Kind::Folder(folder) => Ok(folder.read(tile)?),
            #[cfg(feature = "app")]
            Kind::Database { runtime, reader } => Ok(Blocking { runtime, reader }.read(tile)?),
        }
    }

    fn read_into(&mut self, tile: Tile, into: &mut Vec<u8>) -> Result<(), Fault> {
        match &mut self.0 {
            Kind::Folder(folder) => Ok(folder.read_into(tile, into)?),
            #[cfg(feature = "app")]
            Kind::Database { .. } => {
                *into = self.read(tile)?;
                Ok(())
            }
        }
    }
}

/// A log that verified.
#[derive(Clone, Debug)]
pub struct Sound {
    /// What was verified.
    pub verified: Verified,
    /// The signed checkpoint to which it was compared.
    pub checkpoint: String,
}

/// Verifies a log with its keys: all of it, or what came after a checkpoint that was kept elsewhere. `seen` is told of each
/// entry that was read, and believes it once this has come out well.
pub fn verify(
    log: &mut Log,
    keys: &Keys,
    kept: Option<&str>,
    seen: &mut dyn FnMut(u64, &[u8]),
) -> Result<Sound, Fault> {
    let text = log.checkpoint()?;
    let (checkpoint, _) = keys.open(&text).map_err(Fault::Checkpoint)?;
    let verified = go(log, keys, kept, &checkpoint, seen)?;
    Ok(Sound { verified, checkpoint: text })
}

/// How the entry of a rotation ends, in the one form that an entry has.
const ROTATION: &[u8] = br#","kind":"key_rotation","v":1}"#;

fn go<T: Tiles<Error = Fault>>(
    tiles: &mut T,
    keys: &Keys,
    kept: Option<&str>,
    checkpoint: &Checkpoint,
    seen: &mut dyn FnMut(u64, &[u8]),
) -> Result<Verified, Fault> {
    let old = kept.map(|kept| keys.open(kept).map_err(Fault::Kept)).transpose()?;
    let mut unfollowed = None;
    let mut entry = |index: u64, bytes: &[u8]| {
        if bytes.ends_with(ROTATION) && !follows(keys, index, bytes) {
            unfollowed = unfollowed.or(Some(index));
        }
        seen(index, bytes);
    };
    let mut watch = verify::Watch { entry: &mut entry, done: &mut |_| {} };
    let verified = verify::watched(tiles, old.as_ref().map(|(old, _)| old), checkpoint, &mut watch)?;
    match unfollowed {
        None => Ok(verified),
        Some(index) => Err(Fault::Unfollowed(index)),
    }
}

/// Whether a rotation that the log has is one that was followed, or one before the trusted key.
fn follows(keys: &Keys, index: u64, bytes: &[u8]) -> bool {
    let Ok(entry) = Entry::parse(bytes) else { return true };
    let note = entry.body.get("note").and_then(serde_json::Value::as_str);
    let Some(rotation) = note.filter(|_| entry.kind == EntryKind::KeyRotation).map(keys::Rotation::open) else {
        return true;
    };
    // A note that no two keys signed, or that is of another place, replaces nothing.
    !rotation.is_ok_and(|rotation| rotation.index == index && keys.signs_after(&rotation.from, index))
}

/// An entry with its proof.
#[derive(Clone, Debug)]
pub struct Proven {
    /// The entry's bytes.
    pub entry: Vec<u8>,
    /// The proof, which was checked.
    pub proof: Proof,
}

/// The newest checkpoint that enough witnesses cosigned, as they saw it, of a log of `now` entries, which must continue it.
fn cosigned(log: &mut Log, keys: &Keys, quorum: &Quorum, now: u64) -> Result<Option<(Checkpoint, String)>, Fault> {
    for text in log.witnessed()? {
        let (checkpoint, note) = keys.open(&text).map_err(Fault::Kept)?;
        if !quorum.holds(&note).map_err(Fault::Kept)? {
            continue;
        }
        if checkpoint.size > now {
            return Err(Wrong::Truncated { old: checkpoint.size, size: now }.into());
        }
        if verify::edge(log, checkpoint.size, now)?.root() != checkpoint.root {
            return Err(Wrong::NotContinued(checkpoint.size).into());
        }
        return Ok(Some((checkpoint, text)));
    }
    Ok(None)
}

/// How many entries of a log that was verified up to `now` enough witnesses have seen; `None` where too few have.
pub fn witnessed(log: &mut Log, keys: &Keys, quorum: &Quorum, now: u64) -> Result<Option<u64>, Fault> {
    Ok(cosigned(log, keys, quorum, now)?.map(|(checkpoint, _)| checkpoint.size))
}

/// Proves an entry under the newest checkpoint that enough witnesses cosigned; `None` where there is none.
pub fn prove_witnessed(log: &mut Log, keys: &Keys, index: u64, quorum: &Quorum) -> Result<Option<Proven>, Fault> {
    let (newest, _) = keys.open(&log.checkpoint()?).map_err(Fault::Checkpoint)?;
    match cosigned(log, keys, quorum, newest.size)? {
        Some((_, text)) => prove_under(log, keys, index, &text).map(Some),
        None => Ok(None),
    }
}

/// Proves an entry. What leaves here was checked with the key.
pub fn prove(log: &mut Log, key: &Keys, index: u64) -> Result<Proven, Fault> {
    let newest = log.checkpoint()?;
    prove_under(log, key, index, &newest)
}

fn prove_under(log: &mut Log, key: &Keys, index: u64, under: &str) -> Result<Proven, Fault> {
    let (checkpoint, note) = key.open(under).map_err(Fault::Checkpoint)?;
    let size = checkpoint.size;
    if index >= size {
        return Err(Fault::NoEntry { index, size });
    }
    let mut entries = log.bundle(index / WIDTH, size)?;
    let place = usize::try_from(index % WIDTH).unwrap_or_default();
    if place >= entries.len() {
        return Err(Fault::NoEntry { index, size });
    }
    let entry = entries.swap_remove(place);
    let path = tree::inclusion(&mut Tiled::new(log, size), index, size)?;
    let proof = Proof { index, path, checkpoint: note };
    match proof.check(&entry, key) {
        Ok(_) => Ok(Proven { entry, proof }),
        Err(Refuted::Path(Unproven::OtherRoot)) => {
            Err(Fault::Unproven { index, why: "it, or the hashes beside it, are not what was signed".to_owned() })
        }
        Err(other) => Err(Fault::Unproven { index, why: other.to_string() }),
    }
}

/// Reads tiles, and writes each to a folder as it goes by.
struct Copied<'l> {
    log: &'l mut Log,
    to: Folder,
    files: u64,
}

impl Tiles for Copied<'_> {
    type Error = Fault;

    fn read(&mut self, tile: Tile) -> Result<Vec<u8>, Fault> {
        let bytes = self.log.read(tile)?;
        let path = tile.path();
        // A full tile never changes; one that is there was verified when it was written.
        if tile.width < WIDTH || !self.to.exists(&path) {
            self.to.write(&path, &bytes)?;
            self.files += 1;
        }
        Ok(bytes)
    }
}

/// What was exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exported {
    /// What was verified on the way.
    pub verified: Verified,
    /// How many files were written.
    pub files: u64,
}

/// Exports a log into a folder, and verifies it on the way. A folder that has an older export of the same log gets what
/// came since; one of another log, or of another history of this one, is left as it is.
pub fn export(log: &mut Log, key: &Keys, to: &Folder) -> Result<Exported, Fault> {
    let text = log.checkpoint()?;
    let (checkpoint, _) = key.open(&text).map_err(Fault::Checkpoint)?;
    let before = to.exists("checkpoint").then(|| to.checkpoint()).transpose()?;
    // What is there already is good, and stays so: only what continues it is written.
    if before.is_some() {
        go(log, key, before.as_deref(), &checkpoint, &mut |_, _| {})?;
    }
    let mut copied = Copied { log, to: to.clone(), files: 0 };
    let verified = go(&mut copied, key, before.as_deref(), &checkpoint, &mut |_, _| {})?;
    let files = copied.files;
    if !key.rotations().is_empty() {
        to.write(ROTATIONS, key.rotations().join("\n").as_bytes())?;
    }
    // Last, so that the folder never states more than it holds.
    to.write("checkpoint", text.as_bytes())?;
    Ok(Exported { verified, files: files + 1 })
}
