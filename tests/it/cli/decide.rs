//! `countersign decide`: exit codes, both formats, and texts that would act on a reader's screen.

use countersign::log::receipt::sha256;
use rstest::rstest;
use serde_json::{Value, json};

use crate::decide::base::{POLICY, act, approves, facts, with};
use crate::support::run::{Said, World};

const NOW: &str = "2026-12-08T12:00:00Z";

fn world(facts: &Value) -> World {
    let world = World::new();
    world.write("policy.yml", POLICY).write("facts.json", facts.to_string());
    world
}

fn decide(world: &World, more: &[&str]) -> Said {
    let mut all = vec!["decide", "--policy", "policy.yml", "--facts", "facts.json", "--now", NOW];
    all.extend(more);
    world.run(&all)
}

#[test]
fn it_proceeds_holds_or_rejects_by_its_exit_code() {
    let proceeds = decide(&world(&facts()), &[]);
    assert_eq!((proceeds.code, proceeds.err.as_str()), (0, ""));
    assert!(proceeds.out.starts_with("PROCEED  production may proceed"), "{}", proceeds.out);
    let holds = decide(&world(&with(facts(), "/acts", json!([approves("a1", "github:bo")]))), &[]);
    assert_eq!(holds.code, 10);
    assert!(holds.out.starts_with("HOLD  held before production: 0 of 1 approvals from security"), "{}", holds.out);
    assert!(holds.out.contains("can do it: seth, sue"), "{}", holds.out);
    let mut reject = act("r", "github:noor", json!({"reject": {}}));
    reject["reason"] = json!("the migration cannot be reversed yet");
    let rejected = world(&with(facts(), "/acts/-", reject));
    let said =
        rejected.run(&["decide", "--policy", "policy.yml", "--facts", "facts.json", "--now", "2026-12-10T12:00:00Z"]);
    assert_eq!(said.code, 11, "{}", said.out);
    assert!(said.out.starts_with("REJECT  rejected before production by noor"), "{}", said.out);
}

#[test]
fn the_release_of_the_readme_is_decided_as_it_says() {
    let readme = include_str!("../../../README.md");
    let (_, rest) = readme.split_once("```sh\ncountersign decide ").unwrap();
    let (command, rest) = rest.split_once("\n```\n\n```text\n").unwrap();
    let (shown, _) = rest.split_once("\n```").unwrap();
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/");
    let words: Vec<String> =
        command.split(' ').map(|word| word.replace("examples/", &format!("{root}examples/"))).collect();
    let said = World::new().run(&[&["decide"], &words.iter().map(String::as_str).collect::<Vec<_>>()[..]].concat());
    assert_eq!(said.code, 10, "{}", said.err);
    // Where lines break depends on how long the path of the repository is.
    let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let told = flat(&said.out.replace(root, ""));
    let mut left = told.as_str();
    for line in shown.lines().filter(|line| *line != "…").map(flat) {
        let (_, after) = left.split_once(&line).unwrap_or_else(|| panic!("`{line}` is not told in its place:\n{told}"));
        left = after;
    }
}

#[test]
fn what_cannot_be_read_has_a_code_of_its_own() {
    let world = world(&facts());
    assert_eq!(world.run(&["decide", "--policy", "policy.yml", "--facts", "none.json", "--now", NOW]).code, 3);
    world.write("facts.json", "{\"version\": 1, \"colour\": \"red\"}");
    let unknown = decide(&world, &[]);
    assert_eq!(unknown.code, 3);
    assert!(unknown.err.contains("colour") && unknown.err.contains("schema facts"), "{}", unknown.err);
    world.write("facts.json", facts().to_string());
    assert_eq!(decide(&world, &["--policy-before", "none.yml"]).code, 10);
    assert_eq!(decide(&world, &["--policy-ref", "nowhere at all"]).code, 2);
    assert_eq!(world.run(&["decide", "--policy", "policy.yml", "--facts", "facts.json", "--now", "noon"]).code, 2);
    world.write("policy.yml", "version: 1\n");
    let mistaken = decide(&world, &["--format", "json"]);
    let document: Value = serde_json::from_str(&mistaken.out).unwrap();
    assert_eq!((mistaken.code, &document["decision"]), (10, &json!("hold")));
    assert_eq!(document["tree"]["parts"][0]["code"], "policy_mistaken");
    assert_eq!(document["tree"]["parts"][0]["stated"]["line"], 1);
    assert_eq!(document["revisit"]["events"], json!(["policy"]));
}

