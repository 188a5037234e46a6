//! What a report must be about, and how old it may be.

use rstest::rstest;

use crate::support::run::{World, gate};

const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

/// A policy with one gate, and more in its map.
fn policy(gate: &str) -> String {
    format!("version: 1\nenvironments: {{ production: {{ approval: automatic }} }}\ngates:\n  it: {{ {gate} }}\n")
}

/// What the one gate says of the files: its exit code, its reason and the explanation.
fn said(world: &World, arguments: &[&str]) -> (i32, String, String) {
    let (code, decision) = world.gate(arguments);
    let it = gate(&decision, "it");
    (code, it["reason"].as_str().unwrap().to_owned(), it["explanation"].as_str().unwrap().to_owned())
}

/// A SARIF log of runs, parted by `;`, each with the revisions that it names, parted by `,`.
fn sarif(runs: &str) -> String {
    let details = |sha: &str| format!(r#"{{"repositoryUri":"https://x","revisionId":"{sha}"}}"#);
    let run = |revisions: &str| {
        let details: Vec<_> = revisions.split(',').filter(|sha| !sha.is_empty()).map(details).collect();
        let details = details.join(",");
        format!(r#"{{"tool":{{"driver":{{"name":"l"}}}},"results":[],"versionControlProvenance":[{details}]}}"#)
    };
    format!(r#"{{"version":"2.1.0","runs":[{}]}}"#, runs.split(';').map(run).collect::<Vec<_>>().join(","))
}

/// One with an error.
fn an_error() -> String {
    sarif("").replace(r#""results":[]"#, r#""results":[{"level":"error","message":{"text":"x"}}]"#)
}

#[rstest]
#[case::the_same("", "$A", 0, "requirement_met")]
#[case::another("", "$B", 10, "other_commit")]
#[case::none("", "", 0, "requirement_met")]
#[case::two_runs_of_one("", "$A;$A", 0, "requirement_met")]
#[case::two_runs_of_two("", "$A;$B", 10, "other_commit")]
#[case::two_repositories_of_one_run("", "$B,$A", 0, "requirement_met")]
#[case::abbreviated("", "aaaaaaa", 0, "requirement_met")]
#[case::abbreviated_other("", "bbbbbbb", 10, "other_commit")]
#[case::abbreviated_almost("", "aaaaaaab", 10, "other_commit")]
#[case::upper_case("", "AAAAAAAAAA", 0, "requirement_met")]
#[case::too_short_says_nothing("", "bbbbbb", 0, "requirement_met")]
#[case::asked_and_the_same(", same: commit", "$A", 0, "requirement_met")]
#[case::asked_and_abbreviated(", same: commit", "aaaaaaa", 0, "requirement_met")]
#[case::asked_and_none(", same: commit", "", 10, "other_commit")]
#[case::asked_and_one_run_without(", same: commit", "$A;", 10, "other_commit")]
#[case::one_run_without("", "$A;", 0, "requirement_met")]
fn every_run_is_about_the_commit(#[case] same: &str, #[case] runs: &str, #[case] code: i32, #[case] reason: &str) {
    let world = World::with_policy(&policy(&format!(r#"sarif: "*.sarif", require: "findings.error == 0"{same}"#)));
    world.write("a.sarif", sarif(&runs.replace("$A", A).replace("$B", B)));
    let (exit, why, explanation) = said(&world, &["--commit", A]);
    assert_eq!((exit, why.as_str()), (code, reason), "{explanation}");
}

#[test]
fn more_parts_than_are_told_apart_are_about_nothing() {
    let world = World::with_policy(&policy(r#"sarif: "*.sarif", require: "findings.error == 0""#));
    // Each run names the commit that is released, beside one of another repository.
    let others: Vec<String> = (0..101).map(|at| format!("{at:040}")).collect();
    let runs: Vec<String> = others.iter().map(|other| format!("{A},{other}")).collect();
    world.write("a.sarif", sarif(&runs[..100].join(";")));
    assert_eq!(said(&world, &["--commit", A]).0, 0);
    world.write("a.sarif", sarif(&runs.join(";")));
    let (code, reason, explanation) = said(&world, &["--commit", A]);
    assert_eq!((code, reason.as_str()), (10, "other_commit"));
    assert!(explanation.contains("more commits than are told apart"), "{explanation}");
}

#[rstest]
#[case(&[("GITHUB_SHA", A)], 0)]
#[case(&[("GITHUB_SHA", "aaaaaaaa"), ("git.commit.id", A)], 0)]
#[case(&[("GITHUB_SHA", A), ("git.commit.id", B)], 10)]
#[case(&[("git.commit.id", "bbbbbbb")], 10)]
fn every_property_of_a_test_report_is_about_the_commit(#[case] properties: &[(&str, &str)], #[case] code: i32) {
    let world = World::with_policy(&policy(r#"junit: "*.xml", require: "tests.failed == 0""#));
    let suite = |(name, value): &(&str, &str)| {
        format!(
            r#"<testsuite name="{name}"><properties><property name="{name}" value="{value}"/></properties>
               <testcase name="a" classname="b" time="1"/></testsuite>"#
        )
    };
    world.write("a.xml", format!("<testsuites>{}</testsuites>", properties.iter().map(suite).collect::<String>()));
    let (exit, reason, explanation) = said(&world, &["--commit", A]);
    assert_eq!(exit, code, "{reason}: {explanation}");
    assert!(code == 0 || reason == "other_commit", "{reason}");
}

const NEW: &str = r#"sarif: "out/*.sarif", require: "findings.new.error == 0""#;

#[rstest]
#[case::no_baseline("", &[], "no_baseline", "there is no baseline")]
#[case::first_release(r#", first_release: "findings.error <= 5""#, &[], "requirement_met", "first release")]
#[case::renamed("", &["--baseline", "before"], "not_in_baseline", "no file of the baseline matches `out/*.sarif`")]
#[case::renamed_and_looser(
    r#", first_release: "findings.error <= 5""#,
    &["--baseline", "before"],
    "not_in_baseline",
    "only without `--baseline` is a release the first"
)]
#[case::one_file_of_another_kind(
    r#", first_release: "findings.error <= 5""#,
    &["--baseline", "before/tests.xml"],
    "not_in_baseline",
    "the baseline is one file, of a kind that this gate does not judge"
)]
fn a_baseline_without_the_gates_report_is_no_first_release(
    #[case] more: &str,
    #[case] arguments: &[&str],
    #[case] reason: &str,
    #[case] says: &str,
) {
    let world = World::with_policy(&policy(&format!("{NEW}{more}")));
    world.write("out/a.sarif", an_error());
    world.write("before/result.sarif", sarif(""));
    world.write("before/tests.xml", r#"<testsuite><testcase name="a" time="1"/></testsuite>"#);
    let (code, why, explanation) = said(&world, arguments);
    assert_eq!((code, why.as_str()), (if reason == "requirement_met" { 0 } else { 10 }, reason), "{explanation}");
    assert!(explanation.contains(says), "{explanation}");
}

#[test]
fn what_fails_without_a_baseline_fails_with_one_that_lacks_the_report_too() {
    let world = World::with_policy(&policy(
        r#"sarif: "out/*.sarif", require: "findings.error == 0 && findings.new.error == 0""#,
    ));
    world.write("out/a.sarif", an_error());
    world.write("before/b.sarif", sarif(""));
    assert_eq!(said(&world, &["--baseline", "before"]).0, 11);
}
