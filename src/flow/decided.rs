//! The story of a decision that is recorded: what came is an entry each, the decision reads how its release stands,
//! and then everything that follows from it is written at once: entries, what people did, obligations opened and met,
//! what is to leave, and the instant at which time alone can change it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::append::{Failed, Happening, PATIENCE, let_go_of_refused, staged};
use super::record::{Fault, runtime};
use super::send;
use crate::log::entry::{Entry, Kind};
use crate::log::receipt::sha256;
use crate::log::tree::Hash;
use crate::model::facts::{Act, Deed, Facts};
use crate::model::ground::Ground;
use crate::model::release_decision::{OpenedObligation, ReleaseDecision, Ruling, Status};
use crate::store::acted::HERE;
use crate::store::address::Address;
use crate::store::annex::Annex;
use crate::store::blob::Blob;
use crate::store::change::{Change, Decision, Done, Effect, Opened, Sent, Stream};
use crate::store::fault::Fault as DatabaseFault;
use crate::store::sequencer::Sequencer;
use crate::store::signatory::Signatory;
use crate::store::stands::Stands;
use crate::store::writer::{Append, Appended, Refused, Writer};

/// What goes with a decision into the record.
#[derive(Clone, Debug, Default)]
pub struct Beside {
    /// The deliveries that it answers, each with its bytes as they came, or without where the record has them.
    pub answers: Vec<(Sent, Option<Vec<u8>>)>,
    /// How often the release must have been decided before; any number where it is left out.
    pub after: Option<u64>,
    /// How many entries the log had when the facts began to be gathered. A decision of the release that was recorded since
    /// then may know more, and this one is refused.
    pub since: Option<u64>,
    /// Where what is large is kept, rather than in the database.
    pub annex: Option<Annex>,
    /// The pipeline's runs that wait for the answer. Without one the answer leaves all the same, for whoever carries it.
    pub runs: Vec<u64>,
    /// In which attempt each of them waits, where that is known. The answer is for no other.
    pub attempts: BTreeMap<u64, u64>,
    /// Whether nobody waits for the answer, and none leaves.
    pub silent: bool,
    /// Whether a job of the environment asked, and goes on by the very answer that it is given: what leaves only says so.
    pub asked: bool,
    /// Whether those who wait were told this very thing before, so that it need not be said again that they wait.
    pub told: bool,
    /// What people are told of it outside the forge.
    pub messages: Vec<Drafted>,
    /// The forge's own name for the deployment that went already, where one did that is decided afterwards. What it leaves to
    /// be done is owed for it alone, whatever is decided: the release may have left the same before.
    pub deployment: Option<String>,
}

/// A message for one place, as it is recorded.
#[derive(Clone, Debug)]
pub struct Drafted {
    /// The key by which it leaves once.
    pub once: String,
    /// Where to.
    pub place: String,
    /// What is kept of it.
    pub body: Value,
    /// From when on it leaves.
    pub not_before: DateTime<Utc>,
}

/// A decision, by what its entries are made of.
#[derive(Clone, Copy, Debug)]
pub struct Ruled<'d> {
    /// The facts.
    pub facts: &'d Facts,
    /// SHA-256 of the facts as they were read.
    pub facts_digest: Hash,
    /// The decision.
    pub decision: &'d ReleaseDecision,
    /// SHA-256 of the decision document.
    pub document: Hash,
}

/// A decision's word.
#[must_use]
pub fn word(ruling: Ruling) -> &'static str {
    match ruling {
        Ruling::Proceed => "proceed",
        Ruling::Hold => "hold",
        Ruling::Reject => "reject",
    }
}

/// What is written for a decision.
struct Prepared {
    /// What came, and what happened before it.
    before: Vec<Append>,
    /// How many of those are deliveries that came with it.
    sent: usize,
    /// The decision, without what follows from it.
    last: Append,
}

