//! What ours is compared with: the bare scans that bound any reader from below,
//! and the tools that people use for this.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use countersign::workspace::open;
use quick_xml::events::Event;
use serde::de::IgnoredAny;

/// The tools that are compared with, as PyPI has them.
const PACKAGES: [&str; 2] = ["sarif-tools==3.0.5", "junitparser==5.0.3"];

/// How long `serde_json` takes to pass over a file that is mapped.
pub fn serde_json(path: &Path) -> io::Result<Duration> {
    let began = Instant::now();
    let bytes = open::named(path, u64::MAX).map_err(io::Error::other)?;
    serde_json::from_slice::<IgnoredAny>(&bytes)?;
    drop(bytes);
    Ok(began.elapsed())
}

/// How long `quick-xml` takes to tell the events of a file that is mapped.
pub fn quick_xml(path: &Path) -> io::Result<Duration> {
    let began = Instant::now();
    let bytes = open::named(path, u64::MAX).map_err(io::Error::other)?;
    let mut reader = quick_xml::Reader::from_reader(&*bytes);
    while !matches!(reader.read_event().map_err(io::Error::other)?, Event::Eof) {}
    drop(bytes);
    Ok(began.elapsed())
}

/// `cat` of files.
pub fn cat(folder: &Path) -> io::Result<Command> {
    let mut command = Command::new("cat");
    for entry in folder.read_dir()? {
        command.arg(entry?.path());
    }
    Ok(command)
}

/// The medians of two commands in milliseconds, as the shared `measure.py` finds them, which starts each from Python by
/// a shell. Where it is not here, says why.
pub fn by_harness(rounds: usize, first: &Command, second: &Command) -> Result<[f64; 2], String> {
    let harness = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/bench/measure.py");
    if !harness.is_file() {
        return Err("there is no ../shared/bench/measure.py".to_owned());
    }
    let line = |name: &str, command: &Command| {
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
        format!("{name}={}", words.join(" "))
    };
    let mut command = Command::new("python3");
    command.arg(harness).arg(rounds.to_string()).arg(line("first", first)).arg(line("second", second));
    command.env_clear().env("PATH", "/usr/bin:/bin");
    let output = command.output().map_err(|error| error.to_string())?;
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let median = |name: &str| {
        let line = told.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().skip_while(|word| *word != "wall").nth(1)?.parse().ok()
    };
    match (median("first"), median("second")) {
        (Some(first), Some(second)) => Ok([first, second]),
        _ => Err(format!("the harness told nothing: {}", String::from_utf8_lossy(&output.stderr))),
    }
}

/// The tools from PyPI, in an environment of their own.
pub struct Tools {
    bin: PathBuf,
}

impl Tools {
    /// Installs them at the first call. Where that cannot be, says why.
    pub fn install() -> Result<Self, String> {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-tools");
        let bin = folder.join("bin");
        let installed = folder.join("installed");
        let wanted = PACKAGES.join("\n");
        if std::fs::read_to_string(&installed).is_ok_and(|known| known == wanted) {
            return Ok(Self { bin });
        }
        let run = |command: &mut Command| match command.output() {
            Ok(output) if output.status.success() => Ok(()),
            Ok(output) => Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim())),
            Err(error) => Err(format!("{command:?}: {error}")),
        };
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        run(Command::new(bin.join("pip")).args(["install", "--quiet"]).args(PACKAGES))?;
        std::fs::write(&installed, wanted).map_err(|error| error.to_string())?;
        Ok(Self { bin })
    }

    /// sarif-tools, as a pipeline calls it. Its exit code is the number of errors modulo 256.
    pub fn sarif_tools(&self, report: &Path) -> Command {
        let mut command = Command::new(self.bin.join("sarif"));
        command.args(["--check", "error", "summary"]).arg(report);
        command
    }

    /// How many errors, warnings and notes sarif-tools reports. It counts what was
    /// suppressed with the rest, where we count it apart; so that levels can be
    /// compared, only notes are suppressed in what is measured.
    pub fn levels(&self, report: &Path) -> io::Result<[Option<u64>; 3]> {
        let output = self.sarif_tools(report).output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let count = |level: &str| {
            text.lines().find_map(|line| line.strip_prefix(level)?.strip_prefix(": ")?.trim().parse().ok())
        };
        Ok([count("error"), count("warning"), count("note")])
    }

    /// junitparser, as a pipeline calls it.
    pub fn junitparser(&self, report: &Path) -> Command {
        let mut command = Command::new(self.bin.join("junitparser"));
        command.arg("verify").arg(report);
        command
    }

    /// How many cases, failures, errors and skipped cases junitparser counts itself;
    /// its command only says whether there is a failure.
    pub fn cases(&self, report: &Path) -> io::Result<[Option<u64>; 4]> {
        const COUNT: &str = "import sys, junitparser
report = junitparser.JUnitXml.fromfile(sys.argv[1])
for suite in report: suite.update_statistics()
report.update_statistics()
print(report.tests, report.failures, report.errors, report.skipped)";
        let output = Command::new(self.bin.join("python")).args(["-c", COUNT]).arg(report).output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let mut counts = text.split_whitespace().map(|count| count.parse().ok());
        Ok(std::array::from_fn(|_| counts.next().flatten()))
    }
}
