//! A fake GitLab: a server on a loopback port, below a path, that holds a project and enforces what GitLab enforces.
//!
//! Tokens, roles, plans, pages by number and by keyset. Every request that it gets is compared with GitLab's own
//! description, where it lies beside the checkout ([`described`]).

pub mod described;
pub mod issues;
pub mod login;
pub mod settings;
mod told;
pub mod world;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::support::github::tokens;
use crate::support::github::world::address;
use world::{PROJECT, PROJECT_ID, Plan, World};

/// The token that a person has.
pub const TOKEN: &str = "glpat-canary";

/// The token that the app's own account has, which is called so.
pub const APP_TOKEN: &str = "glpat-app-canary";
pub const APP: &str = "countersign";

/// A request as it came; the path is still escaped.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    pub path: String,
    pub query: Vec<(String, String)>,
    pub headers: BTreeMap<String, String>,
    pub body: Value,
}

impl Asked {
    fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }
}

struct State {
    world: World,
    asked: Vec<Asked>,
    /// What is answered once instead to a path that contains this.
    trouble: VecDeque<(String, Reply)>,
    /// How many entries a page has at most.
    page: usize,
    logins: login::Logins,
    /// Paths that this token may not see.
    hidden: Vec<String>,
}

/// The fake.
#[derive(Clone)]
pub struct Gitlab {
    state: Arc<Mutex<State>>,
    port: u16,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

pub fn reply(status: u16, body: &Value) -> Reply {
    Reply { status, headers: Vec::new(), body: body.to_string() }
}

fn missing(what: &str) -> Reply {
    reply(404, &json!({"message": format!("404 {what} Not Found")}))
}

impl Gitlab {
    /// Starts it with an empty project.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let world = World { tells_when: true, role: 40, ..World::default() };
        let state = State {
            world,
            asked: Vec::new(),
            trouble: VecDeque::new(),
            page: 100,
            logins: login::Logins::default(),
            hidden: Vec::new(),
        };
        let gitlab = Self { state: Arc::new(Mutex::new(state)), port };
        gitlab.with(|world| {
            for (login, kind) in [("ana", "User"), ("bo", "User"), ("carla", "User"), ("dana", "User"), ("eve", "User")]
            {
                world.git.user(login, kind);
            }
            world.git.user("helper", "Bot").user(APP, "Bot");
        });
        let serving = gitlab.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let serving = serving.clone();
                std::thread::spawn(move || serving.serve(stream));
            }
        });
        gitlab
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where people open it.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/git", self.port)
    }

    pub fn with<T>(&self, edit: impl FnOnce(&mut World) -> T) -> T {
        edit(&mut self.lock().world)
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.lock().asked.clone()
    }

    pub fn page(&self, size: usize) {
        self.lock().page = size;
    }

    pub fn hide(&self, part: &str) {
        self.lock().hidden.push(part.to_owned());
    }

    /// What is answered to the next request whose path contains this.
    pub fn trouble(&self, path: &str, answer: Reply) {
        self.lock().trouble.push_back((path.to_owned(), answer));
    }

    /// Nothing is answered otherwise any more.
    pub fn untroubled(&self) {
        self.lock().trouble.clear();
    }

    fn serve(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut stream = stream;
        while let Some(asked) = receive(&mut reader) {
            let trouble = {
                let mut state = self.lock();
                state.asked.push(asked.clone());
                let at = state.trouble.iter().position(|(text, _)| asked.path.contains(text.as_str()));
                at.and_then(|at| state.trouble.remove(at)).map(|(_, reply)| reply)
            };
            let reply = trouble.unwrap_or_else(|| self.answer(&asked));
            let mut text = format!("HTTP/1.1 {} X\r\ncontent-length: {}\r\n", reply.status, reply.body.len());
            for (name, value) in &reply.headers {
                text.extend([name.as_str(), ": ", value.as_str(), "\r\n"]);
            }
            text.push_str("\r\n");
            text.push_str(&reply.body);
            if stream.write_all(text.as_bytes()).is_err() {
                return;
            }
        }
    }

    fn answer(&self, asked: &Asked) -> Reply {
        if asked.path == "/git/oauth/discovery/keys" {
            return reply(200, &json!({"keys": [tokens::jwk(&tokens::keys()[0], "issuer-1")]}));
        }
        let shown = asked.headers.get("authorization").and_then(|it| it.strip_prefix("Bearer "));
        let mut state = self.lock();
        if let Some(reply) = login::answer(&mut state.logins, asked) {
            return reply;
        }
        let of_person = shown.and_then(|token| state.logins.tokens.get(token)).cloned();
        let who = match (shown, &of_person) {
            (Some(TOKEN), _) => "carla",
            (Some(APP_TOKEN), _) => APP,
            (_, Some(login)) => login.as_str(),
            _ => return reply(401, &json!({"message": "401 Unauthorized"})),
        };
        if of_person.is_some() && state.world.blocked.iter().any(|it| it == who) {
            return reply(403, &json!({"message": "403 Forbidden - Your account has been blocked."}));
        }
        if of_person.is_some() && asked.method != "GET" {
            return reply(403, &json!({"error": "insufficient_scope", "scope": "api"}));
        }
        if asked.path == "/git/api/graphql" {
            let question = asked.body["query"].as_str().unwrap_or_default();
            return if question.contains("manualVariables") {
                given(&state.world, asked)
            } else if question.contains("issue(iid: $iid)") {
                state.world.graph_issue(asked, state.page)
            } else {
                authors(&state.world, asked)
            };
        }
        if let Some(wrong) = described::wrong(asked) {
            return reply(599, &json!({"message": format!("GitLab has no such request: {wrong}")}));
        }
        let Some(path) = asked.path.strip_prefix("/git/api/v4/") else { return missing("Page") };
        if state.hidden.iter().any(|part| path.contains(part.as_str())) {
            return missing("Group");
        }
        let parts: Vec<String> =
            path.split('/').map(|part| percent_decode_str(part).decode_utf8().unwrap().into_owned()).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        if asked.method != "GET" {
            return told::write(&mut state.world, who, asked, &parts);
        }
        match parts.as_slice() {
            ["user"] => {
                let mut user = state.world.basic(who);
                if state.world.settings.administrators.iter().any(|it| it == who) {
                    user["is_admin"] = json!(true);
                }
                reply(200, &user)
            }
            ["projects"] => {
                let listed = json!({"id": PROJECT_ID, "path_with_namespace": PROJECT, "default_branch": "main"});
                let least = asked.query("min_access_level").map_or(0, |level| level.parse().unwrap());
                let of_account = if of_person.is_some() { 0 } else { state.world.role };
                let is_in = who == APP || of_account.max(state.world.place(who)) >= least;
                self.paged(asked, &state, if is_in { std::slice::from_ref(&listed) } else { &[] })
            }
            ["projects", id] if id.eq_ignore_ascii_case(PROJECT) || *id == PROJECT_ID.to_string() => {
                reply(200, &state.world.settings.project(state.world.role))
            }
            ["namespaces", ..] => reply(200, &state.world.settings.namespace),
            ["projects", id, "events"] => {
                let world = &state.world;
                let push = |(at, it): (usize, &world::Push)| {
                    let many = it.before.is_none() && it.after.is_none();
                    json!({"id": at, "action_name": "pushed to", "created_at": it.at, "author": world.basic(&it.by),
                        "push_data": {"commit_from": it.before, "commit_to": it.after, "action": "pushed",
                            "ref_type": "branch", "ref": it.branch, "ref_count": if many { json!(5) } else { Value::Null }}})
                };
                let of = |it: &(usize, &world::Push)| it.1.project.to_string() == *id;
                let mut found: Vec<(usize, &world::Push)> = world.pushes.iter().enumerate().filter(of).collect();
                found.sort_by(|one, other| other.1.at.cmp(&one.1.at));
                let found: Vec<Value> = found.into_iter().map(push).collect();
                self.paged(asked, &state, &found)
            }
            ["projects", id, rest @ ..] if *id == PROJECT_ID.to_string() => self.of_project(&state, asked, rest),
            ["groups", "acme", rest @ ("hooks" | "variables" | "protected_environments")] => {
                match state.world.settings.of_group(rest, &state.world) {
                    Ok(found) => self.paged(asked, &state, &found),
                    Err(answer) => answer,
                }
            }
            ["groups", "500"] => reply(200, &json!({"id": 500, "full_path": "acme/shop-leads"})),
            ["groups", name, "members", "all"] => {
                let world = &state.world;
                let Some(members) = world.groups.get(*name) else { return missing("Group") };
                let member = |(login, level, at): &world::Member| {
                    let mut it = world.basic(login);
                    it["access_level"] = json!(level);
                    it["created_at"] = json!(at);
                    it["expires_at"] = Value::Null;
                    it
                };
                let members: Vec<Value> = members.iter().map(member).collect();
                self.paged(asked, &state, &members)
            }
            ["users", id] => {
                let world = &state.world;
                let found = world.git.users.iter().find(|(_, (_, number))| number.to_string() == *id);
                let Some((login, (kind, number))) = found else { return missing("User") };
                let mut user = world.basic(login);
                user["bot"] = json!(kind == "Bot");
                if world.public.contains(login) {
                    user["public_email"] = json!(address(login, *number));
                }
                reply(200, &user)
            }
            ["users"]
                if asked.query("admins") == Some("true")
                    && state.world.settings.administrators.iter().any(|it| it == who) =>
            {
                let world = &state.world;
                let found: Vec<Value> = world
                    .settings
                    .administrators
                    .iter()
                    .map(|login| {
                        let mut user = world.basic(login);
                        user["is_admin"] = json!(true);
                        user
                    })
                    .collect();
                self.paged(asked, &state, &found)
            }
            ["users"] => {
                let world = &state.world;
                let named = |login: &&String| {
                    asked.query("username").is_some_and(|name| login.eq_ignore_ascii_case(name))
                        || asked
                            .query("search")
                            .is_some_and(|text| world.public.contains(login) && address(login, world.id(login)) == text)
                };
                let found: Vec<Value> = world.git.users.keys().filter(named).map(|login| world.basic(login)).collect();
                self.paged(asked, &state, &found)
            }
            _ => missing("Page"),
        }
    }

    fn of_project(&self, state: &State, asked: &Asked, parts: &[&str]) -> Reply {
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

    /// A folder, by keyset: the next page begins after a name.
    fn tree(&self, state: &State, asked: &Asked) -> Reply {
        let git = &state.world.git;
        let (commit, path) = (asked.query("ref").unwrap(), asked.query("path").unwrap_or_default());
        if !git.commits.contains_key(commit) {
            return missing("Tree");
        }
        assert_eq!(asked.query("pagination"), Some("keyset"));
        let entries = git.entries(commit, path);
        if entries.is_empty() && !path.is_empty() {
            return missing("Tree");
        }
        let after = asked.query("page_token").unwrap_or_default();
        let left: Vec<_> = entries.into_iter().filter(|(name, ..)| name.as_str() > after).collect();
        let shown = &left[..left.len().min(state.page)];
        let entry = |(name, object, folder): &(String, String, bool)| {
            let full = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
            let (kind, mode) = if *folder { ("tree", "040000") } else { ("blob", "100644") };
            json!({"id": object, "name": name, "type": kind, "path": full, "mode": mode})
        };
        let mut answer = reply(200, &shown.iter().map(entry).collect());
        if shown.len() < left.len() {
            let next = format!(
                "<{}{}?ref={commit}&path={}&pagination=keyset&per_page=100&page_token={}>; rel=\"next\"",
                self.url().trim_end_matches("/git"),
                asked.path,
                path.replace('/', "%2F"),
                shown.last().unwrap().0
            );
            answer.headers.push(("link".to_owned(), next));
        }
        answer
    }

    /// A list, by numbers of pages. Every other page is told by its number alone, as behind some proxies.
    fn paged(&self, asked: &Asked, state: &State, entries: &[Value]) -> Reply {
        let number = |name: &str, otherwise: usize| asked.query(name).map_or(otherwise, |text| text.parse().unwrap());
        let size = number("per_page", 20).min(100).min(state.page);
        let page = number("page", 1);
        let begin = ((page - 1) * size).min(entries.len());
        let end = (begin + size).min(entries.len());
        let mut answer = reply(200, &Value::Array(entries[begin..end].to_vec()));
        if end == entries.len() {
            answer.headers.push(("x-next-page".to_owned(), String::new()));
        } else {
            let next = (page + 1).to_string();
            if page % 2 == 0 {
                answer.headers.push(("x-next-page".to_owned(), next));
            } else {
                let kept = asked.query.iter().filter(|(name, _)| name != "page");
                let query: Vec<String> =
                    kept.map(|(name, value)| format!("{}={}&", plain(name), plain(value))).collect();
                let query = query.concat();
                let url = self.url();
                let next = format!("<{}{}?{query}page={next}>; rel=\"next\"", url.trim_end_matches("/git"), asked.path);
                answer.headers.push(("link".to_owned(), next));
            }
        }
        answer
    }
}

