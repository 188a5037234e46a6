//! GraphQL: a question is read, and each of its fields answered from the world. What is asked for and is not there is an
//! error at its place, as GitHub says it; a field that the sandbox does not have is one too, and never a guess.

mod read;

use serde_json::{Map, Value, json};

use super::payload;
use super::world::{REPOSITORY, World};
use read::{Document, Field, Selection};

/// How many entries a page may have.
const PAGE: usize = 100;
/// How deep fragments may name each other.
const DEEP: usize = 60;

struct Answering<'w> {
    world: &'w World,
    document: &'w Document,
    variables: &'w Value,
    errors: Vec<Value>,
}

/// Answers a question.
pub(super) fn answer(world: &World, question: &str, variables: &Value) -> Value {
    let Some(document) = read::read(question) else {
        return json!({"errors": [{"message": "Parse error on the question"}]});
    };
    let mut answering = Answering { world, document: &document, variables, errors: Vec::new() };
    let data = answering.select(&json!({"__typename": "Query"}), &document.selection, &mut Vec::new());
    let mut answer = json!({ "data": data });
    if let (false, Some(answer)) = (answering.errors.is_empty(), answer.as_object_mut()) {
        answer.insert("errors".to_owned(), Value::Array(answering.errors));
    }
    answer
}

fn kind(object: &Value) -> &str {
    object.get("__typename").and_then(Value::as_str).unwrap_or_default()
}

