//! Makes text harmless for the surface that it is shown on.
//!
//! Text from artifacts, policies and command lines is written by people who may
//! wish to steer a terminal, a runner or a forge. Every surface takes text
//! through one function of this module:
//!
//! | surface | function | what it disarms |
//! | --- | --- | --- |
//! | any line that a person reads | [`line`] | control characters (ECMA-48: C0, C1, CSI, OSC), bidirectional controls and other invisible characters (Unicode TR 9 and TR 36), letters that pass for Latin ones, `##` commands |
//! | HTML, and Markdown, which contains it | [`prose`], [`code`] | markup, links, mentions, references, emoji codes, quick actions |
//! | workflow commands | [`command_data`], [`command_property`] | the ends of lines and of properties |
//! | `$GITHUB_OUTPUT` | [`heredoc`] | the end of the value |
//! | dotenv reports | [`dotenv_value`] | everything but unreserved characters (RFC 3986) |
//! | JSON documents | [`hidden`] in [`super::json`] | invisible characters, by escapes that read back as the same text |
//!
//! Invariant: what [`line`] returns has no line end, and no character that a
//! reader does not see.

use std::fmt::Write as _;

use crate::model::notable::shortened;

/// Letters of other scripts that look like Latin ones in most typefaces
/// (Unicode TR 39). Within a word that has Latin letters they are shown as escapes.
const LOOKALIKES: &str = "аАеЕоОрРсСхХуУіІјЈѕЅԁһНКМТВԛԝӏӀ\
                          οΟνΝαΑιΙκΚρΡτΤυΥχΧΒΕΖΗΜ";

/// Whether a character would act on a reader's screen without being seen there.
#[must_use]
pub fn hidden(character: char) -> bool {
    // Nearly every character is asked this, and nearly every one is ASCII.
    if character.is_ascii() {
        return character.is_ascii_control();
    }
    character.is_control()
        || matches!(character,
            // soft hyphen, grapheme joiner, Arabic letter mark, fillers
            '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
            | '\u{180B}'..='\u{180F}' | '\u{3164}' | '\u{FFA0}'
            // zero width, directional marks, separators, overrides, isolates, invisible operators
            | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
            // variation selectors but the two that choose between text and emoji
            | '\u{FE00}'..='\u{FE0D}' | '\u{E0100}'..='\u{E01EF}'
            // byte-order mark, annotations, music and shorthand formats, tags
            | '\u{FEFF}' | '\u{FFF0}'..='\u{FFFB}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}'
            | '\u{E0000}'..='\u{E007F}')
}

/// One line of readable text in at most `limit` bytes, `…` marking a cut.
///
/// White space becomes single spaces. What is [`hidden`], and a letter that
/// passes for a Latin one among Latin ones, is shown by number: `\u{202e}`.
/// The second of two `#` is too, because runners read `##[` anywhere in a line.
#[must_use]
pub fn line(text: &str, limit: usize) -> String {
    let text = shortened(text, limit);
    let mut out = String::with_capacity(text.len());
    for word in text.split_inclusive(|character: char| !character.is_alphanumeric()) {
        let latin = word.bytes().any(|byte| byte.is_ascii_alphabetic());
        for character in word.chars() {
            let again = character == '#' && out.ends_with('#');
            if matches!(character, '\t' | '\n' | '\r') || (character.is_whitespace() && !hidden(character)) {
                if !out.ends_with(' ') {
                    out.push(' ');
                }
            } else if hidden(character) || again || (latin && LOOKALIKES.contains(character)) {
                push_number(&mut out, character);
            } else {
                out.push(character);
            }
        }
    }
    shortened(out.trim(), limit)
}

fn push_number(out: &mut String, character: char) {
    // Writing to a string does not fail.
    let _ = write!(out, "\\u{{{:x}}}", u32::from(character));
}

/// A piece of a terminal's line that may stand first on it: a GitHub runner
/// takes a line for a command when it begins with `::`, white space aside.
#[must_use]
pub fn unled(piece: &str) -> String {
    match piece.strip_prefix("::") {
        Some(rest) => format!("\\u{{3a}}:{rest}"),
        None => piece.to_owned(),
    }
}

/// Text as the inside of an HTML element.
fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// A name, a path or an expression for an HTML block of a Markdown page. Forges
/// look for mentions, references, links and emoji in text, and not in `<code>`.
#[must_use]
pub fn code(text: &str, limit: usize) -> String {
    let text = line(text, limit);
    if text.is_empty() { String::new() } else { format!("<code>{}</code>", html(&text)) }
}

/// A sentence for an HTML block of a Markdown page: what stands in backticks,
/// and every word that is not plainly a word or a number, becomes `<code>`,
/// neighbours in one.
#[must_use]
pub fn prose(text: &str, limit: usize) -> String {
    let text = line(text, limit);
    let mut out = String::with_capacity(text.len() * 2);
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once('`') {
        let Some((quoted, after)) = after.split_once('`') else { break };
        push_words(&mut out, before);
        out.push_str(&code(quoted, usize::MAX));
        rest = after;
    }
    push_words(&mut out, rest);
    out.replace("</code> <code>", " ")
}

fn push_words(out: &mut String, text: &str) {
    for (at, word) in text.split(' ').enumerate() {
        if at > 0 {
            out.push(' ');
        }
        if plain(word) {
            out.push_str(&html(word));
        } else {
            out.push_str(&code(word, usize::MAX));
        }
    }
}

/// Whether a word can mean nothing but itself to a forge: letters with hyphens
/// and apostrophes between them, a short number, or lone punctuation. Seven
/// hexadecimal digits could be a commit.
fn plain(word: &str) -> bool {
    let core = word
        .trim_start_matches(['(', '"', '\''])
        .trim_end_matches(['.', ',', ';', ':', '?', '!', ')', '"', '\'', '…', '–', '—']);
    let core = if core == "-" { "" } else { core };
    let letters = core.split(['-', '\'', '’']).all(|part| !part.is_empty() && part.chars().all(char::is_alphabetic));
    let commit = core.len() >= 7 && core.bytes().all(|byte| byte.is_ascii_hexdigit());
    let digits = core.trim_end_matches('%');
    let number = core.len() < 7
        && digits.split(['.', ',']).all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    core.is_empty() || number || (letters && !commit)
}

/// The message of a workflow command. A [`line`] has no ends to encode, so what
/// is left is the sign that begins an encoding.
#[must_use]
pub fn command_data(text: &str, limit: usize) -> String {
    line(text, limit).replace('%', "%25")
}

/// A property of a workflow command.
#[must_use]
pub fn command_property(text: &str, limit: usize) -> String {
    command_data(text, limit).replace(':', "%3A").replace(',', "%2C")
}

/// One output in the multi-line form of `$GITHUB_OUTPUT`, or `None` where the
/// delimiter could end the value early: it must be of letters, digits, `_` and
/// `-`, and must not occur in the value.
#[must_use]
pub fn heredoc(name: &str, value: &str, delimiter: &str) -> Option<String> {
    let sound = delimiter.len() >= 16
        && delimiter.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    let fits = sound && !value.contains(delimiter) && !value.contains('\r');
    fits.then(|| format!("{name}<<{delimiter}\n{value}\n{delimiter}\n"))
}

/// A value of a dotenv report: unreserved characters stay, the others are
/// percent-encoded, because GitLab knows neither quotes nor spaces there.
#[must_use]
pub fn dotenv_value(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
