//! Which third parties the components of a release declared when what runs of them was let in: by the policy of the
//! decision that let it in, which the record has.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Desk;
use super::history::Known;
use super::ledger::outcome;
use crate::flow::{recorded, replay};
use crate::forge::Hub;
use crate::model::facts::{Fact, Facts, Outcome};
use crate::policy::Policy;
use crate::store::fault::Fault as DatabaseFault;
use crate::store::reader::Reader;

/// The third parties of each component.
pub(super) type Declared = BTreeMap<String, Vec<String>>;

/// What a policy declares.
fn declared(policy: &Policy) -> Declared {
    policy.rules.components.iter().map(|it| (it.name.clone(), it.vendors.clone())).collect()
}

/// What was declared by the policy of a decision; `None` where that is not kept any more.
pub(super) async fn by_decision(reader: &mut Reader, decision: u64) -> Result<Option<Declared>, DatabaseFault> {
    let Some(entry) = recorded::entry(reader, decision).await? else { return Ok(None) };
    let layers = match recorded::layers(reader, &entry, "policy").await {
        Ok(layers) => layers,
        Err(recorded::Unlisted::Record(fault)) => return Err(fault),
        Err(recorded::Unlisted::Form(_)) => return Ok(None),
    };
    Ok(replay::policy(&layers).ok().flatten().as_ref().map(declared))
}

impl<H: Hub> Desk<H> {
    /// What the components that go declared before. Of each counts what ran last of it: what failed brought nobody.
    pub(super) async fn vendors_before(
        &self,
        reader: &mut Reader,
        policy: &Policy,
        facts: &Facts,
        rows: &[Known],
    ) -> Result<Fact<Vec<String>>, DatabaseFault> {
        let now = declared(policy);
        let mut before: Vec<String> = Vec::new();
        for name in facts.release.components.keys() {
            if now.get(name).is_none_or(Vec::is_empty) {
                continue;
            }
            let ran = |(row, went): &&Known| {
                let succeeded = row.outcome.as_deref().and_then(outcome) == Some(Outcome::Succeeded);
                let may = went.as_ref().is_none_or(|went| went.components.contains_key(name));
                row.environment == facts.release.environment && row.is_proven() && succeeded && may
            };
            let decided = |it: &&Known| ran(it) && it.0.decision.is_some();
            let Some((last, went)) = rows.iter().filter(decided).max_by_key(|(row, _)| row.counts_from()) else {
                continue;
            };
            // What went past since may have left out whom the last decision knew; a forge counts in whole seconds.
            let past = |it: &&Known| ran(it) && it.0.decision.is_none() && it.0.counts_from() >= last.began;
            if let Some((past, _)) = rows.iter().find(past) {
                let why =
                    format!("deployment {} went past the decision since, and nobody knows what it declared", past.id);
                return Ok(Fact::Unavailable(why.into()));
            }
            let known: Option<Arc<Declared>> = match (went, last.decision) {
                (Some(_), Some(decision)) => self.ledger.past.declared(reader, decision).await?,
                _ => None,
            };
            let Some(known) = known else {
                let why = format!("what was let in as deployment {} is not kept any more", last.id);
                return Ok(Fact::Unavailable(why.into()));
            };
            before.extend(known.get(name).into_iter().flatten().cloned());
        }
        before.sort_unstable();
        before.dedup();
        Ok(if before.is_empty() { Fact::Absent } else { Fact::Known(before) })
    }
}
