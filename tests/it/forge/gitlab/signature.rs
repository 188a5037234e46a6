//! Whether a delivery is GitLab's.

use chrono::DateTime;
use countersign::forge::gitlab::signature::{HookSecret, Refused, Shown, delivery};
use countersign::forge::secret::Secret;

const BODY: &[u8] = b"{\"object_kind\":\"push\"}";

#[test]
fn t43_a_token_in_clear_has_to_be_the_one_and_alone() {
    let now = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
    let secret = HookSecret::token(&Secret::new("canary-token")).unwrap();
    let verify = |token: &[&[u8]]| {
        secret.verify(Shown { token, ..Shown::default() }, BODY, now).map(|delivery| delivery.body().to_vec())
    };
    assert_eq!(verify(&[b"canary-token"]).unwrap(), BODY);
    assert_eq!(verify(&[]), Err(Refused::NoToken));
    assert_eq!(verify(&[b"canary-token", b"canary-token"]), Err(Refused::NoToken));
    for wrong in [&b""[..], b"canary-toke", b"canary-token2", b"Canary-token"] {
        assert_eq!(verify(&[wrong]), Err(Refused::OtherToken));
    }
    assert!(HookSecret::token(&Secret::new(" \n")).is_err());
    assert!(!format!("{secret:?}").contains("canary"));
}

/// The example of the Standard Webhooks specification: key, id, instant, body and signature are theirs.
#[test]
fn t43_a_signature_is_as_standard_webhooks_has_it() {
    let key = HookSecret::signing(&Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")).unwrap();
    let body = br#"{"test": 2432232314}"#;
    let (id, at) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330);
    let expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    assert_eq!(key.signature(id, at, body).unwrap(), expected);
    let now = DateTime::from_timestamp(at, 0).unwrap();
    let verify = |id: &str, timestamp: &str, signature: &str, body: &[u8], seconds: i64| {
        let shown = Shown {
            token: &[b"anything"],
            id: &[id.as_bytes()],
            timestamp: &[timestamp.as_bytes()],
            signature: &[signature.as_bytes()],
        };
        key.verify(shown, body, now + chrono::Duration::seconds(seconds)).map(|_| ())
    };
    let stamp = at.to_string();
    assert_eq!(verify(id, &stamp, expected, body, 0), Ok(()));
    assert_eq!(verify(id, &stamp, &format!("v1,AAAA v2,x {expected}"), body, 299), Ok(()));
    assert_eq!(verify(id, &stamp, expected, body, 300), Ok(()));
    assert_eq!(verify(id, &stamp, expected, body, 301), Err(Refused::Late));
    assert_eq!(verify(id, &stamp, expected, body, -301), Err(Refused::Late));
    assert_eq!(verify(id, &stamp, expected, b"{}", 0), Err(Refused::Wrong));
    assert_eq!(verify("msg_other", &stamp, expected, body, 0), Err(Refused::Wrong));
    assert_eq!(verify(id, "1614265331", expected, body, 0), Err(Refused::Wrong));
    assert_eq!(verify(id, &stamp, "", body, 0), Err(Refused::Wrong));
    // With a dot in it nothing says where an id ends, and the same signature would be that of another delivery.
    let dotted = key.signature("msg.1", at, body).unwrap();
    assert_eq!(verify("msg.1", &stamp, &dotted, body, 0), Err(Refused::Dotted));
    assert_eq!(verify("msg", &format!("1.{at}"), &dotted, body, 0), Err(Refused::Late));
    // Where a key is set a token in clear is not enough.
    let shown = Shown { token: &[b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"], ..Shown::default() };
    assert!(matches!(key.verify(shown, body, now), Err(Refused::Unsigned)));
    for empty in ["", "whsec_", "whsec_?"] {
        assert!(HookSecret::signing(&Secret::new(empty)).is_err(), "{empty}");
    }
}

#[test]
fn a_delivery_is_known_again_by_its_key_or_by_what_it_says() {
    assert_eq!(delivery(Some(b"f5e5f430-f57b-4e6e-9fac-d9128cd7232f"), BODY), "f5e5f430-f57b-4e6e-9fac-d9128cd7232f");
    let by_body = delivery(None, BODY);
    assert!(by_body.starts_with("sha256-"), "{by_body}");
    assert_eq!(delivery(Some(b"a\nb"), BODY), by_body, "a key that is none");
    assert_eq!(delivery(Some(b""), BODY), by_body);
    assert_ne!(delivery(None, b"{}"), by_body);
}
