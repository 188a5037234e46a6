//! What hangs on the release itself, in as few questions as it takes: which pull requests brought each commit, what the policy
//! names, and all of the pull requests that are known by then.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::commits::RestCommit;
use super::deployments::Opened;
use super::pulls::{self, Counted, GraphCommit, Named, Oid, WholePull};
use super::question::First;
use super::runs::Run;
use super::{AT_ONCE, Reading, contents, groups, unread};
use crate::forge::github::client::{Answer, Fault};
use crate::model::facts::Fact;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Associated {
    pub(super) associated_pull_requests: Counted<Numbered>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Numbered {
    number: u64,
    merged: bool,
    head_ref_oid: String,
    merge_commit: Option<Oid>,
    base_repository: Option<Named>,
}

impl Numbered {
    /// Whether a pull request brought a commit as it was reviewed: it was merged, and what it was merged as goes too; or it is
    /// open, and its head is what goes. GitHub names others as well: open ones, those that were merged into another branch,
    /// and those of which only a part goes. Of those no review is one of what goes.
    fn brought(&self, here: &str, released: &str, landed: &BTreeMap<String, RestCommit>) -> bool {
        self.base_repository.as_ref().is_some_and(|base| base.name_with_owner == here)
            && match (self.merged, &self.merge_commit) {
                (true, Some(merge)) => landed.contains_key(&merge.oid),
                (true, None) => false,
                (false, _) => self.head_ref_oid == released,
            }
    }
}

/// What is known of each commit of the ranges.
#[derive(Default)]
pub(super) struct Traced {
    /// The commits, as GraphQL has them.
    pub(super) graph: BTreeMap<String, GraphCommit>,
    /// The pull requests that brought each.
    pub(super) brought: BTreeMap<String, Vec<u64>>,
}

impl Traced {
    /// The numbers of all pull requests that brought something.
    fn numbers(&self) -> Vec<u64> {
        let numbers: BTreeSet<u64> = self.brought.values().flatten().copied().collect();
        numbers.into_iter().collect()
    }
}

/// The contents of components, by commit and component.
pub(super) type Contents = BTreeMap<(String, String), Fact<String>>;

/// What the first questions found.
pub(super) struct Asked {
    /// Everything that hangs on the release.
    pub(super) answer: Result<Answer, Fault>,
    /// The commits, and which pull requests brought each.
    pub(super) traced: Result<Traced, Fault>,
    /// All of these pull requests.
    pub(super) pulls: BTreeMap<u64, Result<WholePull, Fault>>,
    /// What the commits that were deployed here contain, of those that were asked.
    pub(super) contents: Contents,
}

impl Reading<'_> {
    /// Asks them. `traced` and `here` are known already: commits, and what was deployed here.
    pub(super) async fn first(
        &self,
        landed: &BTreeMap<String, RestCommit>,
        run: Option<&Result<Run, Fault>>,
        mut traced: Traced,
        here: Option<&[Opened]>,
    ) -> Asked {
        let left: Vec<&String> = landed.keys().filter(|sha| !traced.brought.contains_key(*sha)).collect();
        let mut chunks = left.chunks(AT_ONCE);
        let begin = chunks.next().unwrap_or_default();
        let deployed = self.deployed(here);
        let question = |pulls: &[u64]| {
            let mut first = self.of_release(run, &deployed, here.is_some());
            for (at, sha) in begin.iter().enumerate() {
                first.commit(at, sha);
            }
            let count = first.pulls(pulls);
            (first.text(), count)
        };
        let variables = self.repository.variables();
        let mut numbers = traced.numbers();
        let (text, count) = question(&numbers);
        numbers.truncate(count);
        let mut answer = self.client.ask(&text, &variables).await;
        // What GitHub does not answer in its time it may answer in parts.
        if count > 0 && answer.as_ref().is_err_and(pulls::is_too_much) {
            numbers.clear();
            answer = self.client.ask(&question(&[]).0, &variables).await;
        }
        let mut outcome =
            answer.as_ref().map_err(Clone::clone).and_then(|answer| self.trace(answer, begin, landed, &mut traced));
        for more in chunks {
            if outcome.is_err() {
                break;
            }
            let mut next = First::default();
            for (at, sha) in more.iter().enumerate() {
                next.commit(at, sha);
            }
            let answer = self.client.ask(&next.text(), &variables).await;
            outcome = answer.and_then(|answer| self.trace(&answer, more, landed, &mut traced));
        }
        let asked = answer.as_ref().ok().map(|answer| (answer, numbers.as_slice()));
        let pulls = match &outcome {
            Ok(()) => pulls::read(self.client, &self.repository, &traced.numbers(), asked).await,
            Err(_) => BTreeMap::new(),
        };
        let contents = self.contained(&answer, &deployed);
        Asked { answer, traced: outcome.map(|()| traced), pulls, contents }
    }

    /// What is asked of the release beside its commits. Of what was deployed at `deployed` the contents are asked as well; where
    /// what was deployed here is known, it is not asked.
    fn of_release(&self, run: Option<&Result<Run, Fault>>, deployed: &[&str], here: bool) -> First {
        let question = self.question;
        let mut first = First::default();
        let folders = contents::folders(&question.components);
        for (nth, commit) in std::iter::once(question.commit.as_str()).chain(deployed.iter().copied()).enumerate() {
            first.there(nth, commit);
            for (at, folder) in folders.iter().enumerate() {
                first.folder(nth * folders.len() + at, commit, folder);
            }
        }
        if let Some(reference) = &question.reference {
            first.reference(reference);
        }
        if question.reference.is_some() || question.run.is_some() {
            first.default_branch();
        }
        if let Some(Ok(run)) = run {
            first.reviews(&run.node_id, None);
            if let (None, Some(name)) = (&question.reference, &run.head_branch) {
                first.branch_or_tag(name);
            }
        }
        for (at, environment) in self.environments().into_iter().enumerate().skip(usize::from(here)) {
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
        first
    }

    /// The commits that were deployed here, the newest first, as many as the contents can be asked of in the same question.
    fn deployed<'o>(&self, here: Option<&'o [Opened]>) -> Vec<&'o str> {
        let folders = contents::folders(&self.question.components).len();
        let most = (contents::AT_ONCE / folders.max(1)).saturating_sub(1);
        let mut found: Vec<&str> = Vec::new();
        for opened in here.filter(|_| folders > 0).into_iter().flatten() {
            if found.len() < most && opened.commit != self.question.commit && !found.contains(&opened.commit.as_str()) {
                found.push(&opened.commit);
            }
        }
        found
    }

    /// What these commits contain, by the answer that was asked of them as well.
    fn contained(&self, answer: &Result<Answer, Fault>, deployed: &[&str]) -> Contents {
        let Ok(answer) = answer else { return Contents::new() };
        let folders = contents::folders(&self.question.components);
        let mut found = Contents::new();
        for (nth, commit) in std::iter::once(self.question.commit.as_str()).chain(deployed.iter().copied()).enumerate()
        {
            for (name, component) in &self.question.components {
                let content = contents::of(answer, &folders, nth, component);
                found.insert((commit.to_owned(), name.clone()), content);
            }
        }
        found
    }

    /// Which pull requests brought each commit.
    fn trace(
        &self,
        answer: &Answer,
        commits: &[&String],
        landed: &BTreeMap<String, RestCommit>,
        traced: &mut Traced,
    ) -> Result<(), Fault> {
        let canonical: String = answer.part(&["repository", "nameWithOwner"])?;
        for (at, sha) in commits.iter().enumerate() {
            let place = format!("c{at}");
            let commit: GraphCommit = answer.part(&["repository", &place])?;
            if commit.oid != **sha {
                return Err(unread(sha, "GitHub answers with another commit"));
            }
            let associated: Associated = answer.part(&["repository", &place])?;
            self.brought(&canonical, commit, associated, landed, traced)?;
        }
        Ok(())
    }

    /// Notes which pull requests brought a commit.
    pub(super) fn brought(
        &self,
        canonical: &str,
        commit: GraphCommit,
        associated: Associated,
        landed: &BTreeMap<String, RestCommit>,
        traced: &mut Traced,
    ) -> Result<(), Fault> {
        let cut = || unread("the pull requests of a commit", "GitHub does not list all of them");
        let numbered = associated.associated_pull_requests.whole().ok_or_else(cut)?;
        let brought = numbered.iter().filter(|it| it.brought(canonical, &self.question.commit, landed));
        traced.brought.insert(commit.oid.clone(), brought.map(|it| it.number).collect());
        traced.graph.insert(commit.oid.clone(), commit);
        Ok(())
    }
}
