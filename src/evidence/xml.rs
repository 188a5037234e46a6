//! Reads an XML document once, as a run of events, without building it.
//!
//! `quick-xml` does the reading over borrowed bytes, so memory stays constant.
//! What XML allows and a report never needs is refused: an internal DTD subset
//! and entity declarations (so that nothing can grow while it is read), nesting
//! beyond [`DEPTH_LIMIT`], tags beyond [`TEXT_LIMIT`], more than
//! [`ATTRIBUTE_LIMIT`] attributes, and the character NUL. An external DTD, as
//! JaCoCo and Cobertura name one, is passed over and never fetched.
//!
//! Attributes are scanned in place: nothing is allocated for one whose value
//! stands in the document as it is meant.

mod attribute;

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event as Raw};

pub use self::attribute::RawValue;
use self::attribute::{Attribute, Seen, Unfit};
use crate::model::notable::shortened;
use crate::model::report::{Fault, Place};

/// How deep elements may nest.
pub const DEPTH_LIMIT: usize = 512;
/// How many bytes an opening tag may have, its attributes included.
pub const TEXT_LIMIT: usize = 1 << 20;
/// How many attributes an element may have.
pub const ATTRIBUTE_LIMIT: usize = 256;
/// How many bytes are looked over for a NUL at a time.
const NUL_WINDOW: usize = 1 << 14;

/// A document that is being read.
pub struct Xml<'a> {
    bytes: &'a [u8],
    reader: Reader<&'a [u8]>,
    depth: usize,
    /// Whether the element just told was an empty one, whose closing is still to be told.
    pending_close: bool,
    /// Whether the root element has been seen.
    rooted: bool,
    /// Up to which byte there is no NUL.
    without_nul: usize,
}

/// What stands next in a document.
#[derive(Debug)]
pub enum Event<'a> {
    /// An element opens.
    Open(Element<'a>),
    /// The innermost open element closes.
    Close,
    /// Text or CDATA, with character references resolved; it may come in several runs.
    Text(Cow<'a, str>),
    /// The document has ended, with every element closed.
    End,
}

/// An element's opening tag.
#[derive(Debug)]
pub struct Element<'a> {
    tag: BytesStart<'a>,
    at: u64,
}

