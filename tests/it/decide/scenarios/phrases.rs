//! The small words of situations: instants, accounts, lists, versions of content.

use std::fmt::Write as _;

use chrono::{DateTime, Datelike as _, Duration, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use countersign::policy::duration;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

pub type Read<T> = Result<T, String>;

/// What every phrase may lean on.
pub struct Setting {
    pub now: DateTime<Utc>,
    pub forge: String,
    pub repository: String,
}

pub fn stamp(at: DateTime<Utc>) -> Value {
    json!(at.format("%Y-%m-%dT%H:%M:%SZ").to_string())
}

pub fn unavailable() -> Value {
    json!({"unavailable": "the forge did not answer"})
}

/// `none` and `absent` are null, `unavailable` is what could not be read.
pub fn marker(text: &str) -> Option<Value> {
    match text {
        "none" | "absent" | "nobody" => Some(Value::Null),
        "unavailable" => Some(unavailable()),
        _ => None,
    }
}

/// A digest as forges write them, made of a short word; one that is a digest already stays.
pub fn digest(word: &str) -> String {
    let hexadecimal = word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    if hexadecimal {
        return word.to_owned();
    }
    Sha256::digest(word).iter().fold(String::new(), |mut digest, byte| {
        let _ = write!(digest, "{byte:02x}");
        digest
    })
}

/// A commit's name of forty letters, made of its beginning.
pub fn commit(short: &str) -> String {
    format!("{short:0<40}")
}

/// The words of a list: `a, b and c` or `a b c`.
pub fn words(text: &str) -> Vec<String> {
    text.split([',', ' ']).filter(|word| !word.is_empty() && *word != "and").map(str::to_owned).collect()
}

impl Setting {
    /// `ana` is an account of the forge that releases; `gitlab:ana` says which.
    pub fn account(&self, name: &str) -> String {
        if name.contains(':') { name.to_owned() } else { format!("{}:{name}", self.forge) }
    }

    pub fn accounts(&self, names: &[String]) -> Vec<String> {
        names.iter().map(|name| self.account(name)).collect()
    }

    /// `#12` is a change of the repository that releases; anything else stays.
    pub fn change(&self, name: &str) -> String {
        if name.starts_with('#') { format!("{}{name}", self.repository) } else { name.to_owned() }
    }

    /// What a version of a change holds.
    pub fn content(&self, change: &str, version: &str) -> String {
        format!("{} v{version}", self.change(change))
    }

    /// An instant, UTC: `2026-12-08T10:00:00Z`, `2026-12-08 10:00`, `2026-12-08`, `Tue 10:00` (the last one that
    /// is not after now), `2h ago`, `in 3d`.
    pub fn instant(&self, text: &str) -> Read<DateTime<Utc>> {
        let text = text.trim();
        if let Ok(at) = DateTime::parse_from_rfc3339(text) {
            return Ok(at.to_utc());
        }
        let plain = text.replace('T', " ");
        let plain = plain.trim_end_matches('Z');
        if plain.starts_with(|c: char| c.is_ascii_digit()) {
            for form in ["%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"] {
                if let Ok(at) = NaiveDateTime::parse_from_str(plain, form) {
                    return Ok(at.and_utc());
                }
            }
            if let Ok(day) = NaiveDate::parse_from_str(plain, "%Y-%m-%d") {
                return Ok(day.and_time(NaiveTime::MIN).and_utc());
            }
        }
        if let Some(length) = text.strip_suffix(" ago").and_then(duration::seconds) {
            return Ok(self.now - milliseconds(length));
        }
        if let Some(length) = text.strip_prefix("in ").and_then(duration::seconds) {
            return Ok(self.now + milliseconds(length));
        }
        self.weekday(text).ok_or_else(|| format!("`{text}` is no instant"))
    }

    fn weekday(&self, text: &str) -> Option<DateTime<Utc>> {
        let (day, clock) = text.split_once(' ')?;
        let day: chrono::Weekday = day.parse().ok()?;
        let clock = NaiveTime::parse_from_str(clock, "%H:%M").ok()?;
        (0..=7)
            .map(|back| (self.now.date_naive() - Duration::days(back)).and_time(clock).and_utc())
            .find(|at| at.weekday() == day && *at <= self.now)
    }

    /// Takes an instant off the beginning of a phrase, where there is one.
    pub fn leading<'t>(&self, text: &'t str) -> (Option<DateTime<Utc>>, &'t str) {
        let ends: Vec<usize> = text.match_indices(' ').map(|(at, _)| at).collect();
        for end in ends.iter().take(2).rev() {
            if let Ok(at) = self.instant(&text[..*end]) {
                return (Some(at), text[*end..].trim_start());
            }
        }
        (None, text)
    }

    /// `2026-12-08..2026-12-10`, or `until 2026-12-10` from now on.
    pub fn span(&self, text: &str) -> Read<(DateTime<Utc>, DateTime<Utc>)> {
        let (from, until) = text.split_once("..").ok_or_else(|| format!("`{text}` is no span: write `from..until`"))?;
        Ok((self.instant(from)?, self.instant(until)?))
    }
}

fn milliseconds(seconds: f64) -> Duration {
    #[expect(clippy::cast_possible_truncation, reason = "lengths of years at most")]
    Duration::milliseconds((seconds * 1000.0) as i64)
}

/// A TOML value as JSON, with the markers for what is not there and what cannot be read.
pub fn plain(value: &toml::Value) -> Value {
    match value {
        toml::Value::String(text) => marker(text).unwrap_or_else(|| json!(text)),
        toml::Value::Integer(number) => json!(number),
        toml::Value::Float(number) => json!(number),
        toml::Value::Boolean(flag) => json!(flag),
        toml::Value::Datetime(at) => json!(at.to_string()),
        toml::Value::Array(entries) => Value::Array(entries.iter().map(plain).collect()),
        toml::Value::Table(table) => {
            Value::Object(table.iter().map(|(key, value)| (key.clone(), plain(value))).collect())
        }
    }
}

/// Lays one JSON over another: objects are merged, anything else replaces.
pub fn lay(over: &Value, base: &mut Value) {
    match (over, base) {
        (Value::Object(over), Value::Object(base))
            if !over.contains_key("unavailable") && !base.contains_key("unavailable") =>
        {
            for (key, value) in over {
                lay(value, base.entry(key.clone()).or_insert(Value::Null));
            }
        }
        (over, base) => *base = over.clone(),
    }
}
