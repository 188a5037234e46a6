//! A job of a pipeline and its token (`id_tokens:`), read where it is shown.
//!
//! What a token says is matched by ids: names can be taken over by others. A pipeline of a merge request is of no release:
//! whoever sent the merge request may have a hand in what it does, and its commit is none that goes. A job on somebody's own
//! machine is whatever that machine was made to say, and counts only where the settings say so.
//!
//! GitLab gives a job one token for each audience, which lives for as long as the job may. It counts while GitLab itself says
//! that the job runs in the pipeline that the token names.

use reqwest::header::HeaderValue;
use serde_json::{Map, Value};

use crate::forge::job::{Job, Tokens};
use crate::forge::secret::Secret;
use crate::forge::token::Refused;
use crate::transport::http;

/// Where the keys lie, below the server's address, which is the issuer.
pub const KEYS: &str = "/oauth/discovery/keys";
/// By what a pipeline of a release may have been started.
const SOURCES: [&str; 6] = ["push", "web", "schedule", "api", "trigger", "pipeline"];
/// The claims that are recorded: they are the same in every token of a job.
const RECORDED: [&str; 17] = [
    "iss",
    "sub",
    "project_path",
    "project_id",
    "namespace_id",
    "pipeline_id",
    "pipeline_source",
    "job_id",
    "sha",
    "ref",
    "ref_path",
    "ref_protected",
    "environment",
    "environment_protected",
    "ci_config_ref_uri",
    "user_id",
    "user_login",
];

/// On whose machines a job may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runners {
    /// GitLab's, each new for its job.
    Hosted,
    /// Those of the project's owner as well. A server of one's own has no others.
    Any,
}

/// The project that a token names, by its number. It counts once GitLab lists it among ours.
pub fn project(claims: &Map<String, Value>) -> Result<u64, Refused> {
    number(claims, "project_id")
}

/// The number of the job that a token names.
pub fn number_of(claims: &Map<String, Value>) -> Result<u64, Refused> {
    number(claims, "job_id")
}

/// The job of whom the claims are. `project` is the name that GitLab lists for the project's number.
pub fn job(claims: &Map<String, Value>, project: &str, runners: Runners) -> Result<Job, Refused> {
    let hosted = claims.get("runner_environment").and_then(Value::as_str) == Some("gitlab-hosted");
    if runners == Runners::Hosted && !hosted {
        return Err(Refused::Runner);
    }
    if !SOURCES.contains(&text(claims, "pipeline_source")?.as_str()) {
        return Err(Refused::Claim("pipeline_source"));
    }
    let commit = text(claims, "sha")?;
    if !matches!(commit.len(), 40 | 64) || !commit.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Refused::Claim("sha"));
    }
    let reference = text(claims, "ref_path")?;
    if !reference.starts_with("refs/heads/") && !reference.starts_with("refs/tags/") {
        return Err(Refused::Claim("ref_path"));
    }
    let pipeline = pipeline(&text(claims, "ci_config_ref_uri")?, project, &reference)?;
    let environment = if claims.contains_key("environment") { Some(text(claims, "environment")?) } else { None };
    Ok(Job {
        repository: project.to_owned(),
        run: number(claims, "pipeline_id")?,
        // A job that is tried again is a new job of the same pipeline, which is not started again as a whole.
        attempt: 1,
        number: Some(number(claims, "job_id")?),
        commit: commit.to_ascii_lowercase(),
        reference,
        pipeline,
        environment,
        claims: RECORDED.iter().filter_map(|name| Some(((*name).to_owned(), claims.get(*name)?.clone()))).collect(),
        token: None,
    })
}

fn text(claims: &Map<String, Value>, name: &'static str) -> Result<String, Refused> {
    let text = claims.get(name).and_then(Value::as_str).filter(|text| (1..=1_000).contains(&text.len()));
    text.map(str::to_owned).ok_or(Refused::Claim(name))
}

/// A number, which GitLab writes as text.
fn number(claims: &Map<String, Value>, name: &'static str) -> Result<u64, Refused> {
    match claims.get(name) {
        Some(Value::Number(number)) => number.as_u64().ok_or(Refused::Claim(name)),
        _ => text(claims, name)?.parse().map_err(|_| Refused::Claim(name)),
    }
}

/// The pipeline's file as a policy names it: `acme/shop//.gitlab-ci.yml`, of `gitlab.com/acme/shop//.gitlab-ci.yml@refs/heads/main`
/// where the pipeline is of `acme/shop` and of that branch. A file from elsewhere is what it was at its ref, whoever may move
/// that, and its name says so.
fn pipeline(written: &str, project: &str, reference: &str) -> Result<String, Refused> {
    let none = || Refused::Claim("ci_config_ref_uri");
    let (place, rest) = written.split_once("//").ok_or_else(none)?;
    let (file, at) = rest.rsplit_once('@').filter(|(file, at)| !file.is_empty() && !at.is_empty()).ok_or_else(none)?;
    let own = place.to_ascii_lowercase().ends_with(&format!("/{}", project.to_ascii_lowercase())) && at == reference;
    // A file that has an `@` in its name must not pass for another one at a ref.
    Ok(if own && !file.contains('@') { format!("{project}//{file}") } else { format!("{place}//{file}@{at}") })
}

/// The one token that GitLab gives a job for an audience, shown with each request.
#[derive(Debug)]
pub struct Given(Secret);

impl Given {
    /// A token as the job has it in a variable.
    #[must_use]
    pub fn new(token: &str) -> Self {
        Self(Secret::new(token))
    }
}

impl Tokens for Given {
    async fn bearer(&self, _client: &reqwest::Client, _audience: &str) -> Result<HeaderValue, http::Fault> {
        let header = HeaderValue::from_str(&format!("Bearer {}", self.0.reveal()));
        let mut header =
            header.map_err(|_| http::Fault::Unshowable("the job's token is none: it has more than a header takes"))?;
        header.set_sensitive(true);
        Ok(header)
    }
}
