//! Reports for those who audit: a table of what the record says of a period, with how it was made.
//!
//! A value that is not there and one that is not known are two things, and neither is an empty cell.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::due::ReportKind;
use super::period::Period;

/// The version of this document. It grows by one when a reader of the version before could misread a document.
pub const VERSION: u32 = 1;

/// One value of a report.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// A text.
    Text(String),
    /// A whole number.
    Number(i64),
    /// Several things, each with values of its own.
    List(Vec<Map<String, Value>>),
    /// There is none.
    None,
    /// It is not known, and why.
    Unknown(String),
}

impl Cell {
    /// A text, or that there is none.
    #[must_use]
    pub fn text(text: Option<&str>) -> Self {
        text.filter(|text| !text.is_empty()).map_or(Self::None, |text| Self::Text(text.to_owned()))
    }

    /// Names beside each other, or that there is none.
    #[must_use]
    pub fn names(names: &[String]) -> Self {
        if names.is_empty() { Self::None } else { Self::Text(names.join(", ")) }
    }

    /// As JSON has it: what is none is `null`, and what is not known says so.
    #[must_use]
    pub fn json(&self) -> Value {
        match self {
            Self::Text(text) => json!(text),
            Self::Number(number) => json!(number),
            Self::List(list) => json!(list),
            Self::None => Value::Null,
            Self::Unknown(why) => json!({ "unknown": why }),
        }
    }

    /// As one line of plain text.
    #[must_use]
    pub fn line(&self) -> String {
        let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::List(list) if list.is_empty() => "none".to_owned(),
            Self::List(list) => {
                let one = |it: &Map<String, Value>| {
                    let pairs = it.iter().filter(|(_, value)| !value.is_null());
                    pairs.map(|(key, value)| format!("{key} {}", plain(value))).collect::<Vec<_>>().join(", ")
                };
                list.iter().map(one).collect::<Vec<_>>().join("; ")
            }
            Self::None => "none".to_owned(),
            Self::Unknown(why) => format!("not known: {why}"),
        }
    }
}

/// How a report was made: enough to make it again, to the byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cover {
    /// `countersign` and its version.
    pub tool: String,
    /// The zone in which the period begins and ends.
    pub zone: String,
    /// The repository that it is about; absent: all of the record.
    pub repository: Option<String>,
    /// The name of the log.
    pub log: String,
    /// How many entries the log had, all of which were read.
    pub entries: u64,
    /// The root of its Merkle tree, to which they were hashed.
    pub root: String,
    /// Whether the key that signed it was brought, or is the record's own word.
    pub key_was_brought: bool,
    /// The entries that the period holds: the first and the last, and how many; absent where there is none.
    pub of_period: Option<(u64, u64, u64)>,
    /// What was counted, in order: what, and how many.
    pub sums: Vec<(String, i64)>,
    /// What whoever reads it has to know.
    pub notes: Vec<String>,
}

/// A report.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Which report it is.
    pub kind: ReportKind,
    /// What it is about.
    pub period: Period,
    /// How it was made.
    pub cover: Cover,
    /// The names of the columns.
    pub columns: &'static [&'static str],
    /// The rows, each with a value for each column.
    pub rows: Vec<Vec<Cell>>,
}
