//! What GitHub says of a release becomes facts.
//!
//! Three answers one after the other, whatever the size. First what hangs on nothing, all at once: the run (REST), the commits
//! between what runs and what goes (REST, once for each commit that runs here), who pushed (REST), and what an [`opening`] asks
//! (GraphQL): what was deployed here, and which pull requests brought the newest commits. Then all that hangs on the release,
//! with the whole of those pull requests (GraphQL). Then what hangs on each change and on who acted: whether he may still come in
//! (REST, once for each), and seldom more. Longer lists take further pages.
//!
//! Invariant: every list is whole or is [`Fact::Unavailable`] with the reason.

mod access;
mod activity;
mod acts;
mod changes;
mod commits;
mod contents;
mod deployments;
pub mod file;
mod first;
pub(super) mod groups;
pub mod installation;
pub mod issues;
mod merges;
pub(super) mod opening;
mod people;
pub mod proposals;
mod pulls;
mod pushes;
mod question;
pub mod ran;
mod reference;
mod runs;
mod touched;
mod trees;
pub mod waiting;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::json;

use super::client::{Answer, Client, Fault, Variables};
use crate::forge::graph::Graph;
use crate::forge::ranges::complete;
use crate::forge::{Gathered, Question, Ranged};
use crate::model::facts::{Account, Fact};
use activity::Kept;
use acts::Fixed;
use changes::Known;
use commits::{Between, RestCommit};
use deployments::Opened;
use first::{Asked, Contents, Traced};
use people::{Accounts, RestUser};
use pulls::{Event, GraphCommit, WholePull};
use question::First;
use reference::Started;
use runs::{EnvironmentReview, Run};

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

    /// Who owns it.
    #[must_use]
    pub fn owner(&self) -> &str {
        &self.owner
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

/// The commit of the deployment that began to run last in an environment, by GitHub's list. Whoever may push can write it.
pub(super) async fn last_ran(client: &Client, repository: &str, environment: &str) -> Result<Option<String>, Fault> {
    let repository = Repository::parse(repository)?;
    let answer = if let Some(answer) = opening::answer(client, &repository, |it| it.environment == environment).await {
        answer
    } else {
        let mut question = First::default();
        question.deployments(0, environment, None);
        client.ask(&question.text(), &repository.variables()).await?
    };
    let found = deployments::of(client, &repository, &answer, 0, environment).await?;
    // One that waited runs long after it was asked for.
    let last = found.into_iter().filter(|it| it.ran().is_some()).max_by_key(Opened::ran);
    Ok(last.map(|it| it.commit))
}

/// What changed since one commit that runs here.
type Range = Result<Between, Fault>;

/// Begins to read what is asked of every release.
pub(super) fn ahead(client: &Client, repository: &Repository, since: Option<&str>, commit: &str) {
    if let Some(since) = since.filter(|since| is_commit(since) && is_commit(commit)) {
        client.ahead(&commits::place(&repository.path(), since, commit));
    }
    client.ahead(&activity::place(&repository.path()));
}

/// Reads who pushed lately, for the decisions to come.
pub(super) async fn keeps_up(client: &Client, repository: &str) -> Result<(), Fault> {
    activity::keep(client, &Repository::parse(repository)?.path()).await
}

/// Everything that is known of a release.
pub(super) async fn gather(client: &Client, question: &Question) -> Result<Gathered, Fault> {
    let repository = Repository::parse(&question.repository)?;
    if !is_commit(&question.commit) {
        return Err(Fault::Setup(format!("`{}` is no commit; write all of its digits", question.commit)));
    }
    // What hangs on nothing is begun before it is asked for, and waited for together.
    let client = &client.in_a_look();
    let kept = Reading::kept(client, &repository, question);
    Reading { client, repository, question, accounts: Accounts::default(), kept }.gather().await
}

struct Reading<'c> {
    client: &'c Client,
    repository: Repository,
    question: &'c Question,
    accounts: Accounts,
    kept: Kept,
}

