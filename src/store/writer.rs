//! The writer: a batch of entries, their blobs and one signed checkpoint become one durable transaction.
//!
//! The head of the log is one row, read and locked in every transaction. So whoever commits has seen what was committed
//! before, however many processes write to PostgreSQL and whichever of them was stopped for how long: a checkpoint is
//! signed only over the state that the same transaction extends, and leaves only after its commit. Beside it stands who
//! may write at all ([`super::replica`]), and what changes with the entries ([`super::change`]).

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::address::Address;
use super::annex::Annex;
use super::batch::Batch;
use super::blob::Blob;
use super::change::{self, Change};
use super::fault::Fault;
use super::lock::{self, Lock};
use super::migrations;
use super::replica::{self, Replica};
use super::session::{Asked, Part, Session, int};
use super::signatory::Signatory;
use super::transaction::{Head, Rest, Signed, advance, anew};
use crate::log::tile::ENTRY;
use crate::log::tree::{Edge, Hash};

/// What is to be appended together or not at all.
#[derive(Clone, Debug, Default)]
pub struct Append {
    /// The entries' bytes.
    pub entries: Vec<Vec<u8>>,
    /// What makes it happen once, however often it is asked for.
    pub once: Option<Once>,
    /// What the entries point to by digest.
    pub blobs: Vec<Blob>,
    /// What else changes with it.
    pub changes: Vec<Change>,
}

impl Append {
    /// The digests of what goes to an annex, where there is one.
    pub fn large(&self) -> impl Iterator<Item = Hash> {
        self.blobs.iter().filter(|blob| blob.is_large()).map(Blob::digest)
    }
}

/// A key under which something happens once.
#[derive(Clone, Debug)]
pub struct Once {
    /// The key, chosen by whoever asks.
    pub key: String,
    /// SHA-256 over what is asked for; another under the same key is refused.
    pub digest: [u8; 32],
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
    #[error("the key `{0}` was used for another content; give each thing that is recorded a key of its own")]
    OtherContent(String),
    /// An entry is too long.
    #[error("an entry of {0} bytes; a log takes 65,535 at most, and keeps the digest of what is larger")]
    TooLong(usize),
    /// Somebody else decided in between.
    #[error(
        "{stream} was decided {found} times by now, and this decision was made when it had been {after} times: read the \
         facts again, and decide again"
    )]
    Stale {
        /// What was decided.
        stream: String,
        /// How often it had been.
        after: u64,
        /// How often it was by now.
        found: u64,
    },
    /// Somebody did something that was not decided upon.
    #[error(
        "{stream}: `{act}` was done on its page, and this decision was made without it: decide again, from facts that have it"
    )]
    Unseen {
        /// What was decided.
        stream: String,
        /// The name of what was done.
        act: String,
    },
    /// A decision answers what never came.
    #[error("the delivery `{0}` is not in the record, and a decision answers only what is")]
    NoDelivery(String),
    /// An effect whose destination another holds, or that has ended.
    #[error("effect {0} is not ours to end: another process has taken it over, or it has ended")]
    NotHeld(u64),
    /// An effect that was not given up.
    #[error(
        "effect {0} was not given up, so there is nothing to try again: `countersign db outbox list` says how each stands"
    )]
    NotDead(u64),
}

/// What came of each of a batch.
type Answers = Vec<Result<Appended, Refused>>;

