//! Reads a JSON document once, in order, without building it.
//!
//! A format walks its document with closures: an object calls back for every
//! key, an array for every element, and what a closure does not take is skipped.
//! `serde_json` does the reading, so its rules hold (RFC 8259, UTF-8, nesting of
//! at most 128 in what is taken), and every error names line and column.
//!
//! Within an object that is walked, a key may stand only once: parsers disagree
//! about which of two values rules, and whoever made the file could use that.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use smallvec::SmallVec;

use crate::model::report::{Fault, Place};

/// What a walk over JSON fails with: a message that the reader gives a place.
pub type Error = serde_json::Error;
/// The outcome of one step of a walk.
pub type Step = Result<(), Error>;

/// How many bytes of one text are taken. A longer one is refused, so that one
/// file cannot fill the memory.
pub const TEXT_LIMIT: usize = 1 << 20;

/// A value that stands next in the document and can be taken once.
pub struct Node<'n, 'de> {
    source: &'n mut dyn Source<'de>,
}

/// A value without parts.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar<'de> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Flag(bool),
    /// A number.
    Number(f64),
    /// A text.
    Text(Cow<'de, str>),
    /// An object or an array, which was skipped.
    Compound,
}

/// Walks a whole document. Anything but white space after it is an error.
pub fn walk<'de>(bytes: &'de [u8], root: impl FnOnce(&mut Node<'_, 'de>) -> Step) -> Result<(), Fault> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    walk_next(&mut reader, root).and_then(|()| reader.end()).map_err(|error| fault(&error))
}

/// Walks documents that stand one after another, one a line or simply adjoining.
pub fn walk_each<'de>(bytes: &'de [u8], mut each: impl FnMut(&mut Node<'_, 'de>) -> Step) -> Result<(), Fault> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    loop {
        match reader.end() {
            Ok(()) => return Ok(()),
            Err(error) if error.is_eof() => return Err(fault(&error)),
            Err(_) => walk_next(&mut reader, &mut each).map_err(|error| fault(&error))?,
        }
    }
}

fn walk_next<'de>(
    reader: &mut serde_json::Deserializer<serde_json::de::SliceRead<'de>>,
    root: impl FnOnce(&mut Node<'_, 'de>) -> Step,
) -> Step {
    Value(root).deserialize(reader)
}

/// A message of our own, which the reader gives a place.
pub fn refuse(message: impl fmt::Display) -> Error {
    Error::custom(message)
}

/// A message of our own about content that is beyond a limit.
pub fn refuse_beyond_limit(message: impl fmt::Display) -> Error {
    Error::custom(format_args!("{LIMIT_MARK}{message}"))
}

/// Turns the reader's error into a fault with a place.
pub fn fault(error: &Error) -> Fault {
    let place = match error.line() {
        0 => Place::Whole,
        line => Place::Line(line as u64, error.column() as u64),
    };
    let text = error.to_string();
    let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message);
    match message.strip_prefix(LIMIT_MARK) {
        Some(message) => Fault::beyond_limit(place, message),
        None => Fault::malformed(place, message),
    }
}

const LIMIT_MARK: &str = "beyond the limit: ";

