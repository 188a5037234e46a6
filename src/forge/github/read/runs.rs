//! The run that deploys: who started it, from which branch, and who reviewed its environment.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::people::Actor;
use super::pulls::{Counted, Page, PageInfo};
use super::question::First;
use super::{Repository, unread};
use crate::forge::github::client::{Answer, Client, Fault};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Suite {
    creator: Option<Actor>,
    branch: Option<Branch>,
    workflow_run: Option<WorkflowRun>,
}

/// A branch or tag as GraphQL names it.
#[derive(Debug, Deserialize)]
pub(super) struct Branch {
    name: String,
    prefix: String,
}

impl Branch {
    /// The full name.
    pub(super) fn full(&self) -> String {
        format!("{}{}", self.prefix, self.name)
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WorkflowRun {
    resource_path: String,
    event: String,
    created_at: DateTime<Utc>,
    deployment_reviews: Page<RawReview>,
}

#[derive(Debug, Deserialize)]
struct RawReview {
    id: String,
    state: String,
    comment: String,
    user: Actor,
    environments: Counted<Name>,
}

#[derive(Debug, Deserialize)]
struct Name {
    name: String,
}

/// A review of environments.
#[derive(Clone, Debug)]
pub(super) struct EnvironmentReview {
    pub(super) id: String,
    pub(super) state: String,
    pub(super) comment: String,
    pub(super) user: Actor,
    pub(super) environments: Vec<String>,
}

/// The run.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) creator: Option<Actor>,
    pub(super) reference: Option<String>,
    pub(super) event: String,
    pub(super) created_at: DateTime<Utc>,
    pub(super) reviews: Vec<EnvironmentReview>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Suites {
    check_suites: Page<Suite>,
}

/// The run among the suites of the commit: in the answer, or on a further page. Another commit's run is not found here.
pub(super) async fn find(
    client: &Client,
    repository: &Repository,
    answer: &Answer,
    commit: &str,
    run: u64,
) -> Result<Run, Fault> {
    let mut suites: Suites = answer.part(&["repository", "runs"])?;
    for _ in 0..20 {
        let PageInfo { has_next_page, end_cursor } = suites.check_suites.info;
        for suite in suites.check_suites.nodes.unwrap_or_default().into_iter().flatten() {
            let is = |found: &WorkflowRun| found.resource_path.rsplit('/').next() == Some(run.to_string().as_str());
            if suite.workflow_run.as_ref().is_some_and(is) {
                return read(suite);
            }
        }
        if !has_next_page {
            break;
        }
        let mut question = First::default();
        question.run(commit, end_cursor.as_deref());
        suites = client.ask(&question.text(), &repository.variables()).await?.part(&["repository", "runs"])?;
    }
    Err(Fault::NotFound { what: format!("run {run} of commit {commit}") })
}

fn read(suite: Suite) -> Result<Run, Fault> {
    let run = suite.workflow_run.ok_or_else(|| unread("the run", "it is not there"))?;
    let cut = || unread("the reviews of the run", "GitHub does not list all of them");
    if run.deployment_reviews.info.has_next_page {
        return Err(cut());
    }
    let mut reviews = Vec::new();
    for review in run.deployment_reviews.nodes.unwrap_or_default() {
        let review = review.ok_or_else(cut)?;
        let environments = review.environments.whole().ok_or_else(cut)?;
        reviews.push(EnvironmentReview {
            id: review.id,
            state: review.state,
            comment: review.comment,
            user: review.user,
            environments: environments.into_iter().map(|it| it.name).collect(),
        });
    }
    Ok(Run {
        creator: suite.creator,
        reference: suite.branch.map(|branch| branch.full()),
        event: run.event,
        created_at: run.created_at,
        reviews,
    })
}
