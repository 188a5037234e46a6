//! Requests as they come over the wire.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpStream;

use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::Asked;

/// Reads one request.
pub(super) fn receive(reader: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let decoded = |text: &str| percent_decode_str(text).decode_utf8().unwrap().into_owned();
    let pair = |pair: &str| pair.split_once('=').map(|(name, value)| (decoded(name), decoded(value)));
    Some(Asked {
        method,
        path: path.to_owned(),
        query: query.split('&').filter_map(pair).collect(),
        headers,
        // A form is kept as it came.
        body: serde_json::from_slice(&body).unwrap_or_else(|_| match String::from_utf8(body.clone()) {
            Ok(text) if !text.is_empty() => Value::String(text),
            _ => Value::Null,
        }),
    })
}
