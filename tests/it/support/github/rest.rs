//! What the fake's repository has, by REST.

use base64::Engine as _;
use serde_json::{Value, json};

use super::world::{self, REPOSITORY, World};
use super::{Asked, Github, Reply, State, is_ours, issues, missing, permits, reply, rule, written};

/// Answers whoever may ask.
pub fn answer(github: &Github, state: &mut State, asked: &Asked, parts: &[&str]) -> Reply {
    if let Some(reply) = permits::answer(state, &asked.method, parts) {
        return reply;
    }
    if let Some(reply) = rule::answer(&mut state.world, asked, parts) {
        return reply;
    }
    match (asked.method.as_str(), parts) {
        ("GET", ["repos", owner, name, "contents", path @ ..]) if is_ours(owner, name) => {
            let Some(text) = state.world.contents.get(&path.join("/")) else { return missing() };
            let content = base64::engine::general_purpose::STANDARD.encode(text);
            reply(200, &json!({"type": "file", "encoding": "base64", "content": content, "sha": world::sha("f1")}))
        }
        ("GET", ["repos", owner, name, "actions", "runs"]) if is_ours(owner, name) => {
            assert_eq!(asked.query.get("status").map(String::as_str), Some("waiting"));
            let world = &state.world;
            let waits =
                |run: &&world::Run| world.rules.iter().any(|((id, _), rule)| *id == run.id && rule.decided.is_none());
            let runs = world.runs.iter().filter(waits).map(|run| json!({"id": run.id, "head_sha": run.commit}));
            let runs: Vec<Value> = runs.collect();
            let total = runs.len();
            github.paged(asked, state, &runs, |page| json!({"total_count": total, "workflow_runs": page}))
        }
        ("GET", ["installation", "repositories"]) => {
            let owner = json!({"id": world::OWNER_ID, "login": "acme"});
            let mut ours = vec![json!({"id": world::REPOSITORY_ID, "full_name": REPOSITORY, "owner": owner})];
            if !state.world.ops.is_empty() {
                ours.push(json!({"id": 78, "full_name": world::OPS, "owner": owner}));
            }
            let total = ours.len();
            github.paged(asked, state, &ours, |page| json!({"total_count": total, "repositories": page}))
        }
        ("GET", ["user", id]) => {
            let world = &state.world;
            let login = world.users.iter().find(|(_, (_, number))| number.to_string() == *id).map(|(login, _)| login);
            login.map_or_else(missing, |login| reply(200, &world.rest_user(login)))
        }
        ("GET", ["repos", owner, name, "activity"]) => {
            let world = &state.world;
            let Some(entries) = world.activity.get(&format!("{owner}/{name}")) else {
                return if is_ours(owner, name) { reply(200, &json!([])) } else { missing() };
            };
            let entry = |(nth, [at, before, after, kind, actor]): (usize, &[String; 5])| {
                json!({"id": nth + 1, "before": before, "after": after, "ref": "refs/heads/main", "timestamp": at,
                    "activity_type": kind, "actor": world.rest_user(actor)})
            };
            let mut entries: Vec<(usize, &[String; 5])> = entries.iter().enumerate().rev().collect();
            entries.sort_by(|(_, one), (_, other)| other[0].cmp(&one[0]));
            let entries: Vec<Value> = entries.into_iter().map(entry).collect();
            github.paged(asked, state, &entries, |page| Value::Array(page.to_vec()))
        }
        ("GET", ["repos", owner, name, "compare", range]) if is_ours(owner, name) => {
            let (base, head) = range.split_once("...").unwrap();
            let branch = state.world.branches.get(&format!("refs/heads/{base}")).cloned();
            let base = branch.as_deref().unwrap_or(base);
            let Some(found) = state.world.between(base, head) else { return missing() };
            let commits: Vec<Value> = found.iter().map(|sha| rest_commit(&state.world, sha)).collect();
            let total = commits.len();
            let common = state.world.common(base, head);
            let behind = state.world.between(head, base).map_or(0, |found| found.len());
            // On the first page only, and no more than 300.
            let first = asked.query.get("page").is_none_or(|page| page == "1");
            let files = first.then(|| state.world.listed_files(common.as_deref(), head)).map(|mut files| {
                files.truncate(300);
                files
            });
            github.paged(asked, state, &commits, |page| {
                json!({"total_commits": total, "ahead_by": total, "behind_by": behind, "status": "ahead", "commits": page,
                    "files": files, "merge_base_commit": {"sha": common}})
            })
        }
        ("GET", ["repos", owner, name, "commits", sha]) if is_ours(owner, name) => {
            let world = &state.world;
            let Some(commit) = world.commits.get(*sha) else { return missing() };
            let files = world.listed_files(commit.parents.first().map(String::as_str), sha);
            let mut whole = rest_commit(world, sha);
            whole["stats"] = json!({"total": files.len() * 10});
            github.paged(asked, state, &files, |page| {
                let mut whole = whole.clone();
                whole["files"] = json!(page);
                whole
            })
        }
        ("GET", ["repos", owner, name, "actions", "runs", run]) if is_ours(owner, name) => {
            let found = state.world.runs.iter().find(|it| it.id.to_string() == *run);
            let world = &state.world;
            found.map_or_else(missing, |run| {
                let actor = run.creator.as_deref().map_or(Value::Null, |login| world.rest_user(login));
                let (attempt, again) = match world.attempts.get(&run.id) {
                    Some((attempt, login)) => (*attempt, world.rest_user(login)),
                    None => (1, actor.clone()),
                };
                let waits = world.rules.iter().any(|((of, _), rule)| *of == run.id && rule.decided.is_none());
                let status = if waits { "waiting" } else { "in_progress" };
                let run = json!({"id": run.id, "status": status, "node_id": format!("WFR_{}", run.id), "head_sha": run.commit,
                    "head_branch": run.branch, "event": run.event, "run_attempt": attempt,
                    "created_at": run.created_at, "run_started_at": world.started.get(&run.id).unwrap_or(&run.created_at),
                    "actor": actor, "triggering_actor": again});
                reply(200, &run)
            })
        }
        ("GET", ["repos", "acme", "ops", "issues"]) if !state.world.ops.is_empty() => {
            let found = state.world.in_ops(|world| world.listed_issues(asked));
            github.paged(asked, state, &found, |page| Value::Array(page.to_vec()))
        }
        ("GET", ["repos", owner, name, "collaborators", login, "permission"])
            if is_ours(owner, name) || format!("{owner}/{name}") == world::OPS =>
        {
            if !state.world.users.contains_key(*login) {
                return missing();
            }
            let outside = state.world.outside.iter().any(|it| it == login);
            reply(200, &json!({"permission": if outside { "none" } else { "write" }}))
        }
        ("GET", ["users", login]) => {
            let mut user = state.world.rest_user(login);
            if user.is_null() {
                return missing();
            }
            if state.world.suspended.iter().any(|it| it == login) {
                user["suspended_at"] = json!("2026-12-02T00:00:00Z");
            }
            reply(200, &user)
        }
        ("GET", ["repos", owner, name, "pulls"]) if is_ours(owner, name) => {
            assert_eq!(asked.query.get("state").map(String::as_str), Some("open"));
            let open = state.world.open_pulls();
            github.paged(asked, state, &open, |page| Value::Array(page.to_vec()))
        }
        ("GET", ["repos", owner, name, "issues", "comments"]) if is_ours(owner, name) => {
            let comments = state.world.rest_comments(asked.query.get("since").unwrap());
            github.paged(asked, state, &comments, |page| Value::Array(page.to_vec()))
        }
        ("GET", ["repos", owner, name, "pulls", number, "reviews"]) if is_ours(owner, name) => {
            let listed = state.world.rest_reviews(number.parse().unwrap());
            github.paged(asked, state, &listed, |page| Value::Array(page.to_vec()))
        }
        ("GET", ["repos", owner, name, "pulls", number, "files"]) if is_ours(owner, name) => {
            let Some(pull) = state.world.pulls.get(&number.parse().unwrap()) else { return missing() };
            let entry = |path: &String| json!({"filename": path, "previous_filename": pull.moved.get(path)});
            let files: Vec<Value> = pull.files.iter().map(entry).collect();
            github.paged(asked, state, &files, |page| Value::Array(page.to_vec()))
        }
        ("GET", ["repos", owner, name, "issues"]) if is_ours(owner, name) => {
            let found = state.world.listed_issues(asked);
            github.paged(asked, state, &found, |page| Value::Array(page.to_vec()))
        }
        (method @ ("POST" | "PATCH" | "DELETE"), ["repos", "acme", "ops", rest @ ..]) => {
            let done = state.world.in_ops(|world| issues::written(world, method, rest, &asked.body));
            done.unwrap_or_else(|| written::written(&mut state.world, method, rest, &asked.body))
        }
        (method @ ("POST" | "PATCH" | "DELETE"), ["repos", owner, name, rest @ ..]) if is_ours(owner, name) => {
            let done = issues::written(&mut state.world, method, rest, &asked.body);
            done.unwrap_or_else(|| written::written(&mut state.world, method, rest, &asked.body))
        }
        ("GET", ["repos", owner, name, rest @ ..]) if is_ours(owner, name) => {
            let kind = rest.join("/");
            let kind = if rest.first() == Some(&"commits") { "check-runs".to_owned() } else { kind };
            let here = |it: &Value| kind != "check-runs" || it["head_sha"] == rest[1];
            let found = state.world.written.iter().rev().filter(|(of, it)| *of == kind && here(it));
            let found: Vec<Value> = found.map(|(_, it)| it.clone()).collect();
            github.paged(asked, state, &found, |page| {
                if kind == "check-runs" { json!({"check_runs": page}) } else { json!(page) }
            })
        }
        _ => missing(),
    }
}

fn rest_commit(world: &World, sha: &str) -> Value {
    let commit = &world.commits[sha];
    let number = |login: &str| world.users.get(login).map_or(0, |(_, number)| *number);
    json!({
        "sha": sha,
        "commit": {
            "author": {"email": world::address(&commit.author, number(&commit.author)), "date": commit.date},
            "committer": {"email": world::address(&commit.committer, number(&commit.committer)), "date": commit.date},
            "tree": {"sha": world.tree(sha, "")}, "message": "a change",
        },
        "author": world.rest_user(&commit.author),
        "committer": world.rest_user(&commit.committer),
        "parents": commit.parents.iter().map(|sha| json!({"sha": sha})).collect::<Vec<_>>(),
    })
}
