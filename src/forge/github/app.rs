//! The App that teams install: its installations, the repositories of each, and a client for each installation.
//!
//! GitHub counts its limits for an installation, so that all repositories of one share a client.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use super::client::{AppKey, Base, Client, Fault, Identity};
use super::event::{Claimed, Foreign, Installed};
use super::oidc;
use super::read::installation;
use crate::forge::hint::Hinted;
use crate::forge::job::{Job, Unknown};
use crate::forge::token::Issuer;
use crate::forge::{Hub, Installations, Place, Wait};

/// How long what an installation has is believed before it is read again.
const AGE: Duration = Duration::from_mins(5);
/// How soon it is read again because a repository is not in it.
const AGAIN: Duration = Duration::from_secs(10);

/// One installation.
#[derive(Clone, Debug)]
struct Known {
    client: Client,
    installed: Installed,
    at: Instant,
}

/// The App.
#[derive(Debug)]
pub struct App {
    base: Base,
    key: Arc<AppKey>,
    /// Under the App's own name, for what no installation is asked.
    root: Client,
    known: Mutex<BTreeMap<u64, Known>>,
    /// How many processes are this App, ours included.
    processes: AtomicU64,
    /// When the installations were last read because a token names a repository that is not among ours.
    looked: tokio::sync::Mutex<Option<Instant>>,
    /// Who issues the tokens of its pipelines; nobody, where none are taken.
    issuer: Option<Issuer>,
    /// Whose machines the jobs run on that are believed.
    runners: oidc::Runners,
}

impl App {
    /// An App by its key.
    pub fn new(base: Base, key: AppKey) -> Result<Self, Fault> {
        let key = Arc::new(key);
        let identity = Identity::App { key: key.clone(), installation: None, repository: None };
        let root = Client::new(base.clone(), identity)?;
        Ok(Self {
            base,
            key,
            root,
            known: Mutex::default(),
            processes: AtomicU64::new(1),
            looked: tokio::sync::Mutex::default(),
            issuer: None,
            runners: oidc::Runners::Hosted,
        })
    }

    /// The same, that takes tokens of its pipelines' jobs, where they run on such machines.
    #[must_use]
    pub fn with_issuer(mut self, issuer: Option<Issuer>, runners: oidc::Runners) -> Self {
        self.issuer = issuer;
        self.runners = runners;
        self
    }

    /// Where its GitHub is.
    #[must_use]
    pub fn base(&self) -> &Base {
        &self.base
    }

    /// The client under the App's own name, for what no installation is asked.
    pub(super) fn root(&self) -> &Client {
        &self.root
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<u64, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An installation as it is known, read anew where that is older than `age`.
    async fn installation(&self, id: u64, age: Duration) -> Result<Known, Fault> {
        let before = self.known().get(&id).cloned();
        if let Some(known) = before.as_ref().filter(|known| known.at.elapsed() < age) {
            return Ok(known.clone());
        }
        let client = if let Some(known) = before {
            known.client
        } else {
            let identity = Identity::App { key: self.key.clone(), installation: Some(id), repository: None };
            let client = Client::new(self.base.clone(), identity)?;
            client.shares(self.processes.load(Ordering::Relaxed));
            client
        };
        let read = installation::repositories(&client, id).await;
        let mut known = self.known();
        match read {
            Ok(installed) => {
                let read = Known { client, installed, at: Instant::now() };
                known.insert(id, read.clone());
                Ok(read)
            }
            Err(fault) => {
                // What cannot be read now may be ours no longer.
                known.remove(&id);
                Err(fault)
            }
        }
    }

    /// The name of the repository that a token names, where it is among ours. Anybody's job can get a token for us, and so
    /// whoever comes from elsewhere makes us ask GitHub no oftener than now and then.
    async fn name_of(&self, wanted: oidc::Named) -> Result<Option<String>, Fault> {
        let find = || {
            let known = self.known();
            let mut names = known.values().filter_map(|it| it.installed.owned(wanted.repository, wanted.owner));
            names.next().map(str::to_owned)
        };
        if let Some(name) = find() {
            return Ok(Some(name));
        }
        // It may have come since, or somebody has just looked.
        let mut looked = self.looked.lock().await;
        if let Some(name) = find() {
            return Ok(Some(name));
        }
        if looked.is_none_or(|at| at.elapsed() >= AGAIN) {
            self.installations().await?;
            *looked = Some(Instant::now());
        }
        Ok(find())
    }

    fn client_of(&self, repository: &str) -> Option<Client> {
        let known = self.known();
        let found = known.values().find(|known| known.installed.has(repository));
        found.map(|known| known.client.clone())
    }
}

impl Hub for App {
    const NAME: &'static str = "github";
    type Fault = Fault;
    type Forge = Client;
    type Claimed = Claimed;

