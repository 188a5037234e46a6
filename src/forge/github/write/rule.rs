//! The answer to a deployment that waits for our protection rule.
//!
//! "Not yet" is a report: the same request without a `state`, at most ten a deployment and 1,024 characters each.
//! `rejected` fails the workflow for good, and so it is only for a person's final word.

use serde::Deserialize;
use serde_json::{Value, json};

use super::at_most;
use crate::forge::github::client::{Client, Fault, Method};
use crate::forge::github::read::Repository;
use crate::forge::{Answer, Given, Started, Waiting};

/// How many reports GitHub takes of one deployment.
pub const REPORTS: usize = 10;
/// How many characters a report or an answer has at most.
const COMMENT: usize = 1_024;

fn path(waiting: &Waiting, rest: &str) -> Result<String, Fault> {
    let repository = Repository::parse(&waiting.repository)?;
    Ok(format!("/repos/{}/actions/runs/{}{rest}", repository.path(), waiting.run))
}

async fn post(client: &Client, waiting: &Waiting, state: Option<&str>, comment: &str) -> Result<(), Fault> {
    let mut body = json!({"environment_name": waiting.environment, "comment": at_most(comment, COMMENT)});
    if let (Some(state), Some(body)) = (state, body.as_object_mut()) {
        body.insert("state".to_owned(), json!(state));
    }
    let path = path(waiting, "/deployment_protection_rule")?;
    client.write::<Value>(Method::POST, &path, &body).await.map(|_| ())
}

/// Says why it does not go yet, in Markdown. It is not repeated where it is not known whether it arrived: a report that is
/// missing harms nobody, and there are only ten.
pub async fn report(client: &Client, waiting: &Waiting, text: &str) -> Result<(), Fault> {
    post(client, waiting, None, text).await
}

/// The commit that the run deploys.
pub async fn commit(client: &Client, waiting: &Waiting) -> Result<String, Fault> {
    #[derive(Deserialize)]
    struct Run {
        head_sha: String,
    }
    client.get::<Run>(&path(waiting, "")?).await.map(|run| run.head_sha)
}

/// How the run was started; `None` where there is no such run.
pub async fn started(client: &Client, waiting: &Waiting) -> Result<Option<Started>, Fault> {
    #[derive(Deserialize)]
    struct Run {
        #[serde(rename = "head_sha")]
        commit: String,
        #[serde(rename = "run_attempt")]
        attempt: u64,
        #[serde(rename = "head_branch")]
        branch: Option<String>,
        event: String,
        actor: Option<User>,
        triggering_actor: Option<User>,
        status: Option<String>,
    }
    #[derive(Deserialize)]
    struct User {
        id: u64,
    }
    let run: Run = match client.get(&path(waiting, "")?).await {
        Ok(run) => run,
        Err(Fault::NotFound { .. }) => return Ok(None),
        Err(fault) => return Err(fault),
    };
    let by = [run.actor, run.triggering_actor].map(|user| user.map(|user| user.id));
    // It is said of a run of which nothing else is at work; of another the list of what waits has to be asked for.
    let waits = run.status.as_deref() == Some("waiting");
    Ok(Some(Started { commit: run.commit, attempt: run.attempt, branch: run.branch, event: run.event, by, waits }))
}

/// Whether the run still waits at the environment.
pub async fn waits(client: &Client, waiting: &Waiting) -> Result<bool, Fault> {
    #[derive(Deserialize)]
    struct Pending {
        environment: Environment,
    }
    #[derive(Deserialize)]
    struct Environment {
        name: Option<String>,
    }
    let pending: Vec<Pending> = client.get(&path(waiting, "/pending_deployments")?).await?;
    Ok(pending.iter().any(|it| it.environment.name.as_deref() == Some(waiting.environment.as_str())))
}

/// Answers for good. Where it is not known whether that took effect, it is read back before it is repeated once.
pub async fn answer(client: &Client, waiting: &Waiting, answer: Answer, comment: &str) -> Result<Given, Fault> {
    let state = match answer {
        Answer::Open => "approved",
        Answer::Reject => "rejected",
    };
    match post(client, waiting, Some(state), comment).await {
        Ok(()) => Ok(Given::Now),
        Err(fault) if fault.leaves_doubt() => {
            if !waits(client, waiting).await? {
                return Ok(Given::NoLongerWaits);
            }
            post(client, waiting, Some(state), comment).await.map(|()| Given::Now)
        }
        // What was decided before is not decided again.
        Err(refused @ Fault::Refused { status: 422, .. }) => {
            if waits(client, waiting).await? {
                Err(refused)
            } else {
                Ok(Given::NoLongerWaits)
            }
        }
        Err(fault) => Err(fault),
    }
}
