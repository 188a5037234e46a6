//! Which releases wait, and which of them are to be decided now. Pure: instants come in.
//!
//! Whatever comes while a release is looked at, or shortly before, is answered by the one decision that follows: many
//! deliveries, one reading.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::store::change::{Sent, Stream};

/// How long is waited for more of the same, where nobody's deployment hangs on it.
const GATHER: Duration = Duration::from_millis(500);
/// How long at most, however much keeps coming.
const LONGEST: Duration = Duration::from_secs(3);
/// How long is waited after a release could not be decided, at first and at most.
const AGAIN: (Duration, Duration) = (Duration::from_secs(2), Duration::from_mins(2));

/// A release that waits: a commit before an environment, by the forge's own names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The repository.
    pub repository: String,
    /// The environment.
    pub environment: String,
    /// The commit.
    pub commit: String,
}

/// What is known of one.
#[derive(Clone, Debug, Default)]
struct Open {
    /// The pipeline's runs that wait.
    runs: BTreeSet<u64>,
    /// The deliveries that no decision answers yet.
    answers: Vec<Sent>,
    /// When the first of what is not answered came.
    since: Option<Instant>,
    /// When it is to be decided.
    due: Option<Instant>,
    /// Whether somebody decides it now.
    busy: bool,
    /// How often in a row it could not be decided.
    failures: u32,
    /// What the runs were told last.
    told: Option<(String, BTreeSet<u64>)>,
    /// What it is called in the record.
    stream: Option<Stream>,
    /// The instant of a timer that was heeded.
    woken: Option<i64>,
}

/// What is to be decided now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Which release.
    pub key: Key,
    /// The runs that wait.
    pub runs: Vec<u64>,
    /// The deliveries that it answers.
    pub answers: Vec<Sent>,
    /// What these runs were told last.
    pub told: Option<String>,
    /// How often in a row it could not be decided.
    pub failures: u32,
    /// The job that asks, where one does; nothing need wait for the answer.
    pub asked: Option<Asks>,
}

/// A job that asks for a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asks {
    /// In which attempt of its run it does.
    pub attempt: u64,
    /// Whether it is the environment's own, and so goes on into it where it is told that it may.
    pub enters: bool,
}

/// A release that waits, as others see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waits {
    /// What it is called in the record; `None` where it was not decided since it is known to wait.
    pub stream: Option<Stream>,
    /// Whether it could not be decided when it was looked at last.
    pub is_undecided: bool,
}

/// The releases that wait.
#[derive(Debug, Default)]
pub struct Docket(BTreeMap<Key, Open>);

impl Open {
    fn soon(&mut self, now: Instant, urgent: bool) {
        let since = *self.since.get_or_insert(now);
        let wait = if urgent { Duration::ZERO } else { GATHER };
        let due = (now + wait).min(since + LONGEST);
        // Something urgent does not wait for what is not; more of the same puts it off.
        self.due = Some(match self.due {
            Some(before) if urgent || before <= now => before.min(due),
            Some(_) | None => due,
        });
    }
}

impl Docket {
    /// A run waits. Says whether that is new.
    pub fn waits(&mut self, key: Key, run: u64, by: Option<Sent>, now: Instant) -> bool {
        let open = self.0.entry(key).or_default();
        let new = open.runs.insert(run);
        open.answers.extend(by);
        if new || !open.answers.is_empty() {
            open.soon(now, true);
        }
        new
    }

    /// Something happened in a repository, or in all: every release of it that waits is looked at again. Says how many.
    pub fn happened(&mut self, repository: Option<&str>, by: Option<&Sent>, urgent: bool, now: Instant) -> usize {
        let mut found = 0;
        for (key, open) in &mut self.0 {
            if repository.is_none_or(|name| key.repository.eq_ignore_ascii_case(name)) {
                open.answers.extend(by.cloned());
                open.soon(now, urgent);
                found += 1;
            }
        }
        found
    }

    /// The instant of a timer has come. It is heeded once.
    pub fn woken(&mut self, stream: &Stream, instant: i64, now: Instant) {
        let found = self.0.values_mut().find(|open| open.stream.as_ref() == Some(stream));
        if let Some(open) = found.filter(|open| open.woken != Some(instant)) {
            open.woken = Some(instant);
            open.soon(now, true);
        }
    }

    /// What is to be decided now, so many at most. Nobody else gets it until it is decided.
    pub fn take(&mut self, now: Instant, most: usize) -> Vec<Case> {
        let mut ready: Vec<(Instant, &Key)> = self
            .0
            .iter()
            .filter(|(_, open)| !open.busy)
            .filter_map(|(key, open)| Some((open.due.filter(|due| *due <= now)?, key)))
            .collect();
        ready.sort();
        let keys: Vec<Key> = ready.into_iter().take(most).map(|(_, key)| key.clone()).collect();
        let mut cases = Vec::new();
        for key in keys {
            let Some(open) = self.0.get_mut(&key) else { continue };
            open.busy = true;
            open.due = None;
            open.since = None;
            let told = open.told.as_ref().filter(|(_, runs)| *runs == open.runs).map(|(text, _)| text.clone());
            cases.push(Case {
                runs: open.runs.iter().copied().collect(),
                answers: std::mem::take(&mut open.answers),
                told,
                failures: open.failures,
                asked: None,
                key,
            });
        }
        cases
    }

