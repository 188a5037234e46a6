//! Holds a document against the schema of the facts, and says of every value what was expected there.
//!
//! It knows the words of JSON Schema (draft 2020-12) that the schema of the facts is made of, and no others.

use chrono::{DateTime, Utc};
use serde_json::Value as Schema;

use super::Mistake;
use super::placed::{Placed, Value};
use crate::model::notable::shortened;
use crate::model::schema::FACTS;

/// How many names of a choice a sentence has.
const NAMED: usize = 12;
/// How many letters of a key may be others for it to be taken for a slip.
const SLIP: usize = 2;
const UNREAD: &str = "unavailable";

/// Everything that is wrong with a document, by line.
pub(super) fn check(root: &Placed) -> Vec<Mistake> {
    let schema: Schema = match serde_json::from_str(FACTS) {
        Ok(schema) => schema,
        // Nothing is taken unread for want of it.
        Err(error) => {
            let says =
                format!("the schema of the facts cannot be read: {error}; this is a defect of countersign's own");
            return vec![Mistake { path: String::new(), line: 1, says }];
        }
    };
    let mut check = Check { schema: &schema, path: String::new(), list: Vec::new() };
    check.value(&schema, root, false);
    let mut list = check.list;
    list.sort_by_key(|mistake| mistake.line);
    list
}

struct Check<'s> {
    schema: &'s Schema,
    path: String,
    list: Vec<Mistake>,
}

impl<'s> Check<'s> {
    fn mistake(&mut self, line: usize, says: String) {
        self.list.push(Mistake { path: self.path.clone(), line, says });
    }

    /// Looks at something one step further in.
    fn inside(&mut self, step: &str, look: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        if !self.path.is_empty() && !step.starts_with('[') {
            self.path.push('.');
        }
        self.path.push_str(step);
        look(self);
        self.path.truncate(length);
    }

