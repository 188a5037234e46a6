//! The forms in which bundles come, and which of several counts.

use std::fs;

use countersign::evidence::recognise;
use countersign::evidence::signature::{self, Artifact, Expected, Subject, TrustRoot};
use countersign::model::kind::Format;
use countersign::model::verdict::Reason;
use rstest::rstest;
use serde_json::{Value, json};

use super::conformance::BEACON;
use super::forge::{Forge, statement};
use super::{GITHUB, hex, sha256, signed_by};
use crate::support::corpus;

const ANY: &str = "https://example.org/anything";

const V1: &str = "https://in-toto.io/Statement/v1";

/// The artifact as a statement's subject.
fn artifact() -> Value {
    json!({ "digest": { "sha256": hex(&sha256(b"artifact")) } })
}

fn about(artifact: &[u8]) -> String {
    statement(artifact, ANY, &Value::Null)
}

#[rstest]
#[case::as_it_is(|bundle: &Value, _: &Value| bundle.to_string())]
#[case::indented(|bundle: &Value, _: &Value| serde_json::to_string_pretty(bundle).unwrap())]
#[case::with_a_byte_order_mark(|bundle: &Value, _: &Value| format!("\u{feff}{bundle}\n"))]
#[case::one_a_line_last(|bundle: &Value, other: &Value| format!("{other}\n{bundle}\n"))]
#[case::one_a_line_first(|bundle: &Value, other: &Value| format!("{bundle}\r\n\r\n{other}"))]
#[case::adjoining(|bundle: &Value, other: &Value| format!("{other}{bundle}"))]
#[case::in_an_array(|bundle: &Value, other: &Value| json!([other, bundle]).to_string())]
#[case::as_an_api_answers(|bundle: &Value, other: &Value| json!({"attestations": [{"bundle": other}, {"bundle": bundle, "repository_id": 1}]}).to_string())]
#[case::beside_something_else(|bundle: &Value, other: &Value| json!([other, {"mediaType": "text/plain"}, 7, null, bundle]).to_string())]
fn one_bundle_that_is_as_expected_suffices(#[case] form: fn(&Value, &Value) -> String) {
    let forge = Forge::new();
    let (bundle, other) = (forge.attestation(&about(b"artifact")), forge.attestation(&about(b"another")));
    let file = form(&bundle, &other);
    assert_eq!(recognise(file.as_bytes()), Some(Format::SigstoreBundle));
    let expected = Expected::signed_by(forge.signer());
    let verified = signature::verify(file.as_bytes(), Artifact::Bytes(b"artifact"), &forge.root(), &expected).unwrap();
    assert_eq!(verified.predicate_type.as_deref(), Some(ANY));
    assert_eq!(verified.subjects[0].sha256, Some(hex(&sha256(b"artifact"))));
    let refused = signature::verify(file.as_bytes(), Artifact::Bytes(b"third"), &forge.root(), &expected).unwrap_err();
    assert_eq!(refused.reason, Reason::WrongSubject);
}

#[test]
fn the_refusal_that_came_closest_is_told_first() {
    let (forge, stranger) = (Forge::new(), Forge::new());
    let lines = [
        forge.attestation(&about(b"another")).to_string(),
        stranger.attestation(&about(b"artifact")).to_string(),
        forge.attestation(&statement(b"artifact", ANY, &json!({}))).to_string(),
    ];
    let mut expected = Expected::signed_by(forge.signer());
    expected.commit = Some("0".repeat(40));
    let refused =
        signature::verify(lines.join("\n").as_bytes(), Artifact::Bytes(b"artifact"), &forge.root(), &expected)
            .unwrap_err();
    // What is wrong speaks before what only lacks the provenance.
    assert_eq!(refused.reason, Reason::SignatureInvalid);
    assert!(refused.message.starts_with("none of 3 attestations"), "{refused}");
    assert!(refused.message.contains("closest, number 2: "), "{refused}");
    assert!(refused.message.contains("number 1: the signed statement is about other artifacts"), "{refused}");
    assert!(refused.message.contains("number 3: the policy asks for SLSA provenance"), "{refused}");
}

#[rstest]
#[case::the_bytes_themselves(json!({"sha256": hex(&sha256(b"artifact"))}), true)]
#[case::in_capitals(json!({"sha256": hex(&sha256(b"artifact")).to_uppercase()}), true)]
#[case::beside_an_unknown_algorithm(json!({"sha256": hex(&sha256(b"artifact")), "gitTree": "x"}), true)]
// printf artifact | sha512sum
#[case::by_sha512(json!({"sha512": SHA512}), true)]
#[case::by_both(json!({"sha256": hex(&sha256(b"artifact")), "sha512": SHA512}), true)]
#[case::by_two_that_differ(json!({"sha256": hex(&sha256(b"artifact")), "sha512": "0".repeat(128)}), false)]
#[case::by_two_that_differ_otherwise(json!({"sha256": "0".repeat(64), "sha512": SHA512}), false)]
#[case::by_an_unknown_algorithm_alone(json!({"sha1": "0".repeat(40)}), false)]
fn the_subject_is_told_by_digest(#[case] digest: Value, #[case] accepted: bool) {
    let forge = Forge::new();
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v0.1",
        "subject": [{ "name": "another", "digest": { "sha256": "1".repeat(64) } }, { "name": "artifact", "digest": digest }],
        "predicateType": ANY
    });
    let bundle = forge.attest(&statement.to_string());
    let expected = Expected::signed_by(forge.signer());
    let outcome = signature::verify(&bundle, Artifact::Bytes(b"artifact"), &forge.root(), &expected);
    match outcome {
        Ok(verified) => assert!(accepted, "{verified:?}"),
        Err(refused) => assert!(!accepted && refused.reason == Reason::WrongSubject, "{refused}"),
    }
}

