//! The story of a release that is looked at: how it stands by the record, or stood at any earlier moment.
//!
//! Nothing here is decided again. What is shown is the document that was recorded then, with the facts that it was made
//! from, and the policy of then says only in which zone its times are told.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::{recorded, replay};
use crate::log::checkpoint::Checkpoint;
use crate::log::entry::Entry;
use crate::log::note::Note;
use crate::model::facts::Facts;
use crate::model::release_decision::ReleaseDecision;
use crate::store::change::Stream;
use crate::store::deployed::Deployed;
use crate::store::fault::Fault;
use crate::store::history::{Owed, Past};
use crate::store::latest::Latest;
use crate::store::reader::Reader;

/// How many decisions of a release are listed, and how many entries of its timeline.
pub const LISTED: u64 = 300;
/// How many releases are read at once, to find those that somebody may see.
const AT_ONCE: u64 = 200;

/// A moment at which a release is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Moment {
    /// Now.
    #[default]
    Last,
    /// When the log had the entry of this number as its last.
    Entry(u64),
    /// An instant, UTC.
    Instant(DateTime<Utc>),
}

/// A text is no moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a moment is the number of an entry, such as `42`, or an instant of RFC 3339, such as `2026-11-27T14:00:00Z`")]
pub struct NoMoment;

impl FromStr for Moment {
    type Err = NoMoment;

    fn from_str(text: &str) -> Result<Self, NoMoment> {
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return text.parse().map(Self::Entry).map_err(|_| NoMoment);
        }
        let instant = DateTime::parse_from_rfc3339(text).map_err(|_| NoMoment)?;
        Ok(Self::Instant(instant.with_timezone(&Utc)))
    }
}

/// A release on its way into one environment, as the record has it.
#[derive(Debug)]
pub struct Sheet {
    /// Which.
    pub stream: Stream,
    /// The decision that is shown.
    pub shown: Past,
    /// Whether it is the last one.
    pub is_last: bool,
    /// All decisions, the newest first, [`LISTED`] at most.
    pub decisions: Vec<Past>,
    /// The decision document; else why it cannot be shown.
    pub decision: Result<ReleaseDecision, String>,
    /// What it was made from; else why that cannot be shown.
    pub facts: Result<Facts, String>,
    /// The zone of its policy; else why that is not known, and times are told in UTC.
    pub zone: Result<Tz, String>,
    /// What happened up to the moment, each with the number of its entry, the newest first, [`LISTED`] at most.
    pub timeline: Vec<(u64, Entry)>,
    /// The pipeline's runs that wait for it now, where whoever asks knows of any.
    pub waits: Vec<u64>,
    /// How it was deployed there, by the record as it is now; nothing of that where an earlier moment is looked at.
    pub deployed: Vec<Deployed>,
    /// What it had left to be done by then, each with the instant at which it was met.
    pub owed: Vec<(Owed, Option<DateTime<Utc>>)>,
    /// The tree that the log is committed to now.
    pub checkpoint: Checkpoint,
    /// The same, signed.
    pub signed: String,
}

impl Sheet {
    /// The last time that it was deployed there, where no decision had let it in.
    #[must_use]
    pub fn past_us(&self) -> Option<&Deployed> {
        self.deployed.last().filter(|row| row.found && row.decision.is_none())
    }
}

/// What a look came to.
#[derive(Debug)]
pub enum Looked {
    /// This.
    Sheet(Box<Sheet>),
    /// It was not decided by then, but first with this one.
    NotYet(Past),
    /// The record has no such release.
    Nowhere,
}

/// Releases, and from where on there are more.
#[derive(Debug, Default)]
pub struct Releases {
    /// The last decision of each, the newest first, with the zone of its policy where that is known.
    pub found: Vec<(Latest, Option<Tz>)>,
    /// The entry before which there are more.
    pub more: Option<u64>,
}

/// The last decisions of releases that somebody may see, before an entry, the newest first, so many at most.
pub async fn releases(
    reader: &mut Reader,
    may_see: impl Fn(&Stream) -> bool,
    before: Option<u64>,
    most: usize,
) -> Result<Releases, Fault> {
    let mut releases = Releases::default();
    let mut next = before.unwrap_or(u64::MAX);
    loop {
        let page = reader.decided_before(next, AT_ONCE).await?;
        let is_last_page = (page.len() as u64) < AT_ONCE;
        for latest in page {
            if releases.found.len() == most {
                releases.more = Some(next);
                return Ok(releases);
            }
            next = latest.entry;
            if may_see(&latest.stream) {
                let zone = zone(reader, latest.entry).await?.ok();
                releases.found.push((latest, zone));
            }
        }
        if is_last_page {
            return Ok(releases);
        }
    }
}

/// The decision that stood at a moment.
pub async fn stood(reader: &mut Reader, stream: &Stream, at: Moment) -> Result<Option<Past>, Fault> {
    match at {
        Moment::Last => reader.decided_by_entry(stream, u64::MAX).await,
        Moment::Entry(entry) => reader.decided_by_entry(stream, entry).await,
        Moment::Instant(at) => reader.decided_by(stream, at.timestamp_micros()).await,
    }
}

