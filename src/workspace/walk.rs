//! Finds the files that gates mean, in one walk over each artifact folder.

use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::model::report::{Fault, Place};
use crate::model::verdict::Reason;

/// Something below an artifact folder that could be meant by a glob.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The folder that it lies in.
    pub root: PathBuf,
    /// Its path below that folder, with `/` between its parts.
    pub path: String,
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
    /// A device, a pipe, a socket.
    Special,
}

impl Entry {
    /// The whole path.
    #[must_use]
    pub fn location(&self) -> PathBuf {
        self.root.join(&self.path)
    }
}

/// Everything below the folders, sorted, except `.git`. A folder named twice is
/// walked once. Symbolic links to folders are not followed.
pub fn entries(roots: &[PathBuf], limit: usize) -> Result<Vec<Entry>, Fault> {
    let mut found = Vec::new();
    let mut looked = 0_usize;
    let mut walked: Vec<&Path> = Vec::new();
    for root in roots {
        if walked.contains(&root.as_path()) {
            continue;
        }
        walked.push(root);
        let git = |name: &std::ffi::OsStr| name == ".git";
        let walk = WalkDir::new(root).follow_root_links(true).into_iter();
        for entry in walk.filter_entry(|entry| !git(entry.file_name())) {
            looked += 1;
            if looked > limit {
                return Err(Fault {
                    reason: Reason::BeyondLimit,
                    place: Place::Whole,
                    message: format!(
                        "there are more than {limit} entries below {}; point `--artifacts` at a smaller folder, or raise `limits.entries` in the policy",
                        root.display()
                    ),
                });
            }
            let entry = entry.map_err(|error| unreadable(root, &error))?;
            let kind = entry.file_type();
            if kind.is_dir() {
                continue;
            }
            let below = entry.path().strip_prefix(root).unwrap_or(entry.path());
            let parts: Vec<_> = below.iter().map(|part| part.to_string_lossy()).collect();
            let nature = if kind.is_file() {
                Nature::File
            } else if kind.is_symlink() {
                Nature::Link
            } else {
                Nature::Special
            };
            found.push(Entry { root: root.clone(), path: parts.join("/"), nature });
        }
    }
    found.sort_by(|a, b| (&a.root, &a.path).cmp(&(&b.root, &b.path)));
    Ok(found)
}

fn unreadable(root: &Path, error: &walkdir::Error) -> Fault {
    let path = error.path().unwrap_or(root).display();
    let why = error.io_error().map_or_else(|| error.to_string(), ToString::to_string);
    Fault {
        reason: Reason::Unreadable,
        place: Place::Whole,
        message: format!("the artifact folder cannot be read at {path}: {why}"),
    }
}
