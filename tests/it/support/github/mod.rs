//! A fake GitHub: a server on a loopback port that holds a repository, and enforces what GitHub enforces.
//!
//! Tokens, permissions, pages, tags, limits, the states of a protection rule. Every request that it gets is compared with
//! GitHub's own descriptions, where they are installed ([`described`]).

pub mod described;
pub mod graphql;
pub mod issues;
pub mod jobs;
pub mod login;
pub mod manifest;
pub mod settings;
pub mod tokens;
pub mod world;

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{Duration, Utc};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use world::{APP, INSTALLATION, REPOSITORY, World};

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    pub path: String,
    pub query: BTreeMap<String, String>,
    pub headers: BTreeMap<String, String>,
    pub body: Value,
}

/// What goes wrong with the next request.
#[derive(Clone, Debug)]
pub enum Trouble {
    /// A status, headers and a body instead of the answer.
    Answer(u16, Vec<(String, String)>, String),
    /// The effect takes place, and the answer is lost.
    Lost,
    /// The answer ends in the middle.
    Cut,
    /// The answer is of now, and comes so much later.
    Late(std::time::Duration),
}

#[derive(Default)]
struct State {
    world: World,
    asked: Vec<Asked>,
    trouble: VecDeque<(String, Trouble)>,
    /// How many entries a page has at most.
    page: usize,
    tokens: Vec<String>,
    hidden: Vec<String>,
    app_key: Option<Vec<u8>>,
    remaining: u64,
    suspended: bool,
    /// How much later every answer comes.
    far: std::time::Duration,
    logins: login::Logins,
    manifests: manifest::Manifests,
}

/// The fake.
#[derive(Clone)]
pub struct Github {
    state: Arc<Mutex<State>>,
    port: u16,
}

struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

fn reply(status: u16, body: &Value) -> Reply {
    Reply { status, headers: Vec::new(), body: if body.is_null() { String::new() } else { body.to_string() } }
}

/// The token that a person has.
pub const TOKEN: &str = "github_pat_canary";