impl<'a> Xml<'a> {
    /// Begins to read.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        let mut reader = Reader::from_reader(bytes);
        reader.config_mut().check_end_names = true;
        Self { bytes, reader, depth: 0, pending_close: false, rooted: false, without_nul: 0 }
    }

    /// What stands next.
    #[expect(clippy::should_implement_trait, reason = "an iterator cannot be asked for places between its steps")]
    pub fn next(&mut self) -> Result<Event<'a>, Fault> {
        if self.pending_close {
            self.pending_close = false;
            return Ok(Event::Close);
        }
        loop {
            let at = self.reader.buffer_position();
            let raw = self.reader.read_event().map_err(|error| self.broken(&error))?;
            self.refuse_nul()?;
            match raw {
                Raw::Start(tag) => {
                    self.enter(at, tag.len())?;
                    self.depth += 1;
                    return Ok(Event::Open(Element { tag, at }));
                }
                Raw::Empty(tag) => {
                    self.enter(at, tag.len())?;
                    self.pending_close = true;
                    return Ok(Event::Open(Element { tag, at }));
                }
                Raw::End(_) => {
                    self.depth = self.depth.saturating_sub(1);
                    return Ok(Event::Close);
                }
                Raw::Text(text) => {
                    if self.depth == 0 {
                        if text.trim().is_empty() {
                            continue;
                        }
                        return Err(self.fault_at(at, "expected an element, found text outside of any"));
                    }
                    return Ok(Event::Text(text.into_inner()));
                }
                Raw::CData(_) | Raw::GeneralRef(_) if self.depth == 0 => {
                    return Err(self.fault_at(at, "expected an element, found text outside of any"));
                }
                Raw::CData(text) => return Ok(Event::Text(text.into_inner())),
                Raw::GeneralRef(reference) => return self.resolved(&reference, at).map(Event::Text),
                Raw::DocType(text) => self.external(&text, at)?,
                Raw::Decl(_) | Raw::PI(_) | Raw::Comment(_) => {}
                Raw::Eof => {
                    if self.depth > 0 {
                        return Err(self.fault_at(at, "the document ends inside an element; it is cut short"));
                    }
                    if !self.rooted {
                        return Err(self.fault_at(at, "expected an element, found none"));
                    }
                    return Ok(Event::End);
                }
            }
        }
    }

    /// Passes over the rest of the element that was opened last. What is passed over
    /// is held to the same rules, only nothing is made of it.
    pub fn skip(&mut self) -> Result<(), Fault> {
        if std::mem::take(&mut self.pending_close) {
            return Ok(());
        }
        let outside = self.depth.saturating_sub(1);
        while self.depth > outside {
            let at = self.reader.buffer_position();
            let raw = self.reader.read_event().map_err(|error| self.broken(&error))?;
            self.refuse_nul()?;
            match raw {
                Raw::Text(_) | Raw::CData(_) | Raw::Decl(_) | Raw::PI(_) | Raw::Comment(_) => {}
                Raw::GeneralRef(reference) => {
                    self.resolved(&reference, at)?;
                }
                Raw::Start(tag) => {
                    self.enter(at, tag.len())?;
                    self.depth += 1;
                }
                Raw::Empty(tag) => self.enter(at, tag.len())?,
                Raw::End(_) => self.depth -= 1,
                Raw::DocType(text) => self.external(&text, at)?,
                Raw::Eof => return Err(self.fault_at(at, "the document ends inside an element; it is cut short")),
            }
        }
        Ok(())
    }

    /// The text that a reference stands for: a character, or one of the five entities of XML itself.
    fn resolved(&self, reference: &BytesRef<'_>, at: u64) -> Result<Cow<'static, str>, Fault> {
        match &**reference {
            "lt" => Ok(Cow::Borrowed("<")),
            "gt" => Ok(Cow::Borrowed(">")),
            "amp" => Ok(Cow::Borrowed("&")),
            "quot" => Ok(Cow::Borrowed("\"")),
            "apos" => Ok(Cow::Borrowed("'")),
            _ => match reference.resolve_char_ref().map_err(|error| self.broken(&error))? {
                Some(character) => Ok(Cow::Owned(character.to_string())),
                None => Err(self.fault_at(at, "an entity that XML does not define itself; entities are not expanded")),
            },
        }
    }

    /// A document type may name an external DTD, which is never fetched, and declare nothing.
    fn external(&self, text: &str, at: u64) -> Result<(), Fault> {
        if text.contains('[') || text.contains("<!") {
            return Err(self.fault_at(
                at,
                "the document declares an internal DTD subset, which no report needs; write it without",
            ));
        }
        Ok(())
    }

    /// Takes the text of the element that was opened last, to its closing; child
    /// elements are passed over. At most `limit` bytes are kept.
    pub fn text(&mut self, limit: usize) -> Result<String, Fault> {
        let mut kept = String::new();
        let mut open = 1_usize;
        while open > 0 {
            match self.next()? {
                Event::Open(_) => open += 1,
                Event::Close => open -= 1,
                Event::Text(text) if open == 1 && kept.len() < limit => {
                    let room = limit - kept.len();
                    if text.len() <= room {
                        kept.push_str(&text);
                    } else {
                        kept.push_str(&shortened(&text, room.max(3)));
                    }
                }
                Event::Text(_) => {}
                Event::End => return Err(self.fault("the document ends inside an element; it is cut short")),
            }
        }
        Ok(kept)
    }

    /// A fault at the place that has been reached.
    #[must_use]
    pub fn fault(&self, message: impl Into<String>) -> Fault {
        self.fault_at(self.reader.buffer_position(), message)
    }

    /// A fault at an element.
    #[must_use]
    pub fn fault_in(&self, element: &Element<'_>, message: impl Into<String>) -> Fault {
        self.fault_at(element.at, message)
    }

    fn fault_at(&self, at: u64, message: impl Into<String>) -> Fault {
        Fault::malformed(self.place(at), message)
    }

    /// Line and column of a byte of the document. Only faults need it, so it is counted only then.
    #[must_use]
    pub fn place(&self, at: u64) -> Place {
        let end = usize::try_from(at).unwrap_or(usize::MAX).min(self.bytes.len());
        let before = self.bytes.get(..end).unwrap_or_default();
        let line = memchr::memchr_iter(b'\n', before).count() as u64 + 1;
        let column = before.len() - memchr::memrchr(b'\n', before).map_or(0, |found| found + 1);
        Place::Line(line, column as u64 + 1)
    }

    fn broken(&self, error: &quick_xml::Error) -> Fault {
        let at = self.reader.error_position();
        // The parser quotes a tag whole, which can be all that is left of the file.
        let error = shortened(&error.to_string(), 200);
        self.fault_at(at, format!("not well-formed XML: {error}"))
    }

    /// XML has no character NUL; a file that holds one was damaged, or is not what
    /// it says. Looks ahead a window at a time, which costs next to nothing.
    fn refuse_nul(&mut self) -> Result<(), Fault> {
        let reached = usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX);
        if reached <= self.without_nul {
            return Ok(());
        }
        let from = self.without_nul;
        let to = reached.max(from.saturating_add(NUL_WINDOW)).min(self.bytes.len());
        if let Some(found) = memchr::memchr(0, self.bytes.get(from..to).unwrap_or_default()) {
            let at = (from + found) as u64;
            return Err(self.fault_at(at, "the character NUL, which XML does not allow; make the file again"));
        }
        self.without_nul = to;
        Ok(())
    }

    fn enter(&mut self, at: u64, length: usize) -> Result<(), Fault> {
        if length > TEXT_LIMIT {
            return Err(Fault::beyond_limit(
                self.place(at),
                format!("a tag of {length} bytes, where at most {TEXT_LIMIT} are read"),
            ));
        }
        if self.depth == 0 && self.rooted {
            return Err(self.fault_at(at, "a second element stands after the document's root"));
        }
        self.rooted = true;
        if self.depth >= DEPTH_LIMIT {
            return Err(Fault::beyond_limit(self.place(at), format!("elements nest deeper than {DEPTH_LIMIT}")));
        }
        Ok(())
    }
}

