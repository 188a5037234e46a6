//! Sigstore bundles, in-toto statements and SLSA provenance.

mod bundles;
mod conformance;
mod cosign;
mod forge;
mod hostile;
mod provenance;
mod signers;

use countersign::evidence::signature::{Expected, Pattern, Signer};

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
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn digest(hex: &str) -> [u8; 32] {
    let bytes: Vec<u8> = (0..32).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect();
    bytes.try_into().unwrap()
}
