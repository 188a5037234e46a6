//! Runs commands as processes: how long they take, what they say, and how much
//! anonymous memory they come to.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::inputs;

/// The most anonymous memory that a run may take.
pub const MEMORY: u64 = 32_000_000;

/// `countersign gate` on a folder, or on the folder of a file.
pub fn ours(policy: &Path, artifacts: &Path) -> Command {
    let mut command = Command::new(inputs::binary());
    command.args(["gate", "--format", "json", "--time-limit", "10m", "--policy"]).arg(policy).arg("--artifacts");
    command.arg(if artifacts.is_dir() { artifacts } else { artifacts.parent().unwrap_or(artifacts) });
    // What the machine that measures has in its environment changes nothing.
    command.env_clear();
    command
}

/// What our own command says about a gate.
pub struct Decision(Value);

impl Decision {
    /// Runs the command, which must come to one of the verdicts that an answer has.
    pub fn of(command: &mut Command) -> io::Result<Self> {
        let Output { status, stdout, stderr } = command.output()?;
        if !matches!(status.code(), Some(0 | 10 | 11)) {
            return Err(io::Error::other(format!("{command:?} {status}: {}", String::from_utf8_lossy(&stderr))));
        }
        Ok(Self(serde_json::from_slice(&stdout)?))
    }

    /// A measure of the first gate, which is a count.
    pub fn count(&self, measure: &str) -> Option<u64> {
        self.0.pointer("/gates/0/measures")?.get(measure)?.as_u64()
    }

    /// How many reports were read without a fault.
    pub fn reports(&self) -> usize {
        let gates = self.0.get("gates").and_then(Value::as_array);
        let judged = |gate: &&Value| matches!(gate.get("verdict").and_then(Value::as_str), Some("pass" | "block"));
        gates.into_iter().flatten().filter(judged).count()
    }
}

/// How long a command takes from its start to its end, its output thrown away.
pub fn wall(command: &mut Command) -> io::Result<Duration> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let began = Instant::now();
    command.status()?;
    Ok(began.elapsed())
}

/// The most anonymous memory that a command was seen to have, looked at every
/// millisecond, in bytes. What it maps from files is not in it.
pub fn peak(command: &mut Command) -> io::Result<u64> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait()?.is_none() {
        // It may have ended since.
        let now = fs::read_to_string(&status).ok().and_then(|status| anonymous(&status)).unwrap_or_default();
        peak = peak.max(now);
        thread::sleep(Duration::from_millis(1));
    }
    Ok(peak)
}

fn anonymous(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

/// The same command where the kernel grants it only so much data: heap, writable
/// mappings and the stacks of threads, used or not. It says no to what a look
/// every millisecond could miss.
pub fn bounded(command: &Command, bytes: u64) -> Command {
    let mut bounded = Command::new("sh");
    bounded.args(["-c", "ulimit -d \"$0\" && exec \"$@\"", &(bytes / 1024).to_string()]);
    bounded.arg(command.get_program()).args(command.get_args()).env_clear();
    bounded
}
