//! Letters: what somebody tells the app under a key of his own. A letter is a C2SP signed note of a first line that says what
//! it is about, and a JSON object.
//!
//! Whose key counts, and for what, is not judged here: only that a key signed these very bytes.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::note::{Flaw, Note, Signature, Signer, Verifier};

/// How much of the name of a key is told, in characters.
const NAME: usize = 200;

/// What a letter is about. Nothing else that is signed begins with these lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A deployment.
    Deployment,
    /// The use of a break-glass grant.
    Grant,
}

impl Subject {
    fn line(self) -> &'static str {
        match self {
            Self::Deployment => "countersign deployment report v1",
            Self::Grant => "countersign grant report v1",
        }
    }
}

/// Something told, with signatures of which none is believed yet.
#[derive(Clone, Debug)]
pub struct Letter {
    note: Note,
}

/// Why bytes are no letter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// It is no signed note.
    #[error("{0}")]
    Note(#[from] Flaw),
    /// It is something else that was signed.
    #[error("its first line is not `{0}`")]
    Other(&'static str),
    /// What it says is not of the form that is known here.
    #[error("what it says cannot be read: {0}")]
    Form(String),
}

impl Letter {
    /// A letter, signed.
    pub fn write(subject: Subject, says: &impl Serialize, by: &Signer) -> Result<Self, Invalid> {
        let body = serde_json::to_string_pretty(says).map_err(|error| Invalid::Form(error.to_string()))?;
        let note = Note::new(format!("{}\n{body}\n", subject.line()));
        let mut note = note.ok_or_else(|| Invalid::Form("its words hold control characters".to_owned()))?;
        by.sign(&mut note, 0);
        Ok(Self { note })
    }

    /// Reads a letter, and what it says. No signature is checked.
    pub fn read<T: DeserializeOwned>(subject: Subject, text: &str) -> Result<(Self, T), Invalid> {
        let note = Note::parse(text)?;
        let line = subject.line();
        let body = note.text.strip_prefix(line).and_then(|rest| rest.strip_prefix('\n')).ok_or(Invalid::Other(line))?;
        let says = serde_json::from_str(body).map_err(|error| Invalid::Form(error.to_string()))?;
        Ok((Self { note }, says))
    }

    /// Under which key it says that it is: the name and the first bytes of the hash of the first. Nobody has checked that.
    #[must_use]
    pub fn claims(&self) -> String {
        let name = |it: &Signature| it.id.iter().fold(it.name.clone() + "+", |all, byte| format!("{all}{byte:02x}"));
        self.note.signatures.first().map(name).unwrap_or_default().chars().take(NAME).collect()
    }

    /// Whether a key signed it. A signature in its name that does not hold is none of anybody's.
    #[must_use]
    pub fn is_by(&self, key: &Verifier) -> bool {
        key.check(&self.note).is_ok()
    }
}

impl std::fmt::Display for Letter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.note.fmt(f)
    }
}
