//! How fast the gate is, and how much memory it takes, beside its peers: see
//! `benches/README.md`.
//!
//! Usage: `cargo bench --bench gate [-- [--quick] [speed] [small] [memory]]`
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark speaks to the person who runs it")]

#[path = "../inputs/mod.rs"]
mod inputs;
mod peers;
mod process;
mod table;

use std::io::{self, IsTerminal};
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use self::inputs::Report;
use self::peers::Tools;
use self::process::{Decision, MEMORY, bounded, ours, peak, wall};
use self::table::{Goal, Table, Times, megabytes};

/// How many entries the large reports have, and those of about a gigabyte.
const LARGE: u64 = 100_000;
const SARIF_GIGABYTE: u64 = 900_000;
const JUNIT_GIGABYTE: u64 = 3_900_000;
const SMALL: u64 = 1000;

fn main() -> ExitCode {
    let mut rounds = 5;
    let mut parts = Vec::new();
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--quick" => rounds = 3,
            // Cargo says so to every benchmark.
            "--bench" => {}
            "speed" | "small" | "memory" => parts.push(argument),
            other => {
                eprintln!("`{other}` is none of: --quick, speed, small, memory");
                return ExitCode::from(2);
            }
        }
    }
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|named| named == part);
    let mut table = Table::default();
    let measured = (|| {
        if wanted("speed") {
            speed(rounds, &mut table)?;
        }
        if wanted("small") {
            small(rounds, &mut table)?;
        }
        if wanted("memory") {
            memory(&mut table)?;
        }
        io::Result::Ok(())
    })();
    println!("{}", table.markdown());
    match measured {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// One of the things that are timed in turn.
type Timed<'t> = (&'t str, Box<dyn Fn() -> io::Result<Duration> + 't>);

/// Times things in turn, so that a machine that drifts does it to all of them
/// alike. A round before the first fills the page cache.
fn in_turn(rounds: usize, timed: &[Timed<'_>]) -> io::Result<Vec<Times>> {
    let watched = io::stderr().is_terminal();
    let mut times = vec![Vec::new(); timed.len()];
    for round in 0..=rounds {
        for ((name, time), times) in timed.iter().zip(&mut times) {
            if watched {
                eprint!("\r\x1b[Kround {round} of {rounds}: {name}");
            }
            let time = time()?;
            if round > 0 {
                times.push(time);
            }
        }
    }
    if watched {
        eprint!("\r\x1b[K");
    }
    Ok(times.into_iter().map(Times::of).collect())
}

fn speed(rounds: usize, table: &mut Table) -> io::Result<()> {
    let tools = Tools::install();

    let report = inputs::alone("sarif", LARGE, Report::Sarif)?;
    let policy = inputs::policy("scan.yml", &[inputs::SCAN])?;
    let decision = Decision::of(&mut ours(&policy, &report))?;
    let count = |measure| decision.count(measure);
    same("results", count("findings.total").zip(count("findings.suppressed")).map(|(a, b)| a + b), Some(LARGE))?;
    if let Ok(tools) = &tools {
        let [errors, warnings, notes] = tools.levels(&report)?;
        same("errors", count("findings.error"), errors)?;
        same("warnings", count("findings.warning"), warnings)?;
        same("notes", count("findings.note").zip(count("findings.suppressed")).map(|(a, b)| a + b), notes)?;
    }
    let names = [format!("SARIF, {LARGE} results, {}", size(&report)?), "bare serde_json".into(), "sarif-tools".into()];
    compare(
        rounds,
        table,
        &names,
        [30.0, 0.5],
        &|| wall(&mut ours(&policy, &report)),
        &|| peers::serde_json(&report),
        tools.as_ref().map(|tools| || wall(&mut tools.sarif_tools(&report))),
    )?;

    let report = inputs::alone("junit", LARGE, Report::Junit)?;
    let policy = inputs::policy("tests.yml", &[inputs::TESTS])?;
    let decision = Decision::of(&mut ours(&policy, &report))?;
    let counted = ["tests.total", "tests.failed", "tests.errors", "tests.skipped"].map(|name| decision.count(name));
    same("cases", counted.first().copied().flatten(), Some(LARGE))?;
    if let Ok(tools) = &tools {
        for (ours, theirs) in counted.into_iter().zip(tools.cases(&report)?) {
            same("cases, failed, errors, skipped", ours, theirs)?;
        }
    }
    let names = [format!("JUnit, {LARGE} cases, {}", size(&report)?), "bare quick-xml".into(), "junitparser".into()];
    compare(rounds, table, &names, [6.0, 0.45], &|| wall(&mut ours(&policy, &report)), &|| peers::quick_xml(&report), {
        tools.as_ref().map(|tools| || wall(&mut tools.junitparser(&report)))
    })
}

/// Times ours beside the bare scan and, where it is there, the tool that people use.
fn compare(
    rounds: usize,
    table: &mut Table,
    [measure, scan_name, tool_name]: &[String; 3],
    [faster, share]: [f64; 2],
    ours: &dyn Fn() -> io::Result<Duration>,
    scan: &dyn Fn() -> io::Result<Duration>,
    tool: Result<impl Fn() -> io::Result<Duration>, &String>,
) -> io::Result<()> {
    let mut timed: Vec<Timed<'_>> = vec![(measure, Box::new(ours)), (scan_name, Box::new(scan))];
    match &tool {
        Ok(tool) => timed.push((tool_name, Box::new(tool))),
        Err(why) => table.skip(&format!("{measure}, against {tool_name}"), why),
    }
    let times = in_turn(rounds, &timed)?;
    let [ours, scan, ..] = times.as_slice() else { return Ok(()) };
    if let Some(tool) = times.get(2) {
        table.compare(measure, tool_name, tool, ours, |peer, ours| peer / ours, "×", Goal::AtLeast(faster));
    }
    table.compare(measure, scan_name, scan, ours, |peer, ours| peer / ours, " of its pace", Goal::AtLeast(share));
    Ok(())
}

fn small(rounds: usize, table: &mut Table) -> io::Result<()> {
    let folder = inputs::folder("six", SMALL, &Report::SIX)?;
    let policy = inputs::policy("six.yml", &inputs::SIX)?;
    same("reports", Some(Decision::of(&mut ours(&policy, &folder))?.reports()), Some(inputs::SIX.len()))?;
    let times = in_turn(
        rounds * 10,
        &[
            ("six reports", Box::new(|| wall(&mut ours(&policy, &folder)))),
            ("cat", Box::new(|| wall(&mut peers::cat(&folder)?))),
        ],
    )?;
    let [ours, cat] = times.as_slice() else { return Ok(()) };
    let measure = format!("six reports of {SMALL} entries each");
    table.compare(&measure, "cat", cat, ours, |cat, ours| ours / cat, "×", Goal::AtMost(3.0));
    Ok(())
}

fn memory(table: &mut Table) -> io::Result<()> {
    /// The most bytes that a baseline may take for each of its findings.
    const EACH: u64 = 32;
    let scan = inputs::policy("scan.yml", &[inputs::SCAN])?;
    let compared = inputs::policy("compared.yml", &[inputs::COMPARED])?;
    let tests = inputs::policy("tests.yml", &[inputs::TESTS])?;
    for entries in [LARGE, SARIF_GIGABYTE] {
        let report = inputs::alone("sarif", entries, Report::Sarif)?;
        let without = anonymous(table, &format!("SARIF, {}", size(&report)?), &mut ours(&scan, &report))?;
        let before = inputs::alone("sarif-before", entries, Report::SarifBefore)?;
        let mut command = ours(&compared, &report);
        command.arg("--baseline").arg(before);
        let new = Decision::of(&mut bounded(&command, MEMORY + EACH * entries))?.count("findings.new.total");
        // Two in a hundred are, and some of those are suppressed.
        if !new.is_some_and(|new| (entries / 60..=entries / 50).contains(&new)) {
            return Err(io::Error::other(format!("{new:?} of {entries} findings are new, where nearly 2 % should be")));
        }
        let with = peak(&mut command)?;
        let (told, each) = (megabytes(with), with.saturating_sub(without) / entries);
        let told = ["the same with a baseline, what it takes more", &told, "the kernel's limit holds", "–"];
        table.note(told, float(each), " bytes a finding", Goal::AtMost(float(EACH)));
    }
    for entries in [LARGE, JUNIT_GIGABYTE] {
        let report = inputs::alone("junit", entries, Report::Junit)?;
        anonymous(table, &format!("JUnit, {}", size(&report)?), &mut ours(&tests, &report))?;
    }
    Ok(())
}

/// Notes the most anonymous memory that a run came to, and that it comes to an
/// answer where the kernel grants it no more.
fn anonymous(table: &mut Table, measure: &str, command: &mut Command) -> io::Result<u64> {
    Decision::of(&mut bounded(command, MEMORY))?;
    let peak = peak(command)?;
    let measure = format!("{measure}: peak anonymous memory");
    let told = [&measure, &megabytes(peak), "the kernel's limit holds", "–"];
    table.note(told, float(peak) / 1e6, " MB", Goal::AtMost(float(MEMORY) / 1e6));
    Ok(peak)
}

#[expect(clippy::cast_precision_loss, reason = "shown with two decimals")]
fn float(count: u64) -> f64 {
    count as f64
}

/// Complains where ours and a peer's count differ: what is faster because it
/// counts something else is not faster.
fn same<T: PartialEq + std::fmt::Debug>(what: &str, ours: Option<T>, theirs: Option<T>) -> io::Result<()> {
    if ours.is_some() && ours == theirs {
        return Ok(());
    }
    Err(io::Error::other(format!("{what}: we count {ours:?}, where {theirs:?} is right")))
}

fn size(path: &Path) -> io::Result<String> {
    Ok(megabytes(path.metadata()?.len()))
}
