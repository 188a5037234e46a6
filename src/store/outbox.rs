//! The outbox: what decisions do to other systems, kept until it is done. An effect commits with its decision; here it
//! is claimed, tried, put off, and in the end done or given up.
//!
//! What goes to one destination goes in the order of the log, one at a time: whoever sends there holds the destination
//! by a lease. An attempt that fails is put off, longer each time, and by a little chance, so that many do not come back
//! at one instant. A destination that keeps failing is left alone for a while, as a circuit that is open. What is given
//! up is a dead letter: it stays, what comes after it goes on, and a person has it tried again.
//!
//! An effect may be sent twice, by one that was stopped after it had sent and before it said so. Its key is the same
//! each time, and by that the other system knows it again.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};

use super::fault::Fault;
use super::reader::Reader;
use super::replica::micros;
use super::session::{Asked, Part, Row, Session, Value, int};
use super::transaction::anew;
use super::writer::Writer;
use crate::log::tree::Hash;

/// How long one attempt may take; after that, another may claim the destination.
pub const ATTEMPT: Duration = Duration::from_mins(1);
/// How many attempts an effect has before it is given up.
pub const ATTEMPTS: u32 = 20;
/// From how many failures in a row on a destination is left alone.
pub const FAILURES: u32 = 5;

/// An effect that was claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The number of its entry.
    pub effect: u64,
    /// The key by which the other system knows it again.
    pub once: String,
    /// Where to.
    pub destination: String,
    /// What was decided of, as [`super::change::Stream`] says it.
    pub stream: String,
    /// SHA-256 of what is sent.
    pub body: Hash,
    /// Which attempt this is, counted from 1.
    pub attempt: u32,
    /// How often its destination has failed in a row.
    pub failures: u32,
}

/// How long is waited after an attempt that failed.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    /// After the first.
    pub first: Duration,
    /// At most.
    pub longest: Duration,
    /// What the chance in it follows from: the same seed, the same waits.
    pub seed: u64,
}

impl Backoff {
    /// A second at first, six hours at most: over a day and a half in all.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { first: Duration::from_secs(1), longest: Duration::from_hours(6), seed }
    }

    /// The same, and never shorter than the other system says.
    #[must_use]
    pub fn at_least(self, wait: Option<Duration>) -> Self {
        // Of what it doubles to between half and all is waited, and so twice as long is no shorter.
        wait.map_or(self, |wait| Self { first: wait * 2, longest: wait * 2, ..self })
    }

    /// How long to wait after that attempt, counted from 1: it doubles each time, and of that between half and all.
    #[must_use]
    pub fn after(&self, key: &str, attempt: u32) -> Duration {
        let doubled = 2_u32.checked_pow(attempt.saturating_sub(1)).and_then(|times| self.first.checked_mul(times));
        let whole = doubled.unwrap_or(self.longest).min(self.longest);
        let mut hasher = Sha256::new();
        hasher.update(self.seed.to_be_bytes());
        hasher.update(attempt.to_be_bytes());
        hasher.update(key.as_bytes());
        let [first, second, ..] = <[u8; 32]>::from(hasher.finalize());
        let chance = u32::from(u16::from_be_bytes([first, second]));
        whole / 2 + (whole / 2).mul_f64(f64::from(chance) / f64::from(u16::MAX))
    }
}

/// How a destination begins that everything else goes before: what only tells people of something.
pub const ASIDE: &str = "aside ";

/// What leaves for people, by its destination: a channel, a mailbox, an address that is posted to.
const MESSAGE: &str =
    "(o.destination LIKE 'slack:%' OR o.destination LIKE 'email:%' OR o.destination LIKE 'webhook:%')";

/// What an entry says of where something goes. An entry stays for ever, and anybody may read it: of a mailbox, and of a member of
/// Slack, it says no more than that. Which one it was stands in the outbox alone, under the number of the entry.
#[must_use]
pub fn in_entry(destination: &str) -> &str {
    match destination.split_once(':') {
        Some((kind @ "email", _)) => kind,
        Some((kind @ "slack", place)) if !place.starts_with('#') => kind,
        _ => destination,
    }
}