#[test]
fn t16_a_layer_that_cannot_be_read_or_is_mistaken_holds_and_says_which() {
    let world = world(&facts());
    let layers = |outer: &str| {
        world.run(&["decide", "--policy", outer, "--policy", "policy.yml", "--facts", "facts.json", "--now", NOW])
    };
    let missing = layers("organisation.yml");
    assert_eq!(missing.code, 10, "{}", missing.err);
    assert!(missing.out.starts_with("HOLD  held before production: the policy organisation.yml "), "{}", missing.out);
    assert!(missing.out.contains("code: policy_unreadable"), "{}", missing.out);
    assert!(missing.err.contains("organisation.yml"), "{}", missing.err);
    world.write("organisation.yml", "version: 1\nroutes: [");
    let broken = layers("organisation.yml");
    assert_eq!(broken.code, 10, "{}", broken.err);
    assert!(
        broken.out.contains("organisation.yml:2: ") && broken.out.contains("code: policy_mistaken"),
        "{}",
        broken.out
    );
    assert!(broken.err.contains("organisation.yml"), "{}", broken.err);
}

#[test]
fn everything_that_is_wrong_with_the_facts_is_told_at_its_place() {
    let mut wrong = facts();
    wrong["release"]["submitted_at"] = json!("yesterday");
    wrong["release"].as_object_mut().unwrap().remove("asked_since");
    wrong["release"]["documented"] = json!("yes");
    wrong["release"]["changes"][0]["colour"] = json!("red");
    wrong["release"]["changes"][0]["commits"][0]["author"] = json!(7);
    wrong["release"]["changes"][0]["lines"] = json!(-1);
    wrong["release"].as_object_mut().unwrap().remove("commit");
    wrong["accounts"]["github:bo"]["kind"] = json!("persn");
    wrong["acts"][0]["via"] = json!("pgae");
    wrong["acts"][1]["does"] = json!({"aprove": {}});
    let text = serde_json::to_string_pretty(&wrong).unwrap();
    let world = world(&facts());
    world.write("facts.json", &text);
    let said = decide(&world, &[]);
    assert_eq!((said.code, said.out.as_str()), (3, ""));
    let line = |of: &str| text.lines().position(|line| line.contains(of)).unwrap() + 1;
    for (at, told) in [
        (
            line("\"yesterday\""),
            "`release.submitted_at`: `yesterday` is no instant; write one such as `\"2026-11-23T09:00:00Z\"`",
        ),
        (
            line("\"yes\""),
            "`release.documented`: expected `true` or `false`, `null` where there is none, or `{\"unavailable\": \"why\"}` where it could not be read, found the text `yes`",
        ),
        (line("\"colour\""), "`release.changes[0]`: `colour` is no key here; known are `commits`, `content`"),
        (line("\"author\""), "`release.changes[0].commits[0].author`: expected an account such as `\"github:dana-h\"`"),
        (line("\"lines\""), "`release.changes[0].lines`: expected a whole number of 0 or more"),
        (line("\"release\""), "`release`: `asked_since` is missing; it is an instant"),
        (line("\"release\""), "`release`: `commit` is missing; it is a text in quotes"),
        (line("\"persn\""), "`accounts.github:bo.kind`: `persn` is none of `person`, `bot`"),
        (line("\"pgae\""), "`acts[0].via`: `pgae` is none of `environment`, `command`"),
        (line("\"aprove\""), "`acts[1].does`: `aprove` is none of `approve`, `approve_policy`"),
    ] {
        assert!(said.err.contains(&format!("line {at}, {told}")), "line {at}, {told}\n{}", said.err);
    }
    assert!(said.err.contains("facts.json: 10 mistakes\n"), "{}", said.err);
    assert!(said.err.contains("; write `page` if that is meant"), "{}", said.err);
    assert!(said.err.contains("; write `approve` if that is meant"), "{}", said.err);
}

#[test]
fn a_document_that_is_no_json_is_told_by_its_line() {
    let world = world(&facts());
    world.write("facts.json", "{\n  \"version\": 1,\n  \"release\" {}\n}\n");
    let said = decide(&world, &[]);
    assert_eq!(said.code, 3);
    assert!(said.err.contains("line 3: this is no JSON: expected `:`"), "{}", said.err);
}

#[test]
fn the_document_says_by_what_it_was_decided_and_who_approved_as_what() {
    let world = world(&facts());
    let said = decide(&world, &["--format", "json"]);
    let document: Value = serde_json::from_str(&said.out).unwrap();
    let digest = sha256(facts().to_string().as_bytes());
    assert_eq!(document["facts"], json!(digest));
    assert_eq!(document["tool"], json!(format!("countersign {}", env!("CARGO_PKG_VERSION"))));
    let approvals = document["approvals"].as_array().unwrap();
    let by: Vec<&Value> = approvals.iter().flat_map(|it| it["by"].as_array().unwrap()).collect();
    assert_eq!(by[0], &json!({"person": "bo", "role": "owner", "acts": ["a1"], "accounts": ["github:bo"]}));
    assert_eq!(
        (&approvals[0]["role"], &approvals[0]["needed"], &approvals[0]["met"]),
        (&json!("owner"), &json!(1), &json!(true))
    );
    // A gate stands in its line.
    let parts = document["tree"]["parts"].as_array().unwrap();
    let gate = parts.iter().find(|it| it["code"] == "gate").unwrap();
    let line = POLICY.lines().position(|line| line.contains("tests: {")).unwrap() + 1;
    assert_eq!(gate["stated"]["line"], json!(line));
}

