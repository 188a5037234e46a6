//! An auditor's reading of the record is in the record before anything is shown.

use serde_json::Value;

use super::log::{filled, good};

const DATABASE: &str = "sqlite:record.db";
const WHO: [&str; 4] = ["--reader", "R. Ortiz, audit", "--purpose", "SOX sample 2026-Q4"];

/// The body of the last entry, and its kind.
fn last(world: &crate::support::run::World) -> (String, Value) {
    let shown = good(world, &["log", "show", "--database", DATABASE, "--limit", "1", "--raw"]);
    let entry: Value = serde_json::from_str(shown.trim()).unwrap();
    (entry["kind"].as_str().unwrap().to_owned(), entry["body"].clone())
}

#[test]
fn a1_who_reads_and_what_for_is_recorded_before_anything_is_shown() {
    let world = filled(5);
    let source = ["--database", DATABASE, "--log-key", "log.key"];
    let shown = good(&world, &[&["log", "show", "--from", "2", "--limit", "2"], &source[..], &WHO].concat());
    assert_eq!(shown.lines().count(), 2);
    let (kind, body) = last(&world);
    assert_eq!(kind, "reading");
    assert_eq!(body["reader"], "R. Ortiz, audit");
    assert_eq!(body["purpose"], "SOX sample 2026-Q4");
    assert_eq!(body["read"], serde_json::json!({"command": "log show", "from": 2, "limit": 2}));

    good(&world, &[&["log", "prove", "3", "--output", "proof"], &source[..], &WHO].concat());
    assert_eq!(last(&world).1["read"], serde_json::json!({"command": "log prove", "index": 3}));
    let exported = good(&world, &[&["log", "export", "out"], &source[..], &WHO].concat());
    assert!(exported.starts_with("8 entries"), "the export holds the word that it was made: {exported}");
    assert_eq!(last(&world).1["read"]["command"], "log export");
    good(&world, &["log", "verify", "--folder", "out", "--log-key", "log.pub"]);
    // Nobody is named: nothing is recorded.
    good(&world, &["log", "show", "--database", DATABASE]);
    assert_eq!(last(&world).1["read"]["command"], "log export");
}

#[test]
fn nothing_is_shown_where_the_reading_cannot_be_recorded() {
    let world = filled(3);
    good(&world, &["log", "export", "--database", DATABASE, "out"]);
    let cases: [(&[&str], i32, &str); 4] = [
        // A public key signs nothing.
        (&["log", "show", "--database", DATABASE, "--log-key", "log.pub"], 2, "signing key cannot be read"),
        (&["log", "show", "--folder", "out", "--log-key", "log.key"], 2, "takes no entries"),
        (&["log", "export", "--database", DATABASE, "--log-key", "nowhere.key", "out2"], 2, "nowhere.key"),
        (&["log", "show", "--database", "sqlite:nowhere/record.db", "--log-key", "log.key"], 3, "nothing is shown"),
    ];
    for (arguments, code, says) in cases {
        let said = world.run(&[arguments, &WHO].concat());
        assert_eq!(said.code, code, "{arguments:?}: {}", said.err);
        assert!(said.err.contains(says), "{arguments:?}: {}", said.err);
        assert_eq!(said.out, "", "{arguments:?}");
    }
    assert!(!world.path().join("out2").exists());
    let said = world.run(&["log", "show", "--database", DATABASE, "--reader", "R", "--log-key", "log.key"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("--purpose"), "{}", said.err);
    let said =
        world.run(&["log", "show", "--database", DATABASE, "--reader", " ", "--purpose", "x", "--log-key", "log.key"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("say who reads"), "{}", said.err);
}
