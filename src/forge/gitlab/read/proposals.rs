//! Merge requests before they are released, and the notes on them.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;

use super::people::User;
use super::requests::of_concern;
use super::{Project, escaped};
use crate::forge::gitlab::client::{Client, Fault};
use crate::forge::talk::{Proposed, Remark};

#[derive(Deserialize)]
struct Open {
    iid: u64,
    sha: Option<String>,
    target_branch: String,
    updated_at: DateTime<Utc>,
}

#[derive(Deserialize)]
struct Numbered {
    iid: u64,
}

#[derive(Deserialize)]
struct Note {
    id: u64,
    #[serde(deserialize_with = "of_concern")]
    body: String,
    author: Option<User>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    #[serde(default)]
    system: bool,
}

#[derive(Deserialize)]
struct Common {
    id: String,
}

#[derive(Deserialize)]
struct Tip {
    commit: Common,
}

/// The merge requests that are open.
pub(in crate::forge::gitlab) async fn open(client: &Client, repository: &str) -> Result<Vec<Proposed>, Fault> {
    let project = Project::find(client, repository).await?;
    let listed: Vec<Open> = client.list(&format!("{}/merge_requests?state=opened", project.path())).await?;
    let proposed = |it: Open| {
        Some(Proposed {
            number: it.iid,
            // One whose branch is gone has nothing that could be released.
            commit: it.sha?,
            onto_default: project.default_branch.as_deref() == Some(&it.target_branch),
            onto: format!("refs/heads/{}", it.target_branch),
            changed_at: it.updated_at,
        })
    };
    Ok(listed.into_iter().filter_map(proposed).collect())
}

/// The newest commit that a merge request and the branch that it goes onto have in common.
pub(in crate::forge::gitlab) async fn begins(
    client: &Client,
    repository: &str,
    proposed: &Proposed,
) -> Result<String, Fault> {
    let project = Project::find(client, repository).await?;
    let onto = proposed.onto.strip_prefix("refs/heads/").unwrap_or(&proposed.onto);
    // A short name is a tag's before it is a branch's.
    let tip: Tip = client.get(&format!("{}/repository/branches/{}", project.path(), escaped(onto))).await?;
    let refs = format!("refs%5B%5D={}&refs%5B%5D={}", tip.commit.id, proposed.commit);
    client.get::<Common>(&format!("{}/repository/merge_base?{refs}", project.path())).await.map(|common| common.id)
}

/// The notes on merge requests that were written or edited since an instant. GitLab lists them for each merge request, and a
/// merge request is newer than its newest note.
pub(in crate::forge::gitlab) async fn remarks(
    client: &Client,
    repository: &str,
    since: DateTime<Utc>,
) -> Result<Vec<Remark>, Fault> {
    let project = Project::find(client, repository).await?;
    let own = client.owner().await?;
    let after = since.to_rfc3339_opts(SecondsFormat::Secs, true);
    let changed: Vec<Numbered> =
        client.list(&format!("{}/merge_requests?updated_after={after}", project.path())).await?;
    let mut persons: BTreeMap<u64, bool> = BTreeMap::new();
    let mut found = Vec::new();
    for Numbered { iid } in changed {
        let place = format!("{}/merge_requests/{iid}/notes?sort=desc&order_by=updated_at", project.path());
        let old = |notes: &[Note]| notes.last().is_some_and(|note| note.updated_at < since);
        let (notes, _) = client.list_until(&place, old).await?;
        for note in notes.into_iter().filter(|note| !note.system && note.updated_at >= since) {
            let by_person = match note.author.as_ref().filter(|by| by.id != own && !by.is_gone()) {
                Some(by) => is_person(client, by.id, &mut persons).await?,
                None => false,
            };
            found.push(Remark {
                id: format!("note-{}", note.id),
                handle: Some(note.id),
                change: iid,
                by: note.author.filter(|by| !by.is_gone()).map(|by| by.username).unwrap_or_default(),
                by_person,
                text: note.body,
                at: note.created_at,
                edited: note.updated_at > note.created_at,
            });
        }
    }
    Ok(found)
}

/// Whether an account is a person's, by GitLab's word.
async fn is_person(client: &Client, id: u64, known: &mut BTreeMap<u64, bool>) -> Result<bool, Fault> {
    #[derive(Deserialize)]
    struct Profile {
        bot: Option<bool>,
    }
    if let Some(known) = known.get(&id) {
        return Ok(*known);
    }
    let profile: Profile = client.get(&format!("/users/{id}")).await?;
    let is_person = profile.bot == Some(false);
    known.insert(id, is_person);
    Ok(is_person)
}
