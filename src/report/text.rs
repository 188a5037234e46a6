//! The decision for a person at a terminal, or in the log of a job.
//!
//! The first line says whether the release may go on and why. Then come the
//! gates, those that hold first, with the first few entries of their reports;
//! then what the policy was read from, what this step does not judge, and what
//! to do next. It reads the same without colour, and without signs.

use super::layout::{columns, padded, wrapped};
use super::neutral::line;
use super::{location, words};
use crate::model::decision::{Decision, GateDecision, Outcome, Protection};
use crate::model::notable::Notable;
use crate::model::verdict::Verdict;

/// How many gates of one verdict are listed.
const GATES: usize = 100;
/// How many entries of a gate's reports are listed.
const NOTABLES: usize = 5;
/// How many digits of the commit are shown.
const COMMIT: usize = 12;
/// The columns of the verdict: a sign, a space and the longest word.
const VERDICT: usize = 9;
/// The columns between two columns.
const GAP: usize = 2;

/// What the terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// How many columns a line may take; between 40 and 120 are used.
    pub width: usize,
    /// Whether colours may be used: SGR sequences of ECMA-48.
    pub colour: bool,
    /// Whether only ASCII signs may be used. Text from artifacts stays as it is.
    pub ascii: bool,
}

impl Default for Style {
    fn default() -> Self {
        Self { width: 80, colour: false, ascii: false }
    }
}

/// The decision as lines of text.
#[must_use]
pub fn render(decision: &Decision, style: Style) -> String {
    let mut page = Page { out: String::new(), style: Style { width: style.width.clamp(40, 120), ..style } };
    page.head(decision);
    page.gates(decision);
    page.foot(decision);
    page.out
}

struct Page {
    out: String,
    style: Style,
}

impl Page {
    fn head(&mut self, decision: &Decision) {
        let (word, colour) = match decision.decision {
            Outcome::Proceed => ("PROCEED", Colour::GREEN),
            Outcome::Hold => ("HOLD", Colour::RED),
        };
        let summary = line(&decision.summary, words::SENTENCE);
        let first = columns(word) + GAP;
        for (at, text) in wrapped(&summary, self.style.width - first).into_iter().enumerate() {
            let lead = if at == 0 { self.coloured(word, colour) } else { padded("", columns(word)) };
            self.push(&format!("{lead}{:GAP$}{text}", ""));
        }
        let indent = first;
        for text in wrapped(&self.about(decision), self.style.width - indent) {
            let text = self.coloured(&text, Colour::DIM);
            self.push(&format!("{:indent$}{text}", ""));
        }
    }

