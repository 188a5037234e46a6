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

#[rstest]
#[case::the_merge("$A", 0)]
#[case::the_head("$B", 0)]
#[case::abbreviated("bbbbbbb", 0)]
#[case::another("cccccccccccc", 10)]
#[case::a_run_of_another("$A;cccccccccccc", 10)]
#[case::none("", 0)]
fn on_a_pull_request_a_report_is_about_its_merge_or_its_head(#[case] runs: &str, #[case] code: i32) {
    let world = World::with_policy(&policy(r#"sarif: "*.sarif", require: "findings.error == 0""#));
    world.write("a.sarif", sarif(&runs.replace("$A", A).replace("$B", B)));
    world.write("event.json", format!(r#"{{"pull_request":{{"head":{{"sha":"{B}"}}}}}}"#));
    let event = world.path().join("event.json").display().to_string();
    let world = world.variable("GITHUB_ACTIONS", "true").variable("GITHUB_SHA", A);
    let world = world.variable("GITHUB_EVENT_NAME", "pull_request").variable("GITHUB_EVENT_PATH", &event);
    let (exit, reason, explanation) = said(&world, &[]);
    assert_eq!(exit, code, "{explanation}");
    if code == 10 {
        assert_eq!(reason, "other_commit");
        assert!(explanation.contains("what is proposed is aaaaaaaaaaaa or bbbbbbbbbbbb"), "{explanation}");
    }
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

/// What `sha256sum` says of a text.
fn sha256(text: &str) -> String {
    use sha2::Digest as _;
    let words: Vec<String> = sha2::Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
    words.concat()
}

/// A digest as `--artifact` takes it.
fn named(digest: &str) -> String {
    format!("sha256:{digest}")
}

/// A statement about a report, with what stands in its predicate.
fn statement(report: &str, predicate: &str) -> String {
    format!(
        r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{{"name":"x","digest":{{"sha256":"{}"}}}}],
            "predicateType":"urn:countersign:report:1","predicate":{{{predicate}}}}}"#,
        sha256(report)
    )
}

const K6: &str = r#"{"metrics":{"http_reqs":{"count":100,"rate":10},"http_req_failed":{"passes":0,"fails":100,"value":0},
    "http_req_duration":{"avg":5,"min":1,"med":5,"max":9,"p(90)":8,"p(95)":9}}}"#;
const LCOV: &str = "TN:\nSF:a.rs\nDA:1,1\nLF:1\nLH:1\nend_of_record\n";
const JUNIT: &str = r#"<testsuite tests="1"><testcase name="a" classname="b" time="1"/></testsuite>"#;
const OSV: &str = r#"{"results":[]}"#;
const SBOM: &str = r#"{"bomFormat":"CycloneDX","specVersion":"1.6","metadata":{"component":{"type":"application","name":"x"}},"components":[{"type":"library","name":"a","version":"1"}]}"#;
const ARTIFACT: &str = "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc";
const OTHER: &str = "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd";

