//! How GitLab protects what is released from a project.
//!
//! The app's account is asked where it is a member and what it may there; the project under its token, or under that of
//! somebody who may see more: protected environments, variables and webhooks are shown to maintainers alone. What holds depends on
//! the plan, which is told by the namespace, or else by what the server answers.

mod branch;
mod environments;
mod hooks;
mod people;
mod plan;
mod version;
mod wording;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::app::App;
use super::client::{Client, Fault};
use super::read::{escaped, groups_of, has_no_issues};
use crate::forge::inspection::{Inspect, Sought};
use crate::forge::{Hub as _, Installations};
use crate::model::facts::Fact;
use crate::model::posture::{Access, Hook, Installed, Particular, Permission, Posture};
use crate::model::wording::Wording;
use plan::Plan;

/// The place of a developer, and that of a maintainer.
const DEVELOPER: u64 = 30;
const MAINTAINER: u64 = 40;

/// Whoever inspects.
#[derive(Debug)]
pub struct Inspector {
    app: App,
    /// The app's account by its client.
    own: Client,
    /// Somebody's client, under whose token the project is read.
    more: Option<Client>,
    /// Where the webhook is to deliver, where that is known.
    address: Option<String>,
}

impl Inspector {
    /// By the app's account, and by somebody who may see more. `only` names projects, or groups with all that is in them.
    #[must_use]
    pub fn new(own: Client, more: Option<Client>, only: &[String]) -> Self {
        Self { app: App::new(own.clone(), only).looking(), own, more, address: None }
    }

    /// The same, that knows where the app is reached: `https://countersign.acme.example`.
    #[must_use]
    pub fn at(mut self, address: Option<&str>) -> Self {
        self.address = address.map(|address| format!("{address}{}", wording::WORDING.delivered_at));
        self
    }

    fn reading(&self) -> &Client {
        self.more.as_ref().unwrap_or(&self.own)
    }
}

/// A project, as far as an inspection looks at it.
#[derive(Debug, Deserialize)]
struct Project {
    id: u64,
    path_with_namespace: String,
    default_branch: Option<String>,
    namespace: Namespace,
    /// What whoever asks may here.
    permissions: Option<Permissions>,
    /// Only on plans that have such checks.
    only_allow_merge_if_all_status_checks_passed: Option<bool>,
    allow_pipeline_trigger_approve_deployment: Option<bool>,
    issues_access_level: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Namespace {
    id: u64,
    kind: Option<String>,
    full_path: String,
}

#[derive(Debug, Deserialize)]
struct Permissions {
    project_access: Option<Place>,
    group_access: Option<Place>,
}

#[derive(Debug, Deserialize)]
struct Place {
    access_level: u64,
}

impl Project {
    fn path(&self) -> String {
        format!("/projects/{}", self.id)
    }

    /// The groups that it is in, the nearest first, each escaped. A person's own namespace is none.
    fn groups(&self) -> Vec<String> {
        if self.namespace.kind.as_deref() == Some("user") {
            return Vec::new();
        }
        groups_of(&self.namespace.full_path)
    }

