//! The story of a step that submits: what the gates read goes to the app as it is, each file once, under a token by which
//! the job proves itself.
//!
//! Every request has a token of its own. What may pass is tried again until the time is over; whoever repeats a submission
//! changes nothing.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Response, StatusCode, Url};

use super::gate_run::meant;
use super::request::Request;
use super::statements;
use super::submission::{FILES, Listed, MEDIA, Manifest, TOTAL, Taken};
use crate::decide::gates;
use crate::forge::job::Tokens;
use crate::model::report::Fault as Unread;
use crate::transport::http;
use crate::workspace::open::{self, Artifact};
use crate::workspace::walk::{self, Entry, Nature};

/// How long one request may take.
const PATIENCE: Duration = Duration::from_mins(2);
/// How many bytes of files go together; a larger file goes alone.
const TOGETHER: u64 = 8 << 20;
/// How many files are asked for at once.
const AT_ONCE: usize = FILES / 2;
/// How long is waited before something is tried again, at first and at most.
const AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(15));
/// How many bytes an answer may have.
const ANSWER: usize = 1 << 20;
/// How many bytes of a file are handed on at a time.
const CHUNK: usize = 64 << 10;

/// Why evidence was not submitted, or not all of it.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// A file could not be read.
    #[error("`{path}` could not be read: {why}")]
    File {
        /// Which.
        path: String,
        /// Why.
        why: Unread,
    },
    /// A file cannot be submitted.
    #[error("{0}")]
    Wrong(#[from] super::submission::Wrong),
    /// The folders could not be walked.
    #[error("{0}")]
    Folders(Unread),
    /// No token was handed out.
    #[error("the job got no token: {0}")]
    Token(#[source] http::Fault),
    /// The app could not be spoken to, or gave no answer that is understood.
    #[error("the app could not be spoken to: {0}")]
    Http(#[from] http::Fault),
    /// The app refuses it.
    #[error("the app answered {status}: {says}")]
    Refused {
        /// With which status.
        status: u16,
        /// In its words.
        says: String,
    },
    /// The time is over.
    #[error("it did not go through in time: {0}")]
    Time(String),
}

impl Fault {
    /// Whether the same may go well the next time.
    fn passes(&self) -> bool {
        match self {
            Self::Token(fault) | Self::Http(fault) => match fault {
                http::Fault::Http(_) => true,
                http::Fault::Answer { status, .. } => passes(*status),
                http::Fault::Address(_) | http::Fault::Tls(_) | http::Fault::Long(_) => false,
            },
            Self::Refused { status, .. } => passes(*status),
            Self::File { .. } | Self::Wrong(_) | Self::Folders(_) | Self::Time(_) => false,
        }
    }
}

fn passes(status: u16) -> bool {
    status >= 500 || matches!(status, 408 | 425 | 429)
}

/// To whom, of which run, and until when.
#[derive(Clone, Debug)]
pub struct To {
    /// Where the app is, without `/` at the end. Tokens are asked for it.
    pub url: String,
    /// The pipeline's run.
    pub run: u64,
    /// Which attempt of it.
    pub attempt: u64,
    /// The commit that the run is of.
    pub commit: String,
    /// When the time is over.
    pub until: Instant,
}

/// What was submitted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// How many files the app has of it.
    pub files: u64,
    /// Of how many the bytes were sent.
    pub bytes_of: u64,
}

/// A file that is to be submitted.
#[derive(Clone, Debug)]
pub struct Found {
    entry: Entry,
    listed: Listed,
}

/// The files that the gates of a run read, with the statements beside them, each with its digest.
pub fn files(request: &Request<'_>) -> Result<Vec<Found>, Fault> {
    let policy = request.policy;
    let subject = gates::Subject {
        environment: &request.environment,
        components: &request.components,
        commit: request.commit.as_deref(),
        artifacts: &request.artifacts,
        unread: None,
        protection: request.protection,
        now: request.now,
    };
    let asking: Vec<_> = policy.gates.iter().filter(|gate| gates::elsewhere(gate, &subject).is_none()).collect();
    let reads = |path: &str, nature| {
        nature != Nature::Outside
            && asking.iter().any(|gate| gate.files.matches(path) || statements::belongs(&gate.files, path))
    };
    let entries = walk::entries(&request.roots, policy.limits.entries, reads).map_err(Fault::Folders)?;
    let mut wanted: BTreeSet<&Entry> = BTreeSet::new();
    for gate in &asking {
        wanted.extend(meant(gate, &entries));
        wanted.extend(entries.iter().filter(|entry| statements::belongs(&gate.files, &entry.path)));
    }
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for entry in wanted {
        let unread = |why| Fault::File { path: entry.path.clone(), why };
        let artifact = open::entry(entry, policy.limits.bytes).map_err(unread)?;
        request.watch.reading(&entry.path, artifact.length());
        let listed = Listed { path: entry.path.clone(), sha256: open::sha256(&artifact), size: artifact.length() };
        artifact.unchanged().map_err(unread)?;
        request.watch.done(&entry.path);
        listed.check()?;
        if seen.insert((listed.path.clone(), listed.sha256.clone())) {
            found.push(Found { entry: entry.clone(), listed });
        }
    }
    Ok(found)
}

/// Submits files.
pub async fn submit<T: Tokens>(tokens: &T, to: &To, files: &[Found]) -> Result<Sent, Fault> {
    let client = http::builder().map_err(http::Fault::from)?.timeout(PATIENCE).build().map_err(http::Fault::from)?;
    let courier = Courier { tokens, to, client };
    let mut sent = Sent::default();
    for some in files.chunks(AT_ONCE) {
        let mut left: Vec<&Found> = some.iter().collect();
        while !left.is_empty() {
            let taken = courier.ask(&left).await?;
            sent.files += taken.recorded + taken.before;
            left.retain(|file| taken.wanted.contains(&file.listed.sha256));
            // The bytes of each digest once; whoever else has them is recorded when asked for again.
            let mut seen = BTreeSet::new();
            let (now, later): (Vec<&Found>, Vec<&Found>) =
                left.iter().partition(|file| seen.insert(file.listed.sha256.as_str()));
            for batch in batches(&now) {
                let taken = courier.send(&batch).await?;
                sent.files += taken.recorded + taken.before;
                sent.bytes_of += batch.len() as u64;
            }
            left = later;
        }
    }
    Ok(sent)
}

/// Files in parts that go together.
fn batches<'f>(files: &[&'f Found]) -> Vec<Vec<&'f Found>> {
    let mut all: Vec<Vec<&Found>> = Vec::new();
    let mut bytes = TOTAL;
    for file in files {
        bytes = bytes.saturating_add(file.listed.size);
        match all.last_mut() {
            Some(last) if bytes <= TOGETHER => last.push(file),
            _ => {
                all.push(vec![file]);
                bytes = file.listed.size;
            }
        }
    }
    all
}

