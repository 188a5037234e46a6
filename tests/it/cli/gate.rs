//! What the options mean, and what is refused.

use std::os::unix::fs::symlink;

use countersign::model::verdict::Reason;
use rstest::rstest;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::support::run::{World, gate};

const SMALLEST: &str = r#"
version: 1
environments: { production: { approval: automatic } }
gates:
  scan: { sarif: "**/*.sarif", require: "findings.error == 0" }
"#;
const CLEAN: &str = r#"{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"Lint","version":"3"}},"results":[]}]}"#;
const TWO: &str = r#"
version: 1
environments: { staging: { approval: automatic }, production: { approval: formal } }
gates:
  scan: { sarif: "**/*.sarif", require: "findings.error == 0" }
"#;

#[test]
fn without_flags_it_finds_policy_and_artifacts_and_says_what_it_read() {
    let world = World::with_policy(SMALLEST);
    world.write("build/out.sarif", CLEAN);
    let (code, decision) = world.gate(&[]);
    assert_eq!(code, 0);
    assert_eq!(decision["decision"], "proceed");
    assert_eq!(decision["environment"], "production");
    assert_eq!(decision["now"], "2026-11-23T09:00:00Z");
    assert_eq!(decision["policy"][0]["path"], ".countersign/policy.yml");
    assert_eq!(decision["policy_from"], "unprotected");
    let evidence = &gate(&decision, "scan")["evidence"][0];
    assert_eq!(evidence["path"], "build/out.sarif");
    assert_eq!(evidence["format"], "sarif");
    assert_eq!(evidence["tool"], "Lint 3");
    assert_eq!(evidence["bytes"], CLEAN.len());
    // printf '%s' "$CLEAN" | sha256sum
    assert_eq!(evidence["sha256"].as_str().unwrap().len(), 64);
}

#[test]
fn f25_a_decision_is_called_the_same_on_every_surface_and_no_other_is_called_so() {
    let world =
        World::with_policy(SMALLEST).variable("GITHUB_OUTPUT", "output").variable("GITHUB_STEP_SUMMARY", "page");
    world.write("build/out.sarif", CLEAN);
    let (_, decision) = world.gate(&[]);
    let id = decision["id"].as_str().unwrap();
    assert!(id.len() == 64 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')), "{id}");
    let told = |format: &str| world.run(&["gate", "--format", format, "--now", "2026-11-23T09:00:00Z"]).out;
    assert!(told("text").contains(&format!("decision: {id}\n")), "{}", told("text"));
    assert!(told("markdown").contains(&format!("decision <code>{id}</code>")), "{}", told("markdown"));
    assert!(told("github").contains(id) && world.read("page").contains(id));
    let output = world.read("output");
    assert!(output.lines().any(|line| line == id), "{output}");
    assert!(told("gitlab").contains(id) && world.read("countersign-note.md").contains(id));
    let variables = world.read("countersign.env");
    assert!(variables.lines().any(|line| line == format!("COUNTERSIGN_DECISION_ID={id}")), "{variables}");
    // It is the digest of the document on one line, without itself.
    let line = output.lines().find(|line| line.starts_with('{')).unwrap();
    let without = line.replace(&format!("\"id\":\"{id}\""), "\"id\":\"\"");
    let hexadecimal = |all: String, byte: &u8| all + &format!("{byte:02x}");
    let digest = Sha256::digest(without.as_bytes()).iter().fold(String::new(), hexadecimal);
    assert_eq!(digest, id);
    // Another report, another instant or another policy is another decision.
    let later = world.run(&["gate", "--format", "json", "--now", "2026-11-23T09:00:01Z"]).out;
    let later: Value = serde_json::from_str(&later).unwrap();
    let mut ids = vec![id.to_owned(), later["id"].as_str().unwrap().to_owned()];
    world.write("build/out.sarif", format!("{CLEAN}\n"));
    ids.push(world.gate(&[]).1["id"].as_str().unwrap().to_owned());
    world.write(".countersign/policy.yml", format!("{SMALLEST}\n"));
    ids.push(world.gate(&[]).1["id"].as_str().unwrap().to_owned());
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 4);
}

