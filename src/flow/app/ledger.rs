//! What was deployed, as the record keeps it: each deployment that began in an environment of the policy, which decision
//! let it in, and how it ended.
//!
//! How it went is the forge's own word for the job that deployed, and nobody's who may push. Which decision let it in is
//! the record's ([`super::openings`]). What no decision let in where people have to approve is a finding. Where nothing of
//! ours waits, a job can ask by itself whether it may go on: it is given a little while for that, and is found when that is over;
//! what has not asked when it ends, or within an hour, is taken up, as is what asked later than that and ended. What asked in time,
//! was told that it may not, and ended, is taken up by nobody. That it went nowhere is its own word alone, so that is a finding all
//! the same. What was recorded stays when the forge forgets it, and a deployment that the forge forgot before it ended counts as one
//! that failed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use serde_json::{Map, Value, json};
use tokio::sync::Notify;

use super::drift::Held;
use super::lock::lock;
use super::openings::{self, Openings};
use super::past::{Past, Went};
use super::policy::Read;
use super::told::Settled;
use super::undecided::{self, MAY_ASK, Undecided};
use super::{Desk, granted, imported, policy};
use crate::flow::append::{Failed, Happening};
use crate::flow::recorded;
use crate::forge::{Forge as _, Hub, Ran, Waiting};
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
/// For how long the forge must not have listed a deployment that is taken for gone: a list can lag behind.
const GONE: Duration = Duration::from_secs(5);
/// How many attempts of a run are looked through for a job that asked, or how many jobs of it: the forge makes no more attempts,
/// and no more of its jobs are heard.
pub(super) const ATTEMPTS: u64 = 100;
/// How many environments are read.
pub(super) const ENVIRONMENTS: usize = 50;
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
    /// Since when each deployment is not listed any more that has not ended.
    gone: Mutex<BTreeMap<String, Instant>>,
    /// What may still ask whether it may go on, or asked and waits, with when that is to be looked at again.
    asking: Mutex<BTreeMap<String, Asking>>,
    pub(super) past: Past,
    pub(super) held: Held,
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

/// A deployment whose job may ask.
#[derive(Debug)]
struct Asking {
    repository: String,
    /// When its time to ask is over; `None` where it asked.
    until: Option<Instant>,
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

/// Under which key it is recorded that a job of an environment asked whether its run may go on there. Older records say nothing
/// of the attempt.
pub(super) fn asked(forge: &str, repository: &str, environment: &str, run: u64, attempt: Option<u64>) -> String {
    let repository = repository.to_lowercase();
    let of = match attempt {
        Some(attempt) => json!([forge, repository, environment, run, attempt]),
        None => json!([forge, repository, environment, run]),
    };
    format!("deployment asked {of}")
}

/// All keys under which it may be recorded that jobs of a run asked.
pub(super) fn asked_of(forge: &str, repository: &str, environment: &str, run: u64) -> Vec<String> {
    let key = |attempt| asked(forge, repository, environment, run, attempt);
    std::iter::once(None).chain((1..=ATTEMPTS).map(Some)).map(key).collect()
}

/// What is to be seen in a deployment that no decision let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// It went without one.
    WithoutDecision,
    /// It was told to wait, and ended.
    EndedAfterHold,
    /// It was let in when it began, and ended so much later that it would not be any more.
    EndedLate,
}

