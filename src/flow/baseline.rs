//! The last release's evidence: a folder laid out as this one's, or one file.

use std::path::PathBuf;

use super::gate_run::once;
use super::gathered::too_many;
use super::request::Request;
use super::statements;
use crate::model::report::{Fault, Place};
use crate::model::verdict::Reason;
use crate::policy::gate::Gate;
use crate::workspace::walk::{self, Entry, Nature};

/// The last release's evidence, as far as it could be found.
pub(super) struct Before {
    /// Where it lies, without symbolic links on the way.
    place: PathBuf,
    entries: Result<Vec<Entry>, Fault>,
    /// Whether one file was named, which serves every gate of its own kind.
    pub(super) one_file: bool,
}

impl Before {
    pub(super) fn find(request: &Request<'_>) -> Option<Self> {
        let named = request.baseline.as_ref()?;
        let place = named.canonicalize().unwrap_or_else(|_| named.clone());
        let one_file = !place.is_dir();
        let entries = if one_file {
            let (root, location) = (place.as_path().into(), place.clone());
            Ok(vec![Entry { root, path: named.display().to_string(), location, nature: Nature::File }])
        } else {
            let found = walk::entries(std::slice::from_ref(&place), request.policy.limits.entries, |_, nature| {
                nature != Nature::Outside
            });
            found.and_then(|entries| if entries.is_empty() { Err(nothing()) } else { Ok(entries) })
        };
        Some(Self { place, entries, one_file })
    }

    /// The files that a gate is compared with.
    pub(super) fn meant(&self, gate: &Gate, limit: usize) -> Result<Vec<&Entry>, Fault> {
        let entries = self.entries.as_ref().map_err(Fault::clone)?;
        let report = |entry: &Entry| gate.files.matches(&entry.path) && !statements::is_one(entries, entry);
        let meant = entries.iter().filter(|entry| self.one_file || report(entry));
        let meant = once(meant.collect());
        if meant.len() > limit { Err(too_many(meant.len(), limit)) } else { Ok(meant) }
    }

    /// What is said where it has nothing for a gate.
    pub(super) fn lacks(&self, gate: &Gate) -> String {
        if self.one_file {
            return "the baseline is one file, of a kind that this gate does not judge".to_owned();
        }
        let globs: Vec<_> = gate.files.globs().iter().map(|glob| format!("`{glob}`")).collect();
        format!("no file of the baseline matches {}", globs.join(", "))
    }

    /// Whether a file is part of the baseline, and so no evidence for this release.
    pub(super) fn holds(&self, entry: &Entry) -> bool {
        let target = (entry.nature == Nature::Link).then(|| entry.location.canonicalize().ok()).flatten();
        target.as_ref().unwrap_or(&entry.location).starts_with(&self.place)
    }
}

/// A baseline that was to be there and got lost is not the lack of one.
fn nothing() -> Fault {
    lost("the folder holds no file")
}

/// A report of the last release that has no byte.
pub(super) fn no_byte() -> Fault {
    lost("the file is empty, of 0 bytes, and so no report of the last release")
}

fn lost(what: &str) -> Fault {
    let message = format!(
        "{what}; fetch what the last release left anew, or leave `--baseline` out for a first release, and see \
         `first_release` in the policy"
    );
    Fault { reason: Reason::NotInBaseline, place: Place::Whole, message }
}

pub(super) fn compared_with_itself(entry: &Entry) -> Fault {
    Fault {
        reason: Reason::ComparedWithItself,
        place: Place::Whole,
        message: format!(
            "{} lies in the baseline, and would be evidence of this release as well; put the baseline elsewhere, or narrow the gate's glob",
            entry.path
        ),
    }
}
