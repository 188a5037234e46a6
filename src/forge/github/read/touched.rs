//! Which files change: those that a commit touches, and those of a whole range.
//!
//! A pull request names the files of its own last head. What was written while it was merged, what its later commits took
//! out again, and what came with a part of it only the range itself shows: whatever differs there belongs to a change.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde::Deserialize;

use super::{Range, Reading, unread};
use crate::forge::Ranged;
use crate::forge::github::client::Fault;
use crate::model::facts::{Change, Fact, Landing};

/// A file that REST lists, with the name that it had before.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct TouchedFile {
    pub(super) filename: String,
    previous_filename: Option<String>,
}

impl TouchedFile {
    /// Both of its names.
    pub(super) fn paths(self) -> impl Iterator<Item = String> {
        [Some(self.filename), self.previous_filename].into_iter().flatten()
    }
}

/// What one commit touches.
#[derive(Clone, Debug)]
pub(super) struct Touched {
    pub(super) files: Vec<String>,
    pub(super) lines: u64,
}

impl Reading<'_> {
    /// What a commit that came without a pull request touches.
    pub(super) async fn touched(&self, sha: &str) -> Result<Touched, Fault> {
        #[derive(Deserialize)]
        struct Detail {
            #[serde(default)]
            files: Vec<TouchedFile>,
            stats: Option<Stats>,
        }
        #[derive(Deserialize)]
        struct Stats {
            total: u64,
        }
        let path = format!("/repos/{}/commits/{sha}", self.repository.path());
        let (files, first) =
            self.client.list_in(&path, |mut page: Detail| (std::mem::take(&mut page.files), page)).await?;
        // GitHub lists 3,000 files of a commit and no more.
        if files.entries().len() >= 3_000 {
            return Err(unread(&path, "it touches more files than GitHub lists"));
        }
        let lines = first.stats.ok_or_else(|| unread(&path, "it does not say how many lines it has"))?.total;
        Ok(Touched { files: files.into_entries().into_iter().flat_map(TouchedFile::paths).collect(), lines })
    }
}

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
pub(super) fn complete(changes: &mut [Ranged], ranges: &BTreeMap<String, Range>) {
    for (base, range) in ranges {
        let Ok(range) = range else { continue };
        let within = |it: &&mut Ranged| it.since.contains(base);
        let unclean = changes.iter().any(|it| it.since.contains(base) && !is_clean(&it.change));
        let files = match &range.files {
            Ok(files) => files,
            Err(fault) => {
                for it in changes.iter_mut().filter(within).filter(|it| !is_clean(&it.change)) {
                    it.change.files = fault.unavailable();
                }
                continue;
            }
        };
        let named: HashSet<&String> =
            changes.iter().filter(|it| it.since.contains(base)).flat_map(|it| it.change.files.entries()).collect();
        let left: BTreeSet<String> = files.iter().filter(|file| !named.contains(file)).cloned().collect();
        if left.is_empty() {
            continue;
        }
        for it in changes.iter_mut().filter(within).filter(|it| !unclean || !is_clean(&it.change)) {
            match &mut it.change.files {
                Fact::Known(files) => files.extend(left.iter().cloned()),
                files @ Fact::Absent => *files = Fact::Known(left.iter().cloned().collect()),
                Fact::Unavailable(_) => {}
            }
        }
    }
}
