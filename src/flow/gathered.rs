//! What was found for one gate, whatever its kind.

use std::path::{Path, PathBuf};

use super::request::Request;
use crate::decide::gates::Found;
use crate::evidence::recognise::{self, recognise_within};
use crate::model::bounds::Bounds;
use crate::model::decision::Evidence;
use crate::model::kind::{Format, Kind};
use crate::model::notable::Notable;
use crate::model::report::{Fault, Place};
use crate::model::verdict::Reason;
use crate::workspace::walk::{Entry, Nature};

/// What was found for one gate, and what is said of it.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) found: Found<'static>,
    pub(super) evidence: Vec<Evidence>,
    /// How many statements were read beside the files.
    pub(super) statements: u64,
    /// The first file that says, byte for byte, what another says.
    pub(super) copies: Option<Copied>,
    pub(super) notables: Vec<Notable>,
    pub(super) notable_count: u64,
}

/// A file of the same bytes as one before it.
pub(super) struct Copied {
    pub(super) path: String,
    pub(super) of: String,
    /// How many such files there are beside it.
    pub(super) more: usize,
    /// Whether both together count once.
    pub(super) once: bool,
}

impl std::fmt::Display for Copied {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} is {} byte for byte", self.path, self.of)?;
        if self.more > 0 {
            write!(f, ", and {} more are such copies", self.more)?;
        }
        f.write_str(if self.once { "; such a report counts once" } else { "; each counts, so pass each on once" })
    }
}

/// More files are meant than one gate reads.
pub(super) fn too_many(found: usize, limit: usize) -> Fault {
    Fault {
        reason: Reason::BeyondLimit,
        place: Place::Whole,
        message: format!(
            "{found} files match, where at most {limit} are read; narrow the glob, or raise `limits.files` in the policy"
        ),
    }
}

/// The format of some content, which must be one of the kind that the gate judges.
pub(super) fn format(text: &[u8], bounds: &Bounds, kind: Kind) -> Result<Format, Fault> {
    let fault = |reason, message: String| Fault { reason, place: Place::Whole, message };
    if text.iter().all(u8::is_ascii_whitespace) {
        return Err(fault(Reason::Malformed, "the file is empty; the step that makes it may have failed".to_owned()));
    }
    let Some(format) = recognise_within(text, bounds) else {
        if matches!(text, [0, 1..=255, ..] | [1..=255, 0, ..]) {
            let message = "UTF-16 without a byte-order mark, or no text at all; write the report in UTF-8";
            return Err(fault(Reason::Unrecognised, message.to_owned()));
        }
        if let Some(damage) = recognise::damage(text, bounds, kind) {
            return Err(damage);
        }
        let read: Vec<_> =
            Format::ALL.iter().filter(|format| format.kind() == kind).map(|format| format.title()).collect();
        return Err(fault(
            Reason::Unrecognised,
            format!("none of the formats that this gate reads: {}{}", read.join(", "), form(kind)),
        ));
    };
    if format.kind() != kind {
        return Err(fault(
            Reason::OtherKind,
            format!("{} is not what this gate judges; narrow its glob", format.title()),
        ));
    }
    Ok(format)
}

/// How a file is written that people write by hand.
fn form(kind: Kind) -> &'static str {
    match kind {
        Kind::Checklist => {
            "; write `- [x] the item` in Markdown, or `checklist: { \"the item\": true }` in YAML, or the same in JSON"
        }
        _ => "",
    }
}

/// The path by which people find a file: below its artifact folder, and where there are
/// several folders, behind the folder's name as it was given.
pub(super) fn shown(request: &Request<'_>, entry: &Entry) -> String {
    let named = |root: &&PathBuf| root.canonicalize().is_ok_and(|root| *root == *entry.root);
    match request.roots.as_slice() {
        [_, _, ..] => request.roots.iter().find(named).map_or_else(
            || entry.path.clone(),
            |root| format!("{}/{}", root.display().to_string().trim_end_matches('/'), entry.path),
        ),
        _ => entry.path.clone(),
    }
}

/// What a walk found at a path below an artifact folder. A walk is sorted by folder and path.
pub(super) fn at<'e>(entries: &'e [Entry], root: &Path, path: &str) -> Option<&'e Entry> {
    let before = |entry: &Entry| (&*entry.root, entry.path.as_str()) < (root, path);
    let first = entries.get(entries.partition_point(before))?;
    (&*first.root == root && first.path == path).then_some(first)
}

/// The plain file of a walk at a path below an artifact folder.
pub(super) fn plain_at<'e>(entries: &'e [Entry], root: &Path, path: &str) -> Option<&'e Entry> {
    at(entries, root, path).filter(|entry| entry.nature == Nature::File)
}

/// The entries of a walk that are plain files.
pub(super) fn plain(entries: &[Entry]) -> impl Iterator<Item = &Entry> {
    entries.iter().filter(|entry| entry.nature == Nature::File)
}
