//! What came to nothing, and comes to something only if a person has it tried again: effects that were given up, and deliveries
//! of which could not be asked what they are about. Whoever administers a repository is shown those of it, each with the reason.
//!
//! An effect stands in the record until it is done. A delivery stands there too, but that it could not be looked at is this
//! process's own knowledge, and ends with the next time that its repository is read: nothing hangs on a delivery then.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::Desk;
use crate::flow::append::Failed;
use crate::flow::record::Fault;
use crate::flow::send;
use crate::forge::Hub;
use crate::model::facts::Account;
use crate::store::change::{Sent, Stream};
use crate::store::dead::Dead;
use crate::store::fault::Fault as DatabaseFault;
use crate::store::outbox::in_entry;
use crate::store::reader::Reader;
use crate::store::writer::Refused;

/// How far back what was given up is shown and counted. `countersign db outbox list --dead` lists all of it.
pub const SHOWN: TimeDelta = TimeDelta::days(30);
/// How many of all repositories are looked at, and how many are shown.
const LOOKED_AT: u64 = 1_000;
const MOST: usize = 100;
/// How many deliveries are kept in mind that could not be looked at.
const DELIVERIES: usize = 200;

/// An effect that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenUp {
    /// The number of its entry.
    pub effect: u64,
    /// The repository that it is of.
    pub repository: String,
    /// The release that it is about, where it is about one.
    pub release: Option<Stream>,
    /// What it is, for people.
    pub what: &'static str,
    /// Where to; of somebody's own place no more than its kind.
    pub to: String,
    /// How often it was tried.
    pub attempts: u64,
    /// When it was to leave last, UTC.
    pub at: DateTime<Utc>,
    /// Why the last attempt came to nothing.
    pub why: String,
}

/// A delivery that could not be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unlooked {
    /// The forge's own name for it.
    pub id: String,
    /// The repository that it claims to be about.
    pub repository: String,
    /// When it was tried last, UTC.
    pub at: DateTime<Utc>,
    /// Why it came to nothing.
    pub why: String,
}

/// What became of something that a person has tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// It is to leave, or is looked at.
    Begun,
    /// There is none of that name that he administers, or it was tried again already.
    Nothing,
}

#[derive(Debug)]
struct Delivery<C> {
    sent: Sent,
    claimed: C,
    repository: Option<String>,
    at: DateTime<Utc>,
    since: Instant,
    why: String,
}

/// The deliveries that could not be looked at since their repository was read last.
#[derive(Debug)]
pub(super) struct Deliveries<C>(Mutex<VecDeque<Delivery<C>>>);

impl<C> Default for Deliveries<C> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<C> Deliveries<C> {
    fn lock(&self) -> MutexGuard<'_, VecDeque<Delivery<C>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an effect is, by what is sent.
fn what(body: &Value) -> &'static str {
    let word = |at: &str| body.pointer(at).and_then(Value::as_str);
    match word("/effect").or_else(|| word("/says/effect")) {
        Some("decision") => "what was decided",
        Some("message" | "notice") => "a message to people",
        Some("check") => "what a change's release would need",
        Some("reply") => "the answer to a comment",
        Some("acknowledge") => "that a comment counts",
        _ if body.get("keeps").is_some() => "what becomes of an issue",
        _ => "something that was to leave",
    }
}

/// The repository of a forge that an effect is of; `None` where nothing says that, or that it is another forge's.
fn repository(forge: &str, dead: &Dead, body: &Value) -> Option<String> {
    if let Some(stream) = Stream::parse(&dead.about) {
        return (stream.forge == forge).then_some(stream.repository);
    }
    let text = |places: [&str; 2]| places.iter().find_map(|at| body.pointer(at)?.as_str());
    if text(["/forge", "/message/forge"]).is_some_and(|named| named != forge) {
        return None;
    }
    text(["/repository", "/message/repository"]).map(str::to_owned)
}

async fn sent(reader: &mut Reader, dead: &Dead) -> Result<Value, DatabaseFault> {
    let bytes = reader.blob(dead.body).await?;
    Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default())
}

impl<H: Hub> Desk<H> {
    fn shown_since(&self) -> i64 {
        (self.now() - SHOWN).timestamp_micros()
    }

    /// The effects that were given up of late and that somebody has to know of, of repositories of which `may` says so; the newest
    /// first.
    pub async fn given_up(&self, may: impl Fn(&str) -> bool + Send) -> Result<Vec<GivenUp>, DatabaseFault> {
        let mut reader = self.reader().await?;
        let mut found = Vec::new();
        for dead in reader.given_up(self.shown_since(), &send::NEEDLESS, LOOKED_AT).await? {
            let release = Stream::parse(&dead.about);
            let other = |release: &Stream| release.forge != H::NAME || !may(&release.repository);
            if found.len() >= MOST || release.as_ref().is_some_and(other) {
                continue;
            }
            let body = sent(&mut reader, &dead).await?;
            let repository = repository(H::NAME, &dead, &body).filter(|repository| may(repository));
            let Some(repository) = repository else { continue };
            let to = in_entry(&dead.destination).to_owned();
            // What somebody's own place says of itself often repeats who he is.
            let said = if to == dead.destination { dead.said } else { Some(send::UNSAID.to_owned()) };
            found.push(GivenUp {
                effect: dead.effect,
                repository,
                release,
                what: what(&body),
                to,
                attempts: dead.attempts,
                at: DateTime::from_timestamp_micros(dead.due).unwrap_or_default(),
                why: said.unwrap_or_else(|| "nothing was said".to_owned()),
            });
        }
        reader.close().await?;
        Ok(found)
    }

