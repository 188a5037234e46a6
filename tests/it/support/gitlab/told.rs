//! What the fake is told: votes on deployments, jobs that are played, statuses, notes; within what GitLab lets happen.

use chrono::{SecondsFormat, Utc};
use serde_json::{Value, json};

use super::world::{PROJECT_ID, World};
use super::{Asked, Reply, issues, missing, reply};

fn refused(status: u16, says: &str) -> Reply {
    reply(status, &json!({ "message": says }))
}

pub fn write(world: &mut World, who: &str, asked: &Asked, parts: &[&str]) -> Reply {
    if let ["groups", "acme", "hooks", id, "test", "push_events"] = parts {
        let hook = world.settings.group_hooks.iter_mut().find(|hook| hook["id"].as_u64() == id.parse().ok());
        let Some(hook) = hook else { return missing("Hook") };
        hook["alert_status"] = json!("executable");
        return reply(201, &json!({"message": "201 Created"}));
    }
    let ["projects", project, rest @ ..] = parts else { return missing("Page") };
    if *project != PROJECT_ID.to_string() {
        return missing("Project");
    }
    let now = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
    match (asked.method.as_str(), rest) {
        ("POST", ["deployments", id, "approval"]) => vote(world, who, id.parse().unwrap(), &asked.body, &now),
        ("POST", ["jobs", job, "play"]) => play(world, who, job.parse().unwrap(), &now),
        ("POST", ["statuses", commit]) => {
            let of = asked.body["pipeline_id"].as_u64();
            let fits = |id: u64| world.pipelines.iter().any(|it| it.id == id && it.commit == *commit);
            if of.is_some_and(|id| !fits(id)) {
                return missing("Pipeline");
            }
            if asked.body["description"].as_str().is_some_and(|text| text.chars().count() > 255) {
                return refused(400, "description is too long");
            }
            let mut status = asked.body.clone();
            status["sha"] = json!(commit);
            world.statuses.push(status);
            reply(201, &json!({}))
        }
        ("POST", ["merge_requests", number, "approve"]) => {
            let number: u64 = number.parse().unwrap();
            if !world.requests.contains_key(&number) {
                return missing("Merge Request");
            }
            match world.approve(number, who, &now) {
                Ok(()) => reply(201, &json!({"iid": number})),
                Err(says) => refused(says[..3].parse().unwrap(), says),
            }
        }
        ("POST", ["merge_requests", number, "notes"]) => {
            let number: u64 = number.parse().unwrap();
            if !world.requests.contains_key(&number) {
                return missing("Merge Request");
            }
            quick(world, asked);
            let note = world.note(number, who, asked.body["body"].as_str().unwrap(), &now).clone();
            reply(201, &note)
        }
        ("PUT", ["merge_requests", number, "notes", note]) => {
            quick(world, asked);
            let request = world.requests.get_mut(&number.parse().unwrap()).unwrap();
            let number: u64 = note.parse().unwrap();
            let found = request.notes.iter_mut().find(|it| it["id"] == number);
            let Some(found) = found.filter(|it| it["author"]["username"] == who) else { return missing("Note") };
            found["body"] = asked.body["body"].clone();
            found["updated_at"] = json!(now);
            reply(200, found)
        }
        ("POST", ["merge_requests", number, "status_check_responses"]) => {
            let number: u64 = number.parse().unwrap();
            let head =
                world.behind.take().unwrap_or_else(|| world.requests[&number].versions.last().unwrap().0.clone());
            if asked.body["sha"] != head {
                return refused(409, "Sha Must Match HEAD");
            }
            let id = asked.body["external_status_check_id"].as_u64().unwrap();
            let status = asked.body["status"].as_str().unwrap().to_owned();
            assert_ne!(status, "pending", "it fails by itself after two minutes");
            world.answered.insert((number, id), (head, status));
            reply(201, &json!({}))
        }
        (_, ["issues", ..]) if world.settings.project["issues_access_level"] == "disabled" => {
            refused(403, "403 Forbidden")
        }
        (_, ["issues", ..]) => {
            if asked.body["body"].is_string() {
                quick(world, asked);
            }
            issues::written(world, who, asked, rest)
        }
        ("POST", ["hooks", id, "test", "push_events"]) => {
            let Some(hook) = world.hooks.iter_mut().find(|(number, ..)| number.to_string() == *id) else {
                return missing("Hook");
            };
            "executable".clone_into(&mut hook.2);
            reply(201, &json!({"message": "201 Created"}))
        }
        ("POST", ["merge_requests", _, "notes", note, "award_emoji"]) => {
            let note: u64 = note.parse().unwrap();
            if world.thumbs.contains(&note) {
                return refused(404, "404 Award Emoji Name has already been taken Not Found");
            }
            world.thumbs.push(note);
            reply(201, &json!({}))
        }
        _ => missing("Page"),
    }
}

