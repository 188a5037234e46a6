//! `countersign doctor`: what lets a release slip past an installation, each with the mend.

use std::path::PathBuf;

use chrono::Utc;

use super::environment::variable;
use super::facts::{Failure, authorities, runtime, secret, usage};
use super::{BLOCKED, PENDING, PROCEED, UNKNOWN, USAGE, complain, outputs};
use crate::flow::inspection::{Wanted, inspect, inspect_both};
use crate::forge::github::app::App;
use crate::forge::github::client::{AppKey, Base, Client, Identity, Secret};
use crate::forge::github::inspect::Inspector;
use crate::forge::gitlab::{client as gitlab, inspect::Inspector as GitlabInspector};
use crate::model::inspection::{Gravity, Inspection};
use crate::report;

/// Every exit code, with what it means.
pub(super) const EXIT_CODES: [(u8, &str); 5] = [
    (PROCEED, "nothing was found, and everything could be read"),
    (PENDING, "nothing lets a release slip past; something weakens what keeps it in"),
    (BLOCKED, "something lets a release slip past"),
    (USAGE, "the command or a layer of the policy is wrong"),
    (UNKNOWN, "something could not be read, so that it is not known to be in order; outranks 10, not 11"),
];

fn after_help() -> String {
    let codes: Vec<String> = EXIT_CODES.iter().map(|(code, meaning)| format!("  {code:2}  {meaning}\n")).collect();
    format!(
        "Exit codes:\n{}\nThe App reads itself, its webhook and the environments under its own key. Secrets, the protection of \
         branches and administrators it may not see: for those name the token of an administrator, with `--token-file` or in \
         COUNTERSIGN_GITHUB_TOKEN, which may read administration, environments, secrets and metadata of the repository, and \
         secrets and members of the organisation. It changes nothing. What it could not read, it says. `countersign explain` \
         tells every code.\n\nOn GitLab the app's account is asked under the token that `serve` has, and what maintainers alone may see under that of \
         one, in `--token-file` or COUNTERSIGN_GITLAB_TOKEN, of the scope `read_api`; who administers a server of your own is told to \
         administrators. Named together, both forges are inspected, as an app has it that serves both: `--token-file` is of GitHub then, the JSON is a \
         list of both documents, and the exit code is the graver one. Below the findings it says which plan is in use, what is done by which of its means, and what is advisory.",
        codes.concat()
    )
}

/// How an inspection is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Every finding with its mend, for a person.
    Text,
    /// The document, for programs.
    Json,
}

/// What is inspected, and as whom.
#[derive(clap::Args)]
#[command(after_help = after_help())]
pub(super) struct Arguments {
    /// A repository on GitHub, `owner/name`; repeat it for several. Left out: all that the App is installed on.
    #[arg(long, value_name = "OWNER/NAME")]
    github: Vec<String>,
    /// Where GitHub is; or COUNTERSIGN_GITHUB_URL. Left out: `https://github.com`.
    #[arg(long, value_name = "URL")]
    github_url: Option<String>,
    /// A project on GitLab, `group/name`; repeat it for several. Left out, with `--gitlab-url`: all that the app's account is a
    /// developer of.
    #[arg(long, value_name = "GROUP/NAME")]
    gitlab: Vec<String>,
    /// Where GitLab is; or COUNTERSIGN_GITLAB_URL. Left out, with `--gitlab`: `https://gitlab.com`.
    #[arg(long, value_name = "URL")]
    gitlab_url: Option<String>,
    /// A file with the token of the app's account on GitLab; or COUNTERSIGN_GITLAB_TOKEN_FILE.
    #[arg(long, value_name = "FILE")]
    gitlab_token_file: Option<PathBuf>,
    /// Certificates of authorities that are believed beside the system's, a PEM file; or COUNTERSIGN_GITLAB_CA.
    #[arg(long, value_name = "FILE")]
    gitlab_ca: Option<PathBuf>,
    /// The App's id or client id; or COUNTERSIGN_APP.
    #[arg(long, value_name = "ID")]
    app: Option<String>,
    /// The App's private key, a PEM file; or COUNTERSIGN_APP_KEY.
    #[arg(long, value_name = "FILE")]
    app_key: Option<PathBuf>,
    /// The folder that keeps the App, as `countersign serve` set it up; or COUNTERSIGN_APP_FOLDER. Takes the place of `--app`
    /// and `--app-key`.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["app", "app_key"])]
    app_folder: Option<PathBuf>,
    /// A file with a token that may see more of a repository than the App may.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// A layer of the policy around every repository's own; repeat it, outermost layer first; or COUNTERSIGN_POLICY, one a
    /// line: what `countersign serve` is started with.
    #[arg(long, value_name = "FILE")]
    policy: Vec<PathBuf>,
    /// The repository that keeps a layer for all others, as `countersign serve` is started with; or
    /// COUNTERSIGN_POLICY_REPOSITORY.
    #[arg(long, value_name = "OWNER/NAME@BRANCH:FILE")]
    policy_repository: Option<String>,
    /// The branch from which pipelines read the policy, where that is another than the default branch.
    #[arg(long, value_name = "NAME")]
    branch: Option<String>,
    /// The address under which the app is reached, without a path; or COUNTERSIGN_PUBLIC_URL. With it the webhook's address is
    /// compared.
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// How it is told.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Write it to this file instead of standard output.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> u8 {
    match inspected(arguments) {
        Ok(code) => code,
        Err(Failure(code, words)) => {
            complain(&words);
            code
        }
    }
}