#[rstest]
#[case::load("load", "load.p95_ms <= 300", K6)]
#[case::coverage("coverage", "coverage.lines > 0", LCOV)]
#[case::tests("junit", "tests.failed == 0", JUNIT)]
#[case::findings("sarif", "findings.error == 0", &sarif(""))]
#[case::scan("scan", "vulnerabilities.total == 0", OSV)]
#[case::sbom("sbom", "sbom.components > 0", SBOM)]
fn a_statement_beside_a_report_says_what_its_format_cannot(
    #[case] word: &str,
    #[case] require: &str,
    #[case] report: &str,
) {
    let claims = [
        (
            "same: artifact",
            "other_artifact",
            format!(r#""artifact":"sha256:{ARTIFACT}""#),
            format!(r#""artifact":"sha256:{OTHER}""#),
        ),
        ("same: commit", "other_commit", format!(r#""commit":"{A}""#), format!(r#""commit":"{B}""#)),
        (
            "max_age: 24h",
            "age_unknown",
            r#""made_at":"2026-11-23T08:00:00Z""#.to_owned(),
            r#""made_at":"2026-11-20T08:00:00Z""#.to_owned(),
        ),
    ];
    for (asked, reason, right, wrong) in claims {
        let world = World::with_policy(&policy(&format!(r#"{word}: "out/*", require: "{require}", {asked}"#)));
        world.write("out/report", report);
        let arguments = ["--artifact", &named(ARTIFACT), "--commit", A];
        let (code, why, explanation) = said(&world, &arguments);
        assert_eq!((code, why.as_str()), (10, reason), "{asked}: {explanation}");
        assert!(explanation.contains("write a statement beside the report (`<report>.about.json`)"), "{explanation}");
        world.write("out/report.about.json", statement(report, &right));
        let (code, why, explanation) = said(&world, &arguments);
        assert_eq!((code, why.as_str()), (0, "requirement_met"), "{asked}: {explanation}");
        world.write("out/report.about.json", statement(report, &wrong));
        assert_eq!(said(&world, &arguments).0, 10, "{asked}, and it is another");
    }
}

#[rstest]
#[case::another_file(&statement("another", r#""commit":"aaaaaaa""#), "no subject has the SHA-256 of the report beside it")]
#[case::nothing(&statement(K6, ""), "the predicate says nothing")]
#[case::misspelled(&statement(K6, r#""comit":"aaaaaaa""#), "`comit` is not known in the predicate")]
#[case::no_commit(&statement(K6, r#""commit":"main""#), "expected a commit in hexadecimal as `commit`, found `main`")]
#[case::no_digest(&statement(K6, r#""artifact":"shop:1.2""#), "expected a digest such as")]
#[case::no_zone(&statement(K6, r#""made_at":"2026-11-23T08:00:00""#), "expected an instant such as")]
#[case::twice(&statement(K6, r#""commit":"aaaaaaa","commit":"aaaaaaa""#), "twice")]
#[case::another_type(&statement(K6, r#""commit":"aaaaaaa""#).replace("report:1", "report:2"), "write `urn:countersign:report:1`")]
#[case::no_statement(&statement(K6, r#""commit":"aaaaaaa""#).replace("Statement/v1", "Link/v1"), "`_type` is not that of an in-toto statement")]
#[case::cut(&statement(K6, r#""commit":"aaaaaaa""#)[..100], "the statement beside it, load/a.json.about.json: line")]
#[case::empty("", "the statement beside it")]
#[case::large(&" ".repeat(100_000), "at most 65536 are read")]
fn a_statement_that_cannot_be_understood_never_passes(#[case] statement: &str, #[case] says: &str) {
    let world = World::with_policy(&policy(r#"load: "load/*.json", require: "load.p95_ms <= 300""#));
    world.write("load/a.json", K6);
    assert_eq!(said(&world, &[]).0, 0);
    world.write("load/a.json.about.json", statement);
    let (code, reason, explanation) = said(&world, &[]);
    assert_eq!(code, 3, "{reason}: {explanation}");
    assert!(explanation.contains(says), "{explanation}");
}

#[test]
fn a_statement_that_is_a_link_out_of_the_folder_never_passes() {
    let world = World::with_policy(&policy(r#"load: "load/*.json", require: "load.p95_ms <= 300""#));
    world.write("load/a.json", K6).write("elsewhere.json", statement(K6, r#""commit":"aaaaaaa""#));
    std::os::unix::fs::symlink("../elsewhere.json", world.path().join("load/a.json.about.json")).unwrap();
    assert_eq!(said(&world, &["--artifacts", "load"]).0, 10, "its glob is below another folder");
    let world = World::with_policy(&policy(r#"load: "*.json", require: "load.p95_ms <= 300""#));
    world.write("load/a.json", K6).write("elsewhere.json", statement(K6, r#""commit":"aaaaaaa""#));
    std::os::unix::fs::symlink("../elsewhere.json", world.path().join("load/a.json.about.json")).unwrap();
    let (code, reason, explanation) = said(&world, &["--artifacts", "load"]);
    assert_eq!((code, reason.as_str()), (3, "not_a_plain_file"), "{explanation}");
}

#[test]
fn a_statement_adds_to_what_the_report_says_and_overrides_nothing() {
    let cases = [
        // The older instant counts, and every commit.
        (
            "max_age: 24h",
            format!(r#""made_at":"2026-11-23T08:00:00Z","commit":"{A}""#),
            A,
            "2026-11-20T08:00:00Z",
            "stale",
        ),
        ("same: commit", format!(r#""commit":"{A}""#), B, "2026-11-23T08:00:00Z", "other_commit"),
        ("same: commit", format!(r#""commit":"{B}""#), A, "2026-11-23T08:00:00Z", "other_commit"),
        ("same: commit", format!(r#""commit":"{A}""#), A, "2026-11-23T08:00:00Z", "requirement_met"),
    ];
    for (asked, claims, commit, ended, reason) in cases {
        let world =
            World::with_policy(&policy(&format!(r#"sarif: "*.sarif", require: "findings.error == 0", {asked}"#)));
        let run = format!(r#""results":[],"invocations":[{{"executionSuccessful":true,"endTimeUtc":"{ended}"}}]"#);
        let report = sarif(commit).replace(r#""results":[]"#, &run);
        world.write("a.sarif", &report).write("a.sarif.about.json", statement(&report, &claims));
        assert_eq!(said(&world, &["--commit", A]).1, reason, "{asked} {claims}");
    }
    // Artifacts have to agree.
    let world = World::with_policy(&policy(r#"sbom: "*.cdx.json", require: "sbom.components > 0""#));
    let report =
        SBOM.replace(r#""name":"x""#, &format!(r#""name":"x","hashes":[{{"alg":"SHA-256","content":"{OTHER}"}}]"#));
    world.write("a.cdx.json", &report);
    world.write("a.cdx.json.about.json", statement(&report, &format!(r#""artifact":["{ARTIFACT}"]"#)));
    let (code, reason, _) = said(&world, &["--artifact", &named(ARTIFACT)]);
    assert_eq!((code, reason.as_str()), (3, "contradictory"));
    world.write("a.cdx.json.about.json", statement(&report, &format!(r#""artifact":["{ARTIFACT}","{OTHER}"]"#)));
    assert_eq!(said(&world, &["--artifact", &named(ARTIFACT)]).1, "other_artifact");
    assert_eq!(said(&world, &["--artifact", &named(OTHER)]).0, 0);
}

#[test]
fn a_statement_is_listed_and_is_no_report_of_its_own_nor_of_the_baseline() {
    let world = World::with_policy(&policy(r#"load: "load/*.json", require: "load.p95_ms <= baseline.p95_ms""#));
    for folder in ["here", "before"] {
        world.write(&format!("{folder}/load/a.json"), K6);
        world.write(&format!("{folder}/load/a.json.about.json"), statement(K6, &format!(r#""commit":"{A}""#)));
    }
    let (code, decision) = world.gate(&["--artifacts", "here", "--baseline", "before"]);
    let it = gate(&decision, "it");
    assert_eq!((code, &it["evidence_count"]), (0, &2.into()), "{decision:#}");
    assert_eq!(it["measures"]["load.requests"], 100);
    assert_eq!(it["evidence"][1]["path"], "load/a.json.about.json");
    assert_eq!(it["evidence"][1]["sha256"], sha256(&statement(K6, &format!(r#""commit":"{A}""#))));
}

#[test]
fn the_readmes_statement_is_one_and_its_policy_is_met() {
    let readme = include_str!("../../../README.md");
    let begin = readme.find("cat > load/summary.json.about.json").unwrap();
    let script = &readme[begin..begin + readme[begin..].find("```").unwrap()];
    let begin = readme.find("  load: { load: \"load/*.json\", environments: [production]").unwrap();
    let gate = &readme[begin..begin + readme[begin..].find("```").unwrap()];
    let world = World::new();
    world.write(
        "countersign.yml",
        format!("version: 1\nenvironments: {{ production: {{ approval: automatic }} }}\ncomponents: {{ payments: {{ paths: [\"**\"] }} }}\ngates:\n{gate}"),
    );
    world.write("load/summary.json", K6);
    let mut shell = std::process::Command::new("sh");
    shell
        .args(["-euc", script])
        .current_dir(world.path())
        .env("ARTIFACT", format!("sha256:{ARTIFACT}"))
        .env("COMMIT", A);
    assert!(shell.status().unwrap().success());
    let said = world.run(&["gate", "--artifact", &named(ARTIFACT), "--commit", A, "--format", "json"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
}

#[test]
fn what_k6s_script_adds_to_its_summary_is_read() {
    let world =
        World::with_policy(&policy(r#"load: "*.json", require: "load.p95_ms <= 300", same: artifact, max_age: 24h"#));
    let added = |artifact: &str, made: &str| {
        K6.replacen('{', &format!(r#"{{"artifact":{artifact},"commit":"{A}","made_at":"{made}","#), 1)
    };
    world.write("a.json", added(&format!(r#""sha256:{ARTIFACT}""#), "2026-11-23T08:00:00Z"));
    assert_eq!(said(&world, &["--artifact", &named(ARTIFACT), "--commit", A]).0, 0);
    assert_eq!(said(&world, &["--artifact", &named(ARTIFACT), "--commit", B]).1, "other_commit");
    assert_eq!(said(&world, &["--artifact", &named(OTHER)]).1, "other_artifact");
    world.write("a.json", added(&format!(r#"["{OTHER}","{ARTIFACT}"]"#), "2026-11-23T08:00:00Z"));
    assert_eq!(said(&world, &["--artifact", &named(ARTIFACT)]).0, 0);
    world.write("a.json", added(&format!(r#""{ARTIFACT}""#), "2026-11-21T08:00:00Z"));
    assert_eq!(said(&world, &["--artifact", &named(ARTIFACT)]).1, "stale");
    world.write("a.json", added(r#"{"of":"the script"}"#, "2026-11-23T08:00:00Z"));
    assert_eq!(said(&world, &["--artifact", &named(ARTIFACT)]).1, "other_artifact");
}

#[rstest]
#[case("load: \"*\", require: \"load.p95_ms <= 3\", same: artifact", false)]
#[case("sarif: \"*\", require: \"findings.error == 0\", same: artifact", true)]
#[case("sbom: \"*\", require: \"sbom.components > 0\", same: commit", true)]
#[case("coverage: \"*\", require: \"coverage.lines >= 0.8\", same: commit", true)]
#[case("junit: \"*\", require: \"tests.failed == 0\", same: artifact", true)]
#[case("junit: \"*\", require: \"tests.failed == 0\", same: commit", false)]
#[case("sarif: \"*\", require: \"findings.error == 0\", same: commit", false)]
#[case("scan: \"*\", require: \"findings.error == 0\", same: artifact", false)]
#[case("sbom: \"*\", require: \"sbom.components > 0\", same: artifact", false)]
#[case("load: \"*\", require: \"load.p95_ms <= 3\", max_age: 24h", false)]
fn policy_check_warns_where_a_gate_needs_a_statement(#[case] gate: &str, #[case] warns: bool) {
    let world = World::with_policy(&policy(gate));
    let said = world.run(&["policy", "check"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let told = format!("{}{}", said.out, said.err);
    assert_eq!(told.contains("needs-statement"), warns, "{told}");
    assert!(!warns || told.contains("put a statement beside each report, `<report>.about.json`"), "{told}");
}

#[rstest]
#[case::zone(r#"<testsuite timestamp="2026-11-22T20:00:00Z">CASE</testsuite>"#, "requirement_met")]
#[case::no_zone_and_young_enough_anywhere(
    r#"<testsuite timestamp="2026-11-23T00:00:00">CASE</testsuite>"#,
    "requirement_met"
)]
#[case::no_zone_and_maybe_too_old(r#"<testsuite timestamp="2026-11-22T22:00:00">CASE</testsuite>"#, "stale")]
#[case::utc_is_a_zone(r#"<testsuite timestamp="2026-11-22T22:00:00 UTC">CASE</testsuite>"#, "requirement_met")]
#[case::one_suite_without(
    r#"<testsuites><testsuite timestamp="2026-11-23T08:00:00Z">CASE</testsuite><testsuite>CASE</testsuite></testsuites>"#,
    "age_unknown"
)]
#[case::around_both(
    r#"<testsuites timestamp="2026-11-23T08:00:00Z"><testsuite timestamp="2026-11-23T08:00:00Z">CASE</testsuite><testsuite>CASE</testsuite></testsuites>"#,
    "requirement_met"
)]
#[case::one_suite_of_1970(
    r#"<testsuites><testsuite timestamp="2026-11-23T08:00:00Z">CASE</testsuite><testsuite timestamp="1970-01-01T00:00:00">CASE</testsuite></testsuites>"#,
    "age_unknown"
)]
#[case::an_empty_suite_without(
    r#"<testsuites><testsuite timestamp="2026-11-23T08:00:00Z">CASE</testsuite><testsuite/></testsuites>"#,
    "requirement_met"
)]
fn a_report_is_never_taken_for_younger_than_it_may_be(#[case] report: &str, #[case] reason: &str) {
    let world = World::with_policy(&policy(r#"junit: "*.xml", require: "tests.failed == 0", max_age: 24h"#));
    world.write("a.xml", report.replace("CASE", r#"<testcase name="a" classname="b" time="1"/>"#));
    let (_, why, explanation) = said(&world, &[]);
    assert_eq!(why, reason, "{explanation}");
    if why == "stale" {
        assert!(explanation.contains("because its time names no zone"), "{explanation}");
    }
}

#[test]
fn a_statement_serves_a_checklist_and_an_unreadable_list_has_no_measures() {
    let list = "- [ ] Rollback rehearsed\n";
    let world = World::with_policy(&policy(r#"checklist: ["Rollback rehearsed"], ticked_in: "*.md", same: commit"#));
    world.write("a.md", list);
    assert_eq!(said(&world, &["--commit", A]).1, "other_commit");
    world.write("a.md.about.json", statement(list, &format!(r#""commit":"{A}""#)));
    assert_eq!(said(&world, &["--commit", A]).1, "unticked");
    world.write("a.md", b"- [ ] Rollback \xFF\n");
    let (code, decision) = world.gate(&["--commit", A]);
    assert_eq!((code, &gate(&decision, "it")["measures"]), (3, &serde_json::json!({})), "{decision:#}");
}

#[test]
fn evidence_of_several_folders_says_which() {
    let world = World::with_policy(&policy(r#"sarif: "*.sarif", require: "findings.error == 0""#));
    world.write("one/x.sarif", sarif("")).write("two/x.sarif", "{");
    let (code, decision) = world.gate(&["--artifacts", "one", "--artifacts", "./two/"]);
    let it = gate(&decision, "it");
    assert_eq!(code, 3);
    assert!(it["explanation"].as_str().unwrap().starts_with("./two/x.sarif: "), "{it:#}");
    let paths: Vec<_> =
        it["evidence"].as_array().unwrap().iter().map(|found| found["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["one/x.sarif", "./two/x.sarif"]);
    let (_, decision) = world.gate(&["--artifacts", "one"]);
    assert_eq!(gate(&decision, "it")["evidence"][0]["path"], "x.sarif");
}
