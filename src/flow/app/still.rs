//! Which runs of a release still wait, in which attempt, which answers they would take, and what they were told: asked of the forge, and of the record where
//! only that knows.

use std::time::Instant;

use super::docket::{Case, Key};
use super::fresh::MOMENT;
use super::ruling::{Attempts, Undecided, shown};
use super::{Desk, before};
use crate::forge::{Forge as _, Hub, Started, Takes, Waiting};
use crate::model::facts::Facts;
use crate::store::change::Stream;
use crate::store::fault::Fault;
use crate::store::reader::Reader;

/// The runs of a case.
pub(super) struct Alike {
    /// Those that are decided together, each with its attempt.
    pub(super) attempts: Attempts,
    /// Those that wait beside them.
    pub(super) others: Vec<u64>,
    /// Whether one is known to wait that was thought to.
    pub(super) waits: bool,
}

/// The runs of a case, as the forge has them now. What is known of a release is asked by its first run: who started it, from
/// where, and who reviewed it there.
pub(super) async fn alike<H: Hub>(forge: &H::Forge, case: &Case) -> Result<Alike, Undecided> {
    let (mut attempts, mut others, mut waits) = (Attempts::new(), Vec::new(), false);
    let mut first = None;
    for run in &case.runs {
        let Key { repository, environment, .. } = case.key.clone();
        let waiting = Waiting { repository, run: *run, environment };
        let started = forge.started(&waiting).await.map_err(|fault| Undecided::Forge(fault.to_string()))?;
        // A run that is gone, or is of another commit, is not decided by what is known of this one. The commit of a job
        // that asks is signed by the forge, and none of its runs waits for an answer.
        let is_here = |started: &Started| case.asked.is_some() || started.is_of(&case.key.commit);
        let Some(started) = started.filter(is_here) else { continue };
        let now = started.attempt;
        waits |= started.waits;
        if let Some(asks) = case.asked.filter(|asks| H::STARTS_AGAIN_WHOLE && asks.attempt != now) {
            return Err(Undecided::OtherAttempt { run: *run, asked: asks.attempt, now });
        }
        if started.is_like(first.get_or_insert_with(|| started.clone())) {
            attempts.insert(*run, now);
        } else {
            others.push(*run);
        }
    }
    if attempts.is_empty() && !case.runs.is_empty() {
        return Err(Undecided::NoneOfIt);
    }
    Ok(Alike { attempts, others, waits })
}

impl<H: Hub> Desk<H> {
    /// The runs of a case, and whether any of them waits. A delivery can be old: of a run that waits nowhere, and of one of which
    /// other jobs are at work, it is asked what waits. That a run waits and no decision has opened its environment is enough
    /// otherwise; where somebody let it past meanwhile the forge takes no answer any more.
    pub(super) async fn those_that_wait(
        &self,
        forge: &H::Forge,
        case: &Case,
    ) -> (Result<Option<Takes>, Undecided>, Result<Alike, Undecided>) {
        let alike = alike::<H>(forge, case).await;
        let is_known = case.asked.is_some() || alike.as_ref().is_ok_and(|it| it.waits);
        (if is_known { Ok(Some(Takes::ANY)) } else { self.takes(forge, case).await }, alike)
    }

    /// Whether a release may have got its answer since it was found to wait: from here, or by a decision that is no hold.
    pub(super) async fn may_be_answered(&self, reader: &mut Reader, key: &Key, facts: &Facts) -> Result<bool, Fault> {
        let stream = Stream {
            forge: H::NAME.to_owned(),
            repository: facts.release.repository.clone(),
            release: facts.release.name.clone(),
            environment: facts.release.environment.clone(),
        };
        let waits_here = self.docket().keys().contains(key);
        Ok(!waits_here || reader.latest(&stream).await?.is_some_and(|last| last.ruling != "hold"))
    }

    /// Whether a release that was told before that it is held still waits; notes in which attempt its runs still are. One that
    /// was told nothing yet was just found to wait, and is seldom answered at once.
    pub(super) async fn once_more(
        &self,
        forge: &H::Forge,
        case: &Case,
        attempts: &Attempts,
    ) -> Result<Option<Takes>, Undecided> {
        if case.asked.is_some() || case.told.is_none() {
            return Ok(Some(Takes::ANY));
        }
        let began = Instant::now();
        let (waits, alike) = self.those_that_wait(forge, case).await;
        if alike.is_ok_and(|now| now.attempts == *attempts) {
            self.fresh.seen(&case.key.repository, attempts, began);
        }
        waits
    }

    /// Reads the facts of a release, and whether it still waits that was told before that it is held. What was asked when the
    /// decision began is as good as what is asked now, where that is a moment ago and nothing was heard since.
    pub(super) async fn with_those_that_wait<T>(
        &self,
        facts: impl Future<Output = T>,
        (forge, case): (&H::Forge, &Case),
        (attempts, waited, began): (&Attempts, bool, Instant),
    ) -> (T, Result<Option<Takes>, Undecided>) {
        let mut facts = std::pin::pin!(facts);
        if waited && case.told.is_some() && case.asked.is_none() {
            self.fresh.seen(&case.key.repository, attempts, began);
            let left = MOMENT.saturating_sub(began.elapsed());
            if let Ok(facts) = tokio::time::timeout(left, &mut facts).await {
                let holds = self.fresh.holds(&case.key.repository, attempts);
                let waits = if holds { Ok(Some(Takes::ANY)) } else { self.once_more(forge, case, attempts).await };
                return (facts, waits);
            }
        }
        tokio::join!(facts, self.once_more(forge, case, attempts))
    }

    /// Which answers any of the runs of a release would take; `None` where none of them waits.
    pub(super) async fn takes(&self, forge: &H::Forge, case: &Case) -> Result<Option<Takes>, Undecided> {
        let mut found: Option<Takes> = None;
        for run in &case.runs {
            let Key { repository, environment, .. } = case.key.clone();
            let waiting = Waiting { repository, run: *run, environment };
            let takes = forge.waits(&waiting).await.map_err(|fault| Undecided::Forge(fault.to_string()))?;
            found = found.into_iter().chain(takes).reduce(Takes::or);
            if found == Some(Takes::ANY) {
                break;
            }
        }
        Ok(found)
    }

    /// What the runs of a release were told last. Whoever was started since has only the record to know it from.
    pub(super) async fn runs_told(&self, case: &Case, stream: &Stream) -> Result<Option<String>, Fault> {
        if case.asked.is_some() || case.told.is_some() {
            return Ok(case.told.clone());
        }
        let mut reader = self.reader().await?;
        let told = before::told(&mut reader, stream, &case.runs).await?;
        reader.close().await?;
        Ok(told.map(|told| shown(&told)))
    }
}
