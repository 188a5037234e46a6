//! Builder, repository and commit: from real provenance, and from every form of it.

use std::fs;

use countersign::evidence::signature::{self, Artifact, Expected, Pattern, TrustRoot, Verified};
use countersign::model::report::Fault;
use rstest::rstest;
use serde_json::{Value, json};

use super::forge::{Forge, statement};
use super::{GITHUB, digest, signed_by};
use crate::support::corpus;

const V0_2: &str = "https://slsa.dev/provenance/v0.2";
const V1: &str = "https://slsa.dev/provenance/v1";
const GENERATOR: &str = "https://github.com/slsa-framework/slsa-github-generator/.github/workflows";
const EXAMPLE: &str = "slsa-framework/example-package";
/// SHA-256 of no bytes: what the example package's container builds attest.
const NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// A real bundle: signer and builder are one workflow of slsa-github-generator.
fn real(file: &str, sha256: &str, change: impl FnOnce(&mut Expected)) -> Option<Result<Verified, Fault>> {
    let path = corpus(&format!("provenance/slsa-verifier__cli__slsa-verifier__testdata__{file}"))?;
    let mut expected = signed_by(&format!("{GENERATOR}/*@refs/tags/v2.1.0"), GITHUB);
    expected.repository = Some(EXAMPLE.to_owned());
    change(&mut expected);
    let artifact = Artifact::Sha256(digest(sha256));
    Some(signature::verify(&fs::read(path).unwrap(), artifact, &TrustRoot::public_good().unwrap(), &expected))
}

// Digests: jq -r .dsseEnvelope.payload FILE | base64 -d | jq -r .subject[0].digest.sha256
// Commits: openssl x509 -text on the certificate, extension 1.3.6.1.4.1.57264.1.13
#[rstest]
#[case(
    "gha_go__v2.1.0__binary-linux-amd64-push-v14.intoto.jsonl",
    "f6ab7ad0c7549b5a4942c3b0690519d791c28c4c0f8b286208cb40da3322a066",
    "builder_go_slsa3.yml@refs/tags/v2.1.0",
    "4d329c75e7ec1725f7c9ce917a8799d408d06be3",
    V0_2
)]
#[case(
    "gha_generic__v2.1.0__binary-linux-amd64-push-v13.0.30.intoto.jsonl",
    "376e7e01348585b6e6643bc6663146b9d525d9b41228bf180eaeb4d4a3706caa",
    "generator_generic_slsa3.yml@refs/tags/v2.1.0",
    "4d329c75e7ec1725f7c9ce917a8799d408d06be3",
    V0_2
)]
#[case(
    "gha_generic__v2.1.0__binary-linux-amd64-workflow_dispatch.intoto.jsonl",
    "376e7e01348585b6e6643bc6663146b9d525d9b41228bf180eaeb4d4a3706caa",
    "generator_generic_slsa3.yml@refs/tags/v2.1.0",
    "4d329c75e7ec1725f7c9ce917a8799d408d06be3",
    V0_2
)]
#[case(
    "gha_container-based__v1.7.0__gha_container-based-binary-linux-amd64-v14.2.intoto.sigstore",
    NOTHING,
    "builder_container-based_slsa3.yml@refs/tags/v1.7.0",
    "62cb1f1e485829bafe8bbec8b9900c0cb7624fe7",
    V1
)]
#[case(
    "gha_container-based__v1.10.0__binary-linux-amd64-push-v14.intoto.build.slsa",
    NOTHING,
    "builder_container-based_slsa3.yml@refs/tags/v1.10.0",
    "d37a7f740ee7404914456f24dcd90e865a0509e8",
    V1
)]
#[case(
    "gha_container-based__v2.0.0__binary-linux-amd64-push-v13.0.30.intoto.build.slsa",
    NOTHING,
    "builder_container-based_slsa3.yml@refs/tags/v2.0.0",
    "693130cb6cb840a7bc9cb18c6510d536a95dc7e6",
    V1
)]
#[case(
    "gha_container-based__v2.1.0__binary-linux-amd64-push-v14.intoto.build.slsa",
    NOTHING,
    "builder_container-based_slsa3.yml@refs/tags/v2.1.0",
    "4d329c75e7ec1725f7c9ce917a8799d408d06be3",
    V1
)]
fn real_provenance_meets_what_is_true_of_it(
    #[case] file: &str,
    #[case] sha256: &str,
    #[case] workflow: &str,
    #[case] commit: &str,
    #[case] predicate_type: &str,
) {
    let workflow = format!("{GENERATOR}/{workflow}");
    let outcome = real(file, sha256, |expected| {
        *expected = signed_by(&workflow, GITHUB);
        expected.builder = Some(Pattern::new(&workflow).unwrap());
        expected.repository = Some(EXAMPLE.to_owned());
        expected.commit = Some(commit.to_owned());
    });
    let Some(outcome) = outcome else { return };
    let verified = outcome.unwrap();
    assert_eq!(verified.identity, workflow);
    assert_eq!(verified.builder.as_deref(), Some(workflow.as_str()));
    assert_eq!(verified.source_repository.as_deref(), Some("https://github.com/slsa-framework/example-package"));
    assert_eq!(verified.source_commit.as_deref(), Some(commit));
    assert_eq!(verified.predicate_type.as_deref(), Some(predicate_type));
    assert_eq!(verified.subjects.len(), 1);
    assert_eq!(verified.subjects[0].sha256.as_deref(), Some(sha256));
}

