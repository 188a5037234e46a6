//! People are told outside the forge: what a decision asks of them leaves with it, what time adds is added whenever the
//! release is looked at again, and all of it goes to the places that the policy names.
//!
//! A message is an effect like any other: recorded before it leaves, once for what it says and where, tried again until it
//! has arrived, and given up after a day and a half, which the journal, the counts and `countersign db outbox list --dead` say.
//! It leaves through a lane of its own: however slow a receiver is, no deployment waits for it. What asks for something is
//! only sent while the release is held for that; what was not sent for that is said anew whenever it is asked again, and
//! what was given up a day later, some times.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::task::JoinSet;

use super::policy::Read;
use super::{Desk, link};
use crate::decide::telling::{self, Telling, ToDo};
use crate::flow::append::Failed;
use crate::flow::decided::Drafted;
use crate::flow::messages::Letter;
use crate::flow::record::Fault;
use crate::flow::send::{self, Answer, NOT_ASKED};
use crate::flow::{decided, recorded};
use crate::forge::Hub;
use crate::log::receipt::sha256;
use crate::model::facts::Facts;
use crate::model::message::{Message, What};
use crate::model::release_decision::{OpenedObligation, ReleaseDecision, Ruling};
use crate::policy::Policy;
use crate::store::change::Stream;
use crate::store::fault::Fault as DatabaseFault;
use crate::store::latest::Left;
use crate::store::outbox::{Claimed, Fate, Lane};
use crate::store::reader::Reader;
use crate::store::writer::Refused;

/// To how many places is sent at once.
const AT_ONCE: u32 = 4;
/// When is tried again what asks for a release that waits, and was not held just then.
const NOT_HELD: Duration = Duration::from_mins(10);
/// After how long something is asked anew where the message was given up.
const ANEW: TimeDelta = TimeDelta::days(1);
/// How often one thing is asked where the messages are given up, at most.
const GIVEN_UP: usize = 10;
/// How often one thing is asked at all, at most: a release that is asked for so often, and not any more, waits for nobody.
const ROUNDS: u32 = 1_000;
/// How long nobody looks for what is due, at most.
const LOOK: Duration = Duration::from_secs(1);

/// A message as it is kept for whoever sends it.
#[derive(Deserialize, Serialize)]
struct Kept {
    effect: String,
    message: Message,
}

/// What is told of an obligation's place, as the record has kept it since before there were messages.
#[derive(Deserialize)]
struct Notice {
    effect: String,
    obligation: String,
    kind: String,
    repository: String,
    release: String,
    environment: String,
    #[serde(default)]
    by: Option<String>,
    #[serde(default)]
    due: Option<DateTime<Utc>>,
    #[serde(default)]
    commit: String,
    #[serde(default)]
    summary: String,
    #[serde(default)]
    at: Option<DateTime<Utc>>,
}

/// The key of what is told at a place.
fn once(topic: &str, place: &str) -> String {
    let key: String = sha256(json!([topic, place]).to_string().as_bytes()).chars().take(40).collect();
    format!("message {key}")
}

/// The key of the same, said once more.
fn of_round(once: &str, round: u32) -> String {
    if round == 0 { once.to_owned() } else { format!("{once} {round}") }
}

fn drafted(telling: &Telling) -> impl Iterator<Item = Drafted> + '_ {
    telling.to.iter().map(|place| Drafted {
        once: once(&telling.topic, place),
        place: place.clone(),
        body: json!({ "effect": "message", "message": telling.message }),
        not_before: telling.not_before,
    })
}

/// The stream that a message is about.
fn stream(message: &Message) -> Stream {
    Stream {
        forge: message.forge.clone(),
        repository: message.repository.clone(),
        release: message.release.clone(),
        environment: message.environment.clone(),
    }
}

impl<H: Hub> Desk<H> {
    /// What people are to be told because of a decision, and was not recorded yet, for what is set to take it.
    pub(super) async fn drafts(
        &self,
        reader: &mut Reader,
        read: &Read,
        facts: &Facts,
        decision: &ReleaseDecision,
    ) -> Result<Vec<Drafted>, DatabaseFault> {
        let mut all = telling::of(&read.policy, facts, decision);
        let mut later = Vec::new();
        for asked in &all {
            if let Some(since) = self.asked_at(reader, asked).await? {
                later.extend(telling::again(&read.policy, decision, asked, since));
            }
        }
        all.extend(later);
        if decision.decision == Ruling::Proceed {
            all.extend(owed(read, facts, decision));
        }
        self.unrecorded(reader, &all).await
    }

