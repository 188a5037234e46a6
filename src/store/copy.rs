//! A whole record from one database to another: a backup, a backup brought back, or a move from SQLite to PostgreSQL.
//! Every row goes as it is, in one transaction that sees one state of the source.

use std::time::Duration;

use super::address::Address;
use super::fault::Fault;
use super::lock;
use super::migrations;
use super::session::{Session, Value};

/// What a column holds.
#[derive(Clone, Copy)]
enum Holds {
    Int,
    Text,
    Bytes,
}
use Holds::{Bytes, Int, Text};

/// A table: its name, how many of its columns are its key, and all of them, the key first.
type Table = (&'static str, usize, &'static [(&'static str, Holds)]);

/// Every table but that of the migrations, those of who may write and who is logged in, and what was done of late: nobody
/// is or does yet where a copy is opened. A token that was shown here is not to be shown there. The
/// numbers that were given to them go on, so that who held one here never holds one there.
const TABLES: &[Table] = &[
    ("blob", 1, &[("digest", Bytes), ("size", Int), ("packed", Bytes), ("at", Int), ("annexed", Int)]),
    ("log_entry", 1, &[("idx", Int), ("hash", Bytes), ("entry", Bytes)]),
    ("log_tile", 2, &[("level", Int), ("number", Int), ("hashes", Bytes)]),
    ("log_checkpoint", 1, &[("size", Int), ("note", Text), ("at", Int)]),
    ("log_witnessed", 1, &[("size", Int), ("note", Text), ("at", Int)]),
    ("log_once", 1, &[("once", Text), ("idx", Int), ("entries", Int), ("digest", Bytes)]),
    ("fence", 1, &[("id", Int), ("epoch", Int)]),
    ("delivery", 1, &[("idx", Int), ("forge", Text), ("id", Text), ("digest", Bytes), ("at", Int)]),
    ("stream", 1, &[("name", Text), ("version", Int), ("idx", Int)]),
    (
        "decision",
        1,
        &[
            ("idx", Int),
            ("stream", Text),
            ("version", Int),
            ("ruling", Text),
            ("summary", Text),
            ("now", Int),
            ("at", Int),
            ("facts", Bytes),
            ("document", Bytes),
        ],
    ),
    ("answer", 2, &[("delivery", Int), ("decision", Int)]),
    (
        "act",
        1,
        &[
            ("idx", Int),
            ("stream", Text),
            ("id", Text),
            ("kind", Text),
            ("account", Text),
            ("at", Int),
            ("digest", Bytes),
        ],
    ),
    (
        "obligation",
        1,
        &[("id", Text), ("idx", Int), ("stream", Text), ("kind", Text), ("role", Text), ("due", Int), ("met", Int)],
    ),
    ("policy", 1, &[("digest", Bytes), ("idx", Int), ("at", Int)]),
    (
        "outbox",
        1,
        &[
            ("idx", Int),
            ("once", Text),
            ("destination", Text),
            ("stream", Text),
            ("body", Bytes),
            ("state", Text),
            ("attempts", Int),
            ("due", Int),
            ("said", Text),
            ("ended", Int),
        ],
    ),
    ("destination", 1, &[("name", Text), ("holder", Int), ("until", Int), ("failures", Int), ("opens", Int)]),
    ("token", 1, &[("digest", Bytes), ("owner", Text), ("until", Int)]),
    ("timer", 1, &[("stream", Text), ("due", Int)]),
    (
        "submitted",
        1,
        &[
            ("idx", Int),
            ("forge", Text),
            ("repository", Text),
            ("run", Int),
            ("attempt", Int),
            ("revision", Text),
            ("pipeline", Text),
            ("path", Text),
            ("digest", Bytes),
            ("size", Int),
            ("at", Int),
        ],
    ),
    (
        "closed",
        1,
        &[
            ("idx", Int),
            ("forge", Text),
            ("repository", Text),
            ("run", Int),
            ("attempt", Int),
            ("revision", Text),
            ("pipeline", Text),
            ("list", Bytes),
            ("files", Int),
            ("at", Int),
        ],
    ),
    (
        "deployed",
        3,
        &[
            ("forge", Text),
            ("repository", Text),
            ("id", Text),
            ("idx", Int),
            ("environment", Text),
            ("revision", Text),
            ("run", Int),
            ("began", Int),
            ("ended", Int),
            ("outcome", Text),
            ("decision", Int),
            ("let_in", Text),
            ("at", Int),
            ("told_by", Text),
            ("url", Text),
            ("digest", Text),
            ("components", Text),
            ("found", Int),
            ("heard", Int),
            ("heard_ended", Int),
        ],
    ),
    ("deployed_entry", 4, &[("forge", Text), ("repository", Text), ("id", Text), ("idx", Int)]),
    (
        "granted",
        4,
        &[
            ("forge", Text),
            ("repository", Text),
            ("id", Text),
            ("used_by", Text),
            ("idx", Int),
            ("environment", Text),
            ("revision", Text),
            ("used", Int),
            ("decision", Int),
            ("at", Int),
        ],
    ),
    (
        "incident",
        4,
        &[
            ("forge", Text),
            ("repository", Text),
            ("label", Text),
            ("number", Int),
            ("idx", Int),
            ("over", Int),
            ("at", Int),
        ],
    ),
    (
        "log_head",
        1,
        &[
            ("id", Int),
            ("origin", Text),
            ("vkey", Text),
            ("size", Int),
            ("edge", Bytes),
            ("checkpoint", Text),
            ("moved", Text),
        ],
    ),
];

/// How many rows are held at once.
const PAGE: i64 = 500;

/// What became of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// It goes on; the copy is a backup.
    Stays,
    /// It takes no more entries: the copy goes on in its stead.
    Moves,
}

/// Copies everything; the target must be empty. What comes back is how many rows went.
pub async fn copy(from: &Address, to: &Address, source: Source, at: i64) -> Result<u64, Fault> {
    if let Address::Sqlite(path) = from {
        std::fs::metadata(path).map_err(|error| Fault::file(path, error))?;
    }
    // Whoever moves a record must be the only one who writes to it.
    let _locked = match (from, source) {
        (Address::Sqlite(path), Source::Moves) => Some(lock::lock(path, Duration::ZERO)?),
        _ => None,
    };
    let mut reading = Session::open(from, false).await?;
    migrations::check(&mut reading).await?;
    let _writer = match to {
        Address::Sqlite(path) => Some(lock::lock(path, Duration::ZERO)?),
        Address::Postgres(_) => None,
    };
    let mut writing = Session::open(to, true).await?;
    migrations::migrate(&mut writing, at).await?;
    writing.begin().await?;
    if writing.row("SELECT size FROM log_head", &[]).await?.is_some() {
        return Err(Fault::NotEmpty(to.to_string()));
    }
    match source {
        Source::Stays => reading.begin_reading().await?,
        Source::Moves => {
            reading.begin().await?;
            let place = [to.to_string().into()];
            if reading.run("UPDATE log_head SET moved = $1 WHERE moved IS NULL", &place).await? == 0 {
                return Err(Fault::NoLog);
            }
        }
    }
    let mut rows = 0;
    for (table, keys, columns) in TABLES {
        rows += one(&mut reading, &mut writing, table, *keys, columns).await?;
    }
    if source == Source::Moves {
        writing.run("UPDATE log_head SET moved = NULL", &[]).await?;
    }
    // The copy is durable before the source says that it moved there. Killed in
    // between, the source goes on, and the copy is a backup.
    writing.commit().await?;
    reading.commit().await?;
    writing.close().await?;
    reading.close().await?;
    Ok(rows)
}

async fn one(
    reading: &mut Session,
    writing: &mut Session,
    table: &str,
    keys: usize,
    columns: &[(&str, Holds)],
) -> Result<u64, Fault> {
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let order = names.get(..keys).unwrap_or_default().join(", ");
    let after: Vec<String> = (1..=keys).map(|place| format!("${place}")).collect();
    let places: Vec<String> = (1..=columns.len()).map(|place| format!("${place}")).collect();
    let first = format!("SELECT {} FROM {table} ORDER BY {order} LIMIT {PAGE}", names.join(", "));
    let next = format!(
        "SELECT {} FROM {table} WHERE ({order}) > ({}) ORDER BY {order} LIMIT {PAGE}",
        names.join(", "),
        after.join(", ")
    );
    let insert = format!("INSERT INTO {table} ({}) VALUES ({})", names.join(", "), places.join(", "));
    let (mut count, mut last): (u64, Option<Vec<Value>>) = (0, None);
    loop {
        let rows = match &last {
            None => reading.rows_made(first.clone(), &[]).await?,
            Some(key) => reading.rows_made(next.clone(), key).await?,
        };
        if rows.is_empty() {
            return Ok(count);
        }
        for row in rows {
            let mut values = Vec::with_capacity(columns.len());
            for (place, (_, holds)) in columns.iter().enumerate() {
                values.push(match holds {
                    Int => Value::Int(row.maybe_int(place)?),
                    Text => Value::Text(row.maybe_text(place)?),
                    Bytes => Value::Bytes(row.maybe_bytes(place)?),
                });
            }
            writing.run_made(insert.clone(), &values).await?;
            count += 1;
            values.truncate(keys);
            last = Some(values);
        }
    }
}
