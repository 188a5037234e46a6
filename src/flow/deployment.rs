//! The story of a deployment that no forge knows of: whoever deploys tells the app of it, under the token of its job or a key
//! of its own.
//!
//! Whoever tells the same twice changes nothing.

use std::time::Instant;

use reqwest::Url;
use reqwest::header::CONTENT_TYPE;
use serde::{Deserialize, Serialize};

use super::courier::{Courier, Fault};
use crate::forge::job::Tokens;
use crate::log::letter::Letter;
use crate::model::deployment_report::DeploymentReport;

/// Where the app is told.
pub const PATH: &str = "/deployments";
/// How many bytes of it may be told.
pub const LENGTH: usize = 16 << 10;
/// How many bytes a name may have, and an address.
const NAME: usize = 255;
const ADDRESS: usize = 1_000;
/// How many components may be named.
const COMPONENTS: usize = 100;

/// What became of what was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// What the deployment is called in the record.
    pub deployment: String,
    /// How far it is: `began`, `succeeded` or `failed`.
    pub state: String,
    /// Whether that is new to the record.
    pub recorded: bool,
}

/// What is wrong with what is told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// A name.
    #[error("`{0}` is no name of 1 to {NAME} bytes without control characters")]
    Name(String),
    /// The repository.
    #[error("`{0}` is no repository; write `owner/name`")]
    Repository(String),
    /// Too many components.
    #[error("{0} components are named, where at most {COMPONENTS} are")]
    Components(usize),
    /// The commit.
    #[error("`{0}` is no whole commit of 40 or 64 hexadecimal digits")]
    Commit(String),
    /// The digest.
    #[error("`{0}` is no digest; write `sha256:` and 64 hexadecimal digits")]
    Digest(String),
    /// Nothing says what went.
    #[error("nothing says what went; name the commit, or the digest of the artifact")]
    Nothing,
    /// The address.
    #[error("`{0}` is no address of a deployment; write one that begins with `https://`, without a password in it")]
    Url(String),
}

/// As much of a text as is told again.
fn cut(text: &str) -> String {
    text.chars().take(100).collect()
}

fn is_name(text: &str) -> bool {
    (1..=NAME).contains(&text.len()) && !text.chars().any(char::is_control)
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether everything that is told has its form.
pub fn check(report: &DeploymentReport) -> Result<(), Wrong> {
    let parts: Vec<&str> = report.repository.split('/').collect();
    if parts.len() < 2 || !parts.iter().all(|part| is_name(part)) || report.repository.len() > NAME {
        return Err(Wrong::Repository(cut(&report.repository)));
    }
    if report.components.len() > COMPONENTS {
        return Err(Wrong::Components(report.components.len()));
    }
    let mut names = report.components.iter().chain([&report.environment]);
    if let Some(wrong) = names.find(|name| !is_name(name)) {
        return Err(Wrong::Name(cut(wrong)));
    }
    if let Some(commit) = report.commit.as_ref().filter(|it| !matches!(it.len(), 40 | 64) || !is_hex(it)) {
        return Err(Wrong::Commit(cut(commit)));
    }
    let is_digest = |text: &String| text.strip_prefix("sha256:").is_some_and(|hex| hex.len() == 64 && is_hex(hex));
    if let Some(digest) = report.digest.as_ref().filter(|it| !is_digest(it)) {
        return Err(Wrong::Digest(cut(digest)));
    }
    if report.commit.is_none() && report.digest.is_none() {
        return Err(Wrong::Nothing);
    }
    let url = Url::parse(&report.url).ok().filter(|url| matches!(url.scheme(), "https" | "http") && url.has_host());
    // What stands there is shown to whoever may read the repository.
    let is_plain = |url: &Url| url.username().is_empty() && url.password().is_none();
    let short = report.url.len() <= ADDRESS && report.url.bytes().all(|byte| byte.is_ascii_graphic());
    if !short || !url.as_ref().is_some_and(is_plain) {
        return Err(Wrong::Url(cut(&report.url)));
    }
    Ok(())
}

/// Tells the app of a deployment under a token of the job's.
pub async fn tell_as_job<T: Tokens>(
    tokens: &T,
    url: &str,
    report: &DeploymentReport,
    until: Instant,
) -> Result<Told, Fault> {
    let text = serde_json::to_string(report).unwrap_or_default();
    let ask = |client: &reqwest::Client, url| {
        Ok::<_, Fault>(client.post(url).header(CONTENT_TYPE, "application/json").body(text.clone()))
    };
    Courier::new(tokens, url, until)?.tried(PATH, ask).await
}

/// The same in a letter that a key has signed.
pub async fn tell_by_letter(url: &str, letter: &Letter, until: Instant) -> Result<Told, Fault> {
    let text = letter.to_string();
    let ask = |client: &reqwest::Client, url| {
        Ok::<_, Fault>(client.post(url).header(CONTENT_TYPE, "text/plain; charset=utf-8").body(text.clone()))
    };
    Courier::unnamed(url, until)?.tried(PATH, ask).await
}
