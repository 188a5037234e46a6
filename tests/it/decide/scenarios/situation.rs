//! A situation, told in people's words, becomes the facts document.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};
use countersign::model::catalogue::{self, Type};
use countersign::model::facts::Facts;
use countersign::model::facts::people::folded;
use countersign::model::kind::Kind;
use countersign::policy::Policy;
use countersign::policy::gate::Gate;
use countersign::policy::rules::MemberRef;
use serde_json::{Map, Value, json};
use toml::Table;

use super::acts::Stage;
use super::phrases::{Read, Setting, digest, lay, marker, plain, stamp, unavailable, words};
use super::{record, release};

/// What a situation may say.
const WORDS: &[&str] = &[
    "now",
    "submitted",
    "asked_since",
    "release",
    "forge",
    "repository",
    "environment",
    "reference",
    "commit",
    "trigger",
    "deployed_by",
    "components",
    "changes",
    "new_vendors",
    "vendors_before",
    "running",
    "released",
    "irreversible",
    "documented",
    "outcome",
    "package",
    "break_glass",
    "bypassed_by",
    "accounts",
    "groups",
    "acts",
    "also",
    "evidence",
    "change_record",
    "incidents",
    "teams",
    "obligations",
    "staged",
    "deployments",
    "standard_changes",
    "cab",
    "meetings",
    "experiments",
    "facts",
];

/// What the names of the ticks begin with that a situation does not tell of.
pub const TICK: &str = "tick-";

/// Lays what a case changes over what its file says: tables are merged, anything else replaces.
pub fn over(base: &Table, change: &Table) -> Table {
    let mut merged = base.clone();
    for (key, value) in change {
        match (merged.get_mut(key), value) {
            (Some(toml::Value::Table(below)), toml::Value::Table(above)) => *below = over(below, above),
            _ => {
                merged.insert(key.clone(), value.clone());
            }
        }
    }
    merged
}

/// The facts of a situation, and the instant of the decision.
pub fn facts(policy: &Policy, given: &Table) -> Read<(Facts, DateTime<Utc>)> {
    if let Some(unknown) = given.keys().find(|key| !WORDS.contains(&key.as_str())) {
        return Err(format!("`{unknown}` is no word of a situation: {}", WORDS.join(", ")));
    }
    let now = text(given, "now")?.ok_or("a situation needs `now`")?;
    let now = DateTime::parse_from_rfc3339(now).map_err(|why| format!("now: {why}"))?.to_utc();
    let setting = Setting {
        now,
        forge: text(given, "forge")?.unwrap_or("github").to_owned(),
        repository: text(given, "repository")?.unwrap_or("acme/shop").to_owned(),
    };
    let submitted = text(given, "submitted")?.map_or(Ok(now - Duration::minutes(90)), |at| setting.instant(at))?;
    let release = release::build(policy, given, &setting, submitted)?;
    let evidence = evidence(policy, given, &setting, &release)?;
    let record = change_record(policy, given, &setting, &release)?;
    let stage = Stage { setting: &setting, policy, submitted, release: &release, evidence: &evidence, record: &record };
    let acts = if let Some(toml::Value::String(word)) = given.get("acts") {
        marker(word).ok_or("acts are a list, or `unavailable`")?
    } else {
        let mut written: Vec<toml::Value> = entries(given, "acts").to_vec();
        written.extend_from_slice(entries(given, "also"));
        let mut acts = stage.acts(&written)?;
        let ticks = ticks(policy, given, &stage, &acts);
        acts.extend(ticks);
        Value::Array(acts)
    };
    let mut document = json!({
        "version": 1,
        "groups": groups(policy, given, &setting)?,
        "acts": acts,
        "evidence": evidence,
        "change_record": record,
        "incidents": list(given, "incidents", &json!([]), record::incident)?,
        "teams": record::teams(policy, given, &setting)?,
        "obligations": record::obligations(given, &setting)?,
        "deployments": release::deployments(policy, given, &setting, &release)?,
        "standard_changes": record::standard_changes(policy, given, &setting)?,
        "cab": list(given, "cab", &Value::Null, |phrase| record::cab(phrase, &setting, &stage.everything()))?,
        "meetings": list(given, "meetings", &Value::Null, |phrase| setting.instant(phrase).map(stamp))?,
        "experiments": record::experiments(policy, given),
    });
    document["release"] = release;
    if let Some(toml::Value::Table(facts)) = given.get("facts") {
        lay(&plain(&toml::Value::Table(facts.clone())), &mut document);
    }
    document["accounts"] = accounts(policy, given, &setting, &document)?;
    if let Some(toml::Value::Table(accounts)) = given.get("facts").and_then(|facts| facts.get("accounts")) {
        lay(&plain(&toml::Value::Table(accounts.clone())), &mut document["accounts"]);
    }
    let facts = serde_json::from_value(document.clone());
    facts.map(|facts| (facts, now)).map_err(|why| format!("the situation is no facts document: {why}\n{document:#}"))
}

