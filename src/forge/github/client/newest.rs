//! Lists that only ever grow at their front, the newest entry first: what was read of one is kept, so that the next who reads
//! it goes no further back than to where the two meet. An entry does not change, and is believed for an hour all the
//! same; what of it may change, such as what an account is called now, whoever reads it asks anew.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Client;

/// For how long what was read is believed.
pub(in crate::forge::github) const AGE: Duration = Duration::from_hours(1);
/// How many entries of one list are kept, and of how many lists.
const ENTRIES: usize = 2_000;
const LISTS: usize = 32;

/// An entry of a list.
#[derive(Clone, Debug)]
pub(in crate::forge::github) struct Entry {
    /// What it says, in the words of whoever reads the list.
    pub(in crate::forge::github) text: Arc<str>,
    /// When it was not read yet.
    pub(in crate::forge::github) before: Instant,
}

/// What is known of a list: its newest entries without a gap, and whether these are all.
#[derive(Clone, Debug, Default)]
pub(in crate::forge::github) struct Newest {
    pub(in crate::forge::github) entries: Vec<Entry>,
    pub(in crate::forge::github) is_whole: bool,
}

impl Newest {
    /// What of it is young enough to be believed: nothing older than an entry that is not.
    fn young(mut self) -> Self {
        if let Some(old) = self.entries.iter().position(|it| it.before.elapsed() >= AGE) {
            self.entries.truncate(old);
            self.is_whole = false;
        }
        self
    }
}

/// The lists, by where they lie.
pub(super) type Lists = Mutex<HashMap<String, Newest>>;

fn lock(lists: &Lists) -> MutexGuard<'_, HashMap<String, Newest>> {
    lists.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Client {
    /// What is known of a list.
    pub(in crate::forge::github) fn known(&self, list: &str) -> Newest {
        lock(&self.inner.lists).get(list).cloned().unwrap_or_default().young()
    }

    /// Keeps what is known of a list now; nothing, where no answer is kept.
    pub(in crate::forge::github) fn knows(&self, list: &str, mut newest: Newest) {
        if self.inner.cache.is_none() {
            return;
        }
        if newest.entries.len() > ENTRIES {
            newest.entries.truncate(ENTRIES);
            newest.is_whole = false;
        }
        let mut lists = lock(&self.inner.lists);
        if lists.len() >= LISTS && !lists.contains_key(list) {
            // The one that was read longest ago.
            let read = |it: &Newest| it.entries.first().map(|entry| entry.before);
            let oldest = lists.iter().min_by_key(|(_, it)| read(it)).map(|(name, _)| name.clone());
            if let Some(oldest) = oldest {
                lists.remove(&oldest);
            }
        }
        lists.insert(list.to_owned(), newest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_old_is_not_believed_and_nothing_behind_it() {
        let now = Instant::now();
        let Some(long_ago) = now.checked_sub(AGE) else { return };
        let entry = |text: &str, before| Entry { text: text.into(), before };
        let all = Newest { entries: vec![entry("3", now), entry("2", long_ago), entry("1", now)], is_whole: true };
        let young = all.clone().young();
        assert_eq!(young.entries.iter().map(|it| &*it.text).collect::<Vec<_>>(), ["3"]);
        assert!(!young.is_whole);
        let first = Newest { entries: all.entries[..1].to_vec(), is_whole: true }.young();
        assert!(first.is_whole);
    }
}
