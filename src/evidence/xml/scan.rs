//! The bytes of an XML document, told apart.
//!
//! A scanner knows where it is and moves on over one thing at a time: a tag, a
//! run of text, a reference, a comment. It copies nothing and keeps nothing but
//! a window of text that is known to be UTF-8 and without the character NUL, and
//! where the attributes of the tag are that it took last.

use super::ATTRIBUTE_LIMIT;
use super::attribute::{Attribute, Seen, are_fit, ends_name};
use crate::model::report::{Fault, Place};

/// How many bytes are looked over for what is no text at a time. A window is read
/// twice, so it is to fit into the processor's nearest cache.
const WINDOW: usize = 1 << 14;

/// A place in a document, and the way on from there.
pub(super) struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    /// What was looked over last, and the byte at which it begins.
    window: &'a str,
    window_at: usize,
    /// The attributes of the tag that begins at this byte, where they are as they should be.
    attributes: Vec<Attribute<'a>>,
    attributes_of: Option<usize>,
}

/// One thing of a document.
pub(super) enum Part<'a> {
    /// The tag that opens an element, or that is all of it.
    Open { tag: Tag<'a>, empty: bool },
    /// The name in the tag that closes an element.
    Close(&'a str),
    /// Text between markup.
    Text(&'a str),
    /// Text that stands in a CDATA section.
    Verbatim(&'a str),
    /// What stands between `&` and `;`.
    Reference(&'a str),
    /// What stands after `<!DOCTYPE`, up to its end or to where declarations begin.
    DocType(&'a str),
    /// A comment, a processing instruction or an XML declaration.
    Aside,
    /// The document has ended.
    End,
}

/// A tag that opens an element.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tag<'a> {
    /// The element's name.
    pub(super) name: &'a str,
    /// What stands after the name.
    pub(super) attributes: &'a str,
}

impl<'a> Scan<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        // The mark is no part of the document; without it lines and columns are what an editor shows.
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        Self { bytes, at: 0, window: "", window_at: 0, attributes: Vec::new(), attributes_of: None }
    }

    /// The byte that was reached.
    #[inline]
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Takes what stands next.
    #[inline]
    pub(super) fn next(&mut self) -> Result<Part<'a>, Fault> {
        match self.rest() {
            [] => Ok(Part::End),
            [b'<', b'/', ..] => self.close(),
            [b'<', b'!' | b'?', ..] => self.aside(),
            [b'<', ..] => self.open(),
            [b'&', ..] => self.reference(),
            text => {
                let length = run(text);
                self.take(length).map(Part::Text)
            }
        }
    }

    #[inline]
    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// Moves on over so many bytes, which must be text.
    #[inline]
    fn take(&mut self, length: usize) -> Result<&'a str, Fault> {
        let begin = self.at - self.window_at;
        let text = match self.window.get(begin..begin + length) {
            Some(text) => text,
            None => self.look_over(length)?,
        };
        self.at += length;
        Ok(text)
    }

    /// Lets the window begin where the scanner is, and end so many bytes later or beyond.
    #[cold]
    fn look_over(&mut self, length: usize) -> Result<&'a str, Fault> {
        let rest = self.rest();
        let ahead = rest.get(..length.max(WINDOW)).unwrap_or(rest);
        // What is wrong after the thing to take, or cut in two by the window's end, is left to the next window.
        let sound = simdutf8::compat::from_utf8(ahead).or_else(|error| {
            let before = ahead.get(..error.valid_up_to()).unwrap_or_default();
            simdutf8::compat::from_utf8(before)
        });
        let sound = sound.unwrap_or_default();
        let nul = memchr::memchr(0, sound.as_bytes());
        let end = nul.unwrap_or(sound.len());
        if end < length {
            let message = match nul {
                Some(_) => "the character NUL, which XML does not allow; make the file again",
                None => "not UTF-8; write the file as UTF-8, or as UTF-16 with a byte-order mark",
            };
            return Err(self.fault(self.at + end, message));
        }
        self.window_at = self.at;
        self.window = sound.get(..end).unwrap_or_default();
        Ok(self.window.get(..length).unwrap_or_default())
    }

    /// The attributes of the tag at a byte, if that tag was the last one and they are as they should be.
    #[inline]
    pub(super) fn attributes_of(&self, at: usize) -> Option<&[Attribute<'a>]> {
        if self.attributes_of == Some(at) { Some(&self.attributes) } else { None }
    }

    #[inline]
    fn open(&mut self) -> Result<Part<'a>, Fault> {
        match self.open_at_once() {
            Some(part) => Ok(part),
            None => self.open_by_its_end(),
        }
    }

    /// Takes a tag and its attributes in one go, as can nearly always be done. `None` where it reaches out of the
    /// window, or where anything about it is unusual: then its attributes are gone through one by one, and what is wrong is said.
    #[inline]
    fn open_at_once(&mut self) -> Option<Part<'a>> {
        let inside = self.window.get(self.at - self.window_at + 1..)?;
        let (name, rest) = inside.split_at_checked(name_length(inside)?)?;
        self.attributes_of = None;
        self.attributes.clear();
        let (mut seen, mut left) = (Seen::default(), past_blank(rest));
        let (empty, end) = loop {
            match left.as_bytes() {
                [b'>', ..] => break (false, 1),
                [b'/', b'>', ..] => break (true, 2),
                _ => {
                    let first = Attribute::first(left).ok()?;
                    if seen.has(&first, &self.attributes) || self.attributes.len() == ATTRIBUTE_LIMIT {
                        return None;
                    }
                    left = first.rest;
                    self.attributes.push(first);
                }
            }
        };
        let attributes = rest.get(..rest.len() - left.len())?;
        // One search over the whole tag, because hardly any has what it looks for.
        if !are_fit(attributes) {
            return None;
        }
        self.attributes_of = Some(self.at);
        self.at += 1 + inside.len() - left.len() + end;
        Some(Part::Open { tag: Tag { name, attributes }, empty })
    }

    /// Takes a tag whatever its attributes are.
    #[cold]
    fn open_by_its_end(&mut self) -> Result<Part<'a>, Fault> {
        let Some(end) = tag_end(self.rest()) else {
            let message = "a tag that is not closed; the document is cut short, or a quote is missing";
            return Err(self.fault(self.at, message));
        };
        let at = self.at;
        let whole = self.take(end + 1)?;
        let inside = whole.get(1..end).unwrap_or_default();
        let (inside, empty) = inside.strip_suffix('/').map_or((inside, false), |inside| (inside, true));
        let named = name_length(whole.get(1..).unwrap_or_default()).and_then(|length| inside.split_at_checked(length));
        let Some((name, attributes)) = named else {
            return Err(self.fault(at, "expected the name of an element after `<`; write `&lt;` for the sign itself"));
        };
        Ok(Part::Open { tag: Tag { name, attributes }, empty })
    }

    #[inline]
    fn close(&mut self) -> Result<Part<'a>, Fault> {
        let Some(end) = memchr::memchr(b'>', self.rest()) else {
            return Err(self.fault(self.at, "a tag that is not closed; the document is cut short"));
        };
        let whole = self.take(end + 1)?;
        Ok(Part::Close(whole.get(2..end).unwrap_or_default().trim_end_matches(BLANK)))
    }

    fn reference(&mut self) -> Result<Part<'a>, Fault> {
        let rest = self.rest().get(1..).unwrap_or_default();
        match memchr::memchr3(b';', b'&', b'<', rest) {
            Some(length) if rest.get(length) == Some(&b';') => {
                let whole = self.take(length + 2)?;
                Ok(Part::Reference(whole.get(1..=length).unwrap_or_default()))
            }
            _ => Err(self.fault(self.at, "a `&` that begins no reference; write `&amp;`")),
        }
    }

    /// What begins with `<!` or `<?`.
    fn aside(&mut self) -> Result<Part<'a>, Fault> {
        const CDATA: &str = "<![CDATA[";
        const DOCTYPE: &str = "<!DOCTYPE";
        let rest = self.rest();
        if rest.starts_with(CDATA.as_bytes()) {
            return self.between(CDATA, "]]>").map(Part::Verbatim);
        }
        if rest.starts_with(b"<!--") {
            return self.between("<!--", "-->").map(|_| Part::Aside);
        }
        if rest.starts_with(b"<?") {
            if rest.get(2).is_some_and(|first| *first == b'?' || ends_name(*first)) {
                return Err(self.fault(self.at, "expected the name of an instruction after `<?`"));
            }
            return self.between("<?", "?>").map(|_| Part::Aside);
        }
        if rest.get(..DOCTYPE.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(DOCTYPE.as_bytes())) {
            let Some(end) = tag_end(rest) else { return Err(self.fault(self.at, "a `<!DOCTYPE` that is not closed")) };
            let whole = self.take(end + 1)?;
            return Ok(Part::DocType(whole.get(DOCTYPE.len()..end).unwrap_or_default()));
        }
        let found = "expected `<!--`, `<![CDATA[` or `<!DOCTYPE`, found something else that begins with `<!`";
        Err(self.fault(self.at, found))
    }

    /// What stands between what begins here and the first end behind it.
    fn between(&mut self, begin: &str, end: &str) -> Result<&'a str, Fault> {
        let inside = self.rest().get(begin.len()..).unwrap_or_default();
        let ends = |at: &usize| inside.get(..=*at).is_some_and(|inside| inside.ends_with(end.as_bytes()));
        let Some(last) = memchr::memchr_iter(b'>', inside).find(ends) else {
            return Err(self.fault(self.at, format!("a `{begin}` without its `{end}`; the document is cut short")));
        };
        let whole = self.take(begin.len() + last + 1)?;
        Ok(whole.strip_prefix(begin).and_then(|rest| rest.strip_suffix(end)).unwrap_or_default())
    }

    /// A fault at a byte of the document.
    #[cold]
    pub(super) fn fault(&self, at: usize, message: impl Into<String>) -> Fault {
        Fault::malformed(self.place(at), message)
    }

    /// Line and column of a byte of the document. Only faults need it, so it is counted only then.
    pub(super) fn place(&self, at: usize) -> Place {
        let before = self.bytes.get(..at).unwrap_or(self.bytes);
        let line = memchr::memchr_iter(b'\n', before).count() as u64 + 1;
        let column = before.len() - memchr::memrchr(b'\n', before).map_or(0, |found| found + 1);
        Place::Line(line, column as u64 + 1)
    }
}

