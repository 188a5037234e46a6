//! Where the certificate and the predicate both speak of builder and source.

use countersign::evidence::signature::{self, Artifact, Expected, Pattern, Verified};
use countersign::model::report::Fault;
use rstest::rstest;
use serde_json::{Value, json};

use super::certificate::Holder;
use super::forge::{Forge, LOGGED_AT, statement};
use super::{GITHUB, signed_by};

const WORKFLOW: &str = "https://github.com/o/r/.github/workflows/release.yml@refs/heads/main";
const HOSTED: &str = "https://github.com/actions/runner/github-hosted";
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const OTHER: &str = "fedcba9876543210fedcba9876543210fedcba98";

/// What Fulcio writes into a certificate for a workflow of `o/r`.
const CLAIMS: &[(u32, &str)] =
    &[(8, GITHUB), (9, WORKFLOW), (11, "github-hosted"), (12, "https://github.com/o/r"), (13, COMMIT)];

/// What the extensions were before: the issuer, the commit and the repository, and nothing of the builder.
const OLD_CLAIMS: &[(u32, &str)] = &[(1, GITHUB), (3, COMMIT), (5, "o/r")];

fn provenance(builder: &str, repository: &str, commit: &str) -> Value {
    json!({
        "buildDefinition": {
            "buildType": "https://actions.github.io/buildtypes/workflow/v1",
            "externalParameters": { "workflow": { "repository": repository } },
            "resolvedDependencies": [{ "uri": format!("git+{repository}@refs/heads/main"), "digest": { "gitCommit": commit } }]
        },
        "runDetails": { "builder": { "id": builder } }
    })
}

fn decide(predicate: &Value, claims: &[(u32, &str)], change: impl FnOnce(&mut Expected)) -> Result<Verified, Fault> {
    let forge = Forge::new();
    let statement = statement(b"artifact", "https://slsa.dev/provenance/v1", predicate);
    let bundle = forge.certified(&statement, &Holder::Uri(WORKFLOW), claims);
    let mut expected = signed_by(WORKFLOW, GITHUB);
    change(&mut expected);
    signature::verify(&bundle, Artifact::Bytes(b"artifact"), &forge.root(), &expected)
}

#[test]
fn a_workflows_attestation_meets_what_is_true_of_it() {
    let verified = decide(&provenance(WORKFLOW, "https://github.com/o/r", COMMIT), CLAIMS, |expected| {
        expected.builder = Pattern::new(WORKFLOW).ok();
        expected.repository = Some("O/R".to_owned());
        expected.commit = Some(COMMIT.to_owned());
    })
    .unwrap();
    assert_eq!((verified.identity.as_str(), verified.issuer.as_deref()), (WORKFLOW, Some(GITHUB)));
    assert_eq!(verified.builder.as_deref(), Some(WORKFLOW));
    assert_eq!(verified.source_repository.as_deref(), Some("https://github.com/o/r"));
    assert_eq!(verified.source_commit.as_deref(), Some(COMMIT));
    assert_eq!(verified.signed_at.unwrap().timestamp(), LOGGED_AT);
}

#[rstest]
#[case::in_everything(WORKFLOW, "https://github.com/o/r", COMMIT, CLAIMS, "verified")]
#[case::in_the_kind_of_runner(HOSTED, "https://github.com/o/r", COMMIT, CLAIMS, "verified")]
#[case::with_older_claims(HOSTED, "https://github.com/o/r", COMMIT, OLD_CLAIMS, "verified")]
#[case::with_a_builder_of_another_form(
    "https://builder.example/1",
    "https://github.com/o/r",
    COMMIT,
    CLAIMS,
    "verified"
)]
#[case::not_in_the_repository(WORKFLOW, "https://github.com/o/other", COMMIT, CLAIMS, "wrong_source")]
#[case::not_in_the_commit(WORKFLOW, "https://github.com/o/r", OTHER, CLAIMS, "wrong_source")]
#[case::not_in_the_older_repository(WORKFLOW, "https://github.com/o/other", COMMIT, OLD_CLAIMS, "wrong_source")]
#[case::not_in_the_older_commit(WORKFLOW, "https://github.com/o/r", OTHER, OLD_CLAIMS, "wrong_source")]
#[case::not_in_the_workflow(
    "https://github.com/o/r/.github/workflows/other.yml@refs/heads/main",
    "https://github.com/o/r",
    COMMIT,
    CLAIMS,
    "wrong_builder"
)]
#[case::not_in_the_runner(
    "https://github.com/actions/runner/self-hosted",
    "https://github.com/o/r",
    COMMIT,
    CLAIMS,
    "wrong_builder"
)]
fn t32_predicate_and_certificate_must_agree(
    #[case] builder: &str,
    #[case] repository: &str,
    #[case] commit: &str,
    #[case] claims: &[(u32, &str)],
    #[case] word: &str,
) {
    let outcome = decide(&provenance(builder, repository, commit), claims, |_| {});
    assert_eq!(outcome.as_ref().map_or_else(|fault| fault.reason.code(), |_| "verified"), word, "{outcome:?}");
}