impl Github {
    /// Starts it with an empty repository.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = State { page: 100, remaining: 5000, tokens: vec![TOKEN.to_owned()], ..State::default() };
        let github = Self { state: Arc::new(Mutex::new(state)), port };
        github.with(|world| {
            for (login, kind) in
                [("web-flow", "User"), ("ana", "User"), ("bo", "User"), ("carla", "User"), (issues::BOT, "Bot")]
            {
                world.user(login, kind);
            }
        });
        let serving = github.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let serving = serving.clone();
                std::thread::spawn(move || serving.serve(stream));
            }
        });
        github
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn with<T>(&self, edit: impl FnOnce(&mut World) -> T) -> T {
        edit(&mut self.lock().world)
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.lock().asked.clone()
    }

    pub fn forget(&self) {
        self.lock().asked.clear();
    }

    pub fn page(&self, size: usize) {
        self.lock().page = size;
    }

    pub fn hide(&self, team: &str) {
        self.lock().hidden.push(team.to_owned());
    }

    pub fn app_key(&self, public: &[u8]) {
        self.lock().app_key = Some(public.to_vec());
    }

    /// No token counts any longer, until a new one is asked for.
    pub fn revoke(&self) {
        self.lock().tokens.clear();
    }

    pub fn suspend(&self) {
        self.lock().suspended = true;
    }

    /// What goes wrong with the next request whose path, or body, contains this.
    pub fn trouble(&self, path: &str, trouble: Trouble) {
        self.lock().trouble.push_back((path.to_owned(), trouble));
    }

    /// Every answer is of when it was asked for, and comes so much later.
    pub fn far(&self, by: std::time::Duration) {
        self.lock().far = by;
    }

    /// What goes wrong and has not yet.
    pub fn troubles(&self) -> usize {
        self.lock().trouble.len()
    }

    fn serve(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut stream = stream;
        while let Some(asked) = receive(&mut reader) {
            let trouble = {
                let mut state = self.lock();
                state.asked.push(asked.clone());
                let has = |text: &str| asked.path.contains(text) || asked.body.to_string().contains(text);
                let at = state.trouble.iter().position(|(text, _)| has(text));
                at.and_then(|at| state.trouble.remove(at)).map(|(_, trouble)| trouble)
            };
            let mut reply = match &trouble {
                Some(Trouble::Answer(status, headers, body)) => {
                    Reply { status: *status, headers: headers.clone(), body: body.clone() }
                }
                Some(Trouble::Lost | Trouble::Cut | Trouble::Late(_)) | None => self.answer(&asked),
            };
            if let Some(Trouble::Late(wait)) = trouble {
                std::thread::sleep(wait);
            }
            let far = self.lock().far;
            std::thread::sleep(far);
            if matches!(trouble, Some(Trouble::Lost)) {
                return;
            }
            let digest = Sha256::digest(reply.body.as_bytes());
            let tag = digest.iter().take(8).fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
            let tag = format!("\"{tag}\"");
            if asked.method == "GET" && reply.status == 200 {
                if asked.headers.get("if-none-match") == Some(&tag) {
                    reply.status = 304;
                    reply.body.clear();
                }
                reply.headers.push(("etag".to_owned(), tag));
            }
            if !matches!(trouble, Some(Trouble::Answer(..))) {
                let mut state = self.lock();
                if reply.status != 304 {
                    state.remaining = state.remaining.saturating_sub(1);
                }
                let reset = (Utc::now() + Duration::seconds(1800)).timestamp();
                let resource = if asked.path == "/api/graphql" { "graphql" } else { "core" };
                for (name, value) in [
                    ("x-ratelimit-limit", "5000".to_owned()),
                    ("x-ratelimit-remaining", state.remaining.to_string()),
                    ("x-ratelimit-reset", reset.to_string()),
                    ("x-ratelimit-resource", resource.to_owned()),
                ] {
                    reply.headers.push((name.to_owned(), value));
                }
            }
            let mut text = format!("HTTP/1.1 {} X\r\ncontent-length: {}\r\n", reply.status, reply.body.len());
            for (name, value) in &reply.headers {
                text.extend([name.as_str(), ": ", value.as_str(), "\r\n"]);
            }
            text.push_str("\r\n");
            let body =
                if matches!(trouble, Some(Trouble::Cut)) { &reply.body[..reply.body.len() / 2] } else { &reply.body };
            text.push_str(body);
            if stream.write_all(text.as_bytes()).is_err() || matches!(trouble, Some(Trouble::Cut)) {
                return;
            }
        }
    }

    fn answer(&self, asked: &Asked) -> Reply {
        if asked.path.starts_with("/_services/") {
            return self.issues(asked);
        }
        if let Some(wrong) = described::wrong(asked) {
            return reply(599, &json!({"message": format!("GitHub has no such request: {wrong}")}));
        }
        if let Some(reply) = manifest::answer(&mut self.lock(), asked) {
            return reply;
        }
        if let Some(reply) = login::answer(self, &mut self.lock(), asked) {
            return reply;
        }
        let token = asked.headers.get("authorization").and_then(|it| it.strip_prefix("Bearer ")).unwrap_or_default();
        let Some(path) = asked.path.strip_prefix("/api/") else { return missing() };
        let apps = path.starts_with("v3/app/") || path.ends_with("/installation");
        let mut state = self.lock();
        if apps {
            if !state.app_key.as_ref().is_some_and(|key| proves(token, key)) {
                return reply(401, &json!({"message": "A JSON web token could not be decoded"}));
            }
        } else if !state.tokens.iter().any(|known| known == token) {
            return reply(401, &json!({"message": "Bad credentials"}));
        }
        if path == "graphql" {
            let document = graphql::read(asked.body["query"].as_str().unwrap());
            let nodes = document.nodes();
            if nodes > 500_000 {
                return reply(
                    200,
                    &json!({"errors": [{"type": "MAX_NODE_LIMIT_EXCEEDED", "message": nodes.to_string()}]}),
                );
            }
            let State { world, page, hidden, .. } = &*state;
            return reply(200, &graphql::answer(world, &document, &asked.body["variables"], *page, hidden));
        }
        let path = path.strip_prefix("v3").unwrap_or_default();
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        if let Some(reply) = settings::answer(self, &state, asked, token, &parts) {
            return reply;
        }
        match (asked.method.as_str(), parts.as_slice()) {
            ("POST", ["app", "installations", id, "access_tokens"]) if *id == INSTALLATION.to_string() => {
                if state.suspended {
                    return reply(403, &json!({"message": "This installation has been suspended"}));
                }
                let token = format!("ghs_canary{}", state.tokens.len());
                state.tokens.push(token.clone());
                reply(201, &json!({"token": token, "expires_at": Utc::now() + Duration::hours(1)}))
            }
            ("GET", ["app", "installations"]) => {
                let suspended = state.suspended.then_some("2026-01-01T00:00:00Z");
                reply(200, &json!([{"id": INSTALLATION, "suspended_at": suspended}]))
            }
            ("GET", ["repos", owner, name, "contents", path @ ..]) if is_ours(owner, name) => {
                let Some(text) = state.world.contents.get(&path.join("/")) else { return missing() };
                let content = base64::engine::general_purpose::STANDARD.encode(text);
                reply(200, &json!({"type": "file", "encoding": "base64", "content": content, "sha": world::sha("f1")}))
            }
            ("GET", ["repos", owner, name, "actions", "runs"]) if is_ours(owner, name) => {
                assert_eq!(asked.query.get("status").map(String::as_str), Some("waiting"));
                let world = &state.world;
                let waits = |run: &&world::Run| {
                    world.rules.iter().any(|((id, _), rule)| *id == run.id && rule.decided.is_none())
                };
                let runs = world.runs.iter().filter(waits).map(|run| json!({"id": run.id, "head_sha": run.commit}));
                let runs: Vec<Value> = runs.collect();
                let total = runs.len();
                self.paged(asked, &state, &runs, |page| json!({"total_count": total, "workflow_runs": page}))
            }
            ("GET", ["installation", "repositories"]) => {
                let owner = json!({"id": world::OWNER_ID, "login": "acme"});
                let mut ours = vec![json!({"id": world::REPOSITORY_ID, "full_name": REPOSITORY, "owner": owner})];
                if !state.world.ops.is_empty() {
                    ours.push(json!({"id": 78, "full_name": world::OPS, "owner": owner}));
                }
                let total = ours.len();
                self.paged(asked, &state, &ours, |page| json!({"total_count": total, "repositories": page}))
            }
            ("GET", ["user", id]) => {
                let world = &state.world;
                let login =
                    world.users.iter().find(|(_, (_, number))| number.to_string() == *id).map(|(login, _)| login);
                login.map_or_else(missing, |login| reply(200, &world.rest_user(login)))
            }
            ("GET", ["repos", owner, name, "activity"]) => {
                let world = &state.world;
                let Some(entries) = world.activity.get(&format!("{owner}/{name}")) else {
                    return if is_ours(owner, name) { reply(200, &json!([])) } else { missing() };
                };
                let entry = |[at, before, after, kind, actor]: &[String; 5]| {
                    json!({"id": 1, "before": before, "after": after, "ref": "refs/heads/main", "timestamp": at,
                        "activity_type": kind, "actor": world.rest_user(actor)})
                };
                let mut entries: Vec<&[String; 5]> = entries.iter().rev().collect();
                entries.sort_by(|one, other| other[0].cmp(&one[0]));
                let entries: Vec<Value> = entries.into_iter().map(entry).collect();
                self.paged(asked, &state, &entries, |page| Value::Array(page.to_vec()))
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
                self.paged(asked, &state, &commits, |page| {
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
                self.paged(asked, &state, &files, |page| {
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
                    let run = json!({"id": run.id, "node_id": format!("WFR_{}", run.id), "head_sha": run.commit,
                        "head_branch": run.branch, "event": run.event, "run_attempt": attempt,
                        "created_at": run.created_at, "run_started_at": world.started.get(&run.id).unwrap_or(&run.created_at),
                        "actor": actor, "triggering_actor": again});
                    reply(200, &run)
                })
            }
            ("GET", ["repos", "acme", "ops", "issues"]) if !state.world.ops.is_empty() => {
                let found = state.world.in_ops(|world| world.listed_issues(asked));
                self.paged(asked, &state, &found, |page| Value::Array(page.to_vec()))
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
                self.paged(asked, &state, &open, |page| Value::Array(page.to_vec()))
            }
            ("GET", ["repos", owner, name, "issues", "comments"]) if is_ours(owner, name) => {
                let comments = state.world.rest_comments(asked.query.get("since").unwrap());
                self.paged(asked, &state, &comments, |page| Value::Array(page.to_vec()))
            }
            ("GET", ["repos", owner, name, "pulls", number, "reviews"]) if is_ours(owner, name) => {
                let listed = state.world.rest_reviews(number.parse().unwrap());
                self.paged(asked, &state, &listed, |page| Value::Array(page.to_vec()))
            }
            ("GET", ["repos", owner, name, "pulls", number, "files"]) if is_ours(owner, name) => {
                let Some(pull) = state.world.pulls.get(&number.parse().unwrap()) else { return missing() };
                let entry = |path: &String| json!({"filename": path, "previous_filename": pull.moved.get(path)});
                let files: Vec<Value> = pull.files.iter().map(entry).collect();
                self.paged(asked, &state, &files, |page| Value::Array(page.to_vec()))
            }
            ("GET", ["repos", owner, name, "contents", path @ ..]) if is_ours(owner, name) => {
                let Some(text) = state.world.contents.get(&path.join("/")) else { return missing() };
                let content = base64::engine::general_purpose::STANDARD.encode(text);
                reply(200, &json!({"type": "file", "encoding": "base64", "content": content, "sha": world::sha("f1")}))
            }
            ("GET", ["repos", owner, name, "actions", "runs", run, "pending_deployments"]) if is_ours(owner, name) => {
                let waits = |((id, environment), rule): (&(u64, String), &world::Rule)| {
                    (id.to_string() == *run && rule.decided.is_none())
                        .then(|| json!({"environment": {"id": 1, "name": environment}}))
                };
                reply(200, &json!(state.world.rules.iter().filter_map(waits).collect::<Vec<_>>()))
            }
            ("POST", ["repos", owner, name, "actions", "runs", run, "deployment_protection_rule"])
                if is_ours(owner, name) =>
            {
                let key = (run.parse().unwrap(), asked.body["environment_name"].as_str().unwrap().to_owned());
                let Some(rule) = state.world.rules.get_mut(&key) else { return missing() };
                let comment = asked.body["comment"].as_str().unwrap_or_default().to_owned();
                let refused = |says: &str| reply(422, &json!({"message": says}));
                if comment.chars().count() > 1024 {
                    return refused("comment is too long");
                }
                if rule.decided.is_some() {
                    return refused("no pending deployment");
                }
                match asked.body["state"].as_str() {
                    Some(state) => rule.decided = Some((state.to_owned(), comment)),
                    None if rule.reports.len() == 10 => return refused("too many status reports"),
                    None => rule.reports.push(comment),
                }
                reply(204, &Value::Null)
            }
            ("GET", ["repos", owner, name, "issues"]) if is_ours(owner, name) => {
                let found = state.world.listed_issues(asked);
                self.paged(asked, &state, &found, |page| Value::Array(page.to_vec()))
            }
            (method @ ("POST" | "PATCH" | "DELETE"), ["repos", owner, name, rest @ ..]) if is_ours(owner, name) => {
                let done = issues::written(&mut state.world, method, rest, &asked.body);
                done.unwrap_or_else(|| written(&mut state.world, method, rest, &asked.body))
            }
            ("GET", ["repos", owner, name, rest @ ..]) if is_ours(owner, name) => {
                let kind = rest.join("/");
                let kind = if rest.first() == Some(&"commits") { "check-runs".to_owned() } else { kind };
                let here = |it: &Value| kind != "check-runs" || it["head_sha"] == rest[1];
                let found = state.world.written.iter().rev().filter(|(of, it)| *of == kind && here(it));
                let found: Vec<Value> = found.map(|(_, it)| it.clone()).collect();
                self.paged(asked, &state, &found, |page| {
                    if kind == "check-runs" { json!({"check_runs": page}) } else { json!(page) }
                })
            }
            _ => missing(),
        }
    }

    fn paged(&self, asked: &Asked, state: &State, entries: &[Value], whole: impl Fn(&[Value]) -> Value) -> Reply {
        let number =
            |name: &str, otherwise: usize| asked.query.get(name).map_or(otherwise, |text| text.parse().unwrap());
        let size = number("per_page", 30).min(100).min(state.page);
        let page = number("page", 1);
        let begin = ((page - 1) * size).min(entries.len());
        let end = (begin + size).min(entries.len());
        let mut answer = reply(200, &whole(&entries[begin..end]));
        if end < entries.len() {
            let mut query = asked.query.clone();
            query.insert("page".to_owned(), (page + 1).to_string());
            let query: Vec<String> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let next = format!("<{}{}?{}>; rel=\"next\"", self.url(), asked.path, query.join("&"));
            answer.headers.push(("link".to_owned(), next));
        }
        answer
    }
}

/// Takes what is written, within GitHub's limits, and as our App's.
fn written(world: &mut World, method: &str, path: &[&str], body: &Value) -> Reply {
    let refused = |says: &str| reply(422, &json!({"message": says}));
    let too_long = |value: &Value, most: usize| value.as_str().is_some_and(|text| text.chars().count() > most);
    if body["status"] == "completed" && body["conclusion"].is_null() {
        return refused("a check that is completed needs a conclusion");
    }
    if body["actions"].as_array().is_some_and(|actions| actions.len() > 3)
        || too_long(&body["output"]["summary"], 65_535)
        || too_long(&body["body"], 65_536)
        || too_long(&body["description"], 140)
    {
        return refused("it has more than GitHub takes");
    }
    let (kind, number) = match (method, path) {
        ("PATCH", [kind, number]) => ((*kind).to_owned(), Some(number.parse::<u64>().unwrap())),
        ("POST", path) => (path.join("/"), None),
        _ => return missing(),
    };
    if let Some(number) = number {
        let found =
            world.written.iter_mut().find(|(of, it)| *of == kind && (it["id"] == number || it["number"] == number));
        let Some((_, it)) = found else { return missing() };
        for (name, value) in body.as_object().unwrap() {
            it[name] = value.clone();
        }
        return reply(200, it);
    }
    let mut made = body.clone();
    let number = world.written.len() as u64 + 1;
    made["id"] = json!(number);
    made["number"] = json!(number);
    let app = json!({"id": APP.parse::<u64>().unwrap()});
    made["app"] = app.clone();
    made["performed_via_github_app"] = app;
    world.written.push((kind, made.clone()));
    reply(201, &made)
}

fn missing() -> Reply {
    reply(404, &json!({"message": "Not Found"}))
}

fn is_ours(owner: &str, name: &str) -> bool {
    format!("{owner}/{name}").eq_ignore_ascii_case(REPOSITORY)
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

/// Whether a JWT is the App's, and keeps to GitHub's rules for one.
fn proves(token: &str, key: &[u8]) -> bool {
    let Some((signed, signature)) = token.rsplit_once('.') else { return false };
    let Ok(signature) = URL_SAFE_NO_PAD.decode(signature) else { return false };
    let known = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key);
    if known.verify(signed.as_bytes(), &signature).is_err() {
        return false;
    }
    let (header, claims) = signed.split_once('.').unwrap();
    let read = |part: &str| -> Value { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap() };
    let (header, claims) = (read(header), read(claims));
    let now = Utc::now().timestamp();
    let (issued, ends) = (claims["iat"].as_i64().unwrap(), claims["exp"].as_i64().unwrap());
    let named = claims["iss"] == APP || claims["iss"] == login::CLIENT;
    header["alg"] == "RS256" && named && issued <= now && ends > now && ends - issued <= 600
}

/// What is no JSON as text, as a form is; nothing where there is none.
fn form(body: &[u8]) -> Value {
    if body.is_empty() { Value::Null } else { String::from_utf8_lossy(body).into_owned().into() }
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
    let pair = |pair: &str| pair.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    Some(Asked {
        method,
        path: path.to_owned(),
        query: query.split('&').filter_map(pair).collect(),
        headers,
        body: serde_json::from_slice(&body).unwrap_or_else(|_| form(&body)),
    })
}
