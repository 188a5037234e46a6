//! A thin client of GitLab's REST and GraphQL interfaces.
//!
//! What is read is asked for again where that failed; what is written is sent once, and whoever sent it reads back whether
//! it arrived. It follows nothing to another host and no redirection, sends the token nowhere but below the base URL, waits where
//! GitLab says so, and reads every list to its last page, by keyset or by number, or says that it could not.

mod base;
mod fault;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use reqwest::Url;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, LINK, RETRY_AFTER};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

pub use base::{Base, NoBase};
pub use fault::Fault;
pub(in crate::forge::gitlab) use fault::unread;
pub(in crate::forge::gitlab) use reqwest::Method;

use crate::forge::Wait;
use crate::forge::secret::Secret;
use crate::report::neutral;
use crate::transport::{http, tls};

/// How long a request may take, from its connection to its last byte.
const TIME: Duration = Duration::from_secs(30);
/// How many pages a list may have: 10,000 entries at 100 a page.
const PAGES: usize = 100;
/// How many entries a page has, the most that GitLab gives.
const PAGE: usize = 100;
/// How many bytes an answer may have.
const LARGEST: usize = 32 << 20;
/// How many bytes all pages of a list may have.
const LONGEST: usize = 128 << 20;
/// How often something is tried.
const TRIES: u32 = 4;
/// How often one waits for a limit, before it is said that it is used up.
const WAITS: u32 = 3;
/// How long one waits for a limit at most.
const PATIENCE: Duration = Duration::from_mins(10);
/// The header with the number of the next page; empty on the last.
const NEXT: &str = "x-next-page";
/// How long is waited where GitLab refuses for a limit and does not say for how long: its limits are those of a minute.
const UNSTATED: Duration = Duration::from_mins(1);

/// How many requests went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// REST.
    pub rest: u64,
    /// GraphQL.
    pub graphql: u64,
}

/// A request that waits for a limit, until it does not any more or is given up.
struct Waits<'c>(&'c AtomicUsize);

