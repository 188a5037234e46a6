//! How people log in at the fake GitHub: the web flow of an App, with what GitHub enforces of it. A code is good once and for
//! who asked for it, the callback is the App's, and a token of somebody who is suspended or has revoked it is good for nothing.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::world::{INSTALLATION, REPOSITORY, REPOSITORY_ID, World};
use super::{Asked, Github, Reply, State, missing, reply};

pub const CLIENT: &str = "Iv23canary";
pub const CLIENT_SECRET: &str = "a client secret canary of GitHub";

/// Who sits before the browser, and what was handed out.
#[derive(Default)]
pub struct Logins {
    person: Option<String>,
    callback: String,
    codes: BTreeMap<String, Code>,
    tokens: BTreeMap<String, String>,
    made: usize,
}

struct Code {
    login: String,
    back: String,
    challenge: String,
}

impl Github {
    /// The callback URL in the App's settings.
    pub fn callback(&self, url: &str) {
        url.clone_into(&mut self.lock().logins.callback);
    }

    /// Who sits before the browser and says yes; nobody says no.
    pub fn person(&self, login: Option<&str>) {
        self.lock().logins.person = login.map(str::to_owned);
    }

    /// Somebody takes back what he allowed the App.
    pub fn revoke_person(&self, login: &str) {
        self.lock().logins.tokens.retain(|_, of| of != login);
    }
}

fn plain(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8().unwrap().into_owned()
}

fn form(text: &str) -> BTreeMap<String, String> {
    text.split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), plain(value)))
        .collect()
}

/// What GitHub answers where this is of a login, or of what somebody who logged in may see.
pub(super) fn answer(github: &Github, state: &mut State, asked: &Asked) -> Option<Reply> {
    match (asked.method.as_str(), asked.path.as_str()) {
        ("GET", "/login/oauth/authorize") => Some(authorize(&mut state.logins, asked)),
        ("POST", "/login/oauth/access_token") => Some(trade(&mut state.logins, asked)),
        ("GET", path) => {
            let rest = path.strip_prefix("/api/v3/user")?;
            let of_person = rest.is_empty() || rest.starts_with("/installations");
            of_person.then(|| seen(github, state, asked, rest))
        }
        _ => None,
    }
}

fn authorize(logins: &mut Logins, asked: &Asked) -> Reply {
    let query = |name: &str| asked.query.get(name).map(|value| plain(value)).unwrap_or_default();
    let back = query("redirect_uri");
    if query("client_id") != CLIENT {
        return missing();
    }
    if back != logins.callback {
        return reply(400, &json!({"error": "redirect_uri_mismatch", "error_description": back}));
    }
    if query("code_challenge").is_empty() || query("code_challenge_method") != "S256" || query("state").is_empty() {
        return reply(400, &json!({"error": "this fake asks for what GitHub recommends"}));
    }
    let mut to = format!("{back}?state={}", asked.query["state"]);
    match logins.person.clone() {
        Some(login) => {
            logins.made += 1;
            let code = format!("code{}canary", logins.made);
            to.extend(["&code=", &code]);
            logins.codes.insert(code, Code { login, back, challenge: query("code_challenge") });
        }
        None => to.push_str("&error=access_denied&error_description=The+user+has+denied+your+application+access."),
    }
    let mut answer = reply(302, &Value::Null);
    answer.headers.push(("location".to_owned(), to));
    answer
}

fn trade(logins: &mut Logins, asked: &Asked) -> Reply {
    let form = form(asked.body.as_str().unwrap_or_default());
    let field = |name: &str| form.get(name).cloned().unwrap_or_default();
    // GitHub says what is wrong with 200.
    let no = |error: &str| reply(200, &json!({"error": error, "error_description": format!("fake: {error}")}));
    if field("client_id") != CLIENT || field("client_secret") != CLIENT_SECRET {
        return no("incorrect_client_credentials");
    }
    if asked.headers.get("accept").map(String::as_str) != Some("application/json") {
        return Reply { status: 200, headers: Vec::new(), body: "error=not_acceptable".to_owned() };
    }
    let Some(known) = logins.codes.remove(&field("code")) else { return no("bad_verification_code") };
    if field("redirect_uri") != known.back {
        return no("redirect_uri_mismatch");
    }
    if URL_SAFE_NO_PAD.encode(Sha256::digest(field("code_verifier"))) != known.challenge {
        return no("bad_verification_code");
    }
    logins.made += 1;
    let token = format!("ghu_canary{}", logins.made);
    logins.tokens.insert(token.clone(), known.login);
    reply(200, &json!({"access_token": token, "expires_in": 28_800, "token_type": "bearer", "scope": ""}))
}

/// What a person's token shows.
fn seen(github: &Github, state: &State, asked: &Asked, rest: &str) -> Reply {
    let token = asked.headers.get("authorization").and_then(|it| it.strip_prefix("Bearer ")).unwrap_or_default();
    let Some(login) = state.logins.tokens.get(token) else {
        return reply(401, &json!({"message": "Bad credentials"}));
    };
    let world: &World = &state.world;
    if world.suspended.contains(login) {
        return reply(403, &json!({"message": "Sorry. Your account was suspended."}));
    }
    let inside = !world.outside.contains(login);
    if rest.is_empty() {
        return reply(200, &world.rest_user(login));
    }
    if rest == "/installations" {
        // Public repositories of others are seen by everybody, and read by their own.
        let ours = [json!({"id": INSTALLATION, "app_id": 12345, "suspended_at": null})];
        return github.paged(asked, state, &ours, |page| json!({"total_count": 1, "installations": page}));
    }
    if rest == format!("/installations/{INSTALLATION}/repositories") {
        let repository = |id: u64, name: &str, pull: bool, admin: bool| json!({"id": id, "full_name": name, "permissions": {"pull": pull, "admin": admin}});
        let admin = world.admins.contains(login);
        let all = [repository(REPOSITORY_ID, REPOSITORY, inside, admin), repository(78, "acme/other", true, false)];
        return github.paged(asked, state, &all, |page| json!({"total_count": 2, "repositories": page}));
    }
    missing()
}