/// Whatever a line of a note says that begins with `/` is done.
fn quick(world: &mut World, asked: &Asked) {
    let lines = asked.body["body"].as_str().unwrap().lines().map(str::trim_start);
    world.quick.extend(lines.filter(|line| line.starts_with('/')).map(str::to_owned));
}

/// Somebody votes by the interface: where a rule names him, as one of those that name him, and while it waits.
fn vote(world: &mut World, who: &str, id: u64, body: &Value, now: &str) -> Reply {
    let Some(it) = world.deployments.iter().find(|it| it.id == id).cloned() else { return missing("Deployment") };
    if it.status != "blocked" {
        return refused(400, "This deployment is not waiting for approvals.");
    }
    let rules = world.rules.get(&it.environment).cloned().unwrap_or_default();
    let in_group = |group: &String| world.groups[group].iter().any(|(login, ..)| login == who);
    let his =
        |rule: &&super::world::Rule| rule.person.as_deref() == Some(who) || rule.group.as_ref().is_some_and(in_group);
    let mut his = rules.iter().filter(his);
    if let Some(name) = body["represented_as"].as_str() {
        if !his.any(|rule| rule.name() == name) {
            return refused(400, "You don't have permission to approve as this");
        }
        world.represented.insert((id, who.to_owned()), name.to_owned());
    } else if his.next().is_none() {
        return refused(400, "You don't have permission to approve this deployment.");
    }
    match world.vote(id, who, body["status"].as_str().unwrap(), now) {
        Ok(()) => {
            if let Some(hasty) = world.hasty.clone() {
                play(world, &hasty, id * 10, now);
            }
            reply(201, &json!({"status": body["status"]}))
        }
        Err(says) => refused(says[..3].parse().unwrap(), says),
    }
}

/// Somebody plays a job that waits for that, and it runs to its end.
fn play(world: &mut World, who: &str, job: u64, now: &str) -> Reply {
    let Some(it) = world.deployments.iter_mut().find(|it| it.id * 10 == job) else { return missing("Job") };
    match it.status.as_str() {
        "created" => {}
        // GitLab shows it to nobody who may not deploy, and plays nothing that waits for others.
        "blocked" => return refused(403, "403 Forbidden"),
        // Whoever plays a job that has ended runs it again.
        "success" | "failed" => {
            let mut again = it.clone();
            "blocked".clone_into(&mut again.status);
            (again.by, again.at) = (who.to_owned(), now.to_owned());
            again.votes.clear();
            again.id = world.deployments.iter().map(|it| it.id).max().unwrap_or_default() + 1;
            world.deployments.push(again);
            return reply(200, &json!({"id": job, "status": "pending"}));
        }
        _ => return refused(400, "Unplayable Job"),
    }
    "success".clone_into(&mut it.status);
    world.played.insert(it.id, (who.to_owned(), now.to_owned()));
    reply(200, &json!({"id": job, "status": "pending"}))
}
