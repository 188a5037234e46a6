//! An issue: a change record, a CAB agenda, an obligation.
//!
//! GitLab tells nobody what a description was before it was changed first. So an issue of ours begins with words that say nothing,
//! and its text is its first change: from then on everything that it ever said is told.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{TEXT, mark, marked};
use crate::forge::gitlab::client::{Client, Fault, Method};
use crate::forge::gitlab::read::Project;
use crate::forge::gitlab::read::issues::SEED;
use crate::forge::records::Draft;
use crate::model::notable::shortened;

/// How many bytes a title has at most.
const TITLE: usize = 255;
/// How many issues are looked through for one of ours, the newest first.
const LOOKED_THROUGH: usize = 1_000;

#[derive(Deserialize)]
struct Made {
    iid: u64,
    description: Option<String>,
}

fn seed(key: &str) -> String {
    shortened(&format!("{SEED}\n\n{}", mark(key)), TEXT)
}

/// The newest issue that our own account wrote with a key.
async fn find(client: &Client, project: &Project, key: &str) -> Result<Option<Made>, Fault> {
    let own = client.owner().await?;
    let path = format!("{}/issues?author_id={own}&order_by=created_at&sort=desc", project.path());
    let mark = mark(key);
    let ours = |it: &Made| it.description.as_deref().is_some_and(|text| text.trim_end().ends_with(&mark));
    let (found, _) = client.list_until::<Made>(&path, |found| found.len() >= LOOKED_THROUGH).await?;
    Ok(found.into_iter().find(ours))
}

/// Opens an issue once for its key, and says its number. Where it may have been opened before it is looked for first.
pub async fn open(client: &Client, repository: &str, draft: &Draft, again: bool) -> Result<u64, Fault> {
    let project = Project::find(client, repository).await?;
    if project.has_no_issues() {
        return Err(Fault::NoIssues { project: repository.to_owned() });
    }
    let before = if again { find(client, &project, &draft.key).await? } else { None };
    let made = if let Some(made) = before {
        made
    } else {
        let title = shortened(&draft.title, TITLE);
        let mut body = json!({"title": title, "description": seed(&draft.key), "labels": draft.labels.join(",")});
        if let (Some(due), Some(body)) = (draft.due, body.as_object_mut()) {
            body.insert("due_date".to_owned(), json!(due));
        }
        client.create(&format!("{}/issues", project.path()), &body).await?
    };
    // What somebody has written since stays.
    if made.description.as_deref().is_none_or(|text| text.trim_end() == seed(&draft.key).trim_end()) {
        let body = json!({"description": marked(&draft.text, &draft.key)});
        change(client, &project, made.iid, &body).await?;
    }
    Ok(made.iid)
}

async fn change(client: &Client, project: &Project, number: u64, body: &Value) -> Result<(), Fault> {
    client.write(Method::PUT, &format!("{}/issues/{number}", project.path()), body).await
}

/// Brings an issue up to date. Doing so twice is doing so once.
pub async fn edit(client: &Client, repository: &str, number: u64, draft: &Draft) -> Result<(), Fault> {
    let project = Project::find(client, repository).await?;
    let body = json!({"title": shortened(&draft.title, TITLE), "description": marked(&draft.text, &draft.key),
        "labels": draft.labels.join(",")});
    change(client, &project, number, &body).await
}

/// Takes labels from an issue and gives it another. Doing so twice is doing so once.
pub async fn relabel(
    client: &Client,
    repository: &str,
    number: u64,
    (from, to): (&[String], &str),
) -> Result<(), Fault> {
    let project = Project::find(client, repository).await?;
    // One that goes and comes back in one request would stay whose it was.
    if !from.is_empty() {
        change(client, &project, number, &json!({"remove_labels": from.join(",")})).await?;
    }
    change(client, &project, number, &json!({"add_labels": to})).await
}

/// Closes an issue. Doing so twice is doing so once.
pub async fn close(client: &Client, repository: &str, number: u64) -> Result<(), Fault> {
    let project = Project::find(client, repository).await?;
    change(client, &project, number, &json!({"state_event": "close"})).await
}

/// Writes a note under an issue, once for its key.
pub async fn comment(
    client: &Client,
    repository: &str,
    number: u64,
    keyed: (&str, &str),
    again: bool,
) -> Result<(), Fault> {
    super::note::write_under(client, repository, ("issues", number), keyed, again).await
}
