//! `countersign deployed`: whoever deploys says so, from whatever pipeline.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use chrono::{DateTime, SubsecRound as _, Utc};

use super::environment::{Place, variable};
use super::facts::{Failure, usage};
use super::submit::{address, tokens};
use super::{PROCEED, UNKNOWN, USAGE, answer, complain};
use crate::flow::courier::Fault;
use crate::flow::deployment::{self, Told};
use crate::log::letter::{Letter, Subject};
use crate::log::note::Signer;
use crate::model::deployment_report::{DeploymentReport, Progress};
use crate::report::neutral;
use crate::transport;

/// Every exit code, with what it means.
pub(super) const EXIT_CODES: [(u8, &str); 3] = [
    (PROCEED, "it is in the app's record, since now or before"),
    (USAGE, "the command is wrong, or the app refuses what it tells"),
    (UNKNOWN, "the app was not reached, or takes nothing now, so that it may not be in the record"),
];

pub(super) fn after_help() -> String {
    let codes: Vec<String> = EXIT_CODES.iter().map(|(code, meaning)| format!("  {code:2}  {meaning}\n")).collect();
    format!(
        "Exit codes:\n{}\nOne deployment is what the same deployer tells of the same content under the same `--url`: first that it \
         started, where you can, then how it ended. Told twice, it is told once. A job of GitHub Actions tells it under its own \
         token, where it names the environment; anything else with a key, which the app knows by its file of `--deployers`.",
        codes.concat()
    )
}

/// How far a deployment is.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Status {
    Started,
    Succeeded,
    Failed,
}

#[derive(clap::Args)]
#[command(after_help = after_help())]
pub(super) struct Arguments {
    /// Where the app is: its own `--public-url`; or COUNTERSIGN_SERVER.
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// The environment, as the policy names it.
    #[arg(long, value_name = "NAME")]
    environment: String,
    /// A component that went, as the policy names it; repeat it. Left out: all that its decision let go.
    #[arg(long, value_name = "NAME")]
    component: Vec<String>,
    /// The commit that went, whole. Left out: that of the job, unless `--digest` is named.
    #[arg(long, value_name = "SHA")]
    commit: Option<String>,
    /// The artifact that went: `sha256:` and 64 hexadecimal digits, as its decision knows it.
    #[arg(long, value_name = "DIGEST")]
    digest: Option<String>,
    /// How far it is.
    #[arg(long, value_enum)]
    status: Status,
    /// Where people see it: an address of this deployment and of no other.
    #[arg(long, value_name = "URL")]
    url: String,
    /// Since when it is so, RFC 3339. Left out: now.
    #[arg(long, value_name = "RFC3339")]
    at: Option<String>,
    /// The repository, `owner/name`. Left out: that of the job.
    #[arg(long, value_name = "NAME")]
    repository: Option<String>,
    /// A file with the private key that signs it, as `countersign grant key` makes one; or COUNTERSIGN_DEPLOYER_KEY. Left out:
    /// the job's own token.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// How long the app may take, such as `30s`. Left out: one minute.
    #[arg(long, value_name = "TIME")]
    time_limit: Option<String>,
}

pub(super) fn run(arguments: &Arguments) -> u8 {
    match told(arguments) {
        Ok(told) => {
            let before = if told.recorded { "" } else { "; it was known before" };
            answer(&format!("{}{before}\n", neutral::line(&format!("{} {}", told.deployment, told.state), 1_000)))
        }
        Err(Failure(code, words)) => {
            complain(&words);
            code
        }
    }
}

/// What is told, by what is written and where it runs.
fn report(arguments: &Arguments, to: &str) -> Result<DeploymentReport, Failure> {
    let place = Place::here();
    let repository = arguments.repository.clone().or_else(|| place.repository());
    let at = match &arguments.at {
        None => Utc::now(),
        Some(text) => DateTime::parse_from_rfc3339(text)
            .map_err(|_| usage(format!("`--at {text}` is no instant; write one such as `2026-11-23T09:00:00Z`")))?
            .to_utc(),
    };
    let own = || if arguments.digest.is_none() { place.commit() } else { None };
    let report = DeploymentReport {
        to: to.to_owned(),
        repository: repository.ok_or_else(|| usage("name the repository with `--repository`"))?,
        environment: arguments.environment.clone(),
        components: arguments.component.clone(),
        commit: arguments.commit.clone().or_else(own),
        digest: arguments.digest.clone(),
        status: match arguments.status {
            Status::Started => Progress::Started,
            Status::Succeeded => Progress::Succeeded,
            Status::Failed => Progress::Failed,
        },
        url: arguments.url.clone(),
        at: at.trunc_subsecs(6),
    };
    deployment::check(&report).map_err(usage)?;
    Ok(report)
}

/// Where the app is, and when its time is over.
pub(super) fn server(stated: Option<&String>, time_limit: Option<&String>) -> Result<(String, Instant), Failure> {
    let server = stated.cloned().or_else(|| variable("COUNTERSIGN_SERVER"));
    let server = server.ok_or_else(|| usage("name the app with `--server`"))?;
    let refused = |refusal| match refusal {
        super::gate::Refusal::Said(words) | super::gate::Refusal::Output(words) => usage(words),
        super::gate::Refusal::Policy(_) => usage("the policy has mistakes"),
    };
    let server = address("--server", &server).map_err(refused)?;
    let limit = time_limit.map(|text| super::gate::length("--time-limit", text).map_err(refused)).transpose()?;
    Ok((server, Instant::now() + limit.unwrap_or(Duration::from_mins(1))))
}

/// The key of whoever tells, where one is named.
pub(super) fn signer(stated: Option<&PathBuf>) -> Result<Option<Signer>, Failure> {
    let key = stated.cloned().or_else(|| variable("COUNTERSIGN_DEPLOYER_KEY").map(PathBuf::from));
    let signer = |path: PathBuf| {
        let text = super::log::text(&path).map_err(|failure| Failure(failure.0, failure.1))?;
        Signer::parse(&text).map_err(|flaw| usage(format!("`{}`: {flaw}", path.display())))
    };
    key.map(signer).transpose()
}

/// What became of what the app was asked.
pub(super) fn failed(server: &str, fault: &Fault) -> Failure {
    let code = match fault {
        Fault::Refused { status, .. } if *status < 500 && !matches!(status, 408 | 425 | 429) => USAGE,
        _ => UNKNOWN,
    };
    Failure(code, format!("{server} did not take it: {fault}"))
}

fn told(arguments: &Arguments) -> Result<Told, Failure> {
    let (server, until) = server(arguments.server.as_ref(), arguments.time_limit.as_ref())?;
    let report = report(arguments, &server)?;
    let runtime = transport::runtime().map_err(|error| Failure(UNKNOWN, error.to_string()))?;
    let told = if let Some(signer) = signer(arguments.key.as_ref())? {
        let letter = Letter::write(Subject::Deployment, &report, &signer).map_err(usage)?;
        runtime.block_on(deployment::tell_by_letter(&server, &letter, until))
    } else {
        let tokens = tokens().map_err(|why| usage(format!("{why}; or name a key with `--key`")))?;
        runtime.block_on(deployment::tell_as_job(&tokens, &server, &report, until))
    };
    told.map_err(|fault| failed(&server, &fault))
}