impl<'c> Waits<'c> {
    fn begin(count: &'c AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Debug)]
struct Inner {
    http: reqwest::Client,
    base: Base,
    token: Secret,
    rest: AtomicU64,
    graphql: AtomicU64,
    /// Nothing goes before then.
    closed_until: Mutex<Option<Instant>>,
    /// How many requests wait for that.
    waiting: AtomicUsize,
    /// What people should know of how it was read.
    remarks: Mutex<Vec<String>>,
    /// Whether the token is the app's own, and of nobody else.
    is_app: bool,
    /// Whose it is, once that was asked.
    owner: OnceCell<u64>,
    /// The variables that a pipeline may be started with; `*` is any.
    variables: Vec<String>,
    /// Where the app takes deliveries, once that is said.
    reached: std::sync::OnceLock<String>,
}

/// A client of one GitLab under one token. Copies share its limits.
#[derive(Clone, Debug)]
pub struct Client(Arc<Inner>);

/// What is sent.
#[derive(Debug)]
struct Sent {
    method: Method,
    body: Option<String>,
    /// Whether sending it twice is sending it once.
    again: bool,
}

impl Sent {
    const READ: Self = Self { method: Method::GET, body: None, again: true };
}

/// What came back.
struct Reply {
    body: Vec<u8>,
    next: Option<Url>,
    /// Whether it says which page of a list it is.
    paged: bool,
}

/// What one try came to.
enum Tried {
    Done(Reply),
    /// The server failed, or was not reached.
    Again(Fault),
    /// A limit; try once more after this.
    Limited(Duration),
    Failed(Fault),
}

impl Client {
    /// A client. Certificates are the system's, and those of the authorities that `trusted` names, in PEM.
    pub fn new(base: Base, token: Secret, trusted: Option<&[u8]>) -> Result<Self, Fault> {
        Self::with(base, token, trusted, None)
    }

    /// The same under the app's own token: what its account does is no person's act.
    pub fn of_app(base: Base, token: Secret, trusted: Option<&[u8]>) -> Result<Self, Fault> {
        Self::with(base, token, trusted, Some(Vec::new()))
    }

    /// The same, for whom pipelines may be started with the `variables` of these names; `*` is any.
    pub fn of_app_taking(
        base: Base,
        token: Secret,
        trusted: Option<&[u8]>,
        variables: Vec<String>,
    ) -> Result<Self, Fault> {
        Self::with(base, token, trusted, Some(variables))
    }

    fn with(base: Base, token: Secret, trusted: Option<&[u8]>, app: Option<Vec<String>>) -> Result<Self, Fault> {
        let setup = |fault: &dyn std::error::Error| Fault::Setup(fault.to_string());
        let settings = tls::trusting(trusted.unwrap_or_default()).map_err(|fault| setup(&fault))?;
        let builder = http::over(settings).timeout(TIME);
        // What is not encrypted stays on this machine: a proxy would have the token.
        let builder = if base.is_encrypted() { builder } else { builder.no_proxy() };
        let http = builder.build().map_err(|error| Fault::Setup(format!("the HTTP client cannot be made: {error}")))?;
        Ok(Self::made(http, base, token, app))
    }

    fn made(http: reqwest::Client, base: Base, token: Secret, app: Option<Vec<String>>) -> Self {
        Self(Arc::new(Inner {
            http,
            base,
            token,
            rest: AtomicU64::default(),
            graphql: AtomicU64::default(),
            closed_until: Mutex::default(),
            waiting: AtomicUsize::new(0),
            remarks: Mutex::default(),
            is_app: app.is_some(),
            owner: OnceCell::new(),
            variables: app.unwrap_or_default(),
            reached: std::sync::OnceLock::new(),
        }))
    }

    /// Where it sends to.
    #[must_use]
    pub fn base(&self) -> &Base {
        &self.0.base
    }

    /// What sends for it.
    pub(in crate::forge::gitlab) fn http(&self) -> &reqwest::Client {
        &self.0.http
    }

    /// Its token.
    pub(in crate::forge::gitlab) fn token(&self) -> &Secret {
        &self.0.token
    }

    /// A client of the same GitLab under somebody's own token, with limits of its own.
    pub(in crate::forge::gitlab) fn under(&self, token: Secret) -> Self {
        Self::made(self.0.http.clone(), self.0.base.clone(), token, None)
    }

    /// Says where the app takes deliveries. The first word counts.
    pub(in crate::forge::gitlab) fn is_reached_at(&self, address: &str) {
        let _ = self.0.reached.set(address.to_owned());
    }

    /// Where the app takes deliveries, where that is known.
    pub(in crate::forge::gitlab) fn reached_at(&self) -> Option<&str> {
        self.0.reached.get().map(String::as_str)
    }

    /// What went so far.
    #[must_use]
    pub fn calls(&self) -> Calls {
        Calls { rest: self.0.rest.load(Ordering::Relaxed), graphql: self.0.graphql.load(Ordering::Relaxed) }
    }

    /// What people should know of how it was read, such as what the plan lacks.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        self.0.remarks.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(in crate::forge::gitlab) fn remark(&self, words: String) {
        // Who serves for months has nobody who reads them.
        if self.0.is_app {
            return;
        }
        let mut remarks = self.0.remarks.lock().unwrap_or_else(PoisonError::into_inner);
        if !remarks.contains(&words) {
            remarks.push(words);
        }
    }

    /// The variables that a pipeline may be started with; `*` is any.
    pub(in crate::forge::gitlab) fn variables(&self) -> &[String] {
        &self.0.variables
    }

    /// The number of the account that the token is of.
    pub async fn owner(&self) -> Result<u64, Fault> {
        #[derive(serde::Deserialize)]
        struct Owner {
            id: u64,
        }
        let ask = async { self.get::<Owner>("/user").await.map(|owner| owner.id) };
        self.0.owner.get_or_try_init(|| ask).await.copied()
    }

    /// The number of the app's own account; `None` where the token is somebody else's.
    pub(in crate::forge::gitlab) async fn app(&self) -> Result<Option<u64>, Fault> {
        if self.0.is_app { self.owner().await.map(Some) } else { Ok(None) }
    }

    /// Sends something once. A fault may leave open whether it took effect.
    pub(in crate::forge::gitlab) async fn write(&self, method: Method, path: &str, body: &Value) -> Result<(), Fault> {
        let sent = Sent { method, body: Some(body.to_string()), again: false };
        self.send(&self.url(path)?, path, &sent).await.map(|_| ())
    }

    /// Sends something once, and says what was made of it. A fault may leave open whether it took effect.
    pub(in crate::forge::gitlab) async fn create<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &Value,
    ) -> Result<T, Fault> {
        let sent = Sent { method: Method::POST, body: Some(body.to_string()), again: false };
        let reply = self.send(&self.url(path)?, path, &sent).await?;
        parse(path, &reply.body)
    }

