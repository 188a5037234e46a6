//! What was decided last of each release, and what earlier ones left to be done.

use serde_json::json;

use super::change::{Sent, Stream};
use super::fault::Fault;
use super::reader::Reader;
use super::session::{Row, digest, int};
use crate::log::tree::Hash;

/// The last decision of a release on its way into one environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Latest {
    /// What was decided of.
    pub stream: Stream,
    /// The number of its entry.
    pub entry: u64,
    /// How often it was decided by now.
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

/// An obligation, as the record has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// Its name in the record.
    pub id: String,
    /// The number of the entry that opened it.
    pub entry: u64,
    /// The release that left it.
    pub stream: Stream,
    /// What it is.
    pub kind: String,
    /// The role that meets it.
    pub role: Option<String>,
    /// When it is due, microseconds of the Unix time.
    pub due: Option<i64>,
    /// Whether an entry says that it is met.
    pub met: bool,
    /// The number of that entry.
    pub met_by: Option<u64>,
    /// SHA-256 of the facts of the decision that opened it.
    pub facts: Hash,
    /// SHA-256 of that decision's document.
    pub document: Hash,
}

/// A decision that let a release go, and whose answer arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The number of its entry.
    pub entry: u64,
    /// The release.
    pub stream: Stream,
    /// SHA-256 of the facts that it was decided by.
    pub facts: Hash,
}

/// A decision of a release that is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// What it is a decision of.
    pub stream: String,
    /// The number of its entry.
    pub entry: u64,
    /// SHA-256 of the facts that it was decided by.
    pub facts: Hash,
}

/// Of a decision `d`: it let its release go, and the answer arrived. What leaves for a decision has its entries behind it,
/// and before those of the next one. Word of what is owed because of it is no answer.
const OPENED: &str = "d.ruling = 'proceed' AND EXISTS (\
     SELECT 1 FROM outbox o WHERE o.stream = d.stream AND o.state = 'done' AND o.once LIKE 'decision %' AND o.idx > d.idx \
     AND NOT EXISTS (\
     SELECT 1 FROM decision e WHERE e.stream = d.stream AND e.idx > d.idx AND e.idx < o.idx))";

/// The last decision of every release; conditions follow.
pub(super) const LATEST: &str = "SELECT d.stream, d.idx, d.version, d.ruling, d.summary, d.at, d.facts, d.document \
     FROM stream s JOIN decision d ON d.idx = s.idx";

fn stream(row: &Row, at: usize) -> Result<Stream, Fault> {
    let name = row.text(at)?;
    Stream::parse(&name).ok_or_else(|| Fault::Damaged(format!("`{name}` names no release")))
}

pub(super) fn latest(row: &Row) -> Result<Latest, Fault> {
    Ok(Latest {
        stream: stream(row, 0)?,
        entry: row.count(1)?,
        version: row.count(2)?,
        ruling: row.text(3)?,
        summary: row.text(4)?,
        at: row.int(5)?,
        facts: digest(row, 6)?,
        document: digest(row, 7)?,
    })
}

impl Reader {
    /// The last decision of one release.
    pub async fn latest(&mut self, of: &Stream) -> Result<Option<Latest>, Fault> {
        let sql = format!("{LATEST} WHERE s.name = $1");
        let rows = self.session.rows_made(sql, &[of.to_string().into()]).await?;
        rows.first().map(latest).transpose()
    }

    /// The last decision that stands in that entry.
    pub async fn latest_in(&mut self, entry: u64) -> Result<Option<Latest>, Fault> {
        let sql = format!("{LATEST} WHERE s.name = (SELECT stream FROM decision WHERE idx = $1)");
        let rows = self.session.rows_made(sql, &[int(entry)]).await?;
        rows.first().map(latest).transpose()
    }

    /// The last decisions of releases, the newest first, so many at most.
    pub async fn decided(&mut self, most: u64) -> Result<Vec<Latest>, Fault> {
        let sql = format!("{LATEST} ORDER BY d.idx DESC LIMIT $1");
        self.session.rows_made(sql, &[int(most)]).await?.iter().map(latest).collect()
    }

    /// The releases from a repository whose decisions saw an approval, rejection, withdrawal or waiver of that name.
    pub async fn saw(&mut self, forge: &str, repository: &str, act: &str) -> Result<Vec<Stream>, Fault> {
        let sql = "SELECT DISTINCT stream FROM act WHERE id = $1";
        let rows = self.session.rows(sql, &[act.into()]).await?;
        let found: Vec<Stream> = rows.iter().map(|row| stream(row, 0)).collect::<Result<_, _>>()?;
        let here = |it: &Stream| it.forge == forge && it.repository.eq_ignore_ascii_case(repository);
        Ok(found.into_iter().filter(here).collect())
    }

