//! What was given up: effects that leave no more unless a person has them tried again.

use super::fault::Fault;
use super::reader::Reader;
use super::session::{Row, Value, digest, int};
use crate::log::tree::Hash;

/// An effect that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dead {
    /// The number of its entry.
    pub effect: u64,
    /// Where to.
    pub destination: String,
    /// What it is about: a release, as [`super::change::Stream`] says it, or something else.
    pub about: String,
    /// How often it was tried.
    pub attempts: u64,
    /// When it was to leave last, microseconds of the Unix time.
    pub due: i64,
    /// Why the last attempt came to nothing.
    pub said: Option<String>,
    /// SHA-256 of what is sent.
    pub body: Hash,
}

/// Of the effects that were given up and were to leave since an instant (`$1`): those of which nothing was said that begins
/// like one of the texts.
fn of(but: &[&str]) -> (String, Vec<Value>) {
    let begins = but.iter().enumerate().map(|(at, _)| format!(" AND said NOT LIKE ${}", at + 2));
    let begins: String = begins.collect();
    let which = format!("FROM outbox WHERE state = 'dead' AND due >= $1 AND (said IS NULL OR (1 = 1{begins}))");
    (which, but.iter().map(|text| Value::from(format!("{text}%"))).collect())
}

fn dead(row: &Row) -> Result<Dead, Fault> {
    Ok(Dead {
        effect: row.count(0)?,
        destination: row.text(1)?,
        about: row.text(2)?,
        attempts: row.count(3)?,
        due: row.int(4)?,
        said: row.maybe_text(5)?,
        body: digest(row, 6)?,
    })
}

impl Reader {
    /// The effects that were given up and were to leave since an instant, microseconds of the Unix time, but for those of which
    /// was said what begins like one of these texts; the newest first, so many at most.
    pub async fn given_up(&mut self, since: i64, but: &[&str], most: u64) -> Result<Vec<Dead>, Fault> {
        let (which, texts) = of(but);
        let place = texts.len() + 2;
        let sql = format!(
            "SELECT idx, destination, stream, attempts, due, said, body {which} ORDER BY idx DESC LIMIT ${place}"
        );
        let values: Vec<Value> = std::iter::once(since.into()).chain(texts).chain([int(most)]).collect();
        self.session.rows_made(sql, &values).await?.iter().map(dead).collect()
    }

    /// How many these are.
    pub async fn count_given_up(&mut self, since: i64, but: &[&str]) -> Result<u64, Fault> {
        let (which, texts) = of(but);
        let values: Vec<Value> = std::iter::once(since.into()).chain(texts).collect();
        let rows = self.session.rows_made(format!("SELECT COUNT(*) {which}"), &values).await?;
        rows.first().map_or(Ok(0), |row| row.count(0))
    }

    /// One that was given up, by the number of its entry; `None` where that is none.
    pub async fn given_up_as(&mut self, effect: u64) -> Result<Option<Dead>, Fault> {
        let sql =
            "SELECT idx, destination, stream, attempts, due, said, body FROM outbox WHERE idx = $1 AND state = 'dead'";
        self.session.row(sql, &[int(effect)]).await?.as_ref().map(dead).transpose()
    }
}
