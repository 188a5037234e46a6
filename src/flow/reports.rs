//! Reads the reports of a gate into one tally, beside the last release's where
//! the requirement compares with it.

use std::collections::{HashMap, HashSet};

use super::baseline::{Before, no_byte};
use super::gathered::{Copied, Gathered, format, shown};
use super::request::Request;
use crate::decide::gates::{Baseline, File, Table};
use crate::evidence::{Tally, gatling};
use crate::model::decision::Evidence;
use crate::model::kind::Kind;
use crate::model::report::{About, Fault};
use crate::model::verdict::{Reason, Verdict};
use crate::policy::gate::{Gate, needs_baseline};
use crate::workspace::decode;
use crate::workspace::open::{self, Artifact};
use crate::workspace::walk::Entry;

/// How many files of one gate are listed in the decision; all are counted.
const LISTED: usize = 1000;

impl Gathered {
    /// Reads the reports of a gate into one tally, after the baseline's where one is needed.
    pub(super) fn tally(
        &mut self,
        request: &Request<'_>,
        gate: &Gate,
        entries: &[Entry],
        meant: &[&Entry],
        before: Option<&Before>,
    ) {
        let compared = [&gate.require, &gate.first_release]
            .into_iter()
            .flatten()
            .any(|expression| needs_baseline(expression, gate.kind));
        let before = before.filter(|_| compared && !meant.is_empty());
        let mut here: HashSet<&str> = meant.iter().map(|entry| entry.path.as_str()).collect();
        let remembered = before.and_then(|before| self.remember(request, gate, before, &mut here));
        let Some(tally) = Tally::new(gate.kind, remembered) else { return };
        let mut tally = tally.within(request.policy.limits.reading);
        let mut copies = Copies::among(meant);
        for entry in meant {
            let path = shown(request, entry);
            let place = here.get(entry.path.as_str()).copied();
            let artifact = open::entry(entry, request.policy.limits.bytes);
            let known = copies.of(entry, artifact.as_ref().ok());
            if let Some(known) = &known {
                self.copied(&path, known, gate.kind != Kind::Findings);
            }
            let (evidence, mut about, mut outcome) = match known {
                Some(Known { evidence, about, outcome }) if !tally.reads_copies() => {
                    (Evidence { path: path.clone(), ..evidence }, about, outcome)
                }
                known => {
                    tally.at(place);
                    let counts = known.and_then(|_| tally.counts());
                    let read = report(request, &path, artifact, gate.kind, &mut tally);
                    if let Some(counts) = counts {
                        tally.only(counts);
                    }
                    copies.note(entry, &read.0, &read.1, &read.2);
                    read
                }
            };
            let digest = evidence.sha256.clone().unwrap_or_default();
            self.evidence.push(evidence);
            if outcome.is_ok() {
                outcome = self.stated_beside(request, entries, entry, &digest, &mut about);
            }
            self.evidence.truncate(LISTED);
            self.found.files.push(File { path, about, fault: outcome.err() });
        }
        // Measures of which a part could not be read are no measures.
        let whole = self
            .found
            .files
            .iter()
            .all(|file| file.fault.as_ref().is_none_or(|fault| fault.reason.verdict() != Verdict::Indeterminate));
        let any = self.found.files.iter().any(|file| file.fault.is_none());
        let (measures, notables) = tally.finish();
        if whole && any {
            self.found.measures = Table::Read(measures);
        }
        self.notable_count = notables.seen();
        self.notables = notables.into_sorted();
    }

    /// Notes that a file is a copy of one before it.
    fn copied(&mut self, path: &str, known: &Known, once: bool) {
        if let Some(copied) = &mut self.copies {
            copied.more += 1;
        } else {
            let of = known.evidence.path.clone();
            self.copies = Some(Copied { path: path.to_owned(), of, more: 0, once });
        }
    }

