//! The cases of sigstore-conformance, each decided as its folder's name says.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use countersign::evidence::signature::{self, Artifact, Expected, PublicKey, Signer, TrustRoot, Verified};
use countersign::model::report::Fault;

use super::{GITHUB, sha256, signed_by};
use crate::support::corpus;

pub const BEACON: &str = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main";

/// The suite's cases, one folder each.
pub fn cases() -> Option<Vec<PathBuf>> {
    let suite = corpus("sigstore/sigstore-conformance")?;
    let entries = fs::read_dir(suite).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<_> = entries.filter(|path| path.is_dir()).collect();
    cases.sort();
    Some(cases)
}

pub fn name(case: &Path) -> String {
    case.file_name().unwrap().to_string_lossy().into_owned()
}

/// What a case states in a file of its own, if it does.
pub fn setting(case: &Path, name: &str) -> Option<String> {
    fs::read_to_string(case.join(name)).ok().map(|text| text.trim().to_owned())
}

pub fn artifact(case: &Path) -> PathBuf {
    let own = case.join("artifact");
    if own.exists() { own } else { case.join("../a.txt") }
}

/// Decides a case as the suite's README says: what its folder does not hold has a default.
fn decide(case: &Path, by_digest: bool) -> Result<Verified, Fault> {
    let root = match fs::read(case.join("trusted_root.json")) {
        Ok(root) => TrustRoot::from_json(&root)?,
        Err(_) => TrustRoot::public_good().unwrap(),
    };
    let expected = match fs::read(case.join("key.pub")) {
        Ok(key) => Expected::signed_by(Signer::Key(PublicKey::from_pem(&key)?)),
        Err(_) => signed_by(
            setting(case, "identity").as_deref().unwrap_or(BEACON),
            setting(case, "issuer").as_deref().unwrap_or(GITHUB),
        ),
    };
    let artifact = fs::read(artifact(case)).unwrap();
    let artifact = if by_digest { Artifact::Sha256(sha256(&artifact)) } else { Artifact::Bytes(&artifact) };
    signature::verify(&fs::read(case.join("bundle.sigstore.json")).unwrap(), artifact, &root, &expected)
}

#[test]
fn t64_every_conformance_case_is_decided_as_its_name_says() {
    let Some(cases) = cases() else { return };
    let mut table = String::new();
    for case in &cases {
        let name = name(case);
        let outcome = decide(case, false);
        assert_eq!(outcome.is_err(), name.ends_with("_fail"), "{name}: {outcome:?}");
        let word = outcome.as_ref().map_or_else(|fault| fault.reason.code(), |_| "verified");
        writeln!(table, "{name}: {word}").unwrap();
    }
    insta::assert_snapshot!("conformance", table);
}

#[test]
fn t64_a_digest_in_the_artifacts_place_is_decided_alike() {
    let Some(cases) = cases() else { return };
    for case in &cases {
        let word = |outcome: Result<Verified, Fault>| outcome.map_err(|fault| fault.reason);
        assert_eq!(word(decide(case, true)), word(decide(case, false)), "{}", name(case));
    }
}

#[test]
fn the_signing_time_is_the_proven_one() {
    let Some(suite) = corpus("sigstore/sigstore-conformance") else { return };
    // jq -r '.verificationMaterial.tlogEntries[0].integratedTime' happy-path-v0.3-new-mediaType/bundle.sigstore.json
    let verified = decide(&suite.join("happy-path-v0.3-new-mediaType"), false).unwrap();
    assert_eq!(verified.signed_at.unwrap().timestamp(), 1_710_869_186);
    assert_eq!(verified.identity, BEACON);
    assert_eq!(verified.issuer.as_deref(), Some(GITHUB));
    assert_eq!(verified.predicate_type, None);
    assert!(verified.subjects.is_empty());
}

/// The suite's file breaks its lines, so that base64 alone refuses it; without
/// the breaks the time itself must.
#[test]
fn t64_a_timestamp_outside_the_certificates_life_is_refused() {
    let Some(suite) = corpus("sigstore/sigstore-conformance") else { return };
    let case = suite.join("rekor2-timestamp-with-incorrect-time_fail");
    let mut bundle: serde_json::Value =
        serde_json::from_slice(&fs::read(case.join("bundle.sigstore.json")).unwrap()).unwrap();
    let stamp = bundle
        .pointer_mut("/verificationMaterial/timestampVerificationData/rfc3161Timestamps/0/signedTimestamp")
        .unwrap();
    *stamp = stamp.as_str().unwrap().replace('\n', "").into();
    let root = TrustRoot::from_json(&fs::read(case.join("trusted_root.json")).unwrap()).unwrap();
    let refused = signature::verify(
        &serde_json::to_vec(&bundle).unwrap(),
        Artifact::Bytes(&fs::read(suite.join("a.txt")).unwrap()),
        &root,
        &signed_by(BEACON, GITHUB),
    )
    .unwrap_err();
    assert_eq!(refused.reason.code(), "signature_invalid");
    assert!(refused.message.contains("was not valid when the signature was made"), "{refused}");
}
