//! Which merges a release has, and which of them are what merging makes by itself.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::Repository;
use super::changes::content;
use super::commits::{self, RestCommit};
use super::pulls::{GraphCommit, WholePull};
use super::trees;
use crate::forge::github::client::Client;
use crate::forge::merging::{Judged, Merging, above};
use crate::model::facts::{Fact, Merge};

/// What was found of merges.
#[derive(Default)]
pub(super) struct Merges {
    /// Whether each merge made itself, by its name.
    pub(super) commits: BTreeMap<String, Fact<Merge>>,
    /// What merging each pull request makes by itself, and in which paths what landed differs.
    pub(super) pulls: BTreeMap<u64, (Fact<String>, Vec<String>)>,
}

/// What a judgement is about.
enum Of {
    Commit(String),
    Pull(u64, String),
}

fn parents(commit: &GraphCommit) -> Vec<&str> {
    commit.parents.nodes.iter().flatten().flatten().map(|parent| parent.oid.as_str()).collect()
}

/// Begins to ask what the sides of merges have in common.
pub(super) fn ahead(client: &Client, repository: &Repository, pulls: &[&WholePull]) {
    for commit in pulls.iter().flat_map(|whole| whole.commits.iter().flatten()) {
        if let [ours, theirs] = parents(commit)[..] {
            client.ahead(&commits::place_of_common(&repository.path(), ours, theirs));
        }
    }
}

/// Computes all merges of a release again.
pub(super) async fn read(
    client: &Client,
    repository: &Repository,
    pulls: &[&WholePull],
    landed: &BTreeMap<String, RestCommit>,
    brought: &BTreeMap<String, Vec<u64>>,
) -> Merges {
    let mut found = Merges::default();
    let mut asked: Vec<(Of, Merging)> = Vec::new();
    for whole in pulls {
        if let Some(merging) = landing(whole, landed, brought) {
            let tree = whole.pull.merge_commit.as_ref().map(|it| it.tree.oid.clone()).unwrap_or_default();
            asked.push((Of::Pull(whole.pull.number, tree), merging));
        }
        let folders = above(whole.files.iter().flatten());
        for commit in whole.commits.iter().flatten() {
            let [ours, theirs] = parents(commit)[..] else { continue };
            // One question each: what two commits have in common only the forge can tell.
            match commits::common(client, &repository.path(), ours, theirs).await {
                Ok(base) => {
                    let merging = Merging {
                        base,
                        ours: ours.to_owned(),
                        theirs: theirs.to_owned(),
                        result: commit.oid.clone(),
                        folders: folders.clone(),
                    };
                    asked.push((Of::Commit(commit.oid.clone()), merging));
                }
                Err(fault) => {
                    found.commits.insert(commit.oid.clone(), fault.unavailable());
                }
            }
        }
    }
    let merges: Vec<Merging> = asked.iter().map(|(_, merging)| merging.clone()).collect();
    let judged = if merges.is_empty() { Vec::new() } else { trees::judge(client, repository, &merges).await };
    for ((of, merging), judged) in asked.into_iter().zip(judged) {
        if let Of::Pull(number, tree) = &of {
            let clean = match &judged {
                Judged::Clean => (Fact::Known(tree.clone()), Vec::new()),
                Judged::Edited(paths) => (Fact::Unavailable("it is not the tree that landed".into()), paths.clone()),
                Judged::Unknown(why) => (Fact::Unavailable(why.clone().into()), Vec::new()),
            };
            found.pulls.insert(*number, clean);
        }
        let name = match of {
            Of::Commit(name) => name,
            // A merge commit is at once what landed.
            Of::Pull(..) if landed.get(&merging.result).is_some_and(|it| it.parents.len() == 2) => merging.result,
            Of::Pull(..) => continue,
        };
        let merge = match judged {
            Judged::Clean => Fact::Known(Merge::Clean),
            Judged::Edited(_) => Fact::Known(Merge::Edited),
            Judged::Unknown(why) => Fact::Unavailable(why.into()),
        };
        found.commits.insert(name, merge);
    }
    found
}

/// How a pull request landed, where it did not land as exactly the tree of its head.
fn landing(
    whole: &WholePull,
    landed: &BTreeMap<String, RestCommit>,
    brought: &BTreeMap<String, Vec<u64>>,
) -> Option<Merging> {
    let merge = whole.pull.merge_commit.as_ref()?;
    let is_merge = landed.get(&merge.oid).is_some_and(|commit| commit.parents.len() == 2);
    if content(whole)? == merge.tree.oid && !is_merge {
        return None;
    }
    let (commits, files) = (whole.commits.as_ref().ok()?, whole.files.as_ref().ok()?);
    let listed: HashSet<&str> = commits.iter().map(|commit| commit.oid.as_str()).collect();
    // What it was made from: the newest commit of the branch that it has. One that merges the branch into itself
    // names newer ones as it goes on, so that the last is the newest.
    let base = commits.iter().flat_map(parents).rfind(|parent| !listed.contains(parent))?;
    // What it was merged into: the first commit below what landed that it did not bring itself.
    let own = |sha: &str| brought.get(sha).is_some_and(|by| by.contains(&whole.pull.number));
    let mut ours = merge.parents.nodes.iter().flatten().flatten().next()?.oid.as_str();
    let mut seen = BTreeSet::new();
    while !is_merge && own(ours) && seen.insert(ours) {
        ours = landed.get(ours)?.parents.first()?.sha.as_str();
    }
    Some(Merging {
        base: base.to_owned(),
        ours: ours.to_owned(),
        theirs: whole.pull.head_ref_oid.clone(),
        result: merge.oid.clone(),
        folders: above(files),
    })
}
