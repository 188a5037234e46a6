//! Several reports of one gate are one statement: what one of them leaves open is open for all.

use rstest::rstest;
use serde_json::Value;

use crate::support::run::{World, gate};

const TRIVY: &str = r#"{"SchemaVersion":2,"ArtifactName":"a","Results":[{"Target":"a","Class":"lang-pkgs"}]}"#;
const TRIVY_SECRETS: &str =
    r#"{"SchemaVersion":2,"ArtifactName":"a","Results":[{"Target":"a","Class":"secret","Secrets":[]}]}"#;
const TRIVY_NOTHING: &str = r#"{"SchemaVersion":2,"ArtifactName":"a"}"#;
const SARIF: &str = r#"{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"t"}},"results":[]}]}"#;
const GITLAB_SAST: &str = r#"{"version":"15.0.0","scan":{"type":"sast","status":"success"},"vulnerabilities":[]}"#;
const GITLAB_DEPENDENCIES: &str =
    r#"{"version":"15.0.0","scan":{"type":"dependency_scanning","status":"success"},"vulnerabilities":[]}"#;
const GRYPE: &str = r#"{"matches":[],"descriptor":{"name":"grype"}}"#;
const JUNIT: &str = r#"<testsuite name="s"><testcase name="t" time="1"/></testsuite>"#;
const JUNIT_UNTIMED: &str = r#"<testsuite name="s"><testcase name="t"/></testsuite>"#;
const COBERTURA: &str = r#"<coverage line-rate="1"><class><lines><line hits="1"/></lines></class></coverage>"#;
const LCOV: &str = "TN:\nSF:a\nDA:1,1\nBRDA:1,0,0,1\nend_of_record\n";
const JTL: &str = "timeStamp,elapsed,success\n1700000000000,5,true\n";
const K6: &str = r#"{"metrics":{"http_reqs":{"count":1,"rate":1},"http_req_failed":{"value":0,"passes":0,"fails":1},"http_req_duration":{"avg":5,"min":5,"max":5,"med":5,"p(90)":5,"p(95)":5}}}"#;

/// What a gate comes to whose reports are these, in either order: exit code and the gate itself.
fn judged(evidence: &str, require: &str, reports: [&str; 2]) -> Vec<(i32, Value)> {
    let run = |reports: &[&str]| {
        let world = World::with_policy(&format!(
            "version: 1\nenvironments: {{ production: {{ approval: automatic }} }}\ngates: {{ g: {{ {evidence}: 'r/*', require: '{require}' }} }}\n"
        ));
        for (report, name) in reports.iter().zip(["r/1", "r/2"]) {
            world.write(name, report);
        }
        let (code, decision) = world.gate(&[]);
        (code, gate(&decision, "g").clone())
    };
    let [one, other] = reports;
    vec![run(&[one, other]), run(&[other, one])]
}

#[rstest]
#[case::trivy_of_nothing("scan", "vulnerabilities.critical == 0", TRIVY, TRIVY_NOTHING)]
#[case::trivy_of_secrets("scan", "vulnerabilities.critical == 0", TRIVY, TRIVY_SECRETS)]
#[case::sarif_beside_trivy("scan", "vulnerabilities.critical == 0", TRIVY, SARIF)]
#[case::sarif_beside_grype("scan", "vulnerabilities.total == 0", GRYPE, SARIF)]
#[case::fixable("scan", "vulnerabilities.fixable.critical == 0", TRIVY, SARIF)]
#[case::names("scan", "!(\"CVE-1\" in vulnerabilities.ids)", GRYPE, SARIF)]
#[case::gitlab("scan", "vulnerabilities.total == 0", GITLAB_DEPENDENCIES, GITLAB_SAST)]
#[case::suppressed("scan", "findings.suppressed == 0", SARIF, GITLAB_SAST)]
#[case::times("junit", "tests.time < duration(\"1h\")", JUNIT, JUNIT_UNTIMED)]
#[case::branches("coverage", "coverage.branches == 1", LCOV, COBERTURA)]
#[case::percentiles("load", "load.p99_ms < 10", JTL, K6)]
fn what_one_report_leaves_open_is_open_for_all_and_the_file_is_named(
    #[case] evidence: &str,
    #[case] require: &str,
    #[case] stating: &str,
    #[case] silent: &str,
) {
    for (at, (code, gate)) in judged(evidence, require, [stating, silent]).into_iter().enumerate() {
        assert_eq!((code, gate["reason"].as_str()), (3, Some("measure_unknown")), "{gate:#}");
        let file = if at == 0 { "r/2" } else { "r/1" };
        let says = gate["explanation"].as_str().unwrap();
        assert!(says.contains(&format!("; {file} does not state `")), "{says}");
        assert!(says.ends_with("let the tool report it, or give such reports a gate of their own"), "{says}");
    }
    for (code, gate) in judged(evidence, require, [stating, stating]) {
        assert_eq!(code, 0, "{gate:#}");
    }
}

#[rstest]
#[case::what_both_state("scan", "findings.error == 0 && findings.critical == 0", TRIVY, SARIF)]
#[case::two_scanners("scan", "vulnerabilities.critical == 0", TRIVY, GRYPE)]
#[case::scanners_of_two_makers("scan", "vulnerabilities.total == 0", GITLAB_DEPENDENCIES, GRYPE)]
#[case::one_alternative("scan", "vulnerabilities.critical == 0 || findings.error == 0", TRIVY, SARIF)]
#[case::lines("coverage", "coverage.lines == 1", LCOV, COBERTURA)]
#[case::counts("junit", "tests.failed == 0", JUNIT, JUNIT_UNTIMED)]
#[case::an_empty_report_beside_a_full_one("junit", "tests.failed == 0", JUNIT, "<testsuites/>")]
#[case::an_empty_report_leaves_nothing_open(
    "scan",
    "vulnerabilities.total == 0",
    GRYPE,
    r#"{"version":"2.1.0","runs":[]}"#
)]
fn what_all_of_them_state_is_known(
    #[case] evidence: &str,
    #[case] require: &str,
    #[case] one: &str,
    #[case] other: &str,
) {
    for (code, gate) in judged(evidence, require, [one, other]) {
        assert_eq!(code, 0, "{gate:#}");
    }
}

#[test]
fn a_report_alone_is_told_as_before() {
    let world = World::with_policy(
        "version: 1\nenvironments: { production: { approval: automatic } }\ngates: { g: { scan: r, require: 'vulnerabilities.total == 0' } }\n",
    );
    world.write("r", SARIF);
    let (code, decision) = world.gate(&[]);
    let says = gate(&decision, "g")["explanation"].as_str().unwrap();
    assert_eq!(code, 3, "{says}");
    assert!(
        says.ends_with(
            "; the evidence does not state what is unknown; require what it states, or let the tool report it"
        ),
        "{says}"
    );
}
