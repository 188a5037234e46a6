//! The attributes of one element, taken from its tag in place.

use std::borrow::Cow;

use quick_xml::escape::{EscapeError, unescape};
use quick_xml::events::BytesRef;

use super::scan::{past_blank, position};
use super::{ATTRIBUTE_LIMIT, Element, Xml};
use crate::model::report::Fault;

/// A value as it stands between its quotes.
#[derive(Clone, Copy, Debug)]
pub struct RawValue<'t>(pub(super) &'t str);

impl<'t> RawValue<'t> {
    /// The value as it stands. Where it holds no `&` and no line break, that is what it means.
    #[must_use]
    pub fn as_written(self) -> &'t str {
        self.0
    }

    /// The value with references resolved, and white space normalised as XML 1.0
    /// (3.3.3) says. A reference that XML does not know stands as it is written.
    #[must_use]
    pub fn text(self) -> Cow<'t, str> {
        self.resolved().unwrap_or(Cow::Borrowed(self.0))
    }

    pub(super) fn resolved(self) -> Result<Cow<'t, str>, EscapeError> {
        if !self.0.contains(['\t', '\n', '\r']) {
            return unescape(self.0);
        }
        let spaced = self.0.replace("\r\n", " ").replace(['\t', '\n', '\r'], " ");
        unescape(&spaced).map(|text| Cow::Owned(text.into_owned()))
    }
}