#[rstest]
#[case::accounts("/accounts", "github:bo")]
#[case::measures("/evidence/tests/measures", "tests.failed")]
#[case::what_somebody_saw("/acts/0/saw/changes", "acme/shop#12")]
fn a_key_that_stands_twice_is_refused(#[case] place: &str, #[case] key: &str) {
    let (_, map) = place.rsplit_once('/').unwrap();
    let begins = format!("\"{map}\":{{");
    let same = format!("\"{key}\":{},", facts().pointer(place).unwrap()[key]);
    let world = world(&facts());
    world.write("facts.json", facts().to_string().replacen(&begins, &format!("{begins}{same}"), 1));
    let said = decide(&world, &[]);
    assert_eq!((said.code, said.out.as_str()), (3, ""));
    assert!(said.err.contains(&format!("`{key}` stands here twice")), "{}", said.err);
}

#[test]
fn the_document_is_written_where_it_is_asked_for() {
    let world = world(&facts());
    let said = decide(&world, &["--format", "json", "--output", "decision.json"]);
    assert_eq!((said.code, said.out.as_str()), (0, ""));
    let decision: Value = serde_json::from_str(&world.read("decision.json")).unwrap();
    assert_eq!(decision["decision"], "proceed");
    assert_eq!(decision["version"], 1);
    assert_eq!(decision["zone_database"], countersign::policy::calendar::zone_database());
    assert_eq!(decision["tree"]["code"], "release");
}

#[test]
fn the_old_policy_is_asked_while_it_changes() {
    let world = world(&with(facts(), "/acts", json!([approves("a1", "github:bo")])));
    world
        .write("before.yml", POLICY)
        .write("policy.yml", POLICY.replace("accountable: 1, security: 1", "accountable: 1"));
    assert_eq!(decide(&world, &[]).code, 0);
    let between = decide(&world, &["--policy-before", "before.yml"]);
    assert_eq!(between.code, 10);
    assert!(between.out.contains("the policy before still asks"), "{}", between.out);
}

#[test]
fn what_the_policy_waives_counts_from_a_ref_alone() {
    let granted = "waivers: { granted: [{ gate: tests, by: noor, reason: flaky, from: 2026-12-01T00:00:00Z, \
                   until: 2026-12-20T00:00:00Z }], ";
    let failing = with(facts(), "/evidence/tests/measures/tests.failed", json!(1));
    let world = world(&failing);
    let policy = POLICY.replace("waivers: { ", granted).replace("['github:noor', ", "['user:noor', ");
    world.write("policy.yml", policy);
    let working_tree = decide(&world, &[]);
    assert_eq!(working_tree.code, 10, "{}{}", working_tree.out, working_tree.err);
    let says = "noor's waiver of tests does not count: the policy that grants it was not read from a protected ref";
    assert!(working_tree.out.split_whitespace().collect::<Vec<_>>().join(" ").contains(says), "{}", working_tree.out);
    world.git(&["init", "-q"]);
    world.git(&["add", "."]);
    world.git(&["commit", "-qm", "policy"]);
    world.git(&["update-ref", "refs/remotes/origin/main", "HEAD"]);
    let protected = decide(&world, &["--policy-ref", "main", "--format", "json"]);
    assert_eq!(protected.code, 0, "{}{}", protected.out, protected.err);
    let decision: Value = serde_json::from_str(&protected.out).unwrap();
    assert!(decision["policy"][0]["from"].as_str().unwrap().starts_with("main@"), "{decision}");
    assert_eq!(decide(&world, &["--policy-ref", "no-such-branch"]).code, 2);
}

#[test]
fn no_text_of_the_facts_acts_on_a_screen() {
    let nasty = "x\u{1b}[2J\u{202e}\n::error::y ##[group]z";
    let mut reject = act("r", "github:carla", json!({"reject": {}}));
    reject["reason"] = json!(format!("the migration cannot be reversed {nasty}"));
    let facts = with(with(facts(), "/acts/-", reject), "/release/name", json!(nasty));
    let said = decide(&world(&facts), &[]);
    assert_eq!(said.code, 10);
    assert!(
        !said.out.contains('\u{1b}') && !said.out.contains('\u{202e}') && !said.out.contains("##["),
        "{}",
        said.out
    );
    assert!(said.out.lines().all(|line| !line.trim_start().starts_with("::")), "{}", said.out);
    let json = decide(&world(&facts), &["--format", "json"]);
    assert!(!json.out.contains('\u{1b}') && !json.out.contains('\u{202e}') && !json.out.contains("##["));
}

#[test]
fn codes_of_a_release_are_explained() {
    let said = World::new().run(&["explain", "sod_self"]);
    assert_eq!(said.code, 0);
    assert!(said.out.contains("contributed to what he would approve"), "{}", said.out);
}
