//! What a decision was made from, as the record has it.

use crate::log::entry::Entry;
use crate::log::receipt::Layer;
use crate::log::tree::Hash;
use crate::store::fault::Fault;
use crate::store::reader::Reader;

/// Why the layers of a policy are not there.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unlisted {
    /// The record could not be read.
    #[error("the record could not be read: {0}")]
    Record(#[from] Fault),
    /// The entry lists none.
    #[error("the entry does not list them: {0}")]
    Form(#[from] serde_json::Error),
}

/// The entry of a number; `None` where the log has none that can be read.
pub(super) async fn entry(reader: &mut Reader, number: u64) -> Result<Option<Entry>, Fault> {
    let found = reader.entries(number, 1).await?.into_iter().next();
    Ok(found.filter(|(at, _)| *at == number).and_then(|(_, bytes)| Entry::parse(&bytes).ok()))
}

/// The layers that a decision's entry lists under a name, each with its text where that is kept.
pub(super) async fn layers(reader: &mut Reader, entry: &Entry, name: &str) -> Result<Vec<Layer>, Unlisted> {
    let stated = entry.body.get(name).cloned().unwrap_or_default();
    let mut layers: Vec<Layer> = serde_json::from_value(stated)?;
    for layer in &mut layers {
        layer.text = text(reader, &layer.sha256).await?;
        for file in &mut layer.attached {
            file.text = text(reader, &file.sha256).await?;
        }
    }
    Ok(layers)
}

/// A text by its SHA-256 digest; `None` where it is not kept, or is none.
async fn text(reader: &mut Reader, sha256: &str) -> Result<Option<String>, Fault> {
    let Some(digest) = Hash::parse(sha256) else { return Ok(None) };
    Ok(reader.blob(digest).await?.and_then(|bytes| String::from_utf8(bytes).ok()))
}
