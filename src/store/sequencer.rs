//! The sequencer: gathers what many ask for at once into one durable write with one signed checkpoint.
//!
//! While one batch is made durable, the next gathers. So a single caller waits for one write, and a hundred callers wait
//! for one write as well.

use chrono::{DateTime, Utc};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::fault::Fault;
use super::writer::{Append, Appended, Refused, Writer};

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
    Fault(std::sync::Arc<Fault>),
}

type Answer = Result<Appended, Failed>;

struct Job {
    append: Append,
    answer: oneshot::Sender<Answer>,
}

/// Where entries are handed in. It can be cloned, and used from many tasks.
#[derive(Clone, Debug)]
pub struct Sequencer {
    jobs: mpsc::Sender<Job>,
}

/// The sequencer's task; it ends when the last [`Sequencer`] is gone and everything was answered.
#[derive(Debug)]
pub struct Running {
    task: JoinHandle<Result<(), Fault>>,
}

impl Running {
    /// Waits until everything is durable and the database is closed.
    pub async fn finished(self) -> Result<(), Fault> {
        self.task.await.unwrap_or(Err(Fault::Stopped))
    }
}

impl Sequencer {
    /// Starts sequencing, on the runtime that this is called on. `clock` says what time it is.
    #[must_use]
    pub fn start(writer: Writer, clock: impl Fn() -> DateTime<Utc> + Send + 'static) -> (Self, Running) {
        let (jobs, queue) = mpsc::channel(QUEUE);
        (Self { jobs }, Running { task: tokio::spawn(sequence(writer, queue, clock)) })
    }

    /// Appends; the answer comes when the entries are durable and a signed checkpoint covers them.
    pub async fn append(&self, append: Append) -> Answer {
        let stopped = || Failed::Fault(std::sync::Arc::new(Fault::Stopped));
        let (answer, answered) = oneshot::channel();
        self.jobs.send(Job { append, answer }).await.map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?
    }
}

async fn sequence(
    mut writer: Writer,
    mut queue: mpsc::Receiver<Job>,
    clock: impl Fn() -> DateTime<Utc> + Send + 'static,
) -> Result<(), Fault> {
    let mut jobs = Vec::new();
    loop {
        let mut entries = 0;
        // One at least, then whatever has gathered.
        let Some(first) = queue.recv().await else { break };
        entries += first.append.entries.len();
        jobs.push(first);
        while entries < BATCH
            && let Ok(next) = queue.try_recv()
        {
            entries += next.append.entries.len();
            jobs.push(next);
        }
        let (batch, answers): (Vec<_>, Vec<_>) = jobs.drain(..).map(|job| (job.append, job.answer)).unzip();
        // Somebody who no longer waits for the answer has it in the log all the same.
        match writer.append(&batch, clock()).await {
            Ok(done) => {
                for (answer, done) in answers.into_iter().zip(done) {
                    let _ = answer.send(done.map_err(Failed::Refused));
                }
            }
            Err(fault) => {
                let fault = std::sync::Arc::new(fault);
                for answer in answers {
                    let _ = answer.send(Err(Failed::Fault(fault.clone())));
                }
            }
        }
    }
    writer.close().await
}
