//! What GitLab says of each thing, in its own shapes.

use serde_json::{Value, json};

use super::super::payload::address;
use super::super::world::{Deployment, NONE, OWNER, OWNER_ID, Pull, REPOSITORY, REPOSITORY_ID, Run, WEB_FLOW, World};
use super::{ACCOUNT, CALLED};

pub(super) fn text<'v>(value: &'v Value, place: &str) -> &'v str {
    value.pointer(place).and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn user(world: &World, login: &str) -> Value {
    json!({"id": world.number(login), "username": login, "name": if login == ACCOUNT { CALLED } else { login },
        "state": "active", "web_url": format!("sandbox://{login}")})
}

pub(super) fn project() -> Value {
    json!({"id": REPOSITORY_ID, "path_with_namespace": REPOSITORY, "default_branch": "main", "visibility": "private",
        "web_url": format!("sandbox://{REPOSITORY}"),
        "namespace": {"id": OWNER_ID, "kind": "group", "full_path": OWNER},
        "permissions": {"project_access": {"access_level": 40}, "group_access": null}})
}

/// Who committed: whoever merged in GitLab's pages, by the push that was made for him.
fn committer<'w>(world: &'w World, sha: &str, written: &'w str) -> &'w str {
    let push = world.activity.iter().find(|it| text(it, "/after") == sha).filter(|_| written == WEB_FLOW);
    push.map_or(written, |push| text(push, "/actor/login"))
}

pub(super) fn commit(world: &World, sha: &str) -> Value {
    let Some(commit) = world.commits.get(sha) else { return Value::Null };
    let committer = committer(world, sha, &commit.committer);
    json!({
        "id": sha, "short_id": sha.chars().take(8).collect::<String>(), "parent_ids": commit.parents, "title": commit.title,
        "message": commit.title, "created_at": commit.date,
        "author_name": commit.author, "author_email": address(&commit.author), "authored_date": commit.date,
        "committer_name": committer, "committer_email": address(committer), "committed_date": commit.date,
        "web_url": format!("sandbox://{REPOSITORY}/-/commit/{sha}"),
    })
}

pub(super) fn request(world: &World, number: u64, pull: &Pull) -> Value {
    let (squashed, merged_at) = pull.merged.clone().unzip();
    json!({
        "id": 5_000 + number, "iid": number, "title": pull.title, "author": user(world, &pull.author), "assignees": [],
        "state": if squashed.is_some() { "merged" } else { "opened" }, "sha": pull.head, "merge_commit_sha": null,
        "squash_commit_sha": squashed, "merged_at": merged_at, "updated_at": pull.updated_at,
        "source_branch": format!("change-{number}"), "source_project_id": REPOSITORY_ID,
        "target_branch": "main", "target_project_id": REPOSITORY_ID,
        "web_url": format!("sandbox://{REPOSITORY}/-/merge_requests/{number}"),
    })
}

/// The notes of a merge request, the oldest first.
pub(super) fn notes(world: &World, pull: &Pull) -> Vec<Value> {
    let note = |it: &Value| {
        let edited = it.get("lastEditedAt").filter(|at| !at.is_null()).or_else(|| it.get("createdAt"));
        json!({"id": it.get("databaseId"), "body": text(it, "/body"), "author": user(world, text(it, "/author/login")),
            "created_at": text(it, "/createdAt"), "updated_at": edited, "system": false, "noteable_type": "MergeRequest"})
    };
    pull.comments.iter().map(note).collect()
}

pub(super) fn pipeline(world: &World, id: u64, run: &Run) -> Value {
    let status = if run.waits() { "manual" } else { "running" };
    json!({"id": id, "sha": run.commit, "ref": "main", "tag": false, "source": "push", "status": status,
        "created_at": run.created_at, "user": user(world, &run.by),
        "web_url": format!("sandbox://{REPOSITORY}/-/pipelines/{id}")})
}

/// The votes on the deployment of a run.
fn votes(world: &World, run: Option<&Run>) -> Vec<Value> {
    let reviews = run.map(|run| run.reviews.as_slice()).unwrap_or_default();
    let vote = |(by, state, words, at): &(String, String, String, String)| json!({"user": user(world, by), "status": state.to_lowercase(), "comment": words, "created_at": at});
    reviews.iter().map(vote).collect()
}

/// The one rule that the environment has: it names the app's own account.
pub(super) fn rule(world: &World) -> Value {
    json!({"user_id": world.number(ACCOUNT), "group_id": null, "access_level": null,
        "access_level_description": CALLED, "required_approvals": 1})
}

