//! The story of somebody who acts on the page of a release: approves, rejects, ticks off, takes back, and does what else a
//! command can.
//!
//! What he does is bound to the decision that he was shown. Where that asks something else by now, nothing is recorded and
//! he is told what changed; where it would not count anyway ([`trial`]), it is refused, and the refusal is an entry. All
//! else is in the record before he has his answer, and is what he did from then on: it is among the facts whenever the
//! release is decided, as a command in a comment is, and only the decision says whether it counts.
//!
//! Invariant: what was done against a release is among its facts or its facts are not known.

pub(super) mod offers;
pub(super) mod trial;
mod unlooked;

use std::collections::HashSet;
use std::time::{Duration, Instant};

use chrono::{DateTime, SubsecRound as _, Utc};
use serde_json::{Map, Value, json};

use super::docket::Key;
use super::talk::pressed;
use super::{Desk, Unshown};
use super::{lasting, owed};
use crate::flow::append::{Failed, Happening};
use crate::flow::decided;
use crate::flow::{facts, recorded, replay};
use crate::forge::Hub;
use crate::log::entry::Kind;
use crate::log::receipt::sha256;
use crate::log::tree::Hash;
use crate::model::facts::{Account, Act, Deed, Facts};
use crate::model::release_decision::ReleaseDecision;
use crate::report::reply::Outcome;
use crate::store::acted::HERE;
pub(super) use crate::store::acted::OF_CHANGE;
use crate::store::change::{Acted, Change, Done, Stream};
use crate::store::fault::Fault as DatabaseFault;
use crate::store::latest::Latest;
use crate::store::reader::Reader;
use crate::store::shared::Often;
use crate::store::writer::Refused;
pub use offers::{Debt, More};
pub use trial::{Back, Item, Offers, Seat};
use trial::{Trial, Verdict};
pub use unlooked::Unlooked;

/// How often one account acts, and is refused, in how long.
const MOST: u64 = 30;
const OFTEN: Often = Often { most: MOST, within: Duration::from_mins(10) };
/// How many bytes of somebody's words are taken.
pub const WORDS: usize = 4_000;
/// How often is looked what was decided meanwhile.
const TRIES: usize = 3;
/// How long somebody waits for the decision that looks at what he did, and how often is looked.
const SEEN: (Duration, u32) = (Duration::from_millis(100), 30);
/// How many things are told that changed.
const CHANGES: usize = 8;

