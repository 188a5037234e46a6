//! Reports for those who audit, as CSV (RFC 4180) for spreadsheets, as JSON for programs, and as text.
//!
//! A spreadsheet takes a cell that begins with certain characters for a formula; in CSV such a cell gets an apostrophe
//! before it (OWASP ASVS 1.2.10). JSON has every text as it is.

use std::fmt::Write as _;

use chrono_tz::Tz;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::neutral;
use crate::model::audit::{Report, VERSION};
use crate::model::due::ReportKind;
use crate::policy::calendar::told;

/// How long one value of a text may be, in bytes.
const VALUE: usize = 2_000;

/// What a spreadsheet could take for the beginning of a formula.
const LEADS: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '\0', '＝', '＋', '＠'];

/// One cell of CSV.
fn cell(text: &str) -> String {
    let leads = text.trim_start_matches([' ', '\u{a0}', '\u{feff}']).starts_with(LEADS) || text.starts_with(LEADS);
    let guarded = if leads { format!("'{text}") } else { text.to_owned() };
    let guarded = guarded.replace('\0', "\u{fffd}");
    if guarded.contains(['"', ',', '\n', '\r', ';', '\t']) || guarded.starts_with(' ') || guarded.ends_with(' ') {
        format!("\"{}\"", guarded.replace('"', "\"\""))
    } else {
        guarded
    }
}

/// The table as CSV: a row of names, then a row for each, lines ending with CR and LF.
#[must_use]
pub fn csv(report: &Report) -> String {
    let mut out = report.columns.join(",");
    out.push_str("\r\n");
    for row in &report.rows {
        let cells: Vec<String> = row.iter().map(|value| cell(&value.line())).collect();
        out.push_str(&cells.join(","));
        out.push_str("\r\n");
    }
    out
}

/// SHA-256 of the table as CSV, lower-case hexadecimal.
fn digest(report: &Report) -> String {
    Sha256::digest(csv(report)).iter().fold(String::with_capacity(64), |mut out, byte| {
        // Writing to a string does not fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// The report with its cover, for programs, with a line end.
pub fn json(report: &Report) -> serde_json::Result<String> {
    let row = |row: &Vec<crate::model::audit::Cell>| {
        let pairs = report.columns.iter().zip(row).map(|(name, value)| ((*name).to_owned(), value.json()));
        Value::Object(pairs.collect::<Map<_, _>>())
    };
    let cover = &report.cover;
    let sums: Vec<Value> = cover.sums.iter().map(|(what, number)| json!({ "what": what, "number": number })).collect();
    let of_period =
        cover.of_period.map(|(first, last, count)| json!({ "first": first, "last": last, "entries": count }));
    let document = json!({
        "version": VERSION,
        "report": report.kind,
        "period": report.period,
        "cover": {
            "tool": cover.tool, "zone": cover.zone, "repository": cover.repository, "log": cover.log,
            "entries": cover.entries, "root": cover.root, "key_was_brought": cover.key_was_brought,
            "of_period": of_period, "rows": report.rows.len(), "csv_sha256": digest(report), "sums": sums,
            "notes": cover.notes,
        },
        "rows": report.rows.iter().map(row).collect::<Vec<_>>(),
    });
    super::json::pretty_of(&document)
}

/// What a report is called for people.
#[must_use]
pub fn title(kind: ReportKind) -> &'static str {
    match kind {
        ReportKind::Population => "Population of deployments",
        ReportKind::Exceptions => "Exceptions",
        ReportKind::Emergencies => "Emergencies by team",
        ReportKind::AccessReview => "Access review",
        ReportKind::Survey => "Survey of approvers",
    }
}

/// The report for a person at a terminal: the cover, and one block a row.
#[must_use]
pub fn text(report: &Report, zone: Tz) -> String {
    let cover = &report.cover;
    let mut out = format!("{}, {}\n", title(report.kind), report.period.label);
    let mut say = |line: String| {
        out.push_str(&neutral::line(&line, VALUE));
        out.push('\n');
    };
    say(format!("from {} until {}", told(report.period.from, zone), told(report.period.until, zone)));
    say(format!("of {}", cover.repository.as_deref().unwrap_or("all repositories of the record")));
    say(format!("from {} entries of {}, root {}, by {}", cover.entries, cover.log, cover.root, cover.tool));
    if !cover.key_was_brought {
        say("not shown: that the log's key is its own; it is the record's word".to_owned());
    }
    for (what, number) in &cover.sums {
        say(format!("{what}: {number}"));
    }
    for note in &cover.notes {
        say(format!("note: {note}"));
    }
    say(format!("rows: {}, the table's SHA-256 as CSV {}", report.rows.len(), digest(report)));
    for row in &report.rows {
        say(String::new());
        for (name, value) in report.columns.iter().zip(row) {
            say(format!("{name}: {}", value.line()));
        }
    }
    out
}
