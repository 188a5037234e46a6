//! Reads the events that `go test -json` writes, one JSON object a line.
//!
//! The form is that of `go doc test2json`, Go 1.10 to 1.25: `run`, `output`,
//! `pass`, `fail` and `skip` of tests and, without a `Test`, of packages; since
//! Go 1.24 `build-output` and `build-fail`. Go before 1.24 says on a line that is
//! no JSON that a package could not be built; such a `FAIL` line is read too, and
//! other lines that are no JSON, which the build and the tests may print between
//! the events, are passed over. Where such a line says that the run failed, `FAIL` or
//! `exit status 2`, and no event does, events are missing, and the stream is refused.
//!
//! Tests and subtests are cases alike, as in Go's own output. A test without a
//! result when its package ends (a panic, a time-out, `os.Exit`) is errored. So
//! is a package that fails although none of its tests did, because it was not
//! built or its `TestMain` failed. A stream that ends before a package does was
//! cut short, and is refused.
//!
//! Go before 1.20 loses the result of a test whose output does not end its line;
//! it is then taken from the end of that output.
//!
//! A test is flaky when it failed and then passed in a later run of its package,
//! as `gotestsum --rerun-fails` writes; with `-count` all runs are one run of the
//! package, and a failure stays one. A test that fails several times is one case.
//!
//! `tests.time` sums top-level tests: the time of a subtest is part of its parent's.
//!
//! Kept are hashes and places in the stream, so that memory grows with the tests
//! that fail or are open at once and with the packages, and at most to
//! [`Bounds::tests`] of them. The names are read again when they are needed.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use super::json;
use super::tests::{Ended, Failing, TestTally};
use crate::model::bounds::{Bounds, raise};
use crate::model::notable::shortened;
use crate::model::report::{About, Fault, Place};

/// Reads one report.
pub fn read(bytes: &[u8], tally: &mut TestTally, about: &mut About) -> Result<(), Fault> {
    let bounds = tally.bounds;
    let mut stream = Stream::new(bytes, &bounds, tally, about);
    let mut at = 0;
    for (number, line) in (1_u64..).zip(bytes.split_inclusive(|byte| *byte == b'\n')) {
        stream.line(at, number, line)?;
        at += line.len();
    }
    stream.finish()
}

/// One event, with the fields that matter here.
#[derive(Default)]
struct Event<'a> {
    action: Cow<'a, str>,
    package: Cow<'a, str>,
    test: Cow<'a, str>,
    output: Cow<'a, str>,
    time: Cow<'a, str>,
    /// The package that could not be built, of `build-fail`.
    import_path: Cow<'a, str>,
    /// The package that could not be built, of a package that needed it.
    failed_build: Cow<'a, str>,
    seconds: Option<f64>,
}

/// A stream that is being read.
struct Stream<'s, 'a> {
    bytes: &'a [u8],
    bounds: &'a Bounds,
    tally: &'s mut TestTally,
    about: &'s mut About,
    key: RandomState,
    packages: HashMap<u64, Package>,
    open: HashMap<u64, Open>,
    failed: HashMap<u64, Failed>,
    /// The builds that failed, by where the stream says so; and whether a package took note.
    builds: HashMap<u64, (usize, bool)>,
    cases: u64,
    /// The line on which the run says that it failed, where no event is.
    told_failed: Option<u64>,
    /// Whether an event said so of anything, maybe before it passed.
    any_failed: bool,
}

/// A package that has been seen.
#[derive(Default)]
struct Package {
    /// Where it was seen first.
    at: usize,
    /// Whether it runs now.
    running: bool,
    /// How many of its runs have ended.
    runs: u32,
    /// How many of its tests are open.
    open: u32,
    /// Whether a test of it failed in the present run.
    failing: bool,
}

/// A test that has begun and not ended.
struct Open {
    package: u64,
    at: usize,
    said: Said,
    /// The result that its last output ends with.
    swallowed: Option<Swallowed>,
}

/// A result that never became an event, because what the test printed before it
/// did not end its line (Go before 1.20).
#[derive(Clone, Copy)]
enum Swallowed {
    Passed,
    Skipped,
}

