//! Merge requests: which of them brought a commit, and everything that is said of one.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::commits::{self, GitCommit};
use super::people::User;
use super::trees::Trees;
use super::{Project, is_commit};
use crate::forge::gitlab::client::{Client, Fault, unread};

/// What a note has in it that is of concern to us, in capitals or not: every command, and every mark of our own.
const NAME: &[u8] = b"countersign";
/// How many bytes of a note are kept whatever they say; what GitLab writes itself is shorter.
const SHORT: usize = 1_000;

/// A merge request.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Request {
    pub(super) iid: u64,
    pub(super) title: Option<String>,
    pub(super) labels: Option<Vec<String>>,
    state: String,
    pub(super) author: Option<User>,
    #[serde(default)]
    pub(super) assignees: Vec<User>,
    /// The last head of its branch.
    pub(super) sha: Option<String>,
    merge_commit_sha: Option<String>,
    squash_commit_sha: Option<String>,
    pub(super) merged_at: Option<DateTime<Utc>>,
    target_project_id: u64,
    pub(super) target_branch: String,
    /// Where its branch is; none where that project is gone.
    pub(super) source_project_id: Option<u64>,
}

impl Request {
    /// As what it landed, where it was merged: a merge commit, what it was squashed to, or its head.
    pub(super) fn landed(&self) -> Option<&str> {
        let merged = self.state == "merged";
        merged
            .then(|| self.merge_commit_sha.as_ref().or(self.squash_commit_sha.as_ref()).or(self.sha.as_ref()))?
            .map(String::as_str)
    }

    /// What GitLab itself wrote when it was squashed, and when: before that nothing that descends from it was there.
    pub(super) fn squashed(&self) -> Option<(String, DateTime<Utc>)> {
        let merged = self.state == "merged";
        self.squash_commit_sha.clone().zip(self.merged_at).filter(|_| merged)
    }

    /// Whether it brought what goes as it was reviewed: it was merged, and what it was merged as goes too; or it is open,
    /// and its head is what goes. Of others, which GitLab names as well, no approval is one of what goes.
    fn brought(&self, project: u64, released: &str, landed: &BTreeMap<String, GitCommit>) -> bool {
        self.target_project_id == project
            && match self.state.as_str() {
                "merged" => self.landed().is_some_and(|commit| landed.contains_key(commit)),
                "opened" => self.sha.as_deref() == Some(released),
                _ => false,
            }
    }
}

/// One state in which a merge request was: every push of its branch makes a new one.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Version {
    pub(super) head_commit_sha: String,
    base_commit_sha: String,
    pub(super) created_at: DateTime<Utc>,
}

/// Who approved. That it is approved as a whole is never asked: it is said of what needs nobody's approval, too.
#[derive(Clone, Debug, Deserialize)]
struct Approvals {
    approved_by: Vec<Approval>,
}

/// An approval that stands.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Approval {
    pub(super) user: User,
    /// When; older servers tell it in a note alone.
    pub(super) approved_at: Option<DateTime<Utc>>,
}

/// Somebody who was asked for a review, and what became of it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Reviewer {
    pub(super) user: User,
    pub(super) state: String,
}

/// A note, of a person or of GitLab itself.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Note {
    pub(super) id: u64,
    /// What it says, where that may be of concern; else empty.
    #[serde(deserialize_with = "of_concern")]
    pub(super) body: String,
    pub(super) author: Option<User>,
    pub(super) created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    #[serde(default)]
    pub(super) system: bool,
}

/// A long text is kept where it names us: a note may have a megabyte, and a merge request five thousand of them.
pub(super) fn of_concern<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let names_us = || text.as_bytes().windows(NAME.len()).any(|part| part.eq_ignore_ascii_case(NAME));
    Ok(if text.len() <= SHORT || names_us() { text } else { String::new() })
}

impl Note {
    /// Whether it may say something else than at first. GitLab keeps no earlier text, and not whether it was edited or
    /// merely resolved.
    pub(super) fn is_edited(&self) -> bool {
        self.updated_at != self.created_at
    }
}

/// A merge request with everything that is known of it.
#[derive(Clone, Debug)]
pub(super) struct Whole {
    pub(super) request: Request,
    /// The last head.
    pub(super) head: String,
    /// What the last head contains.
    pub(super) content: String,
    /// What each version contains, the oldest first.
    pub(super) versions: Vec<(Version, String)>,
    /// The commits of every version.
    pub(super) commits: Vec<GitCommit>,
    /// The paths in which the last version differs from its base, and how many lines it changes.
    pub(super) files: Result<Vec<String>, Fault>,
    pub(super) lines: Result<u64, Fault>,
    pub(super) approvals: Vec<Approval>,
    pub(super) reviewers: Vec<Reviewer>,
    /// The oldest first.
    pub(super) notes: Vec<Note>,
}

