//! A comment on a pull request or an issue.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{By, is_ours, mark, marked};
use crate::forge::github::client::{Client, Fault, Method};
use crate::forge::github::read::Repository;

#[derive(Deserialize)]
struct Made {
    id: u64,
    #[serde(default)]
    body: Option<String>,
    performed_via_github_app: Option<By>,
}

async fn find(client: &Client, repository: &Repository, number: u64, key: &str) -> Result<Option<u64>, Fault> {
    let path = format!("/repos/{}/issues/{number}/comments", repository.path());
    let found = client.list::<Made>(&path).await?;
    let mark = mark(key);
    let ours = |it: &&Made| {
        it.body.as_deref().is_some_and(|body| body.ends_with(&mark))
            && is_ours(client, it.performed_via_github_app.as_ref())
    };
    Ok(found.entries().iter().find(ours).map(|it| it.id))
}

/// Writes a comment once for its key, and says its number.
pub async fn write(client: &Client, repository: &Repository, number: u64, key: &str, text: &str) -> Result<u64, Fault> {
    let path = format!("/repos/{}/issues/{number}/comments", repository.path());
    let body = json!({ "body": marked(text, key) });
    let made = match client.write::<Made>(Method::POST, &path, &body).await {
        Err(fault) if fault.leaves_doubt() && client.app().is_some() => {
            match find(client, repository, number, key).await? {
                Some(id) => return Ok(id),
                None => client.write::<Made>(Method::POST, &path, &body).await?,
            }
        }
        done => done?,
    };
    made.map(|made| made.id).ok_or_else(|| super::unreadable(&path, "it does not say what was made"))
}

/// Writes a comment once for its key. Where it may have been written before, it is looked for first.
pub async fn write_once(
    client: &Client,
    repository: &Repository,
    number: u64,
    (key, text): (&str, &str),
    again: bool,
) -> Result<(), Fault> {
    if again && find(client, repository, number, key).await?.is_some() {
        return Ok(());
    }
    write(client, repository, number, key, text).await.map(|_| ())
}

/// Puts a thumb under a comment. GitHub keeps one of each of us.
pub async fn acknowledge(client: &Client, repository: &Repository, comment: u64) -> Result<(), Fault> {
    let path = format!("/repos/{}/issues/comments/{comment}/reactions", repository.path());
    client.write_again::<Value>(Method::POST, &path, &json!({ "content": "+1" })).await.map(|_| ())
}
