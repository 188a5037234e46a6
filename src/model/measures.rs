//! Measures: the named quantities that requirements speak of.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One measured quantity.
///
/// People who write policies do not know integers from doubles, so there is one
/// kind of number; whole counts are exact up to 2⁵³.
#[derive(Clone, Debug, PartialEq)]
pub enum Measure {
    /// A count, a ratio, or a quantity in the unit that its name states.
    Number(f64),
    /// A length of time, in seconds.
    Seconds(f64),
    /// Yes or no.
    Flag(bool),
    /// A word or a name.
    Text(String),
    /// Names, sorted, each once. Long lists are cut; the matching count is not.
    Names(Vec<String>),
}

impl Serialize for Measure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(value) | Self::Seconds(value) => {
                let whole = value.fract() == 0.0 && value.abs() < 9_007_199_254_740_992.0;
                if whole {
                    #[expect(clippy::cast_possible_truncation, reason = "a whole number below 2^53 fits i64")]
                    serializer.serialize_i64(*value as i64)
                } else {
                    serializer.serialize_f64(*value)
                }
            }
            Self::Flag(value) => serializer.serialize_bool(*value),
            Self::Text(value) => serializer.serialize_str(value),
            Self::Names(names) => names.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Measure {
    /// A length of time is read back as the number of its seconds: the check of a requirement has kept the two apart.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Plain {
            Flag(bool),
            Number(f64),
            Text(String),
            Names(Vec<String>),
        }
        Ok(match Plain::deserialize(deserializer)? {
            Plain::Flag(flag) => Self::Flag(flag),
            Plain::Number(number) => Self::Number(number),
            Plain::Text(text) => Self::Text(text),
            Plain::Names(names) => Self::Names(names),
        })
    }
}

/// The measures that evidence states. A name that is not here is unknown, and
/// an unknown measure never satisfies a requirement.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Measures(#[schemars(with = "BTreeMap<String, serde_json::Value>")] BTreeMap<&'static str, Measure>);

impl Measures {
    /// Nothing is known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// States a number. One that is not finite stays unknown.
    pub fn number(&mut self, name: &'static str, value: f64) {
        if value.is_finite() {
            self.0.insert(name, Measure::Number(value));
        }
    }

    /// States a count.
    pub fn count(&mut self, name: &'static str, value: u64) {
        #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
        self.number(name, value as f64);
    }

    /// States a length of time, in seconds. One that is not finite stays unknown.
    pub fn seconds(&mut self, name: &'static str, value: f64) {
        if value.is_finite() {
            self.0.insert(name, Measure::Seconds(value));
        }
    }

    /// States anything else.
    pub fn state(&mut self, name: &'static str, value: Measure) {
        self.0.insert(name, value);
    }

    /// What is known under a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Measure> {
        self.0.get(name)
    }

    /// All that is known, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Measure)> {
        self.0.iter().map(|(name, measure)| (*name, measure))
    }

    /// Makes unknown what is not to be kept.
    pub fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.0.retain(|name, _| keep(name));
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