/// The line of output that best says why a test failed: the first that names a
/// place in the source or a panic, or else the first.
#[derive(Clone, Copy, Default)]
struct Said {
    at: Option<usize>,
    telling: bool,
}

/// A test or package that failed.
struct Failed {
    /// Where an event that names it stands.
    at: usize,
    said: Said,
    errored: bool,
    /// In which run of its package.
    run: u32,
    seconds: Option<f64>,
}

impl<'s, 'a> Stream<'s, 'a> {
    fn new(bytes: &'a [u8], bounds: &'a Bounds, tally: &'s mut TestTally, about: &'s mut About) -> Self {
        Self {
            bytes,
            bounds,
            tally,
            about,
            key: RandomState::new(),
            packages: HashMap::new(),
            open: HashMap::new(),
            failed: HashMap::new(),
            builds: HashMap::new(),
            cases: 0,
            told_failed: None,
            any_failed: false,
        }
    }

    fn line(&mut self, at: usize, number: u64, line: &'a [u8]) -> Result<(), Fault> {
        let line = line.trim_ascii();
        if line.first() != Some(&b'{') {
            if line.starts_with(b"FAIL\t") {
                self.failed_line(at, line);
            }
            if line == b"FAIL" || line.starts_with(b"FAIL\t") || line.starts_with(b"exit status ") {
                self.told_failed.get_or_insert(number);
            }
            return Ok(());
        }
        let event = Event::read(line, self.bounds).map_err(|fault| match fault.place {
            Place::Line(_, column) => Fault { place: Place::Line(number, column), ..fault },
            _ => fault,
        })?;
        self.event(at, &event);
        if self.packages.len() + self.open.len() + self.failed.len() + self.builds.len() > self.bounds.tests {
            let (most, raise) = (self.bounds.tests, raise("tests"));
            let message = format!("more than {most} packages and failed or unfinished tests; split the report{raise}");
            return Err(Fault::beyond_limit(Place::Line(number, 0), message));
        }
        Ok(())
    }

    fn event(&mut self, at: usize, event: &Event<'_>) {
        self.any_failed |= matches!(&*event.action, "fail" | "build-fail");
        match &*event.action {
            "" | "build-output" => return,
            "build-fail" => {
                let build = self.key.hash_one(&*event.import_path);
                self.builds.entry(build).or_insert((at, false));
                return;
            }
            _ => {}
        }
        let id = self.key.hash_one(&*event.package);
        let package = self.packages.entry(id).or_insert_with(|| Package { at, running: true, ..Package::default() });
        // What is printed after the end of a package does not begin another run of it.
        package.running |= matches!(&*event.action, "start" | "run");
        if event.test.is_empty() {
            if matches!(&*event.action, "pass" | "fail" | "skip") {
                self.package_ended(at, id, event);
            }
            return;
        }
        let test = self.key.hash_one((&*event.package, &*event.test));
        match &*event.action {
            "run" => {
                let open = Open { package: id, at, said: Said::default(), swallowed: None };
                if self.open.insert(test, open).is_none() {
                    package.open += 1;
                }
            }
            "output" => {
                if let Some(open) = self.open.get_mut(&test) {
                    open.said.hear(at, &event.output);
                    open.swallowed = swallowed(&event.output, &event.test);
                }
            }
            "pass" | "fail" | "skip" | "bench" => self.test_ended(at, id, test, event),
            _ => {}
        }
    }

    fn test_ended(&mut self, at: usize, id: u64, test: u64, event: &Event<'_>) {
        let open = self.open.remove(&test);
        let package = self.packages.entry(id).or_default();
        package.open -= u32::from(open.is_some());
        // The time of a subtest is part of its parent's.
        let seconds = if event.test.contains('/') { Some(0.0) } else { event.seconds };
        match &*event.action {
            "fail" => {
                package.failing = true;
                let said = open.map(|open| open.said).unwrap_or_default();
                self.failed.insert(test, Failed { at, said, errored: false, run: package.runs, seconds });
            }
            "skip" => self.fold(Ended::Skipped, seconds),
            _ => match self.failed.get(&test) {
                Some(before) if before.run < package.runs => {
                    self.failed.remove(&test);
                    self.fold(Ended::Flaky, seconds);
                }
                // Another run in the same run of the package; the failure stands.
                Some(_) => {}
                None => self.fold(Ended::Passed, seconds),
            },
        }
    }

