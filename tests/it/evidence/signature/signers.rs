//! Who signed: identities, issuers, keys, and roots.

use std::fs;

use countersign::evidence::signature::{self, Artifact, Expected, Pattern, PublicKey, Signer, TrustRoot};
use countersign::model::report::Fault;
use rstest::rstest;
use serde_json::Value;
use sigstore_verify::crypto::sha384;

use super::conformance::BEACON;
use super::forge::{Forge, LOGGED_AT, statement};
use super::{GITHUB, sha256, signed_by};
use crate::support::corpus;

fn happy(expected: &Expected) -> Option<Result<signature::Verified, Fault>> {
    let suite = corpus("sigstore/sigstore-conformance")?;
    let bundle = fs::read(suite.join("happy-path-v0.3-new-mediaType/bundle.sigstore.json")).unwrap();
    let artifact = fs::read(suite.join("a.txt")).unwrap();
    Some(signature::verify(&bundle, Artifact::Bytes(&artifact), &TrustRoot::public_good().unwrap(), expected))
}

const REPOSITORY: &str = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon";

#[rstest]
#[case::the_exact_identity(BEACON.to_owned(), true)]
#[case::any_workflow_of_the_repository(format!("{REPOSITORY}/.github/workflows/*@refs/heads/main"), true)]
#[case::any_branch_without_a_slash(format!("{REPOSITORY}/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/*"), true)]
#[case::another_workflow(format!("{REPOSITORY}/.github/workflows/release.yml@refs/heads/main"), false)]
#[case::another_ref(format!("{REPOSITORY}/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/tags/main"), false)]
#[case::a_beginning_of_the_identity(REPOSITORY.to_owned(), false)]
#[case::another_case(BEACON.to_uppercase(), false)]
#[case::a_star_that_would_cross_a_slash(format!("{REPOSITORY}/*"), false)]
fn the_identity_must_be_the_policys(#[case] identity: String, #[case] accepted: bool) {
    let Some(outcome) = happy(&signed_by(&identity, GITHUB)) else { return };
    match outcome {
        Ok(verified) => assert!(accepted, "{verified:?}"),
        Err(refused) => {
            assert!(!accepted, "{refused}");
            assert_eq!(refused.reason.code(), "wrong_signer");
            assert!(refused.message.contains(BEACON) && refused.message.contains(&identity), "{refused}");
        }
    }
}

#[rstest]
#[case::another_issuer("https://accounts.google.com")]
#[case::a_longer_issuer("https://token.actions.githubusercontent.com/")]
#[case::a_shorter_issuer("https://token.actions.githubusercontent.co")]
#[case::a_star_is_no_wildcard_in_an_issuer("https://*")]
#[case::no_issuer("")]
fn the_issuer_must_be_the_policys_exactly(#[case] issuer: &str) {
    let Some(outcome) = happy(&signed_by(BEACON, issuer)) else { return };
    let refused = outcome.unwrap_err();
    assert_eq!(refused.reason.code(), "wrong_signer");
    assert!(refused.message.contains("vouched for by `https://token.actions.githubusercontent.com`"), "{refused}");
}

#[rstest]
#[case("release.yml@refs/tags/v*", "release.yml@refs/tags/v1.2.3", true)]
#[case("release.yml@refs/tags/v*", "release.yml@refs/tags/v", false)]
#[case("release.yml@refs/tags/v*", "release.yml@refs/tags/v1/2", false)]
#[case("release.yml@refs/tags/v*", "release.yml@refs/tags/v1@refs", false)]
#[case("release.yml@refs/tags/v*", "release.yml@refs/tags/v1 2", false)]
#[case("release.yml@refs/tags/v*", "release.yml@refs/tags/v1\n", false)]
#[case("*@acme.example", "ana@acme.example", true)]
#[case("*@acme.example", "ana@evil.example@acme.example", false)]
#[case("a*a", "a", false)]
#[case("a*a", "aba", true)]
fn a_star_stands_for_part_of_one_segment(#[case] pattern: &str, #[case] name: &str, #[case] matches: bool) {
    assert_eq!(Pattern::new(pattern).unwrap().matches(name), matches);
}

#[rstest]
#[case("", "empty")]
#[case("  ", "empty")]
#[case("*", "anybody")]
#[case("https://github.com/*/*", "more than one")]
#[case("https://*.example/login", "host")]
#[case("https://*", "host")]
#[case("*://github.com/o/r", "host")]
fn a_pattern_that_could_match_too_much_is_an_error(#[case] pattern: &str, #[case] says: &str) {
    let error = Pattern::new(pattern).unwrap_err();
    assert!(error.contains(says), "{error}");
}

