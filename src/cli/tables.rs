//! `countersign db list`, `db outbox` and `db timers`: what the record holds beside its log, and what is to leave it.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command as Process, Stdio};
use std::time::{Duration, Instant};

use chrono::{DateTime, SecondsFormat, Utc};
use clap::Subcommand;

use super::database::{Database, block};
use super::evidence::Evidence;
use super::log::Failure;
use super::log::key::Signing;
use super::{UNKNOWN, USAGE};
use crate::flow::send::{self, Answer};
use crate::report::neutral;
use crate::store::address::Address;
use crate::store::annex::Annex;
use crate::store::outbox::{ATTEMPT, Backoff, Claimed};
use crate::store::reader::Reader;
use crate::store::session::Cell;
use crate::store::stands::{Says, Table};

/// How long a command that sends may take.
const SENDING: Duration = Duration::from_secs(45);
/// By which a command that sends says that it never will: EX_DATAERR of sysexits.
const NEVER: i32 = 65;

#[derive(Subcommand)]
pub(super) enum Outbox {
    /// List what is to leave, and what has left or was given up.
    List {
        #[command(flatten)]
        database: Database,
        /// Only those that were given up.
        #[arg(long)]
        dead: bool,
    },
    /// Show one effect, and what is sent.
    Show {
        #[command(flatten)]
        database: Database,
        /// Its number.
        effect: u64,
        #[command(flatten)]
        evidence: Evidence,
    },
    /// Have an effect tried again that was given up.
    Retry {
        #[command(flatten)]
        database: Database,
        #[command(flatten)]
        signing: Signing,
        /// Its number.
        effect: u64,
    },
    /// Send what is due, each by one run of a command: what is sent is its standard input, COUNTERSIGN_EFFECT_TO says
    /// where to, COUNTERSIGN_EFFECT_KEY is the same each time, by which a second sending is known as such. It ends with 0
    /// when it is done, with 65 when it never will be; with anything else, or after 45 seconds, it is tried again later.
    Send {
        #[command(flatten)]
        database: Database,
        #[command(flatten)]
        signing: Signing,
        #[command(flatten)]
        evidence: Evidence,
        /// The command, with its arguments.
        #[arg(required = true, last = true)]
        command: Vec<String>,
    },
}

/// Which releases are to be decided again.
#[derive(clap::Args)]
pub(super) struct Timers {
    #[command(flatten)]
    database: Database,
    /// Wait so many seconds, at most, until one is due.
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    wait: u64,
    /// The instant, for trying.
    #[arg(long, hide = true)]
    now: Option<DateTime<Utc>>,
}

/// The table of a word.
pub(super) fn table(word: &str) -> Result<Table, String> {
    Table::ALL.iter().copied().find(|table| table.word() == word).ok_or_else(|| {
        let words: Vec<_> = Table::ALL.iter().map(|table| table.word()).collect();
        format!("one of {}", words.join(", "))
    })
}

fn instant(micros: i64) -> String {
    let at = DateTime::from_timestamp_micros(micros);
    at.map_or_else(|| micros.to_string(), |at| at.to_rfc3339_opts(SecondsFormat::AutoSi, true))
}

fn cell(cell: &Cell, says: Says) -> String {
    match cell {
        Cell::Null => "-".to_owned(),
        Cell::Int(micros) if says == Says::Instant => instant(*micros),
        Cell::Int(number) => number.to_string(),
        Cell::Text(text) => neutral::line(text, 4 * 1024),
        Cell::Bytes(bytes) => format!("{} bytes", bytes.len()),
    }
}

fn read(address: &Address, table: Table) -> Result<Vec<Vec<Cell>>, Failure> {
    block(async {
        let mut reader = Reader::open(address).await?;
        let rows = reader.table(table).await?;
        reader.close().await?;
        Ok(rows)
    })
}

/// Lines of columns, parted by tabs, the first with their names.
fn lines(table: Table, rows: &[Vec<Cell>]) -> String {
    let names: Vec<&str> = table.columns().iter().map(|(name, _)| *name).collect();
    let mut out = format!("{}\n", names.join("\t"));
    for row in rows {
        let cells: Vec<String> = row.iter().zip(table.columns()).map(|(it, (_, says))| cell(it, *says)).collect();
        let _ = writeln!(out, "{}", cells.join("\t"));
    }
    out
}

pub(super) fn list(address: &Address, table: Table) -> Result<String, Failure> {
    let rows = read(address, table)?;
    if rows.is_empty() {
        return Ok(format!("none: the record has no {}\n", table.word()));
    }
    Ok(lines(table, &rows))
}

