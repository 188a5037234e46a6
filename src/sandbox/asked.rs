//! A request as it came, and an answer as it goes.

use std::collections::BTreeMap;

use axum::http::request::Parts;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// How many entries a page has where nothing is said, and at most.
const PAGE: (usize, usize) = (30, 100);

/// A request.
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: BTreeMap<String, String>,
    /// The same, in which a name may stand several times.
    listed: Vec<(String, String)>,
    headers: BTreeMap<String, String>,
    /// The body as JSON; nothing where it is none.
    pub(super) body: Value,
    /// The body as a form; empty where it is none.
    pub(super) form: BTreeMap<String, String>,
}

/// An answer.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

pub(super) fn plain(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

fn pairs<C: FromIterator<(String, String)>>(text: &str) -> C {
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (plain(name), plain(value))).collect()
}

impl Asked {
    pub(super) fn read(head: &Parts, body: &[u8]) -> Option<Self> {
        let header = |(name, value): (&axum::http::HeaderName, &axum::http::HeaderValue)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        };
        let headers: BTreeMap<String, String> = head.headers.iter().filter_map(header).collect();
        let is_form = headers.get("content-type").is_some_and(|it| it.contains("x-www-form-urlencoded"));
        let text = std::str::from_utf8(body).ok()?;
        Some(Self {
            method: head.method.as_str().to_owned(),
            path: head.uri.path().to_owned(),
            query: pairs(head.uri.query().unwrap_or_default()),
            listed: pairs(head.uri.query().unwrap_or_default()),
            headers,
            body: serde_json::from_str(text).unwrap_or_default(),
            form: if is_form { pairs(text) } else { BTreeMap::new() },
        })
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(String::as_str).unwrap_or_default()
    }

    /// What is shown to prove who asks.
    pub(super) fn bearer(&self) -> &str {
        self.header("authorization").strip_prefix("Bearer ").unwrap_or_default()
    }

    /// A text of the body.
    pub(super) fn text(&self, name: &str) -> &str {
        self.body.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// A field of the form.
    pub(super) fn field(&self, name: &str) -> &str {
        self.form.get(name).map(String::as_str).unwrap_or_default()
    }

    pub(super) fn asked_for(&self, name: &str) -> &str {
        self.query.get(name).map(String::as_str).unwrap_or_default()
    }

    /// Every value of a name.
    pub(super) fn all(&self, name: &str) -> Vec<&str> {
        self.listed.iter().filter(|(it, _)| it == name).map(|(_, value)| value.as_str()).collect()
    }

    /// The page of a list that is asked for, with a link to the next where there is one.
    pub(super) fn page(&self, address: &str, entries: &[Value], whole: impl Fn(&[Value]) -> Value) -> Reply {
        let number = |name: &str, otherwise: usize| self.asked_for(name).parse().unwrap_or(otherwise).max(1);
        let (size, page) = (number("per_page", PAGE.0).min(PAGE.1), number("page", 1));
        let begin = (page - 1).saturating_mul(size).min(entries.len());
        let end = begin.saturating_add(size).min(entries.len());
        let mut reply = Reply::json(200, &whole(entries.get(begin..end).unwrap_or_default()));
        if end < entries.len() {
            let mut query = self.query.clone();
            query.insert("page".to_owned(), (page + 1).to_string());
            let escaped = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
            let query: Vec<String> =
                query.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value))).collect();
            let next = format!("<{address}{}?{}>; rel=\"next\"", self.path, query.join("&"));
            reply.headers.push(("link".to_owned(), next));
        }
        reply
    }
}

impl Reply {
    pub(super) fn json(status: u16, body: &Value) -> Self {
        let kind = ("content-type".to_owned(), "application/json; charset=utf-8".to_owned());
        let body = if body.is_null() { String::new() } else { body.to_string() };
        Self { status, headers: vec![kind], body }
    }

    pub(super) fn message(status: u16, says: &str) -> Self {
        Self::json(status, &json!({ "message": says }))
    }

    pub(super) fn missing() -> Self {
        Self::message(404, "Not Found")
    }

    pub(super) fn page(body: String) -> Self {
        let kind = ("content-type".to_owned(), "text/html; charset=utf-8".to_owned());
        let policy =
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'".to_owned();
        Self { status: 200, headers: vec![kind, ("content-security-policy".to_owned(), policy)], body }
    }

    pub(super) fn to(place: &str) -> Self {
        Self { status: 303, headers: vec![("location".to_owned(), place.to_owned())], body: String::new() }
    }
}

/// The answer with its tag; nothing of it where whoever asks has it already.
pub(super) fn revalidated(asked: &Asked, mut reply: Reply) -> Reply {
    if asked.method != "GET" || reply.status != 200 {
        return reply;
    }
    let tag = format!("\"{}\"", hex(&Sha256::digest(reply.body.as_bytes()), 16));
    if asked.header("if-none-match") == tag {
        reply.status = 304;
        reply.body.clear();
    }
    reply.headers.push(("etag".to_owned(), tag));
    reply
}

/// The first so many digits of bytes, in hexadecimal.
pub(super) fn hex(bytes: &[u8], digits: usize) -> String {
    let mut text = bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    text.truncate(digits);
    text
}
