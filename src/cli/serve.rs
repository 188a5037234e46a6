//! `countersign serve`: the app. Settings in, a process that works until it is told to end.

mod pages;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use chrono::{SecondsFormat, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::environment::variable;
use super::facts::{Failure, filled, roster, secret, usage};
use super::log::key::Signing;
use super::{PROCEED, UNKNOWN, USAGE, complain, print};
use crate::flow::app::policy::Outer;
use crate::flow::app::watch::{Counts, Journal};
use crate::flow::app::{Began, Desk, Settings};
use crate::flow::visits::Visits;
use crate::forge::github::app::App;
use crate::forge::github::client::{AppKey, Base};
use crate::forge::github::oidc;
use crate::forge::github::signature::WebhookSecret;
use crate::forge::token::Issuer;
use crate::policy::roster::Roster;
use crate::store::outbox::Backoff;
use crate::web::serve::{Limits, ended, serve};
use crate::web::{health, hooks, jobs, pages as web};
use crate::workspace::layers::{self, From};
use crate::workspace::open;

/// Every exit code, with what it means.
pub(super) const EXIT_CODES: [(u8, &str); 3] = [
    (PROCEED, "it was told to end, and everything that it had taken is in the record"),
    (USAGE, "the command, a setting or the policy is wrong"),
    (UNKNOWN, "the record cannot be opened, or takes no more, as when another process has taken it over"),
];

/// How many bytes the file of settings may have.
const MOST: u64 = 1 << 20;
/// How often every repository is read, in seconds, where nothing else is said; and the least and the most.
const SWEEP: u64 = 120;
const SWEEPS: std::ops::RangeInclusive<u64> = 1..=300;

fn after_help() -> String {
    let codes: Vec<String> = EXIT_CODES.iter().map(|(code, meaning)| format!("  {code:2}  {meaning}\n")).collect();
    format!(
        "Exit codes:\n{}\nAn option outranks its variable, and that the file of `--config`: YAML whose keys are the options' names \
         without `--`, with a list where an option repeats. GitHub delivers to `/hooks/github`, jobs submit evidence to `/evidence`; \
         `/healthz`, `/readyz` and `/metrics` say how the app is. With `--client-id`, `--client-secret-file` and `--public-url` it \
         serves the pages of releases to whoever may read their repository, from `/` on. It logs one JSON object a line on \
         standard error. The App needs the permissions \
         actions, contents, issues and members to read, checks, deployments and pull requests to write, and the events \
         deployment_protection_rule, deployment_review, pull_request, pull_request_review, issue_comment, check_run, push, \
         membership.",
        codes.concat()
    )
}

/// What the app works by.
#[derive(clap::Args)]
#[command(after_help = after_help())]
pub(super) struct Arguments {
    /// A file with settings; or COUNTERSIGN_CONFIG.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The database: `sqlite:FILE` or `postgres://…`; or COUNTERSIGN_DATABASE. An empty one is laid out.
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    #[command(flatten)]
    signing: Signing,
    /// Keep what is large in this folder rather than in the database; or COUNTERSIGN_EVIDENCE_FOLDER.
    #[arg(long, value_name = "DIR")]
    evidence_folder: Option<PathBuf>,
    /// Where to listen, an address and a port; or COUNTERSIGN_LISTEN. Left out: `127.0.0.1:8080`. Port 0 takes any that is
    /// free, and it is printed. TLS is for what stands before it.
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Where GitHub is; or COUNTERSIGN_GITHUB_URL. Left out: `https://github.com`.
    #[arg(long, value_name = "URL")]
    github_url: Option<String>,
    /// The App's id or client id; or COUNTERSIGN_APP.
    #[arg(long, value_name = "ID")]
    app: Option<String>,
    /// The App's private key, a PEM file; or COUNTERSIGN_APP_KEY.
    #[arg(long, value_name = "FILE")]
    app_key: Option<PathBuf>,
    /// A file with the secret that GitHub signs deliveries with; or COUNTERSIGN_WEBHOOK_SECRET_FILE.
    #[arg(long, value_name = "FILE")]
    webhook_secret_file: Option<PathBuf>,
    /// A layer of the policy around every repository's own; repeat it, outermost layer first; or COUNTERSIGN_POLICY, one a
    /// line. A repository's own is read from its default branch, at the usual places.
    #[arg(long, value_name = "FILE")]
    policy: Vec<PathBuf>,
    /// Who was in the teams before, as `policy check` reads it; or COUNTERSIGN_ROSTER. Whoever is not in it may have come
    /// since a release was asked for, and does not count as a member.
    #[arg(long, value_name = "FILE")]
    roster: Option<PathBuf>,
    /// Facts of every release that no forge knows, a JSON document of the form that `schema facts` prints; or COUNTERSIGN_WITH.
    #[arg(long, value_name = "FILE")]
    with: Option<PathBuf>,
    /// A component that has no artifacts; repeat it; or COUNTERSIGN_WITHOUT_ARTIFACTS, one a line.
    #[arg(long, value_name = "COMPONENT")]
    without_artifacts: Vec<String>,
    /// What ran in an environment before this record began, `OWNER/NAME:ENVIRONMENT=COMMIT`, or
    /// `OWNER/NAME:ENVIRONMENT:COMPONENT=COMMIT` for one component; repeat it; or COUNTERSIGN_SINCE, one a line. What runs is
    /// otherwise what this record opened the environment for.
    #[arg(long, value_name = "WHERE=COMMIT")]
    since: Vec<String>,
    /// The address under which jobs and browsers reach the app, without a path: `https://countersign.example.com`; or
    /// COUNTERSIGN_PUBLIC_URL. Jobs submit evidence there, under tokens that they are issued for this very address; the App's
    /// callback URL is this with `/login/back` behind it, and what the forge is told of a release links to its page there. Left
    /// out: no evidence is taken from jobs, and no page is served.
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Who issues the tokens of jobs; or COUNTERSIGN_TOKEN_ISSUER. Left out: the GitHub's own. An enterprise may have GitHub
    /// put its name behind it: `https://token.actions.githubusercontent.com/acme`.
    #[arg(long, value_name = "URL")]
    token_issuer: Option<String>,
    /// Read every repository so often without being told to, in seconds, 1 to 300; or COUNTERSIGN_SWEEP. Left out: 120.
    #[arg(long, value_name = "SECONDS")]
    sweep: Option<u64>,
    #[command(flatten)]
    pages: pages::PageArguments,
}

/// The same as a file states it.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Configured {
    database: Option<String>,
    log_key: Option<PathBuf>,
    evidence_folder: Option<PathBuf>,
    listen: Option<String>,
    github_url: Option<String>,
    app: Option<String>,
    app_key: Option<PathBuf>,
    webhook_secret_file: Option<PathBuf>,
    policy: Vec<PathBuf>,
    roster: Option<PathBuf>,
    with: Option<PathBuf>,
    without_artifacts: Vec<String>,
    since: Vec<String>,
    public_url: Option<String>,
    token_issuer: Option<String>,
    sweep: Option<u64>,
    client_id: Option<String>,
    client_secret_file: Option<PathBuf>,
    recheck: Option<u64>,
}

