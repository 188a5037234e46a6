//! What GitLab tells of what happened, in the shapes of its webhooks. It tells nobody that somebody voted on a deployment.

use serde_json::{Value, json};

use super::super::world::{REPOSITORY, World};
use super::shapes::{project, text, user};

/// The event's name as GitLab's header has it, and its payload; nothing where GitLab says nothing.
pub(in super::super) fn of(world: &World, event: &str, what: &Value) -> Option<(&'static str, Value)> {
    let by = user(world, text(what, "/sender/login"));
    let number =
        what.get("number").or_else(|| what.pointer("/pull_request/number")).or_else(|| what.pointer("/issue/number"));
    let common = |kind: &str, more: Value| {
        let mut payload = json!({"object_kind": kind, "project": project(), "user": by});
        if let (Some(payload), Value::Object(more)) = (payload.as_object_mut(), more) {
            payload.extend(more);
        }
        payload
    };
    match event {
        "push" => Some((
            "Push Hook",
            common(
                "push",
                json!({"event_name": "push", "ref": what.get("ref"), "before": what.get("before"), "after": what.get("after")}),
            ),
        )),
        "pull_request" | "pull_request_review" => {
            let action = match text(what, "/action") {
                "opened" => "open",
                "closed" => "merge",
                _ => "approved",
            };
            let request = json!({"iid": number, "action": action, "target_project_id": project().get("id")});
            Some(("Merge Request Hook", common("merge_request", json!({"object_attributes": request}))))
        }
        "issue_comment" => {
            let note = json!({"noteable_type": "MergeRequest", "note": text(what, "/comment/body")});
            Some(("Note Hook", common("note", json!({"object_attributes": note, "merge_request": {"iid": number}}))))
        }
        "deployment_protection_rule" => {
            let deployment = what.pointer("/deployment/id")?.as_u64()?;
            let run = world.deployments.get(&deployment)?.run?;
            let pipeline =
                json!({"id": run, "sha": what.get("sha"), "ref": "main", "status": "manual", "source": "push"});
            let job = json!({"id": run * 10, "name": "deploy", "status": "manual",
                "environment": {"name": what.get("environment")}});
            Some(("Pipeline Hook", common("pipeline", json!({"object_attributes": pipeline, "builds": [job]}))))
        }
        "deployment_status" => {
            let sha = text(what, "/deployment/sha");
            let status = match text(what, "/deployment_status/state") {
                "success" => "success",
                "failure" => "failed",
                _ => "running",
            };
            let short: String = sha.chars().take(8).collect();
            Some((
                "Deployment Hook",
                common(
                    "deployment",
                    json!({"status": status, "environment": text(what, "/deployment/environment"), "short_sha": short,
                        "commit_url": format!("sandbox://{REPOSITORY}/-/commit/{sha}")}),
                ),
            ))
        }
        _ => None,
    }
}