/// Which effects are claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// All, each destination in the order of the log.
    All,
    /// What other systems are told: everything but messages.
    Answers,
    /// The same but what goes to one forge, which somebody else tells.
    AnswersBut(&'static str),
    /// Messages to people. One that waits for somebody's open hours, or was put off, keeps none that came after it.
    Messages,
}

impl Lane {
    /// What else must hold of an effect `o`, and of one `p` before it that keeps it.
    fn conditions(self) -> (String, &'static str) {
        match self {
            Self::All => (String::new(), ""),
            Self::Answers => (format!(" AND NOT {MESSAGE}"), ""),
            Self::AnswersBut(forge) => {
                let theirs = format!("(o.destination LIKE '{forge}:%' OR o.destination LIKE '{ASIDE}{forge}:%')");
                (format!(" AND NOT {MESSAGE} AND NOT {theirs}"), "")
            }
            Self::Messages => (format!(" AND {MESSAGE}"), " AND p.due <= $1"),
        }
    }
}

/// Effects whose destination nobody sends to, the first that waits for each, if it is due.
const READY: &str = "SELECT o.idx, o.once, o.destination, o.stream, o.body, o.attempts, d.failures \
     FROM outbox o JOIN destination d ON d.name = o.destination \
     WHERE o.state = 'waiting' AND o.due <= $1 AND d.opens <= $1 AND d.until <= {clock}{lane} AND NOT EXISTS \
     (SELECT 1 FROM outbox p WHERE p.destination = o.destination AND p.state = 'waiting' AND p.idx < o.idx{before}) \
     ORDER BY CASE WHEN o.destination LIKE 'aside %' THEN 1 ELSE 0 END, o.idx LIMIT $2";

impl Writer {
    /// Claims effects that are due, one of each destination, so many at most.
    pub async fn claim(&mut self, now: DateTime<Utc>, most: u32) -> Result<Vec<Claimed>, Fault> {
        self.claim_of(Lane::All, now, most).await
    }

    /// The same of some effects.
    pub async fn claim_of(&mut self, lane: Lane, now: DateTime<Utc>, most: u32) -> Result<Vec<Claimed>, Fault> {
        anew!(self.transaction(async |writer, session, _| {
            let epoch = writer.replica().epoch();
            let found = ready(session, lane, now, most).await?;
            let clock = session.clock();
            let mut rest = Vec::new();
            for claimed in &found {
                rest.push(Asked::new(
                    format!("UPDATE destination SET holder = $2, until = {clock} + $3 WHERE name = $1"),
                    [claimed.destination.as_str().into(), epoch.into(), micros(ATTEMPT).into()],
                ));
                rest.push(Asked::new(
                    "UPDATE outbox SET attempts = attempts + 1 WHERE idx = $1",
                    [int(claimed.effect)],
                ));
            }
            let any = !found.is_empty();
            Ok((found, any.then_some(rest.into())))
        }))
    }

    /// Puts off an effect whose attempt failed, and its destination with it where that keeps failing. It comes to
    /// nothing where another has taken the destination over.
    pub async fn put_off(
        &mut self,
        claimed: &Claimed,
        why: &str,
        backoff: Backoff,
        now: DateTime<Utc>,
    ) -> Result<(), Fault> {
        let at = now.timestamp_micros();
        let due = at.saturating_add(micros(backoff.after(&claimed.once, claimed.attempt)));
        let failures = claimed.failures.saturating_add(1);
        let open = failures.checked_sub(FAILURES).map(|more| backoff.after(&claimed.destination, more + 1));
        let opens = open.map_or(0, |open| at.saturating_add(micros(open)));
        anew!(self.transaction(async |writer, _, _| {
            let epoch = writer.replica().epoch();
            let mine = "EXISTS (SELECT 1 FROM destination WHERE name = $1 AND holder = $2)";
            let name = || Value::from(claimed.destination.as_str());
            let later = Asked::new(
                format!("UPDATE outbox SET due = $3, said = $4 WHERE idx = $5 AND state = 'waiting' AND {mine}"),
                [name(), epoch.into(), due.into(), why.into(), int(claimed.effect)],
            );
            let free = Asked::new(
                "UPDATE destination SET until = 0, failures = $3, opens = $4 WHERE name = $1 AND holder = $2",
                [name(), epoch.into(), i64::from(failures).into(), opens.into()],
            );
            Ok(((), Some(vec![later, free].into())))
        }))
    }
}