type Change = fn(&mut Expected);

#[rstest]
#[case::the_truth(|_: &mut Expected| {}, "verified")]
#[case::another_repository(|e: &mut Expected| e.repository = Some("slsa-framework/example".to_owned()), "wrong_source")]
#[case::a_longer_repository(|e: &mut Expected| e.repository = Some("slsa-framework/example-package2".to_owned()), "wrong_source")]
#[case::a_fork(|e: &mut Expected| e.repository = Some("somebody/example-package".to_owned()), "wrong_source")]
#[case::the_builders_repository(|e: &mut Expected| e.repository = Some("slsa-framework/slsa-github-generator".to_owned()), "wrong_source")]
#[case::another_host(|e: &mut Expected| e.repository = Some("https://gitlab.com/slsa-framework/example-package".to_owned()), "wrong_source")]
#[case::no_repository_at_all(|e: &mut Expected| e.repository = Some(String::new()), "wrong_source")]
#[case::the_url(|e: &mut Expected| e.repository = Some("https://github.com/slsa-framework/example-package.git".to_owned()), "verified")]
#[case::another_case(|e: &mut Expected| e.repository = Some("https://GitHub.com/SLSA-Framework/Example-Package".to_owned()), "verified")]
#[case::another_commit(|e: &mut Expected| e.commit = Some("f7dd8c54c2067bafc12ca7a55595d5ee9b75204a".to_owned()), "wrong_source")]
#[case::a_beginning_of_the_commit(|e: &mut Expected| e.commit = Some("4d329c75e7ec".to_owned()), "wrong_source")]
#[case::an_empty_commit(|e: &mut Expected| e.commit = Some(String::new()), "wrong_source")]
#[case::the_commit_in_capitals(|e: &mut Expected| e.commit = Some("4D329C75E7EC1725F7C9CE917A8799D408D06BE3".to_owned()), "verified")]
#[case::any_version_of_the_builder(|e: &mut Expected| e.builder = Pattern::new(&format!("{GENERATOR}/builder_go_slsa3.yml@refs/tags/v*")).ok(), "verified")]
#[case::another_builder(|e: &mut Expected| e.builder = Pattern::new(&format!("{GENERATOR}/generator_generic_slsa3.yml@refs/tags/v2.1.0")).ok(), "wrong_builder")]
#[case::a_beginning_of_the_builder(|e: &mut Expected| e.builder = Pattern::new(&format!("{GENERATOR}/builder_go_slsa3.yml")).ok(), "wrong_builder")]
#[case::hosted_by_github_as_the_certificate_says(|e: &mut Expected| e.builder = Pattern::new("https://github.com/actions/runner/github-hosted").ok(), "verified")]
#[case::not_self_hosted(|e: &mut Expected| e.builder = Pattern::new("https://github.com/actions/runner/self-hosted").ok(), "wrong_builder")]
#[case::another_signer(|e: &mut Expected| e.signer = signed_by(&format!("{GENERATOR}/generator_generic_slsa3.yml@refs/tags/v2.1.0"), GITHUB).signer, "wrong_signer")]
fn t32_a_mismatch_of_builder_or_source_is_refused(#[case] change: Change, #[case] word: &str) {
    let file = "gha_go__v2.1.0__binary-linux-amd64-push-v14.intoto.jsonl";
    let sha256 = "f6ab7ad0c7549b5a4942c3b0690519d791c28c4c0f8b286208cb40da3322a066";
    let Some(outcome) = real(file, sha256, change) else { return };
    assert_eq!(outcome.as_ref().map_or_else(|fault| fault.reason.code(), |_| "verified"), word, "{outcome:?}");
}

