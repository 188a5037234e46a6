//! What lies between two commits, as REST's comparison lists it: every page, and as many commits as it says that there are.

use serde::Deserialize;

use super::people::RestUser;
use super::touched::TouchedFile;
use super::unread;
use crate::forge::github::client::{Client, Fault};

/// A commit of a comparison.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct RestCommit {
    pub(super) sha: String,
    pub(super) commit: Written,
    pub(super) author: Option<RestUser>,
    pub(super) committer: Option<RestUser>,
    #[serde(default)]
    pub(super) parents: Vec<Named>,
}

/// What git itself says of a commit.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Written {
    pub(super) committer: Option<Signature>,
    pub(super) tree: Named,
}

/// Whom git names.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Signature {
    pub(super) email: Option<String>,
}

/// Something that is named by its digest.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Named {
    pub(super) sha: String,
}

#[derive(Deserialize)]
struct Comparison {
    total_commits: u64,
    behind_by: u64,
    commits: Vec<RestCommit>,
    /// On the first page only, and at most 300 of them.
    files: Option<Vec<TouchedFile>>,
}

/// How many files a comparison names at most.
const FILES: usize = 300;

/// What one commit has beyond another.
#[derive(Clone, Debug)]
pub(super) struct Between {
    /// The commits, the oldest first.
    pub(super) commits: Vec<RestCommit>,
    /// How many commits the other has beyond this one.
    pub(super) behind: u64,
    /// The paths in which the two differ, or why they are not known.
    pub(super) files: Result<Vec<String>, Fault>,
}

/// Where the first page of a comparison lies.
pub(super) fn place(repository: &str, base: &str, head: &str) -> String {
    format!("/repos/{repository}/compare/{base}...{head}?per_page=100")
}

/// The commits of `head` that `base` does not have, and what they come to.
pub(super) async fn between(client: &Client, repository: &str, base: &str, head: &str) -> Result<Between, Fault> {
    let path = format!("/repos/{repository}/compare/{base}...{head}");
    let (commits, first) =
        client.list_in(&path, |mut page: Comparison| (std::mem::take(&mut page.commits), page)).await?;
    let commits = commits.into_entries();
    if commits.len() as u64 != first.total_commits {
        let says = format!("it lists {} of {} commits", commits.len(), first.total_commits);
        return Err(unread(&path, &says));
    }
    let files = match first.files {
        Some(files) if files.len() < FILES => Ok(files.into_iter().flat_map(TouchedFile::paths).collect()),
        Some(_) => Err(unread(&path, &format!("it names {FILES} files and no more"))),
        None => Err(unread(&path, "it names no files")),
    };
    Ok(Between { commits, behind: first.behind_by, files })
}

/// Whether a commit can be reached from another: then it has nothing that the other does not have.
pub(super) async fn reaches(client: &Client, repository: &str, tip: &str, commit: &str) -> Result<bool, Fault> {
    #[derive(Deserialize)]
    struct Ahead {
        ahead_by: u64,
    }
    let path = format!("/repos/{repository}/compare/{tip}...{commit}?per_page=1");
    client.get::<Ahead>(&path).await.map(|ahead| ahead.ahead_by == 0)
}

/// Where it lies what two commits have in common.
pub(super) fn place_of_common(repository: &str, one: &str, other: &str) -> String {
    format!("/repos/{repository}/compare/{one}...{other}?per_page=1")
}

/// The newest commit that two commits have in common.
pub(super) async fn common(client: &Client, repository: &str, one: &str, other: &str) -> Result<String, Fault> {
    #[derive(Deserialize)]
    struct Common {
        merge_base_commit: Named,
    }
    client.get::<Common>(&place_of_common(repository, one, other)).await.map(|common| common.merge_base_commit.sha)
}