/// Writes to the record.
#[derive(Debug)]
pub struct Writer {
    address: Address,
    pub(super) signer: Signatory,
    /// The largest tree that is known to have been signed.
    pub(super) signed: Option<(u64, Hash)>,
    pub(super) session: Option<Session>,
    pub(super) replica: Replica,
    pub(super) annex: Option<Annex>,
    pub(super) broken: Option<String>,
    // Released when the writer goes, or steps aside.
    lock: Option<Lock>,
    /// How long it waits for another who writes to the same file.
    wait: Duration,
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
        Self::open_for(address, signer, wait, now, replica::LEASE).await
    }

    /// The same, with a lease of that length; none is shorter than [`replica::SHORTEST`].
    pub async fn open_for(
        address: &Address,
        signer: impl Into<Signatory>,
        wait: Duration,
        now: DateTime<Utc>,
        lease: Duration,
    ) -> Result<Self, Fault> {
        let signer = signer.into();
        let lock = match address {
            Address::Sqlite(path) => Some(lock::lock(path, wait)?),
            Address::Postgres(_) => None,
        };
        let mut session = Session::open(address, true).await?;
        if migrations::is_vacant(&mut session).await? {
            migrations::migrate(&mut session, now.timestamp_micros()).await?;
        }
        migrations::check(&mut session).await?;
        let known = signer.remembered()?.map(|checkpoint| (checkpoint.size, checkpoint.root));
        session.begin().await?;
        let replica = Replica::join(&mut session, lease).await?;
        session.commit().await?;
        let mut writer = Self {
            address: address.clone(),
            signer,
            signed: known,
            session: Some(session),
            replica,
            annex: None,
            broken: None,
            lock,
            wait,
        };
        writer.begin_log().await?;
        Ok(writer)
    }

    /// Keeps what is large in an annex from here on, rather than in the database. Whoever has [staged](Annex::stage) it
    /// there keeps nobody waiting.
    #[must_use]
    pub fn with_annex(mut self, annex: Option<Annex>) -> Self {
        self.annex = annex;
        self
    }

    /// Makes the head of a log that has none, with its checkpoint of no entries.
    async fn begin_log(&mut self) -> Result<(), Fault> {
        let mut session = self.session().await?;
        if session.row("SELECT id FROM log_head WHERE id = 1", &[]).await?.is_some() {
            self.session = Some(session);
            return Ok(());
        }
        let checkpoint = self.sign(&Edge::default()).await?.to_string();
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

    /// Lets others write to the same file while this one has something else to do. Its number and its lease stay, and the
    /// next that it writes waits for whoever writes then.
    pub async fn step_aside(&mut self) -> Result<(), Fault> {
        if self.lock.is_some() {
            if let Some(session) = self.session.take() {
                session.close().await?;
            }
            self.lock = None;
        }
        Ok(())
    }

    /// The connection, opened anew after a fault.
    pub(super) async fn session(&mut self) -> Result<Session, Fault> {
        if let (Address::Sqlite(path), None) = (&self.address, &self.lock) {
            self.lock = Some(lock::lock(path, self.wait)?);
        }
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
        anew!(self.transaction(async |writer, session, head| writer.fill(session, head, batch, now).await))
    }

    /// How many entries the log has.
    pub async fn size(&mut self) -> Result<u64, Fault> {
        let mut session = self.session().await?;
        let row = session.row("SELECT size FROM log_head WHERE id = 1", &[]).await?;
        self.session = Some(session);
        row.ok_or(Fault::NoLog)?.count(0)
    }

    /// Takes into a file of SQLite what stands in its journal, so that no transaction has to. Whoever has nothing else to do calls
    /// this; whoever reads or writes meanwhile is not waited for.
    pub async fn tidy(&mut self) -> Result<(), Fault> {
        if self.broken.is_some() || matches!(self.address, Address::Postgres(_)) {
            return Ok(());
        }
        let mut session = self.session().await?;
        match session.rows("PRAGMA wal_checkpoint(PASSIVE)", &[]).await {
            Ok(_) => {
                self.session = Some(session);
                Ok(())
            }
            Err(fault) => Err(self.not_committed(session, fault).await),
        }
    }

    /// Fills the transaction; says as well what is still to be written, where there is anything to make durable.
    async fn fill(
        &self,
        session: &mut Session,
        head: Head,
        batch: &[Append],
        now: DateTime<Utc>,
    ) -> Result<(Answers, Option<Rest>), Fault> {
        let Head { mut edge, mut checkpoint, .. } = head;
        let from = edge.size();
        let at = now.timestamp_micros();
        let mut new = Batch::from(from);
        let mut seen = before(session, batch).await?;
        let mut rest = Rest::default();
        let mut answers: Answers = Vec::new();
        for append in batch {
            if let Some(entry) = append.entries.iter().find(|entry| entry.len() > ENTRY) {
                answers.push(Err(Refused::TooLong(entry.len())));
                continue;
            }
            if let Some(once) = &append.once
                && let Some((first, entries, digest)) = seen.get(once.key.as_str()).copied()
            {
                answers.push(if digest == once.digest {
                    Ok(Appended { first, entries, before: true, checkpoint: String::new() })
                } else {
                    Err(Refused::OtherContent(once.key.clone()))
                });
                continue;
            }
            if let Some(refused) = self.refused(session, &append.changes, &mut rest.asked).await? {
                answers.push(Err(refused));
                continue;
            }
            let (first, entries) = (edge.size(), append.entries.len() as u64);
            if let Some(once) = &append.once {
                seen.insert(&once.key, (first, entries, once.digest));
                rest.asked.push(happens_once(&once.key, first, entries, once.digest));
            }
            for blob in &append.blobs {
                rest.asked.push(self.kept(blob, at).await?);
            }
            for change in &append.changes {
                change::made(change, first, at, &mut rest.asked);
            }
            for entry in &append.entries {
                new.add(&mut edge, entry);
                new.ahead(session)?;
            }
            answers.push(Ok(Appended { first, entries, before: false, checkpoint: String::new() }));
        }
        if edge.size() > from {
            rest.asked.extend(new.written(session).await?);
            checkpoint = self.sign(&edge).await?.to_string();
            let signed = Signed { edge, checkpoint: checkpoint.clone() };
            rest.asked.extend(advance(&signed, self.signer.verifier(), at));
            rest.signed = Some(signed);
        }
        for answer in answers.iter_mut().flatten() {
            answer.checkpoint.clone_from(&checkpoint);
        }
        let asked = answers.iter().flatten().any(|answer| !answer.before);
        Ok((answers, asked.then_some(rest)))
    }

    /// What keeps a blob. What goes to the annex is durable there when this comes back, before the row that says so:
    /// where it is not there, as after somebody has swept it away in between, it is put there now.
    async fn kept(&self, blob: &Blob, at: i64) -> Result<Asked, Fault> {
        let annex = self.annex.as_ref().filter(|_| blob.is_large());
        if let Some(annex) = annex
            && !annex.holds(blob.digest(), blob.packed().len() as u64).await?
        {
            annex.put(blob.digest(), blob.packed()).await?;
        }
        Ok(blob.kept(annex.is_some(), at))
    }

    /// Why changes cannot be made, as the database stands with what this batch has changed so far.
    async fn refused(
        &self,
        session: &mut Session,
        changes: &[Change],
        rest: &mut Vec<Asked>,
    ) -> Result<Option<Refused>, Fault> {
        let judged = || changes.iter().filter(|change| change::is_judged(change));
        // Of what needs no look at the database, as a delivery, a whole batch goes there at once.
        if judged().next().is_some() && !rest.is_empty() {
            session.all(Part::Inner, std::mem::take(rest)).await?;
        }
        for change in judged() {
            if let Some(refused) = change::judge(session, change, self.replica.epoch()).await? {
                return Ok(Some(refused));
            }
        }
        Ok(None)
    }

    /// Closes the database in order.
    pub async fn close(mut self) -> Result<(), Fault> {
        match self.session.take() {
            Some(session) => session.close().await,
            None => Ok(()),
        }
    }
}

