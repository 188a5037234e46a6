//! What is released, told in words: changes, components, deployments, packages, grants.

use chrono::{DateTime, Duration, Utc};
use countersign::policy::Policy;
use serde_json::{Map, Value, json};
use toml::Table;

use super::phrases::{Read, Setting, commit, digest, lay, marker, plain, stamp, unavailable, words};
use super::situation::{entries, list, text};

/// The commit that is released, unless the situation names another.
const HEAD: &str = "9e1d";

pub fn build(policy: &Policy, given: &Table, setting: &Setting, submitted: DateTime<Utc>) -> Read<Value> {
    let head = commit(text(given, "commit")?.unwrap_or(HEAD));
    let changes = list(given, "changes", &Value::Null, |phrase| change(phrase, setting))?;
    let components = components(policy, given, &changes)?;
    let one = |key: &str, otherwise: Value| -> Read<Value> {
        match text(given, key)? {
            None => Ok(otherwise),
            Some(word) => Ok(marker(word).unwrap_or_else(|| json!(word))),
        }
    };
    let account = |key: &str| -> Read<Value> {
        Ok(match text(given, key)? {
            None => Value::Null,
            Some(name) => marker(name).unwrap_or_else(|| json!(setting.account(name))),
        })
    };
    let mut release = json!({
        "name": text(given, "release")?.unwrap_or("shop 2.4.0"),
        "forge": setting.forge,
        "repository": setting.repository,
        "environment": text(given, "environment")?.unwrap_or("production"),
        "commit": head,
        "submitted_at": stamp(submitted),
        "asked_since": text(given, "asked_since")?.map(|at| setting.instant(at)).transpose()?.map(stamp),
        "trigger": account("trigger")?,
        "deployed_by": one("deployed_by", json!(setting.forge))?,
        "new_vendors": list(given, "new_vendors", &Value::Null, |name| Ok(json!(name)))?,
        "vendors_before": vendors_before(policy, given)?,
        "running": list(given, "running", &Value::Null, vulnerability)?,
        "released": list(given, "released", &Value::Null, |id| Ok(json!(id)))?,
        "irreversible": list(given, "irreversible", &Value::Null, |id| Ok(json!(id)))?,
        "outcome": one("outcome", Value::Null)?,
        "bypassed_by": account("bypassed_by")?,
    });
    release["documented"] = given.get("documented").map_or(json!(true), plain);
    release["reference"] = reference(text(given, "reference")?.unwrap_or("main"), &head)?;
    release["changes"] = changes;
    release["components"] = components;
    release["package"] = package(policy, given, &release)?;
    release["break_glass"] = grant(given, setting, &release)?;
    Ok(release)
}

/// The third parties that were declared before: all that are now, unless the situation says.
fn vendors_before(policy: &Policy, given: &Table) -> Read<Value> {
    let now: Vec<&String> = policy.rules.components.iter().flat_map(|component| &component.vendors).collect();
    list(given, "vendors_before", &json!(now), |name| Ok(json!(name)))
}

/// `main`, `tag v2`, and what is wrong with it: `, moved`, `, unreachable`, `, reach unavailable`; `refs/…` stays.
fn reference(phrase: &str, head: &str) -> Read<Value> {
    if let Some(word) = marker(phrase) {
        return Ok(word);
    }
    let mut clauses = phrase.split(", ");
    let name = clauses.next().unwrap_or_default();
    let name = match name.strip_prefix("tag ") {
        Some(tag) => format!("refs/tags/{tag}"),
        None if name.starts_with("refs/") => name.to_owned(),
        None => format!("refs/heads/{name}"),
    };
    let main = name == "refs/heads/main" || name.starts_with("refs/tags/");
    let mut reference = json!({"name": name, "reaches": true, "on_default": main, "resolves_to": head});
    for clause in clauses {
        match clause {
            "moved" => reference["resolves_to"] = json!(commit("0bad")),
            "on main" => reference["on_default"] = json!(true),
            "not on main" => reference["on_default"] = json!(false),
            "perhaps on main" => reference["on_default"] = unavailable(),
            "unreachable" => reference["reaches"] = json!(false),
            "reach unavailable" => reference["reaches"] = unavailable(),
            "target unavailable" => reference["resolves_to"] = unavailable(),
            "gone" => reference["resolves_to"] = Value::Null,
            "ahead" => reference["resolves_to"] = json!(commit("aaaa")),
            _ => return Err(format!("`{clause}` says nothing about a reference")),
        }
    }
    Ok(reference)
}

