//! Since when people are asked about a release: nobody was before the app first looked at the attempt that waits, however long
//! before its run was made or started.
//!
//! It is read from the record, so that every look at one attempt says the same, whichever process looks.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::flow::{recorded, replay};
use crate::model::facts::Facts;
use crate::store::change::Stream;
use crate::store::fault::Fault;
use crate::store::reader::Reader;

/// Of the facts that a release was decided by last, what says since when people were asked.
#[derive(Deserialize)]
struct Before {
    release: Instants,
}

#[derive(Deserialize)]
struct Instants {
    submitted_at: DateTime<Utc>,
    asked_since: Option<DateTime<Utc>>,
}

/// States in the facts since when people are asked. Of an attempt that was not decided yet that is now.
pub(super) async fn asked(reader: &mut Reader, facts: &mut Facts, now: DateTime<Utc>) -> Result<(), Fault> {
    let started = facts.release.asked_at();
    let known = before(reader, facts).await?.filter(|before| *before >= started);
    let since = known.unwrap_or_else(|| now.max(started));
    facts.release.asked_since = Some(since).filter(|since| *since > facts.release.submitted_at);
    Ok(())
}

/// Since when they were asked by the last decision; none where there is none, or it asked nobody for want of a policy.
async fn before(reader: &mut Reader, facts: &Facts) -> Result<Option<DateTime<Utc>>, Fault> {
    let release = &facts.release;
    let stream = Stream {
        forge: release.forge.clone(),
        repository: release.repository.clone(),
        release: release.name.clone(),
        environment: release.environment.clone(),
    };
    let Some(latest) = reader.latest(&stream).await? else { return Ok(None) };
    let entry = recorded::entry(reader, latest.entry).await?;
    let asked = |it: &crate::log::entry::Entry| it.body.get(replay::NO_POLICY).is_none();
    if !entry.as_ref().is_some_and(asked) {
        return Ok(None);
    }
    let known = reader.blob(latest.facts).await?;
    let known = known.and_then(|bytes| serde_json::from_slice::<Before>(&bytes).ok());
    Ok(known.map(|it| it.release.asked_since.unwrap_or(it.release.submitted_at).max(it.release.submitted_at)))
}
