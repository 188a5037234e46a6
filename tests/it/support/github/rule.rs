//! The states of a protection rule: it waits until it was decided once, takes ten reports, and no long comment.

use serde_json::{Value, json};

use super::world::{self, World};
use super::{Asked, Reply, is_ours, missing, reply};

/// Answers what is asked of a rule or said to it; `None` for all else.
pub fn answer(world: &mut World, asked: &Asked, parts: &[&str]) -> Option<Reply> {
    let answer = match (asked.method.as_str(), parts) {
        ("GET", ["repos", owner, name, "actions", "runs", run, "pending_deployments"]) if is_ours(owner, name) => {
            let waits = |((id, environment), rule): (&(u64, String), &world::Rule)| {
                (id.to_string() == *run && rule.decided.is_none())
                    .then(|| json!({"environment": {"id": 1, "name": environment}}))
            };
            reply(200, &json!(world.rules.iter().filter_map(waits).collect::<Vec<_>>()))
        }
        ("POST", ["repos", owner, name, "actions", "runs", run, "deployment_protection_rule"])
            if is_ours(owner, name) =>
        {
            let key = (run.parse().unwrap(), asked.body["environment_name"].as_str().unwrap().to_owned());
            let Some(rule) = world.rules.get_mut(&key) else { return Some(missing()) };
            let comment = asked.body["comment"].as_str().unwrap_or_default().to_owned();
            let refused = |says: &str| reply(422, &json!({"message": says}));
            if comment.chars().count() > 1024 {
                return Some(refused("comment is too long"));
            }
            if rule.decided.is_some() {
                return Some(refused("no pending deployment"));
            }
            match asked.body["state"].as_str() {
                Some(state) => rule.decided = Some((state.to_owned(), comment)),
                None if rule.reports.len() == 10 => return Some(refused("too many status reports")),
                None => rule.reports.push(comment),
            }
            reply(204, &Value::Null)
        }
        _ => return None,
    };
    Some(answer)
}
