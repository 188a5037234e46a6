//! `countersign facts`: what a forge knows of a release, as the document that `countersign decide` reads.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::environment::variable;
use super::{PROCEED, UNKNOWN, USAGE, complain, outputs};
use crate::flow::facts;
use crate::forge::github::client::{AppKey, Base, Client, Identity, Secret};
use crate::forge::{Source, gitlab};
use crate::model::facts::Facts;
use crate::policy::Policy;
use crate::policy::roster::Roster;
use crate::transport;
use crate::workspace::open;

/// Every exit code, with what it means.
pub(super) const EXIT_CODES: [(u8, &str); 3] = [
    (PROCEED, "the facts are written; what could not be read says so in its place"),
    (USAGE, "the command or the policy is wrong"),
    (UNKNOWN, "the forge could not be asked, or the facts cannot be written"),
];

/// How many bytes a key, a token or what is filled in may have.
const MOST: u64 = 16 << 20;

fn after_help() -> String {
    let codes: Vec<String> = EXIT_CODES.iter().map(|(code, meaning)| format!("  {code:2}  {meaning}\n")).collect();
    format!(
        "Exit codes:\n{}\nThe token comes from the file of `--token-file` or the variable COUNTERSIGN_GITHUB_TOKEN; an App gives \
         `--app` and `--app-key` instead. It reads contents, pull requests, actions, deployments, who may come in and the members \
         of the teams that the policy names. On GitLab the variable is COUNTERSIGN_GITLAB_TOKEN, and the token needs the scope \
         `read_api` and a member's place in the project and the groups; what the plan or the project leaves out is told on \
         standard error. No directory is asked: an account that the policy's `people` does not name \
         is a person of its own.",
        codes.concat()
    )
}

/// A repository, and who we are to its forge.
#[derive(clap::Args)]
pub(super) struct Identified {
    /// The repository on GitHub, `owner/name`.
    #[arg(long, value_name = "OWNER/NAME", required_unless_present = "gitlab", conflicts_with = "gitlab")]
    github: Option<String>,
    /// Where GitHub is; or COUNTERSIGN_GITHUB_URL.
    /// Left out: `https://github.com`. An enterprise server is named by the URL that people open.
    #[arg(long, value_name = "URL")]
    github_url: Option<String>,
    /// The project on GitLab instead, `group/name`, with all groups that it is in.
    #[arg(long, value_name = "GROUP/NAME", conflicts_with_all = ["github_url", "app"])]
    gitlab: Option<String>,
    /// Where GitLab is, as people open it, with the path that it may be below; or COUNTERSIGN_GITLAB_URL.
    /// Left out: `https://gitlab.com`.
    #[arg(long, value_name = "URL", requires = "gitlab")]
    gitlab_url: Option<String>,
    /// Certificates of authorities that are believed beside the system's, a PEM file; or COUNTERSIGN_GITLAB_CA.
    #[arg(long, value_name = "FILE", requires = "gitlab")]
    gitlab_ca: Option<PathBuf>,
    /// A file with the token.
    #[arg(long, value_name = "FILE", conflicts_with = "app")]
    token_file: Option<PathBuf>,
    /// An App's id or client id, to ask as its installation.
    #[arg(long, value_name = "ID", requires = "app_key")]
    app: Option<String>,
    /// The App's private key, a PEM file.
    #[arg(long, value_name = "FILE", requires = "app")]
    app_key: Option<PathBuf>,
    /// The App's installation. Left out: the one that the repository is in.
    #[arg(long, value_name = "ID", requires = "app")]
    installation: Option<u64>,
}

