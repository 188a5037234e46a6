//! How long what the log's entries point to is kept, and who may shorten that. Entries stay, for ever; the bytes that they
//! have the digest of go when their time is over, and leave the digest and an entry that says so.
//!
//! Everything is worked out from the log alone, so that whoever holds it can say whether something went too early: the
//! settings are entries, holds are entries, and an order of two keepers stands in the entry that carried it out. What
//! nobody was entitled to counts for nothing.

mod order;
mod settings;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use smallvec::SmallVec;

pub use self::order::{Act, Order};
pub use self::settings::{Length, Settings, Written};
use super::entry::{Entry, Kind};
use super::note::Note;
use super::receipt::sha256;
use super::tree::Hash;

/// Why settings are none, or cannot come into force.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A word of the settings.
    #[error("retention: {0}")]
    Settings(String),
    /// Too few who may have said so.
    #[error(
        "{what} takes an order that {needed} keepers signed, and {signed} did; `countersign log retention order` writes one"
    )]
    Unordered {
        /// What was to be done.
        what: String,
        /// How many it takes.
        needed: usize,
        /// How many there are.
        signed: usize,
    },
    /// There is nobody who could have said so.
    #[error("{0} takes an order of keepers, and the retention settings name none")]
    NoKeepers(String),
    /// The order is of something else, or of another log.
    #[error("the order is of something else: {0}")]
    OtherOrder(String),
    /// The order was carried out already.
    #[error("the order was carried out already, and is good once")]
    Used,
    /// Something is held.
    #[error(
        "`{digest}` is under the legal hold `{hold}`, and stays; nobody's order ends that but one that lifts the hold"
    )]
    Held {
        /// What.
        digest: Hash,
        /// The hold.
        hold: String,
    },
    /// There is no such hold.
    #[error("there is no legal hold `{0}`; `countersign log retention show` lists those that there are")]
    NoHold(String),
    /// There is one already.
    #[error("there is a legal hold `{0}` already; give the new one another name")]
    HoldTwice(String),
}

/// Where bytes are pointed to.
#[derive(Clone, Debug)]
struct Mention {
    kind: Kind,
    at: DateTime<Utc>,
    /// Which of the lists of regulations.
    regulations: u32,
    /// Which of the releases; 0 is none.
    release: u32,
}

/// What is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Its name, such as that of a case.
    pub name: String,
    /// Why.
    pub reason: String,
    /// The releases whose records are held; empty: everything is.
    pub releases: Vec<String>,
}

/// Numbers for what comes again and again.
#[derive(Clone, Debug)]
struct Numbered<T> {
    all: Vec<T>,
    numbers: HashMap<T, u32>,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self { all: Vec::new(), numbers: HashMap::new() }
    }
}

impl<T: Clone + Eq + std::hash::Hash> Numbered<T> {
    fn number(&mut self, value: T) -> u32 {
        if let Some(number) = self.numbers.get(&value) {
            return *number;
        }
        let number = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        self.all.push(value.clone());
        self.numbers.insert(value, number);
        number
    }

    fn of(&self, number: u32) -> Option<&T> {
        self.all.get(usize::try_from(number).ok()?)
    }
}

/// What the log says of what is kept, entry by entry.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    log: String,
    settings: Option<(Settings, Written)>,
    holds: BTreeMap<String, Hold>,
    mentions: HashMap<[u8; 32], SmallVec<[Mention; 1]>>,
    releases: Numbered<String>,
    regulations: Numbered<Vec<String>>,
    orders: BTreeSet<String>,
    breaches: Vec<String>,
}

/// Something whose time is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// Its digest.
    pub digest: Hash,
    /// The kind of the entry for which it was kept longest.
    pub kind: Kind,
    /// When its time was over.
    pub since: DateTime<Utc>,
}

/// Every SHA-256 digest that an entry points to.
#[must_use]
pub fn digests(entry: &[u8]) -> Vec<Hash> {
    match Entry::parse(entry) {
        Ok(entry) => pointed(&entry),
        Err(_) => Vec::new(),
    }
}

fn pointed(entry: &Entry) -> Vec<Hash> {
    let mut found = Vec::new();
    // A tombstone points to what is gone, and no order keeps what it purges.
    if !matches!(entry.kind, Kind::Expiry | Kind::LegalHold) {
        entry.body.iter().for_each(|(name, value)| points(name, value, &mut found));
    }
    found
}

fn points(name: &str, value: &Value, found: &mut Vec<Hash>) {
    match value {
        Value::String(text) => {
            let digest = if name == "sha256" { Some(text.as_str()) } else { text.strip_prefix("sha256:") };
            found.extend(digest.and_then(Hash::parse));
        }
        Value::Array(items) => items.iter().for_each(|item| points(name, item, found)),
        Value::Object(map) => map.iter().for_each(|(name, value)| points(name, value, found)),
        _ => {}
    }
}

