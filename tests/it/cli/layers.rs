//! Layers and refs: whose policy counts.

use crate::support::run::{World, gate};

const CLEAN: &str = r#"{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"Lint","version":"3"}},"results":[]}]}"#;
const WARNING: &str = r#"{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"Lint","version":"3"}},"results":[{"ruleId":"R","level":"warning","message":{"text":"m"}}]}]}"#;

fn layer(name: &str, gates: &str, more: &str) -> String {
    format!(
        "version: 1\nlayer: {name}\nenvironments: {{ production: {{ approval: automatic }} }}\ngates: {gates}\n{more}"
    )
}

fn sha256(world: &World, path: &str) -> String {
    let output = std::process::Command::new("sha256sum").arg(world.path().join(path)).output().unwrap();
    String::from_utf8(output.stdout).unwrap()[..64].to_owned()
}

#[test]
fn an_inner_layer_adds_and_never_loosens() {
    let world = World::new();
    world
        .write("org.yml", layer("organisation", "{ scan: { sarif: '*.sarif', require: 'findings.warning == 0' } }", ""))
        .write("repo.yml", layer("repository", "{ scan: { sarif: '*.sarif', require: 'findings.error == 0' } }", ""))
        .write("a.sarif", WARNING);
    let (code, decision) = world.gate(&["--policy", "org.yml", "--policy", "repo.yml"]);
    assert_eq!(code, 11);
    let said: Vec<_> = decision["gates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|gate| (gate["layer"].as_str().unwrap(), gate["verdict"].as_str().unwrap()))
        .collect();
    assert_eq!(said, [("organisation", "block"), ("repository", "pass")]);
}

#[test]
fn a_layer_that_is_named_twice_is_refused_and_not_judged_twice() {
    let world = World::new();
    let whole = layer("organisation", "{ scan: { sarif: '*.sarif', require: 'findings.warning == 0' } }", "");
    world.write("org.yml", &whole).write("copy.yml", &whole).write("a.sarif", CLEAN);
    let pin = format!("extends: {{ path: org.yml, sha256: {} }}\n", sha256(&world, "org.yml"));
    world.write("repo.yml", layer("repository", "{ own: { sarif: '*.sarif', require: 'findings.error == 0' } }", &pin));
    assert_eq!(world.gate(&["--policy", "org.yml", "--policy", "repo.yml"]).0, 0, "a parent may be named too");
    for named in [["org.yml", "org.yml"], ["org.yml", "copy.yml"], ["repo.yml", "org.yml"]] {
        let said = world.run(&["gate", "--policy", named[0], "--policy", named[1]]);
        assert_eq!(said.code, 2, "{named:?}");
        assert!(said.err.contains(&format!("the policy {} is named twice", named[1])), "{}", said.err);
    }
}

#[test]
fn what_the_centre_delegates_is_replaced_by_the_inner_layers_own() {
    let world = World::new();
    world
        .write(
            "org.yml",
            layer(
                "organisation",
                "{ scan: { sarif: '*.sarif', require: 'findings.warning == 0' } }",
                "delegate: [gates.scan]\n",
            ),
        )
        .write("repo.yml", layer("repository", "{ scan: { sarif: '*.sarif', require: 'findings.error == 0' } }", ""))
        .write("other.yml", layer("repository", "{ tests: { sarif: '*.sarif', require: 'findings.error == 0' } }", ""))
        .write("a.sarif", WARNING);
    assert_eq!(world.gate(&["--policy", "org.yml", "--policy", "repo.yml"]).0, 0);
    assert_eq!(world.gate(&["--policy", "org.yml", "--policy", "other.yml"]).0, 11, "what no inner layer states stays");
}

#[test]
fn t14_a_parent_is_pinned_by_content() {
    let world = World::new();
    world.write(
        "org/policy.yml",
        layer("organisation", "{ scan: { sarif: '*.sarif', require: 'findings.warning == 0' } }", ""),
    );
    let pin = sha256(&world, "org/policy.yml");
    let own = |digest: &str, path: &str| {
        layer(
            "repository",
            "{ own: { sarif: '*.sarif', require: 'findings.error == 0' } }",
            &format!("extends: {{ path: {path}, sha256: \"{digest}\" }}\n"),
        )
    };
    world.write(".countersign/policy.yml", own(&pin, "../org/policy.yml")).write("a.sarif", WARNING);
    let (code, decision) = world.gate(&[]);
    assert_eq!(code, 11, "the parent's gate counts");
    assert_eq!(decision["policy"].as_array().unwrap().len(), 2);
    assert_eq!(decision["policy"][0]["sha256"], pin);

    world.write(
        "org/policy.yml",
        layer("organisation", "{ scan: { sarif: '*.sarif', require: 'findings.error == 0' } }", ""),
    );
    let changed = world.run(&["gate"]);
    assert_eq!(changed.code, 2);
    assert!(
        changed.err.contains("the parent org/policy.yml is pinned at SHA-256") && changed.err.contains(&pin),
        "{}",
        changed.err
    );

    world.write(".countersign/policy.yml", own(&pin, "../gone/policy.yml"));
    let gone = world.run(&["gate"]);
    assert_eq!(gone.code, 2, "a parent that cannot be read is an error, never a looser answer");
    assert!(gone.err.contains("parent"), "{}", gone.err);
}

#[test]
fn t16_a_policy_that_is_missing_or_broken_judges_nothing() {
    let world = World::new();
    world.write("a.sarif", CLEAN);
    for broken in
        ["", "version: 1", "gates: [", "version: 2\nenvironments: {p: {approval: automatic}}\ngates: {}", "\u{0}"]
    {
        world.write(".countersign/policy.yml", broken);
        let said = world.run(&["gate", "--format", "json"]);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{broken:?}: {}", said.err);
    }
}

#[test]
fn t14_a_change_cannot_bring_its_own_policy_when_it_is_read_from_a_protected_ref() {
    let world = World::with_policy(&layer(
        "repository",
        "{ scan: { sarif: '*.sarif', require: 'findings.warning == 0' } }",
        "",
    ));
    world.git(&["init", "-q"]);
    world.git(&["add", "."]);
    world.git(&["commit", "-qm", "policy"]);
    let commit = world.git(&["rev-parse", "HEAD"]);
    world.git(&["update-ref", "refs/remotes/origin/main", "HEAD"]);
    world.write(".countersign/policy.yml", layer("repository", "{ scan: { sarif: '*.sarif', require: 'true' } }", ""));
    world.write("a.sarif", WARNING);
    assert_eq!(world.gate(&[]).0, 0, "the working tree says what it likes");
    let (code, decision) = world.gate(&["--policy-ref", "main"]);
    assert_eq!(code, 11);
    assert_eq!(decision["policy_from"], "protected");
    assert_eq!(decision["policy"][0]["from"], format!("main@{}", &commit[..12]));
    let text = world.run(&["gate", "--policy-ref", "main"]).out;
    assert!(!text.contains("policy: unprotected"), "{text}");
    assert!(world.run(&["gate"]).out.contains("policy: unprotected"));
}

#[test]
fn t15_a_tag_or_a_local_branch_of_that_name_is_not_taken_for_it() {
    let world = World::with_policy(&layer("repository", "{ scan: { sarif: '*.sarif', require: 'true' } }", ""));
    world.git(&["init", "-q"]);
    world.git(&["add", "."]);
    world.git(&["commit", "-qm", "loose"]);
    world.git(&["tag", "release"]);
    world.git(&["branch", "release-branch"]);
    world.write("a.sarif", WARNING);
    for name in ["release", "release-branch", "main", "HEAD", "--help", "", "a\nb"] {
        let said = world.run(&["gate", "--policy-ref", name]);
        // An empty value is refused as well, rather than taken as not given.
        assert_eq!(said.code, 2, "`{name}`: {}{}", said.out, said.err);
    }
    let judged = world.run(&["gate", "--policy-ref", "refs/tags/release"]);
    assert_eq!(judged.code, 2, "a tag of the very commit that is judged: {}", judged.out);
    assert!(judged.err.contains("is the commit that is judged"), "{}", judged.err);
    world.git(&["commit", "-q", "--allow-empty", "-m", "later"]);
    assert_eq!(world.gate(&["--policy-ref", "refs/tags/release"]).0, 0, "a full name is taken at its word");
    // What it says to do can be done.
    let said = world.run(&["gate", "--policy-ref", "origin/main"]);
    assert!(said.err.contains("`git fetch origin main`"), "{}", said.err);
    let said = world.run(&["gate", "--policy-ref", "main~1"]);
    assert!(said.err.contains("`refs/remotes/origin/main`"), "{}", said.err);
}

#[test]
fn a_policy_is_checked_as_far_as_it_can_be_read() {
    let world = World::with_policy("");
    world.write(
        "one.yml",
        "version: 1\ncalendar: { holidays: ['file:nope.ics'] }\nenvironments: { p: { approval: automatic } }\n\
         gates: { g: { junit: a.xml, require: 'tests.faild == 0' } }\n",
    );
    for command in [&["policy", "check", "one.yml"][..], &["policy", "check", "one.yml", "nothing.yml"]] {
        let said = world.run(command);
        assert_eq!(said.code, 2, "{}", said.out);
        assert!(
            said.err.contains("error[missing-file]: nope.ics, which is named here, cannot be read"),
            "{}",
            said.err
        );
        assert!(!said.err.contains("not given together"), "one mistake is told once: {}", said.err);
        assert!(said.err.contains("did you mean `tests.failed`?"), "{}", said.err);
        assert_eq!(said.err.contains("the policy nothing.yml cannot be read"), command.len() == 4, "{}", said.err);
    }
}

#[test]
fn a_trusted_root_that_is_not_there_is_a_mistake_of_the_policy() {
    let signed = "{ signed: { sigstore: '*.sigstore.json', identity: a@example.com, issuer: 'https://issuer.example', \
                  trusted_root: nope.json } }";
    let world = World::with_policy(&layer("repository", signed, ""));
    for command in [&["gate"][..], &["policy", "check"]] {
        let said = world.run(command);
        assert_eq!(said.code, 2, "{}{}", said.out, said.err);
        assert!(said.err.contains("nope.json, which is named here, cannot be read"), "{}", said.err);
        // The fourth line of the policy names it.
        let place = if command.len() == 1 { "policy.yml (line 4): " } else { "policy.yml:4:" };
        assert!(said.err.contains(place), "{}", said.err);
    }
}

const OWN: &str = "{ own: { sarif: '*.sarif', require: 'findings.eror == 0' } }";

/// A parent that is not the one that was pinned, one that is not there, one that is no YAML, and beside it something that
/// only the parent could define.
#[rstest::rstest]
#[case::another("org.yml", "error[bad-parent]: the parent org.yml is pinned at SHA-256", "findings.erorr")]
#[case::missing("gone.yml", "error[bad-parent]: the parent cannot be used: the policy gone.yml cannot be read", "")]
#[case::no_yaml("broken.yml", "error[not-yaml]", "")]
fn what_is_wrong_with_a_parent_hides_no_mistake_of_other_layers(
    #[case] parent: &str,
    #[case] says: &str,
    #[case] in_the_parent: &str,
) {
    let world = World::new();
    world.write("org.yml", layer("organisation", "{ scan: { sarif: '*.sarif', require: 'findings.erorr == 0' } }", ""));
    world.write("broken.yml", "version: 1\ngates: [\n");
    let digest = if parent == "broken.yml" { sha256(&world, parent) } else { "0".repeat(64) };
    let more = format!(
        "extends: {{ path: {parent}, sha256: \"{digest}\" }}\ncalendar: {{ holidays: [\"file:nope.ics\"] }}\n\
         waivers: [{{ gate: scan, granted_by: \"user:ana\", reason: r, until: 2026-12-01 }}]\n"
    );
    world.write("repo.yml", layer("repository", OWN, &more));
    let said = world.run(&["policy", "check", "repo.yml"]);
    assert_eq!(said.code, 2, "{}{}", said.out, said.err);
    for told in [says, "did you mean `findings.error`?", "error[missing-file]: nope.ics", in_the_parent] {
        assert!(said.err.contains(told), "{told}: {}", said.err);
    }
    if parent != "broken.yml" {
        assert!(said.err.contains("repo.yml:5:"), "at the pin's line: {}", said.err);
    }
    assert!(!said.err.contains("error[unknown-name]"), "the parent may define it: {}", said.err);
    assert!(said.err.contains("; more is checked once these are mended"), "{}", said.err);
}

#[test]
fn t14_what_the_change_itself_carries_is_no_protected_ref() {
    let world = World::with_policy(&layer("repository", "{ scan: { sarif: '*.sarif', require: 'true' } }", ""));
    world.git(&["init", "-q"]);
    world.git(&["add", "."]);
    world.git(&["commit", "-qm", "first"]);
    let first = world.git(&["rev-parse", "HEAD"]);
    world.git(&["commit", "-q", "--allow-empty", "-m", "second"]);
    let judged = world.git(&["rev-parse", "HEAD"]);
    for name in ["refs/heads/evil", "refs/pull/7/head", "refs/remotes/pull/7/merge", "refs/merge-requests/7/head"] {
        world.git(&["update-ref", name, "HEAD"]);
        let said = world.run(&["gate", "--policy-ref", name]);
        assert_eq!(said.code, 2, "`{name}`: {}{}", said.out, said.err);
        assert!(said.err.contains("which no rule of the forge protects; name "), "{}", said.err);
    }
    let others = [
        "refs/pipelines/1",
        "refs/changes/01/1/1",
        "refs/keep-around/x",
        "refs/stash",
        "refs/foo",
        "refs/remotes/main",
    ];
    for name in others {
        // Even at a commit that is not the one that is judged.
        world.git(&["update-ref", name, &first]);
        let said = world.run(&["gate", "--policy-ref", name]);
        assert_eq!(said.code, 2, "`{name}`: {}{}", said.out, said.err);
        assert!(said.err.contains("is no branch of a remote and no tag"), "{}", said.err);
    }
    let said = world.run(&["gate", "--policy-ref", &judged]);
    assert_eq!(said.code, 2, "{}{}", said.out, said.err);
    assert!(said.err.contains("is the commit that is judged"), "{}", said.err);
    world.write("a.sarif", WARNING);
    world.git(&["update-ref", "refs/remotes/upstream/main", &first]);
    assert_eq!(world.gate(&["--policy-ref", "refs/remotes/upstream/main"]).0, 0, "a branch of any remote");
    assert_eq!(world.gate(&["--policy-ref", &first]).0, 0, "another commit is taken at its word");
    // As a forge merges a change to try it: the change's own commit is the second parent.
    world.git(&["checkout", "-q", "--detach", &first]);
    world.git(&["merge", "-q", "--no-ff", "-m", "tried", &judged]);
    assert_eq!(world.run(&["gate", "--policy-ref", &judged]).code, 2);
    assert_eq!(world.gate(&["--policy-ref", &first]).0, 0);
}

#[test]
fn t14_the_branch_that_the_job_says_is_changed_is_no_protected_ref() {
    let world = World::with_policy(&layer("repository", "{ scan: { sarif: '*.sarif', require: 'true' } }", ""));
    world.git(&["init", "-q"]);
    world.git(&["add", "."]);
    world.git(&["commit", "-qm", "first"]);
    world.git(&["update-ref", "refs/remotes/origin/topic", "HEAD"]);
    world.write("a.sarif", WARNING);
    world.write("event.json", r#"{"repository":{"default_branch":"topic"}}"#);
    let run = |name: &str, variables: &[(&str, &str)]| {
        let output =
            world.command().args(["gate", "--policy-ref", name]).envs(variables.iter().copied()).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let pushed = [("GITHUB_REF_NAME", "topic"), ("GITHUB_REF_TYPE", "branch"), ("GITHUB_REF_PROTECTED", "false")];
    let merge = |source, project| {
        [
            ("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "topic"),
            ("CI_MERGE_REQUEST_SOURCE_PROJECT_PATH", source),
            ("CI_MERGE_REQUEST_PROJECT_PATH", project),
        ]
    };
    let refused: [&[(&str, &str)]; 4] = [
        &[("GITHUB_HEAD_REF", "topic"), ("GITHUB_BASE_REF", "main")],
        &pushed,
        &merge("acme/shop", "acme/shop"),
        &[("CI_COMMIT_BRANCH", "topic"), ("CI_DEFAULT_BRANCH", "main")],
    ];
    for variables in refused {
        for name in ["topic", "origin/topic", "refs/remotes/origin/topic"] {
            let (code, said) = run(name, variables);
            assert_eq!(code, 2, "`{name}` {variables:?}: {said}");
            assert!(said.contains("is `topic`, the branch that this job says is being changed"), "{said}");
        }
    }
    let by_default = [&pushed[..], &[("GITHUB_EVENT_PATH", "event.json")]].concat();
    let protected = [pushed[0], pushed[1], ("GITHUB_REF_PROTECTED", "true")];
    let taken: [&[(&str, &str)]; 7] = [
        &[],
        &[("GITHUB_HEAD_REF", "topic"), ("GITHUB_BASE_REF", "topic")],
        &[("GITHUB_HEAD_REF", "other"), ("GITHUB_BASE_REF", "topic")],
        &by_default,
        &protected,
        &merge("mallory/shop", "acme/shop"),
        &[("CI_COMMIT_BRANCH", "topic"), ("CI_DEFAULT_BRANCH", "topic")],
    ];
    for variables in taken {
        let (code, said) = run("origin/topic", variables);
        assert_eq!(code, 0, "{variables:?}: {said}");
    }
}

#[test]
fn t54_a_policy_that_is_found_is_no_link_out_of_the_working_folder() {
    let outside = World::new();
    outside.write("secret", "TOKEN=hunter2");
    let world = World::new();
    world
        .write("a.sarif", CLEAN)
        .write("own.yml", layer("repository", "{ s: { sarif: '*.sarif', require: 'true' } }", ""));
    std::fs::create_dir(world.path().join(".countersign")).unwrap();
    let usual = world.path().join(".countersign/policy.yml");
    std::os::unix::fs::symlink(outside.path().join("secret"), &usual).unwrap();
    for command in [&["gate"][..], &["policy", "check"]] {
        let said = world.run(command);
        assert_eq!(said.code, 2, "{command:?}: {}{}", said.out, said.err);
        let whole = format!("{}{}", said.out, said.err);
        assert!(!whole.contains("hunter2"), "{whole}");
        assert!(whole.contains("a symbolic link that leads out of the working folder"), "{whole}");
    }
    // Within the folder a link is as good as the file, and what a person names is taken.
    std::fs::remove_file(&usual).unwrap();
    std::os::unix::fs::symlink("../own.yml", &usual).unwrap();
    assert_eq!(world.gate(&[]).0, 0);
    std::os::unix::fs::symlink(world.path().join("own.yml"), outside.path().join("link.yml")).unwrap();
    let named = outside.path().join("link.yml").display().to_string();
    assert_eq!(world.gate(&["--policy", &named]).0, 0);
    // Nor is what a layer names.
    std::os::unix::fs::symlink(outside.path().join("secret"), world.path().join("parent.yml")).unwrap();
    let pin = format!("extends: {{ path: parent.yml, sha256: \"{}\" }}\n", sha256(&world, "parent.yml"));
    world.write("inner.yml", layer("repository", "{ s: { sarif: '*.sarif', require: 'true' } }", &pin));
    let said = world.run(&["policy", "check", "inner.yml"]);
    assert!(
        said.code == 2 && !said.out.contains("hunter2") && !said.err.contains("hunter2"),
        "{}{}",
        said.out,
        said.err
    );
}

#[test]
fn a_link_at_a_ref_is_not_read_as_a_policy() {
    let world = World::new();
    world
        .write("a.sarif", CLEAN)
        .write("own.yml", layer("repository", "{ s: { sarif: '*.sarif', require: 'true' } }", ""));
    std::fs::create_dir(world.path().join(".countersign")).unwrap();
    std::os::unix::fs::symlink("../own.yml", world.path().join(".countersign/policy.yml")).unwrap();
    world.git(&["init", "-q"]);
    world.git(&["add", "."]);
    world.git(&["commit", "-qm", "linked"]);
    world.git(&["update-ref", "refs/remotes/origin/main", "HEAD"]);
    let said = world.run(&["gate", "--policy-ref", "main"]);
    assert_eq!(said.code, 2, "{}{}", said.out, said.err);
    assert!(said.err.contains("is a symbolic link at `main`, and links are not followed there"), "{}", said.err);
}

#[test]
fn gates_of_one_name_in_two_layers_are_told_apart_wherever_they_are_named() {
    let world = World::with_policy("");
    world.write(
        "outer.yml",
        layer("organisation", "{ scan: { sarif: '*.sarif', require: 'findings.warning == 0' } }", ""),
    );
    world.write("inner.yml", layer("repository", "{ scan: { sarif: '*.sarif', require: 'findings.total == 0' } }", ""));
    world.write("a.sarif", WARNING);
    let layers = ["gate", "--policy", "outer.yml", "--policy", "inner.yml", "--format"];
    for format in ["text", "markdown", "gitlab", "github"] {
        let said = world.run(&[&layers[..], &[format]].concat());
        assert_eq!(said.code, 11, "{}{}", said.out, said.err);
        for name in ["scan (organisation)", "scan (repository)"] {
            assert!(said.out.contains(name), "{format}: {}", said.out);
        }
    }
}

#[rstest::rstest]
#[case("/dev/zero", "the policy /dev/zero is not a plain file")]
#[case("big.yml", "the policy big.yml has more than the 1048576 bytes that a file of a policy may have")]
fn what_is_no_policy_is_said_in_a_sentence(#[case] path: &str, #[case] says: &str) {
    let world = World::with_policy("");
    world.write("big.yml", "#".repeat(1_100_000));
    for command in [["gate", "--policy", path], ["policy", "check", path]] {
        let said = world.run(&command);
        assert_eq!(said.code, 2, "{}", said.err);
        assert!(said.err.contains(says), "{}", said.err);
        assert!(!said.err.contains("limits.bytes"), "{}", said.err);
    }
}

#[test]
fn a_waiver_counts_from_a_protected_ref_in_its_time_and_not_a_second_longer() {
    let policy = layer(
        "repository",
        "{ scan: { sarif: '*.sarif', require: 'findings.warning == 0' } }",
        r#"
roles: { ciso: { members: ["user:sam"] } }
waivers:
  by: ciso
  max: 30d
  needs: [reason, compensating_control]
  granted:
    - { gate: scan, by: sam, reason: "vendored code", compensating_control: "manual review 12",
        from: 2026-11-20T00:00:00Z, until: 2026-12-01T00:00:00Z }
"#,
    );
    let world = World::with_policy(&policy);
    world.git(&["init", "-q"]);
    world.git(&["add", "."]);
    world.git(&["commit", "-qm", "policy"]);
    world.git(&["update-ref", "refs/remotes/origin/main", "HEAD"]);
    world.write("a.sarif", WARNING);
    let at = |now: &str| {
        let said = world.run(&["gate", "--format", "json", "--policy-ref", "main", "--now", now]);
        let decision: serde_json::Value = serde_json::from_str(&said.out).unwrap();
        (said.code, gate(&decision, "scan")["verdict"].as_str().unwrap().to_owned())
    };
    assert_eq!(at("2026-11-19T23:59:59Z"), (11, "block".to_owned()));
    assert_eq!(at("2026-11-20T00:00:00Z"), (0, "waived".to_owned()));
    assert_eq!(at("2026-11-30T23:59:59Z"), (0, "waived".to_owned()));
    assert_eq!(at("2026-12-01T00:00:00Z"), (11, "block".to_owned()));
}

#[test]
fn a_repository_cannot_waive_its_organisations_gate() {
    let world = World::new();
    world
        .write("org.yml", layer("organisation", "{ scan: { sarif: '*.sarif', require: 'findings.warning == 0' } }", ""))
        .write(
            "repo.yml",
            layer(
                "repository",
                "{ own: { sarif: '*.sarif', require: 'true' } }",
                r#"
roles: { ciso: { members: ["user:sam"] } }
waivers: { by: ciso, granted: [ { gate: scan, by: sam, from: 2026-11-20T00:00:00Z, until: 2026-12-01T00:00:00Z } ] }
"#,
            ),
        );
    let said = world.run(&["gate", "--policy", "org.yml", "--policy", "repo.yml"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("outer layer's"), "{}", said.err);
}
