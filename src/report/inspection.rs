//! An inspection for a person at a terminal: how much was found first, then every finding, the gravest first, with its mend.

use super::layout::wrapped;
use super::neutral::line;
use super::text::Style;
use super::words;
use crate::model::inspection::{Finding, Gravity, InUse, Inspection};

/// How many repositories are named.
const REPOSITORIES: usize = 10;

/// The inspection as lines of text.
#[must_use]
pub fn render(inspection: &Inspection, style: Style) -> String {
    let mut page = Page { out: String::new(), style: Style { width: style.width.clamp(40, 120), ..style } };
    page.head(inspection);
    for finding in &inspection.findings {
        page.finding(finding);
    }
    for in_use in &inspection.in_use {
        page.in_use(in_use);
    }
    page.out
}

struct Page {
    out: String,
    style: Style,
}

const RED: &str = "1;31";
const YELLOW: &str = "33";
const GREEN: &str = "1;32";
const MAGENTA: &str = "35";
const DIM: &str = "2";

impl Page {
    fn head(&mut self, inspection: &Inspection) {
        let count = |gravity| inspection.count(gravity);
        let (open, weak, unknown) = (count(Gravity::Open), count(Gravity::Weak), count(Gravity::Unknown));
        let (word, colour) = match (open, unknown, weak) {
            (1.., _, _) => ("OPEN", RED),
            (0, 1.., _) => ("UNKNOWN", MAGENTA),
            (0, 0, 1..) => ("WEAK", YELLOW),
            (0, 0, 0) => ("CLOSED", GREEN),
        };
        let says = format!(
            "{open} {} a release slip past, {weak} weaken what keeps it in, {unknown} could not be read",
            if open == 1 { "finding lets" } else { "findings let" }
        );
        let word = self.coloured(word, colour);
        self.push(&format!("{word}  {says}"));
        let mut named: Vec<&str> = inspection.repositories.iter().take(REPOSITORIES).map(String::as_str).collect();
        let more = format!("{} more", inspection.repositories.len().saturating_sub(REPOSITORIES));
        if inspection.repositories.len() > REPOSITORIES {
            named.push(&more);
        }
        let dash = if self.style.ascii { "|" } else { "·" };
        let about = format!("{} {dash} {} {dash} {}", named.join(", "), inspection.forge, inspection.at.to_rfc3339());
        let width = self.style.width;
        for text in wrapped(&line(&about, words::SENTENCE), width) {
            let text = self.coloured(&text, DIM);
            self.push(&text);
        }
    }

    fn finding(&mut self, finding: &Finding) {
        let (sign, ascii, colour) = match finding.gravity {
            Gravity::Open => ("✗", "x", RED),
            Gravity::Weak => ("~", "~", YELLOW),
            Gravity::Unknown => ("?", "?", MAGENTA),
        };
        let sign = self.coloured(if self.style.ascii { ascii } else { sign }, colour);
        let place = match &finding.repository {
            Some(repository) => format!("{repository}, {}", finding.place),
            None => finding.place.clone(),
        };
        self.out.push('\n');
        self.paragraph(&sign, 2, &format!("{place}: {}", finding.says));
        self.paragraph(" ", 4, &format!("mend: {}", finding.mend));
        let code = self.coloured(finding.code.code(), DIM);
        self.push(&format!("    code: {code}"));
    }

    /// By what means the app works on a repository.
    fn in_use(&mut self, in_use: &InUse) {
        let plan = in_use.plan.as_deref().unwrap_or("a plan that is not known");
        self.out.push('\n');
        self.paragraph(" ", 2, &format!("{} is on {plan}; there", in_use.repository));
        for way in &in_use.ways {
            let sign = match (way.enforced, self.style.ascii) {
                (true, _) => "=",
                (false, true) => "~",
                (false, false) => "≈",
            };
            let advisory = if way.enforced { "" } else { " (advisory, not enforced)" };
            self.paragraph(sign, 2, &format!("{} by {}{advisory}", way.does, way.by));
        }
    }

    fn paragraph(&mut self, sign: &str, indent: usize, text: &str) {
        let lines = wrapped(&line(text, words::SENTENCE), self.style.width.saturating_sub(indent));
        for (at, text) in lines.into_iter().enumerate() {
            let lead = if at == 0 { sign } else { " " };
            self.push(&format!("{lead}{:1$}{text}", "", indent - 1));
        }
    }

    fn coloured(&self, text: &str, colour: &str) -> String {
        if self.style.colour { format!("\u{1b}[{colour}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn push(&mut self, text: &str) {
        self.out.push_str(text.trim_end());
        self.out.push('\n');
    }
}
