//! Whether a delivery is GitHub's (T41).

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use countersign::forge::github::client::Secret;
use countersign::forge::github::signature::{Empty, Refused, WebhookSecret};

use crate::support::{unhex, vectors};

fn secret(text: &str) -> WebhookSecret {
    WebhookSecret::new(&Secret::new(text)).unwrap()
}

fn signature(secret: &str, body: &[u8]) -> String {
    let digest = sign(&Key::new(HMAC_SHA256, secret.as_bytes()), body);
    let digits = digest.as_ref().iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    format!("sha256={digits}")
}

#[test]
fn t41_the_example_of_github_documentation_is_its_own() {
    let signed = b"sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let good = secret("It's a Secret to Everybody").verify(&[signed], b"Hello, World!").unwrap();
    assert_eq!(good.body(), b"Hello, World!");
}

/// Those of Wycheproof whose key is text, as a webhook's secret is; each has a tag that is not quite right.
#[test]
fn t41_macs_of_wycheproof_that_are_wrong_are_refused() {
    let Some(path) = vectors("hmac_sha256_test.json") else { return };
    let all: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let mut refused = 0;
    for group in all["testGroups"].as_array().unwrap().iter().filter(|group| group["tagSize"] == 256) {
        for case in group["tests"].as_array().unwrap() {
            let Ok(key) = String::from_utf8(unhex(&case["key"])) else { continue };
            let (body, signed) = (unhex(&case["msg"]), format!("sha256={}", case["tag"].as_str().unwrap()));
            if key.is_empty() || case["result"] == "valid" {
                continue;
            }
            let own = signature(&key, &body);
            assert!(secret(&key).verify(&[own.as_bytes()], &body).is_ok(), "case {}", case["tcId"]);
            let answer = secret(&key).verify(&[signed.as_bytes()], &body);
            assert!(matches!(answer, Err(Refused::Wrong)), "case {}", case["tcId"]);
            refused += 1;
        }
    }
    assert_eq!(refused, 54);
}

#[test]
fn t41_nothing_but_the_exact_signature_of_the_exact_bytes_is_taken() {
    let body = br#"{"action":"requested","environment":"production"}"#;
    let good = signature("secret", body);
    let secret = secret("secret");
    assert!(secret.verify(&[good.as_bytes()], body).is_ok());
    // Nothing, or more than one.
    assert_eq!(secret.verify(&[], body).unwrap_err(), Refused::Unsigned);
    assert_eq!(secret.verify(&[good.as_bytes(), good.as_bytes()], body).unwrap_err(), Refused::Unsigned);
    // Another form.
    let digits = &good[7..];
    for malformed in [
        String::new(),
        digits.to_owned(),
        format!("sha1={}", &digits[..40]),
        format!("SHA256={digits}"),
        format!("sha256={}", digits.to_uppercase()),
        format!("sha256={}", &digits[..63]),
        format!("sha256={digits}0"),
        format!("sha256= {}", &digits[1..]),
        format!(" {good}"),
        format!("{good} "),
        "sha256=".to_owned() + &"g".repeat(64),
    ] {
        assert_eq!(secret.verify(&[malformed.as_bytes()], body).unwrap_err(), Refused::Malformed, "{malformed}");
    }
    // Other bytes: read and written again, compressed, cut, with a line end, nothing.
    let again = serde_json::to_vec(&serde_json::from_slice::<serde_json::Value>(body).unwrap()).unwrap();
    let with_space = [b" ".as_slice(), body].concat();
    let with_end = [body.as_slice(), b"\n"].concat();
    assert_eq!(again, body.as_slice(), "this body is the same when it is written again, so the next ones are not");
    for other in [&with_space[..], &with_end, &body[1..], b"", b"\x1f\x8b\x08\x00"] {
        assert_eq!(secret.verify(&[good.as_bytes()], other).unwrap_err(), Refused::Wrong);
    }
    // One digit at each place.
    for at in 7..good.len() {
        let mut changed = good.clone().into_bytes();
        changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
        assert_eq!(secret.verify(&[&changed], body).unwrap_err(), Refused::Wrong);
    }
    // Another secret.
    assert_eq!(secret.verify(&[signature("Secret", body).as_bytes()], body).unwrap_err(), Refused::Wrong);
}

#[test]
fn t41_an_empty_secret_is_no_secret() {
    for empty in ["", "\n", "  "] {
        assert_eq!(WebhookSecret::new(&Secret::new(empty)).unwrap_err(), Empty);
    }
    assert_eq!(format!("{:?}", Secret::new("canary")), "Secret");
}
