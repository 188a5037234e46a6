//! `countersign db`: the record's database, laid out, copied and brought back.

use std::fmt::Write as _;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::Subcommand;

use super::append::address;
use super::log::{Failure, REFUTED};
use super::{PROCEED, UNKNOWN, USAGE, answer, complain, evidence, tables};
use crate::flow::record;
use crate::store::address::Address;
use crate::store::copy::{self, Source};
use crate::store::fault::Fault;
use crate::store::migrations;
use crate::store::reader::{Head, Reader};
use crate::store::session::Session;
use crate::store::standing::Standing;
use crate::store::stands::Table;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Lay out the tables as this version needs them. It only goes forward, and can be stopped at any instant.
    Migrate(Database),
    /// Say how the tables are laid out, up to where the log goes, and what of the record is behind: migrations that are to
    /// run, entries that no checkpoint covers, effects that wait, decisions and obligations whose time has come.
    Status {
        #[command(flatten)]
        database: Database,
        /// The instant, for trying.
        #[arg(long, hide = true)]
        now: Option<DateTime<Utc>>,
    },
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
    /// Look at what is kept outside the database, and remove there what nobody points to.
    #[command(subcommand)]
    Evidence(evidence::Command),
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
    done(command).unwrap_or_else(|Failure(code, words)| {
        complain(&words);
        code
    })
}

fn done(command: &Command) -> Result<u8, Failure> {
    let text = match command {
        Command::Migrate(database) => on(database, migrate),
        Command::Status { database, now } => return status(&database.address()?, now.unwrap_or_else(Utc::now)),
        Command::Evidence(command) => return evidence::run(command),
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
    Ok(answer(&text?))
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

/// What is known of a record: its layout, and where that is whole, its head and what stands in it.
struct Known {
    steps: Vec<migrations::Status>,
    log: Option<(Head, Standing)>,
}

fn known(address: &Address, now: DateTime<Utc>) -> Result<Known, Failure> {
    if let Address::Sqlite(path) = address
        && !path.exists()
    {
        return Err(Failure(UNKNOWN, format!("`{}` is not there", path.display())));
    }
    block(async {
        let mut session = Session::open(address, false).await?;
        let steps = migrations::status(&mut session).await?;
        session.close().await?;
        if steps.iter().any(|step| !step.done) {
            return Ok(Known { steps, log: None });
        }
        let mut reader = Reader::open(address).await?;
        let log = match reader.head().await {
            Err(Fault::NoLog) => None,
            head => Some((head?, reader.standing(now).await?)),
        };
        reader.close().await?;
        Ok(Known { steps, log })
    })
}

fn status(address: &Address, now: DateTime<Utc>) -> Result<u8, Failure> {
    let Known { steps, log } = known(address, now)?;
    let mut out = format!("{address}\n");
    let to_run = steps.iter().filter(|step| !step.done).count();
    for step in steps {
        let done = if step.done { "done" } else { "to run" };
        let _ = writeln!(out, "migration {}, {}: {done}", step.number, step.name);
    }
    if to_run > 0 {
        let _ = writeln!(out, "behind: {to_run} migrations are to run, with `countersign db migrate`");
        return Ok(answer(&out));
    }
    let Some((head, standing)) = log else {
        out.push_str("no log yet\n");
        return Ok(answer(&out));
    };
    let _ = writeln!(out, "log {} of {} entries", head.vkey, standing.size);
    if let Some(place) = head.moved {
        let _ = writeln!(out, "moved to {place}");
    }
    stands(&mut out, &standing);
    let code = answer(&out);
    Ok(if code == PROCEED && !standing.is_sound() { REFUTED } else { code })
}

/// What stands in the record beside its log, and what of it is behind.
fn stands(out: &mut String, standing: &Standing) {
    let Standing { size, signed, entries, cosigned, writers, waiting, due, dead, timers, open, overdue } = standing;
    if !standing.is_sound() {
        let signed = signed.map_or("nothing".to_owned(), |signed| format!("{signed} entries"));
        let _ = writeln!(
            out,
            "DAMAGED: the head of the log covers {size} entries, its checkpoint {signed}, and {entries} are there: \
             `countersign log verify` says what holds"
        );
    }
    let _ = writeln!(out, "cosigned by witnesses: {cosigned} of {size} entries");
    let _ = writeln!(out, "may write now: {writers} processes");
    let _ = writeln!(out, "to leave: {waiting} effects, {due} of them due; {dead} given up");
    let _ = writeln!(out, "to be decided again: {timers} releases");
    let _ = writeln!(out, "owed: {open} obligations, {overdue} of them overdue");
}

fn copied(from: &Address, to: &Address, source: Source) -> Result<String, Failure> {
    if from == to {
        return Err(Failure(USAGE, "a record is not copied onto itself".to_owned()));
    }
    let rows = block(copy::copy(from, to, source, Utc::now().timestamp_micros()))?;
    Ok(format!("{rows} rows copied from {from} to {to}"))
}
