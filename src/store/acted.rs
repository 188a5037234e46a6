//! What people did on pages of ours, as the record has it: it stands in the table of acts, before any decision saw it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::change::Stream;
use super::fault::Fault;
use super::reader::Reader;
use super::session::{Row, digest};
use crate::log::tree::Hash;

/// How the names of acts begin that were done on a page of ours. No forge names one so.
pub const HERE: &str = "page-";

/// How the names of acts begin that were done by a button of a check, on a change and not on a release.
pub const OF_CHANGE: &str = "button-";

/// Something that was done on a page of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acted {
    /// The number of its entry.
    pub entry: u64,
    /// Its name in the record.
    pub id: String,
    /// The word of its entry's kind.
    pub kind: String,
    /// By which account.
    pub account: String,
    /// SHA-256 of the act as JSON.
    pub digest: Hash,
}

fn acted(row: &Row) -> Result<Acted, Fault> {
    Ok(Acted {
        entry: row.count(0)?,
        id: row.text(1)?,
        kind: row.text(2)?,
        account: row.text(3)?,
        digest: digest(row, 4)?,
    })
}

impl Reader {
    /// What was done on pages of ours of a release, whatever environment it was for, in the order of the record. The names
    /// of repositories are one in whatever capitals.
    pub async fn acted(&mut self, forge: &str, repository: &str, release: &str) -> Result<Vec<Acted>, Fault> {
        // The name of every stream of the release begins with these three, and goes on with the environment.
        let of = json!([forge, repository, release]).to_string();
        let of = format!("{},", of.trim_end_matches(']')).to_ascii_lowercase();
        let sql = "SELECT idx, id, kind, account, digest FROM act \
                   WHERE id LIKE 'page-%' AND lower(substr(stream, 1, length(CAST($1 AS TEXT)))) = $1 ORDER BY idx";
        let rows = self.session.rows(sql, &[of.into()]).await?;
        rows.iter().map(acted).collect()
    }

    /// What was done by buttons in a repository since an instant, microseconds of the Unix time, in the order of the record.
    pub async fn acted_on_changes(&mut self, forge: &str, repository: &str, since: i64) -> Result<Vec<Acted>, Fault> {
        let of = json!([forge, repository]).to_string();
        let of = format!("change {},", of.trim_end_matches(']')).to_ascii_lowercase();
        let sql = "SELECT idx, id, kind, account, digest FROM act WHERE id LIKE 'button-%' AND at >= $2 \
                   AND lower(substr(stream, 1, length(CAST($1 AS TEXT)))) = $1 ORDER BY idx";
        let rows = self.session.rows(sql, &[of.into(), since.into()]).await?;
        rows.iter().map(acted).collect()
    }

    /// What lasts beyond the release that it was done with: what was done since an instant, microseconds of the Unix time,
    /// on pages of releases of a repository or in words on its changes, in the order of the record.
    pub async fn acted_here(&mut self, forge: &str, repository: &str, since: i64) -> Result<Vec<Acted>, Fault> {
        let of = json!([forge, repository]).to_string();
        let of = format!("{},", of.trim_end_matches(']')).to_ascii_lowercase();
        let sql = "SELECT idx, id, kind, account, digest FROM act \
                   WHERE kind IN ('waiver', 'act', 'withdrawal') AND at >= $2 \
                   AND (id LIKE 'page-%' AND lower(substr(stream, 1, length(CAST($1 AS TEXT)))) = $1 \
                   OR lower(substr(stream, 1, length(CAST($3 AS TEXT)))) = $3) ORDER BY idx";
        let values = [of.clone().into(), since.into(), format!("change {of}").into()];
        self.session.rows(sql, &values).await?.iter().map(acted).collect()
    }

    /// What people did at the forge of a release, as its decisions saw it first: the digests of the acts, by their names.
    pub async fn first_seen(&mut self, of: &Stream) -> Result<BTreeMap<String, Hash>, Fault> {
        let sql = "SELECT id, digest FROM act WHERE stream = $1 ORDER BY idx";
        let mut found = BTreeMap::new();
        for row in self.session.rows(sql, &[of.to_string().into()]).await? {
            found.entry(row.text(0)?).or_insert(digest(&row, 1)?);
        }
        Ok(found)
    }

    /// Which of the decisions of a release that were recorded by an instant, microseconds of the Unix time, saw first what
    /// people did: the numbers of their entries, by the names of the acts.
    pub async fn first_seen_by(&mut self, of: &Stream, until: i64) -> Result<BTreeMap<String, u64>, Fault> {
        let name = of.to_string();
        let sql = "SELECT idx, at FROM decision WHERE stream = $1 ORDER BY idx";
        let rows = self.session.rows(sql, &[name.as_str().into()]).await?;
        let decisions: Vec<(u64, i64)> =
            rows.iter().map(|row| Ok((row.count(0)?, row.int(1)?))).collect::<Result<_, Fault>>()?;
        let mut found = BTreeMap::new();
        let mut seen = BTreeSet::new();
        let sql = "SELECT id, idx FROM act WHERE stream = $1 ORDER BY idx";
        for row in self.session.rows(sql, &[name.as_str().into()]).await? {
            let (id, entry) = (row.text(0)?, row.count(1)?);
            if !seen.insert(id.clone()) {
                continue;
            }
            // What a decision saw has its entry behind it, and before that of the next.
            let before = decisions.partition_point(|(decision, _)| *decision <= entry);
            let by = before.checked_sub(1).and_then(|at| decisions.get(at)).filter(|(_, at)| *at <= until);
            if let Some((decision, _)) = by {
                found.insert(id, *decision);
            }
        }
        Ok(found)
    }

    /// What somebody did on a page of ours under that name, and where that was refused what he tried; `None` where the
    /// release has nothing of the name.
    pub async fn act_of(&mut self, of: &Stream, id: &str) -> Result<Option<Acted>, Fault> {
        let sql = "SELECT idx, id, kind, account, digest FROM act WHERE stream = $1 AND id = $2 ORDER BY idx LIMIT 1";
        let row = self.session.row(sql, &[of.to_string().into(), id.into()]).await?;
        row.as_ref().map(acted).transpose()
    }
}
