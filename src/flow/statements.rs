//! Reads the statement beside a report, which says what the report does not say of itself.

use super::gathered::{Gathered, at, shown};
use super::request::Request;
use crate::evidence::statement::{ENDING, LIMIT, read};
use crate::model::decision::Evidence;
use crate::model::report::{About, Fault, Place};
use crate::policy::gate::Files;
use crate::workspace::decode;
use crate::workspace::open;
use crate::workspace::walk::Entry;

/// Whether a path is that of a statement about a file that globs mean.
pub(super) fn belongs(files: &Files, path: &str) -> bool {
    path.strip_suffix(ENDING).is_some_and(|report| files.matches(report))
}

/// Whether an entry is a statement about another one, and so no report itself.
pub(super) fn is_one(entries: &[Entry], entry: &Entry) -> bool {
    entry.path.strip_suffix(ENDING).is_some_and(|report| at(entries, &entry.root, report).is_some())
}

/// The statement beside a report, where there is one.
pub(super) fn beside<'e>(entries: &'e [Entry], report: &Entry) -> Option<&'e Entry> {
    at(entries, &report.root, &format!("{}{ENDING}", report.path))
}

impl Gathered {
    /// Adds what a statement beside a report says, where there is one. One that cannot be
    /// understood, or is about another file, is a fault of the report.
    pub(super) fn stated_beside(
        &mut self,
        request: &Request<'_>,
        entries: &[Entry],
        report: &Entry,
        digest: &str,
        about: &mut About,
    ) -> Result<(), Fault> {
        let Some(beside) = beside(entries, report) else { return Ok(()) };
        let path = shown(request, beside);
        let mut evidence = Evidence { path: path.clone(), sha256: None, format: None, tool: None, bytes: 0 };
        let outcome = open::entry(beside, request.policy.limits.bytes.min(LIMIT as u64)).and_then(|statement| {
            evidence.bytes = statement.length();
            evidence.sha256 = Some(open::sha256(&statement));
            let text = decode::text(&statement)?;
            simdutf8::basic::from_utf8(&text)
                .map_err(|_| Fault::malformed(Place::Whole, "not UTF-8; write the file as UTF-8"))?;
            read(&text, digest, about)?;
            drop(text);
            statement.unchanged()
        });
        self.statements += 1;
        self.evidence.push(evidence);
        outcome.map_err(|fault| Fault {
            reason: fault.reason,
            place: Place::Whole,
            message: format!("the statement beside it, {path}: {fault}"),
        })
    }
}