    async fn unrecorded(&self, reader: &mut Reader, all: &[Telling]) -> Result<Vec<Drafted>, DatabaseFault> {
        let mut found: Vec<Drafted> = Vec::new();
        for telling in all {
            for draft in drafted(telling).filter(|draft| self.settings.channels.takes(&draft.place)) {
                let Some(once) = self.key(reader, &draft.once, telling.message.what).await? else { continue };
                if !found.iter().any(|known| known.once == once) {
                    found.push(Drafted { once, ..draft });
                }
            }
        }
        Ok(found)
    }

    /// Under which key something is to be said now; `None` where it was said, or is to be, or was given up.
    async fn key(&self, reader: &mut Reader, once: &str, what: What) -> Result<Option<String>, DatabaseFault> {
        let mut given_up = Vec::new();
        for round in 0..ROUNDS {
            let key = of_round(once, round);
            let Some(fate) = reader.fate(&key).await? else {
                return Ok(may_be_said(&given_up, self.now()).then_some(key));
            };
            if !fate.is_dead || !what.while_held() {
                return Ok(None);
            }
            if counts(&fate) {
                given_up.push(match fate.ended {
                    Some(number) => recorded::entry(reader, number).await?.map(|entry| entry.at),
                    None => None,
                });
            }
        }
        Ok(None)
    }

    /// When somebody was first asked, by the entries that say so; from when on he was told, where that was later. `None` where
    /// he was not yet.
    async fn asked_at(&self, reader: &mut Reader, asked: &Telling) -> Result<Option<DateTime<Utc>>, DatabaseFault> {
        if asked.message.what != What::Asked {
            return Ok(None);
        }
        let mut first: Option<DateTime<Utc>> = None;
        for place in &asked.to {
            let Some(number) = since(reader, &once(&asked.topic, place)).await? else { continue };
            if let Some(entry) = recorded::entry(reader, number).await? {
                first = Some(first.map_or(entry.at, |known| known.min(entry.at)));
            }
        }
        Ok(first)
    }

    /// Records what people are to be told, for each place once.
    pub(super) async fn tell_people(&self, drafts: &[Drafted]) -> Result<(), Failed> {
        for draft in drafts {
            self.tell_later(draft).await?;
        }
        Ok(())
    }

    /// Calls to mind, where people are told, what a release left to be done.
    pub(super) async fn tell_left(
        &self,
        reader: &mut Reader,
        read: &Read,
        (left, facts): (&Left, Option<&Facts>),
        (what, now): (What, DateTime<Utc>),
    ) -> Result<(), Failed> {
        let due = left.due.and_then(DateTime::<Utc>::from_timestamp_micros);
        let commit = facts.map(|facts| facts.release.commit.clone()).unwrap_or_default();
        let message = blank(what, &left.stream, commit, now);
        let owed = ToDo { id: &left.id, kind: &left.kind, by: left.role.as_deref(), due };
        let to_do = telling::to_do(&read.policy, message, owed, now);
        let drafts = self.unrecorded(reader, &[to_do]).await.map_err(Fault::from)?;
        self.tell_people(&drafts).await
    }

    /// Tells whoever has something of a period that ended, once.
    pub(super) async fn tell_of_period(
        &self,
        reader: &mut Reader,
        policy: &Policy,
        message: Message,
    ) -> Result<(), Failed> {
        let telling = telling::of_period(policy, message);
        let drafts = self.unrecorded(reader, &[telling]).await.map_err(Fault::from)?;
        self.tell_people(&drafts).await
    }

    async fn tell_later(&self, draft: &Drafted) -> Result<(), Failed> {
        let bytes = draft.body.to_string().into_bytes();
        let from = Some(draft.not_before);
        let append = send::leaves_from(&draft.once, (&draft.once, &draft.place), &bytes, from, self.now());
        match self.sequencer.append(append.map_err(Fault::from)?).await.map_err(Failed::from) {
            Ok(_) => {
                self.to_tell_people.notify_one();
                Ok(())
            }
            // Another replica was faster.
            Err(Failed::Refused(Refused::OtherContent(_))) => Ok(()),
            Err(failed) => Err(failed),
        }
    }