/// What somebody wants to do.
#[derive(Clone, Debug)]
pub struct Wish {
    /// What.
    pub does: Deed,
    /// Why, in his own words.
    pub reason: Option<String>,
    /// SHA-256 of the decision document that he was shown, lower-case hexadecimal.
    pub shown: String,
}

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum NotDone {
    /// The record has no such release.
    #[error("there is no such release")]
    Nowhere,
    /// Nothing is to be decided any more.
    #[error("{0}")]
    Over(&'static str),
    /// It asks something else by now than he was shown.
    #[error("the decision has changed")]
    Changed(Vec<String>),
    /// It would not count.
    #[error("{why}")]
    Refused {
        /// Why.
        why: String,
        /// Who could do it instead, by name.
        instead: Vec<String>,
    },
    /// He acts too often.
    #[error("more than {MOST} acts in ten minutes")]
    Often,
    /// His words are too long.
    #[error("a reason has at most {WORDS} bytes")]
    Long,
    /// What he was shown cannot be read any more.
    #[error("{0}")]
    Unread(String),
    /// The record could not be read.
    #[error("the record could not be read: {0}")]
    Record(#[from] DatabaseFault),
    /// It cannot be recorded.
    #[error("it cannot be recorded: {0}")]
    Failed(#[from] Failed),
}

/// What became of something that somebody did.
#[derive(Debug)]
pub struct Became {
    /// What he did.
    pub act: Act,
    /// The number of its entry.
    pub entry: u64,
    /// What the last decision says of it; where none has looked at it yet, how it stands.
    pub outcome: Result<Outcome, Unlooked>,
}

/// Why it is not known what people did with us.
#[derive(Debug, thiserror::Error)]
pub(super) enum Lost {
    #[error("the record could not be read: {0}")]
    Record(#[from] DatabaseFault),
    #[error(
        "what `{account}` did on the release page (entry {entry}) is not kept any more, and may have been a rejection"
    )]
    Act { account: String, entry: u64 },
}

/// Everything that was done on pages of the release of a key, by buttons in its repository, and what lasts there.
pub(super) async fn done(reader: &mut Reader, forge: &str, key: &Key, now: DateTime<Utc>) -> Result<Vec<Act>, Lost> {
    let release = facts::named(&key.repository, &key.commit);
    let (mut found, mut named) = (Vec::new(), HashSet::new());
    for acted in reader.acted(forge, &key.repository, &release).await? {
        // It was done once, whatever the record of another environment has of it besides.
        if !named.insert(acted.id) {
            continue;
        }
        let act = match reader.blob(acted.digest).await? {
            Some(bytes) => serde_json::from_slice::<Act>(&bytes).ok(),
            None => None,
        };
        found.push(act.ok_or(Lost::Act { account: acted.account, entry: acted.entry })?);
    }
    found.extend(pressed::acts(reader, forge, &key.repository, now).await?);
    let lasting = lasting::acts(reader, forge, &key.repository, now).await?;
    found.extend(lasting.into_iter().filter(|act| named.insert(act.id.clone())));
    Ok(found)
}

impl<H: Hub> Desk<H> {
    /// What somebody could do now of a release as it stands; `None` where that cannot be told.
    pub async fn offered(&self, stream: &Stream, to: &Account) -> Result<Option<Offers>, Unshown> {
        // It decides as often as there is something to offer: however many look, so many do at once.
        let _place = self.looks.place().await?;
        let mut reader = self.reader().await?;
        let tried = tried(&mut reader, stream).await?;
        let went = match &tried {
            Some((latest, _)) => went(&mut reader, latest).await?,
            None => false,
        };
        let Some((_, Ok(mut trial))) = tried else { return Ok(None) };
        self.with_debts(&mut reader, stream, &mut trial).await?;
        let unlooked = unlooked::of(&mut reader, stream, &trial, to).await?;
        trial.add(unlooked);
        reader.close().await?;
        let to = to.clone();
        let now = self.now();
        // It keeps nobody else waiting.
        let offers = tokio::task::spawn_blocking(move || trial.offers(&to, now, went)).await;
        let waits = self.waits(stream);
        Ok(offers.ok().map(|offers| Offers { waits, ..offers }))
    }

    /// Somebody does something of a release. When this comes back it is durable; what comes back is its name.
    pub async fn act(&self, stream: &Stream, by: &Account, wish: Wish) -> Result<String, NotDone> {
        let done = Box::pin(self.acted(stream, by, &wish)).await;
        let fields = |more: Value| {
            let mut fields = json!({ "repository": stream.repository, "release": stream.release,
                "environment": stream.environment, "account": by.as_str(), "does": wish.does.word() });
            if let (Some(map), Value::Object(more)) = (fields.as_object_mut(), more) {
                map.extend(more);
            }
            fields
        };
        match &done {
            Ok(id) => self.say("acted", &fields(json!({ "act": id, "shown": wish.shown }))),
            Err(why) => self.say("act_refused", &fields(json!({ "why": why.to_string(), "shown": wish.shown }))),
        }
        done
    }

    async fn acted(&self, stream: &Stream, by: &Account, wish: &Wish) -> Result<String, NotDone> {
        let whose = format!("acts of {}", by.as_str().to_lowercase());
        match self.sequencer.may(whose, OFTEN).await {
            Ok(true) => {}
            Ok(false) => return Err(NotDone::Often),
            Err(fault) => return Err(NotDone::Record(fault)),
        }
        if wish.reason.as_ref().is_some_and(|reason| reason.len() > WORDS) {
            return Err(NotDone::Long);
        }
        for _ in 0..TRIES {
            let mut reader = self.reader().await?;
            let (latest, trial) = tried(&mut reader, stream).await?.ok_or(NotDone::Nowhere)?;
            let mut trial = trial.map_err(NotDone::Unread)?;
            self.with_debts(&mut reader, stream, &mut trial).await?;
            match latest.ruling.as_str() {
                // It outlasts this release, and is about others.
                "proceed" if lasting::lasts(&wish.does) => {}
                "proceed" if went(&mut reader, &latest).await? => {
                    return Err(NotDone::Over("it was let go meanwhile, and nothing is asked of it any more"));
                }
                "proceed" if !matches!(wish.does, Deed::Reject {} | Deed::Withdraw { .. }) => {
                    return Err(NotDone::Over("it may go meanwhile, and nothing more is asked for that"));
                }
                "reject" => return Err(NotDone::Over("it was rejected for good meanwhile; release another commit")),
                _ => {}
            }
            let shown = as_shown(&mut reader, stream, &latest, &trial, &wish.shown).await?;
            if matches!(wish.does, Deed::Withdraw { .. }) {
                // It may be of what no decision has looked at.
                let unlooked = unlooked::of(&mut reader, stream, &trial, by).await?;
                trial.add(unlooked);
            }
            reader.close().await?;
            match Box::pin(self.write_down(stream, by, wish, (&latest, shown), trial)).await {
                // Decided again in between: whether it is as it was shown is asked anew.
                Err(NotDone::Failed(Failed::Refused(Refused::Stale { .. }))) => {}
                done => return done,
            }
        }
        Err(NotDone::Changed(vec!["it is being decided again and again just now".to_owned()]))
    }

    /// What is owed by now: what a release left is not among the facts that it was decided by itself.
    async fn with_debts(&self, reader: &mut Reader, stream: &Stream, trial: &mut Trial) -> Result<(), DatabaseFault> {
        owed::add(reader, (H::NAME, &stream.repository), &trial.policy, &mut trial.facts).await
    }

    async fn write_down(
        &self,
        stream: &Stream,
        by: &Account,
        wish: &Wish,
        (latest, shown): (&Latest, Shown<'_>),
        trial: Trial,
    ) -> Result<String, NotDone> {
        let now = self.now().trunc_subsecs(3);
        let of = json!([stream.to_string(), by.as_str(), wish.does, wish.reason, wish.shown]).to_string();
        let id: String = sha256(of.as_bytes()).chars().take(16).collect();
        let id = format!("{HERE}{id}");
        let mut does = wish.does.clone();
        if let Deed::Verify { gate, evidence } = &mut does
            && evidence.is_empty()
        {
            *evidence = offers::evidence_of(&trial.policy, &trial.facts, gate);
        }
        let act = trial.act(&id, by, now, does, wish.reason.clone());
        let tried = act.clone();
        let verdict = tokio::task::spawn_blocking(move || trial.judge(&tried, now)).await.unwrap_or(Verdict::Unknown);
        let kind = decided::kind(&act.does).ok_or(NotDone::Over("that is not done on a page"))?;
        match verdict {
            Verdict::Refused { why, instead, code } => {
                // Under a name of its own: it is nothing that was done.
                let name = format!("refused-{id}");
                let more = json!({ "refused": why, "code": code, "would": kind.word() });
                let append = entry((stream, latest), (Kind::Refusal, &name, &act), shown, &more)?;
                self.appended(append).await?;
                Err(NotDone::Refused { why, instead })
            }
            Verdict::Counts | Verdict::Unknown => {
                let append = entry((stream, latest), (kind, &id, &act), shown, &json!({}))?;
                self.appended(append).await?;
                self.docket().happened(Some(&stream.repository), None, true, Instant::now());
                self.to_decide.notify_one();
                // It is done, whether or not it can be read what it came to. Where no run waits nothing is decided.
                if let Some(obligation) = lasting::completes(&act.does) {
                    self.claimed(&stream.repository, Instant::now());
                    self.met_soon(obligation).await.ok();
                } else if self.waits(stream) {
                    self.seen(stream, latest.version).await.ok();
                }
                Ok(id)
            }
        }
    }

    /// Whoever presses twice did it once.
    async fn appended(&self, append: crate::store::writer::Append) -> Result<(), NotDone> {
        match self.sequencer.append(append).await.map_err(Failed::from) {
            Ok(_) | Err(Failed::Refused(Refused::OtherContent(_))) => Ok(()),
            Err(lost @ Failed::Batch(_)) => {
                // It may be there all the same, and counts then.
                self.docket().happened(None, None, true, Instant::now());
                self.to_decide.notify_one();
                Err(lost.into())
            }
            Err(failed) => Err(failed.into()),
        }
    }

    /// Waits a while until a release is decided again.
    async fn seen(&self, stream: &Stream, before: u64) -> Result<(), DatabaseFault> {
        let mut reader = self.reader().await?;
        for _ in 0..SEEN.1 {
            tokio::time::sleep(SEEN.0).await;
            if reader.latest(stream).await?.is_some_and(|latest| latest.version > before) {
                break;
            }
        }
        reader.close().await
    }

    /// Waits a while until something that was owed is met.
    async fn met_soon(&self, obligation: &str) -> Result<(), DatabaseFault> {
        let mut reader = self.reader().await?;
        for _ in 0..SEEN.1 {
            tokio::time::sleep(SEEN.0).await;
            if reader.is_met(obligation).await? {
                break;
            }
        }
        reader.close().await
    }

    /// What became of something that somebody did on the page of a release, for himself.
    pub async fn became(&self, stream: &Stream, by: &Account, id: &str) -> Result<Option<Became>, DatabaseFault> {
        let mut reader = self.reader().await?;
        let acted = if id.starts_with(HERE) { reader.act_of(stream, id).await? } else { None };
        let Some(acted) = acted.filter(|acted| acted.account == by.as_str()) else { return Ok(None) };
        let act = reader.blob(acted.digest).await?.and_then(|bytes| serde_json::from_slice::<Act>(&bytes).ok());
        let Some(act) = act else { return Ok(None) };
        let tried = tried(&mut reader, stream).await?;
        let outcome = match tried.and_then(|(_, trial)| trial.ok()).and_then(|trial| trial.became(id)) {
            Some(outcome) => Ok(outcome),
            None => Err(unlooked::stands(&mut reader, &act, self.waits(stream)).await?),
        };
        reader.close().await?;
        Ok(Some(Became { act, entry: acted.entry, outcome }))
    }
}

/// The last decision of a release with what it was made from, or why that cannot be read; `None` where it has none.
pub(super) async fn tried(
    reader: &mut Reader,
    stream: &Stream,
) -> Result<Option<(Latest, Result<Trial, String>)>, DatabaseFault> {
    let Some(latest) = reader.latest(stream).await? else { return Ok(None) };
    let trial = made_from(reader, latest.entry, (latest.document, latest.facts)).await?;
    Ok(Some((latest, trial)))
}

/// Whether a release was let go and its answer left, or is about to. Else it went nowhere by that decision, and whoever
/// rejects it or takes back what it may go by is not too late.
async fn went(reader: &mut Reader, latest: &Latest) -> Result<bool, DatabaseFault> {
    Ok(latest.ruling == "proceed" && reader.is_answered(&latest.stream).await?)
}

/// A decision with what it was made from, by the number of its entry and the digests of its document and its facts.
pub(super) async fn made_from(
    reader: &mut Reader,
    number: u64,
    (document, facts): (Hash, Hash),
) -> Result<Result<Trial, String>, DatabaseFault> {
    let decision = match reader.blob(document).await?.map(|bytes| ReleaseDecision::read(&bytes)) {
        Some(Ok(decision)) => decision,
        Some(Err(why)) => return Ok(Err(format!("the decision document {why}"))),
        None => return Ok(Err("the decision document is not kept any more".to_owned())),
    };
    let facts = match reader.blob(facts).await?.map(|bytes| Facts::read(&bytes)) {
        Some(Ok(facts)) => facts,
        Some(Err(why)) => return Ok(Err(format!("the facts cannot be read: {why}"))),
        None => return Ok(Err("the facts are not kept any more".to_owned())),
    };
    let Some(entry) = recorded::entry(reader, number).await? else {
        return Ok(Err("its entry cannot be read".to_owned()));
    };
    let mut policies = Vec::new();
    for name in ["policy", "policy_before"] {
        let layers = match recorded::layers(reader, &entry, name).await {
            Ok(layers) => layers,
            Err(recorded::Unlisted::Record(fault)) => return Err(fault),
            Err(form @ recorded::Unlisted::Form(_)) => return Ok(Err(form.to_string())),
        };
        match replay::policy(&layers) {
            Ok(policy) => policies.push(policy),
            Err(why) => return Ok(Err(why)),
        }
    }
    let (before, policy) = (policies.pop().flatten(), policies.pop().flatten());
    Ok(policy
        .map(|policy| Trial::new(facts, decision, policy, before))
        .ok_or_else(|| "its entry names no policy".to_owned()))
}

/// The decision that somebody was shown.
#[derive(Clone, Copy, Debug)]
struct Shown<'s> {
    /// SHA-256 of its document.
    document: &'s str,
    /// The number of its entry.
    entry: u64,
    /// Which decision of its release it is, counted from 1.
    number: u64,
}

/// The decision that somebody was shown, where the last one asks the same; else what has changed since.
async fn as_shown<'s>(
    reader: &mut Reader,
    stream: &Stream,
    latest: &Latest,
    now: &Trial,
    shown: &'s str,
) -> Result<Shown<'s>, NotDone> {
    if latest.document.to_string() == shown {
        return Ok(Shown { document: shown, entry: latest.entry, number: latest.version });
    }
    let past = match Hash::parse(shown) {
        Some(document) => reader.decided_as(stream, document).await?,
        None => None,
    };
    let Some(past) = past else {
        return Err(NotDone::Changed(vec!["what you were shown is no decision on this release".to_owned()]));
    };
    let then = made_from(reader, past.entry, (past.document, past.facts)).await?;
    let then = match then {
        Ok(then) if then.asks_the_same_as(now) => {
            return Ok(Shown { document: shown, entry: past.entry, number: past.version });
        }
        Ok(then) => then,
        Err(why) => return Err(NotDone::Changed(vec![format!("what you were shown cannot be read any more: {why}")])),
    };
    let (before, after) = (then.lines(), now.lines());
    let mut changes: Vec<String> = Vec::new();
    if then.decision.summary != now.decision.summary {
        changes.push(format!("it was: {}", then.decision.summary));
        changes.push(format!("it is now: {}", now.decision.summary));
    }
    changes.extend(after.difference(&before).map(|line| format!("new: {line}")));
    changes.extend(before.difference(&after).map(|line| format!("no longer: {line}")));
    if changes.is_empty() {
        changes.push("what goes, or what is asked of whom".to_owned());
    }
    changes.truncate(CHANGES);
    Err(NotDone::Changed(changes))
}

