//! Who signs: a key that is held here, or a command that somebody else's key answers; and the mark, a file outside the
//! database that remembers the largest tree that was signed.
//!
//! A database can be set back to an older state, and whoever signs on from there makes a second history. The mark is kept
//! with the key, so that who sets back the one does not set back the other.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::fault::Fault;
use crate::log::checkpoint::Checkpoint;
use crate::log::keys::Keys;
use crate::log::note::{Note, Signer, Verifier};

/// How long a command may take to sign. PostgreSQL ends a transaction that waits for longer.
const PATIENCE: Duration = Duration::from_secs(4);
/// How many bytes of what a command says are read.
const MOST: u64 = 4096;
/// How many bytes a mark has, so that writing one never leaves a part of the one before.
const MARK: usize = 2048;

/// Who signs for a log.
#[derive(Debug)]
pub struct Signatory {
    by: By,
    verifier: Verifier,
    mark: Option<PathBuf>,
}

#[derive(Debug)]
enum By {
    Key(Box<Signer>),
    Command(String),
}

impl From<Signer> for Signatory {
    /// A key that is held here, which remembers nothing.
    fn from(signer: Signer) -> Self {
        Self { verifier: signer.verifier().clone(), by: By::Key(Box::new(signer)), mark: None }
    }
}

impl Signatory {
    /// A command that a shell runs: it gets the bytes to sign on its standard input, and prints the Ed25519 signature, as
    /// 64 bytes or in base64.
    #[must_use]
    pub fn command(line: &str, verifier: Verifier) -> Self {
        Self { by: By::Command(line.to_owned()), verifier, mark: None }
    }

    /// Remembers the largest tree that was signed in that file.
    #[must_use]
    pub fn remembering(self, mark: Option<PathBuf>) -> Self {
        Self { mark, ..self }
    }

    /// The public key.
    #[must_use]
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// Signs bytes. What a command answers is checked before it is believed. This waits for the command.
    pub fn sign(&self, bytes: &[u8]) -> Result<Vec<u8>, Fault> {
        match &self.by {
            By::Key(signer) => Ok(signer.sign_bytes(bytes)),
            By::Command(line) => {
                let signature = asked(line, bytes).map_err(|why| Fault::Unsigned { why })?;
                self.verifier
                    .check_bytes(bytes, &signature)
                    .map_err(|flaw| Fault::Unsigned { why: format!("what the command printed: {flaw}") })?;
                Ok(signature)
            }
        }
    }

    /// Adds a signature to a note, without keeping the other tasks of the runtime waiting.
    pub(super) async fn sign_note(&self, note: &mut Note) -> Result<(), Fault> {
        let bytes = match &self.by {
            By::Key(_) => self.sign(note.text.as_bytes())?,
            By::Command(line) => {
                let (line, text) = (line.clone(), note.text.clone());
                let signed = tokio::task::spawn_blocking(move || asked(&line, text.as_bytes())).await;
                signed.map_err(|_| Fault::Stopped)?.map_err(|why| Fault::Unsigned { why })?
            }
        };
        let signature = self
            .verifier
            .signature(note, bytes)
            .map_err(|flaw| Fault::Unsigned { why: format!("what the command printed: {flaw}") })?;
        note.signatures.push(signature);
        Ok(())
    }

    /// The largest tree that is remembered; `None` where nothing is, or nothing yet.
    pub(super) fn remembered(&self) -> Result<Option<Checkpoint>, Fault> {
        let Some(path) = &self.mark else { return Ok(None) };
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
        let mut file = file.map_err(|error| unwritten(path, &error.to_string()))?;
        stated(&mut file, path, &self.verifier)
    }

    /// Remembers a tree whose transaction is durable, and that nobody was told of yet. One that is smaller than what is
    /// remembered changes nothing: another process may have signed after it.
    pub(super) fn remember(&self, size: u64, note: &str) -> Result<(), Fault> {
        let Some(path) = &self.mark else { return Ok(()) };
        let raise = || -> Result<(), std::io::Error> {
            let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
            file.lock()?;
            let before = stated(&mut file, path, &self.verifier).ok().flatten();
            if before.is_none_or(|before| before.size < size) {
                file.rewind()?;
                // One write over what was there. A power cut can lose the newest of it, and no more.
                file.write_all(&padded(note))?;
            }
            file.unlock()
        };
        raise().map_err(|error| unwritten(path, &error.to_string()))
    }

    /// Where it is remembered, for whoever must be told.
    pub(super) fn mark(&self) -> String {
        self.mark.as_deref().map_or(String::new(), |path| path.display().to_string())
    }
}

fn padded(note: &str) -> Vec<u8> {
    let mut bytes = note.as_bytes().to_vec();
    bytes.resize(MARK.max(bytes.len()), b'\n');
    bytes
}

/// What a mark states, checked with the key that made it.
fn stated(file: &mut File, path: &Path, key: &Verifier) -> Result<Option<Checkpoint>, Fault> {
    let mut text = String::new();
    file.rewind()
        .and_then(|()| file.take(1 << 16).read_to_string(&mut text))
        .map_err(|error| unwritten(path, &error.to_string()))?;
    // Where the power went before anything of it came to the disk, there are zeros.
    let text = text.trim_matches(|c: char| c == '\0' || c.is_whitespace());
    if text.is_empty() {
        return Ok(None);
    }
    let opened = Keys::from(key).open(&format!("{text}\n"));
    opened.map(|(checkpoint, _)| Some(checkpoint)).map_err(|flaw| Fault::Mark {
        path: path.display().to_string(),
        why: format!(
            "what it remembers does not hold ({flaw}); it is this key's own file, and another key needs another"
        ),
    })
}

fn unwritten(path: &Path, why: &str) -> Fault {
    Fault::Mark { path: path.display().to_string(), why: why.to_owned() }
}

/// What a command answers.
fn asked(line: &str, bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut command = Command::new("sh");
    command.args(["-c", line]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("no shell could be started: {error}"))?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let text = bytes.to_vec();
    // One that reads nothing, or says nothing, must not be waited for.
    std::thread::spawn(move || stdin.map(|mut stdin| stdin.write_all(&text)));
    let (said, answer) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut out = Vec::new();
        let read = stdout.map(|stdout| stdout.take(MOST).read_to_end(&mut out));
        // Nobody may wait any more.
        let _ = said.send(read.map(|read| read.map(|_| out)));
    });
    let until = Instant::now() + PATIENCE;
    let ended = loop {
        match child.try_wait() {
            Ok(Some(status)) => break Ok(status),
            Ok(None) if Instant::now() < until => std::thread::sleep(Duration::from_millis(2)),
            Ok(None) => break Err(format!("it did not answer in {} seconds", PATIENCE.as_secs())),
            Err(error) => break Err(error.to_string()),
        }
    };
    let status = match ended {
        Ok(status) => status,
        Err(why) => {
            let _ = child.kill();
            let _ = child.wait();
            return Err(why);
        }
    };
    if !status.success() {
        return Err(format!("it ended with {status}"));
    }
    let out = match answer.recv_timeout(until.saturating_duration_since(Instant::now())) {
        Ok(Some(Ok(out))) => out,
        Ok(Some(Err(error))) => return Err(error.to_string()),
        _ => return Err("its output does not end".to_owned()),
    };
    if out.len() == 64 {
        return Ok(out);
    }
    let text = out.trim_ascii();
    let decoded = STANDARD.decode(text).ok().filter(|bytes| bytes.len() == 64);
    decoded.ok_or_else(|| "it printed no Ed25519 signature, which is 64 bytes, as they are or in base64".to_owned())
}
