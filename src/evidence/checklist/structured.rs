//! Checklists as YAML (1.2, by `serde-saphyr`) or JSON.
//!
//! One grammar reads both: a file whose first character is `{` is JSON. Anchors and
//! aliases, merge keys and tags, YAML's own included, are refused: a checklist needs none,
//! and they are how a small file becomes a large one.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use super::{BYTES, Checklist, ITEMS, Item, TEXT, key};
use crate::model::notable::shortened;
use crate::model::report::{About, Fault, Place};
use crate::model::yaml;

/// How deep a checklist may nest; its own grammar needs three levels.
pub const DEPTH: usize = 32;
/// How many values it may have.
pub const VALUES: usize = 50_000;

/// Reads a checklist.
pub(super) fn read(text: &str, about: &mut About) -> Result<Checklist, Fault> {
    if text.len() > BYTES {
        return Err(Fault::beyond_limit(
            Place::Whole,
            format!("a checklist of {} bytes, where at most {BYTES} are read", text.len()),
        ));
    }
    let document: Document =
        serde_saphyr::from_str_with_options(text, options()).map_err(|error| fault(&error, text))?;
    if let Some(tag) = yaml::tags(text).into_iter().next() {
        return Err(Fault::malformed(Place::Line(tag.line as u64, tag.column as u64), tag.message));
    }
    let mut list = Checklist::default();
    for item in document.items {
        list.push(item)?;
    }
    document.made_at.iter().for_each(|text| about.made_text(text));
    document.commit.iter().for_each(|text| about.commit(text));
    document.artifact.iter().for_each(|text| about.artifact(text));
    Ok(list)
}

fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: DEPTH,
            flow_nesting_limit: DEPTH,
            max_anchors: 0,
            max_aliases: 0,
            max_events: 2 * VALUES,
            max_nodes: VALUES,
            max_total_scalar_bytes: BYTES,
            max_documents: 1,
        },
        duplicate_keys: serde_saphyr::options::DuplicateKeyPolicy::Error,
        merge_keys: serde_saphyr::options::MergeKeyPolicy::Error,
        strict_booleans: true,
        reject_unsupported_tags: true,
        with_snippet: false,
    }
}

/// Says in our words what the reader refuses because we asked it to.
fn fault(error: &serde_saphyr::Error, text: &str) -> Fault {
    use serde_saphyr::Error;
    use serde_saphyr::budget::BudgetBreach;

    let place = error.location().map_or(Place::Whole, |location| Place::Line(location.line(), location.column()));
    let message = match error.without_snippet() {
        Error::Budget { breach: BudgetBreach::Anchors { .. } | BudgetBreach::Aliases { .. }, .. } => {
            "a checklist needs no anchors and aliases; write the item out where it belongs".to_owned()
        }
        Error::Budget { breach: BudgetBreach::Documents { .. }, .. } => {
            "a second document follows; a checklist is one document, so put the items under one `checklist`".to_owned()
        }
        Error::Budget { .. } => {
            return Fault::beyond_limit(
                place,
                "larger or deeper than a checklist may be; write it as a plain list of items",
            );
        }
        _ => {
            let line = error.location().and_then(|location| usize::try_from(location.line()).ok()).unwrap_or_default();
            yaml::why(error, text.lines().nth(line.saturating_sub(1)).unwrap_or_default())
        }
    };
    Fault::malformed(place, message)
}

