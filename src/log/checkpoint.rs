//! Checkpoints: the C2SP specification `tlog-checkpoint`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::keys::Keys;
use super::note::{self, Flaw, Note};
use super::tree::Hash;

/// A tree, as a log commits itself to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log.
    pub origin: String,
    /// How many entries.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
    /// Lines that the specification leaves to the log.
    pub extension: Vec<String>,
}

impl Checkpoint {
    /// Reads the text of a checkpoint.
    pub fn parse(text: &str) -> Result<Self, Flaw> {
        let Some(lines) = text.strip_suffix('\n') else {
            return Err(Flaw::Form("it does not end with a line feed"));
        };
        let mut lines = lines.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(Flaw::Form("a checkpoint has an origin, a size and a root"));
        };
        let digits = !size.is_empty() && size.bytes().all(|byte| byte.is_ascii_digit());
        let plain = digits && (size == "0" || !size.starts_with('0'));
        let Some(size) = size.parse().ok().filter(|_| plain) else {
            return Err(Flaw::Form("the size of a checkpoint is a decimal number"));
        };
        let root = STANDARD.decode(root).ok().and_then(|root| root.try_into().ok());
        let Some(root) = root.map(Hash) else {
            return Err(Flaw::Form("the root of a checkpoint is 32 bytes of base64"));
        };
        let extension: Vec<String> = lines.map(str::to_owned).collect();
        if origin.is_empty() || extension.iter().any(String::is_empty) {
            return Err(Flaw::Form("a line of the checkpoint is empty"));
        }
        Ok(Self { origin: origin.to_owned(), size, root, extension })
    }

    /// Reads a signed checkpoint and checks that the log signed it: by the key that bears its origin's name, and whose
    /// time it is of.
    pub fn open(text: &str, log: impl Into<Keys>) -> Result<(Self, Note), Flaw> {
        log.into().open(text)
    }

    /// The checkpoint as a note that nobody has signed yet. `None` where the origin cannot name a log.
    #[must_use]
    pub fn note(&self) -> Option<Note> {
        if !note::is_name(&self.origin) {
            return None;
        }
        let mut text = format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root.0));
        for line in &self.extension {
            text.push_str(line);
            text.push('\n');
        }
        Note::new(text)
    }
}