/// An effect about something, and how it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stood {
    /// The number of the entry that says that it is to leave.
    pub effect: u64,
    /// The key by which it leaves once.
    pub once: String,
    /// `waiting`, `done`, or `dead` where it was given up.
    pub state: String,
    /// The number of the entry that says what became of it, where it has ended.
    pub ended: Option<u64>,
    /// SHA-256 of what is sent.
    pub body: Hash,
}

/// How many effects about one thing are looked at.
const ABOUT: u64 = 1_000;

/// How an effect stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fate {
    /// The number of its entry.
    pub effect: u64,
    /// Whether it was given up.
    pub is_dead: bool,
    /// Why the last attempt came to nothing.
    pub said: Option<String>,
    /// The number of the entry that says how it ended, where it has.
    pub ended: Option<u64>,
}

/// What was said last of something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Last {
    /// The number of its entry.
    pub effect: u64,
    /// SHA-256 of what is sent.
    pub body: Hash,
    /// How many effects were about it by now.
    pub number: u64,
}

impl Reader {
    /// The last effect about something, whether it has left or is to; `None` where there was none.
    pub async fn last_about(&mut self, about: &str) -> Result<Option<Last>, Fault> {
        let sql = "SELECT idx, body, (SELECT COUNT(*) FROM outbox WHERE stream = $1) FROM outbox WHERE stream = $1 \
                   ORDER BY idx DESC LIMIT 1";
        let row = self.session.row(sql, &[about.into()]).await?;
        let last = |row: Row| {
            Ok(Last { effect: row.count(0)?, body: super::session::digest(&row, 1)?, number: row.count(2)? })
        };
        row.map(last).transpose()
    }

    /// What answers of something have left or are to, and were not given up: SHA-256 of each that was sent, the newest
    /// first, so many at most.
    pub async fn sent_about(&mut self, about: &str, most: u64) -> Result<Vec<Hash>, Fault> {
        let sql = "SELECT body FROM outbox WHERE stream = $1 AND state <> 'dead' AND once LIKE 'decision %' \
                   ORDER BY idx DESC LIMIT $2";
        let rows = self.session.rows(sql, &[about.into(), int(most)]).await?;
        rows.iter().map(|row| super::session::digest(row, 0)).collect()
    }

    /// The effects about something, the earliest first.
    pub async fn about(&mut self, about: &str) -> Result<Vec<Stood>, Fault> {
        let sql = "SELECT once, state, ended, body, idx FROM outbox WHERE stream = $1 ORDER BY idx LIMIT $2";
        let rows = self.session.rows(sql, &[about.into(), int(ABOUT)]).await?;
        let stood = |row: &Row| {
            let ended = row.maybe_int(2)?.map(u64::try_from).transpose();
            Ok(Stood {
                effect: row.count(4)?,
                once: row.text(0)?,
                state: row.text(1)?,
                ended: ended.map_err(|_| Fault::Damaged("a negative number where an entry is named".to_owned()))?,
                body: super::session::digest(row, 3)?,
            })
        };
        rows.iter().map(stood).collect()
    }

