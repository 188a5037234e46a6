//! The app's own account, and the projects that it is a member of.
//!
//! A team lets the app in as it lets anybody in: by making its account a member, of a project or of a group above. What it is no
//! developer of it cannot answer for, and is none of its projects. Nor is what nobody named who runs the app: an owner adds members
//! without asking them, and a job that the app plays runs with the rights of its account.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Mutex;

use super::client::{Client, Fault, Method};
use super::event::{Claimed, recalled};
use super::oidc;
use super::read::{groups_of, jobs};
use crate::forge::hint::Hinted;
use crate::forge::job::{Job, Unknown};
use crate::forge::token::{Issuer, Refused};
use crate::forge::{Hub, Installations, Place, Wait};

/// How long the list of projects is believed before it is read again.
pub(super) const AGE: Duration = Duration::from_mins(5);
/// How soon it is read again because a project is not in it.
const AGAIN: Duration = Duration::from_secs(10);

/// The projects by their numbers, with the names that GitLab gives them.
pub(super) type Projects = Arc<BTreeMap<u64, String>>;

/// The app on one GitLab.
#[derive(Debug)]
pub struct App {
    client: Client,
    /// The projects and groups that it is for, in lower case.
    only: Vec<String>,
    /// Whether it is for whatever its account is a member of, whoever made it one.
    all: bool,
    known: Mutex<Option<(Instant, Projects)>>,
    /// The address of its webhooks, where that is known.
    hook: Option<String>,
    /// Who issues the tokens of jobs; nobody, where none are taken.
    issuer: Option<Issuer>,
    runners: oidc::Runners,
}

#[derive(Deserialize)]
struct Listed {
    id: u64,
    path_with_namespace: String,
}

/// A webhook.
#[derive(Deserialize)]
struct Hook {
    id: u64,
    url: String,
    /// Not there on older servers, which disable none.
    alert_status: Option<String>,
}

impl Hook {
    fn is_disabled(&self) -> bool {
        matches!(self.alert_status.as_deref(), Some("disabled" | "temporarily_disabled"))
    }
}

impl App {
    /// The app by its account's client. `only` names projects, or groups with all that is in them.
    #[must_use]
    pub fn new(client: Client, only: &[String]) -> Self {
        let only = only.iter().map(|name| name.trim_matches('/').to_ascii_lowercase()).collect();
        let (known, runners) = (Mutex::default(), oidc::Runners::Hosted);
        Self { client, only, all: false, known, hook: None, issuer: None, runners }
    }

    /// The same, that sees to it that the webhooks with this address are enabled.
    #[must_use]
    pub fn with_hook(mut self, address: Option<String>) -> Self {
        if let Some(address) = &address {
            self.client.is_reached_at(address);
        }
        self.hook = address;
        self
    }

    /// The same, that takes tokens of its projects' jobs, where they run on such machines.
    #[must_use]
    pub fn with_issuer(mut self, issuer: Option<Issuer>, runners: oidc::Runners) -> Self {
        self.issuer = issuer;
        self.runners = runners;
        self
    }

    /// The same for whoever only looks: where no projects are named, of all that its account is a member of.
    #[must_use]
    pub(super) fn looking(mut self) -> Self {
        self.all = self.only.is_empty();
        self
    }