impl Configured {
    fn read(path: &Path) -> Result<Self, Failure> {
        let wrong = |why: String| usage(format!("the settings in `{}`: {why}", path.display()));
        let artifact = open::named(path, MOST).map_err(|fault| wrong(fault.to_string()))?;
        let text = std::str::from_utf8(&artifact).map_err(|_| wrong("they are not UTF-8".to_owned()))?;
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        serde_saphyr::from_str(text).map_err(|error| wrong(error.to_string()))
    }
}

/// What is set: by the option, its variable, or the file.
fn set<T: FromStr + Clone>(option: Option<&T>, name: &str, file: Option<T>) -> Result<Option<T>, Failure> {
    if let Some(option) = option {
        return Ok(Some(option.clone()));
    }
    match variable(name) {
        Some(text) => match text.trim().parse() {
            Ok(value) => Ok(Some(value)),
            Err(_) => Err(usage(format!("`{name}` is `{text}`, which cannot be read"))),
        },
        None => Ok(file),
    }
}

fn listed<T: FromStr + Clone>(options: &[T], name: &str, file: Vec<T>) -> Vec<T> {
    if !options.is_empty() {
        return options.to_vec();
    }
    match variable(name) {
        Some(text) => {
            text.lines().filter(|line| !line.trim().is_empty()).filter_map(|it| it.trim().parse().ok()).collect()
        }
        None => file,
    }
}

fn needed<T>(value: Option<T>, says: &str) -> Result<T, Failure> {
    value.ok_or_else(|| usage(says))
}

pub(super) fn run(arguments: &Arguments) -> u8 {
    match served(arguments) {
        Ok(code) => code,
        Err(Failure(code, words)) => {
            complain(&words);
            code
        }
    }
}