fn words(value: Option<&Value>) -> Vec<String> {
    let items = value.and_then(Value::as_array).into_iter().flatten();
    items.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn word<'b>(body: &'b Map<String, Value>, name: &str) -> &'b str {
    body.get(name).and_then(Value::as_str).unwrap_or_default()
}

impl Ledger {
    /// The ledger of a log of that name, of which nothing was read yet.
    #[must_use]
    pub fn new(log: &str) -> Self {
        let mut ledger = Self { log: log.to_owned(), ..Self::default() };
        ledger.releases.number(String::new());
        ledger
    }

    /// Reads the next entry.
    pub fn read(&mut self, index: u64, bytes: &[u8]) {
        let tells = |what: &[u8]| memchr::memmem::find(bytes, what).is_some();
        if !(tells(b"sha256") || tells(b"\"retention\"") || tells(b"\"legal_hold\"") || tells(b"\"expiry\"")) {
            return;
        }
        let Ok(entry) = Entry::parse(bytes) else { return };
        let told = match entry.kind {
            Kind::Expiry => self.read_expiry(&entry),
            Kind::LegalHold => self.read_hold(&entry),
            Kind::Policy if entry.body.contains_key("retention") => self.read_settings(&entry),
            _ => {
                self.mention(&entry);
                Ok(())
            }
        };
        if let Err(refused) = told {
            self.breaches.push(format!("entry {index}: {refused}"));
        }
    }

    fn mention(&mut self, entry: &Entry) {
        let digests = pointed(entry);
        if digests.is_empty() {
            return;
        }
        let mention = Mention {
            kind: entry.kind,
            at: entry.at,
            regulations: self.regulations.number(words(entry.body.get("regulations"))),
            release: self.releases.number(word(&entry.body, "release").to_owned()),
        };
        for digest in digests {
            self.mentions.entry(digest.0).or_default().push(mention.clone());
        }
    }

    fn read_settings(&mut self, entry: &Entry) -> Result<(), Refused> {
        let written = entry.body.get("retention").cloned().unwrap_or_default();
        let written: Written = serde_json::from_value(written).map_err(|error| Refused::Settings(error.to_string()))?;
        let settings = self.may_settle(&written, entry.body.get("order").and_then(Value::as_str))?;
        self.used(&entry.body);
        self.settings = Some((settings, written));
        Ok(())
    }

    fn read_hold(&mut self, entry: &Entry) -> Result<(), Refused> {
        let body = &entry.body;
        if let Some(name) = body.get("lift").and_then(Value::as_str) {
            self.may_lift(name, body.get("order").and_then(Value::as_str))?;
            self.holds.remove(name);
            self.used(body);
            return Ok(());
        }
        let name = word(body, "hold").to_owned();
        self.may_hold(&name)?;
        let hold =
            Hold { name: name.clone(), reason: word(body, "reason").to_owned(), releases: words(body.get("releases")) };
        self.holds.insert(name, hold);
        Ok(())
    }

    fn read_expiry(&mut self, entry: &Entry) -> Result<(), Refused> {
        let listed =
            |name: &str| words(entry.body.get(name)).iter().filter_map(|it| Hash::parse(it)).collect::<Vec<_>>();
        let (purged, expired) = (listed("purged"), listed("expired"));
        if !purged.is_empty() {
            self.may_purge(&purged, entry.body.get("order").and_then(Value::as_str))?;
            self.used(&entry.body);
        }
        for digest in purged.iter().chain(&expired) {
            let early = expired.contains(digest) && self.due_one(*digest, entry.at).is_none();
            let kept = self.held(*digest).map(str::to_owned);
            self.mentions.remove(&digest.0);
            match kept {
                Some(hold) => return Err(Refused::Held { digest: *digest, hold }),
                None if early => {
                    return Err(Refused::Settings(format!(
                        "`{digest}` was deleted before its time, by nobody's order"
                    )));
                }
                None => {}
            }
        }
        Ok(())
    }

    fn used(&mut self, body: &Map<String, Value>) {
        if let Some(order) = body.get("order").and_then(Value::as_str) {
            self.orders.insert(sha256(text_of(order).as_bytes()));
        }
    }

