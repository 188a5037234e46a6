//! A gate run: find the evidence of every gate, read it, judge it.

use std::borrow::Cow;
use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::baseline::{Before, compared_with_itself};
use super::gathered::{Gathered, too_many};
use super::request::Request;
use super::{checklists, signatures, statements};
use crate::decide::gates::{self, Baseline, Judgement};
use crate::model::decision::{self, Decision, GateDecision, NotEvaluated};
use crate::model::kind::Kind;
use crate::model::measures::Measures;
use crate::model::report::Fault;
use crate::policy::gate::Gate;
use crate::policy::{Policy, Source};
use crate::workspace::walk::{self, Entry, Nature};

/// Judges every gate of the policy.
#[must_use]
pub fn run(request: &Request<'_>) -> Decision {
    let policy = request.policy;
    // A signature may be about any file, so beside one nothing is passed over.
    let signed = policy.gates.iter().any(|gate| gate.trust.names_a_signer());
    let reads = |gate: &Gate, path: &str| gate.files.matches(path) || statements::belongs(&gate.files, path);
    let meant = |path: &str, nature: Nature| match nature {
        Nature::Outside => policy.gates.iter().any(|gate| gate.files.reaches(path)),
        Nature::File | Nature::Link | Nature::Special => signed || policy.gates.iter().any(|gate| reads(gate, path)),
    };
    let here = walk::entries(&request.roots, policy.limits.entries, meant);
    let before = Before::find(request);
    let subject = request.subject();
    let limits = policy.limits;
    let work: Vec<Work<'_>> = policy
        .gates
        .iter()
        .map(|gate| match (&here, gates::elsewhere(gate, &subject)) {
            (Ok(entries), None) => Work::new(gate, entries, limits.files),
            _ => Work { gate, meant: Vec::new(), bytes: 0 },
        })
        .collect();
    let gates = side_by_side(&work, |Work { gate, meant, .. }| {
        let gathered = match (&here, gates::elsewhere(gate, &subject)) {
            (_, Some(_)) => Gathered::default(),
            (Ok(entries), None) => Gathered::gather(request, gate, entries, meant, before.as_ref()),
            (Err(fault), None) => Gathered::in_trouble(fault.clone()),
        };
        let judgement = gates::judge(gate, &subject, &gathered.found, &policy.waivers);
        said(gate, judgement, gathered, has_namesake(gate, policy))
    });
    let worst = gates::together(gates.iter().map(|gate| gate.verdict));
    Decision {
        version: decision::VERSION,
        id: String::new(),
        decision: gates::outcome(worst),
        summary: crate::decide::summary::of(&gates, &request.environment),
        environment: request.environment.clone(),
        components: request.components.clone(),
        now: request.now,
        commit: request.commit.clone(),
        policy: policy.layers.iter().map(Source::by_content).collect(),
        policy_from: request.protection,
        not_evaluated: not_evaluated(policy, &request.environment),
        gates,
    }
    .identified()
}

/// What there is to do for one gate.
struct Work<'e> {
    gate: &'e Gate,
    /// The files that it means, each once.
    meant: Vec<&'e Entry>,
    /// How many bytes they have, about: nothing but an order is made of it.
    bytes: u64,
}

impl<'e> Work<'e> {
    fn new(gate: &'e Gate, entries: &'e [Entry], limit: usize) -> Self {
        let meant = meant(gate, entries);
        let size = |entry: &&Entry| entry.location.symlink_metadata().map_or(0, |about| about.len());
        let bytes = meant.iter().take(limit).map(size).fold(0, u64::saturating_add);
        Self { gate, meant, bytes }
    }
}

/// The files that are a gate's reports, each once: a folder may lie in another that is named too, and a link may lead
/// to a report beside it.
pub(super) fn meant<'e>(gate: &Gate, entries: &'e [Entry]) -> Vec<&'e Entry> {
    let report = |entry: &Entry| match entry.nature {
        Nature::Outside => gate.files.reaches(&entry.path),
        Nature::File | Nature::Link | Nature::Special => {
            gate.files.matches(&entry.path) && !statements::is_one(entries, entry)
        }
    };
    once(entries.iter().filter(|entry| report(entry)).collect())
}

/// The same files, each once, though links lead to it or several folders hold it.
pub(super) fn once<'e>(found: Vec<&'e Entry>) -> Vec<&'e Entry> {
    let plain = found.iter().filter(|entry| entry.nature == Nature::File);
    let files: HashSet<&Path> = plain.map(|entry| entry.location.as_path()).collect();
    let mut seen: HashSet<Cow<'e, Path>> = HashSet::new();
    let first = |entry: &&'e Entry| {
        let target = (entry.nature == Nature::Link).then(|| entry.location.canonicalize().ok()).flatten();
        match target {
            Some(target) => !files.contains(target.as_path()) && seen.insert(Cow::Owned(target)),
            None => seen.insert(Cow::Borrowed(&entry.location)),
        }
    };
    found.into_iter().filter(first).collect()
}