/// How a deployment is, how its job is, and who played that.
fn state<'w>(world: &'w World, it: &'w Deployment) -> (&'static str, &'static str, &'w str) {
    let last = it.statuses.last().map(|(state, _)| state.as_str()).unwrap_or_default();
    let run = it.run.and_then(|run| world.runs.get(&run));
    let (went, by) = match run.and_then(|run| run.decided.as_ref()) {
        Some((state, _)) if state == "rejected" => return ("failed", "failed", &it.by),
        Some((state, _)) => (true, if state == "approved" { ACCOUNT } else { it.by.as_str() }),
        None => (run.is_none(), it.by.as_str()),
    };
    match last {
        "SUCCESS" => ("success", "success", by),
        "FAILURE" => ("failed", "failed", by),
        _ if went => ("running", "running", by),
        _ if run.is_some_and(Run::is_agreed) => ("created", "manual", by),
        _ => ("blocked", "manual", by),
    }
}

/// A deployment, as lists have it.
pub(super) fn deployment(world: &World, id: u64, it: &Deployment) -> Value {
    let (status, job, by) = state(world, it);
    let when = |states: &[&str]| {
        let found = it.statuses.iter().find(|(state, _)| states.contains(&state.as_str()));
        found.map(|(_, at)| at.clone())
    };
    let pipeline = it.run.unwrap_or(id);
    json!({
        "id": id, "iid": id, "sha": it.commit, "ref": "main", "status": status, "created_at": it.created_at,
        "updated_at": it.statuses.last().map(|(_, at)| at.clone()), "user": user(world, &it.by),
        "environment": {"id": 1, "name": it.environment, "tier": "production"},
        "deployable": {
            "id": pipeline * 10, "name": "deploy", "status": job, "user": user(world, by),
            "started_at": when(&["IN_PROGRESS"]), "finished_at": when(&["SUCCESS", "FAILURE"]),
            "pipeline": {"id": pipeline, "sha": it.commit, "ref": "main"},
        },
    })
}

/// The same with who voted on it.
pub(super) fn deployment_with_votes(world: &World, id: u64, it: &Deployment) -> Value {
    let mut whole = deployment(world, id, it);
    let run = it.run.and_then(|run| world.runs.get(&run));
    let votes = votes(world, run);
    let missing = u64::from(run.is_some_and(|run| run.waits() && !run.is_agreed()));
    let mut rule = rule(world);
    if let (Some(whole), Some(rule)) = (whole.as_object_mut(), rule.as_object_mut()) {
        let ours: Vec<&Value> = votes.iter().filter(|vote| text(vote, "/user/username") == ACCOUNT).collect();
        rule.insert("deployment_approvals".to_owned(), json!(ours));
        whole.insert("approval_summary".to_owned(), json!({"rules": [rule]}));
        whole.insert("pending_approval_count".to_owned(), json!(missing));
        whole.insert("approvals".to_owned(), json!(votes));
    }
    whole
}

/// What a merge request changes in a file.
pub(super) fn diff(world: &World, pull: &Pull, path: &str) -> Value {
    let before = world.content_at(&pull.base, path).unwrap_or_default();
    let after = world.content_at(&pull.head, path).unwrap_or_default();
    let side = |sign: &'static str, text: &str| text.lines().flat_map(|line| [sign, line, "\n"]).collect::<String>();
    let (old, new) = (before.lines().count(), after.lines().count());
    let text = format!("@@ -1,{old} +1,{new} @@\n{}{}", side("-", before), side("+", after));
    json!({"old_path": path, "new_path": path, "diff": text, "a_mode": "100644", "b_mode": "100644", "new_file": false,
        "renamed_file": false, "deleted_file": false, "collapsed": false, "too_large": false})
}

/// Somebody's push, as the list of events has it.
pub(super) fn pushed(world: &World, entry: &Value) -> Value {
    let (before, after) = (text(entry, "/before"), text(entry, "/after"));
    let branch = text(entry, "/ref").trim_start_matches("refs/heads/");
    let from = (before != NONE).then_some(before);
    json!({"id": entry.get("id"), "action_name": "pushed to", "created_at": text(entry, "/timestamp"),
        "author": user(world, text(entry, "/actor/login")),
        "push_data": {"commit_from": from, "commit_to": after, "action": if from.is_some() { "pushed" } else { "created" },
            "ref_type": "branch", "ref": branch, "ref_count": null}})
}
