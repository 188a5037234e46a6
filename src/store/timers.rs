//! Timers: the instants at which time alone can change what was decided. A decision promises one for its release, and
//! the next decision of that release replaces it; until then it is due, so that nothing is lost with a process that was
//! about to decide.
//!
//! Nobody sleeps past a clock: it is read again after a few seconds at most. A clock that is set forward makes due what
//! it passes, one that is set back makes wait what it has before it again, and a decision is made for the instant that
//! is read then.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::fault::Fault;
use super::reader::Reader;

/// How long nobody looks at the clock, at most.
pub const LOOK: Duration = Duration::from_secs(5);

/// A release that is to be decided again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// Which, as [`super::change::Stream`] says it.
    pub stream: String,
    /// Since when, microseconds of the Unix time.
    pub since: i64,
}

impl Reader {
    /// What is due, the longest first.
    pub async fn due(&mut self, now: DateTime<Utc>) -> Result<Vec<Due>, Fault> {
        let sql = "SELECT stream, due FROM timer WHERE due <= $1 ORDER BY due, stream";
        let rows = self.session.rows(sql, &[now.timestamp_micros().into()]).await?;
        rows.iter().map(|row| Ok(Due { stream: row.text(0)?, since: row.int(1)? })).collect()
    }

    /// The earliest instant that was promised, microseconds of the Unix time.
    pub async fn earliest(&mut self) -> Result<Option<i64>, Fault> {
        let row = self.session.row("SELECT MIN(due) FROM timer", &[]).await?;
        row.map_or(Ok(None), |row| row.maybe_int(0))
    }

    /// Waits until something is due by that clock, or `most` has passed; what comes back is empty then.
    pub async fn wait(&mut self, clock: impl Fn() -> DateTime<Utc>, most: Duration) -> Result<Vec<Due>, Fault> {
        let until = tokio::time::Instant::now() + most;
        loop {
            let now = clock();
            let due = self.due(now).await?;
            let left = until.saturating_duration_since(tokio::time::Instant::now());
            if !due.is_empty() || left.is_zero() {
                return Ok(due);
            }
            let first = self.earliest().await?.map(|first| first.saturating_sub(now.timestamp_micros()));
            let first = first.and_then(|micros| u64::try_from(micros).ok()).map_or(LOOK, Duration::from_micros);
            tokio::time::sleep(first.min(LOOK).min(left)).await;
        }
    }
}
