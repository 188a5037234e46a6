//! What is read over REST.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::asked::{Asked, Reply};
use super::super::world::{OWNER, REPOSITORY, REPOSITORY_ID, World};
use super::shapes::{self, text};
use super::{ACCOUNT, Who, says, test_job};

fn found(value: &Value) -> Reply {
    if value.is_null() { Reply::missing() } else { Reply::json(200, value) }
}

/// The login of a number.
fn login(world: &World, id: &str) -> Option<String> {
    let ours = world.number(ACCOUNT).to_string() == id;
    let person = world.people.iter().find(|(_, person)| person.id.to_string() == id).map(|(login, _)| login.clone());
    person.or_else(|| ours.then(|| ACCOUNT.to_owned()))
}

fn profile(world: &World, login: &str) -> Value {
    let mut user = shapes::user(world, login);
    if let Some(user) = user.as_object_mut() {
        user.insert("bot".to_owned(), json!(login == ACCOUNT));
    }
    user
}

fn member(world: &World, login: &str, level: u64) -> Value {
    let mut user = shapes::user(world, login);
    if let Some(user) = user.as_object_mut() {
        user.insert("access_level".to_owned(), json!(level));
        user.insert("expires_at".to_owned(), Value::Null);
    }
    user
}

pub(super) fn answer(world: &World, address: &str, asked: &Asked, (who, parts): (&Who, &[&str])) -> Reply {
    let paged = |entries: &[Value]| asked.page(address, entries, |page| json!(page));
    let own = match who {
        Who::App => ACCOUNT,
        Who::Person(login) => login.as_str(),
    };
    let is_inside = matches!(who, Who::App) || world.is_inside(own);
    match parts {
        ["user"] => found(&profile(world, own)),
        ["projects"] => {
            let listed: Vec<Value> = is_inside.then(shapes::project).into_iter().collect();
            paged(&listed)
        }
        _ if !is_inside => Reply::missing(),
        ["users", id] => login(world, id).map_or_else(Reply::missing, |login| found(&profile(world, &login))),
        ["users"] => {
            let wanted = asked.asked_for("username");
            let named = |login: &&String| !wanted.is_empty() && login.eq_ignore_ascii_case(wanted);
            let users: Vec<Value> = world.people.keys().filter(named).map(|login| profile(world, login)).collect();
            paged(&users)
        }
        ["groups", OWNER, "protected_environments"] => paged(&[]),
        ["groups", path, "members", "all"] => {
            let team = path.strip_prefix("acme/").and_then(|name| world.teams.get(name));
            let Some(team) = team else { return Reply::missing() };
            let members: Vec<Value> = team.iter().map(|login| member(world, login, 30)).collect();
            paged(&members)
        }
        ["projects", id] if id.eq_ignore_ascii_case(REPOSITORY) || *id == REPOSITORY_ID.to_string() => {
            found(&shapes::project())
        }
        ["projects", id, rest @ ..] if *id == REPOSITORY_ID.to_string() => of_project(world, address, asked, rest),
        _ => Reply::missing(),
    }
}

