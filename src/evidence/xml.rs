//! Reads an XML document once, as a run of events, without building it.
//!
//! The scanner is our own and works over borrowed bytes, so memory stays constant.
//! It is as strict as the event loop of `quick-xml` and takes half the time, because
//! it looks over a window of text at a time for what is not UTF-8 or the character
//! NUL, and not over each piece again. What XML allows and a report never needs is refused: an internal DTD subset
//! and entity declarations (so that nothing can grow while it is read), nesting
//! beyond [`Bounds::depth`], tags beyond [`Bounds::text`], more than
//! [`ATTRIBUTE_LIMIT`] attributes, and the character NUL. An external DTD, as
//! JaCoCo and Cobertura name one, is passed over and never fetched.
//!
//! Attributes are scanned in place: nothing is allocated for one whose value
//! stands in the document as it is meant. Every one is held to the rules of XML,
//! whether anybody asks for its value or not: `<` stands in none, and `&` only where
//! it begins a reference.

mod attribute;
mod scan;

use std::borrow::Cow;

pub use self::attribute::RawValue;
use self::attribute::{Attribute, Seen, Unfit, is_allowed, numbered};
use self::scan::{BLANK, Part, Scan, Tag, past_blank};
use crate::model::bounds::{Bounds, raise};
use crate::model::notable::shortened;
use crate::model::report::{Fault, Place};

/// How many attributes an element may have.
pub const ATTRIBUTE_LIMIT: usize = 256;

/// A document that is being read.
pub struct Xml<'a> {
    scan: Scan<'a>,
    bounds: &'a Bounds,
    /// The names of the open elements, outermost first.
    open: Vec<&'a str>,
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
    tag: Tag<'a>,
    at: usize,
}

