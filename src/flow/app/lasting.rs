//! What people do that lasts beyond the release that they did it with: a waiver until its end, a stand-in and an absence for
//! their time, and what meets an obligation. It is read on a change or done on a page once; the record keeps it, and it is
//! among the facts of every release of its repository from then on. Only the decision says whether it counts for that one.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};

use super::Desk;
use super::talk::pressed::about;
use crate::flow::append::{Failed, Happening};
use crate::flow::decided;
use crate::forge::Hub;
use crate::log::receipt::sha256;
use crate::log::tree::Hash;
use crate::model::facts::{Act, Deed, Standing};
use crate::store::change::{Change, Done};
use crate::store::fault::Fault as DatabaseFault;
use crate::store::reader::Reader;
use crate::store::writer::Refused;

/// How far back is looked: no policy lets anything last longer.
const LOOKS_BACK: TimeDelta = TimeDelta::days(400);
/// How long what meets an obligation is among the facts: by then the record says that it is met.
const MEETS: TimeDelta = TimeDelta::days(35);

/// Whether something lasts beyond the release that it is done with.
pub(super) fn lasts(does: &Deed) -> bool {
    matches!(does, Deed::Waive { .. } | Deed::Delegate { .. } | Deed::Away { .. } | Deed::Complete { .. })
}

/// The obligation that something is to meet, by its name in the record.
pub(in crate::flow) fn completes(does: &Deed) -> Option<&str> {
    if let Deed::Complete { obligation, .. } = does { Some(obligation) } else { None }
}

/// Whether it lasts still.
fn is_on(act: &Act, now: DateTime<Utc>) -> bool {
    match &act.does {
        Deed::Waive { until, .. } | Deed::Delegate { until, .. } | Deed::Away { until, .. } => now < *until,
        Deed::Complete { .. } => now < act.at + MEETS,
        _ => false,
    }
}

/// What lasts in a repository, and what was taken back of it. What is not kept any more lasts no longer.
pub(in crate::flow) async fn acts(
    reader: &mut Reader,
    forge: &str,
    repository: &str,
    now: DateTime<Utc>,
) -> Result<Vec<Act>, DatabaseFault> {
    let mut found: Vec<Act> = Vec::new();
    for acted in reader.acted_here(forge, repository, (now - LOOKS_BACK).timestamp_micros()).await? {
        let Some(bytes) = reader.blob(acted.digest).await? else { continue };
        let Ok(act) = serde_json::from_slice::<Act>(&bytes) else { continue };
        // The last word on it is that it was edited.
        found.retain(|it| it.id != act.id);
        found.push(act);
    }
    let on: Vec<String> = found.iter().filter(|act| is_on(act, now)).map(|act| act.id.clone()).collect();
    found.retain(|act| match &act.does {
        Deed::Withdraw { of } => on.contains(of),
        _ => on.contains(&act.id),
    });
    Ok(found)
}

impl<H: Hub> Desk<H> {
    /// Keeps something that somebody said on a change and that lasts. Whoever says it twice said it once; that it was edited
    /// is kept as well.
    pub(super) async fn keep_lasting(&self, repository: &str, change: u64, act: &Act) -> Result<(), Failed> {
        let Some(kind) = decided::kind(&act.does) else { return Ok(()) };
        let bytes = serde_json::to_vec(act).map_err(|error| decided::unfit(act, &error))?;
        let digest = Hash::parse(&sha256(&bytes)).unwrap_or(Hash([0; 32]));
        let edited = act.standing == Standing::Edited;
        let body = json!({
            "repository": repository, "change": change, "act": act.id, "does": act.does.word(),
            "environment": act.saw.environment, "by": act.by.as_str(), "done": act.at.timestamp_micros(),
            "via": "command", "edited": edited,
        });
        let body: Map<String, Value> = body.as_object().cloned().unwrap_or_default();
        let attached = vec![("act.json".to_owned(), bytes)];
        let once = Some(format!("act {}{}", act.id, if edited { " edited" } else { "" }));
        let mut append = Happening { kind, body, attached, once }.append(self.now())?;
        let account = act.by.as_str().to_owned();
        let done = Done { id: act.id.clone(), kind: kind.word(), account, at: act.at.timestamp_micros(), digest };
        append.changes.push(Change::OfChange(about(H::NAME, repository, change), done));
        match self.sequencer.append(append).await.map_err(Failed::from) {
            Ok(_) | Err(Failed::Refused(Refused::OtherContent(_))) => Ok(()),
            Err(failed) => Err(failed),
        }
    }
}