    /// What was begun (`… open`) and not ended (`… close`) of what is named like this, with what was sent first.
    pub async fn begun_about(&mut self, like: &str) -> Result<Vec<(String, Hash)>, Fault> {
        let sql = "SELECT o.stream, o.body FROM outbox o WHERE o.stream LIKE $1 AND o.once = o.stream || ' open' \
                   AND NOT EXISTS (SELECT 1 FROM outbox c WHERE c.stream = o.stream AND c.once = o.stream || ' close') \
                   ORDER BY o.idx";
        let rows = self.session.rows(sql, &[format!("{like}%").into()]).await?;
        let found = rows.iter().map(|row| Ok((row.text(0)?, super::session::digest(row, 1)?)));
        found
            .filter(|it| it.as_ref().is_ok_and(|(name, _): &(String, Hash)| name.starts_with(like)) || it.is_err())
            .collect()
    }

    /// What was begun (`… open`) at destinations that begin like this, ended or not, the newest first, so many at most.
    pub async fn begun_to(&mut self, like: &str, most: u64) -> Result<Vec<(String, Hash)>, Fault> {
        let sql = "SELECT stream, body, destination FROM outbox WHERE destination LIKE $1 AND once = stream || ' open' \
                   ORDER BY idx DESC LIMIT $2";
        let rows = self.session.rows(sql, &[format!("{like}%").into(), int(most)]).await?;
        let mut found = Vec::new();
        for row in &rows {
            if row.text(2)?.starts_with(like) {
                found.push((row.text(0)?, super::session::digest(row, 1)?));
            }
        }
        Ok(found)
    }

    /// Whether an effect is there by its key, however it stands.
    pub async fn has_effect(&mut self, once: &str) -> Result<bool, Fault> {
        Ok(self.effect_of(once).await?.is_some())
    }

    /// The number of the entry that says that an effect is to leave, by its key, however it stands.
    pub async fn effect_of(&mut self, once: &str) -> Result<Option<u64>, Fault> {
        let row = self.session.row("SELECT idx FROM outbox WHERE once = $1", &[once.into()]).await?;
        row.map(|row| row.count(0)).transpose()
    }

    /// How an effect stands, by its key; `None` where there is none.
    pub async fn fate(&mut self, once: &str) -> Result<Option<Fate>, Fault> {
        let sql = "SELECT idx, state, said, ended FROM outbox WHERE once = $1";
        let Some(row) = self.session.row(sql, &[once.into()]).await? else { return Ok(None) };
        let ended = row.maybe_int(3)?.map(u64::try_from).transpose();
        Ok(Some(Fate {
            effect: row.count(0)?,
            is_dead: row.text(1)? == "dead",
            said: row.maybe_text(2)?,
            ended: ended.map_err(|_| Fault::Damaged("a negative number where an entry is named".to_owned()))?,
        }))
    }

    /// SHA-256 of what an effect sends.
    pub async fn sends(&mut self, effect: u64) -> Result<Option<Hash>, Fault> {
        let row = self.session.row("SELECT body FROM outbox WHERE idx = $1", &[int(effect)]).await?;
        row.map(|row| super::session::digest(&row, 0)).transpose()
    }
}

async fn ready(session: &mut Session, lane: Lane, now: DateTime<Utc>, most: u32) -> Result<Vec<Claimed>, Fault> {
    let (of, before) = lane.conditions();
    let mut sql = READY.replace("{clock}", session.clock()).replace("{lane}", &of).replace("{before}", before);
    if !session.is_sqlite() {
        // Whoever claims at the same instant takes the next, and looks again at what he waited for.
        sql.push_str(" FOR UPDATE OF o, d SKIP LOCKED");
    }
    let asked = Asked::new(sql, [now.timestamp_micros().into(), i64::from(most).into()]);
    let rows = session.all(Part::Inner, vec![asked]).await?;
    rows.iter().flatten().map(claimed).collect()
}

fn claimed(row: &Row) -> Result<Claimed, Fault> {
    let small = |at| Ok::<_, Fault>(u32::try_from(row.count(at)?).unwrap_or(u32::MAX));
    Ok(Claimed {
        effect: row.count(0)?,
        once: row.text(1)?,
        destination: row.text(2)?,
        stream: row.text(3)?,
        body: super::session::digest(row, 4)?,
        attempt: small(5)?.saturating_add(1),
        failures: small(6)?,
    })
}
