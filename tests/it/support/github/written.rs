//! What the App writes, within GitHub's limits.

use serde_json::{Value, json};

use super::world::{APP, World};
use super::{Reply, missing, reply};

/// Takes what is written, within GitHub's limits, and as our App's.
pub fn written(world: &mut World, method: &str, path: &[&str], body: &Value) -> Reply {
    let refused = |says: &str| reply(422, &json!({"message": says}));
    let too_long = |value: &Value, most: usize| value.as_str().is_some_and(|text| text.chars().count() > most);
    if body["status"] == "completed" && body["conclusion"].is_null() {
        return refused("a check that is completed needs a conclusion");
    }
    if body["actions"].as_array().is_some_and(|actions| actions.len() > 3)
        || too_long(&body["output"]["summary"], 65_535)
        || too_long(&body["body"], 65_536)
        || too_long(&body["description"], 140)
    {
        return refused("it has more than GitHub takes");
    }
    let (kind, number) = match (method, path) {
        ("PATCH", [kind, number]) => ((*kind).to_owned(), Some(number.parse::<u64>().unwrap())),
        ("POST", path) => (path.join("/"), None),
        _ => return missing(),
    };
    if let Some(number) = number {
        let found =
            world.written.iter_mut().find(|(of, it)| *of == kind && (it["id"] == number || it["number"] == number));
        let Some((_, it)) = found else { return missing() };
        for (name, value) in body.as_object().unwrap() {
            it[name] = value.clone();
        }
        return reply(200, it);
    }
    let mut made = body.clone();
    let number = world.written.len() as u64 + 1;
    made["id"] = json!(number);
    made["number"] = json!(number);
    let app = json!({"id": APP.parse::<u64>().unwrap()});
    made["app"] = app.clone();
    made["performed_via_github_app"] = app;
    world.written.push((kind, made.clone()));
    reply(201, &made)
}
