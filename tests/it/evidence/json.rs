//! The reader of JSON, with `serde_json` as the judge of what is JSON.

use std::borrow::Cow;

use countersign::evidence::json::{self, Later, Node, Scalar, Step};
use countersign::model::bounds::Bounds;
use countersign::model::report::{Fault, Place};
use countersign::model::verdict::Reason;
use proptest::prelude::*;
use rstest::rstest;

fn skipped(bytes: &[u8]) -> Result<(), Fault> {
    json::walk(bytes, |root| root.source().map(|_| ()))
}

/// Walks every object and array, and takes every scalar.
fn taken(bytes: &[u8]) -> Result<(), Fault> {
    fn take(node: &mut Node<'_, '_>) -> Step {
        let here: Later<'_> = node.later();
        match node.scalar()? {
            Scalar::Compound => here.walk(|node| node.either(|_, value| take(value), take)),
            _ => Ok(()),
        }
    }
    json::walk(bytes, take)
}

fn is_json(bytes: &[u8]) -> bool {
    serde_json::from_slice::<serde_json::Value>(bytes).is_ok()
}

#[rstest]
#[case("{}")]
#[case("[]")]
#[case(" [ 1 , -0 , 0.5e-7 , 1E+3 , true , false , null , \"\" ] \n")]
#[case(r#"{"a":{"b":[{"c":[[]]}]},"d":"\"\\\/\b\f\n\r\t\u00e4\ud83d\ude00"}"#)]
#[case("\"a text of more than eight bytes, and ä\"")]
#[case("0")]
#[case("")]
#[case(" ")]
#[case("{")]
#[case("[")]
#[case("{\"a\"}")]
#[case("{\"a\":}")]
#[case("{\"a\":1,}")]
#[case("{,}")]
#[case("{a:1}")]
#[case("[1,]")]
#[case("[,1]")]
#[case("[1 2]")]
#[case("[1}")]
#[case("{\"a\":1]")]
#[case("01")]
#[case("-")]
#[case("1.")]
#[case(".5")]
#[case("1e")]
#[case("+1")]
#[case("1e999")]
#[case("NaN")]
#[case("[NaN]")]
#[case("Infinity")]
#[case("nul")]
#[case("truest")]
#[case("\"\\x\"")]
#[case("\"\\u12g4\"")]
#[case("\"\\u12")]
#[case("\"a\nb\"")]
#[case("\"12345678\u{1}\"")]
#[case("\"open")]
#[case("\"ends in a backslash\\")]
#[case("{} {}")]
#[case("[1]x")]
#[case("'a'")]
#[case("// comment\n1")]
fn what_is_json_is_told_as_serde_json_tells_it(#[case] text: &str) {
    assert_eq!(taken(text.as_bytes()).is_ok(), is_json(text.as_bytes()), "taken: {text}");
    // What is skipped may hold numbers of any size: nobody asked for their value.
    let expected = is_json(text.as_bytes()) || text == "1e999";
    assert_eq!(skipped(text.as_bytes()).is_ok(), expected, "skipped: {text}");
}

