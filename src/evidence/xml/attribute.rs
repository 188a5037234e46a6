//! The attributes of one element, taken from its tag in place.

use std::borrow::Cow;

use quick_xml::escape::{EscapeError, unescape};
use smallvec::SmallVec;

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
            Self::Twice(name) => {
                format!("the attribute `{}` stands twice in one element; keep one of them", named(name))
            }
            Self::TooMany => {
                let message = format!("an element of more than {ATTRIBUTE_LIMIT} attributes");
                return Fault::beyond_limit(xml.place(element.at), message);
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

impl<'t> Attribute<'t> {
    /// Takes the attribute at the front of a tag's rest, which begins with no white space.
    #[expect(clippy::inline_always, reason = "half of what a test report costs is spent here")]
    #[inline(always)]
    pub(super) fn first(text: &'t str) -> Result<Self, Unfit<'t>> {
        let bytes = text.as_bytes();
        let (mut end, mut local) = (0, 0);
        for byte in bytes {
            match byte {
                b'=' | b' ' | b'\t' | b'\n' | b'\r' => break,
                b'"' | b'\'' | b'<' | b'>' | b'&' => return Err(Unfit::NoName),
                b':' => local = end + 1,
                _ => {}
            }
            end += 1;
        }
        let name = text.get(..end).unwrap_or_default();
        if name.is_empty() {
            return Err(Unfit::NoName);
        }
        let start = match bytes.get(end..) {
            Some([b'=', b'"' | b'\'', ..]) => end + 1,
            _ => opening_quote(text, name)?,
        };
        let quote = bytes.get(start).copied().unwrap_or_default();
        let inside = text.get(start + 1..).unwrap_or_default();
        let close = memchr::memchr(quote, inside.as_bytes()).ok_or(Unfit::NotClosed(name))?;
        let value = inside.get(..close).unwrap_or_default();
        let rest = inside.get(close + 1..).unwrap_or_default();
        let apart = rest.trim_ascii_start();
        if apart.len() == rest.len() && !rest.is_empty() {
            return Err(Unfit::NotApart(name));
        }
        Ok(Self { name, local_name: name.get(local..).unwrap_or_default(), value, rest: apart })
    }
}

/// Where the value's opening quote stands, with white space around the equals sign.
#[cold]
fn opening_quote<'t>(text: &'t str, name: &'t str) -> Result<usize, Unfit<'t>> {
    let after = text.get(name.len()..).unwrap_or_default().trim_ascii_start();
    let value = after.strip_prefix('=').ok_or(Unfit::NoValue(name))?.trim_ascii_start();
    if value.starts_with(['"', '\'']) { Ok(text.len() - value.len()) } else { Err(Unfit::NotQuoted(name)) }
}

/// The names of one element's attributes so far. A 64-bit sketch answers "surely
/// new" for nearly all of them.
#[derive(Default)]
pub(super) struct Seen<'t> {
    sketch: u64,
    names: SmallVec<[&'t str; 12]>,
}

impl<'t> Seen<'t> {
    /// Notes a name, which may stand only once.
    #[expect(clippy::inline_always, reason = "half of what a test report costs is spent here")]
    #[inline(always)]
    pub(super) fn note(&mut self, name: &'t str) -> Result<(), Unfit<'t>> {
        let first = name.as_bytes().first().copied().unwrap_or_default();
        let mark = 1 << ((usize::from(first) + 11 * name.len()) & 63);
        if self.sketch & mark != 0 && self.names.contains(&name) {
            return Err(Unfit::Twice(name));
        }
        self.sketch |= mark;
        self.names.push(name);
        if self.names.len() > ATTRIBUTE_LIMIT { Err(Unfit::TooMany) } else { Ok(()) }
    }
}
