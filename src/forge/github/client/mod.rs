//! A thin client of GitHub's REST and GraphQL interfaces.
//!
//! It sends, waits its turn, retries what is only read, revalidates what it read before, and bounds what it takes in. It
//! In a look each thing is read once. It follows nothing to another host, sends the token nowhere but below the base URL, and reads every list to its last
//! page or says that it could not: a part of a list is no [`Whole`].

mod auth;
mod base;
mod cache;
mod fault;
mod graphql;
mod look;
mod newest;
mod pace;
mod queue;
mod route;
mod send;
mod together;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::Utc;
use reqwest::Url;
use serde::de::DeserializeOwned;

pub use reqwest::Method;

use crate::forge::Wait;
pub use crate::forge::secret::Secret;
pub use auth::{AppKey, Identity, Installation};
pub use base::{Base, NoBase};
pub use fault::{Fault, Whole};
pub use graphql::{Answer, Variables};
pub use pace::{Pace, Priority, Resource};

use crate::transport::http;
use auth::{Lease, Minted};
use cache::Cache;
pub(in crate::forge::github) use look::Opening;
use look::{Asked, Before, Look};
pub(in crate::forge::github) use newest::{Entry, Newest};
use queue::Queue;
use send::{Reply, Request};

/// How long a request may take, from its connection to its last byte.
const TIME: Duration = Duration::from_secs(30);
/// How long nobody tries again to get the next token.
const LATER: Duration = Duration::from_secs(30);
/// How many pages a list may have: 10,000 entries at 100 a page.
const PAGES: usize = 100;

/// How many requests went, and how many of them cost nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// REST, answered anew.
    pub rest: u64,
    /// REST, still as it was: takes nothing from the allowance.
    pub revalidated: u64,
    /// GraphQL.
    pub graphql: u64,
    /// For tokens.
    pub tokens: u64,
}

impl Calls {
    /// All that went over the wire but for tokens, revalidations included.
    #[must_use]
    pub fn asked(&self) -> u64 {
        self.rest + self.revalidated + self.graphql
    }
}

#[derive(Debug, Default)]
struct Counters {
    rest: AtomicU64,
    revalidated: AtomicU64,
    graphql: AtomicU64,
    tokens: AtomicU64,
}

#[derive(Debug)]
struct Inner {
    http: reqwest::Client,
    base: Base,
    identity: Identity,
    lease: tokio::sync::Mutex<Option<Lease>>,
    /// Whether somebody gets the next token.
    renews: AtomicBool,
    /// What was answered before; none of it where nothing is kept.
    cache: Option<Mutex<Cache>>,
    queue: Queue,
    counters: Counters,
    looks: Before,
    lists: newest::Lists,
}

/// A client of one GitHub under one identity. Copies share limits, cache and token.
#[derive(Clone, Debug)]
pub struct Client {
    inner: Arc<Inner>,
    priority: Priority,
    look: Option<Arc<Look>>,
}

impl Client {
    /// A client. Certificates are the system's.
    pub fn new(base: Base, identity: Identity) -> Result<Self, Fault> {
        Self::keeping(base, identity, Some(Mutex::default()))
    }

    /// A client that keeps no answer, for tokens of which there are many: each person's answers are his own.
    pub fn forgetful(base: Base, identity: Identity) -> Result<Self, Fault> {
        Self::keeping(base, identity, None)
    }

    fn keeping(base: Base, identity: Identity, cache: Option<Mutex<Cache>>) -> Result<Self, Fault> {
        let builder = http::builder().map_err(|fault| Fault::Setup(fault.to_string()))?.timeout(TIME);
        // What is not encrypted stays on this machine: a proxy would have the token.
        let builder = if base.is_encrypted() { builder } else { builder.no_proxy() };
        let http = builder
            .build()
            .map_err(|error| Fault::Setup(format!("the HTTP client cannot be made: {}", send::plain(&error))))?;
        let inner = Inner {
            http,
            base,
            identity,
            lease: tokio::sync::Mutex::new(None),
            renews: AtomicBool::new(false),
            cache,
            queue: Queue::default(),
            counters: Counters::default(),
            looks: Before::default(),
            lists: newest::Lists::default(),
        };
        Ok(Self { inner: Arc::new(inner), priority: Priority::Deployment, look: None })
    }

    /// The same client, for something of another urgency.
    #[must_use]
    pub fn at(&self, priority: Priority) -> Self {
        Self { priority, ..self.clone() }
    }

    /// What waits for one of GitHub's limits now.
    #[must_use]
    pub fn waits(&self) -> Option<Wait> {
        self.inner.queue.waits()
    }

    /// How many processes send under the same limits, ours included.
    pub fn shares(&self, processes: u64) {
        self.inner.queue.with(|pace| pace.shared(processes));
    }

