//! Which deployments began, and how they went: by the jobs that are them.
//!
//! Whoever may deploy can write a deployment, and how it went, into GitLab's list. What a job of a pipeline did is GitLab's
//! own word. So a deployment that no job is has begun, as far as anybody says, and how it went is not known.

use std::collections::BTreeSet;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;

use super::deployments::{Numbered, UNPROVEN};
use super::people::{User, account};
use super::{Project, escaped, is_commit};
use crate::forge::gitlab::client::{Client, Fault, unread};
use crate::forge::{LetIn, Ran};
use crate::model::facts::{Fact, Outcome};

#[derive(Deserialize)]
struct Listed {
    id: u64,
    sha: String,
    status: String,
    created_at: DateTime<Utc>,
    deployable: Option<Job>,
}

#[derive(Deserialize)]
struct Job {
    status: Option<String>,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
    pipeline: Option<Numbered>,
}

#[derive(Deserialize)]
struct Voted {
    #[serde(default)]
    approvals: Option<Vec<Vote>>,
}

#[derive(Deserialize)]
struct Vote {
    user: User,
    status: String,
}

impl Listed {
    /// When it began; `None` where it did not. A job that was rejected or stopped before it started did nothing.
    fn began(&self) -> Option<DateTime<Utc>> {
        match &self.deployable {
            Some(job) => job.started_at,
            None => matches!(self.status.as_str(), "running" | "success" | "failed").then_some(self.created_at),
        }
    }

    fn ended(&self) -> Fact<(Outcome, DateTime<Utc>)> {
        let Some(job) = &self.deployable else { return Fact::Unavailable(UNPROVEN.into()) };
        let outcome = match job.status.as_deref() {
            Some("success") => Outcome::Succeeded,
            // What was stopped at work may have changed something.
            Some("failed" | "canceled") => Outcome::Failed,
            Some(_) => return Fact::Absent,
            None => return Fact::Unavailable("GitLab does not say how its job is".into()),
        };
        match job.finished_at {
            Some(at) => Fact::Known((outcome, at)),
            None => Fact::Unavailable("GitLab says that its job ended, and not when".into()),
        }
    }
}

/// The deployments of environments that began since an instant, but for those that are known.
pub(in crate::forge::gitlab) async fn since(
    client: &Client,
    repository: &str,
    environments: &[String],
    since: DateTime<Utc>,
    known: &BTreeSet<String>,
) -> Result<Vec<Ran>, Fault> {
    let project = Project::find(client, repository).await?;
    let after = since.to_rfc3339_opts(SecondsFormat::Secs, true);
    let mut found = Vec::new();
    for environment in environments {
        let place = format!(
            "{}/deployments?environment={}&order_by=updated_at&sort=desc&updated_after={after}",
            project.path(),
            escaped(environment)
        );
        let listed: Vec<Listed> = client.list(&place).await?;
        for it in listed {
            let id = format!("deployment-{}", it.id);
            let Some(began) = it.began().filter(|began| *began >= since && !known.contains(&id)) else { continue };
            if !is_commit(&it.sha) {
                return Err(unread(&place, "one of them names no commit"));
            }
            let run = it.deployable.as_ref().and_then(|job| job.pipeline.as_ref()).map(|it| it.id);
            let let_in = match run {
                Some(_) => Fact::Known(let_in(client, &project, it.id).await?),
                None => Fact::Unavailable("no job of a pipeline is known to be it".into()),
            };
            let (environment, ended) = (environment.clone(), it.ended());
            found.push(Ran { id, environment, commit: it.sha, made: it.created_at, began, run, ended, let_in });
        }
    }
    Ok(found)
}

/// Who voted for a deployment, ourselves left out: our vote is the record's.
async fn let_in(client: &Client, project: &Project, id: u64) -> Result<Vec<LetIn>, Fault> {
    let own = client.app().await?;
    let path = format!("{}/deployments/{id}", project.path());
    let votes = client.get::<Voted>(&path).await?.approvals.unwrap_or_default();
    let people = votes.into_iter().filter(|vote| vote.status == "approved" && Some(vote.user.id) != own);
    Ok(people
        .map(|vote| LetIn { review: format!("vote-{id}-{}", vote.user.id), by: account(&vote.user.username) })
        .collect())
}
