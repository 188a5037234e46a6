//! The table that comes out.

use std::fmt::Write as _;
use std::io;
use std::time::Duration;

/// What a measure is to come to.
#[derive(Clone, Copy)]
pub enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

/// How long something took in every round.
pub struct Times {
    median: Duration,
    fastest: Duration,
}

impl Times {
    /// Takes what was measured.
    pub fn of(mut rounds: Vec<Duration>) -> Self {
        rounds.sort_unstable();
        let at = |at: usize| rounds.get(at).copied().unwrap_or_default();
        Self { median: at(rounds.len() / 2), fastest: at(0) }
    }
}

/// What ours is timed beside.
pub struct Rival<'r> {
    name: &'static str,
    /// What the goal speaks of, made of how many times longer than ours it takes.
    figure: fn(f64) -> f64,
    unit: &'static str,
    goal: Goal,
    /// Runs it once.
    pub time: Box<dyn Fn() -> io::Result<Duration> + 'r>,
}

impl<'r> Rival<'r> {
    /// A tool, which ours is to be so many times faster than.
    pub fn tool(name: &'static str, times: f64, time: impl Fn() -> io::Result<Duration> + 'r) -> Self {
        Self { name, figure: |longer| longer, unit: "×", goal: Goal::AtLeast(times), time: Box::new(time) }
    }

    /// A bare scan, of whose pace ours is to keep a part.
    pub fn scan(name: &'static str, part: f64, time: impl Fn() -> io::Result<Duration> + 'r) -> Self {
        Self { unit: " of its pace", ..Self::tool(name, part, time) }
    }

    /// What ours may take so many times as long as.
    pub fn bound(name: &'static str, times: f64, time: impl Fn() -> io::Result<Duration> + 'r) -> Self {
        let goal = Goal::AtMost(times);
        Self { figure: |longer| 1.0 / longer, goal, ..Self::tool(name, times, time) }
    }
}

/// Measures, each with its goal.
#[derive(Default)]
pub struct Table {
    lines: Vec<[String; 7]>,
}

impl Table {
    /// Notes how long ours took beside a rival. The fastest rounds are told as well,
    /// for they tell how much a busy machine is to blame.
    pub fn compare(&mut self, measure: &str, ours: &Times, rival: &Rival<'_>, took: &Times) {
        let figure = |ours: Duration, took: Duration| (rival.figure)(took.as_secs_f64() / ours.as_secs_f64());
        let told = format!("{}: {}", rival.name, milliseconds(took.median));
        let fastest = format!("{:.2}{}", figure(ours.fastest, took.fastest), rival.unit);
        let told = [measure, &milliseconds(ours.median), &told, &fastest];
        self.note(told, figure(ours.median, took.median), rival.unit, rival.goal);
    }

    /// Notes a line: the measure, ours, the peer's and the fastest; and the `figure`
    /// that the goal speaks of, in `unit`.
    pub fn note(&mut self, told: [&str; 4], figure: f64, unit: &str, goal: Goal) {
        let (met, goal) = match goal {
            Goal::AtLeast(least) => (figure >= least, format!("at least {least}{unit}")),
            Goal::AtMost(most) => (figure <= most, format!("at most {most}{unit}")),
        };
        let met = if met { "met" } else { "not met" };
        let [measure, ours, peer, fastest] = told.map(str::to_owned);
        self.lines.push([measure, ours, peer, format!("{figure:.2}{unit}"), fastest, goal, met.to_owned()]);
    }

    /// Notes what could not be compared here.
    pub fn skip(&mut self, measure: &str, peer: &str, why: &str) {
        let line = [measure, "–", peer, "–", "–", "–", &format!("skipped: {why}")];
        self.lines.push(line.map(str::to_owned));
    }

    /// The table in Markdown.
    pub fn markdown(&self) -> String {
        let mut text = String::from(
            "| measure | ours | peer | medians | fastest rounds | goal | |\n| --- | --- | --- | --- | --- | --- | --- |\n",
        );
        for line in &self.lines {
            let _ = writeln!(text, "| {} |", line.join(" | "));
        }
        text
    }
}

/// A length of time for people.
fn milliseconds(time: Duration) -> String {
    let milliseconds = time.as_secs_f64() * 1e3;
    if milliseconds < 10.0 { format!("{milliseconds:.2} ms") } else { format!("{milliseconds:.0} ms") }
}

/// An amount of memory for people.
pub fn megabytes(bytes: u64) -> String {
    format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000)
}
