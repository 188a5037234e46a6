//! The decision document and its schema.

use countersign::report::json::{SCHEMA_ID, compact, pretty, schema, within};
use serde_json::Value;

use super::{all_pass, attacked, held, saying};

#[test]
fn a_release_that_may_go_on() {
    insta::assert_snapshot!(pretty(&all_pass()).unwrap());
}

#[test]
fn a_release_that_is_held() {
    insta::assert_snapshot!(pretty(&held()).unwrap());
}

#[test]
fn hostile_text_is_one_line_of_visible_characters() {
    insta::assert_snapshot!(compact(&attacked()).unwrap());
}

#[test]
fn the_schema_names_every_key_that_a_document_has() {
    let schema: Value = serde_json::from_str(&schema().unwrap()).unwrap();
    assert_eq!(schema["$id"], SCHEMA_ID);
    assert_eq!(schema["properties"]["version"]["const"], 1);
    let document: Value = serde_json::from_str(&compact(&held()).unwrap()).unwrap();
    for key in document.as_object().unwrap().keys() {
        assert!(!schema["properties"][key].is_null(), "the schema lacks `{key}`");
    }
    let gate = document["gates"][2].as_object().unwrap();
    for key in gate.keys() {
        assert!(!schema["$defs"]["GateDecision"]["properties"][key].is_null(), "the schema lacks a gate's `{key}`");
    }
}

#[test]
fn compact_and_pretty_are_the_same_document() {
    let short: Value = serde_json::from_str(&compact(&held()).unwrap()).unwrap();
    let long: Value = serde_json::from_str(&pretty(&held()).unwrap()).unwrap();
    assert_eq!(short, long);
    assert!(!compact(&held()).unwrap().contains('\n'));
    assert!(pretty(&held()).unwrap().ends_with("}\n"));
}

#[test]
fn t57_the_document_keeps_a_formula_as_it_was_written_and_no_surface_is_a_spreadsheet() {
    for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\0x", "=cmd|'/c calc'!A0", "a\"b,c\nd"] {
        let document: Value = serde_json::from_str(&compact(&saying(text)).unwrap()).unwrap();
        assert_eq!(document["gates"][0]["explanation"], text);
    }
}

#[test]
fn t58_invisible_characters_are_escaped_and_read_back_the_same() {
    let text = "a\u{202e}b\u{200b}c\u{9b}d\u{7f}e\u{e0001}f\u{2028}g ##[error]";
    let written = compact(&saying(text)).unwrap();
    assert!(written.is_ascii(), "{written}");
    assert!(!written.contains("##"));
    let read: Value = serde_json::from_str(&written).unwrap();
    assert_eq!(read["gates"][0]["name"], text);
    assert_eq!(read["environment"], text);
}

#[test]
fn a_document_that_fits_is_whole() {
    assert_eq!(within(&held(), 100_000).unwrap(), compact(&held()).unwrap());
}

#[test]
fn evidence_is_left_out_first_and_the_document_says_so() {
    let mut decision = held();
    let scan = decision.gates.iter_mut().find(|gate| gate.name == "scan").unwrap();
    scan.evidence = vec![scan.evidence[0].clone(); 1_000];
    scan.evidence_count = 1_000;
    let text = within(&decision, 10_000).unwrap();
    assert!(text.len() <= 10_000);
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["left_out"], "the lists of evidence");
    assert_eq!(document["gates"][2]["evidence"], Value::Array(Vec::new()));
    assert_eq!(document["gates"][2]["evidence_count"], 1_000);
    assert_eq!(document["gates"][2]["measures"]["findings.error"], 3);
}

#[test]
fn the_gates_that_hold_are_left_out_last() {
    let text = within(&held(), 1_900).unwrap();
    assert!(text.len() <= 1_900, "{}", text.len());
    let document: Value = serde_json::from_str(&text).unwrap();
    let names: Vec<_> = document["gates"].as_array().unwrap().iter().map(|gate| gate["name"].clone()).collect();
    assert_eq!(names, ["scan", "load-test"]);
    assert_eq!(document["left_out"], "the lists of evidence, the measures, and 4 of 6 gates");
    assert_eq!(document["decision"], "hold");
}
