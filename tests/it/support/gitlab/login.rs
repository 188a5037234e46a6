//! How people log in at the fake GitLab: an OAuth application's authorization code flow, with what GitLab enforces of it. A
//! code is good once, for who asked for it, and only with its verifier; the redirect URI is the application's; and a token of
//! somebody who is blocked or has revoked it is good for nothing.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Asked, Gitlab, Reply, missing, reply};

pub const CLIENT: &str = "an-application-canary";
pub const CLIENT_SECRET: &str = "gloas-a client secret canary of GitLab";

/// Who sits before the browser, and what was handed out.
#[derive(Default)]
pub struct Logins {
    person: Option<String>,
    back: String,
    codes: BTreeMap<String, Code>,
    pub(super) tokens: BTreeMap<String, String>,
    /// What is good for the next token, once.
    next: BTreeMap<String, String>,
    made: usize,
}

struct Code {
    login: String,
    challenge: String,
}

impl Gitlab {
    /// The redirect URI of the application.
    pub fn sends_back(&self, url: &str) {
        url.clone_into(&mut self.lock().logins.back);
    }

    /// Who sits before the browser and says yes; nobody says no.
    pub fn person(&self, login: Option<&str>) {
        self.lock().logins.person = login.map(str::to_owned);
    }

    /// Somebody takes back what he allowed the application.
    pub fn revoke_person(&self, login: &str) {
        let mut state = self.lock();
        state.logins.tokens.retain(|_, of| of != login);
        state.logins.next.retain(|_, of| of != login);
    }

    /// The tokens of people have ended.
    pub fn tokens_end(&self) {
        self.lock().logins.tokens.clear();
    }
}

/// What GitLab answers where this is of a login.
pub(super) fn answer(logins: &mut Logins, asked: &Asked) -> Option<Reply> {
    match (asked.method.as_str(), asked.path.as_str()) {
        ("GET", "/git/oauth/authorize") => Some(authorize(logins, asked)),
        ("POST", "/git/oauth/token") => Some(trade(logins, asked)),
        _ => None,
    }
}

fn authorize(logins: &mut Logins, asked: &Asked) -> Reply {
    let query = |name: &str| asked.query(name).unwrap_or_default();
    if query("client_id") != CLIENT {
        return missing("Application");
    }
    // GitLab shows a page about it, and sends nobody anywhere.
    if query("redirect_uri") != logins.back || query("response_type") != "code" {
        return reply(400, &json!({"error": "invalid_redirect_uri"}));
    }
    if query("scope") != "read_api" {
        return reply(400, &json!({"error": "invalid_scope"}));
    }
    if query("code_challenge").is_empty() || query("code_challenge_method") != "S256" || query("state").is_empty() {
        return reply(400, &json!({"error": "this fake asks for what GitLab recommends"}));
    }
    let mut to = format!("{}?state={}", logins.back, query("state"));
    match logins.person.clone() {
        Some(login) => {
            logins.made += 1;
            let code = format!("code{}canary", logins.made);
            to.extend(["&code=", &code]);
            logins.codes.insert(code, Code { login, challenge: query("code_challenge").to_owned() });
        }
        None => to.push_str("&error=access_denied&error_description=The+resource+owner+denied+the+request."),
    }
    let mut answer = reply(302, &Value::Null);
    answer.headers.push(("location".to_owned(), to));
    answer
}

fn trade(logins: &mut Logins, asked: &Asked) -> Reply {
    let plain = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8().unwrap().into_owned();
    let body = asked.body.as_str().unwrap_or_default();
    let form: BTreeMap<&str, String> =
        body.split('&').filter_map(|pair| pair.split_once('=')).map(|(name, value)| (name, plain(value))).collect();
    let field = |name: &str| form.get(name).cloned().unwrap_or_default();
    let no = |status: u16, error: &str| {
        reply(status, &json!({"error": error, "error_description": format!("fake: {error}")}))
    };
    if field("client_id") != CLIENT || field("client_secret") != CLIENT_SECRET {
        return no(401, "invalid_client");
    }
    if field("grant_type") == "refresh_token" && field("redirect_uri") == logins.back {
        let login = logins.next.remove(&field("refresh_token"));
        return login.map_or_else(|| no(400, "invalid_grant"), |login| given(logins, login));
    }
    if field("grant_type") != "authorization_code" {
        return no(400, "unsupported_grant_type");
    }
    let known = logins.codes.remove(&field("code")).filter(|known| {
        URL_SAFE_NO_PAD.encode(Sha256::digest(field("code_verifier"))) == known.challenge
            && field("redirect_uri") == logins.back
    });
    let Some(known) = known else { return no(400, "invalid_grant") };
    given(logins, known.login)
}

/// A token, and what is good for the next.
fn given(logins: &mut Logins, login: String) -> Reply {
    logins.made += 1;
    let token = format!("oauth-canary{}", logins.made);
    let next = format!("refresh-canary{}", logins.made);
    logins.next.insert(next.clone(), login.clone());
    logins.tokens.insert(token.clone(), login);
    reply(
        200,
        &json!({"access_token": token, "token_type": "Bearer", "expires_in": 7_200,
        "refresh_token": next, "scope": "read_api", "created_at": 1_770_000_000}),
    )
}
