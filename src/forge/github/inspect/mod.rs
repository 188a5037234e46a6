//! How GitHub protects what is released from a repository.
//!
//! The App is asked under its own name where it is installed, what it may and how its webhook does; the repository under
//! the installation's token, or under the token of somebody who may see more: an App that may not read secrets, branch
//! protections or administrators is told so, and so is whoever reads the answer.

mod branch;
mod environments;
mod registration;
mod wording;

use std::collections::BTreeMap;

use serde::Deserialize;

use super::app::App;
use super::client::{Client, Fault};
use super::read::Repository;
use super::read::file::escaped;
use super::read::groups::team;
use crate::forge::inspection::{Inspect, Sought};
use crate::forge::{Hub as _, Installations};
use crate::model::facts::Fact;
use crate::model::posture::{Hook, Particular, Posture};
use crate::model::wording::Wording;

/// Whoever inspects.
#[derive(Debug)]
pub struct Inspector {
    /// The App by its key; left out where nobody has it here.
    app: Option<App>,
    /// Somebody's token, under which the repository is read.
    token: Option<Client>,
    /// The App's number as it was stated.
    stated: Option<u64>,
}

#[derive(Deserialize)]
struct RepositoryItself {
    default_branch: String,
    owner: Owner,
}

#[derive(Deserialize)]
struct Owner {
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct Secrets {
    secrets: Vec<Secret>,
}

#[derive(Deserialize)]
struct Secret {
    name: String,
    #[serde(default)]
    visibility: Option<String>,
}

#[derive(Deserialize)]
struct User {
    login: String,
    #[serde(default)]
    suspended_at: Option<String>,
}

impl Inspector {
    /// By the App's key, somebody's token, or both. `id` is the App's id as it was stated.
    #[must_use]
    pub fn new(app: Option<App>, token: Option<Client>, id: Option<&str>) -> Self {
        Self { app, token, stated: id.and_then(|id| id.parse().ok()) }
    }
}

fn fact<T>(read: Result<T, Fault>) -> Fact<T> {
    match read {
        Ok(value) => Fact::Known(value),
        Err(fault) => fault.unavailable(),
    }
}

/// Of what cannot be asked for because something before it could not be read.
fn after<T>(fault: &Fault) -> Fact<T> {
    fault.unavailable()
}

async fn secrets(client: &Client, path: &str) -> Result<Vec<Secret>, Fault> {
    let listed = client.list_in(path, |mut page: Secrets| (std::mem::take(&mut page.secrets), page)).await?;
    Ok(listed.0.into_entries())
}

async fn names_of_secrets(client: &Client, path: &str) -> Fact<Vec<String>> {
    let names = |secrets: Vec<Secret>| secrets.into_iter().map(|secret| secret.name).collect();
    fact(secrets(client, path).await.map(names))
}

/// The organisation's secrets that every repository may read.
async fn open_secrets(client: &Client, organisation: &str) -> Fact<Vec<String>> {
    let path = format!("/orgs/{}/actions/secrets", escaped(organisation));
    let found = match secrets(client, &path).await {
        Ok(found) => found,
        Err(fault) => return fault.unavailable(),
    };
    if found.iter().any(|secret| secret.visibility.is_none()) {
        return Fact::Unavailable("GitHub does not say who may read the organisation's secrets".into());
    }
    let open = found.into_iter().filter(|secret| secret.visibility.as_deref() == Some("all"));
    Fact::Known(open.map(|secret| secret.name).collect())
}

async fn administrators(client: &Client, path: &str) -> Fact<Vec<String>> {
    let listed = client.list::<User>(&format!("{path}/collaborators?permission=admin")).await;
    fact(listed.map(|listed| listed.into_entries().into_iter().map(|user| user.login).collect()))
}

/// Whether each account is there, and active.
async fn accounts(client: &Client, logins: &[String]) -> BTreeMap<String, Fact<bool>> {
    let mut found = BTreeMap::new();
    for login in logins {
        let active = match client.get::<User>(&format!("/users/{}", escaped(login))).await {
            Ok(user) => Fact::Known(user.suspended_at.is_none()),
            Err(Fault::NotFound { .. }) => Fact::Absent,
            Err(fault) => fault.unavailable(),
        };
        found.insert(login.clone(), active);
    }
    found
}

/// Who is in each team.
async fn groups(client: &Client, groups: &[String]) -> BTreeMap<String, Fact<Vec<String>>> {
    let mut found = BTreeMap::new();
    for group in groups {
        let members = match team(group) {
            None => Fact::Unavailable("it is no team of GitHub".into()),
            Some((organisation, slug)) => {
                let path = format!("/orgs/{}/teams/{}/members", escaped(organisation), escaped(slug));
                match client.list::<User>(&path).await {
                    Ok(listed) => Fact::Known(listed.into_entries().into_iter().map(|user| user.login).collect()),
                    Err(Fault::NotFound { .. }) => Fact::Absent,
                    Err(fault) => fault.unavailable(),
                }
            }
        };
        found.insert(group.clone(), members);
    }
    found
}

/// A repository of which nothing could be read.
fn unread(sought: &Sought, fault: &Fault) -> Posture {
    Posture {
        repository: sought.repository.clone(),
        installed: after(fault),
        environments: after(fault),
        secrets: after(fault),
        shared_secrets: after(fault),
        open_secrets: after(fault),
        administrators: after(fault),
        branch: after(fault),
        protection: after(fault),
        check: after(fault),
        accounts: sought.logins.iter().map(|login| (login.clone(), after(fault))).collect(),
        groups: sought.groups.iter().map(|group| (group.clone(), after(fault))).collect(),
        particular: Particular::default(),
    }
}

impl Inspect for Inspector {
    type Fault = Fault;
    type Forge = Client;
    const WORDING: &'static Wording = &wording::WORDING;

