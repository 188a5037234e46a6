//! A break-glass grant that was used while nobody could ask us is taken up when somebody tells of it: its signatures are
//! verified again by the policy's keys, what went is gathered, and it is decided for the instant at which it went. Whether it
//! held or not, what an emergency leaves to be done is owed.
//!
//! What uses there were is remembered by grant and run, so that one that was used twice in two places is seen to be.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};

use super::Desk;
use super::docket::Key;
use super::heard::MOST;
use super::imported::Emergency;
use super::outside::{NotTold, Teller};
use super::policy::Read;
use crate::flow::append::{Failed, Happening};
use crate::flow::grant_report::{Answer, Imported, Outcome, Report, USES};
use crate::forge::talk::Talk as _;
use crate::forge::{Forge as _, Hub, Started, Waiting};
use crate::log::entry::Kind;
use crate::log::grant::Signed;
use crate::log::letter::{Letter, Subject};
use crate::log::note::Verifier;
use crate::log::receipt::sha256;
use crate::model::facts::{Account, Fact, Facts, Grant};
use crate::model::release_decision::Ruling;
use crate::store::change::Change;
use crate::store::deployed::Deployed;
use crate::store::fault::Fault as DatabaseFault;
use crate::store::granted::Granted;

/// By how much the clocks may differ.
const APART: TimeDelta = TimeDelta::minutes(1);
const APART_MICROS: i64 = 60_000_000;

/// A grant whose signatures were verified.
struct Told {
    signed: Signed,
    signed_by: Vec<Account>,
    /// Every use that is known by now, by its run.
    uses: BTreeMap<String, DateTime<Utc>>,
    /// The runs of those uses by which it held before.
    held: Vec<String>,
    /// Who tells of it, and how he has proven that.
    by: (String, &'static str, Value),
}

/// One use of a grant.
#[derive(Clone, Copy)]
struct UsedBy<'r> {
    run: &'r str,
    /// Who started that run, where whoever tells of it may say so.
    started_by: Option<&'r str>,
    used: DateTime<Utc>,
}

/// What the decision on a use came to.
struct Judged {
    entry: Option<u64>,
    held: bool,
    summary: String,
}

/// Refuses uses that are too many, or none of the grant with this digest, or later than anybody can know of.
fn are_of_it(report: &Report, digest: &str, late: DateTime<Utc>) -> Result<(), NotTold> {
    if report.uses.is_empty() || report.uses.len() > USES {
        return Err(NotTold::Uses(format!("it has 1 to {USES} uses, and {} are told", report.uses.len())));
    }
    if let Some(other) = report.uses.iter().find(|it| it.grant != digest || it.used_at > late || it.run.len() > 200) {
        let run: String = other.run.chars().take(100).collect();
        return Err(NotTold::Uses(format!("the use by `{run}` is none of this grant, or is yet to come")));
    }
    Ok(())
}

impl<H: Hub> Desk<H> {
    /// Takes what is told of a grant in a letter: of somebody whom the settings name, or who may sign grants.
    pub async fn granted_by_letter(&self, text: &str) -> Result<Answer, NotTold> {
        if self.settings.outside.address.is_none() {
            return Err(NotTold::NotTaken);
        }
        let (letter, report): (Letter, Report) = Letter::read(Subject::Grant, text)?;
        let teller = self.deployer(&letter).cloned().map(Teller::Deployer);
        self.granted(teller, Some(&letter), &report).await
    }

    /// Takes what a job tells of a grant.
    pub async fn granted_by_job(&self, teller: Teller, report: &Report) -> Result<Answer, NotTold> {
        self.granted(Some(teller), None, report).await
    }