impl Answering<'_> {
    fn argument(&self, field: &Field, name: &str) -> Value {
        let value = field.arguments.get(name).cloned().unwrap_or_default();
        match value.get("$").and_then(Value::as_str) {
            Some(variable) => self.variables.get(variable).cloned().unwrap_or_default(),
            None => value,
        }
    }

    fn text(&self, field: &Field, name: &str) -> String {
        self.argument(field, name).as_str().unwrap_or_default().to_owned()
    }

    fn number(&self, field: &Field, name: &str) -> Option<usize> {
        usize::try_from(self.argument(field, name).as_u64()?).ok()
    }

    fn wrong(&mut self, kind: &str, says: &str, path: &[Value]) -> Value {
        self.errors.push(json!({"type": kind, "path": path, "message": says}));
        Value::Null
    }

    fn missing(&mut self, path: &[Value]) -> Value {
        self.wrong("NOT_FOUND", "Could not resolve to a node with that name", path)
    }

    fn select(&mut self, object: &Value, selection: &[Selection], path: &mut Vec<Value>) -> Value {
        let mut out = Map::new();
        self.into(object, selection, path, &mut out);
        Value::Object(out)
    }

    fn into(&mut self, object: &Value, selection: &[Selection], path: &mut Vec<Value>, out: &mut Map<String, Value>) {
        if path.len() > DEEP {
            return;
        }
        for part in selection {
            match part {
                Selection::On(of, inner) if kind(object) == of => self.into(object, inner, path, out),
                Selection::On(..) => {}
                Selection::Fragment(name) => {
                    let document = self.document;
                    if let Some((of, inner)) = document.fragments.get(name)
                        && kind(object) == of
                    {
                        self.into(object, inner, path, out);
                    }
                }
                Selection::Field(field) => {
                    path.push(json!(field.alias));
                    let found = self.resolve(object, field, path);
                    let value = self.shape(found, field, path);
                    path.pop();
                    match (out.get_mut(&field.alias), value) {
                        (Some(Value::Object(before)), Value::Object(more)) => before.extend(more),
                        (_, value) => {
                            out.insert(field.alias.clone(), value);
                        }
                    }
                }
            }
        }
    }

    /// What of a value is asked for: of a list the page, of an object its fields.
    fn shape(&mut self, found: Value, field: &Field, path: &mut Vec<Value>) -> Value {
        if field.selection.is_empty() {
            return found;
        }
        match found {
            Value::Array(entries) if is_connection(field) => {
                let (first, last) = (self.number(field, "first"), self.number(field, "last"));
                let Some(size) = first.or(last).filter(|size| (1..=PAGE).contains(size)) else {
                    return self.wrong(
                        "MISSING_PAGINATION_BOUNDARIES",
                        "You must provide a `first` or `last` value",
                        path,
                    );
                };
                let begin = match first {
                    Some(_) => self.text(field, "after").parse().unwrap_or(0),
                    None => entries.len().saturating_sub(size),
                };
                let end = entries.len().min(begin.saturating_add(size));
                let page = json!({
                    "__typename": "Connection", "totalCount": entries.len(),
                    "pageInfo": {"hasNextPage": end < entries.len(), "endCursor": end.to_string()},
                    "nodes": entries.get(begin..end).unwrap_or_default(),
                });
                self.select(&page, &field.selection, path)
            }
            Value::Array(entries) => {
                let entry =
                    |entry: Value| if entry.is_null() { entry } else { self.select(&entry, &field.selection, path) };
                Value::Array(entries.into_iter().map(entry).collect())
            }
            Value::Null => Value::Null,
            object => self.select(&object, &field.selection, path),
        }
    }

    fn resolve(&mut self, object: &Value, field: &Field, path: &[Value]) -> Value {
        let world = self.world;
        match (kind(object), field.name.as_str()) {
            ("Query", "repository") => {
                let asked = format!("{}/{}", self.text(field, "owner"), self.text(field, "name"));
                if asked.eq_ignore_ascii_case(REPOSITORY) {
                    json!({"__typename": "Repository", "nameWithOwner": REPOSITORY})
                } else {
                    self.missing(path)
                }
            }
            ("Query", "node") => {
                let id = self.text(field, "id");
                let number = |kind: &str| id.strip_prefix(kind).and_then(|id| id.parse().ok());
                let found = match (number("WFR_"), number("CS_")) {
                    (Some(id), _) => run(world, id),
                    (_, Some(id)) => suite(world, id),
                    (None, None) => None,
                };
                found.unwrap_or_else(|| self.missing(path))
            }
            ("Query", "organization") => json!({"__typename": "Organization", "login": self.text(field, "login")}),
            ("Query", "user") => match actor(world, &self.text(field, "login")) {
                Value::Null => self.missing(path),
                actor => actor,
            },
            ("Organization", "team") => match world.teams.get(&self.text(field, "slug")) {
                Some(members) => {
                    let members: Vec<Value> = members.iter().map(|login| actor(world, login)).collect();
                    json!({"__typename": "Team", "members": members})
                }
                None => Value::Null,
            },
            ("Repository", "object") => match self.argument(field, "expression").as_str() {
                Some(expression) => object_at(world, expression),
                None => commit(world, &self.text(field, "oid")),
            },
            ("Commit", "file") => {
                let (of, path) = (object.get("oid").and_then(Value::as_str), self.text(field, "path"));
                let found = of.and_then(|of| world.tree(of, &path)).filter(|oid| world.blobs.contains_key(oid));
                let entry = |oid| json!({"__typename": "TreeEntry", "oid": oid, "mode": 0o100_644});
                found.map_or(Value::Null, entry)
            }
            ("Commit", "history") => {
                let newest = object.get("oid").and_then(Value::as_str).map(|oid| world.log(oid)).unwrap_or_default();
                newest.iter().map(|oid| commit(world, oid)).collect()
            }
            ("Repository", "pullRequest") => {
                let number = self.argument(field, "number").as_u64().unwrap_or_default();
                pull(world, number).unwrap_or_else(|| self.missing(path))
            }
            ("Repository", "defaultBranchRef") => reference(world),
            ("Repository", "ref") if self.text(field, "qualifiedName") == "refs/heads/main" => reference(world),
            ("Repository", "ref") => Value::Null,
            ("Repository", "deployments") => {
                let names = self.argument(field, "environments");
                let wanted = |name: &str| names.as_array().is_none_or(|names| names.iter().any(|it| it == name));
                let here = world.deployments.iter().rev().filter(|(_, it)| wanted(&it.environment));
                here.map(|(id, it)| deployment(world, *id, it)).collect()
            }
            (of, name) => {
                let found = object.get(name).cloned();
                found.unwrap_or_else(|| {
                    self.wrong(
                        "undefinedField",
                        &format!("Field '{name}' doesn't exist on type '{of}' of the sandbox"),
                        path,
                    )
                })
            }
        }
    }
}

