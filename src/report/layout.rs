//! Text in the columns of a terminal, measured as Unicode TR 11 measures it.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::neutral::unled;

/// Breaks text into lines of at most `width` columns, between words where it
/// can. No line is one that a runner would take for a command.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut current = String::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let mut word = unled(word);
        if !current.is_empty() && current.width() + 1 + word.width() > width {
            lines.push(std::mem::take(&mut current));
        }
        while word.width() > width && current.is_empty() {
            let (piece, rest) = broken(&word, width);
            lines.push(piece.to_owned());
            word = unled(rest);
        }
        if !current.is_empty() {
            current.push(' ');
        }
        current.push_str(&word);
    }
    if !current.is_empty() || lines.is_empty() {
        lines.push(current);
    }
    lines
}

/// The first part of a word that is wider than `width` columns, and the rest. A
/// part has at least one character, so that breaking comes to an end.
fn broken(word: &str, width: usize) -> (&str, &str) {
    let mut used = 0;
    let end = word.char_indices().find_map(|(at, character)| {
        used += character.width().unwrap_or(0);
        (used > width && at > 0).then_some(at)
    });
    word.split_at_checked(end.unwrap_or(word.len())).unwrap_or((word, ""))
}

/// Text with spaces after it up to `width` columns.
pub(super) fn padded(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(text.width());
    format!("{text}{:missing$}", "")
}

/// How many columns text takes.
pub(super) fn columns(text: &str) -> usize {
    text.width()
}
