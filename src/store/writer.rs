//! The writer: a batch of entries, their blobs and one signed checkpoint become one durable transaction.
//!
//! The head of the log is one row, read and locked in every transaction. So whoever commits has seen what was committed
//! before, however many processes write to PostgreSQL and whichever of them was stopped for how long: a checkpoint is
//! signed only over the state that the same transaction extends, and leaves only after its commit.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};

use super::address::Address;
use super::fault::Fault;
use super::lock::{self, Lock};
use super::migrations;
use super::reader::edge_at;
use super::session::{Session, Value, int};
use super::signatory::Signatory;
use crate::log::checkpoint::Checkpoint;
use crate::log::note::{Note, Verifier};
use crate::log::tile::{ENTRY, WIDTH};
use crate::log::tree::{self, Edge, Hash};

/// How many rows one statement inserts into SQLite.
const ROWS: usize = 64;

/// What is to be appended together or not at all.
#[derive(Clone, Debug, Default)]
pub struct Append {
    /// The entries' bytes.
    pub entries: Vec<Vec<u8>>,
    /// What makes it happen once, however often it is asked for.
    pub once: Option<Once>,
    /// What the entries point to by digest.
    pub blobs: Vec<Blob>,
}

/// A key under which something happens once.
#[derive(Clone, Debug)]
pub struct Once {
    /// The key, chosen by whoever asks.
    pub key: String,
    /// SHA-256 over what is asked for; another under the same key is refused.
    pub digest: [u8; 32],
}

/// Bytes that are kept by their digest.
#[derive(Clone, Debug)]
pub struct Blob {
    digest: [u8; 32],
    size: u64,
    packed: Vec<u8>,
}

impl Blob {
    /// Packs bytes.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        use std::io::Write as _;
        let mut into = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
        // Writing to memory does not fail.
        let packed = into.write_all(bytes).and_then(|()| into.finish()).unwrap_or_default();
        Self { digest: Sha256::digest(bytes).into(), size: bytes.len() as u64, packed }
    }

    /// SHA-256 of the bytes.
    #[must_use]
    pub fn digest(&self) -> Hash {
        Hash(self.digest)
    }

    /// How many bytes, unpacked.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }
}

/// What was appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The first entry's number.
    pub first: u64,
    /// How many there are.
    pub entries: u64,
    /// Whether it had been appended before, under the same key.
    pub before: bool,
    /// A signed checkpoint that covers them.
    pub checkpoint: String,
}

/// Why one of a batch was not appended, while the others were.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The key was used for something else.
    #[error("the key `{0}` was used for another content")]
    OtherContent(String),
    /// An entry is too long.
    #[error("an entry of {0} bytes; a log takes 65,535 at most, and keeps the digest of what is larger")]
    TooLong(usize),
}

/// Writes to the record.
#[derive(Debug)]
pub struct Writer {
    address: Address,
    pub(super) signer: Signatory,
    /// The largest tree that is known to have been signed.
    signed: Option<(u64, Hash)>,
    pub(super) session: Option<Session>,
    broken: Option<String>,
    // Released when the writer goes.
    _lock: Option<Lock>,
}

/// The head of the log.
pub(super) struct Head {
    key: String,
    pub(super) edge: Edge,
    checkpoint: String,
}

impl Writer {
    /// Opens the record for writing. An empty database is laid out; one of an older version is not touched. Where
    /// another process writes to a file of SQLite, this waits so long for it to end.
    pub async fn open(
        address: &Address,
        signer: impl Into<Signatory>,
        wait: Duration,
        now: DateTime<Utc>,
    ) -> Result<Self, Fault> {
        let signer = signer.into();
        let lock = match address {
            Address::Sqlite(path) => Some(lock::lock(path, wait)?),
            Address::Postgres(_) => None,
        };
        let mut session = Session::open(address, true).await?;
        if migrations::layout(&mut session).await? == 0 {
            migrations::migrate(&mut session, now.timestamp_micros()).await?;
        }
        migrations::check(&mut session).await?;
        let known = signer.remembered()?.map(|checkpoint| (checkpoint.size, checkpoint.root));
        let mut writer =
            Self { address: address.clone(), signer, signed: known, session: Some(session), broken: None, _lock: lock };
        writer.begin_log().await?;
        Ok(writer)
    }

