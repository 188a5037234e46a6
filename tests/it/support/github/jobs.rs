//! The jobs of Actions that deploy: GitHub's own word for how a deployment went, which nobody who may push can write.

use serde_json::{Value, json};

use super::world::{Deployment, REPOSITORY, Run, World};

/// A job that names an environment.
#[derive(Clone, Debug)]
pub struct Job {
    pub run: u64,
    /// GitHub's name for the deployment that it is.
    pub deployment: String,
    pub began: String,
    /// What it came to, and when.
    pub ended: Option<(String, String)>,
}

/// GitHub's name for a deployment, which stays what it is when others come before it.
pub fn id(deployment: &Deployment) -> String {
    let began = deployment.statuses.iter().map(|(_, at)| at.as_str()).min().unwrap_or_default();
    let began: String = began.chars().filter(char::is_ascii_digit).collect();
    format!("DE_{}_{}_{began}", deployment.environment, &deployment.commit[..4])
}

/// A deployment as GraphQL has it, and when it was made.
pub fn deployment(it: &Deployment, made: &str) -> Value {
    let status =
        |(state, at): &(String, String)| json!({"__typename": "DeploymentStatus", "state": state, "createdAt": at});
    let statuses: Vec<Value> = it.statuses.iter().map(status).collect();
    json!({"__typename": "Deployment", "id": id(it), "commitOid": it.commit, "statuses": statuses,
        "createdAt": made, "creator": null, "ref": null})
}

impl World {
    /// A deployment as GraphQL has it.
    pub fn deployment(&self, it: &Deployment) -> Value {
        deployment(it, self.made.get(&id(it)).map_or("2026-12-01T00:00:00Z", String::as_str))
    }

    /// The same of a job that came up to the environment earlier, and waited.
    pub fn waited_and_deploys(&mut self, run: u64, environment: &str, made: &str, at: &str) -> String {
        let name = self.deploys(run, environment, at);
        self.made.insert(name.clone(), made.to_owned());
        name
    }

    /// Somebody takes a deployment out of the list; its job stays.
    pub fn forgets(&mut self, deployment: &str) {
        self.deployments.retain(|it| id(it) != deployment);
    }

    /// The job of a run begins to deploy. GitHub lets it in where no rule of ours waits, or an administrator goes past it.
    pub fn deploys(&mut self, run: u64, environment: &str, at: &str) -> String {
        let rule = self.rules.get(&(run, environment.to_owned()));
        let opened = rule.is_none_or(|rule| rule.decided.as_ref().is_some_and(|(state, _)| state == "approved"));
        assert!(opened, "run {run} waits before {environment}");
        let commit = self.runs.iter().find(|it| it.id == run).unwrap().commit.clone();
        let statuses = vec![("IN_PROGRESS".to_owned(), at.to_owned())];
        let deployment = Deployment { environment: environment.to_owned(), commit, statuses };
        let name = id(&deployment);
        self.made.insert(name.clone(), at.to_owned());
        self.deployments.push(deployment);
        self.jobs.push(Job { run, deployment: name.clone(), began: at.to_owned(), ended: None });
        name
    }

    /// An administrator goes past the rules of an environment, which GitHub shows as a review.
    pub fn bypasses(&mut self, run: u64, environment: &str, by: &str) {
        self.rules.remove(&(run, environment.to_owned()));
        let run = self.runs.iter_mut().find(|it| it.id == run).unwrap();
        run.reviews.push((by.to_owned(), "APPROVED".to_owned(), environment.to_owned()));
    }

    /// The job ends, and GitHub writes that into its list.
    pub fn ends(&mut self, deployment: &str, conclusion: &str, at: &str) {
        let job = self.jobs.iter_mut().find(|it| it.deployment == deployment).unwrap();
        job.ended = Some((conclusion.to_owned(), at.to_owned()));
        let state = if conclusion == "SUCCESS" { "SUCCESS" } else { "FAILURE" };
        self.writes_status(deployment, state, at);
    }

    /// Somebody who may push writes a status of a deployment.
    pub fn writes_status(&mut self, deployment: &str, state: &str, at: &str) {
        let found = self.deployments.iter_mut().find(|it| id(it) == deployment).unwrap();
        found.statuses.insert(0, (state.to_owned(), at.to_owned()));
    }

    /// The suites of a commit, one for each of its runs.
    pub fn suites(&self, commit: &str) -> Vec<Value> {
        self.runs.iter().filter(|run| run.commit == commit).map(|run| self.suite(run)).collect()
    }

    pub fn suite(&self, run: &Run) -> Value {
        let job = |job: &Job| {
            let is_there = self.deployments.iter().any(|it| id(it) == job.deployment);
            let deployment = is_there.then(|| json!({"__typename": "Deployment", "id": job.deployment}));
            json!({"__typename": "CheckRun", "status": if job.ended.is_some() { "COMPLETED" } else { "IN_PROGRESS" },
                "conclusion": job.ended.as_ref().map(|(conclusion, _)| conclusion), "startedAt": job.began,
                "completedAt": job.ended.as_ref().map(|(_, at)| at),
                "deployment": deployment})
        };
        // A job that deploys nothing stands before those that do.
        let build = json!({"__typename": "CheckRun", "status": "COMPLETED", "conclusion": "SUCCESS",
            "startedAt": run.created_at, "completedAt": run.created_at, "deployment": null});
        let jobs = self.jobs.iter().filter(|it| it.run == run.id).map(job);
        let jobs: Vec<Value> = std::iter::once(build).chain(jobs).collect();
        json!({"__typename": "CheckSuite", "id": format!("CS_{}", run.id), "checkRuns": jobs,
            "workflowRun": {"__typename": "WorkflowRun", "resourcePath": format!("/{REPOSITORY}/actions/runs/{}", run.id),
                "deploymentReviews": self.reviews(run)}})
    }

    /// The reviews of a run's environments, as GraphQL has them.
    pub fn reviews(&self, run: &Run) -> Vec<Value> {
        let review = |(at, (who, state, environment)): (usize, &(String, String, String))| {
            let beside = self.beside.get(&(run.id, at)).map_or("looked at on a phone", String::as_str);
            json!({"__typename": "DeploymentReview", "id": format!("DR_{}_{at}", run.id), "databaseId": at, "state": state,
                "comment": beside, "user": self.actor(who),
                "environments": [{"__typename": "Environment", "name": environment}]})
        };
        run.reviews.iter().enumerate().map(review).collect()
    }
}
