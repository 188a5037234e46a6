//! Changes: what pull requests and commits without one become as facts.

use std::collections::{BTreeMap, BTreeSet};

use super::commits::RestCommit;
use super::people::{Accounts, is_forge};
use super::pulls::{GitActor, GraphCommit, WholePull};
use crate::forge::github::client::Fault;
use crate::model::facts::{Account, Change, Commit, Fact, Landing, Merge};

/// What is known beside the pull requests themselves.
pub(super) struct Known<'a> {
    /// The repository, as GitHub writes it.
    pub(super) repository: &'a str,
    /// The commits of the ranges, by name.
    pub(super) landed: &'a BTreeMap<String, RestCommit>,
    /// The same as GraphQL has them.
    pub(super) graph: &'a BTreeMap<String, GraphCommit>,
    /// Who pushed each commit, or why that could not be read.
    pub(super) pushers: &'a Result<BTreeMap<String, Account>, Fault>,
    /// The accounts behind addresses that GitHub gave to Apps.
    pub(super) addresses: &'a BTreeMap<String, Account>,
    /// Whether merges made themselves, by the merge's name.
    pub(super) merges: &'a BTreeMap<String, Fact<Merge>>,
    /// What merging each pull request makes by itself, and in which paths what landed differs.
    pub(super) clean: &'a BTreeMap<u64, (Fact<String>, Vec<String>)>,
}

