//! Bundles made to mislead, to break or to exhaust.

use std::fs;

use countersign::evidence::signature::{self, Artifact, BUNDLE_LIMIT, Expected, SIZE_LIMIT, SUBJECT_LIMIT, TrustRoot};
use countersign::model::report::Fault;
use countersign::model::verdict::Reason;
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use super::conformance::BEACON;
use super::forge::{Forge, base64, statement};
use super::{GITHUB, hex, sha256, signed_by};
use crate::support::corpus;

fn decide(file: &[u8]) -> Fault {
    let root = TrustRoot::public_good().unwrap();
    signature::verify(file, Artifact::Bytes(b"artifact"), &root, &signed_by(BEACON, GITHUB)).unwrap_err()
}

#[rstest]
#[case::nothing(Vec::new(), Reason::Malformed)]
#[case::white_space(b" \n".to_vec(), Reason::Malformed)]
#[case::an_empty_object(b"{}".to_vec(), Reason::Malformed)]
#[case::an_empty_list(b"[]".to_vec(), Reason::EmptyReport)]
#[case::no_attestations(br#"{"attestations":[]}"#.to_vec(), Reason::EmptyReport)]
#[case::an_unknown_version(br#"{"mediaType":"application/vnd.dev.sigstore.bundle.v0.9+json"}"#.to_vec(), Reason::Malformed)]
#[case::another_type(br#"{"mediaType":"application/json","verificationMaterial":{},"messageSignature":{}}"#.to_vec(), Reason::Malformed)]
#[case::a_key_twice(br#"{"mediaType":"x","mediaType":"y"}"#.to_vec(), Reason::Malformed)]
#[case::a_key_twice_by_an_escape(br#"{"mediaType":"x","media\u0054ype":"y"}"#.to_vec(), Reason::Malformed)]
#[case::a_key_twice_far_inside(br#"[{"a":[{"b":1,"c":{},"b":2}]}]"#.to_vec(), Reason::Malformed)]
#[case::no_utf8(b"{\"mediaType\":\"\xff\"}".to_vec(), Reason::Malformed)]
#[case::nested_too_deeply([b"[".repeat(1_000_000), b"]".repeat(1_000_000)].concat(), Reason::BeyondLimit)]
#[case::nested_objects(b"{\"a\":".repeat(1_000_000), Reason::BeyondLimit)]
#[case::too_many_values([b"[0".to_vec(), b",0".repeat(2_000_000), b"]".to_vec()].concat(), Reason::BeyondLimit)]
#[case::too_many_objects([b"[{}".to_vec(), b",{}".repeat(100_000), b"]".to_vec()].concat(), Reason::BeyondLimit)]
#[case::too_many_bundles(b"{}".repeat(BUNDLE_LIMIT + 1), Reason::BeyondLimit)]
#[case::too_large(b" ".repeat(SIZE_LIMIT + 1), Reason::BeyondLimit)]
fn t64_what_is_no_bundle_is_refused(#[case] file: Vec<u8>, #[case] reason: Reason) {
    let fault = decide(&file);
    assert_eq!(fault.reason, reason, "{fault}");
    assert!(fault.message.len() < 1_000, "{fault}");
}

#[test]
fn t64_a_truncated_bundle_is_refused_wherever_it_ends() {
    let forge = Forge::new();
    let (root, expected) = (forge.root(), Expected::signed_by(forge.signer()));
    let whole = forge.attest(&statement(b"artifact", "https://example.org/anything", &json!({"a": [1, "b", {}]})));
    assert!(signature::verify(&whole, Artifact::Bytes(b"artifact"), &root, &expected).is_ok());
    for end in 0..whole.len() {
        let fault = signature::verify(&whole[..end], Artifact::Bytes(b"artifact"), &root, &expected).unwrap_err();
        assert_eq!(fault.reason, Reason::Malformed, "cut at {end}");
    }
}

