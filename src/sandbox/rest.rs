//! REST: what an App asks and says. Each path asks for its proof and its permission first, as GitHub does.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::Utc;
use serde_json::{Value, json};

use super::asked::{Asked, Reply};
use super::world::{APP, INSTALLATION, OWNER, OWNER_ID, REPOSITORY, World, written};
use super::{Sandbox, graphql, login, payload, tokens};

/// What the App was given, by GitHub's names.
const PERMISSIONS: [(&str, &str); 8] = [
    ("actions", "read"),
    ("checks", "write"),
    ("contents", "read"),
    ("deployments", "write"),
    ("issues", "write"),
    ("members", "read"),
    ("metadata", "read"),
    ("pull_requests", "write"),
];
/// How many requests an hour has.
const ALLOWED: u64 = 5_000;
/// How many actions a check may have, and how many characters texts.
const ACTIONS: usize = 3;
const TEXT: usize = 65_535;

/// Answers what an App, a person's token or a job asks.
pub(super) fn answer(sandbox: &Sandbox, asked: &Asked) -> Reply {
    if asked.path.starts_with("/_services/") {
        return tokens::issues(sandbox, asked);
    }
    let parts: Vec<&str> = asked.path.trim_start_matches("/api/").split('/').collect();
    let mut reply = match parts.as_slice() {
        ["v3", "user", ..] if !asked.bearer().starts_with("ghs_") => login::seen(sandbox, asked, parts.get(2..)),
        ["v3", "app", rest @ ..] => of_app(sandbox, asked, rest),
        ["v3", "repos", owner, name, "installation"] => {
            let proven = sandbox.registered().proves(asked.bearer(), Utc::now());
            if !proven {
                unproven()
            } else if is_ours(owner, name) {
                installation()
            } else {
                Reply::missing()
            }
        }
        _ if !sandbox.held().tokens.is_installation(asked.bearer()) => Reply::message(401, "Bad credentials"),
        ["graphql"] => {
            let variables = asked.body.get("variables").cloned().unwrap_or_default();
            Reply::json(200, &sandbox.look(|world| graphql::answer(world, asked.text("query"), &variables)))
        }
        ["v3", "installation", "repositories"] => {
            let all = [payload::repository()];
            asked.page(sandbox.address(), &all, |page| json!({"total_count": 1, "repositories": page}))
        }
        ["v3", "user", id] => {
            let by_number = |world: &World| {
                let (login, _) = world.people.iter().find(|(_, person)| person.id.to_string() == *id)?;
                Some(payload::user(world, login))
            };
            sandbox.look(by_number).map_or_else(Reply::missing, |user| Reply::json(200, &user))
        }
        ["v3", "users", login] => match sandbox.look(|world| payload::user(world, login)) {
            Value::Null => Reply::missing(),
            user => Reply::json(200, &user),
        },
        ["v3", "repos", owner, name, rest @ ..] if is_ours(owner, name) => {
            let (needed, access) = (needs(rest), if asked.method == "GET" { "read" } else { "write" });
            let has = |(name, given): &(&str, &str)| *name == needed && (*given == access || *given == "write");
            if PERMISSIONS.iter().any(has) {
                of_repository(sandbox, asked, rest)
            } else {
                Reply::message(403, "Resource not accessible by integration")
            }
        }
        _ => Reply::missing(),
    };
    reply.body = reply.body.replace("sandbox:/", sandbox.address());
    let left = sandbox.held().tokens.counted(ALLOWED, Utc::now());
    let resource = if parts == ["graphql"] { "graphql" } else { "core" };
    let limits =
        [("limit", ALLOWED.to_string()), ("remaining", left.requests.to_string()), ("reset", left.full_at.to_string())];
    reply.headers.extend(limits.map(|(name, value)| (format!("x-ratelimit-{name}"), value)));
    reply.headers.push(("x-ratelimit-resource".to_owned(), resource.to_owned()));
    reply
}

/// The permission that a path below a repository asks for.
fn needs(rest: &[&str]) -> &'static str {
    match rest {
        ["actions", "runs", _, "deployment_protection_rule"] | ["deployments", ..] => "deployments",
        ["actions" | "environments", ..] => "actions",
        ["check-runs", ..] | ["commits", _, "check-runs"] => "checks",
        ["pulls", ..] => "pull_requests",
        ["issues", ..] => "issues",
        ["contents" | "commits" | "compare" | "activity", ..] => "contents",
        [] | ["collaborators", _, "permission"] => "metadata",
        _ => "administration",
    }
}

