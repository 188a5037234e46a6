//! Our JSON reader against `serde_json`, which was written by others.
//!
//! Both must take the same documents and read the same values, but where ours is
//! stricter on purpose: a key that stands twice, and nesting beyond its limit.

use std::collections::BTreeSet;
use std::fmt;

use countersign::evidence::json::{self, Error, Node, Scalar};
use countersign::model::verdict::Reason;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::memory;

/// Everything that a document holds, in its order.
#[derive(Debug, PartialEq)]
enum Value {
    Null,
    Flag(bool),
    Number(f64),
    Text(String),
    Array(Vec<Value>),
    Object(Vec<(String, Value)>),
}

pub fn agrees(bytes: &[u8]) {
    passed_over(bytes);
    let mut ours = None;
    let walked = memory::bounded(bytes.len(), || {
        json::walk(bytes, |node| {
            ours = Some(value(node)?);
            Ok(())
        })
    });
    let theirs: Result<Value, _> = serde_json::from_slice(bytes);
    match (walked, theirs) {
        (Ok(()), Ok(theirs)) => {
            assert!(!theirs.has_twins(), "a key stands twice, and was taken");
            assert_eq!(ours, Some(theirs));
        }
        (Ok(()), Err(error)) => assert!(error.to_string().contains("recursion limit"), "taken, but {error}"),
        (Err(fault), Ok(theirs)) => {
            assert!(fault.reason == Reason::BeyondLimit || theirs.has_twins(), "refused: {fault}");
        }
        (Err(_), Err(_)) => {}
    }
}

/// What is passed over is read as strictly as what is taken.
fn passed_over(bytes: &[u8]) {
    let ours = json::walk(bytes, |node| node.skip());
    let theirs: Result<IgnoredAny, _> = serde_json::from_slice(bytes);
    match (ours, theirs) {
        (Ok(()), Err(error)) => panic!("passed over, but {error}"),
        (Err(fault), Ok(_)) => assert_eq!(fault.reason, Reason::BeyondLimit, "refused: {fault}"),
        _ => {}
    }
}

fn value(node: &mut Node<'_, '_>) -> Result<Value, Error> {
    if node.is_array() {
        let mut elements = Vec::new();
        node.array(|element| {
            elements.push(value(element)?);
            Ok(())
        })?;
        return Ok(Value::Array(elements));
    }
    let mut entries = Vec::new();
    let scalar = node.object_or_scalar(|key, element| {
        entries.push((key.to_owned(), value(element)?));
        Ok(())
    })?;
    Ok(match scalar {
        Scalar::Null => Value::Null,
        Scalar::Flag(flag) => Value::Flag(flag),
        Scalar::Number(number) => Value::Number(number),
        Scalar::Text(text) => Value::Text(text.into_owned()),
        Scalar::Compound => Value::Object(entries),
    })
}

impl Value {
    /// Whether a key stands twice in one object.
    fn has_twins(&self) -> bool {
        match self {
            Self::Array(elements) => elements.iter().any(Self::has_twins),
            Self::Object(entries) => {
                let mut keys = BTreeSet::new();
                entries.iter().any(|(key, value)| !keys.insert(key) || value.has_twins())
            }
            _ => false,
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Whole)
    }
}

struct Whole;

impl<'de> Visitor<'de> for Whole {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Flag(flag))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Number(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(number as f64))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(number as f64))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = access.next_element()? {
            elements.push(element);
        }
        Ok(Value::Array(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Value::Object(entries))
    }
}
