//! Git's folders at a commit, as GitLab lists them: what they come to, and in which files two commits differ.
//!
//! GitLab names the object of every entry, and not that of the root, so that a digest is made of the root's entries. Two
//! commits of the same content have the same digest.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::{Project, escaped};
use crate::forge::Folders as Paths;
use crate::forge::gitlab::client::{Client, Fault, unread};
use crate::forge::merging::{self, Entry, Folder, Folders, Judged, Merging};
use crate::model::facts::Fact;

/// How many folders are listed to find in which files two commits differ.
const FOLDERS: usize = 1_000;

#[derive(Deserialize)]
struct Listed {
    id: String,
    name: String,
    #[serde(rename = "type")]
    kind: String,
    mode: String,
}

/// The folders that were listed, by commit and path.
#[derive(Debug, Default)]
pub(super) struct Trees {
    listed: BTreeMap<(String, String), Result<Folder, Fault>>,
    /// The same by git's object.
    objects: BTreeMap<String, Folder>,
}

impl Trees {
    /// A folder at a commit; empty where it is not there. The root always is, so that a commit that is gone is no empty
    /// folder.
    async fn folder(&mut self, client: &Client, project: &Project, commit: &str, path: &str) -> Result<Folder, Fault> {
        let key = (commit.to_owned(), path.to_owned());
        if let Some(known) = self.listed.get(&key) {
            return known.clone();
        }
        let object = self.object(commit, path);
        if let Some(known) = object.as_ref().and_then(|object| self.objects.get(object)) {
            return Ok(known.clone());
        }
        let place = format!("{}/repository/tree?ref={commit}&path={}&pagination=keyset", project.path(), escaped(path));
        let found = match client.list::<Listed>(&place).await {
            Ok(listed) => read(&place, listed),
            Err(Fault::NotFound { .. }) if !path.is_empty() => Ok(Folder::new()),
            Err(fault) => Err(fault),
        };
        let found = found.and_then(|folder| {
            if folder.is_empty() && path.is_empty() {
                return Err(unread(&place, "the commit has no files"));
            }
            Ok(folder)
        });
        if let (Some(object), Ok(folder)) = (object, &found) {
            self.objects.insert(object, folder.clone());
        }
        self.listed.insert(key, found.clone());
        found
    }

    /// The object of a folder, where the folder above it was listed.
    fn object(&self, commit: &str, path: &str) -> Option<String> {
        let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
        let above = self.listed.get(&(commit.to_owned(), above.to_owned()))?.as_ref().ok()?;
        above.get(name).filter(|entry| entry.kind == "tree").map(|entry| entry.oid.clone())
    }

    /// A digest of everything that a commit contains.
    pub(super) async fn root(&mut self, client: &Client, project: &Project, commit: &str) -> Result<String, Fault> {
        let root = self.folder(client, project, commit, "").await?;
        let mut digest = Sha256::new();
        for entry in root.values() {
            digest.update(format!("{:o} {} {}\0{}\n", entry.mode, entry.kind, entry.name, entry.oid));
        }
        Ok(format!("sha256:{}", hex(&digest.finalize())))
    }

    /// A digest of what a component contains, made of the objects of what holds it. A file beside it in the same folder
    /// changes the digest as well: that voids an approval too many, and never one too few.
    pub(super) async fn content(
        &mut self,
        client: &Client,
        project: &Project,
        commit: &str,
        component: &Paths,
    ) -> Fact<String> {
        let mut digest = Sha256::new();
        let names: BTreeSet<&str> = component.iter().map(String::as_str).collect();
        for name in names {
            let object = if name.is_empty() {
                self.root(client, project, commit).await
            } else {
                // Whether the commit is there at all.
                let root = self.folder(client, project, commit, "").await;
                let (above, last) = name.rsplit_once('/').unwrap_or(("", name));
                match root {
                    Ok(_) => self
                        .folder(client, project, commit, above)
                        .await
                        .map(|folder| folder.get(last).map_or_else(|| "-".to_owned(), |entry| entry.oid.clone())),
                    Err(fault) => Err(fault),
                }
            };
            match object {
                Ok(object) => digest.update(format!("{name}\0{object}\0")),
                Err(fault) => return fault.unavailable(),
            }
        }
        Fact::Known(format!("sha256:{}", hex(&digest.finalize())))
    }

    /// The paths of the files in which two commits differ, both names of one that was moved included.
    pub(super) async fn differing(
        &mut self,
        client: &Client,
        project: &Project,
        base: &str,
        head: &str,
    ) -> Result<Vec<String>, Fault> {
        let (mut found, mut next, mut listed) = (Vec::new(), vec![String::new()], 0);
        while let Some(path) = next.pop() {
            listed += 1;
            if listed > FOLDERS {
                return Err(unread("the files that differ", &format!("they lie in more than {FOLDERS} folders")));
            }
            let before = self.folder(client, project, base, &path).await?;
            let after = self.folder(client, project, head, &path).await?;
            let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
            for name in names {
                let (one, other) = (before.get(name), after.get(name));
                if one.map(|it| (&it.oid, it.mode)) == other.map(|it| (&it.oid, it.mode)) {
                    continue;
                }
                let place = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
                let kinds: Vec<&str> = [one, other].into_iter().flatten().map(|it| it.kind.as_str()).collect();
                if kinds.iter().any(|kind| *kind != "tree") {
                    found.push(place.clone());
                }
                if kinds.contains(&"tree") {
                    next.push(place);
                }
            }
        }
        found.sort();
        Ok(found)
    }

    /// Judges a merge.
    pub(super) async fn judge(&mut self, client: &Client, project: &Project, merge: &Merging) -> Judged {
        let mut folders: Folders<Fault> = BTreeMap::new();
        for folder in &merge.folders {
            for commit in [&merge.base, &merge.ours, &merge.theirs, &merge.result] {
                let found = self.folder(client, project, commit, folder).await;
                folders.insert((commit.clone(), folder.clone()), found);
            }
        }
        merging::judge(merge, &folders)
    }
}

fn read(place: &str, listed: Vec<Listed>) -> Result<Folder, Fault> {
    let mut folder = Folder::new();
    for it in listed {
        let mode = u32::from_str_radix(&it.mode, 8).map_err(|_| unread(place, "an entry has no mode"))?;
        if it.id.is_empty() || it.name.is_empty() {
            return Err(unread(place, "an entry has no name, or no object"));
        }
        folder.insert(it.name.clone(), Entry { name: it.name, oid: it.id, kind: it.kind, mode });
    }
    Ok(folder)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}