impl Element<'_> {
    /// The name without its prefix.
    #[must_use]
    pub fn name(&self) -> &str {
        self.tag.local_name().into_inner()
    }

    /// The byte of the document at which the element stands.
    #[must_use]
    pub fn at(&self) -> u64 {
        self.at
    }

    /// One attribute by its name without prefix, with references resolved.
    pub fn attribute(&self, xml: &Xml<'_>, name: &str) -> Result<Option<String>, Fault> {
        let mut found = None;
        self.attributes(xml, |key, value| {
            if key == name {
                found = Some(value.into_owned());
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// Calls back for every attribute, with references resolved. An attribute may stand only once.
    pub fn attributes(
        &self,
        xml: &Xml<'_>,
        mut each: impl FnMut(&str, Cow<'_, str>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        self.raw_attributes(xml, |key, value| match value.resolved() {
            Ok(value) => each(key, value),
            Err(_) => Err(Unfit::Reference(key).fault(xml, self)),
        })
    }

    /// Calls back for every attribute, with the value as it stands in the document:
    /// its references are looked at only when they are asked for. An attribute may
    /// stand only once.
    pub fn raw_attributes<'t>(
        &'t self,
        xml: &Xml<'_>,
        mut each: impl FnMut(&'t str, RawValue<'t>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let mut seen = Seen::default();
        let mut rest = self.tag.attributes_raw().trim_ascii_start();
        while !rest.is_empty() {
            let first = match Attribute::first(rest) {
                Ok(first) => first,
                Err(unfit) => return Err(unfit.fault(xml, self)),
            };
            if let Err(unfit) = seen.note(first.name) {
                return Err(unfit.fault(xml, self));
            }
            each(first.local_name, RawValue(first.value))?;
            rest = first.rest;
        }
        Ok(())
    }
}