    async fn granted(
        &self,
        teller: Option<Teller>,
        letter: Option<&Letter>,
        report: &Report,
    ) -> Result<Answer, NotTold> {
        self.is_meant(&report.to)?;
        let signed = Signed::read(&report.grant)?;
        let grant = signed.grant();
        if let Some(why) =
            teller.as_ref().and_then(|it| it.may_not(&grant.repository, &grant.environment, &grant.components))
        {
            return Err(NotTold::Other(why));
        }
        // For each the forge is asked for the policy, and of a letter it is not known for sure before whose it is.
        let now = std::time::Instant::now();
        let is_known = match (&teller, letter) {
            (Some(teller), _) => {
                let name = teller.name(H::NAME);
                if !self.heard.takes(&name, MOST, now) {
                    return Err(NotTold::Often(name));
                }
                true
            }
            (None, Some(letter)) => self.heard.takes_letter(&grant.repository, letter, now).map_err(NotTold::Often)?,
            (None, None) => return Err(NotTold::Unknown),
        };
        let digest = signed.digest();
        are_of_it(report, &digest, self.now() + APART)?;
        let unasked = |why: String| NotTold::Forge { repository: grant.repository.clone(), why };
        let forge = self.hub.of(&grant.repository).await.map_err(|fault| unasked(fault.to_string()))?;
        // Whoever is nobody yet spends nothing that a deployment needs.
        let forge = if is_known { forge } else { forge.behind_deployments() };
        let read = self.policy(&forge, &grant.repository).await;
        let read = read.map_err(|why| unasked(why.to_string()))?;
        let keys = keys(&read);
        self.heard.signed_by(&grant.repository, keys.clone());
        let by = match (&teller, letter) {
            (Some(teller), _) => {
                let (proof, value) = teller.proof();
                (teller.name(H::NAME), proof, value)
            }
            (None, Some(letter)) => {
                let whose = keys.iter().find(|(_, key)| letter.is_by(key)).ok_or(NotTold::Unknown)?;
                (whose.0.clone(), "key", whose.1.short().into())
            }
            (None, None) => return Err(NotTold::Unknown),
        };
        // From here on it is of somebody who may tell it: nobody else keeps him waiting.
        let _turn = self.heard.grants.lock().await;
        let signed_by: Vec<Account> = signed.signed_by(&keys)?.into_iter().map(Account::from).collect();
        if signed_by.is_empty() {
            return Err(NotTold::Other("nobody whose key the policy names has signed the grant".to_owned()));
        }
        if report.uses.iter().any(|it| number(&it.run).is_some()) {
            // When the runs were there is the forge's word.
            self.entered(&forge, &grant.repository, &read).await.map_err(|why| unasked(why.to_string()))?;
        }
        let known = self.known_uses(&grant.repository, &digest).await?;
        let instant = |it: &Granted| DateTime::from_timestamp_micros(it.used);
        let mut uses: BTreeMap<String, DateTime<Utc>> =
            known.values().filter_map(|it| Some((it.used_by.clone(), instant(it)?))).collect();
        for it in &report.uses {
            uses.entry(it.run.clone()).or_insert(it.used_at);
        }
        let held = known.values().filter(|it| it.decision.is_some()).map(|it| it.used_by.clone()).collect();
        let told = Told { signed, signed_by, uses, held, by };
        let mut in_order: Vec<&String> = report.uses.iter().map(|it| &it.run).collect();
        in_order.sort_by_key(|run| (told.uses.get(*run), *run));
        in_order.dedup();
        let mut answer = Answer { grant: told.signed.grant().id.clone(), uses: Vec::new() };
        for run in in_order {
            if let Some((row, decision)) = known.get(run).and_then(|it| Some((it, it.decision?))) {
                // Whoever wrote that down may have ended before it let anything in.
                self.lets_in(row, decision).await?;
                let summary = "it is in the record already".to_owned();
                let imported =
                    Imported { run: run.clone(), outcome: Outcome::Before, decision: Some(decision), summary };
                answer.uses.push(imported);
                continue;
            }
            let started_by = report.uses.iter().find(|it| it.run == *run).and_then(|it| it.started_by.as_deref());
            // Whoever may have a job run answers with no name for what somebody else started; a letter is somebody's.
            let started_by = started_by.filter(|_| !matches!(teller, Some(Teller::Job(_))));
            let Some(at) = told.uses.get(run).copied() else { return Err(NotTold::Unknown) };
            let it = UsedBy { run, started_by, used: at };
            let imported = self.take_up_grant((&forge, &read), &told, it, &report.grant).await?;
            answer.uses.push(imported);
        }
        // What it let in, and what it leaves, concerns whatever waits.
        let repository = &told.signed.grant().repository;
        self.account(repository);
        self.docket().happened(Some(repository), None, true, std::time::Instant::now());
        self.to_decide.notify_one();
        Ok(answer)
    }