struct Courier<'c, T> {
    tokens: &'c T,
    to: &'c To,
    client: Client,
}

impl<T: Tokens> Courier<'_, T> {
    fn manifest(&self, files: &[&Found]) -> String {
        let To { run, attempt, commit, .. } = self.to.clone();
        let manifest = Manifest { run, attempt, commit, files: files.iter().map(|file| file.listed.clone()).collect() };
        // Plain text and numbers always have a form.
        serde_json::to_string(&manifest).unwrap_or_default()
    }

    /// Which files are wanted.
    async fn ask(&self, files: &[&Found]) -> Result<Taken, Fault> {
        let manifest = self.manifest(files);
        self.tried("/evidence/wanted", "application/json", || Ok(manifest.clone().into())).await
    }

    /// Sends files with their bytes.
    async fn send(&self, files: &[&Found]) -> Result<Taken, Fault> {
        let manifest = self.manifest(files) + "\n";
        let body = || Ok(reqwest::Body::wrap(Stream::new(&manifest, files)?));
        self.tried("/evidence", MEDIA, body).await
    }

    /// Posts something until it is taken, refused, or the time is over.
    async fn tried(
        &self,
        path: &str,
        media: &str,
        body: impl Fn() -> Result<reqwest::Body, Fault>,
    ) -> Result<Taken, Fault> {
        let url = http::address(&format!("{}{path}", self.to.url))?;
        let mut wait = AGAIN.0;
        loop {
            let left = self.to.until.saturating_duration_since(Instant::now());
            let fault = match tokio::time::timeout(left, self.once(&url, media, body()?)).await {
                Ok(Ok(taken)) => return Ok(taken),
                Ok(Err(fault)) => fault,
                Err(_) => return Err(Fault::Time("the app did not answer".to_owned())),
            };
            if !fault.passes() {
                return Err(fault);
            }
            if Instant::now() + wait >= self.to.until {
                return Err(Fault::Time(fault.to_string()));
            }
            tokio::time::sleep(wait).await;
            wait = wait.saturating_mul(2).min(AGAIN.1);
        }
    }

    async fn once(&self, url: &Url, media: &str, body: reqwest::Body) -> Result<Taken, Fault> {
        let bearer = self.tokens.bearer(&self.client, &self.to.url).await.map_err(Fault::Token)?;
        let request = self.client.post(url.clone()).header(CONTENT_TYPE, media).header("authorization", bearer);
        let response = request.body(body).send().await.map_err(http::Fault::from)?;
        taken(response).await
    }
}

async fn taken(response: Response) -> Result<Taken, Fault> {
    let status = response.status();
    let text = http::text(response, ANSWER).await?;
    if status == StatusCode::OK {
        let form = |_| http::Fault::Answer { status: 200, body: "and not in the form that is known here".to_owned() };
        return Ok(serde_json::from_str(&text).map_err(form)?);
    }
    Err(Fault::Refused { status: status.as_u16(), says: text.trim().chars().take(600).collect() })
}

/// The body of a submission: the manifest, then each file as it lies there.
struct Stream {
    head: Bytes,
    files: std::vec::IntoIter<Artifact>,
    now: Option<(Artifact, usize)>,
    left: u64,
}

impl Stream {
    fn new(manifest: &str, files: &[&Found]) -> Result<Self, Fault> {
        let open = |file: &&Found| {
            let unread = |why| Fault::File { path: file.listed.path.clone(), why };
            open::entry(&file.entry, file.listed.size).map_err(unread)
        };
        let files = files.iter().map(open).collect::<Result<Vec<_>, _>>()?;
        let left = files.iter().map(Artifact::length).sum::<u64>() + manifest.len() as u64;
        Ok(Self { head: Bytes::copy_from_slice(manifest.as_bytes()), files: files.into_iter(), now: None, left })
    }

    fn next(&mut self) -> Option<Bytes> {
        if !self.head.is_empty() {
            return Some(std::mem::take(&mut self.head));
        }
        loop {
            if let Some((artifact, at)) = &mut self.now
                && let Some(rest) = artifact.get(*at..).filter(|rest| !rest.is_empty())
            {
                let chunk = Bytes::copy_from_slice(rest.get(..CHUNK).unwrap_or(rest));
                *at += chunk.len();
                return Some(chunk);
            }
            self.now = Some((self.files.next()?, 0));
        }
    }
}

impl Body for Stream {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::convert::Infallible>>> {
        let next = self.next();
        self.left = self.left.saturating_sub(next.as_ref().map_or(0, |chunk| chunk.len() as u64));
        Poll::Ready(next.map(|chunk| Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
