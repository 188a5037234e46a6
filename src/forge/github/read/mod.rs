//! What GitHub says of a release becomes facts.
//!
//! Four questions, whatever the size: the commits between what runs and what goes (REST, once for each commit that runs
//! here), which pull requests brought them with everything that hangs on the release itself (GraphQL), all of those pull
//! requests (GraphQL), and who pushed (REST). Longer lists take further pages.
//!
//! Invariant: every list is whole or is [`Fact::Unavailable`] with the reason.

mod acts;
mod changes;
mod commits;
mod contents;
mod deployments;
pub mod file;
mod groups;
pub mod installation;
mod merges;
mod people;
mod pulls;
mod pushes;
mod question;
mod reference;
mod runs;
mod trees;
pub mod waiting;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;

use super::client::{Answer, Client, Fault, Variables};
use crate::forge::{Gathered, Question, Ranged};
use crate::model::facts::{Account, Act, Fact, Saw};
use changes::{Known, Touched};
use commits::{Graph, RestCommit};
use people::{Accounts, RestUser};
use pulls::{Counted, GraphCommit, Named, WholePull};
use question::First;
use reference::Started;

/// How many commits one question is about.
const AT_ONCE: usize = 100;
/// How many commits a release may have.
const MOST: usize = 5_000;

fn unread(what: &str, says: &str) -> Fault {
    Fault::Unreadable { what: what.to_owned(), says: says.to_owned() }
}

/// A repository by its two names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    owner: String,
    name: String,
}

impl Repository {
    /// Reads `owner/name`.
    pub fn parse(written: &str) -> Result<Self, Fault> {
        let plain = |part: &str| {
            !part.is_empty()
                && part.len() <= 100
                && part != "."
                && part != ".."
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        };
        match written.split_once('/') {
            Some((owner, name)) if plain(owner) && plain(name) => {
                Ok(Self { owner: owner.to_owned(), name: name.to_owned() })
            }
            _ => Err(Fault::Setup(format!("`{written}` is no repository; write `owner/name`"))),
        }
    }

    fn variables(&self) -> Variables {
        [("owner".to_owned(), json!(self.owner)), ("name".to_owned(), json!(self.name))].into_iter().collect()
    }

    /// `owner/name`.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }
}

/// Whether a text names a commit: 40 hexadecimal digits, or 64 with SHA-256.
#[must_use]
pub fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// The commit of the last deployment that succeeded in an environment.
pub(super) async fn last_ran(client: &Client, repository: &str, environment: &str) -> Result<Option<String>, Fault> {
    let repository = Repository::parse(repository)?;
    let mut question = First::default();
    question.deployments(0, environment, None);
    let answer = client.ask(&question.text(), &repository.variables()).await?;
    let ran = |found: &[deployments::Opened]| found.iter().any(deployments::Opened::ran);
    let found = deployments::of(client, &repository, &answer, 0, environment, ran).await?;
    Ok(found.into_iter().find(deployments::Opened::ran).map(|it| it.commit))
}

/// What changed since one commit that runs here.
type Range = Result<Vec<RestCommit>, Fault>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Associated {
    associated_pull_requests: Counted<Numbered>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Numbered {
    number: u64,
    base_repository: Option<Named>,
}

/// What the first questions found of each commit.
#[derive(Default)]
struct Traced {
    /// The commits, as GraphQL has them.
    graph: BTreeMap<String, GraphCommit>,
    /// The pull requests that brought each.
    brought: BTreeMap<String, Vec<u64>>,
}

/// Everything that is known of a release.
pub(super) async fn gather(client: &Client, question: &Question) -> Result<Gathered, Fault> {
    let repository = Repository::parse(&question.repository)?;
    if !is_commit(&question.commit) {
        return Err(Fault::Setup(format!("`{}` is no commit; write all of its digits", question.commit)));
    }
    Reading { client, repository, question, accounts: Accounts::default() }.gather().await
}

struct Reading<'c> {
    client: &'c Client,
    repository: Repository,
    question: &'c Question,
    accounts: Accounts,
}

