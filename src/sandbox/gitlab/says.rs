//! What the app says over REST: votes on deployments, jobs that are played, statuses of commits, notes, issues.

use serde_json::{Value, json};

use super::super::Sandbox;
use super::super::asked::{Asked, Reply};
use super::super::world::{REPOSITORY_ID, World, written};
use super::{ACCOUNT, CALLED, shapes};

/// What issues are called among what was written.
pub(super) const ISSUES: &str = "issues";
/// How many characters a status says at most.
const DESCRIPTION: usize = 255;

pub(super) fn answer(sandbox: &Sandbox, asked: &Asked, parts: &[&str]) -> Reply {
    let number = |text: &str| text.parse::<u64>().unwrap_or_default();
    let ["projects", project, rest @ ..] = parts else { return Reply::missing() };
    if *project != REPOSITORY_ID.to_string() {
        return Reply::missing();
    }
    match (asked.method.as_str(), rest) {
        ("POST", ["deployments", id, "approval"]) => voted(sandbox, asked, number(id)),
        ("POST", ["jobs", job, "play"]) => {
            let run = Some(number(job)).filter(|job| job % 10 == 0).map(|job| job / 10).unwrap_or_default();
            match sandbox.happens(|world, _| world.plays(run)) {
                Some(true) => Reply::json(200, &json!({"id": number(job), "status": "pending"})),
                Some(false) => Reply::message(403, "403 Forbidden"),
                None => Reply::missing(),
            }
        }
        ("POST", ["statuses", sha]) => status(sandbox, asked, sha),
        ("POST", ["merge_requests", iid, "notes"]) => {
            let made = sandbox.happens(|world, now| {
                let id = world.comment(number(iid), ACCOUNT, asked.text("body"), now)?;
                let notes = shapes::notes(world, world.pulls.get(&number(iid))?);
                notes.into_iter().find(|note| note.get("id") == Some(&json!(id)))
            });
            made.map_or_else(Reply::missing, |made| Reply::json(201, &made))
        }
        ("PUT", ["merge_requests", iid, "notes", id]) => {
            let id = json!(number(id));
            let edited = sandbox.happens(|world, now| {
                let pull = world.pulls.get_mut(&number(iid))?;
                let mut ours = pull.comments.iter_mut().filter(|it| it.get("viaApp") == Some(&json!(true)));
                let note = ours.find(|it| it.get("databaseId") == Some(&id))?.as_object_mut()?;
                note.insert("body".to_owned(), json!(asked.text("body")));
                note.insert("lastEditedAt".to_owned(), json!(written(now)));
                pull.updated_at = written(now);
                Some(id.clone())
            });
            edited.map_or_else(Reply::missing, |id| Reply::json(200, &json!({"id": id, "body": asked.text("body")})))
        }
        ("POST", ["issues"]) => sandbox.happens(|world, now| {
            let number = issues(world).count() + 1;
            let mut made = asked.body.clone();
            if let Some(made) = made.as_object_mut() {
                let own = shapes::user(world, ACCOUNT);
                for (name, value) in [
                    ("iid", json!(number)),
                    ("state", json!("opened")),
                    ("created_at", json!(written(now))),
                    ("author", own),
                ] {
                    made.insert(name.to_owned(), value);
                }
            }
            world.written.push((ISSUES.to_owned(), made.clone()));
            Reply::json(201, &made)
        }),
        ("PUT", ["issues", iid]) => {
            let changed = sandbox.happens(|world, _| {
                let mut issues = world.written.iter_mut().filter(|(kind, _)| kind == ISSUES).map(|(_, it)| it);
                let issue = issues.find(|it| it.get("iid") == Some(&json!(number(iid))))?;
                for (name, value) in asked.body.as_object()? {
                    let (name, value) = match (name.as_str(), value.as_str()) {
                        ("state_event", Some("close")) => ("state", json!("closed")),
                        (name, _) => (name, value.clone()),
                    };
                    issue.as_object_mut()?.insert(name.to_owned(), value);
                }
                Some(issue.clone())
            });
            changed.map_or_else(Reply::missing, |issue| Reply::json(200, &issue))
        }
        ("POST", ["issues", iid, "notes"]) => {
            let made = sandbox.happens(|world, _| {
                issues(world).find(|it| it.get("iid") == Some(&json!(number(iid))))?;
                let note =
                    json!({"id": world.next(), "body": asked.text("body"), "author": shapes::user(world, ACCOUNT)});
                world.written.push((format!("{ISSUES}/{iid}/notes"), note.clone()));
                Some(note)
            });
            made.map_or_else(Reply::missing, |note| Reply::json(201, &note))
        }
        ("POST", ["merge_requests", _, "notes", note, "award_emoji"]) => {
            let given = sandbox.happens(|world, _| {
                let one = (format!("award_emoji/{note}"), json!({"name": asked.text("name")}));
                let is_new = !world.written.contains(&one);
                world.written.extend(is_new.then_some(one));
                is_new
            });
            if given { Reply::json(201, &json!({"id": 1, "name": asked.text("name")})) } else { Reply::missing() }
        }
        _ => Reply::missing(),
    }
}

/// The app's vote on a deployment that is blocked, in the name of the rule that names it.
fn voted(sandbox: &Sandbox, asked: &Asked, id: u64) -> Reply {
    let approves = match asked.text("status") {
        "approved" => true,
        "rejected" => false,
        _ => return Reply::message(400, "status does not have a valid value"),
    };
    if asked.text("represented_as") != CALLED {
        return Reply::message(400, "There are no approval rules for the given `represent_as` parameter.");
    }
    let done = sandbox.happens(|world, now| {
        let run = world.deployments.get(&id)?.run?;
        Some(world.votes(run, (ACCOUNT, approves), asked.text("comment"), now))
    });
    match done {
        Some(true) => Reply::json(201, &json!({"status": asked.text("status"), "comment": asked.text("comment")})),
        Some(false) => Reply::message(400, "This deployment is not waiting for approvals."),
        None => Reply::missing(),
    }
}

/// A status of a commit. That of a deployment that waits is what its run reports.
fn status(sandbox: &Sandbox, asked: &Asked, sha: &str) -> Reply {
    if asked.text("description").chars().count() > DESCRIPTION {
        return Reply::message(400, "description is too long (maximum is 255 characters)");
    }
    let done = sandbox.happens(|world, _| {
        world.commits.get(sha)?;
        if let Some(id) = asked.body.get("pipeline_id").and_then(Value::as_u64) {
            let run = world.runs.get_mut(&id).filter(|run| run.commit == sha)?;
            if asked.text("state") == "failed" && asked.text("name").ends_with(&format!("/{}", run.environment)) {
                run.reports.push(asked.text("description").to_owned());
            }
        }
        let mut made = asked.body.clone();
        made.as_object_mut()?.insert("sha".to_owned(), json!(sha));
        world.written.push(("statuses".to_owned(), made.clone()));
        Some(made)
    });
    done.map_or_else(Reply::missing, |made| Reply::json(201, &made))
}

/// The issues, the oldest first.
pub(super) fn issues(world: &World) -> impl DoubleEndedIterator<Item = &Value> {
    world.written.iter().filter(|(kind, _)| kind == ISSUES).map(|(_, it)| it)
}
