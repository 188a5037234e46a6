//! A policy with more sections, and what a decision says of one subject.

use countersign::decide::release::decide;
use countersign::model::ground::Ground;
use countersign::model::release_decision::{Node, ReleaseDecision, Status};
use serde_json::{Value, json};

use super::base::{self, POLICY};

/// The small policy with more sections; one that it has already is replaced.
pub fn policy_with(sections: &str) -> String {
    let named = |line: &str| line.split(':').next().map(str::to_owned);
    let begins = |line: &&str| !line.starts_with([' ', '-', '#']) && line.contains(':');
    let new: Vec<_> = sections.lines().filter(begins).filter_map(named).collect();
    let mut kept = String::new();
    let mut keep = true;
    for line in POLICY.lines() {
        if begins(&line) {
            keep = !named(line).is_some_and(|name| new.contains(&name));
        }
        if keep {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept + sections
}

/// The decision at an instant.
pub fn decided_at(policy: &str, facts: Value, now: &str) -> ReleaseDecision {
    decide(&base::policy(policy), &base::read(facts), base::at(now))
}

/// The first node of a ground.
pub fn find(decision: &ReleaseDecision, ground: Ground) -> Option<Node> {
    let mut found = None;
    decision.tree.walk(&mut |node| {
        if node.code == ground && found.is_none() {
            found = Some(node.clone());
        }
    });
    found
}

/// How the first node of a ground stands.
pub fn status(decision: &ReleaseDecision, ground: Ground) -> Option<Status> {
    find(decision, ground).map(|node| node.status)
}

/// What the first node of a ground says.
pub fn says(decision: &ReleaseDecision, ground: Ground) -> String {
    find(decision, ground).map(|node| node.says).unwrap_or_default()
}

/// What could not be read.
pub fn unread() -> Value {
    json!({"unavailable": "no answer"})
}

/// An earlier deployment of the shop.
#[expect(clippy::needless_pass_by_value, reason = "values are written where they are passed")]
pub fn deployment(release: &str, environment: &str, opened: &str, content: &str, outcome: Value) -> Value {
    json!({"release": release, "environment": environment, "commit": "c0ffee",
           "components": {"shop": {"content": content, "artifacts": null}},
           "opened_at": opened, "finished_at": opened, "outcome": outcome, "approved": true})
}
