//! A job of a pipeline that proves itself by its own token, and where it gets one.

use reqwest::header::HeaderValue;
use serde_json::{Map, Value};

use super::token;
use crate::transport::http;

/// A job of a pipeline, as its own token proves it.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// The repository, by the name that the forge lists for its id.
    pub repository: String,
    /// The pipeline's run.
    pub run: u64,
    /// Which attempt of it.
    pub attempt: u64,
    /// Which job of it, by the forge's number, where each is tried again by itself.
    pub number: Option<u64>,
    /// The commit that the run is of, lower-case hexadecimal.
    pub commit: String,
    /// The branch or tag, in full.
    pub reference: String,
    /// The pipeline that the job is written in, as a gate's `from` names it: with `@` and its ref behind it where it is not
    /// the repository's own at the ref of the run.
    pub pipeline: String,
    /// The environment that the job names.
    pub environment: Option<String>,
    /// What is recorded of its token: claims that are the same in every token of the job.
    pub claims: Map<String, Value>,
    /// What its token is remembered by, where it counts once. `None` where a forge gives its job one token for all that it
    /// asks: that counts for as long as the forge says that the job runs, which was asked just now.
    pub token: Option<token::Name>,
}

/// Whether a pipeline, as [`Job::pipeline`] has it, is not of the run's own commit, and can become another one without
/// anybody's review here: it was called by a branch or a tag. One that was called by its commit cannot.
#[must_use]
pub fn moves(pipeline: &str) -> bool {
    let name = pipeline.split_once("//").map_or(pipeline, |(_, name)| name);
    let first = name.split_once('/').map_or(name, |(first, _)| first);
    let Some((file, _)) = first.rsplit_once('@') else { return false };
    let at = name.get(file.len() + 1..).unwrap_or_default();
    !(matches!(at.len(), 40 | 64) && at.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Why a job is not known by its token.
#[derive(Debug, thiserror::Error)]
pub enum Unknown {
    /// Nobody asked for tokens here.
    #[error("no tokens of pipelines are taken here; start the app with `--url`")]
    NotTaken,
    /// The token is not believed.
    #[error("{0}")]
    Refused(#[from] token::Refused),
    /// It is of a repository that is not ours.
    #[error("the token is of a repository that the app is not installed on")]
    OtherRepository,
    /// Whether it is to be believed is not known.
    #[error("{0}")]
    Fault(String),
}

impl From<token::Unproven> for Unknown {
    fn from(unproven: token::Unproven) -> Self {
        match unproven {
            token::Unproven::Refused(refused) => Self::Refused(refused),
            token::Unproven::Fault(fault) => Self::Fault(fault.to_string()),
        }
    }
}

/// Where a job asks for tokens by which it proves itself.
pub trait Tokens {
    /// A new one for an audience, as the header `Authorization` has it. It is never printed.
    fn bearer(
        &self,
        client: &reqwest::Client,
        audience: &str,
    ) -> impl Future<Output = Result<HeaderValue, http::Fault>>;
}