/// Why the attributes of a tag cannot be taken.
pub(super) enum Unfit<'t> {
    NoName,
    NoValue(&'t str),
    NotQuoted(&'t str),
    NotClosed(&'t str),
    NotApart(&'t str),
    Reference(&'t str),
    Forbidden(&'t str),
    Less(&'t str),
    Twice(&'t str),
    TooMany,
}

impl Unfit<'_> {
    pub(super) fn fault(&self, xml: &Xml<'_>, element: &Element<'_>) -> Fault {
        let named = |name: &str| crate::model::notable::shortened(name, 60);
        let message = match self {
            Self::NoName => "expected the name of an attribute".to_owned(),
            Self::NoValue(name) => format!("the attribute `{}` has no value", named(name)),
            Self::NotQuoted(name) => format!("the value of the attribute `{}` is not in quotes", named(name)),
            Self::NotClosed(name) => format!("the quotes around the attribute `{}` are not closed", named(name)),
            Self::NotApart(name) => format!("no space stands after the attribute `{}`", named(name)),
            Self::Reference(name) => {
                format!("the attribute `{}` holds a `&` that begins no reference of XML; write `&amp;`", named(name))
            }
            Self::Forbidden(name) => {
                format!("the attribute `{}` refers to a character that XML does not allow; leave it out", named(name))
            }
            Self::Less(name) => format!("the attribute `{}` holds a `<`; write `&lt;`", named(name)),
            Self::Twice(name) => {
                format!("the attribute `{}` stands twice in one element; keep one of them", named(name))
            }
            Self::TooMany => {
                let message = format!("an element of more than {ATTRIBUTE_LIMIT} attributes");
                return Fault::beyond_limit(xml.scan.place(element.at), message);
            }
        };
        xml.fault_in(element, message)
    }
}

/// An attribute at the front of a tag's rest.
pub(super) struct Attribute<'t> {
    pub(super) name: &'t str,
    pub(super) local_name: &'t str,
    pub(super) value: &'t str,
    /// What comes after it and after the white space behind it.
    pub(super) rest: &'t str,
}

/// What a byte is to a name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Byte {
    Part,
    /// Ends the prefix.
    Colon,
    /// Ends the name.
    End,
    /// Stands in no name.
    Never,
}

const BYTES: [Byte; 256] = {
    let mut bytes = [Byte::Part; 256];
    let mut left: &mut [Byte] = &mut bytes;
    let mut at = 0_u8;
    while let [byte, rest @ ..] = left {
        *byte = match at {
            b':' => Byte::Colon,
            b'=' | b' ' | b'\t' | b'\n' | b'\r' => Byte::End,
            b'"' | b'\'' | b'<' | b'>' | b'&' | b'/' => Byte::Never,
            _ => Byte::Part,
        };
        at = at.wrapping_add(1);
        left = rest;
    }
    bytes
};

#[inline]
fn kind(byte: u8) -> Byte {
    BYTES.get(usize::from(byte)).copied().unwrap_or(Byte::Never)
}

/// Whether a byte stands in no name.
#[inline]
pub(super) fn ends_name(byte: u8) -> bool {
    !matches!(kind(byte), Byte::Part | Byte::Colon)
}

impl<'t> Attribute<'t> {
    /// Takes the attribute at the front of a tag's rest, which begins with no white space.
    #[expect(clippy::inline_always, reason = "half of what a test report costs is spent here")]
    #[inline(always)]
    pub(super) fn first(text: &'t str) -> Result<Self, Unfit<'t>> {
        let bytes = text.as_bytes();
        let (mut end, mut local) = (0, 0);
        loop {
            let left = bytes.get(end..).unwrap_or_default();
            end += left.iter().position(|byte| kind(*byte) != Byte::Part).unwrap_or(left.len());
            match bytes.get(end).map_or(Byte::End, |byte| kind(*byte)) {
                Byte::End => break,
                Byte::Never => return Err(Unfit::NoName),
                // A prefix ends at the first colon. XML allows no second one, but documents have them.
                Byte::Part | Byte::Colon => {
                    end += 1;
                    if local == 0 {
                        local = end;
                    }
                }
            }
        }
        let (name, value) = text.split_at_checked(end).unwrap_or_default();
        if name.is_empty() {
            return Err(Unfit::NoName);
        }
        let inside = match value.as_bytes() {
            [b'=', b'"' | b'\'', ..] => 2,
            _ => opening_quote(value, name)?,
        };
        let quote = value.as_bytes().get(inside - 1).copied().unwrap_or_default();
        let value = value.get(inside..).unwrap_or_default();
        let close = position(quote, value.as_bytes()).ok_or(Unfit::NotClosed(name))?;
        let (value, rest) = value.split_at_checked(close).unwrap_or_default();
        let rest = match rest.as_bytes() {
            // The quote, one space and the next name, as nearly always; or the tag's end.
            [_, b' ', next, ..] if next.is_ascii_alphabetic() => rest.get(2..),
            [_] | [_, b'>' | b'/', ..] => rest.get(1..),
            [_, b' ' | b'\t' | b'\n' | b'\r', ..] => rest.get(1..).map(past_blank),
            _ => return Err(Unfit::NotApart(name)),
        };
        let local_name = if local == 0 { name } else { name.get(local..).unwrap_or_default() };
        Ok(Self { name, local_name, value, rest: rest.unwrap_or_default() })
    }

    /// What is wrong with the value, if anything is.
    pub(super) fn unfit(&self) -> Option<Unfit<'t>> {
        if is_plain(self.value) { None } else { unfit(self.name, self.value) }
    }
}

/// Whether a text may stand as it does in a tag of XML 1.0 (2.3): without `<`, and with no `&` but one that begins
/// the reference of a character or of one of XML's own five entities.
#[inline]
pub(super) fn is_plain(text: &str) -> bool {
    memchr::memchr2(b'<', b'&', text.as_bytes()).is_none()
}

/// Whether the values of a tag's attributes may all stand as they do: what neither a name nor the space between two
/// attributes can hold is in a value, wherever in the tag it is.
#[inline]
pub(super) fn are_fit(attributes: &str) -> bool {
    let mut rest = attributes;
    while let Some(at) = memchr::memchr2(b'<', b'&', rest.as_bytes()) {
        rest = rest.get(at..).unwrap_or_default();
        match reference(rest) {
            Some((length, character)) if character.is_none_or(is_allowed) => {
                rest = rest.get(length..).unwrap_or_default();
            }
            _ => return false,
        }
    }
    true
}

/// What keeps a value, which is not plain, from being one of XML.
fn unfit<'t>(name: &'t str, value: &str) -> Option<Unfit<'t>> {
    let mut rest = value;
    while let Some(at) = memchr::memchr2(b'<', b'&', rest.as_bytes()) {
        rest = rest.get(at..).unwrap_or_default();
        if rest.starts_with('<') {
            return Some(Unfit::Less(name));
        }
        match reference(rest) {
            Some((_, Some(character))) if !is_allowed(character) => return Some(Unfit::Forbidden(name)),
            Some((length, _)) => rest = rest.get(length..).unwrap_or_default(),
            None => return Some(Unfit::Reference(name)),
        }
    }
    None
}

/// How long the reference is at the front of a text, and which character it names by its number; `None` where none that
/// XML knows stands there.
fn reference(text: &str) -> Option<(usize, Option<char>)> {
    match text.as_bytes() {
        [b'&', b'l' | b'g', b't', b';', ..] => return Some((4, None)),
        [b'&', b'a', b'm', b'p', b';', ..] => return Some((5, None)),
        [b'&', b'q', b'u', b'o', b't', b';', ..] | [b'&', b'a', b'p', b'o', b's', b';', ..] => return Some((6, None)),
        [b'&', ..] => {}
        _ => return None,
    }
    let (inside, _) = text.get(1..)?.split_once(';')?;
    let character = numbered(inside)?;
    Some((inside.len() + 2, Some(character)))
}

/// The character that a reference names by its number, whether XML allows it or not.
pub(super) fn numbered(reference: &str) -> Option<char> {
    if let Ok(character) = BytesRef::new(reference).resolve_char_ref() {
        return character;
    }
    // The one number that is refused there is no mistake in writing it.
    let digits = reference.strip_prefix('#')?;
    let zero = |digits: &str| !digits.is_empty() && digits.bytes().all(|digit| digit == b'0');
    zero(digits.strip_prefix('x').unwrap_or(digits)).then_some('\0')
}

/// Whether XML 1.0 (2.2) has a character at all, be it as itself or by its number.
pub(super) fn is_allowed(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..)
}

/// Where the value begins in what stands behind a name, with white space around the equals sign.
#[cold]
fn opening_quote<'t>(behind: &'t str, name: &'t str) -> Result<usize, Unfit<'t>> {
    let value = past_blank(behind).strip_prefix('=').map(past_blank).ok_or(Unfit::NoValue(name))?;
    if value.starts_with(['"', '\'']) { Ok(behind.len() - value.len() + 1) } else { Err(Unfit::NotQuoted(name)) }
}

/// Which names one element's attributes have had so far. A 64-bit sketch answers
/// "surely none like it" for nearly all of them.
#[derive(Default)]
pub(super) struct Seen(u64);

impl Seen {
    /// Notes an attribute, and says whether one of those before it has its name.
    #[inline]
    pub(super) fn has(&mut self, attribute: &Attribute<'_>, before: &[Attribute<'_>]) -> bool {
        let name = attribute.name;
        let first = name.as_bytes().first().copied().unwrap_or_default();
        let mark = 1 << ((usize::from(first) + 11 * name.len()) & 63);
        let maybe = self.0 & mark != 0;
        self.0 |= mark;
        maybe && before.iter().any(|before| before.name == name)
    }
}
