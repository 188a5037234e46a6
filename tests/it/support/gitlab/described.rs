//! GitLab's own description of its interface (Swagger 2.0), which lies beside the checkout. It leaves out notes,
//! protected environments and whose a token is, which are named here; everything else that is asked has to be in it.

use std::path::Path;
use std::sync::OnceLock;

use serde_json::Value;

use super::Asked;

/// What GitLab has and its description does not.
const UNDESCRIBED: [&str; 9] = [
    "/status_check",
    "/77/issues",
    "/notes",
    "/protected_environments",
    "/external_status_checks",
    "/approval_rules",
    "/77/approvals",
    "/groups/acme/hooks",
    "/hooks/3/events",
];

fn whole() -> Option<&'static Value> {
    static WHOLE: OnceLock<Option<Value>> = OnceLock::new();
    WHOLE
        .get_or_init(|| {
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/specs/gitlab-v4-2024-11.json");
            let Ok(bytes) = std::fs::read(&file) else {
                eprintln!("skipped: GitLab's description is not at {}", file.display());
                return None;
            };
            Some(serde_json::from_slice(&bytes).unwrap())
        })
        .as_ref()
}

/// What is wrong with a request by GitLab's own description.
pub fn wrong(asked: &Asked) -> Option<String> {
    let whole = whole()?;
    let path = asked.path.strip_prefix("/git")?;
    if path == "/api/v4/user" || UNDESCRIBED.iter().any(|part| path.contains(part)) {
        return None;
    }
    let parts: Vec<&str> = path.split('/').collect();
    let fits = |template: &str| {
        let wanted: Vec<&str> = template.split('/').collect();
        wanted.len() == parts.len()
            && wanted.iter().zip(&parts).all(|(want, part)| want.starts_with('{') && !part.is_empty() || want == part)
    };
    let method = asked.method.to_ascii_lowercase();
    let paths = whole["paths"].as_object().unwrap();
    // What is written out in a template goes before what stands for anything.
    let found = paths
        .iter()
        .filter(|(template, item)| fits(template) && item.get(&method).is_some())
        .min_by_key(|(template, _)| template.matches('{').count());
    let Some((template, item)) = found else { return Some(format!("no {method} {path}")) };
    let parameters: Vec<&Value> = item[&method]["parameters"].as_array().into_iter().flatten().collect();
    for (name, value) in &asked.query {
        // Pages go on with these where the description leaves them out.
        if name == "page" || name == "per_page" {
            continue;
        }
        let known = parameters.iter().find(|it| it["in"] == "query" && it["name"] == name.trim_end_matches("[]"));
        let Some(known) = known else { return Some(format!("{template} has no parameter `{name}`")) };
        let plain = |word: &Value| word.as_str().map_or_else(|| word.to_string(), str::to_owned);
        if known["enum"].as_array().is_some_and(|words| !words.iter().any(|word| plain(word) == *value)) {
            return Some(format!("{template}: `{name}` is never `{value}`"));
        }
    }
    for needed in parameters.iter().filter(|it| it["in"] == "query" && it["required"] == true) {
        let name = needed["name"].as_str().unwrap();
        if !asked.query.iter().any(|(it, _)| it.trim_end_matches("[]") == name) {
            return Some(format!("{template} needs `{name}`"));
        }
    }
    let body = parameters.iter().find(|it| it["in"] == "body")?;
    let form = body["schema"]["$ref"].as_str()?.strip_prefix("#/definitions/")?;
    wrong_body(&whole["definitions"][form], &asked.body).map(|wrong| format!("{template}: {wrong}"))
}

/// What is wrong with what a request brings.
fn wrong_body(form: &Value, body: &Value) -> Option<String> {
    let Some(body) = body.as_object() else { return Some("it brings no object".to_owned()) };
    for needed in form["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !body.contains_key(needed) {
            return Some(format!("it needs `{needed}`"));
        }
    }
    for (name, value) in body {
        let known = &form["properties"][name];
        if known.is_null() {
            return Some(format!("it takes no `{name}`"));
        }
        if known["enum"].as_array().is_some_and(|words| !words.contains(value)) {
            return Some(format!("`{name}` is never {value}"));
        }
    }
    None
}

#[test]
fn what_gitlab_does_not_have_is_found() {
    let asked = |path: &str, query: &[(&str, &str)]| Asked {
        method: "GET".to_owned(),
        path: format!("/git/api/v4{path}"),
        query: query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        headers: std::collections::BTreeMap::new(),
        body: Value::Null,
    };
    if whole().is_none() {
        return;
    }
    assert_eq!(wrong(&asked("/projects/1/deployments", &[("order_by", "id"), ("page", "2")])), None);
    assert!(wrong(&asked("/projects/1/deployments", &[("order_by", "name")])).is_some());
    assert!(wrong(&asked("/projects/1/deployments", &[("colour", "red")])).is_some());
    assert!(wrong(&asked("/projects/1/repository/merge_base", &[])).is_some());
    assert!(wrong(&asked("/projects/1/nothing", &[])).is_some());
    let vote = |body: Value| {
        wrong(&Asked { method: "POST".to_owned(), body, ..asked("/projects/1/deployments/7/approval", &[]) })
    };
    assert_eq!(vote(serde_json::json!({"status": "approved", "represented_as": "bo"})), None);
    assert!(vote(serde_json::json!({"status": "maybe"})).is_some());
    assert!(vote(serde_json::json!({"comment": "fine"})).is_some());
    assert!(vote(serde_json::json!({"status": "approved", "as": "bo"})).is_some());
}
