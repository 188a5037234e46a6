//! A transaction of the writer. It reads and locks the head of the log, looks whether this process may still write, and
//! whether the log goes on from what this key has signed; then comes what is to be written, in one durable write with
//! the checkpoint that covers it. What was signed is remembered before anybody is told.

use std::time::{Duration, Instant};

use super::fault::Fault;
use super::reader::edge_at;
use super::replica::Replica;
use super::session::{Asked, Part, Row, Session, int};
use super::writer::Writer;
use crate::log::checkpoint::Checkpoint;
use crate::log::note::{Note, Verifier};
use crate::log::tree::{Edge, Hash};

/// How often a transaction is begun, at most, that the server undoes to let another through.
pub(super) const TRIES: u32 = 5;
/// The head of the log.
const HEAD: &str = "SELECT vkey, size, edge, checkpoint, moved FROM log_head WHERE id = 1";

/// Runs a transaction, and anew where the server undid it to let another through: the same again is another one.
macro_rules! anew {
    ($transaction:expr) => {{
        let mut tries = $crate::store::transaction::TRIES;
        loop {
            tries -= 1;
            match $transaction.await {
                Err(fault) if fault.is_passing() && tries > 0 => {}
                done => break done,
            }
        }
    }};
}
pub(super) use anew;

/// The head of the log, locked.
pub(super) struct Head {
    key: String,
    pub(super) edge: Edge,
    pub(super) checkpoint: String,
}

/// A tree and the checkpoint that was signed over it.
#[derive(Clone)]
pub(super) struct Signed {
    pub(super) edge: Edge,
    pub(super) checkpoint: String,
}

/// What is written last in a transaction, before it is made durable.
#[derive(Default)]
pub(super) struct Rest {
    pub(super) asked: Vec<Asked>,
    /// Where the log goes on with it: as what.
    pub(super) signed: Option<Signed>,
}

impl From<Vec<Asked>> for Rest {
    fn from(asked: Vec<Asked>) -> Self {
        Self { asked, signed: None }
    }
}

impl Writer {
    /// Runs a transaction upon a log that this key may sign. `work` says what it comes to, and what is still to be
    /// written; `None` where there is nothing to make durable.
    pub(super) async fn transaction<T>(
        &mut self,
        work: impl AsyncFnOnce(&Self, &mut Session, Head) -> Result<(T, Option<Rest>), Fault>,
    ) -> Result<T, Fault> {
        self.transaction_as_it_is(async |writer, session, head| {
            writer.may_sign(session, &head).await?;
            work(writer, session, head).await
        })
        .await
    }

    /// The same, whatever the log is signed with, and how far it goes.
    pub(super) async fn transaction_as_it_is<T>(
        &mut self,
        work: impl AsyncFnOnce(&Self, &mut Session, Head) -> Result<(T, Option<Rest>), Fault>,
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
            Ok((answer, Some(rest))) => {
                self.durable(session, rest).await?;
                if renews {
                    self.replica.renewed(began);
                }
                Ok(answer)
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
        found(answers.first().and_then(|rows| rows.first()))
    }

    /// Writes the rest, makes the transaction durable, and remembers what it signed.
    async fn durable(&mut self, mut session: Session, rest: Rest) -> Result<(), Fault> {
        let Rest { mut asked, signed } = rest;
        // PostgreSQL cuts off whoever idles; a file of SQLite waits for him who was stopped.
        if session.is_sqlite() {
            asked.push(self.replica.question(&session));
        }
        match self.finish(&mut session, asked).await {
            Ok(()) => self.session = Some(session),
            // It was asked for, and nobody said what came of it.
            Err(fault) if fault.may_have_committed() => return Err(Fault::Uncertain),
            Err(fault) => return Err(self.not_committed(session, fault).await),
        }
        signed.map_or(Ok(()), |signed| self.remember(&signed))
    }

    async fn finish(&self, session: &mut Session, asked: Vec<Asked>) -> Result<(), Fault> {
        if !session.is_sqlite() {
            return session.all(Part::Last, asked).await.map(|_| ());
        }
        let answers = session.all(Part::Inner, asked).await?;
        self.replica.judge(answers.last())?;
        session.commit().await
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

    /// Renews the lease, where it still runs. Whoever idles calls this now and then, at least three times a lease.
    pub async fn renew(&mut self) -> Result<(), Fault> {
        let began = Instant::now();
        let renewal = async |writer: &Self, session: &mut Session, _| {
            Ok(((), Some(Rest::from(vec![writer.replica.renewal(session)]))))
        };
        anew!(self.transaction(renewal))?;
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

    /// Refuses a log that is another key's.
    async fn may_sign(&self, session: &mut Session, head: &Head) -> Result<(), Fault> {
        let ours = self.signer.verifier().to_string();
        if ours != head.key {
            return Err(Fault::OtherKey { ours, theirs: head.key.clone() });
        }
        self.goes_on(session, &head.edge).await
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

    /// The signed checkpoint of a tree.
    pub(super) async fn sign(&self, edge: &Edge) -> Result<Note, Fault> {
        let origin = self.signer.verifier().name().to_owned();
        let checkpoint = Checkpoint { origin, size: edge.size(), root: edge.root(), extension: Vec::new() };
        let Some(mut note) = checkpoint.note() else {
            return Err(Fault::Damaged("the name of the log cannot name one".to_owned()));
        };
        self.signer.sign_note(&mut note).await?;
        Ok(note)
    }

    /// Remembers what a transaction signed that is durable now.
    pub(super) fn remember(&mut self, signed: &Signed) -> Result<(), Fault> {
        let size = signed.edge.size();
        self.signed = Some((size, signed.edge.root()));
        self.signer.remember(size, &signed.checkpoint)
    }
}

fn found(row: Option<&Row>) -> Result<Head, Fault> {
    let row = row.ok_or(Fault::NoLog)?;
    if let Some(place) = row.maybe_text(4)? {
        return Err(Fault::Moved(place));
    }
    let edge = edge(row.count(1)?, &row.bytes(2)?)?;
    Ok(Head { key: row.text(0)?, edge, checkpoint: row.text(3)? })
}

/// What moves the head of the log on to a tree and its signed checkpoint.
pub(super) fn advance(signed: &Signed, key: &Verifier, at: i64) -> [Asked; 2] {
    let Signed { edge, checkpoint } = signed;
    let roots: Vec<u8> = edge.roots().iter().flat_map(|hash| hash.0).collect();
    let head = [int(edge.size()), roots.into(), checkpoint.as_str().into(), key.to_string().into()];
    let all = [int(edge.size()), checkpoint.as_str().into(), at.into()];
    [
        Asked::new("UPDATE log_head SET size = $1, edge = $2, checkpoint = $3, vkey = $4 WHERE id = 1", head),
        Asked::new("INSERT INTO log_checkpoint (size, note, at) VALUES ($1, $2, $3)", all),
    ]
}

/// The edge that the head keeps.
pub(super) fn edge(size: u64, roots: &[u8]) -> Result<Edge, Fault> {
    let (hashes, rest) = roots.as_chunks::<32>();
    let edge = Edge::of(size, hashes.iter().copied().map(Hash).collect()).filter(|_| rest.is_empty());
    edge.ok_or_else(|| Fault::Damaged("the head of the log does not fit its size".to_owned()))
}
