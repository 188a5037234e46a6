//! The table that comes out.

use std::time::Duration;

/// What a measure is to come to.
#[derive(Clone, Copy)]
pub enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

/// Measures, each with its goal.
#[derive(Default)]
pub struct Table {
    lines: Vec<[String; 6]>,
}

impl Table {
    /// Notes a comparison. `figure` is what the goal speaks of, in `unit`.
    pub fn note(&mut self, measure: &str, ours: String, peer: String, figure: f64, unit: &str, goal: Goal) {
        let (met, goal) = match goal {
            Goal::AtLeast(least) => (figure >= least, format!("at least {least}{unit}")),
            Goal::AtMost(most) => (figure <= most, format!("at most {most}{unit}")),
        };
        let met = if met { "met" } else { "not met" };
        self.lines.push([measure.to_owned(), ours, peer, format!("{figure:.2}{unit}"), goal, met.to_owned()]);
    }

    /// Notes what could not be compared here.
    pub fn skip(&mut self, measure: &str, why: &str) {
        let nothing = || "–".to_owned();
        self.lines.push([measure.to_owned(), nothing(), nothing(), nothing(), nothing(), format!("skipped: {why}")]);
    }

    /// The table in Markdown.
    pub fn markdown(&self) -> String {
        let head = "| measure | ours | peer | figure | goal | |\n| --- | --- | --- | --- | --- | --- |\n";
        let lines: Vec<String> = self.lines.iter().map(|line| format!("| {} |\n", line.join(" | "))).collect();
        head.to_owned() + &lines.concat()
    }
}

/// A length of time for people.
pub fn milliseconds(time: Duration) -> String {
    let milliseconds = time.as_secs_f64() * 1e3;
    if milliseconds < 10.0 { format!("{milliseconds:.2} ms") } else { format!("{milliseconds:.0} ms") }
}

/// An amount of memory for people.
pub fn megabytes(bytes: u64) -> String {
    format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000)
}

/// How many times one goes into the other.
pub fn ratio(time: Duration, of: Duration) -> f64 {
    time.as_secs_f64() / of.as_secs_f64()
}
