//! Whether a merge is what merging makes by itself, computed again from git's own objects, folder by folder.
//!
//! Where only one side changed an entry since the common ancestor, its side wins; where both made it the same, that is it;
//! where both changed a folder, its entries are compared. Where both changed one file differently, only git with the files'
//! lines could tell, and nothing is said.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

/// How many paths are named that differ.
const NAMED: usize = 20;

/// A merge: four commits, and the folders in which both sides may have changed something.
#[derive(Clone, Debug)]
pub(in crate::forge) struct Merging {
    /// The common ancestor.
    pub(in crate::forge) base: String,
    /// What was merged into.
    pub(in crate::forge) ours: String,
    /// What was merged.
    pub(in crate::forge) theirs: String,
    /// What came of it.
    pub(in crate::forge) result: String,
    /// Folders, without `/` at either end; the root, which has the empty name, is always looked at.
    pub(in crate::forge) folders: BTreeSet<String>,
}

/// What a merge is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::forge) enum Judged {
    /// What merging makes by itself.
    Clean,
    /// Something else, in these paths.
    Edited(Vec<String>),
    /// It cannot be told.
    Unknown(String),
}

/// The folders above files, all the way to the root.
pub(in crate::forge) fn above<'p>(files: impl IntoIterator<Item = &'p String>) -> BTreeSet<String> {
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

/// An entry of a folder.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(in crate::forge) struct Entry {
    /// Its name within the folder.
    pub(in crate::forge) name: String,
    /// The digest of git's object.
    pub(in crate::forge) oid: String,
    /// `tree`, `blob` or `commit`.
    #[serde(rename = "type")]
    pub(in crate::forge) kind: String,
    /// Git's mode.
    pub(in crate::forge) mode: u32,
}

/// The entries of a folder, by name.
pub(in crate::forge) type Folder = BTreeMap<String, Entry>;
/// Folders as far as they were read, by commit and path.
pub(in crate::forge) type Folders<E> = BTreeMap<(String, String), Result<Folder, E>>;

/// Judges a merge by folders that were read.
pub(in crate::forge) fn judge<E>(merge: &Merging, folders: &Folders<E>) -> Judged {
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
