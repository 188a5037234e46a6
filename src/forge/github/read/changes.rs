//! Changes: what pull requests and commits without one become as facts.

use std::collections::{BTreeMap, BTreeSet};

use super::commits::RestCommit;
use super::people::{Accounts, goes_as_forge};
use super::pulls::{Event, GitActor, GraphCommit, WholePull};
use super::pushes::Pushers;
use super::touched::Touched;
use super::unread;
use crate::forge::github::client::{Base, Fault};
use crate::model::facts::{Account, Change, Commit, Fact, Landing, Merge};

/// What is known beside the pull requests themselves.
pub(super) struct Known<'a> {
    /// The repository, as GitHub writes it.
    pub(super) repository: &'a str,
    /// The commits of the ranges, by name.
    pub(super) landed: &'a BTreeMap<String, RestCommit>,
    /// The same as GraphQL has them.
    pub(super) graph: &'a BTreeMap<String, GraphCommit>,
    /// Where GitHub is.
    pub(super) base: &'a Base,
    /// Who pushed each commit, or why that could not be read.
    pub(super) pushers: &'a Result<Pushers, Fault>,
    /// The accounts behind addresses that GitHub gave to Apps, or why that could not be read.
    pub(super) addresses: &'a BTreeMap<String, Fact<Account>>,
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
        known.cloned().unwrap_or(Fact::Absent)
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
                Fact::Unavailable(why) => return Fact::Unavailable(why),
                Fact::Absent => {
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
                Some(pusher) => pusher.clone(),
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

    /// Who committed: GitHub itself by its signature alone, and who only goes by its name is nobody.
    fn committer(
        &self,
        accounts: &mut Accounts,
        graph: Option<&GraphCommit>,
        (login, address): (Option<&str>, Option<&str>),
        named: impl FnOnce(&mut Accounts) -> Fact<Account>,
    ) -> Fact<Account> {
        match graph {
            _ if !goes_as_forge(self.base, login, address) => named(accounts),
            Some(commit) if commit.is_forges() => Fact::Known(accounts.forge()),
            Some(_) => Fact::Absent,
            None => Fact::Unavailable("GitHub does not say whether it made the commit itself".into()),
        }
    }

    /// A commit of a range.
    fn of_range(&self, accounts: &mut Accounts, commit: &RestCommit) -> Commit {
        let address = commit.commit.committer.as_ref().and_then(|it| it.email.as_deref());
        let login = commit.committer.as_ref().and_then(|it| it.login.as_deref());
        let graph = self.graph.get(&commit.sha);
        let rest = |accounts: &mut Accounts| accounts.rest(commit.committer.as_ref());
        Commit {
            sha: commit.sha.clone(),
            author: accounts.rest(commit.author.as_ref()),
            committer: self.committer(accounts, graph, (login, address), rest),
            co_authors: self.co_authors(accounts, graph),
            pushed_by: self.pushed_by(&commit.sha),
            on_behalf_of: Fact::Absent,
            merge: self.merge(&commit.sha, commit.parents.len()),
        }
    }

    /// A commit of a pull request.
    fn of_pull(&self, accounts: &mut Accounts, commit: &GraphCommit) -> Commit {
        let committer = commit.committer.as_ref();
        let login = committer.and_then(|it| it.user.as_ref()).map(|user| user.login.as_str());
        let address = committer.and_then(|it| it.email.as_deref());
        let person = |accounts: &mut Accounts| self.person(accounts, committer);
        Commit {
            sha: commit.oid.clone(),
            author: self.person(accounts, commit.author.as_ref()),
            committer: self.committer(accounts, Some(commit), (login, address), person),
            co_authors: self.co_authors(accounts, Some(commit)),
            pushed_by: self.pushed_by(&commit.oid),
            on_behalf_of: Fact::Absent,
            merge: self.merge(&commit.oid, commit.parents.total_count.unwrap_or(0)),
        }
    }

    /// For whom a bot made a commit: for nobody where no bot had a hand in it.
    fn behalf(accounts: &Accounts, commit: &Commit, asked: &Result<Vec<Account>, Fault>) -> Fact<Vec<Account>> {
        let hands = [&commit.author, &commit.committer, &commit.pushed_by];
        if !hands.into_iter().filter_map(Fact::known).any(|account| accounts.is_bot(account)) {
            return Fact::Absent;
        }
        match asked {
            Ok(asked) if asked.is_empty() => Fact::Unavailable(
                "a bot made it, nobody but a bot opened the pull request, and it was never assigned to anybody: GitHub does \
                 not say for whom the bot works"
                    .into(),
            ),
            Ok(asked) => Fact::Known(asked.clone()),
            Err(fault) => fault.unavailable(),
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
        let mut made = self.of_range(accounts, commit);
        made.on_behalf_of = Self::behalf(accounts, &made, &Ok(Vec::new()));
        Change {
            id: commit.sha.clone(),
            content: commit.commit.tree.sha.clone(),
            direct: true,
            files,
            lines,
            commits: Fact::Known(vec![made]),
            landed: Fact::Absent,
            title: Fact::Absent,
            labels: Fact::Absent,
            issues: Fact::Absent,
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
        let asked = asked(accounts, whole);
        let commits = match (&whole.commits, replaced) {
            (Ok(listed), Ok(replaced)) => {
                let mut commits: Vec<Commit> = Vec::new();
                let mut seen = BTreeSet::new();
                for commit in own.iter().filter_map(|sha| self.landed.get(sha)).chain(replaced) {
                    if seen.insert(commit.sha.clone()) {
                        commits.push(self.of_range(accounts, commit));
                    }
                }
                for commit in listed {
                    if seen.insert(commit.oid.clone()) {
                        commits.push(self.of_pull(accounts, commit));
                    }
                }
                for commit in &mut commits {
                    commit.on_behalf_of = Self::behalf(accounts, commit, &asked);
                }
                Fact::Known(commits)
            }
            (Err(fault), _) | (_, Err(fault)) => fault.unavailable(),
        };
        let files = match &whole.files {
            Ok(files) => Fact::Known(files.clone()),
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
            title: Fact::Known(pull.title.clone()),
            labels: listed(&whole.labels, |it| it.name.clone()),
            issues: listed(&whole.issues, |it| format!("{}#{}", it.repository.name_with_owner, it.number)),
        })
    }
}

/// A list by the names of its entries, in their order; absent where it has none.
fn listed<T>(found: &Result<Vec<T>, Fault>, name: impl Fn(&T) -> String) -> Fact<Vec<String>> {
    match found {
        Ok(none) if none.is_empty() => Fact::Absent,
        Ok(found) => {
            let mut names: Vec<String> = found.iter().map(name).collect();
            names.sort();
            Fact::Known(names)
        }
        Err(fault) => fault.unavailable(),
    }
}

/// The digest of what a pull request contains: the tree of its last head.
pub(super) fn content(whole: &WholePull) -> Option<String> {
    let head = whole.pull.head.nodes.as_ref()?.first()?.as_ref()?;
    (head.commit.oid == whole.pull.head_ref_oid).then(|| head.commit.tree.oid.clone())
}

/// Everybody for whom a bot can have worked on a pull request: whoever opened it, and whoever it was ever assigned to. The
/// present assignees alone say little, for anybody who may write can take himself off.
fn asked(accounts: &mut Accounts, whole: &WholePull) -> Result<Vec<Account>, Fault> {
    let cut = || unread("the assignees", "GitHub does not list all of them");
    let now = whole.pull.assignees.clone().whole().ok_or_else(cut)?;
    let mut found: Vec<Account> = Vec::new();
    for actor in whole.pull.author.iter().chain(&now) {
        found.push(accounts.actor(actor));
    }
    for event in whole.events.as_ref().map_err(Clone::clone)? {
        match event {
            Event::Assigned { assignee: Some(actor) } | Event::Unassigned { assignee: Some(actor) } => {
                found.push(accounts.actor(actor));
            }
            Event::Assigned { assignee: None } | Event::Unassigned { assignee: None } => {
                return Err(unread("the assignees", "it was assigned to somebody who has no account any longer"));
            }
            Event::ForcePush { .. } | Event::Dismissed { .. } | Event::Deleted { .. } => {}
        }
    }
    found.retain(|account| !accounts.is_bot(account));
    found.sort();
    found.dedup();
    Ok(found)
}