    fn page(&self, repository: &str, place: Place<'_>) -> Option<String> {
        let path = match place {
            Place::Change(name) if Place::is_commit(name) => format!("/{repository}/commit/{name}"),
            Place::Change(name) => {
                let number = Place::request(name, '#', repository)?;
                format!("/{repository}/pull/{number}")
            }
            Place::Compared(since, to) if Place::is_commit(since) && Place::is_commit(to) => {
                format!("/{repository}/compare/{since}...{to}")
            }
            Place::Compared(..) => return None,
            Place::Run(run) => format!("/{repository}/actions/runs/{run}"),
        };
        self.base.page(&path).map(String::from)
    }

    async fn installations(&self) -> Result<Installations, Fault> {
        let listed = self.root.installations().await?;
        let standing: Vec<u64> = listed.iter().filter(|it| it.suspended_at.is_none()).map(|it| it.id).collect();
        self.known().retain(|id, _| standing.contains(id));
        let mut found = Installations::default();
        for id in standing {
            match self.installation(id, AGAIN).await {
                Ok(known) => found.repositories.extend(known.installed.names()),
                Err(fault) => found.unread.push(format!("installation {id}: {fault}")),
            }
        }
        Ok(found)
    }

    async fn of(&self, repository: &str) -> Result<Client, Fault> {
        if let Some(client) = self.client_of(repository) {
            return Ok(client);
        }
        self.installations().await?;
        let missing = || Fault::NotFound { what: format!("repository `{repository}` among those of the App") };
        self.client_of(repository).ok_or_else(missing)
    }

    async fn check(&self, claimed: Claimed) -> Result<Option<Hinted>, Fault> {
        let Some(id) = claimed.installation() else { return Ok(None) };
        let known = self.installation(id, AGE).await?;
        let checked = match claimed.clone().check(&known.installed) {
            // It may have come since.
            Err(Foreign::OtherRepository(_)) => claimed.check(&self.installation(id, AGAIN).await?.installed),
            checked => checked,
        };
        Ok(checked.ok().map(|it| Hinted { repository: it.repository().map(str::to_owned), hint: it.hint().clone() }))
    }

    /// GitHub delivers to an App whatever it answers.
    async fn delivers(&self, _repository: &str) -> Result<Option<String>, Fault> {
        Ok(None)
    }

    fn waits(&self) -> Option<Wait> {
        let known = self.known();
        let clients = std::iter::once(&self.root).chain(known.values().map(|known| &known.client));
        clients.filter_map(Client::waits).reduce(Wait::and)
    }

    fn beside(&self, processes: u64) {
        self.processes.store(processes, Ordering::Relaxed);
        for client in std::iter::once(&self.root).chain(self.known().values().map(|known| &known.client)) {
            client.shares(processes);
        }
    }

    fn recall(&self, bytes: &[u8]) -> Option<Claimed> {
        super::event::recalled(bytes)
    }

    fn claims(&self, claimed: &Claimed) -> Option<String> {
        claimed.names().map(str::to_owned)
    }

    async fn job(&self, token: &str, now: DateTime<Utc>) -> Result<Job, Unknown> {
        let issuer = self.issuer.as_ref().ok_or(Unknown::NotTaken)?;
        let claims = issuer.claims(token, now).await?;
        let named = oidc::named(&claims)?;
        let name = self.name_of(named).await.map_err(|fault| Unknown::Fault(fault.to_string()))?;
        let name = name.ok_or(Unknown::OtherRepository)?;
        let token = issuer.named(&claims, named.repository)?;
        Ok(oidc::job(&claims, &name, token, self.runners)?)
    }
}
