//! A deployment that the forge let in although no decision of ours did: somebody went past the protection, as when we were
//! down. It is taken up afterwards as an emergency. Whoever let it in stands as one who signed a grant for it, which holds
//! if the policy's `break_glass` says so; whether it does or not, what an emergency leaves to be done is owed.
//!
//! Whoever goes past the protection stands at the forge as the last who reviewed, behind those who only approved. Those whose
//! review an earlier decision had seen, which held nevertheless, let nothing in. Where more than one is left nobody can tell
//! which of them it was, and nobody stands as having signed.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::docket::{Case, Key};
use super::policy::Read;
use super::ruling::{Attempts, Undecided, Went};
use super::{Desk, ledger};
use crate::decide::release;
use crate::flow::append::{Failed, Happening};
use crate::flow::decided::{Beside, word};
use crate::flow::facts::named;
use crate::flow::receipt::{self, Decided};
use crate::flow::recorded;
use crate::forge::{Forge as _, Hub, LetIn, Waiting};
use crate::log::entry::Kind;
use crate::model::facts::{Account, Fact, Facts, Grant, Outcome};
use crate::model::release_decision::Ruling;
use crate::report;
use crate::store::change::{Change, Stream};
use crate::store::deployed::Deployed;
use crate::store::fault::Fault as DatabaseFault;
use crate::store::reader::Reader;
use crate::store::writer::Refused;

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
    /// The forge's own name for the deployment that it was, where one is known.
    pub(super) deployment: Option<String>,
    /// How it ended, where it has.
    pub(super) outcome: Fact<Outcome>,
    /// How many entries the log had before it was looked whether it was taken up already. A decision that was recorded since
    /// may have been just that, and this one is refused.
    pub(super) since: Option<u64>,
}

/// What a decision on something that went came to.
pub(super) struct TakenUp {
    /// The number of the decision's entry.
    pub(super) entry: u64,
    pub(super) ruling: Ruling,
    pub(super) summary: String,
}

/// How many of a release's decisions are looked through for the one by which it was taken up.
const LOOKED_THROUGH: u64 = 50;
/// How often is begun anew because somebody else decided the release meanwhile.
const TRIES: u32 = 5;
/// By how much the clocks may differ, in microseconds.
pub(super) const APART: i64 = 60_000_000;

/// The artifacts that went.
fn artifacts(facts: &Facts) -> Fact<Vec<String>> {
    let all = facts.release.components.values().flat_map(|it| it.artifacts.entries());
    let all: Vec<String> = all.cloned().collect();
    if all.is_empty() { Fact::Absent } else { Fact::Known(all) }
}

/// Under which key it is recorded that a deployment was taken up.
pub(super) fn once(forge: &str, row: &Deployed) -> String {
    format!("deployment imported {}", json!([forge, row.repository, row.id]))
}

/// The decision by which a deployment was taken up; `None` where it was not yet.
pub(super) async fn decision(reader: &mut Reader, forge: &str, row: &Deployed) -> Result<Option<u64>, DatabaseFault> {
    let Some(entry) = reader.recorded_as(&once(forge, row)).await? else { return Ok(None) };
    let entry = recorded::entry(reader, entry).await?;
    Ok(entry.and_then(|entry| entry.body.get("decided")?.as_u64()))
}

/// Whether the one is the forge's own deployment of a job, and the other what that job told of itself.
pub(super) fn is_of_one_job(own: &Deployed, told: &Deployed) -> bool {
    own.told.is_none()
        && told.told.is_some()
        && told.run.is_some()
        && own.run == told.run
        && own.environment == told.environment
        && own.began <= told.began.saturating_add(APART)
        && own.ended.is_none_or(|at| told.began <= at.saturating_add(APART))
}

/// Every other row of the job that a deployment is: the forge's own of what it told, and what it told of the forge's.
pub(super) async fn of_its_job(
    reader: &mut Reader,
    forge: &str,
    row: &Deployed,
) -> Result<Vec<Deployed>, DatabaseFault> {
    let all = reader.deployed(forge, &row.repository).await?.into_iter();
    Ok(all.filter(|it| is_of_one_job(it, row) || is_of_one_job(row, it)).collect())
}

/// The decision by which the same job was taken up under another of its names; `None` where it was not. One that was let in
/// may be told to have been more than that, which is a finding of its own.
async fn under_another_name(reader: &mut Reader, forge: &str, row: &Deployed) -> Result<Option<u64>, DatabaseFault> {
    for other in of_its_job(reader, forge, row).await? {
        if let Some(decision) = decision(reader, forge, &other).await? {
            return Ok(Some(decision));
        }
    }
    Ok(None)
}

