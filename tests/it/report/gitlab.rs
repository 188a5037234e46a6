//! The dotenv report and the Code Quality report of a GitLab job.

use std::collections::HashSet;

use countersign::model::notable::Weight;
use countersign::model::verdict::Reason;
use countersign::report::gitlab::{code_quality, dotenv};
use rstest::rstest;
use serde_json::Value;

use super::{HOSTILE, all_pass, attacked, decision, finding, gate, held, saying};

const KEYS: &[&str] = &[
    "COUNTERSIGN_DECISION",
    "COUNTERSIGN_DECISION_ID",
    "COUNTERSIGN_DECISION_ENVIRONMENT",
    "COUNTERSIGN_DECISION_COMMIT",
    "COUNTERSIGN_DECISION_POLICY",
    "COUNTERSIGN_GATES",
    "COUNTERSIGN_BLOCKED_COUNT",
    "COUNTERSIGN_BLOCKED",
    "COUNTERSIGN_HELD_COUNT",
    "COUNTERSIGN_HELD",
];

#[test]
fn dotenv_of_a_release_that_may_go_on() {
    insta::assert_snapshot!(dotenv(&all_pass()));
}

#[test]
fn dotenv_of_a_release_that_is_held() {
    insta::assert_snapshot!(dotenv(&held()));
}

#[test]
fn dotenv_of_hostile_text() {
    insta::assert_snapshot!(dotenv(&attacked()));
}

#[test]
fn code_quality_of_a_release_that_is_held() {
    insta::assert_snapshot!(code_quality(&held(), Some("/work/repo")).unwrap());
}

#[test]
fn code_quality_of_hostile_text() {
    insta::assert_snapshot!(code_quality(&attacked(), Some("/work/repo")).unwrap());
}

#[test]
fn code_quality_of_a_release_that_may_go_on_is_empty() {
    assert_eq!(code_quality(&all_pass(), None).unwrap(), "[]\n");
}

/// GitLab's rules: a key of letters, digits and underscores, `=`, and a value
/// without spaces, quotes or line ends; no empty lines, no comments; at most
/// 5 KB and 20 variables.
pub fn assert_dotenv(text: &str) {
    assert!(text.len() <= 5_000, "{} bytes", text.len());
    let mut keys = Vec::new();
    for line in text.lines() {
        let (key, value) = line.split_once('=').expect("every line has a key");
        keys.push(key);
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%,".contains(&byte);
        assert!(value.bytes().all(plain), "{line}");
    }
    assert_eq!(keys, KEYS);
}

#[test]
fn t56_a_line_end_in_a_name_makes_no_second_variable() {
    for text in HOSTILE {
        let written = dotenv(&saying(text));
        assert_dotenv(&written);
        assert!(written.starts_with("COUNTERSIGN_DECISION=hold\n"));
    }
}

#[test]
fn a_name_is_decoded_to_what_it_was() {
    let name = "größe, 100 %\n=x";
    let written = dotenv(&decision("no", vec![gate(name, Reason::RequirementNotMet, "no")]));
    let value = written.lines().find_map(|line| line.strip_prefix("COUNTERSIGN_HELD=")).unwrap();
    assert_eq!(value, "gr%C3%B6%C3%9Fe%2C%20100%20%25%0A%3Dx");
}

#[test]
fn the_counts_are_of_all_gates_where_a_list_is_cut() {
    let gates = (0..2_000).map(|n| gate(&format!("gate-{n:04}"), Reason::RequirementNotMet, "no")).collect();
    let written = dotenv(&decision("no", gates));
    assert_dotenv(&written);
    assert!(written.contains("COUNTERSIGN_HELD_COUNT=2000\n"));
    assert!(written.contains("COUNTERSIGN_HELD=gate-0000,gate-0001,"));
}

#[test]
fn t54_code_quality_names_only_paths_inside_the_repository() {
    let mut scan = gate("scan", Reason::RequirementNotMet, "no");
    for path in ["../../etc/passwd", "file:///etc/passwd", "javascript:alert(1)", "/etc/passwd", "./src/a.rs"] {
        scan.notables.push(finding(Weight::Error, "R1", "found", path, 3));
    }
    let report: Value = serde_json::from_str(&code_quality(&decision("no", vec![scan]), None).unwrap()).unwrap();
    let paths: Vec<_> = report.as_array().unwrap().iter().map(|entry| entry["location"]["path"].clone()).collect();
    assert_eq!(paths, [".countersign/policy.yml", "src/a.rs"]);
}

#[rstest]
#[case::outside("../shared/policy.yml", ".countersign/policy.yml")]
#[case::absolute_inside("/work/repo/ops/policy.yml", "ops/policy.yml")]
#[case::with_a_dot("./countersign.yml", "countersign.yml")]
fn a_gate_points_to_the_policy_inside_the_repository(#[case] path: &str, #[case] expected: &str) {
    let mut decision = decision("no", vec![gate("scan", Reason::RequirementNotMet, "no")]);
    decision.policy[0].path = path.to_owned();
    let report: Value = serde_json::from_str(&code_quality(&decision, Some("/work/repo/")).unwrap()).unwrap();
    assert_eq!(report[0]["location"]["path"], expected);
}

#[test]
fn a_fingerprint_stays_when_code_moves_or_counts_change_and_is_never_shared() {
    let report = |line: u32, explanation: &str| -> Vec<String> {
        let mut scan = gate("scan", Reason::RequirementNotMet, explanation);
        scan.notables = vec![
            finding(Weight::Error, "R1", "found", "a.rs", line),
            finding(Weight::Error, "R1", "found", "a.rs", line + 5),
            finding(Weight::Error, "R1", "found", "b.rs", line),
        ];
        let text = code_quality(&decision("no", vec![scan]), None).unwrap();
        let report: Value = serde_json::from_str(&text).unwrap();
        report.as_array().unwrap().iter().map(|entry| entry["fingerprint"].as_str().unwrap().to_owned()).collect()
    };
    let before = report(10, "3 findings");
    assert_eq!(before, report(40, "4 findings"));
    assert_eq!(before.iter().collect::<HashSet<_>>().len(), 4);
}