const SHA512: &str = "14697440701c3885f7c8d5faa59f336b471ca86332034eff0d3fddc02dc9b18b8356e840db54823c8fd2f2cbd0906969cf132cf8bb9c73dc769b4ffd817bd23d";

#[rstest]
#[case::no_type(json!({"subject": [artifact()], "predicateType": ANY}))]
#[case::an_unknown_type(json!({"_type": "https://in-toto.io/Statement/v2", "subject": [artifact()], "predicateType": ANY}))]
#[case::no_predicate_type(json!({"_type": V1, "subject": [artifact()]}))]
#[case::a_short_digest(json!({"_type": V1, "subject": [artifact(), {"digest": {"sha256": "00"}}], "predicateType": ANY}))]
#[case::a_number_for_a_digest(json!({"_type": V1, "subject": [artifact(), {"digest": {"sha256": 7}}], "predicateType": ANY}))]
#[case::no_subject(json!({"_type": V1, "subject": [], "predicateType": ANY}))]
#[case::no_object(json!([]))]
fn a_statement_that_breaks_its_rules_is_malformed(#[case] statement: Value) {
    let forge = Forge::new();
    let bundle = forge.attest(&statement.to_string());
    let expected = Expected::signed_by(forge.signer());
    let refused = signature::verify(&bundle, Artifact::Bytes(b"artifact"), &forge.root(), &expected).unwrap_err();
    assert_eq!(refused.reason, Reason::Malformed, "{refused}");
}

#[test]
fn what_a_file_is_about_can_be_told_before_it_is_verified() {
    let forge = Forge::new();
    let file = [forge.attest(&about(b"one")), b"\n{}\n".to_vec(), forge.attest(&about(b"two"))].concat();
    let subject = |bytes| Subject { name: "a".to_owned(), sha256: Some(hex(&sha256(bytes))), sha512: None };
    assert_eq!(signature::subjects(&file).unwrap(), [subject(b"one"), subject(b"two")]);
    assert_eq!(signature::subjects(b"{").unwrap_err().reason, Reason::Malformed);
}

#[test]
fn a_signed_message_is_about_its_digest() {
    let Some(suite) = corpus("sigstore/sigstore-conformance") else { return };
    let bundle = fs::read(suite.join("happy-path-v0.1/bundle.sigstore.json")).unwrap();
    let artifact = fs::read(suite.join("a.txt")).unwrap();
    let [subject] = signature::subjects(&bundle).unwrap().try_into().unwrap();
    assert_eq!(subject, Subject { name: String::new(), sha256: Some(hex(&sha256(&artifact))), sha512: None });
}

/// The corpus's envelopes without bundles: 27 of slsa-github-generator before v2.1.0, and Trivy's.
#[test]
fn envelopes_that_no_log_vouches_for_are_refused_with_advice() {
    let Some(folder) = corpus("provenance") else { return };
    let root = TrustRoot::public_good().unwrap();
    let mut refused = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let file = fs::read(entry.unwrap().path()).unwrap();
        let document: Value = serde_json::from_slice(&file).unwrap();
        if document.get("payloadType").is_none() {
            continue;
        }
        let fault = signature::verify(&file, Artifact::Bytes(b""), &root, &signed_by(BEACON, GITHUB)).unwrap_err();
        assert_eq!(fault.reason, Reason::Malformed);
        assert!(fault.message.contains("actions/attest-build-provenance"), "{fault}");
        refused += 1;
    }
    assert_eq!(refused, 28);
}

/// Every form of sigstore-js's test bundles verifies as far as the package, which is not here.
#[test]
fn bundles_of_every_version_verify_up_to_their_subject() {
    let Some(folder) = corpus("sigstore") else { return };
    let root = TrustRoot::public_good().unwrap();
    let expected = signed_by("brian@dehamer.com", "https://github.com/login/oauth");
    let mut reasons = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.extension().is_some_and(|extension| extension == "sigstore") {
            let fault =
                signature::verify(&fs::read(&entry).unwrap(), Artifact::Bytes(b""), &root, &expected).unwrap_err();
            let name = entry.file_name().unwrap().to_string_lossy().into_owned();
            reasons.push(format!("{}: {}", name.rsplit_once("__").unwrap().1, fault.reason.code()));
        }
    }
    reasons.sort();
    insta::assert_snapshot!("sigstore_js", reasons.join("\n"));
}
