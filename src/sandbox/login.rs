//! How people log in: OAuth 2.0 (RFC 6749) with PKCE (RFC 7636), as GitHub has it for Apps and GitLab for applications, but that whoever sits before the
//! browser says who he is and needs no password. A code is good once and for who asked for it.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::asked::{Asked, Reply};
use super::tokens::{CLIENT, random};
use super::world::{APP, INSTALLATION, World};
use super::{Kind, Sandbox, pages, payload};

/// The fields with which a browser is sent here.
pub(super) const FIELDS: [&str; 7] =
    ["client_id", "redirect_uri", "state", "code_challenge", "code_challenge_method", "response_type", "scope"];

/// Codes that were handed out, and tokens of people.
#[derive(Default)]
pub(super) struct Logins {
    codes: BTreeMap<String, Code>,
    tokens: BTreeMap<String, String>,
}

struct Code {
    login: String,
    challenge: String,
}

pub(super) fn answer(sandbox: &Sandbox, asked: &Asked) -> Reply {
    match (asked.method.as_str(), asked.path.trim_start_matches("/login")) {
        ("GET", "/oauth/discovery/keys") => super::tokens::issues(sandbox, asked),
        ("GET", "/oauth/authorize") => match wrong(sandbox, &asked.query) {
            Some(why) => Reply::message(400, why),
            None => pages::who_are_you(sandbox, &asked.query),
        },
        ("POST", "/oauth/authorize") if pages::is_own(sandbox, asked) => authorised(sandbox, asked),
        ("POST", "/oauth/access_token" | "/oauth/token") => traded(sandbox, asked),
        _ => Reply::missing(),
    }
}

/// What is wrong with what a browser was sent with.
fn wrong(sandbox: &Sandbox, fields: &BTreeMap<String, String>) -> Option<&'static str> {
    let field = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
    if field("client_id") != CLIENT {
        return Some("there is no App of this client id");
    }
    if field("redirect_uri") != sandbox.registered().callback {
        return Some("The redirect_uri is not associated with this application.");
    }
    if sandbox.kind() == Kind::Gitlab && (field("response_type"), field("scope")) != ("code", "read_api") {
        return Some("The requested scope is invalid, unknown, or malformed.");
    }
    let is_whole = !field("code_challenge").is_empty() && field("code_challenge_method") == "S256";
    (!is_whole || field("state").is_empty()).then_some("a state and a challenge of S256 are needed")
}

/// Somebody said who he is, and that the App may know it.
fn authorised(sandbox: &Sandbox, asked: &Asked) -> Reply {
    if let Some(why) = wrong(sandbox, &asked.form) {
        return Reply::message(400, why);
    }
    let login = asked.field("person").to_owned();
    if !sandbox.look(|world| world.people.contains_key(&login)) {
        return Reply::message(400, "nobody here is called that");
    }
    let Ok(code) = random() else { return Reply::message(500, "no random numbers come") };
    let kept = Code { login: login.clone(), challenge: asked.field("code_challenge").to_owned() };
    sandbox.held().logins.codes.insert(code.clone(), kept);
    let state = utf8_percent_encode(asked.field("state"), NON_ALPHANUMERIC);
    let mut reply = Reply::to(&format!("{}?code={code}&state={state}", sandbox.registered().callback));
    reply.headers.push(pages::remembered(&login));
    reply
}

/// The App trades a code for a token. What is wrong GitHub says with 200, and GitLab with 400.
fn traded(sandbox: &Sandbox, asked: &Asked) -> Reply {
    let status = if sandbox.kind() == Kind::Gitlab { 400 } else { 200 };
    let no = |error: &str| Reply::json(status, &json!({"error": error, "error_description": error.replace('_', " ")}));
    if asked.field("client_id") != CLIENT || asked.field("client_secret") != sandbox.registered().client_secret {
        return no("incorrect_client_credentials");
    }
    let mut held = sandbox.held();
    let Some(code) = held.logins.codes.remove(asked.field("code")) else { return no("bad_verification_code") };
    if asked.field("redirect_uri") != sandbox.registered().callback {
        return no("redirect_uri_mismatch");
    }
    if URL_SAFE_NO_PAD.encode(Sha256::digest(asked.field("code_verifier"))) != code.challenge {
        return no("bad_verification_code");
    }
    let Ok(token) = random() else { return no("server_error") };
    let (token, lives, scope) = match sandbox.kind() {
        Kind::Github => (format!("ghu_{token}"), 28_800, ""),
        Kind::Gitlab => (token, 7_200, "read_api"),
    };
    held.logins.tokens.insert(token.clone(), code.login);
    Reply::json(200, &json!({"access_token": token, "expires_in": lives, "token_type": "bearer", "scope": scope}))
}

/// Whose a person's token is.
pub(super) fn whose(sandbox: &Sandbox, token: &str) -> Option<String> {
    sandbox.held().logins.tokens.get(token).cloned()
}

/// What a person's token shows: who he is, and what he may read through the App.
pub(super) fn seen(sandbox: &Sandbox, asked: &Asked, rest: Option<&[&str]>) -> Reply {
    let held = sandbox.held();
    let Some(login) = held.logins.tokens.get(asked.bearer()) else { return Reply::message(401, "Bad credentials") };
    let world: &World = &held.world;
    let is_inside = world.is_inside(login);
    match rest.unwrap_or_default() {
        [] => Reply::json(200, &payload::user(world, login)),
        ["installations"] => {
            let ours =
                json!({"id": INSTALLATION, "app_id": APP.parse::<u64>().unwrap_or_default(), "suspended_at": null});
            let all: Vec<Value> = is_inside.then_some(ours).into_iter().collect();
            asked.page(sandbox.address(), &all, |page| json!({"total_count": all.len(), "installations": page}))
        }
        ["installations", id, "repositories"] if is_inside && *id == INSTALLATION.to_string() => {
            let mut ours = payload::repository();
            if let Some(ours) = ours.as_object_mut() {
                ours.insert("permissions".to_owned(), json!({"pull": true, "push": true, "admin": false}));
            }
            asked.page(sandbox.address(), &[ours], |page| json!({"total_count": 1, "repositories": page}))
        }
        _ => Reply::missing(),
    }
}