fn is_connection(field: &Field) -> bool {
    let is = |part: &Selection| matches!(part, Selection::Field(inner) if ["nodes", "pageInfo", "totalCount"].contains(&inner.name.as_str()));
    field.selection.iter().any(is)
}

/// An actor. GraphQL leaves the ending of an App's login away.
fn actor(world: &World, login: &str) -> Value {
    if login.ends_with("[bot]") {
        return json!({"__typename": "Bot", "login": login.trim_end_matches("[bot]")});
    }
    if world.people.contains_key(login) || login == super::world::WEB_FLOW {
        json!({"__typename": "User", "login": login})
    } else {
        Value::Null
    }
}

/// Whom git names.
fn git_actor(world: &World, login: &str) -> Value {
    json!({"__typename": "GitActor", "name": login, "email": payload::address(login), "user": actor(world, login)})
}

fn reference(world: &World) -> Value {
    json!({"__typename": "Ref", "name": "main", "prefix": "refs/heads/", "target": commit(world, &world.tip)})
}

fn object_at(world: &World, expression: &str) -> Value {
    let Some((named, path)) = expression.split_once(':') else { return commit(world, &world.resolved(expression)) };
    let commit = world.resolved(named);
    let Some(oid) = world.tree(&commit, path) else { return Value::Null };
    if let Some(text) = world.blobs.get(&oid) {
        return json!({"__typename": "Blob", "oid": oid, "byteSize": text.len(), "isBinary": false, "isTruncated": false,
            "text": text});
    }
    json!({"__typename": "Tree", "oid": oid, "entries": world.entries(&commit, path)})
}

fn commit(world: &World, sha: &str) -> Value {
    let Some(commit) = world.commits.get(sha) else { return Value::Null };
    let parents: Vec<Value> = commit.parents.iter().map(|oid| json!({"__typename": "Commit", "oid": oid})).collect();
    let brought = |number: &u64| {
        let pull = world.pulls.get(number)?;
        let merged = pull.merged.as_ref().map(|(oid, _)| json!({"__typename": "Commit", "oid": oid}));
        Some(json!({"__typename": "PullRequest", "number": number, "merged": merged.is_some(), "headRefOid": pull.head,
            "mergeCommit": merged, "baseRepository": {"__typename": "Repository", "nameWithOwner": REPOSITORY}}))
    };
    let is_forges = commit.committer == super::world::WEB_FLOW;
    let signature =
        is_forges.then(|| json!({"__typename": "GpgSignature", "isValid": true, "wasSignedByGitHub": true}));
    let author = git_actor(world, &commit.author);
    json!({
        "__typename": "Commit", "oid": sha, "tree": {"__typename": "Tree", "oid": world.tree(sha, "")}, "parents": parents,
        "author": author, "committer": git_actor(world, &commit.committer), "authors": [author], "signature": signature,
        "checkSuites": world.runs.iter().filter(|(_, run)| run.commit == sha).filter_map(|(id, _)| suite(world, *id)).collect::<Vec<_>>(),
        "committedDate": commit.date, "messageHeadline": commit.title,
        "associatedPullRequests": commit.pulls.iter().filter_map(brought).collect::<Vec<_>>(),
    })
}

fn deployment(world: &World, id: u64, it: &super::world::Deployment) -> Value {
    let status = |(at, (state, created)): (usize, &(String, String))| {
        json!({"__typename": "DeploymentStatus", "id": format!("DES_{id}_{at}"), "state": state, "createdAt": created,
            "updatedAt": created, "description": null, "environment": it.environment, "creator": actor(world, &it.by)})
    };
    let mut statuses: Vec<Value> = it.statuses.iter().enumerate().map(status).collect();
    // The newest first, as GitHub lists them.
    statuses.reverse();
    let state = it.statuses.last().map(|(state, _)| state.clone());
    json!({
        "__typename": "Deployment", "id": format!("DE_{id}"), "databaseId": id, "commitOid": it.commit,
        "createdAt": it.created_at, "environment": it.environment, "originalEnvironment": it.environment, "state": state,
        "task": "deploy", "payload": null, "creator": actor(world, &it.by), "latestStatus": statuses.first(),
        "statuses": statuses, "ref": {"__typename": "Ref", "name": "main", "prefix": "refs/heads/"},
    })
}

