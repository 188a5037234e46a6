//! Reads text line by line, and delimited text (CSV, RFC 4180) row by row, over
//! borrowed bytes: nothing grows with the input.
//!
//! A row may be [`Bounds::text`] bytes long, line breaks inside quotes included, so
//! that a quote that nothing closes is found out. Quotes count only at the
//! beginning of a field; elsewhere they are text.

use std::borrow::Cow;

use crate::model::bounds::{Bounds, raise};
use crate::model::report::{Fault, Place};

/// The lines of a text, without their breaks, each with its number from 1.
pub fn lines<'a>(bytes: &'a [u8], bounds: &Bounds) -> impl Iterator<Item = Result<(u64, &'a str), Fault>> + use<'a> {
    let most = bounds.text;
    (1..).zip(bytes.split(|byte| *byte == b'\n')).map(move |(number, line)| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.len() > most {
            return Err(too_long(number, most));
        }
        Ok((number, utf8(number, line)?))
    })
}

/// Complains about a last line without its end, in a format that ends every line: a file
/// that was cut short looks whole where the cut leaves a shorter value.
pub fn ended(bytes: &[u8]) -> Result<(), Fault> {
    if matches!(bytes.last(), None | Some(b'\n' | b'\r')) {
        return Ok(());
    }
    let line = memchr::memchr_iter(b'\n', bytes).count() as u64 + 1;
    let message =
        "the last line has no line end, so the file is cut short; make it again, or end the line if it is whole";
    Err(Fault::malformed(Place::Line(line, 0), message))
}

/// A table that is being read.
pub struct Rows<'a> {
    /// All of the table where it is UTF-8, which is looked at once: most fields are too short for a look at each to be cheap.
    sound: Option<&'a str>,
    rest: &'a [u8],
    delimiter: u8,
    /// How many bytes a row may have.
    most: usize,
    /// The line that has been reached, counted from 1.
    line: u64,
    /// The line that the last row began on.
    row: u64,
}

impl<'a> Rows<'a> {
    /// Begins to read a table whose fields the delimiter parts.
    #[must_use]
    pub fn new(bytes: &'a [u8], delimiter: u8, bounds: &Bounds) -> Self {
        let sound = simdutf8::basic::from_utf8(bytes).ok();
        Self { sound, rest: bytes, delimiter, most: bounds.text, line: 1, row: 1 }
    }

    /// The place of the row that was read last.
    #[must_use]
    pub fn place(&self) -> Place {
        Place::Line(self.row, 0)
    }

    /// Calls back for every field of the next row, with its index from 0; what the
    /// callback finds wrong is malformed at the row's line. Tells how many fields there
    /// were; `None` at the end. Empty lines are passed over.
    pub fn next(&mut self, mut each: impl FnMut(usize, &str) -> Result<(), String>) -> Result<Option<usize>, Fault> {
        while let Some((b'\r' | b'\n', rest)) = self.rest.split_first() {
            self.line += u64::from(self.rest.starts_with(b"\n"));
            self.rest = rest;
        }
        if self.rest.is_empty() {
            return Ok(None);
        }
        self.row = self.line;
        let row = self.rest;
        let mut count = 0;
        loop {
            let quoted = self.rest.starts_with(b"\"");
            let ahead = self.rest.len();
            let field = self.field(row.len())?;
            let whole = match &field {
                Cow::Borrowed(field) => self.sound.and_then(|sound| {
                    let from = sound.len() - ahead + usize::from(quoted);
                    sound.get(from..from + field.len())
                }),
                Cow::Owned(_) => None,
            };
            let text = whole.map_or_else(|| utf8(self.row, &field), Ok)?;
            each(count, text).map_err(|wrong| Fault::malformed(self.place(), wrong))?;
            count += 1;
            match self.rest.split_first() {
                Some((byte, rest)) if *byte == self.delimiter => self.rest = rest,
                _ => return Ok(Some(count)),
            }
        }
    }

    /// One field; what ended it still stands in the rest. `room` is how much was left when the row began.
    fn field(&mut self, room: usize) -> Result<Cow<'a, [u8]>, Fault> {
        let used = room - self.rest.len();
        let window = self.rest.get(..self.rest.len().min(self.most.saturating_sub(used) + 1)).unwrap_or_default();
        let cut = window.len() < self.rest.len();
        if window.first() != Some(&b'"') {
            let end = memchr::memchr3(self.delimiter, b'\n', b'\r', window);
            let end = match end {
                Some(end) => end,
                None if cut => return Err(too_long(self.row, self.most)),
                None => window.len(),
            };
            let (field, rest) = self.rest.split_at(end);
            self.rest = rest;
            return Ok(Cow::Borrowed(field));
        }
        self.quoted(window, cut)
    }

    fn quoted(&mut self, window: &'a [u8], cut: bool) -> Result<Cow<'a, [u8]>, Fault> {
        let mut from = 1;
        let mut doubled = false;
        let end = loop {
            let Some(found) = memchr::memchr(b'"', window.get(from..).unwrap_or_default()) else {
                return Err(if cut { too_long(self.row, self.most) } else { unclosed(self.row) });
            };
            let quote = from + found;
            if window.get(quote + 1) != Some(&b'"') {
                break quote;
            }
            doubled = true;
            from = quote + 2;
        };
        let inner = window.get(1..end).unwrap_or_default();
        self.line += memchr::memchr_iter(b'\n', inner).count() as u64;
        self.rest = self.rest.get(end + 1..).unwrap_or_default();
        if self.rest.first().is_some_and(|byte| *byte != self.delimiter && !matches!(byte, b'\r' | b'\n')) {
            return Err(Fault::malformed(
                self.place(),
                "text stands after a closing quote; double the quotes inside of a field",
            ));
        }
        Ok(if doubled { Cow::Owned(halved(inner)) } else { Cow::Borrowed(inner) })
    }
}

/// The field with its doubled quotes made single.
fn halved(field: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(field.len());
    let mut after_quote = false;
    for byte in field {
        after_quote = *byte == b'"' && !after_quote;
        if !after_quote {
            kept.push(*byte);
        }
    }
    kept
}

fn utf8(line: u64, bytes: &[u8]) -> Result<&str, Fault> {
    std::str::from_utf8(bytes).map_err(|_| {
        Fault::malformed(Place::Line(line, 0), "expected UTF-8, found other bytes; write the file as UTF-8")
    })
}

fn too_long(line: u64, most: usize) -> Fault {
    let raise = raise("text");
    Fault::beyond_limit(
        Place::Line(line, 0),
        format!("a row of more than {most} bytes, where at most that many are read; is a quote left open?{raise}"),
    )
}

fn unclosed(line: u64) -> Fault {
    Fault::malformed(Place::Line(line, 0), "a quote is opened and never closed; the file is cut short or badly quoted")
}
