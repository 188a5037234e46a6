//! What was deployed, by GitLab's list. Whoever may push can add to it where the environment is not protected: that
//! something was deployed there makes nothing easier, and how it went is nothing that is known from here.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use serde::Deserialize;

use super::people::User;
use super::{Project, Reading, escaped};
use crate::forge::gitlab::client::{Client, Fault, unread};
use crate::model::facts::{Deployment, Fact, Released};

/// Why GitLab's word for how a deployment went is none.
pub(super) const UNPROVEN: &str =
    "whoever may deploy can write how a deployment went into GitLab; the record of who let it in knows";
/// How far back deployments are read. What is older was superseded by those.
const LOOK_BACK: Duration = Duration::days(400);
/// Of how many deployments it is read what they contained.
const CONTENTS: usize = 50;

/// One deployment.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Listed {
    pub(super) id: u64,
    sha: String,
    status: String,
    pub(super) created_at: DateTime<Utc>,
    updated_at: Option<DateTime<Utc>>,
    pub(super) deployable: Option<Deployable>,
    #[serde(skip)]
    environment: String,
}

/// The job that deploys.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Deployable {
    pub(super) id: u64,
    status: Option<String>,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
    pub(super) user: Option<User>,
    pub(super) pipeline: Option<Numbered>,
}

/// Something with a number.
#[derive(Clone, Debug, Deserialize)]
pub(in crate::forge::gitlab) struct Numbered {
    pub(in crate::forge::gitlab) id: u64,
}

impl Listed {
    /// Whether it was let into its environment.
    fn went(&self) -> bool {
        matches!(self.status.as_str(), "running" | "success" | "failed")
    }

    /// When it was let in.
    fn opened_at(&self) -> DateTime<Utc> {
        self.deployable.as_ref().and_then(|job| job.started_at).unwrap_or(self.created_at)
    }

    /// When it ran, as far as it did.
    fn ran_at(&self) -> Option<DateTime<Utc>> {
        let finished = self.deployable.as_ref().and_then(|job| job.finished_at);
        (self.status == "success").then(|| finished.or(self.updated_at).unwrap_or(self.created_at))
    }

    /// Whether a job of a pipeline was it, and ended well.
    fn is_proven(&self) -> bool {
        let job = self.deployable.as_ref().filter(|job| job.pipeline.is_some());
        job.is_some_and(|job| job.status.as_deref() == Some("success"))
    }

    /// Whether a job of a pipeline deploys it.
    pub(super) fn is_of(&self, pipeline: u64) -> bool {
        self.deployable.as_ref().and_then(|job| job.pipeline.as_ref()).is_some_and(|it| it.id == pipeline)
    }

    /// Whether it is one of an environment.
    pub(super) fn is_in(&self, environment: &str) -> bool {
        self.environment == environment
    }

    /// Whether another commit may have run here since an instant.
    pub(super) fn moved(&self, environment: &str, commit: &str, since: DateTime<Utc>) -> bool {
        self.environment == environment
            && self.sha != commit
            && self.went()
            && self.ran_at().unwrap_or_else(|| self.opened_at()) > since
    }
}

/// The deployments of one environment, the newest first.
pub(super) async fn of(client: &Client, project: &Project, environment: &str) -> Result<Vec<Listed>, Fault> {
    let path = format!("{}/deployments?environment={}&order_by=id&sort=desc", project.path(), escaped(environment));
    let since = Utc::now() - LOOK_BACK;
    let old = |listed: &[Listed]| listed.last().is_some_and(|it| it.created_at < since);
    let (mut listed, more) = client.list_until(&path, old).await?;
    if more && !old(&listed) {
        return Err(unread(&path, "there are more than 10,000 of the last 400 days"));
    }
    for it in &mut listed {
        environment.clone_into(&mut it.environment);
    }
    Ok(listed)
}

/// The commit of the deployment that ran last in an environment, by the jobs that are those of GitLab's list: what no job did
/// somebody may have written there.
pub(in crate::forge::gitlab) async fn last_ran(
    client: &Client,
    repository: &str,
    environment: &str,
) -> Result<Option<String>, Fault> {
    let project = Project::find(client, repository).await?;
    let listed = of(client, &project, environment).await?;
    let done = listed.into_iter().filter(|it| it.ran_at().is_some() && it.is_proven());
    Ok(done.max_by_key(Listed::ran_at).map(|it| it.sha))
}

impl Reading<'_> {
    /// What was deployed here and where it is promoted from, by GitLab's list, the newest first.
    pub(super) async fn listed(&self) -> Result<Vec<Listed>, Fault> {
        let mut names = vec![self.question.environment.as_str()];
        if self.question.history {
            names.extend(self.question.promoted_from.iter().map(String::as_str));
        }
        names.dedup();
        let mut found = Vec::new();
        for name in names {
            found.extend(of(self.client, &self.project, name).await?);
        }
        Ok(found)
    }

    /// The deployments as facts, the oldest first, each with what it contained.
    pub(super) async fn deployments(&mut self, listed: &Result<Vec<Listed>, Fault>) -> Fact<Vec<Deployment>> {
        if !self.question.history {
            return Fact::default();
        }
        let listed = match listed {
            Ok(listed) => listed,
            Err(fault) => return fault.unavailable(),
        };
        let mut went: Vec<&Listed> = listed.iter().filter(|it| it.went()).collect();
        went.sort_by_key(|it| std::cmp::Reverse((it.opened_at(), it.id)));
        let mut found = Vec::new();
        for (at, it) in went.into_iter().enumerate() {
            let mut components = BTreeMap::new();
            for (name, folders) in &self.question.components {
                let content = if at < CONTENTS {
                    self.trees.content(self.client, &self.project, &it.sha, folders).await
                } else {
                    Fact::Unavailable(format!("what the {CONTENTS} newest deployments contained is read alone").into())
                };
                let artifacts = Fact::Unavailable("GitLab does not say which artifacts went".into());
                components.insert(name.clone(), Released { content, artifacts });
            }
            found.push(Deployment {
                release: format!("deployment-{}", it.id),
                environment: it.environment.clone(),
                commit: it.sha.clone(),
                components,
                opened_at: it.opened_at(),
                finished_at: Fact::Unavailable(UNPROVEN.into()),
                outcome: Fact::Unavailable(UNPROVEN.into()),
                approved: Fact::Unavailable("GitLab does not say whether a decision of ours opened it".into()),
                parts: Fact::Unavailable("GitLab does not say which other parts of a package went with it".into()),
            });
        }
        found.reverse();
        Fact::Known(found)
    }
}
