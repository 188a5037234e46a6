//! What a batch adds to the log: its entries, the hashes that they complete, and the statements that write both.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::fault::Fault;
use super::session::{Asked, Session, Value, int};
use crate::log::tile::WIDTH;
use crate::log::tree::{self, Edge, Hash};

/// How many rows one statement inserts into SQLite.
const ROWS: usize = 64;

/// What is new in a batch.
pub(super) struct Batch {
    /// The number of the first of the rows.
    next: u64,
    rows: Vec<(Hash, Vec<u8>)>,
    /// By level and number of the tile: where in it the first new hash stands, and the new ones.
    tiles: BTreeMap<(u32, u64), (u64, Vec<u8>)>,
}

impl Batch {
    /// A batch whose first entry has that number.
    pub(super) fn from(first: u64) -> Self {
        Self { next: first, rows: Vec::new(), tiles: BTreeMap::new() }
    }

    pub(super) fn add(&mut self, edge: &mut Edge, entry: &[u8]) {
        let leaf = tree::leaf(entry);
        edge.append(leaf, |level, number, hash| {
            if level > 0 && level % 8 == 0 {
                let tile = self.tiles.entry((level / 8, number / WIDTH)).or_insert((number % WIDTH, Vec::new()));
                tile.1.extend_from_slice(&hash.0);
            }
        });
        self.rows.push((leaf, entry.to_vec()));
    }

    /// Has SQLite insert what is one statement already, while the next entries are hashed.
    pub(super) fn ahead(&mut self, session: &mut Session) -> Result<(), Fault> {
        if self.rows.len() < ROWS {
            return Ok(());
        }
        if let Session::Sqlite(file) = session {
            let rows = std::mem::take(&mut self.rows);
            let from = self.next;
            self.next += rows.len() as u64;
            file.ahead(one_by_one(from, rows))?;
        }
        Ok(())
    }

    /// The statements that write the rest of it.
    pub(super) async fn written(self, session: &mut Session) -> Result<Vec<Asked>, Fault> {
        let Self { next, rows, tiles } = self;
        let mut asked = if session.is_sqlite() { one_by_one(next, rows) } else { vec![at_once(next, rows)] };
        for ((level, number), hashes) in tiles {
            asked.push(extended(session, level, number, &hashes).await?);
        }
        Ok(asked)
    }
}

/// PostgreSQL takes columns whole.
fn at_once(from: u64, rows: Vec<(Hash, Vec<u8>)>) -> Asked {
    let numbers = (from..).take(rows.len()).map(|number| i64::try_from(number).unwrap_or(i64::MAX)).collect();
    let (hashes, entries) = rows.into_iter().map(|(hash, entry)| (hash.0.to_vec(), entry)).unzip();
    let sql = "INSERT INTO log_entry (idx, hash, entry) SELECT * FROM UNNEST($1::bigint[], $2::bytea[], $3::bytea[])";
    Asked::new(sql, [Value::Ints(numbers), Value::Many(hashes), Value::Many(entries)])
}

/// SQLite takes many rows in one statement.
fn one_by_one(from: u64, rows: Vec<(Hash, Vec<u8>)>) -> Vec<Asked> {
    let (mut number, mut rows) = (from, rows.into_iter());
    let mut asked = Vec::new();
    while rows.len() > 0 {
        let mut values = Vec::with_capacity(ROWS * 3);
        for (hash, entry) in rows.by_ref().take(ROWS) {
            values.extend([int(number), hash.into(), entry.into()]);
            number += 1;
        }
        let many = values.len() / 3;
        asked.push(if many == ROWS { Asked::new(FULL.as_str(), values) } else { Asked::new(insertion(many), values) });
    }
    asked
}

/// The statement that inserts as many as one does.
static FULL: LazyLock<String> = LazyLock::new(|| insertion(ROWS));

/// The statement that inserts so many entries.
fn insertion(rows: usize) -> String {
    let places: Vec<String> =
        (0..rows).map(|row| format!("(${}, ${}, ${})", row * 3 + 1, row * 3 + 2, row * 3 + 3)).collect();
    format!("INSERT INTO log_entry (idx, hash, entry) VALUES {}", places.join(", "))
}

/// What adds new hashes to a tile.
async fn extended(session: &mut Session, level: u32, number: u64, new: &(u64, Vec<u8>)) -> Result<Asked, Fault> {
    let (place, hashes) = new;
    let key = [i64::from(level).into(), int(number)];
    let mut whole = Vec::new();
    if *place > 0 {
        let row = session.row("SELECT hashes FROM log_tile WHERE level = $1 AND number = $2", &key).await?;
        whole = row.map(|row| row.bytes(0)).transpose()?.unwrap_or_default();
        if whole.len() as u64 != place * 32 {
            return Err(Fault::Damaged(format!("tile {number} of level {level} does not have {place} hashes")));
        }
    }
    whole.extend_from_slice(hashes);
    let [level, number] = key;
    Ok(Asked::new(
        "INSERT INTO log_tile (level, number, hashes) VALUES ($1, $2, $3) \
         ON CONFLICT (level, number) DO UPDATE SET hashes = excluded.hashes",
        [level, number, whole.into()],
    ))
}
