//! The keys of a log, one after another: each vouches for the next, and the next for it, and each counts for the trees of
//! its own time only.
//!
//! A rotation is a signed note of four lines: what it is, the number of the entry that records it, the key that goes and
//! the key that comes, as verifier keys. Both sign it. The tree that ends with that entry is signed by both as well;
//! smaller ones count by the old key, larger ones by the new key. So time is told by the log itself, and by no clock.

use super::checkpoint::Checkpoint;
use super::note::{Flaw, Note, Verifier};

/// The first line of a rotation. No checkpoint can begin with it, for the line after it would have to be a size.
const HEADER: &str = "countersign log key rotation v1";
/// How many rotations are followed.
const MOST: usize = 10_000;

/// One key in the place of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// The number of the entry that records it.
    pub index: u64,
    /// The key that goes.
    pub from: Verifier,
    /// The key that comes.
    pub to: Verifier,
}

impl Rotation {
    /// The note, which nobody has signed yet. `None` where the keys are not of one log, or are the same.
    #[must_use]
    pub fn note(&self) -> Option<Note> {
        let fits = self.from.name() == self.to.name() && self.from != self.to;
        fits.then(|| Note::new(format!("{HEADER}\n{}\n{}\n{}\n", self.index, self.from, self.to))).flatten()
    }

    /// Reads a rotation that both keys signed.
    pub fn open(text: &str) -> Result<Self, Flaw> {
        let note = Note::parse(text)?;
        let form = || Flaw::Form("a rotation has the number of its entry, the old key and the new one");
        let mut lines = note.text.lines();
        let (Some(HEADER), Some(index), Some(from), Some(to), None) =
            (lines.next(), lines.next(), lines.next(), lines.next(), lines.next())
        else {
            return Err(form());
        };
        let index = index.parse().map_err(|_| form())?;
        let rotation = Self { index, from: Verifier::parse(from)?, to: Verifier::parse(to)? };
        // One form only, and the two keys those of one log.
        if rotation.note().is_none_or(|plain| plain.text != note.text) {
            return Err(form());
        }
        rotation.from.check(&note)?;
        rotation.to.check(&note)?;
        Ok(rotation)
    }
}

/// A key, and the sizes of the trees that count by it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Period {
    key: Verifier,
    from: u64,
    to: Option<u64>,
}

impl Period {
    fn covers(&self, size: u64) -> bool {
        self.from <= size && self.to.is_none_or(|to| size <= to)
    }
}

/// The keys of a log, as they follow from one that is trusted and precede it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    /// In their order.
    first: Period,
    later: Vec<Period>,
    rotations: Vec<String>,
}

impl From<&Verifier> for Keys {
    fn from(key: &Verifier) -> Self {
        let first = Period { key: key.clone(), from: 0, to: None };
        Self { first, later: Vec::new(), rotations: Vec::new() }
    }
}

impl From<&Self> for Keys {
    fn from(keys: &Self) -> Self {
        keys.clone()
    }
}

impl Keys {
    /// Reads a key as `name+hash+key`, with the rotations that follow it, if any.
    pub fn parse(text: &str) -> Result<Self, Flaw> {
        let (key, rotations) = match text.find(HEADER) {
            Some(at) => text.split_at_checked(at).unwrap_or((text, "")),
            None => (text, ""),
        };
        let mut keys = Self::from(&Verifier::parse(key)?);
        for rotation in split(rotations)? {
            // A file of keys is written by whoever trusts them, so all of it must hold.
            if !keys.follow(&rotation)? {
                return Err(Flaw::Form("a rotation is by another key than the one before it"));
            }
        }
        Ok(keys)
    }

    /// The log.
    #[must_use]
    pub fn name(&self) -> &str {
        self.first.key.name()
    }

    /// The key that signs now.
    #[must_use]
    pub fn newest(&self) -> &Verifier {
        &self.later.last().unwrap_or(&self.first).key
    }

    fn periods(&self) -> impl Iterator<Item = &Period> {
        std::iter::once(&self.first).chain(&self.later)
    }