    /// Reads the last release's reports. Of the paths of this one's, those are left that the last one's have too.
    fn remember(
        &mut self,
        request: &Request<'_>,
        gate: &Gate,
        before: &Before,
        here: &mut HashSet<&str>,
    ) -> Option<Tally> {
        let limits = request.policy.limits;
        let mut tally = Tally::for_baseline(gate.kind)?.within(limits.reading);
        let meant = match before.meant(gate, limits.files) {
            Ok(meant) => meant,
            Err(fault) => {
                self.found.baseline = Baseline::Unreadable("folder".to_owned(), fault);
                return None;
            }
        };
        // One file serves reports that lie elsewhere.
        let there: HashSet<&str> = meant.iter().filter(|_| !before.one_file).map(|entry| entry.path.as_str()).collect();
        here.retain(|path| there.contains(path));
        let mut any = false;
        // Each is opened when its turn comes: open files and mappings are few.
        let mut copies = Copies::among(&meant);
        for entry in meant {
            let place = here.get(entry.path.as_str()).copied();
            let artifact = open::entry(entry, limits.bytes);
            let is_copy = copies.of(entry, artifact.as_ref().ok()).is_some();
            if is_copy && !tally.reads_copies() {
                continue;
            }
            tally.at(place);
            let counts = tally.counts().filter(|_| is_copy);
            let (evidence, about, outcome) = report(request, &entry.path, artifact, gate.kind, &mut tally);
            if let Some(counts) = counts {
                tally.only(counts);
            }
            copies.note(entry, &evidence, &about, &outcome);
            match outcome {
                Ok(()) => any = true,
                Err(fault) if fault.reason == Reason::Malformed && evidence.bytes == 0 => {
                    self.found.baseline = Baseline::Unreadable(entry.path.clone(), no_byte());
                    return None;
                }
                Err(fault) if fault.reason == Reason::OtherKind && before.one_file => {}
                Err(fault) if fault.reason == Reason::EmptyReport => any = true,
                Err(fault) => {
                    self.found.baseline = Baseline::Unreadable(entry.path.clone(), fault);
                    return None;
                }
            }
        }
        if !any {
            self.found.baseline = Baseline::Without(before.lacks(gate));
            return None;
        }
        self.found.baseline = Baseline::Known(Table::Read(tally.measures()));
        Some(tally)
    }
}

/// What was read already, so that the same bytes under another path count once: a report that was passed on twice says no
/// more than it did before.
struct Copies {
    /// The sizes that more than one file has; no other file is another's copy.
    shared: HashSet<u64>,
    /// By size, and then by digest.
    read: HashMap<u64, HashMap<String, Known>>,
}

/// What came of a report that was read.
#[derive(Clone)]
struct Known {
    evidence: Evidence,
    about: About,
    outcome: Result<(), Fault>,
}

impl Copies {
    fn among(meant: &[&Entry]) -> Self {
        let mut seen = HashSet::new();
        let sizes = meant.iter().filter_map(|entry| size(entry));
        Self { shared: sizes.filter(|size| !seen.insert(*size)).collect(), read: HashMap::new() }
    }

    fn may_be_one(&self, entry: &Entry) -> bool {
        !self.shared.is_empty() && size(entry).is_some_and(|size| self.shared.contains(&size))
    }

    /// What came of the same bytes before.
    fn of(&self, entry: &Entry, artifact: Option<&Artifact>) -> Option<Known> {
        let artifact = artifact.filter(|artifact| !artifact.is_empty() && self.may_be_one(entry))?;
        // The first of a size is digested while it is read.
        let known = self.read.get(&artifact.length())?.get(&open::sha256(artifact))?.clone();
        Some(Known { outcome: artifact.unchanged().and(known.outcome), ..known })
    }

    fn note(&mut self, entry: &Entry, evidence: &Evidence, about: &About, outcome: &Result<(), Fault>) {
        if let Some(digest) = evidence.sha256.as_ref().filter(|_| self.may_be_one(entry)) {
            let known = Known { evidence: evidence.clone(), about: about.clone(), outcome: outcome.clone() };
            self.read.entry(evidence.bytes).or_default().entry(digest.clone()).or_insert(known);
        }
    }
}

/// How many bytes a file has, as far as that is told without opening it.
fn size(entry: &Entry) -> Option<u64> {
    entry.location.metadata().ok().map(|about| about.len())
}

/// Reads one report into a tally.
fn report(
    request: &Request<'_>,
    path: &str,
    artifact: Result<Artifact, Fault>,
    kind: Kind,
    tally: &mut Tally,
) -> (Evidence, About, Result<(), Fault>) {
    let mut evidence = Evidence { path: path.to_owned(), sha256: None, format: None, tool: None, bytes: 0 };
    let mut about = About::default();
    let artifact = match artifact {
        Ok(artifact) => artifact,
        Err(fault) => return (evidence, about, Err(fault)),
    };
    evidence.bytes = artifact.length();
    request.watch.reading(path, artifact.length());
    let outcome = match decode::text(&artifact) {
        Ok(text) => {
            // The reader of XML sees for itself that every byte of it is UTF-8, and what is told to be binary is no text.
            let unseen = matches!(text, decode::Text::Same(_))
                && !text.trim_ascii_start().starts_with(b"<")
                && gatling::binary_version(&text).is_none();
            let (digest, sound, read) = open::while_digesting(&artifact, unseen, || {
                let format = format(&text, &request.policy.limits.reading, kind)?;
                let read = tally.read(format, &text, &mut about);
                Ok((format, read))
            });
            evidence.sha256 = Some(digest);
            match read {
                Ok((format, read)) => {
                    evidence.format = Some(format);
                    sound.and(read)
                }
                Err(fault) => sound.and(Err(fault)),
            }
        }
        Err(fault) => {
            evidence.sha256 = Some(open::sha256(&artifact));
            Err(fault)
        }
    };
    request.watch.done(path);
    evidence.tool.clone_from(&about.tool);
    // What changed while it was read says nothing, whatever it seemed to say.
    (evidence, about, artifact.unchanged().and(outcome))
}
