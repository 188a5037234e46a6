//! How standard changes stand: by the agendas on which the board found them, and by how the releases ended that went by them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

use super::answers::{self, Said};
use super::kept::{AGENDA, Known, Stands, like, meeting_of};
use super::models::{self, Agenda, By, Proposed, Standing};
use super::{board, meet};
use crate::flow::app::history::once;
use crate::flow::app::policy::Read;
use crate::flow::app::{Desk, ledger};
use crate::forge::Hub;
use crate::forge::records::Records as _;
use crate::model::facts::{Fact, Facts, ModelState, Outcome};
use crate::policy::rules::StandardChange;
use crate::store::fault::Fault as DatabaseFault;
use crate::store::reader::Reader;

/// How many agendas are remembered.
const REMEMBERED: usize = 2_000;

/// What stood on agendas whose meetings are long over: nothing is listed there any more.
#[derive(Debug, Default)]
pub(in crate::flow::app) struct Settled(Mutex<BTreeMap<String, Arc<Stands>>>);

impl Settled {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Stands>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The releases by models that failed: by model, when. Of which it cannot be told is under the empty name.
type Failed = BTreeMap<String, Vec<DateTime<Utc>>>;

impl<H: Hub> Desk<H> {
    /// Adds to the facts how the standard changes stand by which releases may be one. What comes back is to be brought before
    /// the board, and what was said lately under agendas on which the release itself cannot stand.
    pub(in crate::flow::app) async fn with_models(
        &self,
        reader: &mut Reader,
        forge: &H::Forge,
        read: &Read,
        facts: &mut Facts,
    ) -> Result<(Vec<Proposed>, Vec<Said>), DatabaseFault> {
        let rules = &read.policy.rules;
        let known = self.settings.known.as_ref().and_then(|known| known.get("standard_changes"));
        let is_stated = |name: &str| known.is_some_and(|known| known.get(name).is_some());
        let named = rules.standard.iter().flat_map(|rule| &rule.models);
        let wanted: Vec<&StandardChange> = named
            .filter_map(|name| rules.models.iter().find(|model| model.name == *name))
            .filter(|model| !is_stated(&model.name))
            .collect();
        let mut asked = Vec::new();
        for model in wanted {
            match models::unknowable(rules, model) {
                Some(why) => {
                    facts.standard_changes.insert(model.name.clone(), Fact::Unavailable(why.into()));
                }
                None if model.approved_by.is_some() => asked.push(model),
                None => {}
            }
        }
        if asked.is_empty() {
            return Ok((Vec::new(), Vec::new()));
        }
        let (standing, said) = match self.on_agendas(reader, forge, read, &asked, facts).await? {
            Ok(standing) => standing,
            Err(why) => {
                for model in asked {
                    facts.standard_changes.insert(model.name.clone(), Fact::Unavailable(why.clone().into()));
                }
                return Ok((Vec::new(), Vec::new()));
            }
        };
        let failed = self.failed(reader, forge, read, facts).await?;
        let mut due = Vec::new();
        for (model, Standing { state, refused }) in asked.into_iter().zip(standing) {
            let state = state.map_or(Fact::Absent, |state| Fact::Known(with_failures(state, &model.name, &failed)));
            if models::is_due(model, (&state, refused), &rules.calendar, self.now()) {
                due.extend(Proposed::of(model));
            }
            facts.standard_changes.insert(model.name.clone(), state);
        }
        Ok((due, said))
    }

