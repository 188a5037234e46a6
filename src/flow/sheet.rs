//! The story of a release that is looked at: how it stands by the record, or stood at any earlier moment.
//!
//! Nothing here is decided again. What is shown is the document that was recorded then, with the facts that it was made
//! from, and the policy of then says only in which zone its times are told.

use std::collections::BTreeMap;
use std::str::FromStr;

use chrono::{DateTime, NaiveDateTime, Utc};
use chrono_tz::Tz;
use serde::Deserialize;
use serde_json::Value;

use super::app::lasting;
use super::facts::named;
use super::{recorded, replay};
use crate::log::checkpoint::Checkpoint;
use crate::log::entry::Entry;
use crate::log::note::Note;
use crate::model::facts::{Account, Act, Deed, Fact, Facts, Standing};
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
        // A browser's field for an instant has no zone, and may have no seconds: it is asked for in UTC.
        let bare = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S%.f"];
        if let Some(at) = bare.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok()) {
            return Ok(Self::Instant(at.and_utc()));
        }
        let instant = DateTime::parse_from_rfc3339(text).map_err(|_| NoMoment)?;
        Ok(Self::Instant(instant.with_timezone(&Utc)))
    }
}

/// How something that was owed was met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Met {
    /// When that was recorded.
    pub at: DateTime<Utc>,
    /// By which accounts; none where the record does not say.
    pub by: Vec<Account>,
    /// With what, as they stated it.
    pub evidence: Vec<String>,
}

impl Met {
    /// What an entry says of it: one account where a comment met it, and all of them where a decision found it met.
    #[must_use]
    pub fn of(entry: &Entry) -> Self {
        let texts = |key: &str| match entry.body.get(key) {
            Some(Value::String(one)) => vec![one.clone()],
            Some(Value::Array(all)) => all.iter().filter_map(|it| it.as_str().map(str::to_owned)).collect(),
            _ => Vec::new(),
        };
        let by = texts("by").iter().map(|account| Account::from(account.as_str())).collect();
        Self { at: entry.at, by, evidence: texts("evidence") }
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
    /// What it had left to be done by then, each with how it was met.
    pub owed: Vec<(Owed, Option<Met>)>,
    /// Who says of what is not met yet that he did it, by the name of the obligation; nothing of that where an earlier moment is
    /// looked at.
    pub claimed: Vec<(String, Met)>,
    /// The tree that the log is committed to now.
    pub checkpoint: Checkpoint,
    /// The same, signed.
    pub signed: String,
}

impl Sheet {
    /// The last time that it was deployed there, where no decision had let it in.
    #[must_use]
    pub fn past_us(&self) -> Option<&Deployed> {
        self.deployed.last().filter(|row| went_past(row))
    }

    /// The times before the last that it was deployed there and no decision had let it in.
    pub fn past_us_before(&self) -> impl Iterator<Item = &Deployed> {
        let before = self.deployed.split_last().map_or(&[][..], |(_, before)| before);
        before.iter().filter(|row| went_past(row))
    }
}

/// Whether no decision had let a deployment in.
fn went_past(row: &Deployed) -> bool {
    row.found && row.decision.is_none()
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

/// A release as it is listed.
#[derive(Debug)]
pub struct Listed {
    /// Its last decision.
    pub latest: Latest,
    /// The zone of its policy, where that is known.
    pub zone: Option<Tz>,
    /// The titles of its changes, where the forge has any.
    pub titles: Vec<String>,
    /// How it was deployed last where it was to go, where it was.
    pub deployed: Option<Deployed>,
}

/// Releases, and from where on there are more.
#[derive(Debug, Default)]
pub struct Releases {
    /// The last of each, the newest first.
    pub found: Vec<Listed>,
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
    let mut deployed: BTreeMap<String, Vec<Deployed>> = BTreeMap::new();
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
                let titles = titles(reader, &latest).await?;
                let of = latest.stream.repository.to_lowercase();
                if !deployed.contains_key(&of) {
                    let rows = reader.deployed(&latest.stream.forge, &of).await?;
                    deployed.insert(of.clone(), rows);
                }
                let mut rows = deployed.get(&of).map(Vec::as_slice).unwrap_or_default().iter().rev();
                let deployed = rows.find(|row| is_of(row, &latest.stream)).cloned();
                releases.found.push(Listed { latest, zone, titles, deployed });
            }
        }
        if is_last_page {
            return Ok(releases);
        }
    }
}

