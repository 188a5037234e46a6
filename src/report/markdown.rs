//! The decision as a page of Markdown: the summary of a GitHub job, and a note
//! on a GitLab merge request.
//!
//! The page is made of HTML blocks (GitHub Flavored Markdown 0.29, 4.6), in
//! which nothing is read as Markdown: text needs to be neutral as HTML, and
//! towards what forges look for in text afterwards, which they do not do within
//! `<code>`. Every line begins with a tag of ours, so none can be taken for a
//! quick action, a heading or the row of another table.
//!
//! The page never exceeds the bytes that it is given. The decision comes first,
//! then the gates that hold, and what does not fit is counted.

use std::fmt::Write as _;

use super::fingerprint::fingerprint;
use super::neutral::{code, prose};
use super::{location, words};
use crate::model::decision::{Decision, GateDecision, Outcome, Protection};
use crate::model::notable::Notable;

/// How long a page may be where nobody says otherwise, in bytes: GitHub takes
/// 1 MiB a step, and GitLab 1,000,000 characters a note.
pub const LIMIT: usize = 1_000_000;

/// How long a note is better kept, in bytes: forges give up rendering a long
/// one, and send it by e-mail to everyone who takes part.
pub const NOTE: usize = 100_000;

/// What a note of ours begins with, after `<!-- `. A note is ours when it begins
/// with the whole [`marker`] *and* was written by the account that writes ours:
/// anyone can write the marker.
pub const MARKER: &str = "countersign:gate:";

/// Room for a sentence that counts what is left out, and for the tags around it.
const TAIL: usize = 400;

/// How many files of a gate are listed.
const FILES: usize = 20;

/// The hidden first line of a note, by which it is found again and edited. It
/// is the same for the same environment and components.
#[must_use]
pub fn marker(decision: &Decision) -> String {
    let mut parts = vec![decision.environment.as_str()];
    parts.extend(decision.components.iter().map(String::as_str));
    let print = fingerprint(&parts);
    format!("<!-- {MARKER}{} -->", print.get(..16).unwrap_or_default())
}

/// The page, in at most `limit` bytes: empty where not even the decision and its summary fit.
#[must_use]
pub fn render(decision: &Decision, limit: usize) -> String {
    let foot = foot(decision);
    let mut page = Page { out: String::new(), limit };
    if !page.add(&format!("{}\n{}", marker(decision), head(decision))) {
        return page.out;
    }
    // What follows the gates is short, and kept room for.
    page.limit = limit.saturating_sub(foot.len());
    gates(&mut page, decision);
    page.limit = limit;
    page.add(&foot);
    details(&mut page, decision);
    page.out
}

/// The line of a run that came to no decision.
#[must_use]
pub fn undecided(why: &str) -> String {
    format!("<p><strong>Countersign came to no decision</strong>: {}</p>\n\n", prose(why, words::SENTENCE))
}

/// A page that takes a block or leaves it, never a part of one.
struct Page {
    out: String,
    limit: usize,
}

impl Page {
    fn room(&self) -> usize {
        self.limit.saturating_sub(self.out.len())
    }

    fn add(&mut self, block: &str) -> bool {
        let fits = block.len() <= self.room();
        if fits {
            self.out.push_str(block);
        }
        fits
    }

    /// Adds what begins with `open` and ends with `close`, and as many of the
    /// rows between as fit into `room`; says how many did. `more` is the row
    /// that tells of the others.
    fn table(
        &mut self,
        room: usize,
        (open, close): (&str, &str),
        rows: impl Iterator<Item = String>,
        more: impl FnOnce(usize) -> Option<String>,
    ) {
        let room = room.min(self.room()).saturating_sub(close.len() + TAIL);
        let mut block = open.to_owned();
        let mut shown = 0;
        for row in rows {
            if block.len() + row.len() > room {
                break;
            }
            block.push_str(&row);
            shown += 1;
        }
        if let Some(more) = more(shown) {
            block.push_str(&more);
        }
        block.push_str(close);
        self.add(&block);
    }
}

fn head(decision: &Decision) -> String {
    let word = match decision.decision {
        Outcome::Proceed => "Proceed",
        Outcome::Hold => "Hold",
    };
    let environment = code(&decision.environment, words::NAME);
    let summary = prose(&decision.summary, words::SENTENCE);
    format!("<h3>{word}: {environment}</h3>\n<p>{summary}</p>\n\n")
}

fn gates(page: &mut Page, decision: &Decision) {
    let gates = words::ranked(decision);
    if gates.is_empty() {
        return;
    }
    // Where everything is long, gates take the greater part and their entries the rest.
    let room = page.room() / 10 * 6;
    let open = "<table>\n<tr><th>Verdict</th><th>Gate</th><th>Why</th></tr>\n";
    page.table(room, (open, "</table>\n\n"), gates.iter().map(|gate| row(gate)), |shown| {
        let unlisted = gates.get(shown..).filter(|unlisted| !unlisted.is_empty())?;
        let count = words::grouped(u64::try_from(unlisted.len()).unwrap_or(u64::MAX));
        let tally = words::tally(unlisted.iter().copied());
        Some(format!("<tr><td></td><td></td><td>{count} more gates not shown: {tally}</td></tr>\n"))
    });
}

