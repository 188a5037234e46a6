//! Who pushed what, by the activity that GitHub keeps of a repository. It names who was logged in, which no commit can
//! forge.
//!
//! The oldest push that a commit came with is the one that brought it. A merge that GitHub made brings nothing but what
//! GitHub wrote for it: whatever else it reaches was pushed before, by somebody. A later push of the same commit, such as
//! a branch that a bot opens at it, says nothing. So what is read goes back to before the commit can have been there: to
//! where GitHub itself made something that it descends from, or to the first entry. The dates in a commit prove nothing,
//! for whoever writes it writes them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Duration, Utc};
use serde::Deserialize;

use super::commits::RestCommit;
use super::people::{Accounts, RestUser};
use super::pulls::WholePull;
use super::{Reading, unread};
use crate::forge::github::client::{Client, Fault};
use crate::forge::graph::Graph;
use crate::model::facts::{Account, Fact};

/// How long before it lands a merge queue can have made what it lands: its checks have six hours.
const QUEUED: Duration = Duration::days(1);

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

impl Activity {
    fn merges(&self) -> bool {
        matches!(self.kind.as_str(), "pr_merge" | "merge_queue_merge")
    }

    /// What GitHub made itself, and since when at the earliest that can have been there.
    fn made(&self) -> Option<(&str, DateTime<Utc>)> {
        match self.kind.as_str() {
            "pr_merge" => Some((&self.after, self.timestamp)),
            "merge_queue_merge" => Some((&self.after, self.timestamp - QUEUED)),
            _ => None,
        }
    }
}

/// Who pushed each commit, or why that is not known. One that no push is known for is not here.
pub(super) type Pushers = BTreeMap<String, Fact<Account>>;

/// How far back an activity has to be read: until nothing that is asked about can have been there before.
struct Horizon<'g> {
    /// The commits that descend from each, those that are asked about alone.
    children: HashMap<&'g str, Vec<&'g str>>,
    /// The commits that can have been there still earlier.
    open: HashSet<&'g str>,
    /// What GitHub made, by the instant before which it was not there.
    made: BTreeSet<(DateTime<Utc>, String)>,
    seen: HashSet<&'g str>,
    read: usize,
}

impl<'g> Horizon<'g> {
    fn new(graph: &'g Graph, asked: impl Iterator<Item = &'g str>) -> Self {
        let open: HashSet<&str> = asked.collect();
        let mut children: HashMap<&str, Vec<&str>> = HashMap::new();
        for (sha, parents) in graph.all() {
            for parent in parents {
                children.entry(parent.as_str()).or_default().push(sha);
            }
        }
        Self { children, open, made: BTreeSet::new(), seen: HashSet::new(), read: 0 }
    }

    /// Takes the entries that came since; whether these are enough.
    fn reached(&mut self, entries: &[Activity]) -> bool {
        for entry in entries.iter().skip(self.read) {
            self.made.extend(entry.made().map(|(sha, at)| (at, sha.to_owned())));
        }
        self.read = entries.len();
        let Some(oldest) = entries.last().map(|entry| entry.timestamp) else { return self.open.is_empty() };
        while let Some((at, sha)) = self.made.pop_last() {
            if at < oldest {
                self.made.insert((at, sha));
                break;
            }
            self.close(&sha);
        }
        self.open.is_empty()
    }

    /// What descends from this was not there before it, and neither was this.
    fn close(&mut self, sha: &str) {
        let own = self.open.get(sha).copied();
        let mut next: Vec<&'g str> = self.children.get(sha).into_iter().flatten().copied().chain(own).collect();
        while let Some(sha) = next.pop() {
            if self.seen.insert(sha) {
                self.open.remove(sha);
                next.extend(self.children.get(sha).into_iter().flatten());
            }
        }
    }
}

/// Where the first page of a repository's activity lies.
pub(super) fn place(repository: &str) -> String {
    format!("/repos/{repository}/activity?per_page=100")
}

