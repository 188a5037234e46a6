//! A question in GraphQL (June 2018), as far as clients send them that only read: fields, arguments, fragments, variables.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// How deep a question may be nested.
const DEEP: usize = 30;

/// A field that is asked for.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) alias: String,
    pub(super) name: String,
    pub(super) arguments: BTreeMap<String, Value>,
    pub(super) selection: Vec<Selection>,
}

/// A part of what is asked of something.
#[derive(Clone, Debug)]
pub(super) enum Selection {
    Field(Field),
    On(String, Vec<Selection>),
    Fragment(String),
}

/// A question.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) selection: Vec<Selection>,
    pub(super) fragments: BTreeMap<String, (String, Vec<Selection>)>,
}

struct Reader {
    tokens: Vec<String>,
    at: usize,
}

/// The words and signs of a text.
fn tokens(text: &str) -> Option<Vec<String>> {
    let mut tokens = Vec::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let is_word = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '-';
        let mut token = String::from(letter);
        if letter == '"' {
            loop {
                let letter = letters.next()?;
                token.push(letter);
                match letter {
                    '\\' => token.push(letters.next()?),
                    '"' => break,
                    _ => {}
                }
            }
        } else if is_word(letter) {
            while let Some(letter) = letters.next_if(|letter| is_word(*letter)) {
                token.push(letter);
            }
        } else if letter == '.' {
            while letters.next_if_eq(&'.').is_some() {
                token.push('.');
            }
        } else if letter.is_whitespace() || letter == ',' {
            continue;
        }
        tokens.push(token);
    }
    Some(tokens)
}

impl Reader {
    fn peek(&self) -> &str {
        self.tokens.get(self.at).map_or("", String::as_str)
    }

    fn next(&mut self) -> Option<String> {
        self.at += 1;
        self.tokens.get(self.at - 1).cloned()
    }

    fn expect(&mut self, token: &str) -> Option<()> {
        (self.next()? == token).then_some(())
    }

    fn value(&mut self, deep: usize) -> Option<Value> {
        let deep = deep.checked_sub(1)?;
        Some(match self.next()?.as_str() {
            "$" => json!({"$": self.next()?}),
            "[" => {
                let mut list = Vec::new();
                while self.peek() != "]" {
                    list.push(self.value(deep)?);
                }
                self.next()?;
                Value::Array(list)
            }
            "{" => {
                let mut map = Map::new();
                while self.peek() != "}" {
                    let name = self.next()?;
                    self.expect(":")?;
                    map.insert(name, self.value(deep)?);
                }
                self.next()?;
                Value::Object(map)
            }
            // Texts, numbers and the three words are written as in JSON; every other word is one of an enumeration.
            text => serde_json::from_str(text).unwrap_or_else(|_| json!({"enum": text})),
        })
    }

    fn selection(&mut self, deep: usize) -> Option<Vec<Selection>> {
        let deep = deep.checked_sub(1)?;
        let mut found = Vec::new();
        self.expect("{")?;
        while self.peek() != "}" {
            found.push(if self.peek() == "..." {
                self.next()?;
                match self.next()?.as_str() {
                    "on" => Selection::On(self.next()?, self.selection(deep)?),
                    name => Selection::Fragment(name.to_owned()),
                }
            } else {
                Selection::Field(self.field(deep)?)
            });
        }
        self.next()?;
        Some(found)
    }

    fn field(&mut self, deep: usize) -> Option<Field> {
        let mut name = self.next()?;
        let alias = name.clone();
        if self.peek() == ":" {
            self.next()?;
            name = self.next()?;
        }
        let mut arguments = BTreeMap::new();
        if self.peek() == "(" {
            self.next()?;
            while self.peek() != ")" {
                let argument = self.next()?;
                self.expect(":")?;
                arguments.insert(argument, self.value(deep)?);
            }
            self.next()?;
        }
        let selection = if self.peek() == "{" { self.selection(deep)? } else { Vec::new() };
        Some(Field { alias, name, arguments, selection })
    }
}

/// Reads a question; `None` where it is none.
pub(super) fn read(text: &str) -> Option<Document> {
    let mut reader = Reader { tokens: tokens(text)?, at: 0 };
    reader.expect("query")?;
    // The types of variables are not looked at.
    while reader.peek() != "{" {
        reader.next()?;
    }
    let selection = reader.selection(DEEP)?;
    let mut fragments = BTreeMap::new();
    while !reader.peek().is_empty() {
        reader.expect("fragment")?;
        let name = reader.next()?;
        reader.expect("on")?;
        let kind = reader.next()?;
        fragments.insert(name, (kind, reader.selection(DEEP)?));
    }
    Some(Document { selection, fragments })
}
