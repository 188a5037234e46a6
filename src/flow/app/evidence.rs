//! The evidence of a release that waits: what the jobs of the very runs that wait submitted of its commit, in the attempt
//! that waits, in submissions that they have closed. What another run, attempt or commit brought stays in the record, and does
//! not count; what a job has begun to submit and not closed holds the gates that would read it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::json;

use super::docket::{Case, Key};
use super::policy::Read;
use super::ruling::Attempts;
use super::scanned::{self, Before};
use super::{Desk, history};
use crate::flow::submission::Manifest;
use crate::flow::submitted::{self, Found, Lacking, Laid};
use crate::forge::Hub;
use crate::log::receipt::{listed, sha256};
use crate::log::tree::Hash;
use crate::model::facts::{Fact, Facts, GateEvidence, Release};
use crate::model::report::digest;
use crate::policy::Policy;
use crate::policy::gate::Gate;
use crate::store::deployed::Deployed;
use crate::store::fault::Fault as DatabaseFault;
use crate::store::reader::Reader;
use crate::store::submitted::Submitted;

/// The attempt of a run that is not started again as a whole, as its jobs' tokens say it.
const WHOLE: u64 = 1;

/// Why the evidence of a release is not known.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unread {
    #[error("the record could not be read: {0}")]
    Record(#[from] DatabaseFault),
    #[error("this machine has no room to lay it out: {0}")]
    Room(#[from] io::Error),
    #[error("`{0}` was submitted, and its bytes are not kept any more; run the job again")]
    Gone(String),
    #[error("the list that closed a submission of run {0} is not kept any more, or cannot be read; run the job again")]
    NoList(u64),
    #[error("it could not be read to the end; please report it")]
    Broken(#[from] tokio::task::JoinError),
}

/// How many releases' evidence is remembered.
const REMEMBERED: usize = 64;

/// Evidence that was read, by everything that it was read from: bytes do not change, and are not read again for each look.
#[derive(Debug, Default)]
pub(super) struct Remembered(Mutex<BTreeMap<String, Stated>>);

type Stated = BTreeMap<String, Fact<GateEvidence>>;

impl Remembered {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Stated>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, asked: &str) -> Option<Stated> {
        self.lock().get(asked).cloned()
    }

    fn put(&self, asked: String, read: Stated) {
        let mut known = self.lock();
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(asked, read);
    }
}

/// What the runs that wait have submitted.
#[derive(Default)]
struct Brought {
    /// The files that count.
    files: Vec<Submitted>,
    /// Those that a job has begun to submit, and not closed.
    open: Vec<Submitted>,
    /// Those of earlier attempts.
    earlier: Vec<Submitted>,
}

/// What evidence is read from: the policy, the release and its files, and the facts of the last one.
fn asked(
    case: &Case,
    attempts: &Attempts,
    read: &Read,
    facts: &Facts,
    brought: &Brought,
    last: (bool, Option<Hash>),
) -> String {
    let of = |files: &[Submitted]| {
        let of = |it: &Submitted| json!([it.run, it.attempt, it.path, it.digest.to_string(), it.pipeline]);
        files.iter().map(of).collect::<Vec<_>>()
    };
    let files = [&brought.files, &brought.open, &brought.earlier].map(|files| of(files));
    let last = (last.0, last.1.map(|digest| digest.to_string()));
    let key = &case.key;
    let release = (&key.repository, &key.environment, &key.commit, attempts, &facts.release.components);
    sha256(json!([listed(&read.layers), release, files, last]).to_string().as_bytes())
}

/// The files that the closed submissions of an attempt list: which pipeline's, by path and digest.
async fn whole(
    reader: &mut Reader,
    forge: &str,
    key: &Key,
    run: u64,
    attempt: u64,
) -> Result<BTreeSet<(String, String, [u8; 32])>, Unread> {
    let mut whole = BTreeSet::new();
    for closed in reader.closed(forge, &key.repository, run).await? {
        if closed.attempt != attempt || !closed.commit.eq_ignore_ascii_case(&key.commit) {
            continue;
        }
        let list = reader.blob(closed.list).await?.and_then(|bytes| serde_json::from_slice::<Manifest>(&bytes).ok());
        for listed in list.ok_or(Unread::NoList(run))?.files {
            let digest = Hash::parse(&listed.sha256).ok_or(Unread::NoList(run))?;
            whole.insert((closed.pipeline.clone(), listed.path, digest.0));
        }
    }
    Ok(whole)
}

async fn laid(reader: &mut Reader, files: &[Submitted]) -> Result<Laid, Unread> {
    let mut laid = Laid::new()?;
    for file in files {
        let bytes = reader.blob(file.digest).await?.ok_or_else(|| Unread::Gone(file.path.clone()))?;
        laid.add(file, &bytes)?;
    }
    Ok(laid)
}

/// Of which attempts of their runs what was submitted counts.
fn submitted_in<H: Hub>(attempts: &Attempts) -> Attempts {
    attempts.iter().map(|(run, attempt)| (*run, if H::STARTS_AGAIN_WHOLE { *attempt } else { WHOLE })).collect()
}

impl<H: Hub> Desk<H> {
    /// Adds to the facts what was submitted. `is_first` is whether nothing ran in the environment before.
    pub(super) async fn with_evidence(
        &self,
        reader: &mut Reader,
        read: &Read,
        (case, attempts): (&Case, &Attempts),
        mut facts: Facts,
        is_first: bool,
    ) -> Result<Facts, Unread> {
        if !self.settings.submissions {
            return Ok(facts);
        }
        let (policy, attempts) = (&read.policy, &submitted_in::<H>(attempts));
        let brought = self.of_the_runs(reader, policy, case, attempts).await?;
        let compares = submitted::asking(policy, &case.key.environment).any(submitted::compares);
        let last = if is_first || !compares { None } else { self.last(reader, &facts).await? };
        let asked = asked(case, attempts, read, &facts, &brought, (is_first, last.as_ref().map(|(digest, _)| *digest)));
        let read = if let Some(known) = self.evidence.get(&asked) {
            known
        } else {
            let last = last.map(|(_, facts)| facts);
            let before =
                if is_first { BTreeMap::new() } else { self.of_the_last(reader, policy, &facts, last).await? };
            let files = laid(reader, &brought.files).await?;
            let Brought { open, earlier, .. } = brought;
            let lacking = Lacking { open, earlier, attempts: attempts.clone() };
            let found = Found { runs: case.runs.clone(), files, before, lacking };
            let (policy, release) = (policy.clone(), facts.clone());
            let now = self.now();
            let work = move || submitted::read(&policy, &release, &found, now);
            let read = tokio::task::spawn_blocking(work).await?;
            // What could not be read can be the next time.
            if read.values().all(submitted::lasts) {
                self.evidence.put(asked, read.clone());
            }
            read
        };
        facts.evidence.extend(read.into_iter().filter(|(name, found)| !found.is_absent() || !self.knows(name)));
        Ok(facts)
    }

    /// Adds to the facts what the evidence says of what goes and what runs. `shown` is what runs by the forge.
    pub(super) async fn with_scans(
        &self,
        reader: &mut Reader,
        policy: &Policy,
        (shown, is_first): (&Fact<String>, bool),
        facts: &mut Facts,
    ) -> Result<(), Unread> {
        if !self.settings.submissions || !scanned::is_asked(policy, &facts.release.environment) {
            return Ok(());
        }
        let last = if is_first { None } else { self.last(reader, facts).await?.map(|(_, facts)| facts) };
        let runs = |last: &Facts| shown.known().is_some_and(|it| it.eq_ignore_ascii_case(&last.release.commit));
        let of_another = match &last {
            Some(last) => Self::told_of_another(reader, &facts.release, &last.release).await?,
            None => false,
        };
        let before = match &last {
            _ if is_first => Before::Nothing,
            // The forge shows its own last job, whatever another deployer has brought there since.
            Some(_) if of_another => {
                Before::Unknown("another deployer told of something else since, and what runs is not known")
            }
            Some(last) if runs(last) => Before::Last(last),
            Some(_) => Before::Unknown("what runs now is not what was let go last, and was not scanned"),
            None => Before::Unknown("what was let go last is not known"),
        };
        scanned::add(policy, facts, &before, self.now());
        Ok(())
    }

    /// Whether somebody told of a deployment of something else after what was let go last went: neither the forge nor what was
    /// let go says what runs then.
    async fn told_of_another(reader: &mut Reader, release: &Release, last: &Release) -> Result<bool, Unread> {
        let is_last = |it: &Deployed| it.commit.eq_ignore_ascii_case(&last.commit);
        let at = |it: &Deployed| it.ended_from().unwrap_or_default().max(it.counts_from());
        let mut here = history::once(reader.deployed(H::NAME, &release.repository).await?);
        here.retain(|it| it.environment == release.environment && it.is_proven());
        let went = here.iter().filter(|it| is_last(it)).map(at).max();
        let went = went.unwrap_or_else(|| last.submitted_at.timestamp_micros());
        Ok(here.iter().any(|it| it.told.is_some() && !is_last(it) && at(it) >= went))
    }

    /// Whether the settings state the evidence of a gate.
    fn knows(&self, name: &str) -> bool {
        let stated = self.settings.known.as_ref().and_then(|known| known.get("evidence")?.get(name));
        stated.is_some()
    }

    /// The files of the runs that wait, by what they come to in the attempts in which they do.
    async fn of_the_runs(
        &self,
        reader: &mut Reader,
        policy: &Policy,
        case: &Case,
        attempts: &Attempts,
    ) -> Result<Brought, Unread> {
        let (repository, environment) = (&case.key.repository, &case.key.environment);
        let gates: Vec<&Gate> = submitted::asking(policy, environment).collect();
        let mut brought = Brought::default();
        for (run, attempt) in attempts {
            // First what was closed: what is closed meanwhile is found the next time.
            let whole = whole(reader, H::NAME, &case.key, *run, *attempt).await?;
            let mut seen = BTreeSet::new();
            for row in reader.submitted(H::NAME, repository, *run).await? {
                let is_wanted = row.attempt <= *attempt
                    && row.commit.eq_ignore_ascii_case(&case.key.commit)
                    && gates.iter().any(|gate| submitted::reads(gate, &row.path));
                if !is_wanted || !seen.insert((row.attempt, row.path.clone(), row.digest.0, row.pipeline.clone())) {
                    continue;
                }
                let is_whole = || whole.contains(&(row.pipeline.clone(), row.path.clone(), row.digest.0));
                let into = if row.attempt != *attempt {
                    &mut brought.earlier
                } else if is_whole() {
                    &mut brought.files
                } else {
                    &mut brought.open
                };
                into.push(row);
            }
        }
        Ok(brought)
    }

    /// What the last release that was let go here was judged by, for each gate that is compared with it.
    async fn of_the_last(
        &self,
        reader: &mut Reader,
        policy: &Policy,
        facts: &Facts,
        last: Option<Facts>,
    ) -> Result<BTreeMap<String, Fact<Laid>>, Unread> {
        let release = &facts.release;
        let gates: Vec<&Gate> =
            submitted::asking(policy, &release.environment).filter(|gate| submitted::compares(gate)).collect();
        let mut found = BTreeMap::new();
        for gate in gates {
            let name = submitted::key(policy, gate);
            let stated = last.as_ref().and_then(|last| last.evidence.get(&name)).and_then(Fact::known);
            let laid = match stated {
                Some(stated) => self.again(reader, gate, &release.repository, stated).await?,
                None => None,
            };
            found.insert(name, laid.map_or_else(|| Fact::Unavailable(submitted::NO_BASELINE.into()), Fact::Known));
        }
        Ok(found)
    }

    /// The facts of the last release that was let go here, but for this one, with their digest.
    async fn last(&self, reader: &mut Reader, facts: &Facts) -> Result<Option<(Hash, Facts)>, Unread> {
        let release = &facts.release;
        for opening in reader.openings(H::NAME, &release.repository, &release.environment).await? {
            let read = reader.blob(opening.facts).await?.and_then(|bytes| Facts::read(&bytes).ok());
            // What cannot be read may be the last one.
            let Some(read) = read else { return Ok(None) };
            if !read.release.commit.eq_ignore_ascii_case(&release.commit) {
                return Ok(Some((opening.facts, read)));
            }
        }
        Ok(None)
    }

    /// The reports that evidence was read from, whole; `None` where one is not kept, or was not submitted.
    async fn again(
        &self,
        reader: &mut Reader,
        gate: &Gate,
        repository: &str,
        stated: &GateEvidence,
    ) -> Result<Option<Laid>, Unread> {
        let mut laid = Laid::new()?;
        for text in &stated.digests {
            let Some(hash) = digest(text).as_deref().and_then(Hash::parse) else { return Ok(None) };
            let called = reader.submitted_as(H::NAME, repository, hash).await?;
            let Some(file) = called.into_iter().find(|it| submitted::reads(gate, &it.path)) else { return Ok(None) };
            let Some(bytes) = reader.blob(hash).await? else { return Ok(None) };
            laid.add(&Submitted { run: 0, ..file }, &bytes)?;
        }
        Ok((!stated.digests.is_empty()).then_some(laid))
    }
}