/// Reads the pages that the commits of ranges take, for whoever asks for them in the same look.
pub(super) async fn ahead(client: &Client, repository: &str, landed: &BTreeMap<String, RestCommit>) {
    let mut graph = Graph::default();
    for commit in landed.values() {
        graph.add(&commit.sha, commit.parents.iter().map(|parent| parent.sha.clone()));
    }
    // Whoever asks is told what went wrong.
    let _ = read(client, repository, Horizon::new(&graph, landed.keys().map(String::as_str))).await;
}

/// The activity of a repository, the oldest entry first: as far back as the horizon is.
async fn read(client: &Client, repository: &str, horizon: Horizon<'_>) -> Result<Vec<Activity>, Fault> {
    let path = format!("/repos/{repository}/activity");
    let horizon = Mutex::new(horizon);
    let reached = |entries: &[Activity]| horizon.lock().unwrap_or_else(PoisonError::into_inner).reached(entries);
    let (mut entries, more) = client.list_until(&path, reached).await?;
    if more && !reached(&entries) {
        return Err(unread(&path, "it goes further back than is read, and who pushed first stands there"));
    }
    // Entries of one instant keep their order.
    entries.reverse();
    entries.sort_by_key(|entry| entry.timestamp);
    Ok(entries)
}

/// Who pushed each commit.
fn pushers(activity: &[Activity], graph: &Graph, pulled: &HashSet<String>, accounts: &mut Accounts) -> Pushers {
    let mut found = Pushers::new();
    for entry in activity {
        let before = graph.reach(&entry.before);
        let brought: Vec<&str> = graph.reach(&entry.after).into_iter().filter(|sha| !before.contains(sha)).collect();
        for sha in brought {
            if found.contains_key(sha) || (entry.merges() && pulled.contains(sha)) {
                continue;
            }
            let pusher =
                if entry.merges() { Fact::Known(accounts.forge()) } else { accounts.rest(entry.actor.as_ref()) };
            let pusher = match pusher {
                Fact::Absent => Fact::Unavailable("whoever pushed it has no account any longer".into()),
                pusher => pusher,
            };
            found.insert(sha.to_owned(), pusher);
        }
    }
    found
}

impl Reading<'_> {
    /// Who pushed each commit: here, and in the repositories that pull requests came from.
    pub(super) async fn pushers(
        &mut self,
        pulls: &[&WholePull],
        landed: &BTreeMap<String, RestCommit>,
        graph: &Graph,
        pulled: &HashSet<String>,
    ) -> Result<Pushers, Fault> {
        if landed.is_empty() && pulled.is_empty() {
            return Ok(Pushers::new());
        }
        let asked = || landed.keys().chain(pulled).map(String::as_str);
        let mut activity = read(self.client, &self.repository.path(), Horizon::new(graph, asked())).await?;
        let mut unread: BTreeMap<&str, Fault> = BTreeMap::new();
        let crossing = || pulls.iter().filter(|pull| pull.pull.is_cross_repository);
        let fork = |pull: &&&WholePull| Some(pull.pull.head_repository.as_ref()?.name_with_owner.clone());
        for name in crossing().filter_map(|pull| fork(&pull)).collect::<BTreeSet<String>>() {
            let from = |pull: &&&WholePull| fork(pull).as_ref() == Some(&name);
            let commits = || crossing().filter(from).flat_map(|pull| pull.commits.iter().flatten());
            let horizon = Horizon::new(graph, commits().map(|commit| commit.oid.as_str()));
            match read(self.client, &name, horizon).await {
                Ok(more) => activity.extend(more),
                Err(fault) => unread.extend(commits().map(|commit| (commit.oid.as_str(), fault.clone()))),
            }
        }
        activity.sort_by_key(|entry| entry.timestamp);
        let mut found = pushers(&activity, graph, pulled, &mut self.accounts);
        // Whoever pushed it here may have had it from the fork, where somebody else pushed it before.
        for (sha, fault) in unread {
            found.insert(sha.to_owned(), fault.unavailable());
        }
        for pull in crossing().filter(|pull| fork(pull).is_none()) {
            for commit in pull.commits.iter().flatten() {
                let why = "it was pushed to a repository that is not there any longer";
                found.insert(commit.oid.clone(), Fact::Unavailable(why.into()));
            }
        }
        Ok(found)
    }
}
