//! Issues as records: what a forge's issues say, with who said it, and what the app does to them.
//!
//! Anybody may write into an issue. So a record is read with its whole history, and whoever reads it decides what counts.
//!
//! Invariant: an issue is here with every list whole, or it is a fault.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::Forge;
use crate::model::facts::{Account, AccountFacts};

/// An issue with all that became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// Its number.
    pub number: u64,
    /// Whether our App wrote it.
    pub ours: bool,
    /// Who wrote it; `None` where nobody has that account any longer.
    pub author: Option<Account>,
    /// When, UTC.
    pub at: DateTime<Utc>,
    /// Whether it is open.
    pub open: bool,
    /// What its text was, the earliest first: the last is what it is.
    pub versions: Vec<Version>,
    /// What became of its labels and its state, the earliest first.
    pub events: Vec<Event>,
    /// What people and Apps wrote under it, the earliest first.
    pub comments: Vec<Comment>,
    /// The comments of people that somebody else deleted, the earliest first.
    pub silenced: Vec<Silenced>,
}

/// What a text was at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Who wrote it so; `None` where nobody has that account any longer.
    pub by: Option<Account>,
    /// When, UTC.
    pub at: DateTime<Utc>,
    /// The text; `None` where somebody struck it from the history.
    pub text: Option<String>,
}

/// Something that became of an issue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Who did it; `None` where nobody has that account any longer.
    pub by: Option<Account>,
    /// When, UTC.
    pub at: DateTime<Utc>,
    /// What.
    pub what: Happened,
}

/// What can become of an issue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happened {
    /// It got a label.
    Labelled(String),
    /// It lost one.
    Unlabelled(String),
    /// It was closed.
    Closed,
    /// It was opened again.
    Reopened,
}

/// A comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// Its name.
    pub id: String,
    /// Who wrote it.
    pub by: Option<Account>,
    /// Whether it is a person's, by the forge's own word for the account.
    pub by_person: bool,
    /// When, UTC.
    pub at: DateTime<Utc>,
    /// Its texts, the earliest first; more than one where it was edited. One that was struck from the history is missing.
    pub texts: Vec<String>,
    /// When it was edited last, UTC; `None` where it never was.
    pub edited_at: Option<DateTime<Utc>>,
    /// Whether a text that it had is not here, because somebody struck it from the history.
    pub struck: bool,
}

/// A comment that somebody deleted who did not write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Silenced {
    /// When it was deleted, UTC: it was written before.
    pub at: DateTime<Utc>,
    /// Who wrote it; `None` where nobody has that account any longer.
    pub of: Option<Account>,
}

/// Issues, and what is known of everybody who did something there.
#[derive(Clone, Debug, Default)]
pub struct Read {
    /// By number. One that is missing is not there, or is a change.
    pub issues: BTreeMap<u64, Issue>,
    /// The accounts.
    pub accounts: BTreeMap<Account, AccountFacts>,
}

/// An issue as the app writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// The key by which it is found again where it is not known whether it was written.
    pub key: String,
    /// The title.
    pub title: String,
    /// The text, Markdown.
    pub text: String,
    /// Its labels.
    pub labels: Vec<String>,
    /// The day on which it is due, in the policy's zone, where the forge has such days ([`Records::DATES_ISSUES`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<NaiveDate>,
}

/// Issues as records.
pub trait Records: Forge {
    /// Whether issues have a day on which they are due: then what releases left to be done is kept in them.
    const DATES_ISSUES: bool = false;

    /// Whether a fault says that issues are switched off there, so that trying again is of no use.
    #[must_use]
    fn has_no_issues(_fault: &Self::Fault) -> bool {
        false
    }

    /// These issues, whole.
    fn issues(&self, repository: &str, numbers: &[u64]) -> impl Future<Output = Result<Read, Self::Fault>> + Send;

    /// The issues that have a label now: those that are open, and those that were closed since an instant.
    fn labelled(
        &self,
        repository: &str,
        label: &str,
        since: DateTime<Utc>,
    ) -> impl Future<Output = Result<Vec<u64>, Self::Fault>> + Send;

    /// Opens an issue once for its key, and says its number. Where it may have been opened before (`again`) it is looked
    /// for first.
    fn open_issue(
        &self,
        repository: &str,
        draft: &Draft,
        again: bool,
    ) -> impl Future<Output = Result<u64, Self::Fault>> + Send;

    /// Writes an issue of ours anew, with its labels. Doing so twice is doing so once.
    fn rewrite_issue(
        &self,
        repository: &str,
        number: u64,
        draft: &Draft,
    ) -> impl Future<Output = Result<(), Self::Fault>> + Send;

    /// Takes labels from an issue and gives it another, the last. Doing so twice is doing so once.
    fn relabel(
        &self,
        repository: &str,
        number: u64,
        labels: (&[String], &str),
    ) -> impl Future<Output = Result<(), Self::Fault>> + Send;

    /// Writes a comment under an issue, once for its key; `keyed` is the key and the text.
    fn comment(
        &self,
        repository: &str,
        number: u64,
        keyed: (&str, &str),
        again: bool,
    ) -> impl Future<Output = Result<(), Self::Fault>> + Send;

    /// Closes an issue: done, or given up. Doing so twice is doing so once.
    fn close_issue(
        &self,
        repository: &str,
        number: u64,
        done: bool,
    ) -> impl Future<Output = Result<(), Self::Fault>> + Send;
}
