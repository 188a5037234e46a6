//! A connection to either database, spoken to in the SQL that both know.
//!
//! Placeholders are `$1`, `$2` and so on. Whole numbers are 64 bits, instants are microseconds of the Unix time, so that
//! neither database can round one.

use std::path::Path;
use std::time::Duration;

use sqlx::postgres::{PgArguments, PgConnectOptions, PgConnection, PgRow};
use sqlx::query::Query;
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteRow, SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, Postgres, Row as _, Sqlite};

use super::address::Address;
use super::fault::Fault;

/// How long a statement waits for somebody else's lock.
const PATIENCE: Duration = Duration::from_secs(10);

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

/// A number that counts entries, as the databases take it.
pub(super) fn int(number: u64) -> Value {
    Value::Int(Some(i64::try_from(number).unwrap_or(i64::MAX)))
}

/// A row that came back.
#[derive(Debug)]
pub enum Row {
    /// SQLite's.
    Sqlite(SqliteRow),
    /// PostgreSQL's.
    Postgres(PgRow),
}

macro_rules! column {
    ($($(#[doc = $doc:literal])+ $name:ident -> $kind:ty;)+) => {
        impl Row {
            $($(#[doc = $doc])+
            pub fn $name(&self, at: usize) -> Result<$kind, Fault> {
                Ok(match self {
                    Self::Sqlite(row) => row.try_get_unchecked(at)?,
                    Self::Postgres(row) => row.try_get(at)?,
                })
            })+
        }
    };
}

column! {
    /// A whole number.
    int -> i64;
    /// A whole number, where there is one.
    maybe_int -> Option<i64>;
    /// Text.
    text -> String;
    /// Text, where there is some.
    maybe_text -> Option<String>;
    /// Bytes.
    bytes -> Vec<u8>;
    /// Bytes, where there are some.
    maybe_bytes -> Option<Vec<u8>>;
}

impl Row {
    /// A number that counts.
    pub fn count(&self, at: usize) -> Result<u64, Fault> {
        let number = self.int(at)?;
        u64::try_from(number).map_err(|_| Fault::Damaged(format!("{number} where something is counted")))
    }
}

/// A connection.
#[derive(Debug)]
pub enum Session {
    /// To a file of SQLite.
    Sqlite(SqliteConnection),
    /// To a server of PostgreSQL.
    Postgres(Box<PgConnection>),
}

impl Session {
    /// Opens a database. A file of SQLite is made where `create` says so and there is none.
    pub async fn open(address: &Address, create: bool) -> Result<Self, Fault> {
        match address {
            Address::Sqlite(path) => Ok(Self::Sqlite(sqlite(path, create).await?)),
            Address::Postgres(url) => {
                let options: PgConnectOptions = url.parse()?;
                let options = options
                    .application_name("countersign")
                    .options([
                        ("synchronous_commit", "on"),
                        // Whoever stops in the middle of a transaction is cut off, and
                        // its commit fails: the others go on without it.
                        ("idle_in_transaction_session_timeout", "5s"),
                        ("lock_timeout", "10s"),
                        ("statement_timeout", "120s"),
                        ("client_min_messages", "warning"),
                    ])
                    .disable_statement_logging();
                Ok(Self::Postgres(Box::new(options.connect().await?)))
            }
        }
    }

    /// Whether it is SQLite.
    #[must_use]
    pub fn is_sqlite(&self) -> bool {
        matches!(self, Self::Sqlite(_))
    }

    /// Runs a statement; what comes back is how many rows it changed.
    pub async fn run(&mut self, sql: &'static str, values: &[Value]) -> Result<u64, Fault> {
        Ok(match self {
            Self::Sqlite(connection) => {
                bound_sqlite(sqlx::query(sql), values).execute(connection).await?.rows_affected()
            }
            Self::Postgres(connection) => {
                bound_postgres(sqlx::query(sql), values).execute(connection.as_mut()).await?.rows_affected()
            }
        })
    }

    /// The same with a statement that was put together here.
    pub(super) async fn run_made(&mut self, sql: String, values: &[Value]) -> Result<u64, Fault> {
        let sql = AssertSqlSafe(sql);
        Ok(match self {
            Self::Sqlite(connection) => {
                bound_sqlite(sqlx::query(sql), values).execute(connection).await?.rows_affected()
            }
            Self::Postgres(connection) => {
                bound_postgres(sqlx::query(sql), values).execute(connection.as_mut()).await?.rows_affected()
            }
        })
    }

    /// Runs a query.
    pub async fn rows(&mut self, sql: &'static str, values: &[Value]) -> Result<Vec<Row>, Fault> {
        Ok(match self {
            Self::Sqlite(connection) => {
                let rows = bound_sqlite(sqlx::query(sql), values).fetch_all(connection).await?;
                rows.into_iter().map(Row::Sqlite).collect()
            }
            Self::Postgres(connection) => {
                let rows = bound_postgres(sqlx::query(sql), values).fetch_all(connection.as_mut()).await?;
                rows.into_iter().map(Row::Postgres).collect()
            }
        })
    }

    /// The same with a query that was put together here.
    pub(super) async fn rows_made(&mut self, sql: String, values: &[Value]) -> Result<Vec<Row>, Fault> {
        let sql = AssertSqlSafe(sql);
        Ok(match self {
            Self::Sqlite(connection) => {
                let rows = bound_sqlite(sqlx::query(sql), values).fetch_all(connection).await?;
                rows.into_iter().map(Row::Sqlite).collect()
            }
            Self::Postgres(connection) => {
                let rows = bound_postgres(sqlx::query(sql), values).fetch_all(connection.as_mut()).await?;
                rows.into_iter().map(Row::Postgres).collect()
            }
        })
    }

    /// Runs a query of which one row is wanted.
    pub async fn row(&mut self, sql: &'static str, values: &[Value]) -> Result<Option<Row>, Fault> {
        Ok(self.rows(sql, values).await?.into_iter().next())
    }

    /// Begins a transaction that will write.
    pub async fn begin(&mut self) -> Result<(), Fault> {
        match self {
            Self::Sqlite(connection) => connection.execute("BEGIN IMMEDIATE").await?.rows_affected(),
            Self::Postgres(connection) => connection.execute("BEGIN").await?.rows_affected(),
        };
        Ok(())
    }

    /// Begins a transaction that only reads, and sees one state of everything.
    pub async fn begin_reading(&mut self) -> Result<(), Fault> {
        match self {
            Self::Sqlite(connection) => connection.execute("BEGIN").await?.rows_affected(),
            Self::Postgres(connection) => {
                connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?.rows_affected()
            }
        };
        Ok(())
    }

    /// Makes the transaction durable.
    pub async fn commit(&mut self) -> Result<(), Fault> {
        self.run("COMMIT", &[]).await.map(|_| ())
    }

    /// Gives the transaction up.
    pub async fn roll_back(&mut self) -> Result<(), Fault> {
        self.run("ROLLBACK", &[]).await.map(|_| ())
    }

    /// Closes it in order.
    pub async fn close(self) -> Result<(), Fault> {
        match self {
            Self::Sqlite(connection) => connection.close().await?,
            Self::Postgres(connection) => connection.close().await?,
        }
        Ok(())
    }
}

async fn sqlite(path: &Path, create: bool) -> Result<SqliteConnection, Fault> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(create)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(PATIENCE)
        .pragma("trusted_schema", "OFF")
        .disable_statement_logging();
    Ok(options.connect().await?)
}

type SqliteQuery<'q> = Query<'q, Sqlite, SqliteArguments>;
type PostgresQuery<'q> = Query<'q, Postgres, PgArguments>;

fn bound_sqlite<'q>(query: SqliteQuery<'q>, values: &[Value]) -> SqliteQuery<'q> {
    values.iter().fold(query, |query, value| match value {
        Value::Int(value) => query.bind(*value),
        Value::Text(value) => query.bind(value.clone()),
        Value::Bytes(value) => query.bind(value.clone()),
        // Lists have no form in SQLite; nothing here hands it one.
        Value::Ints(_) | Value::Many(_) => query.bind(None::<i64>),
    })
}

fn bound_postgres<'q>(query: PostgresQuery<'q>, values: &[Value]) -> PostgresQuery<'q> {
    values.iter().fold(query, |query, value| match value {
        Value::Int(value) => query.bind(*value),
        Value::Text(value) => query.bind(value.clone()),
        Value::Bytes(value) => query.bind(value.clone()),
        Value::Ints(values) => query.bind(values.clone()),
        Value::Many(values) => query.bind(values.clone()),
    })
}