fn unproven() -> Reply {
    Reply::message(401, "A JSON web token could not be decoded")
}

fn is_ours(owner: &str, name: &str) -> bool {
    format!("{owner}/{name}").eq_ignore_ascii_case(REPOSITORY)
}

fn installed() -> Value {
    let permissions: serde_json::Map<String, Value> =
        PERMISSIONS.iter().map(|(name, access)| ((*name).to_owned(), json!(access))).collect();
    json!({"id": INSTALLATION, "app_id": APP.parse::<u64>().unwrap_or_default(), "permissions": permissions,
        "account": {"login": OWNER, "id": OWNER_ID, "type": "Organization"}, "suspended_at": null})
}

fn installation() -> Reply {
    Reply::json(200, &installed())
}

/// What the App asks in its own name.
fn of_app(sandbox: &Sandbox, asked: &Asked, rest: &[&str]) -> Reply {
    if !sandbox.registered().proves(asked.bearer(), Utc::now()) {
        return unproven();
    }
    match (asked.method.as_str(), rest) {
        ("GET", ["installations"]) => asked.page(sandbox.address(), &[installed()], |page| json!(page)),
        ("POST", ["installations", id, "access_tokens"]) if *id == INSTALLATION.to_string() => {
            match sandbox.held().tokens.mint() {
                Ok((token, until)) => Reply::json(201, &json!({"token": token, "expires_at": written(until)})),
                Err(fault) => Reply::message(500, &fault.to_string()),
            }
        }
        _ => Reply::missing(),
    }
}

fn of_repository(sandbox: &Sandbox, asked: &Asked, rest: &[&str]) -> Reply {
    if asked.method != "GET" {
        return says(sandbox, asked, rest);
    }
    sandbox.look(|world| read(world, sandbox.address(), asked, rest))
}

