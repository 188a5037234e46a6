//! In which attempt runs were a moment ago: whoever answers a deployment right after it was decided need not ask once more.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::ruling::Attempts;
use crate::forge::Waiting;

/// For how long it is believed, since before the forge was asked.
const AGE: Duration = Duration::from_secs(1);
/// How long ago at most a decision was begun that need not ask once more, before it is recorded and told.
pub(super) const MOMENT: Duration = Duration::from_millis(600);

/// The attempts by repository, in lower case, and run, each with when the forge had not been asked yet.
#[derive(Debug, Default)]
pub(super) struct Fresh(Mutex<HashMap<(String, u64), (u64, Instant)>>);

impl Fresh {
    fn lock(&self) -> MutexGuard<'_, HashMap<(String, u64), (u64, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what the forge said, asked after `began`.
    pub(super) fn seen(&self, repository: &str, attempts: &Attempts, began: Instant) {
        let mut seen = self.lock();
        seen.retain(|_, (_, at)| at.elapsed() < AGE);
        for (run, attempt) in attempts {
            seen.insert((repository.to_ascii_lowercase(), *run), (*attempt, began));
        }
    }

    /// A run may be another by now.
    pub(super) fn forget(&self, repository: &str) {
        self.lock().retain(|(of, _), _| !of.eq_ignore_ascii_case(repository));
    }

    /// Whether runs are still in these attempts, as far as it was asked just now and nothing was heard since.
    pub(super) fn holds(&self, repository: &str, attempts: &Attempts) -> bool {
        let seen = self.lock();
        let is = |(run, attempt): (&u64, &u64)| {
            let found = seen.get(&(repository.to_ascii_lowercase(), *run));
            found.is_some_and(|(known, at)| known == attempt && at.elapsed() < AGE)
        };
        !attempts.is_empty() && attempts.iter().all(is)
    }

    /// In which attempt a run is, where that was asked just now and it was of the commit that was decided. It is believed once:
    /// whoever answers again asks again.
    pub(super) fn attempt(&self, waiting: &Waiting) -> Option<u64> {
        let place = (waiting.repository.to_ascii_lowercase(), waiting.run);
        self.lock().remove(&place).filter(|(_, at)| at.elapsed() < AGE).map(|(attempt, _)| attempt)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{AGE, Attempts, Fresh};
    use crate::forge::Waiting;

    #[test]
    fn what_was_seen_is_believed_once_and_not_for_long() {
        let fresh = Fresh::default();
        let of = |run| Waiting { repository: "Acme/Shop".to_owned(), run, environment: "production".to_owned() };
        let now = Instant::now();
        fresh.seen("acme/shop", &Attempts::from([(900, 2), (901, 1)]), now);
        assert!(fresh.holds("ACME/shop", &Attempts::from([(900, 2), (901, 1)])));
        assert!(!fresh.holds("acme/shop", &Attempts::from([(900, 2), (901, 2)])), "another attempt");
        assert!(!fresh.holds("acme/shop", &Attempts::from([(900, 2), (902, 1)])), "one that was not asked for");
        assert_eq!(fresh.attempt(&of(900)), Some(2));
        assert_eq!(fresh.attempt(&of(900)), None, "it was believed already");
        fresh.forget("ACME/shop");
        assert!(!fresh.holds("acme/shop", &Attempts::from([(901, 1)])), "something happened there");
        assert_eq!(fresh.attempt(&of(901)), None, "something happened there");
        let Some(long_ago) = now.checked_sub(AGE + Duration::from_millis(1)) else { return };
        fresh.seen("acme/shop", &Attempts::from([(900, 2)]), long_ago);
        assert_eq!(fresh.attempt(&of(900)), None, "it is too long ago");
    }
}
