//! Proofs that travel alone: the C2SP specification `tlog-proof`, a file with everything that shows that one entry is
//! in a log.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::checkpoint::Checkpoint;
use super::keys::Keys;
use super::note::{Flaw, Note};
use super::tree::{self, Hash, Unproven};

/// The first line.
const HEADER: &str = "c2sp.org/tlog-proof@v1";
/// How many hashes a proof has at most: one for each bit of a size.
const HASHES: usize = 64;

/// A proof that an entry is in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The entry's number, counted from 0.
    pub index: u64,
    /// The path from the entry to the root.
    pub path: Vec<Hash>,
    /// The signed checkpoint.
    pub checkpoint: Note,
}

/// Why a proof proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refuted {
    /// It is not of the form of a proof.
    #[error("not a proof that a log holds an entry: {0}")]
    Form(&'static str),
    /// Its checkpoint does not hold.
    #[error("{0}")]
    Checkpoint(#[from] Flaw),
    /// Its hashes do not.
    #[error("{0}")]
    Path(#[from] Unproven),
}

impl Proof {
    /// Reads a proof. Nothing of it is checked.
    pub fn parse(text: &str) -> Result<Self, Refuted> {
        let Some((head, checkpoint)) = text.split_once("\n\n") else {
            return Err(Refuted::Form("there is no blank line before the checkpoint"));
        };
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(HEADER) {
            return Err(Refuted::Form("it does not begin with `c2sp.org/tlog-proof@v1`"));
        }
        if lines.peek().is_some_and(|line| line.starts_with("extra ")) {
            lines.next();
        }
        let index = lines.next().and_then(|line| line.strip_prefix("index ")).filter(|index| {
            index.bytes().all(|byte| byte.is_ascii_digit()) && (*index == "0" || !index.starts_with('0'))
        });
        let Some(index) = index.and_then(|index| index.parse().ok()) else {
            return Err(Refuted::Form("it does not say `index` and a number"));
        };
        let mut path = Vec::new();
        for line in lines {
            let hash = STANDARD.decode(line).ok().and_then(|hash| hash.try_into().ok());
            let Some(hash) = hash.map(Hash) else {
                return Err(Refuted::Form("a hash is 32 bytes of base64"));
            };
            if path.len() == HASHES {
                return Err(Refuted::Form("it has over 64 hashes"));
            }
            path.push(hash);
        }
        Ok(Self { index, path, checkpoint: Note::parse(checkpoint)? })
    }

    /// Checks that the log of that key, or of those keys, holds the entry; what comes back is the checkpoint that
    /// covers it.
    pub fn check(&self, entry: &[u8], log: impl Into<Keys>) -> Result<Checkpoint, Refuted> {
        let (checkpoint, _) = log.into().open(&self.checkpoint.to_string())?;
        tree::check_inclusion(tree::leaf(entry), self.index, checkpoint.size, &self.path, checkpoint.root)?;
        Ok(checkpoint)
    }
}

impl std::fmt::Display for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{HEADER}\nindex {}", self.index)?;
        for hash in &self.path {
            writeln!(f, "{}", STANDARD.encode(hash.0))?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}
