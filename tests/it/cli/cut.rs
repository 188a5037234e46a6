//! Reports that are cut short, or that contradict themselves, through the command.

use rstest::rstest;

use crate::support::corpus;
use crate::support::run::{World, gate};

fn judged(gate_says: &str, name: &str, content: &str) -> (i32, serde_json::Value) {
    let world = World::with_policy(&format!(
        "version: 1\nenvironments: {{ production: {{ approval: automatic }} }}\ngates:\n  it: {{ {gate_says} }}\n"
    ));
    world.write(name, content);
    let (code, decision) = world.gate(&[]);
    (code, gate(&decision, "it").clone())
}

const LAST_IS_ELAPSED: &str = "timeStamp,success,elapsed\n1700000000000,true,10\n1700000001000,true,100\n";
const LAST_IS_LATENCY: &str = "timeStamp,elapsed,success,Latency\n1700000000000,10,true,5\n1700000001000,100,true,55\n";

#[test]
fn a_row_of_jmeter_that_is_cut_in_a_number_is_no_row() {
    let load = r#"load: "a.csv", require: "load.mean_ms <= 60""#;
    assert_eq!(judged(load, "a.csv", LAST_IS_ELAPSED).0, 0);
    for cut in 1..4 {
        let (code, it) = judged(load, "a.csv", &LAST_IS_ELAPSED[..LAST_IS_ELAPSED.len() - cut]);
        assert_eq!((code, &it["reason"]), (3, &"malformed".into()), "{it:#}");
    }
    let (_, it) = judged(load, "a.csv", LAST_IS_ELAPSED.trim_end());
    assert!(
        it["explanation"].as_str().unwrap().contains("the last line has no line end, so the file is cut short"),
        "{it:#}"
    );
    // Where what is cut is not read, nothing that counts can have changed, and every row has all its fields.
    assert_eq!(judged(load, "a.csv", &LAST_IS_LATENCY[..LAST_IS_LATENCY.len() - 2]).0, 0);
    assert_eq!(judged(load, "a.csv", &LAST_IS_LATENCY[..LAST_IS_LATENCY.len() - 4]).0, 3);
}

#[test]
fn no_cut_of_a_gatling_log_within_a_line_passes() {
    let Some(file) = corpus("gatling/taurus__tests__resources__gatling__gatling-2-000__simulation.log") else { return };
    let log = std::fs::read_to_string(file).unwrap();
    let load = r#"load: "simulation.log", require: "load.requests > 0""#;
    assert_eq!(judged(load, "simulation.log", &log).0, 0);
    for at in [858, 905, 930] {
        let (code, it) = judged(load, "simulation.log", &log[..at]);
        assert_eq!((code, &it["reason"]), (3, &"malformed".into()), "{at}: {it:#}");
    }
}

#[test]
fn no_cut_of_a_tag_value_document_within_a_line_passes() {
    let document = "SPDXVersion: SPDX-2.3\nPackageName: a\nSPDXID: SPDXRef-a\nPackageVersion: 1\nPackageLicenseDeclared: MIT AND GPL-3.0-only\n";
    let sbom = r#"sbom: "a.spdx", require: "!('GPL-3.0-only' in sbom.licences)""#;
    assert_eq!(judged(sbom, "a.spdx", document).0, 11);
    let begin = document.find("MIT").unwrap();
    for end in begin..document.len() {
        assert_eq!(judged(sbom, "a.spdx", &document[..end]).0, 3, "{}", &document[..end]);
    }
}

#[rstest]
#[case::ten(r#"<testcase name="NUMBER" classname="c" time="0.35"/>"#, 10, "3.5s")]
#[case::thousand(r#"<testcase name="NUMBER" classname="c" time="0.1"/>"#, 1000, "100s")]
#[case::milliseconds(r#"<testcase name="NUMBER" classname="c" time="0.001"/>"#, 999, "999ms")]
fn lengths_of_tests_add_up_as_people_add_them(#[case] one: &str, #[case] count: usize, #[case] sum: &str) {
    let cases: String = (0..count).map(|number| one.replace("NUMBER", &number.to_string())).collect();
    let require = format!(r#"junit: "a.xml", require: "tests.time == duration('{sum}')""#);
    let (code, it) = judged(&require, "a.xml", &format!("<testsuite>{cases}</testsuite>"));
    assert_eq!(code, 0, "{it:#}");
}

#[rstest]
#[case::nothing_listed(
    r#"{"ok":false,"vulnerabilities":[],"dependencyCount":0,"projectName":"shop"}"#,
    3,
    "contradictory"
)]
#[case::one_project_of_two(
    r#"[{"ok":true,"vulnerabilities":[],"projectName":"a"},{"ok":false,"vulnerabilities":[],"projectName":"shop"}]"#,
    3,
    "contradictory"
)]
// What an image states is about its operating system; its applications speak for themselves.
#[case::in_an_application(
    r#"{"ok":false,"vulnerabilities":[],"projectName":"i","applications":[{"ok":false,"projectName":"a","vulnerabilities":[{"id":"S-1","severity":"low","packageName":"p","version":"1"}]}]}"#,
    3,
    "contradictory"
)]
#[case::an_image_and_its_application(
    r#"{"ok":true,"vulnerabilities":[],"projectName":"i","uniqueCount":0,"applications":[{"ok":false,"projectName":"a","uniqueCount":1,"vulnerabilities":[{"id":"S-1","severity":"low","packageName":"p","version":"1"}]}]}"#,
    0,
    "requirement_met"
)]
#[case::ok(r#"{"ok":true,"vulnerabilities":[],"projectName":"shop"}"#, 0, "requirement_met")]
#[case::osv_null(r#"{"results":null}"#, 3, "malformed")]
#[case::osv_clean(r#"{"results":[]}"#, 0, "requirement_met")]
fn a_scan_that_contradicts_itself_never_passes(#[case] report: &str, #[case] code: i32, #[case] reason: &str) {
    let (exit, it) = judged(r#"scan: "a.json", require: "vulnerabilities.high == 0""#, "a.json", report);
    assert_eq!((exit, it["reason"].as_str().unwrap()), (code, reason), "{it:#}");
}
