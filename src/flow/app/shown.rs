//! What those who acted at the forge had been shown, by the record: the last decision of the release that was there when
//! they acted. A forge says who did what and when; what is asked of whom, how the gates stood, and which roles somebody held
//! then, only the record knows.
//!
//! What was found the first time stands with the act in the record, and is what is found ever after. Where nothing had
//! been decided yet nothing is known, and stays so.

use std::collections::BTreeSet;
use std::collections::btree_map::{BTreeMap, Entry};

use serde_json::Value;

use super::acting::offers::evidence_of;
use super::acting::{OF_CHANGE, made_from, trial::Trial};
use crate::flow::recorded;
use crate::flow::replay::NO_POLICY;
use crate::model::facts::{Act, Deed, Fact, Facts, Saw, Via};
use crate::store::acted::HERE;
use crate::store::change::Stream;
use crate::store::fault::Fault as DatabaseFault;
use crate::store::history::Past;
use crate::store::reader::Reader;

/// Completes what people did by what they had been shown.
pub(super) async fn complete(reader: &mut Reader, facts: &mut Facts) -> Result<(), DatabaseFault> {
    let release = &facts.release;
    let stream = Stream {
        forge: release.forge.clone(),
        repository: release.repository.clone(),
        release: release.name.clone(),
        environment: release.environment.clone(),
    };
    let Fact::Known(acts) = &mut facts.acts else { return Ok(()) };
    let at_forge = |act: &Act| !act.id.starts_with(HERE) && !act.id.starts_with(OF_CHANGE);
    if !acts.iter().any(at_forge) {
        return Ok(());
    }
    let first = reader.first_seen(&stream).await?;
    // What stands beside a review of the environment was written with it, and nobody says when.
    let reviews: BTreeSet<String> =
        acts.iter().filter(|act| act.via == Via::Environment).map(|act| act.id.clone()).collect();
    let untimed = |act: &Act| act.id.split('/').next().is_some_and(|id| reviews.contains(id));
    let mut decisions: BTreeMap<u64, Option<Trial>> = BTreeMap::new();
    for act in acts.iter_mut().filter(|act| at_forge(act)) {
        if let Some(digest) = first.get(&act.id) {
            let bytes = reader.blob(*digest).await?;
            if let Some(before) = bytes.and_then(|bytes| serde_json::from_slice::<Act>(&bytes).ok()) {
                as_before(act, before);
            }
            continue;
        }
        let past = if untimed(act) {
            reader.decided_by_entry(&stream, u64::MAX).await?
        } else {
            reader.decided_by(&stream, act.at.timestamp_micros()).await?
        };
        let Some(Past { entry, document, facts, .. }) = with_policy(reader, &stream, past).await? else { continue };
        let made = match decisions.entry(entry) {
            Entry::Occupied(made) => made.into_mut(),
            Entry::Vacant(place) => place.insert(made_from(reader, entry, (document, facts)).await?.ok()),
        };
        if let Some(trial) = made {
            by_decision(act, trial);
        }
    }
    Ok(())
}

/// The last decision up to one that was made by a policy: where none could be used, nobody was shown what is asked.
async fn with_policy(
    reader: &mut Reader,
    stream: &Stream,
    mut past: Option<Past>,
) -> Result<Option<Past>, DatabaseFault> {
    while let Some(it) = &past {
        let entry = recorded::entry(reader, it.entry).await?;
        let none = entry.is_some_and(|entry| entry.body.get(NO_POLICY).and_then(Value::as_bool) == Some(true));
        if !none {
            break;
        }
        past = match it.entry.checked_sub(1) {
            Some(before) => reader.decided_by_entry(stream, before).await?,
            None => None,
        };
    }
    Ok(past)
}

/// Whether an act is bound to all of a release, as whoever approves or rejects is not: he answers for what he names.
fn of_whole(does: &Deed) -> bool {
    !matches!(does, Deed::Approve { .. } | Deed::Reject {} | Deed::Comment {} | Deed::Withdraw { .. })
}

/// What the record had of an act when a decision saw it first.
fn as_before(act: &mut Act, before: Act) {
    if act.held.is_empty() {
        act.held = before.held;
    }
    if act.via == Via::Review {
        return;
    }
    if let (Deed::Verify { evidence, .. }, Deed::Verify { evidence: seen, .. }) = (&mut act.does, before.does)
        && evidence.is_empty()
    {
        *evidence = seen;
    }
    let whole = of_whole(&act.does);
    fill(&mut act.saw, before.saw, whole);
}

/// What somebody was shown by a decision, where he acted for the place that it is of.
fn by_decision(act: &mut Act, trial: &Trial) {
    if act.held.is_empty() {
        act.held = trial.held(&act.by);
    }
    let shown = trial.saw();
    let elsewhere = act.saw.repository != shown.repository || act.saw.environment != shown.environment;
    if act.via == Via::Review || elsewhere {
        return;
    }
    if let Deed::Verify { gate, evidence } = &mut act.does
        && evidence.is_empty()
    {
        *evidence = evidence_of(&trial.policy, &trial.facts, gate);
    }
    let whole = of_whole(&act.does) && act.saw.changes.iter().all(|it| shown.changes.get(it.0) == Some(it.1));
    let whole = whole && !act.saw.changes.is_empty();
    fill(&mut act.saw, shown, whole);
}

/// Fills in what is not known of what somebody was shown; of what goes only where he acted on all of it.
fn fill(saw: &mut Saw, shown: Saw, whole: bool) {
    if whole && !shown.changes.is_empty() {
        saw.changes = shown.changes;
        if saw.components.is_empty() {
            saw.components = shown.components;
        }
    }
    if saw.requirements.is_empty() {
        saw.requirements = shown.requirements;
    }
    if saw.gates.is_empty() {
        saw.gates = shown.gates;
    }
    if saw.artifacts.is_empty() {
        saw.artifacts = shown.artifacts;
    }
    if saw.parts.is_empty() {
        saw.parts = shown.parts;
    }
    if saw.record.is_none() {
        saw.record = shown.record;
    }
}