fn prepared(mut happened: Vec<Happening>, beside: &Beside, at: DateTime<Utc>) -> Result<Option<Prepared>, Failed> {
    let Some(mut decision) = happened.pop() else { return Ok(None) };
    answering(&mut decision, beside);
    let mut before = Vec::new();
    for (sent, bytes) in &beside.answers {
        if let Some(bytes) = bytes {
            before.push(super::append::delivery(sent, bytes).append(at)?);
        }
    }
    let sent = before.len();
    for other in happened {
        before.push(other.append(at)?);
    }
    Ok(Some(Prepared { before, sent, last: decision.append(at)? }))
}

/// Records what happened with the decision that is its last, all in one durable write. What comes back is in the same
/// order.
pub fn commit(
    ruled: Ruled<'_>,
    happened: Vec<Happening>,
    beside: &Beside,
    address: &Address,
    signer: Signatory,
    at: DateTime<Utc>,
) -> Result<Vec<Appended>, Failed> {
    let Some(Prepared { before: mut batch, sent, last }) = prepared(happened, beside, at)? else {
        return Ok(Vec::new());
    };
    let stream = stream(ruled);
    let runtime = runtime()?;
    let answers = runtime.block_on(async {
        let annex = beside.annex.clone();
        staged(annex.as_ref(), &batch).await.map_err(Fault::from)?;
        staged(annex.as_ref(), std::slice::from_ref(&last)).await.map_err(Fault::from)?;
        let mut writer = Writer::open(address, signer, PATIENCE, at).await.map_err(Fault::from)?.with_annex(annex);
        let stands = writer.stands(&stream).await.map_err(Fault::from)?;
        let open = writer.open_obligations(&found_met(ruled.decision)).await.map_err(Fault::from)?;
        batch.push(follows(ruled, last, &stands, open, beside, at)?);
        let answers = writer.append(&batch, at).await.map_err(Fault::from)?;
        let_go_of_refused(&mut writer, &batch, &answers).await.map_err(Fault::from)?;
        writer.close().await.map_err(Fault::from)?;
        Ok::<_, Failed>(answers)
    })?;
    answers.into_iter().skip(sent).map(|answer| answer.map_err(Failed::Refused)).collect()
}

/// The same through whoever writes for many. The decision is one durable write with all that follows from it; what it was
/// made from is there before it.
pub async fn commit_through(
    ruled: Ruled<'_>,
    happened: Vec<Happening>,
    beside: &Beside,
    sequencer: &Sequencer,
    at: DateTime<Utc>,
) -> Result<Vec<Appended>, Failed> {
    let Some(Prepared { before: mut batch, sent, last }) = prepared(happened, beside, at)? else {
        return Ok(Vec::new());
    };
    let of = stream(ruled);
    let stands = sequencer.stands(of.clone()).await.map_err(Fault::from)?;
    if let (Some(since), Some(last)) = (beside.since, stands.last)
        && last >= since
    {
        let (after, found) = (stands.version.saturating_sub(1), stands.version);
        return Err(Failed::Refused(Refused::Stale { stream: of.to_string(), after, found }));
    }
    let open = sequencer.open_obligations(found_met(ruled.decision)).await.map_err(Fault::from)?;
    batch.push(follows(ruled, last, &stands, open, beside, at)?);
    let answers = sequencer.append_all(batch).await;
    answers.into_iter().skip(sent).map(|answer| answer.map_err(Failed::from)).collect()
}

/// Says in the decision's entry which deliveries it answers, so that the same decision of others is another.
fn answering(decision: &mut Happening, beside: &Beside) {
    if beside.answers.is_empty() {
        return;
    }
    let listed = beside.answers.iter().map(|(sent, _)| json!({ "forge": sent.forge, "id": sent.id })).collect();
    decision.body.insert("answers".to_owned(), Value::Array(listed));
    let content = Value::Object(decision.body.clone()).to_string();
    decision.once = Some(format!("decision {}", sha256(content.as_bytes())));
}

/// What is decided of.
pub(super) fn stream(ruled: Ruled<'_>) -> Stream {
    let release = &ruled.facts.release;
    Stream {
        forge: release.forge.clone(),
        repository: release.repository.clone(),
        release: release.name.clone(),
        environment: ruled.decision.environment.clone(),
    }
}