fn inspected(arguments: &Arguments) -> Result<u8, Failure> {
    let public = arguments.public_url.clone().or_else(|| variable("COUNTERSIGN_PUBLIC_URL"));
    let public = public.map(|url| super::serve::pages::origin(&url)).transpose()?.map(|origin| origin.address);
    let on_gitlab = on_gitlab(arguments);
    let with_github = on_gitlab.is_none() || is_on_github(arguments, on_gitlab.is_some());
    let there = match on_gitlab {
        Some(url) => {
            let base = gitlab::Base::parse(&url).map_err(usage)?;
            let (repositories, forge) = (arguments.gitlab.clone(), base.address());
            let wanted = wanted(arguments, repositories, public.clone(), forge)?;
            let inspector = gitlab_inspector(arguments, &base, wanted.address.as_deref(), !with_github)?;
            Some((inspector, wanted))
        }
        None => None,
    };
    let here = if with_github {
        let url = arguments.github_url.clone().or_else(|| variable("COUNTERSIGN_GITHUB_URL"));
        let base = Base::parse(url.as_deref().unwrap_or("https://github.com")).map_err(usage)?;
        let forge = base.page("").map_or_else(|| base.web().to_owned(), |page| page.origin().ascii_serialization());
        Some((inspector(arguments, &base)?, wanted(arguments, arguments.github.clone(), public, forge)?))
    } else {
        None
    };
    let runtime = runtime()?;
    let found = match (&here, &there) {
        (Some((one, wanted)), Some((other, wanted_there))) => {
            let (one, other) = runtime.block_on(inspect_both((one, wanted), (other, wanted_there)));
            vec![known(one)?, known(other)?]
        }
        (Some((one, wanted)), None) => vec![known(runtime.block_on(inspect(one, wanted)))?],
        (None, Some((other, wanted))) => vec![known(runtime.block_on(inspect(other, wanted)))?],
        (None, None) => Vec::new(),
    };
    told(&found, arguments)
}

fn known<F: std::fmt::Display>(inspected: Result<Inspection, F>) -> Result<Inspection, Failure> {
    inspected.map_err(|fault| Failure(UNKNOWN, format!("it is not known what to inspect: {fault}")))
}

/// Whether GitHub is meant as well where GitLab is: by an option, or where both are known by variables alone, as to `serve`.
fn is_on_github(arguments: &Arguments, on_gitlab: bool) -> bool {
    let gitlab = !arguments.gitlab.is_empty() || arguments.gitlab_url.is_some();
    let named = ["COUNTERSIGN_APP", "COUNTERSIGN_APP_FOLDER"].iter().any(|name| variable(name).is_some());
    is_github(arguments) || on_gitlab && !gitlab && named
}

fn wanted(
    arguments: &Arguments,
    repositories: Vec<String>,
    address: Option<String>,
    forge: String,
) -> Result<Wanted, Failure> {
    Ok(Wanted {
        repositories,
        branch: arguments.branch.clone(),
        outer: super::serve::outer(&super::serve::listed(&arguments.policy, "COUNTERSIGN_POLICY", Vec::new()))?,
        kept: super::serve::kept(arguments.policy_repository.as_ref(), None)?,
        address,
        forge,
        at: Utc::now(),
    })
}

fn is_github(arguments: &Arguments) -> bool {
    !arguments.github.is_empty()
        || arguments.github_url.is_some()
        || arguments.app.is_some()
        || arguments.app_folder.is_some()
}

/// Where GitLab is, where it is meant.
fn on_gitlab(arguments: &Arguments) -> Option<String> {
    let is_github = is_github(arguments);
    let stated = arguments.gitlab_url.clone();
    let stated = stated.or_else(|| variable("COUNTERSIGN_GITLAB_URL").filter(|_| !is_github));
    stated.or_else(|| (!arguments.gitlab.is_empty()).then(|| "https://gitlab.com".to_owned()))
}

