//! `countersign gate --submit`: the evidence that the gates read goes to the app.

use std::time::{Duration, Instant};

use reqwest::header::HeaderValue;

use super::complain;
use super::environment::{Place, variable};
use super::gate::Refusal;
use crate::flow::request::Request;
use crate::flow::submit::{self, Sent, To};
use crate::forge::github::oidc;
use crate::forge::gitlab;
use crate::forge::job::Tokens;
use crate::transport::{self, http};

/// Where the app is, checked before anything is done.
pub(super) fn address(option: &str, url: &str) -> Result<String, Refusal> {
    let plain = url.trim().trim_end_matches('/').to_owned();
    http::address(&plain).map_err(|fault| Refusal::Said(format!("`{option}`: {fault}")))?;
    Ok(plain)
}

/// Submits what the gates of a run read; what comes back is whether all of it is there. What is not is told.
pub(super) fn run(url: &str, request: &Request<'_>, place: Place, until: Instant) -> bool {
    match submitted(url, request, place, until) {
        Ok(Sent { files: 0, .. }) => {
            complain("no file that a gate reads is here, so no evidence was submitted");
            true
        }
        Ok(Sent { files, bytes_of }) => {
            complain(&format!("{files} files of evidence are submitted to {url}; {bytes_of} were sent just now"));
            true
        }
        Err(why) => {
            complain(&format!("the evidence was not submitted to {url}, or not all of it: {why}"));
            false
        }
    }
}

fn submitted(url: &str, request: &Request<'_>, place: Place, until: Instant) -> Result<Sent, String> {
    let files = submit::files(request).map_err(|fault| fault.to_string())?;
    if files.is_empty() {
        return Ok(Sent::default());
    }
    let job = place.job().ok_or(
        "the job that runs this is not known; evidence is submitted from a job of GitHub Actions or GitLab CI"
            .to_owned(),
    )?;
    let to = To { url: url.to_owned(), run: job.run, attempt: job.attempt, commit: job.commit, until };
    let runtime = transport::runtime().map_err(|error| error.to_string())?;
    runtime.block_on(submit::submit(&tokens()?, &to, &files)).map_err(|fault| fault.to_string())
}

/// Where the tokens of a job come from.
pub(super) enum Issued {
    /// GitHub's runner hands out as many as are asked for.
    Asked(oidc::Desk),
    /// GitLab gave the job one.
    Given(gitlab::oidc::Given),
}

impl Tokens for Issued {
    async fn bearer(&self, client: &reqwest::Client, audience: &str) -> Result<HeaderValue, http::Fault> {
        match self {
            Self::Asked(desk) => desk.bearer(client, audience).await,
            Self::Given(given) => given.bearer(client, audience).await,
        }
    }
}

/// Where the job's tokens come from.
pub(super) fn tokens() -> Result<Issued, String> {
    if Place::here() == Place::Gitlab {
        let token = variable("COUNTERSIGN_ID_TOKEN");
        let says = "the job has no token; give it one: `id_tokens: { COUNTERSIGN_ID_TOKEN: { aud: … } }` with the app's address";
        return token.map(|token| Issued::Given(gitlab::oidc::Given::new(&token))).ok_or_else(|| says.to_owned());
    }
    let asked = variable("ACTIONS_ID_TOKEN_REQUEST_URL").zip(variable("ACTIONS_ID_TOKEN_REQUEST_TOKEN"));
    let (url, bearer) = asked.ok_or("the job may not ask for a token; give it `permissions: id-token: write`")?;
    oidc::Desk::new(&url, &bearer).map(Issued::Asked).map_err(|fault| fault.to_string())
}

/// When submitting ends, so that there is time left to tell the decision.
pub(super) fn until(began: Instant, limit: Duration) -> Instant {
    began + limit.mul_f64(0.9)
}