    /// The uses of a grant that the record has, by their run.
    async fn known_uses(&self, repository: &str, digest: &str) -> Result<BTreeMap<String, Granted>, DatabaseFault> {
        let mut reader = self.reader().await?;
        let known = reader.granted(H::NAME, repository).await?;
        reader.close().await?;
        Ok(known.into_iter().filter(|it| it.grant == digest).map(|it| (it.used_by.clone(), it)).collect())
    }

    /// Decides what one run let go by a grant, and writes that down.
    async fn take_up_grant(
        &self,
        (forge, read): (&H::Forge, &Read),
        told: &Told,
        use_of_it: UsedBy<'_>,
        text: &str,
    ) -> Result<Imported, NotTold> {
        let grant = told.signed.grant();
        let UsedBy { run, used, .. } = use_of_it;
        let key = Key {
            repository: grant.repository.clone(),
            environment: grant.environment.clone(),
            commit: grant.commit.to_ascii_lowercase(),
        };
        let judged = self.judged((forge, read), told, use_of_it, &key).await?;
        let row = Granted {
            forge: H::NAME.to_owned(),
            repository: key.repository.to_lowercase(),
            grant: told.signed.digest(),
            used_by: run.to_owned(),
            environment: key.environment.clone(),
            commit: key.commit.clone(),
            used: used.timestamp_micros(),
            decision: judged.entry.filter(|_| judged.held),
        };
        let state = if judged.held { "granted" } else { "grant_refused" };
        let (by, proof, value) = &told.by;
        let body = json!({
            "forge": row.forge, "repository": row.repository, "environment": row.environment, "grant": grant.id,
            "digest": row.grant, "run": run, "commit": row.commit, "used": row.used, "state": state,
            "decision": judged.entry, "why": judged.summary, "told_by": by, *proof: value,
        });
        self.say(if judged.held { "grant_imported" } else { "grant_refused" }, &body);
        let body: Map<String, Value> = body.as_object().cloned().unwrap_or_default();
        let once = Some(format!("grant {}", sha256(Value::Object(body.clone()).to_string().as_bytes())));
        let attached = vec![("grant".to_owned(), text.as_bytes().to_vec())];
        let mut append = Happening { kind: Kind::Deployment, body, attached, once }.append(self.now())?;
        append.changes.push(Change::Granted(Box::new(row.clone())));
        self.sequencer.append(append).await.map_err(Failed::from)?;
        if let Some(decision) = row.decision {
            self.lets_in(&row, decision).await?;
        }
        let outcome = if judged.held { Outcome::Imported } else { Outcome::Refused };
        Ok(Imported { run: run.to_owned(), outcome, decision: judged.entry, summary: judged.summary })
    }

