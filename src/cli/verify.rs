//! `countersign verify`: whether a receipt shows that a release was approved.

use std::path::PathBuf;

use super::environment::variable;
use super::log::key::public_keys;
use super::log::{Failure, REFUTED, Watched, text, unwitnessed};
use super::{PROCEED, UNKNOWN, USAGE, answer, complain};
use crate::flow::replay::{self, Replayed};
use crate::log::receipt::{LENGTH, Receipt};
use crate::report::neutral;

/// The receipt is about something else.
pub const OTHER_SUBJECT: u8 = 13;
/// The receipt holds, and the release was not approved.
pub const NOT_APPROVED: u8 = 14;
/// The receipt holds, and cannot be decided again here.
pub const NOT_REPLAYABLE: u8 = 15;

/// Every exit code, with what it means.
pub(super) const EXIT_CODES: [(u8, &str); 7] = [
    (PROCEED, "the receipt holds: the log has the decision, and the release was approved"),
    (REFUTED, "the receipt is invalid: it, or a part of it, is not what was signed"),
    (OTHER_SUBJECT, "it holds, and is about another artifact, commit or environment than the one named"),
    (NOT_APPROVED, "it holds, and what was decided is that the release does not go"),
    (NOT_REPLAYABLE, "it holds, and cannot be decided again here: another version decided, or parts were redacted"),
    (UNKNOWN, "it cannot be read"),
    (USAGE, "the command or the key is wrong, and nothing was checked"),
];

fn after_help() -> String {
    let codes: Vec<String> = EXIT_CODES.iter().map(|(code, meaning)| format!("  {code:2}  {meaning}\n")).collect();
    format!("Exit codes:\n{}", codes.concat())
}

/// What is verified.
#[derive(clap::Args)]
#[command(after_help = after_help())]
pub(super) struct Arguments {
    /// The receipt.
    receipt: PathBuf,
    /// The log's key: `name+hash+key`, or a file that holds one; or COUNTERSIGN_LOG_KEY.
    #[arg(long, value_name = "KEY")]
    log_key: Option<String>,
    /// The artifact or commit that is about to be released, by digest: `sha256:…`, `gitCommit:…`.
    #[arg(long, value_name = "DIGEST")]
    subject: Option<String>,
    /// The environment that it is about to be released to, by its name in the policy.
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
    /// A newer proof of the receipt's entry, as `countersign log prove` writes it, to believe instead of the receipt's own:
    /// one that witnesses have cosigned since.
    #[arg(long, value_name = "FILE")]
    proof: Option<PathBuf>,
    #[command(flatten)]
    watched: Watched,
    /// Decide again, from the policy and the facts in the receipt: it must come to the very same document.
    #[arg(long)]
    replay: bool,
}

pub(super) fn run(arguments: &Arguments) -> u8 {
    match verified(arguments) {
        Ok(text) => answer(&text),
        Err(Failure(code, words)) => {
            complain(&words);
            code
        }
    }
}

/// Verifies a receipt that has to be about a commit on its way into an environment.
pub(super) fn of_a_commit(receipt: PathBuf, log_key: String, commit: &str, environment: String) -> u8 {
    run(&Arguments {
        receipt,
        log_key: Some(log_key),
        subject: Some(format!("gitCommit:{commit}")),
        environment: Some(environment),
        proof: None,
        watched: Watched::default(),
        replay: false,
    })
}

fn verified(arguments: &Arguments) -> Result<String, Failure> {
    let stated = arguments.log_key.clone().or_else(|| variable("COUNTERSIGN_LOG_KEY"));
    let Some(stated) = stated else {
        return Err(Failure(
            USAGE,
            "name the log's key with `--log-key`: a receipt is believed by nothing else".to_owned(),
        ));
    };
    let keys = public_keys(&stated)?;
    let quorum = arguments.watched.quorum()?;
    let path = arguments.receipt.display();
    let unread = |error: std::io::Error| Failure(UNKNOWN, format!("`{path}`: {error}"));
    if std::fs::metadata(&arguments.receipt).map_err(unread)?.len() > LENGTH {
        return Err(Failure(REFUTED, format!("`{path}` has over 64 MiB, and is no receipt")));
    }
    let bytes = std::fs::read(&arguments.receipt).map_err(unread)?;
    let invalid = |error: crate::log::receipt::Invalid| Failure(REFUTED, error.to_string());
    let mut receipt = Receipt::parse(&bytes).map_err(invalid)?;
    if let Some(path) = &arguments.proof {
        receipt.proof = text(path)?;
    }
    let shown = receipt.check(&keys).map_err(invalid)?;
    if let Some(quorum) = quorum
        && !quorum.holds(&shown.note).map_err(|flaw| Failure(REFUTED, flaw.to_string()))?
    {
        return Err(unwitnessed(&quorum));
    }
    if let Some(wanted) = &arguments.environment
        && shown.text("environment") != wanted
    {
        let words = format!("the receipt is about the environment `{}`, and not `{wanted}`", shown.text("environment"));
        return Err(Failure(OTHER_SUBJECT, words));
    }
    if let Some(wanted) = &arguments.subject
        && !shown.is_about(wanted)
    {
        return Err(Failure(OTHER_SUBJECT, format!("the receipt is not about `{wanted}`")));
    }
    let mut replayed = String::new();
    if arguments.replay {
        match replay::replay(&receipt, &shown) {
            Replayed::Same => replayed.push_str("; decided again, it is the same to the byte"),
            Replayed::SameZones { then, now } => {
                let then = neutral::line(&then, 100);
                replayed = format!("; decided again with time zones of {now} instead of {then}, it is the same");
            }
            Replayed::Other => {
                let words =
                    "decided again, it comes to another document: the receipt's was not decided by what it names";
                return Err(Failure(REFUTED, words.to_owned()));
            }
            Replayed::NotHere(why) => return Err(Failure(NOT_REPLAYABLE, format!("not replayable here: {why}"))),
        }
    }
    let about = format!("{} to `{}`", shown.text("release"), shown.text("environment"));
    if shown.text("decision") != "proceed" {
        let words = format!("the receipt holds, and says of {about}: {}", shown.text("decision"));
        return Err(Failure(NOT_APPROVED, words));
    }
    Ok(format!(
        "approved: {}, decided for {}; entry {} of {}{replayed}\n",
        neutral::line(&about, 1_000),
        neutral::line(shown.text("now"), 100),
        shown.index,
        neutral::line(&shown.checkpoint.origin, 200)
    ))
}
