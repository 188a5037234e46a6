//! The story of a break-glass grant after it was used: whoever has it tells the app, once that is back, what was granted and
//! which runs used it.

use std::time::Instant;

use reqwest::header::CONTENT_TYPE;
use serde::{Deserialize, Serialize};

use super::courier::{Courier, Fault};
use crate::forge::job::Tokens;
use crate::log::letter::Letter;
use crate::model::grant::GrantUse;

/// Where the app is told.
pub const PATH: &str = "/grants";
/// How many bytes of it may be told.
pub const LENGTH: usize = 256 << 10;
/// How many uses of one grant may be told.
pub const USES: usize = 20;

/// What is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// The app that is told, by its address without a path.
    pub to: String,
    /// The grant: the whole file, with its signatures.
    pub grant: String,
    /// Its uses, as they were written down.
    pub uses: Vec<GrantUse>,
}

/// What a use came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The grant held, and what went is an emergency of the record's.
    Imported,
    /// It did not hold. What an emergency leaves to be done is owed all the same, where it could be told what went.
    Refused,
    /// The record had it before.
    Before,
}

/// One use, and what it came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// The run that used it.
    pub run: String,
    /// What it came to.
    pub outcome: Outcome,
    /// The number of the entry of the decision on what went; absent where none could be made.
    pub decision: Option<u64>,
    /// Why, in one sentence.
    pub summary: String,
}

/// What became of a grant that was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Its identifier.
    pub grant: String,
    /// Its uses that were told, the first one first.
    pub uses: Vec<Imported>,
}

/// Tells the app of a grant under a token of the job's.
pub async fn tell_as_job<T: Tokens>(tokens: &T, url: &str, report: &Report, until: Instant) -> Result<Answer, Fault> {
    let text = serde_json::to_string(report).unwrap_or_default();
    let ask = |client: &reqwest::Client, url| {
        Ok::<_, Fault>(client.post(url).header(CONTENT_TYPE, "application/json").body(text.clone()))
    };
    Courier::new(tokens, url, until)?.tried(PATH, ask).await
}

/// The same in a letter that a key has signed. An app of several forges is told which one the grant is of.
pub async fn tell_by_letter(url: &str, forge: Option<&str>, letter: &Letter, until: Instant) -> Result<Answer, Fault> {
    let path = forge.map_or_else(|| PATH.to_owned(), |forge| format!("{PATH}?forge={forge}"));
    let text = letter.to_string();
    let ask = |client: &reqwest::Client, url| {
        Ok::<_, Fault>(client.post(url).header(CONTENT_TYPE, "text/plain; charset=utf-8").body(text.clone()))
    };
    Courier::unnamed(url, until)?.tried(&path, ask).await
}
