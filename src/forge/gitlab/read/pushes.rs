//! Who pushed what, by the events that GitLab keeps of a project for three years. They name who was logged in, which no
//! commit can forge.
//!
//! The oldest push that a commit came with is the one that brought it. A merge in GitLab's page is a push too, and brings
//! nothing but what was written down for it: whatever else it reaches was pushed before, by somebody. Of somebody who
//! pushes many branches at once GitLab keeps no commit: what first shows up after that, and can have been part of it, was
//! pushed by nobody who is known. It cannot where it descends from what GitLab wrote itself after that, or from what came
//! after that for certain; the dates in a commit prove nothing.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::people::User;
use super::requests::{self, Request, Whole};
use super::{Reading, commits::GitCommit};
use crate::forge::gitlab::client::{Client, Fault};
use crate::forge::graph::Graph;
use crate::model::facts::{Account, Fact};

#[derive(Clone, Debug, Deserialize)]
struct Event {
    id: u64,
    created_at: DateTime<Utc>,
    author: Option<User>,
    push_data: Option<Pushed>,
    /// Whether it was here, and not where a merge request came from.
    #[serde(skip)]
    here: bool,
}

#[derive(Clone, Debug, Deserialize)]
struct Pushed {
    commit_from: Option<String>,
    commit_to: Option<String>,
    action: Option<String>,
    #[serde(rename = "ref")]
    reference: Option<String>,
    /// How many branches were pushed at once, where it was more than GitLab names.
    ref_count: Option<u64>,
}

impl Pushed {
    /// Whether it is of several branches, and names no commit.
    fn is_bulk(&self) -> bool {
        self.ref_count.is_some_and(|count| count > 0)
            || (self.commit_to.is_none() && self.action.as_deref() != Some("removed"))
    }
}

/// Who pushed each commit. One that no push is known for is not here.
pub(super) type Pushers = BTreeMap<String, Fact<Account>>;

/// The pushes of a project.
async fn read(client: &Client, project: u64, here: bool) -> Result<Vec<Event>, Fault> {
    let mut events: Vec<Event> = client.list(&format!("/projects/{project}/events?action=pushed")).await?;
    for event in &mut events {
        event.here = here;
    }
    Ok(events)
}

/// By whom each commit came; by nobody who is known where a push of several branches may have brought it before.
fn brought(
    events: &[Event],
    graph: &Graph,
    listed: &BTreeSet<&str>,
    made: &BTreeMap<String, DateTime<Utc>>,
    merges: impl Fn(&str, &str) -> bool,
) -> Vec<(String, Option<User>)> {
    // Before which instant each commit was not there, as far as that is known. What is here came.
    let mut came: BTreeMap<String, Option<DateTime<Utc>>> = BTreeMap::new();
    let mut bulk: Vec<DateTime<Utc>> = Vec::new();
    let mut found = Vec::new();
    let parents: BTreeMap<&str, &[String]> = graph.all().collect();
    for event in events {
        let Some(push) = &event.push_data else { continue };
        if push.is_bulk() {
            bulk.push(event.created_at);
            continue;
        }
        let Some(after) = &push.commit_to else { continue };
        let merge = event.here && push.reference.as_deref().is_some_and(|branch| merges(branch, after));
        let before = push.commit_from.as_deref().map(|before| graph.reach(before)).unwrap_or_default();
        let is_new = |sha: &&str| !(before.contains(sha) || came.contains_key(*sha) || merge && listed.contains(sha));
        let new: Vec<&str> = graph.reach(after).into_iter().filter(is_new).collect();
        let of_parents = |sha: &&str| {
            let parents = parents.get(*sha).copied().unwrap_or_default();
            parents.iter().filter_map(|sha| made.get(sha).copied().or_else(|| came.get(sha).copied().flatten())).max()
        };
        let since: Vec<Option<DateTime<Utc>>> = new.iter().map(of_parents).collect();
        for (sha, since) in new.into_iter().zip(since) {
            let hidden = bulk.iter().any(|at| since.is_none_or(|since| *at >= since));
            let bound = if hidden { since } else { Some(event.created_at) };
            found.push((sha.to_owned(), event.author.clone().filter(|user| !hidden && !user.is_gone())));
            came.insert(sha.to_owned(), bound);
        }
    }
    found
}

impl Reading<'_> {
    /// Who pushed each commit: here, and in the projects that merge requests came from.
    pub(super) async fn pushers(
        &mut self,
        whole: &[Whole],
        landed: &BTreeMap<String, GitCommit>,
        graph: &Graph,
        bases: &[&String],
    ) -> Result<Pushers, Fault> {
        let mut found = Pushers::new();
        let listed: BTreeSet<&str> =
            whole.iter().flat_map(|whole| &whole.commits).map(|commit| commit.id.as_str()).collect();
        if landed.is_empty() && listed.is_empty() {
            return Ok(found);
        }
        let mut events = read(self.client, self.project.id, true).await?;
        let mut unread: Vec<(&Whole, String)> = Vec::new();
        let sources: BTreeSet<Option<u64>> = whole.iter().map(|whole| whole.request.source_project_id).collect();
        for source in sources.into_iter().filter(|source| *source != Some(self.project.id)) {
            let more = match source {
                Some(source) => read(self.client, source, false).await.map_err(|fault| fault.to_string()),
                None => Err("it was pushed to a project that is not there any longer".to_owned()),
            };
            match more {
                Ok(more) => events.extend(more),
                Err(why) => {
                    let from = whole.iter().filter(|whole| whole.request.source_project_id == source);
                    unread.extend(from.map(|whole| (whole, why.clone())));
                }
            }
        }
        events.sort_by_key(|event| (event.created_at, event.id));
        let mut made: BTreeMap<String, DateTime<Utc>> =
            whole.iter().filter_map(|whole| whole.request.squashed()).collect();
        if events.iter().filter_map(|event| event.push_data.as_ref()).any(Pushed::is_bulk) {
            for base in bases {
                // Where this is not known more may have been there before, and holds.
                let around = requests::around(self.client, &self.project, base).await.unwrap_or_default();
                made.extend(around.iter().filter_map(Request::squashed));
            }
        }
        // As what each landed, and on which branch: there it is GitLab that pushes for whoever merges.
        let landings: BTreeSet<(&str, &str)> = whole
            .iter()
            .filter_map(|whole| Some((whole.request.target_branch.as_str(), whole.request.landed()?)))
            .collect();
        let merges = |branch: &str, after: &str| landings.contains(&(branch, after));
        for (sha, user) in brought(&events, graph, &listed, &made, merges) {
            let pusher = match user {
                Some(user) => Fact::Known(self.accounts.note(self.client, &user).await),
                None => Fact::Unavailable(
                    "somebody pushed several branches at once, of which GitLab keeps no commit, or has no account any longer"
                        .into(),
                ),
            };
            found.insert(sha, pusher);
        }
        // GitLab alone writes what it squashed, whoever pressed the button.
        for (squashed, _) in whole.iter().filter_map(|whole| whole.request.squashed()) {
            found.insert(squashed, Fact::Known(self.accounts.forge()));
        }
        // Whoever pushed it here may have had it from elsewhere, where somebody else pushed it before.
        for (whole, why) in unread {
            for commit in &whole.commits {
                found.insert(commit.id.clone(), Fact::Unavailable(why.clone().into()));
            }
        }
        Ok(found)
    }
}