/// The entry of an act: who, what, when, why, and the decision that he was shown.
fn entry(
    (stream, latest): (&Stream, &Latest),
    (kind, id, act): (Kind, &str, &Act),
    shown: Shown<'_>,
    more: &Value,
) -> Result<crate::store::writer::Append, NotDone> {
    let bytes = serde_json::to_vec(act).map_err(|error| NotDone::Unread(error.to_string()))?;
    let digest = Hash::parse(&sha256(&bytes)).ok_or_else(|| NotDone::Unread("an act has no digest".to_owned()))?;
    let at: DateTime<Utc> = act.at;
    let body = json!({
        "repository": stream.repository, "release": stream.release, "environment": stream.environment, "act": id,
        "by": act.by.as_str(), "does": act.does.word(), "done": at.timestamp_micros(), "via": "page",
        "shown": { "sha256": shown.document, "entry": shown.entry, "number": shown.number },
    });
    let mut whole = Map::new();
    for part in [&body, more] {
        whole.extend(part.as_object().into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())));
    }
    let attached = vec![("act.json".to_owned(), bytes)];
    let mut append = Happening { kind, body: whole, attached, once: Some(format!("act {id}")) }.append(at)?;
    let account = act.by.as_str().to_owned();
    let done = Done { id: id.to_owned(), kind: kind.word(), account, at: at.timestamp_micros(), digest };
    append.changes.push(Change::Acted(Box::new(Acted { stream: stream.clone(), after: latest.version, done })));
    Ok(append)
}
