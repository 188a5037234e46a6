//! Evidence that jobs submitted becomes the facts that gates are judged by: its bytes are read again, by the same readers as
//! in the step. A file counts for what it is, and nothing that a step said of it does.
//!
//! Facts say of several files together what they are about. Where one of them is about something else, or does not say
//! what a gate asks, that is what is said of all.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use tempfile::TempDir;

use super::baseline::Before;
use super::gate_run::meant;
use super::gathered::Gathered;
use super::request::{Request, Watch};
use super::statements;
use crate::decide::gates::{Baseline, File, ItemState, Table, names_commit};
use crate::forge::job::moves;
use crate::model::decision::Protection;
use crate::model::facts::{Fact, Facts, GateEvidence};
use crate::model::kind::Kind;
use crate::model::measures::Measure;
use crate::model::report::digest;
use crate::model::verdict::{Reason, Verdict};
use crate::policy::Policy;
use crate::policy::gate::{Gate, Same, needs_baseline};
use crate::store::submitted::Submitted;
use crate::workspace::layers::From;
use crate::workspace::walk::{self, Entry, Nature};

/// What is said of signatures: nobody here verifies those that are submitted.
const UNVERIFIED: &str =
    "the app does not verify signatures that are submitted; state who signed in the document of `--with`";
/// What is said where nobody knows what the last release measured.
pub(super) const NO_BASELINE: &str =
    "the record has no reports of the last release for this gate; state what it measured in the document of `--with`";
/// What is said where the reports of the last release cannot be told apart.
const NAMESAKES_BEFORE: &str = "several reports of the last release had the same path";
/// How often the same path may come with other bytes in one run: as many jobs may call their reports alike.
const NAMESAKES: usize = 256;

/// Files that were submitted, laid out below folders as the step had them: several folders where paths clash.
pub(super) struct Laid {
    folder: TempDir,
    roots: Vec<PathBuf>,
    /// By place, of which run it is and what wrote it.
    files: HashMap<PathBuf, (u64, String, String)>,
}

impl Laid {
    /// Nothing yet.
    pub(super) fn new() -> std::io::Result<Self> {
        // Paths are compared without symbolic links on the way.
        Ok(Self { folder: tempfile::tempdir()?, roots: Vec::new(), files: HashMap::new() })
    }

    /// Lays a file there.
    pub(super) fn add(&mut self, of: &Submitted, bytes: &[u8]) -> std::io::Result<()> {
        let mut last = std::io::Error::other("the same path came too often");
        for number in 0..NAMESAKES {
            let root = self.folder.path().canonicalize()?.join(format!("{}-{number}", of.run));
            let place = root.join(&of.path);
            match write(&place, bytes) {
                Ok(()) => {
                    if !self.roots.contains(&root) {
                        self.roots.push(root);
                    }
                    self.files.insert(place, (of.run, of.pipeline.clone(), of.digest.to_string()));
                    return Ok(());
                }
                Err(error) => last = error,
            }
            let clashes = matches!(
                last.kind(),
                std::io::ErrorKind::AlreadyExists
                    | std::io::ErrorKind::NotADirectory
                    | std::io::ErrorKind::IsADirectory
            );
            if !clashes {
                return Err(last);
            }
        }
        Err(last)
    }

    /// A sentence without the places where the files are laid out, which are other ones each time.
    fn without_places(&self, says: String) -> String {
        self.roots.iter().fold(says, |says, root| says.replace(&format!("{}/", root.display()), ""))
    }

    /// The one folder that has them all, where no paths clash.
    fn whole(&self) -> Option<&PathBuf> {
        self.roots.first().filter(|_| self.roots.len() == 1)
    }
}

fn write(place: &Path, bytes: &[u8]) -> std::io::Result<()> {
    std::fs::create_dir_all(place.parent().unwrap_or(Path::new("/")))?;
    OpenOptions::new().write(true).create_new(true).open(place)?.write_all(bytes)
}

/// What was submitted of the runs that wait, and of the last release.
pub(super) struct Found {
    /// The runs that wait.
    pub(super) runs: Vec<u64>,
    /// Their files.
    pub(super) files: Laid,
    /// The files of the last release, by the name of their gate; absent where there was none.
    pub(super) before: BTreeMap<String, Fact<Laid>>,
    /// What does not count.
    pub(super) lacking: Lacking,
}

