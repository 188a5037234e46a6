//! A JSON document with the line of every value, and with every key that it has, twice or not.

use std::cell::Cell;
use std::fmt;
use std::io::{self, Read};

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// A value and its line.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) line: usize,
    pub(super) value: Value,
}

/// What stands there.
#[derive(Debug)]
pub(super) enum Value {
    Null,
    Flag(bool),
    /// A number, and whether it is a whole one of 0 or more.
    Number(f64, bool),
    Text(String),
    List(Vec<Placed>),
    /// Every key with its line, in the order of the document.
    Map(Vec<(String, usize, Placed)>),
}

/// Reads a document.
pub(super) fn read(document: &[u8]) -> Result<Placed, serde_json::Error> {
    let line = Cell::new(1);
    let counted = Counted { rest: document, line: &line, newline: false };
    let mut reader = serde_json::Deserializer::from_reader(counted);
    let root = Seed(&line).deserialize(&mut reader)?;
    reader.end()?;
    Ok(root)
}

/// Hands out one byte at a time, and knows the line of the last one. The reader looks one byte ahead at most, so that a
/// value's line is that of its last byte or of the one after it.
struct Counted<'d> {
    rest: &'d [u8],
    line: &'d Cell<usize>,
    newline: bool,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (Some((first, rest)), Some(slot)) = (self.rest.split_first(), buffer.first_mut()) else { return Ok(0) };
        if self.newline {
            self.line.set(self.line.get() + 1);
        }
        self.newline = *first == b'\n';
        *slot = *first;
        self.rest = rest;
        Ok(1)
    }
}

#[derive(Clone, Copy)]
struct Seed<'l>(&'l Cell<usize>);

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Placed;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Placed, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Seed<'_> {
    fn here(self, value: Value) -> Placed {
        Placed { line: self.0.get(), value }
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Placed;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Placed, E> {
        Ok(self.here(Value::Null))
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Placed, E> {
        Ok(self.here(Value::Flag(flag)))
    }

    #[expect(clippy::cast_precision_loss, reason = "it is only shown")]
    fn visit_i64<E>(self, number: i64) -> Result<Placed, E> {
        Ok(self.here(Value::Number(number as f64, number >= 0)))
    }

    #[expect(clippy::cast_precision_loss, reason = "it is only shown")]
    fn visit_u64<E>(self, number: u64) -> Result<Placed, E> {
        Ok(self.here(Value::Number(number as f64, true)))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Placed, E> {
        Ok(self.here(Value::Number(number, false)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Placed, E> {
        Ok(self.here(Value::Text(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Placed, A::Error> {
        let line = self.0.get();
        let mut list = Vec::new();
        while let Some(entry) = entries.next_element_seed(self)? {
            list.push(entry);
        }
        Ok(Placed { line, value: Value::List(list) })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Placed, A::Error> {
        let line = self.0.get();
        let mut map = Vec::new();
        while let Some(key) = entries.next_key::<String>()? {
            let line = self.0.get();
            map.push((key, line, entries.next_value_seed(self)?));
        }
        Ok(Placed { line, value: Value::Map(map) })
    }
}