    /// How models stand by what was said under agendas.
    async fn on_agendas(
        &self,
        reader: &mut Reader,
        forge: &H::Forge,
        read: &Read,
        asked: &[&StandardChange],
        facts: &mut Facts,
    ) -> Result<Result<(Vec<Standing>, Vec<Said>), String>, DatabaseFault> {
        let repository = facts.release.repository.clone();
        let wanted: Vec<Proposed> = asked.iter().filter_map(|model| Proposed::of(model)).collect();
        let mut stood = BTreeMap::new();
        for (about, _) in reader.begun_about(&like(AGENDA, H::NAME, &repository)).await? {
            let Some(meeting) = meeting_of(&about).filter(|meeting| self.now() - *meeting < models::BACK) else {
                continue;
            };
            let stands = self.stands(reader, about, meeting).await?;
            if let Some(number) =
                stands.number.filter(|_| stands.models().any(|it| wanted.iter().any(|model| model.name == it.name)))
            {
                stood.insert(number, (meeting, stands));
            }
        }
        let numbers: Vec<u64> = stood.keys().copied().collect();
        let mut found = if numbers.is_empty() {
            crate::forge::records::Read::default()
        } else {
            match forge.issues(&repository, &numbers).await {
                Ok(found) => found,
                Err(fault) => return Ok(Err(fault.to_string())),
            }
        };
        let issues = std::mem::take(&mut found.issues);
        meet(facts, found);
        let (mut agendas, mut said) = (Vec::new(), Vec::new());
        for (number, (meeting, stands)) in &stood {
            let Some(issue) = issues.get(number).filter(|issue| issue.ours) else {
                return Ok(Err(format!("agenda #{number} of the board is not there any longer")));
            };
            // Those of later meetings are looked at for the release as well.
            if *meeting < facts.release.submitted_at {
                said.extend(answers::said(&stands.about, issue, (*meeting, &stands.listings), self.now()));
            }
            agendas.push(Agenda { issue, meeting: *meeting, stands });
        }
        let by = By { policy: &read.policy, facts, now: self.now() };
        Ok(Ok((asked.iter().map(|model| models::standing(&by, model, &agendas)).collect(), said)))
    }

    /// What stood on an agenda.
    async fn stands(
        &self,
        reader: &mut Reader,
        about: String,
        meeting: DateTime<Utc>,
    ) -> Result<Arc<Stands>, DatabaseFault> {
        let known = self.agendas.lock().get(&about).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let known = Known::read(reader, about.clone(), H::NAME).await?;
        let stands = Arc::new(known.stands());
        // By then whatever was listed has left, or never will.
        if self.now() - meeting > board::OVER * 7 && stands.number.is_some() {
            let mut all = self.agendas.lock();
            if all.len() >= REMEMBERED {
                all.clear();
            }
            all.insert(about, stands.clone());
        }
        Ok(stands)
    }

    /// The releases that went by models and failed.
    async fn failed(
        &self,
        reader: &mut Reader,
        forge: &H::Forge,
        read: &Read,
        facts: &Facts,
    ) -> Result<Result<Failed, String>, DatabaseFault> {
        let repository = &facts.release.repository;
        if let Err(why) = self.accounted(forge, repository, read).await {
            return Ok(Err(why.to_string()));
        }
        let mut failed = Failed::new();
        for row in once(reader.deployed(H::NAME, repository).await?) {
            let (Some(decision), Some(Outcome::Failed)) =
                (row.decision, row.outcome.as_deref().and_then(ledger::outcome))
            else {
                continue;
            };
            let ended = row.ended_from().unwrap_or_else(|| row.counts_from());
            let Some(at) = DateTime::from_timestamp_micros(ended) else { continue };
            let model = match self.went(reader, decision).await? {
                Some(went) => went.model.clone(),
                None => Fact::Unavailable("its decision is not kept any more".into()),
            };
            match model {
                Fact::Known(name) => failed.entry(name).or_default().push(at),
                Fact::Absent => {}
                // It may have gone by any.
                Fact::Unavailable(_) => failed.entry(String::new()).or_default().push(at),
            }
        }
        Ok(Ok(failed))
    }
}

fn with_failures(state: ModelState, name: &str, failed: &Result<Failed, String>) -> ModelState {
    let failed_at = match failed {
        Err(why) => Fact::Unavailable(why.clone().into()),
        Ok(failed) => {
            let of = |name: &str| failed.get(name).into_iter().flatten().copied();
            let since = of(name).chain(of("")).filter(|at| *at >= state.approved_at);
            let mut since: Vec<DateTime<Utc>> = since.collect();
            since.sort_unstable();
            if since.is_empty() { Fact::Absent } else { Fact::Known(since) }
        }
    };
    ModelState { failed_at, ..state }
}
