//! Ways round the gate that were tried, and must stay closed.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;

use rstest::rstest;

use crate::support::run::{World, gate};

const POLICY: &str = r#"
version: 1
environments: { production: { approval: automatic } }
gates:
  scan: { sarif: "**/*.sarif", require: "findings.warning == 0" }
"#;
const COMPARED: &str = r#"
version: 1
environments: { production: { approval: automatic } }
gates:
  scan: { sarif: "out/*.sarif", require: "findings.new.warning == 0", first_release: "true" }
"#;
const CLEAN: &str = r#"{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"Lint","version":"3"}},"results":[]}]}"#;
const WARNING: &str = r#"{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"Lint","version":"3"}},"results":[{"ruleId":"R","level":"warning","message":{"text":"m"}}]}]}"#;

fn said(world: &World, arguments: &[&str]) -> (i32, String) {
    let (code, decision) = world.gate(arguments);
    (code, gate(&decision, "scan")["reason"].as_str().unwrap().to_owned())
}

fn committed(policy: &str) -> World {
    let world = World::with_policy(policy);
    world.git(&["init", "-q"]);
    world.git(&["add", "."]);
    world.git(&["commit", "-qm", "policy"]);
    world.git(&["update-ref", "refs/remotes/origin/main", "HEAD"]);
    world
}

fn dated(at: &str) -> String {
    CLEAN.replace(
        "\"results\"",
        &format!("\"invocations\":[{{\"executionSuccessful\":true,\"endTimeUtc\":\"{at}\"}}],\"results\""),
    )
}

#[rstest]
#[case::within("2026-11-23T08:00:00Z", 0, "requirement_met")]
#[case::clocks_apart("2026-11-23T09:04:00Z", 0, "requirement_met")]
#[case::tomorrow("2026-11-24T09:00:00Z", 10, "age_unknown")]
#[case::never_old("2099-01-01T00:00:00Z", 10, "age_unknown")]
fn t36_a_report_from_the_future_is_not_young(#[case] made: &str, #[case] code: i32, #[case] reason: &str) {
    let world = World::with_policy(&POLICY.replace("\"**/*.sarif\"", "\"**/*.sarif\", max_age: 24h"));
    world.write("a.sarif", dated(made));
    assert_eq!(said(&world, &[]), (code, reason.to_owned()));
}

#[test]
fn t35_evidence_is_never_compared_with_itself() {
    let world = World::with_policy(COMPARED);
    world.write("out/a.sarif", WARNING);
    for baseline in [".", "out", "out/a.sarif", "out/../out"] {
        assert_eq!(said(&world, &["--baseline", baseline]), (3, "compared_with_itself".to_owned()), "{baseline}");
    }
    symlink("out", world.path().join("before")).unwrap();
    assert_eq!(said(&world, &["--baseline", "before"]).1, "compared_with_itself", "a link to it is no other folder");
    fs::remove_file(world.path().join("before")).unwrap();
    world.write("before/out/a.sarif", WARNING);
    assert_eq!(said(&world, &["--baseline", "before"]).0, 0, "beside the evidence it may lie");
    symlink("../before/out/a.sarif", world.path().join("out/b.sarif")).unwrap();
    assert_eq!(said(&world, &["--baseline", "before"]).1, "compared_with_itself", "nor is a link into it evidence");
}

#[test]
fn t35_a_baseline_that_got_lost_is_no_first_release() {
    let world = World::with_policy(COMPARED);
    world.write("out/a.sarif", WARNING);
    assert_eq!(said(&world, &[]).0, 0);
    fs::create_dir(world.path().join("before")).unwrap();
    let (code, decision) = world.gate(&["--baseline", "before"]);
    assert_eq!((code, &gate(&decision, "scan")["reason"]), (10, &"not_in_baseline".into()));
    assert!(gate(&decision, "scan")["explanation"].as_str().unwrap().contains("holds no file"), "{decision:#}");
}