#[test]
fn t32_provenance_of_another_artifact_is_refused() {
    let file = "gha_go__v2.1.0__binary-linux-amd64-push-v14.intoto.jsonl";
    let Some(outcome) = real(file, NOTHING, |_| {}) else { return };
    assert_eq!(outcome.unwrap_err().reason.code(), "wrong_subject");
}

/// A published attack: `loosebazooka/aa-test` signs a predicate that names another
/// builder and another project's repository. Everything in it is validly signed.
#[test]
fn t32_a_predicate_that_its_certificate_contradicts_is_refused() {
    let signer = "https://github.com/loosebazooka/aa-test/.github/workflows/malicious_attestation.yaml@refs/heads/main";
    let sha256 = "06ce330900a7d6403bc8d88e5dfad6aeeb8ae40179f66bb89e69c8bf6f6b1a0b";
    for (named, word) in [
        (signer, "wrong_builder"),
        (
            "https://github.com/bazel-contrib/publish-to-bcr/.github/workflows/publish.yaml@refs/tags/v0.0.1",
            "wrong_signer",
        ),
    ] {
        let outcome = real("bcr__MODULE-wrong-signer.bazel.intoto.jsonl", sha256, |expected| {
            *expected = signed_by(named, GITHUB);
            expected.repository = Some("aspect-build/rules_lint".to_owned());
        });
        let Some(outcome) = outcome else { return };
        assert_eq!(outcome.unwrap_err().reason.code(), word);
    }
}

/// npm answers with two attestations: its own, with npm's key, and the build's provenance.
#[rstest]
#[case::as_published("provenance-npm-test-cli-v1-prega.tgz.json", "wrong_subject")]
#[case::with_a_broken_signature("provenance-npm-test-cli-v1-prega-invalidsigprov.tgz.json", "signature_invalid")]
fn the_npm_registrys_attestations_are_read(#[case] file: &str, #[case] word: &str) {
    let Some(path) = corpus(&format!("provenance/slsa-verifier__cli__slsa-verifier__testdata__npm__gha__{file}"))
    else {
        return;
    };
    let file = fs::read(path).unwrap();
    let subjects = signature::subjects(&file).unwrap();
    let names: Vec<_> = subjects.iter().map(|subject| subject.name.as_str()).collect();
    assert_eq!(names, ["pkg:npm/sigstore@2.3.1", "pkg:npm/sigstore@2.3.1"]);
    assert!(subjects.iter().all(|subject| subject.sha256.is_none() && subject.sha512.is_some()));
    // The package itself is not in the corpus: that its provenance is of another
    // artifact is said only once its signature was found valid.
    let expected =
        signed_by("https://github.com/sigstore/sigstore-js/.github/workflows/release.yml@refs/heads/main", GITHUB);
    let root = TrustRoot::public_good().unwrap();
    let provenance: Value = serde_json::from_slice(&file).unwrap();
    let provenance = serde_json::to_vec(&provenance["attestations"][1]["bundle"]).unwrap();
    let refused = signature::verify(&provenance, Artifact::Bytes(b"another"), &root, &expected).unwrap_err();
    assert_eq!(refused.reason.code(), word, "{refused}");
    let by_digest = signature::verify(&provenance, Artifact::Sha256([0; 32]), &root, &expected).unwrap_err();
    assert_eq!(by_digest.message.contains("give the file itself"), word == "wrong_subject", "{by_digest}");
}

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const OTHER: &str = "fedcba9876543210fedcba9876543210fedcba98";