/// A run as checks see it: its jobs, of which each that deploys says which deployment it is.
fn suite(world: &World, id: u64) -> Option<Value> {
    let jobs = world.deployments.iter().filter(|(_, it)| it.run == Some(id));
    let job = |(deployment, it): (&u64, &super::world::Deployment)| {
        let at = |wanted: &[&str]| it.statuses.iter().find(|(state, _)| wanted.contains(&state.as_str()));
        let ended = at(&["SUCCESS", "FAILURE"]);
        let began = at(&["IN_PROGRESS"]).map(|(_, at)| at);
        let status = match (ended, began) {
            (Some(_), _) => "COMPLETED",
            (None, Some(_)) => "IN_PROGRESS",
            (None, None) => "WAITING",
        };
        json!({"__typename": "CheckRun", "id": format!("CR_{deployment}"), "name": "deploy", "status": status,
            "conclusion": ended.map(|(state, _)| state), "startedAt": began, "completedAt": ended.map(|(_, at)| at),
            "deployment": {"__typename": "Deployment", "id": format!("DE_{deployment}")}})
    };
    let jobs: Vec<Value> = jobs.map(job).collect();
    Some(
        json!({"__typename": "CheckSuite", "id": format!("CS_{id}"), "workflowRun": run(world, id)?, "checkRuns": jobs}),
    )
}

fn run(world: &World, id: u64) -> Option<Value> {
    let run = world.runs.get(&id)?;
    let review = |(at, (who, state, words, _)): (usize, &(String, String, String, String))| {
        json!({"__typename": "DeploymentReview", "id": format!("DR_{id}_{at}"), "databaseId": at + 1, "state": state,
            "comment": words, "user": actor(world, who),
            "environments": [{"__typename": "Environment", "name": run.environment}]})
    };
    let reviews: Vec<Value> = run.reviews.iter().enumerate().map(review).collect();
    let branch = json!({"__typename": "Ref", "name": "main", "prefix": "refs/heads/"});
    let path = format!("/{REPOSITORY}/actions/runs/{id}");
    Some(
        json!({"__typename": "WorkflowRun", "id": format!("WFR_{id}"), "databaseId": id, "resourcePath": path, "deploymentReviews": reviews,
        "checkSuite": {"__typename": "CheckSuite", "branch": branch}}),
    )
}

fn pull(world: &World, number: u64) -> Option<Value> {
    let pull = world.pulls.get(&number)?;
    let files: Vec<Value> = pull
        .files
        .iter()
        .map(|path| json!({"__typename": "PullRequestChangedFile", "path": path, "changeType": "MODIFIED"}))
        .collect();
    let (merge, merged_at) = pull.merged.clone().unzip();
    Some(json!({
        "__typename": "PullRequest", "number": number, "title": pull.title, "author": actor(world, &pull.author),
        "merged": merge.is_some(), "mergedAt": merged_at, "changedFiles": files.len(), "additions": 3 * files.len(),
        "deletions": files.len(), "headRefOid": pull.head, "baseRefOid": pull.base, "isCrossRepository": false,
        "headRepository": {"__typename": "Repository", "nameWithOwner": REPOSITORY}, "assignees": [], "labels": [],
        "closingIssuesReferences": [],
        "mergeCommit": merge.map(|sha| commit(world, &sha)), "files": files, "reviews": pull.reviews,
        "commits": [{"__typename": "PullRequestCommit", "commit": commit(world, &pull.head)}],
        "comments": pull.comments, "timelineItems": [], "updatedAt": pull.updated_at,
    }))
}