/// Writes an event as one JSON object on a line of its own.
fn journal() -> Journal {
    Arc::new(|event, fields| {
        let mut line = serde_json::Map::new();
        line.insert("at".to_owned(), Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true).into());
        line.insert("event".to_owned(), event.into());
        if let Value::Object(fields) = fields {
            line.extend(fields.clone());
        }
        // Whoever reads this may go away; the app stays.
        let _ =
            std::io::Write::write_all(&mut std::io::stderr().lock(), format!("{}\n", Value::Object(line)).as_bytes());
    })
}

/// The layers around every repository's own policy.
fn outer(files: &[PathBuf]) -> Result<Outer, Failure> {
    if files.is_empty() {
        return Ok(Outer::default());
    }
    let from = From::WorkingTree;
    let layers = layers::read(files, &from).map_err(usage)?;
    let attached = layers::attachments(&layers, &from).map_err(usage)?;
    match crate::policy::read_with(layers.clone(), &attached) {
        Ok(policy) => super::policy::tell(&policy.warnings),
        Err(complaints) => {
            super::policy::tell(&complaints);
            return Err(usage("nothing is decided by a policy that has mistakes"));
        }
    }
    Ok(Outer { layers, attached })
}

/// What ran before the record began, by repository and environment.
fn since(written: &[String]) -> Result<Began, Failure> {
    let mut found = Began::new();
    for text in written {
        let wrong = || usage(format!("`--since {text}` is not of the form `owner/name:environment=commit`"));
        let (place, commit) = text.split_once('=').ok_or_else(wrong)?;
        let mut parts = place.splitn(3, ':');
        let (Some(repository), Some(environment)) = (parts.next(), parts.next().filter(|it| !it.is_empty())) else {
            return Err(wrong());
        };
        let whole = matches!(commit.len(), 40 | 64) && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !whole || repository.split('/').filter(|part| !part.is_empty()).count() != 2 {
            return Err(wrong());
        }
        let here = found.entry((repository.to_ascii_lowercase(), environment.to_owned())).or_default();
        if here.insert(parts.next().unwrap_or_default().to_owned(), commit.to_ascii_lowercase()).is_some() {
            return Err(usage(format!("`--since {text}` names for the second time what ran")));
        }
    }
    Ok(found)
}

/// What the command needs beside the app's own settings.
struct Set {
    settings: Settings,
    signing: Signing,
    app: App,
    secret: WebhookSecret,
    listen: SocketAddr,
    pages: Option<pages::Set>,
}

