//! Annotations and outputs of a GitHub job.

use countersign::model::notable::Weight;
use countersign::model::verdict::Reason;
use countersign::report::github::{annotations, outputs};
use rstest::rstest;
use serde_json::Value;

use super::{HOSTILE, all_pass, attacked, decision, finding, gate, held, saying};

const DELIMITER: &str = "ghadelimiter_5f0c1b7e9a2d";

#[test]
fn annotations_of_a_release_that_may_go_on() {
    insta::assert_snapshot!(annotations(&all_pass(), Some("/work/repo")));
}

#[test]
fn annotations_of_a_release_that_is_held() {
    insta::assert_snapshot!(annotations(&held(), Some("/work/repo")));
}

#[test]
fn annotations_of_hostile_text() {
    insta::assert_snapshot!(annotations(&attacked(), Some("/work/repo")));
}

#[test]
fn outputs_of_a_release_that_is_held() {
    insta::assert_snapshot!(outputs(&held(), DELIMITER).unwrap());
}

#[rstest]
#[case("src/db.rs", Some("src/db.rs"))]
#[case("./src//db.rs", Some("src/db.rs"))]
#[case("src\\db.rs", Some("src/db.rs"))]
#[case("/work/repo/src/db.rs", Some("src/db.rs"))]
#[case("file:///work/repo/src/db.rs", Some("src/db.rs"))]
#[case("/work/repository/src/db.rs", None)]
#[case("/etc/passwd", None)]
#[case("file:///etc/passwd", None)]
#[case("file://host/share/x", None)]
#[case("FILE:///etc/passwd", None)]
#[case("../../etc/passwd", None)]
#[case("src/../../etc/passwd", None)]
#[case("/work/repo/../../etc/passwd", None)]
#[case("..\\..\\etc\\passwd", None)]
#[case("javascript:alert(1)", None)]
#[case("https://evil.example/x", None)]
#[case("//evil.example/x", None)]
#[case("C:\\Windows\\win.ini", None)]
#[case("/work/repo", None)]
#[case("/work/repo/", None)]
#[case(".", None)]
#[case("", None)]
#[case("a\u{202e}b", None)]
#[case("a\nb", None)]
fn t54_an_annotation_points_into_the_repository_or_nowhere(#[case] path: &str, #[case] file: Option<&str>) {
    let mut scan = gate("scan", Reason::RequirementNotMet, "no");
    scan.notables = vec![finding(Weight::Error, "R1", "found", path, 12)];
    let text = annotations(&decision("no", vec![scan]), Some("/work/repo"));
    let line = text.lines().last().unwrap();
    if let Some(file) = file {
        assert_eq!(line, format!("::error file={file},line=12,title=scan%3A R1::found"));
    } else {
        assert!(line.starts_with("::error title=scan%3A R1::found"), "{line}");
        assert!(!line.contains("file="), "{line}");
    }
}

#[test]
fn t54_a_path_that_is_no_location_is_shown_as_text() {
    let mut scan = gate("scan", Reason::RequirementNotMet, "no");
    scan.notables = vec![finding(Weight::Error, "R1", "found", "file:///etc/passwd", 12)];
    let text = annotations(&decision("no", vec![scan]), None);
    assert!(text.ends_with("::error title=scan%3A R1::found (file:///etc/passwd:12)\n"), "{text}");
}

#[test]
fn t54_a_million_findings_make_ten_annotations_of_each_level() {
    let mut gates = Vec::new();
    for number in 0..30 {
        let mut scan = gate(&format!("scan-{number}"), Reason::RequirementNotMet, "no");
        for weight in [Weight::Error, Weight::Warning, Weight::Note] {
            scan.notables.extend(std::iter::repeat_n(finding(weight, "R1", "found", "a.rs", 1), 100));
        }
        scan.notable_count = 1_000_000;
        gates.push(scan);
    }
    let text = annotations(&decision("no", gates), None);
    for level in ["::error ", "::warning ", "::notice "] {
        assert_eq!(text.lines().filter(|line| line.starts_with(level)).count(), 10, "{level}");
    }
    assert_eq!(text.lines().count(), 30);
    assert!(text.contains("(and 25 more gates, which the job's summary lists)"), "{text}");
}

#[test]
fn gates_take_the_room_that_findings_leave() {
    let gates = (0..12).map(|number| gate(&format!("g{number}"), Reason::RequirementNotMet, "no")).collect();
    let text = annotations(&decision("no", gates), None);
    assert_eq!(text.lines().count(), 10);
    assert!(text.lines().last().unwrap().contains("and 2 more gates"));
}

