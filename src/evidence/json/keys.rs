//! The watch over the keys of one object, of which each may stand only once.

use std::borrow::Cow;
use std::collections::HashSet;

use smallvec::SmallVec;

use super::{Error, Step, refuse, refuse_beyond_limit};
use crate::model::bounds::raise;
use crate::model::notable::shortened;

/// How many keys are watched in a plain list.
const FEW: usize = 24;

/// The keys of one object so far. A 64-bit sketch answers "surely new" for nearly
/// all of them, so that a large report is not slowed by the watch for doubles;
/// an object of many keys is watched by a set, so that it cannot slow us either.
#[derive(Default)]
pub(super) struct Keys<'de> {
    sketch: u64,
    /// The first keys that are written without escapes.
    few: SmallVec<[&'de str; FEW]>,
    many: Option<HashSet<Cow<'de, str>>>,
}

impl<'de> Keys<'de> {
    #[inline]
    pub(super) fn refuse_known(&self, key: &str) -> Step {
        if self.sketch & Self::mark(key) == 0 || !self.has(key) { Ok(()) } else { Err(twice(key)) }
    }

    fn has(&self, key: &str) -> bool {
        self.few.contains(&key) || self.many.as_ref().is_some_and(|many| many.contains(key))
    }

    #[inline]
    pub(super) fn note(&mut self, key: Cow<'de, str>, most: usize) -> Step {
        self.sketch |= Self::mark(&key);
        match key {
            Cow::Borrowed(key) if self.few.len() < FEW => {
                self.few.push(key);
                Ok(())
            }
            key => self.note_among_many(key, most),
        }
    }

    #[cold]
    fn note_among_many(&mut self, key: Cow<'de, str>, most: usize) -> Step {
        let many = self.many.get_or_insert_default();
        many.insert(key);
        if many.len() > most {
            Err(refuse_beyond_limit(format_args!("an object has more than {most} keys{}", raise("keys"))))
        } else {
            Ok(())
        }
    }

    #[inline]
    fn mark(key: &str) -> u64 {
        let bytes = key.as_bytes();
        let first = bytes.first().copied().unwrap_or_default();
        let last = bytes.last().copied().unwrap_or_default();
        let mixed = u32::from(first) ^ (u32::from(last) << 3) ^ u32::try_from(bytes.len()).unwrap_or_default();
        1 << (mixed.wrapping_mul(0x9E37_79B1) >> 26)
    }
}

#[cold]
fn twice(key: &str) -> Error {
    refuse(format_args!("the key `{}` stands twice in one object; keep one of them", shortened(key, 60)))
}
