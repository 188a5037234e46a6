//! Bytes whose time is over go, in the transaction that says so in the log. Their digests and sizes stay.
//!
//! What lies in an annex cannot go in a transaction. So the transaction says that it is to go, and from then on nobody
//! reads it; another removes it, and says that it is gone. Whoever is killed in between leaves what is to go for the next
//! who lets something go.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::batch::Batch;
use super::fault::Fault;
use super::session::{Asked, Session, digest, int};
use super::transaction::{Head, Rest, Signed, advance, anew};
use super::writer::Writer;
use crate::log::tree::Hash;

/// From how many digests one transaction removes what lies in the annex. PostgreSQL ends one that idles for 5 seconds.
pub const AT_ONCE: usize = 20;

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
        let any = !gone.is_empty();
        // What is deleted is written over, so that it is not found in the file either.
        self.when_sqlite("PRAGMA secure_delete = ON", any).await?;
        let erased = anew!(self.transaction(async |writer, session, head| {
            if head.edge.size() != size {
                return Ok((Erased::GoneOn, None));
            }
            let (count, rest) = writer.erased(session, head, entries, gone, now).await?;
            Ok((Erased::Done(count), Some(rest)))
        }))?;
        if matches!(erased, Erased::Done(_)) {
            // Nor is it found in what was written before it comes to the file.
            self.when_sqlite("PRAGMA wal_checkpoint(TRUNCATE)", any).await?;
            self.sweep().await?;
        }
        Ok(erased)
    }

    async fn when_sqlite(&mut self, pragma: &'static str, any: bool) -> Result<(), Fault> {
        let mut session = self.session().await?;
        if any && session.is_sqlite() {
            session.rows(pragma, &[]).await?;
        }
        self.session = Some(session);
        Ok(())
    }

    async fn erased(
        &self,
        session: &mut Session,
        head: Head,
        entries: &[Vec<u8>],
        gone: &[Hash],
        now: DateTime<Utc>,
    ) -> Result<(u64, Rest), Fault> {
        let Head { mut edge, .. } = head;
        let from = edge.size();
        let mut new = Batch::from(from);
        for entry in entries {
            new.add(&mut edge, entry);
        }
        let mut asked = new.written(session).await?;
        let mut count = 0;
        for hash in gone {
            let key = [(*hash).into()];
            let sql = "SELECT annexed FROM blob WHERE digest = $1 AND (packed IS NOT NULL OR annexed = 1)";
            if let Some(row) = session.row(sql, &key).await? {
                if row.int(0)? == 1 && self.annex.is_none() {
                    return Err(Fault::NoAnnex(hash.to_string()));
                }
                count += 1;
            }
            asked.push(Asked::new("UPDATE blob SET packed = NULL WHERE digest = $1", key.clone()));
            // Where there is an annex, the bytes may lie there beside those in the database.
            if self.annex.is_some() {
                asked.push(Asked::new("UPDATE blob SET annexed = 2 WHERE digest = $1", key));
            }
        }
        let checkpoint = self.sign(&edge).await?.to_string();
        let signed = Signed { edge, checkpoint };
        asked.extend(advance(&signed, self.signer.verifier(), now.timestamp_micros()));
        Ok((count, Rest { asked, signed: Some(signed) }))
    }

    /// Removes from the annex what is to go, where there is one. What comes back is how many digests that were.
    pub async fn sweep(&mut self) -> Result<u64, Fault> {
        if self.annex.is_none() {
            return Ok(0);
        }
        let mut swept = 0;
        loop {
            let some = anew!(self.transaction(async |_, session, _| {
                let sql = "SELECT digest FROM blob WHERE annexed = 2 ORDER BY digest LIMIT $1";
                let rows = session.rows(sql, &[int(AT_ONCE as u64)]).await?;
                Ok((rows.iter().map(|row| digest(row, 0)).collect::<Result<Vec<_>, _>>()?, None))
            }))?;
            if some.is_empty() {
                return Ok(swept);
            }
            swept += self.let_go(&some, Duration::ZERO).await?;
        }
    }

    /// Removes from the annex what is not in use of those digests, and was put there so long ago or longer. Nobody comes
    /// to use any of it meanwhile, because whoever does has the head of the log, and looks then whether it is there. What
    /// comes back is how many are gone. Ask for [`AT_ONCE`] at most.
    pub async fn let_go(&mut self, digests: &[Hash], age: Duration) -> Result<u64, Fault> {
        let Some(annex) = self.annex.clone() else { return Ok(0) };
        anew!(self.transaction(async |_, session, _| {
            let (mut count, mut asked) = (0, Vec::new());
            for hash in digests {
                let key = [(*hash).into()];
                let used = session.row("SELECT size FROM blob WHERE digest = $1 AND annexed = 1", &key).await?;
                if used.is_none() && annex.remove(*hash, age).await? {
                    count += 1;
                    asked.push(Asked::new("UPDATE blob SET annexed = 0 WHERE digest = $1", key));
                }
            }
            Ok((count, (!asked.is_empty()).then(|| asked.into())))
        }))
    }
}