impl Reading<'_> {
    async fn gather(mut self) -> Result<Gathered, Fault> {
        let ranges = self.ranges().await;
        let landed: BTreeMap<String, RestCommit> =
            ranges.values().flatten().flatten().map(|commit| (commit.sha.clone(), commit.clone())).collect();
        let listed: Vec<String> = landed.keys().cloned().collect();
        if listed.len() > MOST {
            return Err(Fault::Setup(format!("the release has {} commits; {MOST} are read", listed.len())));
        }
        let (first, traced) = self.first(&listed).await;
        let canonical = first.as_ref().map_err(Clone::clone)?.part::<String>(&["repository", "nameWithOwner"])?;
        if !canonical.eq_ignore_ascii_case(&self.repository.path()) {
            return Err(Fault::Setup(format!("`{}` is `{canonical}` now; name it so", self.repository.path())));
        }
        let numbers: BTreeSet<u64> = traced.iter().flat_map(|it| it.brought.values().flatten().copied()).collect();
        let numbers: Vec<u64> = numbers.into_iter().collect();
        let pulls = pulls::read(self.client, &self.repository, &numbers).await;
        let changes = self.changes(&canonical, &ranges, &landed, &traced, &pulls).await;
        let run = match (&first, self.question.run) {
            (Ok(answer), Some(run)) => {
                Some(runs::find(self.client, &self.repository, answer, &self.question.commit, run).await)
            }
            _ => None,
        };
        let folders = contents::folders(&self.question.components);
        let contents: BTreeMap<String, Fact<String>> = self
            .question
            .components
            .iter()
            .map(|(name, component)| {
                let content = first.as_ref().map(|answer| contents::of(answer, &folders, 0, component));
                (name.clone(), content.unwrap_or_else(Fault::unavailable))
            })
            .collect();
        let acts = self.acts(&canonical, &changes, &contents, &pulls, run.as_ref());
        let groups = groups::members(self.client, &self.repository, &first, self.question, &mut self.accounts).await;
        self.named_accounts(&first);
        let deployments = self.deployments(&first).await;
        let Started { reference, trigger, at: submitted_at } = self.started(&first, run.as_ref()).await;
        Ok(Gathered {
            repository: canonical,
            reference,
            submitted_at,
            trigger,
            changes,
            contents,
            accounts: self.accounts.into_facts(),
            groups,
            acts,
            deployments,
        })
    }

    /// The commits since each commit that runs here.
    async fn ranges(&self) -> BTreeMap<String, Range> {
        let bases: BTreeSet<&String> = self.question.running.values().filter_map(Fact::known).collect();
        let mut ranges = BTreeMap::new();
        for base in bases {
            let range = if is_commit(base) {
                commits::between(self.client, &self.repository.path(), base, &self.question.commit).await
            } else {
                Err(Fault::Setup(format!("`{base}` is no commit")))
            };
            ranges.insert(base.clone(), range);
        }
        ranges
    }

    /// The first questions: everything that hangs on the release, with as many commits as one question can have.
    async fn first(&self, commits: &[String]) -> (Result<Answer, Fault>, Result<Traced, Fault>) {
        let question = self.question;
        let mut first = First::default();
        for (at, folder) in contents::folders(&question.components).into_iter().enumerate() {
            first.folder(at, &question.commit, folder);
        }
        if let Some(reference) = &question.reference {
            first.reference(reference);
        }
        if question.reference.is_some() || question.run.is_some() {
            first.default_branch();
        }
        if question.run.is_some() {
            first.run(&question.commit, None);
        }
        for (at, environment) in self.environments().into_iter().enumerate() {
            first.deployments(at, environment, None);
        }
        for (at, group) in question.groups.iter().enumerate() {
            if let Some((organisation, team)) = groups::team(group) {
                first.team(at, organisation, team, None);
            }
        }
        for (at, login) in question.logins.iter().enumerate() {
            first.user(at, login);
        }
        let mut chunks = commits.chunks(AT_ONCE);
        let begin = chunks.next().unwrap_or_default();
        for (at, sha) in begin.iter().enumerate() {
            first.commit(at, sha);
        }
        let variables = self.repository.variables();
        let answer = self.client.ask(&first.text(), &variables).await;
        let mut traced = Traced::default();
        let mut outcome = answer.as_ref().map_err(Clone::clone).and_then(|answer| trace(answer, begin, &mut traced));
        for more in chunks {
            if outcome.is_err() {
                break;
            }
            let mut next = First::default();
            for (at, sha) in more.iter().enumerate() {
                next.commit(at, sha);
            }
            let answer = self.client.ask(&next.text(), &variables).await;
            outcome = answer.and_then(|answer| trace(&answer, more, &mut traced));
        }
        (answer, outcome.map(|()| traced))
    }

    /// The environments of which the deployments are asked for.
    fn environments(&self) -> Vec<&str> {
        if !self.question.history {
            return Vec::new();
        }
        let mut names = vec![self.question.environment.as_str()];
        names.extend(self.question.promoted_from.iter().map(String::as_str));
        names.dedup();
        names
    }

    /// The changes, each with the commits since which it came.
    async fn changes(
        &mut self,
        canonical: &str,
        ranges: &BTreeMap<String, Range>,
        landed: &BTreeMap<String, RestCommit>,
        traced: &Result<Traced, Fault>,
        pulls: &BTreeMap<u64, Result<WholePull, Fault>>,
    ) -> Fact<Vec<Ranged>> {
        if let Some((name, fact)) = self.question.running.iter().find(|(_, fact)| fact.known().is_none()) {
            let why = fact.unavailable().unwrap_or("it never ran here, so that nothing says where its changes begin");
            return Fact::Unavailable(format!("what last ran here of `{name}`: {why}").into());
        }
        if let Some(fault) = ranges.values().find_map(|range| range.as_ref().err()) {
            return fault.unavailable();
        }
        let traced = match traced {
            Ok(traced) => traced,
            Err(fault) => return fault.unavailable(),
        };
        if let Some(fault) = pulls.values().find_map(|pull| pull.as_ref().err()) {
            return fault.unavailable();
        }
        let whole: Vec<&WholePull> = pulls.values().flatten().collect();
        let mut replaced = BTreeMap::new();
        for pull in &whole {
            replaced.insert(pull.pull.number, self.replaced(pull).await);
        }
        let mut graph = Graph::default();
        for commit in landed.values().chain(replaced.values().flatten().flatten()) {
            graph.add(&commit.sha, commit.parents.iter().map(|parent| parent.sha.clone()));
        }
        let mut pulled: HashSet<String> = HashSet::new();
        for commit in whole.iter().filter_map(|pull| pull.commits.as_ref().ok()).flatten() {
            let parents = commit.parents.nodes.iter().flatten().flatten().map(|parent| parent.oid.clone());
            graph.add(&commit.oid, parents);
            pulled.insert(commit.oid.clone());
        }
        pulled.extend(replaced.values().flatten().flatten().map(|commit| commit.sha.clone()));
        let pushers = self.pushers(&whole, landed, &graph, &pulled).await;
        let addresses = self.addresses(traced, &whole).await;
        let merges = merges::read(self.client, &self.repository, &whole, landed, &traced.brought).await;
        let known = Known {
            repository: canonical,
            landed,
            graph: &traced.graph,
            pushers: &pushers,
            addresses: &addresses,
            merges: &merges.commits,
            clean: &merges.pulls,
        };
        let since = |shas: &BTreeSet<String>| -> Vec<String> {
            let within = |range: &Range| range.iter().flatten().any(|commit| shas.contains(&commit.sha));
            ranges.iter().filter(|(_, range)| within(range)).map(|(base, _)| base.clone()).collect()
        };
        let mut found = Vec::new();
        for pull in &whole {
            let number = pull.pull.number;
            let own: BTreeSet<String> =
                traced.brought.iter().filter(|(_, by)| by.contains(&number)).map(|(sha, _)| sha.clone()).collect();
            let none = Ok(Vec::new());
            let replaced = replaced.get(&number).unwrap_or(&none);
            let Some(change) = known.pull(&mut self.accounts, pull, &own, replaced) else {
                return Fact::Unavailable(format!("GitHub does not say what pull request {number} contains").into());
            };
            found.push(Ranged { change, since: since(&own) });
        }
        for commit in landed.values().filter(|commit| traced.brought.get(&commit.sha).is_none_or(Vec::is_empty)) {
            let files = self.touched(&commit.sha).await;
            let change = known.direct(&mut self.accounts, commit, &files);
            found.push(Ranged { change, since: since(&BTreeSet::from([commit.sha.clone()])) });
        }
        if found.is_empty() { Fact::Absent } else { Fact::Known(found) }
    }

    /// The commits of heads that were pushed over: whoever wrote them had a hand in it all the same.
    async fn replaced(&self, pull: &WholePull) -> Result<Vec<RestCommit>, Fault> {
        let mut found = Vec::new();
        for push in pull.force_pushes.as_ref().map_err(Clone::clone)? {
            let before = push.before_commit.as_ref().ok_or_else(|| {
                unread("a head that was pushed over", "GitHub has thrown it away, so that nobody can tell who wrote it")
            })?;
            let path = self.repository.path();
            found.extend(commits::between(self.client, &path, &pull.pull.base_ref_oid, &before.oid).await?);
        }
        Ok(found)
    }

    /// Who pushed each commit: here, and in the repositories that pull requests came from.
    async fn pushers(
        &mut self,
        pulls: &[&WholePull],
        landed: &BTreeMap<String, RestCommit>,
        graph: &Graph,
        pulled: &HashSet<String>,
    ) -> Result<BTreeMap<String, Account>, Fault> {
        let wanted: HashSet<&str> =
            landed.keys().map(String::as_str).chain(pulled.iter().map(String::as_str)).collect();
        if wanted.is_empty() {
            return Ok(BTreeMap::new());
        }
        let dates = landed.values().filter_map(|commit| commit.commit.committer.as_ref()?.date);
        let earliest: Option<DateTime<Utc>> = dates.min();
        // Enough is read once everything is somebody's, and the pages go back to before it was written.
        let enough = |entries: &[pushes::Activity]| {
            let mut sorted = entries.to_vec();
            sorted.reverse();
            let known = pushes::pushers(&sorted, graph, pulled, &mut Accounts::default());
            earliest.is_some_and(|earliest| pushes::goes_back_to(entries, earliest))
                && wanted.iter().all(|sha| known.contains_key(*sha))
        };
        let mut activity = pushes::read(self.client, &self.repository.path(), enough).await?;
        let forks: BTreeSet<&str> = pulls
            .iter()
            .filter(|pull| pull.pull.is_cross_repository)
            .filter_map(|pull| Some(pull.pull.head_repository.as_ref()?.name_with_owner.as_str()))
            .collect();
        for fork in forks {
            // A fork that may not be read leaves its commits without a pusher, which holds.
            if let Ok(more) = pushes::read(self.client, fork, |_| false).await {
                activity.extend(more);
            }
        }
        activity.sort_by_key(pushes::Activity::at);
        Ok(pushes::pushers(&activity, graph, pulled, &mut self.accounts))
    }

    /// The accounts behind the addresses that GitHub gives to Apps, `123+name[bot]@users.noreply.github.com`: GraphQL
    /// leaves them out. The number is asked for, so that the type is GitHub's word and not the name's.
    async fn addresses(&mut self, traced: &Traced, pulls: &[&WholePull]) -> BTreeMap<String, Account> {
        let pulled = pulls.iter().filter_map(|pull| pull.commits.as_ref().ok()).flatten();
        let mut addresses = BTreeSet::new();
        for commit in traced.graph.values().chain(pulled) {
            let named = commit.authors.nodes.iter().flatten().flatten().chain(&commit.author).chain(&commit.committer);
            addresses.extend(named.filter(|actor| actor.user.is_none()).filter_map(|actor| actor.email.clone()));
        }
        let suffix = format!("@users.noreply.{}", self.client.base().web());
        let mut found = BTreeMap::new();
        for address in addresses {
            let id = address.strip_suffix(&suffix).and_then(|name| name.split_once('+')).map(|(id, _)| id);
            let Some(id) = id.and_then(|id| id.parse::<u64>().ok()) else { continue };
            if let Ok(user) = self.client.get::<RestUser>(&format!("/user/{id}")).await
                && let Fact::Known(account) = self.accounts.rest(Some(&user))
            {
                found.insert(address, account);
            }
        }
        found
    }

    /// What a commit that came without a pull request touches.
    async fn touched(&self, sha: &str) -> Result<Touched, Fault> {
        #[derive(Deserialize)]
        struct Detail {
            #[serde(default)]
            files: Vec<TouchedFile>,
            stats: Option<Stats>,
        }
        #[derive(Deserialize)]
        struct TouchedFile {
            filename: String,
            previous_filename: Option<String>,
        }
        #[derive(Deserialize)]
        struct Stats {
            total: u64,
        }
        let path = format!("/repos/{}/commits/{sha}", self.repository.path());
        let (files, first) =
            self.client.list_in(&path, |mut page: Detail| (std::mem::take(&mut page.files), page)).await?;
        // GitHub lists 3,000 files of a commit and no more.
        if files.entries().len() >= 3_000 {
            return Err(unread(&path, "it touches more files than GitHub lists"));
        }
        let lines = first.stats.ok_or_else(|| unread(&path, "it does not say how many lines it has"))?.total;
        let names = files.into_entries().into_iter().flat_map(|file| [Some(file.filename), file.previous_filename]);
        Ok(Touched { files: names.flatten().collect(), lines })
    }

    fn acts(
        &mut self,
        canonical: &str,
        changes: &Fact<Vec<Ranged>>,
        contents: &BTreeMap<String, Fact<String>>,
        pulls: &BTreeMap<u64, Result<WholePull, Fault>>,
        run: Option<&Result<runs::Run, Fault>>,
    ) -> Fact<Vec<Act>> {
        let mut found = Vec::new();
        for pull in pulls.values().flatten() {
            let id = format!("{canonical}#{}", pull.pull.number);
            let (reviews, comments) = match (&pull.reviews, &pull.comments) {
                (Ok(reviews), Ok(comments)) => (reviews, comments),
                (Err(fault), _) | (_, Err(fault)) => return fault.unavailable(),
            };
            found.extend(reviews.iter().filter_map(|review| acts::review(&mut self.accounts, canonical, &id, review)));
            for comment in comments {
                found.extend(acts::commands(&mut self.accounts, canonical, &id, pull, comment));
            }
        }
        match run {
            Some(Ok(run)) => {
                let listed: &[Ranged] = changes.entries();
                let change = |it: &Ranged| -> (String, String) { (it.change.id.clone(), it.change.content.clone()) };
                let saw = Saw {
                    environment: Some(self.question.environment.clone()),
                    repository: Some(canonical.to_owned()),
                    changes: listed.iter().map(change).collect(),
                    components: contents
                        .iter()
                        .filter_map(|(name, content)| Some((name.clone(), content.known()?.clone())))
                        .collect(),
                    ..Saw::default()
                };
                found.extend(acts::of_run(&mut self.accounts, run, &self.question.environment, &saw));
            }
            Some(Err(fault)) => return fault.unavailable(),
            None => {}
        }
        found.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
        Fact::Known(found)
    }

    /// What the accounts are that the policy names.
    fn named_accounts(&mut self, first: &Result<Answer, Fault>) {
        let Ok(answer) = first else { return };
        for at in 0..self.question.logins.len() {
            if let Ok(actor) = answer.part::<people::Actor>(&[&format!("u{at}")]) {
                self.accounts.actor(&actor);
            }
        }
    }

    async fn deployments(&self, first: &Result<Answer, Fault>) -> Fact<Vec<crate::model::facts::Deployment>> {
        if !self.question.history {
            return Fact::default();
        }
        let answer = match first {
            Ok(answer) => answer,
            Err(fault) => return fault.unavailable(),
        };
        let mut opened = Vec::new();
        for (at, environment) in self.environments().into_iter().enumerate() {
            match deployments::of(self.client, &self.repository, answer, at, environment, |_| false).await {
                Ok(found) => opened.extend(found),
                Err(fault) => return fault.unavailable(),
            }
        }
        Fact::Known(deployments::facts(self.client, &self.repository, &self.question.components, opened).await)
    }
}

/// Which pull requests brought each commit.
fn trace(answer: &Answer, commits: &[String], traced: &mut Traced) -> Result<(), Fault> {
    for (at, sha) in commits.iter().enumerate() {
        let place = format!("c{at}");
        let commit: GraphCommit = answer.part(&["repository", &place])?;
        let associated: Associated = answer.part(&["repository", &place])?;
        let cut = || unread("the pull requests of a commit", "GitHub does not list all of them");
        let numbered = associated.associated_pull_requests.whole().ok_or_else(cut)?;
        let canonical: String = answer.part(&["repository", "nameWithOwner"])?;
        // A pull request of another repository, such as a fork's own, brought nothing here.
        let here = |it: &Numbered| it.base_repository.as_ref().is_some_and(|base| base.name_with_owner == canonical);
        traced.brought.insert(sha.clone(), numbered.iter().filter(|it| here(it)).map(|it| it.number).collect());
        traced.graph.insert(sha.clone(), commit);
    }
    Ok(())
}
