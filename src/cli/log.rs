//! `countersign log`: the record's log, written to by pipelines and read by whoever doubts it.

pub(super) mod key;
#[cfg(feature = "app")]
pub(super) mod reading;
#[cfg(feature = "app")]
pub(super) mod retention;
#[cfg(feature = "app")]
mod serve;
#[cfg(feature = "app")]
mod succession;
#[cfg(feature = "app")]
mod watch;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
#[cfg(feature = "app")]
use serde_json::json;

use super::environment::variable;
use super::{PROCEED, UNKNOWN, USAGE, answer, complain};
use crate::flow::record::{self, Fault, Log, Place};
use crate::log::entry::Entry;
use crate::log::keys::Keys;
use crate::log::note::Verifier;
use crate::log::witness::Quorum;
use crate::report::neutral;
use crate::store::folder::Folder;

/// The log is not what was signed.
pub const REFUTED: u8 = 12;

/// Every exit code of `countersign log` and `countersign db`, with what it means.
pub(super) const EXIT_CODES: [(u8, &str); 4] = [
    (PROCEED, "it was done, and what was read is what was signed"),
    (REFUTED, "what was read is not what was signed; the first entry at fault is named"),
    (UNKNOWN, "it could not be read or written, so nothing is known of it"),
    (USAGE, "the command, a key or an entry is wrong, and nothing was done"),
];

#[derive(Subcommand)]
pub(super) enum Command {
    /// Append an entry: something that happened, as a JSON object.
    #[cfg(feature = "app")]
    Append(super::append::Arguments),
    /// Verify every entry and every hash against the signed checkpoint, or what came after a checkpoint that was kept
    /// elsewhere.
    Verify(Verify),
    /// Show entries, one a line.
    Show(Show),
    /// Export the log as files of the C2SP specification tlog-tiles, verified on the way; an older export is continued.
    Export(Export),
    /// Prove one entry to somebody who has the log's key and nothing else.
    Prove(Prove),
    /// Print the signed checkpoint, for keeping where nobody of yours can rewrite it.
    Checkpoint(Source),
    /// Work on the key with which a log is signed.
    #[command(subcommand)]
    Key(key::Key),
    /// Bring back entries that the database has lost, out of an export, under the checkpoint that was signed over them.
    #[cfg(feature = "app")]
    Recover(succession::Recover),
    /// Serve the log's files over HTTP, read-only, for clients of the C2SP specification tlog-tiles.
    #[cfg(feature = "app")]
    Serve(serve::Serve),
    /// Ask witnesses to cosign the newest checkpoint (the C2SP specification tlog-witness), and keep it with what they
    /// answer. One who has seen another history, or a longer one, says so.
    #[cfg(feature = "app")]
    Cosign(watch::Cosign),
    /// Hand the newest checkpoint to places that whoever administers the log cannot rewrite. A place whose last one is not
    /// continued gets nothing, and says that there are two histories.
    #[cfg(feature = "app")]
    Publish(watch::Publish),
    /// How long what the entries point to is kept, who may shorten that, and what goes.
    #[cfg(feature = "app")]
    #[command(subcommand)]
    Retention(retention::Command),
}

/// Where the log is.
#[derive(Args)]
pub(super) struct Source {
    /// The database: `sqlite:FILE` or `postgres://…`; or COUNTERSIGN_DATABASE.
    #[cfg(feature = "app")]
    #[arg(long, value_name = "URL", conflicts_with = "folder")]
    database: Option<String>,
    /// A folder to which the log was exported.
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
}

/// Where the log is, and by which key it is signed.
#[derive(Args)]
pub(super) struct Trusted {
    #[command(flatten)]
    source: Source,
    /// The log's key: `name+hash+key`, or a file that holds one; or COUNTERSIGN_LOG_KEY.
    /// Left out, the database's own word is taken for it, which proves nothing against who can write there.
    #[arg(long, value_name = "KEY")]
    log_key: Option<String>,
}

#[derive(Args)]
pub(super) struct Verify {
    #[command(flatten)]
    trusted: Trusted,
    /// A checkpoint that was kept elsewhere: the log must continue it, and only what came after it is read.
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    #[command(flatten)]
    watched: Watched,
}

/// Whose word is asked for beside the log's.
#[derive(Args, Default)]
pub(super) struct Watched {
    /// A witness's key, `name+hash+key` or a file that holds one: its cosignature is asked for; repeat it.
    #[arg(long, value_name = "KEY")]
    witness: Vec<String>,
    /// How many of the witnesses must have cosigned. Left out: all of them.
    #[arg(long, value_name = "NUMBER", requires = "witness")]
    witnesses: Option<usize>,
}

impl Watched {
    /// The witnesses that are asked for; `None` where none is.
    pub(super) fn quorum(&self) -> Result<Option<Quorum>, Failure> {
        if self.witness.is_empty() {
            return Ok(None);
        }
        let key = |stated: &String| key::public_key(stated);
        let witnesses = self.witness.iter().map(key).collect::<Result<Vec<_>, _>>()?;
        let needed = self.witnesses.unwrap_or(witnesses.len());
        Quorum::new(witnesses, needed).map(Some).map_err(|why| Failure(USAGE, why.to_string()))
    }
}