impl<'a> Xml<'a> {
    /// Begins to read, within the bounds that hold where nobody sets others.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self::within(bytes, &Bounds::LEFT_OUT)
    }

    /// Begins to read within bounds.
    #[must_use]
    pub fn within(bytes: &'a [u8], bounds: &'a Bounds) -> Self {
        Self { scan: Scan::new(bytes), bounds, open: Vec::new(), pending_close: false, rooted: false }
    }

    /// What stands next.
    #[expect(clippy::should_implement_trait, reason = "an iterator cannot be asked for places between its steps")]
    pub fn next(&mut self) -> Result<Event<'a>, Fault> {
        if std::mem::take(&mut self.pending_close) {
            return Ok(Event::Close);
        }
        loop {
            let at = self.scan.at();
            match self.scan.next()? {
                Part::Open { tag, empty } => {
                    self.enter(at, tag)?;
                    self.pending_close = empty;
                    if !empty {
                        self.open.push(tag.name);
                    }
                    return Ok(Event::Open(Element { tag, at }));
                }
                Part::Close(name) => return self.leave(at, name).map(|()| Event::Close),
                Part::Aside => {}
                Part::DocType(text) => self.external(text, at)?,
                Part::End => return self.ended().map(|()| Event::End),
                Part::Text(text) if !self.open.is_empty() => return Ok(Event::Text(Cow::Borrowed(text))),
                Part::Text(text) if text.trim_matches(BLANK).is_empty() => {}
                _ if self.open.is_empty() => {
                    return Err(self.scan.fault(at, "expected an element, found text outside of any"));
                }
                Part::Text(text) | Part::Verbatim(text) => return Ok(Event::Text(Cow::Borrowed(text))),
                Part::Reference(reference) => return self.resolved(reference, at).map(Event::Text),
            }
        }
    }

    /// Passes over the rest of the element that was opened last. What is passed over
    /// is held to the same rules, only nothing is made of it.
    pub fn skip(&mut self) -> Result<(), Fault> {
        if std::mem::take(&mut self.pending_close) {
            return Ok(());
        }
        let outside = self.open.len().saturating_sub(1);
        while self.open.len() > outside {
            let at = self.scan.at();
            match self.scan.next()? {
                Part::Text(_) | Part::Verbatim(_) | Part::Aside => {}
                Part::Reference(reference) => {
                    self.resolved(reference, at)?;
                }
                Part::Open { tag, empty } => {
                    self.enter(at, tag)?;
                    if !empty {
                        self.open.push(tag.name);
                    }
                }
                Part::Close(name) => self.leave(at, name)?,
                Part::DocType(text) => self.external(text, at)?,
                Part::End => return self.ended(),
            }
        }
        Ok(())
    }

    /// The text that a reference stands for: a character, or one of the five entities of XML itself.
    fn resolved(&self, reference: &'a str, at: usize) -> Result<Cow<'static, str>, Fault> {
        match reference {
            "lt" => Ok(Cow::Borrowed("<")),
            "gt" => Ok(Cow::Borrowed(">")),
            "amp" => Ok(Cow::Borrowed("&")),
            "quot" => Ok(Cow::Borrowed("\"")),
            "apos" => Ok(Cow::Borrowed("'")),
            _ => match numbered(reference) {
                Some(character) if is_allowed(character) => Ok(Cow::Owned(character.to_string())),
                Some(_) => {
                    let found = shortened(reference, 60);
                    Err(self
                        .scan
                        .fault(at, format!("`&{found};` is a character that XML does not allow; leave it out")))
                }
                None if reference.starts_with('#') => {
                    let found = shortened(reference, 60);
                    Err(self.scan.fault(at, format!("expected the number of a character, found `&{found};`")))
                }
                None => {
                    Err(self.scan.fault(at, "an entity that XML does not define itself; entities are not expanded"))
                }
            },
        }
    }

    /// A document type may name an external DTD, which is never fetched, and declare nothing.
    fn external(&self, text: &str, at: usize) -> Result<(), Fault> {
        if text.trim_matches(BLANK).is_empty() {
            return Err(self.scan.fault(at, "expected the name of the document's type after `<!DOCTYPE`"));
        }
        if text.contains('[') || text.contains("<!") {
            return Err(self
                .scan
                .fault(at, "the document declares an internal DTD subset, which no report needs; write it without"));
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
                Event::End => return self.ended().map(|()| kept),
            }
        }
        Ok(kept)
    }

    /// The bounds that the document is read within.
    #[must_use]
    pub fn bounds(&self) -> &'a Bounds {
        self.bounds
    }

    /// A fault at the place that has been reached.
    #[must_use]
    pub fn fault(&self, message: impl Into<String>) -> Fault {
        self.scan.fault(self.scan.at(), message)
    }

    /// A fault at an element.
    #[must_use]
    pub fn fault_in(&self, element: &Element<'_>, message: impl Into<String>) -> Fault {
        self.scan.fault(element.at, message)
    }

    /// Line and column of a byte of the document.
    #[must_use]
    pub fn place(&self, at: usize) -> Place {
        self.scan.place(at)
    }

    fn enter(&mut self, at: usize, tag: Tag<'a>) -> Result<(), Fault> {
        let length = tag.name.len() + tag.attributes.len();
        let Bounds { text, depth, .. } = *self.bounds;
        if length > text {
            let message = format!("a tag of {length} bytes, where at most {text} are read{}", raise("text"));
            return Err(Fault::beyond_limit(self.place(at), message));
        }
        if self.open.is_empty() && self.rooted {
            return Err(self.scan.fault(at, "a second element stands after the document's root"));
        }
        self.rooted = true;
        if self.open.len() >= depth {
            let message = format!("elements nest deeper than {depth}{}", raise("depth"));
            return Err(Fault::beyond_limit(self.place(at), message));
        }
        // Attributes that were not taken with their tag are looked at now, whether anybody asks for them or not.
        if self.scan.attributes_of(at).is_none() {
            Element { tag, at }.raw_attributes(self, |_, _| Ok(()))?;
        }
        Ok(())
    }

    #[inline]
    fn leave(&mut self, at: usize, name: &str) -> Result<(), Fault> {
        match self.open.pop() {
            Some(open) if open == name => Ok(()),
            // A tag can be all that is left of the file.
            Some(open) => {
                let (open, name) = (shortened(open, 60), shortened(name, 60));
                Err(self.scan.fault(at, format!("expected `</{open}>`, found `</{name}>`")))
            }
            None => {
                let name = shortened(name, 60);
                Err(self.scan.fault(at, format!("`</{name}>` closes an element that was not opened")))
            }
        }
    }

    /// Complains where the document must not end.
    fn ended(&self) -> Result<(), Fault> {
        if !self.open.is_empty() {
            return Err(self.fault("the document ends inside an element; it is cut short"));
        }
        if self.rooted { Ok(()) } else { Err(self.fault("expected an element, found none")) }
    }
}

impl<'a> Element<'a> {
    /// The name without its prefix.
    #[must_use]
    pub fn name(&self) -> &str {
        self.tag.name.split_once(':').map_or(self.tag.name, |(_, name)| name)
    }

    /// The byte of the document at which the element stands.
    #[must_use]
    pub fn at(&self) -> usize {
        self.at
    }

    /// One attribute by its name without prefix, with references resolved.
    pub fn attribute(&self, xml: &Xml<'a>, name: &str) -> Result<Option<String>, Fault> {
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
        xml: &Xml<'a>,
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
    pub fn raw_attributes(
        &self,
        xml: &Xml<'a>,
        mut each: impl FnMut(&'a str, RawValue<'a>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        if let Some(known) = xml.scan.attributes_of(self.at) {
            return known.iter().try_for_each(|known| each(known.local_name, RawValue(known.value)));
        }
        let (mut before, mut seen) = (Vec::new(), Seen::default());
        let mut rest = past_blank(self.tag.attributes);
        while !rest.is_empty() {
            let first = Attribute::first(rest).map_err(|unfit| unfit.fault(xml, self))?;
            if let Some(unfit) = first.unfit() {
                return Err(unfit.fault(xml, self));
            }
            if seen.has(&first, &before) {
                return Err(Unfit::Twice(first.name).fault(xml, self));
            }
            each(first.local_name, RawValue(first.value))?;
            rest = first.rest;
            before.push(first);
            if before.len() > ATTRIBUTE_LIMIT {
                return Err(Unfit::TooMany.fault(xml, self));
            }
        }
        Ok(())
    }
}