fn row(gate: &GateDecision) -> String {
    let verdict = format!("{} {}", words::sign(gate.verdict), words::label(gate.verdict));
    let verdict = if gate.verdict.opens() { verdict } else { format!("<strong>{verdict}</strong>") };
    let name = code(&gate.title(), words::NAME);
    format!("<tr><td>{verdict}</td><td>{name}</td><td>{}</td></tr>\n", prose(&gate.explanation, words::SENTENCE))
}

fn foot(decision: &Decision) -> String {
    // Writing to a string does not fail.
    let mut foot = String::new();
    for step in words::next_steps(decision, |name| code(name, words::NAME), |said| prose(said, words::SENTENCE)) {
        let _ = writeln!(foot, "<p>Next: {step}</p>");
    }
    let layers = words::policies(decision, |text| code(text, words::NAME));
    let _ = match decision.policy_from {
        Protection::Protected => writeln!(foot, "<p>policy: {}{layers}</p>", words::protection(decision)),
        Protection::Unprotected => {
            let why = prose(words::UNPROTECTED, words::SENTENCE);
            writeln!(foot, "<p><strong>policy: {}</strong>{layers}, {why}</p>", words::protection(decision))
        }
    };
    let others = &decision.not_evaluated;
    for other in others.iter().take(words::NOT_EVALUATED) {
        let (what, why) = (code(&other.what, words::NAME), prose(&other.because, words::SENTENCE));
        let _ = writeln!(foot, "<p>not evaluated: {what}: {why}</p>");
    }
    if let Some(more) = others.len().checked_sub(words::NOT_EVALUATED).filter(|more| *more > 0) {
        let _ = writeln!(foot, "<p>not evaluated: {more} more not shown</p>");
    }
    let now = decision.now.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let _ = write!(foot, "<p>decision {}, ", code(&decision.id, words::NAME));
    if !decision.components.is_empty() {
        let _ = write!(foot, "components {}, ", code(&decision.components.join(", "), words::SENTENCE));
    }
    if let Some(commit) = &decision.commit {
        let _ = write!(foot, "commit {}, ", code(commit, words::NAME));
    }
    let _ = writeln!(foot, "<code>{now}</code></p>\n");
    foot
}

/// A fold for every gate that holds: its requirement, its files and its entries.
fn details(page: &mut Page, decision: &Decision) {
    let mut gates = words::holding(decision);
    while let Some(gate) = gates.next() {
        let before = page.out.len();
        let Some(open) = detail(gate) else { continue };
        if page.room() >= open.len() + 2 * TAIL {
            let rows = gate.notables.iter().map(entry);
            page.table(page.room().saturating_sub(TAIL), (&open, "</table>\n</details>\n\n"), rows, |shown| {
                let unshown = words::unshown(gate, shown);
                let count = words::grouped(unshown);
                (unshown > 0).then(|| format!("<tr><td></td><td>{count} more not shown</td><td></td></tr>\n"))
            });
        }
        if page.out.len() == before {
            let rest = 1 + gates.count();
            page.add(&format!("<p>details of {rest} more gates not shown</p>\n"));
            return;
        }
    }
}

/// The beginning of a gate's fold, or `None` where the table of gates says all.
fn detail(gate: &GateDecision) -> Option<String> {
    let count = words::unshown(gate, 0);
    let entries = if count == 0 { String::new() } else { format!(", {} to look at", words::grouped(count)) };
    let name = code(&gate.title(), words::NAME);
    let mut facts = String::new();
    let mut fact = |what: &str, value: String| {
        let _ = writeln!(facts, "<tr><th>{what}</th><td colspan=\"2\">{value}</td></tr>");
    };
    if let Some(requirement) = &gate.requirement {
        fact("required", code(requirement, words::SENTENCE));
    }
    if let Some(role) = &gate.verified_by {
        fact("verified by", code(role, words::NAME));
    }
    let files = gate.evidence.iter().take(FILES).map(|file| code(&file.path, words::NAME));
    let mut files: Vec<_> = files.collect();
    let listed = u64::try_from(files.len()).unwrap_or(u64::MAX);
    if let Some(more) = gate.evidence_count.checked_sub(listed).filter(|more| *more > 0) {
        files.push(format!("{} more not shown", words::grouped(more)));
    }
    if !files.is_empty() {
        fact("files", files.join(", "));
    }
    let label = words::label(gate.verdict);
    let open = format!("<details>\n<summary>{label}: {name}{entries}</summary>\n<table>\n{facts}");
    (count > 0 || !facts.is_empty()).then_some(open)
}

fn entry(notable: &Notable) -> String {
    let new = if notable.new { ", new" } else { "" };
    let title = code(&notable.title, words::SENTENCE);
    let message = prose(&notable.message, words::SENTENCE);
    let between = if title.is_empty() || message.is_empty() { "" } else { " " };
    let place = location::shown(notable).map(|place| code(&place, words::SENTENCE)).unwrap_or_default();
    let weight = words::weight(notable.weight);
    format!("<tr><td>{weight}{new}</td><td>{title}{between}{message}</td><td>{place}</td></tr>\n")
}
