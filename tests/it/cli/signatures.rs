//! Signed artifacts at the gate: real bundles of the public-good instance, and
//! what must not be taken for one.

use std::fs;

use crate::support::corpus;
use crate::support::run::{World, gate};

const CASES: &str = "sigstore/sigstore-conformance";
/// The signer of the conformance suite's bundles, as its own documentation states.
const IDENTITY: &str = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main";
const ISSUER: &str = "https://token.actions.githubusercontent.com";

fn policy(more: &str) -> String {
    format!(
        "version: 1\nenvironments: {{ production: {{ approval: automatic }} }}\ngates:\n  signed: {{ sigstore: \"dist/*.sigstore.json\", identity: \"{IDENTITY}\", issuer: \"{ISSUER}\"{more} }}\n"
    )
}

/// A world with a signed artifact, or `None` where the corpus is absent.
fn world(more: &str) -> Option<World> {
    let artifact = corpus(&format!("{CASES}/a.txt"))?;
    let bundle = corpus(&format!("{CASES}/happy-path-v0.3-new-mediaType/bundle.sigstore.json"))?;
    let world = World::with_policy(&policy(more));
    world.write("dist/a.txt", fs::read(artifact).unwrap());
    world.write("dist/a.txt.sigstore.json", fs::read(bundle).unwrap());
    Some(world)
}

fn said(world: &World, arguments: &[&str]) -> (i32, String, String) {
    let (code, decision) = world.gate(arguments);
    let gate = gate(&decision, "signed");
    (code, gate["reason"].as_str().unwrap().to_owned(), gate["explanation"].as_str().unwrap().to_owned())
}

#[test]
fn a_signed_artifact_passes_and_its_signer_is_named() {
    let Some(world) = world("") else { return };
    let (code, decision) = world.gate(&[]);
    assert_eq!(code, 0, "{decision:#}");
    let gate = gate(&decision, "signed");
    assert_eq!(gate["measures"]["signature.identities"][0], IDENTITY);
    assert_eq!(gate["evidence"][0]["format"], "sigstore-bundle");
}

#[test]
fn w2_a_tampered_artifact_is_refused() {
    let Some(world) = world("") else { return };
    world.write("dist/a.txt", "something else");
    let (code, reason, explanation) = said(&world, &[]);
    assert_eq!((code, reason.as_str()), (11, "signature_invalid"), "{explanation}");
}

#[test]
fn w2_a_wrong_signer_is_refused() {
    let Some(world) = world("") else { return };
    world.write(".countersign/policy.yml", policy("").replace("refs/heads/main", "refs/heads/other"));
    assert_eq!(said(&world, &[]).1, "wrong_signer");
    world.write(".countersign/policy.yml", policy("").replace(ISSUER, "https://accounts.google.com"));
    let (code, reason, _) = said(&world, &[]);
    assert_eq!((code, reason.as_str()), (11, "wrong_signer"));
}

#[test]
fn w2_provenance_that_is_asked_for_and_not_there_is_pending() {
    for asked in [
        ", builder: \"https://github.com/actions/runner/github-hosted\"",
        ", source: \"sigstore-conformance/extremely-dangerous-public-oidc-beacon\"",
        ", predicate: \"https://slsa.dev/provenance/v1\"",
    ] {
        let Some(world) = world(asked) else { return };
        let (code, reason, explanation) = said(&world, &[]);
        assert_eq!((code, reason.as_str()), (10, "no_attestation"), "{explanation}");
        assert!(explanation.contains("this is a sign"), "{explanation}");
        // What is wrong is not excused by what is missing.
        world.write("dist/a.txt", "something else");
        let (code, reason, explanation) = said(&world, &[]);
        assert_eq!((code, reason.as_str()), (11, "signature_invalid"), "{explanation}");
    }
}

#[test]
fn a_missing_bundle_is_pending_and_so_is_a_missing_artifact() {
    let Some(world) = world("") else { return };
    fs::remove_file(world.path().join("dist/a.txt")).unwrap();
    assert_eq!(said(&world, &[]).0, 10);
    fs::remove_file(world.path().join("dist/a.txt.sigstore.json")).unwrap();
    let (code, reason, _) = said(&world, &[]);
    assert_eq!((code, reason.as_str()), (10, "no_evidence"));
}

#[test]
fn an_artifact_that_the_policy_asks_for_and_nobody_signed_is_pending() {
    let Some(world) = world(", artifact: \"dist/*.txt\"") else { return };
    assert_eq!(said(&world, &[]).0, 0);
    world.write("dist/b.txt", "not signed");
    let (code, _, explanation) = said(&world, &[]);
    assert_eq!(code, 10);
    assert!(explanation.contains("dist/b.txt"), "{explanation}");
}

#[test]
fn a_bundle_is_paired_by_digest_where_its_name_says_nothing() {
    let Some(world) = world(", artifact: \"dist/*.txt\"") else { return };
    fs::rename(world.path().join("dist/a.txt.sigstore.json"), world.path().join("dist/all.sigstore.json")).unwrap();
    assert_eq!(said(&world, &[]).0, 0);
}