    /// Checks an order for an act.
    fn ordered(&self, what: &str, act: &Act, order: Option<&str>) -> Result<(), Refused> {
        let keepers = self.settings.as_ref().filter(|(settings, _)| !settings.keepers.is_empty());
        let Some((settings, _)) = keepers else { return Err(Refused::NoKeepers(what.to_owned())) };
        let needed = settings.needed;
        let few = |signed| Refused::Unordered { what: what.to_owned(), needed, signed };
        let order = order.ok_or_else(|| few(0))?;
        let note = Note::parse(order).map_err(|flaw| Refused::OtherOrder(flaw.to_string()))?;
        match Order::parse(&note.text) {
            Some(order) if order.log != self.log => {
                return Err(Refused::OtherOrder(format!("it is for the log `{}`", order.log)));
            }
            Some(order) if order.act == *act => {}
            Some(order) => return Err(Refused::OtherOrder(format!("it says {:?}", order.act))),
            None => return Err(Refused::OtherOrder("it is none".to_owned())),
        }
        if self.orders.contains(&sha256(note.text.as_bytes())) {
            return Err(Refused::Used);
        }
        let signed = settings.keepers.iter().filter(|keeper| keeper.check(&note).is_ok()).count();
        if signed < needed { Err(few(signed)) } else { Ok(()) }
    }

    /// Whether settings may come into force, and what they are then.
    pub fn may_settle(&self, written: &Written, order: Option<&str>) -> Result<Settings, Refused> {
        let settings = Settings::read(written, &self.log)?;
        if let Some(what) = self.settings.as_ref().and_then(|(before, _)| settings.weaker(before)) {
            self.ordered(&what, &Act::Retain(written.digest()), order)?;
        }
        Ok(settings)
    }

    /// Whether something may be held under that name.
    pub fn may_hold(&self, name: &str) -> Result<(), Refused> {
        let plain = !name.trim().is_empty() && !name.contains(char::is_control);
        match plain {
            false => Err(Refused::Settings("a legal hold has a name, of one line".to_owned())),
            true if self.holds.contains_key(name) => Err(Refused::HoldTwice(name.to_owned())),
            true => Ok(()),
        }
    }

    /// Whether a hold may be ended.
    pub fn may_lift(&self, name: &str, order: Option<&str>) -> Result<(), Refused> {
        if !self.holds.contains_key(name) {
            return Err(Refused::NoHold(name.to_owned()));
        }
        self.ordered("the end of a legal hold", &Act::Lift(name.to_owned()), order)
    }

    /// Whether bytes may be deleted before their time.
    pub fn may_purge(&self, digests: &[Hash], order: Option<&str>) -> Result<(), Refused> {
        for digest in digests {
            if let Some(hold) = self.held(*digest) {
                return Err(Refused::Held { digest: *digest, hold: hold.to_owned() });
            }
        }
        self.ordered("an early purge", &Act::Purge(digests.to_vec()), order)
    }

    /// The hold under which a digest is.
    fn held(&self, digest: Hash) -> Option<&str> {
        let mentions = self.mentions.get(&digest.0).map(SmallVec::as_slice).unwrap_or_default();
        let of = |hold: &&Hold| {
            hold.releases.is_empty()
                || mentions.iter().any(|it| self.releases.of(it.release).is_some_and(|it| hold.releases.contains(it)))
        };
        self.holds.values().find(of).map(|hold| hold.name.as_str())
    }

    /// Until when a digest is kept, whatever is held, and for which kind of entry.
    fn until(&self, digest: Hash) -> Option<(DateTime<Utc>, Kind)> {
        let (settings, _) = self.settings.as_ref()?;
        let none = Vec::new();
        let of = |it: &Mention| {
            let regulations = self.regulations.of(it.regulations).unwrap_or(&none);
            (settings.until(it.kind, regulations, it.at), it.kind)
        };
        self.mentions.get(&digest.0)?.iter().map(of).max()
    }

    fn due_one(&self, digest: Hash, now: DateTime<Utc>) -> Option<Due> {
        let (since, kind) = self.until(digest).filter(|(until, _)| *until <= now)?;
        Some(Due { digest, kind, since })
    }

    /// Everything whose time is over and that nothing holds, by digest.
    #[must_use]
    pub fn due(&self, now: DateTime<Utc>) -> Vec<Due> {
        let mut due: Vec<Due> = self
            .mentions
            .keys()
            .filter_map(|digest| self.due_one(Hash(*digest), now))
            .filter(|due| self.held(due.digest).is_none())
            .collect();
        due.sort_by_key(|due| due.digest.0);
        due
    }

    /// How many digests the entries point to whose bytes are to be there.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.mentions.len()
    }

    /// The settings in force.
    #[must_use]
    pub fn settings(&self) -> Option<&Written> {
        self.settings.as_ref().map(|(_, written)| written)
    }

    /// What is held.
    pub fn holds(&self) -> impl Iterator<Item = &Hold> {
        self.holds.values()
    }

    /// What was done that nobody was entitled to, by its entry.
    #[must_use]
    pub fn breaches(&self) -> &[String] {
        &self.breaches
    }
}

/// The text of a note, without who signed it.
fn text_of(note: &str) -> String {
    Note::parse(note).map(|note| note.text).unwrap_or_default()
}