/// What was submitted of the runs that wait, and does not count.
pub(super) struct Lacking {
    /// What a job has begun to submit, and not closed.
    pub(super) open: Vec<Submitted>,
    /// What earlier attempts of the runs brought.
    pub(super) earlier: Vec<Submitted>,
    /// In which attempt each run waits.
    pub(super) attempts: BTreeMap<u64, u64>,
}

/// Nobody watches.
struct Unwatched;

impl Watch for Unwatched {
    fn reading(&self, _: &str, _: u64) {}
    fn done(&self, _: &str) {}
}

/// The name by which facts state the evidence of a gate.
pub(super) fn key(policy: &Policy, gate: &Gate) -> String {
    let twice = policy.gates.iter().filter(|other| other.name == gate.name).nth(1).is_some();
    if twice { format!("{}/{}", gate.layer, gate.name) } else { gate.name.clone() }
}

/// The gates whose evidence is looked for: those that guard the environment, and read files.
pub(super) fn asking<'p>(policy: &'p Policy, environment: &str) -> impl Iterator<Item = &'p Gate> {
    let environment = environment.to_owned();
    policy
        .gates
        .iter()
        .filter(move |gate| gate.environments.is_empty() || gate.environments.contains(&environment))
        .filter(|gate| !gate.files.is_empty())
}

/// Whether a gate is compared with the last release.
pub(super) fn compares(gate: &Gate) -> bool {
    [&gate.require, &gate.first_release].into_iter().flatten().any(|stated| needs_baseline(stated, gate.kind))
}

/// Whether a gate reads a file, or the statement beside one.
pub(super) fn reads(gate: &Gate, path: &str) -> bool {
    gate.files.matches(path) || statements::belongs(&gate.files, path)
}

/// Whether the same files come to the same the next time, and not only for as long as something cannot be read.
pub(super) fn lasts(read: &Fact<GateEvidence>) -> bool {
    let fails = |reason: &Reason| matches!(reason, Reason::Unreadable | Reason::ChangedWhileRead);
    match read {
        Fact::Absent => true,
        Fact::Unavailable(why) => why == UNVERIFIED,
        Fact::Known(found) => {
            let why = found.baseline.unavailable();
            found.fault.as_ref().is_none_or(|(reason, _)| !fails(reason))
                && why.is_none_or(|why| [NO_BASELINE, NAMESAKES_BEFORE].contains(&why))
        }
    }
}

/// The evidence of every gate that asks for some.
pub(super) fn read(
    policy: &Policy,
    facts: &Facts,
    found: &Found,
    now: DateTime<Utc>,
) -> BTreeMap<String, Fact<GateEvidence>> {
    let entries = walk::entries(&found.files.roots, policy.limits.entries, |_, nature| nature == Nature::File);
    let asking = asking(policy, &facts.release.environment);
    let one = |gate: &Gate| match &entries {
        _ if gate.kind == Kind::Signature => Fact::Unavailable(UNVERIFIED.into()),
        Ok(entries) => evidence(policy, facts, gate, found, entries, now),
        Err(fault) => Fact::Unavailable(fault.to_string().into()),
    };
    asking.map(|gate| (key(policy, gate), one(gate))).collect()
}

