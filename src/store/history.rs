//! What the record has of one release on its way into one environment, from its first decision on.

use super::change::Stream;
use super::fault::Fault;
use super::latest::{LATEST, Latest, latest};
use super::reader::Reader;
use super::session::{Value, digest, int};
use crate::log::tree::Hash;

/// A decision, as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    /// The number of its entry.
    pub entry: u64,
    /// Which decision of its release it is, counted from 1.
    pub version: u64,
    /// `proceed`, `hold` or `reject`.
    pub ruling: String,
    /// Why, in one sentence.
    pub summary: String,
    /// When it was recorded, microseconds of the Unix time.
    pub at: i64,
    /// SHA-256 of the facts.
    pub facts: Hash,
    /// SHA-256 of the decision document.
    pub document: Hash,
}

/// An obligation that a release left, with the entries that say so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owed {
    /// Its name in the record.
    pub id: String,
    /// The number of the entry that opened it.
    pub opened: u64,
    /// What it is.
    pub kind: String,
    /// The role that meets it.
    pub role: Option<String>,
    /// When it is due, microseconds of the Unix time.
    pub due: Option<i64>,
    /// The number of the entry that says that it is met.
    pub met: Option<u64>,
}

/// Every entry that belongs to a release: its decisions, the deliveries that they answer, what people did, how it was
/// deployed, under which grant it went, what it left to be done, and what left for it. The release is `$1`. What of its
/// commit, which is `$5`, went where it was to go without a decision is its own as well, and stays so.
const ENTRIES: &str = "SELECT idx FROM decision WHERE stream = $1 \
     UNION SELECT a.delivery FROM answer a JOIN decision d ON d.idx = a.decision WHERE d.stream = $1 \
     UNION SELECT idx FROM act WHERE stream = $1 \
     UNION SELECT idx FROM obligation WHERE stream = $1 \
     UNION SELECT met FROM obligation WHERE stream = $1 AND met IS NOT NULL \
     UNION SELECT s.idx FROM deployed_entry s \
     JOIN deployed w ON w.forge = s.forge AND w.repository = s.repository AND w.id = s.id \
     WHERE w.decision IN (SELECT idx FROM decision WHERE stream = $1) \
     OR (w.decision IS NULL AND w.forge = $2 AND w.repository = $3 AND w.environment = $4 AND w.revision = $5) \
     UNION SELECT idx FROM granted WHERE decision IN (SELECT idx FROM decision WHERE stream = $1) \
     UNION SELECT idx FROM outbox WHERE stream = $1 \
     UNION SELECT ended FROM outbox WHERE stream = $1 AND ended IS NOT NULL";

impl Reader {
    /// The last decisions of releases that stand before an entry, the newest first, so many at most.
    pub async fn decided_before(&mut self, entry: u64, most: u64) -> Result<Vec<Latest>, Fault> {
        let sql = format!("{LATEST} WHERE d.idx < $1 ORDER BY d.idx DESC LIMIT $2");
        self.session.rows_made(sql, &[int(entry), int(most)]).await?.iter().map(latest).collect()
    }

    /// The decision that stands in an entry, with its release.
    pub async fn decided_in(&mut self, entry: u64) -> Result<Option<Latest>, Fault> {
        let sql = "SELECT stream, idx, version, ruling, summary, at, facts, document FROM decision WHERE idx = $1";
        self.session.row(sql, &[int(entry)]).await?.as_ref().map(latest).transpose()
    }

    /// The decisions of a release, the newest first, so many at most.
    pub async fn history(&mut self, of: &Stream, most: u64) -> Result<Vec<Past>, Fault> {
        self.past(of, "idx <= $2 ORDER BY idx DESC", int(u64::MAX), most).await
    }

    /// The last decision of a release that stands in an entry or before it.
    pub async fn decided_by_entry(&mut self, of: &Stream, entry: u64) -> Result<Option<Past>, Fault> {
        Ok(self.past(of, "idx <= $2 ORDER BY idx DESC", int(entry), 1).await?.into_iter().next())
    }

    /// The last decision of a release that was recorded by an instant, microseconds of the Unix time.
    pub async fn decided_by(&mut self, of: &Stream, at: i64) -> Result<Option<Past>, Fault> {
        Ok(self.past(of, "at <= $2 ORDER BY idx DESC", at.into(), 1).await?.into_iter().next())
    }

    /// The last decision of a release that has this document.
    pub async fn decided_as(&mut self, of: &Stream, document: Hash) -> Result<Option<Past>, Fault> {
        Ok(self.past(of, "document = $2 ORDER BY idx DESC", document.into(), 1).await?.into_iter().next())
    }

    /// The first decision of a release that stands in an entry or after it.
    pub async fn decided_from(&mut self, of: &Stream, entry: u64) -> Result<Option<Past>, Fault> {
        Ok(self.past(of, "idx >= $2 ORDER BY idx", int(entry), 1).await?.into_iter().next())
    }

    async fn past(&mut self, of: &Stream, which: &str, than: Value, most: u64) -> Result<Vec<Past>, Fault> {
        // SQLite numbers placeholders in the order in which they stand.
        let sql = format!(
            "SELECT idx, version, ruling, summary, at, facts, document FROM decision WHERE stream = $1 AND {which} LIMIT $3"
        );
        let rows = self.session.rows_made(sql, &[of.to_string().into(), than, int(most)]).await?;
        let past = rows.iter().map(|row| {
            Ok(Past {
                entry: row.count(0)?,
                version: row.count(1)?,
                ruling: row.text(2)?,
                summary: row.text(3)?,
                at: row.int(4)?,
                facts: digest(row, 5)?,
                document: digest(row, 6)?,
            })
        });
        past.collect()
    }

    /// The entries that belong to a release of a commit and stand before a number, the newest first, so many at most. Where
    /// the commit is empty, what went without a decision is not among them.
    pub async fn entries_of(
        &mut self,
        (of, commit): (&Stream, &str),
        before: Option<u64>,
        most: u64,
    ) -> Result<Vec<(u64, Vec<u8>)>, Fault> {
        let sql = format!(
            "SELECT e.idx, e.entry FROM log_entry e WHERE e.idx IN ({ENTRIES}) AND e.idx < $6 ORDER BY e.idx DESC LIMIT $7"
        );
        // What is known by the digest of its artifact alone has no commit either.
        let commit = if commit.is_empty() { "none" } else { commit };
        let values = [
            of.to_string().into(),
            of.forge.as_str().into(),
            of.repository.to_lowercase().into(),
            of.environment.as_str().into(),
            commit.into(),
            int(before.unwrap_or(u64::MAX)),
            int(most),
        ];
        self.session.rows_made(sql, &values).await?.iter().map(|row| Ok((row.count(0)?, row.bytes(1)?))).collect()
    }

    /// What a release left to be done, in the order in which it was opened.
    pub async fn left_by(&mut self, of: &Stream) -> Result<Vec<Owed>, Fault> {
        let sql = "SELECT id, idx, kind, role, due, met FROM obligation WHERE stream = $1 ORDER BY idx";
        let rows = self.session.rows(sql, &[of.to_string().into()]).await?;
        let owed = rows.iter().map(|row| {
            let met = row.maybe_int(5)?.map(u64::try_from).transpose();
            Ok(Owed {
                id: row.text(0)?,
                opened: row.count(1)?,
                kind: row.text(2)?,
                role: row.maybe_text(3)?,
                due: row.maybe_int(4)?,
                met: met.map_err(|_| Fault::Damaged("a negative number where an entry is named".to_owned()))?,
            })
        });
        owed.collect()
    }
}
