//! When two texts are the same item.

/// Characters that Markdown marks text with, rather than shows.
const MARKS: &[char] = &['*', '_', '`', '~', '\\'];

/// Characters that nobody sees: the soft hyphen, zero-width spaces and joiners, the
/// byte-order mark. Marks that turn the direction of text are not among them: they
/// change what a person reads, so a text that holds one is another text.
const UNSEEN: &[char] = &['\u{AD}', '\u{200B}', '\u{200C}', '\u{200D}', '\u{2060}', '\u{FEFF}'];

/// What a text is compared by: lower case, every run of white space (the no-break
/// space is white space) one space, without the marks of Markdown, without comments
/// and what cannot be seen, and with links replaced by their text. A look-alike from
/// another script is another character, and stays one.
#[must_use]
pub fn key(text: &str) -> String {
    let plain = without_links(text);
    let mut key = String::with_capacity(plain.len());
    for word in plain.split(char::is_whitespace) {
        let before = key.len();
        let seen = word.chars().filter(|character| !MARKS.contains(character) && !UNSEEN.contains(character));
        if before > 0 {
            key.push(' ');
        }
        let start = key.len();
        key.extend(seen.flat_map(char::to_lowercase));
        if key.len() == start {
            key.truncate(before);
        }
    }
    key
}

/// The text with `[text](target)` and `![text](target)` as `text`, `<!-- … -->` as nothing.
fn without_links(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['[', '<']) {
        let (before, from) = rest.split_at(at);
        if let Some((_, after)) = from.strip_prefix("<!--").and_then(|comment| comment.split_once("-->")) {
            plain.push_str(before);
            rest = after;
            continue;
        }
        if let Some(link) = Link::at(from) {
            plain.push_str(before.strip_suffix('!').unwrap_or(before));
            plain.push_str(link.text);
            rest = link.after;
            continue;
        }
        let (head, tail) = from.split_at(1);
        plain.push_str(before);
        plain.push_str(head);
        rest = tail;
    }
    plain.push_str(rest);
    plain
}

/// The target of the first link in a text.
pub(super) fn first_link(text: &str) -> Option<String> {
    let mut rest = text;
    while let Some((_, from)) = rest.find('[').and_then(|at| rest.split_at_checked(at)) {
        if let Some(link) = Link::at(from) {
            let target = link.target.split_whitespace().next()?;
            return Some(target.trim_matches(['<', '>']).to_owned());
        }
        rest = from.get(1..).unwrap_or_default();
    }
    None
}

/// An inline link. Brackets within it must balance, as CommonMark asks.
struct Link<'t> {
    text: &'t str,
    target: &'t str,
    after: &'t str,
}

impl<'t> Link<'t> {
    /// The link that begins with the first character, which is `[`.
    fn at(from: &'t str) -> Option<Self> {
        let (text, rest) = enclosed(from, '[', ']')?;
        let (target, after) = enclosed(rest, '(', ')')?;
        Some(Self { text, target, after })
    }
}

/// What stands between a bracket, which must come first, and the one that closes it, and what follows.
fn enclosed(text: &str, open: char, close: char) -> Option<(&str, &str)> {
    let inner = text.strip_prefix(open)?;
    let mut depth = 1_usize;
    for (at, character) in inner.char_indices() {
        if character == open {
            depth += 1;
        } else if character == close {
            depth -= 1;
            if depth == 0 {
                return Some((inner.get(..at)?, inner.get(at + close.len_utf8()..)?));
            }
        }
    }
    None
}