fn evidence(
    policy: &Policy,
    facts: &Facts,
    gate: &Gate,
    found: &Found,
    entries: &[Entry],
    now: DateTime<Utc>,
) -> Fact<GateEvidence> {
    let meant = meant(gate, entries);
    let known: Vec<&(u64, String, String)> =
        meant.iter().filter_map(|entry| found.files.files.get(&entry.location)).collect();
    // What one run brought says nothing of another that waits for the same.
    let without: Vec<u64> = found.runs.iter().copied().filter(|run| !known.iter().any(|(of, ..)| of == run)).collect();
    if let Some(why) = found.lacking.holds(gate, &without) {
        return Fact::Known(why);
    }
    if meant.is_empty() || !without.is_empty() {
        return Fact::Absent;
    }
    // What stands beside a report is read with it, and is somebody's as well.
    let beside =
        meant.iter().filter_map(|report| found.files.files.get(&statements::beside(entries, report)?.location));
    let known: Vec<&(u64, String, String)> = known.into_iter().chain(beside).collect();
    let key = key(policy, gate);
    let last = if compares(gate) { found.before.get(&key) } else { None };
    let request = Request {
        policy,
        environment: facts.release.environment.clone(),
        components: Vec::new(),
        commit: Some(facts.release.commit.clone()),
        proposed: Vec::new(),
        artifacts: Vec::new(),
        repository: Some(facts.release.repository.clone()),
        roots: found.files.roots.clone(),
        baseline: last.and_then(Fact::known).and_then(Laid::whole).cloned(),
        protection: Protection::Protected,
        now,
        policy_files: &From::Files { files: BTreeMap::new(), name: "the record".to_owned() },
        watch: &Unwatched,
    };
    let before = Before::find(&request);
    let gathered = Gathered::gather(&request, gate, entries, &meant, before.as_ref());
    let baseline = match last {
        Some(Fact::Unavailable(why)) => Fact::Unavailable(why.clone()),
        Some(Fact::Known(laid)) if laid.whole().is_none() => Fact::Unavailable(NAMESAKES_BEFORE.into()),
        _ => stated(&gathered.found.baseline),
    };
    let sound: Vec<&File> = gathered.found.files.iter().filter(|file| file.fault.is_none()).collect();
    let measures = match &gathered.found.measures {
        Table::Read(measures) => measures.iter().map(|(name, it)| (name.to_owned(), it.clone())).collect(),
        Table::Stated(measures) => (*measures).clone(),
    };
    let ticked = gathered.found.items.iter().filter(|item| item.state == ItemState::Ticked);
    Fact::Known(GateEvidence {
        digests: known.iter().map(|(_, _, digest)| digest.clone()).collect::<BTreeSet<_>>().into_iter().collect(),
        measures,
        baseline,
        made_at: made_at(&sound),
        commits: commits(gate, &facts.release.commit, &sound),
        artifacts: artifacts(gate, facts, &sound),
        from: from(gate, known.iter().map(|(_, pipeline, _)| pipeline)),
        fault: elsewhere(gate, known.iter().map(|(_, pipeline, _)| pipeline))
            .or_else(|| fault(&gathered, &sound).map(|(reason, says)| (reason, found.files.without_places(says)))),
        signers: Vec::new(),
        ticked: ticked.map(|item| item.text.clone()).collect(),
    })
}

impl Lacking {
    /// Why a gate waits for what a job has not closed yet, or for what the present attempt of a run does not bring. `without`
    /// are the runs that have no report for it.
    fn holds(&self, gate: &Gate, without: &[u64]) -> Option<GateEvidence> {
        let of = |all: &'_ [Submitted]| -> Vec<Submitted> {
            all.iter().filter(|it| reads(gate, &it.path)).cloned().collect()
        };
        let open = of(&self.open);
        if let Some(first) = open.first() {
            let (count, run, attempt) = (open.len(), first.run, first.attempt);
            let says = format!(
                "a job of run {run} has begun to submit and has not ended: {count} of its files may not be all, such as \
                 `{}`; if the job of attempt {attempt} failed, re-run all jobs of the run",
                first.path
            );
            return Some(held(gate, &open, says));
        }
        let mut earlier = of(&self.earlier);
        earlier.retain(|it| without.contains(&it.run));
        let first = earlier.first()?;
        let now = self.attempts.get(&first.run).copied().unwrap_or_default();
        let says = format!(
            "attempt {now} of run {} has submitted none, and what attempt {} brought, such as `{}`, counts for that one \
             alone; re-run all jobs of the run, because re-running the failed ones leaves out those that submit",
            first.run, first.attempt, first.path
        );
        Some(held(gate, &earlier, says))
    }
}

/// Evidence that is there and does not count yet.
fn held(gate: &Gate, files: &[Submitted], says: String) -> GateEvidence {
    let digests: BTreeSet<String> = files.iter().map(|it| it.digest.to_string()).collect();
    GateEvidence {
        digests: digests.into_iter().collect(),
        from: from(gate, files.iter().map(|it| &it.pipeline)),
        baseline: Fact::Absent,
        made_at: Fact::Absent,
        fault: Some((Reason::NoEvidence, says)),
        ..GateEvidence::default()
    }
}

/// What a comparison came to, as facts state it.
fn stated(baseline: &Baseline<'_>) -> Fact<BTreeMap<String, Measure>> {
    match baseline {
        Baseline::Known(Table::Read(measures)) => {
            Fact::Known(measures.iter().map(|(name, it)| (name.to_owned(), it.clone())).collect())
        }
        Baseline::Known(Table::Stated(measures)) => Fact::Known((*measures).clone()),
        Baseline::Absent => Fact::Absent,
        Baseline::Without(why) => Fact::Unavailable(why.clone().into()),
        Baseline::Unreadable(path, fault) => Fact::Unavailable(format!("{path}: {fault}").into()),
    }
}

