//! Digests of content, which are never empty: two that say nothing would be the same, and what somebody was shown of
//! nothing would be what goes.

use schemars::JsonSchema;
use serde::de::{Deserialize, Deserializer, Error};

use super::Fact;

/// A digest that says something.
#[derive(JsonSchema)]
#[schemars(inline)]
pub(super) struct Digest(#[schemars(length(min = 1))] String);

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.trim().is_empty() {
            return Err(D::Error::custom(
                "an empty digest says nothing; write what it is, or null where there is none",
            ));
        }
        Ok(Self(text))
    }
}

/// Reads a digest.
pub(super) fn one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Digest::deserialize(deserializer).map(|digest| digest.0)
}

/// Reads a digest that may be unknown.
pub(super) fn known<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Fact<String>, D::Error> {
    Ok(match Fact::<Digest>::deserialize(deserializer)? {
        Fact::Known(digest) => Fact::Known(digest.0),
        Fact::Absent => Fact::Absent,
        Fact::Unavailable(why) => Fact::Unavailable(why),
    })
}

/// Reads digests that may be unknown.
pub(super) fn all<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Fact<Vec<String>>, D::Error> {
    Ok(match Fact::<Vec<Digest>>::deserialize(deserializer)? {
        Fact::Known(digests) => Fact::Known(digests.into_iter().map(|digest| digest.0).collect()),
        Fact::Absent => Fact::Absent,
        Fact::Unavailable(why) => Fact::Unavailable(why),
    })
}