    /// Makes the head of a log that has none, with its checkpoint of no entries.
    async fn begin_log(&mut self) -> Result<(), Fault> {
        let mut session = self.session().await?;
        if session.row("SELECT id FROM log_head WHERE id = 1", &[]).await?.is_some() {
            self.session = Some(session);
            return Ok(());
        }
        let checkpoint = self.signed(&Edge::default()).await?.to_string();
        let verifier = self.signer.verifier();
        let values = [verifier.name().into(), verifier.to_string().into(), Vec::new().into(), checkpoint.into()];
        session
            .run(
                "INSERT INTO log_head (id, origin, vkey, size, edge, checkpoint) VALUES (1, $1, $2, 0, $3, $4) \
                 ON CONFLICT (id) DO NOTHING",
                &values,
            )
            .await?;
        self.session = Some(session);
        Ok(())
    }

    /// The signed checkpoint of a tree.
    pub(super) async fn signed(&self, edge: &Edge) -> Result<Note, Fault> {
        let origin = self.signer.verifier().name().to_owned();
        let checkpoint = Checkpoint { origin, size: edge.size(), root: edge.root(), extension: Vec::new() };
        let Some(mut note) = checkpoint.note() else {
            return Err(Fault::Damaged("the name of the log cannot name one".to_owned()));
        };
        self.signer.sign_note(&mut note).await?;
        Ok(note)
    }

    /// Refuses a log that does not go on from the largest tree that was signed.
    pub(super) async fn goes_on(&self, session: &mut Session, edge: &Edge) -> Result<(), Fault> {
        let Some((signed, root)) = self.signed else { return Ok(()) };
        let (found, mark) = (edge.size(), self.signer.mark());
        if found < signed {
            return Err(Fault::SetBack { signed, found, mark });
        }
        let then = if found == signed { edge.root() } else { edge_at(session, signed, found).await?.root() };
        if then == root { Ok(()) } else { Err(Fault::OtherHistory { signed, mark }) }
    }

    /// Remembers what a transaction signed that is durable now.
    pub(super) fn remember(&mut self, size: u64, root: Hash, checkpoint: &str) -> Result<(), Fault> {
        self.signed = Some((size, root));
        self.signer.remember(size, checkpoint)
    }

    /// The connection, opened anew after a fault.
    pub(super) async fn session(&mut self) -> Result<Session, Fault> {
        match self.session.take() {
            Some(session) => Ok(session),
            None => Session::open(&self.address, false).await,
        }
    }

    /// Appends a batch as one transaction. A batch that fails has appended nothing, unless the fault is
    /// [`Fault::Uncertain`]. `now` is stated beside the checkpoint.
    pub async fn append(
        &mut self,
        batch: &[Append],
        now: DateTime<Utc>,
    ) -> Result<Vec<Result<Appended, Refused>>, Fault> {
        if let Some(why) = &self.broken {
            return Err(Fault::Broken(why.clone()));
        }
        let mut session = self.session().await?;
        // Whatever goes wrong, the connection is closed with its transaction.
        let done = match session.begin().await {
            Ok(()) => self.fill(&mut session, batch, now).await,
            Err(fault) => Err(fault),
        };
        match done {
            Ok((answers, true, edge)) => match session.commit().await {
                Ok(()) => {
                    self.session = Some(session);
                    if let Some(Ok(one)) = answers.iter().find(|answer| answer.is_ok()) {
                        self.remember(edge.size(), edge.root(), &one.checkpoint)?;
                    }
                    Ok(answers)
                }
                // It was asked for, and nobody said what came of it.
                Err(fault) if fault.may_have_committed() => Err(Fault::Uncertain),
                Err(fault) => Err(self.not_committed(session, fault).await),
            },
            Ok((answers, false, _)) => {
                session.roll_back().await?;
                self.session = Some(session);
                Ok(answers)
            }
            Err(fault) => Err(self.not_committed(session, fault).await),
        }
    }

    pub(super) async fn not_committed(&mut self, mut session: Session, fault: Fault) -> Fault {
        // SQLite's I/O error: after a failed fsync nobody knows what the disk holds,
        // and asking it once more is how data is lost.
        if fault.is_disk() {
            self.broken = Some(fault.to_string());
            return Fault::Broken(fault.to_string());
        }
        if session.roll_back().await.is_ok() {
            self.session = Some(session);
        }
        fault
    }

    /// The head, locked, where this key may sign what follows it.
    pub(super) async fn head(&self, session: &mut Session) -> Result<Head, Fault> {
        let head = self.head_as_it_is(session).await?;
        let ours = self.signer.verifier().to_string();
        if ours != head.key {
            return Err(Fault::OtherKey { ours, theirs: head.key });
        }
        self.goes_on(session, &head.edge).await?;
        Ok(head)
    }