impl Finding {
    fn word(self) -> &'static str {
        match self {
            Self::WithoutDecision => "without_decision",
            Self::EndedAfterHold => "ended_after_hold",
            Self::EndedLate => "ended_late",
        }
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
                self.until_marked().await;
                continue;
            }
            let mut failed = false;
            for repository in marked {
                match self.enter(&repository).await {
                    // Without a policy nobody asks what was deployed; the sweep comes back to it.
                    Ok(0) | Err(Unread::Policy(_)) => {}
                    Ok(_) => {
                        self.docket().happened(Some(&repository), None, true, Instant::now());
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
            let mut found = std::mem::take(&mut *lock(&self.ledger.found));
            // What the forge knows comes first: what its job told of itself is the same.
            found.sort_by_key(|(_, it)| it.told.is_some());
            for (repository, row) in found {
                match self.import(&repository, &row).await {
                    Ok(false) => {}
                    Ok(true) => {
                        // What it left is owed from now on, and its changes are the next release's.
                        self.docket().happened(Some(&repository), None, true, Instant::now());
                        self.to_decide.notify_one();
                        // What its job told of itself waited for this.
                        self.account(&repository);
                    }
                    Err(why) => {
                        self.put_off(&row);
                        failed = true;
                        let fields = json!({ "repository": repository, "run": row.run, "fault": why.to_string() });
                        self.say("deployment_not_imported", &fields);
                        lock(&self.ledger.marked).insert(repository);
                    }
                }
            }
            if failed {
                tokio::time::sleep(AGAIN.min(self.settings.sweep)).await;
            }
        }
    }

    /// Waits until a repository is to be read again: it was marked, or the time of a job is over that might have asked.
    async fn until_marked(&self) {
        let next = lock(&self.ledger.asking).values().filter_map(|it| it.until).min();
        let Some(next) = next else { return self.ledger.wake.notified().await };
        if tokio::time::timeout_at(next.into(), self.ledger.wake.notified()).await.is_ok() {
            return;
        }
        let over: Vec<String> = lock(&self.ledger.asking)
            .values_mut()
            .filter(|it| it.until.is_some_and(|until| until <= Instant::now()))
            .map(|it| {
                it.until = None;
                it.repository.clone()
            })
            .collect();
        lock(&self.ledger.marked).extend(over);
    }

    async fn enter(&self, repository: &str) -> Result<usize, Unread> {
        let forge = self.hub.of(repository).await.map_err(|fault| Unread::Forge(fault.to_string()))?;
        let read = self.policy(&forge, repository).await?;
        self.heard.signed_by(repository, granted::keys(&read));
        let new = self.entered(&forge, repository, &read).await?;
        if let Err(why) = self.note_incidents(repository, &read.policy.rules).await {
            self.say("incidents_unread", &json!({ "repository": repository, "fault": why.to_string() }));
        }
        self.watch_over(&forge, repository, &read).await?;
        if let Err(why) = self.remind(repository, &read).await {
            self.say("reminders_unsent", &json!({ "repository": repository, "fault": why }));
        }
        if let Err(why) = self.keep_owed(repository, &read).await {
            self.say("record_unkept", &json!({ "repository": repository, "fault": why.to_string() }));
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
    pub(super) async fn entered(&self, forge: &H::Forge, repository: &str, read: &Read) -> Result<usize, Unread> {
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
        // A forge counts in whole seconds.
        let first = recorded::entry(&mut reader, 0).await?.map_or(now, |entry| entry.at).trunc_subsecs(0);
        // What others told is known here already, whether the forge can be asked or not.
        let mut new = self.weigh_told(&mut reader, (repository, read), &known, since.max(first)).await?;
        let ran = forge.ran(repository, &environments, since, &settled).await;
        let mut ran = ran.map_err(|fault| Unread::Forge(fault.to_string()))?;
        ran.sort_by(|a, b| (a.began, &a.id).cmp(&(b.began, &b.id)));
        let by_forge = |it: &&Deployed| it.told.is_none();
        let listed: BTreeSet<String> = ran.iter().map(|it| it.id.clone()).collect();
        let mut rows = self.gone(&known, &listed, &environments, now);
        if !ran.is_empty() {
            let mut openings =
                Openings::read(&mut reader, (H::NAME, repository), since, known.values().filter(by_forge)).await?;
            for ran in ran {
                let mut decision = known.get(&ran.id).and_then(|it| it.decision);
                if decision.is_none() {
                    let attempt = self.attempt(forge, repository, &ran, &openings).await?;
                    decision = openings.take(&ran, attempt, now);
                }
                rows.push(Self::row(repository, ran, decision));
            }
        }
        let anew: BTreeSet<String> = rows.iter().map(|it| it.id.clone()).collect();
        let is_first = !lock(&self.ledger.read).contains(repository);
        let from = since.max(first).timestamp_micros();
        let is_wanted = |it: &Deployed| it.decision.is_none() && it.began >= from;
        let is_wanted = |it: &Deployed| is_wanted(it) && is_formal(&read.policy, &it.environment);
        let before = known.values().filter(by_forge).filter(|it| !anew.contains(&it.id) && is_wanted(it)).cloned();
        for mut row in before.chain(rows) {
            let before = known.get(&row.id);
            let judged = if is_wanted(&row) { Some(self.not_let_in(&mut reader, &row, now).await?) } else { None };
            if judged == Some(Undecided::Stopped) {
                row.outcome = row.outcome.map(|_| word(Outcome::Cancelled).to_owned());
            }
            let is_late = judged == Some(Undecided::Late);
            let is_past = is_late || judged == Some(Undecided::Past);
            let asked = self.asks(&row, judged);
            let was_found = before.is_some_and(|before| before.found);
            let mut is_found = is_past && !was_found && (before.is_none() || asked);
            // Whoever was started since does not know what was waited for.
            if is_past && is_first && !is_found && row.run.is_some() && !was_found {
                is_found = !reader.is_recorded(&imported::once(H::NAME, &row)).await?;
            }
            let has_ended_now = before.and_then(|it| it.ended).is_none() && row.ended.is_some();
            let finding = if is_found {
                Some(Finding::WithoutDecision)
            } else if judged == Some(Undecided::Stopped) && has_ended_now {
                Some(Finding::EndedAfterHold)
            } else {
                None
            };
            if is_past && !is_late && row.run.is_some() {
                self.to_import(repository, row.clone());
            }
            if !is_found && before.is_some_and(|before| same(before, &row)) {
                continue;
            }
            // What it leaves to be done comes first: whatever ends here in between is found again, as long as the outcome is
            // not written, and nothing is opened twice.
            if has_ended_now {
                let decision = match row.decision {
                    None => imported::decision(&mut reader, H::NAME, &row).await?,
                    own => own,
                };
                if let Some(decision) = decision {
                    self.left_by_outcome(&mut reader, &row, decision).await?;
                }
            }
            self.write(&row, finding).await?;
            new += 1;
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
        found.retain(|(_, it)| it.id != row.id);
        found.push((repository.to_owned(), row));
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

    /// In which attempt the run of a deployment is now, where that has to be known.
    async fn attempt(
        &self,
        forge: &H::Forge,
        repository: &str,
        ran: &Ran,
        openings: &Openings,
    ) -> Result<Option<u64>, Unread> {
        let Some(run) = ran.run.filter(|_| openings.is_doubtful(ran)) else { return Ok(None) };
        let waiting = Waiting { repository: repository.to_owned(), run, environment: ran.environment.clone() };
        let started = forge.started(&waiting).await.map_err(|fault| Unread::Forge(fault.to_string()))?;
        Ok(started.map(|started| started.attempt))
    }

    /// What ran and had not ended, and that the forge does not list any more: somebody took it out of the list, and how it
    /// went is not to be learned any more. It failed, as far as anybody can show.
    fn gone(
        &self,
        known: &BTreeMap<String, Deployed>,
        listed: &BTreeSet<String>,
        environments: &[String],
        now: DateTime<Utc>,
    ) -> Vec<Deployed> {
        let mut gone = lock(&self.ledger.gone);
        gone.retain(|id, _| !listed.contains(id));
        let lost = |it: &&Deployed| {
            it.told.is_none()
                && it.run.is_some()
                && it.ended.is_none()
                && environments.contains(&it.environment)
                && !listed.contains(&it.id)
        };
        let mut found = Vec::new();
        for row in known.values().filter(lost) {
            let since = *gone.entry(row.id.clone()).or_insert_with(Instant::now);
            if since.elapsed() >= GONE {
                self.say(
                    "deployment_gone",
                    &json!({ "repository": row.repository, "environment": row.environment, "deployment": row.id,
                        "run": row.run, "commit": row.commit }),
                );
                let outcome = Some(word(Outcome::Failed).to_owned());
                found.push(Deployed { ended: Some(now.timestamp_micros()), outcome, ..row.clone() });
            }
        }
        found
    }

    /// What is to be made of a deployment that no decision let in.
    async fn not_let_in(
        &self,
        reader: &mut Reader,
        row: &Deployed,
        now: DateTime<Utc>,
    ) -> Result<Undecided, DatabaseFault> {
        let Some(run) = row.run else { return Ok(Undecided::Past) };
        // Whom somebody let in at the forge waited for us, or for others, and need not ask.
        if row.let_in.as_deref() != Some("[]") {
            return Ok(Undecided::Past);
        }
        let asked = if row.outcome.as_deref() == Some(word(Outcome::Succeeded)) {
            None
        } else {
            Self::job_asked_at(reader, row, run).await?
        };
        Ok(undecided::of_job(row, asked, now))
    }

    /// When the job that a deployment is asked first, and not one of the same run before it or after; microseconds of the Unix
    /// time, `None` where it did not.
    async fn job_asked_at(reader: &mut Reader, row: &Deployed, run: u64) -> Result<Option<i64>, DatabaseFault> {
        let apart = openings::APART;
        for number in reader.recorded_under(&asked_of(H::NAME, &row.repository, &row.environment, run)).await? {
            let Some(entry) = recorded::entry(reader, number).await? else { continue };
            let after = (entry.at + apart).timestamp_micros() >= row.began;
            let before = row.ended.is_none_or(|ended| (entry.at - apart).timestamp_micros() <= ended);
            if after && before {
                return Ok(Some(entry.at.timestamp_micros()));
            }
        }
        Ok(None)
    }

    /// Keeps in mind whether a deployment may ask; says whether it might have until now.
    pub(super) fn asks(&self, row: &Deployed, judged: Option<Undecided>) -> bool {
        let mut asking = lock(&self.ledger.asking);
        if judged != Some(Undecided::Asks) {
            return asking.remove(&row.id).is_some();
        }
        let repository = row.repository.clone();
        let until = MAY_ASK.to_std().ok().map(|it| Instant::now() + it);
        asking.entry(row.id.clone()).or_insert(Asking { repository, until });
        false
    }

    fn row(repository: &str, ran: Ran, decision: Option<u64>) -> Deployed {
        let ended = ran.ended.known().copied();
        let let_in = match (decision, &ran.let_in) {
            (None, Fact::Known(let_in)) => serde_json::to_string(let_in).ok(),
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

    pub(super) async fn write(&self, row: &Deployed, finding: Option<Finding>) -> Result<(), Unread> {
        let mut body = Value::Object(body(row));
        if let (Some(finding), Some(body)) = (finding, body.as_object_mut()) {
            body.insert("finding".to_owned(), json!(finding.word()));
        }
        let once = Some(format!("deployment {}", sha256(body.to_string().as_bytes())));
        let event = match finding {
            Some(Finding::WithoutDecision) => "deployment_without_decision",
            Some(Finding::EndedAfterHold) => "deployment_ended_after_hold",
            Some(Finding::EndedLate) => "deployment_ended_late",
            None => "deployment_recorded",
        };
        self.say(event, &body);
        self.counts.deployment(match row.decision {
            Some(_) => "decided",
            None => finding.map_or("not_asked", Finding::word),
        });
        let body: Map<String, Value> = body.as_object().cloned().unwrap_or_default();
        let mut append = Happening { kind: Kind::Deployment, body, attached: Vec::new(), once }.append(self.now())?;
        append.changes.push(Change::Deployed(Box::new(Deployed { found: finding.is_some(), ..row.clone() })));
        self.sequencer.append(append).await.map_err(Failed::from)?;
        self.settings.desks.happened(H::NAME, &row.repository);
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