    /// The deliveries that could not be looked at, of repositories of which `may` says so; the newest first.
    pub fn unlooked(&self, may: impl Fn(&str) -> bool) -> Vec<Unlooked> {
        let kept = self.unlooked.lock();
        let shown = kept.iter().rev().filter_map(|it| {
            let repository = it.repository.clone().filter(|repository| may(repository))?;
            Some(Unlooked { id: it.sent.id.clone(), repository, at: it.at, why: it.why.clone() })
        });
        shown.take(MOST).collect()
    }

    /// Has an effect tried again that was given up, by somebody who administers its repository.
    pub async fn send_again(
        &self,
        effect: u64,
        by: &Account,
        may: impl Fn(&str) -> bool + Send,
    ) -> Result<Again, Failed> {
        let found = async {
            let mut reader = self.reader().await?;
            let Some(dead) = reader.given_up_as(effect).await? else { return Ok(None) };
            let body = sent(&mut reader, &dead).await?;
            reader.close().await?;
            Ok::<_, DatabaseFault>(repository(H::NAME, &dead, &body))
        };
        let Some(repository) = found.await.map_err(Fault::from)?.filter(|repository| may(repository)) else {
            return Ok(Again::Nothing);
        };
        let append = send::again(effect, Some(by.as_str()), self.now()).map_err(Fault::from)?;
        match self.sequencer.append(append).await.map_err(Failed::from) {
            Ok(_) => {
                self.say("effect_again", &json!({ "effect": effect, "repository": repository, "by": by.as_str() }));
                self.to_tell.notify_one();
                self.to_tell_people.notify_one();
                self.count_given_up().await;
                Ok(Again::Begun)
            }
            // Somebody else was faster.
            Err(Failed::Refused(Refused::NotDead(_))) => Ok(Again::Nothing),
            Err(failed) => Err(failed),
        }
    }

    /// Looks at a delivery again, for somebody who administers the repository that it claims to be about. Why it comes to nothing
    /// once more is shown then.
    pub async fn look_again(&self, id: &str, by: &Account, may: impl Fn(&str) -> bool + Send) -> Again {
        let taken = {
            let mut kept = self.unlooked.lock();
            let is_it = |it: &Delivery<H::Claimed>| it.sent.id == id && it.repository.as_deref().is_some_and(&may);
            kept.iter().position(is_it).and_then(|at| kept.remove(at))
        };
        let Some(Delivery { sent, claimed, .. }) = taken else { return Again::Nothing };
        self.say("delivery_again", &json!({ "delivery": sent.id, "by": by.as_str() }));
        self.look_at(sent, claimed).await;
        Again::Begun
    }

    /// Looks at a delivery, and marks what is to be read again.
    pub(super) async fn look_at(&self, sent: Sent, claimed: H::Claimed) {
        match self.hub.check(claimed.clone()).await {
            Ok(Some(hinted)) => self.hinted(hinted, sent),
            Ok(None) => {
                self.counts.delivery("foreign");
                self.say("delivery_foreign", &json!({ "delivery": sent.id }));
            }
            Err(fault) => {
                // Whose it is will be known at the next sweep, which reads what it is about without it.
                self.counts.delivery("unchecked");
                self.say("delivery_unchecked", &json!({ "delivery": sent.id, "fault": fault.to_string() }));
                let repository = self.hub.claims(&claimed);
                let (at, since, why) = (self.now(), Instant::now(), fault.to_string());
                let mut kept = self.unlooked.lock();
                if kept.len() >= DELIVERIES {
                    kept.pop_front();
                }
                kept.push_back(Delivery { sent, claimed, repository, at, since, why });
            }
        }
        self.count_unlooked();
    }

    /// A repository was read, as it was from an instant on: whatever was delivered of it before is known by that.
    pub(super) fn read_whole(&self, repository: &str, since: Instant) {
        let of = |it: &Delivery<H::Claimed>| {
            it.since < since && it.repository.as_deref().is_some_and(|its| its.eq_ignore_ascii_case(repository))
        };
        self.unlooked.lock().retain(|it| !of(it));
        self.count_unlooked();
    }

    fn count_unlooked(&self) {
        self.counts.unlooked(self.unlooked.lock().len());
    }

    /// Counts what was given up, for whoever watches.
    pub(super) async fn count_given_up(&self) {
        let count = async {
            let mut reader = self.reader().await?;
            let count = reader.count_given_up(self.shown_since(), &send::NEEDLESS).await?;
            reader.close().await?;
            Ok::<_, DatabaseFault>(count)
        };
        match count.await {
            Ok(count) => self.counts.given_up(count),
            Err(fault) => self.say("outbox_unread", &json!({ "fault": fault.to_string() })),
        }
    }
}
