//! Changes: what merge requests and commits without one become as facts.

use std::collections::{BTreeMap, BTreeSet};

use super::commits::{self, GitCommit};
use super::people::User;
use super::pushes::Pushers;
use super::requests::Whole;
use super::{Reading, Scope};
use crate::forge::gitlab::client::{Fault, unread};
use crate::forge::merging::{Judged, Merging, above};
use crate::model::facts::{Account, Change, Commit, Fact, Landing, Merge};

/// What is known beside the merge requests themselves.
pub(super) struct Known<'a> {
    /// Whose each address is.
    pub(super) addresses: &'a BTreeMap<String, Fact<Account>>,
    /// Who pushed each commit, or why that could not be read.
    pub(super) pushers: &'a Result<Pushers, Fault>,
    /// Whether merges made themselves.
    pub(super) merges: &'a BTreeMap<String, Fact<Merge>>,
    /// What GitLab wrote itself when it squashed.
    pub(super) squashed: &'a BTreeSet<String>,
    /// GitLab itself.
    pub(super) forge: &'a Account,
}

impl Known<'_> {
    fn person(&self, address: &str) -> Fact<Account> {
        let unasked = || Fact::Unavailable("whose the address is was not asked".into());
        self.addresses.get(&address.to_ascii_lowercase()).cloned().unwrap_or_else(unasked)
    }

    fn co_authors(&self, commit: &GitCommit) -> Fact<Vec<Account>> {
        let Some(addresses) = commit.co_authors() else {
            return Fact::Unavailable("somebody without an address is named beside the author".into());
        };
        let mut found = Vec::new();
        for address in addresses {
            match self.person(&address) {
                Fact::Known(account) => found.push(account),
                Fact::Unavailable(why) => return Fact::Unavailable(why),
                Fact::Absent => {
                    let says = format!("`{address}` is named beside the author, and is nobody whom GitLab knows");
                    return Fact::Unavailable(says.into());
                }
            }
        }
        if found.is_empty() { Fact::Absent } else { Fact::Known(found) }
    }

    /// A commit; `asked` are those for whom a bot can have made it.
    pub(super) fn commit(&self, is_bot: impl Fn(&Account) -> bool, commit: &GitCommit, asked: &[Account]) -> Commit {
        let unknown =
            || Fact::Unavailable("whether this merge is what merging makes by itself was not computed".into());
        let merge = match commit.parent_ids.len() {
            0 | 1 => Fact::Absent,
            _ => self.merges.get(&commit.id).cloned().unwrap_or_else(unknown),
        };
        let pushed_by = match self.pushers {
            Ok(pushers) => pushers.get(&commit.id).cloned().unwrap_or_else(|| {
                Fact::Unavailable("GitLab's events do not say who pushed it; it keeps them for three years".into())
            }),
            Err(fault) => fault.unavailable(),
        };
        let committer = if self.squashed.contains(&commit.id) {
            // Whoever pressed the button wrote nothing.
            Fact::Known(self.forge.clone())
        } else {
            self.person(&commit.committer_email)
        };
        let author = self.person(&commit.author_email);
        let by_bot = [&author, &committer, &pushed_by].into_iter().filter_map(Fact::known).any(is_bot);
        let on_behalf_of = match (by_bot, asked) {
            (false, _) => Fact::Absent,
            (true, []) => Fact::Unavailable(
                "a bot made it, nobody but a bot opened the merge request, and it was never assigned to anybody: GitLab does \
                 not say for whom the bot works"
                    .into(),
            ),
            (true, asked) => Fact::Known(asked.to_vec()),
        };
        Commit {
            sha: commit.id.clone(),
            author,
            committer,
            co_authors: self.co_authors(commit),
            pushed_by,
            on_behalf_of,
            merge,
        }
    }
}

