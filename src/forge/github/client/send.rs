//! One request: its turn, its retries, its limits, its answer.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, ETAG, HeaderMap, IF_NONE_MATCH, LINK, LOCATION, RETRY_AFTER,
};
use reqwest::{Method, StatusCode, Url};
use serde::Deserialize;
use tracing::Instrument as _;

use super::fault::Fault;
use super::graphql::Answer;
use super::pace::{Resource, UNSTATED};
use super::{Client, Ordering, Secret, route};
use crate::report::neutral;

/// How many bytes an answer may have.
const LARGEST: usize = 32 << 20;
/// How often something that is only read is tried.
pub(super) const TRIES: u32 = 4;
/// How often one waits for a limit, before it is said that it is used up.
const WAITS: u32 = 3;
/// How many times an answer may lead on within the same GitHub, as after a repository was renamed.
const LEADS: u32 = 3;
/// How long one waits for a limit at most.
const PATIENCE: Duration = Duration::from_hours(1);
/// The version of the interface that we speak.
const VERSION: (&str, &str) = ("x-github-api-version", "2022-11-28");

/// What is sent.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) body: Option<String>,
    pub(super) graphql: bool,
    /// Whether repeating it changes nothing.
    pub(super) reads: bool,
    /// How often it is tried then.
    pub(super) tries: u32,
}

/// What came back.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) body: Vec<u8>,
    pub(super) next: Option<Url>,
    /// The same, where it answers a question and was read.
    pub(super) answer: Arc<OnceLock<Answer>>,
}

/// What one try came to.
enum Tried {
    Done(Reply),
    /// The server failed, or was not reached.
    Again(Fault),
    /// A limit; try once more after this.
    Limited(Duration),
    /// The token counts no longer.
    Stale(String),
    /// It is elsewhere within this GitHub.
    Moved(Url),
    Failed(Fault),
}

/// An error of the HTTP library without the URL, which a fault names by its path.
pub(super) fn plain(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "it did not answer in time".to_owned();
    }
    let mut deepest: &dyn std::error::Error = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    neutral::line(&deepest.to_string(), 200)
}

/// GitHub's own words of an error.
#[derive(Deserialize, Default)]
struct Words {
    #[serde(default)]
    message: String,
    #[serde(default)]
    errors: Option<serde_json::Value>,
}

fn words(body: &[u8]) -> String {
    let words: Words = serde_json::from_slice(body).unwrap_or_default();
    let more = words.errors.map(|errors| format!(" {errors}")).unwrap_or_default();
    let said = neutral::line(&format!("{}{more}", words.message), 300);
    if said.is_empty() { "it does not say why".to_owned() } else { said }
}

impl Client {
    /// Sends with our token, and once more with a new one where it counts no longer.
    pub(super) async fn send(&self, request: &Request, what: &str) -> Result<Reply, Fault> {
        let token = self.token(None).await?;
        match self.persist(request, what, &token).await {
            Err(Fault::Unauthorised { says }) => {
                let again = Box::pin(self.token(Some(&token))).await?;
                if again == token {
                    return Err(Fault::Unauthorised { says });
                }
                self.persist(request, what, &again).await
            }
            done => done,
        }
    }

    /// The same with a token that is given.
    pub(super) async fn send_as(&self, request: &Request, what: &str, token: &Secret) -> Result<Reply, Fault> {
        self.persist(request, what, token).await
    }

    async fn persist(&self, request: &Request, what: &str, token: &Secret) -> Result<Reply, Fault> {
        let (mut tries, mut waits, mut leads) = (0, 0, 0);
        let mut url = request.url.clone();
        loop {
            match self.try_once(request, &url, what, token).await {
                Tried::Done(reply) => return Ok(reply),
                Tried::Failed(fault) => return Err(fault),
                Tried::Stale(says) => return Err(Fault::Unauthorised { says }),
                Tried::Again(fault) => {
                    tries += 1;
                    if !request.reads || tries >= request.tries {
                        return Err(match fault {
                            Fault::Server { what, status, .. } => Fault::Server { what, status, tries },
                            other => other,
                        });
                    }
                    tokio::time::sleep(pause(tries)).await;
                }
                // The limit refused it before it had any effect, so that a write may go once more as well.
                Tried::Limited(wait) => {
                    waits += 1;
                    if waits > WAITS || wait > PATIENCE {
                        return Err(Fault::Limited { wait });
                    }
                }
                Tried::Moved(there) => {
                    leads += 1;
                    if leads > LEADS || request.method != Method::GET {
                        return Err(Fault::Elsewhere { what: what.to_owned() });
                    }
                    url = there;
                }
            }
        }
    }

