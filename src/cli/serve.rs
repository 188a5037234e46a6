//! `countersign serve`: the app. Settings in, a process that works until it is told to end.

mod deployers;
mod forges;
pub(super) mod front;
pub(super) mod gitlab;
mod named;
pub(super) mod pages;
pub(super) mod setup;
mod traces;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use chrono::{SecondsFormat, Utc};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::environment::{is_blank, variable};
use super::facts::{Failure, filled, roster, usage};
use super::log::key::Signing;
use super::messages::{MessageArguments, Stated};
use super::{PROCEED, UNKNOWN, USAGE, complain, print};
use crate::connect::feed::Feeds;
use crate::flow::app::beside::Desks;
use crate::flow::app::clock::Clock;
use crate::flow::app::kept::Kept;
use crate::flow::app::outside::Outside;
use crate::flow::app::policy::Outer;
use crate::flow::app::watch::Journal;
use crate::flow::app::{Began, Settings};
use crate::forge::github::client::Base;
use crate::forge::github::needs;
use crate::model::posture::Access;
use crate::policy::roster::Roster;
use crate::store::outbox::Backoff;
use crate::web::pages::Origin;
use crate::web::serve::ended;
use crate::workspace::layers::{self, From};
use crate::workspace::open;
use front::Front;
pub(super) use front::{Fronts, Registered, works};
use named::{Named, OnGithub, known, registered};

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
         without `--`, with a list where an option repeats. GitHub delivers to `/hooks/github`, GitLab to `/hooks/gitlab`; jobs submit evidence to `/evidence`, and whoever deploys \
         elsewhere tells `/deployments`; an app that has an App on GitHub and an account on GitLab serves both; `/openapi.json` describes what programs may ask; \
         `/healthz`, `/readyz` and `/metrics` say how the app is. With `--client-id`, `--client-secret-file` and `--public-url` it \
         serves the pages of releases to whoever may read their repository, from `/` on. People are told by Slack, e-mail and webhooks \
         what the policy's `notify` asks for; `countersign message test` tries that. It logs one JSON object a line on \
         standard error. The App needs the permissions {} to read, {} to write, and the events {}; `countersign doctor` says \
         whether it has them.",
        codes.concat(),
        needs::told(Access::Read),
        needs::told(Access::Write),
        needs::EVENTS.join(", ")
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
    /// The folder that keeps the App: its number, its key and its secrets, in files that nobody else may read; or
    /// COUNTERSIGN_APP_FOLDER. Where it holds none yet, the address is printed at which the App is made on GitHub, with
    /// `--public-url` as the address of the app; then it is kept there, and served. Takes the place of `--app`, `--app-key`,
    /// `--webhook-secret-file`, `--client-id` and `--client-secret-file`.
    #[arg(long, value_name = "DIR")]
    app_folder: Option<PathBuf>,
    /// A file with the secret that GitHub signs deliveries with; or COUNTERSIGN_WEBHOOK_SECRET_FILE.
    #[arg(long, value_name = "FILE")]
    webhook_secret_file: Option<PathBuf>,
    /// A layer of the policy around every repository's own; repeat it, outermost layer first; or COUNTERSIGN_POLICY, one a
    /// line. A repository's own is read from its default branch, at the usual places.
    #[arg(long, value_name = "FILE")]
    policy: Vec<PathBuf>,
    /// The repository that keeps a layer for all others, within those of `--policy`: `acme/policy`, or
    /// `acme/policy@main:org/policy.yml`, and `github:acme/policy` or `gitlab:acme/policy` where the app serves both; or
    /// COUNTERSIGN_POLICY_REPOSITORY. Its branch, the default one where none is named,
    /// has to be protected, and the App installed there; where it cannot be read, everything holds. On GitLab none but
    /// maintainers may push or merge there. A change counts within a minute.
    #[arg(long, value_name = "OWNER/NAME@BRANCH:FILE")]
    policy_repository: Option<String>,
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
    /// otherwise what this record opened the environment for. Where the app serves both forges, with `github:` or `gitlab:` before
    /// the repository.
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
    /// Believe jobs on self-hosted runners as well; or COUNTERSIGN_SELF_HOSTED_RUNNERS=true. Left out: only those on GitHub's
    /// own, each new for its job, because whoever can get onto a machine that stays can speak for every job that comes there.
    #[arg(long)]
    self_hosted_runners: bool,
    /// A file that names who deploys beside GitHub's own pipeline, each with the key that he signs with and with what he may
    /// tell of: `argocd: { key: …, repositories: [acme/shop], environments: [production] }`, and `components: […]` where not
    /// all; or COUNTERSIGN_DEPLOYERS. Needs `--public-url`. Left out: only jobs of Actions tell of deployments.
    #[arg(long, value_name = "FILE")]
    deployers: Option<PathBuf>,
    /// Read every repository so often without being told to, in seconds, 1 to 300; or COUNTERSIGN_SWEEP. Left out: 120.
    #[arg(long, value_name = "SECONDS")]
    sweep: Option<u64>,
    /// A feed of the board's meetings that may be at a private address, exactly as policies name it without `feed:`; repeat
    /// it; or COUNTERSIGN_PRIVATE_FEED, one a line. Feeds at public addresses need no word.
    #[arg(long, value_name = "URL")]
    private_feed: Vec<String>,
    #[command(flatten)]
    gitlab: gitlab::GitlabArguments,
    #[command(flatten)]
    traces: traces::TraceArguments,
    #[command(flatten)]
    pages: pages::PageArguments,
    #[command(flatten)]
    messages: MessageArguments,
}

