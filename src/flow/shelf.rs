//! The story of a log that many read at once: its files, each as it was signed for, out of a database or a folder.

use std::path::PathBuf;

use tokio::sync::{Mutex, Semaphore, SemaphorePermit};

use super::record::{Fault, Place};
use crate::log::checkpoint::Checkpoint;
use crate::log::note::Note;
use crate::log::tile::{Tile, Tiles as _};
use crate::store::address::Address;
use crate::store::fault::Fault as DatabaseFault;
use crate::store::folder::Folder;
use crate::store::reader::Reader;

/// How many read in the database at once.
const READERS: usize = 4;

/// Where a log's files are had.
#[derive(Debug)]
pub struct Shelf(Kind);

#[derive(Debug)]
enum Kind {
    Folder(PathBuf),
    Database(Readers),
}

/// A file of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Its bytes.
    Here(Vec<u8>),
    /// There is none of that name, or not yet.
    Nowhere,
}

impl Shelf {
    /// The files of the log at a place.
    #[must_use]
    pub fn new(place: Place) -> Self {
        Self(match place {
            Place::Folder(path) => Kind::Folder(path),
            Place::Database(address) => {
                let (idle, room) = (Mutex::new(Vec::new()), Semaphore::new(READERS));
                Kind::Database(Readers { address, idle, room })
            }
        })
    }

    /// The newest signed checkpoint.
    pub async fn checkpoint(&self) -> Result<Vec<u8>, Fault> {
        self.bytes(Wanted::Checkpoint).await
    }

    /// The rotations of the log's keys, one after another.
    pub async fn rotations(&self) -> Result<Vec<u8>, Fault> {
        self.bytes(Wanted::Rotations).await
    }

    /// A tile or a bundle by its path.
    pub async fn file(&self, path: &str) -> Result<Found, Fault> {
        let Some(tile) = Tile::parse(path) else { return Ok(Found::Nowhere) };
        // What no checkpoint covers yet is nobody's to see.
        let newest = String::from_utf8(self.checkpoint().await?).ok();
        let newest = newest.and_then(|text| Checkpoint::parse(&Note::parse(&text).ok()?.text).ok());
        if newest.is_none_or(|newest| !tile.is_in(newest.size)) {
            return Ok(Found::Nowhere);
        }
        match self.bytes(Wanted::Tile(tile)).await {
            Err(Fault::Folder(fault)) if fault.error.kind() == std::io::ErrorKind::NotFound => Ok(Found::Nowhere),
            read => read.map(Found::Here),
        }
    }

    async fn bytes(&self, wanted: Wanted) -> Result<Vec<u8>, Fault> {
        match &self.0 {
            Kind::Folder(path) => {
                let mut folder = Folder::new(path);
                // The disk keeps nobody else waiting.
                let read = tokio::task::spawn_blocking(move || match wanted {
                    Wanted::Checkpoint => folder.checkpoint().map(String::into_bytes),
                    Wanted::Rotations => folder.rotations().map(String::into_bytes),
                    Wanted::Tile(tile) => folder.read(tile),
                });
                Ok(read.await.map_err(|_| DatabaseFault::Stopped)??)
            }
            Kind::Database(readers) => {
                let mut taken = readers.take().await?;
                let bytes = match wanted {
                    Wanted::Checkpoint => taken.reader.head().await?.checkpoint.into_bytes(),
                    Wanted::Rotations => taken.reader.rotations().await?.join("\n").into_bytes(),
                    Wanted::Tile(tile) => taken.reader.tile(tile).await?,
                };
                taken.back().await;
                Ok(bytes)
            }
        }
    }
}

/// What is asked for.
#[derive(Clone, Copy)]
enum Wanted {
    Checkpoint,
    Rotations,
    Tile(Tile),
}

/// Connections to a database that are open and idle.
#[derive(Debug)]
struct Readers {
    address: Address,
    idle: Mutex<Vec<Reader>>,
    room: Semaphore,
}

/// One of them, taken.
struct Taken<'r> {
    readers: &'r Readers,
    reader: Reader,
    _permit: SemaphorePermit<'r>,
}

impl Readers {
    async fn take(&self) -> Result<Taken<'_>, DatabaseFault> {
        let permit = self.room.acquire().await.map_err(|_| DatabaseFault::Stopped)?;
        let waiting = self.idle.lock().await.pop();
        let reader = match waiting {
            Some(reader) => reader,
            None => Reader::open(&self.address).await?,
        };
        Ok(Taken { readers: self, reader, _permit: permit })
    }
}

impl Taken<'_> {
    /// Gives it back once it has read well; one that failed is not used again.
    async fn back(self) {
        self.readers.idle.lock().await.push(self.reader);
    }
}