    /// The head, locked.
    pub(super) async fn head_as_it_is(&self, session: &mut Session) -> Result<Head, Fault> {
        let sql = if session.is_sqlite() {
            "SELECT vkey, size, edge, checkpoint, moved FROM log_head WHERE id = 1"
        } else {
            "SELECT vkey, size, edge, checkpoint, moved FROM log_head WHERE id = 1 FOR UPDATE"
        };
        let row = session.row(sql, &[]).await?.ok_or(Fault::NoLog)?;
        if let Some(place) = row.maybe_text(4)? {
            return Err(Fault::Moved(place));
        }
        let edge = edge(row.count(1)?, &row.bytes(2)?)?;
        Ok(Head { key: row.text(0)?, edge, checkpoint: row.text(3)? })
    }

    /// How many entries the log has.
    pub async fn size(&mut self) -> Result<u64, Fault> {
        let mut session = self.session().await?;
        let row = session.row("SELECT size FROM log_head WHERE id = 1", &[]).await?;
        self.session = Some(session);
        row.ok_or(Fault::NoLog)?.count(0)
    }

    /// Fills the transaction; says as well whether there is anything to commit.
    async fn fill(
        &self,
        session: &mut Session,
        batch: &[Append],
        now: DateTime<Utc>,
    ) -> Result<(Vec<Result<Appended, Refused>>, bool, Edge), Fault> {
        let Head { mut edge, mut checkpoint, .. } = self.head(session).await?;
        let from = edge.size();
        let at = now.timestamp_micros();
        let mut new = Batch::default();
        let mut seen: HashMap<&str, (u64, u64, [u8; 32])> = HashMap::new();
        let mut answers = Vec::new();
        for append in batch {
            if let Some(entry) = append.entries.iter().find(|entry| entry.len() > ENTRY) {
                answers.push(Err(Refused::TooLong(entry.len())));
                continue;
            }
            if let Some(once) = &append.once {
                let before = match seen.get(once.key.as_str()) {
                    Some(before) => Some(*before),
                    None => before(session, &once.key).await?,
                };
                if let Some((first, entries, digest)) = before {
                    answers.push(if digest == once.digest {
                        Ok(Appended { first, entries, before: true, checkpoint: String::new() })
                    } else {
                        Err(Refused::OtherContent(once.key.clone()))
                    });
                    continue;
                }
                let (first, entries) = (edge.size(), append.entries.len() as u64);
                seen.insert(&once.key, (first, entries, once.digest));
                let values = [once.key.as_str().into(), int(first), int(entries), once.digest.to_vec().into()];
                session
                    .run("INSERT INTO log_once (once, idx, entries, digest) VALUES ($1, $2, $3, $4)", &values)
                    .await?;
            }
            for blob in &append.blobs {
                keep(session, blob, at).await?;
            }
            let first = edge.size();
            for entry in &append.entries {
                new.add(&mut edge, entry);
            }
            let entries = append.entries.len() as u64;
            answers.push(Ok(Appended { first, entries, before: false, checkpoint: String::new() }));
        }
        let grown = edge.size() > from;
        if grown {
            new.insert(session, from).await?;
            checkpoint = self.signed(&edge).await?.to_string();
            advance(session, &edge, &checkpoint, self.signer.verifier(), at).await?;
        }
        for answer in answers.iter_mut().flatten() {
            answer.checkpoint.clone_from(&checkpoint);
        }
        let asked = answers.iter().flatten().any(|answer| !answer.before);
        Ok((answers, asked, edge))
    }

    /// Closes the database in order.
    pub async fn close(mut self) -> Result<(), Fault> {
        match self.session.take() {
            Some(session) => session.close().await,
            None => Ok(()),
        }
    }
}

/// Moves the head of the log on to a tree and its signed checkpoint.
pub(super) async fn advance(
    session: &mut Session,
    edge: &Edge,
    checkpoint: &str,
    key: &Verifier,
    at: i64,
) -> Result<(), Fault> {
    let roots: Vec<u8> = edge.roots().iter().flat_map(|hash| hash.0).collect();
    let values = [int(edge.size()), roots.into(), checkpoint.into(), key.to_string().into()];
    session.run("UPDATE log_head SET size = $1, edge = $2, checkpoint = $3, vkey = $4 WHERE id = 1", &values).await?;
    let values = [int(edge.size()), checkpoint.into(), at.into()];
    session.run("INSERT INTO log_checkpoint (size, note, at) VALUES ($1, $2, $3)", &values).await?;
    Ok(())
}

/// The edge that the head keeps.
pub(super) fn edge(size: u64, roots: &[u8]) -> Result<Edge, Fault> {
    let (hashes, rest) = roots.as_chunks::<32>();
    let edge = Edge::of(size, hashes.iter().copied().map(Hash).collect()).filter(|_| rest.is_empty());
    edge.ok_or_else(|| Fault::Damaged("the head of the log does not fit its size".to_owned()))
}

