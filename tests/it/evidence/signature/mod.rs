//! Sigstore bundles, in-toto statements and SLSA provenance.

mod bundles;
mod certificate;
mod claims;
mod conformance;
mod cosign;
mod forge;
mod hostile;
mod provenance;
mod signers;
mod vectors;

use countersign::evidence::signature::{Expected, Pattern, Signer};
use sigstore_verify::types::{DigestBytes, Sha256Hash};

pub const GITHUB: &str = "https://token.actions.githubusercontent.com";

pub fn signed_by(identity: &str, issuer: &str) -> Expected {
    let identity = Pattern::new(identity).expect("a sound pattern");
    Expected::signed_by(Signer::Identity { identity, issuer: issuer.to_owned() })
}

pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).into()
}

pub fn hex(bytes: &[u8]) -> String {
    DigestBytes::new(bytes.to_vec()).to_hex()
}

pub fn digest(hex: &str) -> [u8; 32] {
    *Sha256Hash::from_hex(hex).unwrap().as_bytes()
}
