//! The story of an entry: what happened is written down in its one form, and is in the log, under a signed checkpoint,
//! before anybody is told.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::record::{Fault, runtime};
use crate::log::entry::{Entry, Kind};
use crate::log::tree::Hash;
use crate::store::address::Address;
use crate::store::annex::Annex;
use crate::store::blob::Blob;
use crate::store::change::{Change, Sent};
use crate::store::erasure::AT_ONCE;
use crate::store::fault::Fault as DatabaseFault;
use crate::store::sequencer;
use crate::store::signatory::Signatory;
use crate::store::writer::{Append, Appended, Once, Refused, Writer};

/// How long a pipeline's step waits for another that writes to the same file.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// Something that happened, as whoever reports it has it.
#[derive(Clone, Debug)]
pub struct Happening {
    /// What kind of thing.
    pub kind: Kind,
    /// What happened.
    pub body: Map<String, Value>,
    /// Files that go with it, each with its name.
    pub attached: Vec<(String, Vec<u8>)>,
    /// A key under which it is recorded once, however often it is reported.
    pub once: Option<String>,
}

/// What came from a forge or another system: its bytes as they came, once by that system's own id for it.
#[must_use]
pub fn delivery(sent: &Sent, bytes: &[u8]) -> Happening {
    let mut body = Map::new();
    body.insert("forge".to_owned(), sent.forge.as_str().into());
    body.insert("id".to_owned(), sent.id.as_str().into());
    let attached = vec![("delivery".to_owned(), bytes.to_vec())];
    Happening { kind: Kind::Delivery, body, attached, once: Some(format!("delivery {}", json!([sent.forge, sent.id]))) }
}

/// Why it could not be recorded.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// It, or what goes with it, cannot be recorded.
    #[error("{0}")]
    Refused(Refused),
    /// Its body states attachments of its own.
    #[error("`attached` is where an entry lists its files, and the body has something else there")]
    Attached,
    /// It is what commands of their own record.
    #[error("{0} is recorded by commands of its own, `countersign log key` and `countersign log retention`")]
    Reserved(String),
    /// The record failed.
    #[error("{0}")]
    Fault(#[from] Fault),
    /// The record failed for all that was handed in at once.
    #[error("{0}")]
    Batch(Arc<DatabaseFault>),
}

impl From<sequencer::Failed> for Failed {
    fn from(failed: sequencer::Failed) -> Self {
        match failed {
            sequencer::Failed::Refused(refused) => Self::Refused(refused),
            sequencer::Failed::Fault(fault) => Self::Batch(fault),
        }
    }
}

impl Happening {
    /// The entry and what it points to.
    pub(super) fn append(self, at: DateTime<Utc>) -> Result<Append, Failed> {
        let Self { kind, mut body, attached, once } = self;
        if matches!(kind, Kind::KeyRotation | Kind::Expiry | Kind::LegalHold) {
            return Err(Failed::Reserved(format!("an entry of kind `{}`", kind.word())));
        }
        if let Some(key) = once.as_ref().filter(|key| key.starts_with("log key ")) {
            return Err(Failed::Reserved(format!("what happens once under `{key}`")));
        }
        if !attached.is_empty() && body.contains_key("attached") {
            return Err(Failed::Attached);
        }
        let mut blobs = Vec::new();
        let mut listed = Vec::new();
        for (name, bytes) in attached {
            let blob = Blob::new(&bytes);
            listed.push(json!({ "name": name, "sha256": blob.digest().to_string(), "size": blob.size() }));
            blobs.push(blob);
        }
        if !listed.is_empty() {
            body.insert("attached".to_owned(), Value::Array(listed));
        }
        let of = |at| Entry { kind, at, body: body.clone() }.bytes();
        // The same report at another instant is the same report.
        let content = of(DateTime::UNIX_EPOCH).map_err(DatabaseFault::from).map_err(Fault::from)?;
        let once = once.map(|key| Once { key, digest: Sha256::digest(&content).into() });
        let entry = of(at).map_err(DatabaseFault::from).map_err(Fault::from)?;
        let changes = change(kind, &body, &blobs).into_iter().collect();
        Ok(Append { entries: vec![entry], once, blobs, changes })
    }
}

/// What a happening changes beside the log, where it says enough for that.
fn change(kind: Kind, body: &Map<String, Value>, blobs: &[Blob]) -> Option<Change> {
    let text = |key: &str| body.get(key)?.as_str().map(str::to_owned);
    match kind {
        Kind::Delivery => {
            let sent = Sent { forge: text("forge")?, id: text("id")? };
            Some(Change::Delivery(sent, blobs.first()?.digest()))
        }
        Kind::Policy => {
            let layers = body.get("layers")?.to_string();
            Some(Change::Policy(Hash(Sha256::digest(layers).into())))
        }
        _ => None,
    }
}

/// Records what happened, all in one durable write. What comes back is in the same order; one that is refused leaves
/// the others recorded.
pub fn append(
    address: &Address,
    signer: impl Into<Signatory>,
    annex: Option<Annex>,
    happened: Vec<Happening>,
    at: DateTime<Utc>,
) -> Result<Vec<Result<Appended, Refused>>, Failed> {
    let batch = happened.into_iter().map(|it| it.append(at)).collect::<Result<Vec<_>, _>>()?;
    runtime()?.block_on(staged(annex.as_ref(), &batch)).map_err(Fault::from)?;
    let answers = written(address, signer, annex, PATIENCE, at, async |writer| {
        let answers = writer.append(&batch, at).await?;
        let_go_of_refused(writer, &batch, &answers).await?;
        Ok(answers)
    });
    Ok(answers.map_err(|fault: Fault| fault)?)
}

/// Opens the record for writing, does something in it, and closes it in order. `patience` is how long another writer is
/// waited for.
pub(super) fn written<T, E: From<Fault> + From<DatabaseFault>>(
    address: &Address,
    signer: impl Into<Signatory>,
    annex: Option<Annex>,
    patience: Duration,
    at: DateTime<Utc>,
    work: impl AsyncFnOnce(&mut Writer) -> Result<T, DatabaseFault>,
) -> Result<T, E> {
    let done = runtime()?.block_on(async {
        let mut writer = Writer::open(address, signer, patience, at).await?.with_annex(annex);
        let done = work(&mut writer).await?;
        writer.close().await?;
        Ok::<_, DatabaseFault>(done)
    });
    Ok(done?)
}

/// Puts what is large in the annex, where there is one, before anybody has to wait for that.
pub(super) async fn staged(annex: Option<&Annex>, batch: &[Append]) -> Result<(), DatabaseFault> {
    match annex {
        Some(annex) => annex.stage(batch).await,
        None => Ok(()),
    }
}

/// What was put in the annex for something that was not appended goes again, unless it is in use.
pub(super) async fn let_go_of_refused(
    writer: &mut Writer,
    batch: &[Append],
    answers: &[Result<Appended, Refused>],
) -> Result<(), DatabaseFault> {
    let refused = batch.iter().zip(answers).filter(|(_, answer)| !matches!(answer, Ok(done) if !done.before));
    let left: Vec<Hash> = refused.flat_map(|(append, _)| append.large()).collect();
    for some in left.chunks(AT_ONCE) {
        writer.let_go(some, Duration::ZERO).await?;
    }
    Ok(())
}
