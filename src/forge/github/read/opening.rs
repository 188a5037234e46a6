//! The question with which a look at a release begins: what is asked of every one before anything else is known of it, so that
//! the policy, what runs, and which pull requests brought the newest commits are one answer. Whoever reads in the look takes his
//! part of it; where there is none, or it could not be had, he asks by himself.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::activity::Kept;
use super::commits::RestCommit;
use super::first::{Associated, Traced};
use super::pulls::GraphCommit;
use super::question::First;
use super::{Reading, Repository, activity, is_commit, pushes, runs};
use crate::forge::github::client::{Answer, Client, Opening};
use crate::forge::{Expected, Question};

#[derive(Deserialize)]
struct Listed {
    history: Commits,
}

#[derive(Deserialize)]
struct Commits {
    nodes: Vec<serde_json::Value>,
}

/// Begins a look at a release.
pub(in crate::forge::github) fn begin(client: &Client, expected: &Expected<'_>) {
    let Ok(repository) = Repository::parse(expected.repository) else { return };
    if !is_commit(expected.commit) {
        return;
    }
    let mut question = of(expected.environment, expected.commit);
    question.default_branch();
    question.file(expected.file);
    let newest = client.known(&activity::path(&repository.path()));
    let more = Kept::of(&newest).question();
    let opening = Opening {
        repository: repository.path(),
        environment: expected.environment.to_owned(),
        commit: expected.commit.to_owned(),
        file: expected.file.to_owned(),
        text: question.text(),
        activity: newest,
    };
    client.opens_with(opening, more.as_deref(), &repository.variables());
    for run in expected.runs {
        client.ahead(&runs::place(&repository, *run));
    }
}

/// What is asked of a release, whatever its policy says.
fn of(environment: &str, commit: &str) -> First {
    let mut question = First::default();
    question.history(commit);
    question.deployments(0, environment, None);
    question
}

/// The answer with which a look began, where it is about this.
pub(super) async fn answer(
    client: &Client,
    repository: &Repository,
    is_about: impl Fn(&Opening) -> bool,
) -> Option<Answer> {
    let opening = client.opening().filter(|it| it.repository == repository.path() && is_about(it))?;
    client.ask(&opening.text, &repository.variables()).await.ok()
}

impl Reading<'_> {
    /// The same for this release, asked for where no look began so.
    pub(super) async fn opening(&self) -> Option<Answer> {
        let (environment, commit) = (&self.question.environment, &self.question.commit);
        let here = |it: &Opening| it.environment == *environment && it.commit == *commit;
        let is_open = self.client.opening().is_some_and(here);
        if is_open || !self.question.history {
            return answer(self.client, &self.repository, here).await;
        }
        let (text, variables) = (of(environment, commit).text(), self.repository.variables());
        let more = self.kept.question();
        let both: Vec<&str> = std::iter::once(&text).chain(&more).map(String::as_str).collect();
        self.client.ask_together(&both, &variables);
        self.client.ask(&text, &variables).await.ok()
    }

    /// What was read of the repository's activity before. Where nothing begins with a question, asking what its accounts are
    /// called now would cost as much as reading it again.
    pub(super) fn kept(client: &Client, repository: &Repository, question: &Question) -> Kept {
        let here = |it: &&Opening| it.repository == repository.path();
        match client.opening().filter(here) {
            Some(opening) => Kept::of(&opening.activity),
            None if question.history => Kept::of(&client.known(&activity::path(&repository.path()))),
            None => Kept::default(),
        }
    }

    /// What the accounts are called now that stand in it.
    pub(super) async fn named_now(&mut self) {
        if let Some(question) = self.kept.question() {
            let answer = self.client.ask(&question, &self.repository.variables()).await;
            self.kept.named(answer.ok().as_ref());
        }
    }

    /// Which pull requests brought the commits of a release that an opening lists. Of what it does not list, or not as it
    /// should, is asked again.
    pub(super) fn opened_with(&self, answer: &Answer, landed: &BTreeMap<String, RestCommit>) -> Traced {
        let mut traced = Traced::default();
        let Ok(canonical) = answer.part::<String>(&["repository", "nameWithOwner"]) else { return traced };
        let Ok(listed) = answer.part::<Listed>(&["repository", "history"]) else { return traced };
        for node in listed.history.nodes {
            let Ok(commit) = GraphCommit::deserialize(&node) else { continue };
            let Ok(associated) = Associated::deserialize(&node) else { continue };
            if landed.contains_key(&commit.oid) {
                // One that is not whole is asked for by its name, which says so.
                let _ = self.brought(&canonical, commit, associated, landed, &mut traced);
            }
        }
        traced
    }

    /// Begins to read who pushed what, as far back as the commits of the ranges alone take: those of pull requests may go further.
    pub(super) async fn pushes_ahead(&self, landed: &BTreeMap<String, RestCommit>) {
        if !landed.is_empty() {
            pushes::ahead(self.client, &self.repository.path(), landed, &self.kept).await;
        }
    }
}