#[test]
fn a_key_signs_a_statement_and_another_key_does_not() {
    let (forge, other) = (Forge::new(), Forge::new());
    let bundle = forge.attest(&statement(b"artifact", "https://example.org/anything", &Value::Null));
    let decide =
        |signer| signature::verify(&bundle, Artifact::Bytes(b"artifact"), &forge.root(), &Expected::signed_by(signer));
    let verified = decide(forge.signer()).unwrap();
    assert!(verified.identity.starts_with("key sha256:"), "{}", verified.identity);
    assert_eq!(verified.issuer, None);
    assert_eq!(verified.signed_at.unwrap().timestamp(), LOGGED_AT);
    assert_eq!(decide(other.signer()).unwrap_err().reason.code(), "signature_invalid");
    let keyless = decide(signed_by(BEACON, GITHUB).signer).unwrap_err();
    assert_eq!(keyless.reason.code(), "wrong_signer");
    assert!(keyless.message.starts_with("signed with a key"), "{keyless}");
}

// openssl ecparam -name secp384r1 -genkey; printf artifact | openssl dgst -sha384 -sign KEY
const P384: (&str, &str) = (
    "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAE6u769sZ3qcxq/tZsKcmacmrOKQzOQsx7MCfUs0fm9HK+uCL6uWVRO3OM1kmiOvNqKkGU/SW0gUmdVZF4kgbam3A7CkvcfH1DsYx3T6tnxKhk4v9TbXw+K7OxYVJzhvl0",
    "MGQCMEYZT1WLz3vyh7s/1bbcKtc74t+zH4asIaI9+K21HnEENX6icEqN0srGDmpsqM/UPgIwT1DjEMlEAV6033nXfJpVhG6GsxtUWg+IaxR0YtOIuzgQytTsSH4qDTO188XoVsHG",
);
// openssl genpkey -algorithm ed25519; printf artifact | openssl pkeyutl -sign -rawin -inkey KEY
const ED25519: (&str, &str) = (
    "MCowBQYDK2VwAyEApF2/plAFEDRTvo/Re36AIIvS/B2IM5btwvCdLDO8MXA=",
    "yEkz6OF1Smx0J7hYd+cK3WBf5+KwwE39P8EBBUhQ8iRiIeYr+3q6fLcbz2LjS7R4L9cjvCenpugYb/VWhstSCQ==",
);

/// These do not sign the SHA-256 of a message, so that its bytes must be there.
#[rstest]
#[case::p384(P384, "SHA2_384", sha384(b"artifact").as_bytes().to_vec())]
#[case::ed25519(ED25519, "SHA2_256", sha256(b"artifact").to_vec())]
fn keys_of_other_kinds_sign_messages(#[case] key: (&str, &str), #[case] algorithm: &str, #[case] digest: Vec<u8>) {
    let (spki, mark) = key;
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{spki}\n-----END PUBLIC KEY-----\n");
    let forge = Forge::new();
    let bundle = forge.logged(b"artifact", mark, &pem, algorithm, &digest);
    let expected = Expected::signed_by(Signer::Key(PublicKey::from_pem(pem.as_bytes()).unwrap()));
    let decide = |artifact| signature::verify(&bundle, artifact, &forge.root(), &expected);
    assert!(decide(Artifact::Bytes(b"artifact")).is_ok(), "{:?}", decide(Artifact::Bytes(b"artifact")));
    assert_eq!(decide(Artifact::Bytes(b"another")).unwrap_err().reason.code(), "signature_invalid");
    let refused = decide(Artifact::Sha256(sha256(b"artifact"))).unwrap_err();
    assert_eq!(refused.reason.code(), "signature_invalid");
    assert!(refused.message.contains("give the file itself"), "{refused}");
}

#[test]
fn a_certificate_does_not_stand_in_for_a_key() {
    let Some(outcome) = happy(&Expected::signed_by(Forge::new().signer())) else { return };
    let refused = outcome.unwrap_err();
    assert_eq!(refused.reason.code(), "wrong_signer");
    assert!(refused.message.starts_with("signed with a certificate"), "{refused}");
}

