//! The questions that are asked over GraphQL, because REST does not answer them at once: whose an author's address is, what accounts
//! are, and which variables somebody gave a job.

use serde_json::{Map, Value, json};

use super::super::asked::Asked;
use super::super::world::{REPOSITORY, World};
use super::ACCOUNT;

pub(super) fn answer(world: &World, asked: &Asked) -> Value {
    let question = asked.text("query");
    if question.contains("users(usernames: $names)") {
        let names =
            asked.body.pointer("/variables/names").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let is = |name: &&Value| name.as_str().is_some_and(|name| name == ACCOUNT || world.people.contains_key(name));
        let user = |name: &Value| json!({"username": name, "bot": name == ACCOUNT});
        let nodes: Vec<Value> = names.iter().filter(is).map(user).collect();
        return json!({"data": {"users": {"nodes": nodes}}});
    }
    let project = asked.body.pointer("/variables/project").and_then(Value::as_str).unwrap_or_default();
    if !project.eq_ignore_ascii_case(REPOSITORY) {
        return json!({"data": {"project": null}});
    }
    if question.contains("manualVariables") {
        // Nobody here gives a job any.
        return json!({"data": {"project": {"job": {"manualVariables": {"nodes": []}}}}});
    }
    let mut found = Map::new();
    for part in question.split(" c").skip(1) {
        let Some((at, rest)) = part.split_once(": tree(ref: \"") else { continue };
        let Some((sha, _)) = rest.split_once('"') else { continue };
        let Some(commit) = world.commits.get(sha) else { continue };
        let id = format!("gid://gitlab/User/{}", world.number(&commit.author));
        let author = json!({"id": id, "username": commit.author});
        found.insert(format!("c{at}"), json!({"lastCommit": {"sha": sha, "author": author}}));
    }
    if found.is_empty() {
        return json!({"errors": [{"message": "this sandbox answers no such question"}]});
    }
    json!({"data": {"project": {"repository": found}}})
}