#[test]
fn what_holds_says_what_to_do_next_on_every_surface() {
    let world = World::with_policy(SMALLEST);
    world.write("build/out.sarif", "{\"version\":");
    let (code, decision) = world.gate(&[]);
    let scan = gate(&decision, "scan");
    assert_eq!((code, scan["reason"].as_str()), (3, Some("malformed")));
    let next = Reason::Malformed.next().unwrap();
    assert_eq!(scan["next"], next);
    let unwrapped =
        |format: &str| world.run(&["gate", "--format", format]).out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(unwrapped("text").contains(&format!("next: scan: {next}")), "{}", unwrapped("text"));
    assert!(
        unwrapped("markdown").contains("Next: <code>scan</code>: see that the job that wrote the file came to its end")
    );
    world.write("build/out.sarif", CLEAN);
    let (_, decision) = world.gate(&[]);
    assert_eq!(gate(&decision, "scan").get("next"), None);
    // Whatever holds has something to do.
    for reason in Reason::ALL {
        assert_eq!(reason.next().is_none(), reason.verdict().opens(), "{}", reason.code());
    }
}

#[test]
fn a_decision_is_not_written_where_a_gate_looks_for_its_evidence() {
    let world = World::with_policy(SMALLEST);
    world.write("build/out.sarif", CLEAN);
    for output in ["build/decision.sarif", "./decision.sarif"] {
        let said = world.run(&["gate", "--format", "json", "--output", output]);
        assert_eq!(said.code, 2);
        assert!(said.err.contains("is a file that the gate `scan` reads as evidence"), "{}", said.err);
    }
    let said = world.run(&["gate", "--format", "json", "--output", "build/out.sarif"]);
    assert!(said.err.contains("reads as evidence"), "{}", said.err);
    assert_eq!(world.read("build/out.sarif"), CLEAN, "the report itself is still there");
    let said = world.run(&["gate", "--format", "json", "--output", "build/decision.json"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let said = world.run(&["gate", "--artifacts", "build", "--format", "json", "--output", "other.sarif"]);
    assert_eq!(said.code, 0, "a file outside of the artifacts: {}", said.err);
}

#[test]
fn nothing_that_is_read_is_written_over_and_what_was_there_before_is_not_lost() {
    let world = World::with_policy(SMALLEST);
    world.write("build/out.sarif", CLEAN).write("policy.yml", SMALLEST).write("program", "bytes");
    for (option, file) in [("--policy", "policy.yml"), ("--artifact", "program"), ("--baseline", "build/out.sarif")] {
        let said = world.run(&["gate", option, file, "--format", "json", "--output", &format!("./{file}")]);
        assert_eq!(said.code, 2, "{option}: {}", said.err);
        assert!(said.err.contains(option), "{}", said.err);
    }
    let own = world.run(&["gate", "--output", ".countersign/policy.yml"]);
    assert_eq!(own.code, 2, "{}", own.err);
    assert_eq!((world.read(".countersign/policy.yml"), world.read("policy.yml")), (SMALLEST.into(), SMALLEST.into()));
    assert_eq!(world.read("program"), "bytes");
    // A run without a decision leaves none of an earlier one, and loses nothing.
    world.write("notes.md", "mine").write("wrong.yml", "version: 1\nenvironment: {}\n");
    let said = world.run(&["gate", "--policy", "wrong.yml", "--output", "notes.md"]);
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(!world.path().join("notes.md").exists());
    assert!(said.err.contains("kept as notes.md.earlier-1"), "{}", said.err);
    assert_eq!(world.read("notes.md.earlier-1"), "mine");
    for _ in 0..2 {
        for output in ["decision.json", "notes.md"] {
            let said = world.run(&["gate", "--format", "json", "--output", output]);
            assert_eq!(said.code, 0, "{}", said.err);
        }
    }
    assert!(!world.path().join("decision.json.earlier-1").exists());
    assert_eq!(world.read("notes.md.earlier-1"), "mine", "nobody took it back");
}

#[test]
fn gates_are_told_in_the_order_of_the_policy_however_long_each_takes() {
    let gate = |at| format!("  gate-{at}: {{ sarif: \"{at}/*\", require: \"findings.total == {at}\" }}\n");
    let gates = (0..9).map(gate).collect::<Vec<_>>().concat();
    let world = World::with_policy(&format!(
        "version: 1\nenvironments: {{ staging: {{ approval: automatic }} }}\ngates:\n{gates}"
    ));
    for at in 0..9 {
        let results = vec![r#"{"ruleId":"x","message":{"text":"y"}}"#; at].join(",");
        let report = CLEAN.replace("[]", &format!("[{results}]"));
        // The first takes longest.
        world.write(&format!("{at}/report.sarif"), format!("{}{report}", " ".repeat((9 - at) << 18)));
    }
    let (code, decision) = world.gate(&[]);
    assert_eq!(code, 0, "{decision:#}");
    let names: Vec<_> =
        decision["gates"].as_array().unwrap().iter().map(|gate| gate["name"].as_str().unwrap()).collect();
    assert_eq!(names, (0..9).map(|at| format!("gate-{at}")).collect::<Vec<_>>());
}

#[test]
fn a_baseline_of_many_large_files_is_read_one_after_another() {
    let world = World::with_policy(&SMALLEST.replace("findings.error", "findings.new.error"));
    let large = format!("{}{CLEAN}", " ".repeat(1 << 18));
    for at in 0..40 {
        world.write(&format!("here/{at}.sarif"), &large).write(&format!("before/{at}.sarif"), &large);
    }
    let (code, decision) = world.gate(&["--artifacts", "here", "--baseline", "before"]);
    assert_eq!(code, 0, "{decision:#}");
}

#[rstest]
#[case(".countersign/policy.yml")]
#[case(".countersign/policy.yaml")]
#[case("countersign.yml")]
fn the_policy_is_found_at_its_usual_places(#[case] place: &str) {
    let world = World::new();
    world.write(place, SMALLEST).write("a.sarif", CLEAN);
    assert_eq!(world.gate(&[]).0, 0);
}

#[rstest]
#[case::no_policy(&[], "no policy was found")]
#[case::unreadable_policy(&["--policy", "nowhere.yml"], "the policy nowhere.yml cannot be read")]
#[case::several_environments(&["--policy", "two.yml"], "name one with `--environment`: `staging`, `production`")]
#[case::unknown_environment(&["--policy", "two.yml", "--environment", "Production"], "no environment `Production`")]
#[case::look_alike_environment(&["--policy", "two.yml", "--environment", "production "], "no environment `production `")]
#[case::no_such_folder(&["--policy", "one.yml", "--artifacts", "gone"], "`--artifacts gone` is not a folder")]
#[case::no_such_baseline(&["--policy", "one.yml", "--baseline", "gone"], "`--baseline gone` does not exist")]
#[case::no_instant(&["--policy", "one.yml", "--now", "yesterday"], "`--now yesterday` is no instant")]
#[case::no_commit(&["--policy", "one.yml", "--commit", "main"], "not a full SHA-1 or SHA-256")]
#[case::no_digest(&["--policy", "one.yml", "--artifact", "sha256:12"], "no SHA-256 digest")]
#[case::no_length(&["--policy", "one.yml", "--time-limit", "soon"], "no length of time")]
#[case::no_flag(&["--polcy", "one.yml"], "--policy")]
fn t33_a_mistake_in_the_command_is_told_and_exits_2(#[case] arguments: &[&str], #[case] says: &str) {
    let world = World::new();
    world.write("one.yml", SMALLEST).write("two.yml", TWO).write("a.sarif", CLEAN);
    let mut all = vec!["gate"];
    all.extend(arguments);
    let said = world.run(&all);
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains(says), "{}", said.err);
    assert!(said.out.is_empty(), "nothing is decided: {}", said.out);
}

#[test]
fn options_come_from_the_environment_too_and_an_empty_one_is_not_given() {
    let world = World::new()
        .variable("COUNTERSIGN_POLICY", "two.yml\n")
        .variable("COUNTERSIGN_ENVIRONMENT", "staging")
        .variable("COUNTERSIGN_ARTIFACTS", "first\nsecond\n")
        .variable("COUNTERSIGN_BASELINE", "")
        .variable("COUNTERSIGN_FORMAT", " ");
    world
        .write("two.yml", TWO)
        .write("first/a.sarif", CLEAN)
        .write("second/b.sarif", CLEAN)
        .write("third/c.sarif", "x");
    let (code, decision) = world.gate(&[]);
    assert_eq!((code, &decision["environment"]), (0, &"staging".into()));
    assert_eq!(gate(&decision, "scan")["evidence_count"], 2);
}

#[test]
fn approvals_and_other_sections_are_listed_and_never_change_the_exit() {
    let world = World::with_policy(&format!("{TWO}\nincidents: {{ system: pagerduty, block_at: 2 }}\n"));
    world.write("a.sarif", CLEAN);
    let (code, decision) = world.gate(&["--environment", "production"]);
    assert_eq!(code, 0);
    let listed: Vec<_> =
        decision["not_evaluated"].as_array().unwrap().iter().map(|entry| entry["what"].as_str().unwrap()).collect();
    assert_eq!(listed, ["approvals", "incidents"]);
    assert_eq!(world.gate(&["--environment", "staging"]).1["not_evaluated"][0]["what"], "incidents");
}

#[test]
fn what_a_gate_asks_of_workflows_and_people_is_listed_too() {
    let gate =
        |name: &str, more: &str| format!("  {name}: {{ sarif: '*.sarif', require: 'findings.error == 0'{more} }}");
    let gates = [
        gate("load", ", from: 'acme/perf//nightly.yml'"),
        gate("scan", ", verified_by: security"),
        gate("elsewhere", ", verified_by: security, environments: [staging]"),
    ];
    let environments = "{ production: { approval: automatic }, staging: { approval: automatic } }";
    let world = World::with_policy(&format!(
        "version: 1\nenvironments: {environments}\nroles: {{ security: {{ members: ['user:sam'] }} }}\ngates:\n{}\n",
        gates.join("\n")
    ));
    world.write("a.sarif", CLEAN);
    let (code, decision) = world.gate(&["--environment", "production"]);
    assert_eq!(code, 0);
    let listed: Vec<_> =
        decision["not_evaluated"].as_array().unwrap().iter().map(|entry| entry["what"].as_str().unwrap()).collect();
    let listed: Vec<_> = listed.into_iter().filter(|what| what.starts_with("gates.")).collect();
    assert_eq!(listed, ["gates.load.from", "gates.scan.verified_by"]);
    let text = world.run(&["gate", "--environment", "production"]).out;
    assert!(text.contains("not evaluated: gates.load.from: "), "{text}");
}

#[test]
fn one_file_can_be_judged_by_two_gates_of_its_kind() {
    let world = World::with_policy(
        r#"
version: 1
environments: { production: { approval: automatic } }
gates:
  errors:   { sarif: "*.sarif", require: "findings.error == 0" }
  warnings: { sarif: "a.*", require: "findings.warning == 0" }
"#,
    );
    world.write("a.sarif", CLEAN);
    let (code, decision) = world.gate(&[]);
    assert_eq!(code, 0);
    assert_eq!(
        gate(&decision, "errors")["evidence"][0]["sha256"],
        gate(&decision, "warnings")["evidence"][0]["sha256"]
    );
}

#[test]
fn t54_links_and_devices_are_not_followed_out_of_the_folder() {
    let world = World::with_policy(SMALLEST);
    world.write("outside.json", CLEAN).write("in/real.txt", CLEAN);
    symlink("/etc/passwd", world.path().join("in/evil.sarif")).unwrap();
    let (code, decision) = world.gate(&["--artifacts", "in"]);
    assert_eq!((code, gate(&decision, "scan")["reason"].as_str()), (3, Some("not_a_plain_file")));
    std::fs::remove_file(world.path().join("in/evil.sarif")).unwrap();
    symlink("../outside.json", world.path().join("in/evil.sarif")).unwrap();
    assert_eq!(world.gate(&["--artifacts", "in"]).0, 3, "a sibling of the folder is outside as well");
    std::fs::remove_file(world.path().join("in/evil.sarif")).unwrap();
    symlink("real.txt", world.path().join("in/fine.sarif")).unwrap();
    assert_eq!(world.gate(&["--artifacts", "in"]).0, 0, "a link within the folder is followed");
    symlink("/dev/zero", world.path().join("in/zero.sarif")).unwrap();
    assert_eq!(world.gate(&["--artifacts", "in"]).0, 3);
}

#[test]
fn t54_a_report_that_a_link_beside_it_leads_to_counts_once() {
    let world = World::with_policy(
        "version: 1\nenvironments: { production: { approval: automatic } }\n\
         gates: { unit: { junit: '**/*.xml', require: 'tests.total >= 2' } }\n",
    );
    world.write("in/a.xml", "<testsuite name='s'><testcase name='t'/></testsuite>");
    symlink("a.xml", world.path().join("in/b.xml")).unwrap();
    symlink("b.xml", world.path().join("in/c.xml")).unwrap();
    let (code, decision) = world.gate(&["--artifacts", "in"]);
    let unit = gate(&decision, "unit");
    assert_eq!((code, unit["measures"]["tests.total"].as_u64()), (11, Some(1)), "{decision:#}");
    assert_eq!(unit["evidence"].as_array().unwrap().len(), 1);
    // Two links to what no glob means are one report as well.
    world.write("in/report.txt", "<testsuite name='s'><testcase name='u'/></testsuite>");
    for name in ["in/d.xml", "in/e.xml"] {
        symlink("report.txt", world.path().join(name)).unwrap();
    }
    let (code, decision) = world.gate(&["--artifacts", "in"]);
    assert_eq!((code, gate(&decision, "unit")["measures"]["tests.total"].as_u64()), (0, Some(2)), "{decision:#}");
}

#[test]
fn t54_a_decision_is_written_through_no_link_among_the_artifacts() {
    let world = World::with_policy(SMALLEST);
    world.write("in/a.sarif", CLEAN).write("mine.txt", "mine").write("out/theirs.txt", "");
    symlink("../mine.txt", world.path().join("in/decision.json")).unwrap();
    symlink("../out", world.path().join("in/folder")).unwrap();
    symlink("mine.txt", world.path().join("named.json")).unwrap();
    for output in ["in/decision.json", "in/folder/decision.json"] {
        let said = world.run(&["gate", "--artifacts", "in", "--format", "json", "--output", output]);
        assert_eq!(said.code, 2, "{}", said.err);
        assert!(said.err.contains("is a symbolic link among the artifacts"), "{}", said.err);
    }
    assert_eq!(world.read("mine.txt"), "mine");
    // The gate would follow it no more than the decision does.
    std::fs::remove_file(world.path().join("in/folder")).unwrap();
    let said = world.run(&["gate", "--artifacts", "in", "--format", "json", "--output", "named.json"]);
    assert_eq!(said.code, 0, "a link of one's own is followed: {}", said.err);
    assert!(world.read("mine.txt").contains("proceed"));
}

#[test]
fn a_policy_that_is_passed_over_is_named() {
    let world = World::with_policy(SMALLEST);
    world.write("a.sarif", CLEAN);
    assert_eq!(world.run(&["gate"]).err, "");
    world.write("countersign.yml", SMALLEST);
    let said = world.run(&["gate"]);
    assert_eq!(said.code, 0);
    assert!(
        said.err.contains("countersign.yml is not read, for the policy is .countersign/policy.yml"),
        "{}",
        said.err
    );
    assert_eq!(world.run(&["gate", "--policy", "countersign.yml"]).err, "");
}

#[test]
fn a_signer_of_the_jobs_repository_wants_to_know_it() {
    let world = World::with_policy(
        "version: 1\nenvironments: { production: { approval: automatic }, staging: { approval: automatic } }\n\
         gates: { signed: { sigstore: '*.json', environments: [production], issuer: 'https://a.example',\n  \
         identity: 'https://github.com/{repository}/.github/workflows/r.yml@refs/heads/main' } }\n",
    );
    let said = world.run(&["gate", "--environment", "production"]);
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains("name it with `--repository`"), "{}", said.err);
    let said = world.run(&["gate", "--environment", "production", "--repository", "acme/shop"]);
    assert_eq!(said.code, 10, "{}", said.err);
    let said = world.run(&["gate", "--environment", "staging"]);
    assert_eq!(said.code, 0, "{}", said.err);
}

#[rstest]
#[case::everywhere("**/*.sarif", 3)]
#[case::in_it("d/*.sarif", 3)]
#[case::by_alternatives("{a,d}/*.sarif", 3)]
#[case::with_a_dot("./d/**", 3)]
#[case::beside_it("in/*.sarif", 0)]
#[case::not_that_deep("*.sarif", 10)]
fn t54_a_linked_folder_that_lies_outside_is_told_where_a_glob_leads_into_it(#[case] glob: &str, #[case] code: i32) {
    let world = World::with_policy(&SMALLEST.replace("**/*.sarif", glob));
    world.write("outside/bad.sarif", "{}").write("all/in/real.sarif", CLEAN);
    symlink("../outside", world.path().join("all/d")).unwrap();
    let (found, decision) = world.gate(&["--artifacts", "all"]);
    let scan = gate(&decision, "scan");
    assert_eq!(found, code, "{scan}");
    if code == 3 {
        assert_eq!(scan["reason"], "not_a_plain_file", "{scan}");
        let why = scan["explanation"].as_str().unwrap();
        assert!(why.contains("d: a symbolic link to a folder outside of the artifact folder"), "{why}");
    }
    // One that stays inside is met on its own way, and once.
    std::fs::remove_file(world.path().join("all/d")).unwrap();
    symlink("in", world.path().join("all/d")).unwrap();
    let (found, decision) = world.gate(&["--artifacts", "all"]);
    if found == 0 {
        assert_eq!(gate(&decision, "scan")["evidence_count"], 1);
    }
    assert_ne!(found, 3);
}

#[test]
fn a_pipe_in_the_folder_neither_hangs_nor_passes() {
    let world = World::with_policy(SMALLEST);
    let made = std::process::Command::new("mkfifo").arg(world.path().join("pipe.sarif")).status().unwrap();
    assert!(made.success());
    let (code, decision) = world.gate(&[]);
    assert_eq!((code, gate(&decision, "scan")["reason"].as_str()), (3, Some("not_a_plain_file")));
}

#[test]
fn too_many_files_are_refused_with_the_limit_that_can_be_raised() {
    let world = World::with_policy(&format!("{SMALLEST}\nlimits: {{ files: 3 }}\n"));
    for number in 0..4 {
        world.write(&format!("{number}.sarif"), CLEAN);
    }
    let (code, decision) = world.gate(&[]);
    assert_eq!((code, gate(&decision, "scan")["reason"].as_str()), (3, Some("beyond_limit")));
    assert!(gate(&decision, "scan")["explanation"].as_str().unwrap().contains("limits.files"));
    let entries = World::with_policy(&format!("{SMALLEST}\nlimits: {{ entries: 5 }}\n"));
    for number in 0..9 {
        entries.write(&format!("{number}.txt"), "");
    }
    assert_eq!(gate(&entries.gate(&[]).1, "scan")["reason"], "beyond_limit");
    let bytes = World::with_policy(&format!("{SMALLEST}\nlimits: {{ bytes: 50 }}\n"));
    bytes.write("a.sarif", CLEAN);
    assert_eq!(gate(&bytes.gate(&[]).1, "scan")["reason"], "beyond_limit");
}

#[rstest]
#[case::little(false)]
#[case::big(true)]
fn utf_16_with_a_byte_order_mark_is_read(#[case] big: bool) {
    let world = World::with_policy(SMALLEST);
    let units = CLEAN.encode_utf16().flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() });
    let mark = if big { [0xFE, 0xFF] } else { [0xFF, 0xFE] };
    world.write("a.sarif", mark.into_iter().chain(units).collect::<Vec<_>>());
    let (code, decision) = world.gate(&[]);
    assert_eq!(code, 0, "{decision:#}");
    let units = CLEAN.encode_utf16().flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() });
    world.write("a.sarif", units.collect::<Vec<_>>());
    let (code, decision) = world.gate(&[]);
    assert_eq!((code, gate(&decision, "scan")["reason"].as_str()), (3, Some("unrecognised")));
    let explanation = gate(&decision, "scan")["explanation"].as_str().unwrap();
    assert!(explanation.contains("UTF-16 without a byte-order mark"), "{explanation}");
    world.write("a.sarif", [0xFF, 0xFE, b'{', 0, b'"', 0, 0x00, 0xD8, b'x', 0]);
    let (code, decision) = world.gate(&[]);
    assert_eq!((code, gate(&decision, "scan")["reason"].as_str()), (3, Some("malformed")));
}

