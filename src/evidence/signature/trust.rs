//! Whom to trust, and the cryptography: the one place that calls the verifier.
//!
//! The public-good root is the one that `sigstore-trust-root` embeds, so it is as
//! fresh as that crate. To refresh it, raise the crate's version; between
//! releases, or for another Sigstore instance, supply a root: `cosign
//! trusted-root create` or `gh attestation trusted-root` writes one.

use chrono::{DateTime, Utc};
use sigstore_trust_root::{SIGSTORE_PRODUCTION_TRUSTED_ROOT, TrustedRoot};
use sigstore_verify::crypto::{CertificateInfo, VerificationKey, sha256};
use sigstore_verify::types::bundle::VerificationMaterialContent;
use sigstore_verify::types::{Artifact as Given, ArtifactDigest, DerPublicKey, HashAlgorithm, SignatureContent};
use sigstore_verify::{
    CertificateError, Error, Policy, PublicKeyVerificationPolicy, TransparencyLogError, VerificationPolicy,
    VerificationResult, Verifier,
};

use super::bundle::{self, Found, Presented};
use super::{Signer, refusal};
use crate::model::notable::shortened;
use crate::model::report::{Fault, Place};
use crate::model::verdict::Reason;

/// The authorities, logs and timestamp services that are trusted. Made once, used for every bundle.
pub struct TrustRoot {
    verifier: Verifier,
    logged: bool,
    certificates_logged: bool,
}

/// A public key that a policy supplies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey(DerPublicKey);

impl PublicKey {
    /// Reads a PEM file with a `PUBLIC KEY` block (SPKI): ECDSA, Ed25519 or RSA.
    pub fn from_pem(pem: &[u8]) -> Result<Self, Fault> {
        let text = std::str::from_utf8(pem).map_err(|_| key_fault())?;
        let key = DerPublicKey::from_pem(text).map_err(|_| key_fault())?;
        VerificationKey::from_spki(&key).map_err(|_| key_fault())?;
        Ok(Self(key))
    }

    /// What the key is called where a signer is named.
    pub(super) fn name(&self) -> String {
        format!("key sha256:{}", sha256(self.0.as_bytes()).to_hex())
    }
}

fn key_fault() -> Fault {
    Fault::malformed(Place::Whole, "expected a public key in PEM at the gate's `key`, as `cosign public-key` writes it")
}

/// What the cryptography proves.
pub(super) struct Proven {
    pub(super) identity: Option<String>,
    pub(super) issuer: Option<String>,
    pub(super) certificate: Option<CertificateInfo>,
    pub(super) signed_at: Option<DateTime<Utc>>,
}

impl TrustRoot {
    /// The root of Sigstore's public-good instance, as embedded in this program.
    pub fn public_good() -> Result<Self, Fault> {
        Self::from_json(SIGSTORE_PRODUCTION_TRUSTED_ROOT.as_bytes())
    }

    /// A root that is supplied: one `trustedroot+json` document.
    ///
    /// A root without transparency logs is one of a trust domain that has none,
    /// such as GitHub's for private repositories: then bundles need a timestamp
    /// instead of a log entry. A root without certificate logs likewise asks for
    /// no certificate timestamps.
    pub fn from_json(root: &[u8]) -> Result<Self, Fault> {
        let malformed = |detail: &str| {
            let detail = shortened(detail, 300);
            Fault::malformed(
                Place::Whole,
                format!(
                    "the trusted root cannot be used: {detail}; write one with `cosign trusted-root create`, a single JSON document"
                ),
            )
        };
        bundle::check_json(root).map_err(|fault| malformed(&fault.to_string()))?;
        let text = std::str::from_utf8(root).map_err(|error| malformed(&error.to_string()))?;
        let root = TrustedRoot::from_json(text).map_err(|error| malformed(&error.to_string()))?;
        if root.tlogs.is_empty() && root.timestamp_authorities.is_empty() {
            return Err(malformed(
                "it names neither a transparency log nor a timestamp authority, so no time of signing could be proven",
            ));
        }
        let verifier = Verifier::new(&root).map_err(|error| malformed(&error.to_string()))?;
        Ok(Self { verifier, logged: !root.tlogs.is_empty(), certificates_logged: !root.ctlogs.is_empty() })
    }

    /// Verifies a bundle for an artifact, whoever signed it; of keys, only the policy's.
    pub(super) fn verify(&self, found: &Found, artifact: &Presented<'_>, signer: &Signer) -> Result<Proven, Fault> {
        let by_key = matches!(found.bundle.verification_material.content, VerificationMaterialContent::PublicKey(_));
        let policy: Box<dyn Policy> = match signer {
            Signer::Identity { identity, .. } if by_key => {
                return Err(refusal(
                    Reason::WrongSigner,
                    format!(
                        "signed with a key, where the policy names the identity `{identity}`; sign without a key, or state the key in the policy"
                    ),
                ));
            }
            Signer::Key(_) if !by_key => {
                return Err(refusal(
                    Reason::WrongSigner,
                    "signed with a certificate, where the policy states a key; sign with that key, or name the signer's identity and issuer in the policy",
                ));
            }
            Signer::Identity { .. } => Box::new(self.keyless()),
            Signer::Key(key) => Box::new(self.keyed(key)),
        };
        self.checked(found, artifact, policy.as_ref()).map(|result| Proven::from(&result)).map_err(|error| {
            match (&error, &found.statement) {
                (Error::ArtifactMismatch(_), Some(statement)) => statement.other_subject(artifact),
                _ => refused(&error),
            }
        })
    }

