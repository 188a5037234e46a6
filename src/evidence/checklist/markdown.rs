//! Task lists in Markdown, as GitHub and GitLab show them: `- [ ] open`, `* [x] done`,
//! `1. [X] done`, nested or not (GitHub Flavored Markdown, section 5.3).
//!
//! GitLab's `[~]`, an item that does not apply, is not a tick. What is not shown as a
//! task does not count: in fenced or indented code, in comments and other HTML, in a
//! quotation, or a tick without a text. A text that goes on in the next lines
//! belongs to its item.
//!
//! Lists are told by their indentation, line by line, in constant memory beside the
//! items. Where that is coarser than the whole of CommonMark it leaves an item
//! out, which a policy that requires the item then calls missing.

use super::{Checklist, Item, TEXT, key, matching};
use crate::model::notable::shortened;
use crate::model::report::Fault;

/// How deep lists may nest; what is deeper is not taken for an item.
pub const DEPTH: usize = 100;
/// Columns of indentation from which a line is code.
const CODE: usize = 4;

/// Reads the task lists of a document.
pub fn read(text: &str) -> Result<Checklist, Fault> {
    let mut reader = Reader::default();
    for (number, line) in (1..).zip(text.lines()) {
        reader.line(line, number)?;
    }
    for item in &mut reader.list.items {
        item.link = matching::first_link(&item.text).map(|link| shortened(&link, TEXT));
        item.text = shortened(&item.text, TEXT);
    }
    Ok(reader.list)
}

#[derive(Default)]
struct Reader {
    list: Checklist,
    /// The columns at which the content of the open list items begins, innermost last.
    columns: Vec<usize>,
    /// Whether the next line may go on with the text of the last item.
    flowing: bool,
    hidden: Option<Hidden>,
}

/// A block whose lines are not Markdown, and the column of the list item that it is in.
struct Hidden {
    column: usize,
    until: Until,
}

/// What ends such a block.
enum Until {
    /// As many of a fence's characters, or more, and nothing else.
    Fence(char, usize),
    /// A line that holds this.
    Mark(&'static str),
    /// An empty line.
    Blank,
}

impl Reader {
    fn line(&mut self, line: &str, number: u64) -> Result<(), Fault> {
        let (indent, content) = indentation(line, 0);
        let blank = content.trim().is_empty();
        if let Some(hidden) = &self.hidden {
            let left = !blank && indent < hidden.column;
            if !left {
                if hidden.until.ends(content) {
                    self.hidden = None;
                }
                return Ok(());
            }
            self.hidden = None;
        }
        if blank {
            self.flowing = false;
            return Ok(());
        }
        while self.columns.last().is_some_and(|column| *column > indent) {
            self.columns.pop();
        }
        if indent - self.columns.last().copied().unwrap_or_default() >= CODE {
            self.go_on(content);
            return Ok(());
        }
        self.block(indent, content, number)
    }

    /// Reads what begins at a column of a line: a block, or list items down to one.
    fn block(&mut self, mut column: usize, mut content: &str, number: u64) -> Result<(), Fault> {
        while self.columns.len() < DEPTH {
            if let Some(until) = opening(content) {
                self.flowing = false;
                self.hidden = (!until.ends_at_once(content))
                    .then(|| Hidden { column: self.columns.last().copied().unwrap_or_default(), until });
                return Ok(());
            }
            let Some(after) = (if is_rule(content) { None } else { marker(content) }) else {
                self.text(content);
                return Ok(());
            };
            self.flowing = false;
            let (next, inner) = indentation(after, column + content.len() - after.len());
            let begins = column + content.len() - after.len() + 1;
            if inner.is_empty() || next >= begins + CODE {
                self.columns.push(begins);
                return Ok(());
            }
            self.columns.push(next);
            if let Some((ticked, text)) = task(inner) {
                if !key(&shortened(text, TEXT)).is_empty() {
                    let text = shortened(text, 2 * TEXT);
                    self.list.push(Item { text, ticked, link: None, note: None, line: Some(number) })?;
                    self.flowing = true;
                }
                return Ok(());
            }
            (column, content) = (next, inner);
        }
        Ok(())
    }