/// Why the witnesses' word is not there.
pub(super) fn unwitnessed(quorum: &Quorum) -> Failure {
    let words = format!("not witnessed: fewer than {} of {} witnesses cosigned it", quorum.needed(), quorum.known());
    Failure(REFUTED, words)
}

#[derive(Args)]
pub(super) struct Show {
    #[command(flatten)]
    trusted: Trusted,
    #[cfg(feature = "app")]
    #[command(flatten)]
    reading: reading::Reading,
    /// The first entry, counted from 0. Left out: the last ones are shown.
    #[arg(long, value_name = "INDEX")]
    from: Option<u64>,
    /// How many, at most.
    #[arg(long, value_name = "NUMBER", default_value_t = 20)]
    limit: u64,
    /// Print the entries' very bytes, one a line.
    #[arg(long)]
    raw: bool,
}

#[derive(Args)]
pub(super) struct Export {
    #[command(flatten)]
    trusted: Trusted,
    #[cfg(feature = "app")]
    #[command(flatten)]
    reading: reading::Reading,
    /// The folder.
    to: PathBuf,
}

#[derive(Args)]
pub(super) struct Prove {
    #[command(flatten)]
    trusted: Trusted,
    #[cfg(feature = "app")]
    #[command(flatten)]
    reading: reading::Reading,
    /// The entry's number, counted from 0.
    index: u64,
    /// Prove it under the newest checkpoint that these witnesses cosigned, instead of the newest.
    #[command(flatten)]
    watched: Watched,
    /// Write the entry's very bytes to this file; the proof is of them.
    #[arg(long, value_name = "FILE")]
    entry: Option<PathBuf>,
    /// Write the proof to this file instead of standard output.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// What went wrong, with the exit code.
pub(super) struct Failure(pub(super) u8, pub(super) String);

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        let code = match &fault {
            Fault::NoEntry { .. } => USAGE,
            fault if fault.is_refutation() => REFUTED,
            _ => UNKNOWN,
        };
        Self(code, fault.to_string())
    }
}

impl Source {
    fn place(&self) -> Result<Place, Failure> {
        if let Some(folder) = &self.folder {
            return Ok(Place::Folder(folder.clone()));
        }
        #[cfg(feature = "app")]
        return Ok(Place::Database(super::append::address(self.database.as_deref())?));
        #[cfg(not(feature = "app"))]
        Err(Failure(USAGE, "name the folder to which the log was exported, with `--folder`".to_owned()))
    }
}

impl Trusted {
    /// Opens the log, with the key to judge it by, and whether that is the log's own word.
    pub(super) fn open(&self) -> Result<(Log, Keys, bool), Failure> {
        let place = self.source.place()?;
        let stated = self.log_key.clone().or_else(|| variable("COUNTERSIGN_LOG_KEY"));
        let trusted = stated.as_deref().map(key::public_keys).transpose()?;
        let mut log = Log::open(&place)?;
        if let Some(trusted) = trusted {
            let keys = log.keys(&trusted)?;
            return Ok((log, keys, false));
        }
        let Some(own) = log.stated_key()? else {
            return Err(Failure(USAGE, "a folder states no key: name the log's with `--log-key`".to_owned()));
        };
        let key = Verifier::parse(&own).map_err(|flaw| Failure(REFUTED, flaw.to_string()))?;
        let keys = log.keys(&Keys::from(&key))?;
        Ok((log, keys, true))
    }
}

pub(super) fn run(command: &Command) -> u8 {
    let done = match command {
        #[cfg(feature = "app")]
        Command::Append(arguments) => super::append::run(arguments),
        Command::Verify(arguments) => verify(arguments),
        Command::Show(arguments) => show(arguments),
        Command::Export(arguments) => export(arguments),
        Command::Prove(arguments) => prove(arguments),
        Command::Checkpoint(source) => checkpoint(source),
        Command::Key(key) => key::run(key),
        #[cfg(feature = "app")]
        Command::Recover(arguments) => succession::recover(arguments),
        #[cfg(feature = "app")]
        Command::Serve(arguments) => serve::run(arguments),
        #[cfg(feature = "app")]
        Command::Cosign(arguments) => watch::cosign(arguments),
        #[cfg(feature = "app")]
        Command::Publish(arguments) => watch::publish(arguments),
        #[cfg(feature = "app")]
        Command::Retention(command) => retention::run(command),
    };
    done.unwrap_or_else(|Failure(code, words)| {
        complain(&words);
        code
    })
}

/// A file that is short, as text.
pub(super) fn text(path: &Path) -> Result<String, Failure> {
    let failure = |why: String| Failure(USAGE, format!("`{}`: {why}", path.display()));
    let length = std::fs::metadata(path).map_err(|error| failure(error.to_string()))?.len();
    if length > 1 << 20 {
        return Err(failure("it has over 1 MiB, and is no key or checkpoint".to_owned()));
    }
    std::fs::read_to_string(path).map_err(|error| failure(error.to_string()))
}

