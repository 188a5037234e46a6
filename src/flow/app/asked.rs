//! A job asks for the decision on its own release: the commit of its run, on its way into an environment.
//!
//! It is gathered, decided and recorded as for a deployment that waits. What is the same as the last time adds nothing. Where
//! the job is the environment's own, it goes on by this very answer, and so a word that it may is an opening of the environment;
//! to any other job it is nothing but an answer.
//!
//! Whoever asks costs questions to the forge, which those who wait need as well: one attempt of a run that asks again within
//! some seconds is told the same again (by one process: another looks once more), a repository has so many questions a minute,
//! of all processes together, and what waits goes first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::docket::{Asks, Case, Key};
use super::lock::lock;
use super::{Desk, ledger};
use crate::flow::append::{Failed, Happening};
use crate::flow::decided::word;
use crate::flow::recorded;
use crate::forge::Hub;
use crate::forge::job::Job;
use crate::log::entry::Kind;
use crate::model::answer::{Answer, UNKNOWN};
use crate::report::neutral;
use crate::store::fault::Fault as DatabaseFault;
use crate::store::shared;
use crate::store::writer::Refused;

/// How many bytes are told of why something could not be decided.
const WHY: usize = 900;
/// How long an answer is the answer to the same question.
const SAME: Duration = Duration::from_secs(10);
/// How many questions of a repository are looked into in how long.
const MOST: u64 = 20;
const RATE: shared::Often = shared::Often { most: MOST, within: Duration::from_mins(1) };

/// Who asks for what: the repository, the run, its attempt and the number of the job, its commit, the environment, and whether
/// the job is of it.
type Question = (String, u64, (u64, Option<u64>), String, String, bool);
/// The last answer to a question, and when it was given. Whoever asks the same meanwhile waits for it.
type Told = Arc<tokio::sync::Mutex<Option<(Instant, Answer)>>>;

/// The questions of late.
#[derive(Debug, Default)]
pub(super) struct Questions {
    told: Mutex<HashMap<Question, (Instant, Told)>>,
}

impl Questions {
    fn told(&self, question: Question, now: Instant) -> Told {
        let mut told = lock(&self.told);
        told.retain(|_, (at, told)| Arc::strong_count(told) > 1 || now.saturating_duration_since(*at) < SAME);
        let (at, found) = told.entry(question).or_insert_with(|| (now, Told::default()));
        *at = now;
        found.clone()
    }
}

/// How often a job looks for its turn that others took meanwhile.
const TRIES: u32 = 5;