    /// A line that begins no list: the text of the last item goes on, or a new block begins.
    fn text(&mut self, content: &str) {
        if content.starts_with(['#', '>', '=', '|']) || is_rule(content) {
            self.flowing = false;
        }
        self.go_on(content);
    }

    fn go_on(&mut self, content: &str) {
        if let (true, Some(item)) = (self.flowing, self.list.items.last_mut())
            && item.text.len() <= TEXT
        {
            item.text.push(' ');
            item.text.push_str(&shortened(content.trim(), TEXT));
        }
    }
}

impl Until {
    fn ends(&self, content: &str) -> bool {
        match self {
            Self::Fence(mark, length) => {
                let line = content.trim_end();
                line.chars().all(|character| character == *mark) && line.len() >= *length
            }
            Self::Mark(mark) => content.contains(mark),
            Self::Blank => content.trim().is_empty(),
        }
    }

    /// Whether the block ends in the line that it begins in.
    fn ends_at_once(&self, content: &str) -> bool {
        matches!(self, Self::Mark(_)) && self.ends(content)
    }
}

/// The column that the text begins in when its first byte is in `column`, and the text. A tab reaches to
/// the next multiple of four.
fn indentation(line: &str, mut column: usize) -> (usize, &str) {
    let content = line.trim_start_matches([' ', '\t']);
    for byte in line.bytes().take(line.len() - content.len()) {
        column += if byte == b'\t' { 4 - column % 4 } else { 1 };
    }
    (column, content)
}

/// The block of other content that a line opens.
fn opening(content: &str) -> Option<Until> {
    for mark in ['`', '~'] {
        let length = content.len() - content.trim_start_matches(mark).len();
        // The words after a fence of back-ticks hold none, or it is a span of code in a text.
        if length >= 3 && !(mark == '`' && content.trim_start_matches(mark).contains(mark)) {
            return Some(Until::Fence(mark, length));
        }
    }
    let tag = content.strip_prefix('<')?;
    if tag.starts_with("!--") {
        return Some(Until::Mark("-->"));
    }
    for (name, end) in [("pre", "</pre>"), ("script", "</script>"), ("style", "</style>"), ("textarea", "</textarea>")]
    {
        let named = tag.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
        if named && !tag.get(name.len()..).unwrap_or_default().starts_with(|c: char| c.is_ascii_alphanumeric()) {
            return Some(Until::Mark(end));
        }
    }
    let name = tag.strip_prefix('/').unwrap_or(tag);
    let word = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(name.len());
    // `<https://…>` and `<someone@…>` are links in a text.
    let link = name.get(word..).unwrap_or_default().starts_with([':', '@', '.', '+']);
    (name.starts_with(|c: char| c.is_ascii_alphabetic()) && !link).then_some(Until::Blank)
}

/// Three or more of `-`, `*` or `_`, and nothing else but spaces. This is asked at
/// every level of a line, so it looks no further than anybody would draw one.
fn is_rule(content: &str) -> bool {
    if content.len() > TEXT {
        return false;
    }
    let Some(mark) = content.chars().next().filter(|mark| matches!(mark, '-' | '*' | '_')) else { return false };
    let mut count = 0_usize;
    for character in content.chars() {
        match character {
            ' ' | '\t' | '\r' => {}
            other if other == mark => count += 1,
            _ => return false,
        }
    }
    count >= 3
}

/// What follows the mark of a list item, which is followed by white space or nothing.
fn marker(content: &str) -> Option<&str> {
    let after = content.strip_prefix(['-', '*', '+']).or_else(|| {
        let rest = content.trim_start_matches(|c: char| c.is_ascii_digit());
        let digits = content.len() - rest.len();
        if (1..=9).contains(&digits) { rest.strip_prefix(['.', ')']) } else { None }
    })?;
    (after.is_empty() || after.starts_with([' ', '\t'])).then_some(after)
}

/// Whether a task is ticked, and its text.
fn task(content: &str) -> Option<(bool, &str)> {
    let mut inner = content.strip_prefix('[')?.chars();
    let ticked = match inner.next()? {
        'x' | 'X' => true,
        '~' => false,
        space if space.is_whitespace() => false,
        _ => return None,
    };
    let text = inner.as_str().strip_prefix(']')?;
    text.starts_with(char::is_whitespace).then(|| (ticked, text.trim()))
}
