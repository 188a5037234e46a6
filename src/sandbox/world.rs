//! What the sandbox holds: people, a repository with its commits and changes, runs that deploy, and what they were told.
//!
//! Whatever happens is done by somebody at an instant, and is told as GitHub tells it ([`super::payload`]). Names of git objects
//! are digests of what they name, as git's are, by another function.

mod commits;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::asked::hex;
use super::payload;

/// Who owns the repository.
pub const OWNER: &str = "acme";
/// The repository.
pub const REPOSITORY: &str = "acme/shop";
/// Its number.
pub const REPOSITORY_ID: u64 = 77;
/// Its owner's number.
pub const OWNER_ID: u64 = 65;
/// The installation of the App on it.
pub const INSTALLATION: u64 = 4711;
/// The App's number.
pub const APP: &str = "12345";
/// The account by which GitHub commits what people merge in its pages.
pub const WEB_FLOW: &str = "web-flow";

/// The name of no commit, which stands where something begins.
pub(super) const NONE: &str = "0000000000000000000000000000000000000000";

/// The digest by which something is named: 40 digits.
fn digest(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()), 40)
}

/// An instant as GitHub writes it.
pub(super) fn written(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Somebody.
#[derive(Clone, Debug)]
pub struct Person {
    /// GitHub's number.
    pub id: u64,
    /// What he does, in a few words.
    pub about: String,
    /// Whether he may read the repository.
    pub inside: bool,
}

/// A commit.
#[derive(Clone, Debug)]
pub struct Commit {
    /// Who wrote it.
    pub author: String,
    /// Who committed it.
    pub committer: String,
    /// The commits that it stands on.
    pub parents: Vec<String>,
    /// Every file, with the name of its content.
    pub files: BTreeMap<String, String>,
    /// When.
    pub date: String,
    /// Its first line.
    pub title: String,
    /// The changes that brought it.
    pub pulls: Vec<u64>,
}

/// A pull request.
#[derive(Clone, Debug)]
pub struct Pull {
    /// What it is called.
    pub title: String,
    /// Who opened it.
    pub author: String,
    /// What it changes, from where to where.
    pub base: String,
    /// Its last commit.
    pub head: String,
    /// The files that it changes.
    pub files: Vec<String>,
    /// What it was merged as, and when.
    pub merged: Option<(String, String)>,
    /// When something happened to it last.
    pub updated_at: String,
    /// As GraphQL has them.
    pub reviews: Vec<Value>,
    /// The same.
    pub comments: Vec<Value>,
}

/// A run that deploys to one environment, of which the App is a protection rule.
#[derive(Clone, Debug)]
pub struct Run {
    /// What it deploys.
    pub commit: String,
    /// Who started it.
    pub by: String,
    /// Where to; nothing until it comes to the job that deploys.
    pub environment: String,
    /// When it began.
    pub created_at: String,
    /// When it was started last.
    pub started_at: String,
    /// How often it was started.
    pub attempt: u64,
    /// The deployment that GitHub made of it.
    pub deployment: u64,
    /// Whether what it deploys will not run.
    pub fails: bool,
    /// Who said what of the environment: who, state, words, when.
    pub reviews: Vec<(String, String, String, String)>,
    /// Whether the App has agreed, and another step lets it go: GitLab's way.
    agreed: bool,
    /// What the App reported of it.
    pub reports: Vec<String>,
    /// What the App decided, and why.
    pub decided: Option<(String, String)>,
}

impl Run {
    /// Whether it waits before an environment.
    #[must_use]
    pub fn waits(&self) -> bool {
        !self.environment.is_empty() && self.decided.is_none()
    }

    /// Whether the App's own vote is there, and the job is not played yet.
    #[must_use]
    pub fn is_agreed(&self) -> bool {
        self.agreed
    }
}

/// A deployment.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// Where to.
    pub environment: String,
    /// What.
    pub commit: String,
    /// Who made it.
    pub by: String,
    /// When.
    pub created_at: String,
    /// The run whose job it is; none of what was there before.
    pub run: Option<u64>,
    /// Each state and when it began, the oldest first.
    pub statuses: Vec<(String, String)>,
}

