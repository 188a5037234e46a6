//! The pull requests that are open, and what is written on pull requests, by two lists of REST: whoever polls them pays
//! nothing while they stay the same.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;

use super::people::RestUser;
use super::{Repository, commits, is_commit, unread};
use crate::forge::github::client::{Client, Fault};
use crate::forge::talk::{Proposed, Remark};

#[derive(Deserialize)]
struct Open {
    number: u64,
    head: End,
    base: End,
    updated_at: DateTime<Utc>,
}

#[derive(Deserialize)]
struct End {
    #[serde(rename = "ref")]
    name: String,
    sha: String,
    repo: Option<Home>,
}

#[derive(Deserialize)]
struct Home {
    default_branch: Option<String>,
}

/// The pull requests that are open, all of them.
pub async fn open(client: &Client, repository: &str) -> Result<Vec<Proposed>, Fault> {
    let path = format!("/repos/{}/pulls?state=open", Repository::parse(repository)?.path());
    let listed = client.list::<Open>(&path).await?.into_entries();
    let proposed = |it: Open| {
        let Home { default_branch } = it.base.repo.unwrap_or(Home { default_branch: None });
        is_commit(&it.head.sha).then(|| Proposed {
            number: it.number,
            commit: it.head.sha,
            onto_default: default_branch.as_ref() == Some(&it.base.name),
            onto: format!("refs/heads/{}", it.base.name),
            changed_at: it.updated_at,
        })
    };
    Ok(listed.into_iter().filter_map(proposed).collect())
}

/// The newest commit that a pull request and its branch have in common.
pub async fn begins(client: &Client, repository: &str, proposed: &Proposed) -> Result<String, Fault> {
    let repository = Repository::parse(repository)?.path();
    let branch = proposed.onto.strip_prefix("refs/heads/").unwrap_or(&proposed.onto);
    let branch: Vec<String> = branch.split('/').map(super::file::escaped).collect();
    let found = commits::common(client, &repository, &branch.join("/"), &proposed.commit).await?;
    let says = || unread("where the pull request begins", "GitHub names no commit");
    if is_commit(&found) { Ok(found) } else { Err(says()) }
}

#[derive(Deserialize)]
struct Comment {
    id: u64,
    node_id: String,
    #[serde(default)]
    body: Option<String>,
    html_url: String,
    issue_url: String,
    user: Option<RestUser>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    #[serde(default)]
    performed_via_github_app: Option<serde_json::Value>,
}

impl Comment {
    /// The remark; `None` where it is one on an issue.
    fn remark(self) -> Option<Remark> {
        let page = reqwest::Url::parse(&self.html_url).ok()?;
        let on_pull = page.path_segments()?.any(|part| part == "pull");
        let change = self.issue_url.rsplit('/').next()?.parse().ok().filter(|_| on_pull)?;
        let is_person = self.user.as_ref().is_some_and(|user| user.kind.as_deref() == Some("User"));
        Some(Remark {
            id: self.node_id,
            handle: Some(self.id),
            change,
            by: self.user.and_then(|user| user.login).unwrap_or_default(),
            by_person: is_person && self.performed_via_github_app.is_none_or(|app| app.is_null()),
            text: self.body.unwrap_or_default(),
            at: self.created_at,
            edited: self.updated_at > self.created_at,
        })
    }
}

/// The comments on pull requests that were written or edited since an instant, all of them.
pub async fn remarks(client: &Client, repository: &str, since: DateTime<Utc>) -> Result<Vec<Remark>, Fault> {
    let since = since.to_rfc3339_opts(SecondsFormat::Secs, true);
    let path = format!("/repos/{}/issues/comments?since={since}", Repository::parse(repository)?.path());
    let listed = client.list::<Comment>(&path).await?.into_entries();
    Ok(listed.into_iter().filter_map(Comment::remark).collect())
}

#[derive(Deserialize)]
struct Review {
    node_id: String,
    #[serde(default)]
    body: Option<String>,
    user: Option<RestUser>,
    #[serde(default)]
    submitted_at: Option<DateTime<Utc>>,
}

/// What stands in reviews of a pull request that were submitted since an instant, all of them.
pub async fn reviews(
    client: &Client,
    repository: &str,
    change: u64,
    since: DateTime<Utc>,
) -> Result<Vec<Remark>, Fault> {
    let path = format!("/repos/{}/pulls/{change}/reviews", Repository::parse(repository)?.path());
    let listed = client.list::<Review>(&path).await?.into_entries();
    let remark = |it: Review| {
        let at = it.submitted_at.filter(|at| *at >= since)?;
        let by_person = it.user.as_ref().is_some_and(|user| user.kind.as_deref() == Some("User"));
        Some(Remark {
            id: it.node_id,
            handle: None,
            change,
            by: it.user.and_then(|user| user.login).unwrap_or_default(),
            by_person,
            text: it.body.unwrap_or_default(),
            at,
            // GitHub does not say it here. What it says now is what counts or does not.
            edited: false,
        })
    };
    Ok(listed.into_iter().filter_map(remark).collect())
}
