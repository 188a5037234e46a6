//! The story of a report for those who audit: the whole log is read and hashed against its signed checkpoint, what its
//! entries say of a period is laid out ([`seen`]), and what they point to is read where it is kept ([`kept`]).
//!
//! Nothing is asked of a forge and nothing is decided again: the same record and the same words give the same report, to
//! the byte. What is not kept any more, or was not exported, is said in its place.

mod access;
mod emergencies;
mod exceptions;
mod kept;
mod population;
mod seen;
mod survey;

use std::collections::BTreeSet;

use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;

use super::record::{self, Fault, Log, Sound};
use crate::log::entry::{Entry, Kind};
use crate::log::keys::Keys;
use crate::model::audit::{Cell, Cover, Report};
use crate::model::due::ReportKind;
use crate::model::facts::people::folded;
use crate::model::period::Period;
use kept::Documents;
use seen::Seen;
pub use survey::{ANSWERS, Asked, asked};

/// What a report is about.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The period.
    pub period: Period,
    /// The zone in which it begins and ends.
    pub zone: Tz,
    /// The repository; `None`: all of the record.
    pub repository: Option<String>,
}

/// What the record says, read once for any number of reports.
#[derive(Debug)]
pub struct Reading<'l> {
    seen: Seen,
    documents: Documents<'l>,
    sound: Sound,
    name: String,
    key_was_brought: bool,
    subject: Subject,
}

/// A table before its cover.
struct Table {
    columns: &'static [&'static str],
    rows: Vec<Vec<Cell>>,
    sums: Vec<(String, i64)>,
    notes: Vec<String>,
}

impl<'l> Reading<'l> {
    /// Reads the whole log, and verifies it by its keys on the way. `key_was_brought` says whether the keys are more than the
    /// record's own word.
    pub fn new(log: &'l mut Log, keys: &Keys, key_was_brought: bool, subject: Subject) -> Result<Self, Fault> {
        let mut seen = Seen::new(subject.period.clone(), subject.repository.clone());
        let sound = record::verify(log, keys, None, &mut |number, bytes| {
            // What is no entry is in the log all the same, and says nothing.
            if let Ok(entry) = Entry::parse(bytes) {
                seen.see(number, &entry);
            }
        })?;
        let name = keys.name().to_owned();
        Ok(Self { seen, documents: Documents::new(log), sound, name, key_was_brought, subject })
    }

    /// The accounts that approved something in the period.
    #[must_use]
    pub fn approvers(&self) -> BTreeSet<String> {
        let period = &self.subject.period;
        let within = |it: &&seen::Act| DateTime::from_timestamp_micros(it.done).is_some_and(|at| period.holds(at));
        let approved = self.seen.acts.iter().filter(|it| it.kind == Kind::Approval).filter(within);
        approved.map(|it| folded(&it.by).into_owned()).collect()
    }

    /// How many entries were read, and the root to which they were hashed.
    #[must_use]
    pub fn log(&self) -> (u64, String) {
        (self.sound.verified.size, self.sound.verified.root.to_string())
    }

    /// Makes a report.
    pub fn report(&mut self, kind: ReportKind) -> Report {
        let (seen, documents, period) = (&self.seen, &mut self.documents, &self.subject.period);
        let table = match kind {
            ReportKind::Population => population::table(seen, documents, period),
            ReportKind::Exceptions => exceptions::table(seen, documents, period),
            ReportKind::Emergencies => emergencies::table(seen, documents, period),
            ReportKind::AccessReview => access::table(seen, documents, period),
            ReportKind::Survey => survey::table(seen, documents, period),
        };
        let mut notes = table.notes;
        if let Some(first) = seen.first.filter(|first| *first > period.from) {
            notes.push(format!("the record begins {}, after the period did", instant(first)));
        }
        if let Some(last) = seen.last.filter(|last| *last < period.until) {
            notes.push(format!("the record's last entry is of {}, before the period's end", instant(last)));
        }
        if documents.is_exported() {
            notes.push(
                "an exported log has entries and no documents: what decisions, facts and acts say beyond them is not \
                 known here; read the database for that"
                    .to_owned(),
            );
        }
        let cover = Cover {
            tool: format!("countersign {}", env!("CARGO_PKG_VERSION")),
            zone: self.subject.zone.name().to_owned(),
            repository: self.subject.repository.clone(),
            log: self.name.clone(),
            entries: self.sound.verified.size,
            root: self.sound.verified.root.to_string(),
            key_was_brought: self.key_was_brought,
            of_period: seen.of_period,
            sums: table.sums,
            notes,
        };
        Report { kind, period: period.clone(), cover, columns: table.columns, rows: table.rows }
    }
}

/// An instant as every report has it: RFC 3339, UTC, in whole seconds.
fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The same of microseconds of the Unix time.
fn micros(at: i64) -> Cell {
    match DateTime::from_timestamp_micros(at) {
        Some(at) => Cell::Text(instant(at)),
        None => Cell::Unknown("it is no instant".to_owned()),
    }
}

/// The same of what may not be there.
fn maybe(at: Option<i64>) -> Cell {
    at.map_or(Cell::None, micros)
}

/// A count as a sum of a cover.
fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The number of an entry.
fn number(entry: u64) -> Cell {
    Cell::Number(i64::try_from(entry).unwrap_or(i64::MAX))
}