fn v1(external: &Value, dependencies: &Value) -> Value {
    json!({
        "buildDefinition": { "buildType": "t", "externalParameters": external, "resolvedDependencies": dependencies },
        "runDetails": { "builder": { "id": "https://builder.example/1" } }
    })
}

fn v0_2(source: &Value, materials: &Value) -> Value {
    json!({
        "builder": { "id": "https://builder.example/1" },
        "buildType": "t",
        "invocation": { "configSource": source },
        "materials": materials
    })
}

fn dependency(uri: &str, commit: &str) -> Value {
    json!({ "uri": uri, "digest": { "gitCommit": commit } })
}

/// What a statement signed by a key says of its source, where nothing else does.
fn source(predicate_type: &str, predicate: &Value) -> Result<(Option<String>, Option<String>), Fault> {
    let forge = Forge::new();
    let bundle = forge.attest(&statement(b"artifact", predicate_type, predicate));
    let expected = Expected::signed_by(forge.signer());
    let verified = signature::verify(&bundle, Artifact::Bytes(b"artifact"), &forge.root(), &expected)?;
    assert_eq!(verified.builder.as_deref(), Some("https://builder.example/1"));
    Ok((verified.source_repository, verified.source_commit))
}

#[rstest]
#[case::githubs_workflow(V1, v1(&json!({"workflow": {"repository": "https://github.com/o/r", "ref": "refs/heads/main"}}), &json!([dependency("git+https://github.com/o/r@refs/heads/main", COMMIT)])), Some("https://github.com/o/r"), Some(COMMIT))]
#[case::gitlabs_source(V1, v1(&json!({"source": "https://gitlab.com/g/s/p"}), &json!([dependency("https://gitlab.com/g/s/p", COMMIT)])), Some("https://gitlab.com/g/s/p"), Some(COMMIT))]
#[case::a_source_with_its_digest(V1, v1(&json!({"source": {"uri": "git+https://github.com/O/R@refs/tags/v1", "digest": {"sha1": COMMIT}}}), &json!([])), Some("https://github.com/o/r"), Some(COMMIT))]
#[case::one_dependency_and_nothing_else(V1, v1(&json!({}), &json!([dependency("git+https://github.com/o/r", COMMIT)])), Some("https://github.com/o/r"), Some(COMMIT))]
#[case::two_dependencies_and_nothing_else(V1, v1(&json!({}), &json!([dependency("git+https://github.com/o/r", COMMIT), dependency("git+https://github.com/o/other", OTHER)])), None, None)]
#[case::another_repositorys_commit(V1, v1(&json!({"workflow": {"repository": "https://github.com/o/r"}}), &json!([dependency("git+https://github.com/o/other", COMMIT)])), Some("https://github.com/o/r"), None)]
#[case::a_source_that_is_not_understood(V1, v1(&json!({"source": "ssh://git@github.com/o/r"}), &json!([dependency("git+https://github.com/o/r", COMMIT)])), None, None)]
#[case::a_number_for_a_source(V1, v1(&json!({"workflow": {"repository": 7}}), &json!(7)), None, None)]
#[case::the_older_form(V0_2, v0_2(&json!({"uri": "git+https://github.com/o/r@refs/heads/main", "digest": {"sha1": COMMIT}}), &json!([{"uri": "https://github.com/actions/virtual-environments/releases/tag/x"}])), Some("https://github.com/o/r"), Some(COMMIT))]
#[case::the_older_form_with_materials_only(V0_2, v0_2(&json!({}), &json!([{"uri": "git+https://github.com/o/r", "digest": {"sha1": COMMIT}}])), Some("https://github.com/o/r"), Some(COMMIT))]
#[case::user_information(V1, v1(&json!({"source": "https://github.com@evil.example/o/r"}), &json!([])), None, None)]
#[case::no_tls(V1, v1(&json!({"source": "http://github.com/o/r"}), &json!([])), None, None)]
#[case::steps_up(V1, v1(&json!({"source": "https://gitlab.com/o/../r"}), &json!([])), None, None)]
#[case::escapes(V1, v1(&json!({"source": "https://github.com/o%2Fr/x"}), &json!([])), None, None)]
#[case::a_page_of_a_repository(V1, v1(&json!({"source": "https://github.com/o/r/tree/main"}), &json!([])), None, None)]
#[case::a_short_commit(V1, v1(&json!({"source": "https://github.com/o/r"}), &json!([dependency("https://github.com/o/r", "0123456")])), Some("https://github.com/o/r"), None)]
fn every_form_of_provenance_names_its_source(
    #[case] predicate_type: &str,
    #[case] predicate: Value,
    #[case] repository: Option<&str>,
    #[case] commit: Option<&str>,
) {
    let (named, told) = source(predicate_type, &predicate).unwrap();
    assert_eq!((named.as_deref(), told.as_deref()), (repository, commit));
}

