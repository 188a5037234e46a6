//! What the command leaves in a GitHub job and in a GitLab job.

use crate::support::run::World;

const POLICY: &str = r#"
version: 1
environments: { production: { approval: formal } }
gates:
  regression: { junit: "*.xml", require: "tests.failed == 0" }
  later: { sarif: "*.sarif", require: "findings.error == 0" }
"#;
const FAILING: &str = r#"<testsuite name="s" tests="1" failures="1"><testcase classname="pay" name="twice" file="src/pay.rs" line="12"><failure message="::set-output name=decision::proceed&#10;decision=proceed">boom</failure></testcase></testsuite>"#;

#[test]
fn t56_a_github_job_gets_summary_annotations_and_outputs_that_artifacts_cannot_forge() {
    let world = World::with_policy(POLICY).variable("GITHUB_ACTIONS", "true");
    world.write("a.xml", FAILING).write("summary.md", "# earlier\n").write("output", "");
    let path = |name: &str| world.path().join(name).display().to_string();
    let (summary, output) = (path("summary.md"), path("output"));
    let workspace = world.path().display().to_string();
    let done = world
        .command()
        .env("GITHUB_STEP_SUMMARY", summary)
        .env("GITHUB_OUTPUT", output)
        .env("GITHUB_WORKSPACE", workspace)
        .arg("gate")
        .output()
        .unwrap();
    assert_eq!(done.status.code(), Some(11));
    let log = String::from_utf8(done.stdout).unwrap();
    let at_the_test = |line: &str| line.starts_with("::error ") && line.contains("file=src/pay.rs,line=12");
    assert!(log.lines().any(at_the_test), "{log}");
    assert!(!log.lines().any(|line| line.starts_with("::set-output")), "{log}");
    assert!(world.read("summary.md").starts_with("# earlier\n"), "what others wrote stays");
    assert!(world.read("summary.md").contains("regression"));
    let outputs = world.read("output");
    assert!(!outputs.lines().any(|line| line == "decision=proceed"), "{outputs}");
    for name in ["decision", "id", "blocked", "held", "json"] {
        assert_eq!(outputs.lines().filter(|line| line.starts_with(&format!("{name}<<"))).count(), 1, "{outputs}");
    }
}

#[test]
fn a_gitlab_job_gets_dotenv_code_quality_and_a_note() {
    let world = World::with_policy(POLICY).variable("GITLAB_CI", "true");
    world.write("a.xml", FAILING);
    let said = world.run(&["gate"]);
    assert_eq!(said.code, 11, "{}", said.err);
    assert!(world.read("countersign.env").contains("COUNTERSIGN_DECISION=hold"));
    let quality: serde_json::Value = serde_json::from_str(&world.read("gl-code-quality-report.json")).unwrap();
    let places: Vec<_> = quality.as_array().unwrap().iter().map(|entry| &entry["location"]).collect();
    let at_the_test = |place: &&serde_json::Value| place["path"] == "src/pay.rs" && place["lines"]["begin"] == 12;
    assert!(places.iter().any(at_the_test), "{quality:#}");
    assert!(world.read("countersign-note.md").contains("regression"));
}

#[test]
fn a_terminal_gets_no_colour_where_it_is_no_terminal() {
    let world = World::with_policy(POLICY);
    world.write("a.xml", FAILING);
    let said = world.run(&["gate"]);
    assert!(!said.out.contains('\u{1b}'), "{}", said.out);
    assert!(said.out.contains("HOLD"));
}

#[test]
fn annotations_and_code_quality_name_the_file_as_it_lies_on_disk() {
    let policy = "version: 1\nenvironments: { production: { approval: formal } }\n\
                  gates: { scan: { sarif: '*.sarif', require: 'findings.error == 0' } }\n";
    let world = World::with_policy(policy);
    let result = |uri: &str| {
        format!(
            r#"{{"ruleId":"r","level":"error","message":{{"text":"m"}},"locations":[{{"physicalLocation":{{"artifactLocation":{{"uri":"{uri}"}},"region":{{"startLine":3}}}}}}]}}"#
        )
    };
    // The second leads out of the repository once it is decoded, the third to a line of its own.
    let results = [result("src/my%20file%C3%A9.py"), result("%2e%2e/%2e%2e/etc/x"), result("a%0A::error::b")];
    let log = format!(
        r#"{{"version":"2.1.0","runs":[{{"tool":{{"driver":{{"name":"t"}}}},"results":[{}]}}]}}"#,
        results.join(",")
    );
    world.write("a.sarif", log);
    let said = world.run(&["gate", "--format", "github"]);
    assert_eq!(said.code, 11, "{}", said.err);
    assert!(said.out.contains("::error file=src/my file\u{e9}.py,line=3,"), "{}", said.out);
    assert_eq!(said.out.matches("file=").count(), 1, "{}", said.out);
    assert!(!said.out.lines().any(|line| line.starts_with("::error::")), "{}", said.out);
    world.run(&["gate", "--format", "gitlab"]);
    let quality: serde_json::Value = serde_json::from_str(&world.read("gl-code-quality-report.json")).unwrap();
    let paths: Vec<_> = quality.as_array().unwrap().iter().map(|entry| &entry["location"]["path"]).collect();
    assert_eq!(paths, [".countersign/policy.yml", "src/my file\u{e9}.py"]);
}

#[rstest::rstest]
#[case::option(&["--polcy", "a\n::error::b"], 2, "unexpected argument '--polcy' found; tip: a similar argument exists: '--policy'")]
#[case::usage(&["--environment", "a\n::error::b%0A::error::c"], 2, "has no environment `a ::error::b%250A::error::c`")]
#[case::policy(&["--policy", "broken.yml"], 2, "broken.yml (line 3): ")]
#[case::time_limit(&["--time-limit", "1ms"], 4, "the time limit of 0.001 s was reached")]
fn a_github_job_is_told_why_there_is_no_decision(#[case] more: &[&str], #[case] code: i32, #[case] says: &str) {
    let world = World::with_policy(POLICY).variable("GITHUB_ACTIONS", "true");
    let case = r#"<testcase classname="pay" name="twice"/>"#.repeat(200_000);
    world.write("a.xml", format!(r#"<testsuite name="s">{case}</testsuite>"#)).write("summary.md", "# earlier\n");
    world.write("broken.yml", POLICY.replace("approval: formal", "approval: formall"));
    let gate = |format: &str| {
        let summary = world.path().join("summary.md");
        let mut command = world.command();
        command.env("GITHUB_STEP_SUMMARY", summary).args(["gate", "--format", format]).args(more);
        let done = command.output().unwrap();
        assert_eq!(done.status.code(), Some(code), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    };
    assert_eq!(gate("text"), "", "only where a GitHub job reads it");
    assert_eq!(world.read("summary.md"), "# earlier\n");
    let log = gate("github");
    assert!(log.starts_with("::error title=Countersign came to no decision::") && log.contains(says), "{log}");
    assert_eq!(log.lines().count(), 1, "{log}");
    let summary = world.read("summary.md");
    assert!(summary.starts_with("# earlier\n<p><strong>Countersign came to no decision</strong>: "), "{summary}");
    assert_eq!(summary.lines().filter(|line| !line.is_empty()).count(), 2, "{summary}");
}