    fn keyless(&self) -> VerificationPolicy {
        let policy = VerificationPolicy::any_identity();
        let policy = if self.certificates_logged { policy } else { policy.skip_sct() };
        if self.logged { policy } else { policy.skip_tlog_unsafe() }
    }

    fn keyed(&self, key: &PublicKey) -> PublicKeyVerificationPolicy {
        let policy = PublicKeyVerificationPolicy::new(key.0.clone());
        if self.logged { policy } else { policy.skip_tlog_unsafe() }
    }

    /// The artifact's digest is handed over rather than its bytes, so that a file
    /// of many bundles does not hash it again and again.
    fn checked(
        &self,
        found: &Found,
        artifact: &Presented<'_>,
        policy: &dyn Policy,
    ) -> Result<VerificationResult, Error> {
        let sha512 = match &found.statement {
            Some(statement) if statement.by_sha512(artifact) => artifact.sha512(),
            _ => None,
        };
        let digest = match sha512 {
            Some(digest) => ArtifactDigest::new(HashAlgorithm::Sha2512, digest.as_bytes().to_vec())?,
            None => ArtifactDigest::sha256(artifact.sha256),
        };
        match self.verifier.verify(Given::Digest(digest), &found.bundle, policy) {
            // A scheme that does not sign a SHA-256.
            Err(Error::UnsupportedArtifact(detail)) => match artifact.bytes {
                Some(bytes) if matches!(found.bundle.content, SignatureContent::MessageSignature(_)) => {
                    self.verifier.verify(Given::Blob(bytes), &found.bundle, policy)
                }
                _ => Err(Error::UnsupportedArtifact(detail)),
            },
            outcome => outcome,
        }
    }
}

impl From<&VerificationResult> for Proven {
    fn from(result: &VerificationResult) -> Self {
        let earliest = result.verified_timestamps().iter().min();
        Self {
            identity: result.identity().map(|identity| identity.as_str().to_owned()),
            issuer: result.issuer().map(str::to_owned),
            certificate: result.certificate().cloned(),
            signed_at: earliest.and_then(|at| DateTime::from_timestamp(at.as_second(), 0)),
        }
    }
}

/// Why a bundle was refused, for a person. Only what breaks the format is
/// malformed; whatever the proofs do not bear out is an invalid signature.
fn refused(error: &Error) -> Fault {
    // The outer error's own words only repeat what the sentences here say.
    let detail = match error {
        Error::Bundle(error) => error.to_string(),
        Error::Crypto(error) => error.to_string(),
        error => error.to_string(),
    };
    let detail = shortened(&detail, 300);
    let invalid = |message: &str| refusal(Reason::SignatureInvalid, message);
    let told =
        |message: &str, advice: &str| refusal(Reason::SignatureInvalid, format!("{message}: {detail}; {advice}"));
    match error {
        Error::ArtifactMismatch(_) => {
            invalid("the signature is over another file; sign this very file, or give the bundle that belongs to it")
        }
        Error::SignatureInvalid(_) => {
            told("the signature does not match", "the file, the bundle or the key is another one, or was altered")
        }
        Error::UnsupportedArtifact(_) => {
            told("the signature cannot be checked from the digest alone", "give the file itself")
        }
        // The library tells these two apart only in its own debugging words.
        Error::Certificate(CertificateError::ChainInvalid(_) | CertificateError::NoValidAuthority { .. }) => invalid(
            "the signing certificate is not from the trusted root, or was not valid when the signature was made; sign again, or state the root of the Sigstore instance that signed",
        ),
        Error::Certificate(_) => told("the signing certificate is not valid", "sign again"),
        Error::TransparencyLog(TransparencyLogError::UnknownLog { .. }) => told(
            "the log entry is not from a log that the trusted root names",
            "state the root of the Sigstore instance that signed",
        ),
        Error::TransparencyLog(_) => told("the transparency log does not vouch for this signature", "sign again"),
        Error::Timestamp(_) => told("the time of signing is not proven", "sign again"),
        Error::Bundle(_) => told(
            "the bundle does not carry the proofs that its version must",
            "sign again with a current tool, and with its transparency log switched on",
        ),
        Error::Crypto(_) => told("the signature cannot be checked", "sign again"),
        _ => Fault::malformed(
            Place::Whole,
            format!("the bundle cannot be read: {detail}; sign again with a current tool"),
        ),
    }
}
