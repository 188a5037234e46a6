//! Who signed what goes: by a key, an identity, one an artifact.

use countersign::model::release_decision::Ruling;
use rstest::rstest;
use serde_json::{Value, json};

use super::base::{POLICY, decided, facts, said, with};

const KEY: &str = "MCowBQYDK2VwAyEApF2/plAFEDRTvo/Re36AIIvS/B2IM5btwvCdLDO8MXA=";
/// `openssl pkey -pubin -outform DER | sha256sum`
const NAME: &str = "key sha256:f6e14fc1c8c1ea0943ce14f7c762467514fa4239b0f6559537e17ec598308f77";

fn by_key() -> String {
    let gate = format!(
        "gates:\n  signed:\n    sigstore: 'dist/*'\n    key: |\n      -----BEGIN PUBLIC KEY-----\n      {KEY}\n      -----END PUBLIC KEY-----\n"
    );
    POLICY.replace("gates:\n", &gate)
}

fn by_identity() -> String {
    let gate = "gates:\n  signed: { sigstore: 'dist/*', identity: 'https://ci.example/{repository}/*', issuer: 'https://ci.example' }\n";
    POLICY.replace("gates:\n", gate)
}

fn signed(policy: &str, artifacts: &Value, signers: Value) -> (Ruling, String) {
    let evidence = json!({"digests": ["ab"], "measures": {"signature.verified": 1}, "baseline": null, "made_at": null,
                          "signers": signers});
    let mut facts = with(facts(), "/evidence/signed", evidence);
    facts = with(facts, "/release/components/shop/artifacts", artifacts.clone());
    for at in 0..2 {
        let seen = if artifacts.is_array() { artifacts.clone() } else { json!([]) };
        facts = with(facts, &format!("/acts/{at}/saw/artifacts"), seen);
    }
    let decision = decided(policy, facts);
    (decision.decision, said(&decision))
}

#[rstest]
#[case::the_key(json!([{"artifact": "sha256:aa", "identity": NAME, "issuer": null}]), None)]
#[case::another_key(json!([{"artifact": "aa", "identity": "key sha256:00", "issuer": null}]), Some("signed by `key sha256:00`, where the policy names `key sha256:"))]
#[case::another_artifact(json!([{"artifact": "bb", "identity": NAME, "issuer": null}]), Some("signed: sha256:aa: nobody signed it"))]
#[case::nobody(json!([]), Some("signed: sha256:aa: nobody signed it"))]
#[case::one_of_two_signers(json!([{"artifact": "aa", "identity": "key sha256:00", "issuer": null}, {"artifact": "aa", "identity": NAME, "issuer": null}]), None)]
fn what_goes_is_signed_by_the_policys_key(#[case] signers: Value, #[case] why: Option<&str>) {
    let (ruling, told) = signed(&by_key(), &json!(["aa"]), signers);
    assert_eq!(ruling == Ruling::Proceed, why.is_none(), "{told}");
    assert!(told.contains(why.unwrap_or("1 artifact signed by key sha256:")), "{told}");
}

#[rstest]
#[case::fits("https://ci.example/acme/shop/release", json!("https://ci.example"), None)]
#[case::of_another_repository("https://ci.example/acme/other/release", json!("https://ci.example"), Some("signed by `https://ci.example/acme/other/release`, where the policy names `https://ci.example/acme/shop/*`"))]
#[case::beyond_its_segment("https://ci.example/acme/shop/a/b", json!("https://ci.example"), Some("signed by"))]
#[case::of_another_issuer("https://ci.example/acme/shop/release", json!("https://evil.example"), Some("vouched for by `https://evil.example`"))]
#[case::of_no_issuer("https://ci.example/acme/shop/release", json!(null), Some("vouched for by nobody"))]
#[case::of_an_unread_issuer("https://ci.example/acme/shop/release", json!({"unavailable": "no answer"}), Some("could not be read: no answer"))]
fn what_goes_is_signed_by_the_policys_identity(#[case] by: &str, #[case] issuer: Value, #[case] why: Option<&str>) {
    // What is not built is signed by nobody else either.
    for artifacts in [json!(["aa"]), json!(null)] {
        let signers = json!([{"artifact": "aa", "identity": by, "issuer": issuer.clone()}]);
        let (ruling, told) = signed(&by_identity(), &artifacts, signers);
        assert_eq!(ruling == Ruling::Proceed, why.is_none(), "{told}");
        assert!(told.contains(why.unwrap_or("1 artifact signed by https://ci.example/acme/shop/release")), "{told}");
    }
}

#[rstest]
#[case::nothing(json!({"builders": null}), "pending", "no provenance says who built it")]
#[case::another(json!({"builders": ["https://ci.example/other"]}), "block", "built by `https://ci.example/other`")]
fn provenance_that_is_missing_is_waited_for(#[case] states: Value, #[case] verdict: &str, #[case] why: &str) {
    let policy = by_identity().replace(", issuer:", ", builder: 'https://ci.example/builder', issuer:");
    let signer = |more: &Value| {
        let mut signer = json!({"artifact": "aa", "identity": "https://ci.example/acme/shop/release", "issuer": "https://ci.example"});
        signer.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        signer
    };
    // Whatever else is there before it or after it, what is wrong is said.
    let silent = signer(&json!({"builders": null}));
    for signers in [json!([signer(&states)]), json!([silent, signer(&states)]), json!([signer(&states), silent])] {
        let (ruling, told) = signed(&policy, &json!(["aa"]), signers);
        assert_eq!(ruling, Ruling::Hold, "{told}");
        assert!(told.contains(why), "{verdict}: {told}");
    }
    let right = signer(&json!({"builders": ["https://ci.example/builder"]}));
    let (ruling, told) = signed(&policy, &json!(["aa"]), json!([silent, right]));
    assert_eq!(ruling, Ruling::Proceed, "{told}");
}

#[test]
fn where_it_is_not_known_what_goes_nobody_signed_it() {
    let signers =
        json!([{"artifact": "aa", "identity": "https://ci.example/acme/shop/release", "issuer": "https://ci.example"}]);
    let (ruling, told) = signed(&by_identity(), &json!({"unavailable": "the registry is down"}), signers);
    assert_eq!(ruling, Ruling::Hold);
    assert!(
        told.contains("signed: the release: which artifacts are released could not be read: the registry is down"),
        "{told}"
    );
    let (ruling, told) = signed(&by_identity(), &json!(null), json!([]));
    assert_eq!(ruling, Ruling::Hold, "{told}");
}