    /// What was judged: the environment, the components, the commit and the instant.
    fn about(&self, decision: &Decision) -> String {
        let mut parts = vec![line(&decision.environment, words::NAME)];
        if !decision.components.is_empty() {
            parts.push(line(&decision.components.join(", "), words::SENTENCE));
        }
        if let Some(commit) = &decision.commit {
            let short: String = line(commit, words::NAME).chars().take(COMMIT).collect();
            parts.push(format!("commit {short}"));
        }
        parts.push(decision.now.to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
        parts.join(if self.style.ascii { " | " } else { " · " })
    }

    fn gates(&mut self, decision: &Decision) {
        let gates = words::ranked(decision);
        let longest = gates.iter().map(|gate| columns(&line(&gate.title(), words::NAME))).max().unwrap_or(0);
        let names = longest.min(self.style.width / 4);
        let mut rest = gates.as_slice();
        let mut before_opens = false;
        while let Some(first) = rest.first() {
            let (same, others) = rest.split_at(rest.partition_point(|gate| gate.verdict == first.verdict));
            // What holds stands apart; what does not is one block.
            if !first.verdict.opens() || !before_opens {
                self.push("");
            }
            before_opens = first.verdict.opens();
            for gate in same.iter().take(GATES) {
                self.gate(gate, names);
            }
            if let Some(unlisted) = same.get(GATES..).filter(|unlisted| !unlisted.is_empty()) {
                let tally = words::tally(unlisted.iter().copied());
                self.push(&format!("{:indent$}{tally} more not shown", "", indent = VERDICT + GAP));
            }
            rest = others;
        }
    }

    fn gate(&mut self, gate: &GateDecision, names: usize) {
        let label = padded(&self.label(gate.verdict), VERDICT);
        let label = self.coloured(&label, Colour::of(gate.verdict));
        let name = line(&gate.title(), words::NAME);
        let indent = VERDICT + GAP + names + GAP;
        let mut why = wrapped(&line(&gate.explanation, words::SENTENCE), self.style.width - indent).into_iter();
        if columns(&name) <= names {
            let first = why.next().unwrap_or_default();
            self.push(&format!("{label}{:GAP$}{}{:GAP$}{first}", "", padded(&name, names), ""));
        } else {
            for (at, part) in wrapped(&name, self.style.width - VERDICT - GAP).iter().enumerate() {
                let lead = if at == 0 { label.clone() } else { padded("", VERDICT) };
                self.push(&format!("{lead}{:GAP$}{part}", ""));
            }
        }
        for text in why {
            self.push(&format!("{:indent$}{text}", ""));
        }
        if !gate.verdict.opens() {
            self.notables(gate);
        }
    }

    fn notables(&mut self, gate: &GateDecision) {
        let indent = VERDICT + GAP;
        for notable in gate.notables.iter().take(NOTABLES) {
            for (at, text) in wrapped(&entry(notable), self.style.width - indent - 2).iter().enumerate() {
                let bullet = if at == 0 { "- " } else { "  " };
                self.push(&format!("{:indent$}{bullet}{text}", ""));
            }
        }
        let shown = gate.notables.len().min(NOTABLES);
        let unshown = words::unshown(gate, shown);
        if unshown > 0 {
            self.push(&format!("{:indent$}- {} more not shown", "", words::grouped(unshown)));
        }
    }

    fn foot(&mut self, decision: &Decision) {
        self.push("");
        let layers = words::policies(decision, |text| line(text, words::NAME));
        let lead = format!("policy: {}{layers}", words::protection(decision));
        match decision.policy_from {
            Protection::Protected => self.paragraph(&lead, ""),
            Protection::Unprotected => self.paragraph(&format!("{lead},"), words::UNPROTECTED),
        }
        let others = &decision.not_evaluated;
        for other in others.iter().take(words::NOT_EVALUATED) {
            let why = line(&other.because, words::SENTENCE);
            self.paragraph("not evaluated:", &format!("{}: {why}", line(&other.what, words::NAME)));
        }
        if let Some(more) = others.len().checked_sub(words::NOT_EVALUATED).filter(|more| *more > 0) {
            self.paragraph("not evaluated:", &format!("{more} more not shown"));
        }
        for step in words::next_steps(decision, |name| line(name, words::NAME), |said| line(said, words::SENTENCE)) {
            self.paragraph("next:", &step);
        }
        self.paragraph("decision:", &line(&decision.id, words::NAME));
    }

    /// A line that begins with our own words; what follows them is neutral already.
    fn paragraph(&mut self, lead: &str, text: &str) {
        for (at, text) in wrapped(&format!("{lead} {text}"), self.style.width - 2).iter().enumerate() {
            let indent = if at == 0 { "" } else { "  " };
            self.push(&format!("{indent}{text}"));
        }
    }

    fn push(&mut self, text: &str) {
        self.out.push_str(text.trim_end());
        self.out.push('\n');
    }

    fn label(&self, verdict: Verdict) -> String {
        let sign = if self.style.ascii { words::ascii_sign(verdict) } else { words::sign(verdict) };
        format!("{sign} {}", words::label(verdict))
    }

    fn coloured(&self, text: &str, colour: Colour) -> String {
        if self.style.colour && !text.is_empty() {
            format!("\u{1b}[{}m{text}\u{1b}[0m", colour.0)
        } else {
            text.to_owned()
        }
    }
}

/// The parameters of an SGR sequence.
#[derive(Clone, Copy)]
struct Colour(&'static str);

impl Colour {
    const RED: Self = Self("1;31");
    const GREEN: Self = Self("32");
    const DIM: Self = Self("2");

    fn of(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Pass => Self::GREEN,
            Verdict::Waived => Self("36"),
            Verdict::NotApplicable => Self::DIM,
            Verdict::Pending => Self("33"),
            Verdict::Block => Self::RED,
            Verdict::Indeterminate => Self("35"),
        }
    }
}

/// One entry of a report: `error, new: CWE-89: SQL built from input (src/db.rs:12)`.
fn entry(notable: &Notable) -> String {
    let mut text = words::weight(notable.weight).to_owned();
    if notable.new {
        text.push_str(", new");
    }
    for part in [&notable.title, &notable.message] {
        let part = line(part, words::SENTENCE);
        if !part.is_empty() {
            text.push_str(": ");
            text.push_str(&part);
        }
    }
    if let Some(place) = location::shown(notable) {
        text = format!("{text} ({})", line(&place, words::SENTENCE));
    }
    text
}