#[test]
fn what_is_released_must_be_what_was_signed() {
    let Some(world) = world("") else { return };
    assert_eq!(said(&world, &["--artifact", "dist/a.txt"]).0, 0);
    world.write("other.txt", "rebuilt");
    let (code, reason, explanation) = said(&world, &["--artifact", "other.txt"]);
    assert_eq!((code, reason.as_str()), (10, "other_artifact"), "{explanation}");
    assert!(explanation.contains("no bundle here vouches for this artifact"), "{explanation}");
}

#[test]
fn a_signature_is_as_old_as_its_proven_time() {
    let Some(world) = world(", max_age: 1d") else { return };
    let (code, reason, explanation) = said(&world, &[]);
    assert_eq!((code, reason.as_str()), (10, "stale"), "{explanation}");
}

#[test]
fn of_two_bundles_for_one_artifact_one_that_is_right_suffices() {
    let Some(world) = world("") else { return };
    let Some(other) = corpus(&format!("{CASES}/dsse-invalid-sig_fail/bundle.sigstore.json")) else { return };
    world.write("dist/a.txt.bundle.json", fs::read(&other).unwrap());
    world.write(".countersign/policy.yml", policy("").replace("dist/*.sigstore.json", "dist/a.txt.*"));
    assert_eq!(said(&world, &[]).0, 0);
    world.write("dist/a.txt.sigstore.json", fs::read(other).unwrap());
    assert_eq!(said(&world, &[]).0, 11);
}

#[test]
fn a_signature_over_a_checklist_confirms_its_ticks() {
    let Some(artifact) = corpus(&format!("{CASES}/a.txt")) else { return };
    let Some(bundle) = corpus(&format!("{CASES}/happy-path-v0.3-new-mediaType/bundle.sigstore.json")) else { return };
    let world = World::with_policy(&format!(
        "version: 1\nenvironments: {{ production: {{ approval: automatic }} }}\ngates:\n  signed: {{ checklist: [anything], ticked_in: \"list.*\", identity: \"{IDENTITY}\", issuer: \"{ISSUER}\" }}\n"
    ));
    // The signed text of the suite is no checklist, so its gate cannot be told.
    world.write("list.txt", fs::read(artifact).unwrap());
    assert_eq!(world.gate(&[]).0, 3);
    fs::remove_file(world.path().join("list.txt")).unwrap();
    world.write("list.md", "- [x] anything\n").write("list.md.sigstore.json", fs::read(bundle).unwrap());
    world.write(
        ".countersign/policy.yml",
        fs::read_to_string(world.path().join(".countersign/policy.yml")).unwrap().replace("list.*", "list.md"),
    );
    let (code, reason, explanation) = said(&world, &[]);
    assert_eq!((code, reason.as_str()), (10, "unverified"), "{explanation}");
    assert!(explanation.contains("signature"), "{explanation}");
}

#[test]
fn t30_a_signature_over_something_else_does_not_stand_in_for_the_artifact_that_the_policy_names() {
    let Some(world) = world(", artifact: \"release/*.tar.gz\"") else { return };
    let (code, reason, explanation) = said(&world, &[]);
    assert_eq!((code, reason.as_str()), (10, "no_evidence"), "{explanation}");
    world.write("build/app", "not signed");
    fs::create_dir(world.path().join("release")).unwrap();
    std::os::unix::fs::symlink("../build/app", world.path().join("release/app.tar.gz")).unwrap();
    let (code, reason, explanation) = said(&world, &[]);
    assert_eq!((code, reason.as_str()), (10, "no_evidence"), "{explanation}");
    assert!(explanation.contains("release/app.tar.gz"), "{explanation}");
}

#[test]
fn t14_an_inner_layer_does_not_bring_the_root_that_an_outer_one_trusts() {
    let Some(world) = world("") else { return };
    let Some(root) = corpus(&format!("{CASES}/intoto-with-custom-trust-root/trusted_root.json")) else { return };
    let outer = policy(", trusted_root: root.json").replace("version: 1", "version: 1\nlayer: organisation");
    world.write("org/policy.yml", outer).write("org/root.json", "{}");
    world.write("repo/policy.yml", policy("").replace("signed:", "own:"));
    world.write("repo/root.json", fs::read(root).unwrap());
    let (code, decision) = world.gate(&["--policy", "org/policy.yml", "--policy", "repo/policy.yml"]);
    let outer = gate(&decision, "signed");
    assert_eq!((code, &outer["verdict"]), (3, &"indeterminate".into()), "{decision:#}");
    assert!(outer["explanation"].as_str().unwrap().contains("trusted root root.json"), "{outer:#}");
}

#[test]
fn a_bundle_in_utf_16_is_read_as_any_other_text() {
    let Some(world) = world("") else { return };
    let bundle = world.read("dist/a.txt.sigstore.json");
    let wide: Vec<u8> = std::iter::once(0xFEFF).chain(bundle.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    world.write("dist/a.txt.sigstore.json", wide);
    let (code, reason, explanation) = said(&world, &[]);
    assert_eq!((code, reason.as_str()), (0, "requirement_met"), "{explanation}");
}
