//! The decision on a release, for a person at a terminal: the sentence first, then the tree with a mark before every
//! requirement, who can meet it and when time does, and at last who is asked and what follows.
//!
//! Instants are told in the zone of the policy. What holds the release is told in full; of what opens, the sentence.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::layout::{columns, padded, wrapped};
use super::neutral::line;
use super::text::Style;
use super::words;
use crate::model::release_decision::{Class, Impact, Node, ReleaseDecision, Ruling, Status};
use crate::policy::calendar::told;

/// How many parts of one requirement are listed.
const PARTS: usize = 50;
/// The columns between two columns.
const GAP: usize = 2;

/// The decision as lines of text.
#[must_use]
pub fn render(decision: &ReleaseDecision, zone: Tz, style: Style) -> String {
    let width = style.width.clamp(40, 120);
    let mut page = Page { out: String::new(), style: Style { width, ..style }, zone };
    page.head(decision);
    page.out.push('\n');
    for part in &decision.tree.parts {
        page.node(part, 0);
    }
    page.foot(decision);
    page.out
}

struct Page {
    out: String,
    style: Style,
    zone: Tz,
}

impl Page {
    fn head(&mut self, decision: &ReleaseDecision) {
        let (word, colour) = match decision.decision {
            Ruling::Proceed => ("PROCEED", GREEN),
            Ruling::Hold => ("HOLD", RED),
            Ruling::Reject => ("REJECT", RED),
        };
        let first = columns(word) + GAP;
        let summary = line(&decision.summary, words::SENTENCE);
        for (at, text) in wrapped(&summary, self.style.width - first).into_iter().enumerate() {
            let lead = if at == 0 { self.coloured(word, colour) } else { padded("", columns(word)) };
            self.push(&format!("{lead}{:GAP$}{text}", ""));
        }
        for text in wrapped(&self.about(decision), self.style.width - first) {
            let text = self.coloured(&text, DIM);
            self.push(&format!("{:first$}{text}", ""));
        }
    }

    /// What was judged, and how it was sorted.
    fn about(&self, decision: &ReleaseDecision) -> String {
        let mut parts = vec![line(&decision.release, words::NAME)];
        if !decision.components.is_empty() {
            parts.push(line(&decision.components.join(", "), words::SENTENCE));
        }
        parts.push(
            match decision.class {
                Class::Standard => "standard",
                Class::Normal => "normal",
                Class::Emergency => "emergency",
            }
            .to_owned(),
        );
        let impact = match decision.risk.impact {
            Impact::Low => "low",
            Impact::Medium => "medium",
            Impact::High => "high",
        };
        parts.push(match decision.risk.score {
            Some(score) => format!("impact {impact} (risk {})", (score * 10.0).round() / 10.0),
            None => format!("impact {impact} (the risk is not known)"),
        });
        if !decision.routes.is_empty() {
            parts.push(format!("by {}", line(&decision.routes.join(", "), words::SENTENCE)));
        }
        if decision.rigor > 0 {
            parts.push(format!("rigor +{}", decision.rigor));
        }
        parts.push(self.instant(decision.now));
        parts.join(if self.style.ascii { " | " } else { " · " })
    }

    fn node(&mut self, node: &Node, depth: usize) {
        let (sign, ascii, colour) = mark(node.status);
        let sign = if self.style.ascii { ascii } else { sign };
        let indent = depth.min(8) * 2;
        let width = self.style.width.saturating_sub(indent + 2).max(20);
        let holds = !node.status.opens();
        for (at, text) in wrapped(&line(&node.says, words::SENTENCE), width).into_iter().enumerate() {
            let lead = if at == 0 { self.coloured(sign, colour) } else { " ".to_owned() };
            self.push(&format!("{:indent$}{lead} {text}", ""));
        }
        let mut aside = Vec::new();
        if holds {
            if !node.who.is_empty() {
                aside.push(format!("can do it: {}", line(&node.who.join(", "), words::SENTENCE)));
            }
            if let Some(next) = node.next {
                aside.push(format!("next: {}", self.instant(next)));
            }
            if let Some(stated) = node.stated.as_ref().filter(|stated| !stated.file.is_empty()) {
                let place = if stated.line > 0 { format!(":{}", stated.line) } else { String::new() };
                aside.push(line(&format!("asked by {}, {}{place}", stated.layer, stated.file), words::NAME));
                aside.extend(stated.kept.as_ref().map(|kept| line(kept, words::SENTENCE)));
            }
            aside.push(format!("code: {}", node.code.code()));
        }
        if !aside.is_empty() {
            let joined = aside.join(if self.style.ascii { " | " } else { " · " });
            for text in wrapped(&joined, width.saturating_sub(2)) {
                let text = self.coloured(&text, DIM);
                self.push(&format!("{:indent$}    {text}", ""));
            }
        }
        for part in node.parts.iter().take(PARTS) {
            self.node(part, depth + 1);
        }
        if let Some(more) = node.parts.len().checked_sub(PARTS).filter(|more| *more > 0) {
            self.push(&format!("{:indent$}    {more} more not shown", ""));
        }
    }

    fn foot(&mut self, decision: &ReleaseDecision) {
        let mut lines: Vec<String> = Vec::new();
        for ask in &decision.asks {
            let people = if ask.people.is_empty() { "nobody".to_owned() } else { ask.people.join(", ") };
            let because = ask.because.as_ref().map_or_else(String::new, |because| format!(" ({because})"));
            lines.push(format!("asked to {} for {}: {people}{because}", ask.to, ask.role));
        }
        for owed in &decision.obligations {
            let by = owed.by.as_ref().map_or_else(String::new, |by| format!(" by {by}"));
            let due = owed.due.map_or_else(String::new, |due| format!(", due {}", self.instant(due)));
            let to = if owed.to.is_empty() { String::new() } else { format!(" to {}", owed.to.join(", ")) };
            lines.push(format!("afterwards: {}{by}{due}{to}", owed.kind));
        }
        for kept in &decision.keep {
            let length =
                kept.length.as_ref().map_or("until that is ended".to_owned(), |length| format!("for {length}"));
            lines.push(format!("to be kept: {} {length} ({})", kept.what, kept.because));
        }
        if let Some(at) = decision.revisit.at {
            lines.push(format!("decided anew {}, or when something happens", self.instant(at)));
        }
        if !lines.is_empty() {
            self.out.push('\n');
        }
        for text in lines {
            for text in wrapped(&line(&text, words::SENTENCE), self.style.width) {
                self.push(&text);
            }
        }
    }

    fn instant(&self, at: DateTime<Utc>) -> String {
        told(at, self.zone)
    }

    fn coloured(&self, text: &str, colour: &str) -> String {
        if self.style.colour { format!("\u{1b}[{colour}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn push(&mut self, text: &str) {
        self.out.push_str(text.trim_end());
        self.out.push('\n');
    }
}

const RED: &str = "1;31";
const GREEN: &str = "32";
const DIM: &str = "2";

/// The sign of a status, for the eye and for terminals that show ASCII only, and its colour.
fn mark(status: Status) -> (&'static str, &'static str, &'static str) {
    match status {
        Status::Note => ("·", ".", DIM),
        Status::NotNeeded => ("-", "-", DIM),
        Status::Met => ("✓", "+", GREEN),
        Status::Waiting => ("…", "~", "33"),
        Status::Unknown => ("?", "?", "35"),
        Status::Unmet => ("✗", "x", RED),
        Status::Rejected => ("‼", "!", RED),
    }
}