#[test]
fn t64_a_log_that_the_root_does_not_name_proves_nothing() {
    let (forge, other) = (Forge::new(), Forge::new());
    let bundle = forge.attest(&statement(b"artifact", "https://example.org/anything", &Value::Null));
    let expected = Expected::signed_by(forge.signer());
    for root in [other.root(), TrustRoot::public_good().unwrap()] {
        let refused = signature::verify(&bundle, Artifact::Bytes(b"artifact"), &root, &expected).unwrap_err();
        assert_eq!(refused.reason.code(), "signature_invalid", "{refused}");
    }
}

/// cosign signed this one with `--tlog-upload=false`: nothing shows when, or that it can be found.
#[test]
fn a_keys_bundle_without_a_log_entry_is_refused() {
    let Some(folder) = corpus("sigstore") else { return };
    let bundle = fs::read(folder.join("generated__cosign-3.1.1__keyed-bundle.json")).unwrap();
    let key = fs::read(folder.join("generated__cosign-3.1.1__keyed-bundle.pub")).unwrap();
    let [subject] = signature::subjects(&bundle).unwrap().try_into().unwrap();
    let digest = super::digest(&subject.sha256.unwrap());
    let expected = Expected::signed_by(Signer::Key(PublicKey::from_pem(&key).unwrap()));
    let root = TrustRoot::public_good().unwrap();
    let refused = signature::verify(&bundle, Artifact::Sha256(digest), &root, &expected).unwrap_err();
    assert_eq!(refused.reason.code(), "signature_invalid");
    assert!(refused.message.contains("log switched on"), "{refused}");
}

/// GitHub's own instance, for private repositories, has no log: its bundles carry timestamps.
#[test]
fn a_root_without_logs_asks_for_a_timestamp_instead() {
    let Some(suite) = corpus("sigstore/sigstore-conformance") else { return };
    let case = suite.join("rekor2-happy-path");
    let read = |name: &str| -> Value { serde_json::from_slice(&fs::read(case.join(name)).unwrap()).unwrap() };
    let (mut root, mut bundle) = (read("trusted_root.json"), read("bundle.sigstore.json"));
    let artifact = fs::read(suite.join("a.txt")).unwrap();
    let decide = |root: &Value, bundle: &Value| {
        let root = TrustRoot::from_json(&serde_json::to_vec(root).unwrap()).unwrap();
        let bundle = serde_json::to_vec(bundle).unwrap();
        signature::verify(&bundle, Artifact::Bytes(&artifact), &root, &signed_by(BEACON, GITHUB))
    };
    bundle["verificationMaterial"]["tlogEntries"] = Value::Array(Vec::new());
    assert_eq!(decide(&root, &bundle).unwrap_err().reason.code(), "signature_invalid");
    root["tlogs"] = Value::Array(Vec::new());
    root["ctlogs"] = Value::Array(Vec::new());
    assert!(decide(&root, &bundle).is_ok());
    bundle["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"] = Value::Array(Vec::new());
    assert_eq!(decide(&root, &bundle).unwrap_err().reason.code(), "signature_invalid");
}

#[rstest]
#[case::nothing(b"".as_slice())]
#[case::not_json(b"-----BEGIN CERTIFICATE-----")]
#[case::another_document(br#"{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}"#)]
#[case::nothing_to_trust(br#"{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1","tlogs":[],"certificateAuthorities":[],"ctlogs":[],"timestampAuthorities":[]}"#)]
#[case::two_of_them(b"{}\n{}")]
#[case::a_key_twice(br#"{"tlogs":[],"tlogs":[]}"#)]
fn a_root_that_cannot_be_used_is_an_error(#[case] root: &[u8]) {
    let Err(fault) = TrustRoot::from_json(root) else { panic!("the root was taken") };
    assert_eq!(fault.reason.code(), "malformed");
    assert!(fault.message.contains("cosign trusted-root create"), "{fault}");
}

#[rstest]
#[case::nothing(b"".as_slice())]
#[case::a_certificate(b"-----BEGIN CERTIFICATE-----\nYWJjZA==\n-----END CERTIFICATE-----")]
#[case::no_key(b"-----BEGIN PUBLIC KEY-----\nYWJjZA==\n-----END PUBLIC KEY-----")]
#[case::no_text(b"\xff\xfe")]
fn a_key_that_cannot_be_used_is_an_error(#[case] pem: &[u8]) {
    assert_eq!(PublicKey::from_pem(pem).unwrap_err().reason.code(), "malformed");
}
