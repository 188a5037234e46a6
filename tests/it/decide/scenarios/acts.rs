//! What people did, as a sentence: `Tue 10:00 bo approves as payments-owner: looks right`.

use chrono::{DateTime, Duration, Utc};
use countersign::policy::Policy;
use serde_json::{Map, Value, json};

use super::phrases::{Read, Setting, commit, digest, stamp, words};

/// What acts lean on: the release as it is, and the policy's checklists.
pub struct Stage<'s> {
    pub setting: &'s Setting,
    pub policy: &'s Policy,
    pub submitted: DateTime<Utc>,
    pub release: &'s Value,
    pub evidence: &'s Value,
    pub record: &'s Value,
}

impl Stage<'_> {
    /// Reads every act; those without a time follow the submission by ten minutes and each other by one.
    pub fn acts(&self, written: &[toml::Value]) -> Read<Vec<Value>> {
        let mut acts: Vec<Value> = Vec::new();
        for (index, entry) in written.iter().enumerate() {
            let (phrase, saw) = match entry {
                toml::Value::String(phrase) => (phrase.as_str(), None),
                toml::Value::Table(table) => {
                    let phrase = table.get("act").and_then(toml::Value::as_str).ok_or("an act's table needs `act`")?;
                    if let Some(other) = table.keys().find(|key| *key != "act" && *key != "saw") {
                        return Err(format!("an act's table has `act` and `saw`, not `{other}`"));
                    }
                    (phrase, table.get("saw"))
                }
                _ => return Err("an act is a phrase or a table".to_owned()),
            };
            let read = self.act(phrase, index, &acts).map_err(|why| format!("act `{phrase}`: {why}"))?;
            for mut act in read {
                if let Some(saw) = saw {
                    super::phrases::lay(&super::phrases::plain(saw), &mut act["saw"]);
                }
                acts.push(act);
            }
        }
        Ok(acts)
    }

    fn act(&self, phrase: &str, index: usize, before: &[Value]) -> Read<Vec<Value>> {
        let setting = self.setting;
        let (at, rest) = setting.leading(phrase);
        #[expect(clippy::cast_possible_wrap, reason = "a handful of acts")]
        let at = at.unwrap_or(self.submitted + Duration::minutes(10 + index as i64));
        let (who, rest) = rest.split_once(' ').ok_or("who does what?")?;
        let (head, reason) = match rest.split_once(": ") {
            Some((head, reason)) => (head, Some(reason)),
            None => (rest.strip_suffix(':').unwrap_or(rest), None),
        };
        let by = setting.account(who);
        let mut clauses = head.split(", ");
        let deed = clauses.next().unwrap_or_default();
        let mut act = json!({
            "id": format!("act-{}", index + 1), "at": stamp(at), "by": by, "via": "environment", "saw": {}, "standing": "stands",
            "impersonated_by": null,
        });
        if let Some(reason) = reason {
            act["reason"] = json!(reason);
        }
        let (verb, object) = deed.split_once(' ').unwrap_or((deed, ""));
        let mut does = match (verb, object) {
            ("approves", "") => vec![json!({"approve": {}})],
            ("approves", text) => {
                if let Some(role) = text.strip_prefix("as ") {
                    vec![json!({"approve": {"role": role}})]
                } else if let Some(policy) = text.strip_prefix("policy ") {
                    // `the new policy` is the one that decides here, by its digest.
                    let new = (policy == "new").then(|| countersign::decide::release::digest(self.policy));
                    vec![json!({"approve_policy": {"policy": new.unwrap_or_else(|| digest(policy))}})]
                } else {
                    return Err(format!(
                        "`approves {text}`: write `approves`, `approves as ROLE` or `approves policy new`"
                    ));
                }
            }
            ("reviews", changes) => {
                act["via"] = json!("review");
                act["saw"] = json!({"changes": self.contents(&words(changes))?});
                vec![json!({"approve": {}})]
            }
            ("rejects", "") => vec![json!({"reject": {}})],
            ("comments", "") => vec![json!({"comment": {}})],
            ("withdraws", of) => {
                let of = if of.is_empty() {
                    before.iter().rev().find(|act| act["by"] == json!(by)).and_then(|act| act["id"].as_str())
                } else {
                    Some(of)
                };
                vec![json!({"withdraw": {"of": of.ok_or("nothing was done before that could be withdrawn")?}})]
            }
            ("delegates", text) => {
                let [role, to, whom, span] = exactly(text, "delegates ROLE to WHO FROM..UNTIL")?;
                if to != "to" {
                    return Err("write `delegates ROLE to WHO FROM..UNTIL`".to_owned());
                }
                let (from, until) = setting.span(span)?;
                vec![
                    json!({"delegate": {"role": role, "to": setting.account(whom), "from": stamp(from), "until": stamp(until)}}),
                ]
            }
            ("is", text) => {
                let span = text.strip_prefix("away ").ok_or("write `is away FROM..UNTIL`")?;
                let (from, until) = setting.span(span)?;
                vec![json!({"away": {"from": stamp(from), "until": stamp(until)}})]
            }
            ("ticks", text) => self.ticks(text)?,
            ("verifies", gate) => {
                let digests = self.evidence[gate]["digests"].clone();
                let digests = if digests.is_array() { digests } else { json!([]) };
                vec![json!({"verify": {"gate": gate, "evidence": digests}})]
            }
            ("waives", text) => {
                let (gate, until) = text.split_once(" until ").ok_or("write `waives GATE until WHEN`")?;
                vec![json!({"waive": {"gate": gate, "until": stamp(setting.instant(until)?), "environments": [],
                                        "when": null}})]
            }
            ("claims", "an emergency") => vec![json!({"claim_emergency": {}})],
            ("confirms", text) => {
                let incident = text.strip_prefix("the fix of ").ok_or("write `confirms the fix of INCIDENT`")?;
                vec![json!({"confirm_fix": {"incident": incident}})]
            }
            ("excepts", freeze) => vec![json!({"except_freeze": {"freeze": freeze}})],
            ("vouches", text) => {
                let of = text.strip_prefix("for ").ok_or("write `vouches for COMMIT`")?;
                vec![json!({"vouch": {"commit": commit(of)}})]
            }
            ("clears", text) => {
                let (whom, of) = text.split_once(" of ").ok_or("write `clears WHO of COMMIT`")?;
                vec![json!({"clear": {"account": setting.account(whom), "commit": commit(of)}})]
            }
            ("completes", text) => {
                let (obligation, evidence) = text.split_once(" with ").unwrap_or((text, ""));
                vec![json!({"complete": {"obligation": obligation, "evidence": words(evidence)}})]
            }
            _ => return Err(format!("`{deed}` is nothing that people do; README.md lists what is")),
        };
        // What it was done for: everything as it is now, unless the phrase says otherwise. A review names changes alone.
        if verb != "reviews" && !object.starts_with("policy ") {
            act["saw"] = self.everything();
        }
        for clause in clauses {
            self.clause(clause, &mut act, does.first_mut().ok_or("nothing is done")?)?;
        }
        Ok(does
            .into_iter()
            .enumerate()
            .map(|(nth, does)| {
                let mut act = act.clone();
                if nth > 0 {
                    act["id"] = json!(format!("act-{}-{}", index + 1, nth + 1));
                }
                act["does"] = does;
                act
            })
            .collect())
    }

    /// One clause after the deed.
    fn clause(&self, clause: &str, act: &mut Value, does: &mut Value) -> Read<()> {
        let setting = self.setting;
        let (word, rest) = clause.split_once(' ').unwrap_or((clause, ""));
        match (word, rest) {
            ("edited", "") => act["standing"] = json!("edited"),
            ("dismissed", "") => act["standing"] = json!("dismissed"),
            ("in", _) if rest.starts_with("a ") || rest.starts_with("the ") => {
                act["via"] = json!(match rest {
                    "a comment" => "command",
                    "the change record" => "change_record",
                    "a chat" => "chat",
                    "a review" => "review",
                    "the environment" => "environment",
                    "the console" => "console",
                    _ => return Err(format!("`{clause}`: no place is called so")),
                });
            }
            ("on", "the page") => act["via"] = json!("page"),
            ("impersonated", _) => {
                let by = rest.strip_prefix("by ").ok_or("write `impersonated by WHO`")?;
                act["impersonated_by"] = json!(setting.account(by));
            }
            ("maybe", "impersonated") => act["impersonated_by"] = json!({"unavailable": "the forge did not answer"}),
            ("accepting", text) => does["approve"]["accepts"] = json!(text.trim_matches('"')),
            ("guarded", text) => {
                does["waive"]["compensating_control"] = json!(text.strip_prefix("by ").unwrap_or(text));
            }
            ("in", environment) => does["waive"]["environments"] = json!(words(environment)),
            ("when", condition) => does["waive"]["when"] = json!(condition),
            ("proof", text) => does["tick"]["proof"] = json!(text),
            ("for", environment) => act["saw"]["environment"] = json!(environment),
            ("from", repository) => act["saw"]["repository"] = json!(repository),
            ("holding", roles) => act["held"] = json!(words(roles)),
            ("shown", text) => self.shown(text, &mut act["saw"])?,
            _ => return Err(format!("`{clause}` says nothing about an act; README.md lists what does")),
        }
        Ok(())
    }

    /// What somebody was shown, where it is not everything as it is now.
    fn shown(&self, text: &str, saw: &mut Value) -> Read<()> {
        let setting = self.setting;
        if let Some(rest) = text.strip_prefix("version ") {
            let (version, change) = rest.split_once(" of ").ok_or("write `shown version 1 of #12`")?;
            saw["changes"][setting.change(change)] = json!(setting.content(change, version));
        } else if let Some(changes) = text.strip_prefix("only ") {
            saw["changes"] = Value::Object(self.contents(&words(changes))?);
        } else if text == "no change" {
            saw["changes"] = json!({});
        } else if text == "no other part" {
            saw["parts"] = json!({});
        } else if text == "no record" {
            saw["record"] = Value::Null;
        } else if let Some(record) = text.strip_prefix("record ") {
            saw["record"] = json!(record);
        } else if let Some(artifacts) = text.strip_prefix("artifacts ") {
            saw["artifacts"] = json!(words(artifacts).iter().map(|word| digest(word)).collect::<Vec<_>>());
        } else if let Some(rest) = text.strip_prefix("gate ") {
            let (gate, verdict) = rest.rsplit_once(' ').ok_or("write `shown gate load pass`")?;
            saw["gates"][gate] = json!(verdict);
        } else if let Some(rest) = text.strip_prefix("requirement ") {
            let (name, digest) = rest.rsplit_once(' ').ok_or("write `shown requirement ROLE DIGEST`")?;
            saw["requirements"][name] = json!(digest);
        } else if let Some((component, content)) = text.split_once(" at ") {
            saw["components"][component] = json!(content);
        } else {
            return Err(format!("`shown {text}`: README.md lists what can be shown"));
        }
        Ok(())
    }

    /// Everything as it is now.
    pub fn everything(&self) -> Value {
        let release = self.release;
        let changes: Map<String, Value> = release["changes"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|change| Some((change["id"].as_str()?.to_owned(), change["content"].clone())))
            .collect();
        let mut components = Map::new();
        let mut artifacts: Vec<Value> = Vec::new();
        for (name, released) in release["components"].as_object().into_iter().flatten() {
            if released["content"].is_string() {
                components.insert(name.clone(), released["content"].clone());
            }
            artifacts.extend(released["artifacts"].as_array().into_iter().flatten().cloned());
        }
        let mut saw = json!({
            "environment": release["environment"], "repository": release["repository"],
            "changes": changes, "components": components, "artifacts": artifacts,
        });
        if self.record["id"].is_string() {
            saw["record"] = self.record["id"].clone();
        }
        for (name, part) in release["package"]["parts"].as_object().into_iter().flatten() {
            if part["content"].is_string() {
                saw["parts"][name] = part["content"].clone();
            }
        }
        saw
    }

    /// Changes by name, as they are now; `#12 version 1` cannot be said here, `shown version 1 of #12` can.
    fn contents(&self, names: &[String]) -> Read<Map<String, Value>> {
        names
            .iter()
            .map(|name| {
                let id = self.setting.change(name);
                let known =
                    self.release["changes"].as_array().into_iter().flatten().find(|change| change["id"] == json!(id));
                known
                    .map(|change| (id, change["content"].clone()))
                    .ok_or_else(|| format!("no change is called `{name}`"))
            })
            .collect()
    }

    fn ticks(&self, text: &str) -> Read<Vec<Value>> {
        if let Some((item, gate)) = text.strip_prefix('"').and_then(|text| text.split_once("\" of ")) {
            return Ok(vec![json!({"tick": {"gate": gate, "item": item}})]);
        }
        let gate = self.policy.gates.iter().find(|gate| gate.name == text && !gate.items.is_empty());
        let gate = gate.ok_or_else(|| format!("no checklist is called `{text}`"))?;
        Ok(gate.items.iter().map(|item| json!({"tick": {"gate": text, "item": item}})).collect())
    }
}

fn exactly<'t, const N: usize>(text: &'t str, form: &str) -> Read<[&'t str; N]> {
    let parts: Vec<&str> = text.splitn(N, ' ').collect();
    parts.try_into().map_err(|_| format!("write `{form}`"))
}