    /// Follows a rotation; says whether it is one of these keys'. One that was followed already changes nothing.
    pub fn follow(&mut self, text: &str) -> Result<bool, Flaw> {
        let rotation = Rotation::open(text)?;
        if self.rotations.iter().any(|known| known == text) {
            return Ok(true);
        }
        let Rotation { index, from, to } = rotation;
        let last = self.later.last_mut().unwrap_or(&mut self.first);
        if from != last.key {
            return Ok(false);
        }
        if index < last.from || self.rotations.len() >= MOST {
            return Err(Flaw::Form("a rotation comes before the key that it replaces"));
        }
        let boundary = index.saturating_add(1);
        last.to = Some(boundary);
        self.later.push(Period { key: to, from: boundary, to: None });
        self.rotations.push(text.to_owned());
        Ok(true)
    }

    /// The keys before the trusted one: it has signed for those as well when it came.
    fn precede(&mut self, text: &str) -> Result<(), Flaw> {
        let Rotation { index, from, to } = Rotation::open(text)?;
        if to == self.first.key && self.first.from == 0 {
            let boundary = index.saturating_add(1);
            self.first.from = boundary;
            let before = Period { key: from, from: 0, to: Some(boundary) };
            self.later.insert(0, std::mem::replace(&mut self.first, before));
            self.rotations.insert(0, text.to_owned());
        }
        Ok(())
    }

    /// Follows what a log states of its rotations, in order. Those of keys that are none of a chain with the trusted one
    /// are passed over: nothing counts by them.
    pub fn follow_all(&mut self, rotations: &[String]) -> Result<(), Flaw> {
        rotations.iter().rev().try_for_each(|text| self.precede(text))?;
        rotations.iter().try_for_each(|text| self.follow(text).map(|_| ()))
    }

    /// Reads a signed checkpoint and checks that the log signed it, by the key whose time it is of.
    pub fn open(&self, text: &str) -> Result<(Checkpoint, Note), Flaw> {
        let note = Note::parse(text)?;
        let checkpoint = Checkpoint::parse(&note.text)?;
        let mut retired = None;
        let mut counts = false;
        for period in self.periods() {
            match period.key.check(&note) {
                Ok(_) if period.covers(checkpoint.size) => counts = true,
                Ok(_) => retired = retired.or(Some(period)),
                Err(Flaw::Unsigned(_)) => {}
                Err(flaw) => return Err(flaw),
            }
        }
        match retired {
            _ if counts && checkpoint.origin == self.name() => Ok((checkpoint, note)),
            _ if counts => Err(Flaw::Form("the checkpoint is of another log than the key")),
            Some(period) => {
                let size = checkpoint.size;
                Err(Flaw::NotItsTime { key: period.key.short(), from: period.from, to: period.to, size })
            }
            None => Err(Flaw::Unsigned(self.name().to_owned())),
        }
    }

    /// The key that signed when an entry was appended.
    #[must_use]
    pub fn at(&self, index: u64) -> Option<&Verifier> {
        self.periods()
            .find(|period| period.from <= index && period.to.is_none_or(|to| index < to))
            .map(|period| &period.key)
    }

    /// Whether a key counts for trees beyond the entry of that number.
    #[must_use]
    pub fn signs_after(&self, key: &Verifier, index: u64) -> bool {
        self.periods().any(|it| it.key == *key && it.covers(index.saturating_add(2)))
    }

    /// The rotations that were followed, in order.
    #[must_use]
    pub fn rotations(&self) -> &[String] {
        &self.rotations
    }

    /// Each key with the sizes of the trees that count by it; without an end where it signs still.
    pub fn times(&self) -> impl Iterator<Item = (&Verifier, u64, Option<u64>)> {
        self.periods().map(|period| (&period.key, period.from, period.to))
    }
}

impl std::fmt::Display for Keys {
    /// As [`Keys::parse`] reads them.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}", self.first.key)?;
        self.rotations.iter().try_for_each(|rotation| write!(f, "\n{rotation}"))
    }
}

/// Rotations that stand one after another.
pub fn split(text: &str) -> Result<Vec<String>, Flaw> {
    let mut rotations = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        if !rest.starts_with(HEADER) || rotations.len() >= MOST {
            return Err(Flaw::Form("what follows a key is no rotation"));
        }
        let next = rest.match_indices(HEADER).nth(1).map_or(rest.len(), |(at, _)| at);
        let (one, after) = rest.split_at_checked(next).unwrap_or((rest, ""));
        rotations.push(format!("{}\n", one.trim_end()));
        rest = after;
    }
    Ok(rotations)
}
