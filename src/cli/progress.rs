//! Tells a person who waits what is being read, once it takes over a second.

use std::io::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::flow::request::Watch;

/// What is being read.
#[derive(Default)]
pub(super) struct Progress {
    /// The files that are being read, the longest-standing first.
    now: Mutex<Vec<Reading>>,
}

struct Reading {
    path: String,
    bytes: u64,
    since: Instant,
    shown: bool,
}

impl Progress {
    fn now(&self) -> MutexGuard<'_, Vec<Reading>> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is being read, for the message of a time limit.
    pub(super) fn path(&self) -> Option<String> {
        self.now().first().map(|reading| reading.path.clone())
    }

    /// Shows one line on standard error while a file takes over a second.
    pub(super) fn show(&self) {
        let mut now = self.now();
        let Some(reading) = now.first_mut() else { return };
        let elapsed = reading.since.elapsed();
        if elapsed < Duration::from_secs(1) {
            return;
        }
        reading.shown = true;
        let path = crate::report::neutral::line(&reading.path, 200);
        let mut out = std::io::stderr().lock();
        let size = if reading.bytes > 0 { format!(" ({})", size(reading.bytes)) } else { String::new() };
        let _ = write!(out, "\r\x1b[Kreading {path}{size}, {} s", elapsed.as_secs());
        let _ = out.flush();
    }
}

impl Watch for Progress {
    fn reading(&self, path: &str, bytes: u64) {
        self.now().push(Reading { path: path.to_owned(), bytes, since: Instant::now(), shown: false });
    }

    fn done(&self, path: &str) {
        let mut now = self.now();
        let Some(at) = now.iter().position(|reading| reading.path == path) else { return };
        if now.remove(at).shown {
            let mut out = std::io::stderr().lock();
            let _ = write!(out, "\r\x1b[K");
            let _ = out.flush();
        }
    }
}

fn size(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
    let bytes = bytes as f64;
    let units = ["bytes", "kB", "MB", "GB", "TB"];
    let mut at = 0;
    let mut value = bytes;
    while value >= 1000.0 && at + 1 < units.len() {
        value /= 1000.0;
        at += 1;
    }
    format!("{value:.1} {}", units.get(at).unwrap_or(&"bytes"))
}
