//! What GitLab says of a release becomes facts.
//!
//! The project and the pipeline; the commits between what runs and what goes; which merge requests brought each, and of
//! those every version, approval and note; who pushed, whose the addresses are, who is in the groups. All over REST, but
//! for whose an author's address is, which GraphQL alone tells.
//!
//! Invariant: every list is whole or is [`Fact::Unavailable`] with the reason.

mod acts;
mod changes;
mod commits;
pub(super) mod deployments;
pub(super) mod file;
pub(super) mod groups;
pub(super) mod issues;
pub(super) mod jobs;
mod people;
pub(super) mod proposals;
mod pushes;
pub(super) mod ran;
pub(super) mod requests;
pub(super) mod runs;
mod trees;
mod variables;
pub(super) mod waiting;

use std::collections::{BTreeMap, BTreeSet};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::client::{Client, Fault};
use crate::forge::graph::Graph;
use crate::forge::ranges::complete;
use crate::forge::{Gathered, Question, Ranged};
use crate::model::facts::Fact;
use changes::Known;
use commits::{Between, GitCommit};
use people::{Accounts, User};
use requests::{Request, Whole};
use runs::Started;
use trees::Trees;

/// How many commits a release may have.
const MOST: usize = 5_000;
/// What stands in a path as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A part of a path or a query, escaped: what has `/` in it is one part.
pub(super) fn escaped(part: &str) -> String {
    utf8_percent_encode(part, PLAIN).to_string()
}

/// Whether a text names a commit: 40 hexadecimal digits, or 64 with SHA-256.
pub(super) fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// A project as GitLab knows it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Project {
    id: u64,
    path_with_namespace: String,
    default_branch: Option<String>,
    namespace: Option<Namespace>,
    issues_access_level: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
struct Namespace {
    full_path: String,
    kind: Option<String>,
}

/// The groups that a path such as `acme/payments` names, the nearest first, each escaped.
pub(super) fn groups_of(path: &str) -> Vec<String> {
    let mut found = vec![escaped(path)];
    let mut rest = path;
    while let Some((above, _)) = rest.rsplit_once('/') {
        found.push(escaped(above));
        rest = above;
    }
    found
}

/// Whether a project has its issues switched off, as it says itself. Who may not see that is not told it.
pub(super) fn has_no_issues(issues_access_level: Option<&str>) -> bool {
    issues_access_level == Some("disabled")
}

impl Project {
    /// Whether its issues are switched off.
    pub(super) fn has_no_issues(&self) -> bool {
        has_no_issues(self.issues_access_level.as_deref())
    }

    /// The project of a path such as `acme/payments/api`.
    pub(super) async fn find(client: &Client, written: &str) -> Result<Self, Fault> {
        let plain = |part: &str| !part.is_empty() && part != "." && part != "..";
        if !written.contains('/') || !written.split('/').all(plain) {
            return Err(Fault::Setup(format!("`{written}` is no project; write `group/name`")));
        }
        let found: Self = client.get(&format!("/projects/{}", escaped(written))).await?;
        // A project that was moved is found under its old path, too.
        if !found.path_with_namespace.eq_ignore_ascii_case(written) {
            let now = &found.path_with_namespace;
            return Err(Fault::Setup(format!("`{written}` is `{now}` now; name it so")));
        }
        Ok(found)
    }

    /// The groups that it is in, the nearest first. A person's own namespace is none.
    fn groups(&self) -> Vec<String> {
        let group = self.namespace.as_ref().filter(|it| it.kind.as_deref() != Some("user"));
        group.map(|it| groups_of(&it.full_path)).unwrap_or_default()
    }

    /// Where it stands in the interface.
    pub(super) fn path(&self) -> String {
        format!("/projects/{}", self.id)
    }
}

/// What goes, and which merge requests brought it.
#[derive(Debug, Default)]
struct Scope {
    /// The commits of the ranges, by name.
    landed: BTreeMap<String, GitCommit>,
    /// The merge requests that brought each.
    brought: BTreeMap<String, BTreeSet<u64>>,
}

