//! Whether what somebody wrote says anything, and the small words that sentences are made of.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use crate::model::notable::is_deceptive;

/// From how many characters on a reason has to have different ones.
const LONG: usize = 10;
/// How many different letters and digits a long reason has at least.
const DIFFERENT: usize = 3;

/// What is left of a text for a reader: in compatibility form (NFKC, Unicode TR 15), without what does not show and
/// without marks that stand on nothing, white space in single blanks.
#[must_use]
pub fn normal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    // ASCII is in every form already, and nearly every reason is ASCII.
    if text.is_ascii() {
        text.chars().for_each(|character| push(&mut out, character));
    } else {
        text.nfkc().for_each(|character| push(&mut out, character));
    }
    out.truncate(out.trim_end().len());
    out
}

fn push(out: &mut String, character: char) {
    if character.is_whitespace() {
        if !out.is_empty() && !out.ends_with(' ') {
            out.push(' ');
        }
    } else if !is_deceptive(character)
        && (character.is_ascii() || !is_combining_mark(character) && !shows_nothing(character))
    {
        out.push(character);
    }
}

/// Fillers and selectors that take room or none and show nothing.
fn shows_nothing(character: char) -> bool {
    matches!(character,
        '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{2800}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Whether a text says something in at least so many characters. A letter or digit is among them, and of ten
/// characters or more at least three letters or digits are different: `.`, a blank and `aaaaaaaaaaaa` say nothing.
/// Where nothing is asked for, anything will do.
#[must_use]
pub fn meaningful(text: &str, least: usize) -> bool {
    if least == 0 {
        return true;
    }
    let text = normal(text);
    if text.chars().take(least).count() < least {
        return false;
    }
    let wanted = if least >= LONG { DIFFERENT } else { 1 };
    let mut different: Vec<char> = Vec::with_capacity(wanted);
    for character in text.chars().filter(|character| character.is_alphanumeric()) {
        if !different.contains(&character) {
            different.push(character);
        }
        if different.len() >= wanted {
            return true;
        }
    }
    false
}

/// A commit's name, short enough for a sentence.
#[must_use]
pub fn short(sha: &str) -> &str {
    sha.get(..7).unwrap_or(sha)
}

/// Several names as one reads them aloud: `ana`, `ana or bo`, `ana, bo or cy`; more than five are counted.
#[must_use]
pub fn any_of<T: AsRef<str>>(names: &[T]) -> String {
    joined(names, " or ")
}

/// The same with `and`.
#[must_use]
pub fn all_of<T: AsRef<str>>(names: &[T]) -> String {
    joined(names, " and ")
}

/// How many names a sentence has.
const NAMED: usize = 5;

fn joined<T: AsRef<str>>(names: &[T], last: &str) -> String {
    let shown = if names.len() > NAMED { NAMED } else { names.len() };
    let room = names.iter().take(shown).map(|name| name.as_ref().len() + last.len()).sum();
    let mut out = String::with_capacity(room);
    for (at, name) in names.iter().take(shown).enumerate() {
        if at > 0 {
            out.push_str(if at + 1 == names.len() { last } else { ", " });
        }
        out.push_str(name.as_ref());
    }
    if names.len() > shown {
        out.push_str(last);
        out.push_str(&(names.len() - shown).to_string());
        out.push_str(" more");
    }
    out
}

/// `1 approval`, `2 approvals`.
#[must_use]
pub fn count(number: usize, one: &str, many: &str) -> String {
    [number.to_string().as_str(), " ", if number == 1 { one } else { many }].concat()
}
