//! What was deployed, as the record keeps it: each deployment that began in an environment of the policy, which decision
//! let it in, and how it ended.
//!
//! How it went is the forge's own word for the job that deployed, and nobody's who may push. Which decision let it in is
//! the record's: one that let the very run go into that environment, once for each deployment. What no decision let in
//! where people have to approve is a finding. What was recorded stays when the forge forgets it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::Notify;

use super::past::{Past, Went};
use super::policy::Read;
use super::told::Settled;
use super::{Desk, policy};
use crate::flow::append::{Failed, Happening};
use crate::flow::recorded;
use crate::forge::{Forge as _, Hub, Ran};
use crate::log::entry::Kind;
use crate::log::receipt::sha256;
use crate::model::facts::{Fact, Outcome};
use crate::policy::Policy;
use crate::policy::rules::Approval;
use crate::store::change::Change;
use crate::store::deployed::Deployed;
use crate::store::fault::Fault as DatabaseFault;
use crate::store::reader::Reader;

/// How far back the forge is asked: a run that takes longer has ended without its job.
const LOOK_BACK: TimeDelta = TimeDelta::days(35);
/// How long a job is looked for that a deployment is which somebody wrote into the list.
const UNPROVEN: TimeDelta = TimeDelta::days(1);
/// By how much the clocks may differ.
const APART: TimeDelta = TimeDelta::minutes(1);
/// How many environments are read.
const ENVIRONMENTS: usize = 50;
/// How soon is tried again what could not be read.
const AGAIN: Duration = Duration::from_secs(15);
/// How late at most is tried again to take up what others told of: they may have told of a commit that is not there.
const LATEST: Duration = Duration::from_hours(1);

/// Which repositories are to be read, and which were.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    marked: Mutex<BTreeSet<String>>,
    read: Mutex<BTreeSet<String>>,
    /// One at a time: what is entered twice at once is found by two.
    turn: tokio::sync::Mutex<()>,
    wake: Notify,
    /// What no decision let in, and is to be taken up, by its repository's name.
    found: Mutex<Vec<(String, Deployed)>>,
    pub(super) past: Past,
    settled: Mutex<Settled>,
    /// How often what others told of could not be taken up, by name, and when that is tried again.
    put_off: Mutex<BTreeMap<String, (u32, Instant)>>,
}