/// GitHub once named the builder by its runner and now names it by its workflow;
/// a policy that names the runner holds for both, by the certificate's word.
#[rstest]
#[case::on_githubs_runner("github-hosted", "verified")]
#[case::on_a_runner_of_ones_own("self-hosted", "wrong_builder")]
fn a_policy_may_name_githubs_runner_as_the_builder(#[case] kind: &str, #[case] word: &str) {
    let claims: Vec<_> = CLAIMS.iter().map(|claim| if claim.0 == 11 { (11, kind) } else { *claim }).collect();
    let outcome = decide(&provenance(WORKFLOW, "https://github.com/o/r", COMMIT), &claims, |expected| {
        expected.builder = Pattern::new(HOSTED).ok();
    });
    assert_eq!(outcome.as_ref().map_or_else(|fault| fault.reason.code(), |_| "verified"), word, "{outcome:?}");
}

#[test]
fn the_certificate_supplies_what_the_predicate_leaves_out() {
    let silent = json!({ "runDetails": { "builder": { "id": WORKFLOW } } });
    let verified = decide(&silent, CLAIMS, |expected| {
        expected.repository = Some("o/r".to_owned());
        expected.commit = Some(COMMIT.to_owned());
    });
    assert!(verified.is_ok(), "{verified:?}");
    let unvouched = decide(&silent, &CLAIMS[..1], |expected| expected.commit = Some(COMMIT.to_owned()));
    assert_eq!(unvouched.unwrap_err().reason.code(), "wrong_source");
}

/// `o/r` means a repository on github.com, and `github-hosted` GitHub's runner, only where GitHub says so.
#[rstest]
#[case::of_a_repository(&[(3, COMMIT), (5, "o/r")], |e: &mut Expected| e.repository = Some("o/r".to_owned()), "wrong_source")]
#[case::of_a_runner(&[(11, "github-hosted")], |e: &mut Expected| e.builder = Pattern::new(HOSTED).ok(), "wrong_builder")]
fn another_issuers_short_names_are_not_githubs(
    #[case] claims: &[(u32, &str)],
    #[case] change: fn(&mut Expected),
    #[case] word: &str,
) {
    let issuer = "https://token.actions.githubusercontent.com.example";
    let predicate = json!({ "runDetails": { "builder": { "id": "https://builder.example/1" } } });
    let outcome = decide(&predicate, &[&[(8, issuer)], claims].concat(), |expected| {
        *expected = signed_by(WORKFLOW, issuer);
        change(expected);
    });
    assert_eq!(outcome.unwrap_err().reason.code(), word);
}

/// Were the predicate asked instead, whoever builds could say anything.
#[rstest]
#[case::a_repository(12, "ssh://git@example.org/o/r")]
#[case::a_commit(13, "main")]
fn a_certificates_claim_that_is_not_understood_meets_nothing(#[case] number: u32, #[case] claim: &str) {
    let claims: Vec<_> = CLAIMS.iter().map(|known| if known.0 == number { (number, claim) } else { *known }).collect();
    let predicate = provenance(WORKFLOW, "https://github.com/o/r", COMMIT);
    assert!(decide(&predicate, &claims, |_| {}).is_ok());
    let refused = decide(&predicate, &claims, |expected| {
        expected.repository = Some("o/r".to_owned());
        expected.commit = Some(COMMIT.to_owned());
    });
    assert_eq!(refused.unwrap_err().reason.code(), "wrong_source");
}

#[rstest]
#[case::an_address(Holder::Email("ana@acme.example"), "ana@acme.example", "verified")]
#[case::any_address_of_a_domain(Holder::Email("ana@acme.example"), "*@acme.example", "verified")]
#[case::another_address(Holder::Email("bo@acme.example"), "ana@acme.example", "wrong_signer")]
#[case::neither_uri_nor_address(Holder::Host("acme.example"), "acme.example", "wrong_signer")]
fn people_sign_by_their_address(#[case] holder: Holder<'_>, #[case] named: &str, #[case] word: &str) {
    let forge = Forge::new();
    let issuer = "https://accounts.example";
    let statement = statement(b"artifact", "https://example.org/anything", &Value::Null);
    let bundle = forge.certified(&statement, &holder, &[(8, issuer)]);
    let outcome = signature::verify(&bundle, Artifact::Bytes(b"artifact"), &forge.root(), &signed_by(named, issuer));
    assert_eq!(outcome.as_ref().map_or_else(|fault| fault.reason.code(), |_| "verified"), word, "{outcome:?}");
}

#[test]
fn a_certificate_without_an_issuer_is_nobodys_word() {
    let refused = decide(&Value::Null, &[], |_| {}).unwrap_err();
    assert_eq!(refused.reason.code(), "wrong_signer");
    assert!(refused.message.contains("vouched for by `nobody`"), "{refused}");
}

#[test]
fn t64_an_authority_that_the_root_does_not_name_proves_nothing() {
    let (forge, other) = (Forge::new(), Forge::new());
    let statement = statement(b"artifact", "https://example.org/anything", &Value::Null);
    let bundle = forge.certified(&statement, &Holder::Uri(WORKFLOW), CLAIMS);
    let refused = signature::verify(&bundle, Artifact::Bytes(b"artifact"), &other.root(), &signed_by(WORKFLOW, GITHUB))
        .unwrap_err();
    assert_eq!(refused.reason.code(), "signature_invalid");
}