/// `#12 by ana touches a.rs b.rs, 40 lines`; README.md lists the clauses.
fn change(phrase: &str, setting: &Setting) -> Read<Value> {
    let (id, rest) = phrase.split_once(' ').ok_or("a change says at least by whom")?;
    let rest = rest.replace(", touches ", " touches ").replace(" touches ", ", touches ");
    let number = id.trim_start_matches('#');
    let mut change = json!({
        "id": setting.change(id), "content": setting.content(id, "1"), "direct": false, "files": null, "lines": 10,
        "landed": null,
    });
    let mut commits: Vec<Value> = Vec::new();
    for clause in rest.split(", ").flat_map(|clause| clause.split(" and then ")) {
        let (word, object) = clause.split_once(' ').unwrap_or((clause, ""));
        let account = |text: &str| marker(text).unwrap_or_else(|| json!(setting.account(text)));
        let several = |text: &str| marker(text).unwrap_or_else(|| json!(setting.accounts(&words(text))));
        match (word, object) {
            ("version", version) => change["content"] = json!(setting.content(id, version)),
            ("touches", "nothing") => change["files"] = json!([]),
            ("touches", files) => change["files"] = json!(words(files)),
            ("files", word) => {
                change["files"] = marker(word).ok_or("files are `unavailable`, or said with `touches`")?;
            }
            (_, "lines") => {
                change["lines"] = match word.parse::<u64>() {
                    Ok(number) => json!(number),
                    Err(_) => return Err(format!("`{clause}` is no number of lines")),
                }
            }
            ("lines", word) => change["lines"] = marker(word).ok_or("lines are a number")?,
            ("direct", "") => change["direct"] = json!(true),
            ("commits", word) => change["commits"] = marker(word).ok_or("commits are `unavailable`")?,
            ("landed", how) => change["landed"] = landing(how)?,
            ("by", who) => {
                let nth = commits.len();
                let letter = char::from(b'a' + u8::try_from(nth).unwrap_or(25));
                let who = account(who);
                commits.push(json!({
                    "sha": commit(&format!("{number}{letter}")), "author": who, "committer": who, "co_authors": null,
                    "pushed_by": who, "on_behalf_of": null, "merge": null,
                }));
            }
            _ => {
                let latest = commits.last_mut().ok_or("`by WHO` comes first")?;
                match (word, object) {
                    ("commit", sha) => latest["sha"] = json!(commit(sha)),
                    ("committed", who) => latest["committer"] = account(who.trim_start_matches("by ")),
                    ("pushed", who) => latest["pushed_by"] = account(who.trim_start_matches("by ")),
                    ("authored", who) => latest["author"] = account(who.trim_start_matches("by ")),
                    ("co-authored", who) => latest["co_authors"] = several(who.trim_start_matches("by ")),
                    ("on", who) => latest["on_behalf_of"] = several(who.trim_start_matches("behalf of ")),
                    ("merged", "clean") => latest["merge"] = json!("clean"),
                    ("merged", "with edits") => latest["merge"] = json!("edited"),
                    ("merged", "unavailable") => latest["merge"] = unavailable(),
                    _ => return Err(format!("`{clause}` says nothing about a change")),
                }
            }
        }
    }
    if change.get("commits").is_none() {
        change["commits"] = json!(commits);
    }
    Ok(change)
}