/// Looks at a release as it stood at a moment.
pub async fn look(reader: &mut Reader, stream: &Stream, at: Moment) -> Result<Looked, Fault> {
    let decisions = reader.history(stream, LISTED).await?;
    let Some(shown) = stood(reader, stream, at).await? else {
        return Ok(reader.decided_from(stream, 0).await?.map_or(Looked::Nowhere, Looked::NotYet));
    };
    let next = reader.decided_from(stream, shown.entry.saturating_add(1)).await?;
    let until = Until::of(at, &shown, next.as_ref());
    let document = reader.blob(shown.document).await?;
    let decision = match &document {
        Some(bytes) => ReleaseDecision::read(bytes).map_err(|why| why.to_string()),
        None => Err("it is not kept any more".to_owned()),
    };
    let facts = match reader.blob(shown.facts).await? {
        Some(bytes) => Facts::read(&bytes).map_err(|why| why.to_string()),
        None => Err("they are not kept any more".to_owned()),
    };
    let timeline = timeline(reader, stream, until).await?;
    let owed = owed(reader, stream, until).await?;
    let commit = facts.as_ref().map(|facts| facts.release.commit.as_str()).unwrap_or_default();
    let deployed = if at == Moment::Last { deployed(reader, stream, commit).await? } else { Vec::new() };
    let signed = reader.head().await?.checkpoint;
    let checkpoint = Note::parse(&signed).and_then(|note| Checkpoint::parse(&note.text));
    Ok(Looked::Sheet(Box::new(Sheet {
        stream: stream.clone(),
        is_last: next.is_none(),
        decisions,
        decision,
        facts,
        zone: zone(reader, shown.entry).await?,
        timeline,
        waits: Vec::new(),
        deployed,
        owed,
        checkpoint: checkpoint.map_err(|flaw| Fault::Damaged(format!("the checkpoint: {flaw}")))?,
        signed,
        shown,
    })))
}

/// Up to where the record is looked at.
#[derive(Clone, Copy, Debug)]
struct Until {
    /// Only entries before this one.
    entry: Option<u64>,
    /// Only those recorded by this instant, microseconds of the Unix time.
    instant: Option<i64>,
}

impl Until {
    fn of(at: Moment, shown: &Past, next: Option<&Past>) -> Self {
        match at {
            Moment::Last => Self { entry: None, instant: None },
            // What follows from a decision was written with it, behind its entry.
            Moment::Entry(entry) if entry == shown.entry => {
                Self { entry: next.map(|next| next.entry), instant: Some(shown.at) }
            }
            Moment::Entry(entry) => Self { entry: Some(entry.saturating_add(1)), instant: None },
            Moment::Instant(at) => Self { entry: next.map(|next| next.entry), instant: Some(at.timestamp_micros()) },
        }
    }

    fn holds(self, number: u64, at: DateTime<Utc>) -> bool {
        self.entry.is_none_or(|end| number < end) && self.instant.is_none_or(|end| at.timestamp_micros() <= end)
    }
}

/// The deployments of a commit into the environment of a release, in the order in which they began.
async fn deployed(reader: &mut Reader, stream: &Stream, commit: &str) -> Result<Vec<Deployed>, Fault> {
    let mut rows = reader.deployed(&stream.forge, &stream.repository).await?;
    rows.retain(|row| row.environment == stream.environment && !commit.is_empty() && row.commit == commit);
    Ok(rows)
}

async fn timeline(reader: &mut Reader, stream: &Stream, until: Until) -> Result<Vec<(u64, Entry)>, Fault> {
    let mut found = Vec::new();
    for (number, bytes) in reader.entries_of(stream, until.entry, LISTED).await? {
        let entry = Entry::parse(&bytes).map_err(|why| Fault::Damaged(format!("entry {number}: {why}")))?;
        if until.holds(number, entry.at) {
            found.push((number, entry));
        }
    }
    Ok(found)
}

async fn owed(reader: &mut Reader, stream: &Stream, until: Until) -> Result<Vec<(Owed, Option<DateTime<Utc>>)>, Fault> {
    let mut found = Vec::new();
    for owed in reader.left_by(stream).await? {
        let Some(opened) = recorded::entry(reader, owed.opened).await? else { continue };
        if !until.holds(owed.opened, opened.at) {
            continue;
        }
        let met = match owed.met {
            None => None,
            Some(number) => recorded::entry(reader, number).await?.map(|entry| (number, entry.at)),
        };
        let met = met.filter(|(number, at)| until.holds(*number, *at)).map(|(_, at)| at);
        found.push((owed, met));
    }
    Ok(found)
}

/// The zone of the policy by which the decision in an entry was made; else why it is not known.
async fn zone(reader: &mut Reader, decision: u64) -> Result<Result<Tz, String>, Fault> {
    let Some(entry) = recorded::entry(reader, decision).await? else {
        return Ok(Err("its entry cannot be read".to_owned()));
    };
    let layers = match recorded::layers(reader, &entry, "policy").await {
        Ok(layers) => layers,
        Err(recorded::Unlisted::Record(fault)) => return Err(fault),
        Err(form @ recorded::Unlisted::Form(_)) => return Ok(Err(form.to_string())),
    };
    Ok(match replay::policy(&layers) {
        Ok(Some(policy)) => Ok(policy.rules.calendar.zone),
        Ok(None) => Err("its entry names no policy".to_owned()),
        Err(why) => Err(why),
    })
}