pub fn text<'t>(given: &'t Table, key: &str) -> Read<Option<&'t str>> {
    given.get(key).map(|value| value.as_str().ok_or_else(|| format!("`{key}` is a text"))).transpose()
}

pub fn entries<'t>(given: &'t Table, key: &str) -> &'t [toml::Value] {
    given.get(key).and_then(toml::Value::as_array).map_or(&[], Vec::as_slice)
}

/// A list of phrases, each read by itself; a table in it stands as it is, and a word for the whole list is a marker.
pub fn list(given: &Table, key: &str, otherwise: &Value, mut read: impl FnMut(&str) -> Read<Value>) -> Read<Value> {
    match given.get(key) {
        None => Ok(otherwise.clone()),
        Some(toml::Value::String(word)) => {
            marker(word).ok_or_else(|| format!("`{key}` is a list, `none` or `unavailable`"))
        }
        Some(toml::Value::Array(entries)) => entries
            .iter()
            .map(|entry| match entry {
                toml::Value::String(phrase) => read(phrase).map_err(|why| format!("{key}: `{phrase}`: {why}")),
                other => Ok(plain(other)),
            })
            .collect(),
        Some(_) => Err(format!("`{key}` is a list")),
    }
}

/// Who is in the groups that the policy's roles name. Each has to be said, so that no gap is a mistake.
fn groups(policy: &Policy, given: &Table, setting: &Setting) -> Read<Value> {
    let empty = Table::new();
    let written = given.get("groups").and_then(toml::Value::as_table).unwrap_or(&empty);
    let mut groups = Map::new();
    for (name, members) in written {
        let members = match members {
            toml::Value::String(word) => marker(word).ok_or_else(|| format!("group `{name}` is a list of members"))?,
            toml::Value::Array(entries) => entries
                .iter()
                .map(|entry| member(entry.as_str().unwrap_or_default(), setting))
                .collect::<Read<Value>>()?,
            _ => return Err(format!("group `{name}` is a list of members")),
        };
        groups.insert(name.clone(), members);
    }
    for role in &policy.rules.roles {
        for member in &role.members {
            if let MemberRef::Group(name) = member
                && !groups.contains_key(&*folded(name))
            {
                return Err(format!("say who is in `{name}`, which {} names", role.name));
            }
        }
    }
    Ok(Value::Object(groups))
}

/// `zoe`, `zoe joined Tue 10:00 by ivo, protected`, `zoe joined nobody knows when`.
fn member(phrase: &str, setting: &Setting) -> Read<Value> {
    let Some((who, joined)) = phrase.split_once(" joined ") else {
        return Ok(json!({"account": setting.account(phrase.trim()), "joined": null}));
    };
    let account = setting.account(who.trim());
    if joined == "nobody knows when" {
        return Ok(json!({"account": account, "joined": unavailable()}));
    }
    let (joined, protected) = joined.strip_suffix(", protected").map_or((joined, false), |rest| (rest, true));
    let (at, by) = joined.rsplit_once(" by ").ok_or("write `zoe joined WHEN by WHO`")?;
    let by = marker(by).unwrap_or_else(|| json!(setting.account(by)));
    Ok(json!({"account": account, "joined": {"at": stamp(setting.instant(at)?), "by": by, "protected": protected}}))
}

