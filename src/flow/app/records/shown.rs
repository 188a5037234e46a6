//! The agendas of the board as they are shown on a page: what stands on each, and what was decided there by the facts that each
//! release was decided by last.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::Value;

use super::board::{self, Item};
use super::kept::{AGENDA, Known, meeting_of};
use crate::flow::app::{Desk, Unshown};
use crate::flow::sheet;
use crate::forge::Hub;
use crate::model::facts::{CabDecision, Fact, Facts};
use crate::store::change::Stream;
use crate::store::reader::Reader;

/// How many agendas are shown, of meetings that come and of those that are over.
pub const AGENDAS: usize = 20;
/// How many items of all of them are looked up.
const ITEMS: usize = 200;

/// Agendas, as many as are shown at once.
#[derive(Debug, Default)]
pub struct Agendas {
    /// Those of meetings that are not over, the next first.
    pub coming: Vec<Agenda>,
    /// Those of meetings that are, the last first.
    pub over: Vec<Agenda>,
    /// Whether there are more of meetings that are over.
    pub more: bool,
}

/// What the board has before it in a meeting.
#[derive(Debug)]
pub struct Agenda {
    /// The repository.
    pub repository: String,
    /// The number of its issue, once it is opened.
    pub number: Option<u64>,
    /// When the meeting begins, UTC.
    pub meeting: DateTime<Utc>,
    /// The zone of the policy of what stands on it, where that is known.
    pub zone: Option<Tz>,
    /// The releases.
    pub items: Vec<Row>,
    /// How many releases are left out.
    pub left_out: usize,
    /// The standard changes, each with its terms.
    pub models: Vec<(String, String)>,
}

/// A release on an agenda.
#[derive(Debug)]
pub struct Row {
    /// Which.
    pub stream: Stream,
    /// Its commit, as it is shown.
    pub commit: String,
    /// Its change record.
    pub record: Option<String>,
    /// Its changes.
    pub changes: Vec<String>,
    /// The word and the sentence of its last decision, where it has one.
    pub stands: Option<(String, String)>,
    /// What was decided on it in this meeting; else why that is not known.
    pub decided: Result<Vec<CabDecision>, String>,
}

/// The repository of an agenda of a forge, by what the record calls it.
fn repository_of(about: &str, forge: &str) -> Option<String> {
    let named: Vec<Value> = serde_json::from_str(about.strip_prefix(AGENDA)?).ok()?;
    let here = named.first()?.as_str()? == forge;
    named.get(1)?.as_str().filter(|_| here).map(str::to_owned)
}

impl<H: Hub> Desk<H> {
    /// The agendas of the boards of repositories that somebody may read.
    pub async fn agendas(&self, may: impl Fn(&str) -> bool + Send) -> Result<Agendas, Unshown> {
        let _place = self.looks.place().await?;
        let mut reader = self.reader().await?;
        let mut found: Vec<(DateTime<Utc>, String, String)> = Vec::new();
        for (about, _) in reader.begun_about(&format!("{AGENDA} [")).await? {
            let (Some(repository), Some(meeting)) = (repository_of(&about, H::NAME), meeting_of(&about)) else {
                continue;
            };
            if may(&repository) {
                found.push((meeting, repository, about));
            }
        }
        found.sort();
        let since = self.now() - board::LASTS;
        let (over, coming): (Vec<_>, Vec<_>) = found.into_iter().partition(|(meeting, ..)| *meeting <= since);
        let mut agendas = Agendas { more: over.len() > AGENDAS, ..Agendas::default() };
        let mut left = ITEMS;
        for it in coming.into_iter().take(AGENDAS) {
            agendas.coming.push(agenda::<H>(&mut reader, it, &mut left).await?);
        }
        for it in over.into_iter().rev().take(AGENDAS) {
            agendas.over.push(agenda::<H>(&mut reader, it, &mut left).await?);
        }
        reader.close().await?;
        Ok(agendas)
    }
}

async fn agenda<H: Hub>(
    reader: &mut Reader,
    (meeting, repository, about): (DateTime<Utc>, String, String),
    left: &mut usize,
) -> Result<Agenda, Unshown> {
    let known = Known::read(reader, about, H::NAME).await?;
    let (items, models) = known.listed().map(|(items, models)| (items.clone(), models.clone())).unwrap_or_default();
    let shown = items.len().min(*left);
    *left -= shown;
    let mut agenda = Agenda {
        repository,
        number: known.number,
        meeting,
        zone: None,
        items: Vec::new(),
        left_out: items.len() - shown,
        models: models
            .into_iter()
            .map(|model| (format!("{}{}", super::models::WORD, model.name), model.says))
            .collect(),
    };
    for item in items.iter().take(shown) {
        let row = row::<H>(reader, item, meeting, &mut agenda.zone).await?;
        agenda.items.push(row);
    }
    Ok(agenda)
}

async fn row<H: Hub>(
    reader: &mut Reader,
    item: &Item,
    meeting: DateTime<Utc>,
    zone: &mut Option<Tz>,
) -> Result<Row, Unshown> {
    let stream = item.stream(H::NAME);
    let latest = reader.latest(&stream).await?;
    let (mut stands, mut decided) = (None, Err("it was not decided yet".to_owned()));
    if let Some(latest) = latest {
        if zone.is_none() {
            *zone = sheet::zone(reader, latest.entry).await?.ok();
        }
        let facts = reader.blob(latest.facts).await?.and_then(|bytes| Facts::read(&bytes).ok());
        decided = match facts.map(|facts| facts.cab) {
            None => Err("what its last decision was made from is not kept any more".to_owned()),
            Some(Fact::Unavailable(why)) => Err(why.to_string()),
            Some(cab) => {
                let here = cab.entries().iter().filter(|it| it.meeting == Fact::Known(meeting));
                Ok(here.cloned().collect())
            }
        };
        stands = Some((latest.ruling, latest.summary));
    }
    Ok(Row {
        stream,
        commit: item.short().to_owned(),
        record: item.record.clone(),
        changes: item.changes.keys().cloned().collect(),
        stands,
        decided,
    })
}
