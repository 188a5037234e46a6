//! The settings: how long what is kept, and whose word it takes to shorten that.

use std::collections::BTreeMap;

use chrono::{DateTime, Days, Months, Utc};
use serde::{Deserialize, Serialize};

use super::Refused;
use crate::log::entry::Kind;
use crate::log::note::Verifier;
use crate::log::receipt::sha256;

/// The longest time that can be asked for, in years.
const YEARS: u32 = 200;

/// A length of time: `90d`, `7y`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// Days of 24 hours.
    Days(u32),
    /// Years of the calendar, UTC.
    Years(u32),
}

impl Length {
    fn parse(text: &str) -> Option<Self> {
        let number = |unit| text.strip_suffix(unit)?.parse::<u32>().ok().filter(|number| *number > 0);
        let years = number('y').filter(|years| *years <= YEARS).map(Self::Years);
        years.or_else(|| number('d').filter(|days| *days <= YEARS * 366).map(Self::Days))
    }

    /// The instant so much later; the end of time where there is none.
    fn after(self, at: DateTime<Utc>) -> DateTime<Utc> {
        let later = match self {
            Self::Days(days) => at.checked_add_days(Days::new(days.into())),
            Self::Years(years) => at.checked_add_months(Months::new(years * 12)),
        };
        later.unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}

/// The settings as they are written, and as their entry has them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    /// The version of this form: 1.
    pub version: u32,
    /// How long anything is kept that nothing else is said of: `90d`, `3y`.
    pub default: String,
    /// How long what entries of a kind point to is kept.
    #[serde(default)]
    pub kinds: BTreeMap<String, String>,
    /// How long a regulation wants things kept.
    #[serde(default)]
    pub regulations: BTreeMap<String, String>,
    /// The regulations that everything falls under. An entry can name others in `regulations`.
    #[serde(default)]
    pub applies: Vec<String>,
    /// The public keys of those who can order an early purge, a shorter time or the end of a hold.
    #[serde(default)]
    pub keepers: Vec<String>,
    /// How many of them such an order takes: at least 2.
    #[serde(default = "two")]
    pub keepers_needed: usize,
}

fn two() -> usize {
    2
}

/// Settings that hold together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    default: Length,
    kinds: BTreeMap<Kind, Length>,
    regulations: BTreeMap<String, Length>,
    applies: Vec<String>,
    pub(super) keepers: Vec<Verifier>,
    pub(super) needed: usize,
}

impl Settings {
    /// Reads settings of a log.
    pub fn read(written: &Written, log: &str) -> Result<Self, Refused> {
        let wrong = |what: String| Refused::Settings(what);
        let length = |what: &str, text: &str| {
            Length::parse(text).ok_or_else(|| {
                wrong(format!("`{what}: {text}` is no time; write days or years, such as `90d` or `7y`"))
            })
        };
        if written.version != 1 {
            return Err(wrong(format!("version {} is not known here; this is 1", written.version)));
        }
        let mut kinds = BTreeMap::new();
        for (word, text) in &written.kinds {
            let kind = Kind::of(word).ok_or_else(|| wrong(format!("`{word}` is no kind of entry")))?;
            kinds.insert(kind, length(word, text)?);
        }
        let mut regulations = BTreeMap::new();
        for (name, text) in &written.regulations {
            regulations.insert(name.clone(), length(name, text)?);
        }
        if let Some(name) = written.applies.iter().find(|name| !regulations.contains_key(*name)) {
            return Err(wrong(format!("`applies` names `{name}`, which `regulations` gives no time for")));
        }
        let mut keepers: Vec<Verifier> = Vec::new();
        for text in &written.keepers {
            let keeper = Verifier::parse(text).map_err(|flaw| wrong(flaw.to_string()))?;
            if keeper.name() == log || keepers.iter().any(|known| known.same_key(&keeper)) {
                return Err(wrong(format!("the keeper `{}` stands there twice, or is the log itself", keeper.name())));
            }
            keepers.push(keeper);
        }
        let needed = written.keepers_needed;
        if needed < 2 || !keepers.is_empty() && keepers.len() < needed {
            return Err(wrong(format!("`keepers_needed: {needed}` of {} keepers is no control by two", keepers.len())));
        }
        let default = length("default", &written.default)?;
        Ok(Self { default, kinds, regulations, applies: written.applies.clone(), keepers, needed })
    }

    /// How long what an entry points to is kept.
    pub(super) fn until(&self, kind: Kind, regulations: &[String], at: DateTime<Utc>) -> DateTime<Utc> {
        let own = self.kinds.get(&kind).unwrap_or(&self.default).after(at);
        let asked = self.applies.iter().chain(regulations);
        // A regulation that no time is given for asks for the longest of all.
        let longest = || self.regulations.values().map(|length| length.after(at)).max().unwrap_or(own);
        asked
            .map(|name| self.regulations.get(name).map_or_else(longest, |length| length.after(at)))
            .fold(own, DateTime::max)
    }

    /// What these settings would let go earlier than others, or take out of somebody's control.
    pub(super) fn weaker(&self, before: &Self) -> Option<String> {
        let day = DateTime::<Utc>::UNIX_EPOCH;
        for kind in Kind::ALL {
            if self.until(*kind, &[], day) < before.until(*kind, &[], day) {
                return Some(format!("a shorter time for `{}`", kind.word()));
            }
        }
        for (name, length) in &before.regulations {
            if self.regulations.get(name).is_none_or(|now| now.after(day) < length.after(day)) {
                return Some(format!("a shorter time for `{name}`"));
            }
        }
        let fewer = self.needed < before.needed;
        (!before.keepers.is_empty() && (fewer || self.keepers != before.keepers))
            .then(|| "a change of the keepers".to_owned())
    }
}

impl Written {
    /// SHA-256 over the settings' canonical form, by which an order names them.
    #[must_use]
    pub fn digest(&self) -> String {
        sha256(serde_json::to_value(self).unwrap_or_default().to_string().as_bytes())
    }
}