/// The titles of a release's changes. Only these are read of what may be long; what is not kept or not known has none.
async fn titles(reader: &mut Reader, of: &Latest) -> Result<Vec<String>, Fault> {
    #[derive(Deserialize)]
    struct Made {
        release: Brings,
    }
    #[derive(Deserialize)]
    struct Brings {
        #[serde(default)]
        changes: Fact<Vec<Titled>>,
    }
    #[derive(Deserialize)]
    struct Titled {
        #[serde(default)]
        title: Fact<String>,
    }
    let Some(bytes) = reader.blob(of.facts).await? else { return Ok(Vec::new()) };
    let made: Option<Made> = serde_json::from_slice(&bytes).ok();
    let changes = made.map(|made| made.release.changes);
    let all = changes.iter().flat_map(Fact::entries);
    Ok(all.filter_map(|change| change.title.known().cloned()).filter(|title| !title.is_empty()).collect())
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
    let mut deployed = reader.deployed(&stream.forge, &stream.repository).await?;
    let known = facts.as_ref().ok().map(|facts| facts.release.commit.clone());
    // Its name says enough of the commit where the facts are not kept any more.
    deployed.retain(|row| match &known {
        Some(commit) => row.environment == stream.environment && !commit.is_empty() && row.commit == *commit,
        None => is_of(row, stream),
    });
    let commit = known.or_else(|| deployed.first().map(|row| row.commit.clone())).unwrap_or_default();
    let timeline = timeline(reader, (stream, &commit), until).await?;
    let owed = owed(reader, stream, until).await?;
    if at != Moment::Last {
        deployed.clear();
    }
    let is_open = owed.iter().any(|(_, met)| met.is_none());
    let claimed = if at == Moment::Last && is_open { claimed(reader, stream).await? } else { Vec::new() };
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
        claimed,
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

/// Whether a deployment is one of a release, by its commit and where it went.
#[must_use]
pub fn is_of(row: &Deployed, stream: &Stream) -> bool {
    !row.commit.is_empty()
        && row.environment == stream.environment
        && row.repository.eq_ignore_ascii_case(&stream.repository)
        && named(&stream.repository, &row.commit) == stream.release
}

async fn timeline(reader: &mut Reader, of: (&Stream, &str), until: Until) -> Result<Vec<(u64, Entry)>, Fault> {
    let mut found = Vec::new();
    for (number, bytes) in reader.entries_of(of, until.entry, LISTED).await? {
        let entry = Entry::parse(&bytes).map_err(|why| Fault::Damaged(format!("entry {number}: {why}")))?;
        if until.holds(number, entry.at) {
            found.push((number, entry));
        }
    }
    Ok(found)
}

async fn owed(reader: &mut Reader, stream: &Stream, until: Until) -> Result<Vec<(Owed, Option<Met>)>, Fault> {
    let mut found = Vec::new();
    for owed in reader.left_by(stream).await? {
        let Some(opened) = recorded::entry(reader, owed.opened).await? else { continue };
        if !until.holds(owed.opened, opened.at) {
            continue;
        }
        let met = match owed.met {
            None => None,
            Some(number) => recorded::entry(reader, number).await?.map(|entry| (number, Met::of(&entry))),
        };
        let met = met.filter(|(number, met)| until.holds(*number, met.at)).map(|(_, met)| met);
        found.push((owed, met));
    }
    Ok(found)
}

/// What people said that they did of what releases of a repository left, by the name of each, in the order of the record.
async fn claimed(reader: &mut Reader, stream: &Stream) -> Result<Vec<(String, Met)>, Fault> {
    let acts = lasting::acts(reader, &stream.forge, &stream.repository, Utc::now()).await?;
    let back: Vec<&String> =
        acts.iter().filter_map(|act| if let Deed::Withdraw { of } = &act.does { Some(of) } else { None }).collect();
    let stands = |act: &&Act| act.standing == Standing::Stands && !back.contains(&&act.id);
    let one = |act: &Act| match &act.does {
        Deed::Complete { obligation, evidence } => {
            let said = Met { at: act.at, by: vec![act.by.clone()], evidence: evidence.clone() };
            Some((obligation.clone(), said))
        }
        _ => None,
    };
    Ok(acts.iter().filter(stands).filter_map(one).collect())
}

/// The zone of the policy by which the decision in an entry was made; else why it is not known.
pub(in crate::flow) async fn zone(reader: &mut Reader, decision: u64) -> Result<Result<Tz, String>, Fault> {
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
