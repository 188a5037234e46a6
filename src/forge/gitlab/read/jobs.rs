//! Jobs of pipelines: whether one runs.

use serde::Deserialize;

use crate::forge::gitlab::client::{Client, Fault};
use crate::forge::job::Job;

#[derive(Deserialize)]
struct Listed {
    status: String,
    pipeline: Pipeline,
}

#[derive(Deserialize)]
struct Pipeline {
    id: u64,
    sha: String,
}

/// Whether the job of a number runs at this instant, in the pipeline and of the commit that `said` names.
pub async fn runs(client: &Client, project: u64, number: u64, said: &Job) -> Result<bool, Fault> {
    match client.get::<Listed>(&format!("/projects/{project}/jobs/{number}")).await {
        Ok(job) => {
            let is_of = job.pipeline.id == said.run && job.pipeline.sha.eq_ignore_ascii_case(&said.commit);
            Ok(job.status == "running" && is_of)
        }
        Err(Fault::NotFound { .. }) => Ok(false),
        Err(fault) => Err(fault),
    }
}