#[test]
fn t64_a_tampered_artifact_is_refused() {
    let Some(suite) = corpus("sigstore/sigstore-conformance") else { return };
    let root = TrustRoot::public_good().unwrap();
    let mut artifact = fs::read(suite.join("a.txt")).unwrap();
    let bundle = fs::read(suite.join("happy-path-v0.2/bundle.sigstore.json")).unwrap();
    for at in 0..artifact.len() {
        artifact[at] ^= 1;
        let fault =
            signature::verify(&bundle, Artifact::Bytes(&artifact), &root, &signed_by(BEACON, GITHUB)).unwrap_err();
        assert_eq!(fault.reason, Reason::SignatureInvalid);
        artifact[at] ^= 1;
    }
}

type Tamper = fn(&mut Value);

fn at<'v>(bundle: &'v mut Value, pointer: &str) -> &'v mut Value {
    bundle.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer}"))
}

const ENTRY: &str = "/verificationMaterial/tlogEntries/0";

fn swap_subject(bundle: &mut Value) {
    *at(bundle, "/dsseEnvelope/payload") =
        base64(statement(b"evil", "https://example.org/anything", &Value::Null).as_bytes()).into();
}

#[rstest]
#[case::the_truth(|_: &mut Value| {}, None)]
#[case::a_swapped_subject(swap_subject, Some(Reason::SignatureInvalid))]
#[case::another_payload_type(|b: &mut Value| *at(b, "/dsseEnvelope/payloadType") = "application/json".into(), Some(Reason::Malformed))]
#[case::no_signature(|b: &mut Value| *at(b, "/dsseEnvelope/signatures") = json!([]), Some(Reason::Malformed))]
#[case::two_signatures(|b: &mut Value| { let one = at(b, "/dsseEnvelope/signatures/0").clone(); *at(b, "/dsseEnvelope/signatures") = json!([one, one]); }, Some(Reason::Malformed))]
#[case::ten_thousand_signatures(|b: &mut Value| { let one = at(b, "/dsseEnvelope/signatures/0").clone(); *at(b, "/dsseEnvelope/signatures") = vec![one; 10_000].into(); }, Some(Reason::Malformed))]
#[case::no_entry(|b: &mut Value| *at(b, "/verificationMaterial/tlogEntries") = json!([]), Some(Reason::SignatureInvalid))]
#[case::no_proof(|b: &mut Value| *at(b, &format!("{ENTRY}/inclusionProof")) = Value::Null, Some(Reason::SignatureInvalid))]
#[case::an_empty_entry_body(|b: &mut Value| *at(b, &format!("{ENTRY}/canonicalizedBody")) = "".into(), Some(Reason::SignatureInvalid))]
#[case::an_index_below_zero(|b: &mut Value| *at(b, &format!("{ENTRY}/inclusionProof/logIndex")) = "-1".into(), Some(Reason::Malformed))]
#[case::an_index_beyond_the_tree(|b: &mut Value| *at(b, &format!("{ENTRY}/inclusionProof/logIndex")) = "1".into(), Some(Reason::SignatureInvalid))]
#[case::a_tree_of_no_entries(|b: &mut Value| *at(b, &format!("{ENTRY}/inclusionProof/treeSize")) = "0".into(), Some(Reason::SignatureInvalid))]
#[case::no_checkpoint(|b: &mut Value| *at(b, &format!("{ENTRY}/inclusionProof/checkpoint/envelope")) = "".into(), Some(Reason::SignatureInvalid))]
#[case::an_unknown_kind_of_entry(|b: &mut Value| *at(b, &format!("{ENTRY}/kindVersion/version")) = "9.9.9".into(), Some(Reason::Malformed))]
#[case::many_entries(|b: &mut Value| { let one = at(b, ENTRY).clone(); *at(b, "/verificationMaterial/tlogEntries") = vec![one; 33].into(); }, Some(Reason::BeyondLimit))]
#[case::an_unknown_field(|b: &mut Value| b["later"] = json!({"than": "v0.3"}), None)]
fn t64_a_proof_that_was_changed_proves_nothing(#[case] tamper: Tamper, #[case] reason: Option<Reason>) {
    let forge = Forge::new();
    let mut bundle = forge.attestation(&statement(b"artifact", "https://example.org/anything", &Value::Null));
    tamper(&mut bundle);
    let (root, expected) = (forge.root(), Expected::signed_by(forge.signer()));
    // An attacker shows the artifact that the tampered statement is about.
    for artifact in [b"artifact".as_slice(), b"evil"] {
        let file = serde_json::to_vec(&bundle).unwrap();
        let outcome = signature::verify(&file, Artifact::Bytes(artifact), &root, &expected);
        if artifact == b"artifact" {
            assert_eq!(outcome.as_ref().err().map(|fault| fault.reason), reason, "{outcome:?}");
        } else {
            assert!(outcome.is_err());
        }
    }
}

