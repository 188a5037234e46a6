//! Commands that people write in comments: `/countersign approve production as shop-owner: looks right`.
//!
//! One command a line, at the beginning of the line. What is not understood is no command, and does nothing else. But for a
//! rejection: whoever writes that he rejects is heard, however he writes the rest.

use chrono::{DateTime, Utc};

use crate::model::facts::{Account, Deed};

/// The word that begins a command.
pub const WORD: &str = "/countersign";

/// A command, read.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// The environment that it names; none where a rejection names none, which is of every one.
    pub environment: Option<String>,
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

/// What a line says that begins with [`WORD`].
#[derive(Clone, Debug, PartialEq)]
pub enum Spoken {
    /// It does something.
    Does(Command),
    /// It asks how things stand, before one environment or before all.
    Why(Option<String>),
    /// It is no command.
    Not(NoCommand),
}

/// The lines of a comment that begin with [`WORD`], in order; quoted lines and blocks of code are somebody else's words.
fn lines(comment: &str) -> Vec<&str> {
    let mut fence: Option<&str> = None;
    let mut found = Vec::new();
    for line in comment.lines() {
        let text = line.trim_end();
        let mark = ["```", "~~~"].into_iter().find(|mark| text.trim_start().starts_with(mark));
        match (fence, mark) {
            (None, Some(_)) => fence = mark,
            (Some(open), Some(_)) if mark == Some(open) => fence = None,
            _ => {}
        }
        let rest = text.strip_prefix(WORD).filter(|_| fence.is_none());
        if rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t'])) {
            found.push(text);
        }
    }
    found
}

/// Every command of a comment, in order.
#[must_use]
pub fn commands(comment: &str, forge: &str) -> Vec<Result<Command, NoCommand>> {
    lines(comment).into_iter().map(|line| command(line, forge)).collect()
}

fn command(line: &str, forge: &str) -> Result<Command, NoCommand> {
    let rest = line.strip_prefix(WORD).unwrap_or(line);
    read(rest.trim(), forge).map_err(|why| NoCommand { line: line.to_owned(), why })
}

/// Everything that a comment says to us, each line with what it says.
#[must_use]
pub fn spoken(comment: &str, forge: &str) -> Vec<(String, Spoken)> {
    let one = |line: &str| {
        let mut words = line.strip_prefix(WORD).unwrap_or(line).split_whitespace();
        if words.next() == Some("why") {
            return Spoken::Why(words.next().map(str::to_owned));
        }
        command(line, forge).map_or_else(Spoken::Not, Spoken::Does)
    };
    lines(comment).into_iter().map(|line| (line.to_owned(), one(line))).collect()
}

const FORM: &str = "write `/countersign approve ENVIRONMENT [COMMIT] [as ROLE] [: REASON]`, or `reject`, `withdraw`, `emergency`, \
                    `tick`, `accept`, `delegate`, `away` or `validate` likewise; `/countersign why` tells how it stands";
/// What a command can begin with, beside `reject`.
const VERBS: [&str; 8] = ["approve", "accept", "emergency", "withdraw", "tick", "delegate", "away", "validate"];

fn read(text: &str, forge: &str) -> Result<Command, &'static str> {
    let (words, reason) = match text.split_once(": ") {
        Some((words, reason)) => (words, Some(reason.trim().to_owned()).filter(|reason| !reason.is_empty())),
        None => (text.strip_suffix(':').unwrap_or(text), None),
    };
    let mut words = words.split_whitespace();
    let verb = words.next().ok_or(FORM)?;
    if verb.trim_end_matches(':').eq_ignore_ascii_case("reject") {
        return Ok(rejection(text));
    }
    if !VERBS.contains(&verb) {
        return Err(FORM);
    }
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
    Ok(Command { environment: Some(environment), commit, does, reason })
}

/// A rejection: `reject production: too slow`. What else stands there is the reason too; one that names no environment is
/// of every one.
fn rejection(text: &str) -> Command {
    let rest = text.get("reject".len()..).unwrap_or_default().trim_start();
    let (words, reason) = rest.split_once(':').unwrap_or((rest, ""));
    let mut words = words.split_whitespace().peekable();
    let environment = words.next().map(str::to_owned);
    let commit = words.next_if(|word| is_commit(word)).map(str::to_ascii_lowercase);
    let mut reasons: Vec<&str> = words.collect();
    reasons.extend(reason.split_whitespace());
    let reason = Some(reasons.join(" ")).filter(|reason| !reason.is_empty());
    Command { environment, commit, does: Deed::Reject {}, reason }
}

fn is_commit(word: &str) -> bool {
    (7..=64).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn instant(text: &str) -> Result<DateTime<Utc>, &'static str> {
    let instant = DateTime::parse_from_rfc3339(text).map_err(|_| "write instants such as `2026-11-23T09:00:00Z`")?;
    Ok(instant.to_utc())
}
