//! What is read of the fake's project over REST: its commits, merge requests, pipelines, deployments and settings.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::world::{self, PROJECT_ID, Plan};
use super::{Asked, Gitlab, Reply, State, issues, missing, reply};

impl Gitlab {
    pub(super) fn of_project(&self, state: &State, asked: &Asked, parts: &[&str]) -> Reply {
        let world = &state.world;
        match parts {
            ["repository", "commits"] => {
                let (base, head) = asked.query("ref_name").unwrap().split_once("..").unwrap();
                let mut found = world.git.between(base, head).unwrap_or_default();
                found.reverse();
                let found: Vec<Value> = found.iter().map(|name| world.commit(name)).collect();
                self.paged(asked, state, &found)
            }
            ["repository", "commits", name] if world.git.commits.contains_key(*name) => {
                let mut commit = world.commit(name);
                commit["stats"] = json!({"total": 2});
                reply(200, &commit)
            }
            ["repository", "commits", name, "merge_requests"] => self.paged(asked, state, &world.of_commit(name)),
            ["repository", "tree"] => self.tree(state, asked),
            ["repository", "merge_base"] => {
                let tip = |name: &String| world.resolved(name).unwrap_or_else(|| name.clone());
                let refs: Vec<String> =
                    asked.query.iter().filter(|(name, _)| name == "refs[]").map(|(_, value)| tip(value)).collect();
                match world.git.common(&refs[0], &refs[1]) {
                    Some(name) => reply(200, &world.commit(&name)),
                    None => missing("Merge Base"),
                }
            }
            ["repository", kind @ ("branches" | "tags"), name] => {
                let kind = if *kind == "tags" { "tags" } else { "heads" };
                let can = |what: &str| world.developers_can(what, name);
                match world.git.branches.get(&format!("refs/{kind}/{name}")) {
                    Some(tip) => reply(
                        200,
                        &json!({"name": name, "commit": world.commit(tip), "protected": can("push_access_levels").is_some(),
                            "developers_can_push": can("push_access_levels").unwrap_or_default(),
                            "developers_can_merge": can("merge_access_levels").unwrap_or_default()}),
                    ),
                    None => missing("Branch"),
                }
            }
            ["repository", "files", path] => {
                let Some(commit) = world.resolved(asked.query("ref").unwrap()) else { return missing("Commit") };
                let text = world.had.get(&(commit.clone(), (*path).to_owned()));
                match text.or_else(|| world.git.contents.get(*path)) {
                    Some(text) => {
                        let text = STANDARD.encode(text);
                        reply(200, &json!({"content": text, "encoding": "base64", "commit_id": commit}))
                    }
                    None => missing("File"),
                }
            }
            ["hooks"] | ["pipelines", _, "variables"] if world.role < 40 => {
                reply(403, &json!({"message": "403 Forbidden"}))
            }
            ["hooks"] => {
                let hook = |(id, url, status): &(u64, String, String)| {
                    let mut hook = world.settings.hook.clone();
                    hook["id"] = json!(id);
                    hook["url"] = json!(url);
                    hook["alert_status"] = json!(status);
                    hook
                };
                let found: Vec<Value> = world.hooks.iter().map(hook).collect();
                self.paged(asked, state, &found)
            }
            ["environments"] => {
                let here = |name: &&String| asked.query("name").is_none_or(|wanted| *name == wanted);
                let known =
                    world.settings.environments.iter().chain(world.deployments.iter().map(|it| &it.environment));
                let names: BTreeSet<&String> = known.filter(here).collect();
                let tier = |name: &String| if name.to_lowercase().starts_with("prod") { "production" } else { "other" };
                let found: Vec<Value> = names
                    .into_iter()
                    .map(|name| json!({"name": name, "tier": tier(name), "state": "available"}))
                    .collect();
                self.paged(asked, state, &found)
            }
            ["merge_requests"] => {
                let state_of = asked.query("state");
                let listed = world.requests.iter().filter(|(_, it)| state_of.is_none_or(|wanted| it.state == wanted));
                let found: Vec<Value> = listed.map(|(number, _)| world.request(*number)).collect();
                self.paged(asked, state, &found)
            }
            ["merge_requests", number] => reply(200, &world.request(number.parse().unwrap())),
            ["merge_requests", number, rest] => {
                let number: u64 = number.parse().unwrap();
                let Some(request) = world.requests.get(&number) else { return missing("Merge Request") };
                match *rest {
                    "status_checks" if world.plan < Plan::Ultimate => missing("Page"),
                    // What is answered of another head than the last is pending.
                    "status_checks" => {
                        let head = &request.versions.last().unwrap().0;
                        let shown = |check: &Value| {
                            let mut check = check.clone();
                            let said = world.answered.get(&(number, check["id"].as_u64().unwrap()));
                            let status = said.filter(|(sha, _)| sha == head).map_or("pending", |(_, status)| status);
                            check["status"] = json!(status);
                            check
                        };
                        let found: Vec<Value> = world.settings.checks.iter().map(shown).collect();
                        self.paged(asked, state, &found)
                    }
                    "versions" => {
                        let version = |(at, (head, base, when)): (usize, &(String, String, String))| json!({"id": at, "head_commit_sha": head, "base_commit_sha": base, "created_at": when});
                        let mut found: Vec<Value> = request.versions.iter().enumerate().map(version).collect();
                        found.reverse();
                        self.paged(asked, state, &found)
                    }
                    // It says `approved` of what needs nobody, as GitLab does.
                    "approvals" => {
                        let by = |(who, at): &(String, String)| {
                            let when = if world.tells_when { json!(at) } else { Value::Null };
                            json!({"user": world.basic(who), "approved_at": when})
                        };
                        let by: Vec<Value> = request.approvals.iter().map(by).collect();
                        reply(200, &json!({"approved": true, "approved_by": by}))
                    }
                    "reviewers" => {
                        let by = |(who, state): &(String, String)| json!({"user": world.basic(who), "state": state, "created_at": "2026-12-01T08:00:00Z"});
                        let found: Vec<Value> = request.reviewers.iter().map(by).collect();
                        self.paged(asked, state, &found)
                    }
                    "notes" => self.paged(asked, state, &request.notes),
                    "diffs" => self.paged(asked, state, &world.diffs(number)),
                    _ => missing("Page"),
                }
            }
            ["pipelines", id] => {
                let Some(it) = world.pipelines.iter().find(|it| it.id.to_string() == *id) else {
                    return missing("Pipeline");
                };
                reply(
                    200,
                    &json!({"id": it.id, "sha": it.commit, "ref": it.branch, "tag": false, "source": it.source,
                    "created_at": it.at, "user": world.basic(&it.by)}),
                )
            }
            ["pipelines", id, "variables"] => {
                let of = world.variables.iter().filter(|(pipeline, _)| pipeline.to_string() == *id);
                let shown: Vec<Value> =
                    of.map(|(_, name)| json!({"key": name, "value": "…", "variable_type": "env_var"})).collect();
                reply(200, &json!(shown))
            }
            ["jobs", id] => match world.jobs.get(*id) {
                Some((pipeline, status)) => {
                    let it = world.pipelines.iter().find(|it| it.id == *pipeline).unwrap();
                    let of = json!({"id": it.id, "project_id": PROJECT_ID, "sha": it.commit, "ref": it.branch});
                    let number: u64 = id.parse().unwrap();
                    reply(200, &json!({"id": number, "status": status, "pipeline": of, "commit": {"id": it.commit}}))
                }
                None => missing("Job"),
            },
            ["deployments"] => {
                let here = |it: &&world::Deployment| {
                    let is = |name: &str, value: &str| asked.query(name).is_none_or(|wanted| wanted == value);
                    // GitLab takes no bound on what it does not sort by.
                    let after = asked
                        .query("updated_after")
                        .inspect(|_| assert_eq!(asked.query("order_by"), Some("updated_at")));
                    let changed = world.deployment(it)["updated_at"].as_str().unwrap().to_owned();
                    is("environment", &it.environment)
                        && is("status", &it.status)
                        && after.is_none_or(|after| changed.as_str() > after)
                };
                let mut found: Vec<&world::Deployment> = world.deployments.iter().filter(here).collect();
                found.sort_by_key(|it| std::cmp::Reverse(it.id));
                let found: Vec<Value> = found.into_iter().map(|it| world.deployment(it)).collect();
                self.paged(asked, state, &found)
            }
            ["deployments", id] => match world.deployments.iter().find(|it| it.id.to_string() == *id) {
                Some(it) => reply(200, &world.deployment_with_votes(it)),
                None => missing("Deployment"),
            },
            [
                rest @ ("variables"
                | "protected_branches"
                | "approval_rules"
                | "approvals"
                | "external_status_checks"
                | "protected_environments"),
            ] => match world.settings.of_project(rest, world) {
                Ok(Value::Array(found)) => self.paged(asked, state, &found),
                Ok(one) => reply(200, &one),
                Err(answer) => answer,
            },
            ["issues"] => self.paged(asked, state, &world.listed_issues(asked)),
            ["issues", number, what] => match issues::of_issue(world, number.parse().unwrap(), what) {
                Some(found) => self.paged(asked, state, &found),
                None => missing("Issue"),
            },
            ["hooks", _, "events"] => self.paged(asked, state, &world.settings.deliveries),
            ["members", "all"] => {
                let member = |(login, level): &(String, u64)| {
                    let mut member = world.basic(login);
                    member["access_level"] = json!(level);
                    member
                };
                let found: Vec<Value> = world.settings.members.iter().map(member).collect();
                self.paged(asked, state, &found)
            }
            ["protected_environments", name] => match world.protected.get(*name) {
                _ if world.plan == Plan::Free => missing("Page"),
                _ if world.role < 40 => reply(403, &json!({"message": "403 Forbidden"})),
                Some(count) => {
                    let rules = world.rules.get(*name).map(Vec::as_slice).unwrap_or_default();
                    let rules: Vec<Value> = rules.iter().map(|rule| world.rule(rule)).collect();
                    reply(200, &json!({"name": name, "required_approval_count": count, "approval_rules": rules}))
                }
                None => missing("Protected Environment"),
            },
            ["members", "all", id] => {
                let outside = |login: &String| world.git.outside.contains(login);
                let found =
                    world.git.users.iter().find(|(login, (_, number))| number.to_string() == *id && !outside(login));
                match found {
                    Some((login, _)) => {
                        let mut member = world.basic(login);
                        member["access_level"] = json!(30);
                        reply(200, &member)
                    }
                    None => missing("Member"),
                }
            }
            _ => missing("Page"),
        }
    }
}
