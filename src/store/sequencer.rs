//! The sequencer: gathers what many ask for at once into one durable write with one signed checkpoint.
//!
//! While one batch is made durable, the next gathers. So a single caller waits for one write, and a hundred callers wait
//! for one write as well. It works on a thread of its own, so that whatever keeps the others at work keeps nobody from renewing
//! the lease. Effects are claimed here too, because a file of SQLite has one writer. A lease that has ended
//! ends the sequencer: what waits is refused, and whoever goes on starts anew from what the record says.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::change::Stream;
use super::fault::Fault;
use super::outbox::{Backoff, Claimed, Lane};
use super::shared::{Often, Room, Showing, Token, Visit};
use super::stands::Stands;
use super::writer::{Append, Appended, Refused, Writer};
use crate::log::tree::Hash;

/// How many entries one transaction takes.
const BATCH: usize = 1_000;
/// How many may wait. Beyond that, who asks waits to ask.
const QUEUE: usize = 4_096;

/// Why something was not appended.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// It cannot be.
    #[error("{0}")]
    Refused(#[from] Refused),
    /// The batch in which it was failed.
    #[error("{0}")]
    Fault(Arc<Fault>),
}

/// What came of one that was handed in.
pub type Answer = Result<Appended, Failed>;

/// What is asked of the one who writes.
enum Job {
    Append(Box<Append>, oneshot::Sender<Answer>),
    Claim(Lane, DateTime<Utc>, u32, oneshot::Sender<Result<Vec<Claimed>, Fault>>),
    PutOff(Box<Claimed>, String, Backoff, DateTime<Utc>, oneshot::Sender<Result<(), Fault>>),
    Stands(Stream, oneshot::Sender<Result<Stands, Fault>>),
    Open(Vec<String>, oneshot::Sender<Result<Vec<String>, Fault>>),
    Shown(Token, u64, oneshot::Sender<Result<Showing, Fault>>),
    Enter(Visit, Room, oneshot::Sender<Result<(), Fault>>),
    Reseal(Hash, Vec<u8>, oneshot::Sender<Result<(), Fault>>),
    Leave(Hash, oneshot::Sender<Result<(), Fault>>),
    May(String, Often, oneshot::Sender<Result<bool, Fault>>),
    Forget(oneshot::Sender<Result<(), Fault>>),
}

/// Where entries are handed in. It can be cloned, and used from many tasks.
#[derive(Clone, Debug)]
pub struct Sequencer {
    jobs: mpsc::Sender<Job>,
    end: End,
}

/// The lease whose end ended a sequencer, known before anybody is left without an answer by it.
type End = Arc<OnceLock<Duration>>;

/// The sequencer's task; it ends when the last [`Sequencer`] is gone and everything was answered.
#[derive(Debug)]
pub struct Running {
    task: JoinHandle<Result<(), Fault>>,
}

impl Running {
    /// Whether it has ended, as when its lease was lost.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.task.is_finished()
    }

    /// Waits until everything is durable and the database is closed.
    pub async fn finished(self) -> Result<(), Fault> {
        self.task.await.unwrap_or(Err(Fault::Stopped))
    }
}

impl Sequencer {
    /// Starts sequencing, on a thread of its own, or on the runtime that this is called on where there is none to be had. `clock`
    /// says what time it is.
    #[must_use]
    pub fn start(writer: Writer, clock: impl Fn() -> DateTime<Utc> + Send + 'static) -> (Self, Running) {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let end = End::default();
        let (tell, told) = oneshot::channel();
        let ours = end.clone();
        alone_at_work(Box::pin(async move {
            let _ = tell.send(sequence(writer, queue, clock, ours).await);
        }));
        let task = tokio::spawn(async move { told.await.unwrap_or(Err(Fault::Stopped)) });
        (Self { jobs, end }, Running { task })
    }

    /// Why nobody answers.
    fn over(&self) -> Fault {
        self.end.get().map_or(Fault::Stopped, |lease| Fault::Fenced(*lease))
    }

    /// Appends; the answer comes when the entries are durable and a signed checkpoint covers them.
    pub async fn append(&self, append: Append) -> Answer {
        let asked = self.ask(|answer| Job::Append(Box::new(append), answer)).await;
        asked.unwrap_or_else(|fault| Err(Failed::Fault(Arc::new(fault))))
    }

