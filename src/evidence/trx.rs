//! Reads TRX, the results of Visual Studio tests (`vstest.xsd`, namespace
//! `http://microsoft.com/schemas/VisualStudio/TeamTest/2010`), as
//! `dotnet test --logger trx`, `vstest.console` and Microsoft.Testing.Platform
//! write them.
//!
//! A result is passed when its `outcome` is `Passed` or `Completed`, or `Warning`,
//! which is a pass that complained; skipped when `NotExecuted` or `Inconclusive`,
//! as the tools' own summaries have it; failed when `Failed`; and errored when
//! `Error`, `Timeout`, `Aborted`, `Disconnected`, `NotRunnable`,
//! `PassedButRunAborted`, still `InProgress` or `Pending`, or when it has none.
//! Another word is refused.
//!
//! The rows of a data-driven test (`InnerResults`) are cases; the test that holds
//! them is one only when it did not pass and all of its rows did.
//!
//! Results name no class: that stands in the definitions behind them, which are
//! read a second time when a test failed. The counters of the summary have to
//! agree with the results, counted with or without the rows or the tests that
//! hold them. A run that says of itself that it was broken off makes the report
//! the report of a tool that failed. TRX has no word for flaky tests, so how many
//! there are stays unknown.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use super::tests::{Ended, Failing, TestTally};
use super::xml::{Element, Event, Xml};
use crate::model::bounds::Bounds;
use crate::model::notable::{Notables, shortened};
use crate::model::report::{About, Fault};
use crate::model::verdict::Reason;

/// Reads one report.
pub fn read(bytes: &[u8], tally: &mut TestTally, about: &mut About) -> Result<(), Fault> {
    let bounds = tally.bounds;
    let mut first = Run::new(bytes, &bounds, Telling::Rest(tally), about);
    first.read()?;
    let failed = std::mem::take(&mut first.failed);
    let summary = first.settle()?;
    if !failed.is_empty() {
        let classes = classes(bytes, &bounds, &failed)?;
        Run::new(bytes, &bounds, Telling::Failures(tally, classes), about).read()?;
    }
    tally.without_flaky();
    about.tool_failure = about.tool_failure.take().or(summary);
    Ok(())
}

