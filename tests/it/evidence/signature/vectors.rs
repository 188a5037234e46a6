//! Wycheproof's signatures, each in a bundle that is right but for them.

use countersign::evidence::signature::{Artifact, Expected, PublicKey, Signer, verify};
use countersign::model::verdict::Reason;
use serde_json::Value;

use super::forge::{Forge, base64};
use super::sha256;
use crate::support::{unhex, vectors};

#[test]
fn ecdsa_signatures_of_wycheproof() {
    let Some(path) = vectors("ecdsa_secp256r1_sha256_test.json") else { return };
    let all: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let forge = Forge::new();
    let root = forge.root();
    let (mut valid, mut invalid) = (0, 0);
    for group in all["testGroups"].as_array().unwrap() {
        let pem = group["publicKeyPem"].as_str().unwrap();
        let expected = Expected::signed_by(Signer::Key(PublicKey::from_pem(pem.as_bytes()).unwrap()));
        for test in group["tests"].as_array().unwrap() {
            let message = unhex(&test["msg"]);
            let signature = base64(&unhex(&test["sig"]));
            let bundle = forge.logged(&message, &signature, pem, "SHA2_256", &sha256(&message));
            let answer = verify(&bundle, Artifact::Bytes(&message), &root, &expected);
            match test["result"].as_str().unwrap() {
                "valid" => {
                    valid += 1;
                    assert!(answer.is_ok(), "{test}: {answer:?}");
                }
                "invalid" => {
                    invalid += 1;
                    // One without a signature at all is no bundle.
                    let reasons = [Reason::SignatureInvalid, Reason::Malformed];
                    assert!(answer.as_ref().is_err_and(|fault| reasons.contains(&fault.reason)), "{test}: {answer:?}");
                }
                other => panic!("{other}: {test}"),
            }
        }
    }
    assert_eq!((valid, invalid), (174, 310));
}
