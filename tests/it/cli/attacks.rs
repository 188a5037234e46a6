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
    assert_eq!(code, 3);
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