proptest! {
    #[test]
    fn any_text_of_json_letters_is_told_as_serde_json_tells_it(text in r#"[\[\]{}:,"ab\\u0e1.\- tnl\x01]{0,40}"#) {
        let expected = is_json(text.as_bytes());
        // Keys that stand twice are where we are stricter.
        match taken(text.as_bytes()) {
            Err(fault) if fault.message.contains("stands twice") => prop_assert!(expected),
            outcome => prop_assert_eq!(outcome.is_ok(), expected, "taken: {}", text),
        }
        if expected {
            prop_assert!(skipped(text.as_bytes()).is_ok());
        }
    }

    #[test]
    fn a_document_with_one_byte_changed_is_told_as_serde_json_tells_it(at in 0_usize..200, byte in 0x20_u8..0x7f) {
        let mut bytes = br#"{"one":[1,2.5e3,{"two":null,"three":"a\u0041\n text that is long"}],"four":{"five":[true,false,[[],{}]]},"six":"end"}"#.to_vec();
        let at = at % bytes.len();
        bytes[at] = byte;
        let expected = is_json(&bytes);
        match taken(&bytes) {
            Err(fault) if fault.message.contains("stands twice") => {}
            outcome => prop_assert_eq!(outcome.is_ok(), expected, "taken: {}", String::from_utf8_lossy(&bytes)),
        }
        if expected {
            prop_assert!(skipped(&bytes).is_ok());
        }
    }

    #[test]
    fn texts_come_out_as_serde_json_reads_them(text in "\\PC{0,40}", escape in any::<bool>()) {
        let mut written = serde_json::to_string(&text).unwrap();
        if escape {
            let units: Vec<_> = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
            written = format!("\"{}\"", units.concat());
        }
        let mut read = None;
        json::walk(written.as_bytes(), |root| {
            read = root.text()?.map(Cow::into_owned);
            Ok(())
        }).unwrap();
        prop_assert_eq!(read, Some(text));
    }

    #[test]
    fn numbers_come_out_as_rust_reads_them(number in any::<f64>().prop_filter("finite", |number| number.is_finite())) {
        let written = format!("{number:e}");
        let mut read = None;
        json::walk(written.as_bytes(), |root| {
            read = root.number()?;
            Ok(())
        }).unwrap();
        prop_assert_eq!(read, Some(number));
    }
}

/// A text is passed over eight bytes at a time.
#[test]
fn every_byte_ends_a_text_or_does_not_wherever_it_stands() {
    for byte in 0..=0x7F_u8 {
        for before in 0..17 {
            let text = format!("\"{}{}\u{e4}\u{7f} and a tail of eight\"", "a".repeat(before), char::from(byte));
            let text = text.as_bytes();
            assert_eq!(skipped(text).is_ok(), is_json(text), "the byte {byte:#04x} after {before}");
            assert_eq!(taken(text).is_ok(), is_json(text), "the byte {byte:#04x} after {before}");
        }
    }
}

#[test]
fn an_error_names_line_and_column() {
    let fault = skipped(b"{\n  \"a\": 1,\n  \"b\": ]\n}").unwrap_err();
    assert_eq!((fault.reason, fault.place), (Reason::Malformed, Place::Line(3, 8)));
    assert_eq!(fault.message, "expected a value, found `]`");
}

#[test]
fn a_message_of_a_format_gets_the_place_where_the_walk_stopped() {
    let fault = json::walk(b"{\n\"a\": -1}", |root| root.object(|_, value| value.count().map(|_| ()))).unwrap_err();
    assert_eq!(fault.place, Place::Line(2, 8));
    assert_eq!(fault.message, "expected a count, found -1");
}

