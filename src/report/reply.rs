//! The answer to a comment that commands something: what became of each line, and what to do where one does not count.
//!
//! It is made of HTML blocks, like [`super::proposal`], and none of its lines can be taken for a command.

use std::fmt::Write as _;

use super::neutral::{code, prose};
use super::proposal::item;
use super::words;
use crate::decide::words::any_of;
use crate::model::release_decision::Node;

/// How many lines are answered, and how many requirements a tree shows.
const LISTED: usize = 20;

/// What became of a line.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It counts.
    Counts,
    /// It does not.
    Refused {
        /// Why, and what to do.
        why: String,
        /// Who could do it instead, by name.
        instead: Vec<String>,
    },
    /// It asked how things stand.
    Told {
        /// Where to.
        environment: String,
        /// The sentence.
        says: String,
        /// The requirements; none where they are not known.
        tree: Option<Box<Node>>,
    },
    /// It asked what can be said: how each is written, and what it does.
    Listed(Vec<(&'static str, &'static str)>),
}

impl Outcome {
    /// One that nobody else can help with.
    #[must_use]
    pub fn refused(why: impl Into<String>) -> Self {
        Self::Refused { why: why.into(), instead: Vec::new() }
    }
}

/// The answer to the lines of a comment. `pages` are whole addresses at which more is told of what was answered, each with
/// what it is the page of.
#[must_use]
pub fn render(lines: &[(String, Outcome)], pages: &[(String, String)]) -> String {
    let mut text = String::new();
    for (line, outcome) in lines.iter().take(LISTED) {
        let line = code(line, words::SENTENCE);
        match outcome {
            Outcome::Counts => {
                let _ = writeln!(text, "<p>{line} counts.</p>\n");
            }
            Outcome::Refused { why, instead } => {
                let ask = if instead.is_empty() {
                    String::new()
                } else {
                    let names: Vec<String> = instead.iter().map(|name| code(name, words::NAME)).collect();
                    format!(" Who can: {}.", any_of(&names))
                };
                let _ = writeln!(text, "<p>{line} does not count: {}.{ask}</p>\n", prose(why, words::SENTENCE));
            }
            Outcome::Told { environment, says, tree } => {
                let _ = writeln!(text, "<p>{}: {}.</p>", code(environment, words::NAME), prose(says, words::SENTENCE));
                tell(&mut text, tree.as_deref());
            }
            Outcome::Listed(forms) => {
                text.push_str("<p>What can be said here, at the beginning of a line:</p>\n<ul>\n");
                for (form, does) in forms {
                    let _ =
                        writeln!(text, "<li>{}: {}</li>", prose(form, words::SENTENCE), prose(does, words::SENTENCE));
                }
                text.push_str("</ul>\n\n");
            }
        }
    }
    if let Some(more) = lines.len().checked_sub(LISTED).filter(|more| *more > 0) {
        let _ = writeln!(text, "<p>{more} more lines are not answered: write them apart.</p>");
    }
    for (of, address) in pages.iter().take(LISTED) {
        let address = address.replace('&', "&amp;").replace('"', "%22").replace('<', "%3C");
        let _ = writeln!(text, "<p><a href=\"{address}\">The page of {}</a> tells more.</p>", code(of, words::NAME));
    }
    text
}

/// What is asked and not there.
fn tell(text: &mut String, tree: Option<&Node>) {
    let nodes: Vec<&Node> = tree.iter().flat_map(|tree| &tree.parts).filter(|node| !node.status.opens()).collect();
    if !nodes.is_empty() {
        text.push_str("<ul>\n");
        for node in nodes.iter().take(LISTED) {
            let _ = writeln!(text, "<li>{}</li>", item(node));
        }
        if let Some(more) = nodes.len().checked_sub(LISTED).filter(|more| *more > 0) {
            let _ = writeln!(text, "<li>and {more} more</li>");
        }
        text.push_str("</ul>\n");
    }
    text.push('\n');
}