#[test]
fn two_commits_of_the_source_contradict_each_other() {
    let twice =
        json!([dependency("git+https://github.com/o/r", COMMIT), dependency("https://github.com/O/R.git", OTHER)]);
    let refused = source(V1, &v1(&json!({"workflow": {"repository": "https://github.com/o/r"}}), &twice)).unwrap_err();
    assert_eq!(refused.reason.code(), "wrong_source");
    assert!(refused.message.contains(COMMIT) && refused.message.contains(OTHER), "{refused}");
}

#[rstest]
#[case::a_repository(|e: &mut Expected| e.repository = Some("o/r".to_owned()), "wrong_source")]
#[case::a_commit(|e: &mut Expected| e.commit = Some(COMMIT.to_owned()), "wrong_source")]
#[case::a_builder(|e: &mut Expected| e.builder = Pattern::new("https://builder.example/1").ok(), "wrong_builder")]
fn provenance_that_is_not_there_can_still_come_and_one_that_says_nothing_is_wrong(
    #[case] change: Change,
    #[case] word: &str,
) {
    let forge = Forge::new();
    let mut expected = Expected::signed_by(forge.signer());
    change(&mut expected);
    let empty = v1(&json!({}), &json!([]));
    let nameless = json!({ "runDetails": { "builder": {} } });
    let missing = "no_attestation";
    let asked = [
        ("https://cyclonedx.org/bom", &empty, missing),
        ("https://slsa.dev/provenance/v0.1", &empty, missing),
        (V1, &nameless, word),
    ];
    for (predicate_type, predicate, word) in asked {
        let bundle = forge.attest(&statement(b"artifact", predicate_type, predicate));
        let refused = signature::verify(&bundle, Artifact::Bytes(b"artifact"), &forge.root(), &expected).unwrap_err();
        assert_eq!(refused.reason.code(), word, "{predicate_type}: {refused}");
    }
}

/// Of several attestations of one artifact the wrong one speaks, wherever it stands, and what is about another artifact
/// does not.
#[test]
fn provenance_that_is_wrong_speaks_before_provenance_that_is_missing() {
    let forge = Forge::new();
    let mut expected = Expected::signed_by(forge.signer());
    expected.builder = Pattern::new("https://builder.example/1").ok();
    let named = |builder: &str| json!({ "runDetails": { "builder": { "id": builder } } });
    let bill = forge.attest(&statement(b"artifact", "https://cyclonedx.org/bom", &json!({})));
    let wrong = forge.attest(&statement(b"artifact", V1, &named("https://builder.example/2")));
    let other = forge.attest(&statement(b"other", V1, &named("https://builder.example/1")));
    let right = forge.attest(&statement(b"artifact", V1, &named("https://builder.example/1")));
    let of = |bundles: &[&Vec<u8>]| {
        let file = bundles.iter().map(|bundle| bundle.as_slice()).collect::<Vec<_>>().join(&b'\n');
        signature::verify(&file, Artifact::Bytes(b"artifact"), &forge.root(), &expected)
            .map_or_else(|fault| fault.reason.code(), |_| "verified")
    };
    assert_eq!(of(&[&bill]), "no_attestation");
    assert_eq!((of(&[&bill, &wrong]), of(&[&wrong, &bill])), ("wrong_builder", "wrong_builder"));
    assert_eq!((of(&[&bill, &other]), of(&[&other, &bill])), ("no_attestation", "no_attestation"));
    assert_eq!(of(&[&bill, &wrong, &right]), "verified");
}
