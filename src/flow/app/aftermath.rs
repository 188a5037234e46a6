//! What a release leaves to be done because of how its deployment ended: its decision could not know that. It is made once
//! more, by its own policies and facts and the outcome, and what follows now and did not then is owed, for each deployment
//! that ended so.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::ledger::{Unread, outcome};
use super::{Desk, imported};
use crate::decide::release;
use crate::flow::append::{Failed, Happening};
use crate::flow::{decided, recorded, replay, send};
use crate::forge::Hub;
use crate::log::entry::Kind;
use crate::model::facts::{Fact, Facts};
use crate::model::release_decision::{OpenedObligation, ReleaseDecision};
use crate::policy::Policy;
use crate::store::change::{Change, Opened, Stream};
use crate::store::deployed::Deployed;
use crate::store::fault::Fault as DatabaseFault;
use crate::store::latest::Latest;
use crate::store::reader::Reader;
use crate::store::writer::{Append, Refused};

/// What a decision was made from, with itself.
struct Made {
    policy: Policy,
    /// The policy that the release began with, where it was another.
    before: Option<Policy>,
    facts: Facts,
    decision: ReleaseDecision,
}

impl Made {
    /// What would be owed, had it been decided at an instant.
    fn owed(&self, at: DateTime<Utc>) -> Vec<OpenedObligation> {
        let decision = match &self.before {
            Some(before) => release::decide_between(before, &self.policy, &self.facts, at),
            None => release::decide(&self.policy, &self.facts, at),
        };
        decision.obligations
    }
}

/// Whether two are the same to be done.
fn alike(one: &OpenedObligation, other: &OpenedObligation) -> bool {
    (&one.kind, &one.by, &one.to) == (&other.kind, &other.by, &other.to)
}

impl<H: Hub> Desk<H> {
    /// Records what a deployment that ended leaves to be done, by the decision that let it in, or by which it was taken up.
    pub(super) async fn left_by_outcome(
        &self,
        reader: &mut Reader,
        row: &Deployed,
        decision: u64,
    ) -> Result<(), Unread> {
        let ended = row.ended.and_then(DateTime::<Utc>::from_timestamp_micros);
        let (Some(outcome), Some(ended)) = (row.outcome.as_deref().and_then(outcome), ended) else { return Ok(()) };
        let unknown = |desk: &Self| {
            let fields = json!({ "repository": row.repository, "deployment": row.id, "decision": decision });
            desk.say("aftermath_unknown", &fields);
        };
        let Some(of) = reader.decided_in(decision).await? else {
            unknown(self);
            return Ok(());
        };
        let Some(mut made) = made_from(reader, &of).await? else {
            unknown(self);
            return Ok(());
        };
        made.facts.release.outcome = Fact::Known(outcome);
        let known: Vec<String> = reader.left_by(&of.stream).await?.into_iter().map(|it| it.id).collect();
        // A job that told of itself is one with what the forge says of it, and leaves nothing twice.
        let others = imported::of_its_job(reader, H::NAME, row).await?;
        // It counts from when the deployment ended, unless it could not have gone then.
        let mut found = made.owed(ended.max(made.decision.now));
        if found.is_empty() {
            found = made.owed(made.decision.now);
        }
        for owed in found.iter().filter(|owed| !made.decision.obligations.iter().any(|then| alike(owed, then))) {
            let id_of = |row: &Deployed| decided::obligation_id(&of.stream, owed, Some(&row.id));
            // Whichever of its names it is found by, it is called by the one that the forge gives it.
            let own = others.iter().filter(|other| other.told.is_none()).min_by(|a, b| a.id.cmp(&b.id));
            let id = id_of(own.unwrap_or(row));
            if !known.contains(&id) && !others.iter().any(|other| known.contains(&id_of(other))) {
                self.owes(&of.stream, (id, owed), (&made.facts, &made.decision)).await?;
            }
        }
        Ok(())
    }

    /// Records that a release left something to be done, and that whoever is told of it is to be told.
    pub(super) async fn owes(
        &self,
        stream: &Stream,
        (id, owed): (String, &OpenedObligation),
        by: (&Facts, &ReleaseDecision),
    ) -> Result<(), Unread> {
        // Word of it leaves first, once: whatever ends here in between is come back to until the obligation is there.
        for (once, destination, notice) in decided::notices(stream, (&id, owed), by) {
            let about = format!("obligation {id}");
            let append = send::leaves(&about, (&once, &destination), notice.to_string().as_bytes(), self.now())?;
            self.once(append).await?;
            self.to_tell.notify_one();
        }
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
        self.once(append).await
    }

    /// Records what may be there already.
    async fn once(&self, append: Append) -> Result<(), Unread> {
        match self.sequencer.append(append).await.map_err(Failed::from) {
            Ok(_) | Err(Failed::Refused(Refused::OtherContent(_))) => Ok(()),
            Err(failed) => Err(failed.into()),
        }
    }
}

/// What a decision was made from; `None` where that is not kept any more.
async fn made_from(reader: &mut Reader, of: &Latest) -> Result<Option<Made>, DatabaseFault> {
    let facts = reader.blob(of.facts).await?.and_then(|bytes| Facts::read(&bytes).ok());
    let decision = reader.blob(of.document).await?.and_then(|bytes| ReleaseDecision::read(&bytes).ok());
    let Some(entry) = recorded::entry(reader, of.entry).await? else { return Ok(None) };
    let mut policies = Vec::new();
    for name in ["policy", "policy_before"] {
        if !entry.body.contains_key(name) {
            policies.push(None);
            continue;
        }
        let layers = match recorded::layers(reader, &entry, name).await {
            Ok(layers) => layers,
            Err(recorded::Unlisted::Record(fault)) => return Err(fault),
            Err(recorded::Unlisted::Form(_)) => return Ok(None),
        };
        // One that cannot be read may have asked for more.
        let Ok(policy) = replay::policy(&layers) else { return Ok(None) };
        policies.push(policy);
    }
    let before = policies.pop().flatten();
    let policy = policies.pop().flatten();
    let made = policy.zip(facts).zip(decision);
    Ok(made.map(|((policy, facts), decision)| Made { policy, before, facts, decision }))
}