/// Why it could not be recorded that a job asked.
#[derive(Debug, thiserror::Error)]
enum Unnoted {
    #[error("{0}")]
    Failed(#[from] Failed),
    #[error("the record could not be read: {0}")]
    Record(#[from] DatabaseFault),
    #[error("{most} jobs of run {0} have asked before; start another one", most = ledger::ATTEMPTS)]
    Many(u64),
    #[error("other jobs of run {0} ask at once; ask again")]
    Busy(u64),
}

/// That a repository asks too often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the jobs of this repository ask for more than {MOST} decisions a minute; ask again later, or with `--wait`")]
pub struct Often;

/// That nothing was decided, and why.
fn unknown(job: &Job, environment: &str, why: &str) -> Answer {
    Answer {
        environment: environment.to_owned(),
        commit: job.commit.clone(),
        decision: UNKNOWN.to_owned(),
        summary: neutral::prose(why, WHY),
        id: None,
        entry: None,
    }
}

impl<H: Hub> Desk<H> {
    /// What is decided of a job's release; the same within some seconds, however often it asks.
    pub async fn ask(&self, job: &Job, environment: &str) -> Result<Answer, Often> {
        let repository = job.repository.to_lowercase();
        let enters = job.environment.as_deref() == Some(environment);
        let commit = job.commit.clone();
        let question = (repository.clone(), job.run, (job.attempt, job.number), commit, environment.to_owned(), enters);
        let told = self.questions.told(question, Instant::now());
        let mut told = told.lock().await;
        if let Some((at, answer)) = told.as_ref().filter(|(at, _)| at.elapsed() < SAME) {
            let since = u64::try_from(at.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.say(
                "decision_asked_again",
                &json!({ "repository": job.repository, "run": job.run, "environment": environment, "ms": since }),
            );
            return Ok(answer.clone());
        }
        // Those of jobs of the environment are counted apart, for anybody with a branch can ask.
        let whose = format!("questions of {}/{repository}, {}", H::NAME, if enters { "entering" } else { "asking" });
        match self.sequencer.may(whose, RATE).await {
            Ok(true) => {}
            Ok(false) => return Err(Often),
            Err(fault) => return Ok(Self::unknown(job, environment, &fault.to_string())),
        }
        let answer = Box::pin(self.look_into(job, environment)).await;
        // What goes is decided anew each time: somebody may have taken his word back since.
        if answer.decision != "proceed" {
            *told = Some((Instant::now(), answer.clone()));
        }
        Ok(answer)
    }

    /// What is answered where it is not known.
    fn unknown(job: &Job, environment: &str, why: &str) -> Answer {
        unknown(job, environment, &format!("held, because it cannot be decided: {why}"))
    }

    /// Records that a job of an environment asked: what is told that it may not go on, and ends, went past nobody. Each that
    /// is tried again by itself asks for itself.
    async fn noted(&self, job: &Job, environment: &str) -> Result<(), Unnoted> {
        let repository = job.repository.to_lowercase();
        let body = json!({ "forge": H::NAME, "repository": repository, "environment": environment,
            "commit": job.commit, "run": job.run, "attempt": job.attempt, "state": "asked" });
        let mut body = body.as_object().cloned().unwrap_or_default();
        let Some(number) = job.number else {
            return Ok(self
                .note(body, ledger::asked(H::NAME, &repository, environment, job.run, Some(job.attempt)))
                .await?);
        };
        body.insert("job".to_owned(), json!(number));
        for _ in 0..TRIES {
            let Some(turn) = self.turn((&repository, environment), job.run, number).await? else { return Ok(()) };
            if turn > ledger::ATTEMPTS {
                return Err(Unnoted::Many(job.run));
            }
            let once = ledger::asked(H::NAME, &repository, environment, job.run, Some(turn));
            match self.note(body.clone(), once).await {
                // Another job of the run took this turn meanwhile.
                Err(Failed::Refused(Refused::OtherContent(_))) => {}
                noted => return Ok(noted?),
            }
        }
        Err(Unnoted::Busy(job.run))
    }

    async fn note(&self, body: Map<String, Value>, once: String) -> Result<(), Failed> {
        let once = Some(once);
        let append = Happening { kind: Kind::Deployment, body, attached: Vec::new(), once }.append(self.now())?;
        self.sequencer.append(append).await?;
        Ok(())
    }

    /// The place of a job among those of its run that ask for an environment, counted from 1; `None` where it is recorded that it
    /// did.
    async fn turn(
        &self,
        (repository, environment): (&str, &str),
        run: u64,
        number: u64,
    ) -> Result<Option<u64>, DatabaseFault> {
        let mut reader = self.reader().await?;
        let mut turn = 1;
        for index in reader.recorded_under(&ledger::asked_of(H::NAME, repository, environment, run)).await? {
            let entry = recorded::entry(&mut reader, index).await?;
            if entry.is_some_and(|entry| entry.body.get("job") == Some(&json!(number))) {
                return Ok(None);
            }
            turn += 1;
        }
        reader.close().await?;
        Ok(Some(turn))
    }

    async fn look_into(&self, job: &Job, environment: &str) -> Answer {
        let key =
            Key { repository: job.repository.clone(), environment: environment.to_owned(), commit: job.commit.clone() };
        let asks = Asks { attempt: job.attempt, enters: job.environment.as_deref() == Some(environment) };
        if asks.enters
            && let Err(why) = self.noted(job, environment).await
        {
            return unknown(job, environment, &format!("held, because it cannot be recorded: {why}"));
        }
        let asked = Some(asks);
        let case = Case { key, runs: vec![job.run], answers: Vec::new(), told: None, failures: 0, asked };
        let answer = match self.decide(&case).await {
            Ok(outcome) => {
                if outcome.is_new {
                    self.counts.decision(word(outcome.ruling));
                    // What others would still have been told of this release is not the last word any more.
                    self.docket().overtaken(&case.key, Instant::now());
                    self.to_decide.notify_one();
                    self.to_tell.notify_one();
                }
                Answer {
                    environment: environment.to_owned(),
                    commit: job.commit.clone(),
                    decision: word(outcome.ruling).to_owned(),
                    summary: outcome.summary,
                    id: outcome.recorded.as_ref().map(|recorded| recorded.document.to_string()),
                    entry: outcome.recorded.as_ref().map(|recorded| recorded.entry),
                }
            }
            Err(why) => Self::unknown(job, environment, &why.to_string()),
        };
        let fields = json!({ "repository": job.repository, "run": job.run, "environment": environment,
            "commit": job.commit, "decision": answer.decision, "summary": answer.summary, "id": answer.id, "entry": answer.entry });
        self.say("decision_asked", &fields);
        answer
    }
}
