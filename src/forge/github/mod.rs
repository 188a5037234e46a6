//! GitHub: github.com, ghe.com and enterprise servers.
//!
//! [`signature`] says whether a delivery is GitHub's and [`event`] what it is a hint of, [`client`] speaks with its
//! interfaces, [`read`] makes facts of what it says, [`write`] answers, [`app`] is the App that teams install, and
//! [`login`] lets people in through it; [`oidc`] says which job of Actions a token proves. [`needs`] lists what the App cannot
//! do without, [`manifest`] makes it, and [`inspect`] reads how an installation is protected. Never here: a rule, the record, another forge.
//!
//! Invariant: what could not be read, or not to its last page, is a fact that says so; never a shorter list.

pub mod app;
pub mod client;
pub mod event;
pub mod inspect;
pub mod login;
pub mod manifest;
pub mod needs;
pub mod oidc;
pub mod read;
pub mod signature;
pub mod write;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::records::{Draft, Read, Records};
use super::talk::{Notice, Proposed, Remark, Talk};
use super::{
    Answer, Expected, File, Forge, Gathered, Given, Pending, Question, Ran, Source, Started, Takes, Tip, Waiting, Why,
};
use crate::model::facts::{Account, Fact};
use client::{Client, Fault, Priority};
use read::Repository;

impl Source for Client {
    type Fault = Fault;

    async fn gather(&self, question: &Question) -> Result<Gathered, Fault> {
        read::gather(self, question).await
    }

    async fn running(&self, repository: &str, environment: &str) -> Fact<String> {
        match read::last_ran(self, repository, environment).await {
            Ok(Some(commit)) => Fact::Known(commit),
            Ok(None) => Fact::Absent,
            Err(fault) => fault.unavailable(),
        }
    }

    async fn file(&self, repository: &str, path: &str) -> Fact<File> {
        match read::file::of_default_branch(self, repository, path).await {
            Ok(Some(file)) => Fact::Known(file),
            Ok(None) => Fact::Absent,
            Err(fault) => fault.unavailable(),
        }
    }

    async fn protected(&self, repository: &str, branch: Option<&str>) -> Fact<Tip> {
        match read::file::protected(self, repository, branch).await {
            Ok(tip) => Fact::Known(tip),
            Err(fault) => fault.unavailable(),
        }
    }

    async fn members(&self, repository: &str, groups: &BTreeSet<String>) -> BTreeMap<String, Fact<BTreeSet<Account>>> {
        read::groups::now(self, repository, groups).await
    }

    async fn file_at(&self, repository: &str, tip: &Tip, path: &str) -> Fact<File> {
        match read::file::at(self, repository, tip, path).await {
            Ok(Some(file)) => Fact::Known(file),
            Ok(None) => Fact::Absent,
            Err(fault) => fault.unavailable(),
        }
    }
}

impl Forge for Client {
    fn looking(&self, at: &str) -> Self {
        Self::looking(self, at)
    }

    fn ahead(&self, repository: &str, since: Option<&str>, commit: &str) {
        let Ok(repository) = Repository::parse(repository) else { return };
        read::ahead(self, &repository, since, commit);
    }

    fn expects(&self, release: &Expected<'_>) {
        read::opening::begin(self, release);
    }

    async fn keeps_up(&self, repository: &str) -> Result<(), Fault> {
        read::keeps_up(&self.at(Priority::Sweep), repository).await
    }

    async fn deploys(&self, waiting: &Waiting) -> Result<String, Fault> {
        write::rule::commit(self, waiting).await
    }

    async fn hold(&self, waiting: &Waiting, why: Why<'_>) -> Result<(), Fault> {
        write::rule::report(self, waiting, why.comment).await
    }

    /// What waits is of the run's present attempt: another one that begins takes it away.
    async fn answer(
        &self,
        waiting: &Waiting,
        (answer, _): (Answer, Option<u64>),
        why: Why<'_>,
    ) -> Result<Given, Fault> {
        write::rule::answer(self, waiting, answer, why.comment).await
    }

