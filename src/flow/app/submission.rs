//! Evidence that jobs submit: each file is an entry with the job's claims, once, and its bytes are kept. A job closes its
//! submission by one more entry that lists all of its files; none of them counts before.
//!
//! What a job submits is of its own run, attempt and commit, as its token has them. Which verdict its step came to is not
//! asked: the files are read again where a release is decided ([`super::evidence`]).

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Instant;

use serde_json::{Map, Value, json};
use tokio::sync::{Mutex, MutexGuard};

use super::Desk;
use crate::flow::append::{Failed, Happening, staged};
use crate::flow::submission::{CLOSED, FILES, Listed, Manifest, OF_A_RUN, TOTAL, Taken, Wrong};
use crate::forge::Hub;
use crate::forge::job::Job;
use crate::log::entry::Kind;
use crate::log::receipt::sha256;
use crate::log::tree::Hash;
use crate::store::annex::Annex;
use crate::store::change::Change;
use crate::store::fault::Fault as DatabaseFault;
use crate::store::submitted::{Closed, Submitted};

/// How many bytes that the record has are read together.
const TOGETHER: u64 = 8 << 20;
/// How many turns there are.
const TURNS: usize = 64;

/// Turns of those who submit: what an attempt has submitted is counted, and added to, by one at a time. Attempts that share
/// one wait for each other, and nothing grows with them.
#[derive(Debug)]
pub(super) struct Turns(Vec<Mutex<()>>);

impl Default for Turns {
    fn default() -> Self {
        Self((0..TURNS).map(|_| Mutex::default()).collect())
    }
}

impl Turns {
    async fn of(&self, job: &Job) -> Option<MutexGuard<'_, ()>> {
        let mut hasher = DefaultHasher::new();
        (job.repository.to_lowercase(), job.run, job.attempt).hash(&mut hasher);
        let turn = usize::try_from(hasher.finish() % TURNS as u64).ok().and_then(|at| self.0.get(at))?;
        Some(turn.lock().await)
    }
}