/// Why the files cannot be taken as evidence: one that cannot be understood spoils all, one that is empty only where no
/// other is there.
fn fault(gathered: &Gathered, sound: &[&File]) -> Option<(Reason, String)> {
    if let Some(fault) = &gathered.found.trouble {
        return Some((fault.reason, fault.to_string()));
    }
    let files = &gathered.found.files;
    let faulty = || files.iter().filter_map(|file| Some((file, file.fault.as_ref()?)));
    let said = |(file, fault): (&File, &crate::model::report::Fault)| (fault.reason, format!("{}: {fault}", file.path));
    if let Some(worst) = faulty().find(|(_, fault)| fault.reason.verdict() == Verdict::Indeterminate) {
        return Some(said(worst));
    }
    let failed = files.iter().find_map(|file| Some((file, file.about.tool_failure.as_ref()?)));
    if let Some((file, failure)) = failed {
        let says = format!("{}: the tool says that its own run failed: {failure}; run it again", file.path);
        return Some((Reason::ToolFailed, says));
    }
    faulty().next().filter(|_| sound.is_empty()).map(said)
}

/// When the oldest was made; absent where one, or a part of one, does not say.
fn made_at(sound: &[&File]) -> Fact<DateTime<Utc>> {
    let made = |file: &&File| file.about.made_at.filter(|_| !file.about.undated_part);
    let made: Option<Vec<DateTime<Utc>>> = sound.iter().map(made).collect();
    made.and_then(|made| made.into_iter().min()).map_or(Fact::Absent, Fact::Known)
}

/// The commits that they are about.
fn commits(gate: &Gate, commit: &str, sound: &[&File]) -> Vec<String> {
    let parts = || sound.iter().flat_map(|file| &file.about.commits);
    if let Some(other) = parts().find(|part| !part.iter().any(|named| names_commit(named, commit))) {
        // More commits than are told apart are about none.
        return if other.is_empty() { vec!["more than are told apart".to_owned()] } else { other.clone() };
    }
    let silent = |file: &&File| file.about.commits.is_empty() || file.about.silent_part;
    if gate.same == Some(Same::Commit) && sound.iter().any(silent) {
        return Vec::new();
    }
    parts().flatten().cloned().collect::<BTreeSet<_>>().into_iter().collect()
}

/// The artifacts that they are about.
fn artifacts(gate: &Gate, facts: &Facts, sound: &[&File]) -> Vec<String> {
    let guards = |name: &String| gate.components.is_empty() || gate.components.contains(name);
    let going = facts.release.components.iter().filter(|(name, _)| guards(name));
    let going: BTreeSet<String> =
        going.flat_map(|(_, it)| it.artifacts.entries()).filter_map(|it| digest(it)).collect();
    let named = || sound.iter().map(|file| &file.about.artifacts);
    let other = named().find(|named| !named.is_empty() && !named.iter().any(|digest| going.contains(digest)));
    if let Some(other) = other.filter(|_| !going.is_empty()) {
        return other.clone();
    }
    if gate.same == Some(Same::Artifact) && named().any(Vec::is_empty) {
        return Vec::new();
    }
    named().flatten().cloned().collect::<BTreeSet<_>>().into_iter().collect()
}

/// Why evidence is refused that a workflow of elsewhere made, called by what others can move: nobody who approves the commit
/// has seen what it does. Who names it in the policy knows that.
fn elsewhere<'p>(gate: &Gate, mut pipelines: impl Iterator<Item = &'p String>) -> Option<(Reason, String)> {
    let moving = pipelines.find(|pipeline| gate.from.is_none() && moves(pipeline))?;
    let says = format!(
        "it was made by `{moving}`, which can change without a review of this commit; call that workflow by its commit, or \
         name it with `from` in the policy"
    );
    Some((Reason::WrongSource, says))
}

/// The pipeline that wrote them; of several one that the gate does not name, where it names one.
fn from<'p>(gate: &Gate, pipelines: impl Iterator<Item = &'p String>) -> Fact<String> {
    let pipelines: BTreeSet<&String> = pipelines.collect();
    let other = pipelines.iter().find(|pipeline| gate.from.as_ref().is_some_and(|wanted| wanted != **pipeline));
    let found = other.or_else(|| pipelines.first().filter(|_| pipelines.len() == 1 || gate.from.is_some()));
    found.map_or(Fact::Absent, |found| Fact::Known((*found).clone()))
}