#[test]
fn a_byte_that_is_not_utf_8_is_found_even_where_nothing_is_read() {
    let world = World::with_policy(SMALLEST);
    let mut bytes = CLEAN.replace("\"results\":[]", "\"properties\":{\"note\":\"??\"},\"results\":[]").into_bytes();
    let at = bytes.iter().position(|byte| *byte == b'?').unwrap();
    bytes[at] = 0xFF;
    world.write("a.sarif", &bytes);
    let (code, decision) = world.gate(&[]);
    assert_eq!((code, gate(&decision, "scan")["reason"].as_str()), (3, Some("malformed")));
    assert!(gate(&decision, "scan")["explanation"].as_str().unwrap().contains(&format!("byte {at}")), "{decision:#}");
}

#[test]
fn the_time_limit_ends_the_run_with_4() {
    let world = World::with_policy(SMALLEST);
    world.write(
        "a.sarif",
        format!(
            "{{\"runs\":[{}]}}",
            vec!["{\"tool\":{\"driver\":{\"name\":\"x\"}},\"results\":[]}"; 400_000].join(",")
        ),
    );
    let said = world.run(&["gate", "--time-limit", "1ms"]);
    assert_eq!(said.code, 4, "{}", said.err);
    assert!(said.err.contains("time limit"), "{}", said.err);
}

