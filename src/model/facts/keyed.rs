//! Maps of which each key stands once: JSON allows the same key twice, and which of the two counts is then up to
//! whoever reads it (RFC 8259, section 4). Facts that say two things say nothing.

use std::collections::{BTreeMap, HashSet};
use std::fmt::{self, Display};
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use super::{Account, Act, Fact};

/// Reads a map, and refuses a key that comes twice.
pub(super) fn once<'de, D, K, V>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
where
    D: Deserializer<'de>,
    K: Deserialize<'de> + Ord + Display,
    V: Deserialize<'de>,
{
    deserializer.deserialize_map(Once(PhantomData))
}

/// The same of groups, whose names are compared as those of accounts are.
pub(super) fn once_folded<'de, D, V>(deserializer: D) -> Result<BTreeMap<String, V>, D::Error>
where
    D: Deserializer<'de>,
    V: Deserialize<'de>,
{
    let map: BTreeMap<Account, V> = once(deserializer)?;
    Ok(map.into_iter().map(|(Account(name), value)| (name, value)).collect())
}

/// The same of a map that may be unknown.
pub(super) fn once_known<'de, D, V>(deserializer: D) -> Result<Fact<BTreeMap<String, V>>, D::Error>
where
    D: Deserializer<'de>,
    V: Deserialize<'de>,
{
    Ok(match Fact::deserialize(deserializer)? {
        Fact::Known(Whole(map)) => Fact::Known(map),
        Fact::Absent => Fact::Absent,
        Fact::Unavailable(why) => Fact::Unavailable(why),
    })
}

/// Reads acts, and refuses two of one name: which of them somebody takes back would be up to whoever reads it.
pub(super) fn acts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Fact<Vec<Act>>, D::Error> {
    let acts = Fact::<Vec<Act>>::deserialize(deserializer)?;
    let mut names = HashSet::new();
    match acts.entries().iter().find(|act| !names.insert(&act.id)) {
        Some(act) => {
            Err(D::Error::custom(format_args!("two acts are called `{}`; each needs an id of its own", act.id)))
        }
        None => Ok(acts),
    }
}

struct Whole<V>(BTreeMap<String, V>);

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Whole<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        once(deserializer).map(Self)
    }
}

struct Once<K, V>(PhantomData<(K, V)>);

impl<'de, K: Deserialize<'de> + Ord + Display, V: Deserialize<'de>> Visitor<'de> for Once<K, V> {
    type Value = BTreeMap<K, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut map = BTreeMap::new();
        while let Some(key) = entries.next_key::<K>()? {
            if map.contains_key(&key) {
                return Err(A::Error::custom(format_args!("`{key}` stands here twice; each key may stand once")));
            }
            map.insert(key, entries.next_value()?);
        }
        Ok(map)
    }
}