impl Known<'_> {
    /// Whom an address of git belongs to.
    fn person(&self, accounts: &mut Accounts, actor: Option<&GitActor>) -> Fact<Account> {
        let Some(actor) = actor else { return Fact::Absent };
        if let Some(user) = &actor.user {
            return Fact::Known(accounts.note(&user.login, Some("User")));
        }
        let known = actor.email.as_ref().and_then(|address| self.addresses.get(address));
        known.cloned().map_or(Fact::Absent, Fact::Known)
    }

    fn co_authors(&self, accounts: &mut Accounts, commit: Option<&GraphCommit>) -> Fact<Vec<Account>> {
        let Some(commit) = commit else {
            return Fact::Unavailable("GitHub does not say who is named beside the author".into());
        };
        let Some(authors) = commit.authors.clone().whole() else {
            return Fact::Unavailable("more are named beside the author than GitHub lists".into());
        };
        let mut found = Vec::new();
        // The first is the author.
        for actor in authors.iter().skip(1) {
            match self.person(accounts, Some(actor)) {
                Fact::Known(account) => found.push(account),
                Fact::Absent | Fact::Unavailable(_) => {
                    let address = actor.email.as_deref().unwrap_or("somebody without an address");
                    return Fact::Unavailable(
                        format!("`{address}` is named beside the author, and is nobody whom GitHub knows").into(),
                    );
                }
            }
        }
        if found.is_empty() { Fact::Absent } else { Fact::Known(found) }
    }

    fn pushed_by(&self, sha: &str) -> Fact<Account> {
        match self.pushers {
            Ok(pushers) => match pushers.get(sha) {
                Some(account) => Fact::Known(account.clone()),
                None => Fact::Unavailable("GitHub's activity does not say who pushed it".into()),
            },
            Err(fault) => fault.unavailable(),
        }
    }

    fn merge(&self, sha: &str, parents: usize) -> Fact<Merge> {
        if parents < 2 {
            return Fact::Absent;
        }
        let unknown =
            || Fact::Unavailable("whether this merge is what merging makes by itself was not computed".into());
        self.merges.get(sha).cloned().unwrap_or_else(unknown)
    }

    /// A commit of a range.
    fn of_range(&self, accounts: &mut Accounts, commit: &RestCommit, behalf: &Fact<Vec<Account>>) -> Commit {
        let address = commit.commit.committer.as_ref().and_then(|it| it.email.as_deref());
        let login = commit.committer.as_ref().and_then(|it| it.login.as_deref());
        let committer = if is_forge(login, address) {
            Fact::Known(accounts.forge())
        } else {
            accounts.rest(commit.committer.as_ref())
        };
        Commit {
            sha: commit.sha.clone(),
            author: accounts.rest(commit.author.as_ref()),
            committer,
            co_authors: self.co_authors(accounts, self.graph.get(&commit.sha)),
            pushed_by: self.pushed_by(&commit.sha),
            on_behalf_of: behalf.clone(),
            merge: self.merge(&commit.sha, commit.parents.len()),
        }
    }

    /// A commit of a pull request.
    fn of_pull(&self, accounts: &mut Accounts, commit: &GraphCommit, behalf: &Fact<Vec<Account>>) -> Commit {
        let committer = commit.committer.as_ref();
        let login = committer.and_then(|it| it.user.as_ref()).map(|user| user.login.as_str());
        let committer = if is_forge(login, committer.and_then(|it| it.email.as_deref())) {
            Fact::Known(accounts.forge())
        } else {
            self.person(accounts, committer)
        };
        Commit {
            sha: commit.oid.clone(),
            author: self.person(accounts, commit.author.as_ref()),
            committer,
            co_authors: self.co_authors(accounts, Some(commit)),
            pushed_by: self.pushed_by(&commit.oid),
            on_behalf_of: behalf.clone(),
            merge: self.merge(&commit.oid, commit.parents.total_count.unwrap_or(0)),
        }
    }

    /// A commit that came without a pull request.
    pub(super) fn direct(
        &self,
        accounts: &mut Accounts,
        commit: &RestCommit,
        files: &Result<Touched, Fault>,
    ) -> Change {
        let (files, lines) = match files {
            Ok(touched) => (Fact::Known(touched.files.clone()), Fact::Known(touched.lines)),
            Err(fault) => (fault.unavailable(), fault.unavailable()),
        };
        Change {
            id: commit.sha.clone(),
            content: commit.commit.tree.sha.clone(),
            direct: true,
            files,
            lines,
            commits: Fact::Known(vec![self.of_range(accounts, commit, &Fact::Absent)]),
            landed: Fact::Absent,
        }
    }

    /// A pull request; `own` are the commits of the ranges that it brought, `replaced` those of heads that were pushed
    /// over. `None` where GitHub does not say what it contains.
    pub(super) fn pull(
        &self,
        accounts: &mut Accounts,
        whole: &WholePull,
        own: &BTreeSet<String>,
        replaced: &Result<Vec<RestCommit>, Fault>,
    ) -> Option<Change> {
        let pull = &whole.pull;
        let content = content(whole)?;
        // A bot that opens a pull request works for those to whom it is assigned.
        let by_bot = pull.author.as_ref().is_some_and(|author| author.kind.as_deref() == Some("Bot"));
        let behalf = match (by_bot, pull.assignees.clone().whole()) {
            (false, _) => Fact::Absent,
            (true, None) => Fact::Unavailable("more are assigned than GitHub lists".into()),
            (true, Some(assignees)) if assignees.is_empty() => Fact::Absent,
            (true, Some(assignees)) => Fact::Known(assignees.iter().map(|actor| accounts.actor(actor)).collect()),
        };
        let commits = match (&whole.commits, replaced) {
            (Ok(listed), Ok(replaced)) => {
                let mut commits: Vec<Commit> = Vec::new();
                let mut seen = BTreeSet::new();
                for commit in own.iter().filter_map(|sha| self.landed.get(sha)).chain(replaced) {
                    if seen.insert(commit.sha.clone()) {
                        commits.push(self.of_range(accounts, commit, &behalf));
                    }
                }
                for commit in listed {
                    if seen.insert(commit.oid.clone()) {
                        commits.push(self.of_pull(accounts, commit, &behalf));
                    }
                }
                Fact::Known(commits)
            }
            (Err(fault), _) | (_, Err(fault)) => fault.unavailable(),
        };
        let files = match &whole.files {
            Ok(files) if files.len() == pull.changed_files => Fact::Known(files.clone()),
            Ok(files) => {
                Fact::Unavailable(format!("GitHub lists {} of {} files", files.len(), pull.changed_files).into())
            }
            Err(fault) => fault.unavailable(),
        };
        let landed = match (&pull.merge_commit, pull.merged) {
            (Some(merge), true) => {
                let (clean_merge, differs) = self.clean.get(&pull.number).cloned().unwrap_or_else(|| {
                    (Fact::Unavailable("what merging makes by itself was not computed".into()), Vec::new())
                });
                Fact::Known(Landing {
                    tree: merge.tree.oid.clone(),
                    reviewed: Fact::Known(content.clone()),
                    clean_merge,
                    differs,
                })
            }
            (None, true) => Fact::Unavailable("GitHub does not say as which commit it was merged".into()),
            (_, false) => Fact::Absent,
        };
        Some(Change {
            id: format!("{}#{}", self.repository, pull.number),
            content,
            direct: false,
            files,
            lines: Fact::Known(pull.additions + pull.deletions),
            commits,
            landed,
        })
    }
}

/// The digest of what a pull request contains: the tree of its last head.
pub(super) fn content(whole: &WholePull) -> Option<String> {
    let head = whole.pull.head.nodes.as_ref()?.first()?.as_ref()?;
    (head.commit.oid == whole.pull.head_ref_oid).then(|| head.commit.tree.oid.clone())
}

/// What one commit touches.
#[derive(Clone, Debug)]
pub(super) struct Touched {
    pub(super) files: Vec<String>,
    pub(super) lines: u64,
}
