//! What was deployed, and how that went, by the jobs of Actions.
//!
//! Whoever may push can write deployments and their statuses into GitHub's list, and take them out of it. A job of Actions
//! he cannot write: GitHub itself says which deployment a job is, when it began and what it came to. So a deployment that
//! no job is has begun, as far as anybody says, and how it went is not known.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::deployments::{self, Opened};
use super::people::{Accounts, Actor};
use super::pulls::{Counted, Page};
use super::question::{First, Jobs};
use super::{Repository, unread};
use crate::forge::github::client::{Client, Fault};
use crate::forge::{LetIn, Ran};
use crate::model::facts::{Fact, Outcome};

/// Of how many commits the jobs are asked at once: GitHub counts at most 500,000 entries that could be listed.
const AT_ONCE: usize = 10;
/// How many further pages one list may have.
const ROUNDS: usize = 100;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Suites {
    check_suites: Option<Page<Suite>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Suite {
    id: String,
    workflow_run: Option<WorkflowRun>,
    check_runs: Option<Page<Job>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WorkflowRun {
    /// `/acme/shop/actions/runs/900`: its number as GraphQL has it need not hold one so large.
    resource_path: String,
    deployment_reviews: Counted<Review>,
}

#[derive(Deserialize)]
struct Review {
    id: String,
    state: String,
    user: Actor,
    environments: Counted<Name>,
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Runs {
    check_runs: Page<Job>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Job {
    status: String,
    conclusion: Option<String>,
    started_at: Option<DateTime<Utc>>,
    completed_at: Option<DateTime<Utc>>,
    deployment: Option<Id>,
}

#[derive(Clone, Deserialize)]
struct Id {
    id: String,
}

/// The job that a deployment is.
struct Found {
    job: Job,
    run: u64,
    /// Who let it in, by environment; `None` where GitHub does not list all reviews.
    let_in: Option<Vec<(String, LetIn)>>,
}

/// How a job ended; absent while it has not. What was stopped at work may have changed something.
fn ended(job: &Job) -> Fact<(Outcome, DateTime<Utc>)> {
    if job.status != "COMPLETED" {
        return Fact::Absent;
    }
    let outcome = match job.conclusion.as_deref() {
        Some("SUCCESS") => Outcome::Succeeded,
        Some("SKIPPED") => Outcome::Cancelled,
        Some("CANCELLED") if job.started_at.is_none() => Outcome::Cancelled,
        Some(_) => Outcome::Failed,
        None => return Fact::Unavailable("GitHub says that its job ended, and not how".into()),
    };
    match job.completed_at {
        Some(at) => Fact::Known((outcome, at)),
        None => Fact::Unavailable("GitHub says that its job ended, and not when".into()),
    }
}

/// The deployments of environments that began since an instant, but for those that are known.
pub async fn since(
    client: &Client,
    repository: &str,
    environments: &[String],
    since: DateTime<Utc>,
    known: &BTreeSet<String>,
) -> Result<Vec<Ran>, Fault> {
    let repository = Repository::parse(repository)?;
    if environments.is_empty() {
        return Ok(Vec::new());
    }
    let mut question = First::default();
    for (at, environment) in environments.iter().enumerate() {
        question.deployments(at, environment, None);
    }
    let answer = client.ask(&question.text(), &repository.variables()).await?;
    let mut opened: Vec<Opened> = Vec::new();
    for (at, environment) in environments.iter().enumerate() {
        opened.extend(deployments::of_since(client, &repository, &answer, (at, environment), since).await?);
    }
    opened.retain(|it| !known.contains(&it.id));
    let commits: BTreeSet<&str> = opened.iter().map(|it| it.commit.as_str()).collect();
    let commits: Vec<&str> = commits.into_iter().collect();
    let jobs = jobs(client, &repository, &commits).await?;
    let ran = |it: Opened| {
        let found = jobs.get(&it.id);
        let let_in = found.map(|found| found.let_in.as_ref()).map(|reviews| match reviews {
            Some(reviews) => {
                let here = reviews.iter().filter(|(environment, _)| *environment == it.environment);
                Fact::Known(here.map(|(_, let_in)| let_in.clone()).collect())
            }
            None => Fact::Unavailable("GitHub does not list all reviews of the run".into()),
        });
        Ran {
            made: it.made,
            began: found.and_then(|found| found.job.started_at).unwrap_or(it.at),
            run: found.map(|found| found.run),
            ended: found.map_or_else(|| Fact::Unavailable(deployments::UNPROVEN.into()), |found| ended(&found.job)),
            let_in: let_in.unwrap_or_else(|| Fact::Unavailable("no job of Actions is known to be it".into())),
            id: it.id,
            environment: it.environment,
            commit: it.commit,
        }
    };
    Ok(opened.into_iter().map(ran).collect())
}

/// The jobs of commits that are deployments, by the deployment's name.
async fn jobs(client: &Client, repository: &Repository, commits: &[&str]) -> Result<BTreeMap<String, Found>, Fault> {
    let mut found = BTreeMap::new();
    for some in commits.chunks(AT_ONCE) {
        let mut question = Jobs::default();
        for (at, commit) in some.iter().enumerate() {
            question.commit(at, commit, None);
        }
        let answer = client.ask(&question.text(), &repository.variables()).await?;
        for (at, commit) in some.iter().enumerate() {
            let place = format!("j{at}");
            // A commit that is gone has no jobs that anybody could show.
            let mut suites = match answer.part::<Suites>(&["repository", &place]) {
                Ok(suites) => suites.check_suites,
                Err(Fault::NotFound { .. }) => None,
                Err(fault) => return Err(fault),
            };
            for _ in 0..ROUNDS {
                let Some(page) = suites.take() else { break };
                for suite in page.nodes.unwrap_or_default() {
                    let cut = || unread("the jobs of a commit", "some of them may not be seen");
                    of_suite(client, repository, suite.ok_or_else(cut)?, &mut found).await?;
                }
                if page.info.has_next_page {
                    let mut next = Jobs::default();
                    next.commit(at, commit, page.info.end_cursor.as_deref());
                    let answer = client.ask(&next.text(), &repository.variables()).await?;
                    suites = answer.part::<Suites>(&["repository", &place])?.check_suites;
                }
            }
            if suites.is_some() {
                return Err(unread("the jobs of a commit", "there are more than are read"));
            }
        }
    }
    Ok(found)
}

/// The run of a path that is this repository's own.
fn run_of(path: &str, repository: &Repository) -> Option<u64> {
    let mut parts = path.trim_start_matches('/').splitn(3, '/');
    let named = format!("{}/{}", parts.next()?, parts.next()?);
    let run = parts.next()?.strip_prefix("actions/runs/")?;
    if named.eq_ignore_ascii_case(&repository.path()) { run.parse().ok() } else { None }
}

async fn of_suite(
    client: &Client,
    repository: &Repository,
    suite: Suite,
    found: &mut BTreeMap<String, Found>,
) -> Result<(), Fault> {
    // What is no run of Actions deploys nothing.
    let Some(run) = suite.workflow_run else { return Ok(()) };
    let Some(number) = run_of(&run.resource_path, repository) else { return Ok(()) };
    let let_in = let_in(run.deployment_reviews);
    let mut jobs = suite.check_runs;
    for _ in 0..ROUNDS {
        let Some(page) = jobs.take() else { break };
        for job in page.nodes.unwrap_or_default() {
            let job = job.ok_or_else(|| unread("the jobs of a run", "some of them may not be seen"))?;
            if let Some(deployment) = job.deployment.clone() {
                found.insert(deployment.id, Found { job, run: number, let_in: let_in.clone() });
            }
        }
        if page.info.has_next_page {
            let mut next = Jobs::default();
            next.suite(&suite.id, page.info.end_cursor.as_deref());
            let answer = client.ask(&next.text(), &repository.variables()).await?;
            jobs = Some(answer.part::<Runs>(&["suite"])?.check_runs);
        }
    }
    match jobs {
        Some(_) => Err(unread("the jobs of a run", "there are more than are read")),
        None => Ok(()),
    }
}

/// Who let a run into which environment, by its reviews.
fn let_in(reviews: Counted<Review>) -> Option<Vec<(String, LetIn)>> {
    let mut accounts = Accounts::default();
    let mut found = Vec::new();
    for review in reviews.whole()?.into_iter().filter(|review| review.state == "APPROVED") {
        let let_in = LetIn { by: accounts.actor(&review.user), review: review.id };
        found.extend(review.environments.whole()?.into_iter().map(|it| (it.name, let_in.clone())));
    }
    Some(found)
}
