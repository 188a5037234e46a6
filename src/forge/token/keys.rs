//! The keys of an issuer, read from where it states them and from nowhere else (RFC 7517).

use std::time::{Duration, Instant};

use reqwest::{Client, Url};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::jws::Key;
use crate::transport::http;

/// How long keys are believed before they are read again.
const FRESH: Duration = Duration::from_mins(10);
/// How long they are believed at most, where they cannot be read again.
const STALE: Duration = Duration::from_hours(1);
/// How often the issuer is asked at most, however many tokens name keys that are not known.
const AGAIN: Duration = Duration::from_mins(1);
/// How many bytes its answer may have, and how many keys.
const MOST: usize = 256 << 10;
const KEYS: usize = 100;

#[derive(Deserialize)]
struct Set {
    keys: Vec<serde_json::Value>,
}

#[derive(Debug, Default)]
struct Cached {
    keys: Vec<Key>,
    /// When they were read.
    at: Option<Instant>,
    /// When the issuer was asked last, and why that came to nothing.
    asked: Option<(Instant, Option<String>)>,
}

/// The keys of one issuer.
#[derive(Debug)]
pub struct Keys {
    url: Url,
    client: Client,
    cached: Mutex<Cached>,
}

impl Keys {
    /// Those that are stated at a URL.
    pub fn at(url: Url) -> Result<Self, http::Fault> {
        Ok(Self { url, client: http::client()?, cached: Mutex::default() })
    }

    /// The key of a name; `None` where the issuer has none by it. What comes back else is why that is not known.
    pub async fn get(&self, name: &str) -> Result<Option<Key>, String> {
        let mut cached = self.cached.lock().await;
        let find = |cached: &Cached| cached.keys.iter().find(|key| key.kid.as_deref() == Some(name)).cloned();
        let age = cached.at.map(|at| at.elapsed());
        let found = find(&cached);
        if found.is_some() && age.is_some_and(|age| age < FRESH) {
            return Ok(found);
        }
        if cached.asked.as_ref().is_none_or(|(at, _)| at.elapsed() >= AGAIN) {
            let read = self.read().await;
            cached.asked = Some((Instant::now(), read.as_ref().err().cloned()));
            if let Ok(keys) = read {
                cached.keys = keys;
                cached.at = Some(Instant::now());
                return Ok(find(&cached));
            }
        }
        let found = find(&cached).filter(|_| cached.at.is_some_and(|at| at.elapsed() < STALE));
        match (found, &cached.asked) {
            (Some(found), _) => Ok(Some(found)),
            (None, Some((_, Some(why)))) => Err(why.clone()),
            // They were read a moment ago, and it was not among them.
            (None, _) => Ok(None),
        }
    }

    async fn read(&self) -> Result<Vec<Key>, String> {
        let words = |fault: http::Fault| fault.to_string();
        let response = self.client.get(self.url.clone()).send().await.map_err(|error| words(error.into()))?;
        if !response.status().is_success() {
            return Err(words(http::unexpected(response).await));
        }
        let text = http::text(response, MOST).await.map_err(words)?;
        let set: Set = serde_json::from_str(&text).map_err(|error| format!("it states no keys: {error}"))?;
        if set.keys.len() > KEYS {
            return Err(format!("it states over {KEYS} keys"));
        }
        // A key of a kind that is not known here signs nothing that counts.
        Ok(set.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect())
    }
}
