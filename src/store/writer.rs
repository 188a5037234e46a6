//! The writer: a batch of entries, their blobs and one signed checkpoint become one durable transaction.
//!
//! The head of the log is one row, read and locked in every transaction. So whoever commits has seen what was committed
//! before, however many processes write to PostgreSQL and whichever of them was stopped for how long: a checkpoint is
//! signed only over the state that the same transaction extends, and leaves only after its commit. Beside it stands who
//! may write at all ([`super::replica`]), and what changes with the entries ([`super::change`]).

use std::collections::HashMap;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use super::address::Address;
use super::batch::Batch;
use super::blob::{Annex, Blob};
use super::change::{self, Change};
use super::fault::Fault;
use super::lock::{self, Lock};
use super::migrations;
use super::replica::{self, Replica};
use super::session::{Asked, Part, Row, Session, int};
use crate::log::checkpoint::Checkpoint;
use crate::log::note::{Signer, Verifier};
use crate::log::tile::ENTRY;
use crate::log::tree::{Edge, Hash};

/// How often a transaction is begun anew that the server undid.
const TRIES: u32 = 5;
/// The head of the log.
const HEAD: &str = "SELECT vkey, size, edge, checkpoint, moved FROM log_head WHERE id = 1";

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
    #[error("the key `{0}` was used for another content")]
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
    signer: Signer,
    session: Option<Session>,
    replica: Replica,
    annex: Option<Annex>,
    broken: Option<String>,
    // Released when the writer goes.
    _lock: Option<Lock>,
}

/// The head of the log.
pub(super) struct Head {
    edge: Edge,
    checkpoint: String,
}

impl Writer {
    /// Opens the record for writing. An empty database is laid out; one of an older version is not touched. Where
    /// another process writes to a file of SQLite, this waits so long for it to end.
    pub async fn open(address: &Address, signer: Signer, wait: Duration, now: DateTime<Utc>) -> Result<Self, Fault> {
        Self::open_for(address, signer, wait, now, replica::LEASE).await
    }

    /// The same, with a lease of that length; none is shorter than [`replica::SHORTEST`].
    pub async fn open_for(
        address: &Address,
        signer: Signer,
        wait: Duration,
        now: DateTime<Utc>,
        lease: Duration,
    ) -> Result<Self, Fault> {
        let lock = match address {
            Address::Sqlite(path) => Some(lock::lock(path, wait)?),
            Address::Postgres(_) => None,
        };
        let mut session = Session::open(address, true).await?;
        if migrations::layout(&mut session).await? == 0 {
            migrations::migrate(&mut session, now.timestamp_micros()).await?;
        }
        migrations::check(&mut session).await?;
        let checkpoint = signed(&signer, &Edge::default(), now)?;
        session.begin().await?;
        begin_log(&mut session, signer.verifier(), checkpoint).await?;
        let replica = Replica::join(&mut session, lease).await?;
        session.commit().await?;
        let address = address.clone();
        Ok(Self { address, signer, session: Some(session), replica, annex: None, broken: None, _lock: lock })
    }

    /// Keeps what is large in a folder from here on, rather than in the database.
    #[must_use]
    pub fn with_annex(mut self, annex: Option<Annex>) -> Self {
        self.annex = annex;
        self
    }

    /// The connection, opened anew after a fault.
    async fn session(&mut self) -> Result<Session, Fault> {
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
        let mut tries = TRIES;
        loop {
            tries -= 1;
            match self.append_once(batch, now).await {
                // The server undid it to let another through; the same again is another transaction.
                Err(fault) if fault.is_passing() && tries > 0 => {}
                done => return done,
            }
        }
    }

    async fn append_once(
        &mut self,
        batch: &[Append],
        now: DateTime<Utc>,
    ) -> Result<Vec<Result<Appended, Refused>>, Fault> {
        self.transaction(async |writer, session, head| writer.fill(session, head, batch, now).await).await
    }

