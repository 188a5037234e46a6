//! A policy file as written: values with the places where they stand.
//!
//! YAML is read by `serde-saphyr` with strict rules: duplicate keys, merge keys
//! and tags are refused, booleans are `true` and `false` only, and aliases are
//! bounded, so that a small file cannot grow while it is read.

use std::collections::HashMap;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use super::diagnostics::{Code, Diagnostic, Span};
use crate::model::notable::shortened;
use crate::model::yaml;

/// How many bytes a policy file may have.
pub const SIZE_LIMIT: usize = 1 << 20;
/// How deep values may stand inside one another in it.
pub const DEPTH: usize = 32;
/// How many values it may have.
pub const VALUES: usize = 100_000;
/// How many anchors and how many aliases it may have.
pub const ALIASES: usize = 100;

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What stands there.
    pub value: Value,
    /// Where it stands.
    pub span: Span,
}

/// What can stand in a policy file.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing, or `null`.
    Null,
    /// `true` or `false`.
    Flag(bool),
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// Keys with their values, in the order of the file.
    Map(Vec<(Key, Node)>),
}

/// A key and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// The key.
    pub name: String,
    /// Where it stands.
    pub span: Span,
}

impl Node {
    /// The value under a key, if this is a map that has it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.entries().iter().find(|(key, _)| key.name == name).map(|(_, node)| node)
    }

    /// The keys and values of a map; none for anything else.
    #[must_use]
    pub fn entries(&self) -> &[(Key, Self)] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The text that stands here.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The texts of a list, or the one text that stands in place of a list.
    #[must_use]
    pub fn texts(&self) -> Vec<(&str, Span)> {
        match &self.value {
            Value::Text(text) => vec![(text, self.span)],
            Value::List(items) => items.iter().filter_map(|item| item.text().map(|text| (text, item.span))).collect(),
            _ => Vec::new(),
        }
    }
}

impl Value {
    /// What people call such a value.
    #[must_use]
    pub fn title(&self) -> String {
        match self {
            Self::Null => "nothing".to_owned(),
            Self::Flag(flag) => format!("`{flag}`"),
            Self::Number(number) => format!("the number `{number}`"),
            Self::Text(text) => format!("the text `{}`", shortened(text, 60)),
            Self::List(_) => "a list".to_owned(),
            Self::Map(_) => "a map".to_owned(),
        }
    }
}

/// Reads a policy file's text into its tree; a key that stands twice is a mistake, and so is a tag.
pub fn parse(text: &str) -> Result<Node, Diagnostic> {
    let (node, wrong) = read(text)?;
    wrong.into_iter().next().map_or(Ok(node), Err)
}

/// Reads a policy file's text into its tree, and says which keys stand twice and which values have tags, so that all else
/// can be looked at in the same go. Of keys that stand twice the tree has the first.
pub fn read(text: &str) -> Result<(Node, Vec<Diagnostic>), Diagnostic> {
    if text.len() > SIZE_LIMIT {
        return Err(Diagnostic::new(
            Code::BeyondLimit,
            Span::default(),
            format!("the file has {} bytes; a policy has at most {SIZE_LIMIT}", text.len()),
        ));
    }
    let options = serde_saphyr::options! {
        strict_booleans: true,
        merge_keys: serde_saphyr::MergeKeyPolicy::Error,
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::PassThrough,
        reject_unsupported_tags: true,
        budget: serde_saphyr::budget! {
            max_events: 2 * VALUES,
            max_aliases: ALIASES,
            max_anchors: ALIASES,
            max_depth: DEPTH,
            max_documents: 1,
            max_nodes: VALUES,
        },
        with_snippet: false,
    };
    match serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options) {
        Ok(raw) => {
            let tagged = yaml::tags(text).into_iter().map(|yaml::Tag { start, length, line, column, message }| {
                Diagnostic::new(Code::NotYaml, Span { start, length, line, column }, message)
            });
            let mut wrong: Vec<Diagnostic> = tagged.collect();
            let node = raw.value.placed(Span::of(&raw.referenced), &mut wrong);
            Ok((node, wrong))
        }
        Err(error) => {
            let span = error.location().map(|place| Span::of(&place)).unwrap_or_default();
            let line = text.lines().nth(span.line.saturating_sub(1)).unwrap_or_default();
            Err(Diagnostic::new(Code::NotYaml, span, yaml::why(&error, line)))
        }
    }
}

/// A value as the reader hands it over, its parts with their places.
enum Raw {
    Null,
    Flag(bool),
    Number(f64),
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

impl Raw {
    fn placed(self, span: Span, repeated: &mut Vec<Diagnostic>) -> Node {
        let value = match self {
            Self::Null => Value::Null,
            Self::Flag(flag) => Value::Flag(flag),
            Self::Number(number) => Value::Number(number),
            Self::Text(text) => Value::Text(text),
            Self::List(items) => Value::List(
                items.into_iter().map(|item| item.value.placed(Span::of(&item.referenced), repeated)).collect(),
            ),
            Self::Map(entries) => {
                let mut lines: HashMap<String, usize> = HashMap::new();
                let mut map = Vec::new();
                for (key, item) in entries {
                    let key = Key { span: Span::of(&key.referenced), name: key.value };
                    if let Some(line) = lines.get(&key.name) {
                        let message = format!(
                            "duplicate key `{}`, which stands at line {line} already: only one of the two could count; \
                             leave one, or make one of both",
                            shortened(&key.name, 60)
                        );
                        repeated.push(Diagnostic::new(Code::NotYaml, key.span, message));
                        continue;
                    }
                    lines.insert(key.name.clone(), key.span.line);
                    map.push((key, item.value.placed(Span::of(&item.referenced), repeated)));
                }
                Value::Map(map)
            }
        };
        Node { value, span }
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(deserializer)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Raw, E> {
        Ok(Raw::Flag(flag))
    }

    #[expect(clippy::cast_precision_loss, reason = "a policy's numbers are small")]
    fn visit_i64<E>(self, number: i64) -> Result<Raw, E> {
        Ok(Raw::Number(number as f64))
    }

    #[expect(clippy::cast_precision_loss, reason = "a policy's numbers are small")]
    fn visit_u64<E>(self, number: u64) -> Result<Raw, E> {
        Ok(Raw::Number(number as f64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Raw, E> {
        Ok(Raw::Number(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Raw::Map(map))
    }
}
