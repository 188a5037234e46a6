//! Reads a JSON document once, in order, without building it.
//!
//! A format walks its document with closures: an object calls back for every
//! key, an array for every element, and what a closure does not take is skipped.
//! What is skipped is read as strictly as what is taken (RFC 8259), only nothing
//! is kept of it. Every error names line and column.
//!
//! The scanner is our own, because three things were not to be had elsewhere
//! together: the pace of a bare scan, memory that does not grow with hostile
//! nesting, and a way to come back to a place ([`Later`]), which is what lets a
//! format whose parts stand in an awkward order be read without keeping them.
//!
//! A text that is taken must be UTF-8; whether all of the bytes are is for the
//! caller to see to, who can do so on another core.
//!
//! Within an object that is walked, a key may stand only once: parsers disagree
//! about which of two values rules, and whoever made the file could use that.

mod keys;
mod scan;

use std::borrow::Cow;
use std::fmt;

use self::keys::Keys;
use self::scan::{Scan, Start, unexpected, walked_too_deep};
use serde_json::error::Category;

use crate::model::bounds::Bounds;
use crate::model::report::{Fault, Place};
use crate::model::verdict::Reason;

pub use self::scan::Text;

/// The outcome of one step of a walk.
pub type Step = Result<(), Error>;

/// How deep objects and arrays may stand inside one another where they are
/// walked, which takes stack: the same bound that `serde_json` sets.
pub const WALKED: usize = 128;

/// What a walk over JSON fails with. It gets its place where the walk stopped.
#[derive(Debug)]
pub struct Error(Box<Trouble>);

#[derive(Debug)]
struct Trouble {
    reason: Reason,
    message: String,
    at: Option<usize>,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {}

impl Error {
    fn placed(mut self, at: usize) -> Self {
        self.0.at.get_or_insert(at);
        self
    }

    fn into_fault(self, bytes: &[u8]) -> Fault {
        let Trouble { reason, message, at } = *self.0;
        Fault { reason, place: at.map_or(Place::Whole, |at| place(bytes, at)), message }
    }
}

/// A message of our own, which the reader gives a place.
#[cold]
pub fn refuse(message: impl fmt::Display) -> Error {
    Error(Box::new(Trouble { reason: Reason::Malformed, message: message.to_string(), at: None }))
}

/// The content is beyond a limit.
#[cold]
pub fn refuse_beyond_limit(message: impl fmt::Display) -> Error {
    Error(Box::new(Trouble { reason: Reason::BeyondLimit, message: message.to_string(), at: None }))
}

/// Turns the error of a small document that `serde_json` read into a fault with a place.
#[must_use]
pub fn fault(error: &serde_json::Error) -> Fault {
    let place = match error.line() {
        0 => Place::Whole,
        line => Place::Line(line as u64, error.column() as u64),
    };
    let text = error.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message);
    match error.classify() {
        Category::Eof => Fault::malformed(place, "the document ends too early; it is cut short"),
        Category::Syntax if text == "recursion limit exceeded" => {
            Fault::beyond_limit(place, "values nest deeper than is read; no tool writes that")
        }
        Category::Syntax => Fault::malformed(place, format!("not JSON: {text}; write the file again")),
        Category::Data | Category::Io => Fault::malformed(place, text),
    }
}

/// The line and column of a byte, or of the last one where the document ends too early.
fn place(bytes: &[u8], at: usize) -> Place {
    let at = at.min(bytes.len().saturating_sub(1));
    let before = bytes.get(..at).unwrap_or(bytes);
    let line_start = memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
    let line = memchr::memchr_iter(b'\n', before).count() + 1;
    Place::Line(line as u64, (before.len() - line_start) as u64 + 1)
}

/// Walks a whole document, within the bounds that hold where nobody sets others.
/// Anything but white space after it is an error.
pub fn walk<'de>(bytes: &'de [u8], root: impl FnOnce(&mut Node<'_, 'de>) -> Step) -> Result<(), Fault> {
    walk_within(bytes, &Bounds::LEFT_OUT, root)
}

