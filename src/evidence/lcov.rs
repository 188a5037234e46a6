//! Reads LCOV trace files, as geninfo(1) of LCOV 1.x and 2.x describes them, and
//! as gcov, llvm-cov, Istanbul, coverlet and others write them.
//!
//! Lines come from `DA`, branches from `BRDA`, functions from `FN` and `FNDA` (or
//! `FNL` and `FNA` of 2.x); `LF`/`LH`, `BRF`/`BRH` and `FNF`/`FNH` state their totals for each
//! source file. Stated totals of lines and branches are held against the entries.
//! Those of functions are not: aliases and instances of generics are listed one
//! by one and counted once. Other records say nothing here.
//!
//! A file that ends inside a source file's section is cut short and refused.
//! LCOV states neither its tool nor when it was made.

use super::coverage::{Count, CoverageTally, Covered, settle, whole};
use super::rows;
use crate::model::notable::shortened;
use crate::model::report::{About, Fault, Place};

/// Reads one report.
pub fn read(bytes: &[u8], tally: &mut CoverageTally, _about: &mut About) -> Result<(), Fault> {
    let mut report = Covered::default();
    let mut section: Option<Section> = None;
    for line in rows::lines(bytes, &tally.bounds) {
        let (number, line) = line?;
        let line = line.trim();
        if line == "end_of_record" {
            section
                .take()
                .ok_or_else(|| at(number, "`end_of_record` without an `SF:` before it"))?
                .close(&mut report)
                .map_err(|fault| Fault { place: Place::Line(number, 0), ..fault })?;
        } else if line.starts_with("SF:") {
            if section.replace(Section::default()).is_some() {
                return Err(at(number, "a section begins before the last one has its `end_of_record`"));
            }
        } else if let Some((record, value)) = line.split_once(':') {
            if let Some(section) = &mut section {
                section
                    .note(record, value)
                    .map_err(|expected| at(number, format!("expected {expected}, found `{}`", shortened(line, 80))))?;
            }
        } else if !line.is_empty() && !line.starts_with('#') {
            return Err(at(number, format!("expected a record such as `DA:3,1`, found `{}`", shortened(line, 80))));
        }
    }
    if section.is_some() {
        return Err(Fault::malformed(Place::Whole, "the last section has no `end_of_record`; the file is cut short"));
    }
    if report.lines.is_none_or(|lines| lines.total() == 0) {
        return Err(Fault::empty("the report lists no lines; was anything built with coverage?"));
    }
    tally.add(report);
    Ok(())
}

fn at(line: u64, message: impl Into<String>) -> Fault {
    Fault::malformed(Place::Line(line, 0), message)
}

/// What one source file's section lists and states.
#[derive(Default)]
struct Section {
    lines: Pair,
    branches: Pair,
    functions: Pair,
    /// Functions that are listed, and those of them that were called. They stand in records of their own.
    named: u64,
    called: u64,
}

#[derive(Default)]
struct Pair {
    listed: Option<Count>,
    found: Option<u64>,
    hit: Option<u64>,
}

impl Section {
    fn note(&mut self, record: &str, value: &str) -> Result<(), &'static str> {
        match record {
            "DA" => {
                let mut fields = value.split(',');
                let line = fields.next().and_then(whole);
                let hits = fields.next().and_then(whole);
                let (Some(_), Some(hits)) = (line, hits) else { return Err("`DA:` with a line and how often it ran") };
                self.lines.listed.get_or_insert_default().note(hits > 0);
            }
            "BRDA" => {
                // line, block, branch, taken; the branch may be an expression with commas in it
                let taken = value.rsplit(',').next().map(str::trim);
                let taken = if taken == Some("-") { Some(0) } else { taken.and_then(whole) };
                let (Some(taken), 3..) = (taken, value.matches(',').count()) else {
                    return Err("`BRDA:` with a line, a block, a branch and how often it was taken");
                };
                self.branches.listed.get_or_insert_default().note(taken > 0);
            }
            "FN" | "FNL" => self.named += 1,
            "FNDA" => self.called += u64::from(called(value.split(',').next())?),
            // FNA is one of several names of a function, which its index tells
            "FNA" => self.called += u64::from(called(value.split(',').nth(1))?),
            "LF" => once(&mut self.lines.found, value)?,
            "LH" => once(&mut self.lines.hit, value)?,
            "BRF" => once(&mut self.branches.found, value)?,
            "BRH" => once(&mut self.branches.hit, value)?,
            "FNF" => once(&mut self.functions.found, value)?,
            "FNH" => once(&mut self.functions.hit, value)?,
            _ => {}
        }
        Ok(())
    }

    /// Adds the section to the report.
    fn close(self, report: &mut Covered) -> Result<(), Fault> {
        let lines = settle("lines", self.lines.stated("LF", "LH")?, self.lines.listed)?;
        let branches = settle("branches", self.branches.stated("BRF", "BRH")?, self.branches.listed)?;
        let listed = Count::new(self.called, self.named).filter(|_| self.named > 0);
        let functions = self.functions.stated("FNF", "FNH")?.or(listed);
        for (sum, part) in
            [(&mut report.lines, lines), (&mut report.branches, branches), (&mut report.functions, functions)]
        {
            if let Some(part) = part {
                *sum = Some(sum.unwrap_or_default().and(part));
            }
        }
        Ok(())
    }
}

impl Pair {
    /// The stated totals, where both are.
    fn stated(&self, found: &str, hit: &str) -> Result<Option<Count>, Fault> {
        let (Some(total), Some(covered)) = (self.found, self.hit) else { return Ok(None) };
        Count::new(covered, total)
            .map(Some)
            .ok_or_else(|| Fault::malformed(Place::Whole, format!("`{hit}:{covered}` is more than `{found}:{total}`")))
    }
}

/// Takes a total, of which a section has one.
fn once(total: &mut Option<u64>, value: &str) -> Result<(), &'static str> {
    match total.replace(whole(value).ok_or("a count")?) {
        None => Ok(()),
        Some(_) => Err("each total once in a section"),
    }
}

fn called(times: Option<&str>) -> Result<bool, &'static str> {
    times.and_then(whole).map(|times| times > 0).ok_or("how often a function was called")
}
