//! The signature of a job's token, against vectors that others wrote.

use countersign::forge::token::jws::{Key, Parsed, Refused};
use serde_json::Value;

use crate::support::vectors;

/// What comes of a token under a key.
fn judged(token: &str, key: Option<&Key>) -> Result<(), Refused> {
    let parsed = Parsed::read(token)?;
    parsed.payload(key.ok_or(Refused::UnknownKey)?).map(drop)
}

#[test]
fn t45_of_the_401_tokens_of_wycheproof_only_those_are_taken_that_rs256_or_es256_signed() {
    let Some(path) = vectors("json_web_signature_test.json") else { return };
    let all: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let (mut good, mut refused, mut other) = (0, 0, 0);
    for group in all["testGroups"].as_array().unwrap() {
        // A key of a kind that nobody here knows is no key.
        let key: Option<Key> = serde_json::from_value(group["public"].clone()).ok();
        let ours = matches!(group["public"]["alg"].as_str(), Some("RS256" | "ES256"));
        for case in group["tests"].as_array().unwrap() {
            let token = case["jws"].as_str().map_or_else(|| case["jws"].to_string(), str::to_owned);
            let judged = judged(&token, key.as_ref());
            let names_its_key = !matches!(judged, Err(Refused::NoKey));
            match (case["result"].as_str().unwrap(), &judged) {
                ("valid", Ok(())) => good += 1,
                // HMAC, RSA-PSS and longer digests sign nothing here, and neither does who does not say who he is.
                ("valid", Err(_)) if !ours || !names_its_key => other += 1,
                ("invalid", Err(_)) => refused += 1,
                (result, judged) => panic!("case {} is {result}, and here {judged:?}", case["tcId"]),
            }
        }
    }
    assert_eq!((good, refused, other), (10, 355, 36));
}

#[test]
fn a_token_is_read_to_its_last_letter() {
    for token in ["", ".", "..", "a.b.c", "e30.e30.", "eyJhbGciOiJSUzI1NiIsImtpZCI6ImsifQ.e30", "e30=.e30.e30"] {
        assert!(matches!(Parsed::read(token), Err(Refused::Form)), "{token}");
    }
    // Two of the same name: which one counts is nobody's to choose.
    let twice = "eyJhbGciOiJub25lIiwiYWxnIjoiUlMyNTYiLCJraWQiOiJrIn0.e30.e30";
    assert!(matches!(Parsed::read(twice), Err(Refused::Form)));
    let long = format!("eyJhbGciOiJSUzI1NiIsImtpZCI6ImsifQ.{}.e30", "e30".repeat(10_000));
    assert!(matches!(Parsed::read(&long), Err(Refused::Form)));
}