/// The obligations that the decision says are met.
fn found_met(decision: &ReleaseDecision) -> Vec<String> {
    let met =
        |node: &&crate::model::release_decision::Node| node.code == Ground::NothingOwed && node.status == Status::Met;
    decision.tree.parts.iter().filter(met).filter_map(|node| node.evidence.first().cloned()).collect()
}

/// Who met an obligation, and with what, by the acts that the decision counted.
fn met_by(ruled: Ruled<'_>, obligation: &str) -> (Vec<String>, Vec<String>) {
    let (mut by, mut with) = (Vec::new(), Vec::new());
    for act in ruled.facts.acts.entries().iter().filter(|act| ruled.decision.counted.contains(&act.id)) {
        if let Deed::Complete { obligation: of, evidence } = &act.does
            && of == obligation
        {
            by.push(act.by.as_str().to_owned());
            with.extend(evidence.iter().cloned());
        }
    }
    (by, with)
}

/// Gathers the entries that follow from a decision, in the order in which [`Decision`] has them.
struct Following<'f> {
    /// What every entry says of where it belongs.
    of: Map<String, Value>,
    append: &'f mut Append,
    at: DateTime<Utc>,
}

impl Following<'_> {
    fn add(&mut self, kind: Kind, body: &Value) -> Result<(), Failed> {
        let mut whole = self.of.clone();
        whole.extend(body.as_object().into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())));
        let entry = Entry { kind, at: self.at, body: whole }.bytes();
        self.append.entries.push(entry.map_err(DatabaseFault::from).map_err(Fault::from)?);
        Ok(())
    }

    fn keep(&mut self, bytes: &[u8]) -> Hash {
        let blob = Blob::new(bytes);
        let digest = blob.digest();
        self.append.blobs.push(blob);
        digest
    }
}

/// The decision's append with all that follows from it.
fn follows(
    ruled: Ruled<'_>,
    mut append: Append,
    stands: &Stands,
    met: Vec<String>,
    beside: &Beside,
    at: DateTime<Utc>,
) -> Result<Append, Failed> {
    let stream = stream(ruled);
    let of = json!({ "repository": stream.repository, "release": stream.release, "environment": stream.environment });
    let of = of.as_object().cloned().unwrap_or_default();
    let mut following = Following { of, append: &mut append, at };
    let done = acts(ruled, stands, &mut following)?;
    let opened = obligations(ruled, &stream, stands, beside.deployment.as_deref(), &mut following)?;
    for id in &met {
        let (by, evidence) = met_by(ruled, id);
        let body = json!({ "obligation": id, "state": "met", "by": by, "evidence": evidence });
        following.add(Kind::Obligation, &body)?;
    }
    let version = stands.version + 1;
    let effects = effects(ruled, &stream, version, &opened, beside, &mut following)?;
    let opened: Vec<Opened> = opened.into_iter().map(|(opened, _)| opened).collect();
    let timer = timer(ruled.decision, stands, &opened, at);
    append.changes.push(Change::Decision(Box::new(Decision {
        stream,
        after: beside.after.unwrap_or(stands.version),
        ruling: word(ruled.decision.decision),
        summary: ruled.decision.summary.clone(),
        now: ruled.decision.now.timestamp_micros(),
        facts: ruled.facts_digest,
        document: ruled.document,
        answers: beside.answers.iter().map(|(sent, _)| sent.clone()).collect(),
        done,
        upon: here(ruled.facts),
        opened,
        met,
        effects,
        timer,
    })));
    Ok(append)
}

/// The names of what was done on pages of ours, by the facts.
fn here(facts: &Facts) -> Vec<String> {
    let here = facts.acts.entries().iter().map(|act| &act.id).filter(|id| id.starts_with(HERE));
    here.cloned().collect()
}

/// The kind of entry that an act is, where it is one of its own: what is only said is none.
pub(super) fn kind(deed: &Deed) -> Option<Kind> {
    match deed {
        Deed::Approve { .. } | Deed::ApprovePolicy { .. } => Some(Kind::Approval),
        Deed::Reject {} => Some(Kind::Rejection),
        Deed::Withdraw { .. } => Some(Kind::Withdrawal),
        Deed::Waive { .. } => Some(Kind::Waiver),
        Deed::Tick { .. } => Some(Kind::Tick),
        Deed::Comment {} => None,
        Deed::Delegate { .. }
        | Deed::Away { .. }
        | Deed::Verify { .. }
        | Deed::ClaimEmergency {}
        | Deed::ConfirmFix { .. }
        | Deed::ExceptFreeze { .. }
        | Deed::Vouch { .. }
        | Deed::Clear { .. }
        | Deed::Complete { .. } => Some(Kind::Act),
    }
}

