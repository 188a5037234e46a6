//! A key, a certificate authority and a transparency log of the tests' own, so
//! that any statement can be signed by anybody and logged: the proofs are real,
//! only nobody else trusts those who give them.

use countersign::evidence::signature::{PublicKey, Signer, TrustRoot};
use serde_json::{Value, json};
use sigstore_verify::crypto::KeyPair;
use sigstore_verify::types::{SignatureBytes, pae};

use super::certificate::{self, Holder};
use super::{hex, sha256};

const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// When the log takes entries in, while certificates of the authority are valid: 2025-01-01T00:05:00Z.
pub const LOGGED_AT: i64 = 1_735_689_900;

pub struct Forge {
    key: KeyPair,
    log: KeyPair,
    authority: KeyPair,
}

impl Forge {
    pub fn new() -> Self {
        let key = || KeyPair::generate_ecdsa_p256().unwrap();
        Self { key: key(), log: key(), authority: key() }
    }

    /// The key as a signer.
    pub fn signer(&self) -> Signer {
        Signer::Key(PublicKey::from_pem(self.key.public_key_der().unwrap().to_pem().as_bytes()).unwrap())
    }

    /// A root that trusts this log and this authority, and nothing else.
    pub fn root(&self) -> TrustRoot {
        let key = self.log.public_key_der().unwrap();
        let since = json!({ "start": "2021-01-01T00:00:00Z" });
        let root = json!({
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [{
                "baseUrl": "https://log.example",
                "hashAlgorithm": "SHA2_256",
                "publicKey": { "rawBytes": key.to_base64(), "keyDetails": "PKIX_ECDSA_P256_SHA_256", "validFor": since },
                "logId": { "keyId": base64(&sha256(key.as_bytes())) }
            }],
            "certificateAuthorities": [{
                "subject": { "organization": "tests", "commonName": "tests" },
                "uri": "https://authority.example",
                "certChain": { "certificates": [{ "rawBytes": certificate::authority(&self.authority).to_base64() }] },
                "validFor": since
            }],
            "ctlogs": [],
            "timestampAuthorities": []
        });
        TrustRoot::from_json(&serde_json::to_vec(&root).unwrap()).unwrap()
    }

    /// A bundle over a statement, signed with the key, as text.
    pub fn attest(&self, statement: &str) -> Vec<u8> {
        serde_json::to_vec(&self.attestation(statement)).unwrap()
    }

    /// A bundle over a statement, signed with the key.
    pub fn attestation(&self, statement: &str) -> Value {
        let verifier = self.key.public_key_der().unwrap().to_pem();
        self.bundle(statement, &verifier, json!({ "publicKey": { "hint": "test" } }))
    }

    /// A bundle over a statement, signed by the holder of a certificate with Fulcio's claims.
    pub fn certified(&self, statement: &str, holder: &Holder<'_>, claims: &[(u32, &str)]) -> Vec<u8> {
        let certificate = certificate::issued(&self.authority, &self.key, holder, claims);
        let material = json!({ "certificate": { "rawBytes": certificate.to_base64() } });
        serde_json::to_vec(&self.bundle(statement, &certificate.to_pem(), material)).unwrap()
    }

    /// A bundle over a message that a key outside this forge signed; `algorithm` and `digest` are the message's.
    pub fn logged(&self, message: &[u8], signature: &str, key: &str, algorithm: &str, digest: &[u8]) -> Vec<u8> {
        let body = json!({
            "apiVersion": "0.0.1",
            "kind": "hashedrekord",
            "spec": {
                "data": { "hash": { "algorithm": "sha256", "value": hex(&sha256(message)) } },
                "signature": { "content": signature, "publicKey": { "content": base64(key.as_bytes()) } }
            }
        });
        let mut entry = self.entry(&serde_json::to_vec(&body).unwrap());
        entry["kindVersion"]["kind"] = "hashedrekord".into();
        let bundle = json!({
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": { "publicKey": { "hint": "test" }, "tlogEntries": [entry] },
            "messageSignature": {
                "messageDigest": { "algorithm": algorithm, "digest": base64(digest) },
                "signature": signature
            }
        });
        serde_json::to_vec(&bundle).unwrap()
    }

    fn bundle(&self, statement: &str, verifier: &str, mut material: Value) -> Value {
        let signature = self.key.sign(&pae(PAYLOAD_TYPE, statement.as_bytes())).unwrap();
        let body = serde_json::to_vec(&json!({
            "apiVersion": "0.0.1",
            "kind": "dsse",
            "spec": {
                "envelopeHash": { "algorithm": "sha256", "value": "0".repeat(64) },
                "payloadHash": { "algorithm": "sha256", "value": hex(&sha256(statement.as_bytes())) },
                "signatures": [{ "signature": signature.to_base64(), "verifier": base64(verifier.as_bytes()) }]
            }
        }))
        .unwrap();
        material["tlogEntries"] = json!([self.entry(&body)]);
        json!({
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": material,
            "dsseEnvelope": {
                "payloadType": PAYLOAD_TYPE,
                "payload": base64(statement.as_bytes()),
                "signatures": [{ "sig": signature.to_base64() }]
            }
        })
    }

    /// The only entry of a log, where its leaf's hash (RFC 6962) is the root's.
    fn entry(&self, body: &[u8]) -> Value {
        let log = sha256(self.log.public_key_der().unwrap().as_bytes());
        let root = base64(&sha256(&[&[0], body].concat()));
        let note = format!("log.example\n1\n{root}\n");
        let mark = base64(&[&log[..4], self.log.sign(note.as_bytes()).unwrap().as_bytes()].concat());
        let promise = format!(
            r#"{{"body":"{}","integratedTime":{LOGGED_AT},"logID":"{}","logIndex":0}}"#,
            base64(body),
            hex(&log)
        );
        json!({
            "logIndex": "0",
            "logId": { "keyId": base64(&log) },
            "kindVersion": { "kind": "dsse", "version": "0.0.1" },
            "integratedTime": LOGGED_AT.to_string(),
            "inclusionPromise": { "signedEntryTimestamp": self.log.sign(promise.as_bytes()).unwrap().to_base64() },
            "inclusionProof": {
                "logIndex": "0", "rootHash": root, "treeSize": "1", "hashes": [],
                "checkpoint": { "envelope": format!("{note}\n\u{2014} log.example {mark}\n") }
            },
            "canonicalizedBody": base64(body)
        })
    }
}

/// A statement v1 about some bytes.
pub fn statement(artifact: &[u8], predicate_type: &str, predicate: &Value) -> String {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "name": "a", "digest": { "sha256": hex(&sha256(artifact)) } }],
        "predicateType": predicate_type,
        "predicate": predicate
    })
    .to_string()
}

pub fn base64(bytes: &[u8]) -> String {
    SignatureBytes::from_bytes(bytes).to_base64()
}