    /// Runs a transaction of this writer: the head of the log is read and locked, the lease is looked at, then comes
    /// `work`. It says what it comes to, and what is still to be written before it is made durable; `None` where there
    /// is nothing to make durable.
    pub(super) async fn transaction<T>(
        &mut self,
        work: impl AsyncFnOnce(&Self, &mut Session, Head) -> Result<(T, Option<Vec<Asked>>), Fault>,
    ) -> Result<T, Fault> {
        if let Some(why) = &self.broken {
            return Err(Fault::Broken(why.clone()));
        }
        let mut session = self.session().await?;
        let began = Instant::now();
        let renews = self.replica.is_due();
        // Whatever goes wrong, the connection is closed with its transaction.
        let done = match self.begun(&mut session, renews).await {
            Ok(head) => work(self, &mut session, head).await,
            Err(fault) => Err(fault),
        };
        match done {
            Ok((answer, Some(mut rest))) => {
                // PostgreSQL cuts off whoever idles; a file of SQLite waits for him who was stopped.
                if session.is_sqlite() {
                    rest.push(self.replica.question(&session));
                }
                match self.finish(&mut session, rest).await {
                    Ok(()) => {
                        if renews {
                            self.replica.renewed(began);
                        }
                        self.session = Some(session);
                        Ok(answer)
                    }
                    // It was asked for, and nobody said what came of it.
                    Err(fault) if fault.may_have_committed() => Err(Fault::Uncertain),
                    Err(fault) => Err(self.not_committed(session, fault).await),
                }
            }
            Ok((answer, None)) => {
                session.roll_back().await?;
                self.session = Some(session);
                Ok(answer)
            }
            Err(fault) => Err(self.not_committed(session, fault).await),
        }
    }

    async fn begun(&self, session: &mut Session, renews: bool) -> Result<Head, Fault> {
        let lease = if renews { self.replica.renewal(session) } else { self.replica.question(session) };
        let head = if session.is_sqlite() { HEAD.into() } else { format!("{HEAD} FOR UPDATE") };
        // The head first: it is what waits, and the lease is looked at when the waiting is over.
        let answers = session.all(Part::First, vec![Asked::new(head, []), lease]).await?;
        self.replica.judge(answers.get(1))?;
        self.judged(answers.first().and_then(|rows| rows.first()))
    }

    /// Writes the rest, and makes the transaction durable.
    async fn finish(&self, session: &mut Session, rest: Vec<Asked>) -> Result<(), Fault> {
        if !session.is_sqlite() {
            return session.all(Part::Last, rest).await.map(|_| ());
        }
        let answers = session.all(Part::Inner, rest).await?;
        self.replica.judge(answers.last())?;
        session.commit().await
    }

    /// Renews the lease, where it still runs. Whoever idles calls this now and then, at least three times a lease.
    pub async fn renew(&mut self) -> Result<(), Fault> {
        let began = Instant::now();
        self.transaction(async |writer, session, _| Ok(((), Some(vec![writer.replica.renewal(session)])))).await?;
        self.replica.renewed(began);
        Ok(())
    }

    /// How long a lease runs.
    #[must_use]
    pub fn lease(&self) -> Duration {
        self.replica.lease()
    }

    pub(super) fn replica(&self) -> &Replica {
        &self.replica
    }