/// The same as a file states it.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct Configured {
    database: Option<String>,
    log_key: Option<PathBuf>,
    evidence_folder: Option<PathBuf>,
    listen: Option<String>,
    github_url: Option<String>,
    app: Option<String>,
    app_key: Option<PathBuf>,
    app_folder: Option<PathBuf>,
    webhook_secret_file: Option<PathBuf>,
    gitlab_url: Option<String>,
    gitlab_token_file: Option<PathBuf>,
    gitlab_webhook_secret_file: Option<PathBuf>,
    gitlab_project: Vec<String>,
    gitlab_variable: Vec<String>,
    gitlab_ca: Option<PathBuf>,
    gitlab_client_id: Option<String>,
    gitlab_client_secret_file: Option<PathBuf>,
    policy: Vec<PathBuf>,
    /// Named with nothing behind it, it would leave the organisation's layer out.
    #[serde(deserialize_with = "stated")]
    policy_repository: Option<String>,
    roster: Option<PathBuf>,
    with: Option<PathBuf>,
    without_artifacts: Vec<String>,
    since: Vec<String>,
    public_url: Option<String>,
    token_issuer: Option<String>,
    self_hosted_runners: Option<bool>,
    deployers: Option<PathBuf>,
    sweep: Option<u64>,
    private_feed: Vec<String>,
    otlp_endpoint: Option<String>,
    client_id: Option<String>,
    client_secret_file: Option<PathBuf>,
    recheck: Option<u64>,
    slack_token_file: Option<PathBuf>,
    slack_url: Option<String>,
    smtp: Option<String>,
    smtp_user: Option<String>,
    smtp_password_file: Option<PathBuf>,
    smtp_authority: Option<PathBuf>,
    mail_from: Option<String>,
    message_webhook: Vec<String>,
    private_webhooks: Option<bool>,
}

/// A key with nothing behind it is no text.
fn stated<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    String::deserialize(from).map(Some)
}

impl Configured {
    /// What it says of GitLab.
    fn gitlab(&mut self) -> gitlab::Stated {
        gitlab::Stated {
            url: self.gitlab_url.take(),
            token_file: self.gitlab_token_file.take(),
            webhook_secret_file: self.gitlab_webhook_secret_file.take(),
            projects: std::mem::take(&mut self.gitlab_project),
            variables: std::mem::take(&mut self.gitlab_variable),
            authorities: self.gitlab_ca.take(),
            client_id: self.gitlab_client_id.take(),
            client_secret_file: self.gitlab_client_secret_file.take(),
        }
    }

