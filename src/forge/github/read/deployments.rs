//! What was deployed before, by GitHub's list. Whoever may push can add to it: that something was deployed there makes
//! nothing easier, and how it went is nothing that is known from here.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use serde::Deserialize;

use super::first::Contents;
use super::pulls::Page;
use super::question::First;
use super::{Repository, contents, unread};
use crate::forge::Folders;
use crate::forge::github::client::{Answer, Client, Fault};
use crate::model::facts::{Deployment, Fact, Released};

/// Why GitHub's word for how a deployment went is none.
pub(super) const UNPROVEN: &str =
    "whoever may push can write how a deployment went into GitHub; the record of who let it in knows";
/// How many pages of deployments are read.
const PAGES: usize = 100;
/// How far back deployments are read, where there are more than a page of them. What is older was superseded by those.
const LOOK_BACK: Duration = Duration::days(400);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    id: String,
    commit_oid: String,
    created_at: DateTime<Utc>,
    statuses: Page<Status>,
}

#[derive(Debug, Deserialize)]
struct Statuses {
    statuses: Page<Status>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    state: String,
    created_at: DateTime<Utc>,
}

/// One deployment that was let into its environment.
#[derive(Clone, Debug)]
pub(super) struct Opened {
    pub(super) id: String,
    pub(super) environment: String,
    pub(super) commit: String,
    /// When GitHub made it.
    pub(super) made: DateTime<Utc>,
    pub(super) at: DateTime<Utc>,
    /// When it began to run, where it did.
    ran: Option<DateTime<Utc>>,
}

impl Opened {
    /// When it began to run, by the word of whoever wrote it down.
    pub(super) fn ran(&self) -> Option<DateTime<Utc>> {
        self.ran
    }

    /// Whether another commit may have run here since an instant.
    pub(super) fn moved(&self, environment: &str, commit: &str, since: DateTime<Utc>) -> bool {
        self.environment == environment && self.commit != commit && self.ran.unwrap_or(self.at).max(self.at) > since
    }
}

/// Every status of a deployment, to the last page.
async fn statuses(client: &Client, repository: &Repository, raw: &mut Raw) -> Result<Vec<Status>, Fault> {
    let cut = || unread("a deployment's statuses", "GitHub does not list all of them");
    let mut found = Vec::new();
    for _ in 0..PAGES {
        let nodes = raw.statuses.nodes.take().unwrap_or_default();
        found.extend(nodes.into_iter().collect::<Option<Vec<Status>>>().ok_or_else(cut)?);
        if !raw.statuses.info.has_next_page {
            return Ok(found);
        }
        let mut question = First::default();
        question.statuses(&raw.id, raw.statuses.info.end_cursor.as_deref());
        let answer = client.ask(&question.text(), &repository.variables()).await?;
        raw.statuses = answer.part::<Statuses>(&["deployment"])?.statuses;
    }
    Err(cut())
}

/// What became of a deployment; `None` where it was never let in.
async fn opened(
    client: &Client,
    repository: &Repository,
    mut raw: Raw,
    environment: &str,
) -> Result<Option<Opened>, Fault> {
    let mut statuses = statuses(client, repository, &mut raw).await?;
    statuses.sort_by_key(|status| status.created_at);
    let began = |state: &str| matches!(state, "IN_PROGRESS" | "SUCCESS" | "FAILURE" | "ERROR" | "INACTIVE");
    let Some(first) = statuses.iter().find(|status| began(&status.state)) else { return Ok(None) };
    // What ran and was marked as failed later failed.
    let ended = statuses.iter().rev().find(|status| matches!(status.state.as_str(), "SUCCESS" | "FAILURE" | "ERROR"));
    let ran = ended.filter(|status| status.state == "SUCCESS").map(|status| status.created_at);
    Ok(Some(Opened {
        id: raw.id,
        environment: environment.to_owned(),
        commit: raw.commit_oid,
        made: raw.created_at,
        at: first.created_at,
        ran,
    }))
}

/// The deployments of one environment, the newest first: from an answer and its further pages.
pub(super) async fn of(
    client: &Client,
    repository: &Repository,
    answer: &Answer,
    at: usize,
    environment: &str,
) -> Result<Vec<Opened>, Fault> {
    of_since(client, repository, answer, (at, environment), Utc::now() - LOOK_BACK).await
}

/// The same of those that were made since an instant.
pub(super) async fn of_since(
    client: &Client,
    repository: &Repository,
    answer: &Answer,
    (at, environment): (usize, &str),
    since: DateTime<Utc>,
) -> Result<Vec<Opened>, Fault> {
    let name = format!("d{at}");
    let mut page: Page<Raw> = answer.part(&["repository", &name])?;
    let mut found = Vec::new();
    for _ in 0..PAGES {
        let mut old = false;
        for raw in page.nodes.unwrap_or_default() {
            let raw = raw.ok_or_else(|| unread("the deployments", "one of them may not be seen"))?;
            old |= raw.created_at < since;
            found.extend(opened(client, repository, raw, environment).await?);
        }
        if !page.info.has_next_page || old {
            return Ok(found);
        }
        let mut question = First::default();
        question.deployments(at, environment, page.info.end_cursor.as_deref());
        page = client.ask(&question.text(), &repository.variables()).await?.part(&["repository", &name])?;
    }
    Err(unread("the deployments", "there are more than 10,000 of the last 400 days"))
}

/// The deployments as facts, the oldest first, each with what it contained; `known` are contents that were asked already.
pub(super) async fn facts(
    client: &Client,
    repository: &Repository,
    components: &BTreeMap<String, Folders>,
    mut opened: Vec<Opened>,
    known: Contents,
) -> Vec<Deployment> {
    opened.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
    let mut commits: Vec<&str> = opened.iter().map(|it| it.commit.as_str()).collect();
    commits.sort_unstable();
    commits.dedup();
    commits.retain(|commit| components.keys().any(|name| !known.contains_key(&((*commit).to_owned(), name.clone()))));
    let mut contents = contents::at(client, repository, components, &commits).await;
    contents.extend(known);
    let deployment = |it: &Opened| Deployment {
        release: it.id.clone(),
        environment: it.environment.clone(),
        commit: it.commit.clone(),
        components: components
            .keys()
            .map(|name| {
                let content = contents.get(&(it.commit.clone(), name.clone())).cloned().unwrap_or_default();
                let artifacts = Fact::Unavailable("GitHub does not say which artifacts went".into());
                (name.clone(), Released { content, artifacts })
            })
            .collect(),
        opened_at: it.at,
        finished_at: Fact::Unavailable(UNPROVEN.into()),
        outcome: Fact::Unavailable(UNPROVEN.into()),
        approved: Fact::Unavailable("GitHub does not say whether a decision of ours opened it".into()),
        parts: Fact::Unavailable("GitHub does not say which other parts of a package went with it".into()),
    };
    opened.iter().map(deployment).collect()
}