    async fn not_committed(&mut self, mut session: Session, fault: Fault) -> Fault {
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

    fn judged(&self, row: Option<&Row>) -> Result<Head, Fault> {
        let row = row.ok_or(Fault::NoLog)?;
        let ours = self.signer.verifier().to_string();
        let theirs = row.text(0)?;
        if ours != theirs {
            return Err(Fault::OtherKey { ours, theirs });
        }
        if let Some(place) = row.maybe_text(4)? {
            return Err(Fault::Moved(place));
        }
        let edge = edge(row.count(1)?, &row.bytes(2)?)?;
        Ok(Head { edge, checkpoint: row.text(3)? })
    }

    /// Fills the transaction; says as well what is still to be written, where there is anything to make durable.
    async fn fill(
        &self,
        session: &mut Session,
        head: Head,
        batch: &[Append],
        now: DateTime<Utc>,
    ) -> Result<(Answers, Option<Vec<Asked>>), Fault> {
        let Head { mut edge, mut checkpoint } = head;
        let from = edge.size();
        let at = now.timestamp_micros();
        let mut new = Batch::default();
        let mut seen = before(session, batch).await?;
        let mut rest = Vec::new();
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
            if let Some(refused) = self.refused(session, &append.changes, &mut rest).await? {
                answers.push(Err(refused));
                continue;
            }
            let (first, entries) = (edge.size(), append.entries.len() as u64);
            if let Some(once) = &append.once {
                seen.insert(&once.key, (first, entries, once.digest));
                rest.push(Asked::new(
                    "INSERT INTO log_once (once, idx, entries, digest) VALUES ($1, $2, $3, $4)",
                    [once.key.as_str().into(), int(first), int(entries), once.digest.to_vec().into()],
                ));
            }
            for blob in &append.blobs {
                rest.push(blob.kept(self.annex.as_ref(), at)?);
            }
            for change in &append.changes {
                change::made(change, first, at, &mut rest);
            }
            for entry in &append.entries {
                new.add(&mut edge, entry);
            }
            answers.push(Ok(Appended { first, entries, before: false, checkpoint: String::new() }));
        }
        if edge.size() > from {
            rest.extend(new.written(session, from).await?);
            checkpoint = signed(&self.signer, &edge, now)?;
            let roots: Vec<u8> = edge.roots().iter().flat_map(|hash| hash.0).collect();
            let values = [int(edge.size()), roots.into(), checkpoint.as_str().into()];
            rest.push(Asked::new("UPDATE log_head SET size = $1, edge = $2, checkpoint = $3 WHERE id = 1", values));
            let values = [int(edge.size()), checkpoint.as_str().into(), at.into()];
            rest.push(Asked::new("INSERT INTO log_checkpoint (size, note, at) VALUES ($1, $2, $3)", values));
        }
        for answer in answers.iter_mut().flatten() {
            answer.checkpoint.clone_from(&checkpoint);
        }
        let asked = answers.iter().flatten().any(|answer| !answer.before);
        Ok((answers, asked.then_some(rest)))
    }

    /// Why changes cannot be made, as the database stands with what this batch has changed so far.
    async fn refused(
        &self,
        session: &mut Session,
        changes: &[Change],
        rest: &mut Vec<Asked>,
    ) -> Result<Option<Refused>, Fault> {
        if !changes.is_empty() && !rest.is_empty() {
            session.all(Part::Inner, std::mem::take(rest)).await?;
        }
        for change in changes {
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

/// The edge that the head keeps.
pub(super) fn edge(size: u64, roots: &[u8]) -> Result<Edge, Fault> {
    let (hashes, rest) = roots.as_chunks::<32>();
    let edge = Edge::of(size, hashes.iter().copied().map(Hash).collect()).filter(|_| rest.is_empty());
    edge.ok_or_else(|| Fault::Damaged("the head of the log does not fit its size".to_owned()))
}

/// Makes the head of a log that has none, with its checkpoint of no entries.
async fn begin_log(session: &mut Session, verifier: &Verifier, checkpoint: String) -> Result<(), Fault> {
    let values = [verifier.name().into(), verifier.to_string().into(), Vec::new().into(), checkpoint.into()];
    let sql = "INSERT INTO log_head (id, origin, vkey, size, edge, checkpoint) VALUES (1, $1, $2, 0, $3, $4) \
               ON CONFLICT (id) DO NOTHING";
    session.run(sql, &values).await.map(|_| ())
}

/// The signed checkpoint of a tree.
fn signed(signer: &Signer, edge: &Edge, now: DateTime<Utc>) -> Result<String, Fault> {
    let origin = signer.verifier().name().to_owned();
    let checkpoint = Checkpoint { origin, size: edge.size(), root: edge.root(), extension: Vec::new() };
    let Some(mut note) = checkpoint.note() else {
        return Err(Fault::Damaged("the name of the log cannot name one".to_owned()));
    };
    signer.sign(&mut note, u64::try_from(now.timestamp()).unwrap_or_default());
    Ok(note.to_string())
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