    /// The token that was given to us, where we were given one.
    pub(in crate::forge) fn given(&self) -> Option<&Secret> {
        match &self.inner.identity {
            Identity::Token(token) => Some(token),
            Identity::App { .. } => None,
        }
    }

    /// Where it sends to.
    #[must_use]
    pub fn base(&self) -> &Base {
        &self.inner.base
    }

    /// What went so far.
    #[must_use]
    pub fn calls(&self) -> Calls {
        let counters = &self.inner.counters;
        Calls {
            rest: counters.rest.load(Ordering::Relaxed),
            revalidated: counters.revalidated.load(Ordering::Relaxed),
            graphql: counters.graphql.load(Ordering::Relaxed),
            tokens: counters.tokens.load(Ordering::Relaxed),
        }
    }

    fn cache(&self) -> Option<MutexGuard<'_, Cache>> {
        self.inner.cache.as_ref().map(|cache| cache.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// One object.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Fault> {
        let reply = self.read(self.url(path)?).await?;
        parse(path, &reply.body)
    }

    /// A list to its last page. `path` may have parameters; the size of a page is added.
    pub async fn list<T: DeserializeOwned>(&self, path: &str) -> Result<Whole<T>, Fault> {
        let (entries, more) = self.list_until(path, |_: &[T]| false).await?;
        if more {
            return Err(unreadable(path, &format!("it has more than {PAGES} pages")));
        }
        Ok(Whole::of(entries))
    }

    /// A list up to where `enough` of it was read, and whether there is more.
    pub async fn list_until<T: DeserializeOwned>(
        &self,
        path: &str,
        enough: impl Fn(&[T]) -> bool + Send,
    ) -> Result<(Vec<T>, bool), Fault> {
        let joint = if path.contains('?') { '&' } else { '?' };
        let mut next = Some(self.url(&format!("{path}{joint}per_page=100"))?);
        let mut entries: Vec<T> = Vec::new();
        for _ in 0..PAGES {
            let Some(url) = next.take() else { return Ok((entries, false)) };
            let reply = self.read(url).await?;
            entries.extend(parse::<Vec<T>>(path, &reply.body)?);
            next = reply.next;
            if next.is_some() && enough(&entries) {
                return Ok((entries, true));
            }
        }
        Ok((entries, next.is_some()))
    }

    /// A list that stands in one member of an object, with what the first page says beside it.
    pub async fn list_in<T: DeserializeOwned, P: DeserializeOwned>(
        &self,
        path: &str,
        entries_of: impl Fn(P) -> (Vec<T>, P) + Send,
    ) -> Result<(Whole<T>, P), Fault> {
        let joint = if path.contains('?') { '&' } else { '?' };
        let mut next = Some(self.url(&format!("{path}{joint}per_page=100"))?);
        let mut entries = Vec::new();
        let mut first = None;
        for _ in 0..PAGES {
            let Some(url) = next.take() else { break };
            let reply = self.read(url).await?;
            let (more, page) = entries_of(parse::<P>(path, &reply.body)?);
            entries.extend(more);
            first.get_or_insert(page);
            next = reply.next;
        }
        match (first, next) {
            (Some(first), None) => Ok((Whole::of(entries), first)),
            _ => Err(unreadable(path, &format!("it has more than {PAGES} pages"))),
        }
    }

