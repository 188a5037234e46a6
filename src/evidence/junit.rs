//! Reads JUnit XML.
//!
//! There is no standard. What is read here was learned from what the tools
//! write: Ant, Maven Surefire 3 (`surefire-test-report.xsd` 3.0), Gradle 8,
//! pytest 7–9 (xunit1 and xunit2), jest-junit 16, Mocha's xunit reporter,
//! gotestsum, cargo-nextest, PHPUnit 9–11, Nette Tester, CTest 3.21 and later,
//! googletest, Node's test runner and their kin. The root is `testsuites` or a
//! bare `testsuite`; suites nest to any depth; cases may stand in either.
//!
//! A case counts as
//! - *errored* with an `error`, or where CTest could not start it, which it
//!   writes as skipped and itself calls failed;
//! - *failed* with a `failure` or a `rerunFailure`, or a `status` or `result`
//!   that says so; an `error` or `failure` counts however deep it stands in it;
//! - *skipped* with a `skipped`, or a `status` or `result` that says so;
//! - *flaky* with a `flakyFailure` or `flakyError` and none of the above
//!   (Surefire, Gradle, nextest, Playwright);
//! - passed otherwise.
//!
//! An `error` or `failure` that stands in a suite itself, because its class or
//! file did not load, is one failed case. Every `testcase` is a case of its own,
//! also one whose name was seen before: several tools write parameterised tests
//! without their parameters, so that a pass cannot be taken for a retry of the
//! failure before it. A tool that retries says so by the elements above.
//!
//! A report is as old as its oldest suite. A `timestamp` names a time zone or it does
//! not; of one that does not the earliest reading counts, 14 hours before UTC, because
//! several tools write the local time. Where some suites say when they ran and others do
//! not, the age of the report is not known.
//!
//! Times are in seconds; `1,234.5` is read as 1234.5. `tests.time` stays unknown
//! when a case that ran states none. Totals are compared with the cases in
//! [`totals`].

mod dialect;
mod totals;

use std::borrow::Cow;

use self::dialect::{JEST_ORDER, Status, not_started, note_instant, tool_by_name};
use self::totals::{Dialect, Seen, Stated};
use super::tests::{Ended, Failing, TestTally};
use super::xml::{Element, Event, RawValue, Xml};
use crate::model::notable::{Notables, shortened};
use crate::model::report::{About, Fault};

/// Reads one report.
pub fn read(bytes: &[u8], tally: &mut TestTally, about: &mut About) -> Result<(), Fault> {
    let bounds = tally.bounds;
    Report { xml: Xml::within(bytes, &bounds), tally, about, open: Vec::new(), whole: Seen::default() }.read()
}

/// A report that is being read.
struct Report<'r, 'a> {
    xml: Xml<'a>,
    tally: &'r mut TestTally,
    about: &'r mut About,
    /// The open elements, outermost first; those that are no suite are `None`.
    open: Vec<Option<Suite>>,
    whole: Seen,
}

/// A suite that is open.
#[derive(Debug, Default)]
struct Suite {
    name: String,
    /// The byte at which it stands.
    at: usize,
    stated: Stated,
    dialect: Dialect,
    /// Its own cases.
    own: Seen,
    /// The cases of the suites inside it.
    inner: Seen,
    /// The suites directly inside it, as if each were one case.
    children: Seen,
    /// Whether it, or one around it, says when it was made.
    dated: bool,
    /// Whether it is a `testsuites`, which sums up and never counts suites as cases.
    plural: bool,
}

/// What is known of a case while it is read.
#[derive(Default)]
struct Case {
    status: Status,
    seconds: Option<f64>,
    failures: u64,
    errors: u64,
    flaky: u64,
    reruns: u64,
    skipped: bool,
    /// What the first failure says.
    message: String,
    path: Option<String>,
    line: Option<u32>,
}