#[test]
fn a_cut_off_document_says_so() {
    let fault = skipped(br#"{"a":[1,"#).unwrap_err();
    assert_eq!(fault.place, Place::Line(1, 8));
    assert_eq!(fault.message, "expected a value, found the end of the document; it was cut off");
}

#[rstest]
#[case(r#"{"a":1,"b":2,"a":3}"#)]
#[case(r#"{"a":1,"\u0061":3}"#)]
#[case(r#"{"\u0061":1,"a":3}"#)]
fn t53_a_key_that_stands_twice_is_refused(#[case] text: &str) {
    let fault = json::walk(text.as_bytes(), |root| root.object(|_, _| Ok(()))).unwrap_err();
    assert_eq!(fault.message, "the key `a` stands twice in one object; keep one of them");
}

#[test]
fn t53_a_key_that_stands_twice_among_many_is_refused_in_good_time() {
    let keys: Vec<_> = (0..99_000).map(|number| format!("\"key{number}\":0")).collect();
    let text = format!("{{{},\"key0\":1}}", keys.join(","));
    let fault = json::walk(text.as_bytes(), |root| root.object(|_, _| Ok(()))).unwrap_err();
    assert_eq!(fault.message, "the key `key0` stands twice in one object; keep one of them");
}

#[test]
fn t53_an_object_of_too_many_keys_is_beyond_the_limit() {
    let keys: Vec<_> = (0..Bounds::LEFT_OUT.keys + 100).map(|number| format!("\"{number}\":0")).collect();
    let fault =
        json::walk(format!("{{{}}}", keys.join(",")).as_bytes(), |root| root.object(|_, _| Ok(()))).unwrap_err();
    assert_eq!(fault.reason, Reason::BeyondLimit);
}

#[rstest]
#[case("[")]
#[case("{\"a\":")]
#[case("[{\"a\":")]
fn t51_a_million_levels_are_beyond_the_limit(#[case] level: &str) {
    let text = level.repeat(1_000_000);
    assert_eq!(skipped(text.as_bytes()).unwrap_err().reason, Reason::BeyondLimit);
    assert_eq!(taken(text.as_bytes()).unwrap_err().reason, Reason::BeyondLimit);
    let unasked = json::walk(text.as_bytes(), |root| root.either(|_, _| Ok(()), |_| Ok(()))).unwrap_err();
    assert_eq!(unasked.reason, Reason::BeyondLimit);
}

#[test]
fn what_is_skipped_may_be_as_deep_as_the_limit_says() {
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels) + "1", "]".repeat(levels));
    assert_eq!(skipped(deep(Bounds::LEFT_OUT.depth).as_bytes()), Ok(()));
    assert!(skipped(deep(Bounds::LEFT_OUT.depth + 1).as_bytes()).is_err());
}

#[test]
fn a_text_beyond_the_limit_is_refused_when_taken_and_passed_over_otherwise() {
    let text = format!("\"{}\"", "x".repeat(Bounds::LEFT_OUT.text + 1));
    assert_eq!(skipped(text.as_bytes()), Ok(()));
    assert_eq!(taken(text.as_bytes()).unwrap_err().reason, Reason::BeyondLimit);
}

#[test]
fn half_a_surrogate_pair_is_refused() {
    for text in [r#""\ud800""#, r#""\ud800\u0041""#, r#""\udc00\ud800""#] {
        assert!(taken(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn a_value_to_come_back_to_is_read_where_it_stands() {
    let mut later = None;
    let mut seen = Vec::new();
    let fault = json::walk(b"[1,\n2,\n-3]", |root| {
        root.array(|element| {
            if later.is_none() {
                later = Some(element.later());
            }
            Ok(())
        })?;
        later.unwrap().walk_rest(|element| {
            seen.push(element.count()?);
            Ok(())
        })
    })
    .unwrap_err();
    assert_eq!(seen, [Some(1), Some(2)]);
    assert_eq!(fault.place, Place::Line(3, 3));
}

#[test]
fn an_object_or_a_value_is_told_apart_and_an_array_is_neither() {
    fn read(text: &str) -> Result<(u32, Scalar<'_>), String> {
        let mut keys = 0;
        let mut found = Scalar::Null;
        json::walk(text.as_bytes(), |root| {
            found = root.object_or_scalar(|_, _| {
                keys += 1;
                Ok(())
            })?;
            Ok(())
        })
        .map(|()| (keys, found))
        .map_err(|fault| fault.message)
    }
    assert_eq!(read(r#"{"a":1,"b":2}"#), Ok((2, Scalar::Compound)));
    assert_eq!(read("true"), Ok((0, Scalar::Flag(true))));
    assert_eq!(read("[1]"), Err("expected an object or a value, found an array".to_owned()));
}

#[test]
fn documents_that_adjoin_are_walked_one_after_another() {
    let mut count = 0;
    let mut walk = |text: &str| {
        count = 0;
        json::walk_each(text.as_bytes(), &Bounds::LEFT_OUT, |node| {
            count += 1;
            node.skip()
        })
        .map(|()| count)
    };
    assert_eq!(walk("{}\n{}\n[1]"), Ok(3));
    assert_eq!(walk("{}{}"), Ok(2));
    assert_eq!(walk(" \n"), Ok(0));
    assert!(walk("{}\n{").is_err());
}