impl Scope {
    /// Whether a merge request brought a commit.
    fn is_of(&self, sha: &str, number: u64) -> bool {
        self.brought.get(sha).is_some_and(|by| by.contains(&number))
    }

    /// The commits that a merge request brought.
    fn own(&self, number: u64) -> Vec<&String> {
        self.brought.iter().filter(|(_, by)| by.contains(&number)).map(|(sha, _)| sha).collect()
    }
}

/// What changed since one commit that runs here.
type Ranges = BTreeMap<String, Result<Between, Fault>>;

/// Everything that is known of a release.
pub(super) async fn gather(client: &Client, question: &Question) -> Result<Gathered, Fault> {
    if !is_commit(&question.commit) {
        return Err(Fault::Setup(format!("`{}` is no commit; write all of its digits", question.commit)));
    }
    let project = Project::find(client, &question.repository).await?;
    let own = client.app().await?;
    let (accounts, trees) = (Accounts::default(), Trees::default());
    Reading { client, project, question, own, accounts, trees }.gather().await
}

struct Reading<'c> {
    client: &'c Client,
    project: Project,
    question: &'c Question,
    /// The number of the app's own account, whose acts are no person's; `None` where nobody asks as the app.
    own: Option<u64>,
    accounts: Accounts,
    trees: Trees,
}

