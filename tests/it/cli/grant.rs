//! Break-glass, offline: two people sign, a job uses it once, and what it became is decided when the app is back.

use std::fmt::Write as _;
use std::fs;

use chrono::{Duration, SecondsFormat, Utc};
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::run::{Said, World};

const COMMIT: &str = "3f2a3f2a3f2a3f2a3f2a3f2a3f2a3f2a3f2a3f2a";
const OTHER: &str = "dead3f2a3f2a3f2a3f2a3f2a3f2a3f2a3f2a3f2a";
const BUILT: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const ANEW: &str = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

const POLICY: &str = "\
version: 1
environments: { staging: { approval: automatic }, production: { approval: formal } }
components: { shop: { paths: [shop/**] }, till: { paths: [till/**] } }
people: { noor: { github: noor, gitlab: noor-g } }
roles:
  owner: { members: ['github:@acme/owners'] }
  cto: { members: ['user:noor'] }
  ciso: { members: ['user:sam', 'github:@acme/ciso'] }
raci: [ { on: shop, accountable: owner }, { on: till, accountable: owner } ]
gates: { tests: { junit: 'reports/*.xml', require: 'tests.failed == 0' } }
routes: { normal: { approvals: { accountable: 1 } } }
";

/// The policy with keys for four accounts, of which two are one person's, and one may not grant.
fn world() -> World {
    let world = World::new();
    let mut keys = String::new();
    for (account, name) in
        [("github:noor", "noor"), ("gitlab:noor-g", "noor-g"), ("github:sam", "sam"), ("github:ed", "ed")]
    {
        let said = world.run(&["grant", "key", "--name", name, "--output", &format!("{name}.key")]);
        assert_eq!(said.code, 0, "{}", said.err);
        writeln!(keys, "    '{account}': '{}'", said.out.trim()).unwrap();
    }
    let glass =
        format!("break_glass:\n  grant_by: [cto, ciso]\n  people: 2\n  releases: 1\n  expires: 4h\n  keys:\n{keys}");
    world.write(".countersign/policy.yml", format!("{POLICY}{glass}"));
    world.write("uses/.keep", "");
    world
}

const WHAT: [&str; 10] = [
    "--environment",
    "production",
    "--repository",
    "acme/shop",
    "--commit",
    COMMIT,
    "--component",
    "shop",
    "--artifact",
    BUILT,
];

fn new(world: &World, by: &str, more: &[&str]) -> Said {
    let key = format!("{by}.key");
    let start = ["grant", "new", "--reason", "the app is down, and the till too", "--key", &key, "--output", "a.grant"];
    world.run(&[&start[..], &WHAT, more].concat())
}

fn sign(world: &World, by: &str) -> Said {
    world.run(&["grant", "sign", "a.grant", "--key", &format!("{by}.key")])
}

/// A grant of noor and sam.
fn granted(more: &[&str]) -> World {
    let world = world();
    let said = new(&world, "noor", more);
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{}", said.out);
    assert!(
        said.out.ends_with("signed as github:noor; 1 person more to sign it with `countersign grant sign`\n"),
        "{}",
        said.out
    );
    let said = sign(&world, "sam");
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains(&format!("  acme/shop at {COMMIT} to production\n  components: shop\n")), "{}", said.out);
    assert!(said.out.ends_with("signed as github:sam; 2 of 2 have signed\n"), "{}", said.out);
    world
}

fn verify(world: &World, more: &[&str]) -> Said {
    world.run(&[&["grant", "verify", "a.grant"][..], &WHAT, more].concat())
}

fn spend(world: &World, run: &str, more: &[&str]) -> Said {
    let by = ["--started-by", "github:ana"];
    world.run(&[&["grant", "use", "a.grant", "--uses", "uses", "--run", run][..], &by, &WHAT, more].concat())
}

#[test]
fn two_people_sign_a_job_uses_it_once_and_it_is_decided_afterwards() {
    let world = granted(&[]);
    let said = verify(&world, &["--uses", "uses"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains("it opens this release until "), "{}", said.out);
    let said = spend(&world, "run-7", &[]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.ends_with("; used by run run-7\n"), "{}", said.out);
    // The job is tried again, and after it somebody else tries to use it.
    let again = spend(&world, "run-7", &[]);
    assert_eq!(again.code, 0, "{}", again.err);
    let twice = spend(&world, "run-8", &[]);
    assert_eq!(twice.code, 14, "{}", twice.out);
    assert!(twice.err.contains("it is for 1 release, and was used 1 time"), "{}", twice.err);
    assert_eq!(verify(&world, &["--uses", "uses"]).code, 14);

    // The app is back: what happened becomes a fact, and is decided as an emergency.
    let fact = world.run(&["grant", "fact", "a.grant", "--uses", "uses"]);
    assert_eq!(fact.code, 0, "{}", fact.err);
    let fact: Value = serde_json::from_str(&fact.out).unwrap();
    let grant = &fact["release"]["break_glass"];
    assert_eq!(grant["signed_by"], json!(["github:noor", "github:sam"]));
    assert_eq!(grant["used_at"], json!([grant["opened_at"]]));
    let decision = decided(&world, grant);
    assert_eq!(decision["decision"], "proceed", "{decision:#}");
    assert_eq!(decision["class"], "emergency");
}

#[test]
fn whoever_started_it_has_to_be_known_before_it_is_used() {
    let world = granted(&[]);
    let unknown = world.run(&[&["grant", "use", "a.grant", "--uses", "uses", "--run", "1"][..], &WHAT].concat());
    assert_eq!(unknown.code, 2, "{}", unknown.out);
    assert!(
        unknown.err.contains("name the account that started the deployment with `--started-by`"),
        "{}",
        unknown.err
    );
    assert_eq!(fs::read_dir(world.path().join("uses")).unwrap().count(), 1, "nothing was used");
    let own = ["--started-by", "github:sam"];
    let own = world.run(&[&["grant", "use", "a.grant", "--uses", "uses", "--run", "1"][..], &own, &WHAT].concat());
    assert_eq!(own.code, 14, "{}", own.out);
}

/// The step that the page on the app shows for a job that deploys: the app's word, or a grant while nobody answers.
#[test]
fn n15_a_step_goes_by_the_app_and_by_a_grant_while_nobody_answers() {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/app.md")).unwrap();
    let step =
        page.split("```sh\n").find(|it| it.contains("grant use break-glass.grant")).expect("the step of docs/app.md");
    let step = step.split("```").next().unwrap();
    let world = granted(&[]);
    fs::rename(world.path().join("a.grant"), world.path().join("break-glass.grant")).unwrap();
    let step = step
        .replace("https://countersign.acme.example", "http://127.0.0.1:1")
        .replace("--policy-ref origin/main ", "")
        .replace("/srv/break-glass", "uses")
        .replace("\"$DIGEST\"", BUILT)
        .replace("countersign ", &format!("{} ", env!("CARGO_BIN_EXE_countersign")));
    let run = |run: &str, step: &str| {
        let job = [("GITHUB_ACTIONS", "true"), ("GITHUB_REPOSITORY", "acme/shop"), ("GITHUB_SHA", COMMIT)];
        let mut command = std::process::Command::new("bash");
        command.args(["-e", "-c", step]).current_dir(world.path()).envs(job);
        command.env("GITHUB_RUN_ID", run).env("GITHUB_ACTOR", "ana").output().unwrap()
    };
    let went = run("7", &step);
    let said = String::from_utf8_lossy(&went.stderr).into_owned();
    assert_eq!(went.status.code(), Some(0), "{said}");
    assert!(said.contains("`countersign grant use`"), "who does not answer is told what is left: {said}");
    assert_eq!(run("8", &step).status.code(), Some(14), "it was for one release");
    fs::remove_file(world.path().join("break-glass.grant")).unwrap();
    assert_eq!(run("9", &step).status.code(), Some(3), "without a grant nobody knows");
}

/// What is decided of the release a minute after the grant was used.
fn decided(world: &World, grant: &Value) -> Value {
    let now = (Utc::now() + Duration::minutes(1)).to_rfc3339_opts(SecondsFormat::Secs, true);
    let person = || json!({ "kind": "person", "active": true, "person": null });
    let commit = json!({ "sha": COMMIT, "author": "github:ana", "committer": "github:ana", "co_authors": null,
                         "pushed_by": "github:ana", "on_behalf_of": null, "merge": null });
    let facts = json!({
        "version": 1, "acts": [], "incidents": [], "obligations": [], "deployments": [],
        "accounts": { "github:noor": person(), "github:sam": person(), "github:ana": person() },
        "groups": { "github:@acme/owners": [], "github:@acme/ciso": [] },
        "release": {
            "name": "shop 2.4.0", "forge": "github", "repository": "acme/shop", "environment": "production",
            "commit": COMMIT, "submitted_at": "2026-11-23T08:00:00Z", "asked_since": null, "trigger": "github:ana", "deployed_by": "github",
            "reference": { "name": "refs/heads/main", "reaches": true, "resolves_to": COMMIT, "on_default": true },
            "components": { "shop": { "content": "c1", "artifacts": [BUILT] } }, "break_glass": grant,
            "changes": [{ "id": "acme/shop#1", "content": "d1", "files": ["shop/a.rs"], "lines": 1, "landed": null, "commits": [commit] }],
        },
    });
    world.write("facts.json", facts.to_string());
    let said = world.run(&["decide", "--facts", "facts.json", "--now", &now, "--format", "json"]);
    serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{}", said.err))
}

#[rstest]
#[case(&["--environment", "staging"], "it is for `production`, and not for `staging`")]
#[case(&["--repository", "acme/till"], "it is for `acme/shop`, and not for `acme/till`")]
#[case(&["--commit", OTHER], "it is for commit 3f2a3f2, and dead3f2 goes")]
#[case(&["--component", "till"], "it is not for the component `till`")]
#[case(&["--artifact", ANEW], "it is not for the artifact bbbbbbbbbbbb")]
fn t70_for_anything_else_it_is_refused(#[case] other: &[&str], #[case] why: &str) {
    let world = granted(&[]);
    let rest: Vec<&str> = WHAT.chunks(2).filter(|pair| pair[0] != other[0]).flatten().copied().collect();
    let said = world.run(
        &[&["grant", "use", "a.grant", "--uses", "uses", "--run", "1", "--started-by", "github:ana"][..], &rest, other]
            .concat(),
    );
    assert_eq!(said.code, 13, "{}", said.out);
    assert!(said.err.contains(why), "{}", said.err);
    assert_eq!(fs::read_dir(world.path().join("uses")).unwrap().count(), 1, "nothing was used");
    // What is not said is not known to be what was granted.
    let said = world.run(&[&["grant", "verify", "a.grant"][..], &WHAT[..6]].concat());
    assert_eq!(said.code, 13, "{}", said.out);
    assert!(said.err.contains("which components go is not said"), "{}", said.err);
    assert!(said.err.contains("which artifacts go is not said"), "{}", said.err);
}

#[test]
fn t70_one_person_is_one_whichever_keys_he_has_and_who_may_not_grant_is_none() {
    let world = world();
    assert_eq!(new(&world, "noor", &[]).code, 0);
    let said = verify(&world, &[]);
    assert_eq!(said.code, 14);
    assert!(said.err.contains("1 of 2 people signed it who may"), "{}", said.err);
    assert!(sign(&world, "noor").out.ends_with("signed as github:noor already\n"));
    assert_eq!(sign(&world, "noor-g").code, 0);
    let said = verify(&world, &[]);
    assert!(said.err.contains("1 of 2 people signed it who may (noor signed twice)"), "{}", said.err);
    assert_eq!(sign(&world, "ed").code, 0);
    let said = verify(&world, &[]);
    assert_eq!(said.code, 14);
    let why = "github:ed: who is in a group is not known offline; name him in cto or ciso as `user:`";
    assert!(said.err.contains(why), "{}", said.err);
    assert_eq!(sign(&world, "sam").code, 0);
    assert_eq!(verify(&world, &[]).code, 0);
    // Who started it grants it to himself.
    let said = verify(&world, &["--started-by", "github:sam"]);
    assert_eq!(said.code, 14);
    assert!(said.err.contains("github:sam: started the deployment"), "{}", said.err);
}

#[test]
fn t70_it_is_refused_before_it_counts_after_it_ended_and_where_it_lasts_longer_than_the_policy_says() {
    let world = granted(&["--now", "2026-11-23T09:00:00Z"]);
    let late = spend(&world, "1", &[]);
    assert_eq!(late.code, 14, "{}", late.out);
    assert!(late.err.contains("it ended Mon 23 Nov 2026 13:00 UTC"), "{}", late.err);
    for (at, code) in [("08:59:59", 14), ("09:00:00", 0), ("12:59:59", 0), ("13:00:00", 14)] {
        assert_eq!(verify(&world, &["--now", &format!("2026-11-23T{at}Z")]).code, code, "{at}");
    }
    let policy = world.read(".countersign/policy.yml").replace("expires: 4h", "expires: 2h");
    world.write(".countersign/policy.yml", policy);
    let said = verify(&world, &["--now", "2026-11-23T09:30:00Z"]);
    assert_eq!(said.code, 14);
    assert!(said.err.contains("the policy lets it last until Mon 23 Nov 2026 11:00 UTC"), "{}", said.err);
    fs::remove_file(world.path().join("a.grant")).unwrap();
    let said = new(&world, "noor", &["--expires", "3h"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("no grant was made: the policy lets it last until"), "{}", said.err);
}

#[test]
fn what_was_changed_after_it_was_signed_is_no_grant() {
    let world = granted(&[]);
    let text = world.read("a.grant");
    world.write("a.grant", text.replace(COMMIT, OTHER));
    let said = world.run(
        &[
            &[
                "grant",
                "use",
                "a.grant",
                "--uses",
                "uses",
                "--run",
                "1",
                "--commit",
                OTHER,
                "--started-by",
                "github:ana",
            ][..],
            &WHAT[..4],
            &WHAT[6..],
        ]
        .concat(),
    );
    assert_eq!(said.code, 12, "{}", said.out);
    assert!(said.err.contains("the signature by `noor` does not hold"), "{}", said.err);
    for (from, to) in
        [("countersign break-glass grant v1", "countersign break-glass grant v2"), ("\"reason\"", "\"why\"")]
    {
        world.write("a.grant", text.replace(from, to));
        assert_eq!(verify(&world, &[]).code, 12, "{to}");
    }
    world.write("a.grant", "");
    assert_eq!(verify(&world, &[]).code, 12);
    assert_eq!(world.run(&[&["grant", "verify", "none"][..], &WHAT].concat()).code, 3);
}

#[test]
fn where_uses_cannot_be_seen_or_written_nothing_goes() {
    let world = granted(&[]);
    let nowhere = world.run(
        &[&["grant", "use", "a.grant", "--uses", "nowhere", "--run", "1", "--started-by", "github:ana"][..], &WHAT]
            .concat(),
    );
    assert_eq!(nowhere.code, 3, "{}", nowhere.out);
    assert!(nowhere.err.contains("whether the grant was used is not known"), "{}", nowhere.err);
    assert_eq!(spend(&world, "1", &[]).code, 0);
    let used = fs::read_dir(world.path().join("uses")).unwrap().map(|entry| entry.unwrap().path());
    let used = used.into_iter().find(|path| path.extension().is_some()).unwrap();
    fs::write(&used, "{}").unwrap();
    assert_eq!(spend(&world, "1", &[]).code, 3);
}

#[test]
fn of_many_jobs_at_once_one_uses_it() {
    let world = granted(&[]);
    let jobs: Vec<_> = (0..8)
        .map(|run| {
            let mut command = world.command();
            command
                .args(["grant", "use", "a.grant", "--uses", "uses", "--started-by", "github:ana", "--run"])
                .arg(run.to_string())
                .args(WHAT);
            command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap()
        })
        .collect();
    let codes: Vec<Option<i32>> = jobs.into_iter().map(|mut job| job.wait().unwrap().code()).collect();
    assert_eq!(codes.iter().filter(|code| **code == Some(0)).count(), 1, "{codes:?}");
    assert_eq!(codes.iter().filter(|code| **code == Some(14)).count(), 7, "{codes:?}");
}

#[test]
fn the_policy_says_whose_keys_count_and_an_inner_layer_adds_none() {
    let world = world();
    assert_eq!(world.run(&["policy", "check"]).code, 0, "{}", world.run(&["policy", "check"]).err);
    // A key of nobody's signs nothing.
    world.run(&["grant", "key", "--name", "eve", "--output", "eve.key"]);
    let said = new(&world, "eve", &[]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("names nobody with the key in `eve.key`"), "{}", said.err);
    let outer = world.read(".countersign/policy.yml").replace("version: 1", "version: 1\nlayer: organisation");
    let eve = world.run(&["log", "key", "show", "eve.key"]).out;
    world.write("outer.yml", &outer);
    world.write(
        "inner.yml",
        format!("version: 1\nlayer: repository\nenvironments: {{ production: {{ approval: formal }} }}\ngates: {{}}\nbreak_glass: {{ grant_by: [cto, ciso], keys: {{ 'github:sam': '{}' }} }}\n", eve.trim()),
    );
    let said = world.run(&["policy", "check", "outer.yml", "inner.yml"]);
    assert_eq!(said.code, 2, "{}", said.out);
    assert!(
        said.err.contains("with which key `github:sam` signs grants is for the layer around this one to say"),
        "{}",
        said.err
    );
    for (key, why) in [
        ("noor+1a2b3c4d+AZ", "this is no key to sign with"),
        (&*line_of(&outer, "github:noor"), "this key is `github:noor`'s already"),
    ] {
        let twice = outer.replace(&line_of(&outer, "github:sam"), key);
        world.write("outer.yml", twice);
        let said = world.run(&["policy", "check", "outer.yml"]);
        assert_eq!(said.code, 2, "{}", said.out);
        assert!(said.err.contains(why), "{}", said.err);
    }
}

/// The key of an account in a policy.
fn line_of(policy: &str, account: &str) -> String {
    let line = policy.lines().find(|line| line.contains(&format!("'{account}':"))).unwrap();
    line.rsplit('\'').nth(1).unwrap().to_owned()
}
