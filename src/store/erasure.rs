//! Bytes whose time is over go, in the transaction that says so in the log. Their digests and sizes stay.

use chrono::{DateTime, Utc};

use super::fault::Fault;
use super::session::Session;
use super::succession::Signed;
use super::writer::{Batch, Head, Writer, advance};
use crate::log::tree::Hash;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Erased {
    /// The bytes of so many digests are gone; others were gone already.
    Done(u64),
    /// The log has gone on since it was read, so that what was worked out may be out of date: read on, and ask again.
    GoneOn,
}

impl Writer {
    /// Appends entries to a log of exactly that size, and deletes the bytes of digests with them.
    pub async fn erase(
        &mut self,
        size: u64,
        entries: &[Vec<u8>],
        gone: &[Hash],
        now: DateTime<Utc>,
    ) -> Result<Erased, Fault> {
        let mut session = self.session().await?;
        if session.is_sqlite() && !gone.is_empty() {
            // What is deleted is written over, so that it is not found in the file either.
            session.rows("PRAGMA secure_delete = ON", &[]).await?;
        }
        let done = match session.begin().await {
            Ok(()) => self.erased(&mut session, size, entries, gone, now).await,
            Err(fault) => Err(fault),
        };
        let (signed, erased) = match done {
            Ok((Some(signed), erased)) => (Ok(signed), Erased::Done(erased)),
            Ok((None, _)) => {
                session.roll_back().await?;
                self.session = Some(session);
                return Ok(Erased::GoneOn);
            }
            Err(fault) => (Err(fault), Erased::GoneOn),
        };
        let Signed { edge, checkpoint } = self.durable(session, signed).await?;
        self.remember(edge.size(), edge.root(), &checkpoint)?;
        if let Some(session) = self.session.as_mut().filter(|session| session.is_sqlite() && !gone.is_empty()) {
            // Nor is it found in what was written before it comes to the file.
            session.rows("PRAGMA wal_checkpoint(TRUNCATE)", &[]).await?;
        }
        Ok(erased)
    }

    async fn erased(
        &self,
        session: &mut Session,
        size: u64,
        entries: &[Vec<u8>],
        gone: &[Hash],
        now: DateTime<Utc>,
    ) -> Result<(Option<Signed>, u64), Fault> {
        let Head { mut edge, .. } = self.head(session).await?;
        if edge.size() != size {
            return Ok((None, 0));
        }
        let mut new = Batch::default();
        for entry in entries {
            new.add(&mut edge, entry);
        }
        new.insert(session, size).await?;
        let mut count = 0;
        for digest in gone {
            let sql = "UPDATE blob SET packed = NULL WHERE digest = $1 AND packed IS NOT NULL";
            count += session.run(sql, &[digest.0.to_vec().into()]).await?;
        }
        let checkpoint = self.signed(&edge).await?.to_string();
        advance(session, &edge, &checkpoint, self.signer.verifier(), now.timestamp_micros()).await?;
        Ok((Some(Signed { edge, checkpoint }), count))
    }
}
