//! cosign as the oracle: on every conformance case, and on damaged bundles, it answers as we do.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use countersign::evidence::signature::{self, Artifact, Expected, PublicKey, Signer, TrustRoot};
use serde_json::Value;
use sigstore_verify::types::PayloadBytes;

use super::conformance::{BEACON, artifact, cases, name, setting};
use super::{GITHUB, signed_by};
use crate::support::corpus;

fn cosign() -> bool {
    let there = Command::new("cosign").arg("version").output().is_ok_and(|output| output.status.success());
    if !there {
        assert!(std::env::var_os("TEST_COSIGN").is_none(), "cosign is not on the PATH");
        eprintln!("skipped: cosign is not on the PATH (Debian's package `cosign`, 3.1.1)");
    }
    there
}

struct Question {
    bundle: PathBuf,
    artifact: PathBuf,
    root: PathBuf,
    identity: String,
    issuer: String,
    key: Option<PathBuf>,
}

impl Question {
    fn of(case: &Path) -> Self {
        let own = case.join("trusted_root.json");
        let key = case.join("key.pub");
        Self {
            bundle: case.join("bundle.sigstore.json"),
            artifact: artifact(case),
            root: if own.exists() { own } else { case.join("../../public-good-trusted_root.json") },
            identity: setting(case, "identity").unwrap_or_else(|| BEACON.to_owned()),
            issuer: setting(case, "issuer").unwrap_or_else(|| GITHUB.to_owned()),
            key: key.exists().then_some(key),
        }
    }

    fn ours(&self) -> bool {
        let answer = || {
            let root = TrustRoot::from_json(&fs::read(&self.root).unwrap())?;
            let expected = match &self.key {
                Some(key) => Expected::signed_by(Signer::Key(PublicKey::from_pem(&fs::read(key).unwrap())?)),
                None => signed_by(&self.identity, &self.issuer),
            };
            let artifact = fs::read(&self.artifact).unwrap();
            signature::verify(&fs::read(&self.bundle).unwrap(), Artifact::Bytes(&artifact), &root, &expected)
        };
        answer().is_ok()
    }

    fn cosigns(&self) -> bool {
        let text = fs::read_to_string(&self.bundle).unwrap();
        let bundle: Value = serde_json::from_str(&text).unwrap_or_default();
        let mut cosign = Command::new("cosign");
        match bundle.pointer("/dsseEnvelope/payload").and_then(Value::as_str) {
            Some(payload) => {
                let payload = PayloadBytes::from_base64(payload).map(PayloadBytes::into_bytes).unwrap_or_default();
                let statement: Value = serde_json::from_slice(&payload).unwrap_or_default();
                let kind = statement.get("predicateType").and_then(Value::as_str).unwrap_or("custom").to_owned();
                cosign.args(["verify-blob-attestation", "--type", &kind]);
            }
            None => {
                cosign.arg("verify-blob");
            }
        }
        if text.contains("rfc3161Timestamps") && text.contains("signedTimestamp") {
            cosign.arg("--use-signed-timestamps");
        }
        match &self.key {
            Some(key) => cosign.arg("--key").arg(key),
            None => cosign.args(["--certificate-identity", &self.identity, "--certificate-oidc-issuer", &self.issuer]),
        };
        cosign.arg("--bundle").arg(&self.bundle).arg("--trusted-root").arg(&self.root).arg(&self.artifact);
        let home = tempfile::tempdir().unwrap();
        cosign.env("HOME", home.path()).output().unwrap().status.success()
    }
}

#[test]
fn cosign_decides_every_conformance_case_as_we_do() {
    let Some(cases) = cases() else { return };
    if !cosign() {
        return;
    }
    let apart: Vec<_> = cases
        .iter()
        .map(|case| (name(case), Question::of(case)))
        .filter(|(_, question)| question.ours() != question.cosigns())
        .map(|(name, _)| name)
        .collect();
    assert!(apart.is_empty(), "cosign and we differ on {apart:?}");
}

/// Whatever one digit of a bundle is changed to, we never accept what cosign refuses.
#[test]
fn what_cosign_refuses_of_damaged_bundles_we_refuse() {
    let Some(suite) = corpus("sigstore/sigstore-conformance") else { return };
    if !cosign() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for case in ["happy-path-v0.3-new-mediaType", "rekor2-dsse-happy-path", "intoto-with-custom-trust-root"] {
        let mut question = Question::of(&suite.join(case));
        let whole = fs::read(&question.bundle).unwrap();
        question.bundle = folder.path().join("bundle.json");
        for step in 1..=16 {
            let mut damaged = whole.clone();
            let from = damaged.len() * step / 17;
            let at = from + damaged[from..].iter().position(u8::is_ascii_alphanumeric).unwrap();
            damaged[at] = if damaged[at] == b'7' { b'8' } else { b'7' };
            fs::write(&question.bundle, &damaged).unwrap();
            assert!(!question.ours() || question.cosigns(), "{case}: byte {at} made `7` or `8`");
        }
    }
}
