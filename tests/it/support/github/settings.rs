//! The settings of the fake's repository, its organisation and its App, and who may see which of them: an installation's
//! token sees what the App was given, a person's token is an administrator's.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::world::{APP, INSTALLATION, OWNER_ID};
use super::{Asked, Github, Reply, State, is_ours, missing, reply};

/// How everything is set.
#[derive(Debug)]
pub struct Settings {
    /// Whether an organisation owns the repository.
    pub organisation: bool,
    /// As REST lists them.
    pub environments: Vec<Value>,
    /// The App's rule of each environment: whether it is enabled, where it is one.
    pub rules: BTreeMap<String, bool>,
    /// The patterns of branches that may be deployed, by environment.
    pub patterns: BTreeMap<String, Vec<String>>,
    /// The names of secrets, by environment; those of the repository have no name.
    pub secrets: BTreeMap<String, Vec<String>>,
    /// The organisation's secrets that the repository may read, with who may.
    pub shared: Vec<(String, String)>,
    pub administrators: Vec<String>,
    /// The protection of the default branch, as REST has it.
    pub protection: Option<Value>,
    /// Other branches that are protected.
    pub protected: Vec<String>,
    /// The rules of the default branch that rulesets ask for, each with the ruleset.
    pub rulesets: Vec<(Value, Value)>,
    /// What the App was given, beside `metadata`.
    pub permissions: BTreeMap<String, String>,
    pub events: Vec<String>,
    /// The App's webhook.
    pub hook: Value,
    pub deliveries: Vec<Value>,
    pub not_installed: bool,
}

impl Default for Settings {
    /// Everything as it should be: `staging` and `production`, a policy that is reviewed, and an App that may what it needs.
    fn default() -> Self {
        let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let permissions = [
            ("actions", "read"),
            ("checks", "write"),
            ("contents", "read"),
            ("deployments", "write"),
            ("issues", "write"),
            ("members", "read"),
            ("pull_requests", "write"),
        ];
        let environment = |name: &str| {
            json!({"id": 1, "node_id": "E", "name": name, "can_admins_bypass": false,
                "protection_rules": [{"id": 2, "node_id": "R", "type": "branch_policy"}],
                "deployment_branch_policy": {"protected_branches": true, "custom_branch_policies": false}})
        };
        Self {
            organisation: true,
            environments: vec![environment("staging"), environment("production")],
            rules: [("staging".to_owned(), true), ("production".to_owned(), true)].into(),
            patterns: BTreeMap::new(),
            secrets: [("production".to_owned(), texts(&["DEPLOY_KEY"]))].into(),
            shared: Vec::new(),
            administrators: texts(&["root"]),
            protection: Some(json!({
                "required_pull_request_reviews": {"required_approving_review_count": 1},
                "enforce_admins": {"enabled": true},
            })),
            protected: Vec::new(),
            rulesets: Vec::new(),
            permissions: permissions.map(|(name, access)| (name.to_owned(), access.to_owned())).into(),
            events: texts(&[
                "check_run",
                "deployment_protection_rule",
                "deployment_review",
                "issue_comment",
                "issues",
                "membership",
                "pull_request",
                "pull_request_review",
                "push",
            ]),
            hook: json!({"url": "https://countersign.example/hooks/github", "content_type": "json", "secret": "********",
                "insecure_ssl": "0"}),
            deliveries: vec![delivery("g1", "push", 202)],
            not_installed: false,
        }
    }
}

/// A delivery as GitHub lists it.
pub fn delivery(guid: &str, event: &str, status: u16) -> Value {
    json!({"id": 1, "guid": guid, "delivered_at": "2026-12-01T10:00:00Z", "redelivery": false, "duration": 0.1,
        "status": if status == 202 { "OK" } else { "Service Unavailable" }, "status_code": status, "event": event,
        "action": null, "installation_id": INSTALLATION, "repository_id": null})
}

impl Settings {
    /// An environment, as REST lists it.
    pub fn environment(&mut self, name: &str) -> &mut Value {
        self.environments.iter_mut().find(|it| it["name"] == name).unwrap()
    }
}

/// The permission that GitHub asks for, where it is none that the App needs.
fn needs(parts: &[&str]) -> Option<&'static str> {
    match parts {
        ["orgs", _, "actions", "secrets"] => Some("organization_secrets"),
        ["orgs", _, "teams", ..] => Some("members"),
        ["repos", _, _, "environments", _, "secrets"] => Some("environments"),
        ["repos", _, _, "actions", "secrets" | "organization-secrets"] => Some("secrets"),
        ["repos", _, _, "branches", _, "protection"] => Some("administration"),
        ["repos", _, _, "environments", ..] => Some("actions"),
        _ => None,
    }
}