/// Every account that the document names, an active person's unless the situation says otherwise.
fn accounts(policy: &Policy, given: &Table, setting: &Setting, document: &Value) -> Read<Value> {
    let mut names = BTreeSet::new();
    collect(document, &mut names);
    names.extend(policy.rules.people.iter().flat_map(|person| person.accounts.iter().cloned()));
    for member in policy.rules.roles.iter().flat_map(|role| &role.members) {
        match member {
            MemberRef::Account(account) => drop(names.insert(account.clone())),
            MemberRef::User(name) if !policy.rules.people.iter().any(|person| person.name == *name) => {
                names.insert(setting.account(name));
            }
            _ => {}
        }
    }
    let mut accounts: Map<String, Value> = names
        .iter()
        .map(|name| (folded(name).into_owned(), json!({"kind": "person", "active": true, "person": null})))
        .collect();
    for (name, words) in given.get("accounts").and_then(toml::Value::as_table).into_iter().flatten() {
        let words = words.as_str().ok_or("an account is told in words")?;
        let name = setting.account(name);
        if words == "unheard of" {
            accounts.remove(&name);
            continue;
        }
        let account = accounts.entry(name).or_insert_with(|| json!({"kind": "person", "active": true, "person": null}));
        for word in words.split(", ") {
            match word {
                "a person" => account["kind"] = json!("person"),
                "a bot" => account["kind"] = json!("bot"),
                "an app" => account["kind"] = json!("app"),
                "the pipeline" => account["kind"] = json!("pipeline"),
                "the forge" => account["kind"] = json!("forge"),
                "of a kind that cannot be read" => account["kind"] = unavailable(),
                "deactivated" => account["active"] = json!(false),
                "maybe active" => account["active"] = unavailable(),
                "link unavailable" => account["person"] = unavailable(),
                other => match other.strip_prefix("linked to ") {
                    Some(person) => account["person"] = json!(person),
                    None => return Err(format!("`{other}` says nothing about an account")),
                },
            }
        }
    }
    Ok(Value::Object(accounts))
}

fn collect(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            let account = text.split_once(':').is_some_and(|(system, login)| {
                matches!(system, "github" | "gitlab" | "oidc")
                    && !login.is_empty()
                    && !login.starts_with('@')
                    && !login.contains(['/', ' '])
            });
            if account {
                names.insert(text.clone());
            }
        }
        Value::Array(entries) => entries.iter().for_each(|entry| collect(entry, names)),
        Value::Object(map) => map.values().for_each(|entry| collect(entry, names)),
        _ => {}
    }
}

/// Evidence that every gate of the policy passes on, unless the situation says otherwise.
fn evidence(policy: &Policy, given: &Table, setting: &Setting, release: &Value) -> Read<Value> {
    let mut evidence = Map::new();
    for gate in &policy.gates {
        let twice = policy.gates.iter().filter(|other| other.name == gate.name).count() > 1;
        let name = if twice { format!("{}/{}", gate.layer, gate.name) } else { gate.name.clone() };
        evidence.insert(name, green(gate, setting, release));
    }
    for (name, change) in given.get("evidence").and_then(toml::Value::as_table).into_iter().flatten() {
        let found = evidence.entry(name.clone()).or_insert_with(|| json!({}));
        match change {
            toml::Value::String(word) => {
                *found =
                    marker(word).ok_or_else(|| format!("evidence of `{name}` is a table, `none` or `unavailable`"))?;
            }
            toml::Value::Table(table) => {
                for (key, value) in table {
                    match key.as_str() {
                        "made" => {
                            let at = value.as_str().unwrap_or_default();
                            found["made_at"] = marker(at).map_or_else(|| setting.instant(at).map(stamp), Ok)?;
                        }
                        "about" => {
                            let names = value.as_str().map(words).unwrap_or_default();
                            found["artifacts"] = json!(names.iter().map(|word| digest(word)).collect::<Vec<_>>());
                        }
                        // A measure by its name: the one that changes the picture.
                        key if key.contains('.') && !key.starts_with("baseline.") => {
                            found["measures"][key] = plain(value);
                        }
                        key if key.starts_with("baseline.") => {
                            found["baseline"][key.trim_start_matches("baseline.")] = plain(value);
                        }
                        key => lay(&plain(value), &mut found[key]),
                    }
                }
            }
            _ => return Err(format!("evidence of `{name}` is a table, `none` or `unavailable`")),
        }
    }
    Ok(Value::Object(evidence))
}