fn plain(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// The variables that a job was given by hand; whoever is no maintainer sees none.
fn given(world: &World, asked: &Asked) -> Reply {
    assert_eq!(asked.body["variables"]["project"], PROJECT);
    let named = asked.body["variables"]["job"].as_str().unwrap();
    let number: u64 = named.strip_prefix("gid://gitlab/Ci::Build/").unwrap().parse().unwrap();
    assert!(world.deployments.iter().any(|it| it.id * 10 == number), "{named}");
    if world.role < 40 {
        return reply(200, &json!({"data": {"project": {"job": {"manualVariables": null}}}}));
    }
    let of = world.given.iter().filter(|(deployment, _)| deployment * 10 == number);
    let nodes: Vec<Value> = of.map(|(_, name)| json!({"key": name})).collect();
    reply(200, &json!({"data": {"project": {"job": {"manualVariables": {"nodes": nodes}}}}}))
}

/// The authors of commits, as GraphQL tells them: `cN: tree(ref: "…") { lastCommit { sha author { id username } } }`.
fn authors(world: &World, asked: &Asked) -> Reply {
    let question = asked.body["query"].as_str().unwrap();
    assert_eq!(asked.body["variables"]["project"], PROJECT);
    let mut found = serde_json::Map::new();
    for part in question.split(" c").skip(1) {
        let Some((at, rest)) = part.split_once(": tree(ref: \"") else { continue };
        let (name, rest) = rest.split_once('"').unwrap();
        assert!(rest.starts_with(") { lastCommit { sha author { id username } } }"), "{rest}");
        let commit = &world.git.commits[name];
        let known = world.git.users.contains_key(&commit.author);
        let author = known.then(
            || json!({"id": format!("gid://gitlab/User/{}", world.id(&commit.author)), "username": commit.author}),
        );
        found.insert(format!("c{at}"), json!({"lastCommit": {"sha": name, "author": author}}));
    }
    // Each costs some ten points, and a question may cost 250.
    if found.len() * 10 > 250 {
        return reply(200, &json!({"errors": [{"message": "Query has complexity of more than 250"}]}));
    }
    reply(200, &json!({"data": {"project": {"repository": found}}}))
}

/// Reads one request.
fn receive(reader: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let decoded = |text: &str| percent_decode_str(text).decode_utf8().unwrap().into_owned();
    let pair = |pair: &str| pair.split_once('=').map(|(name, value)| (decoded(name), decoded(value)));
    Some(Asked {
        method,
        path: path.to_owned(),
        query: query.split('&').filter_map(pair).collect(),
        headers,
        // A form is kept as it came.
        body: serde_json::from_slice(&body).unwrap_or_else(|_| match String::from_utf8(body.clone()) {
            Ok(text) if !text.is_empty() => Value::String(text),
            _ => Value::Null,
        }),
    })
}
