//! Which changes are to be looked at, and when. Pure: instants come in.
//!
//! A repository is read as a whole: its open changes and what was written on them are two lists, however many changes
//! there are. Which of them are looked at follows from what was heard of each, from what the lists say has changed since,
//! and from age.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

/// How long is waited for more of the same.
const GATHER: Duration = Duration::from_secs(1);
/// How long after a change was looked at it is not looked at again, whatever is heard of it. What people write is answered
/// all the same.
const RESTS: Duration = Duration::from_secs(5);
/// How long is waited after something that may concern every change, and how long at least between two such rounds.
const SETTLES: Duration = Duration::from_secs(10);
const BETWEEN: Duration = Duration::from_mins(1);
/// How soon is looked again for what was not known yet, and after a repository could not be read.
const AGAIN: Duration = Duration::from_secs(3);
const AFTER_FAULT: Duration = Duration::from_secs(30);
/// How old what is shown of a change may be: who is in a group changes without any word of it.
const AGE: Duration = Duration::from_mins(30);

/// What is to be looked at in a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// The repository.
    pub repository: String,
    /// The changes that something was heard of.
    pub heard: BTreeSet<u64>,
    /// Whether all of them are to be looked at.
    pub all: bool,
}

#[derive(Clone, Debug, Default)]
struct Open {
    heard: BTreeSet<u64>,
    /// When all changes are to be looked at, and when they were.
    all: Option<Instant>,
    all_at: Option<Instant>,
    due: Option<Instant>,
}

/// When a change was looked at, and as what.
#[derive(Clone, Debug)]
struct Looked {
    commit: String,
    changed_at: DateTime<Utc>,
    at: Instant,
}

/// The repositories with changes.
#[derive(Debug, Default)]
pub struct Book {
    repositories: BTreeMap<String, Open>,
    looked: BTreeMap<(String, u64), Looked>,
}

impl Open {
    fn by(&mut self, instant: Instant) {
        self.due = Some(self.due.map_or(instant, |due| due.min(instant)));
    }
}

impl Book {
    /// Something happened to a change.
    pub fn heard(&mut self, repository: &str, number: u64, now: Instant) {
        let open = self.repositories.entry(repository.to_owned()).or_default();
        open.heard.insert(number);
        open.by(now + GATHER);
    }

    /// Something happened that may concern every change of a repository, or of all.
    pub fn stirred(&mut self, repository: Option<&str>, now: Instant) {
        for (name, open) in &mut self.repositories {
            if repository.is_none_or(|it| name.eq_ignore_ascii_case(it)) {
                let settled = now + SETTLES;
                let at = open.all_at.map_or(settled, |before| settled.max(before + BETWEEN));
                let at = *open.all.get_or_insert(at);
                open.by(at);
            }
        }
    }

    /// A repository was read without having been told to: what its lists say is looked at.
    pub fn swept(&mut self, repository: &str, now: Instant) {
        self.repositories.entry(repository.to_owned()).or_default().by(now);
    }

    /// What was not known yet, or could not be said, is looked at again soon.
    pub fn again(&mut self, repository: &str, number: u64, now: Instant) {
        let open = self.repositories.entry(repository.to_owned()).or_default();
        open.heard.insert(number);
        open.by(now + AGAIN);
    }

    /// A repository could not be read: what was to be looked at still is.
    pub fn failed(&mut self, round: Round, now: Instant) {
        let open = self.repositories.entry(round.repository).or_default();
        open.heard.extend(round.heard);
        if round.all {
            open.all.get_or_insert(now + AFTER_FAULT);
        }
        open.due = Some(now + AFTER_FAULT);
    }

    /// The repository that is to be looked at next, if one is now.
    pub fn take(&mut self, now: Instant) -> Option<Round> {
        let ready = self.repositories.iter_mut().filter(|(_, open)| open.due.is_some_and(|due| due <= now));
        let (repository, open) = ready.min_by_key(|(_, open)| open.due)?;
        let all = open.all.is_some_and(|at| at <= now);
        if all {
            open.all = None;
            open.all_at = Some(now);
        }
        open.due = open.all;
        Some(Round { repository: repository.clone(), heard: std::mem::take(&mut open.heard), all })
    }

    /// Whether a change is to be looked at in a round. One that was looked at just now with this head is, when it has rested.
    pub fn is_due(
        &mut self,
        round: &Round,
        number: u64,
        commit: &str,
        changed_at: DateTime<Utc>,
        now: Instant,
    ) -> bool {
        let looked = self.looked.get(&(round.repository.clone(), number));
        let same = looked.is_some_and(|it| {
            it.commit == commit && it.changed_at == changed_at && now.saturating_duration_since(it.at) < AGE
        });
        if !(round.all || round.heard.contains(&number) || !same) {
            return false;
        }
        let rested = looked.filter(|it| it.commit == commit && !round.all).map(|it| it.at + RESTS);
        let Some(rested) = rested.filter(|rested| *rested > now) else { return true };
        let open = self.repositories.entry(round.repository.clone()).or_default();
        open.heard.insert(number);
        open.by(rested);
        false
    }

    /// Whether a change became another since it was looked at, or was never looked at and changed since an instant: somebody
    /// may have reviewed it.
    #[must_use]
    pub fn is_other(&self, repository: &str, number: u64, changed_at: DateTime<Utc>, since: DateTime<Utc>) -> bool {
        match self.looked.get(&(repository.to_owned(), number)) {
            Some(looked) => looked.changed_at != changed_at,
            None => changed_at >= since,
        }
    }

    /// A change was looked at.
    pub fn looked(&mut self, repository: &str, number: u64, commit: &str, changed_at: DateTime<Utc>, at: Instant) {
        let looked = Looked { commit: commit.to_owned(), changed_at, at };
        self.looked.insert((repository.to_owned(), number), looked);
    }

    /// These are the open changes of a repository: what is known of others is forgotten.
    pub fn only(&mut self, repository: &str, open: &BTreeSet<u64>) {
        self.looked.retain(|(of, number), _| of != repository || open.contains(number));
    }

    /// When something is to be looked at next.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.repositories.values().filter_map(|open| open.due).min()
    }
}
