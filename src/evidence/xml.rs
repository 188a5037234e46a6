//! Reads an XML document once, as a run of events, without building it.
//!
//! `quick-xml` does the reading over borrowed bytes, so memory stays constant.
//! What XML allows and a report never needs is refused: an internal DTD subset
//! and entity declarations (so that nothing can grow while it is read), nesting
//! beyond [`DEPTH_LIMIT`], and texts beyond [`TEXT_LIMIT`]. An external DTD, as
//! JaCoCo and Cobertura name one, is noted and never fetched.

use std::borrow::Cow;

use quick_xml::events::{BytesStart, Event as Raw};
use quick_xml::{Reader, XmlVersion};

use crate::model::report::{Fault, Place};

/// How deep elements may nest.
pub const DEPTH_LIMIT: usize = 512;
/// How many bytes of one attribute, or of one run of text, are taken.
pub const TEXT_LIMIT: usize = 1 << 20;

/// A document that is being read.
pub struct Xml<'a> {
    bytes: &'a [u8],
    reader: Reader<&'a [u8]>,
    depth: usize,
    /// Whether the element just told was an empty one, whose closing is still to be told.
    pending_close: bool,
    /// Whether the root element has been seen.
    rooted: bool,
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
        Self { bytes, reader, depth: 0, pending_close: false, rooted: false }
    }

    /// What stands next.
    pub fn next(&mut self) -> Result<Event<'a>, Fault> {
        if self.pending_close {
            self.pending_close = false;
            return Ok(Event::Close);
        }
        loop {
            let at = self.reader.buffer_position();
            let raw = self.reader.read_event().map_err(|error| self.broken(&error))?;
            match raw {
                Raw::Start(tag) => {
                    self.enter(at)?;
                    self.depth += 1;
                    return Ok(Event::Open(Element { tag, at }));
                }
                Raw::Empty(tag) => {
                    self.enter(at)?;
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
                Raw::CData(text) => return Ok(Event::Text(text.into_inner())),
                Raw::GeneralRef(reference) => {
                    if let Some(character) = reference.resolve_char_ref().map_err(|error| self.broken(&error))? {
                        return Ok(Event::Text(Cow::Owned(character.to_string())));
                    }
                    return match &*reference {
                        "lt" => Ok(Event::Text(Cow::Borrowed("<"))),
                        "gt" => Ok(Event::Text(Cow::Borrowed(">"))),
                        "amp" => Ok(Event::Text(Cow::Borrowed("&"))),
                        "quot" => Ok(Event::Text(Cow::Borrowed("\""))),
                        "apos" => Ok(Event::Text(Cow::Borrowed("'"))),
                        _ => Err(self.fault_at(at, "an entity that XML does not define itself; entities are not expanded")),
                    };
                }
                Raw::DocType(text) => {
                    if text.contains('[') || text.contains("<!") {
                        return Err(self.fault_at(
                            at,
                            "the document declares an internal DTD subset, which no report needs; write it without",
                        ));
                    }
                }
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

    /// Passes over the rest of the element that was opened last.
    pub fn skip(&mut self) -> Result<(), Fault> {
        let mut open = 1_usize;
        while open > 0 {
            match self.next()? {
                Event::Open(_) => open += 1,
                Event::Close => open -= 1,
                Event::Text(_) => {}
                Event::End => return Err(self.fault("the document ends inside an element; it is cut short")),
            }
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
                        kept.push_str(&crate::model::notable::shortened(&text, room.max(3)));
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

    /// Line and column of a byte. Only faults need it, so it is counted only then.
    fn place(&self, at: u64) -> Place {
        let end = usize::try_from(at).unwrap_or(usize::MAX).min(self.bytes.len());
        let before = self.bytes.get(..end).unwrap_or_default();
        let line = memchr::memchr_iter(b'\n', before).count() as u64 + 1;
        let column = before.len() - memchr::memrchr(b'\n', before).map_or(0, |found| found + 1);
        Place::Line(line, column as u64 + 1)
    }

    fn broken(&self, error: &quick_xml::Error) -> Fault {
        let at = self.reader.error_position();
        self.fault_at(at, format!("not well-formed XML: {error}"))
    }

    fn enter(&mut self, at: u64) -> Result<(), Fault> {
        if self.depth == 0 && self.rooted {
            return Err(self.fault_at(at, "a second element stands after the document's root"));
        }
        self.rooted = true;
        if self.depth >= DEPTH_LIMIT {
            return Err(Fault::beyond_limit(
                self.place(at),
                format!("elements nest deeper than {DEPTH_LIMIT}"),
            ));
        }
        Ok(())
    }
}

impl<'a> Element<'a> {
    /// The name without its prefix.
    #[must_use]
    pub fn name(&self) -> &str {
        self.tag.local_name().into_inner()
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
        for attribute in self.tag.attributes() {
            let attribute = attribute
                .map_err(|error| xml.fault_in(self, format!("not a well-formed attribute: {error}")))?;
            if attribute.value.len() > TEXT_LIMIT {
                return Err(Fault::beyond_limit(
                    xml.place(self.at),
                    format!("an attribute of {} bytes, where at most {TEXT_LIMIT} are read", attribute.value.len()),
                ));
            }
            let value = attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .map_err(|error| xml.fault_in(self, format!("not a well-formed attribute: {error}")))?;
            each(attribute.key.local_name().into_inner(), value)?;
        }
        Ok(())
    }
}
