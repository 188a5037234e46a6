//! Which deployments wait for our vote, by GitLab's own list: no hook tells of one that begins to wait.
//!
//! A deployment is blocked until everybody has approved whom the environment's rules name. It waits for us where one of these
//! rules names our own account: a rule of a group that we are in is that group's, and our vote would stand for a person's.
//! Whoever has all approvals still waits for somebody who plays its job, and that is us where we voted.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, SecondsFormat, Utc};
use serde::Deserialize;

use super::deployments::Numbered;
use super::{Project, escaped, is_commit};
use crate::forge::gitlab::client::{Client, Fault, unread};
use crate::forge::{Pending, Takes, Waiting};
use crate::model::facts::Fact;

/// How long after its last change a deployment is looked at that has all approvals and was not played.
const LOOK_BACK: Duration = Duration::days(35);

/// A deployment that waits for us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::forge::gitlab) struct Held {
    pub(in crate::forge::gitlab) id: u64,
    commit: String,
    environment: String,
    /// Whose job deploys.
    pipeline: u64,
    pub(in crate::forge::gitlab) job: u64,
    pub(in crate::forge::gitlab) step: Step,
}

/// What it waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::forge::gitlab) enum Step {
    /// Our vote.
    Vote {
        /// In whose name it is given: our own account's.
        name: String,
        /// How many approvals of others are missing.
        others: u64,
    },
    /// That its job is played: we have voted for it, and nobody's vote is missing.
    Play,
}

impl Step {
    /// Which answers it would take. We vote last, and a vote cannot be taken back.
    fn takes(&self) -> Takes {
        match self {
            Self::Vote { others: 0, .. } => Takes::ANY,
            Self::Vote { .. } => Takes { opens: false, rejects: true },
            Self::Play => Takes { opens: true, rejects: false },
        }
    }
}

#[derive(Deserialize)]
struct Listed {
    id: u64,
    environment: Named,
    deployable: Option<Job>,
}

#[derive(Clone, Deserialize)]
struct Job {
    id: u64,
    status: Option<String>,
    pipeline: Option<Numbered>,
}

impl Job {
    /// Whether it waits for somebody who plays it.
    fn is_manual(&self) -> bool {
        self.status.as_deref() == Some("manual")
    }
}