    /// Sends whatever people are to be told, for ever.
    pub(super) async fn tell_all(self: Arc<Self>) {
        let mut busy = JoinSet::new();
        loop {
            while busy.try_join_next().is_some() {}
            let room = AT_ONCE.saturating_sub(u32::try_from(busy.len()).unwrap_or(AT_ONCE));
            if room == 0 {
                busy.join_next().await;
                continue;
            }
            match self.sequencer.claim_of(Lane::Messages, self.now(), room).await {
                Ok(claimed) if claimed.is_empty() => {
                    tokio::select! {
                        _ = tokio::time::timeout(LOOK, self.to_tell_people.notified()) => {}
                        Some(_) = busy.join_next() => {}
                    }
                }
                Ok(claimed) => {
                    for one in claimed {
                        let desk = self.clone();
                        busy.spawn(async move { desk.tell_one(one).await });
                    }
                }
                Err(fault) => {
                    self.say("outbox_unread", &json!({ "fault": fault.to_string() }));
                    tokio::time::sleep(LOOK).await;
                }
            }
        }
    }

    async fn tell_one(&self, claimed: Claimed) {
        let answer = match self.to_place(&claimed).await {
            Ok(answer) => answer,
            Err(fault) => Answer::Failed(format!("the record could not be read: {fault}")),
        };
        let (outcome, why) = match &answer {
            Answer::Done | Answer::Made(_) => ("done", None),
            Answer::Failed(why) | Answer::Later(why, _) if claimed.attempt < crate::store::outbox::ATTEMPTS => {
                ("put_off", Some(why.clone()))
            }
            Answer::Refused(why) | Answer::Failed(why) | Answer::Later(why, _) => ("given_up", Some(why.clone())),
        };
        self.counts.message(outcome);
        self.say(
            "message_attempted",
            &json!({ "effect": claimed.effect, "to": claimed.destination, "attempt": claimed.attempt,
                "outcome": outcome, "why": why }),
        );
        if let Err(why) = self.told(&claimed, answer).await {
            self.say("effect_unwritten", &json!({ "effect": claimed.effect, "fault": why.to_string() }));
        }
    }

    async fn to_place(&self, claimed: &Claimed) -> Result<Answer, DatabaseFault> {
        let mut reader = self.reader().await?;
        let Some(body) = reader.blob(claimed.body).await? else {
            return Ok(Answer::Refused("what was to be sent is not kept any more".to_owned()));
        };
        let Some(message) = read(&body, claimed) else {
            return Ok(Answer::Refused("it is no message that is known here".to_owned()));
        };
        if message.what.while_held() {
            let latest = reader.latest(&stream(&message)).await?;
            if latest.is_none_or(|latest| latest.ruling != decided::word(Ruling::Hold)) {
                // Whoever waits still may be held again in a moment, and what is refused is never said again.
                let of = stream(&message);
                // Messages of all forges that the app serves go by whichever desk comes to it.
                let waiting =
                    self.settings.desks.of(&of.forge).map(|desk| desk.waiting(&of.repository, &of.environment));
                let waiting = waiting.unwrap_or_default();
                return Ok(if waiting.iter().any(|it| it.stream.as_ref().is_none_or(|it| *it == of)) {
                    Answer::Later("it is not held just now, and still waits".to_owned(), NOT_HELD)
                } else {
                    Answer::Refused(NOT_ASKED.to_owned())
                });
            }
        }
        reader.close().await?;
        let path = match message.what {
            What::Reported => link::reports(&message.repository),
            What::Surveyed => link::survey(&message.repository, &message.release),
            _ => link::path(&stream(&message)),
        };
        let link = self.settings.pages.as_ref().map(|pages| format!("{pages}{path}"));
        let key: String = claimed.once.chars().filter(char::is_ascii_alphanumeric).collect();
        let letter = Letter { message: &message, link: link.as_deref(), key: &key, again: claimed.attempt > 1 };
        Ok(self.settings.channels.send(&claimed.destination, letter, self.now()).await)
    }
}

