//! Commits, and what lies between two of them.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::{Project, is_commit};
use crate::forge::gitlab::client::{Client, Fault, unread};

/// A commit. GitLab says of it what git says, and names no account.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct GitCommit {
    pub(super) id: String,
    #[serde(default)]
    pub(super) parent_ids: Vec<String>,
    #[serde(default)]
    pub(super) author_email: String,
    #[serde(default)]
    pub(super) committer_email: String,
    #[serde(default)]
    pub(super) message: String,
}

impl GitCommit {
    /// The addresses of those who are named beside the author, wherever in the message they stand; `None` where one of them
    /// has no address.
    pub(super) fn co_authors(&self) -> Option<Vec<String>> {
        const WORD: &str = "co-authored-by:";
        let named = |line: &str| line.trim_start().get(..WORD.len()).is_some_and(|it| it.eq_ignore_ascii_case(WORD));
        let address = |line: &str| {
            let (_, rest) = line.rsplit_once('<')?;
            let address = rest.trim_end().strip_suffix('>')?.trim();
            (!address.is_empty()).then(|| address.to_owned())
        };
        self.message.lines().filter(|line| named(line)).map(address).collect()
    }
}

/// What one commit has beyond another.
#[derive(Clone, Debug)]
pub(super) struct Between {
    /// The commits.
    pub(super) commits: Vec<GitCommit>,
    /// The paths in which the two differ, or why they are not known.
    pub(super) files: Result<Vec<String>, Fault>,
}

/// One commit.
pub(super) async fn find(client: &Client, project: &Project, sha: &str) -> Result<GitCommit, Fault> {
    if !is_commit(sha) {
        return Err(Fault::Setup(format!("`{sha}` is no commit; write all of its digits")));
    }
    let path = format!("{}/repository/commits/{sha}", project.path());
    let found: GitCommit = client.get(&path).await?;
    if found.id == sha { Ok(found) } else { Err(unread(&path, "it is another commit")) }
}

/// The commits of `head` that `base` does not have. Both are asked for, so that one that is not there is no empty range.
pub(super) async fn range(client: &Client, project: &Project, base: &str, head: &str) -> Result<Vec<GitCommit>, Fault> {
    for commit in [base, head] {
        find(client, project, commit).await?;
    }
    let path = format!("{}/repository/commits?ref_name={base}..{head}", project.path());
    let commits: Vec<GitCommit> = client.list(&path).await?;
    let mut names = BTreeSet::new();
    if commits.iter().any(|commit| !is_commit(&commit.id) || !names.insert(commit.id.as_str())) {
        return Err(unread(&path, "it lists a commit twice, or one without a name"));
    }
    // What is empty lies within the base, and what is not has the head.
    if names.is_empty() {
        if reaches(client, project, base, head).await? {
            return Ok(commits);
        }
        return Err(unread(&path, "it lists nothing, and the one does not have the other"));
    }
    if !names.contains(head) {
        return Err(unread(&path, "it does not list the commit that goes"));
    }
    Ok(commits)
}

/// The newest commit that two commits have in common.
pub(super) async fn common(client: &Client, project: &Project, one: &str, other: &str) -> Result<String, Fault> {
    let path = format!("{}/repository/merge_base?refs%5B%5D={one}&refs%5B%5D={other}", project.path());
    client.get::<GitCommit>(&path).await.map(|commit| commit.id)
}

/// Whether a branch that ends in one commit has another.
pub(super) async fn reaches(client: &Client, project: &Project, tip: &str, commit: &str) -> Result<bool, Fault> {
    if tip == commit {
        return Ok(true);
    }
    match common(client, project, tip, commit).await {
        Ok(common) => Ok(common == commit),
        // The two have nothing in common, where both are there.
        Err(Fault::NotFound { .. }) => {
            find(client, project, tip).await?;
            find(client, project, commit).await?;
            Ok(false)
        }
        Err(fault) => Err(fault),
    }
}