/// The document: a map that holds the checklist, and what it is about.
#[derive(Default)]
struct Document {
    items: Vec<Item>,
    made_at: Option<String>,
    commit: Option<String>,
    artifact: Option<String>,
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(document: D) -> Result<Self, D::Error> {
        struct Root;

        impl<'de> Visitor<'de> for Root {
            type Value = Document;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map with the key `checklist`")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Document, A::Error> {
                let mut document = Document::default();
                let mut found = false;
                while let Some(name) = map.next_key::<String>()? {
                    match name.as_str() {
                        "checklist" => {
                            found = true;
                            document.items = map.next_value::<Entries>()?.0;
                        }
                        "made_at" => document.made_at = map.next_value()?,
                        "commit" => document.commit = map.next_value()?,
                        "artifact" => document.artifact = map.next_value()?,
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                if found {
                    Ok(document)
                } else {
                    Err(A::Error::custom("expected the key `checklist`, found none; put the items under it"))
                }
            }
        }

        document.deserialize_map(Root)
    }
}

/// The items, as a list or as a map from text to tick.
/// Of more than a list may hold one more is kept, which tells that there are more.
struct Entries(Vec<Item>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(entries: D) -> Result<Self, D::Error> {
        struct Shape;

        impl<'de> Visitor<'de> for Shape {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of items, or a map from items to true or false")
            }

            fn visit_unit<E>(self) -> Result<Entries, E> {
                Ok(Entries(Vec::new()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Entries, A::Error> {
                let mut entries = Entries(Vec::new());
                while let Some(entry) = list.next_element::<Spanned<Entry>>()? {
                    let line = entry.referenced.line();
                    entries.take(Item { line: Some(line), ..entry.value.0 })?;
                }
                Ok(entries)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries = Entries(Vec::new());
                while let Some(text) = map.next_key::<Spanned<String>>()? {
                    let line = text.referenced.line();
                    let state: State = map.next_value()?;
                    entries.take(Item { text: text.value, line: Some(line), ..state.0 })?;
                }
                Ok(entries)
            }
        }

        entries.deserialize_any(Shape)
    }
}

impl Entries {
    fn take<E: serde::de::Error>(&mut self, item: Item) -> Result<(), E> {
        if key(&item.text).is_empty() {
            return Err(E::custom("an item has no text; say what is to be done"));
        }
        let cut = |text: String| shortened(&text, TEXT);
        let item = Item { text: cut(item.text), link: item.link.map(cut), note: item.note.map(cut), ..item };
        if self.0.len() <= ITEMS {
            self.0.push(item);
        }
        Ok(())
    }
}

/// An item of a list: a text, or a map that says more.
struct Entry(Item);

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(entry: D) -> Result<Self, D::Error> {
        struct Shape;

        impl<'de> Visitor<'de> for Shape {
            type Value = Entry;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, or a map with the keys `item` and `ticked`")
            }

            fn visit_str<E>(self, text: &str) -> Result<Entry, E> {
                Ok(Entry(Item { text: text.to_owned(), ..Item::default() }))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Entry, A::Error> {
                let (text, item) = fields(map, true)?;
                let text =
                    text.ok_or_else(|| A::Error::custom("an item has no key `item`; say there what is to be done"))?;
                Ok(Entry(Item { text, ..item }))
            }
        }

        entry.deserialize_any(Shape)
    }
}

/// What a map says of an item: a tick, or a map that says more.
struct State(Item);

impl<'de> Deserialize<'de> for State {
    fn deserialize<D: Deserializer<'de>>(state: D) -> Result<Self, D::Error> {
        struct Shape;

        impl<'de> Visitor<'de> for Shape {
            type Value = State;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true or false, or a map with the key `ticked`")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<State, A::Error> {
                Ok(State(fields(map, false)?.1))
            }

            fn visit_bool<E>(self, ticked: bool) -> Result<State, E> {
                Ok(State(Item { ticked, ..Item::default() }))
            }

            fn visit_unit<E>(self) -> Result<State, E> {
                Ok(State(Item::default()))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<State, E> {
                Err(not_a_tick(text))
            }
        }

        state.deserialize_any(Shape)
    }
}

/// A tick: true, false, or nothing, which is not ticked.
struct Tick(bool);

impl<'de> Deserialize<'de> for Tick {
    fn deserialize<D: Deserializer<'de>>(tick: D) -> Result<Self, D::Error> {
        struct Shape;

        impl Visitor<'_> for Shape {
            type Value = Tick;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true or false")
            }

            fn visit_bool<E>(self, ticked: bool) -> Result<Tick, E> {
                Ok(Tick(ticked))
            }

            fn visit_unit<E>(self) -> Result<Tick, E> {
                Ok(Tick(false))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Tick, E> {
                Err(not_a_tick(text))
            }
        }

        tick.deserialize_any(Shape)
    }
}

fn not_a_tick<E: serde::de::Error>(text: &str) -> E {
    E::custom(format_args!(
        "expected true or false, found the text `{}`; write `true` or `false` without quotes",
        shortened(text, 60)
    ))
}

/// Reads the keys of an item, of which `item` is one only in a list.
fn fields<'de, A: MapAccess<'de>>(mut map: A, listed: bool) -> Result<(Option<String>, Item), A::Error> {
    let mut text = None;
    let mut item = Item::default();
    while let Some(name) = map.next_key::<String>()? {
        match name.as_str() {
            "item" if listed => text = map.next_value()?,
            "ticked" => item.ticked = map.next_value::<Tick>()?.0,
            "link" => item.link = map.next_value()?,
            "note" => item.note = map.next_value()?,
            other => {
                let known = if listed { "`item`, `ticked`, `link` and `note`" } else { "`ticked`, `link` and `note`" };
                return Err(A::Error::custom(format_args!(
                    "the key `{}` is not known here; the keys are {known}",
                    shortened(other, 60)
                )));
            }
        }
    }
    Ok((text, item))
}
