//! Notes on merge requests, and the thumb under somebody else's.

use serde::Deserialize;
use serde_json::json;

use super::{mark, marked};
use crate::forge::gitlab::client::{Client, Fault, Method};
use crate::forge::gitlab::read::Project;

#[derive(Deserialize)]
struct Note {
    body: String,
    author: Option<Author>,
}

#[derive(Deserialize)]
struct Author {
    id: u64,
}

async fn is_there(client: &Client, path: &str, key: &str) -> Result<bool, Fault> {
    let (mark, own) = (mark(key), client.owner().await?);
    let ours = |it: &Note| it.author.as_ref().is_some_and(|by| by.id == own) && it.body.trim_end().ends_with(&mark);
    Ok(client.list::<Note>(path).await?.iter().any(ours))
}

/// Writes a note once for its key. Where it may have been written before, it is looked for first.
pub async fn write_once(
    client: &Client,
    repository: &str,
    number: u64,
    (key, text): (&str, &str),
    again: bool,
) -> Result<(), Fault> {
    let project = Project::find(client, repository).await?;
    let path = format!("{}/merge_requests/{number}/notes", project.path());
    if again && is_there(client, &path, key).await? {
        return Ok(());
    }
    client.write(Method::POST, &path, &json!({"body": marked(text, key)})).await
}

/// Puts a thumb under a note. GitLab keeps one of each of us, and answers the second as if there were nothing.
pub async fn acknowledge(client: &Client, repository: &str, number: u64, note: u64) -> Result<(), Fault> {
    let project = Project::find(client, repository).await?;
    let path = format!("{}/merge_requests/{number}/notes/{note}/award_emoji", project.path());
    match client.write(Method::POST, &path, &json!({"name": "thumbsup"})).await {
        Err(Fault::NotFound { .. }) => Ok(()),
        done => done,
    }
}