    async fn repositories(&self) -> Result<Installations, Fault> {
        let app = self.app.as_ref().ok_or_else(|| {
            Fault::Setup("without the App's key nobody says where it is installed; name a repository".to_owned())
        })?;
        app.installations().await
    }

    async fn forge(&self, repository: &str) -> Result<Client, Fault> {
        match (&self.token, &self.app) {
            (Some(client), _) => Ok(client.clone()),
            (None, Some(app)) => app.of(repository).await,
            (None, None) => Err(Fault::Setup("there is neither a token nor the App's key".to_owned())),
        }
    }

    async fn hook(&self) -> Option<Hook> {
        if let Some(app) = &self.app {
            return Some(registration::hook(app.root()).await);
        }
        let why = "only the App itself may read its webhook; name its key with `--app-key`";
        Some(Hook {
            address: Fact::Unavailable(why.into()),
            stopped: Fact::Absent,
            signs: Fact::Unavailable(why.into()),
            verifies: Fact::Unavailable(why.into()),
            deliveries: Fact::Unavailable(why.into()),
        })
    }

    async fn posture(&self, sought: &Sought) -> Posture {
        let repository = match Repository::parse(&sought.repository) {
            Ok(repository) => repository,
            Err(fault) => return unread(sought, &fault),
        };
        let installation = match &self.app {
            Some(app) => Some(registration::installation(app.root(), &repository).await),
            None => None,
        };
        let number = match &installation {
            Some(Ok(Some(installation))) => Some(installation.app_id),
            _ => self.stated,
        };
        let installed = match installation {
            Some(Ok(Some(installation))) => Fact::Known(installation.installed()),
            Some(Ok(None)) => Fact::Absent,
            Some(Err(fault)) => fault.unavailable(),
            None => {
                Fact::Unavailable("only the App itself may read its installation; name its key with `--app-key`".into())
            }
        };
        let client = match self.forge(&sought.repository).await {
            Ok(client) => client,
            Err(fault) => return Posture { installed, ..unread(sought, &fault) },
        };
        let path = format!("/repos/{}", repository.path());
        let itself = match client.get::<RepositoryItself>(&path).await {
            Ok(itself) => itself,
            Err(fault) => return Posture { installed, ..unread(sought, &fault) },
        };
        let (shared_secrets, open_secrets) = if itself.owner.kind == "Organization" {
            let shared = names_of_secrets(&client, &format!("{path}/actions/organization-secrets")).await;
            (shared, open_secrets(&client, repository.owner()).await)
        } else {
            (Fact::Absent, Fact::Absent)
        };
        let branch = sought.branch.clone().unwrap_or(itself.default_branch);
        let (protection, check) = branch::protection(&client, &path, &branch, number).await;
        Posture {
            repository: sought.repository.clone(),
            installed,
            environments: environments::all(&client, &path, number).await,
            secrets: names_of_secrets(&client, &format!("{path}/actions/secrets")).await,
            shared_secrets,
            open_secrets,
            administrators: administrators(&client, &path).await,
            protection,
            check,
            branch: Fact::Known(branch),
            accounts: accounts(&client, &sought.logins).await,
            groups: groups(&client, &sought.groups).await,
            particular: Particular::default(),
        }
    }
}