    /// What a schema comes to where it only points to another.
    fn resolved(&self, mut schema: &'s Schema) -> &'s Schema {
        while let Some(name) = schema.get("$ref").and_then(Schema::as_str) {
            let Some(next) = name.strip_prefix('#').and_then(|pointer| self.schema.pointer(pointer)) else { break };
            schema = next;
        }
        schema
    }

    /// Looks at one value; `fact` where nothing and what could not be read may stand there too.
    fn value(&mut self, stated: &'s Schema, node: &Placed, fact: bool) {
        let schema = self.resolved(stated);
        if let Some(options) = list(schema, "anyOf") {
            let unread = options.iter().find(|option| option.pointer("/properties/unavailable").is_some());
            let found = match &node.value {
                Value::Null if options.iter().any(|option| is(option, "null")) => return,
                Value::Map(map) if map.iter().any(|(key, ..)| key == UNREAD) => unread.or(options.first()),
                _ => options.first(),
            };
            if let Some(found) = found {
                self.value(found, node, fact || unread.is_some());
            }
        } else if let Some(options) = list(schema, "oneOf") {
            self.choice(options, node, fact);
        } else {
            self.plain(stated, schema, node, fact);
        }
    }

    /// One of several words, or an object whose only key says which it is.
    fn choice(&mut self, options: &'s [Schema], node: &Placed, fact: bool) {
        let words: Vec<&str> = options.iter().filter_map(|option| option.get("const")?.as_str()).collect();
        let keyed = |name: &str| options.iter().find_map(|option| option.get("properties")?.get(name));
        match &node.value {
            Value::Text(text) if words.contains(&text.as_str()) => {}
            Value::Text(text) if !words.is_empty() => {
                let says = format!("`{}` is none of {}{}", shortened(text, 60), any(&words), meant(text, &words));
                self.mistake(node.line, says);
            }
            Value::Map(map) if words.is_empty() => {
                let known: Vec<&str> = options.iter().filter_map(|option| first_key(option)).collect();
                for (key, line, value) in map {
                    if let Some(schema) = keyed(key) {
                        self.inside(key, |it| it.value(schema, value, false));
                        continue;
                    }
                    let says = format!("`{}` is none of {}{}", shortened(key, 60), any(&known), meant(key, &known));
                    self.mistake(*line, says);
                }
                if map.len() != 1 {
                    self.mistake(
                        node.line,
                        format!("expected one key that says what it is, found {}: {}", map.len(), any(&known)),
                    );
                }
            }
            other => {
                let expected = if words.is_empty() {
                    let known: Vec<&str> = options.iter().filter_map(|option| first_key(option)).collect();
                    format!("an object with one key: {}", any(&known))
                } else {
                    format!("one of {}", any(&words))
                };
                let says = format!("expected {expected}{}, found {}", else_fact(fact), title(other));
                self.mistake(node.line, says);
            }
        }
    }

    fn plain(&mut self, stated: &'s Schema, schema: &'s Schema, node: &Placed, fact: bool) {
        match &node.value {
            Value::Map(map) if is(schema, "object") => self.map(schema, node.line, map),
            Value::List(entries) if is(schema, "array") => self.list(schema, node.line, entries),
            Value::Null if is(schema, "null") => {}
            Value::Flag(_) if is(schema, "boolean") => {}
            Value::Number(..) if is(schema, "number") => {}
            Value::Number(number, true) if is(schema, "integer") && *number <= most(schema) => {}
            Value::Text(text) if is(schema, "string") => {
                let instant = schema.get("format").and_then(Schema::as_str) == Some("date-time");
                if instant && text.parse::<DateTime<Utc>>().is_err() {
                    let says = format!(
                        "`{}` is no instant; write one such as `\"2026-11-23T09:00:00Z\"`",
                        shortened(text, 60)
                    );
                    self.mistake(node.line, says);
                }
            }
            // Anything may stand there.
            _ if schema.get("type").is_none() => {}
            other => {
                let says = format!("expected {}{}, found {}", expected(stated, schema), else_fact(fact), title(other));
                self.mistake(node.line, says);
            }
        }
    }

    fn map(&mut self, schema: &'s Schema, line: usize, map: &[(String, usize, Placed)]) {
        let stated = schema.get("properties").and_then(Schema::as_object);
        let more = schema.get("additionalProperties");
        let mut seen = std::collections::HashSet::new();
        for (key, line, value) in map {
            if !seen.insert(key) {
                self.mistake(*line, format!("`{}` stands here twice; each key may stand once", shortened(key, 60)));
            }
            match (stated.and_then(|stated| stated.get(key)), more) {
                (Some(schema), _) => self.inside(key, |it| it.value(schema, value, false)),
                (None, Some(Schema::Bool(false))) => {
                    let known: Vec<&str> = stated.into_iter().flat_map(|it| it.keys()).map(String::as_str).collect();
                    let says = match known.as_slice() {
                        [] => format!("`{}` is no key here; nothing may stand here", shortened(key, 60)),
                        _ => format!("`{}` is no key here{}", shortened(key, 60), meant_or_known(key, &known)),
                    };
                    self.mistake(*line, says);
                }
                (None, Some(schema @ Schema::Object(_))) => {
                    self.inside(&named(key), |it| it.value(schema, value, false));
                }
                (None, _) => {}
            }
        }
        for name in list(schema, "required").unwrap_or_default().iter().filter_map(Schema::as_str) {
            if !map.iter().any(|(key, ..)| key == name) {
                let wanted = stated.and_then(|stated| stated.get(name));
                let what = wanted.map_or(String::new(), |wanted| format!("; it is {}", self.described(wanted)));
                self.mistake(line, format!("`{name}` is missing{what}"));
            }
        }
    }

    /// What is expected of a key that is not there.
    fn described(&self, stated: &'s Schema) -> String {
        let schema = self.resolved(stated);
        if let Some(first) = list(schema, "anyOf").and_then(<[Schema]>::first) {
            return format!("{}{}", self.described(first), else_fact(true));
        }
        if let Some(options) = list(schema, "oneOf") {
            let words: Vec<&str> = options.iter().filter_map(|option| option.get("const")?.as_str()).collect();
            let keys: Vec<&str> = options.iter().filter_map(|option| first_key(option)).collect();
            return match words.as_slice() {
                [] => format!("an object with one key: {}", any(&keys)),
                words => format!("one of {}", any(words)),
            };
        }
        expected(stated, schema)
    }

    fn list(&mut self, schema: &'s Schema, line: usize, entries: &[Placed]) {
        if let Some(fixed) = list(schema, "prefixItems") {
            if fixed.len() != entries.len() {
                self.mistake(line, format!("expected a list of {} entries, found {}", fixed.len(), entries.len()));
            }
            for (at, (schema, entry)) in fixed.iter().zip(entries).enumerate() {
                self.inside(&format!("[{at}]"), |it| it.value(schema, entry, false));
            }
        } else if let Some(schema) = schema.get("items") {
            for (at, entry) in entries.iter().enumerate() {
                self.inside(&format!("[{at}]"), |it| it.value(schema, entry, false));
            }
        }
    }
}

fn list<'s>(schema: &'s Schema, key: &str) -> Option<&'s [Schema]> {
    schema.get(key)?.as_array().map(Vec::as_slice)
}

