//! Letters are about one thing, and a key signs their very bytes.

use countersign::log::grant::Signed;
use countersign::log::letter::{Invalid, Letter, Subject};
use countersign::log::note::{Kind, Signer};
use serde_json::{Value, json};

fn signer(seed: u8) -> Signer {
    Signer::new("argocd.acme.example", Kind::Ed25519, &[seed; 32]).unwrap()
}

#[test]
fn a_letter_says_what_was_written_to_whoever_reads_it_as_what_it_is() {
    let written = Letter::write(Subject::Deployment, &json!({ "status": "failed" }), &signer(7)).unwrap();
    let text = written.to_string();
    let (letter, says): (Letter, Value) = Letter::read(Subject::Deployment, &text).unwrap();
    assert_eq!(says, json!({ "status": "failed" }));
    assert!(letter.is_by(signer(7).verifier()));
    // A key of the same name is another.
    assert!(!letter.is_by(signer(8).verifier()));
    let altered = text.replace("failed", "succeeded");
    let (letter, says): (Letter, Value) = Letter::read(Subject::Deployment, &altered).unwrap();
    assert_eq!(says, json!({ "status": "succeeded" }));
    assert!(!letter.is_by(signer(7).verifier()));
    // What was signed as one thing is no other.
    assert!(matches!(Letter::read::<Value>(Subject::Grant, &text), Err(Invalid::Other(_))));
    assert!(Signed::read(&text).is_err());
    assert!(matches!(Letter::read::<Value>(Subject::Deployment, "failed"), Err(Invalid::Note(_))));
    let word = text.replace("{\n", "[\n");
    assert!(matches!(Letter::read::<Value>(Subject::Deployment, &word), Err(Invalid::Form(_))));
    let control = Letter::write(Subject::Deployment, &json!({ "url": "a\u{85}b" }), &signer(7));
    assert!(matches!(control, Err(Invalid::Form(_))), "{control:?}");
}
