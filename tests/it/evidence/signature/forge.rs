//! A key and a transparency log of the tests' own, so that any statement can be
//! signed and logged: what the log proves is real, only nobody else trusts it.

use countersign::evidence::signature::{PublicKey, Signer, TrustRoot};
use serde_json::{Value, json};
use sigstore_verify::crypto::KeyPair;
use sigstore_verify::types::{SignatureBytes, pae};

use super::{hex, sha256};

const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

pub struct Forge {
    key: KeyPair,
    log: KeyPair,
}

impl Forge {
    pub fn new() -> Self {
        Self { key: KeyPair::generate_ecdsa_p256().unwrap(), log: KeyPair::generate_ecdsa_p256().unwrap() }
    }

    pub fn signer(&self) -> Signer {
        Signer::Key(PublicKey::from_pem(self.key.public_key_der().unwrap().to_pem().as_bytes()).unwrap())
    }

    /// A root that trusts this log and nothing else.
    pub fn root(&self) -> TrustRoot {
        TrustRoot::from_json(&serde_json::to_vec(&self.root_json()).unwrap()).unwrap()
    }

    pub fn root_json(&self) -> Value {
        let key = self.log.public_key_der().unwrap();
        json!({
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [{
                "baseUrl": "https://log.example",
                "hashAlgorithm": "SHA2_256",
                "publicKey": {
                    "rawBytes": key.to_base64(),
                    "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                    "validFor": { "start": "2021-01-01T00:00:00Z" }
                },
                "logId": { "keyId": base64(&sha256(key.as_bytes())) }
            }],
            "certificateAuthorities": [],
            "ctlogs": [],
            "timestampAuthorities": []
        })
    }

    /// A bundle v0.3 over a statement, as text.
    pub fn attest(&self, statement: &str) -> Vec<u8> {
        serde_json::to_vec(&self.attestation(statement)).unwrap()
    }

    pub fn attestation(&self, statement: &str) -> Value {
        let signature = self.key.sign(&pae(PAYLOAD_TYPE, statement.as_bytes())).unwrap();
        let verifier = self.key.public_key_der().unwrap().to_pem();
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
        // In a log of one entry the leaf's hash (RFC 6962) is the root's.
        let root = base64(&sha256(&[&[0], body.as_slice()].concat()));
        let log = self.log.public_key_der().unwrap();
        let note = format!("log.example\n1\n{root}\n");
        let mark = self.log.sign(note.as_bytes()).unwrap();
        let signed = base64(&[&sha256(log.as_bytes())[..4], mark.as_bytes()].concat());
        json!({
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {
                "publicKey": { "hint": "test" },
                "tlogEntries": [{
                    "logIndex": "0",
                    "logId": { "keyId": base64(&sha256(log.as_bytes())) },
                    "kindVersion": { "kind": "dsse", "version": "0.0.1" },
                    "integratedTime": "0",
                    "inclusionProof": {
                        "logIndex": "0", "rootHash": root, "treeSize": "1", "hashes": [],
                        "checkpoint": { "envelope": format!("{note}\n\u{2014} log.example {signed}\n") }
                    },
                    "canonicalizedBody": base64(&body)
                }]
            },
            "dsseEnvelope": {
                "payloadType": PAYLOAD_TYPE,
                "payload": base64(statement.as_bytes()),
                "signatures": [{ "sig": signature.to_base64() }]
            }
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
