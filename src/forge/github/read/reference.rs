//! What is deployed from where: the branch or tag, whether the commit lies on it and on the default branch, and who
//! started the run.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::question::First;
use super::{Reading, commits, pulls, runs};
use crate::forge::github::client::{Answer, Fault};
use crate::model::facts::{Account, Fact, Reference};

/// A branch or tag in an answer.
#[derive(Deserialize)]
struct Ref {
    /// Its full name, where it was asked for.
    name: Option<String>,
    prefix: Option<String>,
    target: Option<Target>,
}

/// What a branch or tag names. A tag of its own names a further object.
#[derive(Deserialize)]
struct Target {
    oid: String,
    target: Option<pulls::Oid>,
}

impl Ref {
    fn tip(self) -> Option<String> {
        self.target.map(|target| target.target.map_or(target.oid, |inner| inner.oid))
    }
}

/// What the run says.
pub(super) struct Started {
    pub(super) reference: Fact<Reference>,
    pub(super) trigger: Fact<Account>,
    pub(super) at: Fact<DateTime<Utc>>,
}

impl Reading<'_> {
    /// The branch or tag, who started the run, and when.
    pub(super) async fn started(
        &mut self,
        first: &Result<Answer, Fault>,
        run: Option<&Result<runs::Run, Fault>>,
    ) -> Started {
        let (trigger, at) = match run {
            None => (Fact::default(), Fact::default()),
            Some(Err(fault)) => (fault.unavailable(), fault.unavailable()),
            Some(Ok(run)) => {
                let trigger = match &run.creator {
                    Some(actor) => Fact::Known(self.accounts.actor(actor)),
                    None if run.event == "schedule" => Fact::Absent,
                    None => Fact::Unavailable("GitHub does not say who started the run".into()),
                };
                (trigger, Fact::Known(run.created_at))
            }
        };
        let of_run = run.and_then(|run| run.as_ref().ok()).and_then(|run| run.reference.clone());
        let reference = match self.question.reference.clone().or(of_run) {
            Some(name) => self.reference(first, name).await,
            None => Fact::default(),
        };
        Started { reference, trigger, at }
    }

    async fn reference(&self, first: &Result<Answer, Fault>, name: String) -> Fact<Reference> {
        let found = if self.question.reference.is_some() {
            first.as_ref().map_err(Clone::clone).and_then(|answer| answer.part::<Ref>(&["repository", "reference"]))
        } else {
            let mut question = First::default();
            question.reference(&name);
            let answer = self.client.ask(&question.text(), &self.repository.variables()).await;
            answer.and_then(|answer| answer.part::<Ref>(&["repository", "reference"]))
        };
        let tip = match found {
            Ok(found) => found.tip(),
            Err(Fault::NotFound { .. }) => None,
            Err(fault) => return fault.unavailable(),
        };
        let reaches = match &tip {
            None => Fact::Known(false),
            Some(tip) => self.has(tip).await,
        };
        let on_default = self.on_default(first, &name, &reaches).await;
        Fact::Known(Reference { name, reaches, on_default, resolves_to: tip.map_or(Fact::Absent, Fact::Known) })
    }

    /// Whether the default branch has the commit.
    async fn on_default(&self, first: &Result<Answer, Fault>, name: &str, reaches: &Fact<bool>) -> Fact<bool> {
        let default = first.as_ref().map_err(Clone::clone);
        let default = default.and_then(|answer| answer.part::<Ref>(&["repository", "defaultBranchRef"]));
        let default = match default {
            Ok(default) => default,
            Err(fault) => return fault.unavailable(),
        };
        let full = default.prefix.as_deref().zip(default.name.as_deref()).map(|(prefix, name)| [prefix, name].concat());
        if full.as_deref() == Some(name) {
            return reaches.clone();
        }
        match default.tip() {
            Some(tip) => self.has(&tip).await,
            None => Fact::Unavailable("GitHub does not say where the default branch is".into()),
        }
    }

    /// Whether a branch that ends here has the commit.
    async fn has(&self, tip: &str) -> Fact<bool> {
        if tip == self.question.commit {
            return Fact::Known(true);
        }
        match commits::reaches(self.client, &self.repository.path(), tip, &self.question.commit).await {
            Ok(reaches) => Fact::Known(reaches),
            Err(fault) => fault.unavailable(),
        }
    }
}
