//! The story of a step that submits: what the gates read goes to the app as it is, each file once, under a token by which
//! the job proves itself.
//!
//! Whoever repeats a submission changes nothing.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use reqwest::Client;
use reqwest::header::CONTENT_TYPE;

use super::courier::{self, Courier};
use super::gate_run::meant;
use super::request::Request;
use super::statements;
use super::submission::{FILES, Listed, MEDIA, Manifest, TOTAL, Taken};
use crate::decide::gates;
use crate::forge::job::Tokens;
use crate::model::report::Fault as Unread;
use crate::workspace::open::{self, Artifact};
use crate::workspace::walk::{self, Entry, Nature};

/// How many bytes of files go together; a larger file goes alone.
const TOGETHER: u64 = 8 << 20;
/// How many files are asked for at once.
const AT_ONCE: usize = FILES / 2;
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
    /// The app did not take it.
    #[error("{0}")]
    NotTaken(#[from] courier::Fault),
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
    let subject = request.subject();
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

/// Submits files, and closes the submission once the app has all of them.
pub async fn submit<T: Tokens>(tokens: &T, to: &To, files: &[Found]) -> Result<Sent, Fault> {
    let sender = Sender { courier: Courier::new(tokens, &to.url, to.until)?, to };
    let mut sent = Sent::default();
    for some in files.chunks(AT_ONCE) {
        let mut left: Vec<&Found> = some.iter().collect();
        while !left.is_empty() {
            let taken = sender.ask(&left).await?;
            sent.files += taken.recorded + taken.before;
            left.retain(|file| taken.wanted.contains(&file.listed.sha256));
            // The bytes of each digest once; whoever else has them is recorded when asked for again.
            let mut seen = BTreeSet::new();
            let (now, later): (Vec<&Found>, Vec<&Found>) =
                left.iter().partition(|file| seen.insert(file.listed.sha256.as_str()));
            for batch in batches(&now) {
                let taken = sender.send(&batch).await?;
                sent.files += taken.recorded + taken.before;
                sent.bytes_of += batch.len() as u64;
            }
            left = later;
        }
    }
    if !files.is_empty() {
        sender.close(files).await?;
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

struct Sender<'s, T> {
    courier: Courier<'s, T>,
    to: &'s To,
}

impl<T: Tokens> Sender<'_, T> {
    fn manifest<'f>(&self, files: impl IntoIterator<Item = &'f Found>) -> String {
        let To { run, attempt, commit, .. } = self.to.clone();
        let files = files.into_iter().map(|file| file.listed.clone()).collect();
        let manifest = Manifest { run, attempt, commit, files };
        // Plain text and numbers always have a form.
        serde_json::to_string(&manifest).unwrap_or_default()
    }

    /// Which files are wanted.
    async fn ask(&self, files: &[&Found]) -> Result<Taken, Fault> {
        let manifest = self.manifest(files.iter().copied());
        let request =
            |client: &Client, url| Ok(client.post(url).header(CONTENT_TYPE, "application/json").body(manifest.clone()));
        self.courier.tried("/evidence/wanted", request).await
    }

    /// Says which files those are all together, so that none is missed.
    async fn close(&self, files: &[Found]) -> Result<Taken, Fault> {
        let manifest = self.manifest(files);
        let request =
            |client: &Client, url| Ok(client.post(url).header(CONTENT_TYPE, "application/json").body(manifest.clone()));
        self.courier.tried("/evidence/closed", request).await
    }

    /// Sends files with their bytes.
    async fn send(&self, files: &[&Found]) -> Result<Taken, Fault> {
        let manifest = self.manifest(files.iter().copied()) + "\n";
        let request = |client: &Client, url| {
            let body = reqwest::Body::wrap(Stream::new(&manifest, files)?);
            Ok(client.post(url).header(CONTENT_TYPE, MEDIA).body(body))
        };
        self.courier.tried("/evidence", request).await
    }
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
