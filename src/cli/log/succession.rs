//! `countersign log key rotate` and `countersign log recover`: how a log goes on.

use std::path::PathBuf;
use std::time::Duration;

use chrono::Utc;
use clap::Args;

use super::key::{Signing, public_keys};
use super::{Failure, REFUTED, plural};
use crate::cli::append::address;
use crate::cli::{UNKNOWN, USAGE, answer};
use crate::flow::succession::{self, Failed};
use crate::log::keys::Keys;
use crate::log::note::Signer;
use crate::store::fault::Fault;
use crate::store::signatory::Signatory;

/// How long a command waits for another that writes to the same file.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Args)]
pub(in crate::cli) struct Rotate {
    /// The database: `sqlite:FILE` or `postgres://…`; or COUNTERSIGN_DATABASE.
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    #[command(flatten)]
    signing: Signing,
    /// The new private key, a file, of the log's own name: `countersign log key new` makes one.
    #[arg(long, value_name = "FILE")]
    new_key: PathBuf,
    /// Let this command sign for the new key, whose public half `--new-key` names then.
    #[arg(long, value_name = "COMMAND")]
    new_key_command: Option<String>,
    /// The file that remembers how far the new key has signed. Left out: beside its file; `none`: none.
    #[arg(long, value_name = "FILE")]
    new_mark: Option<PathBuf>,
}

#[derive(Args)]
pub(in crate::cli) struct Recover {
    /// The database: `sqlite:FILE` or `postgres://…`; or COUNTERSIGN_DATABASE.
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    #[command(flatten)]
    signing: Signing,
    /// An older key of the log's to judge the export by, where the one that signs now is not the only one.
    #[arg(long, value_name = "KEY")]
    trusted_key: Option<String>,
    /// The folder to which the log was exported, or a copy of its tiles.
    folder: PathBuf,
}

pub(super) fn failed(fault: &Fault) -> Failure {
    let code = match fault {
        Fault::SetBack { .. } | Fault::OtherHistory { .. } | Fault::Damaged(_) => REFUTED,
        Fault::NoSuccessor(_) | Fault::Unfit(_) | Fault::OtherKey { .. } => USAGE,
        _ => UNKNOWN,
    };
    Failure(code, fault.to_string())
}

pub(super) fn rotate(arguments: &Rotate) -> Result<u8, Failure> {
    let address = address(arguments.database.as_deref())?;
    let signer = arguments.signing.signatory()?;
    let file = arguments.new_key.display();
    let to = match &arguments.new_key_command {
        Some(line) => Signatory::command(line, super::key::public_key(&arguments.new_key.to_string_lossy())?),
        None => Signer::parse(&super::text(&arguments.new_key)?)
            .map_err(|flaw| Failure(USAGE, format!("`{file}`: {flaw}")))?
            .into(),
    };
    let beside = arguments.new_mark.clone().unwrap_or_else(|| format!("{file}.mark").into());
    let to = to.remembering(Some(beside).filter(|mark| mark.as_os_str() != "none"));
    let key = to.verifier().to_string();
    let appended = succession::rotate(&address, signer, to, PATIENCE, Utc::now()).map_err(refused)?;
    Ok(answer(&format!(
        "entry {}: from here on {key} signs. Give it to those who verify, or the history that `countersign log key history` \
         prints; the old key is not needed any more, and what it signs counts for nothing\n",
        appended.first
    )))
}

fn refused(why: Failed) -> Failure {
    match why {
        Failed::Record(fault) => fault.into(),
        Failed::Database(fault) => failed(&fault),
        Failed::NotNewest => Failure(USAGE, why.to_string()),
    }
}

pub(super) fn recover(arguments: &Recover) -> Result<u8, Failure> {
    let address = address(arguments.database.as_deref())?;
    let signer = arguments.signing.signatory()?;
    let trusted = match &arguments.trusted_key {
        Some(stated) => public_keys(stated)?,
        None => Keys::from(signer.verifier()),
    };
    let got =
        succession::recover(&address, signer, &trusted, &arguments.folder, PATIENCE, Utc::now()).map_err(refused)?;
    let lost = if got.blobs == 0 {
        String::new()
    } else {
        format!("; {} digests in them are of what an export does not have, and the database has not", got.blobs)
    };
    Ok(answer(&format!("{} brought back, the log has {}{lost}\n", plural(got.entries), plural(got.size))))
}
