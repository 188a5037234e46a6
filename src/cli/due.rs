//! `countersign due`: what falls due by a policy because a period ended.

use std::path::PathBuf;

use chrono::{DateTime, Utc};

use super::{PROCEED, UNKNOWN, USAGE, answer, complain, decide};
use crate::decide::due;
use crate::report::{self, json};

/// Every exit code, with what it means.
pub(super) const EXIT_CODES: [(u8, &str); 3] =
    [(PROCEED, "it was told"), (USAGE, "the command or the policy is wrong"), (UNKNOWN, "it could not be written")];

/// How it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Lines for a person.
    Text,
    /// The document, for programs.
    Json,
}

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// A layer of the policy; repeat it, outermost layer first.
    /// Left out: `.countersign/policy.yml`, `.countersign/policy.yaml` or `countersign.yml`.
    #[arg(long, value_name = "FILE")]
    policy: Vec<PathBuf>,
    /// Read the policy from this branch, tag or commit instead of the working tree; `--policy` then names paths in it.
    #[arg(long, value_name = "REF")]
    policy_ref: Option<String>,
    /// The instant to tell it for, RFC 3339. Left out: now.
    #[arg(long, value_name = "RFC3339")]
    now: Option<String>,
    /// How it is told.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub(super) fn run(arguments: &Arguments) -> u8 {
    let now = match arguments.now.as_deref().map(DateTime::parse_from_rfc3339) {
        None => Utc::now(),
        Some(Ok(now)) => now.to_utc(),
        Some(Err(_)) => {
            complain("`--now` is no instant; write one such as `2026-11-23T09:00:00Z`");
            return USAGE;
        }
    };
    let policy = match decide::policy_at(&arguments.policy, arguments.policy_ref.as_deref()) {
        Ok(policy) => policy,
        Err(code) => return code,
    };
    let due = due::of(&policy, now);
    match arguments.format {
        Format::Text => answer(&report::due::render(&due, policy.rules.calendar.zone)),
        Format::Json => match json::pretty_of(&due) {
            Ok(text) => answer(&text),
            Err(error) => {
                complain(&format!("it could not be written: {error}"));
                UNKNOWN
            }
        },
    }
}
