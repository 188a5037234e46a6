//! Commands that people write in comments: `/countersign approve production as shop-owner: looks right`.
//!
//! One command a line, at the beginning of the line. What is not understood is no command that does something else: it is
//! told back.

use chrono::{DateTime, Utc};

use crate::model::facts::{Account, Deed};

/// The word that begins a command.
pub const WORD: &str = "/countersign";

/// A command, read.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// The environment that it names.
    pub environment: String,
    /// The commit that it names, at least 7 hexadecimal digits.
    pub commit: Option<String>,
    /// What it does.
    pub does: Deed,
    /// Why, in the person's own words.
    pub reason: Option<String>,
}

/// Why a line is no command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{line}` is no command: {why}")]
pub struct NoCommand {
    /// The line.
    pub line: String,
    /// What was expected.
    pub why: &'static str,
}

/// Every command of a comment, in order; quoted lines and blocks of code are somebody else's words.
#[must_use]
pub fn commands(comment: &str, forge: &str) -> Vec<Result<Command, NoCommand>> {
    let mut fenced = false;
    let mut found = Vec::new();
    for line in comment.lines() {
        let text = line.trim_end();
        if text.trim_start().starts_with("```") || text.trim_start().starts_with("~~~") {
            fenced = !fenced;
        }
        let Some(rest) = text.strip_prefix(WORD).filter(|_| !fenced) else { continue };
        if rest.is_empty() || rest.starts_with([' ', '\t']) {
            found.push(read(rest.trim(), forge).map_err(|why| NoCommand { line: text.to_owned(), why }));
        }
    }
    found
}

const FORM: &str = "write `/countersign approve ENVIRONMENT [COMMIT] [as ROLE] [: REASON]`, or `reject`, `withdraw`, `emergency`, \
                    `tick`, `delegate`, `away` or `validate` likewise";

fn read(text: &str, forge: &str) -> Result<Command, &'static str> {
    let (words, reason) = match text.split_once(": ") {
        Some((words, reason)) => (words, Some(reason.trim().to_owned()).filter(|reason| !reason.is_empty())),
        None => (text.strip_suffix(':').unwrap_or(text), None),
    };
    let mut words = words.split_whitespace();
    let verb = words.next().ok_or(FORM)?;
    let environment = words.next().ok_or("it does not name the environment")?.to_owned();
    let mut rest: Vec<&str> = words.collect();
    let commit = match rest.first() {
        Some(word) if is_commit(word) => Some(rest.remove(0).to_ascii_lowercase()),
        _ => None,
    };
    let does = match (verb, rest.as_slice()) {
        ("approve", []) => Deed::Approve { role: None, accepts: None },
        ("approve", ["as", role]) => Deed::Approve { role: Some((*role).to_owned()), accepts: None },
        ("accept", ["as", role]) => {
            let accepts = reason.clone().ok_or("say after a colon what you declare, in the policy's words")?;
            Deed::Approve { role: Some((*role).to_owned()), accepts: Some(accepts) }
        }
        ("reject", []) if reason.is_none() => return Err("say after a colon why it is rejected"),
        ("reject", []) => Deed::Reject {},
        ("emergency", []) if reason.is_none() => return Err("say after a colon what the emergency is"),
        ("emergency", []) => Deed::ClaimEmergency {},
        ("withdraw", [of]) => Deed::Withdraw { of: (*of).to_owned() },
        ("withdraw", _) => return Err("name the act that is taken back, as the decision does"),
        ("tick", [gate]) => {
            let item = reason.clone().ok_or("name the item after a colon, in the policy's words")?;
            Deed::Tick { gate: (*gate).to_owned(), item, proof: None }
        }
        ("tick", [gate, proof]) => {
            let item = reason.clone().ok_or("name the item after a colon, in the policy's words")?;
            Deed::Tick { gate: (*gate).to_owned(), item, proof: Some((*proof).to_owned()) }
        }
        ("delegate", [role, "to", who, "from", from, "until", until]) => Deed::Delegate {
            role: (*role).to_owned(),
            to: Account::from(format!("{forge}:{}", who.trim_start_matches('@')).as_str()),
            from: instant(from)?,
            until: instant(until)?,
        },
        ("away", ["from", from, "until", until]) => Deed::Away { from: instant(from)?, until: instant(until)? },
        ("validate", [obligation, evidence @ ..]) => Deed::Complete {
            obligation: (*obligation).to_owned(),
            evidence: evidence.iter().map(|it| (*it).to_owned()).collect(),
        },
        _ => return Err(FORM),
    };
    Ok(Command { environment, commit, does, reason })
}

fn is_commit(word: &str) -> bool {
    (7..=64).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn instant(text: &str) -> Result<DateTime<Utc>, &'static str> {
    let instant = DateTime::parse_from_rfc3339(text).map_err(|_| "write instants such as `2026-11-23T09:00:00Z`")?;
    Ok(instant.to_utc())
}