fn of_project(world: &World, address: &str, asked: &Asked, rest: &[&str]) -> Reply {
    let paged = |entries: &[Value]| asked.page(address, entries, |page| json!(page));
    match rest {
        ["repository", rest @ ..] => of_repository(world, address, asked, rest),
        ["events"] => {
            let pushes: Vec<Value> = world.activity.iter().rev().map(|it| shapes::pushed(world, it)).collect();
            paged(&pushes)
        }
        ["members", "all", id] => match login(world, id).filter(|login| login == ACCOUNT || world.is_inside(login)) {
            Some(login) => found(&member(world, &login, if login == ACCOUNT { 40 } else { 30 })),
            None => Reply::missing(),
        },
        ["protected_branches"] => {
            let maintainers = json!([{"access_level": 40, "access_level_description": "Maintainers"}]);
            paged(&[json!({"id": 1, "name": "main", "push_access_levels": [{"access_level": 0,
                "access_level_description": "No one"}], "merge_access_levels": maintainers, "allow_force_push": false})])
        }
        ["protected_environments", "production"] => found(&json!({"name": "production", "required_approval_count": 0,
            "approval_rules": [shapes::rule(world)]})),
        ["environments"] => {
            let wanted = asked.asked_for("name");
            let is = wanted.is_empty() || wanted == "production";
            let all = json!({"id": 1, "name": "production", "tier": "production", "state": "available"});
            paged(if is { std::slice::from_ref(&all) } else { &[] })
        }
        ["merge_requests", rest @ ..] => of_requests(world, address, asked, rest),
        ["pipelines", id, rest @ ..] => match (number(id).and_then(|id| Some((id, world.runs.get(&id)?))), rest) {
            (Some((id, run)), []) => found(&shapes::pipeline(world, id, run)),
            (Some(_), ["variables"]) => found(&json!([])),
            _ => Reply::missing(),
        },
        ["jobs", id] => {
            let run = number(id).map(|id| id / 10).and_then(|run| Some((run, world.runs.get(&run)?)));
            let Some((id, run)) = run.filter(|(run, _)| test_job(*run).to_string() == *id) else {
                return Reply::missing();
            };
            found(
                &json!({"id": test_job(id), "name": "tests", "status": if run.environment.is_empty() { "running" } else { "success" },
                "pipeline": shapes::pipeline(world, id, run), "commit": {"id": run.commit}}),
            )
        }
        ["deployments"] => {
            let mut listed: Vec<Value> =
                world.deployments.iter().rev().map(|(id, it)| shapes::deployment(world, *id, it)).collect();
            let is = |value: &str, name: &str| asked.asked_for(name).is_empty() || asked.asked_for(name) == value;
            listed.retain(|it| {
                is(text(it, "/environment/name"), "environment")
                    && is(text(it, "/status"), "status")
                    && text(it, "/updated_at") > asked.asked_for("updated_after")
            });
            paged(&listed)
        }
        ["deployments", id] => {
            let it = number(id).and_then(|id| Some((id, world.deployments.get(&id)?)));
            it.map_or_else(Reply::missing, |(id, it)| found(&shapes::deployment_with_votes(world, id, it)))
        }
        ["issues"] => {
            // Nobody but the app opens any here.
            let has = |it: &&Value| {
                let label = asked.asked_for("labels");
                label.is_empty() || text(it, "/labels").split(',').any(|it| it == label)
            };
            let listed: Vec<Value> = says::issues(world).rev().filter(has).cloned().collect();
            paged(&listed)
        }
        ["issues", iid, "notes"] => {
            let kind = format!("{}/{iid}/notes", says::ISSUES);
            let notes: Vec<Value> =
                world.written.iter().filter(|(it, _)| *it == kind).map(|(_, it)| it.clone()).collect();
            paged(&notes)
        }
        _ => Reply::missing(),
    }
}

fn number(text: &str) -> Option<u64> {
    text.parse().ok()
}