/// Walks a whole document. Anything but white space after it is an error.
pub fn walk_within<'de>(
    bytes: &'de [u8],
    bounds: &'de Bounds,
    root: impl FnOnce(&mut Node<'_, 'de>) -> Step,
) -> Result<(), Fault> {
    let mut scan = Scan::whole(bytes, bounds);
    Node::give(&mut scan, root)
        .and_then(|()| match scan.next() {
            None => Ok(()),
            found => Err(unexpected("the end of the document", found)),
        })
        .map_err(|error| error.placed(scan.at).into_fault(bytes))
}

/// Walks documents that stand one after another, one a line or simply adjoining.
pub fn walk_each<'de>(
    bytes: &'de [u8],
    bounds: &'de Bounds,
    mut each: impl FnMut(&mut Node<'_, 'de>) -> Step,
) -> Result<(), Fault> {
    let mut scan = Scan::new(bytes, bounds);
    while scan.next().is_some() {
        Node::give(&mut scan, &mut each).map_err(|error| error.placed(scan.at).into_fault(bytes))?;
    }
    Ok(())
}

/// A value that stands next in the document and can be taken once.
pub struct Node<'n, 'de> {
    scan: &'n mut Scan<'de>,
    taken: bool,
}

/// A value without parts.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar<'de> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Flag(bool),
    /// A number.
    Number(f64),
    /// A text.
    Text(Cow<'de, str>),
    /// An object or an array, which was skipped.
    Compound,
}