/// What is new in a batch.
#[derive(Default)]
pub(super) struct Batch {
    rows: Vec<(Hash, Vec<u8>)>,
    /// By level and number of the tile: where in it the first new hash stands, and the new ones.
    tiles: std::collections::BTreeMap<(u32, u64), (u64, Vec<u8>)>,
}

impl Batch {
    /// Inserts everything, the first of it with that number.
    pub(super) async fn insert(self, session: &mut Session, from: u64) -> Result<(), Fault> {
        insert(session, from, self.rows).await?;
        for ((level, number), hashes) in self.tiles {
            extend(session, level, number, &hashes).await?;
        }
        Ok(())
    }

    pub(super) fn add(&mut self, edge: &mut Edge, entry: &[u8]) {
        let leaf = tree::leaf(entry);
        edge.append(leaf, |level, number, hash| {
            if level > 0 && level % 8 == 0 {
                let tile = self.tiles.entry((level / 8, number / WIDTH)).or_insert((number % WIDTH, Vec::new()));
                tile.1.extend_from_slice(&hash.0);
            }
        });
        self.rows.push((leaf, entry.to_vec()));
    }
}

async fn before(session: &mut Session, key: &str) -> Result<Option<(u64, u64, [u8; 32])>, Fault> {
    let row = session.row("SELECT idx, entries, digest FROM log_once WHERE once = $1", &[key.into()]).await?;
    let Some(row) = row else { return Ok(None) };
    let digest = row.bytes(2)?.try_into().map_err(|_| Fault::Damaged(format!("the digest beside the key `{key}`")))?;
    Ok(Some((row.count(0)?, row.count(1)?, digest)))
}

/// Keeps a blob, once; one that had expired is there again.
async fn keep(session: &mut Session, blob: &Blob, at: i64) -> Result<(), Fault> {
    let values = [blob.digest.to_vec().into(), int(blob.size), blob.packed.clone().into(), at.into()];
    session
        .run(
            "INSERT INTO blob (digest, size, packed, at) VALUES ($1, $2, $3, $4) ON CONFLICT (digest) \
             DO UPDATE SET packed = excluded.packed WHERE blob.packed IS NULL",
            &values,
        )
        .await?;
    Ok(())
}

/// Inserts the new entries.
async fn insert(session: &mut Session, from: u64, rows: Vec<(Hash, Vec<u8>)>) -> Result<(), Fault> {
    if !session.is_sqlite() {
        let numbers = (from..).take(rows.len()).map(|number| i64::try_from(number).unwrap_or(i64::MAX)).collect();
        let (hashes, entries) = rows.into_iter().map(|(hash, entry)| (hash.0.to_vec(), entry)).unzip();
        let values = [Value::Ints(numbers), Value::Many(hashes), Value::Many(entries)];
        let sql = "INSERT INTO log_entry (idx, hash, entry) \
                   SELECT * FROM UNNEST($1::bigint[], $2::bytea[], $3::bytea[])";
        return session.run(sql, &values).await.map(|_| ());
    }
    let mut number = from;
    for some in rows.chunks(ROWS) {
        let mut values = Vec::with_capacity(some.len() * 3);
        for (hash, entry) in some {
            values.extend([int(number), hash.0.to_vec().into(), entry.clone().into()]);
            number += 1;
        }
        session.run_made(insertion(some.len()), &values).await?;
    }
    Ok(())
}

/// The statement that inserts so many entries.
fn insertion(rows: usize) -> String {
    let places: Vec<String> =
        (0..rows).map(|row| format!("(${}, ${}, ${})", row * 3 + 1, row * 3 + 2, row * 3 + 3)).collect();
    format!("INSERT INTO log_entry (idx, hash, entry) VALUES {}", places.join(", "))
}

/// Adds new hashes to a tile.
async fn extend(session: &mut Session, level: u32, number: u64, new: &(u64, Vec<u8>)) -> Result<(), Fault> {
    let (place, hashes) = new;
    let key = [i64::from(level).into(), int(number)];
    let mut whole = Vec::new();
    if *place > 0 {
        let row = session.row("SELECT hashes FROM log_tile WHERE level = $1 AND number = $2", &key).await?;
        whole = row.map(|row| row.bytes(0)).transpose()?.unwrap_or_default();
        if whole.len() as u64 != place * 32 {
            return Err(Fault::Damaged(format!("tile {number} of level {level} does not have {place} hashes")));
        }
    }
    whole.extend_from_slice(hashes);
    let [level, number] = key;
    session
        .run(
            "INSERT INTO log_tile (level, number, hashes) VALUES ($1, $2, $3) \
             ON CONFLICT (level, number) DO UPDATE SET hashes = excluded.hashes",
            &[level, number, whole.into()],
        )
        .await?;
    Ok(())
}
