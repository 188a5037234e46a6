//! A value that is known, known not to be there, or could not be read.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// A value as the facts state it.
///
/// In JSON a known value stands as itself, an absent one is `null`, and one that
/// could not be read is `{"unavailable": "why"}`. A key that is left out is
/// unavailable too: what nobody looked at is not known to be absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact<T> {
    /// It is this.
    Known(T),
    /// It was looked for, and is not there.
    Absent,
    /// It could not be read, and why.
    Unavailable(Cow<'static, str>),
}

impl<T> Default for Fact<T> {
    fn default() -> Self {
        Self::Unavailable(Cow::Borrowed("the facts do not state it"))
    }
}

impl<T> Fact<T> {
    /// The value, if it is known.
    #[must_use]
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Absent | Self::Unavailable(_) => None,
        }
    }

    /// Why the value could not be read, if it could not.
    #[must_use]
    pub fn unavailable(&self) -> Option<&str> {
        match self {
            Self::Unavailable(why) => Some(why),
            Self::Known(_) | Self::Absent => None,
        }
    }

    /// Whether it was looked for and is not there.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}

impl Fact<bool> {
    /// Whether it is so, or may be: what is not known counts as so. Only where that makes nothing easier.
    #[must_use]
    pub fn perhaps(&self) -> bool {
        matches!(self, Self::Known(true) | Self::Unavailable(_))
    }
}

impl<T> Fact<Vec<T>> {
    /// The entries that are known; none of an absent list or one that could not be read. Only for
    /// lists of which a missing entry can never open a gate.
    #[must_use]
    pub fn entries(&self) -> &[T] {
        self.known().map_or(&[], Vec::as_slice)
    }
}

impl<T> From<T> for Fact<T> {
    fn from(value: T) -> Self {
        Self::Known(value)
    }
}

const KEY: &str = "unavailable";

impl<T: Serialize> Serialize for Fact<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Known(value) => value.serialize(serializer),
            Self::Absent => serializer.serialize_unit(),
            Self::Unavailable(why) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry(KEY, why)?;
                map.end()
            }
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Fact<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FactVisitor(PhantomData))
    }
}

struct FactVisitor<T>(PhantomData<T>);

/// Hands a plain value on to the type that is wanted.
macro_rules! plain {
    ($($visit:ident: $of:ty),+) => {
        $(fn $visit<E: Error>(self, value: $of) -> Result<Self::Value, E> {
            T::deserialize(value.into_deserializer()).map(Fact::Known)
        })+
    };
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for FactVisitor<T> {
    type Value = Fact<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value, null, or {\"unavailable\": \"why\"}")
    }

    plain!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str, visit_string: String);

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Fact::Absent)
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(Fact::Absent)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, entries: A) -> Result<Self::Value, A::Error> {
        T::deserialize(SeqAccessDeserializer::new(entries)).map(Fact::Known)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let Some(first) = entries.next_key::<Cow<'de, str>>()? else {
            return T::deserialize(MapAccessDeserializer::new(entries)).map(Fact::Known);
        };
        if first == KEY {
            let why: String = entries.next_value()?;
            return match entries.next_key::<String>()? {
                None => Ok(Fact::Unavailable(Cow::Owned(why))),
                Some(more) => Err(A::Error::custom(format_args!("`{more}` beside `unavailable`"))),
            };
        }
        T::deserialize(MapAccessDeserializer::new(Again { first: Some(first), entries })).map(Fact::Known)
    }
}

/// A map whose first key was read already.
struct Again<'de, A> {
    first: Option<Cow<'de, str>>,
    entries: A,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Again<'de, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        match self.first.take() {
            Some(Cow::Borrowed(key)) => seed.deserialize(serde::de::value::BorrowedStrDeserializer::new(key)).map(Some),
            Some(Cow::Owned(key)) => seed.deserialize(key.into_deserializer()).map(Some),
            None => self.entries.next_key_seed(seed),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.entries.next_value_seed(seed)
    }
}

impl<T: JsonSchema> JsonSchema for Fact<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("Fact_of_{}", T::schema_name()).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                generator.subschema_for::<T>(),
                {"type": "null"},
                {
                    "type": "object",
                    "properties": {"unavailable": {"type": "string"}},
                    "required": ["unavailable"],
                    "additionalProperties": false
                }
            ]
        })
    }
}
