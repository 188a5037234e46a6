//! A connection to either database, spoken to in the SQL that both know.
//!
//! Placeholders are `$1`, `$2` and so on. Whole numbers are 64 bits, instants are microseconds of the Unix time, so that
//! neither database can round one.

use std::borrow::Cow;

use super::address::Address;
use super::fault::Fault;
use super::postgres::Server;
use super::sqlite::File;
use crate::log::tree::Hash;

/// A value that a statement is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A whole number.
    Int(Option<i64>),
    /// Text.
    Text(Option<String>),
    /// Bytes.
    Bytes(Option<Vec<u8>>),
    /// Many numbers; PostgreSQL alone.
    Ints(Vec<i64>),
    /// Many byte strings; PostgreSQL alone.
    Many(Vec<Vec<u8>>),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(Some(value.to_owned()))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(Some(value))
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(Some(value))
    }
}

/// A statement with its values, to be run together with others.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) sql: Cow<'static, str>,
    pub(super) values: Vec<Value>,
}

impl Asked {
    pub(super) fn new(sql: impl Into<Cow<'static, str>>, values: impl Into<Vec<Value>>) -> Self {
        Self { sql: sql.into(), values: values.into() }
    }

    /// What inserts one row into a table; `or` says what becomes of it where the row is there already.
    pub(super) fn insert<const N: usize>(table: &str, row: [(&str, Value); N], or: &str) -> Self {
        let (names, values): (Vec<&str>, Vec<Value>) = row.into_iter().unzip();
        let places: Vec<String> = (1..=N).map(|place| format!("${place}")).collect();
        let sql = format!("INSERT INTO {table} ({}) VALUES ({}) {or}", names.join(", "), places.join(", "));
        Self { sql: sql.into(), values }
    }
}

impl From<Hash> for Value {
    fn from(digest: Hash) -> Self {
        digest.0.to_vec().into()
    }
}

/// Where statements that are run together stand in a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// They begin one that will write.
    First,
    /// They are inside it.
    Inner,
    /// They end it: it is made durable.
    Last,
}

/// A number that counts entries, as the databases take it.
pub(super) fn int(number: u64) -> Value {
    Value::Int(Some(i64::try_from(number).unwrap_or(i64::MAX)))
}

/// What stands in a column of SQLite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Nothing.
    Null,
    /// A whole number.
    Int(i64),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl Cell {
    fn word(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Int(_) => "a number",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytes",
        }
    }
}

/// A row that came back.
#[derive(Debug)]
pub enum Row {
    /// SQLite's.
    Sqlite(Vec<Cell>),
    /// PostgreSQL's.
    Postgres(tokio_postgres::Row),
}

/// SQLite lets anything stand in a column, and whoever can write to the file can put it there.
macro_rules! column {
    ($($variant:ident: $kind:ty, $what:literal, $name:ident, $maybe:ident;)+) => {
        impl Row {
            $(
            #[doc = concat!($what, ", where it is there.")]
            pub fn $maybe(&self, at: usize) -> Result<Option<$kind>, Fault> {
                match self {
                    Self::Sqlite(cells) => match cells.get(at) {
                        Some(Cell::Null) => Ok(None),
                        Some(Cell::$variant(value)) => Ok(Some(value.clone())),
                        other => Err(misfit(other, $what)),
                    },
                    Self::Postgres(row) => Ok(row.try_get(at)?),
                }
            }

            #[doc = concat!($what, ".")]
            pub fn $name(&self, at: usize) -> Result<$kind, Fault> {
                self.$maybe(at)?.ok_or_else(|| misfit(Some(&Cell::Null), $what))
            }
            )+
        }
    };
}

column! {
    Int: i64, "a whole number", int, maybe_int;
    Text: String, "text", text, maybe_text;
    Bytes: Vec<u8>, "bytes", bytes, maybe_bytes;
}

fn misfit(found: Option<&Cell>, what: &str) -> Fault {
    Fault::Damaged(format!("{} where {what} should stand", found.map_or("no column", Cell::word)))
}

impl Row {
    /// A number that counts.
    pub fn count(&self, at: usize) -> Result<u64, Fault> {
        let number = self.int(at)?;
        u64::try_from(number).map_err(|_| Fault::Damaged(format!("{number} where something is counted")))
    }
}

/// A SHA-256 digest that stands in a column.
pub(super) fn digest(row: &Row, at: usize) -> Result<Hash, Fault> {
    let bytes: [u8; 32] =
        row.bytes(at)?.try_into().map_err(|_| Fault::Damaged("a digest that has not 32 bytes".to_owned()))?;
    Ok(Hash(bytes))
}

