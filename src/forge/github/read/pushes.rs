//! Who pushed what, by the activity that GitHub keeps of a repository. It names who was logged in, which no commit can
//! forge.
//!
//! The oldest push that a commit came with is the one that brought it. A merge that GitHub made brings nothing but what
//! GitHub wrote for it: whatever else it reaches was pushed before, by somebody. A later push of the same commit, such as
//! a branch that a bot opens at it, says nothing. So what is read goes back to before the commit can have been there: to
//! where GitHub itself made something that it descends from, or to the first entry. The dates in a commit prove nothing,
//! for whoever writes it writes them.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::Reading;
use super::activity::{Activity, Horizon, Kept, read};
use super::commits::RestCommit;
use super::people::Accounts;
use super::pulls::WholePull;
use crate::forge::github::client::{Client, Fault};
use crate::forge::graph::Graph;
use crate::model::facts::{Account, Fact};

/// Who pushed each commit, or why that is not known. One that no push is known for is not here.
pub(super) type Pushers = BTreeMap<String, Fact<Account>>;

/// Reads the pages that the commits of ranges take, for whoever asks for them in the same look.
pub(super) async fn ahead(client: &Client, repository: &str, landed: &BTreeMap<String, RestCommit>, kept: &Kept) {
    let mut graph = Graph::default();
    for commit in landed.values() {
        graph.add(&commit.sha, commit.parents.iter().map(|parent| parent.sha.clone()));
    }
    // Whoever asks is told what went wrong.
    let _ = read(client, repository, Horizon::new(&graph, landed.keys().map(String::as_str)), kept).await;
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
                if entry.merges() { Fact::Known(accounts.forge()) } else { accounts.rest(entry.by().as_ref()) };
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
        let mut activity = read(self.client, &self.repository.path(), Horizon::new(graph, asked()), &self.kept).await?;
        let mut unread: BTreeMap<&str, Fault> = BTreeMap::new();
        let crossing = || pulls.iter().filter(|pull| pull.pull.is_cross_repository);
        let fork = |pull: &&&WholePull| Some(pull.pull.head_repository.as_ref()?.name_with_owner.clone());
        for name in crossing().filter_map(|pull| fork(&pull)).collect::<BTreeSet<String>>() {
            let from = |pull: &&&WholePull| fork(pull).as_ref() == Some(&name);
            let commits = || crossing().filter(from).flat_map(|pull| pull.commits.iter().flatten());
            let horizon = Horizon::new(graph, commits().map(|commit| commit.oid.as_str()));
            match read(self.client, &name, horizon, &Kept::default()).await {
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