/// The white space of XML 1.0 (2.3), which knows no form feed.
pub(super) const BLANK: [char; 4] = [' ', '\t', '\n', '\r'];

/// How much white space there is at the front.
#[inline]
fn blank(text: &[u8]) -> usize {
    text.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).unwrap_or(text.len())
}

/// What stands behind the white space at the front.
#[inline]
pub(super) fn past_blank(text: &str) -> &str {
    text.get(blank(text.as_bytes())..).unwrap_or_default()
}

/// How long a run of text is: up to markup, a reference or the end.
#[inline]
fn run(text: &[u8]) -> usize {
    // Most of it is white space between tags, for which a search takes longer to begin than to do.
    let blank = blank(text);
    let rest = text.get(blank..).unwrap_or_default();
    match rest {
        [b'<' | b'&', ..] => blank,
        _ => memchr::memchr2(b'<', b'&', rest).map_or(text.len(), |length| blank + length),
    }
}

/// How long the name of an element is at the front of a tag. `None` where there is none, or where something other
/// than white space or the end of the tag stands after it.
#[inline]
fn name_length(tag: &str) -> Option<usize> {
    let length = tag.bytes().position(ends_name)?;
    match tag.as_bytes().get(length..)? {
        [b' ' | b'\t' | b'\n' | b'\r' | b'>', ..] | [b'/', b'>', ..] if length > 0 => Some(length),
        _ => None,
    }
}

/// Where the `>` stands that ends a tag: outside of quotes.
#[inline]
fn tag_end(tag: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        match *tag.get(at)? {
            b'>' => return Some(at),
            quote @ (b'"' | b'\'') => at += 2 + position(quote, tag.get(at + 1..)?)?,
            _ => at += 1,
        }
    }
}

/// Where an ASCII sign stands first, eight bytes at a time. Values are short: a search that is made for long texts
/// costs more to begin than to do.
#[inline]
pub(super) fn position(sign: u8, bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    let (words, rest) = bytes.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        // A byte that is the sign becomes 0, and the lowest zero byte is the first to have its high bit set.
        let differs = u64::from_le_bytes(*word) ^ (ONES * u64::from(sign));
        let found = differs.wrapping_sub(ONES) & !differs & HIGH;
        if found != 0 {
            return Some(8 * at + (found.trailing_zeros() / 8) as usize);
        }
    }
    rest.iter().position(|byte| *byte == sign).map(|at| bytes.len() - rest.len() + at)
}
