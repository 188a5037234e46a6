//! Mutation testing of the decision: is there a mistake in `src/decide` that no test of it would see?
//!
//! A build for each of some thousand mutants would take days, so there is one build of all of them: in a copy of the
//! project every place that can be wrong asks [`weave::SWITCH`] which mistake it is to make. Then the tests of the
//! decision and the second evaluator are run once for each mutant of a sample, until the first test fails.
//!
//! | variable | says | usually |
//! | --- | --- | --- |
//! | `MUTANTS` | how many are tried, or `all` | 200 |
//! | `MUTANTS_SEED` | which these are | 1 |
//! | `MUTANTS_ONLY` | instead: those at these places, as `gates.rs:175 owed.rs` | |
//! | `MUTANTS_AT_ONCE` | how many processes run at once | as many as there are processors |
//!
//! A mutant is missed if every test passes. One that makes the tests run for too long is caught: somebody would notice.

mod compile;
mod sites;
mod trial;
mod values;
mod weave;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use sites::Mutant;
use trial::Outcome;

/// Where the copy, its build and the list of outcomes lie.
const FOLDER: &str = "target/mutants";
/// Of a hundred mutants, so many have to be caught.
const LEAST: usize = 90;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("mutants: {why}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<bool, String> {
    let folder = Path::new(FOLDER);
    let built = compile::all(folder)?;
    let (found, dropped) = (built.mutants.len(), built.dropped.len());
    println!("{found} mutants of src/decide; the compiler takes {}, and refuses {dropped}", found - dropped);
    let alive: Vec<&Mutant> = built.mutants.iter().filter(|mutant| !built.dropped.contains(&mutant.id)).collect();
    let chosen = chosen(alive)?;
    let outcomes = trial::all(&built.binary, &folder.join("tree"), &chosen)?;
    told(folder, &chosen, &outcomes)
}

/// A variable's value, where it has one.
fn asked(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|text| !text.is_empty())
}

fn number(variable: &str, usual: usize) -> Result<usize, String> {
    asked(variable).map_or(Ok(usual), |text| text.parse().map_err(|_| format!("{variable}={text} is no number")))
}

/// The sample: the same for the same seed, wherever it is taken.
fn chosen(mut alive: Vec<&Mutant>) -> Result<Vec<&Mutant>, String> {
    if let Some(places) = asked("MUTANTS_ONLY") {
        let places: Vec<&str> = places.split_whitespace().collect();
        alive.retain(|mutant| places.iter().any(|place| mutant.is_at(place)));
        return if alive.is_empty() { Err("no mutant is where MUTANTS_ONLY says".to_owned()) } else { Ok(alive) };
    }
    if asked("MUTANTS").as_deref() == Some("all") {
        return Ok(alive);
    }
    let wanted = number("MUTANTS", 200)?.min(alive.len());
    let mut state = number("MUTANTS_SEED", 1)? as u64;
    for at in 0..wanted {
        let other = at + (random(&mut state) % (alive.len() - at) as u64) as usize;
        alive.swap(at, other);
    }
    alive.truncate(wanted);
    // Nine in ten of none would be a score that says nothing.
    if alive.is_empty() { Err("there is no mutant to try".to_owned()) } else { Ok(alive) }
}

/// SplitMix64.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn told(folder: &Path, chosen: &[&Mutant], outcomes: &[Outcome]) -> Result<bool, String> {
    let list = folder.join("outcomes.txt");
    let mut file = fs::File::create(&list).map_err(|why| format!("{}: {why}", list.display()))?;
    let (mut missed, mut long) = (Vec::new(), 0);
    for (mutant, outcome) in chosen.iter().zip(outcomes) {
        let how = match outcome {
            Outcome::Caught(test) => format!("caught by {test}"),
            Outcome::TooLong => "caught: ran too long".to_owned(),
            Outcome::Missed => "MISSED".to_owned(),
        };
        writeln!(file, "{mutant}: {how}").map_err(|why| format!("{}: {why}", list.display()))?;
        match outcome {
            Outcome::Missed => missed.push(mutant),
            Outcome::TooLong => long += 1,
            Outcome::Caught(_) => {}
        }
    }
    missed.sort_by_key(|mutant| (&mutant.file, mutant.line));
    if !missed.is_empty() {
        println!("\nmissed, which a test should see unless they mean the same:");
    }
    for mutant in &missed {
        println!("    {mutant}");
    }
    let caught = chosen.len() - missed.len();
    println!(
        "\n{} tried: {caught} caught ({long} of them ran too long), {} missed: {:.1} %; all of them in {}",
        chosen.len(),
        missed.len(),
        100.0 * caught as f64 / chosen.len() as f64,
        list.display()
    );
    Ok(caught * 100 >= LEAST * chosen.len())
}