#[derive(Deserialize)]
struct Whole {
    sha: String,
    status: String,
    environment: Named,
    deployable: Option<Job>,
    /// Not there where the plan has no approvals, as all that follows.
    pending_approval_count: Option<u64>,
    #[serde(default)]
    approvals: Option<Vec<Vote>>,
    #[serde(default)]
    approval_summary: Option<Summary>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct Vote {
    user: Numbered,
    status: String,
}

#[derive(Deserialize)]
struct Summary {
    #[serde(default)]
    rules: Vec<Rule>,
}

/// A rule by which approvals are needed.
#[derive(Deserialize)]
struct Rule {
    /// The one account that it names, where it names no group and no role.
    user_id: Option<u64>,
    /// The name of whom it names.
    access_level_description: Option<String>,
    #[serde(default)]
    required_approvals: u64,
}

/// What a deployment waits for from the account `own`; `None` where it does not wait for it.
fn step(place: &str, it: &Whole, own: u64) -> Result<Option<Step>, Fault> {
    let votes = it.approvals.as_deref().unwrap_or_default();
    let ours = votes.iter().find(|vote| vote.user.id == own);
    let waits_for_play = it.deployable.as_ref().is_some_and(Job::is_manual);
    match (it.status.as_str(), ours) {
        ("blocked", Some(_)) => Ok(None),
        ("blocked", None) => {
            let rules = it.approval_summary.as_ref().map(|summary| summary.rules.as_slice()).unwrap_or_default();
            let Some(rule) = rules.iter().find(|rule| rule.user_id == Some(own) && rule.required_approvals > 0) else {
                return Ok(None);
            };
            let name = rule.access_level_description.clone().filter(|name| !name.is_empty());
            let name = name.ok_or_else(|| unread(place, "it does not say whom its rule names"))?;
            let missing = it.pending_approval_count;
            let missing = missing.ok_or_else(|| unread(place, "it does not say how many approvals are missing"))?;
            Ok(Some(Step::Vote { name, others: missing.saturating_sub(1) }))
        }
        (_, Some(vote)) if vote.status == "approved" && waits_for_play => Ok(Some(Step::Play)),
        _ => Ok(None),
    }
}

/// The deployments that wait for us, of one environment or of all.
async fn held(client: &Client, project: &Project, environment: Option<&str>) -> Result<Vec<Held>, Fault> {
    let own = client.owner().await?;
    let environment = environment.map_or_else(String::new, |name| format!("&environment={}", escaped(name)));
    let base = format!("{}/deployments?order_by=updated_at&sort=desc{environment}", project.path());
    let mut listed: Vec<Listed> = client.list(&format!("{base}&status=blocked")).await?;
    let since: DateTime<Utc> = Utc::now() - LOOK_BACK;
    let since = since.to_rfc3339_opts(SecondsFormat::Secs, true);
    let created: Vec<Listed> = client.list(&format!("{base}&status=created&updated_after={since}")).await?;
    // Most of them are jobs that nobody pressed, of environments that do not ask us: those are not looked at one by one.
    let mut asks: BTreeMap<String, bool> = BTreeMap::new();
    for it in created.into_iter().filter(|it| it.deployable.as_ref().is_some_and(Job::is_manual)) {
        let name = &it.environment.name;
        let ours = match asks.get(name) {
            Some(known) => *known,
            None => match guarded_in(client, project, own, name).await {
                Ok(guards) => guards == Some(true),
                // Who may not see the rules finds out by each deployment whether one names him.
                Err(Fault::Forbidden { .. }) => true,
                Err(fault) => return Err(fault),
            },
        };
        asks.insert(name.clone(), ours);
        if ours {
            listed.push(it);
        }
    }
    let mut found = Vec::new();
    for it in listed {
        let place = format!("{}/deployments/{}", project.path(), it.id);
        let whole: Whole = client.get(&place).await?;
        let Some(step) = step(&place, &whole, own)? else { continue };
        // What somebody wrote into the list has no job, and nothing that could go.
        let Some(job) = whole.deployable else { continue };
        let Some(pipeline) = job.pipeline.as_ref().map(|it| it.id) else { continue };
        if !is_commit(&whole.sha) {
            return Err(unread(&place, "it names no commit"));
        }
        let (commit, environment) = (whole.sha, whole.environment.name);
        found.push(Held { id: it.id, commit, environment, pipeline, job: job.id, step });
    }
    Ok(found)
}

/// The deployments of a pipeline in an environment that wait for us.
pub(in crate::forge::gitlab) async fn of(
    client: &Client,
    project: &Project,
    waiting: &Waiting,
) -> Result<Vec<Held>, Fault> {
    let mut found = held(client, project, Some(&waiting.environment)).await?;
    found.retain(|it| it.pipeline == waiting.run && it.environment == waiting.environment);
    Ok(found)
}

/// Whether the job of a deployment still waits for somebody who plays it, and nobody has rejected it.
pub(in crate::forge::gitlab) async fn may_be_played(
    client: &Client,
    project: &Project,
    it: &Held,
) -> Result<bool, Fault> {
    let whole: Whole = client.get(&format!("{}/deployments/{}", project.path(), it.id)).await?;
    let is_rejected = whole.approvals.iter().flatten().any(|vote| vote.status == "rejected");
    Ok(!is_rejected && whole.deployable.is_some_and(|job| job.id == it.job && job.is_manual()))
}

/// Whether a pipeline waits for us in an environment, and for what.
pub(in crate::forge::gitlab) async fn waits(client: &Client, waiting: &Waiting) -> Result<Option<Takes>, Fault> {
    let project = Project::find(client, &waiting.repository).await?;
    Ok(of(client, &project, waiting).await?.iter().map(|it| it.step.takes()).reduce(Takes::or))
}

/// Every deployment of the project that waits for us.
pub(in crate::forge::gitlab) async fn pending(client: &Client, repository: &str) -> Result<Vec<Pending>, Fault> {
    let project = Project::find(client, repository).await?;
    let mut found: Vec<Pending> = Vec::new();
    for it in held(client, &project, None).await? {
        let repository = project.path_with_namespace.clone();
        let waiting = Waiting { repository, run: it.pipeline, environment: it.environment };
        let pending = Pending { waiting, commit: it.commit };
        if !found.contains(&pending) {
            found.push(pending);
        }
    }
    Ok(found)
}

/// Whether an environment is protected by a rule that names our own account; absent: the project has no such environment.
pub(in crate::forge::gitlab) async fn guards(client: &Client, repository: &str, environment: &str) -> Fact<bool> {
    match guarded(client, repository, environment).await {
        Ok(Some(guards)) => Fact::Known(guards),
        Ok(None) => Fact::Absent,
        Err(fault) => fault.unavailable(),
    }
}

async fn guarded(client: &Client, repository: &str, environment: &str) -> Result<Option<bool>, Fault> {
    let own = client.owner().await?;
    let project = Project::find(client, repository).await?;
    guarded_in(client, &project, own, environment).await
}

async fn guarded_in(client: &Client, project: &Project, own: u64, environment: &str) -> Result<Option<bool>, Fault> {
    #[derive(Deserialize)]
    struct Protected {
        #[serde(default)]
        approval_rules: Vec<Rule>,
    }
    let path = format!("{}/protected_environments/{}", project.path(), escaped(environment));
    match client.get::<Protected>(&path).await {
        Ok(it) => Ok(Some(it.approval_rules.iter().any(|it| it.user_id == Some(own) && it.required_approvals > 0))),
        Err(Fault::NotFound { .. }) => {
            let path = format!("{}/environments?name={}", project.path(), escaped(environment));
            let named: Vec<Named> = client.list(&path).await?;
            Ok(named.iter().any(|it| it.name == environment).then_some(false))
        }
        Err(fault) => Err(fault),
    }
}
