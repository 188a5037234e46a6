//! Where what is large is kept, as the command line names it; and `countersign db evidence`: what lies there, and what of
//! it nobody points to.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::Utc;
use clap::{Args, Subcommand};

use super::database::{Database, block};
use super::environment::variable;
use super::log::key::Signing;
use super::log::retention::digest as digest_of;
use super::log::{Failure, REFUTED, put};
use super::{PROCEED, UNKNOWN, USAGE, answer};
use crate::connect::bucket;
use crate::flow::evidence::{self, Found};
use crate::store::annex::Annex;
use crate::store::reader::Reader;

/// How many digests are listed.
const LISTED: usize = 20;

/// Where what is large is kept, rather than in the database.
#[derive(Args)]
pub(super) struct Evidence {
    /// The folder where what is large is kept, rather than in the database; or COUNTERSIGN_EVIDENCE_FOLDER.
    #[arg(long, value_name = "DIR", conflicts_with = "evidence_bucket")]
    evidence_folder: Option<PathBuf>,
    /// The bucket where it is kept instead, `s3://BUCKET/PREFIX`; or COUNTERSIGN_EVIDENCE_BUCKET. Its server and who asks
    /// are named by AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or by the machine's role.
    #[arg(long, value_name = "URL")]
    evidence_bucket: Option<String>,
}

impl Evidence {
    /// Whether the command line names a place.
    pub(super) fn is_stated(&self) -> bool {
        self.evidence_folder.is_some() || self.evidence_bucket.is_some()
    }

    /// The place that is named; `None` where everything is kept in the database.
    pub(super) fn annex(&self) -> Result<Option<Annex>, Failure> {
        let (mut folder, mut address) = (self.evidence_folder.clone(), self.evidence_bucket.clone());
        if !self.is_stated() {
            folder = variable("COUNTERSIGN_EVIDENCE_FOLDER").map(PathBuf::from);
            address = variable("COUNTERSIGN_EVIDENCE_BUCKET");
        }
        match (folder, address) {
            (None, None) => Ok(None),
            (Some(folder), None) => Ok(Some(Annex::folder(&folder))),
            (None, Some(address)) => {
                let bucket = bucket::open(&address).map_err(|why| Failure(USAGE, why.to_string()))?;
                Ok(Some(Annex::bucket(bucket.objects, &bucket.below, address)))
            }
            (Some(_), Some(_)) => {
                let both =
                    "COUNTERSIGN_EVIDENCE_FOLDER and COUNTERSIGN_EVIDENCE_BUCKET name two places: set one of them";
                Err(Failure(USAGE, both.to_owned()))
            }
        }
    }

    fn needed(&self) -> Result<Annex, Failure> {
        let none = || Failure(USAGE, "name the place with `--evidence-folder` or `--evidence-bucket`".to_owned());
        self.annex()?.ok_or_else(none)
    }
}

#[derive(Subcommand)]
pub(super) enum Command {
    /// Say what of what the record keeps outside the database is there, what is missing, and what nobody points to.
    Status {
        #[command(flatten)]
        database: Database,
        #[command(flatten)]
        evidence: Evidence,
    },
    /// Write the bytes of a digest to standard output or a file, checked against the digest, wherever they are kept.
    Show {
        #[command(flatten)]
        database: Database,
        #[command(flatten)]
        evidence: Evidence,
        /// The file; left out: standard output.
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// The SHA-256 digest, as an entry states it.
        digest: String,
    },
    /// Remove what nobody points to: of somebody who was killed before he had recorded it, or had removed it. What is in
    /// use stays, whatever is recorded meanwhile.
    Sweep {
        #[command(flatten)]
        database: Database,
        #[command(flatten)]
        signing: Signing,
        #[command(flatten)]
        evidence: Evidence,
        /// Leave what was put there less than so many minutes ago.
        #[arg(long, value_name = "NUMBER", default_value_t = 60)]
        minutes: u64,
        /// Go on where the record has nothing of what lies there, as with the place of another record.
        #[arg(long)]
        although_unknown: bool,
    },
}

pub(super) fn run(command: &Command) -> Result<u8, Failure> {
    match command {
        Command::Status { database, evidence } => {
            let annex = evidence.needed()?;
            let found = evidence::survey(&database.address()?, &annex)?;
            let code = answer(&told(&found, &annex));
            Ok(if code == PROCEED && !found.missing.is_empty() { REFUTED } else { code })
        }
        Command::Show { database, evidence, output, digest } => show(database, evidence, output.as_deref(), digest),
        Command::Sweep { database, signing, evidence, minutes, although_unknown } => {
            let (signer, annex, address) = (signing.signatory()?, evidence.needed()?, database.address()?);
            let found = evidence::survey(&address, &annex)?;
            if found.kept == 0 && !found.orphans.is_empty() && !although_unknown {
                let words = format!(
                    "the record has nothing of the {} that lie in `{annex}`: is that the place of another record? \
                     `--although-unknown` removes them all the same",
                    found.orphans.len()
                );
                return Err(Failure(USAGE, words));
            }
            let age = Duration::from_secs(minutes.saturating_mul(60));
            let (gone, files) = evidence::sweep(&address, signer, annex, &found.orphans, age, Utc::now())?;
            let left = found.orphans.len() as u64 - gone;
            let said =
                format!("{gone} removed that nobody pointed to, {left} left, {files} unfinished files removed\n");
            Ok(answer(&said))
        }
    }
}

fn show(database: &Database, evidence: &Evidence, output: Option<&Path>, digest: &str) -> Result<u8, Failure> {
    let hash = digest_of(digest)?;
    let (address, annex) = (database.address()?, evidence.annex()?);
    let bytes = block(async {
        let mut reader = Reader::open(&address).await?.with_annex(annex);
        let bytes = reader.blob(hash).await?;
        reader.close().await?;
        Ok(bytes)
    })?;
    let gone = || Failure(UNKNOWN, format!("sha256:{hash} is not kept, or not any more"));
    let bytes = bytes.ok_or_else(gone)?;
    match output {
        Some(path) => put(path, &bytes).map(|()| PROCEED),
        None => std::io::stdout()
            .write_all(&bytes)
            .map(|()| PROCEED)
            .map_err(|error| Failure(UNKNOWN, format!("standard output: {error}"))),
    }
}

fn told(found: &Found, annex: &Annex) -> String {
    let Found { kept, missing, orphans, unfinished } = found;
    let mut out =
        format!("{kept} kept in `{annex}`, {} missing, {} that nobody points to", missing.len(), orphans.len());
    let _ = writeln!(out, ", {unfinished} unfinished files");
    for (digests, what) in [(missing, "missing"), (orphans, "nobody points to it")] {
        for digest in digests.iter().take(LISTED) {
            let _ = writeln!(out, "sha256:{digest}  {what}");
        }
        if let more @ 1.. = digests.len().saturating_sub(LISTED) {
            let _ = writeln!(out, "{more} more: {what}");
        }
    }
    out
}
