//! What a baseline's findings and failing tests leave behind: their fingerprints, counted.
//!
//! A fingerprint is a 64-bit hash under a key that is drawn for the process, so
//! that nobody can prepare two findings that look like one. At its peak, while the
//! list is put together, the memory is 16 bytes a finding; then it is 12.

/// Fingerprints in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Memory {
    // Lists of a fixed size: one that grew by doubling would hold three times what it needs.
    lists: Vec<Vec<u64>>,
}

impl Memory {
    const LIST: usize = 1 << 14;

    pub(super) fn remember(&mut self, fingerprint: u64) {
        match self.lists.last_mut() {
            Some(list) if list.len() < Self::LIST => list.push(fingerprint),
            // The first list grows as it needs, for most baselines are small.
            None => self.lists.push(vec![fingerprint]),
            Some(_) => {
                let mut list = Vec::with_capacity(Self::LIST);
                list.push(fingerprint);
                self.lists.push(list);
            }
        }
    }

    /// Sorts the fingerprints and counts equal ones.
    pub(super) fn into_known(self) -> Known {
        let mut all = Vec::with_capacity(self.lists.iter().map(Vec::len).sum());
        for list in self.lists {
            all.extend_from_slice(&list);
        }
        all.sort_unstable();
        let mut remaining: Vec<u32> = Vec::with_capacity(all.len());
        let mut before = None;
        for fingerprint in &all {
            match remaining.last_mut() {
                Some(count) if before == Some(*fingerprint) => *count += 1,
                _ => remaining.push(1),
            }
            before = Some(*fingerprint);
        }
        all.dedup();
        Known { fingerprints: all, remaining }
    }
}

/// The baseline's fingerprints, each with how many of it are still unmatched.
#[derive(Debug, Default)]
pub(super) struct Known {
    fingerprints: Vec<u64>,
    remaining: Vec<u32>,
}

impl Known {
    /// Matches one entry with one of the baseline's; `false` when none is left for it.
    pub(super) fn take(&mut self, fingerprint: u64) -> bool {
        let place = self.fingerprints.binary_search(&fingerprint).ok();
        match place.and_then(|place| self.remaining.get_mut(place)) {
            Some(remaining) if *remaining > 0 => {
                *remaining -= 1;
                true
            }
            _ => false,
        }
    }
}
