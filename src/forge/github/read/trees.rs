//! Whether a merge is what merging makes by itself, computed again from git's own objects, folder by folder.
//!
//! Where only one side changed an entry since the common ancestor, its side wins; where both made it the same, that is it;
//! where both changed a folder, its entries are compared. Where both changed one file differently, only git with the files'
//! lines could tell, and nothing is said.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::Repository;
use super::question::Trees;
use crate::forge::github::client::{Client, Fault};

/// How many folders one question lists.
const AT_ONCE: usize = 200;
/// How many paths are named that differ.
const NAMED: usize = 20;

/// A merge: four commits, and the folders in which both sides may have changed something.
#[derive(Clone, Debug)]
pub(super) struct Merging {
    /// The common ancestor.
    pub(super) base: String,
    /// What was merged into.
    pub(super) ours: String,
    /// What was merged.
    pub(super) theirs: String,
    /// What came of it.
    pub(super) result: String,
    /// Folders, without `/` at either end; the root, which has the empty name, is always looked at.
    pub(super) folders: BTreeSet<String>,
}

/// What a merge is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Judged {
    /// What merging makes by itself.
    Clean,
    /// Something else, in these paths.
    Edited(Vec<String>),
    /// It cannot be told.
    Unknown(String),
}

/// The folders above files, all the way to the root.
pub(super) fn above<'p>(files: impl IntoIterator<Item = &'p String>) -> BTreeSet<String> {
    let mut folders = BTreeSet::from([String::new()]);
    for file in files {
        let mut rest = file.as_str();
        while let Some((folder, _)) = rest.rsplit_once('/') {
            folders.insert(folder.to_owned());
            rest = folder;
        }
    }
    folders
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Entry {
    name: String,
    oid: String,
    #[serde(rename = "type")]
    kind: String,
    mode: u32,
}

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

type Folder = BTreeMap<String, Entry>;
type Folders = BTreeMap<(String, String), Result<Folder, Fault>>;

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
    let mut folders = Folders::new();
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
    merges.iter().map(|merge| one(merge, &folders)).collect()
}

fn one(merge: &Merging, folders: &Folders) -> Judged {
    let mut differs = Vec::new();
    let mut next = vec![String::new()];
    while let Some(folder) = next.pop() {
        let of = |commit: &String| folders.get(&(commit.clone(), folder.clone()));
        let (base, ours, theirs, result) =
            match (of(&merge.base), of(&merge.ours), of(&merge.theirs), of(&merge.result)) {
                (Some(Ok(base)), Some(Ok(ours)), Some(Ok(theirs)), Some(Ok(result))) => (base, ours, theirs, result),
                (None, ..) => {
                    return Judged::Unknown(format!("both sides changed something in `{folder}`, which was not read"));
                }
                _ => return Judged::Unknown(format!("the folder `{folder}` could not be read")),
            };
        let names: BTreeSet<&String> = [base, ours, theirs, result].into_iter().flat_map(BTreeMap::keys).collect();
        for name in names {
            let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
            let at = |side: &Folder| side.get(name).map(|entry| (entry.oid.clone(), entry.mode));
            let (base_at, ours_at, theirs_at, result_at) = (at(base), at(ours), at(theirs), at(result));
            let expected = if ours_at == theirs_at || base_at == theirs_at {
                ours_at
            } else if base_at == ours_at {
                theirs_at
            } else {
                let is_folder = |side: &Folder| side.get(name).is_some_and(|entry| entry.kind == "tree");
                if is_folder(ours) && is_folder(theirs) && is_folder(result) {
                    next.push(path);
                    continue;
                }
                return Judged::Unknown(format!("both sides changed `{path}`, and git alone can merge its lines"));
            };
            if expected != result_at {
                differs.push(path);
            }
        }
    }
    differs.sort();
    differs.truncate(NAMED);
    if differs.is_empty() { Judged::Clean } else { Judged::Edited(differs) }
}
