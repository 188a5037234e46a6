//! Who pushed what, by the activity that GitHub keeps of a repository. It names who was logged in, which no commit can
//! forge.
//!
//! The oldest push that a commit came with is the one that brought it. A merge that GitHub made brings nothing but what
//! GitHub wrote for it: whatever else it reaches was pushed before, by somebody.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::commits::Graph;
use super::people::{Accounts, RestUser};
use crate::forge::github::client::{Client, Fault};
use crate::model::facts::{Account, Fact};

/// One entry of the activity.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Activity {
    before: String,
    after: String,
    timestamp: DateTime<Utc>,
    #[serde(rename = "activity_type")]
    kind: String,
    actor: Option<RestUser>,
}

/// The activity, the oldest entry first: to its last page, or until `enough` was read. Pages come newest first.
pub(super) async fn read(
    client: &Client,
    repository: &str,
    enough: impl Fn(&[Activity]) -> bool + Send,
) -> Result<Vec<Activity>, Fault> {
    let (mut entries, _) = client.list_until(&format!("/repos/{repository}/activity"), enough).await?;
    entries.sort_by_key(|entry| entry.timestamp);
    Ok(entries)
}

impl Activity {
    /// When, UTC.
    pub(super) fn at(&self) -> DateTime<Utc> {
        self.timestamp
    }
}

/// Whether pages, newest first, go back to before an instant.
pub(super) fn goes_back_to(entries: &[Activity], instant: DateTime<Utc>) -> bool {
    entries.last().is_some_and(|oldest| oldest.timestamp < instant)
}

/// Who pushed each commit. One that no push is known for has nobody here.
pub(super) fn pushers(
    activity: &[Activity],
    graph: &Graph,
    pulled: &HashSet<String>,
    accounts: &mut Accounts,
) -> BTreeMap<String, Account> {
    let mut found: BTreeMap<String, Account> = BTreeMap::new();
    for entry in activity {
        let merges = matches!(entry.kind.as_str(), "pr_merge" | "merge_queue_merge");
        let before = graph.reach(&entry.before);
        let brought: Vec<&str> = graph.reach(&entry.after).into_iter().filter(|sha| !before.contains(sha)).collect();
        for sha in brought {
            if found.contains_key(sha) || (merges && pulled.contains(sha)) {
                continue;
            }
            let pusher = if merges { Fact::Known(accounts.forge()) } else { accounts.rest(entry.actor.as_ref()) };
            if let Fact::Known(pusher) = pusher {
                found.insert(sha.to_owned(), pusher);
            }
        }
    }
    found
}
