//! The run that deploys: who started it, from which branch, and who reviewed its environment.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::people::{Actor, RestUser};
use super::pulls::{Counted, Page};
use super::question::First;
use super::{Repository, unread};
use crate::forge::github::client::{Answer, Client, Fault};
use crate::model::facts::Fact;

/// The run, as REST tells of its present attempt.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Run {
    /// Its id in GraphQL.
    pub(super) node_id: String,
    head_sha: String,
    /// The branch or tag, by its short name.
    pub(super) head_branch: Option<String>,
    pub(super) event: String,
    #[serde(rename = "run_attempt")]
    pub(super) attempt: u64,
    pub(super) created_at: DateTime<Utc>,
    /// When this attempt was started.
    #[serde(rename = "run_started_at")]
    started_at: Option<DateTime<Utc>>,
    /// Who started it first.
    pub(super) actor: Option<RestUser>,
    /// Who started this attempt.
    pub(super) triggering_actor: Option<RestUser>,
}

impl Run {
    /// When its present attempt was started: of the first one that is when it was made.
    pub(super) fn attempted_at(&self) -> Fact<DateTime<Utc>> {
        match self.started_at {
            Some(at) => Fact::Known(at),
            None if self.attempt <= 1 => Fact::Known(self.created_at),
            None => Fact::Unavailable(format!("GitHub does not say when attempt {} was started", self.attempt).into()),
        }
    }
}

/// Where a run lies.
pub(super) fn place(repository: &Repository, run: u64) -> String {
    format!("/repos/{}/actions/runs/{run}", repository.path())
}

/// The run, if it is one of this commit.
pub(super) async fn find(client: &Client, repository: &Repository, commit: &str, run: u64) -> Result<Run, Fault> {
    let path = place(repository, run);
    let found: Run = client.get(&path).await?;
    if found.head_sha != commit {
        return Err(unread(&path, &format!("the run is of commit {}, and not of {commit}", found.head_sha)));
    }
    Ok(found)
}

/// A branch or tag as GraphQL names it.
#[derive(Debug, Deserialize)]
struct Branch {
    name: String,
    prefix: String,
}

/// The branch or tag that the run is of, in full: REST gives its short name, which a tag and a branch may share.
pub(super) fn branch(answer: &Answer) -> Result<Option<String>, Fault> {
    match answer.part::<Branch>(&["run", "checkSuite", "branch"]) {
        Ok(branch) => Ok(Some(branch.prefix + &branch.name)),
        Err(Fault::NotFound { .. }) => Ok(None),
        Err(fault) => Err(fault),
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawReview {
    id: String,
    database_id: Option<u64>,
    state: String,
    comment: String,
    user: Actor,
    environments: Counted<Name>,
}

#[derive(Clone, Debug, Deserialize)]
struct Name {
    name: String,
}

/// A review of environments.
#[derive(Clone, Debug)]
pub(super) struct EnvironmentReview {
    pub(super) id: String,
    /// GitHub counts them: a later one has a greater number.
    pub(super) number: Option<u64>,
    pub(super) state: String,
    pub(super) comment: String,
    pub(super) user: Actor,
    pub(super) environments: Vec<String>,
}

/// How many pages of reviews a run may have.
const PAGES: usize = 20;

/// The reviews of a run's environments, from an answer and its further pages, in the order in which they were given.
pub(super) async fn reviews(
    client: &Client,
    repository: &Repository,
    answer: &Answer,
    run: &Run,
) -> Result<Vec<EnvironmentReview>, Fault> {
    let place = ["run", "deploymentReviews"];
    let cut = || unread("the reviews of the run", "GitHub does not list all of them");
    let mut page: Page<RawReview> = answer.part(&place)?;
    let mut found = Vec::new();
    for _ in 0..PAGES {
        for review in page.nodes.unwrap_or_default() {
            let review = review.ok_or_else(cut)?;
            let environments = review.environments.whole().ok_or_else(cut)?;
            found.push(EnvironmentReview {
                id: review.id,
                number: review.database_id,
                state: review.state,
                comment: review.comment,
                user: review.user,
                environments: environments.into_iter().map(|it| it.name).collect(),
            });
        }
        if !page.info.has_next_page {
            found.sort_by_key(|review| review.number);
            return Ok(found);
        }
        let mut question = First::default();
        question.reviews(&run.node_id, page.info.end_cursor.as_deref());
        page = client.ask(&question.text(), &repository.variables()).await?.part(&place)?;
    }
    Err(cut())
}
