//! The story of an effect that leaves: it is claimed, handed to whoever carries it out, and what became of it is an entry
//! of the log, in one transaction with the outbox.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::append::PATIENCE;
use super::record::{Fault, runtime};
use crate::log::entry::{Entry, Kind};
use crate::store::address::Address;
use crate::store::annex::Annex;
use crate::store::blob::Blob;
use crate::store::change::{Change, Effect, Ended};
use crate::store::fault::Fault as DatabaseFault;
use crate::store::outbox::{ATTEMPT, ATTEMPTS, Backoff, Claimed, in_entry};
use crate::store::reader::Reader;
use crate::store::signatory::Signatory;
use crate::store::writer::{Append, Refused, Writer};

/// Longer than an attempt, so that whoever waits for an answer still holds what he writes it down with.
const LEASE: Duration = ATTEMPT.saturating_mul(2);

/// What an entry says in the place of what somebody's own mailbox or messenger said.
pub(super) const UNSAID: &str = "what it said is in the outbox, and not here";

/// To how many destinations is sent at once.
const AT_ONCE: u32 = 8;

/// What is said of an effect that a later decision overtook.
pub(super) const LATER_DECISION: &str = "a later decision has taken its place";
/// The same of what is said on a change.
pub(super) const LATER_ONE: &str = "a later one has taken its place";
/// What is said of an answer that no run waits for.
pub(super) const NO_RUN: &str = "no run is known that waits for it";
/// What is said of an answer to a run that is not there any more.
pub(super) const RUN_GONE: &str = "the run is gone";
/// What is in what is said of an answer to an attempt that is over.
pub(super) const OTHER_ATTEMPT: &str = "it is not of attempt ";
/// What is said of a message that asks for what nobody is asked for by then.
pub(super) const NOT_ASKED: &str = "it is not asked any more";

/// What is in what is said of an answer that others have to vote for first, after whom it is given anew.
pub(super) const FOR_OTHERS: &str = "approval(s) by others than the app are missing";

/// What is said of the issue of something owed, where there are no issues: the record has it all the same.
pub(super) const NO_ISSUES: &str = "issues are switched off there, and what is owed stands in the record alone";

/// What is in what is said of every effect that came to nothing because nobody needs it any more. Of all others that were given
/// up somebody has to know.
pub const NEEDLESS: [&str; 8] =
    [LATER_DECISION, LATER_ONE, NO_RUN, RUN_GONE, OTHER_ATTEMPT, NOT_ASKED, FOR_OTHERS, NO_ISSUES];

/// What whoever carries an effect out says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is done.
    Done,
    /// It is done, and the other system says what it made by this name.
    Made(String),
    /// It will never be done: the other system refuses it.
    Refused(String),
    /// It failed, and may not the next time.
    Failed(String),
    /// The other system says how long it wants to be left alone.
    Later(String, Duration),
}

/// How many effects came to what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Done.
    pub done: u64,
    /// To be tried again later.
    pub put_off: u64,
    /// Given up.
    pub given_up: u64,
}

/// Sends what is due, until nothing is: to several destinations at once, so that none waits for another that is slow, and
/// to each one after another. Meanwhile others may write.
pub fn send(
    address: &Address,
    signer: impl Into<Signatory>,
    annex: Option<Annex>,
    backoff: Backoff,
    clock: impl Fn() -> DateTime<Utc>,
    carry: &(dyn Fn(&Claimed, &[u8]) -> Answer + Sync),
) -> Result<Counted, Fault> {
    let mut counted = Counted::default();
    runtime()?.block_on(async {
        let mut writer = Writer::open_for(address, signer, PATIENCE, clock(), LEASE).await?;
        let mut reader = Reader::open(address).await?.with_annex(annex);
        loop {
            let claimed = writer.claim(clock(), AT_ONCE).await?;
            if claimed.is_empty() {
                break;
            }
            let mut bodies = Vec::with_capacity(claimed.len());
            for one in &claimed {
                bodies.push(reader.blob(one.body).await?);
            }
            writer.step_aside().await?;
            for (one, answer) in claimed.iter().zip(carried(&claimed, &bodies, carry)) {
                told(&mut writer, one, answer, backoff, clock(), &mut counted).await?;
            }
        }
        reader.close().await?;
        writer.close().await?;
        Ok(counted)
    })
}

/// Hands each to whoever carries it out, all at once.
fn carried(
    claimed: &[Claimed],
    bodies: &[Option<Vec<u8>>],
    carry: &(dyn Fn(&Claimed, &[u8]) -> Answer + Sync),
) -> Vec<Answer> {
    std::thread::scope(|scope| {
        let one = |(claimed, body): (&'_ Claimed, &Option<Vec<u8>>)| match body {
            Some(body) => carry(claimed, body),
            None => Answer::Refused("what was to be sent is not kept any more".to_owned()),
        };
        let running: Vec<_> = claimed.iter().zip(bodies).map(|it| scope.spawn(move || one(it))).collect();
        let stopped = || Answer::Failed("whoever was to carry it out was stopped".to_owned());
        running.into_iter().map(|thread| thread.join().unwrap_or_else(|_| stopped())).collect()
    })
}

/// What is written down of an attempt.
#[derive(Debug)]
pub(super) enum Told {
    /// It is tried again later: after as long as the other system says, where it does.
    Later(String, Option<Duration>),
    /// It has ended.
    Ended(Box<Append>),
}

