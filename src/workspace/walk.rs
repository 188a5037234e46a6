//! Finds the files that gates mean, in one walk over each artifact folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use walkdir::WalkDir;

use crate::model::report::{Fault, Place};
use crate::model::verdict::Reason;

/// Something below an artifact folder that could be meant by a glob.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The artifact folder that it lies in, without symbolic links on the way.
    pub root: Arc<Path>,
    /// Its path below that folder, with `/` between its parts, for globs and for
    /// people. What is not UTF-8 in it is replaced, so it need not lead anywhere.
    pub path: String,
    /// Where it is.
    pub location: PathBuf,
    /// What it is.
    pub nature: Nature,
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Nature {
    /// A plain file.
    File,
    /// A symbolic link, to wherever.
    Link,
    /// A symbolic link to a folder outside of the artifact folder.
    Outside,
    /// A device, a pipe, a socket.
    Special,
}

/// What is wanted of everything below the folders, sorted, except `.git`. A folder
/// named twice, by whatever path, is walked once. Symbolic links to folders are not
/// followed: what one leads to within the artifact folder is met on its own way, and
/// one that leads out is told. Only what is wanted takes memory.
pub fn entries(roots: &[PathBuf], limit: usize, wanted: impl Fn(&str, Nature) -> bool) -> Result<Vec<Entry>, Fault> {
    let mut found = Vec::new();
    let mut looked = 0_usize;
    let mut walked: Vec<Arc<Path>> = Vec::new();
    for named in roots {
        let root: Arc<Path> = named.canonicalize().map_err(|error| unreadable(named, &error.to_string()))?.into();
        if walked.contains(&root) {
            continue;
        }
        let walk = WalkDir::new(&root).into_iter();
        for entry in walk.filter_entry(|entry| entry.file_name() != ".git") {
            looked += 1;
            if looked > limit {
                return Err(Fault {
                    reason: Reason::BeyondLimit,
                    place: Place::Whole,
                    message: format!(
                        "there are more than {limit} entries below {}; point `--artifacts` at a smaller folder, or raise `limits.entries` in the policy",
                        named.display()
                    ),
                });
            }
            let entry = entry.map_err(|error| {
                let why = error.io_error().map_or_else(|| error.to_string(), ToString::to_string);
                unreadable(error.path().unwrap_or(named), &why)
            })?;
            let kind = entry.file_type();
            if kind.is_dir() {
                continue;
            }
            let below = entry.path().strip_prefix(&root).unwrap_or(entry.path());
            let parts: Vec<_> = below.iter().map(|part| part.to_string_lossy()).collect();
            let nature = if kind.is_file() {
                Nature::File
            } else if kind.is_symlink() {
                match entry.path().canonicalize() {
                    Ok(target) if target.is_dir() && target.starts_with(&root) => continue,
                    Ok(target) if target.is_dir() => Nature::Outside,
                    _ => Nature::Link,
                }
            } else {
                Nature::Special
            };
            let path = parts.join("/");
            if !wanted(&path, nature) {
                continue;
            }
            found.push(Entry { root: root.clone(), path, location: entry.into_path(), nature });
        }
        walked.push(root);
    }
    found.sort_by(|a, b| (&a.root, &a.path, &a.location).cmp(&(&b.root, &b.path, &b.location)));
    Ok(found)
}

fn unreadable(path: &Path, why: &str) -> Fault {
    Fault {
        reason: Reason::Unreadable,
        place: Place::Whole,
        message: format!("the artifact folder cannot be read at {}: {why}", path.display()),
    }
}
