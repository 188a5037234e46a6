//! `countersign log key`, and how the keys of a log are named on every command.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
#[cfg(feature = "app")]
use clap::Args;
use clap::Subcommand;

use super::{Failure, text};
#[cfg(feature = "app")]
use crate::cli::environment::variable;
use crate::cli::{UNKNOWN, USAGE, answer};
use crate::log::keys::Keys;
use crate::log::note::{Flaw, Kind, Signer, Verifier};
#[cfg(feature = "app")]
use crate::store::signatory::Signatory;

#[derive(Subcommand)]
pub(in crate::cli) enum Key {
    /// Make a new key, and print its public half.
    New {
        /// The log's name: a host and a path that are yours, such as `log.example/releases`.
        #[arg(long)]
        name: String,
        /// The file for the private half. It must not be there yet.
        #[arg(long, value_name = "FILE")]
        output: PathBuf,
    },
    /// Print the public half of a key.
    Show {
        /// The private key's file.
        file: PathBuf,
    },
    /// Print the public half of a key that is somewhere else, such as on a token, as a verifier key: what `--log-key` takes
    /// beside `--log-key-command`.
    Public {
        /// The log's name.
        #[arg(long)]
        name: String,
        /// The Ed25519 public key, as X.509 has it (SubjectPublicKeyInfo), in PEM or DER.
        file: PathBuf,
    },
    /// Put a new key in the place of the log's: an entry that both sign. What the old one signs from then on counts for
    /// nothing; what it has signed stays good.
    #[cfg(feature = "app")]
    Rotate(super::succession::Rotate),
    /// Print the log's keys, as they follow from the one that is trusted: for keeping, and for `--log-key`. With it the
    /// old keys are refused for what is not of their time.
    History {
        #[command(flatten)]
        trusted: super::Trusted,
        /// Print for which sizes of the log each key counts instead.
        #[arg(long)]
        times: bool,
    },
}

/// Who signs, where entries are written.
#[cfg(feature = "app")]
#[derive(Args, Clone)]
pub(in crate::cli) struct Signing {
    /// The log's private key, a file; or COUNTERSIGN_LOG_KEY, which may hold the key itself.
    #[arg(id = "log_key", long = "log-key", value_name = "FILE")]
    key: Option<PathBuf>,
    /// Let this command sign instead, run by a shell; or COUNTERSIGN_LOG_KEY_COMMAND. It gets the bytes to sign on its
    /// standard input, and prints the Ed25519 signature, as 64 bytes or in base64. `--log-key` names the public key then.
    #[arg(id = "log_key_command", long = "log-key-command", value_name = "COMMAND")]
    command: Option<String>,
    /// The file outside the database that remembers how far the log was signed, so that an older state of the database
    /// is not signed anew; or COUNTERSIGN_LOG_MARK. Left out: beside the key's file, its name with `.mark`; `none`: none.
    #[arg(id = "log_mark", long = "log-mark", value_name = "FILE")]
    mark: Option<PathBuf>,
}

#[cfg(feature = "app")]
impl Signing {
    /// Signs with these.
    pub(in crate::cli) fn of(key: Option<PathBuf>, command: Option<String>, mark: Option<PathBuf>) -> Self {
        Self { key, command, mark }
    }

    /// Whether the command line names who signs.
    pub(in crate::cli) fn is_stated(&self) -> bool {
        self.key.is_some() || self.command.is_some() || self.mark.is_some()
    }

    /// The same, by this key where neither the command line nor a variable names one.
    pub(in crate::cli) fn or_key(mut self, key: Option<PathBuf>) -> Self {
        if self.key.is_none() && variable("COUNTERSIGN_LOG_KEY").is_none() {
            self.key = key;
        }
        self
    }

    /// Who signs, as it was named.
    pub(in crate::cli) fn signatory(&self) -> Result<Signatory, Failure> {
        let command = self.command.clone().or_else(|| variable("COUNTERSIGN_LOG_KEY_COMMAND"));
        let stated = self.mark.clone().or_else(|| variable("COUNTERSIGN_LOG_MARK").map(PathBuf::from));
        let given = self.key.clone().or_else(|| variable("COUNTERSIGN_LOG_KEY").map(PathBuf::from));
        let Some(given) = given else {
            return Err(Failure(
                USAGE,
                "name the log's private key with `--log-key`; `countersign log key new` makes one".to_owned(),
            ));
        };
        let beside = given.is_file().then(|| beside(&given));
        let mark = stated.or(beside).filter(|mark| mark != Path::new("none"));
        let signatory = match command {
            Some(line) => Signatory::command(&line, public_key(&given.to_string_lossy())?),
            None => Signatory::from(private_key(&given, self.key.is_none())?),
        };
        Ok(signatory.remembering(mark))
    }
}

/// Where the key in a file remembers how far it has signed.
#[cfg(feature = "app")]
fn beside(key: &Path) -> PathBuf {
    let mut name = key.as_os_str().to_owned();
    name.push(".mark");
    name.into()
}

