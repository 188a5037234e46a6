//! The bytes of a JSON document, told apart: RFC 8259 and nothing beyond it.
//!
//! A scanner knows where it is and moves on over one thing at a time. It copies
//! nothing but texts with escapes that somebody asked for, and it does not
//! recurse, so neither a long nor a deep document costs memory.

use std::borrow::Cow;

use super::{Error, Step, WALKED, refuse, refuse_beyond_limit};
use crate::model::bounds::{Bounds, raise};

/// A place in a document, and the way on from there.
#[derive(Clone, Copy)]
pub(super) struct Scan<'de> {
    bytes: &'de [u8],
    /// The same, where it is known to be UTF-8.
    sound: Option<&'de str>,
    /// How much is taken of it.
    pub(super) bounds: &'de Bounds,
    pub(super) at: usize,
    /// How many of the objects and arrays around this place are being walked.
    pub(super) depth: usize,
}

/// What a value begins with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    Object,
    Array,
    Text,
    Number,
    True,
    False,
    Null,
}

impl<'de> Scan<'de> {
    /// What is still to come.
    pub(super) fn rest(&self) -> &'de [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    pub(super) fn new(bytes: &'de [u8], bounds: &'de Bounds) -> Self {
        Self { bytes, sound: None, bounds, at: 0, depth: 0 }
    }

    /// For a document that is read to its end: one look at all of its bytes takes less
    /// time than one at each of its texts.
    pub(super) fn whole(bytes: &'de [u8], bounds: &'de Bounds) -> Self {
        Self { sound: simdutf8::basic::from_utf8(bytes).ok(), ..Self::new(bytes, bounds) }
    }

    pub(super) fn bytes(&self) -> &'de [u8] {
        self.bytes
    }

    /// Passes white space; the byte that stands after it.
    #[inline]
    pub(super) fn next(&mut self) -> Option<u8> {
        while let Some(&byte) = self.bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\n' | b'\t' | b'\r') {
                return Some(byte);
            }
            self.at += 1;
            if byte == b'\n' {
                self.at = indented(self.bytes, self.at);
            }
        }
        None
    }

    /// Passes one byte that was looked at.
    #[inline]
    pub(super) fn pass(&mut self) {
        self.at += 1;
    }

    /// What the value that stands next begins with.
    #[inline]
    pub(super) fn start(&mut self) -> Result<Start, Error> {
        match self.next() {
            Some(b'{') => Ok(Start::Object),
            Some(b'[') => Ok(Start::Array),
            Some(b'"') => Ok(Start::Text),
            Some(b'-' | b'0'..=b'9') => Ok(Start::Number),
            Some(b't') => Ok(Start::True),
            Some(b'f') => Ok(Start::False),
            Some(b'n') => Ok(Start::Null),
            found => Err(unexpected("a value", found)),
        }
    }

    /// Passes the colon between a key and its value.
    #[inline]
    pub(super) fn colon(&mut self) -> Step {
        match self.next() {
            Some(b':') => {
                self.pass();
                Ok(())
            }
            found => Err(unexpected("`:` after the key", found)),
        }
    }

    /// Passes a word such as `true`.
    #[inline]
    pub(super) fn word(&mut self, word: &str) -> Step {
        let end = self.at + word.len();
        if self.bytes.get(self.at..end) != Some(word.as_bytes()) {
            return Err(refuse(format_args!("expected a value, found a word that is not `{word}`")));
        }
        self.at = end;
        Ok(())
    }

    /// Passes a number; its digits.
    pub(super) fn number(&mut self) -> Result<&'de [u8], Error> {
        let start = self.at;
        self.skip_number()?;
        Ok(self.bytes.get(start..self.at).unwrap_or_default())
    }

    #[inline]
    fn skip_number(&mut self) -> Step {
        if self.bytes.get(self.at) == Some(&b'-') {
            self.at += 1;
        }
        let leading_zero = self.bytes.get(self.at) == Some(&b'0');
        let digits = self.digits()?;
        if leading_zero && digits > 1 {
            return Err(refuse("a number does not begin with 0"));
        }
        match self.bytes.get(self.at) {
            Some(b'.' | b'e' | b'E') => self.skip_fraction(),
            _ => Ok(()),
        }
    }

    fn skip_fraction(&mut self) -> Step {
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.bytes.get(self.at) {
            self.at += 1;
            if let Some(b'+' | b'-') = self.bytes.get(self.at) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    /// Passes digits, of which there must be one; how many there are.
    #[inline]
    fn digits(&mut self) -> Result<usize, Error> {
        let start = self.at;
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        match self.at - start {
            0 => Err(unexpected("a digit", self.bytes.get(self.at).copied())),
            many => Ok(many),
        }
    }

    /// Passes a text, the opening quote included; what stands between the quotes.
    #[inline]
    pub(super) fn text(&mut self) -> Result<Text<'de>, Error> {
        let start = self.at + 1;
        let escaped = self.skip_text()?;
        let within = start..self.at - 1;
        let sound = self.sound.and_then(|whole| whole.get(within.clone()));
        Ok(Text { raw: self.bytes.get(within).unwrap_or_default(), sound, escaped, most: self.bounds.text })
    }

    /// Passes a text, the opening quote included; whether there are escapes in it.
    #[inline]
    fn skip_text(&mut self) -> Result<bool, Error> {
        self.at = plain(self.bytes, self.at + 1);
        if self.bytes.get(self.at) == Some(&b'"') {
            self.at += 1;
            return Ok(false);
        }
        self.skip_escapes()
    }

    /// Passes the rest of a text from where something other than its end stands; whether that is an escape.
    fn skip_escapes(&mut self) -> Result<bool, Error> {
        loop {
            match self.bytes.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(true);
                }
                Some(b'\\') => self.escape()?,
                Some(_) => return Err(refuse("a control character stands in a text; write it as an escape")),
                None => return Err(refuse("the document ends within a text; it was cut off")),
            }
            self.at = plain(self.bytes, self.at);
        }
    }

    /// Passes an escape, the backslash included.
    fn escape(&mut self) -> Step {
        let length = match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
            Some(b'u') => {
                let digits = self.bytes.get(self.at + 2..self.at + 6).unwrap_or_default();
                if digits.len() < 4 || !digits.iter().all(u8::is_ascii_hexdigit) {
                    return Err(refuse("`\\u` needs four hexadecimal digits after it"));
                }
                6
            }
            Some(_) => return Err(refuse("a backslash stands before something that needs no escape")),
            None => return Err(refuse("the document ends within a text; it was cut off")),
        };
        self.at += length;
        Ok(())
    }

    /// Passes a whole value, however it is nested.
    #[inline]
    pub(super) fn skip(&mut self) -> Step {
        match self.start()? {
            Start::Text => self.skip_text().map(|_| ()),
            Start::Object | Start::Array => {
                // A copy of our own stays in registers.
                let mut scan = *self;
                let outcome = scan.skip_compound();
                self.at = scan.at;
                outcome
            }
            other => self.skip_plain(other),
        }
    }

    #[inline]
    fn skip_plain(&mut self, start: Start) -> Step {
        match start {
            Start::Number => self.skip_number(),
            Start::True => self.word("true"),
            Start::False => self.word("false"),
            _ => self.word("null"),
        }
    }

    fn skip_compound(&mut self) -> Step {
        self.skip_within(Around::default(), false)
    }

    /// Passes what is left of the values around this place.
    #[inline]
    fn skip_within(&mut self, mut around: Around, mut in_object: bool) -> Step {
        loop {
            if in_object {
                self.skip_key()?;
            }
            match self.start()? {
                Start::Text => {
                    self.skip_text()?;
                }
                start @ (Start::Object | Start::Array) => {
                    self.pass();
                    let object = start == Start::Object;
                    if self.next() == Some(if object { b'}' } else { b']' }) {
                        self.pass();
                    } else if around.enter(object, self)? {
                        in_object = object;
                        continue;
                    } else {
                        self.at = deeper(*self, object)?;
                    }
                }
                start => self.skip_plain(start)?,
            }
            // A value was passed: what ends here, and does another follow?
            loop {
                match around.innermost() {
                    None => return Ok(()),
                    Some(object) => in_object = object,
                }
                match (self.next(), in_object) {
                    (Some(b','), _) => {
                        self.pass();
                        break;
                    }
                    (Some(b'}'), true) | (Some(b']'), false) => {
                        self.pass();
                        around.leave();
                    }
                    (found, true) => return Err(unexpected("`,` or `}`", found)),
                    (found, false) => return Err(unexpected("`,` or `]`", found)),
                }
            }
        }
    }

    #[inline]
    fn skip_key(&mut self) -> Step {
        match self.next() {
            Some(b'"') => self.skip_text()?,
            found => return Err(unexpected("a key in quotes", found)),
        };
        self.colon()
    }
}

