//! The folders of merges as GitHub lists them, many in one question.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::Repository;
use super::question::Trees;
use crate::forge::github::client::{Client, Fault};
use crate::forge::merging::{self, Entry, Folders, Judged, Merging};

/// How many folders one question lists.
const AT_ONCE: usize = 200;

#[derive(Deserialize)]
#[serde(tag = "__typename")]
enum Listed {
    Tree {
        entries: Vec<Entry>,
    },
    /// A file, or a submodule.
    #[serde(other)]
    NoFolder,
}

/// Judges merges, in the order in which they are given.
pub(super) async fn judge(client: &Client, repository: &Repository, merges: &[Merging]) -> Vec<Judged> {
    let mut wanted: BTreeSet<(String, String)> = BTreeSet::new();
    for merge in merges {
        for folder in &merge.folders {
            for commit in [&merge.base, &merge.ours, &merge.theirs, &merge.result] {
                wanted.insert((commit.clone(), folder.clone()));
            }
        }
    }
    let wanted: Vec<(String, String)> = wanted.into_iter().collect();
    let mut folders = Folders::<Fault>::new();
    for some in wanted.chunks(AT_ONCE) {
        let mut question = Trees::default();
        for (at, (commit, folder)) in some.iter().enumerate() {
            question.folder(at, commit, folder);
        }
        let answer = client.ask(&question.text(), &repository.variables()).await;
        for (at, key) in some.iter().enumerate() {
            let listed = match &answer {
                Ok(answer) => answer.part::<Listed>(&["repository", &format!("t{at}")]),
                Err(fault) => Err(fault.clone()),
            };
            let folder = match listed {
                Ok(Listed::Tree { entries }) => Ok(entries),
                Ok(Listed::NoFolder) => Ok(Vec::new()),
                // The folder is not there at this commit. That the commit itself is not there shows at its root, which is
                // always read, and is never taken for empty.
                Err(Fault::NotFound { .. }) if !key.1.is_empty() => Ok(Vec::new()),
                Err(fault) => Err(fault),
            };
            let by_name = |entries: Vec<Entry>| entries.into_iter().map(|entry| (entry.name.clone(), entry)).collect();
            folders.insert(key.clone(), folder.map(by_name));
        }
    }
    merges.iter().map(|merge| merging::judge(merge, &folders)).collect()
}