impl<'de> Node<'_, 'de> {
    /// Calls back for every key of an object. `null` has none; anything else is an error.
    pub fn object(&mut self, mut each: impl FnMut(&str, &mut Node<'_, 'de>) -> Step) -> Step {
        self.source.take(&mut Shape { object: Some(&mut each), array: None, scalar: None, expected: "an object" })
    }

    /// Calls back for every element of an array. `null` has none; anything else is an error.
    pub fn array(&mut self, mut each: impl FnMut(&mut Node<'_, 'de>) -> Step) -> Step {
        self.source.take(&mut Shape { object: None, array: Some(&mut each), scalar: None, expected: "an array" })
    }

    /// Calls back for every object of an array; the whole of both may be `null`.
    pub fn objects(&mut self, mut each: impl FnMut(&mut Node<'_, 'de>) -> Step) -> Step {
        self.array(|element| each(element))
    }

    /// An object or an array, whichever stands here; `null` is neither, anything else an error.
    pub fn either(
        &mut self,
        mut object: impl FnMut(&str, &mut Node<'_, 'de>) -> Step,
        mut array: impl FnMut(&mut Node<'_, 'de>) -> Step,
    ) -> Step {
        self.source.take(&mut Shape {
            object: Some(&mut object),
            array: Some(&mut array),
            scalar: None,
            expected: "an object or an array",
        })
    }

    /// A text; `None` for `null`, an error for anything else.
    pub fn text(&mut self) -> Result<Option<Cow<'de, str>>, Error> {
        match self.scalar()? {
            Scalar::Text(text) => Ok(Some(text)),
            Scalar::Null => Ok(None),
            other => Err(refuse(format_args!("expected a text, found {}", other.name()))),
        }
    }

    /// A number; `None` for `null`, an error for anything else.
    pub fn number(&mut self) -> Result<Option<f64>, Error> {
        match self.scalar()? {
            Scalar::Number(number) => Ok(Some(number)),
            Scalar::Null => Ok(None),
            other => Err(refuse(format_args!("expected a number, found {}", other.name()))),
        }
    }

    /// A count: a whole number that is not negative; `None` for `null`.
    pub fn count(&mut self) -> Result<Option<u64>, Error> {
        match self.number()? {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "whole, not negative and below 2^53 was checked"
            )]
            Some(number) if number >= 0.0 && number.fract() == 0.0 && number < 9.0e15 => Ok(Some(number as u64)),
            Some(number) => Err(refuse(format_args!("expected a count, found {number}"))),
            None => Ok(None),
        }
    }

    /// `true` or `false`; `None` for `null`, an error for anything else.
    pub fn flag(&mut self) -> Result<Option<bool>, Error> {
        match self.scalar()? {
            Scalar::Flag(flag) => Ok(Some(flag)),
            Scalar::Null => Ok(None),
            other => Err(refuse(format_args!("expected true or false, found {}", other.name()))),
        }
    }

    /// Whatever stands here, if it has no parts; an object or an array is skipped.
    pub fn scalar(&mut self) -> Result<Scalar<'de>, Error> {
        let mut found = Scalar::Compound;
        self.source.take(&mut Shape { object: None, array: None, scalar: Some(&mut found), expected: "a value" })?;
        Ok(found)
    }

    /// An object, whose keys call back and which is told as [`Scalar::Compound`], or a value without parts.
    pub fn object_or_scalar(
        &mut self,
        mut each: impl FnMut(&str, &mut Node<'_, 'de>) -> Step,
    ) -> Result<Scalar<'de>, Error> {
        let mut found = Scalar::Compound;
        self.source.take(&mut Shape {
            object: Some(&mut each),
            array: None,
            scalar: Some(&mut found),
            expected: "an object or a value",
        })?;
        Ok(found)
    }

    /// Passes over the value. A value that is never taken is passed over as well.
    pub fn skip(&mut self) -> Step {
        self.source.skip()
    }
}

impl Scalar<'_> {
    fn name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Flag(_) => "true or false",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::Compound => "an object or an array",
        }
    }
}

/// A deserializer of whatever type, behind one face, so that closures can take it.
trait Source<'de> {
    fn take(&mut self, shape: &mut Shape<'_, 'de>) -> Step;
    fn skip(&mut self) -> Step;
}

type EachKey<'s, 'de> = dyn FnMut(&str, &mut Node<'_, 'de>) -> Step + 's;
type EachElement<'s, 'de> = dyn FnMut(&mut Node<'_, 'de>) -> Step + 's;

/// What a format is ready to take at this point.
struct Shape<'s, 'de> {
    object: Option<&'s mut EachKey<'s, 'de>>,
    array: Option<&'s mut EachElement<'s, 'de>>,
    scalar: Option<&'s mut Scalar<'de>>,
    expected: &'static str,
}

impl<'de> Shape<'_, 'de> {
    fn settle(&mut self, value: Scalar<'de>) -> Step {
        match (&mut self.scalar, value) {
            (Some(slot), value) => {
                **slot = value;
                Ok(())
            }
            (None, Scalar::Null) => Ok(()),
            (None, value) => Err(refuse(format_args!("expected {}, found {}", self.expected, value.name()))),
        }
    }
}

