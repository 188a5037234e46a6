//! Schemas, measures and codes, as they are printed.

use countersign::model::catalogue;
use countersign::model::kind::Kind;
use countersign::model::verdict::Reason;

use crate::support::run::World;

#[test]
fn the_schemas_are_json_and_say_which_they_are() {
    let world = World::new();
    for (document, id) in
        [("policy", "urn:countersign:schema:policy:1"), ("decision", "urn:countersign:schema:decision:1")]
    {
        let said = world.run(&["schema", document]);
        assert_eq!(said.code, 0, "{}", said.err);
        let schema: serde_json::Value = serde_json::from_str(&said.out).unwrap();
        assert_eq!(schema["$id"], id);
    }
}

#[test]
fn every_measure_and_every_reason_can_be_looked_up() {
    let world = World::new();
    let measures = world.run(&["measures"]).out;
    for kind in [Kind::Tests, Kind::Findings, Kind::Coverage, Kind::Load, Kind::Sbom, Kind::Signature, Kind::Checklist]
    {
        for entry in catalogue::measures(kind) {
            assert!(measures.contains(entry.name), "{}", entry.name);
        }
    }
    let reasons = world.run(&["explain"]).out;
    for reason in Reason::ALL {
        assert!(reasons.contains(reason.code()), "{}", reason.code());
        assert!(world.run(&["explain", reason.code()]).out.contains(reason.meaning()));
    }
    assert_eq!(world.run(&["explain", "no_such_code"]).code, 2);
}

#[test]
fn the_readme_tells_every_format() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    for format in [
        "JUnit",
        "TRX",
        "go test -json",
        "SARIF",
        "Trivy",
        "Grype",
        "Snyk",
        "OSV-Scanner",
        "GitLab",
        "Cobertura",
        "LCOV",
        "JaCoCo",
        "k6",
        "JMeter",
        "Gatling",
        "Locust",
        "CycloneDX",
        "SPDX",
        "Sigstore",
    ] {
        assert!(readme.contains(format), "the README does not name {format}");
    }
}

#[test]
fn measures_are_looked_up_by_the_key_of_a_gate_too() {
    let world = World::new();
    let said = |kind: &str| world.run(&["measures", kind]);
    for (key, kind) in [("junit", "tests"), ("sarif", "findings"), ("scan", "findings"), ("sigstore", "signature")] {
        assert_eq!((said(key).code, said(key).out), (0, said(kind).out), "{key}");
    }
}

#[test]
fn the_schema_of_a_policy_wants_of_a_gate_one_kind_and_what_that_needs() {
    let said = World::new().run(&["schema", "policy"]);
    let schema: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    let gate = &schema["properties"]["gates"]["additionalProperties"];
    let kinds: Vec<_> = gate["oneOf"].as_array().unwrap().iter().map(|kind| kind["required"].clone()).collect();
    let known = ["junit", "sarif", "scan", "coverage", "load", "sbom", "sigstore", "checklist"];
    assert_eq!(kinds.len(), known.len());
    for (kind, word) in kinds.iter().zip(known) {
        assert_eq!(kind[0], word);
        assert!(gate["properties"].get(word).is_some(), "{word}");
        assert_eq!(kind.get(1).is_some(), !["sigstore", "checklist"].contains(&word), "{word}");
    }
    assert_eq!(
        gate["oneOf"][6]["anyOf"],
        serde_json::json!([{"required": ["identity", "issuer"]}, {"required": ["key"]}])
    );
}