fn read(world: &World, address: &str, asked: &Asked, rest: &[&str]) -> Reply {
    let found = |value: Value| if value.is_null() { Reply::missing() } else { Reply::json(200, &value) };
    match rest {
        [] => found(payload::repository()),
        ["activity"] => {
            let newest: Vec<Value> = world.activity.iter().rev().cloned().collect();
            asked.page(address, &newest, |page| json!(page))
        }
        ["contents", path @ ..] => match world.content(&path.join("/")) {
            Some(text) => found(json!({"type": "file", "encoding": "base64", "content": STANDARD.encode(text),
                "sha": world.tree(&world.tip, &path.join("/"))})),
            None => Reply::missing(),
        },
        ["compare", range] => compare(world, address, asked, range),
        ["commits", sha, "check-runs"] => {
            let of = |(kind, it): &&(String, Value)| kind == "check-runs" && it.get("head_sha") == Some(&json!(sha));
            let checks: Vec<Value> = world.written.iter().rev().filter(of).map(|(_, it)| it.clone()).collect();
            asked.page(address, &checks, |page| json!({"total_count": checks.len(), "check_runs": page}))
        }
        ["commits", sha] => {
            let mut commit = payload::commit(world, sha);
            let parent = world.commits.get(*sha).and_then(|commit| commit.parents.first());
            let files = files(world, parent.map(String::as_str), sha);
            let Some(whole) = commit.as_object_mut() else { return Reply::missing() };
            whole.insert("stats".to_owned(), json!({"total": files.len() * 4}));
            let whole = whole.clone();
            asked.page(address, &files, |page| {
                let mut whole = whole.clone();
                whole.insert("files".to_owned(), json!(page));
                Value::Object(whole)
            })
        }
        ["actions", "runs"] => {
            let waits = |(id, run): (&u64, &super::world::Run)| run.waits().then(|| payload::run(world, *id));
            let runs: Vec<Value> = world.runs.iter().rev().filter_map(waits).collect();
            asked.page(address, &runs, |page| json!({"total_count": runs.len(), "workflow_runs": page}))
        }
        ["actions", "runs", id] => found(payload::run(world, id.parse().unwrap_or_default())),
        ["actions", "runs", id, "pending_deployments"] => match world.runs.get(&id.parse().unwrap_or_default()) {
            Some(run) if run.waits() => {
                let environment = json!({"id": 1, "node_id": "EN_1", "name": run.environment});
                found(
                    json!([{"environment": environment, "wait_timer": 0, "current_user_can_approve": false, "reviewers": []}]),
                )
            }
            Some(_) => found(json!([])),
            None => Reply::missing(),
        },
        ["environments", _, "deployment_protection_rules"] => {
            let rule = json!({"id": 3, "node_id": "DPR_3", "enabled": true, "app": payload::app()});
            found(json!({"total_count": 1, "custom_deployment_protection_rules": [rule]}))
        }
        ["collaborators", login, "permission"] if world.people.contains_key(*login) => {
            let permission = if world.is_inside(login) { "write" } else { "none" };
            found(json!({"permission": permission, "role_name": permission, "user": payload::user(world, login)}))
        }
        ["pulls"] => {
            let open = world.pulls.iter().filter(|(_, pull)| pull.merged.is_none());
            let open: Vec<Value> = open.map(|(number, _)| payload::pull(world, *number)).collect();
            asked.page(address, &open, |page| json!(page))
        }
        ["pulls", number] => found(payload::pull(world, number.parse().unwrap_or_default())),
        ["pulls", number, "files"] => {
            let pull = world.pulls.get(&number.parse().unwrap_or_default());
            let files: Vec<Value> = pull.map(|pull| files(world, Some(&pull.base), &pull.head)).unwrap_or_default();
            asked.page(address, &files, |page| json!(page))
        }
        ["pulls", number, "reviews"] => {
            let pull = world.pulls.get(&number.parse().unwrap_or_default());
            let reviews: Vec<Value> = pull.iter().flat_map(|pull| &pull.reviews).map(|it| review(world, it)).collect();
            asked.page(address, &reviews, |page| json!(page))
        }
        ["issues", "comments"] => {
            let since = asked.asked_for("since");
            let mut all: Vec<Value> = world.pulls.keys().flat_map(|number| comments(world, *number)).collect();
            all.retain(|it| it.get("updated_at").and_then(Value::as_str).is_some_and(|at| at >= since));
            asked.page(address, &all, |page| json!(page))
        }
        ["issues", number, "comments"] => {
            let all = comments(world, number.parse().unwrap_or_default());
            asked.page(address, &all, |page| json!(page))
        }
        ["issues"] => asked.page(address, &[], |page| json!(page)),
        ["deployments", id] => found(payload::deployment(world, id.parse().unwrap_or_default())),
        ["deployments", id, "statuses"] => {
            let statuses = world.deployments.get(&id.parse().unwrap_or_default()).map(|it| it.statuses.as_slice());
            let status = |(state, at): &(String, String)| json!({"state": state.to_lowercase(), "created_at": at});
            let statuses: Vec<Value> = statuses.unwrap_or_default().iter().rev().map(status).collect();
            asked.page(address, &statuses, |page| json!(page))
        }
        _ => Reply::missing(),
    }
}

fn comments(world: &World, number: u64) -> Vec<Value> {
    let comments = world.pulls.get(&number).map(|pull| pull.comments.as_slice()).unwrap_or_default();
    let ids = comments.iter().filter_map(|it| it.get("databaseId").and_then(Value::as_u64));
    ids.map(|id| payload::comment(world, number, id)).collect()
}

fn review(world: &World, review: &Value) -> Value {
    let of = |place: &str| review.pointer(place).cloned().unwrap_or_default();
    let by = of("/author/login");
    json!({"id": of("/databaseId"), "node_id": of("/id"), "body": of("/body"), "state": of("/state"),
        "user": payload::user(world, by.as_str().unwrap_or_default()), "submitted_at": of("/submittedAt"),
        "commit_id": of("/commit/oid")})
}

fn files(world: &World, base: Option<&str>, head: &str) -> Vec<Value> {
    let differs = world.differs(base, head);
    differs.into_iter().map(|path| json!({"filename": path, "status": "modified", "changes": 4})).collect()
}

