//! Evidence that jobs submit: each file is an entry with the job's claims, once, and its bytes are kept.
//!
//! What a job submits is of its own run, attempt and commit, as its token has them. Which verdict its step came to is not
//! asked: the files are read again where a release is decided ([`super::evidence`]).

use std::time::Instant;

use chrono::Utc;
use serde_json::{Map, Value, json};

use super::Desk;
use crate::flow::append::{Failed, Happening, staged};
use crate::flow::submission::{FILES, Listed, Manifest, OF_A_RUN, TOTAL, Taken, Wrong};
use crate::forge::Hub;
use crate::forge::job::{Job, Unknown};
use crate::log::entry::Kind;
use crate::log::receipt::sha256;
use crate::log::tree::Hash;
use crate::store::annex::Annex;
use crate::store::change::Change;
use crate::store::fault::Fault as DatabaseFault;
use crate::store::submitted::Submitted;

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
    /// It cannot be recorded now.
    #[error("{0}")]
    Failed(#[from] Failed),
    /// The record could not be read.
    #[error("the record could not be read: {0}")]
    Record(#[from] DatabaseFault),
}

impl<H: Hub> Desk<H> {
    /// The job that a token proves.
    pub async fn job(&self, token: &str) -> Result<Job, Unknown> {
        self.hub().job(token, Utc::now()).await
    }

    /// Says which files are wanted. Those whose bytes the repository has submitted before are recorded of this job.
    pub async fn wanted(&self, job: &Job, manifest: &Manifest) -> Result<Taken, NotSubmitted> {
        of_its_run(job, manifest)?;
        let mut reader = self.reader().await?;
        let mut taken = Taken::default();
        let mut had = Vec::new();
        for listed in &manifest.files {
            let digest = Hash::parse(&listed.sha256).ok_or_else(|| Wrong::Digest(listed.sha256.clone()))?;
            // That somebody else has a file is not to be found out by its digest.
            let known = !reader.submitted_as(H::NAME, &job.repository, digest).await?.is_empty();
            let bytes = if known { reader.blob(digest).await? } else { None };
            match bytes {
                Some(bytes) => {
                    had.push((listed, bytes));
                    self.keep(job, std::mem::take(&mut had), &mut taken).await?;
                }
                None if taken.wanted.contains(&listed.sha256) => {}
                None => taken.wanted.push(listed.sha256.clone()),
            }
        }
        reader.close().await?;
        self.submitted(job, &taken);
        Ok(taken)
    }

    /// Takes files with their bytes.
    pub async fn submit(&self, job: &Job, manifest: &Manifest, bytes: &[u8]) -> Result<Taken, NotSubmitted> {
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
        self.submitted(job, &taken);
        Ok(taken)
    }

    /// Writes files down, each once. When this comes back they are durable.
    async fn keep(&self, job: &Job, files: Vec<(&Listed, Vec<u8>)>, taken: &mut Taken) -> Result<(), NotSubmitted> {
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
            let mut append = happening.append(Utc::now())?;
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

    fn submitted(&self, job: &Job, taken: &Taken) {
        if taken.recorded > 0 {
            // A deployment may wait for it.
            self.docket().happened(Some(&job.repository), None, true, Instant::now());
            self.to_decide.notify_one();
        }
        let fields = json!({ "repository": job.repository, "run": job.run, "attempt": job.attempt, "commit": job.commit,
            "recorded": taken.recorded, "before": taken.before, "wanted": taken.wanted.len() });
        self.say("evidence_submitted", &fields);
    }
}

fn of_its_run(job: &Job, manifest: &Manifest) -> Result<(), NotSubmitted> {
    manifest.check()?;
    let Manifest { run, attempt, commit, .. } = manifest.clone();
    if run == job.run && attempt == job.attempt && commit.eq_ignore_ascii_case(&job.commit) {
        return Ok(());
    }
    Err(NotSubmitted::OtherRun { run, attempt, commit: commit.chars().take(64).collect() })
}

/// The entry of one file: whose it is, and what.
fn entry(forge: &str, job: &Job, listed: &Listed, bytes: Vec<u8>) -> Result<(Happening, Submitted), NotSubmitted> {
    let digest = Hash::parse(&listed.sha256).ok_or_else(|| Wrong::Digest(listed.sha256.clone()))?;
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
    say("path", listed.path.as_str().into());
    say("claims", Value::Object(job.claims.clone()));
    let who = sha256(Value::Object(job.claims.clone()).to_string().as_bytes());
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