/// Does the same for every gate, two gates at a time and the largest first, so that
/// none is left to one thread at the end; what came of it, in their order.
fn side_by_side<'e, T: Send>(work: &[Work<'e>], judge: impl Fn(&Work<'e>) -> T + Sync) -> Vec<T> {
    let mut order: Vec<(usize, &Work<'e>)> = work.iter().enumerate().collect();
    order.sort_by_key(|(_, work)| std::cmp::Reverse(work.bytes));
    let next = AtomicUsize::new(0);
    let share = || -> Vec<(usize, T)> {
        std::iter::from_fn(|| {
            let (at, work) = order.get(next.fetch_add(1, Ordering::Relaxed))?;
            Some((*at, judge(work)))
        })
        .collect()
    };
    let mut done = std::thread::scope(|scope| {
        // Where no thread is to be had, this one does all of it.
        let aside = match order.as_slice() {
            [_, _, ..] => std::thread::Builder::new().spawn_scoped(scope, share).ok(),
            _ => None,
        };
        let mut done = share();
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

fn has_namesake(gate: &Gate, policy: &Policy) -> bool {
    policy.gates.iter().any(|other| other.name == gate.name && other.layer != gate.layer)
}

fn said(gate: &Gate, judgement: Judgement, gathered: Gathered, has_namesake: bool) -> GateDecision {
    let baseline = match gathered.found.baseline {
        Baseline::Known(measures) => measures.into_read(),
        Baseline::Absent | Baseline::Without(_) | Baseline::Unreadable(..) => Measures::new(),
    };
    let copies = gathered.copies.as_ref().map(|copied| format!("; {copied}"));
    GateDecision {
        name: gate.name.clone(),
        has_namesake,
        layer: gate.layer.clone(),
        kind: gate.kind,
        verdict: judgement.verdict,
        reason: judgement.reason,
        explanation: judgement.explanation + copies.as_deref().unwrap_or_default(),
        next: judgement.reason.next().filter(|_| !judgement.verdict.opens()),
        requirement: gate.require.as_ref().map(|require| require.source.clone()),
        verified_by: gate.verified_by.clone(),
        keep: gate.keep.clone(),
        measures: gathered.found.measures.into_read(),
        baseline,
        evidence: gathered.evidence,
        evidence_count: gathered.found.files.len() as u64 + gathered.statements,
        notables: gathered.notables,
        notable_count: gathered.notable_count,
    }
}

/// What the policy demands beyond gates. The decision about the release judges it; the step says so.
fn not_evaluated(policy: &Policy, environment: &str) -> Vec<NotEvaluated> {
    let formal = policy.environments.iter().any(|known| known.name == environment && known.formal);
    let mut list = Vec::new();
    if formal {
        list.push(NotEvaluated {
            what: "approvals".to_owned(),
            because: format!("`{environment}` may need approvals; `countersign decide` judges who approved"),
        });
    }
    let because = |section: &str| -> &'static str {
        match section {
            "change" => "`countersign decide` judges the change record",
            "incidents" => "`countersign decide` judges the incidents that are open",
            "calendar" => "`countersign decide` keeps closed hours, freezes and meetings",
            "people" | "roles" => "`countersign decide` tells who holds which role",
            _ => "`countersign decide` judges it",
        }
    };
    for section in &policy.sections {
        list.push(NotEvaluated { what: section.clone(), because: because(section).to_owned() });
    }
    let here = |gate: &&Gate| gate.environments.is_empty() || gate.environments.iter().any(|it| it == environment);
    for gate in policy.gates.iter().filter(here) {
        let workflow =
            gate.from.as_ref().map(|_| ("from", "`countersign decide` judges which workflow made the evidence"));
        let person = gate.verified_by.as_ref();
        let person = person.map(|_| ("verified_by", "`countersign decide` judges who verified the evidence"));
        for (key, because) in workflow.into_iter().chain(person) {
            let what = format!("gates.{}.{key}", gate.name);
            // Several layers may have a gate of one name.
            if list.iter().all(|entry| entry.what != what) {
                list.push(NotEvaluated { what, because: because.to_owned() });
            }
        }
    }
    list
}

impl Gathered {
    /// Nothing, because of a fault.
    fn in_trouble(fault: Fault) -> Self {
        let mut gathered = Self::default();
        gathered.found.trouble = Some(fault);
        gathered
    }

    /// Gathers the evidence of one gate from the files that it means.
    pub(super) fn gather(
        request: &Request<'_>,
        gate: &Gate,
        entries: &[Entry],
        meant: &[&Entry],
        before: Option<&Before>,
    ) -> Self {
        let mut gathered = Self::default();
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
            Kind::Signature => signatures::gather(request, gate, entries, meant, &mut gathered),
            Kind::Checklist => checklists::gather(request, gate, entries, meant, &mut gathered),
            _ => gathered.tally(request, gate, entries, meant, before),
        }
        gathered
    }
}
