//! How Apps are made at the fake GitHub: the manifest flow. A code is good once, and what comes of it is shown once.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::login::CLIENT;
use super::world::APP;
use super::{Asked, Github, Reply, State, missing, reply};

pub const WEBHOOK_SECRET: &str = "a webhook secret canary of a manifest";

/// What was proposed, and what may still be traded.
#[derive(Default)]
pub struct Manifests {
    /// The manifest by its code.
    codes: BTreeMap<String, Value>,
    /// Every manifest that was taken, with whose the App was to be.
    pub taken: Vec<(Option<String>, Value)>,
    /// The key that the next App gets, as PEM.
    pub key: String,
}

impl Github {
    /// The key of the App that is made next.
    pub fn next_key(&self, pem: &str) {
        pem.clone_into(&mut self.lock().manifests.key);
    }

    /// The manifests that were taken.
    pub fn manifests(&self) -> Vec<(Option<String>, Value)> {
        self.lock().manifests.taken.clone()
    }
}

/// What GitHub answers where this makes an App.
pub(super) fn answer(state: &mut State, asked: &Asked) -> Option<Reply> {
    let parts: Vec<&str> = asked.path.trim_start_matches('/').split('/').collect();
    match (asked.method.as_str(), parts.as_slice()) {
        ("POST", ["settings", "apps", "new"]) => Some(propose(&mut state.manifests, asked, None)),
        ("POST", ["organizations", whose, "settings", "apps", "new"]) => {
            Some(propose(&mut state.manifests, asked, Some((*whose).to_owned())))
        }
        ("POST", ["api", "v3", "app-manifests", code, "conversions"]) => Some(convert(&mut state.manifests, code)),
        _ => None,
    }
}

fn propose(manifests: &mut Manifests, asked: &Asked, whose: Option<String>) -> Reply {
    let form = asked.body.as_str().unwrap_or_default();
    let field = form.split('&').find_map(|pair| pair.strip_prefix("manifest=")).unwrap_or_default();
    let text = percent_decode_str(&field.replace('+', " ")).decode_utf8().unwrap().into_owned();
    let Ok(manifest) = serde_json::from_str::<Value>(&text) else { return missing() };
    let refused = |says: &str| reply(422, &json!({"message": says}));
    if !manifest["url"].is_string() || !manifest["redirect_url"].is_string() {
        return refused("url and redirect_url are needed");
    }
    if manifest["name"].as_str().is_none_or(|name| name.chars().count() > 34) {
        return refused("the name is missing or too long");
    }
    if manifest["hook_attributes"]["url"].as_str().is_none_or(|url| !url.starts_with("http")) {
        return refused("hook url is needed");
    }
    let code = format!("{:040x}", manifests.taken.len() + 1);
    let to = format!("{}?code={code}&state={}", manifest["redirect_url"].as_str().unwrap(), asked.query["state"]);
    manifests.codes.insert(code, manifest.clone());
    manifests.taken.push((whose, manifest));
    let mut answer = reply(302, &Value::Null);
    answer.headers.push(("location".to_owned(), to));
    answer
}

fn convert(manifests: &mut Manifests, code: &str) -> Reply {
    let Some(manifest) = manifests.codes.remove(code) else { return missing() };
    reply(
        201,
        &json!({"id": APP.parse::<u64>().unwrap(), "slug": "countersign-acme", "node_id": "A", "name": manifest["name"],
            "html_url": "https://github.example/apps/countersign-acme", "client_id": CLIENT,
            "client_secret": super::login::CLIENT_SECRET, "webhook_secret": WEBHOOK_SECRET, "pem": manifests.key,
            "permissions": manifest["default_permissions"], "events": manifest["default_events"]}),
    )
}