fn of_repository(world: &World, address: &str, asked: &Asked, rest: &[&str]) -> Reply {
    let paged = |entries: &[Value]| asked.page(address, entries, |page| json!(page));
    match rest {
        ["commits"] => {
            let Some((base, head)) = asked.asked_for("ref_name").split_once("..") else { return Reply::missing() };
            let between = world.between(&world.resolved(base), &world.resolved(head)).unwrap_or_default();
            let commits: Vec<Value> = between.iter().rev().map(|sha| shapes::commit(world, sha)).collect();
            paged(&commits)
        }
        ["commits", sha] => {
            let mut commit = shapes::commit(world, sha);
            let parent = world.commits.get(*sha).and_then(|commit| commit.parents.first());
            if let Some(commit) = commit.as_object_mut() {
                let lines = world.differs(parent.map(String::as_str), sha).len() * 2;
                commit.insert("stats".to_owned(), json!({"total": lines}));
            }
            found(&commit)
        }
        ["commits", sha, "merge_requests"] => {
            let Some(commit) = world.commits.get(*sha) else { return Reply::missing() };
            let by = |number: &u64| Some(shapes::request(world, *number, world.pulls.get(number)?));
            let requests: Vec<Value> = commit.pulls.iter().filter_map(by).collect();
            paged(&requests)
        }
        ["tree"] => {
            let (commit, path) = (world.resolved(asked.asked_for("ref")), asked.asked_for("path"));
            let entries = world.entries(&commit, path);
            if entries.is_empty() {
                return Reply::missing();
            }
            let entry = |it: &Value| {
                let name = text(it, "/name");
                let full = if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
                let mode = it.get("mode").and_then(Value::as_u64).unwrap_or_default();
                json!({"id": text(it, "/oid"), "name": name, "type": text(it, "/type"), "path": full, "mode": format!("{mode:06o}")})
            };
            let entries: Vec<Value> = entries.iter().map(entry).collect();
            paged(&entries)
        }
        ["merge_base"] => match asked.all("refs[]").as_slice() {
            [one, other] => {
                let common = world.common(&world.resolved(one), &world.resolved(other));
                common.map_or_else(Reply::missing, |sha| found(&shapes::commit(world, &sha)))
            }
            _ => Reply::message(400, "refs is invalid"),
        },
        ["branches", "main"] => {
            found(&json!({"name": "main", "commit": shapes::commit(world, &world.tip), "protected": true,
            "default": true, "developers_can_push": false, "developers_can_merge": false}))
        }
        ["files", path] => {
            let commit = world.resolved(asked.asked_for("ref"));
            let Some(content) = world.content_at(&commit, path) else { return Reply::missing() };
            found(
                &json!({"file_path": path, "encoding": "base64", "content": STANDARD.encode(content), "commit_id": commit}),
            )
        }
        _ => Reply::missing(),
    }
}

fn of_requests(world: &World, address: &str, asked: &Asked, rest: &[&str]) -> Reply {
    let paged = |entries: &[Value]| asked.page(address, entries, |page| json!(page));
    let (iid, what) = match rest {
        [] => {
            let mut all: Vec<Value> =
                world.pulls.iter().rev().map(|(number, pull)| shapes::request(world, *number, pull)).collect();
            let state = asked.asked_for("state");
            all.retain(|it| {
                (state.is_empty() || text(it, "/state") == state)
                    && text(it, "/updated_at") > asked.asked_for("updated_after")
            });
            return paged(&all);
        }
        [iid] => (*iid, ""),
        [iid, what] => (*iid, *what),
        _ => return Reply::missing(),
    };
    let Some((iid, pull)) = number(iid).and_then(|iid| Some((iid, world.pulls.get(&iid)?))) else {
        return Reply::missing();
    };
    let reviewed = |state: &str| {
        let of = |it: &&Value| text(it, "/state") == state;
        pull.reviews.iter().filter(of).cloned().collect::<Vec<Value>>()
    };
    let by = |it: &Value| shapes::user(world, text(it, "/author/login"));
    match what {
        "" => found(&shapes::request(world, iid, pull)),
        "versions" => {
            let made = world.commits.get(&pull.head).map(|commit| commit.date.clone());
            paged(&[json!({"id": iid, "head_commit_sha": pull.head, "base_commit_sha": pull.base, "created_at": made})])
        }
        "diffs" => {
            let diffs: Vec<Value> = pull.files.iter().map(|path| shapes::diff(world, pull, path)).collect();
            paged(&diffs)
        }
        "approvals" => {
            let approval = |it: &Value| json!({"user": by(it), "approved_at": text(it, "/submittedAt")});
            let approvals: Vec<Value> = reviewed("APPROVED").iter().map(approval).collect();
            found(&json!({"approved": true, "approved_by": approvals}))
        }
        "reviewers" => {
            let asks = |it: &Value| json!({"user": by(it), "state": "requested_changes", "created_at": text(it, "/submittedAt")});
            let reviewers: Vec<Value> = reviewed("CHANGES_REQUESTED").iter().map(asks).collect();
            paged(&reviewers)
        }
        "notes" => {
            let mut notes = shapes::notes(world, pull);
            let at = if asked.asked_for("order_by") == "updated_at" { "/updated_at" } else { "/created_at" };
            notes.sort_by(|one, other| text(one, at).cmp(text(other, at)));
            if asked.asked_for("sort") != "asc" {
                notes.reverse();
            }
            paged(&notes)
        }
        // No check of somebody else's is set up here.
        "status_checks" => paged(&[]),
        _ => Reply::missing(),
    }
}
