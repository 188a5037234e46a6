//! What is done again and again while disks fail, the power goes and processes are killed: entries that are appended, and
//! decisions with all that follows from them.

use serde_json::{Value, json};

use crate::support::run::World;

pub const DATABASE: &str = "sqlite:record.db";

/// A release that goes opens three obligations and tells two places.
const POLICY: &str = "\
version: 1
environments: { production: { approval: formal } }
people: { ben: { github: ben } }
roles: { owner: { members: [user:ben] } }
components: { payments: { paths: [payments/**] } }
gates: { tests: { junit: \"reports/*.xml\", require: \"tests.failed == 0\" } }
routes: { normal: { approvals: { owner: 1 }, then: { audit: { by: owner, within: 5d } } } }
reviews: { board: { notify: \"slack:#board\" } }
";
const COMMIT: &str = "3f2a3f2a3f2a3f2a3f2a3f2a3f2a3f2a3f2a3f2a";

fn facts() -> Value {
    let release = json!({
        "name": "payments 2.4.0", "forge": "github", "repository": "acme/payments", "environment": "production",
        "commit": COMMIT, "submitted_at": "2026-11-23T08:00:00Z", "changes": [], "trigger": null,
        "reference": { "name": "refs/heads/main", "reaches": true, "resolves_to": COMMIT },
        "components": { "payments": { "content": "c1", "artifacts": [] } },
    });
    let approval = json!({
        "id": "review-1", "at": "2026-11-23T08:30:00Z", "by": "github:ben", "via": "environment", "does": { "approve": {} },
        "saw": { "environment": "production", "components": { "payments": "c1" }, "repository": "acme/payments" },
    });
    json!({
        "version": 1, "release": release, "incidents": [], "obligations": [], "deployments": [], "acts": [approval],
        "accounts": { "github:ben": { "kind": "person", "active": true } },
        "evidence": { "tests": { "digests": ["b".repeat(64)], "measures": { "tests.failed": 0 } } },
    })
}

/// A folder with a key, a policy, facts and something to append.
pub fn world() -> World {
    let world = World::with_policy(POLICY);
    let said = world.run(&["log", "key", "new", "--name", "log.example/releases", "--output", "log.key"]);
    world.write("log.pub", said.out);
    world.write("entry.json", "{\"who\":\"ana\"}");
    world.write("facts.json", facts().to_string());
    world
}

/// The arguments that append one entry, once under that key.
pub fn append(once: &str) -> Vec<String> {
    let arguments = ["log", "append", "--database", DATABASE, "--log-key", "log.key", "--attach", "log.pub", "--once"];
    arguments.into_iter().chain([once, "entry.json"]).map(str::to_owned).collect()
}

/// The instant of a decision.
pub fn instant(second: u32) -> String {
    format!("2026-11-23T{:02}:{:02}:{:02}Z", 9 + second / 3_600, second / 60 % 60, second % 60)
}

/// The arguments that decide for an instant.
pub fn decide(second: u32) -> Vec<String> {
    let arguments = ["decide", "--facts", "facts.json", "--database", DATABASE, "--log-key", "log.key", "--now"];
    arguments.into_iter().map(str::to_owned).chain([instant(second)]).collect()
}

/// The rows of a table, each with its columns.
pub fn rows(world: &World, database: &str, table: &str) -> Vec<Vec<String>> {
    let said = world.run(&["db", "list", "--database", database, table]);
    assert_eq!(said.code, 0, "{table}: {}{}", said.out, said.err);
    said.out.lines().skip(1).map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

/// Whether everything that follows from decisions is there, whole, or nothing of it is. What comes back are the instants
/// for which was decided.
pub fn whole(world: &World, database: &str) -> Vec<String> {
    let decisions = rows(world, database, "decisions");
    let numbers: Vec<String> = decisions.iter().map(|row| row[2].clone()).collect();
    let counted: Vec<String> = (1..=decisions.len()).map(|number| number.to_string()).collect();
    assert_eq!(numbers, counted, "each version is decided once");
    let (any, count) = (usize::from(!decisions.is_empty()), decisions.len());
    for (table, expected) in
        [("approvals", any), ("obligations", 3 * any), ("timers", any), ("policies", any), ("outbox", count + any)]
    {
        let found = rows(world, database, table);
        assert_eq!(found.len(), expected, "{table} of {count} decisions: {found:?}");
    }
    let shown = world.run(&["log", "show", "--raw", "--limit", "100000", "--database", database]);
    let kinds = |kind: &str| shown.out.lines().filter(|line| line.contains(&format!("\"kind\":\"{kind}\""))).count();
    let entries = [kinds("decision"), kinds("obligation"), kinds("effect"), kinds("approval")];
    assert_eq!(entries, [count, 3 * any, count + any, any], "the log says what the tables say");
    decisions.into_iter().map(|row| row[4].clone()).collect()
}
