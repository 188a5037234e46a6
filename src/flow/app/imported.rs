//! A deployment that the forge let in although no decision of ours did: somebody went past the protection, as when we were
//! down. It is taken up afterwards as an emergency. Whoever let it in stands as one who signed a grant for it, which holds
//! if the policy's `break_glass` says so; whether it does or not, what an emergency leaves to be done is owed.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::docket::{Case, Key};
use super::ruling::{Attempts, Undecided};
use super::{Desk, policy};
use crate::decide::release;
use crate::flow::append::{Failed, Happening};
use crate::flow::decided::{self, Beside, word};
use crate::flow::receipt::{self, Decided};
use crate::forge::{Forge as _, Hub, Waiting};
use crate::log::entry::Kind;
use crate::model::facts::{Account, Fact, Grant};
use crate::model::release_decision::Ruling;
use crate::report;
use crate::store::deployed::Deployed;

impl<H: Hub> Desk<H> {
    /// Decides a deployment that went without a decision, for the record and for what it leaves to be done. Nothing waits
    /// for it, and nothing is opened by it.
    pub(super) async fn import(&self, repository: &str, row: &Deployed) -> Result<(), Undecided> {
        let (Some(run), Some(began)) = (row.run, DateTime::<Utc>::from_timestamp_micros(row.began)) else {
            return Ok(());
        };
        let once = format!("deployment imported {}", json!([H::NAME, row.repository, row.id]));
        let mut reader = self.reader().await?;
        let is_done = reader.is_recorded(&once).await?;
        reader.close().await?;
        if is_done {
            return Ok(());
        }
        let fault = |fault: H::Fault| Undecided::Forge(fault.to_string());
        let forge = self.hub.of(repository).await.map_err(fault)?;
        let key =
            Key { repository: repository.to_owned(), environment: row.environment.clone(), commit: row.commit.clone() };
        let waiting = Waiting { repository: key.repository.clone(), run, environment: key.environment.clone() };
        // Of a run that is gone nothing can be read any more; the finding stays.
        let Some(started) = forge.started(&waiting).await.map_err(fault)? else { return Ok(()) };
        let read = policy::read(&forge, &key.repository, &self.settings.outer).await?;
        let attempts = Attempts::from([(run, started.attempt)]);
        let case = Case { key, runs: vec![run], answers: Vec::new(), told: None, failures: 0, asked: None };
        let mut facts = self.facts(&forge, &read, &case, &attempts).await?;
        let let_in: Vec<Account> =
            row.let_in.as_deref().and_then(|list| serde_json::from_str(list).ok()).unwrap_or_default();
        facts.release.bypassed_by = match let_in.first() {
            Some(account) => Fact::Known(account.clone()),
            None => Fact::Unavailable("the forge does not say who let it in".into()),
        };
        let artifacts: Vec<String> =
            facts.release.components.values().flat_map(|it| it.artifacts.entries()).cloned().collect();
        facts.release.break_glass = Fact::Known(Grant {
            id: format!("bypass {}", row.id),
            repository: Fact::Known(facts.release.repository.clone()),
            environment: row.environment.clone(),
            commit: row.commit.clone(),
            // Whoever goes past the protection lets in whatever goes, and for no longer than the policy says.
            components: Fact::Absent,
            expires_at: Fact::Absent,
            artifacts: if artifacts.is_empty() { Fact::Absent } else { Fact::Known(artifacts) },
            signed_by: let_in,
            granted_at: began,
            used_at: vec![began],
            opened_at: began,
        });
        let text = serde_json::to_string(&facts)?;
        let now = self.now();
        let decision = release::decide(&read.policy, &facts, now).by_document(text.as_bytes());
        let decided = Decided {
            policy: read.layers,
            before: Vec::new(),
            facts_text: text,
            facts: &facts,
            decision: &decision,
            document: report::json::release(&decision)?,
        };
        let beside = Beside {
            annex: self.settings.folder.as_deref().map(crate::store::annex::Annex::folder),
            runs: vec![run],
            attempts,
            silent: true,
            ..Beside::default()
        };
        receipt::record_through(&decided, &beside, &self.sequencer, &self.signer, now).await?;
        let stream = decided.stream();
        if decision.decision != Ruling::Proceed {
            // A grant that did not hold is owed for all the same.
            for owed in decision.obligations.iter().filter(|owed| owed.to.is_empty()) {
                self.owes(&stream, decided::obligation_id(&stream, owed), owed).await.map_err(Box::new)?;
            }
        }
        // From here on it is done, whoever is started next.
        let body = json!({ "forge": H::NAME, "repository": row.repository, "environment": row.environment,
            "deployment": row.id, "commit": row.commit, "run": run, "state": "imported" });
        let body = body.as_object().cloned().unwrap_or_default();
        let done = Happening { kind: Kind::Deployment, body, attached: Vec::new(), once: Some(once) }.append(now)?;
        self.sequencer.append(done).await.map_err(Failed::from)?;
        let fields = json!({ "repository": repository, "environment": row.environment, "commit": row.commit,
            "run": run, "decision": word(decision.decision), "summary": decision.summary });
        self.say("deployment_imported", &fields);
        Ok(())
    }
}
