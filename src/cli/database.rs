//! `countersign db`: the record's database, laid out, copied and brought back.

use std::fmt::Write as _;
use std::path::PathBuf;

use chrono::Utc;
use clap::Subcommand;

use super::append::address;
use super::log::Failure;
use super::{UNKNOWN, USAGE, answer, complain, tables};
use crate::flow::record;
use crate::store::address::Address;
use crate::store::copy::{self, Source};
use crate::store::fault::Fault;
use crate::store::migrations;
use crate::store::reader::Reader;
use crate::store::session::Session;
use crate::store::stands::Table;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Lay out the tables as this version needs them. It only goes forward, and can be stopped at any instant.
    Migrate(Database),
    /// Say how the tables are laid out, and up to where the log goes.
    Status(Database),
    /// Copy the whole record to a new file of SQLite, while others write to it.
    Backup {
        #[command(flatten)]
        database: Database,
        /// The new file.
        file: PathBuf,
    },
    /// Copy a backup into an empty database.
    Restore {
        #[command(flatten)]
        database: Database,
        /// The backup.
        file: PathBuf,
    },
    /// List what the record holds beside its log.
    List {
        #[command(flatten)]
        database: Database,
        /// Which table: deliveries, decisions, approvals, waivers, obligations, policies, outbox, destinations, timers.
        #[arg(value_parser = tables::table)]
        table: Table,
    },
    /// See and send what is to leave, and have tried again what was given up.
    #[command(subcommand)]
    Outbox(tables::Outbox),
    /// Say which releases are to be decided again, because time has come to where that can change something.
    Timers(tables::Timers),
    /// Move the whole record to another database, which goes on in its stead; this one takes no more entries.
    Move {
        #[command(flatten)]
        database: Database,
        /// The other database, which is empty.
        #[arg(long, value_name = "URL")]
        to: String,
    },
}

/// Which database.
#[derive(clap::Args)]
pub(super) struct Database {
    /// The database: `sqlite:FILE` or `postgres://…`; or COUNTERSIGN_DATABASE.
    #[arg(long, value_name = "URL")]
    database: Option<String>,
}

impl Database {
    /// As the command line states it.
    pub(super) fn stated(&self) -> Option<&str> {
        self.database.as_deref()
    }

    /// The database that was named.
    pub(super) fn address(&self) -> Result<Address, Failure> {
        address(self.stated())
    }
}

pub(super) fn run(command: &Command) -> u8 {
    let done = match command {
        Command::Migrate(database) => on(database, migrate),
        Command::Status(database) => on(database, status),
        Command::Backup { database, file } => on(database, |here| {
            copied(here, &Address::Sqlite(file.clone()), Source::Stays)
                .map(|rows| format!("{rows}; the backup is {}\n", sum(file)))
        }),
        Command::Restore { database, file } => on(database, |here| {
            copied(&Address::Sqlite(file.clone()), here, Source::Stays)
                .map(|rows| format!("{rows}; compare the log with a checkpoint that was kept elsewhere before it is written to: `countersign log verify --from`\n"))
        }),
        Command::List { database, table } => on(database, |here| tables::list(here, *table)),
        Command::Outbox(command) => tables::outbox(command),
        Command::Timers(arguments) => tables::timers(arguments),
        Command::Move { database, to } => on(database, |here| {
            let there = address(Some(to))?;
            copied(here, &there, Source::Moves).map(|rows| format!("{rows}; {here} takes no more entries\n"))
        }),
    };
    match done {
        Ok(text) => answer(&text),
        Err(Failure(code, words)) => {
            complain(&words);
            code
        }
    }
}

fn sum(file: &std::path::Path) -> String {
    let bytes = std::fs::metadata(file).map_or(0, |file| file.len());
    format!("`{}`, {bytes} bytes", file.display())
}

fn on(database: &Database, work: impl FnOnce(&Address) -> Result<String, Failure>) -> Result<String, Failure> {
    work(&database.address()?)
}

/// Runs something that waits for a database.
pub(super) fn block<T>(work: impl Future<Output = Result<T, Fault>>) -> Result<T, Failure> {
    record::runtime()?.block_on(work).map_err(|fault| {
        let code = if matches!(fault, Fault::NotEmpty(_)) { USAGE } else { UNKNOWN };
        Failure(code, fault.to_string())
    })
}

fn migrate(address: &Address) -> Result<String, Failure> {
    let ran = block(async {
        let mut session = Session::open(address, true).await?;
        let ran = migrations::migrate(&mut session, Utc::now().timestamp_micros()).await?;
        session.close().await?;
        Ok(ran)
    })?;
    Ok(format!(
        "{address}: layout {}, {} run\n",
        migrations::latest(),
        match ran.len() {
            0 => "nothing to".to_owned(),
            1 => "1 migration".to_owned(),
            many => format!("{many} migrations"),
        }
    ))
}

fn status(address: &Address) -> Result<String, Failure> {
    if let Address::Sqlite(path) = address
        && !path.exists()
    {
        return Err(Failure(UNKNOWN, format!("`{}` is not there", path.display())));
    }
    let (steps, head) = block(async {
        let mut session = Session::open(address, false).await?;
        let steps = migrations::status(&mut session).await?;
        session.close().await?;
        if steps.iter().any(|step| !step.done) {
            return Ok((steps, None));
        }
        let mut reader = Reader::open(address).await?;
        let head = match reader.head().await {
            Err(Fault::NoLog) => None,
            head => Some(head?),
        };
        reader.close().await?;
        Ok((steps, head))
    })?;
    let mut out = format!("{address}\n");
    for step in steps {
        let done = if step.done { "done" } else { "to run" };
        let _ = writeln!(out, "migration {}, {}: {done}", step.number, step.name);
    }
    match head {
        None => out.push_str("no log yet\n"),
        Some(head) => {
            let size = head.checkpoint.lines().nth(1).unwrap_or("?").to_owned();
            let _ = writeln!(out, "log {} of {size} entries", head.vkey);
            if let Some(place) = head.moved {
                let _ = writeln!(out, "moved to {place}");
            }
        }
    }
    Ok(out)
}

fn copied(from: &Address, to: &Address, source: Source) -> Result<String, Failure> {
    if from == to {
        return Err(Failure(USAGE, "a record is not copied onto itself".to_owned()));
    }
    let rows = block(copy::copy(from, to, source, Utc::now().timestamp_micros()))?;
    Ok(format!("{rows} rows copied from {from} to {to}"))
}