impl<'de> Node<'_, 'de> {
    /// Hands the next value to a closure, and passes over it if the closure did not take it.
    #[inline]
    fn give<'n>(scan: &'n mut Scan<'de>, take: impl FnOnce(&mut Node<'n, 'de>) -> Step) -> Step {
        let mut node = Node { scan, taken: false };
        take(&mut node)?;
        if node.taken { Ok(()) } else { node.scan.skip() }
    }

    #[inline]
    fn take(&mut self) -> Result<Start, Error> {
        if std::mem::replace(&mut self.taken, true) {
            return Err(refuse("a value was taken twice"));
        }
        self.scan.start()
    }

    /// Calls back for every key of an object. `null` has none; anything else is an error.
    pub fn object(&mut self, each: impl FnMut(&str, &mut Node<'_, 'de>) -> Step) -> Step {
        match self.take()? {
            Start::Object => self.walk_object(each),
            Start::Null => self.scan.word("null"),
            other => Err(wrong("an object", other)),
        }
    }

    /// Calls back for every element of an array. `null` has none; anything else is an error.
    pub fn array(&mut self, each: impl FnMut(&mut Node<'_, 'de>) -> Step) -> Step {
        match self.take()? {
            Start::Array => self.walk_array(each),
            Start::Null => self.scan.word("null"),
            other => Err(wrong("an array", other)),
        }
    }

    /// An object or an array, whichever stands here; `null` is neither, anything else an error.
    pub fn either(
        &mut self,
        object: impl FnMut(&str, &mut Node<'_, 'de>) -> Step,
        array: impl FnMut(&mut Node<'_, 'de>) -> Step,
    ) -> Step {
        match self.take()? {
            Start::Object => self.walk_object(object),
            Start::Array => self.walk_array(array),
            Start::Null => self.scan.word("null"),
            other => Err(wrong("an object or an array", other)),
        }
    }

    /// A text; `None` for `null`, an error for anything else.
    pub fn text(&mut self) -> Result<Option<Cow<'de, str>>, Error> {
        self.text_later()?.map(Text::read).transpose()
    }

    /// A text that is only read when somebody wants it; `None` for `null`, an error for anything else.
    pub fn text_later(&mut self) -> Result<Option<Text<'de>>, Error> {
        match self.take()? {
            Start::Text => self.scan.text().map(Some),
            Start::Null => self.scan.word("null").map(|()| None),
            other => Err(wrong("a text", other)),
        }
    }

    /// A number; `None` for `null`, an error for anything else.
    pub fn number(&mut self) -> Result<Option<f64>, Error> {
        match self.take()? {
            Start::Number => number(self.scan.number()?).map(Some),
            Start::Null => self.scan.word("null").map(|()| None),
            other => Err(wrong("a number", other)),
        }
    }

    /// A count: a whole number that is not negative; `None` for `null`.
    pub fn count(&mut self) -> Result<Option<u64>, Error> {
        match self.number()? {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "whole, not negative and below 2^53 was checked"
            )]
            Some(number) if number >= 0.0 && number.fract() == 0.0 && number < 9.0e15 => Ok(Some(number as u64)),
            Some(number) => Err(refuse(format_args!("expected a count, found {number}"))),
            None => Ok(None),
        }
    }

    /// `true` or `false`; `None` for `null`, an error for anything else.
    pub fn flag(&mut self) -> Result<Option<bool>, Error> {
        match self.take()? {
            Start::True => self.scan.word("true").map(|()| Some(true)),
            Start::False => self.scan.word("false").map(|()| Some(false)),
            Start::Null => self.scan.word("null").map(|()| None),
            other => Err(wrong("true or false", other)),
        }
    }

    /// Whatever stands here, if it has no parts; an object or an array is skipped.
    pub fn scalar(&mut self) -> Result<Scalar<'de>, Error> {
        Ok(match self.take()? {
            Start::Null => {
                self.scan.word("null")?;
                Scalar::Null
            }
            Start::True => {
                self.scan.word("true")?;
                Scalar::Flag(true)
            }
            Start::False => {
                self.scan.word("false")?;
                Scalar::Flag(false)
            }
            Start::Number => Scalar::Number(number(self.scan.number()?)?),
            Start::Text => Scalar::Text(self.scan.text()?.read()?),
            Start::Object | Start::Array => {
                self.scan.skip()?;
                Scalar::Compound
            }
        })
    }

    /// An object, whose keys call back and which is told as [`Scalar::Compound`], or a
    /// value without parts; an error for an array.
    pub fn object_or_scalar(
        &mut self,
        each: impl FnMut(&str, &mut Node<'_, 'de>) -> Step,
    ) -> Result<Scalar<'de>, Error> {
        match self.scan.next() {
            Some(b'{') => self.object(each).map(|()| Scalar::Compound),
            Some(b'[') => Err(wrong("an object or a value", Start::Array)),
            _ => self.scalar(),
        }
    }

    /// Passes over the value. A value that is never taken is passed over as well.
    pub fn skip(&mut self) -> Step {
        self.source().map(|_| ())
    }

    /// Passes over the value; the bytes that it is written with.
    pub fn source(&mut self) -> Result<&'de [u8], Error> {
        self.take()?;
        let start = self.scan.at;
        self.scan.skip()?;
        Ok(self.scan.bytes().get(start..self.scan.at).unwrap_or_default())
    }

    /// Whether `null` stands here, which takes nothing.
    pub fn is_null(&mut self) -> bool {
        !self.taken && self.scan.next() == Some(b'n')
    }

    /// Whether an array stands here, which takes nothing.
    pub fn is_array(&mut self) -> bool {
        !self.taken && self.scan.next() == Some(b'[')
    }

    /// The bounds that the document is read within.
    #[must_use]
    pub fn bounds(&self) -> &'de Bounds {
        self.scan.bounds
    }

    /// A way to come back to this value, which takes nothing.
    #[must_use]
    pub fn later(&self) -> Later<'de> {
        Later { scan: *self.scan }
    }

    fn walk_object(&mut self, mut each: impl FnMut(&str, &mut Node<'_, 'de>) -> Step) -> Step {
        self.enter()?;
        let mut seen = Keys::default();
        let mut next = self.scan.next();
        while next != Some(b'}') {
            if next != Some(b'"') {
                return Err(unexpected("a key in quotes", next));
            }
            let key = self.scan.text()?.read()?;
            seen.refuse_known(&key).map_err(|error| error.placed(self.scan.at - 1))?;
            self.scan.colon()?;
            Node::give(self.scan, |node| each(&key, node))?;
            seen.note(key, self.scan.bounds.keys)?;
            next = self.scan.next();
            if next == Some(b',') {
                self.scan.pass();
                next = self.scan.next();
                if next == Some(b'}') {
                    return Err(unexpected("a key in quotes", next));
                }
            } else if next != Some(b'}') {
                return Err(unexpected("`,` or `}`", next));
            }
        }
        self.leave();
        Ok(())
    }

    fn walk_array(&mut self, each: impl FnMut(&mut Node<'_, 'de>) -> Step) -> Step {
        self.enter()?;
        if self.scan.next() != Some(b']') {
            elements(self.scan, each)?;
        }
        self.leave();
        Ok(())
    }

    fn enter(&mut self) -> Step {
        self.scan.pass();
        self.scan.depth += 1;
        if self.scan.depth > WALKED { Err(walked_too_deep()) } else { Ok(()) }
    }

    fn leave(&mut self) {
        self.scan.pass();
        self.scan.depth -= 1;
    }
}