/// What the grant is called under which a deployment is taken up that no decision let in.
fn grant_of(row: &Deployed) -> String {
    format!("bypass {}", row.id)
}

/// The decision by which a job was taken up under any of its names, where whoever recorded it did not come to say so, or has
/// not yet; `None` where there is none.
async fn decided_as(reader: &mut Reader, stream: &Stream, grants: &[String]) -> Result<Option<u64>, DatabaseFault> {
    for past in reader.history(stream, LOOKED_THROUGH).await? {
        let facts = reader.blob(past.facts).await?.and_then(|bytes| Facts::read(&bytes).ok());
        if facts.is_some_and(|facts| facts.release.break_glass.known().is_some_and(|it| grants.contains(&it.id))) {
            return Ok(Some(past.entry));
        }
    }
    Ok(None)
}

/// Who may have gone past the protection: whoever let the run in, but for those whose review a decision before that had seen.
/// Where it had seen them all, it was the last of them: once somebody has gone past nobody can review any more.
async fn went_past(
    reader: &mut Reader,
    forge: &str,
    key: &Key,
    row: &Deployed,
    began: DateTime<Utc>,
) -> Result<Vec<Account>, DatabaseFault> {
    let let_in: Vec<LetIn> = row.let_in.as_deref().and_then(|list| serde_json::from_str(list).ok()).unwrap_or_default();
    let stream = Stream {
        forge: forge.to_owned(),
        repository: key.repository.clone(),
        release: named(&key.repository, &key.commit),
        environment: key.environment.clone(),
    };
    let seen = reader.first_seen_by(&stream, began.timestamp_micros()).await?;
    let last = let_in.iter().map(|it| seen.get(&it.review).copied()).max_by_key(|it| it.unwrap_or(u64::MAX));
    let mut found: Vec<Account> = Vec::new();
    for LetIn { review, by } in let_in {
        if Some(seen.get(&review).copied()) == last && !found.contains(&by) {
            found.push(by);
        }
    }
    Ok(found)
}

/// Whether a deployment was taken up before.
enum Before {
    Not,
    /// Under its own name.
    AsItself,
    /// Under another name of its job, by this decision.
    As(u64),
}

async fn taken_up_before(
    reader: &mut Reader,
    forge: &str,
    repository: &str,
    row: &Deployed,
    once: &str,
) -> Result<Before, DatabaseFault> {
    // Since it was found, somebody may have told of the grant that let it in.
    let let_in = |it: &Deployed| it.id == row.id && it.decision.is_some();
    if reader.is_recorded(once).await? || reader.deployed(forge, &row.repository).await?.iter().any(let_in) {
        return Ok(Before::AsItself);
    }
    if let Some(decision) = under_another_name(reader, forge, row).await? {
        return Ok(Before::As(decision));
    }
    let stream = Stream {
        forge: forge.to_owned(),
        repository: repository.to_owned(),
        release: named(repository, &row.commit),
        environment: row.environment.clone(),
    };
    let names = of_its_job(reader, forge, row).await?;
    let grants: Vec<String> = std::iter::once(row).chain(&names).map(grant_of).collect();
    Ok(decided_as(reader, &stream, &grants).await?.map_or(Before::Not, Before::As))
}

impl<H: Hub> Desk<H> {
    /// Decides a deployment that went without a decision, for the record and for what it leaves to be done. Nothing waits
    /// for it, and nothing is opened by it. Says whether it was taken up now.
    ///
    /// Two processes may find one job at once, each under another of its names. The one that comes later is refused by the record,
    /// and finds what the other wrote: what the job leaves to be done is owed once.
    pub(super) async fn import(&self, repository: &str, row: &Deployed) -> Result<bool, Undecided> {
        let mut tries = TRIES;
        loop {
            tries -= 1;
            match self.import_once(repository, row).await {
                Err(Undecided::Failed(Failed::Refused(Refused::Stale { .. } | Refused::OtherContent(_))))
                    if tries > 0 => {}
                done => return done,
            }
        }
    }