/// What lets entries be found again by the key under which they happened.
pub(super) fn happens_once(key: &str, first: u64, entries: u64, digest: [u8; 32]) -> Asked {
    Asked::new(
        "INSERT INTO log_once (once, idx, entries, digest) VALUES ($1, $2, $3, $4)",
        [key.into(), int(first), int(entries), digest.to_vec().into()],
    )
}

/// What stands under the keys of a batch already: the first entry, how many, and the digest of what was asked for.
async fn before<'b>(
    session: &mut Session,
    batch: &'b [Append],
) -> Result<HashMap<&'b str, (u64, u64, [u8; 32])>, Fault> {
    let keys: Vec<&str> = batch.iter().filter_map(|append| Some(append.once.as_ref()?.key.as_str())).collect();
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = "SELECT idx, entries, digest FROM log_once WHERE once = $1";
    let asked = keys.iter().map(|key| Asked::new(sql, [(*key).into()])).collect();
    let mut seen = HashMap::new();
    for (key, rows) in keys.into_iter().zip(session.all(Part::Inner, asked).await?) {
        let Some(row) = rows.first() else { continue };
        let digest =
            row.bytes(2)?.try_into().map_err(|_| Fault::Damaged(format!("the digest beside the key `{key}`")))?;
        seen.insert(key, (row.count(0)?, row.count(1)?, digest));
    }
    Ok(seen)
}