    /// Appends several, in this order; the answers come when all are durable.
    pub async fn append_all(&self, appends: Vec<Append>) -> Vec<Answer> {
        let mut waiting = Vec::with_capacity(appends.len());
        for append in appends {
            let (answer, answered) = oneshot::channel();
            waiting.push(self.jobs.send(Job::Append(Box::new(append), answer)).await.map(|()| answered));
        }
        let mut answers = Vec::with_capacity(waiting.len());
        for answered in waiting {
            let answer = match answered {
                Ok(answered) => answered.await.map_err(|_| self.over()),
                Err(_) => Err(self.over()),
            };
            answers.push(answer.unwrap_or_else(|fault| Err(Failed::Fault(Arc::new(fault)))));
        }
        answers
    }

    /// Claims effects that are due: [`Writer::claim`].
    pub async fn claim(&self, now: DateTime<Utc>, most: u32) -> Result<Vec<Claimed>, Fault> {
        self.claim_of(Lane::All, now, most).await
    }

    /// The same of some effects: [`Writer::claim_of`].
    pub async fn claim_of(&self, lane: Lane, now: DateTime<Utc>, most: u32) -> Result<Vec<Claimed>, Fault> {
        self.ask(|answer| Job::Claim(lane, now, most, answer)).await?
    }

    /// Puts off an effect whose attempt failed: [`Writer::put_off`].
    pub async fn put_off(
        &self,
        claimed: Claimed,
        why: String,
        backoff: Backoff,
        now: DateTime<Utc>,
    ) -> Result<(), Fault> {
        self.ask(|answer| Job::PutOff(Box::new(claimed), why, backoff, now, answer)).await?
    }

    /// How a release stands in the record: [`Writer::stands`].
    pub async fn stands(&self, stream: Stream) -> Result<Stands, Fault> {
        self.ask(|answer| Job::Stands(stream, answer)).await?
    }

    /// Which of those obligations nobody has met: [`Writer::open_obligations`].
    pub async fn open_obligations(&self, of: Vec<String>) -> Result<Vec<String>, Fault> {
        self.ask(|answer| Job::Open(of, answer)).await?
    }

    /// Remembers a token that is shown: [`Writer::shown`].
    pub async fn shown(&self, token: Token, most: u64) -> Result<Showing, Fault> {
        self.ask(|answer| Job::Shown(token, most, answer)).await?
    }

    /// Lets somebody in: [`Writer::enter`].
    pub async fn enter(&self, visit: Visit, room: Room) -> Result<(), Fault> {
        self.ask(|answer| Job::Enter(visit, room, answer)).await?
    }

    /// Keeps something else of what the forge gave for somebody: [`Writer::reseal`].
    pub async fn reseal(&self, key: Hash, sealed: Vec<u8>) -> Result<(), Fault> {
        self.ask(|answer| Job::Reseal(key, sealed, answer)).await?
    }

    /// Lets somebody go: [`Writer::leave`].
    pub async fn leave(&self, key: Hash) -> Result<(), Fault> {
        self.ask(|answer| Job::Leave(key, answer)).await?
    }

    /// Whether something may be done once more: [`Writer::may`].
    pub async fn may(&self, name: String, often: Often) -> Result<bool, Fault> {
        self.ask(|answer| Job::May(name, often, answer)).await?
    }

    /// Forgets what is over: [`Writer::forget`].
    pub async fn forget(&self) -> Result<(), Fault> {
        self.ask(Job::Forget).await?
    }

    async fn ask<T>(&self, job: impl FnOnce(oneshot::Sender<T>) -> Job) -> Result<T, Fault> {
        let (answer, answered) = oneshot::channel();
        self.jobs.send(job(answer)).await.map_err(|_| self.over())?;
        answered.await.map_err(|_| self.over())
    }
}

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Does work on a thread of its own; where none can be made, beside all else that is done on this runtime.
fn alone_at_work(work: Work) {
    let here = tokio::runtime::Handle::current();
    let (hand, handed) = std::sync::mpsc::channel::<Work>();
    let thread = std::thread::Builder::new().name("sequencer".to_owned()).spawn(move || {
        let Ok(work) = handed.recv() else { return };
        match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(own) => own.block_on(work),
            Err(_) => here.block_on(work),
        }
    });
    match thread {
        Ok(_) => {
            // The thread waits for it, and for nothing else.
            let _ = hand.send(work);
        }
        Err(_) => {
            tokio::spawn(work);
        }
    }
}