    fn package_ended(&mut self, at: usize, id: u64, event: &Event<'_>) {
        self.about.by("go test");
        self.about.made_text(&event.time);
        if !event.failed_build.is_empty() {
            let build = self.key.hash_one(&*event.failed_build);
            self.builds.entry(build).or_insert((at, true)).1 = true;
        }
        let package = self.packages.entry(id).or_default();
        let unfinished = std::mem::take(&mut package.open) > 0;
        let unexplained = &*event.action == "fail" && !package.failing && !unfinished;
        let run = package.runs;
        *package = Package { at: package.at, runs: run + 1, ..Package::default() };
        if unfinished {
            for (test, open) in self.open.extract_if(|_, open| open.package == id).collect::<Vec<_>>() {
                match open.swallowed {
                    Some(Swallowed::Passed) => self.fold(Ended::Passed, None),
                    Some(Swallowed::Skipped) => self.fold(Ended::Skipped, None),
                    None => {
                        let failed = Failed { at: open.at, said: open.said, errored: true, run, seconds: None };
                        self.failed.insert(test, failed);
                    }
                }
            }
        }
        if unexplained {
            self.failed.insert(id, Failed { at, said: Said::default(), errored: true, run, seconds: Some(0.0) });
        }
    }

    /// A line such as `FAIL<tab>example.com/shop [build failed]`, by which Go
    /// before 1.24 says that a package was not built.
    fn failed_line(&mut self, at: usize, line: &[u8]) {
        if line.ends_with(b" failed]") {
            let id = self.key.hash_one(&*fail_line(line).0);
            self.failed.insert(id, Failed { at, said: Said::default(), errored: true, run: 0, seconds: Some(0.0) });
        }
    }

    fn fold(&mut self, ended: Ended<'_>, seconds: Option<f64>) {
        self.cases += 1;
        self.tally.case(ended, seconds);
    }

    fn finish(mut self) -> Result<(), Fault> {
        if let Some(package) = self.packages.values().filter(|package| package.running).min_by_key(|package| package.at)
        {
            let name = self.event_at(package.at).package;
            let message = format!(
                "the stream ends before the package `{}` does; it is cut short, or the run was ended from outside: run the tests again",
                shortened(&name, 200)
            );
            return Err(Fault::malformed(Place::Whole, message));
        }
        for (at, _) in self.builds.values().filter(|(_, noted)| !noted) {
            let failed = Failed { at: *at, said: Said::default(), errored: true, run: 0, seconds: Some(0.0) };
            self.failed.insert(self.key.hash_one(("build", at)), failed);
        }
        if let Some(line) = self.told_failed.filter(|_| !self.any_failed && self.failed.is_empty()) {
            let message = "this line says that the run failed, and no event does; keep all that `go test -json` writes";
            return Err(Fault { place: Place::Line(line, 0), ..Fault::contradictory(message.to_owned()) });
        }
        let mut failed: Vec<_> = std::mem::take(&mut self.failed).into_values().collect();
        failed.sort_unstable_by_key(|failed| failed.at);
        for failed in failed {
            self.tell(&failed);
        }
        if self.cases == 0 {
            return Err(Fault::empty(
                "no test was run; see that the packages have tests, and that none were filtered out",
            ));
        }
        Ok(())
    }

