//! What others tell of deployments that the forge does not know of: Argo CD, Terraform, Jenkins.
//!
//! Whoever tells is a job of the environment, by its token, or somebody whose key the settings name with what it may tell.
//! What is told is written down at once, whether the forge can be asked or not; which decision let it in is found by its
//! content afterwards ([`super::told`]). Each has names of its own in the record, made of who tells and what, so that nobody
//! says anything of a deployment of somebody else's, and none is the forge's.

use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};

use super::heard::MOST;
use super::{Desk, ledger};
use crate::flow::append::{Failed, Happening};
use crate::flow::deployment::{Told as Answer, Wrong, check};
use crate::forge::Hub;
use crate::forge::job::Job;
use crate::log::entry::Kind;
use crate::log::letter::{Invalid, Letter, Subject};
use crate::log::note::Verifier;
use crate::log::receipt::sha256;
use crate::model::deployment_report::{DeploymentReport, Progress};
use crate::store::change::Change;
use crate::store::deployed::{Deployed, Told};
use crate::store::fault::Fault as DatabaseFault;

/// How far back something may be told: as far as the forge is asked.
const LOOK_BACK: TimeDelta = TimeDelta::days(35);
/// For how long a job may try to tell something.
const JOB: TimeDelta = TimeDelta::minutes(10);
/// By how much the clocks may differ.
const APART: TimeDelta = TimeDelta::minutes(1);
/// What the names of what is told begin with.
const NAME: &str = "told:";

/// Somebody who deploys, and what he may tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployer {
    /// What the settings call him: `argocd`.
    pub name: String,
    /// The key that he signs with.
    pub key: Verifier,
    /// The repositories that he deploys: `acme/shop`.
    pub repositories: Vec<String>,
    /// The environments that he deploys to, as the policy names them.
    pub environments: Vec<String>,
    /// The components that he deploys, as the policy names them; `None`: any.
    pub components: Option<Vec<String>>,
}

impl Deployer {
    /// Why he may not tell something of a place.
    fn may_not(&self, repository: &str, environment: &str, components: &[String]) -> Option<String> {
        let name = &self.name;
        if !self.repositories.iter().any(|it| it.eq_ignore_ascii_case(repository)) {
            return Some(format!("`{name}` is not named for the repository `{repository}`"));
        }
        if !self.environments.iter().any(|it| it == environment) {
            return Some(format!("`{name}` is not named for the environment `{environment}`"));
        }
        let own = self.components.as_ref()?;
        if components.is_empty() {
            return Some(format!("`{name}` is named for some components; say which of them went"));
        }
        let other = components.iter().find(|it| !own.contains(it));
        other.map(|it| format!("`{name}` is not named for the component `{it}`"))
    }
}

/// Who may tell, and where.
#[derive(Clone, Debug, Default)]
pub struct Outside {
    /// The app's own address, without a path; `None`: nothing is taken.
    pub address: Option<String>,
    /// Those who sign with keys.
    pub deployers: Vec<Deployer>,
}

/// Somebody who tells something, and has proven who he is.
#[derive(Clone, Debug, PartialEq)]
pub enum Teller {
    /// A job of the forge's own pipeline.
    Job(Box<Job>),
    /// Somebody with a key that the settings name.
    Deployer(Deployer),
}

impl Teller {
    /// What the record calls him.
    pub(super) fn name(&self, forge: &str) -> String {
        match self {
            Self::Job(job) => format!("{forge} run {}", job.run),
            Self::Deployer(deployer) => deployer.name.clone(),
        }
    }

    /// Why he may not tell something of a place.
    pub(super) fn may_not(&self, repository: &str, environment: &str, components: &[String]) -> Option<String> {
        match self {
            Self::Deployer(deployer) => deployer.may_not(repository, environment, components),
            Self::Job(job) if !job.repository.eq_ignore_ascii_case(repository) => {
                Some(format!("the job is of `{}`, and not of `{repository}`", job.repository))
            }
            // Whoever may push can have any job run; into an environment it comes only past its protection.
            Self::Job(job) if job.environment.as_deref() != Some(environment) => Some(format!(
                "the job is not of the environment `{environment}`; tell it in the job that names it, or with a key"
            )),
            Self::Job(_) => None,
        }
    }

    /// What an entry says of how he has proven who he is.
    pub(super) fn proof(&self) -> (&'static str, Value) {
        match self {
            Self::Job(job) => ("claims", Value::Object(job.claims.clone())),
            Self::Deployer(deployer) => ("key", deployer.key.short().into()),
        }
    }
}