/// `as reviewed`, `as its clean merge`, `with more in db/up.sql`, `unavailable`, `as nobody knows`.
fn landing(how: &str) -> Read<Value> {
    Ok(match how {
        "unavailable" => unavailable(),
        "as reviewed" => json!({"tree": "t1", "reviewed": "t1", "clean_merge": "t2"}),
        "as its clean merge" => json!({"tree": "t2", "reviewed": "t1", "clean_merge": "t2"}),
        "as nobody knows" => json!({"tree": "t2", "reviewed": unavailable(), "clean_merge": unavailable()}),
        _ => match how.strip_prefix("with more in ") {
            Some(paths) => json!({"tree": "t3", "reviewed": "t1", "clean_merge": "t2", "differs": words(paths)}),
            None => return Err(format!("`landed {how}`: README.md lists how changes land")),
        },
    })
}

/// Every component that the changes touch, and those that the situation names; each with content and an artifact of
/// its name, unless it says otherwise.
fn components(policy: &Policy, given: &Table, changes: &Value) -> Read<Value> {
    let mut released = Map::new();
    let usual = |name: &str| json!({"content": format!("{name} new"), "artifacts": [digest(&format!("{name} new"))]});
    let files: Vec<&str> = changes
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|change| change["files"].as_array().into_iter().flatten().filter_map(Value::as_str))
        .collect();
    for component in &policy.rules.components {
        if files.iter().any(|file| component.paths.matches(file)) {
            released.insert(component.name.clone(), usual(&component.name));
        }
    }
    match given.get("components") {
        None => {}
        // What the changes touch goes, whether the facts name it or not.
        Some(toml::Value::String(word)) if word == "unsaid" => return Ok(json!({})),
        Some(toml::Value::Array(names)) => {
            for name in names.iter().filter_map(toml::Value::as_str) {
                released.insert(name.to_owned(), usual(name));
            }
        }
        Some(toml::Value::Table(table)) => {
            for (name, what) in table {
                let one = released.entry(name.clone()).or_insert_with(|| usual(name));
                match what {
                    toml::Value::String(content) => *one = at(content),
                    other => lay(&plain(other), one),
                }
            }
        }
        Some(_) => return Err("components are a list of names, or a table".to_owned()),
    }
    Ok(Value::Object(released))
}

/// Content by a word, with an artifact of that word.
fn at(word: &str) -> Value {
    match word {
        "unavailable" => json!({"content": unavailable(), "artifacts": unavailable()}),
        "content unavailable" => json!({"content": unavailable(), "artifacts": null}),
        "no artifacts" => json!({"content": "no artifacts", "artifacts": null}),
        _ => json!({"content": word, "artifacts": [digest(word)]}),
    }
}

fn vulnerability(phrase: &str) -> Read<Value> {
    let (id, exploited) = phrase.split_once(' ').unwrap_or((phrase, ""));
    let exploited = match exploited {
        "" => json!(false),
        "exploited" => json!(true),
        "maybe exploited" => unavailable(),
        _ => return Err("a vulnerability is `exploited`, `maybe exploited` or neither".to_owned()),
    };
    Ok(json!({"id": id, "exploited": exploited}))
}

/// `{ name = "quarter-close", ledger = "ready" }`: the other parts, each `ready`, `not ready`, `succeeded`, `failed`,
/// with `, content X`. Where what goes is a part of a package, the parts before it went already and the others are
/// ready, unless the situation says otherwise.
fn package(policy: &Policy, given: &Table, release: &Value) -> Read<Value> {
    let usual = usual_package(policy, release);
    let table = match given.get("package") {
        None => return Ok(usual),
        Some(toml::Value::String(word)) => return marker(word).ok_or_else(|| "a package is a table".to_owned()),
        Some(toml::Value::Table(table)) => table,
        Some(_) => return Err("a package is a table".to_owned()),
    };
    let mut parts = usual["parts"].as_object().cloned().unwrap_or_default();
    for (name, told) in table.iter().filter(|(name, _)| *name != "name") {
        let told = told.as_str().ok_or("a part of a package is told in words")?;
        if let Some(word) = marker(told) {
            parts.insert(name.clone(), word);
            continue;
        }
        let mut part = json!({"content": format!("{name} new"), "ready": true, "outcome": null});
        for clause in told.split(", ") {
            match clause {
                "ready" => {}
                "not ready" => part["ready"] = json!(false),
                "readiness unavailable" => part["ready"] = unavailable(),
                "succeeded" | "failed" | "cancelled" => part["outcome"] = json!(clause),
                _ => match clause.strip_prefix("content ") {
                    Some(content) => part["content"] = json!(content),
                    None => return Err(format!("`{clause}` says nothing about a part of a package")),
                },
            }
        }
        parts.insert(name.clone(), part);
    }
    let name = table.get("name").and_then(toml::Value::as_str).or(usual["name"].as_str());
    Ok(json!({"name": name.unwrap_or_default(), "parts": parts}))
}

