//! A gate run: find the evidence of every gate, read it, judge it.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::{DateTime, Utc};

use crate::decide::gates::{self, Baseline, File, Found, Judgement, Subject};
use crate::evidence::{Tally, recognise};
use crate::model::decision::{self, Decision, Evidence, GateDecision, NotEvaluated, PolicySource, Protection};
use crate::model::kind::{Format, Kind};
use crate::model::notable::Notable;
use crate::model::report::{About, Fault, Place};
use crate::model::verdict::{Reason, Verdict};
use crate::policy::Policy;
use crate::policy::gate::{Gate, needs_baseline};
use crate::workspace::decode;
use crate::workspace::layers::PolicyFiles;
use crate::workspace::open::{self, Artifact};
use crate::workspace::walk::{self, Entry, Nature};

/// How many files of one gate are listed in the decision; all are counted.
const LISTED: usize = 1000;

/// What a run is asked.
pub struct Request<'r> {
    /// The policy, valid.
    pub policy: &'r Policy,
    /// The environment, which the policy knows.
    pub environment: String,
    /// The components, which the policy knows; empty when none was named.
    pub components: Vec<String>,
    /// The commit that is released, lower-case hexadecimal, where it is known.
    pub commit: Option<String>,
    /// SHA-256 digests of the artifacts that are released, where they are known.
    pub artifacts: Vec<String>,
    /// The repository, `owner/name`, where it is known.
    pub repository: Option<String>,
    /// The folders in which evidence is looked for.
    pub roots: Vec<PathBuf>,
    /// The last release's evidence: a folder laid out alike, or one file.
    pub baseline: Option<PathBuf>,
    /// Where the policy was read from.
    pub protection: Protection,
    /// The instant of the decision.
    pub now: DateTime<Utc>,
    /// Where files that the policy names are read from: as the policy itself was.
    pub policy_files: &'r PolicyFiles,
    /// Who is told what is being read.
    pub watch: &'r dyn Watch,
}

/// Is told what is being read, so that a person who waits can see it.
pub trait Watch: Sync {
    /// A file is about to be read.
    fn reading(&self, path: &str, bytes: u64);
    /// It has been read.
    fn done(&self, path: &str);
}

/// Judges every gate of the policy.
#[must_use]
pub fn run(request: &Request<'_>) -> Decision {
    let policy = request.policy;
    let here = walk::entries(&request.roots, policy.limits.entries);
    let before = Before::find(request);
    let subject = Subject {
        environment: &request.environment,
        components: &request.components,
        commit: request.commit.as_deref(),
        artifacts: &request.artifacts,
        protection: request.protection,
        now: request.now,
    };
    let gates = side_by_side(&policy.gates, |gate| {
        let gathered = match gates::elsewhere(gate, &subject) {
            Some(_) => Gathered::default(),
            None => Gathered::gather(request, gate, &here, before.as_ref()),
        };
        let judgement = gates::judge(gate, &subject, &gathered.found, &policy.waivers);
        said(gate, judgement, gathered)
    });
    let worst = gates::together(gates.iter().map(|gate| gate.verdict));
    Decision {
        version: decision::VERSION,
        decision: gates::outcome(worst),
        summary: crate::decide::summary::of(&gates, &request.environment),
        environment: request.environment.clone(),
        components: request.components.clone(),
        now: request.now,
        commit: request.commit.clone(),
        policy: policy
            .layers
            .iter()
            .map(|layer| PolicySource {
                path: layer.path.clone(),
                sha256: layer.sha256.clone(),
                from: layer.from.clone(),
            })
            .collect(),
        policy_from: request.protection,
        not_evaluated: not_evaluated(policy, &request.environment),
        gates,
    }
}

/// Does the same for every gate, two gates at a time; what came of it, in their order.
fn side_by_side<T: Send>(gates: &[Gate], judge: impl Fn(&Gate) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let work = || -> Vec<(usize, T)> {
        std::iter::from_fn(|| {
            let at = next.fetch_add(1, Ordering::Relaxed);
            gates.get(at).map(|gate| (at, judge(gate)))
        })
        .collect()
    };
    let mut done = std::thread::scope(|scope| {
        // Where no thread is to be had, this one does all of it.
        let aside = match gates {
            [_, _, ..] => std::thread::Builder::new().spawn_scoped(scope, work).ok(),
            _ => None,
        };
        let mut done = work();
        match aside.map(std::thread::ScopedJoinHandle::join) {
            Some(Ok(more)) => done.extend(more),
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            None => {}
        }
        done
    });
    done.sort_unstable_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, done)| done).collect()
}

