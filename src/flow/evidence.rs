//! The story of what is kept outside the database: what the record says of it and what is there are laid side by side, and
//! what nobody points to goes.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::append::{PATIENCE, written};
use super::record::{Fault, runtime};
use crate::log::tree::Hash;
use crate::store::address::Address;
use crate::store::annex::{Annex, Lying};
use crate::store::erasure::AT_ONCE;
use crate::store::fault::Fault as DatabaseFault;
use crate::store::reader::Reader;
use crate::store::signatory::Signatory;

/// What was found, of one record and its annex.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// How many digests the record says lie there, and do.
    pub kept: u64,
    /// Those that the record says lie there, and do not.
    pub missing: Vec<Hash>,
    /// Those that lie there, and the record does not say so: somebody was killed before he had recorded what he put there,
    /// or before he had removed it, or puts it there just now.
    pub orphans: Vec<Hash>,
    /// How many files somebody began to write a day ago or longer, and did not end.
    pub unfinished: u64,
}

fn set(digests: Vec<Hash>) -> BTreeSet<[u8; 32]> {
    digests.into_iter().map(|hash| hash.0).collect()
}

/// Lays side by side what the record says and what lies there.
pub fn survey(address: &Address, annex: &Annex) -> Result<Found, Fault> {
    Ok(runtime()?.block_on(async {
        let mut found = Found::default();
        let mut reader = Reader::open(address).await?;
        for first in 0..=u8::MAX {
            let said = set(reader.annexed(first).await?);
            let Lying { digests, unfinished } = annex.part(first).await?;
            let there = set(digests);
            found.kept += said.intersection(&there).count() as u64;
            let mut missing: Vec<_> = said.difference(&there).copied().collect();
            if !missing.is_empty() {
                // What was let go meanwhile is not missing.
                let still = set(reader.annexed(first).await?);
                missing.retain(|digest| still.contains(digest));
            }
            found.missing.extend(missing.into_iter().map(Hash));
            found.orphans.extend(there.difference(&said).copied().map(Hash));
            found.unfinished += unfinished.len() as u64;
        }
        reader.close().await?;
        Ok::<_, DatabaseFault>(found)
    })?)
}

/// Removes of those digests what lies there, was put there so long ago or longer, and is not in use; and the files that
/// somebody did not end. What comes back is how many digests and how many such files are gone.
pub fn sweep(
    address: &Address,
    signer: impl Into<Signatory>,
    annex: Annex,
    orphans: &[Hash],
    age: Duration,
    at: DateTime<Utc>,
) -> Result<(u64, u64), Fault> {
    let files = runtime()?.block_on(async {
        let mut files = 0;
        for first in 0..=u8::MAX {
            files += annex.part(first).await?.end()?;
        }
        Ok::<_, DatabaseFault>(files)
    })?;
    written(address, signer, Some(annex), PATIENCE, at, async |writer| {
        let mut gone = 0;
        for some in orphans.chunks(AT_ONCE) {
            gone += writer.let_go(some, age).await?;
        }
        Ok((gone, files))
    })
}
