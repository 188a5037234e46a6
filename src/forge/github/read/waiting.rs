//! Which deployments wait for our word, by GitHub's own list: what a delivery would have told.

use serde::Deserialize;

use super::{Repository, is_commit};
use crate::forge::github::client::{Client, Fault};
use crate::forge::github::write::{By, is_ours};
use crate::forge::{Pending, Waiting};
use crate::model::facts::Fact;

#[derive(Deserialize)]
struct Runs {
    workflow_runs: Vec<Run>,
}

#[derive(Deserialize)]
struct Run {
    id: u64,
    head_sha: String,
}

#[derive(Deserialize)]
struct Held {
    environment: Environment,
}

#[derive(Deserialize)]
struct Environment {
    name: Option<String>,
}

#[derive(Deserialize)]
struct Rules {
    #[serde(default)]
    custom_deployment_protection_rules: Vec<Rule>,
}

#[derive(Deserialize)]
struct Rule {
    enabled: bool,
    app: By,
}

/// Every deployment of the repository that waits at an environment of which our App is a protection rule.
pub async fn pending(client: &Client, repository: &str) -> Result<Vec<Pending>, Fault> {
    let repository = Repository::parse(repository)?;
    let path = format!("/repos/{}/actions/runs?status=waiting", repository.path());
    let (runs, _) = client.list_in(&path, |mut page: Runs| (std::mem::take(&mut page.workflow_runs), page)).await?;
    let mut found = Vec::new();
    for run in runs.into_entries().into_iter().filter(|run| is_commit(&run.head_sha)) {
        let path = format!("/repos/{}/actions/runs/{}/pending_deployments", repository.path(), run.id);
        let held: Vec<Held> = client.get(&path).await?;
        for environment in held.into_iter().filter_map(|held| held.environment.name) {
            if asks_us(client, &repository, &environment).await? {
                let waiting = Waiting { repository: repository.path(), run: run.id, environment };
                found.push(Pending { waiting, commit: run.head_sha.clone() });
            }
        }
    }
    Ok(found)
}

/// Whether our App is a protection rule of an environment that is enabled; absent: the repository has no such environment.
pub async fn guards(client: &Client, repository: &str, environment: &str) -> Fact<bool> {
    let repository = match Repository::parse(repository) {
        Ok(repository) => repository,
        Err(fault) => return fault.unavailable(),
    };
    match rules(client, &repository, environment).await {
        Ok(ours) => Fact::Known(ours),
        Err(Fault::NotFound { .. }) => Fact::Absent,
        Err(fault) => fault.unavailable(),
    }
}

/// Whether our App is a protection rule of the environment. Where that may not be read it is taken for one: an answer
/// that nobody asked for is refused, and changes nothing.
async fn asks_us(client: &Client, repository: &Repository, environment: &str) -> Result<bool, Fault> {
    match rules(client, repository, environment).await {
        Err(Fault::Forbidden { .. } | Fault::NotFound { .. }) => Ok(true),
        read => read,
    }
}

/// Whether one of the environment's rules is our App's and enabled.
async fn rules(client: &Client, repository: &Repository, environment: &str) -> Result<bool, Fault> {
    let environment = super::file::escaped(environment);
    let path = format!("/repos/{}/environments/{environment}/deployment_protection_rules", repository.path());
    let rules: Rules = client.get(&path).await?;
    // GitHub names the App of a rule by its number alone: under a client id any of them may be ours.
    let numbered = client.app().is_some_and(|app| app.bytes().all(|byte| byte.is_ascii_digit()));
    let ours = |rule: &Rule| rule.enabled && (is_ours(client, Some(&rule.app)) || !numbered);
    Ok(rules.custom_deployment_protection_rules.iter().any(ours))
}
