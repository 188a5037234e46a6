//! Which decision of the record let a deployment in.
//!
//! An answer lets in what waits when it is given: a deployment that was made afterwards, as by a later attempt of the run, was
//! not let in by it, whether the answer was used or not. One answer lets in every job of its run that waits then. Where the
//! job itself asked, it had begun by then, and goes on by the answer.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;

use super::granted;
use crate::forge::Ran;
use crate::store::deployed::Deployed;
use crate::store::fault::Fault as DatabaseFault;
use crate::store::reader::Reader;

/// By how much the clocks may differ.
pub(super) const APART: TimeDelta = TimeDelta::minutes(1);

/// What left for a decision, as far as it says which deployment that lets in.
#[derive(Deserialize)]
pub(super) struct Left {
    pub(super) run: Option<u64>,
    pub(super) attempt: Option<u64>,
    pub(super) waits_at: Option<String>,
    pub(super) commit: String,
    /// Whether the job itself asked, and goes on by this answer.
    #[serde(default)]
    asked: bool,
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
    fn is_of(&self, ran: &Ran) -> bool {
        ran.run.is_some()
            && self.left.run == ran.run
            && self.left.waits_at.as_deref() == Some(ran.environment.as_str())
            && self.left.commit.eq_ignore_ascii_case(&ran.commit)
    }

    /// Whether it was given before the deployment was made, and by no more than clocks may differ.
    fn is_doubtful(&self, ran: &Ran) -> bool {
        let made = ran.made.timestamp_micros();
        self.at < made && self.at >= (ran.made - APART).timestamp_micros()
    }

    /// Whether it let a deployment in. `attempt` is that in which the run is now, `first` when the first began that it let
    /// in, in microseconds of the Unix time.
    fn lets(&self, ran: &Ran, attempt: Option<u64>, first: Option<i64>, now: DateTime<Utc>) -> bool {
        let made = ran.made.timestamp_micros();
        let waited = self.at >= made || self.is_doubtful(ran) && attempt.is_some() && self.left.attempt == attempt;
        let until = if self.left.asked { ran.ended.known().map_or(now, |(_, at)| *at) } else { ran.began };
        let in_time = self.at <= (until + APART).timestamp_micros();
        // Both by the forge's clock: what was made once another had begun did not wait beside it.
        let beside = first.is_none_or(|first| made <= first);
        self.is_of(ran) && waited && in_time && beside
    }
}

/// The decisions that let runs of a repository go, with what each let in.
pub(super) struct Openings {
    all: Vec<Opening>,
    /// When the first deployment began that a decision let in for a run, microseconds of the Unix time.
    first: BTreeMap<(u64, Option<u64>), i64>,
}

impl Openings {
    /// Those since an instant; `known` is what the record has of deployments.
    pub(super) async fn read(
        reader: &mut Reader,
        (forge, repository): (&str, &str),
        since: DateTime<Utc>,
        known: impl Iterator<Item = &Deployed>,
    ) -> Result<Self, DatabaseFault> {
        let mut all = Vec::new();
        for of in reader.let_go(forge, repository, since.timestamp_micros()).await? {
            let left = reader.blob(of.body).await?.and_then(|bytes| serde_json::from_slice::<Left>(&bytes).ok());
            all.extend(left.map(|left| Opening { entry: of.entry, at: of.at, left }));
        }
        // A grant that held let its run go when its job used it, and is known since somebody told of that.
        for it in reader.granted(forge, repository).await? {
            let Some((entry, run)) = it.decision.zip(granted::number(&it.used_by)) else { continue };
            let (waits_at, commit) = (Some(it.environment), it.commit);
            let left = Left { run: Some(run), attempt: None, waits_at, commit, asked: true };
            all.push(Opening { entry, at: it.used, left });
        }
        let mut openings = Self { all, first: BTreeMap::new() };
        for row in known {
            if let Some(decision) = row.decision {
                openings.used(decision, row.run, row.began);
            }
        }
        Ok(openings)
    }

    fn used(&mut self, decision: u64, run: Option<u64>, began: i64) {
        let first = self.first.entry((decision, run)).or_insert(began);
        *first = began.min(*first);
    }

    /// Whether it has to be known in which attempt the run is now, to tell what let a deployment in.
    pub(super) fn is_doubtful(&self, ran: &Ran) -> bool {
        self.all.iter().any(|it| it.is_of(ran) && it.is_doubtful(ran))
    }

    /// The decision that let a deployment in, the last where there are several.
    pub(super) fn take(&mut self, ran: &Ran, attempt: Option<u64>, now: DateTime<Utc>) -> Option<u64> {
        let first = |it: &Opening| self.first.get(&(it.entry, ran.run)).copied();
        let found = self.all.iter().rev().find(|it| it.lets(ran, attempt, first(it), now))?.entry;
        self.used(found, ran.run, ran.began.timestamp_micros());
        Some(found)
    }
}
