//! The API's description says what there is: every route of the app, and what real requests are answered.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use countersign::web::api;
use serde_json::{Value, json};

use super::outside::with_argocd;
use super::{RUN, asks, reviews, shop, told, until};
use crate::support::github::described::misfit;
use crate::support::github::tokens;
use crate::support::github::world::{REPOSITORY, sha};

/// The routes that a file of the source lays out: method and path.
fn routes(text: &str, found: &mut BTreeSet<(String, String)>) {
    for (at, _) in text.match_indices(".route(") {
        let rest = &text[at + ".route(".len()..];
        let (path, rest) = rest.split_once(',').unwrap();
        // Each forge's deliveries are taken by the same route, at a path of their own.
        let paths = match path.trim() {
            "I::PATH" => vec!["/hooks/github", "/hooks/gitlab"],
            "BACK" => vec!["/login/back"],
            written => vec![written.trim_matches('"')],
        };
        let method = rest.trim_start().split('(').next().unwrap().rsplit(':').next().unwrap();
        for path in paths {
            assert!(path.starts_with('/') && ["get", "post"].contains(&method), "{path} {method}");
            found.insert((method.to_owned(), path.replace("{*", "{")));
        }
    }
}

fn sources(folder: &Path, found: &mut BTreeSet<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if !path.ends_with("pages/setup.rs") {
            // While no App is there yet, nobody asks but the one who makes it.
            routes(&fs::read_to_string(&path).unwrap(), found);
        }
    }
}

#[test]
fn every_route_is_described_and_nothing_else() {
    let mut there = BTreeSet::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web"), &mut there);
    let whole = api::description();
    let mut described = BTreeSet::new();
    for (path, item) in whole["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys().filter(|key| ["get", "post"].contains(&key.as_str())) {
            described.insert((method.clone(), path.clone()));
        }
    }
    assert_eq!(there, described);
    assert!(there.len() > 15, "{there:?}");
    // What it refers to is there, and each operation has a name of its own.
    let text = whole.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(whole.pointer(reference).is_some(), "{reference}");
    }
    let names: Vec<&str> = text.split("\"operationId\":\"").skip(1).map(|it| it.split('"').next().unwrap()).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{names:?}");
}

/// How an answer differs from what is described.
fn wrong(whole: &Value, asked: (&str, &str), (status, headers, body): (u16, String, &[u8])) -> Option<String> {
    let (method, path) = asked;
    let operation = &whole["paths"][path][method];
    let answer = &operation["responses"][status.to_string()];
    if answer.is_null() {
        return Some(format!("{path} answers {status}: {}", String::from_utf8_lossy(body)));
    }
    let (media, described) = answer["content"].as_object().unwrap().iter().next().unwrap();
    if !headers.to_ascii_lowercase().contains(&format!("content-type: {media}")) {
        return Some(format!("{path} answers {status} as no {media}: {headers}"));
    }
    if media != "application/json" {
        return None;
    }
    misfit(whole, &described["schema"], &serde_json::from_slice(body).unwrap(), path)
}

#[test]
fn what_is_asked_and_answered_is_as_described() {
    let github = shop();
    asks(&github);
    reviews(&github, "bo", "APPROVED");
    let mut taking = with_argocd(github);
    taking.start();
    until("an answer", || told(&taking.github).decided.is_some());
    let printed = taking.app.world.run(&["schema", "api"]);
    assert_eq!(printed.code, 0, "{}", printed.err);
    let (status, _, served) = taking.served().ask("GET /openapi.json");
    assert_eq!((status, String::from_utf8(served).unwrap()), (200, printed.out.clone()));
    let whole: Value = serde_json::from_str(&printed.out).unwrap();
    assert_eq!(whole["openapi"], "3.1.0");

    let bearer = || {
        let mut claims = taking.claims();
        claims["environment"] = json!("production");
        format!("Bearer {}", tokens::token(&claims))
    };
    let digest = "0".repeat(64);
    let manifest = json!({ "run": RUN, "attempt": 1, "commit": sha("51"),
        "files": [{ "path": "a.xml", "sha256": digest, "size": 3 }] });
    let report = json!({ "to": taking.url, "repository": REPOSITORY, "environment": "production", "commit": sha("51"),
        "status": "started", "url": "https://argocd.acme.example/1", "at": chrono::Utc::now() });
    let grant = json!({ "to": taking.url, "grant": "none", "uses": [] });
    let mut other = report.clone();
    other["environment"] = json!("staging");
    let mut tests = Vec::new();
    for (path, query, body, schema, status) in [
        ("/evidence/wanted", "", &manifest, "Manifest", 200),
        ("/evidence/closed", "", &manifest, "Manifest", 409),
        ("/evidence", "", &manifest, "Manifest", 400),
        ("/deployments", "", &report, "DeploymentReport", 200),
        ("/deployments", "", &other, "DeploymentReport", 403),
        ("/deployments", "", &json!({}), "", 400),
        ("/grants", "", &grant, "GrantReport", 400),
        ("/decision", "?environment=production", &Value::Null, "", 200),
        ("/decision", "?environment=staging", &Value::Null, "", 403),
        ("/decision", "", &Value::Null, "", 400),
    ] {
        if !schema.is_empty() {
            let schema = json!({ "$ref": format!("#/components/schemas/{schema}") });
            assert_eq!(misfit(&whole, &schema, body, path), None);
        }
        let method = if body.is_null() { "get" } else { "post" };
        tests.push((method, path, query, body.clone(), status, true));
    }
    for path in ["/evidence", "/evidence/wanted", "/evidence/closed", "/deployments", "/grants"] {
        let status = if path.starts_with("/evidence") { 401 } else { 400 };
        tests.push(("post", path, "", json!({}), status, false));
    }
    for path in ["/healthz", "/readyz", "/metrics", "/openapi.json"] {
        tests.push(("get", path, "", Value::Null, 200, false));
    }
    tests.push(("get", "/decision", "?environment=production", Value::Null, 401, false));
    for (method, path, query, body, status, shows) in tests {
        let token = bearer();
        let headers = if shows { vec![("authorization", token.as_str())] } else { Vec::new() };
        let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let line = format!("{} {path}{query}", method.to_ascii_uppercase());
        let (found, said, came) = taking.served().send(&line, &headers, &bytes);
        assert_eq!(found, status, "{line}: {}", String::from_utf8_lossy(&came));
        assert_eq!(wrong(&whole, (method, path), (found, said, &came)), None);
    }
}
