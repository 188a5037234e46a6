//! What a report says of itself, beside what it measures.

use chrono::{DateTime, Utc};

use super::verdict::Reason;

/// What a report says of itself. Everything here is the report's own claim.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct About {
    /// The tool that wrote it, with its version where it names one.
    pub tool: Option<String>,
    /// When it was made, in UTC; of several instants the earliest end of a run.
    pub made_at: Option<DateTime<Utc>>,
    /// The commits that it says it is about, as lower-case hexadecimal of seven digits or
    /// more: for each part of the report that names any, those that it names. A part may
    /// name several, of several repositories; every part has to be about what is released.
    pub commits: Vec<Vec<String>>,
    /// Whether a part says nothing of a commit, where parts are told apart.
    pub silent_part: bool,
    /// SHA-256 digests of the artifacts that it says it is about, as lower-case hexadecimal.
    pub artifacts: Vec<String>,
    /// What the tool says went wrong in its own run, if it says so.
    pub tool_failure: Option<String>,
}

impl About {
    /// Notes when the report was made; of several instants the earliest counts,
    /// so that a report is as old as its oldest part.
    pub fn made(&mut self, at: DateTime<Utc>) {
        self.made_at = Some(self.made_at.map_or(at, |known| known.min(at)));
    }

    /// Notes when the report was made, from text: RFC 3339, or a date and time
    /// without a zone, which is read as UTC. Other text says nothing.
    pub fn made_text(&mut self, text: &str) {
        if let Some(at) = instant(text) {
            self.made(at);
        }
    }

    /// Notes the tool, unless one is known already.
    pub fn by(&mut self, tool: impl Into<String>) {
        if self.tool.is_none() {
            self.tool = Some(super::notable::shortened(&tool.into(), 100));
        }
    }

    /// Notes a commit that a part of the report names, full or abbreviated to seven digits
    /// or more. What is no such thing says nothing.
    pub fn commit(&mut self, sha: &str) {
        self.commit_of_part(commit(sha).into_iter().collect());
    }

    /// Notes the commits that one part of the report names, as [`commit`] reads them. Of
    /// more parts than are kept none is about anything, so that no other commit hides there.
    pub fn commit_of_part(&mut self, part: Vec<String>) {
        if part.is_empty() || self.commits.contains(&part) {
            return;
        }
        if self.commits.len() < PARTS {
            self.commits.push(part);
        } else if let Some(last) = self.commits.last_mut() {
            last.clear();
        }
    }

    /// Notes an artifact that the report names by digest: bare, as `sha256:…` or as `name@sha256:…`.
    pub fn artifact(&mut self, digest: &str) {
        let digest = digest
            .rsplit_once('@')
            .map_or(digest, |(_, digest)| digest)
            .trim()
            .trim_start_matches("sha256:")
            .to_ascii_lowercase();
        let whole = digest.len() == 64 && digest.bytes().all(|b| b.is_ascii_hexdigit());
        if whole && !self.artifacts.contains(&digest) && self.artifacts.len() < 100 {
            self.artifacts.push(digest);
        }
    }
}

/// How many parts that name commits are told apart, and how many commits each may name.
pub const PARTS: usize = 100;

/// A commit as reports name it: lower-case hexadecimal of 7 to 40 digits, or the 64 of a
/// SHA-256. Git abbreviates to seven digits and more.
#[must_use]
pub fn commit(text: &str) -> Option<String> {
    let sha = text.trim().to_ascii_lowercase();
    let named = matches!(sha.len(), 7..=40 | 64) && sha.bytes().all(|byte| byte.is_ascii_hexdigit());
    named.then_some(sha)
}

/// Reads an instant from the forms that tools write.
fn instant(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(at.to_utc());
    }
    for form in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"] {
        if let Ok(at) = chrono::NaiveDateTime::parse_from_str(text, form) {
            return Some(at.and_utc());
        }
    }
    for form in ["%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%d %H:%M:%S%.f %z", "%Y-%m-%d %H:%M:%S%.f%z"] {
        if let Ok(at) = DateTime::parse_from_str(text, form) {
            return Some(at.to_utc());
        }
    }
    None
}

/// Where in a file something is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Place {
    /// The whole file.
    #[default]
    Whole,
    /// A line, counted from 1, and a column in bytes, counted from 1 (0 where it is not known).
    Line(u64, u64),
    /// A byte, counted from 0.
    Byte(u64),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Whole => Ok(()),
            Self::Line(line, 0) => write!(f, "line {line}: "),
            Self::Line(line, column) => write!(f, "line {line}, column {column}: "),
            Self::Byte(byte) => write!(f, "byte {byte}: "),
        }
    }
}

/// Why the content of a file cannot be taken as evidence.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// Which of the ways in which a file can fail.
    pub reason: Reason,
    /// Where in the file.
    pub place: Place,
    /// What was expected, what was found, and what to do; lower case, no full stop.
    pub message: String,
}

impl Fault {
    /// The content breaks the rules of its format.
    #[must_use]
    pub fn malformed(place: Place, message: impl Into<String>) -> Self {
        Self { reason: Reason::Malformed, place, message: message.into() }
    }

    /// The content is beyond a limit.
    #[must_use]
    pub fn beyond_limit(place: Place, message: impl Into<String>) -> Self {
        Self { reason: Reason::BeyondLimit, place, message: message.into() }
    }

    /// The stated totals are not those of the entries.
    #[must_use]
    pub fn contradictory(message: impl Into<String>) -> Self {
        Self { reason: Reason::Contradictory, place: Place::Whole, message: message.into() }
    }

    /// The report was read and holds nothing to judge.
    #[must_use]
    pub fn empty(message: impl Into<String>) -> Self {
        Self { reason: Reason::EmptyReport, place: Place::Whole, message: message.into() }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.place, self.message)
    }
}

impl std::error::Error for Fault {}
