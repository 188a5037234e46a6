//! GitLab: gitlab.com and servers of one's own, below a path as well.
//!
//! [`client`] speaks with its interfaces, [`read`] makes facts of what it says and [`write`] answers; [`signature`] says whether a
//! delivery is GitLab's and [`event`] what it is a hint of; [`app`] is the account that teams make a member of their projects, and
//! [`oidc`] says which job of a pipeline a token proves, and people come in through [`login`]. Never here: a rule, the record, another forge.
//!
//! Invariant: what could not be read, or not to its last page, is a fact that says so; never a shorter list.

pub mod app;
pub mod client;
pub mod event;
pub mod inspect;
pub mod login;
pub mod oidc;
pub mod read;
pub mod signature;
pub mod write;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::records::{Draft, Read, Records};
use super::talk::{Notice, Proposed, Remark, Talk};
use super::{Answer, File, Forge, Gathered, Given, Pending, Question, Ran, Source, Started, Takes, Tip, Waiting, Why};
use crate::model::facts::{Account, Fact};
use client::{Client, Fault};
use read::Project;

impl Source for Client {
    type Fault = Fault;

    async fn gather(&self, question: &Question) -> Result<Gathered, Fault> {
        read::gather(self, question).await
    }

    async fn running(&self, repository: &str, environment: &str) -> Fact<String> {
        match read::deployments::last_ran(self, repository, environment).await {
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

    async fn members(&self, _repository: &str, groups: &BTreeSet<String>) -> BTreeMap<String, Fact<BTreeSet<Account>>> {
        read::groups::now(self, groups).await
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
    /// Nothing is kept from one look to the next: each reads anew.
    fn looking(&self, _at: &str) -> Self {
        self.clone()
    }

    fn ahead(&self, _repository: &str, _since: Option<&str>, _commit: &str) {}

    async fn deploys(&self, waiting: &Waiting) -> Result<String, Fault> {
        let started = self.started(waiting).await?;
        let missing = || Fault::NotFound { what: format!("pipeline {} of `{}`", waiting.run, waiting.repository) };
        started.map(|started| started.commit).ok_or_else(missing)
    }

    async fn hold(&self, waiting: &Waiting, why: Why<'_>) -> Result<(), Fault> {
        write::deployment::hold(self, waiting, why).await
    }

    async fn answer(&self, waiting: &Waiting, answer: (Answer, Option<u64>), why: Why<'_>) -> Result<Given, Fault> {
        write::deployment::answer(self, waiting, answer, why).await
    }

    async fn waits(&self, waiting: &Waiting) -> Result<Option<Takes>, Fault> {
        read::waiting::waits(self, waiting).await
    }

    async fn started(&self, waiting: &Waiting) -> Result<Option<Started>, Fault> {
        let project = Project::find(self, &waiting.repository).await?;
        read::runs::started(self, &project, waiting).await
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
    /// GitLab counts requests by the minute and says when there are too many: nothing of ours queues.
    fn behind_deployments(&self) -> Self {
        self.clone()
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

    /// What stands in a review are notes, which are among the remarks.
    async fn reviews(&self, _repository: &str, _change: u64, _since: DateTime<Utc>) -> Result<Vec<Remark>, Fault> {
        Ok(Vec::new())
    }

    async fn show(&self, repository: &str, change: u64, notice: &Notice, _again: bool) -> Result<(), Fault> {
        write::note::keep(self, repository, change, notice).await?;
        write::status::show(self, repository, notice).await?;
        write::check::answer(self, repository, change, notice).await
    }

    async fn reply(&self, repository: &str, change: u64, keyed: (&str, &str), again: bool) -> Result<(), Fault> {
        write::note::write_once(self, repository, change, keyed, again).await
    }

    async fn acknowledge(&self, repository: &str, change: u64, handle: u64) -> Result<(), Fault> {
        write::note::acknowledge(self, repository, change, handle).await
    }
}

impl Records for Client {
    const DATES_ISSUES: bool = true;

    fn has_no_issues(fault: &Fault) -> bool {
        matches!(fault, Fault::NoIssues { .. })
    }

    async fn issues(&self, repository: &str, numbers: &[u64]) -> Result<Read, Fault> {
        read::issues::whole(self, repository, numbers).await
    }

    async fn labelled(&self, repository: &str, label: &str, since: DateTime<Utc>) -> Result<Vec<u64>, Fault> {
        read::issues::labelled(self, repository, label, since).await
    }

    async fn open_issue(&self, repository: &str, draft: &Draft, again: bool) -> Result<u64, Fault> {
        write::issue::open(self, repository, draft, again).await
    }

    async fn rewrite_issue(&self, repository: &str, number: u64, draft: &Draft) -> Result<(), Fault> {
        write::issue::edit(self, repository, number, draft).await
    }

    async fn relabel(&self, repository: &str, number: u64, labels: (&[String], &str)) -> Result<(), Fault> {
        write::issue::relabel(self, repository, number, labels).await
    }

    /// GitLab does not say why something was closed: its label and its last note do.
    async fn close_issue(&self, repository: &str, number: u64, _done: bool) -> Result<(), Fault> {
        write::issue::close(self, repository, number).await
    }

    async fn comment(&self, repository: &str, number: u64, keyed: (&str, &str), again: bool) -> Result<(), Fault> {
        write::issue::comment(self, repository, number, keyed, again).await
    }
}