/// Which release, and what is known of it beside the forge.
#[derive(clap::Args)]
pub(super) struct Release {
    #[command(flatten)]
    identified: Identified,
    /// The environment, exactly as the forge names it.
    #[arg(long, value_name = "NAME")]
    environment: String,
    /// The commit, all of its digits.
    #[arg(long, value_name = "SHA")]
    commit: String,
    /// The branch or tag that is deployed, in full: `refs/heads/main`. Left out: what the run says.
    #[arg(long, value_name = "REF")]
    reference: Option<String>,
    /// The workflow run, or on GitLab the pipeline, that deploys: it says who started it, when, and who reviewed the
    /// environment.
    #[arg(long, value_name = "ID")]
    run: Option<u64>,
    /// When the release was asked for, and people with it, RFC 3339. Left out: when the run was made, and its attempt started.
    #[arg(long, value_name = "RFC3339")]
    submitted_at: Option<DateTime<Utc>>,
    /// What people call the release. Left out: the repository's name and the commit.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// A component that goes, whatever the changes touch; repeat it for several.
    #[arg(long, value_name = "NAME")]
    component: Vec<String>,
    /// The commit that runs there now, of one component or of all that are not named; repeat it.
    /// Left out: nothing is known of what changes, and the release holds: whoever may push can write into a forge's list of
    /// deployments.
    #[arg(long, value_name = "[COMPONENT=]SHA")]
    since: Vec<String>,
    /// An artifact of a component, or `none`; repeat it.
    #[arg(long, value_name = "COMPONENT=sha256:DIGEST")]
    artifact: Vec<String>,
    /// Who was in the teams when the release was asked for, as `policy check` reads it. Whoever is not in it may have come
    /// since, and does not count as a member.
    #[arg(long, value_name = "FILE")]
    roster: Option<PathBuf>,
    /// Facts that the forge does not know, such as evidence and the change record: a JSON document of the same form.
    #[arg(long, value_name = "FILE")]
    with: Option<PathBuf>,
}

/// Which release, and where its facts go.
#[derive(clap::Args)]
#[command(after_help = after_help())]
pub(super) struct Arguments {
    #[command(flatten)]
    release: Release,
    /// A layer of the policy, which says what is worth knowing; repeat it, outermost layer first.
    /// Left out: `.countersign/policy.yml`, `.countersign/policy.yaml` or `countersign.yml`.
    #[arg(long, value_name = "FILE")]
    policy: Vec<PathBuf>,
    /// Write the document to this file instead of standard output.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Why there are no facts, and with which code to exit.
pub(super) struct Failure(pub(super) u8, pub(super) String);

pub(super) fn usage(words: impl std::fmt::Display) -> Failure {
    Failure(USAGE, words.to_string())
}

pub(super) fn run(arguments: &Arguments) -> u8 {
    match gathered(arguments) {
        Ok(()) => PROCEED,
        Err(Failure(code, words)) => {
            if !words.is_empty() {
                complain(&words);
            }
            code
        }
    }
}

fn gathered(arguments: &Arguments) -> Result<(), Failure> {
    let policy = super::decide::policy(&arguments.policy).map_err(|code| Failure(code, String::new()))?;
    let write = |facts: &Facts| {
        outputs::document(&document(facts)?, arguments.output.as_deref()).map_err(|error| Failure(UNKNOWN, error))
    };
    if arguments.release.identified.gitlab.is_some() {
        let client = arguments.release.identified.gitlab_client(gitlab::client::Client::new)?;
        write(&arguments.release.gather(&client, &policy)?)?;
        let calls = client.calls();
        let (rest, graphql) = (calls.rest, calls.graphql);
        complain(&format!("asked GitLab {} times: {rest} REST, {graphql} GraphQL", rest + graphql));
        client.remarks().iter().for_each(|remark| complain(remark));
        return Ok(());
    }
    let client = arguments.release.client()?;
    write(&arguments.release.gather(&client, &policy)?)?;
    let calls = client.calls();
    complain(&format!(
        "asked GitHub {} times: {} REST, {} GraphQL, {} revalidated",
        calls.asked(),
        calls.rest,
        calls.graphql,
        calls.revalidated
    ));
    Ok(())
}

/// The facts as they are written.
pub(super) fn document(facts: &Facts) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(facts).map_err(|error| Failure(UNKNOWN, error.to_string()))?;
    Ok(format!("{text}\n"))
}