    async fn try_once(&self, request: &Request, url: &Url, what: &str, token: &Secret) -> Tried {
        let resource = if request.graphql { Resource::Graphql } else { Resource::Core };
        let reads = request.method == Method::GET;
        let kept = self.cache().filter(|_| reads).and_then(|mut cache| cache.get(url));
        let _turn = self.inner.queue.turn(resource, self.priority, !request.reads).await;
        let path = self.inner.base.path_of(url);
        let span = route::span(&request.method, path.as_deref(), request.graphql);
        let answered = self.exchanged((request, url, what), token, kept, resource).instrument(span.clone()).await;
        match answered {
            Ok(answered) => {
                span.record("http.response.status_code", answered.status.as_u16());
                if answered.status.is_client_error() || answered.status.is_server_error() {
                    span.record("otel.status_code", "ERROR");
                }
                self.judge(request, url, what, answered)
            }
            Err(tried) => {
                span.record("otel.status_code", "ERROR");
                tried
            }
        }
    }

    /// Sends once, and takes the whole answer in.
    async fn exchanged(
        &self,
        (request, url, what): (&Request, &Url, &str),
        token: &Secret,
        kept: Option<super::cache::Kept>,
        resource: Resource,
    ) -> Result<Answered, Tried> {
        let mut builder = self.inner.http.request(request.method.clone(), url.clone());
        builder = builder
            .header(ACCEPT, "application/vnd.github+json")
            .header(VERSION.0, VERSION.1)
            .header(AUTHORIZATION, format!("Bearer {}", token.reveal()));
        if let Some(kept) = &kept {
            builder = builder.header(IF_NONE_MATCH, &kept.etag);
        }
        if let Some(body) = &request.body {
            builder = builder.header(CONTENT_TYPE, "application/json").body(body.clone());
        }
        let unreached =
            |error: &reqwest::Error| Tried::Again(Fault::Network { what: what.to_owned(), says: plain(error) });
        let mut response = match builder.send().await {
            Ok(response) => response,
            Err(error) => return Err(unreached(&error)),
        };
        let (status, headers) = (response.status(), response.headers().clone());
        let counters = &self.inner.counters;
        let counter = match (request.graphql, status) {
            (true, _) => &counters.graphql,
            (false, StatusCode::NOT_MODIFIED) => &counters.revalidated,
            (false, _) => &counters.rest,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        self.learn(&headers, resource);
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > LARGEST => {
                    return Err(Tried::Failed(Fault::TooLarge { what: what.to_owned(), limit: LARGEST }));
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break,
                Err(error) => return Err(unreached(&error)),
            }
        }
        Ok(Answered { status, headers, body, kept })
    }