/// A connection.
#[derive(Debug)]
pub enum Session {
    /// To a file of SQLite.
    Sqlite(File),
    /// To a server of PostgreSQL.
    Postgres(Box<Server>),
}

impl Session {
    /// Opens a database. A file of SQLite is made where `create` says so and there is none.
    pub async fn open(address: &Address, create: bool) -> Result<Self, Fault> {
        match address {
            Address::Sqlite(path) => Ok(Self::Sqlite(File::open(path, create).await?)),
            Address::Postgres(url) => Ok(Self::Postgres(Box::new(Server::open(url).await?))),
        }
    }

    /// Whether it is SQLite.
    #[must_use]
    pub fn is_sqlite(&self) -> bool {
        matches!(self, Self::Sqlite(_))
    }

    /// Runs a statement; what comes back is how many rows it changed.
    pub async fn run(&mut self, sql: &'static str, values: &[Value]) -> Result<u64, Fault> {
        self.run_any(sql.into(), values).await
    }

    /// The same with a statement that was put together here.
    pub(super) async fn run_made(&mut self, sql: String, values: &[Value]) -> Result<u64, Fault> {
        self.run_any(sql.into(), values).await
    }

    async fn run_any(&mut self, sql: Cow<'static, str>, values: &[Value]) -> Result<u64, Fault> {
        match self {
            Self::Sqlite(file) => file.run(sql, values.to_vec()).await,
            Self::Postgres(server) => server.run(sql, values).await,
        }
    }

    /// Runs a query.
    pub async fn rows(&mut self, sql: &'static str, values: &[Value]) -> Result<Vec<Row>, Fault> {
        self.rows_any(sql.into(), values).await
    }

    /// The same with a query that was put together here.
    pub(super) async fn rows_made(&mut self, sql: String, values: &[Value]) -> Result<Vec<Row>, Fault> {
        self.rows_any(sql.into(), values).await
    }

    async fn rows_any(&mut self, sql: Cow<'static, str>, values: &[Value]) -> Result<Vec<Row>, Fault> {
        Ok(match self {
            Self::Sqlite(file) => file.rows(sql, values.to_vec()).await?.into_iter().map(Row::Sqlite).collect(),
            Self::Postgres(server) => server.rows(sql, values).await?.into_iter().map(Row::Postgres).collect(),
        })
    }

    /// Runs a query of which one row is wanted.
    pub async fn row(&mut self, sql: &'static str, values: &[Value]) -> Result<Option<Row>, Fault> {
        Ok(self.rows(sql, values).await?.into_iter().next())
    }

    /// Runs several statements without waiting for one answer before the next is asked; what comes back are the rows of
    /// each. Where one fails, those after it are not run, or have no effect, and nothing is made durable.
    pub(super) async fn all(&mut self, part: Part, asked: Vec<Asked>) -> Result<Vec<Vec<Row>>, Fault> {
        Ok(match self {
            Self::Sqlite(file) => {
                let all = file.all(part, asked).await?;
                all.into_iter().map(|rows| rows.into_iter().map(Row::Sqlite).collect()).collect()
            }
            Self::Postgres(server) => {
                let all = server.all(part, asked).await?;
                all.into_iter().map(|rows| rows.into_iter().map(Row::Postgres).collect()).collect()
            }
        })
    }

    /// Microseconds of the Unix time by the database's own clock, as SQL: one clock for all that share it.
    pub(super) fn clock(&self) -> &'static str {
        if self.is_sqlite() {
            "CAST(unixepoch('subsec') * 1000000 AS INTEGER)"
        } else {
            "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)"
        }
    }

    async fn word(&mut self, sqlite: &'static str, postgres: &'static str) -> Result<(), Fault> {
        match self {
            Self::Sqlite(file) => file.run(sqlite.into(), Vec::new()).await.map(|_| ()),
            Self::Postgres(server) => server.word(postgres).await,
        }
    }

    /// Begins a transaction that will write.
    pub async fn begin(&mut self) -> Result<(), Fault> {
        self.all(Part::First, Vec::new()).await.map(|_| ())
    }

    /// Begins a transaction that only reads, and sees one state of everything.
    pub async fn begin_reading(&mut self) -> Result<(), Fault> {
        self.word("BEGIN", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await
    }

    /// Makes the transaction durable.
    pub async fn commit(&mut self) -> Result<(), Fault> {
        self.all(Part::Last, Vec::new()).await.map(|_| ())
    }

    /// Gives the transaction up.
    pub async fn roll_back(&mut self) -> Result<(), Fault> {
        self.word("ROLLBACK", "ROLLBACK").await
    }

    /// Closes it in order.
    pub async fn close(self) -> Result<(), Fault> {
        match self {
            Self::Sqlite(file) => file.close().await,
            Self::Postgres(server) => server.close().await,
        }
    }
}
