//! What a release leaves to be done because of how its deployment ended: its decision could not know that. It is made once
//! more, by its own policy and facts and the outcome, and what follows now and did not then is owed.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::Desk;
use super::ledger::{Unread, outcome};
use crate::decide::release;
use crate::flow::append::{Failed, Happening};
use crate::flow::{decided, recorded, replay};
use crate::forge::Hub;
use crate::log::entry::Kind;
use crate::model::facts::{Fact, Facts};
use crate::model::release_decision::{OpenedObligation, ReleaseDecision};
use crate::policy::Policy;
use crate::store::change::{Change, Opened, Stream};
use crate::store::deployed::{Deployed, Went};
use crate::store::fault::Fault as DatabaseFault;
use crate::store::reader::Reader;

impl<H: Hub> Desk<H> {
    /// Records what a deployment that ended leaves to be done.
    pub(super) async fn left_by_outcome(
        &self,
        reader: &mut Reader,
        row: &Deployed,
        decision: u64,
    ) -> Result<(), Unread> {
        let ended = row.ended.and_then(DateTime::<Utc>::from_timestamp_micros);
        let (Some(outcome), Some(ended)) = (row.outcome.as_deref().and_then(outcome), ended) else { return Ok(()) };
        let Some(of) = reader.went_by(decision).await? else { return Ok(()) };
        let Some((policy, mut facts, decided)) = made_from(reader, &of).await? else { return Ok(()) };
        facts.release.outcome = Fact::Known(outcome);
        let known: Vec<String> = reader.left_by(&of.stream).await?.into_iter().map(|it| it.id).collect();
        // It counts from when the deployment ended, unless it could not have gone then.
        let mut found = release::decide(&policy, &facts, ended.max(decided.now)).obligations;
        if found.is_empty() {
            found = release::decide(&policy, &facts, decided.now).obligations;
        }
        for owed in found.iter().filter(|owed| owed.to.is_empty()) {
            let id = decided::obligation_id(&of.stream, owed);
            if !known.contains(&id) {
                self.owes(&of.stream, id, owed).await?;
            }
        }
        Ok(())
    }

    /// Records that a release left something to be done.
    pub(super) async fn owes(&self, stream: &Stream, id: String, owed: &OpenedObligation) -> Result<(), Unread> {
        let due = owed.due.map(|due| due.timestamp_micros());
        let body = json!({
            "repository": stream.repository, "release": stream.release, "environment": stream.environment,
            "obligation": id, "state": "opened", "kind": owed.kind, "by": owed.by, "due": due,
            "needs_evidence": owed.needs_evidence,
        });
        self.say("obligation_opened", &body);
        let body: Map<String, Value> = body.as_object().cloned().unwrap_or_default();
        let once = Some(format!("obligation {id}"));
        let mut append = Happening { kind: Kind::Obligation, body, attached: Vec::new(), once }.append(self.now())?;
        let opened = Opened { id, kind: owed.kind.clone(), role: owed.by.clone(), due };
        append.changes.push(Change::Owes(stream.clone(), opened));
        match self.sequencer.append(append).await.map_err(Failed::from) {
            Ok(_) | Err(Failed::Refused(crate::store::writer::Refused::OtherContent(_))) => Ok(()),
            Err(failed) => Err(failed.into()),
        }
    }
}

/// What a decision was made from, with itself; `None` where that is not kept any more.
async fn made_from(reader: &mut Reader, of: &Went) -> Result<Option<(Policy, Facts, ReleaseDecision)>, DatabaseFault> {
    let facts = reader.blob(of.facts).await?.and_then(|bytes| Facts::read(&bytes).ok());
    let decision = reader.blob(of.document).await?.and_then(|bytes| ReleaseDecision::read(&bytes).ok());
    let Some(entry) = recorded::entry(reader, of.entry).await? else { return Ok(None) };
    let layers = match recorded::layers(reader, &entry, "policy").await {
        Ok(layers) => layers,
        Err(recorded::Unlisted::Record(fault)) => return Err(fault),
        Err(recorded::Unlisted::Form(_)) => return Ok(None),
    };
    let policy = replay::policy(&layers).ok().flatten();
    Ok(policy.zip(facts).zip(decision).map(|((policy, facts), decision)| (policy, facts, decision)))
}
