//! What a GitHub job takes beside the summary: annotations and outputs.
//!
//! Annotations are workflow commands on standard output. GitHub shows ten
//! errors, ten warnings and ten notices of a step, and a runner cuts a message
//! at 4,096 characters. Outputs go to the file `$GITHUB_OUTPUT`; those of a job
//! may take 1 MB together, counted in UTF-16.

use std::fmt::Write as _;

use super::{json, location, neutral, words};
use crate::model::decision::{Decision, GateDecision};
use crate::model::notable::{Notable, Weight};
use crate::model::verdict::Verdict;

/// How many annotations of one level a step may have.
const EACH: usize = 10;
/// How many of them may be about gates when findings want the rest.
const GATES: usize = 5;
/// How long a title is, in bytes.
const TITLE: usize = 200;
/// How long a message is, in bytes.
const MESSAGE: usize = 3_500;

/// How long the outputs may be together, in bytes of UTF-8: GitHub counts two
/// bytes for every UTF-16 unit, of which text has at most one a byte, and other
/// steps of the job need room too.
const OUTPUTS: usize = 450_000;
/// How long a list of gates may be, in bytes.
const NAMES: usize = 50_000;

/// The delimiter may not end a value of `$GITHUB_OUTPUT` here.
#[derive(Debug, thiserror::Error)]
pub enum OutputFault {
    /// The delimiter occurs in a value, or is not one.
    #[error("the delimiter for `$GITHUB_OUTPUT` does not fit the values; run again with another random one")]
    Delimiter,
    /// The document could not be written.
    #[error("the decision document could not be written: {0}")]
    Document(#[from] serde_json::Error),
}

/// How GitHub shows an annotation.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Error,
    Warning,
    Notice,
}

impl Level {
    const ALL: [Self; 3] = [Self::Error, Self::Warning, Self::Notice];

    fn command(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice => "notice",
        }
    }

    fn of_gate(verdict: Verdict) -> Option<Self> {
        match verdict {
            Verdict::Block | Verdict::Indeterminate => Some(Self::Error),
            Verdict::Pending => Some(Self::Warning),
            Verdict::Waived => Some(Self::Notice),
            Verdict::Pass | Verdict::NotApplicable => None,
        }
    }

    fn of_entry(weight: Weight) -> Self {
        match weight {
            Weight::Error => Self::Error,
            Weight::Warning => Self::Warning,
            Weight::Note => Self::Notice,
        }
    }
}

/// The workflow commands for the gates that do not simply pass, and for the
/// first entries of those that hold, at the lines that they name. `workspace`
/// is the absolute path of the repository in the job (`$GITHUB_WORKSPACE`).
#[must_use]
pub fn annotations(decision: &Decision, workspace: Option<&str>) -> String {
    let gates = words::ranked(decision);
    let mut entries: Vec<_> =
        words::holding(decision).flat_map(|gate| gate.notables.iter().map(move |notable| (gate, notable))).collect();
    entries.sort_by_key(|(_, notable)| std::cmp::Reverse((notable.weight, notable.new, notable.rank)));
    let mut out = String::new();
    for level in Level::ALL {
        let gates: Vec<_> = gates.iter().filter(|gate| Level::of_gate(gate.verdict) == Some(level)).collect();
        let entries: Vec<_> = entries.iter().filter(|(_, entry)| Level::of_entry(entry.weight) == level).collect();
        let for_gates = EACH - entries.len().min(EACH - GATES);
        let told = gates.len().min(for_gates);
        let shown = entries.len().min(EACH - told);
        for (at, gate) in gates.iter().take(told).enumerate() {
            let more = if at + 1 == told { gates.len() - told } else { 0 };
            out.push_str(&of_gate(level, gate, more));
        }
        for (gate, notable) in entries.into_iter().take(shown) {
            out.push_str(&of_entry(level, gate, notable, workspace));
        }
    }
    out
}

/// The annotation of a run that came to no decision.
#[must_use]
pub fn undecided(why: &str) -> String {
    format!("::error title=Countersign came to no decision::{}\n", neutral::command_data(why, MESSAGE))
}

fn of_gate(level: Level, gate: &GateDecision, more: usize) -> String {
    let title = format!("{}: {}", words::label(gate.verdict), gate.title());
    let mut message = neutral::command_data(&gate.explanation, MESSAGE);
    if more > 0 {
        // Writing to a string does not fail.
        let _ = write!(message, " (and {more} more gates, which the job's summary lists)");
    }
    format!("::{} title={}::{message}\n", level.command(), neutral::command_property(&title, TITLE))
}

fn of_entry(level: Level, gate: &GateDecision, notable: &Notable, workspace: Option<&str>) -> String {
    let about = if notable.title.is_empty() { String::new() } else { format!(": {}", notable.title) };
    let title = neutral::command_property(&format!("{}{about}", gate.title()), TITLE);
    let path = notable.path.as_deref().and_then(|path| location::relative(path, workspace));
    let mut message = if notable.message.trim().is_empty() { notable.title.clone() } else { notable.message.clone() };
    let mut place = String::new();
    if let Some(path) = path {
        place = format!("file={},", neutral::command_property(&path, usize::MAX));
        if let Some(line) = notable.line.filter(|line| *line > 0) {
            let _ = write!(place, "line={line},");
        }
    } else if let Some(shown) = location::shown(notable) {
        let _ = write!(message, " ({shown})");
    }
    let message = neutral::command_data(&message, MESSAGE);
    format!("::{} {place}title={title}::{message}\n", level.command())
}

/// What is appended to `$GITHUB_OUTPUT`: `decision` (`proceed` or `hold`), `id` (what it is called),
/// `blocked` and `held` (JSON lists of the gates that block, and of all that
/// hold), and `json` (the decision document on one line, cut as its `left_out`
/// says where it is too long). `delimiter` is fresh and random, of at least 16
/// letters, digits, `_` or `-`.
pub fn outputs(decision: &Decision, delimiter: &str) -> Result<String, OutputFault> {
    let blocking = words::holding(decision).filter(|gate| gate.verdict == Verdict::Block);
    let blocked = json::names(blocking.map(GateDecision::title), NAMES)?;
    let held = json::names(words::holding(decision).map(GateDecision::title), NAMES)?;
    let document = json::within(decision, OUTPUTS - 2 * NAMES)?;
    let values = [
        ("decision", words::outcome(decision)),
        ("id", decision.id.as_str()),
        ("blocked", &blocked),
        ("held", &held),
        ("json", &document),
    ];
    let mut out = String::new();
    for (name, value) in values {
        out.push_str(&neutral::heredoc(name, value, delimiter).ok_or(OutputFault::Delimiter)?);
    }
    Ok(out)
}