/// Where the spaces end that a line begins with. Eight are looked at in one step: in a document for people they are a
/// quarter of it.
#[inline(never)]
fn indented(bytes: &[u8], mut at: usize) -> usize {
    while let Some(eight) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        let differs = u64::from_le_bytes(*eight) ^ u64::from_le_bytes([b' '; 8]);
        if differs != 0 {
            return at + differs.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    at
}

/// Where the bytes of a text that mean themselves end, from `at` on.
///
/// Eight are looked at in one step. A byte is of interest when it is a quote, a
/// backslash or below a space. With the bit of 2 turned over, the quote and what is
/// below a space are what is below 0x21; a backslash, turned over by itself, is what
/// is below 1. Subtracting that bound from every byte at once makes the high bit of
/// such a byte rise where it was clear, and the lowest bit that rises is exact.
#[inline]
fn plain(bytes: &[u8], mut at: usize) -> usize {
    const EACH: u64 = u64::MAX / 255;
    while let Some(eight) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        let chunk = u64::from_le_bytes(*eight);
        let low = (chunk ^ (EACH * 0x02)).wrapping_sub(EACH * 0x21);
        let backslash = (chunk ^ (EACH * 0x5C)).wrapping_sub(EACH);
        let found = (low | backslash) & !chunk & (EACH << 7);
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    while bytes.get(at).is_some_and(|byte| !matches!(byte, b'"' | b'\\' | 0..0x20)) {
        at += 1;
    }
    at
}

/// Passes what is left of a value that stands deeper than there is room to note it, with
/// room of its own; where it ends. That takes stack once in [`ROOM`] levels.
#[cold]
#[inline(never)]
fn deeper(mut scan: Scan<'_>, object: bool) -> Result<usize, Error> {
    scan.depth += ROOM;
    let mut around = Around::default();
    let entered = around.enter(object, &scan).and_then(|_| scan.skip_within(around, object));
    entered.map_err(|error| error.placed(scan.at)).map(|()| scan.at)
}

/// How many values around a place can be noted.
const ROOM: usize = 512;

/// What a scanner that skips is inside of: a bit for each object or array.
#[derive(Default)]
struct Around {
    objects: [u64; ROOM / 64],
    depth: usize,
}

impl Around {
    /// Notes an object or an array; whether there was room for it.
    #[inline]
    fn enter(&mut self, object: bool, scan: &Scan<'_>) -> Result<bool, Error> {
        if self.depth + scan.depth >= scan.bounds.depth {
            return Err(too_deep(scan.bounds.depth));
        }
        let Some(word) = self.objects.get_mut(self.depth / 64) else { return Ok(false) };
        let bit = 1 << (self.depth % 64);
        if object {
            *word |= bit;
        } else {
            *word &= !bit;
        }
        self.depth += 1;
        Ok(true)
    }

    fn leave(&mut self) {
        self.depth -= 1;
    }

    /// Whether the innermost is an object, or `None` outside of all.
    fn innermost(&self) -> Option<bool> {
        let top = self.depth.checked_sub(1)?;
        self.objects.get(top / 64).map(|word| word & (1 << (top % 64)) != 0)
    }
}

#[cold]
fn too_deep(most: usize) -> Error {
    refuse_beyond_limit(format_args!("values stand inside one another more than {most} deep{}", raise("depth")))
}

#[cold]
pub(super) fn walked_too_deep() -> Error {
    refuse_beyond_limit(format_args!(
        "values that matter stand inside one another more than {WALKED} deep, which nothing raises; write them side by side"
    ))
}

/// Says what was expected and what stands there instead.
#[cold]
pub(super) fn unexpected(expected: &str, found: Option<u8>) -> Error {
    match found {
        None => refuse(format_args!("expected {expected}, found the end of the document; it was cut off")),
        Some(byte @ b'!'..=b'~') => refuse(format_args!("expected {expected}, found `{}`", char::from(byte))),
        Some(byte) => refuse(format_args!("expected {expected}, found the byte {byte:#04x}")),
    }
}

/// A text as it stands in the document, escapes and all: taking it costs
/// nothing until it is read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Text<'de> {
    raw: &'de [u8],
    /// The same, where it is known to be UTF-8.
    sound: Option<&'de str>,
    escaped: bool,
    /// How many bytes of it are read at most.
    most: usize,
}

