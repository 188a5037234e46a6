//! What a decision costs, beside the same rules by hand and beside reading the facts alone: see
//! `benches/README.md`.
//!
//! Usage: `cargo bench --bench decision [-- --quick] [-- --facts N]`; with fewer facts the second measure is another one,
//! and good for a profiler only.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark speaks to the person who runs it")]

mod native;
mod population;

use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use countersign::decide::release::decide;
use countersign::model::facts::Facts;
use countersign::model::release_decision::Ruling;
use countersign::policy::{Policy, Source};

/// How many stored facts there are.
const STORED: u64 = 100_000;
/// A decision takes at most so many times what the rules take by hand.
const BY_HAND: f64 = 10.0;
/// Reading and deciding takes at most so many times what reading alone takes.
const READING: f64 = 2.5;

fn main() -> ExitCode {
    let mut rounds = 5;
    let mut number = STORED;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--quick" => rounds = 2,
            "--facts" => {
                let Some(wanted) = arguments.next().and_then(|number| number.parse().ok()) else {
                    eprintln!("`--facts` takes a number");
                    return ExitCode::from(2);
                };
                number = wanted;
            }
            // Cargo says so to every benchmark.
            "--bench" => {}
            other => {
                eprintln!("`{other}` is none of: --quick, --facts N");
                return ExitCode::from(2);
            }
        }
    }
    let Some(policy) = policy() else { return ExitCode::FAILURE };
    let stored: Vec<Vec<u8>> =
        (0..number).filter_map(|number| serde_json::to_vec(&population::facts(number)).ok()).collect();
    let bytes: usize = stored.iter().map(Vec::len).sum();
    let now = population::now();
    println!("{} stored facts of {} bytes each; one core", stored.len(), bytes / stored.len().max(1));

    // What is faster because it decides otherwise is not faster.
    let mut proceed = 0_u64;
    for (number, text) in stored.iter().enumerate() {
        let Ok(facts) = serde_json::from_slice::<Facts>(text) else {
            eprintln!("release {number} cannot be read back");
            return ExitCode::FAILURE;
        };
        let ours = decide(&policy, &facts, now);
        let by_hand = native::proceeds(&facts, now);
        if (ours.decision == Ruling::Proceed) != by_hand {
            eprintln!("release {number}: by hand {by_hand}, and ours says: {}", ours.summary);
            return ExitCode::FAILURE;
        }
        proceed += u64::from(by_hand);
    }
    println!("{proceed} may go, by both");

    let typical: Vec<Facts> = stored.iter().take(2000).filter_map(|text| serde_json::from_slice(text).ok()).collect();
    let mut took = [Vec::new(), Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..rounds {
        let [native, ours, reading, deciding] = &mut took;
        native.push(timed(|| typical.iter().filter(|facts| native::proceeds(black_box(facts), now)).count()));
        ours.push(timed(|| {
            typical.iter().filter(|facts| decide(&policy, black_box(facts), now).decision == Ruling::Proceed).count()
        }));
        reading.push(timed(|| {
            stored.iter().filter_map(|text| serde_json::from_slice::<Facts>(black_box(text)).ok()).count()
        }));
        deciding.push(timed(|| {
            let facts = stored.iter().filter_map(|text| serde_json::from_slice::<Facts>(black_box(text)).ok());
            facts.filter(|facts| decide(&policy, facts, now).decision == Ruling::Proceed).count()
        }));
    }
    let [native, ours, reading, deciding] = took.map(median);
    println!("\n| measure | ours | beside | ratio | goal | |\n| --- | --- | --- | --- | --- | --- |");
    let decisions = u32::try_from(typical.len().max(1)).unwrap_or(u32::MAX);
    told("one decision, explained", ours / decisions, "by hand", native / decisions, BY_HAND);
    told("stored facts read and decided", deciding, "read", reading, READING);
    ExitCode::SUCCESS
}

fn policy() -> Option<Policy> {
    let text = include_str!("policy.yml").to_owned();
    let source = Source { path: "policy.yml".to_owned(), text, sha256: "0".repeat(64), from: None };
    match countersign::policy::read(vec![source]) {
        Ok(policy) => Some(policy),
        Err(complaints) => {
            for file in complaints {
                eprintln!("{}", file.render(false));
            }
            None
        }
    }
}

fn timed(work: impl Fn() -> usize) -> Duration {
    let began = Instant::now();
    black_box(work());
    began.elapsed()
}

fn median(mut rounds: Vec<Duration>) -> Duration {
    rounds.sort_unstable();
    rounds.get(rounds.len() / 2).copied().unwrap_or_default()
}

fn told(measure: &str, ours: Duration, beside: &str, theirs: Duration, goal: f64) {
    let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
    let met = if ratio <= goal { "met" } else { "not met" };
    println!("| {measure} | {ours:.2?} | {beside}: {theirs:.2?} | {ratio:.2}× | at most {goal}× | {met} |");
}