fn usual_package(policy: &Policy, release: &Value) -> Value {
    let goes = |name: &str| release["components"].get(name).is_some();
    let Some(rule) = policy.rules.packages.iter().find(|rule| rule.components.iter().any(|name| goes(name))) else {
        return Value::Null;
    };
    let ours = rule.order.iter().position(|name| goes(name)).unwrap_or(0);
    let parts: Map<String, Value> = rule
        .components
        .iter()
        .filter(|name| !goes(name))
        .map(|name| {
            let before = rule.order.iter().position(|other| other == name).is_some_and(|place| place < ours);
            let outcome = if before { json!("succeeded") } else { Value::Null };
            (name.clone(), json!({"content": format!("{name} new"), "ready": true, "outcome": outcome}))
        })
        .collect();
    json!({"name": rule.name, "parts": parts})
}

/// A grant for this release, used once, an hour ago, two hours after it was signed, unless the table says otherwise.
fn grant(given: &Table, setting: &Setting, release: &Value) -> Read<Value> {
    let table = match given.get("break_glass") {
        None => return Ok(Value::Null),
        Some(toml::Value::String(word)) => return marker(word).ok_or_else(|| "a grant is a table".to_owned()),
        Some(toml::Value::Table(table)) => table,
        Some(_) => return Err("a grant is a table".to_owned()),
    };
    let opened = stamp(setting.now - Duration::hours(1));
    let built = release["components"].as_object().into_iter().flatten();
    let built: Vec<&Value> = built.flat_map(|(_, it)| it["artifacts"].as_array().into_iter().flatten()).collect();
    let mut grant = json!({
        "id": "grant-1", "repository": release["repository"], "components": null, "expires_at": null, "artifacts": built, "environment": release["environment"], "commit": release["commit"], "signed_by": [],
        "granted_at": stamp(setting.now - Duration::hours(3)), "used_at": [opened], "opened_at": opened,
    });
    for (key, value) in table {
        grant[key] = match (key.as_str(), value) {
            ("granted_at" | "opened_at" | "expires_at", toml::Value::String(at)) => stamp(setting.instant(at)?),
            ("commit", toml::Value::String(short)) => json!(commit(short)),
            ("used_at", toml::Value::Array(times)) => times
                .iter()
                .map(|at| setting.instant(at.as_str().unwrap_or_default()).map(stamp))
                .collect::<Read<Value>>()?,
            ("artifacts", toml::Value::Array(names)) => {
                names.iter().map(|name| json!(digest(name.as_str().unwrap_or_default()))).collect()
            }
            ("signed_by", toml::Value::Array(names)) => {
                names.iter().map(|name| json!(setting.account(name.as_str().unwrap_or_default()))).collect()
            }
            _ => plain(value),
        };
    }
    if table.contains_key("opened_at") && !table.contains_key("used_at") {
        grant["used_at"] = json!([grant["opened_at"]]);
    }
    Ok(grant)
}

