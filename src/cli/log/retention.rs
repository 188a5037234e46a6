//! `countersign log retention`: how long what the entries point to is kept, who may shorten that, and what goes.

use std::fmt::Write as _;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};

use super::key::Signing;
use super::{Failure, REFUTED, Trusted, put, text};
use crate::cli::append::address;
use crate::cli::evidence::Evidence;
use crate::cli::{PROCEED, UNKNOWN, USAGE, answer};
use crate::flow::record::{Log, Place};
use crate::flow::retention::{self, Failed, Recording};
use crate::log::note::{Note, Signer};
use crate::log::retention::{Act, Due, Order, Written};
use crate::log::tree::Hash;
use crate::report::neutral;
use crate::store::address::Address;
use crate::store::annex::Annex;
use crate::store::fault::Fault;
use crate::store::signatory::Signatory;

#[derive(Subcommand)]
pub(in crate::cli) enum Command {
    /// Show what is in force, what is held, what is due, and what went that nobody was entitled to let go.
    Show {
        #[command(flatten)]
        trusted: Trusted,
        /// The instant that things are due at, RFC 3339. Left out: now.
        #[arg(long, value_name = "RFC3339")]
        now: Option<DateTime<Utc>>,
    },
    /// Let settings come into force. Such as let something go earlier than before take an order of keepers.
    Set {
        #[command(flatten)]
        writing: Writing,
        /// The settings, YAML or JSON: `version: 1`, `default`, `kinds`, `regulations`, `applies`, `keepers`,
        /// `keepers_needed`.
        file: PathBuf,
        /// The order, where it takes one.
        #[arg(long, value_name = "FILE")]
        order: Option<PathBuf>,
    },
    /// Hold what belongs to releases beyond its time, or everything.
    Hold {
        #[command(flatten)]
        writing: Writing,
        /// The name of the hold, such as that of a case.
        name: String,
        /// Why.
        #[arg(long)]
        reason: String,
        /// A release whose records are held; repeat it. Left out: everything is held.
        #[arg(long, value_name = "NAME")]
        release: Vec<String>,
    },
    /// End a hold, by an order of keepers.
    Lift {
        #[command(flatten)]
        writing: Writing,
        /// The name of the hold.
        name: String,
        /// The order.
        #[arg(long, value_name = "FILE")]
        order: PathBuf,
    },
    /// Delete the bytes whose time is over. Their digests stay, in an entry that says so, and the log still verifies.
    Expire {
        #[command(flatten)]
        writing: Writing,
        #[command(flatten)]
        evidence: Evidence,
        /// Say what would go, and let it be.
        #[arg(long)]
        dry_run: bool,
    },
    /// Delete bytes before their time, by an order of keepers.
    Purge {
        #[command(flatten)]
        writing: Writing,
        #[command(flatten)]
        evidence: Evidence,
        /// The order.
        #[arg(long, value_name = "FILE")]
        order: PathBuf,
    },
    /// Write an order, for keepers to sign: to purge digests, to let settings come into force, or to lift a hold.
    Order(Ordering),
    /// Sign an order as a keeper, after reading it.
    Sign {
        /// The order; the signature is added to it.
        order: PathBuf,
        /// The keeper's private key, a file: `countersign log key new` makes one.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
    },
}

/// Where it is recorded, and who signs.
#[derive(Args)]
pub(in crate::cli) struct Writing {
    /// The database: `sqlite:FILE` or `postgres://…`; or COUNTERSIGN_DATABASE.
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    #[command(flatten)]
    signing: Signing,
    /// The instant, for trying.
    #[arg(long, hide = true)]
    now: Option<DateTime<Utc>>,
}

#[derive(Args)]
#[group(skip)]
pub(in crate::cli) struct Ordering {
    /// The log's name.
    #[arg(long)]
    log: String,
    /// Why, on one line.
    #[arg(long)]
    reason: String,
    /// A SHA-256 digest whose bytes are to go before their time; repeat it.
    #[arg(long, value_name = "DIGEST", conflicts_with_all = ["settings", "lift"], required_unless_present_any = ["settings", "lift"])]
    purge: Vec<String>,
    /// The settings that are to come into force, a file.
    #[arg(long, value_name = "FILE", conflicts_with = "lift")]
    settings: Option<PathBuf>,
    /// The legal hold that is to end.
    #[arg(long, value_name = "NAME")]
    lift: Option<String>,
    /// The file for the order.
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
}

fn failed(why: Failed) -> Failure {
    match why {
        Failed::Record(fault) => fault.into(),
        Failed::Database(fault) => super::succession::failed(&fault),
        Failed::Refused(_) => Failure(USAGE, why.to_string()),
        Failed::Busy => Failure(UNKNOWN, why.to_string()),
    }
}

impl Writing {
    fn at(&self) -> DateTime<Utc> {
        self.now.unwrap_or_else(Utc::now)
    }

    fn address(&self) -> Result<Address, Failure> {
        address(self.database.as_deref())
    }