fn plural(number: u64) -> String {
    format!("{number} {}", if number == 1 { "entry" } else { "entries" })
}

fn verify(arguments: &Verify) -> Result<u8, Failure> {
    let kept = arguments.from.as_deref().map(text).transpose()?;
    let quorum = arguments.watched.quorum()?;
    let (mut log, key, own_word) = arguments.trusted.open()?;
    let sound = record::verify(&mut log, &key, kept.as_deref(), &mut |_, _| {})?;
    let verified = sound.verified;
    let done = if kept.is_some() {
        let new = plural(verified.size - verified.from);
        format!("the checkpoint of {} is continued, and {new} after it verified", plural(verified.from))
    } else {
        format!("{} verified", plural(verified.size))
    };
    let mut out = format!("{done}: {}, size {}, root {}\n", key.name(), verified.size, verified.root);
    if own_word {
        out.push_str("not shown: that the key is the log's; it is the database's word, so bring it with `--log-key`\n");
    }
    if let Some(quorum) = &quorum {
        let seen = record::witnessed(&mut log, &key, quorum, verified.size)?.ok_or_else(|| unwitnessed(quorum))?;
        let _ = writeln!(out, "witnessed by {} of {}: the first {}", quorum.needed(), quorum.known(), plural(seen));
    } else if kept.is_none() {
        out.push_str(
            "not witnessed: nothing shows that this is the history that others saw; \
             compare it with a checkpoint that was kept elsewhere, with `--from`\n",
        );
    }
    Ok(answer(&out))
}

fn show(arguments: &Show) -> Result<u8, Failure> {
    #[cfg(feature = "app")]
    {
        let asked = json!({ "command": "log show", "from": arguments.from, "limit": arguments.limit });
        arguments.reading.record(&arguments.trusted, asked)?;
    }
    let (mut log, key, _) = arguments.trusted.open()?;
    let text = log.checkpoint()?;
    let (checkpoint, _) =
        crate::log::checkpoint::Checkpoint::open(&text, &key).map_err(|flaw| Failure(REFUTED, flaw.to_string()))?;
    let size = checkpoint.size;
    let from = arguments.from.unwrap_or(size.saturating_sub(arguments.limit)).min(size);
    let to = from.saturating_add(arguments.limit).min(size);
    let mut index = from;
    while index < to {
        let bundle = index / 256;
        let mut out = Vec::new();
        for (number, entry) in (bundle * 256..).zip(log.bundle(bundle, size)?) {
            if number >= index && number < to {
                if arguments.raw {
                    out.extend_from_slice(&entry);
                    out.push(b'\n');
                } else {
                    out.extend_from_slice(line(number, &entry).as_bytes());
                }
            }
        }
        if super::print_bytes(&out).is_err() {
            return Err(Failure(UNKNOWN, "standard output could not be written".to_owned()));
        }
        index = (bundle + 1) * 256;
    }
    Ok(PROCEED)
}

/// An entry as a person reads it.
fn line(index: u64, bytes: &[u8]) -> String {
    match Entry::parse(bytes) {
        Ok(entry) => {
            let at = entry.at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
            let body = serde_json::Value::Object(entry.body).to_string();
            format!("{index}  {at}  {}  {}\n", entry.kind.word(), neutral::line(&body, 64 * 1024))
        }
        Err(unfit) => format!("{index}  {unfit}\n"),
    }
}

fn export(arguments: &Export) -> Result<u8, Failure> {
    #[cfg(feature = "app")]
    arguments.reading.record(&arguments.trusted, json!({ "command": "log export" }))?;
    let (mut log, key, _) = arguments.trusted.open()?;
    let exported = record::export(&mut log, &key, &Folder::new(&arguments.to))?;
    let new = exported.verified.size - exported.verified.from;
    Ok(answer(&format!(
        "{} in `{}`, {new} of them new, {} files written\n",
        plural(exported.verified.size),
        arguments.to.display(),
        exported.files
    )))
}

/// Writes a file that was asked for.
pub(super) fn put(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    std::fs::write(path, bytes).map_err(|error| Failure(UNKNOWN, format!("`{}`: {error}", path.display())))
}

fn prove(arguments: &Prove) -> Result<u8, Failure> {
    #[cfg(feature = "app")]
    arguments.reading.record(&arguments.trusted, json!({ "command": "log prove", "index": arguments.index }))?;
    let (mut log, key, _) = arguments.trusted.open()?;
    let proven = match arguments.watched.quorum()? {
        None => record::prove(&mut log, &key, arguments.index)?,
        Some(quorum) => {
            record::prove_witnessed(&mut log, &key, arguments.index, &quorum)?.ok_or_else(|| unwitnessed(&quorum))?
        }
    };
    if let Some(path) = &arguments.entry {
        put(path, &proven.entry)?;
    }
    let proof = proven.proof.to_string();
    match &arguments.output {
        Some(path) => put(path, proof.as_bytes()).map(|()| PROCEED),
        None => Ok(answer(&proof)),
    }
}

fn checkpoint(source: &Source) -> Result<u8, Failure> {
    Ok(answer(&Log::open(&source.place()?)?.checkpoint()?))
}
