//! A fake GitLab: a server on a loopback port, below a path, that holds a project and enforces what GitLab enforces.
//!
//! Tokens, roles, plans, pages by number and by keyset. Every request that it gets is compared with GitLab's own
//! description, where it lies beside the checkout ([`described`]).

pub mod described;
mod graphql;
pub mod issues;
pub mod login;
mod pages;
mod project;
pub mod settings;
mod told;
mod wire;
pub mod world;

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::support::github::tokens;
use crate::support::github::world::address;
use world::{PROJECT, PROJECT_ID, World};

/// The token that a person has.
pub const TOKEN: &str = "glpat-canary";

/// The token that the app's own account has, which is called so.
pub const APP_TOKEN: &str = "glpat-app-canary";
pub const APP: &str = "countersign";

/// What the token of anybody begins with; his login follows.
const OF: &str = "glpat-of-";

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
    /// Whether some pages are told by their number alone, as behind some proxies.
    proxied: bool,
    logins: login::Logins,
    /// Whoever makes an issue is not answered: it is there all the same.
    mute: bool,
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
            proxied: true,
            logins: login::Logins::default(),
            mute: false,
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

    /// Every page links to the next, as GitLab itself has them.
    pub fn direct(&self) {
        self.lock().proxied = false;
    }

    /// Whether what makes an issue stays without its answer, though the issue is made.
    pub fn mute(&self, mute: bool) {
        self.lock().mute = mute;
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
        while let Some(asked) = wire::receive(&mut reader) {
            let trouble = {
                let mut state = self.lock();
                state.asked.push(asked.clone());
                let at = state.trouble.iter().position(|(text, _)| asked.path.contains(text.as_str()));
                at.and_then(|at| state.trouble.remove(at)).map(|(_, reply)| reply)
            };
            let reply = trouble.unwrap_or_else(|| self.answer(&asked));
            while asked.method == "POST" && asked.path.ends_with("/issues") && self.lock().mute {
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            let mut text = format!(
                "HTTP/1.1 {} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n",
                reply.status,
                reply.body.len()
            );
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
        let bearer = asked.headers.get("authorization").and_then(|it| it.strip_prefix("Bearer "));
        let shown = bearer.or_else(|| asked.headers.get("private-token").map(String::as_str));
        let mut state = self.lock();
        if let Some(reply) = login::answer(&mut state.logins, asked) {
            return reply;
        }
        let of_person = shown.and_then(|token| state.logins.tokens.get(token)).cloned();
        let who = match (shown, &of_person) {
            (Some(TOKEN), _) => "carla",
            (Some(APP_TOKEN), _) => APP,
            (_, Some(login)) => login.as_str(),
            (Some(token), _) if token.strip_prefix(OF).is_some_and(|it| state.world.git.users.contains_key(it)) => {
                &token[OF.len()..]
            }
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
                graphql::given(&state.world, asked)
            } else if question.contains("issue(iid: $iid)") {
                state.world.graph_issue(asked, state.page)
            } else if question.contains("users(usernames: $names)") {
                graphql::kinds(&state.world, asked)
            } else {
                graphql::authors(&state.world, asked)
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
            ["version"] => reply(200, &json!({"version": state.world.settings.version, "revision": "4e963fe"})),
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
}
