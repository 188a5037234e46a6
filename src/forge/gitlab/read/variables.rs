//! The variables that people started a pipeline with, or the job that deploys.
//!
//! They take the place of whatever the project's own files say of the same name, and most that GitLab itself sets: an image's tag, a
//! script that a shell reads first. So what a pipeline deploys that has them is not told by its commit.

use serde::Deserialize;
use serde_json::json;

use super::Reading;
use super::deployments::Listed;
use super::runs::Pipeline;
use crate::forge::gitlab::client::{Fault, unread};
use crate::report::neutral;

/// The name that stands for all.
const ANY: &str = "*";

#[derive(Deserialize)]
struct Variable {
    key: String,
}

const QUESTION: &str = "query($project: ID!, $job: JobID!) { project(fullPath: $project) { job(id: $job) { manualVariables { \
    nodes { key } } } } }";

impl Reading<'_> {
    /// That nobody says by a variable what the pipeline deploys here, but by those that are allowed.
    pub(super) async fn unvaried(&self, run: &Pipeline, listed: &Result<Vec<Listed>, Fault>) -> Result<(), Fault> {
        let allowed = self.client.variables();
        if allowed.iter().any(|name| name == ANY) {
            return Ok(());
        }
        if run.is_scheduled() {
            return Err(Fault::Setup(format!(
                "a schedule started pipeline {}, and GitLab does not say with which variables, which can replace what its commit \
                 deploys: start a pipeline without any, or let `serve` take them all with `--gitlab-variable '*'`",
                run.id
            )));
        }
        let path = format!("{}/pipelines/{}/variables", self.project.path(), run.id);
        let given: Vec<Variable> = self.client.get(&path).await?;
        self.are_allowed(&format!("pipeline {}", run.id), &given)?;
        let listed = listed.as_ref().map_err(Clone::clone)?;
        let here = listed.iter().filter(|it| it.is_of(run.id) && it.is_in(&self.question.environment));
        for job in here.filter_map(|it| it.deployable.as_ref()) {
            let given = self.of_job(job.id).await?;
            self.are_allowed(&format!("job {}", job.id), &given)?;
        }
        Ok(())
    }

    /// The variables that somebody gave a job when he played it or ran it again, which GraphQL alone tells.
    async fn of_job(&self, job: u64) -> Result<Vec<Variable>, Fault> {
        let named =
            json!({"project": self.project.path_with_namespace, "job": format!("gid://gitlab/Ci::Build/{job}")});
        let mut answer = self.client.ask(QUESTION, &named).await?;
        let given = answer.pointer_mut("/project/job/manualVariables/nodes").map(serde_json::Value::take);
        let unknown = || {
            unread(
                &format!("the variables of job {job}"),
                "it does not tell this token, whose owner has to be a maintainer",
            )
        };
        serde_json::from_value(given.ok_or_else(unknown)?).map_err(|_| unknown())
    }

    fn are_allowed(&self, what: &str, given: &[Variable]) -> Result<(), Fault> {
        let allowed = self.client.variables();
        let Some(other) = given.iter().find(|it| !allowed.contains(&it.key)) else { return Ok(()) };
        let name = neutral::line(&other.key, 80);
        Err(Fault::Setup(format!(
            "{what} was started with the variable `{name}`, which can replace what its commit deploys: start one without it, or \
             let `serve` take it with `--gitlab-variable {name}`"
        )))
    }
}