impl<'de> Visitor<'de> for &mut Shape<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.settle(Scalar::Null).map_err(E::custom)
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<(), E> {
        self.settle(Scalar::Flag(value)).map_err(E::custom)
    }

    #[expect(clippy::cast_precision_loss, reason = "measures are doubles; whole numbers are exact up to 2^53")]
    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<(), E> {
        self.settle(Scalar::Number(value as f64)).map_err(E::custom)
    }

    #[expect(clippy::cast_precision_loss, reason = "measures are doubles; whole numbers are exact up to 2^53")]
    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<(), E> {
        self.settle(Scalar::Number(value as f64)).map_err(E::custom)
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<(), E> {
        self.settle(Scalar::Number(value)).map_err(E::custom)
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, text: &'de str) -> Result<(), E> {
        if text.len() > TEXT_LIMIT {
            return Err(E::custom(too_long(text.len())));
        }
        self.settle(Scalar::Text(Cow::Borrowed(text))).map_err(E::custom)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        if text.len() > TEXT_LIMIT {
            return Err(E::custom(too_long(text.len())));
        }
        self.settle(Scalar::Text(Cow::Owned(text.to_owned()))).map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some(each) = self.object.as_mut() else {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return self.settle(Scalar::Compound).map_err(A::Error::custom);
        };
        let mut seen = Keys::default();
        while let Some(key) = map.next_key_seed(Key)? {
            if seen.has(&key) {
                return Err(A::Error::custom(format_args!(
                    "the key `{}` stands twice in one object; keep one of them",
                    crate::model::notable::shortened(&key, 60)
                )));
            }
            map.next_value_seed(Value(|node: &mut Node<'_, 'de>| each(&key, node)))?;
            seen.note(key);
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Some(each) = self.array.as_mut() else {
            while seq.next_element::<IgnoredAny>()?.is_some() {}
            return self.settle(Scalar::Compound).map_err(A::Error::custom);
        };
        while seq.next_element_seed(Value(|node: &mut Node<'_, 'de>| each(node)))?.is_some() {}
        Ok(())
    }
}

fn too_long(length: usize) -> String {
    format!("{LIMIT_MARK}a text of {length} bytes, where at most {TEXT_LIMIT} are read")
}

/// Hands a value to a closure, and passes over it if the closure did not take it.
struct Value<F>(F);

impl<'de, F: FnOnce(&mut Node<'_, 'de>) -> Step> DeserializeSeed<'de> for Value<F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        let mut held = Held { value: Some(value), error: None };
        let walked = (self.0)(&mut Node { source: &mut held }).and_then(|()| held.skip());
        match (held.error, walked) {
            (Some(error), _) => Err(error),
            (None, Err(error)) => Err(D::Error::custom(error)),
            (None, Ok(())) => Ok(()),
        }
    }
}

/// A deserializer whose own error is kept as it is, with the place that it knows.
struct Held<'de, D: Deserializer<'de>> {
    value: Option<D>,
    error: Option<D::Error>,
}

impl<'de, D: Deserializer<'de>> Held<'de, D> {
    fn settle(&mut self, outcome: Result<(), D::Error>) -> Step {
        outcome.map_err(|error| {
            self.error = Some(error);
            refuse("the reader stopped")
        })
    }
}

impl<'de, D: Deserializer<'de>> Source<'de> for Held<'de, D> {
    fn take(&mut self, shape: &mut Shape<'_, 'de>) -> Step {
        match self.value.take() {
            Some(value) => {
                let outcome = value.deserialize_any(shape);
                self.settle(outcome)
            }
            None => Err(refuse("a value was taken twice")),
        }
    }

    fn skip(&mut self) -> Step {
        match self.value.take() {
            Some(value) => {
                let outcome = value.deserialize_ignored_any(IgnoredAny).map(|_| ());
                self.settle(outcome)
            }
            None => Ok(()),
        }
    }
}

/// A key, borrowed from the document where it holds no escape.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, key: D) -> Result<Self::Value, D::Error> {
        key.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(key))
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<Self::Value, E> {
        if key.len() > TEXT_LIMIT {
            return Err(E::custom(too_long(key.len())));
        }
        Ok(Cow::Owned(key.to_owned()))
    }
}

/// The keys of one object so far. A 64-bit sketch answers "surely new" for nearly
/// all of them, so that a large report is not slowed by the watch for doubles.
#[derive(Default)]
struct Keys<'de> {
    sketch: u64,
    list: SmallVec<[Cow<'de, str>; 16]>,
}

impl<'de> Keys<'de> {
    fn has(&self, key: &str) -> bool {
        self.sketch & Self::mark(key) != 0 && self.list.iter().any(|known| known == key)
    }

    fn note(&mut self, key: Cow<'de, str>) {
        self.sketch |= Self::mark(&key);
        self.list.push(key);
    }

    fn mark(key: &str) -> u64 {
        let bytes = key.as_bytes();
        let first = bytes.first().copied().unwrap_or_default();
        let last = bytes.last().copied().unwrap_or_default();
        let mixed = u32::from(first) ^ (u32::from(last) << 3) ^ u32::try_from(bytes.len()).unwrap_or_default();
        1 << (mixed.wrapping_mul(0x9E37_79B1) >> 26)
    }
}