    /// It was decided, and its runs are told that. Says whether it was not before, or not when it was looked at last.
    pub fn decided(&mut self, case: &Case, stream: Stream, says: String) -> bool {
        let Some(open) = self.0.get_mut(&case.key) else { return false };
        let first = open.stream.is_none() || open.failures > 0;
        open.busy = false;
        open.failures = 0;
        open.told = Some((says, case.runs.iter().copied().collect()));
        open.stream = Some(stream);
        first
    }

    /// Somebody else's question was answered by a newer decision. What its runs would still have been told is the last word no
    /// longer, so they are told anew.
    pub fn overtaken(&mut self, key: &Key, now: Instant) {
        if let Some(open) = self.0.get_mut(key) {
            open.told = None;
            open.soon(now, true);
        }
    }

    /// It could not be decided, and its runs are told why, or nothing: it is tried again, and what it would have answered is still to
    /// be answered.
    pub fn failed(&mut self, case: Case, says: Option<String>, now: Instant) {
        if let Some(open) = self.0.get_mut(&case.key) {
            open.busy = false;
            open.told = says.map(|says| (says, case.runs.iter().copied().collect()));
            let mut answers = case.answers;
            answers.append(&mut open.answers);
            open.answers = answers;
            let wait = AGAIN.0.saturating_mul(2_u32.saturating_pow(open.failures.min(8))).min(AGAIN.1);
            open.failures = open.failures.saturating_add(1);
            let due = now + wait;
            open.due = Some(open.due.map_or(due, |before| before.min(due)));
        }
    }

    /// None of its runs waits any longer, and so nobody decides it.
    pub fn gone(&mut self, case: &Case) {
        self.0.remove(&case.key);
    }

    /// A run waits no longer. What nobody waits for is not decided again.
    pub fn answered(&mut self, repository: &str, environment: &str, run: u64) {
        self.0.retain(|key, open| {
            if key.repository.eq_ignore_ascii_case(repository) && key.environment == environment {
                open.runs.remove(&run);
            }
            !open.runs.is_empty()
        });
    }

    /// What waits in a repository by the forge's own list: whatever else was thought to wait does not.
    pub fn only(&mut self, repository: &str, waiting: &BTreeSet<(Key, u64)>) {
        self.0.retain(|key, open| {
            if key.repository.eq_ignore_ascii_case(repository) && !open.busy {
                open.runs.retain(|run| waiting.contains(&(key.clone(), *run)));
            }
            !open.runs.is_empty()
        });
    }

    /// The releases that wait.
    #[must_use]
    pub fn keys(&self) -> BTreeSet<Key> {
        self.0.keys().cloned().collect()
    }

    /// Whether a release is to be decided now that nobody decides yet.
    #[must_use]
    pub fn is_pressing(&self, now: Instant) -> bool {
        self.next().is_some_and(|next| next <= now)
    }

    /// The releases of a repository that wait before an environment, as the record calls them; `None` for one that was not
    /// decided yet.
    #[must_use]
    pub fn waiting(&self, repository: &str, environment: &str) -> Vec<Option<Stream>> {
        let here = |key: &Key| key.repository.eq_ignore_ascii_case(repository) && key.environment == environment;
        self.0.iter().filter(|(key, _)| here(key)).map(|(_, open)| open.stream.clone()).collect()
    }

    /// The same, with whether they could be decided.
    #[must_use]
    pub fn waits_here(&self, repository: &str, environment: &str) -> Vec<Waits> {
        let here = |key: &Key| key.repository.eq_ignore_ascii_case(repository) && key.environment == environment;
        let waits = |open: &Open| Waits { stream: open.stream.clone(), is_undecided: open.failures > 0 };
        self.0.iter().filter(|(key, _)| here(key)).map(|(_, open)| waits(open)).collect()
    }

    /// The pipeline's runs that wait for a release.
    #[must_use]
    pub fn runs(&self, of: &Stream) -> Vec<u64> {
        let its = self.0.values().filter(|open| open.stream.as_ref() == Some(of));
        its.flat_map(|open| open.runs.iter().copied()).collect()
    }

    /// The releases that wait and could not be decided when they were looked at last.
    #[must_use]
    pub fn undecided(&self) -> Vec<Key> {
        self.0.iter().filter(|(_, open)| open.failures > 0).map(|(key, _)| key.clone()).collect()
    }

    /// How many releases wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none does.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// When the next is to be decided.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.0.values().filter(|open| !open.busy).filter_map(|open| open.due).min()
    }
}