fn said(gate: &Gate, judgement: Judgement, gathered: Gathered) -> GateDecision {
    let baseline = match gathered.found.baseline {
        Baseline::Known(measures) => measures,
        Baseline::Absent | Baseline::Unreadable(..) => crate::model::measures::Measures::new(),
    };
    GateDecision {
        name: gate.name.clone(),
        layer: gate.layer.clone(),
        kind: gate.kind,
        verdict: judgement.verdict,
        reason: judgement.reason,
        explanation: judgement.explanation,
        requirement: gate.require.as_ref().map(|require| require.source.clone()),
        verified_by: gate.verified_by.clone(),
        keep: gate.keep.clone(),
        measures: gathered.found.measures,
        baseline,
        evidence: gathered.evidence,
        evidence_count: gathered.found.files.len() as u64,
        notables: gathered.notables,
        notable_count: gathered.notable_count,
    }
}

/// What the policy demands beyond gates. The app judges it; the step says so.
fn not_evaluated(policy: &Policy, environment: &str) -> Vec<NotEvaluated> {
    let formal = policy.environments.iter().any(|known| known.name == environment && known.formal);
    let mut list = Vec::new();
    if formal {
        list.push(NotEvaluated {
            what: "approvals".to_owned(),
            because: format!("`{environment}` may need approvals; the app asks people and opens the deployment"),
        });
    }
    let because = |section: &str| -> &'static str {
        match section {
            "change" => "the app checks the change record",
            "incidents" => "the app knows the incidents that are open",
            "calendar" => "the app keeps closed hours, freezes and meetings",
            "people" | "roles" => "the app knows who holds which role",
            "packs" => "the app adds the checklists of regulations",
            _ => "the app judges it",
        }
    };
    for section in &policy.sections {
        list.push(NotEvaluated { what: section.clone(), because: because(section).to_owned() });
    }
    list
}

/// The last release's evidence, as far as it could be found.
struct Before {
    /// Where it lies, without symbolic links on the way.
    place: PathBuf,
    entries: Result<Vec<Entry>, Fault>,
    /// Whether one file was named, which serves every gate of its own kind.
    one_file: bool,
}

impl Before {
    fn find(request: &Request<'_>) -> Option<Self> {
        let named = request.baseline.as_ref()?;
        let place = named.canonicalize().unwrap_or_else(|_| named.clone());
        let one_file = !place.is_dir();
        let entries = if one_file {
            let (root, location) = (place.clone(), place.clone());
            Ok(vec![Entry { root, path: named.display().to_string(), location, nature: Nature::File }])
        } else {
            let found = walk::entries(std::slice::from_ref(&place), request.policy.limits.entries);
            found.and_then(|entries| if entries.is_empty() { Err(nothing()) } else { Ok(entries) })
        };
        Some(Self { place, entries, one_file })
    }

    /// The files that a gate is compared with.
    fn meant(&self, gate: &Gate, limit: usize) -> Result<Vec<&Entry>, Fault> {
        let entries = self.entries.as_ref().map_err(Fault::clone)?;
        let meant = entries.iter().filter(|entry| self.one_file || gate.files.matches(&entry.path));
        let meant: Vec<&Entry> = meant.collect();
        if meant.len() > limit { Err(too_many(meant.len(), limit)) } else { Ok(meant) }
    }

    /// Whether a file is part of the baseline, and so no evidence for this release.
    fn holds(&self, entry: &Entry) -> bool {
        let target = (entry.nature == Nature::Link).then(|| entry.location.canonicalize().ok()).flatten();
        target.as_ref().unwrap_or(&entry.location).starts_with(&self.place)
    }
}

/// A baseline that was to be there and got lost is not the lack of one.
fn nothing() -> Fault {
    Fault::malformed(
        Place::Whole,
        "holds no file; leave `--baseline` out for a first release, and see `first_release` in the policy",
    )
}

fn compared_with_itself(entry: &Entry) -> Fault {
    Fault {
        reason: Reason::ComparedWithItself,
        place: Place::Whole,
        message: format!(
            "{} lies in the baseline, and would be evidence of this release as well; put the baseline elsewhere, or narrow the gate's glob",
            entry.path
        ),
    }
}

/// What was found for one gate, and what is said of it.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) found: Found,
    pub(super) evidence: Vec<Evidence>,
    pub(super) notables: Vec<Notable>,
    pub(super) notable_count: u64,
}

