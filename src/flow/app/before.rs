//! What the record has of a release that is decided again: by which policy it was decided first, and whether there is
//! anything to add.
//!
//! All of it is read from the record, so that a process that was killed, and another replica, know the same.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::carry::Verdict;
use super::docket::Key;
use super::policy::Read;
use crate::flow::receipt::Decided;
use crate::flow::recorded::{self, Unlisted};
use crate::flow::replay;
use crate::log::receipt::{Layer, listed};
use crate::model::facts::{Facts, Release};
use crate::store::change::Stream;
use crate::store::fault::Fault as DatabaseFault;
use crate::store::latest::Latest;
use crate::store::reader::Reader;

/// Why the policy by which a release was decided first is not known. It holds: the one in force could ask for less.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unknown {
    #[error("the record could not be read: {0}")]
    Record(#[from] DatabaseFault),
    #[error(
        "the policy by which entry {entry} decided it first is not known any more, and could ask for more: {why}; release another commit"
    )]
    Policy { entry: u64, why: String },
}

/// The policy by which a release that is under way was decided first; `None` where it was not decided yet. What was held
/// for want of a policy was decided by none.
pub(super) async fn first(reader: &mut Reader, key: &Key, release: &Release) -> Result<Option<Read>, Unknown> {
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for begun in reader.begun(&release.forge, &release.repository, &release.name).await? {
        if seen.contains(&begun.stream) {
            continue;
        }
        let gone = |why: String| Unknown::Policy { entry: begun.entry, why };
        let facts = reader.blob(begun.facts).await?.and_then(|bytes| Facts::read(&bytes).ok());
        let of = facts.ok_or_else(|| gone("its facts are not kept".to_owned()))?.release;
        // What a policy calls an environment changes with it; what the forge calls it says which one was meant.
        if of.environment != key.environment || !of.commit.eq_ignore_ascii_case(&key.commit) {
            seen.insert(begun.stream);
            continue;
        }
        let Some(entry) = recorded::entry(reader, begun.entry).await? else {
            return Err(gone("the entry cannot be read".to_owned()));
        };
        if entry.body.get(replay::NO_POLICY).and_then(Value::as_bool) == Some(true) {
            continue;
        }
        let layers = recorded::layers(reader, &entry, "policy").await.map_err(|why| match why {
            Unlisted::Record(fault) => fault.into(),
            form @ Unlisted::Form(_) => gone(form.to_string()),
        })?;
        let policy = replay::policy(&layers).map_err(gone)?;
        let policy = policy.ok_or_else(|| gone("the entry names none".to_owned()))?;
        return Ok(Some(Read { policy, layers }));
    }
    Ok(None)
}

/// How many effects of a release are looked through for what its runs were told.
const LOOKED_THROUGH: u64 = 100;

/// What the runs of a release were told last, by the record; `None` where they were not told alike, or not that they wait.
pub(super) async fn told(reader: &mut Reader, stream: &Stream, runs: &[u64]) -> Result<Option<String>, DatabaseFault> {
    let mut last: BTreeMap<u64, Verdict> = BTreeMap::new();
    for body in reader.sent_about(&stream.to_string(), LOOKED_THROUGH).await? {
        let Some(told) = reader.blob(body).await?.and_then(|bytes| serde_json::from_slice::<Verdict>(&bytes).ok())
        else {
            continue;
        };
        if let Some(run) = told.run.filter(|run| runs.contains(run)) {
            last.entry(run).or_insert(told);
        }
        if last.len() == runs.len() {
            break;
        }
    }
    let mut all = runs.iter().map(|run| last.get(run).filter(|told| told.decision == "hold").map(|told| &told.summary));
    let Some(Some(first)) = all.next() else { return Ok(None) };
    Ok(all.all(|it| it == Some(first)).then(|| first.clone()))
}

/// The last decision of the record, where it is this one but for its instant, by the same facts and policies, and no clock
/// asks for another.
pub(super) async fn the_last_like(
    reader: &mut Reader,
    decided: &Decided<'_>,
    now: DateTime<Utc>,
) -> Result<Option<Latest>, DatabaseFault> {
    let stream = decided.stream();
    let Some(latest) = reader.latest(&stream).await? else { return Ok(None) };
    let document = reader.blob(latest.document).await?;
    let last = document.and_then(|bytes| timeless(&bytes));
    if last.is_none() || last != timeless(decided.document.as_bytes()) {
        return Ok(None);
    }
    let body = recorded::entry(reader, latest.entry).await?.map(|entry| entry.body).unwrap_or_default();
    let same = |name: &str, layers: &[Layer]| body.get(name) == Some(&listed(layers));
    if !same("policy", &decided.policy) || !same("policy_before", &decided.before) {
        return Ok(None);
    }
    // The next decision takes a timer away that has come.
    let name = stream.to_string();
    let is_due = reader.due(now).await?.iter().any(|due| due.stream == name);
    Ok((!is_due).then_some(latest))
}

/// A decision document without its instant. It names its facts by their digest.
fn timeless(document: &[u8]) -> Option<Map<String, Value>> {
    let mut document: Map<String, Value> = serde_json::from_slice(document).ok()?;
    document.remove("now")?;
    Some(document)
}