    /// What it says of messages.
    pub(super) fn messages(&mut self) -> Stated {
        Stated {
            slack_token_file: self.slack_token_file.take(),
            slack_url: self.slack_url.take(),
            smtp: self.smtp.take(),
            smtp_user: self.smtp_user.take(),
            smtp_password_file: self.smtp_password_file.take(),
            smtp_authority: self.smtp_authority.take(),
            mail_from: self.mail_from.take(),
            message_webhook: std::mem::take(&mut self.message_webhook),
            private_webhooks: self.private_webhooks.take(),
        }
    }

    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
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
pub(super) fn set<T: FromStr + Clone>(option: Option<&T>, name: &str, file: Option<T>) -> Result<Option<T>, Failure> {
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

pub(super) fn listed<T: FromStr + Clone>(options: &[T], name: &str, file: Vec<T>) -> Vec<T> {
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
    // Whoever reads this may go away; the app stays.
    written(|line| drop(std::io::Write::write_all(&mut std::io::stderr().lock(), line)))
}

/// The same, handed to somebody who keeps the lines.
pub(super) fn written(keep: impl Fn(&[u8]) + Send + Sync + 'static) -> Journal {
    Arc::new(move |event, fields| {
        let mut line = serde_json::Map::new();
        line.insert("at".to_owned(), Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true).into());
        line.insert("event".to_owned(), event.into());
        if let Value::Object(fields) = fields {
            line.extend(fields.clone());
        }
        keep(format!("{}\n", Value::Object(line)).as_bytes());
    })
}

/// The layers around every repository's own policy.
pub(super) fn outer(files: &[PathBuf]) -> Result<Outer, Failure> {
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

/// The layer that a repository keeps for all others.
pub(super) fn kept(option: Option<&String>, file: Option<String>) -> Result<Option<Kept>, Failure> {
    const VARIABLE: &str = "COUNTERSIGN_POLICY_REPOSITORY";
    if option.is_none() && is_blank(VARIABLE) {
        return Err(usage(format!("`{VARIABLE}` is set and names nothing: name the repository, or unset it")));
    }
    let stated = set(option, VARIABLE, file)?;
    stated.map(|stated| stated.parse()).transpose().map_err(usage)
}

/// What ran before the record began, by repository and environment. A repository of a forge that is named before it is known
/// by that as well.
fn since(written: &[String]) -> Result<Began, Failure> {
    let mut found = Began::new();
    for text in written {
        let wrong = || usage(format!("`--since {text}` is not of the form `owner/name:environment=commit`"));
        let (place, commit) = text.split_once('=').ok_or_else(wrong)?;
        let at = forges::of(place).map_or(0, |(forge, _)| forge.len() + 1);
        let (forge, place) = place.split_at(at);
        let mut parts = place.splitn(3, ':');
        let (Some(repository), Some(environment)) = (parts.next(), parts.next().filter(|it| !it.is_empty())) else {
            return Err(wrong());
        };
        let whole = matches!(commit.len(), 40 | 64) && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !whole || repository.split('/').filter(|part| !part.is_empty()).count() < 2 {
            return Err(wrong());
        }
        let repository = format!("{forge}{}", repository.to_ascii_lowercase());
        let here = found.entry((repository, environment.to_owned())).or_default();
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
    listen: SocketAddr,
    base: Base,
    public: Option<Origin>,
    issuer: String,
    gitlab_issuer: String,
    /// Whether jobs on machines of their owners are believed.
    own_runners: bool,
    named: Named,
    /// The collector that is told traces.
    collector: Option<String>,
}

fn settings(arguments: &Arguments) -> Result<Set, Failure> {
    let config = arguments.config.clone().or_else(|| variable("COUNTERSIGN_CONFIG").map(PathBuf::from));
    let mut file = config.as_deref().map(Configured::read).transpose()?.unwrap_or_default();
    let failed = |failure: super::log::Failure| Failure(failure.0, failure.1);
    let database = set(arguments.database.as_ref(), "COUNTERSIGN_DATABASE", file.database.take())?;
    let address = super::append::address(database.as_deref()).map_err(failed)?;
    let url = set(arguments.github_url.as_ref(), "COUNTERSIGN_GITHUB_URL", file.github_url.take())?;
    let base = Base::parse(url.as_deref().unwrap_or("https://github.com")).map_err(usage)?;
    let public = set(arguments.public_url.as_ref(), "COUNTERSIGN_PUBLIC_URL", file.public_url.take())?;
    let public = public.map(|url| pages::origin(&url)).transpose()?;
    let named = named::named(arguments, &mut file, public.as_ref())?;
    let channels = super::messages::channels(&arguments.messages, file.messages())?;
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
    let (issuer, gitlab_issuer) = forges::issuers(&named, issuer, base.issuer());
    let own = arguments.self_hosted_runners.then_some(true);
    let own = set(own.as_ref(), "COUNTERSIGN_SELF_HOSTED_RUNNERS", file.self_hosted_runners)?;
    let forges = named.forges();
    let named_by = set(arguments.deployers.as_ref(), "COUNTERSIGN_DEPLOYERS", file.deployers)?;
    if named_by.is_some() && public.is_none() {
        return Err(usage("those who deploy tell it to this very address: name it with `--public-url`"));
    }
    let outside = Outside {
        address: public.as_ref().map(|public| public.address.clone()),
        deployers: named_by.as_deref().map(deployers::read).transpose()?.unwrap_or_default(),
    };
    let private = listed(&arguments.private_feed, "COUNTERSIGN_PRIVATE_FEED", std::mem::take(&mut file.private_feed));
    let feeds = Feeds::new(private).map_err(usage)?;
    let settings = Settings {
        address,
        folder,
        outer: outer(&listed(&arguments.policy, "COUNTERSIGN_POLICY", file.policy))?,
        kept: forges::kept(kept(arguments.policy_repository.as_ref(), file.policy_repository)?, &forges)?,
        known: with.as_deref().map(filled).transpose()?,
        roster: rostered.as_deref().map_or_else(|| Ok(Roster::default()), |path| roster(Some(path)))?,
        without_artifacts: listed(
            &arguments.without_artifacts,
            "COUNTERSIGN_WITHOUT_ARTIFACTS",
            file.without_artifacts,
        ),
        submissions: public.is_some(),
        since: since(&listed(&arguments.since, "COUNTERSIGN_SINCE", file.since))?,
        sweep: Duration::from_secs(sweep),
        backoff: Backoff::new(Utc::now().timestamp_subsec_nanos().into()),
        pages: None,
        outside,
        channels: Arc::new(channels),
        feeds: Arc::new(feeds),
        clock: Clock::machine(),
        desks: Desks::of_forges(&forges),
    };
    let signing = arguments.signing.clone().or_key(file.log_key);
    let collector = arguments.traces.endpoint(file.otlp_endpoint)?;
    Ok(Set {
        settings,
        signing,
        listen,
        base,
        public,
        issuer,
        gitlab_issuer,
        own_runners: own == Some(true),
        named,
        collector,
    })
}

fn served(arguments: &Arguments) -> Result<u8, Failure> {
    let set = settings(arguments)?;
    let failed = |failure: super::log::Failure| Failure(failure.0, failure.1);
    let mut signers = (set.signing.signatory().map_err(failed)?, Vec::new());
    for _ in set.named.forges() {
        signers.1.push(set.signing.signatory().map_err(failed)?);
    }
    // What is wrong with the App's files is said before anything is listened on.
    let back = set.named.back_from_gitlab();
    let gitlab = set.named.gitlab.as_deref().map(|named| gitlab::front(named, &set, &back)).transpose()?;
    if let Some(OnGithub::Files(files)) = &set.named.github {
        registered(files, &set)?;
    }
    let [own_of_github, own_of_gitlab] = forges::own(&set)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure(UNKNOWN, format!("the machine has no room for another thread: {error}")))?;
    runtime.block_on(async {
        let listen = set.listen;
        let wrong = |error: std::io::Error| {
            usage(format!("`{listen}` cannot be listened on: {error}; name another address with `--listen`"))
        };
        let listener = tokio::net::TcpListener::bind(listen).await.and_then(tokio::net::TcpListener::into_std);
        let listener = listener.map_err(wrong)?;
        let journal = journal();
        let traces = traces::begin(set.collector.as_deref(), &journal)?;
        let github = match &set.named.github {
            Some(named) => known(named, &set, &listener, &journal).await?.map(|app| app.front(set.issuer.clone())),
            None => None,
        };
        let ends = set.named.github.is_some() && github.is_none();
        let listener = tokio::net::TcpListener::from_std(listener).map_err(wrong)?;
        let started = |address: SocketAddr, router| {
            // Whoever reads this may go away; the app stays.
            let _ = print(&format!("the app listens on http://{address}\n"));
            router
        };
        let fronts = Fronts {
            github: github.map(|front| Front { own: own_of_github, ..front }),
            gitlab: gitlab.map(|front| Front { own: own_of_gitlab, ..front }),
        };
        let code = if ends {
            Ok(PROCEED)
        } else {
            works(fronts, (set.settings, signers), listener, &journal, started, ended()).await
        };
        if let Some(traces) = traces {
            traces.end().await;
        }
        code
    })
}
