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
    /// The commits that it says it is about, as lower-case hexadecimal.
    pub commits: Vec<String>,
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

    /// Notes a commit that the report names. What is not a full SHA-1 or SHA-256 says nothing.
    pub fn commit(&mut self, sha: &str) {
        let sha = sha.trim().to_ascii_lowercase();
        let full = matches!(sha.len(), 40 | 64) && sha.bytes().all(|b| b.is_ascii_hexdigit());
        if full && !self.commits.contains(&sha) && self.commits.len() < 100 {
            self.commits.push(sha);
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
