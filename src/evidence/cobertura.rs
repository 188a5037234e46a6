//! Reads Cobertura XML (coverage-03 and -04 DTD) in its dialects: Cobertura,
//! coverage.py, gcovr, simplecov, coverlet and dotnet-coverage, PHPUnit,
//! Istanbul, VectorCAST, MATLAB, Swift, and what converters make of JaCoCo.
//!
//! Most dialects list a line twice, under its method and under its class. The
//! class's own list counts; the methods' lines stand in where a class has none
//! (Swift). `lines-covered` and `lines-valid` rule where both are stated, and
//! likewise for branches, as long as they do not contradict the list; where only a rate is
//! stated, it must be the list's within rounding. `NaN`, which MATLAB writes for
//! what it did not measure, states nothing.
//!
//! The rates of packages and classes are compared with nothing. Honest reports would be
//! refused: VectorCAST writes them of statements, dotnet-coverage and others of lines
//! that they list elsewhere or not at all (of 17 reports that we have, the rates of nine
//! are not those of their lines). A wrong one hides nothing, because what is judged is
//! counted by lines or stated by the root, and these two are compared.
//!
//! A method is covered when a line of it is; one without lines, when its
//! `line-rate` is above 0. Branches come from `condition-coverage="50% (1/2)"`; a
//! branch without these counts leaves the list of branches unknown.
//!
//! `timestamp` is in seconds or milliseconds since 1970, or a date in text.
//! `version` names the tool only where it begins with a name (`gcovr 5.0`):
//! others write the version of the format, or a bare number. The DTD is never fetched.

use super::coverage::{Count, CoverageTally, Covered, agree, settle, whole};
use super::xml::{Element, Event, Xml};
use crate::model::notable::shortened;
use crate::model::report::{About, Fault};

/// Reads one report.
pub fn read(bytes: &[u8], tally: &mut CoverageTally, about: &mut About) -> Result<(), Fault> {
    let bounds = tally.bounds;
    let mut xml = Xml::within(bytes, &bounds);
    let stated = match xml.next()? {
        Event::Open(root) if root.name() == "coverage" => Stated::read(&xml, &root, about)?,
        _ => return Err(xml.fault("expected the element `coverage`")),
    };
    let mut report = Listed::default();
    loop {
        match xml.next()? {
            Event::Open(element) if element.name() == "class" => class(&mut xml, &mut report)?,
            Event::Open(_) | Event::Close | Event::Text(_) => {}
            Event::End => break,
        }
    }
    let lines = settle("lines", stated.lines, Some(report.lines.count))?;
    let branches = settle("branches", stated.branches, report.lines.branches())?;
    if lines.is_none_or(|lines| lines.total() == 0) {
        return Err(Fault::empty("the report lists no lines; was anything measured?"));
    }
    agree("lines", stated.line_rate, lines)?;
    agree("branches", stated.branch_rate, branches)?;
    tally.add(Covered { lines, branches, functions: report.functions(), instructions: None });
    Ok(())
}

/// What the root element states.
#[derive(Default)]
struct Stated {
    lines: Option<Count>,
    branches: Option<Count>,
    line_rate: Option<f64>,
    branch_rate: Option<f64>,
}

impl Stated {
    fn read(xml: &Xml<'_>, root: &Element<'_>, about: &mut About) -> Result<Self, Fault> {
        let mut stated = Self::default();
        let (mut lines, mut branches) = ((None, None), (None, None));
        root.attributes(xml, |name, value| {
            let count = || count(xml, root, name, &value);
            match name {
                "lines-covered" => lines.0 = count()?,
                "lines-valid" => lines.1 = count()?,
                "branches-covered" => branches.0 = count()?,
                "branches-valid" => branches.1 = count()?,
                "line-rate" => stated.line_rate = rate(xml, root, name, &value)?,
                "branch-rate" => stated.branch_rate = rate(xml, root, name, &value)?,
                "timestamp" => made(&value, about),
                "version" if value.starts_with(|first: char| first.is_ascii_alphabetic()) => about.by(value),
                _ => {}
            }
            Ok(())
        })?;
        let pair = |what: &str, pair| match pair {
            (Some(covered), Some(total)) => Count::new(covered, total).map(Some).ok_or_else(|| {
                xml.fault_in(root, format!("`{what}-covered` is {covered}, more than `{what}-valid`, which is {total}"))
            }),
            _ => Ok(None),
        };
        stated.lines = pair("lines", lines)?;
        stated.branches = pair("branches", branches)?;
        Ok(stated)
    }
}

fn count(xml: &Xml<'_>, element: &Element<'_>, name: &str, value: &str) -> Result<Option<u64>, Fault> {
    match (value, whole(value)) {
        ("NaN" | "", _) => Ok(None),
        (_, Some(count)) => Ok(Some(count)),
        (_, None) => {
            Err(xml.fault_in(element, format!("expected a count in `{name}`, found `{}`", shortened(value, 40))))
        }
    }
}

