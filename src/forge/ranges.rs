//! Which files change: those that a commit touches, and those of a whole range.
//!
//! A pull request names the files of its own last head. What was written while it was merged, what its later commits took
//! out again, and what came with a part of it only the range itself shows: whatever differs there belongs to a change.

use std::collections::{BTreeSet, HashSet};

use super::Ranged;
use crate::model::facts::{Change, Fact, Landing};

/// Whether what landed of a change is known to be what its files say.
fn is_clean(change: &Change) -> bool {
    let made = |landing: &Landing, tree: &Fact<String>| tree.known() == Some(&landing.tree);
    match &change.landed {
        Fact::Known(landing) => made(landing, &landing.reviewed) || made(landing, &landing.clean_merge),
        Fact::Absent => true,
        Fact::Unavailable(_) => false,
    }
}

/// Gives every file in which a range differs to a change of it. What no change names goes to those that did not land as
/// they were, and to all of the range where each of them did. Where it is not known in which files the range differs,
/// what did not land as it was may have touched any.
pub(in crate::forge) fn complete(changes: &mut [Ranged], base: &String, files: Result<&[String], String>) {
    let within = |it: &&mut Ranged| it.since.contains(base);
    let unclean = changes.iter().any(|it| it.since.contains(base) && !is_clean(&it.change));
    let files = match files {
        Ok(files) => files,
        Err(why) => {
            for it in changes.iter_mut().filter(within).filter(|it| !is_clean(&it.change)) {
                it.change.files = Fact::Unavailable(why.clone().into());
            }
            return;
        }
    };
    let named: HashSet<&String> =
        changes.iter().filter(|it| it.since.contains(base)).flat_map(|it| it.change.files.entries()).collect();
    let left: BTreeSet<String> = files.iter().filter(|file| !named.contains(file)).cloned().collect();
    if left.is_empty() {
        return;
    }
    for it in changes.iter_mut().filter(within).filter(|it| !unclean || !is_clean(&it.change)) {
        match &mut it.change.files {
            Fact::Known(files) => files.extend(left.iter().cloned()),
            files @ Fact::Absent => *files = Fact::Known(left.iter().cloned().collect()),
            Fact::Unavailable(_) => {}
        }
    }
}
