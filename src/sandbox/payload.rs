//! What GitHub says of each thing, in its own shapes: in payloads of deliveries and in answers of REST alike.

use serde_json::{Value, json};

use super::world::{APP, INSTALLATION, OWNER, OWNER_ID, REPOSITORY, REPOSITORY_ID, WEB_FLOW, World};

/// A payload with what every one has.
pub(super) fn of(world: &World, by: &str, mut what: Value) -> Value {
    let common = [
        ("repository", repository()),
        ("organization", json!({"login": OWNER, "id": OWNER_ID})),
        ("installation", json!({"id": INSTALLATION, "node_id": "MDIz"})),
        ("sender", user(world, by)),
    ];
    if let Some(what) = what.as_object_mut() {
        what.extend(common.map(|(name, value)| (name.to_owned(), value)));
    }
    what
}

pub(super) fn repository() -> Value {
    json!({
        "id": REPOSITORY_ID, "node_id": "R_77", "name": "shop", "full_name": REPOSITORY, "private": true,
        "owner": {"login": OWNER, "id": OWNER_ID, "type": "Organization"}, "default_branch": "main",
        "html_url": format!("sandbox://{REPOSITORY}"), "url": format!("sandbox://api/v3/repos/{REPOSITORY}"),
    })
}

/// An account; GitHub's own and Apps are none of the people.
pub(super) fn user(world: &World, login: &str) -> Value {
    let kind = if login.ends_with("[bot]") { "Bot" } else { "User" };
    if kind == "User" && login != WEB_FLOW && !world.people.contains_key(login) {
        return Value::Null;
    }
    json!({"login": login, "id": world.number(login), "type": kind, "site_admin": false,
        "html_url": format!("sandbox://{login}")})
}

/// The address that git names somebody by.
pub(super) fn address(login: &str) -> String {
    if login == WEB_FLOW { "noreply@github.com".to_owned() } else { format!("{login}@acme.example") }
}

pub(super) fn pull(world: &World, number: u64) -> Value {
    let Some(pull) = world.pulls.get(&number) else { return Value::Null };
    let home = json!({"id": REPOSITORY_ID, "full_name": REPOSITORY, "default_branch": "main"});
    let (merge, merged_at) = pull.merged.clone().unzip();
    json!({
        "id": 5_000 + number, "number": number, "title": pull.title, "user": user(world, &pull.author),
        "state": if merge.is_some() { "closed" } else { "open" }, "merged": merge.is_some(), "merged_at": merged_at,
        "merge_commit_sha": merge, "updated_at": pull.updated_at, "draft": false,
        "html_url": format!("sandbox://{REPOSITORY}/pull/{number}"),
        "head": {"ref": format!("change-{number}"), "sha": pull.head, "repo": home},
        "base": {"ref": "main", "sha": pull.base, "repo": home},
    })
}

pub(super) fn issue(world: &World, number: u64) -> Value {
    let Some(pull) = world.pulls.get(&number) else { return Value::Null };
    json!({
        "id": 6_000 + number, "number": number, "title": pull.title, "user": user(world, &pull.author),
        "state": if pull.merged.is_some() { "closed" } else { "open" }, "labels": [], "assignees": [],
        "html_url": format!("sandbox://{REPOSITORY}/pull/{number}"),
        "pull_request": {"url": format!("sandbox://api/v3/repos/{REPOSITORY}/pulls/{number}")},
    })
}

/// A comment of a pull request, as REST has it.
pub(super) fn comment(world: &World, number: u64, id: u64) -> Value {
    let comments = world.pulls.get(&number).map(|pull| pull.comments.as_slice()).unwrap_or_default();
    let Some(comment) = comments.iter().find(|it| it.get("databaseId").and_then(Value::as_u64) == Some(id)) else {
        return Value::Null;
    };
    let of = |name: &str| comment.get(name).cloned().unwrap_or_default();
    let by = comment.pointer("/author/login").and_then(Value::as_str).unwrap_or_default();
    let app = of("viaApp") == json!(true);
    let edited = if of("lastEditedAt").is_null() { of("createdAt") } else { of("lastEditedAt") };
    json!({
        "id": id, "node_id": of("id"), "body": of("body"), "user": user(world, by), "created_at": of("createdAt"),
        "updated_at": edited, "html_url": format!("sandbox://{REPOSITORY}/pull/{number}#issuecomment-{id}"),
        "issue_url": format!("sandbox://api/v3/repos/{REPOSITORY}/issues/{number}"),
        "performed_via_github_app": if app { self::app() } else { Value::Null },
    })
}

pub(super) fn app() -> Value {
    json!({"id": APP.parse::<u64>().unwrap_or_default(), "slug": "countersign", "name": "Countersign"})
}

pub(super) fn deployment(world: &World, id: u64) -> Value {
    let Some(deployment) = world.deployments.get(&id) else { return Value::Null };
    json!({
        "id": id, "node_id": format!("DE_{id}"), "sha": deployment.commit, "ref": "main", "task": "deploy", "payload": {},
        "environment": deployment.environment, "original_environment": deployment.environment, "description": null,
        "creator": user(world, &deployment.by), "created_at": deployment.created_at, "updated_at": deployment.created_at,
        "transient_environment": false, "production_environment": deployment.environment == "production",
        "statuses_url": format!("sandbox://api/v3/repos/{REPOSITORY}/deployments/{id}/statuses"),
        "repository_url": format!("sandbox://api/v3/repos/{REPOSITORY}"),
    })
}

/// A run, as REST has it.
pub(super) fn run(world: &World, id: u64) -> Value {
    let Some(run) = world.runs.get(&id) else { return Value::Null };
    let by = user(world, &run.by);
    json!({
        "id": id, "node_id": format!("WFR_{id}"), "name": "release", "path": ".github/workflows/release.yml",
        "head_sha": run.commit, "head_branch": "main", "event": "push", "run_attempt": run.attempt, "created_at": run.created_at,
        "run_started_at": run.started_at,
        "actor": by, "triggering_actor": by, "status": if run.waits() { "waiting" } else { "in_progress" },
        "html_url": format!("sandbox://{REPOSITORY}/actions/runs/{id}"),
    })
}

/// A commit, as REST has it.
pub(super) fn commit(world: &World, sha: &str) -> Value {
    let Some(commit) = world.commits.get(sha) else { return Value::Null };
    let parents: Vec<Value> = commit.parents.iter().map(|sha| json!({ "sha": sha })).collect();
    json!({
        "sha": sha, "parents": parents, "author": user(world, &commit.author), "committer": user(world, &commit.committer),
        "html_url": format!("sandbox://{REPOSITORY}/commit/{sha}"),
        "commit": {
            "message": commit.title, "tree": {"sha": world.tree(sha, "")},
            "author": {"name": commit.author, "email": address(&commit.author), "date": commit.date},
            "committer": {"name": commit.committer, "email": address(&commit.committer), "date": commit.date},
        },
    })
}
