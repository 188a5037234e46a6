//! Each mutant, tried: the tests of the decision, until one fails.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use crate::sites::Mutant;
use crate::weave::SWITCH;

/// What the tests said of a mutant.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// This one failed.
    Caught(String),
    /// They did not end.
    TooLong,
    /// All passed.
    Missed,
}

/// The tests, and then, for what these miss, the second evaluator, which takes longer. It judges its usual number of
/// worlds: with fewer it complains of what too few of them come to.
const STAGES: [&str; 2] = ["decide::", "second::"];

pub fn all(binary: &Path, tree: &Path, chosen: &[&Mutant]) -> Result<Vec<Outcome>, String> {
    let mut outcomes = vec![Outcome::Missed; chosen.len()];
    for tests in STAGES {
        let began = Instant::now();
        let sound = tried(binary, tree, 0, tests, Duration::from_secs(3600));
        match sound {
            Outcome::Missed => {}
            Outcome::Caught(test) => return Err(format!("without any mutant {test} fails; mend that first")),
            Outcome::TooLong => return Err("without any mutant the tests do not end within an hour".to_owned()),
        }
        let usual = began.elapsed();
        let left: Vec<usize> = (0..chosen.len()).filter(|at| matches!(outcomes[*at], Outcome::Missed)).collect();
        println!("{} to try on {tests}, {} s each at most", left.len(), limit(usual).as_secs());
        let (next, out) = (AtomicUsize::new(0), Mutex::new(&mut outcomes));
        thread::scope(|scope| {
            for _ in 0..at_once() {
                scope.spawn(|| {
                    while let Some(at) = left.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let outcome = tried(binary, tree, chosen[*at].id, tests, limit(usual));
                        if tests == STAGES[1] && matches!(outcome, Outcome::Missed) {
                            println!("    missed: {}", chosen[*at]);
                        }
                        if let Ok(mut outcomes) = out.lock() {
                            outcomes[*at] = outcome;
                        }
                    }
                });
            }
        });
    }
    Ok(outcomes)
}

fn at_once() -> usize {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    crate::number("MUTANTS_AT_ONCE", processors).unwrap_or(processors).max(1)
}

/// Well above what the tests take beside others.
fn limit(usual: Duration) -> Duration {
    usual * 5 + Duration::from_secs(30)
}

/// One mutant, or none of them for 0. One test after the other, the short ones first.
fn tried(binary: &Path, tree: &Path, id: usize, tests: &str, limit: Duration) -> Outcome {
    let mut command = Command::new("nice");
    command.args(["-n", "15"]).arg(binary).args(["--test-threads=1", tests]).current_dir(tree);
    // These compare how long something takes, which says nothing beside others.
    command.args(["--skip", "decide::growth"]);
    command.env(SWITCH, id.to_string()).env_remove("SECOND_WORLDS").env("INSTA_UPDATE", "no");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(why) => return Outcome::Caught(format!("nothing: it does not start: {why}")),
    };
    let (told, heard) = mpsc::channel();
    let stdout = child.stdout.take();
    let reader = thread::spawn(move || {
        for line in stdout.into_iter().flat_map(|stdout| BufReader::new(stdout).lines()).map_while(Result::ok) {
            if told.send(line).is_err() {
                return;
            }
        }
    });
    let end = Instant::now() + limit;
    let mut last = "the process itself".to_owned();
    let early = loop {
        match heard.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                if let Some(test) = line.strip_prefix("test ").and_then(|rest| rest.split_once(" ... ")) {
                    if test.1.ends_with("FAILED") {
                        break Some(Outcome::Caught(test.0.to_owned()));
                    }
                    last = format!("an end of the process after {}", test.0);
                }
            }
            Err(RecvTimeoutError::Timeout) => break Some(Outcome::TooLong),
            Err(RecvTimeoutError::Disconnected) => break None,
        }
    };
    if early.is_some() {
        let _ = child.kill();
    }
    let passed = child.wait().is_ok_and(|status| status.success());
    drop(heard);
    let _ = reader.join();
    early.unwrap_or(if passed { Outcome::Missed } else { Outcome::Caught(last) })
}
