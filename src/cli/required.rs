//! `countersign gate --require-decision`: nothing is judged here, and the decision of the app, or of a receipt, is what the
//! job ends with.

use std::path::PathBuf;
use std::time::Duration;

use super::environment::{Given, Place};
use super::gate::{Refusal, length, one};
use super::outputs::{self, Aside, Format};
use super::submit::{address, tokens};
use super::{BLOCKED, PENDING, PROCEED, TIME_LIMIT, UNKNOWN, complain, verify};
use crate::flow::ask::{self, Came};
use crate::model::answer::Answer;
use crate::transport;

/// Whose decision is asked for.
#[derive(clap::Args)]
pub(super) struct Whose {
    /// Judge nothing here, and ask the app at this address for its decision on this job's commit into `--environment`, and on
    /// no other that `--commit` names: 0 it proceeds, 10 it holds, 11 it is rejected, 3 the app does not know or does not answer.
    /// It is told in `--format`, with what it is called in the app's record.
    #[arg(long, value_name = "URL")]
    require_decision: Option<String>,
    /// With `--require-decision`: wait so long for the last word, such as `30min`; then end with 4. Left out: end at once.
    #[arg(long, value_name = "TIME")]
    wait: Option<String>,
    /// Judge nothing here, and verify this receipt without a network, as `countersign verify` does: it has to be about this
    /// job's commit and `--environment`. It ends as `verify` does, and needs `--log-key`.
    #[arg(long, value_name = "FILE")]
    receipt: Option<PathBuf>,
    /// The log's key by which a receipt is believed: `name+hash+key`, or a file that holds one.
    #[arg(long, value_name = "KEY")]
    log_key: Option<String>,
}

/// How the app's answer is told, and where.
pub(super) struct Surface {
    pub(super) format: Format,
    pub(super) output: Option<PathBuf>,
    /// What was there before.
    pub(super) aside: Option<Aside>,
}

/// Whose decision is required.
enum Required {
    App { url: String, wait: Option<Duration> },
    Receipt { file: PathBuf, log_key: String },
}

impl Whose {
    fn required(&self, given: Given) -> Result<Option<Required>, Refusal> {
        let said = |text: &str| Err(Refusal::Said(text.to_owned()));
        let url = one(self.require_decision.as_ref(), given, "REQUIRE_DECISION");
        let file: Option<PathBuf> = one(self.receipt.as_ref(), given, "RECEIPT");
        let wait = one(self.wait.as_ref(), given, "WAIT");
        match (url, file) {
            (Some(_), Some(_)) => {
                said("`--require-decision` asks the app, and `--receipt` needs none: name one of the two")
            }
            (Some(url), None) => {
                let wait = wait.map(|text| length("--wait", &text)).transpose()?;
                Ok(Some(Required::App { url: address("--require-decision", &url)?, wait }))
            }
            (None, Some(_)) if wait.is_some() => said("a receipt does not change: leave `--wait` out"),
            (None, Some(file)) => match one(self.log_key.as_ref(), given, "LOG_KEY") {
                Some(log_key) => Ok(Some(Required::Receipt { file, log_key })),
                None => said("name the log's key with `--log-key`: a receipt is believed by nothing else"),
            },
            (None, None) if wait.is_some() => said("`--wait` goes with `--require-decision`"),
            (None, None) => Ok(None),
        }
    }

    /// Ends by a decision of somebody else's, where one is required; `None` where none is.
    pub(super) fn run(
        &self,
        given: Given,
        place: Place,
        environment: Option<String>,
        commit: Option<String>,
        surface: impl FnOnce() -> Result<Surface, Refusal>,
    ) -> Result<Option<u8>, Refusal> {
        let Some(required) = self.required(given)? else { return Ok(None) };
        let said = |text: &str| Refusal::Said(text.to_owned());
        let environment = environment.ok_or_else(|| said("name the environment with `--environment`"))?;
        match required {
            Required::App { url, wait } => {
                let commit = commit.or_else(|| place.commit());
                Ok(Some(asked(&url, &ask::Asked { environment, commit }, wait, surface()?)))
            }
            Required::Receipt { file, log_key } => {
                let commit = commit.or_else(|| place.commit());
                let commit = commit.ok_or_else(|| said("name the commit with `--commit`"))?;
                Ok(Some(verify::of_a_commit(file, log_key, &commit, environment)))
            }
        }
    }
}

/// Asks the app, and says what it says.
fn asked(url: &str, asked: &ask::Asked, wait: Option<Duration>, surface: Surface) -> u8 {
    let came = tokens().and_then(|tokens| {
        let runtime = transport::runtime().map_err(|error| error.to_string())?;
        runtime.block_on(ask::decision(&tokens, url, asked, wait)).map_err(|fault| fault.to_string())
    });
    match came {
        Ok(Came::Answer(answer)) => told(&answer, surface),
        Ok(Came::Over(answer)) => {
            told(&answer, surface);
            complain("the wait is over, and there is no last word; raise `--wait`, or run the job again later");
            TIME_LIMIT
        }
        Err(why) => {
            let why = format!(
                "{url} was not asked, or did not answer, so nothing is known: {why}; while it cannot be reached, a grant that the \
                 policy's people signed lets one release go: `countersign grant use`"
            );
            complain(&why);
            outputs::undecided(surface.format, &why);
            if let Some(aside) = &surface.aside {
                aside.complain();
            }
            UNKNOWN
        }
    }
}

fn told(answer: &Answer, surface: Surface) -> u8 {
    let code = match answer.decision.as_str() {
        "proceed" => PROCEED,
        "hold" => PENDING,
        "reject" => BLOCKED,
        _ => UNKNOWN,
    };
    match outputs::answered(answer, surface.format, surface.output.as_deref()) {
        Ok(()) => {
            if let Some(aside) = surface.aside {
                aside.forget();
            }
            code
        }
        Err(why) => {
            complain(&why);
            // That it may not go is known, whoever could not be told.
            if code == PROCEED { UNKNOWN } else { code }
        }
    }
}