    /// Hands on where it is recorded. A mistake in the key is told before the log is read.
    fn recorded<T>(
        &self,
        annex: Option<&Annex>,
        work: impl FnOnce(Recording<'_, &dyn Fn() -> Result<Signatory, Failed>>) -> Result<T, Failed>,
    ) -> Result<T, Failure> {
        self.signing.signatory()?;
        let unsigned = |Failure(_, why)| Failed::Database(Fault::Unsigned { why });
        let signer = || self.signing.signatory().map_err(unsigned);
        let address = self.address()?;
        work(Recording { address: &address, signer: &signer, annex, at: self.at() }).map_err(failed)
    }
}

fn settings(path: &std::path::Path) -> Result<Written, Failure> {
    let text = text(path)?;
    serde_saphyr::from_str(&text).map_err(|error| Failure(USAGE, format!("`{}`: {error}", path.display())))
}

pub(super) fn run(command: &Command) -> Result<u8, Failure> {
    match command {
        Command::Show { trusted, now } => show(trusted, now.unwrap_or_else(Utc::now)),
        Command::Set { writing, file, order } => {
            let (order, settings) = (order.as_deref().map(text).transpose()?, settings(file)?);
            writing.recorded(None, |record| record.settle(&settings, order.as_deref()))?;
            Ok(answer("the settings are in force\n"))
        }
        Command::Hold { writing, name, reason, release } => {
            writing.recorded(None, |record| record.hold(name, reason, release))?;
            let what = if release.is_empty() { "everything".to_owned() } else { release.join(", ") };
            Ok(answer(&format!("held by `{name}`: {what}\n")))
        }
        Command::Lift { writing, name, order } => {
            let order = text(order)?;
            writing.recorded(None, |record| record.lift(name, &order))?;
            Ok(answer(&format!("`{name}` is lifted\n")))
        }
        Command::Expire { writing, evidence, dry_run } => expire(writing, evidence, *dry_run),
        Command::Purge { writing, evidence, order } => {
            let (annex, order) = (evidence.annex()?, text(order)?);
            let (order, count) = writing.recorded(annex.as_ref(), |record| record.purge(&order))?;
            Ok(answer(&format!("the bytes of {count} digests are gone: {}\n", neutral::line(&order.reason, 1_000))))
        }
        Command::Order(order) => write_order(order),
        Command::Sign { order, key } => {
            let signer = Signer::parse(&text(key)?).map_err(|flaw| Failure(USAGE, flaw.to_string()))?;
            let written = text(order)?;
            // One that nobody has signed yet is no note, only its text.
            let note = Note::parse(&written).ok().or_else(|| Note::new(written.trim_end().to_owned() + "\n"));
            let Some(mut note) = note.filter(|note| Order::parse(&note.text).is_some()) else {
                return Err(Failure(USAGE, format!("`{}` is no order", order.display())));
            };
            if signer.verifier().check(&note).is_err() {
                signer.sign(&mut note, 0);
            }
            put(order, note.to_string().as_bytes())?;
            Ok(answer(&note.text))
        }
    }
}

/// The digest that a text states, with or without `sha256:` before it.
pub(in crate::cli) fn digest(text: &str) -> Result<Hash, Failure> {
    let hash = Hash::parse(text.strip_prefix("sha256:").unwrap_or(text));
    hash.ok_or_else(|| Failure(USAGE, format!("`{text}` is no SHA-256 digest")))
}

fn write_order(order: &Ordering) -> Result<u8, Failure> {
    let act = if let Some(file) = &order.settings {
        Act::Retain(settings(file)?.digest())
    } else if let Some(name) = &order.lift {
        Act::Lift(name.clone())
    } else {
        Act::Purge(order.purge.iter().map(|text| digest(text)).collect::<Result<_, _>>()?)
    };
    let written = Order { log: order.log.clone(), act, reason: order.reason.clone() };
    let Some(note) = written.note() else {
        return Err(Failure(USAGE, "an order has a reason, on one line".to_owned()));
    };
    put(&order.output, note.text.as_bytes())?;
    Ok(answer(&note.text))
}

fn line(due: &Due) -> String {
    format!("sha256:{}  {}, until {}\n", due.digest, due.kind.word(), due.since.to_rfc3339())
}

fn expire(writing: &Writing, evidence: &Evidence, dry_run: bool) -> Result<u8, Failure> {
    let due = if dry_run {
        let (signer, address) = (writing.signing.signatory()?, writing.address()?);
        let mut log = Log::open(&Place::Database(address.clone()))?;
        let keys = log.keys(&signer.verifier().into())?;
        let read = retention::read(&mut log, &keys)?;
        retention::due(&address, &read.ledger, writing.at()).map_err(failed)?
    } else {
        writing.recorded(evidence.annex()?.as_ref(), |record| record.expire())?
    };
    let mut out: String = due.iter().map(line).collect();
    let _ = writeln!(out, "{} {}", due.len(), if dry_run { "would go" } else { "gone" });
    Ok(answer(&out))
}

fn show(trusted: &Trusted, now: DateTime<Utc>) -> Result<u8, Failure> {
    let (mut log, keys, _) = trusted.open()?;
    let read = retention::read(&mut log, &keys)?;
    let mut out = String::new();
    match read.ledger.settings() {
        None => out.push_str("no settings are in force, and nothing goes\n"),
        Some(written) => {
            let text = serde_json::to_string(written).map_err(|error| Failure(UNKNOWN, error.to_string()))?;
            let _ = writeln!(out, "in force: {text}");
        }
    }
    for hold in read.ledger.holds() {
        let releases = if hold.releases.is_empty() { "everything".to_owned() } else { hold.releases.join(", ") };
        let words = format!("held by `{}` ({}): {releases}", hold.name, hold.reason);
        let _ = writeln!(out, "{}", neutral::line(&words, 4_000));
    }
    let _ =
        writeln!(out, "{} digests are kept, the time of {} is over", read.ledger.kept(), read.ledger.due(now).len());
    for breach in read.ledger.breaches() {
        let _ = writeln!(out, "nobody was entitled to it: {}", neutral::line(breach, 4_000));
    }
    let code = answer(&out);
    Ok(if code == PROCEED && !read.ledger.breaches().is_empty() { REFUTED } else { code })
}