/// Tells what was found.
fn told(found: &[Inspection], arguments: &Arguments) -> Result<u8, Failure> {
    let style = || outputs::style(arguments.output.is_none());
    let text = match (arguments.format, found) {
        (Format::Json, [only]) => report::json::inspection(only),
        (Format::Json, all) => report::json::inspections(all),
        (Format::Text, all) => {
            let all: Vec<String> = all.iter().map(|it| report::inspection::render(it, style())).collect();
            Ok(all.join("\n"))
        }
    };
    let text = text.map_err(|error| Failure(UNKNOWN, error.to_string()))?;
    outputs::document(&text, arguments.output.as_deref()).map_err(|error| Failure(UNKNOWN, error))?;
    Ok(code(found))
}

fn code(found: &[Inspection]) -> u8 {
    let any = |gravity| found.iter().any(|inspection| inspection.count(gravity) > 0);
    if any(Gravity::Open) {
        BLOCKED
    } else if any(Gravity::Unknown) {
        UNKNOWN
    } else if any(Gravity::Weak) {
        PENDING
    } else {
        PROCEED
    }
}

/// The App that is to hold the deployments, and the file with its key. What is named on the command line goes before what
/// variables name.
fn identity(arguments: &Arguments) -> Result<(String, Option<PathBuf>), Failure> {
    let of_folder = |folder: PathBuf| {
        let folder = super::serve::setup::folder(folder);
        super::serve::setup::identity(&folder).map(|(id, key)| (id, Some(key)))
    };
    if let Some(folder) = &arguments.app_folder {
        return of_folder(folder.clone());
    }
    let key = arguments.app_key.clone().or_else(|| variable("COUNTERSIGN_APP_KEY").map(PathBuf::from));
    match (arguments.app.clone().or_else(|| variable("COUNTERSIGN_APP")), variable("COUNTERSIGN_APP_FOLDER")) {
        (Some(id), _) => Ok((id, key)),
        (None, Some(folder)) if key.is_none() => of_folder(folder.into()),
        (None, _) => Err(usage(
            "name the App that is to hold the deployments with `--app`, its id or its client id, or the folder that keeps it \
             with `--app-folder`",
        )),
    }
}

/// As whom GitLab is asked.
fn gitlab_inspector(
    arguments: &Arguments,
    base: &gitlab::Base,
    address: Option<&str>,
    alone: bool,
) -> Result<GitlabInspector, Failure> {
    let own = arguments.gitlab_token_file.clone();
    let own = own.or_else(|| variable("COUNTERSIGN_GITLAB_TOKEN_FILE").map(PathBuf::from));
    let own =
        own.ok_or_else(|| usage("name the file with the token of the app's account with `--gitlab-token-file`"))?;
    let trusted = arguments.gitlab_ca.clone().or_else(|| variable("COUNTERSIGN_GITLAB_CA").map(PathBuf::from));
    let trusted = trusted.as_deref().map(authorities).transpose()?;
    let more = match arguments.token_file.as_ref().filter(|_| alone) {
        Some(file) => Some(secret(file)?),
        None => variable("COUNTERSIGN_GITLAB_TOKEN").map(|token| Secret::new(&token)),
    };
    let client = |token| gitlab::Client::of_app(base.clone(), token, trusted.as_deref()).map_err(usage);
    let more = more.map(client).transpose()?;
    let named = variable("COUNTERSIGN_GITLAB_PROJECT").unwrap_or_default();
    let only: Vec<String> = named.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    Ok(GitlabInspector::new(client(secret(&own)?)?, more, &only).at(address))
}

/// As whom it is asked.
fn inspector(arguments: &Arguments, base: &Base) -> Result<Inspector, Failure> {
    let (id, key) = identity(arguments)?;
    let app = match &key {
        Some(key) => {
            let key = AppKey::read(&id, &secret(key)?).map_err(usage)?;
            Some(App::new(base.clone(), key).map_err(usage)?)
        }
        None => None,
    };
    let token = match &arguments.token_file {
        Some(file) => Some(secret(file)?),
        None => variable("COUNTERSIGN_GITHUB_TOKEN").map(|token| Secret::new(&token)),
    };
    let token = token.map(|token| Client::new(base.clone(), Identity::Token(token))).transpose().map_err(usage)?;
    if app.is_none() && token.is_none() {
        return Err(usage("name the App's key with `--app-key`, or a file with a token with `--token-file`, or both"));
    }
    if app.is_none() && arguments.github.is_empty() {
        return Err(usage("name a repository with `--github`: only the App's key says where it is installed"));
    }
    Ok(Inspector::new(app, token, Some(&id)))
}
