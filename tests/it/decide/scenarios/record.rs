//! What went before and what others decided: incidents, teams, obligations, standard changes, the board, experiments.

use std::collections::BTreeMap;

use chrono::Duration;
use countersign::policy::Policy;
use countersign::policy::duration;
use serde_json::{Map, Value, json};
use toml::Table;

use super::phrases::{Read, Setting, lay, marker, plain, stamp, unavailable, words};

/// `INC-7 P1 on payments and wiki`, `…, caused by payments 2.3.0`; `on unavailable`, `INC-7 unavailable on payments`.
pub fn incident(phrase: &str) -> Read<Value> {
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
pub fn teams(policy: &Policy, given: &Table, setting: &Setting) -> Read<Value> {
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
        let length = |text: &str| duration::seconds(text).ok_or_else(|| format!("`{clause}` has no length"));
        match (first, rest) {
            (_, "deployments" | "deployment") => all = number()?,
            (_, "failed") => failed = number()?,
            (_, "emergencies" | "emergency") => emergencies = number()?,
            ("detected", _) => detected = length(rest.trim_start_matches("after "))?,
            ("restored", _) => restored = length(rest.trim_start_matches("after "))?,
            _ => return Err(format!("`{clause}` says nothing about a team")),
        }
    }
    let deployments: Vec<Value> = (0..all)
        .map(|nth| {
            let at = setting.now - Duration::days(all - nth);
            let fails = nth < failed;
            let (found, mended) = (at + span(detected), at + span(detected + restored));
            json!({
                "at": stamp(at), "emergency": nth < emergencies, "failed": fails, "incidents": [],
                "detected_at": if fails { stamp(found) } else { Value::Null },
                "restored_at": if fails { stamp(mended) } else { Value::Null },
            })
        })
        .collect();
    Ok(json!({"deployments": deployments}))
}

/// `2026-11-02 failed, detected after 2h, restored after 5h`, `30d ago emergency`, `9d ago an incident after 6d`.
fn team_deployment(phrase: &str, setting: &Setting) -> Read<Value> {
    let (at, rest) = setting.leading(phrase);
    let (at, rest) = match at {
        Some(at) => (at, rest),
        None => (setting.instant(phrase)?, ""),
    };
    let mut deployment = json!({"at": stamp(at), "emergency": false, "failed": false, "incidents": [], "detected_at": null, "restored_at": null});
    let mut incidents = Vec::new();
    let mut found = at;
    for clause in rest.split(", ").filter(|clause| !clause.is_empty()) {
        match clause {
            "failed" => deployment["failed"] = json!(true),
            "emergency" => deployment["emergency"] = json!(true),
            "succeeded" => {}
            "incidents unavailable" => deployment["incidents"] = unavailable(),
            "an incident when nobody knows" => incidents.push(unavailable()),
            "an incident without an instant" => incidents.push(Value::Null),
            _ => {
                let (what, length) = clause.split_once(" after ").ok_or_else(|| format!("`{clause}`?"))?;
                let length = duration::seconds(length).ok_or_else(|| format!("`{clause}`?"))?;
                let length = span(length);
                match what {
                    "an incident" => incidents.push(stamp(at + length)),
                    "detected" => {
                        found = at + length;
                        deployment["detected_at"] = stamp(found);
                    }
                    "restored" => deployment["restored_at"] = stamp(found + length),
                    _ => return Err(format!("`{clause}`?")),
                }
            }
        }
    }
    if !incidents.is_empty() {
        let linked = |(nth, began): (usize, &Value)| json!({"id": format!("INC-{}", nth + 1), "began_at": began});
        deployment["incidents"] = incidents.iter().enumerate().map(linked).collect();
    }
    Ok(deployment)
}

/// Tables with what matters; the rest is usual.
pub fn obligations(given: &Table, setting: &Setting) -> Read<Value> {
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
                    "met": false, "due": stamp(setting.now + Duration::days(3)), "opened_at": stamp(setting.now - Duration::days(30)),
                });
                for (key, value) in entry.as_table().into_iter().flatten() {
                    owed[key] = match (key.as_str(), value) {
                        ("due" | "opened_at", toml::Value::String(at)) => match marker(at) {
                            Some(word) => word,
                            None => stamp(setting.instant(at)?),
                        },
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
pub fn standard_changes(policy: &Policy, given: &Table, setting: &Setting) -> Read<Value> {
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
/// `on conditions that nobody wrote down`, `outside of meetings`, `about #12 version 1`, `naming no content`,
/// `decided Tue 14:30`.
pub fn cab(phrase: &str, setting: &Setting, release: &Value) -> Read<Value> {
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
    let released = || release["components"].as_object().into_iter().flatten();
    let contents = released().filter(|(_, it)| it["content"].is_string());
    decision["components"] =
        contents.map(|(name, it)| (name.clone(), it["content"].clone())).collect::<Map<_, _>>().into();
    decision["artifacts"] =
        released().flat_map(|(_, it)| it["artifacts"].as_array().into_iter().flatten().cloned()).collect();
    for clause in rest.split("; ") {
        match clause {
            "approves" => {}
            "defers" => decision["outcome"] = json!("defer"),
            "rejects" => decision["outcome"] = json!("reject"),
            "naming no content" => {
                decision["components"] = json!({});
                decision["artifacts"] = json!([]);
            }
            "on conditions that nobody wrote down" => decision["outcome"] = json!("approve_with_conditions"),
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
                    decision["conditions"]
                        .as_array_mut()
                        .ok_or("conditions")?
                        .push(json!({"text": condition, "met": met}));
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
pub fn experiments(policy: &Policy, given: &Table) -> Value {
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

fn span(seconds: f64) -> Duration {
    #[expect(clippy::cast_possible_truncation, reason = "hours")]
    Duration::milliseconds((seconds * 1000.0) as i64)
}
