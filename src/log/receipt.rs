//! Decision receipts: one file that shows, with the log's key and no network, what was decided and that the log holds
//! it.
//!
//! The decision is stated as in-toto statements in DSSE envelopes: a SLSA verification summary, and where the release
//! may go, a simple verification result. The log's entry holds the digests of the statements, of the decision document,
//! the facts and the policy; the proof shows that the log holds the entry.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::checkpoint::Checkpoint;
use super::entry::{Entry, Kind};
use super::keys::Keys;
use super::note::{Flaw, Note, Verifier};
use super::proof::{Proof, Refuted};

/// The version of the file's shape.
pub const VERSION: u32 = 1;
/// How many bytes a receipt has at most.
pub const LENGTH: u64 = 64 << 20;
/// What the payload of an envelope is.
const PAYLOAD: &str = "application/vnd.in-toto+json";
/// How many envelopes a receipt has at most.
const ENVELOPES: usize = 8;

/// A receipt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// The version of the file's shape.
    pub receipt: u32,
    /// The decision as signed statements.
    pub statements: Vec<Envelope>,
    /// The log's entry, as it stands there.
    pub entry: String,
    /// The proof that the log holds it.
    pub proof: String,
    /// The decision document.
    pub decision: String,
    /// The facts; absent where they were redacted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub facts: Option<String>,
    /// The policy's layers and what they name, outermost first; their texts are absent where they were redacted.
    pub policy: Vec<Layer>,
    /// The same of the policy as it was before a change in flight.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policy_before: Vec<Layer>,
    /// How the log's keys followed one another, each rotation as a signed note; absent where there was one key only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rotations: Vec<String>,
}

/// A DSSE envelope.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Envelope {
    /// What the payload is.
    pub payload_type: String,
    /// The payload, in base64.
    pub payload: String,
    /// The signatures.
    pub signatures: Vec<EnvelopeSignature>,
}

/// A signature of an envelope.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnvelopeSignature {
    /// The key, as `name+hash`.
    pub keyid: String,
    /// The signature, in base64.
    pub sig: String,
}

/// A layer of a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// The path as it was given.
    pub path: String,
    /// SHA-256 of the bytes, lower-case hexadecimal.
    pub sha256: String,
    /// The ref and commit that it was read from, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The text; absent where it was redacted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The files that it names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attached: Vec<Self>,
}

/// Lower-case hexadecimal of SHA-256.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    super::tree::Hash(Sha256::digest(bytes).into()).to_string()
}