fn compare(world: &World, address: &str, asked: &Asked, range: &str) -> Reply {
    let Some((base, head)) = range.split_once("...") else { return Reply::missing() };
    let (base, head) = (world.resolved(base), world.resolved(head));
    let (Some(ahead), Some(behind)) = (world.between(&base, &head), world.between(&head, &base)) else {
        return Reply::missing();
    };
    let commits: Vec<Value> = ahead.iter().map(|sha| payload::commit(world, sha)).collect();
    let common = world.common(&base, &head);
    let is_first = matches!(asked.asked_for("page"), "" | "1");
    let files = is_first.then(|| files(world, common.as_deref(), &head));
    let status = match (ahead.is_empty(), behind.is_empty()) {
        (true, true) => "identical",
        (false, true) => "ahead",
        (true, false) => "behind",
        (false, false) => "diverged",
    };
    asked.page(address, &commits, |page| {
        json!({"status": status, "ahead_by": ahead.len(), "behind_by": behind.len(), "total_commits": ahead.len(),
            "commits": page, "files": files, "merge_base_commit": {"sha": common}})
    })
}

/// What the App says: taken within GitHub's limits, and as the App's.
fn says(sandbox: &Sandbox, asked: &Asked, rest: &[&str]) -> Reply {
    let long = |place: &str, most: usize| {
        asked.body.pointer(place).and_then(Value::as_str).is_some_and(|text| text.chars().count() > most)
    };
    let actions = asked.body.get("actions").and_then(Value::as_array).map_or(0, Vec::len);
    if actions > ACTIONS || long("/output/summary", TEXT) || long("/output/text", TEXT) || long("/body", TEXT + 1) {
        return Reply::message(422, "Validation Failed: it has more than GitHub takes");
    }
    match (asked.method.as_str(), rest) {
        ("POST", ["actions", "runs", id, "deployment_protection_rule"]) => {
            let (run, environment) = (id.parse().unwrap_or_default(), asked.text("environment_name"));
            let state = asked.body.get("state").and_then(Value::as_str);
            let done = sandbox.happens(|world, _| world.answered((run, environment), state, asked.text("comment")));
            match done {
                Some(Ok(())) => Reply::json(204, &Value::Null),
                Some(Err(why)) => Reply::message(422, why),
                None => Reply::missing(),
            }
        }
        ("POST", ["issues", number, "comments"]) => {
            let number = number.parse().unwrap_or_default();
            let made = sandbox.happens(|world, now| {
                let id = world.comment(number, "countersign[bot]", asked.text("body"), now)?;
                Some(payload::comment(world, number, id))
            });
            made.map_or_else(Reply::missing, |made| Reply::json(201, &made))
        }
        ("POST", ["issues", "comments", id, "reactions"]) => {
            let what = json!({"id": 1, "content": asked.text("content"), "user": {"login": "countersign[bot]"}});
            sandbox.happens(|world, _| world.written.push((format!("reactions/{id}"), what.clone())));
            Reply::json(201, &what)
        }
        ("PATCH", ["issues", "comments", id]) => {
            let id = json!(id.parse::<u64>().unwrap_or_default());
            let edited = sandbox.happens(|world, now| {
                let comments = world.pulls.values_mut().flat_map(|pull| &mut pull.comments);
                let mut ours = comments.filter(|it| it.get("viaApp") == Some(&json!(true)));
                let comment = ours.find(|it| it.get("databaseId") == Some(&id))?.as_object_mut()?;
                comment.insert("body".to_owned(), json!(asked.text("body")));
                comment.insert("lastEditedAt".to_owned(), json!(written(now)));
                Some(Value::Object(comment.clone()))
            });
            edited.map_or_else(Reply::missing, |edited| Reply::json(200, &edited))
        }
        ("POST", ["check-runs"]) => {
            let made = sandbox.happens(|world, _| {
                let mut made = asked.body.clone();
                if let Some(made) = made.as_object_mut() {
                    made.insert("id".to_owned(), json!(world.next()));
                    made.insert("app".to_owned(), payload::app());
                }
                world.written.push(("check-runs".to_owned(), made.clone()));
                made
            });
            Reply::json(201, &made)
        }
        ("PATCH", ["check-runs", id]) => {
            let id = json!(id.parse::<u64>().unwrap_or_default());
            let edited = sandbox.happens(|world, _| {
                let mut checks = world.written.iter_mut().filter(|(kind, _)| kind == "check-runs");
                let (_, check) = checks.find(|(_, it)| it.get("id") == Some(&id))?;
                if let (Some(check), Some(body)) = (check.as_object_mut(), asked.body.as_object()) {
                    check.extend(body.clone());
                }
                Some(check.clone())
            });
            edited.map_or_else(Reply::missing, |edited| Reply::json(200, &edited))
        }
        _ => Reply::missing(),
    }
}