pub(super) fn outbox(command: &Outbox) -> Result<String, Failure> {
    match command {
        Outbox::List { database, dead } => {
            let rows = read(&database.address()?, Table::Outbox)?;
            let is_dead = |row: &Vec<Cell>| row.get(1) == Some(&Cell::Text("dead".to_owned()));
            let rows: Vec<_> = rows.into_iter().filter(|row| !dead || is_dead(row)).collect();
            if rows.is_empty() {
                let what = if *dead { "nothing was given up" } else { "nothing is to leave, and nothing has left" };
                return Ok(format!("{what}\n"));
            }
            Ok(lines(Table::Outbox, &rows))
        }
        Outbox::Show { database, effect, evidence } => show(&database.address()?, *effect, evidence.annex()?),
        Outbox::Retry { database, signing, effect } => {
            let signer = signing.signatory()?;
            let entry = send::retry(&database.address()?, signer, *effect, Utc::now())?;
            let entry = entry.map_err(|refused| Failure(USAGE, refused.to_string()))?;
            Ok(format!("effect {effect} is to leave again; entry {entry} says so\n"))
        }
        Outbox::Send { database, signing, evidence, command } => {
            let signer = signing.signatory()?;
            let mut seed = [0; 8];
            aws_lc_rs::rand::fill(&mut seed)
                .map_err(|_| Failure(UNKNOWN, "the machine gives no random numbers".to_owned()))?;
            let backoff = Backoff::new(u64::from_be_bytes(seed));
            let carry = |claimed: &Claimed, body: &[u8]| carried(command, claimed, body);
            let address = database.address()?;
            let counted = send::send(&address, signer, evidence.annex()?, backoff, Utc::now, &carry)?;
            let send::Counted { done, put_off, given_up } = counted;
            Ok(format!("{done} done, {put_off} put off, {given_up} given up\n"))
        }
    }
}

fn show(address: &Address, effect: u64, annex: Option<Annex>) -> Result<String, Failure> {
    let rows = read(address, Table::Outbox)?;
    let number = i64::try_from(effect).ok().map(Cell::Int);
    let Some(row) = rows.into_iter().find(|row| row.first() == number.as_ref()) else {
        let advice = "`countersign db outbox list` lists those that there are";
        return Err(Failure(USAGE, format!("there is no effect {effect}; {advice}")));
    };
    let mut out = String::new();
    for (it, (name, says)) in row.iter().zip(Table::Outbox.columns()) {
        let _ = writeln!(out, "{name}: {}", cell(it, *says));
    }
    let body = block(async {
        let mut reader = Reader::open(address).await?.with_annex(annex);
        let body = match reader.sends(effect).await? {
            Some(digest) => reader.blob(digest).await?,
            None => None,
        };
        reader.close().await?;
        Ok(body)
    })?;
    let body = body.map_or_else(
        || "not kept any more".to_owned(),
        |body| neutral::line(&String::from_utf8_lossy(&body), 64 * 1024),
    );
    let _ = writeln!(out, "{body}");
    Ok(out)
}

/// Runs the command that carries an effect out.
fn carried(command: &[String], claimed: &Claimed, body: &[u8]) -> Answer {
    let Some((program, arguments)) = command.split_first() else {
        return Answer::Failed("no command".to_owned());
    };
    let failed = |error: std::io::Error| Answer::Failed(format!("`{program}`: {error}"));
    let mut process = Process::new(program);
    process.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null());
    process.env("COUNTERSIGN_EFFECT", claimed.effect.to_string());
    process.env("COUNTERSIGN_EFFECT_KEY", &claimed.once).env("COUNTERSIGN_EFFECT_TO", &claimed.destination);
    // What signs the log, and what opens the database, is none of its business.
    for secret in ["COUNTERSIGN_LOG_KEY", "COUNTERSIGN_LOG_KEY_COMMAND", "COUNTERSIGN_DATABASE"] {
        process.env_remove(secret);
    }
    let mut child = match process.spawn() {
        Ok(child) => child,
        Err(error) => return failed(error),
    };
    // One that does not read it all may still do it.
    let fed = child.stdin.take().map(|mut into| {
        let body = body.to_vec();
        std::thread::spawn(move || into.write_all(&body))
    });
    let until = Instant::now() + SENDING.min(ATTEMPT);
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < until => std::thread::sleep(Duration::from_millis(20)),
            Ok(None) => {
                let _ = child.kill().and_then(|()| child.wait());
                return Answer::Failed(format!("`{program}` took over {} seconds", SENDING.as_secs()));
            }
            Err(error) => return failed(error),
        }
    };
    drop(fed);
    match status.code() {
        Some(0) => Answer::Done,
        Some(NEVER) => Answer::Refused(format!("`{program}` refuses it")),
        _ => Answer::Failed(format!("`{program}` ended with {status}")),
    }
}

pub(super) fn timers(arguments: &Timers) -> Result<String, Failure> {
    let address = arguments.database.address()?;
    let (due, earliest) = block(async {
        let mut reader = Reader::open(&address).await?;
        let clock = || arguments.now.unwrap_or_else(Utc::now);
        let due = reader.wait(clock, Duration::from_secs(arguments.wait)).await?;
        let earliest = reader.earliest().await?;
        reader.close().await?;
        Ok((due, earliest))
    })?;
    if due.is_empty() {
        return Ok(match earliest {
            Some(first) => format!("nothing is due; the earliest is {}\n", instant(first)),
            None => "nothing is due, and no decision waits for an instant\n".to_owned(),
        });
    }
    let line = |due: &crate::store::timers::Due| format!("{}\t{}\n", instant(due.since), due.stream);
    Ok(due.iter().map(line).collect())
}