impl Ledger {
    /// What was told of by others, and of which all was done that follows from how it ended.
    pub(super) fn settled(&self) -> MutexGuard<'_, Settled> {
        lock(&self.settled)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why the deployments of a repository are not known.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unread {
    #[error("the forge could not be asked: {0}")]
    Forge(String),
    #[error("no policy can be read: {0}")]
    Policy(#[from] policy::NoPolicy),
    #[error("the record could not be read: {0}")]
    Record(#[from] DatabaseFault),
    #[error("it cannot be recorded: {0}")]
    Failed(#[from] Failed),
}

/// What left for a decision, as far as it says which deployment that lets in.
#[derive(Deserialize)]
pub(super) struct Left {
    pub(super) run: Option<u64>,
    pub(super) attempt: Option<u64>,
    pub(super) waits_at: Option<String>,
    pub(super) commit: String,
}

/// A decision that let a run go.
struct Opening {
    /// The number of its entry.
    entry: u64,
    /// Since when it lets it, microseconds of the Unix time.
    at: i64,
    left: Left,
}

impl Opening {
    /// Whether it may have let a deployment in.
    fn lets(&self, ran: &Ran) -> bool {
        let here = self.left.waits_at.as_deref() == Some(ran.environment.as_str());
        let before = self.at <= (ran.began + APART).timestamp_micros();
        ran.run.is_some()
            && self.left.run == ran.run
            && here
            && before
            && self.left.commit.eq_ignore_ascii_case(&ran.commit)
    }
}

/// An outcome's word in the record.
pub(super) fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Succeeded => "succeeded",
        Outcome::Failed => "failed",
        Outcome::Cancelled => "cancelled",
    }
}

/// The outcome of a word.
pub(super) fn outcome(word: &str) -> Option<Outcome> {
    [Outcome::Succeeded, Outcome::Failed, Outcome::Cancelled].into_iter().find(|it| self::word(*it) == word)
}

/// Whether people have to approve what goes into an environment, by the name that the forge has for it.
pub(super) fn is_formal(policy: &Policy, environment: &str) -> bool {
    let rule = policy.rules.environments.iter().find(|rule| rule.name == environment);
    rule.is_some_and(|rule| !matches!(rule.approval, Approval::Automatic))
}

impl<H: Hub> Desk<H> {
    /// The deployments of a repository are to be read again.
    pub(super) fn account(&self, repository: &str) {
        lock(&self.ledger.marked).insert(repository.to_owned());
        self.ledger.wake.notify_one();
    }

    /// Reads what is marked, for ever.
    pub(super) async fn keep_ledger(self: Arc<Self>) {
        loop {
            let marked = std::mem::take(&mut *lock(&self.ledger.marked));
            if marked.is_empty() {
                self.ledger.wake.notified().await;
                continue;
            }
            let mut failed = false;
            for repository in marked {
                match self.enter(&repository).await {
                    // Without a policy nobody asks what was deployed; the sweep comes back to it.
                    Ok(0) | Err(Unread::Policy(_)) => {}
                    Ok(_) => {
                        self.docket().happened(Some(&repository), None, true, std::time::Instant::now());
                        self.to_decide.notify_one();
                    }
                    Err(why) => {
                        failed = true;
                        let fields = json!({ "repository": repository, "fault": why.to_string() });
                        self.say("deployments_unread", &fields);
                        lock(&self.ledger.marked).insert(repository);
                    }
                }
            }
            let found = std::mem::take(&mut *lock(&self.ledger.found));
            for (repository, row) in found {
                if let Err(why) = self.import(&repository, &row).await {
                    self.put_off(&row);
                    failed = true;
                    let fields = json!({ "repository": repository, "run": row.run, "fault": why.to_string() });
                    self.say("deployment_not_imported", &fields);
                    lock(&self.ledger.marked).insert(repository);
                }
            }
            if failed {
                tokio::time::sleep(AGAIN.min(self.settings.sweep)).await;
            }
        }
    }

    async fn enter(&self, repository: &str) -> Result<usize, Unread> {
        let forge = self.hub.of(repository).await.map_err(|fault| Unread::Forge(fault.to_string()))?;
        let read = policy::read(&forge, repository, &self.settings.outer).await?;
        let new = self.entered(&forge, repository, &read).await?;
        if let Err(why) = self.note_incidents(repository, &read.policy.rules).await {
            self.say("incidents_unread", &json!({ "repository": repository, "fault": why.to_string() }));
        }
        if let Err(why) = self.remind(repository, &read).await {
            self.say("reminders_unsent", &json!({ "repository": repository, "fault": why }));
        }
        Ok(new)
    }

    /// Reads the deployments of a repository unless they were since this process began.
    pub(super) async fn accounted(&self, forge: &H::Forge, repository: &str, read: &Read) -> Result<(), Unread> {
        if lock(&self.ledger.read).contains(repository) {
            return Ok(());
        }
        self.entered(forge, repository, read).await.map(|_| ())
    }

    /// Reads the deployments of a repository, and records what is new of them. Says how much that was.
    async fn entered(&self, forge: &H::Forge, repository: &str, read: &Read) -> Result<usize, Unread> {
        let _turn = self.ledger.turn.lock().await;
        let now = self.now();
        let since = now - LOOK_BACK;
        let environments = read.policy.rules.environments.iter().map(|rule| rule.name.clone());
        let environments: Vec<String> = environments.take(ENVIRONMENTS).collect();
        let mut reader = self.reader().await?;
        let known: BTreeMap<String, Deployed> =
            reader.deployed(H::NAME, repository).await?.into_iter().map(|it| (it.id.clone(), it)).collect();
        let settled = |it: &&Deployed| {
            let old = it.run.is_none() && it.began < (now - UNPROVEN).timestamp_micros();
            it.ended.is_some() || old
        };
        let settled: BTreeSet<String> = known.values().filter(settled).map(|it| it.id.clone()).collect();
        let first = recorded::entry(&mut reader, 0).await?.map_or(now, |entry| entry.at);
        // What others told is known here already, whether the forge can be asked or not.
        let mut new = self.weigh_told(&mut reader, (repository, read), &known, since.max(first)).await?;
        let ran = forge.ran(repository, &environments, since, &settled).await;
        let mut ran = ran.map_err(|fault| Unread::Forge(fault.to_string()))?;
        ran.sort_by(|a, b| (a.began, &a.id).cmp(&(b.began, &b.id)));
        let is_undecided = |it: &&Deployed| {
            let began = it.began.max(since.timestamp_micros());
            it.decision.is_none() && it.began == began && it.began >= first.timestamp_micros()
        };
        let by_forge = |it: &&Deployed| it.told.is_none();
        let mut undecided: Vec<Deployed> = known.values().filter(by_forge).filter(is_undecided).cloned().collect();
        if !ran.is_empty() {
            let openings = self.openings(&mut reader, repository, since).await?;
            // One decision can answer several runs of a commit, each once.
            let mut used: BTreeSet<(u64, Option<u64>)> =
                known.values().filter(by_forge).filter_map(|it| Some((it.decision?, it.run))).collect();
            for ran in ran {
                let before = known.get(&ran.id);
                let own = before.and_then(|it| it.decision);
                let fits = |it: &&Opening| it.lets(&ran) && !used.contains(&(it.entry, ran.run));
                // The last that there was by then: each attempt of a run is let in by a decision of its own.
                let opening = if own.is_none() { openings.iter().rev().find(fits) } else { None };
                let decision = own.or(opening.map(|it| it.entry));
                used.extend(decision.map(|it| (it, ran.run)));
                let is_found = before.is_none()
                    && decision.is_none()
                    && ran.began >= first
                    && is_formal(&read.policy, &ran.environment);
                let now = Self::row(repository, ran, decision);
                if before.is_some_and(|before| same(before, &now)) {
                    continue;
                }
                // What it leaves to be done comes first: whatever ends here in between is found again, as long as the outcome is
                // not written, and nothing is opened twice.
                if let (Some(decision), None) = (now.decision, before.and_then(|it| it.ended)) {
                    self.left_by_outcome(&mut reader, &now, decision).await?;
                }
                self.write(&now, is_found).await?;
                new += 1;
                if is_found {
                    undecided.push(now.clone());
                }
            }
        }
        for row in undecided.into_iter().filter(|it| it.run.is_some() && is_formal(&read.policy, &it.environment)) {
            self.to_import(repository, row);
        }
        reader.close().await?;
        lock(&self.ledger.read).insert(repository.to_owned());
        Ok(new)
    }

    /// A deployment that no decision let in is to be taken up.
    pub(super) fn to_import(&self, repository: &str, row: Deployed) {
        if lock(&self.ledger.put_off).get(&row.id).is_some_and(|(_, until)| *until > Instant::now()) {
            return;
        }
        let mut found = lock(&self.ledger.found);
        let is_there = found.iter().any(|(_, it)| it.id == row.id);
        if !is_there {
            found.push((repository.to_owned(), row));
        }
    }

    /// What others told of and could not be taken up is tried again later, and later each time.
    fn put_off(&self, row: &Deployed) {
        if row.told.is_none() {
            return;
        }
        let mut all = lock(&self.ledger.put_off);
        let (times, until) = all.entry(row.id.clone()).or_insert((0, Instant::now()));
        *until = Instant::now() + AGAIN.saturating_mul(1 << (*times).min(10)).min(LATEST);
        *times += 1;
    }

    /// The decisions that let runs of a repository go.
    async fn openings(
        &self,
        reader: &mut Reader,
        repository: &str,
        since: DateTime<Utc>,
    ) -> Result<Vec<Opening>, DatabaseFault> {
        let mut openings = Vec::new();
        for of in reader.let_go(H::NAME, repository, since.timestamp_micros()).await? {
            let left = reader.blob(of.body).await?.and_then(|bytes| serde_json::from_slice::<Left>(&bytes).ok());
            openings.extend(left.map(|left| Opening { entry: of.entry, at: of.at, left }));
        }
        // A grant that held let its run go when it was used, and is known since somebody told of that.
        for it in reader.granted(H::NAME, repository).await? {
            let Some((entry, run)) = it.decision.zip(it.used_by.parse().ok()) else { continue };
            let left = Left { run: Some(run), attempt: None, waits_at: Some(it.environment), commit: it.commit };
            openings.push(Opening { entry, at: it.used, left });
        }
        Ok(openings)
    }

    fn row(repository: &str, ran: Ran, decision: Option<u64>) -> Deployed {
        let ended = ran.ended.known().copied();
        let let_in = match (decision, &ran.let_in) {
            (None, Fact::Known(accounts)) => serde_json::to_string(accounts).ok(),
            (None, Fact::Absent | Fact::Unavailable(_)) | (Some(_), _) => None,
        };
        Deployed {
            forge: H::NAME.to_owned(),
            repository: repository.to_lowercase(),
            environment: ran.environment,
            id: ran.id,
            commit: ran.commit,
            run: ran.run,
            began: ran.began.timestamp_micros(),
            ended: ended.map(|(_, at)| at.timestamp_micros()),
            outcome: ended.map(|(outcome, _)| word(outcome).to_owned()),
            decision,
            let_in,
            told: None,
            found: false,
        }
    }

    pub(super) async fn write(&self, row: &Deployed, is_found: bool) -> Result<(), Unread> {
        let mut body = Value::Object(body(row));
        if let Some(body) = body.as_object_mut().filter(|_| is_found) {
            body.insert("finding".to_owned(), json!("without_decision"));
        }
        let once = Some(format!("deployment {}", sha256(body.to_string().as_bytes())));
        if is_found {
            self.say("deployment_without_decision", &body);
        } else {
            self.say("deployment_recorded", &body);
        }
        self.counts.deployment(match row.decision {
            Some(_) => "decided",
            None if is_found => "without_decision",
            None => "not_asked",
        });
        let body: Map<String, Value> = body.as_object().cloned().unwrap_or_default();
        let mut append = Happening { kind: Kind::Deployment, body, attached: Vec::new(), once }.append(self.now())?;
        append.changes.push(Change::Deployed(Box::new(Deployed { found: is_found, ..row.clone() })));
        self.sequencer.append(append).await.map_err(Failed::from)?;
        Ok(())
    }

    /// What went by a decision of the record; `None` where that is not kept any more.
    pub(super) async fn went(&self, reader: &mut Reader, decision: u64) -> Result<Option<Arc<Went>>, DatabaseFault> {
        self.ledger.past.went(reader, decision).await
    }
}

/// What an entry says of a deployment.
pub(super) fn body(row: &Deployed) -> Map<String, Value> {
    let state = row.outcome.as_deref().unwrap_or("began");
    let mut body = json!({
        "forge": row.forge, "repository": row.repository, "environment": row.environment, "deployment": row.id,
        "commit": row.commit, "run": row.run, "state": state, "began": row.began, "ended": row.ended,
        "decision": row.decision, "let_in": row.let_in,
    });
    if let (Some(told), Some(body)) = (&row.told, body.as_object_mut()) {
        let told = json!({ "told_by": told.by, "url": told.url, "digest": told.digest, "components": told.components });
        body.extend(told.as_object().cloned().unwrap_or_default());
    }
    body.as_object().cloned().unwrap_or_default()
}

/// Whether nothing was added to what is known of a deployment.
fn same(before: &Deployed, now: &Deployed) -> bool {
    (now.ended.is_none() || before.ended == now.ended)
        && (now.run.is_none() || before.run == now.run)
        && before.decision == now.decision
}
