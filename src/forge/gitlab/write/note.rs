//! Notes on merge requests, and the thumb under somebody else's.

use serde::Deserialize;
use serde_json::json;

use super::{mark, marked};
use crate::forge::gitlab::client::{Client, Fault, Method};
use crate::forge::gitlab::read::Project;
use crate::forge::talk::Notice;
use crate::report::neutral;

/// How many bytes a headline has at most.
const TITLE: usize = 255;

#[derive(Deserialize)]
struct Note {
    id: u64,
    body: String,
    author: Option<Author>,
}

#[derive(Deserialize)]
struct Author {
    id: u64,
}

/// The key of the one note that says what a change's release would need.
const PROPOSAL: &str = "proposal";

/// The oldest note of ours that has a key.
async fn find(client: &Client, path: &str, key: &str) -> Result<Option<Note>, Fault> {
    let (mark, own) = (mark(key), client.owner().await?);
    let ours = |it: &Note| it.author.as_ref().is_some_and(|by| by.id == own) && it.body.trim_end().ends_with(&mark);
    let listed: Vec<Note> = client.list(&format!("{path}?sort=asc&order_by=created_at")).await?;
    Ok(listed.into_iter().find(ours))
}

/// Keeps the one note on a merge request up to date that says what its release would need. A status has room for a headline.
pub async fn keep(client: &Client, repository: &str, number: u64, notice: &Notice) -> Result<(), Fault> {
    let project = Project::find(client, repository).await?;
    let path = format!("{}/merge_requests/{number}/notes", project.path());
    let way = notice.page.as_ref().map_or_else(String::new, |page| format!("\n\n[See why]({page})"));
    let body = marked(&format!("**{}**\n\n{}{way}", neutral::prose(&notice.title, TITLE), notice.text), PROPOSAL);
    match find(client, &path, PROPOSAL).await? {
        Some(note) if note.body.trim_end() == body.trim_end() => Ok(()),
        Some(note) => client.write(Method::PUT, &format!("{path}/{}", note.id), &json!({"body": body})).await,
        None => client.write(Method::POST, &path, &json!({"body": body})).await,
    }
}

/// Writes a note once for its key. Where it may have been written before, it is looked for first.
pub async fn write_once(
    client: &Client,
    repository: &str,
    number: u64,
    (key, text): (&str, &str),
    again: bool,
) -> Result<(), Fault> {
    write_under(client, repository, ("merge_requests", number), (key, text), again).await
}

/// The same under anything that takes notes: merge requests and issues are counted apart.
pub(super) async fn write_under(
    client: &Client,
    repository: &str,
    (kind, number): (&str, u64),
    (key, text): (&str, &str),
    again: bool,
) -> Result<(), Fault> {
    let project = Project::find(client, repository).await?;
    let path = format!("{}/{kind}/{number}/notes", project.path());
    if again && find(client, &path, key).await?.is_some() {
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
