//! The few entries of a report that a person should see first.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// How loudly an entry speaks, most important last so that it compares greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Weight {
    /// For information.
    Note,
    /// Should be looked at.
    Warning,
    /// Fails, or would let harm through.
    Error,
}

/// One entry of a report that is worth a line on a page: a finding, a failing
/// test. Its text comes from the artifact and is not to be trusted: the report
/// storey neutralises it for each surface.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Notable {
    /// How loudly it speaks.
    pub weight: Weight,
    /// Whether the baseline did not have it. `false` where no baseline is known.
    pub new: bool,
    /// A finer rank within the weight: greater speaks louder (a CVSS score times ten, for one).
    pub rank: u32,
    /// The rule, vulnerability or test that it is about.
    pub title: String,
    /// What it says, cut to a readable length.
    pub message: String,
    /// The file that it names, as it names it.
    pub path: Option<String>,
    /// The line in that file, counted from 1.
    pub line: Option<u32>,
}

/// The most important entries of any number, kept in constant memory.
#[derive(Clone, Debug)]
pub struct Notables {
    heap: BinaryHeap<Reverse<Kept>>,
    seen: u64,
    room: usize,
}

/// Weight, newness, rank and place in the report order what is kept.
type Kept = (Weight, bool, u32, Reverse<u64>, Entry);

/// An entry that takes no part in the ordering beyond its key.
#[derive(Clone, Debug)]
struct Entry(Notable);

impl PartialEq for Entry {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
impl Eq for Entry {}
impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Entry {
    fn cmp(&self, _: &Self) -> std::cmp::Ordering {
        std::cmp::Ordering::Equal
    }
}

impl Notables {
    /// How many entries are kept for one gate.
    pub const ROOM: usize = 100;
    /// How many bytes of a title or a message are kept.
    pub const TEXT: usize = 400;

    /// Room for [`Self::ROOM`] entries.
    #[must_use]
    pub fn new() -> Self {
        Self { heap: BinaryHeap::new(), seen: 0, room: Self::ROOM }
    }

    /// Offers an entry, which is only built when it would be kept.
    pub fn offer(&mut self, weight: Weight, new: bool, rank: u32, build: impl FnOnce() -> Notable) {
        let order = Reverse(self.seen);
        self.seen += 1;
        if self.heap.len() >= self.room {
            let least = self.heap.peek().map(|Reverse((w, n, r, o, _))| (*w, *n, *r, *o));
            if least.is_some_and(|least| least >= (weight, new, rank, order)) {
                return;
            }
            self.heap.pop();
        }
        self.heap.push(Reverse((weight, new, rank, order, Entry(build()))));
    }

    /// How many entries were offered.
    #[must_use]
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// The entries that were kept, most important first and otherwise in the order of the report.
    #[must_use]
    pub fn into_sorted(self) -> Vec<Notable> {
        let mut kept = self.heap.into_vec();
        kept.sort();
        kept.into_iter().map(|Reverse((.., Entry(notable)))| notable).collect()
    }
}

impl Default for Notables {
    fn default() -> Self {
        Self::new()
    }
}

/// Cuts text to at most `limit` bytes on a character's boundary, marking the cut.
#[must_use]
pub fn shortened(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let mut end = limit.saturating_sub('…'.len_utf8());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", text.get(..end).unwrap_or_default())
}

/// Whether a character could act on a terminal or mislead the eye: a control
/// character, a bidirectional mark, or one that takes no room.
#[must_use]
pub fn is_deceptive(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Whether a text shows nothing, whatever it is made of.
#[must_use]
pub fn is_blank(text: &str) -> bool {
    text.chars().all(|character| character.is_whitespace() || is_deceptive(character))
}

/// What a GitHub runner takes for the beginning of a command, anywhere in a line.
const COMMAND: &str = "##[";

/// Text with every deceptive character shown as its escape, on one line.
#[must_use]
pub fn visible(text: &str) -> String {
    escaped(text, |_| false).replace(COMMAND, "##\\u{5b}")
}

/// Text with every deceptive character but the line feed replaced by a mark of
/// the same number of characters, so that places in it stay true.
#[must_use]
pub fn visible_lines(text: &str) -> String {
    let marked: String = text
        .chars()
        .map(|character| match character {
            '\n' => '\n',
            '\t' => ' ',
            character if is_deceptive(character) => '\u{fffd}',
            character => character,
        })
        .collect();
    marked.replace(COMMAND, "##\u{fffd}")
}

fn escaped(text: &str, keep: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if is_deceptive(character) && !keep(character) {
            out.extend(character.escape_unicode());
        } else {
            out.push(character);
        }
    }
    out
}
