//! Break-glass grants as files: a C2SP signed note of a first line that nothing else signed begins with, and the grant in
//! JSON. Each of those who grant signs the text with a key of his own; a signature that is added leaves the text as it is.
//!
//! Whether a grant opens anything is not judged here (`decide::granted`): only what was signed, and by which keys.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::note::{Flaw, Note, Signer, Verifier};
use crate::model::grant::OfflineGrant;

/// The first line of a grant. The second is a brace, so that it is no checkpoint and no rotation.
const HEADER: &str = "countersign break-glass grant v1";

/// A grant with its signatures, of which none is believed yet.
#[derive(Clone, Debug)]
pub struct Signed {
    grant: OfflineGrant,
    note: Note,
}

/// Why a file is no grant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// It is not of the form of a signed note, or a signature does not hold.
    #[error("{0}")]
    Note(#[from] Flaw),
    /// It is something else that was signed.
    #[error("it is no break-glass grant: its first line is not `{HEADER}`")]
    Other,
    /// It is a grant in a form that is not read.
    #[error("what is granted cannot be read: {0}")]
    Form(String),
}

impl Signed {
    /// A grant that nobody has signed yet.
    pub fn new(grant: OfflineGrant) -> Result<Self, Invalid> {
        sound(&grant)?;
        let body = serde_json::to_string_pretty(&grant).map_err(|error| Invalid::Form(error.to_string()))?;
        let note = Note::new(format!("{HEADER}\n{body}\n"))
            .ok_or_else(|| Invalid::Form("its words hold control characters".to_owned()))?;
        Ok(Self { grant, note })
    }

    /// Reads a grant. No signature is checked.
    pub fn read(text: &str) -> Result<Self, Invalid> {
        let note = Note::parse(text)?;
        let body = note.text.strip_prefix(HEADER).and_then(|rest| rest.strip_prefix('\n')).ok_or(Invalid::Other)?;
        let grant = serde_json::from_str(body).map_err(|error| Invalid::Form(error.to_string()))?;
        sound(&grant)?;
        Ok(Self { grant, note })
    }

    /// What is granted.
    #[must_use]
    pub fn grant(&self) -> &OfflineGrant {
        &self.grant
    }

    /// SHA-256 of the signed text, hexadecimal: what tells one grant from another, whoever has signed it by now.
    #[must_use]
    pub fn digest(&self) -> String {
        let digest: [u8; 32] = Sha256::digest(self.note.text.as_bytes()).into();
        digest.iter().fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// Signs it. Whether that key has signed it already: then nothing is added.
    pub fn sign(&mut self, by: &Signer) -> Result<bool, Invalid> {
        match by.verifier().check(&self.note) {
            Ok(_) => return Ok(true),
            Err(Flaw::Unsigned(_)) => {}
            Err(flaw) => return Err(flaw.into()),
        }
        by.sign(&mut self.note, 0);
        Ok(false)
    }

    /// Whose keys signed it, of accounts with their keys, in that order. A signature in the name of one of these keys that
    /// does not hold is an error; those of other keys say nothing.
    pub fn signed_by<'k>(&self, keys: &'k [(String, Verifier)]) -> Result<Vec<&'k str>, Invalid> {
        let mut found = Vec::new();
        for (account, key) in keys {
            match key.check(&self.note) {
                Ok(_) => found.push(account.as_str()),
                Err(Flaw::Unsigned(_)) => {}
                Err(flaw) => return Err(flaw.into()),
            }
        }
        Ok(found)
    }
}

impl std::fmt::Display for Signed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.note.fmt(f)
    }
}

/// Whether a grant names one release, and can be told from others.
fn sound(grant: &OfflineGrant) -> Result<(), Invalid> {
    let form = |why: &str| Err(Invalid::Form(why.to_owned()));
    let id = &grant.id;
    if id.is_empty() || id.len() > 64 || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return form("`id` is 1 to 64 digits, letters and `-`");
    }
    if grant.repository.trim().is_empty() || grant.environment.trim().is_empty() {
        return form("it names no repository, or no environment");
    }
    // A shortened name may come to mean another commit.
    if !matches!(grant.commit.len(), 40 | 64) || !grant.commit.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return form("`commit` is a whole one, of 40 or 64 hexadecimal digits");
    }
    let digest = |artifact: &String| {
        let hex = artifact.strip_prefix("sha256:").unwrap_or(artifact);
        hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    if !grant.artifacts.iter().all(digest) {
        return form("an artifact is named by its SHA-256 digest, `sha256:` and 64 hexadecimal digits");
    }
    if grant.expires_at <= grant.granted_at {
        return form("it ends before it begins");
    }
    Ok(())
}
