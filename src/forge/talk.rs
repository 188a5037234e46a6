//! What is said on a change itself, before anything is deployed: a check that tells what its release would need, and
//! answers to what people write there.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Forge;
use crate::report::proposal::Standing;

/// A change that is open: a pull or merge request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposed {
    /// Its number.
    pub number: u64,
    /// Its newest commit.
    pub commit: String,
    /// The branch that it goes onto, in full: `refs/heads/main`.
    pub onto: String,
    /// Whether that is the repository's default branch.
    pub onto_default: bool,
    /// When anything of it changed last, UTC.
    pub changed_at: DateTime<Utc>,
}

/// A comment on a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// Its name, which the acts that it is have in the facts.
    pub id: String,
    /// The number by which the forge is told that it counts; none where it takes no such mark, as a review does not.
    pub handle: Option<u64>,
    /// The change's number.
    pub change: u64,
    /// Who wrote it, by his login; empty where he has no account any longer.
    pub by: String,
    /// Whether a person wrote it, and no App, this one included.
    pub by_person: bool,
    /// What it says.
    pub text: String,
    /// When it was written, UTC.
    pub at: DateTime<Utc>,
    /// Whether it was touched since.
    pub edited: bool,
}

/// A check on a commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// The commit.
    pub commit: String,
    /// The key by which it is found again.
    pub key: String,
    /// How it stands.
    pub standing: Standing,
    /// The headline.
    pub title: String,
    /// The text, Markdown.
    pub text: String,
    /// The whole address of the page that tells more, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
    /// What people can press.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<Button>,
}

/// A button of a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Button {
    /// What stands on it, in 20 bytes.
    pub label: String,
    /// What it does, in 40 bytes.
    pub description: String,
    /// What it is called when it is pressed, in 20 bytes.
    pub identifier: String,
}

/// What is read of changes, and said on them. Where `again` is set it may have been said before: that is read back first.
pub trait Talk: Forge + Sized {
    /// The same, letting everything go first that a deployment waits for.
    #[must_use]
    fn behind_deployments(&self) -> Self;

    /// The changes that are open, all of them.
    fn proposed(&self, repository: &str) -> impl Future<Output = Result<Vec<Proposed>, Self::Fault>> + Send;

    /// The newest commit that a change and the branch that it goes onto have in common.
    fn begins(&self, repository: &str, proposed: &Proposed)
    -> impl Future<Output = Result<String, Self::Fault>> + Send;

    /// The comments on changes that were written or edited since an instant, all of them.
    fn remarks(
        &self,
        repository: &str,
        since: DateTime<Utc>,
    ) -> impl Future<Output = Result<Vec<Remark>, Self::Fault>> + Send;

    /// What people wrote in reviews of a change since an instant, all of it.
    fn reviews(
        &self,
        repository: &str,
        change: u64,
        since: DateTime<Utc>,
    ) -> impl Future<Output = Result<Vec<Remark>, Self::Fault>> + Send;

    /// Shows a check of a change, one for its key: a new one, or the one that is there brought up to date.
    fn show(
        &self,
        repository: &str,
        change: u64,
        notice: &Notice,
        again: bool,
    ) -> impl Future<Output = Result<(), Self::Fault>> + Send;

    /// Writes a comment on a change, once for its key; `keyed` is the key and the text.
    fn reply(
        &self,
        repository: &str,
        change: u64,
        keyed: (&str, &str),
        again: bool,
    ) -> impl Future<Output = Result<(), Self::Fault>> + Send;

    /// Marks a comment on a change as taken. Doing so twice is doing so once.
    fn acknowledge(
        &self,
        repository: &str,
        change: u64,
        handle: u64,
    ) -> impl Future<Output = Result<(), Self::Fault>> + Send;
}