impl Gathered {
    fn gather(request: &Request<'_>, gate: &Gate, here: &Result<Vec<Entry>, Fault>, before: Option<&Before>) -> Self {
        let mut gathered = Self::default();
        let entries = match here {
            Ok(entries) => entries,
            Err(fault) => {
                gathered.found.trouble = Some(fault.clone());
                return gathered;
            }
        };
        // A folder may lie in another that is named too, and its files still count once.
        let mut seen = HashSet::new();
        let meant = entries.iter().filter(|entry| gate.files.matches(&entry.path) && seen.insert(&entry.location));
        let meant: Vec<&Entry> = meant.collect();
        let limit = request.policy.limits.files;
        gathered.found.trouble = if meant.len() > limit {
            Some(too_many(meant.len(), limit))
        } else {
            meant
                .iter()
                .find(|entry| before.is_some_and(|before| before.holds(entry)))
                .map(|entry| compared_with_itself(entry))
        };
        if gathered.found.trouble.is_some() {
            return gathered;
        }
        match gate.kind {
            Kind::Signature => super::signatures::gather(request, gate, entries, &meant, &mut gathered),
            Kind::Checklist => super::checklists::gather(request, gate, entries, &meant, &mut gathered),
            _ => gathered.tally(request, gate, &meant, before),
        }
        gathered
    }

    /// Reads the reports of a gate into one tally, after the baseline's where one is needed.
    fn tally(&mut self, request: &Request<'_>, gate: &Gate, meant: &[&Entry], before: Option<&Before>) {
        let compared = [&gate.require, &gate.first_release]
            .into_iter()
            .flatten()
            .any(|expression| needs_baseline(expression, gate.kind));
        let before = before.filter(|_| compared && !meant.is_empty());
        let remembered = before.and_then(|before| self.remember(request, gate, before));
        let Some(mut tally) = Tally::new(gate.kind, remembered) else { return };
        for entry in meant {
            let path = entry.path.clone();
            let (evidence, about, outcome) =
                report(request, &path, open::entry(entry, request.policy.limits.bytes), gate.kind, &mut tally);
            if self.evidence.len() < LISTED {
                self.evidence.push(evidence);
            }
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
            self.found.measures = measures;
        }
        self.notable_count = notables.seen();
        self.notables = notables.into_sorted();
    }

    /// Reads the last release's reports.
    fn remember(&mut self, request: &Request<'_>, gate: &Gate, before: &Before) -> Option<Tally> {
        let mut tally = Tally::for_baseline(gate.kind)?;
        let limits = request.policy.limits;
        let meant = match before.meant(gate, limits.files) {
            Ok(meant) => meant,
            Err(fault) => {
                self.found.baseline = Baseline::Unreadable("folder".to_owned(), fault);
                return None;
            }
        };
        let mut any = false;
        // Each is opened when its turn comes: open files and mappings are few.
        for entry in meant {
            match report(request, &entry.path, open::entry(entry, limits.bytes), gate.kind, &mut tally).2 {
                Ok(()) => any = true,
                Err(fault) if fault.reason == Reason::OtherKind && before.one_file => {}
                Err(fault) if fault.reason == Reason::EmptyReport => any = true,
                Err(fault) => {
                    self.found.baseline = Baseline::Unreadable(entry.path.clone(), fault);
                    return None;
                }
            }
        }
        if !any {
            return None;
        }
        self.found.baseline = Baseline::Known(tally.measures());
        Some(tally)
    }
}

pub(super) fn too_many(found: usize, limit: usize) -> Fault {
    Fault {
        reason: Reason::BeyondLimit,
        place: Place::Whole,
        message: format!(
            "{found} files match, where at most {limit} are read; narrow the glob, or raise `limits.files` in the policy"
        ),
    }
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
            let same = matches!(text, decode::Text::Same(_));
            let (digest, sound, read) = open::while_digesting(&artifact, same, || {
                let format = format(&text, kind)?;
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

/// The format of some content, which must be one of the kind that the gate judges.
pub(super) fn format(text: &[u8], kind: Kind) -> Result<Format, Fault> {
    let fault = |reason, message: String| Fault { reason, place: Place::Whole, message };
    if text.iter().all(u8::is_ascii_whitespace) {
        return Err(fault(Reason::Malformed, "the file is empty; the step that makes it may have failed".to_owned()));
    }
    let Some(format) = recognise(text) else {
        let read: Vec<_> =
            Format::ALL.iter().filter(|format| format.kind() == kind).map(|format| format.title()).collect();
        return Err(fault(
            Reason::Unrecognised,
            format!("none of the formats that this gate reads: {}", read.join(", ")),
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

/// The entries of a walk that are plain files.
pub(super) fn plain(entries: &[Entry]) -> impl Iterator<Item = &Entry> {
    entries.iter().filter(|entry| entry.nature == Nature::File)
}
