//! The table that comes out.

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

/// Measures, each with its goal.
#[derive(Default)]
pub struct Table {
    lines: Vec<[String; 7]>,
}

impl Table {
    /// Notes how long something took beside a peer: `figure` makes what the goal
    /// speaks of out of both. The fastest rounds are told as well, for they tell
    /// how much a busy machine is to blame.
    #[expect(clippy::too_many_arguments, reason = "a line of the table has as many parts")]
    pub fn compare(
        &mut self,
        measure: &str,
        peer_name: &str,
        peer: &Times,
        ours: &Times,
        figure: impl Fn(f64, f64) -> f64,
        unit: &str,
        goal: Goal,
    ) {
        let of = |peer: Duration, ours: Duration| figure(peer.as_secs_f64(), ours.as_secs_f64());
        let peer_took = format!("{peer_name}: {}", milliseconds(peer.median));
        let fastest = format!("{:.2}{unit}", of(peer.fastest, ours.fastest));
        let figure = of(peer.median, ours.median);
        self.note([measure, &milliseconds(ours.median), &peer_took, &fastest], figure, unit, goal);
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
    pub fn skip(&mut self, measure: &str, why: &str) {
        let nothing = || "–".to_owned();
        self.lines.push([
            measure.to_owned(),
            nothing(),
            nothing(),
            nothing(),
            nothing(),
            nothing(),
            format!("skipped: {why}"),
        ]);
    }

    /// The table in Markdown.
    pub fn markdown(&self) -> String {
        let mut text = String::from(
            "| measure | ours | peer | medians | fastest rounds | goal | |\n| --- | --- | --- | --- | --- | --- | --- |\n",
        );
        for line in &self.lines {
            text.push_str(&format!("| {} |\n", line.join(" | ")));
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