/// Why something that was told is not taken.
#[derive(Debug, thiserror::Error)]
pub enum NotTold {
    /// Nothing is taken here.
    #[error("nothing is taken here; start the app with `--public-url`")]
    NotTaken,
    /// It is no letter.
    #[error("this is no signed letter: {0}")]
    Letter(#[from] Invalid),
    /// Nobody whose key is known signed it.
    #[error("no key signed it that the settings name; they name one in the file of `--deployers`")]
    Unknown,
    /// Something in it has not its form.
    #[error("{0}")]
    Wrong(#[from] Wrong),
    /// It is meant for another app.
    #[error("it is meant for `{found}`, and this is `{wanted}`")]
    Elsewhere {
        /// For which.
        found: String,
        /// Which this is.
        wanted: String,
    },
    /// It is no grant, or a signature of it does not hold.
    #[error("the grant: {0}")]
    Grant(#[from] crate::log::grant::Invalid),
    /// The uses of a grant are not of it.
    #[error("{0}")]
    Uses(String),
    /// Nothing can be decided of it now.
    #[error("what went cannot be decided: {0}")]
    Undecided(String),
    /// He may not tell it.
    #[error("{0}")]
    Other(String),
    /// It is too old, or yet to come.
    #[error("`at` is {0}; what is told is of the last 35 days, and not of the future")]
    Time(DateTime<Utc>),
    /// It ended otherwise.
    #[error("`{deployment}` ended already, and {outcome}; another deployment has an address of its own")]
    Ended {
        /// Which.
        deployment: String,
        /// How.
        outcome: String,
    },
    /// He tells too much.
    #[error("too much was told by `{0}` in the last minute; tell it again later")]
    Often(String),
    /// The forge could not be asked whether the repository is ours.
    #[error("the forge could not be asked for `{repository}`: {why}")]
    Forge {
        /// Which repository.
        repository: String,
        /// Why not.
        why: String,
    },
    /// It cannot be recorded now.
    #[error("{0}")]
    Failed(#[from] Failed),
    /// The record could not be read.
    #[error("the record could not be read: {0}")]
    Record(#[from] DatabaseFault),
}

impl<H: Hub> Desk<H> {
    /// Where the app is told something, and by whom.
    pub(super) fn is_meant(&self, to: &str) -> Result<(), NotTold> {
        let wanted = self.settings.outside.address.as_deref().ok_or(NotTold::NotTaken)?;
        if to.trim_end_matches('/') == wanted {
            return Ok(());
        }
        Err(NotTold::Elsewhere { found: to.chars().take(200).collect(), wanted: wanted.to_owned() })
    }

    /// Whose letter it is, of those whom the settings name.
    pub(super) fn deployer(&self, letter: &Letter) -> Option<&Deployer> {
        self.settings.outside.deployers.iter().find(|it| letter.is_by(&it.key))
    }

    /// Takes what is told of a deployment in a letter.
    pub async fn deployed_by_letter(&self, text: &str) -> Result<Answer, NotTold> {
        if self.settings.outside.address.is_none() {
            return Err(NotTold::NotTaken);
        }
        let (letter, report): (Letter, DeploymentReport) = Letter::read(Subject::Deployment, text)?;
        let deployer = self.deployer(&letter).ok_or(NotTold::Unknown)?.clone();
        self.deployed(&Teller::Deployer(deployer), report, Some(text.as_bytes())).await
    }

    /// Takes what somebody tells of a deployment. When this comes back it is durable.
    pub async fn deployed(
        &self,
        teller: &Teller,
        mut report: DeploymentReport,
        letter: Option<&[u8]>,
    ) -> Result<Answer, NotTold> {
        self.is_meant(&report.to)?;
        check(&report)?;
        report.components.sort();
        report.components.dedup();
        if let Some(why) = teller.may_not(&report.repository, &report.environment, &report.components) {
            return Err(NotTold::Other(why));
        }
        if let Teller::Job(job) = teller {
            if let Some(commit) = report.commit.as_ref().filter(|it| !it.eq_ignore_ascii_case(&job.commit)) {
                let why = format!("the job's run is of commit {}, and not of {commit}; tell it with a key", job.commit);
                return Err(NotTold::Other(why));
            }
            report.commit = Some(job.commit.clone());
        }
        let now = self.now();
        if report.at > now + APART || report.at < now - LOOK_BACK {
            return Err(NotTold::Time(report.at));
        }
        if matches!(teller, Teller::Job(_)) {
            // A job tells while it runs: what it says to be long past it cannot have seen.
            report.at = report.at.max(now - JOB);
        }
        let name = teller.name(H::NAME);
        if !self.heard.takes(&name, MOST, Instant::now()) {
            return Err(NotTold::Often(name));
        }
        // Of a repository that is not ours nothing could be found out afterwards.
        if let Err(fault) = self.hub.of(&report.repository).await {
            return Err(NotTold::Forge { repository: report.repository, why: fault.to_string() });
        }
        self.keep_told(teller, &name, &report, letter).await
    }

    async fn keep_told(
        &self,
        teller: &Teller,
        name: &str,
        report: &DeploymentReport,
        letter: Option<&[u8]>,
    ) -> Result<Answer, NotTold> {
        let _turn = self.heard.turn.lock().await;
        let heard = self.now().timestamp_micros();
        let new = row(H::NAME, (teller, name), report, heard);
        let mut reader = self.reader().await?;
        let known = reader.deployed(H::NAME, &new.repository).await?.into_iter().find(|it| it.id == new.id);
        reader.close().await?;
        let state = |row: &Deployed| row.outcome.clone().unwrap_or_else(|| "began".to_owned());
        let (row, is_new) = match known {
            None => (new, true),
            // Whoever says that it began, after he said how it ended, says nothing new.
            Some(before) if new.outcome.is_none() || new.outcome == before.outcome => (before, false),
            Some(before) if before.outcome.is_some() => {
                return Err(NotTold::Ended { outcome: state(&before), deployment: before.id });
            }
            Some(before) => {
                let told = before.told.clone().map(|told| Told { heard_ended: Some(heard), ..told });
                let (ended, outcome) = (new.ended.max(Some(before.began)), new.outcome);
                (Deployed { ended, outcome, told, ..before }, true)
            }
        };
        if is_new {
            let mut body: Map<String, Value> = ledger::body(&row);
            let (proof, value) = teller.proof();
            body.insert(proof.to_owned(), value);
            body.insert("told_at".to_owned(), report.at.timestamp_micros().into());
            let once = Some(format!("deployment {}", sha256(Value::Object(body.clone()).to_string().as_bytes())));
            let attached = letter.map(|bytes| ("letter".to_owned(), bytes.to_vec())).into_iter().collect();
            self.counts.deployment("told");
            self.say("deployment_told", &Value::Object(ledger::body(&row)));
            let mut append = Happening { kind: Kind::Deployment, body, attached, once }.append(self.now())?;
            append.changes.push(Change::Deployed(Box::new(row.clone())));
            self.sequencer.append(append).await.map_err(Failed::from)?;
        }
        // Which decision let it in is looked for at once.
        self.account(&report.repository);
        Ok(Answer { state: state(&row), deployment: row.id, recorded: is_new })
    }
}

/// What is told, as the record has it. `heard` is when, by the app's clock, in microseconds of the Unix time.
fn row(forge: &str, (teller, name): (&Teller, &str), report: &DeploymentReport, heard: i64) -> Deployed {
    let commit = report.commit.as_deref().unwrap_or_default().to_ascii_lowercase();
    let digest = report.digest.as_ref().map(|digest| digest.to_ascii_lowercase());
    let (environment, components) = (&report.environment, &report.components);
    let is = json!([name, environment, components, commit, digest, report.url]).to_string();
    let at = report.at.timestamp_micros();
    let outcome = match report.status {
        Progress::Started => None,
        Progress::Succeeded | Progress::Failed => Some(report.status.word().to_owned()),
    };
    let (by, url, components) = (name.to_owned(), report.url.clone(), components.clone());
    let heard_ended = outcome.is_some().then_some(heard);
    Deployed {
        forge: forge.to_owned(),
        repository: report.repository.to_lowercase(),
        environment: environment.clone(),
        id: format!("{NAME}{}", sha256(is.as_bytes())),
        commit,
        run: match teller {
            Teller::Job(job) => Some(job.run),
            Teller::Deployer(_) => None,
        },
        began: at,
        ended: outcome.is_some().then_some(at),
        outcome,
        decision: None,
        let_in: None,
        told: Some(Told { by, url, digest, components, heard, heard_ended }),
        found: false,
    }
}
