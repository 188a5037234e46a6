//! A small policy and the facts of one release, as JSON that each test changes in one place.

use chrono::{DateTime, Utc};
use countersign::decide::release::decide;
use countersign::model::facts::Facts;
use countersign::model::ground::Ground;
use countersign::model::release_decision::{Node, ReleaseDecision};
use countersign::policy::{self, Policy, Source};
use serde_json::{Value, json};

/// Two owners beside the author, security with a fallback, an authority whose word is final.
pub const POLICY: &str = "
version: 1
layer: organisation
environments: { production: { approval: formal }, staging: { approval: automatic } }
components:
  shop: { paths: ['src/**'], kind: application, tier: important, exposure: internal, team: shop }
people:
  dana: { github: dana-h, gitlab: dhall }
roles:
  owner: { members: ['github:@acme/owners'], fallback: head, after: 4h }
  head: { members: ['user:dana'] }
  security: { members: ['github:@acme/appsec'] }
  cto: { members: ['github:noor', 'github:ivo'] }
raci:
  - { on: shop, accountable: owner }
routes:
  normal: { approvals: { accountable: 1, security: 1, expire: 24h }, escalate: { undecided_after: 2d, to: [cto], final: cto } }
gates:
  tests: { junit: '**/*.xml', require: 'tests.failed == 0' }
waivers: { by: cto, max: 30d, needs: [reason] }
rejection: { reason: 20 }
";

pub fn policy(text: &str) -> Policy {
    let source = Source { path: "policy.yml".to_owned(), text: text.to_owned(), sha256: "ab".repeat(32), from: None };
    policy::read(vec![source]).unwrap_or_else(|complaints| {
        panic!("{}", complaints.iter().map(|file| file.render(false)).collect::<String>());
    })
}

pub fn now() -> DateTime<Utc> {
    at("2026-12-08T12:00:00Z")
}

pub fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// What an approver was shown, if it was all there is.
pub fn saw() -> Value {
    json!({"environment": "production", "repository": "acme/shop", "changes": {"acme/shop#12": "one"},
           "components": {"shop": "tree"}, "record": "CHG-1"})
}

/// An approval of the whole release.
pub fn approves(id: &str, by: &str) -> Value {
    json!({"id": id, "at": "2026-12-08T10:00:00Z", "by": by, "via": "page", "does": {"approve": {}}, "saw": saw(),
           "standing": "stands", "impersonated_by": null})
}

/// Another act, with what it does.
pub fn act(id: &str, by: &str, does: Value) -> Value {
    json!({"id": id, "at": "2026-12-08T10:30:00Z", "by": by, "via": "page", "does": does, "saw": saw(),
           "standing": "stands", "impersonated_by": null})
}

/// The tests' report, with so many failures.
pub fn evidence(failed: u32) -> Value {
    json!({"digests": ["aa"], "measures": {"tests.failed": failed, "tests.total": 10}, "baseline": null,
           "made_at": null})
}

/// Ana's change, and two approvals that let it go.
pub fn facts() -> Value {
    let person = json!({"kind": "person", "active": true, "person": null});
    let accounts: serde_json::Map<String, Value> =
        ["ana", "bo", "carla", "sue", "seth", "noor", "ivo", "zoe", "dana-h"]
            .iter()
            .map(|login| (format!("github:{login}"), person.clone()))
            .chain([("gitlab:dhall".to_owned(), person.clone())])
            .collect();
    let member = |login: &str| json!({"account": format!("github:{login}"), "joined": null});
    json!({
        "version": 1,
        "release": {
            "name": "shop 2.4.0", "forge": "github", "repository": "acme/shop", "environment": "production",
            "reference": {"name": "refs/heads/main", "reaches": true, "on_default": true, "resolves_to": "c0ffee"},
            "commit": "c0ffee", "submitted_at": "2026-12-08T09:00:00Z", "asked_since": null, "trigger": null, "deployed_by": "github",
            "components": {"shop": {"content": "tree", "artifacts": null}},
            "changes": [{
                "id": "acme/shop#12", "content": "one", "files": ["src/a.rs"], "lines": 10, "landed": null,
                "commits": [{"sha": "3f2a", "author": "github:ana", "committer": "github:ana", "co_authors": null,
                             "pushed_by": "github:ana", "on_behalf_of": null, "merge": null}]
            }],
            "new_vendors": null, "vendors_before": ["stripe"], "running": null, "released": null, "irreversible": null, "documented": true,
            "outcome": null, "package": null, "break_glass": null, "bypassed_by": null
        },
        "accounts": accounts,
        "groups": {
            "github:@acme/owners": [member("ana"), member("bo"), member("carla")],
            "github:@acme/appsec": [member("sue"), member("seth")],
        },
        "acts": [approves("a1", "github:bo"), approves("a2", "github:sue")],
        "evidence": {"tests": evidence(0)}, "change_record": null, "incidents": [], "teams": {"shop": {"deployments": []}},
        "obligations": [], "deployments": [], "cab": null, "meetings": null
    })
}

/// The facts with another value at a place, such as `/release/trigger`.
pub fn with(mut facts: Value, place: &str, value: Value) -> Value {
    let (parent, key) = place.rsplit_once('/').unwrap();
    let parent = facts.pointer_mut(parent).unwrap_or_else(|| panic!("there is no {place}"));
    match parent {
        Value::Object(map) => {
            map.insert(key.replace("~1", "/"), value);
        }
        Value::Array(list) if key == "-" => list.push(value),
        Value::Array(list) => list[key.parse::<usize>().unwrap()] = value,
        _ => panic!("{place} is in nothing"),
    }
    facts
}

/// The facts of a part of a package; whoever approved it was shown the other parts.
pub fn in_package(facts: Value, package: Value) -> Value {
    let mut shown = serde_json::Map::new();
    for (name, part) in package["parts"].as_object().into_iter().flatten() {
        if let Some(content) = part["content"].as_str() {
            shown.insert(name.clone(), content.into());
        }
    }
    let mut facts = with(facts, "/release/package", package);
    for act in facts["acts"].as_array_mut().into_iter().flatten() {
        act["saw"]["parts"] = Value::Object(shown.clone());
    }
    facts
}

pub fn read(facts: Value) -> Facts {
    serde_json::from_value(facts).unwrap()
}

pub fn decided(text: &str, facts: Value) -> ReleaseDecision {
    decide(&policy(text), &read(facts), now())
}

/// Every node's code, depth first.
pub fn codes(decision: &ReleaseDecision) -> Vec<Ground> {
    let mut codes = Vec::new();
    decision.tree.walk(&mut |node| codes.push(node.code));
    codes
}

/// What all nodes say.
pub fn said(decision: &ReleaseDecision) -> String {
    let mut said = String::new();
    decision.tree.walk(&mut |node: &Node| {
        said.push_str(&node.says);
        said.push('\n');
    });
    said
}
