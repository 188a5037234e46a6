//! What was deployed before, by GitHub's own word.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::pulls::{Counted, Page};
use super::question::First;
use super::{Repository, contents, unread};
use crate::forge::Folders;
use crate::forge::github::client::{Answer, Client, Fault};
use crate::model::facts::{Deployment, Fact, Outcome, Released};

/// How many deployments are looked back to.
const PAGES: usize = 10;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    id: String,
    commit_oid: String,
    statuses: Counted<Status>,
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
    id: String,
    environment: String,
    pub(super) commit: String,
    at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
    outcome: Option<Outcome>,
}

impl Opened {
    /// Whether it ran.
    pub(super) fn ran(&self) -> bool {
        self.outcome == Some(Outcome::Succeeded)
    }
}

/// What became of a deployment; `None` where it was never let in.
fn opened(raw: Raw, environment: &str) -> Result<Option<Opened>, Fault> {
    let cut = || unread("a deployment's statuses", "GitHub does not list all of them");
    let mut statuses = raw.statuses.whole().ok_or_else(cut)?;
    statuses.sort_by_key(|status| status.created_at);
    let began = |state: &str| matches!(state, "IN_PROGRESS" | "SUCCESS" | "FAILURE" | "ERROR" | "INACTIVE");
    let Some(first) = statuses.iter().find(|status| began(&status.state)) else { return Ok(None) };
    let ended = |status: &&Status| match status.state.as_str() {
        "SUCCESS" => Some(Outcome::Succeeded),
        "FAILURE" | "ERROR" => Some(Outcome::Failed),
        _ => None,
    };
    // What ran and was marked as failed later failed.
    let last = statuses.iter().rev().find_map(|status| Some((ended(&status)?, status.created_at)));
    Ok(Some(Opened {
        id: raw.id,
        environment: environment.to_owned(),
        commit: raw.commit_oid,
        at: first.created_at,
        finished_at: last.map(|(_, at)| at),
        outcome: last.map(|(outcome, _)| outcome),
    }))
}

/// The deployments of one environment, the newest first: from an answer and its further pages.
pub(super) async fn of(
    client: &Client,
    repository: &Repository,
    answer: &Answer,
    at: usize,
    environment: &str,
    enough: impl Fn(&[Opened]) -> bool,
) -> Result<Vec<Opened>, Fault> {
    let name = format!("d{at}");
    let mut page: Page<Raw> = answer.part(&["repository", &name])?;
    let mut found = Vec::new();
    for _ in 0..PAGES {
        for raw in page.nodes.unwrap_or_default() {
            let raw = raw.ok_or_else(|| unread("the deployments", "one of them may not be seen"))?;
            found.extend(opened(raw, environment)?);
        }
        if !page.info.has_next_page || enough(&found) {
            return Ok(found);
        }
        let mut question = First::default();
        question.deployments(at, environment, page.info.end_cursor.as_deref());
        page = client.ask(&question.text(), &repository.variables()).await?.part(&["repository", &name])?;
    }
    Err(unread("the deployments", "there are more than 1,000"))
}

/// The deployments as facts, the oldest first, each with what it contained.
pub(super) async fn facts(
    client: &Client,
    repository: &Repository,
    components: &BTreeMap<String, Folders>,
    mut opened: Vec<Opened>,
) -> Vec<Deployment> {
    opened.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
    let mut commits: Vec<&str> = opened.iter().map(|it| it.commit.as_str()).collect();
    commits.sort_unstable();
    commits.dedup();
    let contents = contents::at(client, repository, components, &commits).await;
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
        finished_at: it.finished_at.map_or(Fact::Absent, Fact::Known),
        outcome: it.outcome.map_or(Fact::Absent, Fact::Known),
        approved: Fact::Unavailable("GitHub does not say whether a decision of ours opened it".into()),
        parts: Fact::Unavailable("GitHub does not say which other parts of a package went with it".into()),
    };
    opened.iter().map(deployment).collect()
}
