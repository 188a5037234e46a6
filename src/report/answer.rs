//! The app's answer to a job, wherever that is read: a terminal, a job's page, outputs and reports for later steps.
//!
//! The answer came over the network, and all of it is said as text from elsewhere is.

use std::fmt::Write as _;

use super::{gitlab, json, neutral};
use crate::model::answer::Answer;

/// How long a sentence of the app's may be, in bytes.
const SENTENCE: usize = 2_000;
/// How long a name may be, in bytes.
const NAME: usize = 300;

/// By what the decision is found again in the app's record.
fn id(answer: &Answer) -> Option<String> {
    let id = neutral::line(answer.id.as_deref()?, NAME);
    Some(match answer.entry {
        Some(entry) => format!("{id}, entry {entry} of the record"),
        None => id,
    })
}

/// Lines for a person.
#[must_use]
pub fn text(answer: &Answer) -> String {
    let said = |text: &str| neutral::line(text, SENTENCE);
    let whose = format!("{} for commit {} into {}", answer.decision, answer.commit, answer.environment);
    let mut out = format!("{}\ndecision: {}\n", said(&answer.summary), said(&whose));
    if let Some(id) = id(answer) {
        let _ = writeln!(out, "id: {id}");
    }
    out
}

/// The document for programs, with a line end.
pub fn document(answer: &Answer) -> serde_json::Result<String> {
    json::write_pretty(answer)
}

/// A page for a job's summary, or a note.
#[must_use]
pub fn markdown(answer: &Answer) -> String {
    let code = |text: &str| neutral::code(text, NAME);
    let mut out = format!(
        "<p><strong>{}</strong>: {}</p>\n<p>commit {} into {}</p>\n",
        code(&answer.decision),
        neutral::prose(&answer.summary, SENTENCE),
        code(&answer.commit),
        code(&answer.environment),
    );
    if let Some(id) = &answer.id {
        let entry = answer.entry.map(|entry| format!(", entry {entry} of the record")).unwrap_or_default();
        let _ = writeln!(out, "<p>decision {}{entry}</p>", code(id));
    }
    out.push('\n');
    out
}

/// What is appended to `$GITHUB_OUTPUT`: `decision`, `id` and `json`. `None` where the delimiter does not fit the values.
pub fn outputs(answer: &Answer, delimiter: &str) -> serde_json::Result<Option<String>> {
    let one_line = json::write_compact(answer)?;
    let id = answer.id.clone().unwrap_or_default();
    let values =
        [("decision", neutral::line(&answer.decision, NAME)), ("id", neutral::line(&id, NAME)), ("json", one_line)];
    Ok(values.iter().map(|(name, value)| neutral::heredoc(name, value, delimiter)).collect())
}

/// The dotenv report, by the names that a gate's has.
#[must_use]
pub fn dotenv(answer: &Answer) -> String {
    let variables = [
        ("DECISION", answer.decision.as_str()),
        ("DECISION_ID", answer.id.as_deref().unwrap_or_default()),
        ("DECISION_ENVIRONMENT", &answer.environment),
        ("DECISION_COMMIT", &answer.commit),
    ];
    let mut out = String::new();
    for (name, value) in variables {
        let _ = writeln!(out, "COUNTERSIGN_{name}={}", gitlab::value(value));
    }
    out
}