    /// One object.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Fault> {
        let reply = self.send(&self.url(path)?, path, &Sent::READ).await?;
        parse(path, &reply.body)
    }

    /// A list to its last page. `path` may have parameters; the size of a page is added.
    pub async fn list<T: DeserializeOwned + Send>(&self, path: &str) -> Result<Vec<T>, Fault> {
        let (entries, more) = self.list_until(path, |_: &[T]| false).await?;
        if more { Err(unread(path, &format!("it has more than {PAGES} pages"))) } else { Ok(entries) }
    }

    /// A list up to where `enough` of it was read, and whether there is more.
    pub async fn list_until<T: DeserializeOwned + Send>(
        &self,
        path: &str,
        enough: impl Fn(&[T]) -> bool + Send,
    ) -> Result<(Vec<T>, bool), Fault> {
        let joint = if path.contains('?') { '&' } else { '?' };
        let mut size = PAGE;
        let mut next = Some(self.url(&format!("{path}{joint}per_page={size}"))?);
        let mut entries: Vec<T> = Vec::new();
        let mut bytes = 0_usize;
        for _ in 0..PAGES {
            let Some(url) = next.take() else { return Ok((entries, false)) };
            let reply = match self.send(&url, path, &Sent::READ).await {
                // Whoever may write an entry makes it as long as GitLab lets him: fewer of them at once, then.
                Err(Fault::TooLarge { .. }) if size > 1 => {
                    size = (size / 5).max(1);
                    next = Some(narrower(&url, size, entries.len()).ok_or_else(|| unread(path, "its pages shift"))?);
                    continue;
                }
                reply => reply?,
            };
            bytes = bytes.saturating_add(reply.body.len());
            if bytes > LONGEST {
                return Err(Fault::TooLarge { what: path.to_owned(), limit: LONGEST });
            }
            let page = parse::<Vec<T>>(path, &reply.body)?;
            if page.len() == size && !reply.paged {
                return Err(unread(
                    path,
                    "a full page does not say whether there is another; a proxy may take `Link` away",
                ));
            }
            entries.extend(page);
            next = reply.next;
            if next.is_some() && enough(&entries) {
                return Ok((entries, true));
            }
        }
        Ok((entries, next.is_some()))
    }

    /// Asks GraphQL; what it answers under `data`.
    pub async fn ask(&self, question: &str, variables: &Value) -> Result<Value, Fault> {
        let what = "the GraphQL question";
        let body = Some(json!({"query": question, "variables": variables}).to_string());
        let sent = Sent { method: Method::POST, body, again: true };
        let reply = self.send(self.0.base.graphql(), what, &sent).await?;
        let mut answer: Value = parse(what, &reply.body)?;
        if let Some(errors) = answer.get("errors").filter(|errors| errors.as_array().is_none_or(|it| !it.is_empty())) {
            return Err(unread(what, &neutral::line(&errors.to_string(), 300)));
        }
        Ok(answer.get_mut("data").map(Value::take).unwrap_or_default())
    }

    fn url(&self, path: &str) -> Result<Url, Fault> {
        self.0.base.rest(path).ok_or_else(|| Fault::Setup(format!("`{path}` is no path of GitLab's")))
    }

    async fn send(&self, url: &Url, what: &str, sent: &Sent) -> Result<Reply, Fault> {
        let (mut tries, mut waits) = (0, 0);
        loop {
            self.turn().await?;
            match self.try_once(url, what, sent).await {
                Tried::Done(reply) => return Ok(reply),
                Tried::Failed(fault) => return Err(fault),
                Tried::Again(fault) => {
                    tries += 1;
                    if tries >= TRIES || !sent.again {
                        return Err(match fault {
                            Fault::Server { what, status, .. } => Fault::Server { what, status, tries },
                            other => other,
                        });
                    }
                    tokio::time::sleep(Duration::from_millis(250 << tries)).await;
                }
                Tried::Limited(wait) => {
                    waits += 1;
                    if waits > WAITS {
                        return Err(Fault::Limited { wait });
                    }
                    self.close(wait);
                }
            }
        }
    }

    /// Waits until a limit that was told is over.
    async fn turn(&self) -> Result<(), Fault> {
        let until = *self.0.closed_until.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(wait) = until.and_then(|until| until.checked_duration_since(Instant::now())) else { return Ok(()) };
        if wait > PATIENCE {
            return Err(Fault::Limited { wait });
        }
        let _waits = Waits::begin(&self.0.waiting);
        tokio::time::sleep(wait).await;
        Ok(())
    }

    /// What waits for a limit now.
    #[must_use]
    pub fn waits(&self) -> Option<Wait> {
        let requests = self.0.waiting.load(Ordering::Relaxed);
        let until = *self.0.closed_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.filter(|_| requests > 0).map(|until| Wait { requests, until })
    }

    fn close(&self, wait: Duration) {
        let until = Instant::now().checked_add(wait);
        let mut closed = self.0.closed_until.lock().unwrap_or_else(PoisonError::into_inner);
        *closed = (*closed).max(until);
    }

    async fn try_once(&self, url: &Url, what: &str, sent: &Sent) -> Tried {
        let inner = &self.0;
        let counter = if url == inner.base.graphql() { &inner.graphql } else { &inner.rest };
        let mut builder = inner.http.request(sent.method.clone(), url.clone());
        builder = builder.header(AUTHORIZATION, format!("Bearer {}", inner.token.reveal()));
        if let Some(body) = &sent.body {
            builder = builder.header(CONTENT_TYPE, "application/json").body(body.clone());
        }
        let unreached =
            |error: &reqwest::Error| Tried::Again(Fault::Network { what: what.to_owned(), says: plain(error) });
        let mut response = match builder.send().await {
            Ok(response) => response,
            Err(error) => return unreached(&error),
        };
        counter.fetch_add(1, Ordering::Relaxed);
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > LARGEST => {
                    return Tried::Failed(Fault::TooLarge { what: what.to_owned(), limit: LARGEST });
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break,
                Err(error) => return unreached(&error),
            }
        }
        let owned = || what.to_owned();
        let left = number(&headers, "ratelimit-remaining");
        match status.as_u16() {
            200..=299 => {
                // The next would be refused.
                if left == Some(0) {
                    self.close(reset(&headers).unwrap_or(UNSTATED));
                }
                let paged = headers.contains_key(LINK) || headers.contains_key(NEXT);
                match next_page(&headers, url) {
                    // A page elsewhere would get our token, or be somebody else's words.
                    Some(next) if !inner.base.owns(&next) => Tried::Failed(Fault::Elsewhere { what: owned() }),
                    next => Tried::Done(Reply { body, next, paged }),
                }
            }
            300..=399 => Tried::Failed(Fault::Elsewhere { what: owned() }),
            401 => Tried::Failed(Fault::Unauthorised { says: words(&body) }),
            403 => Tried::Failed(Fault::Forbidden { what: owned(), says: words(&body) }),
            404 | 410 => Tried::Failed(Fault::NotFound { what: owned() }),
            429 => {
                let stated = number(&headers, RETRY_AFTER.as_str()).map(Duration::from_secs);
                let wait = stated.or_else(|| reset(&headers)).unwrap_or(UNSTATED);
                Tried::Limited(wait.max(Duration::from_secs(1)))
            }
            status @ 500..=599 => Tried::Again(Fault::Server { what: owned(), status, tries: 1 }),
            status => Tried::Failed(Fault::Refused { what: owned(), status, says: words(&body) }),
        }
    }
}