#[test]
fn t64_a_proof_of_another_entry_proves_nothing() {
    let forge = Forge::new();
    let mut bundle = forge.attestation(&statement(b"artifact", "https://example.org/anything", &Value::Null));
    let mut other = forge.attestation(&statement(b"artifact", "https://example.org/other", &Value::Null));
    *at(&mut bundle, ENTRY) = at(&mut other, ENTRY).take();
    let file = serde_json::to_vec(&bundle).unwrap();
    let expected = Expected::signed_by(forge.signer());
    let fault = signature::verify(&file, Artifact::Bytes(b"artifact"), &forge.root(), &expected).unwrap_err();
    assert_eq!(fault.reason, Reason::SignatureInvalid, "{fault}");
}

#[test]
fn a_key_that_stands_twice_in_the_signed_statement_is_refused() {
    let forge = Forge::new();
    let once = statement(b"artifact", "https://example.org/anything", &Value::Null);
    let digest = hex(&sha256(b"artifact"));
    let twice = once.replace(
        &format!("{{\"sha256\":\"{digest}\"}}"),
        &format!("{{\"sha256\":\"{}\",\"sha256\":\"{digest}\"}}", "0".repeat(64)),
    );
    assert_ne!(once, twice);
    let expected = Expected::signed_by(forge.signer());
    let fault =
        signature::verify(&forge.attest(&twice), Artifact::Bytes(b"artifact"), &forge.root(), &expected).unwrap_err();
    assert_eq!(fault.reason, Reason::Malformed);
    assert!(fault.message.contains("`sha256` stands twice"), "{fault}");
}

#[rstest]
#[case(SUBJECT_LIMIT, None)]
#[case(SUBJECT_LIMIT + 1, Some(Reason::BeyondLimit))]
fn a_statement_names_a_limited_number_of_subjects(#[case] count: usize, #[case] reason: Option<Reason>) {
    let forge = Forge::new();
    let subject = json!({ "name": "a", "digest": { "sha256": hex(&sha256(b"artifact")) } });
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": vec![subject; count],
        "predicateType": "https://example.org/anything"
    });
    let bundle = forge.attest(&statement.to_string());
    let expected = Expected::signed_by(forge.signer());
    let outcome = signature::verify(&bundle, Artifact::Bytes(b"artifact"), &forge.root(), &expected);
    assert_eq!(outcome.err().map(|fault| fault.reason), reason);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever bytes come, they are refused and nothing breaks.
    #[test]
    fn t64_random_bytes_are_never_taken(file in proptest::collection::vec(any::<u8>(), 0..400)) {
        let forge = Forge::new();
        let expected = Expected::signed_by(forge.signer());
        prop_assert!(signature::verify(&file, Artifact::Bytes(b""), &forge.root(), &expected).is_err());
        let _ = signature::subjects(&file);
    }
}
