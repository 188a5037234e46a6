//! What a gate says of a file that is damaged before anything tells its format.

use rstest::rstest;

use crate::support::run::{World, gate};

const POLICY: &str = r#"
version: 1
environments: { production: { approval: automatic } }
gates:
  it: { KIND: "report", require: "true" }
"#;

fn nested(sign: &str) -> String {
    format!("{{\"x\":{}", sign.repeat(1_000_000))
}

#[rstest]
#[case::billion_laughs(
    "junit",
    "<!DOCTYPE l [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;\">]><testsuites name=\"&b;\"/>",
    ("malformed", "line 1, column 1: the document declares an internal DTD subset, which no report needs; write it without")
)]
#[case::internal_dtd(
    "coverage",
    "<!DOCTYPE report SYSTEM \"r.dtd\" [<!ELEMENT a ANY>]>\n<report/>",
    ("malformed", "line 1, column 1: the document declares an internal DTD subset")
)]
#[case::huge_attribute(
    "junit",
    &format!("<testsuites name=\"{}\"/>", "a".repeat(2_000_000)),
    ("beyond_limit", "line 1, column 1: a tag of 2000018 bytes, where at most 1048576 are read")
)]
#[case::cut_root("junit", "<testsuite name=\"a\"", ("malformed", "line 1, column 1: a tag that is not closed"))]
#[case::cut_declaration("junit", "<?xml version=\"1.0\"", ("malformed", "a `<?` without its `?>`"))]
#[case::cut_object("sarif", "{\"version\":\"2.1.0\"", ("malformed", "column 18: expected `,` or `}`, found the end of the document; it was cut off"))]
#[case::not_a_number("sarif", "{\"x\":NaN,\"version\":\"2.1.0\"}", ("malformed", "line 1, column 6: expected a value, found `N`"))]
#[case::twice("sarif", "{\"a\":1,\n \"a\":2,\"runs\":[]}", ("malformed", "the key `a`"))]
#[case::arrays_without_end("sarif", &nested("["), ("beyond_limit", "column 518: values stand inside one another more than 512 deep"))]
#[case::objects_without_end("scan", &nested("{\"a\":"), ("beyond_limit", "column 2562: values stand inside one another more than 512 deep"))]
#[case::nothing_of_ours("sarif", "{\"a\":1}", ("unrecognised", "none of the formats that this gate reads: SARIF"))]
#[case::a_page("sarif", "<p align=center>Title</p>\n", ("unrecognised", "none of the formats"))]
#[case::a_log("sarif", "[INFO] Scanning for projects...\n", ("unrecognised", "none of the formats"))]
fn t51_damage_before_a_mark_is_told_with_its_place(
    #[case] kind: &str,
    #[case] content: &str,
    #[case] expected: (&str, &str),
) {
    let world = World::with_policy(&POLICY.replace("KIND", kind));
    world.write("report", content);
    let (code, decision) = world.gate(&[]);
    let gate = gate(&decision, "it");
    let explanation = gate["explanation"].as_str().unwrap();
    assert_eq!((code, gate["reason"].as_str().unwrap()), (3, expected.0), "{explanation}");
    assert!(explanation.contains(expected.1), "{explanation}");
}

#[test]
fn a_byte_that_is_not_utf_8_in_the_root_is_told_with_its_place() {
    let world = World::with_policy(&POLICY.replace("KIND", "junit"));
    world.write("report", b"<testsuites name=\"\xFF\"/>");
    let (code, decision) = world.gate(&[]);
    let explanation = gate(&decision, "it")["explanation"].as_str().unwrap().to_owned();
    assert_eq!(code, 3);
    assert!(explanation.contains("line 1, column 19: not UTF-8; write the file as UTF-8"), "{explanation}");
}

#[test]
fn a_binary_log_of_gatling_is_told_with_what_to_give_instead() {
    let world = World::with_policy(&POLICY.replace("KIND", "load"));
    world.write("report", b"\0\0\0\0\x063.14.4\0\0\0\xFF\xFE\x80simulation");
    let (code, decision) = world.gate(&[]);
    let explanation = gate(&decision, "it")["explanation"].as_str().unwrap().to_owned();
    assert_eq!(code, 3);
    assert!(explanation.contains("binary simulation log of Gatling 3.14.4"), "{explanation}");
    assert!(explanation.contains("js/global_stats.json"), "{explanation}");
}
