//! A fake GitHub: a server on a loopback port that holds a repository, and enforces what GitHub enforces.
//!
//! Who is let in ([`permits`]), pages, tags and limits (here), the states of a protection rule ([`rule`]), what may be written
//! ([`written`]). Every request that it gets is compared with
//! GitHub's own descriptions, where they are installed ([`described`]).

pub mod described;
pub mod graphql;
pub mod issues;
pub mod jobs;
pub mod login;
pub mod manifest;
mod permits;
mod rest;
mod rule;
pub mod settings;
pub mod tokens;
mod wire;
pub mod world;
mod written;

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use chrono::{Duration, Utc};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use world::{REPOSITORY, World};

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    pub at: Instant,
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
    /// The answer is of now, and comes once somebody lets it go.
    Held(std::sync::Arc<std::sync::atomic::AtomicBool>),
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

    pub fn suspend(&self, suspended: bool) {
        self.lock().suspended = suspended;
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

    /// Nothing goes wrong from now on.
    pub fn mend(&self) {
        self.lock().trouble.clear();
    }

    fn serve(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut stream = stream;
        while let Some(asked) = wire::receive(&mut reader) {
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
                Some(Trouble::Lost | Trouble::Cut | Trouble::Held(_)) | None => self.answer(&asked),
            };
            if let Some(Trouble::Held(goes)) = &trouble {
                while !goes.load(std::sync::atomic::Ordering::SeqCst) {
                    std::thread::sleep(std::time::Duration::from_millis(20));
                }
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
        let mut state = self.lock();
        if let Some(refused) = permits::refused(&state, path, token) {
            return refused;
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
        rest::answer(self, &mut state, asked, &parts)
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

fn missing() -> Reply {
    reply(404, &json!({"message": "Not Found"}))
}

fn is_ours(owner: &str, name: &str) -> bool {
    format!("{owner}/{name}").eq_ignore_ascii_case(REPOSITORY)
}