fn rate(xml: &Xml<'_>, element: &Element<'_>, name: &str, value: &str) -> Result<Option<f64>, Fault> {
    match (value, value.trim().parse::<f64>()) {
        ("NaN" | "", _) => Ok(None),
        (_, Ok(rate)) if (0.0..=1.0).contains(&rate) => Ok(Some(rate)),
        _ => Err(
            xml.fault_in(element, format!("expected a rate from 0 to 1 in `{name}`, found `{}`", shortened(value, 40)))
        ),
    }
}

/// Seconds or milliseconds since 1970, or a date; 0 says nothing.
fn made(timestamp: &str, about: &mut About) {
    match timestamp.trim().parse::<f64>() {
        Ok(number) if number > 0.0 => {
            let milliseconds = if number < 1e11 { number * 1000.0 } else { number };
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a cast to i64 saturates, and chrono refuses what is no date"
            )]
            if let Some(at) = chrono::DateTime::from_timestamp_millis(milliseconds as i64) {
                about.made(at);
            }
        }
        Ok(_) => {}
        Err(_) => about.made_text(timestamp),
    }
}

/// Lines, and the branches that stand on them.
#[derive(Clone, Copy, Default)]
struct Lines {
    count: Count,
    branches: Option<Count>,
    /// Whether a branch came without its counts.
    uncounted: bool,
}

impl Lines {
    fn branches(&self) -> Option<Count> {
        self.branches.filter(|_| !self.uncounted)
    }

    fn add(&mut self, other: &Self) {
        self.count = self.count.and(other.count);
        if let Some(branches) = other.branches {
            self.branches = Some(self.branches.unwrap_or_default().and(branches));
        }
        self.uncounted |= other.uncounted;
    }
}

/// What the classes list.
#[derive(Default)]
struct Listed {
    lines: Lines,
    methods: Count,
    /// Whether a method does not tell if it is covered.
    untold: bool,
}

impl Listed {
    fn functions(&self) -> Option<Count> {
        (self.methods.total() > 0 && !self.untold).then_some(self.methods)
    }
}

/// Reads a class to its closing.
fn class(xml: &mut Xml<'_>, report: &mut Listed) -> Result<(), Fault> {
    let mut own = Lines::default();
    let mut of_methods = Lines::default();
    let mut open = 1_usize;
    while open > 0 {
        match xml.next()? {
            Event::Open(element) if element.name() == "method" => {
                let rate = element.attribute(xml, "line-rate")?.and_then(|rate| rate.trim().parse::<f64>().ok());
                let lines = method(xml)?;
                of_methods.add(&lines);
                match (lines.count.ratio(), rate) {
                    (Some(ratio), _) => report.methods.note(ratio > 0.0),
                    (None, Some(rate)) => report.methods.note(rate > 0.0),
                    (None, None) => report.untold = true,
                }
            }
            Event::Open(element) => {
                if element.name() == "line" {
                    line(xml, &element, &mut own)?;
                }
                open += 1;
            }
            Event::Close => open -= 1,
            Event::Text(_) => {}
            Event::End => break,
        }
    }
    report.lines.add(if own.count.total() > 0 { &own } else { &of_methods });
    Ok(())
}

/// Reads a method to its closing.
fn method(xml: &mut Xml<'_>) -> Result<Lines, Fault> {
    let mut lines = Lines::default();
    let mut open = 1_usize;
    while open > 0 {
        match xml.next()? {
            Event::Open(element) => {
                if element.name() == "line" {
                    line(xml, &element, &mut lines)?;
                }
                open += 1;
            }
            Event::Close => open -= 1,
            Event::Text(_) => {}
            Event::End => break,
        }
    }
    Ok(lines)
}

fn line(xml: &Xml<'_>, element: &Element<'_>, lines: &mut Lines) -> Result<(), Fault> {
    let mut hits = None;
    let mut branch = false;
    let mut conditions = None;
    element.attributes(xml, |name, value| {
        match name {
            "hits" => hits = whole(&value),
            "branch" => branch = value.eq_ignore_ascii_case("true"),
            "condition-coverage" => conditions = condition_counts(xml, element, &value)?,
            _ => {}
        }
        Ok(())
    })?;
    let hits = hits.ok_or_else(|| xml.fault_in(element, "expected a `line` with how often it ran in `hits`"))?;
    lines.count.note(hits > 0);
    match conditions {
        Some(count) => lines.branches = Some(lines.branches.unwrap_or_default().and(count)),
        None => lines.uncounted |= branch,
    }
    Ok(())
}

/// The counts in `50% (1/2)`; `None` where there are none.
fn condition_counts(xml: &Xml<'_>, element: &Element<'_>, text: &str) -> Result<Option<Count>, Fault> {
    let counts = text.split_once('(').and_then(|(_, rest)| rest.split_once(')')).and_then(|(counts, _)| {
        let (covered, total) = counts.split_once('/')?;
        Some((whole(covered)?, whole(total)?))
    });
    let Some((covered, total)) = counts else { return Ok(None) };
    Count::new(covered, total).map(Some).ok_or_else(|| {
        xml.fault_in(element, format!("`condition-coverage` counts {covered} covered branches of {total}"))
    })
}