/// Whether something may be said once more that was given up so often, at these instants: not too often, and not at once.
fn may_be_said(given_up: &[Option<DateTime<Utc>>], now: DateTime<Utc>) -> bool {
    given_up.len() < GIVEN_UP && given_up.iter().all(|ended| ended.is_some_and(|at| now >= at + ANEW))
}

/// Whether one that was not sent was given up: what nobody was asked for any more never began.
fn counts(fate: &Fate) -> bool {
    fate.said.as_deref() != Some(NOT_ASKED)
}

/// The number of the entry by which something was first asked that is asked now. What was not sent because nobody was asked for
/// it any more began nothing.
async fn since(reader: &mut Reader, once: &str) -> Result<Option<u64>, DatabaseFault> {
    let mut first = None;
    for round in 0..ROUNDS {
        let Some(fate) = reader.fate(&of_round(once, round)).await? else { break };
        first = if fate.is_dead && !counts(&fate) { None } else { first.or(Some(fate.effect)) };
    }
    Ok(first)
}

/// A message by what was kept of it.
fn read(body: &[u8], claimed: &Claimed) -> Option<Message> {
    if let Ok(kept) = serde_json::from_slice::<Kept>(body) {
        return (kept.effect == "message").then_some(kept.message);
    }
    let notice: Notice = serde_json::from_slice(body).ok().filter(|notice: &Notice| notice.effect == "notice")?;
    let forge = Stream::parse(&claimed.stream).map(|stream| stream.forge).unwrap_or_default();
    let Notice { obligation, kind, repository, release, environment, by, due, commit, summary, at, .. } = notice;
    let of = Stream { forge, repository, release, environment };
    // What the policy has somebody told is told by this, and is no work of his.
    let is_told = OpenedObligation::TOLD.contains(&kind.as_str());
    let what = if is_told { What::Proceeds } else { What::Owed };
    let emergency = kind == OpenedObligation::EMERGENCY;
    let to_do = (!is_told).then_some(kind);
    let blank = blank(what, &of, commit, at.unwrap_or_default());
    Some(Message { emergency, role: by, obligation: Some(obligation), to_do, due, summary, ..blank })
}

fn blank(what: What, of: &Stream, commit: String, at: DateTime<Utc>) -> Message {
    Message {
        forge: of.forge.clone(),
        repository: of.repository.clone(),
        release: of.release.clone(),
        environment: of.environment.clone(),
        commit,
        ..Message::blank(what, at)
    }
}

/// What people are told of what a release leaves to be done.
fn owed(read: &Read, facts: &Facts, decision: &ReleaseDecision) -> Vec<Telling> {
    let release = &facts.release;
    let stream = Stream {
        forge: release.forge.clone(),
        repository: release.repository.clone(),
        release: release.name.clone(),
        environment: decision.environment.clone(),
    };
    let one = |it: &OpenedObligation| {
        telling::owed(&read.policy, (facts, decision), (&decided::obligation_id(&stream, it, None), it))
    };
    decision.obligations.iter().filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fate(said: &str) -> Fate {
        Fate { effect: 1, is_dead: true, said: Some(said.to_owned()), ended: Some(2) }
    }

    #[test]
    fn only_what_was_given_up_counts_against_how_often_something_is_asked() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let ago = |hours: i64| Some(now - TimeDelta::hours(hours));
        let given_up = |fates: &[Fate]| fates.iter().filter(|it| counts(it)).map(|_| ago(30)).collect::<Vec<_>>();
        // Cancelled before its hours began, it was asked of nobody: however often that is.
        let never: Vec<Fate> = (0..50).map(|_| fate(NOT_ASKED)).collect();
        assert!(may_be_said(&given_up(&never), now));
        let dead: Vec<Fate> = (0..10).map(|_| fate("the server says 500")).collect();
        assert!(!may_be_said(&given_up(&dead), now));
        assert!(may_be_said(&given_up(&[never, dead[1..].to_vec()].concat()), now));
        // Nor is it asked again at once, or where nobody knows when it was given up.
        assert!(!may_be_said(&[ago(30), ago(2)], now));
        assert!(!may_be_said(&[None], now));
    }
}