/// Everything.
#[derive(Debug, Default)]
pub struct World {
    /// People by their logins.
    pub people: BTreeMap<String, Person>,
    /// Commits by their names.
    pub commits: BTreeMap<String, Commit>,
    /// What files contain, by the names of that.
    pub blobs: BTreeMap<String, String>,
    /// The last commit of the default branch.
    pub tip: String,
    /// Pull requests by number.
    pub pulls: BTreeMap<u64, Pull>,
    /// Who pushed what, the oldest first.
    pub activity: Vec<Value>,
    /// The members of each team of the organisation.
    pub teams: BTreeMap<String, BTreeSet<String>>,
    /// Runs by number.
    pub runs: BTreeMap<u64, Run>,
    /// Deployments by number.
    pub deployments: BTreeMap<u64, Deployment>,
    /// What the App wrote: checks and the like, each with what it is.
    pub written: Vec<(String, Value)>,
    counted: u64,
    told: Vec<(&'static str, Value)>,
    opened: Vec<(u64, String)>,
}

/// What happened and is to be told: events with their payloads, and the runs that go.
pub(super) type Told = (Vec<(&'static str, Value)>, Vec<(u64, String)>);

impl World {
    /// The next number of anything.
    pub(super) fn next(&mut self) -> u64 {
        self.counted += 1;
        100 + self.counted
    }

    pub(super) fn told(&mut self) -> Told {
        (std::mem::take(&mut self.told), std::mem::take(&mut self.opened))
    }

    pub(super) fn tell(&mut self, event: &'static str, by: &str, what: Value) {
        let payload = payload::of(self, by, what);
        self.told.push((event, payload));
    }

    /// Somebody comes.
    pub fn person(&mut self, login: &str, about: &str, inside: bool) {
        let id = 1_000 + self.people.len() as u64;
        self.people.insert(login.to_owned(), Person { id, about: about.to_owned(), inside });
    }

    /// Somebody's number; that of the forge's own accounts is another.
    #[must_use]
    pub fn number(&self, login: &str) -> u64 {
        self.people.get(login).map_or(9, |person| person.id)
    }

    /// Whether somebody may read the repository.
    #[must_use]
    pub fn is_inside(&self, login: &str) -> bool {
        self.people.get(login).is_some_and(|person| person.inside)
    }

    /// A team with its members.
    pub fn team(&mut self, name: &str, members: &[&str]) {
        self.teams.insert(name.to_owned(), members.iter().map(|it| (*it).to_owned()).collect());
    }

    /// Somebody writes on a pull request.
    pub fn comment(&mut self, number: u64, by: &str, text: &str, now: DateTime<Utc>) -> Option<u64> {
        let id = self.next();
        let is_app = !self.people.contains_key(by);
        let pull = self.pulls.get_mut(&number)?;
        let kind = if is_app { "Bot" } else { "User" };
        pull.comments.push(json!({
            "__typename": "IssueComment", "id": format!("IC_{id}"), "databaseId": id, "body": text,
            "author": {"__typename": kind, "login": by}, "createdAt": written(now), "lastEditedAt": null,
            "userContentEdits": [], "viaApp": is_app,
        }));
        pull.updated_at = written(now);
        let what = json!({
            "action": "created", "issue": payload::issue(self, number), "comment": payload::comment(self, number, id),
        });
        self.tell("issue_comment", by, what);
        Some(id)
    }

    /// Somebody reviews a pull request.
    pub fn review(&mut self, number: u64, by: &str, state: &str, text: &str, now: DateTime<Utc>) {
        let id = self.next();
        let Some(tree) = self.pulls.get(&number).and_then(|pull| self.tree(&pull.head, "")) else { return };
        let Some(pull) = self.pulls.get_mut(&number) else { return };
        pull.reviews.push(json!({
            "__typename": "PullRequestReview", "id": format!("PRR_{id}"), "databaseId": id, "state": state, "body": text,
            "author": {"__typename": "User", "login": by}, "submittedAt": written(now), "lastEditedAt": null,
            "userContentEdits": [],
            "commit": {"__typename": "Commit", "oid": pull.head, "tree": {"__typename": "Tree", "oid": tree}},
        }));
        pull.updated_at = written(now);
        let what = json!({
            "action": "submitted", "pull_request": payload::pull(self, number),
            "review": {"id": id, "state": state.to_lowercase(), "body": text, "submitted_at": written(now),
                "user": payload::user(self, by)},
        });
        self.tell("pull_request_review", by, what);
    }

    /// Something was deployed before anybody asked the App.
    pub fn ran(&mut self, commit: &str, by: &str, environment: &str, at: DateTime<Utc>) {
        let id = self.deploys((commit, by, None), environment, "IN_PROGRESS", at);
        if let Some(deployment) = self.deployments.get_mut(&id) {
            deployment.statuses.push(("SUCCESS".to_owned(), written(at)));
        }
    }

    fn deploys(
        &mut self,
        (commit, by, run): (&str, &str, Option<u64>),
        environment: &str,
        state: &str,
        at: DateTime<Utc>,
    ) -> u64 {
        let id = self.next();
        let made = Deployment {
            environment: environment.to_owned(),
            commit: commit.to_owned(),
            by: by.to_owned(),
            created_at: written(at),
            run,
            statuses: vec![(state.to_owned(), written(at))],
        };
        self.deployments.insert(id, made);
        id
    }

    /// A run begins, by somebody's push. Its number.
    pub fn starts(&mut self, commit: &str, by: &str, now: DateTime<Utc>) -> u64 {
        let id = self.next();
        let run = Run {
            commit: commit.to_owned(),
            by: by.to_owned(),
            environment: String::new(),
            created_at: written(now),
            started_at: written(now),
            attempt: 1,
            deployment: 0,
            fails: false,
            reviews: Vec::new(),
            agreed: false,
            reports: Vec::new(),
            decided: None,
        };
        self.runs.insert(id, run);
        id
    }

    /// A run comes to the job that deploys, and waits for the App.
    pub fn asks(&mut self, id: u64, environment: &str, fails: bool, now: DateTime<Utc>) {
        let Some(Run { commit, by, .. }) = self.runs.get(&id).cloned() else { return };
        let deployment = self.deploys((&commit, &by, Some(id)), environment, "WAITING", now);
        if let Some(run) = self.runs.get_mut(&id) {
            environment.clone_into(&mut run.environment);
            (run.deployment, run.fails) = (deployment, fails);
        }
        let callback = format!("sandbox://api/v3/repos/{REPOSITORY}/actions/runs/{id}/deployment_protection_rule");
        let what = json!({
            "action": "requested", "environment": environment, "event": "push", "sha": commit, "ref": "refs/heads/main",
            "deployment_callback_url": callback, "deployment": payload::deployment(self, deployment), "pull_requests": [],
        });
        self.tell("deployment_protection_rule", &by, what);
    }

    /// Whoever started a run starts it again, with the commit that it had.
    pub fn again(&mut self, id: u64, now: DateTime<Utc>) {
        if let Some(run) = self.runs.get_mut(&id) {
            run.attempt += 1;
            run.started_at = written(now);
            run.environment.clear();
            run.reports.clear();
            run.agreed = false;
            run.decided = None;
        }
    }

    /// Somebody who is asked by GitHub itself approves the environment of a run.
    pub fn lets_in(&mut self, id: u64, by: &str, words: &str, now: DateTime<Utc>) {
        let Some(run) = self.runs.get_mut(&id).filter(|run| run.waits()) else { return };
        run.reviews.push((by.to_owned(), "APPROVED".to_owned(), words.to_owned(), written(now)));
        let what = json!({"action": "approved", "workflow_run": payload::run(self, id), "approver": payload::user(self, by),
            "comment": words});
        self.tell("deployment_review", by, what);
    }

    /// An administrator lets a run go past its protection, which GitHub shows as a review.
    pub fn bypasses(&mut self, id: u64, by: &str, words: &str, now: DateTime<Utc>) {
        self.lets_in(id, by, words, now);
        if let Some(run) = self.runs.get_mut(&id).filter(|run| run.waits()) {
            run.decided = Some(("let past by an administrator".to_owned(), words.to_owned()));
            self.opened.push((id, run.environment.clone()));
        }
    }

    /// The App's own account votes on a run that waits: once. What it approves goes when its job is played, what it rejects never.
    pub(super) fn votes(&mut self, id: u64, (by, approves): (&str, bool), words: &str, now: DateTime<Utc>) -> bool {
        let Some(run) = self.runs.get_mut(&id).filter(|run| run.waits() && !run.agreed) else { return false };
        let state = if approves { "APPROVED" } else { "REJECTED" };
        run.reviews.push((by.to_owned(), state.to_owned(), words.to_owned(), written(now)));
        run.agreed = approves;
        if !approves {
            run.decided = Some(("rejected".to_owned(), words.to_owned()));
        }
        true
    }

    /// The App plays the job that deploys, which nobody plays before the votes are there; `None` where there is no such job.
    pub(super) fn plays(&mut self, id: u64) -> Option<bool> {
        let run = self.runs.get_mut(&id).filter(|run| !run.environment.is_empty())?;
        if !run.waits() || !run.agreed {
            return Some(false);
        }
        let words = run.reviews.last().map(|(_, _, words, _)| words.clone()).unwrap_or_default();
        run.decided = Some(("approved".to_owned(), words));
        self.opened.push((id, run.environment.clone()));
        Some(true)
    }

    /// The App reports of a run that waits, or decides it for good. What GitHub refuses is said.
    pub(super) fn answered(
        &mut self,
        (id, environment): (u64, &str),
        state: Option<&str>,
        comment: &str,
    ) -> Option<Result<(), &'static str>> {
        let run = self.runs.get_mut(&id).filter(|run| !environment.is_empty() && run.environment == environment)?;
        if comment.chars().count() > 1_024 {
            return Some(Err("comment is too long (maximum is 1024 characters)"));
        }
        if run.decided.is_some() {
            return Some(Err("No pending deployment requests to approve or reject"));
        }
        match state {
            Some(state @ ("approved" | "rejected")) => {
                run.decided = Some((state.to_owned(), comment.to_owned()));
                if state == "approved" {
                    self.opened.push((id, environment.to_owned()));
                }
            }
            Some(_) => return Some(Err("state is not included in the list")),
            None if run.reports.len() >= 10 => return Some(Err("a deployment has at most ten status reports")),
            None => run.reports.push(comment.to_owned()),
        }
        Some(Ok(()))
    }

    /// What was let in runs, or does not.
    pub(super) fn deployed(&mut self, run: u64, environment: &str, now: DateTime<Utc>) {
        let Some(run) = self.runs.get(&run).filter(|run| run.environment == environment).cloned() else { return };
        for state in ["IN_PROGRESS", if run.fails { "FAILURE" } else { "SUCCESS" }] {
            let Some(deployment) = self.deployments.get_mut(&run.deployment) else { return };
            deployment.statuses.push((state.to_owned(), written(now)));
            let what = json!({
                "action": "created", "deployment": payload::deployment(self, run.deployment),
                "deployment_status": {"id": self.counted, "state": state.to_lowercase(), "environment": environment,
                    "created_at": written(now), "description": ""},
            });
            self.tell("deployment_status", "github-actions[bot]", what);
        }
    }

    /// Whether a run waits before an environment.
    #[must_use]
    pub fn waits(&self, run: u64) -> bool {
        self.runs.get(&run).is_some_and(Run::waits)
    }
}