    /// Does something that changes GitHub's state. It goes once: whoever is left in doubt reads back.
    pub async fn write<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &serde_json::Value,
    ) -> Result<Option<T>, Fault> {
        let body = (!body.is_null()).then(|| body.to_string());
        let request = Request { method, url: self.url(path)?, body, graphql: false, reads: false, tries: send::TRIES };
        let reply = self.send(&request, path).await?;
        if reply.body.is_empty() { Ok(None) } else { parse(path, &reply.body).map(Some) }
    }

    /// Does something of which doing it twice is doing it once, and so may be repeated.
    pub async fn write_again<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &serde_json::Value,
    ) -> Result<Option<T>, Fault> {
        let mut done = self.write(method.clone(), path, body).await;
        if done.as_ref().is_err_and(Fault::leaves_doubt) {
            done = self.write(method, path, body).await;
        }
        done
    }

    /// The App under which we write, where we do.
    #[must_use]
    pub fn app(&self) -> Option<&str> {
        match &self.inner.identity {
            Identity::App { key, .. } => Some(key.id()),
            Identity::Token(_) => None,
        }
    }

    async fn read(&self, url: Url) -> Result<Reply, Fault> {
        self.once(&Asked::Get(url)).await
    }

    /// One object that only the App itself may read, asked for under its own name.
    pub async fn get_as_app<T: DeserializeOwned>(&self, path: &str) -> Result<T, Fault> {
        let Identity::App { key, .. } = &self.inner.identity else {
            return Err(Fault::Setup(format!("only the App itself may read {path}, and a token was given")));
        };
        let reply = self.send_as(&reading(self.url(path)?), path, &key.jwt(Utc::now())?).await?;
        parse(path, &reply.body)
    }

    /// The installations of the App, to the last page; asked for under the App's own name.
    pub async fn installations(&self) -> Result<Vec<Installation>, Fault> {
        let Identity::App { key, .. } = &self.inner.identity else {
            return Err(Fault::Setup("only an App has installations, and a token was given".to_owned()));
        };
        let path = "/app/installations";
        let mut next = Some(self.url(&format!("{path}?per_page=100"))?);
        let mut found = Vec::new();
        for _ in 0..PAGES {
            let Some(url) = next.take() else { return Ok(found) };
            let reply = self.send_as(&reading(url), path, &key.jwt(Utc::now())?).await?;
            found.extend(parse::<Vec<Installation>>(path, &reply.body)?);
            next = reply.next;
        }
        Err(unreadable(path, &format!("it has more than {PAGES} pages")))
    }

    fn url(&self, path: &str) -> Result<Url, Fault> {
        self.inner.base.rest(path).ok_or_else(|| Fault::Setup(format!("`{path}` is no path of GitHub's")))
    }

    /// The token for a request that begins now; a new one instead of `stale`. One that soon ends is used while the next is got, so
    /// that nobody waits for that.
    async fn token(&self, stale: Option<&Secret>) -> Result<Secret, Fault> {
        if let Identity::Token(token) = &self.inner.identity {
            return Ok(token.clone());
        }
        // One asks for a token while the others wait for it.
        let mut lease = self.inner.lease.lock().await;
        let now = Utc::now();
        if let Some(held) = lease.as_ref().filter(|held| held.is_good(now) && stale != Some(&held.token)) {
            if held.ends_soon(now) && !self.inner.renews.swap(true, Ordering::AcqRel) {
                tokio::spawn(Self { look: None, ..self.clone() }.renewed());
            }
            return Ok(held.token.clone());
        }
        let held = self.minted().await?;
        let token = held.token.clone();
        *lease = Some(held);
        Ok(token)
    }

    /// Gets the token that comes after the one that is used. Where it cannot be had now, it is tried again a while later.
    async fn renewed(self) {
        match self.minted().await {
            Ok(held) => *self.inner.lease.lock().await = Some(held),
            Err(_) => tokio::time::sleep(LATER).await,
        }
        self.inner.renews.store(false, Ordering::Release);
    }

    /// A new token of the installation.
    async fn minted(&self) -> Result<Lease, Fault> {
        let Identity::App { key, installation, repository } = &self.inner.identity else {
            return Err(Fault::Setup("a token that was given cannot be renewed".to_owned()));
        };
        let jwt = key.jwt(Utc::now())?;
        let installation = match (*installation, repository) {
            (Some(id), _) => id,
            (None, Some(repository)) => {
                let path = format!("/repos/{repository}/installation");
                let reply = self.send_as(&reading(self.url(&path)?), &path, &jwt).await?;
                parse::<Installation>(&path, &reply.body)?.id
            }
            (None, None) => return Err(Fault::Setup("the App's own client has no installation's token".to_owned())),
        };
        let path = format!("/app/installations/{installation}/access_tokens");
        let body = match repository.as_deref().and_then(|name| name.rsplit('/').next()) {
            Some(name) => serde_json::json!({ "repositories": [name] }),
            None => serde_json::json!({}),
        }
        .to_string();
        // A token that is minted twice harms nobody, so that this may be repeated.
        let request = Request {
            method: Method::POST,
            url: self.url(&path)?,
            body: Some(body),
            graphql: false,
            reads: true,
            tries: send::TRIES,
        };
        let reply = self.send_as(&request, &path, &jwt).await?;
        self.inner.counters.tokens.fetch_add(1, Ordering::Relaxed);
        let minted: Minted = parse(&path, &reply.body)?;
        Ok(Lease { token: Secret::new(&minted.token), until: minted.expires_at })
    }
}

/// A request that only reads.
fn reading(url: Url) -> Request {
    Request { method: Method::GET, url, body: None, graphql: false, reads: true, tries: send::TRIES }
}

/// Reads an answer.
fn parse<T: DeserializeOwned>(what: &str, body: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(body).map_err(|error| unreadable(what, &error.to_string()))
}

fn unreadable(what: &str, says: &str) -> Fault {
    Fault::Unreadable { what: what.to_owned(), says: says.to_owned() }
}