    async fn import_once(&self, repository: &str, row: &Deployed) -> Result<bool, Undecided> {
        let Some(began) = DateTime::<Utc>::from_timestamp_micros(row.began) else { return Ok(false) };
        // Of an artifact alone nothing can be read; the finding stays.
        if !row.is_proven() || row.commit.is_empty() {
            return Ok(false);
        }
        let once = once(H::NAME, row);
        let mut reader = self.reader().await?;
        let since = reader.size().await?;
        let before = taken_up_before(&mut reader, H::NAME, repository, row, &once).await?;
        reader.close().await?;
        match before {
            Before::Not => {}
            Before::AsItself => return Ok(false),
            Before::As(decision) => {
                // It is one emergency, however many tell of it.
                self.taken_up_by(row, once, decision).await?;
                return Ok(false);
            }
        }
        let fault = |fault: H::Fault| Undecided::Forge(fault.to_string());
        let forge = self.hub.of(repository).await.map_err(fault)?;
        let key =
            Key { repository: repository.to_owned(), environment: row.environment.clone(), commit: row.commit.clone() };
        let mut run = None;
        if let Some(id) = row.run {
            let waiting = Waiting { repository: key.repository.clone(), run: id, environment: key.environment.clone() };
            // Of a run that is gone nothing can be read any more; the finding stays.
            let Some(started) = forge.started(&waiting).await.map_err(fault)? else { return Ok(false) };
            run = Some((id, started.attempt));
        }
        let read = self.policy(&forge, &key.repository).await?;
        let mut reader = self.reader().await?;
        let mut let_in = went_past(&mut reader, H::NAME, &key, row, began).await?;
        reader.close().await?;
        let bypassed_by = match let_in.as_slice() {
            [account] => Fact::Known(account.clone()),
            [] if row.told.is_some() => {
                Fact::Unavailable("whoever deployed told of it, and the forge was not asked who let it in".into())
            }
            [] => Fact::Unavailable("the forge does not say who let it in".into()),
            several => {
                let names: Vec<&str> = several.iter().map(Account::as_str).collect();
                let says = format!("which of {} went past the protection cannot be told", names.join(", "));
                let_in = Vec::new();
                Fact::Unavailable(says.into())
            }
        };
        let emergency = Emergency {
            key,
            run,
            bypassed_by,
            trigger: None,
            deployed_by: row.told.as_ref().filter(|_| row.run.is_none()).map(|told| told.by.clone()),
            went: began,
            at: self.now(),
            signers: let_in.clone(),
            deployment: Some(row.id.clone()),
            outcome: row.outcome.as_deref().and_then(ledger::outcome).map_or(Fact::Absent, Fact::Known),
            since: Some(since),
        };
        let grant = |facts: &Facts| Grant {
            id: grant_of(row),
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
        self.taken_up_by(row, once, taken.entry).await?;
        let fields = json!({ "repository": repository, "environment": row.environment, "commit": row.commit,
            "run": row.run, "decision": word(taken.ruling), "summary": taken.summary });
        self.say("deployment_imported", &fields);
        Ok(true)
    }

    /// Records by which decision a deployment was taken up.
    async fn taken_up_by(&self, row: &Deployed, once: String, decision: u64) -> Result<(), Undecided> {
        let body = json!({ "forge": H::NAME, "repository": row.repository, "environment": row.environment,
            "deployment": row.id, "commit": row.commit, "run": row.run, "state": "imported",
            "decided": decision });
        let body = body.as_object().cloned().unwrap_or_default();
        let done = Happening { kind: Kind::Deployment, body, attached: Vec::new(), once: Some(once) };
        let mut append = done.append(self.now())?;
        append.changes.push(Change::OfDeployment(row.forge.clone(), row.repository.clone(), row.id.clone()));
        self.sequencer.append(append).await.map_err(Failed::from)?;
        Ok(())
    }

    /// Decides something that went under a grant, be it a real one, and records that with what it leaves to be done: all of
    /// it, whether the grant held or not.
    pub(super) async fn take_up(
        &self,
        (forge, read): (&H::Forge, Read),
        Emergency { key, run, bypassed_by, trigger, deployed_by, went, at, signers, deployment, outcome, since }: Emergency,
        grant: impl FnOnce(&Facts) -> Grant,
    ) -> Result<TakenUp, Undecided> {
        let attempts: Attempts = run.into_iter().collect();
        let runs: Vec<u64> = attempts.keys().copied().collect();
        let case = Case { key, runs: runs.clone(), answers: Vec::new(), told: None, failures: 0, asked: None };
        let went = Went { at: runs.is_empty().then_some(went), signers };
        let mut facts = self.facts_of(forge, &read, (&case, &attempts), &went).await?;
        facts.release.bypassed_by = bypassed_by;
        facts.release.outcome = outcome;
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
            since,
            deployment,
            ..Beside::default()
        };
        let appended = receipt::record_through(&decided, &beside, &self.sequencer, &self.signer, self.now()).await?;
        let entry = appended.map_or(0, |appended| appended.first);
        Ok(TakenUp { entry, ruling: decision.decision, summary: decision.summary })
    }
}