/// Which cases are folded in: all that did not fail, or, once the classes are
/// known, those that did.
enum Telling<'r> {
    Rest(&'r mut TestTally),
    Failures(&'r mut TestTally, Classes),
}

/// The classes of tests, by the keyed hash of their identifiers.
struct Classes {
    key: RandomState,
    by_test: HashMap<u64, String>,
}

/// A report that is being read.
struct Run<'r, 'a> {
    xml: Xml<'a>,
    telling: Telling<'r>,
    about: &'r mut About,
    /// The results that are open, outermost first.
    open: Vec<Case>,
    rows: Seen,
    all: Seen,
    outermost: Seen,
    counters: Counters,
    /// The outcome that the summary states.
    outcome: String,
    broken_off: Option<String>,
    /// The identifiers of tests that failed, as far as their names will be stated.
    failed: Vec<String>,
    /// How many of these are kept.
    names: usize,
}

/// A result that is open.
struct Case {
    /// How many elements were open around it.
    depth: usize,
    test: String,
    name: String,
    outcome: Outcome,
    seconds: Option<f64>,
    message: String,
    /// Whether it holds results of its own, and whether one of them failed.
    inner: Option<bool>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Passed,
    Skipped,
    Failed,
    Errored,
}

/// What results were.
#[derive(Clone, Copy, Default)]
struct Seen {
    total: u64,
    passed: u64,
    failed: u64,
}

/// What the summary states.
#[derive(Default)]
struct Counters {
    total: Option<u64>,
    passed: Option<u64>,
    /// All that did not pass, under whichever word.
    failed: Option<u64>,
}

impl<'r, 'a> Run<'r, 'a> {
    fn new(bytes: &'a [u8], bounds: &'a Bounds, telling: Telling<'r>, about: &'r mut About) -> Self {
        Self {
            xml: Xml::within(bytes, bounds),
            names: bounds.names,
            telling,
            about,
            open: Vec::new(),
            rows: Seen::default(),
            all: Seen::default(),
            outermost: Seen::default(),
            counters: Counters::default(),
            outcome: String::new(),
            broken_off: None,
            failed: Vec::new(),
        }
    }

    fn read(&mut self) -> Result<(), Fault> {
        let mut depth = 0;
        loop {
            match self.xml.next()? {
                Event::Open(tag) => {
                    if depth == 0 && tag.name() != "TestRun" {
                        return Err(self.xml.fault_in(&tag, "expected `TestRun` as the root of a TRX report"));
                    }
                    depth += usize::from(self.opened(&tag, depth)?);
                }
                Event::Close => {
                    depth -= 1;
                    if self.open.last().is_some_and(|case| case.depth == depth) {
                        self.close_case();
                    }
                }
                Event::Text(_) => {}
                Event::End => return Ok(()),
            }
        }
    }

    /// Takes an element, and says whether it was left open.
    fn opened(&mut self, tag: &Element<'a>, depth: usize) -> Result<bool, Fault> {
        match tag.name() {
            "UnitTestResult"
            | "TestResult"
            | "GenericTestResult"
            | "ManualTestResult"
            | "WebTestResult"
            | "LoadTestResult"
            | "TestResultAggregation" => {
                let case = self.case(tag, depth)?;
                self.open.push(case);
            }
            "Message" if !self.open.is_empty() => {
                let text = self.xml.text(4 * Notables::TEXT)?;
                if let Some(case) = self.open.last_mut().filter(|case| case.message.is_empty()) {
                    case.message = shortened(text.trim(), Notables::TEXT);
                }
                return Ok(false);
            }
            "StdOut" | "StdErr" | "StackTrace" | "TestDefinitions" | "TestEntries" => {
                self.xml.skip()?;
                return Ok(false);
            }
            "Times" => {
                if let Some(finish) = tag.attribute(&self.xml, "finish")? {
                    self.about.made_text(&finish);
                }
            }
            "ResultSummary" => self.outcome = tag.attribute(&self.xml, "outcome")?.unwrap_or_default(),
            "Counters" => self.count(tag)?,
            "RunInfo" if tag.attribute(&self.xml, "outcome")?.as_deref() == Some("Error") => {
                self.broken_off.get_or_insert_default();
            }
            "Text" => {
                let text = self.xml.text(4 * Notables::TEXT)?;
                if let Some(why) = self.broken_off.as_mut().filter(|why| why.is_empty()) {
                    *why = shortened(text.trim(), Notables::TEXT);
                }
                return Ok(false);
            }
            _ => {}
        }
        Ok(true)
    }

    fn case(&self, tag: &Element<'a>, depth: usize) -> Result<Case, Fault> {
        let mut case = Case {
            depth,
            test: String::new(),
            name: String::new(),
            outcome: Outcome::Errored,
            seconds: None,
            message: String::new(),
            inner: None,
        };
        tag.attributes(&self.xml, |key, value| {
            match key {
                "testId" => case.test = shortened(&value, 100),
                "testName" => case.name = shortened(&value, 10 * Notables::TEXT),
                "outcome" => {
                    case.outcome = Outcome::of(&value).ok_or_else(|| {
                        self.xml.fault_in(
                            tag,
                            format!(
                                "expected an outcome such as `Passed` or `Failed`, found `{}`",
                                shortened(&value, 60)
                            ),
                        )
                    })?;
                }
                "duration" if !value.is_empty() => {
                    let seconds = seconds(&value).ok_or_else(|| {
                        self.xml.fault_in(
                            tag,
                            format!("expected a duration such as `00:00:01.5`, found `{}`", shortened(&value, 60)),
                        )
                    })?;
                    case.seconds = Some(seconds);
                }
                _ => {}
            }
            Ok(())
        })?;
        Ok(case)
    }

    fn close_case(&mut self) {
        let Some(case) = self.open.pop() else { return };
        let failed = matches!(case.outcome, Outcome::Failed | Outcome::Errored);
        self.all.add(case.outcome);
        match self.open.last_mut() {
            Some(outer) => outer.inner = Some(failed || case.inner == Some(true) || outer.inner == Some(true)),
            None => self.outermost.add(case.outcome),
        }
        // A test that holds rows is told by them, unless it failed and they did not.
        if case.inner.is_some_and(|inner_failed| inner_failed || !failed) {
            return;
        }
        self.rows.add(case.outcome);
        if failed && self.failed.len() < self.names {
            self.failed.push(case.test.clone());
        }
        self.telling.tell(&case);
    }

    fn count(&mut self, tag: &Element<'a>) -> Result<(), Fault> {
        let (xml, counters) = (&self.xml, &mut self.counters);
        tag.attributes(xml, |key, value| {
            let slot = match key {
                "total" => &mut counters.total,
                "passed" | "warning" | "completed" => &mut counters.passed,
                "failed"
                | "error"
                | "timeout"
                | "aborted"
                | "disconnected"
                | "notRunnable"
                | "passedButRunAborted"
                | "inProgress"
                | "pending" => &mut counters.failed,
                _ => return Ok(()),
            };
            match value.trim().parse::<u64>() {
                Ok(count) if count < 1 << 53 => *slot = Some(slot.unwrap_or(0) + count),
                _ => {
                    return Err(
                        xml.fault_in(tag, format!("expected a count as `{key}`, found `{}`", shortened(&value, 60)))
                    );
                }
            }
            Ok(())
        })
    }

    /// Compares the summary with the results, and gives what the tool says went wrong.
    fn settle(self) -> Result<Option<String>, Fault> {
        let stated = &self.counters;
        let fits = |seen: &Seen| {
            let same = |stated: Option<u64>, seen: u64| stated.is_none_or(|stated| stated == seen);
            same(stated.total, seen.total) && same(stated.passed, seen.passed) && same(stated.failed, seen.failed)
        };
        let failing = matches!(self.outcome.as_str(), "Failed" | "Error" | "Timeout" | "Aborted");
        let silent = failing && self.all.failed == 0 && self.broken_off.is_none();
        if silent || ![self.rows, self.all, self.outermost].iter().any(fits) {
            let count = |count: Option<u64>| count.map_or_else(|| "-".to_owned(), |count| count.to_string());
            return Err(Fault::contradictory(format!(
                "the summary states `{}` with total={} passed={} failed={}, and the results are {} tests, {} passed, {} failed; run the tests again, or mend the tool that put the report together",
                shortened(&self.outcome, 60),
                count(stated.total),
                count(stated.passed),
                count(stated.failed),
                self.rows.total,
                self.rows.passed,
                self.rows.failed
            )));
        }
        match (self.rows.total, self.broken_off) {
            (0, Some(why)) => Err(Fault {
                reason: Reason::ToolFailed,
                ..Fault::empty(format!("the run was broken off before any test: {why}"))
            }),
            (0, None) => Err(Fault::empty(
                "the report holds no test result; see that the tests ran, and that none were filtered out",
            )),
            (_, why) => Ok(why),
        }
    }
}

impl Telling<'_> {
    fn tell(&mut self, case: &Case) {
        let seconds = case.seconds;
        match (self, case.outcome) {
            (Self::Rest(tally), Outcome::Passed) => tally.case(Ended::Passed, seconds),
            (Self::Rest(tally), Outcome::Skipped) => tally.case(Ended::Skipped, seconds),
            (Self::Failures(tally, classes), Outcome::Failed | Outcome::Errored) => {
                let class = classes.by_test.get(&classes.key.hash_one(&case.test)).map_or("", String::as_str);
                // Some adapters put the class in the name of the test already.
                let group = if case.name.starts_with(class) { "" } else { class };
                let failing = Failing { group, name: &case.name, message: &case.message, ..Failing::default() };
                tally.case(
                    if case.outcome == Outcome::Failed { Ended::Failed(&failing) } else { Ended::Errored(&failing) },
                    seconds,
                );
            }
            _ => {}
        }
    }
}