/// A private key: a file's, or where it `may_be_itself`, the text.
#[cfg(feature = "app")]
fn private_key(given: &Path, may_be_itself: bool) -> Result<Signer, Failure> {
    let text = match given.to_str().filter(|given| given.starts_with("PRIVATE+KEY+")) {
        Some(key) if may_be_itself => key.to_owned(),
        _ => text(given)?,
    };
    Signer::parse(&text).map_err(|flaw| usage(&flaw))
}

fn usage(flaw: &Flaw) -> Failure {
    Failure(USAGE, flaw.to_string())
}

/// The keys of a log: a public key stated as itself, in a file, with its rotations or without, or as the file of its
/// private half.
pub(in crate::cli) fn public_keys(stated: &str) -> Result<Keys, Failure> {
    // What is no key and no file was most likely meant as a key.
    if Verifier::parse(stated).is_ok() || !Path::new(stated).exists() && stated.matches('+').count() >= 2 {
        return Keys::parse(stated).map_err(|flaw| usage(&flaw));
    }
    let text = text(Path::new(stated))?;
    match Signer::parse(&text) {
        Ok(signer) => Ok(Keys::from(signer.verifier())),
        Err(_) => Keys::parse(&text).map_err(|flaw| usage(&flaw)),
    }
}

/// The same where one key is wanted: the one that signs now.
pub(in crate::cli) fn public_key(stated: &str) -> Result<Verifier, Failure> {
    Ok(public_keys(stated)?.newest().clone())
}

pub(super) fn run(key: &Key) -> Result<u8, Failure> {
    match key {
        Key::New { name, output } => new(name, output),
        Key::Show { file } => show(file),
        Key::Public { name, file } => public(name, file),
        #[cfg(feature = "app")]
        Key::Rotate(arguments) => super::succession::rotate(arguments),
        Key::History { trusted, times } => history(trusted, *times),
    }
}

/// Makes a key, and prints its public half.
pub(in crate::cli) fn new(name: &str, output: &Path) -> Result<u8, Failure> {
    let mut seed = [0; 32];
    aws_lc_rs::rand::fill(&mut seed)
        .map_err(|_| Failure(UNKNOWN, "the machine gives no random numbers, so no key was made".to_owned()))?;
    let written = Signer::written(name, Kind::Ed25519, seed).map_err(|_| {
        Failure(USAGE, format!("`{name}` cannot name a key: it has no white space and no `+`, and is not empty"))
    })?;
    let public = Signer::parse(&written).map_err(|flaw| Failure(UNKNOWN, flaw.to_string()))?;
    secret(output, &format!("{written}\n"))
        .map_err(|error| Failure(USAGE, format!("`{}`: {error}", output.display())))?;
    Ok(answer(&format!("{}\n", public.verifier())))
}

/// Writes a file that nobody else may read, and never over another.
fn secret(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn show(file: &Path) -> Result<u8, Failure> {
    let signer = Signer::parse(&text(file)?).map_err(|flaw| usage(&flaw))?;
    Ok(answer(&format!("{}\n", signer.verifier())))
}

/// How X.509 begins an Ed25519 public key (RFC 8410); 32 bytes follow.
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

fn public(name: &str, file: &Path) -> Result<u8, Failure> {
    let failure = |why: &str| Failure(USAGE, format!("`{}`: {why}", file.display()));
    let mut bytes = std::fs::read(file).map_err(|error| failure(&error.to_string()))?;
    if bytes.starts_with(b"-----BEGIN PUBLIC KEY-----") {
        let text = String::from_utf8_lossy(&bytes);
        let lines: String = text.lines().filter(|line| !line.starts_with('-')).map(str::trim).collect();
        bytes = STANDARD.decode(lines).map_err(|_| failure("its PEM is not base64"))?;
    }
    let key: Option<[u8; 32]> = bytes.strip_prefix(&SPKI).and_then(|key| key.try_into().ok());
    let verifier = key.map(|key| Verifier::new(name, Kind::Ed25519, key));
    match verifier {
        Some(Some(verifier)) => Ok(answer(&format!("{verifier}\n"))),
        Some(None) => Err(Failure(USAGE, format!("`{name}` cannot name a log"))),
        None => Err(failure("it is no Ed25519 public key")),
    }
}

fn history(trusted: &super::Trusted, times: bool) -> Result<u8, Failure> {
    let (mut log, keys, _) = trusted.open()?;
    keys.open(&log.checkpoint()?).map_err(|flaw| Failure(super::REFUTED, flaw.to_string()))?;
    if !times {
        return Ok(answer(&keys.to_string()));
    }
    let line = |(key, from, to): (&Verifier, u64, Option<u64>)| match to {
        Some(to) => format!("{key} counts for a log of {from} to {to} entries\n"),
        None => format!("{key} counts for a log of {from} entries and more\n"),
    };
    Ok(answer(&keys.times().map(line).collect::<String>()))
}
