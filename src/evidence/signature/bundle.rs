//! Files of Sigstore bundles: which bundles stand in them, and whether they are read at all.

use std::cell::{Cell, OnceCell};
use std::collections::HashSet;
use std::fmt;

use serde::Deserialize as _;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use sigstore_verify::crypto::{sha256, sha512};
use sigstore_verify::types::{Bundle, HashAlgorithm, Sha256Hash, Sha512Hash, SignatureContent};

use super::statement::{Statement, Subject};
use super::{Artifact, BUNDLE_LIMIT, PROOF_LIMIT, SIZE_LIMIT};
use crate::evidence::json;
use crate::model::notable::shortened;
use crate::model::report::{Fault, Place};

/// How much the JSON values of a file, or of a statement within it, may weigh in
/// memory, in units of 32 bytes: about 64 MB. A small file could otherwise hold so many
/// tiny objects that they fill it.
pub const WEIGHT_LIMIT: u32 = 2_000_000;
/// What an object and an array weigh beyond their parts, and a key and a text beyond their bytes.
const OBJECT_WEIGHT: u32 = 20;
const ARRAY_WEIGHT: u32 = 4;
const TEXT_WEIGHT: u32 = 2;

const UNLOGGED_ENVELOPE: &str = "this is a signed envelope on its own, without the proof that it was logged, and cannot be verified offline; use slsa-github-generator v2.1.0 or later, or actions/attest-build-provenance, which write Sigstore bundles";

/// A bundle, and the statement that it signs where it signs one.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) bundle: Bundle,
    pub(super) statement: Option<Statement>,
}

/// The artifact that a file of bundles is verified for, hashed once.
pub(super) struct Presented<'a> {
    pub(super) bytes: Option<&'a [u8]>,
    pub(super) sha256: Sha256Hash,
    sha512: OnceCell<Option<Sha512Hash>>,
}

impl<'a> Presented<'a> {
    pub(super) fn new(artifact: Artifact<'a>) -> Self {
        let (bytes, sha256) = match artifact {
            Artifact::Bytes(bytes) => (Some(bytes), sha256(bytes)),
            Artifact::Sha256(digest) => (None, Sha256Hash::new(digest)),
        };
        Self { bytes, sha256, sha512: OnceCell::new() }
    }

    /// SHA-512, where the bytes are here to take it from.
    pub(super) fn sha512(&self) -> Option<Sha512Hash> {
        *self.sha512.get_or_init(|| self.bytes.map(sha512))
    }
}

/// The documents that stand in a file in a bundle's place, in their order. A file
/// that is not JSON throughout is refused as a whole.
pub(super) fn documents(file: &[u8]) -> Result<Vec<Value>, Fault> {
    if file.len() > SIZE_LIMIT {
        let message = format!("the file has {} bytes, where at most {SIZE_LIMIT} are read; split it", file.len());
        return Err(Fault::beyond_limit(Place::Whole, message));
    }
    let file = file.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(file);
    check_json(file)?;
    let mut found = Vec::new();
    for document in serde_json::Deserializer::from_slice(file).into_iter::<Value>() {
        for bundle in unpacked(document.map_err(|error| json::fault(&error))?) {
            if found.len() >= BUNDLE_LIMIT {
                let message = format!("the file holds more than {BUNDLE_LIMIT} bundles; split it");
                return Err(Fault::beyond_limit(Place::Whole, message));
            }
            found.push(bundle);
        }
    }
    Ok(found)
}

/// The bundles of one document: itself, the elements of an array, or what
/// `attestations` lists.
fn unpacked(document: Value) -> Vec<Value> {
    match document {
        Value::Array(elements) => elements,
        Value::Object(mut object) if !object.contains_key("mediaType") => match object.remove("attestations") {
            Some(Value::Array(attestations)) => attestations.into_iter().map(attested).collect(),
            Some(other) => vec![other],
            None => vec![Value::Object(object)],
        },
        other => vec![other],
    }
}

/// The bundle of one element of `attestations`.
fn attested(mut attestation: Value) -> Value {
    match attestation.get_mut("bundle") {
        Some(bundle) => bundle.take(),
        None => attestation,
    }
}

