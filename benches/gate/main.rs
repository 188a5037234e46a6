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
use self::table::{Goal, Rival, Table, Times, megabytes};

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
    println!("{}, {}\n", inputs::binary().display(), size(&inputs::binary()).unwrap_or_default());
    println!("{}", table.markdown());
    match measured {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn speed(rounds: usize, table: &mut Table) -> io::Result<()> {
    let tools = Tools::install();

    let report = inputs::alone("sarif", LARGE, Report::Sarif)?;
    let policy = inputs::policy("scan.yml", &[inputs::SCAN])?;
    let measure = format!("SARIF, {LARGE} results, {}", size(&report)?);
    let decision = Decision::of(&mut ours(&policy, &report))?;
    let count = |measure| decision.count(measure);
    same("results", count("findings.total").zip(count("findings.suppressed")).map(|(a, b)| a + b), Some(LARGE))?;
    let mut rivals = vec![Rival::scan("bare serde_json", 0.5, || peers::serde_json(&report))];
    match &tools {
        Ok(tools) => {
            let [errors, warnings, notes] = tools.levels(&report)?;
            same("errors", count("findings.error"), errors)?;
            same("warnings", count("findings.warning"), warnings)?;
            same("notes", count("findings.note").zip(count("findings.suppressed")).map(|(a, b)| a + b), notes)?;
            rivals.push(Rival::tool("sarif-tools", 30.0, || wall(&mut tools.sarif_tools(&report))));
        }
        Err(why) => table.skip(&measure, "sarif-tools", why),
    }
    in_turn(rounds, table, &measure, &|| wall(&mut ours(&policy, &report)), &rivals)?;

    let report = inputs::alone("junit", LARGE, Report::Junit)?;
    let policy = inputs::policy("tests.yml", &[inputs::TESTS])?;
    let measure = format!("JUnit, {LARGE} cases, {}", size(&report)?);
    let decision = Decision::of(&mut ours(&policy, &report))?;
    let counted = ["tests.total", "tests.failed", "tests.errors", "tests.skipped"].map(|name| decision.count(name));
    same("cases", counted.first().copied().flatten(), Some(LARGE))?;
    let mut rivals = vec![Rival::scan("bare quick-xml", 0.45, || peers::quick_xml(&report))];
    match &tools {
        Ok(tools) => {
            for (ours, theirs) in counted.into_iter().zip(tools.cases(&report)?) {
                same("cases, failed, errors, skipped", ours, theirs)?;
            }
            rivals.push(Rival::tool("junitparser", 6.0, || wall(&mut tools.junitparser(&report))));
        }
        Err(why) => table.skip(&measure, "junitparser", why),
    }
    in_turn(rounds, table, &measure, &|| wall(&mut ours(&policy, &report)), &rivals)
}

fn small(rounds: usize, table: &mut Table) -> io::Result<()> {
    let folder = inputs::folder("six", SMALL, &Report::SIX)?;
    let policy = inputs::policy("six.yml", &inputs::SIX)?;
    let measure = format!("six reports of {SMALL} entries each");
    same("reports", Some(Decision::of(&mut ours(&policy, &folder))?.reports()), Some(Report::SIX.len()))?;
    let rivals = [Rival::bound("cat", 3.0, || wall(&mut by_shell(&peers::cat(&folder)?)))];
    let step = format!("{measure}, started by a shell");
    in_turn(rounds * 10, table, &step, &|| wall(&mut by_shell(&ours(&policy, &folder))), &rivals)?;
    let rivals = [Rival::bound("cat", 3.0, || wall(&mut peers::cat(&folder)?))];
    let bare = format!("{measure}, the bare process");
    in_turn(rounds * 10, table, &bare, &|| wall(&mut ours(&policy, &folder)), &rivals)?;
    let harness = format!("{measure}, started by the harness that the goal was set with");
    match peers::by_harness(rounds * 10, &peers::cat(&folder)?, &ours(&policy, &folder)) {
        Ok([cat, ours]) => {
            let told = format!("cat: {cat} ms");
            table.note([&harness, &format!("{ours} ms"), &told, "–"], ours / cat, "×", Goal::AtMost(3.0));
        }
        Err(why) => table.skip(&harness, "cat", &why),
    }
    Ok(())
}

/// The same command as a pipeline's step starts it: by a shell, which it replaces.
fn by_shell(command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", "exec \"$0\" \"$@\""]).arg(command.get_program()).args(command.get_args());
    // As `ours` runs: with nothing of the machine's own around it.
    shell.env_clear().env("PATH", "/usr/bin:/bin");
    shell
}

/// Times ours and its rivals in turn, so that a machine that drifts does it to all
/// of them alike. A round before the first fills the page cache.
fn in_turn(
    rounds: usize,
    table: &mut Table,
    measure: &str,
    ours: &dyn Fn() -> io::Result<Duration>,
    rivals: &[Rival<'_>],
) -> io::Result<()> {
    let watched = io::stderr().is_terminal();
    let mut ours_took = Vec::new();
    let mut rivals_took = vec![Vec::new(); rivals.len()];
    for round in 0..=rounds {
        if watched {
            eprint!("\r\x1b[K{measure}: round {round} of {rounds}");
        }
        let took = ours()?;
        if round > 0 {
            ours_took.push(took);
        }
        for (rival, all) in rivals.iter().zip(&mut rivals_took) {
            let took = (rival.time)()?;
            if round > 0 {
                all.push(took);
            }
        }
    }
    if watched {
        eprint!("\r\x1b[K");
    }
    let ours = Times::of(ours_took);
    for (rival, took) in rivals.iter().zip(rivals_took) {
        table.compare(measure, &ours, rival, &Times::of(took));
    }
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
        let (told, each) = (megabytes(with), with.saturating_sub(without).div_ceil(entries));
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
fn same<T: PartialEq + std::fmt::Debug + Copy>(what: &str, ours: Option<T>, theirs: Option<T>) -> io::Result<()> {
    if ours.is_some() && ours == theirs {
        return Ok(());
    }
    Err(io::Error::other(format!("{what}: we count {ours:?}, where {theirs:?} is right")))
}

fn size(path: &Path) -> io::Result<String> {
    Ok(megabytes(path.metadata()?.len()))
}