/// Whether a value of a JSON type may stand there.
fn is(schema: &Schema, name: &str) -> bool {
    match schema.get("type") {
        Some(Schema::String(only)) => only == name,
        Some(Schema::Array(several)) => several.iter().any(|one| one == name),
        _ => false,
    }
}

/// The greatest whole number of a schema's format.
#[expect(clippy::cast_precision_loss, reason = "the greatest of 64 bits need not be exact to be told from too much")]
fn most(schema: &Schema) -> f64 {
    match schema.get("format").and_then(Schema::as_str) {
        Some("uint32") => f64::from(u32::MAX),
        _ => u64::MAX as f64,
    }
}

fn first_key(option: &Schema) -> Option<&str> {
    list(option, "required")?.first()?.as_str()
}

/// A key as a step of a path; one with a dot in quotes, so that the path can be read.
fn named(key: &str) -> String {
    if key.contains('.') { format!("\"{}\"", shortened(key, 60)) } else { shortened(key, 60) }
}

/// What should stand there, and how it is written.
fn expected(stated: &Schema, schema: &Schema) -> String {
    let instant = schema.get("format").and_then(Schema::as_str) == Some("date-time");
    let account = stated.get("$ref").and_then(Schema::as_str).is_some_and(|name| name.ends_with("/Account"));
    let known = || schema.get("properties").and_then(Schema::as_object).into_iter().flat_map(|it| it.keys());
    let what = if account {
        "an account such as `\"github:dana-h\"`".to_owned()
    } else if instant {
        "an instant such as `\"2026-11-23T09:00:00Z\"`".to_owned()
    } else if is(schema, "string") {
        "a text in quotes".to_owned()
    } else if is(schema, "integer") {
        "a whole number of 0 or more".to_owned()
    } else if is(schema, "number") {
        "a number".to_owned()
    } else if is(schema, "boolean") {
        "`true` or `false`".to_owned()
    } else if is(schema, "array") {
        "a list, `[…]`".to_owned()
    } else if known().next().is_some() {
        let names: Vec<&str> = known().map(String::as_str).collect();
        format!("an object with {}", all(&names))
    } else {
        "an object, `{…}`".to_owned()
    };
    if is(schema, "null") { format!("{what}, or `null` where there is none") } else { what }
}

/// What a fact may be beside its value.
fn else_fact(fact: bool) -> &'static str {
    if fact { ", `null` where there is none, or `{\"unavailable\": \"why\"}` where it could not be read" } else { "" }
}

fn title(value: &Value) -> String {
    match value {
        Value::Null => "`null`".to_owned(),
        Value::Flag(flag) => format!("`{flag}`"),
        Value::Number(number, _) => format!("the number `{number}`"),
        Value::Text(text) => format!("the text `{}`", shortened(text, 60)),
        Value::List(_) => "a list".to_owned(),
        Value::Map(_) => "an object".to_owned(),
    }
}

fn joined(names: &[&str], last: &str) -> String {
    let mut out = String::new();
    for (at, name) in names.iter().take(NAMED).enumerate() {
        if at > 0 {
            out.push_str(if at + 1 == names.len() { last } else { ", " });
        }
        out.push('`');
        out.push_str(name);
        out.push('`');
    }
    if names.len() > NAMED {
        out.push_str(" and others, which `countersign schema facts` names");
    }
    out
}

fn any(names: &[&str]) -> String {
    joined(names, " or ")
}

fn all(names: &[&str]) -> String {
    joined(names, " and ")
}

/// The known word that was meant, if one is near.
fn near<'n>(word: &str, known: &[&'n str]) -> Option<&'n str> {
    let word = word.to_lowercase();
    let distances = known.iter().map(|known| (strsim::osa_distance(&word, known), *known));
    distances.filter(|(distance, known)| *distance <= SLIP && *distance < known.len()).min().map(|(_, known)| known)
}

fn meant(word: &str, known: &[&str]) -> String {
    near(word, known).map_or(String::new(), |near| format!("; write `{near}` if that is meant"))
}

fn meant_or_known(word: &str, known: &[&str]) -> String {
    match near(word, known) {
        Some(near) => format!("; write `{near}` if that is meant"),
        None => format!("; known are {}", all(known)),
    }
}
