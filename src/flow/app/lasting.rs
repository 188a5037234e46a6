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
        let bytes = reader.blob(acted.digest).await?;
        let act = bytes.and_then(|bytes| serde_json::from_slice::<Act>(&bytes).ok());
        follow(&mut found, (&acted.id, &acted.account), act);
    }
    let on: Vec<String> = found.iter().filter(|act| is_on(act, now)).map(|act| act.id.clone()).collect();
    found.retain(|act| match &act.does {
        Deed::Withdraw { of } => on.contains(of),
        _ => on.contains(&act.id),
    });
    Ok(found)
}

/// Takes in what was done after all that was found. What cannot be read any more may have taken back anything that its
/// account did before: nothing of that lasts.
fn follow(found: &mut Vec<Act>, (id, account): (&str, &str), act: Option<Act>) {
    // The last word on it is that it was edited.
    found.retain(|it| it.id != id && (act.is_some() || !it.by.as_str().eq_ignore_ascii_case(account)));
    found.extend(act);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn act(id: &str, by: &str) -> Act {
        let does = json!({"away": {"from": "2026-12-01T00:00:00Z", "until": "2026-12-15T00:00:00Z"}});
        serde_json::from_value(json!({"id": id, "at": "2026-12-01T09:00:00Z", "by": by, "impersonated_by": null,
            "via": "command", "does": does, "standing": "stands"}))
        .unwrap()
    }

    #[test]
    fn what_cannot_be_read_any_more_may_have_taken_back_what_its_account_did_before() {
        let mut found = Vec::new();
        for (id, by) in [("a", "github:bo"), ("b", "github:cy")] {
            follow(&mut found, (id, by), Some(act(id, by)));
        }
        follow(&mut found, ("c", "github:Bo"), None);
        let left = |found: &[Act]| found.iter().map(|act| act.id.clone()).collect::<Vec<_>>();
        assert_eq!(left(&found), ["b"]);
        // What he does since lasts, and an edit takes the place of what was edited.
        follow(&mut found, ("d", "github:bo"), Some(act("d", "github:bo")));
        follow(&mut found, ("d", "github:bo"), Some(Act { standing: Standing::Edited, ..act("d", "github:bo") }));
        assert_eq!(left(&found), ["b", "d"]);
        assert_eq!(found[1].standing, Standing::Edited);
    }
}
