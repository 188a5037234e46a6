//! The pipeline that deploys: what it deploys, from where, who started it.

use std::cmp::Reverse;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::Deserialize;

use super::deployments::Listed;
use super::people::User;
use super::{Project, Reading, commits, escaped};
use crate::forge::gitlab::client::{Client, Fault};
use crate::forge::{self, Waiting};
use crate::model::facts::{Account, Fact, Reference};

/// A pipeline.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Pipeline {
    pub(super) id: u64,
    sha: String,
    #[serde(rename = "ref")]
    reference: String,
    #[serde(default)]
    tag: bool,
    source: Option<String>,
    pub(super) created_at: DateTime<Utc>,
    user: Option<User>,
}

/// A branch or tag.
#[derive(Deserialize)]
struct Named {
    commit: Option<commits::GitCommit>,
}

/// What a pipeline says.
pub(super) struct Started {
    pub(super) reference: Fact<Reference>,
    pub(super) trigger: Fact<Account>,
    pub(super) at: Fact<DateTime<Utc>>,
    pub(super) asked_since: Fact<DateTime<Utc>>,
}

/// The pipeline of a number, which has to deploy the commit.
pub(super) async fn find(client: &Client, project: &Project, commit: &str, id: u64) -> Result<Pipeline, Fault> {
    let found: Pipeline = client.get(&format!("{}/pipelines/{id}", project.path())).await?;
    if found.sha != commit {
        return Err(Fault::Setup(format!("pipeline {id} deploys {}, and not {commit}", found.sha)));
    }
    Ok(found)
}

/// How much earlier than its pipeline a deployment can have been changed, by GitLab's clocks.
const APART: TimeDelta = TimeDelta::minutes(1);
/// The number of an account that GitLab does not name. It gives none to anybody.
const UNNAMED: u64 = 0;

/// How the pipeline of a deployment was started; `None` where there is none. It is never started again as a whole: a job that is
/// tried again is a deployment of its own, which waits anew, and so the newest that it has in the environment says what an answer
/// is of.
pub(in crate::forge::gitlab) async fn started(
    client: &Client,
    project: &Project,
    waiting: &Waiting,
) -> Result<Option<forge::Started>, Fault> {
    let id = waiting.run;
    let found: Pipeline = match client.get(&format!("{}/pipelines/{id}", project.path())).await {
        Ok(found) => found,
        Err(Fault::NotFound { .. }) => return Ok(None),
        Err(fault) => return Err(fault),
    };
    let since = (found.created_at - APART).to_rfc3339_opts(SecondsFormat::Secs, true);
    let place = format!(
        "{}/deployments?environment={}&order_by=updated_at&sort=desc&updated_after={since}",
        project.path(),
        escaped(&waiting.environment)
    );
    let mut here: Vec<Listed> = client.list(&place).await?;
    here.retain(|it| it.is_of(id));
    here.sort_by_key(|it| Reverse(it.id));
    let (own, began) = (client.app().await?, found.user.map(|user| user.id));
    let jobs = here.iter().filter_map(|it| it.deployable.as_ref());
    // Whoever played or tried a job again started it as well, and we start nothing.
    let mut others = jobs.map(|job| job.user.as_ref().map_or(UNNAMED, |user| user.id));
    let other = others.find(|user| Some(*user) != began && Some(*user) != own);
    Ok(Some(forge::Started {
        commit: found.sha,
        attempt: here.first().map_or(0, |it| it.id),
        branch: Some(found.reference),
        event: found.source.unwrap_or_default(),
        by: [began, other],
        // A pipeline can wait for much else.
        waits: false,
    }))
}

impl Pipeline {
    /// Whether a schedule started it.
    pub(super) fn is_scheduled(&self) -> bool {
        self.source.as_deref() == Some("schedule")
    }

    /// What it runs on, in full.
    fn full(&self) -> String {
        match (self.tag, self.reference.starts_with("refs/")) {
            (_, true) => self.reference.clone(),
            (true, false) => format!("refs/tags/{}", self.reference),
            (false, false) => format!("refs/heads/{}", self.reference),
        }
    }
}