#[test]
fn a_baseline_may_have_more_large_files_than_are_mapped_at_one_time() {
    let world = World::with_policy(COMPARED);
    let large = WARNING.replace("\"m\"", &format!("\"m\",\"markdown\":\"{}\"", "x".repeat(300 * 1024)));
    world.write("out/a.sarif", WARNING);
    for number in 0..20 {
        world.write(&format!("before/out/{number}.sarif"), &large);
    }
    assert_eq!(said(&world, &["--baseline", "before"]), (0, "requirement_met".to_owned()));
}

#[test]
fn t14_git_is_not_led_to_another_repository_by_variables_of_an_earlier_step() {
    let world = committed(POLICY);
    let other = committed(&POLICY.replace("findings.warning == 0", "true"));
    world.write("a.sarif", WARNING);
    let folder = other.path().join(".git");
    for name in ["GIT_DIR", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES"] {
        let value = if name.contains("OBJECT") { folder.join("objects") } else { folder.clone() };
        let output = world.command().args(["gate", "--policy-ref", "main"]).env(name, value).output().unwrap();
        assert_eq!(output.status.code(), Some(11), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn t14_a_replaced_object_does_not_stand_in_for_the_policy() {
    let world = committed(POLICY);
    world.write("a.sarif", WARNING);
    world.write("loose.yml", POLICY.replace("findings.warning == 0", "true"));
    let loose = world.git(&["hash-object", "-w", "loose.yml"]);
    let strict = world.git(&["rev-parse", "HEAD:.countersign/policy.yml"]);
    world.git(&["replace", &strict, &loose]);
    assert_eq!(said(&world, &["--policy-ref", "main"]).0, 11);
}

#[rstest]
#[case::ancestor("main~1")]
#[case::reflog("main@{1}")]
#[case::previous("@{-1}")]
#[case::search("main^{/loose}")]
#[case::file("main:.countersign/policy.yml")]
#[case::range("main..main")]
#[case::upwards("../heads/main")]
#[case::option("--upload-pack=touch x")]
fn t15_what_leads_on_from_a_ref_is_no_ref(#[case] name: &str) {
    let world = committed(&POLICY.replace("findings.warning == 0", "true"));
    world.write(".countersign/policy.yml", POLICY).write("a.sarif", WARNING);
    world.git(&["commit", "-qam", "strict"]);
    world.git(&["update-ref", "refs/remotes/origin/main", "HEAD"]);
    let said = world.run(&["gate", &format!("--policy-ref={name}")]);
    assert_eq!(said.code, 2, "{}{}", said.out, said.err);
    assert!(said.err.contains("is no ref"), "{}", said.err);
}

#[test]
fn t15_what_is_checked_out_is_no_protected_ref() {
    let world = committed(POLICY);
    world.write("a.sarif", WARNING);
    world.git(&["update-ref", "refs/remotes/origin/HEAD", "HEAD"]);
    let said = world.run(&["gate", "--policy-ref", "HEAD"]);
    assert_eq!(said.code, 2, "{}{}", said.out, said.err);
    assert!(said.err.contains("is what is checked out"), "{}", said.err);
}

#[test]
fn t16_a_policy_that_cannot_be_read_is_not_passed_over_for_the_next_place() {
    let world = World::with_policy(POLICY);
    world.write("countersign.yml", POLICY.replace("findings.warning == 0", "true")).write("a.sarif", WARNING);
    let first = world.path().join(".countersign/policy.yml");
    fs::remove_file(&first).unwrap();
    symlink("nowhere", &first).unwrap();
    let said = world.run(&["gate"]);
    assert_eq!(said.code, 2, "{}", said.out);
    assert!(said.err.contains(".countersign/policy.yml"), "{}", said.err);
}

#[test]
fn t14_a_layer_without_a_name_does_not_take_the_name_of_the_one_around_it() {
    let world = World::new();
    let waived = format!(
        "{}\nroles: {{ ciso: {{ members: [\"user:sam\"] }} }}\nwaivers: {{ by: ciso, granted: [ {{ gate: scan, by: sam, \
         from: 2026-11-20T00:00:00Z, until: 2026-12-01T00:00:00Z }} ] }}\n",
        POLICY.replace("findings.warning == 0", "true")
    );
    world.write("outer.yml", POLICY.replace("version: 1", "version: 1\nlayer: repository"));
    world.write("inner.yml", waived).write("a.sarif", WARNING);
    world.git(&["init", "-q"]);
    world.git(&["add", "."]);
    world.git(&["commit", "-qm", "policies"]);
    world.git(&["update-ref", "refs/remotes/origin/main", "HEAD"]);
    let (code, decision) = world.gate(&["--policy-ref", "main", "--policy", "outer.yml", "--policy", "inner.yml"]);
    assert_eq!(code, 11, "{decision:#}");
}

#[test]
fn t54_a_name_that_is_not_utf_8_does_not_hide_behind_one_that_looks_like_it() {
    let world = World::with_policy(POLICY);
    world.write("a\u{fffd}.sarif", CLEAN);
    fs::write(world.path().join(OsStr::from_bytes(b"a\xff.sarif")), WARNING).unwrap();
    assert_eq!(said(&world, &[]), (11, "requirement_not_met".to_owned()));
}

#[test]
fn evidence_counts_once_by_whatever_paths_its_folder_is_named() {
    let world = World::with_policy(&POLICY.replace("findings.warning == 0", "findings.total == 1"));
    world.write("in/a.sarif", WARNING);
    symlink("in", world.path().join("link")).unwrap();
    let folders = ["--artifacts", "in", "--artifacts", "./in/", "--artifacts", "link", "--artifacts", "."];
    assert_eq!(said(&world, &folders), (0, "requirement_met".to_owned()));
}

#[test]
fn f25_a_run_without_a_decision_leaves_no_earlier_one_in_its_place() {
    let world = World::with_policy("version: 1\n");
    for name in ["countersign.env", "gl-code-quality-report.json", "countersign-note.md", "decision.json"] {
        world.write(name, "COUNTERSIGN_DECISION=proceed");
    }
    let said = world.run(&["gate", "--format", "gitlab", "--output", "decision.json"]);
    assert_eq!(said.code, 2, "{}", said.err);
    let mut left: Vec<_> = fs::read_dir(world.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, [".countersign", "decision.json.earlier-1"]);
}

#[test]
fn t52_what_is_written_for_gitlab_is_not_led_elsewhere_by_a_link_or_held_up_by_a_pipe() {
    let world = World::with_policy(POLICY);
    world.write("a.sarif", CLEAN).write("precious", "kept");
    symlink("precious", world.path().join("countersign.env")).unwrap();
    let pipe = world.path().join("countersign-note.md");
    assert!(std::process::Command::new("mkfifo").arg(pipe).status().unwrap().success());
    let said = world.run(&["gate", "--format", "gitlab"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(world.read("precious"), "kept");
    assert!(world.read("countersign.env").contains("DECISION=proceed"));
}

#[test]
fn f25_a_document_that_does_not_arrive_is_no_pass() {
    let world = World::with_policy(POLICY);
    world.write("a.sarif", CLEAN);
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let done = world.command().args(["gate", "--format", "json"]).stdout(full).output().unwrap();
    assert_eq!(done.status.code(), Some(3), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn t33_what_one_gate_decided_does_not_say_what_the_next_is_asked() {
    let world = World::with_policy(
        "version: 1\nenvironments: { staging: { approval: automatic }, production: { approval: automatic } }\ngates:\n  scan: { sarif: \"*.sarif\", \
         require: \"findings.warning == 0\", environments: [production] }\n  other: { sarif: \"*.sarif\", require: \"true\" }\n",
    );
    world.write("a.sarif", WARNING);
    assert_eq!(world.run(&["gate", "--format", "gitlab", "--environment", "staging"]).code, 0);
    // GitLab sets these for the jobs that follow, above what those state themselves.
    let next = world
        .read("countersign.env")
        .lines()
        .filter_map(|line| line.split_once('='))
        .fold(World::with_policy(&world.read(".countersign/policy.yml")), |next, (name, value)| {
            next.variable(name, value)
        });
    next.write("a.sarif", WARNING);
    assert_eq!(next.run(&["gate"]).code, 2, "which environment is meant must still be said");
    assert_eq!(next.run(&["gate", "--environment", "production"]).code, 11);
}

#[test]
fn t33_an_option_that_cannot_be_read_is_not_taken_as_left_out() {
    let world = World::with_policy(POLICY);
    world.write("a.sarif", CLEAN);
    for name in ["COUNTERSIGN_POLICY_REF", "COUNTERSIGN_COMMIT", "COUNTERSIGN_ARTIFACTS"] {
        let done = world.command().arg("gate").env(name, OsStr::from_bytes(b"\xff")).output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(2), "{said}");
        assert!(said.contains(&format!("{name} is not UTF-8")), "{said}");
    }
}

#[rstest]
#[case("*/app")]
#[case("acme/*")]
#[case("acme")]
#[case("/app")]
#[case("acme/../other/app")]
#[case("acme/app@refs")]
fn t44_what_stands_for_the_repository_in_a_policy_is_a_repository(#[case] name: &str) {
    let world = World::with_policy(POLICY);
    world.write("a.sarif", CLEAN);
    let said = world.run(&["gate", "--repository", name]);
    assert_eq!(said.code, 2, "{}", said.out);
    assert!(said.err.contains("owner/name"), "{}", said.err);
}

#[test]
fn t56_a_complaint_gives_a_runner_no_commands() {
    let world = World::with_policy(POLICY);
    let said = world.run(&["gate", "--environment", "x\n::error::forged\n##[stop-commands]y\u{1b}[2J\u{202e}"]);
    assert_eq!(said.code, 2);
    assert!(!said.err.contains("\n::") && !said.err.contains("##[") && !said.err.contains('\u{1b}'), "{}", said.err);
    assert!(!said.err.contains('\u{202e}'), "{}", said.err);
    let world = World::with_policy("version: 1\n##[stop-commands]x\n'##[add-mask]y': ##[group]z\n");
    let said = world.run(&["gate"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("stop-commands") || said.err.contains("add-mask"), "{}", said.err);
    assert!(!said.err.contains("##["), "{}", said.err);
}

#[rstest]
#[case::trivy(r#"{"SchemaVersion":2,"ArtifactName":"x","Results":[{"Target":"a","Class":"lang-pkgs","Vulnerabilities":[{"VulnerabilityID":"C","PkgName":"p","Severity":"@"}]}]}"#)]
#[case::grype(r#"{"matches":[{"vulnerability":{"id":"C","severity":"@"},"artifact":{"name":"x"}}],"descriptor":{"name":"grype"}}"#)]
#[case::snyk(r#"{"ok":false,"vulnerabilities":[{"id":"a","severity":"@"}],"packageManager":"npm"}"#)]
#[case::gitlab(
    r#"{"version":"15.0.0","scan":{"type":"dependency_scanning","status":"success"},"vulnerabilities":[{"id":"x","severity":"@"}]}"#
)]
fn a_severity_that_is_not_known_might_be_the_gravest(#[case] report: &str) {
    let world = World::with_policy(
        "version: 1\nenvironments: { production: { approval: automatic } }\ngates:\n  scan: { scan: \"*.json\", require: \"vulnerabilities.critical == 0\" }\n",
    );
    world.write("a.json", report.replace('@', "CRITICLA"));
    let (code, decision) = world.gate(&[]);
    assert_eq!(code, 3, "{decision:#}");
    assert!(gate(&decision, "scan")["explanation"].as_str().unwrap().contains("the severity is `CRITICLA`"));
    world.write("a.json", report.replace('@', "Unknown"));
    assert_eq!(said(&world, &[]).0, 0, "one that the scanner leaves open is counted as unrated");
    world.write("a.json", report.replace('@', "cRitical"));
    assert_eq!(said(&world, &[]).0, 11);
}

#[test]
fn a_report_that_is_cut_short_while_it_is_read_cannot_be_told() {
    let world = World::with_policy(POLICY);
    let result = r#"{"ruleId":"R","level":"note","message":{"text":"m"}},"#;
    let long = CLEAN.replace("[]}]}", &format!("[{}", result.repeat(1_200_000)));
    let whole = format!("{}]}}]}}", long.trim_end_matches(','));
    for keep in [0, 4096, whole.len() as u64 / 2] {
        world.write("a.sarif", &whole);
        let run = world.command().args(["gate", "--format", "json"]).stdout(std::process::Stdio::piped()).spawn();
        let mut run = run.unwrap();
        let maps = format!("/proc/{}/maps", run.id());
        while !fs::read_to_string(&maps).unwrap_or_default().contains("a.sarif") {
            assert!(run.try_wait().unwrap().is_none(), "it ended before it read the file");
        }
        fs::OpenOptions::new().write(true).open(world.path().join("a.sarif")).unwrap().set_len(keep).unwrap();
        let done = run.wait_with_output().unwrap();
        assert_eq!(done.status.code(), Some(3), "cut to {keep}: {:?}", done.status);
        let decision: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
        let reason = gate(&decision, "scan")["reason"].as_str().unwrap();
        assert!(["changed_while_read", "malformed"].contains(&reason), "cut to {keep}: {reason}");
    }
}

#[test]
fn t33_an_actions_inputs_do_not_give_way_to_variables_of_an_earlier_step() {
    let world = World::with_policy(
        "version: 1\nenvironments: { staging: { approval: automatic }, production: { approval: automatic } }\ngates:\n  \
         scan: { sarif: \"*.sarif\", require: \"findings.warning == 0\", environments: [production] }\n  \
         other: { sarif: \"*.sarif\", require: \"true\" }\n",
    )
    .variable("INPUT_ENVIRONMENT", "production")
    .variable("INPUT_TIME-LIMIT", "")
    .variable("COUNTERSIGN_ENVIRONMENT", "staging")
    .variable("COUNTERSIGN_POLICY", "loose.yml")
    .variable("COUNTERSIGN_TIME_LIMIT", "never")
    .variable("COUNTERSIGN_NOW", "never")
    .variable("INPUT_NOW", "never")
    .variable("INPUT_REPOSITORY", "*");
    world.write("a.sarif", WARNING);
    let said = world.run(&["gate", "--inputs"]);
    assert_eq!(said.code, 11, "{}{}", said.out, said.err);
}

#[test]
fn t56_an_argument_that_is_refused_writes_no_command_of_a_workflow() {
    let world = World::with_policy(POLICY);
    for argument in ["--format\n::error::q", "--format=\n::error::q", "\u{1B}[2J"] {
        let said = world.run(&["gate", argument]);
        assert_eq!(said.code, 2, "{}", said.err);
        assert!(!said.err.lines().any(|line| line.trim_start().starts_with("::")), "{}", said.err);
        assert!(!said.err.contains('\u{1B}'), "{:?}", said.err);
    }
}

#[rstest]
#[case::github("GITHUB_ACTIONS")]
#[case::gitlab("GITLAB_CI")]
fn a_variable_that_says_it_is_no_job_is_believed(#[case] name: &str) {
    let world = World::with_policy(POLICY).variable(name, "false");
    world.write("a.sarif", CLEAN);
    let said = world.run(&["gate"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.starts_with("PROCEED"), "a table for a person: {}", said.out);
}
