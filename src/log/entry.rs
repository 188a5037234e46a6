//! Entries: what the record holds of everything that happens, as bytes of which there is one form only.
//!
//! An entry is a JSON object in the canonical form of RFC 8785 (JCS): keys sorted, no white space. It has exactly the
//! keys `at` (microseconds of the Unix time, an integer), `body` (an object), `kind` and `v` (1). There are no
//! fractions in an entry and no numbers beyond 2⁵³, so that no two writers can print one differently. What is large is
//! kept beside the log, and the entry has its SHA-256 digest.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

/// Declares the kinds once, each with its word and what it records.
macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $name:ident = $word:literal;)+) => {
        /// What an entry records.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Kind { $($(#[doc = $doc])+ $name,)+ }

        impl Kind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The word that stands in the entry.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$name => $word),+ }
            }

            /// What it records, in words.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+).trim_ascii()),+ }
            }

            /// The kind of a word.
            #[must_use]
            pub fn of(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$name),)+ _ => None }
            }
        }
    };
}

kinds! {
    /// something that a forge or another system sent
    Delivery = "delivery";
    /// evidence that was submitted or fetched
    Evidence = "evidence";
    /// the facts of a release at an instant
    Facts = "facts";
    /// a decision
    Decision = "decision";
    /// an approval
    Approval = "approval";
    /// a rejection
    Rejection = "rejection";
    /// an act taken back
    Withdrawal = "withdrawal";
    /// permission to go past a gate
    Waiver = "waiver";
    /// an item of a checklist ticked off
    Tick = "tick";
    /// something else that somebody did: a stand-in named, an absence, an emergency claimed, a fix confirmed, a debt met
    Act = "act";
    /// an act that was refused where it was tried
    Refusal = "refusal";
    /// an obligation opened, met or overdue
    Obligation = "obligation";
    /// a deployment that began or ended, whether a decision let it in, and whether its environment is held for one
    Deployment = "deployment";
    /// an issue that is an incident, or is over as one
    Incident = "incident";
    /// something that the product did to another system
    Effect = "effect";
    /// a policy that came into force
    Policy = "policy";
    /// who held which role
    Roster = "roster";
    /// a report that was made, or a survey that was begun, when a period ended
    Report = "report";
    /// what somebody answered to a survey
    Answer = "answer";
    /// an auditor's reading
    Reading = "reading";
    /// evidence that was deleted when its time was over
    Expiry = "expiry";
    /// something kept beyond its time for a legal matter, or no longer
    LegalHold = "legal_hold";
    /// a new signing key, vouched for by the old one
    KeyRotation = "key_rotation";
}

/// One entry.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// What it records.
    pub kind: Kind,
    /// When, UTC, in whole microseconds.
    pub at: DateTime<Utc>,
    /// What happened. No number in it has a fraction.
    pub body: Map<String, Value>,
}

/// Why bytes are no entry, or a body cannot be one's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Not JSON, or not of the form of an entry.
    #[error("not an entry: {0}")]
    Form(String),
    /// JSON, and not in its one form.
    #[error("an entry that is not in canonical form")]
    NotCanonical,
    /// A number with a fraction.
    #[error("`{0}` is a number with a fraction, which an entry never has")]
    Fraction(String),
    /// A number that some readers of JSON would round.
    #[error("`{0}` is a number beyond 2⁵³, which an entry has as text")]
    Large(String),
    /// A key that is not plain.
    #[error("the key `{0}` of an entry is not of ASCII")]
    Key(String),
    /// Too long for a log.
    #[error("an entry of {0} bytes; a log takes 65,535 at most, and keeps the digest of what is larger")]
    TooLong(usize),
}

impl Entry {
    /// The entry's bytes, of which there is one form only.
    pub fn bytes(&self) -> Result<Vec<u8>, Unfit> {
        for (key, value) in &self.body {
            fit(key, value, 1)?;
        }
        let mut entry = Map::new();
        entry.insert("at".to_owned(), self.at.timestamp_micros().into());
        entry.insert("body".to_owned(), Value::Object(self.body.clone()));
        entry.insert("kind".to_owned(), self.kind.word().into());
        entry.insert("v".to_owned(), 1.into());
        let bytes =
            serde_json::to_vec(&Value::Object(sorted(entry))).map_err(|error| Unfit::Form(error.to_string()))?;
        if bytes.len() > super::tile::ENTRY { Err(Unfit::TooLong(bytes.len())) } else { Ok(bytes) }
    }

    /// Reads an entry's bytes, which must be in their one form.
    pub fn parse(bytes: &[u8]) -> Result<Self, Unfit> {
        if bytes.len() > super::tile::ENTRY {
            return Err(Unfit::TooLong(bytes.len()));
        }
        let form = |what: &str| Unfit::Form(what.to_owned());
        let value: Value = serde_json::from_slice(bytes).map_err(|error| Unfit::Form(error.to_string()))?;
        let Value::Object(mut entry) = value else { return Err(form("it is no object")) };
        if entry.remove("v") != Some(1.into()) {
            return Err(form("`v` is not 1"));
        }
        let kind = entry.remove("kind").and_then(|kind| Kind::of(kind.as_str()?));
        let at = entry.remove("at").and_then(|at| DateTime::from_timestamp_micros(at.as_i64()?));
        let (Some(kind), Some(at), Some(Value::Object(body)), true) =
            (kind, at, entry.remove("body"), entry.is_empty())
        else {
            return Err(form("it has `at`, `body`, `kind` and `v`, and nothing else"));
        };
        let entry = Self { kind, at, body };
        if entry.bytes()? == bytes { Ok(entry) } else { Err(Unfit::NotCanonical) }
    }
}

/// Keys in order, however the map keeps them.
fn sorted(map: Map<String, Value>) -> Map<String, Value> {
    let mut entries: Vec<(String, Value)> = map.into_iter().map(|(key, value)| (key, in_order(value))).collect();
    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    entries.into_iter().collect()
}

fn in_order(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(sorted(map)),
        Value::Array(items) => Value::Array(items.into_iter().map(in_order).collect()),
        other => other,
    }
}

/// How deep a body may be nested: far below where a reader gives up.
const DEPTH: usize = 64;
/// The largest number that every reader of JSON keeps whole: 2⁵³ − 1.
const LARGEST: u64 = (1 << 53) - 1;

fn fit(key: &str, value: &Value, depth: usize) -> Result<(), Unfit> {
    if !key.is_ascii() {
        return Err(Unfit::Key(key.to_owned()));
    }
    if depth > DEPTH {
        return Err(Unfit::Form(format!("it is nested over {DEPTH} deep")));
    }
    match value {
        Value::Number(number) => match number.as_i64().map(i64::unsigned_abs).or_else(|| number.as_u64()) {
            None => Err(Unfit::Fraction(key.to_owned())),
            Some(number) if number > LARGEST => Err(Unfit::Large(key.to_owned())),
            Some(_) => Ok(()),
        },
        Value::Array(items) => items.iter().try_for_each(|item| fit(key, item, depth + 1)),
        Value::Object(map) => map.iter().try_for_each(|(key, value)| fit(key, value, depth + 1)),
        _ => Ok(()),
    }
}