/// What ran before: where the release comes from, the same, since yesterday; and what the situation adds.
pub fn deployments(policy: &Policy, given: &Table, setting: &Setting, release: &Value) -> Read<Value> {
    if let Some(toml::Value::String(word)) = given.get("deployments") {
        return marker(word).ok_or_else(|| "deployments are a list".to_owned());
    }
    let environment = release["environment"].as_str().unwrap_or_default();
    let rule = policy.rules.environments.iter().find(|rule| rule.name == environment);
    let mut deployments = Vec::new();
    let staged = text(given, "staged")?.unwrap_or("1d ago");
    if let Some(from) = rule.and_then(|rule| rule.from.as_ref())
        && marker(staged).is_none()
    {
        let (staged, outcome) = staged.strip_prefix("failed ").map_or((staged, "succeeded"), |rest| (rest, "failed"));
        let (staged, rebuilt) = staged.strip_prefix("another build ").map_or((staged, false), |rest| (rest, true));
        let (staged, other) = staged.strip_prefix("another commit ").map_or((staged, false), |rest| (rest, true));
        let at = setting.instant(staged)?;
        let mut components = release["components"].clone();
        if rebuilt {
            for (name, released) in components.as_object_mut().into_iter().flatten() {
                released["artifacts"] = json!([digest(&format!("{name} rebuilt"))]);
            }
        }
        deployments.push(json!({
            "release": release["name"], "environment": from,
            "commit": if other { json!(commit("0dd")) } else { release["commit"].clone() },
            "components": components, "opened_at": stamp(at - Duration::minutes(5)), "finished_at": stamp(at),
            "outcome": outcome, "approved": true, "parts": null,
        }));
    }
    for entry in entries(given, "deployments") {
        let phrase = entry.as_str().ok_or("a deployment is a phrase")?;
        deployments.push(deployment(phrase, setting, release).map_err(|why| format!("deployment `{phrase}`: {why}"))?);
    }
    deployments.sort_by_key(|deployment| deployment["opened_at"].as_str().map(str::to_owned));
    Ok(json!(deployments))
}

/// `3d ago payments 2.3.0 to production, payments at p1, failed`; `1h ago this to production, failed` is the release
/// itself.
fn deployment(phrase: &str, setting: &Setting, release: &Value) -> Read<Value> {
    let (at, rest) = setting.leading(phrase);
    let at = at.ok_or("it begins with when")?;
    let (head, rest) = rest.split_once(", ").unwrap_or((rest, ""));
    let (name, environment) = head.rsplit_once(" to ").ok_or("write `RELEASE to ENVIRONMENT`")?;
    let mut deployment = json!({
        "release": name, "environment": environment, "commit": commit("01d"), "components": {},
        "opened_at": stamp(at), "finished_at": stamp(at + Duration::minutes(5)), "outcome": "succeeded", "approved": true,
        "parts": null,
    });
    if name == "this" {
        deployment["release"] = release["name"].clone();
        deployment["commit"] = release["commit"].clone();
        deployment["components"] = release["components"].clone();
        for (name, part) in release["package"]["parts"].as_object().into_iter().flatten() {
            if part["content"].is_string() {
                deployment["parts"][name] = part["content"].clone();
            }
        }
    }
    for clause in rest.split(", ").filter(|clause| !clause.is_empty()) {
        match clause {
            "succeeded" | "failed" | "cancelled" => deployment["outcome"] = json!(clause),
            "running" => {
                deployment["outcome"] = Value::Null;
                deployment["finished_at"] = Value::Null;
            }
            "end unavailable" => deployment["finished_at"] = unavailable(),
            "outcome unavailable" => deployment["outcome"] = unavailable(),
            "not approved" => deployment["approved"] = json!(false),
            "approval unavailable" => deployment["approved"] = unavailable(),
            "parts unavailable" => deployment["parts"] = unavailable(),
            _ => {
                if let Some(at) = clause.strip_prefix("ended ") {
                    deployment["finished_at"] = stamp(setting.instant(at)?);
                } else if let Some((part, content)) = clause.strip_prefix("with ").and_then(|it| it.split_once(" at "))
                {
                    deployment["parts"][part] = json!(content);
                } else if let Some(short) = clause.strip_prefix("commit ") {
                    deployment["commit"] = json!(commit(short));
                } else if let Some((component, word)) = clause.split_once(" at ") {
                    deployment["components"][component] = at_or_new(component, word);
                } else {
                    return Err(format!("`{clause}` says nothing about a deployment"));
                }
            }
        }
    }
    Ok(deployment)
}

fn at_or_new(component: &str, word: &str) -> Value {
    if word == "new" { at(&format!("{component} new")) } else { at(word) }
}