    /// Whether whoever asks maintains it: then what is not found is not there, and not merely not shown.
    fn is_maintained(&self) -> bool {
        let places = self.permissions.iter().flat_map(|it| [&it.project_access, &it.group_access]).flatten();
        places.map(|place| place.access_level).max().is_some_and(|level| level >= MAINTAINER)
    }
}

fn fact<T>(read: Result<T, Fault>) -> Fact<T> {
    match read {
        Ok(value) => Fact::Known(value),
        Err(fault) => fault.unavailable(),
    }
}

/// A list that a plan may leave out; `None` where it does. Who may not see it is told alike, unless the plan is known.
async fn of_plan<T: DeserializeOwned + Send>(
    client: &Client,
    path: &str,
    plan: &Fact<Plan>,
    from: Plan,
) -> Result<Option<Vec<T>>, Fault> {
    if plan.known().is_some_and(|plan| *plan < from) {
        return Ok(None);
    }
    client.list(path).await.map(Some)
}

/// A project of which nothing could be read.
fn unread(sought: &Sought, fault: &Fault) -> Posture {
    Posture {
        repository: sought.repository.clone(),
        installed: fault.unavailable(),
        environments: fault.unavailable(),
        secrets: fault.unavailable(),
        shared_secrets: fault.unavailable(),
        open_secrets: fault.unavailable(),
        administrators: fault.unavailable(),
        branch: fault.unavailable(),
        protection: fault.unavailable(),
        check: fault.unavailable(),
        accounts: sought.logins.iter().map(|login| (login.clone(), fault.unavailable())).collect(),
        groups: sought.groups.iter().map(|group| (group.clone(), fault.unavailable())).collect(),
        particular: Particular { plan: Some(fault.unavailable()), ..Particular::default() },
    }
}

impl Inspector {
    /// What the app's account is to the project; absent: nothing.
    async fn installed(&self, project: &Project, own: u64, missing_events: Vec<String>) -> Fact<Installed> {
        let place = self.reading().get::<Place>(&format!("{}/members/all/{own}", project.path())).await;
        let level = match place {
            Ok(place) => place.access_level,
            Err(Fault::NotFound { .. }) => return Fact::Absent,
            Err(fault) => return fault.unavailable(),
        };
        let given = (level >= DEVELOPER).then_some(Access::Write).or((level > 5).then_some(Access::Read));
        let developer = Permission { name: "the place of a developer".to_owned(), needed: Access::Write, given };
        Fact::Known(Installed { suspended: false, permissions: vec![developer], missing_events })
    }
}

impl Inspect for Inspector {
    type Fault = Fault;
    type Forge = Client;
    const WORDING: &'static Wording = &wording::WORDING;

    async fn repositories(&self) -> Result<Installations, Fault> {
        self.app.installations().await
    }

    async fn forge(&self, _repository: &str) -> Result<Client, Fault> {
        Ok(self.reading().clone())
    }

    /// Each project has its own, or one of a group above it.
    async fn hook(&self) -> Option<Hook> {
        None
    }

    async fn posture(&self, sought: &Sought) -> Posture {
        let client = self.reading();
        let found = async {
            let project: Project = client.get(&format!("/projects/{}", escaped(&sought.repository))).await?;
            if !project.path_with_namespace.eq_ignore_ascii_case(&sought.repository) {
                let now = &project.path_with_namespace;
                return Err(Fault::Setup(format!("`{}` is `{now}` now; name it so", sought.repository)));
            }
            Ok((project, self.own.owner().await?))
        };
        let (project, own) = match found.await {
            Ok(found) => found,
            Err(fault) => return unread(sought, &fault),
        };
        let checks = plan::checks(client, &project, self.address.as_deref()).await;
        let plan = plan::of(client, &project, &checks).await;
        let (hook, missing_events) = hooks::find(client, &project, self.address.as_deref(), &plan).await;
        let variables = environments::variables(client, &project).await;
        let environments = environments::all(client, &project, own, (&plan, &variables)).await;
        let (secrets, shared_secrets) = environments::outside(&variables);
        let overseers = people::overseers(client).await;
        let mut ways = plan::ways(&plan, &checks, &project, &overseers);
        let (supported, way) = version::way(client).await;
        ways.push(way);
        let branch = sought.branch.clone().or_else(|| project.default_branch.clone());
        let protection = match &branch {
            Some(branch) => branch::protection(client, &project, branch, &plan).await,
            None => Fact::Absent,
        };
        Posture {
            repository: sought.repository.clone(),
            installed: self.installed(&project, own, missing_events).await,
            environments,
            secrets,
            shared_secrets,
            // A group's variables are for what is in it.
            open_secrets: Fact::Absent,
            administrators: people::maintainers(client, &project, own).await,
            branch: branch.map_or(Fact::Absent, Fact::Known),
            protection,
            // No branch asks for a status by its name.
            check: Fact::Absent,
            accounts: people::accounts(client, &sought.logins).await,
            groups: people::groups(client, &sought.groups).await,
            particular: Particular {
                hook: Some(hook),
                review: branch::review(client, &project, &plan).await,
                check_blocks: plan::blocks(&project, &checks),
                supported,
                issues_off: has_no_issues(project.issues_access_level.as_deref()),
                ways,
                overseers,
                plan: Some(match plan {
                    Fact::Known(plan) => Fact::Known(plan.name().to_owned()),
                    Fact::Absent => Fact::Absent,
                    Fact::Unavailable(why) => Fact::Unavailable(why),
                }),
            },
        }
    }
}