    fn is_ours(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        let within = |only: &String| {
            name.strip_prefix(only.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.all || self.only.iter().any(within)
    }

    /// The client of its account.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// The projects, read anew where what is known is older than `age`.
    pub(super) async fn projects(&self, age: Duration) -> Result<Projects, Fault> {
        let mut known = self.known.lock().await;
        if let Some((_, projects)) = known.as_ref().filter(|(at, _)| at.elapsed() < age) {
            return Ok(projects.clone());
        }
        // 30 is a developer's place.
        let path = "/projects?membership=true&archived=false&min_access_level=30&simple=true&order_by=id&sort=asc";
        let listed = self.client.list::<Listed>(path).await;
        // What cannot be read now may be ours no longer.
        *known = None;
        let ours = listed?.into_iter().filter(|it| self.is_ours(&it.path_with_namespace));
        let projects: Projects = Arc::new(ours.map(|it| (it.id, it.path_with_namespace)).collect());
        *known = Some((Instant::now(), projects.clone()));
        Ok(projects)
    }

    /// What is asked of the projects, and of those that are read again where it comes to nothing.
    async fn among<T>(&self, find: impl Fn(&BTreeMap<u64, String>) -> Option<T>) -> Result<Option<T>, Fault> {
        match find(&*self.projects(AGE).await?) {
            Some(found) => Ok(Some(found)),
            None => Ok(find(&*self.projects(AGAIN).await?)),
        }
    }
}

impl Hub for App {
    const NAME: &'static str = "gitlab";
    const STARTS_AGAIN_WHOLE: bool = false;
    type Fault = Fault;
    type Forge = Client;
    type Claimed = Claimed;

    fn page(&self, repository: &str, place: Place<'_>) -> Option<String> {
        let path = match place {
            Place::Change(name) if Place::is_commit(name) => format!("/{repository}/-/commit/{name}"),
            Place::Change(name) => {
                let number = Place::request(name, '!', repository)?;
                format!("/{repository}/-/merge_requests/{number}")
            }
            Place::Compared(since, to) if Place::is_commit(since) && Place::is_commit(to) => {
                format!("/{repository}/-/compare/{since}...{to}")
            }
            Place::Compared(..) => return None,
            Place::Run(run) => format!("/{repository}/-/pipelines/{run}"),
        };
        self.client.base().page(&path).map(String::from)
    }

    async fn installations(&self) -> Result<Installations, Fault> {
        let projects = self.projects(AGAIN).await?;
        Ok(Installations { repositories: projects.values().cloned().collect(), unread: Vec::new() })
    }

    async fn of(&self, repository: &str) -> Result<Client, Fault> {
        let has =
            |projects: &BTreeMap<u64, String>| projects.values().any(|name| name.eq_ignore_ascii_case(repository));
        let found = self.among(|projects| has(projects).then_some(())).await?;
        let missing = || Fault::NotFound { what: format!("project `{repository}` among those of the app's account") };
        found.map(|()| self.client.clone()).ok_or_else(missing)
    }

    async fn check(&self, claimed: Claimed) -> Result<Option<Hinted>, Fault> {
        self.among(|projects| claimed.clone().check(projects).ok()).await
    }

    fn recall(&self, bytes: &[u8]) -> Option<Claimed> {
        recalled(bytes)
    }

    /// By the list of projects as it was read last: nobody waits for it here.
    fn claims(&self, claimed: &Claimed) -> Option<String> {
        let known = self.known.try_lock().ok()?;
        let (_, projects) = known.as_ref()?;
        claimed.project().and_then(|project| projects.get(&project).cloned())
    }

    /// GitLab disables a hook that was answered with faults, for a while or for good, and enables it when a test of it goes well.
    async fn delivers(&self, repository: &str) -> Result<Option<String>, Fault> {
        let Some(address) = &self.hook else { return Ok(None) };
        let has = |projects: &BTreeMap<u64, String>| {
            projects.iter().find(|(_, name)| name.eq_ignore_ascii_case(repository)).map(|(id, _)| *id)
        };
        let Some(project) = self.among(has).await? else { return Ok(None) };
        let mut places = vec![format!("/projects/{project}/hooks")];
        if let Some((group, _)) = repository.rsplit_once('/') {
            places.extend(groups_of(group).into_iter().map(|group| format!("/groups/{group}/hooks")));
        }
        for (at, path) in places.iter().enumerate() {
            let hooks = match self.client.list::<Hook>(path).await {
                Ok(hooks) => hooks,
                // A group may be a person's, have no hooks on its plan, or show them to its owners alone.
                Err(Fault::NotFound { .. } | Fault::Forbidden { .. }) if at > 0 => continue,
                Err(fault) => return Err(fault),
            };
            let Some(hook) = hooks.into_iter().find(|it| it.url == *address && it.is_disabled()) else { continue };
            self.client.write(Method::POST, &format!("{path}/{}/test/push_events", hook.id), &json!({})).await?;
            let whose = if at > 0 { "of a group" } else { "of the project" };
            return Ok(Some(format!(
                "GitLab had disabled webhook {} {whose}, which had failed; a test of it went well, and enables it",
                hook.id
            )));
        }
        Ok(None)
    }

    /// GitLab counts for itself, and says when it is too much: nothing is divided here.
    fn waits(&self) -> Option<Wait> {
        self.client.waits()
    }

    fn beside(&self, _processes: u64) {}

    async fn job(&self, token: &str, now: DateTime<Utc>) -> Result<Job, Unknown> {
        let issuer = self.issuer.as_ref().ok_or(Unknown::NotTaken)?;
        let claims = issuer.claims(token, now).await?;
        let project = oidc::project(&claims)?;
        let name = self.among(|projects| projects.get(&project).cloned()).await;
        let name = name.map_err(|fault| Unknown::Fault(fault.to_string()))?.ok_or(Unknown::OtherRepository)?;
        let (job, number) = (oidc::job(&claims, &name, self.runners)?, oidc::number_of(&claims)?);
        let runs = jobs::runs(&self.client, project, number, &job).await;
        if runs.map_err(|fault| Unknown::Fault(fault.to_string()))? { Ok(job) } else { Err(Refused::Ended.into()) }
    }
}
