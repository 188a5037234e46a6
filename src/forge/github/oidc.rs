//! A job of GitHub Actions and its token: asked for where the job runs, and read where it is shown.
//!
//! What a token says is matched by ids. `sub` is a text that a repository may set as it likes, and names can be taken over by
//! others. A run of a pull request, or one that another run started, is of no release: whoever sent the pull request may
//! have a hand in what it does, and its commit is none that goes. A job on somebody's own machine is whatever that machine
//! was made to say, and counts only where the settings say so.

use reqwest::Url;
use reqwest::header::HeaderValue;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::client::{Base, Secret};
use crate::forge::job::{Job, Tokens};
use crate::forge::token::{Name, Refused};
use crate::transport::http;

/// Where an issuer's keys lie, below its URL.
pub const KEYS: &str = "/.well-known/jwks";
/// How many bytes the answer with a token may have.
const MOST: usize = 64 << 10;
/// The events whose runs may be of a release.
const EVENTS: [&str; 7] =
    ["push", "release", "workflow_dispatch", "schedule", "create", "repository_dispatch", "merge_group"];
/// The claims that are recorded: they are the same in every token of a job.
const RECORDED: [&str; 16] = [
    "iss",
    "sub",
    "repository",
    "repository_id",
    "repository_owner_id",
    "run_id",
    "run_attempt",
    "sha",
    "ref",
    "event_name",
    "workflow_ref",
    "job_workflow_ref",
    "environment",
    "actor",
    "actor_id",
    "runner_environment",
];

impl Base {
    /// Who issues the tokens of this GitHub's jobs. An enterprise may have one of its own below it.
    #[must_use]
    pub fn issuer(&self) -> String {
        if self.is_hosted() {
            return match self.web() {
                "github.com" => "https://token.actions.githubusercontent.com".to_owned(),
                other => format!("https://token.actions.{other}"),
            };
        }
        let origin = self.graphql().origin().ascii_serialization();
        format!("{origin}/_services/token")
    }
}

/// The repository and its owner that a token names, by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named {
    /// The repository.
    pub repository: u64,
    /// Whoever owns it.
    pub owner: u64,
}

/// On whose machines a job may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runners {
    /// GitHub's, each new for its job.
    Hosted,
    /// Those of the repository's owner as well.
    Any,
}

/// What the claims say of the repository. It counts once GitHub lists it among ours.
pub fn named(claims: &Map<String, Value>) -> Result<Named, Refused> {
    Ok(Named { repository: number(claims, "repository_id")?, owner: number(claims, "repository_owner_id")? })
}

/// The job of whom the claims are. `repository` is the name that GitHub lists for the repository's id, and `token` what the
/// token is remembered by.
pub fn job(claims: &Map<String, Value>, repository: &str, token: Name, runners: Runners) -> Result<Job, Refused> {
    let hosted = claims.get("runner_environment").and_then(Value::as_str) == Some("github-hosted");
    if runners == Runners::Hosted && !hosted {
        return Err(Refused::Runner);
    }
    let event = text(claims, "event_name")?;
    if !EVENTS.contains(&event.as_str()) {
        return Err(Refused::Claim("event_name"));
    }
    let commit = text(claims, "sha")?;
    if !matches!(commit.len(), 40 | 64) || !commit.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Refused::Claim("sha"));
    }
    let reference = text(claims, "ref")?;
    let pipeline = pipeline(&text(claims, "job_workflow_ref")?, repository, &reference)?;
    let environment = if claims.contains_key("environment") { Some(text(claims, "environment")?) } else { None };
    Ok(Job {
        repository: repository.to_owned(),
        run: number(claims, "run_id")?,
        attempt: number(claims, "run_attempt")?,
        number: None,
        commit: commit.to_ascii_lowercase(),
        reference,
        pipeline,
        environment,
        claims: RECORDED.iter().filter_map(|name| Some(((*name).to_owned(), claims.get(*name)?.clone()))).collect(),
        token: Some(token),
    })
}

fn text(claims: &Map<String, Value>, name: &'static str) -> Result<String, Refused> {
    let text = claims.get(name).and_then(Value::as_str).filter(|text| (1..=1_000).contains(&text.len()));
    text.map(str::to_owned).ok_or(Refused::Claim(name))
}

/// A number, which GitHub writes as text.
fn number(claims: &Map<String, Value>, name: &'static str) -> Result<u64, Refused> {
    match claims.get(name) {
        Some(Value::Number(number)) => number.as_u64().ok_or(Refused::Claim(name)),
        _ => text(claims, name)?.parse().map_err(|_| Refused::Claim(name)),
    }
}

/// Where workflows lie in a repository.
const WORKFLOWS: &str = "/.github/workflows/";

/// A workflow as a policy names it: `acme/perf//nightly.yml`, of `acme/perf/.github/workflows/nightly.yml@refs/heads/main`
/// where the run is of `acme/perf` and of that branch. A workflow that was called from elsewhere is what it was at the ref by
/// which it was called, whoever may move that, and its name says so: `acme/ci//scan.yml@refs/tags/v1`.
fn pipeline(workflow: &str, repository: &str, reference: &str) -> Result<String, Refused> {
    let none = || Refused::Claim("job_workflow_ref");
    let (owner, rest) = workflow.split_once(WORKFLOWS).ok_or_else(none)?;
    // The file's name and the ref can both have an `@`; the ref alone has a `/`.
    let first = rest.split_once('/').map_or(rest, |(first, _)| first);
    let (file, _) = first.rsplit_once('@').ok_or_else(none)?;
    let at = rest.get(file.len() + 1..).ok_or_else(none)?;
    let own = owner.eq_ignore_ascii_case(repository) && at == reference;
    // A file that has an `@` in its name must not pass for another one at a ref.
    let plain = own && !file.contains('@');
    Ok(if plain { format!("{owner}//{file}") } else { format!("{owner}//{file}@{at}") })
}

/// Where a job asks for its tokens, as the runner tells it.
#[derive(Debug)]
pub struct Desk {
    url: Url,
    bearer: Secret,
}

impl Desk {
    /// By what the runner puts into `ACTIONS_ID_TOKEN_REQUEST_URL` and `ACTIONS_ID_TOKEN_REQUEST_TOKEN`.
    pub fn new(url: &str, bearer: &str) -> Result<Self, http::Fault> {
        Ok(Self { url: http::address(url)?, bearer: Secret::new(bearer) })
    }
}

impl Tokens for Desk {
    async fn bearer(&self, client: &reqwest::Client, audience: &str) -> Result<HeaderValue, http::Fault> {
        #[derive(Deserialize)]
        struct Issued {
            value: String,
        }
        let mut url = self.url.clone();
        url.query_pairs_mut().append_pair("audience", audience);
        let response = client.get(url).bearer_auth(self.bearer.reveal()).send().await?;
        if !response.status().is_success() {
            return Err(http::unexpected(response).await);
        }
        let text = http::text(response, MOST).await?;
        let issued = serde_json::from_str::<Issued>(&text).ok();
        let header = issued.and_then(|issued| HeaderValue::from_str(&format!("Bearer {}", issued.value)).ok());
        let none = || http::Fault::Answer { status: 200, body: "and has no token in it".to_owned() };
        let mut header = header.ok_or_else(none)?;
        header.set_sensitive(true);
        Ok(header)
    }
}
