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

use std::io;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use self::inputs::Report;
use self::peers::Tools;
use self::process::{Decision, MEMORY, bounded, ours, peak, wall};
use self::table::{Goal, Table, megabytes, milliseconds, ratio};

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
            "--quick" => rounds = 2,
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
/// alike; the median of each. A round before the first fills the page cache.
fn medians(rounds: usize, runs: &[Timed<'_>]) -> io::Result<Vec<Duration>> {
    let mut times = vec![Vec::new(); runs.len()];
    for round in 0..=rounds {
        for ((name, time), times) in runs.iter().zip(&mut times) {
            eprint!("\r\x1b[Kround {round} of {rounds}: {name}");
            let time = time()?;
            if round > 0 {
                times.push(time);
            }
        }
    }
    eprint!("\r\x1b[K");
    Ok(times.iter_mut().map(|times| median(times)).collect())
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
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
        &tools.as_ref().map(|tools| || wall(&mut tools.sarif_tools(&report))),
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
    let tool = tools.as_ref().map(|tools| || wall(&mut tools.junitparser(&report)));
    let scan = || peers::quick_xml(&report);
    compare(rounds, table, &names, [6.0, 0.45], &|| wall(&mut ours(&policy, &report)), &scan, &tool)
}

/// Times ours beside the bare scan and, where it is there, the tool that people use.
fn compare(
    rounds: usize,
    table: &mut Table,
    [measure, scan_name, tool_name]: &[String; 3],
    [faster, share]: [f64; 2],
    ours: &dyn Fn() -> io::Result<Duration>,
    scan: &dyn Fn() -> io::Result<Duration>,
    tool: &Result<impl Fn() -> io::Result<Duration>, &String>,
) -> io::Result<()> {
    let mut runs: Vec<Timed<'_>> = vec![(measure, Box::new(ours)), (scan_name, Box::new(scan))];
    match tool {
        Ok(tool) => runs.push((tool_name, Box::new(tool))),
        Err(why) => table.skip(&format!("{measure}, against {tool_name}"), why),
    }
    let times = medians(rounds, &runs)?;
    let [ours, scan, ..] = times.as_slice() else { return Ok(()) };
    if let Some(tool) = times.get(2) {
        table.note(
            measure,
            milliseconds(*ours),
            format!("{tool_name}: {}", milliseconds(*tool)),
            ratio(*tool, *ours),
            "×",
            Goal::AtLeast(faster),
        );
    }
    let peer = format!("{scan_name}: {}", milliseconds(*scan));
    table.note(measure, milliseconds(*ours), peer, ratio(*scan, *ours), " of its pace", Goal::AtLeast(share));
    Ok(())
}

fn small(rounds: usize, table: &mut Table) -> io::Result<()> {
    let folder = inputs::folder("six", SMALL, &Report::SIX)?;
    let policy = inputs::policy("six.yml", &inputs::SIX)?;
    same("reports", Some(Decision::of(&mut ours(&policy, &folder))?.reports()), Some(inputs::SIX.len()))?;
    let times = medians(
        rounds * 10,
        &[
            ("six reports", Box::new(|| wall(&mut ours(&policy, &folder)))),
            ("cat", Box::new(|| wall(&mut peers::cat(&folder)?))),
        ],
    )?;
    let [ours, cat] = times.as_slice() else { return Ok(()) };
    table.note(
        &format!("six reports of {SMALL} entries each"),
        milliseconds(*ours),
        format!("cat: {}", milliseconds(*cat)),
        ratio(*ours, *cat),
        "×",
        Goal::AtMost(3.0),
    );
    Ok(())
}

fn memory(table: &mut Table) -> io::Result<()> {
    let scan = inputs::policy("scan.yml", &[inputs::SCAN])?;
    let compared = inputs::policy("compared.yml", &[inputs::COMPARED])?;
    let tests = inputs::policy("tests.yml", &[inputs::TESTS])?;
    for entries in [LARGE, SARIF_GIGABYTE] {
        let report = inputs::alone("sarif", entries, Report::Sarif)?;
        let without = anonymous(table, &format!("SARIF, {}", size(&report)?), &mut ours(&scan, &report))?;
        let before = inputs::alone("sarif-before", entries, Report::SarifBefore)?;
        let mut command = ours(&compared, &report);
        command.arg("--baseline").arg(before);
        let new = Decision::of(&mut command)?.count("findings.new.total");
        if !new.is_some_and(|new| (entries / 60..=entries / 50).contains(&new)) {
            return Err(io::Error::other(format!("{new:?} of {entries} findings are new, where nearly 2 % should be")));
        }
        let with = peak(&mut command)?;
        #[expect(clippy::cast_precision_loss, reason = "shown with two decimals")]
        let each = with.saturating_sub(without) as f64 / entries as f64;
        let measure = "the same with a baseline, more than without";
        table.note(measure, megabytes(with), "–".to_owned(), each, " bytes a finding", Goal::AtMost(32.0));
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
    let peak = peak(command)?;
    Decision::of(&mut bounded(command))?;
    #[expect(clippy::cast_precision_loss, reason = "shown with two decimals")]
    let (figure, most) = (peak as f64 / 1e6, (MEMORY / 1_000_000) as f64);
    let measure = format!("{measure}: peak anonymous memory");
    let held = format!("kernel's limit of {} MiB: held", MEMORY >> 20);
    table.note(&measure, megabytes(peak), held, figure, " MB", Goal::AtMost(most));
    Ok(peak)
}

/// Complains where ours and a peer's count differ: what is faster because it
/// counts something else is not faster.
fn same<T: PartialEq + Copy + std::fmt::Debug>(what: &str, ours: Option<T>, theirs: Option<T>) -> io::Result<()> {
    if ours.is_some() && ours == theirs {
        return Ok(());
    }
    Err(io::Error::other(format!("{what}: we count {ours:?}, where {theirs:?} is right")))
}

fn size(path: &Path) -> io::Result<String> {
    Ok(megabytes(path.metadata()?.len()))
}