/// What people did that the record has not seen like this.
fn acts(ruled: Ruled<'_>, stands: &Stands, following: &mut Following<'_>) -> Result<Vec<Done>, Failed> {
    let mut seen: BTreeSet<(String, [u8; 32])> = BTreeSet::new();
    let mut done = Vec::new();
    for act in ruled.facts.acts.known().into_iter().flatten() {
        let Some(kind) = kind(&act.does) else { continue };
        // What was done on a page of ours has its entry from then on, be it under another environment of the release.
        if act.id.starts_with(HERE) {
            continue;
        }
        let bytes = serde_json::to_vec(act).map_err(|error| unfit(act, &error))?;
        let key = (act.id.clone(), <[u8; 32]>::from(Sha256::digest(&bytes)));
        if stands.acts.contains(&key) || !seen.insert(key) {
            continue;
        }
        let digest = following.keep(&bytes);
        let attached = json!([{ "name": "act.json", "sha256": digest.to_string(), "size": bytes.len() }]);
        let mut body =
            json!({ "act": act.id, "by": act.by.as_str(), "done": act.at.timestamp_micros(), "attached": attached });
        if let (Kind::Act, Some(map)) = (kind, body.as_object_mut()) {
            map.insert("does".to_owned(), act.does.word().into());
        }
        following.add(kind, &body)?;
        let (account, at) = (act.by.as_str().to_owned(), act.at.timestamp_micros());
        done.push(Done { id: act.id.clone(), kind: kind.word(), account, at, digest });
    }
    Ok(done)
}

/// That an act cannot be written down.
pub(super) fn unfit(act: &Act, error: &serde_json::Error) -> Failed {
    let unfit = crate::log::entry::Unfit::Form(format!("the act `{}`: {error}", act.id));
    Fault::from(DatabaseFault::from(unfit)).into()
}

/// What an obligation of a release is called in the record; with the deployment that left it, where it is owed for that one
/// alone.
pub(super) fn obligation_id(stream: &Stream, owed: &OpenedObligation, deployment: Option<&str>) -> String {
    let told = match deployment {
        None => json!([stream.to_string(), owed.kind, owed.by, owed.to]),
        Some(deployment) => json!([stream.to_string(), owed.kind, owed.by, owed.to, deployment]),
    };
    let told = told.to_string();
    let id: String = sha256(told.as_bytes()).chars().take(16).collect();
    format!("{}-{id}", owed.kind)
}

/// The obligations that a release that goes leaves, and that the record does not have yet, each with where it is told.
fn obligations<'d>(
    ruled: Ruled<'d>,
    stream: &Stream,
    stands: &Stands,
    deployment: Option<&str>,
    following: &mut Following<'_>,
) -> Result<Vec<(Opened, &'d OpenedObligation)>, Failed> {
    // What must happen if it goes must happen only then; what went already went, whether it might have or not.
    if ruled.decision.decision != Ruling::Proceed && deployment.is_none() {
        return Ok(Vec::new());
    }
    let mut all: Vec<(Opened, &OpenedObligation)> = Vec::new();
    for owed in &ruled.decision.obligations {
        let id = obligation_id(stream, owed, deployment);
        if stands.obligations.contains(&id) || all.iter().any(|(opened, _)| opened.id == id) {
            continue;
        }
        let due = owed.due.map(|due| due.timestamp_micros());
        let body = json!({ "obligation": id, "state": "opened", "kind": owed.kind, "by": owed.by, "due": due,
            "needs_evidence": owed.needs_evidence });
        following.add(Kind::Obligation, &body)?;
        all.push((Opened { id, kind: owed.kind.clone(), role: owed.by.clone(), due }, owed));
    }
    Ok(all)
}

