//! Reads a facts document, and tells everything that is wrong with one at once.
//!
//! The types themselves read it, and are fast. Only a document that they refuse is looked at again, against its own
//! schema and with the line of every value, so that whoever gathers facts mends all of it in one go.

use std::fmt;

use super::Facts;

mod placed;
mod shape;

/// How many mistakes are told one by one.
const TOLD: usize = 20;

/// What is wrong with a facts document.
#[derive(Debug)]
pub struct Mistakes(Vec<Mistake>);

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Where the value stands in the document: `release.changes[0].commits[2].author`; empty for the whole.
    pub path: String,
    /// The line, counted from 1.
    pub line: usize,
    /// What stands there, what was expected and what to write; lower case, no full stop.
    pub says: String,
}

impl Mistakes {
    /// Each mistake, in the order of the document.
    #[must_use]
    pub fn list(&self) -> &[Mistake] {
        &self.0
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => write!(f, "line {}: {}", self.line, self.says),
            path => write!(f, "line {}, `{path}`: {}", self.line, self.says),
        }
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [only] = self.0.as_slice() {
            return write!(f, "{only}");
        }
        write!(f, "{} mistakes", self.0.len())?;
        for mistake in self.0.iter().take(TOLD) {
            write!(f, "\n  {mistake}")?;
        }
        match self.0.len().checked_sub(TOLD) {
            None | Some(0) => Ok(()),
            Some(more) => write!(f, "\n  and {more} more, which are told once these are mended"),
        }
    }
}

impl std::error::Error for Mistakes {}

impl Facts {
    /// Reads a document in JSON.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, each with its place and what to write instead.
    pub fn read(document: &[u8]) -> Result<Self, Mistakes> {
        serde_json::from_slice(document).map_err(|error| {
            let said = || Mistake { path: String::new(), line: error.line(), says: without_place(&error) };
            let mut list = match placed::read(document) {
                Ok(root) => shape::check(&root),
                // It is no JSON; there is nothing more to look at.
                Err(_) => Vec::new(),
            };
            if list.is_empty() {
                list.push(said());
            }
            Mistakes(list)
        })
    }
}

/// What the JSON reader says, without the place that it adds in its own words.
fn without_place(error: &serde_json::Error) -> String {
    let said = error.to_string();
    let said = said.split(" at line ").next().unwrap_or_default();
    match error.classify() {
        serde_json::error::Category::Data => said.to_owned(),
        serde_json::error::Category::Syntax | serde_json::error::Category::Eof | serde_json::error::Category::Io => {
            format!("this is no JSON: {said}")
        }
    }
}
