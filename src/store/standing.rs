//! How far behind a record is: entries that its head does not cover, effects that wait, instants that have come.

use chrono::{DateTime, Utc};

use super::fault::Fault;
use super::reader::Reader;
use super::session::Value;
use crate::log::checkpoint::Checkpoint;
use crate::log::note::Note;

/// What stands in the tables of a record, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// How many entries the head of the log covers.
    pub size: u64,
    /// How many the signed checkpoint covers; `None` where it is none.
    pub signed: Option<u64>,
    /// One more than the number of the last entry that is there.
    pub entries: u64,
    /// Up to how many entries witnesses have cosigned; 0 is nothing.
    pub cosigned: u64,
    /// How many processes may write at this instant.
    pub writers: u64,
    /// How many effects are still to leave.
    pub waiting: u64,
    /// How many of those are due.
    pub due: u64,
    /// How many effects were given up.
    pub dead: u64,
    /// How many releases are to be decided again.
    pub timers: u64,
    /// How many obligations nobody has met.
    pub open: u64,
    /// How many of those are overdue.
    pub overdue: u64,
}

impl Standing {
    /// Whether the head of the log, its checkpoint and its entries fit together.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.entries == self.size && self.signed == Some(self.size)
    }
}

impl Reader {
    /// Counts what stands in the record, at an instant, in one state of it.
    pub async fn standing(&mut self, now: DateTime<Utc>) -> Result<Standing, Fault> {
        self.session.begin_reading().await?;
        let standing = self.counted(now).await;
        self.session.roll_back().await?;
        standing
    }

    async fn counted(&mut self, now: DateTime<Utc>) -> Result<Standing, Fault> {
        let head = self.session.row("SELECT size, checkpoint FROM log_head WHERE id = 1", &[]).await?;
        let head = head.ok_or(Fault::NoLog)?;
        let note = Note::parse(&head.text(1)?).ok();
        let signed = note.and_then(|note| Some(Checkpoint::parse(&note.text).ok()?.size));
        let now = [now.timestamp_micros().into()];
        let clock = self.session.clock();
        Ok(Standing {
            size: head.count(0)?,
            signed,
            entries: self.number("SELECT COALESCE(MAX(idx) + 1, 0) FROM log_entry", &[]).await?,
            cosigned: self.number("SELECT COALESCE(MAX(size), 0) FROM log_witnessed", &[]).await?,
            writers: self.number(format!("SELECT COUNT(*) FROM replica WHERE until > {clock}"), &[]).await?,
            waiting: self.number("SELECT COUNT(*) FROM outbox WHERE state = 'waiting'", &[]).await?,
            due: self.number("SELECT COUNT(*) FROM outbox WHERE state = 'waiting' AND due <= $1", &now).await?,
            dead: self.number("SELECT COUNT(*) FROM outbox WHERE state = 'dead'", &[]).await?,
            timers: self.number("SELECT COUNT(*) FROM timer WHERE due <= $1", &now).await?,
            open: self.number("SELECT COUNT(*) FROM obligation WHERE met IS NULL", &[]).await?,
            overdue: self.number("SELECT COUNT(*) FROM obligation WHERE met IS NULL AND due < $1", &now).await?,
        })
    }

    async fn number(&mut self, sql: impl Into<String>, values: &[Value]) -> Result<u64, Fault> {
        let rows = self.session.rows_made(sql.into(), values).await?;
        rows.first().map_or(Ok(0), |row| row.count(0))
    }
}
