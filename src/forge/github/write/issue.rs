//! An issue: a change record, a CAB agenda, an obligation.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{By, at_most, is_ours, mark, marked};
use crate::forge::github::client::{Client, Fault, Method};
use crate::forge::github::read::Repository;
use crate::forge::github::read::file::escaped;

/// How many characters a title has at most.
const TITLE: usize = 256;
/// How many issues are looked through for one of ours, the newest first.
const LOOKED_THROUGH: usize = 1_000;

/// An issue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// The key by which it is found again.
    pub key: String,
    /// The title.
    pub title: String,
    /// The text, Markdown.
    pub text: String,
    /// The labels.
    pub labels: Vec<String>,
}

/// How an issue ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// What it asks is done.
    Done,
    /// It will not be done.
    GivenUp,
}

#[derive(Deserialize)]
struct Made {
    number: u64,
    #[serde(default)]
    body: Option<String>,
    performed_via_github_app: Option<By>,
}

fn body(issue: &Issue) -> Value {
    json!({"title": at_most(&issue.title, TITLE), "body": marked(&issue.text, &issue.key), "labels": issue.labels})
}

/// The newest issues that our App wrote, by key.
async fn find(client: &Client, repository: &Repository, issue: &Issue) -> Result<Option<u64>, Fault> {
    let path = format!("/repos/{}/issues?state=all&sort=created&direction=desc", repository.path());
    let mark = mark(&issue.key);
    let ours = |it: &&Made| {
        it.body.as_deref().is_some_and(|body| body.ends_with(&mark))
            && is_ours(client, it.performed_via_github_app.as_ref())
    };
    // What was made just now is among the newest.
    let (found, _) = client.list_until::<Made>(&path, |found| found.len() >= LOOKED_THROUGH).await?;
    Ok(found.iter().find(ours).map(|it| it.number))
}

/// Opens an issue once for its key, and says its number.
pub async fn open(client: &Client, repository: &Repository, issue: &Issue) -> Result<u64, Fault> {
    let path = format!("/repos/{}/issues", repository.path());
    let made = match client.write::<Made>(Method::POST, &path, &body(issue)).await {
        Err(fault) if fault.leaves_doubt() && client.app().is_some() => match find(client, repository, issue).await? {
            Some(number) => return Ok(number),
            None => client.write::<Made>(Method::POST, &path, &body(issue)).await?,
        },
        done => done?,
    };
    made.map(|made| made.number).ok_or_else(|| super::unreadable(&path, "it does not say what was made"))
}

/// The same where it may have been opened before: then it is looked for first.
pub async fn open_once(client: &Client, repository: &Repository, issue: &Issue, again: bool) -> Result<u64, Fault> {
    if again && let Some(number) = find(client, repository, issue).await? {
        return Ok(number);
    }
    open(client, repository, issue).await
}

/// Takes labels from an issue and gives it another. Doing so twice is doing so once.
pub async fn relabel(
    client: &Client,
    repository: &Repository,
    number: u64,
    (from, to): (&[String], &str),
) -> Result<(), Fault> {
    let path = format!("/repos/{}/issues/{number}/labels", repository.path());
    for label in from {
        let one = format!("{path}/{}", escaped(label));
        match client.write_again::<Value>(Method::DELETE, &one, &Value::Null).await {
            // Somebody was quicker.
            Ok(_) | Err(Fault::NotFound { .. }) => {}
            Err(fault) => return Err(fault),
        }
    }
    client.write_again::<Value>(Method::POST, &path, &json!({ "labels": [to] })).await.map(|_| ())
}

/// Brings an issue up to date. Doing so twice is doing so once.
pub async fn edit(client: &Client, repository: &Repository, number: u64, issue: &Issue) -> Result<(), Fault> {
    let path = format!("/repos/{}/issues/{number}", repository.path());
    client.write_again::<Value>(Method::PATCH, &path, &body(issue)).await.map(|_| ())
}

/// Closes an issue. Doing so twice is doing so once.
pub async fn close(client: &Client, repository: &Repository, number: u64, end: End) -> Result<(), Fault> {
    let path = format!("/repos/{}/issues/{number}", repository.path());
    let reason = match end {
        End::Done => "completed",
        End::GivenUp => "not_planned",
    };
    let body = json!({"state": "closed", "state_reason": reason});
    client.write_again::<Value>(Method::PATCH, &path, &body).await.map(|_| ())
}