    /// Folds in a failure, whose names are read from the stream again.
    fn tell(&mut self, failed: &Failed) {
        let line = self.line_at(failed.at);
        let event = self.event_at(failed.at);
        let said = failed.said.at.map(|at| self.event_at(at).output).unwrap_or_default();
        let (group, message) = if line.first() != Some(&b'{') {
            let (package, why) = fail_line(line);
            (package, why)
        } else if !event.import_path.is_empty() {
            (event.import_path, Cow::Borrowed("the build failed"))
        } else if !event.failed_build.is_empty() {
            (event.package, Cow::Owned(format!("the build of `{}` failed", shortened(&event.failed_build, 200))))
        } else if event.test.is_empty() {
            (event.package, Cow::Borrowed("the package failed outside of its tests"))
        } else if said.is_empty() && failed.errored {
            (event.package, Cow::Borrowed("the test never came to a result"))
        } else {
            (event.package, said)
        };
        let failing = Failing { group: &group, name: &event.test, message: message.trim(), ..Failing::default() };
        self.fold(if failed.errored { Ended::Errored(&failing) } else { Ended::Failed(&failing) }, failed.seconds);
    }

    fn line_at(&self, at: usize) -> &'a [u8] {
        let rest = self.bytes.get(at..).unwrap_or_default();
        rest.split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii()
    }

    /// The event at a place where one was read before.
    fn event_at(&self, at: usize) -> Event<'a> {
        Event::read(self.line_at(at), self.bounds).unwrap_or_default()
    }
}

impl Said {
    fn hear(&mut self, at: usize, output: &str) {
        let output = output.trim();
        if self.telling || output.is_empty() || output.starts_with("=== ") || output.starts_with("--- ") {
            return;
        }
        let telling = output.starts_with("panic:") || output.contains(".go:");
        if telling || self.at.is_none() {
            *self = Self { at: Some(at), telling };
        }
    }
}

impl<'a> Event<'a> {
    fn read(line: &'a [u8], bounds: &'a Bounds) -> Result<Self, Fault> {
        let mut event = Self::default();
        json::walk_within(line, bounds, |node| {
            node.object(|key, value| {
                let slot = match key {
                    "Action" => &mut event.action,
                    "Package" => &mut event.package,
                    "Test" => &mut event.test,
                    "Output" => &mut event.output,
                    "Time" => &mut event.time,
                    "ImportPath" => &mut event.import_path,
                    "FailedBuild" => &mut event.failed_build,
                    "Elapsed" => {
                        event.seconds = value.number()?;
                        return match event.seconds {
                            Some(seconds) if seconds < 0.0 => Err(json::refuse(format_args!(
                                "expected `Elapsed` of zero or more seconds, found {seconds}"
                            ))),
                            _ => Ok(()),
                        };
                    }
                    _ => return Ok(()),
                };
                *slot = value.text()?.unwrap_or_default();
                Ok(())
            })?;
            // What `go test -json` writes always has one; anything else would be passed over.
            if event.action.is_empty() {
                return Err(json::refuse("this line has no `Action`, which every event of `go test -json` has"));
            }
            Ok(())
        })?;
        Ok(event)
    }
}

/// The result that stands at the end of a test's output.
fn swallowed(output: &str, test: &str) -> Option<Swallowed> {
    let (_, result) = output.trim_end().rsplit_once("--- ")?;
    let (word, rest) = result.split_once(": ")?;
    let seconds = rest.strip_prefix(test)?.strip_prefix(" (")?.strip_suffix("s)")?;
    seconds.parse::<f64>().ok()?;
    match word {
        "PASS" => Some(Swallowed::Passed),
        "SKIP" => Some(Swallowed::Skipped),
        _ => None,
    }
}

/// The package and the reason of a line such as `FAIL<tab>example.com/shop [build failed]`.
fn fail_line(line: &[u8]) -> (Cow<'_, str>, Cow<'_, str>) {
    let text = line.strip_prefix(b"FAIL\t").unwrap_or(line);
    let space = memchr::memchr(b' ', text).unwrap_or(text.len());
    let (package, why) = text.split_at_checked(space).unwrap_or((text, &[]));
    let why = why.trim_ascii();
    let why = why.strip_prefix(b"[").and_then(|why| why.strip_suffix(b"]")).unwrap_or(why);
    (String::from_utf8_lossy(package), String::from_utf8_lossy(why))
}
