//! How experiments stand: how the releases ended that were let go on either path, by the decisions that let them go.

use std::collections::{BTreeMap, BTreeSet};

use super::history::once;
use super::policy::Read;
use super::{Desk, ledger};
use crate::forge::Hub;
use crate::model::facts::{ExperimentCount, Fact, Facts, Outcome};
use crate::model::ground::Ground;
use crate::model::release_decision::ReleaseDecision;
use crate::store::fault::Fault as DatabaseFault;
use crate::store::reader::Reader;

/// In which paths of which experiments a release went, and which had ended by then.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Arms {
    /// By experiment, whether it was the other path.
    taken: BTreeMap<String, bool>,
    ended: BTreeSet<String>,
}

impl Arms {
    /// What a decision says of them.
    pub(super) fn of(document: &ReleaseDecision) -> Self {
        let mut arms = Self::default();
        document.tree.walk(&mut |node| match (node.code, node.evidence.as_slice()) {
            (Ground::Experiment, [name, path]) => {
                arms.taken.insert(name.clone(), path == "b");
            }
            (Ground::ExperimentStopped, [name]) => {
                arms.ended.insert(name.clone());
            }
            _ => {}
        });
        arms
    }
}

impl<H: Hub> Desk<H> {
    /// Adds to the facts how the experiments of the policy stand in this repository. One that ended once stays over.
    pub(super) async fn with_experiments(
        &self,
        reader: &mut Reader,
        forge: &H::Forge,
        read: &Read,
        facts: &mut Facts,
    ) -> Result<(), DatabaseFault> {
        let experiments = &read.policy.rules.experiments;
        if experiments.is_empty() {
            return Ok(());
        }
        let counted = match self.accounted(forge, &facts.release.repository, read).await {
            Ok(()) => self.counted(reader, read, &facts.release.repository).await?,
            Err(why) => Err(why.to_string()),
        };
        let known = self.settings.known.as_ref().and_then(|known| known.get("experiments"));
        for experiment in experiments {
            if known.is_some_and(|known| known.get(&experiment.name).is_some()) {
                continue;
            }
            let count = match &counted {
                Ok(all) => Fact::Known(all.get(&experiment.name).cloned().unwrap_or_else(begun)),
                Err(why) => Fact::Unavailable(why.clone().into()),
            };
            facts.experiments.insert(experiment.name.clone(), count);
        }
        Ok(())
    }

    async fn counted(
        &self,
        reader: &mut Reader,
        read: &Read,
        repository: &str,
    ) -> Result<Result<BTreeMap<String, ExperimentCount>, String>, DatabaseFault> {
        let mut all: BTreeMap<String, ExperimentCount> = BTreeMap::new();
        for row in once(reader.deployed(H::NAME, repository).await?) {
            let Some(decision) = row.decision.filter(|_| ledger::is_formal(&read.policy, &row.environment)) else {
                continue;
            };
            let failed = match row.outcome.as_deref().and_then(ledger::outcome) {
                Some(Outcome::Succeeded) => false,
                Some(Outcome::Failed) => true,
                Some(Outcome::Cancelled) | None => continue,
            };
            let Some(went) = self.went(reader, decision).await? else {
                // A failure may be of either path.
                if failed {
                    return Ok(Err(
                        "what an earlier release that failed was decided by is not kept any more".to_owned()
                    ));
                }
                continue;
            };
            for name in &went.arms.ended {
                all.entry(name.clone()).or_insert_with(begun).stopped = Fact::Known(true);
            }
            for (name, other) in &went.arms.taken {
                let count = all.entry(name.clone()).or_insert_with(begun);
                let (releases, failures) = if *other {
                    (&mut count.b_releases, &mut count.b_failed)
                } else {
                    (&mut count.a_releases, &mut count.a_failed)
                };
                *releases += 1;
                *failures += u64::from(failed);
            }
        }
        Ok(Ok(all))
    }
}

fn begun() -> ExperimentCount {
    ExperimentCount { stopped: Fact::Known(false), ..ExperimentCount::default() }
}
