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
    pub(super) asked_since: Fact<DateTime<Utc>>,
}

impl Reading<'_> {
    /// The branch or tag, who started the run, when it was made, and when its present attempt was started.
    pub(super) async fn started(
        &mut self,
        first: &Result<Answer, Fault>,
        run: Option<&Result<runs::Run, Fault>>,
    ) -> Started {
        let (trigger, at, asked_since) = match run {
            None => (Fact::default(), Fact::default(), Fact::default()),
            Some(Err(fault)) => (fault.unavailable(), fault.unavailable(), fault.unavailable()),
            Some(Ok(run)) => (self.trigger(run), Fact::Known(run.created_at), run.attempted_at()),
        };
        let of_run = match (&self.question.reference, first, run) {
            (None, Ok(answer), Some(Ok(_))) => runs::branch(answer),
            _ => Ok(None),
        };
        let of_run = match of_run {
            Ok(of_run) => of_run,
            Err(fault) => return Started { reference: fault.unavailable(), trigger, at, asked_since },
        };
        let reference = match self.question.reference.clone().or(of_run) {
            Some(name) => self.reference(first, name).await,
            None => Fact::default(),
        };
        Started { reference, trigger, at, asked_since }
    }

    /// Who started the run. Whoever starts it again starts what deploys, and so does who started it first: the facts name
    /// one, and where there are two none is let off.
    fn trigger(&mut self, run: &runs::Run) -> Fact<Account> {
        let first = self.accounts.rest(run.actor.as_ref());
        let again = self.accounts.rest(run.triggering_actor.as_ref());
        match (first, again) {
            // GitHub names whoever wrote the schedule, and nobody started it.
            (_, Fact::Known(_)) if run.event == "schedule" && run.attempt <= 1 => Fact::Absent,
            (_, again @ Fact::Known(_)) if run.event == "schedule" => again,
            (Fact::Known(first), Fact::Known(again)) if first == again => Fact::Known(first),
            (Fact::Known(first), Fact::Known(again)) => {
                let (first, again, attempt) = (first.login(), again.login(), run.attempt);
                let says = format!(
                    "{first} started the run and {again} its attempt {attempt}, and both are who started it: \
                     one of them has to start a run of his own"
                );
                Fact::Unavailable(says.into())
            }
            _ => Fact::Unavailable("GitHub does not say who started the run".into()),
        }
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
