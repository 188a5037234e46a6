//! What is deployed from where: the branch or tag, whether the commit lies on it and on the default branch, and who
//! started the run.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::question::First;
use super::{Reading, commits, pulls, runs};
use crate::forge::github::client::{Answer, Fault};
use crate::model::facts::{Account, Fact, Reference};

/// Where the first answer has a branch or tag by its full name, as which the short one of a run was asked for.
fn asked_as(name: &str, short: Option<&str>) -> Option<&'static str> {
    let short = short?;
    match name.strip_suffix(short)? {
        "refs/heads/" => Some("branch"),
        "refs/tags/" => Some("tag"),
        _ => None,
    }
}

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

/// What the run says of itself.
pub(super) struct Started {
    pub(super) trigger: Fact<Account>,
    pub(super) at: Fact<DateTime<Utc>>,
    pub(super) asked_since: Fact<DateTime<Utc>>,
}

impl Reading<'_> {
    /// Who started the run, when it was made, and when its present attempt was started.
    pub(super) fn started(&mut self, run: Option<&Result<runs::Run, Fault>>) -> Started {
        let (trigger, at, asked_since) = match run {
            None => (Fact::default(), Fact::default(), Fact::default()),
            Some(Err(fault)) => (fault.unavailable(), fault.unavailable(), fault.unavailable()),
            Some(Ok(run)) => (self.trigger(run), Fact::Known(run.created_at), run.attempted_at()),
        };
        Started { trigger, at, asked_since }
    }

    /// The branch or tag.
    pub(super) async fn named_reference(
        &self,
        first: &Result<Answer, Fault>,
        run: Option<&Result<runs::Run, Fault>>,
    ) -> Fact<Reference> {
        let of_run = match (&self.question.reference, first, run) {
            (None, Ok(answer), Some(Ok(run))) => runs::branch(answer).map(|name| name.map(|name| (name, run))),
            _ => Ok(None),
        };
        match (&self.question.reference, of_run) {
            (_, Err(fault)) => fault.unavailable(),
            (Some(name), _) => self.reference(first, name.clone(), Some("reference")).await,
            (None, Ok(Some((name, run)))) => {
                let at = asked_as(&name, run.head_branch.as_deref());
                self.reference(first, name, at).await
            }
            (None, Ok(None)) => Fact::default(),
        }
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

    /// A branch or tag; `at` is where in the first answer it stands, where it was asked for there.
    async fn reference(&self, first: &Result<Answer, Fault>, name: String, at: Option<&str>) -> Fact<Reference> {
        let found = if let Some(at) = at {
            first.as_ref().map_err(Clone::clone).and_then(|answer| answer.part::<Ref>(&["repository", at]))
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
        self.default_ahead(first);
        let reaches = match &tip {
            None => Fact::Known(false),
            Some(tip) => self.has(tip).await,
        };
        let on_default = self.on_default(first, &name, &reaches).await;
        Fact::Known(Reference { name, reaches, on_default, resolves_to: tip.map_or(Fact::Absent, Fact::Known) })
    }

    /// Begins to ask whether the default branch has the commit.
    fn default_ahead(&self, first: &Result<Answer, Fault>) {
        let default = first.as_ref().ok().and_then(|it| it.part::<Ref>(&["repository", "defaultBranchRef"]).ok());
        if let Some(tip) = default.and_then(Ref::tip).filter(|tip| *tip != self.question.commit) {
            self.client.ahead(&commits::place_of_common(&self.repository.path(), &tip, &self.question.commit));
        }
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
