//! A situation, told in people's words, becomes the facts document.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Duration, Utc};
use countersign::model::catalogue::{self, Type};
use countersign::model::facts::Facts;
use countersign::model::kind::Kind;
use countersign::policy::Policy;
use countersign::policy::gate::Gate;
use countersign::policy::rules::MemberRef;
use serde_json::{Map, Value, json};
use toml::Table;

use super::acts::Stage;
use super::phrases::{Read, Setting, commit, digest, lay, marker, plain, stamp, unavailable, words};
use super::release;

/// What a situation may say.
const WORDS: &[&str] = &[
    "now", "submitted", "release", "forge", "repository", "environment", "reference", "commit", "trigger", "deployed_by",
    "components", "changes", "new_vendors", "running", "released", "irreversible", "documented", "outcome", "package",
    "break_glass", "bypassed_by", "accounts", "groups", "acts", "also", "evidence", "change_record", "incidents", "teams",
    "obligations", "staged", "deployments", "standard_changes", "cab", "meetings", "experiments", "facts",
];

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
    let stage = Stage { setting: &setting, policy, submitted, release: &release, evidence: &evidence };
    let acts = match given.get("acts") {
        Some(toml::Value::String(word)) => marker(word).ok_or("acts are a list, or `unavailable`")?,
        _ => {
            let mut written: Vec<toml::Value> = entries(given, "acts").to_vec();
            written.extend_from_slice(entries(given, "also"));
            Value::Array(stage.acts(&written)?)
        }
    };
    let mut document = json!({
        "version": 1,
        "groups": groups(policy, given, &setting)?,
        "acts": acts,
        "evidence": evidence,
        "change_record": change_record(policy, given, &setting, &release)?,
        "incidents": list(given, "incidents", &json!([]), |phrase| incident(phrase))?,
        "teams": teams(policy, given, &setting)?,
        "obligations": obligations(given, &setting)?,
        "deployments": release::deployments(policy, given, &setting, &release)?,
        "standard_changes": standard_changes(policy, given, &setting)?,
        "cab": list(given, "cab", &Value::Null, |phrase| cab(phrase, &setting, &release))?,
        "meetings": list(given, "meetings", &Value::Null, |phrase| setting.instant(phrase).map(stamp))?,
        "experiments": experiments(policy, given),
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
        Some(toml::Value::String(word)) => marker(word).ok_or_else(|| format!("`{key}` is a list, `none` or `unavailable`")),
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
                && !groups.contains_key(name)
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
    let mut accounts: Map<String, Value> =
        names.into_iter().map(|name| (name, json!({"kind": "person", "active": true, "person": null}))).collect();
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
                *found = marker(word).ok_or_else(|| format!("evidence of `{name}` is a table, `none` or `unavailable`"))?;
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
                        key if key.contains('.') && !key.starts_with("baseline.") => found["measures"][key] = plain(value),
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
        "artifacts": artifacts,
    });
    green["measures"] = Value::Object(measures);
    match gate.kind {
        Kind::Checklist => {
            green["ticked"] = json!(gate.items);
            green["confirmed_by"] = json!("a signature over the list");
        }
        Kind::Signature => {
            let signer = gate.trust.identity.as_deref().unwrap_or("the release key");
            green["signers"] = json!([signer.replace("{repository}", &setting.repository)]);
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
    let components: Vec<&String> = release["components"].as_object().into_iter().flat_map(Map::keys).collect();
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

/// `INC-7 P1 on payments and wiki`, `…, caused by payments 2.3.0`; `on unavailable`, `INC-7 unavailable on payments`.
fn incident(phrase: &str) -> Read<Value> {
    let (head, cause) = phrase.split_once(", caused by ").map_or((phrase, None), |(head, cause)| (head, Some(cause)));
    let (head, on) = head.split_once(" on ").ok_or("write `INC-7 P1 on COMPONENT`")?;
    let (id, severity) = head.split_once(' ').ok_or("write `INC-7 P1 on COMPONENT`")?;
    Ok(json!({
        "id": id,
        "severity": marker(severity).unwrap_or_else(|| json!(severity)),
        "components": marker(on).unwrap_or_else(|| json!(words(on))),
        "caused_by": cause.map_or(Value::Null, |cause| marker(cause).unwrap_or_else(|| json!(cause))),
    }))
}

/// What every team did before: nothing, unless the situation says otherwise.
fn teams(policy: &Policy, given: &Table, setting: &Setting) -> Read<Value> {
    let mut teams: Map<String, Value> = policy
        .rules
        .components
        .iter()
        .filter_map(|component| component.team.clone())
        .map(|team| (team, json!({"deployments": []})))
        .collect();
    for (team, written) in given.get("teams").and_then(toml::Value::as_table).into_iter().flatten() {
        let history = match written {
            toml::Value::String(text) => marker(text).map_or_else(|| summary_of_a_team(text, setting), Ok),
            toml::Value::Array(entries) => {
                let deployments: Read<Vec<Value>> =
                    entries.iter().map(|entry| team_deployment(entry.as_str().unwrap_or_default(), setting)).collect();
                deployments.map(|deployments| json!({"deployments": deployments}))
            }
            _ => Err("a team's history is a text or a list".to_owned()),
        };
        teams.insert(team.clone(), history.map_err(|why| format!("team {team}: {why}"))?);
    }
    Ok(Value::Object(teams))
}

/// `20 deployments, 4 failed, 3 emergencies, detected after 30min, restored after 5h`: one a day until yesterday, the
/// failed ones first of all.
fn summary_of_a_team(text: &str, setting: &Setting) -> Read<Value> {
    let (mut all, mut failed, mut emergencies) = (0_i64, 0_i64, 0_i64);
    let (mut detected, mut restored) = (600.0, 1200.0);
    for clause in text.split(", ") {
        let (first, rest) = clause.split_once(' ').unwrap_or((clause, ""));
        let number = || first.parse::<i64>().map_err(|_| format!("`{clause}` is no count"));
        let length = |text: &str| countersign::policy::duration::seconds(text).ok_or_else(|| format!("`{clause}` has no length"));
        match (first, rest) {
            (_, "deployments" | "deployment") => all = number()?,
            (_, "failed") => failed = number()?,
            (_, "emergencies" | "emergency") => emergencies = number()?,
            ("detected", _) => detected = length(rest.trim_start_matches("after "))?,
            ("restored", _) => restored = length(rest.trim_start_matches("after "))?,
            _ => return Err(format!("`{clause}` says nothing about a team")),
        }
    }
    let milliseconds = |seconds: f64| {
        #[expect(clippy::cast_possible_truncation, reason = "hours")]
        Duration::milliseconds((seconds * 1000.0) as i64)
    };
    let deployments: Vec<Value> = (0..all)
        .map(|nth| {
            let at = setting.now - Duration::days(all - nth);
            let fails = nth < failed;
            let (found, mended) = (at + milliseconds(detected), at + milliseconds(detected + restored));
            json!({
                "at": stamp(at), "emergency": nth < emergencies, "failed": fails,
                "detected_at": if fails { stamp(found) } else { Value::Null },
                "restored_at": if fails { stamp(mended) } else { Value::Null },
            })
        })
        .collect();
    Ok(json!({"deployments": deployments}))
}

/// `2026-11-02 failed, detected after 2h, restored after 5h`, `30d ago emergency`.
fn team_deployment(phrase: &str, setting: &Setting) -> Read<Value> {
    let (at, rest) = setting.leading(phrase);
    let (at, rest) = match at {
        Some(at) => (at, rest),
        None => (setting.instant(phrase)?, ""),
    };
    let mut deployment =
        json!({"at": stamp(at), "emergency": false, "failed": false, "detected_at": null, "restored_at": null});
    let mut found = at;
    for clause in rest.split(", ").filter(|clause| !clause.is_empty()) {
        match clause {
            "failed" => deployment["failed"] = json!(true),
            "emergency" => deployment["emergency"] = json!(true),
            "succeeded" => {}
            _ => {
                let (what, length) = clause.split_once(" after ").ok_or_else(|| format!("`{clause}`?"))?;
                let length = countersign::policy::duration::seconds(length).ok_or_else(|| format!("`{clause}`?"))?;
                #[expect(clippy::cast_possible_truncation, reason = "hours")]
                let length = Duration::seconds(length as i64);
                if what == "detected" {
                    found = at + length;
                    deployment["detected_at"] = stamp(found);
                } else {
                    deployment["restored_at"] = stamp(found + length);
                }
            }
        }
    }
    Ok(deployment)
}

/// Tables with what matters; the rest is usual.
fn obligations(given: &Table, setting: &Setting) -> Read<Value> {
    match given.get("obligations") {
        None => Ok(json!([])),
        Some(toml::Value::String(word)) => marker(word).ok_or_else(|| "obligations are a list".to_owned()),
        Some(toml::Value::Array(entries)) => entries
            .iter()
            .enumerate()
            .map(|(index, entry)| {
                let mut owed = json!({
                    "id": format!("owed-{}", index + 1), "kind": "pir", "release": "an earlier release", "team": "nobody",
                    "components": [], "by": "nobody", "contributors": [], "needs_evidence": false, "incidents": [],
                    "met": false, "due": stamp(setting.now + Duration::days(3)),
                });
                for (key, value) in entry.as_table().into_iter().flatten() {
                    owed[key] = match (key.as_str(), value) {
                        ("due", toml::Value::String(at)) => stamp(setting.instant(at)?),
                        ("contributors", toml::Value::Array(names)) => {
                            names.iter().map(|name| json!(setting.account(name.as_str().unwrap_or_default()))).collect()
                        }
                        _ => plain(value),
                    };
                }
                Ok(owed)
            })
            .collect(),
        Some(_) => Err("obligations are a list".to_owned()),
    }
}

/// `approved 30d ago by carl, cleo and cora; failed 2d ago; suspended`.
fn standard_changes(policy: &Policy, given: &Table, setting: &Setting) -> Read<Value> {
    let mut models: Map<String, Value> =
        policy.rules.models.iter().map(|model| (model.name.clone(), Value::Null)).collect();
    for (name, written) in given.get("standard_changes").and_then(toml::Value::as_table).into_iter().flatten() {
        let text = written.as_str().ok_or("a standard change is told in words")?;
        if let Some(word) = marker(text) {
            models.insert(name.clone(), word);
            continue;
        }
        let mut state = json!({"approved_at": null, "approved_by": [], "failed_at": [], "suspended": false});
        for clause in text.split("; ") {
            if let Some(rest) = clause.strip_prefix("approved ") {
                let (at, by) = rest.split_once(" by ").ok_or("write `approved WHEN by WHO`")?;
                state["approved_at"] = stamp(setting.instant(at)?);
                state["approved_by"] = json!(setting.accounts(&words(by)));
            } else if clause == "failed unavailable" {
                state["failed_at"] = unavailable();
            } else if let Some(at) = clause.strip_prefix("failed ") {
                let at = stamp(setting.instant(at)?);
                state["failed_at"].as_array_mut().ok_or("failures are a list")?.push(at);
            } else if clause == "suspended" {
                state["suspended"] = json!(true);
            } else if clause == "suspended unavailable" {
                state["suspended"] = unavailable();
            } else {
                return Err(format!("`{clause}` says nothing about a standard change"));
            }
        }
        models.insert(name.clone(), state);
    }
    Ok(Value::Object(models))
}

/// `Tue 14:00 approves; chaired by erin-r; attended by carl, cleo and cora`, and `on condition that …` (`, met`),
/// `outside of meetings`, `about #12 version 1`, `decided Tue 14:30`.
fn cab(phrase: &str, setting: &Setting, release: &Value) -> Read<Value> {
    let (at, rest) = setting.leading(phrase);
    let at = at.ok_or("a decision begins with when")?;
    let changes: Map<String, Value> = release["changes"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|change| Some((change["id"].as_str()?.to_owned(), change["content"].clone())))
        .collect();
    let mut decision = json!({
        "meeting": stamp(at), "at": stamp(at), "outcome": "approve", "conditions": [], "chair": null, "attendees": [],
        "notes": "",
    });
    decision["changes"] = Value::Object(changes);
    for clause in rest.split("; ") {
        match clause {
            "approves" => {}
            "defers" => decision["outcome"] = json!("defer"),
            "rejects" => decision["outcome"] = json!("reject"),
            "outside of meetings" => decision["meeting"] = Value::Null,
            _ => {
                let clause_of = |prefix: &str| clause.strip_prefix(prefix);
                if let Some(who) = clause_of("chaired by ") {
                    decision["chair"] = marker(who).unwrap_or_else(|| json!(setting.account(who)));
                } else if let Some(who) = clause_of("attended by ") {
                    decision["attendees"] = marker(who).unwrap_or_else(|| json!(setting.accounts(&words(who))));
                } else if let Some(at) = clause_of("decided ") {
                    decision["at"] = stamp(setting.instant(at)?);
                } else if let Some(condition) = clause_of("on condition that ") {
                    decision["outcome"] = json!("approve_with_conditions");
                    let (condition, met) = match condition.rsplit_once(", ") {
                        Some((condition, "met")) => (condition, json!(true)),
                        Some((condition, "unavailable")) => (condition, unavailable()),
                        _ => (condition, json!(false)),
                    };
                    decision["conditions"].as_array_mut().ok_or("conditions")?.push(json!({"text": condition, "met": met}));
                } else if let Some(about) = clause_of("about ") {
                    let (change, version) = about.split_once(" version ").unwrap_or((about, "1"));
                    decision["changes"] = json!({setting.change(change): setting.content(change, version)});
                } else {
                    return Err(format!("`{clause}` says nothing about a decision of the board"));
                }
            }
        }
    }
    Ok(decision)
}

/// Every experiment has just begun, unless the situation says otherwise.
fn experiments(policy: &Policy, given: &Table) -> Value {
    let begun = json!({"a_releases": 0, "a_failed": 0, "b_releases": 0, "b_failed": 0, "stopped": false});
    let mut experiments: BTreeMap<String, Value> =
        policy.rules.experiments.iter().map(|experiment| (experiment.name.clone(), begun.clone())).collect();
    for (name, written) in given.get("experiments").and_then(toml::Value::as_table).into_iter().flatten() {
        let written = plain(written);
        let counts = experiments.entry(name.clone()).or_insert_with(|| begun.clone());
        lay(&written, counts);
    }
    json!(experiments)
}

/// A commit's full name, where a situation gives only its beginning.
pub fn whole(short: &str) -> String {
    commit(short)
}