/// What GitHub answers where this is about settings.
pub(super) fn answer(github: &Github, state: &State, asked: &Asked, token: &str, parts: &[&str]) -> Option<Reply> {
    if asked.method != "GET" {
        return None;
    }
    let settings = &state.world.settings;
    let of_app = token.starts_with("ghs_");
    if let Some(needed) = needs(parts)
        && of_app
        && !settings.permissions.contains_key(needed)
    {
        return Some(reply(403, &json!({"message": "Resource not accessible by integration"})));
    }
    let names = |names: Option<&Vec<String>>| -> Vec<Value> {
        names.into_iter().flatten().map(|name| json!({"name": name, "created_at": "", "updated_at": ""})).collect()
    };
    let secrets = |found: &[Value]| {
        let total = found.len();
        github.paged(asked, state, found, |page| json!({"total_count": total, "secrets": page}))
    };
    let (owner, rest) = match parts {
        ["app", "hook", "config"] => return Some(reply(200, &settings.hook)),
        ["app", "hook", "deliveries"] => return Some(reply(200, &json!(settings.deliveries))),
        ["orgs", "acme", "actions", "secrets"] if settings.organisation => {
            let all: Vec<Value> = settings
                .shared
                .iter()
                .map(|(name, visibility)| json!({"name": name, "visibility": visibility}))
                .collect();
            return Some(secrets(&all));
        }
        ["orgs", organisation, "teams", team, "members"] => {
            let members = state.world.teams.get(&format!("{organisation}/{team}"));
            let Some(members) = members else { return Some(missing()) };
            let members: Vec<Value> = members.iter().map(|login| state.world.rest_user(login)).collect();
            return Some(github.paged(asked, state, &members, |page| json!(page)));
        }
        ["repos", owner, name, rest @ ..] if is_ours(owner, name) => (*owner, rest),
        _ => return None,
    };
    let kind = if settings.organisation { "Organization" } else { "User" };
    let plain = |text: &str| percent_decode_str(text).decode_utf8().unwrap().into_owned();
    let answer = match rest {
        [] => reply(
            200,
            &json!({"id": 77, "full_name": format!("{owner}/shop"), "default_branch": "main",
                "owner": {"login": owner, "id": OWNER_ID, "type": kind}}),
        ),
        ["installation"] if settings.not_installed => missing(),
        ["installation"] => reply(
            200,
            &json!({"id": INSTALLATION, "app_id": APP.parse::<u64>().unwrap(), "permissions": settings.permissions,
                "events": settings.events, "suspended_at": state.suspended.then_some("2026-01-01T00:00:00Z")}),
        ),
        ["environments"] => {
            let all = &settings.environments;
            github.paged(asked, state, all, |page| json!({"total_count": all.len(), "environments": page}))
        }
        ["environments", name, "deployment_protection_rules"] => {
            let app = json!({"id": APP.parse::<u64>().unwrap(), "slug": "countersign"});
            let rule = settings.rules.get(&plain(name));
            let rules: Vec<Value> =
                rule.iter().map(|enabled| json!({"id": 3, "node_id": "x", "enabled": enabled, "app": app})).collect();
            reply(200, &json!({"total_count": rules.len(), "custom_deployment_protection_rules": rules}))
        }
        ["environments", name, "deployment-branch-policies"] => {
            let patterns = settings.patterns.get(&plain(name)).into_iter().flatten();
            let patterns: Vec<Value> = patterns.map(|pattern| json!({"id": 1, "name": pattern})).collect();
            let total = patterns.len();
            github.paged(asked, state, &patterns, |page| json!({"total_count": total, "branch_policies": page}))
        }
        ["environments", name, "secrets"] => secrets(&names(settings.secrets.get(&plain(name)))),
        ["actions", "secrets"] => secrets(&names(settings.secrets.get(""))),
        ["actions", "organization-secrets"] => {
            let shared: Vec<String> = settings.shared.iter().map(|(name, _)| name.clone()).collect();
            secrets(&names(Some(&shared)))
        }
        ["collaborators"] => {
            assert_eq!(asked.query.get("permission").map(String::as_str), Some("admin"));
            let all: Vec<Value> = settings.administrators.iter().map(|login| json!({"login": login})).collect();
            github.paged(asked, state, &all, |page| json!(page))
        }
        ["branches", name] => {
            let name = plain(name);
            let Some(tip) = state.world.branches.get(&format!("refs/heads/{name}")) else { return Some(missing()) };
            let protected = settings.protected.contains(&name) || (name == "main" && settings.protection.is_some());
            reply(200, &json!({"name": name, "protected": protected, "commit": {"sha": tip}}))
        }
        ["branches", "main", "protection"] => match &settings.protection {
            Some(protection) => reply(200, protection),
            None => reply(404, &json!({"message": "Branch not protected"})),
        },
        ["rules", "branches", "main"] => {
            let rules: Vec<Value> = settings.rulesets.iter().map(|(rule, _)| rule.clone()).collect();
            github.paged(asked, state, &rules, |page| json!(page))
        }
        ["rules", "branches", _] => reply(200, &json!([])),
        ["rulesets", id] => {
            let found = settings.rulesets.iter().find(|(rule, _)| rule["ruleset_id"].as_u64() == id.parse().ok());
            let Some((_, ruleset)) = found else { return Some(missing()) };
            let mut ruleset = ruleset.clone();
            // Whoever may not change it is not told whom it lets past.
            if of_app && settings.permissions.get("administration").map(String::as_str) != Some("write") {
                ruleset.as_object_mut().unwrap().remove("bypass_actors");
            }
            reply(200, &ruleset)
        }
        _ => return None,
    };
    Some(answer)
}
