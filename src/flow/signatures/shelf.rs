//! The files that bundles can be about: paired by name, else by digest.

use std::collections::BTreeMap;
use std::path::Path;

use crate::evidence::signature;
use crate::flow::gathered::{plain, plain_at};
use crate::model::report::{Fault, Place};
use crate::model::verdict::Reason;
use crate::workspace::open;
use crate::workspace::walk::Entry;

/// The endings of a bundle's name, behind the name of what it signs.
pub(super) const ENDINGS: [&str; 7] =
    [".sigstore.json", ".sigstore", ".sigstore.jsonl", ".bundle", ".bundle.json", ".intoto.jsonl", ".attestation.json"];

/// How many bytes of artifacts are digested to find those that bundles name.
const SEARCHED: u64 = 8 << 30;

/// Every file of the artifact folders, and the digests that were worked out.
pub(super) struct Shelf<'s> {
    entries: &'s [Entry],
    limit: u64,
    digests: BTreeMap<&'s Entry, Option<String>>,
    searched: u64,
}

impl<'s> Shelf<'s> {
    pub(super) fn new(entries: &'s [Entry], limit: u64) -> Self {
        Self { entries, limit, digests: BTreeMap::new(), searched: 0 }
    }

    /// The artifacts that a bundle is about; at least one. `asked` are those that
    /// the policy names, to choose from where the bundle's name says nothing.
    pub(super) fn about(&mut self, bundle: &Entry, bytes: &[u8], asked: &[&'s Entry]) -> Result<Vec<&'s Entry>, Fault> {
        let name = ENDINGS.iter().find_map(|ending| bundle.path.strip_suffix(ending));
        if let Some(artifact) = name.and_then(|name| plain_at(self.entries, &bundle.root, name)) {
            return Ok(vec![artifact]);
        }
        let subjects = signature::subjects(bytes)?;
        let folder = Path::new(&bundle.path).parent();
        let candidates: Vec<&'s Entry> = if asked.is_empty() {
            let in_folder = |entry: &&'s Entry| Path::new(&entry.path).parent() == folder && entry.path != bundle.path;
            let folder = folder.and_then(Path::to_str).unwrap_or_default();
            below(self.entries, &bundle.root, folder).filter(in_folder).collect()
        } else {
            asked.to_vec()
        };
        let mut found = Vec::new();
        for candidate in candidates {
            let digest = self.digest(candidate);
            if digest.is_some() && subjects.iter().any(|subject| subject.sha256 == digest) {
                found.push(candidate);
            }
        }
        if found.is_empty() {
            let message =
                "the artifact that it signs is not here; put it beside its bundle, or name it with `artifact`";
            return Err(Fault { reason: Reason::NoEvidence, place: Place::Whole, message: message.to_owned() });
        }
        Ok(found)
    }

    /// The SHA-256 of a file; `None` where it cannot be read, or too much was read already.
    pub(super) fn digest(&mut self, entry: &'s Entry) -> Option<String> {
        if let Some(known) = self.digests.get(entry) {
            return known.clone();
        }
        let digest = open::entry(entry, self.limit).ok().and_then(|artifact| {
            self.searched += artifact.length();
            (self.searched <= SEARCHED).then(|| open::sha256(&artifact))
        });
        self.digests.insert(entry, digest.clone());
        digest
    }
}

/// The plain files whose path begins with a folder's, which stand together in a walk.
fn below<'e>(entries: &'e [Entry], root: &Path, folder: &str) -> impl Iterator<Item = &'e Entry> {
    let before = |entry: &Entry| (&*entry.root, entry.path.as_str()) < (root, folder);
    let rest = entries.get(entries.partition_point(before)..).unwrap_or_default();
    let end = rest.partition_point(|entry| &*entry.root == root && entry.path.starts_with(folder));
    plain(rest.get(..end).unwrap_or_default())
}