/// Why a submission was not taken.
#[derive(Debug, thiserror::Error)]
pub enum NotSubmitted {
    /// It was made for another run than that of the token.
    #[error(
        "it was made for attempt {attempt} of run {run} at {commit}, and the token is of another; submit in the job itself"
    )]
    OtherRun {
        /// The run that it names.
        run: u64,
        /// The attempt that it names.
        attempt: u64,
        /// The commit that it names.
        commit: String,
    },
    /// Something in it has not its form.
    #[error("{0}")]
    Wrong(#[from] Wrong),
    /// The bytes are not those that it lists.
    #[error("`{0}` has other bytes than its digest says; it was altered, or changed while it was sent")]
    Altered(String),
    /// There are more or fewer bytes than it lists.
    #[error("it has {found} bytes of files, where its manifest lists {listed}")]
    Length {
        /// How many came.
        found: u64,
        /// How many were listed.
        listed: u64,
    },
    /// It is too much.
    #[error(
        "one submission has at most {TOTAL} bytes and {FILES} files, and one attempt of a run at most {} bytes and {} files",
        OF_A_RUN.1, OF_A_RUN.0
    )]
    Much,
    /// It is closed, and lists what this job has not submitted.
    #[error("it lists `{0}`, which was not submitted in this attempt by this pipeline; submit it, then close it")]
    Lacks(String),
    /// Too much is closed.
    #[error("one attempt of a run closes at most {} submissions, of {} files together", CLOSED.0, CLOSED.1)]
    MuchClosed,
    /// It cannot be recorded now.
    #[error("{0}")]
    Failed(#[from] Failed),
    /// The record could not be read.
    #[error("the record could not be read: {0}")]
    Record(#[from] DatabaseFault),
}

impl<H: Hub> Desk<H> {
    /// Says which files are wanted. Those whose bytes the repository has submitted before are recorded of this job.
    pub async fn wanted(&self, job: &Job, manifest: &Manifest) -> Result<Taken, NotSubmitted> {
        manifest.check()?;
        of_its_run(job, manifest)?;
        let mut reader = self.reader().await?;
        let mut taken = Taken::default();
        let (mut had, mut held) = (Vec::new(), 0_u64);
        for listed in &manifest.files {
            let digest = Hash::parse(&listed.sha256).ok_or_else(|| Wrong::Digest(listed.sha256.clone()))?;
            // That somebody else has a file is not to be found out by its digest.
            let known = !reader.submitted_as(H::NAME, &job.repository, digest).await?.is_empty();
            let bytes = if known { reader.blob(digest).await? } else { None };
            match bytes {
                // What is counted against a run is what is there, and not what somebody says that it has.
                Some(bytes) if bytes.len() as u64 != listed.size => {
                    return Err(NotSubmitted::Altered(listed.path.clone()));
                }
                Some(bytes) => {
                    held = held.saturating_add(listed.size);
                    had.push((listed, bytes));
                    if held >= TOGETHER {
                        held = 0;
                        self.keep(job, std::mem::take(&mut had), &mut taken).await?;
                    }
                }
                None if taken.wanted.contains(&listed.sha256) => {}
                None => taken.wanted.push(listed.sha256.clone()),
            }
        }
        reader.close().await?;
        self.keep(job, had, &mut taken).await?;
        self.submitted("evidence_submitted", job, &taken);
        Ok(taken)
    }

    /// Takes files with their bytes.
    pub async fn submit(&self, job: &Job, manifest: &Manifest, bytes: &[u8]) -> Result<Taken, NotSubmitted> {
        manifest.check()?;
        of_its_run(job, manifest)?;
        let listed: u64 = manifest.files.iter().fold(0, |sum, file| sum.saturating_add(file.size));
        if listed > TOTAL {
            return Err(NotSubmitted::Much);
        }
        if listed != bytes.len() as u64 {
            return Err(NotSubmitted::Length { found: bytes.len() as u64, listed });
        }
        let mut files = Vec::new();
        let mut rest = bytes;
        for listed in &manifest.files {
            let size = usize::try_from(listed.size).unwrap_or(usize::MAX);
            let (file, after) = rest.split_at_checked(size).ok_or(NotSubmitted::Much)?;
            if sha256(file) != listed.sha256 {
                return Err(NotSubmitted::Altered(listed.path.clone()));
            }
            files.push((listed, file.to_vec()));
            rest = after;
        }
        let mut taken = Taken::default();
        self.keep(job, files, &mut taken).await?;
        self.submitted("evidence_submitted", job, &taken);
        Ok(taken)
    }

    /// Closes a submission: the manifest lists all of its files, and from now on they count.
    pub async fn close(&self, job: &Job, mut manifest: Manifest) -> Result<Taken, NotSubmitted> {
        manifest.check_whole()?;
        of_its_run(job, &manifest)?;
        // The same files in another order are the same.
        manifest.files.sort_by(|one, other| (&one.path, &one.sha256).cmp(&(&other.path, &other.sha256)));
        manifest.files.dedup();
        manifest.commit = job.commit.clone();
        let _turn = self.turns.of(job).await;
        let mut reader = self.reader().await?;
        let there = reader.submitted(H::NAME, &job.repository, job.run).await?;
        let closed = reader.closed(H::NAME, &job.repository, job.run).await?;
        reader.close().await?;
        let there = there.into_iter().filter(|it| it.attempt == job.attempt && it.pipeline == job.pipeline);
        let there: BTreeSet<(String, String, u64)> =
            there.map(|it| (it.path, it.digest.to_string(), it.size)).collect();
        let lacking = manifest.files.iter().find(|it| !there.contains(&(it.path.clone(), it.sha256.clone(), it.size)));
        if let Some(listed) = lacking {
            return Err(NotSubmitted::Lacks(listed.path.clone()));
        }
        let (happening, list) = closing(H::NAME, job, &manifest)?;
        let before: Vec<&Closed> =
            closed.iter().filter(|it| it.attempt == job.attempt && it.list != list.list).collect();
        let files = before.iter().fold(list.files, |sum, it| sum.saturating_add(it.files));
        if before.len() >= CLOSED.0 || files > CLOSED.1 {
            return Err(NotSubmitted::MuchClosed);
        }
        let mut append = happening.append(self.now())?;
        append.changes.push(Change::Closed(Box::new(list)));
        let annex = self.settings.folder.as_deref().map(Annex::folder);
        let appends = vec![append];
        staged(annex.as_ref(), &appends).await?;
        let answer = self.sequencer.append_all(appends).await.pop();
        // It may be durable although nobody could say so: whoever waits looks for himself.
        self.docket().happened(Some(&job.repository), None, true, Instant::now());
        self.to_decide.notify_one();
        let files = manifest.files.len() as u64;
        let taken = match answer {
            Some(Ok(appended)) if appended.before => Taken { before: files, ..Taken::default() },
            Some(Ok(_)) => Taken { recorded: files, ..Taken::default() },
            Some(Err(failed)) => return Err(Failed::from(failed).into()),
            None => return Err(DatabaseFault::Stopped.into()),
        };
        self.submitted("evidence_closed", job, &taken);
        Ok(taken)
    }

    /// Writes files down, each once. When this comes back they are durable.
    async fn keep(&self, job: &Job, files: Vec<(&Listed, Vec<u8>)>, taken: &mut Taken) -> Result<(), NotSubmitted> {
        let _turn = self.turns.of(job).await;
        let mut reader = self.reader().await?;
        let before = reader.submitted(H::NAME, &job.repository, job.run).await?;
        reader.close().await?;
        let of_this = || before.iter().filter(|it| it.attempt == job.attempt);
        let bytes = files.iter().map(|(listed, _)| listed.size).chain(of_this().map(|it| it.size));
        if of_this().count() + files.len() > OF_A_RUN.0 || bytes.fold(0, u64::saturating_add) > OF_A_RUN.1 {
            return Err(NotSubmitted::Much);
        }
        let mut appends = Vec::new();
        for (listed, bytes) in files {
            let (happening, submitted) = entry(H::NAME, job, listed, bytes)?;
            let mut append = happening.append(self.now())?;
            append.changes.push(Change::Submitted(Box::new(submitted)));
            appends.push(append);
        }
        let annex = self.settings.folder.as_deref().map(Annex::folder);
        staged(annex.as_ref(), &appends).await?;
        for answer in self.sequencer.append_all(appends).await {
            let appended = answer.map_err(Failed::from)?;
            *if appended.before { &mut taken.before } else { &mut taken.recorded } += 1;
        }
        Ok(())
    }

    fn submitted(&self, event: &str, job: &Job, taken: &Taken) {
        let fields = json!({ "repository": job.repository, "run": job.run, "attempt": job.attempt, "commit": job.commit,
            "recorded": taken.recorded, "before": taken.before, "wanted": taken.wanted.len() });
        self.say(event, &fields);
    }
}

fn of_its_run(job: &Job, manifest: &Manifest) -> Result<(), NotSubmitted> {
    let Manifest { run, attempt, commit, .. } = manifest;
    if *run == job.run && *attempt == job.attempt && commit.eq_ignore_ascii_case(&job.commit) {
        return Ok(());
    }
    Err(NotSubmitted::OtherRun { run: *run, attempt: *attempt, commit: commit.chars().take(64).collect() })
}

/// What an entry says of the job whose it is.
fn of_a_job(forge: &str, job: &Job) -> Map<String, Value> {
    let mut body = Map::new();
    let mut say = |name: &str, value: Value| drop(body.insert(name.to_owned(), value));
    say("forge", forge.into());
    say("repository", job.repository.as_str().into());
    say("run", job.run.into());
    say("attempt", job.attempt.into());
    say("commit", job.commit.as_str().into());
    say("reference", job.reference.as_str().into());
    say("pipeline", job.pipeline.as_str().into());
    if let Some(environment) = &job.environment {
        say("environment", environment.as_str().into());
    }
    say("claims", Value::Object(job.claims.clone()));
    body
}

/// The digest of a job's claims: whoever it is, without a word that he could choose.
fn who(job: &Job) -> String {
    sha256(Value::Object(job.claims.clone()).to_string().as_bytes())
}

/// The entry that closes a submission: whose it is, and the list of its files.
fn closing(forge: &str, job: &Job, manifest: &Manifest) -> Result<(Happening, Closed), NotSubmitted> {
    let list = serde_json::to_vec(manifest).map_err(|_| NotSubmitted::Much)?;
    let digest = sha256(&list);
    let files = manifest.files.len() as u64;
    let mut body = of_a_job(forge, job);
    body.insert("closes".to_owned(), files.into());
    let once = json!([forge, job.repository.to_lowercase(), job.run, job.attempt, digest, who(job)]);
    let closed = Closed {
        forge: forge.to_owned(),
        repository: job.repository.clone(),
        run: job.run,
        attempt: job.attempt,
        commit: job.commit.clone(),
        pipeline: job.pipeline.clone(),
        list: Hash::parse(&digest).ok_or(Wrong::Digest(digest))?,
        files,
    };
    let attached = vec![("manifest.json".to_owned(), list)];
    Ok((Happening { kind: Kind::Evidence, body, attached, once: Some(format!("evidence closed {once}")) }, closed))
}

/// The entry of one file: whose it is, and what.
fn entry(forge: &str, job: &Job, listed: &Listed, bytes: Vec<u8>) -> Result<(Happening, Submitted), NotSubmitted> {
    let digest = Hash::parse(&listed.sha256).ok_or_else(|| Wrong::Digest(listed.sha256.clone()))?;
    let mut body = of_a_job(forge, job);
    body.insert("path".to_owned(), listed.path.as_str().into());
    let who = who(job);
    let once = json!([forge, job.repository.to_lowercase(), job.run, job.attempt, listed.path, listed.sha256, who]);
    let submitted = Submitted {
        forge: forge.to_owned(),
        repository: job.repository.clone(),
        run: job.run,
        attempt: job.attempt,
        commit: job.commit.clone(),
        pipeline: job.pipeline.clone(),
        path: listed.path.clone(),
        digest,
        size: listed.size,
    };
    let attached = vec![(listed.path.clone(), bytes)];
    Ok((Happening { kind: Kind::Evidence, body, attached, once: Some(format!("evidence {once}")) }, submitted))
}