impl Reading<'_> {
    /// The branch or tag, who started the pipeline, when, and when the last of its jobs that deploy here was made.
    pub(super) async fn started(
        &mut self,
        run: Option<&Result<Pipeline, Fault>>,
        listed: &Result<Vec<Listed>, Fault>,
    ) -> Started {
        let (trigger, at, asked_since) = match run {
            None => (Fact::default(), Fact::default(), Fact::default()),
            Some(Err(fault)) => (fault.unavailable(), fault.unavailable(), fault.unavailable()),
            Some(Ok(run)) => {
                (self.trigger(run, listed).await, Fact::Known(run.created_at), self.asked_since(run, listed))
            }
        };
        let of_run = run.and_then(|run| run.as_ref().ok()).map(Pipeline::full);
        let reference = match self.question.reference.clone().or(of_run) {
            Some(name) => self.reference(name).await,
            None => Fact::default(),
        };
        Started { reference, trigger, at, asked_since }
    }

    /// Since when people are asked: a job that is tried again in an old pipeline has a deployment of its own.
    fn asked_since(&self, run: &Pipeline, listed: &Result<Vec<Listed>, Fault>) -> Fact<DateTime<Utc>> {
        match listed {
            Ok(listed) => {
                let here = listed.iter().filter(|it| it.is_of(run.id) && it.is_in(&self.question.environment));
                Fact::Known(here.map(|it| it.created_at).max().unwrap_or(run.created_at))
            }
            Err(fault) => fault.unavailable(),
        }
    }

    /// Who started what deploys: whoever started the pipeline, and whoever played the job that deploys. The facts name one,
    /// and where there are several none is let off.
    async fn trigger(&mut self, run: &Pipeline, listed: &Result<Vec<Listed>, Fault>) -> Fact<Account> {
        let listed = match listed {
            Ok(listed) => listed,
            Err(fault) => return fault.unavailable(),
        };
        let Some(began) = &run.user else {
            return Fact::Unavailable("GitLab does not say who started the pipeline".into());
        };
        let jobs = listed.iter().filter(|it| it.is_of(run.id)).filter_map(|it| it.deployable.as_ref());
        let mut played = Vec::new();
        for job in jobs {
            let Some(user) = &job.user else {
                return Fact::Unavailable("GitLab does not say who started the job that deploys".into());
            };
            // We play what a decision let go, and start nothing by that.
            if user.id != began.id && !self.is_ours(user) && !played.contains(user) {
                played.push(user.clone());
            }
        }
        match played.as_slice() {
            [] if run.source.as_deref() == Some("trigger") => {
                let says = format!(
                    "a trigger token started the pipeline in the name of {}, whose it is, and GitLab does not say who held it",
                    began.username
                );
                Fact::Unavailable(says.into())
            }
            // Of a schedule as well: its owner, or whoever plays it by hand, who may be anybody that may push to its branch.
            [] => Fact::Known(self.accounts.note(self.client, began).await),
            played => {
                let names: Vec<&str> = played.iter().map(|user| user.username.as_str()).collect();
                let says = format!(
                    "{} started the pipeline and {} its job that deploys, and all of them are who started it: one of them \
                     has to start a pipeline of his own",
                    began.username,
                    names.join(", ")
                );
                Fact::Unavailable(says.into())
            }
        }
    }

    async fn reference(&self, name: String) -> Fact<Reference> {
        let place = match (name.strip_prefix("refs/heads/"), name.strip_prefix("refs/tags/")) {
            (Some(branch), _) => format!("branches/{}", escaped(branch)),
            (None, Some(tag)) => format!("tags/{}", escaped(tag)),
            (None, None) => {
                return Fact::Unavailable(format!("`{name}` is no branch and no tag of this project").into());
            }
        };
        let tip = match self.client.get::<Named>(&format!("{}/repository/{place}", self.project.path())).await {
            Ok(named) => named.commit.map(|commit| commit.id),
            Err(Fault::NotFound { .. }) => None,
            Err(fault) => return fault.unavailable(),
        };
        let reaches = match &tip {
            None => Fact::Known(false),
            Some(tip) => self.has(tip).await,
        };
        let on_default = match &self.project.default_branch {
            Some(branch) if format!("refs/heads/{branch}") == name => reaches.clone(),
            Some(branch) => {
                let path = format!("{}/repository/branches/{}", self.project.path(), escaped(branch));
                match self.client.get::<Named>(&path).await {
                    Ok(Named { commit: Some(tip) }) => self.has(&tip.id).await,
                    Ok(Named { commit: None }) => {
                        Fact::Unavailable("GitLab does not say where the default branch is".into())
                    }
                    Err(fault) => fault.unavailable(),
                }
            }
            None => Fact::Unavailable("GitLab does not say what the default branch is".into()),
        };
        Fact::Known(Reference { name, reaches, on_default, resolves_to: tip.map_or(Fact::Absent, Fact::Known) })
    }

    /// Whether a branch that ends here has the commit.
    async fn has(&self, tip: &str) -> Fact<bool> {
        match commits::reaches(self.client, &self.project, tip, &self.question.commit).await {
            Ok(reaches) => Fact::Known(reaches),
            Err(fault) => fault.unavailable(),
        }
    }
}
