use chrono::{DateTime, TimeZone as _, Utc};
use countersign::log::entry::{Entry, Kind, Unfit};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn at() -> DateTime<Utc> {
    Utc.timestamp_micros(1_790_000_000_123_456).unwrap()
}

fn entry(body: Value) -> Entry {
    let Value::Object(body) = body else { panic!("no object") };
    Entry { kind: Kind::Evidence, at: at(), body }
}

#[test]
fn an_entry_has_the_bytes_that_are_written_here() {
    let bytes = entry(json!({"z": [1, {"b": null, "a": true}], "a": "é\u{1}\"\\\n/", "n": -3})).bytes().unwrap();
    let expected = "{\"at\":1790000000123456,\"body\":{\"a\":\"é\\u0001\\\"\\\\\\n/\",\"n\":-3,\
                    \"z\":[1,{\"a\":true,\"b\":null}]},\"kind\":\"evidence\",\"v\":1}";
    assert_eq!(String::from_utf8(bytes).unwrap(), expected);
}

#[test]
fn the_instant_is_kept_to_the_microsecond_and_no_finer() {
    let fine = entry(json!({})).at + chrono::TimeDelta::nanoseconds(789);
    let entry = Entry { at: fine, ..entry(json!({})) };
    assert_eq!(Entry::parse(&entry.bytes().unwrap()).unwrap().at, at());
}

#[test]
fn every_kind_has_a_word_of_its_own() {
    let words: std::collections::BTreeSet<_> = Kind::ALL.iter().map(|kind| kind.word()).collect();
    assert_eq!(words.len(), Kind::ALL.len());
    for kind in Kind::ALL {
        assert_eq!(Kind::of(kind.word()), Some(*kind));
    }
    assert_eq!(Kind::of("Delivery"), None);
}

#[test]
fn what_two_readers_could_read_differently_is_no_entry() {
    let good = String::from_utf8(entry(json!({"a": 1})).bytes().unwrap()).unwrap();
    Entry::parse(good.as_bytes()).unwrap();
    let bad = [
        good.replace("\"a\":1", "\"a\":1.0"),
        good.replace("\"a\":1", "\"a\":1e3"),
        good.replace("\"a\":1", "\"a\":-0"),
        good.replace("\"a\":1", "\"a\":1,\"a\":1"),
        good.replace("\"a\":1", "\"b\":1,\"a\":1"),
        good.replace("\"a\":1", "\"\\u0061\":1"),
        good.replace("\"a\":1", "\"é\":1"),
        good.replace("\"a\":1", "\"a\": 1"),
        good.replace("\"a\":1", "\"a\":\"\\/\""),
        good.replace("\"a\":1", "\"a\":9007199254740993"),
        good.replace("\"v\":1", "\"v\":2"),
        good.replace("\"v\":1", "\"v\":1,\"w\":1"),
        good.replace("evidence", "rumour"),
        good.replace("1790000000123456", "1790000000.123456"),
        good.replace("1790000000123456", "\"1790000000123456\""),
        good.replace("1790000000123456", "99999999999999999999"),
        format!("{good}\n"),
        format!(" {good}"),
        format!("\u{feff}{good}"),
        format!("[{good}]"),
        good[..good.len() - 1].to_owned(),
        String::new(),
        "{}".to_owned(),
    ];
    for bad in bad {
        assert!(Entry::parse(bad.as_bytes()).is_err(), "{bad}");
    }
    assert!(Entry::parse(b"{\"at\":1,\"body\":{\"a\":\"\xff\"},\"kind\":\"evidence\",\"v\":1}").is_err());
}

#[test]
fn a_body_that_does_not_fit_is_refused_with_its_key() {
    assert_eq!(entry(json!({"a": {"share": 0.5}})).bytes(), Err(Unfit::Fraction("share".to_owned())));
    assert_eq!(entry(json!({"a": [9_007_199_254_740_992_u64]})).bytes(), Err(Unfit::Large("a".to_owned())));
    assert_eq!(entry(json!({"größe": 1})).bytes(), Err(Unfit::Key("größe".to_owned())));
    assert!(matches!(entry(json!({"a": "x".repeat(65_600)})).bytes(), Err(Unfit::TooLong(_))));
    let mut deep = json!(1);
    for _ in 0..80 {
        deep = json!([deep]);
    }
    assert!(matches!(entry(json!({"a": deep})).bytes(), Err(Unfit::Form(_))));
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-9_007_199_254_740_991_i64..=9_007_199_254_740_991).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec(("[ -~]{0,8}", inner), 0..6)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_and_has_one_form(pairs in prop::collection::vec(("[a-z_]{1,8}", value()), 0..6)) {
        let body: Map<String, Value> = pairs.iter().cloned().collect();
        let backwards: Map<String, Value> = body.clone().into_iter().rev().collect();
        let entry = Entry { kind: Kind::Facts, at: at(), body };
        let bytes = entry.bytes().unwrap();
        prop_assert_eq!(&Entry { body: backwards, ..entry.clone() }.bytes().unwrap(), &bytes);
        prop_assert_eq!(Entry::parse(&bytes).unwrap(), entry);
    }

    #[test]
    fn a_changed_byte_is_another_entry_or_none(place in 0_usize..90, to in any::<u8>()) {
        let bytes = entry(json!({"who": "ana", "what": ["x", 17], "z": {"k": false}})).bytes().unwrap();
        let mut other = bytes.clone();
        let place = place % bytes.len();
        other[place] = to;
        if other != bytes && let Ok(read) = Entry::parse(&other) {
            prop_assert_eq!(read.bytes().unwrap(), other);
        }
    }
}