/// Every merge request that a commit has to do with.
pub(super) async fn around(client: &Client, project: &Project, sha: &str) -> Result<Vec<Request>, Fault> {
    client.list(&format!("{}/repository/commits/{sha}/merge_requests", project.path())).await
}

/// The numbers of the open and merged ones among them.
pub(in crate::forge::gitlab) async fn numbers_around(
    client: &Client,
    project: &Project,
    sha: &str,
) -> Result<Vec<u64>, Fault> {
    let found = around(client, project, sha).await?;
    Ok(found.into_iter().filter(|it| it.state != "closed").map(|it| it.iid).collect())
}

/// The merge requests that brought a commit.
pub(super) async fn of_commit(
    client: &Client,
    project: &Project,
    sha: &str,
    released: &str,
    landed: &BTreeMap<String, GitCommit>,
) -> Result<Vec<Request>, Fault> {
    let found = around(client, project, sha).await?;
    Ok(found.into_iter().filter(|request| request.brought(project.id, released, landed)).collect())
}

/// Everything of a merge request.
pub(super) async fn read(
    client: &Client,
    project: &Project,
    trees: &mut Trees,
    request: Request,
) -> Result<Whole, Fault> {
    let path = format!("{}/merge_requests/{}", project.path(), request.iid);
    let place = format!("{path}/versions");
    let mut versions: Vec<Version> = client.list(&place).await?;
    versions.sort_by_key(|version| version.created_at);
    let head = request.sha.clone().unwrap_or_default();
    let Some(last) = versions.last().filter(|last| last.head_commit_sha == head).cloned() else {
        return Err(unread(&place, "the last of them is not the merge request's head"));
    };
    let mut with_contents = Vec::new();
    let mut commits: BTreeMap<String, GitCommit> = BTreeMap::new();
    for version in versions {
        let (base, head) = (&version.base_commit_sha, &version.head_commit_sha);
        if !is_commit(base) || !is_commit(head) {
            return Err(unread(&place, "one of them names no commit"));
        }
        for commit in commits::range(client, project, base, head).await? {
            commits.insert(commit.id.clone(), commit);
        }
        let content = trees.root(client, project, head).await?;
        with_contents.push((version, content));
    }
    let content = trees.root(client, project, &head).await?;
    let files = trees.differing(client, project, &last.base_commit_sha, &last.head_commit_sha).await;
    let lines = lines(client, &path, &files).await;
    let approvals: Approvals = client.get(&format!("{path}/approvals")).await?;
    let reviewers = client.list(&format!("{path}/reviewers")).await?;
    let notes = client.list(&format!("{path}/notes?sort=asc&order_by=created_at")).await?;
    Ok(Whole {
        request,
        head,
        content,
        versions: with_contents,
        commits: commits.into_values().collect(),
        files,
        lines,
        approvals: approvals.approved_by,
        reviewers,
        notes,
    })
}

/// How many lines the files change, where GitLab shows all of them.
async fn lines(client: &Client, path: &str, files: &Result<Vec<String>, Fault>) -> Result<u64, Fault> {
    #[derive(Deserialize)]
    struct Diff {
        #[serde(rename = "diff")]
        text: String,
        old_path: String,
        new_path: String,
        #[serde(default)]
        renamed_file: bool,
        #[serde(default)]
        collapsed: bool,
        #[serde(default)]
        too_large: bool,
        a_mode: Option<String>,
        b_mode: Option<String>,
    }
    let files = files.as_ref().map_err(Clone::clone)?;
    let place = format!("{path}/diffs");
    let diffs: Vec<Diff> = client.list(&place).await?;
    let shows = |file: &&String| diffs.iter().any(|diff| diff.old_path == **file || diff.new_path == **file);
    if let Some(file) = files.iter().find(|file| !shows(file)) {
        return Err(unread(&place, &format!("it does not show `{file}`")));
    }
    let mut lines = 0;
    for diff in &diffs {
        let unchanged = diff.renamed_file || diff.a_mode != diff.b_mode;
        if diff.collapsed || diff.too_large || (diff.text.is_empty() && !unchanged) {
            return Err(unread(&place, &format!("it does not show the lines of `{}`", diff.new_path)));
        }
        lines += diff.text.lines().filter(|line| line.starts_with(['+', '-'])).count() as u64;
    }
    Ok(lines)
}