impl Reading<'_> {
    /// Whether an account is the app's own.
    fn is_ours(&self, user: &User) -> bool {
        self.own == Some(user.id)
    }

    async fn gather(mut self) -> Result<Gathered, Fault> {
        commits::find(self.client, &self.project, &self.question.commit).await?;
        let run = match self.question.run {
            Some(run) => Some(runs::find(self.client, &self.project, &self.question.commit, run).await),
            None => None,
        };
        let listed = self.listed().await;
        let ranges = self.ranges().await;
        let mut contents = BTreeMap::new();
        for (name, folders) in &self.question.components {
            let content = self.trees.content(self.client, &self.project, &self.question.commit, folders).await;
            contents.insert(name.clone(), content);
        }
        // What is said otherwise than by commits has no changes that anybody could have approved.
        let scope = match &run {
            Some(Ok(run)) => self.unvaried(run, &listed).await,
            _ => Ok(()),
        };
        let scope = match scope {
            Ok(()) => self.scope(&ranges).await,
            Err(fault) => Err(fault),
        };
        let (changes, acts) = match scope {
            Ok((scope, requests)) => {
                let changes = self.changes(&ranges, &scope, &requests).await;
                let acts = self.acts(&changes, &contents, &requests, run.as_ref(), &listed).await;
                (changes, acts)
            }
            // What changes, and so what was said of it, is not known.
            Err(fault) => (fault.unavailable(), fault.unavailable()),
        };
        let began = run.as_ref().and_then(|run| run.as_ref().ok()).map(|run| run.created_at);
        let groups = self.groups(began).await;
        self.named_accounts().await;
        self.kinds().await;
        self.access(&acts).await;
        let deployments = self.deployments(&listed).await;
        let Started { reference, trigger, at: submitted_at, asked_since } = self.started(run.as_ref(), &listed).await;
        Ok(Gathered {
            repository: self.project.path_with_namespace,
            reference,
            submitted_at,
            asked_since,
            trigger,
            changes,
            contents,
            accounts: self.accounts.into_facts(),
            groups,
            acts,
            deployments,
        })
    }

    /// What lies between each commit that runs here and the one that goes.
    async fn ranges(&mut self) -> Ranges {
        let bases: BTreeSet<&String> = self.question.running.values().filter_map(Fact::known).collect();
        let mut ranges = Ranges::new();
        for base in bases {
            ranges.insert(base.clone(), self.range(base).await);
        }
        ranges
    }

    async fn range(&mut self, base: &str) -> Result<Between, Fault> {
        let (client, head) = (self.client, &self.question.commit);
        let commits = commits::range(client, &self.project, base, head).await?;
        // What is lost by it no change names.
        if !commits.is_empty() && !commits::reaches(client, &self.project, head, base).await? {
            return Err(Fault::Setup(format!(
                "what runs here, {base}, is not in what goes, and would be lost without a word: merge it, or name with \
                 `--since` a commit that both have"
            )));
        }
        let files = self.trees.differing(client, &self.project, base, head).await;
        Ok(Between { commits, files })
    }

    /// The commits that go, and everything of the merge requests that brought them: one that is missing would take what was
    /// said against it with it.
    async fn scope(&mut self, ranges: &Ranges) -> Result<(Scope, Vec<Whole>), Fault> {
        let mut scope = Scope::default();
        for range in ranges.values() {
            for commit in &range.as_ref().map_err(Clone::clone)?.commits {
                scope.landed.insert(commit.id.clone(), commit.clone());
            }
        }
        if scope.landed.len() > MOST {
            return Err(Fault::Setup(format!("the release has {} commits; {MOST} are read", scope.landed.len())));
        }
        let (mut found, released): (BTreeMap<u64, Request>, _) = (BTreeMap::new(), &self.question.commit);
        for sha in scope.landed.keys() {
            let requests = requests::of_commit(self.client, &self.project, sha, released, &scope.landed).await?;
            scope.brought.insert(sha.clone(), requests.iter().map(|request| request.iid).collect());
            found.extend(requests.into_iter().map(|request| (request.iid, request)));
        }
        let mut whole = Vec::new();
        for request in found.into_values() {
            whole.push(requests::read(self.client, &self.project, &mut self.trees, request).await?);
        }
        Ok((scope, whole))
    }

    /// The changes, each with the commits since which it came.
    async fn changes(&mut self, ranges: &Ranges, scope: &Scope, requests: &[Whole]) -> Fact<Vec<Ranged>> {
        if let Some((name, fact)) = self.question.running.iter().find(|(_, fact)| fact.known().is_none()) {
            let why = fact.unavailable().unwrap_or("it never ran here, so that nothing says where its changes begin");
            return Fact::Unavailable(format!("what last ran here of `{name}`: {why}").into());
        }
        let all: Vec<&GitCommit> =
            scope.landed.values().chain(requests.iter().flat_map(|whole| &whole.commits)).collect();
        let mut graph = Graph::default();
        for commit in &all {
            graph.add(&commit.id, commit.parent_ids.iter().cloned());
        }
        // Since when what runs here is known bounds when what goes can have come.
        for base in ranges.keys() {
            graph.add(base, []);
        }
        let bases: Vec<&String> = ranges.keys().collect();
        let pushers = self.pushers(requests, &scope.landed, &graph, &bases).await;
        let addresses = self.addresses(&all).await;
        let merges = self.merges(scope, requests).await;
        let forge = self.accounts.forge();
        let squashed = requests.iter().filter_map(|whole| whole.request.squashed()).map(|(sha, _)| sha).collect();
        let known = Known {
            addresses: &addresses,
            pushers: &pushers,
            merges: &merges.commits,
            squashed: &squashed,
            forge: &forge,
        };
        let since = |shas: &[&String]| -> Vec<String> {
            let within = |range: &Result<Between, Fault>| {
                range.iter().flat_map(|range| &range.commits).any(|commit| shas.contains(&&commit.id))
            };
            ranges.iter().filter(|(_, range)| within(range)).map(|(base, _)| base.clone()).collect()
        };
        let mut found = Vec::new();
        for whole in requests {
            let landing = merges.landings.get(&whole.request.iid).cloned();
            let change = self.change(scope, &known, landing, whole).await;
            found.push(Ranged { change, since: since(&scope.own(whole.request.iid)) });
        }
        for commit in scope.landed.values().filter(|it| scope.brought.get(&it.id).is_none_or(BTreeSet::is_empty)) {
            match self.direct(&known, commit).await {
                Ok(change) => found.push(Ranged { change, since: since(&[&commit.id]) }),
                Err(fault) => return fault.unavailable(),
            }
        }
        for (base, range) in ranges {
            let Ok(range) = range else { continue };
            complete(&mut found, base, range.files.as_deref().map_err(ToString::to_string));
        }
        if found.is_empty() { Fact::Absent } else { Fact::Known(found) }
    }
}