fn settings(arguments: &Arguments) -> Result<Set, Failure> {
    let config = arguments.config.clone().or_else(|| variable("COUNTERSIGN_CONFIG").map(PathBuf::from));
    let file = config.as_deref().map(Configured::read).transpose()?.unwrap_or_default();
    let failed = |failure: super::log::Failure| Failure(failure.0, failure.1);
    let database = set(arguments.database.as_ref(), "COUNTERSIGN_DATABASE", file.database)?;
    let address = super::append::address(database.as_deref()).map_err(failed)?;
    let url = set(arguments.github_url.as_ref(), "COUNTERSIGN_GITHUB_URL", file.github_url)?;
    let base = Base::parse(url.as_deref().unwrap_or("https://github.com")).map_err(usage)?;
    let public = set(arguments.public_url.as_ref(), "COUNTERSIGN_PUBLIC_URL", file.public_url)?;
    let public = public.map(|url| pages::origin(&url)).transpose()?;
    let stated =
        pages::Stated { client_id: file.client_id, client_secret_file: file.client_secret_file, recheck: file.recheck };
    let pages = pages::settings(&arguments.pages, stated, &base, public.as_ref())?;
    let app = set(arguments.app.as_ref(), "COUNTERSIGN_APP", file.app)?;
    let app = needed(app, "name the App with `--app`: its id, or its client id")?;
    let key = set(arguments.app_key.as_ref(), "COUNTERSIGN_APP_KEY", file.app_key)?;
    let key = needed(key, "name the file with the App's private key with `--app-key`")?;
    let key = AppKey::read(&app, &secret(&key)?).map_err(usage)?;
    let hook =
        set(arguments.webhook_secret_file.as_ref(), "COUNTERSIGN_WEBHOOK_SECRET_FILE", file.webhook_secret_file)?;
    let hook = needed(hook, "name the file with the webhook's secret with `--webhook-secret-file`")?;
    let listen = set(arguments.listen.as_ref(), "COUNTERSIGN_LISTEN", file.listen)?;
    let listen = listen.unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let listen = listen
        .parse()
        .map_err(|_| usage(format!("`{listen}` is no address to listen on; write one such as `127.0.0.1:8080`")))?;
    let sweep = set(arguments.sweep.as_ref(), "COUNTERSIGN_SWEEP", file.sweep)?.unwrap_or(SWEEP);
    if !SWEEPS.contains(&sweep) {
        return Err(usage(format!("every repository is read every 1 to 300 seconds, and `{sweep}` is none of these")));
    }
    let rostered = set(arguments.roster.as_ref(), "COUNTERSIGN_ROSTER", file.roster)?;
    let with = set(arguments.with.as_ref(), "COUNTERSIGN_WITH", file.with)?;
    let folder = set(arguments.evidence_folder.as_ref(), "COUNTERSIGN_EVIDENCE_FOLDER", file.evidence_folder)?;
    let issuer = set(arguments.token_issuer.as_ref(), "COUNTERSIGN_TOKEN_ISSUER", file.token_issuer)?;
    let issuer = issuer.unwrap_or_else(|| base.issuer());
    let issuer = public.map(|public| Issuer::new(&issuer, oidc::KEYS, &public.address)).transpose().map_err(usage)?;
    let settings = Settings {
        address,
        folder,
        outer: outer(&listed(&arguments.policy, "COUNTERSIGN_POLICY", file.policy))?,
        known: with.as_deref().map(filled).transpose()?,
        roster: rostered.as_deref().map_or_else(|| Ok(Roster::default()), |path| roster(Some(path)))?,
        without_artifacts: listed(
            &arguments.without_artifacts,
            "COUNTERSIGN_WITHOUT_ARTIFACTS",
            file.without_artifacts,
        ),
        submissions: issuer.is_some(),
        since: since(&listed(&arguments.since, "COUNTERSIGN_SINCE", file.since))?,
        sweep: Duration::from_secs(sweep),
        backoff: Backoff::new(Utc::now().timestamp_subsec_nanos().into()),
        pages: pages.as_ref().map(|pages| pages.origin.address.clone()),
    };
    Ok(Set {
        settings,
        signing: arguments.signing.clone().or_key(file.log_key),
        app: App::new(base, key).map_err(usage)?.with_issuer(issuer),
        secret: WebhookSecret::new(&secret(&hook)?).map_err(usage)?,
        listen,
        pages,
    })
}

fn served(arguments: &Arguments) -> Result<u8, Failure> {
    let Set { settings, signing, app, secret, listen, pages } = settings(arguments)?;
    let failed = |failure: super::log::Failure| Failure(failure.0, failure.1);
    let signers = (signing.signatory().map_err(failed)?, signing.signatory().map_err(failed)?);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure(UNKNOWN, format!("the machine has no room for another thread: {error}")))?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(listen)
            .await
            .map_err(|error| usage(format!("`{listen}` cannot be listened on: {error}")))?;
        let address = listener.local_addr().map_err(|error| Failure(UNKNOWN, error.to_string()))?;
        let journal = journal();
        let (desk, mut works) = Desk::start(app, settings, signers, (journal.clone(), Counts::default()))
            .await
            .map_err(|fault| Failure(UNKNOWN, fault.to_string()))?;
        // Whoever reads this may go away; the app stays.
        let _ = print(&format!("the app listens on http://{address}\n"));
        journal("started", &json!({ "listen": address.to_string(), "version": env!("CARGO_PKG_VERSION") }));
        let shown = match pages {
            Some(pages) => web::router(desk.clone(), Visits::new(pages.door, pages.age), pages.origin),
            None => web::closed(),
        };
        let router = hooks::router(desk.clone(), secret).merge(health::router(desk.clone()));
        let router = router.merge(jobs::router(desk.clone())).merge(shown);
        let mut broke = false;
        let end = async {
            tokio::select! {
                () = ended() => {}
                () = works.broken() => broke = true,
            }
        };
        serve(listener, router, Limits::default(), end).await;
        let done = works.end(desk).await;
        journal("ended", &json!({ "in_order": done.is_ok() && !broke }));
        match done {
            Ok(()) if !broke => Ok(PROCEED),
            Ok(()) => Err(Failure(UNKNOWN, "the record takes no more from this process; start it again".to_owned())),
            Err(fault) => Err(Failure(UNKNOWN, format!("the record could not be closed in order: {fault}"))),
        }
    })
}