impl<'a> Report<'_, 'a> {
    fn read(mut self) -> Result<(), Fault> {
        loop {
            match self.xml.next()? {
                Event::Open(tag) => self.opened(&tag)?,
                Event::Close => self.closed()?,
                Event::Text(_) => {}
                Event::End => break,
            }
        }
        if self.whole.cases == 0 {
            return Err(Fault::empty(
                "the report holds no test case; see that the tests ran, and that their results were written",
            ));
        }
        Ok(())
    }

    fn opened(&mut self, tag: &Element<'a>) -> Result<(), Fault> {
        match tag.name() {
            "testsuites" | "testsuite" => self.open_suite(tag)?,
            _ if self.open.is_empty() => {
                return Err(self
                    .xml
                    .fault_in(tag, "expected `testsuites` or `testsuite` as the root of a JUnit report"));
            }
            "testcase" => self.case(tag)?,
            "failure" | "error" => self.suite_failure(tag)?,
            "property" => {
                self.property(tag)?;
                self.open.push(None);
            }
            "system-out" | "system-err" => self.xml.skip()?,
            // What another format found would be passed over.
            "TestRun" | "UnitTestResult" => {
                let says = format!(
                    "a `{}` of TRX stands in a JUnit report; give each report as a file of its own",
                    tag.name()
                );
                return Err(self.xml.fault_in(tag, says));
            }
            _ => self.open.push(None),
        }
        Ok(())
    }

    fn open_suite(&mut self, tag: &Element<'a>) -> Result<(), Fault> {
        let mut suite = Suite { at: tag.at(), plural: tag.name() == "testsuites", ..Suite::default() };
        if let Some(outer) = self.suite() {
            (suite.dialect.pytest, suite.dated) = (outer.dialect.pytest, outer.dated);
        }
        let mut order = 0;
        let (xml, about) = (&self.xml, &mut *self.about);
        tag.raw_attributes(xml, |key, value| {
            if JEST_ORDER.get(order) == Some(&key) {
                order += 1;
            }
            let count =
                |known: Option<u64>| match value.as_written().trim() {
                    "" => Ok(known),
                    digits => match digits.parse::<u64>() {
                        Ok(count) if count < 1 << 53 => Ok(Some(known.map_or(count, |known| known.max(count)))),
                        _ => Err(xml
                            .fault_in(tag, format!("expected a count as `{key}`, found `{}`", shortened(digits, 60)))),
                    },
                };
            match key {
                "name" => suite.name = shortened(&value.text(), Notables::TEXT),
                "tests" => suite.stated.tests = count(None)?,
                "failures" => suite.stated.failures = count(None)?,
                "errors" => suite.stated.errors = count(None)?,
                "skipped" | "skips" | "skip" | "ignored" | "disabled" => {
                    suite.stated.skipped = count(suite.stated.skipped)?;
                }
                // Nothing is made of it, but what is no time is none here either.
                "time" => drop(seconds(xml, tag, value)?),
                "timestamp" => suite.dated |= note_instant(about, value.as_written()),
                "noNamespaceSchemaLocation" if value.as_written().contains("maven-surefire") => {
                    about.by("Maven Surefire");
                }
                _ => {}
            }
            Ok(())
        })?;
        suite.dialect.jest = order == JEST_ORDER.len();
        suite.dialect.pytest |= matches!(suite.name.as_str(), "pytest" | "pytest tests");
        if let Some(tool) = tool_by_name(&suite.name) {
            self.about.by(tool);
        }
        self.open.push(Some(suite));
        Ok(())
    }

    fn closed(&mut self) -> Result<(), Fault> {
        let Some(Some(mut suite)) = self.open.pop() else { return Ok(()) };
        if suite.dialect.jest {
            let left_out = suite.stated.settle_jest(&mut suite.own);
            self.tally.not_run(left_out);
        }
        self.about.undated_part |= suite.own.cases > 0 && !suite.dated;
        let all = suite.own.with(&suite.inner);
        let mut ways = vec![all];
        if !suite.plural && suite.children.cases > 0 {
            ways.extend([suite.own, suite.own.with(&suite.children)]);
        }
        if !ways.iter().any(|seen| suite.stated.agrees(seen, suite.dialect)) {
            let name = match shortened(&suite.name, 100) {
                name if name.is_empty() => "a suite without a name".to_owned(),
                name => format!("the suite `{name}`"),
            };
            let message = format!(
                "{name} states {}, and its cases are {all}; make the report again, or mend the tool that put it together",
                suite.stated
            );
            return Err(Fault { place: self.xml.place(suite.at), ..Fault::contradictory(message) });
        }
        match self.suite() {
            Some(outer) => {
                let failed = u64::from(all.failed > 0);
                outer.inner.add(&all);
                outer.children.add(&Seen { cases: 1, failed, complaints: failed, ..Seen::default() });
            }
            None => self.whole = all,
        }
        Ok(())
    }

    /// The innermost open suite.
    fn suite(&mut self) -> Option<&mut Suite> {
        self.open.iter_mut().rev().find_map(Option::as_mut)
    }

    fn case(&mut self, tag: &Element<'a>) -> Result<(), Fault> {
        let mut case = Case::default();
        tag.raw_attributes(&self.xml, |key, value| {
            match key {
                "time" => case.seconds = seconds(&self.xml, tag, value)?,
                "status" | "result" => case.status = case.status.max(Status::of(value.as_written())),
                _ => {}
            }
            Ok(())
        })?;
        let mut depth = 1_usize;
        while depth > 0 {
            match self.xml.next()? {
                Event::Open(child) => depth += usize::from(self.inside_case(&mut case, &child)?),
                Event::Close => depth -= 1,
                Event::Text(_) => {}
                Event::End => return Err(self.xml.fault("the document ends inside a test case; it is cut short")),
            }
        }
        self.close_case(tag, &case)
    }

    /// Takes an element that stands in a case, and says whether it was left open.
    fn inside_case(&mut self, case: &mut Case, child: &Element<'a>) -> Result<bool, Fault> {
        match child.name() {
            kind @ ("failure" | "error") => {
                let first = case.failures + case.errors == 0;
                if kind == "failure" {
                    case.failures += 1;
                } else {
                    case.errors += 1;
                }
                if first { self.complaint(case, child)? } else { self.xml.skip()? }
            }
            "flakyFailure" | "flakyError" => {
                case.flaky += 1;
                self.xml.skip()?;
            }
            "rerunFailure" | "rerunError" => {
                case.reruns += 1;
                self.xml.skip()?;
            }
            "skipped" => {
                case.skipped = true;
                child.raw_attributes(&self.xml, |key, value| {
                    if key == "message" && case.status == Status::Skipped && not_started(value.as_written()) {
                        case.status = Status::Errored;
                        case.message = shortened(&value.text(), Notables::TEXT);
                    }
                    Ok(())
                })?;
                self.xml.skip()?;
            }
            "system-out" | "system-err" | "properties" => self.xml.skip()?,
            "testcase" | "testsuite" | "testsuites" => {
                return Err(self.xml.fault_in(
                    child,
                    format!("a `{}` stands inside a test case; close the case before it", child.name()),
                ));
            }
            _ => return Ok(true),
        }
        Ok(false)
    }

    /// Takes what a failure says: its `message`, or the first line of its text.
    fn complaint(&mut self, case: &mut Case, tag: &Element<'a>) -> Result<(), Fault> {
        tag.raw_attributes(&self.xml, |key, value| {
            match key {
                "message" => case.message = shortened(value.text().trim(), Notables::TEXT),
                "file" => case.path = Some(shortened(&value.text(), Notables::TEXT)),
                "line" => case.line = value.as_written().trim().parse().ok(),
                _ => {}
            }
            Ok(())
        })?;
        let text = self.xml.text(4 * Notables::TEXT)?;
        if case.message.is_empty() {
            let line = text.lines().map(str::trim).find(|line| !line.is_empty());
            case.message = shortened(line.unwrap_or_default(), Notables::TEXT);
        }
        Ok(())
    }

    /// Folds in a case whose end was reached.
    fn close_case(&mut self, tag: &Element<'a>, case: &Case) -> Result<(), Fault> {
        let errored = case.errors > 0 || (case.failures == 0 && case.status == Status::Errored);
        let failed = errored || case.failures + case.reruns > 0 || case.status == Status::Failed;
        let skipped = !failed && (case.skipped || case.status == Status::Skipped);
        let reruns = case.reruns + case.flaky;
        let seen = Seen {
            cases: 1,
            failed: u64::from(failed),
            errored: u64::from(errored),
            skipped: u64::from(skipped),
            complaints: (case.failures + case.errors + reruns).max(u64::from(failed)),
            reruns,
            excused: 0,
        };
        if failed {
            self.failing(tag, case, errored)?;
        } else {
            let ended = if skipped {
                Ended::Skipped
            } else if case.flaky > 0 {
                Ended::Flaky
            } else {
                Ended::Passed
            };
            self.tally.case(ended, case.seconds);
        }
        if let Some(suite) = self.suite() {
            suite.own.add(&seen);
        }
        Ok(())
    }

    /// Folds in a case that did not pass. Only now its names are looked at.
    fn failing(&mut self, tag: &Element<'a>, case: &Case, errored: bool) -> Result<(), Fault> {
        let (mut name, mut group) = (Cow::Borrowed(""), Cow::Borrowed(""));
        let (mut path, mut line) = (case.path.as_deref().map(Cow::Borrowed), case.line);
        let pytest = self.suite().is_some_and(|suite| suite.dialect.pytest);
        tag.raw_attributes(&self.xml, |key, value| {
            match key {
                "name" => name = value.text(),
                "classname" => group = value.text(),
                "file" => path = Some(value.text()),
                // pytest alone counts lines from 0.
                "line" => {
                    let written = value.as_written().trim().parse().ok();
                    line = written.map(|line: u32| line.saturating_add(u32::from(pytest)));
                }
                _ => {}
            }
            Ok(())
        })?;
        let suite = self.open.iter().rev().find_map(Option::as_ref).map_or("", |suite| suite.name.as_str());
        if group.trim().is_empty() {
            group = Cow::Borrowed(suite);
        }
        let failing =
            Failing { suite, group: &group, name: &name, message: &case.message, path: path.as_deref(), line };
        self.tally.case(if errored { Ended::Errored(&failing) } else { Ended::Failed(&failing) }, case.seconds);
        Ok(())
    }

    /// A failure that stands in a suite and not in a case.
    fn suite_failure(&mut self, tag: &Element<'a>) -> Result<(), Fault> {
        let errored = tag.name() == "error";
        let mut case = Case::default();
        self.complaint(&mut case, tag)?;
        let group = self.suite().map(|suite| suite.name.clone()).unwrap_or_default();
        let failing = Failing {
            suite: &group,
            group: &group,
            name: "",
            message: &case.message,
            path: case.path.as_deref(),
            line: case.line,
        };
        self.tally.case(if errored { Ended::Errored(&failing) } else { Ended::Failed(&failing) }, None);
        if let Some(suite) = self.suite() {
            let errored = u64::from(errored);
            suite.own.add(&Seen { cases: 1, failed: 1, errored, complaints: 1, ..Seen::default() });
        }
        Ok(())
    }

    /// A property of a suite, which may name the commit or the tool.
    fn property(&mut self, tag: &Element<'a>) -> Result<(), Fault> {
        let (mut name, mut value) = (Cow::Borrowed(""), Cow::Borrowed(""));
        tag.raw_attributes(&self.xml, |key, text| {
            match key {
                "name" => name = text.text(),
                "value" => value = text.text(),
                _ => {}
            }
            Ok(())
        })?;
        match &*name {
            "git.commit" | "git.commit.id" | "git.commit.id.full" | "vcs.revision" | "GIT_COMMIT" | "CI_COMMIT_SHA"
            | "GITHUB_SHA" => self.about.commit(&value),
            "go.version" => self.about.by(format!("go test, {value}")),
            _ => {}
        }
        Ok(())
    }
}

fn seconds(xml: &Xml<'_>, tag: &Element<'_>, value: RawValue<'_>) -> Result<Option<f64>, Fault> {
    let text = value.as_written().trim_ascii();
    if text.is_empty() {
        return Ok(None);
    }
    dialect::seconds(text).map(Some).ok_or_else(|| {
        let found = shortened(text, 60);
        xml.fault_in(tag, format!("expected a time in seconds, zero or more, found `{found}`"))
    })
}