impl Release {
    /// The repository, as it was named.
    #[cfg(feature = "app")]
    pub(super) fn repository(&self) -> &str {
        self.identified.repository()
    }

    /// The run that deploys.
    #[cfg(feature = "app")]
    pub(super) fn run(&self) -> Option<u64> {
        self.run
    }

    /// Whether it is on GitLab.
    #[cfg(feature = "app")]
    pub(super) fn is_on_gitlab(&self) -> bool {
        self.identified.gitlab.is_some()
    }

    /// The client of GitHub.
    pub(super) fn client(&self) -> Result<Client, Failure> {
        self.identified.client()
    }

    /// The client of GitLab under the token of the app's own account, whose vote is asked for: what that account did is no
    /// person's act.
    #[cfg(feature = "app")]
    pub(super) fn client_of_app(&self) -> Result<gitlab::client::Client, Failure> {
        self.identified.gitlab_client(gitlab::client::Client::of_app)
    }

    /// What is known of it now.
    pub(super) fn gather(&self, source: &impl Source, policy: &Policy) -> Result<Facts, Failure> {
        let wanted = wanted(self)?;
        let with = self.with.as_deref().map(filled).transpose()?;
        let facts = runtime()?.block_on(facts::gather(source, policy, &wanted)).map_err(|fault| {
            Failure(if matches!(fault, facts::Fault::Asked(_)) { USAGE } else { UNKNOWN }, fault.to_string())
        })?;
        match &with {
            Some(with) => facts::fill(&facts, with).map_err(usage),
            None => Ok(facts),
        }
    }
}

pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    transport::runtime()
        .map_err(|error| Failure(UNKNOWN, format!("this machine has no room to wait for an answer: {error}")))
}

fn wanted(arguments: &Release) -> Result<facts::Wanted, Failure> {
    let mut since = BTreeMap::new();
    for written in &arguments.since {
        let (name, commit) = written.split_once('=').unwrap_or(("", written));
        if since.insert(name.to_owned(), commit.to_ascii_lowercase()).is_some() {
            return Err(usage(format!("`--since {written}` names for the second time what ran")));
        }
    }
    let mut artifacts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for written in &arguments.artifact {
        let (name, digest) = written
            .split_once('=')
            .ok_or_else(|| usage(format!("`--artifact {written}` names no component; write `COMPONENT=sha256:…`")))?;
        let digests = artifacts.entry(name.to_owned()).or_default();
        match digest {
            "none" => {}
            digest if is_digest(digest) => digests.push(digest.to_owned()),
            _ => {
                return Err(usage(format!(
                    "`{digest}` is no digest; write `sha256:` and 64 hexadecimal digits, or `none`"
                )));
            }
        }
    }
    Ok(facts::Wanted {
        name: arguments.name.clone(),
        forge: if arguments.identified.gitlab.is_some() { "gitlab" } else { "github" },
        repository: arguments.identified.repository().to_owned(),
        environment: arguments.environment.clone(),
        commit: arguments.commit.to_ascii_lowercase(),
        reference: arguments.reference.clone(),
        run: arguments.run,
        submitted_at: arguments.submitted_at,
        components: arguments.component.clone(),
        since,
        running: None,
        roster: roster(arguments.roster.as_deref())?,
        artifacts,
        acts: Vec::new(),
        signers: Vec::new(),
    })
}

pub(super) fn roster(path: Option<&Path>) -> Result<Roster, Failure> {
    let Some(path) = path else { return Ok(Roster::default()) };
    let shown = path.display().to_string();
    let artifact = open::named(path, MOST).map_err(|fault| usage(format!("the roster `{shown}`: {fault}")))?;
    let text = std::str::from_utf8(&artifact)
        .map_err(|_| usage(format!("the roster `{shown}` is not UTF-8; save it as UTF-8")))?;
    Roster::read(&shown, text).map_err(|complaints| {
        super::policy::tell(&[complaints]);
        usage("the roster cannot be used")
    })
}

fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:")
        .is_some_and(|digits| digits.len() == 64 && digits.bytes().all(|it| it.is_ascii_hexdigit()))
}

pub(super) fn filled(path: &Path) -> Result<serde_json::Value, Failure> {
    let wrong = |why: String| usage(format!("`{}`: {why}", path.display()));
    let artifact = open::named(path, MOST).map_err(|fault| wrong(fault.to_string()))?;
    serde_json::from_slice(&artifact).map_err(|error| wrong(error.to_string()))
}

pub(super) fn secret(path: &Path) -> Result<Secret, Failure> {
    let wrong = |why: String| usage(format!("`{}`: {why}", path.display()));
    let artifact = open::named(path, MOST).map_err(|fault| wrong(fault.to_string()))?;
    let text = std::str::from_utf8(&artifact).map_err(|_| wrong("it is not UTF-8".to_owned()))?;
    let secret = Secret::new(text);
    if secret.is_empty() { Err(wrong("it is empty".to_owned())) } else { Ok(secret) }
}

/// How a client of GitLab is made.
type GitlabClient =
    fn(gitlab::client::Base, Secret, Option<&[u8]>) -> Result<gitlab::client::Client, gitlab::client::Fault>;

impl Identified {
    /// The repository or project.
    fn repository(&self) -> &str {
        self.github.as_ref().or(self.gitlab.as_ref()).map(String::as_str).unwrap_or_default()
    }

    fn token(&self, name: &str) -> Result<Secret, Failure> {
        match &self.token_file {
            Some(file) => secret(file),
            None => variable(name)
                .map(|token| Secret::new(&token))
                .ok_or_else(|| usage(format!("there is no token: name a file with `--token-file`, or set {name}"))),
        }
    }

    /// The client of GitHub.
    fn client(&self) -> Result<Client, Failure> {
        let Some(repository) = &self.github else { return Err(usage("it is on GitLab, and GitHub is not asked")) };
        let url = self.github_url.clone().or_else(|| variable("COUNTERSIGN_GITHUB_URL"));
        let base = Base::parse(url.as_deref().unwrap_or("https://github.com")).map_err(usage)?;
        let identity = match (&self.app, &self.app_key) {
            (Some(id), Some(key)) => Identity::App {
                key: Arc::new(AppKey::read(id, &secret(key)?).map_err(usage)?),
                installation: self.installation,
                repository: Some(repository.clone()),
            },
            _ => Identity::Token(self.token("COUNTERSIGN_GITHUB_TOKEN")?),
        };
        Client::new(base, identity).map_err(|fault| Failure(UNKNOWN, fault.to_string()))
    }

    /// The client of GitLab, made for whoever the token is of.
    fn gitlab_client(&self, made: GitlabClient) -> Result<gitlab::client::Client, Failure> {
        let url = self.gitlab_url.clone().or_else(|| variable("COUNTERSIGN_GITLAB_URL"));
        let base = gitlab::client::Base::parse(url.as_deref().unwrap_or("https://gitlab.com")).map_err(usage)?;
        let file = self.gitlab_ca.clone().or_else(|| variable("COUNTERSIGN_GITLAB_CA").map(PathBuf::from));
        let trusted = file.as_deref().map(authorities).transpose()?;
        let token = self.token("COUNTERSIGN_GITLAB_TOKEN")?;
        made(base, token, trusted.as_deref()).map_err(usage)
    }
}

/// The certificates of authorities that are believed beside the system's, in PEM.
pub(super) fn authorities(path: &Path) -> Result<Vec<u8>, Failure> {
    let wrong = |why: String| usage(format!("`{}`: {why}", path.display()));
    let pem = open::named(path, MOST).map_err(|fault| wrong(fault.to_string()))?;
    // An empty file would be one that names nobody, and the system's authorities alone.
    if pem.is_empty() { Err(wrong("it is empty".to_owned())) } else { Ok(pem.to_vec()) }
}