/// What is to leave: the decision to the forge, and word of what is owed to wherever the policy says.
fn effects(
    ruled: Ruled<'_>,
    stream: &Stream,
    version: u64,
    opened: &[(Opened, &OpenedObligation)],
    beside: &Beside,
    following: &mut Following<'_>,
) -> Result<Vec<Effect>, Failed> {
    let mut all = answers(ruled, stream, version, beside);
    for (obligation, owed) in opened {
        all.extend(notices(stream, (&obligation.id, owed), (ruled.facts, ruled.decision)));
    }
    let mut all: Vec<(String, String, Value, Option<i64>)> =
        all.into_iter().map(|(once, destination, body)| (once, destination, body, None)).collect();
    all.extend(
        beside
            .messages
            .iter()
            .cloned()
            .map(|draft| (draft.once, draft.place, draft.body, Some(draft.not_before.timestamp_micros()))),
    );
    let mut effects = Vec::new();
    for (once, destination, body, not_before) in all {
        let body = following.keep(body.to_string().as_bytes());
        let mut said = json!({ "state": "to do", "sha256": body.to_string() });
        if let Some(said) = said.as_object_mut() {
            said.extend(send::addressed(&once, &destination));
        }
        following.add(Kind::Effect, &said)?;
        effects.push(Effect { once, destination, body, not_before });
    }
    Ok(effects)
}

/// Word of what is owed, for each place where the policy has it told: the key, where to, and what.
pub(super) fn notices(
    stream: &Stream,
    (id, owed): (&str, &OpenedObligation),
    (facts, decision): (&Facts, &ReleaseDecision),
) -> Vec<(String, String, Value)> {
    let notice = json!({
        "effect": "notice", "obligation": id, "kind": owed.kind, "repository": stream.repository,
        "release": stream.release, "environment": stream.environment, "by": owed.by, "due": owed.due,
        "commit": facts.release.commit, "summary": decision.summary, "at": decision.now,
    });
    owed.to.iter().map(|place| (format!("{id} {place}"), place.clone(), notice.clone())).collect()
}

/// The decision as the forge is told it: the key, where to, and what. One for each run that waits.
fn answers(ruled: Ruled<'_>, stream: &Stream, version: u64, beside: &Beside) -> Vec<(String, String, Value)> {
    let decision = ruled.decision;
    let release = &ruled.facts.release;
    if beside.silent || beside.told && decision.decision == Ruling::Hold {
        return Vec::new();
    }
    let verdict = json!({
        "effect": "decision", "forge": stream.forge, "repository": stream.repository, "release": stream.release,
        "environment": stream.environment, "commit": release.commit, "number": version,
        "decision": word(decision.decision), "summary": decision.summary, "document": ruled.document.to_string(),
    });
    let to = format!("{}:{}", stream.forge, stream.repository);
    let key = |of: Value| format!("decision {}", sha256(of.to_string().as_bytes()));
    if beside.runs.is_empty() {
        return vec![(key(json!([stream.to_string(), version])), to, verdict)];
    }
    let of_run = |run: &u64| {
        let mut verdict = verdict.clone();
        if let Some(map) = verdict.as_object_mut() {
            map.insert("run".to_owned(), json!(run));
            map.insert("attempt".to_owned(), json!(beside.attempts.get(run)));
            map.insert("asked".to_owned(), json!(beside.asked));
            // The forge knows the environment by its own name for it.
            map.insert("waits_at".to_owned(), json!(release.environment));
        }
        (key(json!([stream.to_string(), version, run])), to.clone(), verdict)
    };
    beside.runs.iter().map(of_run).collect()
}

/// The earliest instant yet to come at which time alone changes something.
fn timer(decision: &ReleaseDecision, stands: &Stands, opened: &[Opened], at: DateTime<Utc>) -> Option<i64> {
    let revisit = decision.revisit.at.map(|at| at.timestamp_micros());
    let owed = opened.iter().filter_map(|opened| opened.due).chain(stands.due.iter().copied());
    // A decision for another instant than now promises what follows from that one.
    let after = decision.now.max(at).timestamp_micros();
    revisit.into_iter().chain(owed.filter(|due| *due > after)).min()
}
