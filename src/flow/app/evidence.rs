//! The evidence of a release that waits: what the jobs of the very runs that wait submitted of its commit, in the attempt
//! that waits. What another run, attempt or commit brought stays in the record, and does not count.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use chrono::Utc;

use super::Desk;
use super::docket::Case;
use super::policy::Read;
use crate::flow::statements;
use crate::flow::submitted::{self, Found, Laid};
use crate::forge::{Forge as _, Hub, Waiting};
use crate::log::tree::Hash;
use crate::model::facts::{Fact, Facts, GateEvidence};
use crate::model::report::digest;
use crate::policy::Policy;
use crate::policy::gate::Gate;
use crate::store::fault::Fault as DatabaseFault;
use crate::store::reader::Reader;
use crate::store::submitted::Submitted;

/// Why the evidence of a release is not known.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unread {
    #[error("the record could not be read: {0}")]
    Record(#[from] DatabaseFault),
    #[error("the forge could not be asked: {0}")]
    Forge(String),
    #[error("this machine has no room to lay it out: {0}")]
    Room(#[from] io::Error),
    #[error("`{0}` was submitted, and its bytes are not kept any more; run the job again")]
    Gone(String),
    #[error("it could not be read to the end; please report it")]
    Broken(#[from] tokio::task::JoinError),
}

/// Whether a gate reads a file, or the statement beside one.
fn reads(gate: &Gate, path: &str) -> bool {
    gate.files.matches(path) || statements::belongs(&gate.files, path)
}

async fn laid(reader: &mut Reader, files: &[Submitted]) -> Result<Laid, Unread> {
    let mut laid = Laid::new()?;
    for file in files {
        let bytes = reader.blob(file.digest).await?.ok_or_else(|| Unread::Gone(file.path.clone()))?;
        laid.add(file, &bytes)?;
    }
    Ok(laid)
}

impl<H: Hub> Desk<H> {
    /// Adds to the facts what was submitted. `is_first` is whether nothing ran in the environment before.
    pub(super) async fn with_evidence(
        &self,
        forge: &H::Forge,
        reader: &mut Reader,
        read: &Read,
        case: &Case,
        mut facts: Facts,
        is_first: bool,
    ) -> Result<Facts, Unread> {
        if !self.settings.submissions {
            return Ok(facts);
        }
        let policy = read.policy.clone();
        let files = self.of_the_runs(forge, reader, &policy, case).await?;
        let before = if is_first { BTreeMap::new() } else { self.of_the_last(reader, &policy, &facts).await? };
        let found = Found { runs: case.runs.clone(), files: laid(reader, &files).await?, before };
        let asked = facts.clone();
        let read = tokio::task::spawn_blocking(move || submitted::read(&policy, &asked, &found, Utc::now())).await?;
        facts.evidence.extend(read.into_iter().filter(|(name, found)| !found.is_absent() || !self.knows(name)));
        Ok(facts)
    }

    /// Whether the settings state the evidence of a gate.
    fn knows(&self, name: &str) -> bool {
        let stated = self.settings.known.as_ref().and_then(|known| known.get("evidence")?.get(name));
        stated.is_some()
    }

    /// The files of the runs that wait, of the attempt in which they do.
    async fn of_the_runs(
        &self,
        forge: &H::Forge,
        reader: &mut Reader,
        policy: &Policy,
        case: &Case,
    ) -> Result<Vec<Submitted>, Unread> {
        let (repository, environment) = (&case.key.repository, &case.key.environment);
        let gates: Vec<&Gate> = submitted::asking(policy, environment).collect();
        let mut files = Vec::new();
        for run in &case.runs {
            let rows = reader.submitted(H::NAME, repository, *run).await?;
            if rows.is_empty() {
                continue;
            }
            let waiting = Waiting { repository: repository.clone(), run: *run, environment: environment.clone() };
            let attempt = forge.attempt(&waiting).await.map_err(|fault| Unread::Forge(fault.to_string()))?;
            let mut seen = BTreeSet::new();
            files.extend(rows.into_iter().filter(|row| {
                row.attempt == attempt
                    && row.commit.eq_ignore_ascii_case(&case.key.commit)
                    && gates.iter().any(|gate| reads(gate, &row.path))
                    && seen.insert((row.path.clone(), row.digest.0, row.pipeline.clone()))
            }));
        }
        Ok(files)
    }

    /// What the last release that was let go here was judged by, for each gate that is compared with it.
    async fn of_the_last(
        &self,
        reader: &mut Reader,
        policy: &Policy,
        facts: &Facts,
    ) -> Result<BTreeMap<String, Fact<Laid>>, Unread> {
        let release = &facts.release;
        let gates: Vec<&Gate> =
            submitted::asking(policy, &release.environment).filter(|gate| submitted::compares(gate)).collect();
        let mut found = BTreeMap::new();
        if gates.is_empty() {
            return Ok(found);
        }
        let last = self.last(reader, facts).await?;
        for gate in gates {
            let name = submitted::key(policy, gate);
            let stated = last.as_ref().and_then(|last| last.evidence.get(&name)).and_then(Fact::known);
            let laid = match stated {
                Some(stated) => self.again(reader, gate, &release.repository, stated).await?,
                None => None,
            };
            let none = "the record has no reports of the last release for this gate; state what it measured in the \
                        document of `--with`";
            found.insert(name, laid.map_or_else(|| Fact::Unavailable(none.into()), Fact::Known));
        }
        Ok(found)
    }

    /// The facts of the last release that was let go here, but for this one.
    async fn last(&self, reader: &mut Reader, facts: &Facts) -> Result<Option<Facts>, Unread> {
        let release = &facts.release;
        for opening in reader.openings(H::NAME, &release.repository, &release.environment).await? {
            let read = reader.blob(opening.facts).await?.and_then(|bytes| Facts::read(&bytes).ok());
            // What cannot be read may be the last one.
            let Some(read) = read else { return Ok(None) };
            if !read.release.commit.eq_ignore_ascii_case(&release.commit) {
                return Ok(Some(read));
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
            let Some(file) = called.into_iter().find(|it| gate.files.matches(&it.path)) else { return Ok(None) };
            let Some(bytes) = reader.blob(hash).await? else { return Ok(None) };
            laid.add(&Submitted { run: 0, ..file }, &bytes)?;
        }
        Ok((!stated.digests.is_empty()).then_some(laid))
    }
}
