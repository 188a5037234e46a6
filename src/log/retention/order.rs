//! Orders: what keepers sign, each for himself.

use crate::log::note::Note;
use crate::log::tree::Hash;

/// The first line of an order.
const ORDER: &str = "countersign log order v1";

/// What keepers order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// To delete the bytes of these digests before their time.
    Purge(Vec<Hash>),
    /// To let settings come into force, by their digest.
    Retain(String),
    /// To end a legal hold.
    Lift(String),
}

/// An order: what is to be done in which log, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The log's name.
    pub log: String,
    /// What is to be done.
    pub act: Act,
    /// Why, on one line.
    pub reason: String,
}

impl Order {
    /// The order as a note that nobody has signed yet; `None` where the reason is blank or not one line.
    #[must_use]
    pub fn note(&self) -> Option<Note> {
        let act = match &self.act {
            Act::Purge(digests) => digests.iter().fold("purge".to_owned(), |line, digest| format!("{line} {digest}")),
            Act::Retain(digest) => format!("retain {digest}"),
            Act::Lift(hold) => format!("lift {hold}"),
        };
        let plain = |text: &str| !text.trim().is_empty() && !text.contains('\n');
        (plain(&self.reason) && plain(&act))
            .then(|| Note::new(format!("{ORDER}\n{}\n{act}\n{}\n", self.log, self.reason)))
            .flatten()
    }

    /// Reads an order's text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let (ORDER, log, act, reason, None) =
            (lines.next()?, lines.next()?, lines.next()?, lines.next()?, lines.next())
        else {
            return None;
        };
        let act = match act.split_once(' ')? {
            ("purge", digests) => Act::Purge(digests.split(' ').map(Hash::parse).collect::<Option<_>>()?),
            ("retain", digest) => Act::Retain(digest.to_owned()),
            ("lift", hold) => Act::Lift(hold.to_owned()),
            _ => return None,
        };
        let order = Self { log: log.to_owned(), act, reason: reason.to_owned() };
        (order.note()?.text == text).then_some(order)
    }
}