impl Reading<'_> {
    async fn gather(mut self) -> Result<Gathered, Fault> {
        self.access_ahead(self.question.acts.iter().map(|act| &act.by));
        let run = async {
            match self.question.run {
                Some(run) => Some(runs::find(self.client, &self.repository, &self.question.commit, run).await),
                None => None,
            }
        };
        let (ranges, run, opening) = tokio::join!(self.ranges(), run, self.opening());
        let landed: BTreeMap<String, RestCommit> = ranges
            .values()
            .flatten()
            .flat_map(|range| &range.commits)
            .map(|commit| (commit.sha.clone(), commit.clone()))
            .collect();
        if landed.len() > MOST {
            return Err(Fault::Setup(format!("the release has {} commits; {MOST} are read", landed.len())));
        }
        let traced = opening.as_ref().map(|answer| self.opened_with(answer, &landed)).unwrap_or_default();
        let here = self.here(opening.as_ref()).await;
        let asked = self.first(&landed, run.as_ref(), traced, here.as_deref());
        let (asked, ()) = tokio::join!(asked, self.pushes_ahead(&landed));
        let Asked { answer: first, traced, pulls, contents: deployed } = asked;
        let canonical = first.as_ref().map_err(Clone::clone)?.part::<String>(&["repository", "nameWithOwner"])?;
        if !canonical.eq_ignore_ascii_case(&self.repository.path()) {
            return Err(Fault::Setup(format!("`{}` is `{canonical}` now; name it so", self.repository.path())));
        }
        // One that is missing would take what was said against it with it.
        let whole: Result<Vec<&WholePull>, Fault> = match &traced {
            Ok(_) => pulls.values().map(|pull| pull.as_ref().map_err(Clone::clone)).collect(),
            Err(fault) => Err(fault.clone()),
        };
        let contents = self.contents(&first);
        let (opened, reviews) = tokio::join!(self.opened(&first, here), self.reviews(&first, run.as_ref()));
        let fixed = |it: &Reading<'_>| {
            reviews.as_ref().map(|reviews| match reviews {
                Ok((run, reviews)) => Ok(Fixed { run, reviews, changes: it.same_range(&opened, run) }),
                Err(fault) => Err(fault.clone()),
            })
        };
        self.who_acts(&canonical, &contents, &whole, fixed(&self));
        self.named_now().await;
        let beside = self.beside();
        let (changes, reference, deployments) = tokio::join!(
            self.changes(&canonical, &ranges, &landed, traced, &whole),
            beside.named_reference(&first, run.as_ref()),
            beside.deployments(opened.clone(), deployed)
        );
        let fixed = fixed(&self);
        let ranges = ranges.values().find_map(|range| range.as_ref().err().cloned());
        let acts = match ranges {
            // What changes, and so what was said of it, is not known.
            Some(fault) => fault.unavailable(),
            None => self.acts(&canonical, &changes, &contents, whole, fixed),
        };
        let groups = groups::members(self.client, &self.repository, &first, self.question, &mut self.accounts).await;
        self.named_accounts(&first);
        let acts = self.and_elsewhere(acts, &changes).await;
        self.access(&acts).await;
        let Started { trigger, at: submitted_at, asked_since } = self.started(run.as_ref());
        Ok(Gathered {
            repository: canonical,
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

    /// The same reading with nobody known yet, for what names nobody.
    fn beside(&self) -> Self {
        let Self { client, repository, question, .. } = self;
        let (accounts, kept) = (Accounts::default(), Kept::default());
        Self { client, repository: repository.clone(), question, accounts, kept }
    }

    /// The reviews of the run's environments, with the run.
    async fn reviews<'r>(
        &self,
        first: &Result<Answer, Fault>,
        run: Option<&'r Result<Run, Fault>>,
    ) -> Option<Result<(&'r Run, Vec<EnvironmentReview>), Fault>> {
        match (first, run) {
            (Ok(answer), Some(Ok(run))) => {
                Some(runs::reviews(self.client, &self.repository, answer, run).await.map(|reviews| (run, reviews)))
            }
            (_, Some(Err(fault))) | (Err(fault), Some(_)) => Some(Err(fault.clone())),
            (_, None) => None,
        }
    }

    /// Begins to ask of everybody who did something whether he is still active, before all is known that it is about.
    fn who_acts(
        &self,
        canonical: &str,
        contents: &BTreeMap<String, Fact<String>>,
        whole: &Result<Vec<&WholePull>, Fault>,
        fixed: Option<Result<Fixed<'_>, Fault>>,
    ) {
        let mut first = self.beside();
        let acts = first.acts(canonical, &Fact::Absent, contents, whole.clone(), fixed);
        first
            .access_ahead(acts.entries().iter().map(|act| &act.by).filter(|account| first.accounts.is_person(account)));
    }

    /// The digests of what goes.
    fn contents(&self, first: &Result<Answer, Fault>) -> BTreeMap<String, Fact<String>> {
        let folders = contents::folders(&self.question.components);
        let content = |component| match first {
            Ok(answer) => contents::of(answer, &folders, 0, component),
            Err(fault) => fault.unavailable(),
        };
        let components = self.question.components.iter();
        components.map(|(name, component)| (name.clone(), content(component))).collect()
    }

    /// Whether what runs here is what ran when the run began, so that whoever approved the environment was shown the
    /// changes that are known now. GitHub does not keep what it showed.
    fn same_range(&self, opened: &Result<Vec<Opened>, Fault>, run: &Run) -> bool {
        let moved = |it: &Opened| it.moved(&self.question.environment, &self.question.commit, run.created_at);
        self.question.history && opened.as_ref().is_ok_and(|opened| !opened.iter().any(moved))
    }

    /// What lies between each commit that runs here and the one that goes.
    async fn ranges(&self) -> BTreeMap<String, Range> {
        let bases: BTreeSet<&String> = self.question.running.values().filter_map(Fact::known).collect();
        let mut ranges = BTreeMap::new();
        for base in bases.iter().filter(|base| is_commit(base)) {
            self.client.ahead(&commits::place(&self.repository.path(), base, &self.question.commit));
        }
        for base in bases {
            let range = if is_commit(base) {
                commits::between(self.client, &self.repository.path(), base, &self.question.commit).await
            } else {
                Err(Fault::Setup(format!("`{base}` is no commit; write all of its digits")))
            };
            let range = range.and_then(|range| match (range.behind, range.commits.is_empty()) {
                (0, _) | (_, true) => Ok(range),
                // What is lost by it no change names.
                (behind, false) => Err(Fault::Setup(format!(
                    "{behind} commits that run here, up to {base}, are not in what goes, and would be lost without a word: \
                     merge them, or name with `--since` a commit that both have"
                ))),
            });
            ranges.insert(base.clone(), range);
        }
        ranges
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
        traced: Result<Traced, Fault>,
        whole: &Result<Vec<&WholePull>, Fault>,
    ) -> Fact<Vec<Ranged>> {
        if let Some((name, fact)) = self.question.running.iter().find(|(_, fact)| fact.known().is_none()) {
            let why = fact.unavailable().unwrap_or("it never ran here, so that nothing says where its changes begin");
            return Fact::Unavailable(format!("what last ran here of `{name}`: {why}").into());
        }
        if let Some(fault) = ranges.values().find_map(|range| range.as_ref().err()) {
            return fault.unavailable();
        }
        let (mut traced, whole) = match (traced, whole) {
            (Ok(traced), Ok(whole)) => (traced, whole),
            (Err(fault), _) => return fault.unavailable(),
            (_, Err(fault)) => return fault.unavailable(),
        };
        self.changes_ahead(whole, landed, &traced);
        let mut replaced = BTreeMap::new();
        for pull in whole {
            let found = self.replaced(pull).await;
            let found = match found {
                Ok(found) => self.named(&found, &mut traced.graph).await.map(|()| found),
                Err(fault) => Err(fault),
            };
            replaced.insert(pull.pull.number, found);
        }
        let traced = &traced;
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
        let (client, repository) = (self.client, self.repository.clone());
        let (pushers, merges) = tokio::join!(
            self.pushers(whole, landed, &graph, &pulled),
            merges::read(client, &repository, whole, landed, &traced.brought)
        );
        let addresses = self.addresses(traced, whole).await;
        let known = Known {
            repository: canonical,
            landed,
            graph: &traced.graph,
            base: self.client.base(),
            pushers: &pushers,
            addresses: &addresses,
            merges: &merges.commits,
            clean: &merges.pulls,
        };
        let since = |shas: &BTreeSet<String>| -> Vec<String> {
            let within =
                |range: &Range| range.iter().flat_map(|range| &range.commits).any(|commit| shas.contains(&commit.sha));
            ranges.iter().filter(|(_, range)| within(range)).map(|(base, _)| base.clone()).collect()
        };
        let mut found = Vec::new();
        for pull in whole {
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
        for (base, range) in ranges {
            let Ok(range) = range else { continue };
            complete(&mut found, base, range.files.as_deref().map_err(ToString::to_string));
        }
        if found.is_empty() { Fact::Absent } else { Fact::Known(found) }
    }

    /// Begins to read what hangs on each change alone.
    fn changes_ahead(&self, whole: &[&WholePull], landed: &BTreeMap<String, RestCommit>, traced: &Traced) {
        let path = self.repository.path();
        for pull in whole {
            for event in pull.events.iter().flatten() {
                if let Event::ForcePush { before_commit: Some(before) } = event {
                    self.client.ahead(&commits::place(&path, &pull.pull.base_ref_oid, &before.oid));
                }
            }
        }
        merges::ahead(self.client, &self.repository, whole);
        for id in self.addressed(traced, whole).values() {
            self.client.ahead(&format!("/user/{id}"));
        }
        for sha in landed.keys().filter(|sha| traced.brought.get(*sha).is_none_or(Vec::is_empty)) {
            self.client.ahead(&format!("/repos/{path}/commits/{sha}?per_page=100"));
        }
    }

    /// The commits of heads that were pushed over: whoever wrote them had a hand in it all the same.
    async fn replaced(&self, pull: &WholePull) -> Result<Vec<RestCommit>, Fault> {
        let mut found = Vec::new();
        for event in pull.events.as_ref().map_err(Clone::clone)? {
            let Event::ForcePush { before_commit } = event else { continue };
            let before = before_commit.as_ref().ok_or_else(|| {
                unread("a head that was pushed over", "GitHub has thrown it away, so that nobody can tell who wrote it")
            })?;
            let path = self.repository.path();
            found.extend(commits::between(self.client, &path, &pull.pull.base_ref_oid, &before.oid).await?.commits);
        }
        Ok(found)
    }

    /// Asks whom commits name that no range has: REST does not say who is named beside the author.
    async fn named(&self, commits: &[RestCommit], graph: &mut BTreeMap<String, GraphCommit>) -> Result<(), Fault> {
        let missing: BTreeSet<&str> =
            commits.iter().map(|it| it.sha.as_str()).filter(|sha| !graph.contains_key(*sha)).collect();
        let missing: Vec<&str> = missing.into_iter().collect();
        for some in missing.chunks(AT_ONCE) {
            let mut question = First::default();
            for (at, sha) in some.iter().enumerate() {
                question.named(at, sha);
            }
            let answer = self.client.ask(&question.text(), &self.repository.variables()).await?;
            for (at, sha) in some.iter().enumerate() {
                graph.insert((*sha).to_owned(), answer.part(&["repository", &format!("c{at}")])?);
            }
        }
        Ok(())
    }

    /// The accounts behind the addresses that GitHub gives to Apps, `123+name[bot]@users.noreply.github.com`: GraphQL
    /// leaves them out. The number is asked for, so that the type is GitHub's word and not the name's.
    async fn addresses(&mut self, traced: &Traced, pulls: &[&WholePull]) -> BTreeMap<String, Fact<Account>> {
        let mut found = BTreeMap::new();
        for (address, id) in self.addressed(traced, pulls) {
            let account = match self.client.get::<RestUser>(&format!("/user/{id}")).await {
                Ok(user) => self.accounts.rest(Some(&user)),
                // Nobody has the number any longer.
                Err(Fault::NotFound { .. }) => Fact::Absent,
                Err(fault) => fault.unavailable(),
            };
            found.insert(address, account);
        }
        found
    }

    /// Such addresses, each with its number.
    fn addressed(&self, traced: &Traced, pulls: &[&WholePull]) -> BTreeMap<String, u64> {
        let pulled = pulls.iter().filter_map(|pull| pull.commits.as_ref().ok()).flatten();
        let mut addresses = BTreeSet::new();
        for commit in traced.graph.values().chain(pulled) {
            let named = commit.authors.nodes.iter().flatten().flatten().chain(&commit.author).chain(&commit.committer);
            addresses.extend(named.filter(|actor| actor.user.is_none()).filter_map(|actor| actor.email.clone()));
        }
        let suffix = format!("@users.noreply.{}", self.client.base().web());
        let numbered = |address: String| {
            let (id, _) = address.strip_suffix(&suffix)?.split_once('+')?;
            let id = id.parse::<u64>().ok()?;
            Some((address, id))
        };
        addresses.into_iter().filter_map(numbered).collect()
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

    /// What was deployed here, by the answer with which the look began.
    async fn here(&self, opening: Option<&Answer>) -> Option<Vec<Opened>> {
        let answer = opening.filter(|_| self.question.history)?;
        deployments::of(self.client, &self.repository, answer, 0, &self.question.environment).await.ok()
    }

    /// What was deployed here and where it is promoted from, by GitHub's list.
    async fn opened(&self, first: &Result<Answer, Fault>, here: Option<Vec<Opened>>) -> Result<Vec<Opened>, Fault> {
        let answer = first.as_ref().map_err(Clone::clone)?;
        let is_known = here.is_some();
        let mut opened = here.unwrap_or_default();
        for (at, environment) in self.environments().into_iter().enumerate().skip(usize::from(is_known)) {
            opened.extend(deployments::of(self.client, &self.repository, answer, at, environment).await?);
        }
        Ok(opened)
    }

    async fn deployments(
        &self,
        opened: Result<Vec<Opened>, Fault>,
        known: Contents,
    ) -> Fact<Vec<crate::model::facts::Deployment>> {
        if !self.question.history {
            return Fact::default();
        }
        match opened {
            Ok(opened) => {
                let components = &self.question.components;
                Fact::Known(deployments::facts(self.client, &self.repository, components, opened, known).await)
            }
            Err(fault) => fault.unavailable(),
        }
    }
}