/// Who is named in notes by which GitLab says that the merge request was assigned, or no longer.
fn assigned(whole: &Whole) -> BTreeSet<&str> {
    let says = |body: &str| {
        body.starts_with("assigned to") || body.starts_with("unassigned") || body.starts_with("changed assignee")
    };
    let notes = whole.notes.iter().filter(|note| note.system && says(&note.body));
    let plain =
        |word: &str| word.len() - word.trim_start_matches(|it: char| it.is_alphanumeric() || "_-.".contains(it)).len();
    notes
        .flat_map(|note| note.body.split('@').skip(1))
        .filter_map(|word| word.get(..plain(word)))
        .map(|name| name.trim_end_matches('.'))
        .filter(|name| !name.is_empty())
        .collect()
}

impl Reading<'_> {
    /// Everybody for whom a bot can have worked on a merge request: whoever opened it, and whoever it was ever assigned to.
    pub(super) async fn asked(&mut self, whole: &Whole) -> Vec<Account> {
        let mut found = Vec::new();
        let named: Vec<&User> = whole.request.author.iter().chain(&whole.request.assignees).collect();
        for user in named {
            found.push(self.accounts.note(self.client, user).await);
        }
        for login in assigned(whole) {
            let account = super::people::account(login);
            self.by_login(login).await;
            found.push(account);
        }
        found.retain(|account| !self.accounts.is_bot(account));
        found.sort();
        found.dedup();
        found
    }

    /// What merging makes by itself: of the merges among the commits, and of how each merge request landed.
    pub(super) async fn merges(&mut self, scope: &Scope, requests: &[Whole]) -> Merges {
        let mut found = Merges::default();
        for whole in requests {
            let folders = match &whole.files {
                Ok(files) => above(files),
                Err(_) => continue,
            };
            for commit in whole.commits.iter().filter(|commit| commit.parent_ids.len() == 2) {
                let merge = self.judged(&commit.parent_ids, &commit.id, folders.clone()).await;
                found.commits.insert(commit.id.clone(), merged(&merge));
            }
            let Some(commit) = whole.request.landed().and_then(|sha| scope.landed.get(sha)) else { continue };
            let tree = match self.trees.root(self.client, &self.project, &commit.id).await {
                Ok(tree) => tree,
                Err(fault) => {
                    found.landings.insert(whole.request.iid, fault.unavailable());
                    continue;
                }
            };
            let is_merge = commit.parent_ids.len() == 2;
            let mut landing = Landing {
                tree: tree.clone(),
                reviewed: Fact::Known(whole.content.clone()),
                clean_merge: Fact::Unavailable("what merging makes by itself was not computed".into()),
                differs: Vec::new(),
            };
            if is_merge || tree != whole.content {
                // What it was merged into: the first commit below what landed that it did not bring itself.
                let mut into = commit.parent_ids.first().cloned();
                let mut seen = BTreeSet::new();
                while let Some(own) =
                    into.as_ref().filter(|sha| !is_merge && scope.is_of(sha, whole.request.iid)).cloned()
                {
                    into = if seen.insert(own.clone()) {
                        scope.landed.get(&own).and_then(|commit| commit.parent_ids.first().cloned())
                    } else {
                        None
                    };
                }
                let judged = match into {
                    Some(into) => self.judged(&[into, whole.head.clone()], &commit.id, folders).await,
                    None => Judged::Unknown("GitLab does not say into what it was merged".to_owned()),
                };
                if is_merge {
                    found.commits.insert(commit.id.clone(), merged(&judged));
                }
                (landing.clean_merge, landing.differs) = match judged {
                    Judged::Clean => (Fact::Known(tree), Vec::new()),
                    Judged::Edited(paths) => (Fact::Unavailable("it is not the tree that landed".into()), paths),
                    Judged::Unknown(why) => (Fact::Unavailable(why.into()), Vec::new()),
                };
            }
            found.landings.insert(whole.request.iid, Fact::Known(landing));
        }
        found
    }

    async fn judged(&mut self, parents: &[String], result: &str, folders: BTreeSet<String>) -> Judged {
        let [ours, theirs] = parents else { return Judged::Unknown("it has not two parents".to_owned()) };
        match commits::common(self.client, &self.project, ours, theirs).await {
            Ok(base) => {
                let merging =
                    Merging { base, ours: ours.clone(), theirs: theirs.clone(), result: result.to_owned(), folders };
                self.trees.judge(self.client, &self.project, &merging).await
            }
            Err(fault) => Judged::Unknown(fault.to_string()),
        }
    }

    /// A merge request as a change.
    pub(super) async fn change(
        &mut self,
        scope: &Scope,
        known: &Known<'_>,
        landing: Option<Fact<Landing>>,
        whole: &Whole,
    ) -> Change {
        let asked = self.asked(whole).await;
        let own = scope.own(whole.request.iid);
        let mut seen = BTreeSet::new();
        let mut commits = Vec::new();
        for commit in own.iter().filter_map(|sha| scope.landed.get(*sha)).chain(&whole.commits) {
            if seen.insert(&commit.id) {
                commits.push(known.commit(|account| self.accounts.is_bot(account), commit, &asked));
            }
        }
        let merged = whole.request.landed().is_some();
        let unread = || Fact::Unavailable("GitLab does not say as which commit it was merged".into());
        Change {
            id: format!("{}!{}", self.project.path_with_namespace, whole.request.iid),
            content: whole.content.clone(),
            direct: false,
            files: fact(&whole.files),
            lines: fact(&whole.lines),
            commits: Fact::Known(commits),
            landed: if merged { landing.unwrap_or_else(unread) } else { Fact::Absent },
            title: whole
                .request
                .title
                .clone()
                .map_or_else(|| Fact::Unavailable("GitLab does not say".into()), Fact::Known),
            labels: match &whole.request.labels {
                None => Fact::Unavailable("GitLab does not say".into()),
                Some(none) if none.is_empty() => Fact::Absent,
                Some(labels) => Fact::Known(labels.clone()),
            },
            issues: Fact::Unavailable("GitLab lists them one merge request at a time, and is not asked".into()),
        }
    }

    /// A commit that came without a merge request.
    pub(super) async fn direct(&mut self, known: &Known<'_>, commit: &GitCommit) -> Result<Change, Fault> {
        #[derive(serde::Deserialize)]
        struct Detail {
            stats: Option<Stats>,
        }
        #[derive(serde::Deserialize)]
        struct Stats {
            total: u64,
        }
        let content = self.trees.root(self.client, &self.project, &commit.id).await?;
        let files = match commit.parent_ids.first() {
            Some(parent) => self.trees.differing(self.client, &self.project, parent, &commit.id).await,
            None => Err(unread("the first commit", "it is compared with nothing")),
        };
        let path = format!("{}/repository/commits/{}?stats=true", self.project.path(), commit.id);
        let lines = self.client.get::<Detail>(&path).await;
        let lines = lines.and_then(|detail| {
            detail.stats.map(|stats| stats.total).ok_or_else(|| unread(&path, "it does not say how many lines it has"))
        });
        Ok(Change {
            id: commit.id.clone(),
            content,
            direct: true,
            files: fact(&files),
            lines: fact(&lines),
            commits: Fact::Known(vec![known.commit(|account| self.accounts.is_bot(account), commit, &[])]),
            landed: Fact::Absent,
            title: Fact::Absent,
            labels: Fact::Absent,
            issues: Fact::Absent,
        })
    }
}

/// What was found of merges.
#[derive(Default)]
pub(super) struct Merges {
    /// Whether each merge made itself, by its name.
    pub(super) commits: BTreeMap<String, Fact<Merge>>,
    /// How each merge request landed, by its number.
    pub(super) landings: BTreeMap<u64, Fact<Landing>>,
}

fn merged(judged: &Judged) -> Fact<Merge> {
    match judged {
        Judged::Clean => Fact::Known(Merge::Clean),
        Judged::Edited(_) => Fact::Known(Merge::Edited),
        Judged::Unknown(why) => Fact::Unavailable(why.clone().into()),
    }
}

fn fact<T: Clone>(found: &Result<T, Fault>) -> Fact<T> {
    match found {
        Ok(found) => Fact::Known(found.clone()),
        Err(fault) => fault.unavailable(),
    }
}