impl Found {
    /// Reads a document as a bundle.
    pub(super) fn read(document: Value) -> Result<Self, Fault> {
        if document.get("mediaType").is_none() {
            let message = if document.get("payloadType").is_some() {
                UNLOGGED_ENVELOPE
            } else {
                "expected a Sigstore bundle, found a JSON value without `mediaType`; give the bundle that `cosign sign-blob --bundle` or `gh attestation download` wrote"
            };
            return Err(Fault::malformed(Place::Whole, message));
        }
        let bundle = Bundle::deserialize(document).map_err(|error| {
            let detail = shortened(&error.to_string(), 300);
            Fault::malformed(
                Place::Whole,
                format!("the content is not a Sigstore bundle v0.1, v0.2 or v0.3: {detail}; write it again with the tool that signed"),
            )
        })?;
        let material = &bundle.verification_material;
        let timestamps = &material.timestamp_verification_data.rfc3161_timestamps;
        for (count, what) in [(material.tlog_entries.len(), "log entries"), (timestamps.len(), "timestamps")] {
            if count > PROOF_LIMIT {
                let message = format!("the bundle carries {count} {what}, where at most {PROOF_LIMIT} are read");
                return Err(Fault::beyond_limit(Place::Whole, message));
            }
        }
        let statement = match &bundle.content {
            SignatureContent::DsseEnvelope(envelope) => Some(Statement::read(envelope.payload.as_bytes())?),
            _ => None,
        };
        Ok(Self { bundle, statement })
    }

    /// The statement and the payload that it was read from, where the bundle attests anything.
    pub(super) fn attestation(&self) -> Option<(&Statement, &[u8])> {
        match (&self.statement, &self.bundle.content) {
            (Some(statement), SignatureContent::DsseEnvelope(envelope)) => {
                Some((statement, envelope.payload.as_bytes()))
            }
            _ => None,
        }
    }

    /// What the bundle says it is about.
    pub(super) fn subjects(self) -> Vec<Subject> {
        match (self.statement, self.bundle.content) {
            (Some(statement), _) => statement.subjects,
            (None, SignatureContent::MessageSignature(signature)) => signature
                .message_digest
                .filter(|digest| digest.algorithm == HashAlgorithm::Sha2256)
                .map(|digest| Subject { name: String::new(), sha256: Some(digest.digest.to_hex()), sha512: None })
                .into_iter()
                .collect(),
            _ => Vec::new(),
        }
    }
}

/// Checks that bytes are JSON documents, one after another, in which no object
/// has a key twice, at any depth. Parsers disagree about which of two values
/// rules, and a signature must not cover one while we read the other.
pub(super) fn check_json(bytes: &[u8]) -> Result<(), Fault> {
    let left = Cell::new(WEIGHT_LIMIT);
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let mut any = false;
    // `end` passes over white space; what it then calls trailing is the next document.
    while let Err(trailing) = reader.end() {
        any = true;
        let outcome = if trailing.is_eof() { Err(trailing) } else { Strict(&left).deserialize(&mut reader) };
        outcome.map_err(|error| {
            let fault = json::fault(&error);
            if left.get() == 0 {
                let message = "so many values that they would take more than 64 MB, which no attestation should; attest less at once";
                return Fault::beyond_limit(fault.place, message);
            }
            fault
        })?;
    }
    if any {
        Ok(())
    } else {
        Err(Fault::malformed(Place::Whole, "the file is empty; sign again, or download it again"))
    }
}

struct Strict<'c>(&'c Cell<u32>);

impl Strict<'_> {
    fn weigh<E: serde::de::Error>(&self, weight: u32) -> Result<(), E> {
        let left = self.0.get().saturating_sub(weight);
        self.0.set(left);
        if left > 0 { Ok(()) } else { Err(E::custom("too many values")) }
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        self.weigh(1)?;
        value.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<(), E> {
        self.weigh(TEXT_WEIGHT)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        self.weigh(ARRAY_WEIGHT)?;
        while seq.next_element_seed(Strict(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.weigh(OBJECT_WEIGHT)?;
        let mut keys = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            self.weigh(TEXT_WEIGHT)?;
            map.next_value_seed(Strict(self.0))?;
            if let Some(key) = keys.replace(key) {
                let key = shortened(&key, 60);
                return Err(A::Error::custom(format_args!(
                    "the key `{key}` stands twice in one object; keep one of them"
                )));
            }
        }
        Ok(())
    }
}