/// The ticks of every checklist of which the situation says nothing else: by the first of the role that verifies it who
/// had no hand in the release, five minutes after that was asked for.
fn ticks(policy: &Policy, given: &Table, stage: &Stage<'_>, acts: &[Value]) -> Vec<Value> {
    let told = |gate: &Gate| {
        let evidence = given.get("evidence").and_then(|evidence| evidence.get(&gate.name));
        evidence
            .is_some_and(|it| it.as_table().is_none_or(|it| it.contains_key("ticked") || it.contains_key("signers")))
            || acts.iter().any(|act| act["does"]["tick"]["gate"] == json!(gate.name))
    };
    let mut hands = BTreeSet::new();
    collect(&stage.release["changes"], &mut hands);
    collect(&stage.release["trigger"], &mut hands);
    let mut ticks = Vec::new();
    for gate in policy.gates.iter().filter(|gate| gate.kind == Kind::Checklist && !told(gate)) {
        let mut seated = policy
            .rules
            .roles
            .iter()
            .filter(|role| gate.verified_by.as_ref().is_none_or(|by| role.name == *by))
            .flat_map(|role| seats(policy, given, stage.setting, &role.members));
        let Some(by) = seated.find(|account| !hands.contains(account)) else { continue };
        for item in &gate.items {
            ticks.push(json!({
                "id": format!("{TICK}{}", ticks.len() + 1), "at": stamp(stage.submitted + Duration::minutes(5)),
                "by": by, "via": "page", "does": {"tick": {"gate": gate.name, "item": item}}, "saw": stage.everything(),
                "standing": "stands", "impersonated_by": null,
            }));
        }
    }
    ticks
}

/// The accounts that have a seat by the members of a role.
fn seats(policy: &Policy, given: &Table, setting: &Setting, members: &[MemberRef]) -> Vec<String> {
    let mut seats = Vec::new();
    for member in members {
        match member {
            MemberRef::Account(account) => seats.push(account.clone()),
            MemberRef::User(name) => match policy.rules.people.iter().find(|person| person.name == *name) {
                Some(person) => seats.extend(person.accounts.first().cloned()),
                None => seats.push(setting.account(name)),
            },
            MemberRef::Group(group) => {
                let written = given.get("groups").and_then(|groups| groups.get(group));
                let names = written.and_then(toml::Value::as_array).into_iter().flatten();
                // Who joined lately may have no voice.
                let names = names.filter_map(toml::Value::as_str).filter(|name| !name.contains(" joined "));
                seats.extend(names.map(|name| setting.account(name)));
            }
        }
    }
    seats
}

