//! How many instructions a gate run takes under callgrind: the figure by which
//! continuous integration tells a slower gate, because a busy machine does not
//! change it. See `benches/README.md`.
//!
//! Usage: `./tests/run instructions`, or `cargo bench --bench instructions [-- --update]`; `$BINARY` is another binary than
//! the one that the latter builds.
//!
//! The digest is left out: valgrind has none of the processor's instructions for
//! SHA-256, without which it would be most of the figure. So is the system's loader:
//! what it does hangs on the size of the whole program, not on what a gate run does,
//! and it is told beside the figures.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark speaks to the person who runs it")]

mod inputs;

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, ExitCode};

use self::inputs::Report;

/// The figures that are kept: a case, and its instructions, on each line.
const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/instructions.tsv");

/// By how much of a hundred a figure may grow. A newer compiler or system library
/// moves it by less; a defect that anybody feels, by more.
const TOLERANCE: u64 = 3;

/// How many entries the reports have.
const ENTRIES: u64 = 1000;

fn main() -> ExitCode {
    match std::env::args().skip(1).filter(|argument| argument != "--bench").collect::<Vec<_>>().as_slice() {
        [] => judged(),
        [update] if update == "--update" => measure().and_then(|measured| {
            let lines: Vec<String> = measured.iter().map(|(case, count)| format!("{case}\t{count}\n")).collect();
            fs::write(KEPT, lines.concat()).map(|()| ExitCode::SUCCESS)
        }),
        _ => Err(io::Error::other("there is one option: --update")),
    }
    .unwrap_or_else(|error| {
        eprintln!("{error}");
        ExitCode::from(2)
    })
}

/// Compares with what is kept.
fn judged() -> io::Result<ExitCode> {
    let kept = fs::read_to_string(KEPT)?;
    let mut code = ExitCode::SUCCESS;
    for (case, now) in measure()? {
        let line = kept.lines().filter_map(|line| line.split_once('\t')).find(|(name, _)| *name == case);
        let Some(before) = line.and_then(|(_, count)| count.parse::<u64>().ok()).filter(|count| *count > 0) else {
            return Err(io::Error::other(format!("{KEPT} has no figure for {case}; run again with --update")));
        };
        let percent = (i128::from(now) - i128::from(before)) * 1000 / i128::from(before);
        let change = format!(
            "{case}: {now} instructions, {before} are kept: {}{}.{} %",
            if percent < 0 { '-' } else { '+' },
            percent.abs() / 10,
            percent.abs() % 10
        );
        if now * 100 > before * (100 + TOLERANCE) {
            println!(
                "{change}, more than {TOLERANCE} %: make it faster, or say in the commit why not and run again with --update"
            );
            code = ExitCode::FAILURE;
        } else if now * (100 + TOLERANCE) < before * 100 {
            println!("{change}: keep the gain, run again with --update");
        } else {
            println!("{change}");
        }
    }
    Ok(code)
}

/// Runs every case.
fn measure() -> io::Result<Vec<(&'static str, u64)>> {
    let scan = inputs::policy("scan.yml", &[inputs::SCAN])?;
    let compared = inputs::policy("compared.yml", &[inputs::COMPARED])?;
    let tests = inputs::policy("tests.yml", &[inputs::TESTS])?;
    let all = inputs::policy("six.yml", &inputs::SIX)?;
    let sarif = inputs::alone("sarif", ENTRIES, Report::Sarif)?;
    let before = inputs::alone("sarif-before", ENTRIES, Report::SarifBefore)?;
    let junit = inputs::alone("junit", ENTRIES, Report::Junit)?;
    let six = inputs::folder("six", ENTRIES, &Report::SIX)?;
    Ok(vec![
        ("sarif", instructions(&scan, &sarif, None)?),
        ("sarif-baseline", instructions(&compared, &sarif, Some(&before))?),
        ("junit", instructions(&tests, &junit, None)?),
        ("six-reports", instructions(&all, &six.join("junit.xml"), None)?),
    ])
}

/// The instructions of one run over the folder of a report, without those of the digest and the loader, which it tells.
fn instructions(policy: &Path, report: &Path, baseline: Option<&Path>) -> io::Result<u64> {
    let profile = policy.with_extension("callgrind");
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--compress-strings=no", "--compress-pos=no"]);
    command.arg(format!("--callgrind-out-file={}", profile.display()));
    command.arg(inputs::binary()).args(["gate", "--format", "json", "--now", "2026-11-23T09:00:00Z"]);
    command.arg("--policy").arg(policy).arg("--artifacts").arg(report.parent().unwrap_or(report));
    command.args(baseline.map(|path| format!("--baseline={}", path.display())));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let output = command.env_clear().env("PATH", path).output();
    let output = output.map_err(|error| io::Error::other(format!("valgrind, which this needs: {error}")))?;
    // Every case holds something that blocks.
    if output.status.code() != Some(11) {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(io::Error::other(format!("{command:?}: {}: {said}", output.status)));
    }
    let counted = counted(&fs::read_to_string(&profile)?);
    if counted.loading == 0 || counted.judged == 0 {
        return Err(io::Error::other(format!("{}: no loader or no run is told apart in it", profile.display())));
    }
    let case = policy.file_stem().unwrap_or_default().display();
    println!("loading before {case}: {} instructions", counted.loading);
    Ok(counted.judged)
}

/// What a run took: what is judged, and what the system's loader did before it began.
struct Counted {
    judged: u64,
    loading: u64,
}

/// Adds up what each function takes itself. In callgrind's format `ob=` names the file that a function is in, `fn=` the
/// function, a line of two numbers is a place in it and its cost, and the line after `calls=` is the cost of what it
/// calls, which is told where that stands.
fn counted(profile: &str) -> Counted {
    let mut sum = Counted { judged: 0, loading: 0 };
    let (mut loader, mut digest, mut called) = (false, false, false);
    for line in profile.lines() {
        if let Some(object) = line.strip_prefix("ob=") {
            loader = object.rsplit('/').next().is_some_and(|file| file.starts_with("ld-linux"));
        } else if let Some(function) = line.strip_prefix("fn=") {
            digest = function.contains("sha2::");
        } else if line.starts_with("calls=") {
            called = true;
        } else if line.starts_with(|first: char| first.is_ascii_digit()) && !std::mem::take(&mut called) && !digest {
            let cost = line.split(' ').nth(1).and_then(|cost| cost.parse::<u64>().ok()).unwrap_or_default();
            *(if loader { &mut sum.loading } else { &mut sum.judged }) += cost;
        }
    }
    sum
}