#[test]
fn the_findings_that_matter_most_are_annotated_first() {
    let mut scan = gate("scan", Reason::RequirementNotMet, "no");
    scan.notables = (0..50).map(|n| finding(Weight::Error, &format!("R{n}"), "m", "a.rs", n + 1)).collect();
    scan.notables[49].new = true;
    let text = annotations(&decision("no", vec![scan]), None);
    assert!(text.lines().nth(1).unwrap().contains("R49"), "{text}");
}

#[test]
fn findings_of_a_gate_that_passes_are_no_annotations() {
    let mut scan = gate("scan", Reason::RequirementMet, "yes");
    scan.notables = vec![finding(Weight::Error, "R1", "found", "a.rs", 1)];
    assert_eq!(annotations(&decision("yes", vec![scan]), None), "");
}

#[test]
fn a_message_stays_below_what_a_runner_takes() {
    let text = annotations(&saying(&"%🦀 ".repeat(20_000)), None);
    for line in text.lines() {
        let message = line.splitn(3, "::").last().unwrap().replace("%25", "%");
        assert!(message.len() <= 4_096, "{}", message.len());
    }
}

#[test]
fn t56_no_line_on_standard_output_is_a_command_of_somebody_else() {
    for text in HOSTILE {
        for line in annotations(&saying(text), Some("/work/repo")).lines() {
            assert!(
                ["::error ", "::warning ", "::notice "].iter().any(|own| line.starts_with(own)) && !line.contains("##"),
                "{line}"
            );
        }
    }
}

#[test]
fn t56_a_property_cannot_begin_another_property_or_the_message() {
    let text = annotations(&saying("x,file=/etc/passwd::boom"), None);
    for line in text.lines() {
        let (properties, _) = line.strip_prefix("::").unwrap().split_once("::").unwrap();
        assert!(!properties.contains(",file=/etc"), "{properties}");
    }
}

#[test]
fn outputs_are_read_back_as_a_runner_reads_them() {
    let mut decision = held();
    decision.gates[1].name = "sb\"om, the\nsecond".to_owned();
    let read = runner(&outputs(&decision, DELIMITER).unwrap());
    assert_eq!(
        read.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        ["decision", "id", "blocked", "held", "json"]
    );
    assert_eq!(read[0].1, "hold");
    assert_eq!(read[1].1, decision.id);
    assert_eq!(read[2].1, r#"["scan"]"#);
    let held: Value = serde_json::from_str(&read[3].1).unwrap();
    assert_eq!(held, serde_json::json!(["scan", "load-test", "sb\"om, the\nsecond"]));
    let document: Value = serde_json::from_str(&read[4].1).unwrap();
    assert_eq!(document["decision"], "hold");
}

#[rstest]
#[case::occurs_in_a_name("ghadelimiter_5f0c1b7e9a2d")]
#[case::too_short_to_be_random("EOF")]
#[case::empty("")]
#[case::two_lines("abcdefghijklmnop\nqrstuvwxyz")]
fn t56_a_delimiter_that_could_end_a_value_early_is_refused(#[case] delimiter: &str) {
    let decision = saying(&format!("x\n{DELIMITER}\ndecision=proceed"));
    let error = outputs(&decision, delimiter).unwrap_err().to_string();
    assert!(error.contains("run again with another random one"), "{error}");
}

#[test]
fn t56_a_line_end_in_a_name_makes_no_second_output() {
    for text in HOSTILE {
        let read = runner(&outputs(&saying(text), DELIMITER).unwrap());
        assert_eq!(read.len(), 5, "{text:?}");
        assert_eq!(read[0], ("decision".to_owned(), "hold".to_owned()));
    }
}

/// Reads the file as GitHub's runner does: `name<<delimiter`, lines, `delimiter`.
pub fn runner(text: &str) -> Vec<(String, String)> {
    let mut read = Vec::new();
    let mut lines = text.split('\n');
    while let Some(line) = lines.next().filter(|line| !line.is_empty()) {
        let (name, delimiter) = line.split_once("<<").expect("only the multi-line form is used");
        let value: Vec<_> = lines.by_ref().take_while(|line| *line != delimiter).collect();
        read.push((name.to_owned(), value.join("\n")));
    }
    read
}