impl<'de> Text<'de> {
    /// The bytes between the quotes, escapes as they stand.
    #[must_use]
    pub fn raw(self) -> &'de [u8] {
        self.raw
    }

    /// The text. One that is too long or not UTF-8 is an error.
    pub fn read(self) -> Result<Cow<'de, str>, Error> {
        if self.raw.len() > self.most {
            let (length, most) = (self.raw.len(), self.most);
            return Err(refuse_beyond_limit(format_args!(
                "a text of {length} bytes, where at most {most} are read{}",
                raise("text")
            )));
        }
        let text = match self.sound {
            Some(text) => text,
            None => std::str::from_utf8(self.raw).map_err(|_| refuse("a text is not UTF-8"))?,
        };
        if self.escaped { unescape(text).map(Cow::Owned) } else { Ok(Cow::Borrowed(text)) }
    }

    /// The beginning of the text for people to read: what is wrong in it is replaced.
    #[must_use]
    pub fn excerpt(self, length: usize) -> String {
        let mut end = self.raw.len().min(length * 6);
        while end > 0 && end < self.raw.len() && self.raw.get(end).is_some_and(|byte| byte & 0xC0 == 0x80) {
            end -= 1;
        }
        let text = String::from_utf8_lossy(self.raw.get(..end).unwrap_or_default());
        let text = if self.escaped { unescape_leniently(&text) } else { text.into_owned() };
        crate::model::notable::shortened(&text, length)
    }
}

