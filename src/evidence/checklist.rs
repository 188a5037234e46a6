//! Checklists that people tick: YAML, JSON and Markdown task lists.
//!
//! **YAML and JSON** hold a `checklist`, which is a list or a map:
//!
//! ```yaml
//! checklist:
//!   - Release notes written                 # a bare text is not ticked
//!   - item: Rollback rehearsed in staging
//!     ticked: true
//!     link: https://ci.example/runs/7       # optional, as is `note`
//! ```
//! ```yaml
//! checklist:
//!   Rollback rehearsed in staging: true
//!   Data migration can be reverted: { ticked: true, link: https://ci.example/runs/8 }
//! ```
//!
//! A tick is `true` or `false`, and nothing else: `yes`, `on`, `1` and `"true"` are
//! refused with a message that says so. Keys of an item that are not known are
//! refused, a key that stands twice as well. Beside `checklist` a file may say what
//! it is about: `made_at` (RFC 3339), `commit` (the whole SHA) and `artifact` (the
//! SHA-256 digest); other keys there may tell what they like. **Markdown** is
//! described in [`markdown`].
//!
//! **Limits.** A list holds at most [`ITEMS`] items, and a YAML or JSON file at most
//! [`BYTES`] bytes; both are refused beyond that. A text is cut at [`TEXT`] bytes,
//! and a cut text matches no required item.
//!
//! A tick in a file is a claim. Who made it is confirmed elsewhere.

pub mod markdown;
mod matching;
pub mod structured;

use std::collections::{BTreeMap, BTreeSet};

use crate::model::kind::Format;
use crate::model::measures::{Measure, Measures};
use crate::model::report::{About, Fault, Place};
pub use matching::key;

/// How many items a list holds.
pub const ITEMS: usize = 1000;
/// How many bytes of the text, the note or the link of an item are kept.
pub const TEXT: usize = 1024;
/// How many bytes a YAML or JSON checklist may have.
pub const BYTES: usize = 1 << 20;

/// One item of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Item {
    /// What is to be done, as the file writes it.
    pub text: String,
    /// Whether the file says that it is done.
    pub ticked: bool,
    /// Where the file points for it: the first link in the item.
    pub link: Option<String>,
    /// A remark beside it.
    pub note: Option<String>,
    /// Its line, counted from 1; `None` where the format does not tell.
    pub line: Option<u64>,
}

/// A list of items, each of them a claim.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checklist {
    /// The items, in the order of the file.
    pub items: Vec<Item>,
}

/// What a list says about a required item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    /// Every item of this text is ticked.
    Ticked,
    /// An item of this text is not ticked.
    Open,
    /// No item has this text.
    Missing,
}

/// What a list says about each of the required items, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement<'r> {
    /// The required item as the policy writes it, and the answer.
    pub answers: Vec<(&'r str, Answer)>,
}

/// Reads one checklist. `bytes` are UTF-8; a byte-order mark is allowed.
pub fn read(format: Format, bytes: &[u8], about: &mut About) -> Result<Checklist, Fault> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let text = simdutf8::compat::from_utf8(bytes).map_err(|error| {
        let at = Place::Byte(error.valid_up_to() as u64);
        Fault::malformed(
            at,
            "expected UTF-8, found other bytes; write the file as UTF-8, or as UTF-16 with a byte-order mark",
        )
    })?;
    let checklist = match format {
        Format::TaskList => markdown::read(text)?,
        Format::Checklist => structured::read(text, about)?,
        other => {
            return Err(Fault {
                reason: crate::model::verdict::Reason::OtherKind,
                place: Place::Whole,
                message: format!("{} is not a checklist", other.title()),
            });
        }
    };
    if checklist.items.is_empty() {
        return Err(Fault::empty("the checklist has no items; write at least one, such as `- [ ] rollback rehearsed`"));
    }
    Ok(checklist)
}

impl Checklist {
    /// Adds the items of another list, so that several files of one gate make one list.
    pub fn extend(&mut self, other: Self) -> Result<(), Fault> {
        if self.items.len() + other.items.len() > ITEMS {
            return Err(too_many(Place::Whole));
        }
        self.items.extend(other.items);
        Ok(())
    }

    /// Says for every required item whether it is ticked, open or missing.
    ///
    /// Texts are compared as people read them: see [`key`]. An item that stands
    /// twice is ticked only where both are.
    #[must_use]
    pub fn judge<'r>(&self, required: &'r [String]) -> Judgement<'r> {
        let mut said: BTreeMap<String, bool> = BTreeMap::new();
        for item in &self.items {
            said.entry(key(&item.text)).and_modify(|ticked| *ticked &= item.ticked).or_insert(item.ticked);
        }
        let answer = |text: &String| match said.get(&key(text)) {
            Some(true) => Answer::Ticked,
            Some(false) => Answer::Open,
            None => Answer::Missing,
        };
        Judgement { answers: required.iter().map(|text| (text.as_str(), answer(text))).collect() }
    }

    /// What the list measures, whatever a policy requires of it.
    #[must_use]
    pub fn measures(&self) -> Measures {
        let open: BTreeSet<_> = self.items.iter().filter(|item| !item.ticked).map(|item| item.text.clone()).collect();
        let mut measures = Measures::new();
        measures.count("checklist.items", self.items.len() as u64);
        measures.count("checklist.ticked", self.items.iter().filter(|item| item.ticked).count() as u64);
        measures.state("checklist.open", Measure::Names(open.into_iter().collect()));
        measures
    }

    /// Takes an item into the list, as far as there is room.
    fn push(&mut self, item: Item) -> Result<(), Fault> {
        if self.items.len() >= ITEMS {
            return Err(too_many(item.line.map_or(Place::Whole, |line| Place::Line(line, 0))));
        }
        self.items.push(item);
        Ok(())
    }
}

impl<'r> Judgement<'r> {
    /// Whether every required item is ticked. With nothing required there is nothing to be content with.
    #[must_use]
    pub fn complete(&self) -> bool {
        !self.answers.is_empty() && self.answers.iter().all(|(_, answer)| *answer == Answer::Ticked)
    }

    /// The required items that are open.
    pub fn open(&self) -> impl Iterator<Item = &'r str> {
        self.with(Answer::Open)
    }

    /// The required items that the list does not have.
    pub fn missing(&self) -> impl Iterator<Item = &'r str> {
        self.with(Answer::Missing)
    }

    fn with(&self, wanted: Answer) -> impl Iterator<Item = &'r str> {
        self.answers.iter().filter(move |(_, answer)| *answer == wanted).map(|(text, _)| *text)
    }
}

fn too_many(place: Place) -> Fault {
    Fault::beyond_limit(
        place,
        format!("a checklist holds at most {ITEMS} items; split it, or drop what no policy requires"),
    )
}