    fn judge(&self, request: &Request, url: &Url, what: &str, answered: Answered) -> Tried {
        let Answered { status, headers, body, kept } = answered;
        let owned = || what.to_owned();
        // A page that is as it was says anew which comes after it: the list may have grown by one.
        let later = next_page(&headers).filter(|next| self.inner.base.owns(next));
        match status.as_u16() {
            200..=299 => {
                let next = match next_page(&headers) {
                    // A page elsewhere would get our token, or be somebody else's words.
                    Some(next) if !self.inner.base.owns(&next) => {
                        return Tried::Failed(Fault::Elsewhere { what: owned() });
                    }
                    next => next,
                };
                let etag = headers.get(ETAG).and_then(|tag| tag.to_str().ok());
                if let (Some(etag), true) = (etag, request.method == Method::GET)
                    && let Some(mut cache) = self.cache()
                {
                    cache.put(url, etag.to_owned(), &body, next.clone());
                }
                Tried::Done(Reply { body, next, answer: Arc::default() })
            }
            304 => match kept {
                Some(kept) => Tried::Done(Reply { body: kept.body, next: later.or(kept.next), answer: Arc::default() }),
                None => Tried::Failed(super::unreadable(what, "it says `not modified` of what we do not have")),
            },
            301 | 302 | 307 | 308 => {
                let there = headers.get(LOCATION).and_then(|there| url.join(there.to_str().ok()?).ok());
                match there.filter(|there| self.inner.base.owns(there)) {
                    Some(there) => Tried::Moved(there),
                    None => Tried::Failed(Fault::Elsewhere { what: owned() }),
                }
            }
            401 => Tried::Stale(words(&body)),
            403 | 429 => match self.limited(&headers, &body, status, request.graphql) {
                Some(wait) => Tried::Limited(wait),
                None => Tried::Failed(Fault::Forbidden { what: owned(), says: words(&body) }),
            },
            404 | 410 => Tried::Failed(Fault::NotFound { what: owned() }),
            status @ 500..=599 => Tried::Again(Fault::Server { what: owned(), status, tries: 1 }),
            status => Tried::Failed(Fault::Refused { what: owned(), status, says: words(&body) }),
        }
    }

    /// What an answer says of the allowance.
    fn learn(&self, headers: &HeaderMap, resource: Resource) {
        let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
        let resource = match headers.get("x-ratelimit-resource").and_then(|name| name.to_str().ok()) {
            Some("core") => Resource::Core,
            Some("graphql") => Resource::Graphql,
            Some(_) => return,
            None => resource,
        };
        let (limit, left, reset) =
            (number("x-ratelimit-limit"), number("x-ratelimit-remaining"), number("x-ratelimit-reset"));
        if let (Some(limit), Some(left), Some(reset)) = (limit, left, reset) {
            let full_in = until(reset);
            self.inner.queue.with(|pace| pace.stated(Instant::now(), resource, limit, left, full_in));
        }
    }

    /// Whether a refusal is a limit, and for how long. Closes the queue for as long.
    pub(super) fn limited(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        status: StatusCode,
        graphql: bool,
    ) -> Option<Duration> {
        let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
        let resource = if graphql { Resource::Graphql } else { Resource::Core };
        let retry_after = headers.get(RETRY_AFTER).and_then(|after| after.to_str().ok()?.trim().parse::<u64>().ok());
        let said = words(body).to_ascii_lowercase();
        let (wait, secondary) = if let Some(seconds) = retry_after {
            (Duration::from_secs(seconds), true)
        } else if number("x-ratelimit-remaining") == Some(0) {
            (number("x-ratelimit-reset").map_or(UNSTATED, until), false)
        } else if status == StatusCode::TOO_MANY_REQUESTS
            || said.contains("rate limit")
            || said.contains("abuse detection")
        {
            (UNSTATED, true)
        } else {
            return None;
        };
        let wait = wait.max(Duration::from_secs(1));
        self.inner.queue.with(|pace| pace.close(Instant::now(), resource, wait, secondary));
        Some(wait)
    }
}

/// What came back of one try.
struct Answered {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
    kept: Option<super::cache::Kept>,
}

/// How long until an instant in seconds since 1970.
fn until(seconds: u64) -> Duration {
    let then = i64::try_from(seconds).ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    then.and_then(|then| (then - Utc::now()).to_std().ok()).unwrap_or_default()
}

/// How long to wait before the next try: longer each time, and never all at once.
fn pause(tries: u32) -> Duration {
    let mut byte = [0; 1];
    // Without chance all wait alike, which is worse and not wrong.
    let _ = aws_lc_rs::rand::fill(&mut byte);
    let most = 250_u64 << tries.min(5);
    let chance = byte.first().copied().map_or(0, u64::from);
    Duration::from_millis(most / 2 + most / 2 * chance / 255)
}

/// The next page, by the header `Link` (RFC 8288).
fn next_page(headers: &HeaderMap) -> Option<Url> {
    let links = headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    links.filter_map(|link| link.trim().split_once('>')).find_map(|(target, parameters)| {
        let next = parameters.split(';').any(|parameter| parameter.trim() == "rel=\"next\"");
        if next { Url::parse(target.trim_start_matches('<')).ok() } else { None }
    })
}
