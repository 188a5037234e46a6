//! What the app says of itself: an event with its fields for each thing that happens, and counts.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

/// Takes an event: its name, and its fields, a JSON object. No field has a secret.
pub type Journal = Arc<dyn Fn(&str, &Value) + Send + Sync>;

/// A count, by its name and one label.
type Series = (&'static str, &'static str, String);

/// Every count: its name, its label, and what it counts.
const COUNTERS: [(&str, &str, &str); 8] = [
    ("countersign_deliveries_total", "outcome", "Deliveries of a forge, by what became of them."),
    (
        "countersign_submissions_total",
        "outcome",
        "Submissions of evidence by jobs of pipelines, by what became of them.",
    ),
    ("countersign_decisions_total", "ruling", "Decisions that were recorded, by what they came to."),
    ("countersign_undecided_total", "why", "Times that a release could not be decided."),
    (
        "countersign_deployments_total",
        "outcome",
        "Times that something was recorded of a deployment, by whether a decision let it in.",
    ),
    ("countersign_effects_total", "outcome", "Attempts to tell a forge something, by what became of them."),
    ("countersign_messages_total", "outcome", "Attempts to tell people something, by what became of them."),
    ("countersign_sweeps_total", "outcome", "Times that a repository was read without having been told to."),
];

/// Every measure of what is: its name, and what it says.
const GAUGES: [(&str, &str); 7] = [
    ("countersign_waiting_releases", "Releases that wait before an environment."),
    (
        "countersign_given_up",
        "Effects that were given up in the last 30 days, and wait for somebody to have them tried again.",
    ),
    (
        "countersign_unread_deliveries",
        "Deliveries of which it could not be learned what they are about, until their repository is read.",
    ),
    ("countersign_kept_back_requests", "Requests that wait for a limit of the forge."),
    (
        "countersign_kept_back_until_timestamp_seconds",
        "Until when the last of them waits, in seconds of the Unix time; 0 where none does.",
    ),
    ("countersign_repositories", "Repositories that the app is installed on."),
    ("countersign_last_sweep_timestamp_seconds", "When all repositories were read last, in seconds of the Unix time."),
];

/// What is counted. Copies share it.
#[derive(Clone, Debug, Default)]
pub struct Counts(Arc<Mutex<Counted>>);

#[derive(Debug, Default)]
struct Counted {
    counters: BTreeMap<Series, u64>,
    gauges: BTreeMap<&'static str, i64>,
}

impl Counts {
    fn lock(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, name: &'static str, label: &str) {
        let key = COUNTERS.iter().find(|(known, ..)| *known == name).map_or("", |(_, key, _)| key);
        *self.lock().counters.entry((name, key, label.to_owned())).or_default() += 1;
    }

    /// A delivery came to something.
    pub fn delivery(&self, outcome: &'static str) {
        self.add("countersign_deliveries_total", outcome);
    }

    /// A job submitted evidence.
    pub fn submission(&self, outcome: &'static str) {
        self.add("countersign_submissions_total", outcome);
    }

    pub(super) fn decision(&self, ruling: &'static str) {
        self.add("countersign_decisions_total", ruling);
    }

    pub(super) fn undecided(&self, why: &'static str) {
        self.add("countersign_undecided_total", why);
    }

    pub(super) fn deployment(&self, outcome: &'static str) {
        self.add("countersign_deployments_total", outcome);
    }

    pub(super) fn effect(&self, outcome: &'static str) {
        self.add("countersign_effects_total", outcome);
    }

    pub(super) fn message(&self, outcome: &'static str) {
        self.add("countersign_messages_total", outcome);
    }

    pub(super) fn sweep(&self, outcome: &'static str) {
        self.add("countersign_sweeps_total", outcome);
    }

    fn set(&self, name: &'static str, value: i64) {
        self.lock().gauges.insert(name, value);
    }

    pub(super) fn waiting(&self, releases: usize) {
        self.set("countersign_waiting_releases", i64::try_from(releases).unwrap_or(i64::MAX));
    }

    pub(super) fn given_up(&self, effects: u64) {
        self.set("countersign_given_up", i64::try_from(effects).unwrap_or(i64::MAX));
    }

    pub(super) fn unlooked(&self, deliveries: usize) {
        self.set("countersign_unread_deliveries", i64::try_from(deliveries).unwrap_or(i64::MAX));
    }

    pub(super) fn kept_back(&self, waits: Option<(usize, i64)>) {
        let (requests, until) = waits.unwrap_or_default();
        self.set("countersign_kept_back_requests", i64::try_from(requests).unwrap_or(i64::MAX));
        self.set("countersign_kept_back_until_timestamp_seconds", until);
    }

    pub(super) fn swept(&self, repositories: usize, at: i64) {
        self.set("countersign_repositories", i64::try_from(repositories).unwrap_or(i64::MAX));
        self.set("countersign_last_sweep_timestamp_seconds", at);
    }

    /// Whether all repositories were read at least once.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.lock().gauges.contains_key("countersign_last_sweep_timestamp_seconds")
    }
}

/// Everything that desks count, in the text format of Prometheus, version 0.0.4. Where there are several, each says of which forge
/// it is.
#[must_use]
pub fn rendered(desks: &[(&'static str, Counts)]) -> String {
    let several = desks.len() > 1;
    let of = |forge: &str| if several { format!(",forge=\"{forge}\"") } else { String::new() };
    let all: Vec<_> = desks.iter().map(|(forge, counts)| (*forge, counts.lock())).collect();
    let mut out = String::new();
    for (name, _, help) in COUNTERS {
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} counter");
        for (forge, counted) in &all {
            for ((_, key, label), value) in counted.counters.iter().filter(|((known, ..), _)| *known == name) {
                let _ = writeln!(out, "{name}{{{key}=\"{label}\"{}}} {value}", of(forge));
            }
        }
    }
    for (name, help) in GAUGES {
        let known: Vec<(&str, i64)> =
            all.iter().filter_map(|(forge, counted)| Some((*forge, *counted.gauges.get(name)?))).collect();
        if known.is_empty() {
            continue;
        }
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge");
        for (forge, value) in known {
            let label = if several { format!("{{forge=\"{forge}\"}}") } else { String::new() };
            let _ = writeln!(out, "{name}{label} {value}");
        }
    }
    out
}