/// Calls back for an element and all that follow it, up to the end of the array.
fn elements<'de>(scan: &mut Scan<'de>, mut each: impl FnMut(&mut Node<'_, 'de>) -> Step) -> Step {
    loop {
        Node::give(scan, &mut each)?;
        match scan.next() {
            Some(b',') => scan.pass(),
            Some(b']') => return Ok(()),
            found => return Err(unexpected("`,` or `]`", found)),
        }
    }
}

/// A value to come back to, once what stands after it is known.
#[derive(Clone, Copy)]
pub struct Later<'de> {
    scan: Scan<'de>,
}

impl<'de> Later<'de> {
    /// Walks the value.
    pub fn walk(mut self, take: impl FnOnce(&mut Node<'_, 'de>) -> Step) -> Step {
        Node::give(&mut self.scan, take).map_err(|error| error.placed(self.scan.at))
    }

    /// Whether a key may stand in what begins with the value, to the end of the document. `quoted` is the key of plain
    /// letters in its quotes. Where any letter is written as an escape, this key may be.
    #[must_use]
    pub fn may_hold(&self, quoted: &[u8]) -> bool {
        let rest = self.scan.rest();
        memchr::memmem::find(rest, quoted).is_some() || {
            // Letters are U+0041 to U+007A: what is escaped in ordinary texts, such as `<` and `&`, stands before them.
            const BEFORE: &[u8] = br"\u00";
            let letter = |at: usize| matches!(rest.get(at + BEFORE.len()), Some(b'4'..=b'7'));
            memchr::memmem::find_iter(rest, BEFORE).any(letter)
        }
    }

    /// Walks the value, which is an element of an array, and the elements after it.
    pub fn walk_rest(mut self, each: impl FnMut(&mut Node<'_, 'de>) -> Step) -> Step {
        elements(&mut self.scan, each).map_err(|error| error.placed(self.scan.at))
    }
}

fn number(digits: &[u8]) -> Result<f64, Error> {
    // Nearly all numbers are small counts, which need no general reading.
    if digits.len() < 10 && digits.iter().all(u8::is_ascii_digit) {
        return Ok(f64::from(digits.iter().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'))));
    }
    let number: Option<f64> = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
    number.filter(|number| number.is_finite()).ok_or_else(|| refuse("a number is too large"))
}

#[cold]
fn wrong(expected: &str, found: Start) -> Error {
    let found = match found {
        Start::Object => "an object",
        Start::Array => "an array",
        Start::Text => "a text",
        Start::Number => "a number",
        Start::True | Start::False => "true or false",
        Start::Null => "null",
    };
    refuse(format_args!("expected {expected}, found {found}"))
}
