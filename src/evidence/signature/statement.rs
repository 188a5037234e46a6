//! in-toto statements: what a signed attestation is about.
//!
//! Follows the in-toto attestation framework, Statement v0.1 and v1.

use serde::Deserialize;
use serde_json::Value;

use super::bundle::{self, Presented};
use super::{SUBJECT_LIMIT, refusal};
use crate::model::notable::shortened;
use crate::model::report::{Fault, Place};
use crate::model::verdict::Reason;

const TYPES: [&str; 2] = ["https://in-toto.io/Statement/v0.1", "https://in-toto.io/Statement/v1"];

/// One thing that a statement is about, or that a signature is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The name that the statement gives it; empty where it gives none. A name proves nothing.
    pub name: String,
    /// SHA-256 of its bytes, lower-case hexadecimal.
    pub sha256: Option<String>,
    /// SHA-512 of its bytes, lower-case hexadecimal.
    pub sha512: Option<String>,
}

/// A statement as far as it concerns a gate.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) predicate_type: String,
    pub(super) subjects: Vec<Subject>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    #[serde(rename = "_type")]
    type_: String,
    subject: Vec<WrittenSubject>,
    predicate_type: String,
}

#[derive(Deserialize)]
struct Predicated {
    #[serde(default)]
    predicate: Value,
}

#[derive(Deserialize)]
struct WrittenSubject {
    #[serde(default)]
    name: String,
    digest: Digests,
}

#[derive(Deserialize)]
struct Digests {
    sha256: Option<String>,
    sha512: Option<String>,
}

impl Statement {
    /// Reads the payload of a DSSE envelope.
    pub(super) fn read(payload: &[u8]) -> Result<Self, Fault> {
        bundle::check_json(payload).map_err(within)?;
        let written: Written =
            serde_json::from_slice(payload).map_err(|error| within(crate::evidence::json::fault(&error)))?;
        if !TYPES.contains(&written.type_.as_str()) {
            let message = format!(
                "the signed statement is of type `{}`, where in-toto statements v0.1 and v1 are read",
                shortened(&written.type_, 100)
            );
            return Err(Fault::malformed(Place::Whole, message));
        }
        if written.subject.len() > SUBJECT_LIMIT {
            let count = written.subject.len();
            let message =
                format!("the signed statement names {count} subjects, where at most {SUBJECT_LIMIT} are read");
            return Err(Fault::beyond_limit(Place::Whole, message));
        }
        let subjects = written.subject.into_iter().map(WrittenSubject::read).collect::<Result<_, _>>()?;
        Ok(Self { predicate_type: written.predicate_type, subjects })
    }

    /// The predicate of a payload that was read as a statement before. It may be
    /// large, so only what needs it asks for it.
    pub(super) fn predicate(payload: &[u8]) -> Result<Value, Fault> {
        let predicated: Predicated =
            serde_json::from_slice(payload).map_err(|error| within(crate::evidence::json::fault(&error)))?;
        Ok(predicated.predicate)
    }

    /// Whether a subject has the artifact's digest, and none that differs from it.
    pub(super) fn is_about(&self, artifact: &Presented<'_>) -> bool {
        self.subjects.iter().any(|subject| subject.is(artifact))
    }

    /// The refusal of a statement that is not about the artifact.
    pub(super) fn other_subject(&self, artifact: &Presented<'_>) -> Fault {
        let by_sha512_alone = self.subjects.iter().all(|subject| subject.sha256.is_none());
        let message = if artifact.bytes.is_none() && by_sha512_alone {
            "the signed statement does not name its subjects by SHA-256, and nothing else is known of the artifact; give the file itself"
        } else {
            "the signed statement is about other artifacts: none of its subjects has this artifact's digest; attest this very file, or give the attestation that belongs to it"
        };
        refusal(Reason::WrongSubject, message)
    }

    /// Whether SHA-512 is what ties the statement to this artifact.
    pub(super) fn by_sha512(&self, artifact: &Presented<'_>) -> bool {
        self.subjects.iter().any(|subject| subject.sha256.is_none() && subject.is(artifact))
    }
}

fn within(fault: Fault) -> Fault {
    let Fault { reason, place, message } = fault;
    refusal(reason, format!("in the signed statement, {place}{message}"))
}

impl WrittenSubject {
    fn read(self) -> Result<Subject, Fault> {
        let digest = |digest: Option<String>, length: usize| match digest {
            Some(digest) if digest.len() == length && digest.bytes().all(|b| b.is_ascii_hexdigit()) => {
                Ok(Some(digest.to_ascii_lowercase()))
            }
            Some(digest) => {
                let digest = shortened(&digest, 140);
                let message = format!(
                    "in the signed statement, expected a digest of {length} hexadecimal digits, found `{digest}`"
                );
                Err(refusal(Reason::Malformed, message))
            }
            None => Ok(None),
        };
        Ok(Subject {
            sha256: digest(self.digest.sha256, 64)?,
            sha512: digest(self.digest.sha512, 128)?,
            name: self.name,
        })
    }
}

impl Subject {
    fn is(&self, artifact: &Presented<'_>) -> bool {
        let by_sha256 = self.sha256.as_ref().map(|digest| *digest == artifact.sha256.to_hex());
        // Without the bytes a SHA-512 cannot be told; beside an equal SHA-256 it need not be.
        let by_sha512 = self.sha512.as_ref().and_then(|digest| artifact.sha512().map(|own| own.to_hex() == *digest));
        match (by_sha256, by_sha512) {
            (None, None) => false,
            (one, other) => one != Some(false) && other != Some(false),
        }
    }
}