/// An error of the HTTP library without the URL, which a fault names by its path.
fn plain(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "it did not answer in time".to_owned();
    }
    let mut deepest: &dyn std::error::Error = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    neutral::line(&deepest.to_string(), 200)
}

/// GitLab's own words of an error: `message` or `error`, a text or an object.
fn words(body: &[u8]) -> String {
    let said: Value = serde_json::from_slice(body).unwrap_or_default();
    let said = ["message", "error_description", "error"].iter().find_map(|name| said.get(*name));
    let said = said.map(|said| said.as_str().map_or_else(|| said.to_string(), str::to_owned)).unwrap_or_default();
    let said = neutral::line(&said, 300);
    if said.is_empty() { "it does not say why".to_owned() } else { said }
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// How long until the limit is full again, by `RateLimit-Reset`, in seconds since 1970.
fn reset(headers: &HeaderMap) -> Option<Duration> {
    let then = i64::try_from(number(headers, "ratelimit-reset")?).ok()?;
    (chrono::DateTime::from_timestamp(then, 0)? - chrono::Utc::now()).to_std().ok()
}

/// The next page: by the header `Link` (RFC 8288), which keyset pagination has alone, or by the number of the next page.
fn next_page(headers: &HeaderMap, asked: &Url) -> Option<Url> {
    let links = headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let linked = links.filter_map(|link| link.trim().split_once('>')).find_map(|(target, parameters)| {
        let next = parameters.split(';').any(|parameter| parameter.trim() == "rel=\"next\"");
        if next { asked.join(target.trim_start_matches('<')).ok() } else { None }
    });
    linked.or_else(|| {
        let page = number(headers, NEXT)?.to_string();
        Some(with(asked, "page", &page))
    })
}

/// The same address with another value of one of its parameters.
fn with(asked: &Url, name: &str, value: &str) -> Url {
    let mut url = asked.clone();
    let others = asked.query_pairs().filter(|(it, _)| it != name);
    let kept: Vec<(String, String)> = others.map(|(a, b)| (a.into_owned(), b.into_owned())).collect();
    url.query_pairs_mut().clear().extend_pairs(kept).append_pair(name, value);
    url
}

/// The page that begins after as many entries, and has fewer than it was to have; `None` where none begins there.
fn narrower(asked: &Url, size: usize, read: usize) -> Option<Url> {
    let url = with(asked, "per_page", &size.to_string());
    // By keyset the address says where it begins.
    if !asked.query_pairs().any(|(name, _)| name == "page") {
        return Some(url);
    }
    read.is_multiple_of(size).then(|| with(&url, "page", &(read / size + 1).to_string()))
}

/// Reads an answer.
fn parse<T: DeserializeOwned>(what: &str, body: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(body).map_err(|error| unread(what, &error.to_string()))
}
