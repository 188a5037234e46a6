//! How a deployment that is not GitHub's own goes on, told to GitHub.

use serde::Deserialize;
use serde_json::{Value, json};

use super::at_most;
use crate::forge::github::client::{Client, Fault, Method};
use crate::forge::github::read::Repository;

/// How many characters a description has at most.
const DESCRIPTION: usize = 140;

/// How a deployment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It began.
    InProgress,
    /// It runs.
    Success,
    /// It does not.
    Failure,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Success => "success",
            Self::Failure => "failure",
        }
    }
}

#[derive(Deserialize)]
struct Told {
    state: String,
}

/// Says how a deployment stands.
pub async fn tell(
    client: &Client,
    repository: &Repository,
    deployment: u64,
    state: State,
    description: &str,
) -> Result<(), Fault> {
    let path = format!("/repos/{}/deployments/{deployment}/statuses", repository.path());
    let body = json!({"state": state.word(), "description": at_most(description, DESCRIPTION), "auto_inactive": false});
    match client.write::<Value>(Method::POST, &path, &body).await {
        Err(fault) if fault.leaves_doubt() => {
            let told = client.list::<Told>(&path).await?;
            // The newest comes first.
            if told.entries().first().is_some_and(|last| last.state == state.word()) {
                return Ok(());
            }
            client.write::<Value>(Method::POST, &path, &body).await.map(|_| ())
        }
        done => done.map(|_| ()),
    }
}