    async fn waits(&self, waiting: &Waiting) -> Result<Option<Takes>, Fault> {
        Ok(write::rule::waits(self, waiting).await?.then_some(Takes::ANY))
    }

    async fn started(&self, waiting: &Waiting) -> Result<Option<Started>, Fault> {
        write::rule::started(self, waiting).await
    }

    async fn pending(&self, repository: &str) -> Result<Vec<Pending>, Fault> {
        read::waiting::pending(self, repository).await
    }

    async fn guards(&self, repository: &str, environment: &str) -> Fact<bool> {
        read::waiting::guards(self, repository, environment).await
    }

    async fn ran(
        &self,
        repository: &str,
        environments: &[String],
        since: DateTime<Utc>,
        known: &BTreeSet<String>,
    ) -> Result<Vec<Ran>, Fault> {
        read::ran::since(self, repository, environments, since, known).await
    }
}

impl Talk for Client {
    fn behind_deployments(&self) -> Self {
        self.at(Priority::Person)
    }

    async fn proposed(&self, repository: &str) -> Result<Vec<Proposed>, Fault> {
        read::proposals::open(self, repository).await
    }

    async fn begins(&self, repository: &str, proposed: &Proposed) -> Result<String, Fault> {
        read::proposals::begins(self, repository, proposed).await
    }

    async fn remarks(&self, repository: &str, since: DateTime<Utc>) -> Result<Vec<Remark>, Fault> {
        read::proposals::remarks(self, repository, since).await
    }

    async fn reviews(&self, repository: &str, change: u64, since: DateTime<Utc>) -> Result<Vec<Remark>, Fault> {
        read::proposals::reviews(self, repository, change, since).await
    }

    async fn show(&self, repository: &str, _change: u64, notice: &Notice, again: bool) -> Result<(), Fault> {
        write::check::show(self, &Repository::parse(repository)?, notice, again).await
    }

    async fn reply(&self, repository: &str, change: u64, (key, text): (&str, &str), again: bool) -> Result<(), Fault> {
        write::comment::write_once(self, &Repository::parse(repository)?, change, (key, text), again).await
    }

    async fn acknowledge(&self, repository: &str, _change: u64, handle: u64) -> Result<(), Fault> {
        write::comment::acknowledge(self, &Repository::parse(repository)?, handle).await
    }
}

impl From<&Draft> for write::issue::Issue {
    fn from(draft: &Draft) -> Self {
        let Draft { key, title, text, labels, due: _ } = draft.clone();
        Self { key, title, text, labels }
    }
}

impl Records for Client {
    async fn issues(&self, repository: &str, numbers: &[u64]) -> Result<Read, Fault> {
        read::issues::whole(self, repository, numbers).await
    }

    async fn labelled(&self, repository: &str, label: &str, since: DateTime<Utc>) -> Result<Vec<u64>, Fault> {
        read::issues::labelled(self, repository, label, since).await
    }

    async fn open_issue(&self, repository: &str, draft: &Draft, again: bool) -> Result<u64, Fault> {
        write::issue::open_once(self, &Repository::parse(repository)?, &draft.into(), again).await
    }

    async fn rewrite_issue(&self, repository: &str, number: u64, draft: &Draft) -> Result<(), Fault> {
        write::issue::edit(self, &Repository::parse(repository)?, number, &draft.into()).await
    }

    async fn relabel(&self, repository: &str, number: u64, labels: (&[String], &str)) -> Result<(), Fault> {
        write::issue::relabel(self, &Repository::parse(repository)?, number, labels).await
    }

    async fn close_issue(&self, repository: &str, number: u64, done: bool) -> Result<(), Fault> {
        let end = if done { write::issue::End::Done } else { write::issue::End::GivenUp };
        write::issue::close(self, &Repository::parse(repository)?, number, end).await
    }

    /// Issues and pull requests are counted together, and are written under alike.
    async fn comment(&self, repository: &str, number: u64, keyed: (&str, &str), again: bool) -> Result<(), Fault> {
        self.reply(repository, number, keyed, again).await
    }
}
