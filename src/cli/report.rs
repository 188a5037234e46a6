//! `countersign report`: what the record says of a period, for those who audit.

use std::path::PathBuf;

use chrono_tz::Tz;
use clap::{Args, ValueEnum};
#[cfg(feature = "app")]
use serde_json::json;

use super::log::{Failure, REFUTED, Trusted, put};
use super::{PROCEED, UNKNOWN, USAGE, answer, complain};
use crate::flow::audit::{Reading, Subject};
use crate::model::due::ReportKind;
use crate::model::period::Period;
use crate::report::audit;

/// Every exit code of `countersign report`, with what it means.
pub(super) const EXIT_CODES: [(u8, &str); 4] = [
    (PROCEED, "the report was made, from a log that is what was signed"),
    (REFUTED, "what was read is not what was signed, and no report was made of it"),
    (UNKNOWN, "the record could not be read, or the report not written"),
    (USAGE, "the command, a key or the period is wrong"),
];

fn after_help() -> String {
    let codes: Vec<String> = EXIT_CODES.iter().map(|(code, meaning)| format!("  {code:2}  {meaning}\n")).collect();
    format!(
        "Exit codes:\n{}\nThe whole log is hashed against its checkpoint on the way. The same record and the same words give the \
         same report, to the byte. An exported folder has entries and no documents; a report says what it lacks for that.",
        codes.concat()
    )
}

/// The reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Kind {
    /// Every deployment that began in the period, with the decision behind it, its approvals and its change record; what has
    /// no decision; and what was let go and never deployed.
    Population,
    /// Waivers, skipped gates, grants, what went past a decision, what is overdue, and approvals that were refused.
    Exceptions,
    /// Emergencies by team, their share of all deployments, and their two clocks.
    Emergencies,
    /// Who held which role by the last decision, and when he acted last.
    AccessReview,
    /// How often each gate and item held a release, and what approvers answered about it.
    Survey,
}

impl Kind {
    fn of(self) -> ReportKind {
        match self {
            Self::Population => ReportKind::Population,
            Self::Exceptions => ReportKind::Exceptions,
            Self::Emergencies => ReportKind::Emergencies,
            Self::AccessReview => ReportKind::AccessReview,
            Self::Survey => ReportKind::Survey,
        }
    }
}

/// How a report is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Its cover and a block a row, for a person.
    Text,
    /// The table alone (RFC 4180), safe to open in a spreadsheet.
    Csv,
    /// The cover and the rows, for programs; it has the SHA-256 of the table as CSV.
    Json,
}

#[derive(Args)]
#[command(after_help = after_help())]
pub(super) struct Arguments {
    /// Which report.
    kind: Kind,
    /// The period: `2026`, `2026-Q4`, `2026-11`, `2026-W48`, or the first day and the first day after it,
    /// `2026-10-01..2026-10-15`.
    #[arg(long, value_name = "PERIOD")]
    period: String,
    /// The zone in which the period begins and ends, such as `Europe/London`.
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    timezone: String,
    /// Only what is of this repository, such as `acme/shop`. Left out: all of the record.
    #[arg(long, value_name = "REPOSITORY")]
    repository: Option<String>,
    /// How it is told.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Write it to this file instead of standard output.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    trusted: Trusted,
    #[cfg(feature = "app")]
    #[command(flatten)]
    evidence: super::evidence::Evidence,
    #[cfg(feature = "app")]
    #[command(flatten)]
    reading: super::log::reading::Reading,
}

pub(super) fn run(arguments: &Arguments) -> u8 {
    made(arguments).unwrap_or_else(|Failure(code, words)| {
        complain(&words);
        code
    })
}

fn made(arguments: &Arguments) -> Result<u8, Failure> {
    let stated = &arguments.timezone;
    let zone: Tz = stated
        .parse()
        .map_err(|_| Failure(USAGE, format!("`--timezone {stated}` is no zone; write one such as `Europe/London`")))?;
    let stated = &arguments.period;
    let period = Period::read(stated, zone).ok_or_else(|| {
        let forms = "`2026`, `2026-Q4`, `2026-11`, `2026-W48` or `2026-10-01..2026-10-15`";
        Failure(USAGE, format!("`--period {stated}` is no period; write one such as {forms}"))
    })?;
    let kind = arguments.kind.of();
    #[cfg(feature = "app")]
    {
        let read = json!({ "command": "report", "report": kind.word(), "period": period.label,
            "repository": arguments.repository });
        arguments.reading.record(&arguments.trusted, read)?;
    }
    let (log, keys, own_word) = arguments.trusted.open()?;
    #[cfg(feature = "app")]
    let log = log.with_annex(arguments.evidence.annex()?);
    let mut log = log;
    let subject = Subject { period, zone, repository: arguments.repository.clone() };
    let report = Reading::new(&mut log, &keys, !own_word, subject)?.report(kind);
    let text = match arguments.format {
        Format::Text => audit::text(&report, zone),
        Format::Csv => audit::csv(&report),
        Format::Json => audit::json(&report).map_err(|error| Failure(UNKNOWN, error.to_string()))?,
    };
    match &arguments.output {
        Some(path) => put(path, text.as_bytes()).map(|()| PROCEED),
        None => Ok(answer(&text)),
    }
}
