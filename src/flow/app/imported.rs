//! A deployment that the forge let in although no decision of ours did: somebody went past the protection, as when we were
//! down. It is taken up afterwards as an emergency. Whoever let it in stands as one who signed a grant for it, which holds
//! if the policy's `break_glass` says so; whether it does or not, what an emergency leaves to be done is owed.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::docket::{Case, Key};
use super::policy::Read;
use super::ruling::{Attempts, Undecided, Went};
use super::{Desk, policy};
use crate::decide::release;
use crate::flow::append::{Failed, Happening};
use crate::flow::decided::{self, Beside, word};
use crate::flow::receipt::{self, Decided};
use crate::forge::{Forge as _, Hub, Waiting};
use crate::log::entry::Kind;
use crate::model::facts::{Account, Fact, Facts, Grant};
use crate::model::release_decision::Ruling;
use crate::report;
use crate::store::deployed::Deployed;

/// Something that went, and is taken up as an emergency.
pub(super) struct Emergency {
    /// What, and where to.
    pub(super) key: Key,
    /// The run that brought it, in which attempt; `None` where none of the forge's is known to have.
    pub(super) run: Option<(u64, u64)>,
    /// Whom the forge let past its protection.
    pub(super) bypassed_by: Fact<Account>,
    /// Who started it, where no run says that.
    pub(super) trigger: Option<Account>,
    /// What deployed it, where that was not the forge's pipeline.
    pub(super) deployed_by: Option<String>,
    /// When it went.
    pub(super) went: DateTime<Utc>,
    /// The instant that it is decided for.
    pub(super) at: DateTime<Utc>,
    /// Who signed the grant for it.
    pub(super) signers: Vec<Account>,
}

/// What a decision on something that went came to.
pub(super) struct TakenUp {
    /// The number of the decision's entry.
    pub(super) entry: u64,
    pub(super) ruling: Ruling,
    pub(super) summary: String,
}

/// The artifacts that went.
fn artifacts(facts: &Facts) -> Fact<Vec<String>> {
    let all = facts.release.components.values().flat_map(|it| it.artifacts.entries());
    let all: Vec<String> = all.cloned().collect();
    if all.is_empty() { Fact::Absent } else { Fact::Known(all) }
}

impl<H: Hub> Desk<H> {
    /// Decides a deployment that went without a decision, for the record and for what it leaves to be done. Nothing waits
    /// for it, and nothing is opened by it.
    pub(super) async fn import(&self, repository: &str, row: &Deployed) -> Result<(), Undecided> {
        let Some(began) = DateTime::<Utc>::from_timestamp_micros(row.began) else { return Ok(()) };
        // Of an artifact alone nothing can be read; the finding stays.
        if !row.is_proven() || row.commit.is_empty() {
            return Ok(());
        }
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
        let mut run = None;
        if let Some(id) = row.run {
            let waiting = Waiting { repository: key.repository.clone(), run: id, environment: key.environment.clone() };
            // Of a run that is gone nothing can be read any more; the finding stays.
            let Some(started) = forge.started(&waiting).await.map_err(fault)? else { return Ok(()) };
            run = Some((id, started.attempt));
        }
        let read = policy::read(&forge, &key.repository, &self.settings.outer).await?;
        let let_in: Vec<Account> =
            row.let_in.as_deref().and_then(|list| serde_json::from_str(list).ok()).unwrap_or_default();
        let emergency = Emergency {
            key,
            run,
            bypassed_by: match let_in.first() {
                Some(account) => Fact::Known(account.clone()),
                None => Fact::Unavailable("the forge does not say who let it in".into()),
            },
            trigger: None,
            deployed_by: row.told.as_ref().filter(|_| row.run.is_none()).map(|told| told.by.clone()),
            went: began,
            at: self.now(),
            signers: let_in.clone(),
        };
        let grant = |facts: &Facts| Grant {
            id: format!("bypass {}", row.id),
            repository: Fact::Known(facts.release.repository.clone()),
            environment: row.environment.clone(),
            commit: row.commit.clone(),
            // Whoever goes past the protection lets in whatever goes, and for no longer than the policy says.
            components: Fact::Absent,
            expires_at: Fact::Absent,
            artifacts: artifacts(facts),
            signed_by: let_in,
            granted_at: began,
            used_at: vec![began],
            opened_at: began,
        };
        let taken = self.take_up((&forge, read), emergency, grant).await?;
        // From here on it is done, whoever is started next.
        let body = json!({ "forge": H::NAME, "repository": row.repository, "environment": row.environment,
            "deployment": row.id, "commit": row.commit, "run": row.run, "state": "imported" });
        let body = body.as_object().cloned().unwrap_or_default();
        let done = Happening { kind: Kind::Deployment, body, attached: Vec::new(), once: Some(once) };
        self.sequencer.append(done.append(self.now())?).await.map_err(Failed::from)?;
        let fields = json!({ "repository": repository, "environment": row.environment, "commit": row.commit,
            "run": row.run, "decision": word(taken.ruling), "summary": taken.summary });
        self.say("deployment_imported", &fields);
        Ok(())
    }

    /// Decides something that went under a grant, be it a real one, and records that with what it leaves to be done: all of
    /// it, whether the grant held or not.
    pub(super) async fn take_up(
        &self,
        (forge, read): (&H::Forge, Read),
        Emergency { key, run, bypassed_by, trigger, deployed_by, went, at, signers }: Emergency,
        grant: impl FnOnce(&Facts) -> Grant,
    ) -> Result<TakenUp, Undecided> {
        let attempts: Attempts = run.into_iter().collect();
        let runs: Vec<u64> = attempts.keys().copied().collect();
        let case = Case { key, runs: runs.clone(), answers: Vec::new(), told: None, failures: 0, asked: None };
        let went = Went { at: runs.is_empty().then_some(went), signers };
        let mut facts = self.facts_of(forge, &read, (&case, &attempts), &went).await?;
        facts.release.bypassed_by = bypassed_by;
        if let (Some(trigger), Fact::Unavailable(_)) = (trigger, &facts.release.trigger) {
            facts.release.trigger = Fact::Known(trigger);
        }
        if let Some(deployer) = deployed_by {
            facts.release.deployed_by = Fact::Known(deployer);
        }
        facts.release.break_glass = Fact::Known(grant(&facts));
        let text = serde_json::to_string(&facts)?;
        let decision = release::decide(&read.policy, &facts, at).by_document(text.as_bytes());
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
            runs,
            attempts,
            silent: true,
            ..Beside::default()
        };
        let appended = receipt::record_through(&decided, &beside, &self.sequencer, &self.signer, self.now()).await?;
        let stream = decided.stream();
        if decision.decision != Ruling::Proceed {
            // A grant that did not hold is owed for all the same.
            for owed in decision.obligations.iter().filter(|owed| owed.to.is_empty()) {
                self.owes(&stream, decided::obligation_id(&stream, owed), owed).await.map_err(Box::new)?;
            }
        }
        let entry = appended.map_or(0, |appended| appended.first);
        Ok(TakenUp { entry, ruling: decision.decision, summary: decision.summary })
    }
}