#[test]
fn the_time_limit_covers_the_policy_and_the_artifact_too() {
    let world = World::with_policy(SMALLEST);
    world.write("a.sarif", CLEAN);
    world.write("bin/git", "#!/bin/sh\nexec sleep 5\n");
    let bin = world.path().join("bin");
    std::fs::set_permissions(bin.join("git"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let world = world.variable("PATH", &path);
    let said = world.run(&["gate", "--policy-ref", "main", "--time-limit", "200ms"]);
    assert_eq!((said.code, said.out.as_str()), (4, ""), "{}", said.err);
    assert!(said.err.contains("reached while reading the policy"), "{}", said.err);

    std::fs::File::create(world.path().join("app.bin")).unwrap().set_len(2_000_000_000).unwrap();
    let said = world.run(&["gate", "--artifact", "app.bin", "--time-limit", "100ms"]);
    assert_eq!((said.code, said.out.as_str()), (4, ""), "{}", said.err);
    assert!(said.err.contains("reached while reading app.bin"), "{}", said.err);
}

#[test]
fn f25_only_0_lets_a_pipeline_go_on_and_a_closed_pipe_is_no_panic() {
    let world = World::with_policy(SMALLEST);
    world.write("a.sarif", CLEAN);
    let command = format!("{} gate --format json | true", env!("CARGO_BIN_EXE_countersign"));
    let output = std::process::Command::new("sh").args(["-c", &command]).current_dir(world.path()).output().unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let unwritable = ["gate", "--format", "json", "--output", "no/such/folder.json"];
    let said = world.run(&unwritable);
    assert_eq!(said.code, 3, "{}", said.err);
    world.write(
        "a.sarif",
        CLEAN.replace("\"results\":[]", "\"results\":[{\"level\":\"error\",\"message\":{\"text\":\"m\"}}]"),
    );
    let said = world.run(&unwritable);
    assert_eq!(said.code, 11, "that a gate blocks is known, whoever could not be told: {}", said.err);
}