/// What is written down of an attempt that came to this.
pub(super) fn told_of(claimed: &Claimed, answer: Answer, at: DateTime<Utc>) -> Result<Told, DatabaseFault> {
    let mut made = None;
    let (given_up, answered) = match answer {
        Answer::Failed(why) if claimed.attempt < ATTEMPTS => return Ok(Told::Later(why, None)),
        Answer::Later(why, wait) if claimed.attempt < ATTEMPTS => return Ok(Told::Later(why, Some(wait))),
        Answer::Failed(why) | Answer::Later(why, _) => {
            (Some(format!("{why}; given up after {} attempts", claimed.attempt)), false)
        }
        Answer::Refused(why) => (Some(why), true),
        Answer::Done => (None, true),
        Answer::Made(name) => {
            made = Some(name);
            (None, true)
        }
    };
    let state = if given_up.is_some() { "given up" } else { "done" };
    let is_named = in_entry(&claimed.destination) == claimed.destination;
    // What somebody's own place says of itself often repeats who he is; the outbox keeps it.
    let said = if is_named { given_up.as_deref() } else { given_up.as_ref().map(|_| UNSAID) };
    let mut body = json!({ "effect": claimed.effect, "state": state, "attempts": claimed.attempt, "said": said });
    if let Some(body) = body.as_object_mut() {
        body.extend(addressed(&claimed.once, &claimed.destination));
        body.extend(made.map(|made| ("made".to_owned(), json!(made))));
    }
    let (effect, destination) = (claimed.effect, claimed.destination.clone());
    let change = Change::Ended(Ended { effect, destination, given_up, answered });
    Ok(Told::Ended(Box::new(of_effect(&body, change, at)?)))
}

/// Writes down what became of an attempt.
async fn told(
    writer: &mut Writer,
    claimed: &Claimed,
    answer: Answer,
    backoff: Backoff,
    now: DateTime<Utc>,
    counted: &mut Counted,
) -> Result<(), DatabaseFault> {
    let done = matches!(answer, Answer::Done | Answer::Made(_));
    match told_of(claimed, answer, now)? {
        Told::Later(why, wait) => {
            counted.put_off += 1;
            writer.put_off(claimed, &why, backoff.at_least(wait), now).await
        }
        Told::Ended(append) => {
            *(if done { &mut counted.done } else { &mut counted.given_up }) += 1;
            // Where another took it over, that one says what became of it.
            writer.append(&[*append], now).await.map(|_| ())
        }
    }
}

/// What an entry says of where something goes, and under which key. The key of what goes to somebody's own place is made of
/// that, and whoever knew the place could know it again by it.
pub(super) fn addressed(once: &str, destination: &str) -> Map<String, Value> {
    let to = in_entry(destination);
    let key = (to == destination).then(|| ("key".to_owned(), json!(once)));
    key.into_iter().chain([("to".to_owned(), json!(to))]).collect()
}

/// An entry that says of an effect how it stands, with that change.
fn of_effect(body: &Value, change: Change, at: DateTime<Utc>) -> Result<Append, DatabaseFault> {
    let body = body.as_object().cloned().unwrap_or_default();
    let entry = Entry { kind: Kind::Effect, at, body }.bytes()?;
    Ok(Append { entries: vec![entry], changes: vec![change], ..Append::default() })
}

/// An entry that something is to leave which follows from no decision: what it is about, and the bytes that are sent.
/// It leaves once for its key.
pub(super) fn leaves(
    about: &str,
    (once, destination): (&str, &str),
    bytes: &[u8],
    at: DateTime<Utc>,
) -> Result<Append, DatabaseFault> {
    leaves_from(about, (once, destination), bytes, None, at)
}

/// The same, from an instant on.
pub(super) fn leaves_from(
    about: &str,
    (once, destination): (&str, &str),
    bytes: &[u8],
    not_before: Option<DateTime<Utc>>,
    at: DateTime<Utc>,
) -> Result<Append, DatabaseFault> {
    let not_before = not_before.map(|from| from.timestamp_micros());
    let blob = Blob::new(bytes);
    let mut said = json!({ "state": "to do", "sha256": blob.digest().to_string() });
    if let Some(said) = said.as_object_mut() {
        let of = addressed(once, destination);
        said.extend(of.contains_key("key").then(|| ("about".to_owned(), json!(about))));
        said.extend(of);
    }
    let (once, destination) = (once.to_owned(), destination.to_owned());
    let effect = Effect { once, destination, body: blob.digest(), not_before };
    let append = of_effect(&said, Change::Leaves(about.to_owned(), effect), at)?;
    Ok(Append { blobs: vec![blob], ..append })
}

/// An entry that an effect that was given up is tried again; by which account, where one is known.
pub(super) fn again(effect: u64, by: Option<&str>, at: DateTime<Utc>) -> Result<Append, DatabaseFault> {
    let mut body = json!({ "effect": effect, "state": "to do again" });
    if let (Some(by), Some(body)) = (by, body.as_object_mut()) {
        body.insert("by".to_owned(), json!(by));
    }
    of_effect(&body, Change::Retried(effect), at)
}

/// Has an effect tried again that was given up; what comes back is the number of the entry that says so.
pub fn retry(
    address: &Address,
    signer: impl Into<Signatory>,
    effect: u64,
    at: DateTime<Utc>,
) -> Result<Result<u64, Refused>, Fault> {
    runtime()?.block_on(async {
        let mut writer = Writer::open(address, signer, PATIENCE, at).await?;
        let append = again(effect, None, at)?;
        let answer = writer.append(&[append], at).await?.pop().ok_or(DatabaseFault::Stopped)?;
        writer.close().await?;
        Ok(answer.map(|appended| appended.first))
    })
}