    /// The decisions that let releases go into an environment and whose answers arrived, or by which something went as
    /// whoever deployed it told, or under a grant that held: the newest first.
    pub async fn openings(&mut self, forge: &str, repository: &str, environment: &str) -> Result<Vec<Opening>, Fault> {
        let sql = format!(
            "SELECT d.idx, d.stream, d.facts FROM decision d WHERE ({OPENED}) OR (d.ruling = 'proceed' AND d.idx IN (\
             SELECT decision FROM deployed WHERE told_by IS NOT NULL AND outcome = 'succeeded' AND decision IS NOT NULL \
             UNION SELECT decision FROM granted WHERE decision IS NOT NULL)) ORDER BY d.idx DESC"
        );
        let rows = self.session.rows_made(sql, &[]).await?;
        let opened = rows
            .iter()
            .map(|row| Ok(Opening { entry: row.count(0)?, stream: stream(row, 1)?, facts: digest(row, 2)? }));
        let here = |it: &Result<Opening, Fault>| {
            it.as_ref().map_or(true, |it| {
                it.stream.forge == forge
                    && it.stream.repository.eq_ignore_ascii_case(repository)
                    && it.stream.environment == environment
            })
        };
        opened.filter(here).collect()
    }

    /// Whether an answer by the last decision of a release has left, or is to.
    pub async fn is_answered(&mut self, of: &Stream) -> Result<bool, Fault> {
        let sql = "SELECT o.idx FROM outbox o JOIN stream s ON s.name = o.stream WHERE s.name = $1 AND o.idx > s.idx \
                   AND o.state <> 'dead' AND o.once LIKE 'decision %'";
        Ok(self.session.row(sql, &[of.to_string().into()]).await?.is_some())
    }

    /// The decisions of a release on its way into each environment since it was let go there last, the oldest first.
    /// The repository may be written in other capitals: renamed so, it keeps the policy that its releases began with.
    pub async fn begun(&mut self, forge: &str, repository: &str, release: &str) -> Result<Vec<Begun>, Fault> {
        // The name of every stream of the release begins with these three, and goes on with the environment.
        let of = json!([forge, repository, release]).to_string();
        let of = format!("{},", of.trim_end_matches(']'));
        let sql = format!(
            "SELECT b.stream, b.idx, b.facts FROM decision b \
             WHERE lower(substr(b.stream, 1, length(CAST($1 AS TEXT)))) = lower($1) AND b.idx > COALESCE((\
             SELECT MAX(d.idx) FROM decision d WHERE d.stream = b.stream AND {OPENED}), -1) ORDER BY b.idx"
        );
        let rows = self.session.rows_made(sql, &[of.into()]).await?;
        let begun = |row: &Row| Ok(Begun { stream: row.text(0)?, entry: row.count(1)?, facts: digest(row, 2)? });
        rows.iter().map(begun).collect()
    }

    /// The deliveries of a forge since an instant, microseconds of the Unix time, that no decision answers, each with the
    /// SHA-256 of its bytes: the newest, so many at most, in the order in which they came.
    pub async fn unanswered(&mut self, forge: &str, since: i64, most: u64) -> Result<Vec<(Sent, Hash)>, Fault> {
        let sql = "SELECT d.id, d.digest FROM delivery d WHERE d.forge = $1 AND d.at >= $2 AND NOT EXISTS (\
                   SELECT 1 FROM answer a WHERE a.delivery = d.idx) ORDER BY d.idx DESC LIMIT $3";
        let rows = self.session.rows(sql, &[forge.into(), since.into(), int(most)]).await?;
        let sent = |row: &Row| Ok((Sent { forge: forge.to_owned(), id: row.text(0)? }, digest(row, 1)?));
        let mut found: Vec<(Sent, Hash)> = rows.iter().map(sent).collect::<Result<_, Fault>>()?;
        found.reverse();
        Ok(found)
    }

    /// SHA-256 of the document of the last decision before an entry.
    pub async fn document_before(&mut self, entry: u64) -> Result<Option<Hash>, Fault> {
        let sql = "SELECT document FROM decision WHERE idx < $1 ORDER BY idx DESC LIMIT 1";
        let row = self.session.row(sql, &[int(entry)]).await?;
        row.map(|row| digest(&row, 0)).transpose()
    }

    /// Whether an entry says that an obligation is met.
    pub async fn is_met(&mut self, obligation: &str) -> Result<bool, Fault> {
        let sql = "SELECT 1 FROM obligation WHERE id = $1 AND met IS NOT NULL LIMIT 1";
        Ok(self.session.row(sql, &[obligation.into()]).await?.is_some())
    }

    /// What releases left to be done, met or not, in the order in which it was opened.
    pub async fn left(&mut self) -> Result<Vec<Left>, Fault> {
        let sql = "SELECT o.id, o.idx, o.stream, o.kind, o.role, o.due, o.met, d.facts, d.document FROM obligation o \
                   JOIN decision d ON d.idx = (SELECT MAX(idx) FROM decision b WHERE b.stream = o.stream AND b.idx < o.idx) \
                   ORDER BY o.idx";
        let left = |row: &Row| {
            let met_by = row.maybe_int(6)?.map(u64::try_from).transpose();
            let met_by = met_by.map_err(|_| Fault::Damaged("a negative number where an entry is named".to_owned()))?;
            Ok(Left {
                id: row.text(0)?,
                entry: row.count(1)?,
                stream: stream(row, 2)?,
                kind: row.text(3)?,
                role: row.maybe_text(4)?,
                due: row.maybe_int(5)?,
                met: met_by.is_some(),
                met_by,
                facts: digest(row, 7)?,
                document: digest(row, 8)?,
            })
        };
        self.session.rows(sql, &[]).await?.iter().map(left).collect()
    }
}
