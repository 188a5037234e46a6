//! An auditor's reading: who reads the record, and what for, is in the log before anything of it is shown.

use std::path::PathBuf;

use chrono::Utc;
use serde_json::{Map, Value};

use super::super::append::address;
use super::key::Signing;
use super::{Failure, Trusted};
use crate::cli::{UNKNOWN, USAGE};
use crate::flow::append::{Happening, append};
use crate::log::entry::Kind;

/// Who reads, where that is to be recorded.
#[derive(clap::Args)]
pub(in crate::cli) struct Reading {
    /// Record first that this person reads, as an entry of kind `reading`: nothing is shown before that is in the log. It
    /// is the word of whoever runs the command. `--log-key` is then the private key.
    #[arg(long, value_name = "NAME", requires = "purpose")]
    reader: Option<String>,
    /// What the reading is for, such as the audit's number.
    #[arg(long, value_name = "TEXT", requires = "reader")]
    purpose: Option<String>,
    /// Let this command sign the entry instead, as with `log append`.
    #[arg(long = "log-key-command", value_name = "COMMAND", requires = "reader")]
    sign_command: Option<String>,
    /// The file outside the database that remembers how far the log was signed, as with `log append`.
    #[arg(long = "log-mark", value_name = "FILE", requires = "reader")]
    sign_mark: Option<PathBuf>,
}

impl Reading {
    /// Records who reads and what is read, where somebody is named.
    pub(in crate::cli) fn record(&self, trusted: &Trusted, read: Value) -> Result<(), Failure> {
        let (Some(reader), Some(purpose)) = (&self.reader, &self.purpose) else { return Ok(()) };
        if trusted.source.folder.is_some() {
            let why = "an exported folder takes no entries: name the record with `--database`, or leave `--reader` out";
            return Err(Failure(USAGE, why.to_owned()));
        }
        if reader.trim().is_empty() || purpose.trim().is_empty() {
            return Err(Failure(USAGE, "say who reads with `--reader`, and what for with `--purpose`".to_owned()));
        }
        let address = address(trusted.source.database.as_deref())?;
        let key = trusted.log_key.as_deref().map(PathBuf::from);
        let signer = Signing::of(key, self.sign_command.clone(), self.sign_mark.clone()).signatory()?;
        let mut body = Map::new();
        body.insert("reader".to_owned(), reader.trim().into());
        body.insert("purpose".to_owned(), purpose.trim().into());
        body.insert("read".to_owned(), read);
        let happened = Happening { kind: Kind::Reading, body, attached: Vec::new(), once: None };
        let unrecorded =
            |why: String| Failure(UNKNOWN, format!("nothing is shown, because the reading cannot be recorded: {why}"));
        let recorded = append(&address, signer, None, vec![happened], Utc::now())
            .map_err(|failed| unrecorded(failed.to_string()))?;
        recorded.into_iter().try_for_each(|one| one.map(drop).map_err(|refused| unrecorded(refused.to_string())))
    }
}