fn green(gate: &Gate, setting: &Setting, release: &Value) -> Value {
    let mut measures = Map::new();
    for entry in catalogue::measures(gate.kind) {
        let value = match entry.kind {
            Type::Number => json!(good(entry.name)),
            Type::Duration => json!(60),
            Type::Flag => json!(true),
            Type::Text => json!(""),
            Type::Names => json!([]),
        };
        measures.insert(entry.name.to_owned(), value);
    }
    let artifacts: Vec<&Value> = release["components"]
        .as_object()
        .into_iter()
        .flatten()
        .flat_map(|(_, released)| released["artifacts"].as_array().into_iter().flatten())
        .collect();
    let mut green = json!({
        "digests": [digest(&gate.name)],
        "baseline": measures,
        "made_at": stamp(setting.now - Duration::hours(1)),
        "commits": [release["commit"]],
        "artifacts": &artifacts,
        "from": gate.from,
    });
    green["measures"] = Value::Object(measures);
    match gate.kind {
        // What people tick, they do by acts; see `ticks`.
        Kind::Checklist => green["ticked"] = json!(gate.items),
        Kind::Signature => {
            let signer = gate.trust.identity.as_deref().unwrap_or("the release key");
            let identity = signer.replace("{repository}", &setting.repository);
            let one = |artifact: &&Value| {
                json!({
                    "artifact": artifact, "identity": identity, "issuer": gate.trust.issuer,
                    "builders": gate.trust.builder.as_ref().map(|builder| [builder]), "source": setting.repository,
                    "predicate": gate.trust.predicate,
                })
            };
            // Where nothing is built, what is signed is the list of what was done.
            let list = json!(digest(&gate.name));
            let signable = if artifacts.is_empty() { vec![&list] } else { artifacts };
            green["signers"] = signable.iter().map(one).collect();
        }
        _ => {}
    }
    green
}

/// A number that no sensible requirement minds.
fn good(name: &str) -> f64 {
    match name {
        "tests.total" | "tests.passed" => 250.0,
        "load.requests" | "load.throughput" => 10_000.0,
        "load.error_rate" => 0.001,
        "signature.verified" | "checklist.items" | "checklist.ticked" => 1.0,
        name if name.starts_with("load.") && name.ends_with("_ms") => 200.0,
        name if name.starts_with("coverage.") => 0.95,
        _ => 0.0,
    }
}

/// A change record that has everything that the policy needs, in the first state in which it lets releases go.
fn change_record(policy: &Policy, given: &Table, setting: &Setting, release: &Value) -> Read<Value> {
    let written = given.get("change_record");
    if let Some(toml::Value::String(word)) = written {
        return marker(word).ok_or_else(|| "a change record is a table, `none` or `unavailable`".to_owned());
    }
    let needs = policy.rules.change.as_ref().map(|rule| rule.needs.clone()).unwrap_or_default();
    if policy.rules.change.is_none() && written.is_none() {
        return Ok(Value::Null);
    }
    let state = policy.rules.change.as_ref().and_then(|rule| rule.proceeds_in.first().cloned());
    let parts = release["package"]["parts"].as_object().into_iter().flat_map(Map::keys);
    let components: Vec<&String> =
        release["components"].as_object().into_iter().flat_map(Map::keys).chain(parts).collect();
    let mut record = json!({
        "id": "CHG0030001", "state": state.unwrap_or_else(|| "Implement".to_owned()), "components": components,
        "from": null, "until": null, "fields": {}, "fixes": [],
    });
    for need in &needs {
        record["fields"][need] = field(&json!(format!("the team wrote down its {} with care", need.replace('_', " "))));
    }
    for (key, value) in written.and_then(toml::Value::as_table).into_iter().flatten() {
        let value = plain(value);
        match key.as_str() {
            "from" | "until" => {
                record[key] = match value.as_str() {
                    Some(at) => stamp(setting.instant(at)?),
                    None => value,
                }
            }
            "id" | "state" | "components" | "fixes" => record[key] = value,
            _ if value.get("unavailable").is_none() && value.is_object() => {
                let mut value = value;
                if let Some(at) = value.get("edited_at").and_then(Value::as_str) {
                    value["edited_at"] = stamp(setting.instant(at)?);
                }
                let base = &mut record["fields"][key];
                if base.is_null() {
                    *base = field(&Value::Null);
                }
                lay(&value, base);
            }
            "" => return Err("a field of the change record has a name".to_owned()),
            _ => record["fields"][key] = field(&value),
        }
    }
    Ok(record)
}

fn field(text: &Value) -> Value {
    json!({"text": text, "template": null, "edited_at": null})
}