/// What is signed of a payload: DSSE's pre-authentication encoding.
#[must_use]
pub fn encoded(payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {PAYLOAD} {} ", PAYLOAD.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

impl Envelope {
    /// A payload with its signature, which is over [`encoded`].
    #[must_use]
    pub fn of(payload: &[u8], by: &Verifier, signature: &[u8]) -> Self {
        Self {
            payload_type: PAYLOAD.to_owned(),
            payload: STANDARD.encode(payload),
            signatures: vec![EnvelopeSignature { keyid: by.short(), sig: STANDARD.encode(signature) }],
        }
    }

    /// The payload, whose one signature is by that key.
    pub fn open(&self, key: &Verifier) -> Result<Vec<u8>, Invalid> {
        let form = |what| Err(Invalid::Form(what));
        if self.payload_type != PAYLOAD {
            return form("a statement is not of in-toto");
        }
        let Ok(payload) = STANDARD.decode(&self.payload) else { return form("a statement is not base64") };
        let [signature] = self.signatures.as_slice() else { return form("a statement has one signature") };
        if signature.keyid != key.short() {
            return Err(Invalid::Key(Flaw::Unsigned(key.name().to_owned())));
        }
        let Ok(bytes) = STANDARD.decode(&signature.sig) else { return form("a signature is not base64") };
        key.check_bytes(&encoded(&payload), &bytes).map_err(Invalid::Key)?;
        Ok(payload)
    }
}

/// Why a receipt shows nothing.
#[derive(Debug, thiserror::Error)]
pub enum Invalid {
    /// It is not of the form of a receipt.
    #[error("not a receipt: {0}")]
    Form(&'static str),
    /// It cannot be read.
    #[error("not a receipt: {0}")]
    Json(#[from] serde_json::Error),
    /// A signature does not hold.
    #[error("{0}")]
    Key(Flaw),
    /// The log does not hold the entry.
    #[error("{0}")]
    Proof(#[from] Refuted),
    /// Something in it is not what the log has.
    #[error("{0} in the receipt is not what the log has the digest of")]
    Digest(String),
}

/// What a receipt shows, once all of it was checked.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The entry.
    pub entry: Entry,
    /// Its number in the log.
    pub index: u64,
    /// The checkpoint that covers it.
    pub checkpoint: Checkpoint,
    /// The same with its signatures, of which those of the log were checked.
    pub note: Note,
    /// The statements.
    pub statements: Vec<Value>,
}

impl Receipt {
    /// Reads a receipt. Nothing of it is checked.
    pub fn parse(bytes: &[u8]) -> Result<Self, Invalid> {
        let receipt: Self = serde_json::from_slice(bytes)?;
        if receipt.receipt != VERSION {
            return Err(Invalid::Form("its version is not known here"));
        }
        Ok(receipt)
    }

    /// Checks everything with the log's key, or those that are known to follow from it: the proof, the signatures, and
    /// that every part is what the entry has the digest of.
    pub fn check(&self, key: impl Into<Keys>) -> Result<Shown, Invalid> {
        let mut keys = key.into();
        keys.follow_all(&self.rotations).map_err(Invalid::Key)?;
        let proof = Proof::parse(&self.proof)?;
        let checkpoint = proof.check(self.entry.as_bytes(), &keys)?;
        let Some(key) = keys.at(proof.index) else {
            return Err(Invalid::Form("no key that is known signed at its time"));
        };
        let Ok(entry) = Entry::parse(self.entry.as_bytes()) else {
            return Err(Invalid::Form("its entry is none"));
        };
        if entry.kind != Kind::Decision {
            return Err(Invalid::Form("its entry is no decision"));
        }
        let body = &entry.body;
        let digest = |name: &str| body.get(name).and_then(|it| it.get("sha256")).and_then(Value::as_str);
        let same = |name: &str, bytes: &[u8]| match digest(name) {
            Some(stated) if stated == sha256(bytes) => Ok(()),
            _ => Err(Invalid::Digest(format!("the {name}"))),
        };
        same("document", self.decision.as_bytes())?;
        if let Some(facts) = &self.facts {
            same("facts", facts.as_bytes())?;
        }
        for (name, layers) in [("policy", &self.policy), ("policy_before", &self.policy_before)] {
            if body.get(name) != Some(&listed(layers)) {
                return Err(Invalid::Digest(format!("the list of `{name}`")));
            }
            for layer in layers.iter().flat_map(|layer| std::iter::once(layer).chain(&layer.attached)) {
                if layer.text.as_ref().is_some_and(|text| sha256(text.as_bytes()) != layer.sha256) {
                    return Err(Invalid::Digest(format!("`{}`", layer.path)));
                }
            }
        }
        let Some(Value::Array(stated)) = body.get("statements") else {
            return Err(Invalid::Form("its entry has no statements"));
        };
        if stated.len() != self.statements.len() || stated.is_empty() || stated.len() > ENVELOPES {
            return Err(Invalid::Form("it has other statements than its entry"));
        }
        let mut statements = Vec::new();
        for (envelope, stated) in self.statements.iter().zip(stated) {
            let payload = envelope.open(key)?;
            if stated.as_str() != Some(sha256(&payload).as_str()) {
                return Err(Invalid::Digest("a statement".to_owned()));
            }
            statements.push(serde_json::from_slice(&payload)?);
        }
        Ok(Shown { entry, index: proof.index, checkpoint, note: proof.checkpoint, statements })
    }

    /// The same receipt with the digests of facts and policy only.
    #[must_use]
    pub fn redacted(mut self) -> Self {
        self.facts = None;
        for layer in self.policy.iter_mut().chain(&mut self.policy_before) {
            layer.text = None;
            layer.attached.iter_mut().for_each(|file| file.text = None);
        }
        self
    }
}

/// Layers as an entry lists them: by digest.
#[must_use]
pub fn listed(layers: &[Layer]) -> Value {
    let one = |layer: &Layer| {
        let attached: Vec<Value> =
            layer.attached.iter().map(|file| json!({ "path": file.path, "sha256": file.sha256 })).collect();
        let mut listed = json!({ "path": layer.path, "sha256": layer.sha256, "attached": attached });
        if let (Some(from), Value::Object(listed)) = (&layer.from, &mut listed) {
            listed.insert("from".to_owned(), from.as_str().into());
        }
        listed
    };
    layers.iter().map(one).collect()
}

impl Shown {
    /// Whether a digest, as `sha256:…` or bare, is of something that the decision is about.
    #[must_use]
    pub fn is_about(&self, digest: &str) -> bool {
        let (algorithm, wanted) = digest.split_once(':').map_or((None, digest), |(name, hex)| (Some(name), hex));
        let wanted = wanted.to_ascii_lowercase();
        let subjects = self.statements.first().and_then(|it| it.get("subject")).and_then(Value::as_array);
        subjects.into_iter().flatten().filter_map(|subject| subject.get("digest")?.as_object()).any(|digests| {
            digests.iter().any(|(name, value)| {
                algorithm.is_none_or(|algorithm| algorithm == name) && value.as_str() == Some(wanted.as_str())
            })
        })
    }

    /// A text of the entry.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.entry.body.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// A text of what decided: `version`, `zones`.
    #[must_use]
    pub fn engine(&self, name: &str) -> &str {
        self.entry.body.get("engine").and_then(|engine| engine.get(name)).and_then(Value::as_str).unwrap_or_default()
    }
}