impl Seen {
    fn add(&mut self, outcome: Outcome) {
        self.total += 1;
        match outcome {
            Outcome::Passed => self.passed += 1,
            Outcome::Skipped => {}
            Outcome::Failed | Outcome::Errored => self.failed += 1,
        }
    }
}

impl Outcome {
    fn of(word: &str) -> Option<Self> {
        Some(match word {
            "Passed" | "Completed" | "Warning" => Self::Passed,
            "NotExecuted" | "Inconclusive" => Self::Skipped,
            "Failed" => Self::Failed,
            "Error"
            | "Timeout"
            | "Aborted"
            | "Disconnected"
            | "NotRunnable"
            | "PassedButRunAborted"
            | "InProgress"
            | "Pending" => Self::Errored,
            _ => return None,
        })
    }
}

/// Reads from the definitions the classes of the tests that failed.
fn classes(bytes: &[u8], bounds: &Bounds, failed: &[String]) -> Result<Classes, Fault> {
    let mut classes = Classes { key: RandomState::new(), by_test: HashMap::new() };
    for test in failed {
        classes.by_test.insert(classes.key.hash_one(test), String::new());
    }
    let mut xml = Xml::within(bytes, bounds);
    let mut test = None;
    loop {
        match xml.next()? {
            Event::Open(tag) => match tag.name() {
                "Results" => xml.skip()?,
                "UnitTest" => test = tag.attribute(&xml, "id")?.map(|id| classes.key.hash_one(shortened(&id, 100))),
                "TestMethod" => {
                    let class = test.take().and_then(|test| classes.by_test.get_mut(&test));
                    if let (Some(class), Some(name)) = (class, tag.attribute(&xml, "className")?) {
                        // An older form names the assembly behind a comma.
                        let name = name.split(',').next().unwrap_or_default();
                        *class = shortened(name, Notables::TEXT);
                    }
                }
                _ => {}
            },
            Event::End => return Ok(classes),
            Event::Close | Event::Text(_) => {}
        }
    }
}

/// Reads `[days.]hours:minutes:seconds`.
fn seconds(text: &str) -> Option<f64> {
    let mut parts = text.trim().split(':');
    let (hours, minutes, seconds) = (parts.next()?, parts.next()?, parts.next()?);
    let (days, hours) = hours.split_once('.').unwrap_or(("0", hours));
    let whole = |text: &str| text.parse::<u32>().ok().map(f64::from);
    let digits = seconds.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let seconds: f64 = seconds.parse().ok().filter(|_| digits && parts.next().is_none())?;
    Some(((whole(days)? * 24.0 + whole(hours)?) * 60.0 + whole(minutes)?) * 60.0 + seconds)
}