    async fn judged(
        &self,
        (forge, read): (&H::Forge, &Read),
        told: &Told,
        UsedBy { run, started_by, used }: UsedBy<'_>,
        key: &Key,
    ) -> Result<Judged, NotTold> {
        let mut attempt = None;
        if let Some(id) = number(run) {
            let waiting = Waiting { repository: key.repository.clone(), run: id, environment: key.environment.clone() };
            let unasked =
                |fault: H::Fault| NotTold::Forge { repository: key.repository.clone(), why: fault.to_string() };
            match forge.started(&waiting).await.map_err(unasked)? {
                // A run of somebody else's pipeline has a number too.
                None => {}
                Some(Started { commit, .. }) if !commit.eq_ignore_ascii_case(&key.commit) => {
                    let summary = format!("run {run} is of commit {commit}, and the grant is for {}", key.commit);
                    return Ok(Judged { entry: None, held: false, summary });
                }
                Some(started) => attempt = Some((id, started.attempt)),
            }
            if let Some(summary) = self.is_out_of_time(key, id, used).await? {
                return Ok(Judged { entry: None, held: false, summary });
            }
        }
        let grant = told.signed.grant();
        // What held stays held: it comes before whatever is told later, at whatever time that is said to have been.
        let counted = |(by, at): (&String, &DateTime<Utc>)| if told.held.contains(by) { used.min(*at) } else { *at };
        let mut used_at: Vec<DateTime<Utc>> = told.uses.iter().map(counted).collect();
        used_at.sort();
        let fact = |_: &Facts| Grant {
            id: grant.id.clone(),
            repository: Fact::Known(grant.repository.clone()),
            environment: grant.environment.clone(),
            commit: grant.commit.clone(),
            components: Fact::Known(grant.components.clone()),
            artifacts: if grant.artifacts.is_empty() { Fact::Absent } else { Fact::Known(grant.artifacts.clone()) },
            signed_by: told.signed_by.clone(),
            granted_at: grant.granted_at,
            expires_at: Fact::Known(grant.expires_at),
            used_at,
            opened_at: used,
        };
        let emergency = Emergency {
            key: key.clone(),
            run: attempt,
            bypassed_by: Fact::Absent,
            trigger: started_by.filter(|_| attempt.is_none()).map(Account::from),
            deployed_by: None,
            went: used,
            // By what was so when it went: its hours are over by now, and its clocks have run since.
            at: used,
            signers: told.signed_by.clone(),
            // The same may go under another grant, or under this one again, and each is owed for.
            deployment: Some(format!("grant {} {run}", told.signed.digest())),
            outcome: Fact::Absent,
            since: None,
        };
        let taken = Box::pin(self.take_up((forge, read.clone()), emergency, fact)).await;
        let taken = taken.map_err(|why| NotTold::Undecided(why.to_string()))?;
        Ok(Judged { entry: Some(taken.entry), held: taken.ruling == Ruling::Proceed, summary: taken.summary })
    }

    /// Why a run cannot have used a grant when it is said to have: none of its deployments went then, by the forge's clock.
    /// `None` where the forge knows of none.
    async fn is_out_of_time(&self, key: &Key, run: u64, used: DateTime<Utc>) -> Result<Option<String>, NotTold> {
        let mut reader = self.reader().await?;
        let mut rows = reader.deployed(H::NAME, &key.repository).await?;
        reader.close().await?;
        rows.retain(|it| it.told.is_none() && it.run == Some(run) && it.environment == key.environment);
        let says = || {
            format!(
                "run {run} deployed nothing at {}: it was told of a use before it began, or after it ended",
                used.to_rfc3339()
            )
        };
        let went = rows.iter().any(|it| went_at(it, used.timestamp_micros()));
        Ok((!rows.is_empty() && !went).then(says))
    }

    /// The forge's own deployments of the run are let in by the decision on the grant.
    async fn lets_in(&self, granted: &Granted, decision: u64) -> Result<(), NotTold> {
        let Some(run) = number(&granted.used_by) else { return Ok(()) };
        let mut reader = self.reader().await?;
        for row in reader.deployed(H::NAME, &granted.repository).await? {
            let is_it = row.told.is_none()
                && row.run == Some(run)
                && row.decision.is_none()
                && row.environment == granted.environment
                && row.commit.eq_ignore_ascii_case(&granted.commit);
            // By the forge's clock: another attempt of the run was not let in by it.
            if !is_it || !went_at(&row, granted.used) {
                continue;
            }
            let row = Deployed { decision: Some(decision), ..row };
            let undecided = |why: super::ledger::Unread| NotTold::Undecided(why.to_string());
            self.left_by_outcome(&mut reader, &row, decision).await.map_err(undecided)?;
            self.write(&row, None).await.map_err(undecided)?;
        }
        reader.close().await?;
        Ok(())
    }
}

/// Whether a deployment ran at an instant, microseconds of the Unix time, as far as clocks may differ.
fn went_at(row: &Deployed, at: i64) -> bool {
    row.began <= at.saturating_add(APART_MICROS)
        && row.ended.is_none_or(|ended| at <= ended.saturating_add(APART_MICROS))
}

/// The number of a run of the forge, in the one form in which the forge writes it.
pub(super) fn number(run: &str) -> Option<u64> {
    run.parse().ok().filter(|number: &u64| number.to_string() == run)
}

/// Whose keys sign grants, by the policy.
pub(super) fn keys(read: &Read) -> Vec<(String, Verifier)> {
    let stated = read.policy.rules.break_glass.iter().flat_map(|rule| &rule.keys);
    stated.filter_map(|(account, key)| Some((account.clone(), Verifier::parse(key).ok()?))).collect()
}