async fn sequence(
    mut writer: Writer,
    mut queue: mpsc::Receiver<Job>,
    clock: impl Fn() -> DateTime<Utc> + Send + 'static,
    end: End,
) -> Result<(), Fault> {
    let beat = writer.lease() / 3;
    let mut next = None;
    loop {
        // One at least, then whatever has gathered. Where nobody asks, the lease is kept.
        let first = match next.take() {
            Some(job) => job,
            None => match tokio::time::timeout(beat, queue.recv()).await {
                Ok(Some(job)) => job,
                Ok(None) => break,
                Err(_) => {
                    fenced(writer.renew().await, &end)?;
                    fenced(writer.tidy().await, &end)?;
                    continue;
                }
            },
        };
        // Whoever only asks, again and again, renews nothing by it.
        if writer.replica().is_due() {
            fenced(writer.renew().await, &end)?;
            if queue.is_empty() && !matches!(first, Job::Append(..)) {
                fenced(writer.tidy().await, &end)?;
            }
        }
        // Whoever asks for something else than an entry waits for those before, and goes alone.
        let (first, answer) = match first {
            Job::Append(append, answer) => (append, answer),
            other => {
                fenced(alone(&mut writer, other).await, &end)?;
                continue;
            }
        };
        // Those who were just answered may ask again at once: let them.
        tokio::task::yield_now().await;
        let mut entries = first.entries.len();
        let (mut batch, mut answers) = (vec![*first], vec![answer]);
        while entries < BATCH {
            match queue.try_recv() {
                Ok(Job::Append(append, answer)) => {
                    entries += append.entries.len();
                    batch.push(*append);
                    answers.push(answer);
                }
                Ok(other) => {
                    next = Some(other);
                    break;
                }
                Err(_) => break,
            }
        }
        // Somebody who no longer waits for the answer has it in the log all the same.
        match writer.append(&batch, clock()).await {
            Ok(done) => {
                for (answer, done) in answers.into_iter().zip(done) {
                    let _ = answer.send(done.map_err(Failed::Refused));
                }
            }
            Err(fault) => {
                let ends = is_end(&fault);
                let fault = Arc::new(fault);
                for answer in answers {
                    let _ = answer.send(Err(Failed::Fault(fault.clone())));
                }
                if let Some(lease) = ends {
                    return fenced(Err(Fault::Fenced(lease)), &end);
                }
            }
        }
    }
    writer.close().await
}

/// Does what is no entry. What went wrong goes to whoever asked; a lease that has ended comes back as well.
async fn alone(writer: &mut Writer, job: Job) -> Result<(), Fault> {
    fn told<T>(answer: oneshot::Sender<Result<T, Fault>>, done: Result<T, Fault>) -> Result<(), Fault> {
        let ended = done.as_ref().err().and_then(is_end);
        let _ = answer.send(done);
        ended.map_or(Ok(()), |lease| Err(Fault::Fenced(lease)))
    }
    match job {
        // Entries are gathered before they come here.
        Job::Append(_, answer) => drop(answer),
        Job::Claim(lane, now, most, answer) => told(answer, writer.claim_of(lane, now, most).await)?,
        Job::PutOff(claimed, why, backoff, now, answer) => {
            told(answer, writer.put_off(&claimed, &why, backoff, now).await)?;
        }
        Job::Stands(stream, answer) => told(answer, writer.stands(&stream).await)?,
        Job::Open(of, answer) => told(answer, writer.open_obligations(&of).await)?,
        Job::Shown(token, most, answer) => told(answer, writer.shown(&token, most).await)?,
        Job::Enter(visit, room, answer) => told(answer, writer.enter(&visit, room).await)?,
        Job::Reseal(key, sealed, answer) => told(answer, writer.reseal(key, &sealed).await)?,
        Job::Leave(key, answer) => told(answer, writer.leave(key).await)?,
        Job::May(name, often, answer) => told(answer, writer.may(&name, often).await)?,
        Job::Forget(answer) => told(answer, writer.forget().await)?,
    }
    Ok(())
}

/// Whoever's lease has ended does nothing more. Other faults pass, and the next attempt shows whether they did.
fn fenced(done: Result<(), Fault>, end: &End) -> Result<(), Fault> {
    let Some(lease) = done.err().as_ref().and_then(is_end) else { return Ok(()) };
    let _ = end.set(lease);
    Err(Fault::Fenced(lease))
}

fn is_end(fault: &Fault) -> Option<Duration> {
    if let Fault::Fenced(lease) = fault { Some(*lease) } else { None }
}
