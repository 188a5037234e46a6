//! What a report says of itself, beside what it measures.

use chrono::{DateTime, TimeDelta, Utc};

use super::verdict::Reason;

/// What a report says of itself. Everything here is the report's own claim.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct About {
    /// The tool that wrote it, with its version where it names one.
    pub tool: Option<String>,
    /// When it was made, in UTC; of several instants the earliest end of a run, and of
    /// one without a time zone the earliest that it could be.
    pub made_at: Option<DateTime<Utc>>,
    /// Whether that instant named no time zone.
    pub zoneless: bool,
    /// Whether a part does not say when it was made, where parts are told apart.
    pub undated_part: bool,
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
    /// What the names of measures begin with that it leaves open, and no report before it in its gate did.
    pub leaves_open: Vec<&'static str>,
}

impl About {
    /// Notes when the report was made; of several instants the earliest counts,
    /// so that a report is as old as its oldest part.
    pub fn made(&mut self, at: DateTime<Utc>) {
        if self.made_at.is_none_or(|known| at < known) {
            self.made_at = Some(at);
            self.zoneless = false;
        }
    }

    /// Notes when the report was made, from text: RFC 3339 or the like. Of a date and time
    /// without a zone the earliest reading counts, that of [`EASTERNMOST`], because a report
    /// must not be younger than it is. Other text says nothing.
    pub fn made_text(&mut self, text: &str) {
        match (zoned(text), unzoned(text)) {
            (Some(at), _) => self.made(at),
            (None, Some(at)) if self.made_at.is_none_or(|known| at - EASTERNMOST < known) => {
                self.made_at = Some(at - EASTERNMOST);
                self.zoneless = true;
            }
            _ => {}
        }
    }

    /// The same for a format whose standard says that its times are in UTC.
    pub fn made_text_utc(&mut self, text: &str) {
        zoned(text).or_else(|| unzoned(text)).into_iter().for_each(|at| self.made(at));
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
        if let Some(digest) = self::digest(digest)
            && !self.artifacts.contains(&digest)
            && self.artifacts.len() < PARTS
        {
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

/// A SHA-256 digest as reports name it, bare, as `sha256:…` or as `name@sha256:…`, as
/// lower-case hexadecimal.
#[must_use]
pub fn digest(text: &str) -> Option<String> {
    let digest = text.rsplit_once('@').map_or(text, |(_, digest)| digest).trim();
    let digest = digest.trim_start_matches("sha256:").to_ascii_lowercase();
    let whole = digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
    whole.then_some(digest)
}

/// How far the earliest clocks are before UTC: UTC+14, of Kiritimati.
pub const EASTERNMOST: TimeDelta = TimeDelta::hours(14);

/// Reads an instant with its zone from the forms that tools write.
#[must_use]
pub fn zoned(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(at.to_utc());
    }
    if let Some(at) = text.strip_suffix("UTC").or_else(|| text.strip_suffix("GMT")) {
        return unzoned(at);
    }
    let forms = ["%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%d %H:%M:%S%.f %z", "%Y-%m-%d %H:%M:%S%.f%z"];
    forms.iter().find_map(|form| DateTime::parse_from_str(text, form).ok()).map(|at| at.to_utc())
}

/// Reads a date and time that names no zone, as if it were in UTC.
fn unzoned(text: &str) -> Option<DateTime<Utc>> {
    let forms = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"];
    let at = forms.iter().find_map(|form| chrono::NaiveDateTime::parse_from_str(text.trim(), form).ok())?;
    Some(at.and_utc())
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