/// As [`unescape`]; a text that ends within an escape ends before it, and one that
/// holds half a surrogate pair stays as it stands.
fn unescape_leniently(text: &str) -> String {
    unescape(text)
        .or_else(|error| text.rsplit_once('\\').map_or(Err(error), |(before, _)| unescape(before)))
        .unwrap_or_else(|_| text.to_owned())
}

/// Replaces the escapes of a text by what they mean.
fn unescape(text: &str) -> Result<String, Error> {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        plain.push_str(before);
        let mut characters = after.chars();
        plain.push(match characters.next() {
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => {
                let (character, length) = unicode(after)?;
                rest = after.get(length..).unwrap_or_default();
                plain.push(character);
                continue;
            }
            Some(itself) => itself,
            None => break,
        });
        rest = characters.as_str();
    }
    plain.push_str(rest);
    Ok(plain)
}

/// The character that `u` and its digits mean, a surrogate pair included, and
/// how many bytes after the backslash that takes.
fn unicode(text: &str) -> Result<(char, usize), Error> {
    let unit = |at: usize| text.get(at..at + 4).and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let first = unit(1).unwrap_or(0xD800);
    if let Some(character) = char::from_u32(first) {
        return Ok((character, 5));
    }
    let second = if text.get(5..7) == Some("\\u") { unit(7) } else { None };
    match second {
        Some(second @ 0xDC00..=0xDFFF) if first < 0xDC00 => {
            let code = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
            char::from_u32(code).map(|character| (character, 11))
        }
        _ => None,
    }
    .ok_or_else(|| refuse("a text holds half of a surrogate pair"))
}
