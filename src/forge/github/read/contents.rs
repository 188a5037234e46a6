//! A digest of what each component contains at a commit, made of the git objects of the folders that hold it. A file
//! beside it in the same folder changes the digest as well: that voids an approval too many, and never one too few.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use super::question::First;
use super::{Repository, pulls::Oid};
use crate::forge::Folders;
use crate::forge::github::client::{Answer, Client, Fault};
use crate::model::facts::Fact;

/// How many objects one question names.
pub(super) const AT_ONCE: usize = 300;

/// Every folder of every component, each once.
pub(super) fn folders(components: &BTreeMap<String, Folders>) -> Vec<&str> {
    let mut folders: Vec<&str> = components.values().flatten().map(String::as_str).collect();
    folders.sort_unstable();
    folders.dedup();
    folders
}

/// The digest of a component from an answer in which commit number `nth` stands as `there{nth}`, and folder number `at` of
/// it as `f{at + nth × folders}`.
pub(super) fn of(answer: &Answer, folders: &[&str], nth: usize, component: &Folders) -> Fact<String> {
    let from = nth * folders.len();
    // Of a commit that is gone every folder looks as if it were not there.
    if let Err(fault) = answer.part::<Oid>(&["repository", &format!("there{nth}")]) {
        return fault.unavailable();
    }
    let mut digest = Sha256::new();
    let mut names: Vec<&str> = component.iter().map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let Some(at) = folders.iter().position(|folder| *folder == name) else {
            return Fact::Unavailable("a folder of it was not asked for".into());
        };
        match answer.part::<Oid>(&["repository", &format!("f{}", at + from)]) {
            Ok(object) => digest.update(format!("{name}\0{}\0", object.oid)),
            // The folder is not there at this commit.
            Err(Fault::NotFound { .. }) => digest.update(format!("{name}\0-\0")),
            Err(fault) => return fault.unavailable(),
        }
    }
    Fact::Known(format!("sha256:{}", hex(&digest.finalize())))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// The digests of all components at several commits, by commit and component.
pub(super) async fn at(
    client: &Client,
    repository: &Repository,
    components: &BTreeMap<String, Folders>,
    commits: &[&str],
) -> BTreeMap<(String, String), Fact<String>> {
    let folders = folders(components);
    let mut found = BTreeMap::new();
    if folders.is_empty() {
        return found;
    }
    for some in commits.chunks((AT_ONCE / folders.len()).max(1)) {
        let mut question = First::default();
        for (nth, commit) in some.iter().enumerate() {
            question.there(nth, commit);
            for (at, folder) in folders.iter().enumerate() {
                question.folder(nth * folders.len() + at, commit, folder);
            }
        }
        let answer = client.ask(&question.text(), &repository.variables()).await;
        for (nth, commit) in some.iter().enumerate() {
            for (name, component) in components {
                let content = match &answer {
                    Ok(answer) => of(answer, &folders, nth, component),
                    Err(fault) => fault.unavailable(),
                };
                found.insert(((*commit).to_owned(), name.clone()), content);
            }
        }
    }
    found
}
