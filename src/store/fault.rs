//! What goes wrong with a database, in words for whoever runs it.

use super::postgres;

/// Why the record could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The address is not one of a database.
    #[error("`{0}` is no database that can hold the record: name one as `sqlite:FILE` or `postgres://…`")]
    Address(String),
    /// The URL of PostgreSQL cannot be used.
    #[error("the URL of PostgreSQL cannot be used: {0}")]
    Url(String),
    /// PostgreSQL cannot be spoken to over TLS.
    #[error("TLS cannot be spoken with PostgreSQL: {0}")]
    Tls(String),
    /// SQLite answered with an error.
    #[error("the database failed: {0}")]
    Sqlite(#[source] Box<rusqlite::Error>),
    /// PostgreSQL answered with an error, or not at all.
    #[error("the database failed: {}", postgres::words(.0))]
    Postgres(#[source] Box<tokio_postgres::Error>),
    /// There is no thread for SQLite.
    #[error("the machine has no room for another thread: {0}")]
    Thread(std::io::Error),
    /// A file beside the database could not be used.
    #[error("`{path}`: {error}")]
    File {
        /// Which.
        path: String,
        /// Why.
        error: std::io::Error,
    },
    /// Another process writes to the file.
    #[error(
        "another process ({pid}) writes to `{path}`, and a SQLite file takes one writer: stop that one, or let it do this"
    )]
    SecondWriter {
        /// The database.
        path: String,
        /// What the other said of itself.
        pid: String,
    },
    /// The file lies on a file system that several machines share.
    #[error("`{path}` is on {kind}, where SQLite's locks do not hold: keep it on a local disk, or use PostgreSQL")]
    SharedDisk {
        /// The database.
        path: String,
        /// The kind of file system.
        kind: String,
    },
    /// The database was laid out by a newer version.
    #[error("the database has layout {found}, and this version knows {known} at most: use the newer version")]
    Newer {
        /// The layout found.
        found: i64,
        /// The last one known here.
        known: i64,
    },
    /// A migration that ran is not the one that is known by its number.
    #[error("migration {0} of the database is another than the one that this version knows by that number")]
    OtherMigration(i64),
    /// The database is not laid out, or not yet as this version needs it.
    #[error("the database has layout {found}, and this version needs {needed}: run `countersign db migrate`")]
    Behind {
        /// The layout found; 0 is none.
        found: i64,
        /// The layout needed.
        needed: i64,
    },
    /// There is no log yet.
    #[error("the database holds no log yet: the first entry that is appended begins one")]
    NoLog,
    /// The log is signed with another key.
    #[error("the log is signed with the key `{theirs}`, and this key is `{ours}`; name that one with `--log-key`")]
    OtherKey {
        /// The key that was given, as a verifier key.
        ours: String,
        /// The log's.
        theirs: String,
    },
    /// Nobody signed.
    #[error("nothing was recorded, because no signature could be had from the signing command: {why}")]
    Unsigned {
        /// Why not.
        why: String,
    },
    /// What remembers the largest signed tree cannot be used.
    #[error(
        "the mark `{path}`, which remembers how far the log was signed, cannot be used: {why}; name another place with \
         `--log-mark FILE`, or remember nothing with `--log-mark none`"
    )]
    Mark {
        /// The file.
        path: String,
        /// Why not.
        why: String,
    },
    /// The database is older than what was signed.
    #[error(
        "this key has signed a log of {signed} entries, which `{mark}` remembers, and the database has {found}: an older \
         state was brought back, and to go on from it would make a second history. Bring back a newer state with \
         `countersign db restore`, or the missing entries out of an export or a copy of the log's tiles with \
         `countersign log recover FOLDER`; where they are lost for good, begin a log of another name with a new key"
    )]
    SetBack {
        /// What was signed.
        signed: u64,
        /// What the database has.
        found: u64,
        /// Where that is remembered.
        mark: String,
    },
    /// The database has another history than what was signed.
    #[error(
        "this key has signed another log of {signed} entries, which `{mark}` remembers, than the one in the database: \
         nothing more is signed; compare both with a checkpoint that was kept elsewhere"
    )]
    OtherHistory {
        /// What was signed.
        signed: u64,
        /// Where that is remembered.
        mark: String,
    },
    /// A key cannot take the place of the log's.
    #[error("the new key cannot take the place of the log's: {0}")]
    NoSuccessor(String),
    /// The record was moved to another database.
    #[error("this record was moved to {0}, and takes no more entries here")]
    Moved(String),
    /// A database that must be empty is not.
    #[error("{0} holds a record already, and nothing is copied over it; name an empty database")]
    NotEmpty(String),
    /// What the database holds does not fit together.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    /// Whether a transaction was committed is not known.
    #[error(
        "the database went away before it said whether it had committed: ask again with the same key, which appends nothing twice"
    )]
    Uncertain,
    /// The disk failed while data was being made durable.
    #[error(
        "the disk failed while the record was made durable ({0}): nothing more is accepted until this is started anew"
    )]
    Broken(String),
    /// The lease ended while this process did nothing.
    #[error(
        "this process was stopped or cut off for longer than its lease of {0:?}, and others may have gone on without it: \
         it writes nothing more until it is started anew"
    )]
    Fenced(std::time::Duration),
    /// What lies in an annex is not there, or is not what it was, or the annex does not answer.
    #[error("what is kept as sha256:{digest} in `{place}`: {why}")]
    Annex {
        /// The digest.
        digest: String,
        /// The folder or the bucket.
        place: String,
        /// What is wrong.
        why: String,
    },
    /// A bucket does not say what lies in it.
    #[error("`{name}` does not say what lies in it: {why}")]
    Bucket {
        /// The bucket.
        name: String,
        /// Why not.
        why: String,
    },
    /// Something that is kept in an annex, and none was named.
    #[error(
        "sha256:{0} is kept outside the database: name the folder with `--evidence-folder`, or the bucket with \
         `--evidence-bucket`"
    )]
    NoAnnex(String),
    /// The sequencer has stopped.
    #[error("the record takes no more entries: it was stopped")]
    Stopped,
    /// An entry cannot be one.
    #[error("{0}")]
    Unfit(#[from] crate::log::entry::Unfit),
    /// A key or a note does not hold.
    #[error("{0}")]
    Note(#[from] crate::log::note::Flaw),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(Box::new(error))
    }
}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Postgres(Box::new(error))
    }
}

impl Fault {
    pub(super) fn file(path: &std::path::Path, error: std::io::Error) -> Self {
        Self::File { path: path.display().to_string(), error }
    }

    /// Whether SQLite could not read or write the disk.
    pub(super) fn is_disk(&self) -> bool {
        let Self::Sqlite(error) = self else { return false };
        error.sqlite_error_code() == Some(rusqlite::ErrorCode::SystemIoFailure)
    }

    /// Whether the same transaction, begun anew, may go through: the server undid this one to let another through.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self, Self::Postgres(error) if postgres::is_passing(error))
    }

    /// Whether a commit that failed with this may have been made durable all the same.
    pub(super) fn may_have_committed(&self) -> bool {
        matches!(self, Self::Postgres(error) if postgres::may_have_committed(error))
    }
}
