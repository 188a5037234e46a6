//! What a GitLab job takes beside the note, which is a page of
//! [`super::markdown`]: a dotenv report and a Code Quality report.
//!
//! A dotenv report may take 5 KB and, on the free tier, 20 variables; a value
//! has neither spaces nor quotes. A Code Quality report is a list of entries
//! with `description`, `check_name`, `fingerprint`, `severity` and `location`,
//! where a path is relative to the repository and has no `./` before it.

use std::collections::HashMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::fingerprint::fingerprint;
use super::{json, location, neutral, words};
use crate::model::decision::{Decision, GateDecision};
use crate::model::notable::{Notable, Weight};
use crate::model::verdict::Verdict;

/// How long a list of gates in the dotenv report may be, in bytes.
const NAMES: usize = 1_500;
/// How long any other value may be, in bytes.
const VALUE: usize = 400;
/// How many entries the Code Quality report has at most.
const ENTRIES: usize = 5_000;
/// How long a description is, in bytes.
const DESCRIPTION: usize = 500;
/// Where a gate's entry points when the policy lies outside the repository.
const POLICY: &str = ".countersign/policy.yml";
/// The name under which GitLab shows what is said of a gate.
const CHECK: &str = "countersign";

/// The dotenv report. Names of gates are percent-encoded and separated by
/// commas; where a list is cut, the count beside it is still of all.
///
/// GitLab gives these variables to later jobs, above the variables that those jobs
/// state themselves. So none is called like an option's variable: what one gate
/// decided must not say what the next one is asked.
#[must_use]
pub fn dotenv(decision: &Decision) -> String {
    let held: Vec<_> = words::holding(decision).collect();
    let blocked: Vec<_> = held.iter().copied().filter(|gate| gate.verdict == Verdict::Block).collect();
    let commit = decision.commit.as_deref().unwrap_or_default();
    let variables = [
        ("DECISION", words::outcome(decision).to_owned()),
        ("DECISION_ID", value(&decision.id)),
        ("DECISION_ENVIRONMENT", value(&decision.environment)),
        ("DECISION_COMMIT", value(commit)),
        ("DECISION_POLICY", words::protection(decision).to_owned()),
        ("GATES", decision.gates.len().to_string()),
        ("BLOCKED_COUNT", blocked.len().to_string()),
        ("BLOCKED", names(&blocked)),
        ("HELD_COUNT", held.len().to_string()),
        ("HELD", names(&held)),
    ];
    let mut out = String::new();
    for (name, value) in variables {
        let _ = writeln!(out, "COUNTERSIGN_{name}={value}");
    }
    out
}

pub(super) fn value(text: &str) -> String {
    let mut value = String::new();
    for character in text.chars() {
        let encoded = neutral::dotenv_value(character.encode_utf8(&mut [0; 4]));
        if value.len() + encoded.len() > VALUE {
            break;
        }
        value.push_str(&encoded);
    }
    value
}

fn names(gates: &[&GateDecision]) -> String {
    let mut list = String::new();
    for gate in gates {
        let name = neutral::dotenv_value(&gate.title());
        if list.len() + 1 + name.len() > NAMES {
            break;
        }
        if !list.is_empty() {
            list.push(',');
        }
        list.push_str(&name);
    }
    list
}

/// One entry of a Code Quality report.
#[derive(Serialize)]
struct Entry {
    description: String,
    check_name: String,
    fingerprint: String,
    severity: &'static str,
    location: Location,
}

#[derive(Serialize)]
struct Location {
    path: String,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: u32,
}

/// The Code Quality report: each gate that holds, at the first line of the
/// policy, and then the entries of its reports that name a place in the
/// repository. `workspace` is the absolute path of the repository in the job
/// (`$CI_PROJECT_DIR`).
pub fn code_quality(decision: &Decision, workspace: Option<&str>) -> serde_json::Result<String> {
    let policy = decision.policy.iter().rev().find_map(|policy| location::relative(&policy.path, workspace));
    let policy = policy.unwrap_or_else(|| POLICY.to_owned());
    let mut prints = Fingerprints::default();
    let gates = words::holding(decision).map(|gate| of_gate(decision, gate, &policy));
    let entries = words::holding(decision)
        .flat_map(|gate| gate.notables.iter().filter_map(move |notable| of_entry(gate, notable, workspace)));
    let mut all = gates.chain(entries);
    let mut report: Vec<Entry> = all.by_ref().take(ENTRIES).collect();
    for entry in &mut report {
        prints.tell_apart(&mut entry.fingerprint);
    }
    let unlisted = u64::try_from(all.count()).unwrap_or(u64::MAX);
    if unlisted > 0 {
        report.push(of_the_rest(unlisted, &policy));
    }
    json::write_pretty(&report)
}

fn of_the_rest(unlisted: u64, policy: &str) -> Entry {
    Entry {
        description: format!("{} more not shown; the reports themselves list all", words::grouped(unlisted)),
        check_name: CHECK.to_owned(),
        fingerprint: fingerprint(&["rest"]),
        severity: "info",
        location: Location { path: policy.to_owned(), lines: Lines { begin: 1 } },
    }
}

fn of_gate(decision: &Decision, gate: &GateDecision, policy: &str) -> Entry {
    let label = words::label(gate.verdict);
    Entry {
        description: neutral::line(&format!("{label}: {}: {}", gate.title(), gate.explanation), DESCRIPTION),
        check_name: CHECK.to_owned(),
        // The explanation has counts, which change while the answer stays.
        fingerprint: fingerprint(&["gate", &decision.environment, &gate.title(), gate.reason.code()]),
        severity: match gate.verdict {
            Verdict::Block => "blocker",
            Verdict::Indeterminate => "critical",
            _ => "major",
        },
        location: Location { path: policy.to_owned(), lines: Lines { begin: 1 } },
    }
}

fn of_entry(gate: &GateDecision, notable: &Notable, workspace: Option<&str>) -> Option<Entry> {
    let path = location::relative(notable.path.as_deref()?, workspace)?;
    let message = if notable.message.trim().is_empty() { &notable.title } else { &notable.message };
    Some(Entry {
        description: neutral::line(&format!("{}: {message}", gate.title()), DESCRIPTION),
        check_name: neutral::line(if notable.title.is_empty() { CHECK } else { &notable.title }, words::NAME),
        // Without the line, so that an entry stays the same when code above it moves.
        fingerprint: fingerprint(&["entry", &gate.title(), &notable.title, &notable.message, &path]),
        severity: match notable.weight {
            Weight::Error => "critical",
            Weight::Warning => "minor",
            Weight::Note => "info",
        },
        location: Location { path, lines: Lines { begin: notable.line.filter(|line| *line > 0).unwrap_or(1) } },
    })
}

/// Tells entries apart that are alike in all but their line: GitLab shows one of each fingerprint.
#[derive(Default)]
struct Fingerprints {
    seen: HashMap<String, u32>,
}

impl Fingerprints {
    fn tell_apart(&mut self, print: &mut String) {
        let times = self.seen.entry(print.clone()).or_default();
        if *times > 0 {
            *print = fingerprint(&[print, &times.to_string()]);
        }
        *times += 1;
    }
}
