//! What the fake is asked by GraphQL: the variables of a job, and the authors of commits.

use serde_json::{Value, json};

use super::world::{PROJECT, World};
use super::{Asked, Reply, reply};

/// The variables that a job was given by hand; whoever is no maintainer sees none.
pub(super) fn given(world: &World, asked: &Asked) -> Reply {
    assert_eq!(asked.body["variables"]["project"], PROJECT);
    let named = asked.body["variables"]["job"].as_str().unwrap();
    let number: u64 = named.strip_prefix("gid://gitlab/Ci::Build/").unwrap().parse().unwrap();
    assert!(world.deployments.iter().any(|it| it.id * 10 == number), "{named}");
    if world.role < 40 {
        return reply(200, &json!({"data": {"project": {"job": {"manualVariables": null}}}}));
    }
    let of = world.given.iter().filter(|(deployment, _)| deployment * 10 == number);
    let nodes: Vec<Value> = of.map(|(_, name)| json!({"key": name})).collect();
    reply(200, &json!({"data": {"project": {"job": {"manualVariables": {"nodes": nodes}}}}}))
}

/// What accounts are: of those that there are.
pub(super) fn kinds(world: &World, asked: &Asked) -> Reply {
    let names = asked.body["variables"]["names"].as_array().unwrap();
    assert!((1..=100).contains(&names.len()), "a page has a hundred at most");
    let kind = |name: &Value| {
        let (kind, _) = world.git.users.get(name.as_str().unwrap())?;
        Some(json!({"username": name, "bot": kind == "Bot"}))
    };
    let nodes: Vec<Value> = names.iter().filter_map(kind).collect();
    reply(200, &json!({"data": {"users": {"nodes": nodes}}}))
}

/// The authors of commits, as GraphQL tells them: `cN: tree(ref: "…") { lastCommit { sha author { id username } } }`.
pub(super) fn authors(world: &World, asked: &Asked) -> Reply {
    let question = asked.body["query"].as_str().unwrap();
    assert_eq!(asked.body["variables"]["project"], PROJECT);
    let mut found = serde_json::Map::new();
    for part in question.split(" c").skip(1) {
        let Some((at, rest)) = part.split_once(": tree(ref: \"") else { continue };
        let (name, rest) = rest.split_once('"').unwrap();
        assert!(rest.starts_with(") { lastCommit { sha author { id username } } }"), "{rest}");
        let commit = &world.git.commits[name];
        let known = world.git.users.contains_key(&commit.author);
        let author = known.then(
            || json!({"id": format!("gid://gitlab/User/{}", world.id(&commit.author)), "username": commit.author}),
        );
        found.insert(format!("c{at}"), json!({"lastCommit": {"sha": name, "author": author}}));
    }
    // Each costs some ten points, and a question may cost 250.
    if found.len() * 10 > 250 {
        return reply(200, &json!({"errors": [{"message": "Query has complexity of more than 250"}]}));
    }
    reply(200, &json!({"data": {"project": {"repository": found}}}))
}
